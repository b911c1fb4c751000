"""The memory of deliveries against a simple model: equal and other requests, senders that leave, XSOAR's replies, time.

The model is the section on duplicates of behaviour.md without greenlets, hashes and counters: a list of the requests that
are in flight or remembered, oldest first, and of each the sender whose leaving would excuse a retry.
`SEED=2 ROUNDS=5000 ./dev test -- Tests/receiver/state/test_delivery_memory_model.py` tries others.
"""
from __future__ import annotations

import json
import weakref
from contextlib import closing
from functools import partial
from typing import Any, cast

import gevent
import GenericWebhook
import pytest
from GenericWebhook import MIB, DeliveryMemory, Intake, Post, PostQueue, Rejected, RejectedByServer, Unavailable, likeness_of
from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from clocks import PATIENCE_SECONDS, Clock, until
from model import SEED, TimedResult, examples, let_greenlets_run

HOUR, QUARTER, HAND_OVER, PATIENCE, INSTANT = 3600, 900, 25, 0.5, 1 / 1024
EVERY, HALF_CLOSED = 1, 2  # how often it is looked whether a sender left, and how long one that left early may still read
LEFT, NEVER = 'left', float('inf')
WAITED, SIZES = st.sampled_from([0, 0, 24]), st.sampled_from([0, 0, 0, 0, 1500, 5000])
MOST_REMEMBERED, MOST_RESPONSE_BYTES, MOST_WAITING, MOST_WAITING_BYTES = 3, 500, 4, 4000
# Headers, and what they say of the delivery: the id, or the Content-Type where there is none.
DELIVERIES = [
    *[({}, (None, ''))] * 5, ({'content-type': 'text/plain'}, (None, 'text/plain')),
    ({'webhook-id': '1'}, ('webhook', '1')), ({'webhook-id': '1', 'content-type': 'text/plain'}, ('webhook', '1')),
    ({'webhook-id': '2'}, ('webhook', '2')), ({'x-github-delivery': '1'}, ('GitHub', '1')),
    ({'request-id': '1'}, (None, '')), ({'request-id': '1', 'sentry-hook-resource': 'issue'}, ('Sentry issue', '1')),
    ({'request-id': '1', 'sentry-hook-resource': 'event'}, ('Sentry event', '1')),
]


class Connection:
    """Whether a sender has left."""

    is_gone = False

    def __call__(self) -> bool:
        return self.is_gone


class TimedPost(Post):
    """A post that is waited for by the model's clock."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.result = TimedResult()


class Sender:
    """One request as its sender sees it."""

    def __init__(self, arrival: Any, post: Post, now: float) -> None:
        self.arrival = arrival
        (_, identity), *where = arrival
        self.key = identity, where
        self.is_numbered = identity[0] is not None
        self.post = post
        self.arrived = now
        self.connection: Connection | None = cast(Connection, post.is_gone)
        self.wait_from(now, post.hand_over_by)
        self.has_waited = False  # for so long that leaving means giving up
        self.is_asked: Post | None = None  # its response, which asks for a retry, may still meet a closed connection
        self.is_asked_to_retry = False
        self.gave_up_before_it_left = False
        self.waits_for: Request | None = None
        self.expected: Any = None  # the response that the model expects, or that the sender left
        self.outcome: Any = None  # the response, or that the sender left

    def wait_from(self, now: float, until: float) -> None:
        """Wait until a moment, and be looked at now and then."""
        self.looked_at_next = now + PATIENCE
        self.may_read_until = now + PATIENCE + HALF_CLOSED
        self.waits_until = until

    @property
    def is_gone(self) -> bool:
        return bool(self.connection and self.connection.is_gone)

    @property
    def gave_up(self) -> bool:
        return self.is_asked_to_retry or self.gave_up_before_it_left or (self.has_waited and self.is_gone)

    def serve(self, memory: DeliveryMemory) -> None:
        try:
            response = memory.create_once(self.post)
            first = self.post.original or self.post
            self.outcome = LEFT if response is None else (first.created_json, first.summary, first is not self.post)
            is_last = self.outcome is LEFT
        except Rejected as rejection:
            self.outcome = type(rejection)
            is_last = 'Connection' in rejection.headers
        if is_last:  # the connection ends with this response
            self.post.ask_for_retry()
            self.is_asked = self.post


class Request:
    """A request that does not repeat another: in flight as long as it has no response, then remembered."""

    response = b''
    summary = ''
    was_given_up = False
    is_kept = False  # a sender of it left
    forget_at = NEVER

    def __init__(self, sender: Sender) -> None:
        self.sender = sender
        self.excuse = sender  # the sender that a retry would come from


@seed(SEED)
class MemoryMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(GenericWebhook).__enter__()
        TimedResult.clock = self.clock
        self.queue = PostQueue(MOST_WAITING, MOST_WAITING_BYTES, most_in_call=1)
        self.memory = DeliveryMemory(self.queue, MOST_REMEMBERED, MOST_RESPONSE_BYTES)
        self.greenlets: list[gevent.Greenlet] = []
        self.senders: list[Sender] = []
        self.requests: list[Request] = []  # in flight or remembered, the oldest first
        self.remembered: list[Request] = []  # in the order of their responses
        self.queued: list[Request] = []
        self.in_call: Request | None = None
        self.created = 0
        self.arrivals: list[Any] = []
        self.connections: list[weakref.ref[Connection]] = []

    # What happens

    @rule(delivery=st.sampled_from(DELIVERIES), query=st.sampled_from(['', '', '', 'type=a']),
          body=st.sampled_from([b'{}', b'{}', b'{}', b'[]']), has_waited=WAITED, size=SIZES)
    def arrive(self, delivery: Any, query: str, body: bytes, has_waited: int, size: int) -> None:
        self.arrivals.append((delivery, query, body))
        self.arrive_again(-1, has_waited, size)

    @precondition(lambda self: self.arrivals)
    @rule(index=st.integers(-2, -1), has_waited=WAITED, size=SIZES)
    def arrive_again(self, index: int, has_waited: int, size: int) -> None:
        self.time_goes_by(INSTANT)  # nothing happens at the same moment
        (headers, _), query, body = self.arrivals[max(index, -len(self.arrivals))]
        post = TimedPost([{'name': 'alert', 'rawJSON': b'{}'}], size, Connection(), *likeness_of(headers, query, body))
        post.hand_over_by -= has_waited
        sender = Sender(self.arrivals[max(index, -len(self.arrivals))], post, self.clock.now)
        self.senders.append(sender)
        self.ask(sender)
        assert sender.connection
        self.connections.append(weakref.ref(sender.connection))
        self.greenlets.append(gevent.spawn(sender.serve, self.memory))
        self.go_on()
        if post in self.queue.repeats and post.original in self.queue.waiting and post.original.aside:
            assert self.clock.now >= post.original.aside.retry_at or self.clock.now < post.original.aside.may_hurry_from, (
                'a repeat brings the next try forward')

    @precondition(lambda self: self.unfinished)
    @rule(index=st.sampled_from([0, 0, 0, 1, 2]), after=st.sampled_from([PATIENCE, 1, 0, 0.25, PATIENCE, 1]),
          is_leaving=st.sampled_from([True, True, False]), retries=st.sampled_from([True, True, False]),
          has_waited=st.sampled_from([24, 0]))
    def leave(self, index: int, after: float, is_leaving: bool, retries: bool, has_waited: int) -> None:
        self.time_goes_by(after)
        unfinished = self.unfinished
        if unfinished:
            sender = unfinished[-1 - index % len(unfinished)]  # more often the latest
            assert sender.connection
            sender.connection.is_gone |= is_leaving
            if retries:
                self.arrivals.append(sender.arrival)
                self.arrive_again(-1, has_waited, 0)

    @precondition(lambda self: self.queued and not self.in_call)
    @rule()
    def call_server(self) -> None:
        self.expire(self.clock.now)
        self.queue.expire(self.clock.now)
        self.go_on()  # a repeat of what has just expired is queued before the call
        self.queue.next_call(self.clock.now)  # which one goes is a matter of the queue, that has a model of its own
        for request in self.queued:
            if request.sender.post in self.queue.in_flight:
                self.in_call = request
        self.queued = [request for request in self.queued if request is not self.in_call]

    @precondition(lambda self: self.in_call)
    @rule(size=st.sampled_from([0, 0, 150, 400, 1000]))
    def server_creates(self, size: int) -> None:
        request, self.in_call = self.in_call, None
        assert request
        self.created += 1
        created = {'id': f'{self.created}', 'name': 'alert', 'rawJSON': '{}', 'text': 'x' * size}
        self.queue.record_created([created], self.clock.now)
        response = f'[{{"id": "{self.created}", "name": "alert", "rawJSON": "{{}}", "text": "{"x" * size}"}}]'
        self.succeed(request, response.encode(), f'incident {self.created}')

    @precondition(lambda self: self.in_call)
    @rule()
    def server_drops(self) -> None:
        request, self.in_call = self.in_call, None
        assert request
        self.queue.record_created([], self.clock.now)
        self.succeed(request, b'[]', 'no incidents')

    @precondition(lambda self: self.in_call)
    @rule(is_sent=st.booleans())
    def call_fails(self, is_sent: bool) -> None:
        request, self.in_call = self.in_call, None
        assert request
        if is_sent:
            self.queue.record_unconfirmed(self.clock.now)
        else:
            self.queue.record_unsent(self.clock.now)
        request.is_kept |= request.sender.is_gone
        if request.is_kept and not request.sender.post.result.ready():
            self.queued.append(request)
        else:
            aside = request.sender.post.aside
            assert not request.is_kept or (aside and aside.successes_of_others >= 3)
            self.fail(request, RejectedByServer if is_sent else Unavailable)
        self.go_on()

    @precondition(lambda self: self.asked)
    @rule(index=st.integers(0, 9), could_read=st.sampled_from([True, True, False]), retries=st.sampled_from([True, False]))
    def response_is_read(self, index: int, could_read: bool, retries: bool) -> None:
        sender = self.asked[-1 - index % len(self.asked)]
        assert sender.is_asked
        self.memory.record_read(sender.is_asked, could_read)
        sender.is_asked = None
        sender.is_asked_to_retry |= could_read
        for request in [request for request in self.remembered if request.sender is sender and not self.is_retry_of(request)]:
            self.requests.remove(request)
            self.remembered.remove(request)
        if retries:
            self.arrivals.append(sender.arrival)
            self.arrive_again(-1, 0, 0)

    @rule(seconds=st.sampled_from([0.25, 1, 1, 10, 24, 890]))
    def time_goes_by(self, seconds: float) -> None:
        until = self.clock.now + seconds
        while moments := [sender.looked_at_next for sender in self.unfinished
                          if self.clock.now < sender.looked_at_next <= until]:
            self.clock.now = min(moments)
            for sender in self.unfinished:
                self.look_at_clock(sender)
            self.go_on()
        self.clock.now = until
        self.go_on()

    @precondition(lambda self: self.remembered)
    @rule(index=st.integers(0, 9), after=st.sampled_from([-2 * INSTANT, 0]))
    def arrive_when_it_is_time_to_forget(self, index: int, after: float) -> None:
        request = self.remembered[index % len(self.remembered)]
        self.time_goes_by(max(request.forget_at + after - self.clock.now, 0))
        self.arrivals.append(request.sender.arrival)
        self.arrive_again(-1, 0, 0)

    # What the promises say

    def ask(self, sender: Sender) -> None:
        equal = (request for request in self.requests if request.sender.key == sender.key)
        first = next(filter(self.is_retry_of, equal), None)
        if first and first.response:
            self.respond(sender, first)
            if not sender.is_numbered:
                self.requests.remove(first)
                self.remembered.remove(first)
        elif self.is_full(sender.post.memory_bytes):
            sender.expected = Unavailable
        else:
            sender.wait_from(self.clock.now, sender.post.hand_over_by)
            if first:
                sender.waits_for = first
                first.excuse = sender
            else:
                self.requests.append(Request(sender))
                self.queued.append(self.requests[-1])

    def is_retry_of(self, request: Request) -> bool:
        gave_up = request.was_given_up or request.excuse.is_asked_to_retry if request.response else request.excuse.gave_up
        return self.clock.now < request.forget_at and (request.sender.is_numbered or gave_up)

    def is_full(self, size: int) -> bool:
        requests = [*self.queued, *filter(None, [self.in_call])]
        posts = [*(request.sender.post for request in requests), *(sender.post for sender in self.senders if sender.waits_for)]
        aside = [post.memory_bytes for post in posts if post.aside]  # they leave a quarter of the queue to others
        count = len(posts) - len(aside) + min(len(aside), MOST_WAITING * 3 // 4)
        size += sum(post.memory_bytes for post in posts) - sum(aside) + min(sum(aside), MOST_WAITING_BYTES * 3 // 4)
        return bool(posts) and (count >= MOST_WAITING or size > MOST_WAITING_BYTES)

    def respond(self, sender: Sender, request: Request) -> None:
        sender.expected = request.response, request.summary, request.sender is not sender
        sender.waits_for = None

    def succeed(self, request: Request, response: bytes, summary: str) -> None:
        if len(response) > MOST_RESPONSE_BYTES:
            response = json.dumps([{key: created[key] for key in ('id', 'name')} for created in json.loads(response)]).encode()
        request.was_given_up = request.excuse.gave_up
        request.response, request.summary = response, summary
        request.forget_at = self.clock.now + (HOUR if request.sender.is_numbered else QUARTER)
        for sender in self.unfinished:
            if sender is request.sender or sender.waits_for is request:
                self.respond(sender, request)
        if (self.is_retry_of(request) or request.excuse.is_asked) and len(response) <= MOST_RESPONSE_BYTES:
            self.remembered.append(request)
        else:
            self.requests.remove(request)
        while len(self.remembered) > MOST_REMEMBERED or sum(len(each.response) for each in self.remembered) > MOST_RESPONSE_BYTES:
            self.requests.remove(self.remembered.pop(0))
        self.go_on()

    def fail(self, request: Request, rejection: type[Rejected]) -> None:
        self.requests.remove(request)
        request.sender.expected = request.sender.expected or rejection
        for sender in self.senders:
            if sender.waits_for is request:
                sender.waits_for = None
                self.ask(sender)

    def expire(self, until: float) -> None:
        for request in [request for request in self.queued if request.sender.post.hand_over_by <= until]:
            request.is_kept |= request.sender.is_gone
            if not request.is_kept:
                self.queued.remove(request)
                self.fail(request, Unavailable)

    def look_at_clock(self, sender: Sender) -> None:
        now = self.clock.now
        if sender.looked_at_next != now or sender.expected:
            return
        sender.has_waited |= not sender.is_gone
        if sender.is_gone and (sender.has_waited or now >= min(sender.may_read_until, sender.waits_until)):
            self.leave_alone(sender)
        elif now >= sender.waits_until:
            self.time_out(sender)
        else:
            sender.looked_at_next = min(now + EVERY, sender.waits_until)

    def leave_alone(self, sender: Sender) -> None:
        """Its sender is gone: what it sent goes on without it."""
        sender.gave_up_before_it_left = sender.gave_up
        request = sender.waits_for or self.request_of(sender)
        request.is_kept = True
        sender.expected, sender.waits_for = LEFT, None

    def time_out(self, sender: Sender) -> None:
        if not sender.waits_for:
            self.expire(sender.waits_until)
        if sender.expected:
            return
        if sender.waits_for or self.request_of(sender).is_kept:
            sender.expected, sender.waits_for = Unavailable if sender.waits_for else LEFT, None
            sender.gave_up_before_it_left = sender.gave_up
        else:
            sender.wait_from(self.clock.now, sender.waits_until + HAND_OVER)

    def request_of(self, sender: Sender) -> Request:
        return next(request for request in self.requests if request.sender is sender)

    # What is checked

    @property
    def asked(self) -> list[Sender]:
        return [sender for sender in self.senders if sender.is_asked]

    @property
    def unfinished(self) -> list[Sender]:
        return [sender for sender in self.senders if not sender.expected]

    def go_on(self) -> None:
        let_greenlets_run()
        for sender in self.senders:
            if sender.outcome:
                sender.connection = None

    @invariant()
    def each_sender_gets_the_response_that_is_promised(self) -> None:
        assert [sender.outcome for sender in self.senders] == [sender.expected for sender in self.senders]

    @invariant()
    def no_event_whose_sender_left_vanishes(self) -> None:
        places = [*self.queue.waiting, *self.queue.in_flight]
        assert all(request.sender.post in places for request in self.requests if not request.response)

    @invariant()
    def no_more_is_remembered_than_promised(self) -> None:
        kept = [delivery.created_json for delivery in self.memory.remembered]
        assert kept == [request.response for request in self.remembered]
        assert len(kept) <= MOST_REMEMBERED and self.memory.size == sum(map(len, kept)) <= MOST_RESPONSE_BYTES

    @invariant()
    def nothing_else_is_held(self) -> None:
        assert sum(map(len, self.memory.by_key.values())) == len(self.requests)
        assert all(self.memory.by_key.values())
        assert len(self.queue.repeats) == sum(sender.waits_for is not None for sender in self.senders)
        assert not any(sender.post.original and sender.post.incidents for sender in self.senders if sender.outcome)
        held = sum(connection() is not None for connection in self.connections)
        assert held == sum(sender.connection is not None for sender in self.senders), 'a connection outlives its request'

    def close(self) -> None:
        gevent.killall(self.greenlets)
        self.clock.__exit__()

    teardown = close


TestDeliveryMemory = MemoryMachine.TestCase
TestDeliveryMemory.settings = examples(50, stateful_step_count=60)


def test_a_sender_that_waits_is_let_go_where_its_delivery_is_kept_for_a_repeat_whose_sender_left() -> None:
    with closing(MemoryMachine()) as machine:
        machine.arrive(({'webhook-id': '1'}, ('webhook', '1')), '', b'{}', 0, 0)
        machine.call_server()
        machine.time_goes_by(26)
        machine.arrive_again(-1, 0, 0)
        machine.leave(index=0, after=1, is_leaving=True, retries=False, has_waited=0)
        machine.time_goes_by(1)
        machine.call_fails(is_sent=True)
        machine.time_goes_by(24)
        assert [sender.outcome for sender in machine.senders] == [LEFT, LEFT]
        machine.each_sender_gets_the_response_that_is_promised()


def test_a_repeat_that_closed_its_half_has_left_when_its_time_is_over() -> None:
    with closing(MemoryMachine()) as machine:
        machine.arrive(({'webhook-id': '1'}, ('webhook', '1')), '', b'{}', 0, 0)
        machine.arrive_again(-1, 24, 0)
        machine.leave(index=0, after=0, is_leaving=True, retries=False, has_waited=0)
        machine.time_goes_by(1)
        assert [sender.outcome for sender in machine.senders] == [None, LEFT]


def test_a_sender_that_waited_and_left_is_expected_to_retry_though_our_503_did_not_reach_it() -> None:
    with closing(MemoryMachine()) as machine:
        machine.arrive(DELIVERIES[0], '', b'{}', 0, 0)
        machine.time_goes_by(PATIENCE)
        machine.leave(index=0, after=0, is_leaving=True, retries=False, has_waited=0)
        machine.time_goes_by(EVERY)
        machine.response_is_read(index=0, could_read=False, retries=True)
        assert machine.queue.repeats


def test_a_large_event_whose_sender_left_waits_for_its_turn_and_ends_it_if_the_queue_is_full(
        monkeypatch: pytest.MonkeyPatch) -> None:
    def is_gone() -> bool:
        looks.append(True)
        return True

    monkeypatch.setattr('GenericWebhook.HAND_OVER_SECONDS', 0.01)
    looks, intake, queue = list[bool](), Intake(), PostQueue(most_posts=1)
    posts = [Post([{'name': 'a', 'type': None, 'occurred': '', 'rawJSON': b'{}'}], 0, is_gone) for _ in range(2)]
    queue.add(posts[0])
    posts[1].take_turn = partial(intake.take_turn, 5 * MIB)
    with intake.take_turn(5 * MIB):
        creating = gevent.spawn(DeliveryMemory(queue).create_once, posts[1])
        until(lambda: len(looks) > 1)
    with pytest.raises(Unavailable, match='Too many'):
        creating.get(timeout=PATIENCE_SECONDS)
    intake.take_turn(5 * MIB).close()


def test_what_is_kept_until_its_503_is_read_is_forgotten_if_that_was_not_read() -> None:
    with closing(MemoryMachine()) as machine:
        machine.arrive(DELIVERIES[0], '', b'{}', 0, 0)
        machine.call_server()
        machine.leave(index=0, after=0, is_leaving=True, retries=False, has_waited=0)
        machine.time_goes_by(PATIENCE + HALF_CLOSED)
        machine.server_creates(0)
        assert machine.memory.remembered
        machine.response_is_read(index=0, could_read=False, retries=False)
        assert not machine.memory.remembered


def test_a_repeat_whose_sender_leaves_just_as_the_original_ends_gets_what_came_of_it() -> None:
    def leaves() -> bool:
        looks.append(queue.waiting)
        if len(looks) == 2:
            queue.next_call(0)
            queue.record_created([{'id': '17', 'name': 'a', 'rawJSON': '{}'}], 0)
        return len(looks) > 1

    looks, queue = list[Any](), PostQueue()
    memory, likeness = DeliveryMemory(queue), likeness_of({'webhook-id': '1'}, '', b'{}')
    posts = [Post([{'name': 'a', 'type': None, 'occurred': '', 'rawJSON': b'{}'}], 0, is_gone, *likeness)
             for is_gone in (bool, leaves)]
    for post in posts:
        post.hand_over_by = float('inf')
    first = gevent.spawn(memory.create_once, posts[0])
    gevent.sleep(0)
    response, original = memory.create_once(posts[1]), posts[1].original
    assert original and original.summary == 'incident 17', 'and is not said to go on'
    assert original is posts[0] and response == first.get()
