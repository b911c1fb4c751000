"""The local XSOAR as a real process, for tests: `with LocalXsoar(pack='Packs/X') as xsoar: ...`, and a fixture of pytest."""
from __future__ import annotations

import json as json_module
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from localxsoar.waiting import wait_for

ABOVE = Path(__file__).resolve().parents[1]
Running = TypeVar('Running', bound='LocalXsoar')
READY_SECONDS = 30
PATHS = [str(ABOVE), *filter(None, [os.environ.get('PYTHONPATH')])]
ENVIRONMENT = {**os.environ, 'PYTHONUTF8': '1', 'PYTHONPATH': os.pathsep.join(PATHS)}
STOP_SECONDS = 20


class LocalXsoar:
    """`python -m localxsoar PACK ARGUMENTS...` on a port of its own, from `start` to `stop`, or as a context manager."""

    def __init__(self, *arguments: str, pack: Path | str, instance: str | None = None, params: Mapping[str, Any] | None = None,
                 wait_ready: bool = True, python: str = sys.executable, environment: Mapping[str, str] | None = None) -> None:
        self.command = [python, '-m', 'localxsoar', str(pack), '--port', '0', '--end-with-stdin', *arguments]
        self.command += ['--instance', instance] if instance else []
        for name, value in (params or {}).items():
            self.command += ['--set', f'{name}={value}']
        self.output: list[str] = []
        self.url = ''
        self.webhook_url = ''
        self.exit_code: int | None = None
        self._wait_ready = wait_ready
        self._environment = {**ENVIRONMENT, **(environment or {})}

    def __enter__(self: Running) -> Running:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self: Running) -> Running:
        """Starts the process; returns once it is ready, or, without `wait_ready`, once it listens."""
        self.process = subprocess.Popen(
            self.command, env=self._environment, text=True, encoding='utf-8', errors='replace',
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.url = self.wait_for_line(r'Listening on (\S+)', READY_SECONDS)[1]
            self.wait_for_line('Page: ')
            self.webhook_url = next((line.split()[1] for line in self.output if line.startswith('Webhook: ')), '')
            if self._wait_ready:
                self.wait_for_line(r'Ready$', READY_SECONDS)
        except AssertionError:
            self.stop()
            raise
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the process by a signal, by force if it must be, and returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        assert self.process.stdin
        self.process.stdin.close()
        self._reader.join(STOP_SECONDS)
        self.exit_code = self.process.wait()
        return self.exit_code

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line.rstrip('\n'))
        self.process.stdout.close()

    def wait_for_line(self, pattern: str, seconds: float = 15) -> re.Match[str]:
        """The match of the first line of the output, past or to come, that has the pattern in it."""
        def look() -> re.Match[str] | None:
            is_all = not self._reader.is_alive()
            match = next((found for line in self.output[:] if (found := re.search(pattern, line))), None)
            assert match or not is_all, 'the process has ended'
            return match

        try:
            found: re.Match[str] = wait_for(look, f'a line with {pattern!r}', seconds)
        except AssertionError as error:
            raise AssertionError('\n'.join([f'no line with {pattern!r}: {error}. Its output:', *self.output])) from None
        return found

    # What the server knows.

    def control(self, method: str, path: str, json: Any = None) -> Any:
        """A request to /localxsoar/PATH; its JSON answer, or an HTTPError."""
        body = None if json is None else json_module.dumps(json).encode()
        request = Request(f'{self.url}/localxsoar/{path}', body, {'Content-Type': 'application/json'}, method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=READY_SECONDS) as response:
            return json_module.load(response)

    def state(self) -> dict[str, Any]:
        """Process id, port, health, calls, violations, log lines, context, ... as the server has them now."""
        state: dict[str, Any] = self.control('GET', 'state')
        return state

    @property
    def container_port(self) -> int:
        return int(self.state()['port'])

    def faults(self, **values: Any) -> dict[str, Any]:
        """Changes faults, if any are given; returns all."""
        faults: dict[str, Any] = self.control('PATCH', 'faults', json=values)
        return faults

    def cut(self) -> None:
        """Cuts the line now, as a server that is gone."""
        self.control('POST', 'cut')

    def stop_container(self) -> None:
        """SIGTERM to the container; the server starts another."""
        self.control('POST', 'stop-container')

    def samples(self) -> Any:
        """What the mapping wizard would fetch now."""
        return self.control('POST', 'samples')

    def sent(self) -> list[dict[str, Any]]:
        """Every incident exactly as the integration handed it over, oldest first."""
        return [item['sent'] for item in self.control('GET', 'incidents')]

    def incidents(self, api_key: str = 'any', **filter: Any) -> list[Any]:
        """The incidents, oldest first, read with the official client; `filter` as its IncidentFilter takes it."""
        import demisto_client
        from demisto_client.demisto_api import IncidentFilter, SearchIncidentsData
        client = demisto_client.configure(base_url=self.url, api_key=api_key, verify_ssl=False, proxy='')
        search = SearchIncidentsData(filter=IncidentFilter(**{'size': 10_000, **filter}))
        return client.search_incidents(filter=search).data or []


@pytest.fixture
def local_xsoar() -> Iterator[Callable[..., LocalXsoar]]:
    """Starts local XSOARs, `local_xsoar('Packs/X', params={...})`, and stops them when the test is over."""
    with ExitStack() as running:
        yield lambda pack, *arguments, **options: running.enter_context(LocalXsoar(*arguments, pack=pack, **options))
