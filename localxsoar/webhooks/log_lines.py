"""The lines of a log from the time of a delivery: only they have some of the reasons."""
from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from localxsoar.webhooks.deliveries import Delivery

# Of a line that a script wrote before it could send it.
OWN_TIME = re.compile(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:\d{3})?)Z ')
EARLY_SECONDS, LATE_SECONDS = 0.005, 0.25  # clocks are read at different moments, and a script logs after its response
MOST_LINES = 100


def lines_of(delivery: Delivery, created: float, log: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines between the beginning of a delivery and its end or, if that is later, the time of its last incident."""
    begin = delivery.started - EARLY_SECONDS
    end = max(delivery.started + delivery.milliseconds / 1000, created) + LATE_SECONDS
    if delivery.kind == 'waiting':
        end = float('inf')
    return [{**line, 'at': at} for line in log if begin <= (at := moment(line)) <= end][:MOST_LINES]


def moment(line: Mapping[str, Any]) -> float:
    """Return when a line was written, in Unix seconds: by its own time or else by when it arrived."""
    own = OWN_TIME.match(str(line['text']))
    return datetime.fromisoformat(f'{own[1]}+00:00').timestamp() if own else float(line['at'])
