"""Ten thousand random queries of a sender's URL: each event becomes an incident, unless a model says that it is left out."""
from __future__ import annotations

import json
from random import Random
from typing import Any
from urllib.parse import quote

import patient
import pytest
from GenericWebhook import Settings, Tokens, read_payloads, read_query, to_incidents, url_words
from url_model import Number, created, to_json, words_in
from shared.app import defaults_of
from shared.webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets

LONGEST_QUERY = 7900
PATHS = [*['a', 'b', 'l.*.a', 'severity'] * 5, 'a.b', 'c', 'n', 'resolved', '@x-env', 'l.0.a', 'l.*.b', 'l.*.a.b', 'l.*.severity',
         'a.0', 'l']
TEXTS = [*['x', 'y', 'low'] * 3, 'High', '1', '1.5', 'true', "'x,y'", "' x'", 'null', "'a=b'", '7']
SCALES = ['critical=9,high=7,low=1', 'critical=1,high=2', 'high=y,low=x|low', 'high=7', 'high=7,low=x', 'severe=1',
          'low=1|2,high=5', "high='x,y'", 'high=x,low=X|true', 'high=7,high=8',
          'high=false,critical=High', 'high=7,low=7.0', 'low=1,high=', '=']
SCALARS: list[Any] = [None, '', True, False, *['x', 'y', 'low'] * 4, 'x,y', ' x', 'High', 'true', '0', 'n/a', 'critical', 'a=b',
                      *map(Number, ['0', '1', '1.5', '1.50', '2', '7', '9', '10', '-1'])]
NAMES = ['name', 'occurred', *['severity', 'resolved', 'skip', 'skip', 'at_least'] * 2, 'problem', 'each', 'type', 'x', 'nmae']


def condition(random: Random) -> str:
    paths = '|'.join(random.choices(PATHS, k=random.choice([1, 1, 1, 2, 4, random.choice([3, 5])])))
    texts = '|'.join(random.choices(TEXTS, k=random.choice([1, 2, 3, 4, random.choice([3, 5])])))
    return f'{"!" if random.random() < 0.25 else ""}{paths}{f"={texts}" if random.random() < 0.7 else ""}'


def word(random: Random, name: str) -> str:
    """Return the text of a word, which often can be read."""
    if random.random() < 0.15:
        length = random.choice([1, 3, *[12] * 17, 1500])
        return ''.join(random.choices(".*,|=!'@: lab01x\ufffd\n&", k=length))
    paths = '|'.join(random.choices([*PATHS, "'low'"], k=random.choice([1, 2])))
    if name in ('skip', 'resolved'):
        parts = [condition(random) for _ in range(random.choice([1, 1, 1, 2, 3]))] + ['resolved'] * (random.random() < 0.2)
        return ','.join(parts)
    if name == 'severity':
        return random.choice(['high', '2', paths, paths, f'{paths}:{random.choice(SCALES)}'])
    return {'at_least': random.choice(['medium', 'HIGH', '4', 'low', 'urgent', '0.5']), 'problem': f'b:{paths}',
            'each': random.choice(['l', 'l', ' l', 'a', 'a.b', 'a.b.0', 'l.0.a', 'l.*.a', 'a|l'])}.get(name, paths)


def value(random: Random, name: str) -> str:
    if random.random() < 0.03:
        return random.choice([TOKEN, f'x{TOKEN}', '', ' '])
    return word(random, name)


def encoded(random: Random, text: str) -> str:
    """Return a text as a URL may have it: some of its characters encoded, `%FF` for what is not UTF-8."""
    share = random.choice([0, 0.5, 1])
    return ''.join('%FF' if each == '\ufffd' else '+' if each == ' ' and random.random() < 0.5
                   else each if each not in ' &%+#\n"' and random.random() >= share
                   else f'%{ord(each):02X}' for each in text)


def query(random: Random) -> tuple[str, list[tuple[str, str]]]:
    """Return a query of under 7,900 bytes, and its parameters."""
    text, parameters = '', []
    for name in random.choices(NAMES, k=random.choice([1, 2, 3, 5, 9])):
        meant = value(random, name)
        if len(longer := f'{text}&{name}={encoded(random, meant)}') < LONGEST_QUERY:
            text = longer
            parameters.append((name, meant))
    return text.removeprefix('&'), parameters


def payload(random: Random, number: int) -> dict[str, Any]:
    def some(names: list[str], number: int) -> dict[str, Any]:
        return {'n': Number(number), **{name: random.choice(SCALARS) for name in names if random.random() < 0.8}}

    items = [some(['a', 'b', 'severity'], index) for index in range(random.choice([0, 1, 1, 2, 3]))]
    return some(['a', 'b', 'a.b', 'severity'], number) | {'l': items} | ({'a': {'b': 'x'}} if random.random() < 0.2 else {})


def check_note(note: str) -> None:
    assert len(note) <= 500 and note.isascii() and (note.isprintable() or not note)


@pytest.mark.parametrize('count', [2_000, pytest.param(10_000, marks=pytest.mark.weekly)])
def test_each_event_of_random_queries_becomes_an_incident_unless_the_url_says_otherwise(count: int) -> None:
    """What a rejection would be raises here; what the app does beside that depends on no word."""
    random, settings, left_out = Random(4711), Settings(8080, Tokens(TOKEN), None), 0
    for number in range(count):
        sent, (text, parameters) = payload(random, number), query(random)
        words = url_words(settings, read_query(settings.tokens, text).parameters)
        defaults = defaults_of({}, settings, words=words)
        conversion = to_incidents(read_payloads(to_json(sent).encode()), defaults)
        expected = [json.loads(each['n']) for each in created(sent, words_in(parameters, TOKEN))]
        assert [json.loads(each['rawJSON'])['n'] for each in conversion.incidents] == expected, (number, text, to_json(sent))
        left_out += not expected
        check_note(conversion.findings.note())
    assert count / 25 < left_out < count / 2, 'the queries try both'


@pytest.mark.weekly
def test_random_queries_go_through_a_socket_as_well(webhook: Webhook) -> None:
    random = Random(11)
    for number in range(200):
        sent, (text, parameters) = payload(random, number), query(random)
        url = f'{webhook.webhook_url}?{quote(text, safe="%&=+")}'
        answer = patient.post(url, to_json(sent), headers={'Authorization': TOKEN})
        assert answer.status_code == 200, text
        assert len(answer.json()) == len(created(sent, words_in(parameters, TOKEN))), (number, text, to_json(sent))
        check_note(answer.headers.get('x-webhook-note', ''))
