"""From bytes to text: decompression and character sets."""
import codecs
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress

from receiver.body.memory import PIECE_BYTES, MemoryClaim
from receiver.limits import MAX_BODY_BYTES, MAX_GZIP_MEMBERS, MIB
from receiver.problems import BadRequest, TooLarge, UnsupportedMedia
from receiver.sharing import let_others_run_if_due

# The numbers are zlib's wbits: 31 expects gzip's header, 15 zlib's; x-gzip means gzip (RFC 9110, 8.4.1.3).
WINDOW_BITS = {'gzip': 31, 'x-gzip': 31, 'deflate': 15}


def decompress(body: bytes, coding: str, claim: MemoryClaim) -> bytes:
    """Return the body decoded from its Content-Encoding `coding`. The claim grows with what is decompressed.

    Raise TooLarge, BadRequest, UnsupportedMedia, or (if there is no room) Unavailable.
    """
    coding = coding.strip().lower()  # content codings are case-insensitive (RFC 9110, 8.4.1)
    if coding in ('', 'identity') or not body:
        return body
    if coding not in WINDOW_BITS:
        raise UnsupportedMedia(f'The Content-Encoding is not one of {", ".join(WINDOW_BITS)}.', coding)
    # "deflate" means the zlib format, but some senders leave out its wrapper (RFC 9110, 8.4.1.2). With the wrapper, the
    # low half of the first byte is 8 (RFC 1950, 2.2). Negative wbits expect no wrapper.
    is_bare = coding == 'deflate' and body[0] % 16 != 8
    try:
        pieces = decompress_in_pieces(body, -15 if is_bare else WINDOW_BITS[coding], claim)
        return join_within(pieces, MAX_BODY_BYTES, 'after decompression')
    except zlib.error:
        raise BadRequest(f'The body is not what its Content-Encoding says: {coding}.') from None


def decompress_in_pieces(body: bytes, window_bits: int, claim: MemoryClaim) -> Iterator[bytes]:
    """Yield the decompressed body in pieces of at most PIECE_BYTES; `join_within` lets other greenlets run between them.

    Raise zlib.error, TooLarge or Unavailable.
    """
    packed = io.BytesIO(body)
    for _ in range(MAX_GZIP_MEMBERS):  # gzip files may be concatenated (RFC 1952, 2.2): each is a member
        member = zlib.decompressobj(window_bits)
        while not member.eof:
            # First the input whose output had no place in the last piece. At the end of the body zlib may still have output.
            compressed = member.unconsumed_tail or packed.read(PIECE_BYTES)
            piece = member.decompress(compressed, PIECE_BYTES)
            if not compressed and not piece:
                raise zlib.error('the body ends before the member')
            claim.reserve(claim.size + len(piece))
            yield piece
        packed.seek(-len(member.unused_data), io.SEEK_CUR)  # back to the end of the member: what follows it was read, too
        if packed.tell() == len(body):
            return
    raise TooLarge(f'The body has more than {MAX_GZIP_MEMBERS:,} gzip members.')


def decode_in_pieces(source: bytes | memoryview, encoding: str = 'utf-8', errors: str = 'strict') -> Iterator[str]:
    """Yield the text of the bytes in pieces. Raise UnicodeError, or LookupError for an unknown encoding."""
    # Not as one str: a single character beyond U+FFFF would make Python store every character of it in four bytes.
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for start in range(0, len(source), PIECE_BYTES):
        let_others_run_if_due()
        yield decoder.decode(bytes(source[start:start + PIECE_BYTES]))
    yield decoder.decode(b'', final=True)  # raises UnicodeError if the bytes end within a character


def checked_utf8(source: bytes) -> bytes:
    """Return the same bytes if they are UTF-8. Raise UnicodeError if not."""
    for _ in decode_in_pieces(source):
        pass
    return source


def join_within(pieces: Iterable[bytes], most: int, measured: str) -> bytes:
    """Return the joined pieces. Raise TooLarge if they have more than `most` bytes, `measured` such as 'in UTF-8'."""
    joined = io.BytesIO()  # getvalue() makes no copy; b''.join() would need memory for the pieces and for the result
    for piece in pieces:
        let_others_run_if_due()
        if joined.tell() + len(piece) > most:
            raise TooLarge(f'The body is larger than {most / MIB:g} MiB {measured}.')
        joined.write(piece)
    return joined.getvalue()


# The encodings to decode. Python's other codecs are not used: some take quadratic time, and some produce text that
# JSON can't contain.
CHARSET = re.compile(r'''
    utf-?8 | utf-?(16|32)(-?[bl]e)? |  # Unicode; `be` and `le` are the orders of bytes
    (us-)?ascii | latin-?1 | iso-?8859-[0-9]{1,2} | (cp|windows-)125[0-9] |  # European and other alphabets
    s(hift-?)?jis | euc-?(jp|kr) | gbk | gb2312 | gb18030 | big5 |  # Japanese, Korean, Chinese
    koi8-[ru]  # Russian, Ukrainian
    ''', re.IGNORECASE | re.VERBOSE)


def to_utf8(body: bytes, charset: str, is_json: bool) -> bytes:
    """Return the body in UTF-8, without a byte order mark; `charset` is the one in the Content-Type, or empty.

    If the body is not text, raise BadRequest (with `is_json`) or UnsupportedMedia. Raise TooLarge if it grows too large.
    """
    charset = charset.replace('_', '-')
    has_byte_order_mark = body[:2] in (b'\xff\xfe', b'\xfe\xff', b'\0\0')  # UTF-16 LE and BE; 00 00 FE FF of UTF-32 BE
    if re.fullmatch('(?i)utf-?(16|32)', charset) and not has_byte_order_mark:
        charset = f'utf-{charset[-2:]}-le'  # .NET leaves out the byte order mark, by which Python's decoder finds the order
    # A body that is valid UTF-8 is read as UTF-8, whatever its label says: text in another encoding hardly ever is. Otherwise
    # its charset is tried, if CHARSET allows that.
    for encoding in ('utf-8', charset) if CHARSET.fullmatch(charset) else ('utf-8',):
        with suppress(UnicodeError, LookupError):  # then the next encoding is tried, if there is one
            utf8 = (checked_utf8(body) if encoding == 'utf-8'
                    else join_within(map(str.encode, decode_in_pieces(body, encoding)), MAX_BODY_BYTES, 'in UTF-8'))
            if b'\0' not in utf8:  # text has no NUL: a body with one is binary, or in another encoding such as UTF-16
                return utf8.removeprefix(codecs.BOM_UTF8)
    if is_json:
        raise BadRequest('The body is not UTF-8 text: send it as UTF-8, or name its charset in the Content-Type.')
    raise UnsupportedMedia('The body is not text: JSON, NDJSON, forms (a file as multipart/form-data) and other text such as '
                           'XML or CSV are accepted, in UTF-8 unless the Content-Type says otherwise.')
