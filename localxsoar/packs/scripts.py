"""Scripts of a pack, which XSOAR also calls automations: read from a folder, a file or a zip."""
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from localxsoar.packs import pack
from localxsoar.errors import UsageError

FOLDERS = ('Integrations', 'Scripts')  # of a pack: each of their folders has an integration or a script
PYTHON = 'python'
NAME = re.compile(r"""^name: *['"]?(.+?)['"]? *$""", re.MULTILINE)
# An integration without commands, whose instance serves a pack that has scripts alone.
SCRIPTS_ONLY = pack.Integration({'name': 'Scripts', 'script': {'type': PYTHON}}, '', '', '', 'Scripts', pack.UNKNOWN)


@dataclass(frozen=True)
class Script:
    """A script: its descriptor, the files around it by name, and the path that it was read from."""
    descriptor: Mapping[str, Any]
    path: Path
    file: str
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return str(self.descriptor.get('name') or self.descriptor['commonfields'].get('id'))

    @property
    def arguments(self) -> list[dict[str, Any]]:
        return self.descriptor.get('args') or []

    @property
    def language(self) -> str:
        return str(self.descriptor.get('type') or PYTHON)

    def unify(self, common_server_python: Path) -> pack.Unified:
        """Return the text that a container compiles. Raise UsageError if it is missing or not Python."""
        if self.language != PYTHON:
            raise UsageError(f'{self.name} is a script in {self.language}: the local XSOAR runs scripts in Python.')
        text, file = pack.find_script(self.file, self.descriptor['script'], dict(self.files))
        return pack.unify((str(common_server_python), pack.read_text(common_server_python)),
                          *pack.api_modules(self.path, text, set()), (pack.show_file(self.path, file), text))


def load_scripts(path: Path) -> dict[str, Script]:
    """Return the scripts at a path by name: those of the pack that it is or belongs to, or the one script that it is."""
    found = [script for root in {path: None, pack_of(path): None} for script in _scripts(root)]
    return {script.name: script for script in reversed(found)}  # the path itself comes before its pack


def find_script_around(path: Path, name: str) -> Script | None:
    """Return the script in Python with this name in the content repository around a pack, or None."""
    packs = next((folder / 'Packs' for folder in path.resolve().parents if (folder / 'Packs').is_dir()), None)
    found = [script for file in (scripts_around(packs).get(name, []) if packs else []) for script in _scripts(file)]
    return next((script for script in found if script.language == PYTHON), None)


@lru_cache(maxsize=8)  # a repository has thousands of files
def scripts_around(packs: Path) -> dict[str, list[Path]]:
    """Return the descriptors of the scripts in a folder of packs, by the names in them, without reading them as YAML."""
    found: dict[str, list[Path]] = {}
    files = [file for pattern in ('*/Scripts/*.yml', '*/Scripts/*/*.yml') for file in sorted(packs.glob(pattern))]
    for file in filter(Path.is_file, files):
        for name in NAME.findall(file.read_text('utf-8', 'replace')):
            found.setdefault(name, []).append(file)
    return found


def pack_of(path: Path) -> Path:
    """Return the folder of the pack that an integration's or a script's path belongs to, or else the path itself."""
    return next((parent.parent for parent in path.resolve().parents if parent.name in FOLDERS), path)


def _scripts(path: Path) -> list[Script]:
    files = pack.read_files(path)
    wanted = [path.name] if path.suffix == '.yml' else sorted(name for name in files if name.endswith('.yml'))
    descriptors = {name: pack.read_yaml(name, files[name]) for name in wanted}
    return [Script(descriptor, path, name, files) for name, descriptor in descriptors.items() if is_script(descriptor)]


def is_script(descriptor: Any) -> bool:
    """Return whether the content of a .yml describes a script rather than an integration, a playbook or anything else."""
    return isinstance(descriptor, dict) and isinstance(descriptor.get('script'), str) and 'commonfields' in descriptor
