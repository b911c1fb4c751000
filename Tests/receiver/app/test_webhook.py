"""The pack through the door: real requests to the local XSOAR, which runs it in a process of its own over the real line."""
from __future__ import annotations

import asyncio
import json
import re
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from clocks import PATIENCE_SECONDS, unix_now
from local_xsoar import needs, read_officially, run_local_xsoar, wait_for
from real_curl import curl
from shared.webhook import PACK, TOKEN, Answer, Webhook, post, request_bytes

from localxsoar.containers.ports import any_free_port

pytestmark = pytest.mark.sockets

MIB = 1024 * 1024
AUTHORIZED = {'Authorization': TOKEN}


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    """One with a second instance without a token, with an incident type, and with a port of the host before the container's."""
    webhook = Webhook('--log-level', 'debug', '--heartbeat', '0.2')
    webhook.argv += ['--instance', 'configured', '--set', 'incidentType=Phishing',
                     '--set', f'longRunningPort=9999:{any_free_port()}']
    with webhook as running:
        yield running


@pytest.fixture
def configured_url(webhook: Webhook) -> str:
    return f'{webhook.url}/instance/execute/configured'


def state_of_configured(webhook: Webhook) -> Any:
    return webhook.control('GET', 'state?instance=configured')


def created(webhook: Webhook) -> int:
    """Return how many incidents there are."""
    return sum(webhook.state()['createSizes'])


def test_the_seeds_own_curl_creates_the_incident_that_it_describes(webhook: Webhook) -> None:
    before = unix_now()
    # The seed's command to the letter but for the address; -POST, in which curl reads -P OST, is the seed's.
    answer = curl('-POST', webhook.webhook_url, '-H', f'Authorization: {TOKEN}', '-d',
                  '{"name":"incident created via generic webhook","raw_json":{"some_field":"some_value"}}')
    assert (answer.status, answer.headers['content-type']) == (200, 'application/json')
    created, = answer.json
    assert webhook.sent()[-1].keys() == {'name', 'type', 'occurred', 'rawJSON'}
    assert webhook.sent()[-1]['rawJSON'] == '{"some_field":"some_value"}'
    incident, = read_officially(webhook, id=[created['id']])
    assert incident.name == 'incident created via generic webhook'
    assert json.loads(incident.raw_json) == {'some_field': 'some_value'}
    assert before - 1 < incident.occurred.timestamp() < unix_now() + 1


def test_the_instances_incident_type_is_used_where_the_request_has_none(configured_url: str) -> None:
    answers = [curl(configured_url, '-d', body) for body in ('{"name": "a"}', '{"name": "b", "type": "Malware"}')]
    assert [answer.json[0]['type'] for answer in answers] == ['Phishing', 'Malware']


def test_without_a_token_everybody_is_let_in_and_the_log_says_so(webhook: Webhook, configured_url: str) -> None:
    assert curl(configured_url, '-d', '{}').status == 200
    webhook.wait_for_line('every POST is accepted')


def test_of_a_host_and_a_container_port_the_containers_is_listened_on(webhook: Webhook) -> None:
    port = state_of_configured(webhook)['port']
    assert port != 9999
    socket.create_connection(('127.0.0.1', port)).close()


def test_300_dribbling_senders_each_get_their_own_response(webhook: Webhook) -> None:
    begun: list[int] = []

    async def send(url: str, number: int, are_all_begun: asyncio.Event) -> Answer:
        async def others() -> None:
            begun.append(number)
            if len(begun) == 300:
                are_all_begun.set()
            await asyncio.wait_for(are_all_begun.wait(), PATIENCE_SECONDS)

        headers = {'Authorization': TOKEN if number % 3 else 'wrong'}
        body = json.dumps({'name': f'sender {number}', 'raw_json': {'number': number}}).encode()
        return await post(url, body, headers, pause=others)

    async def send_all(url: str) -> list[Answer]:
        are_all_begun = asyncio.Event()
        return await asyncio.gather(*(send(url, number, are_all_begun) for number in range(300)))

    before = len(webhook.sent())
    answers = asyncio.run(send_all(webhook.direct_url))
    for number, answer in enumerate(answers):
        if number % 3:
            assert answer.status == 200
            assert [incident['name'] for incident in answer.json] == [f'sender {number}']
        else:
            assert answer.status == 401
    sent = webhook.sent()[before:]
    assert sorted(each['name'] for each in sent) == sorted(f'sender {number}' for number in range(300) if number % 3)
    assert all(json.loads(each['rawJSON'])['number'] == int(each['name'].split()[1]) for each in sent)
    wait_for(lambda: webhook.state()['calls'].get('heartbeat'), 'a heartbeat')


def test_rejections_and_greetings_are_answered_while_the_server_hangs(webhook: Webhook) -> None:
    needs('curl')
    calls = len(webhook.state()['createSizes'])
    webhook.faults(hang=True)
    try:
        command = ['curl', '-sS', webhook.webhook_url, '-H', f'Authorization: {TOKEN}', '-d', '{"name": "held"}']
        hanging = subprocess.Popen(command, stdout=subprocess.PIPE)
        wait_for(lambda: len(webhook.state()['createSizes']) > calls, 'the call that hangs')
        assert curl(webhook.webhook_url).status == 200
        assert curl(webhook.webhook_url, '-d', '{}').status == 401
        assert curl(webhook.webhook_url, '-H', f'Authorization: {TOKEN}', '-d', '{"a"').status == 400
        assert hanging.poll() is None
    finally:
        webhook.faults(hang=False)
    assert json.loads(hanging.communicate(timeout=PATIENCE_SECONDS)[0])[0]['name'] == 'held'


def test_a_kept_alive_connection_serves_one_sender_after_another_without_mixing_them(webhook: Webhook) -> None:
    needs('curl')
    token = ['-H', f'Authorization: {TOKEN}']
    answer = subprocess.run(['curl', '-sS', webhook.direct_url, *token, '-d', '{"name": "first"}', '--next',
                             '-sS', webhook.direct_url, '-d', '{"name": "second"}', '--next',
                             '-sS', webhook.direct_url, *token, '-d', '{"name": "third"}', '-w', '%{num_connects}'],
                            capture_output=True, text=True, check=True).stdout
    assert re.findall('"name": "(first|second|third)"', answer) == ['first', 'third']
    assert answer.endswith('0'), 'the third request opened a connection'


def test_a_body_of_5_mb_is_kept_to_the_letter(webhook: Webhook) -> None:
    text = 'é' * (5 * MIB // 2)
    body = json.dumps({'name': 'large', 'raw_json': {'text': text}}, ensure_ascii=False).encode()
    answer = curl(webhook.webhook_url, '-H', f'Authorization: {TOKEN}', '--data-binary', '@-', data=body)
    assert answer.status == 200
    assert json.loads(webhook.sent()[-1]['rawJSON']) == {'text': text}


STATED, CHUNKED = ['--data-binary', '@-'], ['-T', '-', '-X', 'POST']


@pytest.mark.parametrize('arguments, door', [
    (STATED, 'webhook_url'), (CHUNKED, 'direct_url'), pytest.param(STATED, 'direct_url', marks=pytest.mark.weekly),
    pytest.param(CHUNKED, 'webhook_url', marks=pytest.mark.weekly)])
def test_a_body_of_30_mb_is_rejected_without_being_held(webhook: Webhook, arguments: list[str], door: str) -> None:
    before = created(webhook)
    held = webhook.peak_memory()
    answer = curl(getattr(webhook, door), '-H', f'Authorization: {TOKEN}', *arguments, data=b'{' + b' ' * 30 * MIB)
    assert answer.status == 413
    assert 'larger than' in answer.detail
    assert webhook.peak_memory() - held < (20 if arguments == STATED else 80) * MIB
    assert created(webhook) == before


@pytest.mark.parametrize('method, path, status', [
    ('GET', '', 200), ('OPTIONS', '', 204), ('PUT', '', 401), ('PATCH', '', 405), ('DELETE', '', 405), ('GET', '/other', 404),
    ('POST', '/other', 404),
])
def test_each_method_and_path_has_its_response(webhook: Webhook, method: str, path: str, status: int) -> None:
    answer = curl('-X', method, webhook.webhook_url + path)
    assert answer.status == status
    if status in (204, 405):
        assert answer.headers['allow'] == 'GET, HEAD, OPTIONS, POST, PUT'
    if status >= 400:
        assert answer.detail


def test_a_sender_that_ends_in_the_middle_of_its_body_makes_nothing(webhook: Webhook) -> None:
    before = created(webhook)
    with webhook.connect() as sender:
        sender.sendall(request_bytes(webhook.direct_url, b'{"name": "half', AUTHORIZED, length=100))
        sender.shutdown(socket.SHUT_WR)
        assert b' 400 ' in sender.recv(65536)
    assert created(webhook) == before


def test_every_request_leaves_one_line_in_the_log_without_what_it_held(webhook: Webhook) -> None:
    curl(webhook.webhook_url, '-A', 'agent \u2028 one', '-H', f'Authorization: {TOKEN}', '-d', '{"name": "not for the log"}')
    curl(webhook.webhook_url, '-A', 'agent two', '-H', f'Authorization: {TOKEN}', '-d', '{"occurred": "not for the log"}')
    webhook.wait_for_line(r'debug .*POST 200 \d+ ms, from "\S+" "agent \S*\\\\?x80\S+ one", 27 bytes, token 1: incident \d+')
    webhook.wait_for_line(r'info .*POST 400 \d+ ms, from "\S+" "agent two", \d+ bytes, token 1: .*ISO 8601')
    assert not [line for line in webhook.output if 'not for the log' in line and '  log ' in line]


def test_the_test_button_says_ok_beside_a_container_that_holds_the_port(webhook: Webhook) -> None:
    done = run_local_xsoar(str(PACK), '--test', '--set', f'longRunningPort={webhook.container_port}', '--set',
                           f'auth_header={TOKEN}')
    assert (done.returncode, done.stdout.strip().splitlines()[-1]) == (0, 'ok')


def test_a_port_in_use_is_reported_in_the_health_and_taken_once_it_is_free(webhook: Webhook, configured_url: str) -> None:
    def health() -> dict[str, Any]:
        return state_of_configured(webhook)['health'] or {'isError': False}

    with socket.create_server(('', 0)) as holder:
        port = holder.getsockname()[1]
        webhook.control('POST', 'instance/save?instance=configured', {'longRunningPort': str(port)})
        wait_for(lambda: health()['isError'], 'the error in the health')
        assert f'Listen Port {port}' in health()['error']
        pid = state_of_configured(webhook)['pid']
        holder.close()
        wait_for(lambda: not health()['isError'], 'the health to be cleared')
        assert curl(configured_url).status == 200
        assert state_of_configured(webhook)['pid'] == pid
