"""The severities of an event by the general rule, and all that it has at any depth."""
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from receiver.events.meanings import (
    ENDED, MAX_KEY_CHARACTERS, SEVERITY_PREFIX, STATE_ENDED, TEXTS, Scope, places_of_word, word_of)
from receiver.events.rows import SEVERITY_WORDS
from receiver.events.texts import JSON_WITH_VALUES, first_of
from receiver.events.tree import UNREAD, Budget, CutText, LargeObject, find, steps_of

PROVIDER_NAME = steps_of(['provider', 'name'])


class Severity(NamedTuple):
    """A severity on XSOAR's scale, and whether the event certainly has it: `?at_least=` leaves out nothing else."""

    value: float | None
    is_certain: bool


NO_SEVERITY = Severity(None, False)


def says_that_it_ended(scope: Scope) -> bool:
    """Return whether a state, a status or an action in an object is a word for the end of a problem.

    That does not make the event a recovery, but it is enough to disregard the severity beside it.
    """
    return any(type(value) is str and pattern.fullmatch(value.strip())
               for meaning, pattern in (('end', ENDED), ('state', STATE_ENDED)) for value in scope.values_of(meaning))


def severities_in(scope: Scope, meaning: str, top: Scope) -> set[float]:
    """Return the severities that words under the keys of a meaning say, unless they are levels of a log or of a mail.

    A priority counts only beside a text that says what happened: in a queue of builds, it does not say how grave anything is.
    """
    has_text = any(text in each.by_meaning for text in TEXTS[0][1] for each in (scope, top))
    is_of_message = meaning == 'priority' and (not has_text or 'log or mail' in scope.by_meaning)
    is_of_windows = any('event id' in each.by_meaning and ('windows log' in each.by_meaning or find(each.members, PROVIDER_NAME))
                        for each in (scope, top))
    # A record of Azure's Syslog has the level of a log, too.
    if is_of_message or is_of_windows or 'SyslogMessage' in scope.members:
        return set()
    return {severity for value in scope.values_of(meaning) if (severity := severity_of(value)) is not None}


def severity_of(value: Any) -> float | None:
    """Return the severity that a word says, or the name of an object, or a constant such as `SEVERITY_LEVEL_HIGH`, or None."""
    word = value.get('name') if isinstance(value, dict) else value
    return SEVERITY_WORDS.severity(SEVERITY_PREFIX.sub('', word) if type(word) is str else word)


def all_severities(tree: dict[str, Any], known: Iterable[Any], budget: Budget) -> Iterator[float]:
    """Yield the severities, priorities and urgencies that an event says at any depth.

    The keys of the `known` objects themselves are passed over, but not those of objects inside them; JSON in any text but a
    `known` one counts. Yield infinity if a severity's key has a value that means none, and, at the end, if something was not
    read or is in doubt.
    """
    ignored = {id(each) for each in known}
    unseen: list[tuple[Any, str]] = [(tree, '')]  # values, each with what the key means that it is under, directly or not
    while unseen:
        value, meaning = unseen.pop()
        if type(value) is str and id(value) not in ignored and JSON_WITH_VALUES.match(value):
            value = budget.open(value.encode(errors='replace'))
        is_cut = isinstance(value, CutText) or (isinstance(value, LargeObject) and value.is_cut)
        if value is UNREAD or is_cut or not budget.allows(1):
            yield math.inf
            return
        if isinstance(value, dict):
            # Under the key of a severity: beside a word for it, as in {"label": "low", "normalized": 30}, or beside what a row
            # reads, other values that mean none say no more.
            tells = any(severity_of(item) is not None or id(item) in ignored for item in map(value.get, value))
            inherited = 'priority' if meaning and tells else meaning
            is_known = id(value) in ignored
            unseen += [(value.get(key), '' if is_known else severity_meaning(key) or inherited) for key in value]
        elif isinstance(value, list):
            unseen += [(item, meaning) for item in value]
        elif (severity := severity_of(value) if meaning else None) is not None:
            yield severity
        elif meaning == 'severity' and value not in (None, ''):
            yield math.inf


def severity_meaning(key: str) -> str:
    """Return 'severity' or 'priority' if a key means that, or ''."""
    meanings = {meaning for _, meaning in places_of_word(word_of(key[-MAX_KEY_CHARACTERS:]))}  # its end, if it is long
    return first_of(meaning for meaning in ('severity', 'priority') if meaning in meanings)
