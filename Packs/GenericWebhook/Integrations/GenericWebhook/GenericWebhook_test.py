"""Unit tests of the integration: its pure functions, and its app through WSGI. Sockets and processes are in Tests/."""
import json
from dataclasses import replace
from http import HTTPStatus

import demistomock as demisto
import pytest
from shared.app import App, defaults_of, line

import GenericWebhook
from GenericWebhook import (DEFAULT_NAME, ERROR_MARKERS, BadRequest, Rejected, Settings, Tokens, UrlWords, json_payloads,
                            read_payloads, read_settings, to_incidents, iso_date_to_rfc3339, with_text)

TOKEN = 'tok\u00e9n'
HEADER = TOKEN.encode().decode('latin-1')  # as a header is read
ARRIVED = '2026-11-24T10:00:00.000001Z'
ARRIVAL = defaults_of({'x-event': 'push'}, Settings(8080, Tokens(), 'Phishing'), occurred=ARRIVED)


@pytest.fixture
def app():
    with App(TOKEN) as running:
        yield running


def incident_of(body, arrival=ARRIVAL):
    incident, = to_incidents(read_payloads(body if isinstance(body, bytes) else body.encode()), arrival).incidents
    return with_text(incident)


# The form


@pytest.mark.parametrize('value, port', [('8080', 8080), ('1', 1), ('65535', 65535), (' 8080 ', 8080), ('9999:8080', 8080),
                                         (8080, 8080)])
def test_a_listen_port_is_read_in_each_form_that_the_server_hands_over(value, port):
    assert read_settings({'longRunningPort': value}).port == port


@pytest.mark.parametrize('value', ['abc', '0', '70000', '-1', '80.5', 'a:b', 'a:8080', '8080:', '\u0668\u0660',
                                   '1' * 5000])
def test_a_bad_listen_port_is_rejected_in_the_words_of_the_form(value):
    with pytest.raises(ValueError, match='Listen Port'):
        read_settings({'longRunningPort': value})


@pytest.mark.parametrize('token', [' token', 'token ', 'to\nken', 'to\x00ken'])
def test_a_token_that_no_header_can_carry_is_rejected_without_being_shown(token):
    with pytest.raises(ValueError, match='Authorization Verification Token') as error:
        read_settings({'longRunningPort': '1', 'auth_header': token})
    assert token not in str(error.value)


# Envelopes


def test_the_seeds_request_becomes_an_incident_with_exactly_four_keys():
    body = '{"name":"incident created via generic webhook","raw_json":{"some_field":"some_value"}}'
    assert incident_of(body) == {'name': 'incident created via generic webhook', 'type': 'Phishing', 'occurred': ARRIVED,
                                 'rawJSON': '{"some_field":"some_value"}'}


@pytest.mark.parametrize('body, details', [
    ('{"raw_json": {"b": 1.10, "a": 1234567890123456789012, "e": 1E+2}}', '{"b": 1.10, "a": 1234567890123456789012, "e": 1E+2}'),
    ('{"name": "n", "rawJson" :  [ 1 ,2] }', '[ 1 ,2]'),
    ('{"raw_json": {"t": "\\u00e9\\ud83d\\ude00 \u00e9"}}', '{"t": "\\u00e9\\ud83d\\ude00 \u00e9"}'),
    ('{"name": "n", "rawJSON": {"a":1}}', '{"a":1}'),
    ('{"raw_json": {"1": 1}, "raw_json": {"2": 2}}', '{"2": 2}'),
    ('{"raw_json": ' + '{"n": ' + '9' * 6000 + '}}', '{"n": ' + '9' * 6000 + '}'),
    ('{"name": "only", "occurred": null}', '{"name": "only", "occurred": null}'),
    ('{}', '{}'),
    ('', '{}'),
    ('  \r\n', '{}'),
    ('\ufeff{"raw_json": {}}', '{}'),
])
def test_the_details_of_an_envelope_are_what_was_sent_to_the_letter(body, details):
    assert incident_of(body)['rawJSON'] == details


@pytest.mark.parametrize('fields, word', [
    ({'name': 1}, "'name' is a number"), ({'name': ['a']}, "'name' is an array"), ({'type': {}}, "'type' is an object"),
    ({'occurred': True}, "'occurred' is true or false"), ({'raw_json': 'text'}, "'raw_json' is a string"),
    ({'raw_json': None}, "'raw_json' is null"), ({'rawJson': 1}, "'rawJson' is a number"),
    ({'raw_json': {}, 'rawJson': {}}, 'only one'), ({'raw_json': {}, 'level': 3}, "beside 'raw_json'"),
    ({'occurred': 'yesterday'}, "'occurred' is not an ISO 8601 date"), ({'occurred': ''}, "'occurred' is not"),
    ({'name': False}, "'name' is true or false"),
])
def test_an_envelope_that_breaks_our_format_is_rejected_with_the_rule(fields, word):
    with pytest.raises(BadRequest, match=word):
        incident_of(json.dumps(fields))


@pytest.mark.parametrize('body, found', [
    ('{"raw_json": {}, "pass\\nword": "x"}', 'pass\\nword'),
    ('{"occurred": "2026-02-31"}', '2026-02-31 (day is out of range for month)'),
])
def test_what_the_sender_wrote_is_reported_to_the_sender_but_not_to_the_log(body, found):
    with pytest.raises(BadRequest) as error:
        incident_of(body)
    assert found not in error.value.detail
    assert error.value.detail_for_sender.endswith(f'Found: {found}')


@pytest.mark.parametrize('fields, name, kind', [
    ({}, DEFAULT_NAME, 'Phishing'), ({'name': '', 'type': ''}, DEFAULT_NAME, 'Phishing'),
    ({'name': None, 'type': None}, DEFAULT_NAME, 'Phishing'), ({'name': 'n', 'type': 'Malware'}, 'n', 'Malware'),
])
def test_name_and_type_fall_back_where_the_sender_gives_none(fields, name, kind):
    incident = incident_of(json.dumps(fields))
    assert (incident['name'], incident['type']) == (name, kind)


def test_without_any_type_the_choice_is_left_to_the_server():
    assert incident_of('{}', defaults_of({}, read_settings({'incidentType': ''})))['type'] is None


@pytest.mark.parametrize('occurred', [None, '0001-01-01T00:00:00Z', '0001-01-01T00:00:00'],
                         ids=['null', "Go's zero time", ".NET's zero time"])
def test_an_envelope_that_tells_no_time_occurred_when_it_arrived(occurred):
    assert incident_of(json.dumps({'occurred': occurred}))['occurred'] == ARRIVED


# Foreign payloads


def test_a_foreign_payload_is_kept_whole_with_the_requests_headers():
    incident = incident_of('{"name": "alert", "type": 7, "severity": 1.50}')
    assert incident['rawJSON'] == '{"name": "alert", "type": 7, "severity": 1.50, "headers": {"x-event": "push"}}'
    assert (incident['name'], incident['type']) == ('push: alert', 'Phishing')


def test_a_foreign_payload_with_headers_of_its_own_keeps_them():
    body = '{"headers": null, "a": 1}'
    assert incident_of(body)['rawJSON'] == body


@pytest.mark.parametrize('fields', [{'name': 1}, {'type': []}, {'occurred': 12}, {'occurred': 'soon'}, {'name': None}])
def test_a_foreign_payload_is_never_rejected_for_its_types(fields):
    incident = incident_of(json.dumps({**fields, 'other': 1}))
    assert (incident['name'], incident['type'], incident['occurred']) == ('push', 'Phishing', ARRIVED)


# Dates


@pytest.mark.parametrize('text', ['2026-11-24T10:00:00Z', '2026-11-24T10:00:00.123456789Z', '2026-11-24T10:00:00+14:00',
                                  '2024-02-29T00:00:00Z'])
def test_an_rfc_3339_date_passes_unchanged(text):
    assert iso_date_to_rfc3339(text) == text


@pytest.mark.parametrize('text, moment', [
    ('2026-11-24T10:00:00', '2026-11-24T10:00:00Z'), ('2026-11-24 10:00:00', '2026-11-24T10:00:00Z'),
    ('2026-11-24', '2026-11-24T00:00:00Z'), ('2026-11-24T10:00:00z', '2026-11-24T10:00:00Z'),
    ('2026-11-24t10:00:00.5+01:00', '2026-11-24T09:00:00.500000Z'), (' 2026-11-24T10:00Z ', '2026-11-24T10:00:00Z'),
])
def test_another_iso_8601_form_is_brought_to_rfc_3339(text, moment):
    assert iso_date_to_rfc3339(text) == moment


@pytest.mark.parametrize('text, moment', [
    ('20261124', '2026-11-24T00:00:00Z'), ('20261124T100000Z', '2026-11-24T10:00:00Z'), ('2026-W48-2', '2026-11-24T00:00:00Z'),
    ('2026W482T10', '2026-11-24T10:00:00Z'), ('2026-W48', '2026-11-23T00:00:00Z'), ('20261124T1000+0130', '2026-11-24T08:30:00Z'),
    ('2026-11-24T10:00:00,5', '2026-11-24T10:00:00.500000Z'),
])
def test_basic_and_week_forms_are_brought_to_rfc_3339(text, moment):
    assert iso_date_to_rfc3339(text) == moment


@pytest.mark.parametrize('text', ['', 'now', '1764000000', '1712010112', '24.11.2026', '2026-02-31', '2026-11-24T25:00:00Z',
                                  '2026-13-01T00:00:00Z', '2026-11-24T10:00:60Z',
                                  '0001-01-01T00:00:00.0+01', '2026-11-24x10:00', '\u0662026-11-24'])
def test_a_text_that_is_not_a_date_is_rejected(text):
    with pytest.raises((ValueError, OverflowError)):
        iso_date_to_rfc3339(text)


# JSON


@pytest.mark.parametrize('text, where', [
    ('{"a": 1,}', 'line 1 column'), ('{\n "a" 1}', 'line 2 column 6'), ('{"a": NaN}', 'NaN is not JSON, line 1 column 7'),
    ('{"NaN": "x",\n "b": [-Infinity]}', '-Infinity is not JSON, line 2 column 8'), ('{"a": "\\\t"}', 'line 1 column 9'),
    ('{"\u00e9": "a\nb\tc\x01\\"",\n "b" 1}', "expected ':', line 3 column 6"), ('\x0b{}', 'line 1 column 1'),
    ('{"a": "\\ud800"\n, "b": [1,]}', 'line 2 column 11'), ('{"a": "\n', 'it ends early, line 2 column 1'),
    ('{"a": -x}', 'line 1 column 8'), ('["\\ud83\ufeff"]', 'unicode escape, line 1 column 8'),
    ('\n"b" 1}', 'line 2 column 6'), ('{"a": 1} x', 'line 1 column 10'),
    ('{', 'line 1 column 2'), ('[' * 100_000, 'nested too deeply'), ('{"a": 01}', 'line 1'),
])
def test_bad_json_is_rejected_with_its_place(text, where):
    with pytest.raises(BadRequest, match=where):
        json_payloads(text.encode())


@pytest.mark.parametrize('sent, kept', [
    ('{"raw_json": {"a": "one\ntwo\tthree\x01\r\x1f"}}', r'{"a": "one\ntwo\tthree\u0001\r\u001f"}'),
    ('{"raw_json":\n\t{"a\n\\"": ["\\\\", "\n"]}}', r'{"a\n\"": ["\\", "\n"]}'),
])
def test_raw_control_characters_inside_strings_are_kept_as_escapes(sent, kept):
    assert incident_of(sent)['rawJSON'] == kept


@pytest.mark.parametrize('sent, kept', [
    (r'"\ud83d\ude00 \uD83D\uDE00"', r'"\ud83d\ude00 \uD83D\uDE00"'), (r'"\ud83d"', r'"\ufffd"'), (r'"\uDE00"', r'"\ufffd"'),
    (r'"\ud83d\ud83d\ude00\ude00"', r'"\ufffd\ud83d\ude00\ufffd"'), (r'"\\ud83d\ude00"', r'"\\ud83d\ufffd"'),
    (r'"\ud83d \ude00\\"', r'"\ufffd \ufffd\\"'), (r'"\ud83d\\\ude00\n"', r'"\ufffd\\\ufffd\n"'),
])
def test_half_a_surrogate_pair_becomes_the_character_for_what_can_not_be_read(sent, kept):
    for before in ('', *(json.dumps('\n' * count) + ', ' for count in range(980, 1000))):  # a match has at most 999 escapes
        assert incident_of(f'{{"raw_json": [{before}{sent}]}}')['rawJSON'] == f'[{before}{kept}]'


def test_a_marker_of_the_servers_errors_in_a_foreign_name_or_type_is_written_as_none():
    incident = incident_of('{"name": "a $$## b", "type": "[ERROR-fd5a7750-7182-4b38-90ba-091824478903]", "other": "$$##", '
                           '"occurred": "2025-11-24T10:00:00Z"}')
    assert (incident['name'], incident['type']) == ('push: a $ $## b', '[ ERROR-fd5a7750-7182-4b38-90ba-091824478903]')
    assert not any(marker in str(incident) for marker in ERROR_MARKERS)


@pytest.mark.parametrize('body', ['{"raw_json": {}}', '{"title": "Disk full"}'])
def test_a_marker_of_the_servers_errors_in_the_type_of_a_url_is_written_as_none(body):
    assert incident_of(body, replace(ARRIVAL, words=UrlWords(type='a $$## b')))['type'] == 'a $ $## b'


def test_a_marker_of_the_servers_errors_in_the_details_is_spelled_otherwise():
    sent = {'a': 'x [ERROR-fd5a7750-7182-4b38-90ba-091824478903] y', '$$##': ['$$##']}
    details = incident_of(json.dumps({'raw_json': sent}))['rawJSON']
    assert json.loads(details) == sent
    assert '[ERROR-' not in details
    assert '$$##' not in details


@pytest.mark.parametrize('field', ['name', 'type'])
def test_a_marker_of_the_servers_errors_in_a_name_or_a_type_is_rejected(field):
    with pytest.raises(BadRequest, match='XSOAR reads it as an error'):
        incident_of(json.dumps({field: 'a $$## b'}))


def test_an_incident_of_a_payload_has_its_keys_in_order():
    assert list(incident_of('{}')) == ['name', 'type', 'occurred', 'rawJSON']


# The app


def test_a_post_with_the_token_is_answered_with_the_created_incident(app):
    answer = app.authorized('{"name": "one"}')
    assert (answer.status, answer.headers['content-type']) == (200, 'application/json')
    assert [(created['id'], created['name']) for created in answer.json] == [('1.0', 'one')]


def test_an_empty_array_creates_nothing_and_is_answered_with_an_empty_array(app):
    answer = app.authorized('[]')
    assert (answer.status, answer.text, app.calls) == (200, '[]', [])


@pytest.mark.parametrize('value', [None, '', 'tok', HEADER + ' ', 'Bearer ' + HEADER, HEADER.upper(), '\xff',
                                   f'{HEADER},{HEADER}'])
def test_a_post_without_the_exact_token_is_rejected_before_its_body_is_read(app, value):
    answer = app.ask('POST', body=None, headers={} if value is None else {'Authorization': value})
    assert answer.status == 401
    assert 'www-authenticate' in answer.headers
    assert app.calls == []


def test_without_a_configured_token_every_post_is_let_in():
    with App('') as open_to_all:
        assert open_to_all.post('{}', {'Authorization': 'anything'}).status == 200


@pytest.mark.parametrize('body, status', [
    (b'{"a": 1', 400), (b'[1]', 400), (b'{"name": 1}', 400), (b'[{"name": "good"}, {"name": 1}]', 400), (b'\xff\xfe{', 415),
])
def test_a_bad_body_is_rejected_and_creates_nothing(app, body, status):
    assert app.authorized(body).status == status
    assert app.calls == []


def test_one_bad_item_is_named_by_its_position(app):
    answer = app.authorized('[{"name": "good"}, {"name": 1}]')
    assert answer.detail.startswith('Item 2 of 2: ')


def test_a_body_over_the_limit_is_rejected_by_its_stated_length_alone(app):
    answer = app.ask('POST', body=None, headers={'Authorization': HEADER}, length=25 * 1024 * 1024 + 1)
    assert answer.status == 413


@pytest.mark.parametrize('method, path, status', [
    ('GET', '/', 200), ('HEAD', '/', 200), ('OPTIONS', '/', 204), ('PATCH', '/', 405), ('DELETE', '/', 405), ('BREW', '/', 405),
    ('GET', '/x', 404), ('POST', '/x', 404),
])
def test_each_method_and_path_has_its_response(app, method, path, status):
    answer = app.ask(method, path=path)
    assert answer.status == status
    if status >= 400:
        assert answer.json == {'title': HTTPStatus(status).phrase, 'status': status, 'detail': answer.detail}
    if status in (204, 405):
        assert answer.headers['allow'] == 'GET, HEAD, OPTIONS, POST, PUT'
    if method == 'GET' and status == 200:
        assert answer.headers['content-type'].startswith('text/plain')
        assert 'send a POST' in answer.text


def test_the_headers_that_are_kept_hold_no_secret(app):
    app.authorized('{"a": 1}', 'application/json', Cookie='c', X_Event='push', Connection='X-Hop, Close', X_Hop='h')
    kept = app.details['headers']
    assert kept['x-event'] == 'push'
    assert kept['content-type'] == 'application/json'
    assert kept.keys().isdisjoint({'authorization', 'cookie', 'connection', 'x-hop'})


def test_an_exception_in_a_handler_is_a_plain_500_and_shown_in_the_health(app):
    answer = app.ask('POST', '', b'{}', {'Authorization': HEADER}, length='three')
    assert answer.status == 500
    assert 'three' not in answer.text
    assert 'TypeError' in line().health.text


@pytest.mark.parametrize('reply, status, body', [
    ([], 200, '[]'), ({'id': '9'}, 200, '[{"id": "9"}]'), ([{'id': '9', 'name': 'x'}], 200, '[{"id": "9", "name": "x"}]'),
    (None, 502, None), (False, 502, None), ('', 502, None), (ValueError('no such type'), 502, None),
    (RuntimeError('lock'), 503, None),
])
def test_the_response_says_what_the_server_did(app, monkeypatch, reply, status, body):
    def create_incidents(incidents, lastRun=None, userID=None):
        if isinstance(reply, Exception):
            raise reply
        return reply

    monkeypatch.setattr(demisto, 'createIncidents', create_incidents)
    answer = app.authorized('{}')
    assert answer.status == status
    if body:
        assert answer.text == body
    if status == 503:
        assert answer.headers['retry-after'].isdigit()


# Commands


def run(monkeypatch, command, params=None, context=None):
    monkeypatch.setattr(demisto, 'command', lambda: command)
    monkeypatch.setattr(demisto, 'params', lambda: params or {'longRunningPort': '8080'})
    monkeypatch.setattr(demisto, 'getIntegrationContext', lambda: context or {})
    told: list = []
    monkeypatch.setattr(demisto, 'results', told.append)
    monkeypatch.setattr(demisto, 'incidents', told.append)
    monkeypatch.setattr(GenericWebhook, 'return_results', told.append)

    def return_error(message, *args, **kwargs):
        raise RuntimeError(message)

    monkeypatch.setattr(GenericWebhook, 'return_error', return_error)
    GenericWebhook.main()
    return told


def test_the_test_button_says_ok(monkeypatch):
    assert run(monkeypatch, 'test-module') == ['ok']


def test_the_test_button_says_what_is_wrong_and_leaves_the_health_of_the_instance_alone(monkeypatch):
    shown = []
    monkeypatch.setattr(demisto, 'updateModuleHealth', lambda text, *_: shown.append(text))
    with pytest.raises(RuntimeError, match="Listen Port 'abc' is not a number from 1 to 65535"):
        run(monkeypatch, 'test-module', {'longRunningPort': 'abc'})
    assert not [text for text in shown if 'Listen Port' in text]


@pytest.mark.parametrize('port', [{'auth_header': 'token'}, {'longRunningPort': ''}, {'longRunningPort': None}])
def test_the_test_button_says_ok_without_a_port_because_xsoar_8_assigns_it_on_save(monkeypatch, port):
    entry, = run(monkeypatch, 'test-module', port)
    assert entry['Contents'] == 'ok'
    assert entry['HumanReadable'] == ('ok. Listen Port is empty: Cortex XSOAR 8 without an engine assigns it when the '
                                      'instance is saved.')


def test_serving_without_a_port_is_an_error_in_the_health(monkeypatch):
    shown = []
    monkeypatch.setattr(demisto, 'updateModuleHealth', lambda *error: shown.append(error))
    with pytest.raises(RuntimeError, match='Listen Port is empty'):
        run(monkeypatch, 'long-running-execution', {'longRunningPort': ''})
    assert shown == [('Generic Webhook, long-running-execution: Listen Port is empty. Set it and save the instance.', True)]


# Several tokens


@pytest.mark.parametrize('text, names', [('', []), (None, []), ('a', ['1']), ('a || b', ['1', '2']), ('a||b', ['1']),
                                         ('a ||', ['1']), ('|| a', ['1']), ('a|| b ||c', ['1']), ('"a || b"', ['1', '2']),
                                         (' || '.join('abcdefgh'), list('12345678'))])
def test_the_tokens_of_the_form_are_separated_by_two_bars_with_a_space_on_each_side(text, names):
    tokens = read_settings({'auth_header': text}).tokens
    assert [token.name for token in tokens] == names
    assert ' || '.join(token.value.decode() for token in tokens) == (text or '')


@pytest.mark.parametrize('text, words', [
    (' || ', 'token 1 of 2: it is empty'), ('s3cret || ', 'token 2 of 2: it is empty'),
    ('s3cret ||  || s3cr3t', 'token 2 of 3: it is empty'), ('s3cret || b || s3cret', 'token 3 of 3: it is the same as token 1'),
    ('s3cret ||  b', 'token 2 of 2: it begins or ends with a space'), ('s3cret || to\nken', 'token 2 of 2: it begins or ends'),
    (' s3cret || b', 'token 1 of 2: it begins or ends with a space'), (' s3cret', 'it begins or ends with a space'),
    (' || '.join(f's3cret{number}' for number in range(9)), 'it has 9 tokens: at most 8 are allowed')])
def test_an_unusable_token_is_named_by_its_position_and_never_quoted(text, words):
    with pytest.raises(ValueError, match=r'^Authorization Verification Token') as error:
        read_settings({'auth_header': text})
    assert words in str(error.value)
    assert 's3cret' not in str(error.value)


@pytest.mark.parametrize('text, position', [('a||b', ''), ('a || b||c', ', token 2 of 2'), ('a ||', '')])
def test_the_test_button_says_that_bars_without_spaces_separate_nothing(monkeypatch, text, position):
    entry, = run(monkeypatch, 'test-module', {'longRunningPort': '8080', 'auth_header': text})
    assert entry['Contents'] == 'ok'
    assert f'Token{position}: it contains "||"' in entry['HumanReadable']
    assert text not in entry['HumanReadable']


def test_each_weak_token_is_warned_of_by_its_position():
    tokens = GenericWebhook.Tokens('sixteen-letters- || fifteen-letters || whsec_' + 'A' * 32)
    assert [warning.partition(', token ')[2][:25] for warning in GenericWebhook.warnings_about(tokens)] == [
        '2 of 3 can be guessed: it', '3 of 3 has zero bytes onl']
    for token in ('fifteen-letters', 'ß' * 8):  # whose bytes are 16
        assert list(GenericWebhook.warnings_about(GenericWebhook.Tokens(token))) == [
            'The Authorization Verification Token can be guessed: it has fewer than 16 characters.']


def test_neither_the_settings_nor_the_tokens_print_a_token():
    settings = read_settings({'longRunningPort': '8080', 'auth_header': 's3cret || h1dden', 'incidentType': 'Phishing'})
    shown = f'{settings} {settings!r} {[*settings.tokens]} {settings.tokens.find([b"s3cret"])}'
    assert 's3cret' not in shown
    assert 'h1dden' not in shown
    assert '8080' in shown
    assert 'Phishing' in shown


def test_the_mapping_wizard_gets_the_samples_that_are_kept(monkeypatch):
    samples = [{'name': 'n', 'rawJSON': '{}'}]
    assert run(monkeypatch, 'fetch-incidents', context={'samples': json.dumps(samples)}) == [samples]


@pytest.mark.parametrize('context', [{}, {'samples': ''}, {'samples': 'no JSON'}, {'samples': '{}'}, {'samples': 5}])
def test_the_mapping_wizard_gets_none_where_none_can_be_read(monkeypatch, context):
    assert run(monkeypatch, 'fetch-incidents', context=context) == [[]]


def test_another_command_is_rejected_by_its_name(monkeypatch):
    with pytest.raises(NotImplementedError, match='other-command'):
        run(monkeypatch, 'other-command')


def test_every_rejection_has_a_status_of_its_own():
    statuses = [refusal.status for refusal in Rejected.__subclasses__()]
    assert len(set(statuses)) == len(statuses)
