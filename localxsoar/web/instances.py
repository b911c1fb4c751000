"""The routes of instances: their state, their form and its buttons, their log, and the command that sends a first incident."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import bottle

from localxsoar.errors import CommandFailed, UsageError, message_of
from localxsoar.packs import parameters
from localxsoar.server.instance import Instance
from localxsoar.server.server import Server
from localxsoar.web.routes import as_json, check_machine, own_url, read_object
from localxsoar.webhooks.masks import MASK, Masks


class InstanceRoutes:
    """The instances of a server. A request is about its first one, or that of `?instance=NAME`.

    `curl` returns the command for an instance with a name, an address and parameters. `publish` takes an event.
    """

    def __init__(self, server: Server, masks: Masks, publish: Callable[[str, Any], None],
                 curl: Callable[[str, str, Mapping[str, Any]], str]) -> None:
        self._server = server
        self._masks = masks
        self._publish = publish
        self._curl = curl
        self._published: dict[str, Any] = {}  # the state of each instance that was published last

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('GET', '/localxsoar/log', self._log),
            ('GET', '/localxsoar/curl', self._show_curl),
            ('GET', '/localxsoar/instance', lambda: self._describe(shown(self._server))),
            ('POST', '/localxsoar/instance/<action:re:test|save|enable|disable|fetch>', self._act),
        ):
            api.route(path, method, handler)

    def publish_states(self) -> None:
        """Publish the state of each instance that has changed."""
        for name, instance in list(self._server.instances.items()):
            if (now := instance.brief()) != self._published.get(name):
                self._published[name] = now
                self._publish('state', now)

    def _log(self) -> str:
        return as_json(self._masks.everywhere(list(shown(self._server).journal.log)))

    def _describe(self, instance: Instance) -> dict[str, Any]:
        masked = parameters.masked_params(instance.integration, instance.params, MASK)
        curl = self._curl(instance.name, own_url(), masked) if instance.integration.has_port else ''
        return {**self._masks.everywhere(instance.brief()), 'curl': curl,
                'pack': f'{instance.integration.pack_name} {instance.integration.pack_version}',
                'fetches': instance.fetches, 'description': str(instance.integration.descriptor.get('description') or ''),
                'healthHistory': self._masks.everywhere(instance.journal.health_history[-50:]),
                'fields': parameters.describe_form(instance.integration, instance.params)}

    def _show_curl(self) -> dict[str, Any]:
        check_machine()
        instance = shown(self._server)
        return {'curl': self._curl(instance.name, own_url(), instance.params)}

    def _act(self, action: str) -> dict[str, Any]:
        """Do what a button of the form says, and return the instance. A failure gets a 400 that names the wrong field."""
        instance, given, said = chosen(self._server), read_object(), ''
        try:
            if action in ('test', 'save'):
                said = instance.test_module(given)
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
        return {**self._describe(instance), 'said': self._masks.text(said)}


def chosen(server: Server) -> Instance:
    """Return the instance of `?instance=`, or the first. Raise UsageError if there is none of that name."""
    return server.find(bottle.request.query.getunicode('instance') or server.first.name)


def shown(server: Server) -> Instance:
    """Return the instance of `?instance=`, or the first: one that a page has open may have been removed."""
    return server.instances.get(bottle.request.query.getunicode('instance') or '', server.first)


def tokens_of(instance: Instance) -> list[str]:
    """Return the tokens of which a sender proves to know one, from the instance's first encrypted value; [''] if it has none."""
    text = next(iter(parameters.encrypted_texts(instance.integration, instance.params)), '')
    return parameters.parts_of(text)
