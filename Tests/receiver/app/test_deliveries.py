"""A delivery that comes twice makes one incident; a failed one is tried again; what is remembered is bounded."""
from __future__ import annotations

import hmac
import json
import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import demistomock
import patient
import pytest
import requests
from changed_packs import webhook_with
from shared.app import NOW, App
from GenericWebhook import DELIVERY_IDS, likeness_of
from local_xsoar import wait_for
from shared.webhook import TOKEN, Webhook, request_bytes

pytestmark = pytest.mark.sockets

AUTHORIZED = {'Authorization': TOKEN}
each_id = pytest.mark.parametrize('name', DELIVERY_IDS)


def numbered(name: str, number: str) -> dict[str, str]:
    """The headers of a delivery with this number, and the token."""
    return {**AUTHORIZED, name: number, **({DELIVERY_IDS[name]: 'beside'} if DELIVERY_IDS[name] else {})}


POOL = ThreadPoolExecutor(32)


def sending(url: str, body: str, headers: dict[str, str]) -> Future[requests.Response]:
    """Begin to send a POST."""
    return POOL.submit(patient.post, url, body, headers=headers)


# Through the app


@pytest.mark.parametrize('depth', [800, 900, 980, 990, 5000])
def test_what_xsoar_returns_is_passed_on_but_of_what_is_nested_too_deeply_only_ids_and_names(app: App, depth: int) -> None:
    nested: Any = []
    for _ in range(depth):
        nested = [nested]
    demistomock.declare(createIncidents=lambda incidents, *_: [{'id': '7', 'name': incidents[0]['name'], 'nested': nested}])
    response = app.authorized('{"title": "Disk full"}')
    assert response.status == 200, app.outcome
    whole = f', "nested": {"[" * (depth + 1)}{"]" * (depth + 1)}'
    assert response.text.replace(whole, '') == '[{"id": "7", "name": "Disk full"}]'
    assert app.outcome == 'incident 7'


@each_id
def test_the_same_delivery_is_answered_alike_and_makes_one_incident(app: App, name: str) -> None:
    answers = [app.post('{"a": 1}', numbered(name, 'id-1')) for _ in range(3)]
    assert len(app.calls) == 1
    assert {(answer.status, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert answers[0].json[0]['id'] == '1.0'


@each_id
def test_the_same_id_with_another_body_and_another_id_with_the_same_one_are_other_deliveries(app: App, name: str) -> None:
    for body in ('{"a": 1}', '{"a": 2}', '{"a": 1} ', '{"a": 1}'):
        assert app.post(body, numbered(name, 'id-1')).status == 200
    assert len(app.calls) == 3
    for number in ('id-1', 'id-2', 'ID-1', 'id-1'):
        app.post('{"a": 1}', numbered(name, number))
    assert len(app.calls) == 5


@each_id
def test_the_same_delivery_to_two_urls_of_an_instance_is_two_deliveries(app: App, name: str) -> None:
    queries = ['type=Phishing', 'type=Malware', '', f'type=Phishing&key={TOKEN}', f'key={TOKEN}', 'type=Malware']
    types = [app.post('{"a": 1}', numbered(name, 'id-1'), query).json[0]['type'] for query in queries]
    assert types == ['Phishing', 'Malware', None, 'Phishing', None, 'Malware']
    assert len(app.calls) == 3, 'the token in a query says nothing about what is to be created'


def test_a_delivery_without_an_id_is_another_one_under_another_content_type_but_not_from_another_user_agent() -> None:
    sent: list[dict[str, str]] = [{'content-type': 'text/json'}, {'content-type': 'text/json', 'user-agent': 'b'},
                                  {'content-type': 'text/plain'}, {}]
    keys = [likeness_of(headers, '', b'{}') for headers in sent]
    assert keys[0] == keys[1] and len({*keys}) == 3


HOSTILE_IDS = ('\xff' * 10, 'a' * 15_000, '\0', ',', '{}', ' ')


@pytest.mark.parametrize('several, calls', [
    ([{}, {'webhook-id': ''}, {'X-Request-ID': 'same'}, {'Request-ID': 'same'}, {'ce-id': 'same'}] * 2, 10),
    ([numbered('webhook-id', 'id-1') | {'Content-Type': label} for label in ('application/json', 'text/plain')], 1),
    ([numbered(name, 'id-1') for name in DELIVERY_IDS], len(DELIVERY_IDS)),
    ([{'ce-id': '1', 'ce-source': source} for source in ('/one', '/two', '/one', '')], 3),
    ([{'webhook-id': '1', 'ce-source': source} for source in ('/one', '/two')], 1),
    ([{'webhook-id': value} for value in HOSTILE_IDS * 2], len(HOSTILE_IDS)),
], ids=['without an id, or an empty one', 'another content type', 'another header', 'another source', 'a source that counts not',
        'hostile ids'])
def test_equal_bodies_are_as_many_deliveries_as_their_ids_say(app: App, several: list[dict[str, str]], calls: int) -> None:
    assert {app.post('{"a": 1}', AUTHORIZED | headers).status for headers in several} == {200}
    assert len(app.calls) == calls


@pytest.mark.parametrize('body, made', [
    ('{"a": 1}', 'incident 1.0'), ('[{"a": 1}, {"a": 2}]', '2 incidents 1.0, 1.1'),
    (json.dumps([{'a': 1}] * 100), f'100 incidents {", ".join(f"1.{number}" for number in range(100))}'[:150]),
], ids=['one', 'two', 'many'])
def test_the_log_says_what_was_made_and_of_what_it_is_a_repeat(app: App, body: str, made: str) -> None:
    outcomes = []
    for _ in range(2):
        app.post(body, {**AUTHORIZED, 'webhook-id': '1'})
        outcomes.append(app.outcome)
    assert outcomes == [made, f'repeat of {made}']


def test_a_repeat_with_a_fresh_signature_is_still_a_repeat(app: App) -> None:
    for seconds_ago in (100, 0):
        stamp = str(NOW - seconds_ago)
        signature = hmac.new(TOKEN.encode(), f'v0:{stamp}:{{"a": 1}}'.encode(), 'sha256').hexdigest()
        assert app.post('{"a": 1}', {'X-Slack-Request-Timestamp': stamp, 'X-Slack-Signature': f'v0={signature}',
                                     'Idempotency-Key': 'k'}).status == 200
    assert len(app.calls) == 1


@each_id
def test_a_request_that_is_not_let_in_neither_gets_nor_leaves_a_response(app: App, name: str) -> None:
    assert app.post('{"a": 1}', {'Authorization': 'wrong', name: 'id-1'}).status == 401
    first = app.post('{"a": 1}', {**AUTHORIZED, name: 'id-1'})
    assert (first.status, len(app.calls)) == (200, 1)
    for headers in ({}, {'Authorization': 'wrong'}, {'X-Hub-Signature-256': 'sha256=00'}):
        answer = app.post('{"a": 1}', {**headers, name: 'id-1'})
        assert answer.status == 401
        assert '1.0' not in answer.text


# Through the door


def test_a_repeat_waits_while_the_first_is_being_made(webhook: Webhook) -> None:
    before, calls = len(webhook.sent()), len(webhook.state()['createSizes'])
    webhook.faults(hang=True)
    try:
        headers = {**AUTHORIZED, 'webhook-id': 'slow-1'}
        first = sending(webhook.direct_url, '{"name": "slow"}', headers)
        wait_for(lambda: len(webhook.state()['createSizes']) > calls, 'the call that hangs')
        repeats = [sending(webhook.direct_url, '{"name": "slow"}', headers) for _ in range(5)]
        assert patient.get(webhook.direct_url).status_code == 200
        assert not any(each.done() for each in (first, *repeats))
    finally:
        webhook.faults(hang=False)
    assert {(each.result().status_code, each.result().text) for each in repeats} == {(200, first.result().text)}
    assert len(webhook.sent()) == before + 1


# Without an id: a repeat is only what follows a sender that left before the answer came


class Leaving:
    """A sender that goes away, or closes its own half, before it has heard the answer."""

    def __init__(self, webhook: Webhook, url: str, body: str) -> None:
        self.webhook = webhook
        parts = urlsplit(url)
        calls = len(webhook.state()['createSizes'])
        self.socket = socket.create_connection((parts.hostname or '', parts.port or 0))
        self.socket.sendall(request_bytes(url, body.encode(), AUTHORIZED))
        wait_for(lambda: len(webhook.state()['createSizes']) > calls, 'the call that hangs')

    def leave(self) -> None:
        """Go away; the container can know it afterwards."""
        before = self.gone()
        self.socket.close()
        wait_for(lambda: self.gone() > before, 'the departure')

    def gone(self) -> int:
        """Return how many senders have left the server, and the container itself, so far."""
        through_xsoar = [delivery['kind'] for delivery in self.webhook.control('GET', 'deliveries')]
        return through_xsoar.count('gone') - len(self.webhook.connected())


# For it any sender that leaves during a call has waited long enough.
impatient = webhook_with({'FIRST_LOOK_SECONDS = 0.5': 'FIRST_LOOK_SECONDS = 0'})


@pytest.fixture
def hanging(impatient: Webhook) -> Iterator[Webhook]:
    impatient.faults(hang=True)
    yield impatient
    impatient.faults(hang=False)


def url_of(webhook: Webhook, way: str) -> str:
    return webhook.webhook_url if way == 'through XSOAR' else webhook.direct_url


def ids_of(response: requests.Response) -> list[str]:
    return [incident['id'] for incident in response.json()]


each_way = pytest.mark.parametrize('way', ['directly', 'through XSOAR'])


@each_way
def test_a_sender_that_left_during_a_call_gets_its_response_by_a_retry(hanging: Webhook, way: str) -> None:
    url, body = url_of(hanging, way), f'{{"name": "late {way}"}}'
    Leaving(hanging, url, body).leave()
    early = sending(url, body, AUTHORIZED)
    hanging.faults(hang=False)
    first = ids_of(early.result())
    assert hanging.names().count(f'late {way}') == 1, 'it gets what the first one made'
    again = patient.post(url, body, headers=AUTHORIZED)
    assert ids_of(again) != first, 'one departure excuses one repeat'
    assert hanging.names().count(f'late {way}') == 2


@each_way
def test_a_sender_that_never_waits_is_never_taken_for_one_that_retries(webhook: Webhook, way: str) -> None:
    for count in range(1, 4):
        parts = urlsplit(url := url_of(webhook, way))
        with socket.create_connection((parts.hostname or '', parts.port or 0)) as sender:
            sender.sendall(request_bytes(url, b'{"name": "constant %s"}' % way.encode(), AUTHORIZED))
        wait_for(lambda: webhook.names().count(f'constant {way}') == count, 'the incident')  # noqa: B023 - called at once


def test_20_equal_alerts_at_once_whose_senders_stay_are_20_incidents(hanging: Webhook) -> None:
    senders = [sending(hanging.direct_url, '{"name": "equal"}', AUTHORIZED) for _ in range(20)]
    hanging.faults(hang=False)
    assert len({ids_of(sender.result())[0] for sender in senders}) == 20
    assert hanging.names().count('equal') == 20


def test_a_sender_that_closed_its_own_half_is_answered_and_has_not_left(webhook: Webhook) -> None:
    with webhook.connect() as sender:
        sender.sendall(request_bytes(webhook.direct_url, b'{"name": "half"}', AUTHORIZED))
        sender.shutdown(socket.SHUT_WR)
        assert sender.recv(12) == b'HTTP/1.1 200'
    assert patient.post(webhook.direct_url, '{"name": "half"}', headers=AUTHORIZED).status_code == 200
    assert webhook.names().count('half') == 2


def test_departures_of_several_equal_alerts_excuse_as_many_repeats(hanging: Webhook) -> None:
    leaving = Leaving(hanging, hanging.direct_url, '{"name": "several"}')
    others = [hanging.connect() for _ in range(2)]
    staying = sending(hanging.direct_url, '{"name": "several"}', AUTHORIZED)
    for other in others:
        other.sendall(request_bytes(hanging.direct_url, b'{"name": "several"}', AUTHORIZED))
    for _ in range(5):  # by then they have arrived
        assert patient.get(hanging.direct_url).status_code == 200
    leaving.leave()
    for leaving.socket in others:
        leaving.leave()
    hanging.faults(hang=False)
    retries = [sending(hanging.direct_url, '{"name": "several"}', AUTHORIZED) for _ in range(4)]
    ids = [ids_of(sender.result())[0] for sender in (staying, *retries)]
    assert len(set(ids)) == 5
    assert hanging.names().count('several') == 4 + 1


@pytest.mark.parametrize('beyond', [0, 1])
def test_a_repeat_of_one_whose_response_is_larger_than_the_bound_gets_the_ids_and_names(app: App, beyond: int) -> None:
    body = json.dumps({'name': 'large', 'raw_json': {'text': 'x' * 1000}})
    app.app.deliveries.most_bytes = len(app.post(body, AUTHORIZED).text) - beyond
    first, again = (app.post(body, numbered('webhook-id', '1')) for _ in range(2))
    assert len(first.json[0]['rawJSON']) > 1000
    assert again.json == ([{'id': '2.0', 'name': 'large'}] if beyond else first.json)
