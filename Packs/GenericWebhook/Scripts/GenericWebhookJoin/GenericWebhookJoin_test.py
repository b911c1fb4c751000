"""Unit tests of the pre-process script: each row of its table, and each doubt, in which the incident is created."""
import copy
import json
from datetime import datetime, timedelta, timezone

import demistomock as demisto
import pytest

import GenericWebhookJoin
from GenericWebhookJoin import LAST_EVENT, MAX_CHANGES, MAX_COMPARED_CHARACTERS, RESOLVED, SETTINGS, main, read_time

CALLS = ['getIncidents', 'addEntries', 'setIncident', 'closeInvestigation']
NOW = datetime(2026, 11, 24, 10, tzinfo=timezone.utc)


class Today(datetime):
    """The script's datetime, which knows one moment."""

    @classmethod
    def now(cls, tz=None):
        return NOW.astimezone(tz)


@pytest.fixture(autouse=True)
def today(monkeypatch):
    monkeypatch.setattr(GenericWebhookJoin, 'datetime', Today)


def time_text(days=0.0, minutes=0.0):
    return (NOW + timedelta(days=days, minutes=minutes)).strftime('%Y-%m-%dT%H:%M:%S.%f789Z')


def problem(**fields):
    payload = {'status': 'firing', 'labels': {'host': 'db-1'}, 'headers': {'date': 'today'}}
    return {'name': 'Disk full on db-1', 'severity': 2, 'occurred': time_text(-1), 'labels': [], 'id': '',
            'rawJSON': json.dumps(payload), 'dbotMirrorId': 'alertmanager:c0ffee', 'sourceBrand': 'GenericWebhook',
            'sourceInstance': 'webhook', **fields}


def recovery(**fields):
    return problem(**{'severity': 0.5, 'occurred': time_text(), 'labels': [dict(RESOLVED)], 'rawJSON': '{"status": "resolved"}',
                      **fields})


class Server:
    """A server with incidents. A search finds more than it was asked for: every incident, or the `index` if there is one."""

    def __init__(self, *incidents):
        self.incidents = {}
        self.replies = {}  # of commands that do not work: an exception, or what they reply
        self.index = None
        self.notes = {}
        self.called = []
        for incident in incidents:
            self.create(incident)

    def create(self, incident):
        number = str(len(self.incidents) + 1)
        self.incidents[number] = {'status': 1, 'owner': '', 'created': time_text(-1, len(self.incidents)),
                                  'modified': time_text(-1), **copy.deepcopy(incident), 'id': number}

    def execute(self, command, args):
        self.called.append(command)
        if command in self.replies:
            if isinstance(self.replies[command], Exception):
                raise self.replies[command]
            return self.replies[command]
        return [{'Type': 1, 'Contents': getattr(self, command)(**args)}]

    def getIncidents(self, id=None, query='', **_):
        found = list(self.incidents.values()) if id or self.index is None else self.index
        return {'total': len(found), 'data': copy.deepcopy(found) or None}

    def addEntries(self, id, entries):
        self.notes.setdefault(id, []).extend(json.loads(entries))

    def setIncident(self, id, **fields):
        self.incidents[id].update(fields, modified=time_text())

    def closeInvestigation(self, id, **reason):
        self.incidents[id].update(reason, status=2)

    def receive(self, event):
        """Run the script for an event, create the event's incident if it says so, and return whether it did."""
        demisto.reset()
        demisto.declare(incident=copy.deepcopy(event), executeCommand=self.execute)
        main()
        [(is_created,)] = demisto.calls_of('results')
        if is_created:
            self.create(event)
        return is_created

    def text(self, number='1'):
        return [entry['Contents'] for entry in self.notes.get(number, [])]


def doubts():
    """Return what the script has logged of its doubts."""
    return [message for message, in demisto.calls_of('error')]


@pytest.fixture
def settings(monkeypatch):
    def change(**values):
        for name, value in values.items():
            monkeypatch.setitem(SETTINGS, name, value)
    return change


# The table


def test_the_first_event_of_a_problem_is_created():
    server = Server()
    assert server.receive(problem())
    assert server.called == ['getIncidents'] and not doubts()


def test_an_event_that_repeats_unchanged_is_dropped_without_a_note():
    server = Server(problem())
    for minutes in range(3):  # another time, and other headers, are no change
        repeat = json.loads(problem()['rawJSON'])
        repeat['headers']['date'] = str(minutes)
        assert not server.receive(problem(rawJSON=json.dumps(repeat), occurred=time_text(0, minutes)))
    assert server.called == ['getIncidents'] * 6
    assert not server.notes and not doubts()


def test_an_event_that_changes_adds_one_note_of_what_changed_and_raises_the_severity():
    server = Server(problem())
    payload = {'status': 'firing', 'labels': {'host': 'db-1', 'zone': 'a'}, 'summary': 'full'}
    changed = problem(severity=4, rawJSON=json.dumps(payload), occurred=time_text(0))
    assert not server.receive(changed)
    assert not server.receive(changed)
    assert server.text() == ['\n'.join([
        'Again: Disk full on db-1', f'Occurred: {time_text(0)}', 'severity: 2 -> 4', 'labels.zone: - -> "a"',
        'summary: - -> "full"'])]
    assert server.notes['1'][0]['Note'] is True and server.notes['1'][0]['ContentsFormat'] == 'text'
    assert server.incidents['1']['severity'] == 4 and server.incidents['1']['status'] == 1
    assert not doubts()


@pytest.mark.parametrize('severity', [0, 0.5, 1, None])
def test_a_severity_is_never_lowered(severity):
    server = Server(problem())
    assert not server.receive(problem(severity=severity, name='Disk fuller'))
    assert server.incidents['1']['severity'] == 2


def test_a_severity_that_an_analyst_lowered_stays_while_the_event_repeats_unchanged():
    server = Server(problem())
    server.receive(problem(name='Disk fuller'))
    server.incidents['1']['severity'] = 1
    assert not server.receive(problem(name='Disk fuller'))
    assert server.incidents['1']['severity'] == 1


def test_a_problem_that_changes_to_and_fro_is_noted_each_time():
    server = Server(problem())
    for name in ('Disk fuller', 'Disk full on db-1', 'Disk fuller'):
        assert not server.receive(problem(name=name))
    assert [text.splitlines()[0] for text in server.text()] == [
        'Again: Disk fuller', 'Again: Disk full on db-1', 'Again: Disk fuller']


def test_a_recovery_closes_what_nobody_owns():
    server = Server(problem())
    assert not server.receive(recovery(name='Disk full on db-1'))
    closed = server.incidents['1']
    assert (closed['status'], closed['closeReason'], closed['severity']) == (2, 'Resolved', 2)
    assert RESOLVED in closed['labels'] and not doubts()
    assert server.text() == [f'Resolved: Disk full on db-1\nOccurred: {time_text()}']


def test_a_recovery_leaves_what_somebody_owns_open_with_a_label_and_the_next_event_is_a_new_incident():
    server = Server(problem(owner='ann', labels=[{'type': 'Brand', 'value': 'GenericWebhook'}]))
    assert not server.receive(recovery())
    assert server.incidents['1']['status'] == 1
    assert [label for label in server.incidents['1']['labels'] if label['type'] != LAST_EVENT] == [
        {'type': 'Brand', 'value': 'GenericWebhook'}, RESOLVED]
    assert server.receive(problem())
    assert not server.receive(problem())


def test_a_recovery_from_before_the_latest_event_adds_one_note_and_closes_nothing():
    server = Server(problem())
    server.receive(problem(name='Disk fuller', occurred=time_text(0, 10)))
    for _ in range(2):
        assert not server.receive(recovery(occurred=time_text(0, 5)))
    assert server.incidents['1']['status'] == 1 and RESOLVED not in server.incidents['1']['labels']
    assert [text.splitlines()[0] for text in server.text()[1:]] == ['Resolved, but before the latest event: Disk full on db-1']
    assert not server.receive(recovery(occurred=time_text(0, 10)))
    assert server.incidents['1']['status'] == 2 and RESOLVED in server.incidents['1']['labels']
    assert server.text()[-1].startswith('Resolved: Disk full on db-1')


def test_a_recovery_of_the_time_of_the_problem_closes_it_in_any_time_zone():
    server = Server(problem(occurred='2026-11-24T10:00:00+02:00', modified=time_text()))
    assert not server.receive(recovery(occurred='2026-11-24T08:00:00.000000001Z'))
    assert server.incidents['1']['status'] == 2


@pytest.mark.parametrize('incidents', [[], [problem(status=2)], [problem(sourceInstance='other')], [recovery()]])
def test_a_recovery_without_an_open_incident_is_created(incidents):
    assert Server(*incidents).receive(recovery())


def test_of_several_open_incidents_the_newest_is_joined():
    server = Server(problem(created=time_text(-3)), problem(created=time_text(-1)), problem(created=time_text(-2)))
    assert not server.receive(recovery())
    assert [incident['status'] for incident in server.incidents.values()] == [1, 2, 1]


def test_two_events_of_one_key_in_one_call_are_one_incident():
    server = Server()
    assert [server.receive(problem()), server.receive(problem())] == [True, False]


@pytest.mark.parametrize('other', [
    {'status': 2}, {'status': 3}, {'labels': [dict(RESOLVED)]}, {'modified': time_text(-7.01)}, {'sourceInstance': 'Webhook'},
    {'sourceBrand': 'genericwebhook'}, {'dbotMirrorId': 'alertmanager:C0FFEE'}, {'dbotMirrorId': 'alertmanager:c0ffee1'},
    {'dbotMirrorId': None}])
def test_an_incident_that_differs_in_one_thing_is_not_joined_although_the_search_finds_it(other):
    server = Server(problem(**other))
    assert server.receive(problem(name='Disk fuller'))
    assert not server.notes and not doubts()


def test_an_incident_that_changed_within_7_days_is_joined():
    assert not Server(problem(modified=time_text(-6.99))).receive(problem())


@pytest.mark.parametrize('event', [
    problem(sourceBrand='Other'), problem(dbotMirrorId=''), problem(dbotMirrorId=None), problem(dbotMirrorId='a"b'),
    problem(dbotMirrorId='a\\b'), problem(dbotMirrorId='a*'), problem(dbotMirrorId='a?'), problem(dbotMirrorId='a b'),
    problem(dbotMirrorId='a:b\n'), problem(dbotMirrorId='a' * 201), problem(dbotMirrorId=7)])
def test_other_events_and_keys_that_a_query_could_misread_are_created_without_a_call(event):
    server = Server(event)
    assert server.receive(event)
    assert not server.called


# The settings


@pytest.mark.parametrize('values, event, is_created, status', [
    ({'recoveries': 'note'}, recovery(), False, 1), ({'recoveries': 'create'}, recovery(), True, 1),
    ({'repeats': 'create'}, problem(), True, 1), ({'repeats': 'create'}, recovery(), False, 2),
    ({'recoveries': 'create', 'repeats': 'note'}, problem(), False, 1),
    ({'recoveries': 'drop'}, recovery(), True, 1), ({'repeats': 'drop'}, problem(), True, 1)])  # no values: create
def test_a_setting_decides_what_happens(settings, values, event, is_created, status):
    settings(**values)
    server = Server(problem())
    assert server.receive(event) is is_created
    assert server.incidents['1']['status'] == status
    assert (RESOLVED in server.incidents['1']['labels']) is (not is_created and event['labels'] != [])


@pytest.mark.parametrize('incidents, is_created', [
    ([], True), ([problem(status=2)], False), ([problem(status=3)], True), ([problem(status=2, sourceInstance='other')], True),
    ([problem(owner='ann', labels=[dict(RESOLVED)])], True)])
def test_an_unmatched_recovery_is_dropped_only_where_a_closed_incident_exists(settings, incidents, is_created):
    settings(unmatched_recoveries='drop')
    assert Server(*incidents).receive(recovery()) is is_created


# Doubts


def error_entry(command):
    return [{'Type': 4, 'ContentsFormat': 'text', 'Contents': f'{command}: the user has no permission'}]


FAILURES = {
    'an error entry': error_entry,
    'an error after an entry': lambda command: [{'Type': 1, 'Contents': 'done'}, *error_entry(command)],
    'an exception': lambda command: ValueError(f'Unsupported command {command}'), 'no reply': lambda command: None,
    'no entry': lambda command: [], 'a text': lambda command: 'done', 'an entry of nothing': lambda command: [{}]}


@pytest.mark.parametrize('failure', FAILURES)
@pytest.mark.parametrize('command', CALLS)
def test_an_event_is_created_if_a_call_fails(command, failure):
    server = Server(problem())
    server.replies[command] = FAILURES[failure](command)
    assert server.receive(recovery())
    assert server.called[-1] == command
    assert len(doubts()) == 1 and len(doubts()[0]) < 1000
    assert server.incidents['1']['status'] == 1


@pytest.mark.parametrize('failure', FAILURES)
def test_an_event_is_created_if_its_incident_cannot_be_read_again_after_the_note(failure, monkeypatch):
    server = Server(problem())

    def add(id, entries):
        server.replies['getIncidents'] = FAILURES[failure]('getIncidents')
    monkeypatch.setattr(server, 'addEntries', add)
    assert server.receive(recovery())
    assert server.called == ['getIncidents', 'addEntries', 'getIncidents'] and server.incidents['1']['status'] == 1


@pytest.mark.parametrize('contents', [
    None, 'text', {}, {'data': 'text'}, {'data': [None]}, {'data': [{}]}, {'data': {'id': '1'}}])
def test_an_event_is_created_if_the_search_replies_with_something_else(contents):
    server = Server(problem())
    server.replies['getIncidents'] = [{'Type': 1, 'Contents': contents}]
    assert server.receive(problem())


def test_an_event_is_created_if_the_index_does_not_have_its_incident_yet():
    server = Server(problem())
    server.index = []
    assert server.receive(problem())


def test_an_event_is_created_if_the_index_does_not_know_yet_that_its_incident_is_closed():
    server = Server(problem())
    server.index = [copy.deepcopy(server.incidents['1'])]
    server.incidents['1']['status'] = 2
    assert server.receive(problem())
    assert server.receive(problem(name='Disk fuller'))
    assert server.receive(recovery())


def test_an_event_is_created_if_its_incident_is_closed_while_the_note_is_added(monkeypatch):
    server = Server(problem())

    def add(id, entries):
        server.incidents[id]['status'] = 2
    monkeypatch.setattr(server, 'addEntries', add)
    assert server.receive(problem(name='Disk fuller'))
    assert server.called == ['getIncidents', 'addEntries', 'getIncidents'] and not doubts()


def test_an_event_is_created_if_an_older_recovery_closes_its_incident_while_it_is_updated(monkeypatch):
    server = Server(problem())
    update = server.setIncident

    def close_and_update(id, **fields):
        server.incidents[id]['status'] = 2
        update(id, **fields)
    monkeypatch.setattr(server, 'setIncident', close_and_update)
    assert server.receive(problem(name='Disk fuller', occurred=time_text()))
    assert server.called == ['getIncidents', 'addEntries', 'getIncidents', 'setIncident', 'getIncidents'] and not doubts()


def test_a_recovery_closes_nothing_if_a_newer_event_joins_while_its_note_is_added(monkeypatch):
    server = Server(problem())
    add = server.addEntries

    def add_and_join(id, entries):
        add(id, entries)
        if 'Resolved' in entries:
            latest = read_time(time_text(0, 10)).isoformat()
            server.setIncident(id, labels=[{'type': LAST_EVENT, 'value': f'{latest} c0ffee'}])
    monkeypatch.setattr(server, 'addEntries', add_and_join)
    assert not server.receive(recovery())
    assert server.incidents['1']['status'] == 1 and RESOLVED not in server.incidents['1']['labels']
    assert not server.receive(recovery(occurred=time_text(0, 5))), 'the time of the newer event is kept'
    assert server.incidents['1']['status'] == 1


UNREADABLE = [{'occurred': 'yesterday'}, {'occurred': None}, {'rawJSON': 'text'}, {'rawJSON': '[1]'}, {'rawJSON': '[' * 100_000},
              {'labels': 'text'}, {'labels': [None]}, {'severity': 'high'}]


@pytest.mark.parametrize('fields', UNREADABLE)
def test_an_event_is_created_if_it_cannot_be_read(fields):
    assert Server(problem()).receive(problem(**fields))
    assert doubts()


@pytest.mark.parametrize('fields', [*UNREADABLE, {'created': ''}, {'modified': None}])
def test_an_event_is_created_if_its_incident_cannot_be_read(fields):
    assert Server(problem(**fields)).receive(problem(name='Disk fuller'))
    assert doubts()


def test_an_incoming_incident_that_cannot_be_had_is_created():
    demisto.declare(incident=lambda: [][0], executeCommand=None)
    main()
    assert demisto.calls_of('results') == [(True,)]


def test_an_event_is_created_if_its_incident_is_closed_meanwhile_although_an_older_one_is_open(monkeypatch):
    server = Server(problem(created=time_text(-2)), problem(created=time_text(-1)))

    def add(id, entries):
        server.incidents[id]['status'] = 2
    monkeypatch.setattr(server, 'addEntries', add)
    assert server.receive(problem(name='Disk fuller'))
    assert [incident['status'] for incident in server.incidents.values()] == [1, 2, 1]


def test_the_search_is_for_the_key_alone_and_the_second_for_the_incident_by_its_id(monkeypatch):
    server = Server(problem())
    searched = []
    get = server.getIncidents

    def search(**args):
        searched.append(args)
        return get(**args)
    monkeypatch.setattr(server, 'getIncidents', search)
    assert not server.receive(problem())
    assert searched == [{'query': 'dbotMirrorId:"alertmanager:c0ffee" and -status:closed and -status:archived', 'size': 100,
                         'sort': 'created.desc'}, {'id': '1', 'size': 100, 'sort': 'created.desc'}]


# The note


def test_an_event_that_says_the_same_in_another_order_is_unchanged():
    payload = {'labels': {'host': 'db-1', 'zone': 'a'}, 'status': 'firing'}
    turned = {'status': 'firing', 'labels': {'zone': 'a', 'host': 'db-1'}}
    for earlier in ([], [problem(name='Disk fuller'), problem(rawJSON=json.dumps(payload))]):
        server = Server(problem(rawJSON=json.dumps(payload)))
        for event in earlier:
            server.receive(event)
        noted = len(server.notes.get('1', []))
        assert not server.receive(problem(rawJSON=json.dumps(turned)))
        assert len(server.notes.get('1', [])) == noted


def nested(value, depth):
    for _ in range(depth):
        value = {'a': [value]}
    return json.dumps(value)


@pytest.mark.parametrize('depth', [1, 4, 5, 40, 200])
def test_events_that_differ_only_far_inside_differ(depth):
    server = Server(problem(rawJSON=nested(1, depth)))
    for value, count in ((1, 0), (2, 1), (2, 1), (3, 2), (1, 3)):
        assert not server.receive(problem(rawJSON=nested(value, depth)))
        assert len(server.notes.get('1', [])) == count
    path, change = server.text()[0].splitlines()[2].split(': ')
    assert path == '.'.join(['a', '0'] * min(depth, 5))
    assert change == '1 -> 2' if depth <= 5 else len(set(change.split(' -> '))) == 2


def test_a_note_counts_only_so_many_changes():
    server = Server(problem(rawJSON=json.dumps({'list': [1] * 2000})))
    assert not server.receive(problem(rawJSON=json.dumps({'list': [2] * 2000})))
    assert server.text()[0].splitlines()[-2:] == ['list.19: 1 -> 2', 'and over 980 more']


@pytest.mark.parametrize('old, new, line', [
    ({}, {'a': None}, 'a: - -> null'), ({'a': {}}, {}, 'a: {} -> -'), ({}, {'a': {'b': 1}}, 'a.b: - -> 1'),
    ({'a': [1, 2]}, {'a': [1]}, 'a.1: 2 -> -'), ({'a': [1]}, {'a': {'0': 1}}, 'a: [1] -> {"0": 1}'),
    ({'a': 'b'}, {'a': ['b']}, 'a: "b" -> ["b"]')])
def test_a_note_shows_what_came_what_went_and_what_is_of_another_kind(old, new, line):
    server = Server(problem(rawJSON=json.dumps(old)))
    assert not server.receive(problem(rawJSON=json.dumps(new)))
    assert server.text()[0].splitlines()[2:] == [line]


def test_a_note_has_a_bounded_number_of_changes_of_bounded_length():
    server = Server(problem())
    payload = {'long': 'x' * 1000, 'empty': {}, 'list': [], **{f'key {number}': number for number in range(100)}}
    assert not server.receive(problem(rawJSON=json.dumps(payload)))
    [text] = server.text()
    assert text.splitlines()[-1] == f'and {len(payload) + 2 - MAX_CHANGES} more'  # and two that are gone
    assert len(text.splitlines()) == MAX_CHANGES + 3 and max(map(len, text.splitlines())) < 150


def test_of_a_large_payload_only_whether_it_changed_is_compared():
    large = problem(rawJSON=json.dumps({'text': 'x' * MAX_COMPARED_CHARACTERS}))
    server = Server(large)
    assert not server.receive(large) and not server.notes
    assert not server.receive(problem(rawJSON=json.dumps({'text': 'y' * MAX_COMPARED_CHARACTERS})))
    assert server.text()[0].splitlines()[2].startswith('payload: ')


@pytest.mark.parametrize('text', ['<img src=x>', '[a](javascript:b)', 'line\nline', 'line\u2028line', '\ud800', 'x' * 1000])
def test_what_a_sender_wrote_is_plain_text_in_one_short_line_of_the_note(text):
    server = Server(problem())
    assert not server.receive(problem(name=text, rawJSON=json.dumps({'status': text, 'labels': {'host': 'db-1'}, text: 1})))
    [entry] = server.notes['1']
    lines = entry['Contents'].splitlines()
    assert entry['ContentsFormat'] == 'text' and len(lines) == 5 and max(map(len, lines)) < 250
    assert '\n'.join(lines) == entry['Contents']


# Times


@pytest.mark.parametrize('text, microsecond', [
    ('2026-11-24T09:00:00Z', 0), ('2026-11-24T09:00:00.5Z', 500_000), ('2026-11-24T10:00:00.123456789+01:00', 123_456)])
def test_a_time_is_read_to_the_microsecond(text, microsecond):
    assert read_time(text) == datetime(2026, 11, 24, 9, 0, 0, microsecond, timezone.utc)


def test_the_settings_stand_at_the_top_with_their_defaults():
    assert SETTINGS == {'recoveries': 'close', 'repeats': 'note', 'unmatched_recoveries': 'create', 'days': 7}
    assert GenericWebhookJoin.BRAND == 'GenericWebhook'
