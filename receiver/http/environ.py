"""From a head to a request, its WSGI environ, and the limits of HTTP."""
import io
import sys
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote

from receiver.app import REQUEST
from receiver.handshakes import Request
from receiver.http.bodies import RequestBody
from receiver.http.heads import REQUEST_START, REQUEST_START_FAULTS, check_unambiguous, read_headers
from receiver.limits import (
    BODY_GRACE_SECONDS, HEADER_SECONDS, IDLE_SECONDS, MAX_HEADS_BYTES, MAX_UNSENT_BYTES, MAX_UNSENT_UNAUTHENTICATED_BYTES,
    RESPONSE_BYTES_PER_SECOND, RESPONSE_GRACE_SECONDS)
from receiver.problems import Rejected


def parse_head(start: bytes, rfile: io.BufferedIOBase) -> Request:
    """Return the request whose request line is `start` and whose headers follow in `rfile`. Raise Rejected if it is not HTTP."""
    if not (match := REQUEST_START.fullmatch(start)):
        # One of the faults always matches: the second a line without a line feed, the last any other.
        raise next(Rejected(detail, status=status) for fault, status, detail in REQUEST_START_FAULTS if fault.fullmatch(start))
    method, path, query, version = (part.decode() for part in match.groups(b''))
    headers = read_headers(rfile)
    check_unambiguous(headers, is_http10=version == 'HTTP/1.0')
    body = RequestBody(rfile, int(headers.get('content-length', 0)), 'transfer-encoding' in headers)
    return Request(method, path or '/', query, version, headers, body)


COMMON_ENVIRON = {
    'SCRIPT_NAME': '', 'SERVER_NAME': 'localhost', 'wsgi.version': (1, 0), 'wsgi.url_scheme': 'http', 'wsgi.errors': sys.stderr,
    'wsgi.multithread': False, 'wsgi.multiprocess': False, 'wsgi.run_once': False,
}


def cgi_variable(header: str) -> str:
    """Return the key of a header in a WSGI environ."""
    variable = header.upper().replace('-', '_')
    return variable if variable in ('CONTENT_TYPE', 'CONTENT_LENGTH') else f'HTTP_{variable}'


def wsgi_environ(request: Request, peer: str, port: int) -> dict[str, Any]:
    """Return the environ of PEP 3333 for a request from the address `peer`, and under REQUEST the request itself."""
    path = request.path
    if '%' in path:
        with suppress(UnicodeError):  # on error it stays encoded: Bottle would drop what is not UTF-8, and take /%ff for the root
            path = unquote(path, errors='strict').encode().decode('latin-1')
    return {
        **COMMON_ENVIRON, REQUEST: request, 'REQUEST_METHOD': request.method, 'PATH_INFO': path, 'wsgi.input': request.body,
        'QUERY_STRING': request.query_string, 'SERVER_PROTOCOL': request.version, 'SERVER_PORT': str(port), 'REMOTE_ADDR': peer,
        # The chunks are removed already; Bottle would remove them again.
        **{cgi_variable(name): value for name, value in request.headers.items() if name != 'transfer-encoding'},
    }


class HttpLimits(NamedTuple):
    """The limits of one connection and of all together; docs/limits.md promises the defaults."""

    head_seconds: float = HEADER_SECONDS
    idle_seconds: float = IDLE_SECONDS
    body_grace_seconds: float = BODY_GRACE_SECONDS
    response_grace_seconds: float = RESPONSE_GRACE_SECONDS
    response_bytes_per_second: float = RESPONSE_BYTES_PER_SECOND
    heads_bytes: int = MAX_HEADS_BYTES
    unsent_bytes: int = MAX_UNSENT_BYTES
    unsent_unauthenticated_bytes: int = MAX_UNSENT_UNAUTHENTICATED_BYTES


HTTP_LIMITS = HttpLimits()
