"""What tests by chance share: their seed and number of examples; and what those of pure state share: incidents, turns."""
from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import gevent
from clocks import Clock
from GenericWebhook import MemoryBudget, MemoryClaim, Unavailable
from gevent.event import AsyncResult, Event
from hypothesis import seed, settings

# The same examples in every run. The weekly run sets both, for others.
SEED = int(os.environ.get('SEED', '19'))
ROUNDS = int(os.environ.get('ROUNDS', '0'))  # 0: as many as a test says, enough to reach every case


def examples(count: int, **options: Any) -> settings:
    """Return the settings of a test with so many examples. A state machine needs `seed(SEED)` beside them."""
    return settings(max_examples=ROUNDS or count, deadline=None, database=None, **options)


def by_chance(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a test so many examples, by SEED."""
    return lambda test: seed(SEED)(examples(count)(test))


def incident(name: str = 'a', details: bytes = b'{}') -> dict[str, Any]:
    """Return an incident as it waits for its call."""
    return {'name': name, 'type': None, 'occurred': '', 'rawJSON': details}


class TimedResult(AsyncResult):
    """A result for which greenlets wait by a clock. (At run time, gevent takes no type argument.)"""

    clock: Clock

    def wait(self, timeout: float | None = None) -> None:
        ends_at = self.clock.now + (timeout or 0)
        while not self.ready() and self.clock.now < ends_at:
            gevent.sleep(0)


def let_greenlets_run() -> None:
    """Give every greenlet enough turns to come to its next wait."""
    for _ in range(5):
        gevent.sleep(0)


@contextmanager
def turns_of_another() -> Iterator[list[bool]]:
    """Have a greenlet that only takes turns until the block ends, and yield a list with an item for each."""
    def take_turns() -> None:
        while True:
            turns.append(True)
            gevent.sleep(0)

    turns: list[bool] = []
    other = gevent.spawn(take_turns)
    try:
        yield turns
    finally:
        other.kill()


def hold(room: MemoryBudget, size: int, lane: int = 0) -> gevent.Greenlet:
    """Have a greenlet hold so many bytes of a room until it is cut."""
    def take() -> None:
        with suppress(Unavailable), closing(MemoryClaim(room, size, lane)):
            Event().wait()

    holder = gevent.spawn(take)
    gevent.sleep(0)
    return holder


def peak_of(work: Callable[[], object]) -> int:
    """Return the most bytes that Python's objects take beside those that are there before the work."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
