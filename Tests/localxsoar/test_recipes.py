"""Recipes and archives of deliveries: what is in the files, that no secret is, and that others' programs read them."""
from __future__ import annotations

import base64
import gzip
import json
import re
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from local_xsoar import ROOT, LocalXsoar, wait_for

from localxsoar.archive import archive, entry
from localxsoar.deliveries import Delivery
from localxsoar.errors import UsageError
from localxsoar.masks import Masks
from localxsoar.recipes import PRODUCT, SOURCE, Recipes, written
from localxsoar.senders import Sender, load_sender, load_senders

TOKEN = 'h4sh/hush+and more'
ECHO = Path(__file__).parent / 'packs' / 'Echo'
SENDERS = load_senders(ROOT / 'senders')
MASKS = Masks(lambda: [TOKEN])
INCIDENT = {'id': '7', 'name': 'Disk full', 'type': 'Unclassified', 'occurred': '2026-11-24T09:00:00Z', 'labels': [],
            'created': '2100-01-01T00:00:00Z', 'severity': 3, 'dbotMirrorId': 'acme:4711'}


def delivery(body: bytes = b'{"a": 1}', headers: Any = (), target: str = '/instance/execute/front', **changed: Any) -> Delivery:
    values = {'method': 'POST', 'kind': 'created', 'incidents': ['7'], 'size': len(body), 'status': 200, **changed}
    return Delivery(number=5, started=time.time(), target=target, headers=list(headers), peer='192.0.2.1', body=bytearray(body),
                    **values)


def recipes(incident: Any = INCIDENT, token: str = TOKEN, **params: str) -> Recipes:
    return Recipes(SENDERS, MASKS, lambda: token, lambda: params, {'7': incident}.get)


def made(*parts: Any, **named: Any) -> dict[str, Any]:
    return recipes().make(delivery(*parts, **named))


def only(recipe: dict[str, Any]) -> dict[str, Any]:
    found, = recipe['deliveries']
    return dict(found)


# What is in a recipe.


def test_a_recipe_expects_the_incident_as_it_was_created() -> None:
    assert only(made())['expected'] == {'name': 'Disk full', 'type': None, 'occurred': '2026-11-24T09:00:00Z', 'severity': 3,
                                        'problem_key': 'acme:4711'}
    changed = {'type': 'Phishing', 'severity': 0, 'dbotMirrorId': '', 'labels': [{'type': 'state', 'value': 'resolved'}]}
    assert only(recipes({**INCIDENT, **changed}).make(delivery()))['expected'] == {
        'name': 'Disk full', 'type': 'Phishing', 'occurred': '2026-11-24T09:00:00Z', 'state': 'resolved'}
    assert only(recipes({**INCIDENT, **changed}, incidentType='Phishing').make(delivery()))['expected']['type'] is None


def test_an_event_without_a_time_of_its_own_occurs_on_arrival() -> None:
    one = delivery()
    arrived = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(one.started)) + f'.{int(one.started % 1 * 1e9) + 900_000_000:09}'[:10]
    found = recipes({**INCIDENT, 'occurred': '2099-12-31T23:59:59.123456789Z'}).make(one)
    assert only(found)['expected']['occurred'] is None, f'between {arrived} and the creation of the incident'


def test_the_source_and_the_product_of_an_unknown_sender_must_be_filled_in(tmp_path: Path) -> None:
    recipe = made(headers=[('User-Agent', 'Acme Probe/2.1')], sender='Acme Probe')
    assert (recipe['sender'], recipe['source'], recipe['kind']) == (PRODUCT, SOURCE, 'other')
    assert 'proof' not in recipe
    file = tmp_path / recipes().file_name(delivery(sender='Acme Probe'))
    file.write_bytes(written(recipe))
    assert file.name == 'acme-probe-new.json' and load_sender(file).deliveries[0]['payload'] == {'a': 1}


@pytest.mark.parametrize('headers', [
    {'Host': 'soc.corp.example'}, {'Content-Length': '8'}, {'Connection': 'close'}, {'Expect': '100-continue'},
    {'X-Request-URI': '/x'}, {'X-Forwarded-For': '198.51.100.7'}, {'X-Forwarded-Host': 'soc.corp.example'}, {'Via': '1.1 proxy'},
    {'Forwarded': 'for=198.51.100.7'}, {'X-Real-Ip': '198.51.100.7'}, {'CF-Connecting-IP': '2001:db8::1'},
    {'X-Any-Name': '10.0.0.1, 198.51.100.7'}, {'Cookie': 'a=b'}, {'Authorization': 'Basic eDp5'}, {'X-Api-Key': 'abc'},
    {'X-Hub-Signature': 'sha1=00'}, {'X-Note': f'it is {TOKEN}'}, {'X-Note': TOKEN.replace('/', '%2f').replace(' ', '+')},
    {'X-Note': base64.b64encode(f'user:{TOKEN}!'.encode()).decode()}, {'Content-Encoding': 'identity'}])
def test_headers_of_the_connection_of_proxies_and_with_secrets_are_left_out(headers: dict[str, str]) -> None:
    assert only(made(headers=[*headers.items(), ('X-Event', 'push'), ('X-Event', 'tag')]))['headers'] == {'X-Event': 'push, tag'}


def test_a_query_is_kept_without_its_secrets() -> None:
    target = '/instance/execute/front?each=alerts&token=abc&x=h4sh%2Fhush%2Band%20more&y=h4sh%2fhush%2band+more&type=Phishing'
    assert only(made(target=target))['query'] == 'each=alerts&type=Phishing'
    assert 'query' not in only(made(target='/instance/execute/front?token=abc'))


# The body.


@pytest.mark.parametrize('body', [
    '{"a": 1e400}', '{"a": 12345678901234567890}', '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 0.1234567890123456789}', '5', 'disk full',
    '{"a": "{timestamp}"}', '{"a"', '[' * 100_000, '\ufeff{}', '{"a": 1e99999999999999999999}', ''], ids=lambda body: body[:30])
def test_a_body_that_json_would_change_is_kept_as_text(body: str) -> None:
    kept = only(made(body.encode()))
    assert (kept['text'], 'payload' in kept) == (body, False)


@pytest.mark.parametrize('body', [
    '{"b": 1.0, "a": [1.5e3, null, true], "10": -7}', '[{"a": "gr\\u00fcn \\ud83d\\ude00"}, []]', '{"half": "\\ud83d"}', '{}'])
def test_a_body_that_json_keeps_is_a_payload(body: str, tmp_path: Path) -> None:
    (tmp_path / 'a.json').write_bytes(written(made(body.encode())))
    sender = load_sender(tmp_path / 'a.json')
    sent = sender.request(sender.delivery(), '').body.decode()
    assert json.loads(sent, object_pairs_hook=list) == json.loads(body, object_pairs_hook=list)


def test_a_compressed_body_is_saved_as_its_text() -> None:
    saved = only(made(gzip.compress(b'{"a": 2}'), [('Content-Encoding', 'gzip'), ('Content-Type', 'application/json')]))
    assert (saved['payload'], saved['headers']) == ({'a': 2}, {'Content-Type': 'application/json'})


SPELLINGS = [TOKEN, TOKEN.replace('/', '\\/'), TOKEN.replace('h4', '\\u00684'), TOKEN.replace(' ', '\\u0020'),
             *(base64.b64encode(f'{"x" * before}{TOKEN}{"y" * after}'.encode()).decode() for before in range(3) for after in range(3))]


@pytest.mark.parametrize('spelling', SPELLINGS)
def test_no_spelling_of_a_secret_in_a_body_ends_in_a_file(spelling: str) -> None:
    bodies = f'{{"{spelling}": ["a {spelling} b"]}}', f'{spelling}, {spelling} and 1e400', f'[1e400, "{spelling}"]'
    for body in bodies:
        one = delivery(body.encode(), target=f'/instance/execute/front?note={spelling.replace(" ", "%20")}')
        files = [written(recipes({**INCIDENT, 'name': spelling}).make(one)).decode(), json.dumps(entry(one, 'http://x', MASKS))]
        for text in files:
            assert '•' in text or '\\u2022' in text
            assert secret_parts(text) == []


def secret_parts(text: str) -> list[str]:
    """Return what of the secret a person could read in a text, also decoded."""
    plain = [text, text.replace('\\/', '/').replace('\\\\', '\\'), re.sub(r'\\+u([0-9a-f]{4})', lambda match: chr(int(match[1], 16)), text)]
    for run in re.findall('[A-Za-z0-9+/]{8,}', text):
        plain += [base64.b64decode(run[skip:][:len(run[skip:]) // 4 * 4]).decode('latin-1') for skip in range(4)]
    return [each for each in plain if TOKEN in each or TOKEN.replace('/', '\\/') in each]


# The proof.


@pytest.mark.parametrize('key', [key for key, sender in SENDERS.items() if sender.proof])
def test_a_known_sender_keeps_its_proof_and_what_it_fills_in(key: str) -> None:
    """The recipe of a delivery of each known sender sends the same headers again, with a new time and a valid proof."""
    sender, token = SENDERS[key], base64.b64encode(b'the token of the senders').decode()
    sent = sender.request(sender.delivery(), token)
    one = delivery(sent.body, sent.headers, f'/instance/execute/front?{sent.query}', sender_key=key, sender=sender.name)
    made_of = Recipes(SENDERS, Masks(lambda: [token]), lambda: token, dict, {'7': INCIDENT}.get)
    recipe = made_of.make(one)
    assert (recipe['sender'], recipe['kind'], recipe['proof']) == (sender.name, sender.kind, sender.proof)
    assert made_of.file_name(one) == f'{key}-new.json'
    assert token not in json.dumps(recipe)
    again = Sender(key, '', 'other', '', recipe['proof'], recipe['deliveries']).request(recipe['deliveries'][0], token)
    assert {name.lower() for name, _ in again.headers} >= {name.lower() for name, _ in sent.headers} - {'authorization', 'accept'}
    assert set(again.query.split('&')) == set(sent.query.split('&'))
