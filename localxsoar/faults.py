"""What can be made slow or wrong at the server, for tests and measurements. Without a setting everything is in order."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from localxsoar.errors import CallRefused, UsageError

Incidents = list[dict[str, Any]]
LOOK_SECONDS = 0.05
EVERYTHING = '*'

NOTHING_CREATED: dict[str, Any] = {'null': None, 'false': False, 'empty': [], 'empty-object': {}, 'null-item': [None],
                                   'error-item': [{'error': 'The incident was rejected, as the fault "answer" asks for.'}]}
CREATED: dict[str, Callable[[Incidents], Any]] = {
    'normal': lambda created: created,
    'reversed': lambda created: created[::-1],
    'lone-object': lambda created: created[0] if len(created) == 1 else created,
    'mixed': lambda created: [None, *created, {'error': 'A comment beside the incidents.'}],
    'created-then-error': lambda created: CallRefused('The incidents were created, and then the call failed.'),
    'deep': lambda created: '[' * 100_000 + ']' * 100_000,  # a text goes out as it is
    'not-json': lambda created: 'The reply is not JSON, as the fault "answer" asks for.',
}
ANSWERS = (*CREATED, *NOTHING_CREATED)


@dataclass
class Faults:
    """The faults of createIncidents; each may be changed while the server runs.

    - call_delay_ms, incident_delay_ms: the call takes the first, and the second for each incident;
    - refuse: an error reply that quotes the name, when an incident's name contains the text; `*` refuses every call;
    - answer: normal, reversed, lone-object (instead of a list of one), mixed (with what is no incident), created-then-error,
      deep (nested too deeply), not-json; or null, false, empty, empty-object, null-item, error-item, which create nothing;
    - drop: an incident whose name contains the text is neither created nor answered, as by a pre-process rule;
    - rename: an incident whose name contains the text comes back under another name;
    - hang: the call waits until this is false again, and creates nothing if the container ends meanwhile;
    - cut: the line is cut when the next call comes, before anything is created; then false again.
    """
    call_delay_ms: float = 0
    incident_delay_ms: float = 0
    refuse: str = ''
    answer: str = 'normal'
    drop: str = ''
    rename: str = ''
    hang: bool = False
    cut: bool = False

    def __post_init__(self) -> None:
        self._changed = threading.Condition()

    def change(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Sets faults by name, all or, with UsageError, none; the faults as they are then."""
        read = {name: _read(name, value) for name, value in values.items()}
        with self._changed:
            for name, value in read.items():
                setattr(self, name, value)
            self._changed.notify_all()
        return self.as_dict()

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def take_cut(self) -> bool:
        """Whether the line is to be cut now; says so once."""
        cut, self.cut = self.cut, False
        return cut

    def create(self, incidents: Incidents, store: Callable[[Incidents], Incidents], is_alive: Callable[[], bool]) -> Any:
        """What createIncidents answers with these faults; `store` creates what is to be created."""
        self._wait(len(incidents), is_alive)
        if self.hang:
            raise CallRefused('The container ended while the call hung: nothing was created.')
        if hit := [incident for incident in incidents if _is_hit(self.refuse, incident)]:
            raise CallRefused(f'The incidents were refused, as the fault "refuse" asks for: {hit[0].get("name")}')
        if self.answer in NOTHING_CREATED:
            return NOTHING_CREATED[self.answer]
        created = store([incident for incident in incidents if not _is_hit(self.drop, incident)])
        reply = CREATED[self.answer]([_renamed(incident) if _is_hit(self.rename, incident) else incident for incident in created])
        if isinstance(reply, CallRefused):
            raise reply
        return reply

    def _wait(self, count: int, is_alive: Callable[[], bool]) -> None:
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


# Reading a fault's value, from the command line or from JSON.


def _milliseconds(value: Any) -> float:
    number = float(value)
    if not 0 <= number < float('inf'):
        raise ValueError
    return number


def _switch(value: Any) -> bool:
    return {'true': True, 'false': False}[str(value).lower()]


def _text(value: Any) -> str:
    return {None: '', False: '', True: EVERYTHING, 'false': '', 'true': EVERYTHING}.get(value, str(value))


def _answer(value: Any) -> str:
    return ANSWERS[ANSWERS.index('null' if value is None else str(value).lower())]


READERS: dict[str, tuple[Callable[[Any], Any], str]] = {
    'call_delay_ms': (_milliseconds, 'milliseconds'),
    'incident_delay_ms': (_milliseconds, 'milliseconds'),
    'refuse': (_text, 'a text, or * for every call'),
    'answer': (_answer, f'one of {", ".join(ANSWERS)}'),
    'drop': (_text, 'a text'),
    'rename': (_text, 'a text'),
    'hang': (_switch, 'true or false'),
    'cut': (_switch, 'true or false'),
}


def _read(name: str, value: Any) -> Any:
    if name not in READERS:
        raise UsageError(f'{name} is no fault. Known: {", ".join(field.name for field in fields(Faults))}.')
    reader, expected = READERS[name]
    try:
        return reader(value)
    except (TypeError, ValueError, KeyError):
        raise UsageError(f'Fault {name}: {value!r} is not {expected}.') from None
