"""Generic Webhook: every HTTP POST that knows the token becomes an incident.

A POST is let in (authenticate), read (read_payloads), turned into incidents (to_incident), handed to the server
(ServerLine) and answered with what the server created. HTTP runs on bottle and gevent in the script's main thread.

The one rule: while serving, nobody but ServerLine calls demisto. The line to the server carries one call at a time,
and a call blocks its whole native thread, so ServerLine has a thread of its own and everybody else waits in a greenlet.
"""
import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401,F403
from CommonServerUserPython import *  # noqa: F401,F403

import base64
import codecs
import gc
import hmac
import io
import json
import os
import re
import resource
import select
import signal
import socket
import sys
import threading
import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import datetime, timezone
from functools import cached_property, lru_cache, partial, reduce
from http import HTTPStatus
from itertools import accumulate, chain, islice, product, repeat
from queue import SimpleQueue
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, unquote_plus, unquote_to_bytes

try:
    import gevent
    from bottle import Bottle, HTTPResponse
    from bottle import request as bottle_request
    from bottle import response as bottle_response
    from gevent.event import AsyncResult, Event
    from gevent.lock import Semaphore
    from gevent.server import StreamServer
    from msgspec import DecodeError, Raw, Struct, ValidationError, defstruct, field
    from msgspec.json import Decoder
    from msgspec.json import encode as to_json
    from msgspec.structs import asdict, astuple
    from multipart import MultipartSegment, PushMultipartParser, parse_options_header
except ImportError as error:
    lacking = f'The image has no {error.name}: build the one of docker/generic-webhook, and give its name as dockerimage.'
    with suppress(TypeError):  # before 6.8 it takes no second argument; those servers show the error below
        demisto.updateModuleHealth(lacking, True)
    raise ImportError(lacking) from None

''' CONSTANTS '''

MIB = 1024 * 1024
MAX_BODY_BYTES = 25 * MIB
MAX_JSON_BYTES = 37 * MIB  # of the details of an incident: what was no JSON grows by its escapes
MAX_EVENTS = 1000  # in one request
MAX_GZIP_MEMBERS = 1000
MAX_FORM_FIELDS = 1000

REMEMBER_SECONDS = 3600
UNNUMBERED_SECONDS = 900  # for deliveries without an id
MAX_REMEMBERED_DELIVERIES = 10_000
MAX_REMEMBERED_BYTES = 16 * MIB

# What may be held at the same time, beside one large body at work: docs/limits.md adds it up to 600 MiB.
MAX_ACCEPTED_BYTES = 96 * MIB  # bodies from senders that showed the token, while they are read and processed
MAX_UNAUTHENTICATED_BYTES = 48 * MIB  # bodies whose signature is not checked yet
MAX_UNAUTHENTICATED_SMALL_BYTES = 16 * MIB  # ... those up to SMALL_BODY_BYTES, so that large ones leave them room
SMALL_BODY_BYTES = 256 * 1024
MAX_HEADS_BYTES = 16 * MIB  # heads that arrive, and requests without a proof that wait for their turn
MAX_UNSENT_BYTES = 48 * MIB  # responses that accepted senders have not read yet
MAX_UNSENT_UNAUTHENTICATED_BYTES = 8 * MIB  # ... and others
REQUEST_BYTES = 32 * 1024  # what a request takes beside its head and its body: its greenlet's stack, mostly

MAX_CONNECTIONS = 16_384
RESERVED_FILES = 64  # for everything that is no connection
HEADER_SECONDS = 15
IDLE_SECONDS = 75  # longer than common proxies keep a connection, so that none meets one that is just being closed
BODY_GRACE_SECONDS = 15
BODY_BYTES_PER_SECOND = 1024
RESPONSE_GRACE_SECONDS = 30
RESPONSE_BYTES_PER_SECOND = 64 * 1024
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024  # of all together
MAX_KEPT_HEADER_BYTES = 8 * 1024  # in an incident
MAX_FRAMING_BYTES = 64 * 1024  # of a body's chunk sizes, extensions and trailers, and an eighth of its data beside

MAX_WAITING_POSTS = 1000
MAX_WAITING_BYTES = 64 * MIB
MAX_CALL_INCIDENTS = 1000  # of several requests
MAX_CALL_BYTES = 4 * MIB
HAND_OVER_SECONDS = 25
CALL_SECONDS = 2  # what a call for several posts is expected to last: strict senders wait 3
LONGEST_CALL_SECONDS = 10  # one of more than 60 would silence the platform's heartbeat for good
RETRY_SECONDS = 5  # for the parts of a refused group
MAX_FRUITLESS_TRIES = 8  # after so many that made nothing of a group it is the server, and no bad request
RETRY_AFTER_SECONDS = 10

TIMED_SECONDS = 300  # how far the time of signing may be from the arrival
BODY_TIMED_SECONDS = 60  # where it stands in the body

SAMPLES_EVERY_SECONDS = 60
MAX_SAMPLES = 20

STOP_SECONDS = 10

''' ERRORS AND ANSWERS '''


class Rejected(Exception):
    """A request that gets a problem instead of incidents.

    `detail` is safe to log, and for any sender to read. What was `found` in the payload is shown only to its sender,
    whose request was accepted by then: before that, an echo would confirm a guess of the token.
    """

    status: HTTPStatus
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, found: str = '', **headers: str):
        super().__init__(detail)
        self.detail = detail
        self.found = found
        self.headers = {**self.headers, **headers}

    @property
    def detail_for_sender(self) -> str:
        return f'{self.detail} Found: {escaped(self.found, 150)}' if self.found else self.detail


class BadRequest(Rejected):
    status = HTTPStatus.BAD_REQUEST


class Unauthorized(Rejected):
    """Asks for Basic: else AWS SNS does not send what its URL holds. Any proof serves."""

    status = HTTPStatus.UNAUTHORIZED
    headers: Mapping[str, str] = {'WWW-Authenticate': 'Basic realm="Generic Webhook"'}


class TooLarge(Rejected):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class TooSlow(Rejected):
    status = HTTPStatus.REQUEST_TIMEOUT


class UriTooLong(Rejected):
    status = HTTPStatus.REQUEST_URI_TOO_LONG


class UnsupportedMedia(Rejected):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class RejectedByServer(Rejected):
    status = HTTPStatus.BAD_GATEWAY


class Unavailable(Rejected):
    """Nothing was created, and it may succeed later: the status that every sender retries."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    headers: Mapping[str, str] = {'Retry-After': str(RETRY_AFTER_SECONDS)}


def problem(status: int, detail: str, headers: Mapping[str, str]) -> HTTPResponse:
    """RFC 9457."""
    text = json.dumps({'title': HTTPStatus(status).phrase, 'status': status, 'detail': detail})
    return HTTPResponse(text, status, {**headers, 'Content-Type': 'application/problem+json'})


def json_response(text: bytes) -> HTTPResponse:
    return HTTPResponse(text, headers={'Content-Type': 'application/json'})


def escaped(value: Any, longest: int = 1000) -> str:
    """Somebody else's text, bounded, its control characters escaped."""
    text = str(value)
    shown = ''.join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:longest])
    return shown + ('...' if len(text) > longest else '')


def utc_text(seconds: float) -> str:
    """A moment of Unix time as RFC 3339."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace('+00:00', 'Z')


''' SETTINGS '''


class Settings(NamedTuple):
    port: int
    token: bytes
    incident_type: str | None

    def __repr__(self) -> str:
        """Leave the token out, wherever a value is printed."""
        return f'Settings(port={self.port}, incident_type={self.incident_type!r})'


def read_settings(params: dict[str, Any]) -> Settings:
    """Raises ValueError, in the words of the form, for a value that can't work."""
    token = params.get('auth_header') or ''
    if token != token.strip() or not token.isprintable():
        raise ValueError('Authorization Verification Token begins or ends with a space, or holds a line break '
                         'or the like: no HTTP header can carry it. Paste it again without.')
    port = str(params.get('longRunningPort') or '').strip()
    if not port:
        raise ValueError('Listen Port is empty. '
                         'Cortex XSOAR 8 without an engine assigns it on save: save first, then test.')
    number = re.fullmatch(r'(?:\d+:)?(\d{1,5})', port, re.ASCII)  # the server may hand it as host:container
    if not number or not 1 <= int(number[1]) <= 65535:
        raise ValueError(f"Listen Port '{port}' is not a number from 1 to 65535.")
    return Settings(int(number[1]), token.encode(), params.get('incidentType') or None)


''' AUTHENTICATION '''


def decoded_token(token: bytes) -> list[bytes]:
    with suppress(ValueError):
        return [base64.b64decode(token, validate=True)]
    return []


def standard_webhooks_keys(token: bytes) -> list[bytes]:
    """What follows `whsec_`, decoded; of a token without that prefix also its own bytes."""
    own = [] if token.startswith(b'whsec_') else [token]
    return own + decoded_token(token.removeprefix(b'whsec_'))


@lru_cache
def prefix_pattern(prefix: str) -> str:
    """Of all that may stand before the body by a row's prefix."""
    stamp = r'(?:\d{9,13}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))'
    return prefix.replace('.', '[.]').format(time=stamp, id=r'[^\s{["=<][^\s"=]{0,999}={0,2}')


def all_of(characters: str, group: str) -> str:
    """Return the pattern for as many of the characters as there are, of which a search never gives one back."""
    return f'(?=(?P<{group}>[{characters}]*))(?P={group})'


class Scheme(NamedTuple):
    """How a sender signs: the HMAC of a prefix and the body."""

    prefix: str = ''
    time: str = ''  # a header; BODY_TIME; or `t`, a part of the signature's own header
    delivery: str = ''  # the header with its id
    keys: Callable[[bytes], list[bytes]] = lambda token: [token]
    label: str = ''  # what the signature's header begins with

    def signatures(self, header: str, headers: dict[str, str], token: bytes) -> Iterator['Signature']:
        """One for each key and kind of digest; none where something can't be read."""
        value = headers[header]
        own_times = re.findall('(?:^|,) *t=([^,]*)', value)
        stamp = ''.join(own_times[:1]) if self.time == 't' else headers.get(self.time, '')
        delivery_id = headers.get(self.delivery, '')
        prefix = self.prefix.format(time=stamp, id=delivery_id)
        is_readable = re.fullmatch(prefix_pattern(self.prefix), prefix, re.ASCII)
        # With one of these in its id, the same text could be that of another id and time, or of another scheme.
        if is_readable and not set('.:<=') & set(delivery_id) and value.startswith(self.label):
            digests = shown_digests(value)
            kinds = {f'sha{8 * len(digest)}' for digest in digests}
            for key, kind in product(filter(None, self.keys(token)), kinds):
                begun = hmac.new(key, prefix.encode('latin-1'), kind)
                yield Signature(header, digests, begun, stamp, bool(self.time))


def shown_digests(value: str) -> list[bytes]:
    """Hex or base64 as long as a SHA-256 or SHA-512, with or without a label."""
    digest = '((?:[0-9a-f]{64}){1,2}|[a-z0-9+/]{43}=|[a-z0-9+/]{86}==)'
    texts = re.findall(f'(?ai)(?<![^ ,=]){digest}(?![^ ,])', value)
    return [base64.b64decode(text) if '=' in text else bytes.fromhex(text) for text in texts]


SIGNATURE_NAME = re.compile('signature|hmac')
ANY = 'any other header whose name says signature or hmac'
BODY_TIME = 'webhookTimestamp'
# By the header of the signature. One that is named here has its own schemes alone.
SCHEMES = {
    ANY: [Scheme(), Scheme('{time}.', 't')],
    'stripe-signature': [Scheme('{time}.', 't')],
    'webhook-signature': [Scheme('{id}.{time}.', 'webhook-timestamp', 'webhook-id', standard_webhooks_keys)],
    'svix-signature': [Scheme('{id}.{time}.', 'svix-timestamp', 'svix-id', standard_webhooks_keys)],
    'x-slack-signature': [Scheme('v0:{time}:', 'x-slack-request-timestamp')],
    'x-zm-signature': [Scheme('v0:{time}:', 'x-zm-request-timestamp')],
    'x-zendesk-webhook-signature': [Scheme('{time}', 'x-zendesk-webhook-signature-timestamp')],
    'linear-signature': [Scheme(time=BODY_TIME)],
    # Whoever sets up Grafana names the header of the time; this is the one in its documents.
    'x-grafana-alerting-signature': [Scheme(), Scheme('{time}:', 'x-grafana-alerting-signature-timestamp')],
    'authorization': [Scheme(keys=decoded_token, label='HMAC ')],  # Teams
}
# A captured text of a timed scheme could be replayed for ever under a header that signs the body alone, so a body that
# begins like one is rejected there. A bare time also begins lines of logs: it counts only before what such senders send.
SPACES = r'\s\0\xef\xbb\xbf\xfe\xff'  # also those of UTF-16, and byte order marks
FIELD = r'[\w.*+%~$@&\[\]\x80-\xff-]{0,999}='
BODIES = '|'.join((
    r'\Z', '<', r'-{2,70}[^\s-]',  # nothing, XML, the boundary of a multipart form
    r'\{' + all_of(SPACES, 'in_object') + '["}]',
    r'\[' + all_of(SPACES + r'\d,.+-', 'in_array') + r'(?:["{[]|]\s{0,99}\Z)',
    FIELD + all_of(r'^\s&', 'first_value') + r'(?:&|\s{0,2}\Z)',  # after blanks a form, but no `host=db-1 level=error`
))
AFTER_A_TIME = f'(?:{FIELD}|{all_of(SPACES, "blanks")}(?:{BODIES}))'
TIMED_PREFIXES = {row.prefix for row in chain(*SCHEMES.values()) if row.prefix}
BARE_TIMES = {prefix for prefix in TIMED_PREFIXES if prefix.startswith('{time}')}
TIMED_TEXT = re.compile((
    '|'.join(map(prefix_pattern, TIMED_PREFIXES - BARE_TIMES))
    + f'|(?:{"|".join(map(prefix_pattern, BARE_TIMES))}){AFTER_A_TIME}').encode())
TIMED_BODY = Decoder(defstruct('TimedBody', [(BODY_TIME, Raw, Raw(b'null'))]))


class YieldTimer:
    """Lets the others go on whenever the loop has been held for a while."""

    yielded_at = 0.0

    def yield_if_due(self, after_seconds: float = 0.01) -> None:
        if time.monotonic() - self.yielded_at > after_seconds:
            self.yielded_at = time.monotonic()  # whoever goes on now has its own time
            gevent.sleep(0.0001)  # with 0 gevent would come back up to 50 times before it looks at a socket
            self.yielded_at = time.monotonic()


yield_if_due = YieldTimer().yield_if_due  # called between the steps of all work that grows with a body
hashing_lock = Semaphore()  # else many who hash at once would each have a breath's time before a socket's turn


class Signature(NamedTuple):
    """What a header shows, and one of the ways in which it may be made."""

    header: str
    digests: list[bytes]
    begun: hmac.HMAC  # with what is signed before the body
    time: str
    is_timed: bool

    def fits(self, body: bytes) -> bool:
        expected = self.begun.copy()
        with hashing_lock:
            yield_if_due()
            expected.update(body)
        return any(hmac.compare_digest(expected.digest(), digest) for digest in self.digests)

    def is_fresh(self, body: bytes, arrived: float) -> bool:
        """A time in the body counts under any header: else it could be sent again by another."""
        seconds = TIMED_SECONDS if self.time else BODY_TIMED_SECONDS
        stamp = self.time or body_time(body)
        return abs(arrived - unix_time(stamp)) <= seconds if stamp else not self.is_timed


def unix_time(stamp: str) -> float:
    """Of Unix time in s or ms, or of RFC 3339; far away of anything else."""
    with suppress(ValueError):
        if stamp.isdecimal():
            return float(stamp) / (1000 if len(stamp) > 11 else 1)
        return datetime.fromisoformat(stamp.replace('Z', '+00:00')).timestamp()
    return 0


def body_time(body: bytes) -> str:
    """Return the time at the top of a JSON object; empty if there is none, or null."""
    for read in (bytes, simplified) if BODY_TIME.encode() in body else ():
        with suppress(ValueError, RecursionError):
            stamp, = map(bytes, astuple(TIMED_BODY.decode(read(body))))
            return '' if stamp == b'null' else stamp.decode().strip('"')
    return ''


def simplified(body: bytes) -> bytes:
    """Return JSON with the same members, and nothing in its strings that read_payloads would have to mend."""
    body = body.removeprefix(b'\xef\xbb\xbf')
    for escape in (rb'\\', rb'\"', rb'\u'):
        yield_if_due()
        body = body.replace(escape, b'')
    return body.translate(bytes.maketrans(bytes(range(32)), b' ' * 32))


def shown_signatures(headers: dict[str, str], token: bytes) -> Iterator[Signature]:
    for header in headers:
        general = SCHEMES[ANY] if SIGNATURE_NAME.search(header) else []
        for scheme in SCHEMES.get(header, general):
            yield from scheme.signatures(header, headers, token)


def authenticate(settings: Settings, headers: dict[str, str], query: str) -> list[Signature] | None:
    """The signatures of which one has to be valid; None for who is let in without. Raises Unauthorized."""
    if not settings.token or shows_token(settings, headers, query):
        return None
    shown = list(islice(shown_signatures(headers, settings.token), 8))
    if not shown:
        raise missing_proof(settings, headers, query)
    return shown


def shows_token(settings: Settings, headers: dict[str, str], query: str) -> bool:
    """Return whether one of the first 100 headers and query parameters is the token."""
    return any(hmac.compare_digest(each, settings.token)
               for spellings in islice(token_candidates(headers, query), 100) for each in spellings)


def token_candidates(headers: dict[str, str], query: str) -> Iterator[set[bytes]]:
    for value in headers.values():
        yield {value.encode('latin-1')}
    for part in query.split('&'):
        value = part.partition('=')[2]
        yield {unquote_to_bytes(value), unquote_to_bytes(value.replace('+', ' '))}


OWN_PARAMETERS = {'type', 'each', 'severity', 'skip'}  # of a URL; any other may be there for the token
SECRET_WORDS = {'auth', 'authorization', 'token', 'secret', 'signature', 'sig', 'hmac', 'password', 'credential',
                'credentials', 'cookie', 'session', 'jwt', 'assertion', 'apikey'}
SECRET_ENDINGS = ('api-key', 'access-key', 'auth-key', 'functions-key', 'subscription-key', 'webhook-key', 'private-key')
# For the connection alone, and the one with the query.
NOT_KEPT = {'connection', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'te', 'trailer', 'transfer-encoding',
            'upgrade', 'x-request-uri'}


def names_secret(name: str) -> bool:
    """Return whether the name of a header says that its value is a secret."""
    return name.endswith(SECRET_ENDINGS) or not SECRET_WORDS.isdisjoint(name.split('-'))


def missing_proof(settings: Settings, headers: dict[str, str], query: str) -> Unauthorized:
    """Return the 401 for a request without a usable proof. It says nothing of what the request holds."""
    _, _, credentials = headers.get('authorization', '').partition(' ')
    if hmac.compare_digest(credentials.encode('latin-1'), settings.token):
        return Unauthorized('The Authorization header has a scheme before the token: '
                            'leave it out, or put it into the token.')
    if any(map(SIGNATURE_NAME.search, headers)):
        return Unauthorized('No signature can be read, or not its id or time: sign the body (and the time) '
                            'by HMAC-SHA256, in hex or base64, with the token as the key.')
    locations = ' and of '.join(secret_locations(headers, query))
    why = f'The value of {locations} is not the token' if locations else 'The request shows no token'
    return Unauthorized(f'{why}: send it as a whole header or query parameter, or sign the body with it.')


def secret_locations(headers: dict[str, str], query: str) -> Iterator[str]:
    """Yield where the sender may have put its token."""
    names = {name for name, value in headers.items() if value and names_secret(name)}
    if 'authorization' in names:
        yield 'the Authorization header'
    if names - {'authorization'}:
        yield 'a header for secrets'
    if any(part and part.partition('=')[0] not in OWN_PARAMETERS for part in query.split('&')):
        yield 'a query parameter'


def valid_signature(shown: list[Signature], body: bytes, arrived: float) -> str:
    """Return the header of the signature that is valid and fresh. Raise Unauthorized."""
    why = 'No signature fits the body, its time and the token: check the token in the sender.'
    for signature in filter(lambda each: each.fits(body), shown):
        if not signature.time and TIMED_TEXT.match(body):
            why = ('The signature fits, but the body begins like the signed text of another scheme, with a time in front: '
                   'it could be a replay. Begin the body otherwise, or send the token itself.')
        elif signature.is_fresh(body, arrived):
            return signature.header
        else:
            why = 'The signature fits, but its time is too far from now: check the clocks of both sides.'
    raise Unauthorized(why)


def kept_headers(settings: Settings, headers: dict[str, str]) -> dict[str, str]:
    """Those that say what happened."""
    room = MAX_KEPT_HEADER_BYTES
    dropped = NOT_KEPT | {name.strip().lower() for name in headers.get('connection', '').split(',')}
    kept = {}
    for name, value in headers.items():
        size = len(name) + len(value)
        is_dropped = name in dropped or names_secret(name) or contains_token(settings, value)
        if size <= room and not is_dropped:
            kept[name] = value
            room -= size
    return kept


def contains_token(settings: Settings, text: str) -> bool:
    """Whether the token stands in a text: as it is, percent-encoded, or in base64."""
    texts = {text}
    if '%' in text or '+' in text:
        texts |= {unquote(text), unquote_plus(text)}
    return any(spelling in each for spelling in token_spellings(settings.token) for each in texts)


@lru_cache(maxsize=1)
def token_spellings(token: bytes) -> set[str]:
    if len(token.decode()) < 8:  # stands in any text by chance
        return set()
    spellings = {token.decode(), token.decode('latin-1')}
    for shift in range(3):  # what stands before it moves it by 0 to 2 bytes
        encoded = base64.b64encode(bytes(shift) + token).decode()
        decided_alone = encoded[(shift * 8 + 5) // 6:(shift + len(token)) * 8 // 6]
        spellings |= {decided_alone, decided_alone.replace('+', '-').replace('/', '_')}
    return spellings


''' BODY '''

# What bounds a body: its size (read_body), the room of all together (Intake), the work on it (Intake.turn), what it unpacks
# to (decompress). Its pace (PacedReader) and its framing (RequestBody) are in the section of HTTP.
PIECE_BYTES = 16 * 1024  # of what is worked on before others get the loop


no_room = partial(
    Unavailable, 'Too many large bodies arrive at the same time: nothing was created, send it again later.',
    Connection='close')


class Room:
    """A number of bytes that greenlets hold together, each until it leaves its place.

    When the room is full, a further greenlet is rejected, or with `cuts_longest` the one that has held its place longest.
    One that needs more than the whole room has it alone.
    """

    def __init__(self, limit: int, cuts_longest: bool = False):
        self.limit = limit
        self.cuts_longest = cuts_longest
        self.reserved = 0
        self.shares: dict[Any, int] = {}  # bytes by greenlet, the oldest place first
        self.settled: dict[Any, int] = {}  # ... of those that are no longer cut
        self.cuts: dict[Any, Any] = {}  # the callback that is about to cut a greenlet

    @contextmanager
    def share(self, size: int = 0) -> Iterator[None]:
        """Hold `size` bytes for the current greenlet, and what it holds meanwhile. Raise Unavailable."""
        holder = gevent.getcurrent()
        self.shares[holder] = 0
        try:
            self.reserve(size)
            yield
        finally:
            self.reserved -= self.shares.pop(holder, 0) + self.settled.pop(holder, 0)
            if holder in self.cuts:
                self.cuts.pop(holder).stop()  # it may have left by itself

    def reserve(self, size: int) -> None:
        """Change what the current greenlet holds to `size` bytes. Raise Unavailable if there is no room."""
        holder = gevent.getcurrent()
        if holder in self.shares:
            self.reserved += size - self.shares[holder]
            self.shares[holder] = size
        while self.limit < self.reserved > self.shares.get(holder, 0) and holder in self.shares:
            self.cut(next(iter(self.shares)) if self.cuts_longest else holder)
        if holder not in self.shares:
            raise no_room()

    def cut(self, holder: Any) -> None:
        self.reserved -= self.shares.pop(holder)
        if holder is not gevent.getcurrent():
            self.cuts[holder] = gevent.get_hub().loop.run_callback(holder.throw, no_room())

    def settle(self) -> None:
        """Keep the current greenlet from being cut from now on."""
        holder = gevent.getcurrent()
        self.settled[holder] = self.shares.pop(holder)


def read_body(source: Any, limit: int, room: Room, overhead: int = 0) -> bytes:
    """Read a body of at most `limit` bytes into a room in which the current greenlet has its place.

    Raise TooLarge, Unavailable, BadRequest.
    """
    body = bytearray()
    piece = b' '
    try:
        while piece:
            if source.size > limit:
                raise TooLarge(f'The body is larger than {limit / MIB:g} MiB.')
            yield_if_due()
            room.reserve(overhead + len(body) + PIECE_BYTES)  # before it comes: what has arrived in part is held, too
            piece = source.read(PIECE_BYTES)
            body += piece
    except TimeoutError:
        raise Unavailable('The body came too slowly; send it again.', Connection='close') from None
    except (OSError, ValueError):
        bad = 'The body ended early, or its chunks are not well-formed.'
        raise BadRequest(bad, Connection='close') from None
    room.reserve(overhead + len(body))
    room.settle()
    return bytes(body)


class Intake:
    """Bodies on their way to incidents: all together are bounded, and large ones are worked on one by one."""

    def __init__(self) -> None:
        self.accepted = Room(MAX_ACCEPTED_BYTES)
        self.unauthenticated = Room(MAX_UNAUTHENTICATED_BYTES, cuts_longest=True)
        self.unauthenticated_small = Room(MAX_UNAUTHENTICATED_SMALL_BYTES, cuts_longest=True)
        # By the size above which a body needs one; work on smaller ones ends before others get the loop.
        self.locks = {MIB: Semaphore(), 64 * 1024: Semaphore()}

    @contextmanager
    def body(self, source: Any, is_accepted: bool, limit: int = MAX_BODY_BYTES, overhead: int = 0) -> Iterator[bytes]:
        """Read a body; hold its bytes and the `overhead` of its request for as long as it is processed."""
        size = source.size or limit  # unknown where it arrives in chunks
        unauthenticated = self.unauthenticated_small if size <= SMALL_BODY_BYTES else self.unauthenticated
        room = self.accepted if is_accepted else unauthenticated
        with room.share():
            yield read_body(source, limit, room, overhead)

    @contextmanager
    def exclusive(self, size: int) -> Iterator[None]:
        """Waits until no other body as large is worked on. Raises Unavailable."""
        exclusive = next((exclusive for above, exclusive in self.locks.items() if size > above), Semaphore())
        if not exclusive.acquire(timeout=HAND_OVER_SECONDS):
            raise no_room()
        try:
            yield
        finally:
            exclusive.release()


def decompress(body: bytes, coding: str) -> Iterator[bytes]:
    """The body without its Content-Encoding, in pieces. Raises TooLarge, BadRequest, UnsupportedMedia."""
    coding = coding.strip().lower()
    window_bits = {'gzip': 31, 'x-gzip': 31, 'deflate': 15}
    if coding in ('', 'identity') or not body:
        yield body
        return
    if coding not in window_bits:
        raise UnsupportedMedia(f'The Content-Encoding is none of {", ".join(window_bits)}.', coding)
    is_bare = coding == 'deflate' and body[0] % 16 != 8  # some leave the zlib frame out
    try:
        yield from inflated(body, -15 if is_bare else window_bits[coding])
    except zlib.error:
        raise BadRequest(f'The body is not what its Content-Encoding says: {coding}.') from None


def inflated(body: bytes, window_bits: int) -> Iterator[bytes]:
    """Raises zlib.error. A gzip body may have several members."""
    packed = io.BytesIO(body)
    pending = b''
    size = 0
    for _ in range(MAX_GZIP_MEMBERS):
        engine = zlib.decompressobj(window_bits)
        while not engine.eof:
            yield_if_due()
            pending = pending or packed.read(PIECE_BYTES)
            piece = engine.decompress(pending, PIECE_BYTES)
            if not (pending or piece):
                raise zlib.error('it ends early')
            size += len(piece)
            if size > MAX_BODY_BYTES:
                raise TooLarge(f'The body is larger than {MAX_BODY_BYTES / MIB:g} MiB after decompression.')
            yield piece
            pending = engine.unconsumed_tail
        pending = engine.unused_data or packed.read(PIECE_BYTES)
        if not pending:
            return
    raise BadRequest(f'The body has more than {MAX_GZIP_MEMBERS:,} gzip members.')


def decoded(text: bytes | memoryview, encoding: str = 'utf-8', errors: str = 'strict') -> Iterator[str]:
    """Yield a text in pieces: in a str of all of it, one wide character would take four bytes for each other, too.

    Raise UnicodeError, LookupError.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for start in range(0, len(text), PIECE_BYTES):
        yield_if_due()
        yield decoder.decode(bytes(text[start:start + PIECE_BYTES]))
    yield decoder.decode(b'', final=True)


def check_utf8(text: bytes) -> None:
    """Raise UnicodeError if a text is not in UTF-8."""
    for _ in decoded(text):
        pass


def gathered(pieces: Iterable[bytes], most: int, form: str) -> bytes:
    """Return the pieces as one text, of which no copy is made. Raise TooLarge as soon as it has more than `most` bytes."""
    text = io.BytesIO()
    for piece in pieces:
        yield_if_due()
        if text.tell() + len(piece) > most:
            raise TooLarge(f'The body is larger than {most / MIB:g} MiB {form}.')
        text.write(piece)
    return text.getvalue()


# Not every codec that Python knows: some take quadratic time, some make text that no JSON can hold.
CHARSET = re.compile(
    'utf-?8|utf-?(16|32)(-?[bl]e)?|(us-)?ascii|latin-?1|iso-?8859-[0-9]{1,2}|(cp|windows-)125[0-9]|'
    's(hift-?)?jis|euc-?(jp|kr)|gbk|gb2312|gb18030|big5|koi8-[ru]', re.IGNORECASE)


def to_utf8(body: bytes, charset: str, is_json: bool) -> bytes:
    """Return the body in UTF-8, which it is in already or else in what its label names. Raise Refused.

    Text holds no NUL: a body with one is in another encoding, or no text.
    """
    charset = charset.replace('_', '-')
    if re.fullmatch('(?i)utf-?(16|32)', charset) and body[:2] not in (b'\xff\xfe', b'\xfe\xff', b'\0\0'):
        charset = f'utf-{charset[-2:]}-le'  # .NET leaves the byte order mark out
    for encoding in filter(CHARSET.fullmatch, ('utf-8', charset)):
        with suppress(UnicodeError, LookupError):
            text = body
            if encoding == 'utf-8':
                check_utf8(body)
            else:
                text = gathered(map(str.encode, decoded(body, encoding)), MAX_BODY_BYTES, 'in UTF-8')
            if b'\0' not in text:
                return text.removeprefix(codecs.BOM_UTF8)
    if is_json:
        raise BadRequest('The body is not UTF-8 text: send it as UTF-8, or name its charset in the Content-Type.')
    raise UnsupportedMedia('The body is not text: JSON, NDJSON, forms (a file as multipart/form-data) and other text such as '
                           'XML or CSV are accepted, in UTF-8 unless the Content-Type says otherwise.')


''' NAMES '''

# sender | told by | name | time
#
# Told by: all of these are there, the rarest first; `=` asks for just this text, `/` stands between ways to tell.
# Name: `{}` is what it is told by; a part falls away when its paths lead nowhere. Time: `-` is the arrival.
# Path: keys joined by dots; 0 a list's first item, `@` a header, `*` the name of an event that a text holds,
# `a|b` the first that is there. An indented line goes on with the row above, also within braces.
# The rows told by a header come first, then the first that knows the event.
SENDERS = '''
GitHub, Gitea, Forgejo, Gogs | @x-github-event|@x-gitea-event|@x-forgejo-event|@x-gogs-event |
    {} {action} {workflow_run.conclusion|check_run.conclusion}: {alert.rule.description|alert.security_advisory.summary|
    alert.secret_type_display_name|security_advisory.summary|pull_request.title|issue.title|release.name|
    workflow_run.name|check_run.name|head_commit.message|ref} ({repository.full_name|organization.login}) | -
GitLab | @x-gitlab-event / object_kind project | {object_kind} {object_attributes.action|object_attributes.status}:
    {object_attributes.title|object_attributes.note|issue.title|commits.0.title|object_attributes.ref|ref}
    ({project.path_with_namespace}) | object_attributes.updated_at
Bitbucket | @x-event-key / eventKey actor | {@x-event-key|eventKey}: {pullrequest.title|pullRequest.title|issue.title|
    push.changes.0.new.name|changes.0.ref.displayId} ({repository.full_name|repository.slug}) | date
Azure DevOps | publisherId eventType resource | {message.text} | createdDate
Grafana | groupLabels title alerts | {title} | alerts.0.startsAt
Alertmanager | groupLabels receiver alerts | [{status}] {commonLabels.alertname|alerts.0.labels.alertname}:
    {commonAnnotations.summary|alerts.0.annotations.summary|commonAnnotations.description|commonLabels.instance} |
    alerts.0.startsAt
Alertmanager, one alert | labels.alertname annotations |
    {}: {annotations.summary|annotations.description|labels.instance} | startsAt
PagerDuty | event.event_type event.data | {}: {event.data.title|event.data.incident.summary} | event.occurred_at
Opsgenie | alert.message action | {action}: {alert.message} | -
Datadog | alert_title | {} | date
New Relic | issueUrl title | {state}: {title.0|title} | createdAt
Sentry | @sentry-hook-resource |
    {} {action}: {data.issue.title|data.event.title|data.error.title|data.description_title} | data.event.datetime
Azure Monitor | schemaId data.essentials | {data.essentials.monitorCondition} {data.essentials.severity}:
    {data.essentials.alertRule} {data.essentials.configurationItems.0} | data.essentials.firedDateTime
Azure Monitor, older alerts | schemaId data.context.name |
    {data.status}: {data.context.name} {data.context.resourceName} | data.context.timestamp
Event Grid | @aeg-event-type / dataVersion eventType subject eventTime |
    {data.alertDisplayName|eventType|type}: {subject|source} | eventTime|time
Microsoft Sentinel | object.properties.title object.properties.severity / properties.title properties.severity |
    {object.properties.title|properties.title} ({object.properties.severity|properties.severity}) |
    object.properties.createdTimeUtc|properties.createdTimeUtc
Microsoft Defender | AlertDisplayName | {}: {CompromisedEntity} | TimeGenerated
Microsoft Graph | value.0.subscriptionId | {value.0.changeType}: {value.0.resource}
EventBridge | detail-type source detail | {detail.title|detail.findings.0.Title|detail.alarmName|detail.eventName|
    detail-type} ({detail-type}): {detail.instance-id|detail.findings.0.Resources.0.Id|detail.userIdentity.arn}
    {detail.state.value|detail.state} | time
SNS, a subscription | TopicArn Type=SubscriptionConfirmation | SNS subscription to confirm: {TopicArn} | Timestamp
SNS | TopicArn Message | {Subject|*Message|Message} | Timestamp
CloudWatch | AlarmName NewStateValue | {NewStateValue}: {AlarmName} | StateChangeTime
Security Hub | ProductArn Title | {Title}: {Resources.0.Id} | UpdatedAt
CloudTrail | eventSource eventName userIdentity |
    {eventName} ({eventSource}) by {userIdentity.arn|userIdentity.userName} | eventTime
GCP alerts | incident.policy_name | {incident.state}: {incident.policy_name}: {incident.summary} | incident.started_at
GCP Security Command Center | finding.category finding.canonicalName|notificationConfigName |
    {}: {resource.displayName} | finding.eventTime
Pub/Sub | subscription message.data | {*message.data|subscription} | message.publishTime
Okta | data.events.0.eventType | {data.events.0.displayMessage} {data.events.0.outcome.result}:
    {data.events.0.actor.alternateId} | data.events.0.published
OneLogin | event_type_id account_id | OneLogin event {event_type_id}: {user_name} {notes} | event_timestamp
Auth0 | log_id data.type | {data.description}: {data.user_name} | data.date
Splunk | results_link sid | {search_name}: {result.title|result.signature|result.host|result.src} | result._time
Elastic | kibana.alert.rule.name|signal.rule.name | {}: {host.name}
Falco | output rule priority | {rule}: {output_fields.container.name|hostname} | time
Wazuh | rule.description agent | {} ({agent.name}) | timestamp
Suricata | event_type=alert alert.signature | {alert.signature}: {src_ip} → {dest_ip} | timestamp
CrowdStrike | event.DetectName / metadata.eventType event |
    {event.DetectName|event.Name|event.OperationName}: {event.ComputerName|event.UserId} | metadata.eventCreationTime
SentinelOne | threatInfo.threatName / alertInfo ruleInfo |
    {threatInfo.threatName|ruleInfo.name}: {agentRealtimeInfo.agentComputerName} | threatInfo.createdAt
Sophos | event_service_event_id name | {name} ({location}) | created_at
Wiz | sourceRule.name|control.name issue|entitySnapshot|resource | {}: {entitySnapshot.name|resource.name} | createdAt
Prisma Cloud | policyName resourceName | {}: {resourceName} | alertTs
Snyk | @x-snyk-event | {newIssues.0.issueData.title|project.name} ({project.name})
Cloudflare | alert_type text policy_id | {text} | ts
Pingdom | check_name current_state | {} is {current_state}: {long_description} | state_changed_timestamp
Cisco Meraki | networkName alertType | {alertType}: {deviceName|networkName} | occurredAt
TheHive | objectType operation object | {operation} {objectType}: {object.title} | startDate
GitGuardian | incident.detector message | {message} {incident.detector.name} | timestamp
Docker Hub | push_data repository | pushed: {repository.repo_name} {push_data.tag} | push_data.pushed_at
Harbor | event_data.repository type | {type}: {event_data.repository.repo_full_name} | occur_at
JFrog Xray | watch_name issues | {top_severity}: {issues.0.summary} ({watch_name}) | created
Jenkins | build.phase name | {name} {build.phase} {build.status} | build.timestamp
CircleCI | @circleci-event-type |
    {} {workflow.status|job.status}: {workflow.name|job.name} ({project.name}) | happened_at
HCP Terraform | run_id notifications |
    {notifications.0.message}: {run_message} ({workspace_name}) | notifications.0.run_updated_at
HackerOne | @x-h1-event | {}: {data.report.attributes.title} | data.activity.attributes.created_at
SonarQube | qualityGate project | {qualityGate.status}: {project.name} | analysedAt
Slack command | trigger_id command | {command} {text} ({user_name}) | -
Slack | type=event_callback | {event.type}: {event.text|event.channel|event.channel_id} | event_time
Stripe | api_version type data.object | {type}: {data.object.description|data.object.name|data.object.id} | created
Shopify | @x-shopify-topic | {}: {title|name|email|id} | @x-shopify-triggered-at|updated_at|created_at
Meta | entry object | {object}: {entry.0.changes.0.field} | entry.0.time
Dropbox | list_folder.accounts | files changed: {list_folder.accounts.0}
Zendesk | zendesk_event_version type | {type}: {detail.subject|detail.email|subject} | time
Jira | webhookEvent | {}: {issue.key} {issue.fields.summary} | timestamp
ServiceNow | short_description number | {number} {short_description} | sys_created_on
Zoom | event_ts event payload.object | {event}: {payload.object.topic|payload.object.email} | event_ts
Linear | webhookTimestamp action type | {type} {action}: {data.title|data.issue.title|data.name} | createdAt
Kubernetes audit | verb kind=Event objectRef |
    {} {objectRef.resource} {objectRef.namespace} {objectRef.name} by {user.username} | requestReceivedTimestamp
Kubernetes audit, a list | items.0.verb kind=EventList | {} {items.0.objectRef.resource} {items.0.objectRef.namespace}
    {items.0.objectRef.name} by {items.0.user.username} | items.0.requestReceivedTimestamp
CloudEvents | @ce-type / specversion |
    {data.title|type|@ce-type}: {subject|@ce-subject|source|@ce-source} | time|@ce-time
OCSF | class_uid metadata | {finding_info.title|message|type_name|class_name}: {device.hostname|actor.user.name} | time
'''


class Row(NamedTuple):
    """A way to tell the events of a sender, and what becomes of them."""

    rank: tuple[bool, int]  # those told by a header come first
    conditions: list[str]
    name: list[tuple[str, str, str]]  # its parts: what stands before, the paths, a bracket behind
    time: str = ''


# The general rule, for a sender without a row: what keys mean, the surest first.
WORDS = {meaning: words.split() for meaning, words in {
    'title': 'title alerttitle eventtitle incidenttitle issuetitle findingtitle problemtitle messagetitle headline',
    'rule': '''alertname alertdisplayname alertrule alarmname incidentname detectionname threatname malwarename
        signature attackname rulename policyname modelname monitorname checkname searchname conditionname''',
    'summary': 'summary subject shortdescription displaymessage primarydescription',
    'text': 'message msg text description reason cause displayname info',
    'kind': '''eventtype eventname webhookevent alerttype operationname operation action type kind category
        eventid status event alert error''',
    'who': '''host hostname computername device agent user email actor targetuser recipient srcip ip resource
        repository project domain''',
    'who inside': 'name fullname hostname email login username displayname id',
    'time': '''occurred occurredat eventtime eventtimestamp timestamp time detectedat createdat created creationtime
        published startsat fireddatetime date ts timegenerated createddatetime createtime startedat triggertime
        happenedat''',
    'time inside': 'alert event data incident issue detail finding metadata',
    'inside': '''alert incident event data issue finding detection threat violation problem ticket case rule payload
        detail details object resource properties attributes essentials context result alerts events findings
        incidents value records messages attachments body item action eventdata formresponse definition''',
    'deeper': 'data payload detail event body properties formresponse',
}.items()}

IDENTIFIER = re.compile(r'\{?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}}?|[0-9a-f]{16,}', re.IGNORECASE)
DULL = re.compile(r'''
    alerts?|events?|incidents?|messages?|notifications?|webhooks?|test|default|unknown|none|null|nil|undefined|n/?a|
    string|object|title|name|summary|subject|description|text|true|false|yes|no|ok|success|info|warning|error|
    critical|high|medium|low|[\d\s.,:;/\#+_e-]*''', re.IGNORECASE | re.VERBOSE | re.ASCII)
# What says nothing to a person: also short or endless words, ARNs and URLs, JSON and XML.
EMPTY_TALK = re.compile('|'.join((DULL.pattern, IDENTIFIER.pattern, r"""
    .{0,3}|\S{40,}|arn:\S+|[a-z][a-z\d+.-]*://\S*|<[?/\w][^>]*>.*>|(\{\s*["}]|\[\s*[\[{"\]]).*""")), DULL.flags)
# What stands before a text: a declaration of XML, or the header of a syslog line, with date and host.
PREAMBLE = re.compile(r"""<\?xml[^>]*>|
    (<\d{1,3}>(\d\ )?(\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)\ (\S+\ )?)?)?
    ([A-Z][a-z]{2}\ [\ \d]\d\ (\d{4}\ )?\d\d:\d\d:\d\d\ (\S+\ )?)?""", re.VERBOSE | re.ASCII)
# What the server takes for an error, wherever a reply holds it.
ERROR_MARKERS = ('[ERROR-fd5a7750-7182-4b38-90ba-091824478903]', '$$##')


def unmarked(text: str) -> str:
    for marker in ERROR_MARKERS:
        if marker in text:
            text = text.replace(marker, f'{marker[0]} {marker[1:]}')
    return text


def shortened(text: str, most: int = 150) -> str:
    text = unmarked(text)
    return text if len(text) <= most else text[:most - 1] + '…'


RFC3339 = re.compile(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:[0-5]\d)', re.ASCII)


def to_rfc3339(text: str, earliest: float = float('-inf'), latest: float = float('inf')) -> str:
    """Of an ISO 8601 date; unchanged if it is one already, else in UTC. Raises ValueError, OverflowError."""
    exact = RFC3339.fullmatch(text)
    iso = exact[1] + exact[2] if exact else text.strip().upper()
    # fromisoformat takes any character before the time: ten digits of Unix time could be a date.
    if not exact and not re.fullmatch(r'(?a)\d{4}-?(?:\d\d-?\d\d|W\d\d(?:-?\d)?)(?:[T ].*)?', iso):
        raise ValueError('it has another form')
    date = datetime.fromisoformat(iso.replace('Z', '+00:00'))
    date = date if date.tzinfo else date.replace(tzinfo=timezone.utc)
    if not earliest <= date.timestamp() <= latest:
        raise ValueError('it is not of these days')
    return text if exact else date.astimezone(timezone.utc).isoformat().replace('+00:00', 'Z')


def as_rfc3339(text: str, now: float, year_2000: int = 946_684_800, day: int = 24 * 3600) -> str:
    """A date, or a Unix time in s, ms, µs or ns, as RFC 3339; '' before the year 2000 or after tomorrow."""
    with suppress(ValueError, OverflowError):
        if re.fullmatch(r'(?a)\d{9,19}(\.\d*)?|\d\.\d+[eE]\+?\d\d?', text):
            seconds = float(text)
            while seconds >= 1e11:
                seconds /= 1000
            text = utc_text(seconds)
        return to_rfc3339(re.sub(' (?:UTC|GMT)$| (?=[+-])', '', text), year_2000, now + day)
    return ''


MEMBERS = Decoder(dict[str, Raw])
ANYTHING = Decoder(dict[str, Raw] | list[Raw] | str | int | float | bool | None)
FIRST: Decoder[Any] = Decoder(defstruct('First', [('item', Raw, Raw(b'null'))], array_like=True))
# Of an object with very many keys only these are looked for: a dict of all would take hundreds of MiB.
FEW_MEMBERS = Decoder(defstruct('Few', [(key, Raw, Raw()) for key in (
    'name', 'type', 'title', 'summary', 'message', 'status', 'alert', 'event', 'data', 'timestamp', 'body', 'headers',
    'raw_json', 'rawJson', 'rawJSON', 'receiver', 'alerts', 'groupLabels', 'commonLabels', 'commonAnnotations',
    'events', 'findings', 'records', 'value', 'items')]))


def read_members(source: bytes | Raw, most_keys: int = 50_000) -> dict[str, Any]:
    """Return the members of a JSON object, each as its own text; of one with more colons than keys may be, a few."""
    with suppress(ValueError, RecursionError):
        if len(memoryview(source)) <= SMALL_BODY_BYTES or count_of(b':', source) <= most_keys:
            return MEMBERS.decode(source)
        return {key: value for key, value in asdict(FEW_MEMBERS.decode(source)).items() if value}
    return {}


def count_of(sign: bytes, source: bytes | Raw) -> int:
    text = memoryview(source)
    return sum(bytes(text[start:start + PIECE_BYTES]).count(sign) for start in range(0, len(text), PIECE_BYTES))


class Items(dict[str, Any]):
    """A JSON array of any size, of which only the first item is read: it is found under the key `0`."""

    def __init__(self, source: Raw):
        super().__init__({'0': FIRST.decode(source).item})
        self.source = source

    @cached_property
    def count(self) -> int:
        """Return how many items there are; 1 of an array with so many commas that a list of its items might take 100 MiB."""
        return len(ANYTHING.decode(self.source)) if count_of(b',', self.source) < 1_000_000 else 1


def read_value(source: Raw, most: int = SMALL_BODY_BYTES, most_text: int = 4096, most_members: int = 1000) -> Any:
    """Read a JSON value one level deep: of a huge text its start, and of an object its first members."""
    yield_if_due()
    text = memoryview(source)
    if text[0] == ord('['):
        return Items(source)
    if text[0] == ord('{'):
        return dict(islice(read_members(source).items(), most_members))
    ends = range(most_text, most_text - 12, -1) if len(text) > most else ()  # one of them breaks no character
    for cut in [bytes(text[:end]) + b'"' for end in ends] or [source]:
        with suppress(ValueError):
            return ANYTHING.decode(cut)
    return ''


def find(value: Any, path: str) -> Any:
    """What stands at a path, read when it is first asked for; None where the path leads nowhere."""
    if isinstance(value, dict):
        for key, remainder in ways_in(path):
            if key in value:
                if isinstance(value[key], Raw):
                    value[key] = read_value(value[key])
                return find(value[key], remainder) if remainder else value[key]
    return None


@lru_cache(maxsize=1024)
def ways_in(path: str) -> list[tuple[str, str]]:
    """The keys that a path may begin with, and the rest; the longest first, for keys hold dots themselves."""
    beginnings = list(accumulate(path.split('.'), '{}.{}'.format))
    return [(key, path[len(key) + 1:]) for key in reversed(beginnings)]


def read_senders() -> dict[str, list[Row]]:
    """The rows by the keys and headers of which one must be there, so that few are tried for an event."""
    found: dict[str, list[Row]] = {}
    lines = re.split(r'\n(?! )', re.sub(r'\s+(?=[^{}]*})', '', SENDERS.strip()))
    for number, row_text in enumerate(lines):
        _, identified_by, name, *time = ' '.join(row_text.split()).split(' | ')
        for way in identified_by.split(' / '):
            paths = re.split('[ =]', way)[0]
            parts = re.findall(r'([^{}]*)\{([^{}]+)\}([])]?)', name.replace('{}', f'{{{paths}}}'))
            row = Row((not way.startswith('@'), number), way.split(), parts, *time)
            for key, _ in chain(*map(ways_in, paths.replace('@', '').split('|'))):
                found.setdefault(key, []).append(row)
    return found


ROWS = read_senders()


@lru_cache(maxsize=512)
def by_meaning(keys: tuple[str, ...], word: str) -> dict[str, dict[str, str]]:
    """Those of an object's keys that mean something, by word, without case and separators."""
    known = {re.sub('[-_.:@]', '', key.lower()): key for key in keys}
    if 'name' in known:  # the name of a rule is a rule's name
        known.setdefault(word + 'name', known['name'])
    return {meaning: {word: known[word] for word in words if word in known} for meaning, words in WORDS.items()}


class Scope:
    """An object in which the general rule looks, and the word that it stands under."""

    def __init__(self, members: dict[str, Any], word: str = '', most_keys: int = 200, longest_key: int = 40):
        self.members = members
        keys = [key for key in islice(members, most_keys) if len(key) <= longest_key]
        self.keys = by_meaning(tuple(keys), word)

    def under(self, meaning: str) -> list[Any]:
        return [find(self.members, key) for key in self.keys[meaning].values()]

    def inside(self, meaning: str) -> Iterator['Scope']:
        for word, key in self.keys[meaning].items():
            value = find(self.members, key)
            inner = find(value, '0') if isinstance(value, Items) else value
            if isinstance(inner, dict):
                yield Scope(inner, word)


class ThirdPartyEvent:
    """Somebody's event as they send it: what its incident is called, its type and its time."""

    def __init__(self, source: bytes, headers: dict[str, str], contains_token: Callable[[str], bool]):
        self.members = read_members(source)
        self.top = Scope(self.members)
        self.headers = headers
        self.contains_token = contains_token

    def name(self) -> str:
        """Of at most 150 characters; '' if the event has nothing that says what happened."""
        return next(map(shortened, filter(None, self.names())), '')

    def names(self) -> Iterator[str]:
        """What it may be called, the best first; '' where a way leads to no name."""
        if self.row:
            yield self.name_by_row(self.row)
        if name := self.own('name'):
            yield '' if IDENTIFIER.fullmatch(name.strip()) else self.clean_text(name)
        if len(self.members) == 1:
            lines = self.own('body').lstrip()[:4096].splitlines()[:50]
            yield from (self.clean_text(PREAMBLE.sub('', first, count=1)) for first in lines)
        yield from map(self.usable, map(self.values, ('title', 'rule', 'summary', 'text')))
        yield self.kind_and_who()

    def type(self, from_url: str, incident_type: str | None) -> str | None:
        """Return the incident's type. An event's own says what kind of event it is, unless it is our format with keys added."""
        own = self.own('type')
        ours = own if self.own('name') and as_rfc3339(self.own('occurred'), time.time()) and not self.row else ''
        chosen = from_url or ours or incident_type or own
        return unmarked(chosen) if chosen else None

    def occurred(self, now: float) -> str:
        """As RFC 3339; '' if the event does not tell."""
        if self.row and self.row.time:
            texts = map(self.clean_text, map(self.at, self.row.time.split('|')))
            return as_rfc3339(next(filter(None, texts), ''), now)
        scopes = chain([self.top], self.top.inside('time inside'))
        values = (value for scope in scopes for value in scope.under('time'))
        return next(filter(None, (as_rfc3339(self.clean_text(value), now) for value in values)), '')

    def own(self, key: str) -> str:
        """The text under a key of its own; '' if there is none."""
        value = find(self.members, key)
        return value if isinstance(value, str) else ''

    @cached_property
    def row(self) -> Row | None:
        keys = [key for key in (*self.members, *self.headers) if key in ROWS]
        for row in sorted(row for key in keys for row in ROWS[key]):
            if all(map(self.fulfils, row.conditions)):
                return row
        return None

    def fulfils(self, condition: str) -> bool:
        paths, _, wanted = condition.partition('=')
        values = [self.at(path) for path in paths.split('|')]
        return wanted in values if wanted else any(value is not None for value in values)

    def name_by_row(self, row: Row) -> str:
        parts_by_text: dict[str, str] = {}
        most = 0
        for number, (before, paths, after) in enumerate(row.name):
            text, more = self.first_text(paths)
            if text and text not in parts_by_text:
                parts_by_text[text] = f'{before}{text}{after}' if parts_by_text or not number else text
                most = max(most, more)
        name = self.clean_text(''.join(parts_by_text.values()))
        tail = f' (+{most} more)' if most else ''
        return '' if DULL.fullmatch(name) else shortened(name, 150 - len(tail)) + tail

    def first_text(self, paths: str) -> tuple[str, int]:
        """And how many more items the list has that it is from."""
        for path in paths.split('|'):
            if text := self.clean_text(self.at(path)):
                lists = [self.at(path[:zero.start()]) for zero in re.finditer(r'\.0\b', path)]
                counts = [items.count for items in lists if isinstance(items, Items)]
                return text, max(counts, default=1) - 1
        return '', 0

    def at(self, path: str) -> Any:
        """As the columns of SENDERS have it."""
        if path[0] == '@':
            return self.headers.get(path[1:])
        if path[0] != '*':
            return find(self.members, path)
        source = str(find(self.members, path[1:])).encode()
        with suppress(ValueError):
            source = base64.b64decode(source, validate=True)
        return ThirdPartyEvent(source, {}, self.contains_token).name()

    def kind_and_who(self) -> str:
        headers = [value for name, value in self.headers.items() if re.match('x-.*(event|topic)', name)]
        inside = (value for scope in self.top.inside('who') for value in scope.under('who inside'))
        kind = self.usable(chain(self.values('kind'), headers))
        who = self.usable(chain(self.values('who'), inside))
        return self.clean_text(': '.join(filter(None, (kind, who))))

    def usable(self, values: Iterator[Any], most: int = 40) -> str:
        """The first text that says something to a person."""
        for text in map(self.clean_text, islice(values, most)):
            if not (text.isascii() and EMPTY_TALK.fullmatch(text)):
                return text
        return ''

    def values(self, meaning: str) -> Iterator[Any]:
        """Where the general rule looks."""
        yield from self.top.under(meaning)
        for scope in self.inner_scopes:
            yield from scope.under(meaning)

    @cached_property
    def inner_scopes(self) -> list[Scope]:
        deeper = (inner for outer in self.top.inside('deeper') for inner in outer.inside('inside'))
        return list(islice(chain(self.top.inside('inside'), deeper), 40))

    def clean_text(self, value: Any) -> str:
        """A text or a number on one line; '' for anything else, and for what holds the token."""
        text = str(value)[:4096] if type(value) in (str, int, float) else ''
        if not text.isprintable():
            controls = '[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]'
            text = re.sub(controls, '', text)
        text = ' '.join(text.split())
        return '' if text and self.contains_token(text) else text


''' PAYLOAD TO INCIDENTS '''


class Arrival(Struct, dict=True):
    """What an incident takes from its request and the instance, where the payload is silent."""

    occurred: str
    headers: dict[str, str]
    settings: Settings
    query: dict[str, str] = {}
    note: Callable[[str], Any] = str  # for the log

    @cached_property
    def type_from_url(self) -> str:
        url_type = self.query.get('type', '')
        return '' if contains_token(self.settings, url_type) else unmarked(url_type)

    @cached_property
    def kept_headers(self) -> bytes:
        return json.dumps(kept_headers(self.settings, self.headers)).encode()

    @cached_property
    def is_of_known_sender(self) -> bool:
        """Whether the headers alone identify a sender that has a row."""
        return self.event(b'{}').row is not None

    def event(self, text: bytes) -> ThirdPartyEvent:
        return ThirdPartyEvent(text, self.headers, partial(contains_token, self.settings))


BLANKS = rb'[ \t\r\n\xef\xbb\xbf]*'  # and a byte order mark
# What can begin an object, or an array whose first item is whole: `[Wed Oct 11`, `[12.5] kernel:` and `{x}` cannot.
JSON_START = re.compile(BLANKS + rb'''(?:
    \{ \s* (?: ["}] | \Z ) |
    \[ \s* (?: ["{[\]] | \Z | (?: -?\d+ (?:\.\d+)? (?:[eE][+-]?\d+)? | true | false | null ) \s* (?: , | \] \s* \Z | \Z ) )
    )''', re.VERBOSE)
# curl labels any text as a form: before the first = of a form a field's name stands, and a line break can only end it.
FIELD_NAMES = re.compile(rb'[\w.*+%~$@&\[\]\x80-\xff-]*')
# `date=2026-11-24 time=10:00:00` is a log line: a form has & before its next field, and + or %20 for a space.
NEXT_PAIR = re.compile(rb'[ \t][\w.*+%~$@\[\]\x80-\xff-]+=')


def read_payloads(body: bytes, content_type: str = '') -> list[bytes]:
    """Return the events in a body, each as the JSON text of an object. Raise Refused."""
    label, options = parse_options_header(content_type[:1000])
    if label == 'multipart/form-data' and not re.match(BLANKS + rb'(?:[{[]|\Z)', body):
        return form_payloads(multipart_fields(body, options.get('boundary', '')))
    is_json = bool(re.fullmatch(r'application/((.+\+)?json|x-ndjson|jsonl?)', label))
    text = to_utf8(body, options.get('charset', ''), is_json)
    if re.fullmatch(BLANKS, text):
        return [b'{}']
    if is_json or JSON_START.match(text):
        with suppress(BadRequest) if label.startswith('text/') else nullcontext():
            return json_payloads(text)
    elif label == 'application/x-www-form-urlencoded' and is_form(text):
        return form_payloads(urlencoded_fields(text))
    return [json_text({b'body': text})]


def is_form(text: bytes) -> bool:
    """Return whether a text under the label of a form is one."""
    equals, end = text.find(b'='), form_length(text)
    has_fields = equals >= 0 and FIELD_NAMES.fullmatch(text, 0, equals)
    has_no_break = max(text.find(b'\r', 0, end), text.find(b'\n', 0, end)) < 0
    return bool(has_fields and has_no_break) and (b'&' in text or not NEXT_PAIR.search(text))


def form_length(text: bytes) -> int:
    """Return the length of a form without the line break at its end that curl sends with a file."""
    return len(text) - len(text[-2:]) + len(text[-2:].removesuffix(b'\n').removesuffix(b'\r'))


def json_text(value: dict[bytes, Any]) -> bytes:
    """Return an object as JSON. Raise TooLarge, for escapes can make a text six times as long."""
    return gathered(json_pieces(value), MAX_JSON_BYTES, 'as JSON')


def json_pieces(value: Any) -> Iterator[bytes]:
    """Yield the JSON of a value whose long texts are UTF-8."""
    match value:
        case bytes():
            yield b'"'
            yield from (to_json(piece)[1:-1] for piece in decoded(value))
            yield b'"'
        case dict():
            yield b'{'
            for number, (name, member) in enumerate(value.items()):
                yield b',' * bool(number)
                yield from chain(json_pieces(name), [b':'], json_pieces(member))
            yield b'}'
        case list():
            yield b'['
            for number, item in enumerate(value):
                yield b',' * bool(number)
                yield from json_pieces(item)
            yield b']'
        case _:
            yield to_json(value)


def form_payloads(fields: Iterator[tuple[bytes, Any]]) -> list[bytes]:
    """Return a lone `payload` field that holds JSON as that JSON; else an object, in which a field given twice is a list."""
    values: dict[bytes, list[Any]] = {}
    try:
        for name, value in fields:
            values.setdefault(name, []).append(value)
    except ValueError as error:
        error_class = UnsupportedMedia if isinstance(error, UnicodeError) else BadRequest
        raise error_class('The form is not well-formed, no UTF-8, '
                      f'or has over {MAX_FORM_FIELDS:,} fields.') from None
    match values:
        case {b'payload': [bytes(lone)], **others} if not others and JSON_START.match(lone):
            return json_payloads(lone)
    return [json_text({name: several if len(several) > 1 else several[0] for name, several in values.items()})]


def urlencoded_fields(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    if text.count(b'&') >= MAX_FORM_FIELDS:
        raise ValueError('it has too many fields')
    start, length = 0, form_length(text)
    while start < length:
        end = text.find(b'&', start, length) % (length + 1)  # -1 becomes the length
        equals = text.find(b'=', start, end) % (end + 1)
        if end > start:
            yield percent_decoded(text, start, equals), percent_decoded(text, equals + 1, end)
        start = end + 1


CODES = re.compile(rb'.{1,%d}(?:(?=%%)|(?<!%%)(?<!%%.))|.+' % PIECE_BYTES, re.DOTALL)


def percent_decoded(text: bytes, start: int, end: int) -> bytes:
    """Return a part of a form, decoded in pieces that break no code, for each code in turn takes a hundred times its size."""
    pieces = (unquote_to_bytes(piece[0].replace(b'+', b' ')) for piece in CODES.finditer(text, start, end))
    plain_text = gathered(pieces, MAX_BODY_BYTES, 'decoded')
    check_utf8(plain_text)
    return plain_text


def multipart_fields(body: bytes, boundary: str) -> Iterator[tuple[bytes, Any]]:
    """Yield each field's name and text; instead of a file's content its name, type and size."""
    parser = PushMultipartParser(boundary, max_segment_count=MAX_FORM_FIELDS, max_header_size=2048)
    for part in parser.parse_blocking(io.BytesIO(body).read, PIECE_BYTES):
        yield_if_due()
        if isinstance(part, MultipartSegment):
            field, content = part, io.BytesIO()
        elif part:
            content.write(part)
        elif field.filename is None:
            check_utf8(content.getvalue())
            yield field.name.encode(), content.getvalue()
        else:
            file = {'filename': field.filename, 'content_type': field.content_type, 'size': field.size}
            yield field.name.encode(), file


JSON_KINDS = {b'{': 'an object', b'[': 'an array', b'"': 'a string', b'n': 'null',
              b't': 'true or false', b'f': 'true or false'}


def json_kind(text: bytes) -> str:
    return JSON_KINDS.get(text[:1], 'a number')


def json_payloads(text: bytes) -> list[bytes]:
    """The events of a JSON text. Raises BadRequest, TooLarge."""
    try:
        values = json_values(text, text)
    except BadRequest:
        mended = replace_half_pairs(text)
        if len(text) <= SMALL_BODY_BYTES:
            json_values(controls_in_strings(mended, BLANK), text)
            mended = controls_in_strings(mended, ESCAPED)
        values = json_values(mended, text)
    if len(values) == 1 and json_kind(values[0]) == 'an array':
        values = array_items(values[0])
    if len(values) > MAX_EVENTS:
        raise too_many_events()
    for index, value in enumerate(values):
        kind = json_kind(value)
        if kind != 'an object':
            raise BadRequest(f'{which_item(index, values)}the event is {kind}; it must be an object.')
    return values


def which_item(index: int, items: list[bytes]) -> str:
    return f'Item {index + 1} of {len(items)}: ' if len(items) > 1 else ''


VALUE = Decoder(Raw)
too_deep = partial(BadRequest, 'The body is not usable JSON: it is nested too deeply.')
too_many_events = partial(TooLarge, f'The body holds more than {MAX_EVENTS:,} events: send fewer at a time.')


def json_values(text: bytes, as_sent: bytes) -> list[bytes]:
    """Those that follow one another, at most one too many. Raises BadRequest.

    The place of an error is told in what was sent, which is as long as any text that may have one.
    """
    values: list[bytes] = []
    start = 0
    while start < len(text) and len(values) <= MAX_EVENTS:
        yield_if_due()
        end = len(text)
        try:
            VALUE.decode(memoryview(text)[start:])
        except RecursionError:
            raise too_deep() from None
        except DecodeError as error:
            words = re.fullmatch(r'JSON is malformed: (.+) \(byte (\d+)\)', str(error))
            reason, at = words.groups() if words else ('it ends early', end - start)
            if reason != 'trailing characters':
                raise not_json(reason, as_sent, start + int(at)) from None
            end = start + int(at) - 1  # where the next value begins
        values.append(text[start:end].strip())
        start = end
    return values


def not_json(reason: str, text: bytes, position: int) -> BadRequest:
    if constant := re.compile(rb'.??(NaN|-?Infinity)', re.DOTALL).match(text, position - 1):
        reason, position = f'{constant[1].decode()} is not JSON', constant.start(1)
    line = text.count(b'\n', 0, position) + 1
    before = memoryview(text)[text.rfind(b'\n', 0, position) + 1:position]
    column = sum(map(len, decoded(before, errors='ignore'))) + 1
    return BadRequest(f'The body is not valid JSON: {reason}, line {line} column {column}.')


# It ends at the first item that is too many: a list of all could take hundreds of MiB.
ITEMS = Decoder(defstruct(
    'Items', [(f'item_{number}', Raw, Raw()) for number in range(MAX_EVENTS + 1)], array_like=True))


def array_items(array: bytes | Raw) -> list[bytes]:
    """At most one too many."""
    return [bytes(item) for item in astuple(ITEMS.decode(array)) if item]


def replace_half_pairs(text: bytes) -> bytes:
    """Return the text with U+FFFD, which takes as many bytes, for half a surrogate pair, as the server would write it."""
    high, low = rb'\\u[dD][89abAB][\da-fA-F]{2}', rb'\\u[dD][c-fC-F][\da-fA-F]{2}'
    halves = rb'(?:%b(?!%b)|%b){1,999}' % (high, low, low)
    others = rb'(?:[^\\]{1,999}|\\[^u]|\\u(?![dD][89a-fA-F])|%b%b){1,999}' % (high, low)
    mended = io.BytesIO(text)  # a copy only once something is written
    for step in re.finditer(rb'(%b)|%b' % (halves, others), text):
        yield_if_due()
        if step[1]:
            mended.seek(step.start())
            mended.write(rb'\ufffd' * (len(step[1]) // len(rb'\ufffd')))
    return mended.getvalue()


ESCAPED = {code: json.dumps(chr(code))[1:-1] for code in range(32)}
BLANK = dict.fromkeys(ESCAPED, ' ')  # takes no more room, so that an error's place is that in what was sent


def controls_in_strings(text: bytes, spelling: dict[int, str]) -> bytes:
    """Hand-written templates leave line breaks, tabs and the like as they are."""
    # The last may have no end, so that nothing is tried twice.
    strings = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
    return strings.sub(lambda string: string[0].translate(spelling), text.decode()).encode()


def to_incidents(payloads: list[bytes], arrival: Arrival) -> list[dict[str, Any]]:
    """Raises TooLarge, and BadRequest for an envelope that breaks our format."""
    incidents: list[dict[str, Any]] = []
    for index, text in enumerate(payloads):
        try:
            incidents += incidents_of(text, arrival)
        except BadRequest as error:
            raise BadRequest(which_item(index, payloads) + error.detail, error.found) from None
        except RecursionError:  # what was read may be too deep to be looked at
            raise too_deep() from None
        if len(incidents) > MAX_EVENTS:
            raise too_many_events()
    return incidents


TEXT_KEYS = ('name', 'type', 'occurred')
RAW_KEYS = ('raw_json', 'rawJson', 'rawJSON')
DEFAULT_NAME = 'Generic Webhook incident'
# Decoding ends at the first member that is none of our format's.
ENVELOPE = Decoder(defstruct(
    'Envelope', [(key, Raw, Raw()) for key in TEXT_KEYS + RAW_KEYS], forbid_unknown_fields=True))


def incidents_of(text: bytes, arrival: Arrival) -> list[dict[str, Any]]:
    """An envelope's, a foreign event's, or those of the items of the array that ?each= names in it."""
    yield_if_due()
    unknown_member = ''
    try:
        fields = asdict(ENVELOPE.decode(text))
        if any(fields.values()) or not arrival.is_of_known_sender:  # Shopify's headers say what an empty object does not
            return [envelope_incident(fields, text, arrival)]
    except ValidationError as error:
        unknown_member = str(error)[:300].partition('`')[2].rstrip('`')
    event = arrival.event(text)
    if raw_key := next((key for key in RAW_KEYS if key in event.members), ''):
        raise BadRequest(f"Only 'name', 'type' and 'occurred' can stand beside '{raw_key}': "
                         'put the rest into it, or leave it out and the whole object becomes '
                         "the incident's details.", unknown_member)
    path = arrival.query.get('each', '')
    items = items_at(text, path) if path else []
    if items:
        return [third_party_incident(item, arrival.event(item), arrival) for item in items]
    if path:
        arrival.note('An event stays one incident: no array of objects stands at the path of ?each=.')
    return [third_party_incident(text, event, arrival)]


MAX_ENVELOPE_TEXT_BYTES = 64 * 1024  # of a name and of a type: nothing needs more, and XSOAR sends them back


def envelope_incident(fields: dict[str, Raw], text: bytes, arrival: Arrival) -> dict[str, Any]:
    members = {key: bytes(member) for key, member in fields.items() if member}
    raw_keys = [key for key in RAW_KEYS if key in members]
    if len(raw_keys) > 1:
        raise BadRequest(f"'{raw_keys[0]}' and '{raw_keys[1]}' are one field: send only one of them.")
    texts = {key: read_text(key, member) for key, member in members.items()}
    return {
        'name': texts.get('name') or DEFAULT_NAME,
        'type': texts.get('type') or arrival.type_from_url or arrival.settings.incident_type,
        'occurred': read_date(texts.get('occurred')) or arrival.occurred,
        'rawJSON': details_text(members[raw_keys[0]] if raw_keys else text),
    }


def read_text(key: str, member: bytes) -> str | None:
    """Return a text; None for null and for details. Raise TooLarge, and BadRequest for what our format does not have."""
    kind = json_kind(member)
    allowed = ('an object', 'an array') if key in RAW_KEYS else ('a string', 'null')
    if kind not in allowed:
        raise BadRequest(f"'{key}' is {kind}; it must be {' or '.join(allowed)}.")
    if kind == 'a string' and key != 'occurred' and len(member) > MAX_ENVELOPE_TEXT_BYTES:
        raise TooLarge(f"'{key}' is larger than {MAX_ENVELOPE_TEXT_BYTES // 1024} KiB.")
    text = read_value(Raw(member)) if kind == 'a string' else None  # of a huge date its start
    for marker in ERROR_MARKERS:
        if text and marker in text:
            raise BadRequest(f"'{key}' can't hold {marker}: XSOAR reads it as an error of its own.")
    return text


def read_date(text: str | None, zero_time: str = '0001-01-01T00:00:00Z') -> str:
    """Empty where none is told: a program in Go writes its zero time then."""
    start = str(text)[:200]  # whatever is longer is no date, and not worth a copy
    try:
        return '' if text in (None, zero_time) else to_rfc3339(start if start == text else '')
    except (ValueError, OverflowError) as error:
        raise BadRequest("'occurred' is not an ISO 8601 date; write it like 2026-11-24T10:00:00Z.",
                         found=f'{start} ({error})') from None


def third_party_incident(text: bytes, event: ThirdPartyEvent, arrival: Arrival) -> dict[str, Any]:
    """With the request's headers beside the payload: an event's kind is often only there."""
    yield_if_due()
    return {
        'name': event.name() or DEFAULT_NAME,
        'type': event.type(arrival.type_from_url, arrival.settings.incident_type),
        'occurred': event.occurred(time.time()) or arrival.occurred,
        'rawJSON': details_text(text, b'' if 'headers' in event.members else arrival.kept_headers),
    }


def details_text(text: bytes, headers: bytes = b'') -> bytes:
    """Return the details of an incident as they wait, in UTF-8, with the headers as a last member. Raise TooLarge.

    An error marker is spelled in another way, as the same string.
    """
    if headers:
        text = text[:-1].rstrip()
        text += b'%b"headers": %b}' % (b'' if text == b'{' else b', ', headers)
    for marker in map(str.encode, ERROR_MARKERS):
        text = text.replace(marker, rb'\u%04x' % marker[0] + marker[1:])
    if len(text) > MAX_JSON_BYTES:
        raise TooLarge(f'The body is larger than {MAX_JSON_BYTES / MIB:g} MiB as JSON.')
    return narrowed(text) if len(text) > MIB else text


WIDE = re.compile('[\U00010000-\U0010ffff]+')
WIDE_STARTS = [bytes([first]) for first in range(0xf0, 0xf5)]  # the first bytes of their UTF-8


def narrowed(text: bytes) -> bytes:
    """Return JSON with escapes for the characters beyond U+FFFF, if it takes less memory so, as it waits and in the call.

    In the str of the call, a few of them widen all other characters to four bytes.
    """
    wide = sum(map(text.count, WIDE_STARTS))
    if not wide:
        return text
    characters = sum(map(len, decoded(text)))
    width = 2 if re.search(rb'[\xc4-\xef]', text) else 1  # of the others: these are the first bytes from U+0100 on
    if 8 * wide + width * (characters + 11 * wide) >= 4 * characters:  # an escaped pair has 12 bytes for 4
        return text
    pieces = (WIDE.sub(lambda found: json.dumps(found[0])[1:-1], piece).encode() for piece in decoded(text))
    return gathered(pieces, 2 * MAX_JSON_BYTES, 'as JSON')


MAX_PATH_KEYS = 16


def items_at(text: bytes, path: str) -> list[bytes]:
    """Return the items of the array at a dotted path; none unless all are objects and the path is short enough."""
    keys = path.split('.')
    if len(keys) > MAX_PATH_KEYS:
        return []
    with suppress(ValueError):  # no object, no such member, no array; or no name that a member can have
        items = array_items(reduce(getattr, ['value'] * len(keys), path_decoder(path).decode(text)))
        return items if all(json_kind(item) == 'an object' for item in items) else []
    return []


@lru_cache(maxsize=64)
def path_decoder(path: str) -> Decoder[Any]:
    """Return a decoder that walks down a path in one pass, builds nothing else, and leaves what is there as its own text."""
    inner: Any = Raw
    for key in reversed(path.split('.')):
        inner = defstruct('Member', [('value', inner)], rename={'value': key})
    return Decoder(inner)


''' HANDSHAKES '''


class Request(Struct, dict=True):
    """What a sender asks, and for the log what came of it."""

    method: str = '-'
    path: str = ''
    query_string: str = ''
    version: str = ''
    headers: dict[str, str] = {}
    body: Any = None  # what there is to read; its `size`, as far as the sender has told it
    head_size: int = 0
    is_gone: Callable[[], bool] = bool  # whether the sender has
    arrived: float = field(default_factory=time.time)
    rejection: Rejected | None = None  # why it is no HTTP
    is_accepted: bool = False  # by the token in its head
    log_note: str = 'no incident'

    @cached_property
    def query(self) -> dict[str, str]:
        """The first 100 parameters: a query of 8 KiB could else take longer to parse than a POST to answer."""
        return dict(parse_qsl('&'.join(self.query_string.split('&', 100)[:100])))

    @property
    def memory_bytes(self) -> int:
        """What the request takes in memory beside its body, at most."""
        return REQUEST_BYTES + 2 * self.head_size


PLAIN_TEXT = {'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff'}
ALLOW = {'Allow': 'GET, HEAD, OPTIONS, POST, PUT'}
MAX_HANDSHAKE_BYTES = 64 * 1024


def plain(text: Any, name: str = 'A challenge') -> str:
    if not (isinstance(text, str) and re.fullmatch('[ -~]{1,1024}', text)):
        raise BadRequest(f'{name} is echoed only if it has 1 to 1024 plain characters.')
    return text


def echo(text: Any) -> HTTPResponse:
    return HTTPResponse(plain(text), headers=PLAIN_TEXT)


def unsigned_handshake(settings: Settings, request: Request, intake: Intake) -> HTTPResponse | None:
    """The answer to what a sender asks before it trusts an address."""
    headers, query = request.headers, request.query
    is_empty = headers.get('content-length', '0') == '0' and 'transfer-encoding' not in headers
    match request.method:
        case 'POST' if 'validationToken' in query and is_empty:  # Microsoft Graph
            return echo(query['validationToken'])
        case 'POST' if headers.get('aeg-event-type') == 'SubscriptionValidation':  # Azure Event Grid
            with intake.body(request.body, False, MAX_HANDSHAKE_BYTES, request.memory_bytes) as body:
                event = [*read_payloads(body, 'application/json'), b''][0]
            code = plain(find(read_members(event), 'data.validationCode'), "The 'validationCode' in 'data'")
            return json_response(to_json({'validationResponse': code}))
        case 'GET' if challenge := headers.get('x-okta-verification-challenge'):  # Okta
            return json_response(to_json({'verification': plain(challenge)}))
        case 'GET' if query.get('hub.mode') == 'subscribe':  # Meta
            shown = query.get('hub.verify_token', '').encode()
            if settings.token and not hmac.compare_digest(shown, settings.token):
                raise Unauthorized('hub.verify_token is not the token of the instance.')
            return echo(query.get('hub.challenge'))
        case 'GET' if 'challenge' in query:  # Dropbox
            return echo(query['challenge'])
        case 'OPTIONS' if origin := headers.get('webhook-request-origin'):  # CloudEvents
            allowed = {'WebHook-Allowed-Origin': plain(origin), 'WebHook-Allowed-Rate': '*'}
            return HTTPResponse(headers=PLAIN_TEXT | ALLOW | allowed)
    return None


def signed_handshake(settings: Settings, request: Request, signed_by: str, payloads: list[bytes]) -> HTTPResponse | None:
    """The answer to Slack or Zoom, whose question is an event that was let in."""
    text = payloads[0] if len(payloads) == 1 else b''
    # Both ask for a url_v...: to look for that is faster than to read.
    if len(text) > MAX_HANDSHAKE_BYTES or b'url_v' not in text:
        return None
    event = read_members(text)
    # Who shows the token, too, is not asked for the signature.
    is_signed_by_zoom = settings.token and 'x-zm-signature' in request.headers and signed_by in ('x-zm-signature', '')
    has_slacks_keys = event.keys() <= {'type', 'challenge', 'token'}
    match {key: find(event, key) for key in ('type', 'challenge', 'event')}:
        case {'type': 'url_verification', 'challenge': str(challenge)} if has_slacks_keys:
            return echo(challenge)
        case {'event': 'endpoint.url_validation'} if is_signed_by_zoom:
            return signed_for_zoom(settings, find(event, 'payload.plainToken'))
    return None


def signed_for_zoom(settings: Settings, plain_token: Any) -> HTTPResponse:
    """Signs what others chose, hence the narrow form: it can be no request's signed text."""
    text = plain_token if isinstance(plain_token, str) else ''
    if not re.fullmatch('[A-Za-z0-9]{1,64}', text):
        raise BadRequest("'plainToken' is not 1 to 64 letters and digits.")
    signed = hmac.digest(settings.token, text.encode(), 'sha256').hex()
    return json_response(to_json({'plainToken': text, 'encryptedToken': signed}))


''' STATE '''


def with_text(incident: dict[str, Any]) -> dict[str, Any]:
    """Return the incident as the server takes it. Until then its details are UTF-8, so that they take no more than was sent."""
    return {**incident, 'rawJSON': incident['rawJSON'].decode()}


def text_bytes(incident: dict[str, Any]) -> int:
    return sum(map(sys.getsizeof, incident.values()))


class Post:
    """One request's incidents on their way to the server."""

    def __init__(self, incidents: list[dict[str, Any]], request_bytes: int = 0):
        self.incidents = incidents  # those that were in no call that was made
        self.count = len(incidents)
        self.size = sum(map(text_bytes, incidents))
        self.memory_bytes = self.size + request_bytes  # while it waits
        self.hand_over_by = time.monotonic() + HAND_OVER_SECONDS
        self.is_begun = False
        self.is_in_doubt = False  # a call with some of its incidents was made, and nobody knows what came of it
        self.created: list[Any] = []
        self.result: AsyncResult[list[Any]] = AsyncResult()  # what was created, or a Refused

    @property
    def fate(self) -> str:
        """Say what is known to exist of a post that failed."""
        if self.is_begun:
            more = ', and more may exist' if self.is_in_doubt else ''
            return f'{len(self.created):,} of its {self.count:,} incidents exist{more}.'
        if self.is_in_doubt:
            return 'The incident may exist.' if self.count == 1 else 'Its incidents may exist.'
        return 'Nothing was created.'


def settle(posts: Iterable[Post], rejection: type[Rejected], detail: str) -> None:
    """Fail these posts. One that exists in part gets a 502: if it were sent again, that part would exist twice."""
    for post in posts:
        kind = RejectedByServer if post.is_begun else rejection
        post.result.set_exception(kind(f'{detail} {post.fate}'))


def in_time(posts: list[Post], now: float, detail: str) -> list[Post]:
    """Those that may still be handed over; the others are settled."""
    settle((post for post in posts if post.hand_over_by <= now), Unavailable, detail)
    return [post for post in posts if post.hand_over_by > now]


def valid_timings(timings: list[tuple[int, float]], count: int, spent: float, jitter: float = 0.1) -> list[tuple[int, float]]:
    """Return the calls so far, or none if a new one shows that the server has become twice as slow or as fast."""
    for size, seconds in timings:
        has_slowed = size >= count and spent > 2 * seconds + jitter
        has_sped_up = size <= count and seconds > 2 * spent + jitter
        if has_slowed or has_sped_up:
            return []
    return timings


def how_many_fit(timings: Sequence[tuple[int, float]], seconds: float, growth: int = 32, worst_seconds: float = 40,
                 probe_seconds: float = 15) -> int:
    """Return how many incidents should take so long in one call, or twice what a call by itself takes.

    What an incident adds is known from calls of another size, half or double at least: the dearest counts, and a difference
    in either direction is taken for cost. Without them, each incident is expected to cost its share of the last call.
    A call is never expected to last over LONGEST_CALL_SECONDS. One that could if each incident cost its share after all holds
    at most `growth` times the largest call so far, and could last `worst_seconds` at most, for one of 60 s silences the
    platform's heartbeat. After a lone incident of at most `probe_seconds` two are tried in any case.
    """
    timings = timings or [(8, 2.0)]  # slow, so that the first calls are small
    *earlier, (count, spent) = timings
    costs = [abs(spent - other_seconds) / abs(count - other) for other, other_seconds in earlier
             if max(count, other) >= 2 * min(count, other)]
    each = max(*costs, 1e-6) if costs else spent / count
    by_itself = max(spent - each * count, 0)
    wanted = max(seconds - by_itself, by_itself) / each
    longest = (LONGEST_CALL_SECONDS - by_itself) / each
    if count == 1 and not costs and spent <= probe_seconds:
        wanted, longest = max(wanted, 2), max(longest, 2)
    largest, largest_seconds = max(timings)
    most = max(LONGEST_CALL_SECONDS * count / spent, min(growth, worst_seconds / largest_seconds) * largest)
    return max(int(min(wanted, longest, most) + 1e-6), 1)


class PostQueue(Struct):
    """Which POSTs wait, which are in a call, and what the next call holds: no thread, no server, no clock.

    take() gives the incidents of the next call; created(), refused() or not_made() tells what came of it.
    Posts go in the order of their arrival, each with all its incidents; one that would take longer than
    LONGEST_CALL_SECONDS goes alone, in several calls between those of others.
    """

    alone_seconds = 600  # without grouping, after an answer that could not be told apart
    not_tried = 'XSOAR rejected several requests together, and there was no time to try this one alone: send it again.'

    most_posts: int = MAX_WAITING_POSTS
    most_bytes: int = MAX_WAITING_BYTES
    most_in_call: int = MAX_CALL_INCIDENTS
    most_call_bytes: int = MAX_CALL_BYTES
    waiting: list[Post] = []
    repeats: list[Post] = []  # wait elsewhere, for the answers of others
    in_flight: list[Post] = []
    began_at: float = 0
    call_size: int = 0
    timings: list[tuple[int, float]] = []  # the latest: incidents, seconds
    parts: list[list[Post]] = []  # of a refused group, in the order of their tries
    fruitless_tries: float = 0  # for this group; none any more once something was made
    alone_until: float = 0
    closed_because: str = ''
    wake: Event = field(default_factory=Event)  # of the line, which has something to do

    def check_open(self) -> None:
        """Raises Unavailable once the queue is closed."""
        if self.closed_because:
            raise Unavailable(self.closed_because, Connection='close')

    def check_room(self, size: int = 0) -> None:
        """Raises Unavailable when a post of this size can't wait now; one that is too large waits alone."""
        self.check_open()
        posts = self.waiting + self.repeats
        size += sum(post.memory_bytes for post in posts)
        if posts and (len(posts) >= self.most_posts or size > self.most_bytes):
            raise Unavailable('Too many requests wait for XSOAR: this one creates nothing. Send it again later.')

    def add(self, post: Post) -> None:
        """Its outcome will be set. Raises Unavailable."""
        self.check_room(post.memory_bytes)
        self.waiting.append(post)
        self.wake.set()

    def expire(self, now: float) -> None:
        """Takes out what has waited too long: it is never handed over."""
        self.waiting = in_time(self.waiting, now, f'XSOAR was busy for {HAND_OVER_SECONDS} s: send it again.')

    def next_call(self, now: float) -> list[dict[str, Any]]:
        """The incidents of the next call, in order; none when nothing waits."""
        while self.parts and not self.in_flight:
            self.in_flight = in_time(self.parts.pop(0), now, self.not_tried)
        self.in_flight = self.in_flight or self.next_group(now)
        incidents = [incident for post in self.in_flight for incident in post.incidents]
        if len(self.in_flight) == 1:
            incidents = incidents[:how_many_fit(self.timings, LONGEST_CALL_SECONDS)]
        self.call_size = len(incidents)
        self.began_at = now
        return incidents

    def next_group(self, now: float) -> list[Post]:
        self.expire(now)
        self.fruitless_tries = 0
        most = min(how_many_fit(self.timings, CALL_SECONDS), self.most_in_call)
        if now < self.alone_until:
            most = 1
        group: list[Post] = []
        count = size = 0
        for post in self.waiting:
            count += most if post.is_begun else len(post.incidents)  # one that is begun goes alone
            size += post.size
            if group and (count > most or size > self.most_call_bytes):
                break
            group.append(post)
        del self.waiting[:len(group)]
        return group

    def record_created(self, created: list[Any], now: float) -> bool:
        """The call made these incidents: each post gets its own. False if they can't be told apart."""
        posts, self.in_flight = self.in_flight, []
        call = self.call_size, max(now - self.began_at, 0.001)
        self.timings = [*valid_timings(self.timings, *call), call][-8:]
        self.fruitless_tries = -float('inf')
        owned_by = owners(created, posts)
        for owner, incident in zip(owned_by, created, strict=True):
            if owner:
                owner.created.append(incident)
        for post in posts:
            post.is_begun = True
            post.incidents = post.incidents[self.call_size:]
            if post.incidents:
                post.hand_over_by = float('inf')
                self.waiting.append(post)
            else:
                post.result.set(post.created)
        if None in owned_by:
            self.alone_until = now + self.alone_seconds
            self.parts = [[post] for post in chain(*self.parts)]
        return None not in owned_by

    def record_failure(self, now: float) -> None:
        """Fail the post of a call that confirmed no incident; try several posts again in halves.

        Both halves are tried before either is halved again, so that a few calls tell bad requests from a failing server.
        """
        posts, self.in_flight = self.doubt_in_flight(), []
        if len(posts) == 1:
            settle(posts, RejectedByServer, 'XSOAR did not confirm the creation; the health of the instance says why.')
        else:
            middle = len(posts) // 2
            index = len(self.parts) % 2  # of an odd number the first is the other half
            self.parts[index:index] = [posts[:middle], posts[middle:]]
        if not self.fruitless_tries:
            for post in posts:
                post.hand_over_by = min(post.hand_over_by, now + RETRY_SECONDS)
        self.fruitless_tries += 1
        if self.fruitless_tries >= MAX_FRUITLESS_TRIES:
            settle(chain(*self.parts), Unavailable, self.not_tried)
            self.parts = []

    def doubt_in_flight(self) -> list[Post]:
        """Return the posts in flight, marked as in doubt: XSOAR may have created what it did not confirm."""
        for post in self.in_flight:
            post.is_in_doubt = True
        return self.in_flight

    def record_unsent(self) -> None:
        """The call never reached the server."""
        settle(self.in_flight, Unavailable, 'The line to XSOAR was busy: send it again later.')
        self.in_flight = []

    def close(self, reason: str) -> None:
        """From now on nothing is added; what is there goes on."""
        self.closed_because = self.closed_because or reason

    def abandon(self) -> None:
        """Everything that is still there is settled."""
        settle(self.doubt_in_flight(), Unavailable, 'The integration ended before XSOAR replied.')
        settle(chain(self.waiting, *self.parts), Unavailable, self.closed_because)
        self.in_flight, self.waiting, self.parts = [], [], []

    @property
    def is_empty(self) -> bool:
        return not (self.waiting or self.in_flight or self.parts)


def created_incidents(reply: Any) -> list[Any] | None:
    """Return the incidents in a reply to createIncidents, or None if it confirms none.

    An empty list confirms that a pre-process rule dropped them all.
    """
    items = [reply] if isinstance(reply, dict) else reply
    if not isinstance(items, list):
        return None
    created = [item for item in items if isinstance(item, dict) and item.get('id')]
    return created if created or not items else None


def owners(created: list[Any], posts: list[Post]) -> list[Post | None]:
    """Whose each created incident is; None where that is in doubt.

    They are in order; a pre-process rule may have dropped some. Sure is what is the same from both its ends.
    """
    if len(posts) == 1:
        return [*posts] * len(created)
    sent = [(post, incident) for post in posts for incident in post.incidents]
    forth = first_owners(created, sent)
    back = first_owners(created[::-1], sent[::-1])[::-1]
    are_all_found = None not in forth
    return [owner if owner is other and are_all_found else None for owner, other in zip(forth, back, strict=True)]


def first_owners(created: list[Any], sent: list[tuple[Post, dict[str, Any]]]) -> list[Post | None]:
    """Whose each is if it is the first that fits, after the one before."""
    remaining = iter(sent)
    return [next((post for post, incident in remaining if matches(each, incident)), None) for each in created]


def matches(created: Any, incident: dict[str, Any]) -> bool:
    """By the details, if the server tells them: names may be alike, and a mapper may change them."""
    reply = created if isinstance(created, dict) else {}
    key = 'rawJSON' if reply.get('rawJSON') else 'name'
    return bool(reply.get(key) == with_text(incident)[key])


# The header that names a delivery, and the one that has to stand beside it. The first counts.
DELIVERY_IDS = {
    'webhook-id': '', 'svix-id': '', 'x-github-delivery': '', 'x-gitea-delivery': '', 'x-forgejo-delivery': '',
    'x-gogs-delivery': '', 'idempotency-key': '', 'x-shopify-webhook-id': '', 'x-webhook-id': '',
    'x-atlassian-webhook-identifier': '', 'x-request-uuid': '', 'request-id': 'sentry-hook-resource', 'linear-delivery': '',
    'x-snyk-transport-id': '', 'x-zendesk-webhook-invocation-id': '', 'x-hcp-radar-message-id': '', 'ce-id': 'ce-source',
    'x-amz-sns-message-id': '',
}


def delivery_number(headers: dict[str, str]) -> str:
    """With the header that it stands in; '' if there is none."""
    for name, beside in DELIVERY_IDS.items():
        if headers.get(name) and headers.get(beside or name):
            return f'{name}\0{headers[name]}\0{headers.get(beside)}'
    return ''


class RememberedDelivery:
    """One request that was let in, for as long as it is remembered, and what was made of it.

    Its body and its query distinguish it from others, with its number or else its Content-Type: one event
    that a sender posts to two URLs has one number, and becomes two incidents.
    """

    def __init__(self, headers: dict[str, str], query: str, body: bytes, is_gone: Callable[[], bool] = bool):
        number = delivery_number(headers)
        fingerprint = f'{query}\0{number or headers.get("content-type")}'
        self.key = hmac.digest(fingerprint.encode(), body, 'sha256')  # with no copy of the body
        self.is_numbered = bool(number)
        self.forget_at = time.monotonic() + (REMEMBER_SECONDS if number else UNNUMBERED_SECONDS)
        self.is_gone = is_gone
        self.gave_up: Callable[[], bool] = bool  # its sender, or that of the latest repeat, while it waited
        self.finished = Event()
        self.created_json = b''  # the response; empty if it came to nothing
        self.summary = ''

    def wait_for(self, result: 'AsyncResult[Any] | Event', until: float, patience: float = 0.5) -> bool:
        """Whether it came in time. Who leaves at once does not send again for want of an answer."""
        result.wait(patience)
        if not result.ready() and not self.is_gone():
            self.gave_up = self.is_gone
        result.wait(until - time.monotonic())
        return result.ready()

    def record_created(self, created: list[Any]) -> None:
        ids = ', '.join(str(incident.get('id')) for incident in created if isinstance(incident, dict))
        summary = f'incident {ids}' if len(created) == 1 else f'{len(created) or "no"} incidents {ids}'
        self.summary = summary.strip()[:150]
        try:
            self.created_json = to_json(created)
        except (UnicodeError, OverflowError):  # half a surrogate pair, or a number that msgspec does not write
            self.created_json = json.dumps(created).encode()

    def may_come_again(self) -> bool:
        """Whether another one with the same key is this one sent again."""
        return time.monotonic() < self.forget_at and (self.is_numbered or self.gave_up())


class DeliveryMemory(Struct):
    """What the latest deliveries were answered, so that one that comes again creates nothing again."""

    queue: PostQueue
    most: int = MAX_REMEMBERED_DELIVERIES
    most_bytes: int = MAX_REMEMBERED_BYTES
    by_key: dict[bytes, list[RememberedDelivery]] = {}  # those under way, and those that are remembered
    remembered: dict[RememberedDelivery, None] = {}  # the oldest first
    size: int = 0  # of their answers

    def once(self, delivery: RememberedDelivery, post: Post) -> RememberedDelivery:
        """The delivery, once it is made, or the earlier one that it repeats. Raises Refused."""
        while first := next(filter(RememberedDelivery.may_come_again, self.by_key.get(delivery.key, ())), None):
            if not first.finished.is_set():
                self.repeat(first, delivery, post)
            elif not first.is_numbered:
                self.forget(first)  # one departure excuses one repeat
            if first.created_json:
                return first
        self.make(delivery, post)
        return delivery

    def repeat(self, first: RememberedDelivery, delivery: RememberedDelivery, post: Post) -> None:
        self.queue.check_room(post.memory_bytes)
        self.queue.repeats.append(post)
        first.gave_up = lambda: delivery.gave_up()
        try:
            if not delivery.wait_for(first.finished, post.hand_over_by):
                delivery.gave_up = partial(bool, True)  # as good as
                raise Unavailable('The same request came before, and XSOAR is still busy with it: send it again.')
        finally:
            self.queue.repeats.remove(post)

    def make(self, delivery: RememberedDelivery, post: Post) -> None:
        self.by_key.setdefault(delivery.key, []).append(delivery)
        until = post.hand_over_by
        try:
            self.queue.add(post)
            if not delivery.wait_for(post.result, until):
                self.queue.expire(until)
            delivery.record_created(post.result.get() or [])
        finally:
            delivery.finished.set()
            self.remember(delivery)

    def remember(self, delivery: RememberedDelivery) -> None:
        delivery.is_gone = delivery.gave_up = partial(bool, delivery.gave_up())  # no connection is kept
        self.remembered[delivery] = None
        self.size += len(delivery.created_json)
        if not delivery.may_come_again() or not 0 < len(delivery.created_json) <= self.most_bytes:
            self.forget(delivery)
        while len(self.remembered) > self.most or self.size > self.most_bytes:
            self.forget(next(iter(self.remembered)))

    def forget(self, delivery: RememberedDelivery) -> None:
        del self.remembered[delivery]
        self.size -= len(delivery.created_json)
        self.by_key[delivery.key].remove(delivery)
        if not self.by_key[delivery.key]:
            del self.by_key[delivery.key]


class LogBuffer(Struct):
    """Lines on their way to the server's log; those beyond the bounds are counted instead."""

    most: int = 1000  # of one level
    most_equal: int = 10
    flood_seconds: int = 10
    lines: dict[str, list[str]] = {}  # by level
    lost: int = 0
    reasons: dict[str, int] = {}  # how often in this flood

    def add(self, level: str, text: str, reason: str = '') -> None:
        if reason:
            reason = reason if len(self.reasons) < 100 else 'other reasons'
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
            if self.reasons[reason] > self.most_equal:
                return
        lines = self.lines.setdefault(level, [])
        if len(lines) < self.most:
            lines.append(f'{utc_text(time.time())} {escaped(text)}')
        else:
            self.lost += 1

    def end_flood(self) -> None:
        for reason, count in self.reasons.items():
            if count > self.most_equal:
                self.add('info', f'{count - self.most_equal} more in {self.flood_seconds} s: {reason}')
        self.reasons.clear()

    def drain(self) -> tuple[str, str]:
        """A level, and all its lines as one text."""
        level = next(iter(self.lines))
        lines = self.lines.pop(level)
        if self.lost:
            lines.append(f'{self.lost} log lines were dropped: more came than the line to XSOAR takes.')
            self.lost = 0
        return level, '\n'.join(lines)


class Samples(Struct):
    """The latest incidents, for the mapping wizard; without those that are too large."""

    most_bytes: int = 50_000
    latest: list[dict[str, Any]] = []
    has_changed: bool = False

    def add(self, incidents: list[dict[str, Any]]) -> None:
        small = [incident for incident in incidents if text_bytes(incident) <= self.most_bytes]
        self.latest = [*self.latest, *small][-MAX_SAMPLES:]
        self.has_changed |= bool(small)

    def drain(self) -> dict[str, str]:
        """As the integration context keeps them."""
        self.has_changed = False
        return {'samples': json.dumps(self.latest)}


def read_samples(context: Any) -> list[dict[str, Any]]:
    """What is kept; nothing of a context that holds something else: serving must not depend on it."""
    with suppress(KeyError, TypeError, ValueError):
        return Decoder(list[dict[str, Any]]).decode(context['samples'])
    return []


''' THE LINE TO THE SERVER '''


class ServerLine:
    """The only caller of demisto while serving: one greenlet, one native thread, one call at a time.

    Logs, health and samples are second: each is sent once in a while, but that all is well again at once.
    """

    def __init__(self, log_every: float = 1, health_every: float = 60) -> None:
        self.queue = PostQueue()
        self.log_buffer = LogBuffer()
        self.log_every = log_every
        self.samples = Samples()
        self.health: str | None = None  # what is wrong with XSOAR or the port, until it is over
        self.failure = ''  # of a request, until a call succeeds after it was sent
        self.sent_health: str | None = None
        self.health_every = health_every
        self.logs_due_at = self.samples_due_at = self.health_due_at = 0.0
        self.wake = self.queue.wake
        self.ending = Event()
        self.is_cut = self.is_finished = False
        self.jobs: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self.replies: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self.replied = gevent.get_hub().loop.async_()
        threading.Thread(target=self.run_jobs, daemon=True).start()
        self.keeper = gevent.spawn(self.keep)
        self.keeper.link_exception(lambda _: self.cut())

    def log(self, level: str, text: str, reason: str = '') -> None:
        """Of those with an equal reason in a while the first few, then how many more."""
        if reason and not self.log_buffer.reasons:
            gevent.spawn_later(self.log_buffer.flood_seconds, self.log_buffer.end_flood)
        self.log_buffer.add(level, text, reason)
        self.wake.set()

    def report_health(self, error: str) -> None:
        """What is wrong, for the instance's page; nothing for all is well."""
        self.health = error
        self.wake.set()

    def report_failure(self, failure: str) -> None:
        """Take an unexpected failure for the instance's page."""
        self.failure = failure
        self.wake.set()

    @property
    def shown_health(self) -> str | None:
        """What the instance's page should say: nothing if all is well, None if nothing has been reported yet."""
        return ' '.join(filter(None, (self.health, self.failure))) or self.health

    @property
    def call_seconds(self) -> float:
        """How long the createIncidents call in flight has lasted; 0 if there is none."""
        return time.monotonic() - self.queue.began_at if self.queue.in_flight else 0

    def stop(self) -> None:
        self.queue.close('The integration is stopping: send it again.')
        self.ending.set()

    def cut(self) -> None:
        """The server is gone: nothing can be said to it any more."""
        self.is_cut = True
        self.queue.close('The line to XSOAR is cut: send it again.')
        self.queue.abandon()
        self.ending.set()

    def drain(self) -> None:
        """Gives what waits and what is in flight STOP_SECONDS, then lets the last log lines leave."""
        wait_until(lambda: self.queue.is_empty, STOP_SECONDS)
        self.queue.abandon()
        self.log_buffer.end_flood()
        self.is_finished = True
        self.wake.set()
        self.keeper.join(timeout=1)  # not in the middle of a call: half of its line would stay behind

    def keep(self) -> None:
        context, _ = self.call(demisto.getIntegrationContext)
        self.samples.latest = read_samples(context)
        while not self.is_cut and (self.log_buffer.lines or not self.is_finished):
            if has_hung_up():  # a reply would tell it too late for what was handed over
                self.cut()
            elif not (self.send_what_is_due() or self.create_next()):
                self.wake.wait(0.25)
                self.wake.clear()

    def call(self, function: Callable[..., Any], *args: Any) -> tuple[Any, BaseException | None]:
        """Makes one call in the line's thread: what it returned, or the exception that it raised."""
        # A pool of one thread wakes its caller last: in a storm of requests the line would rest for long.
        self.replied.start(gevent.getcurrent().switch)
        self.jobs.put((function, *args))
        gevent.get_hub().switch()
        self.replied.stop()
        result, error = self.replies.get()
        if error and has_ended_line(error, is_create=function == demisto.createIncidents):
            self.cut()
        return result, error

    def run_jobs(self) -> None:
        while True:
            self.replies.put(call_safely(*self.jobs.get()))
            self.replied.send()

    def create_next(self) -> bool:
        """Makes the next call for those that wait; False when nobody does."""
        began = time.monotonic()
        if incidents := list(map(with_text, self.queue.next_call(began))):
            result, error = self.call(demisto.createIncidents, incidents)
            if not self.is_cut:
                self.settle_call(result, error, incidents)
        if len(incidents) > 1:  # who was answered may send again at once: else all would go in two turns for good
            gevent.sleep(min((time.monotonic() - began) / 8, 0.005))
        return bool(incidents)

    def settle_call(self, result: Any, error: BaseException | None, incidents: list[dict[str, Any]]) -> None:
        created = created_incidents(result)
        if type(error) is RuntimeError:  # the lock was not free in time; a RecursionError comes from a reply
            self.queue.record_unsent()
        elif created is None:
            self.report_health(f'XSOAR did not confirm that it created incidents: {escaped(why_not(result, error))}')
            self.queue.record_failure(time.monotonic())
        else:
            self.report_health('')
            if self.failure in (self.sent_health or ''):
                self.failure = ''
            self.samples.add(incidents)
            if not self.queue.record_created(created, time.monotonic()):
                self.log('info', "XSOAR's answer to several requests at once could not be told apart: "
                                 f'for {self.queue.alone_seconds} s every request is a call of its own.')

    def send_what_is_due(self) -> bool:
        """Sends one of what is second; False when nothing is due."""
        now = time.monotonic()
        is_well_again = self.sent_health and not self.shown_health
        if self.shown_health != self.sent_health and (is_well_again or now >= self.health_due_at):
            self.send_health()
        elif self.log_buffer.lines and (now >= self.logs_due_at or self.is_finished):
            self.logs_due_at = now + self.log_every
            level, text = self.log_buffer.drain()
            self.call(getattr(demisto, level), text)
        elif self.samples.has_changed and now >= self.samples_due_at:
            self.samples_due_at = now + SAMPLES_EVERY_SECONDS
            self.call(demisto.setIntegrationContext, self.samples.drain())
        else:
            return False
        return True

    def send_health(self) -> None:
        health = self.shown_health
        _, error = self.call(demisto.updateModuleHealth, health, bool(health))
        if isinstance(error, TypeError):  # before 6.8 it takes no second argument
            _, error = self.call(demisto.updateModuleHealth, health)
        self.sent_health = None if error else health  # what was not heard is said again
        if health or error:
            self.health_due_at = time.monotonic() + self.health_every


def call_safely(function: Callable[..., Any], *args: Any) -> tuple[Any, BaseException | None]:
    try:
        return function(*args), None
    except BaseException as error:  # whatever it is, somebody waits for it
        return None, error


def has_ended_line(error: BaseException, is_create: bool) -> bool:
    """Return whether an error means that the server is gone, and not only that this call failed.

    The loop's text for that may also be a whole error reply, of an engine that lost its server. As a reply to createIncidents it
    could be the name of an incident, so there it counts only if stdin has ended; otherwise the next log call decides.
    """
    if isinstance(error, json.JSONDecodeError):  # at the end of stdin there is nothing to decode, or half a reply
        return not error.doc or has_hung_up()
    is_closed = type(error) is ValueError and str(error).strip() == 'Try to write when connection closed'
    return isinstance(error, OSError) or (is_closed and (not is_create or has_hung_up()))


def why_not(result: Any, error: BaseException | None) -> Any:
    """Return the reason why a call confirmed no incident, for the health."""
    if isinstance(error, json.JSONDecodeError | RecursionError):
        return f'its reply could not be read: {error}'
    return error or f'there is no incident in its reply: {result}'


def has_hung_up(stdin: int = 0) -> bool:
    """Whether the server has ended; where the system can't tell, the next reply does."""
    if not hasattr(select, 'poll'):
        return False
    poll = select.poll()
    poll.register(stdin, 0)
    return bool(poll.poll(0))


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        gevent.sleep(0.01)


''' THE APP '''

REQUEST = 'webhook.request'  # the key of the Request in the WSGI environ
ROUTE_DETAILS = {
    HTTPStatus.NOT_FOUND: "There is nothing at this path: send the POST to the instance's own URL.",
    HTTPStatus.METHOD_NOT_ALLOWED: 'This method does nothing here: send a POST to create an incident.',
}


class WebhookApp(Bottle):  # type: ignore[misc]
    """The WSGI application: Bottle's routes, and the steps from an accepted request to its response.

    The handlers take their Request as an argument. `bottle.request` belongs to the thread, which all greenlets share:
    after the first wait it may be the request of another sender.
    """

    def __init__(self, settings: Settings, line: ServerLine):
        super().__init__()
        self.settings = settings
        self.line = line
        self.intake = Intake()
        self.deliveries = DeliveryMemory(line.queue)
        handlers: dict[str, Callable[[Request], HTTPResponse]] = {
            'GET': self.greet,
            'OPTIONS': lambda _: HTTPResponse(status=HTTPStatus.NO_CONTENT, headers=ALLOW),
            'POST': self.receive,
            'PUT': self.receive,
        }
        for method, handler in handlers.items():
            self.route('/', method, partial(self.call_handler, handler), skip=True)

    def call_handler(self, handler: Callable[[Request], HTTPResponse]) -> HTTPResponse:
        """Return the handshake's response or the handler's; turn every exception into a response."""
        request = bottle_request.environ[REQUEST]  # read before anything can wait
        try:
            self.line.queue.check_open()
            response = unsigned_handshake(self.settings, request, self.intake)
            if response:
                request.log_note = 'handshake'
            return response or handler(request)
        except Rejected as rejection:
            request.log_note = rejection.detail.partition('. ')[0]
            # Break the cycle exception -> traceback -> frame -> post -> exception, which would keep the body in memory.
            rejection.__traceback__ = None
            is_secret = contains_token(self.settings, rejection.found)
            detail = rejection.detail if is_secret else rejection.detail_for_sender
            return problem(rejection.status, detail, rejection.headers)
        except Exception as error:
            return self.fail(request, error)

    def accepts(self, request: Request) -> bool:
        """Return whether the head of a request is enough to accept it: it shows the token, or no token is configured."""
        if self.settings.token:
            return shows_token(self.settings, request.headers, request.query_string)
        return request.method in ('POST', 'PUT')

    def default_error_handler(self, error: HTTPResponse) -> HTTPResponse:
        """Return the response to a request for which there is no route. Bottle calls this."""
        request = bottle_request.environ[REQUEST]
        request.log_note = ROUTE_DETAILS[error.status_code]
        headers = ALLOW if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else {}
        return problem(error.status_code, request.log_note, headers)

    def fail(self, request: Request, error: Exception) -> HTTPResponse:
        """Return the 500 for an unexpected exception, and report it in the log and the health.

        Only the functions and line numbers on the way are reported: a value could be a secret.
        """
        frames = traceback.extract_tb(error.__traceback__)
        stack = ' > '.join(f'{frame.name}:{frame.lineno}' for frame in frames)
        request.log_note = f'{type(error).__name__} in {stack}'
        self.line.report_failure(f'A request failed unexpectedly: {request.log_note}')
        detail = 'Something unexpected happened; see the log of the instance.'
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, {})

    def greet(self, _: Request) -> HTTPResponse:
        """Return the text for a GET: the webhook is listening, and for how long XSOAR has been busy if that is too long."""
        text = 'Generic Webhook is listening. A GET creates nothing: send a POST to create an incident.\n'
        if self.line.call_seconds > LONGEST_CALL_SECONDS:
            text += f'XSOAR has been busy with one call for {self.line.call_seconds:.0f} s.\n'
        return HTTPResponse(text, headers=PLAIN_TEXT)

    def receive(self, request: Request) -> HTTPResponse:
        """Create the incidents of a POST. Return the response with them, or that to a signed handshake. Raise Rejected."""
        with ExitStack() as exclusive:
            accepted = self.read(request, exclusive)
            if isinstance(accepted, HTTPResponse):
                return accepted
            delivery, post = accepted
            if post.size <= MAX_CALL_BYTES:
                exclusive.close()
            # A larger post excludes other large bodies until XSOAR has replied, because the call and the reply hold its
            # text several times.
            return self.create(request, delivery, post)

    def create(self, request: Request, delivery: RememberedDelivery, post: Post) -> HTTPResponse:
        """Return the response with the created incidents, or with those of the delivery that this one repeats."""
        if not post.incidents:
            return json_response(b'[]')
        original = self.deliveries.once(delivery, post)
        request.log_note = original.summary if original is delivery else f'repeat of {original.summary}'
        return json_response(original.created_json)

    def read(self, request: Request, exclusive: ExitStack) -> tuple[RememberedDelivery, Post] | HTTPResponse:
        """Authenticate a request, and return what is kept of it while it waits, or the response to a signed handshake.

        `exclusive` is entered with the body's exclusion of others, which lasts until the caller closes it.
        """
        settings = self.settings
        signatures = None if request.is_accepted else authenticate(settings, request.headers, request.query_string)
        self.line.queue.check_room(request.body.size)
        with self.intake.body(request.body, signatures is None, overhead=request.memory_bytes) as body:
            signed_by = '' if signatures is None else valid_signature(signatures, body, request.arrived)
            request.is_accepted = True
            hand_over_by = time.monotonic() + HAND_OVER_SECONDS  # waiting for the exclusion counts, too
            payloads = self.read_payloads(request, body, exclusive)
            response = signed_handshake(settings, request, signed_by, payloads)
            if response:
                request.log_note = 'handshake'
                return response
            post = Post(to_incidents(payloads, self.arrival(request)), request.memory_bytes)
            post.hand_over_by = hand_over_by
            parameters = [pair for pair in request.query.items()
                          if not hmac.compare_digest(pair[1].encode(), settings.token)]
            return RememberedDelivery(request.headers, f'{parameters}', body, request.is_gone), post

    def read_payloads(self, request: Request, body: bytes, exclusive: ExitStack) -> list[bytes]:
        """Decompress a body and return its payloads, each as JSON text; exclude other large bodies. Raise Rejected."""
        coding = request.headers.get('content-encoding', '')
        # Measure first, decompress again later: a body that waits for its exclusion takes only what was sent.
        size = sum(map(len, decompress(body, coding)))
        exclusive.enter_context(self.intake.exclusive(size))
        return read_payloads(b''.join(decompress(body, coding)), request.headers.get('content-type', ''))

    def arrival(self, request: Request) -> Arrival:
        """Return what the request and the instance say where a payload does not."""
        note = partial(self.line.log, 'info', reason='?each= leads to no array of objects.')
        return Arrival(utc_text(request.arrived), request.headers, self.settings, request.query, note)


''' THE HTTP SERVER '''

# Everything that reads or frames HTTP is here, in the order of a request: the pace of its bytes (PacedReader), the request
# line, the headers, the end of the head, the body and its chunks (RequestBody), the WSGI environ; then the connection and
# the server. The parser is the project's own because it rejects more than others: h11 accepts 13 of the 41 forbidden forms
# of Tests/test_http.py, httptools 15, gevent's pywsgi 27. Tests/fuzz_framing.py compares it with h11 and httptools.


class PacedReader:
    """Reads from a socket, as long as the sender keeps the pace and does not send too much.

    Beyond that every read raises OSError. `buffer` holds the bytes that arrived before they were asked for.
    """

    __slots__ = ('buffer', 'bytes_per_second', 'ends_at', 'received', 'seconds', 'socket')

    def __init__(self, sock: Any):
        self.socket = sock
        self.buffer = bytearray()

    def expect(self, seconds: float, bytes_per_second: float = float('inf')) -> None:
        """Start a time allowance of `seconds`, extended as data arrives at `bytes_per_second` or faster."""
        self.seconds = seconds
        self.ends_at = time.monotonic() + seconds
        self.bytes_per_second = bytes_per_second
        self.received = 0

    def read(self, size: int) -> bytes:
        """Return from 1 to `size` bytes, or none at the end. Raise OSError."""
        if size and not self.buffer:
            return self.receive(size)
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def readline(self, limit: int) -> bytes:
        """Return the bytes up to and including the next line feed, at most `limit`. Raise OSError."""
        searched = 0
        while searched < limit and self.buffer.find(b'\n', searched, limit) < 0:
            searched = len(self.buffer)
            piece = self.receive(PIECE_BYTES)
            if not piece:
                break
            self.buffer += piece
        end = self.buffer.find(b'\n', 0, limit) + 1
        return self.read(end or limit) if self.buffer else b''

    def receive(self, size: int) -> bytes:
        """Wait for bytes from the socket, and return at most `size` of them. Raise OSError."""
        if self.received:
            gevent.sleep(0)  # otherwise all that has arrived would be read before another greenlet can run
        remaining_seconds = self.ends_at - time.monotonic()
        if remaining_seconds <= 0:
            raise TimeoutError('the sender is too slow')
        self.socket.settimeout(remaining_seconds)
        data: bytes = self.socket.recv(size)
        self.count(len(data))
        return data

    def count(self, size: int) -> None:
        """Extend the allowance by what has arrived. Raise OSError if that is more than any request needs."""
        self.received += size
        if self.received > 64 * MIB:  # twice the largest body and its framing: the rest of a rejected body is thrown away
            raise OSError('the sender sends too much')
        latest_end = time.monotonic() + self.seconds  # so that a sender that stops is cut off within the grace period
        self.ends_at = min(self.ends_at + size / self.bytes_per_second, latest_end)


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
# Why a request line does not match: the first of these patterns that matches it says so.
REQUEST_START_FAULTS = [
    (re.compile(rb'[^\n]{%d}' % MAX_REQUEST_START_BYTES),
     UriTooLong, 'The request line is over 8 KiB: send what an incident needs in the body.'),
    (re.compile(rb'[^\n]*'), BadRequest, 'The request ends within its first line.'),
    (re.compile(rb'[A-Z-]+ [!-~]+[^!-~\n][^\n]* HTTP/1\.[01]\r?\n'), BadRequest,
     'The URL holds a character that must be percent-encoded, such as a space (%20) or one beyond ASCII.'),
    (re.compile(rb'[^\n]*\n'), BadRequest,
     'The request line is not a method, a path and HTTP/1.1, with one space between.'),
]

FIELD_TEXT = rb'[\t -~\x80-\xff]*'  # RFC 9110 section 5.5: no control character but the tab; \x80-\xff is obs-text
FIELD_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # RFC 9110 section 5.6.2: a token, directly before the colon
HTTP_FIELD = rb'(' + FIELD_NAME + rb'):(' + FIELD_TEXT + rb')'
HEADER = re.compile(HTTP_FIELD + rb'\r?\n')  # RFC 9112 section 2.2: a lone line feed may end a line
EMPTY_LINES = b'\r\n', b'\n'


def read_head(start: bytes, rfile: io.BufferedIOBase) -> Request:
    """Return the request whose request line is `start` and whose headers follow in `rfile`. Raise Rejected if it is not HTTP."""
    match = REQUEST_START.fullmatch(start)
    if not match:
        raise next(kind(detail) for form, kind, detail in REQUEST_START_FAULTS if form.fullmatch(start))
    method, path, query, version = (part.decode() for part in match.groups(b''))
    headers = read_headers(rfile)
    check_unambiguous(headers, is_http10=version == 'HTTP/1.0')
    body = RequestBody(rfile, int(headers.get('content-length', 0)), 'transfer-encoding' in headers)
    return Request(method, path or '/', query, version, headers, body)


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
        match = HEADER.fullmatch(header)
        if not match:
            break
        if b'_' in match[1]:
            continue  # WSGI writes hyphens as underscores, so that X_Token would pass for X-Token
        name = match[1].decode().lower()
        value = match[2].strip(b' \t').decode('latin-1')  # stripping in the pattern would backtrack in cubic time
        headers[name] = f'{headers[name]},{value}' if name in headers else value
    raise BadRequest('A line of the headers is not a header, or they are too many.')


def check_unambiguous(headers: dict[str, str], is_http10: bool) -> None:
    """Raise BadRequest where two readers could see two hosts or two ends of the body, which enables request smuggling."""
    has_host = is_http10 or 'host' in headers
    if not has_host or not re.fullmatch(r'[^\s,/?#@]*', headers.get('host', '')):  # RFC 9112 section 3.2
        raise BadRequest('A request has one Host header.')
    if not re.fullmatch('[0-9]{1,18}', headers.get('content-length', '0')):  # RFC 9112 section 6.3
        raise BadRequest('The Content-Length is not one number.')
    coding = headers.get('transfer-encoding')
    if coding is not None and (is_http10 or 'content-length' in headers):  # RFC 9112 section 6.1
        raise BadRequest('A Transfer-Encoding is allowed in HTTP/1.1 only, and not beside a Content-Length.')
    if coding is not None and coding.lower() != 'chunked':
        raise BadRequest('The Transfer-Encoding is not chunked.')


# An empty line ends the head, and empty lines before a request are ignored: RFC 9112 section 2.2.
HEAD_END = re.compile(rb'\n\r?\n')
EMPTY_LINES_BEFORE = re.compile(rb'(?:\r?\n)*')


def find_head_end(buffer: bytearray, searched: int) -> int:
    """Return the length of the head at the start of a buffer, or 0 while more of it has to arrive.

    Bytes that can no longer become a head count as one, so that they are rejected at once. The first `searched` bytes
    were looked at before, so that a head that arrives byte by byte is searched once.
    """
    if end := HEAD_END.search(buffer, max(searched - 2, 0)):
        return end.end()
    start_end = buffer.find(b'\n', 0, MAX_REQUEST_START_BYTES) + 1
    is_too_large = len(buffer) >= MAX_REQUEST_START_BYTES + (MAX_HEADER_BYTES if start_end else 0)
    is_bad = searched < start_end and not REQUEST_START.fullmatch(buffer, 0, start_end)
    return len(buffer) if is_too_large or is_bad else 0


# RFC 9112 section 7.1: a chunk begins with its size in hexadecimal digits; extensions after a semicolon are ignored.
CHUNK_SIZE = re.compile(rb'([0-9A-Fa-f]{1,16})(?:[ \t]*|;' + FIELD_TEXT + rb')\r\n')
# A trailer, or the empty line after the last one. RFC 9110 section 6.5.1: a trailer can't change where the body ends.
TRAILER = re.compile(rb'(?:(?!(?i:content-length|transfer-encoding):)' + HTTP_FIELD + rb')?\r\n')
CHUNK_END = re.compile(rb'\r\n')


class RequestBody(io.RawIOBase):
    """The body of one request without its chunked framing, as `wsgi.input`.

    The framing may be MAX_FRAMING_BYTES and an eighth of the data: chunks of one byte would otherwise cost 100 times
    their size in CPU.
    """

    def __init__(self, rfile: Any, length: int, has_chunks: bool):
        self.rfile = rfile  # has read and readline, as PacedReader
        self.size = length  # of the whole body, as far as it is known: chunks add to it as they arrive
        self.remaining = length  # bytes still to read of the body, or of the current chunk
        self.has_chunks = has_chunks  # whether another chunk follows
        self.remaining_framing = MAX_FRAMING_BYTES
        self.send_continue: Callable[[], None] | None = None  # for a sender that waits for 100 Continue

    def read(self, size: int = -1) -> bytes:
        """Return from 1 to `size` bytes, or none at the end. Raise OSError, and ValueError for bad framing."""
        if size < 0:
            return self.readall()
        if self.send_continue:
            self.send_continue()
            self.send_continue = None
        if self.has_chunks and not self.remaining:
            self.read_chunk_size()
        data: bytes = self.rfile.read(min(size, self.remaining))
        if size and self.remaining and not data:
            raise ConnectionError('the body ends early')
        self.remaining -= len(data)
        self.remaining_framing += len(data) // 8
        if self.has_chunks and not self.remaining:
            self.read_framing(CHUNK_END)
        return data

    def read_chunk_size(self) -> None:
        """Read the size of the next chunk. The last one is empty, and trailers follow it."""
        self.remaining = int(self.read_framing(CHUNK_SIZE)[1], 16)
        self.size += self.remaining
        self.has_chunks = self.remaining > 0
        while not self.has_chunks and self.read_framing(TRAILER)[1]:
            pass

    def read_framing(self, form: re.Pattern[bytes]) -> re.Match[bytes]:
        """Read one line of framing, and return its match. Raise ValueError if it does not match or is too much."""
        framing = self.rfile.readline(self.remaining_framing)
        self.remaining_framing -= len(framing)
        match = form.fullmatch(framing)
        if not match:
            raise ValueError('the framing is not well-formed, or too much')
        return match

    @property
    def is_nearly_read(self) -> bool:
        """Whether so little remains that it can be skipped to keep the connection for the next request."""
        return not (self.has_chunks or self.send_continue or self.remaining > PIECE_BYTES)


def wsgi_environ(request: Request, peer: str, port: int) -> dict[str, Any]:
    """Return the environ of PEP 3333 for a request from the address `peer`, and under REQUEST the request itself."""
    path = request.path
    with suppress(UnicodeError):  # left as it is: Bottle would drop what is not UTF-8, and take /%ff for the root
        path = unquote(path, errors='strict').encode().decode('latin-1')
    environ = {
        'REQUEST_METHOD': request.method,
        'SCRIPT_NAME': '',
        'PATH_INFO': path,
        'QUERY_STRING': request.query_string,
        'SERVER_NAME': 'localhost',
        'SERVER_PORT': str(port),
        'SERVER_PROTOCOL': request.version,
        'REMOTE_ADDR': peer,
        'wsgi.version': (1, 0),
        'wsgi.url_scheme': 'http',
        'wsgi.input': request.body,
        'wsgi.errors': sys.stderr,
        'wsgi.multithread': False,
        'wsgi.multiprocess': False,
        'wsgi.run_once': False,
        REQUEST: request,
    }
    for name, value in request.headers.items():
        variable = name.upper().replace('-', '_')
        environ[variable if variable in ('CONTENT_TYPE', 'CONTENT_LENGTH') else f'HTTP_{variable}'] = value
    environ.pop('HTTP_TRANSFER_ENCODING', None)  # the chunks are removed already; Bottle would remove them again
    return environ


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


class Response(NamedTuple):
    """What a WSGI application returned, or what replaces it."""

    status: str  # such as '200 OK'
    headers: list[tuple[str, str]]
    content: bytes

    def has_header(self, name: str) -> bool:
        return any(each.lower() == name for each, _ in self.headers)


def rejection_response(rejection: Rejected, is_head: bool) -> Response:
    """Return the response to a request that reaches no handler. The connection ends with it."""
    answered = problem(rejection.status, rejection.detail, {**rejection.headers, 'Connection': 'close'})
    content = answered.body.encode()
    headers = [*answered.headers.items(), ('Content-Length', str(len(content)))]
    return Response(answered.status_line, headers, b'' if is_head else content)


class Connection:
    """One sender's requests, one after the other, each with its response and its line in the log.

    Only a request that is being served has a greenlet, which takes about 20 KiB. While the connection is idle or a head
    arrives, the event loop calls it back, so that it takes about 1 KiB and the bytes that have arrived.
    """

    __slots__ = ('began', 'peer', 'reader', 'server', 'skipped', 'socket', 'watcher')

    def __init__(self, sock: Any, peer: str, server: 'WebhookServer'):
        self.socket = sock
        self.peer = peer
        self.server = server
        self.reader = PacedReader(sock)
        self.began = time.monotonic()  # when the latest request began to arrive
        self.skipped = 0  # bytes still to arrive of a body that nobody reads
        self.watcher = gevent.get_hub().loop.io(sock.fileno(), 1)  # 1: readable

    # Without a greenlet: what follows is called by the event loop, and must not block.

    def await_request(self, seconds: float) -> None:
        """Wait for a request, whose first byte must arrive within `seconds`."""
        self.reader.expect(seconds)
        self.server.idle[self] = None
        self.server.accept_again()  # from now on it may give way to a newcomer
        self.watch(self.read_head)
        self.find_head(0)  # the head may have arrived together with the request before

    def watch(self, read: Callable[[bytes], None]) -> None:
        """Have the event loop call `read` with the bytes that arrive, and with none at their end."""
        self.socket.settimeout(0)
        self.watcher.stop()
        self.watcher.start(self.receive, read)

    def receive(self, read: Callable[[bytes], None]) -> None:
        """Pass on what has arrived. Close the connection when it is broken."""
        try:
            read(self.socket.recv(PIECE_BYTES))
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def read_head(self, data: bytes) -> None:
        """Add bytes to the head that arrives; begin the request when the head is complete, or its sender has ended it."""
        searched = len(self.reader.buffer)
        self.reader.buffer += data
        if not self.find_head(searched) and not data:
            self.begin_request(searched) if searched else self.close()

    def find_head(self, searched: int) -> bool:
        """Begin the request if the buffer holds a whole head. Return whether it does."""
        buffer = self.reader.buffer
        skipped = min(self.skipped, len(buffer))
        self.skipped -= skipped
        del buffer[:skipped]
        del buffer[:EMPTY_LINES_BEFORE.match(buffer).end()]  # type: ignore[union-attr]
        if not buffer:
            return False
        if self in self.server.idle:
            del self.server.idle[self]
            self.began = time.monotonic()
            self.reader.expect(self.server.limits.head_seconds)
        size = find_head_end(buffer, searched)
        if size:
            self.begin_request(size)
        else:
            self.server.reserve_head(self, len(buffer))
        return size > 0

    def begin_request(self, size: int) -> None:
        """Parse the head, which is the first `size` bytes of the buffer, and have the server serve the request."""
        self.watcher.stop()
        head = io.BytesIO(self.reader.buffer[:size])
        # A new buffer rather than `del buffer[:size]`: the block that is left would keep others from reusing its room.
        self.reader.buffer = self.reader.buffer[size:]
        self.reader.expect(self.server.limits.body_grace_seconds, BODY_BYTES_PER_SECOND)
        try:
            request = read_head(head.readline(MAX_REQUEST_START_BYTES), head)
            request.body.rfile = self.reader
        except Rejected as rejection:
            rejection.__traceback__ = None  # its frames would keep the head in memory
            method = 'HEAD' if head.getvalue().startswith(b'HEAD ') else '-'
            request = Request(method, rejection=rejection, log_note=rejection.detail)
        request.head_size = size
        request.is_gone = self.is_gone
        self.server.serve(self, request)

    def reject(self, rejection: Rejected) -> None:
        """Respond to a request that has no greenlet, as far as the socket takes the response at once; end the connection."""
        self.server.release_head(self)
        self.log(Request(log_note=rejection.detail), str(int(rejection.status)))
        response = rejection_response(rejection, is_head=False)
        with suppress(OSError):
            self.socket.send(self.head_of(response) + response.content)
        self.linger()

    def expire(self) -> None:
        """End a connection whose time allowance has passed."""
        if self in self.server.unauthenticated:
            self.reject(too_many_requests())
        elif self in self.server.heads:
            self.reject(TooSlow('The head of the request came too slowly.'))
        else:
            self.close()

    def linger(self) -> None:
        """Send nothing more, and throw away what arrives until the sender closes.

        RFC 9112 section 9.6: closing with unread data would reset the connection, and the sender might lose the response.
        """
        self.reader.buffer = bytearray()
        self.server.lingering[self] = None
        self.server.accept_again()
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.watch(self.throw_away)
        except OSError:
            self.close()

    def throw_away(self, data: bytes) -> None:
        self.reader.count(len(data))
        if not data:
            self.close()

    def close(self) -> None:
        self.watcher.stop()
        self.watcher.close()
        self.socket.close()
        self.server.forget(self)

    # In a greenlet of the request's own.

    def serve(self, request: Request) -> None:
        """Respond to a request; then wait for the next one or end the connection."""
        try:
            stays_open = self.respond(request)
        except (OSError, Unavailable):  # the sender is gone or too slow, or was cut off: nothing more can be sent to it
            self.close()
        except BaseException:  # a connection in no state would stay open for good
            self.close()
            raise
        else:
            self.skipped = request.body.remaining if stays_open else 0
            self.await_request(self.server.limits.idle_seconds) if stays_open else self.linger()

    def respond(self, request: Request) -> bool:
        """Send the response to a request. Return whether the connection stays open. Raise OSError, Unavailable."""
        is_http11 = request.version == 'HTTP/1.1'
        if is_http11 and request.headers.get('expect', '').lower() == '100-continue':  # RFC 9110 section 10.1.1
            request.body.send_continue = partial(self.socket.sendall, b'HTTP/1.1 100 Continue\r\n\r\n')
        response = self.server.response(request, self.peer)
        options = request.headers.get('connection', '').lower().replace(' ', '').split(',')
        wants_to_stay = 'close' not in options and (is_http11 or 'keep-alive' in options)  # RFC 9112 section 9.3
        stays_open = wants_to_stay and not response.has_header('connection') and request.body.is_nearly_read
        if not response.has_header('connection'):
            response.headers.append(('Connection', 'keep-alive' if stays_open else 'close'))
        self.log(request, response.status[:3])
        head = self.head_of(response)
        is_small = len(response.content) <= PIECE_BYTES  # one packet for both; a large content is not copied
        parts = [head + response.content] if is_small else [head, response.content]
        room = self.server.unsent if request.is_accepted else self.server.unsent_unauthenticated
        self.send(parts, room, request.memory_bytes)
        return stays_open

    def head_of(self, response: Response) -> bytes:
        """Return the status line and headers of a response, with the date that RFC 9110 section 6.6.1 asks for."""
        date = time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())
        headers = ''.join(f'{name}: {value}\r\n' for name, value in response.headers)
        return f'HTTP/1.1 {response.status}\r\nDate: {date}\r\n{headers}\r\n'.encode('latin-1')

    def send(self, parts: list[bytes], room: Room, memory_bytes: int) -> None:
        """Send the parts of a response. If the socket does not take them at once, they and `memory_bytes` count in `room`.

        The sender has to read at a minimum pace overall; a limit on each pause would let it sip forever.
        Raise OSError, and Unavailable if the unsent responses are too many.
        """
        self.socket.settimeout(0)
        sent = 0
        with suppress(BlockingIOError):
            sent = self.socket.send(parts[0])
        if sent == len(parts[0]) and len(parts) == 1:
            return
        size = sum(map(len, parts))
        limits = self.server.limits
        ends_at = time.monotonic() + limits.response_grace_seconds + size / limits.response_bytes_per_second
        with room.share(size + memory_bytes):
            for unsent in (memoryview(parts[0])[sent:], *map(memoryview, parts[1:])):
                while unsent:
                    self.socket.settimeout(max(ends_at - time.monotonic(), 0))
                    unsent = unsent[self.socket.send(unsent):]

    def is_gone(self) -> bool:
        """Return whether the sender can send nothing more. Only for a request that is being served: nobody else reads then."""
        self.socket.settimeout(0)
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def log(self, request: Request, status: str) -> None:
        """Write the log line of a request: at level debug for a success, else info, with equal rejections counted."""
        line, redact, quoted = self.server.app.line, self.server.redact, self.server.quoted
        claimed = request.headers.get('x-forwarded-for')  # anybody can claim anything, so it is shown beside the peer
        client = quoted(self.peer) + (f' for {quoted(claimed)}' if claimed else '')
        agent = quoted(request.headers.get('user-agent', '-'))
        size = request.body.size if request.body else '-'
        milliseconds = round((time.monotonic() - self.began) * 1000)
        text = (f'{redact(request.method)} {status} {milliseconds} ms, from {client} {agent}, '
                f'{size} bytes: {request.log_note}')
        if status[0] in '45':
            line.log('info', text, reason=f'{status}: {request.log_note}')
        else:
            line.log('debug', text)


too_many_requests = partial(Unavailable, 'Too many requests arrive at the same time: send it again later.')


class WebhookServer(StreamServer):
    """The integration's HTTP server. Its start() raises OSError if the port cannot be opened.

    A connection without a greenlet is in one of `idle`, `heads` and `lingering`, each in the order of arrival there.
    """

    def __init__(self, settings: Settings, line: ServerLine, limits: HttpLimits = HTTP_LIMITS):
        super().__init__(('0.0.0.0', settings.port), handle=self.do_handle, backlog=4096)
        self.app = WebhookApp(settings, line)
        self.application: Callable[..., Iterable[bytes]] = self.app  # any WSGI application would do
        self.limits = limits
        self.most_connections = connection_limit()
        self.connections: set[Connection] = set()
        self.idle: dict[Connection, None] = {}
        self.heads: dict[Connection, int] = {}  # those whose head arrives or waits for its turn, and its bytes
        self.lingering: dict[Connection, None] = {}
        self.heads_size = 0
        self.unauthenticated: dict[Connection, Request] = {}  # requests without a proof that wait for their turn
        self.has_unauthenticated = Event()
        # Two rooms: senders without a proof never cut off one that has shown it.
        self.unsent = Room(limits.unsent_bytes, cuts_longest=True)
        self.unsent_unauthenticated = Room(limits.unsent_unauthenticated_bytes, cuts_longest=True)

    def start(self) -> None:
        super().start()
        gevent.spawn(self.expire_connections)
        gevent.spawn(self.serve_unauthenticated)

    def full(self) -> bool:
        """Return whether no further connection can be taken. gevent calls this before each accept."""
        return len(self.connections) >= self.most_connections and not (self.lingering or self.heads or self.idle)

    def do_handle(self, sock: Any, address: Any) -> None:
        """Take a new connection, in the place of one without a request if there are too many.

        gevent calls this; its own version would start a greenlet for each connection.
        """
        if len(self.connections) >= self.most_connections:
            next(chain(self.lingering, self.heads, self.idle)).close()
        with suppress(OSError):  # the sender may have reset it already
            # With Nagle's algorithm each response on a kept connection took 44 ms instead of 0.6 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(sock, address[0], self)
        self.connections.add(connection)
        connection.await_request(self.limits.head_seconds)

    def forget(self, connection: Connection) -> None:
        self.release_head(connection)
        self.idle.pop(connection, None)
        self.lingering.pop(connection, None)
        self.connections.discard(connection)
        self.accept_again()

    def accept_again(self) -> None:
        """Accept further connections, if gevent has stopped that because full() was true."""
        if self.started:
            self.start_accepting()

    def reserve_head(self, connection: Connection, size: int) -> None:
        """Count the bytes of a head. When all heads take too many, reject the one that has been there longest."""
        self.heads_size += size - self.heads.get(connection, 0)
        self.heads[connection] = size
        while self.heads_size > self.limits.heads_bytes:
            next(iter(self.heads)).reject(too_many_requests())

    def release_head(self, connection: Connection) -> None:
        self.unauthenticated.pop(connection, None)
        self.heads_size -= self.heads.pop(connection, 0)

    def serve(self, connection: Connection, request: Request) -> None:
        """Start a greenlet for a request: at once if it is accepted, else when its turn comes."""
        request.is_accepted = not request.rejection and self.app.accepts(request)
        if request.is_accepted:
            self.release_head(connection)
            gevent.spawn(connection.serve, request)
        else:
            self.unauthenticated[connection] = request
            self.has_unauthenticated.set()
            self.reserve_head(connection, 2 * request.head_size + 2048)  # as bytes, then as the text of its headers

    def serve_unauthenticated(self) -> None:
        """Start one request without a proof each time that all other greenlets have run.

        However many there are, whatever their status will be, they take no more of the CPU than one accepted sender.
        """
        while True:
            self.has_unauthenticated.wait()
            self.has_unauthenticated.clear()
            while self.unauthenticated:  # others may have been rejected while this greenlet slept
                connection, request = next(iter(self.unauthenticated.items()))
                self.release_head(connection)
                gevent.spawn(connection.serve, request)
                gevent.sleep(0.0001)  # after 0 gevent might return 50 times before it looks at a socket

    def expire_connections(self, every_seconds: float = 0.1) -> None:
        """End the connections whose time allowance has passed. One loop costs less memory than a timer for each."""
        while True:
            gevent.sleep(every_seconds)
            now = time.monotonic()
            waiting = chain(self.idle, self.heads, self.lingering)
            for connection in [each for each in waiting if each.reader.ends_at <= now]:
                yield_if_due()
                if connection.reader.ends_at <= now and connection in self.connections:
                    connection.expire()

    def response(self, request: Request, peer: str) -> Response:
        """Return the application's response to a request, or the one that says why it is not HTTP."""
        if request.rejection:
            return rejection_response(request.rejection, request.method == 'HEAD')
        start: list[Any] = []
        written: list[bytes] = []  # PEP 3333: what the application writes instead of returning it

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], None]:
            start[:] = status, headers
            return written.append

        pieces = self.application(wsgi_environ(request, peer, self.server_port or 0), start_response)
        try:
            returned = [*pieces]
            content = b''.join([*written, *returned])  # of a single piece, the same object and no copy
        finally:
            getattr(pieces, 'close', bool)()
            bottle_response.body = b''  # Bottle would keep a large one until the next request
        response = Response(start[0], list(start[1]), content)
        if not response.has_header('content-length') and response.status[:3] != '204':  # RFC 9110 section 8.6
            response.headers.append(('Content-Length', str(len(content))))
        return response

    @property
    def is_idle(self) -> bool:
        """Whether no request is being served."""
        return len(self.connections) == len(self.idle) + len(self.heads) + len(self.lingering)

    def redact(self, text: str) -> str:
        """Return the start of a sender's text for the log, or '...' if it contains the token."""
        return '...' if contains_token(self.app.settings, text) else text[:150]

    def quoted(self, text: str) -> str:
        """Return a sender's text as a field of the log, quoted so that it cannot forge another field."""
        return '"' + self.redact(text).replace('"', r'\x22') + '"'


def connection_limit() -> int:
    """Return how many connections the process may have, and raise its limit of open files for them.

    A further connection waits in the listen queue.
    """
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_CONNECTIONS + RESERVED_FILES
    wanted = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
    with suppress(ValueError, OSError):  # macOS allows fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
        files = wanted
    return files - RESERVED_FILES


''' COMMANDS '''


def serve(settings: Settings) -> None:
    """Serves until it is stopped or the line is cut; then it ends the process, which the platform's loop would keep."""
    gc.collect()
    gc.freeze()  # CommonServerPython is here for good: no need to look through it again and again
    gc.set_threshold(10_000, 20, 20)  # requests leave hardly a cycle behind
    line = ServerLine()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, line.stop)
    server = WebhookServer(settings, line)
    open_port(server)
    line.ending.wait()
    server.close()
    gevent.sleep(0.1)  # who has just connected is yet to ask, and is answered, too
    line.drain()
    wait_until(lambda: server.is_idle, seconds=1)  # the last responses have left
    os._exit(1 if line.is_cut else 0)


def open_port(server: WebhookServer) -> None:
    """Tries until it has the port, or all is to end."""
    line, settings = server.app.line, server.app.settings
    for retry_seconds in chain((1, 2, 4), repeat(5)):
        try:
            server.start()
            break
        except OSError as error:
            why = os.strerror(error.errno or 0)
            reason = f"Listen Port {settings.port} can't be opened: {why}. Trying again."
            line.report_health(reason)
            line.log('error', reason)
        if line.ending.wait(retry_seconds):
            return
    line.report_health('')
    line.log('info', f'Listening on port {settings.port}.')
    if not settings.token:
        line.log('info', 'No Authorization Verification Token is configured: every POST is accepted.')
    elif len(settings.token.decode()) < 16:
        line.log('info', 'The Authorization Verification Token can be guessed: it has under 16 characters.')


''' MAIN '''


def main() -> None:
    command = demisto.command()
    if command not in ('test-module', 'long-running-execution', 'fetch-incidents'):
        raise NotImplementedError(f'The command {command} is not implemented.')
    try:
        if command == 'fetch-incidents':
            return demisto.incidents(read_samples(demisto.getIntegrationContext()))
        settings = read_settings(demisto.params())
        if command == 'test-module':  # the port may be the long-running container's: nobody looks at it
            return return_results('ok')
    except Exception as error:
        return return_error(f'Generic Webhook, {command}: {error}')
    return serve(settings)


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
