"""The local XSOAR's own errors, each with a text of one line that says what to change, and the form of an error reply."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class UsageError(Exception):
    """The command line, the pack or the instance's form is wrong."""


class CallRejected(Exception):
    """The server rejects a call: the container gets an error reply with this text."""


class CommandFailed(Exception):
    """A single command failed; the text is the integration's own. `entries` has all that the command returned."""

    def __init__(self, text: str, entries: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(text)
        self.entries = list(entries)


class RawReply(str):
    """A reply that is sent as it is: an error, or what is not JSON. Any other reply is sent as JSON."""
