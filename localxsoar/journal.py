"""What was seen on an instance's lines, over all its containers."""
from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KEPT_LOG_LINES = 2000


@dataclass
class Journal:
    """Lives as long as its instance; any thread may add to it."""
    calls: Counter[str] = field(default_factory=Counter)
    create_sizes: list[int] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    undeclared: list[str] = field(default_factory=list)
    exceptions: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    health: dict[str, Any] = field(default_factory=lambda: {'error': '', 'isError': False})
    health_history: list[dict[str, Any]] = field(default_factory=list)
    log: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=KEPT_LOG_LINES))

    def add_log(self, level: str, text: str) -> list[dict[str, str]]:
        """Keeps what the container logs in one call, a line or several; returns these lines."""
        time = datetime.now().strftime('%H:%M:%S.%f')[:-3]
        lines = [{'time': time, 'level': level, 'text': line} for line in text.split('\n')]
        self.log.extend(lines)
        return lines

    def set_health(self, error: str, is_error: bool) -> None:
        self.health = {'error': error, 'isError': is_error}
        self.health_history.append(self.health)

    def as_dict(self) -> dict[str, Any]:
        return {
            'health': self.health, 'healthHistory': self.health_history, 'calls': dict(self.calls),
            'createSizes': self.create_sizes, 'violations': self.violations, 'undeclared': self.undeclared,
            'exceptions': self.exceptions, 'warnings': self.warnings, 'log': list(self.log),
        }
