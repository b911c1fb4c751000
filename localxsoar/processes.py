"""The processes of a container, recognized by a mark in their environment.

Without /proc, as on macOS, only the container's process group is known.
"""
from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from localxsoar.ports import accepts_connections

PROC = Path('/proc')
MARK = 'LOCALXSOAR_CONTAINER'
LISTENING = '0A'  # a socket's state in /proc/net/tcp


def members(mark: str) -> list[Path]:
    """Return the folders in /proc of every process with the container's mark, also those in another process group."""
    found = []
    for process in PROC.glob('[0-9]*'):
        with suppress(OSError):
            if f'{MARK}={mark}'.encode() in (process / 'environ').read_bytes().split(b'\0'):
                found.append(process)
    return found


def kill_all(mark: str, group: int) -> None:
    """Send SIGKILL to every process of a container, for the end of a container ends its children."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for process in members(mark):
        with suppress(ProcessLookupError):
            os.kill(int(process.name), signal.SIGKILL)


def listens(mark: str, port: int | None) -> bool:
    """Return whether one of the container's processes listens on the port and accepts connections."""
    if not port or not accepts_connections(port):
        return False
    return not PROC.is_dir() or bool(listeners(port) & {socket for process in members(mark) for socket in sockets(process)})


def listeners(port: int) -> set[str]:
    """Return the names, as in /proc/PID/fd, of the sockets that listen on the port."""
    found = set()
    for table in ('tcp', 'tcp6'):
        with suppress(OSError):
            for row in (PROC / 'net' / table).read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = row.split()[:10]
                if state == LISTENING and int(local.rpartition(':')[2], 16) == port:
                    found.add(f'socket:[{inode}]')
    return found


def sockets(process: Path) -> set[str]:
    """Return the names of the files and sockets that a process has open."""
    found = set()
    with suppress(OSError):
        for descriptor in (process / 'fd').iterdir():
            with suppress(OSError):
                found.add(os.readlink(descriptor))
    return found
