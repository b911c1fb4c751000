"""The page's events: in order, masked, resumed where a page left off, or reset where that is impossible."""

import json
from collections.abc import Iterator

import pytest

from localxsoar.events import KEPT_EVENTS, RESET, Events

ALIVE = b': still here\n\n'


@pytest.fixture
def events() -> Events:
    return Events()


def begin(events: Events, last_id: str = '') -> tuple[str, Iterator[bytes]]:
    """A page's stream after its greeting, and the id in the greeting."""
    stream = events.follow(last_id, keep_alive=0.01)
    greeting = next(stream).decode()
    assert greeting.endswith('\nretry: 1000\nevent: hello\ndata: {}\n\n')
    return greeting.splitlines()[0].removeprefix('id: '), stream


def data(events: bytes) -> list[object]:
    return [json.loads(line[6:]) for line in events.decode().splitlines() if line.startswith('data: ')]


def test_a_page_gets_each_later_event_once_and_a_sign_of_life_in_between(events: Events) -> None:
    events.publish('log', 'before')
    _, stream = begin(events)
    assert next(stream) == ALIVE
    events.publish('log', 'one')
    events.publish('state', {'two': 2})
    received = next(stream)
    assert data(received) == ['one', {'two': 2}] and b'event: state\n' in received and received.endswith(b'\n\n')
    assert next(stream) == ALIVE


def test_data_is_masked_before_it_is_kept(events: Events) -> None:
    events.mask = lambda value: f'masked {value}'
    _, stream = begin(events)
    events.publish('log', 'secret')
    assert data(next(stream)) == ['masked secret']


def test_a_page_resumes_after_the_last_event_that_it_has_seen(events: Events) -> None:
    start, stream = begin(events)
    for number in range(3):
        events.publish('log', number)
    ids = [line.removeprefix('id: ') for line in next(stream).decode().splitlines() if line.startswith('id: ')]
    assert [data(next(begin(events, last_id)[1])) for last_id in (start, *ids[:2])] == [[0, 1, 2], [1, 2], [2]]
    assert next(begin(events, ids[2])[1]) == ALIVE


def test_a_page_resumes_when_nothing_has_happened_yet(events: Events) -> None:
    start, _ = begin(events)
    assert next(begin(events, start)[1]) == ALIVE


@pytest.mark.parametrize('last_id', ['{run}-3', '{run}-x', '{run}', 'other-1', 'other-0'])
def test_a_page_with_an_id_that_is_not_of_this_server_is_reset(events: Events, last_id: str) -> None:
    run = begin(events)[0].partition('-')[0]
    events.publish('log', 1)
    events.publish('log', 2)
    stream = events.follow(last_id.format(run=run), keep_alive=0.01)
    assert next(stream) == RESET
    assert b'event: hello' in next(stream)
    assert next(stream) == ALIVE


@pytest.mark.parametrize('position, is_reset', [(1, True), (2, False)])
def test_a_page_that_missed_more_than_is_kept_is_reset(events: Events, position: int, is_reset: bool) -> None:
    run = begin(events)[0].partition('-')[0]
    for number in range(KEPT_EVENTS + 2):
        events.publish('log', number)
    assert (next(events.follow(f'{run}-{position}')) == RESET) is is_reset


@pytest.mark.parametrize('missed, is_reset', [(KEPT_EVENTS, False), (KEPT_EVENTS + 1, True)])
def test_a_follower_that_falls_behind_further_than_is_kept_is_reset(events: Events, missed: int, is_reset: bool) -> None:
    _, stream = begin(events)
    for number in range(missed):
        events.publish('log', number)
    received = next(stream)
    assert (received == RESET) is is_reset and (is_reset or data(received) == [*range(missed)])
    assert next(stream) == ALIVE
