"""The forwarder before containers that misbehave: each a real socket that does one odd thing."""

import select
import socket
import struct
import threading
from contextlib import closing
from typing import Any

import pytest
from facts import fact
from local_xsoar import wait_for
from listening import Behaviour, listening as container

from localxsoar import forward as forward_module
from localxsoar.forward import ContainerGone, Forwarder, Request, Response, forwarded_headers, is_external, split_target

OPEN = {'instance.execute.external.front': 'true'}


def answering(text: bytes) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(text)
    return behave


def read_head(connection: socket.socket) -> bytes:
    received = b''
    while b'\r\n\r\n' not in received and (data := connection.recv(65536)):
        received += data
    return received


def forward(port: int, settings: Any = None, **request: Any) -> Response:
    forwarder = Forwarder({'front': lambda: port}, OPEN if settings is None else settings)
    given = {'method': 'POST', 'target': '/instance/execute/front', 'headers': [('Host', 'h')], **request}
    return forwarder.forward(Request(**given))


def read(answer: Response) -> bytes:
    with closing(answer):
        return b''.join(answer.pieces)


def test_a_container_that_is_not_there_is_reported_in_words() -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
    answer = forward(port)
    assert answer.status == 503 and f"'front' does not accept connections on port {port}" in read(answer).decode()


@pytest.mark.parametrize('text', [b'', b'HTTP/1.1 20', b'this is no HTTP\r\n\r\n'], ids=['silence', 'half a line', 'no HTTP'])
def test_a_container_that_ends_without_a_response_is_reported_in_words(text: bytes) -> None:
    with container(answering(text)) as port:
        answer = forward(port)
        assert answer.status == 502 and "'front' ended the connection" in read(answer).decode()


def test_a_response_is_passed_on_undecoded_without_the_headers_of_its_connection() -> None:
    text = (b'HTTP/1.1 299 Odd\r\nContent-Encoding: gzip\r\nConnection: close\r\nKeep-Alive: timeout=5\r\nX-Kept: yes\r\n'
            b'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nnot gzip at all')
    with container(answering(text)) as port:
        answer = forward(port)
        kept = [('Content-Encoding', 'gzip'), ('X-Kept', 'yes'), ('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2')]
        assert (answer.status, answer.reason, answer.headers, read(answer)) == (299, 'Odd', kept, b'not gzip at all')


@pytest.mark.parametrize('linger', [(0, 0), (1, 0)], ids=['ended', 'reset'])
def test_a_response_that_breaks_off_breaks_off_for_the_sender(linger: tuple[int, int]) -> None:
    has_begun = threading.Event()

    def behave(connection: socket.socket) -> None:
        answering(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf')(connection)
        has_begun.wait()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', *linger))

    with container(behave) as port:
        answer = forward(port)
        has_begun.set()
        with pytest.raises(ContainerGone):
            read(answer)


@pytest.mark.parametrize('headers, body, seen', [
    ([('Content-Length', '5')], [b'12345'], b'Content-Length: 5\r\n'),
    ([('Transfer-Encoding', 'Chunked')], [b'12345'], b'Transfer-Encoding: chunked\r\n'), ([], [], b'Content-Length: 0\r\n'),
])
def test_a_body_keeps_its_length_or_goes_on_chunked(headers: Any, body: Any, seen: bytes) -> None:
    heads = []

    def behave(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')

    with container(behave) as port:
        assert read(forward(port, headers=[('Host', 'h'), *headers], body=body)) == b''
    assert seen in heads[0] and heads[0].lower().count(b'content-length') + heads[0].lower().count(b'transfer-encoding') == 1


@fact('documented', 'the server setting that allows forwarding')
@pytest.mark.parametrize('settings, name, open_', [
    ({}, 'front', False), (OPEN, 'front', True), ({'instance.execute.external': 'true'}, 'front', True),
    ({'instance.execute.external.front': 'false'}, 'front', False), ({'instance.execute.external.Front': 'true'}, 'front', False),
    ({'instance.execute.external': 'true', 'instance.execute.external.front': 'false'}, 'front', True)])
def test_an_instance_is_open_by_its_own_setting_or_the_one_for_all(settings: dict[str, str], name: str, open_: bool) -> None:
    assert is_external(settings, name) is open_
    if not open_:
        assert forward(1, settings).status == 403


@pytest.mark.parametrize('target, name, rest', [
    ('/instance/execute/front', 'front', '/'), ('/instance/execute/front/', 'front', '/'),
    ('/instance/execute/front?a=%2F&b', 'front', '/?a=%2F&b'),
    ('/instance/execute/a%20b/c%2Fd/../e?x=/?', 'a b', '/c%2Fd/../e?x=/?')])
def test_the_rest_of_the_target_is_untouched(target: str, name: str, rest: str) -> None:
    assert split_target(target) == (name, rest)


def test_headers_that_end_at_the_server_are_not_forwarded_and_its_own_is_added() -> None:
    given = [('X-One', 'a'), ('x-one', 'b'), ('Connection', 'close, X-Private'), ('X-Private', 'p'), ('Content-Length', '3'),
             ('Expect', '100-continue'), ('Upgrade', 'websocket'), ('Proxy-Authorization', 'Basic eA=='),
             ('X-Request-URI', '/forged'), ('Host', 'h')]
    request = Request('POST', '/instance/execute/front/a?b=c', given)
    assert forwarded_headers(request) == [
        (b'X-One', b'a'), (b'x-one', b'b'), (b'Content-Length', b'3'), (b'Host', b'h'),
        (b'X-Request-URI', b'/instance/execute/front/a?b=c'),
    ]


OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'


def counting(served: list[int], closed: list[int], requests: int) -> Behaviour:
    """Responds to so many requests on a connection, counts them, and closes it."""
    def behave(connection: socket.socket) -> None:
        served.append(0)
        while served[-1] < requests and read_head(connection):
            served[-1] += 1
            connection.sendall(OK)
        connection.close()
        closed.append(served[-1])
    return behave


@pytest.mark.parametrize('each, served', [(9, [3]), (1, [1, 1, 1])])
def test_a_connection_to_the_container_is_used_again_until_the_container_closes_it(each: int, served: list[int]) -> None:
    counts: list[int] = []
    closed: list[int] = []
    with container(counting(counts, closed, each)) as port:
        forwarder = Forwarder({'front': lambda: port}, OPEN)
        for _ in range(3):
            assert read(forwarder.forward(Request('POST', '/instance/execute/front', [('Host', 'h')]))) == b'ok'
            wait_for(lambda: counts[-1] < each or closed == counts)
    assert counts == served


def test_a_response_that_was_not_read_to_its_end_leaves_no_connection_to_use_again() -> None:
    counts: list[int] = []
    with container(counting(counts, [], 9)) as port:
        forwarder = Forwarder({'front': lambda: port}, OPEN)
        forwarder.forward(Request('POST', '/instance/execute/front', [('Host', 'h')])).close()
        assert read(forwarder.forward(Request('POST', '/instance/execute/front', [('Host', 'h')]))) == b'ok'
    assert counts == [1, 1]


def test_only_so_many_idle_connections_to_a_container_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_module, 'KEPT_CONNECTIONS', 2)
    held: list[socket.socket] = []

    def hold(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(OK)
        held.append(connection.dup())

    with container(hold) as port:
        forwarder = Forwarder({'front': lambda: port}, OPEN)
        for answer in [forwarder.forward(Request('GET', '/instance/execute/front', [('Host', 'h')])) for _ in range(3)]:
            assert read(answer) == b'ok'
        wait_for(lambda: len(held) == 3 and select.select(held, [], [], 0)[0], 'the end of a connection')
        assert select.select(held, [], [], 0)[0] == held[2:]
    for connection in held:
        connection.close()


def test_an_interim_response_is_not_the_senders() -> None:
    with container(answering(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' + OK)) as port:
        answer = forward(port)
        assert (answer.status, answer.headers, read(answer)) == (200, [('Content-Length', '2')], b'ok')


def test_an_instance_that_is_not_known_is_reported_with_those_that_are() -> None:
    request = Request('POST', '/instance/execute/other', [('Host', 'h')])
    answer = Forwarder(dict.fromkeys(('front', 'back'), lambda: 1), OPEN).forward(request)
    words = "no instance 'other' here (names are case-sensitive). Known: front, back."
    assert answer.status == 404 and words in read(answer).decode()
    assert answer.headers == [('Content-Type', 'text/plain; charset=utf-8'), ('Content-Length', str(len(read(answer))))]


def test_a_container_without_a_port_is_reported() -> None:
    answer = Forwarder({'front': lambda: None}, OPEN).forward(Request('GET', '/instance/execute/front', []))
    assert answer.status == 503 and 'does not accept connections on its port' in read(answer).decode()


@pytest.mark.parametrize('method, seen', [('POST', 1), ('PUT', 1), ('PATCH', 1), ('GET', 0), ('DELETE', 0)])
def test_a_request_that_may_have_a_body_says_that_it_has_none(method: str, seen: int) -> None:
    headers = forwarded_headers(Request(method, '/', []))
    assert headers.count((b'Content-Length', b'0')) == seen
