"""Reads the folders of senders: the facts with the lines they are on, and what is wrong with their shape."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from localxsoar.errors import UsageError
from localxsoar.webhooks.senders import DELIVERIES, FACTS, TEXT_LOADER, Sender, load_sender
from shared import ROOT

Schema = jsonschema.Draft202012Validator
Place = tuple[str | int, ...]  # of a fact: ('rows', 0, 'name')
# What could end a text in the script, or be taken for one of the marks between which the script is written.
UNWRITABLE = re.compile(r"'''|\\|Written by \./dev senders|The end of (?:schemes|rows|delivery ids)\b")


@dataclass(frozen=True)
class Fault:
    """What is wrong in a file of a sender, and where."""
    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f'{self.file}:{self.line}: {self.text}'


class Wrong(Exception):
    """The folders of senders are wrong."""

    def __init__(self, faults: list[Fault]):
        super().__init__('\n'.join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True)
class Folder:
    """A sender: its facts as they are in `sender.yml`, the line of each, and its deliveries."""
    file: Path  # sender.yml, relative to the root
    facts: dict[str, Any]
    lines: dict[Place, int]
    sender: Sender
    guide: str  # what a person wrote, or ''
    path: Path

    @property
    def name(self) -> str:
        return self.sender.key

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(self.facts.get('rows', []))

    @property
    def titles(self) -> list[str]:
        """Return the titles of the rows in the script's table, such as 'grafana: one alert'."""
        return [': '.join(filter(None, (self.name, row.get('label')))) for row in self.rows]

    def fault(self, text: str, *place: str | int) -> Fault:
        """Return a fault with the line of the fact at this place, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return Fault(self.file, self.lines.get(place, 1), text)

    def fault_of_delivery(self, number: int, text: str, *place: str | int) -> Fault:
        """Return a fault with the line of what is at this place in a delivery, or on which the delivery begins."""
        path, file = self.path / DELIVERIES, self.file.with_name(DELIVERIES)
        line = lines_of_json(path, file).get(('deliveries', number, *place)) if place else None
        return Fault(file, line or delivery_line(path.read_text('utf-8'), number), text)


def read_folders(root: Path = ROOT) -> dict[str, Folder]:
    """Return the senders by the names of their folders. Raise Wrong for those whose shape is wrong."""
    folders, faults = {}, []
    schema = json.loads((root / 'senders/schema.json').read_text('utf-8'))
    facts = Schema(schema)
    deliveries = Schema({'$ref': '#/$defs/deliveries', '$defs': schema['$defs']})
    for path in sorted(folder for folder in (root / 'senders').iterdir() if folder.is_dir()):
        try:
            folders[path.name] = read_folder(path, root, facts, deliveries)
        except Wrong as error:
            faults += error.faults
    if faults:
        raise Wrong(faults)
    return folders


def read_folder(path: Path, root: Path, schema: Schema, schema_of_deliveries: Schema) -> Folder:
    """Return one sender. Raise Wrong."""
    file = (path / FACTS).relative_to(root)
    facts, lines = read_facts(path / FACTS, file)
    faults = [Fault(file, line_of(lines, error), said_plainly(error)) for error in schema.iter_errors(facts)]
    faults += [Fault(file, lines.get(place, 1), f'this cannot be written into the script: {text!r}')
               for place, text in [((), path.name), *texts_of(facts)] if UNWRITABLE.search(text) or not text.isprintable()]
    if faults := faults or [*wrong_deliveries(path / DELIVERIES, file.with_name(DELIVERIES), schema_of_deliveries)]:
        raise Wrong(faults)
    try:
        sender = load_sender(path / DELIVERIES)
    except UsageError as error:
        raise Wrong([Fault(file.with_name(DELIVERIES), 1, str(error))]) from None
    guide = path / 'guide.md'
    return Folder(file, facts, lines, sender, guide.read_text('utf-8') if guide.exists() else '', path)


def texts_of(value: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yield each key and each text of the facts, and its place."""
    if isinstance(value, str):
        yield place, value
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from [((*place, key), key)] if isinstance(key, str) else []
        yield from texts_of(item, (*place, key))


def wrong_deliveries(path: Path, file: Path, schema: Schema) -> Iterator[Fault]:
    """Yield what is wrong with the shape of a `deliveries.json`."""
    try:
        recipe = json.loads(path.read_text('utf-8'))
    except OSError:
        yield Fault(file, 1, 'the file is missing')
    except json.JSONDecodeError as error:
        yield Fault(file, error.lineno, f'this is not JSON: {error.msg}')
    else:
        if extra := recipe.keys() - {'deliveries'}:
            yield Fault(file, 1, f'{", ".join(sorted(extra))} belongs in {FACTS}')
        if errors := [*schema.iter_errors(recipe)]:
            lines = lines_of_json(path, file)
            yield from (Fault(file, line_of(lines, error), said_plainly(error)) for error in errors)


def lines_of_json(path: Path, file: Path) -> dict[Place, int]:
    """Return the line of each member and item of a file of JSON by its place, or {} if it has what YAML does not read."""
    try:
        return read_facts(path, file)[1]  # JSON is YAML, but takes a hundred times longer to read so
    except Wrong:
        return {}


def read_facts(path: Path, file: Path) -> tuple[Any, dict[Place, int]]:
    """Return what a `sender.yml` says, each scalar as text, and the line of each fact by its place. Raise Wrong."""
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(path.read_text('utf-8'), TEXT_LOADER)
        return value_of(node, (), lines, file), lines
    except OSError:
        raise Wrong([Fault(file, 1, 'the file is missing')]) from None
    except (UnicodeDecodeError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, 'problem_mark', None)
        reason = getattr(error, 'problem', '') or type(error).__name__
        raise Wrong([Fault(file, mark.line + 1 if mark else 1, f'this is not YAML: {reason}')]) from None


def value_of(node: yaml.Node | None, place: Place, lines: dict[Place, int], file: Path) -> Any:
    """Return the value of a node of YAML, and enter its line and those of all below it."""
    lines.setdefault(place, node.start_mark.line + 1 if node else 1)
    if isinstance(node, yaml.SequenceNode):
        return [value_of(item, (*place, number), lines, file) for number, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        return node.value if node else {}
    values: dict[str, Any] = {}
    for key, item in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.value in values:
            said = f'{key.value} is there twice' if isinstance(key, yaml.ScalarNode) else 'a key is not a text'
            raise Wrong([Fault(file, line, said)])
        at = (*place, key.value)
        lines[at] = line
        values[key.value] = value_of(item, at, lines, file)
    return values


def delivery_line(text: str, number: int) -> int:
    """Return the line on which a delivery begins in the text of a `deliveries.json`, which holds nothing else."""
    at = text.index('{', text.index('['))
    for _ in range(number):
        _, end = json.JSONDecoder().raw_decode(text, at)
        at = text.index('{', end)
    return text.count('\n', 0, at) + 1


def line_of(lines: dict[Place, int], error: jsonschema.ValidationError) -> int:
    """Return the line of what does not fit the schema."""
    place = tuple(error.absolute_path)
    for key in unknown_keys(error):
        place = (*place, key)
    return lines.get(place, 1)


def unknown_keys(error: jsonschema.ValidationError) -> Iterator[str]:
    """Yield the first key that the schema does not know, if that is the error."""
    if error.validator == 'additionalProperties':
        instance: Any = error.instance
        yield from sorted(set(instance) - known_keys(error))[:1]


def known_keys(error: jsonschema.ValidationError) -> set[str]:
    """Return the keys that the schema knows where the error is."""
    return set(error.schema['properties']) if isinstance(error.schema, dict) else set()


def said_plainly(error: jsonschema.ValidationError) -> str:
    """Return what is wrong, in words."""
    for key in unknown_keys(error):
        return f'there is no fact {key}: {", ".join(sorted(known_keys(error)))} are known here'
    if error.validator == 'required':
        return f'{error.message.removesuffix(" is a required property")} is missing'
    where = '.'.join(map(str, error.absolute_path))
    return f'{where}: {error.message}' if where else error.message
