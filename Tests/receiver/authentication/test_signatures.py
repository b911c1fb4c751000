"""What is accepted without the Authorization header: each sender's signature, made by its own library where there is one.

One valid request a sender, and then one thing spoilt in it.
"""
from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import gevent
import patient
import pytest
from shared.app import NOW, App
from clocks import unix_now, until
from GenericWebhook import ANY, MIB, SCHEMES, Settings, Tokens, Unauthorized, hashing_lock, signatures_to_check, valid_signature
from local_xsoar import ROOT
from model import turns_of_another
from signing import (BODY_ONLY, NAMED, OTHER_TOKEN, SENDERS, Sender, TOKEN, digest, each_sender,
                     each_timed_sender, hex_of, refused, sign_slack, sign_standard, sign_stripe,
                     sign_svix, standard, verified)
from shared.webhook import Webhook

pytestmark = pytest.mark.sockets

VECTORS = json.loads((ROOT / 'Tests' / 'senders' / 'vectors.json').read_text(encoding='utf-8'))


def test_every_scheme_of_the_script_has_its_sender_here() -> None:
    tried = {(name if (name := sender.header.lower()) in SCHEMES else ANY, bool(sender.seconds)) for sender in SENDERS}
    known = {(header, bool(scheme.time)) for header, schemes in SCHEMES.items() for scheme in schemes}
    teams, onfleet = ('authorization', False), ('x-onfleet-signature', False)  # which have tests of their own
    assert tried == known - {teams, onfleet}


@each_sender
def test_a_signed_request_is_let_in_at_the_door_and_leaves_its_signature_nowhere(webhook: Webhook, sender: Sender) -> None:
    body, headers = sender.request(now=unix_now())
    answer = patient.post(webhook.webhook_url, body, headers=headers)
    assert answer.status_code == 200
    details = webhook.sent()[-1]['rawJSON']
    assert json.loads(details)['action'] == 'create'
    signature = re.split('[=,]', headers[sender.header].rstrip('='))[-1]
    assert len(signature) >= 43
    assert signature not in details
    assert signature not in answer.text
    assert signature not in '\n'.join(webhook.output)


@each_sender
def test_another_key_another_body_and_a_header_that_is_empty_or_not_there_are_rejected(app: App, sender: Sender) -> None:
    assert refused(app, *sender.request(key=OTHER_TOKEN))
    body, headers = sender.request()
    for other in (body + b' ', body.replace(b'create', b'delete'), body[:-1], b''):
        assert refused(app, other, headers), other
    assert refused(app, body, {name: value for name, value in headers.items() if name != sender.header})
    for value in ('', ' '):
        assert refused(app, body, {**headers, sender.header: value})


HOSTILE: dict[str, Callable[[str], str]] = {
    'cut short': lambda true: true[:-1],
    'a sign more': lambda true: true + '0',
    'backwards': lambda true: true[::-1],
    'quoted': lambda true: f'"{true}"',
    'with a NUL': lambda true: true + '\0',
    'bytes that are no text': lambda _: '\xff\xfe' * 50,
    'signs beyond Latin-1': lambda _: 'v1=sha256=\u2603\u0661'.encode().decode('latin-1'),
    'signs beyond Latin-1 in base64': lambda _: 'v1,\u2603\u0661'.encode().decode('latin-1'),
    'long': lambda _: 'a' * 16_000,
    'many commas': lambda _: ',' * 10_000,
    'many spaces and labels': lambda _: ' v1,' * 4000,
    'many labels': lambda _: 'v1=,v0=,sha256=,t=' * 800,
    'many signatures': lambda _: ','.join(f'{label}={"0" * 64}' for label in ('v0', 'v1', 'sha256') for _ in range(60)),
    'equals signs': lambda _: '=' * 1000,
    'equals signs and commas': lambda _: ',=,==,=,,t=t=,v1=v1=',
    'braces': lambda _: '{t}{0}{x.__class__}{',
    'percent signs': lambda _: '%s%n%(t)s',
    'only a label': lambda _: 'v1=',
    'JSON': lambda _: '{"v1": 1}',
    'None': lambda _: 'None',
}


@each_sender
def test_a_hostile_signature_is_rejected_and_raises_nothing(app: App, sender: Sender) -> None:
    body, headers = sender.request()
    for name, spoil in HOSTILE.items():
        assert refused(app, body, {**headers, sender.header: spoil(headers[sender.header])}), name


@each_timed_sender
def test_a_time_that_is_off_by_less_than_the_window_is_let_in_and_no_other(app: App, sender: Sender) -> None:
    assert app.post(*sender.request(sender.seconds)).status == 200
    assert app.post(*sender.request(-sender.seconds)).status == 200
    for seconds_ago in (sender.seconds + 2, -sender.seconds - 2, 86_400, NOW):
        assert refused(app, *sender.request(seconds_ago)), seconds_ago


@pytest.mark.parametrize('sign', [NAMED[name].sign for name in ('Slack', 'Zoom', 'Stripe', 'Grafana with time')])
@pytest.mark.parametrize('stamp', ['', 'now', '-1', '1e9', '0x1', f'{NOW}.0', f'{NOW}x', f'{NOW},{NOW}', '{t}', 'nan', 'inf',
                                   '9' * 5000, '99999999999999', '0', '\u0661', '\xb2'])
def test_a_time_that_is_not_a_number_is_rejected_even_where_it_is_signed(app: App, sign: Callable[..., dict[str, str]],
                                                                     stamp: str) -> None:
    headers = {name: value.encode().decode('latin-1') for name, value in sign(b'{"a": 1}', TOKEN, stamp).items()}
    assert refused(app, b'{"a": 1}', headers)


def test_a_digest_counts_only_under_a_header_with_the_name_of_a_signature(app: App) -> None:
    body = b'{"a": 1}'
    headers = {'X-Digest': hex_of(TOKEN, body)}
    assert refused(app, body, headers)
    for value in headers['X-Digest'], base64.b64encode(digest(TOKEN, body, 'sha512')).decode():
        assert not refused(app, body, {**headers, 'X-Hmac': value})


def test_a_stripe_signature_without_its_time_is_rejected(app: App) -> None:
    body, headers = NAMED['Stripe'].request()
    time_part, signature = headers['Stripe-Signature'].split(',')
    for value in (signature, f't=,{signature}', f't,{signature}', f'{time_part}0,{signature}', f'T{time_part[1:]},{signature}'):
        assert refused(app, body, {'Stripe-Signature': value}), value


@pytest.mark.parametrize('body', [
    '{"a": 1}', '{"webhookTimestamp": "soon"}', '{"webhookTimestamp": null}', '{"webhookTimestamp": 1.5}', '[]', 'text', '',
    '[' * 9999, '{"webhookTimestamp": {}}', '{"webhookTimestamp": ' + '9' * 5000 + '}',
    '{"webhookTimestamp": NOW000}', '{"webhookTimestamp": NOW000000}',
    '[{"webhookTimestamp": NOW}]', '{"a": {"webhookTimestamp": NOW}}',
    '{"webhookTimestamp": ' + '[' * 9999, '{"a": ' + '[' * 9999 + ', "webhookTimestamp": 1}',
])
def test_a_linear_body_without_a_readable_time_is_rejected(app: App, body: str) -> None:
    sent = body.replace('NOW', f'{NOW}000').encode()
    assert refused(app, sent, {'Linear-Signature': hex_of(TOKEN, sent)})


def test_a_header_that_is_called_like_a_part_of_a_signature_changes_nothing(app: App) -> None:
    body, headers = NAMED['Stripe'].request()
    assert app.post(body, {'T': 'x', **headers}).status == 200
    old_body, old = NAMED['Stripe'].request(3600)
    assert refused(app, old_body, {**old, 'T': str(NOW)})
    stamp, signature = re.split('t=|,', headers['Stripe-Signature'])[1:]
    assert refused(app, body, {'T': stamp, 'Stripe-Signature': signature})


def test_no_part_of_a_signature_header_stands_for_the_id_that_was_signed(app: App) -> None:
    headers = sign_standard(b'{}', TOKEN, str(NOW))
    shown = f'webhook-id={headers["webhook-id"]},{headers["webhook-signature"]}'
    other = {**headers, 'webhook-id': 'another', 'webhook-signature': shown}
    assert refused(app, b'{}', other)
    assert not refused(app, b'{}', {**other, 'webhook-id': headers['webhook-id']})


@pytest.mark.parametrize('name, join', [
    ('Standard Webhooks', 'v1,{other} v1a,{other} {true} v2,{other}'), ('Svix', 'v1,{other} {true}'),
    ('PagerDuty', 'v1={other},{true}'), ('PagerDuty', '{true}, v1={other}'), ('PagerDuty', '{true},{true}'),
    ('Stripe', 'v1={other},v0={other},{true}'), ('Stripe', '{true},v1={other}'), ('Stripe', 'v1={other}, {true}'),
    ('Stripe', 'v1={other},  {true} , v0={other}'),
    ('PagerDuty', 'v1={other},' * 30 + '{true}'), ('Calendly', '{true}' + ' {other}' * 30),
])
def test_one_valid_signature_among_several_is_enough(app: App, name: str, join: str) -> None:
    sender = NAMED[name]
    body, headers = sender.request()
    signatures = join.format(true=headers[sender.header], other='0' * 64)
    assert app.post(body, {**headers, sender.header: signatures}).status == 200


def test_a_valid_signature_beside_another_senders_invalid_one_is_enough(app: App) -> None:
    body, headers = NAMED['Bitbucket'].request()
    others = {**sign_stripe(body, TOKEN, '1600000000'), 'Sentry-Hook-Signature': 'junk'}
    assert app.post(body, {**others, **headers}).status == 200


def test_a_sha1_signature_alone_is_rejected_and_beside_a_sha256_one_ignored(app: App) -> None:
    body, headers = NAMED['GitHub'].request()
    old = {'X-Hub-Signature': f'sha1={digest(TOKEN, body, "sha1").hex()}'}
    assert refused(app, body, old)
    assert refused(app, body, {'X-Hub-Signature-256': old['X-Hub-Signature']})
    assert app.post(body, {**old, **headers}).status == 200


@pytest.mark.parametrize('kind', ['md5', 'sha1', 'sha384'])
def test_a_weaker_or_another_digest_is_rejected_under_any_header(app: App, kind: str) -> None:
    body = b'{"a": 1}'
    other = digest(TOKEN, body, kind)
    for sender in BODY_ONLY:
        for value in (other.hex(), base64.b64encode(other).decode(), hashlib.new(kind, body).hexdigest()):
            for label in ('', 'sha256=', 'v1='):
                assert refused(app, body, {sender.header: label + value})


def test_a_standard_webhooks_secret_works_with_and_without_its_prefix() -> None:
    with App(TOKEN.removeprefix('whsec_')) as app:
        assert app.post(*NAMED['Standard Webhooks'].request(key=TOKEN)).status == 200


def test_a_token_that_is_not_base64_signs_standard_webhooks_with_its_own_bytes() -> None:
    with App('p@ss wörd') as app:
        assert app.post(b'{}', standard(app.token.encode())).status == 200


@pytest.mark.parametrize('token', ['whsec_', 'whsec_=', 'whsec_not base64!', 'AAAA', 'A' * 43 + '=', 'A' * 172, 'whsec_AAAA',
                                   'whsec_' + 'A' * 240])
def test_a_secret_with_nothing_usable_in_it_lets_nobody_in_by_an_empty_key(token: str) -> None:
    with App(token) as app:
        for key, kind in itertools.product((b'', bytes(64), bytes(180)), ('sha256', 'sha512')):
            for name in ('webhook', 'svix'):
                assert refused(app, b'{}', standard(key, name=name, kind=kind))
            of_teams = base64.b64encode(hmac.digest(key, b'{}', kind)).decode()
            assert refused(app, b'{}', {'Authorization': f'HMAC {of_teams}'})


def test_a_token_that_stands_for_zero_bytes_is_let_in_as_it_is_and_signs_with_its_own_text() -> None:
    with App('A' * 32) as app:
        assert not refused(app, b'{}', {'X-Api-Key': app.token})
        assert not refused(app, b'{}', {'X-Hub-Signature-256': f'sha256={hex_of(app.token, b"{}")}'})
        assert not refused(app, b'{}', sign_svix(b'{}', base64.b64encode(app.token.encode()).decode(), str(NOW)))


EIGHT = ['whsec_' + base64.b64encode(f'the key {number} of this instance'.encode()).decode() for number in range(8)]


@pytest.fixture
def of_eight() -> Iterator[App]:
    with App(' || '.join(EIGHT)) as running:
        yield running


@pytest.mark.parametrize('position', [1, 8])
@each_sender
def test_a_request_signed_with_any_of_8_tokens_is_let_in(of_eight: App, sender: Sender, position: int) -> None:
    body, headers = sender.request(key=EIGHT[position - 1])
    assert not refused(of_eight, body, headers)
    assert of_eight.proved_by == f'{position}'
    assert refused(of_eight, body + b' ', headers)
    assert refused(of_eight, *sender.request(key=OTHER_TOKEN))


@each_sender
def test_as_much_is_compared_whichever_of_8_tokens_has_signed(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    compare = mock.Mock(wraps=hmac.compare_digest)
    monkeypatch.setattr(hmac, 'compare_digest', compare)
    settings = Settings(8080, Tokens(' || '.join(EIGHT)), None)

    def comparisons(key: str) -> int:
        compare.reset_mock()
        body, headers = sender.request(key=key)
        verified(settings, {name.lower(): value for name, value in headers.items()}, body, NOW)
        return compare.call_count

    assert len(set(map(comparisons, EIGHT))) == 1


@each_sender
def test_the_whole_text_of_8_tokens_is_no_key(of_eight: App, sender: Sender) -> None:
    is_decoded = sender.name in ('Standard Webhooks', 'Svix')  # whose own code decodes its key
    key = base64.b64encode(of_eight.token.encode()).decode() if is_decoded else of_eight.token
    assert refused(of_eight, *sender.request(key=key))


@pytest.mark.parametrize('position', [1, 4, 8])
def test_each_kind_of_key_is_tried_with_each_of_8_tokens(position: int) -> None:
    tokens = [base64.b64encode(f'{number} key in base64 text'.encode()).decode() for number in range(8)]
    token = tokens[position - 1]
    of_teams = base64.b64encode(hmac.digest(base64.b64decode(token), b'{}', 'sha256')).decode()
    with App(' || '.join(tokens)) as app:
        for headers in ({'Authorization': f'HMAC {of_teams}'}, sign_standard(b'{}', token, str(NOW)),
                        standard(token.encode(), name='svix')):
            assert not refused(app, b'{}', headers)
            assert app.proved_by == f'{position}'


@pytest.mark.parametrize('position', range(8))
def test_tokens_that_are_not_base64_take_nothing_from_one_that_is(position: int) -> None:
    tokens = [f'not base64! {number}' for number in range(8)]
    tokens[position] = TOKEN
    with App(' || '.join(tokens)) as app:
        assert not refused(app, *NAMED['Svix'].request())
        assert app.proved_by == f'{position + 1}'
    tokens[position] = 'whsec_' + 'A' * 32
    with App(' || '.join(tokens)) as app:
        assert refused(app, b'{}', standard(b'', delivery='a'))


@pytest.mark.parametrize('tokens, size, most', [
    (1, 256 * 1024 + 1, 8), (2, 256 * 1024 + 1, 8), (3, 256 * 1024 + 1, 5), (8, 256 * 1024 + 1, 2), (8, MIB, 2),
    (1, 256 * 1024, 8), (8, 256 * 1024, 8), (8, 2, 8)])
def test_a_large_body_is_signed_16_times_at_most_and_a_small_one_64_times(tokens: int, size: int, most: int) -> None:
    body = b'{' + b' ' * (size - 2) + b'}'
    with App(' || '.join(EIGHT[:tokens])) as app:
        for wrong, is_let_in in (most - 1, True), (most, False):
            headers = {f'X-A{number}-Signature': '0' * 64 for number in range(wrong)}
            assert refused(app, body, {**headers, 'X-Last-Signature': hex_of(EIGHT[tokens - 1], body)}) != is_let_in


def checks_while_a_large_body_is_hashed(body: bytes, headers: dict[str, str], tokens: Tokens) -> int:
    """Check a signed body while another greenlet hashes a large one, and return how often others ran meanwhile."""
    settings = Settings(8080, tokens, None)

    def check(text: bytes, head: dict[str, str]) -> None:
        valid_signature(signatures_to_check(settings, head, ''), text, NOW)

    large = gevent.spawn(check, bytes(25 * MIB), {'x-a-signature': '0' * 64, 'x-b-signature': '0' * 64})
    until(hashing_lock.locked)
    with turns_of_another() as turns:
        check(body, headers)
        assert not large.dead
    large.kill()
    return len(turns)


@pytest.mark.parametrize('position', [1, 8])
def test_a_small_signed_body_is_checked_with_8_tokens_while_a_large_one_is_hashed_and_waits_for_nobody(position: int) -> None:
    tokens = Tokens(' || '.join(EIGHT))
    for body in b'{}', bytes(32 * 1024):
        headers = {'x-hub-signature-256': f'sha256={hex_of(EIGHT[position - 1], body)}'}
        assert checks_while_a_large_body_is_hashed(body, headers, tokens) == 0
    body = bytes(32 * 1024 + 1)
    assert checks_while_a_large_body_is_hashed(body, {'x-a-signature': hex_of(EIGHT[position - 1], body)}, tokens) > 0


@each_sender
def test_a_valid_signature_counts_beside_an_authorization_that_is_empty_or_that_somebody_else_wants(
        app: App, sender: Sender) -> None:
    body, headers = sender.request()
    for authorization, token in (('Basic dGVuYW50OnBhc3M=', 'wrong'), ('', '')):
        assert app.post(body, {**headers, 'Authorization': authorization, 'X-Gitlab-Token': token}).status == 200


def test_without_a_token_a_bad_signature_is_accepted() -> None:
    with App('') as app:
        assert app.post(b'{}', {'X-Hub-Signature-256': 'sha256=0'}).status == 200
        assert app.post(b'{}', {'X-Hub-Signature-256': '\xff'}).status == 200


def test_teams_signs_with_the_decoded_token_in_its_authorization() -> None:
    token = base64.b64encode(b'0123456789abcdef0123456789abcdef').decode()
    value = 'HMAC ' + base64.b64encode(hmac.digest(base64.b64decode(token), b'{"a": 1}', 'sha256')).decode()
    with App(token) as app:
        assert app.post(b'{"a": 1}', {'Authorization': value}).status == 200
        assert refused(app, b'{"a": 2}', {'Authorization': value})
        assert refused(app, b'{"a": 1}', {'Authorization': value.replace('HMAC', 'Bearer')})


@pytest.mark.parametrize('token', ['c0ffee' * 10, 'no-hexadecimal-token'])
def test_onfleet_signs_with_what_its_token_encodes_in_hexadecimal(token: str) -> None:
    is_hex = token.isalnum()
    key = bytes.fromhex(token) if is_hex else token.encode()
    with App(token) as app:
        right = {'X-Onfleet-Signature': hmac.digest(key, b'{"a": 1}', 'sha512').hex()}
        assert refused(app, b'{"a": 1}', right) is not is_hex
        assert refused(app, b'{"a": 2}', right)
        assert refused(app, b'{"a": 1}', {'X-Onfleet-Signature': digest(token, b'{"a": 1}', 'sha512').hex()})


@pytest.mark.parametrize('sender', BODY_ONLY, ids=lambda sender: sender.name)
def test_a_compressed_body_is_verified_as_it_was_sent(app: App, sender: Sender) -> None:
    packed = gzip.compress(b'{"action": "packed"}')
    assert app.post(packed, {**sender.sign(packed, TOKEN, ''), 'Content-Encoding': 'gzip'}).status == 200
    assert app.details['action'] == 'packed'
    assert refused(app, packed, {**sender.sign(b'{"action": "packed"}', TOKEN, ''), 'Content-Encoding': 'gzip'})


def test_a_form_is_verified_as_it_was_sent(app: App) -> None:
    form = b'command=%2Fcollect&text=&b=1+2'
    headers = {**sign_slack(form, TOKEN, str(NOW)), 'Content-Type': 'application/x-www-form-urlencoded'}
    assert app.post(form, headers).status == 200
    assert app.details['b'] == '1 2'


@pytest.mark.parametrize('vector', VECTORS, ids=lambda vector: f'{vector["sender"]} {VECTORS.index(vector)}')
def test_a_published_example_is_valid_in_its_time_and_with_one_byte_more_it_is_not(vector: dict[str, Any]) -> None:
    headers = {name.lower(): value for name, value in vector['headers'].items()}
    settings, body = Settings(8080, Tokens(vector['token']), None), vector['body'].encode()
    assert verified(settings, headers, body, vector['now'] or NOW).lower() in headers
    for other, text in ((settings, body + b' '), (Settings(8080, Tokens(vector['token'] + 'x'), None), body)):
        with pytest.raises(Unauthorized):
            verified(other, headers, text, vector['now'] or NOW)
    if vector['now']:
        with pytest.raises(Unauthorized, match='too far from now'):
            verified(settings, headers, body, NOW)
