"""Commands that are scheduled by a cron expression: when they run, how often, and what is wrong in an expression."""

from datetime import datetime, timedelta

import pytest
from facts import fact

from localxsoar.errors import CallRejected
from localxsoar.incidents.store import Store
from localxsoar.server.schedule import Schedule, is_at
from localxsoar.terminal.printer import Printer

MONDAY = datetime(2026, 11, 30, 9, 45)


@pytest.mark.parametrize('cron, is_due', [
    ('* * * * *', True), ('*/15 * * * *', True), ('*/7 * * * *', False), ('45 9 30 11 1', True), ('40-50/5 8,9 * * *', True),
    ('5/20 * * * *', True), ('* * * * 0,6', False)])
def test_a_cron_expression_means_a_minute(cron: str, is_due: bool) -> None:
    assert is_at(cron, MONDAY) is is_due


@pytest.mark.parametrize('cron, words', [
    ('* * * *', 'does not have five fields'), ('60 * * * *', "'60' .* not between 0 and 59"), ('@daily * * * *', '@daily'),
    ('5-2 * * * *', '5-2'), ('*/0 * * * *', '/0')])
def test_a_cron_expression_that_cannot_be_read_is_rejected(cron: str, words: str) -> None:
    with pytest.raises(CallRejected, match=words):
        Schedule(Store(), Printer(), lambda text, number: None).add('!a', cron, 1, 'playground', MONDAY)


@fact('inferred', '`scheduleEntry` takes `command`, `cron` and `times`, replies with an `id`, and cancels with `id` and `cancel`')
def test_a_command_runs_when_its_time_comes_as_often_as_it_should_until_it_is_cancelled() -> None:
    runs: list[str] = []
    schedule = Schedule(Store(), Printer(write=lambda text: None), lambda text, number: runs.append(f'{text} in {number}'))
    schedule.add('!once', '* * * * *', 1, '7', MONDAY)
    forever = schedule.add('!always', '* * * * *', 0, 'playground', MONDAY)
    later = MONDAY + timedelta(minutes=1)
    for moment in (MONDAY, later, later, later + timedelta(minutes=1)):
        schedule.run_due(moment)
    assert runs == ['!once in 7', '!always in playground', '!always in playground']
    schedule.cancel(forever['id'])
    assert schedule.all() == []
