"""Severity, recovery and problem key: each scale at its edges, each word, each doubt. The senders' payloads are in senders/."""
from __future__ import annotations

import copy
import functools
import hashlib
import json
import operator
from collections.abc import Callable
from typing import Any

import pytest
from shared.app import App
from documents import severity_words
from clocks import grows_linearly
from GenericWebhook import MAX_EVENT_VALUES, SEVERITY_NUMBERS, SEVERITY_WORDS, SentFloat, identifies_something, scale_of
from tools.names.table import SENDERS
from tools.senders.folders import read_folders
from tools.senders.tables import COMMON_SCALES

WORDS = severity_words()
RESOLVED = {'type': 'state', 'value': 'resolved'}


def is_recovery(incident: dict[str, Any]) -> bool:
    return RESOLVED in incident.get('labels', [])


def incidents(payload: Any, query: str = '', **headers: str) -> list[dict[str, Any]]:
    """Post a payload with the token, and return the incidents that XSOAR was given."""
    with App() as app:
        response = app.authorized(json.dumps(payload), **headers) if not query else app.post(
            json.dumps(payload), {'Authorization': app.token}, query)
        assert response.status == 200, response.text
        return app.incidents


def severity(payload: Any, query: str = '') -> Any:
    """Return the severity of a payload's only incident, or None if XSOAR was given none."""
    [incident] = incidents(payload, query)
    return incident.get('severity')


@pytest.mark.parametrize('spell', [str, str.upper, str.title, 'E_{}'.format])
def test_each_word_of_the_guide_is_a_severity_in_an_envelope_a_payload_and_a_url(spell: Callable[[str], str]) -> None:
    spelled = {spell(word): expected for word, expected in WORDS.items()}
    assert {word: severity({'raw_json': {}, 'severity': word}) for word in spelled} == spelled
    assert {word: severity({'title': 'Disk full', 'severity': word}) for word in spelled} == spelled
    assert {word: severity({'title': 'Disk full'}, f'severity={word}') for word in spelled} == spelled


@pytest.mark.parametrize('number', [0, 0.5, 1, 2, 3, 4])
def test_an_envelope_and_a_url_may_have_a_number_of_the_scale(number: float) -> None:
    assert severity({'raw_json': {}, 'severity': number}) == number
    assert severity({'title': 'Disk full'}, f'severity={number}') == number


@pytest.mark.parametrize('value', ['urgent', '3', 5, -1, 0.7, True, [], {}, '', 'none', 'unknown'])
def test_a_wrong_severity_of_an_envelope_is_400_with_the_words(value: Any) -> None:
    with App() as app:
        response = app.authorized(json.dumps({'raw_json': {}, 'severity': value}))
    assert response.status == 400
    assert all(word.lower() in response.detail for word in WORDS)
    assert '0, 0.5, 1, 2, 3 or 4' in response.detail
    assert not app.incidents


@pytest.mark.parametrize('envelope', [
    {}, {'name': 'a'}, {'name': 'a', 'type': 'b', 'occurred': '2026-11-24T10:00:00Z', 'raw_json': {'severity': 'high'}},
    {'raw_json': {}, 'severity': None}])
def test_the_seeds_envelope_keeps_exactly_its_four_keys(envelope: dict[str, Any]) -> None:
    [incident] = incidents(envelope)
    assert set(incident) == {'name', 'type', 'occurred', 'rawJSON'}


def test_an_envelopes_own_severity_comes_before_the_urls() -> None:
    assert severity({'raw_json': {}, 'severity': 'low'}, 'severity=high') == 1
    assert severity({'raw_json': {}}, 'severity=high') == 3


def test_an_object_with_severity_but_without_raw_json_is_a_third_party_payload() -> None:
    [incident] = incidents({'name': 'Disk full', 'severity': 'high'})
    assert json.loads(incident['rawJSON']).items() >= {'name': 'Disk full', 'severity': 'high'}.items()
    assert incident['severity'] == 3


@pytest.mark.parametrize('payload', [
    {'severity': 3}, {'severity': '3'}, {'level': 'critical'}, {'priority': 2}, {'severity': 'unheard of'},
    {'risk': 'high'}, {'urgency': 'normal'}, {'urgency': 3}, {'priority': '1'}, {'alert_priority': 'high'},
    {'severity': None}, {'severity': True}, {'data': [{'severity': 'high'}]}, {'data': [{'alert': {'severity': 'high'}}, {}]},
    {'alert': {'data': {'severity': 'high'}}}, {'TopicArn': 'arn', 'Message': 'Disk full', 'severity': 'high'},
    # What disagrees, or is about something else
    {'severity': 'high', 'alert_severity': 'low'}, {'severity': 'high', 'alert_severity': 'low', 'priority': 'high'},
    *({key: 'high'} for key in ('previous_severity', 'oldSeverity', 'last_severity', 'min_severity', 'maxSeverity',
                                'threshold_severity', 'default-severity', 'former_severity', 'prior_severity',
                                'severity_reason')),
    {'priority': 'high', 'urgency': 'low'}, {'body': 'severity=high host=db-1 x=1'},
    *(dict(zip(keys, words, strict=True)) for words in (('low', 'critical'), ('critical', 'low')) for keys in (
        ('severity', 'Severity'), ('alertSeverity', 'alert_severity'), ('host_severity', 'hostSeverity'),
        ('priority', 'Priority'))),
], ids=json.dumps)
def test_an_uncertain_severity_is_left_out(payload: dict[str, Any]) -> None:
    assert severity({'title': 'Disk full', **payload}) is None


@pytest.mark.parametrize('payload', [
    *({key: 'high'} for key in ('severity', 'Severity', 'SEVERITY', 'alert_severity', 'severityLabel', 'severity-name',
                                'severity_level', 'criticality')),
    {'incident_severity': 'High'}, {'SystemSeverity': 'P2'}, {'priority': 'high'}, {'Urgency': 'HIGH'},
    {'alert': {'priority': 'P2'}}, {'severity': 'unheard of', 'priority': 'high'},
    {'priority': 'low', 'alert': {'severity': 'high'}},
    {'severity': 'high', 'alertSeverity': 'error'}, {'severity': 'high', 'host_severity': 'unheard of'},
    *({inside: {'alertSeverity': 'high'}} for inside in (
        'alert', 'event', 'data', 'incident', 'issue', 'finding', 'detection', 'threat', 'violation', 'problem', 'labels',
        'commonLabels', 'tags', 'attributes', 'properties', 'vulnerability', 'ticket', 'details', 'extra')),
    {'data': {'alert': {'severity': 'high'}}},
    {'severity': {'name': 'High'}}, {'data': {'severity': {'id': 7, 'name': 'Major'}}},
    {'criticality': 'ALERT_CRITICALITY_LEVEL_HIGH'}, {'severity': 'VULN_SCAN_SEVERITY_HIGH'},
], ids=json.dumps)
def test_the_general_rule_finds_a_word_under_its_keys(payload: dict[str, Any]) -> None:
    assert severity({'title': 'Disk full', **payload}) == 3


def test_an_object_that_is_the_only_member_is_looked_into_four_levels_down() -> None:
    four = {'a': {'b': {'c': {'d': {'severity': 'high', 'x': 1}}}}}
    assert (severity(four), severity({'e': four})) == (3, None)


@pytest.mark.parametrize('word', ['facility', 'program', 'ident', 'SYSLOG_IDENTIFIER', 'app_name', 'pid', 'levelname', 'from',
                                  'to', 'cc', 'recipient', 'recipients', 'message_id', 'apiVersion', 'kubernetes', 'namespace',
                                  'pod', 'auditID'])
def test_a_priority_in_a_log_a_mail_or_an_object_of_kubernetes_is_no_severity(word: str) -> None:
    assert severity({'title': 'Disk full', word: 'x', 'priority': 'high'}) is None
    assert severity({'title': 'Disk full', word: 'x', 'severity': 'high'}) == 3
    assert severity({'title': 'Disk full', 'alert': {word: 'x', 'urgency': 'high'}}) is None


def test_a_priority_counts_only_beside_a_text_that_says_what_happened() -> None:
    build = {'id': 'build-7', 'status': 'errored', 'error': {'message': 'Unknown error'}, 'priority': 'high'}  # of Expo's queue
    assert severity(build) is None
    assert severity({**build, 'subject': 'The build fails'}) == 3


@pytest.mark.parametrize(('payload', 'expected'), [
    # Semgrep and Dependency-Track have the third and the fourth, Taiga, VMware Aria, Zammad and Censys the others.
    ({'event': {'type': 'incident.created'}, 'data': {'title': 'Payments fail', 'priority': 'P1'}}, 4),
    ({'payload': {'x': 1}, 'incident': {'title': 'Payments fail', 'urgency': 'high', 'number': 7}}, 3),
    ({'check_id': 'sqli', 'path': 'app.py', 'extra': {'severity': 'ERROR', 'message': 'SQL from a request'}}, 3),
    ({'notification': {'group': 'NEW_VULNERABILITY'}, 'vulnerability': {'vulnId': 'CVE-2026-1', 'severity': 'MEDIUM'}}, 2),
    ({'action': 'change', 'type': 'issue', 'data': {'subject': 'New', 'severity': {'id': 7, 'name': 'Minor'}}}, 1),
    ({'status': 'ACTIVE', 'criticality': 'ALERT_CRITICALITY_LEVEL_CRITICAL', 'info': 'CPU of shop'}, 4),
    ({'ticket': {'title': 'Printer is on fire', 'priority': 'High', 'state': 'open'}, 'article': {'id': 7}}, 3),
    ({'ticket': {'title': 'Printer is on fire', 'priority': 'High', 'state': 'closed'}, 'article': {'id': 7}}, None),
    ({'event': {'type': 'risk_opened', 'data': {'risk_severity': 'medium'}}}, 2),
    ({'event': {'type': 'risk_closed', 'data': {'risk_severity': 'medium', 'status': 'closed'}}}, None),
    ({'event': {'severity': 'medium', 'status': 'closed', 'title': 'Disk full'}}, None),
    # Spectate, and E2E Networks' TIR
    ({'check': 'uptime', 'status': 'down', 'incident': {'id': 7, 'reason': 'timeout', 'severity': 'critical'}}, 4),
    ({'check': 'uptime', 'status': 'recovered', 'incident': {'id': 7, 'reason': 'timeout', 'severity': 'critical'}}, None),
    ({'version': 'v1', 'status': 'firing', 'alert': {'name': 'GPU load', 'severity': 'Warning'}}, 2),
    ({'version': 'v1', 'status': 'resolved', 'alert': {'name': 'GPU load', 'severity': 'Warning'}}, None),
    ({'type': 'OK_TO_FIRING', 'title': 'CPU is busy', 'severity': 'CRITICAL'}, 4),
    # How critical a device is, does not say how severe the event is
    ({'device': {'hostname': 'db-1', 'criticality': 'critical'}}, None),
    # What is at the top, and of now, comes first.
    ({'alert': {'severity': 'low'}, 'severity': 'high', 'title': 'Disk full'}, 3),
    ({'alert': {'severity': 'low'}, 'severity': 'unheard of', 'title': 'Disk full'}, 1),
    ({'title': 'Disk full', 'severity': 'high', 'previous_severity': 'low'}, 3),
])
def test_an_event_without_a_row_is_as_severe_as_its_words_until_it_ends(payload: dict[str, Any], expected: float | None) -> None:
    assert severity(payload) == expected


WINDOWS = {'Message': 'A service was installed.', 'EventID': 7045, 'Severity': 'ERROR'}


@pytest.mark.parametrize('source', [
    {'SourceName': 'Service Control Manager'}, {'Channel': 'System'}, {'ProviderName': 'Service Control Manager'},
    {'source_name': 'Service Control Manager'}, {'provider': {'name': 'Service Control Manager'}},
    {'provider.name': 'Service Control Manager'},
])
def test_a_level_of_a_windows_log_is_no_severity(source: dict[str, Any]) -> None:
    assert severity({**WINDOWS, **source}) is None
    assert severity({'event': {**WINDOWS, **source}, 'x': 1}) is None
    assert severity({**WINDOWS, **source, 'alert': {'severity': 'high'}}) is None
    assert severity({**WINDOWS, **source}, 'severity=low') == 1
    assert severity({'alert': {'severity': 'high'}, 'event': {**WINDOWS, **source}}) == 3


def test_what_has_only_one_key_of_a_windows_log_has_a_severity() -> None:
    assert severity(WINDOWS) == severity({**WINDOWS, 'provider': {'id': 7}}) == severity({**WINDOWS, 'provider': 'acme'}) == 3
    assert severity({'title': 'Disk full', 'channel': '#ops', 'severity': 'high'}) == 3


def test_the_level_of_a_record_in_azures_syslog_is_no_severity() -> None:
    record = {'Facility': 'user', 'SyslogMessage': 'Node 7 is not reachable', 'SeverityLevel': 'notice'}
    assert (severity(record), severity(record, 'at_least=critical')) == (None, None)
    assert severity({'title': 'Fire alarm', 'Facility': 'Building 7', 'eventId': 'e-17', 'SeverityLevel': 'Critical'}) == 4


@pytest.mark.parametrize('end', [
    {'status': 'Manually resolved'}, {'status': 'Resolved '}, {'status': 'Auto-Closed'}, {'action': 'CLEARED'},
    {'Status': 'recovered'}, {'alert': {'status': 'automatically resolved'}}, {'incident': {'state': 'closed'}},
    {'issue': {'currentState': 'OK'}}, {'ticket': {'status': 'closed'}},
    {'problem': {'alert_state': 'normal'}}, {'entity_state': 'UP'}, {'state': 'Resolved', 'previousState': 'open'},
    {'type': 'FIRING_TO_OK'}, {'type': 'ALARM_TO_NORMAL'}, {'status': 'auto_resolved'},  # Oracle Cloud's alarms have the first
])
def test_an_event_that_says_that_it_ended_has_no_severity_and_no_label(end: dict[str, Any]) -> None:
    [incident] = incidents({'title': 'Disk full', 'severity': 'Critical', **end})
    assert {'severity', 'labels'}.isdisjoint(incident)
    assert severity({'title': 'Disk full', 'severity': 'Critical', **end}, 'severity=low') == 1


@pytest.mark.parametrize('other', [
    {'status': 'ok'}, {'status': 'up'}, {'status': 'unresolved'}, {'status': 'not resolved'}, {'status': 'Resolved by nobody'},
    {'previous_state': 'ok'}, {'lastAlertState': 'resolved'}, {'state': 'open'}, {'state': ['closed']}, {'statement': 'closed'},
    {'action': 'close'}, {'data': {'status': 'resolved'}}, {'status_code': 'OK'}, {'issue': [{'status': 'closed'}]},
])
def test_what_may_be_about_something_else_ends_nothing(other: dict[str, Any]) -> None:
    assert severity({'title': 'Disk full', 'severity': 'Critical', **other}) == 4


EDGES = [
    ('guardduty', 0, 1), ('guardduty', 3.9, 1), ('guardduty', 4, 2), ('guardduty', 6.9, 2), ('guardduty', 7, 3),
    ('guardduty', 8.9, 3), ('guardduty', 9, 4), ('guardduty', '8.9', 3),
    ('security-hub', 0, 0.5), ('security-hub', 1, 1), ('security-hub', 39, 1), ('security-hub', 40, 2), ('security-hub', 69, 2),
    ('security-hub', 70, 3), ('security-hub', 89, 3), ('security-hub', 90, 4), ('security-hub', 100, 4),
    ('security-hub', 101, None),
    ('wazuh', 0, 0.5), ('wazuh', 3, 0.5), ('wazuh', 4, 1), ('wazuh', 6, 1), ('wazuh', 7, 2), ('wazuh', 11, 2), ('wazuh', 12, 3),
    ('wazuh', 14, 3), ('wazuh', 15, 4), ('wazuh', 16, 4), ('wazuh', 17, None),
    ('suricata', 1, 3), ('suricata', 2, 2), ('suricata', 3, 1), ('suricata', 4, 0.5), ('suricata', 255, 0.5),
    ('suricata', 0, None),
    ('crowdstrike', 1, 0.5), ('crowdstrike', 2, 1), ('crowdstrike', 3, 2), ('crowdstrike', 4, 3), ('crowdstrike', 5, 4),
    ('crowdstrike', 6, 0.5), ('crowdstrike', 19, 0.5), ('crowdstrike', 20, 1), ('crowdstrike', 39, 1), ('crowdstrike', 40, 2),
    ('crowdstrike', 59, 2), ('crowdstrike', 60, 3), ('crowdstrike', 79, 3), ('crowdstrike', 80, 4), ('crowdstrike', 0, None),
    ('azure', 'Sev0', 4), ('azure', 'Sev1', 3), ('azure', 'Sev2', 2), ('azure', 'Sev3', 0.5), ('azure', 'Sev4', 0.5),
    ('azure', 0, 4), ('azure', '1', 3), ('azure', 2, 2), ('azure', 3, 0.5), ('azure', 4, 0.5), ('azure', 5, None),
    ('thehive', 1, 1), ('thehive', 2, 2), ('thehive', 3, 3), ('thehive', 4, 4), ('thehive', 0, None), ('thehive', 5, None),
    ('servicenow', '1', 4), ('servicenow', '2', 3), ('servicenow', '3', 2), ('servicenow', '4', 1), ('servicenow', '5', 0.5),
    ('servicenow', '6', None), ('servicenow', '1 - Critical', None),
    ('servicenow-severity', 1, 3), ('servicenow-severity', 2, 2), ('servicenow-severity', 3, 1), ('servicenow-severity', 4, None),
    ('linear', 0, None), ('linear', 1, 4), ('linear', 2, 3), ('linear', 3, 2), ('linear', 4, 1),
    ('cloudevents', 0, None), ('cloudevents', 1, 0.5), ('cloudevents', 12, 0.5), ('cloudevents', 13, 2), ('cloudevents', 16, 2),
    ('cloudevents', 17, 3), ('cloudevents', 20, 3), ('cloudevents', 21, 4), ('cloudevents', 24, 4), ('cloudevents', 25, None),
    ('ocsf', 0, None), ('ocsf', 1, 0.5), ('ocsf', 2, 1), ('ocsf', 3, 2), ('ocsf', 4, 3), ('ocsf', 5, 4), ('ocsf', 6, 4),
    ('ocsf', 99, None),
    ('falco', 'Emergency', 4), ('falco', 'Alert', 4), ('falco', 'Critical', 4), ('falco', 'Error', 3), ('falco', 'Warning', 2),
    ('falco', 'Notice', 1), ('falco', 'Informational', 0.5), ('falco', 'Debug', 0.5),
    ('priority', 'P1', 4), ('priority', 'P5', 0.5), ('priority', 'low', None), ('priority', 'normal', None),
    ('zendesk', 'urgent', 4), ('zendesk', 'high', 3), ('zendesk', 'normal', 2), ('zendesk', 'low', 1),
    ('jira', 'Highest', 4), ('jira', 'High', 3), ('jira', 'Medium', 2), ('jira', 'Low', 1), ('jira', 'Lowest', 0.5),
    ('orca', 'imminent compromise', 3), ('azure-devops', '1 - Critical', 4), ('azure-devops', '4 - Low', 1),
]


SCALES = {name: scale_of(text) for facts in [{'scales': COMMON_SCALES}, *(each.facts for each in read_folders().values())]
          for name, text in facts.get('scales', {}).items() if text}


def test_a_senders_scale_is_right_at_its_edges() -> None:
    sent = [(scale, value, SentFloat(str(value)) if isinstance(value, float) else value) for scale, value, _ in EDGES]
    assert [(scale, value, SCALES[scale].severity(as_sent)) for scale, value, as_sent in sent] == EDGES


@pytest.mark.parametrize('value', [True, None, 'nan', 'inf', '-1', -1, '1_0', '٣', [], {}, ''])
def test_no_scale_takes_what_is_neither_its_word_nor_a_number(value: Any) -> None:
    scales = [SEVERITY_WORDS, SEVERITY_NUMBERS, *SCALES.values()]
    assert [scale for scale in scales if scale.severity(value) is not None] == []


GROUP = SENDERS['alertmanager'].deliveries[0]['payload']


def group(*alerts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a group of Alertmanager with these alerts, each like the documented one but for what is given."""
    documented = copy.deepcopy(GROUP)
    documented['commonLabels'] = {'alertname': 'DiskFull'}
    documented['alerts'] = [{**copy.deepcopy(GROUP['alerts'][0]), **each} for each in alerts]
    return {**documented, **changes}


def test_the_gravest_alert_of_a_group_counts() -> None:
    labels = [{'labels': {'alertname': 'x', 'severity': each}} for each in ('warning', 'critical', 'info')]
    assert severity(group(*labels)) == 4
    assert severity(group(*labels, commonLabels={'severity': 'warning'})) == 2


def test_a_group_of_one_has_the_key_of_its_alert_and_a_larger_one_has_none() -> None:
    [alone] = incidents(group({'fingerprint': 'a1'}))
    assert alone['dbotMirrorId'] == 'alertmanager:a1'
    for doubtful in (group({'fingerprint': 'a1'}, {'fingerprint': 'b2'}), group({'fingerprint': 'a1'}, truncatedAlerts=3),
                     group(), group({'fingerprint': ''}), group({'fingerprint': None}), group({'fingerprint': ['a1']})):
        [incident] = incidents(doubtful)
        assert 'dbotMirrorId' not in incident


def test_each_alert_has_its_own_severity_state_and_key() -> None:
    alerts = [{'fingerprint': 'a1', 'status': 'firing', 'labels': {'alertname': 'x', 'severity': 'critical'}},
              {'fingerprint': 'b2', 'status': 'resolved', 'labels': {'alertname': 'y', 'severity': 'critical'},
               'endsAt': '2026-11-24T09:30:00Z'}]
    firing, resolved = incidents(group(*alerts, status='firing'), 'each=alerts')
    assert (firing['severity'], firing['dbotMirrorId'], firing['labels']) == (
        4, 'alertmanager:a1', [{'type': 'problem', 'value': 'alertmanager:a1'}])
    assert (resolved['severity'], resolved['dbotMirrorId']) == (0.5, 'alertmanager:b2')
    assert resolved['labels'] == [RESOLVED, {'type': 'problem', 'value': 'alertmanager:b2'}]
    assert resolved['occurred'] == '2026-11-24T09:30:00Z'
    [only] = incidents(group(*alerts), 'each=alerts&skip=resolved')
    assert only['dbotMirrorId'] == 'alertmanager:a1'


def test_a_series_that_vanished_is_not_a_recovery() -> None:
    vanished = {'status': 'resolved', 'annotations': {'grafana_state_reason': 'MissingSeries'}}
    ended = {'status': 'resolved', 'annotations': {}}
    assert is_recovery(incidents(group(ended, ended, status='resolved'))[0])
    for doubtful in (group(vanished, status='resolved'), group(ended, vanished, status='resolved')):
        assert not is_recovery(incidents(doubtful)[0])
    assert not is_recovery(incidents(group(vanished), 'each=alerts')[0])


def test_what_is_too_large_to_be_read_whole_is_in_doubt() -> None:
    many = group(*[{'status': 'resolved', 'annotations': {}}] * MAX_EVENT_VALUES, status='resolved')
    [incident] = incidents(many)
    assert not {'labels', 'dbotMirrorId'} & set(incident)


def test_recoveries_can_be_skipped_by_the_url() -> None:
    with App() as app:
        for query, created in (('', 1), ('skip=resolved', 0)):
            before = len(app.incidents)
            response = app.post(json.dumps({'payload': query, **group({'status': 'resolved'}, status='resolved')}),
                                {'Authorization': app.token}, query)
            assert response.status == 200
            assert len(app.incidents) - before == created
            assert (app.outcome == 'skipped: resolved') is not created
        assert response.text.strip() == '[]'
        both = [{'title': 'Disk full'}, group({'status': 'resolved'}, status='resolved')]
        app.post(json.dumps(both), {'Authorization': app.token}, 'skip=resolved')
        assert len(app.incidents) == 2
        assert app.outcome.endswith(', skipped: resolved')


KEYS = [(sender.key, each) for sender in SENDERS.values() for each in sender.deliveries
        if 'payload' in each and str(each['expected'].get('problem_key', '')).startswith(sender.key)]


def scalars(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all texts and numbers in a JSON value."""
    if isinstance(value, dict):
        return [found for key, each in value.items() for found in scalars(each, (*path, key))]
    if isinstance(value, list):
        return [found for index, each in enumerate(value) for found in scalars(each, (*path, index))]
    return [path] if type(value) in (str, int) else []


def at(value: Any, path: tuple[Any, ...]) -> Any:
    return functools.reduce(operator.getitem, path, value)


def changed(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a copy of a JSON value with the text or number at a path changed."""
    other = copy.deepcopy(value)
    inner = at(other, path[:-1])
    inner[path[-1]] = inner[path[-1]] + (1 if isinstance(inner[path[-1]], int) else 'x')
    return other


@pytest.mark.parametrize(('sender', 'delivery'), KEYS, ids=[f'{key}: {each["title"]}' for key, each in KEYS])
def test_a_key_changes_with_some_part_of_the_payload(sender: str, delivery: dict[str, Any]) -> None:
    key = delivery['expected']['problem_key'].partition(':')[2]
    headers = {name: value for name, value in delivery['headers'].items() if name.lower() != 'content-length'}

    def key_of(payload: Any) -> str:
        with App() as app:
            app.post(json.dumps(payload), {**headers, 'Authorization': app.token}, delivery.get('query', ''))
            return str(app.incidents[0].get('dbotMirrorId', '')).partition(':')[2]
    assert key_of(delivery['payload']) == key
    likely_first = sorted(scalars(delivery['payload']), key=lambda path: str(at(delivery['payload'], path)) not in key)
    assert any(key_of(changed(delivery['payload'], path)) not in (key, '') for path in likely_first)


def test_what_stands_for_none_is_no_problem_of_a_row_either() -> None:
    def key_of(alert_id: str) -> str:
        [incident] = incidents({'action': 'Create', 'alert': {'message': 'Disk full', 'alertId': alert_id}})
        return str(incident.get('dbotMirrorId', ''))
    for value in ('<no value>', '[object Object]', 'TRUE', 'NaN', '0', '?', '{00000000-0000-0000-0000-000000000000}'):
        assert key_of(value) == '', value
    assert key_of('a' * 100) == f'opsgenie:{"a" * 100}'
    assert key_of('[4711]') == f'opsgenie:{hashlib.sha256(b"[4711]").hexdigest()[:32]}'


def test_the_time_to_judge_an_id_grows_with_its_length() -> None:
    marks = ' ', '-', '${', '{{', '{a', '$a', '\u2003', '\n', '<', '[', '(', '%', '%!s(', '>', '<>', '{0'
    grows_linearly(lambda count: [f'x{mark * count}x' for mark in marks] + [f'{mark * count}x' for mark in marks],
                   lambda texts: list(map(identifies_something, texts)), 2000)


def test_a_key_that_could_not_stand_in_a_query_is_hashed() -> None:
    opsgenie = {'action': 'Create', 'alert': {'message': 'Disk full', 'alertId': 'a'}}
    for alert_id in ('a b', 'a"', 'a*', 'a\\', 'ä', 'a' * 101, f'x-{App().token}'):
        opsgenie['alert'] = {'message': 'Disk full', 'alertId': alert_id}
        [incident] = incidents(opsgenie)
        prefix, _, key = incident['dbotMirrorId'].partition(':')
        assert (prefix, len(key)) == ('opsgenie', 32)
        assert set(key) <= set('0123456789abcdef')


@pytest.mark.parametrize('inner', [
    {'title': 'Disk full', 'severity': 'critical'}, {'alert': {'title': 'Disk full', 'severity': 'critical'}},
    {'alertname': 'DiskFull', **group({'status': 'resolved'}, status='resolved')},
    {'event_action': 'resolve', 'dedup_key': 'a'}, {'alert_title': 'CPU is high', 'alert_cycle_key': '1', 'severity': 'high'}])
@pytest.mark.parametrize('key', ['message', 'log', 'data'])
def test_json_in_a_text_hides_and_closes_nothing(key: str, inner: dict[str, Any]) -> None:
    [incident] = incidents({key: json.dumps(inner)})
    assert set(incident) == {'name', 'type', 'occurred', 'rawJSON'}
    assert incidents({key: json.dumps(inner)}, 'skip=resolved')


def zendesk_key(account: str, subject: str) -> str:
    """Return the key of an event of Zendesk, whose key has two parts."""
    [incident] = incidents({'zendesk_event_version': '2022-11-06', 'type': 'zen:event-type:ticket.updated',
                            'account_id': account, 'subject': subject})
    return str(incident['dbotMirrorId']).removeprefix('zendesk:')


def test_no_two_lists_of_parts_give_one_key() -> None:
    lists = [('a/b', 'c'), ('a', 'b/c'), ('a', '/b/c'), ('a/', 'b/c'), ('a b/c', 'd'), ('a b', 'c/d'), ('["a"', '"b"]'),
             ('x' * 99, 'y/z'), ('x' * 99 + '/y', 'z')]
    keys = [zendesk_key(*parts) for parts in lists]
    assert len(set(keys)) == len(lists)
    assert keys[0] == 'a/b/c', 'a slash in the first part is certain, and stays'
    assert keys[1] == hashlib.sha256(b'["a", "b/c"]').hexdigest()[:32]
    assert zendesk_key('\xe9', 'a') == hashlib.sha256(b'["\\u00e9", "a"]').hexdigest()[:32]


def test_a_secret_of_github_has_one_key_in_every_event_about_it() -> None:
    alert = {'action': 'created', 'alert': {'number': 4, 'secret_type': 'a'},
             'repository': {'full_name': 'octo/shop', 'node_id': 'R_1'}}
    keys = [incidents(alert, **headers)[0]['dbotMirrorId'] for headers in (
        {'X-GitHub-Event': 'secret_scanning_alert'}, {'X-GitHub-Event': 'secret_scanning_alert_location'}, {})]
    assert set(keys) == {'github:octo/shop/secret_scanning_alert/4'}


@pytest.mark.parametrize(('url', 'key'), [
    ('https://JIRA.example.com:8443/rest/api/2/issue/10', 'jira:jira.example.com:8443/SEC-7'),
    ('http://jira.example.com', 'jira:jira.example.com/SEC-7'), ('https://alice@jira.example.com/', None),
    ('/rest/api/2/issue/10', None), ('', None), (None, None), ('javascript://jira.example.com/', None)])
def test_an_issue_of_jira_has_a_key_only_with_its_site(url: str | None, key: str | None) -> None:
    [incident] = incidents({'webhookEvent': 'jira:issue_updated', 'issue': {'self': url, 'key': 'SEC-7'}})
    assert incident.get('dbotMirrorId') == key


def test_a_wrong_severity_is_quoted_as_it_was_sent_and_never_quotes_the_token() -> None:
    token = 'a-token-of-more-than-forty-characters-0123456789'
    for value, quoted in ((7, 'Found: 7'), ('urgent', 'Found: urgent'), ({'a': 1}, 'Found: an object'), ([1], 'Found: an array'),
                          (token, ''), (f'x{token}', ''), ({token: 1}, 'Found: an object')):
        with App(token=token) as app:
            detail = app.authorized(json.dumps({'raw_json': {}, 'severity': value})).detail
        assert detail.endswith(quoted or ', p5.'), detail
        assert token[:12] not in detail


@pytest.mark.parametrize('other', [{'fingerprint': None}, {'fingerprint': ''}, None])
def test_a_group_has_no_key_if_only_one_of_its_alerts_has(other: Any) -> None:
    payload = group({'fingerprint': 'a1'}, {})
    payload['alerts'][1] = other and {**payload['alerts'][1], **other}
    [incident] = incidents(payload)
    assert 'dbotMirrorId' not in incident


@pytest.mark.parametrize('doubtful', [
    group({'status': 'resolved'}, truncatedAlerts=1),  # the others may still fire: Alertmanager's `status` leaves them out
    group({'status': 'resolved'}, {'status': 'firing'}), group({'status': 'resolved'}, {'status': None}), group(),
    {**group(), 'alerts': 'none'}, {**group(), 'alerts': {'status': 'resolved'}},
    group({'status': 'resolved'}, truncatedAlerts=1, padding=':' * 300_000),  # too large to be read whole
])
def test_a_group_of_which_some_alerts_may_fire_is_not_a_recovery(doubtful: dict[str, Any]) -> None:
    for payload in (doubtful, {**doubtful, 'title': '[RESOLVED] DiskFull'}):
        [incident] = incidents({**payload, 'status': 'resolved'})
        assert not is_recovery(incident)
        assert 'dbotMirrorId' not in incident or not payload.get('truncatedAlerts')


def test_no_number_is_rounded_up_to_a_graver_severity() -> None:
    assert severity({'service': {'serviceName': 'guardduty'}, 'arn': 'arn:aws:guardduty', 'severity': 8.9999999}) == 3
    for number in (0.50000001, 3.0000001):
        with App() as app:
            assert app.authorized(json.dumps({'raw_json': {}, 'severity': number})).status == 400
    assert severity({'raw_json': {}, 'severity': 3.0}) == 3


def test_an_alarm_of_several_resources_has_no_key() -> None:
    event = {'detail-type': 'CloudWatch Alarm State Change', 'source': 'aws.cloudwatch', 'detail': {'state': {'value': 'ALARM'}}}
    for resources, key in ((['arn:a'], 'aws-eventbridge:arn:a'), (['arn:a', 'arn:b'], None)):
        [incident] = incidents({**event, 'resources': resources})
        assert incident.get('dbotMirrorId') == key


def test_an_open_issue_of_wiz_is_not_a_recovery_whatever_is_said_beside_it() -> None:
    payload = {'sourceRule': {'name': 'Open bucket'}, 'issue': {'id': '1', 'status': 'OPEN'}, 'status': 'RESOLVED'}
    assert not is_recovery(incidents(payload)[0])
    payload['issue'] = {'id': '1'}
    assert is_recovery(incidents(payload)[0])


def test_the_first_of_several_messages_does_not_speak_for_all() -> None:
    ok, alarm = ({'Sns': {'TopicArn': 'arn:t', 'Message': json.dumps(
        {'AlarmName': 'cpu', 'NewStateValue': state, 'AlarmArn': 'arn:a'})}} for state in ('OK', 'ALARM'))
    [alone] = incidents({'Records': [ok]})
    assert (alone['severity'], alone['dbotMirrorId'], is_recovery(alone)) == (0.5, 'aws-cloudwatch:arn:a', True)
    [both] = incidents({'Records': [ok, alarm]})
    assert not {'severity', 'labels', 'dbotMirrorId'} & set(both)
    assert both['name'] == 'OK: cpu (+1 more)'


def test_recoveries_that_are_skipped_count_as_events() -> None:
    """Only the first 1,001 items of ?each= are read: an alert after them must not be lost with a 200."""
    payload = group(*[{'status': 'resolved'}] * 1001, {'status': 'firing'})
    with App() as app:
        response = app.post(json.dumps(payload), {'Authorization': app.token}, 'each=alerts&skip=resolved')
    assert response.status == 413


@pytest.mark.parametrize('text', ['null', 'None', 'N/A', '-', ' ', 'undefined', 'unknown', '$ALERT_CYCLE_KEY', '{{id}}', '{PID}',
                                  '${id}', '%{id}', '*UNKNOWN*'])
def test_a_placeholder_for_an_id_joins_no_problems(text: str) -> None:
    for payload in ({'alert_title': 'CPU is high', 'alert_cycle_key': text},
                    {'PID': text, 'ProblemTitle': 'Slow', 'State': 'OPEN'}):
        assert 'dbotMirrorId' not in incidents(payload)[0]
    assert 'dbotMirrorId' in incidents({'alert_title': 'CPU is high', 'alert_cycle_key': '1'})[0]
    braced = '{8e4ff3be-06d2-4ab5-8e0c-3b1a2e7d4f60}'  # as Microsoft writes a GUID
    assert 'dbotMirrorId' in incidents({'AlertDisplayName': 'Mimikatz was found', 'SystemAlertId': braced})[0]


@pytest.mark.parametrize('count', [1000, 5000])
def test_what_may_be_among_the_members_that_were_not_read_is_in_doubt(count: int) -> None:
    many = {f'key{number}': '' for number in range(count)}
    alert = {'status': 'resolved', 'annotations': {**many, 'grafana_state_reason': 'MissingSeries'}}
    threat = {'threatName': 'Mimikatz', 'incidentStatus': 'resolved', **many, 'analystVerdict': 'false_positive'}
    for payload, query in ((group(alert, status='resolved'), ''), (group(alert), 'each=alerts'), ({'threatInfo': threat}, '')):
        [incident] = incidents(payload, query)
        assert not is_recovery(incident)


@pytest.mark.parametrize(('alert_id', 'is_certain'), [
    ('a' * 300, True), ('a' * 301, False), ('a' * 300_000, False), (7, True), (True, False), (1.5, False),
], ids=['longest', 'too long', 'cut', 'integer', 'boolean', 'fraction'])
def test_only_a_whole_text_or_an_integer_is_a_problem_key(alert_id: Any, is_certain: bool) -> None:
    [incident] = incidents({'action': 'Create', 'alert': {'message': 'Disk full', 'alertId': alert_id}})
    assert ('dbotMirrorId' in incident) is is_certain


STARTED = '2024-11-24T09:00:00Z'


@pytest.mark.parametrize('recovery', [
    group({'status': 'resolved', 'startsAt': STARTED, 'endsAt': None}, status='resolved'),
    group({'status': 'resolved', 'startsAt': STARTED, 'endsAt': '0001-01-01T00:00:00Z'}, status='resolved'),
    {'event_action': 'resolve', 'payload': {'summary': 'Disk full', 'timestamp': STARTED}},
    {'trigger_id': '1', 'event_id': '2', 'value': '0', 'timestamp': STARTED},
], ids=['no end', 'zero time', 'a row with a time', 'a row without a time'])
def test_a_recovery_that_does_not_say_when_the_problem_ended_has_the_time_of_its_arrival(recovery: dict[str, Any]) -> None:
    [incident] = incidents(recovery)
    assert is_recovery(incident)
    assert incident['occurred'] > STARTED


@pytest.mark.parametrize(('count', 'is_end'), [(1000, True), (MAX_EVENT_VALUES, False)])
def test_a_group_of_too_many_alerts_is_in_doubt(count: int, is_end: bool) -> None:
    alerts = [{'status': 'resolved', 'labels': {'alertname': 'x'}}] * count
    [incident] = incidents({'receiver': 'r', 'status': 'resolved', 'alerts': alerts})
    assert is_recovery(incident) is is_end


FORTIGATE = ('date=2026-11-24 time=10:00:00 tz="+0100" devname="fw1" logid="0100032002" type="event" subtype="system" '
             'level="alert" vd="root" logdesc="Admin login failed" sn="0" user="{typed}" ui="https(192.0.2.7)" '
             'action="login" status="failed" reason="name_invalid" msg="Administrator {typed} login failed"')
IPS = ('date=2026-11-24 time=10:00:00 devname="fw1" type="utm" subtype="ips" level="alert" severity="critical" srcip=192.0.2.7 '
       'action="dropped" attack="Worm" url="/{typed}" agent="{typed}" msg="web_misc: Worm"')
SOPHOS = ('device="SFW" date=2026-11-24 time=10:00:00 log_type="IDP" log_subtype="Drop" priority=Critical severity="critical" '
          'user_agent="{typed}" message="{typed} was dropped"')
LOGFMT = 'time=2026-11-24T10:00:00Z level=warn msg="login failed" user="{typed}" host=db-1'
CEF = 'CEF:0|Acme|Gate|1.0|17|Worm \\| stopped|{severity}|src=192.0.2.7 msg={typed} dst=192.0.2.8'
LEEF = 'LEEF:{version}|Acme|Gate|1.0|WormStopped|{mark}cat=Malware\tsev={severity}\tusrName={typed}\tdst=192.0.2.8'


def read_line(line: str, query: str = '') -> list[dict[str, Any]]:
    """Post a log line as text, and return the incidents that XSOAR was given."""
    with App() as app:
        response = app.post(line, {'Content-Type': 'text/plain', 'Authorization': app.token}, query)
        assert response.status == 200, response.text
        return app.incidents


TYPED = ['x severity=low y=', 'x\\" severity=low y=\\"', 'x"" severity=low y=""', 'x, severity=low', "x' severity=low y='",
         'x\\\\', 'title=Gone severity=low', 'x status=resolved event_id=1']


@pytest.mark.parametrize('form', [FORTIGATE, IPS, SOPHOS, LOGFMT], ids=['FortiGate', 'IPS', 'Sophos XG', 'logfmt'])
@pytest.mark.parametrize('typed', TYPED)
def test_nothing_in_a_quoted_value_of_a_log_line_is_a_pair(form: str, typed: str) -> None:
    [honest], [attacked] = read_line(form.format(typed='ann')), read_line(form.format(typed=typed))
    assert attacked['name'].replace(typed, 'ann') == honest['name'] or 'Gone' not in attacked['name'].split()[0]
    assert attacked.get('severity') == honest.get('severity')
    assert is_recovery(attacked) == is_recovery(honest) and attacked.get('dbotMirrorId') == honest.get('dbotMirrorId')
    assert len(read_line(form.format(typed=typed), 'at_least=medium')) == 1


@pytest.mark.parametrize('line', [
    'time=2026-11-24T10:00:00Z level=low user="x" severity=low y="" host=db-1"',
    'date=2026-11-24 severity=low user=O"Brien severity=low msg=x',
    'date=2026-11-24 severity=low user="ann msg=x',
])
def test_a_line_whose_quotes_do_not_pair_is_never_below_a_severity(line: str) -> None:
    [incident] = read_line(line, 'at_least=high')
    assert 'severity' not in incident


@pytest.mark.parametrize(('line', 'query', 'expected'), [
    ('a=1 host=db-1 severity=critical msg=x severity=low', 'at_least=high', None),
    ('a=1 host=db-1 severity=low msg=x severity=critical', '', None),
    ('a=1 host=db-1 severity=low msg=x severity=low', '', 1),
    ('a=1 host=db-1 severity=critical env=prod msg=x env=test', 'skip=env=test', 4),
    ('a=1 host=db-1 severity=critical env=prod msg=x env=test', 'skip=env=prod', 4),
    ('a=1 host=db-1 severity=high state=open msg=x state=closed', 'resolved=state=closed', 3),
])
def test_a_key_of_a_log_line_with_several_values_is_in_doubt(line: str, query: str, expected: float | None) -> None:
    [incident] = read_line(line, query)
    assert (incident.get('severity'), is_recovery(incident)) == (expected, False)


@pytest.mark.parametrize(('severity', 'expected'), [
    ('10', 4), ('9', 4), ('8', 3), ('7', 3), ('6', None), ('5', None), ('3', None), ('1', None), ('0', None), ('11', None),
])
@pytest.mark.parametrize('typed', ['ann', 'x severity=Low sev=1', 'x severity=Low', 'x sev=1'])
@pytest.mark.parametrize('form', [
    CEF, *(LEEF.replace('{version}', version).replace('{mark}', mark) for version, mark in (('1.0', ''), ('2.0', 'x09|'))),
    LEEF.format(version='2.0', mark='^|', severity='{severity}', typed='{typed}').replace('\t', '^'),
], ids=['CEF', 'LEEF 1', 'LEEF 2', 'LEEF 2 with its own mark'])
def test_a_number_of_cef_and_leef_is_a_severity_from_7_on_and_no_pair_replaces_it(
        form: str, typed: str, severity: str, expected: float | None) -> None:
    [incident] = read_line(form.format(severity=severity, typed=typed), 'at_least=high')
    assert incident.get('severity') == expected


@pytest.mark.parametrize(('word', 'expected'), [('Very-High', 4), ('High', 3), ('Medium', 2), ('Low', 1), ('Unknown', None)])
def test_a_word_of_cef_is_a_severity_and_no_pair_replaces_it(word: str, expected: float | None) -> None:
    for typed in ('ann', 'x severity=High', 'x signature=Gone severity=Low', 'x |Low|severity=Low'):
        [incident] = read_line(CEF.format(severity=word, typed=typed))
        assert (incident.get('severity'), incident['name'].startswith('Worm')) == (expected, True)


@pytest.mark.parametrize('beside', [
    {'rule': {'severity': {'name': 'low', 'sub': {'value': 'critical'}}}}, {'risk': {'severity': ['low', 'critical']}},
    {'detail': json.dumps({'severity': 'critical'})}, {'detail': json.dumps([{'x': json.dumps({'severity': 'critical'})}])},
    {'detail': '{"severity": "critical"'},
])
def test_no_graver_severity_is_overlooked_in_an_object_a_list_or_json_in_a_text(beside: dict[str, Any]) -> None:
    assert incidents({'title': 'Disk full', 'severity': 'low', **beside}, 'at_least=high')


ATTACKED = {
    'a form': 'time=2026-11-24T10:00:00Z severity=critical user="TYPED" host=db-1 msg="Login failed"',
    'sshd': '<38>Nov 24 10:00:00 db-1 sshd[7]: Failed password for invalid user TYPED from 192.0.2.7 port 51 ssh2',
    'structured data': '<14>1 2026-11-24T10:00:00Z srx RT_IDP - IDP_ATTACK [junos@2636 severity="HIGH" username="TYPED"] Worm',
    'doubled quotes': 'policy="p",username="TYPED",uri="/a",violations="SQL",ip="192.0.2.7"',
    'tabs': '2026-11-24 10:00:00\treason=Blocked\tevent_id=77\turl=example.com/a\tuseragent=TYPED\tuser=ann@example.com',
    'bars': 'time=2026-11-24 10:00:00|action=reject|orig=10.0.0.1|product=VPN-1|user=TYPED|rule=7',
    'blanks': '<134>id=firewall sn=18B1 fw=203.0.113.1 pri=6 op=GET arg=TYPED code=58',
    'commas': 'type=LOGIN_ERROR, realmId=master, ipAddress=192.0.2.7, error=user_not_found, username=TYPED',
    'single quotes': "ts=2026-11-24T10:00:00Z caller=a.go:7 user=TYPED path=/y err=denied",
    'bars of a log': '3|2026-11-24|web|GET|/index.html|TYPED|low|200',
    'a bracket first': '<86>1 2026-11-24T10:00:00Z ftp vsftpd 7 - - [TYPED a=1 b=2] FAIL LOGIN: Client "192.0.2.7"',
    'a long text': 'a=1 action_severity=low url=/TYPED threat_severity=critical',
}
TYPED_BY = {
    'a form': ['a&alert_title=Gone&alert_transition=Recovered&alert_cycle_key=7&y=', 'a&severity=low&y='],
    'sshd': ['CEF:0|a|b|c|d|e|Low|', 'CEF:0|a|b|c|d|e|10|'],
    'structured data': ['x\\] CEF:0|a|b|c|d|e|Low|', 'x\\] 1|a|b|c|d|e|10|'],
    'doubled quotes': ['x\\"" severity=low y=\\""', 'x\\",uri=" severity=low z=\\'],
    'tabs': ['x severity=low y='], 'bars': ['x severity=low y='], 'blanks': ['/x;severity=low;y=1'], 'commas': ['x,severity=low'],
    'single quotes': ["'x severity=low path=/y'"], 'bars of a log': ['ann'], 'a bracket first': ['severity=low'],
    'a long text': ['A' * 4500],
}


@pytest.mark.parametrize('form', ATTACKED)
def test_what_somebody_typed_tells_no_severity_no_end_and_no_key(form: str) -> None:
    for typed in TYPED_BY[form]:
        line = ATTACKED[form].replace('TYPED', typed)
        content_type = 'application/x-www-form-urlencoded' if form == 'a form' else 'text/plain'
        with App() as app:
            app.post(line, {'Content-Type': content_type, 'Authorization': app.token}, 'at_least=medium&skip=resolved')
            [incident] = app.incidents
        assert incident.get('severity') in (None, 4 if form == 'a form' else None), line
        assert not is_recovery(incident) and 'dbotMirrorId' not in incident


@pytest.mark.parametrize('body', [
    '<alerts><alert><title>One</title><severity>low</severity></alert>'
    '<alert><title>Two</title><severity>critical</severity></alert></alerts>',
    '<alert><title>One</title><severity>low</severity><severity>critical</severity></alert>',
    'CEF:0|A|G|1|1|One|Low|src=1\nCEF:0|A|G|1|2|Two|High|dst=2', 'a=1 host=db severity=low\na=1 host=db msg="Worm"',
    'LEEF:2.0|Acme|Gate|1.0|Worm|^|cat=x^sev=1^usr=ann^sev=9^dst=1',
])
def test_no_event_of_several_in_a_text_hides_a_graver_one(body: str) -> None:
    assert len(read_line(body, 'at_least=high')) == 1
