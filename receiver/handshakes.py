"""The request, and the handshakes by which a sender verifies an address, before and after the proof."""
import hmac
import re
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from bottle import HTTPResponse
from msgspec import Struct, field
from msgspec.json import encode as to_json

from receiver.body.turns import Intake
from receiver.events.tree import find, read_object, steps_of
from receiver.events.url_words import NO_WORDS, UrlWords
from receiver.limits import REQUEST_BYTES
from receiver.payload.reading import read_payloads
from receiver.problems import BadRequest, Rejected, Unauthorized, json_response
from receiver.proof.signatures import signatures_in, valid_signature
from receiver.proof.tokens import Query
from receiver.settings import WHOLE_TEXT, Settings, Token, Tokens

NO_QUERY = Query(Tokens(), '')


class Request(Struct):
    """An HTTP request as the server has read it, and what the log says about it."""

    method: str = '-'
    path: str = ''
    query_string: str = ''
    version: str = ''
    # Such defaults are safe in a Struct, unlike in a class of Python's: each instance gets an empty dict or list of its own.
    headers: dict[str, str] = {}  # by name in lower case
    body: Any = None  # a reader, whose `size` is the number of bytes that the sender has announced so far
    head_size: int = 0  # bytes of the request line and the headers
    # Without a connection the sender is never gone, and nothing is behind the request: bool() is False, and int() is 0.
    is_gone: Callable[[], bool] = bool  # returns whether the sender has closed the connection, or its sending side
    bytes_behind: Callable[[], int] = int  # returns how many bytes have arrived behind what was read of the request
    arrived: float = field(default_factory=lambda: time.time())  # Unix time in seconds; by a lambda, since tests set `time`
    rejection: Rejected | None = None  # why it is not valid HTTP
    is_accepted: bool = False  # whether it has a valid proof, or no token is configured
    is_read: bool = False  # whether it was accepted and its whole body was read: from now on its event must not get lost
    token: Token | None = None  # the one that proved it
    signed_by: str = ''  # the header with the valid signature; '' if the head was enough: then none has been checked
    query: Query = NO_QUERY  # set with the token
    words: UrlWords = NO_WORDS  # set once it is accepted
    log_note: str = 'no incident'  # the result, for the log
    skipped: str = ''  # why the URL left out events, such as 'resolved'
    url_note: str = ''  # which words of the URL were ignored or found nothing
    result: str = ''  # 'created', 'repeat', 'skipped' or 'handshake', for the history, unless rejected; '' for no delivery
    product: str = ''  # the sender's product, if known
    post: Any = None  # the Post of one whose incidents are being created

    @property
    def memory_bytes(self) -> int:
        """Return how many bytes of memory the request takes at most, without what was read of its body.

        The head counts twice: once for the strings of its fields, once for what is made of them and of the query.
        """
        return REQUEST_BYTES + 2 * self.head_size + self.bytes_behind()


# Dropbox's documentation asks for nosniff, so that no browser runs an echoed text as a page.
PLAIN_TEXT = {'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff'}
ALLOW = {'Allow': 'GET, HEAD, OPTIONS, POST, PUT'}
MAX_HANDSHAKE_BYTES = 64 * 1024


def safe_text(text: Any, name: str = 'A challenge') -> str:
    """Return `text` if it is safe to echo. Raise BadRequest, which calls the text `name`, if it is not."""
    if not (isinstance(text, str) and re.fullmatch('[ -~]{1,1024}', text)):
        raise BadRequest(f'{name} is echoed only if it has 1 to 1024 printable ASCII characters.')
    return text


def echo(text: Any) -> HTTPResponse:
    """Return the response that repeats a sender's challenge. Raise BadRequest."""
    return HTTPResponse(safe_text(text), headers=PLAIN_TEXT)


def handshake_before_proof(settings: Settings, request: Request, intake: Intake) -> HTTPResponse | None:
    """Return the response to a handshake without a usual proof, or None if the request is not one. Raise Rejected.

    `request.query` is set before, by WebhookApp.accepts. Only Meta's handshake needs a proof: it shows the token in a parameter
    of its own. Record that token in the request.
    """
    headers = request.headers
    # With neither header there is no body (RFC 9112, 6.3).
    is_empty = headers.get('content-length', '0') == '0' and 'transfer-encoding' not in headers
    match request.method:
        # Microsoft Graph: "Receive change notifications through webhooks". A request with a body may be an event.
        case 'POST' if is_empty and 'validationToken' in request.query.by_name:
            return echo(request.query.by_name['validationToken'])
        # Azure Event Grid: "Endpoint validation with Event Grid event schema".
        case 'POST' if headers.get('aeg-event-type') == 'SubscriptionValidation':
            return event_grid_handshake(request, intake)
        # Okta event hooks: "One-time verification request".
        case 'GET' if challenge := headers.get('x-okta-verification-challenge'):
            return json_response(to_json({'verification': safe_text(challenge)}))
        # Meta webhooks, "Get Started": "Verification Requests".
        case 'GET' if request.query.by_name.get('hub.mode') == 'subscribe':
            request.token = settings.tokens.find([request.query.by_name.get('hub.verify_token', '').encode()])
            if settings.tokens and not request.token:
                raise Unauthorized('hub.verify_token is not a token of the instance.')
            return echo(request.query.by_name.get('hub.challenge'))
        # Dropbox webhooks: "The verification request". Onfleet: "Webhook Validation".
        case 'GET' if challenge := request.query.by_name.get('challenge') or request.query.by_name.get('check'):
            return echo(challenge)
        # CloudEvents: "HTTP 1.1 Web Hooks for Event Delivery", section 4, "Abuse Protection".
        case 'OPTIONS' if origin := headers.get('webhook-request-origin'):
            allowed = {'WebHook-Allowed-Origin': safe_text(origin), 'WebHook-Allowed-Rate': '*'}
            return HTTPResponse(headers=PLAIN_TEXT | ALLOW | allowed)
    return None


VALIDATION_CODE, PLAIN_TOKEN = steps_of(['data', 'validationCode']), steps_of(['payload', 'plainToken'])


def event_grid_handshake(request: Request, intake: Intake) -> HTTPResponse:
    """Return the response to Event Grid's handshake: the code in the first event of its body. Raise Rejected."""
    with intake.body(request.body, is_accepted=False, limit=MAX_HANDSHAKE_BYTES, overhead=request.memory_bytes) as body:
        events = read_payloads(body, 'application/json')
    first_event = read_object(events[0]) if events else {}
    code = safe_text(find(first_event, VALIDATION_CODE), "The 'validationCode' in 'data'")
    return json_response(to_json({'validationResponse': code}))


def handshake_after_proof(settings: Settings, request: Request, body: bytes, payloads: list[bytes]) -> HTTPResponse | None:
    """Return the response to a handshake that needs a proof, or None if the accepted request is not one. Raise BadRequest.

    If it is Zoom's, record in the request the token that signs the response.
    """
    source = payloads[0] if len(payloads) == 1 else b''
    # 'url_verification' and 'endpoint.url_validation' share 'url_v': searching for it is faster than parsing every payload.
    if len(source) > MAX_HANDSHAKE_BYTES or b'url_v' not in source:
        return None
    event = read_object(source)
    has_only_slacks_keys = event.keys() <= {'type', 'challenge', 'token'}  # anything more is an event to keep
    match event:  # patterns call its get(), which is how the members of a LargeObject are opened
        # Slack Events API: "url_verification event".
        case {'type': 'url_verification', 'challenge': str(challenge)} if has_only_slacks_keys:
            return echo(challenge)
        # Zoom webhooks: the event "endpoint.url_validation".
        case {'event': 'endpoint.url_validation'}:
            if token := token_of_zoom(settings, request, body):
                request.token = token
                return signed_for_zoom(token, find(event, PLAIN_TOKEN))
    return None


def token_of_zoom(settings: Settings, request: Request, body: bytes) -> Token | None:
    """Return the token to sign the response to Zoom's handshake with, or None if the request is not Zoom's, or no token is left.

    It is the one that made Zoom's signature. Otherwise the one that the request shows will do, if it is a single one.
    """
    header = 'x-zm-signature'
    if header not in request.headers or request.signed_by not in (header, ''):  # '': a token that it shows proved the request
        return None
    if request.signed_by:
        return request.token
    # Zoom may sign with another token of the instance than the one that its URL shows.
    signatures = [each for each in signatures_in(request.headers, settings.tokens) if each.header == header]
    with suppress(Unauthorized):
        return valid_signature(signatures, body, request.arrived)[1]
    # No signature is valid, but the shown token is proof enough. All of an `auth_header` with several tokens is no key of Zoom's.
    return request.token if request.token and request.token.name != WHOLE_TEXT else None


def signed_for_zoom(token: Token, plain_token: Any) -> HTTPResponse:
    """Return the response that contains Zoom's `plainToken` and its signature. Raise BadRequest."""
    # The sender chooses the text that we sign, so it must not be what is signed with an event: that has other characters, too,
    # such as the braces of JSON, the `=` of a form or a `.` beside the time.
    if not isinstance(plain_token, str) or not re.fullmatch('[A-Za-z0-9]{1,64}', plain_token):
        raise BadRequest("'plainToken' must have 1 to 64 letters and digits, and nothing else.")
    signed = hmac.digest(token.value, plain_token.encode(), 'sha256').hex()
    return json_response(to_json({'plainToken': plain_token, 'encryptedToken': signed}))
