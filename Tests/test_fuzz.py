"""A little of each fuzz in each run of the tests; a failure names the seed."""
from __future__ import annotations

import time

import fuzz_bodies
import fuzz_framing
from tools.fuzz import run


def test_ten_seconds_of_raw_http_by_chance_get_nothing_outside_the_contract() -> None:
    assert run(10, time.time_ns()) > 100


def test_ten_seconds_of_bodies_by_chance_are_incidents_or_refusals_as_the_contract_has_them() -> None:
    count, taken = fuzz_bodies.run(10, time.time_ns())
    assert count > 1000
    assert count / 10 < taken < count


def test_no_stream_of_requests_is_accepted_by_ours_alone_or_ends_elsewhere_for_h11_or_httptools() -> None:
    accepted = fuzz_framing.run(10_000, seed=26)
    assert accepted > 2500
