"""What costly bodies take in this process: CPU time as a multiple of what SHA-256 of the same bytes takes in the same run."""
from __future__ import annotations

import gzip
import hashlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from GenericWebhook import (SCHEMES, TIMED_TEXT, Rejected, Settings, Tokens,
                            valid_signature, read_payloads, signatures_to_check, to_incidents, to_utf8, url_words)

from shared.app import defaults_of, unpacked
from shared.shapes import FORM, MIB, SHAPES, filled
from bench.rows import Row

TURNS = 2
SETTINGS = Settings(8080, Tokens('bench-token-5e9c0d17'), None)


class Work(NamedTuple):
    """A body, what is done with it, and how many times SHA-256 of its bytes, once unpacked, that may take."""

    name: str
    most: int  # about three times what was measured with the SHA instructions of a processor; without them it is less
    body: bytes
    do: Callable[[bytes], object]
    coding: str = ''


def read(content_type: str, coding: str, body: bytes, words: tuple[tuple[str, str], ...] = ()) -> None:
    """Make incidents of a body as the app does."""
    charset = content_type.partition('charset=')[2]
    text = to_utf8(unpacked(body, coding), charset, 'json' in content_type)
    to_incidents(read_payloads(text, content_type.partition(';')[0] if charset else content_type),
                 defaults_of({}, SETTINGS, words=url_words(SETTINGS, [*words])))


def check_signatures(body: bytes) -> None:
    """Compare a body with a wrong signature: it costs an HMAC, whatever the body begins with."""
    shown = signatures_to_check(SETTINGS, {'x-hub-signature-256': 'sha256=' + '0' * 64}, '')
    valid_signature(shown, body, 1_800_000_000)


def shapes() -> Iterator[Work]:
    """Yield the bodies of shared.shapes by kind."""
    for name, shape in SHAPES.items():
        kind, most = ('a form', 200) if shape.content_type.startswith(FORM) else ('JSON, text or parts', 120)
        if name.endswith('256 KiB'):
            kind, most = '256 KiB with raw line breaks', 800
        yield Work(kind, most, shape.body(), partial(read, shape.content_type, shape.coding), shape.coding)


def special() -> Iterator[Work]:
    """Yield other bodies that were costly once."""
    prefixes = {scheme.prefix.format(time='1600000000', id='a').encode() for schemes in SCHEMES.values() for scheme in schemes
                if scheme.prefix}
    for prefix in sorted(prefixes):
        for filler in (b' ', b'1,', b'-', b'[\n', b'\xef\xbb\xbf'):
            body = filled(prefix, filler, b'|')
            yield Work('a text that another scheme could have signed', 70, body, TIMED_TEXT.match)
            yield Work('a wrong signature', 4, body, check_signatures)
    for keys in (4, 16):
        body = filled(b'{"a":' * keys + b'[{"b":"', b'x', b'"}]' + b'}' * keys)
        each = (('each', '.'.join('a' * keys)),)
        yield Work('?each= of a long path', 30, body, partial(read, 'application/json', '', words=each))
    for start in (b'[', b'[1', b'{', b'a='):
        for filler in (b' ', b' b', b'\n', b'1'):
            yield Work('1 MiB that is almost JSON or a form', 100, filled(start, filler, b'x', MIB), partial(read, FORM, ''))
    for member in (b'', b' ' * 1000):
        yield Work('60,000 gzip members', 12, gzip.compress(member) * 60_000, partial(read, 'text/plain', 'gzip'))
    yield Work('a charset that decodes slowly', 4, filled(b'\0' + b'a' * 1000 + b'-', b'b', b'', MIB),
               partial(read, 'text/plain; charset=punycode', ''))
    alerts = {'title': 'Disk full', 'severity': 'low', 'alerts': [{'severity': 'low'}] * 300}
    all_words = {word: ','.join('|'.join(f'{word}{part}{index}.a' for index in range(4)) + end for part in range(8))
                 for word, end in (('name', ''), ('problem', ''), ('resolved', '=x'), ('skip', '=x'))}
    all_words |= {'each': 'l', 'at_least': 'high', 'occurred': 'begun', 'severity': 'grade',
                  'problem': f'b:{all_words["problem"]}'}
    yield Work('1,000 items with ?each= and all words', 400, json.dumps({'l': [alerts] * 1000}).encode(),
               partial(read, 'application/json', '', words=tuple(all_words.items())))
    many = json.dumps([{f'key {number}': {'title': 'x' * 100} for number in range(250)}] * 900)
    yield Work('900 events of 250 members', 60, many.encode(), partial(read, 'application/json', ''))


def work() -> Iterator[Row]:
    """Yield a row for the costliest body of each kind."""
    costliest: dict[str, tuple[Work, float, float]] = {}
    for each in (*shapes(), *special()):
        taken, hashed = least(each.do, each.body), least(digest, unpacked(each.body, each.coding))
        print(f'  {each.name}, {each.body[:20]!r}: {1000 * taken:.1f} ms, {taken / hashed:.1f} times', file=sys.stderr)
        _, known, of = costliest.get(each.name, (each, 0, 1))
        if taken / hashed > known / of:
            costliest[each.name] = each, taken, hashed
    for name, (each, taken, hashed) in costliest.items():
        yield Row(f'CPU of {name}', f'{1000 * taken:.1f} ms', f'{1000 * hashed:.1f} ms (SHA-256)', f'{taken / hashed:.1f} times',
                  f'at most {each.most} times', taken <= each.most * hashed)


def digest(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def least(do: Callable[[bytes], object], body: bytes) -> float:
    """Return the least CPU seconds of this thread in some turns. What is rejected counts like what is read."""
    def once() -> float:
        began = time.thread_time()
        with suppress(Rejected):
            do(body)
        return time.thread_time() - began
    return min(once() for _ in range(TURNS))
