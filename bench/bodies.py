"""Large bodies in every shape that is known to be costly: what each needs, and how long another sender waits beside it."""
from __future__ import annotations

import gzip
import re
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bench.side import OURS, TOKEN, Side

MIB = 2**20
SIZE = 24 * MIB
QUIET_SECONDS = 0.7
FORM = 'application/x-www-form-urlencoded'
BOUNDARY = 'b' * 30
MULTIPART = f'multipart/form-data; boundary={BOUNDARY}'


class Shape(NamedTuple):
    body: Callable[[], bytes]
    content_type: str = 'application/json'
    coding: str = ''


def filled(start: bytes, piece: bytes, end: bytes, size: int = SIZE) -> bytes:
    return start + piece * ((size - len(start) - len(end)) // len(piece)) + end


def packed(body: bytes) -> bytes:
    return gzip.compress(body, 9)


def part(headers: bytes, content: bytes = b'x') -> bytes:
    return b'--%s\r\n%s\r\n\r\n%s\r\n--%s--\r\n' % (BOUNDARY.encode(), headers, content, BOUNDARY.encode())


NAME = b'Content-Disposition: form-data; name="a"'
SHAPES = {
    'small objects in raw_json': Shape(lambda: filled(b'{"raw_json":[{}', b',{"a":1}', b']}')),
    'deep arrays': Shape(lambda: filled(b'{"a":[[]', b',' + b'[' * 100 + b']' * 100, b']}')),
    'gzip of 24 KB, numbers': Shape(lambda: packed(filled(b'{"a":[1', b',1', b']}')), coding='gzip'),
    'gzip of 24 KB, empty events': Shape(lambda: packed(filled(b'[{}', b',{}', b']')), coding='gzip'),
    'form of %41': Shape(lambda: filled(b'a=', b'%41', b''), FORM),
    'form of %01': Shape(lambda: filled(b'a=', b'%01', b''), FORM),
    'form of many fields': Shape(lambda: filled(b'a=1', b'&a', b''), FORM),
    'NaN behind escapes': Shape(lambda: filled(b'{"a":"', rb'\u0041', b'", "b":NaN}')),
    'numbers': Shape(lambda: filled(b'{"a":[0', b',1234567.5e3', b']}')),
    'one number': Shape(lambda: filled(b'{"a":', b'1', b'}')),
    'many keys': Shape(lambda: filled(b'{"a":1', b',"kkkk":1', b'}')),
    'one long key': Shape(lambda: filled(b'{"raw_json":{},"', b'k', b'":1}')),
    'events': Shape(lambda: filled(b'[{}', b',{"a":"%s"}' % (b'x' * 25_000), b']')),
    'text': Shape(lambda: filled(b'', b'some words, ', b'.'), 'text/plain'),
    'text of control characters': Shape(lambda: filled(b'', b'\1', b''), 'text/plain'),
    'text with one emoji': Shape(lambda: filled(b'', b'some words, ', '😀'.encode()), 'text/plain'),
    'string with one emoji': Shape(lambda: filled(b'{"a":"', b'some words, ', '😀"}'.encode())),
    'lone surrogates': Shape(lambda: filled(b'{"a":"', rb'\ud800', b'"}')),
    'surrogate pairs and a half': Shape(lambda: filled(b'{"a":"', rb'\ud83d\ude00', rb'\ud800"}')),
    'backslashes and half a pair': Shape(lambda: filled(b'{"a":"', rb'\\', rb'\ud800"}')),
    'raw line breaks': Shape(lambda: filled(b'{"a":"', b'\n', b'"}')),
    'raw line breaks, 256 KiB': Shape(lambda: filled(b'{"a":["', b'\n","', b'"] 1}', 256 * 1024 - 5)),
    "XSOAR's error markers": Shape(lambda: filled(b'{"a":"', b'$$##', b'"}')),
    'a long name': Shape(lambda: filled(b'{"name":"', b'n', b'"}')),
    'lines': Shape(lambda: filled(b'', b'{"a":"%s"}\n' % (b'x' * 26_000), b'')),
    'white space': Shape(lambda: filled(b'{', b' ', b'}')),
    'quotes': Shape(lambda: filled(b'{"a":"', rb'\"', b'"}')),
    'unterminated string': Shape(lambda: filled(b'{"a":"', b'a', b'')),
    'latin-1': Shape(lambda: filled(b'', b'\xe9', b''), 'text/plain; charset=latin-1'),
    'a file in a form': Shape(lambda: part(NAME + b'; filename="f"', b'\r' * SIZE), MULTIPART),
    'a field in a form': Shape(lambda: part(NAME, b'\1' * SIZE), MULTIPART),
    'folded part header': Shape(lambda: filled(b'--' + BOUNDARY.encode() + b'\r\nA: b', b'\r\n c', b'\r\n\r\n'), MULTIPART),
    'huge part name': Shape(lambda: part(NAME[:-1] + b'n' * SIZE + b'"'), MULTIPART),
    'very many parts': Shape(lambda: (b'--%s\r\n%s\r\n\r\nx\r\n' % (BOUNDARY.encode(), NAME)) * 300_000, MULTIPART),
    'no parts': Shape(lambda: b'\r\n-' * (SIZE // 3), MULTIPART),
}


def request(shape: Shape) -> bytes:
    body = shape.body()
    head = f'POST / HTTP/1.1\r\nHost: bench\r\nAuthorization: {TOKEN}\r\nContent-Type: {shape.content_type}\r\n'
    coding = f'Content-Encoding: {shape.coding}\r\n' if shape.coding else ''
    return f'{head}{coding}Content-Length: {len(body)}\r\n\r\n'.encode() + body


class Prober:
    """Another sender, who posts small bad requests as fast as they are answered. `longest` is how long it waited, in seconds."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.longest = 0.0

    def run(self, goes_on: Callable[[], bool]) -> None:
        ask = request(Shape(lambda: b'{"a"'))
        with connect(self.side) as connection:
            while goes_on():
                began = time.perf_counter()
                connection.sendall(ask)
                assert connection.recv(65536).startswith((b'HTTP/1.1 400', b'HTTP/1.1 503'))
                self.longest = max(self.longest, time.perf_counter() - began)
                time.sleep(0.002)


def connect(side: Side) -> socket.socket:
    parts = urlsplit(side.url)
    return socket.create_connection((str(parts.hostname), parts.port or 80), timeout=120)


def cpu_ticks(pid: int) -> int:
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return int(fields[11]) + int(fields[12])


def peak(pid: int) -> float:
    match = re.search(r'VmHWM:\s+(\d+) kB', Path(f'/proc/{pid}/status').read_text())
    assert match
    return int(match[1]) / 1024


def measure(shape: Shape, copies: int = 1) -> tuple[float, float, float, str]:
    """MiB above idle until the line has it, and with the line; the longest wait of another sender; the answers."""
    answers: list[str] = []

    def send() -> None:
        with connect(side) as connection:
            connection.sendall(whole)
            answers.append(connection.recv(65536)[9:12].decode())

    with Side(OURS) as side:
        side.warm_up()
        whole = request(shape)
        side.faults.change({'hang': True})
        held = threading.Thread(target=send_small, args=[side])
        held.start()
        time.sleep(0.2)
        idle = side.memory()
        Path(f'/proc/{side.pid}/clear_refs').write_text('5')
        senders = [threading.Thread(target=send) for _ in range(copies)]
        prober = Prober(side)
        for sender in senders:
            sender.start()
        busy = [time.monotonic(), cpu_ticks(side.pid)]

        def is_busy() -> bool:
            return any(sender.is_alive() for sender in senders) and time.monotonic() - busy[0] < 3 + 0 * busy[1]

        prober.run(is_busy)
        before_line = peak(side.pid) - idle
        side.faults.change({'hang': False})
        for thread in (*senders, held):
            thread.join()
        return before_line, peak(side.pid) - idle, prober.longest, ' '.join(answers)


def send_small(side: Side) -> None:
    with connect(side) as connection:
        connection.sendall(request(Shape(lambda: b'{"name":"held"}')))
        connection.recv(65536)


if __name__ == '__main__':
    import sys
    for name, shape in SHAPES.items():
        if all(word in name for word in sys.argv[1:]):
            before, after, wait, answers = measure(shape)
            print(f'{name:30} {before:6.0f} {after:6.0f} MiB {wait * 1000:6.0f} ms  {answers}', flush=True)
