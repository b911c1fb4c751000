"""Where an incident has its values from: what the script says of that in the container of a preview, and nowhere else."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pytest
from GenericWebhook import find, read_settings, steps_of
from shared.app import App
from tools.names.fingerprint import deliveries

PREVIEW = 'LOCALXSOAR_PREVIEW'
FIELDS = {'severity': 'severity', 'problem': 'dbotMirrorId'}  # those that an incident has only if they are known


def told(payload: Any, query: str = '', **headers: str) -> dict[str, Any]:
    """Return the origins that the only incident of a payload has in a preview: its paths with their values, and what is said."""
    with in_preview() as app:
        assert app.post(json.dumps(payload), {'Authorization': app.token, **headers}, query).status == 200
        [incident] = app.incidents
    return {word: (origin['at'], origin.get('by') or origin['why']) for word, origin in incident['origins'].items()}


def in_preview(*settings: Any) -> App:
    app = App(*settings)
    app.settings = app.settings._replace(shows_origins=True)
    return app


def test_only_in_the_container_of_a_preview_an_incident_has_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read_settings({}).shows_origins
    monkeypatch.setenv(PREVIEW, '1')
    assert read_settings({}).shows_origins
    for app, fields in ((App(), set()), (in_preview(), {'origins'})):
        with app:
            app.authorized('{"title": "Disk full", "severity": "high"}')
            app.authorized('{"name": "Disk full", "raw_json": {}}')  # an envelope says all of this itself
            usual = {'name', 'type', 'occurred', 'rawJSON', 'severity'}
            assert [incident.keys() - usual for incident in app.incidents] == [fields, set()]


ALERT = {'labels': {'alertname': 'DiskFull', 'severity': 'critical'}, 'annotations': {'summary': 'Full in 4 hours'},
         'status': 'firing', 'startsAt': '2026-11-24T09:00:00Z', 'endsAt': '2026-11-24T09:30:00Z', 'fingerprint': 'c0ffee'}
ALARM = {'AlarmName': 'cpu-web', 'AlarmArn': 'arn:a', 'NewStateValue': 'OK', 'StateChangeTime': '2026-11-24T09:00:00Z'}
SNS = {'Type': 'Notification', 'TopicArn': 'arn:t', 'Message': json.dumps(ALARM), 'Timestamp': '2026-11-24T09:01:00Z'}
OTHER = {'evt': {'what': 'Disk full', 'where': 'db-1', 'level': 'P2'}, 'state': 'closed', 'begun': '2026-11-24T09:00:00Z'}
ROW, SNS_ROW, INSIDE = 'the row of alertmanager', 'the row of aws-sns', 'the event in Message'
URL, RULE, END = 'the URL', 'the general rule', 'the end of its problem'
NO_END, NO_KEY = 'neither a row nor the URL says what its end is', 'neither a row nor the URL says what identifies it'
NO_WORD = 'only a word such as high counts, under a key such as severity of the event itself, if no other contradicts it'
WHOLE_URL = 'name=evt.what,%27on%27,evt.where&severity=evt.level&occurred=begun&resolved=state%3Dclosed,evt&problem=db:evt.where'


@pytest.mark.parametrize(('payload', 'query', 'expected'), [
    (ALERT, '', {
        'name': ([('labels.alertname', 'DiskFull'), ('annotations.summary', 'Full in 4 hours')], ROW),
        'severity': ([('labels.severity', 'critical')], ROW), 'occurred': ([('startsAt', '2026-11-24T09:00:00Z')], ROW),
        'resolved': ([('status', 'firing')], f'{ROW} takes none from that'), 'problem': ([('fingerprint', 'c0ffee')], ROW)}),
    ({**ALERT, 'status': 'resolved'}, '', {
        'severity': ([], END), 'resolved': ([('status', 'resolved')], ROW),
        'occurred': ([('endsAt', '2026-11-24T09:30:00Z')], ROW)}),
    ({**ALERT, 'labels': {'alertname': 'Watchdog', 'severity': 'none'}}, '', {
        'severity': ([('labels.severity', 'none')], f'{ROW} takes none from that')}),
    (ALERT, 'problem=disk:labels.alertname&severity=labels.team&name=labels.alertname', {
        'name': ([('labels.alertname', 'DiskFull')], URL), 'severity': ([('labels.severity', 'critical')], ROW),
        'problem': ([('labels.alertname', 'DiskFull')], URL)}),
    (SNS, '', {
        'name': ([('Message', 'OK: cpu-web')], SNS_ROW), 'occurred': ([('Timestamp', SNS['Timestamp'])], SNS_ROW),
        'severity': ([], END), 'resolved': ([], INSIDE), 'problem': ([], INSIDE)}),
    ({**SNS, 'Message': json.dumps({**ALARM, 'NewStateValue': 'ALARM'})}, '', {
        'severity': ([], f'{SNS_ROW} takes none from this event')}),
    (OTHER, '', {
        'name': ([('state', 'closed')], RULE), 'severity': ([('evt.level', 'P2')], 'level is no key of a severity'),
        'occurred': ([], 'no value says it, so it is the moment of arrival'), 'resolved': ([('state', 'closed')], NO_END),
        'problem': ([], NO_KEY)}),
    (OTHER, WHOLE_URL, {
        'name': ([('evt.what', 'Disk full'), ("'on'", 'on'), ('evt.where', 'db-1')], URL), 'severity': ([], END),
        'occurred': ([('begun', '2026-11-24T09:00:00Z')], URL), 'resolved': ([('state', 'closed')], URL),
        'problem': ([('evt.where', 'db-1')], URL)}),
    (OTHER, 'severity=high&resolved=state%3Dover&problem=disk:none', {
        'severity': ([], URL), 'resolved': ([('state', 'closed')], f'{URL} takes none from that'), 'problem': ([], NO_KEY)}),
    ({'message': 'Disk is full', 'host': 'db-1', 'alert': {'severity': 'High', 'time': '2026-11-24T09:00:00Z'}}, '', {
        'name': ([('message', 'Disk is full'), ('host', 'db-1')], RULE), 'severity': ([('alert.severity', 'High')], RULE),
        'occurred': ([('alert.time', '2026-11-24T09:00:00Z')], RULE)}),
    ({'title': 'Disk full on db-1', 'x': 'Disk full', 'risk': 7, 'level': 'high', 'state': 'closed', 'status': 'closed',
      'time': '2026-11-24T09:00:00Z', 'timestamp': '2026-11-24T09:00:00Z'}, 'name=none', {
        'name': ([('state', 'closed'), ('title', 'Disk full on db-1')], RULE), 'resolved': ([('state', 'closed')], NO_END),
        'severity': ([('level', 'high')], 'level is no key of a severity'),
        'occurred': ([('time', '2026-11-24T09:00:00Z')], RULE)}),
    ({'receiver': 'x', 'groupLabels': {}, 'alerts': [{**ALERT, 'fingerprint': each} for each in 'abcd']}, '', {
        'problem': ([('alerts.*.fingerprint', 'a, b, c')], f'{ROW} takes none from that')}),
    ({'x': 'Disk full', 'data': {'title': 'Disk full'}}, 'each=none&severity=high', {
        'name': ([('data.title', 'Disk full')], RULE), 'severity': ([], URL)}),
    ({'event': 'disk.failed', 'items': [{'name': 'long ' * 40}]}, '', {
        'name': ([('event', 'disk.failed'), ('items.0.name', ('long ' * 21).strip())], RULE)}),
    ({'event': 'upload', 'url': 'https://img.example/a.jpg', 'x': 'pg', 'y': 'im'}, '', {'name': ([('event', 'upload')], RULE)}),
    ({'title': 'Disk full', 'severity': 'low'}, 'severity=high', {'severity': ([('severity', 'low')], RULE)}),
    *(({'title': 'Disk full', key: 7}, '', {'severity': ([(key, '7')], NO_WORD)}) for key in ('risk', 'Impact', 'rating')),
    ({'data': 'Disk is full\nSee db-1', 'state': 'closed by Bob'}, '', {'resolved': ([], NO_END)}),
    ({'data': 'Disk is full\nSee db-1'}, '', {'name': ([('data', 'Disk is full See db-1')], RULE)}),
    ({'severity': 7}, '', {'name': ([], 'no text can be a name'), 'severity': ([('severity', '7')], NO_WORD)}),
    ({'severity': ['high', 'low']}, '', {'severity': ([('severity.0', 'high')], NO_WORD)}),
    ({'kind': 'Event', 'verb': 'get', 'objectRef': {}, 'level': 'Metadata'}, '', {
        'severity': ([('level', 'Metadata')], 'the row of kubernetes-audit takes none from this event')}),
])
def test_a_value_names_its_path_and_what_took_it_from_there_or_why_there_is_none(
        payload: Any, query: str, expected: dict[str, Any]) -> None:
    origins = told(payload, query)
    assert {word: origins[word] for word in expected} == expected


def test_a_name_from_a_header_says_which() -> None:
    assert told({'text': 'deploy'}, **{'X-Acme-Event': 'build finished'})['name'][0][0] == ('@x-acme-event', 'build finished')


def previewed() -> Iterator[dict[str, Any]]:
    """Yield the incidents of all documented deliveries, as a preview has them."""
    for settings, cases in groupby(deliveries(), lambda case: (case.token, case.incident_type)):
        with in_preview(*settings) as app:
            for case in cases:
                app.post(case.body, case.headers, case.query)
            yield from (incident for incident in app.incidents if 'origins' in incident)


def test_each_path_of_a_documented_delivery_leads_to_its_text_in_the_details_and_only_what_is_known_has_one() -> None:
    led = 0
    for incident in previewed():
        ends = [label for label in incident.get('labels', ()) if label['type'] == 'state']
        for word, origin in incident['origins'].items():
            if word in FIELDS:
                assert ('by' in origin) == (FIELDS[word] in incident), (incident['name'], origin)
            assert word != 'resolved' or ('by' in origin) == bool(ends), (incident['name'], origin)
            for path, text in origin['at']:
                if not re.match("@|'|host: ", path) and '.*.' not in path:
                    value = find(json.loads(incident['rawJSON']), steps_of(path.split('.')))
                    led += isinstance(value, str) and text in ' '.join(value.split())
                    assert value is not None, (path, text)
    assert led > 500
