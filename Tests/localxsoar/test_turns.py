"""Long work of the local XSOAR leaves turns for the requests that arrive meanwhile."""
from __future__ import annotations

import os
import time

import gevent
from gevent.socket import wait_read

from localxsoar.turns import Turns


def test_what_arrives_during_long_work_is_read_before_its_end() -> None:
    reader, writer = os.pipe()
    waiting = gevent.spawn(wait_read, reader)
    gevent.sleep(0.001)  # for it to wait
    os.write(writer, b'x')
    turns = Turns()
    for _ in range(20):
        end = time.monotonic() + 0.02  # longer than the loop runs greenlets in a row
        while time.monotonic() < end:
            pass
        turns.give()
        if waiting.ready():
            break
    assert waiting.ready()
    waiting.get()
    os.close(reader)
    os.close(writer)
