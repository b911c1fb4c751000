"""The processes of a container, told by what they were started with. Without /proc only its process group is known."""
from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from localxsoar.ports import accepts_connections

PROC = Path('/proc')
MARK = 'LOCALXSOAR_CONTAINER'
LISTENING = '0A'


def members(mark: str) -> list[Path]:
    """The container's processes, as folders of /proc: whoever carries its mark in the environment, whatever it became."""
    found = []
    for process in PROC.glob('[0-9]*'):
        with suppress(OSError):
            if f'{MARK}={mark}'.encode() in (process / 'environ').read_bytes().split(b'\0'):
                found.append(process)
    return found


def kill_all(mark: str, group: int) -> None:
    """SIGKILL to all that the container started: a container's end is the end of its children."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for process in members(mark):
        with suppress(ProcessLookupError):
            os.kill(int(process.name), signal.SIGKILL)


def listens(mark: str, port: int | None) -> bool:
    """Whether the port accepts connections and the listener is one of the container's processes."""
    if not port or not accepts_connections(port):
        return False
    return not PROC.is_dir() or bool(listeners(port) & {socket for process in members(mark) for socket in sockets(process)})


def listeners(port: int) -> set[str]:
    """The sockets that listen on the port, as /proc/PID/fd names them."""
    found = set()
    for table in ('tcp', 'tcp6'):
        with suppress(OSError):
            for line in (PROC / 'net' / table).read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                if state == LISTENING and int(local.rpartition(':')[2], 16) == port:
                    found.add(f'socket:[{inode}]')
    return found


def sockets(process: Path) -> set[str]:
    found = set()
    with suppress(OSError):
        for descriptor in (process / 'fd').iterdir():
            with suppress(OSError):
                found.add(os.readlink(descriptor))
    return found
