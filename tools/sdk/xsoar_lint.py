"""Runs the XSOAR linter's pylint plugins at their strictest level, xsoar, on integrations and scripts; any message fails.

`demisto-sdk xsoar-lint` takes the level from the pack's support, and asks Docker for the image's Python first.
"""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from demisto_sdk.commands.common.content_constant_paths import PYTHONPATH_STR
from demisto_sdk.commands.xsoar_linter.xsoar_linter import build_xsoar_linter_command
from ruamel.yaml import YAML


def lint(descriptor: Path) -> bool:
    """Return whether the plugins find nothing wrong with the script of a descriptor."""
    script = YAML(typ='safe').load(descriptor)['script']
    is_script = isinstance(script, str)  # its text, where an integration has an object
    environment = {
        **os.environ,
        'PYTHONPATH': PYTHONPATH_STR,
        'LONGRUNNING': str(not is_script and script.get('longRunning', False)),
        'commands': '' if is_script else ','.join(command['name'] for command in script.get('commands') or ()),
        'is_script': str(is_script),
    }
    options = ['--score=no', '--msg-template={path}:{line}: {msg_id} {obj}: {msg}']
    command = [*build_xsoar_linter_command('xsoar'), *options, str(descriptor.with_suffix('.py'))]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    print(run.stdout, run.stderr, sep='', end='')
    passed = run.returncode == 0 and not run.stdout.strip()
    print(f'XSOAR linter at level xsoar: {descriptor.stem} {"passed" if passed else "FAILED"}')
    return passed


if __name__ == '__main__':
    results = [lint(Path(argument).absolute()) for argument in sys.argv[1:]]
    sys.exit(not all(results))
