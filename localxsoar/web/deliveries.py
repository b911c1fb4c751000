"""The routes of the page: what it shows, with secrets masked, and what its buttons do."""
from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bottle

from localxsoar.packs import parameters
from localxsoar.webhooks.checklist import Rejection
from localxsoar.webhooks.deliveries import Deliveries, Delivery
from localxsoar.web.downloads import BYTES, Downloads, attach
from localxsoar.errors import CommandFailed, UsageError, message_of
from localxsoar.events import Events
from localxsoar.webhooks.forms import form_fields, query_fields
from localxsoar.forward import PREFIX, Headers, Request, split_target
from localxsoar.web.front import PEER, Front, is_loopback
from localxsoar.server.instance import Instance
from localxsoar.web.routes import as_json, read_object
from localxsoar.incidents.mapping import value_at
from localxsoar.webhooks.masks import MASK, Masks
from localxsoar.webhooks.readable import SHOWN_BYTES, readable
from localxsoar.webhooks.recipes import Recipes, proof_of
from localxsoar.webhooks.repairs import advice, differences
from localxsoar.webhooks.replay import Replay, new_request
from localxsoar.webhooks.search import search
from localxsoar.webhooks.senders import Sender, describe_proof, find_sender, unusable
from localxsoar.server.server import Server
from localxsoar.incidents.store import brief, details
from localxsoar.turns import Turns

FOLDER = Path(__file__).with_name('page')
FILES = {'/': 'index.html'} | {f'/{file.name}': file.name for file in FOLDER.iterdir() if file.suffix in ('.css', '.js')}
# The page shows texts of unauthenticated senders: even if one became markup, it could load and run nothing.
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
          "form-action 'self'; frame-ancestors 'none'")
HEADERS = {'Content-Security-Policy': POLICY, 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store',
           'Referrer-Policy': 'no-referrer'}
LISTED_INCIDENTS = 10_000
INCIDENTS_AT_ONCE = 250
PREVIEWED_INCIDENTS = 50
ONLY_HERE = 'Secrets are shown only on the machine that runs the local XSOAR.'


class Page:
    """The page of a server. It shows its first instance, or that of `?instance=NAME`."""

    def __init__(self, server: Server, deliveries: Deliveries, senders: Mapping[str, Sender], masks: Masks,
                 events: Events, curl: Callable[[str, str, Mapping[str, Any]], str],
                 proof_headers: Callable[[Mapping[str, Any]], list[str]]) -> None:
        self._server = server
        self._instance = server.first
        self._deliveries = deliveries
        self._senders = senders
        self._masks = masks
        self._events = events
        self._curl = curl
        self._replay = Replay(senders, masks, self._token_of, lambda delivery: proof_headers(self._owner(delivery).params))
        self._recipes = Recipes(senders, masks, self._token_of, lambda delivery: self._owner(delivery).params,
                                server.store.original)
        self._published: dict[str, Any] = {}  # the state of each instance that the page has last received
        self.front: Front | None = None  # set once the routes exist, and before it listens

    def routes(self, api: bottle.Bottle) -> None:
        for path, name in FILES.items():
            api.route(path, 'GET', partial(read_file, name))
        for method, path, handler in (
            ('GET', '/favicon.ico', lambda: bottle.HTTPResponse(status=204)),
            ('GET', '/localxsoar/events', self._follow),
            ('GET', '/localxsoar/deliveries', lambda: as_json(self._deliveries.summaries())),
            ('DELETE', '/localxsoar/deliveries', self._clear),
            ('GET', '/localxsoar/deliveries/search', self._search),
            ('GET', '/localxsoar/deliveries/<number:int>', self._delivery),
            ('GET', '/localxsoar/deliveries/<number:int>/<part:re:request|answer>.body', self._body),
            ('POST', '/localxsoar/deliveries/<number:int>/send', self._send_again),
            ('GET', '/localxsoar/incidents/list', self._list_incidents),
            ('GET', '/localxsoar/incidents/<number:int>', self._incident),
            ('GET', '/localxsoar/incidents/values', self._values),
            ('GET', '/localxsoar/log', lambda: self._show(list(self._shown().journal.log))),
            ('GET', '/localxsoar/curl', self._show_curl),
            ('GET', '/localxsoar/senders', self._list_senders),
            ('POST', '/localxsoar/senders/<key>/send', self._send_recipe),
            ('GET', '/localxsoar/instance', lambda: self._describe(self._shown())),
            ('POST', '/localxsoar/instance/<action:re:test|save|enable|disable|fetch>', self._act),
        ):
            api.route(path, method, handler)
        Downloads(self._deliveries, self._recipes, self._masks, self._find, self._url).routes(api)

    def _show(self, value: Any) -> str:
        """Return a value as JSON with its secrets masked."""
        return as_json(self._masks.everywhere(value))

    def _follow(self) -> Iterable[bytes]:
        """Return the stream of events, after the last one that a reconnecting page has seen."""
        bottle.response.content_type = 'text/event-stream'
        bottle.response.set_header('Cache-Control', 'no-store')
        return self._events.follow(bottle.request.get_header('Last-Event-ID') or '')

    def publish_states(self) -> None:
        """Publish the state of each instance that has changed."""
        for name, instance in list(self._server.instances.items()):
            if (now := instance.brief()) != self._published.get(name):
                self._published[name] = now
                self._events.publish('state', now)

    # Deliveries.

    def _clear(self) -> dict[str, Any]:
        self._deliveries.clear()
        return {}

    def _search(self) -> str:
        """Return the numbers of the deliveries that have each word of `?text=`."""
        text = bottle.request.query.getunicode('text') or ''
        return as_json(list(search(self._deliveries.all(), text, self._masks)))

    def _find(self, number: int) -> Delivery:
        if delivery := self._deliveries.get(number):
            return delivery
        raise bottle.HTTPError(404, f'Delivery {number} is not kept here.')

    def _delivery(self, number: int) -> str:
        """Return one delivery with its headers and bodies. `?secrets=show`, from this machine only, unmasks secrets."""
        delivery = self._find(number)
        shows = bottle.request.query.get('secrets') == 'show'
        if shows:
            check_machine()
        masks = Masks(list) if shows else self._masks
        target = delivery.target if shows else masks.target(delivery.target)
        summary = masks.everywhere({**delivery.summary(), 'target': target})
        request = message(delivery.headers, delivery.body, delivery.size, masks, shows)
        checks = self._masks.everywhere(self._rejection(delivery).checks())
        is_here = is_loopback(bottle.request.environ[PEER])
        is_exact = request['is_exact'] and summary['target'] == delivery.target
        return as_json({**summary, 'can_be_signed': delivery.sender_key in self._senders,
                        'unprovable': self._replay.unprovable(delivery), 'is_here': is_here, 'checks': checks,
                        'unsavable': self._recipes.unsavable(delivery), **self._repair(delivery),
                        'query': masks.everywhere(query_fields(summary['target'])),
                        'uncopyable': delivery.gap() or ('' if is_here or is_exact else ONLY_HERE), 'request': request,
                        'answer': message(delivery.response_headers, delivery.response, delivery.response_size, masks, shows)})

    def _rejection(self, delivery: Delivery) -> Rejection:
        sender = self._replay.signer(delivery) or self._senders.get(delivery.sender_key)
        return Rejection(delivery, sender, self._token_of(delivery), self._masks)

    def _repair(self, delivery: Delivery) -> dict[str, Any]:
        """Return what was changed in a delivery that was sent again, and what to set in its sender."""
        original = self._deliveries.get(delivery.origin) if delivery.origin else None
        if not original:
            return {'changes': [], 'advice': ''}
        proof = proof_of(delivery, self._replay.signer(delivery), self._senders, self._token_of(delivery))
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
            return self._send(self._replay.request(delivery, edited, own_host()), number)
        except UsageError as error:
            raise bottle.HTTPError(409, str(error)) from None

    def _send(self, request: Request, origin: int | None = None) -> dict[str, Any]:
        """Deliver a request as if a sender had sent it, and return the delivery's number."""
        assert self.front
        return {'number': self.front.send(request, origin)}

    def _owner(self, delivery: Delivery) -> Instance:
        """Return the instance that a delivery was for, or the first if its target names none."""
        return self._server.instances.get(split_target(delivery.target)[0], self._server.first)

    def _token_of(self, delivery: Delivery) -> str:
        return token_of(self._owner(delivery))

    # Deliveries of known senders.

    def _list_senders(self) -> str:
        token = token_of(self._shown())
        return as_json([{'key': sender.key, 'name': sender.name, 'kind': sender.kind, 'proof': describe_proof(sender),
                         'unusable': unusable(sender, token) if token else '',
                         'deliveries': [delivery['title'] for delivery in sender.deliveries]}
                        for sender in self._senders.values()])

    def _send_recipe(self, key: str) -> dict[str, Any]:
        sender, instance = find_sender(self._senders, key), self._shown()
        request = sender.request(sender.delivery(read_object().get('title')), token_of(instance))
        return self._send(new_request('POST', PREFIX + quote(instance.name), request, own_host()))

    # Incidents and the instance.

    def _list_incidents(self) -> str:
        """Return the latest incidents in brief. It may take a second, in which other requests must not wait."""
        shown: list[dict[str, Any]] = []
        turns = Turns()
        part = self._instance.store.latest(INCIDENTS_AT_ONCE)
        while part and len(shown) < LISTED_INCIDENTS:
            shown += self._masks.everywhere(part)
            turns.give()
            part = self._instance.store.latest(INCIDENTS_AT_ONCE, int(part[-1]['id']))
        return as_json(shown)

    def _incident(self, number: int) -> str:
        found, _ = self._instance.store.search({'id': [str(number)]})
        if not found:
            raise bottle.HTTPError(404, f'There is no incident {number}.')
        return self._show({**brief(found[0]), **details(found[0])})

    def _values(self) -> str:
        """Return the value at `?path=`, a JSON list of keys, in the details of each incident of `?ids=`."""
        query = bottle.request.query
        ids, path = query['ids'].split(',')[:PREVIEWED_INCIDENTS], json.loads(query.getunicode('path'))
        found, _ = self._instance.store.search({'id': ids})
        details = {incident['id']: incident['rawJSON'] for incident in found}
        return self._show([{'id': each, 'value': value_at(self._masks.text(details.get(each, '')), path)} for each in ids])

    def _shown(self) -> Instance:
        """Return the instance of `?instance=`, or the first: one that a page has open may have been removed."""
        return self._server.instances.get(bottle.request.query.getunicode('instance') or '', self._server.first)

    def _describe(self, instance: Instance) -> dict[str, Any]:
        masked = parameters.masked_params(instance.integration, instance.params, MASK)
        curl = self._curl(instance.name, self._url(), masked) if instance.integration.has_port else ''
        return {**self._masks.everywhere(instance.brief()), 'curl': curl,
                'pack': f'{instance.integration.pack_name} {instance.integration.pack_version}',
                'fetches': instance.fetches, 'description': str(instance.integration.descriptor.get('description') or ''),
                'healthHistory': self._masks.everywhere(instance.journal.health_history[-50:]),
                'fields': parameters.describe_form(instance.integration, instance.params)}

    def _show_curl(self) -> dict[str, Any]:
        check_machine()
        instance = self._shown()
        return {'curl': self._curl(instance.name, self._url(), instance.params)}

    def _url(self) -> str:
        return f'http://{bottle.request.get_header("Host")}'

    def _act(self, action: str) -> dict[str, Any]:
        """Do what a button of the form says, and return the instance. A failure gets a 400 that names the wrong field."""
        instance, given = self._server.find(bottle.request.query.getunicode('instance') or self._server.first.name), read_object()
        try:
            if action in ('test', 'save'):
                instance.test_module(given)
            if action == 'save':
                instance.reconfigure(given)
            elif action in ('enable', 'disable'):
                (instance.enable if action == 'enable' else instance.disable)()
            elif action == 'fetch' and (errors := [each['error'] for each in instance.fetch() if each['error']]):
                raise CommandFailed('\n'.join(errors))
        except (UsageError, CommandFailed) as error:
            reason = 'Not saved: the test failed: ' if action == 'save' and isinstance(error, CommandFailed) else ''
            text = self._masks.text(reason + message_of(str(error.args[0]).strip()))
            raise bottle.HTTPResponse(json.dumps({'error': text, 'field': parameters.field_in(instance.integration, text)}), 400,
                                      content_type='application/json') from None
        self.publish_states()
        return self._describe(instance)


def token_of(instance: Instance) -> str:
    """Return the token that senders prove to know: the instance's first encrypted value, or ''."""
    return next(iter(parameters.secret_values(instance.integration, instance.params)), '')


def own_host() -> str:
    return bottle.request.get_header('Host') or 'localhost'


def check_machine() -> None:
    """Raise HTTPError 403 unless the request comes from this machine."""
    if not is_loopback(bottle.request.environ[PEER]):
        raise bottle.HTTPError(403, ONLY_HERE)


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


def read_file(name: str) -> bytes:
    """Return a file of the page, and set the response's headers for it."""
    bottle.response.content_type = {'html': 'text/html', 'css': 'text/css', 'js': 'text/javascript'}[name.rpartition('.')[2]] + (
        '; charset=utf-8')
    for header, value in HEADERS.items():
        bottle.response.set_header(header, value)
    return (FOLDER / name).read_bytes()
