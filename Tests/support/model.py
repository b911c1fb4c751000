"""What the models of pure state share: the seed, the number of examples, a clock that they set, and turns for greenlets."""
from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Any
from unittest import mock

import GenericWebhook
import gevent

SEED = int(os.environ.get('SEED', '19'))
ROUNDS = int(os.environ.get('ROUNDS', '0'))  # 0: as many as the model needs to reach every case


class Clock:
    """Takes the place of the script's `time` while it is entered, and goes on only when it is set.

    Times are multiples of 1/1024 s, so that sums of them are exact.
    """

    def __init__(self) -> None:
        self.now = 0.0  # before any time that the script's timer for yields has seen: no greenlet yields because of it
        self.patch = mock.patch.object(GenericWebhook, 'time', self)

    def monotonic(self) -> float:
        return self.now

    def __getattr__(self, name: str) -> Any:
        """Return what is not set here: greenlets of the script that earlier tests started go on meanwhile, and need it."""
        return getattr(time, name)

    def __enter__(self) -> Clock:
        self.patch.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.patch.stop()


class TimedResult:
    """A gevent result for which greenlets wait by this clock."""

    def __init__(self, result: Any, clock: Clock) -> None:
        self.ready = result.ready
        self.clock = clock

    def wait(self, seconds: float) -> None:
        ends_at = self.clock.now + seconds
        while not self.ready() and self.clock.now < ends_at:
            gevent.sleep(0)


def let_greenlets_run() -> None:
    """Give every greenlet enough turns to come to its next wait."""
    for _ in range(5):
        gevent.sleep(0)
