"""Live events for the page. Each has a number, so that a page that reconnects gets what it missed."""
from __future__ import annotations

import json
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

KEPT_EVENTS = 2000
KEEP_ALIVE_SECONDS = 15.0  # a write is the only way to notice that a browser has closed its connection
RESET = b'event: reset\ndata: {}\n\n'


class Events:
    """The latest events. Any thread may publish; each page waits in a thread or greenlet of its own."""

    def __init__(self) -> None:
        self._run = uuid.uuid4().hex[:8]  # part of each id: a page must not resume with the numbers of an earlier server
        self._count = 0
        self._kept: deque[tuple[int, str]] = deque(maxlen=KEPT_EVENTS)
        self._changed = threading.Condition()
        self.mask: Callable[[Any], Any] = lambda data: data

    def publish(self, kind: str, data: Any) -> None:
        """Send an event with masked data to every page, and keep it for those that reconnect."""
        text = json.dumps(self.mask(data))
        with self._changed:
            self._count += 1
            self._kept.append((self._count, f'id: {self._run}-{self._count}\nevent: {kind}\ndata: {text}\n\n'))
            self._changed.notify_all()

    def follow(self, last_id: str = '', keep_alive: float = KEEP_ALIVE_SECONDS) -> Iterator[bytes]:
        """Yield server-sent events after `last_id`, without end. A `reset` event says that some can no longer be sent."""
        position = self._position(last_id)
        if last_id and position is None:
            yield RESET
        seen = self._count if position is None else position
        yield f'id: {self._run}-{seen}\nretry: 1000\nevent: hello\ndata: {{}}\n\n'.encode()
        while True:
            with self._changed:
                if self._count == seen:
                    self._changed.wait(keep_alive)
                missed = [text for number, text in self._kept if number > seen]
                are_lost = self._count - seen > len(missed)
                seen = self._count
            yield RESET if are_lost else ''.join(missed).encode() or b': still here\n\n'

    def _position(self, last_id: str) -> int | None:
        """Return the number in an event id, or None if events after it are no longer kept."""
        run, _, number = last_id.partition('-')
        oldest = self._kept[0][0] if self._kept else self._count + 1
        is_known = run == self._run and number.isdecimal() and oldest - 1 <= int(number) <= self._count
        return int(number) if is_known else None
