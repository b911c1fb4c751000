"""Senders, read from a folder that has one of each: what it sends, and how it proves that it knows the token."""
from __future__ import annotations

import base64
import hmac
import json
import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from localxsoar.errors import UsageError

Headers = list[tuple[str, str]]
KINDS = ('siem', 'cloud', 'identity', 'edr', 'code', 'monitoring', 'chat', 'tickets', 'other',
         'format')  # a format: one that many senders use
NAMED_SENDERS = 8  # in a message about a wrong name: more would hide what it says
ALIKE = 0.7  # so near must a name be to a wrong one (difflib's ratio, 0 to 1)
DELIVERIES, FACTS = 'deliveries.json', 'sender.yml'  # the files of a sender's folder
DIGESTS = ('sha256', 'sha512')
LAST_PLACE = 10_000  # of a sender that is not in the table
# Takes each scalar for text: `no` is a word. The one in C is ten times as quick; PyYAML may be built without it.
TEXT_LOADER = getattr(yaml, 'CBaseLoader', yaml.BaseLoader)
PLACEHOLDER = re.compile(r'\{(\w+)\}')


@dataclass(frozen=True)
class SenderRequest:
    """A request without the address to send it to."""
    headers: Headers
    query: str
    body: bytes


@dataclass(frozen=True)
class Sender:
    """A sender's recipe. `key` is the name of the folder that holds it."""
    key: str
    name: str
    kind: str
    source: str
    proof: dict[str, str]
    deliveries: list[dict[str, Any]]
    place: int = LAST_PLACE  # in the table of senders

    def delivery(self, title: str | None = None) -> dict[str, Any]:
        """Return the first delivery, or the first whose title contains `title`. Raise UsageError if there is none."""
        found = (delivery for delivery in self.deliveries if (title or '').lower() in str(delivery['title']).lower())
        if delivery := next(found, None):
            return delivery
        titles = [str(delivery['title']) for delivery in self.deliveries]
        near = get_close_matches(str(title), titles, n=3, cutoff=0.3) or titles[:3]
        raise UsageError(f'{self.name} has no delivery {title!r}, but {len(titles)} others, such as {", ".join(near)}. '
                         f'{self.key} --list shows all.')

    def request(self, delivery: Mapping[str, Any], token: str) -> SenderRequest:
        """Return a delivery as the sender would send it now, with a proof that it knows the token."""
        values = moment()
        headers = [(name, fill(str(value), values)) for name, value in delivery.get('headers', {}).items()]
        body = str(delivery['text']) if 'text' in delivery else json.dumps(fill_all(delivery['payload'], values))
        return self._prove(SenderRequest(headers, str(delivery.get('query') or ''), body.encode()), token, values)

    def sign_again(self, request: SenderRequest, token: str) -> SenderRequest:
        """Return the request with a new proof, time and id, as if the sender had sent it now."""
        values = moment()
        # Only headers that the recipe fills itself, such as a time, get a new value.
        templates = {name.lower(): str(value) for delivery in self.deliveries for name, value in delivery['headers'].items()
                     if PLACEHOLDER.search(str(value))}
        headers = [(name, fill(templates.get(name.lower(), value), values)) for name, value in request.headers]
        return self._prove(SenderRequest(headers, request.query, request.body), token, values)

    def _prove(self, request: SenderRequest, token: str, values: Mapping[str, str]) -> SenderRequest:
        """Return the request with a proof, which replaces an earlier one. Without a token there is nothing to prove."""
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


def with_query(delivery: Mapping[str, Any], query: str) -> dict[str, Any]:
    """Return a delivery with further parameters in its URL, which replace those with their names. Encode what a URL forbids."""
    added = quote(query.removeprefix('?'), safe='&=%+', errors='surrogateescape').split('&')
    names = {part.partition('=')[0] for part in added}
    kept = [part for part in str(delivery.get('query') or '').split('&') if part and part.partition('=')[0] not in names]
    return {**delivery, 'query': '&'.join([*kept, *filter(None, added)])}


def moment() -> dict[str, str]:
    """Return the placeholders that differ in each delivery: the time, in several formats, and an id."""
    now = time.time()
    iso = datetime.fromtimestamp(int(now), timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    return {'timestamp': str(int(now)), 'milliseconds': str(int(now * 1000)), 'iso': iso, 'uuid': str(uuid.uuid4())}


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with its known placeholders filled in. Unknown ones stay, because braces may be plain text."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), template)


def fill_bytes(template: str, values: Mapping[str, str | bytes]) -> bytes:
    """Return a template filled with values that may be bytes, such as a body that is not text."""
    parts = PLACEHOLDER.split(template)  # text and placeholders' names in turn, so each odd part is a name
    known = {name: value if isinstance(value, bytes) else value.encode() for name, value in values.items()}
    return b''.join(known.get(part, f'{{{part}}}'.encode()) if odd % 2 else part.encode() for odd, part in enumerate(parts))


def fill_all(value: Any, values: Mapping[str, str]) -> Any:
    """Return a payload in which each text that is just a placeholder is filled in; digits become a number."""
    if isinstance(value, dict):
        return {key: fill_all(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [fill_all(item, values) for item in value]
    if isinstance(value, str) and (match := PLACEHOLDER.fullmatch(value)) and match[1] in values:
        return int(values[match[1]]) if values[match[1]].isdigit() else values[match[1]]
    return value


def sign(proof: Mapping[str, str], token: str, text: bytes) -> dict[str, str]:
    """Return the HMAC of a text, in hexadecimal and in base64."""
    digest = hmac.new(key_bytes(proof.get('key', 'token'), token), text, proof.get('digest', 'sha256')).digest()
    return {'hex': digest.hex(), 'base64': base64.b64encode(digest).decode()}


def key_bytes(kind: str, token: str) -> bytes:
    """Return the key for an HMAC: the token itself, or what it encodes. Raise UsageError if it encodes nothing."""
    if kind == 'token' or (kind == 'whsec' and not token.startswith('whsec_')):
        return token.encode()
    if kind == 'hex':
        return key_in_hex(token)
    try:
        return base64.b64decode(token.removeprefix('whsec_'), validate=True)
    except ValueError:
        raise UsageError('This sender signs with a token in base64, but the token of the instance is not base64. '
                         'openssl rand -base64 32 prints one that is.') from None


def key_in_hex(token: str) -> bytes:
    """Return what a token encodes in hexadecimal. Raise UsageError if it is something else."""
    try:
        return bytes.fromhex(token)
    except ValueError:
        raise UsageError('This sender signs with a token in hexadecimal, but the token of the instance is not hexadecimal. '
                         'openssl rand -hex 32 prints one that is.') from None


def unusable(sender: Sender, token: str) -> str:
    """Return why the sender cannot prove that it knows this token, or ''."""
    try:
        key_bytes(sender.proof.get('key', 'token'), token)
    except UsageError as error:
        return str(error)
    return ''


def describe_proof(sender: Sender) -> str:
    """Return how the sender proves that it knows the token, in a few words."""
    proof = sender.proof
    if not proof:
        return 'no proof'
    location = proof['name'] if proof['place'] == 'header' else f'?{proof["name"]}='
    return f'{"signature" if "signed" in proof else "token"} in {location}'


# Reading the folder.


def load_senders(folder: Path) -> dict[str, Sender]:
    """Return the senders of the folder by key. Raise UsageError, with the file's name, for a wrong recipe."""
    if not folder.is_dir():
        raise UsageError(f'There is no folder of senders at {folder}.')
    return {file.parent.name: load_sender(file) for file in sorted(folder.glob(f'*/{DELIVERIES}'))}


def load_sender(file: Path) -> Sender:
    """Return the sender in one file, with the facts of the `sender.yml` beside it. Raise UsageError if the recipe is wrong.

    A file that the page has saved has the facts in itself.
    """
    try:
        key = file.parent.name if file.name == DELIVERIES else file.stem
        recipe = json.loads(file.read_text('utf-8')) | read_facts(file.with_name(FACTS))
        deliveries = [{'headers': {}, **delivery} for delivery in recipe['deliveries']]
        sender = Sender(key, recipe['sender'], recipe['kind'], recipe['source'], recipe.get('proof') or {}, deliveries,
                        int(recipe.get('place') or LAST_PLACE))
        check_sender(sender)
    except FileNotFoundError as error:
        raise UsageError(f'There is no file {error.filename}.') from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        raise UsageError(f'{file} is not a recipe of a sender: {error!r}') from None
    return sender


def read_facts(file: Path) -> dict[str, Any]:
    """Return what a recipe needs of the facts about a sender, or {} if there is no such file."""
    if not file.exists():
        return {}
    facts = yaml.load(file.read_text('utf-8'), TEXT_LOADER)
    return {'sender': facts['title'], 'kind': facts['kind'], 'source': facts['source'], 'proof': facts['proof']['send'],
            'place': facts.get('soc')}


def check_sender(sender: Sender) -> None:
    """Raise ValueError or KeyError if a recipe's value is missing or not one of those allowed."""
    proof = sender.proof
    if sender.kind not in KINDS:
        raise ValueError(f'kind must be one of {", ".join(KINDS)}')
    if proof and (proof['place'] not in ('header', 'query') or not proof['name'] or not proof['value']):
        raise ValueError('proof needs a place (header or query), a name and a value')
    if proof.get('digest', 'sha256') not in DIGESTS or proof.get('key', 'token') not in ('token', 'base64', 'whsec', 'hex'):
        raise ValueError('proof.digest must be sha256 or sha512, proof.key must be token, base64, whsec or hex')
    if not sender.deliveries or not all(each['title'] and {'payload', 'text'} & {*each} for each in sender.deliveries):
        raise ValueError('there must be at least one delivery, each with a title, and a payload or a text')


def find_sender(senders: Mapping[str, Sender], word: str) -> Sender:
    """Return the sender with this key or name, or else the only one whose key or name contains the word.

    Raise UsageError with the candidates if there is no such sender, or more than one.
    """
    wanted = word.lower()
    exact = [sender for sender in senders.values() if wanted in (sender.key.lower(), sender.name.lower())]
    near = exact or [sender for sender in senders.values() if wanted in f'{sender.key} {sender.name}'.lower()]
    if len(near) == 1:
        return near[0]
    if near:
        raise UsageError(f'{word!r} is one of several senders: {enumerate_keys([sender.key for sender in near])}.')
    alike = keys_like(senders, wanted)
    hint = f'Did you mean {enumerate_keys(alike)}?' if alike else f'There are {len(senders)}.'
    raise UsageError(f'{word!r} is not a sender. {hint}')


def keys_like(senders: Mapping[str, Sender], word: str) -> list[str]:
    """Return the keys of the senders whose key or name, or a word of it, is nearly the given word, the nearest first."""
    keys: dict[str, list[str]] = {}
    for sender in senders.values():
        for name in (sender.key.lower(), sender.name.lower()):
            for spelling in {name, *re.split(r'[\W_]+', name)}:
                keys.setdefault(spelling, []).append(sender.key)
    return list(dict.fromkeys(key for near in get_close_matches(word, keys, NAMED_SENDERS, ALIKE) for key in keys[near]))


def enumerate_keys(keys: Sequence[str]) -> str:
    """Return the first keys, and how many others there are."""
    others = len(keys) - NAMED_SENDERS
    return f'{", ".join(keys[:NAMED_SENDERS])}{f" and {others} others" if others > 0 else ""}'
