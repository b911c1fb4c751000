"""Ports of this machine: which one a container gets, and whether something listens on it."""
from __future__ import annotations

import fcntl
import os
import random
import socket
from functools import cache
from pathlib import Path
from tempfile import gettempdir
from typing import BinaryIO

FIRST_PORT = 9000
LOOPBACK = '127.0.0.1'


# A server chooses its container's port long before the container listens there. Meanwhile it holds a lock on the byte of that
# number in a file that all local XSOARs of a user share, so that another one that starts at the same moment chooses another port.
_taken: set[int] = set()


@cache
def claims() -> BinaryIO:
    """Open the file whose bytes are locked. It stays empty, and open as long as this process lives: closing it ends the locks."""
    return Path(gettempdir(), f'localxsoar-ports-{os.getuid()}').open('ab')


def well_known_free_port() -> int:
    """Return the first port from 9000 to 9099 that can be taken, as a person would choose, or else any other."""
    return next((port for port in range(FIRST_PORT, FIRST_PORT + 100) if take(port)), 0) or any_free_port()


def any_free_port() -> int:
    """Take and return a random free port.

    Higher ports are avoided: the system may give them to an outgoing connection at any moment.
    """
    candidates = (random.randint(10_000, 32_000) for _ in range(1000))
    return next(port for port in candidates if take(port))


def take(port: int) -> bool:
    """Return whether the port is free and no other local XSOAR has chosen it; no other one chooses it until this process ends."""
    if port in _taken or not is_free(port):
        return False
    try:
        fcntl.lockf(claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _taken.add(port)
    return True


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
