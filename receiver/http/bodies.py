"""The body of a request without its chunked framing."""
import io
import re
from collections.abc import Callable
from typing import Any

from receiver.body.memory import PIECE_BYTES
from receiver.http.heads import FIELD_TEXT, HTTP_FIELD
from receiver.limits import MAX_FRAMING_BYTES

# RFC 9112 section 7.1: a chunk begins with its size in hexadecimal digits; extensions after a semicolon are ignored.
CHUNK_SIZE = re.compile(rb'([0-9A-Fa-f]{1,16})(?:[ \t]*|;' + FIELD_TEXT + rb')\r\n')
# A trailer, or the empty line after the last one. RFC 9110 section 6.5.1: a trailer can't change where the body ends.
TRAILER = re.compile(rb'(?:(?!(?i:content-length|transfer-encoding):)' + HTTP_FIELD + rb')?\r\n')
CHUNK_END = re.compile(rb'\r\n')


class RequestBody(io.RawIOBase):
    """The body of one request without its chunked framing, as `wsgi.input`.

    The framing may take MAX_FRAMING_BYTES plus an eighth of each read. Otherwise a body in chunks of one byte would
    cost 100 times as much CPU as its size justifies.
    """

    def __init__(self, rfile: Any, length: int, has_chunks: bool):
        self.rfile = rfile  # has `read` and `readline`, like PacedSocket
        self.size = length  # of the whole body; if it has chunks, of those that have begun to arrive
        self.remaining = length  # bytes still to read of the body, or of the current chunk
        self.has_chunks = has_chunks  # whether another chunk follows
        self.remaining_framing = MAX_FRAMING_BYTES
        self.send_continue: Callable[[], None] | None = None  # for a sender that waits for 100 Continue

    def read(self, size: int = -1) -> bytes:
        """Return from 1 to `size` bytes, or none at the end. Raise OSError, and ValueError for bad framing."""
        if size < 0:
            return self.readall()
        if self.send_continue:
            self.send_continue()
            self.send_continue = None
        if self.has_chunks and not self.remaining:
            self.read_chunk_size()
        data: bytes = self.rfile.read(min(size, self.remaining))
        if size and self.remaining and not data:
            raise ConnectionError('the body ends early')
        self.remaining -= len(data)
        self.remaining_framing += len(data) // 8
        if self.has_chunks and not self.remaining:
            self.read_framing(CHUNK_END)
        return data

    def read_chunk_size(self) -> None:
        """Read the size of the next chunk. The last chunk is empty, and trailers follow it: read these, too."""
        self.remaining = int(self.read_framing(CHUNK_SIZE)[1], 16)
        self.size += self.remaining
        self.has_chunks = self.remaining > 0
        while not self.has_chunks and self.read_framing(TRAILER)[1]:  # the name, which is None in the empty line that ends them
            pass

    def read_framing(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Read one line of framing, and return its match. Raise ValueError if it does not match, or is too long."""
        # The buffer holds the whole line, and read_body has reserved memory for one piece.
        framing = self.rfile.readline(min(self.remaining_framing, PIECE_BYTES))
        self.remaining_framing -= len(framing)
        if not (match := pattern.fullmatch(framing)):
            raise ValueError('the framing is not well-formed, or too much')
        return match

    @property
    def can_be_dropped(self) -> bool:
        """Return whether what remains is known and small, so that the connection can be kept for the next request."""
        # A sender that still waits for 100 Continue may send the body or not.
        return not self.has_chunks and not self.send_continue and self.remaining <= PIECE_BYTES
