"""Commands that are scheduled by a cron expression: when they run, how often, and what is wrong in an expression."""

from datetime import datetime, timedelta

import pytest
from facts import fact

from localxsoar.errors import CallRejected
from localxsoar.incidents.store import Store
from localxsoar.server.schedule import Schedule, is_at
from localxsoar.terminal.printer import Printer

MONDAY = datetime(2026, 11, 30, 9, 45)
SUNDAY = datetime(2026, 11, 1)  # the lowest number of each field but the month
SATURDAY = datetime(2022, 12, 31, 23, 59)  # the highest of each


@pytest.mark.parametrize('cron, moment, is_due', [
    ('* * * * *', MONDAY, True), ('*/15 * * * *', MONDAY, True), ('*/7 * * * *', MONDAY, False), ('45 9 30 11 1', MONDAY, True),
    ('40-50/5 8,9 * * *', MONDAY, True), ('5/20 * * * *', MONDAY, True), ('* * * * 0,6', MONDAY, False),
    ('0 0 1 11 0', SUNDAY, True), ('0 0 1 1 *', datetime(2026, 1, 1), True), ('59 23 31 12 6', SATURDAY, True)])
def test_a_cron_expression_means_a_minute(cron: str, moment: datetime, is_due: bool) -> None:
    assert is_at(cron, moment) is is_due


@pytest.mark.parametrize('cron, words', [
    ('* * * *', 'does not have five fields'), ('60 * * * *', "'60' .* not between 0 and 59"), ('@daily * * * *', '@daily'),
    ('* 24 * * *', 'between 0 and 23'), ('* * 0 * *', 'between 1 and 31'), ('* * 32 * *', '32'),
    ('* * * 0 *', 'between 1 and 12'), ('* * * 13 *', '13'), ('* * * * 7', 'between 0 and 6'), ('5-2 * * * *', '5-2'),
    ('*/0 * * * *', '/0')])
def test_a_cron_expression_that_cannot_be_read_is_rejected(cron: str, words: str) -> None:
    with pytest.raises(CallRejected, match=words):
        Schedule(Store(), Printer(), lambda text, number: None).add('!a', cron, 1, 'playground', MONDAY)


@fact('inferred', '`scheduleEntry` takes `command`, `cron` and `times`, replies with an `id`, and cancels with `id` and `cancel`')
def test_a_command_runs_when_its_time_comes_as_often_as_it_should_until_it_is_cancelled() -> None:
    runs: list[str] = []
    schedule = Schedule(Store(), Printer(write=lambda text: None), lambda text, number: runs.append(f'{text} in {number}'))
    schedule.add('!twice', '* * * * *', 2, '7', MONDAY)
    forever = schedule.add('!always', '* * * * *', 0, 'playground', MONDAY)
    in_a_month = schedule.add('!other', '0 0 1 1 *', 1, 'playground', MONDAY)
    later = MONDAY + timedelta(minutes=1)
    for moment in (MONDAY, later, later, later + timedelta(minutes=1), later + timedelta(minutes=2)):
        schedule.run_due(moment)
    assert runs == [*['!twice in 7', '!always in playground'] * 2, '!always in playground']
    schedule.cancel(forever['id'])
    assert schedule.all() == [in_a_month]
