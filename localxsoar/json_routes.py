"""What every route has in common: JSON objects in, JSON out, and errors as the XSOAR API writes them."""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import bottle
import h11

from localxsoar.errors import CallRefused, UsageError
from localxsoar.instance import CommandFailed

MALFORMED = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError, h11.LocalProtocolError)


def read_object() -> dict[str, Any]:
    """The JSON object in the request's body; 400 for anything else."""
    try:
        content = json.loads(bottle.request.environ['wsgi.input'].read() or b'{}')
    except (ValueError, RecursionError) as error:
        raise bottle.HTTPError(400, f'The body is no JSON: {error}') from None
    if not isinstance(content, dict):
        raise bottle.HTTPError(400, 'The body is no JSON object.')
    return content


def refuse_what_is_wrong(route: Callable[..., Any]) -> Callable[..., Any]:
    """The route with an answer of 400, which says why, to a request that cannot be done as it stands."""
    def answer(**path: Any) -> Any:
        try:
            return route(**path)
        except (CallRefused, CommandFailed, UsageError) as error:
            raise bottle.HTTPError(400, str(error)) from None
        except MALFORMED as error:
            raise bottle.HTTPError(400, f'The request is malformed: {error}') from None
    return answer


def as_json(value: Any) -> str:
    bottle.response.content_type = 'application/json'
    return json.dumps(value)


def say_error(error: bottle.HTTPError) -> str:
    """An error as the XSOAR API writes it."""
    error.content_type = 'application/json'
    return json.dumps({'status': error.status_code, 'title': error.status_line, 'error': str(error.body)})
