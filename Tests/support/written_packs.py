"""Integrations and scripts of a few lines, which tests write for the local XSOAR to run."""

from pathlib import Path
from typing import Any

import yaml


def write_integration(folder: Path, name: str, text: str, configuration: Any = (), **script: Any) -> Path:
    """Write an integration into a folder, and return that. `script` has what the descriptor says of the script."""
    described = {'type': 'python', 'script': '-', 'commands': [], **script}
    return write_item(folder, name, text, configuration=[*configuration], script=described)


def write_script(pack: Path, name: str, text: str, **descriptor: Any) -> None:
    """Write a script into a pack."""
    write_item(pack / 'Scripts' / name, name, text, **{'script': '-', 'type': 'python', **descriptor})


def write_item(folder: Path, name: str, text: str, **descriptor: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f'{name}.yml').write_text(yaml.safe_dump({'commonfields': {'id': name, 'version': -1}, 'name': name, **descriptor}))
    (folder / f'{name}.py').write_text('import demistomock as demisto\nfrom CommonServerPython import *\n' + text)
    return folder
