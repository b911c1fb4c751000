"""What somebody who has captured a signed request cannot do with it: send it later, or under another header."""
from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable
from itertools import cycle, product

import pytest
from shared.app import NOW, App
from clocks import grows_linearly
from GenericWebhook import ANY, MIB, SCHEMES, TIMED_TEXT, Scheme, Settings, Tokens, Unauthorized
from model import peak_of
from signing import (BODY_ONLY, NAMED, Sender, TIMED, TOKEN, base64_of, digest, each_timed_sender, hex_of, refused, sign_slack,
                     sign_stripe, standard, signs_the_body, verified, whole_second)


TIMED_ROWS = [(header, scheme) for header, schemes in SCHEMES.items() for scheme in schemes if scheme.prefix]
each_timed_row = pytest.mark.parametrize('row', [scheme for _, scheme in TIMED_ROWS],
                                         ids=[f'{header[:30]} {scheme.prefix}' for header, scheme in TIMED_ROWS])
FORMS = ('{}', 'sha256={}', 'v0={}', 'v1={}')


def forms_of(text: bytes, key: str) -> list[str]:
    shown = digest(key, text).hex(), base64_of(key, text), digest(key, text, 'sha512').hex()
    return [form.format(each) for form in FORMS for each in shown]


LIKE_ANOTHER_SCHEME = 'begins or ends like the signed text of another scheme'
# What a sender may sign besides JSON and forms, and a little in front of them.
BODIES_OF_ANY_KIND = {
    'XML': '<?xml version="1.0"?><alert/>', 'XML after a line': ' \r\n<alert/>',
    'a multipart form': '--b1\r\nContent-Disposition: x',
    'a multipart form of curl': '\r\n--------------------------d74496d6\r\n', 'JSON after 99 blanks': '\n' * 120 + '{"a": 1}',
    'a key after 99 blanks': '{' + ' ' * 120 + '"a": 1}', 'an array after 99 blanks': ' ' * 120 + '[' + '\t' * 120 + '{}]',
    'numbers': '[1, -2.5]', 'a form after blanks': '  a=1&b=2', 'a form of one field after blanks': ' a=1\r\n',
    'blanks': ' ' * 200, 'null before an object': '[null,{"a":1}]', 'false after a line': '\r\n[ false , "a"]',
    'a fraction': '[-1.5e+3,[2]]', 'true alone in an array': '[true ]', 'an object that ends early': ' { ',
    'a string': '"disk full"', 'a string with escapes': ' "a \\"disk\\" is full\\\\" ',
    'a string with many escapes': '"' + '\\n' * 5000 + '"', 'null': 'null', 'a number': '-1.5E3\n',
    'JSON after a byte order mark': '\ufeff\r\n{ "a": 1}', 'a form': 'token=x&text=disk+full', 'a field': 'a%5Bb%5D.c[0]=1',
    'nothing': '',
}
TEXTS_OF_ANY_KIND = {**BODIES_OF_ANY_KIND, 'text': 'disk full', 'a line of a log': ' [error] level=1 disk',
                     'text in brackets': '[wabaudit] x'}


@each_timed_row
def test_no_text_that_begins_with_an_id_or_a_version_and_a_time_is_let_in_by_its_body_alone(app: App, row: Scheme) -> None:
    bodies = (BODIES_OF_ANY_KIND if row.prefix.startswith('{time}') else TEXTS_OF_ANY_KIND).items()
    stamps = ('1600000000', str(NOW), f'{NOW}000', '2024-11-24T07:20:00Z', '2024-11-24T07:20:00.1+01:00')
    # Each body meets another header with each stamp, and each stamp one with each body: four headers for five stamps.
    headers = cycle(('X-Hub-Signature-256', 'X-Own-Hmac', 'X-Grafana-Alerting-Signature', 'Linear-Signature'))
    for ((name, body), stamp), header in zip(product(bodies, stamps), headers, strict=False):
        text = (row.prefix.format(time=stamp, id='msg_2KWP-B1') + body).encode()
        answer = app.post(text, {header: hex_of(TOKEN, text), 'Content-Type': 'text/plain'})
        assert answer.status == 401, (name, text, header)
        assert LIKE_ANOTHER_SCHEME in answer.detail, (name, text, header)


@each_timed_row
@pytest.mark.parametrize('encoding', ['utf-16-le', 'utf-16-be'])
def test_what_a_timed_row_signs_in_utf_16_is_let_in_by_its_body_alone_neither(app: App, row: Scheme, encoding: str) -> None:
    bodies = ('{"a": 1}', ' [null, {"a": 1}]', '[ -1.5, true]', '"a \\"disk\\""', 'false', '[[]]')
    for body in (mark + body for mark in ('', '\ufeff') for body in bodies):
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


@pytest.mark.parametrize('delivery', [
    '', '{a}', '[a', 'a' * 1001, 'a.b', 'v0:1600000000:disk', '2024-11-24T07:20:00Z', 'urn:uuid:1', 'a<b', 'a', 'ü'])
def test_a_signed_delivery_id_that_is_missing_or_could_be_read_as_something_else_is_rejected(app: App, delivery: str) -> None:
    assert refused(app, b'{}', standard(b'the key of this instance', delivery=delivery)) != (delivery in ('a', 'ü'))


def test_a_time_in_a_body_takes_no_memory_whatever_it_holds(app: App) -> None:
    body, is_refused = b'{"webhookTimestamp": [' + b'[],' * MIB + b'[]]}', list[bool]()
    headers = signs_the_body('X-Hub-Signature-256')(body, TOKEN, '')
    assert peak_of(lambda: is_refused.append(refused(app, body, headers))) < 6 * len(body)
    assert is_refused == [True]


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
    (b'{"webhookTimestamp": "1764000000000"}', signs_the_body('X-Own-Signature'), 60),
], ids=['in a header', 'in the body', 'in the body, as text'])
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
                                  '{"a": "\\ud83d\\\\ud83d", "b": "\\\\\\"", %s}', '{"title": "' + '\\ud83d' * 50_000 + '", %s}'],
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


@pytest.mark.parametrize('old', ['v0:1600000000:token=a&text=x', 'v0:1600000000:{"text":"x', '1600000000:{"a":"x',
                                 '2024-11-24T07:20:00Za=x', 'text=x'])
def test_what_another_sender_signed_with_the_same_token_is_not_a_delivery_of_standard_webhooks(old: str) -> None:
    with App('a token without prefix') as app:
        assert app.post(b'y&z=1', standard(app.token.encode(), 'y&z=1', old, 'svix')).status == 401


@pytest.mark.parametrize('sender', [sender for sender in TIMED if sender.stamp_header], ids=lambda sender: sender.name)
def test_an_old_signature_with_a_fresh_time_beside_it_is_rejected_and_one_without_its_time(app: App, sender: Sender) -> None:
    body, headers = sender.request(3600)
    assert refused(app, body, {**headers, sender.stamp_header: str(NOW)})
    body, headers = sender.request()
    del headers[sender.stamp_header]
    assert refused(app, body, headers)
