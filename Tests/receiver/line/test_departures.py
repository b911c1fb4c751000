"""Senders that hang up before their response: over real sockets, what they sent is created all the same, in its place."""
from __future__ import annotations

import gzip
import os
import re
import struct
import threading
from contextlib import closing
from typing import Any

import clocks
import demistomock
import pytest
from changed_packs import webhook_with
from clocks import PATIENCE_SECONDS
from gevent import socket
from GenericWebhook import MAX_CALL_BYTES, MIB, State, Listener
from own_server import ask, connect, hold_calls, post_and_leave
from senders_at_once import AUTHORIZED, Senders, scene, until
from shared.webhook import read_answers, read_to_end, request_bytes

IMPATIENT = {'HAND_OVER_SECONDS = 25': 'HAND_OVER_SECONDS = 1', 'MOST_FAILURES = 5': 'MOST_FAILURES = 1',
             'GIVE_UP_SECONDS = 60': 'GIVE_UP_SECONDS = 0', 'health_every: float = 60': 'health_every: float = 0'}

pytestmark = pytest.mark.sockets

CREATED_LATE = r'POST 200 .*: incident \d+ \(the sender had left\)'


# In it a post whose sender waits has a second for a call.
webhook = webhook_with(IMPATIENT, '--log-level', 'debug')


@scene()
async def test_an_event_whose_sender_left_is_created_in_its_place_however_long_its_turn_takes(senders: Senders) -> None:
    await senders.at_rest()
    logged = len(re.findall(CREATED_LATE, senders.log()))
    held = await senders.hold()
    await senders.leave('the problem')
    [waiting] = await senders.line_up(('one whose sender waits',))
    await senders.leave('its end')
    [late] = await senders.line_up(('another whose sender waits',))  # by its 503 the one before it has been seen to have left
    assert [(await waiting.task).status, (await late.task).status] == [503, 503]
    assert not held.is_answered, 'one that was handed over waits for its reply'
    senders.release()
    names = await until(lambda: len(senders.sent()) == 3 and [each['name'] for each in senders.sent()], 'all incidents')
    assert names == ['held', 'the problem', 'its end']
    await senders.until_logged(lambda log: len(re.findall(CREATED_LATE, log)) == logged + 2)


@scene()
async def test_a_sender_that_left_is_seen_to_have_left_behind_a_further_request_of_its_own(senders: Senders) -> None:
    await senders.hold()
    await senders.leave('pipelined', more=request_bytes(senders.url, method='GET'))
    [waiting] = await senders.line_up(('one whose sender waits',))
    assert (await waiting.task).status == 503
    senders.release()
    await until(lambda: len(senders.sent()) == 2, 'both incidents')


@scene()
async def test_the_connections_of_senders_that_left_are_closed_while_their_events_wait(senders: Senders) -> None:
    files = f'/proc/{senders.webhook.state()["pid"]}/fd'
    await senders.hold()
    before, stay = len(os.listdir(files)), len(senders.connections)
    names = [f'event {number}' for number in range(20)]
    for name in names:
        await senders.leave(name)
    for connection in senders.connections[stay:]:  # also those that only asked whether the event had arrived
        connection.close()
    await until(lambda: len(os.listdir(files)) <= before, 'their files to be closed')
    senders.release()
    await until(lambda: len(senders.sent()) == 21, 'all incidents')
    assert [each['name'] for each in senders.sent()] == ['held', *names]


@scene()
async def test_of_a_rejected_group_those_whose_sender_left_are_created_when_the_server_works_again(senders: Senders) -> None:
    await senders.hold()
    for name in ('one', 'two', 'three'):
        await senders.leave(name)
    senders.release(refuse='*')
    calls = len(senders.calls)
    await until(lambda: len(senders.calls) > calls + 6, 'further tries')
    assert not senders.sent()
    senders.webhook.faults(refuse='')
    await until(lambda: len(senders.sent()) == 3, 'all incidents')
    assert sorted(each['name'] for each in senders.sent()) == ['one', 'three', 'two']


# In this process, where more of it can be seen


def test_the_history_says_what_is_lost_and_what_was_created_after_its_sender_had_left(
        server: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ('MOST_FAILURES', 'GIVE_UP_SECONDS', 'FIRST_PAUSE_SECONDS'):
        monkeypatch.setattr(f'GenericWebhook.{limit}', 0)

    def create(incidents: list[dict[str, Any]], *_: object) -> list[dict[str, Any]]:
        assert may_return.wait(PATIENCE_SECONDS)
        if incidents[0]['name'] == 'bad':
            raise ValueError('a bad incident')
        return [{'id': '17', **incident} for incident in incidents]

    may_return, line = threading.Event(), server.app.line
    demistomock.declare(createIncidents=create)
    post_and_leave(server, b'{"name": "bad"}', lambda: line.queue.in_flight)
    post_and_leave(server, b'{"name": "good"}', lambda: line.queue.waiting)
    assert not line.history.accepted
    may_return.set()
    clocks.until(lambda: line.history.accepted)
    assert [ask(server).status for _ in range(2)] == [200] * 2
    clocks.until(lambda: len(line.history.accepted) == 4)
    notes = [(each.status, each.result, each.note) for each in line.history.accepted]
    assert notes[0] == (200, 'created', 'incident 17')
    assert notes[-1][:2] == (502, 'rejected') and notes[-1][2].startswith('lost: XSOAR did not confirm the creation')


def test_a_compressed_body_whose_text_finds_no_room_is_lost_if_its_sender_has_left(server: Listener) -> None:
    server.app.intake.accepted.limit = MIB
    packed = gzip.compress(b'{"a": "%b"}' % (b'x' * MIB))
    with closing(connect(server)) as sender:
        sender.sendall(request_bytes('http://x/', packed, {**AUTHORIZED, 'Content-Encoding': 'gzip'}))
    clocks.until(lambda: demistomock.calls_of('error'))
    [entry], [[line]] = server.app.line.history.accepted, demistomock.calls_of('error')
    assert (entry.status, entry.note[:41]) == (503, 'lost: Too many bodies arrive at the same ')
    assert re.search('POST 503 .*: lost: Too many bodies arrive .* [(]the sender had left[)]$', line)


@pytest.mark.parametrize('outcome, status', [('rejected', 502), ('slow', 503)])
def test_a_sender_that_closed_its_own_half_and_its_repeat_hear_what_is_known_and_the_event_is_created_all_the_same(
        server: Listener, monkeypatch: pytest.MonkeyPatch, outcome: str, status: int) -> None:
    monkeypatch.setattr('GenericWebhook.FIRST_PAUSE_SECONDS', 0.1)

    def create(incidents: list[dict[str, Any]], *_: object) -> list[dict[str, Any]]:
        if outcome == 'slow':
            assert may_succeed.wait(PATIENCE_SECONDS)
        if not may_succeed.is_set():
            raise ValueError('not now')
        return [{'id': '17', **incident} for incident in incidents]

    may_succeed, line = threading.Event(), server.app.line
    demistomock.declare(createIncidents=create)
    with closing(connect(server)) as sender, closing(connect(server)) as repeat:
        for each in sender, repeat:
            each.sendall(request_bytes('http://x/', b'{"name": "half"}', {**AUTHORIZED, 'webhook-id': '1'}))
            each.shutdown(socket.SHUT_WR)
            clocks.until(lambda: demistomock.calls_of('createIncidents'))
        answers = [answer for each in (sender, repeat) for answer in read_answers(read_to_end(each), 'POST')]
    assert [(answer.status, answer.headers['connection']) for answer in answers] == [(status, 'close')] * 2
    reason = 'XSOAR did not confirm' if outcome == 'rejected' else 'XSOAR is still busy'
    assert [answer.detail[:len(reason)] for answer in answers] == [reason] * 2
    clocks.until(lambda: line.history.accepted)
    assert [each.result for each in line.history.accepted] == ['repeat']
    may_succeed.set()
    clocks.until(lambda: len(line.history.accepted) == 2)
    created = line.history.accepted[-1]
    assert (created.status, created.result, created.note) == (200, 'created', 'incident 17')


def test_an_equal_request_of_a_sender_that_closed_its_half_and_then_reset_before_our_503_had_reached_it_is_a_new_event(
        clock: clocks.Clock, server: Listener) -> None:
    may_return, lingering = hold_calls(), server.connections[State.LINGERING]
    with closing(socket.socket()) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # so small that the responses to the GETs fill it
        sender.connect(('127.0.0.1', server.server_port))
        sender.sendall(request_bytes('http://x/', method='GET') * 50 + request_bytes('http://x/', b'{}', AUTHORIZED))
        sender.shutdown(socket.SHUT_WR)
        clocks.until(lambda: demistomock.calls_of('createIncidents'))
        clock.passed = 3
        clocks.until(lambda: lingering)  # the end of that half has been read
    clock.passed = 5
    clocks.until(lambda: not lingering)
    may_return.set()
    assert ask(server).status == 200
    assert len(demistomock.calls_of('createIncidents')) == 2


def test_a_repeat_whose_sender_left_too_is_in_the_history_at_once_so_that_nothing_of_it_waits(server: Listener) -> None:
    may_return, line = hold_calls(), server.app.line
    post_and_leave(server, b'{}', lambda: line.queue.in_flight, **{'webhook-id': '1'})
    post_and_leave(server, b'{}', lambda: line.queue.repeats, **{'webhook-id': '1'})
    clocks.until(lambda: line.history.accepted)
    may_return.set()
    clocks.until(lambda: len(line.history.accepted) == 2)
    assert [(each.status, each.result) for each in line.history.accepted] == [(200, 'repeat'), (200, 'created')]


@pytest.mark.parametrize('is_read', [False, True], ids=['before its body is read', 'because of its size'])
def test_a_repeat_that_a_full_queue_rejects_is_not_said_to_be_lost_though_its_sender_has_closed_its_half(
        server: Listener, is_read: bool) -> None:
    may_return, line = hold_calls(), server.app.line
    post_and_leave(server, b'{}', lambda: line.queue.in_flight, **{'webhook-id': '1'})
    if is_read:
        line.queue.most_bytes = line.queue.in_flight[0].memory_bytes + len('{}')
    else:
        line.queue.most_posts = 1
    with closing(connect(server)) as sender:
        sender.sendall(request_bytes('http://x/', b'{}', {**AUTHORIZED, 'webhook-id': '1'})[:None if is_read else -2])
        sender.shutdown(socket.SHUT_WR)
        answer, = read_answers(read_to_end(sender), 'POST')
    clocks.until(lambda: line.history.accepted)
    may_return.set()
    assert answer.status == 503
    assert line.history.accepted[0].note == 'Too many requests wait for XSOAR: this one creates nothing'


def test_a_large_post_excludes_other_large_bodies_until_its_first_call_has_ended_also_after_its_sender_left(
        server: Listener) -> None:
    may_return, lock = hold_calls(), server.app.intake.locks[MAX_CALL_BYTES]
    post_and_leave(server, b'x' * (MAX_CALL_BYTES + 1), lambda: demistomock.calls_of('createIncidents'))
    assert lock.locked()
    may_return.set()
    clocks.until(lambda: not lock.locked())


def test_a_small_request_overtakes_a_second_body_over_4_mib_while_the_first_is_in_its_call(server: Listener) -> None:
    may_return, line, intake = hold_calls(), server.app.line, server.app.intake
    large = b'x' * (MAX_CALL_BYTES + 1)
    post_and_leave(server, large, lambda: line.queue.in_flight)
    with closing(connect(server)) as second, closing(connect(server)) as third:
        second.sendall(request_bytes('http://x/', large + b'y', AUTHORIZED))
        clocks.until(lambda: intake.accepted.reserved > sum(claim.size for claim in intake.accepted.queues[0]))
        third.sendall(request_bytes('http://x/', b'{}', AUTHORIZED))
        clocks.until(lambda: line.queue.waiting)
        may_return.set()
        clocks.until(lambda: len(demistomock.calls_of('createIncidents')) == 3)
    sizes = [len(incidents[0]['rawJSON']) for incidents, *_ in demistomock.calls_of('createIncidents')]
    assert [size > MAX_CALL_BYTES for size in sizes] == [True, False, True], 'docs/limits.md says so'


def test_where_others_of_its_size_take_too_long_an_event_waits_for_its_turn_if_its_sender_has_left_and_else_gets_a_503(
        server: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('GenericWebhook.HAND_OVER_SECONDS', 0.01)
    line = server.app.line
    with server.app.intake.take_turn(1):
        with closing(connect(server)) as sender:
            sender.sendall(request_bytes('http://x/', b'{"name": "left"}', AUTHORIZED))
        answer = ask(server, b'{"name": "waits"}')  # by its 503 the one before it has waited as long
    clocks.until(lambda: len(line.history.accepted) == 2)
    assert answer.status == 503 and answer.detail.startswith('Other bodies take too long')
    assert [(each.status, each.result) for each in line.history.accepted] == [(503, 'rejected'), (200, 'created')]


@pytest.mark.parametrize('linger', [(0, 0), (1, 0)], ids=['closed', 'reset'])
def test_without_poll_rdhup_a_sender_that_left_is_seen_by_reading_ahead(
        server: Listener, monkeypatch: pytest.MonkeyPatch, linger: tuple[int, int]) -> None:
    monkeypatch.delattr('select.POLLRDHUP')
    may_return = hold_calls()
    with closing(connect(server)) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', *linger))
        sender.sendall(request_bytes('http://x/', b'{}', AUTHORIZED))
        clocks.until(lambda: demistomock.calls_of('createIncidents'))
    clocks.until(lambda: not any(server.connections.values()))
    may_return.set()
    clocks.until(lambda: server.app.line.history.accepted)
