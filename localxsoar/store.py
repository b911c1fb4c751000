"""The server's store, in SQLite: incidents, indicators, entries, and each instance's context and last runs."""
from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from localxsoar.errors import CallRejected

UNCLASSIFIED = 'Unclassified'
PENDING = 0
TEXT_FIELDS = ('name', 'type', 'occurred', 'rawJSON', 'dbotMirrorId')
SORTABLE = ('id', 'name', 'type', 'created', 'occurred', 'severity')
DEFAULT_PAGE_SIZE = 100
SCHEMA = """
CREATE TABLE IF NOT EXISTS incident (
    id INTEGER PRIMARY KEY, name TEXT, type TEXT, created TEXT, occurred TEXT, status INTEGER,
    instance TEXT, brand TEXT, sent TEXT, severity NUMERIC DEFAULT 0, state TEXT DEFAULT '', problem TEXT DEFAULT '',
    owner TEXT DEFAULT '');
CREATE TABLE IF NOT EXISTS kept (instance TEXT, kind TEXT, value TEXT, version INTEGER, PRIMARY KEY (instance, kind));
CREATE TABLE IF NOT EXISTS indicator (
    id INTEGER PRIMARY KEY, value TEXT UNIQUE, type TEXT, brand TEXT, instance TEXT, modified TEXT, sent TEXT);
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, investigation TEXT, contents TEXT);
"""
COLUMNS = 'id, name, type, created, occurred, status, instance, brand, sent'
TRIAGE_COLUMNS = {'severity': 'NUMERIC DEFAULT 0', 'state': "TEXT DEFAULT ''", 'problem': "TEXT DEFAULT ''",
                  'owner': "TEXT DEFAULT ''"}
# Fields that the server adds to an incident that lacks them.
ADDED = {'severity': 0, 'owner': '', 'investigationId': '', 'labels': [], 'details': '', 'CustomFields': {}, 'version': 1}
RFC3339 = re.compile(r'''
    (\d{4})-(\d\d)-(\d\d) T (\d\d):(\d\d):(\d\d) (?:\.\d+)?
    (?: Z | [+-](\d\d):(\d\d) )''', re.ASCII | re.VERBOSE)
QUERY_TERM = re.compile(r'''
    \s* (?: (?:and|AND) \s+ )?
    (-)?                          # a term after a minus must not match
    (\w+) :                       # the field
    ([<>]=?)?                     # `severity:>=3`
    (?: "([^"]*)" | ([^\s"]+) )   # the value, quoted if it contains spaces
    \s*''', re.VERBOSE)
DATES = {'fromDate': '>=', 'toDate': '<='}
INCIDENT_FIELDS = {'id': 'id', 'name': 'name', 'type': 'type', 'status': 'status', 'sourceBrand': 'brand',
                   'sourceInstance': 'instance', 'severity': 'severity', 'dbotMirrorId': 'problem'}
INDICATOR_FIELDS = {'id': 'id', 'value': 'value', 'type': 'type', 'sourceBrands': 'brand', 'sourceInstances': 'instance'}
STATUSES = {'pending': '0', 'active': '1', 'closed': '2', 'done': '2', 'archived': '3'}
ANY_VERSION = -1
LEAP_YEAR = 2000  # replaces the year 0, also a leap year, which Go accepts but datetime does not
SEVERITIES = {'unknown': '0', 'info': '0.5', 'informational': '0.5', 'low': '1', 'medium': '2', 'high': '3', 'critical': '4'}
NAMED_VALUES = {'status': STATUSES, 'severity': SEVERITIES}
BRIEF = ('id', 'name', 'type', 'occurred', 'created', 'sourceInstance', 'severity', 'status')


class Store:
    """The records that a server keeps. Any thread may use it, and another process may read the same file."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(str(file) if file else ':memory:', check_same_thread=False, isolation_level=None)
        self._database.execute('PRAGMA journal_mode = WAL')
        self._database.execute('PRAGMA synchronous = OFF')  # a trial's incidents need not survive a power failure
        self._database.executescript(SCHEMA)
        self._add_missing_columns()

    def _add_missing_columns(self) -> None:
        """Add the columns of a later version to a file of an earlier one."""
        existing = {row[1] for row in self._read('PRAGMA table_info(incident)')}
        for column, definition in TRIAGE_COLUMNS.items():
            if column not in existing:
                self._database.execute(f'ALTER TABLE incident ADD COLUMN {column} {definition}')

    def create(self, incidents: Sequence[dict[str, Any]], instance: str, brand: str) -> list[dict[str, Any]]:
        """Create all incidents in one transaction and return them in the same order. Raise CallRejected, and create none,
        if one is wrong."""
        moment = now()
        for position, incident in enumerate(incidents):
            check_incident(position, incident)
        with self._lock, self._database:  # which commits or, after an error, rolls back
            self._database.execute('BEGIN IMMEDIATE')
            first = self._database.execute('SELECT coalesce(max(id), 0) + 1 FROM incident').fetchone()[0]
            rows = [_row(first + n, incident, moment, instance, brand) for n, incident in enumerate(incidents)]
            columns = f'{COLUMNS}, {", ".join(TRIAGE_COLUMNS)}'
            self._database.executemany(f'INSERT INTO incident ({columns}) VALUES ({",".join("?" * 13)})',
                                       [(*row, *_triage(incident)) for row, incident in zip(rows, incidents, strict=True)])
        return [_incident(row, incident) for row, incident in zip(rows, incidents, strict=True)]

    def search(self, filter: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
        """Return one page of the incidents that match a filter of the XSOAR API, and the number of all that match."""
        where, values = _conditions(filter, INCIDENT_FIELDS)
        size = int(filter.get('size') or DEFAULT_PAGE_SIZE)
        page = f'SELECT {COLUMNS} FROM incident WHERE {where} ORDER BY {_order(filter)} LIMIT ? OFFSET ?'
        rows = self._read(page, [*values, size, size * int(filter.get('page') or 0)])
        return [_incident(row) for row in rows], self._count('incident', where, values)

    def sent(self) -> list[dict[str, Any]]:
        """Return every incident exactly as it came over the line, with its id."""
        rows = self._read('SELECT id, sent FROM incident ORDER BY id')
        return [{'id': str(row[0]), 'sent': json.loads(row[1])} for row in rows]

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """Return the latest incidents, newest first, without their details."""
        rows = self._read('SELECT id, name, type, occurred, created, instance, severity, status, state, problem, owner'
                          ' FROM incident ORDER BY id DESC LIMIT ?', [limit])
        return [dict(zip((*BRIEF, 'state', 'dbotMirrorId', 'owner'), (str(row[0]), *row[1:]), strict=True)) for row in rows]

    # Values of an instance: its context, last runs and outputs.

    def kept(self, instance: str, kind: str) -> tuple[Any, int]:
        """Return a value of the instance and its version, or {} and 0 if there is none yet."""
        rows = self._read('SELECT value, version FROM kept WHERE instance = ? AND kind = ?', [instance, kind])
        return (json.loads(rows[0][0]), rows[0][1]) if rows else ({}, 0)

    def keep(self, instance: str, kind: str, value: Any, version: int = ANY_VERSION) -> None:
        """Replace a value. Raise CallRejected if its version is no longer the one given."""
        row = [json.dumps(value), instance, kind]
        with self._lock:
            self._database.execute("INSERT OR IGNORE INTO kept VALUES (?, ?, '{}', 0)", row[1:])
            done = self._database.execute('UPDATE kept SET value = ?, version = version + 1 WHERE instance = ? AND kind = ?'
                                          ' AND ? IN (version, -1)', [*row, version])
        if not done.rowcount:
            raise CallRejected(f'The version of the {kind} is not {version}: it was changed meanwhile.')

    # Indicators and entries.

    def add_indicators(self, indicators: Sequence[dict[str, Any]], instance: str, brand: str) -> tuple[int, int]:
        """Keep the latest version of each indicator. Return how many are new and how many were known."""
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
            where, values = _conditions({'query': args.get('query')}, INDICATOR_FIELDS)
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

    def add_entry(self, investigation: str, contents: Any) -> str:
        """Keep an entry of a War Room and return its id."""
        with self._lock:
            done = self._database.execute('INSERT INTO entry (investigation, contents) VALUES (?, ?)',
                                          [investigation, json.dumps(contents)])
        return f'{done.lastrowid}@{investigation}'

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._database.execute(query, values).fetchall()

    def _count(self, table: str, where: str = '1', values: Sequence[Any] = ()) -> int:
        return int(self._read(f'SELECT count(*) FROM {table} WHERE {where}', values)[0][0])

    def close(self) -> None:
        with self._lock:
            self._database.close()


def now() -> str:
    return datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')


def check_incident(position: int, incident: Any) -> None:
    """Raise CallRejected for an incident that the server, which is written in Go, could not read."""
    if not isinstance(incident, dict):
        raise CallRejected(f'Incident {position} is not an object.')
    for field in TEXT_FIELDS:
        if not isinstance(incident.get(field), (str, type(None))):
            raise CallRejected(f'Incident {position}: {field} is {type(incident[field]).__name__}, expected text.')
    severity = incident.get('severity')
    if type(severity) not in (int, float, type(None)):
        raise CallRejected(f'Incident {position}: severity is {type(severity).__name__}, expected a number.')
    occurred = incident.get('occurred')
    if occurred is not None and not is_rfc3339(occurred):
        raise CallRejected(f'Incident {position}: parsing time {occurred!r}: '
                           'occurred is not an RFC 3339 date (2024-01-31T12:00:00Z).')


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


def _row(number: int, incident: dict[str, Any], now: str, instance: str, brand: str) -> tuple[Any, ...]:
    return (number, _storable(incident.get('name') or ''), _storable(incident.get('type') or UNCLASSIFIED), now,
            incident.get('occurred') or now, PENDING, instance, brand, json.dumps(incident))


def _triage(incident: Mapping[str, Any]) -> tuple[Any, ...]:
    return (incident.get('severity') or 0, state_of(incident), _storable(incident.get('dbotMirrorId') or ''),
            _storable(str(incident.get('owner') or '')))


def state_of(incident: Mapping[str, Any]) -> str:
    """Return the value of an incident's label `state`, such as `resolved`, or ''."""
    labels = incident.get('labels')
    states = [label.get('value') for label in labels if isinstance(label, dict) and label.get('type') == 'state'
              ] if isinstance(labels, list) else []
    return next((_storable(state) for state in states if isinstance(state, str)), '')


def _storable(text: str) -> str:
    """Return the text in a form that SQLite accepts: a lone surrogate becomes U+FFFD, as in Go."""
    return text.encode('utf-8', 'surrogatepass').decode('utf-8', 'replace') if not text.isascii() else text


def _incident(row: Sequence[Any], sent: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the incident as the server shows it: the fields that were sent, and those that the server sets."""
    number, name, type_, created, occurred, status, instance, brand, text = row
    known = {key: value for key, value in (sent or json.loads(text)).items() if value is not None}
    own = {'id': str(number), 'name': name, 'type': type_, 'rawType': type_, 'rawName': name,
           'created': created, 'modified': created, 'occurred': occurred, 'status': status,
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
    return {**{name: incident[name] for name in BRIEF}, 'state': state_of(incident),
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


def _conditions(filter: Mapping[str, Any], fields: Mapping[str, str]) -> tuple[str, list[Any]]:
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
            conditions.append(f'julianday(created) {operator} julianday(?)')
            values.append(str(filter[field]))
    for is_negated, field, comparison, value in parse_query(filter.get('query') or '', fields):
        value = NAMED_VALUES.get(field, {}).get(value.lower(), value)
        if comparison:
            conditions.append(f"{'NOT ' if is_negated else ''}{fields[field]} {comparison} ?")
            values.append(float(value))
        else:
            conditions.append(f"lower(CAST({fields[field]} AS TEXT)) {'!=' if is_negated else '='} lower(?)")
            values.append(value)
    return ' AND '.join(conditions), values


def parse_query(query: str, fields: Mapping[str, str]) -> list[tuple[bool, str, str, str]]:
    """Return the terms of a query as (is negated, field, comparison, value). Raise ValueError for a query in any other form.

    A term is `field:value`, `-field:"value"` or `severity:>=3`; spaces or `and` join terms.
    """
    terms: list[tuple[bool, str, str, str]] = []
    position = 0
    while position < len(query.rstrip()):
        match = QUERY_TERM.match(query, position)
        if not match or match[2] not in fields or (match[3] and match[2] != 'severity'):
            raise ValueError('The local XSOAR reads queries as id:1, -name:"a name" or severity:>=3 '
                             f'({", ".join(fields)}), not {query!r}.')
        terms.append((bool(match[1]), match[2], match[3] or '', match[4] if match[4] is not None else match[5]))
        position = match.end()
    return terms


def _order(filter: dict[str, Any]) -> str:
    orders = [order for order in filter.get('sort') or [] if order.get('field') in SORTABLE]
    return ', '.join([f"{order['field']} {'ASC' if order.get('asc') else 'DESC'}" for order in orders] + ['id ASC'])
