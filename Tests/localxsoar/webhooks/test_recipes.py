"""Recipes and archives of deliveries: what is in the files, that no secret is, and that others' programs read them."""

import base64
import gzip
import hmac
import json
import os
import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gevent
import made_deliveries
import pytest
from clocks import zone
from gevent.socket import wait_read
from local_xsoar import ROOT

from localxsoar.webhooks.archive import archive, entry
from localxsoar.webhooks.deliveries import KEPT_BODY_BYTES, Delivery
from localxsoar.errors import UsageError
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.recipes import PRODUCT, SOURCE, Recipes, proof_of, written
from localxsoar.webhooks.senders import Sender, SenderRequest, load_sender, load_senders

TOKEN = 'h4sh/hush+and more'
STARTED = 1_800_000_000.0  # in 2027: after what the incident says of its event
SENDERS = load_senders(ROOT / 'senders')
MASKS = Masks(lambda: [TOKEN])
INCIDENT = {'id': '7', 'name': 'Disk full', 'type': 'Unclassified', 'occurred': '2026-11-24T09:00:00Z', 'labels': [],
            'created': '2100-01-01T00:00:00Z', 'severity': 3, 'dbotMirrorId': 'acme:4711'}


def delivery(body: bytes = b'{"a": 1}', headers: Any = (), target: str = '/instance/execute/front', **changed: Any) -> Delivery:
    values = {'number': 5, 'started': STARTED, 'kind': 'created', 'incidents': ['7'], 'status': 200, **changed}
    return made_deliveries.delivery(body, headers, target, **values)


def recipes(incident: Any = INCIDENT, token: str = TOKEN, **params: str) -> Recipes:
    return Recipes(SENDERS, MASKS, lambda _: token, lambda _: params, {'7': incident}.get)


def made(*parts: Any, **named: Any) -> dict[str, Any]:
    return recipes().make(delivery(*parts, **named))


def only(recipe: dict[str, Any]) -> dict[str, Any]:
    found, = recipe['deliveries']
    return dict(found)


def test_a_recipe_of_several_incidents_expects_each_of_them() -> None:
    others = {'7': INCIDENT, '8': {**INCIDENT, 'id': '8', 'name': 'Disk ok', 'severity': 1, 'dbotMirrorId': ''}}
    recipe = Recipes(SENDERS, MASKS, lambda _: TOKEN, lambda _: {}, others.get).make(delivery(incidents=['7', '8', '9']))
    assert only(recipe)['expected']['name'] == 'Disk full'
    assert only(recipe)['others_expected'] == [
        {'name': 'Disk ok', 'type': None, 'occurred': '2026-11-24T09:00:00Z', 'severity': 1}]
    assert 'others_expected' not in only(made())


def test_a_recipe_expects_the_incident_as_it_was_created() -> None:
    assert only(made())['expected'] == {'name': 'Disk full', 'type': None, 'occurred': '2026-11-24T09:00:00Z', 'severity': 3,
                                        'problem_key': 'acme:4711'}
    changed = {'type': 'Phishing', 'severity': 0, 'dbotMirrorId': '', 'labels': [{'type': 'state', 'value': 'resolved'}]}
    assert only(recipes({**INCIDENT, **changed}).make(delivery()))['expected'] == {
        'name': 'Disk full', 'type': 'Phishing', 'occurred': '2026-11-24T09:00:00Z', 'state': 'resolved'}
    assert only(recipes({**INCIDENT, **changed}, incidentType='Phishing').make(delivery()))['expected']['type'] is None


def test_an_event_without_a_time_of_its_own_occurs_on_arrival() -> None:
    for occurred, expected in (('2099-12-31T23:59:59.1Z', None), ('2100-01-01T00:00:01Z', '2100-01-01T00:00:01Z')):
        found = recipes({**INCIDENT, 'occurred': occurred, 'created': '2099-12-31T23:59:59.123456789Z'}).make(delivery())
        assert only(found)['expected']['occurred'] == expected


def test_the_source_and_the_product_of_an_unknown_sender_must_be_filled_in(tmp_path: Path) -> None:
    recipe = made(headers=[('User-Agent', 'Acme Probe/2.1')], sender='Acme Probe')
    assert (recipe['sender'], recipe['source'], recipe['kind']) == (PRODUCT, SOURCE, 'other')
    assert 'proof' not in recipe
    file = tmp_path / recipes().file_name(delivery(sender='Acme Probe'))
    file.write_bytes(written(recipe))
    assert file.name == 'acme-probe-new.json' and load_sender(file).deliveries[0]['payload'] == {'a': 1}


def test_a_secret_that_a_sender_gives_as_its_name_is_in_no_file_name() -> None:
    made_of = Recipes(SENDERS, Masks(lambda: ['hush-hush-4711']), lambda _: TOKEN, lambda _: {}, {'7': INCIDENT}.get)
    assert made_of.file_name(delivery(sender='hush-hush-4711')) == 'sender-new.json'


def test_a_file_of_a_recipe_has_a_short_name_that_no_sender_has() -> None:
    names = []
    for keys in (['acme-new'], ['acme-new', 'acme-new2']):
        made_of = Recipes(dict.fromkeys(keys, SENDERS['curl']), MASKS, lambda _: TOKEN, lambda _: {}, {'7': INCIDENT}.get)
        names.append([made_of.file_name(delivery(sender=each)) for each in ('Acme', 'x' * 50)])
    assert names == [['acme-new2.json', f'{"x" * 40}-new.json'], ['acme-new3.json', f'{"x" * 40}-new.json']]


@pytest.mark.parametrize('headers', [
    {'Host': 'soc.corp.example'}, {'Content-Length': '8'}, {'Connection': 'close'}, {'Expect': '100-continue'},
    {'X-Request-URI': '/x'}, {'X-Forwarded-For': '198.51.100.7'}, {'X-Forwarded-Host': 'soc.corp.example'}, {'Via': '1.1 proxy'},
    {'Forwarded': 'for=198.51.100.7'}, {'X-Real-Ip': '198.51.100.7'}, {'CF-Connecting-IP': '2001:db8::1'},
    dict.fromkeys((
        'Accept', 'Accept-Encoding', 'Accept-Language', 'Cache-Control', 'Pragma', 'Date', 'Origin', 'Referer', 'From',
        'CDN-Loop', 'Traceparent', 'Tracestate', 'Baggage', 'X-Request-Id', 'X-Correlation-Id', 'X-Amzn-Trace-Id',
        'X-Cloud-Trace-Context', 'X-Scheme', 'X-Original-URL', 'X-Real-Host', 'X-Envoy-A', 'X-B3-TraceId', 'X-Azure-Ref',
        'X-ARR-SSL', 'CF-IPCountry', 'CF-Ray', 'CF-Visitor', 'Sec-Fetch-Mode', 'X-Appengine-Country'), 'a'),
    {'X-Peer': '[2001:db8::1]'}, {'X-Any-Name': '10.0.0.1, 198.51.100.7'}, {'Cookie': 'a=b'},
    {'Authorization': 'Basic eDp5'}, {'X-Api-Key': 'abc'}, {'X-Hub-Signature': 'sha1=00'},
    {'X-Note': f'it is {TOKEN}'}, {'X-Note': TOKEN.replace('/', '%2f').replace(' ', '+')},
    {'X-Note': base64.b64encode(f'user:{TOKEN}!'.encode()).decode()}, {'Content-Encoding': 'identity'}])
def test_headers_of_the_connection_of_proxies_and_with_secrets_are_left_out(headers: dict[str, str]) -> None:
    assert only(made(headers=[*headers.items(), ('X-Event', 'push'), ('X-Event', 'tag')]))['headers'] == {'X-Event': 'push, tag'}


def test_a_query_is_kept_without_its_secrets() -> None:
    target = '/instance/execute/front?each=alerts&token=abc&x=h4sh%2Fhush%2Band%20more&y=h4sh%2fhush%2band+more&type=Phishing'
    assert only(made(target=target))['query'] == 'each=alerts&type=Phishing'
    assert 'query' not in only(made(target='/instance/execute/front?token=abc'))
    words = 'name=evt.what%2Cevt.where&severity=prio%3Acritical%3Durgent&problem=disk%3Aref&resolved=evt.state%3Dclosed'
    target = f'/instance/execute/front?{words}&skip={quote(TOKEN)}&api-key=hush&at_least=low'
    assert only(made(target=target))['query'] == f'{words}&at_least=low'


@pytest.mark.parametrize('body', [
    '{"a": 1e400}', '{"a": 12345678901234567890}', '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 0.1234567890123456789}', '5',
    'disk full', '{"a": "{timestamp}"}', '{"a"', '[' * 100_000,
    '\ufeff{}', '{"a": 1e99999999999999999999}', ''], ids=lambda body: body[:30])
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


def test_numbers_keep_their_form() -> None:
    assert json.dumps(only(made(b'{"a": 1, "b": 1.0, "c": 2e3}'))['payload']) == '{"a": 1, "b": 1.0, "c": 2000.0}'


@pytest.mark.parametrize('token, is_found', [('an8chars', True), ('seven77', False)])
def test_a_token_inside_a_value_is_taken_for_a_proof_from_eight_characters_on(token: str, is_found: bool) -> None:
    one = delivery(headers=[('X-Acme', f'Key {token}')])
    assert bool(proof_of(one, None, {}, token)) is is_found


def test_a_compressed_body_is_saved_as_its_text() -> None:
    saved = only(made(gzip.compress(b'{"a": 2}'), [('Content-Encoding', 'gzip'), ('Content-Type', 'application/json')]))
    assert (saved['payload'], saved['headers']) == ({'a': 2}, {'Content-Type': 'application/json'})


def test_a_number_that_is_the_token_is_in_no_file() -> None:
    one, masks = delivery(b'{"a": 12345678}'), Masks(lambda: ['12345678'])
    recipe = Recipes(SENDERS, masks, lambda _: '12345678', lambda _: {}, {'7': INCIDENT}.get).make(one)
    assert only(recipe)['payload'] == {'a': '••••••'} and '12345678' not in json.dumps(entry(one, 'http://x', masks))


def test_a_body_that_is_not_text_or_too_long_is_in_no_archive_as_nobody_can_tell_what_is_in_it() -> None:
    for one in (delivery(gzip.compress(TOKEN.encode())),
                delivery(gzip.compress(bytes(KEPT_BODY_BYTES + 1)), [('Content-Encoding', 'gzip')])):
        content = entry(one, 'http://x', MASKS)['request']['postData']
        assert (content['text'], content['comment']) == (
            '', 'The body is left out: it is not text or too long, so it could not be searched for secrets.')


def test_an_archive_says_what_of_a_response_was_kept_and_where_it_leads() -> None:
    moved = delivery(response=bytearray(b'moved'), response_size=2000, response_headers=[('Location', 'https://a.example/')])
    found = entry(moved, 'http://x', MASKS)['response']
    assert (found['content']['text'], found['content']['comment']) == ('moved', 'Only 5 of 2,000 bytes were kept.')
    assert (found['redirectURL'], found['content']['size'], found['bodySize']) == ('https://a.example/', 2000, 2000)
    with zone('Asia/Kathmandu'):
        started = entry(moved, 'http://x', MASKS)['startedDateTime']
    assert started.endswith('+00:00') and datetime.fromisoformat(started).timestamp() == STARTED


SPELLINGS = [TOKEN, TOKEN.replace('/', '\\/'), TOKEN.replace('/', '\\\\\\/'), TOKEN.replace('h4', '\\u00684'),
             TOKEN.replace(' ', '\\u0020'),
             *(base64.b64encode(f'{"x" * before}{TOKEN}{"y" * after}'.encode()).decode() for before in range(3)
               for after in range(3))]


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
    plain = [text, re.sub(r'\\+/', '/', text), re.sub(r'\\+u([0-9a-f]{4})', lambda match: chr(int(match[1], 16)), text)]
    for run in re.findall('[A-Za-z0-9+/]{8,}', text):
        plain += [base64.b64decode(run[skip:][:len(run[skip:]) // 4 * 4]).decode('latin-1') for skip in range(4)]
    return [each for each in plain if TOKEN in each or TOKEN.replace('/', '\\/') in each]


@pytest.mark.parametrize('key', [key for key, sender in SENDERS.items() if sender.proof])
def test_a_known_sender_keeps_its_proof_and_what_it_fills_in(key: str) -> None:
    """The recipe of a delivery of each known sender sends the same headers again, with a new time and a valid proof."""
    sender, token = SENDERS[key], b'the token of the senders'.hex()  # which is base64, too
    sent = sender.request(sender.delivery(), token)
    one = delivery(sent.body, sent.headers, f'/instance/execute/front?{sent.query}', sender_key=key, sender=sender.name)
    made_of = Recipes(SENDERS, Masks(lambda: [token]), lambda _: token, lambda _: {}, {'7': INCIDENT}.get)
    recipe = made_of.make(one)
    assert (recipe['sender'], recipe['kind'], recipe['proof']) == (sender.name, sender.kind, sender.proof)
    assert made_of.file_name(one) == f'{key}-new.json'
    assert token not in json.dumps(recipe)
    again = Sender(key, '', 'other', '', recipe['proof'], recipe['deliveries']).request(recipe['deliveries'][0], token)
    assert {name.lower() for name, _ in again.headers} >= {name.lower() for name, _ in sent.headers} - {'authorization', 'accept'}
    assert set(again.query.split('&')) == set(sent.query.split('&'))


BASIC = base64.b64encode(f'any:{TOKEN}'.encode()).decode()
SIGNED = hmac.new(TOKEN.encode(), b'{"a": 1}', 'sha512')


@pytest.mark.parametrize('headers, query, proof', [
    ({'X-Acme': TOKEN}, '', ('header', 'X-Acme', '{token}')),
    ({'X-Acme': f'Key {TOKEN}'}, '', ('header', 'X-Acme', 'Key {token}')),
    ({'Authorization': f'Basic {BASIC}'}, '', ('header', 'Authorization', 'Basic {basic}')),
    ({'X-Acme': f'Token token="{TOKEN}"'}, '', ('header', 'X-Acme', 'Token token="{token}"')),
    ({}, f'a=1&key={quote(TOKEN)}', ('query', 'key', '{token}')),
    ({'X-Acme-Signature': f'v1={SIGNED.hexdigest()}'}, '', ('header', 'X-Acme-Signature', 'v1={hex}')),
    ({'X-Acme-Hmac': base64.b64encode(SIGNED.digest()).decode()}, '', ('header', 'X-Acme-Hmac', '{base64}'))])
def test_an_unknown_sender_has_the_proof_that_it_showed(headers: dict[str, str], query: str, proof: tuple[str, ...]) -> None:
    one = delivery(headers=[*headers.items(), ('X-Event', 'push')], target=f'/instance/execute/front?{query}')
    recipe = recipes().make(one)
    assert tuple(recipe['proof'][key] for key in ('place', 'name', 'value')) == proof
    assert (only(recipe)['headers'], only(recipe).get('query', '')) == ({'X-Event': 'push'}, query and 'a=1')
    again = Sender('a', '', 'other', '', recipe['proof'], [only(recipe)]).sign_again(SenderRequest([], '', b'{"a": 1}'), TOKEN)
    basic = base64.b64encode(f'webhook:{TOKEN}'.encode()).decode()
    assert again.headers in ([*headers.items()], [('Authorization', f'Basic {basic}')])
    assert again.query == query.replace('a=1&', '').replace('/', '%2F')


@pytest.mark.parametrize('value', [f'session=4711SECRET; token={TOKEN}', f'{TOKEN}:4711SECRET', f'{TOKEN} {TOKEN}',
                                   f'v1={SIGNED.hexdigest()},key=4711SECRET'])
def test_what_stands_beside_a_proof_may_be_another_secret_and_is_in_no_recipe(value: str) -> None:
    recipe = made(headers=[('X-Acme-Auth', value)])
    assert 'proof' not in recipe and '4711SECRET' not in json.dumps(recipe)


def test_a_signature_in_the_form_of_a_known_sender_is_that_of_the_recipe() -> None:
    sent = SENDERS['stripe'].request(SENDERS['stripe'].delivery(), 'another secret')
    assert made(sent.body, sent.headers)['proof'] == SENDERS['stripe'].proof
    assert 'proof' not in recipes(token='').make(delivery(sent.body, sent.headers))


def test_a_sender_that_proves_itself_in_another_way_than_its_recipe_keeps_its_headers_as_they_came() -> None:
    """A time that the sender's own proof does not sign is a part of the event."""
    slack = SENDERS['slack']
    sent = slack.request(slack.delivery(), 'another secret')
    filled, = [name for name, value in slack.delivery()['headers'].items() if '{' in value]
    shown = only(made(sent.body, [*sent.headers, ('X-Acme', TOKEN)]))['headers']
    assert shown[filled] == dict(sent.headers)[filled]
    assert only(made(sent.body, sent.headers))['headers'][filled] == slack.delivery()['headers'][filled]


def test_a_header_that_no_recipe_fills_in_is_kept_as_it_came() -> None:
    sent = SENDERS['slack'].request(SENDERS['slack'].delivery(), 'another secret')
    shown = only(made(sent.body, [(name, 'Other/2' if name == 'User-Agent' else value) for name, value in sent.headers]))
    assert shown['headers']['User-Agent'] == 'Other/2'


@pytest.mark.parametrize('one, incident, reason', [
    (delivery(method='PUT'), INCIDENT, 'A recipe is sent by POST, and this came by PUT.'),
    (delivery(size=10), INCIDENT, 'The body was too large to be kept whole.'),
    (delivery(is_partial=True), INCIDENT, 'Only 8 bytes of the body have arrived.'),
    (delivery(b'\xff'), INCIDENT, 'The body is not text, so it cannot become a recipe.'),
    (delivery(b'brotli \xff', [('Content-Encoding', 'br')]), INCIDENT, 'The body is not text, so it cannot become a recipe.'),
    (delivery(b'x' * (1024 * 1024 + 1)), INCIDENT, 'The body is too long for a recipe.'),
    (delivery(kind='repeat'), INCIDENT, 'A repeat creates no incident: save the first delivery as a recipe.'),
    (delivery(kind='rejected'), INCIDENT, 'It created no incident by which a recipe could be tested.'),
    (delivery(), None, 'Its incident is no longer there.'),
    (delivery(), {**INCIDENT, 'created': '2020-01-01T00:00:00Z'}, 'Its first incident is that of an earlier delivery.')])
def test_a_delivery_that_cannot_be_repeated_is_not_saved_and_the_reason_is_reported(
        one: Delivery, incident: Any, reason: str) -> None:
    assert recipes(incident).unsavable(one) == reason
    with pytest.raises(UsageError, match=re.escape(reason)):
        recipes(incident).make(one)


def test_an_archive_has_each_message_as_text_with_secrets_masked() -> None:
    zipped = gzip.compress(f'{{"has": "{TOKEN}"}}'.encode())
    one = delivery(zipped, [('Content-Encoding', 'gzip'), ('Content-Type', 'application/json'), ('Authorization', TOKEN)],
                   '/instance/execute/front?token=abc&a=b c', reason='OK', sender='Acme', milliseconds=1.5)
    one.response, one.response_size = bytearray(b'\xff' + TOKEN.encode()), 100
    one.response_headers = [('Content-Type', 'image/png'), ('Location', '/there')]
    made_of = entry(one, 'http://127.0.0.1:8080', MASKS)
    assert made_of['request']['url'] == f'http://127.0.0.1:8080/instance/execute/front?token={quote("••••••")}&a=b%20c'
    assert made_of['request']['queryString'] == [{'name': 'token', 'value': '••••••'}, {'name': 'a', 'value': 'b c'}]
    assert made_of['request']['postData'] == {'mimeType': 'application/json', 'text': '{"has": "••••••"}'}
    assert made_of['request']['headers'][2] == {'name': 'Authorization', 'value': '••••••'}
    assert made_of['response']['content'] == {
        'size': 100, 'mimeType': 'image/png', 'text': '', 'comment': f'Only {len(one.response)} of 100 bytes were kept.'}
    assert (made_of['response']['redirectURL'], made_of['time'], made_of['_incidents']) == ('/there', 1.5, ['7'])


def test_no_field_of_a_file_shows_a_secret_wherever_a_delivery_has_it() -> None:
    texts: dict[str, Any] = {field.name: f'a {TOKEN} b' for field in fields(Delivery)
                             if field.type == 'str' and field.name != 'kind'}
    assert {'method', 'target', 'reason', 'sender', 'text'} <= texts.keys()
    headers = [('Content-Type', f'multipart/form-data; boundary={TOKEN}'), (TOKEN, 'x'), ('Location', TOKEN), ('X-A', TOKEN)]
    one = Delivery(number=5, started=STARTED, kind='created', incidents=['7'], size=100, headers=headers, **texts,
                   body=bytearray(TOKEN.encode()), response=bytearray(TOKEN.encode()), response_headers=headers)
    assert TOKEN not in (shown := json.dumps(entry(one, f'http://{TOKEN}', MASKS))) and shown.count('\\u2022' * 6) > 10
    one.method, one.missing, one.size = 'POST', '', len(one.body)
    secret = {**INCIDENT, **dict.fromkeys(('name', 'type', 'dbotMirrorId', 'occurred'), TOKEN)}
    assert TOKEN not in (shown := written(recipes(secret).make(one)).decode()) and '•' in shown


def test_a_short_token_is_masked_as_the_content_type_of_an_archive() -> None:
    one = delivery(headers=[('Content-Type', 'short')])
    assert entry(one, 'http://x', Masks(lambda: ['short']))['request']['postData']['mimeType'] == '••••••'


def test_an_archive_of_large_bodies_is_made_one_delivery_at_a_time() -> None:
    def large() -> Iterator[Delivery]:
        for number in range(20):
            yield delivery(b'%d ' % number + b'x' * 2_000_000)

    tracemalloc.start()
    size = sum(len(piece) for piece in archive(large(), 'http://x', MASKS))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 40_000_000 and peak < 20_000_000


@pytest.mark.parametrize('bodies', [[b'%68' * 1_000_000], [b'x' * 2_000_000] * 50], ids=['one large body', 'many'])
def test_what_arrives_while_an_archive_is_made_is_read_before_its_end(bodies: list[bytes]) -> None:
    reader, writer = os.pipe()
    waiting = gevent.spawn(wait_read, reader)
    gevent.sleep(0)  # for it to wait
    os.write(writer, b'x')
    pieces = archive(map(delivery, bodies), 'http://x', MASKS)
    assert any(waiting.ready() for piece in pieces if piece != b']}}\n')
    os.close(reader)
    os.close(writer)
