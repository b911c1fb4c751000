"""Long work of the local XSOAR leaves turns for the requests that arrive meanwhile."""

import os

import gevent
from clocks import Clock
from gevent.socket import wait_read

from localxsoar import turns as turns_module
from localxsoar.turns import WORK_SECONDS, Turns


def test_what_arrives_during_long_work_is_read_before_its_end() -> None:
    reader, writer = os.pipe()
    waiting = gevent.spawn(wait_read, reader)
    gevent.sleep(0)  # for it to wait
    os.write(writer, b'x')
    with Clock(turns_module) as clock:
        turns = Turns()
        for _ in range(2):  # the first turn reads it, and the second one tells
            clock.now += WORK_SECONDS
            turns.give()
    assert waiting.ready()
    waiting.get()
    os.close(reader)
    os.close(writer)


def test_short_work_gives_no_turn() -> None:
    given: list[int] = []
    with Clock(turns_module) as clock:
        turns = Turns()
        gevent.spawn(given.append, 1)
        clock.now += WORK_SECONDS / 2
        turns.give()
        assert given == []
        clock.now += WORK_SECONDS
        turns.give()
        gevent.spawn(given.append, 2)
        turns.give()
    assert given == [1], 'the second turn comes after as much work as the first'
