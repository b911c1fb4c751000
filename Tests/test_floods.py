"""Floods that could fill the memory: what a container takes and keeps, and how long an honest sender waits beside them."""
from __future__ import annotations

import pytest

from bench.bodies import Shape, filled, request
from bench.floods import ECHOED, GET_WITH_QUERY, UNFINISHED_HEAD, echoed, flooded


@pytest.mark.parametrize('count, sent, most', [
    (2000, UNFINISHED_HEAD + b'a' * 32_000, 50),
    (4000, UNFINISHED_HEAD + b'a' * 1200, 50),
    (300, GET_WITH_QUERY * 20, 50),
    (12, request(Shape(lambda: filled(b'{"a":"', b'x', b'"}'))), 400),
], ids=['large heads that never end', 'small heads that never end', 'queries of 8 KiB', 'responses that nobody reads'])
def test_a_flood_takes_bounded_memory_gives_it_back_and_holds_up_no_honest_sender(count: int, sent: bytes, most: int) -> None:
    flood = flooded(count, sent)
    assert flood.peak <= most
    assert flood.after <= 90
    assert flood.waited <= 1
    assert flood.answered


@pytest.mark.parametrize('name', ['é', 'one emoji'])
def test_large_incidents_that_xsoar_returns_take_bounded_memory_until_they_are_read(name: str) -> None:
    peak, _, statuses = echoed(ECHOED[name], 4)
    assert peak <= 600
    assert 200 in statuses
    assert set(statuses) <= {200, 503}
