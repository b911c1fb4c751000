"""One request over HTTP: certificates are verified, no redirect is followed, and no error shows a header."""
from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

THIS_MACHINE = ('127.0.0.1', 'localhost', '::1')
MAX_ANSWER_BYTES = 16 * 1024 * 1024
SECONDS = 90


class CheckError(Exception):
    """What stops a check, in a sentence that is safe to show."""


class Answer(NamedTuple):
    status: int
    text: str
    content_type: str = ''

    def json(self) -> Any:
        """Return the value of a JSON answer, or None if it is something else."""
        with suppress(ValueError):
            return json.loads(self.text)
        return None

    @property
    def is_the_instances(self) -> bool:
        """Return whether the instance itself has responded with a problem, and not what is before it."""
        value = self.json()
        return isinstance(value, dict) and {'title', 'status', 'detail'} <= value.keys()


class NoRedirects(HTTPRedirectHandler):
    """A redirect would carry the key to another place."""

    def redirect_request(self, *_: object) -> None:
        return None


OPENER = build_opener(NoRedirects, HTTPSHandler(context=ssl.create_default_context()))


def check_url(text: str) -> str:
    """Return a URL without a slash at its end. Raise CheckError if a secret could leave this machine in the clear."""
    url = urlsplit(text)
    if url.scheme not in ('https', 'http') or not url.hostname:
        raise CheckError(f'{text!r} is not a URL of the form https://HOST/PATH.')
    if url.scheme == 'http' and url.hostname not in THIS_MACHINE:
        raise CheckError(f'{text} is plain HTTP, which shows the key and the token: use https.')
    if url.query or url.username:
        raise CheckError('Give the URL without a query and without a user: the token is asked for.')
    return text.rstrip('/')


def ask(method: str, url: str, headers: Mapping[str, str], body: bytes | Iterator[bytes] | None = None) -> Answer:
    """Send a request and return the answer, whatever its status. Raise CheckError if there is none."""
    in_bytes = {name: value.encode().decode('latin-1') for name, value in headers.items()}  # urllib writes Latin-1, as UTF-8 here
    request = Request(url, body, in_bytes, method=method)
    try:
        with OPENER.open(request, timeout=SECONDS) as response:
            return read(response.status, response)
    except HTTPError as error:
        return read(error.code, error)
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, 'reason', error)
        raise CheckError(f'The connection failed: {type(reason).__name__}: {reason}') from None


def read(status: int, response: Any) -> Answer:
    content_type = str(response.headers.get('Content-Type') or '')
    return Answer(status, response.read(MAX_ANSWER_BYTES).decode('utf-8', 'replace'), content_type)
