"""The local XSOAR for this repository's tests, as its pytest plugin has it."""
from pathlib import Path

from localxsoar.pytest_plugin import LocalXsoar, run_local_xsoar, wait_for

ROOT = Path(__file__).resolve().parents[1]

__all__ = ['ROOT', 'LocalXsoar', 'run_local_xsoar', 'wait_for']
