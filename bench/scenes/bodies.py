"""Large bodies in every shape that is known to be costly: what each needs, and how long another sender waits beside it."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from bench.probing import Waits, probed, wait_row
from bench.rows import Row
from shared.scene import Scene, Sender, request
from shared.shapes import FORM, MIB, SHAPES, Shape, filled, packed
from shared.side import Mirror, connect


MOST_TIMES_PLAIN = 10  # on two cores this is a second


class Cost(NamedTuple):
    """MiB above idle until the line has a body, and with the call and its reply; how long another sender waited; ticks of CPU."""

    until_line: float
    with_line: float
    waits: Waits
    status: int
    ticks: int


def cost(shape: Shape) -> Cost:
    sent = request(shape)
    with Scene(Mirror()) as scene:
        before = scene.cpu_ticks()
        with probed(scene.side) as waits:
            sender = Sender(scene.side, sent)
            while sender.is_alive() and scene.is_busy():
                pass
        until_line, ticks = scene.peak(), scene.cpu_ticks() - before
        scene.release()
        sender.join()
        return Cost(until_line, scene.peak(), waits, sender.status, ticks)


def waiting(count: int, size: int, *headers: str) -> tuple[float, float, list[int]]:
    """MiB above idle at most, and once so many bodies of a size wait; what they were answered."""
    sent = request(Shape(lambda: filled(b'{"a":"', b'x', b'"}', size)), *headers)
    with Scene() as scene:
        senders = [Sender(scene.side, sent) for _ in range(count)]
        while scene.is_busy():
            pass
        peak, memory = scene.peak(), scene.memory()
        scene.release()
        for sender in senders:
            sender.join()
        return peak, memory, [sender.status for sender in senders]


def together(count: int, shape: Shape) -> tuple[float, set[int]]:
    """MiB above idle at most, while as many bodies of a shape end at the same moment; what they were answered."""
    sent = request(shape)
    with Scene() as scene, ExitStack() as stack:
        connections = [stack.enter_context(connect(scene.side)) for _ in range(count)]
        for part_of in (sent[:-1], sent[-1:]):
            for connection in connections:
                connection.sendall(part_of)
        while scene.is_busy():
            pass
        peak = scene.peak()
        scene.release()
        return peak, {int(connection.recv(65536)[9:12]) for connection in connections}


def refused(count: int, size: int) -> list[float]:
    """MiB above idle after each of so many bodies of a size that the server has rejected."""
    sent = request(Shape(lambda: filled(b'{"a":"', b'x', b'"}', size)))
    memory = []
    with Scene() as scene:
        scene.side.faults.change({'refuse': '*'})
        scene.release()
        for _ in range(count):
            Sender(scene.side, sent).join()
            memory.append(scene.memory())
    return memory


def large_bodies() -> list[Row]:
    costs = {name: cost(shape) for name, shape in SHAPES.items()}
    for name, each in costs.items():
        print(f'  24 MiB, {name} ({each.status}): {each.until_line:.0f} MiB, {each.with_line:.0f} with the line, '
              f'another waited {1000 * each.waits.added:.0f} ms longer, {each.ticks} ticks of CPU', file=sys.stderr)
    most = max(each.until_line for each in costs.values())
    with_line = max(each.with_line for each in costs.values())
    waits = max((each.waits for each in costs.values()), key=lambda waits: waits.added)
    ticks, plain_ticks = max(each.ticks for each in costs.values()), costs['text'].ticks
    return [
        Row(f'24 MiB in any of {len(costs)} shapes: memory above idle', f'{most:.0f} MiB', '', '', 'at most 250 MiB',
            most <= 250),
        Row('... with the call and its reply', f'{with_line:.0f} MiB', '', '', 'at most 370 MiB', with_line <= 370),
        wait_row('...', waits),
        Row('... CPU until the line has it', f'{ticks} ticks', f'{plain_ticks} ticks (as many plain bytes)',
            f'{ticks / plain_ticks:.1f} times', f'at most {MOST_TIMES_PLAIN} times', ticks <= MOST_TIMES_PLAIN * plain_ticks),
    ]


TOGETHER = {
    '30 of 25 KB for 24 MiB': (30, SHAPES['gzip of 24 KB, numbers']),
    '150 of 1 KB for 1 MiB': (150, Shape(lambda: packed(filled(b'', b'\1', b'', MIB)), 'text/plain', 'gzip')),
    '90 forms of 1 MiB': (90, Shape(lambda: filled(b'a=', b'%01', b'', MIB - 1000), FORM)),
}


def bodies_at_once() -> Iterator[Row]:
    """Many at once need no more than one large one beside what waits."""
    for name, (count, shape) in TOGETHER.items():
        peak, statuses = together(count, shape)
        yield Row(f'{name} that end at once: memory above idle', f'{peak:.0f} MiB', '', ' '.join(map(str, sorted(statuses))),
                  'at most 250 MiB', peak <= 250 and 200 in statuses <= {200, 503})


def bodies_that_wait() -> list[Row]:
    _, six, _ = waiting(6, 10 * MIB)
    _, repeats, _ = waiting(30, 2 * MIB, 'X-GitHub-Delivery: 1')
    left = refused(25, 10 * MIB)
    few, all_of_them = max(left[:5]), max(left[5:])  # the C library keeps two or three such blocks for the next ones
    return [
        Row('six bodies of 10 MiB that wait: memory above idle', f'{six:.0f} MiB', '', '', 'at most 120 MiB', six <= 120),
        Row('30 repeats of one delivery of 2 MiB that wait', f'{repeats:.0f} MiB', '', '', 'at most 120 MiB', repeats <= 120),
        Row('25 bodies of 10 MiB that XSOAR rejected leave', f'{all_of_them:.0f} MiB', f'{few:.0f} MiB (5 such bodies)',
            f'{all_of_them - few:+.0f} MiB', 'at most one body more', all_of_them <= few + 11),
    ]
