"""What stays in memory of what a sender chooses when its request is over: paths, queries, names of headers."""
from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from shared.app import App
from GenericWebhook import (MIB, Arrival, Request, Settings, Tokens, UrlWords, read_query, read_words, to_incidents, url_words,
                            wsgi_environ)
from shared.webhook import TOKEN

SETTINGS = Settings(8080, Tokens(), None)


@pytest.fixture(autouse=True)
def rare_collections() -> Iterator[None]:
    """Collect garbage as rarely as the receiver does while it serves."""
    threshold = gc.get_threshold()
    gc.set_threshold(10_000, 20, 20)
    yield
    gc.set_threshold(*threshold)


def left_by(work: Callable[[int], object], times: int) -> int:
    """Return how many bytes the work leaves when it has been done so often, each time with another number."""
    work(0)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(1, times):
            work(number)
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def path(number: int, keys: int, characters: int) -> str:
    """Return a path of so many keys, and all of them together of so many characters, unlike those of other numbers."""
    return '.'.join([f'{number:04}', *['a' * ((characters - 4) // (keys - 1) - 1)] * (keys - 1)])


@pytest.mark.parametrize('keys', [2, 16])
def test_the_paths_of_each_in_tiny_posts_leave_nothing(keys: int) -> None:
    def work(number: int) -> None:
        words = UrlWords(each=tuple(path(number, keys, 512).split('.')))
        to_incidents([b'{"a":{"b":1}}'], Arrival('2026-11-24T10:00:00Z', {}, SETTINGS, words))

    assert left_by(work, 4000) < MIB  # half of the paths alone; garbage that was not collected yet takes up to a quarter


def test_the_paths_of_each_in_large_posts_leave_only_what_is_collected_soon() -> None:
    body = json.dumps({'a': 'x' * 300_000}).encode()

    def work(number: int) -> None:
        words = UrlWords(each=tuple(path(number, 16, 512).split('.')))
        to_incidents([body], Arrival('2026-11-24T10:00:00Z', {}, SETTINGS, words))

    assert left_by(work, 200) < 16 * MIB


ZEROS = f'0000{".0" * 15}'
QUERIES = {  # 0000 becomes another number in each
    **{f'a path of {keys} keys, {characters} characters': f'name={path(0, keys, characters)}'
       for keys in (2, 4, 8, 12, 14, 16) for characters in (60, 150, 300, 512)},
    'two paths of 512 characters': f'name={path(0, 16, 500)}&severity={path(0, 16, 500)}',
    **{f'{parts} parts': f'problem=b:{",".join(["|".join(["x0000"] * 4)] * parts)}' for parts in range(1, 9)},
    'a path of zeros': f'name={ZEROS}', 'paths of zeros': f'name={",".join([ZEROS] * 8)}',
    'all words': '&'.join(f'{word}=0000' for word in ('name', 'each', 'occurred', 'severity', 'resolved', 'skip', 'type')),
    'parameters': '&'.join(f'x0000{index}=%FF' for index in range(77)),
    'few parameters': '&'.join(f'x0000{index}={"%FF" * 20}' for index in range(13)),
}


@pytest.mark.parametrize('name', QUERIES)
def test_what_is_kept_of_queries_takes_at_most_1_mib(name: str) -> None:
    def work(number: int) -> None:
        query = QUERIES[name].replace('0000', f'{number:04}')
        assert len(query) <= 1024
        words = url_words(SETTINGS, read_query(SETTINGS.tokens, query).parameters)
        assert words.parts or '%FF' in query

    read_words.cache_clear()
    assert left_by(work, 100) < MIB


def test_names_of_headers_leave_nothing_whether_or_not_a_request_is_accepted() -> None:
    with App() as app:
        def work(number: int) -> None:
            name = f'x-{number}{"a" * 30_000}-event'
            wsgi_environ(Request(headers={name: 'push'}), '127.0.0.1', 8080)
            assert app.post('{"a": 1}', {'Authorization': TOKEN, name: 'push'}).status == 200
            app.calls.clear()

        assert left_by(work, 200) < 2 * MIB  # the deliveries that are remembered


def test_long_keys_leave_nothing() -> None:
    def work(number: int) -> None:
        to_incidents([json.dumps({f'{number}{"k" * 200_000}': 1, 'a': {f'{number}{"k" * 200_000}': 1}}).encode()],
                     Arrival('2026-11-24T10:00:00Z', {}, SETTINGS))

    assert left_by(work, 30) < MIB
