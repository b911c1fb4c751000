"""A preview of a mapping: the value at one path in the details of several incidents."""
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

SHOWN_CHARACTERS = 300
PARSED_CHARACTERS = 1024 * 1024


class Source(str):
    """A number as its text has it."""


def value_at(details: str, path: Sequence[str]) -> str | None:
    """Return the value at a path of keys and indexes as text, or None if there is none. An object or a list is JSON."""
    if len(details) > PARSED_CHARACTERS:
        return None
    try:
        value = json.loads(details, parse_int=Source, parse_float=Source)
        for key in path:
            value = value[int(key)] if isinstance(value, list) else value[key]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    text = shown(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + '…'


def shown(value: Any) -> str:
    if isinstance(value, dict):
        return '{' + ', '.join(f'{json.dumps(key)}: {inner(item)}' for key, item in list(value.items())[:20]) + '}'
    return '[' + ', '.join(inner(item) for item in value[:20]) + ']' if isinstance(value, list) else scalar(value)


def inner(value: Any) -> str:
    """Return a value inside another: an object or a list only by its size."""
    if isinstance(value, (dict, list)):
        return f'{{{len(value)}}}' if isinstance(value, dict) else f'[{len(value)}]'
    return json.dumps(value) if isinstance(value, str) and not isinstance(value, Source) else scalar(value)


def scalar(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value)
