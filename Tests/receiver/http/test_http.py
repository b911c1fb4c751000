"""HTTP as the container speaks it, byte by byte: what it rejects, when it closes, and that no connection stops another."""
from __future__ import annotations

import json
import os
import re
import resource
import select
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

import bottle
import gevent
import GenericWebhook
import gevent.socket
import pytest
from shared.app import line
from bottle import Bottle
from clocks import PATIENCE_SECONDS, Clock, at_least, each_grows_linearly, until
from GenericWebhook import (CHUNK_SIZE, HEADER, MIB, REQUEST, REQUEST_START, REQUEST_START_FAULTS, TRAILER, Connection,
                            HttpLimits, PacedSocket, Request, RequestBody, State, Listener, set_connection_limit, parse_head)
from gevent.event import Event
from local_xsoar import wait_for
from model import turns_of_another
from own_server import connect, listener, responding, server_with
from raw_http import AUTHORIZED, CHUNKED, GET, HOST, LAST, POST, exchange
from shared.webhook import TOKEN, Webhook, changed_pack, read_answers, read_to_end

pytestmark = pytest.mark.sockets


UNPROVED = b'POST / HTTP/1.1\r\n' + HOST

# What is refused


NO_HTTP = {
    'nonsense': b'NONSENSE\r\n\r\n',
    'HTTP/0.9': b'GET /\r\n\r\n',
    'HTTP/9.9': b'POST / HTTP/9.9\r\n' + HOST + b'\r\n',
    'HTTP/1.2': b'GET / HTTP/1.2\r\n' + HOST + b'\r\n',
    'HTTP/2': b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'two spaces': b'GET  / HTTP/1.1\r\n' + HOST + b'\r\n',
    'a tab': b'GET\t/ HTTP/1.1\r\n' + HOST + b'\r\n',
    'a space at the end': b'GET / HTTP/1.1 \r\n' + HOST + b'\r\n',
    'a space at the start': b' GET / HTTP/1.1\r\n' + HOST + b'\r\n',
    'a lower-case method': b'post / HTTP/1.1\r\n' + AUTHORIZED + b'Content-Length: 2\r\n\r\n{}',
    'a byte that is no text': b'POST /\xff HTTP/1.1\r\n' + AUTHORIZED + b'Content-Length: 2\r\n\r\n{}',
    'a path without a slash': b'GET x HTTP/1.1\r\n' + HOST + b'\r\n',
    'a URL without a host': b'GET http:///x HTTP/1.1\r\n' + HOST + b'\r\n',
    'CONNECT with a path': b'CONNECT / HTTP/1.1\r\n' + HOST + b'\r\n',
    'a long request line': b'GET /' + b'a' * 10_000 + b' HTTP/1.1\r\n' + HOST + b'\r\n',
    'no host': b'GET / HTTP/1.1\r\n\r\n',
    'two hosts': b'GET / HTTP/1.1\r\n' + HOST + HOST + b'\r\n',
    'two hosts under 1.0': b'GET / HTTP/1.0\r\n' + HOST + HOST + b'\r\n',
    'a host that is none': b'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
    'no header': POST + b'no header\r\n\r\n',
    'a space before the colon': POST + b'A : b\r\n\r\n',
    'a folded header': POST + b'A: b\r\n folded: c\r\n\r\n',
    'NUL in a header': POST + b'a:' + b' ' * 30_000 + b'\0\r\n\r\n',
    'a vertical tab in a header': POST + b'A: a\x0bb\r\n\r\n',
    'a form feed in a header': POST + b'A: \x0c\r\n\r\n',
    'an escape in a header': POST + b'A: \x1b[0m\r\n\r\n',
    'DEL in a header': POST + b'A: \x7f\r\n\r\n',
    '200 headers': POST + b'A: b\r\n' * 200 + b'\r\n',
    '40 KB of headers': POST + b'A: ' + b'b' * 40_000 + b'\r\n\r\n',
    'a length that is none': POST + b'Content-Length: x\r\n\r\n',
    'a length below zero': POST + b'Content-Length: -1\r\n\r\n',
    'a length with an underscore': POST + b'Content-Length: 1_0\r\n\r\n0123456789',
    'a length of 5,000 digits': POST + b'Content-Length: ' + b'0' * 5000 + b'\r\n\r\n',
    'two lengths': POST + b'Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x',
    'a length beside chunks': POST + b'Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'another coding': POST + b'Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'chunks under 1.0': b'POST / HTTP/1.0\r\n' + AUTHORIZED + b'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    'a chunk without a size': CHUNKED + b'\r\n{}\r\n0\r\n\r\n',
    'a size that is none': CHUNKED + b'zz\r\n{}\r\n0\r\n\r\n',
    'a chunk longer than its size': CHUNKED + b'1\r\n{}\r\n0\r\n\r\n',
    'a bare line feed after a size': CHUNKED + b'2\n{}\r\n0\r\n\r\n',
    'a bare line feed in an extension': CHUNKED + b'2;a\nb\r\n{}\r\n0\r\n\r\n',
    'a bare line feed in a trailer': CHUNKED + b'2\r\n{}\r\n0\r\na: b\n\r\n\r\n',
    'a trailer that is no header': CHUNKED + b'2\r\n{}\r\n0\r\nno trailer\r\n\r\n',
    'a folded trailer': CHUNKED + b'2\r\n{}\r\n0\r\n fold: x\r\n\r\n',
    'a space before the colon of a trailer': CHUNKED + b'2\r\n{}\r\n0\r\nA :b\r\n\r\n',
    'a trailer whose name is no token': CHUNKED + b'2\r\n{}\r\n0\r\n\x80: a\r\n\r\n',
    'a vertical tab in a trailer': CHUNKED + b'2\r\n{}\r\n0\r\nA: \x0b\r\n\r\n',
    'a length in a trailer': CHUNKED + b'2\r\n{}\r\n0\r\ncontent-length: 2\r\n\r\n',
    'a coding in a trailer': CHUNKED + b'2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'a control character in an extension': CHUNKED + b'2;a=\x01\r\n{}\r\n0\r\n\r\n',
    'a space before an extension': CHUNKED + b'2 ;a\r\n{}\r\n0\r\n\r\n',
    'a long extension': CHUNKED + b'2;' + b'a' * 100_000 + b'\r\n{}\r\n0\r\n\r\n',
    'long trailers': CHUNKED + b'2\r\n{}\r\n0\r\n' + b'a: b\r\n' * 20_000 + b'\r\n',
    'chunks of one byte': CHUNKED + b'1\r\n \r\n' * 100_000 + b'0\r\n\r\n',
}


@pytest.mark.parametrize('sent', NO_HTTP.values(), ids=NO_HTTP)
def test_bytes_that_are_not_http_are_rejected_in_the_same_form_and_the_connection_closed(webhook: Webhook, sent: bytes) -> None:
    before = len(webhook.sent())
    (status, headers, content), = exchange(webhook, sent + GET)
    assert status in (400, 414)
    assert headers['content-type'] == 'application/problem+json'
    assert headers['connection'] == 'close'
    assert json.loads(content)['status'] == status
    assert len(webhook.sent()) == before


@pytest.mark.parametrize('line, status, said', [
    (b'GET / HT', 400, 'The request ends within its first line.'),
    (b'POST /?name=caf\xc3\xa9 HTTP/1.1\r\n', 400, 'percent-encoded'),
    (b'POST /?name=two words HTTP/1.1\r\n', 400, 'percent-encoded'),
    (b'POST / HTTP/2.0\r\n', 400, 'not a method, a path and HTTP/1.1'),
    (b'GET /' + b'a' * 8192, 414, 'over 8 KiB'),
], ids=['cut off', 'UTF-8', 'a space', 'a version', 'long'])
def test_the_rejection_of_a_request_line_names_its_cause(webhook: Webhook, line: bytes, status: int, said: str) -> None:
    with webhook.connect() as sender:
        sender.sendall(line)
        sender.shutdown(socket.SHUT_WR)
        answer, = read_answers(read_to_end(sender))
    assert answer.status == status
    assert said in answer.detail


@pytest.mark.parametrize('target, path, query', [
    (b'http://host?x=1', '/', 'x=1'), (b'http://host', '/', ''), (b'https://[::1]:80/a?', '/a', ''), (b'*', '*', ''),
])
def test_a_whole_url_is_read_as_its_path_and_query_and_no_path_as_a_slash(target: bytes, path: str, query: str) -> None:
    asked = parse_head(b'POST %s HTTP/1.1\r\n' % target, BytesIO(HOST + b'\r\n'))
    assert (asked.path, asked.query_string) == (path, query)


def test_obsolete_text_and_tabs_in_a_header_are_kept_whatever_is_in_its_name() -> None:
    asked = parse_head(b'POST / HTTP/1.1\r\n', BytesIO(HOST + b"!#$%&'*+.^`|~9A: \t\x80 \t\xff\t\r\n\r\n"))
    assert asked.headers["!#$%&'*+.^`|~9a"].encode('latin-1') == b'\x80 \t\xff'


def test_a_line_that_does_not_fit_costs_time_in_proportion_to_its_length() -> None:
    def make(pattern: re.Pattern[bytes], start: bytes, filler: bytes, end: bytes, count: int) -> Any:
        return pattern, start + filler * count + end

    def match(subject: tuple[re.Pattern[bytes], bytes]) -> None:
        assert not subject[0].fullmatch(subject[1])

    lines = [
        (REQUEST_START, b'GET http://', b'a', b'\n'), (REQUEST_START, b'GET /', b'?', b'\n'),
        (HEADER, b'A:', b' ', b'\0\r\n'), (HEADER, b'', b'a', b'\r\n'), (TRAILER, b'A:', b'\t ', b'\x0b\r\n'),
        (CHUNK_SIZE, b'1', b' ', b';\r\n'), (CHUNK_SIZE, b'1;', b'; ', b'\x01\r\n'),
        *[(form, b'GET /', b' HTTP/1.1', b'\n\n') for form, _, _ in REQUEST_START_FAULTS],
    ]
    each_grows_linearly({f'{line}': partial(make, *line) for line in lines}, match, 8000)


@pytest.mark.parametrize('chunks, text', [
    (b'2\r\n{}\r\n0\r\n\r\n', b'{}'), (b'0000000002 \r\n{}\r\n00\r\n\r\n', b'{}'),
    (b'1\r\n{\r\n1;a="b;c"\r\n}\r\n0;d\r\nE: f\r\n\r\n', b'{}'),
    (b'A\r\n0123456789\r\n0\r\n\r\n', b'0123456789'), (b'0\r\n\r\n', b''),
])
def test_chunks_are_read_without_their_framing_and_nothing_beyond_them(chunks: bytes, text: bytes) -> None:
    rfile = BytesIO(chunks + b'next')
    body = RequestBody(rfile, 0, has_chunks=True)
    assert b''.join(iter(lambda: body.read(3), b'')) == text
    assert rfile.read() == b'next'


def test_chunks_whose_framing_is_an_eighth_of_their_data_may_be_a_body_of_any_size() -> None:
    body = RequestBody(BytesIO((b'30\r\n' + b'a' * 48 + b'\r\n') * 100_000 + b'0\r\n\r\n'), 0, has_chunks=True)
    assert sum(map(len, iter(lambda: body.read(2**16), b''))) == 100_000 * 48


# When a connection closes, and when not


@pytest.mark.parametrize('line, header, status', [
    (b'POST / HTTP/1.1', b'Connection: close', 200), (b'POST / HTTP/1.1', b'Connection: x, Close', 200),
    (b'POST / HTTP/1.1', b'Connection: keep-alive\r\nConnection: close', 200), (b'POST /x HTTP/1.1', b'Connection: close', 404),
    (b'POST / HTTP/1.0', b'Connection: x', 200), (b'POST http://x/ HTTP/1.1', b'Connection: close', 200),
    (b'POST / HTTP/1.0', b'Connection: keep-alive, close', 200),
])
def test_a_connection_is_closed_when_its_sender_asks_and_the_response_says_so(
        webhook: Webhook, line: bytes, header: bytes, status: int) -> None:
    sent = line + b'\r\n' + AUTHORIZED + header + b'\r\nContent-Length: 2\r\n\r\n{}'
    (answered, headers, _), = exchange(webhook, sent + GET)
    assert (answered, headers['connection']) == (status, 'close')


def test_an_http_1_0_sender_may_keep_its_connection(webhook: Webhook) -> None:
    answers = exchange(webhook, b'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n' * 2 + b'GET / HTTP/1.0\r\n\r\n')
    assert [headers['connection'] for _, headers, _ in answers] == ['keep-alive', 'keep-alive', 'close']
    with webhook.connect() as sender:
        sender.sendall(POST.replace(b'HTTP/1.1', b'HTTP/1.0') + b'Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}')
        assert read_to_end(sender).startswith(b'HTTP/1.1 200 '), 'and it is not asked for its body'


@pytest.mark.parametrize('sent, found', [
    (b'\r\n' + GET + b'\n\r\n', [200]), (POST + b'Transfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n', [200]),
    (UNPROVED + b'Content-Length: 30\r\n\r\nGET / HTTP/1.1\r\nHost: no\r\n\r\n  ' + GET, [401, 200]),
    (UNPROVED + b'X_Gitlab_Token: ' + TOKEN.encode() + b'\r\n\r\n', [401]),
], ids=['empty lines before a request', 'chunked in any case', 'a small body that nobody reads', 'a header with an underscore'])
def test_a_connection_goes_on_after_what_is_read_as_it_is_meant(webhook: Webhook, sent: bytes, found: list[int]) -> None:
    assert [status for status, _, _ in exchange(webhook, sent + LAST)] == [*found, 200]


@pytest.mark.parametrize('sent', [
    b'Content-Length: 30000000\r\n\r\n' + b' ' * 30_000_000,
    b'Transfer-Encoding: chunked\r\n\r\n' + b'1\r\n{\r\n' * 1_000_000,
    b'Expect: 100-Continue\r\nContent-Length: 2\r\n\r\n',
], ids=['large', 'chunked', 'expected'])
def test_after_a_rejection_of_a_body_still_to_come_the_response_arrives_and_the_connection_ends(
        webhook: Webhook, sent: bytes) -> None:
    (status, headers, _), = exchange(webhook, b'POST / HTTP/1.1\r\n' + HOST + sent)
    assert (status, headers['connection']) == (401, 'close')


@pytest.mark.parametrize('expect', [b'100-continue', b'100-Continue'])
def test_a_sender_that_waits_to_be_asked_for_its_body_is_asked(webhook: Webhook, expect: bytes) -> None:
    with webhook.connect() as sender:
        sender.sendall(POST + b'Expect: ' + expect + b'\r\nContent-Length: 2\r\n\r\n')
        assert sender.recv(65536) == b'HTTP/1.1 100 Continue\r\n\r\n'
        sender.sendall(b'{}')
        assert sender.recv(65536).startswith(b'HTTP/1.1 200 ')


def test_a_response_to_head_has_no_body_whatever_it_is(webhook: Webhook) -> None:
    for sent in LAST.replace(b'GET', b'HEAD'), b'HEAD /x HTTP/1.0\r\n\r\n', b'HEAD / HTTP/1.1\r\n\r\n':
        with webhook.connect() as sender:
            sender.sendall(sent)
            answer, = read_answers(read_to_end(sender), 'HEAD')
            assert answer.text == ''


@pytest.mark.parametrize('line', [b'HEAD / HTTP/1.1\r\n\r\n', b'\r\nHEAD x HTTP/1.1\r\nHost: x\r\n\r\n'],
                         ids=['no host', 'no path'])
def test_a_rejection_of_a_head_that_comes_in_pieces_has_no_body(line: bytes) -> None:
    with server_with() as server:
        sender = send_to(server, b'')
        until(lambda: connections(server))
        receiver = connections(server)[0].stream.socket
        for index in range(len(line)):
            sender.sendall(line[index:index + 1])
            until(lambda: not select.select([receiver], [], [], 0)[0])  # it has read this piece
        answer, = read_answers(read_to_end(sender), 'HEAD')
        assert (answer.status, answer.text) == (400, '')


def test_a_sender_that_resets_its_connection_leaves_no_trace_of_an_error(webhook: Webhook) -> None:
    for sent in GET, POST + b'Content-Length: 100\r\n\r\n{', GET[:9]:
        with webhook.connect() as sender:
            sender.sendall(sent)
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    assert exchange(webhook, LAST)[0].status == 200
    assert not [line for line in webhook.output if 'Traceback' in line]


LARGE_RESPONSE = 4_000_000


def read_slowly(clock: Clock, bytes_per_second: int, limits: HttpLimits) -> int:
    """Return how many bytes of a large response a reader gets that takes so many in a second."""
    server = listener(limits)
    sender, receiver = gevent.socket.socketpair()
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 100_000)
    connection = Connection(receiver, '', server)

    got = 0

    def send() -> None:
        with suppress(OSError):
            connection.send(b'', b'a' * LARGE_RESPONSE, Request(is_accepted=True))
        connection.close()

    def read() -> None:
        nonlocal got
        while piece := sender.recv(bytes_per_second // 8):
            got += len(piece)
            clock.now += len(piece) / bytes_per_second
            gevent.sleep(0)

    reading = gevent.spawn(read)
    gevent.joinall([gevent.spawn(send), reading], timeout=PATIENCE_SECONDS, raise_error=True)
    sender.close()
    assert server.unsent.reserved == 0
    return got


def test_a_slow_reader_gets_a_large_response_whole_while_it_keeps_the_pace(clock: Clock) -> None:
    limits = HttpLimits(response_grace_seconds=0.1, response_bytes_per_second=100_000)
    assert read_slowly(clock, 200_000, limits) == LARGE_RESPONSE
    assert clock.passed > 0.1, 'longer than without a pace'


def test_a_reader_that_is_too_slow_overall_is_cut(clock: Clock) -> None:
    limits = HttpLimits(response_grace_seconds=0.5, response_bytes_per_second=1e9)
    assert 1000 < read_slowly(clock, 8000, limits) < LARGE_RESPONSE


def test_a_reader_that_stops_is_cut_after_the_grace_period() -> None:
    limits = HttpLimits(response_grace_seconds=0.1, response_bytes_per_second=1e9)
    server = listener(limits)
    sender, receiver = gevent.socket.socketpair()
    with sender, receiver, pytest.raises(TimeoutError), at_least(0.1):
        Connection(receiver, '', server).send(b'', b'a' * LARGE_RESPONSE, Request(is_accepted=True))
    assert server.unsent.reserved == 0


@pytest.mark.parametrize('before, count', [(b'', 1), (GET, 2)], ids=['the first', 'the second'])
def test_a_head_that_stops_coming_is_408_after_its_time_and_has_its_line_in_the_log(before: bytes, count: int) -> None:
    with server_with(HttpLimits(head_seconds=0.3)) as server:
        with at_least(0.3):
            answers = list(read_answers(read_to_end(send_to(server, before + GET[:-2]))))
        assert [answer.status for answer in answers][count - 1:] == [408]
        assert answers[-1].headers['connection'] == 'close'
        assert 'came too slowly' in answers[-1].detail
    assert any('408: The head of the request came too slowly.' in reason for reason in line().log_buffer.reasons)


# Its pace


class Pace:
    """A reader of a connection, and a sender that sends a piece at each second; the time passes only here."""

    def __init__(self, seconds: float, bytes_per_second: float = float('inf')) -> None:
        self.sender, receiver = socket.socketpair()
        self.stream = PacedSocket(receiver)
        self.clock = Clock(GenericWebhook).__enter__()
        self.stream.expect(seconds, bytes_per_second)

    def __enter__(self) -> Pace:
        return self

    def __exit__(self, *exception: object) -> None:
        self.clock.__exit__()
        self.sender.close()
        self.stream.socket.close()

    def reads(self, piece: bytes, second: float) -> bool:
        """Send a piece at this second, and return whether it is read."""
        self.sender.sendall(piece)
        self.clock.passed = second
        try:
            while piece:
                piece = piece[len(self.stream.read(len(piece))):]
        except TimeoutError:
            return False
        return True


def test_headers_have_their_time_in_all_however_steadily_they_come() -> None:
    with Pace(15) as pace:
        assert all(pace.reads(b'a', second) for second in range(15))
        assert not pace.reads(b'a', 15)
        assert not pace.reads(b'a', 15), 'a broken pace stays broken, whatever has come since'


@pytest.mark.parametrize('each, lasts', [(b'a' * 512, 29), (b'a' * 1024, 500)], ids=['512 B/s', '1 KiB/s'])
def test_a_body_may_take_long_as_long_as_it_keeps_the_pace(each: bytes, lasts: int) -> None:
    with Pace(15, 1024) as pace:
        assert next((second for second in range(500) if not pace.reads(each, second)), 500) == lasts


@pytest.mark.parametrize('stops_for, is_read', [(14.9, True), (15, False)])
def test_a_sender_that_stops_is_cut_after_the_grace_period_whatever_it_sent_before(stops_for: float, is_read: bool) -> None:
    with Pace(15, 1024) as pace:
        assert all(pace.reads(b'a' * 64 * 1024, second) for second in range(10))
        assert pace.reads(b'a', 9 + stops_for) is is_read


@pytest.mark.parametrize('end, has_left', [('stays', False), ('sends', False), ('leaves', True), ('resets', True)])
def test_a_sender_has_left_when_nothing_more_can_come(end: str, has_left: bool) -> None:
    server = listener()
    with socket.create_server(('127.0.0.1', 0)) as door, socket.create_connection(door.getsockname()) as sender:
        receiver, _ = door.accept()
        with receiver:
            connection = Connection(receiver, '', server)
            if end == 'sends':
                sender.sendall(b'more')
            elif end == 'resets':
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            if end in ('leaves', 'resets'):
                sender.close()
            assert connection.is_gone() is has_left


def test_a_body_that_stops_coming_is_503_after_its_grace_and_its_connection_ends() -> None:
    with server_with(HttpLimits(body_grace_seconds=0.3)) as server:
        with at_least(0.3):
            (status, headers, content), = read_answers(read_to_end(send_to(server, POST + b'Content-Length: 9\r\n\r\n{')))
        assert (status, headers['connection'], headers['retry-after'], 'too slowly' in content) == (503, 'close', '10', True)


# No connection stops another


def test_a_newcomer_takes_the_place_of_the_connection_that_rests_longest(tmp_path: Path) -> None:
    python = tmp_path / 'python'
    python.write_text(f'#!/bin/sh\nulimit -n 256; ulimit -S -n 128\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    pack = changed_pack(tmp_path, {'HEADER_SECONDS = 15': 'HEADER_SECONDS = 3600'})  # no head makes room by itself
    with Webhook(pack=pack, python=str(python)) as webhook, ExitStack() as stack:
        webhook.faults(hang=True)
        posting = stack.enter_context(webhook.connect())
        posting.sendall(POST + b'Content-Length: 2\r\n\r\n{}')
        wait_for(lambda: webhook.state()['createSizes'], 'the call that hangs')
        for number in range(400):
            stack.enter_context(webhook.connect()).sendall(LAST if number % 2 else GET[:number % 20])
        assert exchange(webhook, LAST)[0].status == 200
        assert 192 <= len(os.listdir(f'/proc/{webhook.state()["pid"]}/fd')) <= 256, 'as many as the container may have'
        webhook.faults(hang=False)
        assert posting.recv(65536).startswith(b'HTTP/1.1 200 ')


@pytest.mark.parametrize('most, is_set, connections', [(512, True, 448), (2**20, True, 2048), (2**63 - 1, False, 192)])
def test_there_are_as_many_connections_as_the_process_may_have_files_for(
        monkeypatch: pytest.MonkeyPatch, most: int, is_set: bool, connections: int) -> None:
    def set_limit(which: int, limits: tuple[int, int]) -> None:
        if not is_set:
            raise ValueError('current limit exceeds maximum limit')

    monkeypatch.setattr(resource, 'getrlimit', lambda which: (256, most))
    monkeypatch.setattr(resource, 'setrlimit', set_limit)
    assert set_connection_limit() == connections


def turns_beside(sent: bytes, count: int) -> int:
    """Return how many turns another greenlet gets while these bytes are served on each of so many connections."""
    with server_with() as server, ExitStack() as stack:
        senders = []
        for _ in range(count):  # without a turn for the server: the connections wait in its listen queue
            with socket.create_connection(('127.0.0.1', server.server_port or 0)) as sender:
                sender.sendall(sent)
                sender.shutdown(socket.SHUT_WR)
                senders.append(stack.enter_context(gevent.socket.socket(fileno=sender.detach())))
        with turns_of_another() as turns:
            gevent.joinall([gevent.spawn(read_to_end, sender) for sender in senders], timeout=PATIENCE_SECONDS, raise_error=True)
        return len(turns)


def test_between_the_requests_that_one_pipelines_others_have_their_turn() -> None:
    assert turns_beside(GET * 100, 1) >= 100


@pytest.mark.parametrize('sent', [
    b'POST / HTTP/1.1\r\nHost: x\r\n\r\n', GET, GET.replace(b'/ ', b'/x '), GET[:-2] + b'x\r\n\r\n',
], ids=['401', '200', '404', '400'])
def test_all_requests_without_a_proof_share_one_turn_whatever_their_status(sent: bytes) -> None:
    assert turns_beside(sent, 20) >= 20


def connections(server: Listener) -> list[Connection]:
    return [*chain(*server.connections.values())]


def send_to(server: Listener, sent: bytes, heads: int | None = None) -> socket.socket:
    """Open a connection and send bytes; wait until so many heads are arriving."""
    sender: socket.socket = connect(server)
    sender.sendall(sent)
    if heads is not None:
        until(lambda: sum(map(len, server.heads.queues)) == heads)
    return sender


def statuses(sender: socket.socket) -> list[int]:
    """Return the status of each response until the connection ends."""
    return [answer.status for answer in read_answers(read_to_end(sender))]


SIGNED = f'POST / HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256={"0" * 64}\r\nContent-Length: 0\r\n\r\n'.encode()


def test_a_request_with_a_signature_waits_for_one_without_whatever_their_number() -> None:
    order: list[bool] = []
    with server_with(application=responding(lambda request: order.append('x-hub-signature-256' in request.headers))) as server:
        flood = [send_to(server, GET * 1000) for _ in range(30)]
        wait_for(lambda: len(order) > 60, 'the flood', sleep=gevent.sleep)
        signer = send_to(server, SIGNED * 20)
        wait_for(lambda: sum(order) == 20, 'the signed requests', sleep=gevent.sleep)
        for sender in (*flood, signer):
            sender.close()
    first, *_, last = (place for place, is_signed in enumerate(order) if is_signed)
    assert last - first <= 2 * 20
    assert order[:last].count(False) < 30 * 1000, 'the flood was not over'


def test_at_the_limit_one_that_lingers_goes_first_then_the_one_idle_longest_then_the_one_begun_first_but_none_accepted() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> Any:
        request = environ[REQUEST]
        request.is_accepted |= 'x-proved' in request.headers
        if not request.is_accepted:
            return server.app(environ, start_response)
        may_respond.wait()
        start_response('200 OK', [])
        return []

    def connect(sent: bytes, condition: Callable[[Connection], Any]) -> Connection:
        before = connections(server)
        senders.append(send_to(server, sent))
        until(lambda: len(connections(server)) > len(before))
        new, = (each for each in connections(server) if each not in before)
        until(lambda: condition(new))
        return new

    may_respond, senders = Event(), list[socket.socket]()
    with server_with(most_connections=8) as server:
        server.application = application
        accepted = [connect(sent, lambda new: new.request and new.request.is_accepted)
                    for sent in (POST + b'\r\n', GET[:-2] + b'X-Proved: x\r\n\r\n')]
        begun = [connect(GET[:20], lambda new: new.stream.buffer),
                 connect(SIGNED.replace(b'Length: 0', b'Length: 9'), lambda _: server.app.intake.unauthenticated_small.reserved)]
        idle = [connect(GET, lambda new: new.state is State.IDLE) for _ in range(2)]
        lingering = connect(LAST, lambda new: new.state is State.LINGERING)
        with server.turn:
            begun.append(connect(GET, lambda new: new.request))
            goes = [lingering, *idle, *begun]
            for number, gone in enumerate(goes, 1):
                senders.append(send_to(server, b''))
                until(lambda: gone not in connections(server))  # noqa: B023 - called at once
                assert {*accepted, *goes[number:]} <= {*connections(server)}
                assert len(connections(server)) == 8
        may_respond.set()
        assert [sender.recv(65536)[:12] for sender in senders[:2]] == [b'HTTP/1.1 200'] * 2
        for sender in senders:
            sender.close()


def test_a_request_whose_turn_does_not_come_in_time_is_503() -> None:
    with server_with(HttpLimits(body_grace_seconds=0.1)) as server, server.turn:
        assert statuses(send_to(server, GET)) == [503]


def test_an_idle_connection_is_closed_without_a_word_after_its_time() -> None:
    for limits, sent in (HttpLimits(head_seconds=0.2), b''), (HttpLimits(idle_seconds=0.2), GET):
        with server_with(limits) as server, at_least(0.2):
            assert len([*read_answers(read_to_end(send_to(server, sent)))]) == sent.count(GET)


def test_of_requests_that_wait_for_their_turn_the_first_is_rejected_if_all_take_too_much_memory() -> None:
    with server_with(HttpLimits(heads_bytes=4096)) as server:
        with server.turn:
            first, second = send_to(server, GET, heads=1), send_to(server, LAST)
            assert statuses(first) == [503]
        assert statuses(second) == [200]


@pytest.mark.parametrize('head', [GET, POST + b'\r\n'], ids=['without a proof', 'with the token'])
def test_what_is_sent_behind_a_request_counts_with_it_and_keeps_to_the_limit_of_heads(head: bytes) -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        served = environ[REQUEST]
        behind.append([len(each.stream.buffer) for each in connections(server)])
        waiting = [each for each in connections(server) if each.request not in (None, served)]
        assert server.heads.reserved >= sum(len(each.stream.buffer) for each in waiting)
        assert served.memory_bytes >= 32 * 1024 + 15_000
        start_response('200 OK', [('Connection', 'close')])
        return []

    behind: list[list[int]] = []
    with server_with(HttpLimits(heads_bytes=64 * 1024)) as server:
        server.application = application
        senders = [send_to(server, b'') for _ in range(10)]
        for sender in senders:
            sender.sendall(head + b'x' * 15_000)
        found = [status for sender in senders for status in statuses(sender)]
    assert len(found) == 10
    assert set(found) <= {200, 503}
    if head == GET:
        assert max(map(sum, behind)) <= 64 * 1024 + 15_000, 'and what is behind the request that is served'
        assert 503 in found


def test_a_newcomer_takes_the_place_of_a_head_that_does_not_end_and_another_is_not_lost() -> None:
    with server_with(most_connections=3) as server:
        senders = [send_to(server, GET[:20], heads=1 + number) for number in range(3)]
        for _ in range(5):
            assert statuses(send_to(server, LAST)) == [200]
        assert len(connections(server)) <= 3
        assert [read_to_end(sender) for sender in senders[:1]] == [b'']


def test_a_connection_whose_handler_fails_is_closed() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        raise KeyError('unexpected')

    with server_with() as server:
        server.application = application
        assert read_to_end(send_to(server, LAST)) == b''
        wait_for(lambda: server.is_idle and not connections(server), 'the end of the connection', sleep=gevent.sleep)


@pytest.mark.parametrize('is_accepted', [False, True])
def test_unread_responses_count_whole_in_the_room_of_their_kind(is_accepted: bool) -> None:
    with server_with(application=responding(bool, bytes(24 * MIB))) as server:
        sender = send_to(server, POST + b'\r\n' if is_accepted else GET)
        rooms = [server.unsent_unauthenticated, server.unsent]
        wait_for(lambda: rooms[is_accepted].reserved > 24 * MIB, 'the room', sleep=gevent.sleep)
        assert rooms[not is_accepted].reserved == 0
        sender.close()
        wait_for(lambda: not rooms[is_accepted].reserved, 'the end', sleep=gevent.sleep)


def test_an_unread_response_counts_with_the_memory_of_its_request() -> None:
    served: list[Request] = []
    with server_with(application=responding(served.append, bytes(24 * MIB))) as server:
        sender = send_to(server, POST + b'X-Filler: ' + b'a' * 30_000 + b'\r\n\r\n')
        until(lambda: server.unsent.reserved)
        head_size = server.unsent.reserved - 24 * MIB - served[0].memory_bytes
        assert 0 < head_size < 1000
        assert served[0].memory_bytes >= 32 * 1024 + 2 * 30_000, 'what is made of a head counts, too'
        sender.close()
        until(lambda: not server.unsent.reserved)


@pytest.mark.parametrize('sent', [POST + b'\r\n', POST + b'Connection: close\r\n\r\n'], ids=['kept', 'closed'])
def test_a_sender_that_has_its_response_gives_its_place_to_a_newcomer_that_found_none(sent: bytes) -> None:
    may_respond = Event()
    limits = HttpLimits(idle_seconds=3600, body_grace_seconds=3600)
    with server_with(limits, responding(lambda _: may_respond.wait()), most_connections=1) as server:
        is_full, found_full = server.full, []
        server.full = lambda: found_full.append(is_full()) or found_full[-1]  # type: ignore[func-returns-value,method-assign]
        first = send_to(server, sent)
        until(lambda: not server.is_idle)
        newcomer = send_to(server, LAST)
        until(lambda: any(found_full))
        may_respond.set()
        assert statuses(newcomer) == [200]
        first.close()


def test_a_bad_request_line_is_rejected_before_the_rest_of_its_head_arrives() -> None:
    with server_with() as server:
        assert statuses(send_to(server, b'GET / HTTP/2\r\n')) == [400]
        assert statuses(send_to(server, b'GET /' + b'a' * 8192)) == [414]


def test_others_have_their_turn_between_the_pieces_of_what_has_arrived() -> None:
    receiver, sender = gevent.socket.socketpair()
    with receiver, sender:
        sender.sendall(bytes(10_000))
        stream = PacedSocket(receiver)
        stream.expect(PATIENCE_SECONDS)
        with turns_of_another() as turns:
            assert b''.join(stream.receive(1000) for _ in range(10)) == bytes(10_000)
    assert len(turns) >= 9


# WSGI


def plain_bottle_app() -> Bottle:
    """Return an application that knows nothing of this server."""
    app = Bottle()

    @app.route('/echo', method=['GET', 'POST'])  # type: ignore[untyped-decorator]
    def echo() -> dict[str, Any]:
        bottle.response.add_header('Set-Cookie', 'a=1')
        bottle.response.add_header('Set-Cookie', 'b=2')
        request = bottle.request
        return {'query': [request.query.a, request.query.b], 'json': request.json, 'agent': request.headers['User-Agent'],
                'from': request.remote_addr, 'url': request.url}

    return app


@pytest.mark.filterwarnings('error::pytest.PytestUnraisableExceptionWarning')  # of an iterator that was not closed
def test_a_plain_bottle_app_reads_the_query_the_json_and_the_headers_of_a_valid_wsgi_environ() -> None:
    body = b'{"text": "gr\xc3\xbc\xc3\x9fe"}'
    sent = (b'POST /echo?a=%C3%BC&b=2 HTTP/1.1\r\nHost: example:8080\r\nUser-Agent: test\r\nConnection: close\r\n'
            b'Content-Type: application/json\r\nContent-Length: ' + str(len(body)).encode() + b'\r\n\r\n' + body)
    with server_with(application=validator(plain_bottle_app())) as server:
        response = read_to_end(send_to(server, sent))
    (status, _, text), = read_answers(response)
    assert (status, json.loads(text)) == (200, {
        'query': ['ü', '2'], 'json': {'text': 'grüße'}, 'agent': 'test', 'from': '127.0.0.1',
        'url': 'http://example:8080/echo?a=%C3%BC&b=2'})
    assert response.count(b'Set-Cookie:') == 2


@pytest.mark.parametrize('method, target', [
    ('GET', '/'), ('HEAD', '/'), ('OPTIONS', '/'), ('POST', '/nothing'), ('GET', '/%C3%BC'),
])
def test_the_webhook_itself_is_a_valid_wsgi_application(method: str, target: str) -> None:
    sent = f'{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'.encode()
    with server_with(application=validator(listener().app)) as server:
        (status, _, _), = read_answers(read_to_end(send_to(server, sent)), method)
    assert status in (200, 204, 404)


def test_a_body_in_chunks_is_a_file_of_its_data() -> None:
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        assert 'HTTP_TRANSFER_ENCODING' not in environ
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return [environ['wsgi.input'].readline(), b'|', environ['wsgi.input'].read()]

    sent = b'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
    with server_with(application=application) as server:
        (status, _, text), = read_answers(read_to_end(send_to(server, sent + b'3\r\na\nb\r\n2\r\nc\n\r\n0\r\n\r\n')))
    assert (status, text) == (200, 'a\n|bc\n')
