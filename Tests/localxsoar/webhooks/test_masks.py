"""Masks: what is hidden in headers, targets and texts, in every spelling, and what stays readable."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from localxsoar.webhooks.masks import PIECE, Masks

SECRET = 'h4sh "hush"/ü+~'
MASK = '••••••'


@pytest.fixture
def masks() -> Masks:
    return Masks(lambda: [SECRET])


@pytest.mark.parametrize('name, value, is_masked', [
    ('Authorization', '', False),
    *((name, 'abcdefgh', False) for name in (
        'Content-Type', 'X-Event-Key', 'X-Author', 'X-Tokens', 'Api-Key-Version', 'X-Code', 'Key')),
    *((name, 'abcdefgh', True) for name in (
        'Authorization', 'Proxy-Authorization', 'X-Auth', 'X-Token', 'X-Gitlab-Token', 'Client-Secret', 'X-Hub-Signature-256',
        'X-Sig', 'X-Hmac', 'Password', 'X-Amz-Credential', 'Credentials', 'Cookie', 'Set-Cookie', 'X-Session', 'X-JWT',
        'Cf-Access-Jwt-Assertion', 'X-Assertion', 'ApiKey', 'X-Api-Key', 'X_API_KEY', 'X-Access-Key', 'X-Auth-Key',
        'X-Functions-Key', 'Ocp-Apim-Subscription-Key', 'X-Webhook-Key', 'X-Private-Key', 'accessToken', 'X-ApiToken',
        'XApiKey', 'authtoken', 'X-Pwd', 'passwd', 'sessionid'))])
def test_a_header_whose_name_says_that_it_holds_a_secret_shows_none_of_its_value(
        masks: Masks, name: str, value: str, is_masked: bool) -> None:
    assert masks.headers([(name, value)]) == [{'name': name, 'value': MASK if is_masked else value, 'masked': is_masked}]


@pytest.mark.parametrize('value, shown', [
    *((f'{label}abcd', f'{label}{MASK}') for label in (
        'Bearer ', 'bearer ', 'Basic ', 'Token ', 'HMAC ', 'GenieKey ', 'ApiKey ', 'Splunk ', 'Digest ', 'sha1=', 'sha256=',
        'v0=', 'v1,', 't=')),
    ('t=1700000000,v1=abcd', f't={MASK}'), ('abcd Bearer ', MASK), ('Bearerabcd', MASK), ('sha256:abcd', MASK), ('v=abcd', MASK),
])
def test_only_the_scheme_before_a_secret_is_shown(masks: Masks, value: str, shown: str) -> None:
    assert [header['value'] for header in masks.headers([('Authorization', value)])] == [shown]


@pytest.mark.parametrize('spelling', [
    SECRET, json.dumps(SECRET)[1:-1], 'h4sh%20%22hush%22%2F%C3%BC%2B~', base64.b64encode(SECRET.encode()).decode(),
    base64.b64encode(SECRET.encode()).decode().rstrip('=')], ids=['plain', 'JSON', 'URL', 'base64', 'base64 without padding'])
def test_the_secret_is_masked_in_each_spelling_in_texts_headers_and_targets(masks: Masks, spelling: str) -> None:
    assert masks.text(f'a {spelling} b {spelling}') == f'a {MASK} b {MASK}'
    assert masks.headers([('X-Plain', f'a {spelling}')]) == [{'name': 'X-Plain', 'value': f'a {MASK}', 'masked': True}]
    assert masks.target(f'/a/{spelling}/b?x=-{spelling}-') == f'/a/{MASK}/b?x=-{MASK}-'
    assert masks.everywhere({'a': [spelling, {'b': spelling}], 'n': 1, 'none': None}) == {
        'a': [MASK, {'b': MASK}], 'n': 1, 'none': None}


@pytest.mark.parametrize('secret', ['w\u00f6rd-of-sixteen', 'w\u00f6rd', '\u9375\U0001f511'])
def test_a_secret_with_other_letters_is_masked_in_a_header_which_has_its_bytes(secret: str) -> None:
    masks = Masks(lambda: [secret])
    value = secret.encode().decode('latin-1')
    for written in [value] if len(secret) < 8 else [value, f'a {value} b', json.dumps(value)]:
        [header] = masks.headers([('X-Plain', written)])
        assert header['masked'] and value not in str(header['value']) and secret not in str(header['value'])


@pytest.mark.parametrize('secret, text, shown', [
    ('1234567', 'a 1234567 b', 'a 1234567 b'), ('12345678', 'a 12345678 b', f'a {MASK} b'), ('an8chars', 'an8chars', MASK),
    ('short', 'short', 'short'), (SECRET, SECRET[1:], SECRET[1:]), ('h4sh-hush-', 'aDRzaC1odXNoLQ==', MASK),
    ('nine-char', base64.b64encode(b'nine-charand more').decode(), MASK + base64.b64encode(b'and more').decode()),
    ('four words of secret', 'a=four+words+of+secret&b=1', f'a={MASK}&b=1')])
def test_a_secret_of_eight_characters_is_masked_whole_and_nothing_beside_it(secret: str, text: str, shown: str) -> None:
    assert Masks(lambda: [secret]).text(text) == shown


def test_a_short_secret_is_masked_where_it_is_the_whole_value() -> None:
    masks = Masks(lambda: ['short'])
    assert masks.headers([('X-Plain', 'short'), ('X-Plain', 'shorter')]) == [
        {'name': 'X-Plain', 'value': MASK, 'masked': True}, {'name': 'X-Plain', 'value': 'shorter', 'masked': False}]
    assert masks.target('/short?x=short&y=shorter') == f'/short?x={MASK}&y=shorter'


@pytest.mark.parametrize('query, shown', [
    *((f'{name}=abcd', f'{name}={MASK}') for name in (
        'token', 'access_token', 'key', 'api_key', 'apikey', 'code', 'sig', 'signature', 'secret', 'jwt', 'assertion', 'cookie',
        'password', 'auth%2Dtoken', 'my+token', 'to%6Ben', '%6Bey', 'co%64e')),
    ('a=1&token=abcd&b=2', f'a=1&token={MASK}&b=2'), ('token=a=b', f'token={MASK}'),
    ('token=', 'token='), ('token', 'token'), ('', ''), ('keys=abcd&codes=abcd&x=token', 'keys=abcd&codes=abcd&x=token'),
    ('a&b=&&c=%20+', 'a&b=&&c=%20+'), ('x=h4sh%20%22hush%22%2f%c3%bc%2b~', f'x={MASK}'),
    ('x=h4sh+%22hush%22/%C3%BC%2B%7E', f'x={MASK}'), ('a=1&h4sh%20%22hush%22%2F%C3%BC%2B~', f'a=1&{MASK}'),
])
def test_a_query_shows_no_value_of_a_secret_parameter_and_is_otherwise_unchanged(masks: Masks, query: str, shown: str) -> None:
    assert masks.target(f'/path?{query}') == f'/path?{shown}'


@pytest.mark.parametrize('value, shown', [
    ('https://a.example/b?token=abc&x=1#access_token=d', f'https://a.example/b?token={MASK}&x=1#access_token={MASK}'),
    ('<https://a.example/?page=2&key=abc>; rel="next"', f'<https://a.example/?page=2&key={MASK}>; rel="next"'),
    ('https://user:pass@a.example/@b', f'https://{MASK}@a.example/@b'), ('/a?to%6Ben=abc def', f'/a?to%6Ben={MASK} def'),
    ('a=b; token=c', 'a=b; token=c'), ('https://a.example/b?x=1', 'https://a.example/b?x=1')])
def test_what_a_url_in_a_header_hides_is_masked_as_in_the_target(masks: Masks, value: str, shown: str) -> None:
    assert masks.headers([('Referer', value)]) == [{'name': 'Referer', 'value': shown, 'masked': value != shown}]


HEADERS = [('X-CSRFToken', 'a"b'), ('Referer', 'https://a.example/?token=abc'), ('Link', '<"/?key=abc">'), ('X-Plain', 'plain')]


@pytest.mark.parametrize('text, shown', [
    ({'x-csrftoken': 'a"b', 'referer': HEADERS[1][1], 'link': HEADERS[2][1], 'x-plain': 'plain', 'password': 'a"b'},
     {'x-csrftoken': MASK, 'referer': f'https://a.example/?token={MASK}', 'link': MASK, 'x-plain': 'plain', 'password': 'a"b'}),
    ({'X-CSRFTOKEN': '', 'x-csrftoken-2': 'a', 'a': 'x-csrftoken'},
     {'X-CSRFTOKEN': MASK, 'x-csrftoken-2': 'a', 'a': 'x-csrftoken'})])
@pytest.mark.parametrize('separators', [(',', ':'), (', ', ': ')])
def test_a_header_is_masked_where_json_repeats_it_however_often_that_is_a_text_in_json(
        masks: Masks, text: dict[str, str], shown: dict[str, str], separators: tuple[str, str]) -> None:
    beside = masks.beside(HEADERS).pausing(lambda: None)
    before, after = (json.dumps(each, separators=separators, ensure_ascii=False) for each in (text, shown))
    for _ in range(3):
        assert beside.text(before) == after
        before, after = (json.dumps(each, ensure_ascii=False) for each in (before, after))
    assert masks.beside(HEADERS[3:]).text(before) == masks.text(before) == before


def test_a_target_without_a_query_stays_without_one(masks: Masks) -> None:
    assert (masks.target('/path'), masks.target('/path?')) == ('/path', '/path?')


def test_a_secret_that_changes_is_masked_from_then_on() -> None:
    secrets = ['first-secret']
    masks = Masks(lambda: secrets)
    assert masks.text('first-secret second-secret') == f'{MASK} second-secret'
    secrets[0] = 'second-secret'
    assert masks.text('first-secret second-secret') == f'first-secret {MASK}'


@pytest.mark.parametrize('spelling', [
    SECRET, json.dumps(SECRET)[1:-1], json.dumps(json.dumps(SECRET))[3:-3], quote(SECRET), quote_plus(SECRET).lower(),
    quote(quote(SECRET, safe=''), safe=''), ''.join(f'\\u{ord(each):04X}' for each in SECRET), SECRET.replace('/', '\\/'),
    SECRET.replace('h4', '\\u00684'), base64.b64encode(f'ab{SECRET}c'.encode()).decode(),
    base64.urlsafe_b64encode(f'a{SECRET}'.encode()).decode(),
    base64.b64encode(f'user:{SECRET}'.encode()).decode().replace('/', '\\/'),
    quote(base64.b64encode(f'user:{SECRET}'.encode()).decode(), safe='')])
def test_a_secret_is_masked_in_every_spelling(masks: Masks, spelling: str) -> None:
    masked = masks.text(f'[{spelling}]')
    assert masked.count(MASK) == 1 and len(masked) <= len(MASK) + 9, 'in base64 what is around the secret stays'
    assert masks.unmasked(masked, f'[{spelling}]') == f'[{spelling}]'


@pytest.mark.parametrize('secret', [
    'line\nbreak\ttab', 'grün\nund gelb', 'pair 💥 of halves', 'back\\slash\\n', '%41 and \\u0041', 'c2VjcmV0LXRv+/=='])
@pytest.mark.parametrize('written', [
    str, json.dumps, lambda text: json.dumps(text, ensure_ascii=False), lambda text: json.dumps(json.dumps(text)),
    quote, quote_plus,
    lambda text: ''.join(f'%{byte:02x}' for byte in text.encode()),
    lambda text: base64.b64encode(text.encode()).decode(), lambda text: base64.b64encode(b'u:' + text.encode()).decode()])
def test_a_secret_of_any_characters_is_masked(secret: str, written: Callable[[str], str]) -> None:
    masked = Masks(lambda: [secret]).text(f'a {written(secret)} b')
    assert masked.count(MASK) == 1 and len(masked) <= len(MASK) + 15


@pytest.mark.parametrize('encode', [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize('before', ['', 'u', 'u:'])
@pytest.mark.parametrize('secret', ['secret-a', 'secret-ab', 'secret-abc', '~~~???>>>~~~???'])  # the last differs by alphabet
def test_a_secret_in_base64_is_masked_whatever_is_around_it(encode: Callable[[bytes], bytes], before: str, secret: str) -> None:
    for after in ('', '\x00', '\xff', 'xy', 'xyz'):
        masked = Masks(lambda: [secret]).text(encode(f'{before}{secret}{after}'.encode()).decode())
        assert masked.count(MASK) == 1 and len(masked) <= len(MASK) + 9 and (after or masked.endswith(MASK))


@pytest.mark.parametrize('secrets', [
    ['hush-hush', 'hush-hush-key-2'], ['hush-hush-key-2', 'hush-hush'], ['hush-hush', 'hush-key-2'],
    ['hush-hush-key-2', 'sh-hush-k']])
def test_of_secrets_that_overlap_nothing_is_left(secrets: list[str]) -> None:
    assert Masks(lambda: secrets).text('a hush-hush-key-2 b') == f'a {MASK} b'


def test_secrets_beside_each_other_have_a_mask_each() -> None:
    masks = Masks(lambda: ['first-secret', 'second-secret'])
    assert masks.text('first-secretsecond-secretfirst-secret') == 3 * MASK
    assert masks.unmasked(f'{MASK}{MASK}', 'first-secretsecond-secret') == 'first-secretsecond-secret'


@pytest.mark.parametrize('backslashes', [1, 2, 3])
def test_the_backslashes_before_a_secret_are_masked_with_it_and_those_after_it_stay(masks: Masks, backslashes: int) -> None:
    before = backslashes * '\\'
    assert masks.text(f'{before}{SECRET}\\') == f'{MASK}\\'
    assert masks.text(f'\\ {before}{SECRET}') == f'\\ {MASK}'


def test_a_number_that_is_a_secret_is_masked() -> None:
    masks = Masks(lambda: ['12345678'])
    assert masks.everywhere({'a': 12345678, 'b': [1234567, True, 1.5]}) == {'a': MASK, 'b': [1234567, True, 1.5]}


def test_a_secret_is_masked_however_deep_it_is(masks: Masks) -> None:
    value: object = [SECRET, {SECRET: SECRET}]
    for _ in range(5000):
        value = {'a': [value]}
    masked = masks.everywhere(value)
    for _ in range(5000):
        masked, value = masked['a'][0], value['a'][0]  # type: ignore[index]
    assert masked == [MASK, {MASK: MASK}]
    assert value == [SECRET, {SECRET: SECRET}], 'the value itself stays as it is'


def test_a_secret_between_two_pieces_of_a_long_text_is_masked_once(masks: Masks) -> None:
    pauses: list[int] = []
    for before in range(PIECE - len(SECRET), PIECE + 2):
        text = f'%20{"x" * (before - 3)}{SECRET} b'
        assert masks.pausing(lambda: pauses.append(1)).text(text) == text.replace(SECRET, MASK)
    assert pauses
    start, escaped = 'x' * (PIECE - 6), ''.join(rf'\\\\u{ord(each):04x}' for each in SECRET)
    assert masks.text(f'{start}{escaped} b') == f'{start}{MASK} b'


MASKS = Masks(lambda: ['h4sh-hush'])


@pytest.mark.parametrize('text, original, result', [
    ('a •••••• b •••••• c', 'h4sh-hush h4sh-hush', 'a h4sh-hush b h4sh-hush c'), ('none', 'h4sh-hush', 'none'),
    ('own ••••••', 'no secret', 'own ••••••'), ('x••••••y••••••z', 'h4sh-hush aDRzaC1odXNo', 'xh4sh-hushyaDRzaC1odXNoz')])
def test_what_was_masked_in_a_body_is_sent_again_as_it_came(text: str, original: str, result: str) -> None:
    assert MASKS.unmasked(text, original) == result
