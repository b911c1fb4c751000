"""The routes of incidents: what the page lists and previews, with secrets masked, and what tests read."""
from __future__ import annotations

import json
from typing import Any

import bottle

from localxsoar.incidents.mapping import value_at
from localxsoar.incidents.store import Store, brief, details
from localxsoar.turns import Turns
from localxsoar.web.routes import as_json
from localxsoar.webhooks.masks import Masks

LISTED_INCIDENTS = 10_000
INCIDENTS_AT_ONCE = 250
PREVIEWED_INCIDENTS = 50


class IncidentRoutes:
    """The incidents of a store."""

    def __init__(self, store: Store, masks: Masks) -> None:
        self._store = store
        self._masks = masks

    def routes(self, api: bottle.Bottle) -> None:
        for path, handler in (
            ('/localxsoar/incidents', lambda: as_json(self._store.sent())),
            ('/localxsoar/incidents/list', self._list),
            ('/localxsoar/incidents/<number:int>', self._show),
            ('/localxsoar/incidents/values', self._values),
        ):
            api.route(path, 'GET', handler)

    def _list(self) -> str:
        """Return the latest incidents in brief. It may take a second, in which other requests must not wait."""
        shown: list[dict[str, Any]] = []
        turns = Turns()
        part = self._store.latest(INCIDENTS_AT_ONCE)
        while part and len(shown) < LISTED_INCIDENTS:
            shown += self._masks.everywhere(part)
            turns.give()
            part = self._store.latest(INCIDENTS_AT_ONCE, int(part[-1]['id']))
        return as_json(shown)

    def _show(self, number: int) -> str:
        found, _ = self._store.search({'id': [str(number)]})
        if not found:
            raise bottle.HTTPError(404, f'There is no incident {number}.')
        return self._masked({**brief(found[0]), **details(found[0])})

    def _values(self) -> str:
        """Return the value at `?path=`, a JSON list of keys, in the details of each incident of `?ids=`."""
        query = bottle.request.query
        ids, path = query['ids'].split(',')[:PREVIEWED_INCIDENTS], json.loads(query.getunicode('path'))
        found, _ = self._store.search({'id': ids})
        details = {incident['id']: incident['rawJSON'] for incident in found}
        return self._masked([{'id': each, 'value': value_at(self._masks.text(details.get(each, '')), path)} for each in ids])

    def _masked(self, value: Any) -> str:
        return as_json(self._masks.everywhere(value))
