"""The memory of arriving bodies against a simple model: senders that come, grow, finish, break off and are cut.

The model is the list of the senders whose request is in memory, oldest first, and two sentences of docs/limits.md: where
requests of accepted senders would exceed their limit, the one that needs more is rejected; where those of unauthenticated
senders would, the one that has been arriving longest. A request that has arrived completely is not cut, and one that is
alone is read in any case.
`SEED=2 ROUNDS=5000 ./dev test -- Tests/receiver/body/test_body_budgets_model.py` tries others.
"""
from __future__ import annotations

from typing import Any

import GenericWebhook
import gevent
from clocks import Clock
from GenericWebhook import BadRequest, Intake, Rejected, TooLarge, Unavailable
from gevent.event import Event
from gevent.queue import Queue
from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from model import SEED, examples, let_greenlets_run

PIECE = 16 * 1024  # takes memory while it arrives
SMALL = 256 * 1024
LARGEST_BODY = 300_000
LIMITS = {'accepted': 6 * PIECE, 'unauthenticated': 5 * PIECE, 'unauthenticated_small': 3 * PIECE}
IN_CHUNKS = -1
SENDERS = {  # the announced size of the body, and whether the sender is accepted: its budget
    (1, True): 'accepted', (LARGEST_BODY, True): 'accepted', (IN_CHUNKS, True): 'accepted',
    (0, False): 'unauthenticated_small', (1, False): 'unauthenticated_small', (SMALL, False): 'unauthenticated_small',
    (SMALL + 1, False): 'unauthenticated', (IN_CHUNKS, False): 'unauthenticated',
}
DONE = 'done'
# What may happen to a request while its body arrives: so many bytes, or an end.
PIECES = {'a byte arrives': b'a', 'some bytes arrive': b'b' * 5000, 'a piece arrives': b'c' * PIECE}
FAULTS: dict[str, tuple[Exception, type[Rejected]]] = {
    'breaks off': (OSError(), BadRequest), 'is too slow': (TimeoutError(), Unavailable),
    'is too large': (TooLarge('.'), TooLarge),
}
EVENTS = [*PIECES, 'a piece arrives', 'a piece arrives', 'is complete', *FAULTS]


class Sender:
    """A request: what the model expects of it, and the real one, which obeys."""

    def __init__(self, size: int, is_accepted: bool, overhead: int) -> None:
        self.budget = SENDERS[size, is_accepted]
        self.has_chunks = size == IN_CHUNKS
        self.size = 0 if self.has_chunks else size
        self.is_accepted = is_accepted
        self.overhead = overhead
        self.received = b''
        self.is_complete = False
        self.expected: Any = None  # how it ends
        self.outcome: Any = None  # how it ended
        self.orders: Queue[bytes | Exception] = Queue()
        self.rest = Event()

    @property
    def memory(self) -> int:
        return self.overhead + len(self.received) + (0 if self.is_complete else PIECE)

    def read(self, _: int) -> bytes:
        order = self.orders.get()
        if isinstance(order, TooLarge):  # the size of a further chunk says so
            self.size = LARGEST_BODY + 1
            return b'd'
        if isinstance(order, Exception):
            raise order
        return order

    def serve(self, intake: Intake) -> None:
        try:
            with intake.body(self, self.is_accepted, LARGEST_BODY, self.overhead) as body:
                assert body == self.received
                order = self.orders.get()
                if isinstance(order, Exception):
                    raise order
            self.outcome = DONE
        except Exception as error:
            self.outcome = type(error)
        try:
            self.rest.wait()
        except Unavailable:
            self.outcome = 'hit in what it did next'


@seed(SEED)
class BudgetsMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock(GenericWebhook).__enter__()
        self.intake = Intake()
        for budget, limit in LIMITS.items():
            getattr(self.intake, budget).limit = limit
        self.senders: list[Sender] = []
        self.greenlets: list[gevent.Greenlet] = []

    def inside(self, budget: str) -> list[Sender]:
        return [sender for sender in self.senders if sender.budget == budget and not sender.expected]

    def make_room(self, sender: Sender) -> None:
        """Expect the rejections that the promises ask for, now that this sender needs more."""
        while not sender.expected:
            inside = self.inside(sender.budget)
            together = sum(each.memory for each in inside)
            if together == sender.memory or together <= LIMITS[sender.budget]:
                return
            oldest = next(each for each in inside if not each.is_complete)
            (sender if sender.is_accepted else oldest).expected = Unavailable

    @rule(kind=st.sampled_from([*SENDERS]), overhead=st.sampled_from([0, 0, 1000, 2 * PIECE]))
    def come(self, kind: tuple[int, bool], overhead: int) -> None:
        sender = Sender(*kind, overhead)
        self.senders.append(sender)
        self.make_room(sender)
        self.greenlets.append(gevent.spawn(sender.serve, self.intake))
        let_greenlets_run()

    @rule(events=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(EVENTS)), min_size=1, max_size=4,
                          unique_by=lambda one: one[0]))
    def go_on_at_the_same_moment(self, events: list[tuple[int, str]]) -> None:
        inside = [sender for sender in self.senders if not sender.expected]
        for index, event in events:
            if index < len(inside):
                self.go_on(inside[index], event)
        let_greenlets_run()

    def go_on(self, sender: Sender, event: str) -> None:
        error, rejection = FAULTS.get(event, (None, None))
        if sender.is_complete:  # it is being processed
            if event not in PIECES:
                sender.expected = type(error) if error else DONE
                sender.orders.put(error or b'')
        elif error:
            sender.expected = rejection  # also if it was cut at the same moment
            sender.orders.put(error)
        else:
            piece = PIECES.get(event, b'')
            sender.is_complete = not piece
            sender.received += piece
            sender.orders.put(piece)
            self.make_room(sender)

    @invariant()
    def each_ends_as_promised_and_no_other_does(self) -> None:
        assert [sender.outcome for sender in self.senders] == [sender.expected for sender in self.senders]

    @invariant()
    def no_budget_is_exceeded_and_each_counts_what_is_in_memory(self) -> None:
        for budget, limit in LIMITS.items():
            memory = [sender.memory for sender in self.senders if sender.budget == budget and not sender.outcome]
            assert sum(memory) <= limit or sum(memory) == max(memory), 'only one that is alone exceeds it'
            assert getattr(self.intake, budget).reserved == sum(memory)

    def teardown(self) -> None:
        for sender in self.senders:
            sender.orders.put(OSError())
        let_greenlets_run()
        rooms = [getattr(self.intake, budget) for budget in LIMITS]
        left = [(room.reserved, sum(claim.size for claim in room.queues[0]), {**room.queues[0]}) for room in rooms]
        gevent.killall(self.greenlets)
        self.clock.__exit__()
        assert left == [(0, 0, {})] * len(LIMITS), 'all is given back'


TestBodyBudgets = BudgetsMachine.TestCase
TestBodyBudgets.settings = examples(60, stateful_step_count=40)
