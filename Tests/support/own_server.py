"""Senders to a Listener in this process: the fixture `server` of Tests/conftest.py."""
from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import clocks
from clocks import PATIENCE_SECONDS
from gevent import socket
from GenericWebhook import Listener
from senders_at_once import AUTHORIZED
from shared.webhook import request_bytes


def connect(server: Listener) -> Any:
    return socket.create_connection(('127.0.0.1', server.server_port or 0), timeout=PATIENCE_SECONDS)


def post_and_leave(server: Listener, body: bytes, condition: Callable[[], Any], **headers: str) -> None:
    """Send a POST, and disconnect as soon as the condition is true."""
    with closing(connect(server)) as sender:
        sender.sendall(request_bytes('http://x/', body, {**AUTHORIZED, **headers}))
        clocks.until(condition)
    clocks.until(lambda: not any(server.connections.values()))
