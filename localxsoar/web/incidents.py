"""The routes of incidents: what the page lists and previews, with secrets masked, and what tests read."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import bottle

from localxsoar.incidents.entries import readable
from localxsoar.incidents.mapping import value_at
from localxsoar.incidents.store import Store, brief, details, now
from localxsoar.turns import Turns
from localxsoar.web.routes import as_json
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.search import SearchIndex

LISTED_INCIDENTS = 10_000
INCIDENTS_AT_ONCE = 250
PREVIEWED_INCIDENTS = 50


class IncidentRoutes:
    """The incidents of a store."""

    def __init__(self, store: Store, masks: Masks) -> None:
        self._store = store
        self._masks = masks
        self._index = SearchIndex(masks, self._texts, is_complete=False)
        self._last = 0  # the latest incident in the index
        self._moment = ''  # since when incidents may have changed that are in the index

    def routes(self, api: bottle.Bottle) -> None:
        for path, handler in (
            ('/localxsoar/incidents', lambda: as_json(self._store.sent())),
            ('/localxsoar/incidents/list', self._list),
            ('/localxsoar/incidents/search', self._search),
            ('/localxsoar/incidents/<number:int>', self._show),
            ('/localxsoar/incidents/values', self._values),
            ('/localxsoar/incidents/acts', lambda: self._masked(self._store.acts(LISTED_INCIDENTS))),
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

    def _search(self) -> str:
        """Return the ids of the latest incidents that have each word of `?text=`, also in their details."""
        self._index.prepare()
        moment, self._moment = self._moment, now()
        for changed in self._store.changed_since(moment):
            self._index.add(int(changed), self._text(self._store.get(changed)))
        for number, text in self._texts(self._last):
            self._index.add(number, text)
        return as_json([str(found) for found in self._index.search(bottle.request.query.getunicode('text') or '')])

    def _texts(self, last: int = 0) -> Iterator[tuple[int, str]]:
        """Yield the texts of the latest incidents after the last, with their numbers."""
        self._moment = self._moment or now()
        [newest] = self._store.latest(1) or [{'id': 0}]
        self._last, turns = max(last, int(newest['id']) - LISTED_INCIDENTS), Turns()
        while part := self._store.newer(self._last, INCIDENTS_AT_ONCE):
            for incident in part:
                turns.give()
                self._last = int(incident['id'])
                self._index.remove(self._last - LISTED_INCIDENTS)
                yield self._last, self._text(incident)

    def _text(self, incident: Mapping[str, Any]) -> str:
        more = details(incident)
        values = [f'{field["name"]}: {field["value"]}' for field in [*more['fields'], *more['labels']]]
        return self._masks.text('\n'.join([*values, more['rawJSON']]))

    def _show(self, number: int) -> str:
        found, _ = self._store.search({'id': [str(number)]})
        if not found:
            raise bottle.HTTPError(404, f'There is no incident {number}.')
        entries = [each['contents'] for each in self._store.entries(str(number))]
        texts = [readable(each) if isinstance(each, dict) else str(each) for each in entries]
        return self._masked({**brief(found[0]), **details(found[0]), 'entries': texts})

    def _values(self) -> str:
        """Return the value at `?path=`, a JSON list of keys, in the details of each incident of `?ids=`."""
        query = bottle.request.query
        ids, path = query['ids'].split(',')[:PREVIEWED_INCIDENTS], json.loads(query.getunicode('path'))
        found, _ = self._store.search({'id': ids})
        details = {incident['id']: incident['rawJSON'] for incident in found}
        return self._masked([{'id': each, 'value': value_at(self._masks.text(details.get(each, '')), path)} for each in ids])

    def _masked(self, value: Any) -> str:
        return as_json(self._masks.everywhere(value))
