"""Text search through deliveries: what a list shows of them, their headers and their bodies."""
from __future__ import annotations

from collections.abc import Iterable, Iterator

from localxsoar.webhooks.deliveries import Delivery
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.readable import readable
from localxsoar.turns import Turns


def search(deliveries: Iterable[Delivery], query: str, masks: Masks) -> Iterator[int]:
    """Yield the number of each delivery that has every word of the query in what the page shows of it."""
    words, turns = query.lower().split(), Turns()
    for delivery in deliveries:
        turns.give()  # large bodies take a while, in which requests must not wait
        # Masking is slow, so it is left to those that match without it. A secret itself is never found.
        if has_all(words, shown(delivery, Masks(list))) and has_all(words, shown(delivery, masks)):
            yield delivery.number


def has_all(words: list[str], text: str) -> bool:
    return all(word in text for word in words)


def shown(delivery: Delivery, masks: Masks) -> str:
    """Return all that the page shows of a delivery's request, in lower case."""
    brief = (delivery.method, masks.target(delivery.target), delivery.status or '', masks.text(delivery.sender), delivery.kind,
             delivery.triage, ' '.join(delivery.incidents), masks.text(delivery.text), delivery.peer)
    headers = (f'{header["name"]}: {header["value"]}' for header in masks.headers(delivery.headers))
    body = readable(delivery.headers, bytes(delivery.body)).text
    return '\n'.join([*map(str, brief), *headers, masks.text(body)]).lower()
