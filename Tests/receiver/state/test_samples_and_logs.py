"""What waits for the line beside incidents: samples for the mapping wizard, and lines for the log. Both are bounded."""
from __future__ import annotations

import io
import json
import os
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from typing import Any

import demistomock
import gevent
import pytest
from shared.app import App, line
from clocks import PATIENCE_SECONDS, Clock, until
from GenericWebhook import (Listener, LogBuffer, Post, Rejected, RejectedByServer, ServerLine, Settings, Tokens, Unavailable,
                            memory_of, open_port, read_samples, with_samples)


def incident(name: str, details: str = '{}') -> dict[str, Any]:
    return {'name': name, 'type': None, 'occurred': '2026-11-24T10:00:00Z', 'rawJSON': details}


def names(samples: list[dict[str, Any]]) -> list[str]:
    return [sample['name'] for sample in samples]


def test_the_last_20_incidents_are_samples() -> None:
    samples = with_samples([], [incident(f'{number}') for number in range(30)])
    assert names(with_samples(samples, [incident('late')])) == [*(f'{number}' for number in range(11, 30)), 'late']


@pytest.mark.parametrize('large', [incident('a' * 51), incident('a', 'b' * 52), incident('\u20ac' * 30)],
                         ids=['name', 'details', 'few characters of many bytes'])
def test_a_large_incident_is_not_a_sample(monkeypatch: pytest.MonkeyPatch, large: dict[str, Any]) -> None:
    just_small = incident('a' * 50)
    monkeypatch.setattr('GenericWebhook.MAX_SAMPLE_BYTES', memory_of(just_small))
    assert names(with_samples([], [just_small, large])) == ['a' * 50]


def test_a_sample_has_at_most_50_000_bytes() -> None:
    room = 50_000 + len('ab') - memory_of(incident('a', 'b'))
    small, large = (incident(name, 'a' * (room - len(name) + more)) for name, more in (('just small', 0), ('large', 1)))
    assert names(with_samples([], [small, large])) == ['just small']


@pytest.mark.parametrize('context', [None, [], 'text', {'samples': 1}, {'samples': '{'}, {'samples': '{}'}, {'a': '1'}], ids=str)
def test_of_a_context_that_holds_something_else_there_are_no_samples(context: object) -> None:
    assert read_samples(context) == []


def test_lines_of_one_level_leave_together_and_the_others_stay() -> None:
    lines = LogBuffer()
    for level, text in ('debug', 'one'), ('info', 'two'), ('debug', 'three'):
        lines.add(level, text)
    level, text = lines.drain()
    assert (level, [line.split()[1] for line in text.splitlines()]) == ('debug', ['one', 'three'])
    assert lines.drain()[1].endswith('Z two')
    assert not lines.lines


def test_lines_beyond_the_bound_are_counted_once() -> None:
    lines = LogBuffer(most=2)
    for number in range(5):
        lines.add('info', f'line {number}')
    assert lines.drain()[1].splitlines()[2].startswith('3 log lines were dropped')
    lines.add('info', 'again')
    assert 'dropped' not in lines.drain()[1]


def test_what_a_sender_wrote_stays_in_its_line() -> None:
    lines = LogBuffer()
    lines.add('info', 'from a\nb\x1b[31m' + 'c' * 5000)
    text = lines.drain()[1]
    assert '\n' not in text and '\x1b' not in text and len(text) < 1200


def test_nothing_of_what_was_created_is_kept(app: App) -> None:
    demistomock.declare(createIncidents=lambda incidents, *_: [{'id': '1'} for _ in incidents])
    details = b'x' * 100_000
    before = sys.getrefcount(details)
    post = Post([{**incident('large'), 'rawJSON': details}])
    line().queue.add(post)
    assert post.result.get(timeout=PATIENCE_SECONDS) == [{'id': '1'}]
    del post
    demistomock.reset()  # which keeps what it was called with
    assert sys.getrefcount(details) == before


def test_a_health_that_the_server_did_not_take_is_reported_again() -> None:
    told: list[str] = []

    def update(error: str, is_error: bool) -> None:
        if error:  # another test's line may just say that all is well
            told.append(error)
        if error and len(told) == 2:
            raise ValueError('The server had no time for it.')

    demistomock.declare(getIntegrationContext={}, updateModuleHealth=update)
    line = ServerLine(health_every=0)
    for health, count in ('wrong', 1), ('worse', 3):
        line.health.error = health
        until(lambda: len(told) >= count)  # noqa: B023 - called at once
    line.cut()
    gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
    demistomock.reset()
    assert told == ['wrong', 'worse', 'worse']


def test_the_error_of_a_port_ends_when_the_port_can_be_opened(own_line: ServerLine) -> None:
    with socket.create_server(('', 0)) as holder, \
            closing(Listener(Settings(holder.getsockname()[1], Tokens(), None), own_line)) as listener:
        opening = gevent.spawn(open_port, listener)
        until(lambda: own_line.health.text)
        holder.close()
        opening.get(timeout=PATIENCE_SECONDS)
    assert not own_line.health.text


class ToldHealth:
    """A line whose server creates what it gets, unless that is to be rejected, and keeps every health that it receives."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.during_call: Callable[[], object] = bool
        demistomock.reset()
        demistomock.declare(getIntegrationContext={}, createIncidents=self.create,
                            updateModuleHealth=lambda error, is_error: self.told.append(error))
        self.line = ServerLine(log_every=0)
        self.line.health.sent = ''  # as if it had said already that nothing is wrong

    def create(self, incidents: list[dict[str, Any]], *_: object) -> list[dict[str, Any]]:
        self.during_call()
        if incidents[0]['name'] == 'bad':
            raise ValueError('a bad incident')
        return [{'id': '1', **incident} for incident in incidents]

    def post(self, name: str, during_call: Callable[[], object] = bool) -> None:
        """Create an incident, or fail to, and wait until everything that is due then has been sent."""
        self.during_call = during_call
        post = Post([{**incident(name), 'rawJSON': b'{}'}])
        self.line.queue.add(post)
        post.result.wait(PATIENCE_SECONDS)
        before = len(demistomock.calls_of('info'))
        self.line.log('info', 'the health has its turn before this line')
        until(lambda: len(demistomock.calls_of('info')) > before)

    def end(self) -> list[str]:
        self.line.cut()
        gevent.joinall([self.line.runner], timeout=PATIENCE_SECONDS)
        demistomock.reset()
        return self.told


def test_a_failure_during_a_call_is_reported_before_the_next_success_clears_it() -> None:
    health = ToldHealth()
    health.post('good', during_call=lambda: setattr(health.line.health, 'internal_error', 'a request failed'))
    assert health.told == ['a request failed']
    health.post('good')
    assert health.end() == ['a request failed', '']


def test_a_failure_that_has_to_wait_for_its_minute_survives_every_success_until_it_is_reported() -> None:
    health = ToldHealth()
    health.post('bad')
    health.post('good', during_call=lambda: setattr(health.line.health, 'internal_error', 'a request failed'))
    health.post('good')
    assert len(health.told) == 1 and 'a bad incident' in health.told[0]
    health.line.health.due_at = 0
    health.post('good')
    health.post('good')
    assert health.end()[1:] == ['a request failed', '']


def test_a_rejection_that_is_over_is_no_longer_reported() -> None:
    health = ToldHealth()
    for name in ('bad', 'good', 'bad', 'good'):
        health.post(name)
    health.line.health.due_at = 0
    health.post('good')
    assert len(health.end()) == 2, 'the first rejection, and that it was over'


def test_a_rejection_and_a_failure_are_reported_together() -> None:
    health = ToldHealth()
    health.post('bad', during_call=lambda: setattr(health.line.health, 'internal_error', 'a request failed'))
    health.post('good')
    told, cleared = health.end()
    assert 'a bad incident' in told and told.endswith('a request failed') and not cleared


def test_the_end_waits_for_the_log_call_that_is_under_way() -> None:
    began, may_return = threading.Event(), threading.Event()

    def info(*_: object) -> None:
        began.set()
        assert may_return.wait(PATIENCE_SECONDS)

    demistomock.reset()
    demistomock.declare(info=info, getIntegrationContext={})
    ending = ServerLine()
    ending.log('info', 'the last word')
    until(began.is_set)
    gevent.spawn_later(0.1, may_return.set)
    ending.drain()
    assert may_return.is_set(), 'the process would end in the middle of a line'
    demistomock.reset()


def test_after_a_stop_the_log_is_sent_before_the_next_call_which_may_outlast_the_process() -> None:
    calls: list[str] = []
    may_return = threading.Event()

    def create(incidents: list[dict[str, str]], *_: object) -> list[dict[str, str]]:
        calls.append(incidents[0]['name'])
        assert may_return.wait(PATIENCE_SECONDS)
        return [{'id': name['name']} for name in incidents]

    demistomock.reset()
    demistomock.declare(getIntegrationContext={}, createIncidents=create, info=calls.append, setIntegrationContext=None)
    line = ServerLine(log_every=3600)
    line.log('info', 'the start')
    until(lambda: calls.pop() if calls else '')
    for name in ('one', 'two'):
        line.queue.add(Post([{**incident(name), 'rawJSON': b'{}'}]))
        line.queue.wake.set()
        until(lambda: calls)
    line.log('info', 'the end')
    line.stop()
    may_return.set()
    line.drain()
    assert (calls[0], calls[1].partition(' ')[2], calls[2]) == ('one', 'the end', 'two')
    demistomock.reset()


def test_of_a_reply_that_comes_after_a_stop_has_given_up_its_posts_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    may_return = threading.Event()

    def create(*_: object) -> list[dict[str, str]]:
        assert may_return.wait(PATIENCE_SECONDS)
        return [{'id': '17', 'name': 'one'}]

    monkeypatch.setattr('GenericWebhook.STOP_SECONDS', 0)
    demistomock.reset()
    demistomock.declare(getIntegrationContext={}, createIncidents=create, info=messages.append, setIntegrationContext=None)
    line, post = ServerLine(), Post([{**incident('one'), 'rawJSON': b'{}'}])
    line.queue.add(post)
    until(lambda: line.queue.in_flight)
    line.stop()
    gevent.spawn_later(0.1, may_return.set)
    line.drain()
    gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
    assert isinstance(post.result.exception, Unavailable)
    assert not messages and not line.samples and not line.queue.sizer.timings
    demistomock.reset()


def test_a_call_that_the_line_does_not_carry_ends_it_and_nothing_of_it_is_tried_again() -> None:
    calls: list[object] = []

    def create(incidents: list[dict[str, str]], *_: object) -> None:
        calls.append(incidents)
        raise BrokenPipeError('the server is gone')

    demistomock.declare(getIntegrationContext={}, createIncidents=create)
    line, post = ServerLine(), Post([{**incident('one'), 'rawJSON': b'{}'}])
    line.queue.add(post)
    with pytest.raises(Unavailable, match='may exist'):
        post.result.get(timeout=PATIENCE_SECONDS)
    gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
    assert line.is_cut and line.ending.is_set() and len(calls) == 1
    with pytest.raises(Unavailable, match='cut'):
        line.queue.add(Post([{**incident('two'), 'rawJSON': b'{}'}]))
    demistomock.reset()


CLOSED = 'Try to write when connection closed'


@pytest.mark.parametrize('raised, error, detail', [
    (RuntimeError('Timeout acquiring stdout lock'), Unavailable, 'Nothing was created'),
    (RecursionError('maximum recursion depth exceeded'), RejectedByServer, 'may exist'),
    (ValueError(f'no incident is called {CLOSED}'), RejectedByServer, 'may exist'),
    (ValueError(CLOSED), RejectedByServer, 'may exist'),
    (json.JSONDecodeError('Expecting value', 'no JSON\n', 0), RejectedByServer, 'may exist'),
], ids=['no lock', 'too deep', 'quoted', 'the same text', 'not JSON'])
def test_a_call_that_failed_on_a_line_that_lives_says_what_is_known(
        raised: Exception, error: type[Rejected], detail: str) -> None:
    def create(*_: object) -> None:
        raise raised

    demistomock.reset()
    demistomock.declare(getIntegrationContext={}, createIncidents=create)
    line, post = ServerLine(log_every=0), Post([{**incident('one'), 'rawJSON': b'{}'}])
    line.queue.add(post)
    with pytest.raises(error, match=detail):
        post.result.get(timeout=PATIENCE_SECONDS)
    line.log('info', 'the line lives')
    until(lambda: demistomock.calls_of('info'))
    assert not line.is_cut
    assert line.health.error.endswith(f'its reply could not be read: {raised}') is isinstance(
        raised, json.JSONDecodeError | RecursionError)
    line.cut()
    gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
    demistomock.reset()


@pytest.mark.parametrize('raised', [
    ValueError(CLOSED), ValueError(f'{CLOSED}\n'), json.JSONDecodeError('Expecting value', '', 0), BrokenPipeError(),
], ids=['its text', 'its text in a reply', 'nothing was read', 'nothing was written'])
def test_a_log_call_that_finds_the_line_closed_ends_it(raised: Exception) -> None:
    def info(*_: object) -> None:
        raise raised

    demistomock.reset()
    demistomock.declare(getIntegrationContext={}, info=info)
    line = ServerLine(log_every=0)
    line.log('info', 'the last word')
    assert line.ending.wait(PATIENCE_SECONDS)
    assert line.is_cut
    gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
    demistomock.reset()


def test_the_last_lines_leave_at_the_end_and_not_only_when_the_log_is_due() -> None:
    demistomock.reset()
    demistomock.declare(getIntegrationContext={})
    line = ServerLine(log_every=60)
    line.log('info', 'first')
    until(lambda: demistomock.calls_of('info'))
    line.log('info', 'last')
    line.log('error', 'of another level')
    line.stop()
    line.drain()
    line.cut()
    gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
    assert [len(demistomock.calls_of(level)) for level in ('info', 'error')] == [2, 1]
    demistomock.reset()


def test_the_end_of_a_line_that_is_cut_needs_no_reader_of_stderr(own_line: ServerLine, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with io.TextIOWrapper(io.FileIO(writing, 'w'), write_through=True) as broken:
        monkeypatch.setattr(sys, 'stderr', broken)
        own_line.cut()
        own_line.log('error', 'lost: nobody reads this')
        own_line.drain()
    assert own_line.log_buffer.lines['error'], 'there was something to write'


def test_of_equal_rejections_the_first_are_reported_and_the_others_counted_once() -> None:
    lines = LogBuffer(most_equal=2)
    for number in range(5):
        lines.add('info', f'line {number}', reason='401: no token')
    lines.add('info', 'another', reason='400: no JSON')
    assert [line.partition(' ')[2] for line in lines.drain()[1].splitlines()] == ['line 0', 'line 1', 'another']
    lines.add('info', 'line 5', reason='401: no token')
    assert not lines.lines, 'what is counted needs no call'
    lines.end_flood()
    assert lines.drain()[1].endswith('Z 4 more in 10 s: 401: no token')
    lines.end_flood()
    assert not lines.lines
    lines.add('info', 'line 6', reason='401: no token')
    assert lines.drain()[1].endswith('Z line 6')


def test_many_different_rejections_are_counted_together_but_a_known_one_by_itself() -> None:
    lines = LogBuffer()
    for number in range(200):
        lines.add('info', f'line {number}', reason=f'400: place {number}')
    for _ in range(20):
        lines.add('info', 'known', reason='400: place 7')
    assert len(lines.drain()[1].splitlines()) == 100 + 10 + 9
    lines.end_flood()
    assert [line.partition('Z ')[2] for line in lines.drain()[1].splitlines()] == [
        '11 more in 10 s: 400: place 7', '90 more in 10 s: other reasons']


def test_that_all_is_well_again_is_reported_at_once_and_the_next_error_in_a_minute(clock: Clock) -> None:
    told: list[tuple[str, bool]] = []
    demistomock.reset()
    demistomock.declare(getIntegrationContext={}, updateModuleHealth=lambda *health: told.append(health))
    line = ServerLine(log_every=0)
    for count, health in enumerate(('wrong', '', 'wrong again', 'worse'), 1):
        line.health.error = health
        line.log('info', 'the health has its turn before this line')
        until(lambda: len(demistomock.calls_of('info')) >= count)  # noqa: B023 - called at once
    line.cut()
    gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
    demistomock.reset()
    assert told == [('wrong', True), ('', False)]
    assert line.health.due_at == clock.now + 60
    line.health.record_sent('', True, clock.now + 60)
    assert not line.health.is_due(clock.now + 60), 'one that the server did not take has to wait, too'
