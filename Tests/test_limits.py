"""Limits that docs/limits.md promises, at the door: what just keeps to one is let in, and what goes beyond it is refused."""
from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from app import App
from local_xsoar import wait_for
from webhook import TOKEN, Webhook

KIB, MIB = 1024, 1024 * 1024
AUTHORIZED = f'POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN}\r\nConnection: close\r\n'


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook('--log-level', 'debug') as running:
        yield running


def status_of(webhook: Webhook, head: str) -> int:
    with webhook.connect() as sender:
        sender.sendall(head.encode())
        return int(sender.recv(64).split()[1])


@pytest.mark.parametrize('form, between', [('{}\n', '\n'), ('[{}]', ',')], ids=['lines', 'array'])
@pytest.mark.parametrize('count, status', [(1000, 200), (1001, 413), (50_000, 413)])
def test_a_request_may_hold_1000_events(app: App, form: str, between: str, count: int, status: int) -> None:
    answer = app.authorized(form.replace('{}', between.join(['{"a": 1}'] * count)))
    assert (answer.status, sum(map(len, app.calls))) == (status, count if status == 200 else 0)
    assert status == 200 or '1,000' in answer.detail


@pytest.mark.parametrize('beyond, status', [(0, 200), (1, 413)])
def test_the_json_text_of_an_incident_may_have_37_mib(app: App, beyond: int, status: int) -> None:
    app.authorized('x' * MIB)
    rest = 37 * MIB + beyond - len(app.incidents[-1]['rawJSON']) + MIB
    answer = app.authorized('\1' * (rest // 6) + 'x' * (rest % 6))  # a control character becomes six
    assert answer.status == status
    assert status == 413 or len(app.incidents[-1]['rawJSON']) == 37 * MIB


@pytest.mark.parametrize('beyond, status', [(0, 200), (1, 413)])
@pytest.mark.parametrize('content_type', ['text/plain', 'application/x-www-form-urlencoded', 'application/xml'])
def test_a_body_may_have_25_mib_in_utf_8_whatever_its_charset(app: App, beyond: int, status: int, content_type: str) -> None:
    body = b'a=' + b'\xe9' * (25 * MIB // 2 - 1) + b'x' * beyond
    answer = app.authorized(body, f'{content_type}; charset=iso-8859-1')
    assert answer.status == status
    assert status == 200 or 'in UTF-8' in answer.detail


@pytest.mark.parametrize('field', ['name', 'type'])
@pytest.mark.parametrize('beyond, status', [(0, 200), (1, 413)])
def test_the_name_and_the_type_of_an_envelope_may_have_64_kib(app: App, field: str, beyond: int, status: int) -> None:
    text = 'x' * (64 * KIB - 2 + beyond)  # and its quotation marks
    answer = app.authorized(json.dumps({field: text, 'raw_json': {}}))
    assert answer.status == status
    assert app.incidents[0][field] == text if status == 200 else field in answer.detail


def test_a_huge_date_is_refused_as_any_other_that_is_none(app: App) -> None:
    answer = app.authorized(json.dumps({'occurred': '2026-11-24T' + 'x' * MIB}))
    assert answer.status == 400
    assert 'ISO 8601' in answer.detail


@pytest.mark.parametrize('size, status', [(256 * KIB, 200), (256 * KIB + 1, 400)])
def test_raw_line_breaks_in_strings_are_mended_in_bodies_up_to_256_kib(app: App, size: int, status: int) -> None:
    assert app.authorized('{"a": "\n%s"}' % ('x' * (size - 10))).status == status


def test_half_a_surrogate_pair_is_mended_in_a_body_of_any_size(app: App) -> None:
    assert app.authorized('{"a": "%s\\ud800"}' % ('x' * MIB)).status == 200
    assert app.details['a'] == 'x' * MIB + '\ufffd'


@pytest.mark.parametrize('size, status', [(32 * KIB - 50, 200), (32 * KIB + 50, 400)])
def test_the_headers_of_a_request_may_be_32_kib_together(webhook: Webhook, size: int, status: int) -> None:
    headers = AUTHORIZED.partition('\r\n')[2]
    while len(headers) < size - 1000:
        headers += 'X-Filler: ' + 'a' * 900 + '\r\n'
    headers += 'X-Rest: ' + 'a' * (size - len(headers) - len('X-Rest: \r\n\r\n')) + '\r\n\r\n'
    assert len(headers) == size
    assert status_of(webhook, 'POST / HTTP/1.1\r\n' + headers) == status


@pytest.mark.parametrize('count, status', [(100, 200), (101, 400)])
def test_a_request_may_have_100_headers(webhook: Webhook, count: int, status: int) -> None:
    assert status_of(webhook, AUTHORIZED + 'X-A: b\r\n' * (count - AUTHORIZED.count(':')) + '\r\n') == status


def test_a_request_line_that_is_too_long_is_told_so(webhook: Webhook) -> None:
    assert status_of(webhook, f'GET /?{"a" * 9000} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n') == 414


def test_of_a_refused_body_no_more_than_64_mib_are_read(webhook: Webhook) -> None:
    sent = 0
    with webhook.connect() as sender, suppress(ConnectionError):
        sender.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % (500 * MIB))
        while sent < 500 * MIB:
            sent += sender.send(b' ' * MIB)
    assert 60 * MIB < sent < 100 * MIB, 'less what the system holds on the way'


def test_the_log_is_written_once_a_second_at_most(webhook: Webhook) -> None:
    def log_calls() -> int:
        calls = webhook.state()['calls']
        return sum(calls.get(level, 0) for level in ('debug', 'info'))

    before, ends_at = log_calls(), time.monotonic() + 2.5
    while time.monotonic() < ends_at:
        assert status_of(webhook, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n') == 200
    assert 2 <= log_calls() - before <= 4


# Samples


def creates(webhook: Webhook, name: str) -> bool:
    body = json.dumps({'name': name})
    with suppress(OSError):
        return status_of(webhook, f'{AUTHORIZED}Content-Length: {len(body)}\r\n\r\n{body}') == 200
    return False


def test_the_mapping_wizard_gets_what_is_small_and_was_written_a_minute_ago_also_after_a_restart() -> None:
    with Webhook() as webhook:
        assert creates(webhook, 'large' * 12_000)
        assert creates(webhook, 'first')
        wait_for(webhook.samples, 'the first sample')
        assert creates(webhook, 'soon after')
        assert webhook.state()['calls']['setIntegrationContext'] == 1
        webhook.stop_container()
        wait_for(lambda: webhook.state()['restarts'], 'the restart')
        wait_for(lambda: creates(webhook, 'second'), 'the new container')
        wait_for(lambda: len(webhook.samples()) > 1, 'the second sample')
        assert [sample['name'] for sample in webhook.samples()] == ['first', 'second']


# The end


def test_a_container_that_waits_for_its_port_ends_at_once_when_it_is_stopped() -> None:
    with socket.create_server(('', 0)) as holder, \
            Webhook(params={'longRunningPort': holder.getsockname()[1]}, wait_ready=False) as webhook:
        wait_for(lambda: webhook.state()['health']['isError'], 'the error in the health')
        began = time.monotonic()
        webhook.stop_container()
        wait_for(lambda: webhook.state()['restarts'], 'the end')
        assert time.monotonic() - began < 4


def test_the_last_lines_of_the_log_leave_at_a_stop() -> None:
    with Webhook('--log-level', 'debug') as webhook:
        webhook.wait_for_line('Listening on port')
        assert creates(webhook, 'last')
        webhook.stop_container()
        webhook.wait_for_line('POST 200 .* incident 1', seconds=5)
