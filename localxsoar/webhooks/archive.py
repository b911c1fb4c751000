"""Archives of deliveries in the format HAR 1.2, which browsers and proxies read, with secrets masked.

Only the secrets that the names of headers and parameters suggest are masked where they are. All others are masked in the
finished entry, so that no field can be forgotten.
"""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

import localxsoar
from localxsoar.webhooks.deliveries import KEPT_BODY_BYTES, Delivery
from localxsoar.webhooks.forms import query_fields
from localxsoar.forward import Headers
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.readable import readable
from localxsoar.turns import Turns

HEAD = json.dumps({'log': {'version': '1.2', 'creator': {'name': 'localxsoar', 'version': localxsoar.__version__}, 'entries': [
]}})[:-3]
TAIL = ']}}\n'
URL_CHARACTERS = "!#$%&'()*+,/:;=?@[]~"
NO_TEXT = 'The body is left out: it is not text or too long, so it could not be searched for secrets.'


def archive(deliveries: Iterable[Delivery], url: str, masks: Masks) -> Iterator[bytes]:
    """Yield an archive piece by piece, so that only one delivery is in memory at a time. `url` is the server's address."""
    yield HEAD.encode()
    separator, turns = '\n', Turns()
    masks = masks.pausing(turns.give)  # large bodies take a while, in which requests must not wait
    for delivery in deliveries:
        turns.give()
        yield separator.encode() + json.dumps(entry(delivery, url, masks), ensure_ascii=False).encode('utf-8', 'backslashreplace')
        separator = ',\n'
    yield TAIL.encode()


def is_archived(delivery: Delivery) -> bool:
    """Return whether the delivery is an HTTP request that is over."""
    return delivery.kind != 'waiting' and delivery.method != '?'


def entry(delivery: Delivery, url: str, masks: Masks) -> dict[str, Any]:
    """Return one delivery. Fields that HAR does not define begin with _."""
    masks = masks.beside(delivery.headers)
    started = datetime.fromtimestamp(delivery.started, timezone.utc).isoformat(timespec='milliseconds')
    milliseconds = round(delivery.milliseconds, 3)
    return dict(masks.everywhere({
        'startedDateTime': started, 'time': milliseconds,
        'request': request(delivery, url, masks), 'response': response(delivery, masks), 'cache': {},
        'timings': {'send': 0, 'wait': milliseconds, 'receive': 0}, '_number': delivery.number, '_kind': delivery.kind,
        '_sender': delivery.sender, '_incidents': delivery.incidents, '_text': delivery.text,
    }))


def request(delivery: Delivery, url: str, masks: Masks) -> dict[str, Any]:
    target, headers = masks.target(delivery.target), named(delivery.headers, masks)
    found = {'method': delivery.method, 'url': url + quote(target, safe=URL_CHARACTERS), 'httpVersion': 'HTTP/1.1', 'cookies': [],
             'headers': headers, 'headersSize': -1, 'bodySize': delivery.size,
             'queryString': [{'name': each['name'], 'value': each['value']} for each in query_fields(target)]}
    if not delivery.size:
        return found
    body = content(delivery.headers, bytes(delivery.body), delivery.gap())
    return {**found, 'postData': {'mimeType': value_of('content-type', headers), **body}}


def response(delivery: Delivery, masks: Masks) -> dict[str, Any]:
    kept, size = len(delivery.response), delivery.response_size
    gap = f'Only {kept:,} of {size:,} bytes were kept.' if size > kept else ''
    body = content(delivery.response_headers, bytes(delivery.response), gap)
    headers = named(delivery.response_headers, masks)
    return {'status': delivery.status or 0, 'statusText': delivery.reason, 'httpVersion': 'HTTP/1.1', 'cookies': [],
            'headers': headers, 'content': {'size': size, 'mimeType': value_of('content-type', headers), **body},
            'redirectURL': value_of('location', headers), 'headersSize': -1, 'bodySize': size}


def named(headers: Headers, masks: Masks) -> list[dict[str, Any]]:
    return [{'name': header['name'], 'value': header['value']} for header in masks.headers(headers)]


def content(headers: Headers, body: bytes, gap: str) -> dict[str, str]:
    """Return a body as text, decompressed; `comment` says what of it is missing."""
    seen = readable(headers, body, KEPT_BODY_BYTES)
    if not seen.is_text or seen.is_cut:
        return {'text': '', 'comment': gap or NO_TEXT}
    return {'text': seen.text, **({'comment': gap} if gap else {})}


def value_of(name: str, headers: list[dict[str, Any]]) -> str:
    """Return the value of the first header with a name, given in small letters, or ''."""
    return next((str(each['value']) for each in headers if each['name'].lower() == name), '')
