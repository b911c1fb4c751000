"""Replies from a file, to commands and requests that the local XSOAR cannot carry out itself."""
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localxsoar.errors import UsageError
from localxsoar.server.war_room import parse_command

WAY_OUT = 'Give it a reply in a file of --replies, such as {}.'


class Replies:
    """The rows of a file. A key is a command, or a request such as `GET /user`, with the arguments that it is the reply for."""

    def __init__(self, rows: Mapping[str, Any]) -> None:
        self._rows = [(*parse_command(f'!{key}'), value) for key, value in rows.items()]
        self._rows.sort(key=lambda row: -len(row[1]))  # the reply for certain arguments comes before that for any

    def has(self, command: str) -> bool:
        return any(name == command for name, _, _ in self._rows)

    def find(self, command: str, args: Mapping[str, Any]) -> list[Any]:
        """Return a list with the reply, or an empty one. The latter differs from one with a null."""
        return [value for name, wanted, value in self._rows if name == command
                and all(_text(args.get(key)) == text for key, text in wanted.items())][:1]

    def entries(self, command: str, args: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the reply as entries: those in the file, or one with the value as contents. Return None without a reply."""
        for value in self.find(command, args):
            found = value if isinstance(value, list) else [value]
            if found and all(isinstance(each, dict) and 'Contents' in each for each in found):
                return found
            return [{'Contents': value, 'ContentsFormat': 'text' if isinstance(value, str) else 'json'}]
        return None


def load_replies(file: Path | None) -> Replies:
    """Return the replies in a JSON file, none without a file. Raise UsageError if it has no object."""
    if not file:
        return Replies({})
    try:
        rows = json.loads(file.read_text('utf-8'))
    except (OSError, ValueError) as error:
        raise UsageError(f'--replies {file}: {getattr(error, "strerror", None) or f"it is not JSON: {error}"}.') from None
    if not isinstance(rows, dict):
        raise UsageError(f'--replies {file}: it must be an object of commands and replies, such as {{"send-mail": "sent"}}.')
    return Replies(rows)


def line_for(key: str, reply: Any = 'done') -> str:
    """Return the sentence that says which line of the file would be a reply."""
    return WAY_OUT.format(json.dumps({key: reply}))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
