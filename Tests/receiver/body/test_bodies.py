"""What a body becomes: decided by its bytes, helped by its label, and kept as it was sent, or rejected with a reason."""
from __future__ import annotations

import codecs
import gzip
import json
import random
import re
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlencode

import msgspec
import patient
import pytest
from shared.app import App, defaults_of, unpacked
from clocks import each_grows_linearly, grows_linearly
from GenericWebhook import (MAX_BODY_BYTES, PIECE_BYTES, RAW_KEYS, TEXT_KEYS, Rejected, TooLarge, read_payloads,
                            to_incidents)
from hypothesis import given
from hypothesis import strategies as st
from model import by_chance
from urllib3 import encode_multipart_formdata
from real_curl import curl
from shared.webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets

MIB = 1024 * 1024
AUTHORIZED = {'Authorization': TOKEN}
ARRIVAL = defaults_of({'x-event': 'push'})
FORM = 'application/x-www-form-urlencoded'


def kept(body: bytes | str, content_type: str = '') -> list[Any]:
    """The details of the incidents that a body becomes, as text, without the request's headers."""
    sent = body.encode() if isinstance(body, str) else body
    texts = [incident['rawJSON'].decode() for incident in to_incidents(read_payloads(sent, content_type), ARRIVAL).incidents]
    return [json.loads(text.replace(', "headers": {"x-event": "push"}}', '}')) for text in texts]


def test_an_array_is_created_and_answered_in_its_order(webhook: Webhook) -> None:
    items = [{'name': f'item {number}', 'raw_json': {'number': number}} for number in range(700)]
    answer = patient.post(webhook.webhook_url, json=items, headers=AUTHORIZED)
    assert answer.status_code == 200
    assert [created['name'] for created in answer.json()] == [item['name'] for item in items]
    assert sum(webhook.state()['createSizes']) == 700
    assert webhook.names()[-700:] == [item['name'] for item in items]


@pytest.mark.parametrize('body', [
    '{"n": 1}\n{"n": 2}\n{"n": 3}\n', '{"n": 1}\r\n\r\n{"n": 2}\r\n{"n": 3}', '{"n": 1}{"n": 2}{"n": 3}',
    ' {"n": 1} {"n":\n2}\t{"n": 3}',
    '[{"n": 1}, {"n": 2}, {"n": 3}]', '\ufeff[{"n": 1},{"n": 2},\n{"n": 3}]',
])
@pytest.mark.parametrize('content_type', ['', 'application/x-ndjson', 'application/json', 'text/plain', FORM])
def test_several_objects_are_an_incident_each_in_one_call(app: App, body: str, content_type: str) -> None:
    answer = app.authorized(body, content_type)
    assert answer.status == 200
    assert [len(call) for call in app.calls] == [3]
    assert [json.loads(incident['rawJSON'])['n'] for incident in answer.json] == [1, 2, 3]


@pytest.mark.parametrize('body, words', [
    ('[{"a": 1}, 2]', 'Item 2 of 2: the event is a number'), ('[{"a": 1}, [{}]]', 'Item 2 of 2: the event is an array'),
    ('[null]', 'the event is null'), ('{"a": 1}\n{"a"', 'line 2 column'),
    ('{"a": 1}\n"text"', 'Item 2 of 2: the event is a string'),
    ('[{"a": 1}] [{"a": 2}]', 'Item 1 of 2: the event is an array'), ('[{"a": 1},]', 'line 1'), ('[{"a": 1}', 'line 1'),
    ('{"a": 1}\n{"occurred": "soon"}', 'Item 2 of 2: '), ('[{"raw_json": {}}, {"raw_json": 1}]', "Item 2 of 2: 'raw_json'"),
])
def test_one_bad_item_rejects_all_and_says_where(app: App, body: str, words: str) -> None:
    answer = app.authorized(body)
    assert answer.status == 400
    assert words in answer.detail
    assert ('Item' in answer.detail) == ('Item' in words)
    assert app.calls == []


def test_every_item_keeps_its_own_text() -> None:
    body = b'[ {"raw_json": {"n":1.10, "m" : 1E+2}},{"raw_json":[ 12345678901234567890123 ]} , {"name":"n"}]'
    details = [incident['rawJSON'].decode() for incident in to_incidents(read_payloads(body), ARRIVAL).incidents]
    assert details == ['{"n":1.10, "m" : 1E+2}', '[ 12345678901234567890123 ]', '{"name":"n"}']


@pytest.mark.parametrize('body', [b'', b' \r\n\t', b'\xef\xbb\xbf'])
@pytest.mark.parametrize('content_type', ['', 'application/json', 'application/x-ndjson', 'text/plain', FORM,
                                          'multipart/form-data; boundary=x', 'application/octet-stream'])
def test_nothing_at_all_is_an_incident_without_details(app: App, body: bytes, content_type: str) -> None:
    assert app.authorized(body, content_type).status == 200
    assert [incident['rawJSON'] for incident in app.incidents] == ['{}']


@pytest.mark.parametrize('form, fields', [
    ('a=1&b=two', {'a': '1', 'b': 'two'}), ('a=1&a=2&a=3', {'a': ['1', '2', '3']}), ('a=&b', {'a': '', 'b': ''}),
    ('a=%C3%A9+%E2%98%83%20%2B', {'a': 'é ☃ +'}), ('%F0%9F%98%80=x', {'😀': 'x'}), ('a=é', {'a': 'é'}),
    ('a=b=c;d', {'a': 'b=c;d'}), ('name=My incident&type=Phishing', {'name': 'My incident', 'type': 'Phishing'}),
    ('a%20b=1', {'a b': '1'}), ('@a+b[0].c=1', {'@a b[0].c': '1'}), ('a=%4', {'a': '%4'}), ('a=%', {'a': '%'}),
    ('payload=text', {'payload': 'text'}), ('payload=%7B%7D&other=1', {'payload': '{}', 'other': '1'}),
    ('payload=%7B%22a%22%3A1%7D', {'a': 1}), ('payload=+%7B%22a%22%3A+1.5%7D%0A', {'a': 1.5}), ('a=%00', {'a': '\0'}),
    ('payload=%7B%7D&payload=%7B%7D', {'payload': ['{}', '{}']}), ('a=1&b=2\n', {'a': '1', 'b': '2'}), ('a=1\r\n', {'a': '1'}),
    ('a=b c', {'a': 'b c'}), ('a=x y=1&b=2', {'a': 'x y=1', 'b': '2'}), ('a=x+y=1', {'a': 'x y=1'}), ('a=%0A\n', {'a': '\n'}),
    ('a=1 =2', {'a': '1 =2'}), ('payload=[error] x', {'payload': '[error] x'}),
])
def test_a_form_is_an_object_of_its_fields(form: str, fields: Any) -> None:
    assert kept(form, FORM) == [fields]
    assert kept(form, f'{FORM}; charset=UTF-8') == [fields]


def test_a_payload_field_that_holds_an_array_is_an_incident_an_item(app: App) -> None:
    assert app.authorized('payload=' + quote('[{"n": 1.10}, {"n": 2}]'), FORM).status == 200
    assert [len(call) for call in app.calls] == [2]
    assert app.incidents[0]['rawJSON'].startswith('{"n": 1.10')


@pytest.mark.parametrize('label', [FORM, 'text/plain; charset=UTF-8', 'multipart/form-data; boundary=x'])
def test_json_labelled_as_a_form_or_as_text_is_json(label: str) -> None:
    assert [kept(text, label) for text in ('{"a": "b&c=d"}', ' [{"a":1}]', '{}')] == [[{'a': 'b&c=d'}], [{'a': 1}], [{}]]


@pytest.mark.parametrize('text', ['disk full on db-1', 'Disk full: usage=97%', 'a=1\nb=2', 'CEF:0|V|P|1|1|n|1|msg=x', '"a"=1',
                                  '&', 'é'])
def test_text_that_only_carries_the_label_of_a_form_is_text(text: str) -> None:
    assert kept(text, FORM) == [{'body': text}]


@pytest.mark.parametrize('form, status', [('a=%FF', 415), ('a=%C3', 415), ('a=%zz', 200)])
def test_a_form_in_no_utf_8_is_rejected(app: App, form: str, status: int) -> None:
    answer = app.authorized(form, FORM)
    assert answer.status == status
    assert 'form' in answer.text or status == 200


def multipart(*fields: tuple[str, Any]) -> tuple[bytes, str]:
    return encode_multipart_formdata(fields, boundary='frontier')


@pytest.mark.parametrize('fields, details', [
    ([('title', 'Bericht ä'), ('tag', 'one'), ('tag', 'two'),
      ('sample', ('evil ü.exe', b'MZ\x00\xff' * 1000, 'application/x-dosexec'))],
     {'title': 'Bericht ä', 'tag': ['one', 'two'],
      'sample': {'filename': 'evil ü.exe', 'content_type': 'application/x-dosexec', 'size': 4000}}),
    ([('payload', '{"text": "a", "n": 1}')], {'text': 'a', 'n': 1}),
    ([('payload', ('event.json', b'{"a": 1}', 'application/json'))],
     {'payload': {'filename': 'event.json', 'content_type': 'application/json', 'size': 8}}),
    ([('sample', ('', b'', 'application/octet-stream'))],
     {'sample': {'filename': '', 'content_type': 'application/octet-stream', 'size': 0}}),
    ([('dump', ('core', b'\0' * 5 * MIB, 'application/octet-stream'))],
     {'dump': {'filename': 'core', 'content_type': 'application/octet-stream', 'size': 5 * MIB}}),
], ids=['fields and a file', 'a payload field', 'a file called payload', 'no file', 'a large file'])
def test_a_multipart_form_is_an_object_of_its_fields_with_what_its_files_are(fields: list[Any], details: Any) -> None:
    assert kept(*multipart(*fields)) == [details]


@pytest.mark.parametrize('body, content_type', [
    (multipart(('a', '1'))[0][:-20], 'multipart/form-data; boundary=frontier'), (b'no parts', 'multipart/form-data; boundary=x'),
    (multipart(('a', '1'))[0], 'multipart/form-data'), (multipart(('a', '1'))[0], 'multipart/form-data; boundary=other'),
    (b'--x\r\n\r\nno name\r\n--x--\r\n', 'multipart/form-data; boundary=x'), (b'--x--', 'multipart/form-data; boundary="'),
])
def test_a_multipart_form_that_is_not_well_formed_is_rejected(app: App, body: bytes, content_type: str) -> None:
    answer = app.authorized(body, content_type)
    assert answer.status == 400
    assert 'form' in answer.detail
    assert app.calls == []


def test_a_multipart_field_in_no_utf_8_is_rejected_as_a_form_is(app: App) -> None:
    assert app.authorized(*multipart(('a', b'\xff'))).status == 415


@pytest.mark.parametrize('after', [0, 1, 2, 3, 1000])
def test_where_the_pieces_of_a_multipart_form_meet_says_nothing(after: int) -> None:
    """Its last line may be in two of them, and what follows that line counts for nothing."""
    end = b'\r\n--frontier--\r\n'
    start = multipart(('a', ''))[0].removesuffix(end)
    value = b'b' * (PIECE_BYTES - len(start) - len(end) + after)
    for epilogue in (b'', b'x', b'x' * 40_000):
        form = start + value + end + epilogue
        assert kept(form, 'multipart/form-data; boundary=frontier') == [{'a': value.decode()}]


@pytest.mark.parametrize('text, content_type', [
    ('<?xml version="1.0"?><alert id="1">é</alert>', 'application/xml'), ('<alert/>\n', 'text/xml; charset=utf-8'),
    ('CEF:0|Vendor|Product|1.0|100|Worm stopped|10|src=10.0.0.1', ''), ('CEF:0|V|P|1|1|n|1|', 'text/plain'),
    ('a,b\r\n1,"2"\r\n', 'text/csv'),
    ('just words', ''), ('[2026-11-24 10:00] ERROR {x}', 'text/plain'), ('{unquoted: 1}', 'text/plain'),
    ('{"a": 1} trailing', 'text/csv'),
    ('{"a": NaN}', 'text/plain'), ('[' * 99_999, 'text/plain'), ('"quoted"', 'text/plain'),
    (' leading and trailing \n', 'text/plain'),
    ('☃😀\u2028', 'text/html'), ('42', ''), ('null', 'text/plain'), ('a\x01b', 'application/octet-stream'),
])
def test_other_text_is_kept_to_the_letter(text: str, content_type: str) -> None:
    assert kept(text, content_type) == [{'body': text}]


@pytest.mark.parametrize('content_type', ['', 'application/json', FORM, 'application/octet-stream'])
def test_text_that_only_starts_like_json_is_rejected_outside_of_text(app: App, content_type: str) -> None:
    for text in ('{"a": 1} trailing', '{"a": Infinity}', '{"a": 1', '{"a" 1}', '[{"a": 1}, ]', '["a" 1]', '[1, 2}', '[', '{',
                 '[' * 99_999):
        answer = app.authorized(text, content_type)
        assert answer.status == 400, text
        assert 'JSON' in answer.detail, text


# Of real devices and programs, as curl, a log shipper without a type and one with a generic one send them.
LOG_LINES = [
    '[wabaudit] action="session_open" user="alice" client_ip="10.0.0.1"', '[Wed Oct 11 14:32:52 2026] [error] [client 10.0.0.1]',
    '{something} log', '[error] connect() failed (111: Connection refused)', '[notice] 7#7: signal 17 (SIGCHLD) received',
    '[2026-11-24 10:00:00,123] ERROR worker lost', '[10/Oct/2026:13:55:36 -0700] "GET / HTTP/1.0" 200 2326', '[-] started',
    '[    0.000000] Linux version 6.1.0', '[12345.678901] usb 1-1: new device', '[0x7f3a] fault', '[true positive] on web-1',
    '[nullable] x', "{'a': 1}", '{a: 1}', '{{ alert.name }}', '[INFO ] ready', '[x]', '[10.0.0.1] login', '\n [WARN] low\n',
    '[007] agent', 'a=1 b=2\n', 'usage=97% host=db-1', 'level=error msg="disk full" ts=2026-11-24T10:00:00+01:00 \r\n',
    'date=2026-11-24 time=10:00:00 devname=fw1 devid="FG100D" logid="0100032001" type="event" tz="+01:00" msg="a+b 100%25"',
    'logver=700\ttimestamp=2026-11-24T10:00:00+01:00\tdevice_name="fw 1"', 'id=fw sn=18B1 time="2026-11-24 10:00:00 UTC" pri=1',
]


LIKE_JSON = [text for text in LOG_LINES if text.lstrip().startswith(('[', '{'))]


@pytest.mark.parametrize('content_type', ['', FORM, 'application/octet-stream', 'text/plain', 'multipart/form-data; boundary=x'])
def test_a_log_line_that_begins_like_json_or_a_form_is_kept_to_the_letter(content_type: str) -> None:
    lines = LIKE_JSON if 'multipart' in content_type else LOG_LINES
    assert [kept(text, content_type) for text in lines] == [[{'body': text}] for text in lines]


@pytest.mark.parametrize('content_type', ['application/json', 'application/problem+json; charset=utf-8', 'application/x-ndjson'])
def test_a_log_line_under_the_label_of_json_is_rejected_with_its_place(app: App, content_type: str) -> None:
    assert [text for text in LIKE_JSON if 'line' not in app.authorized(text, content_type).detail] == []
    assert app.calls == []


@pytest.mark.parametrize('content_type', [FORM, 'application/octet-stream'])
def test_the_time_to_see_what_a_text_is_grows_with_its_length(content_type: str) -> None:
    each_grows_linearly({
        'a bracket': lambda count: b'[' + b' ' * count, 'a number': lambda count: b'[1' + b' ' * count + b'x',
        'digits': lambda count: b'[' + b'1' * count + b'.' + b'1' * count, 'words': lambda count: b'a=' + b' b' * count + b'b',
        'lines': lambda count: b'{' + b'\n' * count + b'x', 'a value': lambda count: b'a=' + b' ' * count,
    }, lambda body: kept_or_refused(body, content_type), 40_000)


@pytest.mark.parametrize('data, details', [
    ('name=My incident&type=Phishing', {'name': 'My incident', 'type': 'Phishing'}),
    ('{"name":"incident created via generic webhook","raw_json":{"some_field":"some_value"}}', {'some_field': 'some_value'}),
    ('[Wed Oct 11 14:32:52 2026] [error] denied', {'body': '[Wed Oct 11 14:32:52 2026] [error] denied'}),
    ('time=10:00:00+01:00 devname=fw1', {'body': 'time=10:00:00+01:00 devname=fw1'}),
])
def test_what_curl_sends_without_a_label_of_its_own_is_read_by_its_bytes(webhook: Webhook, data: str, details: Any) -> None:
    assert curl('-H', f'Authorization: {TOKEN}', '-d', data, webhook.webhook_url).status == 200
    kept = json.loads(webhook.sent()[-1]['rawJSON'])
    kept.pop('headers', None)
    assert kept == details


def test_a_label_that_is_not_a_media_type_is_not_taken_for_text(app: App) -> None:
    assert [app.authorized('{"a": 1', label).status for label in ('json', 'x', '/', ';')] == [400] * 4


@pytest.mark.parametrize('content_type', ['application/json', 'application/problem+json', 'application/x-ndjson',
                                          'application/cloudevents+json; charset=utf-8', 'APPLICATION/JSON'])
def test_a_json_label_on_something_else_is_rejected(app: App, content_type: str) -> None:
    others = ('words', '<xml/>', '"a string"', '42', 'null', 'true', "'a'", 'a=b')
    assert {text: app.authorized(text, content_type).status for text in others} == dict.fromkeys(others, 400)
    assert app.calls == []


@pytest.mark.parametrize('content_type, status', [('', 415), ('application/octet-stream', 415), ('image/png', 415),
                                                  ('text/plain', 415), (FORM, 415), ('application/json', 400)])
def test_bytes_that_are_not_text_are_rejected(app: App, content_type: str, status: int) -> None:
    bodies = (b'\x89PNG\r\n\x1a\n\0\0', b'PK\x03\x04\xff\0', b'\xff\xfe', b'\0', b'a\0b', bytes(range(256)))
    answers = {body: app.authorized(body, content_type) for body in bodies}
    assert {body: answer.status for body, answer in answers.items()} == dict.fromkeys(bodies, status)
    said = answers[b'\xff\xfe'].detail
    assert status == 400 or ('charset' not in said and all(
        kind in said for kind in ('JSON', 'NDJSON', 'form', 'text', 'XML', 'UTF-8')))
    assert app.calls == []


@pytest.mark.parametrize('charset, text', [
    *((charset, 'grüß dich') for charset in (
        'iso-8859-1', 'windows-1252', 'ISO-8859-15', '"latin1"', 'utf-16', 'utf-16-be', 'utf-32')),
    ('shift_jis', 'こんにちは'), ('Shift-JIS', 'カ'), ('euc-jp', 'こんにちは'), ('euc-kr', '안녕'),
    ('gbk', '你好'), ('gb2312', '你好'), ('gb18030', '你好'), ('big5', '你好'), ('koi8-r', 'привет'), ('koi8-u', 'привіт'),
    ('windows-1251', 'привет'),
    ('iso-8859-7', 'γειά'), ('utf-16-le', 'grüß dich'), ('utf-32-be', 'привет'), ('us-ascii', 'hello'),
])
def test_text_in_each_common_charset_of_the_world_is_read(charset: str, text: str) -> None:
    assert kept(text.encode(charset.strip('"')), f'text/plain; charset={charset}') == [{'body': text}]


@pytest.mark.parametrize('charset, characters', [
    ('shift_jis', '日ｶ'), ('gb18030', '你好😀'), ('utf-16', '你😀'), ('utf-8', '😀'), ('utf-32', '你'), ('big5', '你好'),
    ('windows-1252', '€'),
])
def test_no_character_is_lost_where_the_pieces_of_a_text_meet(charset: str, characters: str) -> None:
    for start in ('', 'x', 'xx', 'xxx'):
        text = start + characters * 2 * PIECE_BYTES
        for label in (f'text/plain; charset={charset}', f'{FORM}; charset={charset}'):
            assert kept(text.encode(charset), label) == [{'body': text}]


def test_no_field_of_a_form_loses_a_character_where_its_pieces_meet() -> None:
    for start in ('', 'x', 'xx', 'xxx'):
        text = start + '\u00e9\U0001f600' * PIECE_BYTES
        assert kept(urlencode({'a': text, text: 'b'}), FORM) == [{'a': text, text: 'b'}]
        assert kept(f'a={text}', FORM) == [{'a': text}]
        assert kept(*multipart(('a', text), ('b', text))) == [{'a': text, 'b': text}]


@pytest.mark.parametrize(('mark', 'encoding'), [
    (codecs.BOM_UTF16_LE, 'utf-16-le'), (codecs.BOM_UTF16_BE, 'utf-16-be'),
    (codecs.BOM_UTF32_LE, 'utf-32-le'), (codecs.BOM_UTF32_BE, 'utf-32-be'),
], ids=str)
def test_a_byte_order_mark_says_how_utf_16_or_32_is_read(mark: bytes, encoding: str) -> None:
    assert kept(mark + 'grüß dich'.encode(encoding), f'text/plain; charset={encoding[:6]}') == [{'body': 'grüß dich'}]


def test_utf_8_under_a_wrong_charset_is_read_as_what_it_is() -> None:
    assert kept('grüß', 'text/plain; charset=iso-8859-1') == [{'body': 'grüß'}]
    assert kept('{"a": "ü"}', 'application/json; charset=no-such-thing') == [{'a': 'ü'}]


@pytest.mark.parametrize('encoding', ['utf-16', 'utf-16-le', 'utf-16-be', 'utf-32'])
def test_json_in_utf_16_without_a_label_is_rejected_with_the_remedy(app: App, encoding: str) -> None:
    answer = app.authorized('{"name": "ü"}'.encode(encoding), 'application/json')
    assert answer.status == 400
    assert 'UTF-8' in answer.detail
    assert 'charset' in answer.detail


@pytest.mark.parametrize('encoding', ['utf-16', 'latin-1', 'utf-16-le', 'utf-32-le'])
def test_json_in_the_charset_of_its_label_is_json_and_without_a_byte_order_mark_little_endian(encoding: str) -> None:
    label = f'application/json; charset={encoding.removesuffix("-le")}'
    assert kept('{"name": "x", "a": "ü"}'.encode(encoding), label) == [{'name': 'x', 'a': 'ü'}]


@pytest.mark.parametrize('content_type', [
    'text/plain; charset=', 'text/plain; charset=no-such', 'text/plain; charset=hex', 'text/plain; charset=zlib',
    'text/plain; charset=idna',
    'text/plain; charset=undefined', 'text/plain; charset=rot13', 'text/plain; charset=' + 'x' * 5000, 'text/plain; charset=../x',
    'text/plain; charset=mbcs', 'text/plain; charset*=utf-8\'\'latin-1%ff', 'text/plain; charset="', ';', '/', 'text', '\xff\xfe',
    'text/plain; charset*0=a; charset*1=b', "text/plain; charset*=us-ascii''a%00b", "text/plain; charset*=x'y'z", 'a/b' * 3000,
])
def test_a_hostile_label_of_bytes_that_are_not_utf_8_is_rejected(app: App, content_type: str) -> None:
    assert app.authorized(b'\xff\xfe\xfd', content_type).status == 415


def test_a_label_with_a_number_of_5000_digits_in_it_does_no_harm(app: App) -> None:
    assert app.authorized(b'words', f'text/plain; charset*{"9" * 5000}=x').status in (200, 400, 415)


def test_a_charset_that_decodes_slowly_does_not_hold_up_everybody() -> None:
    grows_linearly(lambda count: b'\0' + b'a' * 1000 + b'-' + b'b' * count,
                   lambda body: kept_or_refused(body, 'text/plain; charset=punycode'), 20_000)


@pytest.mark.parametrize('body, charset', [
    (b'\xff \\ud800', 'unicode_escape'), (b'\xff \\ud800', 'raw_unicode_escape'), (b'\0+2AA-', 'utf-7'),
])
def test_a_charset_that_is_not_an_encoding_of_text_is_rejected(app: App, body: bytes, charset: str) -> None:
    assert app.authorized(body, f'text/plain; charset={charset}').status == 415


# Compression and framing

WORDS = b'{"name": "packed", "raw_json": {"words": "' + b'x' * 1000 + b'"}}'
GZIPPED = gzip.compress(WORDS, mtime=0)  # alike in every process of a run


def raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


@pytest.mark.parametrize('coding, packed', [
    ('gzip', gzip.compress(WORDS)), ('x-gzip', gzip.compress(WORDS)), ('GZip ', gzip.compress(WORDS)),
    ('deflate', zlib.compress(WORDS)),
    ('deflate', raw_deflate(WORDS)), ('identity', WORDS), ('', WORDS),
    ('gzip', gzip.compress(WORDS[:20]) + gzip.compress(b'') + gzip.compress(WORDS[20:])),
], ids=['gzip', 'x-gzip', 'capitals', 'zlib', 'raw', 'identity', 'empty', 'members'])
def test_a_compressed_body_is_unpacked(webhook: Webhook, coding: str, packed: bytes) -> None:
    answer = patient.post(webhook.webhook_url, packed, headers={**AUTHORIZED, 'Content-Encoding': coding})
    assert answer.status_code == 200, answer.text
    assert json.loads(webhook.sent()[-1]['rawJSON']) == {'words': 'x' * 1000}


@pytest.mark.parametrize('coding, packed, status', [
    ('gzip', GZIPPED[:-9], 400), ('gzip', GZIPPED[:-1], 400), ('gzip', GZIPPED[:11], 400),
    ('gzip', WORDS, 400), ('gzip', GZIPPED + b'junk', 400), ('gzip', zlib.compress(WORDS), 400),
    ('x-gzip', zlib.compress(WORDS), 400),
    ('gzip', GZIPPED[:-8] + bytes(8), 400), ('deflate', zlib.compress(WORDS)[:-5], 400), ('deflate', WORDS, 400),
    ('deflate', raw_deflate(WORDS)[:-3], 400), ('deflate', GZIPPED, 400), ('br', WORDS, 415), ('zstd', WORDS, 415),
    ('gzip, gzip', gzip.compress(GZIPPED, mtime=0), 415), ('\xff', WORDS, 415), ('x' * 9000, WORDS, 415),
])
def test_a_broken_or_unknown_compression_is_rejected(app: App, coding: str, packed: bytes, status: int) -> None:
    answer = app.authorized(packed, Content_Encoding=coding)
    assert answer.status == status
    assert 'Content-Encoding' in answer.detail and len(answer.detail) < 300
    assert ('Found: ' in answer.detail) == (status == 415)
    assert app.calls == []


def test_an_empty_body_needs_no_compression(app: App) -> None:
    assert app.authorized(b'', Content_Encoding='gzip').status == 200


def test_just_as_much_as_is_allowed_is_unpacked_and_a_byte_more_is_not() -> None:
    assert len(unpacked(gzip.compress(b' ' * MAX_BODY_BYTES, 1), 'gzip')) == MAX_BODY_BYTES
    with pytest.raises(TooLarge):
        unpacked(gzip.compress(b' ' * (MAX_BODY_BYTES + 1), 1), 'gzip')
    with pytest.raises(TooLarge):
        unpacked(gzip.compress(b' ' * MAX_BODY_BYTES, 1) + gzip.compress(b' '), 'gzip')


def bomb(window_bits: int, blocks: int) -> bytes:
    """Return so many times 8 MiB in 8 KB."""
    engine = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    head = engine.compress(b' ') + engine.flush(zlib.Z_FULL_FLUSH)
    block = engine.compress(b' ' * 8 * MIB) + engine.flush(zlib.Z_FULL_FLUSH)
    return head + block * blocks + engine.flush()


@pytest.mark.parametrize('size', [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 4 * PIECE_BYTES])
def test_no_byte_is_lost_where_the_pieces_of_an_unpacked_body_meet(size: int) -> None:
    for body in (b'a' * size, random.Random(size).randbytes(size)):
        assert unpacked(gzip.compress(body), 'gzip') == body
        assert unpacked(gzip.compress(body) * 2, 'gzip') == 2 * body
        for packed in (zlib.compress(body, 1), zlib.compress(body)):
            assert unpacked(packed, 'deflate') == unpacked(packed[2:-4], 'deflate') == body


def test_no_member_of_a_gzip_body_is_lost_where_the_pieces_of_the_packed_one_meet() -> None:
    first = b'a' * (2 * PIECE_BYTES - len(gzip.compress(b'a' * PIECE_BYTES, 0)) + PIECE_BYTES)
    packed = gzip.compress(first, 0)
    assert len(packed) == 2 * PIECE_BYTES
    assert unpacked(packed + gzip.compress(b'b'), 'gzip') == first + b'b'


@pytest.mark.parametrize('coding, make', [
    ('gzip', partial(bomb, 31)), ('gzip', gzip.compress(b' ' * 8 * MIB).__mul__), ('deflate', partial(bomb, 15)),
    ('deflate', partial(bomb, -15)),
], ids=['gzip', 'members', 'zlib', 'raw'])
def test_a_bomb_is_rejected_without_being_held(webhook: Webhook, coding: str, make: Callable[[int], bytes]) -> None:
    before, peaks = len(webhook.sent()), []
    for blocks in (32, 128):  # a quarter of a GiB, and a GiB
        answer = patient.post(webhook.webhook_url, make(blocks), headers={**AUTHORIZED, 'Content-Encoding': coding})
        assert answer.status_code == 413
        assert 'larger than' in answer.json()['detail']
        peaks.append(webhook.peak_memory())
    assert peaks[1] - peaks[0] < 128 * MIB
    assert len(webhook.sent()) == before


@pytest.mark.parametrize('member', [b'', b' ' * 1000], ids=['empty', 'small'])
def test_very_many_gzip_members_are_rejected_before_they_hold_up_everybody(member: bytes) -> None:
    def unpack(packed: bytes) -> None:
        with pytest.raises(TooLarge, match='gzip members'):
            unpacked(packed, 'gzip')
    grows_linearly(gzip.compress(member).__mul__, unpack, 10_000)


@pytest.mark.parametrize('door', ['webhook_url', 'direct_url'])
@pytest.mark.parametrize('coding', ['', 'gzip'])
def test_a_body_in_chunks_is_read(webhook: Webhook, door: str, coding: str) -> None:
    body = gzip.compress(WORDS) if coding else WORDS
    chunks = (body[start:start + 7] for start in range(0, len(body), 7))
    answer = patient.post(getattr(webhook, door), chunks, headers={**AUTHORIZED, 'Content-Encoding': coding})
    assert answer.status_code == 200, answer.text
    assert json.loads(webhook.sent()[-1]['rawJSON']) == {'words': 'x' * 1000}


# Whatever comes

TEXT = st.text(st.characters(exclude_categories=['Cs']))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
KEYS = TEXT | st.sampled_from(['name', 'type', 'occurred', 'raw_json', 'rawJson', 'headers', 'a'])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
                      max_leaves=12)
LABELS = st.sampled_from(['', 'application/json', 'text/plain', FORM, 'application/xml', 'application/octet-stream',
                          'text/plain; charset=latin-1',
                          'application/json; charset=utf-16', 'multipart/form-data; boundary=x'])


ANY_DEPTH = msgspec.json.Decoder(msgspec.Raw)  # as deep as the script reads, which json does not


def kept_or_refused(body: bytes, content_type: str) -> list[str]:
    """The details of each incident, as text; none where the body was rejected, as a 4xx."""
    try:
        incidents = to_incidents(read_payloads(body, content_type), ARRIVAL).incidents
    except Rejected as refused:
        assert refused.status in (400, 413, 415)
        assert refused.detail_for_sender.isprintable()
        return []
    for incident in incidents:
        ANY_DEPTH.decode(incident['rawJSON'])
    return [incident['rawJSON'].decode() for incident in incidents]


def without_headers(details: Any, fields: Any) -> Any:
    """The details less what the request's headers have added."""
    if isinstance(details, dict) and 'headers' not in fields:
        details.pop('headers', None)
    return details


def test_any_json_gives_back_what_was_sent() -> None:
    kept: list[bool] = []

    @by_chance(50)
    @given(VALUES, st.booleans(), st.sampled_from([None, 1, '\t']), LABELS.filter(lambda label: 'utf-16' not in label))
    def send(value: Any, is_ascii: bool, indent: Any, label: str) -> None:
        source = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
        items = value if isinstance(value, list) else [value]
        details = kept_or_refused(source.encode(), label if isinstance(value, (dict, list)) else 'application/json')
        kept.append(bool(details))
        if len(details) == 1 and without_headers(json.loads(details[0]), {}) == {'body': source}:
            assert label.startswith('text/plain'), 'under no other label JSON may pass for text'
            return
        assert len(details) in (0, len(items))
        for text, item in zip(details, items, strict=False):
            raw = [item[key] for key in ('raw_json', 'rawJson') if key in item]
            assert [json.loads(text)] == raw if raw else without_headers(json.loads(text), item) == item

    send()
    assert sum(kept) >= 10, 'what is refused gives nothing back'


DIGITS = st.text('0123456789', min_size=1, max_size=30)
EXPONENTS = st.tuples(st.sampled_from(['e', 'E', 'e+', 'E-']), st.text('0123456789', min_size=1, max_size=5)).map(''.join)
NUMBERS = st.tuples(st.sampled_from(['', '-']), st.integers(0, 10**41).map(str), st.just('') | DIGITS.map('.{}'.format),
                    st.just('') | EXPONENTS).map(''.join)


@by_chance(50)
@given(NUMBERS, st.sampled_from(['{"raw_json": {"n": %s}}', '{"n": %s}', '[{"n": %s}]', '{"a": 1}\n{"n": %s}',
                                 '{"raw_json": [[%s]], "name": "n"}', '{"n": {"n": [1, %s ]}}']))
def test_any_number_keeps_its_digits(number: str, form: str) -> None:
    details = kept_or_refused((form % number).encode(), '')
    assert re.search(rf'[\[ ]{re.escape(number)}[ \]}},]', details[-1])


def by_name(pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the value of each name, or its values if it is there several times."""
    fields: dict[str, Any] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return {name: several if len(several) > 1 else several[0] for name, several in fields.items()}


@by_chance(50)
@given(st.lists(st.tuples(TEXT.filter(lambda name: name not in ('payload', *TEXT_KEYS, *RAW_KEYS)), TEXT), max_size=8))
def test_any_form_gives_back_its_fields(pairs: list[tuple[str, str]]) -> None:
    fields = by_name(pairs)
    text, = kept_or_refused(urlencode(pairs).encode(), FORM)
    assert without_headers(json.loads(text), fields) == fields


@by_chance(50)
@given(st.lists(st.tuples(st.text('abcäöü -_.', min_size=1), TEXT.filter(lambda text: '\0' not in text)), min_size=1, max_size=8))
def test_any_multipart_form_gives_back_its_fields(pairs: list[tuple[str, str]]) -> None:
    body, content_type = multipart(*pairs)
    fields = by_name(pairs)
    text, = kept_or_refused(body, content_type)
    assert without_headers(json.loads(text), fields) == fields


@by_chance(50)
@given(TEXT, st.sampled_from(['', 'text/plain', 'application/xml', 'text/csv; charset=utf-8']))
def test_any_text_gives_back_what_was_sent(text: str, label: str) -> None:
    read = kept_or_refused(text.encode(), label)
    if '\0' in text:
        assert read == []
    elif text.strip('\ufeff \t\r\n') and text[:1] != '\ufeff' and not text.lstrip(' \t\r\n').startswith(('{', '[')):
        assert [json.loads(details)['body'] for details in read] == [text]


@by_chance(50)
@given(st.binary(max_size=200), LABELS | st.text(st.characters(max_codepoint=255), max_size=60).map('text/plain; '.__add__)
       | st.text(st.characters(max_codepoint=255), max_size=60))
def test_any_bytes_under_any_label_are_an_incident_or_a_rejection(body: bytes, label: str) -> None:
    kept_or_refused(body, label.replace('\n', '').replace('\r', ''))


@by_chance(50)
@given(st.binary(max_size=100), st.sampled_from(['gzip', 'deflate', 'br', '']),
       st.sampled_from([b'', b'\x1f\x8b\x08\0\0\0\0\0\0\xff', b'\x78\x9c']))
def test_any_bytes_under_any_compression_are_unpacked_or_rejected(body: bytes, coding: str, start: bytes) -> None:
    try:
        unpacked(start + body, coding)
    except Rejected as refused:
        assert refused.status in (400, 413, 415)


@pytest.mark.parametrize('form', ['{"raw_json": %s}', '[{"a": %s}]', '{"a": %s}', '{"raw_json": {"a": [%s]}}'])
def test_json_of_any_depth_is_an_incident_or_a_rejection(form: str) -> None:
    for depth in deepest(form):
        kept_or_refused((form % ('[' * depth + ']' * depth)).encode(), 'application/json')


def deepest(form: str) -> range:
    """Depths around the one from which on JSON is rejected."""
    low, high = 1, 200_000
    while high - low > 1:
        depth = (low + high) // 2
        try:
            read_payloads((form % ('[' * depth + ']' * depth)).encode(), 'application/json')
            low = depth
        except Rejected:
            high = depth
    assert low > 500, 'what is read goes deeper than what is written by hand or by a program'
    return range(low - 10, low + 10)


# Last, because each look at all incidents would then carry theirs


def test_very_many_events_in_a_small_body_do_not_fill_the_memory(webhook: Webhook) -> None:
    webhook.renew()
    held = webhook.peak_memory()
    answer = patient.post(webhook.direct_url, b'{}\n' * 50_000, headers=AUTHORIZED)
    assert answer.status_code == 413
    assert webhook.peak_memory() - held < 100 * MIB


def test_large_headers_beside_every_event_of_a_small_body_do_not_fill_the_memory(webhook: Webhook) -> None:
    webhook.renew()
    headers = {**AUTHORIZED, **{f'X-Large-{number}': 'a' * 1000 for number in range(8)}}
    held = webhook.peak_memory()
    answer = patient.post(webhook.direct_url, b'{"a":1}' * 1000, headers=headers)
    assert answer.status_code == 200
    assert 'x-large-6' in webhook.sent()[-1]['rawJSON']
    assert webhook.peak_memory() - held < 50 * MIB


# What is decoded in another way than by the obvious function, which takes seconds


PIECES_OF_A_FORM = [b'%', b'%', b'%4', b'%41', b'%3D', b'%3d', b'%25', b'=', b'+', b'a', b'z', b'3D', b'%C3%A9', 'é'.encode(),
                    b'%0a', b'%0D', b'%00', b'.', b'_', b'%E2%82', b'%fe', b'%fF']


def test_a_form_is_decoded_as_unquote_to_bytes_does_it() -> None:
    chance = random.Random(48)
    for _ in range(3000):
        value = b''.join(chance.choices(PIECES_OF_A_FORM, k=chance.randint(0, 12)))
        plain = unquote_to_bytes(value.replace(b'+', b' '))
        try:
            expected = plain.decode()
        except UnicodeDecodeError:
            with pytest.raises(Rejected, match='UTF-8'):
                kept(b'b=1&a=' + value, FORM)
        else:
            assert kept(b'b=1&a=' + value, FORM) == [{'b': '1', 'a': expected}], value


PAIR, HIGH, LOW = rb'\ud83d\ude00', rb'\uD800', rb'\udFff'
OTHER = [rb'\\', rb'\"', rb'\n', rb'\/', rb'\u0041', b'ud800', b'd800', b'x' * 1200, '😀'.encode()]


def test_each_lone_half_of_a_pair_becomes_one_character() -> None:
    chance = random.Random(48)
    for _ in range(3000):
        tokens = chance.choices([PAIR, HIGH, LOW, *OTHER], k=chance.randint(0, 12))
        text = b''.join(tokens)
        # A half is alone unless it has the other beside it; what is before a half may be a whole pair.
        alone = re.sub('[\ud800-\udfff]', '\ufffd', json.loads(b'"%s"' % text))
        assert kept(b'{"a": "%s", "b": 1}' % text) == [{'a': alone, 'b': 1}], text
