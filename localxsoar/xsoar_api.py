"""The XSOAR API, as far as official tools use it: demisto-sdk upload and run, demisto-py, the SDK's XsoarClient."""
from __future__ import annotations

import hmac
import re
import shlex
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import bottle

from localxsoar import pack
from localxsoar.commands import BUILD, INSTANCE_ID, USER, VERSIONS
from localxsoar.entries import PLAYGROUND
from localxsoar.errors import UsageError
from localxsoar.instance import CommandFailed, Instance
from localxsoar.json_routes import as_json, read_object
from localxsoar.server import Server

PLAYGROUND_TYPE = 9
ARGUMENT = re.compile(r'([\w.-]+)=(.*)', re.DOTALL)
OF_THE_SERVER = ('debug-mode', 'raw-response')  # arguments that a command does not see


class XsoarApi:
    """The XSOAR API of a server with one instance. With `api_key`, any other key is rejected."""

    def __init__(self, server: Server, settings: Mapping[str, str], api_key: str | None = None) -> None:
        self._server = server
        self._settings = settings
        self._api_key = api_key

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
            ('PUT', '/settings/integration', self._save),
            ('DELETE', '/settings/integration/<id>', self._delete),
            ('POST', '/settings/integration/test', self._test),
            ('POST', '/investigations/search', self._investigations),
            ('POST', '/entry/execute/sync', self._execute),
            ('POST', '/investigation/<id>/context', self._context),
            ('POST', '/investigation/<id>', self._investigation),
            ('GET', '/entry/download/<id>', self._download),
            ('POST', '/incident', self._create_incident),
            ('POST', '/incidents/search', self._search),
            ('POST', '/indicators/search', self._indicators),
        ):
            api.route(path, method, self._guarded(handler))

    def _guarded(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Return the handler with a check of the API key before it."""
        def checked(**path: str) -> Any:
            self._check_api_key()
            return handler(**{name: unquote(value) for name, value in path.items()})
        return checked

    @property
    def _instance(self) -> Instance:
        return self._server.first

    def _check_api_key(self) -> None:
        """Raise HTTPError 401 for a wrong API key."""
        given = bottle.request.get_header('Authorization') or ''
        if self._api_key is not None and not hmac.compare_digest(given.encode(), self._api_key.encode()):
            raise bottle.HTTPError(401, 'The Authorization header does not contain the API key that --api-key sets.')

    # The server.

    def _about(self) -> dict[str, Any]:
        """Return the server's version. Only texts and numbers: the SDK parses the response as a Python literal."""
        return {'demistoVersion': VERSIONS[self._instance.runtime.version], 'buildNum': BUILD, 'productMode': 'xsoar',
                'deploymentMode': 'opp', 'name': 'localxsoar'}

    def _containers(self) -> dict[str, Any]:
        running = int(self._instance.pid is not None)
        return {'all': running, 'running': running, 'inactive': 0}

    def _packs(self) -> str:
        integration = self._instance.integration
        return as_json([{'id': integration.pack_name, 'name': integration.pack_name,
                         'currentVersion': integration.pack_version}])

    def _upload(self) -> dict[str, Any]:
        """Replace the integration by the one with the same name in the upload, and restart its container."""
        upload = bottle.request.files.get('file')
        if upload is None:
            raise UsageError('The upload has no part with the name file.')
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, Path(upload.raw_filename).name)
            upload.save(str(file))
            integration = pack.load_integration(file, self._instance.integration.name)
        if integration.name != self._instance.integration.name:
            raise UsageError(f'This local XSOAR runs {self._instance.integration.name}, '
                             f'but the upload contains {integration.name}.')
        if integration.pack_version == pack.UNKNOWN:  # an integration without its pack: the pack stays the same
            known = self._instance.integration
            integration = replace(integration, pack_name=known.pack_name, pack_version=known.pack_version)
        self._instance.reconfigure({}, integration)
        self._instance.printer.happened(f'upload  {integration.pack_name} {integration.pack_version}: the container restarts')
        return self._configuration()

    # The instance.

    def _integrations(self) -> dict[str, Any]:
        return {'configurations': [self._configuration()], 'instances': [self._described()]}

    def _configuration(self) -> dict[str, Any]:
        integration = self._instance.integration
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

    def _described(self) -> dict[str, Any]:
        """Return the instance with its parameters, but without the values of encrypted ones."""
        instance = self._instance
        data = [{**self._row(row), 'hasvalue': bool(value), 'value': '' if row.get('type') in pack.SECRET_TYPES else value}
                for row in instance.integration.parameters for value in [instance.params.get(row['name'])]]
        return {'id': INSTANCE_ID, 'name': instance.name, 'brand': instance.integration.name, 'data': data, 'version': 1,
                'enabled': str(instance.enabled).lower(), 'isIntegrationScript': True, 'configuration': self._configuration()}

    def _given(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values in a form that the client sends. An encrypted value that is empty has not changed."""
        if body.get('name') != self._instance.name:
            raise UsageError(f'The local XSOAR has one instance, {self._instance.name!r}, not {body.get("name")!r}.')
        given = {}
        for row in body.get('data') or []:
            value = row.get('value')
            secret = value.get('password') if isinstance(value, dict) else value
            if not row.get('hidden') and value is not None and (secret or row.get('type') not in pack.SECRET_TYPES):
                given[row['name']] = value
        return given

    def _save(self) -> dict[str, Any]:
        """Set the instance's parameters, and enable or disable it."""
        body = read_object()
        self._instance.reconfigure(self._given(body))
        if str(body.get('enabled')).lower() == 'true':
            self._instance.enable()
        else:
            self._instance.disable()
        return self._described()

    def _delete(self, id: str) -> dict[str, Any]:
        self._instance.disable()
        return {}

    def _test(self) -> dict[str, Any]:
        try:
            self._instance.test_module(self._given(read_object()))
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
        if command == 'DeleteContext':
            room.delete_context(args)
            return as_json([])
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

    def _create_incident(self) -> dict[str, Any]:
        """Create an incident, or update the one whose `id` is in the request."""
        sent = {key: value for key, value in read_object().items() if value is not None}
        if sent.get('id'):
            return self._server.store.update(str(sent.pop('id')), sent)
        created = self._instance.store.create([sent], '', 'Manual')
        self._instance.printer.created(created)
        return created[0]

    def _search(self) -> dict[str, Any]:
        incidents, total = self._instance.store.search(read_object().get('filter') or {})
        return {'total': total, 'data': incidents, 'notUpdated': 0}

    def _indicators(self) -> dict[str, Any]:
        found = self._instance.store.search_indicators(read_object())
        return {'total': found['total'], 'iocObjects': found['iocs'], 'searchAfter': found['searchAfter']}


def parse_command(text: str) -> tuple[str, dict[str, str]]:
    """Return the command and arguments in a text of the War Room. Raise UsageError if it has none.

    A value without a name gets the name ''.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f'{text!r} is not a command: {error}') from None
    if not words or not words[0].startswith('!'):
        raise UsageError(f'The local XSOAR runs commands in the form !command name="value", not {text!r}.')
    pairs = [ARGUMENT.fullmatch(word) for word in words[1:]]
    args = {pair[1] if pair else '': pair[2] if pair else word for word, pair in zip(words[1:], pairs, strict=True)}
    return words[0][1:], {name: value for name, value in args.items() if name not in OF_THE_SERVER}
