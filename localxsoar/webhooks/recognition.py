"""Recognition of senders: which of the recipes' senders sent a request."""
from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from localxsoar.webhooks.senders import Headers, Sender

# Headers that many senders have: they identify none of them.
COMMON_HEADERS = {'accept', 'accept-encoding', 'authorization', 'connection', 'content-encoding', 'content-length',
                  'content-type', 'date', 'host', 'traceparent', 'user-agent', 'x-request-id'}
ALIKE = 0.5  # two payloads that share at least this part of their keys may have the same sender
SEVERAL = 2  # so many keys must be shared; a key of more senders than this, such as `name`, identifies none of them
PARSED_BYTES = 1024 * 1024  # larger bodies are not parsed: this runs between a response and the next request
NO_FIT = (0, False, 0.0)


@dataclass(frozen=True)
class Marks:
    """The parts of a request that identify its sender."""
    headers: frozenset[str]
    agent: str
    keys: frozenset[str]

    def likeness(self, other: Marks) -> float:
        """Return the share of the payloads' keys that are in both, from 0 to 1."""
        return len(self.keys & other.keys) / (len(self.keys | other.keys) or 1)


def marks(headers: Iterable[tuple[str, str]], payload: Any) -> Marks:
    """Return the marks of a request. A list of events is represented by its first."""
    found = {name.lower(): value for name, value in headers}
    return Marks(frozenset(found) - COMMON_HEADERS, product(found.get('user-agent', '')), frozenset(key_paths(first(payload))))


def first(value: Any) -> Any:
    """Return the first item of a list, and any other value as it is."""
    return value[0] if isinstance(value, list) and value else value


def key_paths(payload: Any) -> Iterator[str]:
    """Yield each key of an object and of the objects in it, such as `issue` and `issue.title`."""
    for key, value in payload.items() if isinstance(payload, dict) else ():
        yield key
        if isinstance(first(value), dict):
            yield from (f'{key}.{inner}' for inner in first(value))


def product(agent: str) -> str:
    """Return the program that a user agent names, without its version.

    Browsers and many other programs begin with Mozilla/5.0, and name themselves as compatible with it or at the end.
    """
    if agent.startswith('Mozilla/'):
        compatible = re.search(r'compatible; ([^;)]+)', agent)
        agent = compatible[1] if compatible else agent.rpartition('/')[0].rpartition(' ')[2]
    return agent.partition('/')[0].partition(' ')[0]


def marks_of(sender: Sender) -> list[Marks]:
    """Return the marks of each delivery in a sender's recipe. The header of its proof is one of them."""
    own = [sender.proof['name']] if sender.proof and sender.proof['place'] == 'header' else []
    return [marks([(name, str(value)) for name, value in delivery['headers'].items()] + [(name, '') for name in own],
                  delivery.get('payload')) for delivery in sender.deliveries]


class SenderRecognizer:
    """Recognizes the sender of a request by headers that only one sender has, by user agent, and by payload keys."""

    def __init__(self, senders: Sequence[Sender]) -> None:
        self._known = [(each, sender) for sender in senders for each in marks_of(sender)]
        self._headers = owners((name, sender) for each, sender in self._known for name in each.headers)
        self._agents = owners((each.agent, sender) for each, sender in self._known)
        self._keys = owners((key, sender) for each, sender in self._known for key in each.keys)

    def recognize(self, headers: Headers, body: bytes) -> tuple[Sender | None, str]:
        """Return the sender whose recipe fits best, or None, and the name to show: the sender's or the user agent's."""
        seen = marks(headers, parse(body))
        fits = [(self._fit(each, seen), sender) for each, sender in self._known]
        fit, sender = max(fits, key=lambda item: item[0], default=(NO_FIT, None))
        return (sender, sender.name) if sender and fit != NO_FIT else (None, seen.agent)

    def _fit(self, recipe: Marks, seen: Marks) -> tuple[int, bool, float]:
        """Return how well a request fits a recipe; a better fit compares greater."""
        all_there = recipe.headers <= seen.headers
        agents_match = bool(recipe.agent) and recipe.agent == seen.agent
        # Payloads count unless the sender has a user agent of its own, which the request lacks, or the keys are anyone's.
        may_be_alike = agents_match or (not recipe.agent and self._are_telling(recipe.keys & seen.keys))
        likeness = recipe.likeness(seen) if may_be_alike else 0
        is_own = any(self._headers[name] == 1 for name in recipe.headers)
        is_own_agent = agents_match and self._agents[recipe.agent] == 1
        if not is_own_agent and not (all_there and (is_own or likeness >= ALIKE)):
            return NO_FIT
        return len(recipe.headers & seen.headers), agents_match, likeness

    def _are_telling(self, keys: frozenset[str]) -> bool:
        """Return whether payloads that share these keys are likely to be of one sender."""
        return len(keys) >= SEVERAL and any(self._keys[key] <= SEVERAL for key in keys)


def owners(pairs: Iterable[tuple[str, Sender]]) -> Counter[str]:
    """Return how many senders share each mark."""
    return Counter(mark for mark, _ in {(mark, sender.key) for mark, sender in pairs})


def parse(body: bytes) -> Any:
    """Return the body's JSON, or None if it has none or is large."""
    try:
        return json.loads(body) if len(body) <= PARSED_BYTES else None
    except (ValueError, RecursionError):
        return None
