"""The local XSOAR for this repository's tests, as its pytest plugin has it."""
import subprocess
import sys
from pathlib import Path

from localxsoar.pytest_plugin import ENVIRONMENT, LocalXsoar
from localxsoar.waiting import wait_for

ROOT = Path(__file__).resolve().parents[1]

__all__ = ['ROOT', 'LocalXsoar', 'run_local_xsoar', 'wait_for']


def run_local_xsoar(*arguments: str, seconds: float = 60, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Runs `python -m localxsoar ARGUMENTS...` to its end, as for --test, --samples and errors."""
    return subprocess.run([python, '-m', 'localxsoar', *arguments], text=True, encoding='utf-8', capture_output=True,
                          timeout=seconds, env=ENVIRONMENT, stdin=subprocess.DEVNULL, check=False)
