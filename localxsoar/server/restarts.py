"""The rule by which a container that ended is started again."""
from __future__ import annotations

FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 10.0
QUICK_END_SECONDS = 10  # a container that ends sooner is started again with a growing delay
ENDS_AT_ONCE = 3  # so many in a row, and the next would end in the same way


class Restarts:
    """The delays between the containers of an instance."""

    def __init__(self) -> None:
        self._delay = FIRST_DELAY_SECONDS
        self._at_once = 0
        self.quick_ends = 0  # in a row

    def next_delay(self, seconds: float, was_ready: bool) -> float | None:
        """Return the delay after a container that ran for `seconds`, or None if it is pointless to start another."""
        is_quick = seconds < QUICK_END_SECONDS
        self._at_once = self._at_once + 1 if is_quick and not was_ready else 0
        self.quick_ends = self.quick_ends + 1 if is_quick else 0
        if self._at_once == ENDS_AT_ONCE:
            return None
        delay = self._delay if is_quick else FIRST_DELAY_SECONDS
        self._delay = min(2 * delay, LONGEST_DELAY_SECONDS)
        return delay
