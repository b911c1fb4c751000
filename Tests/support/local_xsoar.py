"""The local XSOAR for this repository's tests, as its pytest plugin has it."""
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest
import requests
from clocks import PATIENCE_SECONDS, wait_for
from packages import PATH, packages_of, place_of

from localxsoar.pytest_plugin import ENVIRONMENT, LocalXsoar
from shared import ROOT

__all__ = ['PATH', 'ROOT', 'Answering', 'LocalXsoar', 'ask', 'connect', 'containers', 'context_of', 'in_war_room', 'leave_out',
           'needs', 'official_client', 'read_officially', 'run_local_xsoar', 'run_main', 'served', 'wait_for']


def official_client(xsoar: LocalXsoar) -> Any:
    import demisto_client
    return demisto_client.configure(base_url=xsoar.url, api_key='any', verify_ssl=False, proxy='')


def read_officially(xsoar: LocalXsoar, **filter: Any) -> list[Any]:
    """The incidents, oldest first, read with the official client; `filter` has fields of its IncidentFilter."""
    from demisto_client.demisto_api import IncidentFilter, SearchIncidentsData
    search = SearchIncidentsData(filter=IncidentFilter(**{'size': 10_000, **filter}))
    return official_client(xsoar).search_incidents(filter=search).data or []


def connect(xsoar: LocalXsoar) -> socket.socket:
    address = urlsplit(xsoar.url)
    return socket.create_connection((address.hostname or '', address.port or 0), timeout=PATIENCE_SECONDS)


def ask(xsoar: LocalXsoar, path: str, body: Any = None) -> Any:
    """Return what the API responds to a POST."""
    return requests.post(f'{xsoar.url}/{path}', json=body or {}).json()


def in_war_room(xsoar: LocalXsoar, line: str, investigation: str = 'playground') -> Any:
    """Return the entries of a command that is typed in a War Room."""
    return ask(xsoar, 'entry/execute/sync', {'data': line, 'investigationId': investigation})


def context_of(xsoar: LocalXsoar, investigation: str = 'playground') -> Any:
    return ask(xsoar, f'investigation/{investigation}/context')


def containers(xsoar: LocalXsoar) -> set[int]:
    """The process ids of the containers that live, as children of the server."""
    found: set[int] = set()
    for file in Path(f'/proc/{xsoar.process.pid}/task').glob('*/children'):
        for pid in file.read_text('ascii').split():
            with suppress(OSError):  # it has just ended
                found |= {int(pid)} if b'loop.py' in Path(f'/proc/{pid}/cmdline').read_bytes() else set()
    return found


def needs(program: str, *other_names: str) -> str:
    """Where this program is; where it is not installed, the test is left out by its name."""
    found = next(filter(None, map(place_of, (program, *other_names))), '')
    return found or leave_out(f'{program} is not installed; Debian: apt-get install {packages_of(program)}')


def leave_out(reason: str) -> NoReturn:
    """Skip the test that runs; fail it where every program has to be there, as in continuous integration."""
    if os.environ.get('HAS_ALL_PROGRAMS'):
        pytest.fail(reason)
    pytest.skip(reason)


class Answering(BaseHTTPRequestHandler):
    """Answers requests and prints nothing."""

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {'Content-Length': str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve HTTP on a free port, and yield the address."""
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True) if tls else server.socket
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f'http{"s" if tls else ""}://127.0.0.1:{server.server_port}'
        server.shutdown()


def run_local_xsoar(*arguments: str, python: str = '') -> subprocess.CompletedProcess[str]:
    """Run `localxsoar ARGUMENTS...` to its end, as for --test, --samples and errors: in this process, or with another Python."""
    if python:
        return subprocess.run([python, '-m', 'localxsoar', *arguments], text=True, encoding='utf-8', capture_output=True,
                              env=ENVIRONMENT, stdin=subprocess.DEVNULL, check=False)
    from localxsoar.cli import main  # whose imports take long, and which few files need
    return run_main(main, *arguments)


def run_main(main: Callable[[Sequence[str]], int], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in this process, and return what a process would."""
    output, errors = (TextIOWrapper(BytesIO(), 'utf-8') for _ in range(2))
    with redirect_stdout(output), redirect_stderr(errors):
        try:
            code = main(arguments)
        except SystemExit as end:  # of --help
            code = int(end.code or 0)
    return subprocess.CompletedProcess(arguments, code, written(output), written(errors))


def written(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()
