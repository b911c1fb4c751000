"""What the server answers to the calls of a container."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from localxsoar.errors import CallRefused
from localxsoar.faults import Faults
from localxsoar.journal import Journal
from localxsoar.output import Printer
from localxsoar.store import Store

TEST_MODULE = 'test-module'
VERSIONS = {'6.5': '6.5.0', '6.10': '6.10.0', '8': '8.9.0'}
BUILD = '1000000'
USER = {'id': 'admin', 'username': 'admin', 'name': 'Admin', 'email': 'admin@localhost', 'roles': {'demisto': ['Administrator']}}
LAST_RUNS = {'LastRun': 'last run', 'LastMirrorRun': 'last mirror run', 'AssetsLastRun': 'last run of assets'}
CONTEXT = 'context'
INSTANCE_ID = 'instance-1'
DONE: dict[str, Any] = {}
NO_REPLY = object()
PLAIN_PATH = re.compile(r'[\w.\- ]*')
ONLY_A_SERVER = 'The local XSOAR does not offer {}: it takes a real server.'
REQUEST_SECONDS = 60


@dataclass(frozen=True)
class Site:
    """The server that a container belongs to, as its calls see it."""
    store: Store
    faults: Faults
    printer: Printer
    journal: Journal
    url: str = ''
    version: str = '8'


class Calls:
    """The commands of one container's instance. Raises CallRefused for what gets an error reply."""

    def __init__(self, site: Site, instance: str, brand: str, command: str, is_alive: Callable[[], bool],
                 cut_line: Callable[[], None]) -> None:
        self._site = site
        self._store = site.store
        self._instance = instance
        self._brand = brand
        self._command = command
        self._is_alive = is_alive
        self._cut_line = cut_line
        self._warned: set[str] = set()
        self.created: list[dict[str, Any]] = []
        self._commands: dict[str, Callable[[dict[str, Any]], Any]] = {
            'createIncidents': self._create_incidents,
            'createIndicators': self._create_indicators,
            'searchIndicators': lambda args: self._store.search_indicators(args),
            'searchRelationships': lambda args: {'total': 0, 'data': []},
            'getIntegrationContext': self._get_context,
            'setIntegrationContext': self._set_context,
            'updateModuleHealth': self._update_health,
            'heartbeat': lambda args: NO_REPLY,
            'findUser': lambda args: USER if args.get('username') == USER['username'] or args.get('email') == USER['email']
            else None,
            'addEntry': self._add_entry,
            'mirrorInvestigation': lambda args: DONE,
            'handleEntitlementForUser': lambda args: DONE,
            'internalHttpRequest': self._request,
            'getLicenseID': lambda args: {'id': 'local'},
            'getLicenseCustomField': lambda args: None,
            'getIndexHash': lambda args: 'local',
        }
        for name, kind in LAST_RUNS.items():
            self._commands[f'get{name}'] = lambda args, kind=kind: self._store.kept(instance, kind)[0]  # type: ignore[misc]
            self._commands[f'set{name}'] = lambda args, kind=kind: self._keep(kind, args['value'])  # type: ignore[misc]

    def execute(self, message: dict[str, Any]) -> Any:
        """The reply to a call, or NO_REPLY."""
        command = str(message['command'])
        self._site.journal.calls[command] += 1
        if command not in self._commands:
            self._site.journal.undeclared.append(command)
            self._site.printer.alarm(f'the command {command} was called, which the local XSOAR does not offer')
            raise CallRefused(ONLY_A_SERVER.format(f'the command {command}'))
        return self._commands[command](message.get('args') or {})

    def warn(self, text: str) -> None:
        """Says once what the real server would let pass, and its documents forbid."""
        if text not in self._warned:
            self._warned.add(text)
            self._site.journal.warnings.append(text)
            self._site.printer.alarm(text)

    # Incidents and indicators.

    def _create_incidents(self, args: dict[str, Any]) -> Any:
        incidents = args['incidents']
        if not isinstance(incidents, list):
            raise CallRefused(f'createIncidents takes a list of incidents, not {type(incidents).__name__}.')
        self._site.journal.create_sizes.append(len(incidents))
        if self._site.faults.take_cut():
            self._site.printer.line('the line is cut, as the fault "cut" asks for')
            self._cut_line()
            return NO_REPLY
        created = self._site.faults.create(incidents, self.store_incidents, self._is_alive)
        if args.get('lastRun') is not None:
            self._keep(LAST_RUNS['LastRun'], args['lastRun'])
        return created

    def store_incidents(self, incidents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        created = self._store.create(incidents, self._instance, self._brand)
        self._site.printer.created(created)
        return created

    def _create_indicators(self, args: dict[str, Any]) -> Any:
        added, known = self._store.add_indicators(args['indicators'] or [], self._instance, self._brand)
        self._site.printer.happened(f'indicators  {added} new, {known} seen again')
        return DONE

    # What an instance keeps.

    def _keep(self, kind: str, value: Any) -> Any:
        self._store.keep(self._instance, kind, value)
        return DONE

    def _get_context(self, args: dict[str, Any]) -> Any:
        self._warn_of_context_in_test()
        value, version = self._store.kept(self._instance, CONTEXT)
        return {'context': value, 'version': {'version': version, 'sequenceNumber': version, 'primaryTerm': 1}}

    def _set_context(self, args: dict[str, Any]) -> Any:
        self._warn_of_context_in_test()
        value, version = args['value'], args.get('version')
        if not isinstance(value, dict):
            raise CallRefused('The integration context must be an object.')
        for key, item in value.items():
            if not isinstance(item, str):
                self.warn(f'By the documents a context holds text only: the value of {key!r} is {type(item).__name__}')
        expected = version.get('version', -1) if isinstance(version, dict) else -1 if version is None else version
        self._store.keep(self._instance, CONTEXT, value, int(expected))
        return DONE

    def _warn_of_context_in_test(self) -> None:
        if self._command == TEST_MODULE:
            self.warn('By the documents the integration context cannot be used in test-module')

    # The rest.

    def _update_health(self, args: dict[str, Any]) -> Any:
        error = json.dumps(args['err']) if isinstance(args['err'], dict) else str(args['err'] or '')
        self._site.journal.set_health(error, bool(args.get('isError', error)))
        self._site.printer.happened(f"health  {error or 'in order'}")
        return DONE

    def _add_entry(self, args: dict[str, Any]) -> Any:
        self._site.printer.happened(f"entry  incident {args['id']}: {args['entry']}")
        self._store.add_entry(str(args['id']), args['entry'])
        return DONE

    def _request(self, args: dict[str, Any]) -> Any:
        request = Request(self._site.url + args['uri'], str(args.get('body') or '').encode() or None, method=args['method'])
        try:
            response: Any = build_opener(ProxyHandler({})).open(request, timeout=REQUEST_SECONDS)
        except HTTPError as error:
            response = error
        with response:
            return {'statusCode': response.status, 'status': f'{response.status} {response.reason}',
                    'body': response.read().decode('utf-8', 'replace'),
                    'headers': {name: [value] for name, value in response.headers.items()}}

    # Messages of a type of their own.

    def urls(self, message: dict[str, Any]) -> Any:
        paths = ('evidenceBoard', 'investigation', 'relatedIncidents', 'warRoom', 'workPlan')
        return {'server': self._site.url, **{name: f'{self._site.url}/#/{name}' for name in paths}}

    def version(self, message: dict[str, Any]) -> Any:
        return {'version': VERSIONS[self._site.version], 'buildNumber': BUILD, 'platform': 'xsoar'}

    def file(self, message: dict[str, Any]) -> Any:
        """A file of this machine: its path stands for the id of an entry."""
        path = Path(str(message['args']['id']))
        if not path.is_file():
            raise CallRefused(f'There is no file {path}. In the local XSOAR the path of a file stands for an entry id.')
        return {'id': str(path), 'path': str(path.resolve()), 'name': path.name}

    def dt(self, message: dict[str, Any]) -> Any:
        """A plain path of names, over lists too; the rest of the language takes a real server."""
        value, path = message['value'], str(message['name'])
        if not PLAIN_PATH.fullmatch(path):
            raise CallRefused(ONLY_A_SERVER.format(f'more of DT than names and dots ({path})'))
        for part in path.removeprefix('val.').split('.'):
            if isinstance(value, list):
                value = [item.get(part) for item in value if isinstance(item, dict)]
            else:
                value = value.get(part) if isinstance(value, dict) else None
        return {'result': value}
