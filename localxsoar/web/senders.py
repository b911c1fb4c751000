"""The routes of known senders: which there are, and sending one of their deliveries."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import bottle

from localxsoar.forward import PREFIX
from localxsoar.server.server import Server
from localxsoar.web.front import Front
from localxsoar.web.instances import shown, tokens_of
from localxsoar.web.routes import as_json, own_host, read_object
from localxsoar.webhooks.replay import new_request
from localxsoar.webhooks.senders import Sender, describe_proof, find_sender, unusable, with_query


class SenderRoutes:
    """The senders of --senders, whose deliveries go to the instance of `?instance=NAME` or the first."""

    def __init__(self, server: Server, senders: Mapping[str, Sender], front: Front) -> None:
        self._server = server
        self._senders = senders
        self._front = front

    def routes(self, api: bottle.Bottle) -> None:
        api.route('/localxsoar/senders', 'GET', self._list)
        api.route('/localxsoar/senders/<key>/send', 'POST', self._send)

    def _list(self) -> str:
        tokens = tokens_of(shown(self._server))
        return as_json([{'key': sender.key, 'name': sender.name, 'kind': sender.kind, 'place': sender.place,
                         'proof': describe_proof(sender), 'unusable': unusable(sender, usable(sender, tokens)),
                         'deliveries': [delivery['title'] for delivery in sender.deliveries]}
                        for sender in self._senders.values()])

    def _send(self, key: str) -> dict[str, Any]:
        sender, instance = find_sender(self._senders, key), shown(self._server)
        asked = read_object()
        delivery = with_query(sender.delivery(asked.get('title')), str(asked.get('query') or ''))
        request = sender.request(delivery, usable(sender, tokens_of(instance)))
        return {'number': self._front.send(new_request('POST', PREFIX + quote(instance.name), request, own_host()))}


def usable(sender: Sender, tokens: Sequence[str]) -> str:
    """Return the first token with which the sender can prove itself, or the first of all if it can with none."""
    return next((token for token in tokens if not unusable(sender, token)), tokens[0])
