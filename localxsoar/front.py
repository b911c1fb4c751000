"""The HTTP front: connections, read strictly by h11, and who answers what: the way in, the API, the page."""
from __future__ import annotations

import io
import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import bottle
import gevent
import h11
from gevent.server import StreamServer

from localxsoar.deliveries import Deliveries
from localxsoar.forward import (
    PREFIX,
    READ_BYTES,
    Answer,
    ContainerGone,
    Forwarder,
    NotHttp,
    Request,
    SenderGone,
    forwarded_headers,
    not_http_answer,
    text_answer,
)

HEAD_BYTES = 65536
HEAD_SECONDS = 60
DRAIN_SECONDS = 5
STOP_SECONDS = 1
API_BODY_BYTES = 64 * 1024 * 1024
ABSOLUTE_FORM = re.compile(r'^https?://[^/?]*', re.IGNORECASE)
ADDRESS = re.compile(r'[\d.]+|[\da-f:.]*:[\da-f:.]*', re.ASCII | re.IGNORECASE)  # no name that a page elsewhere could have
SAFE_METHODS = ('GET', 'HEAD')
PEER = 'localxsoar.peer'


class Connection:
    """One sender's connection: requests in, answers out, one after the other."""

    def __init__(self, sock: Any, peer: str) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._peer = peer
        self._method = ''
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)

    def requests(self) -> Iterator[Request]:
        """Each request, once the one before it is answered, to the end of the connection. Raises NotHttp."""
        while isinstance(event := self._head(), h11.Request):
            headers = [(name.decode('latin-1'), value.decode('latin-1')) for name, value in event.headers.raw_items()]
            target = ABSOLUTE_FORM.sub('', event.target.decode('latin-1'))
            self._method = event.method.decode()
            request = Request(self._method, target or '/', headers, self._body(), self._peer, self._leaves)
            if request.header('content-length') and request.header('transfer-encoding'):
                raise NotHttp('it has both a Content-Length and a Transfer-Encoding')
            yield request
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    def _head(self) -> Any:
        self._socket.settimeout(HEAD_SECONDS)
        try:
            return self._next_event()
        except SenderGone:
            return None
        finally:
            self._socket.settimeout(None)

    def _next_event(self) -> Any:
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[], reason=b'Continue'))
                data = self._socket.recv(READ_BYTES)
                if not data and self._http.their_state is not h11.IDLE:
                    raise SenderGone('The sender left before its body had come.')
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise NotHttp(str(error)) from None
        except OSError as error:
            raise SenderGone(f'The connection of the sender broke: {error}') from None
        return event

    def _body(self) -> Iterator[bytes]:
        while isinstance(event := self._next_event(), h11.Data):
            yield bytes(event.data)

    def _leaves(self, request: Request) -> bool:
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def answer(self, answer: Answer) -> None:
        """Sends an answer. One that comes before the request was read whole is the connection's last."""
        is_whole = self._http.their_state is not h11.SEND_BODY
        headers = answer.headers if is_whole else [*answer.headers, ('Connection', 'close')]
        self._send(h11.Response(status_code=answer.status, reason=answer.reason.encode('latin-1'), headers=[
            (name.encode('latin-1'), value.encode('latin-1')) for name, value in headers]))
        for piece in answer.pieces if self._has_body(answer.status) else ():
            self._send(h11.Data(data=piece))
        self._send(h11.EndOfMessage())
        if not is_whole:
            self._drain()

    def _has_body(self, status: int) -> bool:
        return self._method != 'HEAD' and status not in (204, 304)

    def refuse(self, answer: Answer) -> None:
        """Sends an answer to what is no request, and drops the rest."""
        headers = ''.join(f'{name}: {value}\r\n' for name, value in answer.headers)
        head = f'HTTP/1.1 {answer.status} {answer.reason}\r\n{headers}Connection: close\r\n\r\n'
        with suppress(OSError):
            self._socket.sendall(head.encode('latin-1') + b''.join(answer.pieces))
            self._drain()

    def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._socket.sendall(data)

    def _drain(self) -> None:
        """Drops what the sender still sends: closed under its hands the connection would lose the answer."""
        with suppress(OSError, gevent.Timeout), gevent.Timeout(DRAIN_SECONDS):
            self._socket.shutdown(socket.SHUT_WR)
            while self._socket.recv(READ_BYTES):
                pass


class Front:
    """The server's HTTP side for one instance. Listens from `start` to `stop`."""

    def __init__(self, address: tuple[str, int], forwarder: Forwarder, deliveries: Deliveries, api: bottle.Bottle) -> None:
        self._host = address[0]
        self._forwarder = forwarder
        self._deliveries = deliveries
        self._api = api
        self._server = StreamServer(address, self._serve)

    def start(self) -> int:
        """Listens, and returns the port; OSError when it is in use."""
        self._server.start()
        return int(self._server.server_port or 0)

    def stop(self) -> None:
        self._server.stop(STOP_SECONDS)

    def _serve(self, sock: Any, address: Any) -> None:
        connection = Connection(sock, str(address[0]))
        try:
            for request in connection.requests():
                if self._is_for_the_api(request):
                    connection.answer(self._answer_api(request))
                else:
                    self._deliver(request, connection.answer)
        except NotHttp as error:
            answer = not_http_answer(error)
            self._deliveries.refused_below_http(str(address[0]), answer)
            connection.refuse(answer)
        except (SenderGone, OSError, h11.LocalProtocolError):
            pass  # nobody is there to hear more
        finally:
            sock.close()

    # Deliveries: all that is for no route of our own.

    def _deliver(self, request: Request, give: Callable[[Answer], Any]) -> int:
        with self._deliveries.record(request) as delivery:
            answer = delivery.note_answer(self._forward(request))
            try:
                give(answer)
            except ContainerGone as error:
                delivery.note_departure(str(error))
            except OSError:
                delivery.note_departure()
                raise
            finally:
                answer.close()
        return delivery.number

    def _forward(self, request: Request) -> Answer:
        if not request.target.startswith(PREFIX):
            return text_answer(404, f'There is nothing at this path. The way in to an instance is {PREFIX}NAME.')
        if refusal := self._stranger(request):
            return text_answer(403, refusal)
        return self._forwarder.forward(request)

    def send(self, request: Request) -> int:
        """Delivers a request that comes from no connection; the number under which it is recorded. LocalProtocolError for one
        that is no HTTP."""
        h11.Request(method=request.method, target=request.target, headers=forwarded_headers(request))
        return self._deliver(request, lambda answer: list(answer.pieces))

    # The API and the page.

    def _is_for_the_api(self, request: Request) -> bool:
        if request.target.startswith(PREFIX):
            return False
        try:
            self._api.match({'PATH_INFO': request.target.partition('?')[0], 'REQUEST_METHOD': request.method})
        except bottle.HTTPError:
            return request.target.startswith('/localxsoar/')
        return True

    def _answer_api(self, request: Request) -> Answer:
        if refusal := self._stranger(request):
            return text_answer(403, refusal)
        body = bytearray()
        for piece in request.body:
            body += piece
            if len(body) > API_BODY_BYTES:
                return text_answer(413, f'A request to the API has at most {API_BODY_BYTES} bytes.')
        return run_wsgi(self._api, request, bytes(body))

    def _stranger(self, request: Request) -> str:
        """Return why a page of another site may have sent this, or ''. Senders on the way in have no Sec-Fetch-Site."""
        host, origin, site = (request.header(name) for name in ('host', 'origin', 'sec-fetch-site'))
        is_way_in = request.target.startswith(PREFIX)
        if is_way_in and not site:
            return ''
        is_own = origin in ('', f'http://{host}') and site in ('', 'same-origin', 'none')
        is_foreign = site == 'cross-site' if is_way_in else request.method not in SAFE_METHODS and not is_own
        if is_foreign:
            return f'The request comes from a page of {origin or "another site"}: only the own page may change something here.'
        name = host.rpartition(':')[0].strip('[]') if re.search(r':\d+$', host) else host.strip('[]')
        if name.lower() not in ('localhost', self._host.lower()) and not ADDRESS.fullmatch(name):
            return f'The Host {host!r} is not the address of this server: a page elsewhere may be asking under its own name.'
        return ''


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    return host in ('localhost', '::1') or host.startswith(('127.', '::ffff:127.'))


def run_wsgi(application: Any, request: Request, body: bytes) -> Answer:
    """The answer of a WSGI application."""
    path, _, query = request.target.partition('?')
    environ: dict[str, Any] = {
        'REQUEST_METHOD': request.method, 'SCRIPT_NAME': '', 'PATH_INFO': path, 'QUERY_STRING': query, PEER: request.peer,
        'SERVER_NAME': 'localxsoar', 'SERVER_PORT': '', 'SERVER_PROTOCOL': 'HTTP/1.1', 'wsgi.version': (1, 0),
        'wsgi.url_scheme': 'http', 'wsgi.input': io.BytesIO(body), 'wsgi.errors': sys.stderr, 'wsgi.multithread': True,
        'wsgi.multiprocess': False, 'wsgi.run_once': False, 'CONTENT_LENGTH': str(len(body)),
        'CONTENT_TYPE': request.header('content-type'),
        **{f'HTTP_{name.upper().replace("-", "_")}': value for name, value in request.headers}}
    started: list[Any] = []
    pieces = application(environ, lambda status, headers, exc_info=None: started.extend([status, headers]))
    status, _, reason = started[0].partition(' ')
    return Answer(int(status), reason, started[1], (piece for piece in pieces if piece), getattr(pieces, 'close', lambda: None))
