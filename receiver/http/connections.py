"""A connection: one request after another, its responses, and its lines of the log."""
import io
import select
import socket
import time
from contextlib import closing, suppress
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import gevent
from gevent.event import Event

from receiver.app import WebhookApp
from receiver.body.memory import PIECE_BYTES, MemoryBudget, MemoryClaim
from receiver.handshakes import Request
from receiver.http.environ import HttpLimits, parse_head
from receiver.http.heads import EMPTY_LINES_BEFORE, MAX_REQUEST_START_BYTES, head_length
from receiver.http.pace import PacedSocket
from receiver.journal.history import HistoryEntry
from receiver.limits import BODY_BYTES_PER_SECOND
from receiver.line import ServerLine, has_hung_up
from receiver.problems import Rejected, Unavailable, escaped
from receiver.proof.secrets import contains_token
from receiver.queue.posts import Post, find_delivery_id

RESET_SECONDS = 1  # in which a connection whose sender reads no response is reset


class State(StrEnum):
    """What happens on a connection. Those that are needed least, and are closed first for new ones, come first."""

    LINGERING = 'the last response was sent, and what still arrives is thrown away'
    IDLE = 'a response was sent, and nothing of the next request has arrived'
    BEGUN = 'a request arrives, waits or is served; or the connection is new'


class Trace(NamedTuple):
    """What the log and the history say of a request besides its result. It keeps nothing of the request in memory."""

    began: float  # by the monotonic clock
    method: str
    origin: str  # the part of the log line that says whose request it is
    entry: HistoryEntry  # without the time, the status, the result and the note


class ConnectionOwner(Protocol):
    """What a connection uses of its listener: an `http.listener.Listener` has it."""

    connections: dict[State, dict['Connection', None]]
    limits: HttpLimits
    app: WebhookApp
    heads: MemoryBudget
    unsent: MemoryBudget
    unsent_unauthenticated: MemoryBudget

    def admit_more(self) -> None:
        """Accept connections again if there is room for one."""

    def response(self, request: Request, peer: str) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return the status, headers and content of the response to a request."""


class Connection:
    """One sender's requests, one after the other, each with its response and its line in the log."""

    def __init__(self, sock: Any, peer: str, listener: ConnectionOwner):
        self.stream, self.peer, self.listener = PacedSocket(sock), peer, listener
        self.request: Any = None  # the Request that waits or is served
        self.asked: Any = None  # the Post whose sender is asked for a retry by the last response
        self.state = State.BEGUN
        listener.connections[State.BEGUN][self] = None
        self.greenlet = gevent.spawn_raw(self.serve)

    def enter(self, state: State) -> None:
        """Leave the present state for another one."""
        del self.listener.connections[self.state][self]
        self.state = state
        self.listener.connections[state][self] = None
        self.listener.admit_more()  # this connection may be closed for a new one now

    def serve(self) -> None:
        """Serve one request after the other, until the sender, a response or the pace ends the connection. Then close it.

        This is all that the greenlet of a connection does. An idle one waits here, where its stack is small.
        """
        seconds, could_read = self.listener.limits.head_seconds, False
        try:
            while self.await_request(seconds):
                self.request = self.read_request()
                if not self.respond(self.request, *self.listener.response(self.request, self.peer)):
                    could_read = self.linger()
                    break
                self.request.body.readall()  # what nobody read of it
                self.request, seconds = None, self.listener.limits.idle_seconds  # nothing outlives its request
                self.enter(State.IDLE)
        except (OSError, Unavailable):  # the sender is gone or too slow, or was evicted: nothing more can be sent to it
            pass
        finally:
            self.close(could_read)

    def await_request(self, seconds: float) -> bool:
        """Wait until a request begins to arrive. Return False if the sender closes its side before. Raise OSError."""
        stream = self.stream
        stream.expect(seconds)
        # Otherwise one that sends many requests at once would have them served before another can run. And the responses of one
        # call go first, before any further request is read: responses and requests in turns take a seventh more CPU.
        gevent.sleep(0)
        while True:
            del stream.buffer[:EMPTY_LINES_BEFORE.match(stream.buffer).end()]  # type: ignore[union-attr]
            if bytes(stream.buffer[:2]) not in (b'', b'\r'):  # a line feed may follow
                return True
            if not stream.fill():
                return False

    def read_request(self) -> Request:
        """Return the request whose first bytes are in the buffer, with a `rejection` if it can't be served. Raise OSError."""
        stream, head = self.stream, b''
        self.enter(State.BEGUN)
        self.began = time.monotonic()  # for the log
        try:
            head = self.read_head()
            lines = io.BytesIO(head)
            request = parse_head(lines.readline(MAX_REQUEST_START_BYTES), lines)
            request.body.rfile = stream
            if request.version == 'HTTP/1.1' and request.headers.get('expect', '').lower() == '100-continue':  # RFC 9110, 10.1.1
                request.body.send_continue = partial(stream.socket.sendall, b'HTTP/1.1 100 Continue\r\n\r\n')
        except Rejected as rejection:
            rejection.__traceback__ = None  # its frames would keep the head in memory
            # The method decides whether the response has content: that to a HEAD has none (RFC 9110, 9.3.2).
            request = Request('HEAD' if (head or stream.buffer).startswith(b'HEAD ') else '-', rejection=rejection)
            stream.buffer = bytearray()
        request.head_size, request.is_gone, request.bytes_behind = len(head), self.is_gone, self.bytes_behind
        return request

    def read_head(self) -> bytes:
        """Return the head that arrives, or what arrived if it can't become one or has ended. Raise Rejected, OSError."""
        stream = self.stream
        length = head_length(stream.buffer, 0) or self.wait_for_head()  # most arrive whole
        # A new buffer rather than `del buffer[:length]`: that would keep the whole old block in memory for the few bytes left.
        head, stream.buffer = bytes(stream.buffer[:length]), stream.buffer[length:]
        return head

    def wait_for_head(self) -> int:
        """Wait for the rest of a head. Return its length, or that of what arrived before its end. Raise Rejected, OSError."""
        stream, length = self.stream, 0
        stream.expect(self.listener.limits.head_seconds)
        try:
            with closing(MemoryClaim(self.listener.heads)) as claim:
                while not length:
                    # If all heads take too much memory, the one that began first is rejected: another one, or this one.
                    claim.reserve(searched := len(stream.buffer))
                    length = head_length(stream.buffer, searched) if stream.fill() else searched
        except TimeoutError:
            raise Rejected('The head of the request came too slowly.', status=HTTPStatus.REQUEST_TIMEOUT) from None
        except Unavailable:
            raise too_many_requests() from None
        return length

    def linger(self) -> bool:
        """Throw away what arrives until the sender closes or its time allowance ends. Return whether it could read the response.

        RFC 9112 section 9.6: closing with unread data would reset the connection, and the sender might lose the response.
        A sender that is asked for a retry may have closed its side before: wait for the reset that shows that it reads nothing.
        """
        stream = self.stream
        self.request, stream.buffer = None, bytearray()
        self.enter(State.LINGERING)
        stream.socket.shutdown(socket.SHUT_WR)
        if self.asked:
            stream.expect(RESET_SECONDS)
        else:
            stream.expect(self.listener.limits.body_grace_seconds, BODY_BYTES_PER_SECOND)
        with suppress(TimeoutError):
            while stream.receive(PIECE_BYTES):
                pass
            if self.asked:
                gevent.sleep(max(stream.ends_at - time.monotonic(), 0))
        return stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0  # type: ignore[no-any-return]

    def close(self, could_read: bool = False) -> None:
        """Close the connection, in any state, also several times. Say whether its sender could read the last response."""
        self.listener.connections[self.state].pop(self, None)
        self.stream.socket.close()
        asked, self.asked, self.request = self.asked, None, None  # a request refers to its connection
        if asked:
            self.listener.app.deliveries.record_read(asked, could_read=could_read)
        self.listener.admit_more()

    def respond(self, request: Request, status: str, headers: list[tuple[str, str]], content: bytes) -> bool:
        """Log and send the response to a request. Return whether the connection stays open. Raise OSError, Unavailable."""
        options = request.headers.get('connection', '').lower().replace(' ', '').split(',')
        wants_to_stay = 'close' not in options and (request.version == 'HTTP/1.1' or 'keep-alive' in options)  # RFC 9112, 9.3
        names = {name.lower() for name, _ in headers}
        # The app sets the header Connection only to close the connection.
        stays_open = wants_to_stay and 'connection' not in names and request.body.can_be_dropped
        if 'connection' not in names:
            headers.append(('Connection', 'keep-alive' if stays_open else 'close'))
        if 'content-length' not in names and status[:3] != '204':  # RFC 9110 section 8.6
            headers.append(('Content-Length', str(len(content))))
        # Only a connection that closes shows whether its sender could read the response (see `linger`).
        if not status.startswith('2') and not stays_open and request.post and not request.post.finished.is_set():
            self.asked = request.post
            self.asked.ask_for_retry()
        self.log(request, int(status[:3]))
        headers.append(('Date', time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())))  # RFC 9110 section 6.6.1
        lines = [f'HTTP/1.1 {status}', *(f'{name}: {value}' for name, value in headers), '', '']
        self.send('\r\n'.join(lines).encode('latin-1'), b'' if request.method == 'HEAD' else content, request)
        return stays_open

    def send(self, head: bytes, content: bytes, request: Request) -> None:
        """Send the response to a request. If the socket does not take all at once, both count as unsent.

        The sender has to read at a minimum pace overall: if only its pauses were limited, it could read byte by byte for
        ever. Raise OSError, and Unavailable if too many responses are unsent.
        """
        size, sent, limits = len(head) + len(content), 0, self.listener.limits
        self.stream.socket.settimeout(0)
        with suppress(BlockingIOError):
            sent = self.stream.socket.sendmsg([head, content])  # in one packet if it is small, and with no copy if it is large
        if sent < size:
            self.stream.expect(limits.response_grace_seconds + size / limits.response_bytes_per_second)
            budget = self.listener.unsent if request.is_accepted else self.listener.unsent_unauthenticated
            with closing(MemoryClaim(budget, size + request.memory_bytes)):
                while sent < size:
                    unsent = memoryview(head)[sent:], memoryview(content)[max(sent - len(head), 0):]
                    sent += self.stream.limit_wait().sendmsg(unsent)

    def bytes_behind(self) -> int:
        """Return how many bytes have arrived that no request has read yet: of its body, or of the next requests."""
        return len(self.stream.buffer)

    def is_gone(self) -> bool:
        """Return whether the sender has closed the connection, or its sending side, or the connection is broken."""
        sock = self.stream.socket
        if hasattr(select, 'POLLRDHUP'):  # on Linux; it sees the end behind a further request that was sent already
            return has_hung_up(sock.fileno(), select.POLLRDHUP)
        sock.settimeout(0)
        with suppress(OSError):  # nothing has come; or a reset, behind which the next look finds the end
            return not sock.recv(1, socket.MSG_PEEK)
        return False

    def log(self, request: Request, status: int) -> None:
        """Log a request: one that goes on without its sender as soon as its incidents exist or are lost, any other at once."""
        line, trace, post = self.listener.app.line, self.trace(request), request.post
        if post and post.is_kept and not post.finished.is_set():
            if not post.original:
                post.finished.rawlink(partial(log_late_outcome, line, trace, request.skipped, request.url_note, post))
                return
            # Any number of repeats may come while the original waits, and none may stay in memory. So each is logged at once, as
            # a success: whether the event is lost is said in the line of the original.
            request.log_note, request.result = 'repeat of a request that waits for XSOAR (the sender had left)', 'repeat'
            status = HTTPStatus.OK
        # An accepted request that was read, and fails once its sender has left, is lost. A repeat never is.
        is_lost = status >= 500 and request.is_read and not (post and post.original) and request.is_gone()
        log_outcome(line, trace, status, request.log_note, request.result, request.url_note, has_left=is_lost)

    def redact(self, text: str, shown: str = '') -> str:
        """Return the part of a sender's text that the log shows, its start by default, or '...' if the text has a token."""
        return '...' if contains_token(self.listener.app.settings, text) else shown or text[:150]

    def quoted(self, text: str, shown: str = '') -> str:
        """Return what `redact` does as a field of the log, quoted so that it cannot forge another field."""
        return '"' + self.redact(text, shown).replace('"', r'\x22') + '"'

    def trace(self, request: Request) -> Trace:
        """Return what the log says of a request besides its result."""
        quoted = self.quoted
        claimed = request.headers.get('x-forwarded-for')  # anybody can claim anything, so it is shown beside the peer
        client = quoted(self.peer) + (f' for {quoted(claimed, last_addresses(claimed))}' if claimed else '')
        agent = quoted(request.headers.get('user-agent', '-'))
        size = request.body.size if request.body else None
        token = request.token.name if request.token else ''
        _, delivery_id, _ = find_delivery_id(request.headers) or ('', '', '')
        origin = (f'from {client} {agent}, {"-" if size is None else size} bytes' + (f', token {token}' if token else '')
                  + (f', delivery {quoted(delivery_id)}' if delivery_id else ''))
        entry = HistoryEntry(size=size or 0, is_accepted=request.is_accepted, product=request.product, token=token,
                             address=escaped(client.replace('"', ''), 140), user_agent=escaped(agent.replace('"', ''), 80))
        return Trace(self.began, self.redact(request.method), origin, entry)


def log_outcome(line: ServerLine, trace: Trace, status: int, note: str, result: str, url_note: str, has_left: bool) -> None:
    """Write the log line of a request: at level debug for a success, error if it is lost, else info, equal rejections counted."""
    is_rejected = status >= HTTPStatus.BAD_REQUEST
    level = ('error' if has_left else 'info') if is_rejected else 'debug'
    if level == 'error':
        note = f'lost: {note}'
    elif url_note and not is_rejected:
        note = f'{note}; {url_note}'
    milliseconds = round((time.monotonic() - trace.began) * 1000)
    text = f'{trace.method} {status} {milliseconds} ms, {trace.origin}: {note}' + ' (the sender had left)' * has_left
    line.log(level, text, reason=f'{status}: {note}' if level == 'info' else '')
    if is_rejected or result:
        line.record(trace.entry, status, note, result)


def log_late_outcome(line: ServerLine, trace: Trace, skipped: str, url_note: str, post: Post, _: Event) -> None:
    """Log how a post ended without its sender. `rawlink` passes the event that is set."""
    error = post.result.exception
    if isinstance(error, Rejected):
        status, note, result = error.status, error.detail, ''
    else:
        status, (note, result) = HTTPStatus.OK, post.note_and_result(skipped)
    log_outcome(line, trace, status, note, result, url_note, has_left=True)


def last_addresses(forwarded_for: str) -> str:
    """Return the last two addresses in an X-Forwarded-For header, each cut after 45 characters, the length of the longest.

    The nearest proxies wrote these. Before them a sender can write as many others as it likes.
    """
    return ', '.join(address.strip()[:45] for address in forwarded_for.rsplit(',', 2)[-2:])


too_many_requests = partial(Unavailable, 'Too many requests arrive at the same time: send it again later.')
