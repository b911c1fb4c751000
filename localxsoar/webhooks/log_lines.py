"""The lines of a log: which delivery each belongs to, and what it says of what became of that."""
from __future__ import annotations

import re
import threading
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localxsoar.forward import Request, split_target

# Of a line that a script wrote before it could send it.
OWN_TIME = re.compile(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3}(?:\d{3})?)?)Z ')
# The line that a receiver logs for each request; its note says what became of that. A test compares it with the pack's.
REQUEST_LINE = re.compile(r'''
    (?P<method>\S+) [ ] (?P<status>\d{3}) [ ] (?P<milliseconds>\d+) [ ] ms, [ ] from [ ] "[^"]*" (?:[ ]for[ ]"[^"]*")? [ ]
    "(?P<agent>[^"]*)", [ ] (?P<size>\d+|-) [ ] bytes (?:,[ ]token[ ]\d+)? (?:,[ ]delivery[ ]"(?P<id>[^"]*)")?: [ ] (?P<note>.*)
    ''', re.VERBOSE | re.DOTALL)
NAMED = re.compile(r'(repeat of )?(?:\d+ )?incidents? (\d+)')  # the start of a note: the first incident that the request got
SKIPPED = re.compile(r'(?:^|, )skipped: ([^;]*)')
LEFT = ' (the sender had left)'
EARLY_SECONDS, LATE_SECONDS = 0.005, 0.25  # clocks are read at different moments, and a script logs after its response
FAR_SECONDS = 10  # between the moments at which a server and its busy container began to read a request
RECENT = 2000  # deliveries that may be logged yet: in a flood, equal lines are only counted
COMPARED_CHARACTERS = 20  # of a user agent, which a line may cut or escape


@dataclass
class Sighting:
    """What the lines of a log may tell of a delivery."""
    number: int
    instance: str
    started: float
    method: str
    agent: str
    size: int = 0
    status: int | None = None
    note: str = ''
    ended: float = float('inf')


@dataclass
class LogReader:
    """The latest deliveries, to one of which a line may belong."""
    _lock: Any = field(default_factory=threading.Lock)
    _recent: deque[Sighting] = field(default_factory=lambda: deque(maxlen=RECENT))  # by their beginning
    _silent: list[Sighting] = field(default_factory=list)  # those without a line for the request, by their beginning

    def began(self, number: int, started: float, request: Request) -> None:
        agent = request.header('user-agent') or '-'
        with self._lock:
            sighting = Sighting(number, split_target(request.target)[0], started, request.method, agent)
            self._recent.append(sighting)
            self._silent.append(sighting)
            del self._silent[:-RECENT]

    def ended(self, number: int, size: int, status: int | None, note: str, ended: float) -> None:
        with self._lock:
            for sighting in reversed(self._recent):
                if sighting.number == number:
                    sighting.size, sighting.status, sighting.note, sighting.ended = size, status, note, ended
                    return

    def owner(self, line: Mapping[str, Any], instance: str, creator: Callable[[str], int]) -> tuple[int, dict[str, Any]]:
        """Return the number of a line's delivery, or 0 if that is not known, and the outcome that the line tells, or {}.

        `creator` returns the delivery that created an incident, or 0 if it is not known: of equal ones only the others repeat it.
        """
        at = moment(line)
        found = read_request_line(str(line['text']))
        with self._lock:
            if not found:
                return self._under_way(at, str(line['text'])), {}
            began = at - int(found['milliseconds']) / 1000
            first = bisect_left(self._silent, began - FAR_SECONDS, key=lambda each: each.started)
            near = [each for each in self._silent[first:] if each.started < began + FAR_SECONDS
                    and (each.instance, each.method) == (instance, found['method'])]
            if not near:
                return 0, {}
            named = NAMED.match(found['note'])
            created_by = creator(named[2]) if named else 0
            best = min(near, key=lambda each: (bool(created_by) and (each.number == created_by) == bool(named and named[1]),
                                               unlike(each, found), abs(each.started - began)))
            self._silent.remove(best)
            return best.number, outcome(found['note'], int(found['status']))

    def _under_way(self, at: float, text: str) -> int:
        """Return the one delivery that was under way at a moment or, if there was none, had just ended."""
        near = [each for each in self._recent if each.started - EARLY_SECONDS <= at <= each.ended + LATE_SECONDS]
        within = [each for each in near if at <= each.ended] or near
        named = [each for each in within if each.note and each.note in text] or within
        return named[0].number if len(named) == 1 else 0


def read_request_line(text: str) -> re.Match[str] | None:
    return REQUEST_LINE.fullmatch(OWN_TIME.sub('', text, count=1))


def delivery_id(lines: Iterable[Mapping[str, Any]]) -> str:
    """Return the id that a sender gave to a delivery with these lines, or ''."""
    return next((found['id'] or '' for line in lines if (found := read_request_line(line['text']))), '')


def unlike(sighting: Sighting, found: re.Match[str]) -> int:
    """Return how many facts of a request's line are not those of a delivery."""
    is_other = sighting.status is not None and sighting.status != int(found['status'])
    agents = (agent[:COMPARED_CHARACTERS] for agent in (sighting.agent, found['agent']))
    return is_other + (found['size'] not in ('-', str(sighting.size))) + (len(set(agents)) > 1)


def outcome(note: str, status: int) -> dict[str, Any]:
    """Return what a note says of what became of a request, under the names that a delivery has for it."""
    said = note.removesuffix(LEFT)
    is_lost = said.startswith('lost: ')
    skipped = SKIPPED.search(said) if status < 400 else None
    return {'is_lost': is_lost, 'has_left': said != note, 'skipped': skipped[1] if skipped else '',
            'is_repeat': status < 400 and said.startswith('repeat of ')}


def moment(line: Mapping[str, Any]) -> float:
    """Return when a line was written, in Unix seconds: by its own time or else by when it arrived."""
    own = OWN_TIME.match(str(line['text']))
    return datetime.fromisoformat(f'{own[1]}+00:00').timestamp() if own else float(line['at'])
