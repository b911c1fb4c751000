"""Values by their paths, as the server's DT has them: `File(val.Name == "a.txt").EntryID`, also as `${...}` in arguments."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localxsoar.incidents.context import NotUnderstood, read_condition

STEP = re.compile(r'([\w\- ]+)(?:\[(\d+)\]|\((.*?)\))?(?:\.|$)')
REFERENCE = re.compile(r'\$\{([^{}]*)\}')


def value_at(value: Any, path: str) -> Any:
    """Return the value at a path such as `a.b(val.id == 1).c` or `a.[0].b`, also through lists, or None.

    Raise NotUnderstood for the rest of the DT language.
    """
    path = path.strip().removeprefix('val.').replace('.[', '[')
    steps = list(STEP.finditer(path))
    if ''.join(step[0] for step in steps) != path:
        raise NotUnderstood(f'more of DT than names, dots and conditions ({path})')
    for name, index, condition in (step.groups() for step in steps):
        value = _follow(value, name)
        if index and isinstance(value, list):
            value = value[int(index)] if int(index) < len(value) else None
        if condition is not None:
            value = _only_where(value, condition)
    return value


def _only_where(value: Any, text: str) -> list[Any]:
    """Return the elements for which a condition of DT holds."""
    try:
        holds = read_condition(text).holds
    except NotUnderstood as error:
        raise NotUnderstood(f'the condition of DT {error}') from None
    return [each for each in (value if isinstance(value, list) else [value]) if holds(each, each)]


def _follow(value: Any, name: str) -> Any:
    """Return the value of a key, or those of all objects in a list."""
    if isinstance(value, list):
        return [item.get(name) for item in value if isinstance(item, dict)]
    return value.get(name) if isinstance(value, dict) else None


def fill_references(args: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with each `${path}` replaced by its value. One that is nothing else is left out if there is no value.

    Raise NotUnderstood for a path that cannot be read here.
    """
    filled = {name: _fill(value, known) if isinstance(value, str) else value for name, value in args.items()}
    return {name: value for name, value in filled.items() if value is not None or args[name] is None}


def _fill(text: str, known: Mapping[str, Any]) -> Any:
    if whole := REFERENCE.fullmatch(text):
        return value_at(known, whole[1])
    return REFERENCE.sub(lambda match: _text(value_at(known, match[1])), text)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else '' if value is None else json.dumps(value)
