"""Forwarding: a request to /instance/execute/NAME goes unchanged, by plain HTTP, to the container's port."""
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
# Headers that concern one connection only, and must not be forwarded (RFC 9110, 7.6.1).
HOP_BY_HOP = {'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
              'transfer-encoding', 'upgrade'}
REQUEST_URI = 'X-Request-URI'
# The server responds to `Expect: 100-continue` itself, and sets X-Request-URI itself: a sender must not choose its value.
NOT_FORWARDED = HOP_BY_HOP | {'expect', REQUEST_URI.lower()}


class SenderGone(Exception):
    """The sender's connection ended before the exchange was over. Not an OSError, which would blame the container."""


class ContainerGone(Exception):
    """The container ended its response before it was complete."""


class NotHttp(Exception):
    """The sender's bytes are not HTTP/1.1; the text says why."""


def never_leaves(request: Request) -> bool:
    """Return False: a request from the page has no sender's connection that could close."""
    return False


@dataclass
class Request:
    """A request as it arrived. `body` raises SenderGone and NotHttp.

    `leaves` blocks until the sender closes its connection, and returns whether it did.
    """
    method: str
    target: str
    headers: Headers
    body: Iterable[bytes] = ()
    peer: str = ''
    leaves: Callable[[Request], bool] = never_leaves

    def header(self, name: str) -> str:
        """Return the first value of a header, given its name in small letters, or ''."""
        return next((value for key, value in self.headers if key.lower() == name), '')


@dataclass
class Response:
    """A response on its way to the sender. Its user must call `close`, also after a failure."""
    status: int
    reason: str
    headers: Headers
    pieces: Iterable[bytes] = ()
    close: Callable[[], None] = field(default=lambda: None)


def text_response(status: int, text: str) -> Response:
    """Return a response of the server itself, with one line of plain text."""
    body = (text + '\n').encode()
    headers = [('Content-Type', 'text/plain; charset=utf-8'), ('Content-Length', str(len(body)))]
    return Response(status, HTTPStatus(status).phrase, headers, [body])


def not_http_response(error: NotHttp) -> Response:
    """Return the 400 for bytes that are not HTTP/1.1, as a problem (RFC 9457)."""
    body = json.dumps({'title': 'Bad Request', 'status': 400, 'detail': f'This is not HTTP/1.1: {error}.'}).encode()
    headers = [('Content-Type', 'application/problem+json'), ('Content-Length', str(len(body)))]
    return Response(400, 'Bad Request', headers, [body])


class Upstream:
    """A connection to the container, used for one request after another."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(('127.0.0.1', port), CONNECT_SECONDS)
        self._socket.settimeout(None)  # a response may take as long as the integration does
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http = h11.Connection(h11.CLIENT)

    def send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._socket.sendall(data)

    def receive(self) -> Any:
        """Return the next event.

        Raise OSError if the container has ended the connection, and RemoteProtocolError for anything but HTTP.
        """
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(self._socket.recv(READ_BYTES))
        if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError('the container ended the connection')
        return event

    def head(self) -> h11.Response:
        while not isinstance(event := self.receive(), h11.Response):
            pass  # an interim response (RFC 9110, 15.2) concerns this connection only
        return event

    def pieces(self) -> Iterator[bytes]:
        try:
            while isinstance(event := self.receive(), h11.Data):
                yield bytes(event.data)
        except (OSError, h11.RemoteProtocolError):
            raise ContainerGone('The container ended its response before it was complete.') from None

    def is_idle(self) -> bool:
        """Return whether the next request can use it: both sides have finished, and the container has not closed it."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        # An idle connection becomes readable only when the container closes it.
        return self._http.our_state is h11.IDLE and not select.select([self._socket], [], [], 0)[0]

    def abort(self) -> None:
        """End the connection, and with it a read that waits in another greenlet."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


class Forwarder:
    """Forwards requests under /instance/execute/ to the port of their instance."""

    def __init__(self, ports: Mapping[str, Callable[[], int | None]], settings: Mapping[str, str]) -> None:
        self._ports = ports
        self._settings = settings
        self._idle: dict[int, list[Upstream]] = {}

    def forward(self, request: Request) -> Response:
        """Return the container's response, or one of the server itself.

        Raise SenderGone or NotHttp for a fault of the sender.
        """
        name, inner_target = split_target(request.target)
        if rejection := self._rejection(name):
            return text_response(*rejection)
        port = self._ports[name]() or 0
        where = f'port {port}' if port else 'its port'
        try:
            upstream = self._connect(port)
        except OSError:
            return text_response(503, f'The container of the instance {name!r} does not accept connections on {where}. '
                                    'It may be disabled or starting, or its port is in use: see the log of the local XSOAR.')
        return self._exchange(request, inner_target, name, port, upstream)

    def _rejection(self, name: str) -> tuple[int, str] | None:
        """Return the status and text that reject a request to this instance, or None."""
        if name not in self._ports:
            known = ', '.join(self._ports)
            return 404, f'There is no instance {name!r} here (names are case-sensitive). Known: {known}.'
        if not is_external(self._settings, name):
            return 403, (f'The server setting {EXTERNAL_SETTING}.{name} is not true, so nothing is forwarded to the '
                         f'instance. Set it, or {EXTERNAL_SETTING} for all instances, to true.')
        return None

    def _connect(self, port: int) -> Upstream:
        """Return an idle connection to the port, or else a new one."""
        while kept := self._idle.get(port):
            if (upstream := kept.pop()).is_idle():
                return upstream
            upstream.close()
        return Upstream(port)

    def _exchange(self, request: Request, inner_target: str, name: str, port: int, upstream: Upstream) -> Response:
        """Send the request in a greenlet of its own, as a container may respond before it has read the whole body."""
        failures: list[Exception] = []
        sending = gevent.spawn(send_request, request, inner_target, upstream, failures)

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
            return text_response(502, f'The container of the instance {name!r} ended the connection without a response.')
        except BaseException:
            close()
            raise
        return Response(head.status_code, head.reason.decode('latin-1'), response_headers(head.headers), upstream.pieces(), close)


def send_request(request: Request, inner_target: str, upstream: Upstream, failures: list[Exception]) -> None:
    """Send the request to the container. If the sender leaves before the response, end the container's connection, too."""
    try:
        upstream.send(h11.Request(method=request.method, target=inner_target, headers=forwarded_headers(request)))
        for piece in request.body:
            upstream.send(h11.Data(data=piece))
        upstream.send(h11.EndOfMessage())
        if not request.leaves(request):
            return
        failures.append(SenderGone('The sender left before the response.'))
    except (SenderGone, NotHttp) as error:
        failures.append(error)
    except (OSError, h11.LocalProtocolError):
        return  # the container stopped reading: its response says why
    upstream.abort()


def is_external(settings: Mapping[str, str], name: str) -> bool:
    """Return whether the instance's own server setting, or the one for all instances, is `true`."""
    return 'true' in (settings.get(EXTERNAL_SETTING), settings.get(f'{EXTERNAL_SETTING}.{name}'))


def split_target(target: str) -> tuple[str, str]:
    """Return the instance's name, and the target for the container: the path after the name, and the query, unchanged."""
    path, question_mark, query = target.partition('?')
    name, _, inner_target = path[len(PREFIX):].partition('/')
    return unquote(name), f'/{inner_target}{question_mark}{query}'


def forwarded_headers(request: Request) -> list[tuple[bytes, bytes]]:
    """Return the sender's headers for the container, without those of its connection, and with X-Request-URI."""
    ended_here = NOT_FORWARDED | {word.strip().lower() for name, value in request.headers if name.lower() == 'connection'
                                  for word in value.split(',')}
    kept = [(name, value) for name, value in request.headers if name.lower() not in ended_here]
    # The framing is the only part of the connection's headers that the body still needs.
    if 'chunked' in request.header('transfer-encoding').lower():
        kept.append(('Transfer-Encoding', 'chunked'))
    elif request.method in ('POST', 'PUT', 'PATCH') and not request.header('content-length'):
        kept.append(('Content-Length', '0'))
    return [(name.encode('latin-1'), value.encode('latin-1')) for name, value in [*kept, (REQUEST_URI, request.target)]]


def response_headers(headers: Any) -> Headers:
    """Return the container's headers without those of its connection. A repeated header stays repeated."""
    found = [(name.decode('latin-1'), value.decode('latin-1')) for name, value in headers.raw_items()]
    return [(name, value) for name, value in found if name.lower() not in HOP_BY_HOP]
