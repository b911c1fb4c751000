"""What a response says to a person: why a request was rejected, and whether it confirmed an address."""
from __future__ import annotations

import json
from itertools import islice

from localxsoar.forward import Headers

TOLD_CHARACTERS = 300


def problem(text: str) -> str:
    """Why a request was refused, in the words of whoever refused it."""
    try:
        content = json.loads(text)
        told = next((content[key] for key in ('detail', 'error', 'message', 'title') if content.get(key)), text)
    except (ValueError, AttributeError, RecursionError):
        told = text
    return first_line(str(told))


def first_line(text: str) -> str:
    line = text.strip().partition('\n')[0].strip()
    return line if len(line) <= TOLD_CHARACTERS else line[:TOLD_CHARACTERS - 1] + '…'


def is_handshake(request_text: str, response_headers: Headers, response_text: str) -> bool:
    """Whether the answer gives back what the request asked to be given back."""
    echoed = [value for name, value in response_headers if name.lower().startswith('webhook-')]
    return any(len(value) >= 4 and value in request_text for value in [*echoed, *texts(response_text)])


def texts(answer: str) -> list[str]:
    """The answer itself, or the texts in it when it is a JSON object."""
    try:
        content = json.loads(answer)
    except (ValueError, RecursionError):
        return [answer]
    return [value for value in islice(content.values(), 10) if isinstance(value, str)] if isinstance(content, dict) else [answer]
