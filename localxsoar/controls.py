"""The routes under /localxsoar/ with which tests read the server's state and cause faults."""
from __future__ import annotations

from typing import Any

import bottle

from localxsoar.instance import Instance
from localxsoar.json_routes import as_json, read_object


class Controls:
    """The test controls of one instance."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('GET', '/localxsoar/state', self._instance.state),
            ('GET', '/localxsoar/incidents', lambda: as_json(self._instance.store.sent())),
            ('POST', '/localxsoar/samples', lambda: as_json(self._instance.fetch_samples())),
            ('POST', '/localxsoar/commands', self._run),
            ('GET', '/localxsoar/faults', self._instance.faults.as_dict),
            ('PATCH', '/localxsoar/faults', lambda: self._instance.faults.change(read_object())),
            ('POST', '/localxsoar/<action:re:cut|stop-container>', self._end),
        ):
            api.route(path, method, handler)

    def _run(self) -> dict[str, Any]:
        """Run one command and return its entries."""
        wanted = read_object()
        return {'entries': self._instance.run(str(wanted['command']), wanted.get('args') or {})}

    def _end(self, action: str) -> dict[str, Any]:
        """Cut the line, or end the container, which is then started again."""
        if action == 'cut':
            self._instance.cut_line()
        else:
            self._instance.terminate_container()
        return {}
