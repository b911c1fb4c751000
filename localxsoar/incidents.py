"""The incidents, in SQLite, and the instances' integration contexts beside them."""
from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from localxsoar.errors import CallRefused

UNCLASSIFIED = 'Unclassified'
PENDING = 0
TEXT_FIELDS = ('name', 'type', 'occurred', 'rawJSON')
SORTABLE = {'id': 'id', 'name': 'name', 'type': 'type', 'created': 'created', 'occurred': 'occurred'}
DEFAULT_PAGE_SIZE = 100
SCHEMA = """
CREATE TABLE IF NOT EXISTS incident (
    id INTEGER PRIMARY KEY, name TEXT, type TEXT, created TEXT, occurred TEXT, status INTEGER,
    instance TEXT, brand TEXT, sent TEXT);
CREATE TABLE IF NOT EXISTS integration_context (instance TEXT PRIMARY KEY, value TEXT);
"""
COLUMNS = 'id, name, type, created, occurred, status, instance, brand, sent'
ADDED = {'severity': 0, 'owner': '', 'investigationId': '', 'labels': [], 'details': '', 'CustomFields': {}, 'version': 1}
RFC3339 = re.compile(r'(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|[+-](\d\d):(\d\d))', re.ASCII)
QUERY_TERM = re.compile(r'\s*(?:(?:and|AND)\s+)?(\w+):(?:"([^"]*)"|([^\s"]+))\s*')
LEAP_YEAR = 2000
BRIEF = ('id', 'name', 'type', 'occurred', 'created', 'sourceInstance')


class IncidentStore:
    """Incidents with ids that count up. Any thread may use it; another process may read the same file."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(str(file) if file else ':memory:', check_same_thread=False, isolation_level=None)
        self._database.execute('PRAGMA journal_mode = WAL')
        self._database.execute('PRAGMA synchronous = OFF')
        self._database.executescript(SCHEMA)

    def create(self, incidents: Sequence[dict[str, Any]], instance: str, brand: str) -> list[dict[str, Any]]:
        """The created objects, in order. All of them in one transaction, or none and CallRefused."""
        now = datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%S.%fZ')
        for position, incident in enumerate(incidents):
            check_incident(position, incident)
        with self._lock:
            self._database.execute('BEGIN IMMEDIATE')
            try:
                first = self._database.execute('SELECT coalesce(max(id), 0) + 1 FROM incident').fetchone()[0]
                rows = [_row(first + n, incident, now, instance, brand) for n, incident in enumerate(incidents)]
                self._database.executemany(f'INSERT INTO incident ({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)', rows)
            except BaseException:
                self._database.execute('ROLLBACK')
                raise
            self._database.execute('COMMIT')
        return [_incident(row, incident) for row, incident in zip(rows, incidents, strict=True)]

    def search(self, filter: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
        """One page of the incidents that match a filter of the XSOAR API, and how many match in all."""
        where, values = _conditions(filter)
        size = int(filter.get('size') or DEFAULT_PAGE_SIZE)
        page = f'SELECT {COLUMNS} FROM incident WHERE {where} ORDER BY {_order(filter)} LIMIT ? OFFSET ?'
        with self._lock:
            total = self._database.execute(f'SELECT count(*) FROM incident WHERE {where}', values).fetchone()[0]
            rows = self._database.execute(page, [*values, size, size * int(filter.get('page') or 0)]).fetchall()
        return [_incident(row) for row in rows], total

    def sent(self) -> list[dict[str, Any]]:
        """Every incident exactly as it came over the line, with the id that it got."""
        with self._lock:
            rows = self._database.execute('SELECT id, sent FROM incident ORDER BY id').fetchall()
        return [{'id': str(row[0]), 'sent': json.loads(row[1])} for row in rows]

    def latest(self, limit: int) -> list[dict[str, Any]]:
        """The latest incidents, newest first, as lines of a list: without their details."""
        with self._lock:
            rows = self._database.execute('SELECT id, name, type, occurred, created, instance FROM incident '
                                          'ORDER BY id DESC LIMIT ?', [limit]).fetchall()
        return [dict(zip(BRIEF, (str(row[0]), *row[1:]), strict=True)) for row in rows]

    def context(self, instance: str) -> dict[str, Any]:
        """The instance's integration context."""
        with self._lock:
            row = self._database.execute('SELECT value FROM integration_context WHERE instance = ?', [instance]).fetchone()
        return json.loads(row[0]) if row else {}

    def set_context(self, instance: str, value: Any) -> None:
        """Replaces the instance's integration context, of which the values must be text."""
        check_context(value)
        with self._lock:
            self._database.execute('REPLACE INTO integration_context VALUES (?, ?)', [instance, json.dumps(value)])

    def close(self) -> None:
        with self._lock:
            self._database.close()


def check_context(value: Any) -> None:
    if not isinstance(value, dict):
        raise CallRefused('The integration context must be an object.')
    for key, item in value.items():
        if not isinstance(item, str):
            raise CallRefused(f'The integration context holds text only: the value of {key!r} is {type(item).__name__}.')


def check_incident(position: int, incident: Any) -> None:
    """Refuses what the server, which is written in Go, could not read."""
    if not isinstance(incident, dict):
        raise CallRefused(f'Incident {position} is no object.')
    for field in TEXT_FIELDS:
        if not isinstance(incident.get(field), (str, type(None))):
            raise CallRefused(f'Incident {position}: {field} is {type(incident[field]).__name__}, expected text.')
    occurred = incident.get('occurred')
    if occurred is not None and not is_rfc3339(occurred):
        raise CallRefused(f'Incident {position}: parsing time {occurred!r}: occurred is no RFC 3339 date (2024-01-31T12:00:00Z).')


def is_rfc3339(text: str) -> bool:
    """Whether Go parses the text as an RFC 3339 date and time: capital T and Z, a zone, a day that exists, no second 60."""
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


def _storable(text: str) -> str:
    """The text as SQLite can hold it: a lone surrogate becomes the replacement character, as it does in Go."""
    return text.encode('utf-8', 'surrogatepass').decode('utf-8', 'replace') if not text.isascii() else text


def _incident(row: Sequence[Any], sent: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The incident as the server shows it: what was sent, and what the server made of it and adds."""
    number, name, type_, created, occurred, status, instance, brand, text = row
    known = {key: value for key, value in (sent or json.loads(text)).items() if value is not None}
    own = {'id': str(number), 'name': name, 'type': type_, 'rawType': type_, 'rawName': name,
           'created': created, 'modified': created, 'occurred': occurred, 'status': status,
           'sourceInstance': instance, 'sourceBrand': brand, 'rawJSON': _storable(str(known.get('rawJSON') or ''))}
    return {**own, **ADDED, **known, **own}  # the id first, as people read it


# Searching.


def _conditions(filter: dict[str, Any]) -> tuple[str, list[Any]]:
    terms = [(field, filter[field]) for field in ('id', 'name', 'type', 'status') if filter.get(field)]
    terms += parse_query(filter.get('query') or '')
    conditions = [f"CAST({field} AS TEXT) IN ({','.join('?' * len(values))})" for field, values in terms]
    return ' AND '.join(conditions) or '1', [str(value) for _, values in terms for value in values]


def parse_query(query: str) -> list[tuple[str, list[str]]]:
    """The terms of `field:value` and `field:"value"`, joined by spaces or `and`; ValueError for anything else."""
    terms = []
    position = 0
    while position < len(query.rstrip()):
        match = QUERY_TERM.match(query, position)
        if not match or match[1] not in ('id', 'name', 'type', 'status'):
            raise ValueError(f'The local XSOAR reads queries as id:1 or name:"a name" (id, name, type, status), not {query!r}.')
        terms.append((match[1], [match[2] if match[2] is not None else match[3]]))
        position = match.end()
    return terms


def _order(filter: dict[str, Any]) -> str:
    orders = [(SORTABLE.get(order.get('field', '')), 'ASC' if order.get('asc') else 'DESC') for order in filter.get('sort') or []]
    return ', '.join([f'{field} {direction}' for field, direction in orders if field] + ['id ASC'])
