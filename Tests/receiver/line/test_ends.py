"""Stops, kills and cuts at random moments, with senders that try again: nothing is lost, and what is doubled has its reason."""
from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from clocks import PATIENCE_SECONDS, pause, wait_for
from senders_at_once import AUTHORIZED, Sender, until
from shared.webhook import Answer, Webhook

pytestmark = pytest.mark.sockets

ROUNDS = int(os.environ.get('ROUNDS', '3'))
SEED = int(os.environ.get('SEED', '8'))


class RetryingSenders:
    """Send one numbered alert after another, each until it is created.

    Of `uncertain` ones a try ended without an answer, or with one that says that the incident may exist.
    """

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self.url = webhook.direct_url
        self.sent = 0
        self.uncertain: set[int] = set()
        self.is_over = False

    async def send_on(self) -> None:
        """Send on one connection for as long as the container keeps it: one in the backlog at a stop would be reset."""
        connection: Sender | None = None
        while not self.is_over:
            self.sent += 1
            number = self.sent
            while not (connection := await self.create(number, connection)):
                await pause()
        if connection:
            connection.close()

    async def create(self, number: int, connection: Sender | None) -> Sender | None:
        """Return the connection on which an alert was created, or None after a failure."""
        try:
            connection = connection or await Sender(self.url).open()
        except OSError:
            return None
        try:
            answer = await connection.ask('POST', json.dumps({'name': f'{number}'}).encode(), AUTHORIZED)
            if self.judge(number, answer):
                return connection
        except (OSError, asyncio.IncompleteReadError):
            self.uncertain.add(number)
        connection.close()
        return None

    def judge(self, number: int, answer: Answer) -> bool:
        assert answer.status in (200, 503), answer.text
        if answer.status == 503 and 'may exist' in answer.detail:
            self.uncertain.add(number)
        return answer.status == 200


def kill(webhook: Webhook) -> None:
    with suppress(ProcessLookupError, TypeError):  # it has just ended
        os.kill(webhook.state()['pid'], signal.SIGKILL)


ENDS: list[Callable[[Webhook], None]] = [Webhook.stop_container, kill, Webhook.cut]


def test_nothing_is_lost_and_nothing_doubled_by_ends_at_random_moments() -> None:
    chance = random.Random(SEED)
    left_by_stops: set[int] = set()

    async def play(webhook: Webhook) -> RetryingSenders:
        senders = RetryingSenders(webhook)
        tasks = [asyncio.ensure_future(senders.send_on()) for _ in range(12)]
        for number in range(ROUNDS):
            enough = len(webhook.sent()) + chance.randint(20, 60)
            await until(lambda: len(webhook.sent()) > enough, 'alerts that are created')  # noqa: B023 - called at once
            uncertain = senders.uncertain.copy()
            ENDS[number % len(ENDS)](webhook)
            await until(lambda: webhook.state()['restarts'] > number, 'the restart')  # noqa: B023
            if ENDS[number % len(ENDS)] == Webhook.stop_container:
                # A sender that writes on an idle connection while the container closes it gets a reset.
                left_by_stops.update(senders.uncertain - uncertain)
        senders.is_over = True
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_SECONDS)
        return senders

    with Webhook('--fault', 'call_delay_ms=20', '--log-level', 'error') as webhook:
        senders = asyncio.run(play(webhook))
        made = Counter(int(name) for name in webhook.names())
    assert set(made) == set(range(1, senders.sent + 1)), 'an alert is lost'
    assert {number for number, count in made.items() if count > 1} <= senders.uncertain
    assert all(made[number] == 1 for number in left_by_stops), 'a stop in good order answers everybody whose incident exists'


def test_a_stop_ends_the_heartbeat_before_the_process_so_that_no_half_line_is_on_stdout() -> None:
    with Webhook('--heartbeat', '0.0001') as webhook:  # nearly always one is being written
        for number in range(ROUNDS):
            webhook.stop_container()
            wait_for(lambda: webhook.state()['restarts'] > number, 'the restart')  # noqa: B023 - called at once
            wait_for(webhook.listens, 'the next container')
