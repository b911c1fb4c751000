"""The way in: /instance/execute/NAME, forwarded by plain HTTP to the container's port, as it came."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import gevent
import h11
from gevent import select, socket

Headers = list[tuple[str, str]]
PREFIX = '/instance/execute/'
EXTERNAL_SETTING = 'instance.execute.external'
READ_BYTES = 65536
CONNECT_SECONDS = 5
KEPT_CONNECTIONS = 64
HOP_BY_HOP = {'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
              'transfer-encoding', 'upgrade'}
REQUEST_URI = 'X-Request-URI'
NOT_FORWARDED = HOP_BY_HOP | {'expect', REQUEST_URI.lower()}  # 100-continue is each connection's own


class SenderGone(Exception):
    """The sender's connection broke before its body had come. No OSError, which would pass for the container's."""


class ContainerGone(Exception):
    """The container broke its answer off."""


class NotHttp(Exception):
    """What the sender sends is not HTTP/1.1; the text says why."""


def stays(request: Request) -> bool:
    """A sender that is no connection never leaves."""
    return False


@dataclass
class Request:
    """A request as it came. `body` raises SenderGone and NotHttp; `leaves` waits for the sender to close its connection."""
    method: str
    target: str
    headers: Headers
    body: Iterable[bytes] = ()
    peer: str = ''
    leaves: Callable[[Request], bool] = stays

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), '')


@dataclass
class Answer:
    """An answer on its way to the sender. Whoever has sent it, or gives up, closes it."""
    status: int
    reason: str
    headers: Headers
    pieces: Iterable[bytes] = ()
    close: Callable[[], None] = field(default=lambda: None)


def text_answer(status: int, text: str) -> Answer:
    """The server's own answer, one readable line."""
    body = (text + '\n').encode()
    headers = [('Content-Type', 'text/plain; charset=utf-8'), ('Content-Length', str(len(body)))]
    return Answer(status, HTTPStatus(status).phrase, headers, [body])


def not_http_answer(error: NotHttp) -> Answer:
    """Return the answer to what is not HTTP/1.1, in the form of RFC 9457."""
    body = json.dumps({'title': 'Bad Request', 'status': 400, 'detail': f'This is not HTTP/1.1: {error}.'}).encode()
    headers = [('Content-Type', 'application/problem+json'), ('Content-Length', str(len(body)))]
    return Answer(400, 'Bad Request', headers, [body])


class Upstream:
    """A connection to the container, for one request after another."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(('127.0.0.1', port), CONNECT_SECONDS)
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http = h11.Connection(h11.CLIENT)

    def send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._socket.sendall(data)

    def receive(self) -> Any:
        """The next event; OSError when the container has ended the connection, RemoteProtocolError when it speaks no HTTP."""
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(self._socket.recv(READ_BYTES))
        if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError('the container ended the connection')
        return event

    def head(self) -> h11.Response:
        while not isinstance(event := self.receive(), h11.Response):
            pass  # an interim answer is for this connection alone
        return event

    def pieces(self) -> Iterator[bytes]:
        try:
            while isinstance(event := self.receive(), h11.Data):
                yield bytes(event.data)
        except (OSError, h11.RemoteProtocolError):
            raise ContainerGone('The container broke its answer off.') from None

    def is_idle(self) -> bool:
        """Whether the next request can go over it: both sides are done, and the container has not closed it."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        return self._http.our_state is h11.IDLE and not select.select([self._socket], [], [], 0)[0]

    def abort(self) -> None:
        """Ends the connection under whoever is reading from it."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


class Forwarder:
    """Forwards what lies under /instance/execute/ to the instance's port."""

    def __init__(self, ports: Mapping[str, Callable[[], int | None]], settings: Mapping[str, str]) -> None:
        self._ports = ports
        self._settings = settings
        self._idle: dict[int, list[Upstream]] = {}

    def forward(self, request: Request) -> Answer:
        """The container's answer, or the server's own. What the sender did wrong is raised, see Request."""
        name, rest = split_target(request.target)
        if refusal := self._refusal(name):
            return text_answer(*refusal)
        port = self._ports[name]() or 0
        where = f'port {port}' if port else 'its port'
        try:
            upstream = self._connect(port)
        except OSError:
            return text_answer(503, f'The container of the instance {name!r} does not accept connections on {where}. '
                                    'It may be starting, or its port is in use: see the log of the local XSOAR.')
        return self._exchange(request, rest, name, port, upstream)

    def _refusal(self, name: str) -> tuple[int, str] | None:
        if name not in self._ports:
            known = ', '.join(self._ports)
            return 404, f'There is no instance {name!r} here (names are case-sensitive). Known: {known}.'
        if not is_external(self._settings, name):
            return 403, (f'The server setting {EXTERNAL_SETTING}.{name} is not true, so nothing is forwarded to the '
                         f'instance. Set it, or {EXTERNAL_SETTING} for all instances, to true.')
        return None

    def _connect(self, port: int) -> Upstream:
        while kept := self._idle.get(port):
            if (upstream := kept.pop()).is_idle():
                return upstream
            upstream.close()
        return Upstream(port)

    def _exchange(self, request: Request, rest: str, name: str, port: int, upstream: Upstream) -> Answer:
        failures: list[Exception] = []
        sending = gevent.spawn(send_request, request, rest, upstream, failures)

        def close() -> None:
            sending.kill()
            kept = self._idle.setdefault(port, [])
            if upstream.is_idle() and len(kept) < KEPT_CONNECTIONS:
                kept.append(upstream)
            else:
                upstream.close()
        try:
            head = upstream.head()
        except (OSError, h11.RemoteProtocolError):
            close()
            if failures:
                raise failures[0] from None
            return text_answer(502, f'The container of the instance {name!r} ended the connection without an answer.')
        except BaseException:
            close()
            raise
        return Answer(head.status_code, head.reason.decode('latin-1'), answer_headers(head.headers), upstream.pieces(), close)


def send_request(request: Request, rest: str, upstream: Upstream, failures: list[Exception]) -> None:
    """Sends the request to the container, then waits for the sender to leave, which the container then sees, too."""
    try:
        upstream.send(h11.Request(method=request.method, target=rest, headers=forwarded_headers(request)))
        for piece in request.body:
            upstream.send(h11.Data(data=piece))
        upstream.send(h11.EndOfMessage())
        if not request.leaves(request):
            return
        failures.append(SenderGone('The sender left before the answer.'))
    except (SenderGone, NotHttp) as error:
        failures.append(error)
    except (OSError, h11.LocalProtocolError):
        return  # the container has had enough: its answer tells why
    upstream.abort()


def is_external(settings: Mapping[str, str], name: str) -> bool:
    """The server's rule: the instance's own setting, or the one for all instances, is `true`."""
    return 'true' in (settings.get(EXTERNAL_SETTING), settings.get(f'{EXTERNAL_SETTING}.{name}'))


def split_target(target: str) -> tuple[str, str]:
    """The instance's name, and the target that the container gets: the rest of the path, and the query, untouched."""
    path, question_mark, query = target.partition('?')
    name, _, rest = path[len(PREFIX):].partition('/')
    return unquote(name), f'/{rest}{question_mark}{query}'


def forwarded_headers(request: Request) -> list[tuple[bytes, bytes]]:
    """The sender's headers without those that end at the server, and the path and query that the server was asked for."""
    ended_here = NOT_FORWARDED | {word.strip().lower() for name, value in request.headers if name.lower() == 'connection'
                                  for word in value.split(',')}
    kept = [(name, value) for name, value in request.headers if name.lower() not in ended_here]
    if 'chunked' in request.header('transfer-encoding').lower():
        kept.append(('Transfer-Encoding', 'chunked'))
    elif request.method in ('POST', 'PUT', 'PATCH') and not request.header('content-length'):
        kept.append(('Content-Length', '0'))
    return [(name.encode('latin-1'), value.encode('latin-1')) for name, value in [*kept, (REQUEST_URI, request.target)]]


def answer_headers(headers: Any) -> Headers:
    """The container's headers, each as often as it came, without those of its connection."""
    found = [(name.decode('latin-1'), value.decode('latin-1')) for name, value in headers.raw_items()]
    return [(name, value) for name, value in found if name.lower() not in HOP_BY_HOP]
