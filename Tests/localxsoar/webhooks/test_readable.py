"""Bodies as readable text: decompressed, decoded and cut."""

import gzip
from typing import Any

import pytest

from localxsoar.webhooks.readable import SHOWN_BYTES, readable

GZIP = [('Content-Encoding', 'GZip')]


@pytest.mark.parametrize('headers, body, text, is_text', [
    ([], b'', '', True), ([], 'grün'.encode(), 'grün', True), ([], b'a\xff', 'a\ufffd', False),
    (GZIP, gzip.compress(b'zipped', mtime=0), 'zipped', True),
    (GZIP, b'not zipped', 'not zipped', True), ([('Content-Encoding', 'br')], b'plain', 'plain', True),
    ([], b'x' * (SHOWN_BYTES + 1), 'x' * SHOWN_BYTES, True),
    (GZIP, gzip.compress(b'x' * (SHOWN_BYTES + 1), mtime=0), 'x' * SHOWN_BYTES, True),
    *(([], b'x' * (SHOWN_BYTES - room) + '💥💥'.encode(), 'x' * (SHOWN_BYTES - room) + '💥' * (room // 4), True)
      for room in range(9)),
    ([], b'a\xf0\x9f', 'a\ufffd', False),
    (GZIP, gzip.compress(b'x' * (SHOWN_BYTES - 1) + '💥'.encode(), mtime=0), 'x' * (SHOWN_BYTES - 1), True),
    ([], b'x' * (SHOWN_BYTES - 1) + b'\xf0', 'x' * (SHOWN_BYTES - 1) + '\ufffd', False),
    ([], b'x' * (SHOWN_BYTES - 20) + b'\xff' + b'x' * 30, 'x' * (SHOWN_BYTES - 20) + '\ufffd' + 'x' * 19, False),
])
def test_a_body_is_shown_as_text_up_to_a_mebibyte(headers: Any, body: bytes, text: str, is_text: bool) -> None:
    seen = readable(headers, body)
    assert (seen.text, seen.is_text) == (text, is_text)
    assert seen.is_decompressed is (headers == GZIP and body != b'not zipped')
