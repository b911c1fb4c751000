"""The routes under /localxsoar/ with which tests read the server's state and cause faults."""
from __future__ import annotations

from typing import Any

import bottle

from localxsoar.server.instance import Instance
from localxsoar.web.routes import as_json, read_object
from localxsoar.server.server import Server


class Controls:
    """The test controls of a server. `?instance=NAME` reads the state of another instance than the first."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('GET', '/localxsoar/state', lambda: self._chosen().state()),
            ('GET', '/localxsoar/incidents', lambda: as_json(self._server.store.sent())),
            ('POST', '/localxsoar/samples', lambda: as_json(self._chosen().fetch_samples())),
            ('POST', '/localxsoar/commands', self._run),
            ('POST', '/localxsoar/fetch', lambda: as_json(self._chosen().fetch())),
            ('POST', '/localxsoar/commands', self._run),
            ('GET', '/localxsoar/faults', self._server.faults.as_dict),
            ('PATCH', '/localxsoar/faults', lambda: self._server.faults.change(read_object())),
            ('POST', '/localxsoar/<action:re:cut|stop-container>', self._end),
        ):
            api.route(path, method, handler)

    def _run(self) -> dict[str, Any]:
        """Run one command or script and return its entries."""
        wanted = read_object()
        return {'entries': self._server.run(str(wanted['command']), wanted.get('args') or {})}

    def _end(self, action: str) -> dict[str, Any]:
        """Cut the line, or end the container, which is then started again."""
        if action == 'cut':
            self._chosen().cut_line()
        else:
            self._chosen().terminate_container()
        return {}

    def _chosen(self) -> Instance:
        return self._server.find(bottle.request.query.get('instance') or self._server.first.name)
