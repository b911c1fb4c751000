"""Ports of this machine: which one a container gets, and whether something listens on it."""
from __future__ import annotations

import random
import socket

FIRST_PORT = 9000
LOOPBACK = '127.0.0.1'


def well_known_free_port() -> int:
    """Return the first free port from 9000 to 9099, as a person would choose, or else any free port."""
    return next((port for port in range(FIRST_PORT, FIRST_PORT + 100) if is_free(port)), 0) or any_free_port()


def any_free_port() -> int:
    """Return a random free port, so that two servers that start at once are unlikely to choose the same.

    Higher ports are avoided: the system may give them to an outgoing connection at any moment.
    """
    candidates = (random.randint(10_000, 32_000) for _ in range(1000))
    return next(port for port in candidates if is_free(port))


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('', port))
        except OSError:
            return False
    return True


def accepts_connections(port: int | None) -> bool:
    """Return whether something listens on the port of this machine."""
    try:
        with socket.create_connection((LOOPBACK, port or 0), timeout=1):
            return True
    except OSError:
        return False
