"""What the pre-process script needs to compare an event with its incident, in every shape that is known to be costly."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable

from bench.rows import Row
from shared.joins import SHAPES, Pair, pair, run_script

TURNS = 5
SIZE = 700_000


def join_script() -> Iterable[Row]:
    for shape in SHAPES:
        incidents = pair(shape, SIZE)
        taken, parsed = least(run_script, incidents), least(parse_both, incidents)
        yield Row(f'the script joins an event of 0.7 MB to one as large: {shape}', f'{1000 * taken:.1f} ms',
                  f'{1000 * parsed:.1f} ms (json.loads)', f'{taken / parsed:.1f}', 'at most 5', taken <= 5 * parsed)


def parse_both(incidents: Pair) -> None:
    """Read what both events say, in the quickest way."""
    for incident in incidents:
        json.loads(incident['rawJSON'])


def least(work: Callable[[Pair], None], incidents: Pair) -> float:
    """Return the least CPU seconds that the work takes in some turns."""
    def once() -> float:
        began = time.process_time()
        work(incidents)
        return time.process_time() - began
    return min(once() for _ in range(TURNS))
