"""Reading responses: why a request was rejected, and whether the response confirmed an address."""
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import islice

from localxsoar.forward import Headers

NOTE = 'x-webhook-note'  # the header in which a receiver says what is wrong with a request that it accepted
SHOWN_CHARACTERS = 300
INCIDENT_ID = re.compile(rb'"id": ?"(\d{1,20})"')  # in a text, such as an incident's rawJSON, each quote is after a backslash
LONGEST_ID = 40  # more bytes than a match has


@dataclass
class Mentioned:
    """The ids of incidents in a response, read piece by piece, because a long response is not kept whole."""
    found: dict[str, None] = field(default_factory=dict)  # in their order
    _rest: bytes = b''

    def read(self, piece: bytes) -> None:
        text = self._rest + piece
        self.found.update((match[1].decode(), None) for match in INCIDENT_ID.finditer(text))
        self._rest = text[-LONGEST_ID:]

    @property
    def ids(self) -> list[str]:
        return list(self.found)


def problem(text: str) -> str:
    """Return the reason that a rejecting response gives: a field of its JSON, or else its text."""
    try:
        content = json.loads(text)
        reason = next((content[key] for key in ('detail', 'error', 'message', 'title') if content.get(key)), text)
    except (ValueError, AttributeError, RecursionError):
        reason = text
    return headline(str(reason))


def headline(text: str) -> str:
    """Return the first line of a text, shortened if it is long."""
    first = text.strip().partition('\n')[0].strip()
    return first if len(first) <= SHOWN_CHARACTERS else first[:SHOWN_CHARACTERS - 1] + '…'


def is_handshake(request_text: str, response_headers: Headers, response_text: str) -> bool:
    """Return whether the response repeats a text of the request, as senders demand to verify an address."""
    # A CloudEvents receiver confirms an address in headers that begin with WebHook-.
    echoed = [value for name, value in response_headers if name.lower().startswith('webhook-')]
    # Shorter texts, such as `ok`, may be in a request by chance.
    return any(len(value) >= 4 and value in request_text for value in [*echoed, *texts(response_text)])


def texts(response: str) -> list[str]:
    """Return the first texts in a response that is a JSON object, or else the whole response."""
    try:
        content = json.loads(response)
    except (ValueError, RecursionError):
        return [response]
    if not isinstance(content, dict):
        return [response]
    return [value for value in islice(content.values(), 10) if isinstance(value, str)]
