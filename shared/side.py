"""One side of a comparison: a script in a container, over the real line, against a server of a stated speed."""
from __future__ import annotations

import itertools
import os
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from localxsoar.containers.commands import Site
from localxsoar.containers.container import LONG_RUNNING, Container, Order
from localxsoar.containers.faults import Faults
from localxsoar.containers.journal import Journal
from localxsoar.terminal.printer import Printer
from localxsoar.packs.pack import CARRIED_COMMON_SERVER_PYTHON, unify
from localxsoar.containers.ports import accepts_connections, any_free_port
from localxsoar.waiting import PATIENCE_SECONDS, wait_for
from shared import ROOT

OURS = ROOT / 'Packs' / 'GenericWebhook' / 'Integrations' / 'GenericWebhook' / 'GenericWebhook.py'
TOKEN = 'bench-token'
REAL_LINES = 12_000
PADDING = '''def padding_{0}(value, other=None):
    # Stands for a function of the real file.
    if value:
        return value
    return [other, value, {{"number": {0}}}]


'''


class Counter:
    """A store that only counts, so that what is measured is the integration: the stand-in's SQLite is not part of its work."""

    def __init__(self) -> None:
        self.ids = itertools.count(1)
        self.values: dict[str, Any] = {}
        self.secrets: list[str] = []

    def create(self, incidents: list[dict[str, Any]], instance: str, brand: str, kind: str = '') -> list[dict[str, Any]]:
        return [{'id': str(next(self.ids)), 'name': incident['name'], 'type': incident['type']} for incident in incidents]

    def kept(self, instance: str, kind: str) -> tuple[Any, int]:
        return self.values, 0

    def keep(self, instance: str, kind: str, value: Any, version: int) -> None:
        self.values = value


class Mirror(Counter):
    """A store that replies with the whole incidents, as a real server does."""

    def create(self, incidents: list[dict[str, Any]], instance: str, brand: str, kind: str = '') -> list[dict[str, Any]]:
        return [{'id': str(next(self.ids)), **incident} for incident in incidents]


def common_server_python() -> str:
    """Return the carried subset, brought to the size of the real one, which every integration is compiled with."""
    text = CARRIED_COMMON_SERVER_PYTHON.read_text()
    missing = REAL_LINES - text.count('\n')
    return text + '\n\n' + ''.join(PADDING.format(number) for number in range(missing // PADDING.count('\n')))


def show_alarms(text: str) -> None:
    if text.startswith('!!!'):
        sys.stderr.write(text + '\n')


class Side:
    """A running container: `url`, `pid`, `faults` (the server's speed); `started_in` seconds until its port took a connection."""

    def __init__(self, script: Path, call_ms: float = 0, incident_ms: float = 0, store: Counter | None = None,
                 tokens: str = TOKEN) -> None:
        port = any_free_port()
        self.url = f'http://127.0.0.1:{port}/'
        self.faults = Faults(call_delay_ms=call_ms, incident_delay_ms=incident_ms)
        params = {'longRunningPort': str(port), 'auth_header': tokens}
        text = unify(('Common', common_server_python()), (str(script), script.read_text()))
        order = Order(LONG_RUNNING, text, params, 'bench', 'bench')
        quiet = Printer(write=show_alarms)
        self.journal = Journal()
        self.container = Container(order, Site(store or Counter(), self.faults, quiet, self.journal))  # type: ignore[arg-type]
        began = time.perf_counter()
        self.container.start()
        wait_for_port(port)
        self.started_in = time.perf_counter() - began

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *exception: object) -> None:
        self.faults.change({'hang': False})
        self.container.stop(15)

    @property
    def pid(self) -> int:
        assert self.container.pid
        return self.container.pid

    def memory(self) -> float:
        """Return the resident MiB."""
        return int(Path(f'/proc/{self.pid}/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE') / 2**20

    def peak_memory(self) -> float:
        """Return the most resident MiB so far."""
        match = re.search(r'VmHWM:\s+(\d+) kB', Path(f'/proc/{self.pid}/status').read_text())
        assert match
        return int(match[1]) / 1024

    def open_files(self) -> int:
        return len(os.listdir(f'/proc/{self.pid}/fd'))

    def warm_up(self) -> None:
        with requests.Session() as session:
            for _ in range(20):
                session.post(self.url, json={'name': 'warm'}, headers={'Authorization': TOKEN},
                             timeout=PATIENCE_SECONDS).raise_for_status()


def connect(side: Side) -> socket.socket:
    parts = urlsplit(side.url)
    return socket.create_connection((str(parts.hostname), parts.port or 80), timeout=PATIENCE_SECONDS)


def request_bytes(body: bytes, *headers: str, method: str = 'POST', token: str = TOKEN) -> bytes:
    lines = [f'{method} / HTTP/1.1', 'Host: bench', f'Authorization: {token}', *headers, f'Content-Length: {len(body)}', '', '']
    return '\r\n'.join(lines).encode() + body


def wait_for_port(port: int) -> None:
    wait_for(lambda: accepts_connections(port), f'a listener on port {port}', every=0.002)
