"""How each sender signs, by its own library where there is one, and whether the app lets in what is signed."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import pytest
import standardwebhooks
import stripe
from shared.app import NOW, App
from GenericWebhook import Settings, signatures_to_check, valid_signature
from slack_sdk.signature import SignatureVerifier


TOKEN = 'whsec_' + base64.b64encode(b'the key of this instance').decode()
OTHER_TOKEN = 'whsec_' + base64.b64encode(b'the key of another one..').decode()

# The tokens of an instance that has eight.
# The first is a prefix of the second; others have what a query, a header or base64 writes in another way, or 300 characters.
EIGHT = ['prefix-0', 'prefix-0-and-more', 'a+b c/d=e&f%2B-long', 'w\u00f6rd-of-sixteen-letters', 'bars||without-spaces',
         'Basic ' + base64.b64encode(b'tenant:password-5').decode(), 'sha256=' + '0' * 64, 'long' * 75]
WHOLE = ' || '.join(EIGHT)


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


def standard(key: bytes, body: str = '{}', delivery: str = 'msg_1', name: str = 'webhook', kind: str = 'sha256'
             ) -> dict[str, str]:
    """Return the headers of Standard Webhooks, or of Svix, with a signature by the bytes of a key."""
    signature = base64.b64encode(hmac.digest(key, f'{delivery}.{NOW}.{body}'.encode('latin-1'), kind)).decode()
    return {f'{name}-id': delivery, f'{name}-timestamp': str(NOW), f'{name}-signature': f'v1,{signature}'}


def sign_mlflow(body: bytes, key: str, stamp: str) -> dict[str, str]:
    delivery = 'e0b1f0a4-7f0e-4d0a-9d0e-1c2d3e4f5a6b'
    signature = base64_of(key, f'{delivery}.{stamp}.'.encode() + body)
    return {'X-MLflow-Delivery-Id': delivery, 'X-MLflow-Timestamp': stamp, 'X-MLflow-Signature': f'v1,{signature}'}


def sign_slack(body: bytes, key: str, stamp: str) -> dict[str, str]:
    signature = SignatureVerifier(key).generate_signature(timestamp=stamp, body=body)
    return {'X-Slack-Request-Timestamp': stamp, 'X-Slack-Signature': str(signature)}


def sign_stripe(body: bytes, key: str, stamp: str) -> dict[str, str]:
    signed = stripe.WebhookSignature.generate_signature_header(body.decode(), key, stamp)
    return {'Stripe-Signature': signed}


def sign_calendly(body: bytes, key: str, stamp: str) -> dict[str, str]:
    return {'Calendly-Webhook-Signature': f't={stamp},v1={hex_of(key, f"{stamp}.".encode() + body)}'}


def sign_zendesk(body: bytes, key: str, stamp: str) -> dict[str, str]:
    time_text = whole_second(stamp).strftime('%Y-%m-%dT%H:%M:%SZ')
    return {'X-Zendesk-Webhook-Signature-Timestamp': time_text,
            'X-Zendesk-Webhook-Signature': base64_of(key, time_text.encode() + body)}


def sign_box(body: bytes, key: str, stamp: str) -> dict[str, str]:
    time_text = whole_second(stamp).astimezone(timezone(timedelta(hours=-7))).isoformat()
    return {'BOX-DELIVERY-TIMESTAMP': time_text, 'BOX-SIGNATURE-PRIMARY': base64_of(key, body + time_text.encode()),
            'BOX-SIGNATURE-SECONDARY': base64_of('the secondary key', body + time_text.encode())}


def sign_box_with_its_secondary_key(body: bytes, key: str, stamp: str) -> dict[str, str]:
    names = {'BOX-SIGNATURE-PRIMARY': 'BOX-SIGNATURE-SECONDARY', 'BOX-DELIVERY-TIMESTAMP': 'BOX-DELIVERY-TIMESTAMP'}
    return {names[name]: value for name, value in sign_box(body, key, stamp).items() if name in names}


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


def signs_after_time(name: str, header: str, stamp_header: str, before: str = '', label: str = '') -> Sender:
    """Return a sender that signs its time, between `before` and a colon, and then the body."""
    return Sender(name, header, lambda body, key, stamp: {
        stamp_header: stamp, header: label + hex_of(key, f'{before}{stamp}:'.encode() + body)}, 300, stamp_header)


SENDERS = [
    Sender('Standard Webhooks', 'webhook-signature', sign_standard, 300, 'webhook-timestamp'),
    Sender('Svix', 'svix-signature', sign_svix, 300, 'svix-timestamp'),
    Sender('MLflow', 'X-MLflow-Signature', sign_mlflow, 300, 'X-MLflow-Timestamp'),
    Sender('GitHub', 'X-Hub-Signature-256', signs_the_body('X-Hub-Signature-256', label='sha256=')),
    Sender('Bitbucket', 'X-Hub-Signature', signs_the_body('X-Hub-Signature', label='sha256=')),
    Sender('Slack', 'X-Slack-Signature', sign_slack, 300, 'X-Slack-Request-Timestamp'),
    signs_after_time('Zoom', 'x-zm-signature', 'x-zm-request-timestamp', 'v0:', 'v0='),
    Sender('Stripe', 'Stripe-Signature', sign_stripe, 300),
    Sender('Shopify', 'X-Shopify-Hmac-Sha256', signs_the_body('X-Shopify-Hmac-Sha256', base64_of)),
    Sender('PagerDuty', 'X-PagerDuty-Signature', signs_the_body('X-PagerDuty-Signature', label='v1=')),
    Sender('Sentry', 'Sentry-Hook-Signature', signs_the_body('Sentry-Hook-Signature')),
    Sender('Calendly', 'Calendly-Webhook-Signature', sign_calendly, 300),
    Sender('Zendesk', 'X-Zendesk-Webhook-Signature', sign_zendesk, 300, 'X-Zendesk-Webhook-Signature-Timestamp'),
    signs_after_time('django-webhook', 'Django-Webhook-Signature-v1', 'Django-Webhook-Request-Timestamp'),
    signs_after_time('Customer.io', 'X-CIO-Signature', 'X-CIO-Timestamp', 'v0:'),
    Sender('Box', 'BOX-SIGNATURE-PRIMARY', sign_box, 300, 'BOX-DELIVERY-TIMESTAMP'),
    Sender('Box, secondary key', 'BOX-SIGNATURE-SECONDARY', sign_box_with_its_secondary_key, 300, 'BOX-DELIVERY-TIMESTAMP'),
    Sender('HCP Vault Radar', 'X-HCP-Radar-Signature', signs_the_body(
        'X-HCP-Radar-Signature', lambda key, body: digest(key, body, 'sha512').hex())),
    Sender('Linear', 'Linear-Signature', signs_the_body('Linear-Signature'), 60),
    Sender('Grafana', 'X-Grafana-Alerting-Signature', signs_the_body('X-Grafana-Alerting-Signature')),
    signs_after_time('Grafana with time', 'X-Grafana-Alerting-Signature', 'X-Grafana-Alerting-Signature-Timestamp'),
    Sender('Dropbox', 'X-Dropbox-Signature', signs_the_body('X-Dropbox-Signature')),
    Sender('Splunk Observability', 'X-SFX-Signature', signs_the_body('X-SFX-Signature', base64_of)),
]
TIMED = [sender for sender in SENDERS if sender.seconds]
BODY_ONLY = [sender for sender in SENDERS if not sender.seconds]
NAMED = {sender.name: sender for sender in SENDERS}
sign_zoom = NAMED['Zoom'].sign
each_sender = pytest.mark.parametrize('sender', SENDERS, ids=lambda sender: sender.name)
each_timed_sender = pytest.mark.parametrize('sender', TIMED, ids=lambda sender: sender.name)


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
    return valid_signature(signatures_to_check(settings, headers, ''), body, arrived)[0]
