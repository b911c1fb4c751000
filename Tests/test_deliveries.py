"""A delivery that comes twice makes one incident; a failed one is tried again; what is remembered is bounded."""
from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import GenericWebhook
import gevent
import pytest
import requests
from app import App
from gevent.event import Event
from GenericWebhook import DELIVERY_IDS, Deliveries, Unavailable
from local_xsoar import wait_for
from webhook import TOKEN, Webhook

AUTHORIZED = {'Authorization': TOKEN}
each_id = pytest.mark.parametrize('name', DELIVERY_IDS)


class Sending(threading.Thread):
    """A POST that is under way."""

    def __init__(self, url: str, body: str, headers: dict[str, str]) -> None:
        super().__init__()
        self.request = (url, body, headers)
        self.start()

    def run(self) -> None:
        url, body, headers = self.request
        self.answer = requests.post(url, body, headers=headers, timeout=30)

    def result(self) -> requests.Response:
        self.join(30)
        return self.answer


# Through the app


@each_id
def test_the_same_delivery_is_answered_alike_and_makes_one_incident(app: App, name: str) -> None:
    answers = [app.post('{"a": 1}', {**AUTHORIZED, name: 'id-1'}) for _ in range(3)]
    assert len(app.calls) == 1
    assert {(answer.status, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert answers[0].json[0]['id'] == '1.0'


@each_id
def test_the_same_id_with_another_body_is_another_delivery(app: App, name: str) -> None:
    for body in ('{"a": 1}', '{"a": 2}', '{"a": 1} ', '{"a": 1}'):
        assert app.post(body, {**AUTHORIZED, name: 'id-1'}).status == 200
    assert len(app.calls) == 3


@each_id
def test_another_id_with_the_same_body_is_another_delivery(app: App, name: str) -> None:
    for number in ('id-1', 'id-2', 'ID-1', 'id-1'):
        app.post('{"a": 1}', {**AUTHORIZED, name: number})
    assert len(app.calls) == 3


def test_without_an_id_or_with_an_empty_one_every_request_counts(app: App) -> None:
    for headers in ({}, {}, {'webhook-id': ''}, {'webhook-id': ''}, {'X-Request-ID': 'same'}, {'X-Request-ID': 'same'}):
        app.post('{"a": 1}', {**AUTHORIZED, **headers})
    assert len(app.calls) == 6


def test_the_same_id_in_another_header_is_another_delivery(app: App) -> None:
    for name in DELIVERY_IDS:
        app.post('{"a": 1}', {**AUTHORIZED, name: 'id-1'})
    assert len(app.calls) == len(DELIVERY_IDS)


def test_a_cloud_event_of_another_source_is_another_delivery(app: App) -> None:
    for source in ('/one', '/two', '/one', ''):
        app.post('{"a": 1}', {**AUTHORIZED, 'ce-id': '1', 'ce-source': source})
    assert len(app.calls) == 3
    app.post('{"a": 1}', {**AUTHORIZED, 'webhook-id': '1', 'ce-source': '/one'})
    app.post('{"a": 1}', {**AUTHORIZED, 'webhook-id': '1', 'ce-source': '/two'})
    assert len(app.calls) == 4, 'other ids have no source'


def test_an_array_that_comes_twice_makes_its_incidents_once(app: App) -> None:
    first, second = (app.post('[{"a": 1}, {"a": 2}]', {**AUTHORIZED, 'Idempotency-Key': 'k'}) for _ in range(2))
    assert (len(app.incidents), first.text) == (2, second.text)


def test_a_repeat_with_a_fresh_signature_is_still_a_repeat(app: App) -> None:
    for seconds_ago in (100, 0):
        stamp = str(int(time.time()) - seconds_ago)
        signature = hmac.new(TOKEN.encode(), f'v0:{stamp}:{{"a": 1}}'.encode(), 'sha256').hexdigest()
        assert app.post('{"a": 1}', {'X-Slack-Request-Timestamp': stamp, 'X-Slack-Signature': f'v0={signature}',
                                     'Idempotency-Key': 'k'}).status == 200
    assert len(app.calls) == 1


@each_id
def test_a_request_that_is_not_let_in_neither_gets_nor_leaves_an_answer(app: App, name: str) -> None:
    assert app.post('{"a": 1}', {'Authorization': 'wrong', name: 'id-1'}).status == 401
    first = app.post('{"a": 1}', {**AUTHORIZED, name: 'id-1'})
    assert (first.status, len(app.calls)) == (200, 1)
    for headers in ({}, {'Authorization': 'wrong'}, {'X-Hub-Signature-256': 'sha256=00'}):
        answer = app.post('{"a": 1}', {**headers, name: 'id-1'})
        assert answer.status == 401
        assert '1.0' not in answer.text


def test_a_bad_request_is_not_remembered_as_an_answer(app: App) -> None:
    for _ in range(2):
        assert app.post('{"name": 1}', {**AUTHORIZED, 'webhook-id': '1'}).status == 400


@pytest.mark.parametrize('value', ['\xff' * 10, 'a' * 15_000, '\0', ',', '{}', ' '])
def test_a_hostile_id_is_an_id_like_any(app: App, value: str) -> None:
    for _ in range(2):
        assert app.post('{"a": 1}', {**AUTHORIZED, 'webhook-id': value}).status == 200
    assert len(app.calls) == 1


def test_after_an_hour_the_same_delivery_is_new(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def send() -> None:
        assert app.post('{"a": 1}', {**AUTHORIZED, 'webhook-id': '1'}).status == 200

    now = time.monotonic()
    for seconds, calls in ((0, 1), (3599, 1), (3602, 2), (3603, 2), (7300, 3)):
        monkeypatch.setattr(time, 'monotonic', lambda passed=seconds: now + passed)
        send()
        assert len(app.calls) == calls, seconds


# Through the door


def test_a_repeat_at_the_door_gets_the_first_ones_answer(webhook: Webhook) -> None:
    before = len(webhook.sent())
    first, second = (requests.post(webhook.webhook_url, '{"name": "twice"}', headers={**AUTHORIZED, 'X-GitHub-Delivery': 'd-1'},
                                   timeout=30)
                     for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json() == second.json()
    assert len(webhook.sent()) == before + 1


def test_a_repeat_waits_while_the_first_is_being_made(webhook: Webhook) -> None:
    before, calls = len(webhook.sent()), len(webhook.state()['createSizes'])
    webhook.faults(hang=True)
    try:
        headers = {**AUTHORIZED, 'webhook-id': 'slow-1'}
        first = Sending(webhook.direct_url, '{"name": "slow"}', headers)
        wait_for(lambda: len(webhook.state()['createSizes']) > calls, 'the call that hangs')
        repeats = [Sending(webhook.direct_url, '{"name": "slow"}', headers) for _ in range(5)]
        assert requests.get(webhook.direct_url, timeout=30).status_code == 200
        assert all(each.is_alive() for each in (first, *repeats))
    finally:
        webhook.faults(hang=False)
    assert {(each.result().status_code, each.result().text) for each in repeats} == {(200, first.result().text)}
    assert len(webhook.sent()) == before + 1


def test_a_failure_is_not_remembered_and_the_retry_works(webhook: Webhook) -> None:
    before = len(webhook.sent())
    headers = {**AUTHORIZED, 'webhook-id': 'failed-1'}
    webhook.faults(refuse='poison')
    try:
        assert requests.post(webhook.webhook_url, '{"name": "poison"}', headers=headers, timeout=30).status_code == 502
    finally:
        webhook.faults(refuse='')
    answers = [requests.post(webhook.webhook_url, '{"name": "poison"}', headers=headers, timeout=30) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(webhook.sent()) == before + 1


def test_a_repeat_that_waited_for_a_failure_is_tried_itself(webhook: Webhook) -> None:
    calls = len(webhook.state()['createSizes'])
    headers = {**AUTHORIZED, 'webhook-id': 'failed-2'}
    webhook.faults(hang=True, refuse='poison')
    try:
        first = Sending(webhook.direct_url, '{"name": "poison"}', headers)
        wait_for(lambda: len(webhook.state()['createSizes']) == calls + 1, 'the first call')
        second = Sending(webhook.direct_url, '{"name": "poison"}', headers)
    finally:
        webhook.faults(hang=False)
    assert (first.result().status_code, second.result().status_code) == (502, 502)
    assert len(webhook.state()['createSizes']) == calls + 2
    webhook.faults(refuse='')


def test_what_the_server_dropped_is_not_created_by_a_repeat(webhook: Webhook) -> None:
    before = len(webhook.sent())
    headers = {**AUTHORIZED, 'webhook-id': 'dropped-1'}
    webhook.faults(drop='noise')
    try:
        first = requests.post(webhook.webhook_url, '{"name": "noise"}', headers=headers, timeout=30)
    finally:
        webhook.faults(drop='')
    second = requests.post(webhook.webhook_url, '{"name": "noise"}', headers=headers, timeout=30)
    assert (first.json(), second.json()) == ([], [])
    assert len(webhook.sent()) == before


# Bounds


def answers(text: str) -> Callable[[], str]:
    return lambda: text


def never() -> str:
    raise AssertionError('it was made again')


def remembered(deliveries: Deliveries) -> int:
    return sum(len(delivery.outcome.value or '') for delivery in deliveries.answers.values())


def test_the_oldest_is_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GenericWebhook, 'MAX_REMEMBERED_DELIVERIES', 3)
    deliveries = Deliveries()
    for number in range(5):
        deliveries.once(b'%d' % number, answers(f'answer {number}'))
        assert len(deliveries.answers) <= 3
    assert deliveries.once(b'4', never) == 'answer 4'
    assert deliveries.once(b'0', answers('anew')) == 'anew'


def test_the_oldest_is_forgotten_when_they_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GenericWebhook, 'MAX_REMEMBERED_BYTES', 100)
    deliveries = Deliveries()
    for number in range(20):
        deliveries.once(b'%d' % number, answers('x' * 30))
        assert remembered(deliveries) == deliveries.size
        assert remembered(deliveries) <= 100
    assert deliveries.once(b'19', never) == 'x' * 30


def test_an_answer_larger_than_the_bound_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GenericWebhook, 'MAX_REMEMBERED_BYTES', 100)
    deliveries = Deliveries()
    deliveries.once(b'small', answers('x'))
    assert deliveries.once(b'large', answers('x' * 1000)) == 'x' * 1000
    assert remembered(deliveries) <= 100
    assert deliveries.once(b'small', never) == 'x'


def test_a_request_without_an_id_is_always_made_and_never_held() -> None:
    deliveries = Deliveries()
    assert [deliveries.once(b'', answers(text)) for text in 'ab'] == ['a', 'b']
    assert not deliveries.answers


def test_what_is_forgotten_while_it_is_made_leaves_the_count_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GenericWebhook, 'MAX_REMEMBERED_DELIVERIES', 1)
    deliveries = Deliveries()
    released = Event()

    def slowly() -> str:
        released.wait(10)
        return 'x' * 10

    made: list[Any] = [gevent.spawn(deliveries.once, b'1', slowly)]
    wait_until_busy(deliveries, 1)
    deliveries.once(b'2', answers('y'))
    made.append(gevent.spawn(deliveries.once, b'1', slowly))
    wait_until_busy(deliveries, 1)
    released.set()
    gevent.joinall(made, timeout=10)
    assert deliveries.size == remembered(deliveries)


def test_a_failure_of_what_was_forgotten_does_not_take_its_successor_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GenericWebhook, 'MAX_REMEMBERED_DELIVERIES', 1)
    deliveries = Deliveries()
    failing = Event()

    def fail() -> str:
        failing.wait(10)
        raise Unavailable('busy')

    first = gevent.spawn(failed, deliveries, fail)
    wait_until_busy(deliveries, 1)
    deliveries.once(b'2', answers('y'))
    assert deliveries.once(b'1', answers('second')) == 'second'
    failing.set()
    first.join(10)
    assert deliveries.once(b'1', never) == 'second'


def failed(deliveries: Deliveries, make: Callable[[], str]) -> None:
    with pytest.raises(Unavailable):
        deliveries.once(b'1', make)


def wait_until_busy(deliveries: Deliveries, count: int) -> None:
    gevent.sleep(0)
    assert len(deliveries.answers) == count


def test_an_unexpected_error_is_not_remembered_either() -> None:
    deliveries = Deliveries()
    with pytest.raises(KeyError):
        deliveries.once(b'1', lambda: json.loads('{}')['missing'])
    assert deliveries.once(b'1', answers('fine')) == 'fine'
