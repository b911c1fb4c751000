"""No accepted event is lost without the word, and none is doubled after a response of ours: over real sockets."""
from __future__ import annotations

import asyncio
import os
import re
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import clocks
import demistomock
import patient
import pytest
from changed_packs import webhook_with
from clocks import PATIENCE_SECONDS, wait_for
from gevent import socket
from GenericWebhook import MAX_CALL_BYTES, Listener
from own_server import ask, connect, post_and_leave
from senders_at_once import AUTHORIZED, Senders, scene, until
from shared.webhook import Answer, Webhook, changed_pack, read_answers, read_to_end, request_bytes

pytestmark = pytest.mark.sockets

MOST_WAITING = 40
# A post is given up at its second try after others were created; a sender waits for two seconds; a stop takes half a second.
SMALL = {'MAX_WAITING_POSTS = 1000': f'MAX_WAITING_POSTS = {MOST_WAITING}',
         'MOST_FAILURES = 5': 'MOST_FAILURES = 2', 'GIVE_UP_SECONDS = 60': 'GIVE_UP_SECONDS = 0.1',
         'FIRST_PAUSE_SECONDS = 1': 'FIRST_PAUSE_SECONDS = 0.05', 'HURRY_SECONDS = 10': 'HURRY_SECONDS = 0.1',
         'HAND_OVER_SECONDS = 25': 'HAND_OVER_SECONDS = 2', 'EARLY_CLOSE_SECONDS = 2': 'EARLY_CLOSE_SECONDS = 0.2',
         'RESET_SECONDS = 1': 'RESET_SECONDS = 0.3', 'STOP_SECONDS = 10': 'STOP_SECONDS = 0.5'}
PATIENT = {'FIRST_LOOK_SECONDS = 0.5': 'FIRST_LOOK_SECONDS = 60'}  # nobody looks whether a sender has left, but the queue


class Small(Webhook):
    """One with small limits, of which a test can see when all connections have ended."""

    files_at_rest = 0

    def __enter__(self) -> Small:
        super().__enter__()
        self.files_at_rest = self.files()
        return self

    def files(self) -> int:
        return len(os.listdir(f'/proc/{self.state()["pid"]}/fd'))

    def wait_for_rest(self) -> None:
        wait_for(lambda: self.files() <= self.files_at_rest, 'the end of all connections')


webhook = webhook_with(SMALL, '--log-level', 'debug', kind=Small)


def test_after_our_503_to_a_sender_that_closed_its_sending_side_a_retry_waits_for_its_post_and_creates_nothing(
        webhook: Small) -> None:
    body = b'{"name": "half closed"}'
    webhook.faults(hang=True)
    try:
        with webhook.connect() as sender:
            sender.sendall(request_bytes(webhook.direct_url, body, AUTHORIZED))
            sender.shutdown(socket.SHUT_WR)
            answer, = read_answers(read_to_end(sender), 'POST')
            assert answer.status == 503 and answer.headers['retry-after']
        webhook.wait_for_rest()
        early = patient.post(webhook.direct_url, body, headers=AUTHORIZED)
        assert (early.status_code, 'An identical request' in early.text) == (503, True)
        webhook.wait_for_rest()
    finally:
        webhook.faults(hang=False)
    for count in (1, 2):  # one response of ours excuses one retry
        assert patient.post(webhook.direct_url, body, headers=AUTHORIZED).status_code == 200
        assert webhook.names().count('half closed') == count


@scene()
async def test_posts_of_departed_senders_that_xsoar_rejects_never_keep_others_out(senders: Senders) -> None:
    await senders.hold()
    lost = senders.log().count(' lost: ') + MOST_WAITING - 1
    for number in range(MOST_WAITING - 1):
        await senders.leave(f'poison {number}')
        senders.left.pop()  # it will not be created
    calls = len(senders.calls)
    senders.release(refuse='poison')
    await until(lambda: senders.calls[calls:][-9:] == [1] * 9, 'more calls of one than a group has: all are set aside')
    for number in range(30):
        assert (await senders.post(f'honest {number}')).status == 200
    await senders.until_logged(lambda log: log.count(' lost: ') == lost)


@scene()
async def test_a_repeat_after_an_outage_need_not_wait_for_the_end_of_the_pause(senders: Senders) -> None:
    identity = {'webhook-id': 'after an outage'}
    await senders.hold()
    sent = await senders.leave('after an outage', headers=identity)
    calls = len(senders.calls)
    senders.release(refuse='*')
    await until(lambda: len(senders.calls) > calls + 7, 'so many tries that the next pause is longer than a sender waits')
    senders.webhook.faults(refuse='')
    answer = await (await senders.connect()).ask('POST', sent.body, AUTHORIZED | identity)
    assert [created['name'] for created in answer.json] == ['after an outage']


@scene()
async def test_what_waits_during_a_call_that_hangs_at_a_stop_is_lost_with_the_word_on_stderr(senders: Senders) -> None:
    await senders.hold()
    await senders.leave('lost at the stop')
    senders.left.pop()
    senders.webhook.stop_container()
    await until(lambda: any('The container ended' in line for line in senders.webhook.output), 'the end')
    said = [line for line in senders.webhook.output if re.search(r'stderr: .* POST 503 .* lost: The integration', line)]
    assert len(said) == 1, '\n'.join(senders.webhook.output[-50:])
    senders.release()
    await asyncio.to_thread(senders.webhook.renew)


@pytest.mark.parametrize('rule', ['rejected too often', 'at a stop'])
def test_one_whose_sender_left_before_the_first_look_is_lost_with_the_word(tmp_path: Path, rule: str) -> None:
    pack = changed_pack(tmp_path, {**SMALL, **PATIENT})
    with Webhook('--log-level', 'info', '--fault', 'refuse=poison', '--fault', 'hang=true', pack=pack) as webhook:
        with webhook.connect() as sender:
            sender.sendall(request_bytes(webhook.direct_url, b'{"name": "poison"}', AUTHORIZED))
            wait_for(lambda: webhook.state()['createSizes'], 'its first try')
        webhook.faults(hang=False)
        wait_for(lambda: len(webhook.state()['createSizes']) > 2, 'further tries')
        if rule == 'at a stop':
            webhook.stop_container()
        else:
            for number in range(5):
                assert patient.post(webhook.direct_url, f'{{"name": "{number}"}}', headers=AUTHORIZED).status_code == 200
        webhook.wait_for_line(r'POST 502 .* lost: XSOAR did not confirm the creation')


# In this process, where a reply can be of any form


class Replies:
    """What createIncidents does: hold the first call until the others wait, then reply with an error for some names."""

    def __init__(self, server: Listener) -> None:
        self.server = server
        self.may_return = threading.Event()
        self.calls: list[list[str]] = []
        self.errors: dict[str, int] = {}  # how often a name gets an error yet
        server.app.line.queue.sizer.timings.append((1000, 0.1))  # so that all that waits goes in one call
        demistomock.declare(createIncidents=self.create)

    def create(self, incidents: list[dict[str, Any]], *_: object) -> list[dict[str, Any]]:
        self.calls.append([incident['name'] for incident in incidents])
        assert self.may_return.wait(PATIENCE_SECONDS)
        return [self.reply(incident) for incident in incidents]

    def reply(self, incident: dict[str, Any]) -> dict[str, Any]:
        if self.errors.get(incident['name'], 0) > 0:
            self.errors[incident['name']] -= 1
            return {'error': 'no room for it'}
        return {'id': str(len(self.calls)), **incident}

    def answers(self, *bodies: bytes) -> list[Answer]:
        """Send these in one call, after one that is held meanwhile, and return their answers."""
        queue = self.server.app.line.queue
        with closing(connect(self.server)) as held:
            held.sendall(request_bytes('http://x/', b'{"name": "held"}', AUTHORIZED))
            clocks.until(lambda: queue.in_flight)
            senders = []
            for number, body in enumerate(bodies):
                senders.append(connect(self.server))
                senders[-1].sendall(request_bytes('http://x/', body, {**AUTHORIZED, 'Connection': 'close'}))
                clocks.until(lambda: len(queue.waiting) > number)  # noqa: B023 - called at once
            self.may_return.set()
            return [answer for sender in senders for answer in read_answers(read_to_end(sender), 'POST')]


@pytest.mark.parametrize('errors, statuses, calls', [
    (1, [200, 200], [['a', 'b'], ['b']]), (2, [200, 502], [['a', 'b'], ['b']])], ids=['at first', 'always'])
def test_an_error_beside_the_incident_of_another_request_is_no_200(
        server: Listener, errors: int, statuses: list[int], calls: list[list[str]]) -> None:
    replies = Replies(server)
    replies.errors['b'] = errors
    answers = replies.answers(b'{"name": "a"}', b'{"name": "b"}')
    assert [answer.status for answer in answers] == statuses and replies.calls == [['held'], *calls]
    assert all(len(answer.json) == 1 for answer in answers if answer.status == 200)
    if errors == 2:
        assert 'The incident may exist.' in answers[1].detail
        assert 'no room for it' in server.app.line.health.text


@pytest.mark.parametrize('errors, statuses', [(1, [200, 200]), (2, [502, 200])], ids=['at first', 'always'])
def test_of_several_events_those_with_an_error_are_tried_once_in_a_call_of_their_own(
        server: Listener, errors: int, statuses: list[int]) -> None:
    replies = Replies(server)
    replies.errors.update(b=errors, d=errors)
    items = b','.join(b'{"name": "%c", "raw_json": {"n": %d}}' % (n, n) for n in b'abcd')
    answers = replies.answers(b'[%s]' % items, b'{"name": "other"}')
    assert [answer.status for answer in answers] == statuses and replies.calls == [['held'], [*'abcd', 'other'], [*'bd']]
    if errors == 1:
        assert sorted(created['name'] for created in answers[0].json) == [*'abcd']
    else:
        assert '2 of its 4 incidents exist, and more may exist.' in answers[0].detail


def test_an_incident_with_an_id_and_an_empty_error_is_an_incident(server: Listener) -> None:
    demistomock.declare(createIncidents=lambda incidents, *_: [{'id': '17', 'error': ''}])
    answer = ask(server)
    assert answer.status == 200 and answer.json == [{'id': '17', 'error': ''}]


def test_after_a_502_that_ends_a_delivery_the_connection_ends_with_its_sender(
        server: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('GenericWebhook.RESET_SECONDS', 600)
    demistomock.declare(createIncidents=lambda *_: None)
    assert ask(server).status == 502
    clocks.until(lambda: not any(server.connections.values()))


def test_a_repeat_of_a_large_body_leaves_its_turn_to_others_while_it_waits(server: Listener) -> None:
    line, lock = server.app.line, server.app.intake.locks[MAX_CALL_BYTES]
    may_end, may_succeed = threading.Event(), threading.Event()

    def create(incidents: list[dict[str, Any]], *_: object) -> list[dict[str, Any]]:
        assert may_end.wait(PATIENCE_SECONDS)
        if not may_succeed.is_set():
            raise ValueError('an outage')
        return [{'id': '17'} for _ in incidents]

    demistomock.declare(createIncidents=create)
    large = b'x' * (MAX_CALL_BYTES + 1)
    post_and_leave(server, large, lambda: line.queue.in_flight, **{'webhook-id': '1'})
    may_end.set()
    clocks.until(lambda: any(post.aside and post.aside.tries > 2 for post in line.queue.waiting))
    with closing(connect(server)) as repeat:
        repeat.sendall(request_bytes('http://x/', large, {**AUTHORIZED, 'webhook-id': '1'}))
        clocks.until(lambda: line.queue.repeats)
        assert not lock.locked()
        may_succeed.set()
        assert repeat.recv(12) == b'HTTP/1.1 200'
    assert not lock.locked()
