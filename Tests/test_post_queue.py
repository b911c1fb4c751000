"""The whole state of the line against a simple model: random arrivals, delays, refusals, drops, mix-ups and stops."""
from __future__ import annotations

from typing import Any

import GenericWebhook
import pytest
from GenericWebhook import Post, PostQueue, ServerRefused, Unavailable
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

NAMES = st.sampled_from(['alert', 'drop me', 'poison', 'other'])


class Sender:
    """One POST as its sender sees it, and what the server holds of it."""

    def __init__(self, number: int, names: list[str], size: int) -> None:
        self.is_gone = False
        self.keys = [f'{{"key": "{number}-{index}"}}' + ' ' * size for index in range(len(names))]
        incidents = [{'name': name, 'type': None, 'occurred': '', 'rawJSON': key}
                     for name, key in zip(names, self.keys, strict=True)]
        self.post = Post(incidents, lambda: self.is_gone)
        self.handed_over = False


class LineMachine(RuleBasedStateMachine):
    """The model: a server that creates what a call holds, all of it or nothing, and remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = PostQueue()
        self.senders: list[Sender] = []
        self.call: list[dict[str, Any]] = []
        self.stored: list[str] = []
        self.dropped: set[str] = set()
        self.first_handings: list[int] = []
        self.mixed_up = False

    @rule(names=st.lists(NAMES, min_size=1, max_size=4), size=st.sampled_from([0, 0, 400]))
    def arrive(self, names: list[str], size: int) -> None:
        sender = Sender(len(self.senders), names, size)
        try:
            self.queue.add(sender.post)
        except Unavailable:
            is_full = len(self.queue.waiting) >= GenericWebhook.MAX_WAITING_POSTS
            too_many_bytes = self.queue.waiting_bytes + sender.post.size > GenericWebhook.MAX_WAITING_BYTES
            assert is_full or too_many_bytes or self.queue.closed_because
            return
        self.senders.append(sender)

    @precondition(lambda self: self.senders)
    @rule(data=st.data())
    def time_goes_by(self, data: st.DataObject) -> None:
        """Until just after one of the senders has waited too long."""
        last = data.draw(st.sampled_from(self.senders))
        self.queue.expire(last.post.arrived + 1e-9)
        assert last.post not in self.queue.waiting

    @precondition(lambda self: self.senders)
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.senders)).is_gone = True

    @precondition(lambda self: not self.call)
    @rule()
    def hand_over(self) -> None:
        self.call = self.queue.take()
        posts = self.queue.in_flight
        assert self.call == [incident for post in posts for incident in post.incidents]
        if len(posts) > 1:
            assert len(self.call) <= GenericWebhook.MAX_GROUP_INCIDENTS
            assert sum(post.size for post in posts) <= GenericWebhook.MAX_GROUP_BYTES
            assert self.queue.grouping
        for number, sender in enumerate(self.senders):
            if sender.post in posts and not sender.handed_over:
                sender.handed_over = True
                self.first_handings.append(number)
        assert self.first_handings == sorted(self.first_handings), 'order of arrival'

    @precondition(lambda self: self.call)
    @rule(mix_up=st.booleans())
    def server_answers(self, mix_up: bool) -> None:
        call, self.call = self.call, []
        if any('poison' in incident['name'] for incident in call):
            self.queue.refused()
            return
        kept = [incident for incident in call if 'drop' not in incident['name']]
        self.dropped.update(incident['rawJSON'] for incident in call if incident not in kept)
        self.stored += [incident['rawJSON'] for incident in kept]
        created = [{'id': incident['rawJSON'], 'name': incident['name'], 'rawJSON': incident['rawJSON']} for incident in kept]
        self.queue.created(created[::-1] if mix_up else created)

    @precondition(lambda self: self.call)
    @rule()
    def server_refuses(self) -> None:
        self.call = []
        self.queue.refused()

    @precondition(lambda self: self.call)
    @rule()
    def line_is_busy(self) -> None:
        self.call = []
        self.queue.not_made()

    @rule()
    def stop(self) -> None:
        self.queue.close('stopping')

    @precondition(lambda self: self.queue.closed_because and not self.call)
    @rule()
    def abandon(self) -> None:
        self.queue.abandon()
        assert self.queue.is_empty

    @invariant()
    def every_sender_is_told_the_truth(self) -> None:
        for sender in self.senders:
            outcome = sender.post.outcome
            stored = [key for key in self.stored if key in sender.keys]
            assert len(stored) == len(set(stored)), 'an incident exists twice'
            if not outcome.ready():
                continue
            if outcome.successful():
                assert set(sender.keys) == set(stored) | (self.dropped & set(sender.keys)), '200, and an incident is not there'
                assert {created['id'] for created in outcome.value or []} <= set(sender.keys), "another's incident was told"
            else:
                assert isinstance(outcome.exception, Unavailable | ServerRefused)
                assert not stored, 'refused, and the incident is there'

    @invariant()
    def nobody_is_in_two_places(self) -> None:
        queue = self.queue
        places = [*queue.waiting, *queue.in_flight, *(post for part in queue.retrying for post in part)]
        assert len(places) == len(set(places))
        assert not any(post.outcome.ready() for post in places)
        unsettled = [sender.post for sender in self.senders if not sender.post.outcome.ready()]
        assert set(unsettled) == set(places)

    @invariant()
    def the_bounds_hold(self) -> None:
        assert len(self.queue.waiting) <= GenericWebhook.MAX_WAITING_POSTS
        assert self.queue.waiting_bytes == sum(post.size for post in self.queue.waiting)
        assert len(self.queue.waiting) <= 1 or self.queue.waiting_bytes <= GenericWebhook.MAX_WAITING_BYTES


@pytest.fixture(autouse=True)
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that random arrivals reach them."""
    for name, value in {'MAX_WAITING_POSTS': 6, 'MAX_WAITING_BYTES': 1500, 'MAX_GROUP_INCIDENTS': 9, 'MAX_GROUP_BYTES': 900,
                        'MAX_RETRY_GROUP': 4}.items():
        monkeypatch.setattr(GenericWebhook, name, value)


TestLine = LineMachine.TestCase
TestLine.settings = settings(max_examples=300, stateful_step_count=60, deadline=None)


def filled(*names: str) -> tuple[PostQueue, list[Post]]:
    """A queue with one post a name, all in one call."""
    queue = PostQueue()
    posts = [Post([{'name': name, 'type': None, 'occurred': '', 'rawJSON': f'{{"number": {number}}}'}])
             for number, name in enumerate(names)]
    for post in posts:
        queue.add(post)
    queue.take()
    return queue, posts


def test_an_answer_in_another_order_is_told_apart_by_name_and_ends_the_grouping() -> None:
    queue, posts = filled('a', 'b')
    queue.created([{'name': 'b', 'id': '1'}, {'name': 'a', 'id': '2'}])
    assert [post.outcome.value for post in posts] == [[{'name': 'a', 'id': '2'}], [{'name': 'b', 'id': '1'}]]
    assert not queue.grouping


def test_incidents_of_one_name_are_given_to_nobody_when_one_is_missing() -> None:
    queue, posts = filled('same', 'same', 'own')
    queue.created([{'name': 'same', 'id': '1'}, {'name': 'own', 'id': '2'}])
    assert [post.outcome.value for post in posts] == [[], [], [{'name': 'own', 'id': '2'}]]


def test_incidents_of_one_name_in_another_order_are_seen_by_their_details() -> None:
    queue, posts = filled('same', 'same')
    queue.created([{'name': 'same', 'rawJSON': '{"number": 1}'}, {'name': 'same', 'rawJSON': '{"number": 0}'}])
    assert [post.outcome.value for post in posts] == [[], []]


def test_of_a_refused_group_the_posts_are_tried_one_by_one() -> None:
    queue, posts = filled('good', 'bad', 'good too')
    queue.refused()
    for name in ('good', 'bad', 'good too'):
        incident, = queue.take()
        assert incident['name'] == name
        if name == 'bad':
            queue.refused()
        else:
            queue.created([incident])
    assert [post.outcome.successful() for post in posts] == [True, False, True]
    assert isinstance(posts[1].outcome.exception, ServerRefused)


def test_a_large_refused_group_is_tried_in_parts_before_it_is_tried_one_by_one() -> None:
    queue, posts = filled('1', '2', '3', '4', 'bad', '6')
    calls = []
    queue.refused()
    while call := queue.take():
        calls.append(' '.join(incident['name'] for incident in call))
        if any(incident['name'] == 'bad' for incident in call):
            queue.refused()
        else:
            queue.created(call)
    assert calls == ['1 2 3 4', 'bad 6', 'bad', '6']
    assert [post.outcome.successful() for post in posts] == [True, True, True, True, False, True]


def test_after_three_refusals_in_a_row_the_rest_of_the_group_is_refused_at_once() -> None:
    queue, posts = filled(*'abcd')
    queue.refused()
    for _ in range(3):
        assert len(queue.take()) == 1
        queue.refused()
    assert all(isinstance(post.outcome.exception, ServerRefused) for post in posts)
    assert queue.is_empty
