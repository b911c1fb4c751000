"""The patterns of public integrations, each a small integration that runs unmodified with the carried CommonServerPython."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from facts import fact
from local_xsoar import LocalXsoar, run_local_xsoar, wait_for
from websockets.asyncio.server import ServerConnection, serve

import localxsoar
from localxsoar.server.instance import Instance
from localxsoar.containers.ports import any_free_port

pytestmark = pytest.mark.sockets

PACKS = Path(__file__).parents[1] / 'sample_packs'


def run(pack: str, *arguments: str) -> Any:
    return run_local_xsoar(str(PACKS / pack), *arguments)


@pytest.fixture(scope='module')
def websocket_server() -> Iterator[str]:
    loop = asyncio.new_event_loop()
    started: list[Any] = []

    async def talk(connection: ServerConnection) -> None:
        await connection.send('a message')
        await connection.wait_closed()

    async def start() -> None:
        started.append(await serve(talk, '127.0.0.1', 0))
    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield f'ws://127.0.0.1:{started[0].sockets[0].getsockname()[1]}'
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


SERVING = ['GeventHttp', 'FlaskHttp', 'FastApiHttp', 'ChildServer']


@pytest.fixture(scope='module')
def udp_port() -> int:
    return any_free_port()


@pytest.fixture(scope='module')
def patterns(tmp_path_factory: pytest.TempPathFactory, websocket_server: str, udp_port: int) -> Iterator[LocalXsoar]:
    """One local XSOAR with an instance of each pattern."""
    settings = {'UdpListener': [f'udp_port={udp_port}'], 'WebsocketClient': [f'url={websocket_server}']}
    pack, arguments = tmp_path_factory.mktemp('Patterns'), ['--log-level', 'info']
    for name in (*SERVING, 'TcpListener', 'UdpListener', 'WebsocketClient', 'LongFetch', 'Commands'):
        shutil.copytree(PACKS / name / 'Integrations' / name, pack / 'Integrations' / name)
        arguments += ['--integration', name, *(f'--set={setting}' for setting in settings.get(name, []))]
    with LocalXsoar(*arguments, pack=pack) as running:
        yield running


def state(xsoar: LocalXsoar, name: str) -> Any:
    return xsoar.control('GET', f'state?instance={name.lower()}')


def made(xsoar: LocalXsoar, name: str, raw_json: str) -> bool:
    return any(incident['rawJSON'] == raw_json for incident in xsoar.incidents(sourceInstance=name.lower()))


@pytest.mark.parametrize('name', SERVING)
def test_what_serves_http_makes_an_incident_of_a_post(patterns: LocalXsoar, name: str) -> None:
    assert requests.post(f'{patterns.url}/instance/execute/{name.lower()}', data='{"a": 1}').status_code == 200
    assert made(patterns, name, '{"a": 1}')
    assert state(patterns, name)['violations'] == []


def test_what_listens_below_http_makes_an_incident_of_a_line(patterns: LocalXsoar, udp_port: int) -> None:
    with socket.create_connection(('127.0.0.1', state(patterns, 'TcpListener')['port'])) as connection:
        connection.sendall(b'a line\n')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b'a line', ('127.0.0.1', udp_port))
    for name in ('TcpListener', 'UdpListener'):
        wait_for(lambda name=name: made(patterns, name, 'a line'))  # type: ignore[misc]


def test_an_asyncio_websocket_client_makes_an_incident_of_a_message(patterns: LocalXsoar) -> None:
    wait_for(lambda: made(patterns, 'WebsocketClient', 'a message'))


def test_a_long_running_fetch_keeps_its_place_over_a_restart(patterns: LocalXsoar) -> None:
    def numbers() -> list[int]:
        return [json.loads(incident['rawJSON'])['number'] for incident in patterns.incidents(sourceInstance='longfetch')]

    wait_for(lambda: 2 in numbers())
    first = state(patterns, 'LongFetch')['pid']
    patterns.control('POST', 'stop-container?instance=longfetch')
    wait_for(lambda: state(patterns, 'LongFetch')['pid'] not in (None, first))
    reached = len(numbers())
    wait_for(lambda: len(numbers()) > reached + 1)
    found = numbers()
    assert found == sorted(found) and int(state(patterns, 'LongFetch')['context']['number']) >= reached


def test_a_feed_makes_indicators_that_its_command_finds(tmp_path: Path) -> None:
    arguments = ('--set', 'count=3', '--store', str(tmp_path / 'store.db'))
    assert run('Feed', *arguments, '--command', 'fetch-indicators').returncode == 0
    found = run('Feed', *arguments, '--command', 'feed-search')
    assert found.stdout.startswith('3 indicators\n') and '"198.51.100.1"' in found.stdout


def test_a_command_prints_its_table_aligned_and_its_outputs() -> None:
    done = run('Commands', '--command', 'hello-say', '--arg', 'name=World')
    assert done.returncode == 0, 'the greeting is a default of the descriptor'
    assert 'name  | text\n' in done.stdout and 'World | Hello World\n' in done.stdout
    assert json.loads(done.stdout[done.stdout.index('{'):]) == {
        'Hello.Greeting(val.name && val.name == obj.name)': {'name': 'World', 'text': 'Hello World'}}


@pytest.mark.parametrize('command, words', [
    ('hello-fail', 'Failed to run hello-fail: This one fails.'),
    ('hello-trace', r'Commands\.py", line \d+, in main\n    \[\]\[1\]'),
    ('hello-table', 'If AutoFocusKeyRetriever belongs to CommonServerPython: the subset .* lacks it.* curl '),
    ('hello-nothing', 'No enabled instance has the command hello-nothing. The commands: hello-say, '),
    ('hello-say', '^hello-say needs name.\n$'),
])
def test_a_command_that_fails_says_where_and_what_to_do(command: str, words: str) -> None:
    done = run('Commands', '--command', command)
    assert done.returncode == 1 and re.search(words, done.stdout)


def test_the_server_replies_to_each_call_of_a_command(patterns: LocalXsoar) -> None:
    requests.post(f'{patterns.url}/entry/execute/sync', json={'data': '!hello-server'})
    seen = requests.post(f'{patterns.url}/investigation/playground/context').json()['Server']
    assert seen == {'version': '8.9.0', 'url': patterns.url, 'user': 'admin', 'missing': 404, 'found': 'admin', 'nobody': None,
                    'dt': [1, 2], 'relationships': [], 'license': 'local'}
    assert not any(each['target'] == '/nothing' for each in patterns.control('GET', 'deliveries')), 'a script is no sender'


@fact('documented', 'the end of a container is the end of its children')
def test_a_child_of_the_script_does_not_outlive_the_container(patterns: LocalXsoar) -> None:
    child = int(patterns.wait_for_line(r'child (\d+)')[1])
    os.kill(state(patterns, 'ChildServer')['pid'], signal.SIGKILL)
    wait_for(lambda: not Path(f'/proc/{child}').exists() or 'Z' in Path(f'/proc/{child}/stat').read_text())


def test_a_port_that_another_process_holds_gets_nothing(instance_of: Callable[..., Instance], printed: list[str]) -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        instance = instance_of(PACKS / 'GeventHttp', {'longRunningPort': taken.getsockname()[1]})
        instance.enable()
        wait_for(lambda: 'The container ended' in ''.join(printed))
        assert instance.open_port is None


def test_a_module_that_is_missing_is_reported_with_the_line_that_installs_it(tmp_path: Path) -> None:
    script = PACKS / 'Commands/Integrations/Commands'
    for file in script.iterdir():
        (tmp_path / file.name).write_text(file.read_text().replace('import json\n', 'import jwt.nothing\n'))
    done = run_local_xsoar(str(tmp_path), '--test')
    assert done.returncode == 1
    assert 'Check the spelling of jwt. If demisto/python3' in done.stdout and '-m pip install PyJWT' in done.stdout


def test_another_interpreter_runs_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / 'python'
    other.write_text(f'#!/bin/sh\necho from the other >&2\nexec {sys.executable} "$@"\n')
    other.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # the container has another folder
    done = run('Commands', '--test', '--python', './python')
    assert (done.returncode, done.stdout) == (0, 'ok\n') and 'from the other' in done.stderr


def test_the_reference_says_how_many_patterns_run() -> None:
    patterns = sorted(folder.name for folder in PACKS.iterdir() if folder.name != 'Echo')
    reference = (Path(localxsoar.__file__).parent / 'REFERENCE.md').read_text()
    assert f'{len(patterns)} of {len(patterns)} patterns' in reference
