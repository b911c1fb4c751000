"""Which sender of the recipes sent a request."""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from localxsoar.senders import Headers, Sender

SAY_NOTHING = {'accept', 'accept-encoding', 'authorization', 'connection', 'content-encoding', 'content-length', 'content-type',
               'date', 'host', 'traceparent', 'user-agent', 'x-request-id'}
ALIKE = 0.5  # of the keys of two payloads, from which on they come from one sender
PARSED_BYTES = 1024 * 1024
NO_FIT = (0, False, 0.0)


@dataclass(frozen=True)
class Marks:
    """What a request says of who sent it."""
    headers: frozenset[str]
    agent: str
    keys: frozenset[str]

    def likeness(self, other: Marks) -> float:
        """How many of the payloads' keys are in both, from 0 to 1."""
        return len(self.keys & other.keys) / (len(self.keys | other.keys) or 1)


def marks(headers: Iterable[tuple[str, str]], payload: Any) -> Marks:
    found = {name.lower(): value for name, value in headers}
    first = payload[0] if isinstance(payload, list) and payload else payload
    keys = frozenset(first) if isinstance(first, dict) else frozenset[str]()
    return Marks(frozenset(found) - SAY_NOTHING, product(found.get('user-agent', '')), keys)


def product(agent: str) -> str:
    """What a user agent calls itself: the first word, without a version."""
    return agent.partition('/')[0].partition(' ')[0]


def marks_of(sender: Sender) -> list[Marks]:
    own = [sender.proof['name']] if sender.proof and sender.proof['place'] == 'header' else []
    return [marks([(name, str(value)) for name, value in delivery['headers'].items()] + [(name, '') for name in own],
                  delivery.get('payload')) for delivery in sender.deliveries]


class SenderRecognizer:
    """Tells who sent a request: by headers that one sender alone has, by its user agent, by the keys of its payload."""

    def __init__(self, senders: Sequence[Sender]) -> None:
        self._known = [(each, sender) for sender in senders for each in marks_of(sender)]
        self._headers = owners((name, sender) for each, sender in self._known for name in each.headers)
        self._agents = owners((each.agent, sender) for each, sender in self._known)

    def recognize(self, headers: Headers, body: bytes) -> tuple[Sender | None, str]:
        """The sender whose recipe fits best, if one does, and what to call it: its name, else the user agent's."""
        seen = marks(headers, parse(body))
        fits = [(self._fit(each, seen), sender) for each, sender in self._known]
        fit, sender = max(fits, key=lambda item: item[0], default=(NO_FIT, None))
        return (sender, sender.name) if sender and fit != NO_FIT else (None, seen.agent)

    def _fit(self, recipe: Marks, seen: Marks) -> tuple[int, bool, float]:
        all_there = recipe.headers <= seen.headers
        same_agent = bool(recipe.agent) and recipe.agent == seen.agent
        likeness = recipe.likeness(seen) if same_agent or not recipe.agent or not seen.agent else 0
        is_own = any(self._headers[name] == 1 for name in recipe.headers)
        is_own_agent = same_agent and self._agents[recipe.agent] == 1
        if not is_own_agent and not (all_there and (is_own or likeness >= ALIKE)):
            return NO_FIT
        return len(recipe.headers & seen.headers), same_agent, likeness


def owners(pairs: Iterable[tuple[str, Sender]]) -> Counter[str]:
    """How many senders share each mark."""
    return Counter(mark for mark, _ in {(mark, sender.key) for mark, sender in pairs})


def parse(body: bytes) -> Any:
    try:
        return json.loads(body) if len(body) <= PARSED_BYTES else None
    except (ValueError, RecursionError):
        return None
