"""`?each=` in a sender's URL: an incident for each item of an array in its payload."""
from __future__ import annotations

import json
from typing import Any

import pytest
from shared.app import App, defaults_of
from clocks import grows_linearly
from GenericWebhook import MIB, IncidentDefaults, UrlWords, read_payloads, to_incidents
from shared.webhook import TOKEN

ALERTS: dict[str, Any] = {'receiver': 'x', 'alerts': [{'labels': {'alertname': 'A'}, 'n': 1.10}, {'name': 'B', 'type': 't'}, {}]}


def details(app: App, path: str, body: str) -> list[Any]:
    """Post with a path for `each`, and return the details of the incidents."""
    assert app.ask('POST', f'each={path}', body.encode(), {'Authorization': TOKEN}).status == 200
    return [json.loads(incident['rawJSON']) for incident in app.incidents]


def test_each_item_of_the_array_at_the_path_is_a_foreign_payload_of_its_own(app: App) -> None:
    kept = details(app, 'alerts', json.dumps(ALERTS))
    assert [len(call) for call in app.calls] == [3]
    assert [{key: value for key, value in each.items() if key != 'headers'} for each in kept] == ALERTS['alerts']
    assert all('headers' in each for each in kept), 'an item is never an envelope'


def test_a_dotted_path_goes_into_each_event_of_an_array(app: App) -> None:
    body = json.dumps([{'data': {'events': [{'n': 1}, {'n': 2}]}}, {'data': {'events': [{'n': 3}]}}, {'name': 'envelope'}])
    assert [each.get('n') for each in details(app, 'data.events', body)] == [1, 2, 3, None]
    assert app.incidents[-1]['rawJSON'] == '{"name": "envelope"}'


def test_an_item_keeps_its_text_and_stays_json_beside_the_headers(app: App) -> None:
    assert all('headers' in each for each in details(app, 'a', '{"a": [{ }, {"n" : 1.10\n} ]}'))
    assert [incident['rawJSON'].partition('"headers"')[0] for incident in app.incidents] == ['{', '{"n" : 1.10, ']


@pytest.mark.parametrize(('path', 'payload'), [
    ('%20l+', '{"l": [{"n": 1}, {"n": 2}]}'), ('a.b', '{"a.b": [{"n": 1}, {"n": 2}], "a": {"b": [{}]}}'),
    ('a.b', '{"a": "x", "a.b": [{"n": 1}, {"n": 2}]}'), ('a.b', '{"a.b": [{"n": 1}, {"n": 2}], "a": [1]}'),
    ('a.b.c', '{"a": {"b.c": [{"n": 1}, {"n": 2}]}}'), ('a.b.c', '{"a.b": {"c": [{"n": 1}, {"n": 2}]}}'),
    ('a.b.c.d', '{"a": {"b.c": {"d": [{"n": 1}, {"n": 2}]}}}'), ('a.b.c.d', '{"a.b": {"c": {"d": [{"n": 1}, {"n": 2}]}}}'),
    ('a.0.l', '{"a": [{"l": [{"n": 1}, {"n": 2}]}, {"l": [{"n": 3}]}]}'), ('a.0', '{"a": [[{"n": 1}, {"n": 2}]]}'),
    ('a.0.l.m', '{"a": [{"l": {"m": [{"n": 1}, {"n": 2}]}}]}'), ('a.0.l', '{"a": {"0": {"l": [{"n": 1}, {"n": 2}]}}}'),
    ('@graph', '{"@graph": [{"n": 1}, {"n": 2}]}'), ('a.0.l', '{"a.0": {"l": [{"n": 1}, {"n": 2}]}, "a": []}')])
def test_a_path_is_that_of_any_word(app: App, path: str, payload: str) -> None:
    assert [each['n'] for each in details(app, path, payload)] == [1, 2]


@pytest.mark.parametrize('path', ['%FF', 'a..b', '.', 'alerts.', 'a|b', 'a.*.b', "'a'", 'a,b', '.'.join('a' * 17)])
def test_a_path_that_cannot_be_read_is_ignored_alone(app: App, path: str) -> None:
    answer = app.ask('POST', f'each={path}&name=receiver&severity=alerts.0.s', b'{"receiver": "x", "alerts": [{"s": "high"}]}',
                     {'Authorization': TOKEN})
    assert answer.headers['x-webhook-note'].startswith('each, part ') and answer.headers['x-webhook-note'].endswith(' (ignored)')
    assert [(incident['name'], incident['severity']) for incident in app.incidents] == [('x', 3)]


@pytest.mark.parametrize('path', [
    'nothing', 'receiver', 'alerts.labels', 'alerts.0', 'empty', 'mixed', 'mixed.0', 'empty.0', 'empty.0.a', 'nested.x'])
def test_a_path_that_leads_to_no_array_of_objects_leaves_one_incident(app: App, path: str) -> None:
    body = json.dumps({**ALERTS, 'empty': [], 'mixed': [{}, 1], 'nested': [[{}, {}]]}).encode()
    assert app.ask('POST', f'each={path}&severity=high', body, {'Authorization': TOKEN}).status == 200
    assert [incident['severity'] for incident in app.incidents] == [3]
    assert app.details['alerts'] == ALERTS['alerts']


@pytest.mark.parametrize('keys, count', [(15, 2), (16, 2), (17, 1), (900, 1)])
def test_a_path_of_more_than_16_keys_is_ignored(app: App, keys: int, count: int) -> None:
    body = '{"a":' * keys + '[{"n": 1}, {"n": 2}]' + '}' * keys
    assert len(details(app, '.'.join('a' * keys), body)) == count


def test_the_time_for_the_longest_path_grows_only_with_the_size_of_the_body() -> None:
    def make(total_bytes: int) -> tuple[list[bytes], IncidentDefaults]:
        body = b'{"a":' * 16 + b'[{"b":"%s"}]' % (b'x' * total_bytes) + b'}' * 16
        return read_payloads(body), defaults_of({}, words=UrlWords(each=('a',) * 16))

    grows_linearly(make, lambda read: to_incidents(*read), MIB)


@pytest.mark.parametrize('path', ['a%22b', 'a%5Cb', '%01', 'a%7F', '%C3%A9', '%ED%A0%80'])
def test_a_path_that_no_member_can_have_leaves_one_incident(app: App, path: str) -> None:
    assert len(details(app, path, '{"alerts": []}')) == 1


def test_items_of_arrays_count_among_the_events_of_a_request(app: App) -> None:
    body = json.dumps([{'a': [{'n': 1}] * 600, 'b': 1}] * 2).encode()
    assert app.ask('POST', 'each=a', body, {'Authorization': TOKEN}).status == 413
    assert app.ask('POST', 'each=a', b'{"b":1,"a":[%s{}]}' % (b'{},' * 1000), {'Authorization': TOKEN}).status == 413
    assert app.calls == []


def test_an_array_under_an_empty_key_is_not_a_path_that_was_asked_for(app: App) -> None:
    assert app.authorized('{"": [{"a": 1}, {"b": 2}]}').status == 200
    assert len(app.incidents) == 1
