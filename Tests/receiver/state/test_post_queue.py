"""The queue of posts, played against a server: what a rejected group becomes, how large calls are, whose an incident is."""
from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from GenericWebhook import (LONGEST_CALL_SECONDS, LONGEST_SLOW_CALL_SECONDS, CallSizer, Post, PostQueue,
                            RejectedByServer, Unavailable, created_incidents, error_beside, read_payloads, to_incidents,
                            with_text)
from clocks import Clock
from model import ROUNDS, SEED, incident
from shared.app import defaults_of

HAND_OVER = 25
NOW = 1000.0  # any moment


class Played:
    """A queue with one post a name, and a server that rejects what holds a bad one. Its clock moves only during its calls."""

    def __init__(self, *names: str | list[str], each: float = 0, call: float = 0,
                 uneven: Callable[[], float] = lambda: 1, has_left: bool = False) -> None:
        self.each = each
        self.call = call
        self.uneven = uneven
        self.now = NOW
        self.queue = PostQueue()
        self.calls: list[list[str]] = []
        self.posts = [self.post(name, number) for number, name in enumerate(names)]
        for post in self.posts if has_left else ():
            post.keep()

    def post(self, names: str | list[str], number: int = 0) -> Post:
        post = Post([incident(name, b'{"number": %d}' % number) for name in ([names] if isinstance(names, str) else names)])
        post.hand_over_by = self.now + HAND_OVER
        self.queue.add(post)
        return post

    def measured(self, count: int = 1000, seconds: float = 0.1) -> Played:
        """The server is known to be fast."""
        self.queue.sizer.timings.append((count, seconds))
        return self

    def step(self, is_bad: Callable[[str], bool] = 'bad'.__eq__, answer: Callable[[list[Any]], list[Any]] = list) -> bool:
        call = self.queue.next_call(self.now)
        if call:
            self.now += (self.call + self.each * len(call)) * self.uneven()
            self.calls.append([each['name'] for each in call])
            if any(is_bad(each['name']) for each in call):
                self.queue.record_unconfirmed(self.now)
            else:
                self.queue.record_created(answer([{'id': '1', **with_text(each)} for each in call]), self.now)
        return bool(call)

    def play(self, is_bad: Callable[[str], bool] = 'bad'.__eq__) -> Played:
        while self.step(is_bad):
            pass
        return self

    @property
    def sizes(self) -> list[int]:
        return [len(call) for call in self.calls]

    @property
    def outcomes(self) -> list[int]:
        """Each post's status."""
        return [200 if post.result.successful() else int(post.result.exception.status)  # type: ignore[union-attr]
                for post in self.posts]


@pytest.mark.parametrize('seed', range(ROUNDS or 5))
def test_four_bad_of_400_are_rejected_alone_in_at_most_80_calls(seed: int) -> None:
    names = ['good'] * 400
    for index in random.Random(seed).sample(range(400), 4) if seed else (0, 100, 200, 300):
        names[index] = 'bad'
    played = Played(*names).measured().play()
    assert played.outcomes == [502 if name == 'bad' else 200 for name in names]
    assert len(played.calls) <= 80


def test_the_other_half_is_tried_before_either_is_halved_again() -> None:
    played = Played(*'12345678').measured().play(lambda name: name in '15')
    assert [''.join(call) for call in played.calls] == [
        '12345678', '1234', '5678', '56', '78', '5', '6', '12', '34', '1', '2']


def test_a_server_that_rejects_everything_is_asked_8_times_for_a_group() -> None:
    played = Played(*['bad'] * 400).measured().play()
    assert len(played.calls) == 8
    assert set(played.outcomes) == {503}


def test_a_rejected_group_is_tried_again_for_5_seconds() -> None:
    played = Played(*['good'] * 15, 'bad', call=1).measured().play()
    assert len(played.calls) == 1 + 5
    assert played.outcomes == [200] * 14 + [503, 503]


def test_no_post_older_than_25_seconds_is_tried_again() -> None:
    played = Played('bad', 'old', call=1).measured()
    for post in played.posts:
        post.hand_over_by -= 24.5
    played.play()
    assert played.sizes == [2]
    assert played.outcomes == [503, 503]


def test_what_is_left_of_a_rejected_half_whose_others_are_given_up_is_tried_alone() -> None:
    played = Played('a', 'b', 'c').measured()
    for _ in range(3):
        played.step(lambda _: True)
    played.posts[1].hand_over_by = played.now
    assert played.play().calls == [['a', 'b', 'c'], ['a'], ['b', 'c'], ['c']]
    assert played.outcomes == [502, 503, 200]


def test_once_something_of_a_group_was_made_no_number_of_rejected_calls_ends_it() -> None:
    played = Played(*['good'] * 32, *['bad'] * 32).measured().play()
    assert played.outcomes == [200] * 32 + [502] * 32


def test_after_a_rejected_group_the_next_has_8_calls_and_5_seconds_of_its_own() -> None:
    played = Played(*['bad'] * 400).measured().play()
    played.now += 6
    played.posts = [played.post(name) for name in ('good', 'bad', 'good')]
    assert played.play().outcomes == [200, 502, 200]


def set_aside(*names: str, pause: float = 0) -> Played:
    """Posts whose senders left, and that were rejected together so often that the server must be at fault."""
    played = Played(*names, has_left=True).measured()
    played.play(lambda _: True)
    played.calls.clear()
    played.now += pause
    return played


def test_one_that_has_just_left_is_asked_before_it_gets_a_503() -> None:
    played = Played('gone')
    played.posts[0].is_gone = lambda: True
    played.now += 25
    assert played.play().outcomes == [200]


def test_the_pauses_before_its_tries_grow_from_1_second_to_10_minutes() -> None:
    played = Played('bad', has_left=True)
    pauses: list[float] = []
    while len(pauses) < 12:
        assert played.step()
        pauses.append(retry_at(played) - played.now)
        played.now = retry_at(played) - 0.001
        assert not played.step(), 'the pause is not over'
        played.now += 0.001
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600], abs=0.01)


def test_a_stop_ends_its_pause_and_a_try_that_fails_then_is_the_last() -> None:
    played = set_aside('good', 'bad')
    assert not played.step(), 'the pauses are not over'
    played.queue.close('stopping')
    assert played.play().outcomes == [200, 502]


def retry_at(played: Played, index: int = 0) -> float:
    aside = played.posts[index].aside
    assert aside
    return aside.retry_at


def outage(played: Played, tries: int = 9) -> None:
    """Let the server reject the first post so often, each time as soon as its pause is over."""
    for _ in range(tries):
        assert played.step(lambda _: True)
        played.now = retry_at(played)


def test_it_is_tried_soon_after_the_first_call_of_others_that_succeeds_after_an_outage_and_only_then() -> None:
    played = Played('bad', has_left=True)
    outage(played)
    played.step()
    assert retry_at(played) > played.now + 500
    played.post('good')
    assert played.play().calls[-1] == ['good']
    assert retry_at(played) == played.now + 1
    played.now += 1
    played.step()
    pause = retry_at(played)
    played.post('good')
    played.step()
    assert retry_at(played) == pause > played.now + 500


def test_one_that_is_tried_again_has_kept_its_place() -> None:
    played = Played(*'abc').measured(1, 30)  # so slow that a call has one incident
    played.posts[0].keep()
    played.step(lambda _: True)
    played.now += 1
    assert played.play().calls == [['a'], ['a'], ['b', 'c']]


def test_it_is_lost_after_5_tries_of_its_own_over_60_s_while_others_succeed_and_not_before() -> None:
    played = set_aside('bad')
    began, tries = played.now, list[float]()
    while not played.posts[0].result.ready():
        assert played.now < began + 100
        played.post('good')
        played.play()
        tries += [played.now - began] * (played.calls.count(['bad']) - len(tries))
        played.now += 0.5
    assert len(tries) >= 5 and tries[-2] < 60 <= tries[-1]
    assert played.outcomes == [502]


@pytest.mark.parametrize('others, seconds, is_lost', [(3, 1, True), (2, 1, False), (3, 20, True)])
def test_three_calls_of_others_must_have_succeeded(others: int, seconds: float, is_lost: bool) -> None:
    played = set_aside('bad')
    pause_ends = retry_at(played)
    for _ in range(others):
        played.now += 0.1
        played.post('good')
        played.step()
    assert retry_at(played) == pause_ends, 'no success makes a pause longer'
    for _ in range(8):
        if not played.posts[0].result.ready():
            played.now = max(retry_at(played), played.now + seconds)
            played.step()
    assert played.posts[0].result.ready() == is_lost


def test_tries_during_an_outage_count_neither_before_nor_after_others_succeeded() -> None:
    played = Played('bad', has_left=True)
    outage(played, tries=20)
    for _ in range(3):
        played.post('good')
        played.play()
    played.post('rejected, too').keep()
    tries = len(played.calls)
    for _ in range(20):
        played.now += 600
        played.play(lambda _: True)
    assert played.calls[tries:].count(['bad']) >= 20
    assert not played.posts[0].result.ready()


def test_of_a_post_that_was_created_in_part_the_tries_begin_again() -> None:
    played = Played([*'abc'], has_left=True).measured(count=1, seconds=20)
    outage(played, tries=4)
    played.now = retry_at(played)
    assert played.step() and played.posts[0].is_partly_created and played.posts[0].incidents
    assert played.posts[0].aside is not None and played.posts[0].aside.tries == 0


def test_a_repeat_brings_the_next_try_forward_at_most_once_in_10_s() -> None:
    played = Played('late', has_left=True)
    outage(played, tries=12)
    played.step(lambda _: True)
    began = played.now
    for seconds, is_tried in (0, True), (5, False), (9.9, False), (10, True), (19.9, False), (20, True):
        now = began + seconds
        assert retry_at(played) > now
        played.queue.hurry(played.posts[0], now)
        assert bool(played.queue.next_call(now)) == is_tried
        if is_tried:
            played.queue.record_unconfirmed(now)


@pytest.mark.parametrize('fault, lost', [('count', 'third'), ('bytes', 'large')])
def test_when_more_are_set_aside_than_there_is_room_for_the_last_or_the_largest_is_lost(fault: str, lost: str) -> None:
    played = Played(['large'] * 9, 'second', 'third', has_left=True).measured()
    if fault == 'count':
        played.queue.most_posts = 2
    else:
        played.queue.most_bytes = sum(post.memory_bytes for post in played.posts) - 1
    played.play(lambda _: True)
    names = ['large', 'second', 'third']
    assert [name for name, post in zip(names, played.posts, strict=True) if post.result.ready()] == [lost]
    reason = next(post.result.exception for post in played.posts if post.result.ready())
    assert isinstance(reason, RejectedByServer)


@pytest.mark.parametrize('limit', ['most_posts', 'most_bytes'])
def test_however_many_are_set_aside_a_quarter_of_the_room_is_for_others(limit: str) -> None:
    played = set_aside(*'abcd')
    setattr(played.queue, limit, 4 if limit == 'most_posts' else sum(post.memory_bytes for post in played.posts))
    played.post('o')
    with pytest.raises(Unavailable):
        played.post('p')


def test_what_was_rejected_while_others_were_created_is_lost_before_what_an_outage_set_aside() -> None:
    played = Played('good').measured().play()
    played.posts = [played.post('bad')]
    played.posts[0].keep()
    played.play()
    played.now = retry_at(played)
    assert played.step(lambda _: True), 'it is tried during the outage, too'
    played.posts += [played.post(name) for name in ('second', 'third')]
    for post in played.posts:
        post.keep()
    played.queue.most_posts = 2
    played.play(lambda _: True)
    assert [post.result.ready() for post in played.posts] == [True, False, False]


def test_of_an_array_whose_sender_left_the_rest_is_tried_again_and_no_part_twice() -> None:
    played = Played(['event'] * 100, each=0.25, has_left=True)
    played.step()
    played.step(lambda _: True)
    played.now += 1
    assert played.play().sizes == [40, 40, 40, 20]
    assert played.outcomes == [200] and len(played.posts[0].result.value or []) == 100


def test_the_first_calls_are_cautious_and_growth_is_fast() -> None:
    played = Played(*['event'] * 1000, each=0.002, call=0.2).play()
    assert played.sizes[0] <= 8
    assert len(played.calls) <= 5
    assert all(0.2 + size * 0.002 <= 2.1 for size in played.sizes)


@pytest.mark.parametrize('is_array', [False, True])
@pytest.mark.parametrize('each', [0.0, 0.0001, 0.01, 0.1, 1.0, 8.0])
@pytest.mark.parametrize('call', [0.001, 0.2, 3.0, 9.0, 14.0, 22.0])
def test_no_call_lasts_over_10_seconds_or_40_if_its_overhead_does_except_for_two_incidents_after_one(
        call: float, each: float, is_array: bool) -> None:
    played = Played('first', call=call, each=each)
    played.step()
    for names in [['event'] * 300] if is_array else [['event']] * 300:
        played.post(names).keep()
    for _ in range(20):
        played.step()
    longest = LONGEST_CALL_SECONDS if call <= LONGEST_CALL_SECONDS else LONGEST_SLOW_CALL_SECONDS
    for size in played.sizes:
        taken = call + each * size
        assert size == 1 or taken <= longest + 0.01 or (size == 2 and taken <= 30)


@pytest.mark.parametrize('call, sizes', [(5, [1, 2, 10, 27]), (8, [1, 2, 10, 27]), (12, [1, 2, 10, 27]), (20, [1, 2, 10, 27])])
def test_a_server_that_is_slow_with_each_call_gets_ever_more_in_one(call: float, sizes: list[int]) -> None:
    played = Played('first', call=call, each=0.001)
    played.step()
    for _ in range(39):
        played.post('event').keep()
    assert played.play().sizes == sizes


def test_the_time_per_incident_is_what_three_of_four_pairs_of_calls_say_it_is_at_most() -> None:
    timings = [(10, 1.0), (20, 1.1), (40, 1.3), (80, 4.0)]
    assert CallSizer(timings[:3]).cost[1] == pytest.approx(0.01)
    estimates = sorted([3 / 70, 2.9 / 60, 2.7 / 40, 0.01, 0.01, 0.01])
    assert CallSizer(timings).cost[1] == pytest.approx(min(estimates[4], 4 / 80))
    assert CallSizer(timings).cost[0] == pytest.approx(4 - 80 * estimates[4])


@pytest.mark.parametrize('jitter', [0.1, 0.3])
@pytest.mark.parametrize('each', [0.05, 0.25, 1.0, 2.0, 4.0, 8.0])
@pytest.mark.parametrize('call', [0.0, 0.2, 1.0, 3.0])
def test_no_call_lasts_60_seconds_however_uneven_the_server_is(call: float, each: float, jitter: float) -> None:
    chance = random.Random(SEED)
    for _ in range(ROUNDS or 2):
        played = Played(*['event'] * 300, each=each, call=call, uneven=lambda: chance.uniform(1 - jitter, 1 + jitter))
        played.measured(1, call + each)
        began = played.now
        while played.step():
            assert played.now - began < 60
            began = played.now


@pytest.mark.parametrize('earlier, latest, counts_alone', [
    ((1, 0.001), (1, 1.0), True), ((1, 3.0), (2, 0.5), True), ((10, 1.0), (10, 0.4), True), ((10, 1.0), (10, 0.5), False),
    ((10, 0.02), (10, 0.1), False), ((10, 0.1), (10, 0.02), False), ((10, 0.2), (20, 0.9), False)])
def test_a_call_counts_alone_once_the_server_is_much_slower_or_faster(earlier: Any, latest: Any, counts_alone: bool) -> None:
    sizer = CallSizer([earlier])
    sizer.record(*latest)
    assert sizer.timings == ([latest] if counts_alone else [earlier, latest])


@pytest.mark.parametrize('before, sizes', [
    ([], [8, 2, 40, 10]), ([(1, 8.0)], [2, 10, 48]), ([(1, 8.0), (2, 8.0)], [10, 50]), ([(2, 8.0)] * 8, [1, 10, 49]),
    ([(60, 8.0)] * 8, [15, 45]),
], ids=str)
def test_60_posts_at_a_server_of_8_seconds_a_call_are_all_created(before: list[tuple[int, float]], sizes: list[int]) -> None:
    played = Played(*['event'] * 60, call=8)
    played.queue.sizer.timings += before
    assert played.play().sizes == sizes
    assert played.outcomes == [200] * 60


def test_60_posts_are_all_created_by_a_server_that_now_takes_8_seconds_a_call() -> None:
    played = Played('event', call=8)
    played.queue.sizer.timings += [(1, 0.02)] * 8
    played.step()
    played.posts += [played.post('event') for _ in range(59)]
    for post in played.posts:
        post.hand_over_by -= 8  # they arrived when the call of the first began
    assert played.play().sizes == [1, 2, 10, 47]
    assert played.outcomes == [200] * 60


FITS = {  # what calls held and took, for how many seconds the next one may last, and how many incidents it holds
    'nothing was measured': ([], 2, 8),
    'two tell more than one': ([(1, 8)], 2, 2),
    'and take less than 60 s': ([(1, 26)], 2, 2),
    'unless they may take longer': ([(1, 26.1)], 2, 1),
    'a half more than a call takes': ([(1, 20.0), (2, 20.0)], 2, 10),
    'beside what an incident takes': ([(1, 20.0), (2, 25.0)], 2, 1),
    'one tells more than two again': ([(2, 8)], 2, 1),
    'by what an incident takes': ([(4, 1.0), (8, 2.0)], 2, 8),
    'beside what a call takes': ([(4, 1.0), (8, 1.5)], 2, 12),
    'as many as take 10 s if all cost their share': ([(4, 1.0), (8, 1.0)], 2, 80),
    'of the last call': ([(8, 1.0), (4, 1.0)], 2, 40),
    'or at most 5 times as many at once': ([(8, 9.0), (1, 9.0)], 2, 40),
    'after one': ([(1, 8.0), (2, 8.0)], 2, 10),
    'a larger one that was faster': ([(1, 0.5), (2, 0.25)], 2, 16),
    'nearly one size tells nothing': ([(6, 1.0), (8, 1.0)], 2, 16),
    'slower the more they are': ([(4, 0.25), (8, 4.0)], 2, 4),
    'for five seconds': ([(1, 0.25)], 5, 20),
    'many that cost their share': ([(1, 0.001)], 2, 2000),
    'of two, as many as take 10 s': ([(1, 1.0), (2, 1.0)], 2, 20),
    'of two that are fast, more': ([(1, 0.1), (2, 0.1)], 2, 200),
    'one if a call takes over 40 s by itself': ([(1, 45.0), (2, 45.0)], 2, 1),
}


@pytest.mark.parametrize('calls, seconds, count', FITS.values(), ids=FITS)
def test_a_call_holds_as_many_incidents_as_its_time_allows(calls: list[tuple[int, float]], seconds: float, count: int) -> None:
    assert CallSizer(calls).fit(seconds) == count


def test_what_calls_took_counts_for_the_next_eight() -> None:
    played = Played(*['event'] * 200, each=0.25).play()
    assert [(count, round(seconds, 6)) for count, seconds in played.queue.sizer.timings] == [(8, 2)] * 8


def test_a_server_that_needs_no_time_gets_all_that_a_call_may_hold_and_an_array_goes_whole_where_the_time_allows() -> None:
    assert Played(['event'] * 1000).measured().play().sizes == [1000]
    assert Played(*[['event'] * 2] * 505).play().sizes == [8, 1000, 2]


EVENTS = {
    'a small event': b'{"a":1}',
    'an envelope': b'{"name":"name %d","type":"type","occurred":"2026-11-24T10:00:00Z","raw_json":{"a":1}}',
    'a recovery with a problem key': b'{"action":"Close","alert":{"alertId":"%d"},"source":{},"integrationName":"i"}',
    'a large event': b'{"a":"' + b'x' * 10_000 + b'"}',
}


@pytest.mark.parametrize('count', [1, 100])
@pytest.mark.parametrize('event', EVENTS)
def test_a_post_counts_at_least_the_memory_of_its_incidents_and_at_most_half_more(event: str, count: int) -> None:
    def incidents_of(number: int) -> list[dict[str, Any]]:
        body = b'[%b]' % b','.join([EVENTS[event].replace(b'%d', b'%d' % (number + index)) for index in range(count)])
        return to_incidents(read_payloads(body), defaults_of({}, occurred=f'2026-11-24T10:00:00.{number:06}Z')).incidents

    requests = max(100 // count, 2)

    def freed_and_counted() -> tuple[int, int]:
        gc.freeze()  # what was there before need not be looked at
        gc.collect()  # and the memory of what earlier tests freed is not lent again
        tracemalloc.start()
        try:
            several = [incidents_of(number) for number in range(requests)]
            counted = sum(Post(incidents).size for incidents in several)
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
            several.clear()  # what it frees is what they took, and not what caches took
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            gc.unfreeze()
        return before - after - 8 * requests, counted  # without the list of all

    _, (freed, counted), _ = sorted(freed_and_counted() for _ in range(3))  # other threads may take or free something, too
    assert 0.99 * freed <= counted <= 1.5 * freed


def test_posts_wait_up_to_the_bounds_and_repeats_count_among_them() -> None:
    post, other, repeat, late = (Post([incident('a')], request_bytes=9) for _ in range(4))
    post.keep()  # and so without the memory of its request
    queue = PostQueue(most_bytes=post.size + other.memory_bytes + late.memory_bytes)
    queue.add(post)
    queue.add(other)
    queue.repeats.append(repeat)
    with pytest.raises(Unavailable):
        queue.check_room(1)
    queue.repeats.remove(repeat)
    queue.add(late)
    for change in (lambda: queue.next_call(NOW), lambda: queue.record_unconfirmed(NOW), bool):  # in a call, rejected
        with pytest.raises(Unavailable):
            queue.add(repeat)
        change()


def test_a_post_is_handed_over_for_25_seconds_and_no_longer(clock: Clock) -> None:
    assert Post([incident('a')]).hand_over_by == clock.now + 25
    played, ended = Played('early', 'late'), list[str]()
    played.posts[0].turn.callback(ended.append, 'the turn of a large one')
    played.posts[1].hand_over_by += 0.1
    played.queue.expire(played.now + 24.9)
    assert played.queue.waiting == played.posts
    assert not ended
    played.queue.expire(played.now + 25)
    assert played.queue.waiting == played.posts[1:] and ended
    assert played.posts[0].result.exception.status == 503  # type: ignore[union-attr]


@pytest.mark.parametrize(('calls', 'busy'), [
    ([], 'The receiver was busy with other events for 25 s'),
    ([(0, 24)], 'The receiver was busy with other events for 25 s'),
    ([(24, 26)], 'XSOAR was busy for 25 s'),
    ([(24, None)], 'XSOAR was busy for 25 s'),
    ([(26, None)], 'The receiver was busy with other events for 25 s'),
    ([(0, 24), (24.5, 30)], 'XSOAR was busy for 25 s'),
], ids=['no call', 'ended', 'ended late', 'in flight', 'began late', 'the second'])
def test_a_503_names_xsoar_only_if_a_call_was_in_flight_at_the_end_of_the_25_seconds(
        calls: list[tuple[float, float | None]], busy: str) -> None:
    played = Played('waits')
    queue, post = played.queue, played.posts[0]
    for began, ended in calls:
        queue.waiting = []
        queue.add(Post([incident('other')]))
        queue.next_call(NOW + began)
        queue.waiting = [post]
        if ended is not None:
            queue.record_created([{'id': '1'}], NOW + ended)
            queue.ended_at = NOW + ended
    if calls and calls[0][0] > 25:  # the post was overdue before that call
        queue.in_flight = []
    queue.expire(NOW + 30)
    assert post.result.exception.detail.startswith(busy)  # type: ignore[union-attr]


@pytest.mark.parametrize('created', [40, 0])
def test_a_long_array_that_a_stop_ends_between_its_calls_is_a_502_that_says_how_much_of_it_exists(created: int) -> None:
    played = Played(['long'] * 100, each=0.25)
    played.step(answer=lambda incidents: incidents[:created])
    played.queue.abandon()
    assert played.outcomes == [502] and f' {created} of its 100 incidents exist.' in str(played.posts[0].result.exception)


def test_others_have_their_turn_between_the_calls_of_a_long_array_whose_rest_goes_alone_though_they_would_fit() -> None:
    assert Played(['long'] * 100, 'a', each=0.25).play().sizes == [40, 1, 40, 20]
    assert Played(['long'] * 42, 'a', each=0.25).play().sizes == [40, 1, 2]
    played = Played(['long'] * 42, each=0.25)
    played.step()
    played.post('a')
    assert played.play().sizes == [40, 2, 1]


@pytest.mark.parametrize('reply, incidents', [
    ([], []), ({'id': '1'}, [{'id': '1'}]), ([None, {'id': '1'}, {'error': 'x'}, 3], [{'id': '1'}]),
    (None, None), (False, None), ({}, None), ([None], None), ([[]], None), ([{'error': 'x'}], None), ({'id': None}, None),
    ([{'id': ''}], None), ('text', None), (3, None),
], ids=str)
def test_the_incidents_of_a_reply_are_its_objects_with_an_id(reply: Any, incidents: list[Any] | None) -> None:
    assert created_incidents(reply) == incidents


def told(posts: list[Post]) -> list[str]:
    return [','.join(created['id'] for created in post.result.value or []) for post in posts]


def answered(*created: Any, names: str) -> Played:
    played = Played(*names).measured()
    played.step(answer=lambda _: list(created))
    return played


def test_what_is_missing_was_dropped_and_the_others_are_reported_of_their_own() -> None:
    played = answered({'name': 'a', 'id': '1'}, {'name': 'c', 'id': '2'}, names='abc')
    assert told(played.posts) == ['1', '', '2']
    assert played.queue.alone_until < played.now


def test_a_reply_in_another_order_reaches_no_sender_and_ends_the_grouping_for_a_while() -> None:
    played = answered({'name': 'b', 'id': '1'}, {'name': 'a', 'id': '2'}, names='ab')
    assert (told(played.posts), played.sizes) == (['', ''], [2])
    for seconds, sizes in (0, [1, 1, 1, 1]), (599.9, [1, 1, 1, 1]), (0.2, [4]):
        played.now += seconds
        played.calls.clear()
        for names in 'abcd':
            played.post(names)
        assert played.play().sizes == sizes


def test_after_a_reply_in_another_order_the_rest_of_a_rejected_group_goes_one_by_one() -> None:
    played = Played('a', 'b', 'c', 'bad').measured()
    played.step()
    played.step(answer=lambda created: created[::-1])
    assert played.play().calls == [['a', 'b', 'c', 'bad'], ['a', 'b'], ['c'], ['bad']]


def test_no_sender_gets_an_incident_of_two_alike_of_which_one_is_missing() -> None:
    played = answered({'name': 's', 'id': '1'}, {'name': 'o', 'id': '2'}, names='sso')
    assert told(played.posts) == ['', '', '2']
    assert played.queue.alone_until > played.now


def test_another_name_does_no_harm_where_the_details_tell_whose_it_is() -> None:
    played = answered({'name': 'A', 'id': '1', 'rawJSON': '{"number": 0}'}, {'name': 'b', 'id': '2', 'rawJSON': ''}, names='ab')
    assert told(played.posts) == ['1', '2']


@pytest.mark.parametrize('odd', [{}, {'name': []}, {'name': {'a': 1}}, {'name': 'a', 'rawJSON': []},
                                 {'name': None, 'rawJSON': {}}], ids=str)
def test_an_odd_reply_to_a_group_reaches_no_sender(odd: Any) -> None:
    played = answered(odd, odd, odd, names='ab')
    assert told(played.posts) == ['', '']
    assert played.queue.alone_until > played.now


class Erring(Played):
    """One whose server replies with errors for incidents with some names, so many times. No two incidents have equal details."""

    def post(self, names: str | list[str], number: int = 0) -> Post:
        post = super().post(names, number)
        for index, each in enumerate(post.incidents):
            each['rawJSON'] = b'{"event": "%d.%d"}' % (number, index)
        return post

    def play_with_errors(self, *names: str, times: int = 1) -> Erring:
        errors = dict.fromkeys(names, times)
        while call := self.queue.next_call(self.now):
            self.now += self.call + self.each * len(call)
            self.calls.append([each['name'] for each in call])
            wrong = {name for name in self.calls[-1] if errors.get(name)}
            errors |= {name: errors[name] - 1 for name in wrong}
            items = [with_text(each) for each in call]
            reply = [{'error': 'no'} if each['name'] in wrong else {'id': '1', **each} for each in items]
            if (created := created_incidents(reply)) is None:
                self.queue.record_unconfirmed(self.now)
            else:
                self.queue.record_created(created, self.now, has_error=bool(wrong))
        return self


def test_the_missing_ones_are_tried_however_long_the_first_call_took() -> None:
    played = Erring(['a', 'b'], call=HAND_OVER + 1)
    played.measured()
    assert played.play_with_errors('b').calls == [['a', 'b'], ['b']]
    assert played.outcomes == [200]


@pytest.mark.parametrize('is_rejected', [False, True])
def test_the_missing_ones_of_each_request_go_in_a_call_of_their_own(is_rejected: bool) -> None:
    played = Erring(['a', 'x'], ['b', 'x'], ['c', 'x'])
    played.measured()
    if is_rejected:
        played.step(lambda _: True)
    played.play_with_errors('x', times=2 if is_rejected else 1)
    assert sorted(played.calls)[-3:] == [['x']] * 3
    assert played.outcomes == [200] * 3 and [len(post.result.value or []) for post in played.posts] == [2] * 3


def test_of_a_sender_that_left_the_missing_ones_are_set_aside() -> None:
    played = Erring([*'abcd'], has_left=True)
    played.measured()
    played.play_with_errors('b', 'd', times=2)
    assert not played.posts[0].result.ready()
    played.now = retry_at(played)
    assert played.play_with_errors().calls == [[*'abcd'], ['b', 'd'], ['b', 'd']]
    assert played.outcomes == [200] and len(played.posts[0].result.value or []) == 4


@pytest.mark.parametrize('reply', [[{'id': '1'}, {'error': 'no'}], [{'id': '1', 'name': 'other'}, {'error': 'no'}],
                                   [{'id': '1', 'name': 'a', 'rawJSON': '{"as sent": false}'}, {'error': 'no'}]], ids=str)
def test_if_the_reply_does_not_show_which_are_missing_none_is_tried(reply: list[Any]) -> None:
    played = Played(['a', 'b']).measured()
    played.queue.next_call(played.now)
    played.queue.record_created(created_incidents(reply) or [], played.now, has_error=True)
    assert not played.step() and played.outcomes == [502]
    assert '1 of its 2 incidents exist, and more may exist.' in str(played.posts[0].result.exception)


@pytest.mark.parametrize('created, calls', [
    ({'id': '1', **with_text(incident('a', b'{"number": 0}'))}, [*'bcd']), ({'id': '1', 'name': 'other'}, [*'acdb'])])
def test_of_requests_of_one_event_each_that_is_missing_is_tried_alone(created: dict[str, Any], calls: list[str]) -> None:
    played = Played(*'abcd').measured()
    played.queue.next_call(played.now)
    played.queue.record_created([created], played.now, has_error=True)
    assert played.play().calls == [[name] for name in calls] and played.outcomes == [200] * 4


def test_the_rest_of_a_long_array_is_created_with_what_was_missing_of_its_first_call() -> None:
    played = Erring([f'{number}' for number in range(100)], each=0.25)
    played.play_with_errors('3')
    assert played.calls[1][0] == '3'  # it goes first, whatever else still waits
    created = sorted(int(each['name']) for each in played.posts[0].result.value or [])
    assert created == list(range(100))


@pytest.mark.parametrize('names, times, status', [('3 50', 1, 200), ('3 79', 1, 200), ('50', 1, 200), ('3', 2, 502)])
def test_of_a_long_array_whatever_a_call_lacks_is_tried_again_and_only_what_lacks_twice_ends_it(
        names: str, times: int, status: int) -> None:
    played = Erring([f'{number}' for number in range(100)], each=0.25)
    assert played.play_with_errors(*names.split(), times=times).outcomes == [status]
    assert len(played.posts[0].created) == (100 if status == 200 else 39 + 39)


def test_what_a_call_lacks_has_5_tries_however_often_the_whole_was_rejected_before() -> None:
    played = Erring([*'abcd'], has_left=True)
    played.play(lambda _: True)
    for _ in range(5):  # the first was before others succeeded, and so does not count
        played.now += 60
        played.post('good')
        played.play(lambda name: name in 'abcd')
    played.now += 600
    assert played.play_with_errors('b', times=2).calls[-2:] == [[*'abcd'], ['b']]
    assert not played.posts[0].result.ready()
    played.now += 1
    assert played.play_with_errors().outcomes == [200] and len(played.posts[0].result.value or []) == 4


@pytest.mark.parametrize('reply, error', [
    ([{'id': '17', 'error': ''}], ''), ([{'id': '17', 'error': 'x'}], ''), ([{'error': ''}], ''), ([None, {}, 3], ''), (None, ''),
    ({'error': 'x'}, ''), ([{'id': '17'}, {'error': 'x'}], 'x'), ([{'id': '', 'error': {'a': 1}}], "{'a': 1}"),
], ids=str)
def test_an_error_without_an_id_stands_in_the_place_of_an_incident(reply: Any, error: str) -> None:
    assert error_beside(reply) == error
