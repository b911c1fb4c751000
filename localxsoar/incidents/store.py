"""The server's store, in SQLite: incidents, indicators, entries, and each instance's context and last runs."""
from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from localxsoar.errors import CallRejected
from localxsoar.incidents.query import Fields, QueryRejected, date_condition, parse_query

UNCLASSIFIED = 'Unclassified'
PENDING, CLOSED = 0, 2
TEXT_FIELDS = ('name', 'type', 'occurred', 'rawJSON', 'details', 'owner', 'dbotMirrorId')
SHOWN_VALUE = 100  # characters of a wrong value in an error
DEFAULT_PAGE_SIZE = 100
SCHEMA = """
CREATE TABLE IF NOT EXISTS incident (
    id INTEGER PRIMARY KEY, name TEXT, type TEXT, created TEXT, occurred TEXT, status INTEGER,
    instance TEXT, brand TEXT, sent TEXT);
CREATE TABLE IF NOT EXISTS changed (incident INTEGER PRIMARY KEY, fields TEXT, modified TEXT);
CREATE VIEW IF NOT EXISTS shown AS
    SELECT id, name, type, created, occurred, status, instance, brand, coalesce(fields, sent) AS sent,
        coalesce(modified, created) AS modified
    FROM incident LEFT JOIN changed ON changed.incident = id;
CREATE TABLE IF NOT EXISTS kept (instance TEXT, kind TEXT, value TEXT, version INTEGER, PRIMARY KEY (instance, kind));
CREATE TABLE IF NOT EXISTS indicator (
    id INTEGER PRIMARY KEY, value TEXT UNIQUE, type TEXT, brand TEXT, instance TEXT, modified TEXT, sent TEXT);
CREATE TABLE IF NOT EXISTS file (id TEXT PRIMARY KEY, name TEXT, content BLOB);
CREATE TABLE IF NOT EXISTS secret (value TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, instance TEXT, kind TEXT, vendor TEXT, product TEXT, data TEXT);
CREATE TABLE IF NOT EXISTS act (id INTEGER PRIMARY KEY, contents TEXT);
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, investigation TEXT, contents TEXT);
"""
COLUMNS = 'id, name, type, created, occurred, status, instance, brand, sent'
OWN_COLUMNS = ('name', 'type', 'occurred', 'status')  # of the fields that a change of an incident may set
# Fields that the server adds to an incident that lacks them.
ADDED = {'severity': 0, 'owner': '', 'investigationId': '', 'labels': [], 'details': '', 'CustomFields': {}, 'version': 1}
RFC3339 = re.compile(r'''
    (\d{4})-(\d\d)-(\d\d) T (\d\d):(\d\d):(\d\d) (?:\.\d+)?
    (?: Z | [+-](\d\d):(\d\d) )''', re.ASCII | re.VERBOSE)
DATES = {'fromDate': '>=', 'toDate': '<=', 'indexedUntil': '<='}  # the last is a fault's, not of the API
INCIDENT_FIELDS = {'id': 'id', 'name': 'name', 'type': 'type', 'status': 'status', 'sourceBrand': 'brand',
                   'sourceInstance': 'instance'}
SENT = 'CASE WHEN json_valid(sent) THEN json_extract(sent, {}) END'
SEVERITY = f'''coalesce({SENT.format("'$.severity'")}, 0)'''
# A field of an incident, or a custom field, by the name that it has in queries: a pack may have fields of its own.
ANY_FIELD = '''CASE WHEN json_valid(sent) THEN
    coalesce(json_extract(sent, '$."{0}"'), json_extract(sent, '$.CustomFields."{0}"')) END'''
INCIDENT_QUERY = Fields({**INCIDENT_FIELDS, 'investigation.id': 'id', 'incident.id': 'id'},
                        {'created': 'created', 'modified': 'modified', 'occurred': 'occurred',
                         'closed': SENT.format("'$.closed'"), 'dueDate': SENT.format("'$.dueDate'")},
                        {'severity': SEVERITY}, ANY_FIELD)
INDICATOR_QUERY = Fields(
    {'id': 'id', 'value': 'value', 'type': 'type', 'sourceBrands': 'brand', 'sourceInstances': 'instance',
     'expirationStatus': "'active'"},
    dict.fromkeys(('sourceTimeStamp', 'timestamp', 'created', 'modified', 'firstSeen', 'lastSeen'), 'modified'),
    dict.fromkeys(('score', 'reputation', 'verdict'), SENT.format("'$.score'")), SENT.format("'$.fields.\"{0}\"'"),
    dict.fromkeys(('investigationIDs', 'incident.id', 'investigation.id'), SENT.format("'$.investigationIDs'")))
SORTABLE = {**{name: name for name in ('id', 'name', 'type', 'created', 'occurred')}, 'severity': SEVERITY}
# What a list shows of the fields, as one JSON array. A list has thousands of incidents: their payloads stay in SQLite.
TRIAGE_FIELDS = ('severity', 'labels', 'dbotMirrorId', 'owner')
TRIAGE = SENT.format(', '.join(f"'$.{name}'" for name in TRIAGE_FIELDS))
FIRST_LABELS = 'first labels'  # those that an incident had before it was changed
# Of an incident that was changed: its payload is long.
FIRST = f"""CASE WHEN modified != created
    THEN (SELECT coalesce({SENT.format("'$.labels'")}, '[]') FROM incident WHERE incident.id = shown.id) END"""
ANY_VERSION = -1
NO_ID = 2 ** 63 - 1  # the greatest number in SQLite
LEAP_YEAR = 2000  # replaces the year 0, also a leap year, which Go accepts but datetime does not
BRIEF = ('id', 'name', 'type', 'occurred', 'created', 'sourceInstance', 'status')


class Store:
    """The records that a server keeps. Any thread may use it, and another process may read the same file."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(str(file) if file else ':memory:', check_same_thread=False, isolation_level=None)
        self._database.execute('PRAGMA journal_mode = WAL')
        self._database.execute('PRAGMA synchronous = OFF')  # a trial's incidents need not survive a power failure
        self._database.executescript(SCHEMA)
        self.secrets = [str(value) for value, in self._read('SELECT value FROM secret')]  # each that an instance has ever had
        self.updated: Callable[[dict[str, Any]], None] = lambda incident: None  # called with what a list shows of an incident

    def create(self, incidents: Sequence[dict[str, Any]], instance: str, brand: str, kind: str = '') -> list[dict[str, Any]]:
        """Create all incidents in one transaction and return them in the same order. `kind` is the type of those without any.

        Raise CallRejected, and create none, if one is wrong.
        """
        moment = now()
        for position, incident in enumerate(incidents):
            check_incident(position, incident)
        with self._lock, self._database:  # which commits or, after an error, rolls back
            self._database.execute('BEGIN IMMEDIATE')
            first = self._database.execute('SELECT coalesce(max(id), 0) + 1 FROM incident').fetchone()[0]
            rows = [_row(first + n, incident, moment, instance, brand, kind) for n, incident in enumerate(incidents)]
            self._database.executemany(f'INSERT INTO incident ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)', rows)
        return [_incident(row, incident) for row, incident in zip(rows, incidents, strict=True)]

    def search(self, filter: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
        """Return one page of the incidents that match a filter of the XSOAR API, and the number of all that match."""
        where, values = _conditions(filter, INCIDENT_QUERY)
        size = int(filter.get('size') or DEFAULT_PAGE_SIZE)
        page = f'SELECT {COLUMNS}, modified FROM shown WHERE {where} ORDER BY {_order(filter)} LIMIT ? OFFSET ?'
        rows = self._read(page, [*values, size, size * int(filter.get('page') or 0)])
        return [_incident(row) for row in rows], self._count('shown', where, values)

    def preview(self, incidents: Sequence[dict[str, Any]], instance: str, brand: str, kind: str = '') -> list[dict[str, Any]]:
        """Return the incidents as they would be created, without ids. Raise CallRejected if one is wrong."""
        for position, incident in enumerate(incidents):
            check_incident(position, incident)
        return [{**_incident(_row(0, incident, now(), instance, brand, kind), incident), 'id': ''} for incident in incidents]

    def get(self, number: str) -> dict[str, Any]:
        """Return an incident. Raise CallRejected if there is none with this id."""
        found, _ = self.search({'id': [number]})
        if not found:
            raise CallRejected(f'There is no incident {number}.')
        return found[0]

    def original(self, number: str) -> dict[str, Any] | None:
        """Return an incident as it was created, without later changes, or None."""
        rows = self._read('SELECT id, sent, created, instance, brand FROM incident WHERE CAST(id AS TEXT) = ?', [number])
        found = [_row(key, json.loads(sent), *others) for key, sent, *others in rows]
        return _incident(found[0]) if found else None

    def update(self, number: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Set fields of an incident, add to its custom fields, and return it. Raise CallRejected if that is impossible."""
        check_incident(number, fields)
        with self._lock:
            rows = self._database.execute('SELECT id, sent FROM shown WHERE CAST(id AS TEXT) = ?', [number]).fetchall()
            for key, sent in rows:
                old = json.loads(sent)
                custom = {**(old.get('CustomFields') or {}), **(fields.get('CustomFields') or {})}
                new = {**old, **fields, **({'CustomFields': custom} if custom else {})}
                self._database.execute('INSERT OR REPLACE INTO changed VALUES (?, ?, ?)', [key, json.dumps(new), now()])
                for name in [name for name in OWN_COLUMNS if name in fields]:
                    self._database.execute(f'UPDATE incident SET {name} = ? WHERE id = ?', [_column(fields[name]), key])
        updated = self.get(number)
        self.updated(brief({**updated, FIRST_LABELS: (self.original(number) or {}).get('labels')}))
        return updated

    def close_incident(self, number: str, reason: str, notes: str) -> dict[str, Any]:
        """Close an incident and return it. Raise CallRejected if there is none with this id."""
        closed = self.update(number, {'closeReason': reason, 'closeNotes': notes, 'status': CLOSED})
        return self.update(number, {'closed': closed['modified']})

    def sent(self) -> list[dict[str, Any]]:
        """Return every incident exactly as it came over the line, with its id."""
        rows = self._read('SELECT id, sent FROM incident ORDER BY id')
        return [{'id': str(row[0]), 'sent': json.loads(row[1])} for row in rows]

    def latest(self, limit: int, before: int = NO_ID) -> list[dict[str, Any]]:
        """Return the latest incidents with an id below `before`, newest first, without their details."""
        rows = self._read(f'SELECT id, name, type, occurred, created, instance, status, {TRIAGE}, {FIRST} FROM shown'
                          ' WHERE id < ? ORDER BY id DESC LIMIT ?', [before, limit])
        return [brief({**dict(zip(BRIEF, (str(number), *columns), strict=True)),
                       **dict(zip(TRIAGE_FIELDS, json.loads(triage or '[]'), strict=False)),
                       **({FIRST_LABELS: json.loads(first)} if first else {})})
                for number, *columns, triage, first in rows]

    def newer(self, number: int, limit: int) -> list[dict[str, Any]]:
        """Return the first incidents with an id above `number`, oldest first, with all that is kept of them."""
        rows = self._read(f'SELECT {COLUMNS}, modified FROM shown WHERE id > ? ORDER BY id LIMIT ?', [number, limit])
        return [_incident(row) for row in rows]

    def changed_since(self, moment: str) -> list[str]:
        """Return the ids of the incidents that were changed after they were created, since a moment that `now` has returned."""
        return [str(number) for [number] in self._read('SELECT incident FROM changed WHERE modified >= ?', [moment])]

    # Values of an instance: its context, last runs and outputs.

    def kept(self, instance: str, kind: str) -> tuple[Any, int]:
        """Return a value of the instance and its version, or {} and 0 if there is none yet."""
        rows = self._read('SELECT value, version FROM kept WHERE instance = ? AND kind = ?', [instance, kind])
        return (json.loads(rows[0][0]), rows[0][1]) if rows else ({}, 0)

    def all_kept(self, instance: str, prefix: str) -> dict[str, Any]:
        """Return the values of the instance whose kinds begin with a text, by the rest of their kinds."""
        rows = self._read('SELECT kind, value FROM kept WHERE instance = ? AND substr(kind, 1, ?) = ? ORDER BY kind',
                          [instance, len(prefix), prefix])
        return {kind[len(prefix):]: json.loads(value) for kind, value in rows}

    def keep(self, instance: str, kind: str, value: Any, version: int = ANY_VERSION) -> None:
        """Replace a value. Raise CallRejected if its version is no longer the one given."""
        row = [json.dumps(value), instance, kind]
        with self._lock:
            self._database.execute("INSERT OR IGNORE INTO kept VALUES (?, ?, '{}', 0)", row[1:])
            done = self._database.execute('UPDATE kept SET value = ?, version = version + 1 WHERE instance = ? AND kind = ?'
                                          ' AND ? IN (version, -1)', [*row, version])
        if not done.rowcount:
            raise CallRejected(f'The version of the {kind} is not {version}: it was changed meanwhile.')

    def add_secrets(self, values: Sequence[str]) -> None:
        """Keep secrets for as long as the store, since what it keeps may contain them."""
        with self._lock:
            new = [value for value in values if value not in self.secrets]
            self._database.executemany('INSERT OR IGNORE INTO secret VALUES (?)', [[_storable(value)] for value in new])
            self.secrets = [*self.secrets, *new]

    # Indicators and entries.

    def add_indicators(self, indicators: Sequence[dict[str, Any]], instance: str, brand: str) -> tuple[int, int]:
        """Keep the latest version of each indicator. Return how many are new and how many were known.

        Raise CallRejected for one without a value.
        """
        for position, item in enumerate(indicators):
            check_indicator(position, item)
        before = self._count('indicator')
        rows = [(item['value'], item.get('type') or '', brand, instance, now(), json.dumps(item)) for item in indicators]
        with self._lock, self._database:
            self._database.execute('BEGIN IMMEDIATE')
            self._database.executemany(
                'INSERT INTO indicator (value, type, brand, instance, modified, sent) VALUES (?,?,?,?,?,?) ON CONFLICT (value)'
                ' DO UPDATE SET modified = excluded.modified, sent = excluded.sent', rows)
        added = self._count('indicator') - before
        return added, len(rows) - added

    def search_indicators(self, args: Mapping[str, Any]) -> dict[str, Any]:
        """Return a page of indicators in the form of a reply to searchIndicators, found by value or query."""
        try:
            where, values = _conditions({'query': args.get('query')}, INDICATOR_QUERY)
        except ValueError as error:
            raise CallRejected(str(error)) from None
        if args.get('value'):
            where, values = f'{where} AND value = ?', [*values, args['value']]
        total = self._count('indicator', where, values)
        size = int(args.get('size') or DEFAULT_PAGE_SIZE)
        after = int(args['searchAfter'][0]) if args.get('searchAfter') else 0
        rows = self._read(f'SELECT id, type, brand, instance, modified, sent FROM indicator WHERE {where} AND id > ? ORDER BY id'
                          ' LIMIT ? OFFSET ?', [*values, after, size, 0 if after else size * int(args.get('page') or 0)])
        return {'iocs': [_indicator(*row) for row in rows], 'total': total, 'searchAfter': [str(rows[-1][0])] if rows else None}

    def add_events(self, instance: str, kind: str, vendor: str, product: str, events: Sequence[Any]) -> None:
        """Keep events, or assets, which an instance has sent."""
        with self._lock, self._database:
            self._database.execute('BEGIN')
            self._database.executemany('INSERT INTO event (instance, kind, vendor, product, data) VALUES (?, ?, ?, ?, ?)',
                                       [(instance, kind, vendor, product, json.dumps(each)) for each in events])

    def events(self, instance: str, limit: int, after: int = 0) -> list[dict[str, Any]]:
        """Return the latest events with an id above `after`, of one instance or of all if that is '', oldest first."""
        rows = self._read('SELECT id, instance, kind, vendor, product, data FROM event WHERE ? IN (instance, \'\') AND id > ?'
                          ' ORDER BY id DESC LIMIT ?', [instance, after, limit])
        names = ('id', 'instance', 'kind', 'vendor', 'product')
        return [{**dict(zip(names, row, strict=True)), 'data': json.loads(data)} for *row, data in reversed(rows)]

    def count_events(self, instance: str) -> int:
        return self._count('event', 'instance = ?', [instance])

    def add_acts(self, acts: Sequence[dict[str, Any]]) -> None:
        """Keep what a pre-process rule did with an incident instead of letting it be created."""
        with self._lock:
            self._database.executemany('INSERT INTO act (contents) VALUES (?)', [[json.dumps(act)] for act in acts])

    def acts(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest acts of pre-process rules, oldest first."""
        rows = self._read('SELECT contents FROM act ORDER BY id DESC LIMIT ?', [limit])
        return [json.loads(contents) for contents, in reversed(rows)]

    def add_entry(self, investigation: str, contents: Any) -> str:
        """Keep an entry of a War Room and return its id."""
        with self._lock:
            done = self._database.execute('INSERT INTO entry (investigation, contents) VALUES (?, ?)',
                                          [investigation, json.dumps(contents)])
        return f'{done.lastrowid}@{investigation}'

    def entries(self, investigation: str) -> list[dict[str, Any]]:
        """Return the entries of a War Room, oldest first."""
        rows = self._read('SELECT id, contents FROM entry WHERE investigation = ? ORDER BY id', [investigation])
        return [{'id': f'{number}@{investigation}', 'contents': json.loads(contents)} for number, contents in rows]

    def entry(self, number: str) -> Any:
        """Return an entry by its id, such as `7@playground`, or None."""
        rows = self._read("SELECT contents FROM entry WHERE id || '@' || investigation = ?", [number])
        return json.loads(rows[0][0]) if rows else None

    def keep_file(self, number: str, name: str, content: bytes) -> None:
        with self._lock:
            self._database.execute('INSERT OR REPLACE INTO file VALUES (?, ?, ?)', [number, name, content])

    def file(self, number: str) -> tuple[str, bytes] | None:
        """Return the name and the content of a file, or None."""
        rows = self._read('SELECT name, content FROM file WHERE id = ?', [number])
        return rows[0] if rows else None

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._database.execute(query, values).fetchall()
        except sqlite3.OperationalError as error:  # SQLite limits the depth and the size of an expression
            raise QueryRejected(f'The query is too long: {error}.') from None

    def _count(self, table: str, where: str = '1', values: Sequence[Any] = ()) -> int:
        return int(self._read(f'SELECT count(*) FROM {table} WHERE {where}', values)[0][0])

    def close(self) -> None:
        with self._lock:
            self._database.close()


def now() -> str:
    return datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def check_incident(position: int | str, incident: Any) -> None:
    """Raise CallRejected for an incident that the server, which is written in Go, could not read."""
    if not isinstance(incident, dict):
        raise CallRejected(f'Incident {position} is not an object.')
    for field in TEXT_FIELDS:
        if not isinstance(incident.get(field), (str, type(None))):
            raise CallRejected(f'Incident {position}: {field} is {type(incident[field]).__name__}, expected text.')
    for field, (is_right, expected) in TYPED_FIELDS.items():
        if incident.get(field) is not None and not is_right(incident[field]):
            shown = json.dumps(incident[field])[:SHOWN_VALUE]
            raise CallRejected(f'Incident {position}: {field} is {shown}, expected {expected}.')
    occurred = incident.get('occurred')
    if occurred is not None and not is_rfc3339(occurred):
        raise CallRejected(f'Incident {position}: parsing time {occurred!r}: '
                           'occurred is not an RFC 3339 date (2024-01-31T12:00:00Z).')


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def are_labels(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(label, dict) and isinstance(label.get(name, ''), (str, type(None)))
                                           for label in value for name in ('type', 'value'))


# Fields with a type of their own, as the server's API declares them: what checks a value, and what is expected.
TYPED_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    'severity': (is_number, 'a number'),
    'labels': (are_labels, 'a list of objects with type and value, both text'),
    'CustomFields': (lambda value: isinstance(value, dict), 'an object'),
}


def check_indicator(position: int, indicator: Any) -> None:
    """Raise CallRejected for an indicator without a value in text."""
    value = indicator.get('value') if isinstance(indicator, dict) else None
    if not value:
        raise CallRejected(f'Indicator {position} has no value: each indicator needs a text under the key "value".')
    if not isinstance(value, str):
        raise CallRejected(f'Indicator {position}: value is {type(value).__name__}, expected text.')


def is_rfc3339(text: str) -> bool:
    """Return whether Go parses the text as a date and time of RFC 3339.

    Go requires capital T and Z, a time zone and an existing day, and rejects second 60.
    """
    match = RFC3339.fullmatch(text)
    if not match:
        return False
    year, month, day, hour, minute, second, zone_hour, zone_minute = (int(part or 0) for part in match.groups())
    try:
        datetime(year or LEAP_YEAR, month, day, hour, minute, second)
    except ValueError:
        return False
    return zone_hour < 24 and zone_minute < 60


def _row(number: int, incident: dict[str, Any], now: str, instance: str, brand: str, kind: str = '') -> tuple[Any, ...]:
    return (number, _storable(incident.get('name') or ''), _storable(incident.get('type') or kind or UNCLASSIFIED), now,
            incident.get('occurred') or now, PENDING, instance, brand, json.dumps(incident))


def state_of(incident: Mapping[str, Any]) -> str:
    """Return the value of an incident's label `state`, such as `resolved`, or ''."""
    labels = incident.get('labels')
    states = [label.get('value') for label in labels if isinstance(label, dict) and label.get('type') == 'state'
              ] if isinstance(labels, list) else []
    return next((_storable(state) for state in states if isinstance(state, str)), '')


def _column(value: Any) -> Any:
    return _storable(value) if isinstance(value, str) else value


def _storable(text: str) -> str:
    """Return the text in a form that SQLite accepts: a lone surrogate becomes U+FFFD, as in Go."""
    return text.encode('utf-8', 'surrogatepass').decode('utf-8', 'replace') if not text.isascii() else text


def _incident(row: Sequence[Any], sent: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the incident as the server shows it: the fields that were sent, and those that the server sets."""
    number, name, type_, created, occurred, status, instance, brand, text, *modified = row
    known = {key: value for key, value in (sent or json.loads(text)).items() if value is not None}
    own = {'id': str(number), 'name': name, 'type': type_, 'rawType': type_, 'rawName': name,
           'created': created, 'modified': (modified or [created])[0], 'occurred': occurred, 'status': status,
           'sourceInstance': instance, 'sourceBrand': brand, 'rawJSON': _storable(str(known.get('rawJSON') or ''))}
    # `own` comes first for its order, as people read it, and last because its values win.
    return {**own, **ADDED, **known, **own}


def _indicator(number: int, type_: str, brand: str, instance: str, modified: str, sent: str) -> dict[str, Any]:
    known = json.loads(sent)
    return {**known, 'id': str(number), 'indicator_type': type_, 'score': known.get('score') or 0, 'modified': modified,
            'timestamp': modified, 'sourceBrands': [brand], 'sourceInstances': [instance], 'expirationStatus': 'active',
            'CustomFields': known.get('fields') or {}}


def brief(incident: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an incident that a list shows."""
    first = {'labels': incident[FIRST_LABELS]} if FIRST_LABELS in incident else incident
    return {**{name: incident[name] for name in BRIEF}, 'severity': incident.get('severity') or 0, 'state': state_of(incident),
            'first_state': state_of(first),
            **{name: str(incident.get(name) or '') for name in ('dbotMirrorId', 'owner')}}


def details(incident: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an analyst reads of an incident: its fields and labels, each value as text, and its raw details."""
    own = {name: value for name, value in incident.items() if name not in ('rawJSON', 'labels', 'CustomFields')}
    custom, labels = incident.get('CustomFields'), incident.get('labels')
    own |= {f'CustomFields.{name}': value for name, value in custom.items()} if isinstance(custom, dict) else {}
    return {'fields': [{'name': name, 'value': _text(value)} for name, value in own.items() if value not in ('', None, [], {})],
            'labels': [{'name': str(label.get('type') or ''), 'value': _text(label.get('value'))} for label in labels
                       if isinstance(label, dict)] if isinstance(labels, list) else [],
            'rawJSON': incident['rawJSON']}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


# Searching.


def _conditions(filter: Mapping[str, Any], fields: Fields) -> tuple[str, list[Any]]:
    """Return an SQL condition for a filter, and the values of its placeholders."""
    conditions = ['1']
    values: list[Any] = []
    for field, column in INCIDENT_FIELDS.items():
        if given := filter.get(field):
            wanted = given if isinstance(given, list) else [given]
            conditions.append(f"CAST({column} AS TEXT) IN ({','.join('?' * len(wanted))})")
            values += map(str, wanted)
    for field, operator in DATES.items():
        if filter.get(field):
            condition, dates = date_condition('created', operator, str(filter[field]))
            conditions.append(condition)
            values += dates
    where, more = parse_query(filter.get('query') or '', fields)
    return ' AND '.join([*conditions, where]), [*values, *more]


def _order(filter: dict[str, Any]) -> str:
    orders = [order for order in filter.get('sort') or [] if order.get('field') in SORTABLE]
    return ', '.join([f"{SORTABLE[order['field']]} {'ASC' if order.get('asc') else 'DESC'}" for order in orders] + ['id ASC'])
