"""Origins of incidents: which delivery created one, if several responses name it or its sender had left before it existed.

No integration is asked. An incident is created once, by a request that had arrived before; of equal requests, by the first.
"""
from __future__ import annotations

import json
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from localxsoar.webhooks.readable import Readable

KNOWN_INCIDENTS = 20_000  # whose creators are known
KEPT_ORPHANS = 200  # deliveries without a response that could name their incident, which may still come
RETRY_SECONDS = 15 * 60  # an equal request that comes later is another event
LATE_SECONDS = 60 * 60  # an incident that comes later is another delivery's
READ_CHARACTERS = 4 * 1024 * 1024  # of the objects in a body, each with those inside it


@dataclass
class Trace:
    """A delivery that may have created incidents. Requests with the same `likeness` are equal but for what a retry changes."""
    number: int
    started: float
    first_own: int  # the number of the first incident that was created after the delivery began
    arrival: int = 0  # its place among all that have arrived whole, or 0
    likeness: Any = None
    headers: set[tuple[str, str]] = field(default_factory=set)  # names in small letters, and values
    has_left: bool = False  # whether its sender left before the response
    is_done: bool = False  # whether its response was a successful one, so that nothing is created later
    given: Counter[str] = field(default_factory=Counter)  # the contents of the incidents that it was given without a response
    taken: Counter[str] = field(default_factory=Counter)  # the contents of its events that a pre-process rule has seen
    contents: Counter[str] | None = None  # of its body, while it is under way

    def equals(self, other: Trace) -> bool:
        """Return whether one of the two may be a retry of the other. Both have arrived whole."""
        return bool(self.arrival and other.arrival and self.likeness == other.likeness
                    and abs(other.started - self.started) < RETRY_SECONDS)


@dataclass
class Unclaimed:
    """An incident that no response has named yet. `present` were under way when it was created, and `rivals` still are."""
    incident: dict[str, Any]
    present: frozenset[int]
    rivals: set[int]
    created: float = field(default_factory=lambda: time.time())


@dataclass
class Origins:
    """The creators of incidents. `contents` returns the contents of a delivery's body, as `contents_of` does."""
    contents: Callable[[int], Counter[str]]
    _lock: Any = field(default_factory=threading.RLock)
    _arrivals: int = 0
    _under_way: dict[int, Trace] = field(default_factory=dict)
    _orphans: OrderedDict[int, Trace] = field(default_factory=OrderedDict)  # those that ended without naming what they created
    _unclaimed: dict[str, Unclaimed] = field(default_factory=dict)
    _creators: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _own: dict[int, list[str]] = field(default_factory=dict)  # the incidents that each delivery created, as far as it is known
    _named: dict[str, list[int]] = field(default_factory=dict)  # the deliveries whose responses named an incident
    abandoned: list[dict[str, Any]] = field(default_factory=list)  # incidents that no delivery created, to be printed

    # What happens.

    def began(self, trace: Trace) -> None:
        with self._lock:
            self._under_way[trace.number] = trace

    def arrived(self, number: int, likeness: Any, headers: Iterable[tuple[str, str]]) -> None:
        """Note that a request has arrived whole."""
        with self._lock:
            self._arrivals += 1
            trace = self._under_way[number]
            trace.arrival, trace.likeness = self._arrivals, likeness
            trace.headers = {(name.lower(), value) for name, value in headers}

    def created(self, incidents: Iterable[dict[str, Any]]) -> set[int]:
        """Note new incidents. Return the numbers of the deliveries whose own incidents have changed."""
        with self._lock:
            for incident in incidents:
                self._unclaimed[incident['id']] = Unclaimed(incident, frozenset(self._under_way), set(self._under_way))
            return set() if self._under_way else self._leave()

    def ended(self, number: int, named: Iterable[str], status: int | None) -> set[int]:
        """Note the end of a delivery whose response has a status and names these incidents. Without a status its sender left.

        Return the numbers of the other deliveries whose own incidents have changed.
        """
        with self._lock:
            trace, names = self._under_way[number], list(named)
            trace.contents = None  # it may be large
            changed = {self._claim(trace, each) for each in names}
            del self._under_way[number]
            trace.has_left, trace.is_done = status is None, status is not None and status < 400
            if trace.has_left or (status or 0) >= 500 or (trace.is_done and not names and self._may_have_created(trace)):
                self._note_orphan(trace)
            if not trace.has_left:
                changed |= self._correct(number, names)
            for unclaimed in self._unclaimed.values():
                unclaimed.rivals.discard(number)
            self._forget()
            return (changed | self._leave()) - {number, 0}

    # What follows from it.

    def own(self, number: int) -> list[str]:
        """Return the incidents that a delivery created."""
        with self._lock:
            return sorted(self._own.get(number, ()), key=int)

    def creator(self, incident: str) -> int:
        """Return the number of the delivery that created an incident, or 0 if it is not known."""
        return self._creators.get(incident, 0)

    def take(self, event: Mapping[str, Any]) -> int:
        """Return the number of the delivery of an event that is about to become an incident, or 0 if it is not known.

        Of several with such an event, it is one that has its headers and of which the rule has not seen all such events yet, the
        first of these. If no body can be read, it is the only one under way.
        """
        content, headers = content_of(event), headers_in(event)
        with self._lock:
            arrived = [trace for trace in (*self._orphans.values(), *self._under_way.values()) if trace.arrival]
            found = [trace for trace in arrived if self._contents_of(trace)[content]]
            if not found:
                return arrived[0].number if len(arrived) == 1 and arrived[0].number in self._under_way else 0
            first = min(found, key=lambda trace: (trace.taken[content] >= self._contents_of(trace)[content],
                                                  -len(headers & trace.headers), trace.arrival))
            first.taken[content] += 1
            return first.number

    def _contents_of(self, trace: Trace) -> Counter[str]:
        if trace.number not in self._under_way:
            return self.contents(trace.number)
        trace.contents = trace.contents or self.contents(trace.number)
        return trace.contents

    def left_for(self, number: int) -> list[str]:
        """Return the incidents since the beginning of a delivery that is the only one under way and that nobody else created.

        If there were others when one was created, its content has to be in the body.
        """
        with self._lock:
            trace = self._under_way[number]
            if len(self._under_way) > 1:
                return []
            return [each for each, unclaimed in self._unclaimed.items() if int(each) >= trace.first_own
                    and not (len(unclaimed.present) > 1 and not self._contents_of(trace)[content_of(unclaimed.incident)])
                    and not self._orphan(unclaimed)]

    def _claim(self, trace: Trace, incident: str) -> int:
        """Note that a response names an incident. Return the number of its creator, or 0 if that is not new."""
        unclaimed = self._unclaimed.pop(incident, None)
        self._named.setdefault(incident, []).append(trace.number)
        if incident in self._creators or int(incident) < trace.first_own:
            return 0
        return self._assign(incident, self._first_of_equals(trace, incident, unclaimed))

    def _first_of_equals(self, trace: Trace, incident: str, unclaimed: Unclaimed | None) -> int:
        """Return which of equal requests without an incident of its own created this one, which one of them names.

        Its details may have headers that only one of them has. Otherwise it is the first, unless that will have another
        incident of equal content.
        """
        orphans = [each for each in self._orphans.values() if each.has_left]
        equals = [each for each in sorted([*orphans, *self._under_way.values()], key=lambda each: each.arrival)
                  if each.equals(trace) and each.first_own <= int(incident) and not self._own.get(each.number)]
        if len(equals) < 2 or not unclaimed:
            return equals[0].number if equals else trace.number
        headers = headers_in(unclaimed.incident)
        scores = [len(headers & each.headers) for each in equals]
        if scores.count(max(scores)) == 1:
            return equals[scores.index(max(scores))].number
        return equals[min(self._twins(unclaimed), equals.index(trace) if trace in equals else 0)].number

    def _twins(self, one: Unclaimed) -> int:
        content = content_of(one.incident) if self._unclaimed else ''
        return sum(content_of(other.incident) == content for other in self._unclaimed.values())

    def _assign(self, incident: str, number: int) -> int:
        if (before := self._creators.get(incident)) is not None:
            self._own[before].remove(incident)
        self._creators[incident] = number
        self._own.setdefault(number, []).append(incident)
        return number

    def _correct(self, number: int, names: list[str]) -> set[int]:
        """Give the incidents that a response should have named, but has not, to the first that named them."""
        wrong = [each for each in self._own.get(number, ()) if each not in names]
        return {self._assign(each, self._named[each][0]) for each in wrong if self._named.get(each)}

    def _may_have_created(self, trace: Trace) -> bool:
        return any(trace.number in unclaimed.present for unclaimed in self._unclaimed.values())

    def _note_orphan(self, trace: Trace) -> None:
        if trace.arrival:
            self._orphans[trace.number] = trace
        while len(self._orphans) > KEPT_ORPHANS:
            self._orphans.popitem(last=False)

    def _leave(self) -> set[int]:
        """Give the incidents that no response can name any more to the deliveries whose bodies have their contents."""
        changed = set()
        for number, unclaimed in [*self._unclaimed.items()]:
            if unclaimed.rivals:
                continue
            if orphan := self._orphan(unclaimed):
                orphan.given[content_of(unclaimed.incident)] += 1
                changed.add(self._assign(number, orphan.number))
            else:
                self.abandoned.append(unclaimed.incident)
            del self._unclaimed[number]
        return changed

    def _orphan(self, unclaimed: Unclaimed) -> Trace | None:
        """Return the first delivery that named nothing and whose body has the content of an incident once more, or None.

        One with a successful response was under way when the incident was created.
        """
        number = int(unclaimed.incident['id'])
        candidates = [trace for trace in self._orphans.values() if trace.first_own <= number
                      and (not trace.is_done or trace.number in unclaimed.present)
                      and unclaimed.created - trace.started < LATE_SECONDS
                      and len(self._own.get(trace.number, ())) == trace.given.total()]  # none that a response named
        content = content_of(unclaimed.incident) if candidates else ''
        return next((trace for trace in sorted(candidates, key=lambda each: each.arrival)
                     if trace.given[content] < self.contents(trace.number)[content]), None)

    def _forget(self) -> None:
        while len(self._creators) > KNOWN_INCIDENTS:
            incident, number = self._creators.popitem(last=False)
            self._named.pop(incident, None)
            self._own[number].remove(incident)
            if not self._own[number]:
                del self._own[number]


# Contents.


def content_of(incident: Mapping[str, Any]) -> str:
    """Return the details of an incident in a form that is equal for equal contents, without the headers that may be in them."""
    details = read(str(incident.get('rawJSON') or ''))
    if isinstance(details, dict):
        details.pop('headers', None)
    return canonical(details)


def headers_in(incident: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the headers of its request that the details of an incident have."""
    details = read(str(incident.get('rawJSON') or ''))
    found = details.get('headers') if isinstance(details, dict) else None
    pairs = found.items() if isinstance(found, dict) else ()
    return {(name.lower(), value) for name, value in pairs if isinstance(value, str)}


def contents_of(seen: Readable, fields: Iterable[Mapping[str, str]]) -> Counter[str]:
    """Return how often each content that an incident may have is in a body: an object in its JSON, its fields, its text."""
    named = {field['name']: field['value'] for field in fields}
    found = Counter([canonical({'body': seen.text}), *([canonical(named)] if named or not seen.text.strip() else [])])
    room = READ_CHARACTERS
    for value in documents(seen.text):
        for each in objects(value):
            text = canonical({name: value for name, value in each.items() if name != 'headers'})
            found[text] += 1
            room -= len(text)
            if room < 0:
                return found
    return found


def documents(text: str) -> Iterator[Any]:
    """Yield the JSON of a text: all of it or, if it is not JSON, that of each line."""
    if (whole := read(text)) is not None:
        yield whole
    else:
        yield from (value for line in text.splitlines() if (value := read(line)) is not None)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yield each object in a JSON value."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def read(text: str) -> Any:
    """Return the value of a JSON text, its numbers as text, or None."""
    with suppress(ValueError, RecursionError):
        return json.loads(text, strict=False, parse_int=str, parse_float=str)
    return None


def canonical(value: Any) -> str:
    with suppress(RecursionError):
        text = json.dumps(value, sort_keys=True, ensure_ascii=False)
        return text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')
    return ''
