"""Packs with faults: no call, no container and no command may hang or fail in silence."""

import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import requests
import yaml
from clocks import at_least
from facts import fact
from local_xsoar import needs, run_local_xsoar, wait_for
from written_packs import write_integration

from localxsoar.containers import container as container_module
from localxsoar.containers.container import Runtime
from localxsoar.server import instance as instance_module
from localxsoar.server import restarts
from localxsoar.server.instance import Instance

pytestmark = pytest.mark.sockets

Start = Callable[..., Instance]


def make_pack(folder: Path, script: str, configuration: str = '', **options: Any) -> Path:
    """Write an integration Small with the command small-run; `configuration` is YAML, one parameter a line."""
    return write_integration(folder, 'Small', f'{script}\n', yaml.safe_load(configuration) or [],
                             commands=[{'name': 'small-run', 'arguments': []}], **options)


def run(folder: Path, script: str, *arguments: str) -> 'CompletedProcess[str]':
    """Run small-run of an integration with this script."""
    return run_local_xsoar(str(make_pack(folder, script)), '--command', 'small-run', *arguments)


def outcomes(folder: Path, *calls: str) -> tuple[list[str], str]:
    """Return the value of each call in one script, or its error, and what was printed of the calls."""
    tries = '\n'.join(f'    lambda: {call},' for call in calls)
    done = run(folder, f"""
def outcome(call):
    try:
        return repr(call())
    except Exception as error:
        return f'{{type(error).__name__}}: {{error}}'
demisto.results(json.dumps([outcome(call) for call in [
{tries}
]]))""")
    assert done.returncode == 0, done.stdout
    return json.loads(done.stdout), done.stderr


IMPOSSIBLE = {
    "demisto.createIndicators([{'value': {}}])": 'Indicator 0', 'demisto.createIndicators([{}])': 'Indicator 0',
    "demisto.setIntegrationContextVersioned({}, 'abc')": 'The call setIntegrationContext failed',
    "demisto.searchIndicators(size='abc')": 'The call searchIndicators failed',
    "demisto.searchIndicators(searchAfter='zzz')": 'The call searchIndicators failed',
}


def test_a_call_that_the_server_cannot_carry_out_is_an_error_that_names_it_and_leaves_the_store_usable(tmp_path: Path) -> None:
    after = "[demisto.createIndicators([{'value': 'a'}]), demisto.createIncidents([{}])[0]['id']]"
    (*errors, value), printed = outcomes(tmp_path, *IMPOSSIBLE, after)
    for error, reason in zip(errors, IMPOSSIBLE.values(), strict=True):
        assert error.startswith('ValueError: ') and reason in error
        assert 'The call' not in reason or reason in printed
    assert value == "[{}, '1']"


def test_a_call_that_is_nested_too_deeply_is_an_error(tmp_path: Path) -> None:
    deep = "sys.stdout.write('{\"type\": \"log\", \"a\": ' + '[' * 100_000 + ']' * 100_000 + '}' + chr(10))\n"
    done = run(tmp_path, f"{deep}demisto.results('went on')")
    assert done.stdout == 'went on\n' and 'not a message to the server' in done.stderr


def test_a_text_is_a_reply_like_any_other(tmp_path: Path) -> None:
    assert outcomes(tmp_path, 'demisto.getIndexHash()', "[demisto.setLastRun('text'), demisto.getLastRun()]")[0] == [
        "'local'", "[{}, 'text']"]


IS_NOT_JSON = [
    ('demisto.createIncidents([{"occurred": datetime.now()}])',
     'createIncidents: datetime is not JSON serializable in args.incidents[0].occurred'),
    ('demisto.info("text", ValueError("x"))', 'info: ValueError is not JSON serializable in args.args[1]'),
    ('demisto.setLastRun({(1, 2): 3})', 'setLastRun: a key of type tuple is not JSON serializable in args.value'),
    ('demisto.createIncidents([{"severity": float("-inf")}])', 'createIncidents: -inf is not JSON in args.incidents[0].severity'),
    ('demisto.results({"Contents": {1, 2}, "ContentsFormat": "json"})',
     'result: set is not JSON serializable in results[0].Contents'),
    ('circle = []\ncircle.append(circle)\ndemisto.setLastRun(circle)', 'setLastRun: a value contains itself'),
]


@fact('inferred', 'after half a line, a later call never gets its reply (here: the command ends at once, with the reason)')
@fact('inferred', 'a server in Go cannot read the NaN and Infinity that Python writes (here: as above)')
@pytest.mark.parametrize('call, reason, catches', [
    *((*each, False) for each in IS_NOT_JSON[1:]), (*IS_NOT_JSON[0], True), (*IS_NOT_JSON[3], True)])
def test_a_value_that_is_not_json_ends_the_command_at_once_with_its_place(
        tmp_path: Path, call: str, reason: str, catches: bool) -> None:
    *before, last = call.split('\n')
    caught = f'try:\n    {last}\nexcept Exception:\n    pass\ndemisto.getLastRun()' if catches else last
    done = run(tmp_path, '\n'.join(['from datetime import datetime', 'demisto.results("before")', *before, caught]))
    assert done.returncode == 1
    assert done.stdout.startswith(f'before\nThe line to the server is broken. {reason}')


EARLY = 'import os, signal\nsys.stderr.write("first\\nthe last words\\n")\n'


@pytest.mark.parametrize('script, reason, command', [
    ('os._exit(3)', 'exit code 3', ['--command', 'small-run']), ('os._exit(0)', 'exit code 0', ['--test']),
    ('os.kill(os.getpid(), 35)', 'signal 35', ['--samples']), ('raise KeyboardInterrupt', 'SIGINT', ['--command', 'small-run'])])
def test_a_container_that_dies_is_an_error_with_its_status_and_last_words(
        tmp_path: Path, script: str, reason: str, command: list[str]) -> None:
    done = run_local_xsoar(str(make_pack(tmp_path, EARLY + script)), *command)
    assert done.returncode == 1
    assert reason in done.stdout and 'before its command was complete' in done.stdout and 'the last words' in done.stdout


def test_an_interpreter_that_cannot_run_the_loop_is_an_error(tmp_path: Path) -> None:
    other = tmp_path / 'python'
    other.write_text('#!/bin/sh\necho SyntaxError: invalid syntax >&2\nexit 1\n')
    other.chmod(0o755)
    done = run(tmp_path, '', '--python', str(other))
    assert done.returncode == 1 and 'exit code 1' in done.stdout and 'SyntaxError: invalid syntax' in done.stdout
    assert '--python' in done.stdout and '3.9' in done.stdout


LONG_RUNNING = '- {name: longRunning, display: Long running, type: 8, defaultvalue: "true", hidden: true}\n'


@pytest.fixture
def start(tmp_path: Path, instance_of: Start) -> Start:
    """A function that enables an instance whose long-running-execution is this script."""
    def start_one(script: str, configuration: str = LONG_RUNNING, *, has_port: bool = False, **faults: str) -> Instance:
        body = '\n'.join(f'    {line}' for line in script.splitlines())
        instance = instance_of(make_pack(tmp_path, f"if demisto.command() == 'long-running-execution':\n{body}", configuration,
                                         longRunning=True, longRunningPort=has_port), **faults)
        instance.enable()
        return instance
    return start_one


# As nginx does, it has none of the environment that it was started with.
CHILD_SERVES = '''
import subprocess
program = ("import http.server, socket, sys; udp = socket.socket(type=socket.SOCK_DGRAM); "
           "address = sys.argv[1], int(sys.argv[2]); udp.bind(address); http.server.HTTPServer(address, None).serve_forever()")
subprocess.run([sys.executable, '-c', program, {host!r}, demisto.params()['longRunningPort']], env={{}})
'''


def test_a_child_without_the_containers_environment_counts_as_listening(start: Start, printed: list[str]) -> None:
    assert start(CHILD_SERVES.format(host='127.0.0.1'), has_port=True).wait_until_ready()
    assert printed == []


NGINX = """
import os, subprocess, tempfile
folder = tempfile.mkdtemp()
with open(f'{{folder}}/conf', 'w') as file:
    port = demisto.params()['longRunningPort']
    file.write(f'daemon off; pid {{folder}}/pid; events {{{{}}}} http {{{{ access_log off; '
               f'server {{{{ listen 127.0.0.1:{{port}}; return 200 "nginx"; }}}} }}}}')
subprocess.run([{program!r}, '-c', f'{{folder}}/conf', '-e', 'stderr'])
"""


def test_nginx_as_a_child_serves_for_the_pack(start: Start) -> None:
    instance = start(NGINX.format(program=needs('nginx')), has_port=True)
    assert instance.wait_until_ready()
    assert requests.get(f'http://127.0.0.1:{instance.port}').text == 'nginx'


def test_a_port_that_is_open_to_the_network_is_a_warning(start: Start, printed: list[str]) -> None:
    instance = start(CHILD_SERVES.format(host='0.0.0.0'), has_port=True)
    assert instance.wait_until_ready()
    assert [text.partition(' everybody')[0] for text in printed] == [
        f'!!! The container listens on 0.0.0.0:{instance.port} ({kind}):' for kind in ('tcp', 'udp')]


def test_the_containers_port_is_open_to_this_machine_alone_unless_others_shall_reach_it(
        instance_of: Start, echo_pack: Path, printed: list[str]) -> None:
    for bind, runtime in (('', Runtime()), ('0.0.0.0', Runtime()), ('::', Runtime()), ('', Runtime(host=''))):
        instance = instance_of(echo_pack, {'greeting': f'bind {bind}'}, runtime)
        instance.enable()
        assert instance.wait_until_ready()
        assert requests.post(f'http://127.0.0.1:{instance.port}/echo').ok
        if runtime.host:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(('127.0.0.2', instance.port or 0))
        else:
            socket.create_connection(('127.0.0.2', instance.port or 0)).close()
    assert not any('everybody' in line for line in printed), 'others shall reach it'


ACCEPTS = '''
import socket, time
with socket.create_server(('', int(demisto.params()['longRunningPort']))) as server:
    demisto.createIncidents([{'name': server.accept()[0].recv(100).decode() or 'nothing'}])
    time.sleep(100)
'''


def test_a_pack_sees_no_connection_but_those_of_its_senders(start: Start) -> None:
    instance = start(ACCEPTS, has_port=True)
    assert instance.wait_until_ready()
    with socket.create_connection(('127.0.0.1', instance.port or 0)) as sender:
        sender.sendall(b'a line')
    wait_for(lambda: [item['sent']['name'] for item in instance.store.sent()] == ['a line'])


SWITCH = '- {name: longRunning, display: Long running, type: 8, defaultvalue: "false"}\n'
SLEEPS = 'import time\ntime.sleep(100)'


@fact('documented', 'an instance whose parameter `longRunning` is off has no container')
def test_an_instance_that_is_not_long_running_by_its_form_has_no_container(start: Start, printed: list[str]) -> None:
    instance = start(SLEEPS, SWITCH)
    wait_for(lambda: any('longRunning is off: no container runs, ' in line for line in printed))
    assert instance.pid is None
    for value in ('true', 'false', 'true'):
        instance.reconfigure({'longRunning': value})
        wait_for(lambda value=value: (instance.pid is not None) == (value == 'true'))  # type: ignore[misc]


def ends(printed: list[str]) -> list[str]:
    return [line for line in printed if line.startswith('!!! The container ended ')]


@fact('guessed', 'a container that ends is started again, with growing delays')
@fact('guessed', 'a container that ends at once three times is not started again')
def test_a_container_that_ends_at_once_three_times_is_not_started_again(
        start: Start, printed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, 'FIRST_DELAY_SECONDS', 0.1)
    with at_least(0.1 + 0.2):
        instance = start('pass')
        wait_for(lambda: 'It ended at once 3 times and is not started again' in ''.join(ends(printed)))
    assert re.findall(r'It starts again in (\S*) s', ''.join(printed)) == ['0.1', '0.2']
    health = wait_for(lambda: instance.journal.health['isError'] and instance.journal.health)
    assert 'The script came to its end' in health['error']
    assert (instance.restarts, len(ends(printed))) == (2, 3)
    instance.reconfigure({})
    wait_for(lambda: len(ends(printed)) == 4)


@pytest.mark.parametrize('script, reason', [
    ('sys.stderr.write("deprecated\\n")\nraise ValueError("no licence")', 'ValueError: no licence'),
    ('import os\nsys.stderr.write("no disk\\n")\nos._exit(4)', 'exit code 4.*no disk'),
    ('import no_such_module', 'Check the spelling of no_such_module'),
    ('demisto.info({1})', 'set is not JSON serializable in args.args'),
])
def test_why_a_container_is_not_started_again_is_its_health(
        start: Start, monkeypatch: pytest.MonkeyPatch, script: str, reason: str) -> None:
    monkeypatch.setattr(restarts, 'ENDS_AT_ONCE', 1)
    instance = start(script)
    health = wait_for(lambda: instance.journal.health['isError'] and instance.journal.health)
    assert re.search(reason, health['error'])


def test_a_container_that_is_ended_on_purpose_is_started_again_each_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, 'FIRST_DELAY_SECONDS', 0.01)
    instance = start('import time\nwhile True:\n    demisto.getLastRun()\n    time.sleep(0.01)')
    for end in [instance.terminate_container] * 3 + [instance.cut_line] * 3:
        pid = wait_for(lambda: instance.pid)
        end()
        wait_for(lambda pid=pid: instance.pid not in (None, pid) or instance.journal.health['isError'])  # type: ignore[misc]
        assert not instance.journal.health['isError'], 'it is not given up'


PROXIES = ('HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy')
CERTIFICATES = 'CURL_CA_BUNDLE'


@fact('inferred', 'the container has the proxy variables in both spellings, empty without a proxy, because scripts delete '
      'them without asking whether they exist')
@pytest.mark.parametrize('given, seen', [
    ({}, ['', '', '', '', 'none']),
    ({'https_proxy': 'http://a:1', 'HTTP_PROXY': 'http://b:2', 'http_proxy': 'http://c:3', CERTIFICATES: '/c'},
     ['http://b:2', 'http://a:1', 'http://c:3', 'http://a:1', '/c']),
])
def test_the_proxy_variables_are_always_set_and_those_of_certificates_passed_on(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], seen: list[str]) -> None:
    for name in (*PROXIES, CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    done = run(tmp_path, f'import os\nseen = [os.environ.pop(name) for name in {PROXIES}]\n'
               f'demisto.results([*seen, os.environ.get({CERTIFICATES!r}, "none")])')
    assert done.stdout == '\n'.join([*seen, ''])


CREDENTIALS = ''.join(f'- {{name: {name}, display: {name.title()}, type: 9}}\n' for name in ('unset', 'empty', 'whole', 'key'))


@fact('inferred', 'credentials that are not set are an empty dict, because scripts test their truth and read from them')
def test_credentials_that_are_not_set_are_falsy(tmp_path: Path) -> None:
    script = ("for login in map(demisto.params().get, ('unset', 'empty', 'whole', 'key')):\n"
              "    demisto.results(str((bool(login), login.get('password', ''))))")
    given = ['--set', 'empty=', '--set', 'whole=user:word', '--set', 'key=:word']
    done = run_local_xsoar(str(make_pack(tmp_path, script, CREDENTIALS)), '--command', 'small-run', *given)
    assert done.stdout.splitlines() == ["(False, '')", "(False, '')", "(True, 'word')", "(True, 'word')"]


IGNORES_SIGTERM = '''
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
try:
    demisto.setIntegrationContext([])
except ValueError:
    demisto.info('ready')
'''


@fact('guessed', 'SIGTERM, then SIGKILL after 2 s')
@pytest.mark.parametrize('last, call, waited', [
    ('time.sleep(100)', 'info', '0.25'), ('demisto.createIncidents([])', 'createIncidents', '1')], ids=['idle', 'in a call'])
def test_a_container_that_ignores_sigterm_is_killed_after_the_grace(
        start: Start, printed: list[str], monkeypatch: pytest.MonkeyPatch, last: str, call: str, waited: str) -> None:
    monkeypatch.setattr(instance_module, 'STOP_GRACE_SECONDS', 0.25)
    monkeypatch.setattr(container_module, 'LONGEST_GRACE_SECONDS', 1)
    instance = start(IGNORES_SIGTERM + last, hang='true')
    wait_for(lambda: instance.journal.call_counts[call])
    pid = instance.pid
    instance.disable()
    assert printed[-1] == f'!!! The container did not end within {waited} s of SIGTERM and was killed.'
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


FINISHES = '''
import os, signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
demisto.info('ready')
signal.sigwait([signal.SIGTERM])  # however early it comes: time.sleep may miss it, and a handler may interrupt a call
demisto.createIncidents([{'name': 'a'}])
time.sleep(5.5)
demisto.info('finished')
os._exit(0)'''


@fact('guessed', 'a container that is still making calls has 12 s')
def test_a_container_that_is_stopped_finishes_its_calls(
        start: Start, printed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(instance_module, 'STOP_GRACE_SECONDS', 10)  # enough for a slow machine to begin the first call
    instance = start(FINISHES, call_delay_ms='5500')  # with the pause after it, this takes longer
    wait_for(lambda: any(line.endswith('  ready') for line in printed))
    instance.disable()
    assert printed[-1].endswith('  finished') and [item['sent']['name'] for item in instance.store.sent()] == ['a']


WARNED = '''
for number in range(3):
    demisto.setIntegrationContext({'number': number})
    try:
        demisto._Demisto__do({'type': 'executeCommand', 'command': 'getUsers', 'args': {}})
    except ValueError:
        pass
'''


def test_each_warning_comes_once_in_a_run(start: Start, printed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restarts, 'FIRST_DELAY_SECONDS', 0.01)
    instance = start(WARNED)
    wait_for(lambda: instance.journal.call_counts['getUsers'] >= 6)  # in a second container
    assert len([line for line in printed if 'The documentation allows only text in a context' in line]) == 1
    assert len([line for line in printed if 'getUsers, which the local XSOAR does not offer' in line]) == 1
