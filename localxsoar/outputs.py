"""The context of an incident: how the outputs of a command join what is there, by the condition in their path."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

PATH = re.compile(r'(?P<path>[^(]+?)\s*(?:\((?P<condition>.*)\))?\s*', re.DOTALL)
TERM = re.compile(r'''
    \s* (?P<side> val | obj ) (?P<field> (?: \.\w+ | \[ \s* (?: '[^']*' | "[^"]*" ) \s* \] )* ) \s*
    (?: (?P<operator> [!=]==? ) \s* (?P<other> .+? ) )? \s*''', re.DOTALL | re.VERBOSE)
FIELD = re.compile(r'''\.(\w+)|\[\s*['"]([^'"]*)['"]\s*\]''')
ALWAYS = ('true', '1')
Condition = Callable[[Any, Any], bool]


class NotUnderstood(ValueError):
    """A condition that needs more of JavaScript than fields, comparisons, && and ||."""


def add_outputs(context: dict[str, Any], path: str, value: Any) -> None:
    """Add one output to a context. Raise NotUnderstood for a condition that cannot be read here.

    Where the condition `val.id == obj.id` holds, with an element of the context as `val` and a new one as `obj`, the new
    fields are set in that element. An element without a match is appended, unless the same is there already.
    """
    name, condition = split_path(path)
    holder, key = find_holder(context, name)
    if holder.get(key) is None:
        holder[key] = value
        return
    known = holder[key] if isinstance(holder[key], list) else [holder[key]]
    merged = list(known)
    for new in value if isinstance(value, list) else [value]:
        add_element(merged, new, condition)
    holder[key] = merged if isinstance(holder[key], list) or len(merged) > 1 else merged[0]


def add_element(known: list[Any], new: Any, condition: Condition) -> None:
    matching = [position for position, old in enumerate(known) if condition(old, new)]
    for position in matching:
        old = known[position]
        known[position] = {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
    if not matching and new not in known:
        known.append(new)


def set_value(context: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a path of names and dots, whatever is there."""
    holder, key = find_holder(context, path)
    holder[key] = value


def delete_value(context: dict[str, Any], path: str) -> None:
    holder, key = find_holder(context, path)
    holder.pop(key, None)


def find_holder(context: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return the object that holds the last name of a path, made if it is missing, and that name."""
    *folders, key = path.strip().split('.')
    holder = context
    for folder in folders:
        inner = holder.get(folder)
        inner = inner[-1] if isinstance(inner, list) and inner else inner
        if not isinstance(inner, dict):
            inner = holder[folder] = {}
        holder = inner
    return holder, key


def split_path(path: str) -> tuple[str, Condition]:
    """Return the names of an output's path, and its condition. Without one, nothing matches."""
    match = PATH.fullmatch(path)
    if not match:
        raise NotUnderstood(path)
    text = match['condition']
    return match['path'], read_condition(text) if text is not None else lambda val, obj: False


def read_condition(text: str) -> Condition:
    """Return a condition that JavaScript would evaluate: terms joined by && and ||, in brackets or not."""
    text = text.strip()
    if text.startswith('(') and len(parts := list(split_outside(text[1:], ')'))) == 2 and not parts[1].strip():
        return read_condition(parts[0])
    for joint, function in (('||', any), ('&&', all)):
        if len(parts := list(split_outside(text, joint))) > 1:
            conditions = [read_condition(part) for part in parts]
            return lambda val, obj: function(condition(val, obj) for condition in conditions)
    return read_term(text)


def split_outside(text: str, joint: str) -> Iterator[str]:
    """Yield the parts of a text between the joints that are outside of brackets and quotes."""
    depth, quote, start = 0, '', 0
    for position, character in enumerate(text):
        if quote:
            quote = '' if character == quote else quote
        elif character in '\'"':
            quote = character
        elif depth == 0 and text.startswith(joint, position) and position >= start:
            yield text[start:position]
            start = position + len(joint)
        else:
            depth += {'(': 1, ')': -1}.get(character, 0)
    yield text[start:]


def read_term(text: str) -> Condition:
    """Return the condition of `val.id`, `val.id == obj.id`, `val['a b'] != 'text'`, or `true`."""
    if text in ALWAYS:
        return lambda val, obj: True
    match = TERM.fullmatch(text)
    if not match:
        raise NotUnderstood(text)
    left = read_side(match['side'] + match['field'])
    if not match['operator']:
        return lambda val, obj: is_truthy(left(val, obj))
    right, is_equality = read_side(match['other']), match['operator'].startswith('=')
    return lambda val, obj: (left(val, obj) == right(val, obj)) is is_equality


def read_side(text: str) -> Callable[[Any, Any], Any]:
    """Return what reads one side of a comparison: a field of `val` or `obj`, a text or a number."""
    if (match := TERM.fullmatch(text)) and not match['operator']:
        names = [dotted or quoted for dotted, quoted in FIELD.findall(match['field'])]
        return lambda val, obj: dig(val if match['side'] == 'val' else obj, names)
    try:
        constant = json.loads(f'"{text[1:-1]}"' if text[:1] == text[-1:] == "'" else text)
    except ValueError:
        raise NotUnderstood(text) from None
    return lambda val, obj: constant


def dig(value: Any, names: list[str]) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def is_truthy(value: Any) -> bool:
    """Return whether JavaScript takes a value for true: empty lists and objects are."""
    return bool(value) or isinstance(value, (list, dict))
