"""Forms as tables: query parameters, form bodies and the parts of multipart forms."""
from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from email.parser import HeaderParser
from email.utils import collapse_rfc2231_value
from urllib.parse import parse_qsl

from localxsoar.forward import Headers
from localxsoar.webhooks.readable import SHOWN_BYTES

SHOWN_FIELDS = 1000
SHOWN_CHARACTERS = 10_000
HEAD_BYTES = 2048  # of a part: a longer head takes the parser seconds
JSON_START = re.compile(rb'\s*[{\[]')  # a client such as curl labels any body as a form


def query_fields(target: str) -> list[dict[str, str]]:
    """Return the decoded query parameters of a target."""
    return [field(name, value) for name, value in pairs(target.partition('?')[2])]


def form_fields(headers: Headers, body: bytes, mask: Callable[[str], str]) -> list[dict[str, str]]:
    """Return the fields of a body that is a form, or nothing. Each text is masked before a long one is cut."""
    label = Message()
    label['Content-Type'] = next((value for name, value in headers if name.lower() == 'content-type'), '')
    if label.get_content_type() == 'multipart/form-data' and (boundary := label.get_boundary()):
        return multipart_fields(body, boundary.encode(), mask)
    is_form = label.get_content_type() == 'application/x-www-form-urlencoded' and b'=' in body and not JSON_START.match(body)
    found = pairs(body[:SHOWN_BYTES].decode('utf-8', 'replace')) if is_form else []
    return [field(mask(name), mask(value)) for name, value in found]


def pairs(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text.rstrip('\r\n'), keep_blank_values=True)[:SHOWN_FIELDS]


def multipart_fields(body: bytes, boundary: bytes, mask: Callable[[str], str]) -> list[dict[str, str]]:
    """Return each part's name and value or, of a file, its name, type and size and the beginning of a text."""
    found = []
    for part in (b'\r\n' + body).split(b'\r\n--' + boundary, SHOWN_FIELDS + 1)[1:SHOWN_FIELDS + 1]:
        head, blank, content = part.removeprefix(b'\r\n').partition(b'\r\n\r\n')
        if not blank:
            continue
        named = HeaderParser().parsestr(head[:HEAD_BYTES].decode('utf-8', 'replace'))
        file = named.get_filename()
        note = f'file {file}, {named.get_content_type()}, {len(content):,} bytes' if file is not None else ''
        name = collapse_rfc2231_value(named.get_param('name', '', 'content-disposition'))
        found.append(field(mask(name), mask(shown(content, bool(note))), mask(note)))
    return found


def shown(content: bytes, is_file: bool) -> str:
    """Return a value as text. The content of a file is left out if it is not text."""
    try:
        return content[:SHOWN_BYTES].decode('utf-8', 'strict' if is_file and len(content) <= SHOWN_BYTES else 'replace')
    except UnicodeDecodeError:
        return ''


def field(name: str, value: str, note: str = '') -> dict[str, str]:
    return {'name': name, 'value': value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + '…', 'note': note}
