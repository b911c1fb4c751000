"""Replay: the request with which the page sends a delivery again, as it came, with a valid proof, or edited."""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localxsoar.webhooks.checklist import sender_by_proof, token_place
from localxsoar.webhooks.deliveries import Delivery
from localxsoar.errors import UsageError
from localxsoar.forward import Headers, Request
from localxsoar.webhooks.masks import MASK, Masks
from localxsoar.webhooks.readable import readable
from localxsoar.webhooks.senders import Sender, SenderRequest, unusable

PEER = 'localxsoar'
# Headers of the recorded connection: an edited request gets its own.
NOT_SENT_AGAIN = {'host', 'content-length', 'transfer-encoding', 'connection', 'expect'}


@dataclass
class Replay:
    """Requests made from deliveries. `token` and `proof_headers` return what the instance of a delivery has at the moment."""
    senders: Mapping[str, Sender]
    masks: Masks
    token: Callable[[Delivery], str]
    proof_headers: Callable[[Delivery], list[str]]

    def request(self, delivery: Delivery, edited: Mapping[str, Any], host: str) -> Request:
        """Return the request with the `target`, `headers` and `body` of `edited`, and a valid proof if its `proof` is true.

        Without any of these it is the same request, byte for byte. Raise UsageError if it cannot be made.
        """
        if (missing := delivery.gap()) and 'body' not in edited:
            raise UsageError(missing)
        if not any(edited.values()) and 'body' not in edited:
            return Request(delivery.method, delivery.target, delivery.headers, [bytes(delivery.body)], PEER)
        sent = self._proved(delivery, self._edited(delivery, edited)) if edited.get('proof') else self._edited(delivery, edited)
        path = self._target(delivery, edited).partition('?')[0]
        return new_request(delivery.method, path, sent, host)

    def unprovable(self, delivery: Delivery) -> str:
        """Return why a delivery cannot be given a valid proof, or ''."""
        if not self.token(delivery):
            return 'The instance has no token to prove.'
        if sender := self.signer(delivery):
            return unusable(sender, self.token(delivery))
        if self.proof_headers(delivery) or token_place(delivery, self.token(delivery)):
            return ''
        return 'Nothing in the request says where its sender puts the token. Edit it to add a header with the token.'

    def signer(self, delivery: Delivery) -> Sender | None:
        """Return the sender whose recipe says how the delivery proves that it knows the token, or None."""
        known = self.senders.get(delivery.sender_key)
        return known if known and known.proof else sender_by_proof(self.senders.values(), delivery)

    def _own_place(self, delivery: Delivery) -> tuple[str, str] | None:
        """Return where the request has its token, unless the receiver asks for it in a header that its sender can set."""
        found = token_place(delivery, self.token(delivery))
        asked = {each.partition(':')[0].strip().lower() for each in self.proof_headers(delivery)}
        is_url_only = found is not None and found[0] == 'query' and not any(name.lower() in asked for name, _ in delivery.headers)
        return found if is_url_only or not asked else None

    def _edited(self, delivery: Delivery, edited: Mapping[str, Any]) -> SenderRequest:
        body = self._edited_body(delivery, str(edited['body'])) if 'body' in edited else bytes(delivery.body)
        # An edited body is plain text, even if the original was compressed.
        headers = [(name, value) for name, value in unmasked(self._named(delivery, edited.get('headers')), delivery.headers)
                   if name.lower() not in NOT_SENT_AGAIN and not ('body' in edited and name.lower() == 'content-encoding')]
        return SenderRequest(headers, self._target(delivery, edited).partition('?')[2], body)

    def _named(self, delivery: Delivery, given: Any) -> Any:
        """Return the headers that the page sends, with the original name in place of one with a mask."""
        names = {self.masks.text(name): name for name, _ in delivery.headers}
        return [(names.get(str(name), name), value) for name, value in given] if isinstance(given, list) else given

    def _target(self, delivery: Delivery, edited: Mapping[str, Any]) -> str:
        target = unmasked_target(str(edited.get('target') or delivery.target), delivery.target)
        path, question_mark, query = target.partition('?')
        try:
            return self.masks.unmasked(path, delivery.target.partition('?')[0], 'path') + question_mark + query
        except ValueError as error:
            raise UsageError(str(error)) from None

    def _edited_body(self, delivery: Delivery, given: str) -> bytes:
        try:
            text = self.masks.unmasked(given, readable(delivery.headers, bytes(delivery.body)).text)
        except ValueError as error:
            raise UsageError(str(error)) from None
        return text.encode('utf-8', 'surrogatepass')

    def _proved(self, delivery: Delivery, request: SenderRequest) -> SenderRequest:
        """Return the request signed as its sender signs, or else with the token where the receiver or the request has it."""
        if reason := self.unprovable(delivery):
            raise UsageError(reason)
        if sender := self.signer(delivery):
            return sender.sign_again(request, self.token(delivery))
        if found := self._own_place(delivery):
            proof = {'place': found[0], 'name': found[1], 'value': '{token}'}
            return Sender('', '', 'other', '', proof, []).sign_again(request, self.token(delivery))
        parts = (each.partition(':') for each in self.proof_headers(delivery))
        proofs = [(name.strip(), value.strip()) for name, _, value in parts]
        replaced = {name.lower() for name, _ in proofs}
        return replace(request, headers=[*(each for each in request.headers if each[0].lower() not in replaced), *proofs])


def new_request(method: str, path: str, sent: SenderRequest, host: str) -> Request:
    """Return a request as if a sender had sent it to this server now."""
    headers = [*sent.headers, ('Host', host), ('Content-Length', str(len(sent.body)))]
    target = f'{path}?{sent.query}' if sent.query else path
    return Request(method, target, headers, [sent.body] if sent.body else [], PEER)


def unmasked(given: Any, original: Headers) -> Headers:
    """Return the headers that the page sends, with the original value in place of each mask.

    Raise UsageError as `restored` does.
    """
    return restored([(str(name), str(value)) for name, value in given], original) if isinstance(given, list) else original


def unmasked_target(given: str, original: str) -> str:
    """Return the target that the page sends, with the original value in place of each mask in its query.

    Raise UsageError as `restored` does.
    """
    path, question_mark, query = given.partition('?')
    shown = [part.partition('=') for part in query.split('&')]
    known = [(name, value) for name, _, value in (part.partition('=') for part in original.partition('?')[2].split('&'))]
    values = restored([(name, value) for name, _, value in shown], known)
    return path + question_mark + '&'.join(
        name + equals + value for (name, equals, _), (_, value) in zip(shown, values, strict=True))


def restored(given: Headers, original: Headers) -> Headers:
    """Return the pairs with the original value in place of each mask, in the order of those of one name.

    Raise UsageError if the original has several and some were added or removed.
    """
    known: dict[str, list[str]] = {}
    for name, value in original:
        known.setdefault(name.lower(), []).append(value)
    counts, places = Counter(name.lower() for name, _ in given), Counter[str]()
    found = []
    for name, value in given:
        key = name.lower()
        own = known.get(key, [''])
        if MASK in value and len(own) != counts[key] and len(set(own)) > 1:
            raise UsageError(f'There were {len(own)} values of {name}. Keep each {MASK}, or show the secrets and edit again.')
        found.append((name, own[min(places[key], len(own) - 1)] if MASK in value else value))
        places[key] += 1
    return found
