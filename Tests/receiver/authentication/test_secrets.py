"""Where a token may stand, what a rejection says of it, and which headers are kept: no secret is shown."""
from __future__ import annotations

import base64
import json
import re
import socket
from urllib.parse import quote, quote_plus

import patient
import pytest
from shared.app import NOW, App
from GenericWebhook import MIB, Settings, URL_WORDS, Tokens, contains_token, kept_headers
from signing import EIGHT, TOKEN, WHOLE, sign_slack, signs_the_body
from shared.webhook import Answer, Webhook, read_to_end, request_bytes

from localxsoar.webhooks.masks import Masks

pytestmark = pytest.mark.sockets


def test_a_request_cannot_guess_many_tokens(app: App) -> None:
    for before, status in (99, 200), (100, 401), (110, 401):
        assert app.post(b'{}', {}, '&'.join(['a=+'] * before + [f'a={TOKEN}'])).status == status
        assert (app.ask('GET', '&'.join(['a=+'] * before + ['challenge=of-Dropbox'])).text == 'of-Dropbox') == (status == 200)


def test_100_headers_do_not_hide_a_token_in_the_query(webhook: Webhook) -> None:
    headers = {f'X-Added-By-A-Proxy-{number}': 'a' for number in range(98)}  # beside Host and Content-Length
    with webhook.connect() as sender:
        for query, status in (f'token={TOKEN}', b'200'), (f'token={TOKEN[:-1]}', b'401'):
            sender.sendall(request_bytes(f'http://webhook/?{query}', b'{}', headers))
            assert sender.recv(4096).startswith(b'HTTP/1.1 ' + status)


@pytest.mark.parametrize('headers, words', [
    ({}, 'shows no token'), ({'Authorization': 'wrong'}, 'Authorization header is not the token'),
    ({'Authorization': f'Bearer {TOKEN}'}, 'a scheme before the token'), ({'Authorization': f'Basic {TOKEN}'}, 'a scheme before'),
    ({'X-Hub-Signature': 'sha1=' + '0' * 40}, 'HMAC-SHA256, in hex or base64'),
    ({'X-Hub-Signature-256': 'sha256=' + '0' * 64}, 'check the token in the sender.'),
    (sign_slack(b'{}', TOKEN, '1600000000'), 'check the clocks of both sides.'),
    (signs_the_body('X-Hub-Signature-256')(b'v0:1600000000:{}', TOKEN, ''), 'No signature matches'),
    ({'svix-id': 'a=', 'svix-timestamp': str(NOW), 'svix-signature': f'v1,{"A" * 43}='}, 'its id or its time cannot be read'),
    ({'X-Gitlab-Token': 'wrong'}, 'The value of a header for secrets is not the token: '),
    ({'X-Own-Api-Key': 'wrong'}, 'The value of a header for secrets is not the token: '),
    ({'cf-webhook-auth': ''}, 'shows no token'), ({'X-Event-Key': 'wrong'}, 'shows no token'),
    ({'Authorization': 'Basic x', 'X-Gitlab-Token': 'wrong'},
     'The value of the Authorization header and of a header for secrets is not the token: '),
])
def test_a_rejection_says_what_to_do_and_what_is_nearly_right(app: App, headers: dict[str, str], words: str) -> None:
    answer: Answer = app.post(b'{}', headers)
    assert answer.status == 401
    assert words in answer.detail
    assert len(answer.detail) < 200
    assert TOKEN not in answer.text


@pytest.mark.parametrize('query, words', [
    ('token=wrong', 'The value of a query parameter is not the token: '), ('wrong', 'The value of a query parameter is not'),
    ('type=A&code=1', 'The value of a query parameter is not'), ('', 'shows no token'),
    ('&'.join(f'{word}=a' for word in URL_WORDS), 'shows no token'), ('&', 'shows no token'),
])
def test_a_wrong_value_in_the_query_is_reported_as_such(app: App, query: str, words: str) -> None:
    assert words in app.post(b'{}', {}, query).detail


MARKER = 'not-to-be-echoed'
REJECTED: dict[str, tuple[str, str, str, dict[str, str]]] = {
    'no token': ('POST', '', '{}', {'X-Plain': MARKER, f'x-{MARKER}': MARKER}),
    'a wrong header': ('POST', '', '{}', {f'x-{MARKER}-token': MARKER, 'Authorization': f'{MARKER} {MARKER}'}),
    'a wrong parameter': ('POST', f'{MARKER}={MARKER}&type={MARKER}', '{}', {}),
    'a signature that cannot be read': ('POST', '', '{}', {f'x-{MARKER}-signature': MARKER}),
    'a wrong signature': ('POST', '', MARKER, {f'x-{MARKER}-signature': '0' * 64}),
    'an old signature': ('POST', '', MARKER, {f'x-{MARKER}-signature': '0' * 64,
                                              **sign_slack(MARKER.encode(), TOKEN, '1600000000')}),
    'like another scheme': ('POST', '', f'v0:1600000000:{MARKER}',
                            signs_the_body(f'x-{MARKER}-signature')(f'v0:1600000000:{MARKER}'.encode(), TOKEN, '')),
    'a coding that is not known': ('POST', '', MARKER, {'Content-Encoding': MARKER, 'X-A-Signature': '0' * 64}),
    'a large body': ('POST', '', MARKER * 2 * MIB, {f'x-{MARKER}-signature': '0' * 64, 'Content-Encoding': MARKER}),
    'a method': ('DELETE', MARKER, MARKER, {}),
    'Event Grid': ('POST', MARKER, f'{{"{MARKER}": {MARKER}}}', {'aeg-event-type': 'SubscriptionValidation'}),
    'a code of Event Grid': ('POST', MARKER, f'[{{"data": {{"validationCode": "{MARKER}é"}}}}]',
                             {'aeg-event-type': 'SubscriptionValidation'}),
    'Graph': ('POST', f'validationToken={MARKER}%0A', '', {}), 'Dropbox': ('GET', f'challenge={MARKER}%0A', '', {}),
    'Meta': ('GET', f'hub.mode=subscribe&hub.verify_token={MARKER}&hub.challenge={MARKER}', '', {}),
    'Okta': ('GET', '', '', {'x-okta-verification-challenge': MARKER + '\xe9'}),
    'CloudEvents': ('OPTIONS', '', '', {'WebHook-Request-Origin': MARKER + '\xe9'}),
}


@pytest.mark.parametrize('why', REJECTED)
def test_a_rejection_of_an_unauthenticated_sender_echoes_nothing_of_the_request(app: App, why: str) -> None:
    method, query, body, headers = REJECTED[why]
    answer = app.ask(method, query, body.encode(), headers)
    assert 400 <= answer.status < 500
    assert MARKER not in f'{answer.text} {answer.headers}'


@pytest.mark.parametrize('head', [
    f'POST / {MARKER}', f'{MARKER} / HTTP/1.1', f'POST /{MARKER} HTTP/1.1\r\nHost: x', f'POST /?{MARKER * 600} HTTP/1.1',
    f'POST / HTTP/1.1\r\nHost: x/{MARKER}', f'POST / HTTP/1.1\r\nHost: x\r\n{MARKER}',
    f'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MARKER}', f'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {MARKER}',
    f'POST /?{MARKER}={MARKER} HTTP/1.1\r\nHost: x\r\nX-{MARKER}-Token: {MARKER}\r\nConnection: close',
])
def test_a_rejection_at_the_door_echoes_nothing_of_the_request(webhook: Webhook, head: str) -> None:
    with webhook.connect() as sender:
        sender.sendall(f'{head}\r\n\r\n'.encode())
        sender.shutdown(socket.SHUT_WR)
        text = read_to_end(sender)
    assert re.match(rb'HTTP/1.1 4\d\d ', text)
    assert MARKER.encode() not in text


@pytest.mark.parametrize('form', ['x-{}-signature', 'x-{}', '{}-hmac', 'x-{}-token'])
def test_a_name_of_a_header_that_holds_the_token_is_answered_as_any_other(form: str) -> None:
    with App('a-token-in-lower-case') as app:
        answers = [app.post(b'{}', {form.format(guess): value}) for guess in (app.token, 'a-token-in-lower-cast')
                   for value in ('x', '0' * 64)]
    assert [answer.status for answer in answers] == [401] * 4
    assert answers[:2] == answers[2:]


def kept(headers: dict[str, str], token: str = TOKEN) -> dict[str, str]:
    return kept_headers(Settings(8080, Tokens(token), None), {name.lower(): value for name, value in headers.items()})


def test_headers_of_one_connection_are_not_kept() -> None:
    of_one = ['X-Request-URI', 'Connection', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Connection', 'TE', 'Trailer',
              'Transfer-Encoding', 'Upgrade']
    assert kept(dict.fromkeys(of_one, 'x')) == {}
    assert list(kept(dict.fromkeys(OTHER_NAMES, 'x'))) == [name.lower() for name in OTHER_NAMES]


WORDS_OF_SECRETS = ['auth', 'authorization', 'token', 'secret', 'signature', 'hmac', 'password', 'credential', 'credentials',
                    'cookie', 'session', 'jwt', 'assertion', 'apikey', 'sig']
ENDINGS_OF_SECRETS = ['api-key', 'access-key', 'auth-key', 'functions-key', 'subscription-key', 'webhook-key', 'private-key']
NAMES_OF_SECRETS = [
    *WORDS_OF_SECRETS, *ENDINGS_OF_SECRETS, *(f'x-{each}' for each in WORDS_OF_SECRETS + ENDINGS_OF_SECRETS),
    *(f'{each}-x' for each in WORDS_OF_SECRETS), *(f'X-{each}-2'.title() for each in WORDS_OF_SECRETS),
    'X-Hub-Signature-256', 'Ocp-Apim-Subscription-Key', 'Stripe-Signature', 'Proxy-Authorization', 'X-Amz-Security-Token',
    'X-Jwt-Assertion', 'X-Shopify-Hmac-Sha256', 'Sig-Sha256', 'X-Own-Secret-Value']
OTHER_NAMES = [
    'X-Event-Key', 'Idempotency-Key', 'X-Author', 'Authentication-Results', 'X-Key', 'Key', 'Code', 'X-Code', 'X-Request-Id',
    *(f'x{each}x' for each in WORDS_OF_SECRETS), *(f'{each}s-x' for each in ENDINGS_OF_SECRETS if each != 'auth-key'),
    'x-tokens', 'x-secrets', 'x-functions', 'x-subscription', 'x-private', 'x-webhook', 'X-Signal', 'X-Authority',
    'User-Agent', 'X-GitHub-Event', 'Content-Type', 'x-gitlab-event', 'x-gitea-event', 'x-forgejo-event', 'x-gogs-event',
    'sentry-hook-resource', 'aeg-event-type', 'x-snyk-event', 'ce-type', 'ce-subject', 'ce-source', 'ce-time', 'x-shopify-topic',
    'x-github-delivery', 'host', 'x-sigma', 'x-webhook-keys', 'x-tokens-left', 'x-te', 'x-upgrade']  # and what names are made of


def test_a_header_is_masked_on_the_page_of_the_local_xsoar_exactly_if_no_incident_keeps_it() -> None:
    names = NAMES_OF_SECRETS + OTHER_NAMES
    masked = [header['name'] for header in Masks(list).headers([(name, 'x') for name in names]) if header['masked']]
    left_out = [name for name in names if not kept({name: 'x'})]
    assert masked == left_out == NAMES_OF_SECRETS


@pytest.mark.parametrize('token, text', [
    *((each, each) for each in ('12345678', 'a+b c/d=e&f', 'wörd?>~~~x', 'two words', TOKEN)), *((each, WHOLE) for each in EIGHT),
    (WHOLE, WHOLE)], ids=lambda each: each[:12])
def test_a_token_is_kept_in_no_spelling(token: str, text: str) -> None:
    spellings = [token, token.encode().decode('latin-1'), quote(token, safe=''), quote_plus(token),
                 re.sub('%..', lambda code: code[0].lower(), quote(token, safe='')), token.replace('/', r'\/')]
    for user in ('', 'u:', 'us:', 'use:', 'user:'):
        encoded = base64.b64encode(f'{user}{token}'.encode()).decode()
        spellings += [encoded, f'Basic {encoded}', encoded.rstrip('='), quote(encoded),
                      base64.urlsafe_b64encode(f'{user}{token}:x'.encode()).decode()]
    settings = Settings(8080, Tokens(text), None)
    for spelling in spellings:
        assert kept({'X-A': f'/x?y={spelling}&z', 'X-B': 'b'}, text) == {'x-b': 'b'}, spelling
        assert contains_token(settings, f'An incident with {spelling}')
    assert token == WHOLE or not contains_token(settings, 'An incident with ' + token[1:])


def test_a_name_of_a_header_with_the_token_is_not_kept() -> None:
    assert kept({'X-abcdefgh12345678': '1'}, 'abcdefgh12345678') == {}


@pytest.mark.parametrize('token', ['post', 'wörßäöü', 'a b+c', 'first || post', '12345678 || post'])
def test_no_header_is_kept_whose_whole_value_is_a_short_token(token: str) -> None:
    sent = token.split(' || ')[-1].encode().decode('latin-1')
    assert kept({'X-A': sent, 'X-B': f'{sent} office', 'X-C': sent[1:]}, token) == {'x-b': f'{sent} office', 'x-c': sent[1:]}


@pytest.mark.parametrize('other', ['Abcdefghi', 'abcdefghh', 'abcdefgh', 'bcdefghi'])
def test_base64_of_a_text_that_differs_from_the_token_is_kept(other: str) -> None:
    assert kept({'X-A': base64.b64encode(other.encode()).decode()}, 'abcdefghi')
    assert kept({'X-A': base64.b64encode(f'us:{other}:x'.encode()).decode()}, 'abcdefghi')
    assert not kept({'X-A': base64.b64encode(b'us:abcdefghi:x').decode()}, 'abcdefghi')


def test_no_more_than_8_kib_of_headers_are_kept() -> None:
    some = kept({**{f'x-{number}': 'é' * 300 for number in range(30)}, 'x-event': 'push'})
    assert sum(map(len, [*some, *some.values()])) <= 8 * 1024
    assert some['x-event'] == 'push'
    assert [len(kept({'x-large': 'a' * (8 * 1024 - len('x-large') + more)})) for more in (0, 1)] == [1, 0]


SPELLINGS = [TOKEN, quote(TOKEN, safe=''), base64.b64encode(TOKEN.encode()).decode(),
             'Basic ' + base64.b64encode(f'user:{TOKEN}'.encode()).decode()]


@pytest.mark.parametrize('spelling', SPELLINGS, ids=['as it is', 'percent-encoded', 'base64', 'Basic'])
def test_the_token_comes_back_in_no_response(app: App, spelling: str) -> None:
    token = {'Authorization': TOKEN}
    answers = [app.post(b'{}', {**token, 'Content-Encoding': spelling}),
               app.post(json.dumps({'raw_json': {}, spelling: 1}), token),
               app.post(json.dumps({'raw_json': {}, 'occurred': spelling}), token)]
    assert [answer.status for answer in answers] == [415, 400, 400]
    assert not [answer for answer in answers if spelling in answer.text]


def test_a_weak_token_is_warned_of_at_the_start_and_not_shown() -> None:
    tokens = ['fifteen-letters', 'sixteen-letters-', 'whsec_' + 'A' * 32]
    with Webhook(token=' || '.join(tokens)) as webhook:
        for token in tokens:
            assert patient.post(f'{webhook.webhook_url}?key={token}', '{"a": 1}').status_code == 200
            assert token not in webhook.sent()[-1]['rawJSON']
        found = [re.search(r'token \d of \d (can be guessed|has zero bytes only)', line) for line in webhook.output]
        assert [each[0] for each in found if each] == ['token 1 of 3 can be guessed', 'token 3 of 3 has zero bytes only']
        assert not [token for token in tokens if token in '\n'.join(webhook.output)]
