"""Turns of the server's one thread, which long work must give to the requests that arrive meanwhile."""
from __future__ import annotations

import time

import gevent

WORK_SECONDS = 0.01  # between two turns
TURN_SECONDS = 0.0001  # not 0: a greenlet that sleeps for no time is continued before the loop has looked at any socket


class Turns:
    """The turns during one piece of work."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def give(self) -> None:
        """Let waiting requests run, at most once per WORK_SECONDS."""
        if time.monotonic() - self._last >= WORK_SECONDS:
            gevent.sleep(TURN_SECONDS)
            self._last = time.monotonic()
