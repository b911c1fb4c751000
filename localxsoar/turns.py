"""Turns of the server's one thread, which long work must give to the requests that arrive meanwhile."""
from __future__ import annotations

import gevent

TURN_SECONDS = 0.0001  # not 0: a greenlet that sleeps for no time is continued before the loop has looked at any socket


def give_turn() -> None:
    """Let every request go on that has something to read or write."""
    gevent.sleep(TURN_SECONDS)
