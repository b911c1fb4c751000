"""What stays in memory of what a sender chooses when its request is over: paths, queries, names of headers."""
from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from shared.app import App, defaults_of
from GenericWebhook import (MIB, Request, Settings, Tokens, UrlWords, read_query, read_words, to_incidents, url_words,
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


def by_each(number: int, keys: int) -> UrlWords:
    return UrlWords(each=tuple(path(number, keys, 512).split('.')))


def long_keys(number: int) -> bytes:
    return json.dumps({f'{number}{"k" * 200_000}': 1, 'a': {f'{number}{"k" * 200_000}': 1}}).encode()


# Tiny posts leave less than half of the paths alone takes; garbage that was not collected yet takes up to a quarter.
TINY, LARGE = b'{"a":{"b":1}}', json.dumps({'a': 'x' * 300_000}).encode()


@pytest.mark.parametrize('make, times, most', [
    (lambda number: (TINY, by_each(number, 2)), 2000, MIB // 2), (lambda number: (TINY, by_each(number, 16)), 2000, MIB // 2),
    (lambda number: (LARGE, by_each(number, 16)), 200, 16 * MIB), (lambda number: (long_keys(number), UrlWords()), 30, MIB),
], ids=['paths of each', 'long paths of each', 'paths of each in large posts', 'long keys'])
def test_posts_leave_nothing_but_what_is_collected_soon(
        make: Callable[[int], tuple[bytes, UrlWords]], times: int, most: int) -> None:
    def work(number: int) -> None:
        body, words = make(number)
        to_incidents([body], defaults_of({}, words=words))

    assert left_by(work, times) < most


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
