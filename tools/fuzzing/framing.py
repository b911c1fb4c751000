"""Streams of requests by chance, read by the script, by h11 and by httptools (llhttp): see __main__.py for the command.

A message that the script accepts is accepted by one of the others too, and each of the others that accepts it reads the same body
and the same end: two readers that differ are what request smuggling needs. Where the others differ by design:

| reader | how it differs | what RFCs say | what is done here |
| --- | --- | --- | --- |
| h11 | rejects empty lines before a request | 9112 2.2: they are ignored | h11 reads the stream without them |
| httptools | leaves the body of a request with Upgrade unread | 9110 7.8: it is read first | no stream has this header |

Each stream has its own seed, which a failure names; see __main__.py for how to repeat it.
"""
from __future__ import annotations

import io
import random
import re
from collections.abc import Iterable
from typing import NamedTuple

import h11
from tools.fuzzing.corpus import STREAMS, cases
from GenericWebhook import EMPTY_LINES, MAX_REQUEST_START_BYTES, Rejected, parse_head
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

# `often` takes the first of these in most cases, so that a stream of many pieces has a chance to be valid.
METHODS = (b'POST', b'GET', b'PUT', b'HEAD', b'OPTIONS', b'PATCH', b'M-SEARCH', b'CONNECT', b'PRI', b'FOO', b'post', b'P\xffT',
           b'')
TARGETS = (b'/', b'/a?b=c', b'*', b'http://x/', b'http://x?a=b', b'http://x', b'https://[::1]:80/a?b', b'//x', b'/?a=\xc3\xa9',
           b'/a b', b'/#f', b'/?a?b#c', b'x:443', b'http:///a', b'http://x*', b'/\t', b'/\x7f', b'/%', b'/\0', b'')
VERSIONS = (b'HTTP/1.1', b'HTTP/1.0', b'HTTP/1.2', b'HTTP/2.0', b'HTTP/0.9', b'http/1.1', b'HTTP/1.1 ', b'HTTP/01.1', b'')
LINE_ENDS = (b'\r\n', b'\n', b'\r', b'\r\r\n', b'\n\r', b' \r\n', b'\0\r\n')
COLONS = (b': ', b':', b':\t ', b' : ', b'\t:', b';', b'', b': \x0b', b':\r\n ')
HOSTS = (b'x', b'x:80', b'', b'[::1]', b'a b', b'a,b', b'x/y', b'u@x', b'x\xff', b'x\x0b')
NAMES = (b'A', b'X-Event', b'a_b', b'!#$%&\'*+-.^_`|~', b'Connection', b'Expect', b'', b'A B', b'A(', b'\x80', b'A\0',
         b' fold')
VALUES = (b'b', b'', b'a b\tc', b'\xe9\xff\x80', b'"a\\"b"', b'close', b'keep-alive', b'Upgrade', b'100-continue', b'a\x0bb',
          b'\x0c', b'\0', b'\x01', b'\x7f', b'\x1b[0m', b'a\rb', b'a\n b', b':', b'\x85\xa0')
LENGTHS = (b'%d', b'0%d', b'%d ', b'+%d', b'-%d', b'%d, %d', b'%d,', b'0x%x', b'%d_0', b'%d\x0b', b'%d.0', b'\xb2', b'',
           b'1%018d')
CODINGS = (b'chunked', b'Chunked', b'chunked ', b'gzip, chunked', b'chunked, chunked', b'chunked, gzip', b'identity', b'gzip',
           b'', b'"chunked"', b'chunked;a', b'chunked,', b'xchunked', b'\x0bchunked', b'chunked\x0c')
SIZES = (b'%x', b'%X', b'0%x', b'%016x', b'%017x', b'%x ', b'%x\t', b' %x', b'0x%x', b'+%x', b'-%x', b'%x_', b'%xg',
         b'f' * 16 + b'%x', b'')
EXTENSIONS = (b'', b';a', b';a=b', b';a="b;c\\""', b'; a = b', b' ;a=b', b';', b';;', b';a=', b';a="b', b';a=\xff', b';a=\x01',
              b';\0', b';\x7f', b';a\rb', b';a\nb', b';a="\t"', b' a', b';a b')
TRAILERS = (b'', b'A: b', b'A:', b'A:\xff', b' fold: x', b'A :b', b'\x80: a', b'no trailer', b': a', b'A: \0', b'A: \x0b',
            b'A: \x01', b'\t', b'Content-Length: 9', b'Transfer-Encoding: chunked', b'a_b: c')
DATA = (b'{}', b'', b'a', b'\r\n', b'0\r\n\r\n', b'GET / HTTP/1.1\r\nHost: x\r\n\r\n', b'\0\xff', b'a' * 20)


class Message(NamedTuple):
    body: bytes
    end: int


class Chance(random.Random):
    def often(self, pieces: tuple[bytes, ...], share: float = 0.9) -> bytes:
        return pieces[0] if self.random() < share else self.choice(pieces)


def made_stream(seed: int) -> bytes:
    chance = Chance(seed)
    text = b''.join(made_request(chance) for _ in range(chance.choice((1, 1, 2, 3))))
    for _ in range(chance.choice((0, 0, 0, 0, 0, 1, 2))):
        start = chance.randrange(len(text) + 1)
        length = chance.randrange(9)
        piece = text[start:start + length]
        changed = chance.choice((b'', piece * 2, piece[::-1], chance.randbytes(1), chance.choice(LINE_ENDS)))
        text = text[:start] + changed + text[start + length:]
    return text[:chance.randrange(len(text) + 1)] if chance.random() < 0.1 else text


def made_request(chance: Chance) -> bytes:
    framing, body = chance.choice((made_length, made_chunks, made_chunks, lambda _: ([], b'')))(chance)
    lines = [read_framing for read_framing in framing if chance.random() < 0.99]
    lines += [made_header(chance, b'Host', HOSTS)] * chance.choice((1,) * 50 + (0, 2))
    lines += [made_header(chance, chance.often(NAMES, 0.7), VALUES, 0.7) for _ in range(chance.choice((0, 0, 1, 3)))]
    chance.shuffle(lines)
    space = chance.often((b' ', b'  ', b'\t', b''), 0.99)
    first = space.join((chance.often(METHODS, 0.8), chance.often(TARGETS, 0.8), chance.often(VERSIONS, 0.96)))
    before = chance.often((b'', b'\r\n', b'\n', b'\r\n\r\n', b' ', b'\r'), 0.93)
    return before + b''.join(line + chance.often(LINE_ENDS, 0.99) for line in (first, *lines, b'')) + body


def made_header(chance: Chance, name: bytes, values: tuple[bytes, ...], share: float = 0.9) -> bytes:
    name = chance.choice((name, name, name.lower(), name.upper()))
    return name + chance.often(COLONS, 0.98) + chance.often(values, share) + chance.often((b'', b' ', b'\t'))


def made_length(chance: Chance) -> tuple[list[bytes], bytes]:
    """Return the lines that frame a body, and the body."""
    body = chance.often(DATA, 0.3)
    lengths = tuple(re.sub(b'%[0-9]*[dx]', lambda form: form[0] % len(body), spelled) for spelled in LENGTHS)
    return [made_header(chance, b'Content-Length', lengths) for _ in range(chance.choice((1,) * 40 + (2,)))], body


def made_chunks(chance: Chance) -> tuple[list[bytes], bytes]:
    codings = [made_header(chance, b'Transfer-Encoding', CODINGS) for _ in range(chance.choice((1,) * 40 + (2,)))]
    if chance.random() < 0.05:
        codings.append(made_header(chance, b'Content-Length', (b'2', b'0', b'9')))
    parts = [made_chunk(chance, chance.choice(DATA) or b'{}') for _ in range(chance.choice((0, 1, 1, 2)))]
    parts.append(made_chunk_line(chance, b''))
    parts += [chance.choice(TRAILERS) + chance.often(LINE_ENDS, 0.99) for _ in range(chance.choice((0, 0, 1, 2)))]
    return codings, b''.join(parts) + chance.often(LINE_ENDS, 0.99)


def made_chunk(chance: Chance, data: bytes) -> bytes:
    return made_chunk_line(chance, data) + data + chance.often(LINE_ENDS, 0.99)


def made_chunk_line(chance: Chance, data: bytes) -> bytes:
    size = re.sub(b'%[0-9]*[xX]', lambda form: form[0] % len(data), chance.often(SIZES))
    return size + chance.often(EXTENSIONS) + chance.often(LINE_ENDS, 0.99)


# Each reader returns the first message, or None if it is rejected or does not end.


def read_by_ours(text: bytes) -> Message | None:
    """Read it as Connection does: empty lines, the head, the body."""
    rfile = io.BytesIO(text)
    line = rfile.readline(MAX_REQUEST_START_BYTES)
    while line in EMPTY_LINES:
        line = rfile.readline(MAX_REQUEST_START_BYTES)
    try:
        body = parse_head(line, rfile).body
        return Message(b''.join(iter(lambda: body.read(7), b'')), rfile.tell())
    except (Rejected, OSError, ValueError):
        return None


def read_by_h11(text: bytes) -> Message | None:
    request = re.sub(rb'\A(\r?\n)+', b'', text)
    connection = h11.Connection(h11.SERVER)
    body = b''
    try:
        connection.receive_data(request)
        while not isinstance(event := connection.next_event(), h11.EndOfMessage):
            if not isinstance(event, h11.Request | h11.Data):
                return None
            body += event.data if isinstance(event, h11.Data) else b''
    except h11.RemoteProtocolError:
        return None
    return Message(body, len(text) - len(connection.trailing_data[0]))


class Collected:
    """Collects what httptools reads of a message."""

    def __init__(self) -> None:
        self.body = b''
        self.is_complete = False

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.is_complete = True


def read_by_httptools(text: bytes) -> Message | None:
    """Feed it byte by byte, because httptools does not say where a message ends."""
    collected = Collected()
    parser = HttpRequestParser(collected)
    try:
        for position in range(len(text)):
            parser.feed_data(text[position:position + 1])
            if collected.is_complete:
                return Message(collected.body, position + 1)
    except HttpParserUpgrade:  # CONNECT
        return Message(collected.body, position + 1)
    except HttpParserError:
        pass
    return None


def check(text: bytes) -> int:
    """Return how many messages of the stream the script accepts. Raise AssertionError where the others read one differently."""
    start = count = 0
    while ours := read_by_ours(text[start:]):
        others = (read_by_h11(text[start:]), read_by_httptools(text[start:]))
        assert {*others} - {None} == {ours}, f'h11 and httptools read {others}, and ours {ours}'
        start += ours.end
        count += 1
    return count


def run(seeds: Iterable[int]) -> int:
    """Return how many messages the script accepts in the corpus and the streams of these seeds.

    Raise AssertionError with a stream's seed and bytes.
    """
    count = 0
    for origin, text in cases(STREAMS, made_stream, seeds):
        try:
            count += check(text)
        except AssertionError as error:
            raise AssertionError(f'{origin}: {error} in {text!r}') from error
    return count
