"""Floods that could fill the memory: heads that never end, responses that nobody reads, replies of XSOAR that are large."""
from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import NamedTuple

from shared.scene import UNFINISHED_HEAD, Flood, Scene, Sender, raise_file_limit, request, wait_while
from shared.shapes import COSTLIEST, MIB, SHAPES, SIZE, Shape, filled
from bench.probing import Waits, probed, wait_row
from bench.rows import Row
from shared.side import Mirror, connect, request_bytes

CONNECTIONS = 4096  # twice as many as there may be
LIMIT = 600
LEFT_OVER = 60


class Beside(NamedTuple):
    """MiB above idle at most, and after a flood; how long an honest sender beside it waited."""

    peak: float
    after: float
    waits: Waits


def flooded(count: int, sent: bytes, most_after: float = LEFT_OVER) -> Beside:
    """Flood a container with so many connections, and measure until all is over.

    The honest sender's request needs nothing of XSOAR, whose own calls may take longer.
    """
    raise_file_limit()
    with Scene(Mirror()) as scene:
        scene.release()
        with probed(scene.side) as waits:
            flood = Flood(scene, count, sent)
            flood.has_sent_all.wait()
            wait_while(scene.is_busy, 60)
        assert waits.count, 'the honest sender was answered'
        peak = scene.peak()
        flood.stop()
        # The container also rests while XSOAR works on a large call, so wait for the memory itself, within limits.
        wait_while(lambda: scene.side.open_files() > 60 or scene.is_busy() or scene.memory() > most_after, 30)
        return Beside(peak, scene.memory(), waits)


def flood_rows(name: str, flood: Beside, left_over: int = LEFT_OVER) -> list[Row]:
    return [
        Row(f'{name}: memory above idle', f'{flood.peak:.0f} MiB', '', '', f'at most {LIMIT} MiB', flood.peak <= LIMIT),
        Row('... when it is over', f'{flood.after:.0f} MiB', '', '', f'at most {left_over} MiB', flood.after <= left_over),
        wait_row('...', flood.waits),
    ]


GET = b'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
GET_WITH_QUERY = b'GET /?' + b'a=1&' * 2000 + b' HTTP/1.1\r\nHost: x\r\n\r\n'


def floods() -> list[Row]:
    rows = []
    for name, size in (('32 KiB', 32 * 1024 - 100), ('1.2 KB', 1200)):
        rows += flood_rows(f'{CONNECTIONS:,} connections, each with {name} of a head that never ends',
                           flooded(CONNECTIONS, UNFINISHED_HEAD + b'a' * size))
    rows += flood_rows('900 connections, each with 20 queries of 8 KiB', flooded(900, GET_WITH_QUERY * 20))
    rows += flood_rows(f'{CONNECTIONS:,} connections, each with 16 KiB of GETs at once',
                       flooded(CONNECTIONS, GET * (16 * 1024 // len(GET))))
    return rows


def unread_responses() -> list[Row]:
    return flood_rows('30 posts of 24 MiB whose senders do not read',
                      flooded(30, request(Shape(lambda: filled(b'{"a":"', b'x', b'"}')))), left_over=LIMIT)


ECHOED = {
    'é': Shape(lambda: filled(b'{"raw_json":{"a":"', 'é'.encode(), b'"}}')),
    'a name of é': Shape(lambda: filled(b'{"name":"', 'é'.encode(), b'"}')),
    'one emoji': Shape(lambda: filled('{"a":"😀'.encode(), b'x', b'"}')),
    'one arrow': Shape(lambda: filled('{"a":"→'.encode(), b'x', b'"}')),
    'quotes': Shape(lambda: filled(b'{"a":"', b'\\"', b'"}')),
    'numbers': Shape(lambda: filled(b'{"a":[0', b',1234567.5e3', b']}')),
}


def echoed(shape: Shape, count: int) -> tuple[float, float, list[int]]:
    """Return MiB above idle at most, and once all is over, while so many bodies are created and read at the same time."""
    with Scene(Mirror()) as scene:
        scene.release()
        senders = [Reader(scene.side, request(shape)) for _ in range(count)]
        for sender in senders:
            sender.join()
        wait_while(scene.is_busy, 30)
        return scene.peak(), scene.memory(), [sender.status for sender in senders]


class Reader(Sender):
    """Reads its response to the end."""

    def run(self) -> None:
        with connect(self.side) as connection:
            connection.sendall(self.sent.replace(b'\r\n', b'\r\nConnection: close\r\n', 1))
            self.status = int(connection.recv(65536)[9:12])
            while connection.recv(2**20):
                pass


def echoed_responses() -> list[Row]:
    rows = []
    for name, shape in ECHOED.items():
        for count in (1, 4):
            peak, after, statuses = echoed(shape, count)
            rows.append(Row(f'{count} of 24 MiB, {name}, which XSOAR returns: memory above idle', f'{peak:.0f} MiB',
                            f'{after:.0f} MiB (after)', ' '.join(map(str, statuses)),
                            f'at most {LIMIT} MiB', peak <= LIMIT))
    return rows


def all_at_once() -> Iterator[Row]:
    return (every_budget_full(name) for name in COSTLIEST)


def every_budget_full(name: str) -> Row:
    """Fill every budget in one scene: remembered, unread, waiting, arriving, heads, and a large body of this shape in a call."""
    raise_file_limit()
    with Scene(Mirror()) as scene, ExitStack() as stack:
        def send(sent: bytes, count: int = 1, unsent: int = 0) -> list[socket.socket]:
            connections = [stack.enter_context(connect(scene.side)) for _ in range(count)]
            for connection in connections:
                with suppress(OSError):
                    connection.sendall(sent[:len(sent) - unsent])
            return connections

        def post(size: int, *headers: str) -> bytes:
            return request(Shape(lambda: filled(b'{"a":"', b'x', b'"}', size)), *headers)

        scene.release()
        for number in range(15):
            send(post(MIB, f'X-GitHub-Delivery: {number}'))[0].recv(65536)
        send(post(22 * MIB), 2)  # whose responses are not read
        wait_while(scene.is_busy, 60)
        scene.side.faults.change({'hang': True})
        send(post(1000))
        wait_while(scene.is_busy, 10)
        send(post(SIZE), 2, unsent=1)
        costliest, = send(request(SHAPES[name]))  # 25 MiB more remain for it
        signed = 'X-Hub-Signature-256: sha256=' + '0' * 64
        send(request_bytes(b'x' * 23 * MIB, signed, token='wrong'), 2, unsent=1)
        send(request_bytes(b'x' * 250 * 1024, signed, token='wrong'), 55, unsent=1)
        send(UNFINISHED_HEAD + b'a' * 32_000, 600)
        send(UNFINISHED_HEAD + b'a' * 1000, 1300)  # no more: beyond 2,048 connections the bodies that arrive would be cut off
        wait_while(partial(scene.is_busy, 2), 60)  # until the costliest is processed: what follows may leave no room for it
        send(post(MIB), 35)
        wait_while(scene.is_busy, 60)
        full = scene.peak()
        scene.release()
        answer = costliest.recv(65536)
        assert answer.startswith(b'HTTP/1.1 200 '), answer  # its call is over
        wait_while(scene.is_busy, 60)
        peak = scene.peak()
    return Row(f'all budgets full at once, with a {name}: memory above idle', f'{peak:.0f} MiB',
               f'{full:.0f} MiB (before the calls)', '', f'at most {LIMIT} MiB', peak <= LIMIT)
