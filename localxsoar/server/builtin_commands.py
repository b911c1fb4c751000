"""Commands of the server that scripts use beside those on incidents: lists, indicators, users, files, links and schedules."""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from localxsoar.containers.commands import USER
from localxsoar.errors import CallRejected
from localxsoar.incidents.files import describe_file
from localxsoar.incidents.query import VERDICTS
from localxsoar.incidents.store import Store
from localxsoar.server.options import is_true
from localxsoar.server.replies import line_for
from localxsoar.server.schedule import Schedule
from localxsoar.server.war_room import WarRoom
from localxsoar.terminal.printer import Printer

Args = Mapping[str, Any]
NOT_FOUND = 'Item not found (8)'  # scripts compare the text
LISTS, SEPARATOR = 'list ', ','
ONLY_USER = {**USER, 'allRoles': ['Administrator'], 'isAway': False}
USER_IN_CONTEXT = {**{name: USER[name] for name in ('username', 'email', 'name')}, 'phone': '', 'roles': ['Administrator']}
CATEGORIES = {'notes': 'Note', 'attachments': 'File'}  # of entries, with the key that has a value in an entry of this category
# Arguments of createNewIndicator that are no fields of the indicator.
OF_INDICATOR = ('value', 'type', 'reputation', 'score', 'verdict', 'source', 'seenNow', 'merge', 'relatedIncidents')
# Commands that a server has as scripts in JavaScript, which do not run here. A script of the pack with the name comes first.
STAND_INS = ('Set', 'SetByIncidentId', 'Print', 'DeleteContext', 'ScheduleCommand')
# All commands of the server that run here, with their arguments. A value without a name is that of the first.
COMMANDS = {name: arguments.split() for name, arguments in {
    'getIncidents': 'query id name type status level owner fromdate todate sort size page',
    'setIncident': 'id name type severity details',
    'createNewIncident': 'name type severity details', 'closeInvestigation': 'id closeReason closeNotes',
    'setOwner': 'owner id', 'linkIncidents': 'linkedIncidentIDs incidentId action',
    'executeCommandAt': 'command arguments incidents', 'addEntries': 'entries id', 'getEntries': 'id filter',
    'getEntry': 'id', 'getFilePath': 'id', 'getContext': 'id', 'getList': 'listName', 'createList': 'listName listData',
    'setList': 'listName listData', 'addToList': 'listName listData', 'removeFromList': 'listName listData',
    'findIndicators': 'query value size page', 'getIndicator': 'value',
    'createNewIndicator': 'value type verdict', 'setIndicator': 'value id type verdict',
    'setIndicators': 'indicatorsValues type verdict', 'getUsers': 'current online onCall roles limit',
    'getUserByUsername': 'username', 'scheduleEntry': 'command cron times id cancel',
    'ScheduleCommand': 'command cron times id cancel', 'Set': 'key value append stringify',
    'SetByIncidentId': 'key value id append', 'Print': 'value', 'DeleteContext': 'key all keysToKeep id',
    'delContext': 'key all keysToKeep id'}.items()}


class BuiltinCommands:
    """These commands for one script, by name in `table`. `room` returns the War Room that the arguments mean.

    A command returns its entries, an entry or their contents, and raises CallRejected for what it does not understand.
    """

    def __init__(self, store: Store, printer: Printer, schedule: Schedule, room: Callable[[Args], WarRoom],
                 file: Callable[[dict[str, Any]], Any]) -> None:
        self._store = store
        self._printer = printer
        self._schedule = schedule
        self._room = room
        self.table: dict[str, Callable[[dict[str, Any]], Any]] = {
            'getFilePath': lambda args: file({'args': {'id': needed('getFilePath', args, 'id')}}),
            'getEntry': self._get_entry,
            'getEntries': self._get_entries,
            'getList': lambda args: self._list(args),
            'createList': lambda args: self._keep_list(args, as_text(args.get('listData'))),
            'setList': lambda args: self._keep_list(args, as_text(args.get('listData')), self._list(args)),
            'addToList': self._add_to_list,
            'removeFromList': self._remove_from_list,
            'findIndicators': self._find_indicators,
            'getIndicator': self._find_indicators,
            'createNewIndicator': self._create_indicator,
            'setIndicator': self._set_indicator,
            'setIndicators': self._set_indicator,
            'getUsers': self._get_users,
            'getUserByUsername': self._get_user,
            'linkIncidents': self._link,
            'setOwner': self._set_owner,
            'scheduleEntry': self._schedule_entry,
            'ScheduleCommand': self._schedule_entry,
            'Set': self._set,
            'SetByIncidentId': self._set,
            'Print': lambda args: as_text(args.get('value')),
            'DeleteContext': self._delete_context,
            'delContext': self._delete_context,
        }

    # Entries.

    def _get_entry(self, args: Args) -> dict[str, Any]:
        number = needed('getEntry', args, 'id')
        found = self._store.entry(number)
        if found is None:
            raise CallRejected(f'There is no entry {number}.')
        return self._entry(number, found)

    def _get_entries(self, args: Args) -> list[dict[str, Any]]:
        """Return the entries of a War Room, with `filter` only those that have one of its tags and are of its categories."""
        tags, categories = read_filter(args.get('filter'))
        entries = [self._entry(kept['id'], kept['contents']) for kept in self._store.entries(self._room(args).investigation)]
        return [entry for entry in entries if (not tags or tags & set(entry.get('Tags') or []))
                and all(entry.get(CATEGORIES[name]) for name in categories)]

    def _entry(self, number: str, kept: Any) -> dict[str, Any]:
        """Return a kept entry with its id, who made it and, if it has a file, what that is."""
        entry = kept if isinstance(kept, dict) else {'Contents': kept, 'ContentsFormat': 'text'}
        file = self._store.file(str(entry.get('FileID') or ''))
        about = {name.lower(): value for name, value in describe_file(*file).items()} if file else {}
        own = {'ID': number, 'Metadata': {'id': number, 'user': USER['id'], 'tags': entry.get('Tags') or []}}
        return {**entry, **own, **({'FileMetadata': about} if about else {})}

    # Lists.

    def _list(self, args: Args) -> str:
        """Return a list's text. Raise CallRejected if there is none of its name."""
        text, version = self._store.kept('', LISTS + needed('A command on lists', args, 'listName'))
        if not version:
            raise CallRejected(NOT_FOUND)
        return str(text)

    def _keep_list(self, args: Args, text: str, old: str = '') -> str:
        self._store.keep('', LISTS + needed('A command on lists', args, 'listName'), text)
        return f'Done: list {args["listName"]} was updated'

    def _add_to_list(self, args: Args) -> str:
        return self._keep_list(args, SEPARATOR.join(filter(None, [self._list(args), as_text(args.get('listData'))])))

    def _remove_from_list(self, args: Args) -> str:
        removed = split(as_text(args.get('listData')))
        return self._keep_list(args, SEPARATOR.join(item for item in split(self._list(args)) if item not in removed))

    # Indicators.

    def _find_indicators(self, args: Args) -> dict[str, Any]:
        check_known('findIndicators', args, ('value', 'query', 'size', 'page'))
        return {'Contents': self._store.search_indicators(args)['iocs'], 'ContentsFormat': 'json'}

    def _create_indicator(self, args: Args) -> dict[str, Any]:
        """Create an indicator, or add to the known one of this value, and return it."""
        value = needed('createNewIndicator', args, 'value')
        score = str(args.get('reputation') or args.get('verdict') or args.get('score') or 'none').lower()
        self._store.add_indicators([{
            'value': value, 'type': str(args.get('type') or 'Unknown'), 'score': int(VERDICTS.get(score, score)),
            'fields': {name: field for name, field in args.items() if name not in OF_INDICATOR}}], '', 'Manual')
        self._printer.happened(f'indicator  {value}')
        [found] = self._store.search_indicators({'value': value})['iocs']
        return {'Contents': found, 'ContentsFormat': 'json'}

    def _set_indicator(self, args: Args) -> str:
        """Set the fields of the indicators with an `id`, a `value`, or `indicatorsValues`."""
        by_id = self._store.search_indicators({'query': f'id:{args["id"]}'})['iocs'] if args.get('id') else []
        values = [each['value'] for each in by_id] or split(as_text(args.get('indicatorsValues') or args.get('value')))
        given = {name: field for name, field in args.items() if name not in ('id', 'indicatorsValues', 'value')}
        for value in values:
            known = next(iter(self._store.search_indicators({'value': value})['iocs']), None)
            if not known:
                raise CallRejected(f'There is no indicator {value}.')
            old = {**known['CustomFields'], 'type': known['indicator_type'], 'reputation': given.get('verdict', known['score'])}
            self._create_indicator({**old, **given, 'value': value})
        return f'{len(values)} indicators were set'

    # Users.

    def _get_users(self, args: Args) -> dict[str, Any]:
        """Return the one user there is, or none: with other roles, or on call, as there are no shifts."""
        check_known('getUsers', args, ('current', 'online', 'onCall', 'roles', 'limit'))
        roles = {role.lower() for role in split(as_text(args.get('roles')))}
        is_meant = not is_true(args.get('onCall')) and (not roles or 'administrator' in roles)
        return {'Contents': [ONLY_USER] * is_meant, 'ContentsFormat': 'json',
                'EntryContext': {'DemistoUsers': [USER_IN_CONTEXT] * is_meant}}

    def _get_user(self, args: Args) -> dict[str, Any]:
        name = needed('getUserByUsername', args, 'username')
        if name != USER['username']:
            raise CallRejected(f'There is no user {name}. The local XSOAR has one: {USER["username"]}.')
        return {'Contents': ONLY_USER, 'ContentsFormat': 'json'}

    # Links and schedules.

    def _link(self, args: Args) -> str:
        """Link incidents to one, both ways, or unlink them; as duplicates, close them, too."""
        action = str(args.get('action') or 'link')
        if action not in ('link', 'unlink', 'duplicate'):
            raise CallRejected(f'linkIncidents knows the actions link, unlink and duplicate, not {action}.')
        number = str(args.get('incidentId') or self._room({}).investigation)
        others = split(as_text(args.get('linkedIncidentIDs')))
        for one, two in [pair for other in others for pair in ((number, other), (other, number))]:
            linked = [each for each in self._store.get(one).get('linkedIncidents') or [] if each != two]
            self._store.update(one, {'linkedIncidents': linked + [two] * (action != 'unlink')})
        if action == 'duplicate':
            closed = [self._store.close_incident(other, 'Duplicate', f'Duplicate of {number}') for other in others]
            return f'{len(closed)} incidents marked as duplicates'
        return f'Incidents {", ".join(others)} were {"unlinked from" if action == "unlink" else "linked to"} {number}'

    def _set_owner(self, args: Args) -> str:
        self._store.update(self._room(args).investigation, {'owner': as_text(args.get('owner'))})
        return 'done'

    def _schedule_entry(self, args: Args) -> dict[str, Any]:
        """Schedule a command by `command`, `cron` and `times`, or cancel that of `id`."""
        if args.get('cancel'):
            return {'Contents': self._schedule.cancel(needed('scheduleEntry', args, 'id')), 'ContentsFormat': 'json'}
        text, cron = needed('scheduleEntry', args, 'command'), needed('scheduleEntry', args, 'cron')
        added = self._schedule.add(text, cron, int(args.get('times') or 0), self._room({}).investigation, datetime.now())
        return {'Contents': added, 'ContentsFormat': 'json'}

    # Stand-ins for scripts in JavaScript.

    def _set(self, args: Args) -> dict[str, Any]:
        """Set a key of the context, or append to it. A text that is JSON, also a number, is read, unless `stringify` is true."""
        key, value = needed('Set', args, 'key'), args.get('value')
        if isinstance(value, str) and not is_true(args.get('stringify')):
            with suppress(ValueError):  # any other text
                value = json.loads(value, parse_constant=int)  # which rejects NaN
        room = self._room(args)
        if is_true(args.get('append')):
            room.add_outputs({key: value})
        else:
            room.set_context(key, value)
        return {'Contents': {key: value}, 'ContentsFormat': 'json', 'HumanReadable': f'Key {key} set',
                'EntryContext': {key: value}}

    def _delete_context(self, args: Args) -> str:
        check_known('DeleteContext', args, ('key', 'all', 'id', 'subplaybook', 'keysToKeep'))
        self._room(args).delete_context(args)
        return 'Context deleted'


def needed(command: str, args: Args, name: str) -> str:
    """Return an argument as text. Raise CallRejected if it is missing."""
    if args.get(name) in (None, ''):
        raise CallRejected(f'{command} needs {name}.')
    return str(args[name])


def check_known(command: str, args: Args, names: tuple[str, ...]) -> None:
    """Raise CallRejected for an argument that would be ignored: the result could be wrong without a word."""
    if unknown := [name for name, value in args.items() if name not in names and value not in (None, '')]:
        raise CallRejected(f'{command}: the local XSOAR does not know {", ".join(unknown)}. It knows {", ".join(names)}.')


def read_filter(value: Any) -> tuple[set[str], set[str]]:
    """Return the tags and categories of getEntries' filter, an object or its JSON. Raise CallRejected for what else it has."""
    read = json.loads(value) if isinstance(value, str) and value else value or {}
    given = {name: wanted for name, wanted in read.items() if wanted} if isinstance(read, dict) else {'filter': value}
    tags, categories = (set(given.pop(name, [])) for name in ('tags', 'categories'))
    if unknown := [*given, *(categories - CATEGORIES.keys())]:
        raise CallRejected(f'getEntries: the local XSOAR filters entries by tags and categories ({", ".join(CATEGORIES)}), '
                           f'not by {", ".join(unknown)}. {line_for("getEntries", [])}')
    return tags, categories


def split(text: str) -> list[str]:
    return [item.strip() for item in text.split(SEPARATOR) if item.strip()]


def as_text(value: Any) -> str:
    """Return a value as text: anything but text as JSON, and a missing one as ''."""
    return value if isinstance(value, str) else '' if value is None else json.dumps(value)
