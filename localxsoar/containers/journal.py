"""A record of everything that an instance's containers sent to the server."""
from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KEPT_LOG_LINES = 2000
KEPT_FETCHES = 50


@dataclass
class Journal:
    """The record of one instance, across all its containers. Any thread may add to it."""
    call_counts: Counter[str] = field(default_factory=Counter)
    create_sizes: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    undeclared: list[str] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    health: dict[str, Any] = field(default_factory=lambda: {'error': '', 'isError': False})
    health_history: list[dict[str, Any]] = field(default_factory=list)
    fetches: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_FETCHES))
    log: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=KEPT_LOG_LINES))

    def add_log(self, level: str, text: str) -> list[dict[str, Any]]:
        """Keep the text of one log call, one entry for each line of text, and return these entries. `at` is in Unix seconds."""
        now = datetime.now()
        entries = [{'time': now.strftime('%H:%M:%S.%f')[:-3], 'at': now.timestamp(), 'level': level, 'text': part}
                   for part in text.split('\n')]
        self.log.extend(entries)
        return entries

    def set_health(self, error: str, is_error: bool) -> None:
        self.health = {'error': error, 'isError': is_error}
        self.health_history.append({**self.health, 'time': time.time()})

    def as_dict(self) -> dict[str, Any]:
        return {
            'health': self.health, 'healthHistory': self.health_history, 'calls': dict(self.call_counts),
            'createSizes': self.create_sizes, 'violations': self.violations, 'undeclared': self.undeclared,
            'exceptions': self.exceptions, 'warnings': self.warnings, 'fetches': list(self.fetches), 'log': list(self.log),
        }
