"""Faults of the server, for tests and measurements: delays, rejections and odd replies. All are off by default."""
from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta, timezone
from inspect import cleandoc
from typing import Any

from localxsoar.errors import CallRejected, RawReply, UsageError

Incidents = list[dict[str, Any]]
LOOK_SECONDS = 0.05  # how often a call that hangs checks whether its container has ended
EVERYTHING = '*'

# Replies of the fault `answer`: those that create nothing, and those that create and then distort the reply.
NOTHING_CREATED: dict[str, Any] = {'null': None, 'false': False, 'empty': [], 'empty-object': {}, 'null-item': [None],
                                   'error-item': [{'error': 'The incident was rejected, as the fault "answer" demands.'}]}
CREATED: dict[str, Callable[[Incidents], Any]] = {
    'normal': lambda created: created,
    'reversed': lambda created: created[::-1],
    'lone-object': lambda created: created[0] if len(created) == 1 else created,
    'mixed': lambda created: [None, *created, {'error': 'A comment beside the incidents.'}],
    'created-then-error': lambda created: CallRejected('The incidents were created, and then the call failed.'),
    'deep': lambda created: RawReply('[' * 100_000 + ']' * 100_000),
    'not-json': lambda created: RawReply('The reply is not JSON, as the fault "answer" demands.'),
}
ANSWERS = (*CREATED, *NOTHING_CREATED)
DROPPED = ('empty', 'null')  # a list without incidents, as a Go server may send it
OPTIONS = {'answer': ANSWERS, 'dropped': DROPPED}
MEANING = re.compile(r'^- (\w+): (.*?)[;.]$(?=\n- |\Z)', re.DOTALL | re.MULTILINE)  # of faults, in the docstring below


@dataclass
class Faults:
    """The faults of createIncidents, of searches, of events and of scripts' commands. Each can change while the server runs.

    - call_delay_ms: delay each call;
    - incident_delay_ms: delay each call by so much for each of its incidents;
    - refuse: send an error reply that quotes the name if an incident's name contains the text; `*` rejects every call;
    - answer: the reply's shape: normal, reversed, lone-object (not a list of one), mixed (with items that are not
      incidents), created-then-error, deep (nested too deeply), not-json; or null, false, empty, empty-object, null-item,
      error-item, which create nothing;
    - drop: leave out each incident whose name contains the text, as a pre-process rule does;
    - dropped: the reply if every incident of a call was dropped: empty (a list), null;
    - rename: return each incident whose name contains the text under another name;
    - hang: wait until this is false again, and create nothing if the container ends meanwhile;
    - cut: cut the line at the next call, before anything is created; then this is false again;
    - index_delay_ms: find an incident only so long after its creation, as a search index that is late;
    - event_delay_ms: respond to events so much later;
    - event_status: respond to events with this status, such as 401 or 500;
    - deny: reply with an error entry to these commands of scripts, separated by commas, as to a script without permission.
    """
    call_delay_ms: float = 0
    incident_delay_ms: float = 0
    refuse: str = ''
    answer: str = 'normal'
    drop: str = ''
    dropped: str = 'empty'
    rename: str = ''
    hang: bool = False
    cut: bool = False
    index_delay_ms: float = 0
    event_delay_ms: float = 0
    event_status: int = 0
    deny: str = ''

    def __post_init__(self) -> None:
        self._changed = threading.Condition()

    def change(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Set faults by name and return all faults. Raise UsageError, and set none, if a name or value is wrong."""
        read = {name: _read(name, value) for name, value in values.items()}
        with self._changed:
            for name, value in read.items():
                setattr(self, name, value)
            self._changed.notify_all()
        return self.as_dict()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def pop_cut(self) -> bool:
        """Return whether the line should be cut now, and reset the fault."""
        cut, self.cut = self.cut, False
        return cut

    def indexed(self, filter: Mapping[str, Any]) -> dict[str, Any]:
        """Return a filter of incidents that leaves out what the search index does not know yet."""
        if not self.index_delay_ms:
            return dict(filter)
        known = datetime.now(timezone.utc) - timedelta(milliseconds=self.index_delay_ms)
        return {**filter, 'indexedUntil': known.isoformat()}

    def denies(self, command: str) -> bool:
        return self.deny == EVERYTHING or command in self.deny.split(',')

    def create(self, incidents: Incidents, store: Callable[[Incidents], Incidents], is_alive: Callable[[], bool]) -> Any:
        """Return the reply to createIncidents under these faults. `store` creates incidents and returns them."""
        self._wait(len(incidents), is_alive)
        if self.hang:
            raise CallRejected('The container ended during the call: nothing was created.')
        if hit := [incident for incident in incidents if _is_hit(self.refuse, incident)]:
            raise CallRejected(f'The incidents were rejected, as the fault "refuse" demands: {hit[0].get("name")}')
        answer = self.answer  # read once: it may change during the call
        if answer in NOTHING_CREATED:
            return NOTHING_CREATED[answer]
        created = store([incident for incident in incidents if not _is_hit(self.drop, incident)])
        if incidents and not created and self.dropped == 'null':
            return None
        reply = CREATED[answer]([_renamed(incident) if _is_hit(self.rename, incident) else incident for incident in created])
        if isinstance(reply, CallRejected):
            raise reply
        return reply

    def _wait(self, count: int, is_alive: Callable[[], bool]) -> None:
        """Delay a call with `count` incidents, and hang as long as the fault says so and the container lives."""
        seconds = (self.call_delay_ms + self.incident_delay_ms * count) / 1000
        if seconds:
            time.sleep(seconds)
        with self._changed:
            while self.hang and is_alive():
                self._changed.wait(LOOK_SECONDS)


def _is_hit(text: str, incident: Mapping[str, Any]) -> bool:
    return text == EVERYTHING or (bool(text) and isinstance(incident, dict) and text in str(incident.get('name')))


def _renamed(incident: dict[str, Any]) -> dict[str, Any]:
    return {**incident, 'name': f"{incident['name']} (renamed)"}


# Readers of a fault's value, which is text from the command line or any value from JSON.


def _milliseconds(value: Any) -> float:
    number = float(value)
    if not 0 <= number < float('inf'):
        raise ValueError
    return number


def _switch(value: Any) -> bool:
    return {'true': True, 'false': False}[str(value).lower()]


def _text(value: Any) -> str:
    return {None: '', False: '', True: EVERYTHING, 'false': '', 'true': EVERYTHING}.get(value, str(value))


def _status(value: Any) -> int:
    number = int(value)
    if number and not 400 <= number < 600:
        raise ValueError
    return number


def _reply_shape(value: Any) -> str:
    return ANSWERS[ANSWERS.index('null' if value is None else str(value).lower())]


def _reply_if_dropped(value: Any) -> str:
    return DROPPED[DROPPED.index('null' if value is None else str(value).lower())]


READERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    'call_delay_ms': (_milliseconds, 'milliseconds'),
    'incident_delay_ms': (_milliseconds, 'milliseconds'),
    'refuse': (_text, 'a text, or * for every call'),
    'answer': (_reply_shape, f'one of {", ".join(ANSWERS)}'),
    'drop': (_text, 'a text'),
    'dropped': (_reply_if_dropped, ' or '.join(DROPPED)),
    'rename': (_text, 'a text'),
    'hang': (_switch, 'true or false'),
    'cut': (_switch, 'true or false'),
    'index_delay_ms': (_milliseconds, 'milliseconds'),
    'event_delay_ms': (_milliseconds, 'milliseconds'),
    'event_status': (_status, 'a status from 400 to 599, or 0 for none'),
    'deny': (_text, 'a text, or * for every command'),
}


def known(faults: Faults) -> list[dict[str, Any]]:
    """Return each fault with its value, the one that switches it off, the texts that it may be, if few, and its meaning."""
    meanings = {name: ' '.join(text.split()) for name, text in MEANING.findall(cleandoc(Faults.__doc__ or ''))}
    return [{'name': field.name, 'value': getattr(faults, field.name), 'off': field.default,
             'options': OPTIONS.get(field.name, ()), 'meaning': meanings[field.name]} for field in fields(Faults)]


def _read(name: str, value: Any) -> Any:
    """Return a fault's value in its own type. Raise UsageError for an unknown fault or a wrong value."""
    if name not in READERS:
        raise UsageError(f'There is no fault {name}. Known: {", ".join(field.name for field in fields(Faults))}.')
    reader, expected = READERS[name]
    try:
        return reader(value)
    except (TypeError, ValueError, KeyError):
        raise UsageError(f'Fault {name}: {value!r} is not {expected}.') from None
