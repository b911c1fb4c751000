"""What once failed, or would fail if a rule of the script were looser: each fuzz replays it first.

Add what a fuzz finds, with a name that says what is wrong with it.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

Case = TypeVar('Case')


class Body(NamedTuple):
    content: bytes
    label: str = 'application/json'
    coding: str = ''


HOST = b'Host: x\r\n'
CHUNKED = b'POST / HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\n'

# Raw HTTP, for the fuzz of framing and for that of a container.
STREAMS = {
    'a vertical tab in a header': b'POST / HTTP/1.1\r\n' + HOST + b'A: a\x0bb\r\nContent-Length: 2\r\n\r\n{}',
    'a form feed after the coding': b'POST / HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\x0c\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'a length in superscript': b'POST / HTTP/1.1\r\n' + HOST + b'Content-Length: \xb2\r\n\r\n{}',
    'a length with an underscore': b'POST / HTTP/1.1\r\n' + HOST + b'Content-Length: 1_0\r\n\r\n0123456789',
    'a lone carriage return in a header': b'GET / HTTP/1.1\r\n' + HOST + b'A: b\rContent-Length: 2\r\n\r\n{}',
    'a control character in an extension': CHUNKED + b'2;a=\x01\r\n{}\r\n0\r\n\r\n',
    'a lone line feed in an extension': CHUNKED + b'2;a\nb\r\n{}\r\n0\r\n\r\n',
    'a space before a size': CHUNKED + b' 2\r\n{}\r\n0\r\n\r\n',
    'a size with a sign': CHUNKED + b'+2\r\n{}\r\n0\r\n\r\n',
    'a chunk without a size': CHUNKED + b'\r\n{}\r\n0\r\n\r\n',
    'a chunk longer than its size': CHUNKED + b'1\r\n{}\r\n0\r\n\r\n',
    'a trailer that is not a field': CHUNKED + b'2\r\n{}\r\n0\r\nno trailer\r\n\r\n',
    'a folded trailer': CHUNKED + b'2\r\n{}\r\n0\r\nA: b\r\n fold: x\r\n\r\n',
    'a trailer with a length': CHUNKED + b'2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n',
    'CONNECT': b'CONNECT / HTTP/1.1\r\n' + HOST + b'\r\n',
    'a request line that does not end': b'GET / HTTP/1.1',
    'a second request after a body': CHUNKED + b'2\r\n{}\r\n0\r\n\r\nGET / HTTP/1.1\r\n' + HOST + b'\r\n',
}

BODIES = {
    'a character beside a cut escape': Body('["\\ud83\ufeff"]'.encode()),
    'half a pair before a whole one': Body(rb'{"a": "\ud83d\ud83d\ude00"}'),
    'two low halves': Body(rb'{"a": "\udc00\ude00"}'),
    'an escaped backslash before half a pair': Body(rb'{"a": "\\\ud800\\"}'),
    'NaN behind a string': Body(b'{"a": "NaN", "b": NaN}'),
    'a raw line break and half a pair': Body(b'{"a": "\n\\ud800"}'),
    'an error marker': Body(b'{"title": "$$##"}'),
    'an object that is text by its label': Body(b'{"a": 01}', 'text/plain'),
    'a file alone in a form': Body(b'--x\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\nwords\r\n--x--',
                                   'multipart/form-data; boundary=x'),
    'a zlib body of nothing': Body(b'', 'application/json', 'deflate'),
}


def cases(corpus: dict[str, Case], made: Callable[[int], Case], seeds: Iterable[int]) -> Iterator[tuple[str, Case]]:
    """Yield the corpus, then what is made from each seed; and with each what repeats it, for the message of a failure."""
    yield from ((f'in the corpus, {name}', case) for name, case in corpus.items())
    yield from ((f'--seed {seed}', made(seed)) for seed in seeds)
