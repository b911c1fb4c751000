"""What third parties wrote into an event makes it no other sender's: rows fit by what only their sender writes."""
from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from GenericWebhook import Path, Row
from shared.app import SENDER_ROWS, App, event_of
from tools.names.table import SENDERS
from tools.senders.checks import owners
from tools.senders.folders import read_folders

EACH_ROW = [row() for row in SENDER_ROWS.rows]
# The objects and texts in which an event keeps what others wrote.
FOREIGN = {
    '_raw', 'annotations', 'attributes', 'body', 'content', 'context', 'custom', 'data', 'details', 'extra', 'fields', 'full_log',
    'headers', 'labels', 'message', 'metadata', 'meta', 'output_fields', 'params', 'payload', 'properties', 'query', 'raw',
    'request', 'result', 'tags', 'text'}
WITHOUT_ROW: list[dict[str, Any]] = [
    {'title': 'Brute force', 'host': 'db-1', 'data': {'user': 'ann'}},
    {'alert': 'Login failed', 'user': 'ann', 'request': {'url': '/login', 'method': 'POST'}},
    {'timestamp': 1764000000, 'program': 'sshd', 'message': 'Failed password for ann', 'fields': {'port': 22}},
    {'event': 'form.submitted', 'form': 'contact', 'payload': {'email': 'ann@example.com'}},
    {'kind': 'waf', 'rule_name': 'SQL injection', 'request': {'headers': {'user-agent': 'curl'}, 'body': 'a=1'}},
    {'id': 7, 'subject': 'Printer on fire', 'ticket': {'from': 'ann'}, 'custom': {'floor': 3}},
    {'monitor': 'shop', 'is_down': True, 'labels': {'team': 'web'}},
    {'device': 'fw-1', 'log': 'deny tcp', 'data': {'srcip': '192.0.2.1'}, 'full_log': 'deny tcp 192.0.2.1'},
    {'scan': 'nightly', 'finding': 'Open port', 'metadata': {'port': '22'}, 'tags': {'env': 'prod'}},
    {'queue': 'mail', 'reason': 'spam', 'headers': {'subject': 'Win'}, 'content': 'Win now'},
    {'pipeline': 'build', 'step': 'test', 'params': {'branch': 'main'}, 'message': 'Fix it'},
    {'honeypot': 'h-1', 'protocol': 'http', 'query': {'q': 'x'}, 'body': 'x'},
    {'app': 'shop', 'exception': 'ValueError', 'context': {'user': 'ann'}, 'extra': {'cart': 3}},
    {'@timestamp': '2026-11-24T09:00:00Z', 'log.level': 'error', 'message': 'boom', 'labels': {'a': 'b'}},
    {'bucket': 'files', 'object_name': 'a.txt', 'attributes': {'owner': 'ann'}},
    {'search': 'Failed logins', 'owner': 'soc', 'result': {'_raw': 'user=ann', 'user': 'ann'}},
    {'camera': 'door', 'detected': 'person', 'details': {'zone': 'gate'}},
    {'sensor': 'edr-1', 'process': 'cmd.exe', 'properties': {'command': 'dir'}},
    {'survey': 'nps', 'answers': [1, 2], 'data': {'text': 'Fine'}},
    {'cron': 'backup', 'exit_code': 1, 'raw': 'disk full', 'meta': {'run': 9}}]


def member(path: Path, wanted: frozenset[str], start: str = '') -> dict[str, Any]:
    """Return the object in which a path, behind its start, leads to a wanted text."""
    value: Any = min(wanted, default='x')
    for key in reversed(path.text.replace('*', '0').removeprefix(start).split('.')):
        value = [value] if key == '0' else {key: value}
    return value if isinstance(value, dict) else {}


def merged(old: Any, new: Any) -> Any:
    """Return what the sender wrote, with the members of a third party that are not there yet."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old[key], value) if key in old else value for key, value in new.items()}}
    return [merged(old[0], new[0]), *old[1:]] if isinstance(old, list) and isinstance(new, list) and old else old


def forged(row: Row, start: str) -> dict[str, Any]:
    """Return the members that identify a row: from the top and, if its paths lead through the object at `start`, from there."""
    made: dict[str, Any] = {}
    for condition in row.conditions:
        for path in () if condition.is_negated else condition.paths:
            made = merged(made, member(path, condition.wanted))
            if path.text.startswith(start):
                made = merged(made, member(path, condition.wanted, start))
    return made


def places(value: Any, path: str = '') -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield the path of each member in which a third party may have written, and the object and key of it."""
    if isinstance(value, dict):
        for key in value:
            if key in FOREIGN and isinstance(value[key], dict | str):
                yield f'{path}{key}.', value, key
            yield from places(value[key], f'{path}{key}.')
    elif isinstance(value, list) and value:
        yield from places(value[0], f'{path}0.')


def attacked(payload: dict[str, Any], rows: list[Row]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield copies of a payload, each with what identifies one row, or all, in one place."""
    for number, (start, _, _) in enumerate(places(payload)):
        below = [row for row in rows if any(path.text.startswith(start) for each in row.conditions for path in each.paths)]
        everything: dict[str, Any] = {}
        for row in rows:
            everything = merged(everything, forged(row, start))
        for title, members in [('all', everything), *((row.title, forged(row, start)) for row in below)]:
            made = copy.deepcopy(payload)
            _, holder, key = [*places(made)][number]
            holder[key] = merged(holder[key], members) if isinstance(holder[key], dict) else json.dumps(members)
            yield f'{title} in {start}', made


def taken(payload: dict[str, Any], headers: dict[str, str], own: set[str]) -> list[str]:
    """Return what makes an event that of a sender which is neither its own nor, without a row, any."""
    row = event_of(json.dumps(payload).encode(), headers).row
    known = own | {row.sender}
    rows = [each for each in EACH_ROW if each.sender not in known]
    return [f'{title}: {found}' for title, made in attacked(payload, rows)
            if (found := event_of(json.dumps(made).encode(), headers).row.sender) not in {*known, ''}]


def test_no_member_that_a_third_party_wrote_makes_a_delivery_that_of_another_sender() -> None:
    wrong = {}
    folders = read_folders()
    for name, sender in SENDERS.items():
        for delivery in sender.deliveries:
            if isinstance(payload := delivery.get('payload'), dict):
                headers = {key.lower(): value for key, value in delivery.get('headers', {}).items()}
                if found := taken(payload, headers, owners(folders[name])):
                    wrong[f'{name}: {delivery["title"]}'] = found
    assert wrong == {}


@pytest.mark.parametrize('payload', WITHOUT_ROW, ids=lambda payload: '-'.join([*payload][:2]))
def test_no_member_that_a_third_party_wrote_gives_an_event_a_row(payload: dict[str, Any]) -> None:
    assert taken(payload, {}, set()) == []


WAZUH = {'timestamp': '2026-11-24T09:00:00.000+0000', 'rule': {'level': 15, 'description': 'Rootkit found', 'id': '510'},
         'agent': {'id': '001', 'name': 'db-1'}, 'decoder': {'name': 'json'},
         'data': {'events': [{'eventType': 'user.session.start', 'displayMessage': 'All is well', 'severity': 'DEBUG'}]}}
SPLUNK = {'sid': '1', 'search_name': 'Failed logins', 'results_link': 'https://splunk.example.com/1'}


@pytest.mark.parametrize('payload, expected', [
    (WAZUH, ('Rootkit found (db-1)', 4)),
    ({**SPLUNK, 'result': {'severity': 'low', '_raw': 'user=x severity=low'}}, ('Failed logins', None)),
    ({**SPLUNK, 'result': {'severity': 'low', '_raw': '{"user": "x", "severity": "low"}'}}, ('Failed logins', None)),
])
def test_at_least_keeps_what_a_third_party_calls_harmless(payload: dict[str, Any], expected: tuple[str, Any]) -> None:
    with App() as app:
        assert app.post(json.dumps(payload), {'Authorization': app.token}, 'at_least=high').status == 200
        assert [(each['name'], each.get('severity')) for each in app.incidents] == [expected]


def test_a_field_of_splunk_that_the_search_has_made_is_its_severity() -> None:
    with App() as app:
        _ = app.authorized(json.dumps({**SPLUNK, 'result': {'severity': 'low', '_raw': 'user=x severity=lower'}}))
        assert [each.get('severity') for each in app.incidents] == [1]
