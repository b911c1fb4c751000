"""The forwarder before containers that misbehave in ways that a real process can't be made to."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import requests_mock
import urllib3
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from localxsoar.forward import Forwarder, SenderGone, forwarded_headers, is_external, split_target

CONTAINER = 'http://127.0.0.1:9000'
OPEN = {'instance.execute.external.front': 'true'}


@pytest.fixture
def upstream() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        yield mocker


def call(
    target: str = '/instance/execute/front',
    method: str = 'POST',
    body: Any = b'',
    headers: Any = (),
    settings: Any = None,
    **environ: str,
) -> tuple[str, list[tuple[str, str]], bytes]:
    """One request through the forwarder: status line, headers and body of its answer."""
    started: list[Any] = []
    given = {
        'localxsoar.target': target,
        'localxsoar.headers': list(headers),
        'REQUEST_METHOD': method,
        'wsgi.input': io.BytesIO(body) if isinstance(body, bytes) else body,
        **environ,
    }
    forwarder = Forwarder({'front': lambda: 9000}, OPEN if settings is None else settings)
    answer = b''.join(forwarder(given, lambda status, names: started.extend([status, names])))
    return started[0], started[1], answer


def refused_connection(*_: Any) -> requests.ConnectionError:
    pool: Any = None
    return requests.ConnectionError(MaxRetryError(pool, '/', NewConnectionError(pool, 'refused')))


@pytest.mark.parametrize(
    'fault, status, words',
    [
        (refused_connection(), '503', 'does not accept connections on port 9000'),
        (requests.exceptions.ConnectTimeout('late'), '503', 'does not accept connections on port 9000'),
        (
            requests.ConnectionError(ProtocolError('Connection aborted.', ConnectionResetError(104, 'reset'))),
            '502',
            'ended the connection',
        ),
        (
            requests.ConnectionError(ProtocolError('Connection aborted.', BrokenPipeError(32, 'pipe'))),
            '502',
            'ended the connection',
        ),
        (requests.exceptions.InvalidHeader('no header'), '502', 'ended the connection'),
    ],
)
def test_a_container_that_fails_is_told_in_words(
    upstream: requests_mock.Mocker, fault: Exception, status: str, words: str
) -> None:
    upstream.post(CONTAINER, exc=fault)
    line, _, body = call()
    assert line.startswith(status)
    assert words in body.decode() and "'front'" in body.decode()


def test_an_answer_is_passed_on_undecoded_without_the_headers_of_its_connection(upstream: requests_mock.Mocker) -> None:
    upstream.post(
        CONTAINER,
        raw=urllib3.HTTPResponse(
            body=io.BytesIO(b'not gzip at all'),
            status=299,
            reason='Odd',
            preload_content=False,
            headers={
                'Content-Encoding': 'gzip',
                'Connection': 'keep-alive',
                'Keep-Alive': 'timeout=5',
                'Transfer-Encoding': 'chunked',
                'X-Kept': 'yes',
            },
        ),
    )
    assert call() == ('299 Odd', [('Content-Encoding', 'gzip'), ('X-Kept', 'yes')], b'not gzip at all')


def test_an_answer_that_breaks_off_breaks_off_for_the_sender(upstream: requests_mock.Mocker) -> None:
    class Broken(io.RawIOBase):
        def __init__(self) -> None:
            self.pieces = [b'half']

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            if self.pieces:
                return self.pieces.pop()
            raise ConnectionResetError(104, 'reset')

    upstream.post(CONTAINER, raw=urllib3.HTTPResponse(body=Broken(), status=200, preload_content=False))
    with pytest.raises((OSError, urllib3.exceptions.HTTPError)):
        call()


def test_redirects_are_the_senders_to_follow(upstream: requests_mock.Mocker) -> None:
    upstream.post(CONTAINER, status_code=307, headers={'Location': 'http://elsewhere/'})
    line, headers, _ = call()
    assert line.startswith('307') and ('Location', 'http://elsewhere/') in headers
    assert upstream.call_count == 1


def test_a_sender_that_leaves_is_not_taken_for_a_container_that_answered(upstream: requests_mock.Mocker) -> None:
    class Gone:
        def read(self, size: int = -1) -> bytes:
            raise BrokenPipeError(32, 'the sender left')

    def read_all(request: Any, context: Any) -> str:
        with pytest.raises(SenderGone):
            list(request.body)
        raise SenderGone('left')

    upstream.post(CONTAINER, text=read_all)
    assert call(body=Gone(), CONTENT_LENGTH='10')[0] == '400 Bad Request'


def test_a_body_keeps_its_length_or_goes_on_chunked(upstream: requests_mock.Mocker) -> None:
    upstream.post(CONTAINER)
    call(body=b'12345', CONTENT_LENGTH='5')
    call(body=b'12345', HTTP_TRANSFER_ENCODING='chunked')
    call()
    framings = [
        {name: request.headers.get(name) for name in ('Content-Length', 'Transfer-Encoding')}
        for request in upstream.request_history
    ]
    assert framings == [
        {'Content-Length': '5', 'Transfer-Encoding': None},
        {'Content-Length': None, 'Transfer-Encoding': 'chunked'},
        {'Content-Length': '0', 'Transfer-Encoding': None},
    ]


@pytest.mark.parametrize(
    'settings, name, open_',
    [
        ({}, 'front', False),
        ({'instance.execute.external.front': 'true'}, 'front', True),
        ({'instance.execute.external': 'true'}, 'front', True),
        ({'instance.execute.external.front': 'false'}, 'front', False),
        ({'instance.execute.external.Front': 'true'}, 'front', False),
    ],
)
def test_an_instance_is_open_by_its_own_setting_or_the_one_for_all(settings: dict[str, str], name: str, open_: bool) -> None:
    assert is_external(settings, name) is open_


def test_a_closed_instance_is_refused_in_words_that_name_the_setting() -> None:
    line, _, body = call(settings={})
    assert line == '403 Forbidden' and b'instance.execute.external.front' in body


def test_another_instance_is_not_found() -> None:
    line, _, body = call('/instance/execute/FRONT')
    assert line == '404 Not Found' and b'case-sensitive' in body


@pytest.mark.parametrize(
    'target, name, rest',
    [
        ('/instance/execute/front', 'front', '/'),
        ('/instance/execute/front/', 'front', '/'),
        ('/instance/execute/front?a=%2F&b', 'front', '/?a=%2F&b'),
        ('/instance/execute/a%20b/c%2Fd/../e?x=/?', 'a b', '/c%2Fd/../e?x=/?'),
    ],
)
def test_the_rest_of_the_target_is_untouched(target: str, name: str, rest: str) -> None:
    assert split_target(target) == (name, rest)


def test_headers_that_end_at_the_server_are_not_forwarded() -> None:
    given = [
        ('X-One', 'a'),
        ('x-one', 'b'),
        ('Cookie', 'a=1'),
        ('Cookie', 'b=2'),
        ('Connection', 'close, X-Private'),
        ('X-Private', 'p'),
        ('Content-Length', '3'),
        ('Expect', '100-continue'),
        ('Transfer-Encoding', 'chunked'),
        ('Host', 'h'),
        ('Authorization', 't'),
    ]
    assert forwarded_headers(given) == {'X-One': 'a, b', 'Cookie': 'a=1; b=2', 'Host': 'h', 'Authorization': 't'}
