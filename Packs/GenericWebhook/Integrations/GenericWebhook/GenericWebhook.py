"""Generic Webhook: accept HTTP POSTs from senders that prove they know a token; turn them into incidents.

Built from receiver/ by `./dev build`: change the sources there, not this file. Each part names its source.

A POST is authenticated (shown_token, valid_signature), read (read_payloads), turned into incidents (to_incidents),
handed to the server (ServerLine), and the response lists the incidents that the server created. HTTP runs on bottle and
gevent in the script's main thread.

The one rule: while the script serves, only ServerLine calls demisto. The line to the server carries one call at a time,
and a call blocks its whole native thread. So ServerLine has a thread of its own, and all other code waits in greenlets.
"""
# Each part uses only those above it. The way of a POST: http reads its head in the greenlet of its connection. In app,
# WebhookApp.receive reads the body, asks proof whether its sender knows a token, and has payload and events make its incidents.
# In deliveries, DeliveryMemory recognizes a retry, and in queue, PostQueue keeps the post until line has created its incidents.
# The response goes back through app and http to the sender.
import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401,F403
from CommonServerUserPython import *  # noqa: F401,F403

import base64
import binascii
import codecs
import gc
import hashlib
import hmac
import io
import json
import math
import os
import re
import reprlib
import resource
import select
import signal
import socket
import sys
import time
import traceback
import zlib
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum, StrEnum
from functools import cache, cached_property, lru_cache, partial
from http import HTTPStatus
from itertools import accumulate, chain, combinations, islice, product, repeat, zip_longest
from operator import attrgetter, itemgetter
from typing import Annotated, Any, NamedTuple, Protocol, TypedDict
from urllib.parse import parse_qsl, unquote, unquote_plus, unquote_to_bytes
from xml.etree.ElementTree import ParseError, fromstring


def show_health(text: str) -> None:
    """Show what is wrong on the instance's page, or with an empty text that nothing is."""
    try:
        demisto.updateModuleHealth(text, bool(text))
    except TypeError:  # XSOAR before 6.8 accepts no second argument
        demisto.updateModuleHealth(text)


try:
    import gevent
    from bottle import Bottle, HTTPResponse
    from bottle import request as bottle_request
    from bottle import response as bottle_response
    from gevent.event import AsyncResult, Event
    from gevent.lock import Semaphore
    from gevent.server import StreamServer
    from msgspec import DecodeError, Meta, Raw, Struct, ValidationError, defstruct, field
    from msgspec.json import Decoder
    from msgspec.json import encode as to_json
    from msgspec.json import format as format_json
    from msgspec.structs import asdict, astuple
    from multipart import MultipartSegment, PushMultipartParser, parse_options_header
except ImportError as error:
    lacking = (f'The Docker image lacks {error.name}. '
               "Build docker/generic-webhook and set its name in the instance's Docker image.")
    show_health(lacking)
    raise ImportError(lacking) from None


''' LIMITS '''


# --- receiver/limits.py ---
# The limits that the documentation promises, by what they limit.


# The limits that the documentation promises.

MIB = 1024 * 1024
MAX_BODY_BYTES = 25 * MIB  # of a body as sent, of the same body after decompression, and of its text in UTF-8
MAX_JSON_BYTES = 34 * MIB  # of an incident's rawJSON: more than a body, since text grows when it is escaped into JSON
MAX_ESCAPED_BYTES = 64 * MIB  # of the same after further escapes that save memory (escape_wide_characters)
MAX_EVENTS = 1000  # in one request
MAX_GZIP_MEMBERS = 1000  # in one body
MAX_FORM_FIELDS = 1000

# How long a delivery is remembered, so that a retry gets the first response and creates nothing.
REMEMBER_SECONDS = 3600
REMEMBER_WITHOUT_ID_SECONDS = 900  # shorter, since an equal request that comes later may well be a new event
MAX_REMEMBERED_DELIVERIES = 10_000
MAX_REMEMBERED_BYTES = 16 * MIB  # of the responses to these deliveries

MAX_TOKENS = 8  # of one instance; under 10, since `min` compares their positions as text
# Signatures of a request that are checked: each costs an HMAC of the body for each token, and its sender is unauthenticated.
MAX_SIGNATURES = 8  # which is 64 HMACs with MAX_TOKENS
MAX_LARGE_HMACS = 16  # of a body of more than SMALL_BODY_BYTES

# Memory that may be in use at the same time. Each of these gates bounds one thing:
#
#   gate                        what it bounds                                                            most MiB
#   Intake.accepted             bodies of requests whose head shows the token, and decompressed ones             96
#   Intake.unauthenticated      bodies of other requests, until their signature is checked; small ones apart    48 + 16
#   Listener.heads              heads that arrive, or wait because they show no token                           8
#   Listener.unsent             responses that accepted and other senders have not read yet                     32 + 8
#   PostQueue.check_room        posts that wait for a call, and a quarter more beside those set aside           64 + 16
#   DeliveryMemory              responses that are remembered for repeats                                       16
#   Intake.take_turn            the work on a body, and a large one's first call: one of each size at a time    250
#   Listener.full               connections, each with a greenlet, of at most 20 KiB while it is idle           40
#                                                                                                    together   594
MAX_ACCEPTED_BYTES = 96 * MIB  # bodies, read or processed, of requests whose head shows the token; and all decompressed text
MAX_UNAUTHENTICATED_BYTES = 48 * MIB  # bodies of other requests, whose signature can be checked only when all has arrived
MAX_UNAUTHENTICATED_SMALL_BYTES = 16 * MIB  # a separate budget for small ones, so that large ones cannot crowd them out
SMALL_BODY_BYTES = 256 * 1024  # the largest small body
MAX_HEADS_BYTES = 8 * MIB  # request lines and headers: arriving, or waiting to be served because they show no token
MAX_UNSENT_BYTES = 32 * MIB  # responses to accepted requests that their senders have not read yet
MAX_UNSENT_UNAUTHENTICATED_BYTES = 8 * MIB  # responses to all other requests that their senders have not read yet
REQUEST_BYTES = 32 * 1024  # what a request uses besides its head and body, which is mostly the stack of its greenlet

MAX_CONNECTIONS = 2048
RESERVED_FILES = 64  # of the container's open files, for everything that is not a connection
HEADER_SECONDS = 15
IDLE_SECONDS = 75  # longer than common proxies keep idle connections, so that the proxy closes first
BODY_GRACE_SECONDS = 15  # before BODY_BYTES_PER_SECOND is required
BODY_BYTES_PER_SECOND = 1024
RESPONSE_GRACE_SECONDS = 30  # before RESPONSE_BYTES_PER_SECOND is required
RESPONSE_BYTES_PER_SECOND = 64 * 1024
MAX_PARAMETERS = 100  # of the query; further ones are ignored
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024  # of all headers together
MAX_KEPT_HEADER_BYTES = 8 * 1024  # of the headers that one incident keeps
MAX_FRAMING_BYTES = 64 * 1024  # of a body's chunk sizes, extensions and trailers; an eighth of its data is added to this limit

# Accepted posts that wait for a call to the server, and the calls.
MAX_WAITING_POSTS = 1000
MAX_WAITING_BYTES = 64 * MIB
MAX_CALL_INCIDENTS = 1000  # when a call contains several posts
MAX_CALL_BYTES = 4 * MIB
HAND_OVER_SECONDS = 25  # how long a post may wait for a call
CALL_SECONDS = 2  # the duration that a call with several posts is sized for: strict senders wait only 3 s for a response
LONGEST_CALL_SECONDS = 10  # no call is sized to take longer: many senders give up then, GitHub among them
# If the overhead of a call alone is longer, this limit applies. A call over 60 s ends the platform's heartbeat for good, and a
# call may take half as long again as planned.
LONGEST_SLOW_CALL_SECONDS = 40
RETRY_SECONDS = 5  # how long to go on trying the parts of a rejected group
# After this many calls without any success for a group, blame the server, not a bad post, and give up on the group.
MAX_FRUITLESS_TRIES = 8
# A post that XSOAR rejected after its sender had left is tried again, alone, after this pause, then after twice the pause,
# and so on up to the longest. If a server creates what it then rejects, each try makes a duplicate: hence the growth.
FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 600
HURRY_SECONDS = 10  # how often a repeat of it may end the pause
# It is lost after so many tries over so many seconds, if so many calls of other posts have succeeded: then the server is not
# at fault. All three are counted from the first of these calls.
MOST_FAILURES = 5
GIVE_UP_SECONDS = 60
OTHERS_CREATED = 3
RETRY_AFTER_SECONDS = 10

# The largest difference between the time that a sender signed and the arrival of its request, before or after.
TIMED_SECONDS = 300  # Slack, Stripe and Standard Webhooks use five minutes
BODY_TIMED_SECONDS = 60  # if the body contains the time, as Linear's does

CONTEXT_EVERY_SECONDS = 60  # the shortest interval between two saves of the samples and the history
MAX_SAMPLES = 20
MAX_ACCEPTED_ENTRIES = 150  # of the history: deliveries with a valid proof
MAX_OTHER_ENTRIES = 50
HISTORY_HOURS = 48  # for which deliveries are counted
MAX_HISTORY_BYTES = 64 * 1024  # of its entries and counts as JSON; and of the watches, apart from it
SLOWNESS_SECONDS = 300  # how long the health shows that XSOAR was slow
MAX_WATCHES = 100  # of ?expect=, for silence
LONGEST_WATCH_SECONDS = 30 * 24 * 3600  # that it may ask for; and after which a silent sender is forgotten

STOP_SECONDS = 10  # for requests in flight when the instance is stopped


''' SHARING '''


# --- receiver/sharing.py ---
# Let other greenlets run while one works long.


others_ran_at = 0.0  # when other greenlets were last allowed to run


def let_others_run_if_due(after_seconds: float = 0.01) -> None:
    """Let other greenlets run, unless a call did so less than `after_seconds` ago.

    Call it between the steps of any work that takes longer for larger bodies.
    """
    global others_ran_at
    if time.monotonic() - others_ran_at > after_seconds:
        others_ran_at = time.monotonic()  # before the sleep, too: a greenlet that runs during it must not yield again at once
        gevent.sleep(0.0001)  # with 0, gevent would come back up to 50 times before it looks at a socket
        others_ran_at = time.monotonic()


''' PROBLEMS '''


# --- receiver/problems.py ---
# The errors by which a request is rejected, each with a status and a safe text; and the two kinds of response.


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


''' SETTINGS '''


# --- receiver/settings.py ---
# The parameters of an instance, read once when a command starts, and the tokens among them.


TOKEN_LABEL = 'Authorization Verification Token'
TOKEN_SEPARATOR = ' || '
WHOLE_TEXT = 'whole text'  # the name of the token that is all of an `auth_header` with several tokens


class Token(NamedTuple):
    """One of the tokens of an instance.

    Tokens sort by their names, so that `min` returns the first in the form. WHOLE_TEXT comes last.
    """

    name: str  # its position in the form, from '1', or WHOLE_TEXT
    value: bytes

    def __repr__(self) -> str:
        """Return a text without the value, so that printing a token cannot leak it."""
        return f'Token({self.name})'


@lru_cache(MAX_TOKENS + 1)
def token_spellings(token: bytes) -> set[str]:
    """Return strings such that any text with the token in it, plain or in base64, contains at least one of them."""
    if len(token.decode()) < 8:  # see contains_token
        return set()
    spellings = {token.decode(), token.decode('latin-1')}  # as in a query, and as in the value of a header
    # Base64 writes 6 bits per character, so the token's base64 depends on how many bytes come before it (in `user:token`,
    # five), modulo 3. An example is a token that begins with `T` and `o`, after one other byte `:`, at the first bit 8:
    #
    #   bytes       | :             | T             | o             |
    #   bits        | 0           7 | 8          15 | 16         23 |
    #   characters  | 0         | 1         | 2         | 3         |
    #
    # Character 1 has bits of both. The token alone makes those from 2 on, until the byte after it has a part in one.
    for bytes_before in range(3):
        encoded = base64.b64encode(bytes(bytes_before) + token).decode()
        first_bit, end_bit = bytes_before * 8, (bytes_before + len(token)) * 8
        first_character, end_character = (first_bit + 5) // 6, end_bit // 6  # rounded up, rounded down
        certain = encoded[first_character:end_character]
        spellings |= {certain, certain.replace('+', '-').replace('/', '_')}  # also in the URL-safe alphabet
    return spellings


class Tokens:
    """The tokens of an instance: any of them is a proof. Without any, every POST is accepted.

    The form holds one token, or several as in `new || old`. Such a text used to be one token, so as a whole it stays valid, but
    in the Authorization header only.
    """

    def __init__(self, text: str = ''):
        """Take the tokens from the text of the form. Raise ValueError, which never quotes the text, if one is unusable."""
        texts = text.split(TOKEN_SEPARATOR) if text else []
        check_tokens(texts)
        self.single_tokens = [Token(str(position), part.encode()) for position, part in enumerate(texts, 1)]
        self.with_whole = [*self.single_tokens, Token(WHOLE_TEXT, text.encode())] if len(texts) > 1 else self.single_tokens

    def __repr__(self) -> str:
        """Return a text without the tokens, so that printing them cannot leak one."""
        return f'Tokens({len(self.single_tokens)})'

    def __iter__(self) -> Iterator[Token]:
        """Return an iterator over the single tokens, in the order of the form."""
        return iter(self.single_tokens)

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.single_tokens)

    def find(self, texts: Iterable[bytes], authorization: Iterable[bytes] = ()) -> Token | None:
        """Return the first token that equals one of the texts, or None. `authorization` may also be the whole `auth_header`.

        Each text is compared with all tokens, whether one is equal or not, so that the time reveals nothing.
        """
        shown = [token for text in texts for token in self.single_tokens if hmac.compare_digest(text, token.value)]
        shown += [token for text in authorization for token in self.with_whole if hmac.compare_digest(text, token.value)]
        return min(shown, default=None)

    @cached_property
    def spellings(self) -> set[str]:
        """Return strings such that any text with a token in it contains at least one of them."""
        of_each = set().union(*(token_spellings(token.value) for token in self.single_tokens))
        # The whole text contains each token, so its own spellings are needed only if each is too short to have any.
        return of_each or set().union(*(token_spellings(token.value) for token in self.with_whole))

    @cached_property
    def shortest_spelling(self) -> int:
        """Return the number of characters of the shortest spelling, or 0 if there is none."""
        return min(map(len, self.spellings), default=0)


def label_of(position: int | str, count: int) -> str:
    """Return the label of a token in the form, with its position if the form has several tokens, `count` of them."""
    return TOKEN_LABEL + (f', token {position} of {count}' if count > 1 else '')


def check_tokens(texts: list[str]) -> None:
    """Raise ValueError, which names the position of a token and never quotes it, if the form has an unusable one."""
    if len(texts) > MAX_TOKENS:
        raise ValueError(f'{TOKEN_LABEL}: it has {len(texts)} tokens: at most {MAX_TOKENS} are allowed.')
    for position, text in enumerate(texts, 1):
        which = label_of(position, len(texts))
        if not text:
            raise ValueError(f'{which}: it is empty. Write one token, or several with " || " between them.')
        if text != text.strip() or not text.isprintable():
            raise ValueError(f'{which}: it begins or ends with a space, or contains a line break or another unprintable '
                             'character: no HTTP header can carry it. Paste it again without them.')
        if text in texts[:position - 1]:
            raise ValueError(f'{which}: it is the same as token {texts.index(text) + 1}. Remove one of them.')


class Settings(NamedTuple):
    """The parameters of an instance, read once when a command starts."""

    port: int  # 0 if there is none yet
    tokens: Tokens
    incident_type: str | None
    shows_origins: bool = False  # only in a container that the local XSOAR starts for a preview: no parameter says it


def read_settings(params: dict[str, Any]) -> Settings:
    """Return the settings from an instance's parameters. Raise ValueError with the label of one that is unusable."""
    tokens = Tokens(params.get('auth_header') or '')
    port = read_port(str(params.get('longRunningPort') or '').strip())
    return Settings(port, tokens, params.get('incidentType') or None, 'LOCALXSOAR_PREVIEW' in os.environ)


def read_port(text: str) -> int:
    """Return the container's port, or 0 for an empty text. Raise ValueError if it is not a port."""
    if not text:
        return 0
    # The server may pass two ports, the host's and the container's: '443:8080' -> 8080.
    number = re.fullmatch(r'(?:\d+:)?(\d{1,5})', text, re.ASCII)
    if not number or not 1 <= int(number[1]) <= 65535:
        raise ValueError(f"Listen Port '{text}' is not a number from 1 to 65535.")
    return int(number[1])


''' PROOF '''


# --- receiver/proof/schemes.py ---
# The table of signature schemes, and what a signature in a request is.


def decoded_keys(decode: Callable[[bytes], bytes], token: bytes) -> list[bytes]:
    """Return a list of one key, the decoded token, or an empty list if `decode` raises ValueError."""
    with suppress(ValueError):
        return [decode(token)]
    return []


# Each takes a token.
keys_from_base64 = partial(decoded_keys, partial(base64.b64decode, validate=True))
keys_from_hex = partial(decoded_keys, binascii.unhexlify)


def standard_webhooks_keys(token: bytes) -> list[bytes]:
    """Return the keys that a token may mean: 'whsec_YWJj' -> ['abc'], 'YWJj' -> ['YWJj', 'abc'].

    Without the prefix `whsec_` nothing says whether the token is base64, so both readings are tried.
    """
    if token.startswith(b'whsec_'):
        return keys_from_base64(token.removeprefix(b'whsec_'))
    return [token, *keys_from_base64(token)]


def equals_empty_key(key: bytes) -> bool:
    """Return whether anyone could sign with a key because it is empty, or has zero bytes only.

    HMAC pads a short key with zero bytes (RFC 2104, 2), so that these keys are all equal.
    """
    return not key.strip(b'\0')


@lru_cache
def expansion_pattern(affix: str) -> str:
    """Return a pattern for every expansion of a scheme's prefix or suffix: `{time}.` can expand to `1732442400.`.

    Scheme.signatures matches the prefix and suffix of a signature with it, and is_timed_text the start and the end of a body.
    """
    unix_digits = r'\d{9,13}'  # in seconds or milliseconds
    date, clock, offset = r'\d{4}-\d\d-\d\d', r'\d\d:\d\d:\d\d(?:\.\d{1,9})?', r'(?:Z|[+-]\d\d:\d\d)'  # RFC 3339
    # A delivery id does not begin like JSON or XML. It has up to 1000 characters other than white space, `"` and `=` (without a
    # limit, a search in 25 MiB would be slow), and may end like base64, with `=` or `==`.
    delivery_id = r'(?![{\[<])' r'[^\s"=]{1,1000}' r'={0,2}'
    # The dot is the only character of the prefixes and suffixes that means something else in a pattern.
    return affix.replace('.', '[.]').format(time=f'(?:{unix_digits}|{date}T{clock}{offset})', id=delivery_id)


# The values of Scheme.time that are not names of headers.
OWN_TIME = 't'
BODY_TIME = 'webhookTimestamp'


Keys = list[tuple[Token, bytes]]  # keys for an HMAC, each with its token


class Scheme(NamedTuple):
    """A way to sign a request: an HMAC of a prefix, the body and a suffix, with a token as key.

    An example is Slack's: for the time 1732442400 and the body `{}` it signs the text `v0:1732442400:{}`.
    """

    prefix: str = ''  # with `{time}` and `{id}` where the time and the delivery id are inserted
    suffix: str = ''  # likewise
    # Where the time is: the name of a header; OWN_TIME, in the value of the signature's own header; BODY_TIME, in the
    # body; or '' for a scheme that signs no time.
    time: str = ''
    delivery: str = ''  # the name of the header with the delivery id
    keys: Callable[[bytes], list[bytes]] = lambda token: [token]  # returns the keys that a token may mean
    label: str = ''  # the required start of the value of the signature's header

    def signatures(self, header: str, headers: dict[str, str], tokens: Tokens) -> Iterator['Signature']:
        """Yield the possible readings of the value of `header` as a signature, one for each list of keys to try and each hash.

        Yield nothing if the signature, its time or its id cannot be read: then only this proof fails, and another one
        in the same request may still be valid.
        """
        value = headers[header]
        if not value.startswith(self.label):
            return
        stamp = self.time_in_head(value, headers)
        delivery_id = headers.get(self.delivery, '')  # '' if there is none, which the pattern of an id does not match
        prefix, suffix = (affix.format(time=stamp, id=delivery_id) for affix in (self.prefix, self.suffix))
        # The pattern is made from the same prefix and suffix, so that only a time or an id can fail to match. With re.ASCII, `\d`
        # and `\s` mean the same here as in the patterns of is_timed_text, which are for bytes.
        if not re.fullmatch(expansion_pattern(self.prefix + self.suffix), prefix + suffix, re.ASCII):
            return
        # With one of these characters in the id, the signed text is ambiguous:
        #   .       separates the id from the time: the text `a.1732442400.1732442401.` could have the id `a` or `a.1732442400`
        #   : = <   can make the id and what follows look like the text of another scheme: the id `v0:1732442400:a` like
        #           Slack's, `a=` like a form, `1732442400<a>` like Zendesk's (a time, then XML)
        # (The pattern allows them: is_timed_text has to recognize a text with such an id, which a sender may have signed.)
        if not set('.:<=').isdisjoint(delivery_id):
            return
        digests = digests_in(value)
        hash_names = sorted({f'sha{8 * len(digest)}' for digest in digests})  # 32 bytes are of sha256, 64 of sha512
        for keys_to_try, hash_name in product(self.lists_of_keys(tokens), hash_names):
            yield Signature(header, digests, keys_to_try, hash_name, prefix.encode('latin-1'), suffix.encode('latin-1'), stamp,
                            bool(self.time))

    def lists_of_keys(self, tokens: Tokens) -> list[Keys]:
        """Return the lists of keys to try one after another: the usual key of each token, then the alternative of each.

        The usual keys are those of most senders. Keys with which anyone can sign are left out.

        If token 1 may mean the keys `a` and `b`, and token 2 only `c`: [[(token 1, a), (token 2, c)], [(token 1, b)]].
        """
        keys_of_each_token = [[(token, key) for key in self.keys(token.value) if not equals_empty_key(key)] for token in tokens]
        # The first key of each token, then the second of each; None stands for a token that has fewer keys than another.
        return [[pair for pair in keys_or_none if pair] for keys_or_none in zip_longest(*keys_of_each_token)]

    def time_in_head(self, value: str, headers: dict[str, str]) -> str:
        """Return the signed time as it is spelled in the head of a request, or '' if it is missing or in the body.

        `value` is that of the signature's header.
        """
        if self.time == OWN_TIME:
            part = re.search('(?:^|,) *t=([^,]*)', value)  # as in Stripe's `t=1732442400,v1=...`
            return part[1] if part else ''
        return headers.get(self.time, '')  # never finds BODY_TIME, which has capitals: the names of headers are in lower case


DIGEST = re.compile(r'''
    (?<![^ ,=])                # preceded only by a space, a comma, `=` or nothing: `sha256=DIGEST`, `v1,DIGEST`
    ( [0-9a-f]{64}             # SHA-256 in hex
    | [0-9a-f]{128}            # SHA-512 in hex
    | [a-z0-9+/]{43}=          # SHA-256 in base64
    | [a-z0-9+/]{86}==         # SHA-512 in base64
    ) (?![^ ,])                # followed only by a space, a comma or nothing: `DIGEST v1,DIGEST`
    ''', re.ASCII | re.IGNORECASE | re.VERBOSE)


def digests_in(value: str) -> list[bytes]:
    """Return the SHA-256 and SHA-512 digests in a header's value: 'v1=<hex>,v1=<hex>' -> two digests of 32 bytes."""
    # There can be several: while a secret is replaced, some senders sign with the old and the new one.
    # Base64 of these lengths always ends with `=`, and hex never does.
    return [base64.b64decode(text) if '=' in text else bytes.fromhex(text) for text in DIGEST.findall(value)]


SIGNATURE_NAME = re.compile('signature|hmac')
ANY = 'any other header whose name matches SIGNATURE_NAME'
# The schemes to try, by the lower-case name of the signature's header. A header with a row of its own is never checked
# by the schemes of ANY. Quotes contain the title of the page that documents a scheme.
SCHEMES = {
    # GitHub, Shopify, PagerDuty, Sentry and others sign the body alone; Calendly, Tailscale and Dixa sign like Stripe.
    ANY: [Scheme(), Scheme(prefix='{time}.', time=OWN_TIME)],
}
# Written by ./dev senders: schemes, from the folders in senders. Change nothing here.
SCHEMES |= {
    # Box: "Signature Verification". The time follows the body, and has no separator before it.
    # Box: It signs with both of its keys, so that one can be replaced at a time.
    'box-signature-primary': [Scheme(suffix='{time}', time='box-delivery-timestamp')],
    'box-signature-secondary': [Scheme(suffix='{time}', time='box-delivery-timestamp')],
    # Customer.io: "Securely verify requests". It signs like Slack.
    'x-cio-signature': [Scheme(prefix='v0:{time}:', time='x-cio-timestamp')],
    # django-webhook: django_webhook/http.py in its package.
    'django-webhook-signature-v1': [Scheme(prefix='{time}:', time='django-webhook-request-timestamp')],
    # Grafana: "Configure webhook notifications". The time is optional, and the name of its header can be configured in Grafana.
    # Grafana: This name is the one in the documentation.
    'x-grafana-alerting-signature': [Scheme(), Scheme(prefix='{time}:', time='x-grafana-alerting-signature-timestamp')],
    # Linear: linear.app/developers/webhooks. The prefix is empty, because the signed body contains the time.
    'linear-signature': [Scheme(time='webhookTimestamp')],
    # Microsoft Teams: "Create Outgoing Webhooks". The key is the decoded token.
    'authorization': [Scheme(label='HMAC ', keys=keys_from_base64)],
    # MLflow: "Webhooks". It signs like Standard Webhooks, but the key is the whole token.
    'x-mlflow-signature': [Scheme(prefix='{id}.{time}.', time='x-mlflow-timestamp', delivery='x-mlflow-delivery-id')],
    # Onfleet: "Webhook Authentication". The key is what the token encodes in hexadecimal.
    'x-onfleet-signature': [Scheme(keys=keys_from_hex)],
    # Slack: "Verifying requests from Slack".
    'x-slack-signature': [Scheme(prefix='v0:{time}:', time='x-slack-request-timestamp')],
    # Standard Webhooks: spec/standard-webhooks.md in its repository.
    # Standard Webhooks: Svix: "Verifying Webhooks Manually".
    'webhook-signature': [
        Scheme(prefix='{id}.{time}.', time='webhook-timestamp', delivery='webhook-id', keys=standard_webhooks_keys)],
    'svix-signature': [Scheme(prefix='{id}.{time}.', time='svix-timestamp', delivery='svix-id', keys=standard_webhooks_keys)],
    # Stripe: The key is the whole token, with `whsec_`.
    'stripe-signature': [Scheme(prefix='{time}.', time='t')],
    # Zendesk: "Verifying webhook authenticity". The time is in RFC 3339, and no separator follows it.
    'x-zendesk-webhook-signature': [Scheme(prefix='{time}', time='x-zendesk-webhook-signature-timestamp')],
    # Zoom: It signs like Slack.
    'x-zm-signature': [Scheme(prefix='v0:{time}:', time='x-zm-request-timestamp')],
}
# The end of schemes.


# One greenlet at a time hashes a body of more than QUICK_BODY_BYTES: no socket is served while one hashes, and of many each could
# take 10 ms in turn. A smaller body takes no lock: behind larger ones it would wait once for each token.
hashing_lock = Semaphore()
QUICK_BODY_BYTES = 32 * 1024  # of which MAX_TOKENS HMACs take no longer than the rest of its request


class Signature(NamedTuple):
    """A possible reading of the value of a signature's header: its digests, and how they may have been computed."""

    header: str  # the lower-case name
    digests: list[bytes]  # one of them must be right
    keys: Keys  # of all tokens
    hash_name: str
    prefix: bytes  # the text that is signed before the body
    suffix: bytes  # the text that is signed after the body
    time: str  # the time in these texts, as the sender spelled it; '' if there is none
    is_timed: bool  # whether the scheme requires a time, in these texts or in the body

    def __repr__(self) -> str:
        """Return a text without the keys, so that printing a signature cannot leak one."""
        return f'Signature({self.header})'

    def token_for(self, body: bytes) -> Token | None:
        """Return the token with which one of the digests was computed, or None; of several, the first in `auth_header`.

        All are tried, whether one is right or not, so that the time does not reveal the position of the token.
        """
        return min([token for token, key in self.keys if self.is_right(key, body)], default=None)

    def is_right(self, key: bytes, body: bytes) -> bool:
        """Return whether one of the digests is that of the prefix, the body and the suffix with this key."""
        expected = hmac.new(key, self.prefix, self.hash_name)
        if len(body) <= QUICK_BODY_BYTES:
            expected.update(body)
        else:
            with hashing_lock:
                # Sockets are served between two hashes; with the lock held, no other one begins then.
                let_others_run_if_due(0.001)
                expected.update(body)
        expected.update(self.suffix)
        computed = expected.digest()
        return sum(hmac.compare_digest(computed, digest) for digest in self.digests) > 0  # any() would stop at the first

    def is_fresh(self, body: bytes, arrived: float) -> bool:
        """Return whether the signed time is close to `arrived` (Unix seconds).

        - A time in the prefix or the suffix counts, whatever the body contains.
        - Without one, a `webhookTimestamp` in the body counts, whatever the scheme. Otherwise a request that Linear has signed
          could be replayed under the header of a scheme without a time.
        - Without either, only a scheme that needs no time is fresh.
        """
        if self.time:
            return abs(arrived - unix_time(self.time)) <= TIMED_SECONDS
        if stamp := body_time(body):
            return abs(arrived - unix_time(stamp)) <= BODY_TIMED_SECONDS
        return not self.is_timed


def unix_time(stamp: str) -> float:
    """Return a time in Unix seconds: '1732442400', '1732442400000' or '2024-11-24T10:00:00Z' -> 1732442400.0.

    Return 0, which is never fresh, if the time is unreadable.
    """
    with suppress(ValueError):
        if stamp.isdecimal():
            is_milliseconds = len(stamp) > 11  # seconds have at most 11 digits until the year 5138
            return float(stamp) / (1000 if is_milliseconds else 1)
        return datetime.fromisoformat(stamp).timestamp()
    return 0


class TimedBody(Struct):
    """The one member of a JSON body that authentication reads: the time of signing, as JSON."""

    time: Raw = field(default=Raw(b'null'), name=BODY_TIME)


TIMED_BODY = Decoder(TimedBody)


def body_time(body: bytes) -> str:
    """Return the text of a JSON object's `webhookTimestamp`, or '' if it is missing or null, or the body is no JSON object."""
    if BODY_TIME.encode() not in body:  # so that most bodies are not decoded
        return ''
    # Some JSON that the decoder rejects becomes incidents, too, since read_payloads mends it. So its time has to be found.
    with suppress(ValueError, RecursionError):
        stamp = bytes(TIMED_BODY.decode(with_simple_strings(body)).time)
        return '' if stamp == b'null' else stamp.decode().strip('"')
    return ''


def with_simple_strings(body: bytes) -> bytes:
    r"""Return JSON whose strings a strict decoder accepts. Some of them are damaged, but no time, which needs no escapes.

    Such a decoder rejects half a surrogate pair, as in `{"title": "\ud83d", "a": 1}`, and control characters. So each `\\` and
    `\u` is removed, and each control character becomes a blank: `{"title": "d83d", "a": 1}`. To mend the strings would be slower.
    """
    body = body.removeprefix(codecs.BOM_UTF8)
    # `\\` first, an escaped backslash: in `\\ud83d` the text `ud83d` follows it. In a run of backslashes, JSON and `replace` both
    # take pairs from the left.
    for escape in (rb'\\', rb'\u'):
        let_others_run_if_due()
        body = body.replace(escape, b'')
    return body.translate(bytes.maketrans(bytes(range(32)), b' ' * 32))  # a blank for each control character


# --- receiver/proof/replays.py ---
# The bodies that no scheme without a time may sign.


#
# A captured request of a scheme that signs a time could be replayed for ever under a header whose scheme signs the body
# alone. An example: Slack signed `v0:1732442400:{}`. The same signature in GitHub's header is valid for the body
# `v0:1732442400:{}`, and no time is checked. So valid_signature rejects such a body under such a header.
#
# is_timed_text recognizes these bodies: a prefix or suffix of SCHEMES, and beside it the start of a body that a sender signs.
# Lines of logs, which may also begin with a time, have to pass. So most of this part says how JSON, a form, XML and the like
# begin. The patterns are derived from SCHEMES, so a new row is covered automatically.
#
# The patterns are verbose: blanks in them mean nothing. `(?>...)` never gives back what it has matched: `(?>[0-9]*)7` does not
# match '177', since the run takes all three digits. So what follows a run is tried in one place only, and a match takes linear
# time.

BLANKS = r'(?>[\s\0]*)'  # white space, and the NULs of UTF-16: `{` is two bytes there, one of them a NUL
DIGITS = r'(?>[\d\0]*)'
# A number, true, false or null in JSON, also in UTF-16.
SIMPLE_VALUE = rf"""
    (?: -?\0? \d {DIGITS} (?: [.] {DIGITS} )? (?: [eE]\0? [+-]? {DIGITS} )?
      | t\0?r\0?u\0?e | f\0?a\0?l\0?s\0?e | n\0?u\0?l\0?l )"""
# The start of a JSON object or array, which no usual line of a log matches: `{"a`, `{}`, `["a`, `[{`, `[1, 2`, `[1]` and `[]`,
# but not `{x}`, `[Wed Oct 11`, `[12.5] kernel:` and `[] full`. It may also end early, such as `[` or `[1`: that is reported as
# invalid JSON. Behind a simple value, the first item of an array, stands a comma, or the array and the text end.
OBJECT_OR_ARRAY = rf"""
    (?: \{{ {BLANKS} (?: ["}}] | \Z )
      | \[ {BLANKS} (?: ["{{[] | {SIMPLE_VALUE} {BLANKS} (?: , | \Z | \] {BLANKS} \Z ) | \] {BLANKS} \Z | \Z ) )"""
# A whole JSON text that is no object or array. A string of more than 999 escapes is not followed to its end: a repetition of a
# group takes memory.
STRING = r'(?>[^"\\]* (?: \\\0?[\s\S] [^"\\]* ){0,999})'
OTHER_JSON = rf'(?: " {STRING} (?: \\ | " {BLANKS} \Z ) | {SIMPLE_VALUE} {BLANKS} \Z )'
# What may precede JSON: blanks, and one of the byte order marks of UTF-8 and UTF-16.
BEFORE_JSON = rf'{BLANKS} (?: (?: \xef\xbb\xbf | \xff\xfe | \xfe\xff ) {BLANKS} )?'
JSON_START = re.compile((BEFORE_JSON + OBJECT_OR_ARRAY).encode(), re.VERBOSE)

# The name of a form's field, such as `disk`, `a%5Bb%5D`, `c[0]` or UTF-8. Also `&`, since a field can be empty: `&a=1`.
FORM_NAME = r'[\w.*+%~$@&\[\]\x80-\xff-]*'
FIELD_START = rf'(?>{FORM_NAME}) ='
WHOLE_FIELD = rf'{FIELD_START} (?>[^\s&]*) (?: & | \s{{0,2}} \Z )'
BOUNDARY = r'-{2,70} [^\s-]'  # of multipart
# The start of a body that senders sign with a time: `{"a": 1}`, `a=1&b=2`, `--b1`, `<a>` or nothing. No usual line of a log
# matches, such as `-- MARK --`, except one with a syslog priority, such as `<134>`. After blanks, a form must have a whole first
# field: ` host=db-1 level=error` is a line of a log.
SIGNED_BODY_START = rf"""
    (?: {FIELD_START}
      | {BEFORE_JSON} (?: \Z | < | {BOUNDARY} | {OBJECT_OR_ARRAY} | {OTHER_JSON} | {WHOLE_FIELD} ) )"""

all_schemes = [*chain(*SCHEMES.values())]
prefixes = {expansion_pattern(scheme.prefix) for scheme in all_schemes if scheme.prefix}
suffixes = {expansion_pattern(scheme.suffix) for scheme in all_schemes if scheme.suffix}
bare_times = {expansion_pattern(scheme.prefix) for scheme in all_schemes if scheme.prefix.startswith('{time}')}
# The start of a text that a sender may sign. A prefix with a version or an id is enough, whatever follows it:
# `v0:1732442400:disk full`. Lines of logs may start with a bare time, too, so what follows that must look like the start of a
# signed body: `1732442400.{"a": 1}`, which Stripe signs, but not `1732442400: disk full`.
TIMED_TEXT = re.compile(rf"""
    (?: {'|'.join(prefixes - bare_times)} | (?: {'|'.join(bare_times)} ) {SIGNED_BODY_START} )""".encode(), re.VERBOSE)
# The end of such a text, if the time follows the body, which is JSON: `{"a": 1}2026-11-24T10:00:00Z`.
TIMED_END = re.compile(rf'[}}\]]{BLANKS}(?P<time>{"|".join(suffixes)})\Z'.encode())
TIMED_END_BYTES = 200  # more than a time and some blanks


def is_timed_text(body: bytes) -> bool:
    """Return whether a body could be a text that a scheme signs: it begins like one, or is JSON with a time behind it.

    Examples are `v0:1732442400:disk full` and `{"a": 1}2026-11-24T10:00:00Z`.
    """
    if TIMED_TEXT.match(body):
        return True
    timed_end = TIMED_END.search(body[-TIMED_END_BYTES:])
    # What precedes the time has to begin like JSON. (A memoryview is no copy.)
    return timed_end is not None and JSON_START.match(memoryview(body)[:-len(timed_end['time'])]) is not None


# --- receiver/proof/signatures.py ---
# Which signatures a request has, and whether one of them is valid and fresh.


def signatures_in(headers: dict[str, str], tokens: Tokens) -> Iterator[Signature]:
    """Yield every signature in the headers, as each scheme of its header reads it."""
    for header in headers:
        for scheme in SCHEMES.get(header) or (SCHEMES[ANY] if SIGNATURE_NAME.search(header) else ()):
            yield from scheme.signatures(header, headers, tokens)


def within_limit(signatures: list[Signature], body: bytes) -> list[Signature]:
    """Return the signatures to check for a body: all, or for a large one the first that take MAX_LARGE_HMACS together.

    Each HMAC of a large body takes long, and a sender without a proof must not cause more of them.
    """
    if len(body) <= SMALL_BODY_BYTES:
        return signatures
    hmacs = accumulate(len(signature.keys) for signature in signatures)  # for each signature, with those before it
    return [signature for signature, so_far in zip(signatures, hmacs, strict=True) if so_far <= MAX_LARGE_HMACS]


def valid_signature(signatures: list[Signature], body: bytes, arrived: float) -> tuple[str, Token]:
    """Return the header of the first valid and fresh signature, and the token that made it. Raise Unauthorized if there is none.

    `arrived` is when the head of the request arrived, in Unix seconds: a slow body must not make the signed time too old.
    """
    why = 'No signature matches the body, its time and the token: check the token in the sender.'
    for index, signature in enumerate(within_limit(signatures, body)):
        if index > 0:
            let_others_run_if_due(0.001)  # not before the first signature: most requests have only one
        if not (token := signature.token_for(body)):  # checked first: only a sender that knows a token causes the other checks
            continue
        # Without a prefix the signed text begins with the body: the body may be what another scheme signs, prefix and all.
        if not signature.prefix and is_timed_text(body):
            why = ('The signature matches, but the body begins or ends like the signed text of another scheme, with a time: '
                   'it could be a replay. Begin and end the body differently, or send the token itself.')
        elif not signature.is_fresh(body, arrived):
            why = 'The signature matches, but its time is too far from now: check the clocks of both sides.'
        else:
            return signature.header, token
    raise Unauthorized(why)


# --- receiver/proof/tokens.py ---
# The tokens that a request shows in its headers and its query.


# The query parameters of our own (see URL_WORDS); any other may be meant as a token.
OWN_PARAMETERS = ('type', 'each', 'name', 'occurred', 'severity', 'problem', 'resolved', 'skip', 'at_least', 'expect')


class Query:
    """The query of a URL. Only its first MAX_PARAMETERS parameters count."""

    def __init__(self, tokens: Tokens, text: str):
        first = text.split('&', MAX_PARAMETERS)[:MAX_PARAMETERS]  # the rest, left as one piece behind these, is dropped
        shown = [tokens.find(readings_of(parameter)) for parameter in first]  # the token that a parameter shows, or None
        self.token = min(filter(None, shown), default=None)  # the first of `auth_header` that any of them shows
        self.counted = '&'.join(first)  # the query without the rest
        self.without_tokens = '&'.join(parameter for parameter, token in zip(first, shown, strict=True) if not token)

    @cached_property
    def parameters(self) -> list[tuple[str, str]]:
        """Return the decoded names and values of the parameters that count and show no token, without empty ones."""
        return parse_qsl(self.without_tokens)

    @cached_property
    def by_name(self) -> dict[str, str]:
        """Return the parameters that count, for the handshakes. If a name occurs twice, its last value is taken.

        A token is not left out: Meta's `hub.verify_token` is one.
        """
        return dict(parse_qsl(self.counted))


# A sender's URL is always the same. So the queries that were used last are kept, as they were read, for the next request, but
# not large ones: they would take much memory.
MAX_KEPT_QUERIES = 64
MAX_KEPT_QUERY = 1024  # characters
kept_query = lru_cache(MAX_KEPT_QUERIES)(Query)


def fits_cache(text: str) -> bool:
    """Return whether what is read from a query, or from some of its values, is small enough for a cache.

    Each piece that is read takes as much memory as 75 characters more: `&` divides a query into parameters, and `,`, `|` and `.`
    divide a value, such as `?name=a.b|c,d`, into parts, alternatives and keys.
    """
    return len(text) + 75 * sum(map(text.count, '&,|.')) <= MAX_KEPT_QUERY


def read_query(tokens: Tokens, text: str) -> Query:
    """Return the query with this text, perhaps the same object as for an earlier request: nobody may change it."""
    return (kept_query if fits_cache(text) else Query)(tokens, text)


def readings_of(parameter: str) -> list[bytes]:
    """Return the byte strings that the value of a query parameter may stand for.

    In a query `+` may be a space or itself: 'key=a+b%20c' -> 'a+b c', 'a b c'.
    """
    value = parameter.partition('=')[2]
    readings = [value, value.replace('+', ' ')] if '+' in value else [value]
    return [unquote_to_bytes(each) for each in readings]


def shown_token(settings: Settings, headers: dict[str, str], query: Query) -> Token | None:
    """Return the first token that is the value of a header or of a query parameter, or None.

    A request has at most MAX_HEADERS headers, so that it cannot make thousands of guesses. Headers and parameters are counted
    apart: no header can hide a parameter.
    """
    # The bytes as they were sent: http decoded them as latin-1. Authorization is passed again, since it alone may also
    # show the whole text of `auth_header`, with all its tokens.
    in_headers = (value.encode('latin-1') for value in headers.values())
    authorization = [headers.get('authorization', '').encode('latin-1')]
    return min(filter(None, (settings.tokens.find(in_headers, authorization), query.token)), default=None)


# --- receiver/proof/secrets.py ---
# What a 401 says, which headers an incident keeps, and whether a text has a token in it.


def signatures_to_check(settings: Settings, headers: dict[str, str], query_string: str) -> list[Signature]:
    """Return the signatures of a request that shows no token: one of them must be valid for its body.

    Raise Unauthorized if there are none that can be read. The names of `headers` are in lower case.
    """
    signatures = list(islice(signatures_in(headers, settings.tokens), MAX_SIGNATURES))
    if not signatures:
        raise missing_proof(settings, headers, query_string)
    return signatures


SECRET_WORDS = {'auth', 'authorization', 'token', 'secret', 'signature', 'sig', 'hmac', 'password', 'credential',
                'credentials', 'cookie', 'session', 'jwt', 'assertion', 'apikey'}
# `key` alone is not among these: X-Event-Key and Idempotency-Key contain no secret.
SECRET_ENDINGS = ('api-key', 'access-key', 'auth-key', 'functions-key', 'subscription-key', 'webhook-key', 'private-key')
# Headers for one connection only (RFC 9110, 7.6.1), and x-request-uri: in that header XSOAR repeats the query, which may
# contain a token.
NOT_KEPT = {'connection', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'te', 'trailer', 'transfer-encoding',
            'upgrade', 'x-request-uri'}


def names_secret(name: str) -> bool:
    """Return whether a header's name, such as 'x-gitlab-token' or 'x-api-key', says that its value is a secret."""
    return name.endswith(SECRET_ENDINGS) or not SECRET_WORDS.isdisjoint(name.split('-'))


def missing_proof(settings: Settings, headers: dict[str, str], query_string: str) -> Unauthorized:
    """Return the 401 for a request without a usable proof. It repeats nothing that the request contains."""
    # The most likely mistake: the sender puts `Bearer ` or `Basic ` before the token.
    _, _, credentials = headers.get('authorization', '').partition(' ')
    if settings.tokens.find([], authorization=[credentials.encode('latin-1')]):
        return Unauthorized('The Authorization header has a scheme before the token: '
                            'remove the scheme, or make it part of the token.')
    if any(map(SIGNATURE_NAME.search, headers)):
        return Unauthorized('The signature, its id or its time cannot be read: sign the body (and the time) '
                            'with HMAC-SHA256, in hex or base64, and use the token as the key.')
    secrets = {name for name, value in headers.items() if value and names_secret(name)}
    parameters = {part.partition('=')[0] for part in query_string.split('&') if part}
    seems_to_hold_one = {  # where the sender seems to have put a token, although it is not the right one
        'of the Authorization header': 'authorization' in secrets,
        'of a header for secrets': bool(secrets - {'authorization'}),
        'of a query parameter': bool(parameters.difference(OWN_PARAMETERS)),
    }
    places = ' and '.join(place for place, seems_to_hold in seems_to_hold_one.items() if seems_to_hold)
    why = f'The value {places} is not the token' if places else 'The request shows no token'
    return Unauthorized(f'{why}: send it as a whole header or query parameter, or sign the body with it.')


def kept_headers(settings: Settings, headers: dict[str, str], token: Token | None = None) -> dict[str, str]:
    """Return the headers that an incident keeps, at most MAX_KEPT_HEADER_BYTES: none for this connection alone, and no secret.

    A header is a secret by its name, if its value is a token, or if contains_token finds one inside it. Inside, only `token` is
    looked for if it is given, as in reveals_token.
    """
    remaining = MAX_KEPT_HEADER_BYTES
    # The Connection header names further headers that are meant for this connection alone (RFC 9110, 7.6.1).
    dropped = NOT_KEPT | {name.strip().lower() for name in headers.get('connection', '').split(',')}
    kept = {}
    for name, value in headers.items():
        is_token = settings.tokens.find([value.encode('latin-1')]) is not None  # as shown_token compares it
        is_secret = is_token or names_secret(name) or contains_token(settings, f'{name}: {value}', token)  # the name counts, too
        size = len(name) + len(value)
        if size <= remaining and name not in dropped and not is_secret:
            kept[name] = value
            remaining -= size
    return kept


def contains_token(settings: Settings, text: str, token: Token | None = None) -> bool:
    """Return whether a text contains any token, or `token` if one is given: as it is, percent-encoded, or in base64.

    Each `/` may be written `\\/`, as PHP does in JSON.

    A token of fewer than 8 characters has no spellings (see token_spellings), so it is never found: many texts contain it by
    chance.
    """
    if len(text) < settings.tokens.shortest_spelling:  # decoding makes no text longer
        return False
    texts = (text, unquote(text), unquote_plus(text)) if '%' in text or '+' in text else (text,)
    if '\\/' in text:
        texts = (*texts, text.replace('\\/', '/'))
    spellings = token_spellings(token.value) if token else settings.tokens.spellings
    for each in texts:
        for spelling in spellings:  # any() would take twice as long, for each text of an event
            if spelling in each:
                return True
    return False


def reveals_token(settings: Settings, value: str, token: Token | None) -> bool:
    """Return whether a value in the URL, or a part of one, is any token, or contains the one that proved the request, `token`.

    No other token is looked for inside the value: one long value could contain thousands of guesses, and whether it is ignored
    would show its sender that one is right. `token` is None only if the instance has no tokens.

    In a token that was not percent-encoded, `+` has become a space. So both are compared with `+` for each space.
    """
    with_plus = value.replace(' ', '+')
    # A sum, unlike any(), compares with all tokens, so that the time reveals nothing.
    equal_tokens = sum(hmac.compare_digest(with_plus.encode(), each.value.replace(b' ', b'+')) for each in settings.tokens)
    return equal_tokens > 0 or contains_token(settings, value, token) or contains_token(settings, with_plus, token)


''' BODY '''


# --- receiver/body/memory.py ---
# The memory that bodies may use together, and how a body is read within it.


# This room limits the size of a body (read_body), the memory of all bodies together (Intake.body), the number of
# large bodies that are processed at a time (Intake.take_turn), and the size of a body after decompression (decompress).
# The limits on its pace (PacedSocket) and its framing (RequestBody) are in http.
PIECE_BYTES = 16 * 1024  # long work is done in pieces of this size, and other greenlets can run between them


# RFC 9112, 9.3: the connection has to close when part of a body remains unread.
no_memory_left = partial(Unavailable, 'Too many bodies arrive at the same time: nothing was created, send it again later.',
                  Connection='close')


class MemoryClaim:
    """The bytes of a MemoryBudget that one greenlet has, the one that makes the claim, until it is closed or evicted."""

    def __init__(self, budget: 'MemoryBudget', size: int = 0, queue: int = 0):
        """Take `size` bytes of a queue of the budget. Raise Unavailable, as `reserve` does."""
        self.budget, self.queue, self.size = budget, budget.queues[queue], 0
        self.greenlet = gevent.getcurrent()
        self.callback: Any = None  # by which the event loop is about to throw Unavailable into the greenlet
        self.queue[self] = None
        self.reserve(size)

    def reserve(self, size: int) -> None:
        """Change the claim to `size` bytes in total; only its greenlet may do that. While the budget is too full, evict claims.

        Raise Unavailable if this claim is evicted for that, or has been evicted, made permanent or closed before. The greenlet
        of any other that is evicted gets Unavailable soon, from the event loop.
        """
        if self not in self.queue:
            raise no_memory_left()
        self.budget.reserved += size - self.size
        self.size = size
        while self.budget.reserved > max(self.budget.limit, size):  # a claim that is alone may exceed the limit
            evicted = self.budget.oldest_of_fullest_queue() if self.budget.evicts_oldest else self
            evicted.close()
            if evicted is self:
                raise no_memory_left()
            evicted.callback = gevent.get_hub().loop.run_callback(evicted.greenlet.throw, no_memory_left())

    def make_permanent(self) -> None:
        """Protect the claim from being evicted; it counts until it is closed."""
        del self.queue[self]

    def close(self) -> None:
        """Give the bytes back to the budget. This may be called several times.

        An exception that was not thrown yet would hit whatever the greenlet does next: drop it.
        """
        self.budget.reserved -= self.size
        self.size = 0
        self.queue.pop(self, None)
        if self.callback:
            self.callback.stop()


class MemoryBudget(Struct):
    """A limit on the bytes of memory that greenlets use together, such as for the bodies that they read.

    When all claims together exceed the limit, one is evicted: it is closed, and its greenlet gets Unavailable. It is the one
    that has just grown, or with `evicts_oldest` the oldest one of the queue with the most bytes. A claim that was made permanent
    still counts, but is never evicted. As long as none is, a queue with at most `limit / queues` bytes loses none to another
    queue: so a flood of requests of one kind evicts none of another. A claim that is alone may exceed the limit.

    An example with the limit 100 and `evicts_oldest`: A reserves 60 bytes, then B 30 and C 40. The sum is 130, so A is evicted,
    and 70 remain: A's greenlet gets Unavailable as soon as the event loop runs it. If A's 60 are permanent, B is evicted instead,
    and 100 remain. If C reserves 90 and B's 30 are permanent, A is evicted, and then C, which gets Unavailable at once, from its
    `reserve`.
    """

    limit: int
    evicts_oldest: bool = False
    # In each queue are the claims that can be evicted, the oldest first.
    queues: list[dict[MemoryClaim, None]] = field(default_factory=lambda: [{}])
    reserved: int = 0  # the sum of all claims

    def oldest_of_fullest_queue(self) -> MemoryClaim:
        """Return the oldest claim of the queue with the most bytes. There is one: the claim that has just grown."""
        fullest = max(filter(None, self.queues), key=lambda queue: sum(claim.size for claim in queue))
        return next(iter(fullest))


def read_body(source: Any, limit: int, claim: MemoryClaim, overhead: int = 0) -> bytes:
    """Return a body of at most `limit` bytes, read from `source`, which has `size` and `read()` as a RequestBody has.

    The claim grows with the body, plus `overhead` bytes, and is made permanent when the body is complete.
    Raise TooLarge, BadRequest, or (if there is no room, or the body arrives too slowly) Unavailable.
    """
    body = io.BytesIO()  # getvalue() makes no copy
    has_more = True
    try:
        while has_more:
            if source.size > limit:  # on every pass: the size of a chunked body grows as it arrives
                raise TooLarge(f'The body is larger than {limit / MIB:g} MiB.')
            let_others_run_if_due()
            claim.reserve(overhead + body.tell() + PIECE_BYTES)  # before the read: a piece takes memory while it arrives
            has_more = body.write(source.read(PIECE_BYTES)) > 0
    except TimeoutError:
        raise Unavailable('The body came too slowly; send it again.', Connection='close') from None
    except (OSError, ValueError):
        raise BadRequest('The body ended early, or its chunks are not well-formed.', Connection='close') from None
    claim.reserve(overhead + body.tell())
    claim.make_permanent()
    return body.getvalue()


# --- receiver/body/turns.py ---
# Large bodies, one at a time.


class Intake:
    """The bodies being read and processed: limits on their memory, and locks so that large ones are processed one at a time."""

    def __init__(self) -> None:
        self.accepted = MemoryBudget(MAX_ACCEPTED_BYTES)
        # Anyone can fill these two budgets, and keep them full with slow bodies, so new bodies displace the oldest ones.
        self.unauthenticated = MemoryBudget(MAX_UNAUTHENTICATED_BYTES, evicts_oldest=True)
        self.unauthenticated_small = MemoryBudget(MAX_UNAUTHENTICATED_SMALL_BYTES, evicts_oldest=True)
        # A lock for bodies above 4 MiB, one for those above 1 MiB, one for those above 64 KiB, and one for all others. So a
        # body waits only for others of about its size. Without the last lock, each of many small bodies would use the
        # event loop for 10 ms before a socket is served.
        self.locks = {above: Semaphore() for above in (MAX_CALL_BYTES, MIB, 64 * 1024, -1)}

    @contextmanager
    def body(self, source: Any, is_accepted: bool, limit: int = MAX_BODY_BYTES, overhead: int = 0) -> Iterator[bytes]:
        """Read a body and yield it. Reserve its bytes and the `overhead` of its request until the context ends.

        Raise what read_body raises.
        """
        size = limit if source.has_chunks else source.size  # a chunked body announces no size: assume the largest
        unauthenticated = self.unauthenticated_small if size <= SMALL_BODY_BYTES else self.unauthenticated
        with closing(MemoryClaim(self.accepted if is_accepted else unauthenticated)) as claim:
            yield read_body(source, limit, claim, overhead)

    def take_turn(self, size: int, is_gone: Callable[[], bool] = bool) -> ExitStack:
        """Wait for the right to process a body of this size, or to create the incidents of a large post. Return it as a context.

        At the end of the context, the next one of about this size has its turn; to close it several times changes nothing.
        Raise Unavailable after HAND_OVER_SECONDS. But if the sender is gone, go on waiting: nobody would read the 503 and send
        the request again. By default the sender is never gone: bool() is False.
        """
        lock = next(lock for above, lock in self.locks.items() if size > above)  # the largest sizes come first
        while not lock.acquire(timeout=HAND_OVER_SECONDS):
            if not is_gone():
                raise Unavailable('Other bodies take too long: nothing was created, send it again later.', Connection='close')
        turn = ExitStack()
        turn.push(lock)  # which is released at the end
        return turn


def work_size(text: bytes) -> int:
    """Return the size by which a body takes turns with others: that of its text, or more if it has many events."""
    events_at_most = text.count(b'{') + text.count(b'%7')  # nearly each event has a `{`; a form sends it as `%7B` or `%7b`
    # Many small events take as long as a larger body, and each may get a copy of all headers. So each counts as 1 KiB,
    # but all together as no more than 1 MiB.
    return max(len(text), min(1024 * events_at_most, MIB))


# --- receiver/body/decoding.py ---
# From bytes to text: decompression and character sets.


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


''' EVENTS '''


# --- receiver/events/tree.py ---
# The tree of an event: its values, read only as far as they are looked at.


#
# An event is read as a tree: its objects are dicts, its arrays lists. A small event is decoded whole. A larger one is opened
# one level at a time, and only where somebody looks: a LargeObject or a LargeList holds Raw values, which are still JSON text,
# and opens one when it is asked for. To code that reads objects by `get`, and lists by position or in a loop, both kinds of tree
# look the same, unless a value is UNREAD: it was not opened, because that would take too much time or memory.

SMALL_EVENT_BYTES = 64 * 1024
SMALL_EVENT_MARKS = 2000  # commas, colons and opening brackets: each of them may be a value, which takes up to 70 bytes
MAX_OPENED_VALUES = 400_000  # in all events of a request
MAX_EVENT_VALUES = 40_000  # in one event, besides its own members, of which there are fewer than MAX_COLONS
MAX_COLONS = 50_000  # of an object that is not small; with more, only COMMON_KEYS are opened
MAX_LIST_COMMAS = 1_000_000  # of a list that is not small; one with more is UNREAD
STRING_START_BYTES = 4096  # of a huge string, which is cut
COMMON_KEYS = ('name', 'type', 'title', 'summary', 'message', 'status', 'alert', 'event', 'data', 'timestamp', 'body', 'headers',
               'raw_json', 'rawJson', 'rawJSON', 'receiver', 'alerts', 'truncatedAlerts', 'groupLabels', 'commonLabels',
               'commonAnnotations', 'events', 'findings', 'records', 'value', 'items')
OPENING_BRACKET, OPENING_BRACE, QUOTE = b'[{"'
sys.set_int_max_str_digits(1000)  # a longer integer is UNREAD: Python takes 50 µs to write one of 4,300 digits
UNREAD = object()


class CutText(str):
    """A text that is in doubt: the start of one that is too long to be read whole, the first of several under one key, or ''."""


class SentFloat(float):
    """A number with a fraction or an exponent. Conditions compare it as it was sent: `1.50` is not `1.5`."""

    def __init__(self, sent: str):
        self.sent = sent  # the text that float() makes the number from


WHOLE = Decoder(float_hook=SentFloat)
MEMBERS = Decoder(dict[str, Raw])
ITEMS = Decoder(list[Raw])


@lru_cache(maxsize=8)
def decoder_of(keys: tuple[str, ...]) -> Decoder[dict[str, Raw]]:
    """Return a decoder of the members at some keys alone: a dict of all members could take hundreds of MiB."""
    return Decoder(TypedDict('Members', dict.fromkeys(keys, Raw), total=False))  # type: ignore[operator]


def members_of(source: bytes | Raw, keys: tuple[str, ...] = COMMON_KEYS) -> tuple[dict[str, Raw], bool]:
    """Return the members of an object and False or, if it may have too many, those at `keys` and True. Raise ValueError."""
    # An object has at most as many members as colons. Counting these takes no memory.
    if len(memoryview(source)) <= SMALL_BODY_BYTES or count_byte(b':', source) <= MAX_COLONS:
        return MEMBERS.decode(source), False
    return decoder_of(keys).decode(source), True


class Large:
    """What a LargeObject and a LargeList have in common: a value is Raw until somebody asks for it."""

    def __init__(self: Any, values: Any, budget: 'Budget', is_cut: bool = False):
        super().__init__(values)  # type: ignore[call-arg]  # of dict or list
        self.budget = budget
        self.is_cut = is_cut  # it has more values, which nobody can ask for

    def opened(self: Any, place: Any, value: Any) -> Any:
        """Return the value at a key or a position. If it is Raw, open it first, and keep it in its place."""
        if type(value) is Raw:
            value = self[place] = self.budget.open(value)
        return value


class LargeObject(Large, dict[str, Any]):
    """An object whose members are opened by `get` alone. If it is cut, any other member is UNREAD."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the member at a key."""
        return self.opened(key, super().get(key, UNREAD if self.is_cut else default))


class LargeList(Large, list[Any]):
    """A list whose items are opened by position, and in a loop."""

    def __getitem__(self, index: Any) -> Any:
        """Return the item at a position."""
        return self.opened(index, super().__getitem__(index))

    def __iter__(self) -> Iterator[Any]:
        """Yield the items."""
        return map(self.__getitem__, range(len(self)))


decoding_may_fail = suppress(ValueError, RecursionError)  # one for all values: making it takes a while


class Budget:
    """How many values may still be opened or visited, in an event and in all events of a request: then the rest is UNREAD.

    It bounds the time and the memory that a hostile request takes.
    """

    values = MAX_OPENED_VALUES
    values_of_event = MAX_EVENT_VALUES

    def allows(self, values: int) -> bool:
        """Spend so many values, and return whether there were enough, for the request and for the event."""
        self.values -= values
        self.values_of_event -= values
        return self.values >= 0 <= self.values_of_event  # neither is below 0

    def open(self, source: bytes | Raw, is_event: bool = False) -> Any:
        """Return the value of a JSON text: the whole tree of a small one, one level of any other.

        Return UNREAD if the text cannot be decoded, is a list with too many commas, or if the budget is spent. A small tree and
        the members of an event itself cost nothing; any other level costs a value for each member or item.
        """
        let_others_run_if_due()
        view = memoryview(source)
        # Whatever fails here is tried again level by level: then one integer of 5,000 digits is UNREAD, and not all around it.
        with decoding_may_fail:
            if is_small(view):
                return WHOLE.decode(view)
        with decoding_may_fail:
            if view[0] not in (OPENING_BRACE, OPENING_BRACKET):
                return open_scalar(view)
            if view[0] == OPENING_BRACE:
                members, is_cut = members_of(source)
                return LargeObject(members, self, is_cut) if is_event or self.allows(len(members)) else UNREAD
            if count_byte(b',', source) <= MAX_LIST_COMMAS and self.allows(len(items := ITEMS.decode(source))):
                return LargeList(items, self)
        return UNREAD


def is_small(view: memoryview) -> bool:
    """Return whether a JSON text may be decoded whole: it is short, and has few values and no `-0`."""
    if len(view) > SMALL_EVENT_BYTES:
        return False
    source = bytes(view)
    has_few_marks = len(source) <= SMALL_EVENT_MARKS or sum(map(source.count, (b',', b':', b'[', b'{'))) <= SMALL_EVENT_MARKS
    # msgspec would make a -0 a 0: open_scalar reads it.
    return has_few_marks and not (b'-0' in source and re.search(rb'-0(?:[\s,}\]]|\Z)', source))


def open_scalar(view: memoryview) -> Any:
    """Return a string, a number, a bool or null. Raise ValueError.

    Of what is over SMALL_BODY_BYTES, return a string's start ('' if that is not UTF-8), and UNREAD for a number.
    """
    if len(view) <= SMALL_BODY_BYTES:
        return SentFloat('-0') if bytes(view) == b'-0' else WHOLE.decode(view)
    if view[0] != QUOTE:
        return UNREAD
    # A string that is cut inside a character or an escape does not decode. The longest of these is an escaped surrogate
    # pair of 12 bytes (\ud83d\ude00), so at least one of 12 successive ends is not inside one.
    for end in range(STRING_START_BYTES, STRING_START_BYTES - 12, -1):
        with suppress(ValueError):
            return CutText(WHOLE.decode(bytes(view[:end]) + b'"'))
    return CutText()


def count_byte(byte: bytes, source: bytes | Raw) -> int:
    """Return how often a byte is in the source."""
    view = memoryview(source)  # it has no count(); bytes have it, but a copy of all of it would take too much memory
    return sum(bytes(view[start:start + PIECE_BYTES]).count(byte) for start in range(0, len(view), PIECE_BYTES))


def read_object(source: bytes, budget: Budget | None = None) -> dict[str, Any]:
    """Return the members of an event, or {} if its source is not a JSON object that can be opened."""
    value = (budget or Budget()).open(source, is_event=True) if source else None
    return value if isinstance(value, dict) else {}


Steps = list[list[tuple[str, int]]]


def steps_of(keys: Sequence[str]) -> Steps:
    """Return the steps that lead along some keys: for each position, pairs of a key and the position after it.

    A key of an object may contain dots, and the longest that exists is used: ['a', 'b'] -> [[('a.b', 2), ('a', 1)], [('b', 2)]].
    """
    return [[('.'.join(keys[start:end]), end) for end in range(len(keys), start, -1)] for start in range(len(keys))]


def find(value: Any, steps: Steps, if_a_scalar_stops: Any = None) -> Any:
    """Return the value to which some steps lead, in which `0` is the first item of a list; or what stops them on the way:

        null, or a key that an object or a list does not have    None
        a key that may be among the members that were not read   UNREAD
        a text, a number or a bool                               `if_a_scalar_stops`: `a.b` leads beyond the text in {"a": "x"}
    """
    position, end = 0, len(steps)
    while position < end:
        if isinstance(value, list):
            value = {'0': value[0]} if value else {}
        elif not isinstance(value, dict):
            return value if value is None or value is UNREAD else if_a_scalar_stops
        for key, following in steps[position]:
            if key in value:
                value, position = value.get(key), following
                break
        else:
            return value.get(key)  # not there: None, or UNREAD if not all members were read
    return value


# --- receiver/events/scales.py ---
# Scales: what the values of a severity mean.


NUMBER = re.compile(r'(?a)-?\d+(\.\d+)?')

# XSOAR's severities, and that of a value that says nothing, such as a level beyond the end of its scale.
SEVERITIES: dict[str, float | None] = {
    'critical': 4, 'high': 3, 'medium': 2, 'low': 1, 'informational': 0.5, 'unknown': 0, 'none': None}


class Scale(NamedTuple):
    """The severities that values mean, as the table of senders says it or, if it `is_exact`, a URL.

    On an exact scale, texts are compared as they were sent, with regard to case.
    """

    by_value: dict[str, float | None]
    by_minimum: dict[float, float | None]  # what any number means from this one up to the next
    is_exact: bool = False

    def severity(self, value: Any) -> float | None:
        """Return the severity that a text, a number or a bool means, or None."""
        word, number = form_of(value, self.is_exact)
        if word in self.by_value or number is None:
            return self.by_value.get(word)
        reached = [minimum for minimum in self.by_minimum if minimum <= number]
        return self.by_minimum[max(reached)] if reached else None


def form_of(value: Any, is_exact: bool) -> tuple[str, float | None]:
    """Return a value as the text by which a scale compares it, and as a number or None: '7' and 7e0 -> ('7.0', 7.0)."""
    text = text_of(value)
    if type(value) is SentFloat or NUMBER.fullmatch(text):
        return str(float(text)), float(text)  # inf, if it is too large
    # No word of a scale has more than 40 characters. Sentinel's export has `E_HIGH` for `high`.
    return text if is_exact else '_'.join(text[:40].lower().split()).removeprefix('e_'), None


RECOVERED_SEVERITY = 0.5  # the end of a problem is no alarm, whatever its event repeats of the problem


def text_of(value: Any) -> str:
    """Return a text as it is, a number as it was sent, a bool as JSON has it, and '' for anything else."""
    if type(value) is bool:
        return 'true' if value else 'false'
    if type(value) is SentFloat:
        return value.sent
    return str(value) if type(value) in (str, int) else ''  # a CutText is not all that was sent


# --- receiver/events/texts.py ---
# Texts of an event as one line without tokens, and whether they say something.


# XSOAR mistakes a reply for an error if it contains one of these, even within the name of an incident. Each becomes the text
# beside it.
ERROR_MARKERS = {'[ERROR-fd5a7750-7182-4b38-90ba-091824478903]': '[ ERROR-fd5a7750-7182-4b38-90ba-091824478903]', '$$##': '$ $##'}


def without_error_markers(text: str) -> str:
    """Return the text with a space inside each of XSOAR's error markers, so that XSOAR does not recognise them."""
    for marker, harmless in ERROR_MARKERS.items():
        text = text.replace(marker, harmless)
    return text


def words_of(kind: str) -> list[str]:
    """Return the words of a kind of event in lower case: 'push.created' or 'PushCreated' -> ['push', 'created'].

    A word has at least two letters, or three if they are capitals.
    """
    return [word.lower() for word in WORD_OF_KIND.findall(kind)]


WORD_OF_KIND = re.compile('[A-Z]?[a-z]{2,}|[A-Z]{3,}')


def is_token_or_agent(text: str) -> bool:
    """Return whether a text looks like a token or a user agent."""
    return (len(text) > 15 or '/' in text) and TOKEN_OR_AGENT.fullmatch(text) is not None


def first_of(texts: Iterable[str]) -> str:
    """Return the first text that is not empty, or ''."""
    for text in texts:  # next(filter(None, texts), '') would take longer, some times for each event
        if text:
            return text
    return ''


def shortened(text: str, max_length: int = 150) -> str:
    """Return the text without error markers; if it is longer than `max_length` characters, cut it and end it with `…`.

    But a path at its end loses its first folders, since the last part says most: `Deleted: …/storageAccounts/invoices`.
    """
    text = without_error_markers(text)
    if len(text) <= max_length:
        return text
    start = text.rfind(' ') + 1  # of the last word
    room = max_length - start - len('…')  # for the end of the path
    rest = text.find('/', len(text) - room) if text.startswith('/', start) else -1
    return text[:max_length - 1] + '…' if rest < 0 else f'{text[:start]}…{text[rest:]}'


LONGEST_SPELLING = 1024  # that of a token, in characters


def clean_text(value: Any, contains_token: Callable[[str], bool]) -> str:
    """Return a text or a number as one line, or '' for any other value and for a text that contains the token."""
    if type(value) not in (str, int, SentFloat, CutText):
        return ''
    whole = value.sent if type(value) is SentFloat else str(value)
    text = whole[:4096].strip()  # more than any name or date has, and quick to search
    if '  ' in text or not text.isprintable():  # any other text is one line as it is
        controls = '\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f'  # the others are white space for split()
        # Of hyphenation, width, direction and byte order: invisible. In the midst of a token, they would hide it from the check.
        marks = '\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff'
        text = ' '.join(re.sub(f'[{controls}{marks}]', '', text).split())
    if text and contains_token(text):
        return ''
    return text[:-LONGEST_SPELLING] if len(whole) > 4096 else text  # a token may be cut at its end


def untagged_text(value: Any, clean: Callable[[Any], str]) -> str:
    """Return a value as `clean` does, without the tags of HTML or XML in it: `<b>Disk</b> full<br>` -> `Disk full`."""
    text = clean(value)
    # Cleaned again: a tag may have divided the token.
    return clean(TAG.sub(' ', text)) if '<' in text and TAG_OF_MARKUP.search(text) else text


# How an object in JSON, or an array of texts or objects, begins: `{x}` and `[Wed Oct 11` are ordinary text.
JSON_TEXT = re.compile(r'\{\s*["}]|\[\s*[{"\]]')
JSON_WITH_VALUES = re.compile(r'\s*[{\[]\s*["{]')
TOKEN_OR_AGENT = re.compile(
    # A token such as `kJ2mN4pQ6rS8tU0v`: it has a small letter, a capital and three digits among 16 characters or more.
    r'(?=[\w-]{16,}\Z)(?=.*[a-z])(?=.*[A-Z])(\D*\d){3}.*|'
    # A user agent such as `Mozilla/5.0 (X11)`
    r'(Mozilla|Opera|curl|Wget|python-requests|Go-http-client|okhttp|axios|PostmanRuntime)/\d.*', re.ASCII)
TAG = re.compile(r'</?[a-z][\w-]*(\s[^<>]*)?/?>|<\?xml[^<>]*>', re.IGNORECASE | re.ASCII)
TAG_OF_MARKUP = re.compile(r'</[a-z]|<br\b|/>', re.IGNORECASE)  # without one of these, `<alice>` is ordinary text


# --- receiver/events/xml.py ---
# XML as the members of an object.


MAX_XML_DEPTH = 32


def xml_members(text: str) -> dict[str, Any] | None:
    """Return an XML document as the members of an object, or None if the text is no whole document, or too deep.

    Return {} if it has a DOCTYPE: that could define entities of any size, so the document is not read.
    """
    if '<!DOCTYPE' in text and text.lstrip('\ufeff \t\r\n').startswith('<'):  # also behind a byte order mark
        return {}
    try:
        return xml_object([fromstring(text)])
    except (ParseError, RecursionError) as error:
        error.__traceback__ = None  # its frames refer to the error: that cycle would keep the body in memory
        return None


def xml_object(elements: Iterable[Any], depth: int = 0) -> dict[str, Any]:
    """Return elements as the members of an object, each a text or an object: `<a><b>c</b></a>` -> {'a': {'b': 'c'}}.

    Of several with one name, the first counts, and something is in doubt. Raise RecursionError if they are too deep.
    """
    members: dict[str, Any] = {}
    for element in elements:
        if depth >= MAX_XML_DEPTH:
            raise RecursionError
        key, value = element.tag.rpartition('}')[2], xml_object(element, depth + 1) or element.text or ''
        first = members.setdefault(key, value)
        if first != value:
            members.update({key: CutText(first)} if isinstance(first, str) else {'': CutText()})
    return members


# --- receiver/events/dates.py ---
# Dates and times as Unix times.


RFC3339 = re.compile(r'(?a)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:[0-5]\d)')
# fromisoformat accepts any character between date and time: it would read the number 17101204010 as 1710-12-04.
ISO_DATE = re.compile(r'(?a)(?:\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(?:-?\d)?)(?:[T ].*)?')


def iso_date_to_rfc3339(text: str, earliest: float = float('-inf'), latest: float = float('inf')) -> str:
    """Return an ISO 8601 date in RFC 3339. Dates in RFC 3339 are unchanged, even with an offset: `2026-11-24T10:00:00+01:00`.

    Others are converted to UTC (`2026-11-24 10:00+01:00` -> `2026-11-24T09:00:00Z`), and one without an offset is read as UTC.
    Raise ValueError or OverflowError if it is not a date between `earliest` and `latest` (Unix time in seconds).
    """
    is_rfc3339, iso_date = RFC3339.fullmatch(text), text.strip().upper()  # `t`, `w` and `z` are valid, too
    if not is_rfc3339 and not ISO_DATE.fullmatch(iso_date):
        raise ValueError('it has another format')
    date = datetime.fromisoformat(iso_date)
    date = date.replace(tzinfo=date.tzinfo or timezone.utc)
    if not earliest <= date.timestamp() <= latest:
        raise ValueError('it is too early or too late')
    return text if is_rfc3339 else date.astimezone(timezone.utc).isoformat().replace('+00:00', 'Z')


# Dates that are not in ISO 8601. Two-digit years and names of zones such as CST are left out, because they are ambiguous.
CLOCK = r'(?P<hour>\d\d?)(?P<minutes>:\d\d(?::\d\d(?:\.\d+)?)?)(?: (?P<half>[AP]M))?(?P<offset>[+-]\d\d:?\d\d)?'
# `Tue Nov 24 09:00:00 2026` and `Tue Nov 24 09:00:00 UTC 2026`
YEAR_LAST = re.compile(r'(?ai)[A-Z]{3} ([A-Z]{3}) (\d\d?) (\S+(?: [AP]M)?)(?: UTC| GMT)? (\d{4})')
# `Tue, 24 Nov 2026 09:00:00+0000`, `24/Nov/2026:09:00:00+0000`, `11/24/2026 9:00:00 AM` and `24-11-2026 09:00`
OTHER_DATE = re.compile(
    rf'(?ai)(?:[A-Z]{{3}}, )?(?P<day>\d\d?)(?P<mark>[ /-])(?P<month>[A-Z]{{3}}|\d\d?)(?P=mark)(?P<year>\d{{4}})[ :]{CLOCK}')
# 1764000000, 1764000000123 or 1764000000.123; or 1.764e+18, as some senders write nanoseconds
UNIX_TIME = re.compile(r'(?a)\d{9,19}(\.\d*)?|\d\.\d+[eE]\+?\d\d?')
ZONE = re.compile(r'(?a)[zZ]\Z|[+-]\d\d:?\d\d\Z|\b(?:UTC|GMT)\b', re.IGNORECASE)
CALENDAR_DATE = re.compile(r'(?a)\d{4}([-./])\d\d\1\d\d')
TIME_ALONE = re.compile(r'(?a)\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?')


def other_date_to_iso(text: str) -> str:
    """Return a date that OTHER_DATE matches, or one such as `2026/11/24 09:00 UTC`, in ISO 8601.

    Return any other text with no more changes than fromisoformat needs: without ` UTC` at its end, or a space before an offset.
    Raise ValueError if day and month could change places: `3/4/2026` may be in March or April, `3/24/2026` is in March. Raise
    it, too, if no month has the name, or if the hour before AM or PM does not exist. Other dates that do not exist are
    returned, and rejected when they are read as ISO 8601.
    """
    text = re.sub(r' (?:UTC|GMT|\(UTC\))$| (?=[+-])', '', text)  # also `10:00:00.123 +0100`
    if CALENDAR_DATE.match(text):  # Zabbix writes 2026.11.24 09:00:00, Beanstalk 2026/11/24
        return f'{text[:4]}-{text[5:7]}-{text[8:]}'
    match = OTHER_DATE.fullmatch(YEAR_LAST.sub(r'\2 \1 \4 \3', text))
    if not match:
        return text
    month, day, hour, half = match.group('month', 'day', 'hour', 'half')
    hours = datetime.strptime(f'{hour} {half}', '%I %p').hour if half else int(hour)
    if month.isalpha():
        month_number, day_number = datetime.strptime(month, '%b').month, int(day)
    else:
        month_number, day_number = sorted((int(month), int(day)))  # of two numbers, only a day can be above 12
        if month_number < day_number <= 12:  # each of them may be the month
            raise ValueError('the order of day and month is not certain')
    return f'{match["year"]}-{month_number:02}-{day_number:02}T{hours:02}{match["minutes"]}{match["offset"] or ""}'


YEAR_2000 = 946_684_800  # its beginning, in Unix time


def any_time_to_rfc3339(text: str, now: float) -> str:
    """Return a date or a Unix time (in s, ms, µs or ns) in RFC 3339; `now` is in seconds.

    Return '' if the text is neither, could mean two dates, or is before the year 2000 or more than a day after now.
    """
    try:
        if not RFC3339.fullmatch(text):  # that is the usual form, and stays as it is
            text = other_date_to_iso(unix_time_to_iso(text) if UNIX_TIME.fullmatch(text) else text)
        return iso_date_to_rfc3339(text, YEAR_2000, now + 24 * 3600)
    except (ValueError, OverflowError):
        return ''


def unix_time_to_iso(text: str) -> str:
    """Return a text that looks like a Unix time in ISO 8601."""
    if len(text.partition('.')[0]) == 14:  # 20261124090000.250; as a Unix time, it would be after the year 2285
        return f'{text[:8]}T{text[8:]}'
    seconds = float(text)
    while seconds >= 1e11:  # in seconds, that is beyond the year 5000: the unit is smaller
        seconds /= 1000
    return utc_text(seconds)


# --- receiver/events/paths.py ---
# Paths and conditions: where a value is in an event, and the grammar of both.


#
# One grammar serves the table of senders and texts from a URL:
#
#   alerts.0.startsAt   a path: keys joined by dots, where `0` is the first item of a list
#   alerts.*.status     the value in every item of a list
#   @ce-type            the request header `ce-type`; without it, the key `@ce-type`
#   a|b                 the first of these that has a value
#   'a, b'              the text itself
#   a, b                all of these
#   a|b=c|'d, e'        a condition: the value at `a` or at `b` is `c` or `d, e`
#   a|b                 as a condition: there is a value other than null, '', {}, [], false and 0
#   !a=b                the opposite of a condition
#
# What is in doubt meets neither a condition nor its opposite: what was cut or not read, the first of several items, several
# items that differ, an object or a list in place of a text. The answers of one value, and whether a row fits an event by it:
#
#                            `state`                `state=ok`
#   the value at `state`     answer      fits       answer       fits
#   none                     no          no         no (1)       no
#   null                     no          no         no (1)       no
#   ''                       no          yes        no (1)       no
#   {} or []                 no          yes        in doubt     no
#   {'a': 1} or [1]          yes         yes        in doubt     no
#   0 or false               no          yes        no           no
#   'no' or '0'              in doubt    yes        no           no
#   'down'                   yes         yes        no           no
#   'ok'                     yes         yes        yes          yes
#   a text that was cut      in doubt    yes        in doubt     no
#   what was not read        in doubt    no         in doubt     no
#
#   (1) In a URL, this `no` does not meet `!state=ok`: a mistyped key must not be true of every event.


class Unreadable(Exception):
    """A text that is not in the grammar. From a URL, the reason quotes nothing of it: it may be a secret."""

    def __init__(self, reason: str, position: int = 0):
        super().__init__(reason)
        self.position = position  # 1 for the first of the parts that commas separate, 0 for the whole


class ReadEvent(Protocol):
    """What paths, conditions and words read of an event: an `events.event.ThirdPartyEvent` has it."""

    members: dict[str, Any]
    headers: dict[str, str]
    budget: Budget
    words: Any
    findings: Any
    is_recovery: bool

    @property
    def inner_event(self) -> Any:
        """Return the event inside a text of this one."""


class Path:
    """Where a value is in an event, from a text that a Grammar has checked. `is_of_url` says that the text is from a URL.

    Two things may be in place of a path: a text in quotes, the `constant`; and a word, such as `resolved` in `?skip=`. `read`
    returns what either of them stands for. In the table, `host: a` is a path, too.
    """

    def __init__(self, text: str, is_of_url: bool = False, read: Callable[[ReadEvent], Any] | None = None):
        self.text = text
        self.is_of_url = is_of_url
        self.constant = constant = unquoted(text) if text.startswith("'") else ''
        self.read = (lambda _: constant) if constant else read
        self.is_host = text.startswith('host: ') and not is_of_url  # the value is a URL, of which only the host counts
        self.header = text[1:].lower() if text.startswith('@') else ''  # without it in the request, it is a key like any other
        path = text[len('host: '):] if self.is_host else text
        before, _, after = path.partition('.*.')
        # For `alerts.*.status`, the steps lead to `alerts`, and this is the path `status` inside each item.
        self.inside_item = Path(after) if after and not constant else None
        keys = [] if constant else before.split('.')
        self.steps = steps_of(keys)
        # The steps to the lists from which the path takes the first item: for `a.0.b.0.c`, those to `a` and to `a.0.b`.
        self.lists = [steps_of(keys[:index]) for index, key in enumerate(keys) if key == '0']

    def values(self, event: ReadEvent) -> list[Any]:
        """Return the value at the path, or those in every item of a list: None for an item without it.

        Return [] if there is no value or no list, and [UNREAD] for what was not read.
        """
        if self.read:
            return [self.read(event)]
        if self.header:
            # The user of a URL chooses what it reads: it sees no header with the token (see headers_for_words).
            headers = event.findings.headers() if self.is_of_url else event.headers
            if self.header in headers:
                return [headers[self.header]]
        value = find(event.members, self.steps)
        if self.inside_item and value is not UNREAD:
            return self.inside_item.values_in_items(value, event.budget) if isinstance(value, list) else []
        return [] if value is None else [value]

    def values_in_items(self, items: list[Any], budget: Budget) -> list[Any]:
        """Return the value at the path in each item of a list, or UNREAD where a text stops the path or a `0` passes items over.

        Return [UNREAD] if the budget does not allow so many items, or if one is neither an object nor null.
        """
        is_allowed = budget.allows(len(items) * (1 + len(self.lists)))  # the calls of `find` for each item
        if not is_allowed or not all(item is None or isinstance(item, dict) for item in items):
            return [UNREAD]
        return [UNREAD if self.lists and self.lists_cut_to_first_item(item) else find(item, self.steps, UNREAD) for item in items]

    def lists_cut_to_first_item(self, members: Any) -> list[list[Any]]:
        """Return the lists with several items of which the path takes the first: that at `alerts` for `alerts.0.name`."""
        lists = (find(members, steps) for steps in self.lists)
        return [each for each in lists if isinstance(each, list) and len(each) > 1]

    def reads_only_part_of_a_list(self, members: dict[str, Any]) -> bool:
        """Return whether a list on the path has, or may have, items that the path does not read, or that were not sent.

        Alertmanager and Grafana say at `truncatedAlerts` how many items they left out.
        """
        may_be = bool(self.lists or self.inside_item)
        return may_be and bool(members.get('truncatedAlerts') or self.lists_cut_to_first_item(members))

    def objects_with_last_key(self, objects: list[dict[str, Any]], budget: Budget) -> list[dict[str, Any]]:
        """Return those of some objects, and of the objects inside them, that have the member to which the path leads.

        For `a.b`, these are each object that has the key `a.b` itself, and each one at `a` that has the key `b`. Return [] if
        the budget is spent.
        """
        if self.inside_item:
            lists = [items for each in objects if isinstance(items := find(each, self.steps), list)]
            inside = [item for items in lists for item in items if isinstance(item, dict)]
            return self.inside_item.objects_with_last_key(inside, budget)
        keys = self.text.split('.')
        if not budget.allows(len(objects) * len(keys)):
            return []
        # Each way to divide the keys into steps to an object and a key of it. No steps lead to the object itself.
        divisions = [(steps_of(keys[:index]), '.'.join(keys[index:])) for index in range(len(keys))]
        found = [(find(each, steps), key) for each in objects for steps, key in divisions]
        return [holder for holder, key in found if isinstance(holder, dict) and key in holder]


Paths = tuple[Path, ...]  # also constants in place of paths; the first of them that has a value counts


# As the value of a bare path, these mean neither that there is something nor that there is nothing. Like the next, they have at
# most five characters, so that six of a text are enough to compare it.
DOUBTFUL_TEXTS = {'0', 'false', 'no', 'off', 'none', 'null', 'n/a', '-'}
CERTAIN_TEXTS = {'true', 'yes', 'on', '1'}  # these mean that there is something, not what it is


class Condition(NamedTuple):
    """What an event must say at one of some paths."""

    paths: Paths
    wanted: frozenset[str]  # the texts that the value may be; if there are none, any value will do
    is_negated: bool
    is_of_url: bool  # then `!a=b` needs some other text at `a`: a path may be mistyped, so an event without `a` does not meet it

    def fits(self, event: ReadEvent) -> bool:
        """Return whether an event may be of a sender: it has a value other than null or, if texts are wanted, one of them.

        What a sender's events do not say must certainly be absent: a negated condition fits only if it is met.
        """
        if self.is_negated:
            return self.is_certainly_met(event)
        values = [value for path in self.paths for value in path.values(event) if value is not None and value is not UNREAD]
        return any(map(self.answer, values)) if self.wanted else bool(values)

    def is_at_top(self, event: ReadEvent) -> bool:
        """Return whether one of the paths is a header, or a key of the event itself, which only its sender writes."""
        return not self.is_negated and any(path.header in event.headers or path.text in event.members for path in self.paths)

    def is_certainly_met(self, event: ReadEvent) -> bool:
        """Return whether an event certainly meets the condition: all values at one path answer yes; or, after a `!`, all no.

        Without a value at any path there are no answers: that meets a `!`, except `!a=b` in a URL.
        """
        # One of several items is in doubt, too: those that are not read may answer otherwise.
        found = [[UNREAD] if path.reads_only_part_of_a_list(event.members) else path.values(event) for path in self.paths]
        answers_of_paths = [{*map(self.answer, values)} for values in found]
        if not self.is_negated:
            return {True} in answers_of_paths
        answers = set().union(*answers_of_paths)
        return answers == {False} or (not answers and not (self.is_of_url and self.wanted))

    def answer(self, value: Any) -> bool | None:
        """Return whether a value is one of the wanted texts; if none are wanted, whether it is something. None is for doubt."""
        if value is UNREAD or isinstance(value, CutText):
            return None
        if not self.wanted:
            return None if isinstance(value, str) and value[:6].lower() in DOUBTFUL_TEXTS else bool(value)
        if isinstance(value, (dict, list)) or (self.is_of_url and value in (None, '')):
            return None
        text = text_of(value)
        return text in self.wanted and text != 'null'  # a text `null` stands for no value: it is not even equal to `null`


MAX_PATH_KEYS = 16
MAX_PATH_CHARACTERS = 512
MAX_PARTS = 8  # in a word of a URL, like the next two
MAX_ALTERNATIVES = 4
MAX_SCALE_VALUES = 16
MOST_BETWEEN = {',': (MAX_PARTS, 'parts'), '|': (MAX_ALTERNATIVES, 'alternatives')}


class Grammar(NamedTuple):
    """How a text of the table or of a URL is read. Each method raises Unreadable."""

    is_of_url: bool  # then it has limits, and `!path=text` needs a value: a mistyped key must not be true of every event

    def conditions(self, text: str) -> tuple[Condition, ...]:
        """Return the conditions in a text such as 'a|b=c, !d', all of which are to be met."""
        conditions = tuple(self.each(text, self.read_condition))
        if all(condition.is_negated for condition in conditions):
            raise Unreadable('only negated conditions, which too many events meet', len(conditions))
        return conditions

    def parts(self, text: str, allows_items: bool = False) -> tuple[Paths, ...]:
        """Return the parts of a text such as 'a|b, c'. A path into all items of a list is only allowed with `allows_items`."""
        return tuple(self.each(text, partial(self.read_part, allows_items=allows_items)))

    def part(self, text: str, allows_items: bool = False) -> Paths:
        """Return the only part of a text such as 'a|b'."""
        first, *others = self.parts(text, allows_items)
        if others:
            raise Unreadable('only one part is allowed', 2)
        return first

    def each(self, text: str, read: Callable[[str], Any]) -> Iterator[Any]:
        """Yield what `read` returns for each part that commas separate."""
        for position, part in enumerate(self.split(text, ','), 1):
            try:
                if NOT_UTF8.search(part):
                    raise Unreadable('a character is not valid UTF-8')
                yield read(part)
            except Unreadable as error:
                raise Unreadable(str(error), position) from None

    def read_condition(self, text: str) -> Condition:
        """Return one condition."""
        paths, *texts = split_outside_quotes(text.removeprefix('!'), '=')
        if len(texts) > 1:
            raise Unreadable('a value that contains = must be quoted')
        wanted = frozenset(map(unquoted, self.split(texts[0], '|'))) if texts else frozenset()
        return Condition(tuple(map(self.read_path, self.split(paths, '|'))), wanted, text.startswith('!'), self.is_of_url)

    def read_part(self, text: str, allows_items: bool = False) -> Paths:
        """Return one part: paths and constants."""
        paths = tuple(Path(each, self.is_of_url) if each.startswith("'") else self.read_path(each)
                      for each in self.split(text, '|'))
        if not allows_items and any(path.inside_item for path in paths):
            raise Unreadable('only one value can be used here, not those of all items')
        return paths

    def split(self, text: str, separator: str) -> list[str]:
        """Return the parts of a text between commas, or the alternatives between `|`."""
        texts, (most, what) = split_outside_quotes(text, separator), MOST_BETWEEN[separator]
        if self.is_of_url and len(texts) > most:
            raise Unreadable(f'there are more than {most} {what}')
        return texts

    def read_path(self, text: str) -> Path:
        """Return a path."""
        for pattern, reason in PATH_FAULTS:
            if re.search(pattern, text):
                raise Unreadable(reason)
        if text.count('.') >= MAX_PATH_KEYS or len(text) > MAX_PATH_CHARACTERS:
            raise Unreadable(f'a path has more than {MAX_PATH_KEYS} keys or {MAX_PATH_CHARACTERS} characters')
        return Path(text, self.is_of_url)

    def levels(self, text: str) -> list[tuple[str, float | None]]:
        """Return the values of a scale with their severities: 'high=a|b, low=c' -> [('a', 3), ('b', 3), ('c', 1)]."""
        named = [*self.each(text, self.read_level)]
        levels = [*chain.from_iterable(named)]
        if len({severity for _, severity in levels}) < len(named) or (self.is_of_url and len(levels) > MAX_SCALE_VALUES):
            raise Unreadable(f'a scale has a severity twice, or more than {MAX_SCALE_VALUES} values')
        return levels

    def read_level(self, text: str) -> list[tuple[str, float | None]]:
        """Return the values that mean one severity of a scale, each with that. Only the table has values that mean none."""
        name, *values = split_outside_quotes(text, '=')
        if len(values) != 1 or name not in SEVERITIES or (self.is_of_url and not SEVERITIES[name]):
            raise Unreadable('a part of a scale is critical, high, medium, low or informational, one = and its values')
        return [(unquoted(value), SEVERITIES[name]) for value in split_outside_quotes(values[0], '|')]


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Return the texts between the separators that are not inside quotes, without the blanks around them. Raise Unreadable."""
    if text.count("'") % 2:
        raise Unreadable('a quote is missing')
    # Each match is a part and the separator behind it, so the last part gets a separator, too.
    return [part.strip() for part in re.findall(f"((?:'[^']*'|[^'{separator}])*)[{separator}]", text + separator)]


def unquoted(text: str) -> str:
    """Return a text without the quotes around it, if there are any. Raise Unreadable."""
    inner = text[1:-1] if text.startswith("'") and text.endswith("'") else text
    if not inner or "'" in inner:
        raise Unreadable('a quote is inside a text' if inner else 'a text is empty')
    return inner


NOT_UTF8 = re.compile('[\ufffd\ud800-\udfff]')  # what a decoder has put in place of bytes that are no text
PATH_FAULTS = (  # what is wrong with a text that is not a path: a pattern that finds it, and the reason
    (r'\A@?\Z', 'a path is empty'),
    (r'\A@?\.|\.\.|\.\Z', 'a path has a dot without a key beside it'),
    (r'\A@?!', 'a path begins with a !'),
    (r"'", 'a path has a quote'),
    (r'\*.*\*|(?<!\.)\*|\*(?!\.)', 'a path has several *, or one that is not alone between two dots'),
)
TABLE_GRAMMAR = Grammar(is_of_url=False)
URL_GRAMMAR = Grammar(is_of_url=True)


# --- receiver/events/rows.py ---
# Rows: where an event of a sender says what its incident needs.


#
# There are two kinds, read by the same code: that of a sender is a block of the table, and that of a URL is what the words in its
# query say. What the row of the URL finds goes before what the row of the sender finds, and that before the general rule.


class NamePart(NamedTuple):
    """One path of a row's name: in `{title} ({host})`, the second part is (' (', (Path('host'),), ')')."""

    before: str
    paths: Paths
    bracket: str  # the closing bracket after the braces, or ''


class End(NamedTuple):
    """What an event says that reports the end of a problem."""

    conditions: tuple[Condition, ...]
    times: Paths  # of the end


class Problem(NamedTuple):
    """What identifies the problem that an event is about."""

    parts: tuple[Paths, ...]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Row:
    """Where an event says what its incident needs, column by column."""

    title: str = ''  # such as 'grafana: one alert'; '' for a URL
    is_of_url: bool = False
    sender: str = ''  # the prefix of its problem keys: the name of the sender's folder, or `url/` and a text
    conditions: tuple[Condition, ...] = ()  # which identify the sender: the event must meet them all
    inner: Path | None = None
    name_parts: tuple[NamePart, ...] = ()
    times: Paths = ()  # in the table, a last `-` says that the general rule looks for no other
    severities: tuple[tuple[Scale, Paths], ...] = ()
    has_no_severity: bool = False  # the general rule looks for none either
    ends: tuple[End, ...] = ()
    problems: tuple[Problem, ...] = ()


NEXT_LINE = '\n' + 19 * ' '  # what continues a text begins below it, behind the indentation and the label
# A label and its text, and the text of the label that is indented below. Which label that is need not be read: below `severity`
# there is only `scale`, below `resolved` only `at`, below `problem` only `if`.
COLUMN = re.compile(r'^ {4}(\S.{14})(.*)(?:\n {5}.{14}(.*))?', re.MULTILINE)
Columns = dict[str, list[tuple[str, str]]]  # the texts of each label, each with that of the label below it, or ''


def blocks_of(table: str) -> Iterator[tuple[str, Columns]]:
    """Yield the title and the columns of each block of the table. Tests and ./dev senders check that it can be read."""
    # Put each text in one line, with a blank in place of the line break, except after a `|`.
    joined = table.replace(f'|{NEXT_LINE}', '|').replace(NEXT_LINE, ' ')
    for block in joined.strip('\n').split('\n\n'):
        columns: Columns = {}
        for label, text, text_below in COLUMN.findall(block):
            columns.setdefault(label.strip(), []).append((text, text_below))
        yield block.partition('\n')[0], columns


class SenderRows:
    """The rows of the table of senders, the best first. Each is compiled when an event has a key that may identify its sender."""

    def __init__(self, table: str):
        sources = [(title, columns, text) for title, columns in blocks_of(table) for text, _ in columns['identified by']]
        sources.sort(key=lambda source: not source[2].startswith('@'))  # those that a header identifies come first
        self.rows = [cache(partial(compiled_row, *source)) for source in sources]
        self.ranks: dict[str, list[int]] = {}  # of the rows, by every key that may come first in their conditions
        for rank, (_, _, conditions) in enumerate(sources):
            for key in first_keys(conditions):
                self.ranks.setdefault(key, []).append(rank)

    def fitting(self, event: ReadEvent) -> Iterator[Row]:
        """Yield the rows that fit an event, the best first. Few are tried, since an event has few of their first keys.

        Inside an object, such as a decoded log, third parties may have written what looks like another sender's.
        """
        ranks = {rank for key in chain(event.members, event.headers) if key in self.ranks for rank in self.ranks[key]}
        has_one_member = len(event.members.keys() - {'headers'}) == 1  # an incident's rawJSON has the headers, too
        fitting = [row for row in (self.rows[rank]() for rank in sorted(ranks))
                   if (has_one_member or any(condition.is_at_top(event) for condition in row.conditions))
                   and all(condition.fits(event) for condition in row.conditions)]
        # A sort is stable: those of one kind stay in their order.
        yield from sorted(fitting, key=lambda row: not row.conditions[0].is_at_top(event))


def first_keys(conditions: str) -> set[str]:
    """Return the keys and headers with which the first condition may begin: 'a.b|@c=d, e' -> {'a', 'a.b', '@c', 'c'}."""
    paths = conditions.partition(',')[0].partition('=')[0].split('|')
    return {key for path in paths for key, _ in steps_of(path.split('.'))[0]} | {path.removeprefix('@') for path in paths}


def compiled_row(title: str, columns: Columns, identified_by: str) -> Row:
    """Return the row that a block of the table describes, for one of its lines `identified by`. Raise Unreadable."""
    grammar = TABLE_GRAMMAR
    # A block has each of these labels at most once, with nothing below it.
    name, times, inner = (columns[label][0][0] if label in columns else '' for label in ('name', 'occurred', 'inner'))
    # In a name, the path `inner` stands for the name of the inner event.
    in_name = {'inner': Path(inner, read=lambda event: event.inner_event.name())} if inner else {}
    name_parts = [NamePart(before, tuple(in_name.get(path.text, path) for path in grammar.part(paths)), bracket)
                  for before, paths, bracket in re.findall(r'([^{}]*)\{([^{}]+)\}([])]?)', name)]
    return Row(
        title=title,
        sender=title.partition(': ')[0],
        conditions=grammar.conditions(identified_by),
        inner=grammar.read_path(inner) if inner else None,
        name_parts=tuple(name_parts),
        times=grammar.part(times) if times else (),
        severities=tuple((scale_of(scale) if scale else SEVERITY_WORDS, grammar.part(paths, allows_items=True))
                         for paths, scale in columns.get('severity', []) if paths != 'none'),
        has_no_severity=('none', '') in columns.get('severity', []),
        ends=tuple(End(grammar.conditions(text), grammar.part(at) if at else ()) for text, at in columns.get('resolved', [])),
        # Beside the parts, each of which needs a value, all conditions may be negated.
        problems=tuple(Problem(grammar.parts(text, allows_items=True),
                               tuple(grammar.each(when, grammar.read_condition)) if when else ())
                       for text, when in columns.get('problem', [])))


def scale_of(text: str) -> Scale:
    """Return the scale in a text of the table, such as 'critical=9+, high=7+, low=none'. Raise Unreadable."""
    levels = TABLE_GRAMMAR.levels(text)
    by_value = {form_of(value, is_exact=False)[0]: severity for value, severity in levels if value[-1] != '+'}
    return Scale(by_value, {float(value[:-1]): severity for value, severity in levels if value[-1] == '+'})


SEVERITY_WORDS = scale_of('''
    critical=critical|crit|fatal|emergency|emerg|alert|disaster|blocker|p1,
    high=high|error|err|major|severe|p2,
    medium=medium|moderate|warning|warn|average|p3,
    low=low|minor|notice|p4,
    informational=info|informational|information|debug|verbose|trace|p5''')
SEVERITY_NUMBERS = scale_of('critical=4, high=3, medium=2, low=1, informational=0.5, unknown=0')


# --- receiver/events/url_words.py ---
# The words of a URL: a row for its own events, and what only a URL says about them.


@dataclass(frozen=True)
class UrlWords(Row):
    """The row of a URL, and what only a URL says about its events. An absent or unreadable word has its default."""

    is_of_url: bool = True
    type: str = ''
    each: tuple[str, ...] = ()  # the keys of the path
    default_severity: float | None = None  # of events for which nothing else tells a severity
    skip: tuple[Condition, ...] = ()
    at_least: float | None = None
    expect: tuple[str, str] | None = None  # how often a request comes, such as '15m', or 'off'; and the name of its sender
    notes: tuple[str, ...] = ()  # which words cannot be read, and why

    @cached_property
    def parts(self) -> dict[tuple[str, int], Paths | Condition]:
        """Return the parts of the words, by word and position from 1 on, in the order in which a note names them.

        A condition with wanted texts is here as its paths, at which some event should have a value. A bare one stays a condition,
        since an event without a value answers it, too.
        """
        parts: dict[str, Sequence[Paths | Condition]] = {
            'name': [part.paths for part in self.name_parts],
            'occurred': [self.times] if self.times else [],
            'severity': [paths for _, paths in self.severities],
            'problem': [paths for problem in self.problems for paths in problem.parts],
            'resolved': [each.paths if each.wanted else each for end in self.ends for each in end.conditions],
            'skip': [each.paths if each.wanted else each for each in self.skip],
        }
        return {(word, position): part for word in parts for position, part in enumerate(parts[word], 1)}


NO_WORDS = UrlWords()
MAX_NOTE_CHARACTERS = 500  # of the header X-Webhook-Note
# What a word or a part of it finds in an event. Of all events, the highest of these counts.
NO_VALUE, TOO_LARGE, FOUND, MET_BY_ANY_TEXT = range(4)
REASONS = {  # what the note says
    NO_VALUE: 'no event has a value at this path',
    TOO_LARGE: 'part of an event was too large to be read',
    MET_BY_ANY_TEXT: 'any text there meets it (to compare one, write path=text)',
}


def result_of_part(part: Paths | Condition, event: ReadEvent) -> int:
    """Return what a part of a word finds in an event.

    A bare condition, such as that of `resolved=status`, is never NO_VALUE: it is answered without a value, too. If a text meets
    it, the user may have meant to compare that, as `resolved=status=closed` does; but not `true`, `yes`, `on` and `1`.
    """
    paths = part.paths if isinstance(part, Condition) else part
    values = [value for path in paths for value in path.values(event) if value is not None]
    if isinstance(part, Condition):
        texts = {value[:6].lower() for value in values if type(value) is str and part.answer(value)}
        return MET_BY_ANY_TEXT if texts - CERTAIN_TEXTS and part.is_certainly_met(event) else FOUND
    if any(value is not UNREAD for value in values):
        return FOUND
    return TOO_LARGE if values else NO_VALUE  # values that are all UNREAD


class Findings:
    """What the words of a URL find in the events of a request, and what they may read.

    An example: `?name=what,where&severity=prio`, with the events {"what": "Full"} and {"what": "Full", "where": "db-1"}. In the
    first, part 2 of `name` and part 1 of `severity` find NO_VALUE. In the second, the former is FOUND: no mistake.
    """

    def __init__(self, words: UrlWords, headers: Callable[[], dict[str, str]] = dict,
                 contains_token: Callable[[str], bool] = lambda text: False):
        self.words = words
        # Those that a path in the URL may show. Most URLs have no path, and making a cache takes 16,000 instructions.
        self.headers = cache(headers) if words.parts else headers
        # Of the tokens, only the one that proved the request counts: see reveals_token.
        self.clean = partial(clean_text, contains_token=contains_token)
        self.found: dict[tuple[str, int], int] = {}  # the highest that each part found, by its word and its position there
        self.has_found: dict[str, bool] = {}  # whether a word as a whole found what it looks for, or an event did not need it

    def record(self, word: str, has_found: bool) -> None:
        """Record whether a word found what it looks for in an event.

        If it did, all its parts count as found, too: one that was not needed is no mistake. But each part of `name` should find
        a text of its own, which look_up checks.
        """
        self.has_found[word] = has_found or self.has_found.get(word, False)
        if has_found and word != 'name':
            self.found |= {key: FOUND for key in self.words.parts if key[0] == word}  # no part of these words finds more

    def look_up(self, event: ReadEvent, is_left_out: bool) -> None:
        """Record what the parts of the words find in an event. `is_left_out` says that the URL leaves it out.

        An event that is left out needs no name or time, and the end of a problem no severity. So these words count as having
        found what they look for.
        """
        if is_left_out:
            self.has_found |= dict.fromkeys(URL_WORDS, True)
        elif event.is_recovery:
            self.has_found['severity'] = True
        for key, part in event.words.parts.items():
            if isinstance(part, Condition) or self.found.get(key) != FOUND:  # a condition may still be MET_BY_ANY_TEXT
                self.found[key] = max(result_of_part(part, event), self.found.get(key, NO_VALUE))

    def note(self) -> str:
        """Return which words of the URL were ignored, found nothing in all events or are met by any text, and why; '' for none.

        Nothing of the query is quoted: it may hold a secret.
        """
        mistakes: dict[tuple[str, int], list[str]] = {}  # the positions of parts, by their word and what they find
        # What finds nothing comes first in the note, then what any text meets.
        for (word, position), found in sorted(self.found.items(), key=lambda each: each[1] == MET_BY_ANY_TEXT):
            if found != FOUND:
                mistakes.setdefault((word, found), []).append(str(position))
        notes = [f'{word}, part{"s" if len(positions) > 1 else ""} {", ".join(positions)}: {REASONS[found]}'
                 for (word, found), positions in mistakes.items()]
        # Then comes a word of which no part has a mistake.
        explained = {word for word, _ in mistakes}
        notes += [f'{word}: {URL_WORDS[word][1]}' for word, has_found in self.has_found.items()
                  if not has_found and word not in explained]
        return escaped('; '.join((*self.words.notes, *notes)), MAX_NOTE_CHARACTERS - len('...'))


# What each word says, as columns of UrlWords. These functions raise Unreadable.


def each_columns(text: str) -> dict[str, Any]:
    """Return what `?each=` says."""
    path, *others = URL_GRAMMAR.part(text)
    if others or path.constant:
        raise Unreadable('only one path can be used here', 1)
    return {'each': tuple(path.text.split('.'))}


def name_columns(text: str) -> dict[str, Any]:
    """Return what `?name=` says."""
    parts = URL_GRAMMAR.parts(text)
    return {'name_parts': tuple(NamePart(': ' if number else '', paths, '') for number, paths in enumerate(parts))}


def severity_columns(text: str) -> dict[str, Any]:
    """Return what `?severity=` says: a severity for all events, or the paths where they tell it, perhaps with a scale.

    Examples are `high`, `prio|'low'` (low if there is no `prio`) and `prio:critical=1, high=2`.
    """
    text = f"'{text}'" if CONSTANT_SEVERITY.severity(text) is not None else text  # `high` is short for `'high'`
    *before, last = split_outside_quotes(text, ':')
    has_scale = before and len(split_outside_quotes(last, '=')) > 1  # without a `=` after it, the colon is part of a key
    paths = URL_GRAMMAR.part(':'.join(before) if has_scale else text, allows_items=True)
    default = CONSTANT_SEVERITY.severity(paths[-1].constant)  # None for a path: its constant is ''
    if default is not None:
        paths = paths[:-1]
    if any(path.constant for path in paths):
        raise Unreadable('a text in quotes is not the last alternative, or is no severity', 1)
    scale = scale_from_url(last) if has_scale else SEVERITY_WORDS
    return {'default_severity': default, 'severities': ((scale, paths),) if paths else ()}


CONSTANT_SEVERITY = Scale(SEVERITY_WORDS.by_value | SEVERITY_NUMBERS.by_value, {})


def scale_from_url(text: str) -> Scale:
    """Return the scale in a text such as 'critical=9, high=7'. Raise Unreadable.

    Numbers are thresholds if those of a graver severity are higher, as here: 8 is high. Any other value must be equal to one of
    the scale: in 'critical=1, high=2' and 'critical=down, high=slow', nothing but these values means a severity.
    """
    levels = URL_GRAMMAR.levels(text)
    by_value = {form_of(value, is_exact=True)[0]: severity for value, severity in levels}
    numbers = {float(value): severity for value, severity in levels if NUMBER.fullmatch(value)}
    if len(numbers) not in (0, len(levels)) or len(by_value) < len(levels):
        raise Unreadable('a scale mixes numbers with texts, or has a value twice')
    severities: list[Any] = [numbers[number] for number in sorted(numbers)]
    are_thresholds = len({*severities}) > 1 and severities == sorted(severities)
    return Scale(by_value, numbers if are_thresholds else {}, is_exact=True)


def problem_columns(text: str) -> dict[str, Any]:
    """Return what `?problem=` says: a prefix, a colon and the paths of the key."""
    prefix, colon, paths_text = (each.strip() for each in text.partition(':'))
    if not colon or not re.fullmatch('[A-Za-z0-9_-]{1,40}', prefix):
        raise Unreadable('it does not begin with a prefix of 1 to 40 letters, digits, - or _, and a colon')
    parts = URL_GRAMMAR.parts(paths_text, allows_items=True)
    if any(path.constant for paths in parts for path in paths):
        raise Unreadable('a text in quotes identifies no problem')
    return {'problems': (Problem(parts),), 'sender': f'url/{prefix}'}


IS_RECOVERY = Path('resolved', read=lambda event: event.is_recovery)


def skip_columns(text: str) -> dict[str, Any]:
    """Return what `?skip=` says. The bare word `resolved` is the state; `resolved|x` and `resolved=true` speak of a key."""
    return {'skip': tuple(each if each.wanted or [path.text for path in each.paths] != ['resolved']
                          else Condition((IS_RECOVERY,), *each[1:]) for each in URL_GRAMMAR.conditions(text))}


def threshold_columns(text: str) -> dict[str, Any]:
    """Return what `?at_least=` says."""
    if (severity := CONSTANT_SEVERITY.severity(text)) is None:
        raise Unreadable("it is not a word or number of XSOAR's scale")
    return {'at_least': severity}


UNITS = {'m': (60, 'minute'), 'h': (3600, 'hour'), 'd': (86400, 'day')}  # the seconds and the name of each
EVERY = 'off|[1-9][0-9]{0,4}[mhd]'


def seconds_of(every: str) -> int:
    """Return the seconds of a text such as '15m'. A sender whose watch is off gets as many as a watch can have."""
    return LONGEST_WATCH_SECONDS if every == 'off' else int(every[:-1]) * UNITS[every[-1]][0]


def expect_columns(text: str) -> dict[str, Any]:
    """Return what `?expect=` says."""
    every, _, name = (each.strip() for each in text.lstrip(' 0').partition(':'))  # `015m` is `15m`
    is_every = re.fullmatch(EVERY, every) and seconds_of(every) <= LONGEST_WATCH_SECONDS
    if not is_every or not 1 <= len(name) <= 60 or not name.isprintable() or NOT_UTF8.search(name):
        raise Unreadable('it is not a duration from 1m to 30d, or off, with a colon and a name of 1 to 60 printable characters')
    return {'expect': (every, name)}


# How each word is read, and what the note says if the word as a whole finds nothing.
URL_WORDS: dict[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    'type': (lambda text: {'type': text}, ''),
    'each': (each_columns, 'the path leads to no list of objects'),
    'name': (name_columns, 'no event has a text there'),
    'occurred': (lambda text: {'times': URL_GRAMMAR.part(text)}, 'no value is a time that can be read'),
    'severity': (severity_columns, 'no value is on the scale'),
    'problem': (problem_columns, 'no value can identify a problem'),
    'resolved': (lambda text: {'ends': (End(URL_GRAMMAR.conditions(text), ()),)}, ''),
    'skip': (skip_columns, ''),
    'at_least': (threshold_columns, ''),
    'expect': (expect_columns, ''),
}


def url_words(settings: Settings, parameters: list[tuple[str, str]], token: Token | None = None) -> UrlWords:
    """Return the words among the parameters of a URL, which are in the order of the query. `token` proved the request."""
    # Large ones would take too much memory in the cache: they are read without it.
    read = read_words if fits_cache(' '.join(chain.from_iterable(parameters))) else read_words.__wrapped__
    return read(settings, token, tuple(parameters))


@lru_cache(MAX_KEPT_QUERIES)
def read_words(settings: Settings, token: Token | None, parameters: tuple[tuple[str, str], ...]) -> UrlWords:
    """Return the words among the parameters of a URL, or NO_WORDS.

    A parameter whose value reveals a token is ignored. Of several that are left with one word, the last counts.
    """
    def has_token(name: str, value: str) -> bool:
        """Return whether a parameter reveals a token by its value or, in `15m:name`, by the name alone."""
        texts = [value, value.partition(':')[2].strip()] if name == 'expect' else [value]
        return any(reveals_token(settings, text, token) for text in texts)

    harmless = [parameter for parameter in parameters if not has_token(*parameter)]
    columns: dict[str, Any] = {}
    # Of what is ignored for a token, only `expect` is noted.
    notes = ['expect: its name contains a token (ignored)'] if 'expect' in dict({*parameters} - {*harmless}) else []
    for word, text in dict(harmless).items():
        try:
            if word in URL_WORDS and text.strip():
                columns |= URL_WORDS[word][0](text)
        except Unreadable as error:
            where = f'{word}, part {error.position}' if error.position else word
            notes.append(f'{where}: {error} (ignored)')
    meant = dict.fromkeys(word for name, _ in harmless if name not in URL_WORDS
                          for word in URL_WORDS if is_one_slip_away(name, word))
    notes += [f'{word}: a parameter with nearly this name was ignored' for word in meant]
    return UrlWords(**columns, notes=tuple(notes)) if columns or notes else NO_WORDS


def is_one_slip_away(name: str, word: str) -> bool:
    """Return whether a word becomes the name by one slip: from `name` to `naame`, `nme`, `nane` or `naem`."""
    start = max(length for length in range(len(word) + 1) if name.startswith(word[:length]))
    found, wanted = name[start:], word[start:]  # from the first difference on
    are_two_swapped = found[:2] == wanted[1::-1] and found[2:] == wanted[2:]  # [1::-1] is the first two, reversed
    # What follows the slip is equal: the name has one character more, or one less, or another.
    return are_two_swapped or found[1:] == wanted or found == wanted[1:] or found[1:] == wanted[1:]


# --- receiver/events/meanings.py ---
# What the keys of an event mean by the general rule, and in which order it asks for them.


#
# Which keys have which meaning, the best key first. Keys are compared in lower case and without separators, so that `alertname`
# covers `alert_name` and `alertName`. In an object under a key, `name` has the meaning of both together: that in a `rule` means
# `rulename`.
WORDS = {meaning: words.split() for meaning, words in {
    # What happened is looked for under these four meanings, in this order.
    'title': '''title alerttitle eventtitle incidenttitle issuetitle findingtitle problemtitle messagetitle formtitle formname
        headline''',
    'rule': '''alertname alertdisplayname alertrule alarmname incidentname detectionname threatname malwarename malwarefamily
        signature attackname rulename attacktype threattype policyname modelname monitorname checkname searchname conditionname
        pluginname detectiontype yararule alertthreatmodelname rule vulnerabilityname alertsignature''',
    'summary': 'summary subject shortdescription displaymessage primarydescription logdesc',
    'text': '''message msg text description eventmessage alertmessage errormessage alertdescription eventdescription reason cause
        displayname info eventinfo operationdetail alertdetails details content output serviceoutput formatted memo shortmessage
        log fallback pretext markdown intro notification threat attack''',
    # Of these, only texts of several words count: see NEEDS.
    'activity': 'activity auditlogevent',
    # The kind of event: the name begins with it, unless the text alone says what happened.
    'kind': '''eventname eventtype eventtypename eventsimplename webhookevent alerttype notificationtype operationname
        methodname actionname activitydisplayname operation action actiontype aspecttype event triggerevent trigger hook topic
        scope type kind category eventcategory webhookcode webhooktype eventid recordtype changetype status state alert error
        result class eventkey''',
    # These name the kind surely, in any object; under keys that are not in 'inside', only those of 'kind elsewhere' do, too.
    'event': 'eventname eventtype webhookevent',
    'kind elsewhere': 'event topic action status state statename checkstatename result',
    # What the event happened to: if no text says what happened, the name ends with it.
    'object': '''host hostname computername device resourcename resource repository repo project package cve image targetpath
        entity objectname filename cshost repositoryid table''',
    'person': 'user username useremail email actor targetuser principalemail operator recipient owner emailaddress agent to from',
    # What says which object an object is: `host` may be a text, or an object with one of these.
    'name': 'name fullname hostname systemname email login username displayname',
    # A person without one of these has the name that both of these give: `Alice Ng`.
    'first name': 'firstname givenname',
    'last name': 'lastname familyname surname',
    # The name ends with the first of these, unless the rest of it contains that: `Disk full (db-1)`.
    'thing': 'host dvchost service check monitor database package',
    # Or the name of an object under one of these, and a key such as `monitor_name` or `deviceLabel` has its name.
    'named thing': '''host service monitor canary device entity resource database package application app job project node cluster
        component machine computer endpoint asset''',
    # Who did it, or from where, if nothing better says whom it concerns.
    'by': 'dhost actorname admin srcip sourceip src idorigh offensesource clientip ip ipaddress site',
    'whole': 'name',
    'domain': 'domain',
    'who': 'performedby initiatedby changedby subjectname',
    'id': 'key id',
    'address': 'url link location',
    # `utctime` is first, because Windows events have a local `EventTime` beside it.
    'time': '''utctime occurred occurredat eventtime eventtimestamp timestamp time detectedat completedat finishedat createdat
        created creationtime published startsat fireddatetime firedat date eventts ts timegenerated createddatetime createtime
        startedat triggertime startat starttime activitydatetime messagetime effectiveat rt firstseentime createdtime activitytime
        generateddatetime updatedon sentat receivedat alerttime unixtime createdattimestamp''',
    # Before these, if it has a zone: some senders write their local time under such a key.
    'time with a zone': 'datetime eventdate finished',
    # If no key above holds a time, these count: what reports a change occurred when it changed.
    'time of change': '''changedat updatedat modifiedat modifieddate datemodified modifiedon updatetime lastupdated triggeredat
        emittedat createdon createddate datecreated dateadded received senttime''',
    # Before all others, if a word of an end is beside it.
    'time of end': 'resolvedat closedat recoveredat clearedat endedat endsat endtime',
    # In any other object, only these count: a rule or a customer may have been created and changed years ago.
    'time elsewhere': 'timestamp time eventtime receivedat',
    # The objects under these keys, or the first one in a list, have the data of the event.
    'inside': '''alert incident event data issue finding detection threat violation problem ticket case rule payload detail
        details object resource properties attributes essentials context result protopayload alerts events findings incidents
        value records messages message msg body error item action eventdata logevent formresponse params violations alertinfo''',
    # Only a word counts as a severity: the numbers of different senders mean different things. Keys that end in `severity`
    # count, too.
    'severity': 'severity severitylabel severityname severitylevel criticality',
    # Without a severity, these count, except beside a key of 'log or mail': in a record of a log, in a mail and in an object of
    # Kubernetes, they say how urgent a message is.
    'priority': 'priority urgency',
    'log or mail': '''facility program ident syslogidentifier appname pid levelname from to cc recipient recipients messageid
        apiversion kubernetes namespace pod auditid''',
    # Beside an 'event id', those of 'windows log' belong to a record of a Windows event log: its severity is a level of the log.
    'event id': 'eventid',
    'windows log': 'channel sourcename providername',
    # How an event may say that a problem has ended: by a word of ENDED here, or under a key that ends in `state`.
    'end': 'status action type',
    # What a kind such as `status_changed` leaves open.
    'status': 'currentstatus newstatus status state',
}.items()}
# Keys that end in one of these words, such as `ticket_subject` and `build_result`, say it less surely.
LAST_WORDS = {meaning: words.split() for meaning, words in {
    'last word: text': 'subject title message description summary desc output textbody entry reason',
    'rule': 'issuename',
    'last word: time': 'timestamp utc edat epoch',
    'last word: kind': 'alerttype status result state event ruleaction operationtype incidenttype',
    'last word: type': 'type',
    'last word: object': 'name email emailaddress',
    'last word: who': 'username userlogin user employee recipientemail leademail requesteremail',
    'last word: id': 'number id',
}.items()}
# In the objects under these keys, the objects with the data of the event are one level deeper.
DEEPER = {'data', 'payload', 'detail', 'event', 'msg', 'body', 'properties', 'protopayload', 'formresponse', 'params'}
# The objects under these keys say with the event itself when it occurred, how severe it is, and whether it has ended.
TIME_INSIDE = {'alert', 'event', 'data', 'incident', 'issue', 'detail', 'finding', 'metadata', 'action', 'messages',
               'attachments', 'eventdata', 'header'}
SEVERITY_INSIDE = {*TIME_INSIDE, 'detection', 'threat', 'violation', 'problem', 'vulnerability', 'ticket', 'details', 'extra',
                   'labels', 'commonlabels', 'tags', 'attributes', 'properties'}
END_INSIDE = {'alert', 'incident', 'issue', 'problem', 'ticket'}


# A key beside one of these does not say what happened: a commit's message, somebody's position and name.
NOT_BESIDE = {'message': {'commit', 'commitid', 'committer'}, 'title': {'firstname', 'lastname'},
              'displayname': {'email', 'useremail', 'username', 'userprincipalname'}}

NO_SEPARATORS = str.maketrans('', '', '-_.:@ $#[]')
MAX_KEY_CHARACTERS = 40  # longer keys have no meaning; this also bounds the cache
MAX_KEYS_OF_A_MEANING = 40  # in one object
# The start of a key that names neither what happened nor to what.
OF_OWNER = re.compile(r'organization|account|app(name|id)?\Z|webhook|commit|actor|initiator')
NAME = re.compile('(.+?)(friendly|display|full)?(name|label)')  # the word of a key such as `monitor_friendly_name`
# A key with one of these words speaks of another time, or of a limit.
EARLIER = re.compile(
    r'previous|prior(?!it)|former|first(?!name)|last|old|publish|checked|creationtimestamp|\A(min|max|default).*severity')
SEVERITY_PREFIX = re.compile(r'\A[A-Z_]*?(SEVERITY|CRITICALITY)_(LEVEL_)?')
Places = list[tuple[int, str]]  # the rank of a key in each of its meanings, 0 for the best


def places_of(words_by_meaning: dict[str, list[str]]) -> dict[str, Places]:
    """Return the places of each word: {'title': [(0, 'title')], ...}."""
    places: dict[str, Places] = {}
    for meaning, words in words_by_meaning.items():
        for rank, word in enumerate(words):
            places.setdefault(word, []).append((rank, meaning))
    return places


PLACES = places_of(WORDS)


def word_of(key: str) -> str:
    """Return a key in the form in which it is compared: `Alert-Name` -> `alertname`; '' for a long one."""
    return key.lower().translate(NO_SEPARATORS) if len(key) <= MAX_KEY_CHARACTERS else ''


@lru_cache(maxsize=2048)
def places_of_word(word: str) -> Places:
    """Return the places of the word of a key: those in WORDS, and those that its end gives it."""
    places = [*PLACES.get(word, ())]
    is_earlier = EARLIER.search(word) is not None  # then its end says nothing
    if not is_earlier:  # a key such as `door_state` comes after all words of WORDS
        places += [(len(WORDS['severity']), meaning) for meaning in ('severity', 'state') if word.endswith(meaning)]
    if OF_OWNER.match(word):
        return places
    # `monitorname` is a key of a 'thing', with the rank that `monitor` has among those of a 'named thing'.
    if name := NAME.fullmatch(word):
        places += [(rank, 'thing') for rank, meaning in PLACES.get(name[1], ()) if meaning == 'named thing']
    if word not in PLACES and not is_earlier:
        places += [(rank, meaning) for meaning, last_words in LAST_WORDS.items()
                   for rank, last in enumerate(last_words) if word.endswith(last)]
    return places


@lru_cache(maxsize=400)  # events of one kind have the same keys
def keys_by_meaning(keys: tuple[str, ...], parent: str) -> dict[str, list[str]]:
    """Return an object's keys by what they mean, the best first: {'title': ['Alert_Title', 'title'], ...}.

    `parent` is the word of the key that the object is under, or ''.
    """
    words = {key: word_of(key) for key in keys}
    places: list[tuple[int, str, str]] = []
    for key, word in words.items():
        if NOT_BESIDE.get(word, set()) & {*words.values()}:
            continue
        # The `name` in a `rule` also means `rulename`.
        of_parent = PLACES.get(f'{parent}name', []) if parent and word == 'name' else []
        places += [(rank, meaning, key) for rank, meaning in places_of_word(word) + of_parent]
    found: dict[str, list[str]] = {}
    for _, meaning, key in sorted(places, key=itemgetter(0)):
        found.setdefault(meaning, []).append(key)
    found['sentence'] = found.get('last word: text', [])  # the same keys, of which only texts of several words count: see NEEDS
    return {meaning: list(dict.fromkeys(keys))[:MAX_KEYS_OF_A_MEANING] for meaning, keys in found.items() if keys}


MAX_SCOPE_KEYS = 200
MAX_SCOPES = 60  # of an event
MAX_TEXT_WITH_JSON = 64 * 1024


class Scope:
    """An object in an event, and its keys by what they mean. `key` is the one that it is under, or ''."""

    def __init__(self, members: dict[str, Any], key: str = '', *, is_item: bool = False, is_text: bool = False,
                 has_data: bool = False):
        self.members = members
        self.word = word_of(key) if key else ''
        self.is_item = is_item  # the first item of a list, or inside one: it does not speak for the others
        self.is_text = is_text  # JSON in a text, which may be what an attacker has typed
        self.has_data = has_data  # the data of the event, by its key
        self.inner: list[Scope] | None = None  # the scopes directly inside it, once they are known
        keys = tuple(islice(members, MAX_SCOPE_KEYS))
        if max(map(len, keys), default=0) > MAX_KEY_CHARACTERS:
            keys = tuple(key for key in keys if len(key) <= MAX_KEY_CHARACTERS)
        self.by_meaning = keys_by_meaning(keys, self.word)  # its keys

    def values_of(self, meaning: str) -> list[Any]:
        """Return the values of the keys that have this meaning, the best first."""
        return [self.members.get(key) for key in self.by_meaning.get(meaning, ())]


# Texts that say nothing are no names: not even the name that a row gives is used if it is one of the first kind.
# Within the brackets of a pattern: three dots (also as one character), a line of dashes and the like.
PUNCTUATION = r'\s.,:;/\#+_\u2026\u2025\u00b7\u2022\u2013\u2014=*~|-'
# The patterns that are joined below end with a line break: a comment would otherwise swallow the next one. A number says nothing,
# but an IP address or a phone number does.
GENERIC_TEXT = re.compile(rf"""
    (?!\S*\s)(?:actions?|audit|enabled|logs?|alerts?|events?|incidents?|messages?|notifications?|webhooks?|test|default|unknown|
    none|null|nil|undefined|n/?a|string|object|title|name|summary|subject|description|text|true|false|yes|no|ok|success|info|
    information|informational|warning|error|critical|high|medium|low)|  # one word
    (?!((\d{{1,3}}\.){{3}}\d{{1,3}}|\+\d{{8,15}})\Z)[\de{PUNCTUATION}]*  # numbers (1.5e+3), dates, ''
    """, re.IGNORECASE | re.VERBOSE | re.ASCII)
# A GUID, which Microsoft also writes in braces, or a hash.
IDENTIFIER = re.compile(r'\{?[0-9a-f-]{16,}}?', re.IGNORECASE)
# Texts that the general rule does not use as a name.
UNUSABLE_TEXT = re.compile('|'.join((GENERIC_TEXT.pattern, r"""
    arn:\S+ | [a-z][a-z\d+.-]*://\S* |  # the ARN of an AWS resource, a URL
    <[?/\w][^>]*>.*> |  # XML or HTML
    (\{\s*["}]|\[\s*[\[{"\]]).*  # JSON: `{x}` and `[Wed Oct 11` are ordinary text
    """)), GENERIC_TEXT.flags)
# The same for texts that are all ASCII. In Chinese, three characters can say what happened. A "word" of 40 characters or more is
# a key, or an encoded text; but `Microsoft.Resources.ResourceWriteSuccess` is several words. Nothing matches two alternatives of
# the pattern for these: with two ways to read each part, a text of many would take exponential time.
UNUSABLE_ASCII = re.compile('|'.join((UNUSABLE_TEXT.pattern, IDENTIFIER.pattern, r"""
    .{0,3} |
    (?=\S{40})(?!(([a-z]{1,30}\d{0,2}|k8s|v\d(\d?[a-z]|\d\d)[a-z\d]{0,5}|\d{1,4})([\\./_:-]+|\Z))+\Z)\S+
    """)), GENERIC_TEXT.flags)
# An object may have a short name, or a long one: `db1`, `bob`, `fw1`, a path. But the sender itself is none.
NO_OBJECT = r'.? | system | localhost | 127\.0\.0\.1'
UNUSABLE_OBJECT = re.compile('|'.join((UNUSABLE_TEXT.pattern, IDENTIFIER.pattern, NO_OBJECT)), GENERIC_TEXT.flags)
NO_NAME = re.compile(rf'{IDENTIFIER.pattern}|[{PUNCTUATION}]*|n/?a|({JSON_TEXT.pattern}).*', re.IGNORECASE)
# Kinds that say more than a text alone: `order.created`, `TASK_CREATED`, `push_failed`; not those of an alert, which say only
# that there is one, and not the constants of a log, such as `AUDIT_SUCCESS`.
# The form is looked for first: to look for the words in each kind takes longer.
TELLING_KIND = re.compile(
    r'(?i:\S[^\s./:]*[./:]\S+|\S+ed)|'  # up to the first of these marks: to try each would take quadratic time
    r'(?=([a-z]+(_[a-z]+)+|[A-Za-z][a-z]+([A-Z][a-z]+)+)\Z)(?!\S*(?i:creat|new|alert|open|trigger|event|incident|issue))\S+')
# Words that say what became of something, in lower case; those of an outcome count only if no text says more.
CHANGE = re.compile(
    '(un|re)?(resolv|clos|acknowledg|delet|assign|block)[a-z]*|down|offline|online|unreachable|'
    '(fail|recover|bounc|complain|cancel|remov|escalat|clear|reject|suspend|revok|expir|quarantin|degrad)[a-z]*')
FAILURE = re.compile(r'(fail|abort|crash)\w*|errored')
OUTCOME = re.compile(rf'{CHANGE.pattern}|{FAILURE.pattern}|(succe|pass)\w*|error|ok')
TOPIC_HEADER = re.compile('x-([^-]+-)*(topic|event)(-(type|name|key|code))?|hook-name')  # with the kind: `x-acme-event`
PATH = re.compile(r'/|\\|[A-Za-z]:\\')
WEB_ADDRESS = re.compile(r'https?://(?:[^/?#]*@)?((?:[^/?#@:\[\]]+|\[[\da-fA-F:.]+])(?::\d*)?(?:/[^?#@]*)?)(?:[?#][^@]*)?')
# `A user was created` says no more than `user.created`.
SAY_NOTHING = {'an', 'the', 'of', 'is', 'are', 'was', 'were', 'has', 'have', 'had', 'been', 'being', 'event'}
# How an event says that a problem has ended. Some words do so only under a key that ends in `state`: a `"status": "ok"` is often
# that of a request.
ENDED = re.compile(r'((auto|automatically|manually)[ _-]?)?(resolved|recovered|closed|cleared)|[a-z]+_to_(ok|normal|up)',
                   re.IGNORECASE)
STATE_ENDED = re.compile(rf'{ENDED.pattern}|ok|up|normal', re.IGNORECASE)


#
# The objects of an event lie in rings around it. The nearer one is, the more it says about the event:
#
#   OWN      the event itself; for {"alert": {...}}, where it has no other member, the object inside
#   DATA     the objects under the keys of 'inside', which have the data of the event
#   OTHERS   other objects in the event, or in an object under one of DEEPER
#   DEEP     what is inside these, down to the fourth level
#
# The tables say in which rings something is looked for, under keys of which meaning, the best first. Beside each line is an
# event that needs it.
OWN, DATA, OTHERS, DEEP = range(4)
Table = tuple[tuple[tuple[int, ...], tuple[str, ...]], ...]

TEXTS: Table = (((OWN, DATA), ('title', 'rule', 'summary', 'text', 'activity')),)  # what happened
SUBJECTS: Table = (  # what an event of a kind concerns, if no text says what happened
    ((OWN,), ('sentence', 'whole')),              # {"event": "rated", "film_title": "Blue mug", "book": {"title": "Red mug"}}
    ((OTHERS,), ('title',)),                      # {"event": "rated", "movie": {"title": "Marley"}, "host": "nas-1"}
    ((OWN, DATA), ('object',)),                   # {"event": "login", "device": {"name": "Desk 7"}, "user": "alice"}
    ((DATA,), ('name',)),                         # {"event": "moved", "item": {"name": "Blue mug"}, "user": "alice"}
    ((OWN, DATA), ('person', 'domain', 'last word: object')),  # {"event": "login", "user": "alice", "a": {"name": "Blue mug"}}
    ((OTHERS,), ('summary', 'text', 'rule', 'name', 'object', 'last word: object')),  # {"event": "paid", "a": {"text": "Mugs"}}
    ((OWN, DATA), ('who', 'last word: who', 'thing', 'last word: text')),  # {"event": "login", "service": "mail"}
    ((DEEP,), ('title', 'summary', 'last word: text', 'name', 'object', 'text')),  # {"event":"pull","a":{"b":{"repo":"mugs"}}}
    ((OWN, DATA, OTHERS, DEEP), ('person', 'last word: object', 'who', 'first name', 'by')),  # {"event": "login", "src": "fw1"}
    ((DATA, OTHERS), ('id',)),                    # {"event": "paid", "order": {"id": "ord-17"}}
)
KINDS: Table = (  # the kind of event, if neither a header nor the event itself names one
    ((DATA, OTHERS), ('event',)),                 # {"meta": {"event_name": "order_created"}, "data": {"type": "orders"}}
    ((DATA,), ('kind',)),                         # {"issue": {"operation": "moved"}, "lock": {"action": "left"}}
    ((OWN, DATA, OTHERS), ('kind elsewhere', 'last word: kind', 'last word: type')),  # {"lock": {"event": "forced"}, "size": 7}
)
OTHER_KINDS: Table = (((OWN, DATA), ('kind', 'last word: type')),)  # {"event": "create", "event_category": "note"}
THINGS: Table = (  # the host or the like that a text is about
    ((OWN, DATA, OTHERS), ('thing', 'named thing')),   # {"message": "The disk is full", "disk": {"host": "db-1"}}
    ((OWN, DATA, OTHERS), ('person', 'who', 'last word: who')),  # {"message": "A mail was read", "email": "ann@example.com"}
    ((OWN, DATA), ('by', 'object', 'domain')),    # {"message": "A port scan", "src_ip": "192.0.2.7", "project": "shop"}
)


# --- receiver/events/log_lines.py ---
# Log lines: what precedes their text, and the pairs, CEF or LEEF that they consist of.


# What may precede the text in a line of a body.
# `<134>1 2026-11-24T10:00:00Z db-1 sshd 7 ID47 - `; without a text behind them, the fields after the host are the text
RFC_5424 = (r'<\d{1,3}>\d (-|(?P<sent>\d{4}-\d\S+)) \S+ (-|(?P<program>\S+)) \S+ \S+ (-|'
            r'(\[[^]@="]*[@=](?>([^]"]|"(?>([^"\\]|\\.)*)")*)]){1,8}) (?=\S)')
# `<134>`, `<134>1 2026-11-24T10:00:00Z db-1 `, or by Cisco `<189>29: `
PRIORITY = r'<\d{1,3}> ?(\d+: (?=[*.]?[A-Z])|(\d )?((?P<stamped>\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)) (\S+ )?)?)'
# `Nov 24 10:00:00 db-1 `, with the name of a program if JSON follows it, or by Cisco `*Nov 24 10:00:00.250 UTC: `
RFC_3164 = (r'[*.]?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]?\d (\d{4} )?\d\d:\d\d:\d\d'
            r'((\.\d+)?( [A-Z]{3,4})? ?: | ([^\s|:[]+ ([^\s{]+ (?=\{"))?)?)')
# `2026-11-24T10:00:00Z `, or `[2026/11/24 10:00:00,250 +0100] `: without the brackets, a number behind a blank is no offset
LOG_TIME = (r'(?P<bracket>\[)?(?P<logged>\d{4}[-/:]\d\d[-/:]\d\d[T -]\d\d:\d\d:\d\d([.,]\d+)?'
            r'(Z|(?(bracket) ?)[+-]\d\d:?\d\d| (UTC|GMT|CES?T|[PMCE][SD]T)(?! ?[+-]\d\d:?\d\d))?)'  # no time has two zones
            r'(?(bracket)])(([\s,;|]|:(?!\d)|-(?=\s)){1,10}|\Z)')
# It matches any text, at least its empty start: hence Any, in place of a match or None. The next one does, too.
PREAMBLE: Any = re.compile(rf'({RFC_5424}|({PRIORITY})?({RFC_3164})?)({LOG_TIME})?(<\?xml[^>]*>)?', re.ASCII)
# `192.0.2.7 - ann [24/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 500 `, the start of a line in the Common Log Format
ACCESS = re.compile(r'(?a)\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:[^]]{1,20}] "([A-Z]{1,20} [^\s"]+) HTTP/[\d.]{1,3}" (\d{3}) ')
# The level and what is in brackets, such as the thread, before the text of a log line: `WARN [main] `, or three brackets
# to ten: with any number of them, what follows would be searched from each
BRACKETS: Any = re.compile(r'(((TRACE|DEBUG|INFO|NOTICE|WARN(ING)?|ERROR|CRITICAL|FATAL|SEVERE) +(\[[^],]{1,100}]( -)? *){1,10}|'
                           r'(\[[^],]{1,100}] *){3,10})(?=\S+ \S+ \S))?')
# Three words in a row, such as `logged in from`: a sentence
WORDS_OF_SENTENCE = re.compile(r"\b[A-Za-z][a-z']{1,20}( [a-z']{2,20}){2}")
# In a log line, the key of a pair; or a quoted text, in which nothing is a pair: it may be what somebody else typed. A format
# writes a quote in it as `\"` or as `""`. A single quote quotes only a whole value: `O'Brien` has one, and some formats know
# none. In CEF, a quote is like any other character.
PAIR = r'(?:^|(?<=[\s,;|\[]))(?P<key>[A-Za-z_][\w.-]{0,39})='
QUOTED = PAIR + r'|(?:^|(?<=[\s,;|\[(=:]))"(?>(?:%s)*)"(?=[\s,;|\])]|\Z)'
SINGLE = r"|(?<==)'(?>(?:[^'\\]|\\.)*)'(?=[\s,;|\])]|\Z)"
BY_BACKSLASH, DOUBLED = QUOTED % r'[^"\\]|\\.', QUOTED % r'[^"]|""'
READINGS = [re.compile(each, re.DOTALL) for each in (BY_BACKSLASH + SINGLE, BY_BACKSLASH, DOUBLED + SINGLE, DOUBLED)]
PAIRS_OF_CEF = re.compile(PAIR)
SEPARATOR: Any = re.compile(r'[\s,;|]*\Z')
# What may precede the first pair: nothing that says something, or the header of CEF, in whose fields a `|` is escaped. Only
# the name of a program, of up to four words, may precede that header: behind a sentence, somebody else may have typed it.
NO_HEADER = re.compile(r'\W*')
CEF_FIELD = r'(?>(?:[^|\\]|\\.)*)'
CEF_HEADER = re.compile(
    r'(?:\w[\w.-]* ){0,3}(?:[\w.-]+(?:\[\d+\])?: ?)?CEF: ?\d\|'
    rf'(?:{CEF_FIELD}\|){{4}}(?P<signature>{CEF_FIELD})\|(?P<severity>{CEF_FIELD})\|\s*')
# The header of LEEF, whose version 2 names what separates the pairs, as a character or its number such as `x5E`
LEEF_HEADER = re.compile(
    r'LEEF:[\d.]{1,5}\|(?:[^|]*\|){3}(?P<signature>[^|]*)\|(?:(?:0?x(?P<code>[0-9A-Fa-f]{2,4})|(?P<mark>[^|]))\|)?')
# In CEF's header and LEEF's `sev`, as they define it. Lower numbers tell nothing: in PAN-OS, 1 to 5 end with the worst.
CEF_SEVERITIES = {'7': 'high', '8': 'high', '9': 'critical', '10': 'critical', 'very-high': 'critical'}


def members_of_log(line: str, clean: Callable[[Any], str]) -> dict[str, str] | None:
    """Return the members of a log line of at least three pairs, or None for any other; of CEF, also those of its header.

    act=block user="Ann Ng" dst=192.0.2.7                  -> {'act': 'block', 'user': 'Ann Ng', 'dst': '192.0.2.7'}
    CEF:0|Acme|Gate|1.0|17|Worm stopped|High|src=10.0.0.1  -> {'signature': 'Worm stopped', 'severity': 'High', 'src': '10.0.0.1'}
    """
    header = CEF_HEADER.match(line)
    start = header.end() if header else 0
    valid = [PAIRS_OF_CEF] if header else [reading for reading in READINGS if '"' not in reading.sub('', line)]
    found = [[match for match in reading.finditer(line, start) if match['key']] for reading in valid or READINGS]
    keys, starts = found[0], [match.start() for match in found[0]]
    # Two keys with their values are a text that says all by itself: `usage=97% host=db-1`.
    if not (header and header['signature']) and (len(keys) < 3 or not (header or begins_with_pairs(line, starts[0]))):
        return None
    pairs = [(match['key'], without_quotes(clean(line[match.end():end]).strip(' ,;|]')))
             for match, end in zip(keys, [*starts, len(line)][1:], strict=True)]
    # In doubt are values if the quotes pair in no way or in several, or if what separates pairs differs, as between two events.
    separators = {re.sub(' +', ' ', SEPARATOR.search(line[max(each - 3, 0):each])[0]) for each in starts[1:]}
    if not valid or len(separators) > 1 or len({tuple(match.start() for match in each) for each in found}) > 1:
        pairs = [(key, CutText(value)) for key, value in pairs]
    severity = header['severity'].strip() if header and '\n' not in line else CutText()
    return members_of_pairs(pairs) | ({} if not header else {  # a pair never replaces a field of the header
        'signature': clean(header['signature']), 'severity': CEF_SEVERITIES.get(severity.lower(), severity)})


def begins_with_pairs(line: str, start: int) -> bool:
    """Return whether nothing that says something precedes the first pair. A bracket before it must end with the line."""
    return NO_HEADER.fullmatch(line, 0, start) is not None and ('[' not in line[:start] or line.rstrip().endswith(']'))


def members_of_leef(line: str, clean: Callable[[Any], str]) -> dict[str, str] | None:
    """Return the event ID and the pairs of an event in LEEF, or None for any other text."""
    header = LEEF_HEADER.match(line)
    if not header:
        return None
    separator = chr(int(header['code'], 16)) if header['code'] else header['mark'] or '\t'
    texts = [text.partition('=') for text in line[header.end():].split(separator)]
    members = members_of_pairs((clean(key), clean(value)) for key, _, value in texts)
    if type(members.get('sev')) is str:
        members['severity'] = CEF_SEVERITIES.get(members['sev'], members['sev'])
    return members | {'signature': clean(header['signature'])}


def members_of_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the members of an object by key and value. A key that has several values is in doubt."""
    members: dict[str, str] = {}
    for key, value in pairs:
        first = members.get(key, value)
        members[key] = value if first == value else CutText(first)
    return members


def without_quotes(value: str) -> str:
    """Return the value of a pair without the quotes around it or, if it ends with a quoted text, without those around that."""
    quote = value[-1:]
    start = value.find(quote, 0, -1) if quote in ('"', "'") else -1
    return value if start < 0 else value[:start] + value[start + 1:-1]


# --- receiver/events/severities.py ---
# The severities of an event by the general rule, and all that it has at any depth.


PROVIDER_NAME = steps_of(['provider', 'name'])


class Severity(NamedTuple):
    """A severity on XSOAR's scale, and whether the event certainly has it: `?at_least=` leaves out nothing else."""

    value: float | None
    is_certain: bool


NO_SEVERITY = Severity(None, False)


def says_that_it_ended(scope: Scope) -> bool:
    """Return whether a state, a status or an action in an object is a word for the end of a problem.

    That does not make the event a recovery, but it is enough to disregard the severity beside it.
    """
    return any(type(value) is str and pattern.fullmatch(value.strip())
               for meaning, pattern in (('end', ENDED), ('state', STATE_ENDED)) for value in scope.values_of(meaning))


def severities_in(scope: Scope, meaning: str, top: Scope) -> set[float]:
    """Return the severities that words under the keys of a meaning say, unless they are levels of a log or of a mail.

    A priority counts only beside a text that says what happened: in a queue of builds, it does not say how grave anything is.
    """
    has_text = any(text in each.by_meaning for text in TEXTS[0][1] for each in (scope, top))
    is_of_message = meaning == 'priority' and (not has_text or 'log or mail' in scope.by_meaning)
    is_of_windows = any('event id' in each.by_meaning and ('windows log' in each.by_meaning or find(each.members, PROVIDER_NAME))
                        for each in (scope, top))
    # A record of Azure's Syslog has the level of a log, too.
    if is_of_message or is_of_windows or 'SyslogMessage' in scope.members:
        return set()
    return {severity for value in scope.values_of(meaning) if (severity := severity_of(value)) is not None}


def severity_of(value: Any) -> float | None:
    """Return the severity that a word says, or the name of an object, or a constant such as `SEVERITY_LEVEL_HIGH`, or None."""
    word = value.get('name') if isinstance(value, dict) else value
    return SEVERITY_WORDS.severity(SEVERITY_PREFIX.sub('', word) if type(word) is str else word)


def all_severities(tree: dict[str, Any], known: Iterable[Any], budget: Budget) -> Iterator[float]:
    """Yield the severities, priorities and urgencies that an event says at any depth.

    The keys of the `known` objects themselves are passed over, but not those of objects inside them; JSON in any text but a
    `known` one counts. Yield infinity if a severity's key has a value that means none, and, at the end, if something was not
    read or is in doubt.
    """
    ignored = {id(each) for each in known}
    unseen: list[tuple[Any, str]] = [(tree, '')]  # values, each with what the key means that it is under, directly or not
    while unseen:
        value, meaning = unseen.pop()
        if type(value) is str and id(value) not in ignored and JSON_WITH_VALUES.match(value):
            value = budget.open(value.encode(errors='replace'))
        is_cut = isinstance(value, CutText) or (isinstance(value, LargeObject) and value.is_cut)
        if value is UNREAD or is_cut or not budget.allows(1):
            yield math.inf
            return
        if isinstance(value, dict):
            # Under the key of a severity: beside a word for it, as in {"label": "low", "normalized": 30}, or beside what a row
            # reads, other values that mean none say no more.
            tells = any(severity_of(item) is not None or id(item) in ignored for item in map(value.get, value))
            inherited = 'priority' if meaning and tells else meaning
            is_known = id(value) in ignored
            unseen += [(value.get(key), '' if is_known else severity_meaning(key) or inherited) for key in value]
        elif isinstance(value, list):
            unseen += [(item, meaning) for item in value]
        elif (severity := severity_of(value) if meaning else None) is not None:
            yield severity
        elif meaning == 'severity' and value not in (None, ''):
            yield math.inf


def severity_meaning(key: str) -> str:
    """Return 'severity' or 'priority' if a key means that, or ''."""
    meanings = {meaning for _, meaning in places_of_word(word_of(key[-MAX_KEY_CHARACTERS:]))}  # its end, if it is long
    return first_of(meaning for meaning in ('severity', 'priority') if meaning in meanings)


# --- receiver/events/general_rule.py ---
# What the general rule chooses from the meanings of an event's keys.


class GeneralRule:
    """What an event says by the meanings of its keys: the general rule, for what no row finds.

    `headers` are those of its request, by name in lower case. `clean` returns a value as a line of text (see clean_text).
    """

    def __init__(self, members: dict[str, Any], headers: dict[str, str], clean: Callable[[Any], str], budget: Budget):
        self.members = members
        self.headers = headers
        self.clean = clean
        self.budget = budget
        self.scopes_left = MAX_SCOPES
        self.top = self.only_object()
        # The objects one level inside, and under DEEPER two.
        near = [*self.inside(self.top)]
        near += [each for scope in near if scope.has_data and scope.word in DEEPER for each in self.inside(scope)]
        self.rings = [[self.top], [scope for scope in near if scope.has_data], [scope for scope in near if not scope.has_data]]
        self.near = self.rings[DATA] + self.rings[OTHERS]
        # Those of all keys in the rings: the tables need not look for any other.
        self.meanings = set().union(self.top.by_meaning, *[scope.by_meaning for scope in near])
        self.own_kind = self.first((OWN,), 'kind')  # the kind that a key directly in the event names: `login_failed`
        # Only the `name` directly in the event is its own, as it was sent, with any tags. That of an object that is its only
        # member is one text among others.
        name = self.clean(name) if isinstance(name := self.members.get('name'), str) else ''
        if {'hostname', 'pid', 'msg'} <= self.members.keys():  # in a record of Bunyan or pino, it is the logger's
            name = ''
        self.own_name = '' if not name or NO_NAME.fullmatch(name) or is_token_or_agent(name) else name

    # The walk

    def only_object(self) -> Scope:
        """Return the scope of the event, or of the object that is its only member, or of that inside it, to depth 4."""
        scope = Scope(self.members)
        for _ in range(4 if len(self.members) == 1 else 0):
            if len(scope.members) == 1:
                scope = next((each for each in self.inside(scope) if not each.is_item), scope)
        return scope

    def add_deep_ring(self) -> None:
        """Add the ring DEEP, if there is none yet: few events need it."""
        if len(self.rings) == DEEP:
            first = [each for scope in self.near for each in self.inside(scope)]
            self.rings.append(first + [each for scope in first for each in self.inside(scope)])
            self.meanings.update(*(scope.by_meaning for scope in self.rings[DEEP]))

    def inside(self, scope: Scope) -> list[Scope]:
        """Return the scopes directly inside one, at most `scopes_left`: of its objects, and of the first items of its lists.

        Those with the data of the event come first.
        """
        if scope.inner is not None:
            return scope.inner
        scope.inner = []
        members, data_keys = scope.members, scope.by_meaning.get('inside', ())
        others = [key for key, value in islice(members.items(), MAX_SCOPE_KEYS)  # those of objects and lists, also if not opened
                  if type(value) is not str  # as most are
                  and (isinstance(value, (dict, list)) or (type(value) is Raw and memoryview(value)[0] in b'{['))]
        texts = scope.by_meaning.get('text', ()) if len(members) > 1 else members  # an only member may be JSON under any key
        for key in islice(dict.fromkeys((*data_keys, *others, *texts)), self.scopes_left):
            value = members.get(key)
            inner = value[0] if isinstance(value, list) and value else value
            # JSON in a text is read, as loggers and log shippers send it, but not JSON in a text inside that.
            is_text = type(inner) is str and not scope.is_text and str(inner).lstrip()[:1] == '{'
            if is_text and len(source := str(inner).encode(errors='replace')) <= MAX_TEXT_WITH_JSON:
                inner = read_object(source, self.budget)
            if isinstance(inner, dict) and inner and word_of(key) != 'customfields':
                self.scopes_left -= 1
                scope.inner.append(Scope(inner, key, is_item=isinstance(value, list) or scope.is_item,
                                         is_text=is_text or scope.is_text, has_data=is_text or key in data_keys))
        return scope.inner

    # Choosing a text

    def first(self, rings: Iterable[int], meaning: str, known: str = '') -> str:
        """Return the first text that can be a name in some rings, under a key of a meaning, or ''.

        A text that `known` contains is passed over. READERS says how a value under such a key is read, and NEEDS which texts
        count.
        """
        read, needs = READERS.get(meaning, GeneralRule.usable), NEEDS.get(meaning, bool)
        for ring in rings:
            for scope in self.rings[ring]:
                for key in scope.by_meaning.get(meaning, ()):
                    text = read(self, scope.members.get(key))
                    if text not in known and needs(text):
                        return text
        return ''

    def texts(self, table: Table, known: str = '') -> Iterator[str]:
        """Yield the text that can be a name for each meaning in a table, or '', the best first; none that `known` contains."""
        for rings, meanings in table:
            if DEEP in rings:
                self.add_deep_ring()
            for meaning in filter(self.meanings.__contains__, meanings):
                yield self.first(rings, meaning, known)

    def best(self, table: Table, known: str = '') -> str:
        """Return the best text by a table, or ''."""
        return first_of(self.texts(table, known))

    def usable(self, value: Any, unusable: re.Pattern[str] = UNUSABLE_ASCII) -> str:
        """Return a value as a text that can be a name, or ''; texts that are not all ASCII may be short."""
        text = untagged_text(value, self.clean)
        pattern = unusable if text.isascii() else UNUSABLE_TEXT
        return '' if pattern.fullmatch(text) or is_token_or_agent(text) else text

    def object_name(self, value: Any) -> str:
        """Return what an object is called, by a text or an object with a name: `a` for `a`, ["a"] and {"name": "a"}."""
        names = value if type(value) is list and len(value) == 1 else [value]
        if isinstance(value, dict):
            scope = Scope(value)
            parts = scope.values_of('first name')[:1] + scope.values_of('last name')[:1]
            names = [*scope.values_of('name'), ' '.join(map(self.clean, parts))]
        name = first_of(self.usable(name, UNUSABLE_OBJECT) for name in names)
        return f'…{name[-59:]}' if len(name) > 60 and PATH.match(name) else name  # its end says more than its beginning

    # The name

    def name(self) -> str:
        """Return the name of the event, or ''. It has up to three parts:

                                                                         kind             subject         thing
        {"message": "Disk is full", "host": "db-1"}                                       Disk is full    (db-1)
        {"message": "Disk is full", "status": "closed"}                  closed:          Disk is full
        {"type": "disk_full", "title": "Disk full", "message": "Act!"}   disk_full:       Act!
        {"event": "mug.created", "mug": {"name": "Blue mug"}}            mug.created:     Blue mug

        The kind is that in a header (the topic), or else what became of something (the change), or else any other.
        """
        topic = self.topic()
        text, needs_kind = self.text()
        change = self.change(text)
        if text and not topic and not needs_kind:  # the text may do without a kind
            # The event names itself; a failure goes before that, but not in our own format, which has `occurred`.
            if text == self.own_name and ('occurred' in self.members or not FAILURE.fullmatch(change.lower())):
                return text
            # A text of several words, among them the stems of the change: the `resolved` of `alert.resolved` is in `Resolve it`.
            if ' ' in text and all(word[:max(4, len(word) - 2)] in text.lower() for word in words_of(change)):
                return self.with_affected_host(text)
        kind = topic or change or self.kind()
        subject = text or self.own_name or self.best(SUBJECTS, kind)
        if kind and not subject and not self.best(THINGS):  # a kind alone: then a URL, an id or another kind
            subject = (self.first((OWN, DATA, OTHERS), 'address') or self.first((OWN, DATA), 'last word: id')
                       or self.number(kind)
                       or first_of(each for each in self.texts(OTHER_KINDS, kind) if not self.repeats_the_kind(each)))
        about = self.with_affected_host(subject, kind) if subject else ''
        name = about if kind.lower() in about.lower() else ': '.join(filter(None, (kind, about)))
        return self.clean(name)

    def number(self, kind: str) -> str:
        """Return the number of what a kind is about, or '': that of `deviceId` for `device.moved`, or the `id` of its data."""
        for scope in (*self.rings[DATA], self.top):
            for key in (*scope.by_meaning.get('id', ()), *scope.by_meaning.get('last word: id', ())):
                stem, number = re.sub(r'(id|number)\Z', '', word_of(key)), self.clean(scope.members[key])
                if number.isdecimal() and number.strip('0') and stem in word_of(kind) and (stem or scope is not self.top):
                    return number
        return ''

    def text(self) -> tuple[str, bool]:
        """Return the best text that says what happened, or '', and whether the name needs the kind of event, too.

        It does if there is no text, or if a better one was passed over because it only repeats the kind.
        """
        for passed_over, text in enumerate(filter(None, chain([self.own_name], self.texts(TEXTS)))):
            if not self.repeats_the_kind(text):
                return (text if text == self.own_name else self.longest_with(text)), passed_over > 0
        return '', True

    def repeats_the_kind(self, text: str) -> bool:
        """Return whether a text has no words other than the kind of event. A number is one, and so is what is not ASCII."""
        if not self.own_kind or len(text) > 150:  # no kind is longer than a name
            return False
        words = {*words_of(text.lower())} - SAY_NOTHING
        return bool(words) and text.isascii() and not NUMBER.search(text) and words.issubset(words_of(self.own_kind))

    def longest_with(self, text: str) -> str:
        """Return the longest text of the event itself that contains a text, and so says more, or that text."""
        longer = [value for value in self.top.values_of('text')[:10] if isinstance(value, str) and len(text) < len(value) <= 150]
        return max((other for other in map(self.usable, longer) if text.lower() in other.lower()), key=len, default=text)

    def topic(self) -> str:
        """Return the kind of event that a header names (`X-Acme-Event: push`), or '' if that has no more words than `kind`."""
        topic = first_of(self.usable(value) for name, value in self.headers.items() if TOPIC_HEADER.fullmatch(name))
        return topic if topic and len(words_of(topic)) > len(words_of(self.own_kind or self.first((DATA,), 'kind'))) else ''

    def kind(self) -> str:
        """Return the kind of event, or ''."""
        return self.own_kind or self.best(KINDS) or self.word_of_change((OWN, DATA, OTHERS), OUTCOME)

    def change(self, text: str) -> str:
        """Return what became of something, or ''.

        {"event": "order.created"}                         -> order.created
        {"status": "closed"}                               -> closed
        {"type": "build", "status": "closed"}              -> build closed, or beside a text: closed
        {"type": "build", "status": "passed"}              -> build passed, or beside a text: nothing
        {"type": "build", "data": {"status": "failed"}}    -> build failed, or beside a text: failed
        {"type": "A build", "status": "failed"}            -> failed: A build
        {"type": "build_end", "job": {"status": "failed"}} -> build_end failed, or beside a text: build_end
        {"type": "status_changed", "status": "down"}       -> status_changed down
        {"type": "build_end", "status": "failed"}          -> build_end: beside a telling kind, its own status says nothing
        """
        kind = self.own_kind
        if not kind:
            return self.word_of_change((OWN, DATA) if text else (OWN, DATA, OTHERS), CHANGE)
        if ('status' in kind.lower() or 'state' in kind.lower()) and (status := self.first((OWN, DATA), 'status', kind)):
            return f'{kind} {status}'
        is_telling = TELLING_KIND.fullmatch(kind) is not None  # then it says by itself what happened
        if text:  # it says more than an outcome such as `passed`: beside it, only a change or a failure counts
            return kind if is_telling else self.word_of_change((OWN,), CHANGE) or self.word_of_change((OWN, DATA), FAILURE)
        word = '' if is_telling else self.word_of_change((OWN,), OUTCOME)
        word = word or self.word_of_change((DATA, OTHERS), FAILURE)  # in other objects, only a failure counts
        if not word or word.lower() in kind.lower() or FAILURE.search(kind.lower()):
            return kind
        return f'{word}: {kind}' if ' ' in kind else f'{kind} {word}'

    def word_of_change(self, rings: tuple[int, ...], pattern: re.Pattern[str]) -> str:
        """Return the first text that the pattern matches under a key that means a kind, or ''."""
        known = [*filter(self.meanings.__contains__, ('kind', 'last word: kind'))]
        kinds = [kind for ring in rings for scope in self.rings[ring] for meaning in known for kind in scope.values_of(meaning)]
        return first_of(self.clean(kind) for kind in kinds if type(kind) is str and pattern.fullmatch(kind.lower()))

    def address(self, value: Any) -> str:
        """Return the host and the path of a URL, without what may be secret in it, or ''.

        What precedes an `@` may be a password, even with a `/`, a `?` or a `#` in it. So a URL with an `@` after one of these
        gives ''.
        """
        url = WEB_ADDRESS.fullmatch(self.clean(value))
        return url[1].rstrip('/') if url else ''

    def with_affected_host(self, text: str, kind: str = '') -> str:
        """Return a text with the host or the like that it is about, as in `Disk full (db-1)`, unless it contains that.

        The name of a rule says little: if it is one word, or if there is no such thing, the event's own text follows it.
        """
        thing = self.best(THINGS, text)
        if not kind and (not thing or ' ' not in text) and text == self.first((OWN, DATA), 'rule'):
            text = self.clean(': '.join(filter(None, (text, self.first((OWN,), 'text', text)))))
        if not thing:
            return text
        host = thing.lower().partition('.')[0]
        if (host if len(host) > 3 else thing.lower()) in text.lower():  # a short host may be in the text by chance
            return text
        room = 150 - len(f'{kind}:  ({thing})')  # for the text
        return self.clean(f'{shortened(text, max(50, room))} ({thing})') or text

    # The time

    def times(self) -> Iterator[str]:
        """Yield the texts that may be the event's time, the best first."""
        near = [self.top] + [scope for scope in self.inside(self.top) if scope.word in TIME_INSIDE]
        if 'time of end' in self.meanings and says_that_it_ended(self.top):
            yield from map(self.clean, chain.from_iterable(scope.values_of('time of end') for scope in near))
        dates: list[str] = []
        for scope in near:
            texts = [*map(self.clean, scope.values_of('time'))]
            for text in texts:
                if CALENDAR_DATE.fullmatch(text):  # for later: with each time of day, such as `2026-11-24 10:00`, then alone
                    zones = re.findall(r'(?a)\A(?:UTC|GMT)?([+-]\d\d:?\d\d)\Z', text_of(scope.members.get('tz'))[:10])
                    dates += [f'{text} {at}{tz}' for tz in (*zones, '') for at in filter(TIME_ALONE.fullmatch, texts)] + [text]
                    continue
                if ':' in text and not ZONE.search(text):  # it may be a local time: a Unix time beside it is certain
                    yield from filter(UNIX_TIME.fullmatch, texts)
                yield text
        yield from dates  # after the times of all these objects, which say more
        for scope in near:
            yield from filter(ZONE.search, map(self.clean, scope.values_of('time with a zone')))
            yield from map(self.clean, scope.values_of('time of change') + scope.values_of('last word: time'))
        for scope in (each for each in self.near if not EARLIER.search(each.word)):  # `last_alert` is another event
            # JSON in a text is often an event of its own: in it, every word for a time counts.
            yield from map(self.clean, scope.values_of('time' if scope.is_text else 'time elsewhere'))

    # The severity

    def severity(self) -> 'Severity':
        """Return the severity that words such as `high` say in the first object that has one of them under a key for it.

        If the words there disagree, there is none. The level of a log, how critical a device is, and what an event repeats of a
        problem that has ended are no severities.
        """
        if self.meanings.isdisjoint(('severity', 'priority')):
            return NO_SEVERITY
        # One of several objects does not speak for the event, nor does JSON in a text, which may be what an attacker has typed.
        speaking = [scope for scope in (self.top, *self.near) if not scope.is_item and not scope.is_text
                    and (scope.word in SEVERITY_INSIDE or (scope is self.top and scope.word not in WORDS['named thing']))]
        for meaning in filter(self.meanings.__contains__, ('severity', 'priority')):
            for scope in speaking:
                if severities := severities_in(scope, meaning, self.top):
                    has_ended = any(says_that_it_ended(each) for each in speaking
                                    if each in (self.top, scope) or each.word in END_INSIDE)
                    is_clear = len(severities) == 1 and not has_ended
                    return Severity(severities.pop(), meaning == 'severity') if is_clear else NO_SEVERITY
        return NO_SEVERITY


# How a value under a key of some meanings is read. Under all others, it is a usable text.
READERS: dict[str, Callable[[GeneralRule, Any], str]] = {
    **dict.fromkeys(('object', 'person', 'who', 'by', 'thing', 'name', 'domain', 'id', 'status', 'last word: object',
                     'last word: who', 'last word: id'), GeneralRule.object_name),
    'address': GeneralRule.address,
    'named thing': lambda facts, value: facts.object_name(value) if isinstance(value, dict) else ''}
NEEDS: dict[str, Callable[[str], bool]] = {  # what a text under a key of a vague meaning needs to count
    **dict.fromkeys(('sentence', 'activity'), lambda text: ' ' in text),
    'domain': lambda text: '.' in text,
    'last word: type': lambda text: len(words_of(text)) > 1 and '/' not in text,
}


# --- receiver/events/event.py ---
# An event: what its row, the words of the URL and the general rule find in it.


MAX_TYPE_CHARACTERS = 300  # in an event; a text that open_scalar has cut is longer, so it does not count
MAX_KEY_PART_CHARACTERS = 300
QUERYABLE = re.compile('[A-Za-z0-9._:/@-]{1,100}')  # a problem key that can stand in a query
LIKE_A_HASH = re.compile('[0-9a-f]{32}')  # a problem key that could be the hash of another
# In place of an id: a word for none; a variable that the sender has not replaced (`$ALERT_CYCLE_KEY`, `$(id)`, `{{id}}`); what a
# template writes for none (`<no value>`, `[object Object]`, `%!s(<nil>)`); the nil UUID.
NO_IDENTITY = re.compile(r'''
    (0|null|none|nil|undefined|unset|not\ set|no\ value|nan|-?infinity|true|false|n/?a|n\.a\.?|unknown|\*unknown\*|-+)? |
    \$\w+ | \$\([^)]*\) | [$%]\{.*\} | \{\{.*\}\} |
    <[^>\d@]*>+ | \([^)\d@]*\)+ | \[[^]\d@]*\]+ | \{[^}\d@]*\}+ | %[^%\d@]*%+ | %!\w\([^)\d@]*\) | \{?0{8}(-0{4}){3}-0{12}\}?
    ''', re.IGNORECASE | re.VERBOSE)
NAME_OF_SEVERITY = {severity: name for name, severity in SEVERITIES.items()}
NO_ROW = Row()


def says_something(text: str) -> bool:
    """Return whether a line of text can be a name: it is neither JSON nor a line of dashes or the like."""
    return not re.fullmatch(f'[{PUNCTUATION}]*', text) and not JSON_TEXT.match(text)


def identifies_something(text: str) -> bool:
    """Return whether a text can be an id, and is not a word for none or an unreplaced variable."""
    return not NO_IDENTITY.fullmatch(text.strip())  # with blanks in the pattern, a text of many would take quadratic time


def host_of(url: str) -> str:
    """Return the host of a URL, and its port if there is one, or ''."""
    host = re.match(r'(?a)https?://([\w.:-]+)(?:/|\Z)', url)
    return host[1].lower() if host else ''


def hash_of(parts: list[str]) -> str:
    """Return a hash of the parts of a problem key, as 32 hex digits, for a key that must not contain the parts themselves."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class ThirdPartyEvent:
    """A third-party payload. Its methods find the name, the type, the time and the triage of the incident.

    What the row of the URL finds comes first, then what the row of the sender finds, then what the general rule does.
    `headers` are those of the request, by name in lower case. What the words of the URL find is recorded in `findings`; `words`
    are the same words, or fewer for a payload without items at `?each=`.
    """

    def __init__(self, source: bytes, headers: dict[str, str], contains_token: Callable[[str], bool], sender_rows: SenderRows,
                 findings: Findings | None = None, words: UrlWords | None = None, budget: Budget | None = None):
        self.budget = budget or Budget()
        self.budget.values_of_event = MAX_EVENT_VALUES
        self.members = read_object(source, self.budget)
        self.headers = headers
        self.contains_token, self.sender_rows = contains_token, sender_rows
        self.clean = partial(clean_text, contains_token=contains_token)
        self.findings = findings or Findings(NO_WORDS)
        self.words = words or self.findings.words
        self.row = next(sender_rows.fitting(self), NO_ROW)  # of the sender
        self.rows: tuple[Row, ...] = (self.words, self.row)
        ending = self.row_with('ends')  # whether the event certainly reports the end of a problem
        self.is_recovery: bool = self.only_inner_event.is_recovery if ending.inner else self.end_by(ending) is not None

    @cached_property
    def record(self) -> dict[str, Any] | None:
        """Return the members of the XML, JSON or pairs that a body of text consists of, or None; {} for XML that is not read."""
        if len(self.members) > 1 or not (body := self.text_member('body')):
            return None
        message = PREAMBLE.sub('', body.lstrip(), count=1).lstrip()  # its first match is at the start
        if (members := xml_members(message)) is not None:
            return members
        if json_text := re.fullmatch(r'([^\s{]+:\s*)?(\{.*)', message, re.DOTALL):  # perhaps behind the name of a program
            return read_object(json_text[2].encode(errors='replace')[:MAX_TEXT_WITH_JSON], self.budget) or None
        line = message.rstrip()[:4096] if self.clean(message) else ''
        members = members_of_leef(line, self.clean) or members_of_log(line, self.clean)
        is_cut = len(message.rstrip()) > len(line)  # what is behind the start may say something else
        return {key: CutText(value) for key, value in members.items()} if members and is_cut else members

    @cached_property
    def facts(self) -> GeneralRule:
        """Return what the general rule finds in the event."""
        return GeneralRule(self.record or self.members, self.headers, self.clean, self.budget)

    @cached_property
    def inner_event(self) -> 'ThirdPartyEvent':
        """Return the event that a text of this event contains as JSON, perhaps in base64, where the row says so."""
        values = self.row.inner.values(self) if self.row.inner else []
        source = ''.join(value for value in values if isinstance(value, str)).encode()
        with suppress(ValueError):
            source = base64.b64decode(source, validate=True)
        event = ThirdPartyEvent(source, {}, self.contains_token, self.sender_rows, budget=self.budget)
        if self.words.ends:  # the URL decides for the inner event, too
            event.is_recovery = self.is_recovery
        return event

    @property
    def only_inner_event(self) -> 'ThirdPartyEvent':
        """Return the inner event, or an empty one if there are others beside it: one does not speak for all."""
        is_alone = self.row.inner and not self.row.inner.reads_only_part_of_a_list(self.members)
        return self.inner_event if is_alone else ThirdPartyEvent(b'', {}, self.contains_token, self.sender_rows)

    def text_member(self, key: str) -> str:
        """Return the string at a key of the event, or '' if there is none."""
        value = self.members.get(key)
        return value if isinstance(value, str) else ''

    # The name

    def name(self) -> str:
        """Return a name of at most 150 characters, or '' if nothing in the event says what happened."""
        by_rows = (self.name_by(row) for row in self.rows if row.name_parts)
        return first_of(chain(by_rows, map(shortened, self.other_names())))

    def other_names(self) -> Iterator[str]:
        """Yield the names that an event may have without a row, the best first.

        If the only member is a text, its lines may be names: the lines of a `body` that is no record before what the general rule
        finds; after it, all lines of a `body`, and those of at least three words of any other text. XML that is not read has no
        such lines.
        """
        text = self.text_member(next(iter(self.members))) if len(self.members) == 1 else ''
        # read_payloads makes a text that is neither JSON nor a form an object with this member
        if 'body' in self.members and self.record is None:
            yield from self.names_in_body(text)
        yield self.facts.name()
        if self.record != {}:
            yield from (line for line in self.names_in_body(text) if 'body' in self.members or line.count(' ') > 1)

    def names_in_body(self, body: str) -> Iterator[str]:
        """Yield the texts of the lines at the start of a body, in order, and then the lines as they were sent.

        A text that is too long for a name loses its level and brackets; if a name would then show no sentence, it loses what lies
        between its first 60 characters and its first sentence.
        """
        body = body.lstrip()
        lines = body[:4096].splitlines()[:50]  # a hostile text may consist of line breaks
        if len(body) > 4096 and not self.clean(f'x{body[4096 - LONGEST_SPELLING:4096 + LONGEST_SPELLING]}'):
            lines = lines[:-1]  # it may end within a token
        for preamble in map(PREAMBLE.match, lines):
            text = untagged_text(preamble.string[preamble.end():], self.clean)
            if access := ACCESS.match(text):
                text = f'{shortened(access[1], 146)} {access[2]}'
            text = text[BRACKETS.match(text).end():] if len(text) > 150 else text
            # The end of a longer body is cut, perhaps within the token.
            words = WORDS_OF_SENTENCE.search(text) if len(text) > 150 and len(body) <= 4096 else None
            if words and words.start() > 120:  # a name would show no sentence
                start = text.find(' ', words.start() - 40, words.start()) + 1 or words.start()  # what precedes it may negate it
                text = f'{text[:60]}… {text[start:]}'
            yield self.clean(': '.join(filter(None, (preamble['program'], text)))) if says_something(text) else ''
        yield from (text for text in map(partial(untagged_text, clean=self.clean), lines) if says_something(text))

    def name_by(self, row: Row) -> str:
        """Return the name of at most 150 characters that a row gives the event, or '' if it has nothing but constants to say.

        If the name is about the first item of a list, it ends with the number of others, such as ` (+3 more)`.
        """
        name, others = '', 0
        found: dict[str, Path] = {}  # by text: a name does not repeat one
        for number, part in enumerate(row.name_parts):
            text, path = next(((text, path) for path in part.paths if (text := self.text_at(path))), ('', None))
            if not path or text in found:
                continue
            # If there is nothing to separate it from, it stands alone: without a title, `{title} ({host})` gives `db-1`.
            name += text if number > 0 and not found else f'{part.before}{text}{part.bracket}'
            found[text] = path
            others = max([others, *(len(each) - 1 for each in path.lists_cut_to_first_item(self.members))])
        has_found = any(not path.constant for path in found.values())
        if row.is_of_url:
            self.findings.record('name', has_found)
        ending = f' (+{others} more)' if others else ''
        name = self.clean(name)  # '' if it contains any token
        name = shortened(name, 150 - len(ending)) + ending if name and has_found else ''
        return name if row.is_of_url or not GENERIC_TEXT.fullmatch(name) else ''

    def text_at(self, path: Path) -> str:
        """Return the first text at a path that is not JSON, or ''."""
        clean = partial(untagged_text, clean=self.findings.clean if path.is_of_url else self.clean)
        return first_of(text for text in map(clean, path.values(self)) if not JSON_TEXT.match(text))

    # The type

    def incident_type(self, type_from_url: str, instance_type: str | None) -> str | None:
        """Return the incident's type: that of the URL, or else of the instance, or else the event's own; None if there is none.

        An event with a time at `occurred` is in our format with keys added: its own type goes before that of the instance.
        """
        # Without a `name`, or if a row fits, `type` says what kind of event this is: in 1,246 real payloads, it was no type then.
        has_type = self.row is NO_ROW and self.text_member('name') and len(self.text_member('type')) <= MAX_TYPE_CHARACTERS
        own_type = self.text_member('type') if has_type else ''
        is_in_our_format = own_type and any_time_to_rfc3339(self.text_member('occurred'), time.time())
        chosen = type_from_url or (own_type if is_in_our_format else instance_type or own_type)
        return without_error_markers(chosen) if chosen else None

    # The time

    def occurred(self, now: float) -> str:
        """Return the event's time in RFC 3339, or '' for the moment of arrival; `now` is a Unix time in seconds."""
        if times := self.words.times:
            found = first_of(any_time_to_rfc3339(text, now) for text in map(self.text_at, times))
            self.findings.record('occurred', bool(found))
            if found:
                return found
        return first_of(map(partial(any_time_to_rfc3339, now=now), self.possible_times()))

    def possible_times(self) -> Iterator[str]:
        """Yield the texts that may be the event's time, the best first. That of a recovery is when the problem ended."""
        is_end_of_row = self.is_recovery and not self.words.ends  # then any other time may be that of the beginning
        end = self.end_by(self.row) if self.is_recovery else None
        if end:
            yield from map(self.text_at, end.times)
        if not (end and is_end_of_row):  # if it is the end of the inner event, the outer one says when that was sent
            yield from map(self.text_at, self.row.times)
        if is_end_of_row or (self.row.times and self.row.times[-1].text == '-'):  # which only comes last
            return
        if len(self.members) == 1:
            times = PREAMBLE.match(self.text_member('body').lstrip()).group('sent', 'stamped', 'logged')
            yield from (text for text in times if text and ZONE.search(text))  # a time without an offset may be local
        yield from self.facts.times()

    # The severity

    @cached_property
    def severity(self) -> Severity:
        """Return the event's severity (a recovery's is RECOVERED_SEVERITY), and whether it is certain."""
        if self.is_recovery:
            return Severity(RECOVERED_SEVERITY, False)
        is_certain = True
        for row in self.rows:
            if row.severities or row.inner:
                found = self.only_inner_event.severity if row.inner else self.severity_by(row)
                if row.is_of_url:
                    self.findings.record('severity', found.value is not None)
                is_certain = is_certain and found.is_certain
                if found.value is not None:
                    return Severity(found.value, is_certain)
        if self.row.inner or self.row.has_no_severity:
            return Severity(None, is_certain)
        found = self.facts.severity()
        return Severity(found.value, is_certain and found.is_certain)

    def severity_by(self, row: Row) -> Severity:
        """Return the severity that a row finds: the first value that is on its scale, or None.

        It is certain if no earlier value was off its scale, all values at its path are on it, and the path is neither that of an
        urgency nor that of one of several items. If there is no value at all, the result is None, and certain.
        """
        is_certain = True
        for scale, paths in row.severities:
            path, values = self.first_with_value(paths)
            if path and not row.is_of_url and self.is_in_raw(path, values[0]):
                is_certain = False
            elif path:
                # How soon somebody wants help: that may be low although the problem is severe.
                is_urgency = not path.is_of_url and not {*WORDS['priority']}.isdisjoint(path.text.lower().split('.'))
                is_doubtful = is_urgency or path.reads_only_part_of_a_list(self.members)
                severities = {*map(scale.severity, values)}
                is_certain = is_certain and not is_doubtful and None not in severities
                if known := [severity for severity in severities if severity is not None]:
                    return Severity(max(known), is_certain)
        return Severity(None, is_certain)

    def is_in_raw(self, path: Path, value: Any) -> bool:
        """Return whether a field's pair is in the `_raw` beside it, from which Splunk extracts what a third party wrote, too."""
        keys = path.text.split('.')
        raw = find(self.members, steps_of([*keys[:-1], '_raw']))
        pair = rf'(?<!\w){re.escape(keys[-1])}["\']?\s*[=:]\s*["\']?{re.escape(text_of(value))}(?!\w)'
        return isinstance(raw, str) and bool(re.search(pair, raw, re.IGNORECASE))

    def first_with_value(self, paths: Paths) -> tuple[Path | None, list[Any]]:
        """Return the first of some paths at which there is something other than null and '', with its values, or (None, [])."""
        for path in paths:
            values = path.values(self)  # a list's item without a value gives None or '', and counts as an item
            if values.count(None) + values.count('') < len(values):
                return path, values
        return None, []

    # The end and the problem

    def row_with(self, column: str) -> Row:
        """Return the row that decides on a column, such as `ends`: that of the URL if it has some, else that of the sender."""
        return self.words if getattr(self.words, column) else self.row

    def end_by(self, row: Row) -> End | None:
        """Return the end of a problem that the event certainly reports, by a row, or None."""
        return next((end for end in row.ends if all(condition.is_certainly_met(self) for condition in end.conditions)), None)

    def problem_key(self) -> str:
        """Return the key of the problem that the event is about, or '' if it is not certain."""
        row = self.row_with('problems')
        if row.inner:
            return self.only_inner_event.problem_key()
        key = first_of(self.key_of(problem, row) for problem in row.problems)
        if row.is_of_url:
            self.findings.record('problem', bool(key))
        return key

    def key_of(self, problem: Problem, row: Row) -> str:
        """Return the key of a problem by a row, or '' if the event is not about one or a part is uncertain.

        It is plain text if it can be used in an XSOAR query and is the key of no other problem; otherwise it is a hash.
        """
        parts = [self.key_value(paths) for paths in problem.parts]
        is_punctuation = len(parts) == 1 and not any(map(str.isalnum, parts[0]))  # without a letter or a digit, it is no id
        if not all(parts) or is_punctuation or not all(condition.is_certainly_met(self) for condition in problem.conditions):
            return ''
        key = '/'.join(parts)
        # `a/b` + `c` and `a` + `b/c` give the same text. In a sender's row, the number of parts is fixed, so that a `/` in the
        # first one is harmless. URLs with the same prefix may differ in the number: there, no part may have one.
        is_ambiguous = any('/' in part for part in (parts if row.is_of_url else parts[1:]))
        is_like_a_hash = row.is_of_url and LIKE_A_HASH.fullmatch(key)
        if is_ambiguous or is_like_a_hash or not QUERYABLE.fullmatch(key) or self.contains_token(key):
            # Of a sender's row, a single part is hashed alone, as by earlier versions: their problems may still be open.
            is_alone = len(parts) == 1 and not row.is_of_url
            key = hashlib.sha256(key.encode()).hexdigest()[:32] if is_alone else hash_of(parts)
        prefix = f'url/{hash_of([row.sender])}' if self.contains_token(row.sender) else row.sender
        return f'{prefix}:{key}'

    def key_value(self, paths: Paths) -> str:
        """Return the text or integer at the first of some paths that has a value, or '' if it is not certain."""
        path, values = self.first_with_value(paths)
        # A CutText is no str here: two problems could have the same start.
        text = str(values[0]) if len(values) == 1 and type(values[0]) in (str, int) else ''
        is_long = len(text) > MAX_KEY_PART_CHARACTERS
        if not path or is_long or path.reads_only_part_of_a_list(self.members) or not identifies_something(text):
            return ''
        return host_of(text) if path.is_host else text

    # What the URL leaves out

    def reason_to_skip(self) -> str:
        """Return why the words of the URL leave out the event, or ''."""
        if self.words.skip and all(condition.is_certainly_met(self) for condition in self.words.skip):
            is_end = any(path is IS_RECOVERY for condition in self.words.skip for path in condition.paths)
            return 'resolved' if is_end and self.is_recovery else 'conditions of the URL'
        is_too_low = self.words.at_least is not None and self.is_below(self.words.at_least)
        return f'severity {NAME_OF_SEVERITY[self.severity.value]}' if is_too_low else ''

    def is_below(self, threshold: float) -> bool:
        """Return whether the severity is certainly lower, and no other in the event may be graver. A recovery's is uncertain."""
        severity, is_certain = self.severity
        if not is_certain or not severity or severity >= threshold or self.members.get('truncatedAlerts'):  # 0 stands for unknown
            return False
        if self.row.inner and not self.inner_event.is_below(threshold):
            return False
        # In an object from which a row reads the severity, other keys do not count. In all other objects, every severity does.
        paths = [path for row in self.rows for _, paths in row.severities for path in paths]
        known = [holder for path in paths for holder in path.objects_with_last_key([self.members], self.budget)]
        known += self.row.inner.values(self) if self.row.inner else []  # which the inner event has looked at
        return all(each < threshold for each in all_severities(self.record or self.members, known, self.budget))


''' PAYLOAD '''


# --- receiver/payload/origins.py ---
# Where an incident's values come from: what the page of the local XSOAR shows beside them.


#
# The code above chooses values, and does not say where it found them. Here the rows are asked once more, path by path; and what
# the general rule chose is looked for among the texts of the event. Of equal texts, any may be the one.

LIKE_A_SEVERITY = re.compile('sev|crit|level|prio|urgen|risk|impact|rating', re.IGNORECASE)  # where a person would look for one
At = list[tuple[str, Any]]  # paths, as a URL has them, with what is there
Tried = tuple[Row, Iterable[Paths], Any]  # a row, the paths that it reads, and whether the incident has its value from them


def texts_of(event: ThirdPartyEvent) -> At:
    """Return the texts of an event: first those under a key that means something, then the nearest."""
    nodes: At = [('', event.members), *((f'@{key}', text) for key, text in event.headers.items() if TOPIC_HEADER.fullmatch(key))]
    for path, value in nodes:  # which grows, level by level
        if isinstance(value, dict):
            nodes += [(f'{path}.{key}' if path else key, value.get(key)) for key in value]
        elif isinstance(value, list) and value:
            nodes.append((f'{path}.0', value[0]))
    texts = [(path, text) for path, value in nodes if (text := untagged_text(value, event.clean))]
    # A key that means something has places.
    return sorted(texts, key=lambda each: not places_of_word(word_of(each[0].rpartition('.')[2])))


def origins_of(event: ThirdPartyEvent, now: float) -> dict[str, Any]:
    """Return a field that says where an incident has its values from, by the words of a URL that could say the same.

    `now` is a Unix time in seconds.
    """
    texts, ending, naming = texts_of(event), event.row_with('ends'), event.row_with('problems')
    ends = [(ending, [each.paths for each in end.conditions if each.wanted], end is event.end_by(ending)) for end in ending.ends]
    ended = [each for each in texts if ENDED.fullmatch(each[1])]
    keys = [(naming, problem.parts, event.key_of(problem, naming)) for problem in naming.problems]
    return {'origins': {
        'name': origin_of_name(event, texts),
        'severity': origin_of_severity(event, texts),
        'resolved': origin_of(event, event.is_recovery, ends, ended[:1], 'neither a row nor the URL says what its end is'),
        'occurred': origin_of_time(event, texts, now),
        'problem': origin_of(event, event.problem_key(), keys, [], 'neither a row nor the URL says what identifies it')}}


def origin_of(event: ThirdPartyEvent, has_value: Any, tried: Iterable[Tried], texts: At, why: str) -> dict[str, Any]:
    """Return an origin: `at`, the paths and their texts, with `by`, who reads them, or `why` the incident has no value.

    The rows are `tried` in turn. If none of them found the value but the incident `has_value`, it is from `texts`; otherwise
    these are what looks most like it.
    """
    without_value: dict[str, Any] = {'at': texts, 'why': why}
    for row, parts, has_found in tried:
        found = [event.first_with_value(paths) for paths in parts]
        at = [(path.text, ', '.join(map(event.clean, map(text_of, values[:3])))) for path, values in found if path]
        by = 'the URL' if row.is_of_url else f'the row of {row.sender}'
        if has_found:
            return {'at': at, 'by': by}
        if at:
            without_value = {'at': at, 'why': f'{by} takes none from that'}
    inner = event.row.inner
    return {'at': texts, 'by': f'the event in {inner.text}' if inner else 'the general rule'} if has_value else without_value


def origin_of_time(event: ThirdPartyEvent, texts: At, now: float) -> dict[str, Any]:
    """Return the origin of the event's time. `now` is a Unix time in seconds."""
    occurred = event.occurred(now)
    tried = [(row, [(path,)], occurred and any_time_to_rfc3339(event.text_at(path), now) == occurred)
             for row in event.rows for path in chain(row.times, *(end.times for end in row.ends))]
    dates = [each for each in texts if occurred and any_time_to_rfc3339(each[1], now) == occurred][:1]
    return origin_of(event, occurred, tried, dates, 'no value says it, so it is the moment of arrival')


def origin_of_name(event: ThirdPartyEvent, texts: At) -> dict[str, Any]:
    """Return the origin of the name. The general rule may join several texts, and cut a long one."""
    name = event.name()
    tried = [(row, [tuple(filter(event.text_at, one.paths)) for one in row.name_parts], event.name_by(row)) for row in event.rows]
    # 100 characters are enough to find a text in the name. The rest of the word that they end in belongs to the text.
    paths = {text[:100]: path for path, text in reversed(texts)}
    pattern = '|'.join(re.escape(start) + (r'\w*' if len(start) == 100 else '') for start in sorted(paths, key=len, reverse=True))
    at = [(paths[text[:100]], text) for text in re.findall(rf'(?<!\w)(?:{pattern})(?!\w)', name) if text]
    return origin_of(event, name, tried, at or [each for each in texts if name and name in each[1]][:1], 'no text can be a name')


def origin_of_severity(event: ThirdPartyEvent, texts: At) -> dict[str, Any]:
    """Return the origin of the severity or, if there is none, the value that looks most like one."""
    if event.is_recovery:
        return {'at': [], 'by': 'the end of its problem'}
    severity = event.severity.value
    tried: list[Tried] = [(row, [paths], {*map(scale.severity, event.first_with_value(paths)[1])} - {None})  # those that it found
                          for row in event.rows for scale, paths in row.severities]
    tried.append((event.words, [], severity is None and event.words.default_severity is not None))  # for all events, from no path
    alike = sorted((each for each in texts if LIKE_A_SEVERITY.search(each[0])), key=lambda each: severity_of(each[1]) is None)
    at = [each for each in alike if severity is None or severity_of(each[1]) == severity][:1]
    return origin_of(event, severity is not None, tried, at, why_no_severity(event.row, at))


def why_no_severity(row: Row, at: At) -> str:
    """Return why there is no severity. `at` is the value that looks most like one, if there is any."""
    if row.has_no_severity or row.inner:
        return f'the row of {row.sender} takes none from this event'
    keys = [path.removesuffix('.0').rpartition('.')[2] for path, text in at if severity_of(text) is not None]
    if keys and 'severity' not in map(itemgetter(1), places_of_word(word_of(keys[0]))):
        return f'{keys[0]} is no key of a severity'
    return 'only a word such as high counts, under a key such as severity of the event itself, if no other contradicts it'


# --- receiver/payload/reading.py ---
# From text to payloads: forms, multipart and JSON.


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


# --- receiver/payload/items.py ---
# The items at the path of `?each=`.


# An array as a struct with one field: the other items are skipped, and take no memory.
FIRST_ITEM: Decoder[Any] = Decoder(defstruct('FirstItem', [('item', Raw, Raw())], array_like=True))


def member_at(source: bytes, step: Sequence[tuple[str, int]]) -> tuple[bytes, int]:
    """Return a member of a JSON object, and the position in the path behind its key. Raise ValueError if there is none.

    `step` has the possible keys with these positions, as in steps_of: at the start of the path `a.b`, [('a.b', 2), ('a', 1)].
    """
    # Of a large object, only the members that the path may need: a dict of all could take hundreds of MiB.
    members, _ = members_of(source, tuple(key for key, _ in step))
    for key, position in step:
        if key in members:
            return bytes(members[key]), position
    raise ValueError('it has none of the keys')


def items_at(source: bytes, keys: tuple[str, ...]) -> list[bytes] | None:
    """Return the items of the array to which some keys lead in a JSON object, at most MAX_EVENTS + 1; [] if it is empty.

    Return None if the keys lead to no array, or if an item is not an object. The key `0` is the first item of an array.
    """
    steps, position, value = steps_of(keys), 0, source
    with suppress(ValueError):  # no object on the way that has the key, or no array at the end
        while position < len(keys):
            let_others_run_if_due()
            if keys[position] == '0' and value[:1] == b'[':
                value, position = bytes(FIRST_ITEM.decode(value).item), position + 1
            else:
                value, position = member_at(value, steps[position])
        items = array_items(value)
        if all(json_kind(item) == 'an object' for item in items):
            return items
    return None


# --- receiver/payload/details.py ---
# The rawJSON of an incident.


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


# --- receiver/payload/envelopes.py ---
# Envelopes: payloads in this project's own form.


TEXT_KEYS = ('name', 'type', 'occurred')
RAW_KEYS = ('raw_json', 'rawJson', 'rawJSON')
DEFAULT_NAME = 'Generic Webhook incident'
# Decoding an object ends at its first key that an envelope does not have: then it is a third-party payload.
ENVELOPE = Decoder(defstruct(
    'Envelope', [(key, Raw, Raw()) for key in (*TEXT_KEYS, 'severity', *RAW_KEYS)], forbid_unknown_fields=True))


MAX_ENVELOPE_TEXT_BYTES = 64 * 1024  # of a name and of a type: nothing needs more, and XSOAR sends them back


def envelope_incident(fields: dict[str, Raw], source: bytes, defaults: IncidentDefaults) -> dict[str, Any]:
    """Return the incident of an envelope. Raise BadRequest, TooLarge.

    `source` is the JSON of the whole envelope; `fields` maps each key to the JSON of its value, empty if it was not sent.
    """
    members = {key: bytes(member) for key, member in fields.items() if member}
    raw_keys = [key for key in RAW_KEYS if key in members]
    if len(raw_keys) > 1:
        raise BadRequest(f"'{raw_keys[0]}' and '{raw_keys[1]}' are the same field: send only one of them.")
    severity = envelope_severity(members['severity']) if 'severity' in members else None
    texts = {key: read_text(key, members[key]) for key in TEXT_KEYS if key in members}
    for key in raw_keys:
        check_kind(key, members[key], ('an object', 'an array'))
    raw_json = members[raw_keys[0]] if raw_keys else source
    return {
        'name': texts.get('name') or DEFAULT_NAME,
        'type': texts.get('type') or without_error_markers(defaults.words.type) or defaults.settings.incident_type,
        'occurred': read_date(texts.get('occurred')) or defaults.occurred,
        'rawJSON': to_raw_json(raw_json),
        **severity_field(severity, defaults),
    }


def severity_field(severity: float | None, defaults: IncidentDefaults) -> dict[str, Any]:
    """Return an incident's field for the severity of the event, or else for the URL's default; {} without either."""
    severity = defaults.words.default_severity if severity is None else severity
    return {} if severity is None else {'severity': severity}


def envelope_severity(member: bytes) -> float | None:
    """Return the severity of an envelope from its JSON, or None for null. Raise BadRequest for an unknown one."""
    value = Budget().open(member)
    severity = (SEVERITY_WORDS if isinstance(value, str) else SEVERITY_NUMBERS).severity(value)
    if severity is None and value is not None:
        allowed_words = ', '.join(SEVERITY_WORDS.by_value)
        raise BadRequest("'severity' is unknown; it must be the number 0, 0.5, 1, 2, 3 or 4, or one of the words "
                         f'{allowed_words}.', found=text_of(value) or json_kind(member))
    return severity


def check_kind(key: str, member: bytes, allowed: Sequence[str]) -> None:
    """Raise BadRequest if an envelope's field, given as JSON, is of none of the allowed kinds."""
    if json_kind(member) not in allowed:
        raise BadRequest(f"'{key}' is {json_kind(member)}; it must be {' or '.join(allowed)}.")


def read_text(key: str, member: bytes) -> str | None:
    """Return the text of an envelope's field from its JSON, or None if it is null. Raise BadRequest, TooLarge."""
    check_kind(key, member, ('a string', 'null'))
    if member == b'null':
        return None
    # read_date rejects an `occurred` of any length with a better message.
    if key != 'occurred' and len(member) > MAX_ENVELOPE_TEXT_BYTES:
        raise TooLarge(f"'{key}' is larger than {MAX_ENVELOPE_TEXT_BYTES // 1024} KiB.")
    text: str = Budget().open(member)
    for marker in ERROR_MARKERS:
        if marker in text:
            raise BadRequest(f"'{key}' must not contain {marker}: XSOAR reads it as an error of its own.")
    return text


ZERO_TIMES = ('0001-01-01T00:00:00Z', '0001-01-01T00:00:00')  # Go and .NET write them for "no time"


MAX_DATE_CHARACTERS = 200  # no date is longer, and Python's message would repeat the whole text


def read_date(text: str | None) -> str:
    """Return an ISO 8601 date as RFC 3339, or '' for None and for a time that means "no time".

    Raise BadRequest if the text is not a date.
    """
    if text is None or text in ZERO_TIMES:
        return ''
    try:
        if len(text) > MAX_DATE_CHARACTERS:
            raise ValueError('it has another format')
        return iso_date_to_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise BadRequest("'occurred' is not an ISO 8601 date; write it like 2026-11-24T10:00:00Z.",
                         found=f'{text[:MAX_DATE_CHARACTERS]} ({error})') from None


# --- receiver/payload/third_party.py ---
# Incidents of third-party events.


def third_party_incident(source: bytes, event: ThirdPartyEvent, defaults: IncidentDefaults) -> dict[str, Any]:
    """Return the incident of a third-party event, given as JSON and as a ThirdPartyEvent. Raise TooLarge.

    The rawJSON includes the headers of the request, since often only a header names the kind of event; but none are added to an
    event that has a member `headers`.
    """
    headers = b'' if 'headers' in event.members else defaults.kept_headers_json
    return {
        'name': event.name() or DEFAULT_NAME,
        'type': event.incident_type(defaults.words.type, defaults.settings.incident_type),
        'occurred': event.occurred(time.time()) or defaults.occurred,
        'rawJSON': to_raw_json(source, headers),
        **with_problem(severity_field(event.severity.value, defaults), event.problem_key(), event.is_recovery),
    }


def with_problem(fields: dict[str, Any], key: str, is_recovery: bool) -> dict[str, Any]:
    """Return fields of an incident with those that say which problem it belongs to, and whether it reports the end of that.

    Only what is certain or set by the URL is there: a wrong key joins two problems. `key` is '' if none is certain.
    """
    labels = [{'type': 'state', 'value': 'resolved'}] if is_recovery else []
    if key:
        fields = {**fields, 'dbotMirrorId': key}
        labels.append({'type': 'problem', 'value': key})  # no document says that every server keeps dbotMirrorId
    return {**fields, 'labels': labels} if labels else fields


# --- receiver/payload/incidents.py ---
# From payloads to incidents, and what the URL leaves out.


def to_incidents(payloads: list[bytes], defaults: IncidentDefaults) -> 'Conversion':
    """Return what becomes of payloads. Raise TooLarge above MAX_EVENTS, and BadRequest for an unusable payload."""
    conversion = Conversion(defaults)
    for index, source in enumerate(payloads):
        try:
            conversion.add_payload(source)
        except BadRequest as error:
            raise BadRequest(which_item(index, payloads) + error.detail, error.found) from None
        except RecursionError:  # the payload is valid JSON, but too deep for the decoders that look into it
            raise too_deep() from None
        if len(conversion.incidents) + sum(conversion.skipped.values()) > MAX_EVENTS:
            raise too_many_events()
    return conversion


class Conversion:
    """The incidents that payloads have become so far, and what the log and the history say of the events beside them."""

    def __init__(self, defaults: IncidentDefaults):
        self.defaults = defaults
        self.incidents: list[dict[str, Any]] = []
        self.skipped: dict[str, int] = {}  # how many events the URL left out, by the reason
        self.product = ''  # the sender of the last payload, if it has a row
        self.contains_token = partial(contains_token, defaults.settings)  # any token: no text of an incident may contain one
        # The URL's words find nothing that contains the request's own token. Other tokens are not looked for: the sender sees
        # which words find nothing, and could guess the token of another sender in this way (see reveals_token).
        contains_own_token = partial(contains_token, defaults.settings, token=defaults.token)
        self.findings = Findings(defaults.words, defaults.headers_for_words, contains_own_token)
        self.budget = Budget()  # of all events of the request together

    def add_payload(self, source: bytes) -> None:
        """Add the incident of an envelope, or those of a third-party payload. Raise Rejected."""
        let_others_run_if_due()
        fields, unknown_key = None, ''
        try:
            fields = asdict(ENVELOPE.decode(source))
        except ValidationError as error:  # it has a key that no envelope has
            unknown_key = str(error)[:300].removeprefix('Object contains unknown field `').rstrip('`')
        if fields is not None and self.is_envelope(fields):
            self.incidents.append(envelope_incident(fields, source, self.defaults))
        else:
            self.add_third_party_payload(source, unknown_key)

    def is_envelope(self, fields: dict[str, Raw]) -> bool:
        """Return whether a payload without any other keys than those of an envelope is an envelope.

        `fields` maps each key of an envelope to the JSON of its value, empty if it was not sent.
        """
        has_raw_json = any(fields[key] for key in RAW_KEYS)
        if fields['severity'] and not has_raw_json:  # third parties send a severity beside a name, too
            return False
        if any(fields.values()):
            return True
        # An empty object is an envelope, unless the headers identify a sender such as Shopify: then they are the whole event.
        return self.event(b'{}', NO_WORDS).row is NO_ROW

    def add_third_party_payload(self, source: bytes, unknown_key: str) -> None:
        """Add the incidents of the items at the URL's ?each= path, or if there are none, that of the whole third-party payload.

        Raise TooLarge, and BadRequest if the payload has `raw_json`, which only an envelope may have. The error then quotes
        `unknown_key`, the key because of which it is not an envelope.
        """
        words, items = self.defaults.words, self.items_of(source)
        if words.each and not items:  # the payload becomes one incident: words that speak of an item do not apply to it
            words = UrlWords(default_severity=words.default_severity)
        whole = self.event(source, words)  # also if its items become the incidents: its sender and its keys are looked at
        self.product = whole.row.sender
        if raw_keys := [key for key in RAW_KEYS if key in whole.members]:
            raise BadRequest(f"Only 'name', 'type', 'occurred' and 'severity' can be sent beside '{raw_keys[0]}': move other "
                             "keys into it, or omit it, and the whole object becomes the incident's details.", unknown_key)
        for item in items:
            self.add_event(item, self.event(item, words))
        if not items:
            self.add_event(source, whole)

    def items_of(self, source: bytes) -> list[bytes]:
        """Return the items at the URL's ?each= path; [] without ?each=, without a list there, or if the list is empty."""
        if not self.defaults.words.each:
            return []
        items = items_at(source, self.defaults.words.each)
        self.findings.record('each', items is not None)  # an empty list is found, too
        return items or []

    def event(self, source: bytes, words: UrlWords) -> ThirdPartyEvent:
        """Return the third-party event whose JSON is `source`, read by these words of the URL."""
        return ThirdPartyEvent(source, self.defaults.headers, self.contains_token, self.defaults.sender_rows, self.findings,
                               words, self.budget)

    def origins(self, source: bytes, event: ThirdPartyEvent) -> dict[str, Any]:
        """Return where the values of a third-party event's incident come from, for the local XSOAR; {} for any other."""
        if not self.defaults.settings.shows_origins:
            return {}
        # With another Conversion: what is read for the origins alone must neither count as found by the words of the URL, nor use
        # up the budget of the request.
        return origins_of(Conversion(self.defaults).event(source, event.words), time.time())

    def add_event(self, source: bytes, event: ThirdPartyEvent) -> None:
        """Add the incident of a third-party event, unless the URL leaves the event out."""
        reason = event.reason_to_skip()
        if reason:
            self.skipped[reason] = self.skipped.get(reason, 0) + 1
        else:
            self.incidents.append(third_party_incident(source, event, self.defaults) | self.origins(source, event))
        if event.words is not NO_WORDS:
            self.findings.look_up(event, is_left_out=bool(reason))


''' HANDSHAKES '''


# --- receiver/handshakes.py ---
# The request, and the handshakes by which a sender verifies an address, before and after the proof.


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


''' QUEUE '''


# --- receiver/queue/posts.py ---
# Posts: accepted requests that wait for their incidents.


# The words of this room: a Post is one accepted request, from the moment when its incidents are known. A call is one
# createIncidents call. A group is the posts that go to the server in one call; a part is a half of a rejected group, or of
# a rejected part. A sender is gone if its connection shows that it has left; its post is kept then: it goes on without it.


def with_text(incident: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of an incident whose `rawJSON` is a str, as createIncidents requires.

    An incident that waits has it as UTF-8 bytes: in a str, a single emoji would make every character take four bytes. Only an
    ASCII text takes no more as a str, and so it replaces the bytes in `incident`, too: during the call it is in memory once.
    """
    text = text_of_details(incident)
    if text.isascii():
        incident['rawJSON'] = text
    return {**incident, 'rawJSON': text}


def text_of_details(incident: dict[str, Any]) -> str:
    """Return the `rawJSON` of an incident as a str: it is UTF-8, or already a str if it is ASCII and was in a call before."""
    raw_json = incident['rawJSON']
    return raw_json if isinstance(raw_json, str) else raw_json.decode()


def memory_of(value: Any) -> int:
    """Return how many bytes of memory a value takes together with all values inside its dicts and lists.

    A value that is there several times counts once. The keys do not count: they are the same objects in all incidents.
    """
    sizes, values = dict[int, int](), [value]
    for each in values:  # which grows on the way
        if id(each) not in sizes:
            sizes[id(each)] = sys.getsizeof(each)
            if isinstance(each, (dict, list)):
                values += each.values() if isinstance(each, dict) else each
    return sum(sizes.values())


# Each header that holds a delivery id, with the second header that must be present too, or ''. If a request has several,
# the first in this order counts. The names are those of the senders' documentation.
DELIVERY_IDS = {'idempotency-key': ''}  # of no one sender
# Written by ./dev senders: delivery ids, from the folders in senders. Change nothing here.
DELIVERY_IDS |= {
    'x-amz-sns-message-id': '', 'x-request-uuid': '', 'ce-id': 'ce-source', 'x-forgejo-delivery': '', 'x-gitea-delivery': '',
    'x-github-delivery': '', 'x-gogs-delivery': '', 'x-hcp-radar-message-id': '', 'x-atlassian-webhook-identifier': '',
    'linear-delivery': '', 'x-mlflow-delivery-id': '', 'x-webhook-id': '', 'request-id': 'sentry-hook-resource',
    'x-shopify-webhook-id': '', 'x-snyk-transport-id': '', 'webhook-id': '', 'svix-id': '', 'x-zendesk-webhook-invocation-id': '',
}
# The end of delivery ids.


def find_delivery_id(headers: dict[str, str]) -> tuple[str, str, str] | None:
    """Return the name and value of the delivery id's header and the second header's value, or None if there is no id.

    The name is included, because two senders may use equal ids in different headers.
    """
    for name in filter(headers.get, DELIVERY_IDS):
        if not DELIVERY_IDS[name] or headers.get(DELIVERY_IDS[name]):
            return name, headers[name], headers.get(DELIVERY_IDS[name], '')
    return None


def likeness_of(headers: dict[str, str], query: str, body: bytes) -> tuple[bytes, bool]:
    """Return the key of a delivery, which is the same if it is sent again, and whether it has an id. `query` has no token in it.

    The key covers the body, the query and the delivery id (without an id, the Content-Type). The query counts because a sender
    may post one event with one id to two URLs: that makes two incidents.
    """
    delivery_id = find_delivery_id(headers)
    # With the length first, no other division of the same bytes into query and body has the same key. The body is added apart,
    # since joining would copy it.
    key = hashlib.sha256(f'{len(body)} {query}\0{delivery_id or headers.get("content-type")}\0'.encode())
    key.update(body)
    return key.digest(), bool(delivery_id)


# The life of a post, in stages:
#
#                       a part of it remains, or its group was rejected
#                      .------------------------------------------------.
#                      v                                                |
#   ARRIVED ------> WAITING ----------------------------------------> IN_CALL ------> CREATED
#      |               |                                               |   ^
#      |               | overdue                       not created, and |   | its pause is over
#      | no room       |                             its sender is gone v   |
#      |               |                                              SET_ASIDE
#      v               v                                                 |  no room, or hopeless
#   REJECTED: its sender gets a 502 or 503; or LOST: the same, but its sender is gone  (from IN_CALL, too)
#
# A post whose group was rejected waits, too, but in IN_REJECTED_GROUP: a part of the group comes before all that is in WAITING.
# A repeat stays in ARRIVED: it is not queued, but waits for its original.
#
# On the way its sender may leave, or its time may end. One word stands for each fact:
#
#   gone             the connection shows that the sender has closed it, or at least its sending side (is_gone)
#   kept             the post goes on without its sender, and without a deadline (is_kept); only such a post is set aside or lost
#   retry expected   the sender will probably send the same again (will_retry)
#   finished         the end is recorded: from now on a repeat gets its response at once
#
#   the sender                                  its post                                    a retry is expected
#   has waited, and stays                       goes on                                     no
#   has waited, and is gone                     is kept                                     yes
#   was gone at the first look                  is kept, EARLY_CLOSE_SECONDS later          if it can read our 502 or 503
#   stays, but its post waits too long          fails with a 503                            no: the retry is a new delivery
#   stays, but its post is kept, too (below)    is kept; the sender gets a 502 or 503       if it can read that
#
# A repeat is an equal request whose original is unfinished or remembered; without a delivery id, it is one only if a retry of the
# original is expected. It waits until the original is finished, and gets its response. From then on its own sender, not that of
# the original, says whether a retry is expected. If that is gone, the original is kept, even if the sender of the original stays.
# If the repeat waits too long, it gets a 503, too.


class Stage(Enum):
    """Where a post is in its life. Only `Post.enter` changes it."""

    ARRIVED = 'it is not queued yet, or a repeat'
    WAITING = 'it waits for a call'
    IN_CALL = 'it is in the call in flight'
    IN_REJECTED_GROUP = 'its group was rejected: it waits for a call with a part of the group'
    SET_ASIDE = 'XSOAR did not create it, and its sender is gone: it waits to be tried again alone'
    CREATED = 'all of it was created'
    REJECTED = 'its sender gets a 502 or 503, and may retry'
    LOST = 'the same happened to one that was kept: nobody may retry'


class Sender(Enum):
    """What is known of the sender of a post: whether it is likely to send the same again."""

    NEW = 'it has not been seen to wait'
    WAITS = 'it was there at a look, FIRST_LOOK_SECONDS after it began to wait or later: it wants its response'
    ASKED = 'a 502 or 503 that asks it for a retry is on its way'
    RETRIES = 'it will probably send the same again'


FIRST_LOOK_SECONDS = 0.5  # after which a sender that is still there counts as one that waits for its response
LOOK_EVERY_SECONDS = 1.0
EARLY_CLOSE_SECONDS = 2  # after the first look, in which a sender that was gone by then may still read


class SetAside(Struct):
    """What is known of a post since it was set aside, or since a part of it was created after that."""

    tries: int = 0  # how often in a row a call with it failed
    retry_at: float = 0  # no call with it begins before this moment
    may_hurry_from: float = 0  # from this moment on, a repeat may end its pause
    is_suspect: bool = False  # whether XSOAR rejected it while it accepted others
    successes_of_others: int = 0  # how many calls of other posts have succeeded
    first_success_at: float = float('inf')  # when the first of these did
    failures: int = 0  # how many of its tries have failed since then, without those during a later outage


class Post:
    """An accepted request from the moment when its incidents are known, to its end and for as long as it is remembered.

    Nothing outlives its use: the connection is dropped with the sender (`drop_connection`), the incidents with the end.
    """

    def __init__(self, incidents: list[dict[str, Any]], request_bytes: int = 0, is_gone: Callable[[], bool] = bool,
                 key: bytes = b'', has_id: bool = False):
        self.incidents = incidents  # those not yet created; a call that succeeds removes its own
        self.total = len(incidents)  # whether created or not
        self.size = memory_of(incidents)
        self.memory_bytes = self.size + request_bytes  # while it waits
        # The latest moment at which a call with this post may begin. Later its sender gets a 503.
        self.hand_over_by = time.monotonic() + HAND_OVER_SECONDS
        self.is_gone = is_gone  # returns whether its sender is gone
        self.key, self.has_id = key, has_id  # from likeness_of
        self.stage = Stage.ARRIVED
        self.sender = Sender.NEW
        self.is_kept = False  # whether it goes on without its sender
        # A large post waits for its turn (Intake.take_turn) before it is queued, and has it until its first call has ended. Any
        # other post has an empty context in its place.
        self.take_turn: Callable[[Callable[[], bool]], ExitStack] = lambda _: ExitStack()
        self.turn = ExitStack()
        self.number = 0  # its place in the order of arrival; the queue sets it
        self.aside: SetAside | None = None  # once it was set aside; from then on it shares no call
        self.missing = 0  # how many of its incidents, the first, a reply lacked: these are tried again
        self.is_in_doubt = False  # True once a call with some or all of its incidents was sent and not confirmed
        self.created: list[Any] = []  # the incidents of XSOAR's replies
        self.result: AsyncResult[list[Any]] = AsyncResult()  # `created` once all is done, or a Rejected
        self.original: Post | None = None  # the one that it repeats
        self.latest_repeat: Post | None = None  # the last one that came to wait for this one
        self.finished = Event()  # set when its end is recorded
        self.forget_at = float('inf')  # counted from its end: one that is unfinished is never forgotten
        self.created_json = b''  # the response for a repeat; empty if it is unfinished or failed
        self.summary = ''  # of what was created, for the log

    def enter(self, stage: Stage) -> None:
        """Change the stage. The turn ends as soon as the post leaves a call or ends."""
        if self.stage is Stage.IN_CALL or stage in (Stage.CREATED, Stage.REJECTED, Stage.LOST):
            self.turn.close()
        self.stage = stage

    def keep(self) -> None:
        """Let the post go on without its sender and without the memory of its request.

        It has no deadline, since nobody reads a 503. Only a rejected group gives it one again, at which it is set aside.
        """
        self.is_kept = True
        self.hand_over_by = math.inf
        self.memory_bytes = self.size

    def keep_if_gone(self) -> bool:
        """Keep the post if its sender is gone. Return whether it is kept.

        A post that is kept already is kept again, which ends a deadline that a rejected group has given it.
        """
        if self.is_kept or self.is_gone():
            self.keep()
        return self.is_kept

    def fail(self, error_class: type[Rejected], reason: str) -> None:
        """End the post with this error class, or RejectedByServer if it is partly created; the text says why and what exists."""
        what_exists = 'Nothing was created.'
        if self.is_partly_created:
            error_class = RejectedByServer  # a 503 would ask for a retry, which would create a part a second time
            more = ', and more may exist' if self.is_in_doubt else ''
            what_exists = f'{len(self.created):,} of its {self.total:,} incidents exist{more}.'
        elif self.is_in_doubt:
            what_exists = 'The incident may exist.' if self.total == 1 else 'Its incidents may exist.'
        self.enter(Stage.LOST if self.is_kept else Stage.REJECTED)
        self.result.set_exception(error_class(f'{reason} {what_exists}'))

    @property
    def is_partly_created(self) -> bool:
        """Return whether a call with some or all of its incidents succeeded: they exist, or XSOAR has dropped them."""
        return bool(self.created) or len(self.incidents) < self.total

    @property
    def will_retry(self) -> bool:
        """Return whether the sender will probably send the same again: it waited and is gone, or could read our 502 or 503."""
        return self.sender is Sender.RETRIES or (self.sender is Sender.WAITS and self.is_gone())

    def drop_connection(self) -> None:
        """Freeze whether the sender will send the same again, and drop what would be kept in memory for it.

        That is its connection; and the incidents of a repeat, which others create.
        """
        if self.will_retry:
            self.sender = Sender.RETRIES
        self.is_gone = bool  # returns False: without a connection nothing more is seen, and what was frozen stays
        if self.original:
            self.incidents = []

    def ask_for_retry(self) -> None:
        """Record that a 502 or 503 is on its way to the sender while the post goes on, unless a retry is certain anyway."""
        if self.sender is not Sender.RETRIES:
            self.sender = Sender.ASKED

    def counts_as_original_now(self) -> bool:
        """Return whether a request with the same key that arrives now counts as a retry of this one, not as a new event.

        Without a delivery id it is one only if a retry is expected: a doubled incident is better than a lost one.
        """
        return (self.has_id or (self.latest_repeat or self).will_retry) and time.monotonic() < self.forget_at

    def record_created(self, most_bytes: int) -> bytes:
        """Keep what was created as the response for a repeat, and as a summary for the log. Return the whole response.

        Of a response larger than `most_bytes`, keep the ids and names, so that a retry of a large post creates nothing either.
        From now on the time counts until it is forgotten.
        """
        self.forget_at = time.monotonic() + (REMEMBER_SECONDS if self.has_id else REMEMBER_WITHOUT_ID_SECONDS)
        created = self.result.get() or []
        ids = ', '.join(str(incident.get('id')) for incident in created)
        summary = f'incident {ids}' if len(created) == 1 else f'{len(created) or "no"} incidents {ids}'
        self.summary = summary.strip()[:150]
        response = to_response(created)
        self.created_json = response if len(response) <= most_bytes else short_response(created)
        self.result.set([])  # the incidents are not needed any more, and would stay in memory as long as the post
        return response

    def note_and_result(self, skipped: str) -> tuple[str, str]:
        """Return the note for the log and the result for the history of a request whose incidents exist.

        `skipped` names events of the request that became no incidents. The result is 'skipped' if XSOAR has dropped all others.
        """
        creator = self.original or self
        note = ('repeat of ' if self.original else '') + creator.summary + (f', skipped: {skipped}' if skipped else '')
        if creator.created_json == b'[]':  # XSOAR replies with an empty list if a pre-process rule dropped everything
            return note, 'skipped'
        return note, 'repeat' if self.original else 'created'


def to_response(created: list[Any]) -> bytes:
    """Return the JSON of created incidents; a short one if theirs cannot be written: the incidents exist all the same."""
    with suppress(ValueError, OverflowError, RecursionError):  # half a surrogate pair, a huge number, 900 levels
        return format_json(to_json(created), indent=0)  # on one line, with spaces
    return short_response(created)


def short_response(created: list[Any]) -> bytes:
    """Return the JSON of created incidents with nothing but their ids and names."""
    return json.dumps([{key: incident.get(key) for key in ('id', 'name')} for incident in created]).encode()


# --- receiver/queue/call_size.py ---
# How many incidents a call contains, from how long earlier calls took.


MAX_TIMINGS = 8
JITTER_SECONDS = 0.1  # by which short calls vary by chance
# A growth of 5 is the smallest with which 60 posts at once to a server of 8 s a call go in four calls (1, 2, 10, 47), so
# that all begin within 25 s. With 32, 1.5 times as many calls last over 10 s, and others are 3 % faster (bench/scenes/calls.py).
MAX_GROWTH = 5  # how many times as many incidents as the largest call the next one may contain
# Two incidents take at most twice as long as one, and show the overhead. Up to 26 s each that is less than the 60 s after
# which the platform's heartbeat ends for good.
PROBE_SECONDS = 26


class CallSizer(Struct):
    """Decides how many incidents the next call contains, from how long the latest ones took."""

    # Of the last MAX_TIMINGS calls that succeeded: how many incidents each contained, and how many seconds it took.
    timings: list[tuple[int, float]] = []

    def record(self, count: int, spent: float) -> None:
        """Record that a call with `count` incidents succeeded after `spent` seconds, which are not 0.

        Forget the earlier ones if it shows that they say nothing about the server's speed any more: a call took over twice as
        long as another one with at least as many incidents. For example, if earlier 10 incidents took 1 s, the server has slowed
        if now 8 take 3 s, and has sped up if now 12 take 0.3 s. The longer call must exceed twice the shorter one by
        JITTER_SECONDS.
        """
        if any((spent > 2 * earlier_spent + JITTER_SECONDS and count <= earlier_count)
               or (earlier_spent > 2 * spent + JITTER_SECONDS and count >= earlier_count)
               for earlier_count, earlier_spent in self.timings):
            self.timings = []
        self.timings = [*self.timings, (count, spent)][-MAX_TIMINGS:]

    @property
    def known_timings(self) -> list[tuple[int, float]]:
        """Return the timings, or before the first call those of a slow server, so that the first calls are small."""
        return self.timings or [(8, 2.0)]

    @property
    def cost(self) -> tuple[float, float]:
        """Return estimates of two figures: the overhead of a call, and the time that each incident in it adds, in seconds.

        Two calls of different sizes show both. For example, if 10 incidents took 0.6 s and 60 took 1.1 s, then 50 more
        cost 0.5 s: that is 0.01 s per incident, and the overhead is 1.1 s - 60 * 0.01 s = 0.5 s. With one call, or calls of
        about one size, all time counts as time per incident.
        """
        latest_count, latest_spent = self.known_timings[-1]
        most_per_incident = latest_spent / latest_count  # with more, the overhead would be negative
        pairs = combinations(sorted(self.known_timings), 2)  # in each, the smaller call comes first
        # Of sizes within a factor of two, the difference in time would be mostly chance. The absolute value, since if the larger
        # call was faster, the difference shows how much times vary by chance.
        estimates = sorted(abs(seconds_2 - seconds_1) / (size_2 - size_1)
                           for (size_1, seconds_1), (size_2, seconds_2) in pairs if size_2 >= 2 * size_1)
        # A quarter of the estimates is higher: with the highest, chance would make calls too small; with a mean, too long.
        third_quartile = estimates[len(estimates) * 3 // 4] if estimates else most_per_incident
        per_incident = max(min(third_quartile, most_per_incident), 1e-6)  # not 0, since `fit` divides by it
        return max(latest_spent - per_incident * latest_count, 0), per_incident

    def fit(self, seconds: float) -> int:
        """Return how many incidents the next call should contain to take about `seconds`; at least 1.

        For example, with an overhead of 0.5 s and 0.01 s per incident, a call of 2 s has room for (2 - 0.5) / 0.01 = 150.

        An estimate says little about calls that are much larger than those that were measured. So there is a limit: MAX_GROWTH
        times the largest call, or the latest call scaled to LONGEST_CALL_SECONDS, whichever is more.
        """
        overhead, per_incident = self.cost
        fitting = (planned_seconds(overhead, seconds) - overhead) / per_incident
        latest_count, latest_spent = self.known_timings[-1]
        largest_count, _ = max(self.known_timings)
        most = max(MAX_GROWTH * largest_count, latest_count * LONGEST_CALL_SECONDS / latest_spent)
        # If each call until now had one incident, the next one has two, to show the overhead, unless two might take too long.
        fewest = 2 if largest_count == 1 and latest_spent <= PROBE_SECONDS else 1
        return max(int(min(fitting, most) + 1e-6), fewest)  # a quotient such as 7.9999999 means 8


def planned_seconds(overhead: float, seconds: float) -> float:
    """Return how long the next call should take: `seconds`, or more if the overhead leaves little of them.

    A call of twice its overhead spends half of its time on incidents; a shorter one would mostly repeat the overhead. If the
    overhead alone exceeds LONGEST_CALL_SECONDS, 1.5 times of it must suffice: calls of twice that would often last over 40 s.
    """
    if overhead > LONGEST_CALL_SECONDS:
        return min(1.5 * overhead, LONGEST_SLOW_CALL_SECONDS)
    return min(max(seconds, 2 * overhead), LONGEST_CALL_SECONDS)


# --- receiver/queue/owners.py ---
# Which post a created incident belongs to.


def created_incidents(reply: Any) -> list[Any] | None:
    """Return the incidents in a reply to createIncidents, or None if it confirms no creation.

    The reply is documented as a list or a single dict. An empty list confirms that pre-process rules dropped every incident.
    """
    items = reply if isinstance(reply, list) else [reply]
    created = [item for item in items if isinstance(item, dict) and item.get('id')]
    return created if created or reply == [] else None


def error_beside(reply: Any) -> str:
    """Return the first error in a reply to createIncidents that stands in the place of an incident; '' if there is none."""
    items = [item for item in reply if isinstance(item, dict)] if isinstance(reply, list) else []
    return next((escaped(item['error']) for item in items if item.get('error') and not item.get('id')), '')


def shared_out(created: list[Any], posts: list[Post]) -> dict[Post | None, list[Any]]:
    """Return, for each post, the created incidents that belong to it, and for None those for which that is in doubt.

    A reply does not say which post an incident came from. It has the incidents in the order of the call, but pre-process
    rules may have dropped some, and two posts may have sent incidents that look alike. So match the created incidents to
    the sent ones in two ways: from the front, each to the first that fits, and from the back, each to the last that fits. If
    both find the same post, no other is possible; if they differ, the owner is in doubt.
    """
    # For example, posts A, B and C send the incidents x, y and x:
    #   reply    from the front    from the back    owners
    #   x, y     A, B              A, B             A, B
    #   x        A                 C                None
    #   y, x     B, C              B, C             B, C
    if len(posts) == 1:
        return {posts[0]: created}
    shares: dict[Post | None, list[Any]] = {}
    sent = [(post, incident) for post in posts for incident in post.incidents]
    for owner, incident in zip(unambiguous_owners(created, sent), created, strict=True):
        shares.setdefault(owner, []).append(incident)
    return shares


def unambiguous_owners(created: list[Any], sent: list[tuple[Any, dict[str, Any]]]) -> list[Any]:
    """Return the owner of each created incident, or None if that is in doubt (see shared_out).

    `sent` has the incidents of the call, each with its owner.
    """
    from_front = first_owners(created, sent)
    from_back = first_owners(created[::-1], sent[::-1])[::-1]
    return [front if front == back else None for front, back in zip(from_front, from_back, strict=True)]


def first_owners(created: list[Any], sent: list[tuple[Any, dict[str, Any]]]) -> list[Any]:
    """Return, for each created incident, the owner of the first sent incident that fits, or None if none fits.

    Each search continues behind the one before. So one that finds nothing leaves nothing for those after it: the reply is not in
    the order of the call then.
    """
    unmatched = iter(sent)  # one iterator for all searches
    return [next((owner for owner, incident in unmatched if matches(each, incident)), None) for each in created]


def matches(created: dict[str, Any], incident: dict[str, Any]) -> bool:
    """Return whether a created incident may be the one that was sent.

    Compare `rawJSON`, or the name if the reply has no `rawJSON`: many incidents can share a name, and a mapper may change it.
    """
    if created.get('rawJSON'):
        return bool(created['rawJSON'] == text_of_details(incident))
    return bool(created.get('name') == incident['name'])


# --- receiver/queue/queue.py ---
# The queue of posts, and what a reply of XSOAR makes of them.


class RejectedGroup(Struct):
    """The posts of the latest group, and what is still to be tried of them: they were rejected, or a reply lacks some of a post.

    One bad post fails one part of the group, a failing server fails all of them.
    """

    members: Sequence[Post] = ()  # all posts of the group, whatever has become of them
    parts: Iterator[list[Post]] = iter(())  # see parts_of
    is_retry: bool = False  # whether the group is a post that had been set aside
    # How many calls for the group, or parts of it, have failed. It is minus infinity once one has succeeded: then the server
    # works, and bad posts explain the failures.
    fruitless_tries: float = 0

    @property
    def posts(self) -> list[Post]:
        """Return the posts that are still to be tried; the others were created or given up."""
        return [post for post in self.members if post.stage is Stage.IN_REJECTED_GROUP]


def parts_of(posts: Sequence[Post]) -> Iterator[list[Post]]:
    """Yield the parts in which to try a rejected group: its halves, then the halves of a half that was rejected, too, and so on.

    Each part has been tried when the caller asks for the next one, so the posts in it that are still rejected are known then.
    Both halves are tried before one is halved again, so that a few calls suffice to distinguish a bad post from a failing server.
    For example, if A, B and B1 are rejected, too, the parts are: A, B, B1, B2, B11, B12, A1, A2.
    """
    rejected = RejectedGroup(posts).posts  # those still to be tried
    middle = len(rejected) // 2
    halves = [half for half in (rejected[:middle], rejected[middle:]) if half]  # none in the end: a post tried alone is given up
    for half in halves:
        if part := RejectedGroup(half).posts:  # some may have been given up meanwhile
            yield part
    for half in reversed(halves):
        yield from parts_of(half)


class PostQueue(Struct):
    """The posts that wait, the posts in the call in flight, and the rule for what the next call contains.

    It only keeps state: it knows no thread, no server and no clock. `next_call` returns the incidents of the next call;
    then `record_created`, `record_unconfirmed` or `record_unsent` records how the call ended. Posts go in the order of their
    arrival, each with all its incidents. A post that would take longer than LONGEST_CALL_SECONDS goes by itself, in
    several calls, and the calls of other posts come between them.

    A post ends with its result, and only these end without its incidents: one whose sender still waits and gets a 502 or a
    503; one that was set aside, if XSOAR rejects it although it creates others, or more are set aside than there is room for;
    one of which a reply does not show what exists; and at `abandon` all that remain.
    """

    alone_seconds = 600  # how long each post has a call of its own after a reply that could not be matched to the posts
    not_tried = 'XSOAR rejected several requests together, and this one could not be tried alone: send it again.'
    not_confirmed = 'XSOAR did not confirm the creation; the health of the instance says why.'

    most_posts: int = MAX_WAITING_POSTS
    most_bytes: int = MAX_WAITING_BYTES
    most_in_call: int = MAX_CALL_INCIDENTS
    most_call_bytes: int = MAX_CALL_BYTES
    waiting: list[Post] = []  # in the order of their places
    last_number: int = 0
    # Duplicates that wait in DeliveryMemory for the original's result. Here they only count towards the limits.
    repeats: list[Post] = []
    in_flight: list[Post] = []
    began_at: float = 0  # when the call in flight, or else the latest one, began
    ended_at: float = -1  # when the latest call that has ended did
    call_size: int = 0  # how many incidents it contains
    sizer: CallSizer = field(default_factory=CallSizer)
    rejected: RejectedGroup = field(default_factory=RejectedGroup)  # the latest group, which goes on in parts if it was rejected
    alone_until: float = 0  # until this moment each post has a call of its own
    is_working: bool = False  # whether XSOAR accepted the latest call, not counting rejected ones of posts that were set aside
    has_refused: bool = False  # whether it was full, since Silences has last looked
    closed_because: str = ''  # the reason for rejecting every new post; empty while the queue is open
    wake: Event = field(default_factory=Event)  # set when ServerLine has something to do

    def check_open(self) -> None:
        """Raise Unavailable if the queue is closed."""
        if self.closed_because:
            raise Unavailable(self.closed_because, Connection='close')

    def check_room(self, new_bytes: int = 0) -> None:
        """Raise Unavailable if the queue is closed, or has no room for a post that takes `new_bytes` of memory.

        The posts of a call and of a rejected group count, too, because they may have to wait again. A queue without any
        post has room for every post: otherwise one above `most_bytes` could never be created. Posts that were set aside may
        fill the queue, but count as at most three quarters of it: the last quarter is for others.
        """
        self.check_open()
        posts = [*self.waiting, *self.in_flight, *self.rejected.posts, *self.repeats]
        aside = [post.memory_bytes for post in posts if post.aside]
        others = [post.memory_bytes for post in posts if not post.aside]
        count = len(others) + min(len(aside), self.most_posts * 3 // 4)
        all_bytes = new_bytes + sum(others) + min(sum(aside), self.most_bytes * 3 // 4)
        if posts and (count >= self.most_posts or all_bytes > self.most_bytes):
            self.has_refused = True
            raise Unavailable('Too many requests wait for XSOAR: this one creates nothing. Send it again later.')

    def add(self, post: Post) -> None:
        """Queue a post; its `result` will be set in any case. Raise Unavailable if the queue is closed or full."""
        self.check_room(post.memory_bytes)
        self.append(post)
        self.wake.set()

    def append(self, post: Post) -> None:
        """Give a post the last place."""
        self.last_number = post.number = self.last_number + 1
        post.enter(Stage.WAITING)
        self.waiting.append(post)

    def expire(self, moment: float) -> None:
        """Fail and remove the waiting posts that were to be handed over by a moment; keep those whose sender is gone."""
        for post in [post for post in self.waiting if post.hand_over_by <= moment and not post.keep_if_gone()]:
            self.waiting.remove(post)
            is_in_call = self.in_flight or self.began_at <= post.hand_over_by <= self.ended_at  # at the end of its time
            post.fail(Unavailable, f'XSOAR was busy for {HAND_OVER_SECONDS} s: send it again.' if is_in_call else
                      f'The receiver was busy with other events for {HAND_OVER_SECONDS} s: send it again.')

    def next_call(self, now: float) -> list[dict[str, Any]]:
        """Return the incidents of the next call in order, and put their posts in flight. Return [] if no post waits."""
        self.in_flight = self.next_part(now) or self.next_group(now)
        for post in self.in_flight:
            post.enter(Stage.IN_CALL)
        self.waiting = [post for post in self.waiting if post.stage is not Stage.IN_CALL]
        incidents = [incident for post in self.in_flight for incident in post.incidents]
        if len(self.in_flight) == 1 and len(incidents) > 1:  # only a single post may be divided: a group was chosen to fit
            incidents = incidents[:self.sizer.fit(LONGEST_CALL_SECONDS)]
        self.call_size, self.began_at = len(incidents), now
        return incidents

    def next_part(self, now: float) -> list[Post]:
        """Give up the overdue posts of a rejected group. Remove and return its next part; return [] if none is left.

        If one of its posts goes alone, return the first post only. The others stay rejected: `parts` has them again, in halves.
        """
        self.give_up([post for post in self.rejected.posts if post.hand_over_by <= now], now, Unavailable, self.not_tried)
        part = next(self.rejected.parts, [])
        return part[:1] if any(self.goes_alone(post, now) for post in part) else part

    def goes_alone(self, post: Post, now: float) -> bool:
        """Return whether a post shares no call: it was set aside, is partly created, or a reply had an error for some of it.

        For a while after a reply that could not be matched to its posts, none shares one.
        """
        return bool(now < self.alone_until or post.aside or post.is_partly_created or post.missing)

    def next_group(self, now: float) -> list[Post]:
        """Begin a new group: return the oldest post that may go, and those right behind it that fit in its call.

        After a call for a post that was set aside, the next one is for others, if there are any: otherwise they would wait for
        all that were set aside.
        """
        self.expire(now)
        ready = [post for post in self.waiting if not post.aside or post.aside.retry_at <= now or self.closed_because]
        if self.rejected.is_retry:  # the group before this one was a post that had been set aside
            ready = [post for post in ready if not post.aside] or ready
        group = self.first_that_fit(ready, now) if len(ready) > 1 else ready
        self.rejected = RejectedGroup(group, parts_of(group), is_retry=any(post.aside for post in group))
        return group

    def first_that_fit(self, posts: list[Post], now: float) -> list[Post]:
        """Return the first post, whatever its size, and as many right behind it as can share its call."""
        most_incidents = min(self.sizer.fit(CALL_SECONDS), self.most_in_call)
        count = size = 0
        for index, post in enumerate(posts):
            count += len(post.incidents)
            size += post.size
            if count > most_incidents or size > self.most_call_bytes or self.goes_alone(post, now):
                return posts[:max(index, 1)]
        return posts

    def record_created(self, created: list[Any], now: float, has_error: bool = False) -> bool:
        """Record that the call in flight succeeded and that its reply contains these incidents, and maybe errors for others.

        Each post gets its own incidents; then it is finished, or it waits again with the incidents that are still to be
        created. Return False if some incident could not be matched to one post: the posts succeed, but their senders'
        responses lack that incident, and for `alone_seconds` each post has a call of its own.
        """
        posts, self.in_flight = self.in_flight, []
        self.sizer.record(self.call_size, max(now - self.began_at, 0.001))
        self.rejected.fruitless_tries = -math.inf  # so it never reaches MAX_FRUITLESS_TRIES
        self.is_working = True
        self.record_success_of_others(now)
        created_of = shared_out(created, posts)
        is_all_matched = None not in created_of
        if not is_all_matched:
            self.alone_until = now + self.alone_seconds
        for post in posts:
            own = created_of.get(post, [])
            post.created += own
            # If the call was for several posts, it contained all incidents of each, and none remain.
            sent, post.incidents = post.incidents[:self.call_size], post.incidents[self.call_size:]
            post.hand_over_by = math.inf  # a 503 would be wrong: the retry would create a part twice
            post.aside = SetAside() if post.aside else None  # its tries count from zero, since XSOAR has accepted some of it
            if has_error and len(own) < len(sent):
                self.try_missing(post, sent, own, is_all_matched, now)
            elif post.incidents:
                post.missing = max(post.missing - len(sent), 0)
                self.append(post)  # at the end, so that the others are not kept waiting by one long post
            else:
                post.result.set(post.created)
                post.enter(Stage.CREATED)  # in this order: its response is made before another large body has its turn
        return is_all_matched

    def record_success_of_others(self, now: float) -> None:
        """Record with each post that was set aside that a call of others succeeded. The first one shortens its pause.

        It may have ended an outage, in which the pause has grown through no fault of the post.
        """
        for aside in [post.aside for post in self.waiting if post.aside]:
            if not aside.successes_of_others:
                aside.first_success_at, aside.retry_at = now, min(aside.retry_at, now + FIRST_PAUSE_SECONDS)
            aside.successes_of_others += 1

    def try_missing(self, post: Post, sent: list[dict[str, Any]], own: list[Any], is_all_matched: bool, now: float) -> None:
        """Let what is missing of a post be tried alone, like a part of a rejected group: the reply has an error for some of it.

        `sent` are the incidents of this post in the call, `own` the created ones that belong to it. Reject the post if the
        missing ones were tried before. Fail it if the reply does not show which they are.
        """
        post.is_in_doubt = True
        # Of each created incident, the place in `sent`, or None if that is in doubt.
        places = unambiguous_owners(own, list(enumerate(sent)))
        missing = [place for place in range(len(sent)) if place not in places]
        was_tried = missing[0] < post.missing  # what was missing before comes first in a call
        post.missing = len(missing) + max(post.missing - len(sent), 0)
        post.incidents = [sent[place] for place in missing] + post.incidents
        post.enter(Stage.IN_REJECTED_GROUP)
        # A created incident that matches no single post may be one of this post: then nobody can say which are missing. A post of
        # one incident is tried again all the same, since a second incident harms less than none.
        if None in places or (post.total > 1 and not is_all_matched):
            post.fail(RejectedByServer, self.not_confirmed)
        elif was_tried:
            self.reject(post, now)

    def record_unconfirmed(self, now: float) -> None:
        """Record that the call in flight confirmed no incident. Reject a single post; try several again in two halves.

        What is left of the group is given up after RETRY_SECONDS, or after MAX_FRUITLESS_TRIES without a success.
        """
        posts, self.in_flight = self.in_flight, []
        for post in posts:
            post.is_in_doubt = True
            post.enter(Stage.IN_REJECTED_GROUP)
            post.hand_over_by = min(post.hand_over_by, now + RETRY_SECONDS)  # only the first failure of a group moves it
        if len(posts) == 1:
            self.reject(posts[0], now)
        if not self.rejected.is_retry:  # the failure of a post that was set aside proves nothing new about XSOAR
            self.is_working = False  # only now: `reject` uses what was known before this call
        self.rejected.fruitless_tries += 1
        if self.rejected.fruitless_tries >= MAX_FRUITLESS_TRIES:
            self.give_up(self.rejected.posts, now, Unavailable, self.not_tried)

    def reject(self, post: Post, now: float) -> None:
        """Give up a post that XSOAR rejected alone, which sets it aside if its sender is gone.

        Fail it even then if the fault is its own: XSOAR has rejected it often and long enough while it accepted the calls for
        other posts (`is_working`).
        """
        post.aside = aside = post.aside or SetAside()
        aside.is_suspect |= self.is_working  # drop_surplus begins with suspects
        aside.failures += 1 if self.is_working and aside.successes_of_others else 0
        is_hopeless = (aside.failures >= MOST_FAILURES and aside.successes_of_others >= OTHERS_CREATED
                       and now - aside.first_success_at >= GIVE_UP_SECONDS)
        self.give_up([post], now, RejectedByServer, self.not_confirmed, is_hopeless)

    def give_up(self, posts: list[Post], now: float, error_class: type[Rejected], reason: str, is_hopeless: bool = False) -> None:
        """Fail posts, so that their senders try again. Set those aside whose sender is gone, unless there is no hope for them.

        A post that is set aside returns to its place, to be tried again alone after a pause that grows.
        """
        for post in posts:
            if not post.keep_if_gone() or self.closed_because or is_hopeless:
                post.fail(error_class, reason)
                continue
            post.enter(Stage.SET_ASIDE)
            post.aside = aside = post.aside or SetAside()
            aside.retry_at = now + min(FIRST_PAUSE_SECONDS * 2 ** aside.tries, LONGEST_PAUSE_SECONDS)
            aside.tries += 1
            insort(self.waiting, post, key=lambda each: each.number)
            self.drop_surplus()

    def drop_surplus(self) -> None:
        """Fail some of the posts that were set aside, until the rest of them fit in the queue. The last one may be of any size.

        Begin with those that were rejected while XSOAR created other posts. Of these, the largest is next if bytes are short,
        else the latest.
        """
        while len(waiting := [post for post in self.waiting if post.aside]) > 1:
            is_short_of_bytes = sum(post.memory_bytes for post in waiting) > self.most_bytes
            if not is_short_of_bytes and len(waiting) <= self.most_posts:
                return
            candidates = [post for post in waiting if post.aside and post.aside.is_suspect] or waiting
            lost = max(candidates, key=attrgetter('memory_bytes' if is_short_of_bytes else 'number'))
            self.waiting.remove(lost)
            lost.fail(RejectedByServer, 'More rejected requests wait than there is room for.')

    def hurry(self, post: Post, now: float) -> None:
        """End the pause of a post that was set aside, because a repeat of it has come: at most once in HURRY_SECONDS."""
        if post.aside and post.aside.may_hurry_from <= now < post.aside.retry_at:
            post.aside.may_hurry_from, post.aside.retry_at = now + HURRY_SECONDS, now

    def record_unsent(self, now: float) -> None:
        """Record that the call in flight was never sent. Give up its posts: this call created nothing."""
        posts, self.in_flight = self.in_flight, []
        self.give_up(posts, now, Unavailable, 'The line to XSOAR was busy: send it again later.')

    def close(self, reason: str) -> None:
        """Reject every new post with this reason.

        From now on `next_group` waits for no pause of a post that was set aside: each has one more chance.
        """
        self.closed_because = reason

    def abandon(self) -> None:
        """Fail every post that is still queued or in flight: no further call will be made."""
        for post in [*self.in_flight, *self.waiting, *self.rejected.posts]:
            has_begun = post.stage is Stage.IN_CALL
            post.is_in_doubt |= has_begun
            post.fail(Unavailable, 'The integration ended before XSOAR replied.' if has_begun else self.closed_because)
        self.waiting, self.in_flight = [], []

    @property
    def is_empty(self) -> bool:
        """Return whether no post waits or is in flight."""
        return not (self.waiting or self.in_flight or self.rejected.posts)


''' DELIVERIES '''


# --- receiver/deliveries.py ---
# The memory of deliveries: which request repeats another.


class DeliveryMemory(Struct):
    """Recent posts and the responses to them, so that a retry gets the first response and creates nothing."""

    queue: PostQueue
    most: int = MAX_REMEMBERED_DELIVERIES
    most_bytes: int = MAX_REMEMBERED_BYTES
    # Unfinished and remembered posts by key. Equal requests without an id can be several events, hence the lists.
    by_key: dict[bytes, list[Post]] = {}
    remembered: dict[Post, None] = {}  # finished ones: an ordered set, oldest first
    size: int = 0  # bytes of their responses

    def create_once(self, post: Post) -> bytes | None:
        """Create the incidents of a post, or wait for the earlier one that it repeats (its original). Return the response.

        If the original fails, create the incidents after all. Raise a Rejected if they cannot be created. Return None if the
        sender is gone before they exist: the post, or its original, goes on without it.
        """
        try:
            while original := next(filter(Post.counts_as_original_now, self.by_key.get(post.key, ())), None):
                post.original = original
                if original.finished.is_set():  # and still in `by_key`, so it succeeded
                    if not original.has_id:
                        self.forget(original)  # one retry was expected, and is here; the next equal request is a new event
                    return original.created_json
                if not self.wait_for_original(original, post):
                    return None
                if original.created_json:
                    return original.created_json
                # It has failed, and `finish` has forgotten it: look for another.
            post.original = None
            return self.queue_and_wait(post)
        finally:
            post.drop_connection()

    def wait_for_original(self, original: Post, post: Post) -> bool:
        """Wait until the original of a repeat, `post`, is finished, and return True; or return False, as `wait_for_end` does.

        Raise Unavailable if that takes too long, or if the queue is full: the repeat counts towards its limits while it waits.
        """
        self.queue.check_room(post.memory_bytes)
        self.queue.repeats.append(post)
        self.queue.hurry(original, time.monotonic())
        original.latest_repeat = post  # from now on this sender says whether a retry is expected
        try:
            return self.wait_for_end(post) and original.finished.wait()
        finally:
            self.queue.repeats.remove(post)

    def queue_and_wait(self, post: Post) -> bytes | None:
        """Queue the post, wait for its end, and return the response. Return None as soon as the sender is gone.

        Raise the post's error, or that of a full queue. Remember the post if it succeeds, also without its sender.
        """
        self.by_key.setdefault(post.key, []).append(post)
        try:
            post.turn = post.take_turn(post.is_gone)
            self.queue.add(post)
        except Unavailable as error:  # the end of the post, like any other: repeats may wait for it, and it is raised below
            post.enter(Stage.REJECTED)
            post.result.set_exception(error)
        if not self.wait_for_end(post):
            post.result.rawlink(lambda _: self.finish(post))
            return None
        response = self.finish(post)
        post.result.get()  # raises the error
        return response

    def wait_for_end(self, post: Post) -> bool:
        """Wait until a post, or its original if it is a repeat, has its result. Return False if its sender is gone before.

        Look at the connection after FIRST_LOOK_SECONDS, then every LOOK_EVERY_SECONDS. At the deadline raise Unavailable for a
        repeat, and fail a post that still waits for a call.
        """
        awaited, deadline = post.original or post, post.hand_over_by
        # A sender that was seen to wait, and then is gone, has left. One that was gone at the first look may have closed only its
        # sending side: until this moment it may still read.
        early_close_ends = min(time.monotonic() + FIRST_LOOK_SECONDS + EARLY_CLOSE_SECONDS, deadline)
        awaited.result.wait(FIRST_LOOK_SECONDS)
        while not awaited.result.ready():
            now = time.monotonic()
            if not post.is_gone():
                post.sender = Sender.WAITS
            elif (post.sender is Sender.WAITS or now >= early_close_ends) and not awaited.result.ready():  # `is_gone` may yield
                awaited.keep()  # also the original of a repeat: both senders may have sent it for the last time
                post.keep()  # also a repeat: the log says that its sender had left
                return False
            if now >= deadline:
                if post.original:
                    raise Unavailable('An identical request is still being processed: send it again.', Connection='close')
                # The queue expires its posts before each call, but the call in flight may last long beyond this moment.
                self.queue.expire(deadline)
                if post.is_kept:  # because the sender of a repeat of it was gone: it may take any time
                    return False
                deadline += HAND_OVER_SECONDS  # for a post that is in a call or partly created
            awaited.result.wait(min(LOOK_EVERY_SECONDS, deadline - now))
        return True

    def finish(self, post: Post) -> bytes:
        """Record the end of a post, and remember it if it succeeded and a retry can follow. Return the response, or b''.

        Then forget the oldest beyond the limits.
        """
        response = post.record_created(self.most_bytes) if post.result.successful() else b''
        post.incidents, post.created = [], []
        post.finished.set()
        self.remembered[post] = None
        self.size += len(post.created_json)
        # Of a sender that is ASKED, record_read will say whether it could read that.
        may_be_repeated = post.counts_as_original_now() or (post.latest_repeat or post).sender is Sender.ASKED
        if not post.created_json or not may_be_repeated:
            self.forget(post)  # which also takes it out of `by_key`, where it has been since it was queued
        while len(self.remembered) > self.most or self.size > self.most_bytes:
            self.forget(next(iter(self.remembered)))
        return response

    def record_read(self, post: Post, could_read: bool) -> None:
        """Record whether the sender of a post could read the 502 or 503 that asks it for a retry."""
        if could_read:
            post.sender = Sender.RETRIES
        elif post.sender is Sender.ASKED:
            post.sender = Sender.NEW  # it does not know that it was asked
        if post in self.remembered and not post.counts_as_original_now():
            self.forget(post)

    def forget(self, post: Post) -> None:
        """Remove a remembered post."""
        del self.remembered[post]
        self.size -= len(post.created_json)
        self.by_key[post.key].remove(post)
        if not self.by_key[post.key]:
            del self.by_key[post.key]
        post.latest_repeat = None  # which refers to this post: the cycle would stay in memory


''' JOURNAL '''


# --- receiver/journal/log.py ---
# Log lines, many in a call, and the context in which the journal is saved.


class LogBuffer(Struct):
    """Log lines that wait to be sent to the server. Lines beyond the limits are not kept, only counted.

    In a flood, most requests fail for one reason. So only the first `most_equal` lines with the same `reason` are kept; when
    `flood_seconds` have passed, `end_flood` adds a line for each reason that says how many more there were.
    """

    most: int = 2000  # lines of one log level, such as 'info': more than posts that a stop may lose
    most_equal: int = 10
    flood_seconds: int = 10
    lines: dict[str, list[str]] = {}  # by level
    lost: int = 0  # how many lines were dropped because there were `most` already
    reasons: dict[str, int] = {}  # how many lines had this reason in this flood, kept or not

    def add(self, level: str, text: str, reason: str = '') -> None:
        """Keep a line together with the current time, or only count it. Without a `reason`, `most_equal` does not apply."""
        if reason:
            # Some reasons contain numbers that depend on the request, such as a line and a column: there are very many of them.
            if reason not in self.reasons and len(self.reasons) >= 100:
                reason = 'other reasons'
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
            if self.reasons[reason] > self.most_equal:
                return
        lines = self.lines.setdefault(level, [])
        if len(lines) < self.most:
            lines.append(f'{utc_text(time.time())} {escaped(text)}')
        else:
            self.lost += 1

    def end_flood(self) -> None:
        """Add a line for each reason with lines that were not kept, with their number; then start counting from zero."""
        for reason, count in self.reasons.items():
            if (not_kept := count - self.most_equal) > 0:
                self.add('info', f'{not_kept} more in {self.flood_seconds} s: {reason}')
        self.reasons.clear()

    def drain(self) -> tuple[str, str]:
        """Remove the lines of one level (there must be some). Return the level, and the lines as one str to save calls."""
        level = next(iter(self.lines))
        lines = self.lines.pop(level)
        if self.lost:
            lines.append(f'{self.lost} log lines were dropped: they came faster than the line to XSOAR can carry them.')
            self.lost = 0
        return level, '\n'.join(lines)


def read_context(key: str, kind: Any, context: Any) -> Any:
    """Return a value in an integration context, or an empty one if it is missing or of another kind, so that serving goes on."""
    with suppress(KeyError, TypeError, ValueError):
        return Decoder(kind).decode(context[key])
    return kind()


# --- receiver/journal/samples.py ---
# The samples of the mapping wizard.


MAX_SAMPLE_BYTES = 50_000  # of one incident: the integration context stores them all


def with_samples(samples: list[dict[str, Any]], incidents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the latest of both for the mapping wizard, without large ones. Their `rawJSON` is a str."""
    return [*samples, *(incident for incident in incidents if memory_of(incident) <= MAX_SAMPLE_BYTES)][-MAX_SAMPLES:]


read_samples = partial(read_context, 'samples', list[dict[str, Any]])


# --- receiver/journal/health.py ---
# What the instance's page says is wrong.


class Health(Struct):
    """The status text on the instance's page: what it should say, what was last sent, and when to send it again."""

    every: float = 60  # the shortest time in seconds between two reports of something wrong
    error: str = ''  # of XSOAR or the port
    internal_error: str = ''  # of a request, until it has been sent and a later createIncidents call succeeds
    slowness: str = ''  # that a call, or the receiver itself, took long; empty SLOWNESS_SECONDS later
    slowness_ends_at: float = 0
    sent: str | None = None  # the text that was last sent; None if none was, or if sending it failed
    due_at: float = 0  # when the next report of something wrong may be sent

    @property
    def text(self) -> str:
        """Return what the page should say; '' if nothing is wrong."""
        return ' '.join(filter(None, (self.error, self.internal_error, self.slowness)))

    def show_slowness(self, text: str) -> None:
        """Show for SLOWNESS_SECONDS what took long."""
        self.slowness, self.slowness_ends_at = text, time.monotonic() + SLOWNESS_SECONDS

    def record_success(self) -> None:
        """Record that XSOAR has created incidents: that ends the error. It ends an internal one only if that has been sent."""
        self.error = ''
        if self.sent and self.internal_error in self.sent:  # `sent` is a text of up to three errors
            self.internal_error = ''

    def is_due(self, now: float) -> bool:
        """Return whether to send the text now: it has changed, and either it is time or nothing is wrong any more.

        A slowness that has been shown long enough is dropped from it first.
        """
        if now >= self.slowness_ends_at:
            self.slowness = ''
        return self.text != self.sent and (now >= self.due_at or bool(self.sent and not self.text))

    def record_sent(self, text: str, has_failed: bool, now: float) -> None:
        """Record that a text was sent, or that sending it failed: then it is sent again."""
        self.sent = None if has_failed else text
        if text or has_failed:
            self.due_at = now + self.every


# --- receiver/journal/history.py ---
# The history of deliveries, of tokens and of hours.


class HistoryEntry(Struct, array_like=True):
    """A delivery in the history, or several equal rejections; then `number`, `time` and `size` are those of the last one."""

    number: int = 0  # set by History.add
    time: str = ''  # in RFC 3339
    since: str = ''  # the time of the first one
    count: int = 1
    size: int = 0
    is_accepted: bool = False
    status: int = 0
    address: str = '-'
    user_agent: str = '-'
    product: str = ''
    result: str = ''  # 'created', 'repeat', 'skipped', 'handshake' or 'rejected'; 'silence' for an incident without a delivery
    note: str = ''  # what the delivery became, or why it was rejected
    token: str = ''  # the name of the token that proved it, maybe with OF_EARLIER_FORM; '' if none did


rejection_key = attrgetter('note', 'user_agent', 'address', 'status', 'token')  # in rejections that share an entry
OF_EARLIER_FORM = ' (earlier)'  # marks a token of an earlier container: its name may mean another one by now
LONGEST_CALL = 'longest call (s)'  # the key beside the counts of an hour
MOST_REASONS = 8  # for rejections, and other keys, that an hour counts apart


class History(Struct):
    """The latest deliveries and counts. In the integration context they outlive the container."""

    listening_since: str = ''  # with the version of the script; empty while the port is closed
    saved: float = 0  # the Unix time of the latest save
    waiting: int = 0  # how many requests waited for XSOAR at that time
    latest_number: int = 0
    accepted: list[HistoryEntry] = []  # the latest is last
    others: list[HistoryEntry] = []  # apart, so that a flood of them removes no accepted delivery
    # For example {'2026-11-26T14': {'created': 3, '408 The head of the request came too slowly.': 2, 'longest call (s)': 0.5}}.
    hours: dict[str, dict[str, int | float]] = {}
    # Since the container began: another one may have other tokens at the same positions of the form.
    tokens_since: str = ''
    # By the name of the token: how often it has proved a delivery, and when it last did, in RFC 3339 (empty if never).
    tokens: dict[str, tuple[int, str]] = {}

    def begin_tokens(self, tokens: Tokens, now: str) -> None:
        """Begin to count the deliveries of each token."""
        self.tokens_since = now
        self.tokens = {token.name: (0, '') for token in tokens}

    def add(self, entry: HistoryEntry) -> None:
        """Count and number a delivery, and keep its entry."""
        what = escaped(f'{entry.status} {entry.note}', 60) if entry.result == 'rejected' else entry.result
        self.count(entry.time[:13], what, entry.count)
        if entry.token:
            self.tokens[entry.token] = self.tokens.get(entry.token, (0, ''))[0] + 1, entry.time
        self.latest_number = entry.number = self.latest_number + 1
        self.keep(entry)

    def keep(self, entry: HistoryEntry) -> None:
        """Keep the entry of a delivery that is counted. One entry is kept for equal rejections."""
        entries, most = (self.accepted, MAX_ACCEPTED_ENTRIES) if entry.is_accepted else (self.others, MAX_OTHER_ENTRIES)
        if entry.result == 'rejected':
            for equal in [each for each in entries if rejection_key(each) == rejection_key(entry)]:  # at most one
                entries.remove(equal)
                entry.since, entry.count = equal.since, equal.count + entry.count
        entries.append(entry)
        del entries[:-most]

    def count(self, hour: str, what: str, number: float) -> None:
        """Count deliveries in an hour: by their result, or by the reason while the hour has under MOST_REASONS keys.

        Of the calls of an hour, keep the longest.
        """
        counts = self.hours.setdefault(hour, {})
        if what[:1].isdigit() and what not in counts and len(counts) >= MOST_REASONS:  # a reason begins with the status
            what = 'rejected for other reasons'
        counts[what] = max(counts.get(what, 0), number) if what == LONGEST_CALL else counts.get(what, 0) + number

    def absorb(self, later: 'History') -> None:
        """Add `later`, the history of this container, to what an earlier container has saved."""
        for entry in filter(attrgetter('token'), self.accepted + self.others):
            entry.token = entry.token.removesuffix(OF_EARLIER_FORM) + OF_EARLIER_FORM
        for hour, counts in later.hours.items():
            for what, number in counts.items():
                self.count(hour, what, number)
        for entry in sorted(later.accepted + later.others, key=lambda entry: entry.number):
            entry.number += self.latest_number
            self.keep(entry)
        self.latest_number += later.latest_number
        self.listening_since, self.tokens_since, self.tokens = later.listening_since, later.tokens_since, later.tokens

    def to_context(self, most_bytes: int = MAX_HISTORY_BYTES, most_hours: int = HISTORY_HOURS) -> dict[str, str]:
        """Return the history as part of the integration context. First drop the oldest hours and entries beyond the limits."""
        for hour in sorted(self.hours)[:-most_hours]:
            del self.hours[hour]
        while len(text := to_json(self)) > most_bytes:
            del max(self.accepted, self.others, key=len)[0]
        return {'deliveries': text.decode()}


read_history = partial(read_context, 'deliveries', History)


''' SILENCES '''


# --- receiver/silences.py ---
# Who has fallen silent, by `?expect=`.


def duration_text(seconds: float) -> str:
    """Return a duration in the form of `?expect=`, in the largest unit of which it has at least two: '2h', '119m', '1m'."""
    unit = next((unit for unit in 'dh' if seconds >= 2 * UNITS[unit][0]), 'm')
    return f'{max(round(seconds / UNITS[unit][0]), 1)}{unit}'


def watched_name(settings: Settings, name: str) -> tuple[str, str]:
    """Return the name in `?expect=` without any token, and the problem key for the silence of the sender with that name.

    If nothing is left of the name, or a token is still in it, its hash takes its place.
    """
    spellings = map(re.escape, sorted(settings.tokens.spellings, key=len, reverse=True))
    without = re.sub('|'.join(spellings), '', name).strip()
    shown = '' if contains_token(settings, without) else without_error_markers(without)
    hashed = hash_of([shown or name])
    # A name that looks like a hash is hashed, too: it could be the hash of another name.
    is_plain = QUERYABLE.fullmatch(shown) and not LIKE_A_HASH.fullmatch(shown)
    return shown or hashed, f'silence/{shown if is_plain else hashed}'


class Watch(Struct, array_like=True):
    """What is known of a sender whose URL has `?expect=`, as it is saved."""

    name: str
    every: Annotated[str, Meta(pattern=rf'^({EVERY})\Z')]
    type: str | None
    severity: float
    last: float  # the Unix time when the latest request came
    due: float = 0  # the value of Silences.clock from which on it is silent
    silent_since: float = 0  # `last` at the latest silence
    latest_occurred: str = ''  # when the latest event occurred whose incident was confirmed
    is_open: bool = False  # whether the incident of a silence was confirmed, and that of its end was not

    def go_on_from(self, earlier: 'Watch') -> None:
        """Take over what is known of the silences of the same sender."""
        self.silent_since, self.latest_occurred, self.is_open = earlier.silent_since, earlier.latest_occurred, earlier.is_open


class Silences(Struct):
    """Who is expected, and who is silent: an incident for each silence, and one for its end.

    `clock` counts the seconds in which senders could be heard, and a watch is due when it reaches the `due` of the watch.

    `listen` lets time pass, `hear` records a sign of life, and `look` hands over and withdraws events. What is wanted is simple:
    a silent sender has an open incident, and any other has none. The event of a watch is the end of the silence if it has an
    open incident, otherwise a silence. At most one event of each watch waits.
    """

    queue: PostQueue
    watches: dict[str, Watch] = {}  # by the key of the problem
    # By the same key, the post and the incident of the event that waits or is in a call.
    events: dict[str, tuple[Post, dict[str, Any]]] = {}
    clock: float = 0  # the total seconds during which senders could be heard, until the latest `listen`
    listened_at: float = 0  # the monotonic time of the latest `listen`
    stood_still: float = 0  # for how many seconds before that one the clock had stood still
    save_at: float = math.inf  # the value of `clock` at which to save

    def listen(self, now: float, is_open: bool) -> None:
        """Let the clock go on, but only by such time in which senders can be heard. `is_open` says whether the port is open.

        It stands still while the port or the queue is closed, or the queue is full. Of a call that takes longer than
        LONGEST_CALL_SECONDS the rest does not count, since senders give up meanwhile. (No `listen` comes during a call.)
        """
        passed = now - self.listened_at
        can_hear = is_open and not self.queue.closed_because and not self.queue.has_refused
        counted = min(passed, LONGEST_CALL_SECONDS) if can_hear else 0
        self.clock, self.stood_still = self.clock + counted, passed - counted
        self.listened_at, self.queue.has_refused = now, False

    def hear(self, key: str, watch: Watch, now: float) -> list[str]:
        """Record a sign of life, which replaces the sender's watch by the one that its URL asks for.

        If there is no room for that, return a note; a watch that exists already stays then, and is only put off.
        """
        old = self.watches.get(key, watch)  # without an old one the watch itself: it takes over its own values then
        watch.go_on_from(old)
        # The clock is that of the latest `listen`. The time since then is added, so that the duration begins now.
        watch.due = self.clock + min(now - self.listened_at, LONGEST_CALL_SECONDS) + seconds_of(watch.every)
        watches = {**self.watches, key: watch}
        size = sum(len(to_json((each.name, each.type))) + 250 for each in watches.values())  # the rest has at most 250 bytes
        if len(watches) <= MAX_WATCHES and size <= MAX_HISTORY_BYTES:
            self.watches = watches
            return []
        old.last, old.due = watch.last, watch.due
        return [f'expect: there is no room for this name among {MAX_WATCHES} in 64 KiB (ignored)']

    def look(self, unix: float) -> list[tuple[Post, str]]:
        """Hand over the events that are wanted, withdraw those that are not any more, and forget the watches that are over.

        `unix` is the time now. Return the posts of the events that have ended, and their names.
        """
        ended = [self.record_end(key) for key, (post, _) in [*self.events.items()] if post.result.ready()]
        for key, watch in [*self.watches.items()]:
            needs_event = watch.is_open != self.is_silent(watch)  # that of a silence, or of the end of one
            post, _ = self.events.get(key, (None, None))
            if needs_event and not post:
                self.hand_over(key, watch, unix)
            elif not post and (watch.every == 'off' or self.clock >= watch.due + LONGEST_WATCH_SECONDS):  # it is over
                del self.watches[key]
            elif post and not needs_event and not post.is_in_doubt:  # it waits: nothing is looked at during a call
                post.is_kept, post.hand_over_by = False, 0  # so it is overdue, and the queue fails it before the next call
                del self.events[key]
        return ended

    def is_silent(self, watch: Watch) -> bool:
        """Return whether the sender of a watch has not been heard for as long as its URL allows."""
        return self.clock >= watch.due and watch.every != 'off'

    def record_end(self, key: str) -> tuple[Post, str]:
        """Record how an event has ended. Return its post, and its name."""
        watch, (post, incident) = self.watches[key], self.events.pop(key)
        # A silence that was lost may exist if it is in doubt. Then it is closed if its sender is back.
        may_be_open = post.is_in_doubt and not watch.is_open and not self.is_silent(watch)
        if post.result.successful() or may_be_open:
            watch.is_open, watch.latest_occurred = not watch.is_open, incident['occurred']
        elif not watch.is_open and self.clock >= watch.due and not self.queue.closed_because:
            # A silence that still goes on was lost: it is due again after its duration. (A lost end is due again at once, and the
            # next container reports what a stop has lost.)
            watch.due = self.clock + seconds_of(watch.every)
        return post, incident['name']

    def hand_over(self, key: str, watch: Watch, unix: float) -> None:
        """Queue a silence or its end at the Unix time `unix`, unless the queue is closed or full: then the event stays due."""
        if watch.is_open:  # the end, which occurred when the sender was heard
            what, moment, severity = 'Events again after', watch.last, RECOVERED_SEVERITY
            duration = duration_text(moment - watch.silent_since)
        else:  # a silence, which occurred when the watch was due: the clock has gone on by `clock - due` since, then stood still
            what, moment, severity = 'No events for', unix - (self.clock - watch.due) - self.stood_still, watch.severity
            duration, watch.silent_since = watch.every, watch.last
        count, unit = int(duration[:-1]), UNITS[duration[-1]][1]
        name = f'{what} {count} {unit}{"s" * (count > 1)}: {watch.name}'
        occurred = max(utc_text(int(moment)), watch.latest_occurred)  # the wall clock may have been set back
        details = {'silence': {'of': watch.name, 'expected_every': watch.every, 'last': utc_text(int(watch.silent_since))}}
        incident = {'name': name, 'type': watch.type, 'occurred': occurred, 'rawJSON': to_raw_json(to_json(details)),
                    **with_problem({'severity': severity}, key, is_recovery=watch.is_open)}
        post = Post([incident])
        post.keep()
        with suppress(Unavailable):
            self.queue.add(post)
            self.events[key] = post, incident

    def to_context(self) -> dict[str, str]:
        """Return the watches, and the clock with which their `due` is compared, as part of the integration context.

        The next save is due when a tenth of the shortest duration has passed, so that a restart loses little of it.
        """
        self.save_at = self.clock + min((seconds_of(each.every) for each in self.watches.values()), default=math.inf) / 10
        return {'silences': to_json((self.clock, self.watches)).decode()} if self.watches else {}

    def restore(self, context: Any) -> None:
        """Add the watches that the previous container saved.

        A silence that has begun goes on. Any other watch has what was left of its duration, but at least 15 minutes, or the whole
        duration if that is shorter: so its sender has some time to be heard again.
        """
        clock_then, watches = read_context('silences', tuple[float, dict[str, Watch]], context) or (0, {})
        room = MAX_WATCHES - len(self.watches.keys() - watches)  # also for those that this container has heard: they come first
        for key, watch in sorted(watches.items(), key=lambda each: each[0] not in self.watches)[:room]:
            left = watch.due - clock_then
            has_begun = watch.is_open and left <= 0
            watch.due = self.clock + (left if has_begun else max(left, min(900, seconds_of(watch.every))))
            self.watches.setdefault(key, watch).go_on_from(watch)  # that of a sender which this container has heard already stays


''' LINE '''


# --- receiver/line.py ---
# The line to the server: the only caller of demisto while the script serves.


SILENT_CALLS = 3  # so many first calls without a reply are no coincidence
SILENT_SERVER = ('. XSOAR has not replied since the container started, as some of its versions do even when they create '
                 'incidents. So each delivery gets a 502 and is sent again. If the incidents exist, disable the instance and '
                 'update XSOAR; if not, look for a pre-process rule that drops them.')


class ServerLine:
    """The only caller of demisto while serving: a greenlet (`run`) decides on the next call, a native thread makes it.

    Between the calls for posts it sends health, log lines and context at intervals. That an error is over is sent at once.
    """

    def __init__(self, log_every: float = 1, health_every: float = 60, context_every: float = CONTEXT_EVERY_SECONDS) -> None:
        self.queue = PostQueue()
        self.health = Health(health_every)
        self.log_buffer = LogBuffer()
        self.log_every = log_every
        self.samples: list[dict[str, Any]] = []
        self.history = History()
        self.silences = Silences(self.queue)
        self.is_restored = False  # whether what the previous container saved has been read
        self.is_unsaved = self.is_save_urgent = False  # whether to save samples and history when it is time, or at once
        self.replyless_calls: float = 0  # how many calls of createIncidents got an empty reply; -inf once one got any other
        self.context_every = context_every
        self.logs_due_at = self.context_due_at = 0.0
        self.ending = Event()  # set when the process is to stop
        self.is_cut = False  # the server is gone
        self.is_finishing = False  # only the log lines still waiting and the context are left to send
        self.thread = ThreadPoolExecutor(max_workers=1)  # the native thread
        self.replied = gevent.get_hub().loop.async_()  # by which that thread resumes the greenlet
        self.replied_at = 0.0
        self.runner = gevent.spawn(self.run)
        self.runner.link_exception(lambda _: self.cut())  # if `run` failed, no incident would be created any more

    def log(self, level: str, text: str, reason: str = '') -> None:
        """Queue a log line. In a flood of lines with an equal `reason`, keep the first ones and count the others."""
        if reason and not self.log_buffer.reasons:  # the first reason begins a flood
            gevent.spawn_later(self.log_buffer.flood_seconds, self.log_buffer.end_flood)
        self.log_buffer.add(level, text, reason)
        self.queue.wake.set()

    def record(self, entry: HistoryEntry, status: int, note: str, result: str) -> None:
        """Complete the entry of a request, and add it to the history."""
        entry.time = entry.since = utc_text(int(time.time()))
        entry.status, entry.note = status, escaped(note, 250)
        entry.result = 'rejected' if status >= HTTPStatus.BAD_REQUEST else result
        self.history.add(entry)
        self.is_unsaved = True
        if note.startswith('The receiver was busy'):
            self.health.show_slowness(f'{note.partition(":")[0]} until {entry.time}.')

    def record_listening(self, since: str) -> None:
        """Save at once the time since which the port has been open; '' means it is closed.

        No watch counts the time before, in which senders could not be heard.
        """
        self.history.listening_since, self.silences.listened_at = since, time.monotonic()
        self.is_save_urgent = True

    def record_duration(self, seconds: float) -> None:
        """Keep the longest call. If this one took long, show that in the health."""
        now = utc_text(int(time.time()))
        self.history.count(now[:13], LONGEST_CALL, round(seconds, 1))
        if seconds > LONGEST_CALL_SECONDS:
            self.health.show_slowness(f'XSOAR did not reply for {seconds:.0f} s until {now}.')

    def stop(self) -> None:
        """Reject every further post, and ask the process to end. Posts in the queue are still created (see `drain`)."""
        self.queue.close('The integration is stopping: send it again.')
        self.ending.set()

    def cut(self) -> None:
        """Give up every post, and ask the process to end: the server is gone, and only a new process gets a new line."""
        self.is_cut = True
        self.queue.close('The line to XSOAR is cut: send it again.')
        self.queue.abandon()
        self.ending.set()

    def drain(self) -> None:
        """Wait up to STOP_SECONDS for the queue to empty, fail what is left of it, and send the last log lines."""
        # The platform's thread for heartbeats would go on while the process ends, and leave half a line of text on stdout.
        getattr(demisto, 'long_running_heartbeat_thread', bool)(False)  # a platform without that function is left alone
        wait_until(lambda: self.queue.is_empty, STOP_SECONDS)
        self.queue.abandon()
        gevent.sleep(0.01)  # for the log lines of what has just been abandoned
        self.log_buffer.end_flood()
        self.record_listening('')
        self.is_finishing = True  # from now on `run` ends as soon as the log lines and the context have been sent
        self.queue.wake.set()
        self.runner.join(timeout=1)  # ending in the middle of a call would leave half a line of text on stdout
        with suppress(OSError):  # a server that is gone reads no stderr, either
            # Not by print: that of the platform uses the line, which is busy or cut.
            sys.stderr.writelines(f'{text}\n' for text in self.log_buffer.lines.get('error', ()))

    def run(self) -> None:
        """Make the calls that are due, one after the other, until the line is cut or everything has been sent."""
        self.restore()
        while not self.is_cut and (not self.is_finishing or self.log_buffer.lines or self.is_save_urgent):
            self.report_silences()
            if has_hung_up():  # before each call: incidents handed to a server that is gone would stay in doubt
                self.cut()
            elif not (self.send_what_is_due() or self.create_next()):
                self.queue.wake.wait(0.25)  # not longer, to see a hang-up and what has become due
                self.queue.wake.clear()

    def report_silences(self) -> None:
        """Queue the silences, and their ends, that are due. Log and record those that are created or lost."""
        self.silences.listen(time.monotonic(), bool(self.history.listening_since))
        for post, name in self.silences.look(time.time()):  # whose incident has just been created, dropped or lost
            is_lost = not post.result.successful()
            note = f'lost: {name}' if is_lost else f'{name}: incident {post.created[0]["id"] if post.created else "dropped"}'
            self.log('error' if is_lost else 'info', f'SILENCE: {note}')
            self.record(HistoryEntry(is_accepted=True), 502 if is_lost else 200, note, 'silence')
            self.is_save_urgent |= not is_lost or post.is_in_doubt  # a restart before the save would report it again
        self.is_unsaved |= self.silences.clock >= self.silences.save_at

    def restore(self) -> None:
        """Read the samples and the history that the previous container saved, and add those of this container.

        If the call fails, change nothing: `is_restored` stays False, and the next save tries again first.
        """
        context, error = self.call(demisto.getIntegrationContext)
        if error:
            return
        new, self.history = self.history, read_history(context)
        self.history.absorb(new)
        self.silences.restore(context)
        self.samples = with_samples(read_samples(context), self.samples)
        self.is_restored = True

    def record_reply(self, _: object) -> None:
        """Record when a call ended, in its thread, since the greenlets may be busy far beyond that. Resume the one that waits."""
        self.replied_at = time.monotonic()
        self.replied.send()  # unlike most of gevent, safe to use from another thread

    def call(self, function: Callable[..., Any], *args: Any) -> tuple[Any, BaseException | None]:
        """Make one call in the native thread while other greenlets run. Return its result and None, or None and its error.

        gevent.threadpool would resume the greenlet only after all sockets that are ready: while many requests arrive, the line
        would sit idle for a long time.
        """
        began = time.monotonic()
        self.replied.start(gevent.getcurrent().switch)
        future = self.thread.submit(function, *args)
        future.add_done_callback(self.record_reply)
        gevent.get_hub().switch()  # until `replied` switches back
        self.replied.stop()
        self.record_duration(self.replied_at - began)
        error = future.exception()  # any, even SystemExit
        if error and has_ended_line(error, is_create=function == demisto.createIncidents):
            self.cut()
        return (None if error else future.result()), error

    def create_next(self) -> bool:
        """Make the next call for the posts in the queue; return False if none waits."""
        incidents = list(map(with_text, self.queue.next_call(time.monotonic())))
        if count := len(incidents):
            result, error = self.call(demisto.createIncidents, incidents)
            self.queue.ended_at = self.replied_at
            if self.queue.in_flight:  # otherwise a stop or the end of the line has given up the posts meanwhile
                self.record_result(result, error, incidents)
            del result, incidents  # before the responses are written: each may take as much memory again
        if count > 1:  # otherwise only one sender gets a response, and there is nobody to wait for
            self.let_senders_post_again()
        return count > 0

    def let_senders_post_again(self) -> None:
        """Pause after a call, for an eighth of the time that it took beyond 8 ms, and at most 5 ms."""
        # Senders that got a response may post again at once. Without a pause the next call would have only the posts of
        # the other senders, and the two groups of senders would take turns for ever, each in half-full calls. A shorter call
        # costs less than the pause.
        gevent.sleep(min(max(time.monotonic() - self.queue.began_at - 0.008, 0) / 8, 0.005))
        gevent.sleep(0.0002)  # for the event loop to read what has arrived meanwhile
        gevent.sleep(0)  # for the greenlets of these requests to start
        gevent.sleep(0)  # ... and to queue their posts

    def record_result(self, result: Any, error: BaseException | None, incidents: list[dict[str, Any]]) -> None:
        """Record how a createIncidents call ended: not sent, not confirmed, or with created incidents."""
        now, created = time.monotonic(), created_incidents(result)
        # A RuntimeError means that the line's lock was not free in time, so nothing was sent. Its subclass RecursionError
        # does not: it comes from reading a reply.
        if type(error) is RuntimeError:
            self.queue.record_unsent(now)
            return
        self.replyless_calls = self.replyless_calls + 1 if not error and result in (None, '') else -math.inf
        if created is None:
            fault = escaped(unconfirmed_reason(result, error)) + (SILENT_SERVER if self.replyless_calls >= SILENT_CALLS else '')
            self.queue.record_unconfirmed(now)
        else:
            fault = error_beside(result)  # '' if all is well
            self.health.record_success()
            self.samples, self.is_unsaved = with_samples(self.samples, incidents), True
            if not self.queue.record_created(created, now, has_error=bool(fault)):
                self.log('info', "XSOAR's reply to several requests could not be matched to them: "
                                 f'for {self.queue.alone_seconds} s each request goes in a call of its own.')
        if fault:
            self.health.error = f'XSOAR did not confirm that it created incidents: {fault}'

    def send_what_is_due(self) -> bool:
        """Send one thing that is due: health, else one level of log lines, else the context. Return False if nothing is due."""
        now = time.monotonic()
        if self.health.is_due(now):
            text = self.health.text
            _, error = self.call(show_health, text)
            self.health.record_sent(text, error is not None, time.monotonic())
        elif self.log_buffer.lines and (now >= self.logs_due_at or self.queue.closed_because):  # any call may be the last
            self.logs_due_at = now + self.log_every
            level, text = self.log_buffer.drain()
            self.call(getattr(demisto, level), text)
        elif self.is_save_urgent or (self.is_unsaved and now >= self.context_due_at):
            self.save_context()
        else:
            return False
        return True

    def save_context(self) -> None:
        """Save the samples and the history in the integration context. If that fails, try again when the next save is due."""
        if not self.is_restored:
            self.restore()  # a save without it would replace what the previous container saved
        if not self.is_save_urgent:  # an urgent save does not put off the next one that is due
            self.context_due_at = time.monotonic() + self.context_every
        self.is_save_urgent = self.is_unsaved = False
        self.history.saved, self.history.waiting = time.time(), len(self.queue.waiting)
        context = {'samples': json.dumps(self.samples)} | self.history.to_context() | self.silences.to_context()
        if not self.is_restored or self.call(demisto.setIntegrationContext, context)[1] is not None:
            self.is_unsaved, self.context_due_at = True, time.monotonic() + self.context_every  # even an urgent save is put off


def has_ended_line(error: BaseException, is_create: bool) -> bool:
    """Return whether a call's error means that the server is gone, and not only that this call failed.

    If the line is closed, a call raises a ValueError with a fixed message. After createIncidents it counts only if stdin has
    ended, too: an error reply may quote an incident's name, which a sender chooses. If stdin has not ended, the next log call
    shows whether the line is closed, since its reply quotes no sender. (An XSOAR engine, which stands between, may send the
    message as an error reply when it has lost its server: that means the same.)
    """
    if isinstance(error, json.JSONDecodeError):  # at the end of stdin, the reply is empty or cut off
        return not error.doc or has_hung_up()
    is_closed = type(error) is ValueError and str(error).strip() == 'Try to write when connection closed'
    return isinstance(error, OSError) or (is_closed and (not is_create or has_hung_up()))


SHORT = reprlib.Repr()  # a reply may have many MiB
SHORT.maxstring = SHORT.maxother = 300


def unconfirmed_reason(result: Any, error: BaseException | None) -> str:
    """Return the reason why a call confirmed no incident, for the health: never an empty one."""
    if isinstance(error, json.JSONDecodeError | RecursionError):
        return f'its reply could not be read: {error}'
    if error:
        return str(error) or type(error).__name__
    return f'there is no incident in its reply: {SHORT.repr(result)}'


def has_hung_up(file: int = 0, events: int = 0) -> bool:
    """Return whether a file, by default stdin, has been closed by its other side, or one of the `events` has come to it."""
    poll = select.poll()
    poll.register(file, events)  # 0: only hang-up and error, which poll always reports
    return bool(poll.poll(0))


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until the condition is true, but no longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        gevent.sleep(0.01)


''' APP '''


# --- receiver/app.py ---
# The routes, and the steps of a POST.


REQUEST = 'webhook.request'  # the key of the Request in the WSGI environ
ROUTE_PROBLEMS: dict[int, tuple[str, dict[str, str]]] = {  # each with its detail and headers
    HTTPStatus.NOT_FOUND: ("There is nothing at this path: send the POST to the instance's own URL.", {}),
    HTTPStatus.METHOD_NOT_ALLOWED: ('This method does nothing here: send a POST to create an incident.', ALLOW),
}


class WebhookApp(Bottle):  # type: ignore[misc]
    """The WSGI application: Bottle's routes, and the steps from a request to its response.

    The handlers take their Request as an argument. `bottle.request` belongs to the thread, which all greenlets share:
    after the first wait it may be the request of another sender.
    """

    def __init__(self, settings: Settings, line: ServerLine, sender_rows: SenderRows):
        super().__init__()
        self.settings, self.line, self.sender_rows = settings, line, sender_rows
        self.intake = Intake()
        self.deliveries = DeliveryMemory(line.queue)
        handlers = {'GET': self.greet, 'POST': self.receive, 'PUT': self.receive,
                    'OPTIONS': lambda _: HTTPResponse(status=HTTPStatus.NO_CONTENT, headers=ALLOW)}
        for method, handler in handlers.items():
            # `skip`: Bottle's plugins, for JSON and templates, have nothing to do here.
            self.route('/', method, partial(self.call_handler, handler), skip=True)

    def call_handler(self, handler: Callable[[Request], HTTPResponse]) -> HTTPResponse:
        """Return the handshake's response or the handler's; turn every exception into a response."""
        request = bottle_request.environ[REQUEST]  # read before anything can wait
        try:
            if request.is_accepted and request.method in ('POST', 'PUT'):
                self.read_url_words(request)
            self.line.queue.check_open()
            if response := handshake_before_proof(self.settings, request, self.intake):
                request.log_note = request.result = 'handshake'
            return response or handler(request)
        except Rejected as rejection:
            request.log_note = rejection.detail.partition('. ')[0]
            # Break the cycle exception -> traceback -> frame -> post -> exception. It would keep the body in memory until the
            # next garbage collection.
            rejection.__traceback__ = None
            # The detail for the sender quotes what was found, unless that contains a token.
            detail = rejection.detail if contains_token(self.settings, rejection.found) else rejection.detail_for_sender
            return problem(rejection.status, detail, rejection.headers)
        except Exception as error:
            return self.internal_error(request, error)

    def accepts(self, request: Request) -> bool:
        """Return whether the head is enough to accept a request: it shows a token, or no token is set and it is a POST/PUT.

        Record the token and the query in the request.
        """
        request.query = read_query(self.settings.tokens, request.query_string)
        request.token = shown_token(self.settings, request.headers, request.query)
        return request.token is not None if self.settings.tokens else request.method in ('POST', 'PUT')

    def default_error_handler(self, error: HTTPResponse) -> HTTPResponse:
        """Return the response to a request for which there is no route. Bottle calls this."""
        request = bottle_request.environ[REQUEST]
        request.log_note, headers = ROUTE_PROBLEMS[error.status_code]
        return problem(error.status_code, request.log_note, headers)

    def internal_error(self, request: Request, error: Exception) -> HTTPResponse:
        """Return the 500 for an unexpected exception, and report it in the log and the health.

        Only the functions on the way are reported, as values could be secrets; and the line within each, counted from its
        first one, because XSOAR puts CommonServerPython before the script.
        """
        stack = ' > '.join(f'{frame.f_code.co_name}, line {number - frame.f_code.co_firstlineno + 1}'
                           for frame, number in traceback.walk_tb(error.__traceback__))
        request.log_note = f'{type(error).__name__} in {stack}'
        self.line.health.internal_error = f'A request failed unexpectedly: {request.log_note}'
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, 'Something unexpected happened; see the log of the instance.', {})

    def greet(self, _: Request) -> HTTPResponse:
        """Return the response to a GET: the webhook is listening; and, during a long call, for how long XSOAR has been busy."""
        text = 'Generic Webhook is listening. A GET creates nothing: send a POST to create an incident.\n'
        if self.line.queue.in_flight and (seconds := time.monotonic() - self.line.queue.began_at) > LONGEST_CALL_SECONDS:
            text += f'XSOAR has been busy with one call for {seconds:.0f} s.\n'
        return HTTPResponse(text, headers=PLAIN_TEXT)

    def receive(self, request: Request) -> HTTPResponse:
        """Create the incidents of a POST. Return the response with them, or that to a handshake. Raise Rejected."""
        # If the head is enough, no signature is checked.
        signatures = [] if request.is_accepted else signatures_to_check(self.settings, request.headers, request.query_string)
        self.line.queue.check_room(request.body.size)
        # While it waits for its turn, the text counts like a body, too: 25 KiB may become 25 MiB, in thousands of requests.
        with (self.intake.body(request.body, request.is_accepted, overhead=request.memory_bytes) as body,
              closing(MemoryClaim(self.intake.accepted)) as claim):
            if not request.is_accepted:
                request.signed_by, request.token = valid_signature(signatures, body, request.arrived)  # or raise Unauthorized
                self.read_url_words(request)  # for any other, call_handler has done that
            request.is_accepted = request.is_read = True
            hand_over_by = time.monotonic() + HAND_OVER_SECONDS  # waiting for the turn counts, too
            text = decompress(body, request.headers.get('content-encoding', ''), claim)
            with self.intake.take_turn(work_size(text), request.is_gone):
                payloads = read_payloads(text, request.headers.get('content-type', ''))
                if response := handshake_after_proof(self.settings, request, body, payloads):
                    request.log_note = request.result = 'handshake'
                    return response
                post = self.post_of(request, body, payloads)
                post.hand_over_by = hand_over_by
            # The call and the reply contain the incidents of a post several times. So a large post takes a turn again, from when
            # it is queued until XSOAR has replied to its first call.
            if post.size > MAX_CALL_BYTES and len(text) > MAX_CALL_BYTES:  # not if it is large only by copies of headers
                post.take_turn = partial(self.intake.take_turn, len(text))
        del body, text, payloads  # what waits for a call keeps none of them
        response = self.response_with_incidents(request, post)
        if request.url_note:
            response.set_header('X-Webhook-Note', request.url_note)
        return response

    def read_url_words(self, request: Request) -> None:
        """Record the words of an accepted request's URL in it. With `?expect=`, it is a sign of life, whatever becomes of it."""
        words = request.words = url_words(self.settings, request.query.parameters, request.token)
        if words.expect:
            every, name = words.expect
            shown, key = watched_name(self.settings, name)
            incident_type = without_error_markers(words.type) or self.settings.incident_type
            severity = 2 if words.default_severity is None else words.default_severity  # 2: medium
            watch = Watch(shown, every, incident_type, severity, request.arrived)
            request.words = replace(words, notes=(*words.notes, *self.line.silences.hear(key, watch, time.monotonic())))

    def post_of(self, request: Request, body: bytes, payloads: list[bytes]) -> Post:
        """Return the post with the incidents of a body's payloads. Record in the request what the log says of them.

        Raise Rejected.
        """
        arrived = utc_text(request.arrived)
        defaults = IncidentDefaults(arrived, request.headers, self.settings, self.sender_rows, request.words, request.token)
        conversion = to_incidents(payloads, defaults)
        request.product = conversion.product
        request.skipped = ', '.join(conversion.skipped)
        request.url_note = conversion.findings.note()
        if request.url_note:
            self.line.log('info', f'The URL of a sender: {request.url_note}', reason=f'The URL of a sender: {request.url_note}')
        key, has_id = likeness_of(request.headers, str(request.query.parameters), body)
        return Post(conversion.incidents, request.memory_bytes, request.is_gone, key, has_id)

    def response_with_incidents(self, request: Request, post: Post) -> HTTPResponse:
        """Create the incidents of a post. Return the response with them, or with those of the post that this one repeats.

        Raise a Rejected if they are not created. If the sender is gone before they exist, raise Unavailable although the post, or
        the one that it repeats, goes on: a sender that has closed only its sending side looks as if it were gone, and reads it.
        The status is 502 then instead of 503 if a call with them was not confirmed.
        """
        if not post.incidents:
            request.result = 'skipped'
            if request.skipped:
                request.log_note = f'skipped: {request.skipped}'
            return json_response(b'[]')
        request.post = post
        response = self.deliveries.create_once(post)
        if response is None:
            status, state = HTTPStatus.SERVICE_UNAVAILABLE, 'XSOAR is still busy with this request, which stays in the queue.'
            if (post.original or post).is_in_doubt:
                status, state = HTTPStatus.BAD_GATEWAY, 'XSOAR did not confirm the creation, and will be asked again.'
            raise Unavailable(f'{state} Its incidents may exist, or will be created later.', status=status, Connection='close')
        request.log_note, request.result = post.note_and_result(request.skipped)
        return json_response(response)


''' HTTP '''


# --- receiver/http/pace.py ---
# The pace at which a sender has to send and to read.


# Everything that reads or frames HTTP is here, in the order of a request: the pace of its bytes (PacedSocket), the request
# line, the headers, the end of the head, the body and its chunks (RequestBody), the WSGI environ; then the connection and
# the listener. The parser is the project's own because it rejects more than others: of the 55 forbidden forms of
# Tests/receiver/http/test_http.py gunicorn accepts 9, httptools 17, h11 23 and waitress 30, of the 37 that are heads gevent's
# pywsgi accepts 26; this one accepts none. tools/fuzzing/framing.py compares it with h11 and httptools.


class PacedSocket:
    """A sender's socket, with one time allowance for what is next: an idle time, a head, a body, a response, or its end.

    A wait beyond its end raises TimeoutError, and a broken connection OSError. `buffer` contains the bytes that have arrived and
    that no read has returned yet.
    """

    def __init__(self, sock: Any):
        self.socket = sock
        self.buffer = bytearray()

    def expect(self, seconds: float, bytes_per_second: float = float('inf')) -> None:
        """Start a time allowance of `seconds`, extended by the time that arriving data takes at `bytes_per_second`."""
        self.seconds, self.bytes_per_second, self.received = seconds, bytes_per_second, 0
        self.ends_at = time.monotonic() + seconds

    def limit_wait(self) -> Any:
        """Return the socket, on which the next wait ends with the time allowance. Raise TimeoutError if that has ended."""
        if (remaining_seconds := self.ends_at - time.monotonic()) <= 0:
            raise TimeoutError('the sender is too slow')
        self.socket.settimeout(remaining_seconds)
        return self.socket

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
        while len(self.buffer) < limit and self.buffer.find(b'\n', searched) < 0:
            searched = len(self.buffer)
            if not self.fill(limit - searched):
                break
        line_length = self.buffer.find(b'\n', 0, limit) + 1  # 0 if the line is longer than the limit, or not ended
        return self.read(line_length or limit) if self.buffer else b''  # read would wait for more

    def fill(self, size: int = PIECE_BYTES) -> bool:
        """Wait for bytes, and add at most `size` of them to the buffer. Return False at the end. Raise OSError."""
        piece = self.receive(size)
        self.buffer += piece
        return bool(piece)

    def receive(self, size: int) -> bytes:
        """Wait for bytes from the socket, and return at most `size` of them. Raise OSError, also if they are too many."""
        if self.received:
            gevent.sleep(0)  # otherwise this greenlet would read all that has arrived before another can run
        data: bytes = self.limit_wait().recv(size)
        self.received += len(data)
        if self.received > 64 * MIB:  # more than twice the largest body: that much of a rejected body is read and thrown away
            raise OSError('the sender sends too much')
        # No later than after `seconds`, so that a sender that stops is cut off within the grace period.
        self.ends_at = min(self.ends_at + len(data) / self.bytes_per_second, time.monotonic() + self.seconds)
        return data


# --- receiver/http/heads.py ---
# The request line and the headers, by RFC 9112.


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


# --- receiver/http/bodies.py ---
# The body of a request without its chunked framing.


# RFC 9112 section 7.1: a chunk begins with its size in hexadecimal digits; extensions after a semicolon are ignored.
CHUNK_SIZE = re.compile(rb'([0-9A-Fa-f]{1,16})(?:[ \t]*|;' + FIELD_TEXT + rb')\r\n')
# A trailer, or the empty line after the last one. RFC 9110 section 6.5.1: a trailer can't change where the body ends.
TRAILER = re.compile(rb'(?:(?!(?i:content-length|transfer-encoding):)' + HTTP_FIELD + rb')?\r\n')
CHUNK_END = re.compile(rb'\r\n')


class RequestBody(io.RawIOBase):
    """The body of one request without its chunked framing, as `wsgi.input`.

    The framing may take MAX_FRAMING_BYTES plus an eighth of each read. Otherwise a body in chunks of one byte would
    cost 100 times as much CPU as its size justifies.
    """

    def __init__(self, rfile: Any, length: int, has_chunks: bool):
        self.rfile = rfile  # has `read` and `readline`, like PacedSocket
        self.size = length  # of the whole body; if it has chunks, of those that have begun to arrive
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
        """Read the size of the next chunk. The last chunk is empty, and trailers follow it: read these, too."""
        self.remaining = int(self.read_framing(CHUNK_SIZE)[1], 16)
        self.size += self.remaining
        self.has_chunks = self.remaining > 0
        while not self.has_chunks and self.read_framing(TRAILER)[1]:  # the name, which is None in the empty line that ends them
            pass

    def read_framing(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Read one line of framing, and return its match. Raise ValueError if it does not match, or is too long."""
        # The buffer holds the whole line, and read_body has reserved memory for one piece.
        framing = self.rfile.readline(min(self.remaining_framing, PIECE_BYTES))
        self.remaining_framing -= len(framing)
        if not (match := pattern.fullmatch(framing)):
            raise ValueError('the framing is not well-formed, or too much')
        return match

    @property
    def can_be_dropped(self) -> bool:
        """Return whether what remains is known and small, so that the connection can be kept for the next request."""
        # A sender that still waits for 100 Continue may send the body or not.
        return not self.has_chunks and not self.send_continue and self.remaining <= PIECE_BYTES


# --- receiver/http/environ.py ---
# From a head to a request, its WSGI environ, and the limits of HTTP.


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


# --- receiver/http/connections.py ---
# A connection: one request after another, its responses, and its lines of the log.


RESET_SECONDS = 1  # in which a connection whose sender reads no response is reset


class State(StrEnum):
    """What happens on a connection. Those that are needed least, and are closed first for new ones, come first."""

    LINGERING = 'the last response was sent, and what still arrives is thrown away'
    IDLE = 'a response was sent, and nothing of the next request has arrived'
    BEGUN = 'a request arrives, waits or is served; or the connection is new'


class Trace(NamedTuple):
    """What the log and the history say of a request besides its result. It keeps nothing of the request in memory."""

    began: float  # by the monotonic clock
    method: str
    origin: str  # the part of the log line that says whose request it is
    entry: HistoryEntry  # without the time, the status, the result and the note


class ConnectionOwner(Protocol):
    """What a connection uses of its listener: an `http.listener.Listener` has it."""

    connections: dict[State, dict['Connection', None]]
    limits: HttpLimits
    app: WebhookApp
    heads: MemoryBudget
    unsent: MemoryBudget
    unsent_unauthenticated: MemoryBudget

    def admit_more(self) -> None:
        """Accept connections again if there is room for one."""

    def response(self, request: Request, peer: str) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return the status, headers and content of the response to a request."""


class Connection:
    """One sender's requests, one after the other, each with its response and its line in the log."""

    def __init__(self, sock: Any, peer: str, listener: ConnectionOwner):
        self.stream, self.peer, self.listener = PacedSocket(sock), peer, listener
        self.request: Any = None  # the Request that waits or is served
        self.asked: Any = None  # the Post whose sender is asked for a retry by the last response
        self.state = State.BEGUN
        listener.connections[State.BEGUN][self] = None
        self.greenlet = gevent.spawn_raw(self.serve)

    def enter(self, state: State) -> None:
        """Leave the present state for another one."""
        del self.listener.connections[self.state][self]
        self.state = state
        self.listener.connections[state][self] = None
        self.listener.admit_more()  # this connection may be closed for a new one now

    def serve(self) -> None:
        """Serve one request after the other, until the sender, a response or the pace ends the connection. Then close it.

        This is all that the greenlet of a connection does. An idle one waits here, where its stack is small.
        """
        seconds, could_read = self.listener.limits.head_seconds, False
        try:
            while self.await_request(seconds):
                self.request = self.read_request()
                if not self.respond(self.request, *self.listener.response(self.request, self.peer)):
                    could_read = self.linger()
                    break
                self.request.body.readall()  # what nobody read of it
                self.request, seconds = None, self.listener.limits.idle_seconds  # nothing outlives its request
                self.enter(State.IDLE)
        except (OSError, Unavailable):  # the sender is gone or too slow, or was evicted: nothing more can be sent to it
            pass
        finally:
            self.close(could_read)

    def await_request(self, seconds: float) -> bool:
        """Wait until a request begins to arrive. Return False if the sender closes its side before. Raise OSError."""
        stream = self.stream
        stream.expect(seconds)
        # Otherwise one that sends many requests at once would have them served before another can run. And the responses of one
        # call go first, before any further request is read: responses and requests in turns take a seventh more CPU.
        gevent.sleep(0)
        while True:
            del stream.buffer[:EMPTY_LINES_BEFORE.match(stream.buffer).end()]  # type: ignore[union-attr]
            if bytes(stream.buffer[:2]) not in (b'', b'\r'):  # a line feed may follow
                return True
            if not stream.fill():
                return False

    def read_request(self) -> Request:
        """Return the request whose first bytes are in the buffer, with a `rejection` if it can't be served. Raise OSError."""
        stream, head = self.stream, b''
        self.enter(State.BEGUN)
        self.began = time.monotonic()  # for the log
        try:
            head = self.read_head()
            lines = io.BytesIO(head)
            request = parse_head(lines.readline(MAX_REQUEST_START_BYTES), lines)
            request.body.rfile = stream
            if request.version == 'HTTP/1.1' and request.headers.get('expect', '').lower() == '100-continue':  # RFC 9110, 10.1.1
                request.body.send_continue = partial(stream.socket.sendall, b'HTTP/1.1 100 Continue\r\n\r\n')
        except Rejected as rejection:
            rejection.__traceback__ = None  # its frames would keep the head in memory
            # The method decides whether the response has content: that to a HEAD has none (RFC 9110, 9.3.2).
            request = Request('HEAD' if (head or stream.buffer).startswith(b'HEAD ') else '-', rejection=rejection)
            stream.buffer = bytearray()
        request.head_size, request.is_gone, request.bytes_behind = len(head), self.is_gone, self.bytes_behind
        return request

    def read_head(self) -> bytes:
        """Return the head that arrives, or what arrived if it can't become one or has ended. Raise Rejected, OSError."""
        stream = self.stream
        length = head_length(stream.buffer, 0) or self.wait_for_head()  # most arrive whole
        # A new buffer rather than `del buffer[:length]`: that would keep the whole old block in memory for the few bytes left.
        head, stream.buffer = bytes(stream.buffer[:length]), stream.buffer[length:]
        return head

    def wait_for_head(self) -> int:
        """Wait for the rest of a head. Return its length, or that of what arrived before its end. Raise Rejected, OSError."""
        stream, length = self.stream, 0
        stream.expect(self.listener.limits.head_seconds)
        try:
            with closing(MemoryClaim(self.listener.heads)) as claim:
                while not length:
                    # If all heads take too much memory, the one that began first is rejected: another one, or this one.
                    claim.reserve(searched := len(stream.buffer))
                    length = head_length(stream.buffer, searched) if stream.fill() else searched
        except TimeoutError:
            raise Rejected('The head of the request came too slowly.', status=HTTPStatus.REQUEST_TIMEOUT) from None
        except Unavailable:
            raise too_many_requests() from None
        return length

    def linger(self) -> bool:
        """Throw away what arrives until the sender closes or its time allowance ends. Return whether it could read the response.

        RFC 9112 section 9.6: closing with unread data would reset the connection, and the sender might lose the response.
        A sender that is asked for a retry may have closed its side before: wait for the reset that shows that it reads nothing.
        """
        stream = self.stream
        self.request, stream.buffer = None, bytearray()
        self.enter(State.LINGERING)
        stream.socket.shutdown(socket.SHUT_WR)
        if self.asked:
            stream.expect(RESET_SECONDS)
        else:
            stream.expect(self.listener.limits.body_grace_seconds, BODY_BYTES_PER_SECOND)
        with suppress(TimeoutError):
            while stream.receive(PIECE_BYTES):
                pass
            if self.asked:
                gevent.sleep(max(stream.ends_at - time.monotonic(), 0))
        return stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0  # type: ignore[no-any-return]

    def close(self, could_read: bool = False) -> None:
        """Close the connection, in any state, also several times. Say whether its sender could read the last response."""
        self.listener.connections[self.state].pop(self, None)
        self.stream.socket.close()
        asked, self.asked, self.request = self.asked, None, None  # a request refers to its connection
        if asked:
            self.listener.app.deliveries.record_read(asked, could_read=could_read)
        self.listener.admit_more()

    def respond(self, request: Request, status: str, headers: list[tuple[str, str]], content: bytes) -> bool:
        """Log and send the response to a request. Return whether the connection stays open. Raise OSError, Unavailable."""
        options = request.headers.get('connection', '').lower().replace(' ', '').split(',')
        wants_to_stay = 'close' not in options and (request.version == 'HTTP/1.1' or 'keep-alive' in options)  # RFC 9112, 9.3
        names = {name.lower() for name, _ in headers}
        # The app sets the header Connection only to close the connection.
        stays_open = wants_to_stay and 'connection' not in names and request.body.can_be_dropped
        if 'connection' not in names:
            headers.append(('Connection', 'keep-alive' if stays_open else 'close'))
        if 'content-length' not in names and status[:3] != '204':  # RFC 9110 section 8.6
            headers.append(('Content-Length', str(len(content))))
        # Only a connection that closes shows whether its sender could read the response (see `linger`).
        if not status.startswith('2') and not stays_open and request.post and not request.post.finished.is_set():
            self.asked = request.post
            self.asked.ask_for_retry()
        self.log(request, int(status[:3]))
        headers.append(('Date', time.strftime('%a, %d %b %Y %H:%M:%S GMT', time.gmtime())))  # RFC 9110 section 6.6.1
        lines = [f'HTTP/1.1 {status}', *(f'{name}: {value}' for name, value in headers), '', '']
        self.send('\r\n'.join(lines).encode('latin-1'), b'' if request.method == 'HEAD' else content, request)
        return stays_open

    def send(self, head: bytes, content: bytes, request: Request) -> None:
        """Send the response to a request. If the socket does not take all at once, both count as unsent.

        The sender has to read at a minimum pace overall: if only its pauses were limited, it could read byte by byte for
        ever. Raise OSError, and Unavailable if too many responses are unsent.
        """
        size, sent, limits = len(head) + len(content), 0, self.listener.limits
        self.stream.socket.settimeout(0)
        with suppress(BlockingIOError):
            sent = self.stream.socket.sendmsg([head, content])  # in one packet if it is small, and with no copy if it is large
        if sent < size:
            self.stream.expect(limits.response_grace_seconds + size / limits.response_bytes_per_second)
            budget = self.listener.unsent if request.is_accepted else self.listener.unsent_unauthenticated
            with closing(MemoryClaim(budget, size + request.memory_bytes)):
                while sent < size:
                    unsent = memoryview(head)[sent:], memoryview(content)[max(sent - len(head), 0):]
                    sent += self.stream.limit_wait().sendmsg(unsent)

    def bytes_behind(self) -> int:
        """Return how many bytes have arrived that no request has read yet: of its body, or of the next requests."""
        return len(self.stream.buffer)

    def is_gone(self) -> bool:
        """Return whether the sender has closed the connection, or its sending side, or the connection is broken."""
        sock = self.stream.socket
        if hasattr(select, 'POLLRDHUP'):  # on Linux; it sees the end behind a further request that was sent already
            return has_hung_up(sock.fileno(), select.POLLRDHUP)
        sock.settimeout(0)
        with suppress(OSError):  # nothing has come; or a reset, behind which the next look finds the end
            return not sock.recv(1, socket.MSG_PEEK)
        return False

    def log(self, request: Request, status: int) -> None:
        """Log a request: one that goes on without its sender as soon as its incidents exist or are lost, any other at once."""
        line, trace, post = self.listener.app.line, self.trace(request), request.post
        if post and post.is_kept and not post.finished.is_set():
            if not post.original:
                post.finished.rawlink(partial(log_late_outcome, line, trace, request.skipped, request.url_note, post))
                return
            # Any number of repeats may come while the original waits, and none may stay in memory. So each is logged at once, as
            # a success: whether the event is lost is said in the line of the original.
            request.log_note, request.result = 'repeat of a request that waits for XSOAR (the sender had left)', 'repeat'
            status = HTTPStatus.OK
        # An accepted request that was read, and fails once its sender has left, is lost. A repeat never is.
        is_lost = status >= 500 and request.is_read and not (post and post.original) and request.is_gone()
        log_outcome(line, trace, status, request.log_note, request.result, request.url_note, has_left=is_lost)

    def redact(self, text: str, shown: str = '') -> str:
        """Return the part of a sender's text that the log shows, its start by default, or '...' if the text has a token."""
        return '...' if contains_token(self.listener.app.settings, text) else shown or text[:150]

    def quoted(self, text: str, shown: str = '') -> str:
        """Return what `redact` does as a field of the log, quoted so that it cannot forge another field."""
        return '"' + self.redact(text, shown).replace('"', r'\x22') + '"'

    def trace(self, request: Request) -> Trace:
        """Return what the log says of a request besides its result."""
        quoted = self.quoted
        claimed = request.headers.get('x-forwarded-for')  # anybody can claim anything, so it is shown beside the peer
        client = quoted(self.peer) + (f' for {quoted(claimed, last_addresses(claimed))}' if claimed else '')
        agent = quoted(request.headers.get('user-agent', '-'))
        size = request.body.size if request.body else None
        token = request.token.name if request.token else ''
        _, delivery_id, _ = find_delivery_id(request.headers) or ('', '', '')
        origin = (f'from {client} {agent}, {"-" if size is None else size} bytes' + (f', token {token}' if token else '')
                  + (f', delivery {quoted(delivery_id)}' if delivery_id else ''))
        entry = HistoryEntry(size=size or 0, is_accepted=request.is_accepted, product=request.product, token=token,
                             address=escaped(client.replace('"', ''), 140), user_agent=escaped(agent.replace('"', ''), 80))
        return Trace(self.began, self.redact(request.method), origin, entry)


def log_outcome(line: ServerLine, trace: Trace, status: int, note: str, result: str, url_note: str, has_left: bool) -> None:
    """Write the log line of a request: at level debug for a success, error if it is lost, else info, equal rejections counted."""
    is_rejected = status >= HTTPStatus.BAD_REQUEST
    level = ('error' if has_left else 'info') if is_rejected else 'debug'
    if level == 'error':
        note = f'lost: {note}'
    elif url_note and not is_rejected:
        note = f'{note}; {url_note}'
    milliseconds = round((time.monotonic() - trace.began) * 1000)
    text = f'{trace.method} {status} {milliseconds} ms, {trace.origin}: {note}' + ' (the sender had left)' * has_left
    line.log(level, text, reason=f'{status}: {note}' if level == 'info' else '')
    if is_rejected or result:
        line.record(trace.entry, status, note, result)


def log_late_outcome(line: ServerLine, trace: Trace, skipped: str, url_note: str, post: Post, _: Event) -> None:
    """Log how a post ended without its sender. `rawlink` passes the event that is set."""
    error = post.result.exception
    if isinstance(error, Rejected):
        status, note, result = error.status, error.detail, ''
    else:
        status, (note, result) = HTTPStatus.OK, post.note_and_result(skipped)
    log_outcome(line, trace, status, note, result, url_note, has_left=True)


def last_addresses(forwarded_for: str) -> str:
    """Return the last two addresses in an X-Forwarded-For header, each cut after 45 characters, the length of the longest.

    The nearest proxies wrote these. Before them a sender can write as many others as it likes.
    """
    return ', '.join(address.strip()[:45] for address in forwarded_for.rsplit(',', 2)[-2:])


too_many_requests = partial(Unavailable, 'Too many requests arrive at the same time: send it again later.')


# --- receiver/http/listener.py ---
# The listener of all connections.


class Listener(StreamServer):
    """Accepts connections on the port, and has the app serve their requests. start() raises OSError if it cannot open the port.

    `connections` has the connections in each state; the one that has been in it longest is first.
    """

    # gevent accepts so many in one turn of the event loop. With many more, some would be closed again for later ones (do_handle)
    # before their greenlets have run at all.
    max_accept = 8

    def __init__(self, app: WebhookApp, limits: HttpLimits = HTTP_LIMITS):
        super().__init__(('0.0.0.0', app.settings.port), handle=self.do_handle, backlog=4096)
        self.app = app
        self.application: Callable[..., Iterable[bytes]] = app  # any WSGI application would do
        self.limits = limits
        self.most_connections = set_connection_limit()
        self.connections: dict[State, dict[Connection, None]] = {state: {} for state in State}
        # Heads that arrive, or wait because they show no token. Those that wait with a signature have a queue of their own.
        self.heads = MemoryBudget(limits.heads_bytes, evicts_oldest=True, queues=[{}, {}])
        self.next_of_kind = Semaphore(), Semaphore()  # of the requests that wait without and with a signature
        self.turn = Semaphore()
        # Separate budgets, so that senders without a proof never evict one that has shown it.
        self.unsent = MemoryBudget(limits.unsent_bytes, evicts_oldest=True)
        self.unsent_unauthenticated = MemoryBudget(limits.unsent_unauthenticated_bytes, evicts_oldest=True)

    def full(self) -> bool:
        """Return whether there is no room for a new connection, even by closing another. gevent calls this before each accept."""
        return sum(map(len, self.connections.values())) >= self.most_connections and not self.least_needed()

    def do_handle(self, sock: Any, address: Any) -> None:
        """Start the greenlet of a new connection. If there are too many, first close another one. gevent's hub calls this."""
        if sum(map(len, self.connections.values())) >= self.most_connections and (least_needed := self.least_needed()):
            least_needed.greenlet.throw(gevent.GreenletExit)
            least_needed.close()  # in case its greenlet had not started
        with suppress(OSError):  # the sender may have reset it already
            # With Nagle's algorithm each response on a kept connection took 44 ms instead of 0.6 ms.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Connection(sock, address[0], self)

    def least_needed(self) -> Connection | None:
        """Return the connection to close for a new one, or None if each serves an accepted request."""
        in_order = (each for state in State for each in self.connections[state])
        return next((each for each in in_order if not (each.request and each.request.is_accepted)), None)

    def admit_more(self) -> None:
        """Let gevent admit further connections, if it stopped because full() was true."""
        if self.started:
            self.start_accepting()

    def wait_for_turn(self, request: Request) -> None:
        """Wait until a request without a token may be served. If that takes too long or too much memory, it gets a `rejection`.

        One of each kind, with and without a signature, waits for the turn, and the others of its kind wait behind it: so the
        kinds alternate, and unsigned requests, however many, at most double the wait of a signed one. All other greenlets run
        between two turns. So all these requests, whatever their responses will be, take no more CPU than one accepted sender.
        """
        # Only the first signature is read here. All are read when they are checked: kept with a request that waits, they would
        # take several times the memory that is reserved for its head.
        is_signed = any(signatures_in(request.headers, self.app.settings.tokens))
        try:
            # The head as bytes, then as the str of its headers; and what the sender has sent without waiting for the response.
            with (closing(MemoryClaim(self.heads, 2 * request.head_size + 2048 + request.bytes_behind(), queue=is_signed)),
                  gevent.Timeout(self.limits.body_grace_seconds, no_memory_left()), self.next_of_kind[is_signed]):
                self.turn.acquire()
            gevent.spawn_later(0.0001, self.turn.release)  # after 0 gevent might return 50 times before it looks at a socket
        except Unavailable:
            request.rejection = too_many_requests()

    def response(self, request: Request, peer: str) -> tuple[str, list[tuple[str, str]], bytes]:
        """Return the status, headers and content of the response to a request: the application's, or that to its rejection."""
        request.is_accepted = not request.rejection and self.app.accepts(request)
        if not request.is_accepted:
            self.wait_for_turn(request)
        if request.rejection:
            request.log_note = request.rejection.detail
            rejected = problem(request.rejection.status, request.log_note, {**request.rejection.headers, 'Connection': 'close'})
            return rejected.status_line, [*rejected.headers.items()], rejected.body.encode()
        request.body.rfile.expect(self.limits.body_grace_seconds, BODY_BYTES_PER_SECOND)  # from now on the body is waited for
        start: list[Any] = []
        pieces = self.application(wsgi_environ(request, peer, self.server_port or 0), lambda *args: start.extend(args))
        try:
            content = b''.join(pieces)  # a single piece is not copied
        finally:
            getattr(pieces, 'close', bool)()  # PEP 3333 asks for it
            bottle_response.body = b''  # Bottle would keep a large one until the next request
        return start[0], [*start[1]], content

    @property
    def is_idle(self) -> bool:
        """Return whether no request is being served."""
        return not any(each.request for each in chain(*self.connections.values()))


def set_connection_limit() -> int:
    """Set the process's limit of open files to suit MAX_CONNECTIONS, and return how many connections it allows.

    A further connection waits in the listen queue.
    """
    soft_limit, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(MAX_CONNECTIONS + RESERVED_FILES, hard_limit if hard_limit != resource.RLIM_INFINITY else sys.maxsize)
    with suppress(ValueError, OSError):  # macOS allows fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard_limit))
        soft_limit = wanted
    return soft_limit - RESERVED_FILES


''' SENDERS '''


# --- receiver/senders.py ---
# The table of senders. `./dev senders` writes its rows from senders/*/sender.yml.


#
# The senders whose events are known. Each block is a row; its first line is the name of the sender's folder in `senders`,
# after a colon with what the row is for if the sender has several. The other lines are its columns. An example:
#
#   opsgenie
#       identified by  alert.message, action
#       name           {action}: {alert.message}
#       occurred       -
#       severity       alert.priority
#         scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
#       resolved       action=Close
#       problem        alert.alertId
#
# An event with `alert.message` and `action` comes from Opsgenie. Its incident is named after both, such as
# `Create: Disk full`, and occurred when it arrived. The text at `alert.priority` says how severe it is; if `action` is
# `Close`, the problem has ended; and all events with the same `alert.alertId` are about the same problem.
#
# Paths and conditions are in the grammar that events/paths.py explains. Of two labels of one kind, the first that fits is used.
# After `,` or `|`, and in a name after any word, a text goes on in the next line, which has no label.
#
# identified by: conditions, all of which an event of the sender meets. One of them is a header or a key at the top of the
#   event, or the event has only one member: what is below, a third party may have written. Without `=`, they ask only whether
#   there is a value other than null. Begin with the path that the fewest events of other senders have: events are compared only
#   to rows whose first key they have.
# inner: the path of a text that holds another event as JSON, as it is or in base64. The severity, the end and the problem are
#   that event's, and the end occurred at the row's own time; in the name of the row, the path `inner` is that event's name.
# name: text with paths in braces. A path is dropped, with the text before it and the bracket after it, if its value is missing
#   or repeats an earlier one: without a host, `{title} ({host})` gives `Disk full`. If all paths before it are dropped, a path
#   gives its value alone: without a title, `db-1`.
# occurred: the paths of a date or a Unix time; without one, the general rule looks for a time, except where the last path
#   is `-`: then it is the moment of arrival.
# severity: the path of a word such as `high` (SEVERITY_WORDS of events/rows.py). The first value that means a severity counts; in
#   `alerts.*.severity`, the gravest. If there is none, the general rule looks for a severity, except after `none`.
#   scale: what the values there mean, if they are not such words; `7+` is any number from 7 on, up to the next such number.
# resolved: conditions that only the end of a problem meets.
#   at: the paths of the time at which the problem ended, and the incident occurred; without it, on arrival.
# problem: the paths whose values together are the same in all events about one problem, and in no others. If a value is
#   missing, or a list has several items, the incident gets no key. `'alert'` is the text itself, `host: a` the host, and the
#   port if there is one, of the URL at the path.
#   if: conditions that the event must meet, too.
#
# The first row that fits an event is used. Rows identified by a header are tried before all others, because a header
# names the sender, and keys only suggest it. Otherwise the rows are tried in the order of the table: a row for some events
# of a sender comes before the row for all of them. The senders are in the order of their names, except that one whose events
# the row of another fits, too, is before that (gitea before github), and formats that many senders use are last.
# Written by ./dev senders: rows, from the folders in senders. Change nothing here.
SENDERS = '''
adyen
    identified by  notificationItems.0.NotificationRequestItem, live
    name           {notificationItems.0.NotificationRequestItem.eventCode} (success:
                   {notificationItems.0.NotificationRequestItem.success}):
                   {notificationItems.0.NotificationRequestItem.merchantReference}
                   {notificationItems.0.NotificationRequestItem.reason}
    occurred       notificationItems.0.NotificationRequestItem.eventDate

grafana: a group
    identified by  groupLabels, title, alerts
    name           {title}
    occurred       alerts.0.startsAt
    severity       commonLabels.severity
    severity       alerts.*.labels.severity
    resolved       status=resolved, alerts.*.status=resolved, !truncatedAlerts, !alerts.*.annotations.grafana_state_reason
      at           alerts.0.endsAt
    problem        alerts.*.fingerprint
      if           !truncatedAlerts

grafana: older alerts
    identified by  evalMatches, ruleId, state
    name           {title}
    severity       tags.severity
    resolved       state=ok

grafana: one alert
    identified by  silenceURL, labels.alertname, annotations
    name           {labels.alertname}: {annotations.summary|annotations.description|labels.instance}
    occurred       startsAt
    severity       labels.severity
    resolved       status=resolved, !annotations.grafana_state_reason
      at           endsAt
    problem        fingerprint

alertmanager: a group
    identified by  groupLabels, receiver, alerts
    identified by  receiver|commonLabels, alerts.0.labels.alertname
    name           [{status}] {commonLabels.alertname|alerts.0.labels.alertname}: {commonAnnotations.summary|
                   alerts.0.annotations.summary|commonAnnotations.description|alerts.0.annotations.description|
                   commonLabels.instance|alerts.0.labels.instance}
    occurred       alerts.0.startsAt
    severity       commonLabels.severity
    severity       alerts.*.labels.severity
    resolved       status=resolved, alerts.*.status=resolved, !truncatedAlerts, !alerts.*.annotations.grafana_state_reason
      at           alerts.0.endsAt
    problem        alerts.*.fingerprint
      if           !truncatedAlerts

alertmanager: one alert
    identified by  labels.alertname, annotations
    name           {labels.alertname}: {annotations.summary|annotations.description|labels.instance}
    occurred       startsAt
    severity       labels.severity
    resolved       status=resolved, !annotations.grafana_state_reason
      at           endsAt
    problem        fingerprint

apprise
    identified by  version, message, title, type=info|success|warning|failure
    name           {title|message}
    severity       type
      scale        high=failure, medium=warning, informational=success

auth0
    identified by  log_id, data.type
    name           {data.description}: {data.user_name}
    occurred       data.date
    severity       none

aws-cloudtrail
    identified by  eventSource, eventName, userIdentity|awsRegion, !acsRegion
    name           {eventName} {errorCode} ({eventSource}): {s3.object.key} by {userIdentity.arn|userIdentity.userName|
                   userIdentity.invokedBy}
    occurred       eventTime
    severity       none

aws-cloudtrail: a list, also of S3
    identified by  Records.0.eventSource, Records.0.eventName, Records.0.s3|Records.0.sourceIPAddress
    name           {Records.0.eventName} ({Records.0.eventSource}): {Records.0.s3.object.key} by {Records.0.userIdentity.arn|
                   Records.0.userIdentity.userName|Records.0.userIdentity.invokedBy}
    occurred       Records.0.eventTime
    severity       none

aws-cloudwatch
    identified by  AlarmName, NewStateValue
    name           {NewStateValue}: {AlarmName}
    occurred       StateChangeTime
    severity       none
    resolved       NewStateValue=OK, !AlarmContributorId, !AlarmContributorAttributes
      at           StateChangeTime
    problem        AlarmArn
      if           !AlarmContributorId, !AlarmContributorAttributes

aws-eventbridge: GuardDuty
    identified by  detail-type, source=aws.guardduty, detail
    name           {detail.title|detail-type} ({detail-type})
    occurred       time
    severity       detail.severity
      scale        critical=9+, high=7+, medium=4+, low=0+
    problem        detail.id

aws-eventbridge
    identified by  detail-type, source, detail
    name           {detail.title|detail.findings.0.Title|detail.alarmName|detail.eventName|detail.eventTypeCode|detail.Message|
                   detail.check-name|detail.configRuleName|detail-type} ({detail-type}) {detail.action-type}: {detail.instance-id|
                   detail.findings.0.Resources.0.Id|detail.userIdentity.arn|detail.repository-name|detail.pipeline|
                   detail.project-name|detail.SourceIdentifier|detail.resource|detail.resource_id|detail.resourceId|
                   detail.resourceArn|detail.resourcesAffected.s3Object.path|detail.resourcesAffected.s3Bucket.name|
                   detail.bucket.name|detail.group|detail.alarmName|resources.0} {detail.action|detail.stage|detail.image-tag|
                   detail.image-tags.0|detail.object.key} {detail.state.value|detail.state|detail.build-status|detail.scan-status|
                   detail.result|detail.newEvaluationResult.complianceType|detail.lastStatus|detail.status}
    occurred       time
    severity       detail.findings.*.Severity.Label
    severity       detail.severity
    resolved       detail-type=CloudWatch Alarm State Change, detail.state.value=OK
      at           time
    resolved       detail.findings.*.Workflow.Status=RESOLVED
      at           time
    problem        resources.0
      if           detail-type=CloudWatch Alarm State Change
    problem        detail.findings.*.Id

aws-guardduty
    identified by  service.serviceName=guardduty, arn
    name           {title}
    occurred       updatedAt
    severity       severity
      scale        critical=9+, high=7+, medium=4+, low=0+
    problem        id

aws-security-hub: settled
    identified by  ProductArn, Title, Workflow.Status=RESOLVED|SUPPRESSED
    name           {Workflow.Status}: {Title}: {Resources.0.Id}
    occurred       UpdatedAt
    severity       Severity.Label
    severity       Severity.Normalized
      scale        critical=90+, high=70+, medium=40+, low=1+, informational=0+, none=101+
    resolved       Workflow.Status=RESOLVED
      at           UpdatedAt
    problem        Id

aws-security-hub
    identified by  ProductArn, Title
    name           {Title}: {Resources.0.Id}
    occurred       UpdatedAt
    severity       Severity.Label
    severity       Severity.Normalized
      scale        critical=90+, high=70+, medium=40+, low=1+, informational=0+, none=101+
    problem        Id

aws-sns: a subscription
    identified by  TopicArn, Type=SubscriptionConfirmation
    name           SNS subscription to confirm: {TopicArn}
    occurred       Timestamp
    severity       none

aws-sns: a subject that says nothing
    identified by  Message, Subject=DMS Notification Message|RDS Notification Message|Amazon S3 Notification
    inner          Message
    name           {inner|Subject}
    occurred       Timestamp

aws-sns: as a Lambda function gets it
    identified by  Records.0.Sns.TopicArn, Records.0.Sns.Message
    inner          Records.0.Sns.Message
    name           {Records.0.Sns.Subject|inner|Records.0.Sns.Message}
    occurred       Records.0.Sns.Timestamp

aws-sns
    identified by  TopicArn, Message
    inner          Message
    name           {Subject|inner|Message}
    occurred       Timestamp

aws-sns: an event of DMS or RDS
    identified by  Event Source, Event Message
    name           {Event Message} ({Source ID})
    occurred       Event Time

azure-devops
    identified by  publisherId, eventType, resource
    name           {message.text}
    occurred       createdDate
    severity       resource.fields.Microsoft.VSTS.Common.Severity
      scale        critical=1 - critical, high=2 - high, medium=3 - medium, low=4 - low

azure-event-grid
    identified by  @aeg-event-type
    identified by  topic|dataVersion, subject, eventTime, eventType
    name           {data.alertDisplayName|eventType|type}: {subject|source}
    occurred       eventTime|time
    severity       data.severity

azure-monitor
    identified by  schemaId, data.essentials
    name           {data.essentials.monitorCondition} {data.essentials.severity}: {data.essentials.alertRule}
                   {data.essentials.configurationItems.0}
    occurred       data.essentials.firedDateTime
    severity       data.essentials.severity
      scale        critical=sev0|0, high=sev1|1, medium=sev2|2, informational=sev3|sev4|3|4
    resolved       data.essentials.monitorCondition=Resolved
      at           data.essentials.resolvedDateTime
    problem        data.essentials.originAlertId|data.essentials.alertId

azure-monitor: older alerts
    identified by  schemaId, data.context.name
    identified by  context.subscriptionId, context.name, status
    name           {data.status|status}: {data.context.name|context.name} {data.context.resourceName|context.resourceName}
    occurred       data.context.timestamp|context.timestamp
    severity       data.context.severity
      scale        critical=sev0|0, high=sev1|1, medium=sev2|2, informational=sev3|sev4|3|4
    resolved       data.status=Deactivated|Resolved
      at           data.context.timestamp|context.timestamp
    resolved       status=Resolved, context.name
      at           data.context.timestamp|context.timestamp

bigcommerce
    identified by  producer, scope, hash
    name           {scope}: {data.id}
    occurred       created_at

bitbucket
    identified by  @x-event-key
    identified by  eventKey, actor
    name           {@x-event-key|eventKey}: {pullrequest.title|pullRequest.title|issue.title|push.changes.0.new.name|
                   changes.0.ref.displayId} ({repository.full_name|repository.slug})
    occurred       date
    severity       none

box
    identified by  trigger, webhook, source
    name           {trigger}: {source.name|source.id} by {created_by.login}
    occurred       created_at

buildbot
    identified by  state_string, buildid
    name           {builder.name}: {state_string}
    occurred       complete_at|started_at

checkly
    identified by  check_name, alert_type, check_id
    name           {event}
    occurred       started_at
    resolved       alert_type=ALERT_RECOVERY|ALERT_DEGRADED_RECOVERY
      at           started_at
    problem        check_id
      if           !alert_type=ALERT_SSL

checkmk
    identified by  what, notification_type, site
    name           {summary}
    severity       severity
    resolved       notification_type=RECOVERY

circleci
    identified by  @circleci-event-type
    name           {@circleci-event-type} {workflow.status|job.status}: {workflow.name|job.name} ({project.name})
    occurred       happened_at
    severity       none

cisco-meraki
    identified by  networkName, alertType, networkUrl|sharedSecret|alertTypeId
    name           {alertType}: {deviceName|networkName}
    occurred       occurredAt
    severity       alertLevel

cloudflare
    identified by  policy_id, alert_type, text
    name           {text}
    occurred       ts
    severity       data.severity

cowrie
    identified by  event.eventid, event.session, event.sensor, sourcetype
    name           {event.message}: {event.src_ip}
    occurred       event.timestamp
    severity       none

crowdstrike: an incident
    identified by  metadata.eventType, event.IncidentID, event
    name           {metadata.eventType} {event.State}: {event.IncidentID}
    occurred       metadata.eventCreationTime
    problem        event.IncidentID

crowdstrike
    identified by  event.DetectName, metadata
    identified by  metadata.eventType, event
    name           {event.DetectName|event.Name|event.OperationName|event.IncidentDescription}: {event.ComputerName|
                   event.Hostname|event.EndpointName|event.SourceEndpointHostName|event.UserId}
    occurred       metadata.eventCreationTime
    severity       event.SeverityName
    severity       event.Severity
      scale        critical=5|80+, high=4|60+, medium=3|40+, low=2|20+, informational=1|6+
    problem        event.DetectId|event.CompositeId

customer-io
    identified by  metric, event_id, object_type, data
    name           {object_type} {metric}: {data.recipient|data.identifiers.email|data.customer_id}
    occurred       timestamp
    severity       none

databricks
    identified by  workspace_id, event_type, job
    name           {event_type}: {job.name} {task.task_key}

datadog
    identified by  alert_title
    name           {alert_title}
    occurred       date
    severity       severity
    severity       priority
      scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
    severity       alert_type
      scale        high=error, medium=warning, informational=info|success
    resolved       alert_transition=Recovered
      at           date
    problem        alert_cycle_key

django-webhook
    identified by  webhook_uuid, object_type, topic
    name           {topic}: {object.name|object.title|object.pk|object.id}

docker-hub
    identified by  push_data, repository
    name           pushed: {repository.repo_name} {push_data.tag}
    occurred       push_data.pushed_at
    severity       none

dropbox
    identified by  list_folder.accounts, delta|list_folder.accounts.0
    name           files changed: {list_folder.accounts.0}
    severity       none

dynatrace
    identified by  PID, ProblemTitle, State
    severity       ProblemSeverity
      scale        high=availability|error, medium=performance|resource_contention
    resolved       State=RESOLVED
    problem        PID

elastic
    identified by  kibana.alert.rule.name|signal.rule.name
    identified by  kibana.alert.rule.name|signal.rule.name, @timestamp
    name           {kibana.alert.rule.name|signal.rule.name}: {host.name}
    severity       kibana.alert.severity
    severity       signal.rule.severity

falco
    identified by  output, rule, priority
    name           {rule}: {output_fields.container.name|hostname}
    occurred       time
    severity       priority
      scale        critical=emergency|alert|critical, high=error, medium=warning, low=notice, informational=informational|debug

gcp-monitoring
    identified by  incident.policy_name, version|incident.incident_id
    name           {incident.state}: {incident.policy_name}: {incident.summary}
    occurred       incident.started_at
    severity       incident.severity
    severity       incident.metadata.system_labels.severity
    resolved       incident.state=closed
      at           incident.ended_at
    problem        incident.incident_id

gcp-pubsub: an audit record
    identified by  protoPayload.methodName, logName|insertId|resource|protoPayload.serviceName
    name           {protoPayload.methodName}: {protoPayload.resourceName} by {protoPayload.authenticationInfo.principalEmail}
                   ({protoPayload.status.message})
    occurred       timestamp
    severity       none

gcp-pubsub: in CloudEvents
    identified by  specversion, data.message.data, type=google.cloud.pubsub.topic.v1.messagePublished
    inner          data.message.data
    name           {inner|data.subscription}
    occurred       data.message.publishTime

gcp-pubsub
    identified by  @ce-type=google.cloud.pubsub.topic.v1.messagePublished, message.data
    identified by  subscription, message.data
    inner          message.data
    name           {inner|subscription}
    occurred       message.publishTime

gcp-security-command-center
    identified by  finding.category, finding.canonicalName|notificationConfigName
    name           {finding.category}: {resource.displayName}
    occurred       finding.eventTime
    severity       finding.severity

gitea
    identified by  @x-gitea-event|@x-forgejo-event|@x-gogs-event
    name           {@x-gitea-event|@x-forgejo-event|@x-gogs-event} {action}: {pull_request.title|issue.title|release.name|
                   head_commit.message|ref} ({repository.full_name|organization.login})
    occurred       -
    severity       none

gitguardian
    identified by  incident.detector, message
    name           {message} {incident.detector.name}
    occurred       timestamp
    severity       incident.severity
    problem        incident.id

github: a secret
    identified by  @x-github-event, alert.secret_type
    identified by  alert.secret_type, repository.node_id, action
    name           {@x-github-event} {action}: {alert.secret_type_display_name|alert.secret_type} ({repository.full_name|
                   organization.login})
    occurred       -
    resolved       action=resolved, alert.resolution=revoked
    problem        repository.full_name, 'secret_scanning_alert', alert.number

github: code scanning
    identified by  @x-github-event, alert.rule
    identified by  alert.rule, repository.node_id, action
    name           {@x-github-event} {action}: {alert.rule.description} ({repository.full_name|organization.login})
    occurred       -
    severity       alert.rule.security_severity_level
    severity       alert.rule.severity
      scale        high=error, medium=warning, low=note
    resolved       action=fixed, alert.state=fixed
    problem        repository.full_name, 'code_scanning_alert', alert.number

github: Dependabot
    identified by  @x-github-event, alert.security_advisory
    identified by  alert.security_advisory, repository.node_id, action
    name           {@x-github-event} {action}: {alert.security_advisory.summary} ({repository.full_name|organization.login})
    occurred       -
    severity       alert.security_advisory.severity
    severity       alert.security_vulnerability.severity
    resolved       action=fixed
    problem        repository.full_name, 'dependabot_alert', alert.number

github: an older alert
    identified by  @x-github-event, alert.affected_package_name
    identified by  alert.affected_package_name, repository.node_id, action
    name           {@x-github-event} {action}: {alert.affected_package_name} ({repository.full_name|organization.login})
    occurred       -
    severity       alert.severity
    problem        repository.full_name, 'repository_vulnerability_alert', alert.number

github: a branch deleted by a push
    identified by  @x-github-event=push, after=0000000000000000000000000000000000000000
    name           push: deleted {ref} ({repository.full_name})
    occurred       -

github
    identified by  @x-github-event
    identified by  repository.node_id, sender.node_id, repository
    name           {@x-github-event} {action|ref_type} {workflow_run.conclusion|workflow_job.conclusion|check_run.conclusion|
                   check_suite.conclusion|deployment_status.state|state}: {security_advisory.summary|pull_request.title|
                   issue.title|discussion.title|release.name|release.tag_name|workflow_run.name|workflow_job.name|check_run.name|
                   check_suite.head_branch|member.login|membership.user.login|team.name|label.name|milestone.title|rule.name|
                   key.title|deployment.environment|context|head_commit.message|ref|repositories_added.0.full_name|
                   repositories_removed.0.full_name|installation.app_slug} ({repository.full_name|organization.login|
                   installation.account.login})
    occurred       -
    severity       security_advisory.severity
    problem        repository.full_name, issue.number|pull_request.number

gitlab: a system hook
    identified by  @x-gitlab-event=System Hook, event_name
    name           {event_name}: {commits.0.title|ref|name|user_username|username} ({project.path_with_namespace|
                   path_with_namespace|project_path_with_namespace|group_path})
    occurred       -

gitlab
    identified by  @x-gitlab-event
    identified by  object_kind, project
    name           {event_name|object_kind} {object_attributes.action|object_attributes.status|action|build_status|status}:
                   {object_attributes.title|object_attributes.note|issue.title|build_name|environment|commits.0.title|
                   object_attributes.ref|ref|object_attributes.name|name} ({project.path_with_namespace|group.group_path})
    occurred       object_attributes.updated_at|-
    severity       object_attributes.severity
    problem        project.path_with_namespace, object_kind, object_attributes.iid

google-workspace
    identified by  events.0.name, id.applicationName, kind
    name           {id.applicationName} {events.0.name}: {actor.email} ({ipAddress})
    occurred       id.time

graylog: older alerts
    identified by  check_result.result_description, stream
    name           {stream.title}: {check_result.result_description}
    occurred       check_result.triggered_at

hackerone
    identified by  @x-h1-event
    name           {@x-h1-event}: {data.report.attributes.title}
    occurred       data.activity.attributes.created_at
    severity       data.report.relationships.severity.data.attributes.rating

harbor
    identified by  event_data.repository, type
    name           {type}: {event_data.repository.repo_full_name}
    occurred       occur_at

harness
    identified by  eventData.eventType, eventData.accountIdentifier
    name           {eventData.eventType}: {eventData.pipelineName} {eventData.stageIdentifier}: {eventData.errorMessage}
    occurred       eventData.endTs|eventData.startTs

hcp-terraform
    identified by  run_id, notifications
    name           {notifications.0.message}: {run_message} ({workspace_name})
    occurred       notifications.0.run_updated_at
    severity       none

hubspot
    identified by  subscriptionType, portalId
    name           {subscriptionType}: {objectId} {propertyName} = {propertyValue}
    occurred       occurredAt

icinga
    identified by  notification_type, host_name, service_state|host_state
    resolved       notification_type=RECOVERY

intelmq
    identified by  classification.type, feed.name|feed.code|feed.provider
    name           {classification.type} {malware.name}: {source.ip|source.fqdn|source.url}
    occurred       time.source|time.observation
    severity       none

jenkins
    identified by  build.phase, name
    name           {name} {build.phase} {build.status}
    occurred       build.timestamp
    severity       none

jfrog-xray
    identified by  watch_name, issues
    name           {top_severity}: {issues.0.summary} ({watch_name})
    occurred       created
    severity       top_severity
    problem        alert_id

jira
    identified by  webhookEvent
    name           {webhookEvent}: {issue.key} {issue.fields.summary}
    occurred       timestamp
    severity       issue.fields.priority.name
      scale        critical=highest, high=high, medium=medium, low=low, informational=lowest
    resolved       issue_event_type_name=issue_resolved, issue.fields.resolution.name=Done|Fixed|Resolved
      at           timestamp
    problem        host: issue.self, issue.key

kubernetes-audit
    identified by  verb, kind=Event, objectRef
    name           {verb} {objectRef.resource} {objectRef.namespace} {objectRef.name} by {user.username}
    occurred       requestReceivedTimestamp
    severity       none

kubernetes-audit: a list
    identified by  items.0.verb, kind=EventList
    name           {items.0.verb} {items.0.objectRef.resource} {items.0.objectRef.namespace} {items.0.objectRef.name} by
                   {items.0.user.username}
    occurred       items.0.requestReceivedTimestamp
    severity       none

lacework
    identified by  lacework_account, event_severity
    name           {event_title}: {event_description}
    occurred       event_timestamp
    severity       event_severity
      scale        critical=1, high=2, medium=3, low=4, informational=5

librenms: acknowledged
    identified by  alert_id, rule_id, sysName, state=2
    name           acknowledged: {title}
    occurred       timestamp
    severity       severity
    problem        alert_id

librenms
    identified by  alert_id, rule_id, sysName
    name           {title}
    occurred       timestamp
    severity       severity
    resolved       state=0
      at           timestamp
    problem        alert_id

linear
    identified by  webhookTimestamp, action, type
    name           {type} {action}: {data.title|data.issue.title|data.name}
    occurred       createdAt
    severity       data.priority
      scale        critical=1, high=2, medium=3, low=4
    problem        data.id

meta
    identified by  entry, object
    name           {object}: {entry.0.changes.0.field}
    occurred       entry.0.time
    severity       none

microsoft-365
    identified by  AlertId, AlertType, Workload
    name           {Name}
    occurred       CreationTime
    severity       Severity
    resolved       Status=Resolved
      at           CreationTime

microsoft-defender
    identified by  AlertDisplayName
    name           {AlertDisplayName}: {CompromisedEntity}
    occurred       TimeGenerated
    severity       properties.severity
    severity       properties.Severity
    severity       Severity
    severity       severity
    problem        SystemAlertId

microsoft-defender-xdr: the stream
    identified by  operationName=Publish, properties.Timestamp, tenantId
    name           {properties.Title|properties.ActionType|category}: {properties.DeviceName|properties.AccountUpn|
                   properties.RecipientEmailAddress|properties.AccountDisplayName}
    occurred       properties.Timestamp
    severity       properties.Severity

microsoft-entra: a sign-in
    identified by  userPrincipalName, appDisplayName, status.errorCode
    name           sign-in of {userPrincipalName} to {appDisplayName}: {status.failureReason}
    occurred       createdDateTime

microsoft-entra: an audit record
    identified by  activityDisplayName, activityDateTime
    name           {activityDisplayName}: {targetResources.0.userPrincipalName|targetResources.0.displayName} by
                   {initiatedBy.user.userPrincipalName|initiatedBy.app.displayName} ({result})
    occurred       activityDateTime

microsoft-graph
    identified by  value.0.subscriptionId, validationTokens|value.0.changeType
    name           {value.0.changeType}: {value.0.resource}

microsoft-sentinel
    identified by  object.properties.title, object.properties.severity, objectSchemaType|object.id
    identified by  properties.title, properties.severity, type=Microsoft.SecurityInsights/Incidents|
                   Microsoft.SecurityInsights/incidents
    identified by  incident_number, created_time_utc, title
    name           {object.properties.title|properties.title|title} ({object.properties.severity|properties.severity|severity})
    occurred       object.properties.createdTimeUtc|properties.createdTimeUtc|created_time_utc
    severity       object.properties.severity
    severity       properties.severity
    severity       severity
    problem        object.id|id

mlflow
    identified by  entity, action, data
    name           {entity} {action}: {data.name|data.target_value} {data.version}
    occurred       timestamp

netbox
    identified by  request_id, event, username, model|object_type
    name           {model|object_type} {event}: {data.display|data.name} by {username}
    occurred       timestamp

new-relic
    identified by  issueUrl, title
    name           {state}: {title.0|title}
    occurred       createdAt
    severity       priority
    severity       severity
    resolved       state=CLOSED
      at           closedAt|updatedAt
    problem        issueId|id

new-relic: alerts without issues
    identified by  current_state, condition_name, incident_id
    name           {current_state}: {condition_name}: {details}
    occurred       timestamp
    severity       severity
    resolved       current_state=closed
      at           timestamp
    problem        incident_id

okta
    identified by  data.events.0.eventType, eventType=com.okta.event_hook
    name           {data.events.0.displayMessage} {data.events.0.outcome.result}: {data.events.0.actor.alternateId}
    occurred       data.events.0.published
    severity       data.events.*.severity

onelogin
    identified by  event_type_id, account_id
    name           OneLogin event {event_type_id}: {user_name} {notes}
    occurred       event_timestamp
    severity       none

onfleet
    identified by  triggerId, triggerName, data
    name           {triggerName}: {data.task.shortId|data.worker.name|taskId|workerId}
    occurred       time
    severity       none

opencanary
    identified by  logdata, logtype, node_id
    name           {node_id} port {dst_port}: {src_host}
    occurred       utc_time
    severity       none

opsgenie
    identified by  alert.message, action
    name           {action}: {alert.message}
    occurred       -
    severity       alert.priority
      scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
    resolved       action=Close
    problem        alert.alertId

orca
    identified by  alert_labels, state.severity, asset_name
    name           {description} ({asset_name})
    occurred       state.created_at
    severity       state.severity
      scale        critical=compromised, high=imminent compromise, medium=hazardous, informational=informational

pagerduty
    identified by  event.event_type, event.data
    name           {event.event_type}: {event.data.title|event.data.incident.summary}
    occurred       event.occurred_at
    severity       event.data.priority.summary
      scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
    severity       event.data.urgency
      scale        high=high, low=low
    resolved       event.event_type=incident.resolved, !event.data.resolve_reason
      at           event.occurred_at
    problem        event.data.incident.id
    problem        event.data.id
      if           event.data.type=incident

pagerduty: version 2
    identified by  messages.0.incident, messages.0.event
    name           {messages.0.event}: {messages.0.incident.title}
    occurred       messages.0.created_on
    severity       messages.*.incident.priority.summary
      scale        critical=p1, high=p2, medium=p3, low=p4, informational=p5
    severity       messages.*.incident.urgency
      scale        high=high, low=low
    resolved       messages.*.event=incident.resolve
      at           messages.0.created_on
    problem        messages.*.incident.id

pagerduty: events
    identified by  event_action, payload.summary
    name           {payload.summary}
    occurred       payload.timestamp
    severity       payload.severity
    resolved       event_action=resolve
    problem        dedup_key

pagerduty: events without a payload
    identified by  event_action, dedup_key
    name           {event_action}: {dedup_key}
    resolved       event_action=resolve
    problem        dedup_key

pingdom
    identified by  check_name, current_state
    name           {check_name} is {current_state}: {long_description}
    occurred       state_changed_timestamp
    severity       importance_level
      scale        high=high, low=low
    resolved       current_state=UP|SUCCESS
      at           state_changed_timestamp
    problem        check_id

pino
    identified by  logs.0.msg, logs.0.level
    name           {logs.0.msg}
    occurred       logs.0.time

prisma-cloud
    identified by  policyName, resourceName
    name           {policyName}: {resourceName}
    occurred       alertTs
    severity       severity
    severity       policy.severity
    problem        alertId

rspamd
    identified by  rspamd_server, action, symbols
    name           {action}: {subject} ({from})
    severity       none

sekoia
    identified by  alertUrl, alertId, urgency
    name           {name} ({events.0.host.name|events.0.user.name|events.0.source.ip})
    occurred       occurred
    severity       urgency
    problem        alertId

sentinelone
    identified by  threatInfo.threatName, agentRealtimeInfo|agentDetectionInfo|threatInfo.threatId
    identified by  alertInfo, ruleInfo
    name           {threatInfo.threatName|ruleInfo.name}: {agentRealtimeInfo.agentComputerName}
    occurred       threatInfo.createdAt
    severity       ruleInfo.severity
    severity       data.severity
    severity       threatInfo.confidenceLevel
      scale        high=malicious, medium=suspicious
    resolved       threatInfo.incidentStatus=resolved, !threatInfo.analystVerdict=false_positive
      at           threatInfo.updatedAt
    problem        threatInfo.threatId|id

sentry
    identified by  @sentry-hook-resource
    name           {@sentry-hook-resource} {action}: {data.issue.title|data.event.title|data.error.title|data.description_title}
    occurred       data.event.datetime
    severity       data.issue.level
    severity       data.event.level
    severity       action
      scale        critical=critical, medium=warning
    resolved       action=resolved
    problem        data.issue.id|data.event.issue_id

servicenow
    identified by  short_description, number
    name           {number} {short_description}
    occurred       sys_created_on
    severity       priority
      scale        critical=1, high=2, medium=3, low=4, informational=5
    severity       severity
      scale        high=1, medium=2, low=3
    problem        sys_id

shopify
    identified by  @x-shopify-topic|@x-wc-webhook-topic|@x-commercelayer-topic
    name           {@x-shopify-topic|@x-wc-webhook-topic|@x-commercelayer-topic}: {title|name|number|email|data.attributes.number|
                   data.attributes.name|data.attributes.email|id|data.id}
    occurred       @x-shopify-triggered-at|updated_at|created_at|date_modified_gmt|data.attributes.updated_at
    severity       none

slack: a command
    identified by  trigger_id, command
    name           {command} {text} ({user_name})
    occurred       -
    severity       none

slack
    identified by  type=event_callback
    name           {event.type}: {event.text|event.channel|event.channel_id}
    occurred       event_time
    severity       none

snyk
    identified by  @x-snyk-event
    name           {newIssues.0.issueData.title|project.name} ({project.name})
    severity       newIssues.*.issueData.severity

sonarqube
    identified by  qualityGate, project
    name           {qualityGate.status}: {project.name}
    occurred       analysedAt
    severity       none

sophos
    identified by  event_service_event_id, name
    name           {name} ({location})
    occurred       created_at
    severity       severity

splunk
    identified by  results_link, sid
    name           {search_name}: {result.title|result.signature|result.host|result.src}
    occurred       result._time
    severity       result.urgency
    severity       result.severity

stormshield
    identified by  TypeComputedMap, EventGuid
    name           {TypeComputedMap}: {AdditionalData.Message|SpecificData.SourceProcess.ProcessImageName}
                   ({AdditionalData.AgentName})
    occurred       Timestamp

stripe
    identified by  api_version, type, data.object
    name           {type}: {data.object.description|data.object.name|data.object.id}
    occurred       created
    severity       none

suricata
    identified by  event_type=alert, alert.signature
    name           {alert.signature}: {src_ip} → {dest_ip}
    occurred       timestamp
    severity       alert.severity
      scale        high=1, medium=2, low=3, informational=4+

thehive
    identified by  objectType, operation, object
    name           {operation} {objectType}: {object.title}
    occurred       startDate
    severity       object.severity
      scale        critical=4, high=3, medium=2, low=1

thousandeyes
    identified by  alert.alertId, eventType
    name           {alert.ruleName}: {alert.testName}
    occurred       alert.dateStartZoned
    severity       alert.severity
    resolved       eventType=ALERT_NOTIFICATION_CLEAR
      at           alert.dateEndZoned
    problem        alert.alertId

unleash
    identified by  featureName, project, createdBy, createdAt
    name           {type}: {featureName} {environment} by {createdBy}
    occurred       createdAt
    severity       none

wazuh
    identified by  rule.description, agent
    name           {rule.description} ({agent.name})
    occurred       timestamp
    severity       rule.level
      scale        critical=15+, high=12+, medium=7+, low=4+, informational=0+, none=17+

wiz
    identified by  sourceRule.name|control.name, issue|entitySnapshot|resource
    name           {issue.status|status}: {sourceRule.name|control.name}: {entitySnapshot.name|resource.name}
    occurred       createdAt
    severity       issue.severity
    severity       severity
    resolved       issue.status=RESOLVED
      at           resolvedAt
    resolved       !issue.status, status=RESOLVED
      at           resolvedAt
    problem        issue.id|id

zabbix
    identified by  trigger_id, event_id
    severity       severity
    resolved       value=0, !event_value=1, !status=PROBLEM
    resolved       event_value=0, !status=PROBLEM
    resolved       status=RESOLVED, !event_value=1

zendesk
    identified by  zendesk_event_version, type
    name           {type}: {detail.subject|detail.email|subject}
    occurred       time
    severity       detail.priority
      scale        critical=urgent, high=high, medium=normal, low=low
    severity       priority
      scale        critical=urgent, high=high, medium=normal, low=low
    problem        account_id, subject

zendesk: a trigger
    identified by  ticket_id, requester, status
    severity       priority
      scale        critical=urgent, high=high, medium=normal, low=low

zoom
    identified by  event_ts, event, payload.object
    name           {event}: {payload.object.topic|payload.object.email}
    occurred       event_ts
    severity       none

cloudevents
    identified by  @ce-type
    identified by  specversion
    name           {data.title|data.protoPayload.methodName|protoPayload.methodName|type|@ce-type}: {subject|@ce-subject|source|
                   @ce-source}
    occurred       time|@ce-time
    severity       severitytext
    severity       @ce-severitytext
    severity       severitynumber
      scale        critical=21+, high=17+, medium=13+, informational=1+, none=25+
    severity       @ce-severitynumber
      scale        critical=21+, high=17+, medium=13+, informational=1+, none=25+

gelf
    identified by  short_message, version=1.1|1.0
    name           {short_message}: {host}
    occurred       timestamp
    severity       level
      scale        critical=0|1|2, high=3, medium=4, low=5, informational=6|7

ocsf
    identified by  class_uid, metadata
    name           {finding_info.title|message|type_name|class_name}: {device.hostname|actor.user.name}
    occurred       time
    severity       severity_id
      scale        critical=5|6, high=4, medium=3, low=2, informational=1

opentelemetry
    identified by  resourceLogs.0.scopeLogs
    name           {resourceLogs.0.scopeLogs.0.logRecords.0.body.stringValue}
    occurred       resourceLogs.0.scopeLogs.0.logRecords.0.timeUnixNano

slack-message
    identified by  blocks.0.type, text|channel|blocks.0.type
    identified by  embeds
    identified by  content, username|avatar_url|tts
    name           {text|content|blocks.0.text.text} {embeds.0.title|embeds.0.description}
    occurred       embeds.0.timestamp
'''
# The end of rows.


''' COMMANDS '''


# --- receiver/commands.py ---
# What the commands do: serving, the Test button, and the report of deliveries.


VERSION = '1.4.0'  # of the pack, in the log and the history: which code runs


def serve(settings: Settings, sender_rows: SenderRows) -> None:
    """Serve until the process is asked to stop or the line is cut, then end the process.

    Returning is not enough: the platform's loop would keep the process.
    """
    gc.collect()
    gc.freeze()  # CommonServerPython stays in memory until the end, so later collections need not look through it
    gc.set_threshold(10_000, 20, 20)  # collect rarely, since requests leave hardly any cycles behind
    line = ServerLine()
    line.log('info', f'Generic Webhook {VERSION} starts.')
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, line.stop)
    line.history.begin_tokens(settings.tokens, utc_text(int(time.time())))
    listener = Listener(WebhookApp(settings, line, sender_rows))
    open_port(listener)
    line.ending.wait()
    listener.close()
    gevent.sleep(0.1)  # let connections accepted just now send their request: it gets a response, too
    line.drain()
    wait_until(lambda: listener.is_idle, seconds=1)  # until the last responses are sent
    os._exit(1 if line.is_cut else 0)


def open_port(listener: Listener) -> None:
    """Start the listener. If its port can't be opened, try again until it can, or until the process is asked to end."""
    line, settings = listener.app.line, listener.app.settings
    for retry_seconds in chain((1, 2, 4), repeat(5)):  # every 5 s from the fourth failure on
        try:
            listener.start()
            break
        except OSError as error:
            reason = f"Listen Port {settings.port} can't be opened: {os.strerror(error.errno or 0)}. Trying again."
            line.health.error = reason
            line.log('error', reason)
        if line.ending.wait(retry_seconds):
            return
    line.health.error = ''
    line.record_listening(f'{utc_text(int(time.time()))} (version {VERSION})')
    line.log('info', f'Listening on port {settings.port}.')
    for warning in warnings_about(settings.tokens):
        line.log('info', warning)


def warnings_about(tokens: Tokens) -> Iterator[str]:
    """Yield a sentence for each weakness of the tokens."""
    if not tokens:
        yield f'No {TOKEN_LABEL} is configured: every POST is accepted.'
    for token in tokens:
        which = label_of(token.name, len(tokens))
        if len(token.value.decode()) < 16:
            yield f'The {which} can be guessed: it has fewer than 16 characters.'
        if any(map(equals_empty_key, keys_from_base64(token.value.removeprefix(b'whsec_')))):
            yield (f'Decoded from base64, the {which} has zero bytes only, with which anyone can sign: '
                   'signatures of Standard Webhooks, Svix and Teams are rejected. Use a random token.')


def result_of_test(settings: Settings) -> str | dict[str, Any]:
    """Return what the Test button gets for settings that are usable: `ok`, with a sentence for each thing that may be wrong."""
    no_port = 'Listen Port is empty: Cortex XSOAR 8 without an engine assigns it when the instance is saved.'
    notes = [] if settings.port else [no_port]
    notes += [f'{label_of(token.name, len(settings.tokens))}: it contains "||". To separate two tokens, put a space before and '
              'after the bars.' for token in settings.tokens if b'||' in token.value]
    if not notes:
        return 'ok'
    # A server compares `Contents` with `ok`. Whether it shows the readable text is unknown.
    text = ' '.join(['ok.', *notes])
    return {'Type': EntryType.NOTE, 'ContentsFormat': EntryFormat.TEXT, 'Contents': 'ok', 'HumanReadable': text}


def deliveries_report(context: Any, args: dict[str, Any], now: float) -> CommandResults:
    """Return the outputs and the text of generic-webhook-deliveries. Raise ValueError for an unusable argument."""
    limit, wanted = arg_to_number(args.get('limit') or 50), args.get('result') or 'all'
    if not limit or limit < 1 or wanted not in ('all', 'created', 'repeat', 'rejected', 'skipped', 'handshake', 'silence'):
        raise ValueError('limit must be at least 1; result all, created, repeat, rejected, skipped, handshake or silence.')
    history = read_history(context)
    entries = sorted(history.accepted + history.others, key=lambda entry: entry.number, reverse=True)  # the latest is first
    outputs = [{name.title().replace('_', ''): value for name, value in asdict(entry).items()}
               for entry in entries if wanted in ('all', entry.result)][:limit]
    return CommandResults('GenericWebhook.Delivery', 'Number', outputs, ignore_auto_extract=True,
                          readable_output=deliveries_text(history, outputs, now))


def deliveries_text(history: History, outputs: list[dict[str, Any]], now: float) -> str:
    """Return the text for the War Room: what a history says of the instance, of tokens and hours, and these outputs."""
    hours = [{'Hour (UTC)': hour, 'What happened': '; '.join(f'{what}: {number}' for what, number in counts.items())}
             for hour, counts in sorted(history.hours.items(), reverse=True)]
    tokens = [{'Token': name, 'Deliveries': count, 'Last used': latest or 'never'}
              for name, (count, latest) in history.tokens.items()]
    listening = f'Listening since {history.listening_since}' if history.listening_since else 'Not listening'
    saved = f'saved {max(now - history.saved, 0) / 60:.1f} minutes ago' if history.saved else 'nothing is saved yet'
    # As code, what a sender wrote becomes no link and no picture in the War Room: the note of a silence has a name from a URL.
    rows = [output | {name: '`' + output[name].replace('`', "'") + '`' for name in ('Address', 'UserAgent', 'Note')[:2 + is_name]}
            for output in outputs for is_name in [output['Result'] == 'silence']]
    columns = ['Time', 'Count', 'Status', 'Token', 'Address', 'UserAgent', 'Size', 'Product', 'Note']
    return (f'{listening}; {saved}; {history.waiting} requests waited for XSOAR then.\n'
            f'{tableToMarkdown(f"Tokens, since {history.tokens_since}", tokens, ["Token", "Deliveries", "Last used"])}\n'
            f'{tableToMarkdown("Latest hours", hours)}\n{tableToMarkdown("Latest deliveries", rows, columns)}')


''' MAIN '''


# --- receiver/main.py ---
# Which command runs.


def main() -> None:
    """Run the command that the server asks for. If a known command fails before serving begins, report that."""
    command = demisto.command()
    if command not in ('test-module', 'long-running-execution', 'fetch-incidents', 'generic-webhook-deliveries'):
        raise NotImplementedError(f'The command {command} is not implemented.')
    try:
        # XSOAR runs fetch-incidents for the mapping wizard: it returns samples and creates nothing.
        if command == 'fetch-incidents':
            return demisto.incidents(read_samples(demisto.getIntegrationContext()))
        if command == 'generic-webhook-deliveries':
            return return_results(deliveries_report(demisto.getIntegrationContext(), demisto.args(), time.time()))
        settings = read_settings(demisto.params())
        # The test opens no port, because the container that serves may have opened it already.
        if command == 'test-module':
            return return_results(result_of_test(settings))
        if not settings.port:
            raise ValueError('Listen Port is empty. Set it and save the instance.')
    except Exception as error:
        text = f'Generic Webhook, {command}: {error}'
        if command == 'long-running-execution':
            show_health(text)
        return return_error(text)
    return serve(settings, SenderRows(SENDERS))


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
