"""The pack in the local XSOAR, and what every test of it holds to: the protocol alone on stdout, no token in any output."""
from __future__ import annotations

import asyncio
import functools
import json
import re
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import h11

from localxsoar.pytest_plugin import LocalXsoar
from localxsoar.waiting import PATIENCE_SECONDS, wait_for
from shared import ROOT

PACK = ROOT / 'Packs' / 'GenericWebhook'
SCRIPT = PACK / 'Integrations/GenericWebhook/GenericWebhook.py'
TOKEN = 'secret-5e9c0d17b3a8f246'


def changed_pack(folder: Path, changes: Mapping[str, str]) -> Path:
    """Return a copy of the pack in whose script each text that is a key, and occurs once, is replaced by its value."""
    pack = Path(shutil.copytree(PACK, folder / PACK.name))
    script = pack / SCRIPT.relative_to(PACK)
    source = script.read_text('utf-8')
    for text, other in changes.items():
        assert source.count(text) == 1, f'{text!r} does not occur once in the script'
        source = source.replace(text, other)
    script.write_text(source, 'utf-8')
    return pack


class Webhook(LocalXsoar):
    """The pack as instance `webhook` with a token. Leaving it checks that the container kept to the protocol and its secrets."""

    def __init__(self, *arguments: str, token: str = TOKEN, params: dict[str, Any] | None = None, **options: Any) -> None:
        settings = {'pack': PACK, 'instance': 'webhook', 'params': {'auth_header': token, **(params or {})}, **options}
        super().__init__('--log-level', 'info', *arguments, **settings)
        self.token = token

    def __exit__(self, *exception: object) -> None:
        try:
            state = self.state()  # of one that has died it can't be told, and the test fails
        finally:
            super().__exit__(*exception)
        assert not state['violations'], state['violations']
        assert not state['undeclared']
        if self.token:
            assert self.token not in '\n'.join(self.output)
            assert self.token not in json.dumps(state)

    @functools.cached_property
    def container_port(self) -> int:
        """Return the container's own port, which the instance keeps: asked for once, because the whole state comes with it."""
        return super().container_port

    @property
    def direct_url(self) -> str:
        """Return the URL of the container's own port, without the server's forwarding."""
        return f'http://127.0.0.1:{self.container_port}/'

    def connect(self) -> socket.socket:
        """Return a connection to the container's own port."""
        return socket.create_connection(('127.0.0.1', self.container_port), timeout=PATIENCE_SECONDS)

    def listens(self) -> bool:
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connected(self) -> set[str]:
        """Return the addresses of the senders, or of the proxies for them, that have an open connection to the container."""
        is_open = rf': \w+:{self.container_port:04X} (\w+:\w+) 01 '
        return set(re.findall(is_open, Path('/proc/net/tcp').read_text('ascii')))

    def renew(self) -> None:
        """Have another container at once: it knows nothing of what the one before learned. The instance and its data stay."""
        for action in ('disable', 'enable'):
            self.control('POST', f'instance/{action}')
        wait_for(self.listens, 'the new container')

    def peak_memory(self) -> int:
        """Return the most bytes that the container has held so far."""
        with open(f'/proc/{self.state()["pid"]}/status', encoding='ascii') as status:
            return int(re.search(r'VmHWM:\s+(\d+) kB', status.read())[1]) * 1024  # type: ignore[index]

    def names(self) -> list[str]:
        """Return the names of all incidents, in the order of their creation."""
        return [incident['name'] for incident in self.sent()]


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def detail(self) -> str:
        """Return the reason in a problem answer, checked for its form (RFC 9457)."""
        assert self.headers['content-type'] == 'application/problem+json'
        assert self.json.keys() == {'title', 'status', 'detail'}
        assert self.json['status'] == self.status
        return str(self.json['detail'])


def request_bytes(url: str, body: bytes = b'', headers: Mapping[str, str] | None = None, method: str = 'POST',
                  length: int | None = None) -> bytes:
    """Return a request as it goes over the wire. A `length` that is given is announced instead of the body's."""
    parts = urlsplit(url)
    lines = [f'{method} {parts.path or "/"}{"?" if parts.query else ""}{parts.query} HTTP/1.1', f'Host: {parts.netloc}',
             f'Content-Length: {len(body) if length is None else length}',
             *(f'{name}: {value}' for name, value in (headers or {}).items())]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


def read_to_end(sender: socket.socket) -> bytes:
    return b''.join(iter(lambda: sender.recv(65536), b''))


def read_answers(text: bytes, method: str = 'GET') -> Iterator[Answer]:
    """Yield all answers of a connection, read as strictly as h11 does."""
    while text:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target='/', headers=[('Host', 'x')]))
        client.send(h11.EndOfMessage())
        client.receive_data(text)
        content = b''
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            assert not isinstance(event, type(h11.NEED_DATA)), 'an answer ends early'
            if isinstance(event, h11.Data):
                content += bytes(event.data)
            elif isinstance(event, h11.Response):
                response = event
        headers = {name.decode(): value.decode() for name, value in response.headers}
        yield Answer(response.status_code, headers, content.decode())
        text = client.trailing_data[0]


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """Return one answer with a Content-Length or chunks, as the container and the local XSOAR send them."""
    status_line, *lines = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1').split('\r\n')
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in lines if line)}
    body = b''
    if headers.get('transfer-encoding') == 'chunked':
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get('content-length', 0)))
    return Answer(int(status_line.split()[1]), headers, body.decode())


async def post(url: str, body: bytes, headers: dict[str, str], pause: Callable[[], Awaitable[object]] | None = None) -> Answer:
    """Send a POST on a connection of its own; with a pause its body goes in two parts, one before and one after."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        sent = request_bytes(url, body, headers)
        half = len(sent) - len(body) // 2 if pause else len(sent)
        writer.write(sent[:half])
        await writer.drain()
        if pause:
            await pause()
        writer.write(sent[half:])
        return await asyncio.wait_for(read_answer(reader), PATIENCE_SECONDS)
    finally:
        writer.close()
