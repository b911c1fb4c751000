"""What the models of pure state share: the seed, the number of examples, and turns for greenlets."""
from __future__ import annotations

import os
from typing import Any

import gevent
from clocks import Clock

SEED = int(os.environ.get('SEED', '19'))
ROUNDS = int(os.environ.get('ROUNDS', '0'))  # 0: as many as the model needs to reach every case


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
