"""The routes of the files that a person downloads from the page: recipes, and archives of deliveries. Secrets are masked."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import bottle

from localxsoar.webhooks.archive import archive, is_archived
from localxsoar.webhooks.deliveries import Deliveries, Delivery
from localxsoar.errors import UsageError
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.recipes import Recipes, written

BYTES = 'application/octet-stream'
PLAIN_NAME = re.compile(r'[\w.-]+', re.ASCII)


class Downloads:
    """The files of one server's deliveries. `find` returns a delivery or raises HTTPError; `url` returns the server's address."""

    def __init__(self, deliveries: Deliveries, recipes: Recipes, masks: Masks, find: Callable[[int], Delivery],
                 url: Callable[[], str]) -> None:
        self._deliveries = deliveries
        self._recipes = recipes
        self._masks = masks
        self._find = find
        self._url = url

    def routes(self, api: bottle.Bottle) -> None:
        api.route('/localxsoar/deliveries.har', 'GET', self._all)
        api.route('/localxsoar/deliveries/<number:int>.har', 'GET', self._one)
        api.route('/localxsoar/deliveries/<number:int>/recipe', 'GET', self._recipe)

    def _recipe(self, number: int) -> bytes:
        delivery = self._find(number)
        try:
            recipe = self._recipes.make(delivery)
        except UsageError as error:
            raise bottle.HTTPError(409, str(error)) from None
        attach(self._recipes.file_name(delivery))
        return written(recipe)

    def _one(self, number: int) -> Iterator[bytes]:
        delivery = self._find(number)
        if not is_archived(delivery):
            raise bottle.HTTPError(409, delivery.gap() or 'The delivery waits for its response.')
        attach(f'delivery-{number}.har')
        return archive([delivery], self._url(), self._masks)

    def _all(self) -> Iterator[bytes]:
        attach('deliveries.har')
        numbers = [each['number'] for each in reversed(self._deliveries.summaries())]  # an archive begins with the oldest
        found = filter(None, map(self._deliveries.get, numbers))
        return archive(filter(is_archived, found), self._url(), self._masks)


def attach(name: str, content_type: str = 'application/json') -> None:
    """Set the response's headers for a file that a browser saves, and does not show."""
    named = f'filename="{name}"' if PLAIN_NAME.fullmatch(name) else f"filename*=UTF-8''{quote(name, safe='')}"
    headers = {'Content-Disposition': f'attachment; {named}', 'Content-Security-Policy': "default-src 'none'",
               'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store', 'Cross-Origin-Resource-Policy': 'same-origin'}
    for header, value in headers.items():
        bottle.response.set_header(header, value)
    bottle.response.content_type = content_type
