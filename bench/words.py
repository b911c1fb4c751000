"""What words in the URL cost: CPU for a small post with five of them beside the same post without any, in one container."""
from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

from bench.cpu import cpu_seconds
from bench.rows import Row
from bench.side import OURS, TOKEN, Side

TURNS, ROUNDS = 7, 60
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


def milliseconds(side: Side, query: str) -> float:
    """Return the CPU time of the container for a post to a URL with this query, over many connections at once."""
    parts, sent = urlsplit(side.url), request(side.url, query)
    with ExitStack() as stack:
        senders = [stack.enter_context(socket.create_connection((str(parts.hostname), parts.port or 80)))
                   for _ in range(CONNECTIONS)]
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
    """Yield the row: five words against a query of as many characters without any."""
    other = 'x=' + 'a' * (len(WORDS) - 2)
    with Side(OURS) as side:
        side.warm_up()
        for query in (WORDS, other):
            milliseconds(side, query)
        turns = [(milliseconds(side, WORDS), milliseconds(side, other), milliseconds(side, 'x=a')) for _ in range(TURNS)]
    words, without, short = (min(column) for column in zip(*turns, strict=True))  # other work of the machine only adds
    yield Row('CPU for a small post with five words in the URL', f'{words:.3f} ms',
              f'{without:.3f} ms (a query as long without words), {short:.3f} ms (a short one)', f'{words / short:.2f} times',
              'at most 1.15 times a post with a short query', words <= 1.15 * short)
