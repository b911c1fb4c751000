"""A line and a Listener in this process (the fixtures `own_line` and `server` of Tests/conftest.py), and senders to it."""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import clocks
import demistomock
import gevent
from clocks import PATIENCE_SECONDS
from gevent import socket
from GenericWebhook import HTTP_LIMITS, REQUEST, HttpLimits, Listener, Request, ServerLine, Settings, Tokens
from senders_at_once import AUTHORIZED
from shared.app import app_of, forgetful_line
from shared.webhook import TOKEN, Answer, read_answers, read_to_end, request_bytes


@contextmanager
def running_line(read_context: Callable[[], Any] = dict, **options: float) -> Iterator[ServerLine]:
    """Yield a line that has begun to read what the container before it has saved, and end it."""
    demistomock.reset()
    demistomock.declare(getIntegrationContext=read_context)
    line = ServerLine(**options)
    try:
        clocks.until(lambda: demistomock.calls_of('getIntegrationContext'))
        yield line
    finally:
        line.cut()
        gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
        demistomock.reset()


def have_turn(line: ServerLine) -> None:
    """Wait until the line has sent a line of the log, and so all that is due before it."""
    before = len(demistomock.calls_of('info'))
    line.log('info', 'what is due has its turn before this line')
    clocks.until(lambda: len(demistomock.calls_of('info')) > before)


def hold_calls() -> threading.Event:
    """Let calls of createIncidents wait until the event that is returned is set, and then create what they hold."""
    def create(incidents: list[dict[str, Any]], *_: object) -> list[dict[str, Any]]:
        assert may_return.wait(PATIENCE_SECONDS)
        return [{'id': '17', **incident} for incident in incidents]

    may_return = threading.Event()
    demistomock.declare(createIncidents=create)
    return may_return


def listener(limits: HttpLimits = HTTP_LIMITS, line: ServerLine | None = None, port: int = 0) -> Listener:
    return Listener(app_of(Settings(port, Tokens(TOKEN), None), line or forgetful_line()), limits)


@contextmanager
def server_with(limits: HttpLimits = HTTP_LIMITS, application: Any = None, most_connections: int = 100) -> Iterator[Listener]:
    with closing(listener(limits)) as server:
        server.application = application or server.application
        server.most_connections = most_connections
        server.start()
        yield server


def responding(act: Callable[[Request], object], content: bytes = b'') -> Any:
    """Return an application that does something with each request, and then responds to it."""
    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        act(environ[REQUEST])
        start_response('200 OK', [])
        return [content]
    return application


def connect(server: Listener) -> Any:
    return socket.create_connection(('127.0.0.1', server.server_port or 0), timeout=PATIENCE_SECONDS)


def ask(server: Listener, body: bytes = b'{}', query: str = '', method: str = 'POST', **headers: str) -> Answer:
    """Return the answer to a request with the token, on a connection of its own."""
    with closing(connect(server)) as sender:
        named = {**AUTHORIZED, 'Connection': 'close', **headers}
        sender.sendall(request_bytes(f'http://x/{query}', body, named, method))
        [answer] = read_answers(read_to_end(sender), method)
    return answer


def post_and_leave(server: Listener, body: bytes, condition: Callable[[], Any], **headers: str) -> None:
    """Send a POST, and disconnect as soon as the condition is true."""
    with closing(connect(server)) as sender:
        sender.sendall(request_bytes('http://x/', body, {**AUTHORIZED, **headers}))
        clocks.until(condition)
    clocks.until(lambda: not any(server.connections.values()))
