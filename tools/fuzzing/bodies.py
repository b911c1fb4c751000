"""Bodies by chance against the script's own reading of them, beside Python's json: see __main__.py for the command.

Whatever comes is incidents, each with details that are JSON, or a rejection with a status that the contract has. What json reads
as an object, or as an array of objects, becomes incidents of the same values; what json rejects is rejected, but for what the
contract mends: half a surrogate pair, raw control characters in strings.
"""
from __future__ import annotations

import gzip
import json
import random
import re
import zlib
from collections.abc import Iterable
from typing import Any

from tools.fuzzing.corpus import BODIES, Body, cases
from shared.app import defaults_of, unpacked
from GenericWebhook import ERROR_MARKERS, Rejected, read_payloads, to_incidents, with_text

ARRIVAL = defaults_of({'x-event': 'push'})
SCALARS = ['1', '-0', '1.50', '1e999', '9' * 400, 'true', 'null', '""', '"a"', r'"\u00e9\n\\\""', r'"\ud83d\ude00"', '"$$##"',
           '"é😀"', '"2026-11-24"']
SPOILED = ['NaN', '-Infinity', '01', '1.', '+1', r'"\ud800"', r'"\udc00\ud800"', r'"\\\ud800\\"', '"\n\t"', '"\x01"',
           r'"\x"', "'a'", '"a']
NAMES = ['name', 'type', 'occurred', 'raw_json', 'rawJson', 'rawJSON', 'headers', 'a', 'b', r'\u0061', 'alerts', 'labels']
SPACES = ['', '', ' ', '\n', '\t', '\r\n  ']
LABELS = ['', 'application/json', 'application/x-ndjson', 'text/plain', 'text/plain; charset=latin-1', 'application/xml',
          'application/json; charset=utf-16', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x',
          ';', 'a/b; charset="']
PIECES = [b'{', b'}', b'[', b']', b',', b':', b'"', b'\\', b'\\u', b'd800', b'\n', b'\r', b'\0', b'\xff', b'\xef\xbb\xbf', b'--x',
          b'--x--', b'\r\n\r\n', b'Content-Disposition: form-data; name="a"', b'; filename="f"', b'=', b'&', b'%41', b'%', b'+',
          b'payload=', b'{"a":1}', b'[{}]', b'words', '😀'.encode()]


def made_json(chance: random.Random, depth: int = 0) -> str:
    space = chance.choice(SPACES)
    kind = chance.random()
    if kind < 0.35 and depth:
        return space + chance.choice(SCALARS if chance.random() < 0.97 else SPOILED) + space
    items = [made_json(chance, depth + 1) for _ in range(chance.choice((0, 1, 1, 2, 3)) if depth < 4 else 0)]
    if kind < 0.55:
        return f'[{space}{",".join(items)}]{space}'
    return '{' + space + ','.join(f'{space}"{chance.choice(NAMES)}"{space}:{item}' for item in items) + '}' + space


def made_body(seed: int) -> Body:
    chance = random.Random(seed)
    content, label, coding = made_content(chance), chance.choice(LABELS), chance.choice(('', '', '', 'gzip', 'deflate'))
    if chance.random() < 0.2:
        cut = chance.randrange(len(content) + 1)
        content = content[:cut] + chance.choice(PIECES) + content[cut + chance.randrange(3):]
    return Body(content, label, coding)


def made_content(chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.7:
        return chance.choice(('', '\n')).join(made_json(chance) for _ in range(chance.choice((1, 1, 1, 2, 3)))).encode()
    return b''.join(chance.choices(PIECES, k=chance.randrange(12)))


def packed(body: bytes, coding: str) -> bytes:
    return gzip.compress(body, 1) if coding == 'gzip' else zlib.compress(body) if coding == 'deflate' else body


def refuse_constant(name: str) -> Any:
    raise ValueError(name)


def events_of(text: str) -> Any:
    """The values of the events that json sees in a text; None where it sees none."""
    try:
        value = json.loads(text, parse_constant=refuse_constant, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return None
    events = value if isinstance(value, list) else [value]
    return events if all(isinstance(event, dict) for event in events) else None


def check(body: bytes, label: str, coding: str) -> bool:
    """Whether it became incidents."""
    sent = packed(body, coding)
    try:
        incidents = to_incidents(read_payloads(unpacked(sent, coding), label), ARRIVAL).incidents
    except Rejected as refusal:
        assert refusal.status in (400, 413, 415), refusal.status
        assert refusal.detail_for_sender.isprintable()
        check_is_refused_rightly(body, label)
        return False
    details = [json.loads(incident['rawJSON'], parse_int=str, parse_float=str) for incident in incidents]
    said = repr([*map(with_text, incidents)])
    assert not any(marker in said for marker in ERROR_MARKERS)
    try:
        events = events_of(body.decode().removeprefix('\ufeff'))
    except UnicodeDecodeError:
        return True
    if events is not None and not re.search(rb'\\u[dD][89a-fA-F]', body) and not label.startswith(('text', 'multipart')):
        assert len(details) == len(events)
        for kept, event in zip(details, events, strict=True):
            raw = [event[key] for key in ('raw_json', 'rawJson', 'rawJSON') if key in event]
            expected = raw[0] if raw else event
            assert kept == expected or {**expected, 'headers': {'x-event': 'push'}} == kept
    return True


def check_is_refused_rightly(body: bytes, label: str) -> None:
    """What is JSON to json is rejected for our format alone."""
    try:
        events = events_of(body.decode())
    except UnicodeDecodeError:
        return
    for event in events or []:
        if event.keys() & {'raw_json', 'rawJson', 'rawJSON'} or event.keys() <= {'name', 'type', 'occurred'}:
            return  # an envelope may break the format
    assert not events or b'\0' in body, 'a foreign payload was refused'


def run(seeds: Iterable[int]) -> tuple[int, int]:
    """Return how many bodies there were, and how many became incidents: the corpus, and those of these seeds.

    Raise AssertionError with a body and its seed.
    """
    count = taken = 0
    for origin, body in cases(BODIES, made_body, seeds):
        try:
            taken += check(*body)
        except Exception as error:
            raise AssertionError(f'{origin}: {error!r} to {body!r}') from error
        count += 1
    return count, taken
