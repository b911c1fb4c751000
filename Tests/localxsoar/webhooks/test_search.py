"""The search through deliveries: what it finds, that it finds no secret, and that it grows and shrinks with what is kept."""

import random
from contextlib import suppress
from collections.abc import Iterator
from pathlib import Path

import pytest
from clocks import grows_linearly

from localxsoar.webhooks import search as search_module
from localxsoar.webhooks.deliveries import Delivery
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.search import SearchIndex, matches, shown

SECRET = 'h4sh-hush'
HEADERS = [('Authorization', 'Bearer abcdef'), ('X-Note', f'has {SECRET}')]
DELIVERIES = [Delivery(2, 0.0, 'POST', f'/path?token=ghijkl&note={SECRET}', HEADERS, '192.0.2.1', sender='Acme Probe', status=200,
                       kind='created', incidents=['17'], text=f'Disk {SECRET}', triage='critical', note='skip: ÄRGER',
                       body=bytearray(f'it is {SECRET} in /var'.encode())),
              Delivery(1, 0.0, 'PUT', '/', [], '192.0.2.2')]


class Kept:
    """Texts of deliveries under masks for secrets that may change, and an index of them."""

    def __init__(self, folder: Path | None = None, secrets: tuple[str, ...] = (), is_complete: bool = True) -> None:
        self.secrets = [*secrets]
        self.masks = Masks(lambda: self.secrets)
        self.read = 0
        self.index = SearchIndex(self.masks, self.texts, folder, is_complete)

    def texts(self) -> Iterator[tuple[int, str]]:
        self.read += 1
        return ((each.number, shown(each, self.masks)[0]) for each in DELIVERIES)


def search(query: str, *secrets: str) -> list[int]:
    kept = Kept(secrets=secrets)
    for number, text in kept.texts():
        kept.index.add(number, text)
    return kept.index.search(query)


@pytest.mark.parametrize('query, found', [
    ('post', [2]), ('/path', [2]), ('acme', [2]), ('created', [2]), ('17', [2]), ('critical', [2]), ('x-note', [2]), ('200', [2]),
    ('DISK in /var', [2]), ('192.0.2.', [2, 1]), ('waiting', [1]), ('', [2, 1]), ('disk nowhere', []), ('post put', []),
    ('ärger', [2])])
def test_a_search_finds_what_has_every_word(query: str, found: list[int]) -> None:
    assert search(query) == found


@pytest.mark.parametrize('query', [SECRET, 'h4sh', 'abcdef', 'ghijkl', f'disk {SECRET}'])
def test_a_search_finds_no_secret(query: str) -> None:
    assert search(query, SECRET) == []


def test_what_was_kept_before_is_read_once_and_again_for_a_new_secret_only() -> None:
    kept = Kept(is_complete=False)
    for _ in range(2):
        assert kept.index.search('h4sh') == [2]
    assert kept.read == 1
    kept.secrets += [SECRET]
    assert (kept.index.search('h4sh'), kept.index.search('disk'), kept.read) == ([], [2], 2)
    kept.secrets.clear()
    assert (kept.index.search('h4sh'), kept.read) == ([], 2)


def test_what_is_added_while_earlier_texts_are_read_stays() -> None:
    def texts() -> Iterator[tuple[int, str]]:
        index.add(1, 'new')
        yield 1, 'old'
        yield 2, 'other'
    index = SearchIndex(Masks(list), texts, is_complete=False)
    assert (index.search('new'), index.search('old'), index.search('')) == ([1], [], [2, 1])


def open_files(folder: Path) -> int:
    """Return how many files of a folder this process has open."""
    count = 0
    for file in Path('/proc/self/fd').iterdir():
        with suppress(FileNotFoundError):  # that of the folder /proc/self/fd itself
            count += str(folder) in str(file.readlink())
    return count


@pytest.mark.parametrize('is_in_files', [False, True])
def test_an_index_has_what_was_added_last_and_not_removed(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_in_files: bool) -> None:
    """A random history beside a plain dict, with parts so small that texts cross each of their limits."""
    monkeypatch.setattr(search_module, 'SEGMENT_BYTES', 200)
    monkeypatch.setattr(search_module, 'BLOCK_BYTES', 50)
    chance, kept, texts = random.Random(4), Kept(tmp_path if is_in_files else None), dict[int, str]()
    for _ in range(600):
        number = chance.randrange(40)
        if chance.random() < 0.7:
            texts[number] = ' '.join(chance.choices(['disk', 'DB-7', 'ü', 'ab', 'b', '"a":1'], k=chance.randrange(30)))
            kept.index.add(number, texts[number])
        else:
            texts.pop(number, None)
            kept.index.remove(number)
        query = ' '.join(chance.choices(['disk', 'db-7', 'Ü', 'b', 'a', '"a"', 'none'], k=chance.randrange(3)))
        expected = sorted((each for each, text in texts.items() if all(word in text.lower() for word in query.lower().split())),
                          reverse=True)
        assert kept.index.search(query) == expected, query
    assert open_files(tmp_path) < 60, 'a part without texts goes'
    assert [*tmp_path.iterdir()] == [], 'no file has a name'
    kept.index.clear()
    assert kept.index.search('') == []


def test_a_search_takes_time_in_proportion_to_the_texts() -> None:
    def places(count: int) -> tuple[list[tuple[int, int, int]], bytes]:
        return [(at * 100, at * 100 + 99, at) for at in range(count)], (b'x' * 98 + b'y\n') * count
    grows_linearly(places, lambda subject: [*matches(subject[0], subject[1], [b'xy', b'x'])], 300)
