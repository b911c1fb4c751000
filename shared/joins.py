"""Pairs of an open incident and an event of its problem, in every shape that is known to be costly to compare."""
from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

Pair = tuple[dict[str, Any], dict[str, Any]]  # an open incident, and an event of its problem that differs from it
NOW = datetime.now(timezone.utc).isoformat().replace('+00:00', 'Z')


def nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = {'key': value}
    return value


def named(count: int, value: Any = 1) -> dict[str, Any]:
    """Return members whose keys are in no order."""
    return {f'{number * 7919 % 1_000_003} key': value for number in range(count)}


# For about so many characters, and a value that is in each of two events.
SHAPES: dict[str, Callable[[int, Any], Any]] = {
    'wide': lambda size, value: {**named(size // 18), 'last': value},
    'wide, each value differs': lambda size, value: named(size // 18, value),
    'at depth 3': lambda size, value: {f'a{first}': {f'b{second}': named(10, value) for second in range(10)}
                                       for first in range(size // 2200)},
    'wide at depth 300': lambda size, value: nested({**named(size // 18), 'last': value}, 300),
    'wide at depth 9': lambda size, value: nested({**named(size // 18), 'last': value}, 8),
    'deeper the larger': lambda size, value: nested({**named(size // 18), 'last': value}, min(size // 500, 600)),
    '100 deep, many times': lambda size, value: {f'k{number}': nested(value, 100) for number in range(size // 1000)},
    'mixed': lambda size, value: [{'id': number, 'labels': {'host': f'db-{number}', 'zone': None}, 'tags': [value, [], {}]}
                                  for number in range(size // 80)],
    'small objects': lambda size, value: [*[{}] * (size // 4), value],
    'numbers': lambda size, value: [*[1] * (size // 3), value],
    'numbers that differ': lambda size, value: [value] * (size // 6),
    'one text': lambda size, value: f'{"some words " * (size // 11)}{value}',
    'texts': lambda size, value: [f'text {number}' for number in range(size // 14)] + [value],
}


def pair(shape: str, size: int) -> Pair:
    """Return an open incident and an event of its problem that differs from it."""
    older, newer = ({'name': 'Disk full', 'occurred': NOW, 'created': NOW, 'modified': NOW, 'status': 1, 'id': '1',
                     'dbotMirrorId': 'a:b', 'sourceBrand': 'GenericWebhook', 'sourceInstance': 'webhook',
                     'rawJSON': json.dumps({'details': SHAPES[shape](size, value)})} for value in (1000, 2000))
    return older, newer


def run_script(incidents: Pair) -> None:
    """Run the script for an event, with a server that has the incident."""
    import demistomock as demisto
    from GenericWebhookJoin import main

    incident, event = incidents
    demisto.reset()
    demisto.declare(incident=lambda: event, executeCommand=lambda command, _: [
        {'Type': 1, 'Contents': {'data': [dict(incident)]} if command == 'getIncidents' else None}])
    main()
    assert demisto.calls_of('results') == [(False,)], demisto.calls_of('error')
