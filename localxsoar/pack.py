"""A pack as the server takes it in: the integration's descriptor, its instance's parameters, its unified script."""
from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from localxsoar.errors import UsageError
from localxsoar.ports import PORT_PARAMETER

CARRIED_COMMON_SERVER_PYTHON = Path(__file__).with_name('CommonServerPython.py')
UNKNOWN = 'unknown'
FOLDER_PATTERNS = ('*.yml', '*.py', '*.json', 'Integrations/*.yml', 'Integrations/*/*.yml', 'Integrations/*/*.py')
PORT_PARAMETER_ITSELF = {'name': PORT_PARAMETER, 'display': 'Listen Port', 'type': 0, 'required': True}
SERVER_IMPORTS = re.compile(
    r'^([ \t]*)(?:import demistomock as demisto|from CommonServer(?:User)?Python import \*|from \w+ApiModule import \*'
    r'|from __future__ import [^(\n]*?)[ \t]*(?:[#;].*)?$', re.MULTILINE)
API_MODULE = re.compile(r'^from (\w+ApiModule) import \*', re.MULTILINE)
IN_REPOSITORY = 'Packs/{}/Scripts/{}/{}.py'
TRACEBACK_LINE = re.compile(r'File "<string>", line (\d+)(, in .*)?')

ENCRYPTED, BOOLEAN, CREDENTIALS = 4, 8, 9
SECRET_TYPES = (ENCRYPTED, CREDENTIALS, 14)


@dataclass(frozen=True)
class Integration:
    """An integration out of a pack; `modules` are the API modules that its script imports."""
    descriptor: dict[str, Any]
    script: str
    source: str
    script_file: str
    pack_name: str
    pack_version: str
    modules: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The integration's id, which is the brand of its incidents."""
        return str((self.descriptor.get('commonfields') or {}).get('id') or self.descriptor.get('name') or '')

    @property
    def parameters(self) -> list[dict[str, Any]]:
        """The form's rows, with the port's that the server adds to a descriptor that only asks for one."""
        rows = list(self.descriptor.get('configuration') or [])
        if self.has_port and not any(row.get('name') == PORT_PARAMETER for row in rows):
            rows.insert(0, dict(PORT_PARAMETER_ITSELF))
        return rows

    @property
    def has_port(self) -> bool:
        return bool(self.descriptor['script'].get('longRunningPort'))

    @property
    def is_long_running(self) -> bool:
        return bool(self.descriptor['script'].get('longRunning'))

    @property
    def commands(self) -> dict[str, list[dict[str, Any]]]:
        """The commands that the descriptor offers to a War Room, and their arguments."""
        return {str(row['name']): row.get('arguments') or [] for row in self.descriptor['script'].get('commands') or []}


def load_integration(path: Path, name: str = '') -> Integration:
    """The one integration in a pack's folder, an integration's folder, a unified .yml or the SDK's .zip; of several the one
    of this name, else the one that is long-running."""
    if not path.exists():
        raise UsageError(f'There is no pack at {path}.')
    found = list(_integrations(path))
    chosen = ([item for item in found if item.name == name] or [item for item in found if item.is_long_running] or found)
    if not chosen:
        raise UsageError(f'{path} has no integration (a .yml with commonfields and script).')
    if len(chosen) > 1:
        raise UsageError(f'{path} has several integrations; give the path of one: {", ".join(item.source for item in chosen)}.')
    return chosen[0]


def _integrations(path: Path) -> Iterator[Integration]:
    files = _read_files(path)
    wanted = {path.name} if path.suffix == '.yml' else {name for name in files if name.endswith('.yml')}
    for name in sorted(wanted):
        descriptor = _read_descriptor(name, files[name])
        if descriptor:
            yield _build(path, name, descriptor, files)


def _read_files(path: Path) -> dict[str, bytes]:
    if path.suffix == '.zip':
        return dict(_zip_files(path.read_bytes(), path.name))
    if path.is_file() and path.suffix != '.yml':
        raise UsageError(f'{path} is no pack: expected a folder, a unified .yml or a .zip.')
    root = path if path.is_dir() else path.parent
    files = {file.relative_to(root).as_posix(): file.read_bytes() for file in pack_files(path)}
    if 'pack_metadata.json' not in files and len(root.resolve().parents) > 1:
        metadata = root.resolve().parents[1] / 'pack_metadata.json'
        if metadata.is_file():
            files['pack_metadata.json'] = metadata.read_bytes()
    return files


def pack_files(path: Path) -> list[Path]:
    """The files that a pack's, an integration's or a descriptor's path stands for."""
    if path.suffix == '.zip':
        return [path]
    root = path if path.is_dir() else path.parent
    return sorted({file for pattern in FOLDER_PATTERNS for file in root.glob(pattern) if file.is_file()})


def _zip_files(data: bytes, label: str) -> Iterator[tuple[str, bytes]]:
    """Every file of a zip and of the zips in it, under the path that leads there."""
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
    """The descriptor in a .yml file; None when the file describes something else."""
    try:
        content = yaml.safe_load(data)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f'{name} is no YAML: {" ".join(str(error).split())}') from None
    is_integration = isinstance(content, dict) and isinstance(content.get('script'), dict) and 'commonfields' in content
    return content if is_integration else None


def _build(path: Path, name: str, descriptor: dict[str, Any], files: dict[str, bytes]) -> Integration:
    metadata = _pack_metadata(name, files)
    integration = str((descriptor.get('commonfields') or {}).get('id') or PurePosixPath(name).stem)
    script, file = _find_script(name, descriptor, files)
    prefix = f'{path}/' if path.is_dir() else f'{path.parent}/' if path.suffix == '.yml' else f'{path}:'
    return Integration(descriptor, script, f'{path}/{name}' if path.is_dir() else str(path), prefix + file,
                       str(metadata.get('name') or integration), str(metadata.get('currentVersion') or UNKNOWN),
                       tuple(_api_modules(path, script, set())))


def _api_modules(path: Path, script: str, seen: set[str]) -> Iterator[tuple[str, str]]:
    """Each API module that the script imports, once, after those that it imports itself."""
    for name in API_MODULE.findall(script):
        if name not in seen:
            seen.add(name)
            module_path = IN_REPOSITORY.format('ApiModules', name, name)
            file = find_in_repository(path, module_path)
            if not file:
                raise UsageError(f'{path} imports {name}, and no folder above it has {module_path}. '
                                 'demisto-sdk prepare-content puts it into the script.')
            text = file.read_text('utf-8')
            yield from _api_modules(path, text, seen)
            yield str(file), text


def find_in_repository(path: Path, name: str) -> Path | None:
    """The file of this name in the content repository that a pack lies in."""
    candidates = (folder / name for folder in path.resolve().parents if (folder / 'Packs').is_dir())
    return next((file for file in candidates if file.is_file()), None)


def find_common_server_python(path: Path) -> Path:
    """CommonServerPython as a pack's repository has it, else the subset that is carried here."""
    name = 'CommonServerPython'
    found = (find_in_repository(path, file) for file in (IN_REPOSITORY.format('Base', name, name), f'{name}.py'))
    return next(filter(None, found), CARRIED_COMMON_SERVER_PYTHON)


def read_text(file: Path) -> str:
    try:
        return file.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f'{file} cannot be read: {error}') from None


def _pack_metadata(name: str, files: dict[str, bytes]) -> dict[str, Any]:
    for folder in PurePosixPath(name).parents:
        for file in ('metadata.json', 'pack_metadata.json'):
            data = files.get((folder / file).as_posix())
            if data:
                metadata: dict[str, Any] = json.loads(data)
                return metadata
    return {}


def _find_script(name: str, descriptor: dict[str, Any], files: dict[str, bytes]) -> tuple[str, str]:
    """The script's text, and the file that it is in."""
    unified = descriptor['script'].get('script')
    if unified and unified.strip() != '-':
        return str(unified), name
    beside = PurePosixPath(name).with_suffix('.py').as_posix()
    if beside not in files:
        raise UsageError(f'{name} has no script: neither script.script in it nor {beside}.')
    return files[beside].decode(), beside


@dataclass(frozen=True)
class Unified:
    """The one text that the container compiles, and the files whose lines it has, each with its first line there."""
    text: str
    files: tuple[tuple[int, str], ...]

    def locate(self, text: str) -> str:
        """The text with the lines of its tracebacks told as lines of the files that they come from."""
        return TRACEBACK_LINE.sub(self._own_frame, text)

    def _own_frame(self, match: re.Match[str]) -> str:
        number, place = int(match[1]), match[2]
        first, file = max((start for start in self.files if start[0] <= number), default=(1, '<string>'))
        code = self.text.split('\n')[number - 1].strip() if place else ''
        return f'File "{file}", line {number - first + 1}{place or ""}' + (f'\n    {code}' if code else '')


def unify(*parts: tuple[str, str]) -> Unified:
    """One text out of files and their texts, without the imports that stand for one another."""
    texts, files, line = [], [], 1
    for file, text in parts:
        files.append((line, file))
        texts.append(SERVER_IMPORTS.sub(lambda match: f'{match[1]}pass' if match[1] else '', text) + '\n')
        line += texts[-1].count('\n')
    return Unified(''.join(texts), tuple(files))


# The instance's form.


def _number(row: Mapping[str, Any], value: str) -> Any:
    if value and not re.fullmatch(r'-?\d+', value.strip()):
        raise UsageError(f'{label_of(row)}: {value!r} is not a whole number.')
    return value.strip()


def _boolean(row: Mapping[str, Any], value: str) -> Any:
    if value.lower() not in ('true', 'false', ''):
        raise UsageError(f'{label_of(row)}: {value!r} is neither true nor false.')
    return value.lower() == 'true'


def _credentials(row: Mapping[str, Any], value: str) -> Any:
    identifier, _, password = value.partition(':')
    return {'identifier': identifier, 'password': password, 'credentials': {}}


def _one_of(row: Mapping[str, Any], value: str) -> Any:
    options = [str(option) for option in row.get('options') or []]
    if value and options and value not in options:
        raise UsageError(f'{label_of(row)}: {value!r} is none of {", ".join(options)}.')
    return value


def _some_of(row: Mapping[str, Any], value: str) -> Any:
    return [_one_of(row, item.strip()) for item in value.split(',') if item.strip()]


READERS: dict[int, Callable[[Mapping[str, Any], str], Any]] = {
    1: _number, BOOLEAN: _boolean, CREDENTIALS: _credentials, 15: _one_of, 16: _some_of,
}


def label_of(row: Mapping[str, Any]) -> str:
    """A parameter in words: its label in the form, and its name."""
    return f"{row.get('display') or row['name']} ({row['name']})"


def secrets_that_are_set(integration: Integration, params: Mapping[str, Any]) -> list[str]:
    """The labels of the encrypted parameters that have a value."""
    rows = (row for row in integration.parameters if row.get('type') in SECRET_TYPES)
    return [label_of(row) for row in rows if params.get(row['name']) and params[row['name']] != _credentials(row, '')]


def form_text(value: Any) -> str:
    """A parameter's value as a person types it: the API and the page may send any JSON."""
    if isinstance(value, Mapping):
        return f"{value.get('identifier') or ''}:{value.get('password') or ''}"
    if isinstance(value, list):
        return ','.join(map(str, value))
    return '' if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def fill_form(integration: Integration, given: Mapping[str, str], free_port: Callable[[], int]) -> dict[str, Any]:
    """The instance's parameters as `demisto.params()` gives them, or UsageError in words of the form."""
    rows = {row['name']: row for row in integration.parameters}
    visible = {name: row for name, row in rows.items() if not row.get('hidden')}
    for name in given:
        if name not in rows:
            raise UsageError(f'{name} is no parameter of {integration.name}. Known: {_known(visible)}.')
        if name not in visible:
            raise UsageError(f'{name} is hidden: an instance cannot set it. Known: {_known(visible)}.')
    defaults = {PORT_PARAMETER: str(free_port())} if integration.has_port and PORT_PARAMETER not in given else {}
    return {name: _fill(row, {**defaults, **given}.get(name)) for name, row in rows.items()}


def describe_form(integration: Integration, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The form's visible rows with their values; of a secret only whether it is set, and a user's name."""
    rows = [row for row in integration.parameters if not row.get('hidden')]
    return [{'name': row['name'], 'label': str(row.get('display') or row['name']), 'help': str(row.get('additionalinfo') or ''),
             'kind': int(row.get('type') or 0), 'required': bool(row.get('required')), 'options': row.get('options') or [],
             'secret': row.get('type') in SECRET_TYPES, **_shown(row, params.get(row['name']))} for row in rows]


def _shown(row: Mapping[str, Any], value: Any) -> dict[str, Any]:
    if row.get('type') not in SECRET_TYPES:
        return {'set': bool(value), 'value': value}
    is_pair = isinstance(value, dict)
    return {'set': bool(value['password'] if is_pair else value), 'value': value['identifier'] if is_pair else None}


def field_in(integration: Integration, text: str) -> str:
    """The parameter that a message speaks of by its label; empty when by none."""
    rows = sorted(integration.parameters, key=lambda row: -len(str(row.get('display') or '')))
    return next((str(row['name']) for row in rows if row.get('display') and str(row['display']) in text), '')


def masked_params(integration: Integration, params: Mapping[str, Any], mask: str) -> dict[str, Any]:
    """The parameters with a mask for each secret that is set."""
    secret = {row['name'] for row in integration.parameters if row.get('type') in SECRET_TYPES}
    return {name: mask if name in secret and value else value for name, value in params.items()}


def secret_values(integration: Integration, params: Mapping[str, Any]) -> list[str]:
    """What the encrypted parameters hold."""
    values = [params.get(row['name']) for row in integration.parameters if row.get('type') in SECRET_TYPES]
    texts = [value.get('password') if isinstance(value, dict) else value for value in values]
    return [str(text) for text in texts if text]


def _known(rows: Mapping[str, Mapping[str, Any]]) -> str:
    return ', '.join(f"{name} ({row.get('display') or name})" for name, row in rows.items()) or 'none'


def _fill(row: Mapping[str, Any], given: str | None) -> Any:
    default = row.get('defaultvalue')
    value = given if given is not None else '' if default is None else str(default)
    kind = int(row.get('type') or 0)
    if row.get('required') and kind != BOOLEAN and not value.strip():
        raise UsageError(f'{label_of(row)} is required. Set it with --set {row["name"]}=VALUE.')
    return READERS[kind](row, value) if kind in READERS else value
