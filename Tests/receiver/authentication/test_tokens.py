"""Several tokens of one instance: where each may be shown, what shows none, and that no token is repeated anywhere."""
from __future__ import annotations

import base64
import hmac
import json
import re
from urllib.parse import quote, quote_plus, urlencode

import patient
import pytest
from shared.app import NOW, App
from clocks import unix_now
from GenericWebhook import Settings, Tokens, contains_token, signatures_to_check
from shared.webhook import Webhook
from signing import EIGHT, WHOLE, sign_zoom


pytestmark = pytest.mark.sockets

CONFIGURED = WHOLE  # the value of the form of the instance
each_token = pytest.mark.parametrize('token', EIGHT, ids=lambda token: token[:12])


def as_sent(token: str) -> str:
    return token.encode().decode('latin-1')


def position_of(token: str) -> str:
    return str(EIGHT.index(token) + 1)


@each_token
def test_each_token_is_taken_from_any_header_and_any_parameter(app: App, token: str) -> None:
    for name in 'Authorization', 'cf-webhook-auth', 'X-Gitlab-Token', 'X-Anything':
        assert app.post(b'{}', {name: as_sent(token)}).status == 200, name
        assert app.proved_by == position_of(token)
    for query in f'token={quote(token, safe="")}', f'a=1&key={quote_plus(token)}&b=2', f'x={quote(token, safe="+")}':
        assert app.post(b'{}', {}, query).status == 200, query
        assert app.proved_by == position_of(token)
    for query in quote(token), f'{quote(token)}=1', f'token=x{quote(token)}', '=&=%':
        assert app.post(b'{}', {}, query).status == 401, query
    meta = urlencode({'hub.mode': 'subscribe', 'hub.verify_token': token, 'hub.challenge': '1158201444'})
    assert (app.ask('GET', meta).text, app.proved_by) == ('1158201444', position_of(token))


@pytest.mark.parametrize('text', [
    WHOLE, ' || '.join(EIGHT[:2]), ' || '.join(reversed(EIGHT)), EIGHT[0] + ' ', EIGHT[0] + ' ||', '|| ' + EIGHT[1], '||', ' || ',
    EIGHT[0][:-1], EIGHT[1][:-1], EIGHT[7] + 'l', EIGHT[0] + EIGHT[1], ','.join(EIGHT)], ids=lambda text: text[:24])
def test_nothing_between_the_tokens_or_around_them_is_a_proof(app: App, text: str) -> None:
    assert app.post(b'{}', {'X-Gitlab-Token': as_sent(text)}).status == 401
    for query in f'token={quote(text, safe="")}', f'a={quote_plus(text)}':
        assert app.post(b'{}', {}, query).status == 401
    meta = urlencode({'hub.mode': 'subscribe', 'hub.verify_token': text, 'hub.challenge': '1'})
    assert app.ask('GET', meta).status == 401
    assert app.post(b'{}', {'Authorization': as_sent(text)}).status == (200 if text == WHOLE else 401)
    assert app.proved_by == ('whole text' if text == WHOLE else '')


@each_token
def test_a_word_before_any_of_the_tokens_is_reported_as_such(app: App, token: str) -> None:
    for shown in token, WHOLE:
        answer = app.post(b'{}', {'Authorization': f'Bearer {as_sent(shown)}'})
        assert (answer.status, 'a scheme before the token' in answer.detail) == (401, True)


def test_of_two_tokens_in_one_request_the_first_in_the_form_counts(app: App) -> None:
    both = {'X-A-Hmac': ','.join(hmac.digest(token.encode(), b'{}', 'sha256').hex() for token in (EIGHT[7], EIGHT[0]))}
    for headers in {'X-A': EIGHT[0], 'X-B': EIGHT[7]}, {'X-A': EIGHT[7], 'X-B': EIGHT[0]}, both:
        assert app.post(b'{}', headers).status == 200
        assert app.proved_by == '1'


@pytest.mark.parametrize('first', ['a+b%20c/d=e%26f%252B-long', 'a%2Bb+c/d=e%26f%252B-long'])
def test_a_retry_with_another_token_is_a_retry_however_the_url_spells_the_plus_of_one(first: str) -> None:
    tokens = [EIGHT[0], EIGHT[2]]
    with App(' || '.join(tokens)) as app:
        for query in f'token={first}', f'token={tokens[0]}', f'token={quote_plus(tokens[1])}':
            assert app.post(b'{"a": 1}', {'X-GitHub-Delivery': 'one'}, query).json[0]['id'] == '1.0'
        other = app.post(b'{"a": 1}', {'X-GitHub-Delivery': 'one'}, f'token={tokens[0]}&b=a+c')
        assert other.json[0]['id'] == '2.0'


@pytest.mark.parametrize('server', ['6.5', pytest.param('8', marks=pytest.mark.weekly)])
def test_tokens_that_are_unusable_are_reported_in_the_health(server: str) -> None:
    with Webhook('--server', server, token='first || second || first', wait_ready=False) as webhook:
        webhook.wait_for_line(r'health\W+.*token 3 of 3: it is the same as token 1')


def test_no_response_and_no_incident_says_which_token_proved_a_request(app: App) -> None:
    for body in b'{"raw_json": 1}', b'{"a": 1}':
        answers = [app.post(body, {'X-Gitlab-Token': as_sent(token)}) for token in EIGHT]
        assert len({re.sub('[0-9]+[.]0', '', f'{answer}') for answer in answers}) == 1


def test_the_text_of_a_rejection_is_the_same_with_one_token_and_with_several() -> None:
    rejected = []
    for text in EIGHT[0], WHOLE:
        with App(text) as other:
            rejected.append([other.post(b'{}', headers) for headers in ({}, {'X-Gitlab-Token': 'x'}, {'X-A-Hmac': '0' * 64})])
    assert rejected[0] == rejected[1]


@pytest.mark.parametrize('position', [1, 4, 8])
def test_zooms_question_is_signed_with_the_token_that_proved_it(app: App, position: int) -> None:
    body = json.dumps({'event': 'endpoint.url_validation', 'payload': {'plainToken': 'abc'}})

    def zoom(token: str) -> dict[str, str]:
        return sign_zoom(body.encode(), token, str(NOW))

    def answered(headers: dict[str, str]) -> str:
        answer = app.post(body, headers)
        return str(answer.json['encryptedToken']) if 'encryptedToken' in answer.text else answer.text

    def signed(token: str) -> str:
        return hmac.digest(token.encode(), b'abc', 'sha256').hex()

    token, other = EIGHT[position - 1], EIGHT[5]
    assert answered(zoom(token)) == signed(token)
    assert answered({'Authorization': as_sent(token), **zoom('none')}) == signed(token)
    assert answered({'Authorization': other, **zoom(token)}) == signed(token), 'Zoom knows no other'
    assert app.proved_by == str(position)
    assert answered({'Authorization': as_sent(WHOLE), **zoom(token)}) == signed(token)
    assert app.calls == []
    assert '"id"' in answered({'Authorization': as_sent(WHOLE), **zoom(WHOLE)}), 'the whole text is no key'


def test_no_token_or_key_is_printed_with_what_has_it() -> None:
    tokens = Tokens(WHOLE)
    [signature] = signatures_to_check(Settings(8080, tokens, None), {'x-hub-signature-256': '0' * 64}, '')
    printed = f'{tokens} {tokens.single_tokens} {signature} {[signature]}'
    assert not [token for token in EIGHT if token in printed or repr(token.encode()) in printed]


def test_several_short_tokens_are_masked_as_one_text_where_they_stand_together() -> None:
    settings = Settings(8080, Tokens('abc || defg'), None)
    assert contains_token(settings, 'with abc || defg')
    assert not contains_token(settings, 'an abc')


@each_token
def test_no_token_is_logged_or_kept_in_any_spelling(webhook: Webhook, token: str) -> None:
    basic = 'Basic ' + base64.b64encode(f'user:{token}'.encode()).decode()
    for spelling in quote(token, safe=''), basic, base64.b64encode(token.encode()).decode():
        headers: dict[str, str | bytes | None] = {
            'X-Gitlab-Token': token.encode(), 'User-Agent': spelling, 'X-Forwarded-For': spelling, 'X-Event': spelling}
        answer = patient.post(f'{webhook.direct_url}?type={spelling}', json.dumps({'a': 1}), headers=headers)
        assert answer.status_code == 200
    last = f'last {unix_now()} {position_of(token)}'
    patient.post(webhook.direct_url, '{}', headers={'X-Gitlab-Token': token.encode(), 'User-Agent': last})
    webhook.wait_for_line(rf'{last}", 2 bytes, token {position_of(token)}: incident')
    output, sent = '\n'.join(webhook.output), json.dumps(webhook.sent())
    for spelling in token, quote(token, safe=''), basic, base64.b64encode(token.encode()).decode():
        assert spelling not in output
        assert spelling not in sent
