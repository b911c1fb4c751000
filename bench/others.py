"""What the webhook is measured beside: the baseline, and bottle on gevent alone."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from localxsoar.containers.ports import any_free_port
from shared.processes import beside
from shared.side import wait_for_port

BASELINE = Path(__file__).with_name('baseline.py')
BARE = Path(__file__).with_name('bare.py')
BARE_LINE = Path(__file__).with_name('bare_line.py')


class Bare:
    """bottle on gevent alone."""

    def __init__(self) -> None:
        port = any_free_port()
        self.url = f'http://127.0.0.1:{port}/'
        self.process = subprocess.Popen([sys.executable, str(BARE), str(port)])
        self.running = beside(self.process)
        self.running.__enter__()
        wait_for_port(port)

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, *exception: object) -> None:
        self.running.__exit__(None, None, None)
