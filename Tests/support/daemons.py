"""Programs that run beside a test until its block ends."""
from __future__ import annotations

import subprocess
import threading

from local_xsoar import wait_for

from shared.processes import beside


class Daemon:
    """A program that runs until the block ends; its output is shown when something fails."""

    def __init__(self, *command: str, data: bytes = b'') -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.running = beside(self.process)
        self.running.__enter__()
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def _read(self) -> None:
        for line in self.process.stdout or []:
            self.lines.append(line.decode(errors='replace').rstrip())

    def line_with(self, text: str) -> str:
        def find() -> str:
            assert self.process.poll() is None, '\n'.join(self.lines)
            return next((line for line in self.lines if text in line), '')

        return str(wait_for(find, f'{text!r} in the output of {self.process.args!r}'))

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.running.__exit__(None, None, None)
        self.reader.join()
        self.process.stdout.close()
        if kind:
            print('\n'.join(self.lines))
