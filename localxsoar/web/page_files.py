"""The files of the page, and the stream of events that keeps it up to date."""
from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import bottle

from localxsoar.events import Events

FOLDER = Path(__file__).with_name('page')
FILES = {'/': 'index.html'} | {f'/{file.name}': file.name for file in FOLDER.iterdir() if file.suffix in ('.css', '.js')}
# The page shows texts of unauthenticated senders: even if one became markup, it could load and run nothing.
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
          "form-action 'self'; frame-ancestors 'none'")
HEADERS = {'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store',
           'Referrer-Policy': 'no-referrer'}


class PageFiles:
    """The routes of the page's files and of its events."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def routes(self, api: bottle.Bottle) -> None:
        for path, name in FILES.items():
            api.route(path, 'GET', partial(read_file, name))
        api.route('/favicon.ico', 'GET', lambda: bottle.HTTPResponse(status=204))
        api.route('/localxsoar/events', 'GET', self._follow)

    def _follow(self) -> Iterable[bytes]:
        """Return the stream of events, after the last one that a reconnecting page has seen."""
        bottle.response.content_type = 'text/event-stream'
        bottle.response.set_header('Cache-Control', 'no-store')
        return self._events.follow(bottle.request.get_header('Last-Event-ID') or '')


def read_file(name: str) -> bytes:
    """Return a file of the page, and set the response's headers for it."""
    bottle.response.content_type = {'html': 'text/html', 'css': 'text/css', 'js': 'text/javascript'}[name.rpartition('.')[2]] + (
        '; charset=utf-8')
    for header, value in HEADERS.items():
        bottle.response.set_header(header, value)
    return (FOLDER / name).read_bytes()
