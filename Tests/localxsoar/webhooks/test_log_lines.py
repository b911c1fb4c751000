"""The lines of a log from the time of a delivery."""
from __future__ import annotations

from typing import Any

import pytest

from localxsoar.webhooks.deliveries import Delivery
from localxsoar.webhooks.log_lines import MOST_LINES, lines_of, moment

START = 1_764_000_000.0  # 2025-11-24T16:00:00Z


def delivery(**changed: Any) -> Delivery:
    return Delivery(1, START, 'POST', '/', [], '', **{'milliseconds': 1000, 'kind': 'created', **changed})


def line(after: float, text: str = 'a') -> dict[str, Any]:
    return {'time': '', 'level': 'info', 'at': START + after, 'text': text}


@pytest.mark.parametrize('text, at', [
    ('2025-11-24T16:00:00.500000Z POST', START + 0.5), ('2025-11-24T16:00:00.250Z POST', START + 0.25),
    ('2025-11-24T16:00:00Z POST', START + 9), ('at 2025-11-24T16:00:00.500Z', START + 9)])
def test_a_line_has_the_time_that_its_script_wrote_or_else_that_of_its_arrival(text: str, at: float) -> None:
    assert moment(line(9, text)) == at


@pytest.mark.parametrize('changed, created, last', [
    ({}, 0, 1), ({}, START + 3, 3), ({'kind': 'waiting', 'milliseconds': 0}, 0, 8),
    ({'kind': 'gone', 'milliseconds': 100}, 0, 0)])
def test_the_lines_end_with_the_delivery_or_its_last_incident(changed: dict[str, Any], created: float, last: int) -> None:
    found = lines_of(delivery(**changed), created, [line(after) for after in range(-1, 9)])
    assert [each['at'] - START for each in found] == [*range(last + 1)]


def test_a_delivery_of_a_busy_time_has_the_first_of_many_lines() -> None:
    assert len(lines_of(delivery(), 0, [line(0)] * (MOST_LINES + 1))) == MOST_LINES
