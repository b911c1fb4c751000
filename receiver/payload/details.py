"""The rawJSON of an incident."""
import json
import re

from receiver.body.decoding import decode_in_pieces, join_within
from receiver.events.texts import ERROR_MARKERS
from receiver.limits import MAX_ESCAPED_BYTES, MAX_JSON_BYTES, MIB
from receiver.problems import TooLarge

# The server would take a marker for an error. With its first character escaped, it is still the same JSON string.
MARKERS_IN_JSON = [(marker, rb'\u%04x' % marker[0] + marker[1:]) for marker in map(str.encode, ERROR_MARKERS)]


def to_raw_json(source: bytes, headers: bytes = b'') -> bytes:
    """Return an incident's rawJSON, in UTF-8, from the JSON of its payload. Raise TooLarge.

    `headers` is the JSON of an object that becomes the last member, `headers`; if it is empty, nothing is added.
    """
    if headers:  # then `source` is an object
        opened = source[:-1].rstrip()  # without the closing brace
        comma = b'' if opened == b'{' else b', '
        source = b'%b%b"headers": %b}' % (opened, comma, headers)
    for marker, marker_in_json in MARKERS_IN_JSON:
        source = source.replace(marker, marker_in_json)
    if len(source) > MAX_JSON_BYTES:
        raise TooLarge(f'The body is larger than {MAX_JSON_BYTES / MIB:g} MiB as JSON.')
    return escape_wide_characters(source) if len(source) > MIB else source


BEYOND_FF, BEYOND_FFFF = re.compile('[\u0100-\U0010ffff]+'), re.compile('[\U00010000-\U0010ffff]+')


def escape_wide_characters(source: bytes) -> bytes:
    r"""Return a JSON text as it is, without wide characters, or without wide and middle ones: whichever takes the least memory.

    One wide character, beyond U+FFFF, makes every character of a str take four bytes; a middle one, beyond U+00FF, two. To avoid
    that, all of them are escaped, and their escapes are ASCII: `\ud83d\ude00` for a wide one, `\u20ac` for a middle one.
    """
    if source.isascii():
        return source
    characters = narrow = wide = 0  # all; those up to U+00FF; those beyond U+FFFF
    for piece in decode_in_pieces(source):
        characters += len(piece)
        narrow += len(piece.encode('latin-1', 'ignore'))
        wide += len(piece.encode('utf-16-le')) // 2 - len(piece)  # in UTF-16 these are two units, and all others are one
    middle = characters - narrow - wide
    # The escape of a wide character has 12 characters of one byte each, in place of one that takes 4 bytes in UTF-8; that of a
    # middle one has 6, in place of one that takes 2 or 3: so it takes at most 4 bytes more. This is what all escapes add:
    wide_bytes, middle_bytes, wide_length, middle_length = (12 - 4) * wide, (6 - 2) * middle, (12 - 1) * wide, (6 - 1) * middle
    ways = [  # what is escaped; then the bytes of the text in UTF-8, its length as a str, and the bytes of a character there
        (None, len(source), characters, 4 if wide else 2 if middle else 1),
        (BEYOND_FFFF, len(source) + wide_bytes, characters + wide_length, 2 if middle else 1),
        (BEYOND_FF, len(source) + wide_bytes + middle_bytes, characters + wide_length + middle_length, 1),
    ]
    # The text waits in UTF-8, and is a str in the call and in the reply.
    memory = {escaped: in_utf8 + 2 * length * width for escaped, in_utf8, length, width in ways if in_utf8 <= MAX_ESCAPED_BYTES}
    to_escape = min(memory, key=memory.__getitem__)
    if not to_escape:
        return source
    pieces = (to_escape.sub(lambda found: json.dumps(found[0])[1:-1], piece).encode() for piece in decode_in_pieces(source))
    return join_within(pieces, MAX_ESCAPED_BYTES, 'as JSON')
