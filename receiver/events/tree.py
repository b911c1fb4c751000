"""The tree of an event: its values, read only as far as they are looked at."""
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypedDict

from msgspec import Raw
from msgspec.json import Decoder

from receiver.body.memory import PIECE_BYTES
from receiver.limits import SMALL_BODY_BYTES
from receiver.sharing import let_others_run_if_due

#
# An event is read as a tree: its objects are dicts, its arrays lists. A small event is decoded whole. A larger one is opened
# one level at a time, and only where somebody looks: a LargeObject or a LargeList holds Raw values, which are still JSON text,
# and opens one when it is asked for. To code that reads objects by `get`, and lists by position or in a loop, both kinds of tree
# look the same, unless a value is UNREAD: it was not opened, because that would take too much time or memory.

SMALL_EVENT_BYTES = 64 * 1024
SMALL_EVENT_MARKS = 2000  # commas, colons and opening brackets: each of them may be a value, which takes up to 70 bytes
MAX_OPENED_VALUES = 400_000  # in all events of a request
MAX_EVENT_VALUES = 40_000  # in one event, besides its own members, of which there are fewer than MAX_COLONS
MAX_COLONS = 50_000  # of an object that is not small; with more, only COMMON_KEYS are opened
MAX_LIST_COMMAS = 1_000_000  # of a list that is not small; one with more is UNREAD
STRING_START_BYTES = 4096  # of a huge string, which is cut
COMMON_KEYS = ('name', 'type', 'title', 'summary', 'message', 'status', 'alert', 'event', 'data', 'timestamp', 'body', 'headers',
               'raw_json', 'rawJson', 'rawJSON', 'receiver', 'alerts', 'truncatedAlerts', 'groupLabels', 'commonLabels',
               'commonAnnotations', 'events', 'findings', 'records', 'value', 'items')
OPENING_BRACKET, OPENING_BRACE, QUOTE = b'[{"'
sys.set_int_max_str_digits(1000)  # a longer integer is UNREAD: Python takes 50 µs to write one of 4,300 digits
UNREAD = object()


class CutText(str):
    """A text that is in doubt: the start of one that is too long to be read whole, the first of several under one key, or ''."""


class SentFloat(float):
    """A number with a fraction or an exponent. Conditions compare it as it was sent: `1.50` is not `1.5`."""

    def __init__(self, sent: str):
        self.sent = sent  # the text that float() makes the number from


WHOLE = Decoder(float_hook=SentFloat)
MEMBERS = Decoder(dict[str, Raw])
ITEMS = Decoder(list[Raw])


@lru_cache(maxsize=8)
def decoder_of(keys: tuple[str, ...]) -> Decoder[dict[str, Raw]]:
    """Return a decoder of the members at some keys alone: a dict of all members could take hundreds of MiB."""
    return Decoder(TypedDict('Members', dict.fromkeys(keys, Raw), total=False))  # type: ignore[operator]


def members_of(source: bytes | Raw, keys: tuple[str, ...] = COMMON_KEYS) -> tuple[dict[str, Raw], bool]:
    """Return the members of an object and False or, if it may have too many, those at `keys` and True. Raise ValueError."""
    # An object has at most as many members as colons. Counting these takes no memory.
    if len(memoryview(source)) <= SMALL_BODY_BYTES or count_byte(b':', source) <= MAX_COLONS:
        return MEMBERS.decode(source), False
    return decoder_of(keys).decode(source), True


class Large:
    """What a LargeObject and a LargeList have in common: a value is Raw until somebody asks for it."""

    def __init__(self: Any, values: Any, budget: 'Budget', is_cut: bool = False):
        super().__init__(values)  # type: ignore[call-arg]  # of dict or list
        self.budget = budget
        self.is_cut = is_cut  # it has more values, which nobody can ask for

    def opened(self: Any, place: Any, value: Any) -> Any:
        """Return the value at a key or a position. If it is Raw, open it first, and keep it in its place."""
        if type(value) is Raw:
            value = self[place] = self.budget.open(value)
        return value


class LargeObject(Large, dict[str, Any]):
    """An object whose members are opened by `get` alone. If it is cut, any other member is UNREAD."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return the member at a key."""
        return self.opened(key, super().get(key, UNREAD if self.is_cut else default))


class LargeList(Large, list[Any]):
    """A list whose items are opened by position, and in a loop."""

    def __getitem__(self, index: Any) -> Any:
        """Return the item at a position."""
        return self.opened(index, super().__getitem__(index))

    def __iter__(self) -> Iterator[Any]:
        """Yield the items."""
        return map(self.__getitem__, range(len(self)))


decoding_may_fail = suppress(ValueError, RecursionError)  # one for all values: making it takes a while


class Budget:
    """How many values may still be opened or visited, in an event and in all events of a request: then the rest is UNREAD.

    It bounds the time and the memory that a hostile request takes.
    """

    values = MAX_OPENED_VALUES
    values_of_event = MAX_EVENT_VALUES

    def allows(self, values: int) -> bool:
        """Spend so many values, and return whether there were enough, for the request and for the event."""
        self.values -= values
        self.values_of_event -= values
        return self.values >= 0 <= self.values_of_event  # neither is below 0

    def open(self, source: bytes | Raw, is_event: bool = False) -> Any:
        """Return the value of a JSON text: the whole tree of a small one, one level of any other.

        Return UNREAD if the text cannot be decoded, is a list with too many commas, or if the budget is spent. A small tree and
        the members of an event itself cost nothing; any other level costs a value for each member or item.
        """
        let_others_run_if_due()
        view = memoryview(source)
        # Whatever fails here is tried again level by level: then one integer of 5,000 digits is UNREAD, and not all around it.
        with decoding_may_fail:
            if is_small(view):
                return WHOLE.decode(view)
        with decoding_may_fail:
            if view[0] not in (OPENING_BRACE, OPENING_BRACKET):
                return open_scalar(view)
            if view[0] == OPENING_BRACE:
                members, is_cut = members_of(source)
                return LargeObject(members, self, is_cut) if is_event or self.allows(len(members)) else UNREAD
            if count_byte(b',', source) <= MAX_LIST_COMMAS and self.allows(len(items := ITEMS.decode(source))):
                return LargeList(items, self)
        return UNREAD


def is_small(view: memoryview) -> bool:
    """Return whether a JSON text may be decoded whole: it is short, and has few values and no `-0`."""
    if len(view) > SMALL_EVENT_BYTES:
        return False
    source = bytes(view)
    has_few_marks = len(source) <= SMALL_EVENT_MARKS or sum(map(source.count, (b',', b':', b'[', b'{'))) <= SMALL_EVENT_MARKS
    # msgspec would make a -0 a 0: open_scalar reads it.
    return has_few_marks and not (b'-0' in source and re.search(rb'-0(?:[\s,}\]]|\Z)', source))


def open_scalar(view: memoryview) -> Any:
    """Return a string, a number, a bool or null. Raise ValueError.

    Of what is over SMALL_BODY_BYTES, return a string's start ('' if that is not UTF-8), and UNREAD for a number.
    """
    if len(view) <= SMALL_BODY_BYTES:
        return SentFloat('-0') if bytes(view) == b'-0' else WHOLE.decode(view)
    if view[0] != QUOTE:
        return UNREAD
    # A string that is cut inside a character or an escape does not decode. The longest of these is an escaped surrogate
    # pair of 12 bytes (\ud83d\ude00), so at least one of 12 successive ends is not inside one.
    for end in range(STRING_START_BYTES, STRING_START_BYTES - 12, -1):
        with suppress(ValueError):
            return CutText(WHOLE.decode(bytes(view[:end]) + b'"'))
    return CutText()


def count_byte(byte: bytes, source: bytes | Raw) -> int:
    """Return how often a byte is in the source."""
    view = memoryview(source)  # it has no count(); bytes have it, but a copy of all of it would take too much memory
    return sum(bytes(view[start:start + PIECE_BYTES]).count(byte) for start in range(0, len(view), PIECE_BYTES))


def read_object(source: bytes, budget: Budget | None = None) -> dict[str, Any]:
    """Return the members of an event, or {} if its source is not a JSON object that can be opened."""
    value = (budget or Budget()).open(source, is_event=True) if source else None
    return value if isinstance(value, dict) else {}


Steps = list[list[tuple[str, int]]]


def steps_of(keys: Sequence[str]) -> Steps:
    """Return the steps that lead along some keys: for each position, pairs of a key and the position after it.

    A key of an object may contain dots, and the longest that exists is used: ['a', 'b'] -> [[('a.b', 2), ('a', 1)], [('b', 2)]].
    """
    return [[('.'.join(keys[start:end]), end) for end in range(len(keys), start, -1)] for start in range(len(keys))]


def find(value: Any, steps: Steps, if_a_scalar_stops: Any = None) -> Any:
    """Return the value to which some steps lead, in which `0` is the first item of a list; or what stops them on the way:

        null, or a key that an object or a list does not have    None
        a key that may be among the members that were not read   UNREAD
        a text, a number or a bool                               `if_a_scalar_stops`: `a.b` leads beyond the text in {"a": "x"}
    """
    position, end = 0, len(steps)
    while position < end:
        if isinstance(value, list):
            value = {'0': value[0]} if value else {}
        elif not isinstance(value, dict):
            return value if value is None or value is UNREAD else if_a_scalar_stops
        for key, following in steps[position]:
            if key in value:
                value, position = value.get(key), following
                break
        else:
            return value.get(key)  # not there: None, or UNREAD if not all members were read
    return value
