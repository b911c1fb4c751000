"""The routes with which tests read a server's state, let it fetch and cause faults."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import bottle

from localxsoar.containers.faults import known
from localxsoar.server.server import Server
from localxsoar.web.instances import chosen
from localxsoar.web.routes import as_json, read_object


class Controls:
    """The test controls of a server. `?instance=NAME` reads the state of another instance than the first."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('GET', '/localxsoar/state', lambda: chosen(self._server).state()),
            ('POST', '/localxsoar/samples', lambda: as_json(chosen(self._server).fetch_samples())),
            ('POST', '/localxsoar/fetch', lambda: as_json(chosen(self._server).fetch())),
            ('GET', '/localxsoar/faults', self._server.faults.as_dict),
            ('GET', '/localxsoar/faults/known', lambda: as_json(known(self._server.faults))),
            ('PATCH', '/localxsoar/faults', lambda: self._server.faults.change(read_object())),
            ('POST', '/localxsoar/record', self._record),
            ('POST', '/localxsoar/<action:re:cut|stop-container>', self._end),
        ):
            api.route(path, method, handler)

    def _record(self) -> dict[str, Any]:
        """Record the HTTP of all commands from now on, or replay what the cassette has."""
        return {'replays': self._server.runtime.instruments.record(Path(str(read_object()['cassette'])).absolute())}

    def _end(self, action: str) -> dict[str, Any]:
        """Cut the line, or end the container, which is then started again."""
        if action == 'cut':
            chosen(self._server).cut_line()
        else:
            chosen(self._server).terminate_container()
        return {}
