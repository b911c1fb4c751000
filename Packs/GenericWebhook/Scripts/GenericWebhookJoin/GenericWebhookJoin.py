"""Join an incoming event of the Generic Webhook integration to the open incident of the same problem, for a pre-process rule.

An event of a problem that has an open incident becomes a note there instead of a second incident, and a recovery closes it.
Whatever is in doubt (an error entry, an exception, a reply that cannot be read) creates the incident: one too many is better
than an event that is lost.
"""
import hashlib
import json
import marshal
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import cached_property
from itertools import islice, zip_longest
from operator import itemgetter
from typing import Any

import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401

# What happens to an event. A rule gives a script no arguments: to change a value, copy the script and edit the copy.
SETTINGS: dict[str, Any] = {
    'recoveries': 'close',  # the end of a problem. close: note it, and close the incident if nobody owns it; or note, create
    'repeats': 'note',  # another event of a problem. note: note what changed in the open incident; or create
    'unmatched_recoveries': 'create',  # without an open incident. create; or drop, if a closed incident of the problem exists
    'days': 7,  # an incident that has not changed for longer is joined no more
}
BRAND = 'GenericWebhook'
SAFE_KEY = re.compile(r'[A-Za-z0-9._:/@-]{1,200}')  # the receiver hashes anything else; such a key stands in a query as it is
OPEN, CLOSED = (0, 1), (2,)  # values of an incident's status
RESOLVED = {'type': 'state', 'value': 'resolved'}
LAST_EVENT = 'last joined event'  # the type of the label that holds the time and the digest of the latest event
MAX_HITS = 100
MAX_COMPARED_CHARACTERS = 1_000_000
MAX_CHANGES = 20
MAX_COUNTED_CHANGES = 1000  # beyond them, a note does not say how many more there are
MAX_DEPTH = 10  # of a path; what differs deeper is shown by its hash, because each level compares all that is below it
MAX_TEXT_CHARACTERS = 100
MAX_LINE_CHARACTERS = 10 * MAX_TEXT_CHARACTERS  # of a text before its blanks are collapsed
MAX_ERROR_CHARACTERS = 500
MISSING = ()  # in place of a value that only the other event has; it equals no JSON value
TIME = re.compile(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(Z|[+-]\d\d:\d\d)')


# Times and events.


class Incident(dict[str, Any]):
    """An incident, as the server finds it. What its event says is read once, when it is needed."""

    @cached_property
    def said(self) -> tuple[Any, Any, dict[str, Any]]:
        """Return the name, the severity, and what the sender sent without the request's headers, which differ each time."""
        text = self.get('rawJSON') or ''
        if len(text) > MAX_COMPARED_CHARACTERS:
            return self.get('name'), self.get('severity') or 0, {'payload': hashed(text)}
        payload = self.read(text) if text else {}
        return self.get('name'), self.get('severity') or 0, {key: value for key, value in payload.items() if key != 'headers'}

    def read(self, text: str) -> Any:
        """Return the value of a JSON text."""
        return json.loads(text)


class Event(Incident):
    """An incident that is about to be created."""

    def read(self, text: str) -> Any:
        """Return the value of a JSON text, with sorted keys: some senders write them in another order each time."""
        return json.loads(text, object_pairs_hook=in_order)

    @cached_property
    def digest(self) -> str:
        """Return a text that two events have in common only if they say the same."""
        return hashed((*self.said, is_recovery(self)))


def in_order(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object, given as keys and values, with sorted keys."""
    return dict(sorted(members, key=itemgetter(0)) if len(members) > 1 else members)


def hashed(value: Any) -> str:
    """Return a text of 16 characters that depends on every part of a JSON value."""
    # json.dumps needs over 8 times as long for texts that are not ASCII. Version 2 ignores which parts are the same object.
    return hashlib.sha256(marshal.dumps(value, 2)).hexdigest()[:16]


def read_time(text: str) -> datetime:
    """Return a time of RFC 3339, to the microsecond. Raise ValueError for any other text."""
    match = TIME.fullmatch(text)
    if not match:
        raise ValueError(f'{text!r} is not a time')
    seconds, fraction, zone = match.groups()
    return datetime.fromisoformat(f'{seconds}{(fraction or ".0").ljust(7, "0")}{"+00:00" if zone == "Z" else zone}')


def is_recovery(incident: Incident) -> bool:
    """Return whether an event reports the end of its problem, or whether an incident has seen that end."""
    return any({'type': label.get('type'), 'value': label.get('value')} == RESOLVED for label in incident.get('labels') or [])


def last_joined(incident: Incident) -> list[str]:
    """Return the time and the digest of the latest event that joined an incident, or [] if none has."""
    values = [label['value'] for label in incident.get('labels') or [] if label.get('type') == LAST_EVENT]
    return values[-1].split() if values else []


def latest_time(incident: Incident) -> datetime:
    """Return when the latest event of an incident occurred: the one that created it, or one that joined it."""
    joined = last_joined(incident)
    return read_time(joined[0] if joined else incident['occurred'])


def is_repeat(incident: Incident, event: Event) -> bool:
    """Return whether an event says exactly what the latest event of an open incident said."""
    joined = last_joined(incident)
    return event.digest == joined[1] if joined else not is_recovery(event) and event.said == incident.said


def changes(incident: Incident, event: Event) -> list[str]:
    """Return a line for each value of an event that differs from the incident, or from the event that created it."""
    old, new = ({'name': name, 'severity': severity, **payload} for name, severity, payload in (incident.said, event.said))
    found = list(islice(differences(old, new), MAX_COUNTED_CHANGES + 1))
    lines = [f'{shorten(".".join(key[:MAX_TEXT_CHARACTERS] for key in path))}: {show(older)} -> {show(newer)}'
             for path, older, newer in found[:MAX_CHANGES]]
    count = f'{len(found) - MAX_CHANGES}' if len(found) <= MAX_COUNTED_CHANGES else f'over {MAX_COUNTED_CHANGES - MAX_CHANGES}'
    return [*lines, f'and {count} more'] if len(found) > MAX_CHANGES else lines


def differences(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield the path, the older and the newer value wherever two objects or lists differ.

    What is equal is compared as a whole and never walked, so that this takes little longer than reading the values.
    """
    for key, older, newer in differing_members(old, new):
        inner = (*path, key)
        if not have_members(older, newer):
            yield inner, older, newer
        elif len(inner) < MAX_DEPTH:
            yield from differences(older, newer, inner)
        else:
            yield inner, older and hashed(older), newer and hashed(newer)


def have_members(*values: Any) -> bool:
    """Return whether values are all objects or all lists, if they are not missing, and one of them is not empty."""
    return any(values) and any(all(each is MISSING or isinstance(each, kind) for each in values) for kind in (dict, list))


def differing_members(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Yield each key of two objects, or each position in two lists, whose values differ, with the older and the newer value."""
    if isinstance(old or new, list):
        pairs = enumerate(zip_longest(old, new, fillvalue=MISSING))
        return ((str(number), *pair) for number, pair in pairs if pair[0] != pair[1])
    older, newer = old or {}, new or {}
    keys = {**newer, **older}
    # Two objects that differ and have one key differ there: to compare its values would take as long again at each level.
    return ((key, older.get(key, MISSING), newer.get(key, MISSING)) for key in keys
            if len(keys) == 1 or older.get(key, MISSING) != newer.get(key, MISSING))


def show(value: Any) -> str:
    """Return a value as JSON, shortened, or a dash if it is missing."""
    if value is MISSING:
        return '-'
    return shorten(json.dumps(value[:MAX_LINE_CHARACTERS] if isinstance(value, str) else value, ensure_ascii=False))


def shorten(text: str) -> str:
    """Return a text in one line, so that a sender cannot forge another line of a note, and of bounded length."""
    line = ' '.join(text[:MAX_LINE_CHARACTERS].split())
    return line if len(line) <= MAX_TEXT_CHARACTERS else f'{line[:MAX_TEXT_CHARACTERS]}...'


# Calls of the server.


def ask(command: str, **arguments: Any) -> Any:
    """Run a command of the server and return the contents of its first entry. Raise ValueError for an error entry or none."""
    reply = demisto.executeCommand(command, arguments)
    if is_error(reply) or not isinstance(reply, list) or not reply:
        raise ValueError(f'{command} failed: {str(reply)[:MAX_ERROR_CHARACTERS]}')
    return reply[0]['Contents']


def find(event: Event, statuses: tuple[int, ...], **arguments: Any) -> list[Incident]:
    """Return the incidents of an event's problem in these statuses, newest first.

    A search may find more than it was asked for, and its index may be late, so that each hit is compared itself.
    """
    found = ask('getIncidents', size=MAX_HITS, sort='created.desc', **arguments)['data'] or []
    same = ('dbotMirrorId', 'sourceBrand', 'sourceInstance')
    hits = [Incident(hit) for hit in found if hit['status'] in statuses and all(hit.get(name) == event[name] for name in same)]
    return sorted(hits, key=lambda hit: read_time(hit['created']), reverse=True)


def find_open(event: Event, **arguments: Any) -> list[Incident]:
    """Return the open incidents that an event may join, newest first."""
    since = datetime.now(timezone.utc) - timedelta(days=SETTINGS['days'])
    return [hit for hit in find(event, OPEN, **arguments) if not is_recovery(hit) and read_time(hit['modified']) >= since]


def find_again(event: Event, number: str) -> Incident | None:
    """Return the incident of this number, as it is now, or None if an event may no longer join it."""
    return next((hit for hit in find_open(event, id=number) if hit['id'] == number), None)


def add_note(number: str, lines: list[str]) -> None:
    """Add a note of plain text to the War Room of an incident: what a sender wrote is neither a link nor a picture there."""
    entry = {'Type': EntryType.NOTE, 'ContentsFormat': EntryFormat.TEXT, 'Contents': '\n'.join(lines), 'Note': True}
    ask('addEntries', id=number, entries=json.dumps([entry]))


# What happens to an event.


def process(event: Event) -> bool:
    """Join an event to the open incident of its problem, and return whether it is dropped. Raise an exception in doubt."""
    key = event.get('dbotMirrorId')
    if event.get('sourceBrand') != BRAND or not isinstance(key, str) or not SAFE_KEY.fullmatch(key):
        return False
    if SETTINGS['recoveries' if is_recovery(event) else 'repeats'] not in ('close', 'note'):
        return False
    found = find_open(event, query=f'dbotMirrorId:"{key}" and -status:closed and -status:archived')
    if found:
        return join(found[0], event)
    if is_recovery(event) and SETTINGS['unmatched_recoveries'] == 'drop':
        return bool(find(event, CLOSED, query=f'dbotMirrorId:"{key}" and status:closed'))
    return False


def join(incident: Incident, event: Event) -> bool:
    """Note in an open incident what an event changes. Return False if the incident is no longer open afterwards."""
    number, occurred = incident['id'], read_time(event['occurred'])
    is_end = is_recovery(event) and occurred >= latest_time(incident)
    is_changed = is_end or not is_repeat(incident, event)
    if is_changed:
        add_note(number, describe(incident, event, is_end))
    # Somebody may have closed it since it was found, or the index of the search was late.
    now = find_again(event, number)
    if not now:
        return False
    is_end = is_end and occurred >= latest_time(now)  # a newer event may have joined meanwhile
    if is_changed:
        update(now, event, max(occurred, latest_time(now)), is_end)
        # An older recovery may have closed it before the update, which it did not know of.
        if not is_end and not find_again(event, number):
            return False
    if is_end and SETTINGS['recoveries'] == 'close' and not now.get('owner'):
        ask('closeInvestigation', id=number, closeReason='Resolved', closeNotes=f"{shorten(event['name'])} ({event['occurred']})")
    return True


def describe(incident: Incident, event: Event, is_end: bool) -> list[str]:
    """Return the lines of the note about an event."""
    kind = 'Resolved' if is_end else 'Resolved, but before the latest event' if is_recovery(event) else 'Again'
    return [f"{kind}: {shorten(event['name'])}", f"Occurred: {event['occurred']}", *([] if is_end else changes(incident, event))]


def update(incident: Incident, event: Event, latest: datetime, is_end: bool) -> None:
    """Raise an incident's severity to that of an event, never lower it, and label the incident with the event."""
    severity = max(incident.get('severity') or 0, 0 if is_recovery(event) else event.get('severity') or 0)
    labels = [label for label in incident.get('labels') or [] if label.get('type') != LAST_EVENT]
    labels += [{'type': LAST_EVENT, 'value': f'{latest.isoformat()} {event.digest}'}, *([RESOLVED] if is_end else [])]
    raised = {'severity': severity} if severity > (incident.get('severity') or 0) else {}
    ask('setIncident', id=incident['id'], labels=labels, **raised)


def main() -> None:  # pylint: disable=W9012  # return_error would give the rule an error instead of True
    """Give the rule False for an event that is dropped and True for one that becomes an incident."""
    try:
        dropped, doubt = process(Event(demisto.incident())), None
    except Exception as error:
        dropped, doubt = False, error
    return_results(not dropped)  # before anything else that may fail
    if doubt:
        demisto.error(f'GenericWebhookJoin creates an incident, because it is in doubt: {doubt!r}')


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
