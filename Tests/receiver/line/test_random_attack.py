"""Random faults, hang-ups, repeats and stops over the real line: a 200 means that it exists once, and no loss is silent.

`SEED=2 POSTS=3000 ./dev test -- -m weekly Tests/receiver/line/test_random_attack.py` tries others.
"""
from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from clocks import PATIENCE_SECONDS, pause
from senders_at_once import AUTHORIZED, NO_FAULTS, Sender, until
from shared.webhook import Answer, Webhook, changed_pack, read_answer, request_bytes

pytestmark = [pytest.mark.sockets, pytest.mark.weekly]

SEED = int(os.environ.get('SEED', '20261130'))
POSTS = int(os.environ.get('POSTS', '10000'))
AT_ONCE = 64
MOST_TRIES = 6
QUICK = {'FIRST_LOOK_SECONDS = 0.5': 'FIRST_LOOK_SECONDS = 0.2', 'LOOK_EVERY_SECONDS = 1': 'LOOK_EVERY_SECONDS = 0.2',
         'EARLY_CLOSE_SECONDS = 2': 'EARLY_CLOSE_SECONDS = 0.2', 'RESET_SECONDS = 1': 'RESET_SECONDS = 0.2',
         'HAND_OVER_SECONDS = 25': 'HAND_OVER_SECONDS = 2', 'STOP_SECONDS = 10': 'STOP_SECONDS = 1',
         'GIVE_UP_SECONDS = 60': 'GIVE_UP_SECONDS = 1', 'LONGEST_PAUSE_SECONDS = 600': 'LONGEST_PAUSE_SECONDS = 1',
         'FIRST_PAUSE_SECONDS = 1': 'FIRST_PAUSE_SECONDS = 0.1', 'HURRY_SECONDS = 10': 'HURRY_SECONDS = 0.5',
         'RETRY_SECONDS = 5': 'RETRY_SECONDS = 1', 'MAX_WAITING_POSTS = 1000': 'MAX_WAITING_POSTS = 60',
         'most_equal: int = 10': 'most_equal: int = 1_000_000'}  # so that each response has its line
KINDS = ('stays', 'stays', 'has an id', 'has an id', 'leaves at once', 'leaves late', 'closes its half', 'poison',
         'poison leaves')
FAULTS: tuple[dict[str, Any], ...] = (
    {}, {'call_delay_ms': 20}, {'call_delay_ms': 300}, {'incident_delay_ms': 20}, {'refuse': '*'}, {'hang': True},
    {'answer': 'mixed'})


class Attack:
    """The senders, and what they know: who got a 200, of which a second incident has a reason, and which may not have arrived."""

    def __init__(self, webhook: Webhook, chance: random.Random) -> None:
        self.webhook = webhook
        self.chance = chance
        self.plan = [chance.choice(KINDS) for _ in range(POSTS)]
        self.created: set[int] = set()
        self.in_doubt: set[int] = set()  # a response said that it may exist, or none came: a retry may double it
        self.left: set[int] = set()  # nobody read of it whether it exists
        self.is_stopping = False
        # Under way while a container ended: it may never have been accepted, and the next container knows nothing of it.
        self.unreachable: set[int] = set()
        self.under_way: set[int] = set()

    def request(self, number: int, **headers: str) -> bytes:
        name = 'poison' if 'poison' in self.plan[number] else 'event'
        body = json.dumps({'name': f'{name} {number}', 'raw_json': {'number': number}}).encode()
        return request_bytes(self.webhook.direct_url, body, {
            **AUTHORIZED, 'User-Agent': f'<{number}>', 'Connection': 'close', **headers})

    async def send(self, number: int, how: str = '', **headers: str) -> Answer | None:
        """Send a request, and return its answer; None if there is none."""
        try:
            connection = await Sender(self.webhook.direct_url).open()
        except OSError:
            await pause(0.2)
            return None
        self.unreachable |= {number} if self.is_stopping else set()
        try:
            connection.writer.write(self.request(number, **headers))
            await connection.writer.drain()
            if how == 'closes its half':
                connection.writer.write_eof()
            elif how != 'leaves late' and how:
                self.left.add(number)
                return None
            seconds = 0.6 if how == 'leaves late' else PATIENCE_SECONDS
            return self.judge(number, await asyncio.wait_for(read_answer(connection.reader), seconds))
        except TimeoutError:
            self.left.add(number)
            return None
        except (OSError, asyncio.IncompleteReadError):
            self.in_doubt.add(number)
            return None
        finally:
            connection.close()

    def judge(self, number: int, answer: Answer) -> Answer:
        assert answer.status in (200, 502, 503), answer.text
        if answer.status == 200:
            assert [json.loads(created['rawJSON'])['number'] for created in answer.json] == [number]
            self.created.add(number)
        elif 'may exist' in answer.detail and 'will be created later' not in answer.detail:
            self.in_doubt.add(number)
        return answer

    async def deliver(self, number: int, kind: str) -> None:
        """Send a delivery in its way, and again until it is created, except where its sender never does."""
        if kind.endswith(('leaves', 'leaves at once')):
            await self.send(number, kind)
            return
        identity = {'webhook-id': f'{number}'} if kind == 'has an id' else {}
        if identity:
            await asyncio.gather(*(self.send(number, **identity) for _ in range(2)))
        how = kind if kind in ('leaves late', 'closes its half') else ''
        for _ in range(MOST_TRIES):
            answer = await self.send(number, how, **identity)
            how = ''
            if number in self.created or (answer and answer.status == 502 and 'later' not in answer.detail):
                return
            await pause(0.5)

    async def play(self) -> None:
        numbers = iter(range(POSTS))

        async def send_on() -> None:
            for number in numbers:
                self.under_way.add(number)
                await self.deliver(number, self.plan[number])
                self.under_way.discard(number)

        trouble = asyncio.ensure_future(self.make_trouble())
        await asyncio.gather(*(send_on() for _ in range(AT_ONCE)))
        trouble.cancel()
        self.webhook.faults(**{**NO_FAULTS, 'refuse': 'poison'})

    async def make_trouble(self) -> None:
        """Change the faults again and again, and stop the container now and then."""
        while True:
            fault = {**NO_FAULTS, 'refuse': 'poison', **self.chance.choice(FAULTS)}
            await asyncio.to_thread(self.webhook.faults, **fault)
            await pause(self.chance.uniform(0.2, 1.5))
            if self.chance.random() < 0.1:
                await self.stop()

    async def stop(self) -> None:
        self.is_stopping = True
        self.unreachable |= self.under_way
        restarts = self.webhook.state()['restarts']
        await asyncio.to_thread(self.webhook.stop_container)
        await until(lambda: self.webhook.state()['restarts'] > restarts and self.webhook.listens(), 'the restart')
        self.is_stopping = False


def test_nothing_is_lost_or_doubled_in_silence(tmp_path: Path) -> None:
    with Webhook('--log-level', 'debug', pack=changed_pack(tmp_path, QUICK)) as webhook:
        attack = Attack(webhook, random.Random(SEED))

        async def attack_and_wait() -> None:
            await attack.play()
            attack.plan += ['stays'] * 60
            for number in range(POSTS, POSTS + 60):  # others succeed, so that what is rejected is given up
                await attack.deliver(number, 'stays')
                await pause(0.1)

        asyncio.run(attack_and_wait())
        webhook.stop_container()
        made = Counter(int(name.split()[1]) for name in webhook.names())
        said = '\n'.join(webhook.output).replace('\\n', '\n')  # several lines of the log are printed as one
    lost, told = numbers_in(said, ': lost: '), numbers_in(said, 'POST 50')
    doubled = {number for number, count in made.items() if count > 1}
    missing = set(range(POSTS)) - set(made)
    report = {'created': len(attack.created), 'made': len(made), 'lost with the word': len(lost), 'doubled with a reason': len(
        doubled & attack.in_doubt), 'stops': sum('The container ended' in line for line in webhook.output)}
    print(report)
    silent = (missing & attack.left) - told - attack.unreachable
    for number in (doubled - attack.in_doubt - attack.unreachable) | silent:
        print(attack.plan[number], *(line for line in said.splitlines() if f'"<{number}>"' in line), sep='\n')
    assert attack.created - set(made) == set(), 'a 200, and the incident does not exist'
    assert doubled - attack.in_doubt - attack.unreachable == set(), 'doubled in silence'
    assert silent == set(), 'lost in silence'


def numbers_in(said: str, text: str) -> set[int]:
    """Return the numbers of the deliveries with a line in the log that has a text."""
    return {int(line.partition('"<')[2].partition('>"')[0]) for line in said.splitlines() if text in line and '"<' in line}
