"""The check of the API key before every route: those of the tools, of the page and of the tests. Webhooks need no key."""
from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from typing import Any

import bottle

CHALLENGE = 'Basic realm="localxsoar: any user, the API key as password", charset="UTF-8"'  # lets a browser ask for the key


def demand_key(key: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a plugin of bottle that rejects what does not have the key in its Authorization, alone or as Basic password."""
    def demand(route: Callable[..., Any]) -> Callable[..., Any]:
        def checked(**path: Any) -> Any:
            given = (bottle.request.get_header('Authorization') or '').encode('latin-1')
            if not any(hmac.compare_digest(each, key.encode()) for each in (given, password(given))):
                reason = 'The Authorization header does not contain the API key that --api-key sets.'
                raise bottle.HTTPError(401, reason, WWW_Authenticate=CHALLENGE)
            return route(**path)
        return checked
    return demand


def password(authorization: bytes) -> bytes:
    """Return the password of Basic credentials, or b'' if there are none."""
    scheme, _, credentials = authorization.partition(b' ')
    try:
        return base64.b64decode(credentials, validate=True).partition(b':')[2] if scheme.lower() == b'basic' else b''
    except ValueError:
        return b''
