"""What several tokens cost: CPU for a request without a proof, and how long another sender waits beside such requests."""
from __future__ import annotations

import hmac
import json
import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from GenericWebhook import (
    MAX_TOKENS,
    Rejected,
    Settings,
    Tokens,
    read_query,
    shown_token,
    signatures_to_check,
    valid_signature,
)

from shared.shapes import MIB
from bench.probing import BAD, Prober
from bench.rows import Row
from shared.side import OURS, TOKEN, Side
from bench.scenes.work import least
from shared.processes import beside

TURNS = 5
SECONDS = 3
STRANGERS = 4  # connections
ALL = ' || '.join([*(f'another-token-{number}' for number in range(1, MAX_TOKENS)), TOKEN])
SIGNATURES = {f'x-{number}-signature': '0' * 64 for number in range(8)}
GUESSES = {f'x-{number}': f'guess-{number}' for number in range(100)}
QUERY = '&'.join(f'a{number}=guess-{number}' for number in range(100))
ONE_SIGNATURE = {'x-a-signature': '0' * 64}
MANY_SIGNATURES = {f'x-{number}-signature': f'{"0" * 64},{"0" * 128}' for number in range(8)}
SIGNED = f'X-Hub-Signature-256: sha256={hmac.digest(TOKEN.encode(), BAD, "sha256").hex()}'
SIZES = {'1 KiB': 1024, '256 KiB': 256 * 1024, '24 MiB': 24 * MIB}


def check(text: str, body: bytes) -> None:
    """Reject a body with eight wrong signatures."""
    with suppress(Rejected):
        valid_signature(signatures_to_check(Settings(8080, Tokens(text), None), SIGNATURES, ''), body, 1_800_000_000)


def compare(text: str) -> Callable[[bytes], object]:
    """Return what compares 100 headers and 100 parameters with the tokens."""
    settings = Settings(8080, Tokens(text), None)
    return lambda _: [shown_token(settings, GUESSES, read_query(settings.tokens, QUERY)) for _ in range(20)]


def cpu() -> Iterator[Row]:
    """Yield how many times as much CPU a request without a proof takes with MAX_TOKENS tokens as with one."""
    costs = {f'a body of {name} with 8 wrong signatures': (
        least(lambda body: check(ALL, body), bytes(size)), least(lambda body: check(TOKEN, body), bytes(size)))
        for name, size in SIZES.items()}
    costs['100 headers and 100 parameters'] = least(compare(ALL), b''), least(compare(TOKEN), b'')
    for name, (several, one) in costs.items():
        yield Row(f'CPU for {name}, {MAX_TOKENS} tokens', f'{1000 * several:.2f} ms', f'{1000 * one:.2f} ms (one token)',
                  f'{several / one:.1f} times', f'at most {MAX_TOKENS} times', several <= MAX_TOKENS * one)


class Waits(NamedTuple):
    """The milliseconds of another sender, for each of its requests."""

    times: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.times)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.times, n=100)[98]


def waits(text: str, size: int, strangers: dict[str, str], *signed: str) -> Waits:
    """Return how long another sender waited at a container with these tokens. `signed` are headers that prove its bodies.

    Strangers post bodies of `size` bytes with wrong signatures in their headers, each as soon as the one before is rejected.
    """
    with Side(OURS, tokens=text) as side:
        side.warm_up()
        with beside(subprocess.Popen([sys.executable, '-m', 'bench.scenes.tokens', side.url, str(size), json.dumps(strangers)])):
            prober = Prober(side, *signed)
            threading.Event().wait(SECONDS)
            prober.stop()
    return Waits([1000 * seconds for seconds in prober.times])


def wait_row(what: str, several: list[float], one: list[float], most: float) -> Row:
    """Return the row of a wait in some turns with MAX_TOKENS tokens, and in as many with one."""
    many, single = statistics.median(several), statistics.median(one)
    return Row(f'{MAX_TOKENS} tokens, {what}', f'{many:.1f} ms', f'{single:.1f} ms (one token)', f'{many / single:.2f} times',
               f'at most {most} times', many <= most * single)


def tokens() -> Iterator[Row]:
    """Yield the rows of both."""
    yield from cpu()
    for name, size in (('1 KiB', 1024), ('64 KiB', 64 * 1024), ('1 MiB', MIB)):
        turns = [(waits(ALL, size, ONE_SIGNATURE), waits(TOKEN, size, ONE_SIGNATURE)) for _ in range(TURNS)]
        yield wait_row(f'strangers with wrong signatures of {name}: p99 of another sender',
                       [several.p99 for several, _ in turns], [one.p99 for _, one in turns], 1.1)
    for name, size in (('256 KB', 256_000), ('1 MB', 1_000_000)):
        turns = [(waits(ALL, size, MANY_SIGNATURES, SIGNED), waits(TOKEN, size, MANY_SIGNATURES, SIGNED)) for _ in range(TURNS)]
        for figure in 'median', 'p99':
            several, one = ([getattr(each, figure) for each in column] for column in zip(*turns, strict=True))
            yield wait_row(f'strangers with 16 wrong signatures of {name}: {figure} of a sender that signs', several, one, 1.1)


# What runs in the other process.


def post_for_ever(url: str, size: int, signatures: dict[str, str]) -> None:
    """Post bodies with wrong signatures over one connection, each as soon as the one before is rejected."""
    parts = urlsplit(url)
    lines = ['POST / HTTP/1.1', 'Host: x', f'Content-Length: {size}', *map(': '.join, signatures.items()), '', '']
    head = '\r\n'.join(lines).encode()
    with socket.create_connection((str(parts.hostname), parts.port or 80)) as connection:
        while True:
            connection.sendall(head + bytes(size))
            assert connection.recv(65536).startswith(b'HTTP/1.1 401')


if __name__ == '__main__':
    for _ in range(STRANGERS):
        threading.Thread(target=post_for_ever, args=(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]))).start()
