"""The routes of the HTTP side: the XSOAR API for incidents, and the controls for tests."""
from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any

import bottle
import h11

from localxsoar.errors import CallRefused, UsageError
from localxsoar.instance import CommandFailed, Instance

MALFORMED = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError, h11.LocalProtocolError)


class Api:
    """What programs ask of the server of one instance."""

    def __init__(self, instance: Instance, api_key: str | None = None) -> None:
        self._instance = instance
        self._api_key = api_key

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('POST', '/incidents/search', self._search),
            ('GET', '/localxsoar/state', self._instance.state),
            ('GET', '/localxsoar/incidents', lambda: as_json(self._instance.store.sent())),
            ('POST', '/localxsoar/samples', lambda: as_json(self._instance.fetch_samples())),
            ('GET', '/localxsoar/faults', self._instance.faults.as_dict),
            ('PATCH', '/localxsoar/faults', lambda: self._instance.faults.change(read_object())),
            ('POST', '/localxsoar/<action:re:cut|stop-container>', self._end),
        ):
            api.route(path, method, handler)

    # The XSOAR API.

    def _search(self) -> dict[str, Any]:
        self.check_api_key()
        incidents, total = self._instance.store.search(read_object().get('filter') or {})
        return {'total': total, 'data': incidents, 'notUpdated': 0}

    def check_api_key(self) -> None:
        given = bottle.request.get_header('Authorization') or ''
        if self._api_key is not None and not hmac.compare_digest(given.encode(), self._api_key.encode()):
            raise bottle.HTTPError(401, 'The API key in the Authorization header is not the one of --api-key.')

    # Controls for tests.

    def _end(self, action: str) -> dict[str, Any]:
        (self._instance.cut_line if action == 'cut' else self._instance.terminate_container)()
        return {}


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
