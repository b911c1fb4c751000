"""What a person reads: one line for each thing that happens, with control characters escaped."""
from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from localxsoar.events import Events

LEVELS = ('debug', 'info', 'error')
FEW_WORDS = 110
print_now = partial(print, flush=True)
CONTROL_CHARACTERS = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


def escape(text: str) -> str:
    """The text on one line: control characters as Python writes them."""
    return CONTROL_CHARACTERS.sub(lambda match: match[0].encode('unicode_escape').decode(), text)


class Printer:
    """Prints lines from any thread, each whole, and publishes the events behind them."""

    def __init__(self, level: str = 'error', write: Callable[[str], None] = print_now) -> None:
        self._lowest = LEVELS.index(level)
        self._write = write
        self._lock = threading.Lock()
        self.events = Events()
        self.claim: Callable[[Sequence[dict[str, Any]]], None] | None = None

    def line(self, text: str) -> None:
        with self._lock:
            self._write(escape(text))

    def happened(self, text: str) -> None:
        """A line with the time at which it is printed."""
        self.line(f'{datetime.now():%H:%M:%S}  {text}')

    def alarm(self, text: str) -> None:
        """A line that must not be overlooked."""
        self.line(f'!!! {text}')

    def log(self, time: str, level: str, text: str) -> None:
        """A line of the container's log; printed if its level is high enough."""
        self.events.publish('log', {'time': time, 'level': level, 'text': text})
        if level not in LEVELS or LEVELS.index(level) >= self._lowest:
            self.happened(f'log {level:<5} {text}')

    def created(self, incidents: Sequence[dict[str, Any]]) -> None:
        """Incidents as they are made; whoever claims them says when they are printed."""
        if self.claim:
            self.claim(incidents)
        else:
            for incident in incidents:
                self.incident(incident)

    def incident(self, incident: dict[str, Any]) -> None:
        """An incident that no delivery's answer names."""
        self.happened(f"incident {incident['id']}  {incident['name']}")

    def delivery(self, delivery: dict[str, Any]) -> None:
        """A delivery, once it is answered, and what it became."""
        status = delivery['status'] or '---'
        path = '' if delivery['kind'] != 'refused' or delivery['status'] != 404 else f"{delivery['target']}  "
        self.happened(f"{delivery['method']:<4} {status} {delivery['milliseconds']:4.0f} ms  "
                      f"{delivery['sender'] or '-':<12}  {path}{became(delivery)}")


def became(delivery: dict[str, Any]) -> str:
    """What a delivery became, in a few words."""
    text = delivery['text'] if len(delivery['text']) <= FEW_WORDS else delivery['text'][:FEW_WORDS - 1] + '…'
    numbers = delivery['incidents']
    if not numbers:
        return f'handshake  {text}' if delivery['kind'] == 'handshake' else text
    which = f'incident {numbers[0]}' if len(numbers) == 1 else f'incidents {numbers[0]} to {numbers[-1]}'
    return f'{"repeat of " if delivery["kind"] == "repeat" else ""}{which}  {text}'
