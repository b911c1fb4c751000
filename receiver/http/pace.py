"""The pace at which a sender has to send and to read."""
import time
from typing import Any

import gevent

from receiver.body.memory import PIECE_BYTES
from receiver.limits import MIB

# Everything that reads or frames HTTP is here, in the order of a request: the pace of its bytes (PacedSocket), the request
# line, the headers, the end of the head, the body and its chunks (RequestBody), the WSGI environ; then the connection and
# the listener. The parser is the project's own because it rejects more than others: of the 55 forbidden forms of
# Tests/receiver/http/test_http.py gunicorn accepts 9, httptools 17, h11 23 and waitress 30, of the 37 that are heads gevent's
# pywsgi accepts 26; this one accepts none. tools/fuzzing/framing.py compares it with h11 and httptools.


class PacedSocket:
    """A sender's socket, with one time allowance for what is next: an idle time, a head, a body, a response, or its end.

    A wait beyond its end raises TimeoutError, and a broken connection OSError. `buffer` contains the bytes that have arrived and
    that no read has returned yet.
    """

    def __init__(self, sock: Any):
        self.socket = sock
        self.buffer = bytearray()

    def expect(self, seconds: float, bytes_per_second: float = float('inf')) -> None:
        """Start a time allowance of `seconds`, extended by the time that arriving data takes at `bytes_per_second`."""
        self.seconds, self.bytes_per_second, self.received = seconds, bytes_per_second, 0
        self.ends_at = time.monotonic() + seconds

    def limit_wait(self) -> Any:
        """Return the socket, on which the next wait ends with the time allowance. Raise TimeoutError if that has ended."""
        if (remaining_seconds := self.ends_at - time.monotonic()) <= 0:
            raise TimeoutError('the sender is too slow')
        self.socket.settimeout(remaining_seconds)
        return self.socket

    def read(self, size: int) -> bytes:
        """Return from 1 to `size` bytes, or none at the end. Raise OSError."""
        if size and not self.buffer:
            return self.receive(size)
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def readline(self, limit: int) -> bytes:
        """Return the bytes up to and including the next line feed, at most `limit`. Raise OSError."""
        searched = 0
        while len(self.buffer) < limit and self.buffer.find(b'\n', searched) < 0:
            searched = len(self.buffer)
            if not self.fill(limit - searched):
                break
        line_length = self.buffer.find(b'\n', 0, limit) + 1  # 0 if the line is longer than the limit, or not ended
        return self.read(line_length or limit) if self.buffer else b''  # read would wait for more

    def fill(self, size: int = PIECE_BYTES) -> bool:
        """Wait for bytes, and add at most `size` of them to the buffer. Return False at the end. Raise OSError."""
        piece = self.receive(size)
        self.buffer += piece
        return bool(piece)

    def receive(self, size: int) -> bytes:
        """Wait for bytes from the socket, and return at most `size` of them. Raise OSError, also if they are too many."""
        if self.received:
            gevent.sleep(0)  # otherwise this greenlet would read all that has arrived before another can run
        data: bytes = self.limit_wait().recv(size)
        self.received += len(data)
        if self.received > 64 * MIB:  # more than twice the largest body: that much of a rejected body is read and thrown away
            raise OSError('the sender sends too much')
        # No later than after `seconds`, so that a sender that stops is cut off within the grace period.
        self.ends_at = min(self.ends_at + len(data) / self.bytes_per_second, time.monotonic() + self.seconds)
        return data
