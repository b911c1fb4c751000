"""The request line and the headers, by RFC 9112."""
import io
import re
from http import HTTPStatus

from receiver.limits import MAX_HEADER_BYTES, MAX_HEADERS
from receiver.problems import BadRequest

# The request line, RFC 9112 section 3. Only upper-case methods exist.
MAX_REQUEST_START_BYTES = 8192  # RFC 9112 section 3 recommends at least 8,000
REQUEST_START = re.compile(rb"""
    (?!CONNECT\ )               # its target would be a host and a port
    ([A-Z-]+)\                  # the method
    (?:
        https?://[!-)+-.0->@-~]+   # absolute-form (3.2.2): scheme and host are dropped, and the path may be empty
        | (?=[/*])                 # origin-form (3.2.1) or asterisk-form (3.2.4)
    )
    (/[!->@-~]*|\*|)            # the path: visible ASCII without a question mark
    (?:\?([!-~]*))?             # the query
    \ (HTTP/1\.[01])\r?\n
    """, re.VERBOSE)
# Why a request line does not match: the first of these patterns that matches it gives the reason.
REQUEST_START_FAULTS = [
    (re.compile(rb'[^\n]{%d}' % MAX_REQUEST_START_BYTES),
     HTTPStatus.REQUEST_URI_TOO_LONG, 'The request line is over 8 KiB: send what an incident needs in the body.'),
    (re.compile(rb'[^\n]*'), HTTPStatus.BAD_REQUEST, 'The request ends within its first line.'),
    (re.compile(rb'[A-Z-]+ [!-~]+[^!-~\n][^\n]* HTTP/1\.[01]\r?\n'), HTTPStatus.BAD_REQUEST,
     'The URL holds a character that must be percent-encoded, such as a space (%20) or one beyond ASCII.'),
    (re.compile(rb'[^\n]*\n'), HTTPStatus.BAD_REQUEST,
     'The request line is not a method, a path and HTTP/1.1, with one space between.'),
]

FIELD_TEXT = rb'[\t -~\x80-\xff]*'  # RFC 9110 section 5.5: no control character but the tab; \x80-\xff is obs-text
FIELD_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110 section 5.6.2: a token, directly before the colon
HTTP_FIELD = rb'(' + FIELD_NAME + rb'):(' + FIELD_TEXT + rb')'
HEADER = re.compile(HTTP_FIELD + rb'\r?\n')  # RFC 9112 section 2.2: a lone line feed may end a line
EMPTY_LINES = b'\r\n', b'\n'


def read_headers(rfile: io.BufferedIOBase) -> dict[str, str]:
    """Return the headers by their names in lower case; the values of a repeated header are joined by commas.

    RFC 9110 section 5.3 allows the joining. Raise BadRequest.
    """
    headers: dict[str, str] = {}
    remaining_bytes = MAX_HEADER_BYTES
    for _ in range(MAX_HEADERS + 1):
        header = rfile.readline(remaining_bytes)
        remaining_bytes -= len(header)
        if header in EMPTY_LINES:
            return headers
        if not (match := HEADER.fullmatch(header)):
            break
        if b'_' in match[1]:
            continue  # dropped: WSGI writes hyphens as underscores, so that X_Token would be taken for X-Token
        name = match[1].decode().lower()
        value = match[2].strip(b' \t').decode('latin-1')  # stripping in the pattern would backtrack in cubic time
        headers[name] = f'{headers[name]},{value}' if name in headers else value
    raise BadRequest('A line of the headers is not a header, or there are too many.')


def check_unambiguous(headers: dict[str, str], is_http10: bool) -> None:
    """Raise BadRequest where two readers could see two hosts or two ends of the body, which enables request smuggling."""
    has_host = is_http10 or 'host' in headers
    if not has_host or not re.fullmatch(r'[^\s,/?#@]*', headers.get('host', '')):  # RFC 9112 section 3.2
        raise BadRequest('A request must have exactly one valid Host header.')
    if not re.fullmatch('[0-9]{1,18}', headers.get('content-length', '0')):  # RFC 9112 section 6.3
        raise BadRequest('The Content-Length must be a single number.')
    coding = headers.get('transfer-encoding')
    if coding is not None and (is_http10 or 'content-length' in headers):  # RFC 9112 section 6.1
        raise BadRequest('A Transfer-Encoding is allowed in HTTP/1.1 only, and not beside a Content-Length.')
    if coding is not None and coding.lower() != 'chunked':
        raise BadRequest('The Transfer-Encoding is not chunked.')


# An empty line ends the head, and empty lines before a request are ignored: RFC 9112 section 2.2.
HEAD_END = re.compile(rb'\n\r?\n')
EMPTY_LINES_BEFORE = re.compile(rb'(?:\r?\n)*')


# Examples: `GET / HTTP/1.1\r\n\r\nGET` begins with a whole head of 18 bytes; `GET / HT` may become a head, `hello\n` can not.
# The first `searched` bytes of a buffer were searched before, so that a head that arrives byte by byte is not searched again with
# each byte.


def head_length(buffer: bytearray, searched: int) -> int:
    """Return the length of the head at the start of a buffer, with the empty line that ends it, or 0 if more of it is to come.

    If the buffer can't become a head, return its whole length, so that it is rejected without waiting for more.
    """
    # HEAD_END has up to three bytes, of which two may have been searched before.
    if head_end := HEAD_END.search(buffer, max(searched - 2, 0)):
        return head_end.end()
    start_length = buffer.find(b'\n', 0, MAX_REQUEST_START_BYTES) + 1  # 0 while the request line is incomplete
    most_bytes = MAX_REQUEST_START_BYTES + (MAX_HEADER_BYTES if start_length else 0)
    was_start_checked = searched >= start_length  # by an earlier call; also true while the request line is incomplete
    may_become_head = was_start_checked or REQUEST_START.fullmatch(buffer, 0, start_length)
    return 0 if len(buffer) < most_bytes and may_become_head else len(buffer)
