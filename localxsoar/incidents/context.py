"""The context of an incident: how the outputs of a command join what is there, by the condition in their path."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

PATH = re.compile(r'(?P<path>[^(]+?)\s*(?:\((?P<condition>.*)\))?\s*', re.DOTALL)
TERM = re.compile(r'''
    \s* (?P<side> val | obj ) (?P<field> (?: \.\w+ | \[ \s* (?: '[^']*' | "[^"]*" ) \s* \] )* ) \s*
    (?: (?P<operator> [!=]==? ) \s* (?P<other> .+? ) )? \s*''', re.DOTALL | re.VERBOSE)
FIELD = re.compile(r'''\.(\w+)|\[\s*['"]([^'"]*)['"]\s*\]''')
ALWAYS = ('true', '1')


@dataclass(frozen=True)
class Condition:
    """Whether an element of the context, `val`, and a new one, `obj`, belong together."""
    holds: Callable[[Any, Any], bool]
    equal: tuple[list[str], list[str]] | None = None  # paths in `val` and in `obj` whose values are equal wherever it holds


NEVER = Condition(lambda val, obj: False)  # of a path without a condition


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
    elements = Elements(holder[key] if isinstance(holder[key], list) else [holder[key]], condition)
    for new in value if isinstance(value, list) else [value]:
        elements.add(new)
    holder[key] = elements.all if isinstance(holder[key], list) or len(elements.all) > 1 else elements.all[0]


class Elements:
    """The elements at a path, with an index: a command may return thousands, and each is looked for among all."""

    def __init__(self, known: list[Any], condition: Condition) -> None:
        self.all: list[Any] = []
        self._condition = condition
        self._texts: set[str] = set()
        self._positions: dict[Any, list[int]] = {}  # by the value that is equal wherever the condition holds, or by None
        for each in known:
            self._append(each)

    def add(self, new: Any) -> None:
        wanted = index_key(dig(new, self._condition.equal[1])) if self._condition.equal else None
        matching = [place for place in self._positions.get(wanted, ()) if self._condition.holds(self.all[place], new)]
        for place in matching:
            old = self.all[place]
            self.all[place] = {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
        if not matching and canonical(new) not in self._texts:
            self._append(new)

    def _append(self, each: Any) -> None:
        key = index_key(dig(each, self._condition.equal[0])) if self._condition.equal else None
        if self._condition != NEVER:
            self._positions.setdefault(key, []).append(len(self.all))
        self._texts.add(canonical(each))
        self.all.append(each)


def canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def index_key(value: Any) -> Any:
    """Return a value that a dictionary takes as its key."""
    return canonical(value) if isinstance(value, (list, dict)) else value


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
    return match['path'], read_condition(text) if text is not None else NEVER


def read_condition(text: str) -> Condition:
    """Return a condition that JavaScript would evaluate: terms joined by && and ||, in brackets or not."""
    text = text.strip()
    if text.startswith('(') and len(parts := list(split_outside(text[1:], ')'))) == 2 and not parts[1].strip():
        return read_condition(parts[0])
    for joint, function in (('||', any), ('&&', all)):
        if len(parts := list(split_outside(text, joint))) > 1:
            return join(function, [read_condition(part) for part in parts])
    return read_term(text)


def join(function: Callable[[Iterator[bool]], bool], conditions: list[Condition]) -> Condition:
    """Return the condition that all or any of these hold."""
    equal = next((each.equal for each in conditions if each.equal), None) if function is all else None
    return Condition(lambda val, obj: function(condition.holds(val, obj) for condition in conditions), equal)


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
        return Condition(lambda val, obj: True)
    match = TERM.fullmatch(text)
    if not match:
        raise NotUnderstood(text)
    left = read_side(match['side'] + match['field'])
    if not match['operator']:
        return Condition(lambda val, obj: is_truthy(left(val, obj)))
    right, is_equality = read_side(match['other']), match['operator'].startswith('=')
    other = TERM.fullmatch(match['other'])
    sides = {match['side']: names_in(match['field']), **({other['side']: names_in(other['field'])} if other else {})}
    return Condition(lambda val, obj: (left(val, obj) == right(val, obj)) is is_equality,
                     (sides['val'], sides['obj']) if is_equality and len(sides) == 2 else None)


def names_in(field: str) -> list[str]:
    return [dotted or quoted for dotted, quoted in FIELD.findall(field)]


def read_side(text: str) -> Callable[[Any, Any], Any]:
    """Return what reads one side of a comparison: a field of `val` or `obj`, a text or a number."""
    if (match := TERM.fullmatch(text)) and not match['operator']:
        names = names_in(match['field'])
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
