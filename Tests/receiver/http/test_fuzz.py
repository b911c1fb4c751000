"""A little of each fuzz in each run of the tests, always the same; `./dev test -e fuzz` tries something new."""
from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT

from tools.fuzzing import __main__ as fuzz
from tools.fuzzing import bodies, framing
from tools.fuzzing.corpus import BODIES, cases

pytestmark = pytest.mark.sockets

SEED = 26
MADE = [fuzz.made_stream, framing.made_stream, bodies.made_body]


def test_raw_http_by_chance_gets_nothing_outside_the_contract() -> None:
    assert fuzz.run(range(SEED, SEED + 500)) > 500


def test_bodies_by_chance_are_incidents_or_rejections_as_the_contract_has_them() -> None:
    count, taken = bodies.run(range(SEED, SEED + 3000))
    assert count == 3000 + len(BODIES)
    assert count / 10 < taken < count


def test_no_stream_of_requests_is_accepted_by_ours_alone_or_ends_elsewhere_for_h11_or_httptools() -> None:
    assert framing.run(range(SEED, SEED + 3000)) > 750


def test_what_once_failed_comes_first_and_each_case_says_how_to_repeat_it() -> None:
    assert list(cases({'two hosts': 0}, lambda seed: seed, range(7, 9))) == [
        ('in the corpus, two hosts', 0), ('--seed 7', 7), ('--seed 8', 8)]


@pytest.mark.parametrize('made', MADE)
def test_a_seed_gives_back_what_failed(made: Callable[[int], object]) -> None:
    assert [made(seed) for seed in range(100)] == [made(seed) for seed in range(100)]


@pytest.mark.weekly
def test_the_command_begins_with_the_seed_that_it_is_given() -> None:
    command = [sys.executable, '-m', 'tools.fuzzing', '0.1', '--seed', '7', '--only', 'bodies']
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, 'PYTHONPATH': paths}, capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, check=False)
    assert done.stdout.startswith('seed 7: '), done.stderr
