"""The items at the path of `?each=`."""
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from msgspec import Raw, defstruct
from msgspec.json import Decoder

from receiver.events.tree import members_of, steps_of
from receiver.payload.reading import array_items, json_kind
from receiver.sharing import let_others_run_if_due

# An array as a struct with one field: the other items are skipped, and take no memory.
FIRST_ITEM: Decoder[Any] = Decoder(defstruct('FirstItem', [('item', Raw, Raw())], array_like=True))


def member_at(source: bytes, step: Sequence[tuple[str, int]]) -> tuple[bytes, int]:
    """Return a member of a JSON object, and the position in the path behind its key. Raise ValueError if there is none.

    `step` has the possible keys with these positions, as in steps_of: at the start of the path `a.b`, [('a.b', 2), ('a', 1)].
    """
    # Of a large object, only the members that the path may need: a dict of all could take hundreds of MiB.
    members, _ = members_of(source, tuple(key for key, _ in step))
    for key, position in step:
        if key in members:
            return bytes(members[key]), position
    raise ValueError('it has none of the keys')


def items_at(source: bytes, keys: tuple[str, ...]) -> list[bytes] | None:
    """Return the items of the array to which some keys lead in a JSON object, at most MAX_EVENTS + 1; [] if it is empty.

    Return None if the keys lead to no array, or if an item is not an object. The key `0` is the first item of an array.
    """
    steps, position, value = steps_of(keys), 0, source
    with suppress(ValueError):  # no object on the way that has the key, or no array at the end
        while position < len(keys):
            let_others_run_if_due()
            if keys[position] == '0' and value[:1] == b'[':
                value, position = bytes(FIRST_ITEM.decode(value).item), position + 1
            else:
                value, position = member_at(value, steps[position])
        items = array_items(value)
        if all(json_kind(item) == 'an object' for item in items):
            return items
    return None
