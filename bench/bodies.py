"""Large bodies in every shape that is known to be costly: what each needs, and how long another sender waits beside it."""
from __future__ import annotations

import gzip
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from bench.probing import Waits, probed, wait_row
from bench.rows import Row
from bench.side import OURS, Counter, Mirror, Side, connect, request_bytes

MIB = 2**20
SIZE = 24 * MIB
LARGEST = 249 * MIB // 10
FORM = 'application/x-www-form-urlencoded'
BOUNDARY = 'b' * 30
MULTIPART = f'multipart/form-data; boundary={BOUNDARY}'


class Shape(NamedTuple):
    body: Callable[[], bytes]
    content_type: str = 'application/json'
    coding: str = ''


@contextmanager
def of_size(size: int) -> Iterator[None]:
    """Let bodies have this size instead of 24 MiB meanwhile."""
    with mock.patch(f'{__name__}.SIZE', size):
        yield


def filled(start: bytes, piece: bytes, end: bytes, size: int = 0) -> bytes:
    size = size or SIZE
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
    'form of %': Shape(lambda: filled(b'a=', b'%', b''), FORM),
    'form of %01': Shape(lambda: filled(b'a=', b'%01', b''), FORM),
    'form of many fields': Shape(lambda: filled(b'a=1', b'&a', b''), FORM),
    'NaN behind escapes': Shape(lambda: filled(b'{"a":"', rb'\u0041', b'", "b":NaN}')),
    'numbers': Shape(lambda: filled(b'{"a":[0', b',1234567.5e3', b']}')),
    'one number': Shape(lambda: filled(b'{"a":', b'1', b'}')),
    'many keys': Shape(lambda: filled(b'{"a":1', b',"kkkk":1', b'}')),
    'one long key': Shape(lambda: filled(b'{"raw_json":{},"', b'k', b'":1}')),
    'one long key beside raw_json': Shape(lambda: filled(b'{"raw_json":{},"', b'k', '😀":1}'.encode())),
    'one long date': Shape(lambda: filled('{"occurred":"2026-11-24T😀'.encode(), b'x', b'"}')),
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
    'form in cp1252, payload of malformed JSON': Shape(lambda: filled(b'payload=[{"a":"\xe9%F0%9F%98%80', b'x', b'"'),
                                                       f'{FORM}; charset=cp1252'),
    'form with one emoji': Shape(lambda: filled(b'a=', b'some+words,+', '😀'.encode()), FORM),
    'text in cp1252': Shape(lambda: filled(b'', b'\x80', b''), 'text/plain; charset=cp1252'),
    'text in Shift-JIS': Shape(lambda: filled(b'', 'カ'.encode('shift-jis'), b''), 'text/plain; charset=shift-jis'),
    'text in UTF-16, one emoji': Shape(lambda: filled('😀'.encode('utf-16'), 'x'.encode('utf-16-le'), b''),
                                       'text/plain; charset=utf-16'),
    'JSON in UTF-16, one emoji': Shape(
        lambda: filled('{"a":"😀'.encode('utf-16'), 'x'.encode('utf-16-le'), '"}'.encode('utf-16-le')),
        'application/json; charset=utf-16'),
    'malformed payload in a form, one emoji': Shape(
        lambda: part(NAME.replace(b'"a"', b'"payload"'), filled('{"a":"😀'.encode(), b'x', b'"')), MULTIPART),
    'a long name with one emoji': Shape(lambda: filled(b'{"raw_json":{},"name":"', b'n', '😀"}'.encode())),
    'control characters and one emoji': Shape(lambda: filled('😀'.encode(), b'\1', b''), 'text/plain'),
    'emojis': Shape(lambda: filled(b'{"a":"', '😀'.encode(), b'"}', LARGEST)),
    'text of emojis': Shape(lambda: filled(b'', '😀'.encode(), b'', LARGEST), 'text/plain'),
    'form of emojis': Shape(lambda: filled(b'a=', '😀'.encode(), b'', LARGEST), FORM),
    'form of quotes and emojis': Shape(lambda: filled(b'a=' + b'"' * 12 * MIB, '😀'.encode(), b'', LARGEST), FORM),
    'form of quotes and some emojis': Shape(
        lambda: filled(b'a=' + b'"' * 18 * MIB, '😀'.encode(), b'', 37 * MIB // 2), FORM),
    'form of quotes and one arrow': Shape(lambda: filled(b'a=', b'"', '→'.encode(), 184 * MIB // 10), FORM),
    'form of control characters and as many emojis as stay unescaped': Shape(
        lambda: filled(b'a=' + b'\1' * (39 * MIB // 10), '😀'.encode(), b'', 1746 * MIB // 100), FORM),
    'form of control characters and as many emojis as are escaped': Shape(
        lambda: filled(b'a=' + b'\1' * (39 * MIB // 10), '😀'.encode(), b'', 169 * MIB // 10), FORM),
}

# Those whose call and reply take most, beside other requests that wait: one that takes all their 64 MiB itself has none beside.
COSTLIEST = ['form of emojis', 'form of quotes and some emojis', 'form of quotes and one arrow',
             'form of control characters and as many emojis as stay unescaped']

# The worst of each kind, for the tests.
COSTLY = ['small objects in raw_json', 'gzip of 24 KB, numbers', 'form of %41', 'NaN behind escapes', 'many keys',
          'text of control characters', 'lone surrogates', 'huge part name', 'one long key beside raw_json',
          'text in UTF-16, one emoji', 'malformed payload in a form, one emoji', 'a long name with one emoji',
          "XSOAR's error markers"]


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
        """The most MiB above idle so far."""
        return self.side.peak_memory() - self.idle

    def memory(self) -> float:
        return self.side.memory() - self.idle

    def is_busy(self, seconds: float = 0.5) -> bool:
        """Whether it has worked in the seconds before."""
        before = self.cpu_ticks()
        time.sleep(seconds)
        return self.cpu_ticks() - before > 5

    def cpu_ticks(self) -> int:
        fields = Path(f'/proc/{self.side.pid}/stat').read_text().rpartition(')')[2].split()
        return int(fields[11]) + int(fields[12])


class Cost(NamedTuple):
    """MiB above idle until the line has a body, and with the call and its reply; how long another sender waited."""

    until_line: float
    with_line: float
    waits: Waits
    status: int


def cost(shape: Shape) -> Cost:
    sent = request(shape)
    with Scene(Mirror()) as scene:
        with probed(scene.side) as waits:
            sender = Sender(scene.side, sent)
            while sender.is_alive() and scene.is_busy():
                pass
        until_line = scene.peak()
        scene.release()
        sender.join()
        return Cost(until_line, scene.peak(), waits, sender.status)


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


def refused(count: int, size: int) -> tuple[float, list[int]]:
    """MiB above idle after so many bodies of a size that the server has rejected."""
    sent = request(Shape(lambda: filled(b'{"a":"', b'x', b'"}', size)))
    statuses = []
    with Scene() as scene:
        scene.side.faults.change({'refuse': '*'})
        scene.release()
        for _ in range(count):
            sender = Sender(scene.side, sent)
            sender.join()
            statuses.append(sender.status)
        return scene.memory(), statuses


def large_bodies() -> list[Row]:
    costs = {name: cost(shape) for name, shape in SHAPES.items()}
    for name, each in costs.items():
        print(f'  24 MiB, {name} ({each.status}): {each.until_line:.0f} MiB, {each.with_line:.0f} with the line, '
              f'another waited {1000 * each.waits.added:.0f} ms longer', file=sys.stderr)
    most = max(each.until_line for each in costs.values())
    with_line = max(each.with_line for each in costs.values())
    waits = max((each.waits for each in costs.values()), key=lambda waits: waits.added)
    return [
        Row(f'24 MiB in any of {len(costs)} shapes: memory above idle', f'{most:.0f} MiB', '', '', 'at most 250 MiB',
            most <= 250),
        Row('... with the call and its reply', f'{with_line:.0f} MiB', '', '', 'at most 370 MiB', with_line <= 370),
        wait_row('...', waits),
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
    left, _ = refused(25, 10 * MIB)
    return [
        Row('six bodies of 10 MiB that wait: memory above idle', f'{six:.0f} MiB', '', '', 'at most 120 MiB', six <= 120),
        Row('30 repeats of one delivery of 2 MiB that wait', f'{repeats:.0f} MiB', '', '', 'at most 120 MiB', repeats <= 120),
        Row('25 bodies of 10 MiB that XSOAR rejected leave', f'{left:.0f} MiB', '', '', 'at most 30 MiB', left <= 30),
    ]
