"""Ends processes that would outlive who started them: programs beside a test, and tests beside the command that runs them."""
from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from localxsoar.waiting import PATIENCE_SECONDS

ENDS_WITH = 'ENDS_WITH'
LOOK_SECONDS = 1


def runs(pid: int) -> bool:
    """Return whether the process exists and has not ended: one that has stays as a zombie until its parent asks for it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with suppress(OSError):
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    return True


@contextmanager
def beside(process: subprocess.Popen[Any]) -> Iterator[subprocess.Popen[Any]]:
    """Keep a program running for the length of the block, and no longer, even if this process is killed in it."""
    watcher = subprocess.Popen(['sh', '-c', 'read -r line; kill "$0"', str(process.pid)], stdin=subprocess.PIPE)
    try:
        yield process
    finally:
        watcher.kill()
        watcher.communicate()
        process.terminate()  # and its own children with it
        process.wait(PATIENCE_SECONDS)


def end_with(pid: int | None = None) -> None:
    """End this process when that one ends; without a number, when the one in the environment does, if there is one."""
    watched = pid or int(os.environ.get(ENDS_WITH) or 0)

    def watch() -> None:
        while runs(watched):
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    if watched:
        threading.Thread(target=watch, name='end with', daemon=True).start()
