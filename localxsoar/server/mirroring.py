"""The commands of mirroring, which a descriptor switches on rather than declares, and their arguments, not all of them texts."""
from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import Any

from localxsoar.errors import CommandFailed

MAPPING_FIELDS, REMOTE_DATA, MODIFIED, UPDATE = (
    'get-mapping-fields', 'get-remote-data', 'get-modified-remote-data', 'update-remote-system')
NEEDED = object()
INTERVAL = timedelta(minutes=1)
# By command: the key of the descriptor that switches it on, and its arguments with what the server passes if nothing has changed.
COMMANDS: dict[str, tuple[str, dict[str, Any]]] = {
    MAPPING_FIELDS: ('ismappable', {}),
    REMOTE_DATA: ('isremotesyncin', {'id': NEEDED, 'lastUpdate': ''}),
    MODIFIED: ('isremotesyncin', {'lastUpdate': ''}),
    UPDATE: ('isremotesyncout', {'remoteId': '', 'data': {}, 'delta': {}, 'entries': [], 'incidentChanged': False,
                                 'status': 0}),
}


def described(script: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the mirroring commands that a descriptor switches on, in the form of declared ones."""
    for name, (switch, defaults) in COMMANDS.items():
        if script.get(switch):
            yield {'name': name, 'description': 'The server runs this command to mirror incidents.', 'arguments': [
                {'name': argument, 'required': default is NEEDED,
                 'description': f'{type(default).__name__} as JSON' if is_json(default) else '',
                 'defaultValue': json.dumps(default) if is_json(default) else None} for argument, default in defaults.items()]}


def is_json(default: Any) -> bool:
    return not isinstance(default, str) and default is not NEEDED


def fill(command: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a mirroring command, read from JSON where the server passes an object, a list or a number.

    Raise CommandFailed for one that is missing or of the wrong type.
    """
    defaults = COMMANDS[command][1]
    if missing := [name for name, default in defaults.items() if default is NEEDED and not given.get(name)]:
        raise CommandFailed(f'{command} needs {", ".join(missing)}.')
    filled = {**defaults, **{name: read(command, name, defaults.get(name, ''), value) for name, value in given.items()}}
    if filled.get('lastUpdate') == '':
        filled['lastUpdate'] = (datetime.now(timezone.utc) - INTERVAL).strftime('%Y-%m-%dT%H:%M:%SZ')
    return filled


def read(command: str, name: str, default: Any, value: Any) -> Any:
    """Return an argument in the type of its default."""
    if not is_json(default):
        return value
    with_type = None if isinstance(value, str) else value
    with suppress(ValueError, TypeError):
        with_type = json.loads(value)
    if type(with_type) is not type(default):
        raise CommandFailed(f'{command}: {name} is {type(default).__name__} as JSON, such as {json.dumps(default)}, not '
                            f'{value!r}. Give a file with {name}=@FILE.json.')
    return with_type
