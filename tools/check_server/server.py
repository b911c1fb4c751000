"""The XSOAR API and the instance's URL, as far as the checks need them."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tools.check_server.http import Answer, CheckError, ask

VERSION_8_PREFIX = '/xsoar/public/v1'  # before each path, in the documents of version 8's API
PLAYGROUND_TYPE = 9
TOKEN_HEADER = 'X-Webhook-Token'  # a second place for the token, where `Authorization` does not arrive
MIB = 1024 * 1024
PIECE = b' ' * 65536
SLOW_PIECE = b' ' * 2048  # each second: twice the slowest pace that the instance allows


class Secrets(NamedTuple):
    key: str
    key_id: str  # of version 8; '' on version 6
    token: str


class Server:
    """The API of a server, with an administrator's key."""

    def __init__(self, url: str, secrets: Secrets) -> None:
        self._url = url + (VERSION_8_PREFIX if secrets.key_id else '')
        self._headers = {'Authorization': secrets.key, 'Accept': 'application/json', 'Content-Type': 'application/json',
                         **({'x-xdr-auth-id': secrets.key_id} if secrets.key_id else {})}

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        answer = ask(method, self._url + path, self._headers, None if body is None else json.dumps(body).encode())
        if answer.status != 200:
            raise CheckError(f'The API responded to {method} {path} with {answer.status}.')
        return answer.json()

    def version(self) -> str:
        """Return what the server calls its version, or '' if it does not say."""
        about = self._ask('GET', '/about')
        return str(about.get('demistoVersion') or '') if isinstance(about, dict) else ''

    def find(self, **filter: Any) -> list[dict[str, Any]]:
        """Return the incidents that match a filter, such as `query`."""
        found = self._ask('POST', '/incidents/search', {'filter': {'size': 50, **filter}})
        incidents = found.get('data') if isinstance(found, dict) else None
        return [incident for incident in incidents or [] if isinstance(incident, dict)]

    def close(self, ids: Sequence[str]) -> None:
        self._ask('POST', '/incident/batchClose', {
            'ids': list(ids), 'closeReason': 'Other', 'closeNotes': 'Made by ./dev check-server of the Generic Webhook.'})

    def run(self, command: str) -> list[dict[str, Any]]:
        """Run a command in the Playground and return its entries. An error is an entry, too."""
        found = self._ask('POST', '/investigations/search', {'filter': {'type': [PLAYGROUND_TYPE]}})
        rooms = (found.get('data') if isinstance(found, dict) else None) or [{}]
        body = {'investigationId': rooms[0].get('id') or '', 'data': command}
        entries = self._ask('POST', '/entry/execute/sync', body) or []
        return [entry for entry in entries if isinstance(entry, dict)]


class Webhook:
    """The URL of the instance, with its token."""

    def __init__(self, url: str, secrets: Secrets) -> None:
        self.url = url
        self.instance = urlsplit(url).path.rpartition('/')[2]
        self._token = secrets.token
        self.headers = {'Authorization': secrets.token, 'Content-Type': 'application/json'}

    def show_token_twice(self) -> None:
        """From now on, show the token in a header of its own, too."""
        self.headers[TOKEN_HEADER] = self._token

    def get(self) -> Answer:
        return ask('GET', self.url, {'Authorization': self._token})

    def post(self, value: Any) -> Answer:
        return ask('POST', self.url, self.headers, json.dumps(value).encode())

    def post_blank(self, size: int, pieces: Iterator[bytes]) -> Answer:
        """Post an empty JSON array of `size` bytes in pieces: it creates nothing."""
        return ask('POST', self.url, {**self.headers, 'Content-Length': str(size)}, pieces)


def fast(size: int) -> Iterator[bytes]:
    """Yield an empty JSON array with so many blanks that it has `size` bytes."""
    yield b'['
    left = size - 2
    while left > 0:
        yield PIECE[:left]
        left -= len(PIECE)
    yield b']'
