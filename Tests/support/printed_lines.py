"""Deliveries as the printer takes them, and the lines that it prints."""

import re
from typing import Any

DELIVERY: dict[str, Any] = {'method': 'POST', 'status': 200, 'milliseconds': 4.6, 'sender': 'curl', 'kind': 'created',
                            'target': '/way/in', 'incidents': ['7'], 'text': 'disk full'}
REJECTED: dict[str, Any] = {**DELIVERY, 'kind': 'rejected', 'status': 401, 'incidents': [], 'text': 'no token'}


def without_time(line: str) -> str:
    assert re.match(r'\d\d:\d\d:\d\d  ', line)
    return line[10:]
