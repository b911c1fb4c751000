"""The HTTP front: the forwarding, the XSOAR API for incidents, and the controls for tests, on bottle and gevent."""
from __future__ import annotations

import hmac
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import bottle
import gevent
from gevent import pywsgi

from localxsoar.errors import UsageError
from localxsoar.forward import PREFIX, Forwarder, SenderGone
from localxsoar.instance import CommandFailed, Instance

STOP_SECONDS = 1
LOOK_SECONDS = 0.1
BODY_BYTES_IN_MEMORY = 10 * 1024 * 1024


class Handler(pywsgi.WSGIHandler):
    """Hands the application the request as it came: the target not unquoted, the headers not renamed."""

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ['localxsoar.target'] = self.path
        environ['localxsoar.headers'] = list(self.headers.items())
        environ['localxsoar.socket'] = self.socket
        return environ


@contextmanager
def watched(sender: Any) -> Iterator[None]:
    """Raises SenderGone within once the sender has left, so that the container's connection ends as well.

    Real servers in Go do so, and like them this one takes a sender that closed its own half for one that left.
    """
    def look(greenlet: Any) -> None:
        if has_left(sender):
            gevent.kill(greenlet, SenderGone('The sender has left.'))

    timer = gevent.get_hub().loop.timer(LOOK_SECONDS, LOOK_SECONDS)
    timer.start(look, gevent.getcurrent())
    try:
        yield
    finally:
        timer.close()


def has_left(sock: Any) -> bool:
    """Whether nothing more can come from the sender, and all that came was read."""
    timeout = sock.gettimeout()
    sock.settimeout(0)
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        sock.settimeout(timeout)


class HttpServer(pywsgi.WSGIServer):
    """gevent's server with TCP_NODELAY on every connection: a small answer leaves at once."""

    def handle(self, sock: Any, address: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().handle(sock, address)


class Front:
    """The server's HTTP side for one instance. Listens from `start` to `stop`."""

    def __init__(self, instance: Instance, settings: dict[str, str], host: str, port: int, api_key: str | None = None) -> None:
        self._instance = instance
        self._api_key = api_key
        self._forwarder = Forwarder({instance.name: lambda: instance.port}, settings)
        self._api = self._build_api()
        self._server = HttpServer((host, port), self._serve, handler_class=Handler, log=None)

    def start(self) -> int:
        """Listens, and returns the port; OSError when it is in use."""
        self._server.start()
        return int(self._server.server_port or 0)

    def stop(self) -> None:
        self._server.stop(STOP_SECONDS)

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not environ['localxsoar.target'].startswith(PREFIX):
            return self._api(environ, start_response)  # type: ignore[no-any-return]
        with watched(environ['localxsoar.socket']):
            return self._forwarder(environ, start_response)

    def _build_api(self) -> bottle.Bottle:
        api = bottle.Bottle()
        api.default_error_handler = say_error
        for method, path, handler in (
            ('POST', '/incidents/search', self._search),
            ('GET', '/localxsoar/state', self._instance.state),
            ('GET', '/localxsoar/incidents', lambda: as_json(self._instance.store.sent())),
            ('GET', '/localxsoar/samples', self._samples),
            ('GET', '/localxsoar/faults', self._instance.faults.as_dict),
            ('PATCH', '/localxsoar/faults', self._change_faults),
            ('POST', '/localxsoar/cut', self._cut),
            ('POST', '/localxsoar/stop-container', self._stop_container),
        ):
            api.route(path, method, handler)
        return api

    # The XSOAR API.

    def _search(self) -> dict[str, Any]:
        self._check_api_key()
        try:
            incidents, total = self._instance.store.search(read_object().get('filter') or {})
        except (AttributeError, TypeError, ValueError) as error:
            raise bottle.HTTPError(400, str(error)) from None
        return {'total': total, 'data': incidents, 'notUpdated': 0}

    def _check_api_key(self) -> None:
        given = bottle.request.get_header('Authorization') or ''
        if self._api_key is not None and not hmac.compare_digest(given.encode(), self._api_key.encode()):
            raise bottle.HTTPError(401, 'The API key in the Authorization header is not the one of --api-key.')

    # Controls for tests.

    def _samples(self) -> str:
        try:
            return as_json(self._instance.fetch_samples())
        except CommandFailed as error:
            raise bottle.HTTPError(500, str(error)) from None

    def _change_faults(self) -> dict[str, Any]:
        try:
            self._instance.faults.change(read_object())
        except UsageError as error:
            raise bottle.HTTPError(400, str(error)) from None
        return self._instance.faults.as_dict()

    def _cut(self) -> dict[str, Any]:
        self._instance.cut_line()
        return {}

    def _stop_container(self) -> dict[str, Any]:
        self._instance.terminate_container()
        return {}


def read_object() -> dict[str, Any]:
    """The JSON object in the request's body; 400 for anything else."""
    try:
        content = json.loads(bottle.request.environ['wsgi.input'].read(BODY_BYTES_IN_MEMORY) or b'{}')
    except ValueError as error:
        raise bottle.HTTPError(400, f'The body is no JSON: {error}') from None
    if not isinstance(content, dict):
        raise bottle.HTTPError(400, 'The body is no JSON object.')
    return content


def as_json(value: Any) -> str:
    bottle.response.content_type = 'application/json'
    return json.dumps(value)


def say_error(error: bottle.HTTPError) -> str:
    """An error as the XSOAR API writes it."""
    error.content_type = 'application/json'
    return json.dumps({'status': error.status_code, 'title': error.status_line, 'error': str(error.body)})
