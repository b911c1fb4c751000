"""The checklist of a rejection: what it says of each sender's proof, and that it never says what would be right."""

import base64
import gzip
import hmac
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from clocks import Clock, zone
from local_xsoar import ROOT
from made_deliveries import delivery

from localxsoar.webhooks import senders as senders_module
from localxsoar.webhooks.checklist import Rejection, read_time, template_pattern
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.readable import SHOWN_BYTES
from localxsoar.webhooks.recipes import proof_of
from localxsoar.webhooks.repairs import advice, differences
from localxsoar.webhooks.replay import Replay
from localxsoar.webhooks.senders import Sender, SenderRequest, load_senders

NOW = 1_767_225_600.0
TOKEN = '7365637265742D746F6B656E2D6F662D746573747321'  # hexadecimal and base64, as some senders want it
SENDERS = load_senders(ROOT / 'senders')
PROVING = {key: sender for key, sender in SENDERS.items() if sender.proof}


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    """Let the senders sign at one moment."""
    with Clock(senders_module, unix=NOW):
        yield


def checks(sender: Sender | None, request: SenderRequest, token: str = TOKEN, **changed: Any) -> dict[str, tuple[str, str]]:
    """Return the state and the text of each check, by title, of a delivery of this request that got a 401."""
    rejected = delivery(request.body, request.headers, f'/?{request.query}', started=NOW, status=401)
    found = Rejection(replace(rejected, **changed), sender, token, Masks(lambda: [token])).checks()
    assert not token or token not in str(found)
    return {check['title']: (check['state'], check['text']) for check in found}


def sent(key: str, token: str = TOKEN) -> SenderRequest:
    return SENDERS[key].request(SENDERS[key].delivery(), token)


@pytest.mark.parametrize('key', PROVING)
def test_a_valid_proof_passes_every_check_and_another_secret_fails_one(key: str) -> None:
    good = checks(PROVING[key], sent(key), sender_key=key)
    assert [title for title, (state, _) in good.items() if state not in ('good', '')] == []
    bad = checks(PROVING[key], sent(key, '616e6f7468657220736563726574'))
    assert [title for title, (state, _) in bad.items() if state == 'bad'] in (['Signature'], ['Token'])


@pytest.mark.parametrize('value, text', [
    (f'Bearer {TOKEN}', 'after "Bearer"'), (base64.b64encode(TOKEN.encode()).decode(), 'in base64'),
    (f' {TOKEN}', 'with blanks around it'), (f'"{TOKEN}"', 'in quotes'), (f"'{TOKEN}'", 'in quotes'),
    (f'%{ord(TOKEN[0]):x}{TOKEN[1:]}', 'percent-encoded'), (TOKEN.lower(), 'with other capitals'),
    ('{token}', 'a placeholder'), ('%TOKEN%', 'a placeholder'), ('other', 'another value')])
def test_a_token_that_is_nearly_right_is_reported_from_another(value: str, text: str) -> None:
    state, said = checks(SENDERS['curl'], SenderRequest([('Authorization', value)], '', b'{}'))['Token']
    assert state == 'bad' and text in said


def test_a_token_in_another_place_is_found() -> None:
    found = checks(SENDERS['curl'], SenderRequest([('X-Api', TOKEN)], '', b''))
    assert found['Looked for'][0] == 'bad'
    assert found['Token'] == ('warn', 'The header X-Api contains the token, as its whole value.')
    assert next(iter(found)) == 'Token', 'the cause comes first'
    assert 'it proves nothing' in checks(None, SenderRequest([], '', TOKEN.encode()))['Token'][1]


@pytest.mark.parametrize('value, hint', [('Bearer pear7', 'after "Bearer"'), ('"pear7"', 'in quotes'), ('pear7 ', 'blanks'),
                                         ('Basic dXNlcjpwZWFyNw==', 'Basic authentication')])
def test_a_short_token_is_found_too(value: str, hint: str) -> None:
    found = checks(None, SenderRequest([('X-A', value)], '', b'{"a": "pear7 trees"}'), 'pear7')
    assert found['Looked for'][1].endswith('parameter: not found.') and hint in found['Token'][1]
    found = checks(None, SenderRequest([('X-A', value), ('X-B', 'pear7')], '', b''), 'Splunk pear7')
    assert found['Token'][1].endswith('without the word Splunk with which the token begins.')


def test_a_short_token_is_found_in_a_body_only_as_a_whole_value() -> None:
    for body, is_found in (('{"a": "pear7"}', True), ('a=pear7&b=1', True), ('{"pear7": "x", "a": "my pear7"}', False)):
        assert ('Token' in checks(None, SenderRequest([], '', body.encode()), 'pear7')) == is_found


def test_a_different_value_is_named() -> None:
    found = checks(None, SenderRequest([('Authorization', 'x'), ('X-Api-Key', 'y')], '', b''))
    assert found['Looked for'][1].endswith('not found; Authorization, X-Api-Key have a different value.')
    found = checks(None, SenderRequest([('Authorization', 'x'), ('X-Api-Key', f'Bearer {TOKEN}')], '', b''))
    assert found['Looked for'][1].endswith('not found; Authorization has a different value.')


@pytest.mark.parametrize('request_, expected', [
    (sent('github', 'another token'), 'In the sender, enter the token of this instance as the secret'),
    (replace(sent('github'), body=sent('github').body + b'\n'), 'The token of the sender is right. Find what changes the body'),
    (SenderRequest([('X-Api-Key', 'x')], '', b''), 'In the sender, set the header X-Api-Key: <token>')])
def test_what_to_set_in_the_sender_is_what_was_repaired(request_: SenderRequest, expected: str) -> None:
    rejected = delivery(request_.body, request_.headers, f'/?{request_.query}', started=NOW, status=401,
                        sender_key='github' if request_.body else '')
    masks = Masks(lambda: [TOKEN])
    replay = Replay(SENDERS, masks, lambda _: TOKEN, lambda _: [])
    made = replay.request(rejected, {'proof': True}, 'here')
    again = replace(rejected, status=200, headers=made.headers, target=made.target)
    signer = replay.signer(rejected)
    name = signer.proof['name'] if signer else 'X-Api-Key'
    assert f'The header {name} was replaced.' in differences(rejected, again)
    rejection = Rejection(rejected, signer, TOKEN, masks)
    assert advice(rejection, again, proof_of(again, signer, SENDERS, TOKEN)).startswith(expected)
    assert advice(rejection, replace(again, status=401), {}) == ''


@pytest.mark.parametrize('seconds, state, text', [
    (-200_000_000, 'bad', '6 years after'),
    (60, 'good', '1 min '), (300, 'good', '5 min before'), (301, 'bad', '5 min 1 s before'), (90_061, 'bad', '1 d 1 h before'),
    (-4000, 'bad', 'after')])
def test_the_clock_is_read_and_its_distance_said(seconds: int, state: str, text: str) -> None:
    for key in ('slack', 'stripe', 'zendesk', 'standard-webhooks'):
        clock = checks(SENDERS[key], sent(key), started=NOW + seconds)['Clock']
        assert clock[0] == state and text in clock[1]


@pytest.mark.parametrize('text', ['nan', 'inf', '-inf'])
def test_a_time_that_is_not_a_number_cannot_be_read(text: str) -> None:
    signed = sent('slack')
    headers = [(name, text if 'Timestamp' in name else value) for name, value in signed.headers]
    clock = checks(SENDERS['slack'], replace(signed, headers=headers))['Clock']
    assert clock == ('bad', 'The time of the signature cannot be read.')


def test_a_proof_may_repeat_a_part() -> None:
    assert [bool(template_pattern('{token}:{token}').fullmatch(text)) for text in ('a:a', 'a:b')] == [True, False]


def test_a_signature_that_nearly_fits_says_why() -> None:
    signed = sent('github')
    for body, seen, text in ((b'a', b'a\r\n', 'without its last line break'), (b'a\n', b'a', 'with a line break after it'),
                             (b'a\nb', b'a\r\nb', 'with other line breaks'), (b'{"a":1}', b'{"a": 1}', 'the same JSON'),
                             (b'{"a": "\\u00e9"}', '{"a":"é"}'.encode(), 'the same JSON')):
        value = f'sha256={hmac.new(TOKEN.encode(), body, "sha256").hexdigest()}'
        said = checks(SENDERS['github'], SenderRequest([('X-Hub-Signature-256', value)], '', seen))['Signature'][1]
        assert text in said and said.startswith('The token is right')
    zipped = replace(signed, body=gzip.compress(signed.body), headers=[*signed.headers, ('Content-Encoding', 'gzip')])
    assert 'the decompressed body' in checks(SENDERS['github'], zipped)['Signature'][1]
    assert 'The body was too large' in checks(SENDERS['github'], signed, size=10**9)['Signature'][1]
    short = SenderRequest([('X-Hub-Signature-256', 'sha256=' + '0' * 40)], '', b'')
    assert checks(SENDERS['github'], short)['Form'] == (
        'bad', 'Expected sha256=<hexadecimal> of 32 bytes; found 20 bytes, the length of SHA-1.')


def test_a_body_longer_than_is_shown_is_not_tried_in_other_forms() -> None:
    for size, is_tried in ((SHOWN_BYTES, True), (SHOWN_BYTES + 1, False)):
        body = b'x' * (size - 1)
        value = f'sha256={hmac.new(TOKEN.encode(), body, "sha256").hexdigest()}'
        text = checks(SENDERS['github'], SenderRequest([('X-Hub-Signature-256', value)], '', body + b'\n'))['Signature'][1]
        assert ('without its last line break' in text, text.startswith('It does not match')) == (is_tried, not is_tried)


def test_a_signature_in_the_other_alphabet_of_base64_is_read() -> None:
    signed = ((body, base64.urlsafe_b64encode(hmac.digest(TOKEN.encode(), body, 'sha256')).decode())
              for body in (b'%d' % number for number in range(1000)))
    body, value = next(each for each in signed if {*'-_'} <= {*each[1]})
    found = checks(SENDERS['shopify'], SenderRequest([('X-Shopify-Hmac-Sha256', value)], '', body))
    assert found['Signature'] == ('good', 'It matches.')


def test_a_signature_is_described_by_its_algorithm_and_its_key() -> None:
    assert checks(SENDERS['github'], sent('github'))['Algorithm'] == (
        '', 'HMAC-SHA-256 of the body, in hexadecimal; the key is the token.')


@pytest.mark.parametrize('value, text', [
    ('nothing', 'Expected sha256=<hexadecimal>, but the value has another form.'),
    (f'sha256={"0" * 32},sha256={"0" * 40},sha256={"0" * 8}',
     'Expected sha256=<hexadecimal> of 32 bytes; found 20 bytes, the length of SHA-1.'),
    ('sha256=00', 'Expected sha256=<hexadecimal> of 32 bytes; found 1 byte.')])
def test_a_signature_of_another_form_is_told_from_one_of_another_length(value: str, text: str) -> None:
    assert checks(SENDERS['github'], SenderRequest([('X-Hub-Signature-256', value)], '', b''))['Form'] == ('bad', text)


@pytest.mark.parametrize('token, key, what', [
    (TOKEN, f'{TOKEN}\n'.encode(), 'the token with a line break after it'),
    (f' {TOKEN} ', TOKEN.encode(), 'the token without the blanks around it'),
    (TOKEN, base64.b64decode(TOKEN), 'the token, decoded from base64'),
    (TOKEN, bytes.fromhex(TOKEN), 'the token, decoded from hexadecimal')])
def test_a_signature_by_another_form_of_the_token_says_which(token: str, key: bytes, what: str) -> None:
    value = f'sha256={hmac.new(key, b"{}", "sha256").hexdigest()}'
    assert checks(SENDERS['github'], SenderRequest([('X-Hub-Signature-256', value)], '', b'{}'), token)['Signature'] == (
        'bad', f'It would fit if the key were {what}.')


@pytest.mark.parametrize('headers, text', [
    ([], 'The header X-Hub-Signature-256 is not there.'),
    ([('X-Token', 'x'), ('X-Key', 'y')],
     'The header X-Hub-Signature-256 is not there. What could hold a secret instead: X-Token.')])
def test_a_proof_that_is_missing_is_named_with_what_could_be_meant(headers: list[tuple[str, str]], text: str) -> None:
    assert checks(SENDERS['github'], SenderRequest(headers, '', b''))['Looked for'] == ('bad', text)


def test_a_time_without_a_zone_is_one_of_utc_and_milliseconds_are_divided() -> None:
    with zone('Asia/Kathmandu'):
        assert read_time('iso', '2026-01-01T00:00:00') == read_time('iso', '2026-01-01T00:00:00Z') == NOW
    assert (read_time('milliseconds', '1767225600000'), read_time('timestamp', '1767225600')) == (NOW, NOW)


def test_the_checklist_says_whether_the_sender_was_recognized() -> None:
    signed, unproved = sent('github'), Sender('acme', 'Acme', 'other', '', {}, [])
    assert checks(SENDERS['github'], signed, sender_key='github')['Sender'] == (
        'good', 'Recognized as GitHub (signature in X-Hub-Signature-256).')
    assert checks(SENDERS['github'], signed)['Sender'] == ('warn', 'Not recognized, but it signs as GitHub does.')
    for key in ('acme', ''):
        assert checks(unproved, signed, sender_key=key)['Sender'] == (
            '', 'Recognized as Acme, which has no place of its own for the token.')
    assert checks(None, signed)['Sender'] == ('warn', 'Not recognized.')


def test_what_was_not_rejected_for_its_proof_has_no_checklist() -> None:
    assert checks(SENDERS['github'], sent('github'), status=400) == {}
    assert checks(None, sent('github'), token='') == {}
