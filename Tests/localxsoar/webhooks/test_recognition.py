"""The recognition of a request's sender: by its headers, its user agent or its keys."""

import json
from typing import Any

import pytest
from local_xsoar import ROOT
from made_deliveries import GIT, TEA, sender

from localxsoar.webhooks.recognition import SenderRecognizer
from localxsoar.webhooks.senders import load_senders

SPLUNK = sender('splunk', User_Agent='Splunk/x', payload={'sid': 1, 'results_link': '', 'search_name': '', 'result': {}})
FALCO = sender('falco', payload={'rule': '', 'output': '', 'priority': ''})
TRELLO = sender('trello', payload={'action': {'id': 1, 'type': '', 'data': {}}, 'model': {'id': 1}})
RECOGNIZER = SenderRecognizer([GIT, TEA, SPLUNK, FALCO, TRELLO])


@pytest.mark.parametrize('headers, body, name', [
    ({'X-GitHub-Event': 'push', 'X-Hub-Signature-256': 'sha256=1'}, {}, 'Github'),
    ({'X-GitHub-Event': 'push', 'X-Gitea-Event': 'push'}, {}, 'Gitea'), ({'User-Agent': 'Splunk/9.1'}, {}, 'Splunk'),
    ({'User-Agent': 'Go-http-client/1.1'}, {'rule': 'a', 'output': 'b', 'priority': 'c', 'more': 1}, 'Falco'),
    ({'User-Agent': 'curl/8.5.0'}, {'name': 'x'}, 'curl'), ({}, [1], ''),
    ({'User-Agent': 'x'}, {'action': 'opened'}, 'x'), ({}, {'sid': 1, 'results_link': '', 'search_name': '', 'result': {}}, ''),
])
def test_a_sender_is_known_by_its_own_headers_its_user_agent_or_its_keys(headers: dict[str, str], body: Any, name: str) -> None:
    assert RECOGNIZER.recognize(list(headers.items()), json.dumps(body).encode())[1] == name


FIRST = sender('first', payload={'a': 1, 'b': 1, 'c': 1, 'd': 1})
AGENT = sender('agent', User_Agent='Agent/1 (x)', payload={'a': 1})
TWIN = sender('twin', User_Agent='Twin/1', X_Twin='1', payload={'x': 1, 'y': 1})
OTHER = sender('other', User_Agent='Twin/1', X_Twin='1', payload={'x': 1, 'z': 1})
QUERY = sender('query', proof={'place': 'query', 'name': 'X-Query', 'value': '{token}'}, payload={})
SOLO = sender('solo', payload={'alone': 1})
SHARED = SenderRecognizer([FIRST, AGENT, TWIN, OTHER, QUERY, SOLO])


@pytest.mark.parametrize('headers, body, name', [
    ({}, b'{"a": 1, "b": 1}', 'First'), ({}, b'{"a": 1, "b": 1, "x": 1}', ''), ({}, b'[{"a": 1, "b": 1, "x": 1, "y": 1}, 5]', ''),
    ({}, b'[{"a": 1, "b": 1, "c": 1}, 5]', 'First'), ({}, b'[]', ''), ({}, b'not JSON', ''), ({}, b'[' * 100_000, ''),
    ({}, b'{"alone": 1}', ''), ({'User-Agent': 'Agent'}, b'', 'Agent'), ({'user-agent': 'Agent 2'}, b'', 'Agent'),
    ({'User-Agent': 'Agents/1'}, b'', 'Agents'), ({'User-Agent': 'Agents/1'}, b'{"a": 1, "b": 1, "c": 1, "d": 1}', 'First'),
    ({'User-Agent': 'Twin/2'}, b'{"x": 1, "y": 1}', 'Twin'),
    ({'User-Agent': 'Twin/2', 'X-Twin': '2'}, b'{"x": 1, "z": 1}', 'Other'),
    ({'User-Agent': 'Twin/2', 'X-Twin': '2'}, b'{"x": 1, "y": 1}', 'Twin'), ({'X-Query': 'x'}, b'{"q": 1}', ''),
])
def test_a_sender_that_shares_its_marks_is_reported_by_the_rest(headers: dict[str, str], body: bytes, name: str) -> None:
    assert SHARED.recognize(list(headers.items()), body)[1] == name


def test_keys_that_many_senders_use_identify_none() -> None:
    recognizer = SenderRecognizer(list(load_senders(ROOT / 'senders').values()))
    for body in ({'name': 'a', 'severity': 'high'}, {'name': 'a', 'severity': 2, 'raw_json': {}, 'occurred': ''}, {'value': 5}):
        for agent in ('curl', ''):
            assert recognizer.recognize([('User-Agent', agent)], json.dumps(body).encode())[1] == agent


@pytest.mark.parametrize(('agent', 'name'), [
    ('Mozilla/5.0 (compatible; Google-Apps-Script)', 'Google Forms'),
    ('Mozilla/5.0 (compatible; Google-Apps-Script; beanserver; +https://script.google.com)', 'Google Forms'),
    ('Mozilla/5.0 (compatible; Uptime/1.0; +https://uptime.example.com)', 'Uptime'),
    ('Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.19045; en-US) PowerShell/7.4.0', 'PowerShell'),
    ('Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox'), ('Mozilla/5.0', 'Mozilla'), ('', '')])
def test_a_program_that_begins_its_name_as_a_browser_does_is_known_by_what_follows(agent: str, name: str) -> None:
    recognizer = SenderRecognizer(list(load_senders(ROOT / 'senders').values()))
    assert recognizer.recognize([('User-Agent', agent)], b'{"what": "ever"}')[1] == name


def test_a_body_of_more_than_a_mebibyte_is_not_read_for_its_sender() -> None:
    def body(size: int) -> bytes:
        return json.dumps({'a': 1, 'b': 1, 'c': 'x'}).replace('x', 'x' * (size - 25)).encode()

    assert len(body(1024 * 1024)) == 1024 * 1024
    assert SHARED.recognize([], body(1024 * 1024))[1] == 'First'
    assert SHARED.recognize([], body(1024 * 1024 + 1)) == (None, '')
