"""How long a sender waits beside others that send what costs the container most for its bytes, or that are slow on purpose."""
from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from shared.scene import Scene, request
from shared.shapes import FORM, Shape
from shared.scene import wait_while
from bench.probing import probed, wait_row
from bench.rows import Row
from shared.side import OURS, TOKEN, Mirror, Side, connect
from shared.processes import beside

HEADERS = [f'X-{number}: {"a" * 1000}' for number in range(8)]
HOST = b'Host: x\r\n'
GET = b'GET / HTTP/1.1\r\n' + HOST + b'\r\n'
IN_CHUNKS = b'Transfer-Encoding: chunked\r\n\r\n'
CHUNKED = b'POST / HTTP/1.1\r\n' + HOST + b'Authorization: ' + TOKEN.encode() + b'\r\n' + IN_CHUNKS
ALL_SIGNATURES = HOST + b''.join(b'X-Hub-Signature-256: sha256=%064d\r\n' % number for number in range(90))
STREAMS = {
    'pipelined requests': GET * 30_000,
    'chunks of one byte': CHUNKED + b'1\r\n{\r\n' * 4_000_000,
    'an extension without an end': CHUNKED + b'1;' + b'a' * 24_000_000,
    'trailers without an end': CHUNKED + b'0\r\n' + b'a: b\r\n' * 4_000_000,
    'a body after its rejection': b'POST / HTTP/1.1\r\n' + HOST + IN_CHUNKS + b'1\r\n{\r\n' * 4_000_000,
    'empty lines': b'\r\n' * 1_000_000,
    '90 signatures each': (b'POST / HTTP/1.1\r\n' + ALL_SIGNATURES + b'Content-Length: 250000\r\n\r\n' + b' ' * 250_000) * 50,
    'user agents of escapes': (b'GET / HTTP/1.1\r\n' + HOST + b'User-Agent: ' + b'%41' * 10_000 + b'\r\n\r\n') * 1000,
}
STREAM_SECONDS = 2
SLOW = 1000
SLOW_SECONDS = 10
MOST_KIB = 64  # of a slow connection
ATTACKS = {
    'heads that never end': ['-H', '-i', '3', '-x', '24'],
    'bodies that come a few bytes at a time': ['-B', '-i', '3', '-s', '8192', '-x', '10', '-t', 'POST'],
    'responses that are read a few bytes at a time': ['-X', '-w', '1', '-y', '10', '-n', '3', '-z', '5', '-k', '3'],
}


def small_events() -> Iterator[Row]:
    """60 posts of 1,000 small events each with 8 KiB of headers: together they would need 480 MiB."""
    for name, shape in {
        'JSON': Shape(lambda: b'[' + b','.join([b'{"a":1}'] * 1000) + b']'),
        'a form': Shape(lambda: b'payload=%5B' + b','.join([b'%7B%22a%22:1%7D'] * 1000) + b'%5D', FORM),
    }.items():
        sent = request(shape, *HEADERS)
        with Scene(Mirror()) as scene, ExitStack() as stack:
            scene.release()
            connections = [stack.enter_context(connect(scene.side)) for _ in range(60)]
            with probed(scene.side) as waits:
                for part in (sent[:-1], sent[-1:]):
                    for connection in connections:
                        connection.sendall(part)
                statuses = {int(connection.recv(65536)[9:12]) for connection in connections}
            peak = scene.peak()
        yield Row(f'60 posts of 1,000 small events, {name}: memory above idle', f'{peak:.0f} MiB', '',
                  ' '.join(map(str, sorted(statuses))), 'at most 250 MiB', peak <= 250 and statuses <= {200, 503})
        yield wait_row('...', waits)


def streams() -> Iterator[Row]:
    """One connection that sends what costs the container most for its bytes."""
    with Scene(Mirror()) as scene:
        scene.release()
        for name, sent in STREAMS.items():
            with probed(scene.side) as waits, streaming(scene.side, sent):
                time.sleep(STREAM_SECONDS)
            yield wait_row(f'one connection that sends {name}', waits)
            wait_while(scene.is_busy, 30)


@contextmanager
def streaming(side: Side, sent: bytes) -> Iterator[None]:
    """Send these bytes, and read what is answered; at the end close the connection, however much is left."""
    with connect(side) as sender:
        def send() -> None:
            with suppress(OSError):
                sender.sendall(sent)

        def read() -> None:
            with suppress(OSError):
                while sender.recv(2**20):
                    pass

        threads = [threading.Thread(target=target) for target in (send, read)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                sender.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()


def slow_senders() -> Iterator[Row]:
    """1,000 senders that are slow on purpose, by slowhttptest."""
    if not shutil.which('slowhttptest'):
        raise SystemExit('bench: slowhttptest is not installed. Debian: apt-get install slowhttptest.')
    for name, options in ATTACKS.items():
        with Side(OURS) as side:
            side.warm_up()
            idle, most_files = side.memory(), 0
            command = ['slowhttptest', *options, '-c', str(SLOW), '-r', '500', '-l', str(SLOW_SECONDS), '-p', '30', '-u',
                       f'{side.url}?token={TOKEN}']  # a sender without the token would be rejected before its body is read
            with probed(side) as waits, beside(subprocess.Popen(command, stdout=subprocess.DEVNULL,
                                                                stderr=subprocess.DEVNULL)) as attack:
                while attack.poll() is None:
                    most_files = max(most_files, len(os.listdir(f'/proc/{side.pid}/fd')))
                    with suppress(subprocess.TimeoutExpired):
                        attack.wait(0.1)
            kib = (side.peak_memory() - idle) * 1024 / SLOW
        yield wait_row(f'1,000 {name}, {most_files:,} connections at once', waits)
        yield Row('... memory a connection', f'{kib:.1f} KiB', '', '', f'at most {MOST_KIB} KiB',
                  kib <= MOST_KIB and most_files > SLOW // 10)
