"""Recipes of senders: each way of proof, checked by what the senders themselves publish, and telling who sent a request."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier
from standardwebhooks import Webhook
from stripe import WebhookSignature

from localxsoar.errors import UsageError
from localxsoar.recognition import SenderRecognizer
from localxsoar.senders import Sender, SenderRequest, find_sender, load_senders

TOKEN = 'a-token-of-some-length'
GITHUB = {'place': 'header', 'name': 'X-Hub-Signature-256', 'value': 'sha256={hex}', 'signed': '{body}'}


def sender(key: str = 'git', proof: Any = None, payload: Any = None, **headers: str) -> Sender:
    delivery = {'title': 'one', 'payload': {'a': 1} if payload is None else payload,
                'headers': {name.replace('_', '-'): value for name, value in headers.items()}}
    return Sender(key, key.title(), 'code', '', proof or {}, [delivery])


def send(sender: Sender, token: str = TOKEN) -> SenderRequest:
    return sender.request(sender.delivery(), token)


def test_a_signature_is_the_hmac_of_the_body_that_goes_out() -> None:
    request = send(sender(proof=GITHUB, X_GitHub_Delivery='{uuid}'))
    expected = hmac.new(TOKEN.encode(), request.body, hashlib.sha256).hexdigest()
    assert dict(request.headers)['X-Hub-Signature-256'] == f'sha256={expected}'
    assert len(dict(request.headers)['X-GitHub-Delivery']) == 36


def test_slacks_own_verifier_accepts_it() -> None:
    proof = {'place': 'header', 'name': 'X-Slack-Signature', 'value': 'v0={hex}', 'signed': 'v0:{timestamp}:{body}'}
    request = send(sender(proof=proof, X_Slack_Request_Timestamp='{timestamp}'))
    assert SignatureVerifier(TOKEN).is_valid_request(request.body, dict(request.headers))


def test_stripes_own_verifier_accepts_it() -> None:
    proof = {'place': 'header', 'name': 'Stripe-Signature', 'value': 't={timestamp},v1={hex}', 'signed': '{timestamp}.{body}'}
    request = send(sender(proof=proof))
    assert WebhookSignature.verify_header(request.body.decode(), dict(request.headers)['Stripe-Signature'], TOKEN, 300)


def test_the_verifier_of_standard_webhooks_accepts_it() -> None:
    proof = {'place': 'header', 'name': 'webhook-signature', 'value': 'v1,{base64}', 'signed': '{uuid}.{timestamp}.{body}',
             'key': 'whsec'}
    token = 'whsec_' + base64.b64encode(b'0123456789abcdef01234567').decode()
    request = send(sender(proof=proof, webhook_id='{uuid}', webhook_timestamp='{timestamp}'), token)
    assert Webhook(token).verify(request.body.decode(), dict(request.headers)) == {'a': 1}


def test_the_token_itself_stands_in_a_header_or_in_the_query() -> None:
    shown = sender(proof={'place': 'header', 'name': 'Authorization', 'value': '{token}'})
    assert send(shown).headers == [('Authorization', TOKEN)]
    shown = sender(proof={'place': 'query', 'name': 'token', 'value': '{token}'})
    assert send(shown, 'a b&c').query == 'token=a%20b%26c'


def test_a_time_inside_the_payload_is_the_requests_own() -> None:
    body = json.loads(send(sender(payload={'at': '{milliseconds}', 'curly': '{name} of {uuid}'})).body)
    assert abs(body['at'] / 1000 - time.time()) < 60 and body['curly'] == '{name} of {uuid}'


def test_a_request_that_is_signed_again_has_one_signature_that_fits_its_new_body() -> None:
    git = sender(proof=GITHUB, X_GitHub_Delivery='{uuid}')
    first = send(git)
    again = git.sign_again(SenderRequest(first.headers, '', b'{"a": 2}'), TOKEN)
    names = [name for name, _ in again.headers]
    assert names.count('X-Hub-Signature-256') == 1
    expected = hmac.new(TOKEN.encode(), b'{"a": 2}', hashlib.sha256).hexdigest()
    assert dict(again.headers)['X-Hub-Signature-256'].endswith(expected)
    assert dict(again.headers)['X-GitHub-Delivery'] != dict(first.headers)['X-GitHub-Delivery']


def test_a_token_that_is_no_base64_is_told_instead_of_signed_with() -> None:
    with pytest.raises(UsageError, match='base64'):
        send(sender(proof={**GITHUB, 'key': 'base64'}), 'no base64!')


# Who sent it.

GIT = sender('github', proof=GITHUB, X_GitHub_Event='issues', payload={'action': 'opened', 'issue': {}})
TEA = sender('gitea', X_GitHub_Event='issues', X_Gitea_Event='issues', payload={'action': 'opened', 'number': 1})
SPLUNK = sender('splunk', User_Agent='Splunk/x', payload={'sid': 1, 'results_link': '', 'search_name': '', 'result': {}})
FALCO = sender('falco', payload={'rule': '', 'output': '', 'priority': ''})
RECOGNIZER = SenderRecognizer([GIT, TEA, SPLUNK, FALCO])


@pytest.mark.parametrize('headers, body, name', [
    ({'X-GitHub-Event': 'push', 'X-Hub-Signature-256': 'sha256=1'}, {}, 'Github'),
    ({'X-GitHub-Event': 'push', 'X-Gitea-Event': 'push'}, {}, 'Gitea'),
    ({'User-Agent': 'Splunk/9.1'}, {}, 'Splunk'),
    ({'User-Agent': 'Go-http-client/1.1'}, {'rule': 'a', 'output': 'b', 'priority': 'c', 'more': 1}, 'Falco'),
    ({'User-Agent': 'curl/8.5.0'}, {'name': 'x'}, 'curl'),
    ({}, [1], ''),
])
def test_a_sender_is_told_by_its_own_headers_its_user_agent_or_its_keys(headers: dict[str, str], body: Any, name: str) -> None:
    assert RECOGNIZER.recognize(list(headers.items()), json.dumps(body).encode())[1] == name


# The folder.


def test_a_folder_of_recipes_is_read_and_a_bad_one_is_told_by_its_file(tmp_path: Path) -> None:
    recipe = {'sender': 'GitHub', 'kind': 'code', 'source': 'https://docs.example', 'proof': GITHUB,
              'deliveries': [{'title': 'issues opened', 'payload': {}}, {'title': 'a text', 'text': 'disk full'}]}
    (tmp_path / 'github.json').write_text(json.dumps(recipe))
    senders = load_senders(tmp_path)
    assert find_sender(senders, 'GITHUB').request(senders['github'].delivery('text'), '').body == b'disk full'
    (tmp_path / 'broken.json').write_text(json.dumps({**recipe, 'kind': 'toaster'}))
    with pytest.raises(UsageError, match=r'broken\.json.*kind must be one of'):
        load_senders(tmp_path)


def test_a_sender_that_is_unknown_or_not_the_only_one_is_told_with_those_that_are() -> None:
    senders = {'github': GIT, 'gitea': TEA}
    assert find_sender(senders, 'tea') == TEA
    with pytest.raises(UsageError, match='one of several senders: github, gitea'):
        find_sender(senders, 'git')
    with pytest.raises(UsageError, match='no sender: github, gitea'):
        find_sender(senders, 'nobody')
