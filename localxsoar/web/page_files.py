"""The files of the page, and the stream of events that keeps it up to date."""
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import bottle

from localxsoar.events import Events
from localxsoar.server.server import Server

FOLDER = Path(__file__).with_name('page')
TYPES = {'.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript'}
FILES = sorted(file.name for file in FOLDER.iterdir() if file.suffix in ('.css', '.js'))
# The page shows texts of unauthenticated senders: even if one became markup, it could load and run nothing.
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
          "form-action 'self'; frame-ancestors 'none'")
HEADERS = {'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer'}
# A browser keeps the dozens of modules: whenever one changes, all of them have another address.
KEPT, NOT_KEPT = 'private, max-age=31536000, immutable', 'no-store'


class PageFiles:
    """The routes of the page's files and of its events. It opens with deliveries if an instance of the server can have some."""

    def __init__(self, server: Server, events: Events) -> None:
        self._server = server
        self._events = events

    def routes(self, api: bottle.Bottle) -> None:
        api.route('/', 'GET', self._read_index)
        api.route('/page/<version>/<name>', 'GET', lambda version, name: read_file(name))
        api.route('/favicon.ico', 'GET', lambda: bottle.HTTPResponse(status=204))
        api.route('/localxsoar/events', 'GET', self._follow)

    def _read_index(self) -> str:
        has_port = any(instance.integration.has_port for instance in self._server.instances.values())
        return read_index('deliveries' if has_port else 'commands')

    def _follow(self) -> Iterable[bytes]:
        """Return the stream of events, after the last one that a reconnecting page has seen."""
        bottle.response.content_type = 'text/event-stream'
        bottle.response.set_header('Cache-Control', 'no-store')
        return self._events.follow(bottle.request.get_header('Last-Event-ID') or '')


def read_index(view: str) -> str:
    """Return the page with the view that it opens with.

    It names all its modules: a browser that found one in the other would ask for them one by one.
    """
    folder = f'/page/{version()}'
    modules = ''.join(f'<link rel="modulepreload" href="{folder}/{name}">\n' for name in FILES if name.endswith('.js'))
    set_headers('index.html', NOT_KEPT)
    text = (FOLDER / 'index.html').read_text('utf-8').replace('</head>', f'{modules}</head>').replace('HOME', view)
    return text.replace('href="style.css"', f'href="{folder}/style.css"').replace('src="script.js"', f'src="{folder}/script.js"')


def version() -> str:
    """Return what is another text as soon as a file of the page has changed."""
    facts = [(name, (FOLDER / name).stat().st_mtime_ns, (FOLDER / name).stat().st_size) for name in FILES]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def read_file(name: str) -> bytes:
    """Return a file that the page loads."""
    if name not in FILES:
        raise bottle.HTTPError(404, 'The page has no such file.')
    set_headers(name, KEPT)
    return (FOLDER / name).read_bytes()


def set_headers(name: str, caching: str) -> None:
    bottle.response.content_type = f'{TYPES[Path(name).suffix]}; charset=utf-8'
    for header, value in {**HEADERS, 'Cache-Control': caching}.items():
        bottle.response.set_header(header, value)
