"""The local XSOAR's own errors, each with a text of one line that says what to change, and the form of an error reply."""
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

# The last frame of a traceback, or the place of a SyntaxError, with the indented lines of code below it.
LAST_FRAME = re.compile(r'^ +File ".*", line \d+.*\n(?: +.*\n)*', re.MULTILINE)
NO_MESSAGE = 'An error without a message.'


class UsageError(Exception):
    """The command line, the pack or the instance's form is wrong.

    Its first argument is what is wrong. A second one is what to write on the command line, which is of no use on the page.
    """

    def __str__(self) -> str:
        return ' '.join(map(str, self.args))


class CallRejected(Exception):
    """The server rejects a call: the container gets an error reply with this text."""


class CommandFailed(Exception):
    """A single command failed; the text is the integration's own. `entries` has all that the command returned."""

    def __init__(self, text: str, entries: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(text)
        self.entries = list(entries)


class RawReply(str):
    """A reply that is sent as it is: an error, or what is not JSON. Any other reply is sent as JSON."""


def split_error(text: str) -> tuple[str, str]:
    """Return the traceback at the beginning of an error's text, or '', and the message after it, which may have several lines."""
    frames = [*LAST_FRAME.finditer(text)] if text.startswith('Traceback ') else []
    end = frames[-1].end() if frames else 0
    return text[:end], text[end:].strip() or NO_MESSAGE


def message_of(text: str) -> str:
    """Return what an error says, without a traceback before it."""
    return split_error(text)[1]
