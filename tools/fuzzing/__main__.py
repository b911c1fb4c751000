"""Four fuzzes: `./dev test -e fuzz -- [SECONDS] [--seed SEED] [--only framing|http|bodies|growth]`.

1. framing: 200,000 streams of requests, read by the script and by two other parsers (framing.py);
2. http: raw HTTP by chance against a real container, for SECONDS;
3. bodies: bodies by chance, read by the script and by Python's json (bodies.py), for SECONDS;
4. growth: how the instructions for an event grow with a run of its worst characters (growth.py).

Requests are made of pieces that are right, nearly right and wrong, and cut, doubled or turned here and there. Whatever comes,
each response is HTTP to h11's strict reading, with a status that the contract has, and the process lives on.

Each begins with what once failed (corpus.py). A failure names its seed: with it, the fuzz begins with what failed. When each
connection got a greenlet, `--only framing --seed 530000053` was chosen before it was run.
"""
from __future__ import annotations

import argparse
import random
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import count, islice

import h11

from shared.webhook import TOKEN, Webhook, read_answers
from tools.fuzzing import bodies, framing, growth
from tools.fuzzing.corpus import STREAMS, cases

METHODS = b'GET HEAD POST PUT OPTIONS PATCH DELETE TRACE CONNECT post PRI G\xffT'.split()
TARGETS = b'/ /x * //x http://x/ http://x x /%ff /%00 /?a=b&type=c /?validationToken=a%0d%0ab ? # /\xff'.split()
VERSIONS = b'HTTP/1.1 HTTP/1.1 HTTP/1.1 HTTP/1.0 HTTP/0.9 HTTP/1.2 HTTP/2.0 http/1.1'.split()
HEADERS = [
    b'Authorization: ' + TOKEN.encode(), b'Authorization: wrong', b'Host: x', b'Host:', b'Host: a b', b'Connection: close',
    b'Connection: keep-alive', b'Connection: x, Close', b'Connection: Upgrade', b'Upgrade: websocket', b'Expect: 100-Continue',
    b'Content-Length: 2', b'Content-Length: 0', b'Content-Length: 70000', b'Content-Length: +2', b'Content-Length: 2, 2',
    b'Transfer-Encoding: chunked', b'Transfer-Encoding: Chunked', b'Transfer-Encoding: gzip', b'transfer-encoding : chunked',
    b'Content-Type: application/json', b'Content-Type: a; charset*=a; charset*1=b', b'Content-Type: text/plain; charset=nonsense',
    b'Content-Encoding: gzip', b'X-Hub-Signature-256: sha256=00', b'X-Forwarded-For: "\x7f', b' folded', b'no header', b'A: \x00',
    b'WebHook-Request-Origin: a', b'User-Agent: a"b',
]
BODIES = [b'', b'{}', b'[]', b'{"name": "a"}', b'x', b'2\r\n{}\r\n0\r\n\r\n',
          b'2;a=b\r\n{}\r\n0\r\nA: b\r\n\r\n', b'2\n{}\n0\n\n',
          b'fffffffffffffffff\r\n', b'1\r\n{\r\n1\r\n}\r\n0\r\n\r\n', b'\x1f\x8b\x08', b'\r\n\r\n', b'[' * 70_000]
FRAMING_STREAMS = 200_000
CONTRACT = {200, 204, 400, 401, 404, 405, 413, 414, 415, 503}


def made_request(chance: random.Random) -> bytes:
    names = chance.sample(HEADERS, chance.randrange(6))
    if chance.random() < 0.8:
        names.append(b'Host: x')
    ends = b'\r\n' if chance.random() < 0.95 else b'\n'
    body = chance.choice(BODIES)
    if chance.random() < 0.5:
        names.append(b'Content-Length: %d' % len(body))
    line = chance.choice([b' '] * 9 + [b'\t']).join((chance.choice(METHODS), chance.choice(TARGETS), chance.choice(VERSIONS)))
    return ends.join([line, *names, b'', body])


def spoiled(text: bytes, chance: random.Random) -> bytes:
    """Return the text, sometimes with a piece cut out, doubled or reversed."""
    for _ in range(chance.choice((0, 0, 0, 1, 3))):
        start = chance.randrange(len(text) + 1)
        piece = text[start:start + chance.randrange(9)]
        text = text[:start] + chance.choice((b'', piece * 2, piece[::-1], chance.randbytes(1))) + text[start + len(piece):]
    return text


def check_answers(text: bytes, sent: bytes) -> int:
    """Return the number of responses. One to HEAD has no body, so where it may be one only the head is checked."""
    has_heads = b'HEAD' in sent
    answers = list(islice(read_answers(text, 'HEAD'), 1) if has_heads else read_answers(text))
    for answer in answers:
        assert answer.status in CONTRACT, answer.status
        assert answer.status < 400 or has_heads or answer.detail
    return len(answers)


def ask(webhook: Webhook, sent: bytes) -> bytes:
    answer = b''
    with webhook.connect() as sender, suppress(ConnectionError):
        sender.sendall(sent)
        sender.shutdown(socket.SHUT_WR)
        while piece := sender.recv(65536):
            answer += piece
    return answer


def made_stream(seed: int) -> bytes:
    chance = random.Random(seed)
    return b''.join(spoiled(made_request(chance), chance) for _ in range(chance.choice((1, 1, 2, 5))))


def run(seeds: Iterable[int]) -> int:
    """Return the number of responses to the corpus and to the streams of these seeds.

    Raise AssertionError, with the bytes that were sent and their seed, for one outside the contract.
    """
    responses = 0
    with Webhook() as webhook:
        pid = webhook.state()['pid']
        for origin, sent in cases(STREAMS, made_stream, seeds):
            try:
                responses += check_answers(ask(webhook, sent), sent)
            except (AssertionError, h11.RemoteProtocolError, TimeoutError) as error:
                raise AssertionError(f'{origin}: {error!r} to {sent[:2000]!r}') from error
        assert webhook.state()['pid'] == pid
        assert not [line for line in webhook.output if 'Traceback' in line or 'unexpectedly' in line]
    return responses


def seeds_for(seconds: float, first: int) -> Iterator[int]:
    """Yield seeds from the first one on until the time is over."""
    ends_at = time.monotonic() + seconds
    for seed in count(first):
        if time.monotonic() >= ends_at:
            return
        yield seed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('seconds', type=float, nargs='?', default=60, help='how long http and bodies take (default: 60)')
    parser.add_argument('--seed', type=int, default=time.time_ns(), help='the first seed (default: another one in each run)')
    parser.add_argument('--only', choices=('framing', 'http', 'bodies', 'growth'), help='run this one alone')
    options = parser.parse_args()
    seed = options.seed
    if options.only in (None, 'framing'):
        messages = framing.run(range(seed, seed + FRAMING_STREAMS))
        print(f'seed {seed}: {FRAMING_STREAMS:,} streams, {messages:,} messages accepted, none by ours alone or with another end')
    if options.only in (None, 'http'):
        print(f'seed {seed}: {run(seeds_for(options.seconds, seed)):,} responses, all within the contract')
    if options.only in (None, 'bodies'):
        read, taken = bodies.run(seeds_for(options.seconds, seed))
        print(f'seed {seed}: {read:,} bodies, {taken:,} of them incidents, all within the contract')
    if options.only in (None, 'growth'):
        if grown := [*growth.run()]:
            sys.exit('The work grows faster than the text:\n' + '\n'.join(grown))
        print(f'{len(growth.FORMS) * len(growth.PIECES):,} texts at three lengths: the work grows with the length alone')


if __name__ == '__main__':
    main()
