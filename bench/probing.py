"""How long a sender waits beside others, compared with one that posts to a container that nobody disturbs."""
from __future__ import annotations

import functools
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from socket import socket

from bench.rows import Row
from shared.side import OURS, TOKEN, Side, connect, request_bytes

BAD = b'{"a"'  # JSON that ends early
MOST_HASHES = 70  # SHA-256s of 24 MiB that a sender may wait longer: a second, where the processor has instructions for it


class Prober(threading.Thread):
    """Another sender, which posts small bad requests one after the other: with the token, or with the headers in `signed`.

    `times` are the seconds that they took.
    """

    def __init__(self, side: Side, *signed: str) -> None:
        super().__init__()
        self.side = side
        self.signed = signed
        self.times: list[float] = []
        self.is_done = threading.Event()
        self.start()

    def run(self) -> None:
        token = 'none' if self.signed else TOKEN
        ask = request_bytes(BAD, 'Content-Type: application/json', *self.signed, token=token)
        with ExitStack() as stack:
            connection = stack.enter_context(connect(self.side))
            while not self.is_done.wait(0.01):
                began = time.perf_counter()
                while not (answer := answered(connection, ask)):  # it was idle, and has made room for another: try again
                    connection = stack.enter_context(connect(self.side))
                assert answer.startswith((b'HTTP/1.1 400', b'HTTP/1.1 503'))
                self.times.append(time.perf_counter() - began)

    def stop(self) -> float:
        """Return the longest of the times."""
        self.is_done.set()
        self.join()
        return max(self.times, default=0)


def answered(connection: socket, sent: bytes) -> bytes:
    """Send a request, and return the start of its response, or nothing if the connection is closed."""
    with suppress(ConnectionError):
        connection.sendall(sent)
        return connection.recv(65536)
    return b''


@dataclass
class Waits:
    """The longest that a sender waited beside others, and that another one waited meanwhile whom nobody disturbed."""

    disturbed: float = 0
    undisturbed: float = 0
    count: int = 0  # how often the first was answered

    @property
    def added(self) -> float:
        return max(self.disturbed - self.undisturbed, 0)


@contextmanager
def probed(side: Side) -> Iterator[Waits]:
    """Have a sender post to this side and to one that nobody disturbs; say in the end how long they waited."""
    waits = Waits()
    with ExitStack() as stack:
        quiet = stack.enter_context(Side(OURS))
        quiet.warm_up()
        probers = Prober(side), Prober(quiet)
        try:
            yield waits
        finally:
            waits.disturbed, waits.undisturbed = (prober.stop() for prober in probers)
            waits.count = len(probers[0].times)


@functools.cache
def hash_seconds() -> float:
    """Return the least CPU seconds that SHA-256 of 24 MiB takes in some turns: the yardstick, so that no machine is too slow."""
    body = bytes(24 * 2**20)

    def once() -> float:
        began = time.thread_time()
        hashlib.sha256(body).digest()
        return time.thread_time() - began
    return min(once() for _ in range(5))


def wait_row(name: str, waits: Waits) -> Row:
    times = waits.added / hash_seconds()
    return Row(f'{name}: another sender waited', f'{1000 * waits.disturbed:.0f} ms',
               f'{1000 * waits.undisturbed:.0f} ms (undisturbed), {1000 * hash_seconds():.0f} ms (SHA-256 of 24 MiB)',
               f'{times:.1f} times longer', f'at most {MOST_HASHES} times', times <= MOST_HASHES)
