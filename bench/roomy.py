"""The local XSOAR with room for more deliveries than usual: `python -m bench.roomy PACK ARGUMENTS...`."""
from __future__ import annotations

import sys
from functools import partial

from localxsoar.__main__ import run  # before all others, for it patches the standard library

ROOM = 10_000
ROOM_BYTES = 2 * 1024 ** 3


def make_room() -> None:
    from localxsoar import cli
    from localxsoar.webhooks.deliveries import Deliveries
    cli.Deliveries = partial(Deliveries, limit=ROOM, byte_limit=ROOM_BYTES)  # type: ignore[assignment, attr-defined]


if __name__ == '__main__':
    make_room()
    sys.exit(run())
