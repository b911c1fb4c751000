"""What senders ask before they trust an address: answered as each expects it, and nothing else becomes reachable by it."""
from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode

import patient
import pytest
from shared.app import NOW, App
from clocks import unix_now
from local_xsoar import ROOT
from signing import sign_slack, sign_zoom
from shared.webhook import TOKEN, Answer, Webhook, request_bytes

pytestmark = pytest.mark.sockets

ALL_PLAIN = ''.join(map(chr, range(0x20, 0x7f)))
UNPRINTABLE = ['\0', 'a\r\nSet-Cookie: x', 'line\nbreak', '\t', '\x7f', '\x1b[31m', 'é', '\u2603']
LONGEST = 'a' * 1024
LISTENING = 'Generic Webhook is listening. A GET creates nothing: send a POST to create an incident.\n'


def payload_of(name: str) -> Any:
    return json.loads((ROOT / 'senders' / name / 'handshake.json').read_text(encoding='utf-8'))


def is_echo(answer: Answer, text: str) -> bool:
    """Whether it is this text, and no browser would take it for anything else."""
    return (answer.status == 200 and answer.text == text and answer.headers['content-type'].split(';')[0] == 'text/plain'
            and answer.headers['x-content-type-options'] == 'nosniff')


def signed(sign: Callable[..., dict[str, str]], body: str, stamp: float = NOW, token: str = TOKEN) -> dict[str, str]:
    return sign(body.encode(), token, f'{stamp:.0f}')


def test_each_unsigned_question_is_answered_at_the_door_and_nothing_is_created(webhook: Webhook) -> None:
    url = webhook.webhook_url
    graph = patient.post(f'{url}?validationToken=Validation%3A+a%2Bb', headers={'Content-Type': 'text/plain'})
    dropbox = patient.get(url, {'challenge': 'abc-123'})
    for echo, text in (graph, 'Validation: a+b'), (dropbox, 'abc-123'):
        assert (echo.status_code, echo.text, echo.headers['Content-Type'].split(';')[0]) == (200, text, 'text/plain')
        assert echo.headers['X-Content-Type-Options'] == 'nosniff'
    azure = payload_of('azure-event-grid')
    answer = patient.post(url, json=azure['body'], headers=azure['headers'])
    assert answer.json() == {'validationResponse': '512d38b6-c7b8-40c8-89fe-f46f9e9622b6'}
    events = patient.options(url, headers={'WebHook-Request-Origin': 'eventemitter.example.com'})
    assert (events.status_code, events.headers['WebHook-Allowed-Origin'], events.headers['WebHook-Allowed-Rate']) == (
        200, 'eventemitter.example.com', '*')
    okta = patient.get(url, headers={'x-okta-verification-challenge': 'c-1'})
    assert okta.json() == {'verification': 'c-1'}
    meta = patient.get(url, {'hub.mode': 'subscribe', 'hub.verify_token': TOKEN, 'hub.challenge': '1158201444'})
    assert (meta.status_code, meta.text) == (200, '1158201444')
    assert webhook.sent() == []


def test_each_signed_question_is_answered_at_the_door_and_nothing_is_created(webhook: Webhook) -> None:
    body = json.dumps(payload_of('slack')['body'])
    slack = patient.post(webhook.webhook_url, body, headers=signed(sign_slack, body, unix_now()))
    assert (slack.status_code, slack.text) == (200, '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P')
    body = json.dumps(payload_of('zoom')['body'])
    zoom = patient.post(webhook.webhook_url, body, headers=signed(sign_zoom, body, unix_now()))
    assert (zoom.headers['Content-Type'], zoom.json()['plainToken']) == ('application/json', 'qgg8vlvZRS6UYooatFL8Aw')
    assert zoom.json()['encryptedToken'] == hmac.new(TOKEN.encode(), b'qgg8vlvZRS6UYooatFL8Aw', 'sha256').hexdigest()
    assert webhook.sent() == []


def test_a_post_with_a_validation_token_and_a_body_is_an_ordinary_post(app: App) -> None:
    assert app.post('{"a": 1}', {}, 'validationToken=x').status == 401
    assert app.post('{"a": 1}', {'Authorization': TOKEN}, 'validationToken=x').status == 200
    assert app.details['a'] == 1
    assert is_echo(app.post('', {'Authorization': 'wrong'}, 'validationToken=x'), 'x')


def test_a_post_in_chunks_with_a_validation_token_is_an_ordinary_post(webhook: Webhook) -> None:
    assert patient.post(f'{webhook.direct_url}?validationToken=x', iter([b'{}'])).status_code == 401


@pytest.mark.parametrize('query', ['validationToken=', 'validationtoken=x', 'token=x', ''])
def test_a_post_without_a_validation_token_is_an_ordinary_post(app: App, query: str) -> None:
    assert app.post('', {}, query).status == 401


@pytest.mark.parametrize('body', [
    '', '{}', '[]', '[{}]', '[{"data": {}}]', '[{"data": null}]', '[1]', '"a"', 'null', '[' * 60_000, '{"0": 1}', '\xff',
    '[{"data": {"validationCode": ""}}]', '[{"data": {"validationCode": ' + '9' * 5000 + '}}]',
    '[{"data": {"validationCode": {"a": 1}}}]', '[{"data": {"validationCode": ["a"]}}]',
    '[{}, {"data": {"validationCode": "a"}}]',
])
def test_a_validation_event_without_a_code_is_a_400(app: App, body: str) -> None:
    answer = app.post(body.encode('latin-1'), {'aeg-event-type': 'SubscriptionValidation'})
    assert answer.status == 400
    assert body != '[{"data": {}}]' or "'validationCode'" in answer.detail
    assert app.calls == []


@pytest.mark.parametrize('size, status', [(64 * 1024, 200), (64 * 1024 + 1, 413)])
def test_a_validation_event_may_have_64_kib(app: App, size: int, status: int) -> None:
    body = json.dumps(payload_of('azure-event-grid')['body']).ljust(size)
    assert app.post(body, {'aeg-event-type': 'SubscriptionValidation'}).status == status


def test_validation_events_have_no_more_room_than_unauthenticated_senders(webhook: Webhook) -> None:
    unfinished = request_bytes(webhook.direct_url, b' ' * 65_500, {'aeg-event-type': 'SubscriptionValidation'}, length=65_536)
    with ExitStack() as stack:
        questions = [stack.enter_context(webhook.connect()) for _ in range(400)]
        for question in questions:
            question.sendall(unfinished)
        first = questions[0].recv(4096)
    assert first.startswith(b'HTTP/1.1 503 ')
    assert b'too slowly' not in first, 'it was cut for want of room'


@pytest.mark.parametrize('kind', ['Notification', '', 'subscriptionvalidation', 'SubscriptionDeletion'])
def test_another_event_of_azure_needs_the_token(app: App, kind: str) -> None:
    body = json.dumps(payload_of('azure-event-grid')['body'])
    assert app.post(body, {'aeg-event-type': kind}).status == 401


def test_cloud_events_are_allowed_from_the_origin_that_asks(app: App) -> None:
    answer = app.ask('OPTIONS', headers={'WebHook-Request-Origin': 'eventemitter.example.com', 'WebHook-Request-Rate': '120',
                                         'WebHook-Request-Callback': 'https://example.com/confirm'})
    assert answer.status == 200
    assert (answer.headers['webhook-allowed-origin'], answer.headers['webhook-allowed-rate']) == ('eventemitter.example.com', '*')
    assert answer.headers['allow'] == 'GET, HEAD, OPTIONS, POST, PUT'
    assert app.outcome == 'handshake'
    assert answer.text == ''


def test_options_without_an_origin_only_tells_the_methods(app: App) -> None:
    answer = app.ask('OPTIONS')
    assert (answer.status, answer.headers['allow']) == (204, 'GET, HEAD, OPTIONS, POST, PUT')
    assert 'webhook-allowed-origin' not in answer.headers


@pytest.mark.parametrize('verify_token', ['', 'wrong', TOKEN[:-1], TOKEN + ' ', TOKEN.upper(), '\ud7ff', '\0'])
def test_metas_challenge_is_rejected_with_another_verify_token(app: App, verify_token: str) -> None:
    answer = app.ask('GET', urlencode({'hub.mode': 'subscribe', 'hub.verify_token': verify_token, 'hub.challenge': '1'}))
    assert answer.status == 401
    assert app.ask('GET', 'hub.mode=subscribe&hub.challenge=1').status == 401
    assert app.ask('GET', 'hub.mode=subscribe&hub.verify_token=%ff%fe&hub.challenge=1').status == 401


@pytest.mark.parametrize('token', ['p@ss & wörd', ''])
def test_metas_verify_token_may_be_any_text_and_on_an_instance_without_tokens_is_not_checked(token: str) -> None:
    with App(token) as app:
        query = {'hub.mode': 'subscribe', 'hub.verify_token': 'p@ss & wörd', 'hub.challenge': '7'}
        assert is_echo(app.ask('GET', urlencode(query)), '7')


def test_slacks_challenge_does_not_come_back_to_anybody(app: App) -> None:
    body = json.dumps(payload_of('slack')['body'])
    for headers in ({}, {'Authorization': 'wrong'}, signed(sign_slack, body, token='other'),
                    signed(sign_slack, body, 1_600_000_000), signed(sign_slack, body + ' ')):
        answer = app.post(body, headers)
        assert answer.status == 401
        assert '3eZbrw' not in answer.text


@pytest.mark.parametrize('size, calls', [(64 * 1024, 0), (64 * 1024 + 1, 1)])
def test_a_question_of_slacks_is_no_longer_than_64_kib(app: App, size: int, calls: int) -> None:
    body = json.dumps(payload_of('slack')['body'])
    assert app.post(body.replace('"token"', ' ' * (size - len(body)) + '"token"'), {'Authorization': TOKEN}).status == 200
    assert len(app.calls) == calls


@pytest.mark.parametrize('key', ['severity', 'event'])
def test_an_event_that_only_looks_like_slacks_question_is_an_incident(app: App, key: str) -> None:
    assert app.authorized(f'{{"type": "url_verification", "challenge": "x", "{key}": 1}}').status == 200
    assert app.details['challenge'] == 'x'


@pytest.mark.parametrize('body', ['{"type": "url_verification"}', '{"type": "url_verification", "token": "x"}',
                                  '{"type": "url_verification", "challenge": null}',
                                  '{"type": "url_verification", "challenge": {}}'])
def test_a_question_of_slacks_kind_without_a_text_to_echo_echoes_nothing(app: App, body: str) -> None:
    answer = app.authorized(body)
    assert answer.status == 400 or app.calls, answer.text


def zoom_question(plain_token: Any) -> str:
    return json.dumps({'event': 'endpoint.url_validation', 'payload': {'plainToken': plain_token}, 'event_ts': 1654503849680})


def test_zooms_token_is_signed_for_nobody_who_does_not_sign_as_zoom(app: App) -> None:
    body = zoom_question('abc')
    digest = hmac.new(TOKEN.encode(), b'abc', 'sha256').hexdigest()
    github = {'X-Hub-Signature-256': 'sha256=' + hmac.new(TOKEN.encode(), body.encode(), 'sha256').hexdigest()}
    refused = [app.post(body, headers) for headers in ({}, signed(sign_zoom, body, token='other'),
                                                       signed(sign_zoom, body, 1_600_000_000))]
    assert [answer.status for answer in refused] == [401] * 3
    let_in = [app.post(body, headers) for headers in ({'Authorization': TOKEN}, {'X-Gitlab-Token': TOKEN},
                                                      signed(sign_slack, body), github)]
    assert [answer.status for answer in let_in] == [200] * 4
    assert not [answer for answer in refused + let_in if digest in answer.text]
    assert len(app.calls) == 4, 'to others it is an event like any'


def test_zooms_token_is_signed_for_no_other_signature_beside_a_wrong_one_of_zooms(app: App) -> None:
    body = zoom_question('abc')
    answer = app.post(body, signed(sign_slack, body) | signed(sign_zoom, body, token='other'))
    assert answer.status == 200
    assert 'encryptedToken' not in answer.text
    assert len(app.calls) == 1, 'it is an event like any'


@pytest.mark.parametrize('headers, query', [({'Authorization': TOKEN}, ''), ({}, f'token={TOKEN}')], ids=['header', 'URL'])
def test_zooms_question_may_show_the_token_beside_its_signature(app: App, headers: dict[str, str], query: str) -> None:
    body = zoom_question('abc')
    answer = app.post(body, {**headers, **signed(sign_zoom, body)}, query)
    assert answer.json['plainToken'] == 'abc'
    assert app.calls == []


def test_an_instance_without_a_token_signs_nothing() -> None:
    with App('') as app:
        body = zoom_question('abc')
        answer = app.post(body, signed(sign_zoom, body, token=''))
        assert answer.status == 200
        assert [incident['rawJSON'] for incident in app.incidents] == [answer.json[0]['rawJSON']], 'it is an event like any'
        assert 'encryptedToken' not in answer.text


@pytest.mark.parametrize('body', [
    *map(zoom_question, ('', 'a' * 65, 'a b', 'a.b', 'v0:1:{}', '{}', 'é', '\u0661', 'a\n', '1764000000.')),
    *map(zoom_question, (None, 7, ['a'], {'a': 1})),
    *(f'{{"event": "endpoint.url_validation"{more}}}' for more in ('', ', "payload": "x"', ', "payload": []'))])
def test_zoom_gets_nothing_but_letters_and_digits_signed(app: App, body: str) -> None:
    answer = app.post(body, signed(sign_zoom, body))
    assert answer.status == 400
    assert 'encryptedToken' not in answer.text


@pytest.mark.parametrize('plain_token', ['a', 'Z9' * 32])
def test_zooms_token_may_have_1_to_64_letters_and_digits(app: App, plain_token: str) -> None:
    body = zoom_question(plain_token)
    assert app.post(body, signed(sign_zoom, body)).json['plainToken'] == plain_token


def echoes_of(app: App, text: str) -> list[Answer]:
    """The answers to every question that gets a text of the sender's back."""
    azure = json.dumps([{'data': {'validationCode': text}}])
    slack = json.dumps({'type': 'url_verification', 'challenge': text})
    header = text.encode().decode('latin-1')
    return [app.post('', {}, urlencode({'validationToken': text})), app.ask('GET', urlencode({'challenge': text})),
            app.ask('GET', urlencode({'check': text})),
            app.ask('GET', urlencode({'hub.mode': 'subscribe', 'hub.verify_token': TOKEN, 'hub.challenge': text})),
            app.post(azure, {'aeg-event-type': 'SubscriptionValidation'}), app.post(slack, signed(sign_slack, slack)),
            app.ask('GET', headers={'x-okta-verification-challenge': header}),
            app.ask('OPTIONS', headers={'WebHook-Request-Origin': header})]


@pytest.mark.parametrize('text', [*UNPRINTABLE, LONGEST + 'a'], ids=ascii)
def test_what_is_not_plain_or_too_long_is_not_echoed(app: App, text: str) -> None:
    for answer in echoes_of(app, text):
        assert answer.status == 400
        assert text not in answer.text
        assert text not in str(answer.headers)


@pytest.mark.parametrize('text', [ALL_PLAIN, LONGEST, '<script>alert(1)</script>'],
                         ids=['every sign', 'longest', 'script'])
def test_what_is_plain_is_echoed_as_plain_text_or_json(app: App, text: str) -> None:
    *echoes, allowed = echoes_of(app, text)
    in_json = [answer for answer in echoes if answer.headers['content-type'] == 'application/json']
    assert [list(answer.json.values()) for answer in in_json] == [[text]] * 2, 'Azure and Okta'
    assert [is_echo(answer, text) for answer in echoes if answer not in in_json] == [True] * 5
    assert (allowed.status, allowed.text, allowed.headers['webhook-allowed-origin']) == (200, '', text)
    assert app.calls == []


@pytest.mark.parametrize('query',
                         ['', 'validationToken=x', 'hub.mode=unsubscribe&hub.challenge=x', 'hub.challenge=x', 'challenge=',
                          'a=b'])
def test_a_get_that_asks_nothing_known_is_the_greeting(app: App, query: str) -> None:
    assert is_echo(app.ask('GET', query), LISTENING)
    assert is_echo(app.ask('GET', query, headers={'aeg-event-type': 'SubscriptionValidation', 'WebHook-Request-Origin': 'x'}),
                   LISTENING)


@pytest.mark.parametrize('query', ['challenge=x', f'hub.mode=subscribe&hub.verify_token={TOKEN}&hub.challenge=x'])
def test_a_post_is_not_a_handshake_that_is_made_by_get(app: App, query: str) -> None:
    answer = app.post('', {'x-okta-verification-challenge': 'x', 'WebHook-Request-Origin': 'x'}, query)
    assert answer.status == 401 or app.calls


@pytest.mark.parametrize('query', ['&' * 7000, '=' * 7000, '%' * 7000, 'challenge=%', 'challenge=%ff', ';' * 100, '\xff' * 3000,
                                   'validationToken=%00', '&'.join(f'a{number}=1' for number in range(1200))])
def test_a_hostile_query_raises_nothing(app: App, query: str) -> None:
    assert app.ask('GET', query).status in (200, 400)
    assert app.post('', {}, query).status in (400, 401)
    assert app.ask('OPTIONS', query).status == 204
