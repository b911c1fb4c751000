"""A token that is replaced while senders post: the form changes from `old` to `new || old` to `new`, and nobody notices."""
from __future__ import annotations

import asyncio
import json
from collections import Counter
from itertools import count

import patient
import pytest
from senders_at_once import Sender, until
from shared.webhook import Webhook

pytestmark = pytest.mark.sockets

OLD, NEW = 'the-old-token-4b1f', 'the-new-token-9c2e'
SENDERS = 16


class Rotation:
    """Senders that post until the token is replaced and so many incidents exist, each request again until it is a 200."""

    def __init__(self, webhook: Webhook, posts: int) -> None:
        self.webhook = webhook
        self.posts = posts
        self.token = OLD  # that the senders show from now on
        self.shown = [OLD] * SENDERS  # what each has shown in its last request with a response
        self.statuses: Counter[int] = Counter()
        self.numbers = count()
        self.done = 0
        self.is_replaced = False

    async def send(self, sender: int) -> None:
        connection = await Sender(self.webhook.webhook_url).open()
        while not (self.is_replaced and self.done >= self.posts):
            number = next(self.numbers)
            while await self.post(connection, sender, number) != 200:
                connection.close()
                await until(self.webhook.listens, 'the next container')
                connection = await Sender(self.webhook.webhook_url).open()
            self.done += 1
        connection.close()

    async def post(self, connection: Sender, sender: int, number: int) -> int:
        token = self.token
        body = json.dumps({'name': f'event {number}', 'raw_json': {}}).encode()
        status = (await connection.ask('POST', body, {'Authorization': token})).status
        self.shown[sender] = token
        self.statuses[status] += 1
        return status

    async def change(self) -> None:
        """Change the form twice while the senders post, and their token between the two."""
        for tokens, after in (f'{NEW} || {OLD}', self.posts // 5), (NEW, self.posts * 3 // 5):
            await until(lambda: self.done >= after, 'the posts before the change')  # noqa: B023 - called at once
            await asyncio.to_thread(self.webhook.control, 'POST', 'instance/save', {'auth_header': tokens})
            await until(self.webhook.listens, 'the changed container')
            self.token = NEW
            await until(lambda: set(self.shown) == {NEW}, 'each sender to show the new token')
        self.is_replaced = True

    async def run(self) -> None:
        await asyncio.gather(self.change(), *map(self.send, range(SENDERS)))


@pytest.mark.parametrize('posts', [200, pytest.param(5000, marks=pytest.mark.weekly)])
def test_a_token_is_replaced_while_senders_post_without_a_401_and_each_event_exists_once(posts: int) -> None:
    with Webhook(token=OLD) as webhook:
        first_pid = webhook.state()['pid']
        rotation = Rotation(webhook, posts)
        asyncio.run(rotation.run())
        assert rotation.statuses[200] == rotation.done >= posts
        assert set(rotation.statuses) <= {200, 502, 503}
        assert sorted(webhook.names()) == sorted(f'event {number}' for number in range(rotation.done))
        assert webhook.state()['pid'] != first_pid
        answers = [patient.post(webhook.webhook_url, '{}', headers={'Authorization': token}) for token in (OLD, NEW)]
        assert [answer.status_code for answer in answers] == [401, 200]
        assert NEW not in '\n'.join(webhook.output)
