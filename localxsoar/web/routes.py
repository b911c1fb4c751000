"""What routes share: they read and write JSON, report errors in the form of the XSOAR API, and ask where a request comes from."""
from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import bottle
import h11

from localxsoar.errors import CallRejected, CommandFailed, UsageError
from localxsoar.web.front import PEER, is_loopback

ONLY_HERE = 'Secrets are shown only on the machine that runs the local XSOAR.'
LONG = 10_000  # characters
QUICK = 1  # of the levels of gzip: requests wait meanwhile
# What a handler may raise if a request lacks a key, or a value has another type than expected.
MALFORMED = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError, h11.LocalProtocolError)


def read_object() -> dict[str, Any]:
    """Return the JSON object in the request's body. Raise HTTPError 400 for anything else."""
    try:
        content = json.loads(bottle.request.environ['wsgi.input'].read() or b'{}')
    except (ValueError, RecursionError) as error:
        raise bottle.HTTPError(400, f'The body is not JSON: {error}') from None
    if not isinstance(content, dict):
        raise bottle.HTTPError(400, 'The body is not a JSON object.')
    return content


def reject_malformed(route: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a route so that a wrong or malformed request gets a 400 with the reason."""
    def checked(**path: Any) -> Any:
        try:
            return route(**path)
        except (CallRejected, CommandFailed, UsageError) as error:
            raise bottle.HTTPError(400, str(error)) from None
        except MALFORMED as error:
            raise bottle.HTTPError(400, f'The request is malformed: {error}') from None
    return checked


def compress(route: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a route so that its long texts, such as lists of thousands, are compressed for whoever reads that."""
    def compressed(**path: Any) -> Any:
        content = route(**path)
        if not isinstance(content, str) or len(content) < LONG or 'gzip' not in bottle.request.get_header('Accept-Encoding', ''):
            return content
        bottle.response.set_header('Content-Encoding', 'gzip')
        return gzip.compress(content.encode(), QUICK)
    return compressed


def as_json(value: Any) -> str:
    """Return a value as JSON text, and label the response as JSON. Bottle itself does so for dicts only."""
    bottle.response.content_type = 'application/json'
    return json.dumps(value)


def format_error(error: bottle.HTTPError) -> str:
    """Return an error's body in the form of the XSOAR API."""
    error.content_type = 'application/json'
    return json.dumps({'status': error.status_code, 'title': error.status_line, 'error': str(error.body)})


def is_here() -> bool:
    """Return whether the request comes from this machine."""
    return is_loopback(bottle.request.environ[PEER])


def check_machine() -> None:
    """Raise HTTPError 403 unless the request comes from this machine."""
    if not is_here():
        raise bottle.HTTPError(403, ONLY_HERE)


def own_host() -> str:
    return str(bottle.request.get_header('Host'))


def own_url() -> str:
    """Return the server's address, as the client of the request knows it."""
    return f'http://{own_host()}'
