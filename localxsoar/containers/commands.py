"""The server's replies to the calls of a container."""
from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from localxsoar.errors import CallRejected
from localxsoar.containers.faults import Faults
from localxsoar.incidents.context import NotUnderstood
from localxsoar.incidents.files import Folder, attached
from localxsoar.incidents.paths import value_at
from localxsoar.containers.journal import Journal
from localxsoar.terminal.printer import Printer
from localxsoar.incidents.store import ANY_VERSION, Store

TEST_MODULE = 'test-module'
VERSIONS = {'6.5': '6.5.0', '6.10': '6.10.0', '8': '8.9.0'}
BUILD = '1000000'
USER = {'id': 'admin', 'username': 'admin', 'name': 'Admin', 'email': 'admin@localhost', 'roles': {'demisto': ['Administrator']}}
LAST_RUNS = {'LastRun': 'last run', 'LastMirrorRun': 'last mirror run', 'AssetsLastRun': 'last run of assets'}
CONTEXT = 'context'
FIRST_INSTANCE_ID = 'instance-1'
DONE: dict[str, Any] = {}
SCRIPT_AGENT = 'localxsoar'  # the User-Agent of a request that a script sends to this server's API
# Keys of a context in which public integrations keep what they log in with, which works everywhere.
TOKEN_CACHE = re.compile('token|jwt|session|cookie|expir|valid|until|auth|login', re.IGNORECASE)
NO_REPLY = object()  # for messages that get no reply: None would be sent as `null`
ONLY_A_SERVER = 'The local XSOAR does not offer {}: this needs a real server.'
REQUEST_SECONDS = 60
# The pages of demistoUrls.
PAGES = {'evidenceBoard': 'EvidenceBoard', 'investigation': 'Details', 'relatedIncidents': 'Cluster', 'warRoom': 'WarRoom',
         'workPlan': 'WorkPlan'}


@dataclass
class Address:
    """Where this server is reached, once it listens, its API key, and the token with which integrations send events there."""
    url: str = ''
    key: str = ''
    token: str = field(default_factory=secrets.token_hex)


@dataclass(frozen=True)
class Site:
    """The parts of the server that a container's calls reach."""
    store: Store
    faults: Faults
    printer: Printer
    journal: Journal
    address: Address = field(default_factory=Address)
    version: str = '8'
    pre_process: Callable[[dict[str, Any]], bool] | None = None  # returns whether an incoming incident is created
    add_entry: Callable[[str, dict[str, Any]], Any] = lambda incident, entry: None  # keeps an entry in an incident's War Room


class ServerCommands:
    """The commands that the server offers to one container. A command raises CallRejected to send an error reply."""

    def __init__(self, site: Site, instance: str, brand: str, command: str, investigation: str,
                 is_alive: Callable[[], bool], cut_line: Callable[[], None]) -> None:
        self._site = site
        self._store = site.store
        self._instance = instance
        self._brand = brand
        self._command = command
        self._inv = investigation
        self._is_alive = is_alive
        self._cut_line = cut_line
        self.folder = Folder()
        self._commands: dict[str, Callable[[dict[str, Any]], Any]] = {
            'createIncidents': self._create_incidents,
            'createAlerts': lambda args: self._create_incidents({**args, 'incidents': args['alerts']}),
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
            'mapObject': self._map_object,
            'mirrorInvestigation': lambda args: DONE,
            'handleEntitlementForUser': lambda args: DONE,
            'internalHttpRequest': self._request,
            'getLicenseID': lambda args: {'id': 'local'},
            'getLicenseCustomField': self._license_field,
            'getIndexHash': lambda args: 'local',
        }
        for name, kind in LAST_RUNS.items():  # `kind=kind`: a lambda would see the last kind of the loop otherwise
            self._commands[f'get{name}'] = lambda args, kind=kind: self._store.kept(instance, kind)[0]  # type: ignore[misc]
            self._commands[f'set{name}'] = lambda args, kind=kind: self._keep(kind, args['value'])  # type: ignore[misc]

    def execute(self, message: dict[str, Any]) -> Any:
        """Return the reply to a call, or NO_REPLY. Raise CallRejected if the local XSOAR lacks the command."""
        command = str(message['command'])
        self._site.journal.call_counts[command] += 1
        if command not in self._commands:
            self._site.journal.undeclared.append(command)
            self._site.printer.warn(f'The integration called {command}, which the local XSOAR does not offer.')
            raise CallRejected(ONLY_A_SERVER.format(f'the command {command}'))
        return self._commands[command](message.get('args') or {})

    def warn(self, text: str) -> None:
        """Report, once in a run, something that the real server accepts although it is forbidden or dangerous."""
        if text not in self._site.journal.warnings:
            self._site.journal.warnings.append(text)
        self._site.printer.warn(text)

    @property
    def message_types(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        """Return the handlers of calls that have a message type of their own, rather than executeCommand."""
        return {'demistoUrls': self.urls, 'demistoVersion': self.version, 'getFileByEntryID': self.file, 'dt': self.dt}

    # Incidents and indicators.

    def _create_incidents(self, args: dict[str, Any]) -> Any:
        """Create incidents as the faults allow, then keep the last run that may come with them."""
        incidents = args['incidents']
        if not isinstance(incidents, list):
            raise CallRejected(f'createIncidents expects a list of incidents, not {type(incidents).__name__}.')
        self._site.journal.create_sizes.append(len(incidents))
        if self._site.faults.pop_cut():
            self._site.printer.show('The line is cut, as the fault "cut" demands.')
            self._cut_line()
            return NO_REPLY
        created = self._site.faults.create(incidents, self.store_incidents, self._is_alive)
        if args.get('lastRun') is not None:
            self._keep(LAST_RUNS['LastRun'], args['lastRun'])
        return created

    def store_incidents(self, incidents: list[dict[str, Any]], kind: str = '') -> list[dict[str, Any]]:
        """Create the incidents that the pre-process rule does not drop, print them, and return them with their ids.

        `kind` is the type of those without any.
        """
        origin = (self._instance, self._brand, kind)
        if not self._site.pre_process:
            created = self._store.create(incidents, *origin)
        else:
            created = []
            for incident, incoming in zip(incidents, self._store.preview(incidents, *origin), strict=True):
                if self._site.pre_process(incoming):
                    created += self._store.create([incident], *origin)
        self._site.printer.created(created)
        if any('attachment' in incident for incident in created):
            self.folder.keep_files((), self._inv, self._store)
            for incident in created:
                entries, attachments = list(attached(incident, self._store)), incident.get('attachment')
                for entry in entries:
                    self._site.add_entry(incident['id'], entry)
                if isinstance(attachments, list) and len(entries) < len(attachments):
                    self.warn(f'Incident {incident["id"]} has an attachment whose file the script did not leave.')
        return created

    def _create_indicators(self, args: dict[str, Any]) -> Any:
        added, known = self._store.add_indicators(args['indicators'] or [], self._instance, self._brand)
        self._site.printer.happened(f'indicators  {added} new, {known} seen again')
        return DONE

    # Last runs and the integration context.

    def _keep(self, kind: str, value: Any) -> Any:
        self._store.keep(self._instance, kind, value)
        return DONE

    def _get_context(self, args: dict[str, Any]) -> Any:
        value, version = self._store.kept(self._instance, CONTEXT)
        return {'context': value, 'version': {'version': version, 'sequenceNumber': version, 'primaryTerm': 1}}

    def _set_context(self, args: dict[str, Any]) -> Any:
        value, version = args['value'], args.get('version')
        if not isinstance(value, dict):
            raise CallRejected('The integration context must be an object.')
        if self._command == TEST_MODULE and not all(map(TOKEN_CACHE.search, value)):
            self.warn('The documentation does not allow the integration context in test-module.')
        for key, item in value.items():
            if not isinstance(item, str) and not TOKEN_CACHE.search(key):
                self.warn(f'The documentation allows only text in a context: the value of {key!r} is {type(item).__name__}.')
        # A script sends back the version object of its last read, a plain number, or nothing for `any version`.
        if isinstance(version, dict):
            version = version.get('version', ANY_VERSION)
        self._store.keep(self._instance, CONTEXT, value, ANY_VERSION if version is None else int(version))
        return DONE

    # Health, entries and requests to the server.

    def _update_health(self, args: dict[str, Any]) -> Any:
        error = json.dumps(args['err']) if isinstance(args['err'], dict) else str(args['err'] or '')
        is_count = isinstance(args['err'], dict) and not args.get('isError')  # such as {"eventsPulled": 3}
        self._site.journal.set_health('' if is_count else error, bool(args.get('isError', error and not is_count)))
        self._site.printer.happened(f"health  {error or 'Healthy'}")
        return DONE

    def _add_entry(self, args: dict[str, Any]) -> Any:
        self._site.printer.happened(f"entry  incident {args['id']}: {args['entry']}")
        self._store.add_entry(str(args['id']), args['entry'])
        return DONE

    def _map_object(self, args: dict[str, Any]) -> Any:
        """Return the object as it is: no mapper is known here."""
        self.warn(f'mapObject returns its object unchanged: the local XSOAR does not have the mapper {args.get("mapper")!r}. '
                  'Scripts get the object that a file of --replies has for mapObject.')
        return args.get('source')

    def _request(self, args: dict[str, Any]) -> Any:
        """Send a request to this server's own API, and return the response in the form of internalHttpRequest."""
        given = args.get('body') or ''
        body = (given if isinstance(given, str) else json.dumps(given)).encode()
        address = self._site.address
        request = Request(f"{address.url}/{args['uri'].lstrip('/')}", body or None, method=args['method'],
                          headers={'Authorization': address.key, 'User-Agent': SCRIPT_AGENT})
        try:
            response: Any = build_opener(ProxyHandler({})).open(request, timeout=REQUEST_SECONDS)
        except HTTPError as error:
            response = error
        with response:
            return {'statusCode': response.status, 'status': f'{response.status} {response.reason}',
                    'body': response.read().decode('utf-8', 'replace'),
                    'headers': {name: [value] for name, value in response.headers.items()}}

    # Calls that have a message type of their own.

    def urls(self, message: dict[str, Any]) -> Any:
        url = self._site.address.url
        return {'server': url, **{name: f'{url}/#/{page}/{self._inv}' for name, page in PAGES.items()}}

    def version(self, message: dict[str, Any]) -> Any:
        return {'version': VERSIONS[self._site.version], 'buildNumber': BUILD, 'platform': 'xsoar'}

    def file(self, message: dict[str, Any]) -> Any:
        """Return a file by the id of its entry. The path of a file of this machine serves as an id, too."""
        number = str(message['args']['id'])
        entry = self._store.entry(number)
        kept = self._store.file(str(entry.get('FileID'))) if isinstance(entry, dict) else None
        if kept:
            return {'id': number, 'path': str(self.folder.put(str(entry['FileID']), kept[1])), 'name': kept[0]}
        path = Path(number)
        if not path.is_file():
            raise CallRejected(f'There is no file {path}. An entry id is expected, or the path of a file.')
        return {'id': str(path), 'path': str(path.resolve()), 'name': path.name}

    def dt(self, message: dict[str, Any]) -> Any:
        """Return the value at a path such as `a.b(val.id == 1).c`, also through lists. Reject the rest of the DT language."""
        try:
            return {'result': value_at(message['value'], str(message['name']))}
        except NotUnderstood as error:
            raise CallRejected(ONLY_A_SERVER.format(error)) from None

    def _license_field(self, args: dict[str, Any]) -> Any:
        """Return where events are sent, and with which token. There is no other field."""
        address = self._site.address
        known = {'Http_Connector.url': address.url.partition('://')[2], 'Http_Connector.token': address.token}
        return {'value': known[args['key']]} if args['key'] in known else None
