"""From text to payloads: forms, multipart and JSON."""
import binascii
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice
from typing import Any

from msgspec import DecodeError, Raw, defstruct
from msgspec.json import Decoder
from msgspec.json import encode as to_json
from msgspec.structs import astuple
from multipart import MultipartSegment, PushMultipartParser, parse_options_header

from receiver.body.decoding import checked_utf8, decode_in_pieces, join_within, to_utf8
from receiver.body.memory import PIECE_BYTES
from receiver.events.rows import SenderRows
from receiver.events.url_words import NO_WORDS, UrlWords
from receiver.limits import MAX_BODY_BYTES, MAX_EVENTS, MAX_FORM_FIELDS, MAX_JSON_BYTES, SMALL_BODY_BYTES
from receiver.problems import BadRequest, TooLarge, UnsupportedMedia
from receiver.proof.replays import FORM_NAME, JSON_START
from receiver.proof.secrets import kept_headers
from receiver.settings import Settings, Token
from receiver.sharing import let_others_run_if_due

# In this room, `source` is text as UTF-8 bytes: a whole body, or the JSON of one payload. It stays bytes because a str
# may take four bytes for each character.


@dataclass(frozen=True)
class IncidentDefaults:
    """What the request and the instance supply where a payload says nothing itself.

    `occurred` is the time of arrival in RFC 3339, the names of `headers` are in lower case, `words` are those of the URL, `token`
    is the one that proved the request.
    """

    occurred: str
    headers: dict[str, str]
    settings: Settings
    sender_rows: SenderRows
    words: UrlWords = NO_WORDS
    token: Token | None = None

    @cached_property
    def kept_headers_json(self) -> bytes:
        """Return the JSON object of the headers that the incidents keep. It is made once for all events of the request."""
        return json.dumps(kept_headers(self.settings, self.headers)).encode()

    def headers_for_words(self) -> dict[str, str]:
        """Return the headers that a path in the URL reads.

        None of them *is* a token, and none *contains* the one that proved the request. Those that contain another token are
        among them, even where no incident keeps them: see reveals_token.
        """
        return kept_headers(self.settings, self.headers, self.token)


WHITESPACE = rb'[ \t\r\n\xef\xbb\xbf]*'  # the last three are the bytes of a byte order mark
# curl labels any text as a form. A form begins with a name and =, and has no line break, except that curl sends one after a file.
FORM = re.compile(rf'(?>{FORM_NAME})=(?>[^\r\n]*)\r?\n?\Z'.encode())
FORM_FIELD = re.compile(rb'(?=[^&\r\n])([^=&\r\n]*)=?([^&\r\n]*)')  # its name and its value
# `date=2026-11-24 time=10:00:00` is a log line: a form has & before its next field, and + or %20 for a space.
NEXT_PAIR = re.compile(rb'[ \t][\w.*+%~$@\[\]\x80-\xff-]+=')


def read_payloads(body: bytes, content_type: str = '') -> list[bytes]:
    """Return the payloads in a body, each as the JSON of an object; other text becomes {"body": text}. Raise Rejected.

    The text decides more than the Content-Type does, since many senders set a wrong one.
    """
    media_type, options = parse_options_header(content_type[:1000])
    # JSON and an empty body are not multipart, whatever the Content-Type says.
    if media_type == 'multipart/form-data' and not re.match(WHITESPACE + rb'(?:[{[]|\Z)', body):
        return form_payloads(multipart_fields(body, options.get('boundary', '')))
    is_json = bool(re.fullmatch(r'application/((.+\+)?json|x-ndjson|jsonl?)', media_type))
    source = to_utf8(body, options.get('charset', ''), is_json)
    if re.fullmatch(WHITESPACE, source):
        return [b'{}']
    if is_json or JSON_START.match(source):
        try:
            return json_payloads(source)
        except BadRequest:
            if not media_type.startswith('text/'):  # a text may begin like JSON without being JSON
                raise
    elif media_type == 'application/x-www-form-urlencoded' and is_form(source):
        return form_payloads(urlencoded_fields(source))
    return [json_source({b'body': source})]


def is_form(source: bytes) -> bool:
    """Return whether a text that is labelled as a form really is one, and not a line of a log.

    Pairs with blanks between them, as in `a=1 b=2`, are a line of a log; if there are several blanks, also with a `&`, which
    somebody may have typed.
    """
    most = 1 if b'&' in source else 0
    return FORM.match(source) is not None and len([*islice(NEXT_PAIR.finditer(source), most + 1)]) <= most


def json_source(value: dict[bytes, Any]) -> bytes:
    """Return a value as JSON (see json_pieces). Raise TooLarge: escapes can make a text six times as long."""
    return join_within(json_pieces(value), MAX_JSON_BYTES, 'as JSON')


def json_pieces(value: Any) -> Iterator[bytes]:
    """Yield the JSON of a value in pieces. Strings that may be long are passed as UTF-8 bytes."""
    match value:
        case bytes():
            yield b'"'
            yield from (to_json(piece)[1:-1] for piece in decode_in_pieces(value))
            yield b'"'
        case dict() | list():
            is_object = isinstance(value, dict)
            yield b'{' if is_object else b'['
            for number, key_or_item in enumerate(value):
                if number:
                    yield b','
                yield from json_pieces(key_or_item)
                if is_object:
                    yield from chain([b':'], json_pieces(value[key_or_item]))
            yield b'}' if is_object else b']'
        case _:
            yield to_json(value)


def form_payloads(fields: Iterator[tuple[bytes, Any]]) -> list[bytes]:
    """Return the payloads of a form's fields, given as names and values. Raise Rejected.

    If `payload` is the form's only field and begins like JSON, the form is that JSON. Any other form is an object,
    in which a field that occurs more than once is a list.
    """
    values: dict[bytes, list[Any]] = {}
    try:
        for name, value in fields:
            values.setdefault(name, []).append(value)
    except ValueError as error:  # a MultipartError and a UnicodeError are ValueErrors, too
        error_class = UnsupportedMedia if isinstance(error, UnicodeError) else BadRequest
        raise error_class(f'The form is malformed, is not UTF-8, or has more than {MAX_FORM_FIELDS:,} fields.') from None
    match [*values.items()]:
        case [(b'payload', [bytes(payload)])] if JSON_START.match(payload):  # one field with one text: a file would be a dict
            return json_payloads(payload)
    return [json_source({name: several if len(several) > 1 else several[0] for name, several in values.items()})]


def urlencoded_fields(source: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the value of each field of a form. Raise ValueError, TooLarge."""
    # Counted and found by positions, because splitting a form of 25 MiB would copy it.
    if source.count(b'&') >= MAX_FORM_FIELDS:
        raise ValueError('it has too many fields')
    for found in FORM_FIELD.finditer(source):
        yield percent_decoded(source, *found.span(1)), percent_decoded(source, *found.span(2))


def percent_decoded(source: bytes, start: int, end: int) -> bytes:
    """Return source[start:end] of a form, decoded (`disk+full%21` -> `disk full!`). Raise UnicodeError, TooLarge."""
    return checked_utf8(join_within(decoded_pieces(source, start, end), MAX_BODY_BYTES, 'decoded'))


PERCENT_OF_CODE = re.compile(rb'%(?=[0-9A-Fa-f]{2})')


def decoded_pieces(source: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield source[start:end] of a form, decode_in_pieces, in pieces, because decoding makes several copies of each."""
    while start < end:
        piece_end = min(start + PIECE_BYTES, end)
        last_percent = source.rfind(b'%', piece_end - 2, piece_end)
        if last_percent >= 0 and piece_end < end:  # the piece might end inside a code such as `%2F`
            piece_end = last_percent
        piece = source[start:piece_end].replace(b'+', b' ')
        # As quoted-printable, which has `=` in place of `%`: `a=%21` becomes `a=3D=21`. (There is no line break, which would mean
        # more there: FORM_FIELD ends before one.) unquote_to_bytes takes twice as long for codes, and 20 times as long for `%%%`.
        yield binascii.a2b_qp(PERCENT_OF_CODE.sub(b'=', piece.replace(b'=', b'=3D')))
        start = piece_end


def multipart_fields(body: bytes, boundary: str) -> Iterator[tuple[bytes, Any]]:
    """Yield each field as its name and its text, or for a file its name, type and size. Raise ValueError."""
    parser = PushMultipartParser(boundary, max_segment_count=MAX_FORM_FIELDS, max_header_size=2048)
    # The parser yields for each field its head (a MultipartSegment), then pieces of its content, then None.
    for part in parser.parse_blocking(io.BytesIO(body).read, PIECE_BYTES):
        let_others_run_if_due()
        if isinstance(part, MultipartSegment):
            segment, content = part, io.BytesIO()
        elif part:
            content.write(part if segment.filename is None else b'')  # of a file, only the size is kept
        elif segment.filename is None:
            yield segment.name.encode(), checked_utf8(content.getvalue())
        else:
            file = {'filename': segment.filename, 'content_type': segment.content_type, 'size': segment.size}
            yield segment.name.encode(), file


JSON_KINDS = {b'{': 'an object', b'[': 'an array', b'"': 'a string', b'n': 'null',
              b't': 'true or false', b'f': 'true or false'}


def json_kind(source: bytes) -> str:
    """Return in words what kind of value a valid JSON text without leading blanks is."""
    return JSON_KINDS.get(source[:1], 'a number')


def json_payloads(source: bytes) -> list[bytes]:
    """Return the payloads of a JSON text: one object, an array of objects, or objects in a row as in NDJSON.

    Replace lone surrogates, and in a small text escape control characters in strings. Raise BadRequest, TooLarge.
    """
    try:
        values = json_values(source, source)
    except BadRequest:  # only invalid JSON pays for the repairs
        values = mended_values(source)
    if len(values) == 1 and json_kind(values[0]) == 'an array':
        values = array_items(values[0])
    if len(values) > MAX_EVENTS:
        raise too_many_events()
    for index, value in enumerate(values):
        if (kind := json_kind(value)) != 'an object':
            raise BadRequest(f'{which_item(index, values)}the event is {kind}; it must be an object.')
    return values


def mended_values(source: bytes) -> list[bytes]:
    """Return the JSON values of an invalid text after repairs. Raise BadRequest if it stays invalid.

    1. Replace each lone surrogate by an escape of the same length.
    2. Try a small text with a blank for each control character in its strings. No position has moved, so an error names the
       sender's own line and column.
    3. If that is valid, escape these characters instead: this keeps what they say, but moves what follows.

    A large text keeps its control characters, and with them stays invalid: controls_in_strings needs a text as one str, and lets
    nobody run meanwhile.
    """
    mended = replace_lone_surrogates(source)
    if len(source) <= SMALL_BODY_BYTES:
        json_values(controls_in_strings(mended, AS_SPACES), source)  # only for its error, with the sender's line and column
        mended = controls_in_strings(mended, JSON_ESCAPES)
    return json_values(mended, source)


def which_item(index: int, items: list[bytes]) -> str:
    """Return the beginning of a message about one of several items, or '' if there is only one."""
    return f'Item {index + 1} of {len(items)}: ' if len(items) > 1 else ''


VALUE_DECODER = Decoder(Raw)
too_deep = partial(BadRequest, 'The body is not usable JSON: it is nested too deeply.')
too_many_events = partial(TooLarge, f'The body contains more than {MAX_EVENTS:,} events: send fewer at a time.')


def json_values(source: bytes, as_sent: bytes) -> list[bytes]:
    """Return the JSON values that follow one another: `{"a": 1} {"b": 2}` -> [`{"a": 1}`, `{"b": 2}`]. Raise BadRequest.

    Return at most MAX_EVENTS + 1 values, so that the caller can detect that there are too many. `as_sent` is the text
    before it was mended: positions in error messages refer to it.
    """
    values: list[bytes] = []
    start = 0
    while start < len(source) and len(values) <= MAX_EVENTS:
        let_others_run_if_due()
        end = json_value_end(source, start, as_sent)
        values.append(source[start:end].strip())
        start = end
    return values


def json_value_end(source: bytes, start: int, as_sent: bytes) -> int:
    """Return the end of the JSON value that begins at `start`, including the blanks after it. Raise BadRequest."""
    # msgspec cannot decode one value and stop: decode() rejects a text in which something follows the value, and
    # decode_lines() decodes all values, however many there are. But the error of decode() says where the value ends.
    try:
        VALUE_DECODER.decode(memoryview(source)[start:])
        return len(source)  # nothing follows the value
    except RecursionError:
        raise too_deep() from None
    except DecodeError as error:
        # There is no position if the text ends early.
        if not (message := re.fullmatch(r'JSON is malformed: (.+) \(byte (\d+)\)', str(error))):
            raise not_json('it ends early', as_sent, len(source)) from None
        reason, position = message[1], start + int(message[2])
        if reason == 'trailing characters':  # the value itself is valid
            return position - 1  # msgspec names the second byte of what follows it
        raise not_json(reason, as_sent, position) from None


NO_JSON_NUMBER = re.compile(rb'NaN|-?Infinity')  # Python's json writes these


def not_json(reason: str, source: bytes, position: int) -> BadRequest:
    """Return the error for invalid JSON: the reason, and the line and column of a position in bytes."""
    # Of `-Infinity`, msgspec gives the position of the `I`: so try one byte earlier first.
    if number := NO_JSON_NUMBER.match(source, max(position - 1, 0)) or NO_JSON_NUMBER.match(source, position):
        reason, position = f'{number[0].decode()} is not JSON', number.start()
    line = source.count(b'\n', 0, position) + 1
    line_start = source.rfind(b'\n', 0, position) + 1
    column = sum(map(len, decode_in_pieces(memoryview(source)[line_start:position], errors='ignore'))) + 1  # in characters
    return BadRequest(f'The body is not valid JSON: {reason}, line {line} column {column}.')


# Decoding into a struct of MAX_EVENTS + 1 items keeps no further ones: a list of all could take hundreds of MiB.
FIRST_ITEMS = Decoder(defstruct(
    'FirstItems', [(f'item_{number}', Raw, Raw()) for number in range(MAX_EVENTS + 1)], array_like=True))


def array_items(array: bytes | Raw) -> list[bytes]:
    """Return the items of a JSON array, at most MAX_EVENTS + 1: the caller rejects more than MAX_EVENTS."""
    return [bytes(item) for item in astuple(FIRST_ITEMS.decode(array)) if item]  # a field for which there is no item is empty


# A surrogate as a JSON escape: a high one and a low one make a pair, `\ud83d\ude00` is one emoji. Either without the other is
# alone. (`\\u[dD]` comes first so that the search for it is quick.)
HIGH, LOW = rb'\\u[dD][89abAB][\da-fA-F]{2}', rb'\\u[dD][c-fC-F][\da-fA-F]{2}'
LONE_SURROGATE = re.compile(rb"""
    \\u[dD] (?: [89abAB][\da-fA-F]{2} (?! LOW ) | (?<! HIGH \\u[dD] ) [c-fC-F][\da-fA-F]{2} )
    """.replace(b'HIGH', HIGH).replace(b'LOW', LOW), re.VERBOSE)
# A piece of a text, which ends before an escape but not within a pair: so each piece can be mended by itself.
PIECE = re.compile(rb'.{1,%d} [^\\]* (?:LOW)?'.replace(b'LOW', LOW) % PIECE_BYTES, re.DOTALL | re.VERBOSE)
NO_ESCAPE = b'\xff\xff'  # for an escaped backslash, whose second half starts no escape; no text in UTF-8 has these bytes


def replace_lone_surrogates(source: bytes) -> bytes:
    r"""Return a JSON text with \ufffd in place of each lone surrogate, as the server writes it: `"\ud83d!"` -> `"\ufffd!"`.

    The replacement is as long as what it replaces, so that positions stay the same.
    """
    mended = io.BytesIO()
    for piece in PIECE.finditer(source.replace(rb'\\', NO_ESCAPE)):
        let_others_run_if_due()
        mended.write(LONE_SURROGATE.sub(rb'\\ufffd', piece[0]))
    return mended.getvalue().replace(NO_ESCAPE, rb'\\')


JSON_ESCAPES = {code: json.dumps(chr(code))[1:-1] for code in range(32)}  # {9: '\\t', 10: '\\n', ...}
AS_SPACES = dict.fromkeys(JSON_ESCAPES, ' ')


def controls_in_strings(source: bytes, spelling: dict[int, str]) -> bytes:
    """Return a JSON text in which each control character in a string is replaced by its `spelling` (JSON_ESCAPES or AS_SPACES).

    Hand-written templates leave line breaks, tabs and the like in strings, where JSON forbids them.
    """
    # The closing quote is optional: otherwise an unterminated string would be tried again from each later quote.
    strings = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
    return strings.sub(lambda string: string[0].translate(spelling), source.decode()).encode()
