"""The time of the day as one module reads it."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock


@contextmanager
def dated(module: Any, unix: float) -> Iterator[None]:
    """Let a module read this time of the day, in Unix seconds. What else it reads of time stays as it is."""
    clock = module.time

    class Dated:
        def __getattr__(self, name: str) -> Any:
            return (lambda: unix) if name == 'time' else getattr(clock, name)

    with mock.patch.object(module, 'time', Dated()):
        yield
