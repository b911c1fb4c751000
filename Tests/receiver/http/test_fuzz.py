"""A little of each fuzz in each run of the tests, always the same; `./dev test -e fuzz` tries something new."""
from __future__ import annotations


import pytest

from tools.fuzzing import __main__ as fuzz
from tools.fuzzing import bodies, framing
from tools.fuzzing.corpus import BODIES

pytestmark = pytest.mark.sockets

SEED = 26


def test_raw_http_by_chance_gets_nothing_outside_the_contract() -> None:
    assert fuzz.run(range(SEED, SEED + 500)) > 500
    with pytest.raises(AssertionError, match='500'):
        fuzz.check_answers(b'HTTP/1.1 500 Oh\r\nContent-Type: a/b\r\nContent-Length: 2\r\n\r\n{}', b'GET / HTTP/1.1\r\n\r\n')


def test_bodies_by_chance_are_incidents_or_rejections_as_the_contract_has_them() -> None:
    count, taken = bodies.run(range(SEED, SEED + 3000))
    assert count == 3000 + len(BODIES)
    assert count / 10 < taken < count


def test_no_stream_of_requests_is_accepted_by_ours_alone_or_ends_elsewhere_for_h11_or_httptools() -> None:
    assert framing.run(range(SEED, SEED + 3000)) > 750
