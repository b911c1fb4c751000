"""The memory that bodies may use together, and how a body is read within it."""
import io
from functools import partial
from typing import Any

import gevent
from msgspec import Struct, field

from receiver.limits import MIB
from receiver.problems import BadRequest, TooLarge, Unavailable
from receiver.sharing import let_others_run_if_due

# This room limits the size of a body (read_body), the memory of all bodies together (Intake.body), the number of
# large bodies that are processed at a time (Intake.take_turn), and the size of a body after decompression (decompress).
# The limits on its pace (PacedSocket) and its framing (RequestBody) are in http.
PIECE_BYTES = 16 * 1024  # long work is done in pieces of this size, and other greenlets can run between them


# RFC 9112, 9.3: the connection has to close when part of a body remains unread.
no_room = partial(Unavailable, 'Too many bodies arrive at the same time: nothing was created, send it again later.',
                  Connection='close')


class Share:
    """The bytes of a Room that one greenlet has, the one that makes the share, until it is closed or evicted."""

    def __init__(self, room: 'Room', size: int = 0, lane: int = 0):
        """Take `size` bytes of a lane of the room. Raise Unavailable, as `reserve` does."""
        self.room, self.lane, self.size = room, room.lanes[lane], 0
        self.greenlet = gevent.getcurrent()
        self.callback: Any = None  # by which the event loop is about to throw Unavailable into the greenlet
        self.lane[self] = None
        self.reserve(size)

    def reserve(self, size: int) -> None:
        """Change the share to `size` bytes in total; only its greenlet may do that. While the room is too full, evict shares.

        Raise Unavailable if this share is evicted for that, or has been evicted, settled or closed before. The greenlet of any
        other that is evicted gets Unavailable soon, from the event loop.
        """
        if self not in self.lane:
            raise no_room()
        self.room.reserved += size - self.size
        self.size = size
        while self.room.reserved > max(self.room.limit, size):  # a share that is alone may exceed the limit
            evicted = self.room.oldest_of_fullest_lane() if self.room.evicts_oldest else self
            evicted.close()
            if evicted is self:
                raise no_room()
            evicted.callback = gevent.get_hub().loop.run_callback(evicted.greenlet.throw, no_room())

    def settle(self) -> None:
        """Protect the share from being evicted; it counts until it is closed."""
        del self.lane[self]

    def close(self) -> None:
        """Give the bytes back to the room. This may be called several times.

        An exception that was not thrown yet would hit whatever the greenlet does next: drop it.
        """
        self.room.reserved -= self.size
        self.size = 0
        self.lane.pop(self, None)
        if self.callback:
            self.callback.stop()


class Room(Struct):
    """A limit on the bytes of memory that greenlets use together, such as for the bodies that they read.

    When all shares together exceed the limit, one is evicted: it is closed, and its greenlet gets Unavailable. It is the one that
    has just grown, or with `evicts_oldest` the oldest one of the lane with the most bytes. A share that was settled still
    counts, but is never evicted. As long as none is, a lane with at most `limit / lanes` bytes loses none to another lane: so a
    flood of requests of one kind evicts none of another. A share that is alone may exceed the limit.

    An example with the limit 100 and `evicts_oldest`: A reserves 60 bytes, then B 30 and C 40. The sum is 130, so A is evicted,
    and 70 remain: A's greenlet gets Unavailable as soon as the event loop runs it. If A has settled its 60 before, B is evicted
    instead, and 100 remain. If C reserves 90 and B has settled its 30, A is evicted, and then C, which gets Unavailable at once,
    from its `reserve`.
    """

    limit: int
    evicts_oldest: bool = False
    lanes: list[dict[Share, None]] = field(default_factory=lambda: [{}])  # in each, those that can be evicted, the oldest first
    reserved: int = 0  # the sum of all shares

    def oldest_of_fullest_lane(self) -> Share:
        """Return the oldest share of the lane with the most bytes. There is one: the share that has just grown can be evicted."""
        fullest = max(filter(None, self.lanes), key=lambda lane: sum(share.size for share in lane))
        return next(iter(fullest))


def read_body(source: Any, limit: int, share: Share, overhead: int = 0) -> bytes:
    """Return a body of at most `limit` bytes, read from `source`, which has `size` and `read()` as a RequestBody has.

    The share grows with the body, plus `overhead` bytes, and is settled when the body is complete.
    Raise TooLarge, BadRequest, or (if there is no room, or the body arrives too slowly) Unavailable.
    """
    body = io.BytesIO()  # getvalue() makes no copy
    has_more = True
    try:
        while has_more:
            if source.size > limit:  # on every pass: the size of a chunked body grows as it arrives
                raise TooLarge(f'The body is larger than {limit / MIB:g} MiB.')
            let_others_run_if_due()
            share.reserve(overhead + body.tell() + PIECE_BYTES)  # before the read: a piece takes memory while it arrives
            has_more = body.write(source.read(PIECE_BYTES)) > 0
    except TimeoutError:
        raise Unavailable('The body came too slowly; send it again.', Connection='close') from None
    except (OSError, ValueError):
        raise BadRequest('The body ended early, or its chunks are not well-formed.', Connection='close') from None
    share.reserve(overhead + body.tell())
    share.settle()
    return body.getvalue()
