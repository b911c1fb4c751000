"""The options of a command, which are no arguments of it: what runs it, how often, and what becomes of its outputs."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from localxsoar.errors import CommandFailed
from localxsoar.incidents.context import NotUnderstood
from localxsoar.incidents.paths import value_at

NO_EFFECT = ('execution-timeout', 'auto-extract')
OPTIONS = ('using', 'using-brand', 'extend-context', 'ignore-outputs', 'raw-response', 'retry-count', 'retry-interval',
           *NO_EFFECT)
RETRY_SECONDS = 30
Entries = list[dict[str, Any]]


def split_options(args: Mapping[str, Any], declared: Collection[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options that have a value, and the arguments. What a descriptor declares is an argument."""
    options = {name: value for name, value in args.items() if name in OPTIONS and name not in declared}
    given = {name: value for name, value in args.items() if name not in options}
    return {name: value for name, value in options.items() if value not in (None, '')}, given


def carry_out(options: Mapping[str, Any], run: Callable[[], Entries]) -> Entries:
    """Run a command as its options say, and return its entries. Raise CommandFailed if the last try fails."""
    left = _number(options, 'retry-count', 0)
    pause = _number(options, 'retry-interval', RETRY_SECONDS)
    while True:
        try:
            return [_with_options(entry, options) for entry in run()]
        except CommandFailed:
            if left < 1:
                raise
        left -= 1
        time.sleep(pause)


def _number(options: Mapping[str, Any], name: str, default: float) -> float:
    try:
        return float(options.get(name, default))
    except ValueError:
        raise CommandFailed(f'{name}={options[name]}: it is not a number.') from None


def _with_options(entry: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with the outputs that the options ask for and, with raw-response, nothing but its contents to read."""
    outputs = {} if is_true(options.get('ignore-outputs')) else dict(entry.get('EntryContext') or {})
    added = _extension(str(options.get('extend-context') or ''), entry.get('Contents'))
    changed = {**entry, **({'EntryContext': {**outputs, **added}} if added or 'EntryContext' in entry else {})}
    return {**changed, 'HumanReadable': None, 'ContentsFormat': 'json'} if is_true(options.get('raw-response')) else changed


def _extension(text: str, contents: Any) -> dict[str, Any]:
    """Return the outputs of `extend-context`, `Key=path::Other=path`, whose paths lead into the contents; `Key=.` has all."""
    if isinstance(contents, str):
        with suppress(ValueError):
            contents = json.loads(contents)
    pairs = [part.partition('=') for part in text.split('::') if part.strip()]
    try:
        found = {key.strip(): contents if path.strip() == '.' else value_at(contents, path) for key, _, path in pairs}
    except NotUnderstood as error:
        raise CommandFailed(f'extend-context={text}: the local XSOAR does not know {error}.') from None
    return {key: value for key, value in found.items() if value is not None}


def is_true(value: Any) -> bool:
    return str(value).lower() in ('true', 'yes')
