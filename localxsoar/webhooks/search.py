"""Text search through deliveries or incidents: what a list shows of them, and their headers, bodies or details.

An index has the masked text of each, and grows with what comes in: thousands are searched in a moment. A secret is never found.
"""
from __future__ import annotations

import tempfile
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from gevent.lock import BoundedSemaphore

from localxsoar.terminal.chain import chain
from localxsoar.turns import Turns
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.readable import SHOWN_BYTES, readable

SEGMENT_BYTES = 32 * 1024 * 1024
BLOCK_BYTES = 1024 * 1024  # that are searched between two turns


@dataclass
class Segment:
    """A part of the index: texts one after another, each in a place of its own. It goes with its last text."""
    file: Any
    size: int = 0
    places: dict[int, tuple[int, int]] = field(default_factory=dict)


class SearchIndex:
    """The texts of many things by their numbers. `texts` yields all of them: they are masked anew when there are new secrets.

    The index is in memory or, with a folder, in files there that nobody else can open and that vanish with the process.
    """

    def __init__(self, masks: Masks, texts: Callable[[], Iterable[tuple[int, str]]], folder: Path | None = None,
                 is_complete: bool = True) -> None:
        self._masks = masks
        self._texts = texts
        self._folder = folder
        self._lock = threading.Lock()
        self._building = BoundedSemaphore()
        self._masked = set(masks.secrets()) if is_complete else None  # the secrets that the texts are masked for
        self._segments: list[Segment] = []
        self._where: dict[int, Segment] = {}

    def add(self, number: int, text: str) -> None:
        """Keep the text of a thing, in place of an earlier one."""
        data = text.lower().encode('utf-8', 'surrogatepass')
        self.remove(number)
        with self._lock:
            if not self._segments or self._segments[-1].size > SEGMENT_BYTES:
                self._segments.append(Segment(self._new_file()))
            segment = self._segments[-1]
            segment.file.seek(segment.size)
            segment.file.write(data + b'\n')
            segment.places[number] = (segment.size, segment.size + len(data))
            segment.size += len(data) + 1
            self._where[number] = segment

    def _new_file(self) -> Any:
        # It is closed with its last text.
        return tempfile.TemporaryFile(dir=self._folder) if self._folder else BytesIO()

    def remove(self, number: int) -> None:
        with self._lock:
            segment = self._where.pop(number, None)
            if not segment:
                return
            del segment.places[number]
            if not segment.places:
                self._segments.remove(segment)
                segment.file.close()

    def clear(self) -> None:
        with self._lock:
            for segment in self._segments:
                segment.file.close()
            self._segments, self._where = [], {}

    def search(self, query: str) -> list[int]:
        """Return the numbers of the things that have every word of the query, the highest first."""
        self.prepare()
        words = sorted((word.encode('utf-8', 'surrogatepass') for word in query.lower().split()), key=len, reverse=True)
        turns = Turns()
        found: list[int] = []
        for segment in [*self._segments]:
            for places, data in self._blocks(segment):
                turns.give()  # while all is searched, requests must not wait
                found += matches(places, data, words)
        return sorted(found, reverse=True)

    def prepare(self) -> None:
        """Read what is missing, and mask the texts for new secrets."""
        with self._building:  # what is half built would not be found
            if self._masked is None or not self._masked.issuperset(self._masks.secrets()):
                self._build()

    def _build(self) -> None:
        """Read all texts again. What is added meanwhile is masked for the same secrets or more."""
        self._masked = set(self._masks.secrets())
        self.clear()
        turns = Turns()
        for number, text in self._texts():
            turns.give()
            if number not in self._where:
                self.add(number, text)

    def _blocks(self, segment: Segment) -> Iterator[tuple[list[tuple[int, int, int]], bytes]]:
        """Yield the places of some texts, each with its number, and the bytes in which they are."""
        places = sorted((start, end, number) for number, (start, end) in [*segment.places.items()])
        while places:
            begin = places[0][0]
            count = max(1, bisect_right(places, (begin + BLOCK_BYTES,)))
            block, places = places[:count], places[count:]
            with self._lock:
                if segment.file.closed:
                    return
                segment.file.seek(begin)
                data = segment.file.read(block[-1][1] - begin)
            yield [(start - begin, end - begin, number) for start, end, number in block], data


def matches(places: list[tuple[int, int, int]], data: bytes, words: list[bytes]) -> Iterator[int]:
    """Yield the number of each place that has all words. The first word is looked for in all places at once."""
    if not words:
        yield from (number for _, _, number in places)
        return
    first, *others = words
    at = data.find(first)
    while at >= 0:
        place = bisect_right(places, (at, len(data) + 1)) - 1
        start, end, number = places[max(place, 0)]
        if start <= at < end and all(data.find(word, start, end) >= 0 for word in others):
            yield number
        at = data.find(first, max(end, at + 1))


def shown(delivery: Any, masks: Masks, limit: int = SHOWN_BYTES) -> tuple[str, bool]:
    """Return what the page shows of a delivery's request, of its body so many bytes, and whether the body has more."""
    brief = (delivery.method, masks.target(delivery.target), delivery.status or '', masks.text(delivery.sender), delivery.kind,
             delivery.triage, ' '.join(delivery.incidents), masks.text(delivery.text), masks.text(delivery.note), delivery.peer,
             *(f'{step["word"]} {step["said"]}' for step in chain(delivery.summary())))
    headers = (f'{header["name"]}: {header["value"]}' for header in masks.headers(delivery.headers))
    body = readable(delivery.headers, bytes(delivery.body), limit)
    return '\n'.join([*map(str, brief), *headers, masks.text(body.text)]), body.is_cut
