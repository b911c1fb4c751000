"""The command line: errors in one line, the Test button, samples, starting, stopping."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import requests
import yaml
from local_xsoar import LocalXsoar, connect, needs, run_local_xsoar, wait_for
from shared.webhook import request_bytes
from written_packs import write_integration

from localxsoar.cli import build_parser, build_server, introduce, listen, read_arguments, run, times_of
from localxsoar.errors import UsageError
from localxsoar.events import Events
from localxsoar.packs.scripts import load_scripts
from localxsoar.terminal.printer import Printer
from localxsoar.pytest_plugin import ENVIRONMENT
from localxsoar.running import announced
from shared.processes import runs

pytestmark = pytest.mark.sockets


@pytest.mark.parametrize('arguments, words', [
    (['nowhere'], 'There is no pack at nowhere'), (['PACK', '--what'], 'unrecognized arguments: --what'), ([], 'required: PACK')])
def test_an_error_on_the_command_line_is_one_line(echo_pack: Path, arguments: list[str], words: str) -> None:
    done = run_local_xsoar(*(str(echo_pack) if argument == 'PACK' else argument for argument in arguments))
    assert done.returncode == 2
    assert words in done.stderr and done.stderr.count('\n') == 1 and done.stdout == ''


def test_help_says_what_is_not_emulated() -> None:
    done = run_local_xsoar('--help')
    assert done.returncode == 0 and 'does NOT emulate' in done.stdout and '--common-server-python' in done.stdout
    assert done.stdout.startswith('usage: localxsoar [')
    assert 'one script for all' in done.stdout and 'one instance' not in done.stdout


def test_a_command_leaves_its_file_under_its_name(echo_pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    done = run_local_xsoar(str(echo_pack.with_name('Commands')), '--command', 'hello-file')
    file = next(tmp_path.glob('localxsoar-*/grüße <b>.txt'))
    assert (done.returncode, done.stderr, done.stdout) == (0, '', f'file grüße <b>.txt: {file}\n')
    assert file.read_bytes() == b'nothing'
    assert [each.name for each in tmp_path.rglob('*')] == [file.parent.name, file.name]
    assert file.parent.stat().st_mode & 0o77 == 0


def test_a_closed_pipe_is_not_an_error(echo_pack: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, 'w') as output:
        done = subprocess.run([sys.executable, '-m', 'localxsoar', echo_pack.with_name('Commands'), '--command', 'hello-entry'],
                              env=ENVIRONMENT, stdout=output, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b'')


@pytest.mark.parametrize('greeting, code, words', [
    ('hello', 0, 'ok'), ('bad', 1, 'Greeting bad is not polite.'),
    ('context', 0, 'The documentation does not allow the integration context in test-module')])
def test_the_test_button_says_ok_or_what_is_wrong(echo_pack: Path, greeting: str, code: int, words: str) -> None:
    done = run_local_xsoar(str(echo_pack), '--test', '--set', f'greeting={greeting}')
    assert done.returncode == code and words in done.stdout + done.stderr
    assert done.stdout == 'ok\n' or code == 1


def test_the_store_outlives_the_server_and_shares_samples(echo_pack: Path, tmp_path: Path) -> None:
    store = str(tmp_path / 'store.db')
    with LocalXsoar('--store', store, pack=echo_pack) as xsoar:
        requests.post(xsoar.webhook_url, data='[{"name": "kept"}]')
        requests.post(f'{xsoar.webhook_url}/context', data=json.dumps({'samples': '["one"]'}))
        done = run_local_xsoar(str(echo_pack), '--samples', '--store', store)
        wait_for(lambda: [each['kind'] for each in xsoar.control('GET', 'deliveries')] == ['answered', 'created'])
        deliveries = xsoar.control('GET', 'deliveries')
        assert (xsoar.stop(signal.SIGTERM), xsoar.output[-1]) == (0, 'Stopped')
    assert (done.returncode, json.loads(done.stdout)) == (0, [{'name': 'one'}])
    with LocalXsoar('--store', store, pack=echo_pack) as xsoar:
        assert xsoar.control('GET', 'deliveries') == deliveries
        requests.post(xsoar.webhook_url, data='[{"name": "next"}]')
        assert [(incident['id'], incident['name']) for incident in xsoar.incidents()] == [('1', 'kept'), ('2', 'next')]


@pytest.fixture(scope='module')
def configured(echo_pack: Path) -> Iterator[LocalXsoar]:
    """A local XSOAR with an option for each test that has it."""
    options = ('--heartbeat', '0.01', '--curl-header', 'Authorization: a token', '--curl-data', '[{"name":"it\'s"}]',
               '--set', 'secret=a token')
    with LocalXsoar(*options, pack=echo_pack) as running:
        yield running


def test_the_command_that_is_printed_has_the_header_and_the_body_given(configured: LocalXsoar) -> None:
    needs('curl')
    command = configured.wait_for_line('Try: (.*)')[1]
    status = os.popen(f"{command.replace('-POST', '-sS -X POST')} -o /dev/null -w '%{{http_code}}'").read()
    assert "-H 'Authorization: a token'" in command and status == '200'
    assert [incident['name'] for incident in configured.incidents()] == ["it's"]


def test_the_heartbeat_beats_while_calls_are_made(configured: LocalXsoar) -> None:
    for number in range(30):
        created = requests.post(configured.webhook_url, data=json.dumps([{'name': f'n{number}'}])).json()
        assert created[0]['name'] == f'n{number}'
    wait_for(lambda: configured.state()['calls']['heartbeat'] >= 3)
    assert configured.state()['violations'] == []


def test_a_hanging_call_does_not_keep_an_interrupt_from_stopping_it(echo_pack: Path) -> None:
    with LocalXsoar('--fault', 'hang=true', pack=echo_pack) as xsoar, connect(xsoar) as sender:
        sender.sendall(request_bytes(xsoar.webhook_url, b'[{"name": "a"}]'))
        pid = wait_for(lambda: xsoar.state()['createSizes'] and xsoar.state()['pid'])
        assert (xsoar.stop(signal.SIGINT), xsoar.output[-1]) == (0, 'Stopped')
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def cannot_listen(echo_pack: Path, *arguments: str) -> str:
    """Return why a local XSOAR with these options cannot listen."""
    options = build_parser().parse_args([str(echo_pack), *arguments])
    with pytest.raises(UsageError) as raised:
        listen(options, build_server(options, Events()), Events(), {})
    return str(raised.value)


def test_a_port_in_use_is_reported_in_words(echo_pack: Path) -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
        assert cannot_listen(echo_pack, '--port', str(port)) == (
            f'cannot listen on 127.0.0.1:{port}: Address already in use. Try another --port; 0 chooses any free port.')


@pytest.mark.parametrize('host', ['203.0.113.7', 'nosuch.invalid'])
def test_a_host_that_is_not_of_this_machine_is_reported_in_words(echo_pack: Path, host: str) -> None:
    reason = cannot_listen(echo_pack, '--host', host)
    assert reason.startswith(f'cannot listen on {host}:8080: ') and '\n' not in reason
    assert reason.endswith('. --host must be an address of this machine.') and '..' not in reason


def test_a_file_for_the_address_that_cannot_be_written_is_reported() -> None:
    with pytest.raises(UsageError, match=r'^--url-file nowhere/url: No such file or directory\.$'), \
            announced(Path('nowhere/url'), 'http://h:1'):
        pass


def test_a_container_that_keeps_ending_is_not_waited_for_and_prints_its_traceback_once(echo_pack: Path) -> None:
    xsoar = LocalXsoar(pack=echo_pack, params={'longRunningPort': 'abc'})
    with pytest.raises(AssertionError, match=r'(?s)it does not become ready\. Its output:.*!!! ValueError: '):
        xsoar.start()
    assert xsoar.wait_for_line(r'^!!! ValueError: .*  \(as at \d\d:\d\d:\d\d, with the same traceback\)$')
    assert 'Ready' not in xsoar.output and sum('Traceback' in line for line in xsoar.output) == 1


def test_another_common_server_python_takes_the_place_of_the_subset(tmp_path: Path) -> None:
    common = tmp_path / 'Common.py'
    common.write_text('import demistomock as demisto\ndef __line__():\n    return "the real one"\n')
    write_integration(tmp_path, 'One', 'demisto.results(__line__())', commands=[{'name': 'one'}])
    done = run_local_xsoar(str(tmp_path), '--common-server-python', str(common), '--command', 'one')
    assert done.stdout == 'the real one\n'


def test_ports_that_were_taken_and_replaced_are_reported(echo_pack: Path) -> None:
    """Somebody else may hold one of the ports, and let it go while the server starts: then another server is asked."""
    def are_reported() -> bool:
        xsoar = LocalXsoar(pack=echo_pack)
        xsoar.argv = [word for word in xsoar.argv if word not in ('--port', '0')]
        with ExitStack() as held:
            for port in (8080, 9000):
                with suppress(OSError):
                    held.enter_context(socket.create_server(('', port)))
            with xsoar:
                return ('Port 8080 is in use. Choosing another.' in xsoar.output
                        and any(re.fullmatch(r'Container port: \d+ \(9000 is in use\)', line) for line in xsoar.output))

    wait_for(are_reported, 'that both ports are in use')


def introduced(echo_pack: Path, *arguments: str, pack: str = 'Echo') -> list[str]:
    """The lines that introduce an instance with these arguments."""
    options = build_parser().parse_args([str(echo_pack.with_name(pack)), *arguments])
    instance = build_server(options, Events()).first
    lines: list[str] = []
    instance.printer = Printer(write=lines.append)
    introduce(options, instance, 'http://h:1')
    return lines


def test_an_instance_is_introduced_with_its_addresses_and_the_command_to_try(echo_pack: Path) -> None:
    assert introduced(echo_pack, '--instance', 'Front Door', '--set', 'longRunningPort=8080') == [
        'Pack Echo 2.3.4, integration Echo, instance Front Door', 'Listening on http://h:1',
        'Webhook: http://h:1/instance/execute/Front%20Door', 'Container port: 8080', 'Page: http://h:1/',
        """Try: curl -POST http://h:1/instance/execute/Front%20Door -d '{"name":"my first incident"}'"""]
    assert introduced(echo_pack, pack='Commands') == [
        'Pack Commands 1.0.0, integration Commands, instance commands', 'Listening on http://h:1', 'Page: http://h:1/']


def test_the_command_to_try_is_for_an_integration_that_creates_incidents(tmp_path: Path) -> None:
    (tmp_path / 'Lists').mkdir()
    script = {'type': 'python', 'script': 'demisto.results("a list")', 'longRunning': True, 'longRunningPort': True}
    (tmp_path / 'Lists/Lists.yml').write_text(json.dumps({'commonfields': {'id': 'Lists'}, 'name': 'Lists', 'script': script}))
    lines = introduced(tmp_path / 'Lists', pack='Lists')
    assert [line.partition(':')[0] for line in lines[1:]] == ['Listening on http', 'Webhook', 'Container port', 'Page']


@pytest.mark.parametrize('arguments, line', [
    (['--set', 'longRunningPort=9000'], 'Container port: 9000'), (['--set', 'longRunningPort=9001'], 'Container port: 9001'),
    (['--host', '0.0.0.0'], "Open to the network: --host 0.0.0.0 and the container's port. "
                            'Anyone who can reach them can use them.'),
    (['--set', 'secret=h4sh'], 'Note: the command may need a header, because these encrypted parameters are set: '
                               'Secret Word (secret)'),
    (['--curl-data', "it's"], """Try: curl -POST http://h:1/instance/execute/echo -d 'it'"'"'s'"""),
    (['--set', 'secret=h4sh || old', *(f'--curl-header={each}' for each in ('A: {secret}', 'B: {greeting}-{limit}', 'C: c'))],
     """Try: curl -POST http://h:1/instance/execute/echo -H 'A: h4sh' -H 'C: c' -d '{"name":"my first incident"}'"""),
])
def test_an_introduction_says_what_its_options_ask_for(echo_pack: Path, arguments: list[str], line: str) -> None:
    assert line in introduced(echo_pack, *arguments)


@pytest.mark.parametrize('arguments, words', [
    (['--port', '0', '--set', 'secret=h4sh', '--curl-header', 'A: {secret}'], 'Note: '), ([], 'Note: '),
    (['--set', 'secret=h4sh'], 'h4sh'), ([], 'Open to the network'),
    (['--host', 'localhost'], 'Open to the network'), (['--port', '0'], 'is in use'),
    (['--set', 'longRunningPort=9001'], 'is in use')])
def test_an_introduction_leaves_out_what_does_not_concern_it(echo_pack: Path, arguments: list[str], words: str) -> None:
    assert not [line for line in introduced(echo_pack, *arguments) if words in line]


@pytest.mark.parametrize('arguments, words', [
    (['--set', '=x'], "--set expects NAME=VALUE, not '=x'"), (['--set', 'secret'], "--set expects NAME=VALUE, not 'secret'"),
    (['--python', 'no-such-python'], '--python no-such-python: there is no such interpreter'),
    (['--server', '5'], 'invalid choice'),
    (['--set', 'token=x'], 'Echo has no parameter token. Known: longRunningPort (Listen Port)'),
    (['--fault', 'speed=1'], 'There is no fault speed'), (['--fault', 'answer=maybe'], 'is not one of normal'),
    (['--common-server-python', 'nowhere.py'], 'nowhere.py cannot be read'),
    (['--store', 'nowhere/file'], '--store nowhere/file'),
    (['--port', 'x'], "argument --port: 'x' is not a number from 0 to 65535."), (['--port', '65536'], 'not a number from'),
    (['--port', '-1'], 'not a number from'), (['--port', '²'], 'not a number from'), (['--store', '.'], '--store .: ')])
def test_a_wrong_option_is_reported(echo_pack: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        build_server(build_parser().parse_args([str(echo_pack), *arguments]), Events())


@pytest.mark.parametrize('arguments, words', [
    (['--keep', '0'], '--keep 0: it is a number from 1 to 500.'),
    (['--keep', '501'], '--keep 501: it is a number from 1 to 500 without --store FILE.'),
    (['--keep', '100001', '--store', 'a'], '--keep 100001: it is a number from 1 to 100,000.')])
def test_as_many_deliveries_are_kept_as_there_is_room_for(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=f'^{re.escape(words)}$'):
        run(build_parser().parse_args(['any', *arguments]))


def test_an_instance_has_what_the_options_say(echo_pack: Path) -> None:
    options = build_parser().parse_args([str(echo_pack), '--set', 'greeting=a=b', '--fault', 'drop=x', '--server', '6.5',
                                         '--heartbeat', '0.5'])
    instance = build_server(options, Events()).first
    assert (instance.name, instance.params['greeting'], instance.faults.drop) == ('echo', 'a=b', 'x')
    assert (instance.runtime.version, instance.runtime.heartbeat, instance.runtime.host) == ('6.5', 0.5, '127.0.0.1')
    assert (options.port, options.heartbeat, options.log_level, options.watch) == (None, 0.5, 'error', False)
    default = build_server(build_parser().parse_args([str(echo_pack), '--host', '0.0.0.0', '--test']), Events()).first
    assert (default.runtime.version, default.runtime.heartbeat, default.runtime.host) == ('8', 30, '')
    debugged = build_server(build_parser().parse_args([str(echo_pack), '--debugpy', '5678']), Events())
    assert debugged.runtime.heartbeat == 0, 'a script that a debugger has stopped sends none'
    both = build_server(build_parser().parse_args([str(echo_pack), str(echo_pack.with_name('Commands'))]), Events())
    assert [*both.instances] == ['echo', 'commands']


def test_an_argument_is_read_from_a_file_of_json_alone_and_a_save_soon_after_another_is_noticed(tmp_path: Path) -> None:
    assert read_arguments(['to=@everyone', 'of=a.json']) == {'to': '@everyone', 'of': 'a.json'}
    (tmp_path / 'A.yml').touch()
    seen = []
    for moment in (10**18, 10**18 + 1):
        os.utime(tmp_path / 'A.yml', ns=(0, moment))
        seen.append(times_of(tmp_path))
    assert seen[0] != seen[1]


def test_of_scripts_with_the_same_name_that_of_the_first_pack_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'Packs/Around/Scripts').mkdir(parents=True)
    files = [tmp_path / name for name in ('b.yml', 'a.yml', 'Packs/Around/Scripts/Same.yml')]
    for file in files:
        file.write_text(yaml.safe_dump({'commonfields': {'id': 'Same'}, 'name': 'Same', 'type': 'python', 'script': 'pass'}))
    server = build_server(build_parser().parse_args([*map(str, files[:2])]), Events())
    found = server.script('Same')
    assert found and found.path == files[0]
    assert load_scripts(files[2])['Same'].path == files[2], 'before that of its pack'
    files[2].with_name('Other.yml').write_text(files[2].read_text().replace('Same', 'Other'))
    monkeypatch.chdir(files[2].parent)
    assert {*load_scripts(Path('Same.yml'))} == {'Same', 'Other'}


def test_a_store_can_be_read_by_its_owner_alone(echo_pack: Path, tmp_path: Path) -> None:
    store = tmp_path / 'store.db'
    build_server(build_parser().parse_args([str(echo_pack), '--store', str(store)]), Events())
    assert store.stat().st_mode & 0o777 == 0o600


# Being killed

# Each says the processes that it started, and then does nothing more.
LOCAL_XSOAR = """
from local_xsoar import LocalXsoar
xsoar = LocalXsoar(pack=sys.argv[1]).start()
print(xsoar.process.pid, xsoar.state()['pid'])
"""
PROGRAM = """
import subprocess
from shared.processes import beside
running = beside(subprocess.Popen(['sleep', '60']))
print(running.__enter__().pid)
"""
WHOEVER_ENDS_WITH_IT = """
import os, subprocess
from shared.processes import ENDS_WITH
program = 'from shared.processes import end_with; import time; end_with(); time.sleep(60)'
print(subprocess.Popen([sys.executable, '-c', program], env={**os.environ, ENDS_WITH: str(os.getpid())}).pid)
"""


@contextmanager
def started(program: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    code = f'import sys\n{program}\nsys.stdout.flush()\nsys.stdin.read()'
    with subprocess.Popen([sys.executable, '-c', code, *arguments], env=environment, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        pids = [int(word) for word in process.stdout.readline().split()]
        assert pids and all(map(runs, pids))
        yield process, pids
        process.kill()


@pytest.mark.parametrize('program', [LOCAL_XSOAR, PROGRAM, WHOEVER_ENDS_WITH_IT], ids=['local XSOAR', 'program', 'test run'])
def test_a_killed_program_leaves_no_process_behind(echo_pack: Path, program: str) -> None:
    with started(program, str(echo_pack)) as (process, pids):
        process.kill()
        wait_for(lambda: not any(map(runs, pids)), 'the end of what it started')


def test_a_killed_local_xsoar_leaves_no_container_behind(echo_pack: Path) -> None:
    with started(LOCAL_XSOAR, str(echo_pack)) as (_, (xsoar, container)):
        os.kill(xsoar, signal.SIGKILL)
        wait_for(lambda: not runs(container), 'the end of the container')
