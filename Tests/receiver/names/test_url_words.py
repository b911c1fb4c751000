"""The words of a sender's URL: what they find, what beats what, each mistake and each trap."""
from __future__ import annotations

import gc
import json
import re
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

import patient
import pytest
from shared.app import App, defaults_of
from clocks import cpu_seconds, grows_linearly, wait_for
from GenericWebhook import (MAX_EVENT_VALUES, MAX_KEPT_QUERY, NO_WORDS, Settings, Tokens, hash_of, kept_query,
                            read_query, read_words, shown_token, to_incidents, url_words)
from shared.webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets

RESOLVED = {'type': 'state', 'value': 'resolved'}
EVENT: dict[str, Any] = {'evt': {'what': 'Disk full', 'where': 'db-1', 'state': 'open', 'n': 0}, 'prio': 'high', 'ref': 4711}
BAD_NAME = 'open'  # what the general rule makes of it
CUT_GROUP: dict[str, Any] = {  # of Alertmanager, which sent one of six alerts
    'receiver': 'xsoar', 'status': 'firing', 'groupLabels': {}, 'commonLabels': {}, 'commonAnnotations': {}, 'truncatedAlerts': 5,
    'alerts': [{'status': 'resolved', 'labels': {'alertname': 'DiskFull', 'severity': 'low'}, 'annotations': {}}]}
MANY = {f'k{number}': number for number in range(1000)}
NAMES = {'critical': 4, 'high': 3, 'medium': 2, 'low': 1, 'informational': 0.5}


class Sent(NamedTuple):
    incidents: list[dict[str, Any]]
    note: str  # the header X-Webhook-Note, or ''

    @property
    def only(self) -> dict[str, Any]:
        [incident] = self.incidents
        return incident


def encoded(query: dict[str, str]) -> str:
    return '&'.join(f'{quote(name, safe="")}={quote(value, safe="")}' for name, value in query.items())


def send(to: App | Webhook, query: dict[str, str] | str, payload: Any = EVENT, **headers: str) -> Sent:
    """Post a payload to a URL with this query, which is encoded first if it is a dict: to the app, or through a socket."""
    text = query if isinstance(query, str) else encoded(query)
    body = payload if isinstance(payload, str) else json.dumps(payload)
    named = {'Authorization': TOKEN, **{name.replace('_', '-'): value for name, value in headers.items()}}
    if isinstance(to, App):
        answer = to.post(body, named, text)
        status, note = answer.status, answer.headers.get('x-webhook-note', '')
        incidents = [{'labels': [], 'severity': 0, **each} for each in answer.json]  # as the server has it
    else:
        response = patient.post(f'{to.webhook_url}?{text}', body, headers=named)
        status, note, incidents = response.status_code, response.headers.get('X-Webhook-Note', ''), response.json()
    assert status == 200, incidents
    assert len(note) <= 500 and note.isascii() and (note == '' or note.isprintable())
    return Sent(incidents, note)


@pytest.mark.parametrize(('name', 'payload', 'expected'), [
    ('evt.what,evt.where', EVENT, 'Disk full: db-1'), ('evt.what , evt.where', EVENT, 'Disk full: db-1'),
    ('evt.none|evt.what', EVENT, 'Disk full'), ('evt.none,evt.where', EVENT, 'db-1'), ('evt.n,evt.what', EVENT, '0: Disk full'),
    ("evt.what,'on',evt.where", EVENT, 'Disk full: on: db-1'), ("'a, b|c',evt.what", EVENT, 'a, b|c: Disk full'),
    ("evt.none|'Unknown',evt.where", EVENT, 'Unknown: db-1'), ('a,b,a', {'a': 'x', 'b': 'x'}, 'x'),
    ('n', {'n': 'error'}, 'error'),
    ('n', '{"n": 1.50}', '1.50'), ('n', {'n': 'x' * 200}, 'x' * 149 + '…'), ('n', {'n': ' a\n\tb\u0007 '}, 'a b'),
    ("'a.*.b',n", {'n': 'x'}, 'a.*.b: x'), ('l.0.m.0.t', {'l': [{'m': [{'t': 'Disk'}] * 4}] * 2}, 'Disk (+3 more)'),
    ('items.0.t,h', {'items': [{'t': 'Disk'}] * 4, 'h': 'db-1'}, 'Disk: db-1 (+3 more)'),
    ('items.0.t', f'{{"items": [{{"t": "Disk"}}, 2, {"9" * 5000}]}}', 'Disk (+2 more)'),  # the last one is not read
    ('a.b', {'a.b': 'dotted', 'a': {'b': 'nested'}}, 'dotted'),
    ('n', {'n': 'Changed <a href="https://x/y">owner</a> of <b class="z">db-1</b>'}, 'Changed owner of db-1'),
    ('a,b,c', {'a': '<br>', 'b': '<p>x</p>', 'c': 'x'}, 'x'), ('n', {'n': '<alice> is in'}, '<alice> is in'),
    ('n', {'n': 'x $$## y'}, 'x $ $## y'), ('title', {'title': 'Eins & zwei = drei'}, 'Eins & zwei = drei'),
])
def test_a_name_is_made_of_the_texts_of_its_parts(app: App, name: str, payload: Any, expected: str) -> None:
    assert send(app, {'name': name}, payload).only['name'] == expected


@pytest.mark.parametrize('name', ['evt.none', "'Alert'", "'Alert',evt.none", "'db-1',none|'x'", 'evt', 'evt.none,none'])
def test_a_name_of_which_only_constants_are_left_is_that_of_the_general_rule(app: App, name: str) -> None:
    payload = {**EVENT, 'title': 'Backup failed'}
    assert send(app, {'name': name}, payload).only['name'] == 'Backup failed'


def test_a_sender_that_a_row_knows_is_named_by_the_url_and_else_by_its_row(app: App) -> None:
    opsgenie = {'action': 'Create', 'alert': {'message': 'Disk full', 'alertId': 'a-1', 'priority': 'P1', 'team': 'db'}}
    assert send(app, {'name': 'alert.team,alert.message'}, opsgenie).only['name'] == 'db: Disk full'
    incident = send(app, {'name': 'team', 'occurred': 'at', 'severity': 'alert.grade'}, opsgenie).only
    assert (incident['name'], incident['severity'], incident['dbotMirrorId']) == ('Create: Disk full', 4, 'opsgenie:a-1')


@pytest.mark.parametrize(('occurred', 'payload', 'expected'), [
    ('at', {'at': 1795510800, 'time': '2026-11-24T08:00:00Z'}, '2026-11-24T09:00:00Z'),
    ('at', {'at': '2026-11-24T09:00:00+01:00'}, '2026-11-24T09:00:00+01:00'),
    ('a|b', {'b': '2026.11.24 09:00'}, '2026-11-24T09:00:00Z'), ('at', {'at': '16-03-2020 14:25'}, '2020-03-16T14:25:00Z'),
    ('a|b', {'a': 'soon', 'b': 1795510800000}, '2026-11-24T09:00:00Z'),
    ('at', {'at': '3/4/2026 09:00', 'time': '2026-11-24T08:00:00Z'}, '2026-11-24T08:00:00Z'),
    ('@x-sent-at', {'time': '2026-11-24T08:00:00Z'}, '2026-11-24T07:00:00Z')])
def test_a_time_is_read_like_any_other_and_otherwise_looked_for(app: App, occurred: str, payload: Any, expected: str) -> None:
    incident = send(app, {'occurred': occurred}, {'title': 'Disk full', **payload}, X_Sent_At='2026-11-24T07:00:00Z').only
    assert incident['occurred'] == expected


@pytest.mark.parametrize(('severity', 'payload', 'expected'), [
    ('high', {}, 3), ('P2', {}, 3), ('0.5', {}, 0.5), ("'low'", {}, 1), (' high ', {}, 3), ('high', {'severity': 'low'}, 1),
    ('prio', {'prio': 'crit', 'severity': 'low'}, 4), ('prio', {'prio': 4}, None), ('prio', {'severity': 'low'}, 1),
    ("prio|'high'", {}, 3), ("prio|'high'", {'severity': 'low'}, 1), ("prio|'high'", {'prio': 'low'}, 1),
    ('a|b', {'a': '', 'b': 'warn'}, 2),
    ('l.*.s', {'l': [{'s': 'low'}, {'s': 'high'}, {}]}, 3),
    ('score:critical=9,high=7,medium=4', {'score': 8.9}, 3), ('score:critical=9,high=7,medium=4', {'score': 3}, None),
    ('score:critical=9,high=7,medium=4', {'score': '10'}, 4), ('score:low=0,high=7', {'score': -1}, None),
    ('s:low=-5,high=0', {'s': -3}, 1), ('s:critical=1,high=2', {'s': 5}, None), ('s:critical=1,high=2', {'s': 2.0}, 3),
    ('s:critical=1,high=2', '{"s": 1.0}', 4), ('s:high=7', {'s': 8}, None), ('s:high=7', {'s': 7}, 3),
    ('s:high=7|8', {'s': 9}, None), ('s:critical=9.5', {'s': '9.50'}, 4), ('s:critical=9.50', {'s': 9.5}, 4),
    ('s:high=5|6,medium=4', {'s': 9}, 3), ('s:high=5|3,medium=4', {'s': 9}, None), ('s:high=5|3,medium=4', {'s': 3}, 3),
    ('level:critical=fatal|panic,high=err', {'level': 'panic'}, 4),
    ('level:critical=fatal|panic,high=err', {'level': 'error'}, None),
    ("level:critical='a:b, c',high=err", {'level': 'a:b, c'}, 4), ('a:b', {'a:b': 'high'}, 3), ('a:b:high=x', {'a:b': 'x'}, 3),
    ('x:critical=zork', {'x': 'ZORK'}, None), ('x:low=E_foo', {'x': 'foo'}, None), ('x:low=E_foo', {'x': 'E_foo'}, 1),
    ('x:critical=a,high=A', {'x': 'A'}, 3), ('x:low=a b', {'x': 'a_b'}, None), ('x:low=a b', {'x': 'a b'}, 1),
    ('x:high=7', '{"x": 70e-1}', 3), ('x:high=' + '9' * 50, '{"x": %s8}' % ('9' * 49), 3), ('x:high=b', {'x': 'b.0'}, None),
    ('x:high=7', '{"x": 1%s}' % ('0' * 400), None), ('x:low=1,high=7', '{"x": 1%s}' % ('0' * 400), 3),
    ('down:critical=true', {'down': True}, 4), ('down:critical=true,low=false', {'down': False}, 1),
    ('down:critical=1,high=2', {'down': True}, None), ('down:critical=true', {'down': 'true'}, 4),
    ('down:critical=true', {'down': 1}, None), ('down', {'down': True}, None),
    *((f'l.*.s:critical={text}', {'l': [{'s': value} for value in values]}, 4)
      for text in ('true', '1') for values in ([1, True], [True, 1], [1, True, 1.0])),
    ("s|'low':high=7", {'s': 1}, 1), ('@x-level', {}, 2),
])
def test_a_severity_is_a_default_or_is_found_in_the_event(app: App, severity: str, payload: Any, expected: Any) -> None:
    body = payload if isinstance(payload, str) else {'title': 'Disk full', **payload}
    assert send(app, {'severity': severity}, body, X_Level='warn').only['severity'] == (expected or 0)


@pytest.mark.parametrize(('problem', 'payload', 'key'), [
    ('backup:ref', {'ref': 4711}, 'backup:4711'), ('b:a,c', {'a': 'x', 'c': 7}, 'b:x/7'), (' b : a | c ', {'c': 'x'}, 'b:x'),
    ('B_1-x:a', {'a': 'x.y:z@w'}, 'B_1-x:x.y:z@w'), ('b:l.*.id', {'l': [{'id': 'x'}]}, 'b:x'),
    ('b:l.0.id', {'l': [{'id': 'x'}]}, 'b:x'),
    ('b:host: a', {'host: a': 'x', 'a': 'https://y/'}, 'b:x'),
    ('b:@x-ref', {}, 'b:abc'), ('b:a', {'a': 'x' * 300}, 'b:4bea428154f2f50757761cd9f0789eb7'),
])
def test_a_problem_has_the_key_that_the_url_makes(app: App, problem: str, payload: Any, key: str) -> None:
    incident = send(app, {'problem': problem}, {'title': 'Disk full', **payload}, X_Ref='abc').only
    assert incident['labels'] == [{'type': 'problem', 'value': incident['dbotMirrorId']}]
    assert incident['dbotMirrorId'] == f'url/{key}'


# What senders and their templates write where they have no value.
WORDS_FOR_NONE = [
    'null', 'none', 'nil', 'undefined', 'n/a', 'NA', 'N.A.', 'n.a', 'unknown', '*unknown*', 'unset', ' Unset ', 'Not set',
    'no value', 'NaN', 'Infinity', '-Infinity', 'true', 'False', '-', '$(id)', '$(id-4711)',
    '---', '0', ' ', '<no value>', '<nil>', '%!s(<nil>)', '%!d(MISSING)', '(null)', '(No subject)', '[object Object]', '[]', '{}',
    '{ }', '<>', '[[a]]', '$ID', '${id-4711}', '{{id}}', '{{ id4711 }}', '{PID}', '%id%', '%{id}',
    '00000000-0000-0000-0000-000000000000', '{00000000-0000-0000-0000-000000000000}']
PUNCTUATION = ['?', '/', '...', '"_"', '→', '//']
IDS = ['{5F2504E0-4F89-11D3-9A0C-0305E82C3301}', '00000000-0000-0000-0000-000000000001', '<a1b2@mail.example>', '<a@b>',
       '[4711]', '(1)', '%5%', '$(a) or $(b)', 'nota', 'not set up', 'no value 1', 'infinity-1', 'x?',
       '[PROD] Disk full [web]', '<a> disk <b>', '(a) or (b)', '名前', 'é', '٣', 'none of them', 'untrue', '0.0', '%!s(int=7)']


@pytest.mark.parametrize('value', [None, '', 0, True, False, 1.5, 'x' * 301, 'x' * 300_000, [], ['x'], {}, {'id': 1},
                                   *WORDS_FOR_NONE])
def test_what_identifies_nothing_gives_no_key(app: App, value: Any) -> None:
    incident, note = send(app, {'problem': 'b:ref,id'}, {'title': 'Disk full', 'ref': 'x', 'id': value})
    assert 'dbotMirrorId' not in incident[0] and incident[0]['labels'] == []
    assert note.startswith('problem')


def keys_of(values: list[str], problem: str, beside: str = '') -> list[str]:
    """Return the problem keys of events with these values at `id`: '' for none."""
    with App() as app:
        for number, value in enumerate(values):
            event = {'title': f'Disk {number} full', 'id': value, 'box': beside}
            app.post(json.dumps(event), {'Authorization': TOKEN}, encoded({'problem': problem}))
        return [incident.get('dbotMirrorId', '') for incident in app.incidents]


def test_a_single_value_is_an_id_unless_it_stands_for_none_or_is_punctuation_alone() -> None:
    assert keys_of([*WORDS_FOR_NONE, *PUNCTUATION], 'b:id') == [''] * len(WORDS_FOR_NONE + PUNCTUATION)
    keys = keys_of(IDS, 'b:id')
    assert '' not in keys
    assert len(set(keys)) == len(IDS)


def test_punctuation_is_an_id_beside_another_part() -> None:
    assert keys_of(['/', '/srv', '?'], 'b:box,id', beside='db-1') == [
        f'url/b:{key}' for key in (hash_of(['db-1', '/']), hash_of(['db-1', '/srv']), hash_of(['db-1', '?']))]


@pytest.mark.parametrize('path', ['l.*.id', 'l.0.id'])
def test_one_of_several_items_gives_no_key(app: App, path: str) -> None:
    assert 'dbotMirrorId' not in send(app, {'problem': f'b:{path}'}, {'title': 'x', 'l': [{'id': 'a'}, {'id': 'b'}]}).only


def test_no_two_lists_of_values_have_one_key(app: App) -> None:
    values: list[tuple[str, ...]] = [
        (hash_of(['a/b']),), ('a/b',), ('a', 'b'), ('a/b', 'c'), ('a', 'b/c'), ('["a", "b"]1',), ('a b',), ('a', ' b'),
        ('a,b',), ('/a',), ('a', '/')]
    payloads = [{f'k{number}': value for number, value in enumerate(each)} for each in values]
    keys = [send(app, {'problem': f'b:{",".join(each)}'}, {'title': 'x', **each}).only['dbotMirrorId'] for each in payloads]
    assert len(set(keys)) == len(values)
    assert keys[2] == 'url/b:a/b'


def test_the_keys_of_the_url_replace_those_of_the_row_even_where_they_find_none(app: App) -> None:
    opsgenie = {'action': 'Close', 'alert': {'message': 'Disk full', 'alertId': 'a-1', 'host': 'db-1'}}
    assert send(app, {'problem': 'h:alert.host'}, opsgenie).only['dbotMirrorId'] == 'url/h:db-1'
    assert 'dbotMirrorId' not in send(app, {'problem': 'h:alert.site'}, opsgenie).only
    assert send(app, {'problem': 'h'}, opsgenie).only['dbotMirrorId'] == 'opsgenie:a-1', 'it cannot be read'
    assert RESOLVED in send(app, '', opsgenie).only['labels']
    assert RESOLVED not in send(app, {'resolved': 'action=Done'}, opsgenie).only['labels']
    assert RESOLVED in send(app, {'resolved': '!action=Done'}, opsgenie).only['labels'], 'it cannot be read'


def test_an_end_has_the_lowest_severity_and_the_time_of_the_url_the_row_or_the_general_rule(app: App) -> None:
    query = {'resolved': 'state=closed', 'severity': 'prio', 'problem': 'b:ref'}
    payload = {'title': 'Disk full', 'state': 'closed', 'prio': 'critical', 'ref': 1, 'ended': '2026-11-24T09:00:00Z',
               'time': '2026-11-24T08:00:00Z'}
    end = send(app, query, payload).only
    assert (end['severity'], end['occurred']) == (0.5, '2026-11-24T08:00:00Z')
    assert end['labels'] == [RESOLVED, {'type': 'problem', 'value': 'url/b:1'}]
    assert send(app, {**query, 'occurred': 'ended'}, payload).only['occurred'] == '2026-11-24T09:00:00Z'
    alert = {'status': 'resolved', 'labels': {'alertname': 'x', 'severity': 'critical'}, 'annotations': {}, 'fingerprint': 'f',
             'startsAt': '2026-11-24T07:00:00Z', 'endsAt': '2026-11-24T07:30:00Z'}
    for status, occurred in (('resolved', '2026-11-24T07:30:00Z'), ('firing', '2026-11-24T07:00:00Z')):
        payload = {'alerts': [{**alert, 'status': status}]}
        found = send(app, {'each': 'alerts', 'resolved': 'labels.alertname=x'}, payload).only
        assert (found['severity'], found['occurred']) == (0.5, occurred)


def test_of_an_inner_event_too_the_url_alone_says_whether_it_is_an_end(app: App) -> None:
    alarm = {'AlarmName': 'Disk full', 'AlarmArn': 'arn:aws:cloudwatch:eu-west-1:1:alarm:d', 'NewStateValue': 'OK',
             'OldStateValue': 'ALARM', 'NewStateReason': 'x', 'StateChangeTime': '2026-11-24T07:00:00.000+0000', 'Trigger': {}}
    message = {'Type': 'Notification', 'MessageId': 'm', 'TopicArn': 'arn:aws:sns:eu-west-1:1:t', 'Message': json.dumps(alarm),
               'Timestamp': '2026-11-24T07:00:01.000Z'}
    end = send(app, '', message).only
    assert (end['severity'], RESOLVED in end['labels']) == (0.5, True)
    for query, severity in (({'resolved': 'Type=Other'}, 0), ({'resolved': 'Type=Notification'}, 0.5)):
        found = send(app, query, message).only
        assert (found['severity'], RESOLVED in found['labels']) == (severity, severity > 0)


@pytest.mark.parametrize(('query', 'payload', 'reason'), [
    ({'skip': 'level=info|debug'}, {'level': 'info'}, 'conditions of the URL'),
    ({'skip': 'level=info,env=test'}, {'level': 'info', 'env': 'test'}, 'conditions of the URL'),
    ({'skip': 'ok'}, {'ok': True}, 'conditions of the URL'),
    ({'skip': 'a=x,!b=y'}, {'a': 'x', 'b': 'z'}, 'conditions of the URL'),
    ({'skip': 'l.*.s=ok'}, {'l': [{'s': 'ok'}, {'s': 'ok'}]}, 'conditions of the URL'),
    ({'skip': '@x-env=test'}, {}, 'conditions of the URL'), ({'skip': "a='x,y=z'"}, {'a': 'x,y=z'}, 'conditions of the URL'),
    ({'skip': 'resolved', 'resolved': 'state=closed'}, {'state': 'closed'}, 'resolved'),
    ({'skip': 'resolved,env=test', 'resolved': 'state=closed'}, {'state': 'closed', 'env': 'test'}, 'resolved'),
    ({'skip': '!resolved,env=test', 'resolved': 'state=closed'}, {'state': 'open', 'env': 'test'}, 'conditions of the URL'),
    ({'skip': 'env=test', 'resolved': 'state=closed'}, {'state': 'closed', 'env': 'test'}, 'conditions of the URL'),
    ({'skip': 'resolved=true'}, {'resolved': True}, 'conditions of the URL'),
    ({'skip': 'resolved|a=x'}, {'a': 'x'}, 'conditions of the URL'),
    ({'at_least': 'medium'}, {'severity': 'low'}, 'severity low'),
    ({'at_least': '2'}, {'severity': 'info'}, 'severity informational'),
    ({'at_least': 'high'}, {'severity': 'low', 'event': {'severity': {}}, 'issue': {'severity': []}}, 'severity low'),
    ({'at_least': 'high'}, {'severity': 'low', 'alerts': [{'severity': 'medium'}, {'x': 1}], 'tags': ['x']}, 'severity low'),
    ({'at_least': 'high'}, {**CUT_GROUP, 'truncatedAlerts': 0}, 'severity low'),
    ({'skip': 'receiver=xsoar'}, CUT_GROUP, 'conditions of the URL'),
    ({'at_least': 'high', 'severity': 'prio'}, {'prio': 'medium'}, 'severity medium'),
    ({'at_least': 'high', 'severity': 's:critical=9,low=1'}, {'s': 5}, 'severity low'),
    ({'at_least': 'high', 'severity': 'l.*.s'}, {'l': [{'s': 'low'}, {'s': 'medium'}]}, 'severity medium'),
    ({'at_least': 'high', 'severity': 'l.*.s:high=true,low=false'}, {'l': [{'s': False}] * 2}, 'severity low'),
    ({'at_least': 'high', 'severity': 'alert.priority'}, {'action': 'Create', 'alert': {'message': 'x', 'priority': 'P4'}},
     'severity low'),
    *(({'at_least': 'high'}, {'severity': 'low', **others}, 'severity low') for others in (
        {'hosts': [{'severity': 'medium'}, {'Severity': 'low'}], 'data': {'alert': {'severity': 'low'}}},
        {'x': {'severity': None}, 'y': {'severity': ''}, 'z': {'severity': {}}, 'l': {'severity': []}},
        {'previous_severity': 'critical', 'x': {'oldSeverity': 'critical', 'severity_threshold': 'critical'}},
        {'events': [{'severity': 'low'}] * 60, 'alerts': [{'severity': 'low'}] * 40},
        {'priority': 'low', 'x': {'urgency': 'low', 'priority': 'soon'}})),
    *(({'at_least': 'high', 'severity': 'evt.prio'}, {'evt': {'prio': 'low', **beside}}, 'severity low')
      for beside in ({'severity': 'critical'}, {'severity': 'zork'}, {'x': {'severity': 'low'}})),
    ({'at_least': 'high', 'severity': 'l.*.s'}, {'l': [{'s': 'low', 'severity': 'critical'}]}, 'severity low'),
])
def test_what_certainly_meets_the_words_is_left_out(app: App, query: dict[str, str], payload: Any, reason: str) -> None:
    event = {'title': 'Disk full', **payload}
    assert send(app, query, event, X_Env='test').incidents == []
    with App() as app:
        assert app.post(json.dumps(event), {'Authorization': TOKEN, 'X-Env': 'test'}, encoded(query)).text == '[]'
        assert app.outcome == f'skipped: {reason}'


@pytest.mark.parametrize(('query', 'payload'), [
    ({'skip': '!evnt.level=info'}, {'event': {'level': 'critical'}}), ({'skip': 'evnt.level=info'}, {'event': {'level': 'info'}}),
    ({'skip': 'x,!evnt.level=critical'}, {'x': 1, 'event': {'level': 'critical'}}),  # a mistyped key
    ({'skip': 'level=info|debug'}, {'level': 'warn'}), ({'skip': 'level=info|debug'}, {'level': 'INFO'}),
    ({'skip': 'level=info|debug'}, {'level': ['info']}), ({'skip': 'level=info|debug'}, {}),
    ({'skip': 'l.0.s=ok'}, {'l': [{'s': 'ok'}, {'s': 'ok'}]}), ({'skip': 'l.*.s=ok'}, {'l': [{'s': 'ok'}, {'s': 'bad'}]}),
    ({'skip': 'l.*.s=ok'}, {'l': []}), ({'skip': 'l.*.s=ok'}, {'l': [{'s': 'ok'}] * MAX_EVENT_VALUES}),
    *(({'skip': 'ok'}, {'ok': text}) for text in ('0', 'false', 'No', 'off', 'none', 'null', 'N/A', '-')),
    ({'skip': 'a=x'}, {'a': 'x' * 300_000}), ({'skip': 'a=null'}, {'a': None}), ({'skip': 'a=null'}, {'a': 'null'}),
    ({'skip': 'n=1.5'}, {'n': '1.50'}), ({'skip': 'resolved', 'resolved': 'l.*.s=ok'}, {'l': [{'s': 'ok'}, {'s': 'bad'}]}),
    ({'skip': 'resolved'}, {'resolved': True}), ({'skip': 'resolved'}, {'status': 'resolved'}),
    ({'skip': '!resolved,env=test', 'resolved': 'state=closed'}, {'state': 'closed', 'env': 'test', 'resolved': ''}),
    ({'at_least': 'high'}, {}), ({'at_least': 'high', 'severity': 'low'}, {}),  # beside a constant
    ({'at_least': 'high', 'severity': "prio|'low'"}, {}),
    ({'at_least': 'high', 'resolved': 'state=ok'}, {'state': 'ok'}),  # an end
    ({'at_least': 'high', 'resolved': 'state=ok', 'severity': 'prio'}, {'state': 'ok', 'prio': 'low'}),
    ({'at_least': 'high', 'severity': 'prio'}, {'prio': 'none of them'}), ({'at_least': 'high', 'severity': 'prio'}, {'prio': 1}),
    ({'at_least': 'high', 'severity': 'prio'}, {'TopicArn': 'arn', 'Message': '{"severity": "low"}', 'prio': 'none of them'}),
    ({'at_least': 'high', 'severity': 'l.*.s'}, {'l': [{'s': 'low'}, {}]}),
    ({'at_least': 'high', 'severity': 'l.*.s'}, {'l': [{'s': 'low'}, {'s': 'what'}]}),
    ({'at_least': 'high', 'severity': 'l.0.s'}, {'l': [{'s': 'low'}, {'s': 'low'}]}),
    ({'at_least': 'high', 'severity': 'l.*.s'}, {'l': [{'s': 'low'}] * MAX_EVENT_VALUES}),
    ({'at_least': 'high'}, {'action': 'Create', 'alert': {'message': 'x', 'priority': 'P4'}}),  # a row that reads a priority
    ({'at_least': 'high'}, {'priority': 'low'}), ({'at_least': 'high'}, {'urgency': 'low'}),
    ({'at_least': 'unknown'}, {'severity': 'low'}), ({'at_least': 'medium'}, {'severity': 'medium'}),
    ({'at_least': 'high'}, {'severity': 'low', 'alert': {'severity': 3, 'severityName': 'low'}}),
    ({'at_least': 'high'}, {'severity': 'low', 'alert': {'severity': 'low', 'x_severity': 'catastrophic'}}),
    ({'at_least': 'high'}, {'severity': 'low', 'alert': {'severity': 'critical'}}),  # not one severity, and not all are lower
    ({'at_least': 'high'}, {'alert': {'severity': 'low'}, 'event': {'severity': 'critical'}}),
    ({'at_least': 'high'}, {'severity': 'low', 'alerts': [{'severity': 'critical'}]}),
    *(({'at_least': 'high'}, {'severity': 'low', 'alerts': [{'x': 1}, {key: 'critical'}]})
      for key in ('severityLabel', 'severity_name', 'criticality')),
    ({'at_least': 'high'}, {'severity': 'low', 'alert': [{'severity': 'low'}, {'alertSeverity': 'critical'}]}),
    ({'at_least': 'high'}, {'severity': 'low', 'alert': {'severity': 'SEV-1'}}),
    ({'at_least': 'high'}, {'TopicArn': 'arn', 'Message': '{"severity": "low", "alerts": [{"severity": "critical"}]}'}),
    ({'at_least': 'high'}, {'severity': 'SEV-1', 'alert': {'severity': 'low'}}),
    ({'at_least': 'high'}, CUT_GROUP), ({'at_least': 'high'}, {**CUT_GROUP, 'commonLabels': {'severity': 'low'}}),
    ({'at_least': 'high', 'severity': 'alerts.*.labels.severity'}, CUT_GROUP),
    ({'skip': 'alerts.*.labels.severity=low'}, CUT_GROUP), ({'skip': 'alerts.0.labels.severity=low'}, CUT_GROUP),
    ({'skip': 'resolved', 'resolved': 'alerts.*.status=resolved'}, CUT_GROUP),
    ({'at_least': 'high'}, {'severity': 'low', 'events': ['x', {'severity': 'critical'}]}),
    ({'at_least': 'high'}, {'severity': 'low', 'events': [{'severity': 'low'}] * MAX_EVENT_VALUES}),
])
def test_what_is_in_doubt_is_created(app: App, query: dict[str, str], payload: Any) -> None:
    assert len(send(app, query, {'title': 'Disk full', **payload}).incidents) == 1


@pytest.mark.parametrize(('query', 'body', 'names'), [
    ('at_least=high', '<a><severity>low</severity><title>Disk full</title><b><severity>high</severity></b></a>', ['Disk full']),
    ('at_least=high', '<13>Nov 24 10:00:00 fw1 app: {"title": "Disk full", "severity": "low", "b": {"severity": "critical"}}',
     ['Disk full']),
    ('at_least=high', '<a><severity>low</severity><title>Disk full</title></a>', []),
    ('at_least=high', f'{{"title": "Disk full", "severity": "low", "x": {"9" * 5000}}}', ['Disk full']),  # x is not read
    ('name=title,n', '{"title": "Disk full", "n": -0}', ['Disk full: -0']),
])
def test_what_a_text_says_counts_like_what_json_says_and_a_number_as_it_was_sent(
        app: App, query: str, body: str, names: list[str]) -> None:
    app.post(body, {'Content-Type': 'text/plain', 'Authorization': TOKEN}, query)
    assert [incident['name'] for incident in app.incidents] == names


@pytest.mark.parametrize(('severity', 'payload'), [
    # beyond the first keys, in other objects and lists, and deeper
    ('', {'alert': {'severity': 'low'}, **dict(islice(MANY.items(), 199)), 'severity': 'critical'}),
    ('', {'severity': 'low', 'hosts': [{'severity': 'critical'}]}),
    ('', {'data': {'severity': 'low', 'alert': {'severity': 'critical'}}}),
    ('', {'severity': 'low', 'a': {'b': [{'c': {'d': {'alertSeverity': 'critical'}}}]}}),
    ('', {'severity': 'low', 'x': [['a', {'severity': 'critical'}]]}),
    ('', {'severity': 'low', 'x': {**MANY, 'severity': 'critical'}}),
    ('', {'severity': 'low', 'x': [*[{'a': 1}] * 1500, {'severity': 'critical'}]}),
    # unreadable
    ('', {'severity': 'low', 'x': {'severity': 'SEV-1'}}), ('', {'severity': 'low', 'x': {'severity': True}}),
    ('', {'severity': 'low', 'x': {'severity': 3}}), ('', {'severity': 'low', 'x': {'severity': 'y' * 300_000}}),
    # more urgent
    ('', {'severity': 'low', 'priority': 'critical'}), ('', {'severity': 'low', 'x': {'urgency': 'critical'}}),
    # elsewhere than where the URL or a row reads it
    ('prio', {'prio': 'low', 'x': {'severity': 'critical'}}), ('prio', {'prio': 'low', 'x': {'severity': 'SEV-1'}}),
    ('evt.prio', {'evt': {'prio': 'low'}, 'severity': 'critical'}),
    ('evt.prio', {'evt': {'prio': 'low', 'x': {'severity': 'critical'}}}),
    ('l.*.s', {'l': [{'s': 'low', 'x': {'severity': 'critical'}}]}),
    ('', {'rule': {'description': 'x', 'level': 3}, 'agent': {'name': 'db-1'}, 'data': {'vuln': {'severity': 'critical'}}}),
])
def test_no_event_is_left_out_that_has_a_graver_or_an_unreadable_severity_anywhere(app: App, severity: str, payload: Any) -> None:
    query = {'at_least': 'high', 'severity': severity}
    assert len(send(app, query, {'title': 'Disk full', **payload}).incidents) == 1


def random_tree(random: Random, depth: int) -> Any:
    """Return an object, a list or a text; a key of an object may mean a severity."""
    kind = random.choice(['object', 'object', 'list', 'text']) if depth else 'text'
    if kind == 'text':
        return random.choice(['low', 'medium', 'x'])
    inside = [random_tree(random, depth - 1) for _ in range(random.choice([0, 1, 2, 3]))]
    severity = random.choice(['low', 'medium', 'info', '', None, *(['critical', 'SEV-1'] if random.random() < 0.3 else [])])
    key = random.choice(['severity', 'alertSeverity', 'criticality'])
    return inside if kind == 'list' else {**dict(zip('abc', inside, strict=False)), key: severity}


def severities_in(tree: Any) -> Iterator[Any]:
    """Yield all that is at a key that means a severity, at any depth."""
    if isinstance(tree, dict):
        yield from (value for key, value in tree.items() if key in ('severity', 'alertSeverity', 'criticality'))
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from severities_in(inner)


def test_of_random_events_those_are_left_out_in_which_every_severity_is_lower() -> None:
    random = Random(48)
    for number in range(300):
        event = {'title': 'Disk full', 'severity': 'low', 'alert': random_tree(random, 4), 'hosts': random_tree(random, 4)}
        is_lower = {'critical', 'SEV-1'}.isdisjoint(severities_in(event))
        with App() as app:
            app.post(json.dumps(event), {'Authorization': TOKEN}, 'at_least=high')
        assert app.incidents == [] if is_lower else len(app.incidents) == 1, (number, event)


def test_items_are_left_out_one_by_one_and_count_among_the_events_of_a_request(app: App) -> None:
    items = [{'title': f'Disk {number} full', 'level': level} for number, level in enumerate(['info', 'warn', 'debug', 'error'])]
    query = {'each': 'l', 'skip': 'level=info|debug', 'name': 'level,title'}
    assert [each['name'] for each in send(app, query, {'l': items}).incidents] == ['warn: Disk 1 full', 'error: Disk 3 full']
    many = json.dumps({'l': [{'level': 'info'}] * 1001})
    with App() as app:
        assert app.post(many, {'Authorization': TOKEN}, encoded(query)).status == 413


@pytest.mark.parametrize('items', [None, [], 'x', [1], [{'s': 'low', 'level': 'info'}, 1], {}])
def test_where_each_finds_no_items_only_type_and_a_constant_severity_apply(app: App, items: Any) -> None:
    payload = {'title': 'Disk full', 'level': 'info', 'severity': '', 'prio': 'low', 'box': 'db-1', 'l': items}
    query = {'each': 'l', 'skip': 'level=info', 'at_least': 'critical', 'name': 'box', 'problem': 'b:box', 'occurred': 'at',
             'resolved': 'level=info', 'severity': "prio|'high'", 'type': 'Phishing'}
    incident, note = send(app, query, payload)
    assert (incident[0]['name'], incident[0]['type'], incident[0]['severity']) == ('Disk full', 'Phishing', 3)
    assert 'dbotMirrorId' not in incident[0] and incident[0]['labels'] == []
    assert note == ('' if items == [] else 'each: the path leads to no list of objects')
    assert send(app, {**query, 'skip': ''}, [payload, {'l': [{'box': 'x'}]}]).note == '; '.join(
        f'{word}, part 1: no event has a value at this path' for word in ('occurred', 'severity', 'resolved'))


def test_an_envelope_has_its_own_fields(app: App) -> None:
    query = {'name': 'raw_json.a', 'occurred': 'raw_json.a', 'problem': 'b:raw_json.a', 'resolved': 'raw_json',
             'skip': 'raw_json', 'at_least': 'critical', 'severity': 'low', 'type': 'Phishing'}
    for payload in ({'raw_json': {'a': 'x'}}, {'name': 'x'}, {}):
        incident, note = send(app, query, payload)
        own = (incident[0]['name'], incident[0]['type'], incident[0]['severity'])
        assert own == (payload.get('name', 'Generic Webhook incident'), 'Phishing', 1)
        assert 'dbotMirrorId' not in incident[0] and incident[0]['labels'] == []
        assert note == ''
    assert send(app, {'severity': 'raw_json.a'}, {'raw_json': {'a': 'high'}}).only['severity'] == 0


@pytest.mark.parametrize(('header', 'value'), [
    ('Authorization', TOKEN), ('Cookie', 'hush'), ('X-Api-Key', 'hush'), ('X-Acme-Token', 'hush'), ('X-Note', f'a {TOKEN} b'),
    ('X-Hub-Signature-256', 'hush'), ('X-Large', 'hush' * 2500), ('X-Request-URI', '/hush'), ('X-Named', 'hush')])
def test_no_word_shows_a_header_that_the_incident_does_not_keep(app: App, header: str, value: str) -> None:
    path = f'@{header.lower()}'
    query = {'name': path, 'problem': f'b:{path}', 'skip': path, 'severity': 'high'}
    named = {header: value, **({'Connection': 'X-Named'} if header == 'X-Named' else {})}
    with App() as app:
        app.post(json.dumps(EVENT), {**named, **({} if header == 'Authorization' else {'X-Proof': TOKEN})}, encoded(query))
        [incident] = app.incidents
    assert 'hush' not in json.dumps(incident) and TOKEN not in json.dumps(incident)
    assert 'dbotMirrorId' not in incident and incident['name'] == BAD_NAME


@pytest.mark.parametrize(('token', 'query', 'expected'), [('tok', '@x-proof,@x-env', 'prod'), ('first second', 'a,b', 'x')])
def test_a_short_token_and_one_that_only_a_tag_divides_are_in_no_name(token: str, query: str, expected: str) -> None:
    with App(token=token) as app:
        event = {**EVENT, 'a': 'the first<br>second', 'b': 'x'}
        app.post(json.dumps(event), {'X-Proof': token, 'X-Env': 'prod'}, encoded({'name': query}))
    assert app.incidents[0]['name'] == expected
    assert 'x-env' in (headers := json.loads(app.incidents[0]['rawJSON'])['headers']) and 'x-proof' not in headers


MISTAKES = [
    ({'name': 'a,'}, 'name, part 2: a path is empty (ignored)'), ({'name': 'a.*.b'}, 'name, part 1: only one value'),
    ({'name': 'a.*'}, 'name, part 1: a path has several *'), ({'name': 'a|'}, 'name, part 1: a path is empty'),
    ({'name': "'a"}, 'name: a quote is missing'), ({'name': '!a'}, 'name, part 1: a path begins with a !'),
    ({'name': '.'.join('a' * 17)}, 'name, part 1: a path has more than 16 keys or 512 characters (ignored)'),
    ({'name': '.'.join('a' * 16)}, 'no event has a value at this path'),
    ({'name': 'a' * 513}, 'a path has more than 16 keys or 512 characters'),
    ({'name': 'a' * 512}, 'no event has a value at this path'),
    ({'each': f'{"a" * 256}.{"b" * 256}'}, 'each, part 1: a path has more than 16 keys or 512 characters (ignored)'),
    ({'name': ','.join('abcdefghi')}, 'more than 8 parts'),
    ({'name': 'a|b|c|d|e'}, 'more than 4 alternatives'), ('name=%FF', 'not valid UTF-8'),
    ({'name': 'a..b'}, 'a dot without a key'),
    ({'occurred': 'a,b'}, 'occurred, part 2: only one part is allowed'),
    ({'occurred': 'a.*.b'}, 'occurred, part 1: only one value'),
    ({'severity': 'a,b'}, 'severity, part 2: only one part is allowed'),
    ({'severity': "a|'x'"}, 'severity, part 1: a text in quotes is not the last alternative, or is no severity'),
    ({'severity': "'high'|a"}, 'severity, part 1: a text in quotes is not the last alternative, or is no severity'),
    ({'severity': "a,b:high='7"}, 'severity: a quote is missing'),
    ({'each': 'a|l'}, 'each, part 1: only one path can be used here'),
    ({'each': "'l'"}, 'each, part 1: only one path can be used here'),
    ({'severity': 'a:high=7,high=8'}, 'severity: a scale has a severity twice'),
    ({'severity': 'a:high=7,low=7'}, 'or has a value twice'),
    ({'severity': 'a:high=7,low=7.0'}, 'or has a value twice'),
    ({'severity': 'a:high=7,low=x'}, 'a scale mixes numbers with texts'),
    ({'severity': 'a:high=x,low=x'}, 'or has a value twice'), ({'severity': 'a:severe=7'}, 'a part of a scale is'),
    ({'severity': 'a:unknown=7'}, 'a part of a scale is'), ({'severity': 'a:none=7,high=8'}, 'a part of a scale is'),
    ({'severity': 'a:high=7,low'}, 'a part of a scale is'),
    ({'severity': 'a:high=' + '|'.join(map(str, range(17)))}, 'more than 16'),
    ({'severity': ':high=7'}, 'severity, part 1: a path is empty'), ({'severity': 'a:high=7|'}, 'a text is empty'),
    ({'problem': 'ref'}, 'problem: it does not begin with a prefix'), ({'problem': ':ref'}, 'a prefix of 1 to 40'),
    ({'problem': 'x' * 41 + ':ref'}, 'a prefix of 1 to 40'), ({'problem': 'ä:ref'}, 'a prefix of 1 to 40'),
    ({'problem': 'b:'}, 'a path is empty'), ({'problem': "b:ref,'x'"}, 'problem: a text in quotes identifies no problem'),
    ({'problem': "b:ref|'x'"}, 'problem: a text in quotes identifies no problem'),
    ({'resolved': '!a=b'}, 'resolved, part 1: only negated conditions'), ({'resolved': 'a=b=c'}, 'must be quoted'),
    ({'resolved': 'a='}, 'a text is empty'), ({'resolved': 'a=b|'}, 'a text is empty'), ({'resolved': '=b'}, 'a path is empty'),
    ({'skip': '!resolved'}, 'only negated conditions'), ({'skip': 'a.*.b.*.c=d'}, 'a path has several *'),
    ({'skip': ','.join(['a=b'] * 9)}, 'more than 8 parts'), ({'skip': 'a=b|c|d|e|f'}, 'more than 4 alternatives'),
    ({'at_least': 'urgent'}, "at_least: it is not a word or number of XSOAR's scale (ignored)"),
    ({'at_least': 'prio'}, 'at_least: '),
    ({'each': 'nowhere'}, 'each: the path leads to no list of objects'),
    ({'name': 'nowhere'}, 'name, part 1: no event has a value at this path'),
    ({'name': 'evt'}, 'name: no event has a text there'), ({'occurred': 'prio'}, 'occurred: no value is a time that can be read'),
    ({'severity': 'ref'}, 'severity: no value is on the scale'),
    ({'severity': 'urgent'}, 'severity, part 1: no event has a value at this path'),
    ({'problem': 'b:evt.n'}, 'problem: no value can identify a problem'),
    ({'skip': 'evnt.state=x'}, 'skip, part 1: no event has a value'),
    ({'resolved': 'ref,evnt.state=x'}, 'resolved, part 2: no event has a value at this path'),
    ({'resolved': 'evt.state'}, 'resolved, part 1: any text there meets it (to compare one, write path=text)'),
    ({'nmae': 'x'}, 'name: a parameter with nearly this name was ignored'), ({'nam': 'x'}, 'name: '), ({'naame': 'x'}, 'name: '),
    ({'Name': 'x'}, 'name: '), ({'atleast': 'x'}, 'at_least: '), ({'at-least': 'x'}, 'at_least: '), ({'kip': 'x'}, 'skip: '),
    ({'resovled': 'x'}, 'resolved: '), ({'occurrred': 'x'}, 'occurred: '), ({'eachs': 'x'}, 'each: '),
]


@pytest.mark.parametrize(('query', 'note'), MISTAKES, ids=[str(query)[:50] for query, _ in MISTAKES])
def test_a_mistake_is_named_without_its_text_and_loses_nothing(app: App, query: Any, note: str) -> None:
    sent = send(app, query)
    assert note in sent.note
    assert sent.only['name'] == BAD_NAME


@pytest.mark.parametrize('query', [
    '', 'skip=', 'skip=%20', 'name=&problem=', 'key=x', 'time=x', 'min=x', 'api-version=2', 'nm=x', 'nameXY=x', 'naemed=x',
    'x=name', 'at=x',
    'severity=%27low%27', 'name=evt.what', 'skip=evt.ended', 'resolved=evt.ended_at', 'severity=prio', 'problem=b:ref', 'type=A',
    'severity=high',
    # as much as a word may hold
    f'name={",".join(["evt.what"] * 8)}', 'name=a|b|c|evt.what', f'skip={",".join(["evt.state=x"] * 8)}',
    'skip=evt.state=a|b|c|d', f'severity=prio:high=high|{"|".join("abcdefghijklmno")}', f'problem={"x" * 40}:ref'])
def test_where_nothing_is_wrong_there_is_no_note(app: App, query: str) -> None:
    sent = send(app, query)
    assert (len(sent.incidents), sent.note) == (1, '')


@pytest.mark.parametrize(('query', 'note'), [
    ({'occurred': 'prio'}, 'occurred: no value is a time that can be read'), ({'name': 'evt'}, 'name: no event has a text there'),
    ({'problem': 'b:evt.n'}, 'problem: no value can identify a problem'), ({'severity': 'ref'}, '')])
def test_the_note_says_what_was_not_found_in_an_end_except_of_its_severity_which_nobody_reads(
        app: App, query: dict[str, str], note: str) -> None:
    assert send(app, {**query, 'resolved': 'evt.state=open'}).note == note


MET = 'any text there meets it (to compare one, write path=text)'


@pytest.mark.parametrize(('query', 'payload', 'note'), [
    ({'skip': 'status|ok'}, {'status': 'failed'}, f'skip, part 1: {MET}'),
    ({'skip': 'a=x,status,b'}, {'a': 'x', 'status': 'failed', 'b': 'OK'}, f'skip, parts 2, 3: {MET}'),
    ({'skip': 'muted,!status=ok'}, {'muted': 'Yes', 'status': 'failed'}, ''),
    ({'skip': 'l.*.s'}, {'l': [{'s': 'x'}, {'s': True}]}, f'skip, part 1: {MET}'),
    ({'skip': 'l.*.s'}, {'l': [{'s': 'x'}, {}]}, ''), ({'skip': 'l.0.s'}, {'l': [{'s': 'x'}, {}]}, ''),
    ({'skip': 'x'}, [{'x': True}, {'x': 'yes'}, {'x': 'On'}, {'x': 'no'}, {'x': 1}, {'x': ['y']}, {'x': 'y' * 300_000}], ''),
    ({'skip': 'x'}, [{'x': True}, {'x': 'failed'}], f'skip, part 1: {MET}'),
    ({'skip': '@x-env'}, {'a': 1}, f'skip, part 1: {MET}'), ({'resolved': '!x,a=y'}, {'x': '', 'a': 'y'}, ''),
    ({'resolved': 'status', 'skip': 'resolved'}, {'status': 'failed'}, f'resolved, part 1: {MET}'),
    ({'each': 'l', 'skip': 's'}, {'s': 'x', 'l': [{'s': 'y'}, {}]}, f'skip, part 1: {MET}'),
])
def test_the_note_says_which_bare_paths_any_text_meets(app: App, query: dict[str, str], payload: Any, note: str) -> None:
    assert send(app, query, payload, X_Env='prod').note == note


@pytest.mark.parametrize('query', [
    {'severity': 'prio', 'skip': 'level=info'}, {'name': 'title', 'skip': 'level=info'},
    {'severity': 'prio', 'resolved': 'level=info'}])
def test_no_note_says_of_all_events_what_was_not_looked_for_in_one(app: App, query: dict[str, str]) -> None:
    events = [{'title': 'Disk full', 'prio': 'high', 'level': 'info'}, {'title': '{}', 'prio': 4711, 'level': 'error'}]
    for payloads in (events, events[::-1]):
        assert send(app, query, payloads).note == ''


def test_of_a_word_that_is_there_twice_the_last_counts_but_no_token_replaces_one(app: App) -> None:
    assert send(app, 'name=evt.what&name=evt.where').only['name'] == 'db-1'
    for token in ('token', 'a-long-token-4711', 'a+long-token-4711'):
        for value in (token, f'x-{token}' if len(token) > 8 else token):
            with App(token=token) as app:
                query = f'severity=high&severity={value}&name=evt.where&name={value}&nmae={value}'
                answer = app.post(json.dumps(EVENT), {'Authorization': token}, query)
            assert 'x-webhook-note' not in answer.headers
            assert (app.incidents[0]['severity'], app.incidents[0]['name']) == (3, 'db-1')


@pytest.mark.parametrize('spelling', ['a+b/c d==', 'a%2Bb%2Fc%20d%3D%3D', 'a%2Bb%2Fc+d==', 'a+b%2Fc+d=='])
def test_a_token_is_no_word_in_any_spelling(spelling: str) -> None:
    with App(token='a+b/c d==') as app:
        for word in ('type', 'each', 'name', 'occurred', 'severity', 'problem', 'resolved', 'skip', 'at_least'):
            answer = app.post(json.dumps(EVENT), {'Authorization': app.token}, f'{word}={spelling}')
            assert (answer.status, 'x-webhook-note' in answer.headers) == (200, False)
        assert all('type' not in incident or not incident['type'] for incident in app.incidents)


PROVING, OTHERS, GUESS = 'proving-token-4711', 'another-token-0815', 'another-token-0816'
IN_VALUES = ['{},', "'{}", 'b:{}', 'b:{}|', 'x={}={}', '{}.y', 'x{}', "'{}x',evt.what", 'b:x{}', 'x={}1', 'prio={}|high', '!{}']


@pytest.mark.parametrize('word', ['name', 'each', 'occurred', 'severity', 'problem', 'resolved', 'skip', 'at_least', 'nmae'])
@pytest.mark.parametrize('value', IN_VALUES)
def test_a_word_with_anothers_token_in_it_is_one_like_any_other(word: str, value: str) -> None:
    def answered(token: str) -> list[Any]:
        with App(token=f'{PROVING} || {OTHERS}') as app:
            query = encoded({word: value.replace('{}', token)})
            answer = app.post(json.dumps({**EVENT, 'severity': 'low'}), {'Authorization': PROVING}, query)
        return [app.outcome, answer.headers.get('x-webhook-note'), *(each['severity'] for each in app.incidents)]
    assert answered(OTHERS) == answered(GUESS)


@pytest.mark.parametrize('query', [
    'skip=@x-a', 'skip=!@x-a,prio', 'name=@x-a', 'name=evt.none|@x-a', 'occurred=@x-a', 'severity=@x-a', 'problem=b:@x-a',
    'skip=@x-a=x', 'resolved=@x-a', 'name=@x-a&skip=prio', 'problem=b:@x-a&skip=prio', 'name=none', "name='x',@x-a"])
@pytest.mark.parametrize('value', ['x {}', 'high{}', '2026-11-24T09:00:00Z {}'])
def test_no_repeat_says_whether_a_header_contains_anothers_token(query: str, value: str) -> None:
    """A repeat creates no incident, and has the headers that its sender likes."""
    def answered(token: str) -> list[Any]:
        with App(token=f'{PROVING} || {OTHERS}') as app:
            sent = [app.post(json.dumps(EVENT), {'Authorization': PROVING, 'X-GitHub-Delivery': '1', 'X-A': header}, query)
                    for header in ('x', value.replace('{}', token))]
        assert len(app.incidents) <= 1
        return [app.outcome, *((each.text == '[]', each.headers.get('x-webhook-note')) for each in sent)]
    assert answered(OTHERS) == answered(GUESS)


def test_anothers_token_is_in_no_name_and_no_header_that_is_kept() -> None:
    payload = {'a': f'x {OTHERS}', 'b': 'Disk full', 'title': f'{OTHERS} y'}
    for name in ('a', 'a,b', '@x-a', f"'{OTHERS} x',b"):
        with App(token=f'{PROVING} || {OTHERS}') as app:
            app.post(json.dumps(payload), {'Authorization': PROVING, 'X-A': f'x {OTHERS}', 'X-B': 'y'}, encoded({'name': name}))
        assert OTHERS not in app.incidents[0]['name']
        assert app.details['headers'] == {'host': '127.0.0.1', 'content-length': str(len(json.dumps(payload))), 'x-b': 'y'}


def test_anothers_token_is_in_no_problem_key() -> None:
    with App(token=f'{PROVING} || {OTHERS}') as app:
        app.post(b'{"ref": "r1"}', {'Authorization': PROVING}, f'problem={OTHERS}:ref')
    assert re.fullmatch('url/[0-9a-f]{32}:r1', app.incidents[0]['dbotMirrorId'])


FORMER = 'former-token-4711'


@pytest.mark.parametrize('word', ['name', 'each', 'occurred', 'severity', 'problem', 'resolved', 'skip', 'at_least', 'nmae'])
@pytest.mark.parametrize('value', [FORMER, f'{FORMER},', f"'{FORMER}", f'b:{FORMER}|', f'x={FORMER}={FORMER}',
                                   f'{FORMER}\r\nX-Evil: 1', f'{FORMER}\u2028ä'])
def test_a_value_of_the_query_appears_nowhere(webhook: Webhook, word: str, value: str) -> None:
    before = len(webhook.output)
    sent = send(webhook, {word: value})
    assert FORMER not in sent.note
    assert FORMER not in json.dumps(sent.incidents)
    assert FORMER not in '\n'.join(webhook.output[before:])


def test_the_log_and_the_history_say_what_is_wrong_and_equal_reasons_are_counted(webhook: Webhook) -> None:
    webhook.renew()  # which has logged no reason yet
    before = len(webhook.output)
    for number in range(15):
        send(webhook, {'skip': 'a=b=c', 'name': 'none'}, {'title': f'Disk {number} full'})
    assert send(webhook, {'at_least': 'high', 'skip': 'a='}, {'title': 'Disk full', 'severity': 'low'}).incidents == []
    last = 'The URL of a sender: skip, part 1: a text is empty'
    wait_for(lambda: any(last in line for line in webhook.output[before:]), 'the last line of the log')
    note = 'skip, part 1: a value that contains = must be quoted (ignored); name, part 1: no event has a value at this path'
    assert sum(f'The URL of a sender: {note}' in line for line in webhook.output[before:]) == 10
    webhook.renew()  # what has happened is saved
    command = {'data': '!generic-webhook-deliveries limit="16"'}
    [entry] = patient.post(f'{webhook.url}/entry/execute/sync', json=command).json()
    assert 'skipped: severity low; skip, part 1: a text is empty (ignored)' in entry['contents']
    assert entry['contents'].count(f'; {note}') == 15


def test_a_note_is_never_longer_than_500_characters(app: App) -> None:
    wrong = ','.join(["'"] + ['a'] * 7)
    query = dict.fromkeys(('name', 'occurred', 'severity', 'problem', 'resolved', 'skip', 'at_least'), wrong)
    names = ['nam', 'typ', 'eac', 'ccurred', 'everity', 'roblem', 'esolved', 'kip', 't_least']
    assert len(send(app, query | dict.fromkeys(names, 'x')).note) == 500


def test_parts_that_find_nothing_share_a_note_and_hide_no_word(app: App) -> None:
    dead = {'name': 'a,b,c', 'problem': 'b:ref,x,prio,y', 'skip': 'x=1,y=2,prio=z', 'severity': 'ref'}
    assert send(app, dead).note == (
        'name, parts 1, 2, 3: no event has a value at this path; problem, parts 2, 4: no event has a value at this path; '
        'skip, parts 1, 2: no event has a value at this path; severity: no value is on the scale')


TOO_LARGE = 'part of an event was too large to be read'


@pytest.mark.parametrize(('query', 'payload', 'note'), [
    ({'severity': 'l.*.s'}, {'l': [{'s': 'low'}] * MAX_EVENT_VALUES}, f'severity, part 1: {TOO_LARGE}'),
    ({'severity': 'l.*.s'}, [{'l': [{'s': 'x'}]}, {'l': [{'s': 'low'}] * MAX_EVENT_VALUES}],
     'severity: no value is on the scale'),
    ({'problem': 'b:l.*.s'}, {'l': [{'s': 'low'}] * MAX_EVENT_VALUES}, f'problem, part 1: {TOO_LARGE}'),
    ({'resolved': 'z=1,l.*.s=ok'}, {'z': 1, 'l': [{'s': 'ok'}] * MAX_EVENT_VALUES}, f'resolved, part 2: {TOO_LARGE}'),
    ({'name': 'k7', 'occurred': 'k8', 'skip': 'k9=1'}, {f'k{number}': number for number in range(100_000)},
     f'name, part 1: {TOO_LARGE}; occurred, part 1: {TOO_LARGE}; skip, part 1: {TOO_LARGE}'),
    ({'severity': 'l.*.s'}, [{'l': [{'s': 'low'}] * MAX_EVENT_VALUES}, {'l': [{'s': 'low'}]}], ''),
    ({'severity': 'l.*.s'}, {'l': [{'s': 'low'}] * (MAX_EVENT_VALUES // 5 * 2)}, ''),
    ({'name': 'evt.what,headers.x|none'}, EVENT, 'name, part 2: no event has a value at this path'),
    ({'skip': 'prio,none=x'}, EVENT, f'skip, part 2: no event has a value at this path; skip, part 1: {MET}'),
])
def test_the_note_says_what_was_not_found_or_was_too_large(app: App, query: dict[str, str], payload: Any, note: str) -> None:
    assert send(app, query, payload).note == note


SETTINGS = Settings(8080, Tokens(), None)


def test_a_query_is_read_once_and_a_large_one_is_not_kept() -> None:
    read_words.cache_clear()
    for _ in range(3):
        assert url_words(SETTINGS, [('name', 'a'), ('x', 'y')]) is url_words(SETTINGS, [('name', 'a'), ('x', 'y')])
    assert read_words.cache_info()[:2] == (5, 1)
    for number in range(100):
        url_words(SETTINGS, [('name', f'a{number}')])
    assert read_words.cache_info().currsize == 64
    misses = read_words.cache_info().misses
    url_words(SETTINGS, [('name', 'a' * (MAX_KEPT_QUERY + 1))])
    assert read_words.cache_info().misses == misses
    assert url_words(SETTINGS, [('token', 'a'), ('hub.mode', 'b')]) is NO_WORDS


def test_a_query_shows_its_first_token_and_is_read_without_any() -> None:
    settings = Settings(8080, Tokens('a-token || another'), None)
    first, second = settings.tokens
    many = '&'.join('x' * 101)
    for text, expected in {
            'x=y': (None, 'x=y'), 'x=%61-token': (first, ''), 'a=b&x=another&c': (second, 'a=b&c'),
            'x=another&x=a-token': (first, ''), many: (None, many[:-2])}.items():
        query = read_query(settings.tokens, text)
        assert (shown_token(settings, {}, query), query.without_tokens) == expected
    assert shown_token(settings, {'x-token': 'another'}, read_query(settings.tokens, 'x=a-token')) == first


def test_the_64_queries_that_were_used_last_are_kept_but_no_large_one() -> None:
    tokens = Tokens('a-token || another')

    def is_kept(text: str) -> bool:
        return read_query(tokens, text) is read_query(tokens, text)

    assert is_kept('x=' + 'y' * (MAX_KEPT_QUERY - 2)) and not is_kept('x=' + 'y' * (MAX_KEPT_QUERY - 1))
    assert is_kept('x' * 36 + '&' * 13) and not is_kept('x' * 37 + '&' * 13)
    for number in range(100):
        read_query(tokens, f'x={number}')
    assert kept_query.cache_info().currsize == 64


def calls_of(work: Callable[[], object]) -> int:
    """Return how many functions and iterators, of Python and of C, are called in the work.

    The clock must stand still, so that the work lets no other greenlet run, and nothing is collected that earlier tests left.
    """
    counted = 0

    def count(*_: object) -> None:
        nonlocal counted
        counted += 1

    gc.disable()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return counted


def calls_for_paths(paths: int, items: list[dict[str, str]]) -> int:
    """Return how many calls an event with a list takes at a URL with many different paths into its items."""
    parts = ['|'.join(f'l.*.x{part}{number}' for number in range(4)) for part in range(paths // 4)]
    conditions = ','.join(f'{part}=x' for part in parts)
    query = [('skip', conditions), ('resolved', conditions), ('problem', f'b:{",".join(parts)}'), ('at_least', 'high')]
    payload = json.dumps({'title': 'Disk full', 'l': items}).encode()

    def work() -> None:
        to_incidents([payload], defaults_of({}, words=url_words(SETTINGS, query)))

    work()
    return calls_of(work)


@pytest.mark.parametrize('first', [{}, {f'x{part}{number}': 'y' for part in range(8) for number in range(4)}])
@pytest.mark.usefixtures('clock')
def test_a_further_path_into_a_list_costs_no_look_at_items_without_it(first: dict[str, str]) -> None:
    few, many = ([first, *[{}] * count] for count in (10, 900))
    assert (calls_for_paths(32, many) - calls_for_paths(16, many)
            <= 1.5 * (calls_for_paths(32, few) - calls_for_paths(16, few)))


# What a word costs: before the limits, each of these took seconds


def time_of(query: dict[str, str], body: str) -> float:
    words = url_words(SETTINGS, list(query.items()))
    return cpu_seconds(lambda source: to_incidents([source], defaults_of({}, words=words)), body.encode(), 1)


@pytest.mark.parametrize('value', ['"' + '\u0130' * 80_000 + '"', '9' * 4200], ids=['texts that are slow to lower', 'integers'])
def test_long_values_cost_a_condition_no_more_than_short_ones(value: str) -> None:
    query = {word: ','.join(['a.*.x|a.*.x|a.*.x|a.*.x', *['a.*.x|a.*.x|a.*.x|a.*.x=1|2'] * 7]) for word in ('skip', 'resolved')}
    items = ', '.join([f'{{"x": {value}}}'] * (640_000 // len(value)))
    body = f'{{"a": [{items}]}}'
    assert time_of(query, body) < 20 * time_of({}, body) + 20 * time_of(query, '{"a": [{"x": 1}, {"x": 1}]}')


def test_a_long_path_into_many_items_costs_at_least_no_more_than_the_budget() -> None:
    body = json.dumps({'a': [{'x': 'low'}] * 10_000})
    grows_linearly(lambda keys: {'severity': '|'.join(['a.*.x', *[f'a.*{".0" * keys}'] * 3]), 'at_least': 'high'},
                   lambda words: time_of(words, body), 3)


def test_each_list_on_a_path_inside_an_item_counts_as_a_value(app: App) -> None:
    items: dict[str, Any] = {'a': [{}] * 5000}
    assert 'too large' not in send(app, {'skip': 'a.*.0=1'}, items).note
    assert 'too large' in send(app, {'skip': f'a.*{".0" * 14}=1'}, items).note


@pytest.mark.parametrize('event', [
    {'a': {'b': 'x', **dict.fromkeys(map(str, range(39_000)), 0)}},
    {'TopicArn': 'arn', 'Message': json.dumps({'alerts': [{'title': 'The disk is full'}, *[0] * 39_000]})}])
def test_so_many_events_have_only_as_many_values_as_a_request_may(app: App, event: dict[str, Any]) -> None:
    names = [incident['name'] for incident in send(app, {'name': 'a.b'}, '\n'.join([json.dumps(event)] * 11)).incidents]
    assert [name == names[0] for name in names] == [True] * 10 + [False]


def test_at_least_leaves_out_no_event_with_a_graver_severity_under_a_long_key(app: App) -> None:
    assert send(app, {'at_least': 'high'}, {'severity': 'low', f'{"k" * 40}_severity': 'critical'}).incidents
    assert not send(app, {'at_least': 'high'}, {'severity': 'low', f'{"k" * 40}_severity': 'low'}).incidents
