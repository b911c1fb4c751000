"""The front through its door: what it rejects as not HTTP, what it keeps of each request, and who may change something."""

import json
import re
import socket
from itertools import takewhile
from typing import Any

import pytest
import requests
from local_xsoar import LocalXsoar, connect, wait_for

from localxsoar.web.front import Connection, is_loopback

pytestmark = pytest.mark.sockets

WAY_IN = '/instance/execute/Front%20Door'
SECRET = 'h4sh-hush'


def exchange(xsoar: LocalXsoar, data: bytes) -> bytes:
    """Sends bytes as they are and reads to the end of the connection."""
    with connect(xsoar) as connection:
        connection.sendall(data)
        return connection.makefile('rb').read()


def deliveries(xsoar: LocalXsoar) -> list[Any]:
    found: list[Any] = xsoar.control('GET', 'deliveries')
    return found


def newest(xsoar: LocalXsoar) -> Any:
    wait_for(lambda: deliveries(xsoar)[0]['kind'] != 'waiting', 'the end of the delivery')
    return deliveries(xsoar)[0]


def post(xsoar: LocalXsoar, path: str = '', body: Any = None, **options: Any) -> requests.Response:
    data = body if isinstance(body, (bytes, str)) else json.dumps(body or [])
    return requests.post(f'{xsoar.webhook_url}{path}', data=data, **options)


@pytest.mark.parametrize('head', [
    b'POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n',
    b'POST %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\nContent-Length: 2\r\n',
    b'POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n',
    b'POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2_6\r\n',
    b'POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n',
    b'POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n',
    *(method + b' %s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n' for method in (
        b'PO(ST', b'"POST"', b'PO;ST', b'POST>x', b'{POST}', b'PO\\ST', b'PO/ST', b'PO@ST', b'P\xc3\x96ST', b'PO\x1bST', b'')),
    b'POST %s HTTP/1.1\r\nHost : h\r\nContent-Length: 2\r\n',
    b'POST %s HTTP/1.1\r\nContent-Length: 2\r\n',
    b'POST %s\r\nHost: h\r\n',
    b'POST %s HTTP/1.1\r\nHost: h\r\nX: a\x00b\r\n',
    b'\x16\x03\x01\x02\x00\x01\x00%s\r\n',
])
def test_bytes_that_are_not_http_are_rejected_create_nothing_and_are_kept_with_the_reason(xsoar: LocalXsoar, head: bytes) -> None:
    before = len(xsoar.sent())
    answer = exchange(xsoar, head.replace(b'%s', WAY_IN.encode()) + b'\r\n[]')
    top, _, problem = answer.partition(b'\r\n\r\n')
    assert top.startswith(b'HTTP/1.1 400 Bad Request\r\n') and b'Content-Type: application/problem+json' in top
    told = json.loads(problem)
    assert (told['title'], told['status']) == ('Bad Request', 400) and told['detail'].startswith('This is not HTTP/1.1: ')
    assert b'Traceback' not in answer and len(xsoar.sent()) == before
    assert newest(xsoar)['text'].startswith('This is not HTTP/1.1: ')


def test_a_broken_chunk_is_rejected_and_the_container_sees_no_whole_body(xsoar: LocalXsoar) -> None:
    head = f'POST {WAY_IN} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n'.encode()
    before = len(xsoar.sent())
    answer = exchange(xsoar, head + b'2\r\n[]\r\nxyz\r\n')
    assert answer.startswith(b'HTTP/1.1 400 ') and b'bytearray' not in answer
    assert len(xsoar.sent()) == before


def test_an_upgrade_is_answered_as_the_request_that_it_is(xsoar: LocalXsoar) -> None:
    head = f'GET {WAY_IN}/echo HTTP/1.1\r\nHost: h\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n'
    assert exchange(xsoar, head.encode()).startswith(b'HTTP/1.1 200 ')


def test_an_absolute_target_and_pipelined_requests_are_answered_in_order(xsoar: LocalXsoar) -> None:
    one = f'GET HTTP://h{WAY_IN}/echo?n=1 HTTP/1.1\r\nHost: h\r\n\r\n'
    two = f'GET {WAY_IN}/echo?n=2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n'
    answer = exchange(xsoar, (one + two).encode())
    assert answer.index(b'/echo?n=1"') < answer.index(b'/echo?n=2"')


def test_a_delivery_says_which_incident_it_became(xsoar: LocalXsoar) -> None:
    number = post(xsoar, body=[{'name': 'disk full'}]).json()[0]['id']
    assert newest(xsoar).items() >= {'method': 'POST', 'status': 200, 'kind': 'created', 'incidents': [number],
                                     'text': 'disk full', 'sender': 'python-requests'}.items()
    assert xsoar.wait_for_line(rf'^\d\d:\d\d:\d\d     POST 200 +\d+ ms  python-requests +→ {number}  disk full$')


def test_a_rejection_is_reported_in_the_integrations_words(xsoar: LocalXsoar) -> None:
    post(xsoar, '/problem', {'title': 'Unauthorized', 'status': 401, 'detail': 'The request shows no token.'})
    assert newest(xsoar).items() >= {'kind': 'rejected', 'status': 401, 'text': 'The request shows no token.'}.items()
    assert xsoar.wait_for_line(r'POST 401 +\d+ ms  python-requests +The request shows no token\.$')


@pytest.mark.parametrize('path', ['/instance/execute/nobody', '/instance/exec', '/webhook'])
def test_a_request_to_a_wrong_instance_or_path_is_rejected_and_kept(xsoar: LocalXsoar, path: str) -> None:
    assert requests.post(f'{xsoar.url}{path}', data='{}').status_code == 404
    assert newest(xsoar).items() >= {'target': path, 'status': 404, 'kind': 'rejected'}.items()
    assert xsoar.wait_for_line(rf'POST 404 +\d+ ms  python-requests +{path}  There is no')


def test_a_sender_that_left_is_reported_as_gone(xsoar: LocalXsoar) -> None:
    with connect(xsoar) as sender:
        sender.sendall(f'POST {WAY_IN} HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n[{{'.encode())
    wait_for(lambda: deliveries(xsoar)[0]['kind'] == 'gone')


def test_a_sender_that_leaves_during_the_response_is_reported_as_gone(xsoar: LocalXsoar) -> None:
    body = json.dumps('x' * 10_000_000).encode()
    with connect(xsoar) as sender:
        sender.sendall(b'POST %b/answer HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n' % (WAY_IN.encode(), len(body)) + body)
        assert sender.recv(8) == b'HTTP/1.1'
    assert newest(xsoar)['kind'] == 'gone'


def test_what_a_sender_sends_after_an_early_response_is_recorded(xsoar: LocalXsoar) -> None:
    with connect(xsoar) as sender:
        sender.sendall(f'POST {WAY_IN}/early HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345'.encode())
        response = sender.recv(65536)
        assert response.startswith(b'HTTP/1.1 413 ') and b'connection: close\r\n' in response.lower()
        sender.sendall(b'67890')
        assert newest(xsoar)['size'] == 10


@pytest.mark.parametrize('body', [b'', b'chunked'])
def test_a_response_that_the_container_breaks_off_is_not_blamed_on_its_sender(xsoar: LocalXsoar, body: bytes) -> None:
    with pytest.raises(requests.RequestException):
        post(xsoar, '/half', body)
    number = newest(xsoar)['number']
    assert newest(xsoar)['text'] == 'The container ended its response before it was complete.'
    again = xsoar.control('POST', f'deliveries/{number}/send', json={})['number']
    assert xsoar.control('GET', f'deliveries/{again}')['text'] == 'The container ended its response before it was complete.'
    assert not [line for line in xsoar.output if line.startswith('Traceback')]


@pytest.mark.parametrize('path, body, shown_at', [
    ('', [{'name': f'it holds {SECRET}', 'rawJSON': SECRET}], 'incidents/list'), ('/print', SECRET, 'log'),
    ('/health', SECRET, 'instance')])
def test_a_secret_that_the_integration_reveals_is_masked_on_the_page(
        xsoar: LocalXsoar, path: str, body: Any, shown_at: str) -> None:
    with requests.get(f'{xsoar.url}/localxsoar/events', stream=True) as stream:
        lines = stream.iter_lines(decode_unicode=True)
        next(line for line in lines if line.startswith('id: '))
        post(xsoar, path, body)
        post(xsoar, body=[{'name': 'the end'}])
        told = list(takewhile(lambda line: '"name": "the end"' not in line, lines))
    shown = json.dumps(xsoar.control('GET', shown_at), ensure_ascii=False)
    post(xsoar, '/health', '')
    assert '••••••' in shown and SECRET not in shown + '\n'.join(told)


@pytest.mark.parametrize('method, path, body', [
    ('POST', 'instance/save', '[' * 200_000), ('POST', 'senders/github/send', {'title': {'a': 1}}),
    ('POST', 'deliveries/{}/send', {'headers': [1, 2]}), ('POST', 'deliveries/{}/send', {'headers': [['X', 'a\r\nY: b']]}),
    ('POST', 'deliveries/{}/send', {'target': f'{WAY_IN}/é'}), ('POST', 'deliveries/{}/send', {'target': f'{WAY_IN} HTTP/1.1'}),
    ('GET', 'deliveries/99999999999999999999', None), ('POST', '../incidents/search', {'filter': {'size': 10 ** 30}}),
    ('POST', '../indicators/search', {'searchAfter': ['x']}),
    ('PUT', '../settings/integration', {'name': 'Front Door', 'data': 5}),
])
def test_what_cannot_be_done_is_rejected_with_the_reason(xsoar: LocalXsoar, method: str, path: str, body: Any) -> None:
    post(xsoar)
    path = path.format(newest(xsoar)['number'])
    text = body if isinstance(body, str) else json.dumps(body)
    answer = requests.request(method, f'{xsoar.url}/localxsoar/{path}', data=text)
    assert answer.status_code == 400 and answer.json()['error']
    assert not [line for line in xsoar.output if line.startswith('Traceback')]


def without_calls(xsoar: LocalXsoar) -> dict[str, Any]:
    """Return the state without what changes by itself: the receiver logs, and stores its samples, when that is due."""
    return {key: value for key, value in xsoar.state().items() if key not in ('calls', 'context')}


@pytest.mark.parametrize('route', [
    'POST samples', 'POST cut', 'POST stop-container', 'PATCH faults', 'DELETE deliveries', 'POST deliveries/1/send',
    'POST senders/github/send', 'POST instance/test', 'POST instance/save', 'POST instance/enable', 'POST instance/disable',
    'POST ../contentpacks/installed/upload', 'POST ../settings/integration-conf/upload', 'POST ../settings/integration/search',
    'PUT ../settings/integration', 'DELETE ../settings/integration/1', 'POST ../settings/integration/test',
    'POST ../investigations/search', 'POST ../entry/execute/sync', 'POST ../investigation/1/context', 'POST ../incident',
    'POST ../incidents/search', 'POST ../indicators/search'])
@pytest.mark.parametrize('headers', [
    {'Origin': 'http://evil.example'}, {'Origin': 'null'}, {'Sec-Fetch-Site': 'cross-site'}, {'Sec-Fetch-Site': 'same-site'},
    {'Host': 'evil.example'}], ids=lambda headers: ' '.join(*headers.items()))
def test_no_route_that_does_something_takes_it_from_a_page_of_another_site(
        xsoar: LocalXsoar, route: str, headers: dict[str, str]) -> None:
    method, path = route.split()
    before = without_calls(xsoar)
    answer = requests.request(method, f'{xsoar.url}/localxsoar/{path}', data='{}', headers=headers)
    assert answer.status_code == 403 and without_calls(xsoar) == before


def test_no_get_request_starts_a_process(xsoar: LocalXsoar) -> None:
    assert requests.get(f'{xsoar.url}/localxsoar/samples').status_code == 405


@pytest.mark.parametrize('headers', [
    {'Sec-Fetch-Site': 'cross-site'}, {'Sec-Fetch-Site': 'same-origin', 'Host': 'evil.example:8080'},
    {'Sec-Fetch-Site': 'none', 'Host': 'evil.example'}, {'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate'}])
def test_the_way_in_takes_nothing_from_a_web_page_of_another_site(xsoar: LocalXsoar, headers: dict[str, str]) -> None:
    before = xsoar.sent()
    answer = post(xsoar, body=[{'name': 'from a page'}], headers=headers)
    assert answer.status_code == 403 and xsoar.sent() == before
    assert newest(xsoar).items() >= {'status': 403, 'kind': 'rejected', 'text': answer.text.strip()}.items()


@pytest.mark.parametrize('headers', [
    {'Host': 'abc.tunnel.example'}, {'Host': 'host.docker.internal:8080'}, {'Host': 'evil.example', 'Origin': 'http://evil.example'},
    {'Sec-Fetch-Site': 'none'}, {'Sec-Fetch-Site': 'same-origin', 'Host': 'localhost:1'}, {'Sec-Fetch-Site': 'same-site'},
    {'Sec-Fetch-Site': 'none', 'Host': '[::1]:8080'}])
def test_the_way_in_takes_all_that_no_page_of_another_site_sends(xsoar: LocalXsoar, headers: dict[str, str]) -> None:
    assert post(xsoar, body=[{'name': 'honest'}], headers=headers).status_code == 200


@pytest.mark.parametrize('host, is_own', [
    ('localhost', True), ('LOCALHOST:80', True), ('127.0.0.1', True), ('127.0.0.1:8080', True), ('[::1]', True),
    ('[::1]:80', True), ('198.51.100.1:80', True), ('evil.example', False),
    ('evil.example:80', False), ('localhost.evil.example', False),
    ('127.0.0.1.evil', False), ('1.2.3.4:x', False), ('face.bad', False)])
def test_the_page_is_only_shown_under_the_name_or_an_address_of_this_machine(xsoar: LocalXsoar, host: str, is_own: bool) -> None:
    answer = requests.get(f'{xsoar.url}/localxsoar/faults', headers={'Host': host})
    assert answer.status_code == (200 if is_own else 403)
    assert is_own or f'The Host {host!r} is not the address of this server' in answer.text


@pytest.mark.parametrize('host, is_this_machine', [
    ('localhost', True), ('::1', True), ('127.0.0.1', True), ('127.9.9.9', True), ('::ffff:127.0.0.1', True), ('0.0.0.0', False),
    ('192.168.0.1', False), ('::', False), ('1127.0.0.1', False), ('1270::1', False)])
def test_a_loopback_address_reaches_this_machine_alone(host: str, is_this_machine: bool) -> None:
    assert is_loopback(host) is is_this_machine


@pytest.mark.parametrize('headers', [{'Origin': 'http://evil.example'}, {'Sec-Fetch-Site': 'cross-site'}])
def test_a_page_of_another_site_may_ask_for_what_changes_nothing(xsoar: LocalXsoar, headers: dict[str, str]) -> None:
    assert requests.get(f'{xsoar.url}/localxsoar/faults', headers=headers).status_code == 200


@pytest.mark.parametrize('headers', [{}, {'Sec-Fetch-Site': 'same-origin'}, {'Sec-Fetch-Site': 'none'}, {'Origin': '{url}'}])
def test_the_servers_own_page_changes_something(xsoar: LocalXsoar, headers: dict[str, str]) -> None:
    given = {name: value.format(url=xsoar.url) for name, value in headers.items()}
    assert requests.patch(f'{xsoar.url}/localxsoar/faults', json={}, headers=given).status_code == 200


def test_a_connection_carries_one_request_after_another_of_the_api_and_the_container(xsoar: LocalXsoar) -> None:
    host = xsoar.url.removeprefix('http://')
    requests_ = [f'GET /about HTTP/1.1\r\nHost: {host}\r\n\r\n', f'HEAD /about HTTP/1.1\r\nHost: {host}\r\n\r\n',
                 f'GET {WAY_IN}/echo HTTP/1.1\r\nHost: {host}\r\n\r\n', f'GET /favicon.ico HTTP/1.1\r\nHost: {host}\r\n\r\n',
                 f'PATCH /localxsoar/faults HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}']
    answer = exchange(xsoar, ''.join(requests_).encode())
    assert re.findall(rb'HTTP/1\.1 (\d+)', answer) == [b'200', b'200', b'200', b'204', b'200']
    assert answer.count(b'"demistoVersion"') == 1 and b'connection: close' in answer.lower()


def test_a_body_of_the_api_is_bounded(xsoar: LocalXsoar) -> None:
    limit, more = 64 * 1024 * 1024, 8_000_000  # which are still sent after the response
    head = f'PATCH /localxsoar/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: {limit + more}\r\n\r\n'.encode()
    answer = exchange(xsoar, head + b' ' * (limit + more))
    assert answer.startswith(b'HTTP/1.1 413 ') and f'at most {limit} bytes'.encode() in answer
    fits = requests.patch(f'{xsoar.url}/localxsoar/faults', b' ' * (limit - 2) + b'{}')
    assert fits.status_code == 200


@pytest.mark.parametrize('size, status', [(60_000, 200), (200_000, 400)])
def test_a_head_is_bounded(xsoar: LocalXsoar, size: int, status: int) -> None:
    head = f'GET {WAY_IN}/echo HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX: {"x" * size}\r\n\r\n'
    assert exchange(xsoar, head.encode()).startswith(b'HTTP/1.1 %d ' % status)


def test_the_time_limit_of_a_head_ends_with_it() -> None:
    with socket.create_server(('127.0.0.1', 0)) as listener, socket.create_connection(listener.getsockname()) as sender:
        sender.sendall(b'GET / HTTP/1.1\r\nHost: h\r\n\r\n')
        with listener.accept()[0] as accepted:
            next(Connection(accepted, '').requests())
            assert accepted.gettimeout() is None


def test_a_folder_of_the_controls_is_the_apis_and_no_delivery(xsoar: LocalXsoar) -> None:
    before = len(deliveries(xsoar))
    answer = requests.get(f'{xsoar.url}/localxsoar/nothing')
    assert (answer.status_code, answer.json()['status']) == (404, 404)
    assert requests.delete(f'{xsoar.url}/localxsoar/faults').status_code == 405
    assert len(deliveries(xsoar)) == before


def test_the_controls_are_not_reached_through_the_way_in(xsoar: LocalXsoar) -> None:
    host = xsoar.url.removeprefix('http://')
    answers = [exchange(xsoar, f'GET {way}/localxsoar/state HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n'.encode())
               for way in ('', '/instance/execute/../..', f'{WAY_IN}/../..')]
    assert [int(answer.split()[1]) for answer in answers] == [200, 404, 200]
    assert [b'"violations"' in answer for answer in answers] == [True, False, False], "the last is the container's own answer"


def test_events_come_live_and_a_page_that_was_away_gets_what_it_missed(xsoar: LocalXsoar) -> None:
    url = f'{xsoar.url}/localxsoar/events'
    with requests.get(url, stream=True) as stream:
        lines = stream.iter_lines(decode_unicode=True)
        start = next(line for line in lines if line.startswith('id: '))
        post(xsoar, body=[{'name': 'live'}])
        assert next(line for line in lines if '"name": "live"' in line)
    last_id = start.removeprefix('id: ')
    with requests.get(url, stream=True, headers={'Last-Event-ID': last_id}) as stream:
        assert next(line for line in stream.iter_lines(decode_unicode=True) if '"name": "live"' in line)
    with requests.get(url, stream=True, headers={'Last-Event-ID': 'another-7'}) as stream:
        assert 'event: reset' in next(stream.iter_lines(decode_unicode=True))
