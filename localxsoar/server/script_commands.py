"""The server's replies to the calls of a script: commands on incidents, and the commands of instances and scripts."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from localxsoar.containers.commands import ServerCommands
from localxsoar.incidents.entries import PLAYGROUND
from localxsoar.errors import CallRejected
from localxsoar.incidents.query import SEVERITIES, STATUSES
from localxsoar.incidents.store import CLOSED, state_of
from localxsoar.server.builtin_commands import STAND_INS, BuiltinCommands, as_text, split
from localxsoar.server.options import split_options
from localxsoar.server.replies import Replies, line_for
from localxsoar.server.schedule import Schedule
from localxsoar.server.war_room import WarRoom
from localxsoar.terminal.printer import SEVERITIES as SHOWN_SEVERITIES

NOTE, ERROR = 1, 4
DENIED = 'The user has no permission for {}, as the fault "deny" demands.'
# Commands that a script calls by a method of its own, and whose reply is no list of entries.
PLAIN = ('searchIndicators', 'searchRelationships', 'internalHttpRequest', 'getLicenseID', 'getLicenseCustomField', 'mapObject')
# Commands of the integration for the server's API, which needs no instance here, and what paths there may begin with.
API_COMMAND = re.compile(r'(?:core|demisto)-api-(get|post|put|delete)')
API_PREFIX = re.compile(r'/?(?:acc_[^/]*/)?(?:xsoar/)?(?:public/v1/)?')
NO_ROUTE = (404, 405)
# The arguments of getIncidents, and the fields of the API's filter that they become.
FILTERS = {'id': 'id', 'name': 'name', 'type': 'type', 'status': 'status', 'query': 'query', 'size': 'size', 'page': 'page',
           'fromdate': 'fromDate', 'todate': 'toDate', 'sourceBrand': 'sourceBrand', 'sourceInstance': 'sourceInstance'}
# Those that become terms of its query, and those that change nothing of what is found.
TERMS = {'level': 'severity:({})', 'owner': 'owner:({})', 'reason': 'closeReason:({})', 'notstatus': '-status:({})'}
OF_OUTPUT = ('sort', 'trimevents', 'searchresultslabel', 'summarizeforcontextsize', 'populateFields', 'includeinformational')
# Arguments of setIncident that are fields of every incident. Others are custom fields.
INCIDENT_FIELDS = ('name', 'type', 'severity', 'owner', 'details', 'occurred', 'labels', 'roles', 'phase', 'closeReason',
                   'closeNotes', 'dueDate', 'rawJSON', 'dbotMirrorId')
# Other keys of an incident, which setIncident does not set: a script may pass a whole incident.
OWN_FIELDS = ('id', 'customFields', 'CustomFields', 'version', 'created', 'modified', 'closed', 'status', 'rawType', 'rawName',
              'sourceInstance', 'sourceBrand', 'investigationId')
Entries = list[dict[str, Any]]


class Platform(Protocol):
    """What a script reaches beyond its own container: the instances and the other scripts of the server."""
    schedule: Schedule
    replies: Replies

    def owns(self, command: str) -> bool: ...
    def filled(self, args: Mapping[str, Any], incident: dict[str, Any] | None) -> dict[str, Any]: ...
    def entries_of(self, command: str, args: Mapping[str, Any], incident: dict[str, Any] | None) -> Entries: ...
    def modules(self) -> dict[str, dict[str, Any]]: ...
    def supported_commands(self) -> dict[str, list[dict[str, Any]]]: ...


class ScriptCommands(ServerCommands):
    """The commands that the server offers to the container of one script."""

    def __init__(self, platform: Platform, incident: dict[str, Any] | None, *container: Any) -> None:
        super().__init__(*container)
        self._platform = platform
        self._incident = incident
        self._before: dict[str, tuple[dict[str, Any], int]] = {}  # the incidents of its commands, as they were, and their entries
        self._plain = {name: self._commands[name] for name in PLAIN}
        self._others = BuiltinCommands(self._store, self._site.printer, platform.schedule, self._room, self.file)
        self._builtin: dict[str, Callable[[dict[str, Any]], Any]] = {
            **self._others.table,
            'getIncidents': self._get_incidents,
            'setIncident': self._set_incident,
            'closeInvestigation': self._close,
            'createNewIncident': self._create,
            'addEntries': self._add_entries,
            'executeCommandAt': self._execute_at,
            'getContext': lambda args: {'context': self._room(args).context()},
        }

    @property
    def message_types(self) -> dict[str, Callable[[dict[str, Any]], Any]]:
        return {**super().message_types, 'setContext': self._set_context_value,
                'execute': lambda message: self.execute({**message, 'args': {**message['args'], 'using': message['module']}}),
                'getAllModules': lambda message: self._platform.modules(),
                'getAllModulesSupportedCmds': lambda message: self._platform.supported_commands()}

    def execute(self, message: dict[str, Any]) -> Any:
        """Return a command's entries. A failure is an entry, too, but a command that does not exist is an error reply."""
        command, args = str(message['command']), message.get('args') or {}
        self._site.journal.call_counts[command] += 1
        if self._site.faults.denies(command):
            return [as_reply({'Type': ERROR, 'ContentsFormat': 'text', 'Contents': DENIED.format(command)}, 'Builtin')]
        replies = self._platform.replies.entries(command, args)
        if command in self._plain:
            return replies[0]['Contents'] if replies else self._plain[command](args)
        if replies is not None:
            return [as_reply(entry, 'Replies') for entry in replies]
        if command in STAND_INS or self._platform.owns(command):
            args = self._platform.filled(args, self._incident)
        if command in self._builtin and not (command in STAND_INS and self._platform.owns(command)):
            return self.run_builtin(command, args)
        if self._platform.owns(command):
            return self._platform.entries_of(command, args, self._incident)
        if api := API_COMMAND.fullmatch(command):
            return self._ask_api(api[1].upper(), args)
        self._site.journal.undeclared.append(command)
        self._site.printer.alarm(f'The script called {command}, which no enabled instance has, nor the local XSOAR itself. '
                                 + line_for(command))
        raise CallRejected(f'Unsupported Command : {command}. No enabled instance has it, nor the local XSOAR itself. '
                           + line_for(command))

    def run_builtin(self, command: str, args: Mapping[str, Any]) -> Entries:
        """Run a command of the server itself, and return its entries, of which a failure is one, too."""
        if command in STAND_INS:
            self._site.printer.warn(f'{command} is a script in JavaScript on a server. The local XSOAR stands in for it.')
        try:
            if api := API_COMMAND.fullmatch(command):
                return self._ask_api(api[1].upper(), args)
            return [as_reply(entry, 'Builtin') for entry in as_entries(self._builtin[command](split_options(args)[1]))]
        except (CallRejected, ValueError) as error:
            return [as_reply({'Type': ERROR, 'ContentsFormat': 'text', 'Contents': str(error)}, 'Builtin')]

    # The server's API.

    def _request(self, args: dict[str, Any]) -> Any:
        """Send a request to this server's own API, unless the file of replies has a response to it."""
        method, path = str(args['method']).upper(), str(args['uri'])
        known = '/' + API_PREFIX.sub('', path, count=1).rstrip('/')
        for reply in [*self._platform.replies.find(method, {'': path}), *self._platform.replies.find(method, {'': known})]:
            return {'statusCode': 200, 'status': '200 OK', 'headers': {}, 'body': as_text(reply)}
        response = super()._request({**args, 'uri': known})
        if response['statusCode'] in NO_ROUTE:
            self._site.printer.alarm(f'The API of the local XSOAR has no {method} {known}. {line_for(f"{method} {known}", {})}')
        return response

    def _ask_api(self, method: str, args: Mapping[str, Any]) -> Entries:
        """Return the response of the API as the integration for it does. Raise CallRejected for what it does not have."""
        uri = str(args.get('uri') or '')
        response = self._request({'method': method, 'uri': uri, 'body': as_text(args.get('body'))})
        if response['statusCode'] in NO_ROUTE:
            raise CallRejected(f'The API of the local XSOAR has no {method} {uri}. {line_for(f"{method} {uri}", {})}')
        try:
            body = json.loads(response['body'])
        except ValueError:
            body = response['body']
        if response['statusCode'] >= 400:
            text = f'Request failed with {response["status"]}: {response["body"]}'
            return [as_reply({'Type': ERROR, 'Contents': text}, 'Core')]
        return [as_reply({'ContentsFormat': 'json', 'Contents': {'response': body}}, 'Core')]

    def _execute_at(self, args: Mapping[str, Any]) -> Entries:
        """Execute a command in other incidents, and return the entries of all, and after them one that says in how many."""
        own, entries = self._incident, Entries()
        numbers = str(args.get('incidents') or '').split(',')
        for number in numbers:
            self._incident = self._store.get(number.strip())
            try:
                entries += self.execute({'command': args.get('command'), 'args': args.get('arguments') or {}})
            finally:
                self._incident = own
        return [*entries, *as_entries(f'Executed in {len(numbers)} of {len(numbers)} incidents.')]

    def _room(self, args: Mapping[str, Any]) -> WarRoom:
        return WarRoom(self._store, self._site.printer, self._investigation(args))

    def _set_context_value(self, message: dict[str, Any]) -> dict[str, Any]:
        self._room({}).set_context(str(message['name']), message['value'])
        return {'status': True}

    def _investigation(self, args: Mapping[str, Any]) -> str:
        """Return the id of the incident that a command is for: its argument, or the incident that the script runs in."""
        number = str(args.get('id') or (self._incident or {}).get('id') or '')
        if not number and self._incident:
            raise CallRejected('The incoming incident is not created yet: the command needs the id of another.')
        if number.isdecimal() and number not in self._before and (found := self._store.search({'id': [number]})[0]):
            self._before[number] = found[0], len(self._store.entries(number))
        return number or PLAYGROUND

    def acts(self) -> list[dict[str, str]]:
        """Return what the script has changed: each incident, the word for it, and its old and new severity if that is another."""
        return [act_on(number, before, self._store.get(number)) for number, (before, entries) in self._before.items()
                if self._store.get(number)['modified'] != before['modified'] or len(self._store.entries(number)) != entries]

    def _get_incidents(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of incidents. `data` is null if there are none."""
        filter = {FILTERS[name]: value for name, value in args.items() if name in FILTERS and value not in (None, '')}
        for name in ('id', 'name', 'type', 'status'):
            if name in filter:
                values = filter[name] if isinstance(filter[name], list) else str(filter[name]).split(',')
                filter[name] = [STATUSES.get(str(value).lower(), value) if name == 'status' else value for value in values]
        terms = [term.format(' '.join(f'"{value}"' for value in split(str(args[name])))) for name, term in TERMS.items()
                 if args.get(name)]
        filter['query'] = ' and '.join([*([f'({filter["query"]})'] if filter.get('query') else []), *terms])
        if ignored := [name for name in args if args[name] and name not in (*FILTERS, *TERMS, *OF_OUTPUT)]:
            self._site.printer.warn(f'getIncidents: the local XSOAR ignores {", ".join(ignored)}. {line_for("getIncidents", {})}')
        if args.get('sort'):
            field, _, direction = str(args['sort']).partition('.')
            filter['sort'] = [{'field': field, 'asc': direction != 'desc'}]
        incidents, total = self._store.search(self._site.faults.indexed(filter))
        return {'total': total, 'data': incidents or None}

    def _set_incident(self, args: Mapping[str, Any]) -> str:
        self._store.update(self._investigation(args), read_fields(args))
        return 'done'

    def _close(self, args: Mapping[str, Any]) -> str:
        number = self._investigation(args)
        self._store.close_incident(number, str(args.get('closeReason') or ''), str(args.get('closeNotes') or ''))
        self._site.printer.happened(f'closed  incident {number}')
        return 'Investigation closed successfully'

    def _create(self, args: Mapping[str, Any]) -> dict[str, Any]:
        created = self._store.create([read_fields(args)], '', '')
        self._site.printer.created(created)
        number = created[0]['id']
        return {'Contents': f'Created incident with ID: {number}', 'EntryContext': {'CreatedIncidentID': number}}

    def _add_entries(self, args: Mapping[str, Any]) -> Any:
        """Add entries to a War Room. They are a list, or its JSON as text, and each needs no more than `Contents`."""
        number, entries = self._investigation(args), args.get('entries')
        read = json.loads(entries) if isinstance(entries, str) else entries
        if not isinstance(read, list) or not all(isinstance(entry, dict) for entry in read):
            raise CallRejected('addEntries expects entries as a list of objects, or its JSON.')
        if number != PLAYGROUND:
            self._store.get(number)
        for entry in read:
            self._site.printer.happened(f'entry  incident {number}: {entry.get("Contents")}')
            tags = {'Tags': entry['tags']} if 'tags' in entry else {}  # the server reads keys in any case
            self._room(args).add({'Type': NOTE, 'ContentsFormat': 'text', **entry, **tags})
        return 'done'


def act_on(number: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    is_end = after['status'] == CLOSED != before['status']
    old, new = (SHOWN_SEVERITIES.get(each.get('severity') or 0, 'unknown') for each in (before, after))
    changes = [f'{old} → {new}'] if old != new else []
    if not is_end and state_of(after) != state_of(before):
        changes.append(f'{state_of(after)}, still open')
    return {'word': 'ended' if is_end else 'joined', 'incident': number, 'text': ', '.join(changes)}


def read_fields(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of setIncident as fields of an incident, with its custom fields in `CustomFields`."""
    given = args.get('customFields') or args.get('CustomFields') or {}
    custom = json.loads(given) if isinstance(given, str) else given
    if not isinstance(custom, dict):
        raise CallRejected('customFields must be an object, or its JSON.')
    fields = {name: args[name] for name in INCIDENT_FIELDS if args.get(name) is not None}
    if 'severity' in fields:
        fields['severity'] = read_severity(str(fields['severity']).lower())
    others = {name: value for name, value in args.items() if name not in (*INCIDENT_FIELDS, *OWN_FIELDS)}
    return {**fields, 'CustomFields': {**custom, **others}} if custom or others else fields


def read_severity(text: str) -> float:
    """Return a severity from its name or number. Raise ValueError for any other text."""
    number = float(SEVERITIES.get(text, text))
    return int(number) if number == int(number) else number


def as_entries(value: Any) -> Entries:
    """Return a command's result as entries: a list of entries, an entry, a text, or an object that becomes JSON."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and 'Contents' in value:
        return [value]
    return [{'Contents': value, 'ContentsFormat': 'text' if isinstance(value, str) else 'json'}]


def as_reply(entry: Mapping[str, Any], module: str) -> dict[str, Any]:
    """Return an entry with the keys that each entry in a reply to executeCommand has."""
    empty = {'Type': NOTE, 'ContentsFormat': 'text', 'Contents': None, 'HumanReadable': None, 'EntryContext': None, 'ID': '',
             'File': '', 'FileID': '', 'Tags': None, 'Note': False}
    return {**empty, **entry, 'ModuleName': module, 'Brand': module}
