"""Floods that could fill the memory: what a container takes and keeps."""
from __future__ import annotations

from contextlib import ExitStack

import pytest

from bench.bodies import Scene, Shape, connect, filled, request
from bench.floods import ECHOED, GET_WITH_QUERY, UNFINISHED_HEAD, echoed, flooded
from bench.side import Mirror


@pytest.mark.parametrize('count, sent, most, most_after', [
    (2000, UNFINISHED_HEAD + b'a' * 32_000, 60, 60),
    (4000, UNFINISHED_HEAD + b'a' * 1200, 60, 60),
    (300, GET_WITH_QUERY * 20, 60, 60),
    (12, request(Shape(lambda: filled(b'{"a":"', b'x', b'"}'))), 400, 150),  # what is freed last stays with the allocator
], ids=['large heads that never end', 'small heads that never end', 'queries of 8 KiB', 'responses that nobody reads'])
def test_a_flood_takes_bounded_memory_and_gives_it_back(
        count: int, sent: bytes, most: int, most_after: int) -> None:
    flood = flooded(count, sent, most_after)
    assert flood.peak <= most
    assert flood.after <= most_after
    assert flood.answered


@pytest.mark.parametrize('name', ['é', 'one emoji'])
def test_large_incidents_that_xsoar_returns_take_bounded_memory_until_they_are_read(name: str) -> None:
    peak, _, statuses = echoed(ECHOED[name], 4)
    assert peak <= 600
    assert 200 in statuses
    assert set(statuses) <= {200, 503}


@pytest.mark.parametrize('content_type, body', [
    ('application/json', b'[' + b','.join([b'{"a":1}'] * 1000) + b']'),
    ('application/x-www-form-urlencoded', b'payload=%5B' + b','.join([b'%7B%22a%22:1%7D'] * 1000) + b'%5D'),
], ids=['JSON', 'a form'])
def test_many_posts_of_many_small_events_are_processed_one_by_one(content_type: str, body: bytes) -> None:
    sent = request(Shape(lambda: body, content_type), *(f'X-{number}: {"a" * 1000}' for number in range(8)))
    with Scene(Mirror()) as scene, ExitStack() as stack:
        scene.release()
        connections = [stack.enter_context(connect(scene.side)) for _ in range(60)]
        for part in (sent[:-1], sent[-1:]):
            for connection in connections:
                connection.sendall(part)
        for connection in connections:
            assert connection.recv(65536).startswith((b'HTTP/1.1 200', b'HTTP/1.1 503'))
        assert scene.peak() <= 250, 'each has 8 KiB of headers a thousand times'
