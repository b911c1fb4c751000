"""The local XSOAR as a real process for tests: `with LocalXsoar(pack='Packs/X') as xsoar: ...`, and a pytest fixture.

    def test_it(local_xsoar):
        xsoar = local_xsoar('Packs/X', params={'apikey': 'key'})
        assert xsoar.test() == 'ok'
        assert xsoar.command('x-get-alert', alert_id='1')[0]['EntryContext']
        assert [incident['name'] for incident in xsoar.fetch()] == ['An alert']
"""
from __future__ import annotations

import functools
import itertools
import json as json_module
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

import pytest

from localxsoar.packs.parameters import form_text
from localxsoar.waiting import PATIENCE_SECONDS, wait_for

ABOVE = Path(__file__).resolve().parents[1]
Running = TypeVar('Running', bound='LocalXsoar')
PATHS = [str(ABOVE), *filter(None, [os.environ.get('PYTHONPATH')])]
ENVIRONMENT = {**os.environ, 'PYTHONUTF8': '1', 'PYTHONPATH': os.pathsep.join(PATHS)}
GIVEN_UP = 'is not started again'  # printed of a container that keeps ending


class CommandError(Exception):
    """A command of the integration failed; the text is its error."""


@dataclass(frozen=True)
class Response:
    """The response to a request that was posted to the integration."""
    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        return json_module.loads(self.text)


class LocalXsoar:
    """`python -m localxsoar PACK ARGUMENTS...` on a port of its own, from `start` to `stop`, or as a context manager."""

    def __init__(self, *arguments: str, pack: Path | str, instance: str | None = None, params: Mapping[str, Any] | None = None,
                 wait_ready: bool = True, python: str = sys.executable, environment: Mapping[str, str] | None = None) -> None:
        self.argv = [python, '-m', 'localxsoar', str(pack), '--port', '0', '--end-with-stdin', *arguments]
        self.argv += ['--instance', instance] if instance else []
        for name, value in (params or {}).items():
            self.argv += ['--set', f'{name}={form_text(value)}']
        self._key = {'Authorization': key} if (key := option('--api-key', arguments)) is not None else {}
        self.output: list[str] = []
        self.url = ''
        self.webhook_url = ''
        self.exit_code: int | None = None
        self._wait_ready = wait_ready
        self._environment = {**ENVIRONMENT, **coverage_of_containers(), **(environment or {})}

    def __enter__(self: Running) -> Running:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self: Running) -> Running:
        """Start the process. Return once it is ready or, without `wait_ready`, once it listens."""
        self.process = subprocess.Popen(
            self.argv, env=self._environment, text=True, encoding='utf-8', errors='replace',
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = self.wait_for_line(r'Listening on (\S+)')[1]
            self.wait_for_line('Page: ')
            self.webhook_url = next((text.split()[1] for text in self.output if text.startswith('Webhook: ')), '')
            if self._wait_ready:
                ready = self.wait_for_line(rf'Ready$|{GIVEN_UP}')
                assert ready[0] == 'Ready', '\n'.join(['it does not become ready. Its output:', *self.output])
        except AssertionError:
            self.stop()
            raise
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process by a signal, or by SIGKILL if that has no effect, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        assert self.process.stdin
        self.process.stdin.close()
        self._reader.join(PATIENCE_SECONDS)
        self.exit_code = self.process.wait()
        return self.exit_code

    def _read(self) -> None:
        assert self.process.stdout
        for text in self.process.stdout:
            self.output.append(text.rstrip('\n'))
        self.process.stdout.close()

    def wait_for_line(self, pattern: str, seconds: float = PATIENCE_SECONDS) -> re.Match[str]:
        """Return the match in the first line of output, printed before or after the call, that contains the pattern.

        Raise AssertionError, with the output, if there is none within `seconds` or before the process ends.
        """
        def look() -> re.Match[str] | None:
            has_ended = not self._reader.is_alive()  # asked first: a last line may arrive during the search
            match = next((found for text in self.output[:] if (found := re.search(pattern, text))), None)
            assert match or not has_ended, 'the process has ended'
            return match

        try:
            found: re.Match[str] = wait_for(look, f'a line with {pattern!r}', seconds)
        except AssertionError as error:
            raise AssertionError('\n'.join([f'no line with {pattern!r}: {error}. Its output:', *self.output])) from None
        return found

    # What a person does.

    def command(self, name: str, args: Mapping[str, Any] | None = None, /, **more: Any) -> list[dict[str, Any]]:
        """Run one command with its arguments, by keyword or, as for `user-profile`, in a dict, and return its entries.

        Raise CommandError for an error.
        """
        entries: list[dict[str, Any]] = self._run('commands', {'command': name, 'args': {**(args or {}), **more}})['entries']
        return entries

    run = command

    def test(self, **params: Any) -> str:
        """Press the Test button, with changed parameters if any are given, and return `ok`, or the readable text beside it.

        Raise CommandError for an error.
        """
        return str(self._run('instance/test', params)['said'])

    def fetch(self) -> list[dict[str, Any]]:
        """Run fetch-incidents, as the server does at each interval, and return the incidents that it created."""
        return [incident for entry in self.command('fetch-incidents') for incident in entry['Contents']]

    def file(self, entry: Mapping[str, Any]) -> bytes:
        """Return the content of the file in an entry that a command returned."""
        with self._open(Request(f'{self.url}/localxsoar/commands/files/{entry["FileID"]}', headers=self._key)) as response:
            content: bytes = response.read()
        return content

    def post(self, body: Any = b'', path: str = '', headers: Mapping[str, str] | None = None) -> Response:
        """Send bytes or text, or anything else as JSON, to the integration's webhook, and return the response of any status."""
        assert self.webhook_url, 'the integration has no port'
        is_json = not isinstance(body, (bytes, str))
        data = json_module.dumps(body).encode() if is_json else body.encode() if isinstance(body, str) else body
        types = {'Content-Type': 'application/json'} if is_json else {}
        return self._send(Request(self.webhook_url + path, data, {**types, **(headers or {})}, method='POST'))

    def _run(self, path: str, json: Any) -> Any:
        try:
            return self.control('POST', path, json)
        except HTTPError as error:
            raise CommandError(json_module.load(error)['error']) from None

    def _send(self, request: Request) -> Response:
        try:
            response: Any = self._open(request)
        except HTTPError as error:
            response = error
        with response:
            return Response(response.status, dict(response.headers.items()), response.read().decode('utf-8', 'replace'))

    # The server's state.

    def control(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request to /localxsoar/PATH and return the JSON of its response. Raise HTTPError for a rejection."""
        body = None if json is None else json_module.dumps(json).encode()
        request = Request(f'{self.url}/localxsoar/{path}', body, {'Content-Type': 'application/json', **self._key}, method=method)
        with self._open(request) as response:
            return json_module.load(response)

    def _open(self, request: Request) -> Any:
        return opener().open(request, timeout=PATIENCE_SECONDS)

    def state(self) -> dict[str, Any]:
        """Return the server's current state: process id, port, health, calls, violations, log lines, context and more."""
        state: dict[str, Any] = self.control('GET', 'state')
        return state

    @property
    def container_port(self) -> int:
        return int(self.state()['port'])

    def faults(self, **values: Any) -> dict[str, Any]:
        """Change the given faults and return all."""
        faults: dict[str, Any] = self.control('PATCH', 'faults', json=values)
        return faults

    def record(self, cassette: Path | str) -> bool:
        """Record what the integration's HTTP asks and gets in the commands that follow, or replay what the folder has.

        Return whether it is replayed. A replay asks nobody, and fails for a request that is not in it.
        """
        return bool(self.control('POST', 'record', {'cassette': str(Path(cassette).absolute())})['replays'])

    def cut(self) -> None:
        """Cut the line now, as happens when the server disappears."""
        self.control('POST', 'cut')

    def stop_container(self) -> None:
        """Send SIGTERM to the container. The server starts another."""
        self.control('POST', 'stop-container')

    def samples(self) -> Any:
        """Return the samples that the mapping wizard would fetch now."""
        return self._run('samples', None)

    def events(self) -> list[Any]:
        """Return the latest events and assets that integrations have sent, oldest first."""
        return [item['data'] for item in self.control('GET', 'sent-events')]

    def sent(self) -> list[dict[str, Any]]:
        """Return every incident exactly as the integration sent it, oldest first."""
        return [item['sent'] for item in self.control('GET', 'incidents')]

    def incidents(self, **filter: Any) -> list[dict[str, Any]]:
        """Return the incidents as the server's API shows them, oldest first. `filter` has fields of a search, such as `name`."""
        body = json_module.dumps({'filter': {'size': 10_000, **filter}}).encode()
        headers = {'Content-Type': 'application/json', **self._key}
        response = self._send(Request(f'{self.url}/incidents/search', body, headers))
        assert response.status == 200, response.text
        found: list[dict[str, Any]] = response.json()['data'] or []
        return found


def option(name: str, arguments: Sequence[str]) -> str | None:
    """Return the value of an option in a command line, or None."""
    values = (value if each == name else each.removeprefix(f'{name}=') for each, value in itertools.pairwise((*arguments, ''))
              if each == name or each.startswith(f'{name}='))
    return next(values, None)


def coverage_of_containers() -> dict[str, str]:
    """Return the variable that lets containers measure coverage if this process does, as with pytest --cov."""
    coverage = sys.modules.get('coverage')
    measuring = coverage.Coverage.current() if coverage else None
    if not measuring:
        return {}
    folders = [Path(source).absolute() for source in measuring.get_option('run:source') or ['.'] if Path(source).is_dir()]
    return {'LOCALXSOAR_COVERAGE': json_module.dumps({
        'data_file': str(Path(measuring.get_option('run:data_file')).absolute()), 'branch': measuring.get_option('run:branch'),
        'concurrency': measuring.get_option('run:concurrency'), 'include': [f'{folder}/*' for folder in folders]})}


@functools.cache
def opener() -> OpenerDirector:
    """Return the one that all requests share: to make it, which reads the system's certificates, takes longer than a request."""
    return build_opener(ProxyHandler({}))


@pytest.fixture
def local_xsoar() -> Iterator[Callable[..., LocalXsoar]]:
    """Yield a function that starts a local XSOAR, `local_xsoar('Packs/X', params={...})`. Stop all of them afterwards."""
    with ExitStack() as running:
        yield lambda pack, *arguments, **options: running.enter_context(LocalXsoar(*arguments, pack=pack, **options))
