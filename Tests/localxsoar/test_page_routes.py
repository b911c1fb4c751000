"""What the page shows of a message, what it sends again, and what its files may do in a browser."""

import gzip
from typing import Any

import bottle
import pytest

from localxsoar.masks import Masks
from localxsoar.page_routes import (
    SHOWN_BYTES,
    describe_proof,
    message,
    read_file,
    readable,
    unmasked,
    unmasked_target,
)
from localxsoar.senders import Sender

GZIP = [('Content-Encoding', 'GZip')]
MASKS = Masks(lambda: ['h4sh-hush'])


@pytest.mark.parametrize('headers, body, text, is_text', [
    ([], b'', '', True), ([], 'grün'.encode(), 'grün', True), ([], b'a\xff', 'a\ufffd', False),
    (GZIP, gzip.compress(b'zipped'), 'zipped', True),
    (GZIP, b'not zipped', 'not zipped', True), ([('Content-Encoding', 'br')], b'plain', 'plain', True),
    ([], b'x' * (SHOWN_BYTES + 1), 'x' * SHOWN_BYTES, True),
    (GZIP, gzip.compress(b'x' * (SHOWN_BYTES + 1)), 'x' * SHOWN_BYTES, True),
    *(([], b'x' * (SHOWN_BYTES - room) + '💥💥'.encode(), 'x' * (SHOWN_BYTES - room) + '💥' * (room // 4), True)
      for room in range(9)),
    ([], b'a\xf0\x9f', 'a\ufffd', False),
    (GZIP, gzip.compress(b'x' * (SHOWN_BYTES - 1) + '💥'.encode()), 'x' * (SHOWN_BYTES - 1), True),
    ([], b'x' * (SHOWN_BYTES - 1) + b'\xf0', 'x' * (SHOWN_BYTES - 1) + '\ufffd', False),
    ([], b'x' * (SHOWN_BYTES - 20) + b'\xff' + b'x' * 30, 'x' * (SHOWN_BYTES - 20) + '\ufffd' + 'x' * 19, False),
])
def test_a_body_is_shown_as_text_up_to_a_mebibyte(headers: Any, body: bytes, text: str, is_text: bool) -> None:
    assert readable(headers, body) == (text, is_text)


def test_a_message_is_masked_unless_its_secrets_are_shown() -> None:
    headers, body = [('Authorization', 'Bearer h4sh-hush')], bytearray(b'it is h4sh-hush')
    assert message(headers, body, 15, MASKS, shows=False) == {
        'headers': [{'name': 'Authorization', 'value': 'Bearer ••••••', 'masked': True}], 'body': 'it is ••••••', 'is_text': True,
        'size': 15, 'cut': False, 'base64': ''}
    assert message(headers, body, 15, Masks(list), shows=True) == {
        'headers': [{'name': 'Authorization', 'value': 'Bearer h4sh-hush', 'masked': False}], 'body': 'it is h4sh-hush',
        'is_text': True, 'size': 15, 'cut': False, 'base64': ''}


@pytest.mark.parametrize('body, size, shows, cut, has_bytes', [
    (b'\xff', 1, True, False, True), (b'\xff', 1, False, False, False), (b'a', 2, True, True, False),
    (b'\xff' * SHOWN_BYTES, SHOWN_BYTES, True, False, True), (b'\xff' * (SHOWN_BYTES + 1), SHOWN_BYTES + 1, True, True, False)],
    ids=['bytes', 'masked', 'not kept whole', 'as large as is shown', 'larger'])
def test_a_message_has_its_bytes_where_its_text_differs_and_says_when_it_is_cut(
    body: bytes, size: int, shows: bool, cut: bool, has_bytes: bool
) -> None:
    shown = message([], bytearray(body), size, MASKS, shows)
    assert (shown['cut'], bool(shown['base64'])) == (cut, has_bytes)


def test_what_was_masked_is_sent_again_as_it_came() -> None:
    original = [('Authorization', 'Bearer h4sh'), ('X-A', 'old')]
    assert unmasked(None, original) == original
    assert unmasked([['authorization', 'Bearer ••••••'], ['X-A', 'new'], ['X-B', '••••••'], ['X-N', 5]], original) == [
        ('authorization', 'Bearer h4sh'), ('X-A', 'new'), ('X-B', ''), ('X-N', '5')]


@pytest.mark.parametrize('given, target', [
    ('/a?token=••••••&x=2', '/a?token=h4sh=1&x=2'), ('/b', '/b'), ('/b?', '/b?'), ('/b?x&y=', '/b?x&y='),
    ('/a?other=••••••', '/a?other='),
    ('/a?token=new', '/a?token=new')])
def test_what_was_masked_in_a_query_is_sent_again_as_it_came(given: str, target: str) -> None:
    assert unmasked_target(given, '/a?token=h4sh=1&x=1') == target


@pytest.mark.parametrize('proof, words', [
    ({}, 'no proof'), ({'place': 'header', 'name': 'X-Token'}, 'token in X-Token'),
    ({'place': 'query', 'name': 'key'}, 'token in ?key='),
    ({'place': 'header', 'name': 'X-Sig', 'signed': '{body}'}, 'signature in X-Sig')])
def test_a_proof_is_described_in_a_few_words(proof: dict[str, str], words: str) -> None:
    assert describe_proof(Sender('key', 'Name', 'code', '', proof, [])) == words


@pytest.mark.parametrize('name, kind', [('index.html', 'text/html'), ('style.css', 'text/css'), ('script.js', 'text/javascript')])
def test_a_file_of_the_page_comes_with_what_a_browser_may_do_with_it(name: str, kind: str) -> None:
    assert read_file(name).strip()
    assert bottle.response.content_type == f'{kind}; charset=utf-8'
    expected = {'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer'}
    assert {header: bottle.response.get_header(header) for header in expected} == expected
    assert "default-src 'none'" in bottle.response.get_header('Content-Security-Policy')
