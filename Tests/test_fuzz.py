"""Ten seconds of the fuzz in each run of the tests, each with a seed of its own; its failure names the seed."""
from __future__ import annotations

import time

from fuzz import run


def test_ten_seconds_of_raw_http_by_chance_get_nothing_outside_the_contract() -> None:
    assert run(10, time.time_ns()) > 100
