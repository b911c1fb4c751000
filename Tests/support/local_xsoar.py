"""The local XSOAR for this repository's tests, as its pytest plugin has it."""
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from localxsoar.pytest_plugin import ENVIRONMENT, LocalXsoar
from localxsoar.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
PATH = f'{os.environ.get("PATH", "")}:/usr/sbin:/sbin'  # Debian's daemons are not on everybody's path

__all__ = ['PATH', 'ROOT', 'LocalXsoar', 'leave_out', 'needs', 'run_local_xsoar', 'wait_for']


def needs(program: str, *other_names: str) -> str:
    """Where this program is; where it is not installed, the test is left out by its name."""
    found = next(filter(None, (shutil.which(name, path=PATH) for name in (program, *other_names))), '')
    return found or leave_out(f'{program} is not installed; Debian: apt-get install {program}')


def leave_out(reason: str) -> NoReturn:
    """Skip the test that runs; fail it where every program has to be there, as in continuous integration."""
    if os.environ.get('HAS_ALL_PROGRAMS'):
        pytest.fail(reason)
    pytest.skip(reason)


def run_local_xsoar(*arguments: str, seconds: float = 60, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Runs `python -m localxsoar ARGUMENTS...` to its end, as for --test, --samples and errors."""
    return subprocess.run([python, '-m', 'localxsoar', *arguments], text=True, encoding='utf-8', capture_output=True,
                          timeout=seconds, env=ENVIRONMENT, stdin=subprocess.DEVNULL, check=False)
