"""The local XSOAR through its doors: a real process with the tests' own pack, a real line, the official client."""

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from clocks import at_least
from facts import fact
from local_xsoar import LocalXsoar, connect, read_officially, wait_for
from shared.webhook import request_bytes

from localxsoar.containers.container import ERROR_MARKER

pytestmark = pytest.mark.sockets


def post(xsoar: LocalXsoar, path: str, body: Any = b'', **options: Any) -> requests.Response:
    return requests.post(f'{xsoar.webhook_url}{path}', data=body if isinstance(body, bytes) else json.dumps(body), **options)


def ask(xsoar: LocalXsoar, path: str, body: Any = b'') -> Any:
    return post(xsoar, path, body).json()


def test_a_post_becomes_incidents_that_the_official_client_reads_back(xsoar: LocalXsoar) -> None:
    sent = [{'name': 'one', 'type': 'Phishing', 'occurred': '2024-01-31T12:00:00Z', 'rawJSON': '{"a": 1}'}, {'name': 'two'}]
    created = ask(xsoar, '/', sent)
    found = read_officially(xsoar, id=[incident['id'] for incident in created])
    assert [(i.name, i.type, i.raw_json, i.source_instance, i.source_brand) for i in found] == [
        ('one', 'Phishing', '{"a": 1}', 'Front Door', 'Echo'), ('two', 'Unclassified', '', 'Front Door', 'Echo')]
    assert found[0].occurred.isoformat() == '2024-01-31T12:00:00+00:00'
    assert xsoar.sent()[-2:] == sent
    ask(xsoar, '/', [{'name': 'one of many'}] * 101)
    assert len(xsoar.incidents(name=['one of many'])) == 101, 'more than a page of the API'
    assert xsoar.wait_for_line(r'^\d\d:\d\d:\d\d     POST 200 +\d+ ms  python-requests +→ \d+, \d+  one \(\+1 more\)$')


@fact('inferred', '`occurred` is a date that Go parses')
def test_the_server_rejects_a_date_that_go_would_not_read(xsoar: LocalXsoar) -> None:
    answer = ask(xsoar, '/', [{'name': 'late', 'occurred': '2024-01-31'}])
    assert answer['error'] == 'ValueError' and 'RFC 3339' in answer['text']
    assert xsoar.incidents(name=['late']) == []


def test_a_marker_in_a_senders_text_reads_as_a_failure_though_the_incident_is_there(xsoar: LocalXsoar) -> None:
    answer = ask(xsoar, '/', [{'name': f'costs {ERROR_MARKER}100'}])
    assert answer['error'] == 'ValueError' and answer['text'].startswith('100')
    assert len(xsoar.incidents(name=[f'costs {ERROR_MARKER}100'])) == 1


@fact('documented', 'forwarding: any method, with the path after the name, query and headers')
@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'POST'])
def test_any_method_goes_through_with_path_query_and_headers(xsoar: LocalXsoar, method: str) -> None:
    headers: dict[str, Any] = {'X-Odd_Name': 'värde'.encode('latin-1'), 'Authorization': 'Basic eA==', 'Cookie': 'a=1'}
    seen = requests.request(method, f'{xsoar.webhook_url}/echo/a%2Fb', params='q=1&q=%20&r', headers=headers).json()
    assert (seen['method'], seen['path']) == (method, '/echo/a%2Fb?q=1&q=%20&r')
    assert dict(seen['headers']).items() >= {'X-Odd_Name': 'värde', 'Authorization': 'Basic eA==', 'Cookie': 'a=1',
                                             'Host': xsoar.url.removeprefix('http://')}.items()


def test_a_head_request_has_the_headers_and_no_body(xsoar: LocalXsoar) -> None:
    answer = requests.head(f'{xsoar.webhook_url}/echo')
    assert (answer.status_code, answer.content) == (200, b'')
    assert int(answer.headers['Content-Length']) > 0


def test_a_redirect_and_each_cookie_reach_the_sender_and_no_one_else(xsoar: LocalXsoar) -> None:
    answer = post(xsoar, '/redirect', allow_redirects=False)
    assert answer.status_code == 302
    assert answer.raw.headers.getlist('Set-Cookie') == ['a=1', 'b=2']
    assert 'Cookie' not in dict(requests.post(f'{xsoar.webhook_url}/echo').json()['headers'])


@pytest.mark.parametrize('framing', ['Content-Length', 'Transfer-Encoding'])
def test_a_big_body_passes_as_it_came(xsoar: LocalXsoar, framing: str) -> None:
    body = os.urandom(1 << 20) * 20
    pieces: Any = body if framing == 'Content-Length' else iter([body[i:i + 100_000] for i in range(0, len(body), 100_000)])
    seen = requests.post(f'{xsoar.webhook_url}/echo', data=pieces).json()
    assert framing in dict(seen['headers'])
    assert (seen['size'], seen['sha256']) == (len(body), hashlib.sha256(body).hexdigest())


def test_a_response_that_comes_before_the_body_was_read_reaches_the_sender(xsoar: LocalXsoar) -> None:
    assert post(xsoar, '/early', b'x' * 30_000_000).status_code == 413


def test_a_sender_that_expects_100_continue_gets_it(xsoar: LocalXsoar) -> None:
    with connect(xsoar) as sender:
        sender.sendall(b'POST /instance/execute/Front%20Door/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n'
                       b'Expect: 100-continue\r\nConnection: close\r\n\r\n')
        assert sender.recv(65536) == b'HTTP/1.1 100 Continue\r\n\r\n'
        sender.sendall(b'12345')
        received = sender.makefile('rb').read()
    assert received.startswith(b'HTTP/1.1 200 OK\r\n') and b'"size": 5' in received and b'100-continue' not in received


def test_the_script_runs_under_the_containers_conditions(xsoar: LocalXsoar) -> None:
    facts = ask(xsoar, '/facts')
    assert (facts['name'], facts['command'], facts['instance'], facts['brand']) == (
        'builtins', 'long-running-execution', 'Front Door', 'Echo')
    repository = Path(__file__).parents[3]
    assert not [path for path in facts['path'] if Path(path) in (repository, repository / 'localxsoar', repository / 'Tests')]
    assert 'PYTHONPATH' not in facts['environment'] and Path(facts['cwd']) != repository
    assert 'heartbeat' in facts['threads']


def test_what_a_child_writes_to_stdout_is_a_violation(xsoar: LocalXsoar) -> None:
    ask(xsoar, '/child')
    wait_for(lambda: 'from a child' in xsoar.state()['violations'])
    assert xsoar.wait_for_line('^!!! The container wrote something to stdout .*: from a child$')


def test_print_and_stderr_are_not_violations(xsoar: LocalXsoar) -> None:
    before = xsoar.state()['violations']
    ask(xsoar, '/print', b'text')
    ask(xsoar, '/stderr')
    assert xsoar.wait_for_line('print printed: text$') and xsoar.wait_for_line('^container stderr: on stderr$')
    assert xsoar.state()['violations'] == before


def test_each_log_line_is_a_line_of_its_own_with_control_characters_escaped(xsoar: LocalXsoar) -> None:
    ask(xsoar, '/log')
    for level in ('debug', 'info', 'error'):
        assert xsoar.wait_for_line(rf'^\d\d:\d\d:\d\d  log {level} +{level} one$')
        assert xsoar.wait_for_line(rf'^\d\d:\d\d:\d\d  log {level} +two \\x1b\[31m$')
    assert [line['text'] for line in xsoar.state()['log'] if line['level'] == 'info'][-2:] == ['info one', 'two \x1b[31m']


@pytest.fixture
def faulty(xsoar: LocalXsoar) -> Iterator[LocalXsoar]:
    orderly = xsoar.faults()
    yield xsoar
    xsoar.faults(**orderly)


TWO = [{'name': 'good'}, {'name': 'poisoned'}]


@fact('guessed', 'the reply after a Drop rule')
@pytest.mark.parametrize('fault, reply, created', [
    ({'drop': 'poison'}, ['good'], 1), ({'answer': 'null'}, None, 0), ({'refuse': 'poison'}, 'ValueError', 0),
    ({'answer': 'deep'}, 'RecursionError', 2), ({'answer': 'not-json'}, 'JSONDecodeError', 2)])
def test_a_fault_shapes_the_reply_that_a_script_gets(faulty: LocalXsoar, fault: dict[str, Any], reply: Any, created: int) -> None:
    before = len(faulty.sent())
    faulty.faults(**fault)
    seen = ask(faulty, '/', TWO)
    assert (seen['error'] if isinstance(seen, dict) else [each['name'] for each in seen] if seen else seen) == reply
    assert len(faulty.sent()) - before == created
    wrong = requests.patch(f'{faulty.url}/localxsoar/faults', json={'drop': 'x', 'speed': 1})
    assert wrong.status_code == 400 and 'There is no fault speed.' in wrong.json()['error'] and faulty.faults()['drop'] != 'x'


def test_a_call_takes_as_long_as_asked_for(faulty: LocalXsoar) -> None:
    faulty.faults(call_delay_ms=100, incident_delay_ms=50)
    with at_least(0.2):
        post(faulty, '/', TWO)


def test_a_hanging_call_is_answered_once_it_is_let_go(faulty: LocalXsoar) -> None:
    answers: list[Any] = []
    faulty.faults(hang=True)
    before = len(faulty.state()['createSizes'])
    sender = threading.Thread(target=lambda: answers.append(ask(faulty, '/', TWO)))
    sender.start()
    wait_for(lambda: len(faulty.state()['createSizes']) > before)
    assert answers == []
    faulty.faults(hang=False)
    sender.join()
    assert [incident['name'] for incident in answers[0]] == ['good', 'poisoned']


# The container's end. These use the shared server last: each one makes it start a new container.


def restarted(xsoar: LocalXsoar, before: dict[str, Any]) -> bool:
    state = xsoar.state()
    return state['restarts'] > before['restarts'] and answers(xsoar)


def answers(xsoar: LocalXsoar) -> bool:
    return requests.get(f'{xsoar.webhook_url}/echo').status_code == 200


@pytest.mark.parametrize('body', [b'', b'a body'], ids=['without a body', 'with a body'])
def test_a_container_sees_that_its_sender_left(xsoar: LocalXsoar, body: bytes) -> None:
    def ends() -> int:
        return sum('at its end' in line['text'] for line in xsoar.state()['log'])

    before = ends()
    with connect(xsoar) as sender:
        sender.sendall(request_bytes(f'{xsoar.webhook_url}/wait', body))
    wait_for(lambda: ends() == before + 1, 'the end of the connection')


@pytest.mark.parametrize('cut', [partial(LocalXsoar.faults, cut=True), LocalXsoar.cut], ids=['at the next call', 'now'])
def test_a_cut_line_fails_every_later_call_and_a_new_container_is_in_order(
        xsoar: LocalXsoar, cut: Callable[[LocalXsoar], Any]) -> None:
    before = xsoar.state()
    cut(xsoar)
    assert ask(xsoar, '/', TWO)['error'] == 'JSONDecodeError'
    assert ask(xsoar, '/', TWO)['text'] == 'Try to write when connection closed'
    assert xsoar.faults()['cut'] is False
    xsoar.stop_container()
    wait_for(lambda: restarted(xsoar, before))
    assert len(ask(xsoar, '/', TWO)) == 2
