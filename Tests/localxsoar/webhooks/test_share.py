"""The file that is shared of a delivery: what is in it, and that nothing of a sender becomes markup."""

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from clocks import grows_linearly

from localxsoar.webhooks.readable import SHOWN_BYTES
from localxsoar.webhooks.share import SHOWN_VALUES, marked, page, tree

HOSTILE = '"\'><script>ran()</script><img src=x onerror=ran()></bdi></pre></style>&lt;\u202e\x1b<!--'
ITEM = {'number': 5, 'sender': 'GitHub', 'status': 200, 'reason': 'OK', 'method': 'POST', 'target': '/a', 'peer': '192.0.2.1',
        'milliseconds': 4.6, 'size': 12, 'started': 0.0, 'kind': 'created', 'incidents': ['7'], 'triage': 'high',
        'text': 'Disk full', 'note': '', 'origin': None, 'checks': [], 'query': [], 'missing': '', 'changes': [], 'advice': ''}
MESSAGE = {'headers': [{'name': 'X-A', 'value': 'b'}], 'body': '{"a": 1}', 'is_text': True, 'size': 8, 'cut': False, 'fields': []}
INCIDENT = {'id': '7', 'name': 'Disk full', 'severity': 3, 'state': '', 'type': 'Host', 'occurred': '2026-11-24T09:00:00Z',
            'labels': [], 'rawJSON': '{"host": "db-1"}', 'fields': [{'name': 'id', 'value': '7'}]}
LINE = {'level': 'info', 'text': 'POST 200'}


class Reader(HTMLParser):
    """Reads the elements, their attributes and the text of a file."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.comments: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def made(found: Any = (INCIDENT,), log: Any = (LINE,), **changed: Any) -> Reader:
    return Reader(page({**ITEM, 'request': MESSAGE, 'response': MESSAGE, **changed}, found, log, 0.0))


def test_the_file_has_the_delivery_its_result_its_incident_and_its_log() -> None:
    said = ''.join(made().texts)
    for words in ('Delivery 5 · GitHub', 'POST /a 200 OK', 'GitHub · 192.0.2.1 · 5 ms · 12 bytes · 1970-01-01 00:00:00 UTC',
                  '→ 7 high  Disk full', 'Headers 1X-Ab', 'host: "db-1"', 'Host · severity high · 2026-11-24T09:00:00Z',
                  'info  POST 200', 'look through it before you share it'):
        assert words in said


@pytest.mark.parametrize('changed, words', [
    ({'note': 'skip: resolved'}, 'Note: skip: resolved'), ({'missing': 'The body was removed.'}, 'The body was removed.'),
    ({'origin': 4, 'changes': ['The body was changed.'], 'advice': 'Set the header.'},
     'Sent again: the original is delivery 4. The body was changed.\nSet the header.'),
    ({'checks': [{'state': 'bad', 'title': 'Token', 'text': 'It is another value.'}]}, '✗ Token It is another value.'),
    ({'query': [{'name': 'type', 'value': 'Host', 'note': ''}]}, 'Query parameters 1typeHost'),
    ({'request': {**MESSAGE, 'is_text': False, 'body': 'h\ufffd'}}, 'it is not text, so it could not be searched for secrets'),
    ({'request': {**MESSAGE, 'fields': [{'name': 'file', 'value': 'b', 'note': 'file a'}]}}, 'Fields 1filefile a: b'),
    ({'request': {**MESSAGE, 'cut': True}}, 'Only the beginning is here.'),
    ({'kind': 'rejected', 'status': 401, 'incidents': [], 'text': 'no token'}, 'no token')])
def test_what_a_delivery_has_beside_that_is_said(changed: dict[str, Any], words: str) -> None:
    assert words in ''.join(made(**changed).texts)
    assert words not in ''.join(made().texts)


@pytest.mark.parametrize('severity, word', [(0.5, 'info'), (4, 'critical'), (0, 'unknown'), (7, 'unknown')])
def test_the_severity_of_an_incident_is_said_in_a_word_before_its_state(severity: float, word: str) -> None:
    assert f'Host · severity {word} · resolved · 2026' in ''.join(
        made([{**INCIDENT, 'severity': severity, 'state': 'resolved'}]).texts)


def test_an_advice_is_there_if_there_is_one_and_two_levels_of_a_tree_are_open() -> None:
    assert [('strong', {}) in made(origin=4, advice=advice).elements for advice in ('Set it.', '')] == [True, False]
    drawn = Reader(''.join(tree('{"a": [[[1]]]}'))).elements
    assert [each for tag, each in drawn if tag == 'details'] == [{'open': None}, {'open': None}, {}]


def everywhere(value: Any) -> Any:
    """Return the value with the hostile text in place of each text."""
    if isinstance(value, dict):
        return {name: everywhere(each) for name, each in value.items()}
    if isinstance(value, list):
        return [everywhere(each) for each in value]
    return HOSTILE if isinstance(value, str) else value


def test_no_text_of_a_sender_becomes_markup_wherever_it_is() -> None:
    values = json.dumps({HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]})
    message = {**everywhere(MESSAGE), 'body': values, 'fields': [everywhere({'name': '', 'value': '', 'note': ''})]}
    item = {**everywhere(ITEM), 'kind': 'created', 'incidents': ['7'], 'origin': 4, 'changes': [HOSTILE],
            'query': message['fields'], 'checks': [{'state': 'bad', 'title': HOSTILE, 'text': HOSTILE}]}
    incident = {**everywhere(INCIDENT), 'rawJSON': HOSTILE, 'labels': message['fields']}
    read = made([incident], [everywhere(LINE)], **item, request=message, response={**message, 'body': HOSTILE})
    plain = made()
    assert {tag for tag, _ in read.elements} <= {tag for tag, _ in plain.elements} | {'strong', 'b', 'li', 'ul'}
    assert not {tag for tag, _ in read.elements} & {'script', 'img', 'a', 'iframe', 'object', 'link', 'form'}
    attributes = {(tag, name) for tag, given in read.elements for name in given}
    assert {name for _, name in attributes} <= {'lang', 'charset', 'http-equiv', 'content', 'name', 'open', 'class', 'scope'}
    assert read.comments == [] and not any('\u202e' in each or '\x1b' in each for each in read.texts)
    said = ''.join(read.texts)
    assert said.count('<script>ran()</script>') > 20 and '⟨U+202E⟩␛' in said


def test_the_top_of_the_file_says_what_is_masked_and_what_is_not() -> None:
    said = ''.join(made().texts)
    assert 0 < said.index('Not masked is anything else in the payload, such as a password') < said.index('Headers')


def texts(content: str) -> str:
    return ''.join(Reader(''.join(tree(content))).texts)


@pytest.mark.parametrize('content, shown', [
    ('{"a": "4", "b": 4, "c": "", "a": 1.50, "": null, "t": true}', 'a: "4"b: 4c: ""a: 1.50"": nullt: true'),
    ('[" a", "a  b", "a\\tb\\n", "a b", "a\u200b"]', '0: "·a"1: "a··b"2: "a⇥\tb↵\n"3: "a b"4: "a⟨U+200B⟩"'),
    ('{"a": {"b": []}}', 'a: {1}b: [0]'), ('"text"', ''), ('text', ''), ('[' * 100_000, ''), ('1' * 5000, '')])
def test_a_tree_has_each_value_as_its_text_has_it(content: str, shown: str) -> None:
    assert texts(content) == shown


def test_a_tree_of_many_values_ends_with_a_note_and_long_details_of_an_incident_with_another() -> None:
    assert any(text.startswith('Only ') for text in made([{**INCIDENT, 'rawJSON': 'x' * (SHOWN_BYTES + 1)}]).texts)
    many = json.dumps([*range(SHOWN_VALUES + 5)])
    assert texts(many).endswith(f'{SHOWN_VALUES - 1}: {SHOWN_VALUES - 1}The text has more values.')
    assert not texts(json.dumps([*range(SHOWN_VALUES)])).endswith('values.')


def test_marks_take_time_in_proportion_to_the_text() -> None:
    grows_linearly(lambda size: ' a  b\t' * size, marked, 2000)
