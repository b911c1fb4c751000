"""Fetches on a schedule, and at once."""

import re
import threading
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from clocks import zone
from facts import fact
from local_xsoar import LocalXsoar, wait_for
from written_packs import write_integration

from localxsoar.errors import CommandFailed, UsageError
from localxsoar.incidents.store import Store
from localxsoar.server.fetching import Fetcher, read_schedule
from localxsoar.server.instance import Instance
from localxsoar.containers.journal import Journal
from localxsoar.terminal.printer import Printer
from localxsoar.pytest_plugin import CommandError

pytestmark = pytest.mark.sockets

MakeInstance = Callable[..., Instance]

SCRIPT = '''
number = demisto.getLastRun().get('number', 0) + 1
if demisto.params()['mode'] == 'bug':
    {}['hots']
if demisto.params()['mode'] == 'once' and number == 1:
    demisto.setLastRun({'number': number})
    return_error('the remote is away:\\n{"error": "bad key"}')
elif demisto.command() == 'fetch-incidents':
    demisto.setLastRun({'number': number})
    demisto.incidents([{'name': f'fetched {number}'}])
elif demisto.command() == 'fetch-indicators':
    demisto.createIndicators([{'value': 'a.example'}, {'value': 'b.example'}])
'''
ROWS = [{'name': name, 'type': kind, 'defaultvalue': value} for name, kind, value in (
    ('isFetch', 8, ''), ('feed', 8, ''), ('incidentFetchInterval', 19, '1'), ('feedFetchInterval', 19, '240'),
    ('mode', 0, 'work'), ('incidentType', 13, ''))]


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_integration(tmp_path, 'Both', SCRIPT, ROWS, isfetch=True, feed=True)


@fact('inferred', 'indicators are fetched every 240 minutes unless `feedFetchInterval` says otherwise')
@pytest.mark.parametrize('params, schedule', [
    ({'isFetch': True}, {'fetch-incidents': 60}), ({'isFetch': True, 'incidentFetchInterval': '5'}, {'fetch-incidents': 300}),
    ({'isFetch': False, 'feed': True}, {'fetch-indicators': 14400}), ({}, {}), ({'isFetchAssets': True}, {'fetch-assets': 86400}),
    ({'isFetch': True, 'feed': True, 'feedFetchInterval': '1'}, {'fetch-incidents': 60, 'fetch-indicators': 60})])
def test_what_is_on_is_fetched_every_so_many_minutes(params: dict[str, Any], schedule: dict[str, float]) -> None:
    assert read_schedule({'isfetch': True, 'feed': True, 'isfetchassets': True}, params) == schedule
    assert read_schedule({}, params) == {}


@pytest.mark.parametrize('minutes', ['often', '0.0', '-1', 'inf', 'nan'])
def test_an_interval_that_is_not_a_number_of_minutes_is_an_error(minutes: str) -> None:
    with pytest.raises(UsageError, match=f"incidentFetchInterval: '{minutes}' is not a number of minutes"):
        read_schedule({'isfetch': True}, {'isFetch': True, 'incidentFetchInterval': minutes})


def run_fetcher(run: Callable[[str], int]) -> tuple[Fetcher, Journal]:
    journal = Journal()
    return Fetcher('both', run, journal, Printer(write=lambda text: None)), journal


def test_a_fetch_has_its_time_in_utc() -> None:
    fetcher, journal = run_fetcher(lambda command: 0)
    with zone('Asia/Kathmandu'):
        (before,), fetched, (after,) = journal.add_log('info', ''), fetcher.fetch('fetch-incidents'), journal.add_log('info', '')
    first, last = (f'{datetime.fromtimestamp(line["at"], timezone.utc):%Y-%m-%dT%H:%M:%SZ}' for line in (before, after))
    assert first <= fetched['time'] <= last


def test_a_fetch_begins_after_the_end_of_the_one_before_it() -> None:
    """Otherwise both would find the same last run, and fetch the same."""
    order: list[str] = []

    def run(command: str) -> int:
        order.append(f'{command} begins')
        if command == 'first':
            other.start()
            other.join(0.1)  # it ends at once if it does not wait
        order.append(f'{command} ends')
        return 0

    fetcher, _ = run_fetcher(run)
    other = threading.Thread(target=fetcher.fetch, args=['second'])
    fetcher.fetch('first')
    other.join()
    assert order == ['first begins', 'first ends', 'second begins', 'second ends']


def test_a_new_schedule_takes_the_place_of_the_one_before() -> None:
    runs: list[str] = []
    fetcher, _ = run_fetcher(lambda command: runs.append(command) or 0)  # type: ignore[func-returns-value]
    fetcher.start({'old': 0.001})
    wait_for(lambda: 'old' in runs, 'the first schedule')
    fetcher.start({'new': 0.001})
    before = runs.count('old')
    wait_for(lambda: runs.count('new') > 10, 'the second schedule')
    fetcher.stop()
    assert runs.count('old') == before


def test_each_traceback_is_kept_once() -> None:
    def traceback(place: str) -> str:
        return f'Traceback (most recent call last):\n  File "{place}", line 1, in b\n'

    def run(command: str) -> int:
        raise CommandFailed(f'{traceback(command)}E: it failed' if command else 'no bug')

    fetcher, journal = run_fetcher(run)
    errors = [fetcher.fetch(command)['error'] for command in ('', 'a', 'a', 'b', 'a')]
    assert errors == ['no bug', *4 * ['E: it failed']]
    assert journal.exceptions == [traceback('a'), traceback('b')]


def names(xsoar: LocalXsoar) -> list[str]:
    return [incident['name'] for incident in xsoar.sent()]


@fact('documented', "fetching is on while the instance's parameter says so; incidents are fetched every minute unless "
      "`incidentFetchInterval` says otherwise")
@fact('guessed', 'the first fetch begins when the instance is enabled')
@fact('documented', '`last run` is kept between fetches')
@fact('inferred', 'a disabled instance neither fetches nor runs a command')
def test_incidents_are_fetched_again_and_again_while_the_instance_is_enabled(pack: Path) -> None:
    with LocalXsoar(pack=pack) as xsoar:
        assert (xsoar.state()['fetches'], names(xsoar)) == ([], [])
        incidents, indicators = xsoar.control('POST', 'fetch')
        assert (incidents['pulled'], indicators['pulled'], names(xsoar)) == (1, 2, ['fetched 1'])
        assert xsoar.control('POST', 'fetch')[1]['pulled'] == 0
        data = [{'name': 'incidentFetchInterval', 'value': '0.005'}, {'name': 'isFetch', 'value': True}]
        instance = {'name': 'both', 'data': data}
        requests.put(f'{xsoar.url}/settings/integration', json={**instance, 'enabled': 'true'})
        wait_for(lambda: names(xsoar)[:4] == ['fetched 1', 'fetched 2', 'fetched 3', 'fetched 4'])
        requests.put(f'{xsoar.url}/settings/integration', json={**instance, 'enabled': 'false'})
        before = len(names(xsoar))
        assert xsoar.state()['enabled'] is False
        with pytest.raises(CommandError, match=r'^both is disabled\. Enable it first\.$'):
            xsoar.fetch()
        assert requests.post(f'{xsoar.url}/localxsoar/fetch').status_code == 400
        requests.put(f'{xsoar.url}/settings/integration', json={**instance, 'enabled': 'true'})
        wait_for(lambda: len(names(xsoar)) > before)
        assert xsoar.state()['enabled'] is True
        fetch = xsoar.state()['fetches'][0]
        assert (fetch['command'], fetch['pulled'], fetch['error']) == ('fetch-incidents', 1, '')
        xsoar.wait_for_line('both: fetch-incidents  1 new')


@fact('guessed', "a failed fetch is the instance's error until one succeeds")
def test_a_failed_fetch_is_the_instances_error_until_one_succeeds(
        pack: Path, instance_of: MakeInstance, printed: list[str]) -> None:
    instance = instance_of(pack, {'mode': 'once'})
    instance.enable()
    [failed, _] = instance.fetch()
    assert (failed['pulled'], failed['error']) == (0, 'Exception: the remote is away:\n{"error": "bad key"}')
    assert ('error', 'fetch-incidents failed: Exception: the remote is away:') in [
        (line['level'], line['text']) for line in instance.state()['log']]
    assert instance.state()['healthHistory'][0].items() >= {'error': failed['error'], 'isError': True}.items()
    instance.fetch()
    assert instance.state()['health'] == {'error': '', 'isError': False}
    assert [item['sent']['name'] for item in instance.store.sent()] == ['fetched 2']
    assert '!!! one: fetch-incidents failed: Exception: the remote is away: {"error": "bad key"}' in printed


def test_a_fetch_that_succeeds_ends_no_error_that_the_long_running_container_has_reported() -> None:
    fetcher, journal = run_fetcher(lambda command: 1)
    journal.set_health('the port is in use', is_error=True)
    fetcher.fetch('fetch-incidents')
    assert journal.health == {'error': 'the port is in use', 'isError': True}


def test_a_fetch_that_keeps_failing_shows_its_traceback_once(pack: Path, instance_of: MakeInstance, printed: list[str]) -> None:
    instance = instance_of(pack, {'isFetch': 'true', 'mode': 'bug', 'incidentFetchInterval': '0.001'})
    instance.enable()
    wait_for(lambda: any(re.match(r"!!! one: fetch-incidents failed: KeyError: 'hots'  \(as at ", line) for line in printed))
    assert len([line for line in printed if re.fullmatch(r'!!!   File ".*/Both.py", line 6, in <module>', line)]) == 1
    assert 'Both.py", line 6' in instance.state()['exceptions'][0]
    assert 'Traceback' in instance.state()['fetches'][0]['traceback']


def test_saving_a_disabled_instance_starts_no_fetch(pack: Path, instance_of: MakeInstance) -> None:
    instance = instance_of(pack, {'isFetch': 'true'})
    instance.reconfigure({'mode': 'once'})
    instance.enable()
    wait_for(lambda: instance.journal.fetches, 'a fetch')
    instance.disable()
    instance.reconfigure({'mode': 'work'})
    instance.enable()
    wait_for(instance.store.sent, 'an incident')
    instance.disable()
    assert [fetch['error'] for fetch in instance.journal.fetches] == ['Exception: the remote is away:\n{"error": "bad key"}', '']


def test_the_preview_of_an_instance_that_fetches_fetches_nothing(pack: Path, instance_of: MakeInstance) -> None:
    instance = instance_of(pack, {'isFetch': 'true'})
    twin = instance.twin(Store(), Printer())
    assert (instance.brief()['schedule'], twin.brief()['schedule']) == ({'fetch-incidents': 60}, {})


def test_an_integration_that_fetches_nothing_says_so(echo_pack: Path, instance_of: MakeInstance) -> None:
    instance = instance_of(echo_pack)
    instance.enable()
    with pytest.raises(UsageError, match=r'^Echo fetches nothing\.$'):
        instance.fetch()
