"""Bursts of deliveries that would print alike: the first few are printed, all of them are counted."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FEW = 3  # of a burst are printed one by one, so that a person who tries something sees each at once
QUIET_SECONDS = 1.0  # without another delivery, a burst is over
LONGEST_SECONDS = 10.0  # after which a burst is counted as over, so that a long flood shows that it goes on
SWEEP_SECONDS = 0.25


@dataclass
class Burst:
    """Deliveries that differ only in their times and in the numbers of their incidents."""
    first: dict[str, Any]
    started: float
    latest: float
    count: int = 0
    incidents: dict[str, None] = field(default_factory=dict)  # in order, each once
    acts: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)

    def add(self, delivery: dict[str, Any], now: float) -> None:
        self.count += 1
        self.latest = now
        self.incidents.update(dict.fromkeys(delivery['incidents']))
        self.acts.update((tuple(act.values()), act) for act in delivery.get('acts', ()))

    @property
    def whole(self) -> dict[str, Any]:
        """Return a delivery to which all of them came."""
        incidents, own = list(self.incidents), self.first.get('own')
        return {**self.first, 'incidents': incidents, 'acts': [*self.acts.values()],
                **({'own': incidents if own else []} if own is not None else {})}

    def is_over(self, now: float) -> bool:
        return now - self.latest >= QUIET_SECONDS or now - self.started >= LONGEST_SECONDS


class Bursts:
    """The bursts under way. Times are seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[Any, ...], Burst] = {}
        self._swept = float('-inf')

    def add(self, delivery: dict[str, Any], now: float) -> bool:
        """Count a delivery, and return whether it is printed by itself."""
        burst = self._under_way.setdefault(likeness(delivery), Burst(delivery, now, now))
        burst.add(delivery, now)
        return burst.count <= FEW

    def take_over(self, now: float) -> list[Burst]:
        """Remove the bursts that are over, and return those of which not every delivery was printed."""
        if now - self._swept < SWEEP_SECONDS:  # looking at each burst for each delivery would slow a flood of unlike ones
            return []
        self._swept = now
        over = {key: burst for key, burst in self._under_way.items() if burst.is_over(now)}
        for key in over:
            del self._under_way[key]
        return [burst for burst in over.values() if burst.count > FEW]

    def has_hidden(self) -> bool:
        """Return whether a delivery was counted that no line shows yet."""
        return any(burst.count > FEW for burst in self._under_way.values())


def likeness(delivery: dict[str, Any]) -> tuple[Any, ...]:
    """Return what is equal in the deliveries of a burst."""
    acts = sorted({(act['word'], act['text']) for act in delivery.get('acts', ())})
    more = (delivery.get(name) for name in ('triage', 'skipped', 'is_lost', 'has_left'))
    return *(delivery[name] for name in ('method', 'status', 'kind', 'sender', 'text')), target_to_show(delivery), *acts, *more


def target_to_show(delivery: dict[str, Any]) -> str:
    """Return the delivery's target if that is what is wrong with it, or else ''."""
    return str(delivery['target']) if delivery['kind'] == 'rejected' and delivery['status'] == 404 else ''
