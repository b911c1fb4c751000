"""Checkouts of this repository whose environments are there already, and programs that stand in for others."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from local_xsoar import ROOT

LINKED = ('dev', 'CHANGELOG.md', 'Packs', 'Tests', 'localxsoar', 'receiver', 'requirements', 'senders', 'shared', 'tools')

# Python without packages, as ./dev finds it: it makes environments with itself in them, in which pip finds all packages but one,
# and has a tox that runs `checks` for all checks and notes the others.
FAKE_PYTHON = """#!/bin/sh
for last; do :; done
case "$*" in
    *sys.executable*) echo "$0" ;;
    '-m venv '*) mkdir -p "$last/bin" && cp "$0" "$last/bin/python" ;;
    '-m pip install '*) ! grep no-such-package "$last" ;;
    '-m pip wheel '*) touch dist/localxsoar-1.0-py3-none-any.whl ;;
    '-m tox run-parallel '*) exec checks ;;
    '-m tox '*"$FAILING"*) exit 1 ;;
    '-m tox '*) echo "$*" >>"$CALLS" ;;
    *) exec {python} "$@" ;;
esac
"""


def run(*command: Any, folder: Any = ROOT, data: str | None = None, without: Any = (),
        **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its result, with this environment without these variables, and with others."""
    given = {name: value for name, value in os.environ.items() if name not in without} | environment
    return subprocess.run([*map(str, command)], cwd=folder, env=given, input=data, capture_output=True, text=True, check=False)


def executable(file: Path, text: str) -> Path:
    """Write a script that can be run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, 'utf-8')
    file.chmod(0o755)
    return file


def checkout(folder: Path, **environments: str) -> Path:
    """Return a checkout that has environments, each with the name of its requirements. Its tox prints what it is asked for."""
    folder.mkdir(exist_ok=True)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    for name, requirements in environments.items():
        place = folder / ('.venv' if name == 'venv' else f'.tox/{name}')
        executable(place / 'bin/python', f'#!/bin/sh\n[ "$2" = tox ] && shift 2 && exec echo "$@"\nexec {sys.executable} "$@"\n')
        (place / 'installed.txt').symlink_to(ROOT / f'requirements/{requirements}.txt')
    return folder
