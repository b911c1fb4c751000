"""A row of the printed table."""
from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    scene: str
    ours: str
    baseline: str
    ratio: str
    goal: str
    reached: bool
