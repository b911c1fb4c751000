"""How long a sender that signs waits beside crowds of strangers' connections, with another version of the script in turns."""
from __future__ import annotations

import hashlib
import hmac
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import socket
from typing import NamedTuple

from bench.rows import Row
from bench.scenes.cpu import cpu_seconds
from shared.scene import UNFINISHED_HEAD, raise_file_limit, wait_while
from shared.side import OURS, TOKEN, Side, connect, request_bytes

TURNS = 5
REQUESTS = 400  # of the sender in each turn
MOST_KIB = 20  # of an idle connection: 2,048 of them take at most 40 MiB
BODY = b'{"name": "signed"}'
DIGEST = hmac.new(TOKEN.encode(), BODY, hashlib.sha256).hexdigest()
SIGNED = request_bytes(BODY, f'X-Hub-Signature-256: sha256={DIGEST}', 'Connection: close', token='none')
GET = request_bytes(b'', method='GET')
REJECTED = request_bytes(b'x' * 9_000_000, token='none')[:1000]
TRICKLED = request_bytes(b'x' * 250_000, f'X-Hub-Signature-256: sha256={"0" * 64}', token='none')


class Crowd(NamedTuple):
    """So many connections: what each sends at first, and then a piece of it each second."""

    size: int
    sent: bytes
    more: bytes = b''


CROWDS = {
    '4,096 half heads': Crowd(4096, UNFINISHED_HEAD + b'a' * 1000),
    '2,048 idle connections': Crowd(2048, GET),
    '2,048 rejected strangers that go on sending': Crowd(2048, REJECTED, b'x' * 1000),
    '1,000 strangers that trickle signed bodies': Crowd(1000, TRICKLED[:-250_000], b'x' * 16),
}


class Waited(NamedTuple):
    """What a sender saw beside a crowd."""

    p99: float  # milliseconds
    failed: int  # requests without a 200
    kib: float  # memory a connection, in KiB


def crowds(other: Path | None = None) -> Iterator[Row]:
    """Yield two rows for each crowd: the wait beside it, ours and the other version's in turns, and the memory that it takes."""
    raise_file_limit()
    for name, crowd in CROWDS.items():
        turns = [(waited(OURS, crowd), waited(other, crowd) if other else None) for _ in range(TURNS)]
        ours, theirs = [turn[0] for turn in turns], [turn[1] for turn in turns if turn[1]]
        p99, failed = statistics.median(each.p99 for each in ours), sum(each.failed for each in ours)
        other_p99 = statistics.median(each.p99 for each in theirs) if theirs else 0
        ratio = p99 / other_p99 if theirs else 1
        yield Row(f'a sender that signs beside {name}: 99th percentile, and requests that failed', f'{p99:.2f} ms, {failed}',
                  f'{other_p99:.2f} ms, {sum(each.failed for each in theirs)} ({other})' if theirs else '',
                  f'{ratio:.2f}' if theirs else '', 'at most 1.1, 0', ratio <= 1.1 and not failed)
        kib = statistics.median(each.kib for each in ours)
        is_idle = crowd.sent == GET
        yield Row('... memory a connection', f'{kib:.1f} KiB', '', '', f'at most {MOST_KIB} KiB' if is_idle else 'reported',
                  not is_idle or kib <= MOST_KIB)


def waited(script: Path, crowd: Crowd) -> Waited:
    with Side(script) as side:
        side.warm_up()
        before = side.memory()
        with standing(side, crowd):
            wait_while(lambda: is_busy(side), 30)  # until all have been let in, or have taken the place of others
            kib = (side.memory() - before) * 1024 / crowd.size
            times, failed = [], 0
            for _ in range(REQUESTS):
                began = time.perf_counter()
                failed += not is_created(side)
                times.append(1000 * (time.perf_counter() - began))
        return Waited(statistics.quantiles(times, n=100)[98], failed, kib)


def is_busy(side: Side) -> bool:
    """Return whether a container worked in the last tenth of a second; that it waits for those who trickle does not count."""
    before = cpu_seconds(side.pid)
    time.sleep(0.1)
    return cpu_seconds(side.pid) - before > 0.05


def is_created(side: Side) -> bool:
    """Send a signed request on a connection of its own, and return whether its response is a 200."""
    with suppress(OSError), connect(side) as connection:
        connection.sendall(SIGNED)
        return connection.recv(65536).startswith(b'HTTP/1.1 200 ')
    return False


@contextmanager
def standing(side: Side, crowd: Crowd) -> Iterator[None]:
    """Have a crowd stand around a container; each that is closed comes again."""
    connections = [arrived(side, crowd) for _ in range(crowd.size)]
    is_over = threading.Event()

    def send_more() -> None:
        while not is_over.wait(1):
            for number, connection in enumerate(connections):
                try:
                    connection.sendall(crowd.more)
                except OSError:
                    connection.close()
                    connections[number] = arrived(side, crowd)

    thread = threading.Thread(target=send_more)
    if crowd.more:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        if crowd.more:
            thread.join()
        for connection in connections:
            connection.close()


def arrived(side: Side, crowd: Crowd) -> socket:
    """Return a connection that has sent what the crowd sends at first."""
    connection = connect(side)
    with suppress(OSError):
        connection.sendall(crowd.sent)
        if crowd.sent == GET:
            connection.recv(65536)
    return connection
