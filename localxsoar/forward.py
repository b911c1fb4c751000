"""The way in: /instance/execute/NAME, forwarded by plain HTTP to the container's port, as it came."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import unquote

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util import SKIP_HEADER

PREFIX = '/instance/execute/'
EXTERNAL_SETTING = 'instance.execute.external'
CHUNK_BYTES = 65536
CONNECT_SECONDS = 5
POOLED_CONNECTIONS = 1024
HOP_BY_HOP = {'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
              'transfer-encoding', 'upgrade'}
NOT_FORWARDED = HOP_BY_HOP | {'content-length', 'expect'}  # framing and 100-continue are each connection's own
ADDED_BY_THE_CLIENT = ('User-Agent', 'Accept-Encoding')

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class SenderGone(Exception):
    """The sender's connection ended before it was answered. No OSError, which would pass for the container's."""


class Body:
    """A body read from the sender as the container takes it; with a length where the sender gave one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            data: bytes = self._stream.read(size)
        except OSError as error:
            raise SenderGone(str(error)) from error
        return data

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(CHUNK_BYTES), b'')


class SizedBody(Body):
    """A body that goes on under the Content-Length that it came with."""

    def __init__(self, stream: Any, length: int) -> None:
        super().__init__(stream)
        self._length = length

    def __len__(self) -> int:
        return self._length


class Forwarder:
    """A WSGI application for what lies under /instance/execute/."""

    def __init__(self, ports: Mapping[str, Callable[[], int | None]], settings: Mapping[str, str]) -> None:
        self._ports = ports
        self._settings = settings
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.clear()
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # one sender's cookie is never another's
        self.session.mount('http://', HTTPAdapter(pool_maxsize=POOLED_CONNECTIONS))

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        name, rest = split_target(environ['localxsoar.target'])
        refusal = self._refusal(name)
        if refusal:
            return plain_answer(start_response, *refusal)
        try:
            response = self._send(environ, self._ports[name](), rest)
        except (requests.RequestException, HTTPError) as error:
            return plain_answer(start_response, *self._failure(name, error))
        except SenderGone:
            return plain_answer(start_response, '400 Bad Request', 'The connection ended before the answer came.')
        start_response(f'{response.status_code} {response.reason or ""}', answer_headers(response))
        return answer_body(environ['REQUEST_METHOD'], response)

    def _refusal(self, name: str) -> tuple[str, str] | None:
        if name not in self._ports:
            known = ', '.join(self._ports)
            return '404 Not Found', f'There is no instance {name!r} here (names are case-sensitive). Known: {known}.'
        if not is_external(self._settings, name):
            return '403 Forbidden', (f'The server setting {EXTERNAL_SETTING}.{name} is not true, so nothing is forwarded to the '
                                     f'instance. Set it, or {EXTERNAL_SETTING} for all instances, to true.')
        return None

    def _send(self, environ: dict[str, Any], port: int | None, rest: str) -> requests.Response:
        base = f'http://127.0.0.1:{port or 0}'
        headers = dict.fromkeys(ADDED_BY_THE_CLIENT, SKIP_HEADER) | forwarded_headers(environ['localxsoar.headers'])
        request = requests.Request(environ['REQUEST_METHOD'], base, headers=headers, data=read_framing(environ))
        prepared = self.session.prepare_request(request)
        prepared.url = base + rest
        return self.session.send(prepared, stream=True, allow_redirects=False, timeout=(CONNECT_SECONDS, None))

    def _failure(self, name: str, error: Exception) -> tuple[str, str]:
        if never_connected(error):
            port = self._ports[name]()
            return '503 Service Unavailable', (
                f'The container of the instance {name!r} does not accept connections on port {port}. '
                'It may be starting, or its port is in use: see the log of the local XSOAR.')
        return '502 Bad Gateway', f'The container of the instance {name!r} ended the connection without an answer.'


def is_external(settings: Mapping[str, str], name: str) -> bool:
    """The server's rule: the instance's own setting, or the one for all instances, is `true`."""
    return 'true' in (settings.get(EXTERNAL_SETTING), settings.get(f'{EXTERNAL_SETTING}.{name}'))


def split_target(target: str) -> tuple[str, str]:
    """The instance's name, and the target that the container gets: the rest of the path, and the query, untouched."""
    path, question_mark, query = target.partition('?')
    name, _, rest = path[len(PREFIX):].partition('/')
    return unquote(name), f'/{rest}{question_mark}{query}'


def forwarded_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The sender's headers without those that end at the server; one that came several times is joined."""
    found = [(name, value.strip()) for name, value in headers]
    ended_here = NOT_FORWARDED | {word.strip().lower() for name, value in found if name.lower() == 'connection'
                                  for word in value.split(',')}
    joined: dict[str, tuple[str, str]] = {}
    for name, value in found:
        if (key := name.lower()) not in ended_here:
            separator = '; ' if key == 'cookie' else ', '
            joined[key] = (joined[key][0], joined[key][1] + separator + value) if key in joined else (name, value)
    return dict(joined.values())


def read_framing(environ: Mapping[str, Any]) -> Body | None:
    """The request's body, framed as it came: chunked, with a length, or not there."""
    if 'chunked' in environ.get('HTTP_TRANSFER_ENCODING', '').lower():
        return Body(environ['wsgi.input'])
    length = int(environ.get('CONTENT_LENGTH') or 0)
    return SizedBody(environ['wsgi.input'], length) if length else None


def answer_headers(response: requests.Response) -> list[tuple[str, str]]:
    """The container's headers, each as often as it came, without those of its connection."""
    return [(name, value) for name, value in response.raw.headers.items() if name.lower() not in HOP_BY_HOP]


def answer_body(method: str, response: requests.Response) -> Iterator[bytes]:
    """The container's answer in pieces, not decoded."""
    try:
        if method != 'HEAD':
            yield from response.raw.stream(CHUNK_BYTES, decode_content=False)
    finally:
        response.close()


def plain_answer(start_response: StartResponse, status: str, text: str) -> Iterable[bytes]:
    """The server's own answer, one readable line."""
    body = (text + '\n').encode()
    start_response(status, [('Content-Type', 'text/plain; charset=utf-8'), ('Content-Length', str(len(body)))])
    return [body]


def never_connected(error: Exception) -> bool:
    """Whether the container was not there at all, so that it has seen nothing of the request."""
    cause = error.args[0] if error.args else None
    return isinstance(error, requests.exceptions.ConnectTimeout) or isinstance(getattr(cause, 'reason', None), NewConnectionError)
