"""The unit tests of packs, run with pytest as their authors run them: in the folder of each script, with `demistomock`."""
from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from localxsoar.errors import UsageError
from localxsoar.packs import pack
from localxsoar.packs.repository import find_common_server_python

ABOVE = Path(__file__).resolve().parents[1]
MOCK = Path(__file__).with_name('mock')
NO_TESTS = 5  # pytest's exit code


def run_unit_tests(packs: Sequence[Path], python: str, common: Path | None) -> int:
    """Run the *_test.py files of packs, those of each folder in a process of its own, and return the first exit code but 0.

    Raise UsageError if there are none.
    """
    for path in packs:
        pack.check_exists(path)
    roots = [(path, path if path.is_dir() else path.parent) for path in packs]
    folders = {file.resolve().parent: path for path, root in roots for file in sorted(root.rglob('*_test.py'))}
    if not folders:
        raise UsageError(f'{", ".join(map(str, packs))}: there are no files *_test.py.')
    codes = [subprocess.call([python, '-m', 'pytest', '--color=auto', str(folder)], cwd=folder,
                             env={**os.environ, 'PYTHONPATH': search_path(path, common)}) for folder, path in folders.items()]
    return next((code for code in codes if code not in (0, NO_TESTS)), 0)


def search_path(path: Path, common: Path | None) -> str:
    """Return where Python looks for what scripts import: CommonServerPython, API modules and demistomock."""
    real = common or find_common_server_python(path)
    around = next((folder / 'Packs' for folder in path.resolve().parents if (folder / 'Packs').is_dir()), None)
    modules = sorted(around.glob('ApiModules/Scripts/*ApiModule')) if around else []
    return os.pathsep.join(map(str, [*([real.resolve().parent] if real else []), MOCK, *modules, ABOVE,
                                     *filter(None, [os.environ.get('PYTHONPATH')])]))
