"""The query language of searches, as SQL: `type:IP and (sourcetimestamp:>="2024-01-31T12:00:00 +0000" or -value:10.*)`."""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

Condition = tuple[str, list[Any]]
TOKEN = re.compile(r'''
    \s* (?: (?P<bracket> [()] )
      | (?P<not> -+ (?=[\w(]) | not\b (?=[\s(]) )
      | (?P<join> (?: and | or ) (?= [\s(] | $ ) )
      | (?P<field> [\w.]+ ) [:=]
      | (?P<operator> >= | <= | > | < | = )
      | "(?P<quoted> [^"]* )"
      | (?P<word> [^\s()"]+ ) )''', re.IGNORECASE | re.VERBOSE)
NUMBER = re.compile(r'\d+(?:\.\d+)?', re.ASCII)
PLAIN_VALUE = re.compile(r'\s*([^\s()"]+)')
RELATIVE = re.compile(r'(\d+) (minute|hour|day|week|month|year)s? ago', re.IGNORECASE)
UNITS = {'minute': timedelta(minutes=1), 'hour': timedelta(hours=1), 'day': timedelta(days=1), 'week': timedelta(weeks=1),
         'month': timedelta(days=30), 'year': timedelta(days=365)}
DATE = re.compile(r'(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6})\d*)?)?(?: ?(Z|[+-]\d\d:?\d\d))?', re.IGNORECASE)
STATUSES = {'pending': '0', 'active': '1', 'closed': '2', 'done': '2', 'archive': '3', 'archived': '3'}
SEVERITIES = {'unknown': '0', 'info': '0.5', 'informational': '0.5', 'low': '1', 'medium': '2', 'high': '3', 'critical': '4'}
VERDICTS = {'unknown': '0', 'none': '0', 'good': '1', 'benign': '1', 'suspicious': '2', 'bad': '3', 'malicious': '3'}
NAMED_VALUES = {'status': STATUSES, 'severity': SEVERITIES, 'reputation': VERDICTS, 'verdict': VERDICTS}


class QueryRejected(ValueError):
    """A part of a query that the local XSOAR cannot read."""


class Fields:
    """The fields of a query, in any case: the SQL of each, and those that are dates, numbers and states.

    A field of `lists` is a list of texts, of which one must be equal. Any other name without a dot is a text with the SQL of
    `others`, if that is given.
    """

    def __init__(self, columns: Mapping[str, str], dates: Mapping[str, str], numbers: Mapping[str, str] | None = None,
                 others: str = '', lists: Mapping[str, str] | None = None) -> None:
        self._others = others
        self._kinds = {name.lower(): (column, kind) for names, kind in
                       ((columns, text_condition), (dates, date_condition), (numbers or {}, number_condition),
                        (lists or {}, list_condition))
                       for name, column in names.items()}
        self.names = [*columns, *dates, *(numbers or {}), *(lists or {})]

    def condition(self, field: str, operator: str, value: str) -> Condition:
        """Return the condition of one term. Raise QueryRejected for a field or a value that is unknown."""
        if field.lower() not in self._kinds:
            if not self._others or '.' in field:
                raise QueryRejected(f'the field {field}')
            return text_condition(self._others.format(field), operator, value)
        column, make = self._kinds[field.lower()]
        return make(column, operator, NAMED_VALUES.get(field.lower(), {}).get(value.lower(), value))


def text_condition(column: str, operator: str, value: str) -> Condition:
    """Return a comparison of texts, regardless of case; `*` stands for any characters. Only numbers in texts have an order."""
    if operator != '=':
        if not NUMBER.fullmatch(value):
            raise QueryRejected(f'{operator}{value}, for the field has no order')
        return f'CAST({column} AS REAL) {operator} ?', [float(value)]
    if '*' not in value:
        return f"lower(coalesce(CAST({column} AS TEXT), '')) = lower(?)", [value]
    pattern = value.replace('\\', '\\\\').replace('%', '\\%').replace('_', '\\_').replace('*', '%')
    return f"coalesce(CAST({column} AS TEXT), '') LIKE ? ESCAPE '\\'", [pattern]


def number_condition(column: str, operator: str, value: str) -> Condition:
    try:
        return f'coalesce({column}, 0) {operator} ?', [float(value)]
    except ValueError:
        raise QueryRejected(f'the number {value!r}') from None


def list_condition(column: str, operator: str, value: str) -> Condition:
    where, values = text_condition('json_each.value', operator, value)
    return f'EXISTS (SELECT 1 FROM json_each({column}) WHERE {where})', values


def date_condition(column: str, operator: str, value: str) -> Condition:
    return f'coalesce(julianday({column}) {operator} julianday(?), 0)', [read_date(value).isoformat()]


def read_date(text: str) -> datetime:
    """Return a date, in UTC without a time zone, or a relative one such as `7 days ago`. Raise QueryRejected for others."""
    now = datetime.now(timezone.utc)
    if text.lower() == 'now':
        return now
    if match := RELATIVE.fullmatch(text):
        return now - int(match[1]) * UNITS[match[2].lower()]
    try:
        day, time, fraction, zone = DATE.fullmatch(text).groups()  # type: ignore[union-attr]
        time = f'{time}:00' if time and len(time) == 5 else time or '00:00:00'
        zone = '+0000' if (zone or 'Z') in 'Zz' else zone
        return datetime.strptime(f'{day} {time}.{fraction or 0} {zone}', '%Y-%m-%d %H:%M:%S.%f %z')
    except (AttributeError, ValueError):
        raise QueryRejected(f'the date {text!r}') from None


def parse_query(query: str, fields: Fields) -> Condition:
    """Return a query as a condition in SQL and the values of its placeholders.

    Terms are joined by `and`, which spaces mean, too, and `or`, which binds less; `-` or `not` before a term or a bracket
    negates it; `field:(a or b)`, which `field:(a b)` means, too, applies a field to several values; `=` may replace the colon.
    Raise QueryRejected, which names the part, for others.
    """
    try:
        return Parser(query, fields).parse()
    except QueryRejected as error:
        raise QueryRejected(f'The local XSOAR does not know {error} in the query {query[:200]!r}. It reads queries as id:1 or '
                            f'-name:"a name" and (created:>=2024-01-31 or type:a*), with {", ".join(fields.names)}.') from None
    except RecursionError:
        raise QueryRejected('The query is nested too deeply.') from None


class Parser:
    """A parser that reads one query from left to right."""

    def __init__(self, query: str, fields: Fields) -> None:
        self._query = query.rstrip()
        self._fields = fields
        self._position = 0

    def parse(self) -> Condition:
        if not self._query:
            return '1', []
        found = self._any_of(self._term)
        if self._position < len(self._query):
            raise QueryRejected(repr(self._rest()))
        return found

    def _rest(self) -> str:
        return self._query[self._position:].strip() or 'its end'

    def _next(self, *kinds: str) -> str | None:
        """Return the next token, and move behind it, if it is of one of these kinds, or else None."""
        match = TOKEN.match(self._query, self._position)
        if not match or match.lastgroup not in kinds:
            return None
        self._position = match.end()
        return match[match.lastgroup]

    def _next_is(self, kind: str, text: str) -> bool:
        """Move behind the next token if it is this one, and return whether it was."""
        start = self._position
        if (self._next(kind) or '').lower() == text:
            return True
        self._position = start
        return False

    def _any_of(self, read: Callable[[], Condition], are_values: bool = False) -> Condition:
        """Read terms, or the values of one field: of values, a space means any."""
        found = [self._all_of(read, are_values)]
        while self._next_is('join', 'or') or (are_values and self._goes_on()):
            found.append(self._all_of(read, are_values))
        return join(' OR ', found)

    def _all_of(self, read: Callable[[], Condition], are_values: bool) -> Condition:
        found = [self._negated(read, are_values)]
        while self._next_is('join', 'and') or (not are_values and self._goes_on()):
            found.append(self._negated(read, are_values))
        return join(' AND ', found)

    def _goes_on(self) -> bool:
        """Return whether another term follows without a word between."""
        match = TOKEN.match(self._query, self._position)
        return bool(match) and match['bracket'] != ')' and not match['join']  # type: ignore[index]

    def _negated(self, read: Callable[[], Condition], are_values: bool) -> Condition:
        if self._next('not') is None:
            return self._bracketed(read, are_values)
        text, values = self._negated(read, are_values)
        return f'NOT {text}', values

    def _bracketed(self, read: Callable[[], Condition], are_values: bool) -> Condition:
        if not self._next_is('bracket', '('):
            return read()
        found = self._any_of(read, are_values)
        if not self._next_is('bracket', ')'):
            raise QueryRejected(f'{self._rest()!r}, where a bracket is open')
        return found

    def _term(self) -> Condition:
        field = self._next('field')
        if field is None:
            raise QueryRejected(repr(self._rest()))
        return self._bracketed(lambda: self._value(field), are_values=True)

    def _value(self, field: str) -> Condition:
        operator = self._next('operator') or '='
        # An unquoted value may look like a field with its own value, such as a time or an IPv6 address.
        if match := PLAIN_VALUE.match(self._query, self._position):
            self._position = match.end()
            return self._fields.condition(field, operator, match[1])
        value = self._next('quoted')
        if value is None:
            raise QueryRejected(f'{self._rest()!r} after {field}:')
        return self._fields.condition(field, operator, value)


def join(word: str, conditions: list[Condition]) -> Condition:
    """Return several conditions as one."""
    if len(conditions) == 1:
        return conditions[0]
    return f"({word.join(text for text, _ in conditions)})", [value for _, values in conditions for value in values]
