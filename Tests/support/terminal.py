"""A program in a real pseudo-terminal of a given width, with what it printed there and the keys that a person presses."""
from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT, wait_for

from localxsoar.pytest_plugin import ENVIRONMENT
from localxsoar.terminal.terminal import width

COLOUR = re.compile(r'\x1b\[[\d;]*m')
CTRL_C = b'\x03'


def open_terminal(columns: int) -> tuple[int, int]:
    """Open a terminal, and return its end for a person, and that for a program."""
    keys, streams = pty.openpty()
    fcntl.ioctl(streams, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    return keys, streams


class InTerminal:
    """A program whose standard streams are one terminal, which is also the one that controls it."""

    def __init__(self, *command: str | Path, columns: int = 80, cwd: Path = ROOT,
                 environment: Mapping[str, str] | None = None) -> None:
        self._command = list(map(str, command))
        self._columns = columns
        self._cwd = cwd
        self._environment = {**ENVIRONMENT, 'TERM': 'xterm-256color', 'NO_COLOR': '', **(environment or {})}
        self.text = ''

    def __enter__(self) -> InTerminal:
        self._keys, streams = open_terminal(self._columns)
        self.process = subprocess.Popen(
            self._command, cwd=self._cwd, env=self._environment, stdin=streams, stdout=streams, stderr=streams,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(streams)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        finally:
            self.process.kill()
            self._reader.join(PATIENCE_SECONDS)
            os.close(self._keys)

    def _read(self) -> None:
        while piece := self._read_piece():
            self.text += piece.decode('utf-8', 'replace')

    def _read_piece(self) -> bytes:
        try:
            return os.read(self._keys, 65536)
        except OSError:  # on Linux: nobody has the terminal open any more
            return b''

    def press(self, keys: bytes) -> None:
        os.write(self._keys, keys)

    def end(self) -> int:
        """Return the exit code once the program has ended by itself and its output is read."""
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        return code

    @property
    def coloured_lines(self) -> list[str]:
        return self.text.replace('\r\n', '\n').splitlines()

    @property
    def lines(self) -> list[str]:
        """The lines as a person reads them, without colours."""
        return [COLOUR.sub('', line) for line in self.coloured_lines]

    def wait_for_line(self, pattern: str) -> str:
        return str(wait_for(lambda: next((line for line in self.lines if re.search(pattern, line)), None), pattern))

    def rows(self, line: str) -> int:
        """How many rows of the terminal a line takes."""
        return max(1, -(-width(line) // self._columns))


def run_in_terminal(*command: Sequence[str] | str | Path, **options: object) -> tuple[int, InTerminal]:
    """Run a program in a terminal to its end. Return its exit code, and the terminal with what it printed."""
    with InTerminal(*command, **options) as terminal:  # type: ignore[arg-type]
        return terminal.end(), terminal
