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
no_memory_left = partial(Unavailable, 'Too many bodies arrive at the same time: nothing was created, send it again later.',
                  Connection='close')


class MemoryClaim:
    """The bytes of a MemoryBudget that one greenlet has, the one that makes the claim, until it is closed or evicted."""

    def __init__(self, budget: 'MemoryBudget', size: int = 0, queue: int = 0):
        """Take `size` bytes of a queue of the budget. Raise Unavailable, as `reserve` does."""
        self.budget, self.queue, self.size = budget, budget.queues[queue], 0
        self.greenlet = gevent.getcurrent()
        self.callback: Any = None  # by which the event loop is about to throw Unavailable into the greenlet
        self.queue[self] = None
        self.reserve(size)

    def reserve(self, size: int) -> None:
        """Change the claim to `size` bytes in total; only its greenlet may do that. While the budget is too full, evict claims.

        Raise Unavailable if this claim is evicted for that, or has been evicted, made permanent or closed before. The greenlet
        of any other that is evicted gets Unavailable soon, from the event loop.
        """
        if self not in self.queue:
            raise no_memory_left()
        self.budget.reserved += size - self.size
        self.size = size
        while self.budget.reserved > max(self.budget.limit, size):  # a claim that is alone may exceed the limit
            evicted = self.budget.oldest_of_fullest_queue() if self.budget.evicts_oldest else self
            evicted.close()
            if evicted is self:
                raise no_memory_left()
            evicted.callback = gevent.get_hub().loop.run_callback(evicted.greenlet.throw, no_memory_left())

    def make_permanent(self) -> None:
        """Protect the claim from being evicted; it counts until it is closed."""
        del self.queue[self]

    def close(self) -> None:
        """Give the bytes back to the budget. This may be called several times.

        An exception that was not thrown yet would hit whatever the greenlet does next: drop it.
        """
        self.budget.reserved -= self.size
        self.size = 0
        self.queue.pop(self, None)
        if self.callback:
            self.callback.stop()


class MemoryBudget(Struct):
    """A limit on the bytes of memory that greenlets use together, such as for the bodies that they read.

    When all claims together exceed the limit, one is evicted: it is closed, and its greenlet gets Unavailable. It is the one
    that has just grown, or with `evicts_oldest` the oldest one of the queue with the most bytes. A claim that was made permanent
    still counts, but is never evicted. As long as none is, a queue with at most `limit / queues` bytes loses none to another
    queue: so a flood of requests of one kind evicts none of another. A claim that is alone may exceed the limit.

    An example with the limit 100 and `evicts_oldest`: A reserves 60 bytes, then B 30 and C 40. The sum is 130, so A is evicted,
    and 70 remain: A's greenlet gets Unavailable as soon as the event loop runs it. If A's 60 are permanent, B is evicted instead,
    and 100 remain. If C reserves 90 and B's 30 are permanent, A is evicted, and then C, which gets Unavailable at once, from its
    `reserve`.
    """

    limit: int
    evicts_oldest: bool = False
    # In each queue are the claims that can be evicted, the oldest first.
    queues: list[dict[MemoryClaim, None]] = field(default_factory=lambda: [{}])
    reserved: int = 0  # the sum of all claims

    def oldest_of_fullest_queue(self) -> MemoryClaim:
        """Return the oldest claim of the queue with the most bytes. There is one: the claim that has just grown."""
        fullest = max(filter(None, self.queues), key=lambda queue: sum(claim.size for claim in queue))
        return next(iter(fullest))


def read_body(source: Any, limit: int, claim: MemoryClaim, overhead: int = 0) -> bytes:
    """Return a body of at most `limit` bytes, read from `source`, which has `size` and `read()` as a RequestBody has.

    The claim grows with the body, plus `overhead` bytes, and is made permanent when the body is complete.
    Raise TooLarge, BadRequest, or (if there is no room, or the body arrives too slowly) Unavailable.
    """
    body = io.BytesIO()  # getvalue() makes no copy
    has_more = True
    try:
        while has_more:
            if source.size > limit:  # on every pass: the size of a chunked body grows as it arrives
                raise TooLarge(f'The body is larger than {limit / MIB:g} MiB.')
            let_others_run_if_due()
            claim.reserve(overhead + body.tell() + PIECE_BYTES)  # before the read: a piece takes memory while it arrives
            has_more = body.write(source.read(PIECE_BYTES)) > 0
    except TimeoutError:
        raise Unavailable('The body came too slowly; send it again.', Connection='close') from None
    except (OSError, ValueError):
        raise BadRequest('The body ended early, or its chunks are not well-formed.', Connection='close') from None
    claim.reserve(overhead + body.tell())
    claim.make_permanent()
    return body.getvalue()
