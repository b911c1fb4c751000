"""The checklist of a rejection: what of the sender's proof was found, and what of it fits the token, but never what would fit.

The sender's recipe and the instance's token say it all; the integration is not asked, and its response says no more than before.
"""
from __future__ import annotations

import base64
import hmac
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from urllib.parse import parse_qsl, unquote

from localxsoar.webhooks.deliveries import Delivery
from localxsoar.errors import UsageError
from localxsoar.webhooks.masks import LONG_ENOUGH, MASK, Masks, is_secret, is_token_name
from localxsoar.webhooks.readable import SHOWN_BYTES, readable
from localxsoar.webhooks.senders import PLACEHOLDER, Sender, describe_proof, fill, fill_bytes, key_bytes

REJECTED = (401, 403)
RIGHT_TOKEN = 'The token is right'
USUAL_WINDOW_SECONDS = 5 * 60
# What a proof's placeholders may be, and what a person calls them.
FORMS = {'hex': r'[0-9A-Fa-f]+', 'base64': r'[A-Za-z0-9+/_-]+=*', 'timestamp': r'\d{1,12}', 'milliseconds': r'\d{1,15}',
         'iso': r'[0-9T:.Z+-]+', 'uuid': r'[^\s,]+'}
NAMES = {'hex': '<hexadecimal>', 'base64': '<base64>', 'timestamp': '<time>', 'milliseconds': '<time>', 'iso': '<time>',
         'uuid': '<id>', 'body': '<body>', 'token': '<token>', 'basic': '<base64 of user:token>'}
TIMES = ('timestamp', 'milliseconds', 'iso')
KEYS = {'token': 'the token', 'base64': 'the token, decoded from base64',
        'hex': 'the token, decoded from hexadecimal', 'whsec': 'what follows whsec_ in the token, decoded from base64'}
YEAR_SECONDS = 365 * 86400
UNITS = (('d', 86400), ('h', 3600), ('min', 60), ('s', 1))
UNFILLED = re.compile(r'^[<$%{].*[>%}]$|^\$\w+$')


@dataclass(frozen=True)
class Check:
    """One line of the checklist. `state` is good, bad, warn, or '' for what is only said."""
    state: str
    title: str
    text: str

    def is_cause(self) -> bool:
        """Return whether this says what is wrong with what was found, so that it comes first."""
        return self.state in ('bad', 'warn') and self.title not in ('Sender', 'Looked for')


@dataclass(frozen=True)
class Rejection:
    """A delivery that was rejected, with all that its proof depends on."""
    delivery: Delivery
    sender: Sender | None
    token: str
    masks: Masks

    def checks(self) -> list[dict[str, str]]:
        """Return the checklist, or nothing if the delivery was not rejected for its proof."""
        if self.delivery.status not in REJECTED or not self.token:
            return []
        proof = self.sender.proof if self.sender else {}
        found = [self._sender(), *(self._proof(proof) if proof else self._any_proof()), *self._elsewhere(proof)]
        return [asdict(check) for check in sorted(found, key=lambda check: not check.is_cause())]

    def distance(self) -> tuple[bool, int]:
        """Return how far the delivery is from a proof with this token, to compare it with the other tokens of the instance."""
        is_elsewhere = any(near(value, self.token) for _, _, value in pairs_of(self.delivery))
        return not is_elsewhere, sum(check['state'] in ('bad', 'warn') for check in self.checks())

    def _sender(self) -> Check:
        if self.sender and self.sender.proof:
            if self.sender.key != self.delivery.sender_key:
                return Check('warn', 'Sender', f'Not recognized, but it signs as {self.sender.name} does.')
            return Check('good', 'Sender', f'Recognized as {self.sender.name} ({describe_proof(self.sender)}).')
        if self.sender:
            return Check('', 'Sender', f'Recognized as {self.sender.name}, which has no place of its own for the token.')
        return Check('warn', 'Sender', 'Not recognized.')

    def _proof(self, proof: Mapping[str, str]) -> Iterator[Check]:
        where = place(proof['place'], proof['name'])
        values = self._values(proof['place'], proof['name'])
        if not values:
            names = self._secret_names()
            instead = f' What could hold a secret instead: {", ".join(names)}.' if names else ''
            yield Check('bad', 'Looked for', f'{where} is not there.{instead}')
            return
        masked = self.masks.headers([(proof['name'], values[0])])[0]['value'] if proof['place'] == 'header' else MASK
        yield Check('good', 'Looked for', f'{where} is there: {masked or "empty"}')
        yield from self._signature(proof, values[0]) if 'signed' in proof else [self._token(proof, values[0])]

    def _any_proof(self) -> Iterator[Check]:
        names = [name for name in self._secret_names() if not any(near(value, self.token) for value in self._values_of(name))]
        different = f'; {", ".join(names)} {"have" if names[1:] else "has"} a different value' if names else ''
        yield Check('bad', 'Looked for', f'The token, as the whole value of a header or query parameter: not found{different}.')

    def _values(self, where: str, name: str) -> list[str]:
        pairs = self.delivery.headers if where == 'header' else query_of(self.delivery)
        return [value for each, value in pairs if each.lower() == name.lower()]

    def _values_of(self, name: str) -> list[str]:
        return [value for _, each, value in pairs_of(self.delivery) if each == name]

    def _secret_names(self) -> list[str]:
        """Return the names of the headers and query parameters that could hold a proof."""
        return list(dict.fromkeys(name for _, name, value in pairs_of(self.delivery) if is_secret(name) and value))

    # The token itself.

    def _token(self, proof: Mapping[str, str], value: str) -> Check:
        basic = base64.b64encode(f'webhook:{self.token}'.encode()).decode()
        return Check(*compare(value, fill(proof['value'], {'token': self.token, 'basic': basic})))

    def _elsewhere(self, proof: Mapping[str, str]) -> Iterator[Check]:
        """Yield the places where the token is although it was not looked for there."""
        for where, name, value in pairs_of(self.delivery):
            is_expected = bool(proof) and (where, name.lower()) == (proof['place'], proof['name'].lower())
            if not is_expected and (hint := near(value, self.token)):
                yield Check('warn', 'Token', f'{place(where, name)} contains the token, {hint}.')
        body = readable(self.delivery.headers, bytes(self.delivery.body)).text
        if self._is_in(body):
            yield Check('warn', 'Token', 'The body contains it. There it proves nothing: it belongs in a header or the query.')

    def _is_in(self, body: str) -> bool:
        """Return whether a body has the token. A short one, which may be an ordinary word, must be a whole value."""
        if len(self.token) >= LONG_ENOUGH:
            return Masks(lambda: [self.token]).text(body) != body
        return re.search(rf':\s*"{re.escape(self.token)}"|={re.escape(self.token)}(?:&|$)', body) is not None

    # Signatures.

    def _signature(self, proof: Mapping[str, str], value: str) -> Iterator[Check]:
        digest = proof.get('digest', 'sha256')
        encoding = 'hex' if '{hex}' in proof['value'] else 'base64'
        yield Check('', 'Algorithm', f'HMAC-{digest[:3].upper()}-{digest[3:]} of {readable_form(proof["signed"])}, in '
                                     f'{NAMES[encoding][1:-1]}; the key is {KEYS[proof.get("key", "token")]}.')
        matches = list(template_pattern(proof['value']).finditer(value))
        known = self._parts(proof, matches[0].groupdict() if matches else {})
        yield from self._times(proof, known)
        sizes = [len(raw(match[encoding], encoding)) for match in matches]
        expected = hmac.new(b'', b'', digest).digest_size
        if expected not in sizes:
            sha1 = ', the length of SHA-1' if 20 in sizes else ''
            what = f' of {expected} bytes; found {counted(max(sizes))}{sha1}.' if sizes else ', but the value has another form.'
            yield Check('bad', 'Form', f'Expected {readable_form(proof["value"])}{what}')
            return
        yield Check('good', 'Form', f'{readable_form(proof["value"])}, as expected.')
        if missing := [name for name in PLACEHOLDER.findall(proof['signed']) if name not in known and name != 'body']:
            yield Check('bad', 'Signed text', f'{" and ".join(NAMES[name] for name in missing)} is missing in the request.')
            return
        yield self._fit(proof, {bytes(raw(match[encoding], encoding)) for match in matches}, known)

    def _parts(self, proof: Mapping[str, str], in_value: Mapping[str, str]) -> dict[str, str]:
        """Return the parts of the signed text beside the body: each is in the proof itself or in a header of its own."""
        known = {name: value for name, value in in_value.items() if value}
        for name, value in self.delivery.headers:
            for placeholder in PLACEHOLDER.findall(proof['signed']):
                if f'{{{placeholder}}}' == self._templates().get(name.lower()):
                    known.setdefault(placeholder, value)
        return known

    def _templates(self) -> dict[str, str]:
        deliveries = self.sender.deliveries if self.sender else []
        return {name.lower(): str(value) for delivery in deliveries for name, value in delivery['headers'].items()}

    def _times(self, proof: Mapping[str, str], known: Mapping[str, str]) -> Iterator[Check]:
        for name in TIMES:
            if f'{{{name}}}' not in proof['signed'] or name not in known:
                continue
            if (moment := read_time(name, known[name])) is None:
                yield Check('bad', 'Clock', 'The time of the signature cannot be read.')
                continue
            off = moment - self.delivery.started
            text = f'It was signed {duration(abs(off))} {"after" if off > 0 else "before"} it arrived here'
            yield Check('good', 'Clock', f'{text}.') if abs(off) <= USUAL_WINDOW_SECONDS else Check(
                'bad', 'Clock', f'{text}: more than the usual 5 minutes. An old delivery came again, or a clock is wrong.')

    def _fit(self, proof: Mapping[str, str], digests: set[bytes], known: Mapping[str, str]) -> Check:
        if gap := self.delivery.gap():
            return Check('warn', 'Signature', f'It cannot be computed again. {gap}')
        digest = proof.get('digest', 'sha256')
        try:
            key = key_bytes(proof.get('key', 'token'), self.token)
        except UsageError as error:
            return Check('bad', 'Signature', str(error))

        def fits(key: bytes, body: bytes, signed: str = proof['signed']) -> bool:
            text = fill_bytes(signed, {**known, 'body': body})
            return any(hmac.compare_digest(hmac.new(key, text, digest).digest(), each) for each in digests)

        body = bytes(self.delivery.body)
        if fits(key, body):
            return Check('good', 'Signature', 'It matches.')
        hint = next(self._near_fits(fits, key, body), '')
        return Check('bad', 'Signature', hint or 'It does not match the body and the token: the sender has another secret, '
                                                 'or the body was changed on its way.')

    def _near_fits(self, fits: Callable[..., bool], key: bytes, body: bytes) -> Iterator[str]:
        """Yield why the signature nearly fits: another key or another text than expected."""
        if len(body) > SHOWN_BYTES:
            return
        for other, what in other_keys(self.token):
            if other != key and fits(other, body):
                yield f'It would fit if the key were {what}.'
        if fits(key, body, '{body}'):
            yield 'It fits the body alone: the sender has not signed the time.'
        for text, what in other_bodies(self.delivery, body):
            if text != body and fits(key, text):
                yield f'{RIGHT_TOKEN}: it signs {what}. Something between the sender and here changes the body.'


def sender_by_proof(senders: Iterable[Sender], delivery: Delivery) -> Sender | None:
    """Return the first sender that signs in a header which the delivery has, or None."""
    shown = {name.lower(): value for name, value in delivery.headers}
    return next((sender for sender in senders if 'signed' in sender.proof and template_pattern(sender.proof['value']).search(
        shown.get(sender.proof['name'].lower(), ''))), None)


def place(where: str, name: str) -> str:
    return f'The {"header" if where == "header" else "query parameter"} {name}'


def pairs_of(delivery: Delivery) -> list[tuple[str, str, str]]:
    """Return the place, name and value of each header and query parameter."""
    return [('header', *pair) for pair in delivery.headers] + [('query', *pair) for pair in query_of(delivery)]


def token_place(delivery: Delivery, token: str) -> tuple[str, str] | None:
    """Return the place and name of what nearly has the token or, if nothing has, of what could be meant to have it."""
    pairs = pairs_of(delivery)
    found = [(where, name) for where, name, value in pairs if near(value, token)]
    found += [(where, name) for where, name, value in pairs if value and is_token_name(name)]
    return next(iter(found), None)


def query_of(delivery: Delivery) -> list[tuple[str, str]]:
    return parse_qsl(delivery.target.partition('?')[2], keep_blank_values=True)


def compare(value: str, expected: str) -> tuple[str, str, str]:
    """Return the check of a value that should be the token."""
    if hmac.compare_digest(value.encode(), expected.encode()):
        return 'good', 'Token', 'It is the token of the instance, which may have changed since.'
    if hint := near(value, expected):
        return 'bad', 'Token', f'It is the token, {hint}.'
    if UNFILLED.match(value):
        return 'bad', 'Token', 'It is a placeholder that the sender has not filled in.'
    return 'bad', 'Token', 'It is another value.'


def near(value: str, expected: str) -> str:
    """Return what to change in a value so that it is the expected one, or ''."""
    scheme, _, rest = value.partition(' ')
    for candidate, hint in ((value, 'as its whole value'), (value.strip(), 'with blanks around it'),
                            (value.strip('\'"'), 'in quotes'),
                            (rest.strip(), f'after "{scheme}": remove that word, or make it part of the token'),
                            (unquote(value), 'percent-encoded'), (decoded(rest or value), 'in base64'),
                            (decoded(rest or value).partition(':')[2], 'as the password of Basic authentication')):
        if candidate and hmac.compare_digest(candidate.encode(), expected.encode()):
            return hint
    if value and value == expected.partition(' ')[2]:
        return f'without the word {expected.partition(" ")[0]} with which the token begins'
    return 'with other capitals' if value.lower() == expected.lower() else ''


def decoded(text: str) -> str:
    with suppress(ValueError):
        return base64.b64decode(text, validate=True).decode()
    return ''


def template_pattern(template: str) -> re.Pattern[str]:
    """Return a pattern for the values that a recipe's template can have."""
    parts = PLACEHOLDER.split(template)
    return re.compile(''.join(re.escape(part) if odd % 2 == 0 else f'(?P={part})' if part in parts[1:odd:2]
                              else f'(?P<{part}>{FORMS.get(part, ".+")})' for odd, part in enumerate(parts)))


def readable_form(template: str) -> str:
    return 'the body' if template == '{body}' else fill(template, NAMES)


def counted(size: int) -> str:
    return f'{size} byte' if size == 1 else f'{size} bytes'


def raw(text: str, encoding: str) -> bytes:
    """Return the bytes of a digest, or none if they are not encoded in this way."""
    with suppress(ValueError):
        return bytes.fromhex(text) if encoding == 'hex' else base64.b64decode(text.replace('-', '+').replace('_', '/'))
    return b''


def read_time(name: str, text: str) -> float | None:
    with suppress(ValueError, OverflowError):
        if name != 'iso':
            value = float(text) / (1000 if name == 'milliseconds' else 1)
            return value if math.isfinite(value) else None
        moment = datetime.fromisoformat(text.replace('Z', '+00:00'))
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    return None


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, or in years if there are several."""
    if seconds >= 2 * YEAR_SECONDS:
        return f'{seconds // YEAR_SECONDS:.0f} years'
    rest = int(seconds)
    parts: list[str] = []
    for unit, size in UNITS:
        if rest >= size or (unit == 's' and not parts):
            parts.append(f'{rest // size} {unit}')
            rest %= size
    return ' '.join(parts[:2])


def other_keys(token: str) -> Iterator[tuple[bytes, str]]:
    yield token.encode(), 'the text of the token'
    yield token.strip().encode(), 'the token without the blanks around it'
    yield token.removeprefix('whsec_').encode(), 'the token without whsec_'
    yield f'{token}\n'.encode(), 'the token with a line break after it'
    with suppress(ValueError):
        yield base64.b64decode(token.removeprefix('whsec_'), validate=True), 'the token, decoded from base64'
    with suppress(ValueError):
        yield bytes.fromhex(token), 'the token, decoded from hexadecimal'


def other_bodies(delivery: Delivery, body: bytes) -> Iterator[tuple[bytes, str]]:
    yield body.rstrip(b'\r\n'), 'the body without its last line break'
    yield body + b'\n', 'the body with a line break after it'
    yield body.replace(b'\r\n', b'\n'), 'the body with other line breaks'
    if (seen := readable(delivery.headers, body)).is_decompressed:
        yield seen.text.encode(), 'the decompressed body'
    with suppress(ValueError, RecursionError):
        content = json.loads(body)
        for separators in ((',', ':'), (', ', ': ')):
            for is_ascii in (True, False):
                text = json.dumps(content, separators=separators, ensure_ascii=is_ascii)
                yield text.encode('utf-8', 'replace'), 'the same JSON, written in another way'
