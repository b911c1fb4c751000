"""The table of signature schemes, and what a signature in a request is."""
import base64
import binascii
import codecs
import hmac
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from functools import lru_cache, partial
from itertools import product, zip_longest
from typing import NamedTuple

from gevent.lock import Semaphore
from msgspec import Raw, Struct, field
from msgspec.json import Decoder

from receiver.limits import BODY_TIMED_SECONDS, TIMED_SECONDS
from receiver.settings import Token, Tokens
from receiver.sharing import let_others_run_if_due


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
