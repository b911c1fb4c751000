"""What words in the URL cost: CPU for a small post with five of them beside the same post without any, in one container."""
from __future__ import annotations

import json
import socket
import statistics
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

from bench.scenes.cpu import cpu_seconds
from bench.rows import Row
from shared.side import OURS, TOKEN, Side, connect

TURNS, ROUNDS = 40, 10
CONNECTIONS = 32
EVENT = {'title': 'Backup failed', 'host': 'db-1', 'begun': '2026-11-24T09:00:00Z', 'grade': 'urgent', 'ref': 4711,
         'phase': 'begun'}
BODY = json.dumps(EVENT).encode()
WORDS = ('name=title%2Chost&occurred=begun&severity=grade%3Acritical%3Durgent%2Clow%3Dnormal&problem=backup%3Aref'
         '&resolved=phase%3Dover')


def request(url: str, query: str) -> bytes:
    parts = urlsplit(url)
    head = f'POST {parts.path or "/"}?{query} HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: {TOKEN}\r\n'
    return f'{head}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n'.encode() + BODY


def milliseconds(side: Side, senders: list[socket.socket], query: str) -> float:
    """Return the CPU time of the container for a post to a URL with this query, over many connections at once."""
    sent = request(side.url, query)
    before = cpu_seconds(side.pid)
    for _ in range(ROUNDS):
        for sender in senders:
            sender.sendall(sent)
        for sender in senders:
            answer = sender.recv(65536)
            assert answer.startswith(b'HTTP/1.1 200'), answer
            assert b'X-Webhook-Note' not in answer
    return (cpu_seconds(side.pid) - before) / ROUNDS / CONNECTIONS * 1000


def url_words() -> Iterator[Row]:
    """Yield the row: five words against a query of as many characters without any, and against a short one."""
    queries = WORDS, 'x=' + 'a' * (len(WORDS) - 2), 'x=a'
    with Side(OURS) as side, ExitStack() as stack:
        side.warm_up()
        senders = [stack.enter_context(connect(side)) for _ in range(CONNECTIONS)]
        for query in queries:
            milliseconds(side, senders, query)
        turns = [[milliseconds(side, senders, query) for query in queries] for _ in range(TURNS)]
    words, without, short = (statistics.median(column) for column in zip(*turns, strict=True))
    ratio = statistics.median(turn[0] / turn[-1] for turn in turns)  # other work of the machine slows a turn as a whole
    yield Row('CPU for a small post with five words in the URL', f'{words:.3f} ms',
              f'{without:.3f} ms (a query as long without words), {short:.3f} ms (a short one)', f'{ratio:.2f} times',
              'at most 1.15 times a post with a short query', ratio <= 1.15)
