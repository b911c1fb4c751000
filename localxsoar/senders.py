"""Senders out of a folder of recipes: what each one posts, and how it proves who it is."""
from __future__ import annotations

import base64
import hmac
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from localxsoar.errors import UsageError

Headers = list[tuple[str, str]]
KINDS = ('siem', 'cloud', 'identity', 'edr', 'code', 'monitoring', 'chat', 'tickets', 'other')
DIGESTS = ('sha256', 'sha512')
PLACEHOLDER = re.compile(r'\{(\w+)\}')


@dataclass(frozen=True)
class SenderRequest:
    """What goes over the wire, but for the address that it goes to."""
    headers: Headers
    query: str
    body: bytes


@dataclass(frozen=True)
class Sender:
    """One file of the folder; `key` is its name without `.json`."""
    key: str
    name: str
    kind: str
    source: str
    proof: dict[str, str]
    deliveries: list[dict[str, Any]]

    def delivery(self, title: str | None = None) -> dict[str, Any]:
        """The first delivery, or the first whose title has these words; UsageError when there is none."""
        found = (delivery for delivery in self.deliveries if (title or '').lower() in str(delivery['title']).lower())
        if delivery := next(found, None):
            return delivery
        titles = ', '.join(str(delivery['title']) for delivery in self.deliveries)
        raise UsageError(f'{self.name} has no delivery {title!r}. Known: {titles}.')

    def request(self, delivery: Mapping[str, Any], token: str) -> SenderRequest:
        """The delivery as the sender sends it now, with the proof that it knows the token."""
        values = moment()
        headers = [(name, fill(str(value), values)) for name, value in delivery.get('headers', {}).items()]
        body = str(delivery['text']) if 'text' in delivery else json.dumps(fill_all(delivery['payload'], values))
        return self._prove(SenderRequest(headers, str(delivery.get('query') or ''), body.encode()), token, values)

    def sign_again(self, request: SenderRequest, token: str) -> SenderRequest:
        """The request with a proof, a time and a number of its own, as if the sender had sent it now."""
        values = moment()
        templates = {name.lower(): str(value) for delivery in self.deliveries for name, value in delivery['headers'].items()
                     if PLACEHOLDER.search(str(value))}
        headers = [(name, fill(templates.get(name.lower(), value), values)) for name, value in request.headers]
        return self._prove(SenderRequest(headers, request.query, request.body), token, values)

    def _prove(self, request: SenderRequest, token: str, values: Mapping[str, str]) -> SenderRequest:
        """Puts the proof in its place, instead of one that is there. Without a token there is nothing to prove."""
        proof = self.proof
        if not proof or not token:
            return request
        basic = base64.b64encode(f'webhook:{token}'.encode()).decode()
        known = {**values, 'token': token, 'basic': basic}
        if 'signed' in proof:
            known |= sign(proof, token, fill_bytes(proof['signed'], {**known, 'body': request.body}))
        name, value = proof['name'], fill(proof['value'], known)
        if proof['place'] == 'header':
            headers = [item for item in request.headers if item[0].lower() != name.lower()]
            return SenderRequest([*headers, (name, value)], request.query, request.body)
        others = [part for part in request.query.split('&') if part and part.partition('=')[0] != name]
        return SenderRequest(request.headers, '&'.join([*others, f'{name}={quote(value, safe="")}']), request.body)


def moment() -> dict[str, str]:
    """What differs from delivery to delivery: one time in every spelling, and one number."""
    now = time.time()
    iso = datetime.fromtimestamp(int(now), timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    return {'timestamp': str(int(now)), 'milliseconds': str(int(now * 1000)), 'iso': iso, 'uuid': str(uuid.uuid4())}


def fill(template: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def fill_bytes(template: str, values: Mapping[str, str | bytes]) -> bytes:
    """A template filled with the bytes of a body, which need be no text."""
    parts = PLACEHOLDER.split(template)
    known = {name: value if isinstance(value, bytes) else value.encode() for name, value in values.items()}
    return b''.join(known.get(part, f'{{{part}}}'.encode()) if odd % 2 else part.encode() for odd, part in enumerate(parts))


def fill_all(value: Any, values: Mapping[str, str]) -> Any:
    """A payload with the texts that are one placeholder filled; a time as the number that it is."""
    if isinstance(value, dict):
        return {key: fill_all(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_all(item, values) for item in value]
    if isinstance(value, str) and (match := PLACEHOLDER.fullmatch(value)) and match[1] in values:
        return int(values[match[1]]) if values[match[1]].isdigit() else values[match[1]]
    return value


def sign(proof: Mapping[str, str], token: str, text: bytes) -> dict[str, str]:
    """The HMAC of a text, in both of its spellings."""
    digest = hmac.new(key_bytes(proof.get('key', 'token'), token), text, proof.get('digest', 'sha256')).digest()
    return {'hex': digest.hex(), 'base64': base64.b64encode(digest).decode()}


def key_bytes(kind: str, token: str) -> bytes:
    """The key that a token stands for: its text, or what it spells in base64."""
    if kind == 'token' or (kind == 'whsec' and not token.startswith('whsec_')):
        return token.encode()
    try:
        return base64.b64decode(token.removeprefix('whsec_'), validate=True)
    except ValueError:
        raise UsageError('This sender signs with a token that is base64, and the instance has another.') from None


# Reading the folder.


def load_senders(folder: Path) -> dict[str, Sender]:
    """The senders of the folder by key, or UsageError that names the file."""
    if not folder.is_dir():
        raise UsageError(f'There is no folder of senders at {folder}.')
    return {file.stem: load_sender(file) for file in sorted(folder.glob('*.json'))}


def load_sender(file: Path) -> Sender:
    try:
        recipe = json.loads(file.read_text('utf-8'))
        sender = Sender(file.stem, recipe['sender'], recipe['kind'], recipe['source'], recipe.get('proof') or {},
                        [{'headers': {}, **delivery} for delivery in recipe['deliveries']])
        check_sender(sender)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f'{file} is no recipe of a sender: {error!r}') from None
    return sender


def check_sender(sender: Sender) -> None:
    proof = sender.proof
    if sender.kind not in KINDS:
        raise ValueError(f'kind is none of {", ".join(KINDS)}')
    if proof and (proof['place'] not in ('header', 'query') or not proof['name'] or not proof['value']):
        raise ValueError('proof needs a place (header or query), a name and a value')
    if proof.get('digest', 'sha256') not in DIGESTS or proof.get('key', 'token') not in ('token', 'base64', 'whsec'):
        raise ValueError('proof.digest is sha256 or sha512, proof.key token, base64 or whsec')
    if not sender.deliveries or not all(each['title'] and {'payload', 'text'} & {*each} for each in sender.deliveries):
        raise ValueError('deliveries need one at least, each with a title, and a payload or a text')


def find_sender(senders: Mapping[str, Sender], word: str) -> Sender:
    """The sender of this key or name, or the only one that has the word in either; UsageError that names those that come near."""
    wanted = word.lower()
    exact = [sender for sender in senders.values() if wanted in (sender.key.lower(), sender.name.lower())]
    near = exact or [sender for sender in senders.values() if wanted in f'{sender.key} {sender.name}'.lower()]
    if len(near) == 1:
        return near[0]
    raise UsageError(f'{word!r} is {"one of several senders" if near else "no sender"}: '
                     f'{", ".join(sender.key for sender in near or senders.values())}.')
