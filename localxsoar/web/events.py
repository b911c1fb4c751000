"""The route to which integrations send events and assets as to XSIAM, and the one that returns them."""
from __future__ import annotations

import gzip
import hmac
import json
import time
import zlib
from typing import NoReturn

import bottle

from localxsoar.server.server import Server
from localxsoar.web.routes import as_json

LATEST = 10_000
BROKEN = (OSError, EOFError, zlib.error, ValueError)  # of a body that is not compressed, not UTF-8 or not JSON


class EventRoutes:
    """The events of a server's instances. Who sends some shows the server's own token, which no API key replaces."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def routes(self, api: bottle.Bottle) -> None:
        api.route('/logs/v1/xsiam', 'POST', self._take, skip=True)
        api.route('/localxsoar/sent-events', 'GET', lambda: as_json(self._server.store.events('', LATEST)))

    def _take(self) -> str:
        """Keep the events of one request, which are compressed lines, each an object if the `format` is json."""
        faults, header = self._server.faults, bottle.request.get_header
        time.sleep(faults.event_delay_ms / 1000)
        if faults.event_status:
            refuse(faults.event_status, 'The events were rejected, as the fault "event_status" demands.')
        if not hmac.compare_digest(header('Authorization', '').encode('latin-1'), self._server.runtime.address.token.encode()):
            refuse(401, 'The Authorization is not the token in Http_Connector.token.')
        try:
            lines = [line for line in gzip.decompress(bottle.request.environ['wsgi.input'].read()).decode().split('\n') if line]
            events = [json.loads(line) for line in lines] if header('format') == 'json' else lines
        except BROKEN as error:
            refuse(400, f'The body is not lines of UTF-8 in gzip, or a line is not JSON: {error}')
        kind, instance = header('collector-type') or 'events', header('instance-name') or ''
        vendor, product = header('vendor') or '', header('product') or ''
        self._server.store.add_events(instance, kind, vendor, product, events)
        self._server.printer.happened(f'{kind}  {len(events)} from {vendor} {product}')
        return as_json({'error': 'false'})


def refuse(status: int, reason: str) -> NoReturn:
    raise bottle.HTTPResponse(json.dumps({'error': reason}), status, content_type='application/json')
