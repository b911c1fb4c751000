"""The routes of deliveries: what the page shows of them, with secrets masked, and sending one again."""
from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any

import bottle

from localxsoar.errors import UsageError
from localxsoar.forward import Headers, split_target
from localxsoar.incidents.store import brief, details
from localxsoar.server.instance import Instance
from localxsoar.server.server import Server
from localxsoar.terminal.chain import chain
from localxsoar.web.downloads import BYTES, Downloads, attach
from localxsoar.web.front import Front
from localxsoar.web.instances import tokens_of
from localxsoar.web.routes import ONLY_HERE, as_json, check_machine, is_here, own_host, own_url, read_object
from localxsoar.webhooks import share
from localxsoar.webhooks.checklist import Rejection
from localxsoar.webhooks.deliveries import MOST_NUMBER, Deliveries, Delivery
from localxsoar.webhooks.forms import form_fields, query_fields
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.readable import SHOWN_BYTES, readable
from localxsoar.webhooks.recipes import Recipes, body_signature, proof_of, shown_token
from localxsoar.webhooks.repairs import advice, differences
from localxsoar.webhooks.replay import Replay
from localxsoar.webhooks.senders import Sender

SHARED_INCIDENTS = 20


class DeliveryRoutes:
    """The deliveries to a server. `proof_headers` returns the headers that prove a sender to an instance with parameters."""

    def __init__(self, server: Server, deliveries: Deliveries, senders: Mapping[str, Sender], masks: Masks, front: Front,
                 proof_headers: Callable[[Mapping[str, Any]], list[str]]) -> None:
        self._server = server
        self._deliveries = deliveries
        self._senders = senders
        self._masks = masks
        self._front = front
        self.replay = Replay(senders, masks, self._token_of, lambda delivery: proof_headers(self._owner(delivery).params))
        self._recipes = Recipes(senders, masks, self._token_of, lambda delivery: self._owner(delivery).params,
                                server.store.original)

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('GET', '/localxsoar/deliveries', self._list),
            ('DELETE', '/localxsoar/deliveries', self._clear),
            ('GET', '/localxsoar/deliveries/search', self._search),
            ('GET', '/localxsoar/deliveries/cut', lambda: as_json(self._deliveries.cut())),
            ('GET', '/localxsoar/deliveries/removed', lambda: {'removed': self._deliveries.removed}),
            ('GET', '/localxsoar/deliveries/<number:int>.html', self._share),
            ('GET', '/localxsoar/deliveries/<number:int>/log', lambda number: as_json(self._log(self._find(number)))),
            ('GET', '/localxsoar/deliveries/<number:int>', self._show),
            ('GET', '/localxsoar/deliveries/<number:int>/<part:re:request|response>.body', self._body),
            ('POST', '/localxsoar/deliveries/<number:int>/send', self._send_again),
        ):
            api.route(path, method, handler)
        Downloads(self._deliveries, self._recipes, self._masks, self._find, own_url).routes(api)

    def _list(self) -> str:
        """Return the deliveries in brief, newest first: all of them, or at most `?limit=` before the number `?before=`."""
        query = bottle.request.query
        return as_json(self._deliveries.summaries(int(query.get('before') or MOST_NUMBER), int(query.get('limit') or -1)))

    def _clear(self) -> dict[str, Any]:
        self._deliveries.clear()
        return {}

    def _search(self) -> str:
        """Return the numbers of the deliveries that have each word of `?text=`, with `?to=end` also at the end of long bodies."""
        query = bottle.request.query
        return as_json(self._deliveries.search(query.getunicode('text') or '', query.get('to') == 'end'))

    def _find(self, number: int) -> Delivery:
        if delivery := self._deliveries.get(number):
            return delivery
        raise bottle.HTTPError(404, f'Delivery {number} is not kept here.')

    def _show(self, number: int) -> str:
        """Return one delivery with its headers and bodies. `?secrets=show`, from this machine only, unmasks secrets."""
        shows = bottle.request.query.get('secrets') == 'show'
        if shows:
            check_machine()
        return as_json(self._described(self._find(number), Masks(list) if shows else self._masks, shows))

    def _described(self, delivery: Delivery, masks: Masks, shows: bool = False) -> dict[str, Any]:
        """Return all that the page shows of a delivery, masked unless it `shows` secrets."""
        target = delivery.target if shows else masks.target(delivery.target)
        summary = masks.everywhere({**delivery.summary(), 'target': target})
        request = message(delivery.headers, delivery.body, delivery.size, masks, shows)
        checks = self._masks.everywhere(self._rejection(delivery).checks())
        is_exact = request['is_exact'] and summary['target'] == delivery.target
        return {**summary, 'chain': chain(summary), 'can_be_signed': delivery.sender_key in self._senders,
                'unprovable': self.replay.unprovable(delivery), 'is_here': is_here(), 'checks': checks,
                'unsavable': self._recipes.unsavable(delivery), **self._repair(delivery),
                'query': masks.everywhere(query_fields(summary['target'])),
                'uncopyable': delivery.gap() or ('' if is_here() or is_exact else ONLY_HERE), 'request': request,
                'response': message(delivery.response_headers, delivery.response, delivery.response_size, masks, shows)}

    def _share(self, number: int) -> bytes:
        """Return a delivery as an HTML file, with its first incidents and its lines of the log, masked."""
        delivery = self._find(number)
        incidents = [*delivery.incidents, *(act['incident'] for act in delivery.acts if act['incident'])]
        found, _ = self._server.store.search({'id': incidents[:SHARED_INCIDENTS] or ['none']})
        masks = self._masks.beside(delivery.headers)
        incidents = [masks.everywhere({**brief(each), **details(each)}) for each in found]
        attach(f'delivery-{number}.html', 'text/html; charset=utf-8')
        return share.page(self._described(delivery, masks), incidents, self._log(delivery), time.time()).encode()

    def _rejection(self, delivery: Delivery) -> Rejection:
        """Return what is known of a rejection, with the token that the delivery comes nearest to."""
        sender = self.replay.signer(delivery) or self._senders.get(delivery.sender_key)
        found = [Rejection(delivery, sender, token, self._masks) for token in tokens_of(self._owner(delivery))]
        return min(found, key=Rejection.distance)

    def _repair(self, delivery: Delivery) -> dict[str, Any]:
        """Return what was changed in a delivery that was sent again, and what to set in its sender."""
        original = self._deliveries.get(delivery.origin) if delivery.origin else None
        if not original:
            return {'changes': [], 'advice': ''}
        proof = proof_of(delivery, self.replay.signer(delivery), self._senders, self._token_of(delivery))
        return {'changes': self._masks.everywhere(differences(original, delivery)),
                'advice': self._masks.text(advice(self._rejection(original), delivery, proof))}

    def _body(self, number: int, part: str) -> bytes:
        """Return the bytes of a body, to download."""
        check_machine()
        delivery = self._find(number)
        kept, size = (delivery.body, delivery.size) if part == 'request' else (delivery.response, delivery.response_size)
        gap = delivery.gap() if part == 'request' else 'The body was too large to be kept whole.' if size > len(kept) else ''
        if gap:
            raise bottle.HTTPError(409, gap)
        attach(f'delivery-{number}-{part}.body', BYTES)
        return bytes(kept)

    def _send_again(self, number: int) -> dict[str, Any]:
        """Send a delivery again: as it came or, if the request says so, edited and with a valid proof."""
        delivery, edited = self._find(number), read_object()
        try:
            return {'number': self._front.send(self.replay.request(delivery, edited, own_host()), number)}
        except UsageError as error:
            raise bottle.HTTPError(409, str(error)) from None

    def _log(self, delivery: Delivery) -> list[dict[str, Any]]:
        """Return the lines of the log that belong to a delivery, masked."""
        return list(self._masks.everywhere(self._deliveries.lines(delivery.number)))

    def _owner(self, delivery: Delivery) -> Instance:
        """Return the instance that a delivery was for, or the first if its target names none."""
        return self._server.instances.get(split_target(delivery.target)[0], self._server.first)

    def _token_of(self, delivery: Delivery) -> str:
        """Return the token that a delivery proves, as far as that can be told, or else the first of its instance."""
        tokens = tokens_of(self._owner(delivery))
        return next((token for token in tokens[1:] if shown_token(delivery, token) or body_signature(delivery, token)), tokens[0])


def message(headers: Headers, body: bytearray, size: int, masks: Masks, shows: bool) -> dict[str, Any]:
    """Return a request or a response for the page.

    `base64` has the original bytes if the text differs from them, for example if they are compressed, and `is_exact` says
    that the headers and the text are those of the message.
    """
    named = [{'name': name, 'value': value, 'masked': False} for name, value in headers] if shows else masks.headers(headers)
    seen = readable(headers, bytes(body))
    text = masks.text(seen.text)
    return {'headers': named, 'body': text, 'is_text': seen.is_text, 'size': size, 'kept': len(body),
            'fields': form_fields(headers, seen.text.encode() if seen.is_decompressed else bytes(body), masks.text),
            'decompressed': seen.is_decompressed, 'cut': seen.is_cut or size > len(body),
            'is_exact': text.encode() == body and not any(each['masked'] for each in named),
            'base64': base64.b64encode(body).decode() if shows and seen.text.encode() != body and len(body) <= SHOWN_BYTES
            else ''}
