"""The processes of a container, recognized by its session or by a mark in their environment, and the ports that they open.

Without /proc, as on macOS, only the container's process group is known.
"""
from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from localxsoar.containers.ports import LOOPBACK, accepts_connections

PROC = Path('/proc')
MARK = 'LOCALXSOAR_CONTAINER'
# Tables in /proc/net, each with the state of a socket that waits for others: it listens, or is connected to nobody.
TCP = (('tcp', '0A'), ('tcp6', '0A'))
UDP = (('udp', '07'), ('udp6', '07'))


def table_address(host: str, family: socket.AddressFamily = socket.AF_INET) -> str:
    """Return an address as the tables in /proc/net have it: each 4 bytes as a hexadecimal number of the machine."""
    packed = socket.inet_pton(family, host)
    return ''.join(f'{int.from_bytes(packed[n:n + 4], sys.byteorder):08X}' for n in range(0, len(packed), 4))


WILDCARDS = {table_address('0.0.0.0'): '0.0.0.0', table_address('::', socket.AF_INET6): '::'}
# Addresses that a connection to 127.0.0.1 reaches.
REACHABLE = {*WILDCARDS, table_address(LOOPBACK), table_address(f'::ffff:{LOOPBACK}', socket.AF_INET6)}


def members(mark: str, session: int) -> list[Path]:
    """Return the folders in /proc of every process of a container.

    A process may have left the container's session, or overwritten its environment, as nginx does; hardly one does both.
    """
    found = []
    for process in PROC.glob('[0-9]*'):
        with suppress(OSError, ValueError):
            if f'{MARK}={mark}'.encode() in (process / 'environ').read_bytes().split(b'\0') or session == session_of(process):
                found.append(process)
    return found


def session_of(process: Path) -> int:
    """Return the session of a process: the fourth field after its name, which may contain spaces and brackets."""
    return int((process / 'stat').read_text().rpartition(')')[2].split()[3])


def kill_all(mark: str, group: int) -> None:
    """Send SIGKILL to every process of a container, because its end ends its children."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    for process in members(mark, group):
        with suppress(ProcessLookupError):
            os.kill(int(process.name), signal.SIGKILL)


def listens(mark: str, session: int, port: int | None) -> bool:
    """Return whether one of the container's processes listens on the port. It sees no connection, where /proc says so."""
    if not PROC.is_dir():
        return bool(port) and accepts_connections(port)
    # Most often nobody listens yet: then the processes need not be read.
    found = {inode for _, address, number, inode in open_sockets(TCP) if number == port and address in REACHABLE}
    return bool(found) and bool(found & sockets_of(mark, session))


def open_to_all(mark: str, session: int) -> list[str]:
    """Return the addresses of this machine's network that the container has opened, such as `0.0.0.0:9000`."""
    candidates = [(f'{WILDCARDS[address]}:{number} ({kind})', inode) for kind, address, number, inode in open_sockets(TCP + UDP)
                  if address in WILDCARDS]
    own = sockets_of(mark, session) if candidates else set()
    return [text for text, inode in candidates if inode in own]


def open_sockets(tables: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, int, str]]:
    """Yield the protocol, the address, the port and the name, as in /proc/PID/fd, of each socket that waits for others."""
    for table, state in tables:
        with suppress(OSError):
            rows = (PROC / 'net' / table).read_text().splitlines()
            for row in (each for each in rows if f' {state} ' in each):  # thousands may be in other states
                _, local, _, found, *_, inode = row.split()[:10]
                address, _, port = local.rpartition(':')
                if found == state:
                    yield table[:3], address, int(port, 16), f'socket:[{inode}]'


def sockets_of(mark: str, session: int) -> set[str]:
    """Return the names of all files and sockets that a container has open."""
    return {name for process in members(mark, session) for name in sockets(process)}


def sockets(process: Path) -> set[str]:
    """Return the names of the files and sockets that a process has open."""
    found = set()
    with suppress(OSError):
        for descriptor in (process / 'fd').iterdir():
            with suppress(OSError):
                found.add(os.readlink(descriptor))
    return found
