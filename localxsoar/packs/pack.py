"""Packs, read as the server reads them: the integration's descriptor, its parameters and its unified script."""
from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from localxsoar.errors import UsageError
from localxsoar.packs.repository import IN_REPOSITORY, find_in_repository

CARRIED_COMMON_SERVER_PYTHON = Path(__file__).parents[1] / 'common' / 'CommonServerPython.py'
UNKNOWN = 'unknown'
SAFE_LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)  # the one in C is ten times as quick; not every PyYAML has it
PORT_PARAMETER = 'longRunningPort'
OTHER_LANGUAGES = {'javascript': 'JavaScript', 'powershell': 'PowerShell'}
FOLDER_PATTERNS = ('*.yml', '*.py', '*.json', 'Integrations/*.yml', 'Integrations/*/*.yml', 'Integrations/*/*.py',
                   'Scripts/*.yml', 'Scripts/*/*.yml', 'Scripts/*/*.py')
# The row that the server adds to the form of a descriptor with `longRunningPort: true`.
PORT_ROW = {'name': PORT_PARAMETER, 'display': 'Listen Port', 'type': 0, 'required': True}
# Imports that the server removes, because it puts the text of these modules before the script. A `from __future__` import,
# which is valid at the top of a file only, goes with them.
SERVER_IMPORTS = re.compile(r'''
    ^ ([ \t]*)                     # the indentation: an import becomes `pass`, also inside a block
    (?: import[ ]demistomock[ ]as[ ]demisto
      | from[ ]CommonServer(?:User)?Python[ ]import[ ]\*
      | from[ ]\w+ApiModule[ ]import[ ]\*
      | from[ ]localxsoar\.common\.\w+[ ]import[ ][^(\n]*?
      | from[ ]__future__[ ]import[ ][^(\n]*? )
    [ \t]* (?:[\#;].*)? $''', re.MULTILINE | re.VERBOSE)
# Where CommonServerPython sends events. The local XSOAR takes them by plain HTTP at its own address, which has no such name.
XSIAM = re.compile(r'https://api-(?=\{xsiam_domain\})')
API_MODULE = re.compile(r'^from (\w+ApiModule) import \*', re.MULTILINE)
# The carried CommonServerPython names its parts, in their order, by these imports.
CARRIED_PART = re.compile(r'^from localxsoar\.common\.(\w+) import \*', re.MULTILINE)
TRACEBACK_LINE = re.compile(r'File "<string>", line (\d+)(, in .*)?')


@dataclass(frozen=True)
class Integration:
    """An integration of a pack. `modules` are the files and texts of the API modules that its script imports."""
    descriptor: dict[str, Any]
    script: str
    source: str
    script_file: str
    pack_name: str
    pack_version: str
    modules: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Return the integration's id, which is also the brand of its incidents."""
        return str((self.descriptor.get('commonfields') or {}).get('id') or self.descriptor.get('name') or '')

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """Return the rows of the instance's form, with the row for the port that the server adds."""
        rows = list(self.descriptor.get('configuration') or [])
        if self.has_port and not any(row.get('name') == PORT_PARAMETER for row in rows):
            rows.insert(0, dict(PORT_ROW))
        return rows

    @property
    def has_port(self) -> bool:
        return bool(self.descriptor['script'].get('longRunningPort'))

    @property
    def creates_incidents(self) -> bool:
        """Return whether what is posted to its port may become an incident: other integrations serve lists or pages there."""
        return self.has_port and 'createIncidents' in self.script

    @property
    def is_long_running(self) -> bool:
        return bool(self.descriptor['script'].get('longRunning'))

    @property
    def commands(self) -> dict[str, list[dict[str, Any]]]:
        """Return the arguments of each command that the descriptor declares."""
        return {str(row['name']): row.get('arguments') or [] for row in self.descriptor['script'].get('commands') or []}


def load_integration(path: Path, name: str = '') -> Integration:
    """Return the integration in a folder of a pack or an integration, a unified .yml, or a .zip of the SDK.

    If there are several, choose the one with this name, or else the long-running one. Raise UsageError if this does not
    leave exactly one.
    """
    check_exists(path)
    found = load_integrations(path)
    chosen = [item for item in found if item.name == name] or [item for item in found if item.is_long_running] or found
    if not chosen:
        raise UsageError(_reason_for_none(path))
    if len(chosen) > 1:
        names = ', '.join(item.name for item in chosen)
        raise UsageError(f'{path} has several integrations. Choose with --integration NAME: {names}.')
    return chosen[0]


def check_exists(path: Path) -> None:
    if not path.exists():
        raise UsageError(f'There is no pack at {path}.')


def _reason_for_none(path: Path) -> str:
    """Return why a path has no integration that can run here: it may have a script, or another language."""
    for name, data in sorted(read_files(path).items()):
        content = read_yaml(name, data) if name.endswith('.yml') else None
        if not isinstance(content, dict) or 'commonfields' not in content or 'script' not in content:
            continue
        script = content['script']
        is_integration = isinstance(script, dict)
        language = str((script if is_integration else content).get('type'))
        if language in OTHER_LANGUAGES:
            return f'{name} is written in {OTHER_LANGUAGES[language]}. The local XSOAR runs Python 3 only.'
        if not is_integration:
            return f"{name} is a script, not an integration. Run it with --command {content.get('name')}."
    return f'{path} has no integration (a .yml with commonfields and script).'


def load_integrations(path: Path) -> list[Integration]:
    """Return all integrations at a path, none if it has only scripts."""
    files = read_files(path)
    names = [path.name] if path.suffix == '.yml' else sorted(name for name in files if name.endswith('.yml'))
    descriptors = {name: _read_descriptor(name, files[name]) for name in names}
    return [_build(path, name, descriptor, files) for name, descriptor in descriptors.items() if descriptor]


def read_files(path: Path) -> dict[str, bytes]:
    """Return the files of a pack by their path inside it."""
    if path.suffix == '.zip':
        return dict(_zip_files(path.read_bytes(), path.name))
    if path.is_file() and path.suffix != '.yml':
        raise UsageError(f'{path} is not a pack: expected a folder, a unified .yml or a .zip.')
    root = path if path.is_dir() else path.parent
    files = {file.relative_to(root).as_posix(): file.read_bytes() for file in pack_files(path)}
    # An integration's own folder is Packs/X/Integrations/Y: the pack's metadata is two levels higher.
    if 'pack_metadata.json' not in files and len(root.resolve().parents) > 1:
        metadata = root.resolve().parents[1] / 'pack_metadata.json'
        if metadata.is_file():
            files['pack_metadata.json'] = metadata.read_bytes()
    return files


def pack_files(path: Path) -> list[Path]:
    """Return the files that belong to the path of a pack, an integration or a descriptor."""
    if path.suffix == '.zip':
        return [path]
    root = path if path.is_dir() else path.parent
    return sorted({file for pattern in FOLDER_PATTERNS for file in root.glob(pattern) if file.is_file()})


def _zip_files(data: bytes, label: str) -> Iterator[tuple[str, bytes]]:
    """Yield the path and content of every file in a zip, and in the zips inside it."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile:
        raise UsageError(f'{label} is not a zip file.') from None
    for name in archive.namelist():
        if name.endswith('.zip'):
            yield from ((f'{name}/{inner}', content) for inner, content in _zip_files(archive.read(name), name))
        elif name.endswith(('.yml', '.py', '.json')):
            yield name, archive.read(name)


def _read_descriptor(name: str, data: bytes) -> dict[str, Any] | None:
    """Return the descriptor in a .yml file, or None if the file describes something that does not run here."""
    content = read_yaml(name, data)
    is_integration = isinstance(content, dict) and isinstance(content.get('script'), dict) and 'commonfields' in content
    return content if is_integration and content['script'].get('type') not in OTHER_LANGUAGES else None


@lru_cache(maxsize=256)  # reading takes long, and a file may be an integration's or a script's
def read_yaml(name: str, data: bytes) -> Any:
    try:
        return yaml.load(data, SAFE_LOADER)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f'{name} is not YAML: {" ".join(str(error).split())}') from None


def _build(path: Path, name: str, descriptor: dict[str, Any], files: dict[str, bytes]) -> Integration:
    """Return the integration of one descriptor, which is the file `name` of the pack at `path`."""
    metadata = _pack_metadata(name, files)
    integration = str((descriptor.get('commonfields') or {}).get('id') or PurePosixPath(name).stem)
    script, file = find_script(name, descriptor['script'].get('script'), files)
    return Integration(descriptor, script, f'{path}/{name}' if path.is_dir() else str(path), show_file(path, file),
                       str(metadata.get('name') or integration), str(metadata.get('currentVersion') or UNKNOWN),
                       tuple(api_modules(path, script, set())))


def show_file(path: Path, name: str) -> str:
    """Return the name of a file of the pack at `path` for messages. A file inside a zip is shown after a colon."""
    if path.is_dir():
        return f'{path}/{name}'
    return f'{path.parent}/{name}' if path.suffix == '.yml' else f'{path}:{name}'


def api_modules(path: Path, script: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the file and text of each API module that the script imports, once, after the modules that it needs itself."""
    for name in API_MODULE.findall(script):
        if name not in seen:
            seen.add(name)
            module_path = IN_REPOSITORY.format('ApiModules', name, name)
            file = find_in_repository(path, module_path)
            if not file:
                raise UsageError(f'{path} imports {name}, but no folder above it has {module_path}. '
                                 'demisto-sdk prepare-content inserts it into the script.')
            text = file.read_text('utf-8')
            yield from api_modules(path, text, seen)
            yield str(file), text


def read_text(file: Path) -> str:
    try:
        return file.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f'{file} cannot be read: {error}') from None


def _pack_metadata(name: str, files: dict[str, bytes]) -> dict[str, Any]:
    """Return the metadata of the pack that a file belongs to, or {}."""
    for folder in PurePosixPath(name).parents:
        for file in ('metadata.json', 'pack_metadata.json'):
            data = files.get((folder / file).as_posix())
            if data:
                metadata: dict[str, Any] = json.loads(data)
                return metadata
    return {}


def find_script(name: str, unified: Any, files: dict[str, bytes]) -> tuple[str, str]:
    """Return a script's text, which is in its descriptor or beside it, and its file. Raise UsageError if there is none."""
    if unified and str(unified).strip() != '-':  # the SDK writes `-` for a script in a file beside the descriptor
        return str(unified), name
    beside = PurePosixPath(name).with_suffix('.py').as_posix()
    if beside not in files:
        raise UsageError(f'{name} has no script: neither script.script in it nor {beside}.')
    return files[beside].decode(), beside


@dataclass(frozen=True)
class Unified:
    """The text that the container compiles. `files` has, for each file in it, the number of its first line and its name."""
    text: str
    files: tuple[tuple[int, str], ...]

    def locate(self, text: str) -> str:
        """Return a text in which tracebacks name the lines of the original files rather than of the unified text."""
        return TRACEBACK_LINE.sub(self._own_frame, text)

    def _own_frame(self, match: re.Match[str]) -> str:
        number, function = int(match[1]), match[2]  # a SyntaxError names no function, and shows its code itself
        first, file = max((start for start in self.files if start[0] <= number), default=(1, '<string>'))
        code = self.text.split('\n')[number - 1].strip() if function else ''
        return f'File "{file}", line {number - first + 1}{function or ""}' + (f'\n    {code}' if code else '')


def _with_carried_parts(parts: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the files and texts, and before a text the parts of the carried CommonServerPython that it names."""
    for file, text in parts:
        for name in CARRIED_PART.findall(text):
            part = CARRIED_COMMON_SERVER_PYTHON.with_name(f'{name}.py')
            yield str(part), part.read_text('utf-8')
        yield file, text


def unify(*parts: tuple[str, str]) -> Unified:
    """Return one text made of files and their texts, without the imports that refer to one another."""
    texts, files, first_number = [], [], 1
    for file, text in _with_carried_parts(parts):
        files.append((first_number, file))
        own = SERVER_IMPORTS.sub(r'\1pass', text)  # a line of its own, which coverage sees
        texts.append(XSIAM.sub('http://', own) + '\n')
        first_number += texts[-1].count('\n')
    return Unified(''.join(texts), tuple(files))
