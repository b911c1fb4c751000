"""A container in a scene: its server hangs in a call, and senders post large bodies to it or flood it."""
from __future__ import annotations

import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from shared.shapes import Shape
from shared.side import OURS, Counter, Side, connect, request_bytes

UNFINISHED_HEAD = b'GET / HTTP/1.1\r\nHost: x\r\nA: '


def request(shape: Shape, *headers: str) -> bytes:
    coding = [f'Content-Encoding: {shape.coding}'] if shape.coding else []
    return request_bytes(shape.body(), f'Content-Type: {shape.content_type}', *headers, *coding)


class Sender(threading.Thread):
    """Sends one request on a connection of its own; `status` is what it was answered."""

    def __init__(self, side: Side, sent: bytes) -> None:
        super().__init__()
        self.side = side
        self.sent = sent
        self.status = 0
        self.start()

    def run(self) -> None:
        with connect(self.side) as connection:
            connection.sendall(self.sent)
            self.status = int(connection.recv(65536)[9:12])


class Scene:
    """A container whose server hangs in a call, so that what comes waits, and whose peak of memory begins at idle."""

    def __init__(self, store: Counter | None = None) -> None:
        self.side = Side(OURS, store=store)

    def __enter__(self) -> Scene:
        self.side.__enter__()
        self.side.warm_up()
        self.hold()
        self.idle = self.side.memory()
        Path(f'/proc/{self.side.pid}/clear_refs').write_text('5')
        return self

    def __exit__(self, *exception: object) -> None:
        self.release()
        self.side.__exit__(*exception)

    def hold(self) -> None:
        self.side.faults.change({'hang': True})
        self.held = Sender(self.side, request(Shape(lambda: b'{"name": "held"}')))
        time.sleep(0.3)

    def release(self) -> None:
        self.side.faults.change({'hang': False})
        self.held.join()

    def peak(self) -> float:
        """Return the most MiB above idle so far."""
        return self.side.peak_memory() - self.idle

    def memory(self) -> float:
        return self.side.memory() - self.idle

    def is_busy(self, seconds: float = 0.5) -> bool:
        """Wait so many seconds, and return whether the container has worked in them."""
        before = self.cpu_ticks()
        time.sleep(seconds)
        return self.cpu_ticks() - before > 5

    def cpu_ticks(self) -> int:
        fields = Path(f'/proc/{self.side.pid}/stat').read_text().rpartition(')')[2].split()
        return int(fields[11]) + int(fields[12])


def raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Flood(threading.Thread):
    """Opens connections and sends the same bytes on each, as much as is taken, until it is stopped."""

    def __init__(self, scene: Scene, count: int, sent: bytes) -> None:
        super().__init__()
        self.scene = scene
        self.count = count
        self.sent = sent
        self.connections: list[socket.socket] = []
        self.has_sent_all = threading.Event()
        self.is_over = threading.Event()
        self.start()

    def run(self) -> None:
        with ExitStack() as stack:
            for _ in range(self.count):
                with suppress(OSError):  # one that is cut is what the receiver is for
                    connection = stack.enter_context(connect(self.scene.side))
                    connection.settimeout(5)
                    connection.sendall(self.sent)
            self.has_sent_all.set()
            self.is_over.wait()

    def stop(self) -> None:
        self.is_over.set()
        self.join()


def wait_while(condition: Callable[[], bool], seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while condition() and time.monotonic() < ends_at:
        time.sleep(0.1)
