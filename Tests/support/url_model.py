"""A model of a URL's words, as their contract has them: what is in a payload, and which of its events become incidents.

It shares nothing with the script. A payload is built of the same types as JSON, but a number is the text that was sent.
"""

import json
import re
from typing import Any, NamedTuple


class Number(str):
    """A number as it was sent."""


def to_json(model: Any) -> str:
    if isinstance(model, dict):
        members = ', '.join(f'{json.dumps(key)}: {to_json(value)}' for key, value in model.items())
        return f'{{{members}}}'
    if isinstance(model, list):
        return f'[{", ".join(map(to_json, model))}]'
    return model if isinstance(model, Number) else json.dumps(model)


def led_to(model: Any, keys: list[str]) -> Any:
    """Return what some keys lead to: the longest key that is there, and `0` for the first item."""
    if not keys:
        return model
    members = dict(zip('0', model, strict=False)) if isinstance(model, list) else model
    for end in range(len(keys), 0, -1) if isinstance(members, dict) else ():
        if (key := '.'.join(keys[:end])) in members:
            return led_to(members[key], keys[end:])
    return None


def lists_on_the_way(model: Any, keys: list[str]) -> list[Any]:
    found = [led_to(model, keys[:index]) for index, key in enumerate(keys) if key == '0']
    return [each for each in found if isinstance(each, list)]


def found_at(model: Any, path: str) -> list[Any]:
    """Return the values at a path: at most one without a `*`, and one for each item with it."""
    before, star, after = path.partition('.*.')
    value = led_to(model, before.split('.'))
    if star:
        return [led_to(item, after.split('.')) for item in value] if isinstance(value, list) else []
    return [] if value is None else [value]


def sent(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(value)


def is_nothing(value: Any) -> bool:
    return float(value) == 0 if isinstance(value, Number) else value in (None, '', {}, [], False)


def says_so(value: Any, wanted: list[str]) -> bool:
    if not wanted:
        is_doubtful = type(value) is str and value.lower() in {'0', 'false', 'no', 'off', 'none', 'null', 'n/a', '-'}
        return not is_nothing(value) and not is_doubtful
    return not isinstance(value, dict | list) and value is not None and sent(value) in wanted and sent(value) != 'null'


def says_otherwise(value: Any, wanted: list[str], needs_value: bool) -> bool:
    if not wanted:
        return is_nothing(value)
    is_missing = value is None or value == ''
    return not isinstance(value, dict | list) and not (is_missing and needs_value) and not says_so(value, wanted)


def model_meets(model: Any, paths: list[str], wanted: list[str], is_negated: bool, needs_value: bool) -> bool:
    """Return whether a model meets a condition, as url.md has it."""
    all_found = {path: found_at(model, path) for path in paths}
    is_in_doubt = {path: any(len(each) > 1 for each in lists_on_the_way(model, path.split('.'))) for path in paths}
    if is_negated:
        needs_value = needs_value and bool(wanted)
        is_there = any(all_found.values()) or not needs_value
        return is_there and not any(is_in_doubt.values()) and all(
            says_otherwise(value, wanted, needs_value) for found in all_found.values() for value in found)
    return any(found and not is_in_doubt[path] and all(says_so(value, wanted) for value in found)
               for path, found in all_found.items())


# What is in a query. Each reader returns None for a text that cannot be read.

WORDS = {word: severity for severity, words in {
    4.0: 'critical crit fatal emergency emerg alert disaster blocker p1 4', 3.0: 'high error err major severe p2 3',
    2.0: 'medium moderate warning warn average p3 2', 1.0: 'low minor notice p4 1',
    0.5: 'info informational information debug verbose trace p5 0.5', 0.0: '0'}.items() for word in words.split()}
NUMBERS = '4', '3', '2', '1', '0.5', '0'
FIVE = {'critical': 4.0, 'high': 3.0, 'medium': 2.0, 'low': 1.0, 'informational': 0.5}


class Asked(NamedTuple):
    """A condition; `resolved` alone has that as its only path."""

    is_negated: bool
    paths: list[str]
    wanted: list[str]


def split(text: str, separator: str) -> list[str]:
    """Split at each separator outside quotes, one character after another."""
    parts, is_quoted = [''], False
    for character in text:
        is_quoted ^= character == "'"
        if character == separator and not is_quoted:
            parts.append('')
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def is_path(text: str) -> bool:
    keys = text.split('.')
    first = keys[0].removeprefix('@')
    stars = [index for index, key in enumerate(keys) if '*' in key]
    is_star_fine = not stars or (len(stars) == 1 and keys[stars[0]] == '*' and 0 < stars[0] < len(keys) - 1)
    return (bool(first) and not first.startswith('!') and all(keys) and is_star_fine and len(keys) <= 16
            and "'" not in text and '\ufffd' not in text)


def read_text(text: str) -> str | None:
    inner = text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text
    return None if not inner or "'" in inner else inner


def read_conditions(text: str) -> list[Asked] | None:
    found = []
    if text.count("'") % 2 or '\ufffd' in text:
        return None
    for part in split(text, ','):
        is_negated = part.startswith('!')
        paths, *texts = split(part[1:] if is_negated else part, '=')
        wanted = [read_text(each) for each in split(texts[0], '|')] if texts else []
        alternatives = split(paths, '|')
        if len(texts) > 1 or None in wanted or max(len(wanted), len(alternatives)) > 4 or not all(map(is_path, alternatives)):
            return None
        found.append(Asked(is_negated, alternatives, [each for each in wanted if each]))
    return found if len(found) <= 8 and not all(each.is_negated for each in found) else None


class Severity(NamedTuple):
    default: float | None
    paths: list[str]
    levels: dict[str, float] | None  # by the text; None for words
    thresholds: list[tuple[float, float]]


def read_severity(text: str) -> Severity | None:
    if text.strip().lower() in WORDS:
        return Severity(WORDS[text.strip().lower()], [], None, [])
    if text.count("'") % 2 or '\ufffd' in text:
        return None
    *before, last = split(text, ':')
    scale = split(last, ',') if before and len(split(last, '=')) > 1 else None
    part = ':'.join(before) if scale else text
    alternatives = split(part, '|')
    constant = read_text(alternatives[-1]) if alternatives[-1].startswith("'") else None
    paths = alternatives[:-1] if alternatives[-1].startswith("'") else alternatives
    is_default_fine = paths is alternatives or (constant or '').strip().lower() in WORDS
    if len(split(part, ',')) > 1 or len(alternatives) > 4 or not is_default_fine or not all(map(is_path, paths)):
        return None
    levels = read_levels(scale) if scale else []
    if levels is None:
        return None
    default = WORDS[constant.strip().lower()] if constant else None
    numbers = [(float(value), severity) for value, severity in levels if re.fullmatch(r'-?\d+(\.\d+)?', value, re.ASCII)]
    severities = [severity for _, severity in sorted(numbers)]
    if numbers and len(set(severities)) > 1 and severities == sorted(severities):
        return Severity(default, paths, {}, sorted(numbers, reverse=True))
    return Severity(default, paths, {plain(value): severity for value, severity in levels} if scale else None, [])


def plain(value: str) -> str:
    """Return a value of a scale in the form in which it is compared."""
    if re.fullmatch(r'-?\d+(\.\d+)?', value, re.ASCII):
        return f'{float(value):g}'
    return value


def read_levels(entries: list[str]) -> list[tuple[str, float]] | None:
    found, names = [], []
    for entry in entries:
        name, *texts = split(entry, '=')
        values = [read_text(each) for each in split(texts[0], '|')] if len(texts) == 1 else [None]
        if name not in FIVE or None in values or name in names:
            return None
        names.append(name)
        found += [(str(value), FIVE[name]) for value in values]
    are_numbers = {bool(re.fullmatch(r'-?\d+(\.\d+)?', value, re.ASCII)) for value, _ in found}
    is_twice = len({plain(value) for value, _ in found}) < len(found)
    return None if len(are_numbers) > 1 or is_twice or len(found) > 16 else found


def severity_of(value: Any, severity: Severity) -> float | None:
    if isinstance(value, dict | list) or value is None:
        return None
    if severity.levels is None and isinstance(value, bool):
        return None
    if isinstance(value, bool):
        return (severity.levels or {}).get(sent(value))
    if severity.levels is None:
        return None if str(value) in NUMBERS else WORDS.get(str(value).lower())
    is_number = re.fullmatch(r'-?\d+(\.\d+)?', str(value), re.ASCII)
    if severity.thresholds and is_number:
        return next((each for minimum, each in severity.thresholds if float(str(value)) >= minimum), None)
    return severity.levels.get(plain(str(value)))


def is_in_doubt(model: Any, path: str) -> bool:
    """Return whether a path leads through one of several items, or beyond what is no object in an item."""
    before, star, after = path.partition('.*.')
    value = led_to(model, before.split('.'))
    items = value if star and isinstance(value, list) else []
    return any(len(each) > 1 for each in lists_on_the_way(model, before.split('.'))) or is_unread(model, path) or any(
        len(each) > 1 for item in items for each in lists_on_the_way(item, after.split('.')))


def is_unread(model: Any, path: str) -> bool:
    """Return whether a path leads beyond what is no object in an item of a list."""
    before, star, after = path.partition('.*.')
    items = led_to(model, before.split('.')) if star else None
    return isinstance(items, list) and any(goes_beyond(item, after.split('.')) for item in items)


def goes_beyond(item: Any, keys: list[str]) -> bool:
    if item is None or not keys:
        return False
    if not isinstance(item, dict | list):
        return True
    end = next((end for end in range(len(keys), 0, -1) if led_to(item, keys[:end]) is not None), 0)
    return end > 0 and end < len(keys) and not isinstance(led_to(item, keys[:end]), dict | list)


def meets(model: Any, condition: Asked) -> bool:
    if condition.is_negated and any(is_in_doubt(model, path) for path in condition.paths):
        return False
    certain = [path for path in condition.paths if not is_in_doubt(model, path)]
    return bool(certain) and model_meets(model, certain, condition.wanted, condition.is_negated, needs_value=True)


def becomes_an_incident(event: dict[str, Any], words: dict[str, str]) -> bool:
    """Return whether an event of a sender that nobody knows becomes an incident at a URL with these words."""
    resolved = read_conditions(words['resolved']) if 'resolved' in words else None
    is_recovery = bool(resolved) and all(meets(event, each) for each in resolved or [])
    skip = read_conditions(words['skip']) if 'skip' in words else None
    if skip and all(is_recovery is not each.is_negated if (each.paths, each.wanted) == (['resolved'], []) else meets(event, each)
                    for each in skip):
        return False
    least = WORDS.get(words.get('at_least', '').strip().lower())
    severity = read_severity(words['severity']) if 'severity' in words else None
    told = certain_severity(event, severity)
    if least is None or is_recovery or not told or told >= least:
        return True
    read = [id(each) for path in (severity.paths if severity else []) for each in holders(event, path)]
    return any(may_be_graver(each, least) for each in objects_in(event) if id(each) not in read)


def objects_in(model: Any) -> list[dict[str, Any]]:
    """Return all objects in a payload, at any depth."""
    inner = model.values() if isinstance(model, dict) else model if isinstance(model, list) else ()
    return [*([model] if isinstance(model, dict) else []), *(each for value in inner for each in objects_in(value))]


def holders(model: Any, path: str) -> list[dict[str, Any]]:
    """Return the objects that hold what a path leads to."""
    before, star, after = path.partition('.*.')
    keys = before.split('.')
    if star:
        items = led_to(model, keys)
        return [each for item in items for each in holders(item, after)] if isinstance(items, list) else []
    outer = [(led_to(model, keys[:end]) if end else model, '.'.join(keys[end:])) for end in range(len(keys))]
    return [each for each, key in outer if isinstance(each, dict) and key in each]


def may_be_graver(model: dict[str, Any], least: float) -> bool:
    """Return whether the severity of an object reaches a threshold, or is not one that is known."""
    value = model.get('severity')
    if value is None or value == '' or isinstance(value, dict | list):
        return False
    is_word = isinstance(value, str) and not isinstance(value, Number) and value not in NUMBERS
    return not is_word or WORDS.get(value.lower(), least) >= least


def certain_severity(event: dict[str, Any], severity: Severity | None) -> float | None:
    """Return the severity that an event certainly tells by the URL's path, else under its key `severity`, or None."""
    for path in severity.paths if severity else []:
        found = found_at(event, path)
        if is_unread(event, path) or any(value is not None and value != '' for value in found):
            told = [severity_of(value, severity) for value in found] if severity else []
            is_certain = None not in told and not is_in_doubt(event, path)
            return max(each for each in told if each is not None) if is_certain else None
    word = event.get('severity')
    return WORDS.get(word.lower()) if isinstance(word, str) and not isinstance(word, Number) and word not in NUMBERS else None


def words_in(parameters: list[tuple[str, str]], token: str) -> dict[str, str]:
    """Return the words of a query: the last of each that is no token, unless that is empty."""
    last = {name: value for name, value in parameters if value and token not in value and token not in value.replace(' ', '+')}
    return {name: value for name, value in last.items() if value.strip()}


def created(payload: dict[str, Any], words: dict[str, str]) -> list[dict[str, Any]]:
    """Return the events of a payload that become incidents."""
    path = words.get('each', '').strip()
    if not is_path(path) or any(each in path for each in '*,|'):
        return [payload] if becomes_an_incident(payload, words) else []
    items = led_to(payload, path.split('.'))
    are_items = isinstance(items, list) and items and all(isinstance(item, dict) for item in items)
    return [item for item in items if becomes_an_incident(item, words)] if are_items else [payload]
