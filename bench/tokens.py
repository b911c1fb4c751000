"""What several tokens cost: CPU for a request without a proof, and how long another sender waits beside such requests."""
from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

from GenericWebhook import (
    MAX_TOKENS,
    Rejected,
    Settings,
    Tokens,
    shown_token,
    signatures_to_check,
    valid_signature,
)

from bench.bodies import MIB
from bench.probing import Prober
from bench.rows import Row
from bench.side import OURS, TOKEN, Side
from bench.work import least
from tools.processes import beside

TURNS = 5
SECONDS = 3
STRANGERS = 4  # connections
ALL = ' || '.join([*(f'another-token-{number}' for number in range(1, MAX_TOKENS)), TOKEN])
SIGNATURES = {f'x-{number}-signature': '0' * 64 for number in range(8)}
GUESSES = {f'x-{number}': f'guess-{number}' for number in range(100)}
QUERY = '&'.join(f'a{number}=guess-{number}' for number in range(100))
SIZES = {'1 KiB': 1024, '256 KiB': 256 * 1024, '24 MiB': 24 * MIB}


def check(text: str, body: bytes) -> None:
    """Reject a body with eight wrong signatures."""
    with suppress(Rejected):
        valid_signature(signatures_to_check(Settings(8080, Tokens(text), None), SIGNATURES, ''), body, 1_800_000_000)


def compare(text: str) -> Callable[[bytes], object]:
    """Return what compares 100 headers and 100 parameters with the tokens."""
    settings = Settings(8080, Tokens(text), None)
    return lambda _: [shown_token(settings, GUESSES, QUERY) for _ in range(20)]


def cpu() -> Iterator[Row]:
    """Yield how many times as much CPU a request without a proof takes with MAX_TOKENS tokens as with one."""
    costs = {f'a body of {name} with 8 wrong signatures': (
        least(lambda body: check(ALL, body), bytes(size)), least(lambda body: check(TOKEN, body), bytes(size)))
        for name, size in SIZES.items()}
    costs['100 headers and 100 parameters'] = least(compare(ALL), b''), least(compare(TOKEN), b'')
    for name, (several, one) in costs.items():
        yield Row(f'CPU for {name}, {MAX_TOKENS} tokens', f'{1000 * several:.2f} ms', f'{1000 * one:.2f} ms (one token)',
                  f'{several / one:.1f} times', f'at most {MAX_TOKENS} times', several <= MAX_TOKENS * one)


def p99(text: str, size: int) -> float:
    """Return the 99th percentile of another sender's milliseconds at a container with these tokens.

    Strangers post bodies of `size` bytes with a wrong signature, each as soon as the one before is rejected.
    """
    with Side(OURS, tokens=text) as side:
        side.warm_up()
        with beside(subprocess.Popen([sys.executable, '-m', 'bench.tokens', side.url, str(size)])):
            prober = Prober(side)
            threading.Event().wait(SECONDS)
            prober.stop()
    return 1000 * statistics.quantiles(prober.times, n=100)[98]


def tokens() -> Iterator[Row]:
    """Yield the rows of both."""
    yield from cpu()
    for name, size in (('1 KiB', 1024), ('64 KiB', 64 * 1024), ('1 MiB', MIB)):
        turns = [(p99(ALL, size), p99(TOKEN, size)) for _ in range(TURNS)]
        several, one = (statistics.median(column) for column in zip(*turns, strict=True))
        yield Row(f'{MAX_TOKENS} tokens, strangers with wrong signatures of {name}: p99 of another sender', f'{several:.1f} ms',
                  f'{one:.1f} ms (one token)', f'{several / one:.2f} times', 'at most 1.1 times', several <= 1.1 * one)


# What runs in the other process.


def post_for_ever(url: str, size: int) -> None:
    """Post bodies with a wrong signature over one connection, each as soon as the one before is rejected."""
    parts = urlsplit(url)
    head = f'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nX-A-Signature: {"0" * 64}\r\n\r\n'.encode()
    with socket.create_connection((str(parts.hostname), parts.port or 80)) as connection:
        while True:
            connection.sendall(head + bytes(size))
            assert connection.recv(65536).startswith(b'HTTP/1.1 401')


if __name__ == '__main__':
    for _ in range(STRANGERS):
        threading.Thread(target=post_for_ever, args=(sys.argv[1], int(sys.argv[2]))).start()
