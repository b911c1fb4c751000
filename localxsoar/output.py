"""What a person reads: one line for each thing that happens, with control characters escaped."""
from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable
from typing import Any

LEVELS = ('debug', 'info', 'error')
CONTROL_CHARACTERS = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


def escape(text: str) -> str:
    """The text on one line: control characters as Python writes them."""
    return CONTROL_CHARACTERS.sub(lambda match: match[0].encode('unicode_escape').decode(), text)


def _write_to_stdout(text: str) -> None:
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


class Printer:
    """Prints lines from any thread, each whole."""

    def __init__(self, level: str = 'info', write: Callable[[str], None] = _write_to_stdout) -> None:
        self._lowest = LEVELS.index(level)
        self._write = write
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        with self._lock:
            self._write(escape(text))

    def alarm(self, text: str) -> None:
        """A line that must not be overlooked."""
        self.line(f'!!! {text}')

    def log(self, time: str, level: str, text: str) -> None:
        """A line of the container's log, if its level is high enough."""
        if level not in LEVELS or LEVELS.index(level) >= self._lowest:
            self.line(f'{time} {level:<5} {text}')

    def incident(self, incident: dict[str, Any]) -> None:
        self.line(f"incident {incident['id']} · {incident['type']} · {incident['name']}")
