"""The server's HTTP side: connections, read strictly by h11, and which part of the server responds to a request."""
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

from localxsoar.containers.commands import SCRIPT_AGENT
from localxsoar.webhooks.deliveries import Deliveries
from localxsoar.forward import (
    PREFIX, READ_BYTES, ContainerGone, Forwarder, NotHttp, Request, Response, SenderGone, forwarded_headers, not_http_response,
    text_response)

HEAD_BYTES = 65536
HEAD_SECONDS = 60  # for a head, which is also how long an idle connection stays open
DRAIN_SECONDS = 5
REST_SECONDS = 2  # for a body whose response came first: its delivery waits so long
STOP_SECONDS = 1
API_BODY_BYTES = 64 * 1024 * 1024
# A whole URL as target (RFC 9112, 3.2.2): only its path and query count.
ABSOLUTE_FORM = re.compile(r'^https?://[^/?]*', re.IGNORECASE)
# An IPv4 or IPv6 address: unlike a name, it cannot be the name of a page elsewhere that DNS now sends here.
ADDRESS = re.compile(r'[\d.]+|[\da-f:.]*:[\da-f:.]*', re.ASCII | re.IGNORECASE)
BYTES_IN_TEXT = re.compile(r'bytearray\(b(.*?)\)')  # h11 repeats in this form what it cannot read
SAFE_METHODS = ('GET', 'HEAD')
PEER = 'localxsoar.peer'
LEAVES = 'localxsoar.leaves'  # blocks until the client closes its connection; nothing else may read from it meanwhile


class Connection:
    """One sender's connection, which carries one request and response after another."""

    def __init__(self, sock: Any, peer: str) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._peer = peer
        self._method = ''
        self._is_cut = False  # whether a response came before the end of its request
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)

    def requests(self) -> Iterator[Request]:
        """Yield each request until the connection ends. Its caller responds to one before it takes the next. Raise NotHttp."""
        while isinstance(event := self._head(), h11.Request):
            headers = [(name.decode('latin-1'), value.decode('latin-1')) for name, value in event.headers.raw_items()]
            target = ABSOLUTE_FORM.sub('', event.target.decode('latin-1'))
            self._method = event.method.decode()
            request = Request(self._method, target or '/', headers, iter(self._piece, b''), self._peer, self._leaves)
            # RFC 9112, 6.3 lets a server reject both together: two readers could see different bodies.
            if request.header('content-length') and request.header('transfer-encoding'):
                raise NotHttp('it has both a Content-Length and a Transfer-Encoding')
            yield request
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                if self._is_cut:
                    self._drain()
                return
            self._http.start_next_cycle()

    def _head(self) -> Any:
        """Return the next request's head, or something else if the connection has ended."""
        self._socket.settimeout(HEAD_SECONDS)
        try:
            return self._next_event()
        except SenderGone:
            return None
        finally:
            self._socket.settimeout(None)

    def _next_event(self) -> Any:
        """Return the next event of h11, reading from the socket as needed. Raise SenderGone or NotHttp."""
        try:
            while (event := self._http.next_event()) is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[], reason=b'Continue'))
                data = self._socket.recv(READ_BYTES)
                if not data and self._http.their_state is not h11.IDLE:
                    raise SenderGone('The sender left before its whole body had arrived.')
                self._http.receive_data(data)
        except h11.RemoteProtocolError as error:
            raise NotHttp(BYTES_IN_TEXT.sub(r'\1', str(error))) from None
        except OSError as error:
            raise SenderGone(f'The connection of the sender broke: {error}') from None
        return event

    def _piece(self) -> bytes:
        """Return the next piece of the body, or b'' at its end."""
        event = self._next_event()
        return bytes(event.data) if isinstance(event, h11.Data) else b''

    def _leaves(self, request: Request) -> bool:
        """Wait for more from the sender, without reading it, and return whether it closed its connection instead."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def respond(self, response: Response) -> None:
        """Send a response. If the request has not been read to its end, the response is the connection's last."""
        is_whole = self._http.their_state is not h11.SEND_BODY
        headers = response.headers if is_whole else [*response.headers, ('Connection', 'close')]
        self._send(h11.Response(status_code=response.status, reason=response.reason.encode('latin-1'), headers=[
            (name.encode('latin-1'), value.encode('latin-1')) for name, value in headers]))
        for piece in response.pieces if self._method != 'HEAD' else ():
            self._send(h11.Data(data=piece))
        self._send(h11.EndOfMessage())
        if not is_whole:
            self._is_cut = True
            self._end()

    def reject(self, response: Response) -> None:
        """Respond to bytes that are not a request, and discard whatever follows them."""
        headers = ''.join(f'{name}: {value}\r\n' for name, value in response.headers)
        head = f'HTTP/1.1 {response.status} {response.reason}\r\n{headers}Connection: close\r\n\r\n'
        with suppress(OSError):
            self._socket.sendall(head.encode('latin-1') + b''.join(response.pieces))
        self._end()
        self._drain()

    def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._socket.sendall(data)

    def _end(self) -> None:
        """Tell the sender that nothing follows."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _drain(self) -> None:
        """Discard what the sender still sends: closing at once would reset the connection and lose the response."""
        with suppress(OSError, gevent.Timeout), gevent.Timeout(DRAIN_SECONDS):
            while self._socket.recv(READ_BYTES):
                pass


class Front:
    """The HTTP server on a host. It listens from `start` to `stop`, and responds by the routes that the API then has."""

    def __init__(self, host: str, forwarder: Forwarder, deliveries: Deliveries, api: bottle.Bottle) -> None:
        self._host = host
        self._forwarder = forwarder
        self._deliveries = deliveries
        self._api = api
        self._server: StreamServer | None = None

    def start(self, port: int) -> int:
        """Listen on the port, or on any if it is 0, and return it. Raise OSError if that is impossible."""
        server = StreamServer((self._host, port), self._serve)
        server.start()
        self._server = server
        return int(server.server_port or 0)

    def stop(self) -> None:
        if self._server:
            self._server.stop(STOP_SECONDS)

    def _serve(self, sock: Any, address: Any) -> None:
        """Respond to the requests of one connection until it ends."""
        connection = Connection(sock, str(address[0]))
        try:
            for request in connection.requests():
                if self._is_for_the_api(request):
                    connection.respond(self._api_response(request))
                else:
                    self._deliver(request, connection.respond)
        except NotHttp as error:
            response = not_http_response(error)
            self._deliveries.record_not_http(str(address[0]), response)
            connection.reject(response)
        except (SenderGone, OSError, h11.LocalProtocolError):
            pass  # the sender's connection has ended: nothing can be sent
        finally:
            sock.close()

    # Deliveries: every request that is not for a route of the server itself.

    def _deliver(self, request: Request, give: Callable[[Response], Any], origin: int | None = None) -> int:
        """Forward a request, pass its response to `give`, record both, and return the delivery's number."""
        with self._deliveries.record(request, origin) as delivery:
            response = delivery.note_response(self._forward(request))
            try:
                give(response)
            except ContainerGone as error:
                delivery.note_departure(str(error))
            except OSError:
                delivery.note_departure()
                raise
            finally:
                response.close()  # which also ends the greenlet that reads the request's body
            delivery.note_end()
            read_rest(request)
        return delivery.number

    def _forward(self, request: Request) -> Response:
        if not request.target.startswith(PREFIX):
            return text_response(404, f'There is nothing at this path. Send requests for an instance to {PREFIX}NAME.')
        if reason := self._foreign_page(request):
            return text_response(403, reason)
        return self._forwarder.forward(request)

    def send(self, request: Request, origin: int | None = None) -> int:
        """Deliver a request of the page, and return the delivery's number. Raise LocalProtocolError if it is not HTTP."""
        h11.Request(method=request.method, target=request.target, headers=forwarded_headers(request))  # may raise
        return self._deliver(request, lambda response: list(response.pieces), origin)

    # The API and the page.

    def _is_for_the_api(self, request: Request) -> bool:
        """Return whether a route of the API or the page, or their folder, fits the request."""
        if request.target.startswith(PREFIX):
            return False
        try:
            self._api.match({'PATH_INFO': request.target.partition('?')[0], 'REQUEST_METHOD': request.method})
        except bottle.HTTPError:
            return request.target.startswith('/localxsoar/') or request.header('user-agent') == SCRIPT_AGENT
        return True

    def _api_response(self, request: Request) -> Response:
        if reason := self._foreign_page(request):
            return text_response(403, reason)
        body = bytearray()
        for piece in request.body:
            body += piece
            if len(body) > API_BODY_BYTES:
                return text_response(413, f'A request to the API has at most {API_BODY_BYTES} bytes.')
        return run_wsgi(self._api, request, bytes(body))

    def _foreign_page(self, request: Request) -> str:
        """Return why a page of another site may have sent this, or ''.

        Browsers add Sec-Fetch-Site and senders do not: a forwarded request without it is not checked.
        """
        host, origin, site = (request.header(name) for name in ('host', 'origin', 'sec-fetch-site'))
        is_forwarded = request.target.startswith(PREFIX)
        if is_forwarded and not site:
            return ''
        is_own = origin in ('', f'http://{host}') and site in ('', 'same-origin', 'none')
        is_foreign = site == 'cross-site' if is_forwarded else request.method not in SAFE_METHODS and not is_own
        if is_foreign:
            return (f'The request comes from a page of {origin or "another site"}. '
                    "Only the server's own page may change something here.")
        name = host.rpartition(':')[0].strip('[]') if re.search(r':\d+$', host) else host.strip('[]')
        if name.lower() not in ('localhost', self._host.lower()) and not ADDRESS.fullmatch(name):
            return (f'The Host {host!r} is not the address of this server: '
                    'a page of another site may have sent the request under its own name.')
        return ''


def read_rest(request: Request) -> None:
    """Read what the sender still sends after its response, so that its whole body is recorded."""
    with suppress(SenderGone, NotHttp, gevent.Timeout), gevent.Timeout(REST_SECONDS):
        for _ in request.body:
            pass


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the host."""
    return host in ('localhost', '::1') or host.startswith(('127.', '::ffff:127.'))


def run_wsgi(application: Any, request: Request, body: bytes) -> Response:
    """Return the response of a WSGI application (PEP 3333)."""
    path, _, query = request.target.partition('?')
    environ: dict[str, Any] = {
        'REQUEST_METHOD': request.method, 'SCRIPT_NAME': '', 'PATH_INFO': path, 'QUERY_STRING': query, PEER: request.peer,
        'SERVER_NAME': 'localxsoar', 'SERVER_PORT': '', 'SERVER_PROTOCOL': 'HTTP/1.1', 'wsgi.version': (1, 0),
        'wsgi.url_scheme': 'http', 'wsgi.input': io.BytesIO(body), 'wsgi.errors': sys.stderr, 'wsgi.multithread': True,
        'wsgi.multiprocess': False, 'wsgi.run_once': False, 'CONTENT_LENGTH': str(len(body)),
        LEAVES: lambda: request.leaves(request),
        'CONTENT_TYPE': request.header('content-type'),
        **{f'HTTP_{name.upper().replace("-", "_")}': value for name, value in request.headers}}
    started: list[Any] = []
    pieces = application(environ, lambda status, headers, exc_info=None: started.extend([status, headers]))
    status, _, reason = started[0].partition(' ')
    return Response(int(status), reason, started[1], (piece for piece in pieces if piece), getattr(pieces, 'close', lambda: None))
