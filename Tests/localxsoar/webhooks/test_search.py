"""The search through deliveries: what it finds, and that it finds no secret."""
from __future__ import annotations

import pytest

from localxsoar.webhooks.deliveries import Delivery
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.search import search

SECRET = 'h4sh-hush'
HEADERS = [('Authorization', 'Bearer abcdef'), ('X-Note', f'has {SECRET}')]
DELIVERIES = [Delivery(2, 0.0, 'POST', f'/path?token=ghijkl&note={SECRET}', HEADERS, '192.0.2.1', sender='Acme Probe', status=200,
                       kind='created', incidents=['17'], text=f'Disk {SECRET}', triage='critical',
                       body=bytearray(f'it is {SECRET} in /var'.encode())),
              Delivery(1, 0.0, 'PUT', '/', [], '192.0.2.2')]


@pytest.mark.parametrize('query, found', [
    ('post', [2]), ('/path', [2]), ('acme', [2]), ('created', [2]), ('17', [2]), ('critical', [2]), ('x-note', [2]), ('200', [2]),
    ('DISK in /var', [2]), ('192.0.2.', [2, 1]), ('waiting', [1]), ('', [2, 1]), ('disk nowhere', []), ('post put', [])])
def test_a_search_finds_what_has_every_word(query: str, found: list[int]) -> None:
    assert list(search(DELIVERIES, query, Masks(list))) == found


@pytest.mark.parametrize('query', [SECRET, 'h4sh', 'abcdef', 'ghijkl', f'disk {SECRET}'])
def test_a_search_finds_no_secret(query: str) -> None:
    assert list(search(DELIVERIES, query, Masks(lambda: [SECRET]))) == []


def test_a_search_masks_only_deliveries_that_match_without_masks() -> None:
    """Masking is slow: of thousands of deliveries, few match."""
    def secrets() -> list[str]:
        raise AssertionError('a delivery is masked')
    assert list(search(DELIVERIES, 'nowhere', Masks(secrets))) == []
