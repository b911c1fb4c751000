"""The whole state of the line against a simple model: random arrivals, departures, delays, rejections, drops, mix-ups, stops."""
from __future__ import annotations

from typing import Any

from GenericWebhook import Post, PostQueue, RejectedByServer, Unavailable, with_text
from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from model import SEED, examples

NAMES = st.sampled_from(['alert', 'drop me', 'poison', 'other'])
HAND_OVER, RETRY, ALONE = 25, 5, 600
NOW = 1000.0  # any moment
MOST_POSTS, MOST_BYTES, MOST_IN_CALL, MOST_CALL_BYTES = 8, 6000, 9, 3000  # so small that random arrivals reach them
REQUEST_BYTES = 50


class Sender:
    """One POST as its sender sees it, and what the server holds of it."""

    def __init__(self, number: int, names: list[str], size: int, now: float) -> None:
        self.keys = [f'{{"key": "{number}-{index}"}}' + ' ' * size for index in range(len(names))]
        incidents = [{'name': name, 'type': None, 'occurred': '', 'rawJSON': key.encode()}
                     for name, key in zip(names, self.keys, strict=True)]
        self.is_gone = False
        self.post = Post(incidents, REQUEST_BYTES, lambda: self.is_gone)
        self.post.hand_over_by = now + HAND_OVER
        self.arrived = now
        self.first_handed_over = 0.0
        self.may_go_from = 0.0  # the end of its latest pause, if it was set aside
        self.pauses: list[float] = []
        self.was_set_aside = False
        self.failures = 0  # tries of its own since others were first accepted, and while the server worked
        self.others_created: list[float] = []  # when calls of others succeeded since it was set aside
        self.is_suspect = False  # whether it was rejected while others were accepted


@seed(SEED)
class LineMachine(RuleBasedStateMachine):
    """The model: a server that creates what a call holds, all of it or nothing, and remembers it."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = PostQueue(MOST_POSTS, MOST_BYTES, MOST_IN_CALL, MOST_CALL_BYTES)
        self.now = NOW
        self.senders: list[Sender] = []
        self.call: list[dict[str, Any]] = []
        self.stored: list[str] = []
        self.dropped: set[str] = set()
        self.failed_calls: set[str] = set()  # what was in calls of which nobody knows what came of them
        self.first_handings: list[int] = []
        self.mixed_up_at = -float('inf')
        self.in_call: list[Sender] = []
        self.was_retry = False
        self.works = False  # whether the last call of others succeeded
        self.is_abandoned = False
        self.lost: list[Sender] = []

    @rule(names=st.lists(NAMES, min_size=1, max_size=4), size=st.sampled_from([0, 0, 400]))
    def arrive(self, names: list[str], size: int) -> None:
        sender = Sender(len(self.senders), names, size, self.now)
        try:
            self.queue.add(sender.post)
        except Unavailable:
            assert not self.has_room_for(sender.post.memory_bytes) or self.queue.closed_because
            return
        assert not self.unsettled or self.has_room_for(sender.post.memory_bytes)
        self.senders.append(sender)

    def has_room_for(self, size: int) -> bool:
        """Whether there is room in the queue, or in the quarter of it that posts that were set aside leave to others."""
        waits = [sender for sender in self.senders if not sender.post.result.ready()]
        new = [sender.post.memory_bytes for sender in waits if not sender.was_set_aside]
        old = [sender.post.memory_bytes for sender in waits if sender.was_set_aside]
        return (len(new) + min(len(old), MOST_POSTS * 3 // 4) < MOST_POSTS
                and size + sum(new) + min(sum(old), MOST_BYTES * 3 // 4) <= MOST_BYTES)

    @rule(count=st.integers(2, 5))
    def arrive_together(self, count: int) -> None:
        for _ in range(count):
            self.arrive(['alert'], 0)

    @rule(seconds=st.sampled_from([0.01, 1, 6, 24]))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds
        self.queue.expire(self.now)
        assert all(sender.post.is_partly_created or sender.is_gone or sender.arrived > self.now - HAND_OVER
                   for sender in self.senders if sender.post in self.queue.waiting)

    @precondition(lambda self: self.senders)
    @rule(index=st.integers(0, 9), is_noticed=st.booleans())
    def leave(self, index: int, is_noticed: bool) -> None:
        sender = self.senders[-1 - index % len(self.senders)]
        if not sender.post.result.ready():
            sender.is_gone = True
            if is_noticed:
                sender.post.keep()

    @precondition(lambda self: not self.call)
    @rule()
    def hand_over(self) -> None:
        ready = [sender.post for sender in self.waiting if sender.may_go_from <= self.now]
        self.call = self.queue.next_call(self.now)
        self.check_set_aside()  # those of a rejected group that are overdue
        posts = self.queue.in_flight
        self.in_call = [sender for sender in self.senders if sender.post in posts]
        self.check_turn(ready)
        sent = [incident for post in posts for incident in post.incidents]
        assert self.call == sent[:len(self.call)]
        assert len(self.call) == len(sent) or (len(posts) == 1 and len(self.call) >= 1)
        self.check_times(posts)
        if len(posts) > 1:
            assert len(self.call) <= MOST_IN_CALL
            assert sum(post.size for post in posts) <= MOST_CALL_BYTES
            assert self.now >= self.mixed_up_at + ALONE
            assert not any(post.is_partly_created for post in posts), 'one that takes several calls goes alone'
            assert not any(sender.was_set_aside for sender in self.in_call), 'one that was set aside goes alone'
        assert self.first_handings == sorted(self.first_handings), 'order of arrival'

    def check_turn(self, ready: list[Post]) -> None:
        """The first that may go goes first; only between two that were set aside another has its turn."""
        is_retry = any(sender.was_set_aside for sender in self.in_call)
        if self.queue.in_flight and self.queue.in_flight[0] in ready:
            others = [post for post in ready if not post.aside and not post.result.ready()]
            assert not (is_retry and self.was_retry and others), 'others wait for many that were set aside'
            expected = others if self.was_retry and others else [post for post in ready if not post.result.ready()]
            in_time = [post for post in expected if post is not self.queue.in_flight[0]]
            assert all(self.queue.in_flight[0].number < post.number for post in in_time), 'it keeps its place'
            self.was_retry = is_retry
        assert all(sender.may_go_from <= self.now for sender in self.in_call), 'the pause is not over'

    @property
    def unsettled(self) -> list[Post]:
        return [sender.post for sender in self.senders if not sender.post.result.ready()]

    @property
    def waiting(self) -> list[Sender]:
        return [sender for sender in self.senders if sender.post in self.queue.waiting]

    def check_times(self, posts: list[Post]) -> None:
        for number, sender in enumerate(self.senders):
            if sender.post in posts:
                assert (sender.post.is_partly_created or sender.is_gone
                        or self.now < sender.arrived + HAND_OVER), 'too old to be handed over'
                if not sender.first_handed_over:
                    sender.first_handed_over = self.now
                    self.first_handings.append(number)

    @precondition(lambda self: self.call)
    @rule(mix_up=st.booleans(), seconds=st.sampled_from([0.001, 0.2, 3]))
    def server_answers(self, mix_up: bool, seconds: float) -> None:
        call, self.call = self.call, []
        self.now += seconds
        if any('poison' in incident['name'] for incident in call):
            self.fail(call)
            return
        for sender in self.waiting:
            if sender.was_set_aside:
                if not sender.others_created:
                    sender.may_go_from = min(sender.may_go_from, self.now + 1)
                sender.others_created.append(self.now)
        self.works = True
        for sender in self.in_call:
            sender.pauses, sender.others_created, sender.failures = [], [], 0
            sender.is_suspect = False
        kept = [incident for incident in call if 'drop' not in incident['name']]
        self.dropped.update(incident['rawJSON'].decode() for incident in call if incident not in kept)
        created = [{'id': text['rawJSON'], 'name': text['name'], 'rawJSON': text['rawJSON']} for text in map(with_text, kept)]
        self.stored += [each['id'] for each in created]
        is_sure = self.queue.record_created(created[::-1] if mix_up else created, self.now)
        assert is_sure or mix_up
        if not is_sure:
            self.mixed_up_at = self.now

    @precondition(lambda self: self.call)
    @rule(seconds=st.sampled_from([0.001, 0.2, 3]))
    def server_refuses(self, seconds: float) -> None:
        call, self.call = self.call, []
        self.now += seconds
        self.fail(call)

    def fail(self, call: list[dict[str, Any]]) -> None:
        self.failed_calls.update(incident['rawJSON'].decode() for incident in call)
        is_alone = len(self.in_call) == 1
        if is_alone:
            [sender] = self.in_call
            sender.is_suspect |= self.works
            sender.failures += self.works and bool(sender.others_created)
        self.works &= any(each.was_set_aside for each in self.in_call)
        self.queue.record_unconfirmed(self.now)
        self.check_set_aside()
        self.check_surplus()
        if is_alone:
            is_over = self.may_be_lost(sender) or not sender.is_gone or bool(self.queue.closed_because)
            assert sender.post.result.ready() == is_over, 'one whose sender left is lost only where others were created'

    def may_be_lost(self, sender: Sender) -> bool:
        is_rejected = (sender.failures >= 5 and len(sender.others_created) >= 3 and self.now - sender.others_created[0] >= 60)
        return is_rejected or self.is_surplus(sender)

    def is_surplus(self, sender: Sender) -> bool:
        outcome = sender.post.result
        return outcome.ready() and str(outcome.exception).startswith('More rejected requests wait')

    def check_surplus(self) -> None:
        """Of posts that were set aside, as many as there is room for stay, and first those that others speak for."""
        kept = [sender for sender in self.waiting if sender.post.aside]
        assert len(kept) <= MOST_POSTS and (len(kept) == 1 or sum(each.post.memory_bytes for each in kept) <= MOST_BYTES)
        lost = [sender for sender in self.senders if self.is_surplus(sender)]
        if any(not sender.is_suspect for sender in lost if sender not in self.lost):
            assert not any(sender.is_suspect for sender in kept)
        self.lost = lost

    def check_set_aside(self) -> None:
        """Those that were given up in a call that failed, and whose sender had left, wait, each for longer than before."""
        for sender in self.waiting:
            aside = sender.post.aside
            sender.was_set_aside |= aside is not None
            if aside and aside.tries > len(sender.pauses):
                pause = aside.retry_at - self.now
                assert pause == min(2 ** len(sender.pauses), 600)
                sender.pauses.append(pause)
                sender.may_go_from = self.now + pause

    @precondition(lambda self: self.call)
    @rule()
    def line_is_busy(self) -> None:
        self.call = []
        self.queue.record_unsent(self.now)
        self.check_set_aside()
        self.check_surplus()

    @rule()
    def stop(self) -> None:
        self.queue.close('stopping.')
        for sender in self.senders:
            sender.may_go_from = 0

    @precondition(lambda self: self.queue.closed_because)
    @rule()
    def abandon(self) -> None:
        self.failed_calls.update(incident['rawJSON'].decode() for incident in self.call)
        self.call = []
        self.is_abandoned = True
        self.queue.abandon()
        assert self.queue.is_empty

    @invariant()
    def an_event_whose_sender_left_does_not_vanish(self) -> None:
        for sender in self.senders:
            outcome = sender.post.result
            if sender.is_gone and outcome.ready() and not outcome.successful() and not self.queue.closed_because:
                assert isinstance(outcome.exception, RejectedByServer), 'a 503 that nobody reads'
                assert self.may_be_lost(sender)

    @invariant()
    def every_sender_is_told_the_truth(self) -> None:
        for sender in self.senders:
            outcome = sender.post.result
            stored = [key for key in self.stored if key in sender.keys]
            assert len(stored) == len(set(stored)), 'an incident exists twice'
            if not outcome.ready():
                continue
            if outcome.successful():
                assert set(sender.keys) == set(stored) | (self.dropped & set(sender.keys)), '200, and an incident is not there'
                assert {created['id'] for created in outcome.value or []} <= set(sender.keys), "another's incident was told"
            else:
                self.check_refusal(sender, outcome.exception, stored)

    def check_refusal(self, sender: Sender, refusal: BaseException | None, stored: list[str]) -> None:
        assert isinstance(refusal, Unavailable | RejectedByServer)
        if sender.post.is_partly_created:
            assert isinstance(refusal, RejectedByServer), 'a retry would make some of it twice'
            assert f'{len(stored)} of its {len(sender.keys)} incidents exist' in refusal.detail
        else:
            assert not stored, 'refused, and the incident is there'
        assert ('may exist' in refusal.detail) == (not self.failed_calls.isdisjoint(sender.keys)), 'what is known is told'
        is_untouched = not sender.post.is_partly_created and 'may exist' not in refusal.detail
        assert ('Nothing was created' in refusal.detail) == is_untouched

    @invariant()
    def nobody_is_in_two_places(self) -> None:
        queue = self.queue
        places = [*queue.waiting, *queue.in_flight, *queue.rejected.posts]
        assert len(places) == len(set(places))
        assert queue.is_empty == (not places)
        assert queue.waiting == sorted(queue.waiting, key=lambda post: post.number)
        assert not any(post.result.ready() for post in places)
        assert set(self.unsettled) == set(places)

    @invariant()
    def the_bounds_hold(self) -> None:
        sizes = [post.memory_bytes for post in self.unsettled]
        assert len(sizes) <= MOST_POSTS + MOST_POSTS // 4
        assert len(sizes) <= 1 or sum(sizes) <= max(MOST_BYTES, *sizes) + MOST_BYTES // 4

    @invariant()
    def what_is_refused_is_tried_again_for_a_few_seconds_only(self) -> None:
        if self.queue.rejected.posts:
            assert all(post.hand_over_by <= self.now + RETRY or post.is_kept for post in self.queue.rejected.posts)
            assert self.queue.rejected.fruitless_tries < 8


TestLine = LineMachine.TestCase
TestLine.settings = examples(60, stateful_step_count=60)
