"""Commands that scripts have scheduled by a cron expression, kept in the store until they have run as often as they should."""
from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from localxsoar.errors import CallRejected
from localxsoar.incidents.store import Store
from localxsoar.terminal.printer import Printer

SCHEDULED = 'scheduled'
MINUTE = '%Y-%m-%dT%H:%M'
# The fields of a cron expression: the first and the last number of each.
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
PART = re.compile(r'(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?')
Scheduled = dict[str, Any]


class Schedule:
    """The scheduled commands of a server. `run` runs one, by its text and the id of its War Room."""

    def __init__(self, store: Store, printer: Printer, run: Callable[[str, str], Any]) -> None:
        self._store = store
        self._printer = printer
        self._run = run
        self._lock = threading.Lock()

    def all(self) -> list[Scheduled]:
        return self._store.kept('', SCHEDULED)[0] or []

    def add(self, command: str, cron: str, times: int, investigation: str, now: datetime) -> Scheduled:
        """Schedule a command, without end if `times` is 0, and return it. Raise CallRejected if `cron` cannot be read."""
        read_cron(cron)
        added = {'id': uuid.uuid4().hex[:8], 'command': command, 'cron': cron, 'times': times, 'investigation': investigation,
                 'latest': f'{now:{MINUTE}}'}
        with self._lock:
            self._store.keep('', SCHEDULED, [*self.all(), added])
        self._printer.happened(f'scheduled  {command}  by {cron}{f", {times} times" if times else ""}')
        return added

    def cancel(self, number: str) -> str:
        with self._lock:
            self._store.keep('', SCHEDULED, [each for each in self.all() if each['id'] != number])
        return f'Scheduled command {number} was cancelled'

    def run_due(self, now: datetime) -> None:
        """Run the commands whose time has come since the last minute that they were looked at."""
        due, kept = [], []
        with self._lock:
            for each in self.all():
                is_due = each['latest'] != f'{now:{MINUTE}}' and is_at(each['cron'], now)
                due += [each] * is_due
                if not (is_due and each['times'] == 1):
                    kept.append({**each, 'latest': f'{now:{MINUTE}}', 'times': max(0, each['times'] - 1)} if is_due else each)
            if due:
                self._store.keep('', SCHEDULED, kept)
        for each in due:
            self._printer.happened(f'scheduled  {each["command"]}  runs')
            self._run(each['command'], each['investigation'])


def is_at(cron: str, moment: datetime) -> bool:
    """Return whether a cron expression means the minute of a moment."""
    values = (moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7)
    return all(value in field for value, field in zip(values, read_cron(cron), strict=True))


def read_cron(cron: str) -> list[set[int]]:
    """Return the numbers that each field of a cron expression means. Raise CallRejected for an expression that is wrong."""
    fields = cron.split()
    if len(fields) != len(FIELDS):
        raise CallRejected(f'The cron expression {cron!r} does not have five fields, such as */5 * * * *.')
    return [{number for part in field.split(',') for number in read_part(part, *limits)}
            for field, limits in zip(fields, FIELDS, strict=True)]


def read_part(part: str, lowest: int, highest: int) -> range:
    """Return the numbers of `*`, `5`, `1-5` or any of them with a step such as `/2`."""
    match = PART.fullmatch(part)
    if not match:
        raise CallRejected(f'The local XSOAR does not know {part!r} in a cron expression.')
    first, last, step = match.groups()
    start = int(first or lowest)
    end = int(last or (first if first and not step else highest))
    if not lowest <= start <= end <= highest or step == '0':
        raise CallRejected(f'{part!r} in a cron expression is not between {lowest} and {highest}.')
    return range(start, end + 1, int(step or 1))
