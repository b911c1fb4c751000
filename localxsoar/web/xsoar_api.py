"""The XSOAR API, as far as official tools use it: demisto-sdk upload and run, demisto-py, the SDK's XsoarClient."""
from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import bottle

from localxsoar.packs import pack, parameters
from localxsoar.containers.commands import BUILD, USER, VERSIONS
from localxsoar.incidents.entries import PLAYGROUND
from localxsoar.errors import CommandFailed, UsageError
from localxsoar.forward import EXTERNAL_SETTING
from localxsoar.server.instance import Instance
from localxsoar.web.routes import as_json, read_object
from localxsoar.containers.ports import any_free_port
from localxsoar.packs.scripts import load_scripts
from localxsoar.server.builtin_commands import LISTS
from localxsoar.server.server import Server
from localxsoar.server.war_room import parse_command

PLAYGROUND_TYPE = 9


def with_decoded_path(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Return the handler of a route, for which the parts of the path are decoded."""
    return lambda **path: handler(**{name: unquote(value) for name, value in path.items()})


class XsoarApi:
    """The XSOAR API of a server."""

    def __init__(self, server: Server, settings: dict[str, str]) -> None:
        self._server = server
        self._settings = settings

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('GET', '/about', self._about),
            ('GET', '/health/server', dict),
            ('GET', '/health/containers', self._containers),
            ('GET', '/user', lambda: USER),
            ('GET', '/system/config', lambda: {'sysConf': dict(self._settings), 'defaultMap': {}}),
            ('GET', '/contentpacks/metadata/installed', self._packs),
            ('GET', '/contentpacks/installed', self._packs),
            ('POST', '/contentpacks/installed/upload', self._upload),
            ('POST', '/settings/integration-conf/upload', self._upload),
            ('POST', '/settings/integration/search', self._integrations),
            ('POST', '/automation/import', self._import_script),
            ('PUT', '/settings/integration', self._save),
            ('DELETE', '/settings/integration/<id>', self._delete),
            ('POST', '/settings/integration/test', self._test),
            ('GET', '/lists', self._lists),
            ('POST', '/investigations/search', self._investigations),
            ('POST', '/entry/execute/sync', self._execute),
            ('POST', '/investigation/<id>/context', self._context),
            ('POST', '/investigation/<id>', self._investigation),
            ('GET', '/entry/download/<id>', self._download),
            ('POST', '/incident', self._create_incident),
            ('POST', '/incident/batchClose', self._close_incidents),
            ('POST', '/incidents/search', self._search),
            ('POST', '/indicators/search', self._indicators),
        ):
            api.route(path, method, with_decoded_path(handler))

    # The server.

    def _about(self) -> dict[str, Any]:
        """Return the server's version. Only texts and numbers: the SDK parses the response as a Python literal."""
        return {'demistoVersion': VERSIONS[self._server.runtime.version], 'buildNum': BUILD, 'productMode': 'xsoar',
                'deploymentMode': 'opp', 'name': 'localxsoar'}

    def _containers(self) -> dict[str, Any]:
        running = sum(instance.pid is not None for instance in self._server.instances.values())
        return {'all': running, 'running': running, 'inactive': 0}

    def _packs(self) -> str:
        packs = {integration.pack_name: integration.pack_version for integration in self._server.integrations.values()}
        return as_json([{'id': name, 'name': name, 'currentVersion': version} for name, version in packs.items()])

    def _upload(self) -> dict[str, Any]:
        """Install the integrations and scripts of the upload: known ones are replaced, and their containers restart."""
        with self._uploaded() as file:
            scripts, integrations = load_scripts(file), pack.load_integrations(file)
        if not scripts and not integrations:
            raise UsageError('The upload contains neither an integration nor a script.')
        self._server.scripts |= scripts
        for name in scripts:
            self._server.printer.happened(f'upload  script {name}')
        return [self._install(integration) for integration in integrations][-1] if integrations else {}

    def _install(self, integration: pack.Integration) -> dict[str, Any]:
        count = self._server.install(integration)
        installed = self._server.integrations[integration.name]
        result = 'the container restarts' if count else f'{integration.name} has no instance yet'
        self._server.printer.happened(f'upload  {installed.pack_name} {installed.pack_version}: {result}')
        return self._configuration(installed)

    def _import_script(self) -> dict[str, Any]:
        """Install one script, and return its id and name."""
        with self._uploaded() as file:
            scripts = load_scripts(file)
        if not scripts:
            raise UsageError('The upload contains no script.')
        self._server.scripts |= scripts
        self._server.printer.happened(f'upload  script {", ".join(scripts)}')
        return {'id': next(iter(scripts)), 'name': next(iter(scripts))}

    @contextmanager
    def _uploaded(self) -> Iterator[Path]:
        """Yield the uploaded file under its own name, which says what it is."""
        upload = bottle.request.files.get('file')
        if upload is None:
            raise UsageError('The upload has no part with the name file.')
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, Path(upload.raw_filename).name)
            upload.save(str(file))
            yield file

    # The instances.

    def _integrations(self) -> dict[str, Any]:
        return {'configurations': [self._configuration(integration) for integration in self._server.integrations.values()],
                'instances': [self._described(instance) for instance in self._server.instances.values()],
                'health': {instance.id: self._health(instance) for instance in self._server.instances.values()}}

    def _health(self, instance: Instance) -> dict[str, Any]:
        health = instance.journal.health
        return {'brand': instance.integration.name, 'instance': instance.name,
                'lastError': health['error'] if health['isError'] else ''}

    def _configuration(self, integration: pack.Integration) -> dict[str, Any]:
        descriptor = integration.descriptor
        return {'id': integration.name, 'name': integration.name, 'display': descriptor.get('display') or integration.name,
                'category': descriptor.get('category') or '', 'configuration': [self._row(row) for row in integration.parameters],
                'integrationScript': {'type': 'python', 'longRunning': integration.is_long_running,
                                      'commands': descriptor['script'].get('commands') or []}}

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a parameter of the descriptor in the form of the API."""
        default = '' if row.get('defaultvalue') is None else str(row['defaultvalue'])
        return {'name': row['name'], 'display': row.get('display') or row['name'], 'type': int(row.get('type') or 0),
                'required': bool(row.get('required')), 'hidden': bool(row.get('hidden')), 'defaultValue': default,
                'options': row.get('options') or []}

    def _described(self, instance: Instance) -> dict[str, Any]:
        """Return the instance with its parameters, but without the values of encrypted ones."""
        data = [{**self._row(row), 'hasvalue': bool(value), 'value': '' if row.get('type') in parameters.SECRET_TYPES else value}
                for row in instance.integration.parameters for value in [instance.params.get(row['name'])]]
        return {'id': instance.id, 'name': instance.name, 'brand': instance.integration.name, 'data': data, 'version': 1,
                'enabled': str(instance.enabled).lower(), 'isIntegrationScript': True,
                'configuration': self._configuration(instance.integration)}

    def _given(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values in a form that the client sends. An encrypted value that is empty has not changed."""
        given = {}
        for row in body.get('data') or []:
            value = row.get('value')
            secret = value.get('password') if isinstance(value, dict) else value
            if not row.get('hidden') and value is not None and (secret or row.get('type') not in parameters.SECRET_TYPES):
                given[row['name']] = value
        return given

    def _of(self, body: Mapping[str, Any], make: Callable[..., Instance]) -> Instance:
        """Return the instance that a form is of, or make a new one of the form's integration."""
        name, brand = str(body.get('name')), str(body.get('brand') or '')
        if name in self._server.instances:
            return self._server.instances[name]
        if brand not in self._server.integrations:
            known = ', '.join(self._server.integrations)
            raise UsageError(f'There is no instance {name!r}, and no integration {brand!r} to make one of. Known: {known}.')
        return make(name, self._server.integrations[brand], self._given(body), any_free_port)

    def _save(self) -> dict[str, Any]:
        """Set an instance's parameters, or add it, and enable or disable it."""
        body = read_object()
        is_new = body.get('name') not in self._server.instances
        instance = self._of(body, self._server.add)
        if is_new:
            self._settings.setdefault(f'{EXTERNAL_SETTING}.{instance.name}', 'true')
        else:
            instance.reconfigure(self._given(body))
        if str(body.get('enabled')).lower() == 'true':
            instance.enable()
        else:
            instance.disable()
        return self._described(instance)

    def _delete(self, id: str) -> dict[str, Any]:
        """Disable an instance, and remove it unless it is the first, which the page shows."""
        for instance in [instance for instance in self._server.instances.values() if instance.id == id]:
            instance.disable()
            if instance is not self._server.first:
                self._server.remove(instance.name)
        return {}

    def _test(self) -> dict[str, Any]:
        body = read_object()
        try:
            self._of(body, self._server.make).test_module(self._given(body))
        except (CommandFailed, UsageError) as error:
            return {'success': False, 'message': str(error)}
        return {'success': True, 'message': ''}

    # The War Room.

    def _investigations(self) -> dict[str, Any]:
        return {'total': 1, 'data': [{'id': PLAYGROUND, 'name': 'Playground', 'type': PLAYGROUND_TYPE, 'status': 0,
                                      'creatingUserId': USER['id']}]}

    def _investigation(self, id: str) -> dict[str, Any]:
        return {'id': id, 'entries': self._server.room(id).entries()}

    def _execute(self) -> str:
        """Run `!command name="value" ...` and return its entries. An error is an entry, too."""
        body = read_object()
        text = str(body.get('data') or '')
        command, args = parse_command(text)
        room = self._server.room(str(body.get('investigationId') or PLAYGROUND))
        entries = self._server.run_in_war_room(command, args, room.investigation)
        return as_json([room.shown(number, entry, text) for number, entry in entries])

    def _context(self, id: str) -> dict[str, Any]:
        return self._server.room(id).context()

    def _download(self, id: str) -> bytes:
        """Return the file of an entry, for the browser to save under its name."""
        entry = self._server.store.entry(id)
        file = self._server.store.file(str(entry.get('FileID'))) if isinstance(entry, dict) else None
        if not file:
            raise UsageError(f'Entry {id} has no file.')
        bottle.response.content_type = 'application/octet-stream'
        bottle.response.set_header('Content-Disposition', f'attachment; filename="{quote(file[0])}"')
        return file[1]

    # What is stored.

    def _lists(self) -> str:
        return as_json([{'id': name, 'name': name, 'data': text, 'type': 'plain_text'}
                        for name, text in self._server.store.all_kept('', LISTS).items()])

    def _create_incident(self) -> dict[str, Any]:
        """Create an incident, or update the one whose `id` is in the request."""
        sent = {key: value for key, value in read_object().items() if value is not None}
        if sent.get('id'):
            return self._server.store.update(str(sent.pop('id')), sent)
        created = self._server.store.create([sent], '', 'Manual')
        self._server.printer.created(created)
        return created[0]

    def _close_incidents(self) -> dict[str, Any]:
        """Close the incidents whose `ids` are in the request, and return them."""
        body = read_object()
        reason, notes = (str(body.get(name) or '') for name in ('closeReason', 'closeNotes'))
        closed = [self._server.store.close_incident(str(number), reason, notes) for number in body.get('ids') or []]
        self._server.printer.happened(f'closed  incidents {", ".join(incident["id"] for incident in closed)}')
        return {'total': len(closed), 'data': closed, 'notUpdated': 0}

    def _search(self) -> dict[str, Any]:
        incidents, total = self._server.store.search(self._server.faults.indexed(read_object().get('filter') or {}))
        return {'total': total, 'data': incidents, 'notUpdated': 0}

    def _indicators(self) -> dict[str, Any]:
        found = self._server.store.search_indicators(read_object())
        return {'total': found['total'], 'iocObjects': found['iocs'], 'searchAfter': found['searchAfter']}
