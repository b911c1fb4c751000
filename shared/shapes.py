"""Large bodies in every shape that is known to be costly."""
from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

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
    'lone surrogates between letters': Shape(lambda: filled(b'{"a":"', rb'\ud800x', b'"}')),
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
        lambda: filled(b'a=' + b'"' * (165 * MIB // 10), '😀'.encode(), b'', 17 * MIB), FORM),
    'form of quotes and one arrow': Shape(lambda: filled(b'a=', b'"', '→'.encode(), 169 * MIB // 10), FORM),
    'form of control characters and as many emojis as stay unescaped': Shape(
        lambda: filled(b'a=' + b'\1' * (31 * MIB // 10), '😀'.encode(), b'', 184 * MIB // 10), FORM),
    'form of control characters and as many emojis as are escaped': Shape(
        lambda: filled(b'a=' + b'\1' * (31 * MIB // 10), '😀'.encode(), b'', 181 * MIB // 10), FORM),
}

# Those whose call and reply take most, beside other requests that wait: one that takes all their 64 MiB itself has none beside.
COSTLIEST = ['form of emojis', 'form of quotes and some emojis', 'form of quotes and one arrow',
             'form of control characters and as many emojis as stay unescaped']

# The worst of each kind, for the tests.
COSTLY = ['small objects in raw_json', 'gzip of 24 KB, numbers', 'form of %41', 'NaN behind escapes', 'many keys',
          'text of control characters', 'lone surrogates', 'huge part name', 'one long key beside raw_json',
          'text in UTF-16, one emoji', 'malformed payload in a form, one emoji', 'a long name with one emoji',
          "XSOAR's error markers"]
