"""Bodies as text, for a person."""
from __future__ import annotations

import codecs
import zlib
from contextlib import suppress
from dataclasses import dataclass

from localxsoar.forward import Headers

SHOWN_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Readable:
    """The beginning of a body as text: whether it is text at all, whether it was decompressed, and whether more follows."""
    text: str
    is_text: bool
    is_decompressed: bool
    is_cut: bool


def readable(headers: Headers, body: bytes, limit: int = SHOWN_BYTES) -> Readable:
    """Return the beginning of the body as text, decompressed from gzip."""
    coding = coding_of(headers)
    is_decompressed = False
    if coding == 'gzip':
        with suppress(zlib.error):
            body = zlib.decompressobj(31).decompress(body, limit + 1)  # 31: with the header of gzip
            is_decompressed = True
    shown, is_cut = body[:limit], len(body) > limit
    try:
        text = codecs.utf_8_decode(shown, 'strict', not is_cut)[0]  # a character that the limit cuts in two is left out
    except UnicodeDecodeError:
        return Readable(shown.decode('utf-8', 'replace'), False, is_decompressed, is_cut)
    return Readable(text, True, is_decompressed, is_cut)


def coding_of(headers: Headers) -> str:
    """Return how a body is compressed, such as `gzip`, or ''."""
    return next((value.lower() for name, value in headers if name.lower() == 'content-encoding'), '')
