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

from senders_at_once import AUTHORIZED, Sender, until
from webhook import Answer, Webhook

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
        while not self.is_over:
            self.sent += 1
            number = self.sent
            while not await self.is_created(number):
                await asyncio.sleep(0.02)

    async def is_created(self, number: int) -> bool:
        try:
            connection = await Sender(self.url).open()
        except OSError:
            return False
        try:
            answer = await connection.ask('POST', json.dumps({'name': f'{number}'}).encode(), AUTHORIZED)
        except (OSError, asyncio.IncompleteReadError):
            self.uncertain.add(number)
            return False
        finally:
            connection.close()
        return self.judge(number, answer)

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

    async def play(webhook: Webhook) -> RetryingSenders:
        senders = RetryingSenders(webhook)
        tasks = [asyncio.ensure_future(senders.send_on()) for _ in range(12)]
        for number in range(ROUNDS):
            created = len(webhook.sent())
            await until(lambda: len(webhook.sent()) > created + 20, 'alerts that are created')  # noqa: B023 - called at once
            await asyncio.sleep(chance.random() / 10)
            uncertain = len(senders.uncertain)
            ENDS[number % len(ENDS)](webhook)
            await until(lambda: webhook.state()['restarts'] > number, 'the restart', 30)  # noqa: B023
            if ENDS[number % len(ENDS)] == Webhook.stop_container:
                assert len(senders.uncertain) == uncertain, 'who is stopped in good order answers everybody'
        senders.is_over = True
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        return senders

    with Webhook('--fault', 'call_delay_ms=20', '--log-level', 'error') as webhook:
        senders = asyncio.run(play(webhook))
        made = Counter(int(name) for name in webhook.names())
    assert set(made) == set(range(1, senders.sent + 1)), 'an alert is lost'
    assert {number for number, count in made.items() if count > 1} <= senders.uncertain
