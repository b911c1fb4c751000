"""An instance as the page and the API drive it: enabled, disabled, configured again, tested."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from clocks import at_least, unix_now, wait_for
from facts import fact

from localxsoar.server import instance as instance_module
from localxsoar.containers import single_commands
from localxsoar.server import restarts
from localxsoar.containers.container import Runtime
from localxsoar.errors import CommandFailed, UsageError
from localxsoar.containers.faults import Faults
from localxsoar.server.instance import Instance
from localxsoar.terminal.printer import Printer
from localxsoar.packs.pack import Integration, load_integration
from localxsoar.containers.ports import any_free_port
from localxsoar.incidents.store import Store

pytestmark = pytest.mark.sockets

Make = Callable[..., Instance]


@pytest.fixture(scope='module')
def lines() -> list[str]:
    """What is printed of the shared instance."""
    return []


@pytest.fixture(scope='module')
def instance(echo_pack: Path, lines: list[str]) -> Iterator[Instance]:
    """An instance that each test leaves enabled and ready."""
    made = Instance('front', load_integration(echo_pack), {'secret': 'first'}, Runtime(),
                    Store(), Faults(), Printer('debug', lines.append), any_free_port)
    made.enable()
    assert made.wait_until_ready()
    yield made
    made.disable()


def test_an_instance_that_was_disabled_runs_again_once_it_is_enabled(instance: Instance) -> None:
    first, before = instance.pid, instance.restarts
    instance.disable()
    assert (instance.pid, instance.state()['enabled']) == (None, False)
    instance.enable()
    assert instance.wait_until_ready() and instance.pid not in (None, first)
    assert (instance.restarts, instance.state()['enabled']) == (before, True)


def test_new_parameters_restart_the_container_which_is_not_a_crash(instance: Instance, lines: list[str]) -> None:
    first, port, before = instance.pid, instance.port, instance.restarts
    lines.clear()
    instance.reconfigure({'greeting': 'welcome'})
    assert wait_for(lambda: any(f'welcome, listening on {port}' in line for line in lines))
    assert instance.pid != first and instance.restarts == before
    assert instance.params['secret'] == 'first'
    assert not [line for line in lines if 'The container ended' in line]
    assert instance.wait_until_ready()


def test_a_value_that_the_form_rejects_changes_nothing(instance: Instance) -> None:
    first, before = instance.pid, dict(instance.params)
    with pytest.raises(UsageError, match=r'Listen Port \(longRunningPort\) is required'):
        instance.reconfigure({'greeting': 'bye', 'longRunningPort': ''})
    assert (instance.pid, instance.params) == (first, before)


# Integrations of one line.

ROWS = [{'name': 'say', 'arguments': [
    {'name': 'name', 'required': True}, {'name': 'greeting', 'defaultValue': 'Hi', 'required': True}, {'name': 'other'}]},
    {'name': 'bare'}]


@pytest.fixture
def make(printed: list[str]) -> Iterator[Make]:
    """A function that makes an instance that runs this script."""
    made: list[Instance] = []

    def make_one(script: str, runtime: Runtime = Runtime(), **options: Any) -> Instance:  # noqa: B008
        descriptor = {'commonfields': {'id': 'One'}, 'script': {'commands': ROWS, **options}}
        integration = Integration(descriptor, script, 'one.py', 'one.py', 'One', '1.0.0')
        made.append(Instance('one', integration, {}, runtime, Store(), Faults(), Printer('error', printed.append), any_free_port))
        return made[-1]
    yield make_one
    for instance in made:
        instance.disable()


@fact('seen', '`debug-mode=true` sets `is_debug`, and the script does not see this argument')
def test_a_command_gets_the_arguments_given_and_the_defaults(make: Make) -> None:
    instance = make('demisto.results([demisto.args(), demisto.command(), demisto.is_debug])')
    assert [entry['Contents'] for entry in instance.run('say', {'name': 'A', 'other': ''})] == [
        '{"greeting": "Hi", "name": "A", "other": ""}', 'say', 'False']
    assert [entry['Contents'] for entry in instance.run('bare', {'debug-mode': 'true'})] == [
        '{}', 'bare', 'True']
    assert [entry['Contents'] for entry in instance.run('bare', {'debug-mode': 'false'})] == ['{}', 'bare', 'False']


@fact('guessed', 'a script gets an argument, or a value, that the descriptor does not know (here: with a warning)')
def test_an_argument_that_the_descriptor_does_not_know_is_passed_with_a_warning(make: Make, printed: list[str]) -> None:
    instance = make('demisto.results(demisto.args())')
    [entry] = instance.run('say', {'name': 'c', 'colour': 'red', 'debug-mode': 'false'})
    assert '"colour": "red"' in entry['Contents']
    assert printed == ['!!! say has no argument colour. Its arguments: name, greeting, other.']


@pytest.mark.parametrize('script, command, args, words', [
    ('', 'say', {}, '^say needs name.$'), ('', 'say', {'name': '', 'greeting': ''}, '^say needs name, greeting.$'),
    ('', 'none', {}, '^One has no command none. Its commands: say, bare.$'),
    ("raise ValueError('It failed.')", 'bare', {}, r'one\.py", line 1, in <module>\n.*\nValueError: It failed\.$'),
    ("demisto.results({'Type': 4, 'ContentsFormat': 'text', 'Contents': 'An error.'})", 'bare', {}, '^An error.$'),
    ("demisto.results({'Type': 4, 'ContentsFormat': 'text', 'Contents': ''})", 'bare', {}, '^$'),
    ('import nothing_of_this_name', 'bare', {},
     r"No module named 'nothing_of_this_name'\nCheck the spelling of nothing_of_this_name\.")])
def test_a_command_fails_for_its_name_its_arguments_or_with_the_scripts_own_error(
        make: Make, printed: list[str], script: str, command: str, args: dict[str, str], words: str) -> None:
    with pytest.raises(CommandFailed, match=words):
        make(script).run(command, args)
    assert not any('long-running' in line for line in printed)


def test_the_test_button_expects_ok(make: Make) -> None:
    entry = {'Type': 1, 'ContentsFormat': 'text', 'Contents': 'ok', 'HumanReadable': 'ok. But look.'}
    assert make(f'demisto.results({entry})').test_module() == 'ok. But look.'
    for script, words in (("demisto.results('no')", r'test-module must return ok, but it returned "no"\.'),
                          ("demisto.results('ok')\ndemisto.results('no')", r'but it returned \["ok", "no"\]\.'),
                          ('', r'but it returned nothing\.')):
        with pytest.raises(CommandFailed, match=words):
            make(script).test_module()


def test_a_command_that_does_not_end_is_stopped(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_commands, 'COMMAND_SECONDS', 0.3)
    with pytest.raises(CommandFailed, match=r'bare did not end within 0\.3 s'):
        make('import time; time.sleep(60)').run('bare')


@pytest.mark.parametrize('script, names', [
    ("demisto.incidents([{'name': 'a'}, {'name': 'b'}])", ['a', 'b']), ("demisto.incidents({'name': 'a'})", ['a']),
    ('demisto.incidents([])', []),
    ('', []), ("demisto.results({'Type': 1, 'ContentsFormat': 'json', 'Contents': [{'name': 'a'}]})", ['a']),
    ("demisto.incidents([{'name': 'a'}]); demisto.incidents([{'name': 'b'}])", ['a', 'b'])])
def test_what_a_fetch_returns_becomes_incidents(make: Make, script: str, names: list[str]) -> None:
    instance = make(script)
    [entry] = instance.run('fetch-incidents')
    assert [incident['name'] for incident in entry['Contents']] == names
    assert [item['sent']['name'] for item in instance.store.sent()] == names


def test_samples_are_fetched_without_creating_incidents(make: Make) -> None:
    instance = make("demisto.incidents([{'name': 'a'}, {'name': 'b'}])")
    assert [sample['name'] for sample in instance.fetch_samples()] == ['a', 'b']
    assert instance.store.sent() == []


@pytest.mark.parametrize('script, words', [
    ("demisto.results('ok')", "^The fetch returned a text that is not JSON: 'ok'$"),
    ("demisto.incidents([{'name': 'a', 'severity': 'high'}])", '^Incident 0: severity is "high", expected a number')])
def test_a_fetch_of_what_is_not_an_incident_fails_and_is_reported(make: Make, script: str, words: str) -> None:
    instance = make(script, isfetch=True)
    with pytest.raises(CommandFailed, match=words):
        instance.run('fetch-incidents')
    assert re.search(words, instance.fetch()[0]['error'])


@fact('documented', "a fetched incident without a type gets the instance's incident type, `incidentType`")
def test_a_fetched_incident_without_a_type_gets_that_of_the_instance(make: Make) -> None:
    instance = make("demisto.incidents([{'name': 'a'}, {'name': 'b', 'type': 'Own'}])")
    instance.params['incidentType'] = 'Phishing'
    [entry] = instance.run('fetch-incidents')
    assert [incident['type'] for incident in entry['Contents']] == ['Phishing', 'Own']
    assert [item['sent'] for item in instance.store.sent()] == [{'name': 'a'}, {'name': 'b', 'type': 'Own'}]


def test_a_single_command_adds_to_the_log_but_not_to_the_state(make: Make) -> None:
    instance = make("demisto.error('logged'); demisto.updateModuleHealth('ill'); demisto.results('ok')")
    instance.test_module()
    state = instance.state()
    assert [line['text'] for line in state['log']] == ['logged']
    assert (state['health'], state['calls'], state['pid']) == ({'error': '', 'isError': False}, {}, None)


WRITTEN = {b'x' * 600: 'x' * 500, b'[1]': '[1]', b'{}': '{}', b'{"type": "odd"}': '{"type": "odd"}', b'\xff': '\ufffd'}


def test_a_line_on_stdout_that_is_not_a_message_is_kept_and_reported(make: Make, printed: list[str]) -> None:
    instance = make(f"import os\nfor line in {[*WRITTEN]}:\n    os.write(1, line + bytes([10]))\ndemisto.results('ok')",
                    longRunning=True)
    instance.enable()
    wait_for(lambda: instance.journal.call_counts['results'])
    assert instance.state()['violations'] == [*WRITTEN.values()]
    assert printed[:len(WRITTEN)] == [
        f'!!! The container wrote something to stdout that is not a message to the server: {kept}' for kept in WRITTEN.values()]


@pytest.mark.parametrize(
    ('end', 'kept'), [('os.kill(os.getpid(), 9)', []), ('os._exit(0)', ['{"type": "lo'])], ids=['killed', 'ended'])
def test_half_a_line_is_a_violation_unless_the_container_was_killed_amid_it(
        make: Make, printed: list[str], end: str, kept: list[str]) -> None:
    instance = make(f"import os\nos.write(1, b'{{\"type\": \"lo')\n{end}", longRunning=True)
    instance.enable()
    wait_for(lambda: any(line.startswith('!!! The container ended') for line in printed))
    assert instance.state()['violations'] == kept


def test_a_call_without_its_arguments_gets_an_error_and_is_reported(make: Make, printed: list[str]) -> None:
    instance = make("""
call = {'type': 'executeCommand', 'command': 'setLastRun', 'args': {}}
try:
    demisto._Demisto__do(call)
except ValueError as error:
    demisto.results(str(error))
""")
    [entry] = instance.run('bare')
    assert entry['Contents'] == "The call setLastRun failed: KeyError('value')\n"
    assert printed == [f'!!! {entry["Contents"].strip()}']


def test_calls_are_counted_by_name(make: Make) -> None:
    instance = make("demisto.info('a'); demisto.log('b'); demisto.results('c'); demisto.getLastRun(); demisto.getLastRun()",
                    longRunning=True)
    instance.enable()
    wait_for(lambda: instance.journal.call_counts['getLastRun'] == 2)
    assert instance.state()['calls'] == {'info': 1, 'log': 1, 'results': 1, 'getLastRun': 2}
    assert [(line['level'], line['text'], len(line['time'])) for line in instance.state()['log']] == [
        ('info', 'a', len('12:00:00.000')), ('print', 'b', len('12:00:00.000'))]


def test_the_documents_promise_the_times_that_an_instance_keeps() -> None:
    folder = Path(instance_module.__file__).parents[1]
    readme = ' '.join(' '.join((folder / name).read_text('utf-8') for name in ('README.md', 'REFERENCE.md')).split())
    assert (f'When it ends, it starts again after {restarts.FIRST_DELAY_SECONDS:g} s. If it keeps ending within '
            f'{restarts.QUICK_END_SECONDS} s, the pause grows to {restarts.LONGEST_DELAY_SECONDS:g} s. '
            f'After three immediate ends it stays down. '
            f'It is stopped by SIGTERM, and by SIGKILL after {instance_module.STOP_GRACE_SECONDS} s;') in readme
    assert f'or, without one, has run for {instance_module.ALIVE_SECONDS} s.' in readme


ENDS = "raise RuntimeError('the end')"


def test_how_a_container_ended_is_shown_until_the_instance_is_disabled(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, 'FIRST_DELAY_SECONDS', 0.1)
    instance = make(ENDS, longRunning=True)
    began = unix_now()
    instance.enable()
    ending = wait_for(lambda: instance.journal.health['isError'] and instance.brief()['ending'])
    assert began <= ending['time'] <= unix_now()
    assert ending == {'time': ending['time'], 'how': 'exit code 0', 'delay': None, 'reason': '',
                      'traceback': ending['traceback']}
    assert ending['traceback'].startswith('Traceback') and ending['traceback'].endswith('RuntimeError: the end')
    instance.disable()
    assert instance.brief()['ending'] is None


def test_how_containers_end_again_and_again_is_shown_also_while_one_runs(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, 'FIRST_DELAY_SECONDS', 0.01)
    monkeypatch.setattr(instance_module, 'ALIVE_SECONDS', 0.01)
    instance = make('import time; time.sleep(0.5)', longRunning=True)
    instance.enable()
    wait_for(lambda: (shown := instance.brief())['ready'] and shown['ending'], 'a container after two that ended')


def test_a_long_traceback_shows_its_end(make: Make) -> None:
    count = instance_module.SHOWN_TRACEBACK_CHARACTERS
    instance = make(f"raise RuntimeError('a response' * {count} + ' and the end')", longRunning=True)
    instance.enable()
    ending = wait_for(lambda: instance.brief()['ending'])
    assert ending['traceback'].endswith('a response and the end') and not ending['traceback'].startswith('Traceback')


def test_a_crash_after_a_new_configuration_is_a_crash(instance: Instance, lines: list[str]) -> None:
    assert instance.brief()['ready'] is True, 'an instance with a port is ready once it listens'
    first, before = instance.pid, instance.restarts
    instance.reconfigure({'greeting': 'good morning'})
    second = wait_for(lambda: instance.pid if instance.pid != first else None)
    os.kill(second, signal.SIGKILL)
    wait_for(lambda: '!!! The container ended (signal SIGKILL). It starts again in 1 s.' in lines)
    assert wait_for(lambda: instance.pid if instance.pid != second else None)
    assert instance.restarts == before + 1
    assert instance.wait_until_ready()


def test_a_disabled_instance_is_not_ready_and_starts_nothing_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, 'FIRST_DELAY_SECONDS', 300)
    instance = make(ENDS, longRunning=True)
    instance.enable()
    wait_for(lambda: instance.brief()['ending'])
    instance.disable()
    assert (instance.wait_until_ready(), instance.enabled, instance.pid, instance.restarts) == (False, False, None, 0)


def test_a_container_without_a_port_is_ready_once_it_has_run_for_a_while(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_module, 'ALIVE_SECONDS', 0.4)
    instance = make('import time; time.sleep(60)', longRunning=True)
    assert instance.brief()['ready'] is False
    with at_least(0.4):
        instance.enable()
        assert instance.wait_until_ready()
    assert instance.brief() == {'instance': 'one', 'integration': 'One', 'longRunning': True, 'enabled': True,
                                'pid': instance.pid, 'port': None, 'restarts': 0, 'health': {'error': '', 'isError': False},
                                'ready': True, 'ending': None, 'schedule': {}, 'fetch': None}
    assert make('').wait_until_ready(), 'what is not long-running is always ready'


@fact('guessed', 'a container without heartbeats is restarted (here: reported)')
@pytest.mark.parametrize('heartbeat, is_reported', [(0.1, True), (0, False)])
def test_heartbeats_that_fail_to_come_are_reported(make: Make, printed: list[str], heartbeat: float, is_reported: bool) -> None:
    instance = make("import os, signal; demisto.error('on'); os.kill(os.getpid(), signal.SIGSTOP)", Runtime(heartbeat=heartbeat),
                    longRunning=True)
    instance.enable()
    wait_for(lambda: any(line.endswith('on') for line in printed))
    if is_reported:
        wait_for(lambda: '!!! The container has sent no heartbeat for 0.3 s: a real server would restart it.' in printed)
    os.kill(instance.pid or 0, signal.SIGKILL)
    wait_for(lambda: any('SIGKILL' in line for line in printed))
    assert any('heartbeat' in line for line in printed) is is_reported
