"""Many senders at once, and the one thing that holds for each of them, whatever happens at the server: its answer is true."""
from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from clocks import PATIENCE_SECONDS
from local_xsoar import wait_for
from shared.webhook import TOKEN, Answer, Webhook, read_answer, request_bytes

from localxsoar.containers.faults import Faults

FENCE_ROUNDS = 5
AUTHORIZED = {'Authorization': TOKEN}
NOT_CREATED = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
RETRY_AFTER = 'retry-after'
NUMBERS = itertools.count(1)
NO_FAULTS = Faults().as_dict()

Act = Callable[..., Coroutine[Any, Any, None]]


def scene(fixture: str = 'webhook', **faults: Any) -> Callable[[Act], Callable[..., None]]:
    """Make a test of what senders do at once, with these faults of the local XSOAR; `check` comes at its end.

    Its first parameter is the senders, to the container of a fixture; further ones are those of any test.
    """
    def decorate(act: Act) -> Callable[..., None]:
        def test(**values: Any) -> None:
            webhook = values.pop(fixture)
            webhook.faults(**faults)
            try:
                asyncio.run(play(Senders(webhook), values))
            finally:
                webhook.faults(**NO_FAULTS)

        async def play(senders: Senders, values: dict[str, Any]) -> None:
            try:
                await act(senders, **values)
                await senders.check()
            finally:
                senders.close()

        signature = inspect.signature(act)
        first, *others = signature.parameters.values()
        test.__signature__ = signature.replace(parameters=[first.replace(name=fixture), *others])  # type: ignore[attr-defined]
        test.__name__ = act.__name__
        test.__doc__ = act.__doc__
        return test
    return decorate


async def until(condition: Callable[[], Any], what: str, every: float = 0.01) -> Any:
    """Like wait_for, while the senders go on."""
    return await asyncio.to_thread(wait_for, condition, what, every=every)


class Sender:
    """One connection to the container; kept alive for as long as the container keeps it."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self) -> Sender:
        parts = urlsplit(self.url)
        self.reader, self.writer = await asyncio.open_connection(parts.hostname, parts.port)
        # Else a burst of closing and opening connections sends and acknowledges in steps of 40 ms.
        self.writer.get_extra_info('socket').setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    async def ask(self, method: str = 'GET', body: bytes = b'', headers: dict[str, str] | None = None,
                  length: int | None = None) -> Answer:
        self.writer.write(request_bytes(self.url, body, headers, method, length))
        return await asyncio.wait_for(read_answer(self.reader), PATIENCE_SECONDS)

    async def end(self) -> bytes:
        """What still comes until the container closes the connection."""
        with suppress(ConnectionError):
            return await self.reader.read()
        return b''

    async def hang_up(self) -> None:
        """Close the connection, and wait until it is closed: `close` alone only plans it, and the server might act first."""
        self.writer.close()
        await self.writer.wait_closed()

    def close(self) -> None:
        self.writer.close()


class Request:
    """One POST: the numbers of its incidents, which no other has, and the task that brings its answer."""

    def __init__(self, numbers: list[int], names: list[str], text: str = '') -> None:
        self.numbers = numbers
        self.names = names
        self.text = text
        self.task: asyncio.Task[Answer]

    @property
    def body(self) -> bytes:
        items = [{'name': name, 'raw_json': {'number': number, 'text': self.text}}
                 for number, name in zip(self.numbers, self.names, strict=True)]
        return json.dumps(items[0] if len(items) == 1 else items).encode()

    @property
    def is_answered(self) -> bool:
        return self.task.done()

    @property
    def answer(self) -> Answer:
        return self.task.result()


class Senders:
    """The senders of one scene. Every request of theirs is kept, and checked by `check`.

    `drops` tells which incidents the server is to leave out although it says that all went well. `told_apart` is False
    where the server's answers are in disorder: then a sender may get fewer incidents than it made.
    """

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self.url = webhook.direct_url
        self.requests: list[Request] = []
        self.left: list[int] = []  # what those sent who went away
        self.connections: list[Sender] = []
        self.drops: Callable[[str], bool] = lambda name: False
        self.told_apart = True
        self.count = itertools.count(1)
        self._calls_before = len(webhook.state()['createSizes'])  # scenes before this one may have had the same server
        self._sent_before = len(webhook.sent())
        self._output_before = len(webhook.output)

    # Sending.

    async def connect(self) -> Sender:
        connection = await Sender(self.url).open()
        self.connections.append(connection)
        return connection

    def request(self, *names: str, text: str = '') -> Request:
        return Request([next(self.count) for _ in names], list(names), text)

    def start(self, *names: str, text: str = '', connection: Sender | None = None) -> Request:
        """A POST of these incidents has begun; on a connection of its own unless one is given."""
        request = self.request(*names, text=text)
        request.task = asyncio.ensure_future(self._send(request, connection))
        self.requests.append(request)
        return request

    async def _send(self, request: Request, connection: Sender | None) -> Answer:
        lent = connection or await self.connect()
        try:
            return await lent.ask('POST', request.body, AUTHORIZED)
        finally:
            if not connection:
                lent.close()
                self.connections.remove(lent)

    async def post(self, *names: str, connection: Sender | None = None) -> Answer:
        return await self.start(*names, connection=connection).task

    def start_many(self, count: int, name: str = 'event') -> list[Request]:
        return [self.start(f'{name} {number}') for number in range(count)]

    async def line_up(self, *posts: tuple[str, ...], text: str = '') -> list[Request]:
        """These POSTs have arrived, in this order, when this returns: a greeting that came after each has been answered."""
        fence = await self.connect()
        requests = []
        for names in posts:
            connection = await self.connect()
            assert (await connection.ask()).status == 200
            requests.append(self.start(*names, text=text, connection=connection))
            for _ in range(FENCE_ROUNDS):
                assert (await fence.ask()).status == 200
        return requests

    async def hold(self) -> Request:
        """Start a POST that is being created, and stays so until `release`: what comes now has to wait."""
        calls = len(self.calls)
        self.webhook.faults(hang=True)
        request = self.start('held')
        await until(lambda: len(self.calls) > calls, 'the call that hangs')
        return request

    def release(self, **faults: Any) -> None:
        self.webhook.faults(**faults, hang=False)

    async def group(self, *posts: tuple[str, ...], **faults: Any) -> list[Request]:
        """Line up these POSTs during a call; release it, with these faults from then on, and wait for all answers."""
        await self.hold()
        requests = await self.line_up(*posts)
        self.release(**faults)
        await self.finish()
        return requests

    async def leave(self, *names: str, more: bytes = b'', headers: dict[str, str] | None = None) -> Request:
        """A sender that goes away while its POST waits, maybe with more bytes behind it."""
        connection = await self.connect()
        request = self.request(*names)
        self.left += request.numbers
        connection.writer.write(request_bytes(self.url, request.body, AUTHORIZED | (headers or {})) + more)
        await connection.writer.drain()
        assert (await (await self.connect()).ask()).status == 200
        await connection.hang_up()
        return request

    async def finish(self) -> list[Answer]:
        """All answers, in the order of sending."""
        tasks = [request.task for request in self.requests]
        return list(await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_SECONDS))

    def close(self) -> None:
        for request in self.requests:
            request.task.cancel()
        for connection in self.connections:
            connection.close()

    # What the server saw.

    @property
    def calls(self) -> list[int]:
        """How many incidents each call of createIncidents held."""
        return list(self.webhook.state()['createSizes'][self._calls_before:])

    def sent(self) -> list[dict[str, Any]]:
        """Every incident of this scene exactly as it was sent, oldest first."""
        return self.webhook.sent()[self._sent_before:]

    @property
    def log_calls(self) -> int:
        calls = self.webhook.state()['calls']
        return sum(calls.get(level, 0) for level in ('debug', 'info', 'error'))

    async def at_rest(self) -> None:
        """The container has sent its log lines so far, and does not call the server until something happens."""
        own = f'senders at rest {next(NUMBERS)}'
        assert (await (await self.connect()).ask(headers={'User-Agent': own})).status == 200
        await self.until_logged(lambda log: own in log)

    async def ended(self, exit_code: int) -> None:
        """The container has ended with this code; another one is there and listens."""
        ends = await until(lambda: [line for line in self.webhook.output[self._output_before:] if 'The container ended' in line],
                           'the end of the container')
        assert f'(exit code {exit_code})' in ends[0], ends[0]
        await asyncio.to_thread(self.webhook.renew)

    async def until_logged(self, condition: Callable[[str], Any]) -> None:
        """Wait for something in the log, which the container sends once a second: a look at all of it costs more than others."""
        await until(lambda: condition(self.log()), 'the log line', every=0.1)

    def log(self) -> str:
        return '\n'.join(line['text'] for line in self.webhook.state()['log'])

    # What must hold.

    async def check(self) -> None:
        """Every answer is true; what somebody sent who went away exists once, and nothing else."""
        await self.finish()
        stored = Counter(json.loads(sent['rawJSON'])['number'] for sent in self.sent())
        told = Counter[str]()
        for request in self.requests:
            assert {number: stored.pop(number, 0) for number in request.numbers} == self.expected(request), (
                f'{request.answer.status} does not tell what became of {request.names}')
            told.update(self.check_answer(request))
        assert stored == Counter(self.left), 'something exists that nobody sent, or not what somebody sent who went away'
        assert set(told.values()) <= {1}, 'two senders were told of the same incident'

    def expected(self, request: Request) -> dict[int, int]:
        """How often each incident of a request exists, as its answer says."""
        created = request.answer.status == HTTPStatus.OK
        return {number: int(created and not self.drops(name))
                for number, name in zip(request.numbers, request.names, strict=True)}

    def check_answer(self, request: Request) -> list[str]:
        """The ids of the incidents that the sender received, which are its own."""
        answer = request.answer
        if answer.status != HTTPStatus.OK:
            assert answer.status in NOT_CREATED, f'{answer.status}: {answer.text}'
            assert answer.detail
            assert (RETRY_AFTER in answer.headers) == (answer.status == HTTPStatus.SERVICE_UNAVAILABLE)
            return []
        numbers = [json.loads(created['rawJSON'])['number'] for created in answer.json]
        assert set(numbers) <= set(request.numbers), "a sender was told of another's incident"
        if self.told_apart:
            assert numbers == [number for number, made in self.expected(request).items() if made]
        return [created['id'] for created in answer.json]
