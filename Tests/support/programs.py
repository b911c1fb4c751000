"""Senders' own programs and libraries, each in an environment of its own, and a gate between them and the pack."""
from __future__ import annotations

import functools
import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from pwd import getpwnam
from typing import Any
from urllib.parse import urlsplit

from daemons import Daemon
from documents import code_blocks, read
from local_xsoar import ROOT, LocalXsoar, leave_out, needs, served, wait_for
from shared.webhook import Webhook

HOP_BY_HOP = ('connection', 'host', 'content-length', 'transfer-encoding', 'keep-alive')


@functools.cache
def home() -> Path:
    """Return the folder for the environments of this run."""
    return Path(os.environ.get('PROGRAMS') or tempfile.mkdtemp())


def installed(name: str, *commands: list[str]) -> Path:
    """Return the folder of this name, in which these commands have installed something.

    They find it as `{}`. Where nothing can be downloaded, the test is left out.
    """
    folder = home() / re.sub(r'[^\w.-]', '_', name)
    if not (folder / 'installed').exists():
        for command in commands:
            done = subprocess.run([part.format(folder) for part in command], capture_output=True, text=True, check=False)
            if done.returncode:
                leave_out(f'{name} cannot be installed: {done.stderr[-500:]}')
        (folder / 'installed').touch()
    return folder


def venv(*packages: str) -> Path:
    """Return the folder of the programs of a virtual environment with these packages of PyPI."""
    return installed('-'.join(packages), [sys.executable, '-m', 'venv', '{}'],
                     ['{}/bin/pip', 'install', '--quiet', '--no-compile', *packages]) / 'bin'


def npm(*packages: str) -> Path:
    """Return the folder with the `node_modules` of these packages of npm."""
    quiet = ('--silent', '--no-fund', '--no-audit')
    return installed('-'.join(packages), [needs('npm'), 'install', *quiet, '--prefix', '{}', *packages])


def postgres(place: Place, data: Path) -> None:
    """Start a PostgreSQL with a copy of these data; its socket is in the folder of the sender."""
    shutil.copytree(data, place.folder / 'data')
    place.start(*unprivileged(), needs('postgres'), '-D', place.folder / 'data', '-k', place.folder,
                '-c', 'listen_addresses=', '-c', 'fsync=off').line_with('ready to accept connections')


def postgres_data(name: str = 'postgres', fill: str = 'true') -> Path:
    """Return the data of a PostgreSQL after what a command of a shell prints, which is SQL."""
    create, control = ([*unprivileged(), needs(each), '--pgdata={}/data'] for each in ('initdb', 'pg_ctl'))
    return installed(
        name, [*create, '--auth=trust', '--username=postgres', '--encoding=UTF8', '--no-sync'],
        [*control, '--log={}/log', '--options=-k {} -c listen_addresses=', '--wait', 'start'],
        ['sh', '-ec', f'{fill} | {needs("psql")} --quiet --set=ON_ERROR_STOP=1 --host={{}} --username=postgres '
                      '--output=/dev/null'],
        [*control, 'stop']) / 'data'


def unprivileged() -> list[str]:
    """Return what lets a program run as another user than root, if the tests run as root: some programs refuse to."""
    return ['unshare', '--user', f'--map-user={getpwnam("nobody").pw_uid}'] if os.getuid() == 0 else []


class Gate:
    """What stands between a sender and the pack: while it is shut, the response is 503, as from the pack when it is busy."""

    def __init__(self, webhook: LocalXsoar):
        self.target = webhook.webhook_url
        self.is_shut = False
        self.refused = 0

    @contextmanager
    def open(self) -> Iterator[str]:
        """Serve, and yield the URL that senders get."""
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self) -> None:
                gate.answer(self, self.rfile.read(int(self.headers.get('Content-Length', 0))))

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        with served(Handler) as address:
            yield address + urlsplit(self.target).path

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Respond with what the pack says, or with 503."""
        if self.is_shut:
            self.refused += 1
            self.respond(request, 503, [('Retry-After', '10')], b'{"title": "Service Unavailable", "status": 503}')
            return
        target = urlsplit(self.target)
        connection = http.client.HTTPConnection(target.netloc)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        connection.request('POST', '?'.join(filter(None, (target.path, urlsplit(request.path).query))), body, headers)
        response = connection.getresponse()
        content = response.read()
        self.respond(request, response.status, response.getheaders(), content)
        connection.close()

    def respond(self, request: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        request.send_response(status)
        for name, value in headers:
            if name.lower() not in (*HOP_BY_HOP, 'date', 'server'):
                request.send_header(name, value)
        request.send_header('Content-Length', str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@dataclass
class Place:
    """Where one sender of a test is set up: the URL and the token that it gets, and a folder of its own."""
    webhook: Webhook
    gate: Gate
    url: str
    token: str
    folder: Path
    running: ExitStack = field(default_factory=ExitStack)  # what runs until the test of the sender ends
    before: int = 0  # how many incidents there were

    def filled(self, text: str) -> str:
        """Return a text of a guide with the URL and the token in it."""
        address = urlsplit(self.url)
        values = {'<URL>': self.url, '<TOKEN>': self.token, '<HOST>': address.netloc, '<PATH>': address.path}
        for mark, value in values.items():
            text = text.replace(mark, value)
        return text

    def block(self, folder: str, number: int = 0) -> str:
        """Return a block of a sender's guide, filled in."""
        blocks = [text for _, text in code_blocks(read(ROOT / 'senders' / folder / 'guide.md'))]
        return self.filled(blocks[number])

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder of the sender."""
        file = self.folder / name
        file.write_text(text, 'utf-8')
        return file

    def settings(self, name: str, **values: str) -> Path:
        """Write a file of Tests/programs/settings into the folder of the sender, with that and other values in it."""
        text = read(ROOT / 'Tests/programs/settings' / name)
        for mark, value in {'FOLDER': str(self.folder), **values}.items():
            text = text.replace(mark, value)
        return self.write(name, text)

    def run(self, *command: Any, data: str = '', folder: Path | None = None,
            env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a program to its end, whatever its result."""
        done = subprocess.run([*map(str, command)], input=data, capture_output=True, text=True, check=False, env=env,
                              cwd=folder or self.folder)
        print(done)
        return done

    def start(self, *command: Any) -> Daemon:
        """Let a program run until the test of the sender ends. What it says is shown if the test fails."""
        daemon = self.running.enter_context(Daemon(*map(str, command)))
        self.running.callback(daemon.process.terminate)
        self.running.callback(lambda: print(*daemon.lines, sep='\n'))
        return daemon

    def named(self, pattern: str) -> list[dict[str, Any]]:
        """Return the incidents of this test whose name fits a pattern, such as `disk full: *`."""
        return [incident for incident in self.webhook.sent()[self.before:] if fnmatch(incident['name'], pattern)]

    def incident(self, pattern: str) -> dict[str, Any]:
        """Return the one incident of this test whose name fits a pattern, once it is there."""
        wait_for(lambda: self.named(pattern), pattern)
        found, = self.named(pattern)
        return found


def free_port(*ports: int) -> int:
    """Return a port that nothing listens on: any, or the first of these."""
    for port in ports or [0]:
        with suppress(OSError), socket.create_server(('127.0.0.1', port)) as listening:
            return int(listening.getsockname()[1])
    raise AssertionError('no port is free')


def beside(work: Any, *arguments: Any) -> Future[Any]:
    """Do some work beside the test, such as a program that runs until it was let in. Its `result` may be an error, or a skip."""
    future: Future[Any] = Future()

    def do() -> None:
        try:
            future.set_result(work(*arguments))
        except BaseException as error:  # one that leaves the test out, too
            future.set_exception(error)
    threading.Thread(target=do).start()
    return future
