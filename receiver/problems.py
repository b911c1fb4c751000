"""The errors by which a request is rejected, each with a status and a safe text; and the two kinds of response."""
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from http import HTTPStatus
from typing import Any

from bottle import HTTPResponse

from receiver.limits import RETRY_AFTER_SECONDS


class Rejected(Exception):
    """Raised to reject a request: its sender gets an RFC 9457 problem instead of incidents.

    `detail` never quotes the request, so it is safe to log and to show to any sender.

    `found` quotes what the request contains where it is wrong, such as a date that cannot be read. Only functions that
    run after the proof was checked set it (decompress, to_incidents), and only the response to the request itself
    repeats it (WebhookApp.call_handler), unless it contains a token. A sender without a proof could otherwise test
    guesses of a token: the one that is not quoted back would be right.
    """

    status: HTTPStatus
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, found: str = '', status: HTTPStatus | None = None, **headers: str):
        super().__init__(detail)
        self.status = status or self.status
        self.detail = detail
        self.found = found
        self.headers = {**self.headers, **headers}

    @property
    def detail_for_sender(self) -> str:
        """Return the detail and, if the request was quoted, the quote: for the sender of the request only."""
        return f'{self.detail} Found: {escaped(self.found, 150)}' if self.found else self.detail


class BadRequest(Rejected):
    status = HTTPStatus.BAD_REQUEST


class Unauthorized(Rejected):
    """Raised if a request has no valid proof.

    Its challenge names Basic, although any kind of proof will do: AWS SNS sends the user and password of its URL only
    after such a challenge (Amazon SNS: "Fanout Amazon SNS notifications to HTTPS endpoints").
    """

    status = HTTPStatus.UNAUTHORIZED
    headers: Mapping[str, str] = {'WWW-Authenticate': 'Basic realm="Generic Webhook"'}


class TooLarge(Rejected):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedMedia(Rejected):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class RejectedByServer(Rejected):
    """Raised if the server did not create all incidents of a request, and a retry may create some of them twice."""

    status = HTTPStatus.BAD_GATEWAY


class Unavailable(Rejected):
    """Raised if a later try may succeed. 503 is the status that every sender retries.

    As a rule nothing was created; otherwise the detail says that an incident may exist.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: Mapping[str, str] = {'Retry-After': str(RETRY_AFTER_SECONDS)}


def problem(status: int, detail: str, headers: Mapping[str, str]) -> HTTPResponse:
    """Return an RFC 9457 problem: a JSON response that explains an error."""
    body = json.dumps({'title': HTTPStatus(status).phrase, 'status': status, 'detail': detail})
    return HTTPResponse(body, status, {**headers, 'Content-Type': 'application/problem+json'})


def json_response(body: bytes) -> HTTPResponse:
    """Return a 200 with this body, which is JSON."""
    return HTTPResponse(body, headers={'Content-Type': 'application/json'})


def escaped(value: Any, longest: int = 1000) -> str:
    """Return an untrusted value as text for a log or a message, on one line and cut after `longest` characters."""
    # An example with `longest` 4: an `a`, a line break and `bcd` become `a\nbc...`.
    text = str(value)
    shown = text[:longest]
    if not shown.isprintable():
        shown = ''.join(char if char.isprintable() else ascii(char)[1:-1] for char in shown)  # [1:-1]: without quotes
    return shown + ('...' if len(text) > longest else '')


def utc_text(seconds: float) -> str:
    """Return a Unix time in seconds as an RFC 3339 date in UTC: 1732442400 -> '2024-11-24T10:00:00Z'.

    If there is a fraction, it is written in microseconds: 1732442400.5 -> '2024-11-24T10:00:00.500000Z'.
    """
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace('+00:00', 'Z')
