"""The listener of all connections."""
import resource
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from itertools import chain
from typing import Any

import gevent
from bottle import response as bottle_response
from gevent.lock import Semaphore
from gevent.server import StreamServer

from receiver.app import WebhookApp
from receiver.body.memory import MemoryBudget, MemoryClaim, no_memory_left
from receiver.handshakes import Request
from receiver.http.connections import Connection, State, too_many_requests
from receiver.http.environ import HTTP_LIMITS, HttpLimits, wsgi_environ
from receiver.limits import BODY_BYTES_PER_SECOND, MAX_CONNECTIONS, RESERVED_FILES
from receiver.problems import Unavailable, problem
from receiver.proof.signatures import signatures_in


class Listener(StreamServer):
    """Accepts connections on the port, and has the app serve their requests. start() raises OSError if it cannot open the port.

    `connections` has the connections in each state; the one that has been in it longest is first.
    """

    # gevent accepts so many in one turn of the event loop. With many more, some would be closed again for later ones (do_handle)
    # before their greenlets have run at all.
    max_accept = 8

    def __init__(self, app: WebhookApp, limits: HttpLimits = HTTP_LIMITS):
        super().__init__(('0.0.0.0', app.settings.port), handle=self.do_handle, backlog=4096)
        self.app = app
        self.application: Callable[..., Iterable[bytes]] = app  # any WSGI application would do
        self.limits = limits
        self.most_connections = set_connection_limit()
        self.connections: dict[State, dict[Connection, None]] = {state: {} for state in State}
        # Heads that arrive, or wait because they show no token. Those that wait with a signature have a queue of their own.
        self.heads = MemoryBudget(limits.heads_bytes, evicts_oldest=True, queues=[{}, {}])
        self.next_of_kind = Semaphore(), Semaphore()  # of the requests that wait without and with a signature
        self.turn = Semaphore()
        # Separate budgets, so that senders without a proof never evict one that has shown it.
        self.unsent = MemoryBudget(limits.unsent_bytes, evicts_oldest=True)
        self.unsent_unauthenticated = MemoryBudget(limits.unsent_unauthenticated_bytes, evicts_oldest=True)

    def full(self) -> bool:
        """Return whether there is no room for a new connection, even by closing another. gevent calls this before each accept."""
        return sum(map(len, self.connections.values())) >= self.most_connections and not self.least_needed()

    def do_handle(self, sock: Any, address: Any) -> None:
        """Start the greenlet of a new connection. If there are too many, first close another one. gevent's hub calls this."""
        if sum(map(len, self.connections.values())) >= self.most_connections and (least_needed := self.least_needed()):
            least_needed.greenlet.throw(gevent.GreenletExit)
            least_needed.close()  # in case its greenlet had not started
        with suppress(OSError):  # the sender may have reset it already
            # With Nagle's algorithm each response on a kept connection took 44 ms instead of 0.6 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Connection(sock, address[0], self)

    def least_needed(self) -> Connection | None:
        """Return the connection to close for a new one, or None if each serves an accepted request."""
        in_order = (each for state in State for each in self.connections[state])
        return next((each for each in in_order if not (each.request and each.request.is_accepted)), None)

    def admit_more(self) -> None:
        """Let gevent admit further connections, if it stopped because full() was true."""
        if self.started:
            self.start_accepting()

    def wait_for_turn(self, request: Request) -> None:
        """Wait until a request without a token may be served. If that takes too long or too much memory, it gets a `rejection`.

        One of each kind, with and without a signature, waits for the turn, and the others of its kind wait behind it: so the
        kinds alternate, and unsigned requests, however many, at most double the wait of a signed one. All other greenlets run
        between two turns. So all these requests, whatever their responses will be, take no more CPU than one accepted sender.
        """
        # Only the first signature is read here. All are read when they are checked: kept with a request that waits, they would
        # take several times the memory that is reserved for its head.
        is_signed = any(signatures_in(request.headers, self.app.settings.tokens))
        try:
            # The head as bytes, then as the str of its headers; and what the sender has sent without waiting for the response.
            with (closing(MemoryClaim(self.heads, 2 * request.head_size + 2048 + request.bytes_behind(), queue=is_signed)),
                  gevent.Timeout(self.limits.body_grace_seconds, no_memory_left()), self.next_of_kind[is_signed]):
                self.turn.acquire()
            gevent.spawn_later(0.0001, self.turn.release)  # after 0 gevent might return 50 times before it looks at a socket
        except Unavailable:
            request.rejection = too_many_requests()

    def response(self, request: Request, peer: str) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return the status, headers and content of the response to a request: the application's, or that to its rejection."""
        request.is_accepted = not request.rejection and self.app.accepts(request)
        if not request.is_accepted:
            self.wait_for_turn(request)
        if request.rejection:
            request.log_note = request.rejection.detail
            rejected = problem(request.rejection.status, request.log_note, {**request.rejection.headers, 'Connection': 'close'})
            return rejected.status_line, [*rejected.headers.items()], rejected.body.encode()
        request.body.rfile.expect(self.limits.body_grace_seconds, BODY_BYTES_PER_SECOND)  # from now on the body is waited for
        start: list[Any] = []
        pieces = self.application(wsgi_environ(request, peer, self.server_port or 0), lambda *args: start.extend(args))
        try:
            content = b''.join(pieces)  # a single piece is not copied
        finally:
            getattr(pieces, 'close', bool)()  # PEP 3333 asks for it
            bottle_response.body = b''  # Bottle would keep a large one until the next request
        return start[0], [*start[1]], content

    @property
    def is_idle(self) -> bool:
        """Return whether no request is being served."""
        return not any(each.request for each in chain(*self.connections.values()))


def set_connection_limit() -> int:
    """Set the process's limit of open files to suit MAX_CONNECTIONS, and return how many connections it allows.

    A further connection waits in the listen queue.
    """
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(MAX_CONNECTIONS + RESERVED_FILES, hard_limit if hard_limit != resource.RLIM_INFINITY else sys.maxsize)
    with suppress(ValueError, OSError):  # macOS allows fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard_limit))
        soft_limit = wanted
    return soft_limit - RESERVED_FILES
