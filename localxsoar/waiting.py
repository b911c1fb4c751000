"""Waiting for a condition: the only way in which tests and measurements wait."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 300  # ends a wait that would never end; any machine is faster


def wait_for(condition: Callable[[], Any], what: str = 'the condition', seconds: float = PATIENCE_SECONDS,
             every: float = 0.01, sleep: Callable[[float], Any] = time.sleep) -> Any:
    """Return the first true value of the condition. Raise AssertionError if there is none within `seconds`.

    Ask every `every` seconds, in a long wait up to five times more rarely: what is waited for may need the processor.
    """
    deadline = time.monotonic() + seconds
    rest = every
    while not (value := condition()):
        assert time.monotonic() < deadline, f'{what} did not come true within {seconds:g} s'
        sleep(rest)
        rest = min(1.2 * rest, 5 * every)
    return value
