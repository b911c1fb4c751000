"""Join an incoming event of the Generic Webhook integration to the open incident of the same problem, for a pre-process rule.

An event of a problem that has an open incident becomes a note there instead of a second incident, and a recovery closes it.
Whatever is in doubt (an error entry, an exception, a reply that cannot be read) creates the incident: one too many is better
than an event that is lost.
"""
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
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
MAX_TEXT_CHARACTERS = 100
MAX_ERROR_CHARACTERS = 500
TIME = re.compile(r'(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(Z|[+-]\d\d:\d\d)')

Incident = dict[str, Any]


# Times and events.


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


def read_payload(incident: Incident) -> dict[str, Any]:
    """Return what the sender sent, as the values at their paths. The request's headers differ each time and are left out."""
    text = incident.get('rawJSON') or ''
    if len(text) > MAX_COMPARED_CHARACTERS:
        return {'payload': hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}
    payload = json.loads(text) if text else {}
    return flatten({name: value for name, value in payload.items() if name != 'headers'})


def flatten(value: Any, path: str = '') -> dict[str, Any]:
    """Return the texts, numbers and other simple values in JSON by their paths, such as `alert.labels.host`."""
    items = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    if not items:
        return {path: value}
    return {name: inner for key, item in items for name, inner in flatten(item, f'{path}.{key}' if path else str(key)).items()}


def digest(event: Incident) -> str:
    """Return a text that two events have in common only if they say the same."""
    said = [event.get('name'), event.get('severity') or 0, is_recovery(event), read_payload(event)]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def last_event(incident: Incident) -> tuple[datetime, str]:
    """Return the time and the digest of the latest event of an incident: the one that created it, or one that joined it."""
    values = [label['value'] for label in incident.get('labels') or [] if label.get('type') == LAST_EVENT]
    if not values:
        return read_time(incident['occurred']), digest(incident)
    time, text = values[-1].split()
    return read_time(time), text


def changes(incident: Incident, event: Incident) -> list[str]:
    """Return a line for each value of an event that differs from the incident, or from the event that created it."""
    old = {'name': incident.get('name'), 'severity': incident.get('severity') or 0, **read_payload(incident)}
    new = {'name': event.get('name'), 'severity': event.get('severity') or 0, **read_payload(event)}
    lines = [f'{shorten(path)}: {show(old, path)} -> {show(new, path)}'
             for path in {**new, **old} if old.get(path) != new.get(path)]
    more = [f'and {len(lines) - MAX_CHANGES} more'] if len(lines) > MAX_CHANGES else []
    return lines[:MAX_CHANGES] + more


def show(values: dict[str, Any], path: str) -> str:
    """Return a value as JSON, shortened, or a dash if there is none at this path."""
    return shorten(json.dumps(values[path], ensure_ascii=False)) if path in values else '-'


def shorten(text: str) -> str:
    """Return a text in one line, so that a sender cannot forge another line of a note, and of bounded length."""
    line = ' '.join(text.split())
    return line if len(line) <= MAX_TEXT_CHARACTERS else f'{line[:MAX_TEXT_CHARACTERS]}...'


# Calls of the server.


def ask(command: str, **arguments: Any) -> Any:
    """Run a command of the server and return the contents of its first entry. Raise ValueError for an error entry or none."""
    reply = demisto.executeCommand(command, arguments)
    if is_error(reply) or not isinstance(reply, list) or not reply:
        raise ValueError(f'{command} failed: {str(reply)[:MAX_ERROR_CHARACTERS]}')
    return reply[0]['Contents']


def find(event: Incident, statuses: tuple[int, ...], **arguments: Any) -> list[Incident]:
    """Return the incidents of an event's problem in these statuses, newest first.

    A search may find more than it was asked for, and its index may be late, so that each hit is compared itself.
    """
    found = ask('getIncidents', size=MAX_HITS, sort='created.desc', **arguments)['data'] or []
    same = ('dbotMirrorId', 'sourceBrand', 'sourceInstance')
    hits = [hit for hit in found if hit['status'] in statuses and all(hit.get(name) == event[name] for name in same)]
    return sorted(hits, key=lambda hit: read_time(hit['created']), reverse=True)


def find_open(event: Incident, **arguments: Any) -> list[Incident]:
    """Return the open incidents that an event may join, newest first."""
    since = datetime.now(timezone.utc) - timedelta(days=SETTINGS['days'])
    return [hit for hit in find(event, OPEN, **arguments) if not is_recovery(hit) and read_time(hit['modified']) >= since]


def add_note(number: str, lines: list[str]) -> None:
    """Add a note of plain text to the War Room of an incident: what a sender wrote is neither a link nor a picture there."""
    entry = {'Type': EntryType.NOTE, 'ContentsFormat': EntryFormat.TEXT, 'Contents': '\n'.join(lines), 'Note': True}
    ask('addEntries', id=number, entries=json.dumps([entry]))


# What happens to an event.


def process(event: Incident) -> bool:
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


def join(incident: Incident, event: Incident) -> bool:
    """Note in an open incident what an event changes. Return False if the incident is no longer open afterwards."""
    number, (latest, known) = incident['id'], last_event(incident)
    occurred = read_time(event['occurred'])
    is_end = is_recovery(event) and occurred >= latest
    is_changed = is_end or digest(event) != known
    if is_changed:
        add_note(number, describe(incident, event, is_end))
    # Somebody may have closed it since it was found, or the index of the search was late.
    now = next((hit for hit in find_open(event, id=number) if hit['id'] == number), None)
    if not now:
        return False
    if is_changed:
        update(now, event, max(occurred, latest), is_end)
    if is_end and SETTINGS['recoveries'] == 'close' and not now.get('owner'):
        ask('closeInvestigation', id=number, closeReason='Resolved', closeNotes=f"{shorten(event['name'])} ({event['occurred']})")
    return True


def describe(incident: Incident, event: Incident, is_end: bool) -> list[str]:
    """Return the lines of the note about an event."""
    kind = 'Resolved' if is_end else 'Resolved, but before the latest event' if is_recovery(event) else 'Again'
    return [f"{kind}: {shorten(event['name'])}", f"Occurred: {event['occurred']}", *([] if is_end else changes(incident, event))]


def update(incident: Incident, event: Incident, latest: datetime, is_end: bool) -> None:
    """Raise an incident's severity to that of an event, never lower it, and label the incident with the event."""
    severity = max(incident.get('severity') or 0, 0 if is_recovery(event) else event.get('severity') or 0)
    labels = [label for label in incident.get('labels') or [] if label.get('type') != LAST_EVENT]
    labels += [{'type': LAST_EVENT, 'value': f'{latest.isoformat()} {digest(event)}'}, *([RESOLVED] if is_end else [])]
    raised = {'severity': severity} if severity > (incident.get('severity') or 0) else {}
    ask('setIncident', id=incident['id'], labels=labels, **raised)


def main() -> None:  # pylint: disable=W9012  # return_error would give the rule an error instead of True
    """Give the rule False for an event that is dropped and True for one that becomes an incident."""
    try:
        dropped, doubt = process(demisto.incident()), None
    except Exception as error:
        dropped, doubt = False, error
    return_results(not dropped)  # before anything else that may fail
    if doubt:
        demisto.error(f'GenericWebhookJoin creates an incident, because it is in doubt: {doubt!r}')


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
