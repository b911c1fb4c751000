"""The store: what it rejects, what it makes of an incident, and how it is searched."""

import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from facts import fact

from localxsoar.errors import CallRejected
from localxsoar.incidents.store import Store, brief, details, is_rfc3339


def create(store: Store, *incidents: dict[str, Any]) -> list[dict[str, Any]]:
    return store.create(list(incidents), 'front', 'Echo')


@pytest.mark.parametrize('text, is_read', [
    *((text, True) for text in (
        '2024-01-31T12:00:00Z', '2024-01-31T12:00:00.123456789Z', '2024-02-29T23:59:59+05:30', '2024-01-31T00:00:00-00:00',
        '2024-01-31T00:00:00-23:59', '0000-02-29T00:00:00Z')),
    *((text, False) for text in (
        '', '2024-01-31', '2024-01-31T12:00:00', '2024-01-31 12:00:00Z', '2024-01-31t12:00:00Z', '2024-01-31T12:00:00z',
        '2024-01-31T12:00Z', '2023-02-29T12:00:00Z', '2024-13-01T12:00:00Z', '2024-01-31T24:00:00Z', '2024-01-31T12:00:60Z',
        '2024-01-31T12:00:00+0530', '2024-01-31T12:00:00+24:00', '2024-01-31T12:00:00+23:60', '2024-00-31T12:00:00Z',
        '0001-02-29T12:00:00Z', '2024-01-31T12:00:00.Z', '2024-01-31T12:00:00Z\n', '٢٠٢٤-01-31T12:00:00Z', 'now'))])
def test_a_date_is_one_that_go_reads(text: str, is_read: bool) -> None:
    assert is_rfc3339(text) is is_read


@pytest.mark.parametrize('text', ['', '2024-01-31'])
def test_an_incident_with_a_date_that_go_does_not_read_is_rejected(store: Store, text: str) -> None:
    with pytest.raises(CallRejected, match='Incident 1: parsing time'):
        create(store, {'name': 'good'}, {'name': 'bad', 'occurred': text})
    assert store.search({}) == ([], 0)


@fact('inferred', "a severity that is not a number, labels that are not a list of `type` and `value`, custom fields that are "
      "not an object, and a `dbotMirrorId` that is not text are rejected, by the types in the server's API")
@pytest.mark.parametrize(
    'incident, words',
    [('text', 'not an object'), ({'name': 5}, 'name is int'), ({'type': []}, 'type is list'),
     ({'rawJSON': {}}, 'rawJSON is dict'), ({'dbotMirrorId': 5}, 'dbotMirrorId is int'),
     ({'severity': '3'}, 'severity is "3", expected a number'), ({'severity': 'x' * 200}, 'severity is "x{99}, expected'),
     ({'severity': True}, 'severity is true'),
     ({'labels': 'x'}, 'labels is "x", expected a list of objects'), ({'labels': ['x']}, 'labels is'),
     ({'labels': [{'type': 'a', 'value': 1}]}, 'labels is'), ({'CustomFields': []}, 'CustomFields is .*, expected an object')],
)
def test_an_incident_of_the_wrong_shape_is_rejected(store: Store, incident: Any, words: str) -> None:
    with pytest.raises(CallRejected, match=words):
        create(store, incident)


@pytest.mark.parametrize('fields', [
    {'severity': 0.5}, {'severity': None, 'labels': None}, {'labels': []}, {'labels': [{'type': 'a', 'value': None}, {}]},
    {'CustomFields': {'a': [1]}, 'another': 1}])
def test_an_incident_of_the_right_types_is_created(store: Store, fields: dict[str, Any]) -> None:
    assert create(store, fields)[0]['id'] == '1'


@fact('documented', 'a missing type makes an Unclassified incident')
@pytest.mark.parametrize('type_', [None, ''])
def test_a_missing_type_makes_an_unclassified_incident(store: Store, type_: Any) -> None:
    assert create(store, {'type': type_})[0]['type'] == 'Unclassified'


def test_a_missing_date_is_the_moment_of_creation(store: Store) -> None:
    created = create(store, {'name': 'a', 'occurred': None})[0]
    assert created['occurred'] == created['created']


def test_a_lone_surrogate_is_stored_as_go_would_read_it(store: Store) -> None:
    assert create(store, {'name': 'a\ud800'})[0]['name'].startswith('a\ufffd')


@pytest.mark.parametrize('filter, ids', [
    ({}, '12345'), ({'id': ['2', '4']}, '24'), ({'id': '2'}, '2'), ({'name': ['b']}, '24'), ({'type': ['Phishing']}, '4'),
    ({'type': 'Unclassified', 'name': ['a', 'b', 'c']}, '125'), ({'status': [0]}, '12345'), ({'status': 0}, '12345'),
    ({'status': [1]}, ''), ({'sourceInstance': ['front', 'nowhere']}, '1234'), ({'sourceInstance': 'back'}, '5'),
    ({'sourceBrand': ['Echo']}, '12345'), ({'query': ''}, '12345'), ({'query': '  id:1  '}, '1'), ({'query': 'name:B'}, '24'),
    ({'query': '-id:1 AND -id:3 -name:b -status:closed'}, '5'), ({'query': 'sourceInstance:back'}, '5'),
    ({'query': 'sourceBrand:echo id:1'}, '1'), ({'query': 'name:""'}, ''), ({'query': 'status:Pending'}, '12345'),
    ({'query': 'status:0'}, '12345'), ({'query': 'status:active'}, ''), ({'query': 'name:pending'}, ''),
    ({'query': 'status:pending', 'fromDate': '2020-01-01T00:00:00Z'}, '12345'), ({'fromDate': '2100-01-01T00:00:00Z'}, ''),
    ({'toDate': '2020-01-01T00:00:00Z'}, ''), ({'toDate': '2100-01-01T00:00:00Z'}, '12345'), ({'size': 2}, '12'),
    ({'size': 2, 'page': 1}, '34'), ({'sort': [{'field': 'id', 'asc': False}]}, '54321'),
    ({'sort': [{'field': 'name', 'asc': True}], 'size': 3}, '124'), ({'sort': [{'field': 'severity', 'asc': True}]}, '12453'),
    ({'sort': [{'field': 'sourceBrand', 'asc': False}]}, '12345'),
    ({'sort': [{'field': 'type', 'asc': False}, {'field': 'name', 'asc': False}]}, '35214')])
def test_a_search_finds_what_its_filter_says(store: Store, filter: dict[str, Any], ids: str) -> None:
    create(store, {'name': 'a', 'severity': 0}, {'name': 'b', 'severity': 0}, {'name': 'two words', 'severity': 0.5},
           {'name': 'b', 'type': 'Phishing'})
    store.create([{'name': 'c'}], 'back', 'Echo')
    found, total = store.search(filter)
    assert ''.join(incident['id'] for incident in found) == ids
    assert total == (5 if 'size' in filter else len(ids))


RESOLVED = {'labels': [{'type': 'Instance', 'value': 'x'}, {'type': 'state', 'value': 'resolved'}]}


@pytest.mark.parametrize('labels, state', [
    (RESOLVED['labels'], 'resolved'), ([], ''), (None, ''), ([{'type': 'state'}], ''),
    ([{'type': 'state'}, *RESOLVED['labels']], 'resolved')])
def test_the_list_has_the_severity_and_the_state_of_an_incident(store: Store, labels: Any, state: str) -> None:
    created, = create(store, {'severity': 0.5, 'labels': labels})
    assert [(each['severity'], each['state']) for each in (*store.latest(1), brief(created))] == [(0.5, state)] * 2


def test_a_change_at_the_very_moment_of_a_look_is_found_at_the_next_look(store: Store) -> None:
    create(store, {}, {})
    moment = store.update('2', {'severity': 3})['modified']
    assert (store.changed_since(moment), store.changed_since(f'{moment}Z')) == (['2'], [])


def test_the_list_has_what_a_script_changed(store: Store) -> None:
    create(store, {'name': 'a', **RESOLVED})
    store.update('1', {'name': 'b', 'severity': 4, 'labels': []})
    assert [(each['name'], each['severity'], each['state']) for each in store.latest(1)] == [('b', 4, '')]


def test_a_file_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / 'store.db') as earlier:
        earlier.execute('CREATE TABLE incident (id INTEGER PRIMARY KEY, name TEXT, type TEXT, created TEXT, occurred TEXT,'
                        ' status INTEGER, instance TEXT, brand TEXT, sent TEXT)')
        earlier.execute("""INSERT INTO incident VALUES (1, 'a', 'T', '', '', 0, 'front', 'Echo', '{"name": "a"}'),
                           (2, 'b', 'T', '', '', 0, 'front', 'Echo', '{"severity": NaN}'),
                           (3, 'c', 'T', '', '', 0, 'front', 'Echo', '{"labels": "state"}')""")
    for store in (Store(tmp_path / 'store.db'), Store(tmp_path / 'store.db')):
        assert [(each['name'], each['severity'], each['state']) for each in store.latest(5)] == [
            (name, 0, '') for name in 'cba']
        assert store.search({'query': 'severity:0 dbotMirrorId:""'})[1] == 3
        store.close()


def test_threads_that_create_at_once_get_ids_of_their_own(store: Store) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.extend(i['id'] for i in create(store, {}, {}, {}))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(int, ids)) == list(range(1, 61))


@fact('documented', 'each indicator is kept once; `searchAfter` gets the next page')
def test_indicators_are_kept_once_and_found(store: Store) -> None:
    feed = [{'value': f'198.51.100.{n}', 'type': 'IP', 'fields': {'tags': ['x']}} for n in range(3)]
    feed.append({'value': 'a.example', 'type': 'Domain'})
    assert store.add_indicators(feed, 'front', 'Feed') == (4, 0)
    assert store.add_indicators(feed[:1], 'front', 'Feed') == (0, 1)
    first = store.search_indicators({'query': 'type:IP', 'size': 2})
    assert ([ioc['CustomFields'] for ioc in first['iocs']], first['total']) == ([{'tags': ['x']}] * 2, 3)
    rest = store.search_indicators({'query': 'type:IP', 'size': 2, 'searchAfter': first['searchAfter']})
    assert [ioc['value'] for ioc in rest['iocs']] == ['198.51.100.2']
    with pytest.raises(CallRejected, match='reads queries as'):
        store.search_indicators({'query': 'who knows'})


def test_contexts_belong_to_their_instances(store: Store) -> None:
    store.keep('front', 'context', {'a': 'b'})
    assert (store.kept('front', 'context')[0], store.kept('back', 'context')[0]) == ({'a': 'b'}, {})


# What must hold when something fails, and in a file.


def test_a_call_that_fails_half_way_creates_nothing_and_the_next_one_works(tmp_path: Path) -> None:
    store = Store(tmp_path / 'store.db')
    with sqlite3.connect(tmp_path / 'store.db') as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON incident WHEN new.name = 'bad' "
                      "BEGIN SELECT RAISE(FAIL, 'the disk is full'); END")
    with pytest.raises(sqlite3.Error, match='the disk is full'):
        create(store, {'name': 'good'}, {'name': 'bad'})
    assert store.sent() == []
    assert [incident['id'] for incident in create(store, {'name': 'next'})] == ['1']


@fact('documented', 'an indicator has a text as its value')
@pytest.mark.parametrize('indicator, words', [
    ({}, 'Indicator 1 has no value: each indicator needs a text'), ({'value': ''}, 'Indicator 1 has no value'),
    ({'value': {}}, 'Indicator 1 has no value'), ('a.example', 'Indicator 1 has no value'),
    ({'value': 7}, 'Indicator 1: value is int, expected text')])
def test_an_indicator_without_a_value_is_named(store: Store, indicator: Any, words: str) -> None:
    with pytest.raises(CallRejected, match=words):
        store.add_indicators([{'value': 'a.example'}, indicator], 'front', 'Feed')
    assert store.search_indicators({})['total'] == 0


def test_a_feed_that_fails_half_way_adds_nothing_and_the_next_one_works(store: Store) -> None:
    with pytest.raises(sqlite3.Error):
        store.add_indicators([{'value': 'a.example'}, {'value': 'b.example', 'type': ['no text']}], 'front', 'Feed')
    assert store.search_indicators({})['total'] == 0
    assert store.add_indicators([{'value': 'a.example'}], 'front', 'Feed') == (1, 0)


def test_another_process_sees_what_was_created(tmp_path: Path) -> None:
    one, other = Store(tmp_path / 'store.db'), Store(tmp_path / 'store.db')
    create(one, {'name': 'a'})
    one.add_indicators([{'value': 'a.example'}], 'front', 'Feed')
    one.keep('front', 'context', {'a': 'b'})
    assert create(other, {'name': 'b'})[0]['id'] == '2'
    assert (other.search_indicators({})['total'], other.kept('front', 'context')) == (1, ({'a': 'b'}, 1))
    one.close()
    with pytest.raises(sqlite3.ProgrammingError):
        one.sent()


@fact('inferred', 'a created incident has every field that was sent')
def test_an_incident_is_the_same_when_it_is_created_searched_and_listed(store: Store) -> None:
    sent = {'name': 'a', 'type': 'T', 'occurred': '2024-01-31T12:00:00Z', 'rawJSON': '{}', 'owner': None, 'severity': 3,
    'id': 'x',
            'status': 2, 'CustomFields': {'a': 1}}
    [created] = create(store, sent)
    assert store.search({})[0] == [created]
    assert created == {
        'id': '1', 'name': 'a', 'type': 'T', 'rawType': 'T', 'rawName': 'a', 'created': created['created'],
        'modified': created['created'], 'occurred': '2024-01-31T12:00:00Z', 'status': 0, 'sourceInstance': 'front',
        'sourceBrand': 'Echo', 'rawJSON': '{}', 'severity': 3, 'owner': '', 'investigationId': '', 'labels': [], 'details': '',
        'CustomFields': {'a': 1}, 'version': 1}
    assert list(created)[:3] == ['id', 'name', 'type'] and is_rfc3339(created['created'])
    assert store.sent() == [{'id': '1', 'sent': sent}]
    assert store.latest(5) == [brief(created)] == [{
        'id': '1', 'name': 'a', 'type': 'T', 'occurred': '2024-01-31T12:00:00Z', 'created': created['created'],
        'sourceInstance': 'front', 'severity': 3, 'status': 0, 'state': '', 'first_state': '', 'dbotMirrorId': '', 'owner': ''}]


def test_the_latest_incidents_are_listed_newest_first(store: Store) -> None:
    create(store, {}, {}, {})
    assert [incident['id'] for incident in store.latest(2)] == ['3', '2'] == [each['id'] for each in store.newer(1, 9)][::-1]
    assert [''.join(incident['id'] for incident in store.latest(2, before)) for before in (1, 2, 3, 4)] == ['', '1', '21', '32']


def test_a_page_has_a_hundred_incidents_unless_the_filter_says_otherwise(store: Store) -> None:
    create(store, *[{}] * 101)
    assert (len(store.search({})[0]), store.search({})[1], len(store.search({'page': 1})[0])) == (100, 101, 1)


def test_the_dates_of_a_search_include_their_moment(store: Store) -> None:
    created = create(store, {})[0]['created']
    assert store.search({'fromDate': created, 'toDate': created})[1] == 1


@pytest.mark.parametrize('name, status', [('pending', '0'), ('active', '1'), ('closed', '2'), ('done', '2'), ('archived', '3')])
def test_a_status_is_searched_by_its_name(tmp_path: Path, name: str, status: str) -> None:
    store = Store(tmp_path / 'store.db')
    create(store, {})
    with sqlite3.connect(tmp_path / 'store.db') as other:
        other.execute('UPDATE incident SET status = ?', [status])
    assert (store.search({'query': f'status:{name}'})[1], store.search({'query': f'-status:{name}'})[1]) == (1, 0)


def test_details_have_each_field_and_label_that_has_a_value_as_text() -> None:
    shown = details({'name': 'a', 'owner': '', 'dropped': [], 'linked': {}, 'severity': 3,
                     'CustomFields': {'site': 'x', 'seen': [1]}, 'rawJSON': '{}',
                     'labels': [{'type': 'state', 'value': 'resolved'}, {'value': None}, 'no label']})
    assert [(each['name'], each['value']) for each in shown['fields']] == [
        ('name', 'a'), ('severity', '3'), ('CustomFields.site', 'x'), ('CustomFields.seen', '[1]')]
    assert [(each['name'], each['value']) for each in shown['labels']] == [('state', 'resolved'), ('', 'null')]
    assert (shown['rawJSON'], details({'rawJSON': '', 'labels': 'x', 'CustomFields': 5})['labels']) == ('{}', [])


def test_a_change_is_published_and_a_wrong_one_changes_nothing(store: Store) -> None:
    create(store, {'name': 'a', 'CustomFields': {'site': 'x'}})
    published: list[Any] = []
    store.updated = published.append
    assert store.update('1', {'name': 'b', 'CustomFields': {'floor': 1}})['CustomFields'] == {'site': 'x', 'floor': 1}
    with pytest.raises(CallRejected, match='name is int'):
        store.update('1', {'name': 7})
    assert [each['name'] for each in published] == ['b'] and store.get('1')['name'] == 'b'
    updated = store.update('1', {'occurred': '2026-11-24T10:00:00Z', 'CustomFields': {'floor': 2}})
    assert (updated['occurred'], updated['CustomFields']) == ('2026-11-24T10:00:00Z', {'site': 'x', 'floor': 2})
    closed = store.close_incident('1', 'Resolved', '')
    assert closed['closed'] > closed['created']
    for secret in 'ab':
        store.add_secrets([secret])
    assert store.secrets == ['a', 'b']


def test_an_entry_is_read_by_its_id(store: Store) -> None:
    assert [store.add_entry('7', {'Contents': 'seen'}), store.add_entry('playground', 'a')] == ['1@7', '2@playground']
    assert (store.entry('1@7'), store.entry('1@8'), store.entry('2@7')) == ({'Contents': 'seen'}, None, None)


def test_an_indicator_is_shown_as_it_was_sent_last_with_what_the_server_adds(store: Store) -> None:
    store.add_indicators([{'value': '198.51.100.1', 'type': 'IP', 'score': 1}], 'front', 'Feed')
    store.add_indicators([{'value': '198.51.100.1', 'type': 'IP', 'score': 3}], 'front', 'Feed')
    store.add_indicators([{'value': 'plain', 'id': '7'}], 'back', 'Other')
    first, second = store.search_indicators({})['iocs']
    assert first == {'value': '198.51.100.1', 'type': 'IP', 'score': 3, 'id': '1', 'indicator_type': 'IP',
                     'modified': first['modified'], 'timestamp': first['modified'], 'sourceBrands': ['Feed'],
                     'sourceInstances': ['front'], 'expirationStatus': 'active', 'CustomFields': {}}
    assert is_rfc3339(first['modified'])
    assert (second['id'], second['indicator_type'], second['score'], second['sourceBrands']) == ('2', '', 0, ['Other'])


def test_the_latest_acts_are_read_oldest_first_and_kept_values_in_the_order_of_their_kinds(store: Store) -> None:
    store.add_acts([{'word': word} for word in 'abc'])
    assert store.acts(2) == [{'word': 'b'}, {'word': 'c'}]
    for kind in ('list b', 'list a', 'other'):
        store.keep('', kind, kind)
    assert [*store.all_kept('', 'list ').items()] == [('a', 'list a'), ('b', 'list b')]


@pytest.mark.parametrize('args, values', [
    ({}, 'abc'), ({'size': 2}, 'ab'), ({'size': 2, 'page': 1}, 'c'), ({'searchAfter': ['1'], 'page': 1, 'size': 1}, 'b'),
    ({'value': 'b'}, 'b'), ({'value': 'b', 'query': 'type:IP'}, ''), ({'query': 'value:c'}, 'c'),
    ({'query': '-sourceBrands:Feed'}, ''), ({'query': 'sourceInstances:front id:2'}, 'b')])
def test_indicators_are_searched_by_page_value_and_query(store: Store, args: dict[str, Any], values: str) -> None:
    store.add_indicators([{'value': value} for value in 'abc'], 'front', 'Feed')
    found = store.search_indicators(args)
    assert ''.join(ioc['value'] for ioc in found['iocs']) == values
    assert found['searchAfter'] == ([found['iocs'][-1]['id']] if values else None)
