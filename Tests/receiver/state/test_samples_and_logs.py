"""What waits for the line beside incidents: samples for the mapping wizard, and lines for the log. Both are bounded."""
from __future__ import annotations

import io
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import demistomock
import gevent
import pytest
from shared.app import App, line
from clocks import PATIENCE_SECONDS, Clock, until
from GenericWebhook import (LogBuffer, Post, Rejected, RejectedByServer, ServerLine, Unavailable, memory_of,
                            open_port, read_samples, with_samples)
from model import incident
from own_server import have_turn, hold_calls, listener, running_line


def sample(name: str, details: str = '{}') -> dict[str, Any]:
    return incident(name) | {'rawJSON': details}


def names(samples: list[dict[str, Any]]) -> list[str]:
    return [sample['name'] for sample in samples]


def test_the_last_20_incidents_are_samples() -> None:
    samples = with_samples([], [sample(f'{number}') for number in range(30)])
    assert names(with_samples(samples, [sample('late')])) == [*(f'{number}' for number in range(11, 30)), 'late']


@pytest.mark.parametrize('large', [sample('a' * 51), sample('a', 'b' * 52), sample('\u20ac' * 30)],
                         ids=['name', 'details', 'few characters of many bytes'])
def test_a_large_incident_is_not_a_sample(monkeypatch: pytest.MonkeyPatch, large: dict[str, Any]) -> None:
    just_small = sample('a' * 50)
    monkeypatch.setattr('GenericWebhook.MAX_SAMPLE_BYTES', memory_of(just_small))
    assert names(with_samples([], [just_small, large])) == ['a' * 50]


def test_a_sample_has_at_most_50_000_bytes() -> None:
    room = 50_000 + len('ab') - memory_of(sample('a', 'b'))
    small, large = (sample(name, 'a' * (room - len(name) + more)) for name, more in (('just small', 0), ('large', 1)))
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
    post = Post([incident('large', details)])
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

    with running_line(health_every=0) as line:
        demistomock.declare(updateModuleHealth=update)
        for health, count in ('wrong', 1), ('worse', 3):
            line.health.error = health
            until(lambda: len(told) >= count)  # noqa: B023 - called at once
    assert told == ['wrong', 'worse', 'worse']


def test_the_error_of_a_port_ends_when_the_port_can_be_opened(own_line: ServerLine) -> None:
    with socket.create_server(('', 0)) as holder, \
            closing(listener(line=own_line, port=holder.getsockname()[1])) as server:
        opening = gevent.spawn(open_port, server)
        until(lambda: own_line.health.text)
        holder.close()
        opening.get(timeout=PATIENCE_SECONDS)
    assert not own_line.health.text


class ToldHealth:
    """A line whose server creates what it gets, unless that is to be rejected, and keeps every health that it receives."""

    def __init__(self, line: ServerLine) -> None:
        self.line = line
        self.told: list[str] = []
        self.during_call: Callable[[], object] = bool
        demistomock.declare(createIncidents=self.create, updateModuleHealth=lambda error, is_error: self.told.append(error))

    def create(self, incidents: list[dict[str, Any]], *_: object) -> list[dict[str, Any]]:
        self.during_call()
        if incidents[0]['name'] == 'bad':
            raise ValueError('a bad incident')
        return [{'id': '1', **incident} for incident in incidents]

    def post(self, *names: str, fails: bool = False) -> None:
        """Create incidents, or fail to, and send each time all that is due then. During each call a request may fail."""
        self.during_call = partial(setattr, self.line.health, 'internal_error', 'a request failed') if fails else bool
        for name in names:
            self.line.queue.add(post := Post([incident(name)]))
            post.result.wait(PATIENCE_SECONDS)
            have_turn(self.line)


@pytest.fixture
def health() -> Iterator[ToldHealth]:
    with running_line(log_every=0) as line:
        have_turn(line)  # by then it has said that nothing is wrong
        yield ToldHealth(line)


def test_a_failure_during_a_call_is_reported_before_the_next_success_clears_it(health: ToldHealth) -> None:
    health.post('good', fails=True)
    assert health.told == ['a request failed']
    health.post('good')
    assert health.told == ['a request failed', '']


def test_a_failure_that_has_to_wait_for_its_minute_survives_every_success_until_it_is_reported(health: ToldHealth) -> None:
    health.post('bad')
    health.post('good', fails=True)
    health.post('good')
    assert len(health.told) == 1 and 'a bad incident' in health.told[0]
    health.line.health.due_at = 0
    health.post('good', 'good')
    assert health.told[1:] == ['a request failed', '']


def test_a_rejection_that_is_over_is_no_longer_reported(health: ToldHealth) -> None:
    health.post('bad', 'good', 'bad', 'good')
    health.line.health.due_at = 0
    health.post('good')
    assert len(health.told) == 2, 'the first rejection, and that it was over'


def test_a_rejection_and_a_failure_are_reported_together(health: ToldHealth) -> None:
    health.post('bad', fails=True)
    health.post('good')
    told, cleared = health.told
    assert 'a bad incident' in told and told.endswith('a request failed') and not cleared


def test_the_end_waits_for_the_log_call_that_is_under_way() -> None:
    began, may_return = threading.Event(), threading.Event()

    def info(*_: object) -> None:
        began.set()
        assert may_return.wait(PATIENCE_SECONDS)

    with running_line() as ending:
        demistomock.declare(info=info)
        ending.log('info', 'the last word')
        until(began.is_set)
        gevent.spawn_later(0.1, may_return.set)
        ending.drain()
        assert may_return.is_set(), 'the process would end in the middle of a line'
        assert demistomock.calls_of('long_running_heartbeat_thread') == [(False,)], 'or of one that another thread writes'


def test_after_a_stop_the_log_is_sent_before_the_next_call_which_may_outlast_the_process() -> None:
    with running_line(log_every=3600) as line:
        may_return = hold_calls()
        line.log('info', 'the start')
        until(lambda: demistomock.calls_of('info'))
        for name in ('one', 'two'):
            line.queue.add(Post([incident(name)]))
            line.queue.wake.set()
            until(lambda: demistomock.calls_of('createIncidents'))
        line.log('info', 'the end')
        line.stop()
        may_return.set()
        line.drain()
        calls = [str(arguments) for name, arguments in demistomock.calls if name in ('createIncidents', 'info')]
    assert [word in call for word, call in zip(('start', 'one', 'the end', 'two'), calls, strict=True)] == [True] * 4


def test_of_a_reply_that_comes_after_a_stop_has_given_up_its_posts_nothing_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('GenericWebhook.STOP_SECONDS', 0)
    with running_line() as line:
        may_return = hold_calls()
        line.queue.add(post := Post([incident('one')]))
        until(lambda: line.queue.in_flight)
        line.stop()
        gevent.spawn_later(0.1, may_return.set)
        line.drain()
        gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
        assert isinstance(post.result.exception, Unavailable)
        assert not demistomock.calls_of('info') and not line.samples and not line.queue.sizer.timings


def test_a_call_that_the_line_does_not_carry_ends_it_and_nothing_of_it_is_tried_again() -> None:
    with running_line() as line:
        demistomock.declare(createIncidents=raising(BrokenPipeError('the server is gone')))
        line.queue.add(post := Post([incident('one')]))
        with pytest.raises(Unavailable, match='may exist'):
            post.result.get(timeout=PATIENCE_SECONDS)
        gevent.joinall([line.runner], timeout=PATIENCE_SECONDS)
        assert line.is_cut and line.ending.is_set() and len(demistomock.calls_of('createIncidents')) == 1
        with pytest.raises(Unavailable, match='cut'):
            line.queue.add(Post([incident('two')]))


def raising(error: Exception) -> Callable[..., None]:
    def call(*_: object) -> None:
        raise error
    return call


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
    with running_line(log_every=0) as line:
        demistomock.declare(createIncidents=raising(raised))
        line.queue.add(post := Post([incident('one')]))
        with pytest.raises(error, match=detail):
            post.result.get(timeout=PATIENCE_SECONDS)
        have_turn(line)
        assert not line.is_cut
        assert line.health.error.endswith(f'its reply could not be read: {raised}') is isinstance(
            raised, json.JSONDecodeError | RecursionError)


@pytest.mark.parametrize('raised', [
    ValueError(CLOSED), ValueError(f'{CLOSED}\n'), json.JSONDecodeError('Expecting value', '', 0), BrokenPipeError(),
], ids=['its text', 'its text in a reply', 'nothing was read', 'nothing was written'])
def test_a_log_call_that_finds_the_line_closed_ends_it(raised: Exception) -> None:
    with running_line(log_every=0) as line:
        demistomock.declare(info=raising(raised))
        line.log('info', 'the last word')
        assert line.ending.wait(PATIENCE_SECONDS)
        assert line.is_cut


def test_the_last_lines_leave_at_the_end_and_not_only_when_the_log_is_due() -> None:
    with running_line(log_every=60) as line:
        have_turn(line)
        line.log('info', 'last')
        line.log('error', 'of another level')
        line.stop()
        line.drain()
        assert [len(demistomock.calls_of(level)) for level in ('info', 'error')] == [2, 1]


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
    with running_line(log_every=0) as line:
        for line.health.error in ('', 'wrong', '', 'wrong again', 'worse'):
            have_turn(line)
        assert demistomock.calls_of('updateModuleHealth') == [('', False), ('wrong', True), ('', False)]
    assert line.health.due_at == clock.now + 60
    line.health.record_sent('', True, clock.now + 60)
    assert not line.health.is_due(clock.now + 60), 'one that the server did not take has to wait, too'
