"""Recipes from deliveries: a file for the folder of senders that sends the same event again, without a secret of this system."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address
from typing import Any

from localxsoar.webhooks.checklist import decoded, query_of, sender_by_proof
from localxsoar.webhooks.deliveries import Delivery
from localxsoar.errors import UsageError
from localxsoar.forward import NOT_FORWARDED
from localxsoar.webhooks.masks import LONG_ENOUGH, MASK, Masks
from localxsoar.webhooks.readable import readable
from localxsoar.webhooks.senders import DIGESTS, PLACEHOLDER, Sender, fill_all, moment, sign
from localxsoar.incidents.store import UNCLASSIFIED, state_of

FILL_IN = 'FILL IN:'  # what a person must write begins with it
PRODUCT = f'{FILL_IN} the name of the product'
SOURCE = f'{FILL_IN} the address of the page that documents this delivery, https://...'
TYPE_PARAMETER = 'incidentType'  # the platform's own name for an instance's incident type
# Headers of the connection, of proxies and of clients in general: they say nothing of the sender, and some its address.
LEFT_OUT = NOT_FORWARDED | {
    'host', 'content-length', 'content-encoding', 'accept', 'accept-encoding', 'accept-language', 'cache-control', 'pragma',
    'date', 'origin', 'referer', 'from', 'forwarded', 'via', 'traceparent', 'tracestate', 'baggage', 'x-request-id',
    'x-correlation-id', 'x-amzn-trace-id', 'x-cloud-trace-context', 'x-scheme', 'cdn-loop'}
LEFT_OUT_STARTS = ('x-forwarded', 'x-original-', 'x-real-', 'x-envoy-', 'x-b3-', 'x-azure-', 'x-arr-', 'cf-connecting-', 'cf-ip',
                   'cf-ray', 'cf-visitor', 'sec-', 'x-appengine-')
# A token or a signature after no more than the names of its scheme and field: anything else may be another secret.
PROOF = re.compile(r'(?:[A-Za-z]{1,16} )?(?:[A-Za-z][\w-]{0,15}[=:,] ?)?(?P<quote>"?)\{(?:token|basic|hex|base64)\}(?P=quote)')


@dataclass(frozen=True)
class Recipes:
    """Recipes made from deliveries. `token` and `params` return what the instance of a delivery has at the moment."""
    senders: Mapping[str, Sender]
    masks: Masks
    token: Callable[[Delivery], str]
    params: Callable[[Delivery], Mapping[str, Any]]
    incident: Callable[[str], dict[str, Any] | None]

    def file_name(self, delivery: Delivery) -> str:
        """Return a name that no file of the folder has."""
        sender = self.masks.text(delivery.sender).lower()
        key = delivery.sender_key or re.sub('[^a-z0-9]+', '-', sender).strip('-')[:40] or 'sender'
        names = (f'{key}-new{number}' for number in ('', *map(str, range(2, len(self.senders) + 3))))
        return f'{next(name for name in names if name not in self.senders)}.json'

    def unsavable(self, delivery: Delivery) -> str:
        """Return why no recipe can be made of the delivery, or ''."""
        try:
            self._text(delivery)
            self._incident(delivery)
        except UsageError as error:
            return str(error)
        return ''

    def make(self, delivery: Delivery) -> dict[str, Any]:
        """Return the recipe. Raise UsageError if none can be made."""
        text, incident = self._text(delivery), self._incident(delivery)
        known = self.senders.get(delivery.sender_key)
        proof = proof_of(delivery, known, self.senders, self.token(delivery))
        own_type = str(self.params(delivery).get(TYPE_PARAMETER) or '')
        expected, *others = [expectation(each, delivery, own_type) for each in [incident, *self._others(delivery)]]
        query = self._query(delivery, proof)
        return dict(self.masks.everywhere({  # the finished recipe, so that no field can be forgotten
            'sender': known.name if known else PRODUCT, 'kind': known.kind if known else 'other',
            'source': known.source if known and known.source else SOURCE, **({'proof': proof} if proof else {}),
            'deliveries': [{'title': expected['name'] or f'delivery {delivery.number}',
                            'headers': self._headers(delivery, known, proof), **({'query': query} if query else {}),
                            **content(text), 'expected': expected, **({'others_expected': others} if others else {})}]}))

    # What a delivery must have.

    def _text(self, delivery: Delivery) -> str:
        if missing := delivery.gap():
            raise UsageError(missing)
        if delivery.method != 'POST':
            raise UsageError(f'A recipe is sent by POST, and this came by {delivery.method}.')
        seen = readable(delivery.headers, bytes(delivery.body))
        if not seen.is_text:
            raise UsageError('The body is not text, so it cannot become a recipe.')
        if seen.is_cut:
            raise UsageError('The body is too long for a recipe.')
        return seen.text

    def _incident(self, delivery: Delivery) -> dict[str, Any]:
        """Return the first incident that the delivery created."""
        if delivery.kind == 'repeat':
            raise UsageError('A repeat creates no incident: save the first delivery as a recipe.')
        if not created_by(delivery):
            raise UsageError('It created no incident by which a recipe could be tested.')
        incident = self.incident(created_by(delivery)[0])
        if not incident:
            raise UsageError('Its incident is no longer there.')
        if seconds(incident['created']) < delivery.started:
            raise UsageError('Its first incident is that of an earlier delivery.')
        return incident

    def _others(self, delivery: Delivery) -> list[dict[str, Any]]:
        """Return the incidents after the first that the delivery created."""
        return [found for number in created_by(delivery)[1:] if (found := self.incident(number))]

    # Its parts.

    def _headers(self, delivery: Delivery, known: Sender | None, proof: Mapping[str, str]) -> dict[str, str]:
        """Return the headers worth keeping. What the sender's recipe fills in, such as a time, is a placeholder."""
        templates = known_templates(known or sender_by_proof(self.senders.values(), delivery), proof)
        found: dict[str, str] = {}
        for header in self.masks.headers(delivery.headers):
            name, value = str(header['name']), str(header['value'])
            if is_noise(name, value) or is_proof(proof, 'header', name):
                continue
            kept = templates.get(name.lower(), value)
            if MASK not in self.masks.text(f'{name}: {kept}'):
                found[name] = f'{found[name]}, {kept}' if name in found else kept
        return found

    def _query(self, delivery: Delivery, proof: Mapping[str, str]) -> str:
        parts = self.masks.target(delivery.target).partition('?')[2].split('&')
        return '&'.join(part for part in parts if part and MASK not in self.masks.text(part)
                        and not is_proof(proof, 'query', part.partition('=')[0]))


def created_by(delivery: Delivery) -> list[str]:
    """Return the incidents that a delivery created, also if its sender had left. Stores of earlier versions say less."""
    return delivery.own or (delivery.incidents if delivery.kind == 'created' else [])


def is_proof(proof: Mapping[str, str], place: str, name: str) -> bool:
    return bool(proof) and (proof['place'], proof['name'].lower()) == (place, name.lower())


def is_noise(name: str, value: str) -> bool:
    """Return whether a header says nothing of the sender, or has the address of a machine."""
    return name.lower() in LEFT_OUT or name.lower().startswith(LEFT_OUT_STARTS) or any(map(is_address, value.split(',')))


def is_address(text: str) -> bool:
    with suppress(ValueError):
        return bool(ip_address(text.strip(' []')))
    return False


def known_templates(sender: Sender | None, proof: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that a sender's recipe fills in, by their names in small letters, if the proof is the sender's."""
    if not sender or sender.proof != proof:
        return {}
    return {name.lower(): str(value) for delivery in sender.deliveries for name, value in delivery['headers'].items()
            if PLACEHOLDER.search(str(value))}


# The proof.


def proof_of(delivery: Delivery, known: Sender | None, senders: Mapping[str, Sender], token: str) -> dict[str, str]:
    """Return how the sender proves that it knows the token, as a recipe says it, or {}."""
    if known and known.proof:
        return dict(known.proof)
    if not token:
        return {}
    alike = sender_by_proof(senders.values(), delivery)
    return shown_token(delivery, token) or body_signature(delivery, token) or (dict(alike.proof) if alike else {})


def shown_token(delivery: Delivery, token: str) -> dict[str, str]:
    """Return where the delivery shows the token itself, or {}."""
    places = [('header', *pair) for pair in delivery.headers] + [('query', *pair) for pair in query_of(delivery)]
    for place, name, value in places:
        is_basic = value.startswith('Basic ') and decoded(value.partition(' ')[2]).partition(':')[2] == token
        template = 'Basic {basic}' if is_basic else value.replace(token, '{token}')
        if PROOF.fullmatch(template) and (is_basic or value == token or (len(token) >= LONG_ENOUGH and token in value)):
            return {'place': place, 'name': name, 'value': template}
    return {}


def body_signature(delivery: Delivery, token: str) -> dict[str, str]:
    """Return the header with an HMAC of the body by the token, or {}."""
    for digest in DIGESTS:
        for encoding, text in sign({'digest': digest}, token, bytes(delivery.body)).items():
            for name, value in delivery.headers:
                template = value.replace(text, f'{{{encoding}}}')
                if text in value and PROOF.fullmatch(template):
                    return {'place': 'header', 'name': name, 'value': template, 'signed': '{body}', 'digest': digest,
                            'key': 'token'}
    return {}


# The incident and the body.


def content(text: str) -> dict[str, Any]:
    """Return a body as a payload or, if writing its JSON again would change it, as text."""
    with suppress(ValueError, RecursionError):
        payload = exact_json(text)
        json.dumps(payload, indent=2)  # which cannot write what is nested too deeply
        return {'payload': payload}
    return {'text': text}


def expectation(incident: Mapping[str, Any], delivery: Delivery, own_type: str) -> dict[str, Any]:
    """Return what the recipe expects of the incident; null for what does not come from the event."""
    # The time of arrival is neither before the delivery nor after its incident.
    is_arrival = delivery.started <= seconds(incident['occurred']) <= seconds(incident['created'])
    more = {'severity': incident.get('severity'), 'state': state_of(incident), 'problem_key': incident.get('dbotMirrorId')}
    return {'name': incident['name'], 'type': None if incident['type'] in (own_type, UNCLASSIFIED) else incident['type'],
            'occurred': None if is_arrival else incident['occurred'], **{key: value for key, value in more.items() if value}}


def seconds(text: str) -> float:
    """Return a date of RFC 3339 in seconds since 1970, or 0 if Python cannot read it."""
    with suppress(ValueError, OverflowError):
        fraction = re.compile(r'\.(\d+)')  # some versions of Python read only 3 or 6 digits
        return datetime.fromisoformat(fraction.sub(lambda match: f'.{match[1][:6]:0<6}', text).replace('Z', '+00:00')).timestamp()
    return 0.0


def exact_json(text: str) -> Any:
    """Return the object or array of a JSON text. Raise ValueError if a program that reads and writes it would change it."""
    value = json.loads(text, object_pairs_hook=unique_keys, parse_int=exact_number, parse_float=exact_number,
                       parse_constant=exact_number)
    if not isinstance(value, dict | list) or fill_all(value, moment()) != value:
        raise ValueError('it is not an object or an array, or it has what a recipe takes for a placeholder')
    return value


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object. Raise ValueError if a key is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError('a key is there twice')
    return found


def exact_number(text: str) -> int | float:
    """Return a number. Raise ValueError if most programs cannot represent it."""
    number = float(text)
    with suppress(InvalidOperation):
        if Decimal(text) == Decimal(repr(number)):
            return number if re.search('[.eE]', text) else int(text)
    raise ValueError(f'{text} would be changed')


def written(recipe: Mapping[str, Any]) -> bytes:
    """Return a recipe as the text of a file. Halves of a pair of surrogates, which UTF-8 has not, are escaped."""
    return json.dumps(recipe, indent=2, ensure_ascii=False).encode('utf-8', 'backslashreplace') + b'\n'
