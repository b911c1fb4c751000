"""The size of calls: how a queue shares out its posts to 200 imagined servers. No time passes, and each run gives the same."""
from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple
from unittest import mock

import GenericWebhook
from GenericWebhook import LONGEST_CALL_SECONDS, Post, PostQueue, with_text

from bench.rows import Row

SERVERS = 200
MOST_CALLS = 60  # to one server
SEED = 30
BACKLOG = 1000  # posts, whose senders wait for as long as it takes
BURST = 60  # posts at once, whose senders get 503 after 25 s


class Server(NamedTuple):
    """A server whose calls take `overhead` seconds, and `per_incident` for each incident, each time a bit more or less."""

    overhead: float
    per_incident: float
    jitter: float  # the standard deviation of the logarithm of what a call takes
    start_seconds: float  # what the first call takes more: the container of a pre-process script starts
    seed: float
    has_first_post: bool  # whether a post came before the others, and went alone

    @property
    def is_quick(self) -> bool:
        """Return whether an incident takes at most 5 s: then no call has to last over 10 s."""
        return self.overhead + self.per_incident <= LONGEST_CALL_SECONDS / 2


def servers() -> list[Server]:
    chance = random.Random(SEED)

    def any_of(least: float, most: float) -> float:
        """Return a number whose logarithm is equally likely to lie anywhere between these."""
        return math.exp(chance.uniform(math.log(least), math.log(most)))

    return [Server(any_of(0.02, 30), any_of(0.001, 3), (0, 0.1, 0.2, 0.3)[number % 4],
                   chance.uniform(1, 6) if number % 3 == 0 else 0, chance.random(), chance.random() < 0.7)
            for number in range(SERVERS)]


class Run:
    """The calls to one server until all posts have their result: (incidents, seconds) each."""

    def __init__(self, server: Server, posts: int, hand_over_seconds: float = math.inf) -> None:
        self.chance = random.Random(server.seed)
        self.server = server
        self.queue = PostQueue()
        self.now = 0.0
        self.calls: list[tuple[int, float]] = []
        self.created = 0
        first = 1 if server.has_first_post else posts
        for count in (first, posts - first):
            for _ in range(count):
                self.add(hand_over_seconds)
            self.call()
        while self.queue.waiting and len(self.calls) < MOST_CALLS:
            self.call()

    def add(self, hand_over_seconds: float) -> None:
        post = Post([{'name': 'event', 'rawJSON': b'{}'}])
        post.hand_over_by = hand_over_seconds
        self.queue.add(post)

    def call(self) -> None:
        if incidents := self.queue.next_call(self.now):
            seconds = self.server.overhead + self.server.per_incident * len(incidents)
            seconds *= math.exp(self.chance.gauss(0, self.server.jitter))
            seconds += 0 if self.calls else self.server.start_seconds
            self.now += seconds
            self.calls.append((len(incidents), seconds))
            self.created += len(incidents)
            self.queue.record_created([{'id': '1', **with_text(each)} for each in incidents], self.now)

    @property
    def over(self) -> int:
        """Return how many calls lasted longer than any should."""
        return sum(seconds > LONGEST_CALL_SECONDS for _, seconds in self.calls)


class Result(NamedTuple):
    """What the calls to all servers came to."""

    uneven_servers: float  # percent of the quick servers with jitter to which a call lasted over 10 s
    calls: float  # percent of the calls to them that did
    rate: float  # posts of the backlog that were created in a second; the geometric mean
    in_time: float  # percent of the burst that was created


def simulate(all_servers: Sequence[Server]) -> Result:
    runs = [Run(server, BACKLOG) for server in all_servers]
    uneven = [run for run in runs if run.server.is_quick and run.server.jitter]
    bursts = [Run(server, BURST, 25) for server in all_servers]
    return Result(100 * sum(run.over > 0 for run in uneven) / len(uneven),
                  100 * sum(run.over for run in uneven) / sum(len(run.calls) for run in uneven),
                  math.exp(sum(math.log(run.created / run.now) for run in runs) / len(runs)),
                  100 * sum(run.created for run in bursts) / (BURST * len(bursts)))


def simulate_with(growth: int) -> Result:
    """Return the result with another growth of the calls."""
    with mock.patch.object(GenericWebhook, 'MAX_GROWTH', growth):
        return simulate(servers())


def sizes(overhead: float, posts: int = 40) -> list[int]:
    """Return the sizes of the calls if one post comes first, to a server to which only the number of calls matters."""
    return [count for count, _ in Run(Server(overhead, 0.001, 0, 0, 0, True), posts).calls]


def call_sizes() -> list[Row]:
    """The rule, beside the same one with a growth of 32."""
    ours, other = simulate(servers()), simulate_with(growth=32)

    def row(what: str, values: tuple[float, float], unit: str, goal: str, is_reached: bool) -> Row:
        return Row(what, f'{values[0]:.2f}{unit}', f'{values[1]:.2f}{unit} (growth of 32)', '', goal, is_reached)

    rows = [
        row(f'{SERVERS} servers: uneven ones with a call over 10 s', (ours.uneven_servers, other.uneven_servers), ' %',
            'at most 8 %', ours.uneven_servers <= 8),
        row('... calls to them over 10 s', (ours.calls, other.calls), ' %', 'at most 0.3 %', ours.calls <= 0.3),
        row(f'... a backlog of {BACKLOG:,} posts', (ours.rate, other.rate), ' /s', 'at least 4 /s', ours.rate >= 4),
        row(f'... {BURST} posts at once: created', (ours.in_time, other.in_time), ' %', 'at least 60 %', ours.in_time >= 60),
    ]
    for overhead in (5, 8, 20):
        found = sizes(overhead)
        rows.append(Row(f'40 posts, {overhead} s a call: sizes of the calls', ', '.join(map(str, found)), '', '',
                        '1, 2, then at least 8', found[:2] == [1, 2] and found[2] >= 8))
    return rows
