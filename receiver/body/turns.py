"""Large bodies, one at a time."""
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from gevent.lock import Semaphore

from receiver.body.memory import MemoryBudget, MemoryClaim, read_body
from receiver.limits import (
    HAND_OVER_SECONDS, MAX_ACCEPTED_BYTES, MAX_BODY_BYTES, MAX_CALL_BYTES, MAX_UNAUTHENTICATED_BYTES,
    MAX_UNAUTHENTICATED_SMALL_BYTES, MIB, SMALL_BODY_BYTES)
from receiver.problems import Unavailable


class Intake:
    """The bodies being read and processed: limits on their memory, and locks so that large ones are processed one at a time."""

    def __init__(self) -> None:
        self.accepted = MemoryBudget(MAX_ACCEPTED_BYTES)
        # Anyone can fill these two budgets, and keep them full with slow bodies, so new bodies displace the oldest ones.
        self.unauthenticated = MemoryBudget(MAX_UNAUTHENTICATED_BYTES, evicts_oldest=True)
        self.unauthenticated_small = MemoryBudget(MAX_UNAUTHENTICATED_SMALL_BYTES, evicts_oldest=True)
        # A lock for bodies above 4 MiB, one for those above 1 MiB, one for those above 64 KiB, and one for all others. So a
        # body waits only for others of about its size. Without the last lock, each of many small bodies would use the
        # event loop for 10 ms before a socket is served.
        self.locks = {above: Semaphore() for above in (MAX_CALL_BYTES, MIB, 64 * 1024, -1)}

    @contextmanager
    def body(self, source: Any, is_accepted: bool, limit: int = MAX_BODY_BYTES, overhead: int = 0) -> Iterator[bytes]:
        """Read a body and yield it. Reserve its bytes and the `overhead` of its request until the context ends.

        Raise what read_body raises.
        """
        size = limit if source.has_chunks else source.size  # a chunked body announces no size: assume the largest
        unauthenticated = self.unauthenticated_small if size <= SMALL_BODY_BYTES else self.unauthenticated
        with closing(MemoryClaim(self.accepted if is_accepted else unauthenticated)) as claim:
            yield read_body(source, limit, claim, overhead)

    def take_turn(self, size: int, is_gone: Callable[[], bool] = bool) -> ExitStack:
        """Wait for the right to process a body of this size, or to create the incidents of a large post. Return it as a context.

        At the end of the context, the next one of about this size has its turn; to close it several times changes nothing.
        Raise Unavailable after HAND_OVER_SECONDS. But if the sender is gone, go on waiting: nobody would read the 503 and send
        the request again. By default the sender is never gone: bool() is False.
        """
        lock = next(lock for above, lock in self.locks.items() if size > above)  # the largest sizes come first
        while not lock.acquire(timeout=HAND_OVER_SECONDS):
            if not is_gone():
                raise Unavailable('Other bodies take too long: nothing was created, send it again later.', Connection='close')
        turn = ExitStack()
        turn.push(lock)  # which is released at the end
        return turn


def work_size(text: bytes) -> int:
    """Return the size by which a body takes turns with others: that of its text, or more if it has many events."""
    events_at_most = text.count(b'{') + text.count(b'%7')  # nearly each event has a `{`; a form sends it as `%7B` or `%7b`
    # Many small events take as long as a larger body, and each may get a copy of all headers. So each counts as 1 KiB,
    # but all together as no more than 1 MiB.
    return max(len(text), min(1024 * events_at_most, MIB))
