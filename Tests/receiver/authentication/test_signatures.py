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
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from itertools import cycle, product
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import gevent
import patient
import pytest
import standardwebhooks
import stripe
from shared.app import NOW, App
from clocks import grows_linearly, unix_now, until
from GenericWebhook import (
    ANY,
    MIB,
    SCHEMES,
    TIMED_TEXT,
    Scheme,
    Settings,
    Tokens,
    Unauthorized,
    contains_token,
    hashing_lock,
    kept_headers,
    signatures_to_check,
    valid_signature,
    warnings_about,
)
from local_xsoar import ROOT
from slack_sdk.signature import SignatureVerifier
from shared.webhook import Answer, Webhook, read_to_end, request_bytes

from localxsoar.webhooks.masks import Masks

pytestmark = pytest.mark.sockets

TOKEN = 'whsec_' + base64.b64encode(b'the key of this instance').decode()
OTHER_TOKEN = 'whsec_' + base64.b64encode(b'the key of another one..').decode()
VECTORS = json.loads((ROOT / 'Tests' / 'senders' / 'vectors.json').read_text(encoding='utf-8'))


def digest(key: str, text: bytes, kind: str = 'sha256') -> bytes:
    return hmac.new(key.encode(), text, kind).digest()


def hex_of(key: str, text: bytes) -> str:
    return digest(key, text).hex()


def base64_of(key: str, text: bytes) -> str:
    return base64.b64encode(digest(key, text)).decode()


def whole_second(stamp: str) -> datetime:
    return datetime.fromtimestamp(int(stamp), timezone.utc)


# How each sender signs, given the body, the key and the time in Unix seconds.


def sign_standard(body: bytes, key: str, stamp: str) -> dict[str, str]:
    signature = standardwebhooks.Webhook(key).sign('msg_2a', whole_second(stamp), body.decode())
    return {'webhook-id': 'msg_2a', 'webhook-timestamp': stamp, 'webhook-signature': signature}


def sign_svix(body: bytes, key: str, stamp: str) -> dict[str, str]:
    import svix  # which takes a third of a second, in each worker that only collects this file
    signature = svix.Webhook(key).sign('msg_2b', whole_second(stamp), body.decode())
    return {'svix-id': 'msg_2b', 'svix-timestamp': stamp, 'svix-signature': signature}


def sign_mlflow(body: bytes, key: str, stamp: str) -> dict[str, str]:
    delivery = 'e0b1f0a4-7f0e-4d0a-9d0e-1c2d3e4f5a6b'
    signature = base64_of(key, f'{delivery}.{stamp}.'.encode() + body)
    return {'X-MLflow-Delivery-Id': delivery, 'X-MLflow-Timestamp': stamp, 'X-MLflow-Signature': f'v1,{signature}'}


def sign_slack(body: bytes, key: str, stamp: str) -> dict[str, str]:
    signature = SignatureVerifier(key).generate_signature(timestamp=stamp, body=body)
    return {'X-Slack-Request-Timestamp': stamp, 'X-Slack-Signature': str(signature)}


def sign_zoom(body: bytes, key: str, stamp: str) -> dict[str, str]:
    signature = hex_of(key, f'v0:{stamp}:'.encode() + body)
    return {'x-zm-request-timestamp': stamp, 'x-zm-signature': f'v0={signature}'}


def sign_stripe(body: bytes, key: str, stamp: str) -> dict[str, str]:
    signed = stripe.WebhookSignature.generate_signature_header(body.decode(), key, stamp)
    return {'Stripe-Signature': signed}


def sign_grafana_with_time(body: bytes, key: str, stamp: str) -> dict[str, str]:
    return {'X-Grafana-Alerting-Signature-Timestamp': stamp,
            'X-Grafana-Alerting-Signature': hex_of(key, f'{stamp}:'.encode() + body)}


def sign_calendly(body: bytes, key: str, stamp: str) -> dict[str, str]:
    return {'Calendly-Webhook-Signature': f't={stamp},v1={hex_of(key, f"{stamp}.".encode() + body)}'}


def sign_zendesk(body: bytes, key: str, stamp: str) -> dict[str, str]:
    time_text = whole_second(stamp).strftime('%Y-%m-%dT%H:%M:%SZ')
    return {'X-Zendesk-Webhook-Signature-Timestamp': time_text,
            'X-Zendesk-Webhook-Signature': base64_of(key, time_text.encode() + body)}


def sign_django(body: bytes, key: str, stamp: str) -> dict[str, str]:
    return {'Django-Webhook-Request-Timestamp': stamp, 'Django-Webhook-Signature-v1': hex_of(key, f'{stamp}:'.encode() + body)}


def sign_box(body: bytes, key: str, stamp: str) -> dict[str, str]:
    time_text = whole_second(stamp).astimezone(timezone(timedelta(hours=-7))).isoformat()
    return {'BOX-DELIVERY-TIMESTAMP': time_text, 'BOX-SIGNATURE-PRIMARY': base64_of(key, body + time_text.encode()),
            'BOX-SIGNATURE-SECONDARY': base64_of('the secondary key', body + time_text.encode())}


def sign_box_with_its_secondary_key(body: bytes, key: str, stamp: str) -> dict[str, str]:
    names = {'BOX-SIGNATURE-PRIMARY': 'BOX-SIGNATURE-SECONDARY', 'BOX-DELIVERY-TIMESTAMP': 'BOX-DELIVERY-TIMESTAMP'}
    return {names[name]: value for name, value in sign_box(body, key, stamp).items() if name in names}


def sign_customer_io(body: bytes, key: str, stamp: str) -> dict[str, str]:
    return {'X-CIO-Timestamp': stamp, 'X-CIO-Signature': hex_of(key, f'v0:{stamp}:'.encode() + body)}


def sign_sha512(body: bytes, key: str, _: str) -> dict[str, str]:
    return {'X-HCP-Radar-Signature': digest(key, body, 'sha512').hex()}


def signs_the_body(header: str, form: Callable[[str, bytes], str] = hex_of, label: str = '') -> Callable[..., dict[str, str]]:
    return lambda body, key, _: {header: label + form(key, body)}


class Sender(NamedTuple):
    name: str
    header: str
    sign: Callable[[bytes, str, str], dict[str, str]]
    seconds: int = 0  # how far its time of signing may be off
    stamp_header: str = ''

    def request(self, seconds_ago: float = 0, key: str = TOKEN, now: float = NOW) -> tuple[bytes, dict[str, str]]:
        stamp = int(now - seconds_ago)
        body = json.dumps({'action': 'create', 'webhookTimestamp': stamp * 1000}).encode()
        return body, self.sign(body, key, str(stamp))


SENDERS = [
    Sender('Standard Webhooks', 'webhook-signature', sign_standard, 300, 'webhook-timestamp'),
    Sender('Svix', 'svix-signature', sign_svix, 300, 'svix-timestamp'),
    Sender('MLflow', 'X-MLflow-Signature', sign_mlflow, 300, 'X-MLflow-Timestamp'),
    Sender('GitHub', 'X-Hub-Signature-256', signs_the_body('X-Hub-Signature-256', label='sha256=')),
    Sender('Bitbucket', 'X-Hub-Signature', signs_the_body('X-Hub-Signature', label='sha256=')),
    Sender('Slack', 'X-Slack-Signature', sign_slack, 300, 'X-Slack-Request-Timestamp'),
    Sender('Zoom', 'x-zm-signature', sign_zoom, 300, 'x-zm-request-timestamp'),
    Sender('Stripe', 'Stripe-Signature', sign_stripe, 300),
    Sender('Shopify', 'X-Shopify-Hmac-Sha256', signs_the_body('X-Shopify-Hmac-Sha256', base64_of)),
    Sender('PagerDuty', 'X-PagerDuty-Signature', signs_the_body('X-PagerDuty-Signature', label='v1=')),
    Sender('Sentry', 'Sentry-Hook-Signature', signs_the_body('Sentry-Hook-Signature')),
    Sender('Calendly', 'Calendly-Webhook-Signature', sign_calendly, 300),
    Sender('Zendesk', 'X-Zendesk-Webhook-Signature', sign_zendesk, 300, 'X-Zendesk-Webhook-Signature-Timestamp'),
    Sender('django-webhook', 'Django-Webhook-Signature-v1', sign_django, 300, 'Django-Webhook-Request-Timestamp'),
    Sender('Customer.io', 'X-CIO-Signature', sign_customer_io, 300, 'X-CIO-Timestamp'),
    Sender('Box', 'BOX-SIGNATURE-PRIMARY', sign_box, 300, 'BOX-DELIVERY-TIMESTAMP'),
    Sender('Box, secondary key', 'BOX-SIGNATURE-SECONDARY', sign_box_with_its_secondary_key, 300, 'BOX-DELIVERY-TIMESTAMP'),
    Sender('HCP Vault Radar', 'X-HCP-Radar-Signature', sign_sha512),
    Sender('Linear', 'Linear-Signature', signs_the_body('Linear-Signature'), 60),
    Sender('Grafana', 'X-Grafana-Alerting-Signature', signs_the_body('X-Grafana-Alerting-Signature')),
    Sender('Grafana with time', 'X-Grafana-Alerting-Signature', sign_grafana_with_time, 300,
           'X-Grafana-Alerting-Signature-Timestamp'),
    Sender('Dropbox', 'X-Dropbox-Signature', signs_the_body('X-Dropbox-Signature')),
    Sender('Splunk Observability', 'X-SFX-Signature', signs_the_body('X-SFX-Signature', base64_of)),
]
TIMED = [sender for sender in SENDERS if sender.seconds]
BODY_ONLY = [sender for sender in SENDERS if not sender.seconds]
NAMED = {sender.name: sender for sender in SENDERS}
each_sender = pytest.mark.parametrize('sender', SENDERS, ids=lambda sender: sender.name)
each_timed_sender = pytest.mark.parametrize('sender', TIMED, ids=lambda sender: sender.name)


@pytest.fixture
def app() -> Iterator[App]:
    with App(TOKEN) as running:
        yield running


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook('--log-level', 'debug', token=TOKEN) as running:
        yield running


def refused(app: App, body: bytes, headers: dict[str, str]) -> bool:
    """Whether it is a 401, which says what to do, and created nothing; else its incidents were created."""
    before = len(app.calls)
    answer = app.post(body, headers)
    assert answer.status in (200, 401), (answer.status, app.outcome)
    assert len(app.calls) == before + (answer.status == 200)
    assert ('www-authenticate' in answer.headers) == (answer.status == 401)
    assert answer.headers.get('www-authenticate', 'Basic').startswith('Basic')
    return answer.status == 401


def verified(settings: Settings, headers: dict[str, str], body: bytes, arrived: float) -> str:
    """The header whose signature is valid."""
    return valid_signature(signatures_to_check(settings, headers, ''), body, arrived).header


def test_every_scheme_of_the_script_has_its_sender_here() -> None:
    tried = {(name if (name := sender.header.lower()) in SCHEMES else ANY, bool(sender.seconds)) for sender in SENDERS}
    known = {(header, bool(scheme.time)) for header, schemes in SCHEMES.items() for scheme in schemes}
    teams, onfleet = ('authorization', False), ('x-onfleet-signature', False)  # which have tests of their own
    assert tried == known - {teams, onfleet}


# What each sender signs


@each_sender
def test_a_request_as_its_sender_signs_it_is_let_in(app: App, sender: Sender) -> None:
    assert app.post(*sender.request()).status == 200
    assert app.details['action'] == 'create'


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
def test_another_key_is_rejected(app: App, sender: Sender) -> None:
    assert refused(app, *sender.request(key=OTHER_TOKEN))


@each_sender
def test_another_body_is_rejected(app: App, sender: Sender) -> None:
    body, headers = sender.request()
    for other in (body + b' ', body.replace(b'create', b'delete'), body[:-1], b''):
        assert refused(app, other, headers), other


@each_sender
def test_no_header_and_an_empty_one_are_rejected(app: App, sender: Sender) -> None:
    body, headers = sender.request()
    without = {name: value for name, value in headers.items() if name != sender.header}
    assert refused(app, body, without)
    assert refused(app, body, {**headers, sender.header: ''})
    assert refused(app, body, {**headers, sender.header: ' '})


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


@pytest.mark.parametrize('name', ['Standard Webhooks', 'Slack', 'Stripe', 'Shopify'])
def test_a_hostile_signature_is_rejected_at_the_door(webhook: Webhook, name: str) -> None:
    sender = NAMED[name]
    body, headers = sender.request(now=unix_now())
    for how, spoil in HOSTILE.items():
        value = spoil(headers[sender.header]).strip().encode('latin-1')
        if b'\0' not in value:  # is no HTTP
            answer = patient.post(webhook.direct_url, body, headers={**headers, sender.header: value})
            assert answer.status_code == 401, how


# When


@each_timed_sender
def test_a_time_that_is_off_by_less_than_the_window_is_let_in(app: App, sender: Sender) -> None:
    assert app.post(*sender.request(sender.seconds)).status == 200
    assert app.post(*sender.request(-sender.seconds)).status == 200


@each_timed_sender
def test_an_old_time_and_one_to_come_are_rejected(app: App, sender: Sender) -> None:
    for seconds_ago in (sender.seconds + 2, -sender.seconds - 2, 86_400, NOW):
        assert refused(app, *sender.request(seconds_ago)), seconds_ago


@pytest.mark.parametrize('sender', [sender for sender in TIMED if sender.stamp_header], ids=lambda sender: sender.name)
def test_a_time_that_is_missing_or_no_number_is_rejected(app: App, sender: Sender) -> None:
    body, headers = sender.request()
    stamp = headers.pop(sender.stamp_header)
    assert refused(app, body, headers)
    for hostile in ('', ' ', 'now', '-1', '1e9', '0x1', '1.5', stamp + '.0', stamp + 'x', '\u0661'.encode().decode('latin-1'),
                    '9' * 5000,
                    '\xb2', 'nan', 'inf', '{t}', f'{stamp},{stamp}'):
        assert refused(app, body, {**headers, sender.stamp_header: hostile}), hostile


@pytest.mark.parametrize('sign', [sign_slack, sign_zoom, sign_stripe, sign_grafana_with_time])
@pytest.mark.parametrize('stamp', ['', 'now', '-1', '1e9', 'nan', 'inf', '9' * 5000, '99999999999999', '0', '\u0661', '\xb2'])
def test_a_time_that_is_not_a_number_is_rejected_even_where_it_is_signed(app: App, sign: Callable[..., dict[str, str]],
                                                                     stamp: str) -> None:
    headers = {name: value.encode().decode('latin-1') for name, value in sign(b'{"a": 1}', TOKEN, stamp).items()}
    assert refused(app, b'{"a": 1}', headers)


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


# Several


@pytest.mark.parametrize('name, join', [
    ('Standard Webhooks', 'v1,{other} v1a,{other} {true} v2,{other}'), ('Svix', 'v1,{other} {true}'),
    ('PagerDuty', 'v1={other},{true}'), ('PagerDuty', '{true}, v1={other}'), ('Stripe', 'v1={other},v0={other},{true}'),
    ('Stripe', '{true},v1={other}'), ('PagerDuty', 'v1={other},' * 30 + '{true}'), ('Calendly', '{true}' + ' {other}' * 30),
])
def test_one_valid_signature_among_several_is_enough(app: App, name: str, join: str) -> None:
    sender = NAMED[name]
    body, headers = sender.request()
    signatures = join.format(true=headers[sender.header], other='0' * 64)
    assert app.post(body, {**headers, sender.header: signatures}).status == 200


def test_a_valid_signature_beside_another_senders_invalid_one_is_enough(app: App) -> None:
    body, headers = NAMED['Bitbucket'].request()
    assert app.post(body, {**headers, 'Sentry-Hook-Signature': 'junk', 'Stripe-Signature': 't=1,v1=junk'}).status == 200


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


# Keys of Standard Webhooks


def test_a_standard_webhooks_secret_works_with_and_without_its_prefix() -> None:
    with App(TOKEN.removeprefix('whsec_')) as app:
        assert app.post(*NAMED['Standard Webhooks'].request(key=TOKEN)).status == 200


def test_a_token_that_is_not_base64_signs_standard_webhooks_with_its_own_bytes() -> None:
    with App('p@ss wörd') as app:
        stamp = str(NOW)
        signature = base64_of('p@ss wörd', f'msg_1.{stamp}.{{}}'.encode())
        assert app.post(b'{}',
                        {'webhook-id': 'msg_1', 'webhook-timestamp': stamp, 'webhook-signature': f'v1,{signature}'}).status == 200


@pytest.mark.parametrize('token', ['whsec_', 'whsec_=', 'whsec_not base64!', 'AAAA', 'A' * 43 + '=', 'A' * 172, 'whsec_AAAA',
                                   'whsec_' + 'A' * 240])
def test_a_secret_with_nothing_usable_in_it_lets_nobody_in_by_an_empty_key(token: str) -> None:
    with App(token) as app:
        for key, kind in itertools.product((b'', bytes(64), bytes(180)), ('sha256', 'sha512')):
            signature = base64.b64encode(hmac.digest(key, f'msg_1.{NOW}.{{}}'.encode(), kind)).decode()
            for name in ('webhook', 'svix'):
                headers = {f'{name}-id': 'msg_1', f'{name}-timestamp': str(NOW), f'{name}-signature': f'v1,{signature}'}
                assert refused(app, b'{}', headers)
            of_teams = base64.b64encode(hmac.digest(key, b'{}', kind)).decode()
            assert refused(app, b'{}', {'Authorization': f'HMAC {of_teams}'})


def test_a_token_that_stands_for_zero_bytes_is_let_in_as_it_is_and_signs_with_its_own_text() -> None:
    with App('A' * 32) as app:
        assert not refused(app, b'{}', {'X-Api-Key': app.token})
        assert not refused(app, b'{}', {'X-Hub-Signature-256': f'sha256={hex_of(app.token, b"{}")}'})
        assert not refused(app, b'{}', sign_svix(b'{}', base64.b64encode(app.token.encode()).decode(), str(NOW)))


# With each of several tokens


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
def test_the_whole_text_of_8_tokens_is_no_key(of_eight: App, sender: Sender) -> None:
    is_decoded = sender.name in ('Standard Webhooks', 'Svix')  # whose own code decodes its key
    key = base64.b64encode(of_eight.token.encode()).decode() if is_decoded else of_eight.token
    assert refused(of_eight, *sender.request(key=key))


@pytest.mark.parametrize('position', [1, 4, 8])
def test_each_kind_of_key_is_tried_with_each_of_8_tokens(position: int) -> None:
    tokens = [base64.b64encode(f'{number} key in base64 text'.encode()).decode() for number in range(8)]
    token = tokens[position - 1]
    of_teams = base64.b64encode(hmac.digest(base64.b64decode(token), b'{}', 'sha256')).decode()
    of_its_text = base64_of(token, f'msg_1.{NOW}.{{}}'.encode())
    with App(' || '.join(tokens)) as app:
        for headers in ({'Authorization': f'HMAC {of_teams}'}, sign_standard(b'{}', token, str(NOW)),
                        {'svix-id': 'msg_1', 'svix-timestamp': str(NOW), 'svix-signature': f'v1,{of_its_text}'}):
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
        signature = base64.b64encode(hmac.digest(b'', f'a.{NOW}.{{}}'.encode(), 'sha256')).decode()
        assert refused(app, b'{}', {'webhook-id': 'a', 'webhook-timestamp': str(NOW), 'webhook-signature': f'v1,{signature}'})


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
    settings, ticks = Settings(8080, tokens, None), []

    def tick() -> None:
        while True:
            ticks.append(1)
            gevent.sleep(0)

    def check(text: bytes, head: dict[str, str]) -> None:
        valid_signature(signatures_to_check(settings, head, ''), text, NOW)

    large = gevent.spawn(check, bytes(25 * MIB), {'x-a-signature': '0' * 64, 'x-b-signature': '0' * 64})
    ticker = gevent.spawn(tick)
    try:
        until(hashing_lock.locked)
        before = len(ticks)
        check(body, headers)
        assert not large.dead
        return len(ticks) - before
    finally:
        gevent.killall([large, ticker])


@pytest.mark.parametrize('position', [1, 8])
def test_a_small_signed_body_is_checked_with_8_tokens_while_a_large_one_is_hashed_and_waits_for_nobody(position: int) -> None:
    tokens = Tokens(' || '.join(EIGHT))
    for body in b'{}', bytes(32 * 1024):
        headers = {'x-hub-signature-256': f'sha256={hex_of(EIGHT[position - 1], body)}'}
        assert checks_while_a_large_body_is_hashed(body, headers, tokens) == 0
    body = bytes(32 * 1024 + 1)
    assert checks_while_a_large_body_is_hashed(body, {'x-a-signature': hex_of(EIGHT[position - 1], body)}, tokens) > 0


# Beside the token


@each_sender
def test_a_valid_signature_counts_beside_an_authorization_that_somebody_else_wants(app: App, sender: Sender) -> None:
    body, headers = sender.request()
    assert app.post(body, {**headers, 'Authorization': 'Basic dGVuYW50OnBhc3M=', 'X-Gitlab-Token': 'wrong'}).status == 200


@each_sender
def test_an_empty_authorization_is_ignored_and_the_signature_counts(app: App, sender: Sender) -> None:
    body, headers = sender.request()
    assert app.post(body, {**headers, 'Authorization': '', 'X-Gitlab-Token': ''}).status == 200


@pytest.mark.parametrize('value, status', [
    (TOKEN, 200), ('', 401), (' ', 401), (TOKEN[:-1], 401), (TOKEN + ' ', 401), (OTHER_TOKEN, 401), (f'{TOKEN},{TOKEN}', 401),
    ('\xff\xfe', 401), ('a' * 16_000, 401), (TOKEN.upper(), 401), ('Bearer ' + TOKEN, 401),
])
def test_gitlabs_header_lets_in_with_the_exact_token_alone(app: App, value: str, status: int) -> None:
    assert app.post(b'{"object_kind": "push"}', {'X-Gitlab-Token': value}).status == status
    if status == 200:
        assert TOKEN not in app.incidents[-1]['rawJSON']


def test_gitlabs_token_is_let_in_at_the_door_and_is_not_kept(webhook: Webhook) -> None:
    answer = patient.post(webhook.webhook_url, json={'object_kind': 'push'}, headers={'X-Gitlab-Token': TOKEN})
    assert answer.status_code == 200
    assert json.loads(webhook.sent()[-1]['rawJSON'])['headers'].keys().isdisjoint({'x-gitlab-token', 'authorization'})


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


# Anywhere


@pytest.mark.parametrize('token', [TOKEN, 'a+b c/d=e&f%2B-long', 'wörd-of-sixteen-letters'])
def test_the_token_is_taken_from_any_header_and_any_parameter(token: str) -> None:
    with App(token) as app:
        header = token.encode().decode('latin-1')
        for name in ('Authorization', 'cf-webhook-auth', 'X-Gitlab-Token', 'X-Anything'):
            assert app.post(b'{}', {name: header}).status == 200, name
        for query in (f'token={quote(token, safe="")}', f'a=1&key={quote_plus(token)}&b=2', f'x={quote(token, safe="+")}'):
            assert app.post(b'{"a": 1}', {'X-Request-URI': f'/instance/execute/webhook?{query}'}, query).status == 200, query
            assert 'x-request-uri' not in app.details['headers']
        for query in (f'token={quote(token[:-1])}', f'token=x{quote(token)}', quote(token), f'{quote(token)}=1', '=&=%'):
            assert app.post(b'{}', {}, query).status == 401, query


def test_a_request_cannot_guess_many_tokens(app: App) -> None:
    for before, status in (99, 200), (100, 401), (110, 401):
        assert app.post(b'{}', {}, '&'.join(['a=+'] * before + [f'a={TOKEN}'])).status == status


def test_100_headers_do_not_hide_a_token_in_the_query(webhook: Webhook) -> None:
    headers = {f'X-Added-By-A-Proxy-{number}': 'a' for number in range(98)}  # beside Host and Content-Length
    with webhook.connect() as sender:
        for query, status in (f'token={TOKEN}', b'200'), (f'token={TOKEN[:-1]}', b'401'):
            sender.sendall(request_bytes(f'http://webhook/?{query}', b'{}', headers))
            assert sender.recv(4096).startswith(b'HTTP/1.1 ' + status)


# Captured requests


TIMED_ROWS = [(header, scheme) for header, schemes in SCHEMES.items() for scheme in schemes if scheme.prefix]
each_timed_row = pytest.mark.parametrize('row', [scheme for _, scheme in TIMED_ROWS],
                                         ids=[f'{header[:30]} {scheme.prefix}' for header, scheme in TIMED_ROWS])
FORMS = ('{}', 'sha256={}', 'v0={}', 'v1={}')


def forms_of(text: bytes, key: str) -> list[str]:
    shown = digest(key, text).hex(), base64_of(key, text), digest(key, text, 'sha512').hex()
    return [form.format(each) for form in FORMS for each in shown]


@each_timed_row
def test_what_a_timed_row_signs_is_let_in_under_no_header_that_signs_the_body_alone(row: Scheme) -> None:
    stamps = ('1600000000', str(NOW), '160000000000', '2024-11-24T07:20:00Z', '2024-11-24T07:20:00.1+01:00')
    bodies = ('{"a": 1}', ' {}', '[{"a": 1}]', '[ ]', '\ufeff\r\n{ "a": 1}', 'token=x&text=disk+full', 'a%5Bb%5D.c[0]=1', '')
    headers = cycle(('X-Hub-Signature-256', 'X-Own-Hmac', 'X-Grafana-Alerting-Signature', 'Linear-Signature', 'X-Hub-Signature'))
    with App('a-token-of-its-own') as app:
        for stamp, body in product(stamps, bodies):
            text = (row.prefix.format(time=stamp, id='msg_2KWP-B1') + body).encode()
            # A form meets another header with each text: five headers for twelve forms.
            for form, header in zip(forms_of(text, app.token), headers, strict=False):
                assert refused(app, text, {header: form}), (text, header, form)


LIKE_ANOTHER_SCHEME = 'begins or ends like the signed text of another scheme'
# What a sender may sign besides JSON and forms, and a little in front of them.
BODIES_OF_ANY_KIND = {
    'XML': '<?xml version="1.0"?><alert/>', 'XML after a line': ' \r\n<alert/>',
    'a multipart form': '--b1\r\nContent-Disposition: x',
    'a multipart form of a browser': '\r\n------WebKitFormBoundary7MA4\r\n', 'JSON after 99 blanks': '\n' * 120 + '{"a": 1}',
    'a key after 99 blanks': '{' + ' ' * 120 + '"a": 1}', 'an array after 99 blanks': ' ' * 120 + '[' + '\t' * 120 + '{}]',
    'numbers': '[1, -2.5]', 'a form after blanks': '  a=1&b=2', 'a form of one field after blanks': ' a=1\r\n',
    'blanks': ' ' * 200, 'null before an object': '[null,{"a":1}]', 'false after a line': '\r\n[ false , "a"]',
    'a fraction': '[-1.5e+3,[2]]', 'true alone in an array': '[true ]', 'an object that ends early': ' { ',
    'a string': '"disk full"', 'a string with escapes': ' "a \\"disk\\" is full\\\\" ',
    'a string with many escapes': '"' + '\\n' * 5000 + '"', 'null': 'null', 'a number': '-1.5E3\n',
}
TEXTS_OF_ANY_KIND = {**BODIES_OF_ANY_KIND, 'text': 'disk full', 'a line of a log': ' [error] level=1 disk',
                     'text in brackets': '[wabaudit] x'}


def is_bare(scheme: Scheme) -> bool:
    return scheme.prefix.startswith('{time}')


@each_timed_row
def test_no_text_that_begins_with_an_id_or_a_version_and_a_time_is_let_in_by_its_body_alone(app: App, row: Scheme) -> None:
    for name, body in (BODIES_OF_ANY_KIND if is_bare(row) else TEXTS_OF_ANY_KIND).items():
        for stamp in ('1600000000', f'{NOW}000', '2024-11-24T07:20:00Z'):
            text = (row.prefix.format(time=stamp, id='msg_2KWP-B1') + body).encode()
            for header in ('X-Hub-Signature-256', 'X-Own-Hmac', 'X-Grafana-Alerting-Signature', 'Linear-Signature'):
                answer = app.post(text, {header: hex_of(TOKEN, text), 'Content-Type': 'text/plain'})
                assert answer.status == 401, (name, text, header)
                assert LIKE_ANOTHER_SCHEME in answer.detail, (name, text, header)


@each_timed_row
@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'utf-16-be'])
def test_what_a_timed_row_signs_in_utf_16_is_let_in_by_its_body_alone_neither(app: App, row: Scheme, encoding: str) -> None:
    for body in ('{"a": 1}', ' [null, {"a": 1}]', '[ -1.5, true]', '"a \\"disk\\""', 'false', '[[]]'):
        text = row.prefix.format(time='1600000000', id='msg_2KWP-B1').encode() + body.encode(encoding)
        answer = app.post(text, {'X-Hub-Signature-256': hex_of(TOKEN, text)})
        assert LIKE_ANOTHER_SCHEME in answer.detail, body


def bodies_of(sender: Sender) -> dict[str, str]:
    """The bodies that it may send: Box, whose time follows its body, sends JSON alone."""
    ends = ('}', ']') if 'Box' in sender.name else ('',)
    return {kind: body for kind, body in BODIES_OF_ANY_KIND.items() if body.endswith(ends)}


def captured(body: bytes, headers: dict[str, str], token: str) -> tuple[bytes, bytes]:
    """What a sender's own library has signed, by the table, and its digest, which is in a header."""
    shown = {name.lower(): value for name, value in headers.items()}
    for header in shown:
        for scheme in SCHEMES.get(header, SCHEMES[ANY]):
            stamp = shown.get(scheme.time) or ''.join(re.findall('t=([0-9]+)', shown[header]))
            before, after = (affix.format(time=stamp, id=shown.get(scheme.delivery, '')).encode() for affix in scheme[:2])
            text = before + body + after
            for made in (hmac.digest(key, text, 'sha256') for key in (token.encode(), base64.b64decode(token))):
                if made.hex() in shown[header] or base64.b64encode(made).decode() in shown[header]:
                    return text, made
    raise AssertionError('no row of the table signs as this sender does')


@pytest.mark.parametrize('sender', [sender for sender in TIMED if sender.name != 'Linear'], ids=lambda sender: sender.name)
def test_what_a_timed_senders_own_code_signs_is_let_in_under_its_header_and_under_none_without_a_time(sender: Sender) -> None:
    token, label = TOKEN.removeprefix('whsec_'), {'Content-Type': 'text/plain'}
    with App(token) as app:
        for kind, body in bodies_of(sender).items():
            headers = {**sender.sign(body.encode(), token, str(NOW)), **label}
            assert kind == 'numbers' or app.post(body, headers).status == 200, kind
            text, made = captured(body.encode(), headers, token)
            in_base64 = base64.b64encode(made).decode()
            replays = [{'X-Hub-Signature-256': f'sha256={made.hex()}'}, {'X-Shopify-Hmac-Sha256': in_base64},
                       {'Linear-Signature': made.hex()}, {'X-Grafana-Alerting-Signature': made.hex()},
                       {'Authorization': f'HMAC {in_base64}'}]
            answers = [app.post(text, {**replay, **label}) for replay in replays]
            assert [answer.status for answer in answers] == [401] * len(replays), kind
            assert any(LIKE_ANOTHER_SCHEME in answer.detail for answer in answers), kind


@pytest.mark.parametrize('body', ['<a>{now}.x</a>', '<a>x.{now}.y</a>', 'disk.{now}.full', '--b.{now}.c', '{{}}.{now}.',
                                  'a.{now}.b=1'])
@each_timed_row
def test_what_a_timed_row_signs_is_let_in_under_no_other_timed_header_when_its_text_holds_a_time_to_come(
        row: Scheme, body: str) -> None:
    now = str(NOW)
    with App('a-token-of-its-own') as app:
        for stamp in ('2024-11-24T07:20:00Z', *(['1600000000'] if row.prefix != '{time}' else [])):
            text = row.prefix.format(time=stamp, id='msg_1') + body.format(now=now)
            before, after = text.split(f'.{now}.', 1) if f'.{now}.' in text else (text, '')
            signature = base64_of(app.token, text.encode())
            for name in ('webhook', 'svix'):
                headers = {f'{name}-id': before, f'{name}-timestamp': now, f'{name}-signature': f'v1,{signature}'}
                assert refused(app, after.encode(), headers), text


SUFFIXES = {scheme.suffix: header for header, schemes in SCHEMES.items() for scheme in schemes if scheme.suffix}


@pytest.mark.parametrize('suffix', SUFFIXES)
def test_what_is_signed_with_a_time_behind_it_is_let_in_under_no_header_that_signs_the_body_alone(app: App, suffix: str) -> None:
    bodies = ('{"a": 1}', ' {}', '[{"a": 1}]', '\ufeff{"a": "}"}\r\n', '{"a": {"b": [1]}}')
    for body, stamp in product(bodies, ('2024-11-24T07:20:00Z', '2030-01-01T00:00:00.123-07:00', str(NOW))):
        text = (body + suffix.format(time=stamp)).encode()
        for header in ('X-Hub-Signature-256', 'X-Grafana-Alerting-Signature', 'Linear-Signature'):
            answer = app.post(text, {header: hex_of(TOKEN, text), 'Content-Type': 'text/plain'})
            assert answer.status == 401 and LIKE_ANOTHER_SCHEME in answer.detail, text


@each_timed_row
@pytest.mark.parametrize('header', SUFFIXES.values())
def test_what_a_timed_row_signs_is_not_let_in_with_its_last_word_as_the_time(app: App, row: Scheme, header: str) -> None:
    stamp = whole_second(str(NOW)).isoformat()
    for body in ('a=1&until=', '<a/>', '{"a": 1}'):
        text = row.prefix.format(time='1600000000' if row.prefix != '{time}' else '2024-11-24T07:20:00Z', id='msg_1') + body
        signature = base64_of(TOKEN, (text + stamp).encode())
        assert refused(app, text.encode(), {header: signature, 'BOX-DELIVERY-TIMESTAMP': stamp}), text


def test_a_wrong_signature_of_a_text_like_another_schemes_is_reported_as_a_wrong_one(app: App) -> None:
    answer = app.post(b'v0:1600000000:{}', {'X-Hub-Signature-256': '0' * 64})
    assert 'check the token in the sender' in answer.detail


def test_a_timed_signature_counts_whatever_its_body_begins_with(app: App) -> None:
    body = b'1600000000.{"a": 1}'
    assert app.post(body, sign_stripe(body, TOKEN, str(NOW))).status == 200


@pytest.mark.parametrize('delivery', ['v0:1600000000:disk', '2024-11-24T07:20:00Z', 'urn:uuid:1', 'a<b'])
def test_a_signed_delivery_id_that_could_be_the_text_of_another_scheme_is_rejected(app: App, delivery: str) -> None:
    stamp = str(NOW)
    signature = base64.b64encode(hmac.digest(b'the key of this instance', f'{delivery}.{stamp}.{{}}'.encode(), 'sha256')).decode()
    assert refused(app, b'{}', {'webhook-id': delivery, 'webhook-timestamp': stamp, 'webhook-signature': f'v1,{signature}'})


def test_the_time_to_recognize_a_captured_text_grows_with_its_length() -> None:
    prefixes = [row.prefix.format(time='1600000000', id='a').encode() for _, row in TIMED_ROWS]
    forms = list(product(prefixes, [b'', b'{', b'[', b' a=', b'\xef\xbb\xbf'], [b' ', b'1,', b'a', b'-', b'\0']))
    grows_linearly(lambda count: [prefix + start + filler * count + b'|' for prefix, start, filler in forms],
                   lambda texts: list(map(TIMED_TEXT.match, texts)), 8000)


@pytest.mark.parametrize('row', [scheme for _, scheme in TIMED_ROWS if scheme.delivery], ids=lambda row: row.delivery)
@pytest.mark.parametrize('delivery', ['msg.2KWP.B1', 'a' * 400, 'urn:uuid:1.2', 'bXNnXw=='])
def test_what_is_signed_with_an_unusual_delivery_id_is_let_in_under_no_header_that_signs_the_body_alone(
        app: App, row: Scheme, delivery: str) -> None:
    text = row.prefix.format(time='1600000000', id=delivery).encode() + b'{"a": 1}'
    for form in forms_of(text, TOKEN):
        assert refused(app, text, {'X-Hub-Signature-256': form}), form


@pytest.mark.parametrize('delivery', ['', '{a}', '[a', 'a' * 1001, 'a.b', 'a'])
def test_a_signed_delivery_id_that_is_missing_or_could_be_read_as_something_else_is_rejected(app: App, delivery: str) -> None:
    stamp = str(NOW)
    signature = base64.b64encode(hmac.digest(b'the key of this instance', f'{delivery}.{stamp}.{{}}'.encode(), 'sha256')).decode()
    headers = {'webhook-id': delivery, 'webhook-timestamp': stamp, 'webhook-signature': f'v1,{signature}'}
    assert refused(app, b'{}', headers) != (delivery == 'a')


def test_the_time_to_reject_a_body_after_a_timed_prefix_grows_with_its_length(app: App) -> None:
    starts = [row.prefix.format(time='1600000000', id='a').encode() + start
              for _, row in TIMED_ROWS for start in (b'', b'{', b'[', b'\xef\xbb\xbf')]
    grows_linearly(lambda count: [start + filler * count + b'x' for start in starts for filler in (b' ', b'\n', b'a')],
                   lambda bodies: [refused(app, body, {'X-Hub-Signature-256': '0' * 64}) for body in bodies], 64 * 1024)


def test_a_time_in_a_body_takes_no_memory_whatever_it_holds(app: App) -> None:
    body = b'{"webhookTimestamp": [' + b'[],' * MIB + b'[]]}'
    headers = signs_the_body('X-Hub-Signature-256')(body, TOKEN, '')
    tracemalloc.start()
    try:
        assert refused(app, body, headers)
        assert tracemalloc.get_traced_memory()[1] < 6 * len(body)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize('header', [header for header, (*_, scheme) in SCHEMES.items()
                                    if scheme.time and header not in (ANY, 'x-grafana-alerting-signature')])
def test_a_header_of_a_timed_sender_is_never_judged_by_the_general_rule(app: App, header: str) -> None:
    for form in forms_of(b'{"a": 1}', TOKEN):
        assert refused(app, b'{"a": 1}', {header: form})


@pytest.mark.parametrize('body', ['1732442400: disk full', '2024-11-24T07:20:00Z host down', 'v0: 1.2 is out', 'v0:17: full',
                                  '2024-11-24T07:20:00Z level=error host=db-1', '1732442400: usage=97% on db-1',
                                  '1732442400 {disk} full', '1732442400 [12] full', '2024-11-24T07:20:00+01:00 [] full',
                                  '2024-11-24T07:20:00Z -- MARK --', '1732442400 --- a rule ---', '1732442400.5 is no id',
                                  '<file>nightly.1764000000.tar</file>',
                                  '{"ref":"refs/tags/nightly.1764000000.0"}', '[{"file":"backup.1764000000.tar.gz"}]',
                                  '{"oid":"1.2840113619:5"}', '{"ts":1764000000}', '{"1764000000":1}',
                                  '2024-11-24T07:20:00Z,host=db-1', '1732442400,cpu=5', '1732442400 [error] disk=full',
                                  '2024-11-24T07:20:00Z "GET / HTTP/1.1" 200 "curl/8"', '1732442400."a \\"b\\"" and "c"',
                                  '1732442400 "disk', '1732442400 null and void', '1732442400 [null] full',
                                  '{"at":"2026-11-24T10:00:00Z"}', '{"at":1732442400}', 'up {x}2026-11-24T10:00:00Z',
                                  'a=1&at=2026-11-24T10:00:00Z', '[error] full [x]1732442400',
                                  '1732442400 [true story] disk', '1732442400 [12.5] kernel: disk', '1732442400 97 %'])
def test_signed_text_with_a_time_in_it_is_let_in(app: App, body: str) -> None:
    assert app.post(body, signs_the_body('X-Hub-Signature-256', label='sha256=')(body.encode(), TOKEN, '')).status == 200


@pytest.mark.parametrize('wrong, is_let_in', [(7, True), (8, False), (60, False)])
def test_a_request_makes_us_sign_its_body_8_times_at_most(app: App, wrong: int, is_let_in: bool) -> None:
    body = b'{"a": 1}'
    headers = {f'X-A{number}-Signature': '0' * 64 for number in range(wrong)}
    assert refused(app, body, {**headers, 'X-Last-Signature': hex_of(TOKEN, body)}) != is_let_in
    timed = {name: f't={NOW},v1={value}' for name, value in headers.items()}
    assert refused(app, body, {**timed, 'X-Last-Signature': hex_of(TOKEN, body)}) == (wrong > 3)
    of_both_kinds = {name: f'{value},{"0" * 128}' for name, value in headers.items()}
    assert refused(app, body, {**of_both_kinds, 'X-Last-Signature': hex_of(TOKEN, body)}) == (wrong > 3)


@each_timed_sender
def test_freshness_is_judged_when_a_request_arrives_and_not_after_its_body(app: App, sender: Sender) -> None:
    body, headers = sender.request(sender.seconds + 10)
    assert app.ask('POST', body=body, headers=headers, seconds_ago=20).status == 200
    body, headers = sender.request()
    answer = app.ask('POST', body=body, headers=headers, seconds_ago=sender.seconds + 10)
    assert answer.status == 401
    assert 'too far from now' in answer.detail


@pytest.mark.parametrize('body, sign, seconds', [
    (b'{}', sign_slack, 300), (b'{"webhookTimestamp": 1764000000000}', signs_the_body('Linear-Signature'), 60),
], ids=['in a header', 'in the body'])
def test_a_signed_time_may_be_300_s_off_and_one_in_the_body_60_s(
        body: bytes, sign: Callable[..., dict[str, str]], seconds: int) -> None:
    signed = {name.lower(): value for name, value in sign(body, TOKEN, '1764000000').items()}
    settings = Settings(8080, Tokens(TOKEN), None)
    for arrived in 1764000000.0 - seconds, 1764000000.0 + seconds:
        assert verified(settings, signed, body, arrived) in signed
    for arrived in 1764000000 - seconds - 0.5, 1764000000 + seconds + 0.5:
        with pytest.raises(Unauthorized, match='too far from now'):
            verified(settings, signed, body, arrived)


def test_an_old_linear_request_is_let_in_under_no_other_senders_header(app: App) -> None:
    body, captured = NAMED['Linear'].request(3600)
    signature = captured['Linear-Signature']
    forms = (signature, f'v1={signature}', f'sha256={signature}', base64.b64encode(bytes.fromhex(signature)).decode())
    let_in = [sender.name for sender in BODY_ONLY if not all(refused(app, body, {sender.header: form}) for form in forms)]
    assert let_in == []


@pytest.mark.parametrize('body', ['{"title": "\\ud83d", %s}', '{"title": "a\tb", %s}', '\ufeff{%s}',
                                  '{"title": "\\ud83d\\\\", "a": "\\\\\\"", %s}', '{"title": "' + '\\ud83d' * 50_000 + '", %s}'],
                         ids=['half a pair', 'a control', 'a byte order mark', 'escapes', 'many halves'])
def test_the_time_in_a_body_that_is_mended_counts_as_in_any(app: App, body: str) -> None:
    fresh, old = ((body % f'"webhookTimestamp": {NOW - age}000').encode() for age in (0, 3600))
    assert app.post(fresh, {'Linear-Signature': hex_of(TOKEN, fresh)}).status == 200
    for header in 'Linear-Signature', 'X-Any-Signature':
        assert refused(app, old, {header: hex_of(TOKEN, old)})


@pytest.mark.parametrize('body', [
    '{"data": {"webhookTimestamp": 1600000000000}}', '{"data": {"webhookTimestamp": 1600000000000}, "title": "\\ud83d"}',
    '{"title": "a\tb", "data": {"webhookTimestamp": 1600000000000}}', '[{"webhookTimestamp": 1600000000000}]',
    '{"webhookTimestamp": null}', '{"webhookTimestamp": null, "title": "a\tb"}', '{"title": "\\"webhookTimestamp\\": 1"}',
    '{"text": "' + 'x' * 300_000 + '\\ud83d", "data": {"webhookTimestamp": 1600000000000}}',
])
def test_a_time_that_is_null_or_not_at_the_top_of_a_body_does_not_make_it_old(app: App, body: str) -> None:
    assert app.post(body, {'X-Any-Signature': hex_of(TOKEN, body.encode())}).status == 200
    assert refused(app, body.encode(), {'Linear-Signature': hex_of(TOKEN, body.encode())})


@pytest.mark.parametrize('body', ['a line of a log: "webhookTimestamp": 1600000000000', '["webhookTimestamp": 1600000000000]'])
def test_a_time_outside_of_an_object_does_not_make_a_delivery_old(app: App, body: str) -> None:
    sent = body.encode()
    assert app.post(sent, {'Content-Type': 'text/plain', 'X-Any-Signature': hex_of(TOKEN, sent)}).status == 200


def test_a_signed_id_that_cannot_be_read_is_reported_as_such(app: App) -> None:
    headers = {'svix-id': 'a=', 'svix-timestamp': str(NOW), 'svix-signature': 'v1,' + 'A' * 43 + '='}
    answer = app.post(b'{}', headers)
    assert answer.status == 401
    assert 'its id or its time cannot be read' in answer.detail


@pytest.mark.parametrize('old', ['v0:1600000000:token=a&text=x', 'v0:1600000000:{"text":"x', '1600000000:{"a":"x',
                                 '2024-11-24T07:20:00Za=x', 'text=x'])
def test_what_another_sender_signed_with_the_same_token_is_not_a_delivery_of_standard_webhooks(old: str) -> None:
    now = str(NOW)
    digest = hmac.digest(b'a token without prefix', f'{old}.{now}.y&z=1'.encode(), 'sha256')
    signature = 'v1,' + base64.b64encode(digest).decode()
    with App('a token without prefix') as app:
        answer = app.post(b'y&z=1', {'svix-id': old, 'svix-timestamp': now, 'svix-signature': signature})
    assert answer.status == 401


@pytest.mark.parametrize('sender', [sender for sender in TIMED if sender.stamp_header], ids=lambda sender: sender.name)
def test_an_old_signature_is_rejected_with_a_fresh_time_beside_it(app: App, sender: Sender) -> None:
    body, headers = sender.request(3600)
    assert refused(app, body, {**headers, sender.stamp_header: str(NOW)})


# As sent


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


# Published examples


def vector_request(vector: dict[str, Any]) -> tuple[Settings, dict[str, str], bytes]:
    headers = {name.lower(): value for name, value in vector['headers'].items()}
    return Settings(8080, Tokens(vector['token']), None), headers, vector['body'].encode()


each_vector = pytest.mark.parametrize('vector', VECTORS, ids=lambda vector: f'{vector["sender"]} {VECTORS.index(vector)}')


@each_vector
def test_a_published_example_is_valid(vector: dict[str, Any]) -> None:
    settings, headers, body = vector_request(vector)
    assert verified(settings, headers, body, vector['now'] or NOW).lower() in headers


@each_vector
def test_a_published_example_with_one_byte_more_is_not(vector: dict[str, Any]) -> None:
    settings, headers, body = vector_request(vector)
    with pytest.raises(Unauthorized):
        verified(settings, headers, body + b' ', vector['now'] or NOW)
    with pytest.raises(Unauthorized):
        verified(Settings(8080, Tokens(vector['token'] + 'x'), None), headers, body, vector['now'] or NOW)


@pytest.mark.parametrize('vector', [vector for vector in VECTORS if vector['now']],
                         ids=lambda vector: f'{vector["sender"]} {VECTORS.index(vector)}')
def test_a_published_timed_example_is_too_old_today(vector: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized, match='too far from now'):
        verified(*vector_request(vector), NOW)


# Words


@pytest.mark.parametrize('headers, words', [
    ({}, 'shows no token'), ({'Authorization': 'wrong'}, 'Authorization header is not the token'),
    ({'Authorization': f'Bearer {TOKEN}'}, 'a scheme before the token'), ({'Authorization': f'Basic {TOKEN}'}, 'a scheme before'),
    ({'X-Hub-Signature': 'sha1=' + '0' * 40}, 'HMAC-SHA256, in hex or base64'),
    ({'X-Hub-Signature-256': 'sha256=' + '0' * 64}, 'check the token in the sender.'),
    (sign_slack(b'{}', TOKEN, '1600000000'), 'check the clocks of both sides.'),
    (signs_the_body('X-Hub-Signature-256')(b'v0:1600000000:{}', TOKEN, ''), 'No signature matches'),
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
    ('type=A&each=a.b&severity=3&skip=resolved', 'shows no token'), ('&', 'shows no token'),
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


# Kept headers


def kept(headers: dict[str, str], token: str = TOKEN) -> dict[str, str]:
    return kept_headers(Settings(8080, Tokens(token), None), {name.lower(): value for name, value in headers.items()})


def test_headers_with_a_secret_in_their_name_are_not_kept() -> None:
    secret = ['Authorization', 'Proxy-Authorization', 'cf-webhook-auth', 'X-Gitlab-Token', 'X-Amz-Security-Token', 'Cookie',
              'X-Api-Key', 'Ocp-Apim-Subscription-Key', 'x-functions-key', 'X-Auth-Key', 'X-Access-Key', 'apikey',
              'X-Session-Id', 'X-Jwt-Assertion', 'X-Hub-Signature-256', 'X-Shopify-Hmac-Sha256', 'X-Client-Secret',
              'X-Sig', 'Sig-Sha256', 'X-Webhook-Key', 'X-Private-Key',
              'X-Password', 'X-Credential', 'X-Credentials', 'X-Assertion', 'X-Hmac', 'X-Own-Secret-Value', 'X-Session',
              'X-Request-URI', 'Connection', 'Keep-Alive', 'Proxy-Authenticate', 'Proxy-Connection', 'TE', 'Trailer',
              'Transfer-Encoding', 'Upgrade']
    assert kept(dict.fromkeys(secret, 'x')) == {}
    # What says what happened, and what the names of incidents are made of.
    stays = ['x-event-key', 'x-author', 'authentication-results', 'x-github-event', 'x-gitlab-event', 'x-gitea-event',
             'x-forgejo-event', 'x-gogs-event', 'sentry-hook-resource', 'aeg-event-type', 'x-snyk-event', 'ce-type',
             'ce-subject', 'ce-source', 'ce-time', 'x-shopify-topic', 'x-github-delivery', 'user-agent', 'host',
             'idempotency-key', 'x-key', 'x-sigma', 'x-webhook-keys', 'x-tokens-left', 'x-te', 'x-upgrade']
    assert list(kept(dict.fromkeys(stays, 'x'))) == stays


WORDS_OF_SECRETS = ['auth', 'authorization', 'token', 'secret', 'signature', 'hmac', 'password', 'credential', 'credentials',
                    'cookie', 'session', 'jwt', 'assertion', 'apikey', 'sig']
ENDINGS_OF_SECRETS = ['api-key', 'access-key', 'auth-key', 'functions-key', 'subscription-key', 'webhook-key', 'private-key']
NAMES_OF_SECRETS = [
    *WORDS_OF_SECRETS, *ENDINGS_OF_SECRETS, *(f'x-{each}' for each in WORDS_OF_SECRETS + ENDINGS_OF_SECRETS),
    *(f'{each}-x' for each in WORDS_OF_SECRETS), *(f'X-{each}-2'.title() for each in WORDS_OF_SECRETS),
    'X-Hub-Signature-256', 'Ocp-Apim-Subscription-Key', 'Stripe-Signature']
OTHER_NAMES = [
    'X-Event-Key', 'Idempotency-Key', 'X-Author', 'Authentication-Results', 'X-Key', 'Key', 'Code', 'X-Code', 'X-Request-Id',
    *(f'x{each}x' for each in WORDS_OF_SECRETS), *(f'{each}s-x' for each in ENDINGS_OF_SECRETS if each != 'auth-key'),
    'x-tokens', 'x-secrets', 'x-functions', 'x-subscription', 'x-private', 'x-webhook', 'X-Signal', 'X-Authority',
    'User-Agent', 'X-GitHub-Event', 'Content-Type']


def test_a_header_is_masked_on_the_page_of_the_local_xsoar_exactly_if_no_incident_keeps_it() -> None:
    names = NAMES_OF_SECRETS + OTHER_NAMES
    masked = [header['name'] for header in Masks(list).headers([(name, 'x') for name in names]) if header['masked']]
    left_out = [name for name in names if not kept({name: 'x'})]
    assert masked == left_out == NAMES_OF_SECRETS


@pytest.mark.parametrize('token', ['12345678', 'a+b c/d=e&f', 'wörd?>~~~x', TOKEN])
def test_the_token_is_kept_in_no_spelling(token: str) -> None:
    spellings = [token, token.encode().decode('latin-1'), quote(token, safe=''), quote_plus(token),
                 re.sub('%..', lambda code: code[0].lower(), quote(token, safe=''))]
    for user in ('', 'u:', 'us:', 'use:', 'user:'):
        encoded = base64.b64encode(f'{user}{token}'.encode()).decode()
        spellings += [encoded, f'Basic {encoded}', encoded.rstrip('='), quote(encoded),
                      base64.urlsafe_b64encode(f'{user}{token}:x'.encode()).decode()]
    settings = Settings(8080, Tokens(token), None)
    for spelling in spellings:
        assert kept({'X-A': f'/x?y={spelling}&z', 'X-B': 'b'}, token) == {'x-b': 'b'}, spelling
        assert contains_token(settings, f'An incident with {spelling}')
    assert not contains_token(settings, 'An incident with ' + token[1:])
    assert kept({'X-A': 'post'}, 'post') == {'x-a': 'post'}
    assert kept({'X-abcdefgh12345678': '1'}, 'abcdefgh12345678') == {}


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


@pytest.mark.parametrize('spelling', SPELLINGS, ids=['as it is', 'percent-encoded', 'base64', 'Basic'])
def test_the_token_is_logged_in_no_spelling(webhook: Webhook, spelling: str) -> None:
    for header in ('User-Agent', 'X-Forwarded-For'):
        headers = {'Authorization': TOKEN, 'User-Agent': 'marked', header: spelling}
        assert patient.post(webhook.direct_url, '{}', headers=headers).status_code == 200
    patient.post(webhook.direct_url, '{}', headers={'Authorization': TOKEN, 'User-Agent': f'last {len(spelling)}'})
    webhook.wait_for_line(f'last {len(spelling)}')
    assert spelling not in '\n'.join(webhook.output)


# At the start


def test_a_weak_token_is_warned_of_at_the_start_and_not_shown() -> None:
    tokens = ['fifteen-letters', 'sixteen-letters-', 'whsec_' + 'A' * 32]
    with Webhook(token=' || '.join(tokens)) as webhook:
        for token in tokens:
            assert patient.post(f'{webhook.webhook_url}?key={token}', '{"a": 1}').status_code == 200
            assert token not in webhook.sent()[-1]['rawJSON']
        found = [re.search(r'token \d of \d (can be guessed|has zero bytes only)', line) for line in webhook.output]
        assert [each[0] for each in found if each] == ['token 1 of 3 can be guessed', 'token 3 of 3 has zero bytes only']
        assert not [token for token in tokens if token in '\n'.join(webhook.output)]


@pytest.mark.parametrize('token, warned', [
    ('fifteen-letters', ['can be guessed']), ('sixteen-letters-', []), ('whsec_' + 'A' * 32, ['has zero bytes only'])])
def test_a_weak_token_that_is_the_only_one_is_warned_of(token: str, warned: list[str]) -> None:
    warnings = [*warnings_about(Tokens(token))]
    assert len(warnings) == len(warned) and all(words in text for words, text in zip(warned, warnings, strict=True))
