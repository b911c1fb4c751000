"""The routes of previews: the words of a pack's URL, and what deliveries would become at a URL with some of them."""
from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import bottle
import gevent
import h11

from localxsoar.errors import CommandFailed, UsageError
from localxsoar.forward import ContainerGone, Request, forwarded_headers, split_target
from localxsoar.incidents.mapping import value_at
from localxsoar.incidents.store import brief
from localxsoar.server.instance import Instance
from localxsoar.server.preview import Preview
from localxsoar.server.server import Server
from localxsoar.terminal.printer import became
from localxsoar.web.front import LEAVES
from localxsoar.web.instances import chosen, shown
from localxsoar.web.routes import as_json, own_host, read_object
from localxsoar.webhooks.deliveries import Deliveries, Delivery
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.replay import Replay, unmasked_target
from localxsoar.webhooks.responses import NOTE, Mentioned, headline, problem

MOST_DELIVERIES = 50
SHOWN_INCIDENTS = 20  # of one delivery
KEPT_RESPONSE_BYTES = 64 * 1024  # of a rejection, whose reason is shown
Words = Mapping[str, Mapping[str, Any]]


class PreviewRoutes:
    """The previews of a server, of which one lives at a time. `words` are those of the pack that the server was started with.

    Another pack, which the API may install, has no preview: its second container might poll, acknowledge or send.
    """

    def __init__(self, server: Server, deliveries: Deliveries, masks: Masks, words: Words, replay: Replay) -> None:
        self._server = server
        self._deliveries = deliveries
        self._masks = masks
        self._words = words
        self._replay = replay
        self._own = set(server.integrations) if words else set()
        self._preview: Preview | None = None
        self._opening, self._running = threading.Lock(), threading.Lock()

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('GET', '/localxsoar/url-words', lambda: as_json(self._words if self._is_own(shown(self._server)) else {})),
            ('POST', '/localxsoar/preview', self._hold),  # not GET, by which the page of another site could start a container
            ('POST', '/localxsoar/preview/deliveries', self._run),
        ):
            api.route(path, method, handler)

    def _is_own(self, instance: Instance) -> bool:
        return instance.integration.name in self._own and instance.integration.has_port

    # The life of a preview.

    def _hold(self) -> Iterable[bytes]:
        """Start a preview, in place of any other, that lives as long as this response: until the page closes its connection.

        With `?join=true`, it is the one of the same instance that lives already, if there is one.
        """
        instance = chosen(self._server)
        if not self._is_own(instance):
            raise UsageError(f'The local XSOAR was not given the URL words of {instance.integration.name}.')
        bottle.response.set_header('Connection', 'close')
        bottle.response.set_header('Cache-Control', 'no-store')
        preview = self._open(instance, joins='join' in bottle.request.query)
        return self._lease(preview, preview.use(), bottle.request.environ[LEAVES])

    def _open(self, instance: Instance, joins: bool) -> Preview:
        with self._opening:
            older = self._preview
            if joins and older and older.instance is instance and not older.ended.is_set():
                return older
            self._preview = Preview(instance)
            if older:
                older.stop()
            self._preview.start()
            return self._preview

    def _lease(self, preview: Preview, leave: Callable[[], None], leaves: Callable[[], bool]) -> Iterator[bytes]:
        """Yield a blank line at once, and a reason once another preview or the end of the server has ended this one."""
        watcher = gevent.spawn(call_after, leaves, leave)
        try:
            yield b'\n'
            preview.ended.wait()
            yield b'The local XSOAR has stopped.\n' if preview is self._preview else b'Another window has opened a preview.\n'
        finally:
            watcher.kill()
            leave()
            if preview is self._preview and preview.ended.is_set():
                self._preview = None  # what it described may be large

    def close(self) -> None:
        """End the preview, if there is one, and return after its container has ended."""
        if self._preview:
            self._preview.stop()

    # What it shows.

    def _run(self) -> str:
        """Return what the deliveries with these `numbers` became, and what they would become at the `target`, the newest first.

        The target may have masks of the first of them. `paths` has lists of keys, whose values are returned, too.
        """
        wanted = read_object()
        numbers = [int(number) for number in wanted['numbers'][:MOST_DELIVERIES]]
        if not (first := self._deliveries.get(numbers[0])):
            raise bottle.HTTPError(404, f'Delivery {numbers[0]} is not kept here.')
        preview, target = self._check(self._preview), unmasked_target(str(wanted['target']), first.target)
        if split_target(target)[0] != preview.instance.name:
            raise UsageError(f'The preview is one of {preview.instance.name}.')
        with self._running:
            try:
                preview.wait_until_ready()
            except CommandFailed as error:
                raise bottle.HTTPError(409, self._masks.text(str(error))) from None
            preview.store.describe = partial(describe, [[str(key) for key in path] for path in wanted.get('paths') or []])
            rows = [*self._rows(preview, sorted(set(numbers)), target)]
        return as_json(self._masks.everywhere(rows[::-1]))

    def _rows(self, preview: Preview, numbers: Iterable[int], target: str) -> Iterator[dict[str, Any]]:
        """Yield a row for each delivery that is kept. Only one is read at a time: its body may be large."""
        seen: dict[str, int] = {}  # by id, the delivery that an incident is from
        for number in numbers:
            self._check(preview)
            if delivery := self._deliveries.get(number):
                yield self._row(preview, delivery, target, seen)

    def _check(self, preview: Preview | None) -> Preview:
        """Return the preview. Raise HTTPError 409 if there is none, or it has ended."""
        if not preview or preview.ended.is_set():
            raise bottle.HTTPError(409, 'The preview has ended.')
        return preview

    def _row(self, preview: Preview, delivery: Delivery, target: str, seen: dict[str, int]) -> dict[str, Any]:
        before = [found for number in delivery.incidents[:SHOWN_INCIDENTS] if (found := self._server.store.original(number))]
        try:
            after = self._after(preview, delivery, target, seen)
        except UsageError as error:
            after = {'kind': 'unsent', 'text': str(error), 'incidents': []}
        became_before = {'kind': delivery.kind, 'status': delivery.status, 'text': became(delivery.summary())}
        return {'number': delivery.number, 'after': after, 'before': {**became_before, 'incidents': [*map(brief, before)]}}

    def _after(self, preview: Preview, delivery: Delivery, target: str, seen: dict[str, int]) -> dict[str, Any]:
        """Return what a delivery becomes in the preview. Raise UsageError if it cannot be sent."""
        edited = {'target': target, 'proof': not self._replay.unprovable(delivery)}
        request = self._replay.request(delivery, edited, own_host())
        known = set(preview.store.described)
        status, text, note, ids = respond(preview, request)
        new = [number for number in preview.store.described if number not in known]
        ids = [number for number in ids if number in preview.store.described] or new
        if status >= 400:
            return {'kind': 'rejected', 'status': status, 'text': problem(text), 'incidents': [], 'note': note}
        made = [preview.store.described[number] for number in ids[:SHOWN_INCIDENTS]]
        origins = [seen.setdefault(number, delivery.number) for number in ids]
        kind = 'none' if not ids else 'created' if delivery.number in origins else 'repeat'
        return {'kind': kind, 'status': status, 'text': '' if ids else headline(text), 'note': note, 'count': len(ids),
                'repeats': origins[0] if kind == 'repeat' else None, 'incidents': [each['brief'] for each in made],
                'values': [*zip(*(each['values'] for each in made), strict=False)]}


def call_after(leaves: Callable[[], bool], leave: Callable[[], None]) -> None:
    leaves()
    leave()


def respond(preview: Preview, request: Request) -> tuple[int, str, str, list[str]]:
    """Return the status, the text and the note of the container's response, and the ids of the incidents that it mentions."""
    h11.Request(method=request.method, target=request.target, headers=forwarded_headers(request))  # may raise
    response, mentioned, body = preview.forward(request), Mentioned(), bytearray()
    try:
        for piece in response.pieces:
            mentioned.read(piece)
            body += piece[:max(0, KEPT_RESPONSE_BYTES - len(body))]
    except ContainerGone as error:
        return 502, json.dumps({'detail': str(error)}), '', []
    finally:
        response.close()
    note = ' '.join(value for name, value in response.headers if name.lower() == NOTE)
    return response.status, body.decode('utf-8', 'replace').strip(), note, mentioned.ids


def describe(paths: Sequence[Sequence[str]], incident: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page shows of an incident, and the values at some paths of its details, None for one that is not there.

    Its `origins`, if the integration sends any, say where its own values come from.
    """
    details = str(incident.get('rawJSON') or '')
    return {'brief': {**brief(dict(incident)), 'origins': incident.get('origins')},
            'values': [value_at(details, path) for path in paths]}
