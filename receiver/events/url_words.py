"""The words of a URL: a row for its own events, and what only a URL says about them."""
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from itertools import chain
from typing import Any

from receiver.events.paths import (
    CERTAIN_TEXTS, NOT_UTF8, URL_GRAMMAR, Condition, Path, Paths, ReadEvent, Unreadable, split_outside_quotes)
from receiver.events.rows import SEVERITY_NUMBERS, SEVERITY_WORDS, End, NamePart, Problem, Row
from receiver.events.scales import NUMBER, Scale, form_of
from receiver.events.texts import clean_text
from receiver.events.tree import UNREAD
from receiver.limits import LONGEST_WATCH_SECONDS
from receiver.problems import escaped
from receiver.proof.secrets import reveals_token
from receiver.proof.tokens import MAX_KEPT_QUERIES, fits_cache
from receiver.settings import Settings, Token


@dataclass(frozen=True)
class UrlWords(Row):
    """The row of a URL, and what only a URL says about its events. An absent or unreadable word has its default."""

    is_of_url: bool = True
    type: str = ''
    each: tuple[str, ...] = ()  # the keys of the path
    default_severity: float | None = None  # of events for which nothing else tells a severity
    skip: tuple[Condition, ...] = ()
    at_least: float | None = None
    expect: tuple[str, str] | None = None  # how often a request comes, such as '15m', or 'off'; and the name of its sender
    notes: tuple[str, ...] = ()  # which words cannot be read, and why

    @cached_property
    def parts(self) -> dict[tuple[str, int], Paths | Condition]:
        """Return the parts of the words, by word and position from 1 on, in the order in which a note names them.

        A condition with wanted texts is here as its paths, at which some event should have a value. A bare one stays a condition,
        since an event without a value answers it, too.
        """
        parts: dict[str, Sequence[Paths | Condition]] = {
            'name': [part.paths for part in self.name_parts],
            'occurred': [self.times] if self.times else [],
            'severity': [paths for _, paths in self.severities],
            'problem': [paths for problem in self.problems for paths in problem.parts],
            'resolved': [each.paths if each.wanted else each for end in self.ends for each in end.conditions],
            'skip': [each.paths if each.wanted else each for each in self.skip],
        }
        return {(word, position): part for word in parts for position, part in enumerate(parts[word], 1)}


NO_WORDS = UrlWords()
MAX_NOTE_CHARACTERS = 500  # of the header X-Webhook-Note
# What a word or a part of it finds in an event. Of all events, the highest of these counts.
NO_VALUE, TOO_LARGE, FOUND, MET_BY_ANY_TEXT = range(4)
REASONS = {  # what the note says
    NO_VALUE: 'no event has a value at this path',
    TOO_LARGE: 'part of an event was too large to be read',
    MET_BY_ANY_TEXT: 'any text there meets it (to compare one, write path=text)',
}


def result_of_part(part: Paths | Condition, event: ReadEvent) -> int:
    """Return what a part of a word finds in an event.

    A bare condition, such as that of `resolved=status`, is never NO_VALUE: it is answered without a value, too. If a text meets
    it, the user may have meant to compare that, as `resolved=status=closed` does; but not `true`, `yes`, `on` and `1`.
    """
    paths = part.paths if isinstance(part, Condition) else part
    values = [value for path in paths for value in path.values(event) if value is not None]
    if isinstance(part, Condition):
        texts = {value[:6].lower() for value in values if type(value) is str and part.answer(value)}
        return MET_BY_ANY_TEXT if texts - CERTAIN_TEXTS and part.is_certainly_met(event) else FOUND
    if any(value is not UNREAD for value in values):
        return FOUND
    return TOO_LARGE if values else NO_VALUE  # values that are all UNREAD


class Findings:
    """What the words of a URL find in the events of a request, and what they may read.

    An example: `?name=what,where&severity=prio`, with the events {"what": "Full"} and {"what": "Full", "where": "db-1"}. In the
    first, part 2 of `name` and part 1 of `severity` find NO_VALUE. In the second, the former is FOUND: no mistake.
    """

    def __init__(self, words: UrlWords, headers: Callable[[], dict[str, str]] = dict,
                 contains_token: Callable[[str], bool] = lambda text: False):
        self.words = words
        # Those that a path in the URL may show. Most URLs have no path, and making a cache takes 16,000 instructions.
        self.headers = cache(headers) if words.parts else headers
        # Of the tokens, only the one that proved the request counts: see reveals_token.
        self.clean = partial(clean_text, contains_token=contains_token)
        self.found: dict[tuple[str, int], int] = {}  # the highest that each part found, by its word and its position there
        self.has_found: dict[str, bool] = {}  # whether a word as a whole found what it looks for, or an event did not need it

    def record(self, word: str, has_found: bool) -> None:
        """Record whether a word found what it looks for in an event.

        If it did, all its parts count as found, too: one that was not needed is no mistake. But each part of `name` should find
        a text of its own, which look_up checks.
        """
        self.has_found[word] = has_found or self.has_found.get(word, False)
        if has_found and word != 'name':
            self.found |= {key: FOUND for key in self.words.parts if key[0] == word}  # no part of these words finds more

    def look_up(self, event: ReadEvent, is_left_out: bool) -> None:
        """Record what the parts of the words find in an event. `is_left_out` says that the URL leaves it out.

        An event that is left out needs no name or time, and the end of a problem no severity. So these words count as having
        found what they look for.
        """
        if is_left_out:
            self.has_found |= dict.fromkeys(URL_WORDS, True)
        elif event.is_recovery:
            self.has_found['severity'] = True
        for key, part in event.words.parts.items():
            if isinstance(part, Condition) or self.found.get(key) != FOUND:  # a condition may still be MET_BY_ANY_TEXT
                self.found[key] = max(result_of_part(part, event), self.found.get(key, NO_VALUE))

    def note(self) -> str:
        """Return which words of the URL were ignored, found nothing in all events or are met by any text, and why; '' for none.

        Nothing of the query is quoted: it may hold a secret.
        """
        mistakes: dict[tuple[str, int], list[str]] = {}  # the positions of parts, by their word and what they find
        # What finds nothing comes first in the note, then what any text meets.
        for (word, position), found in sorted(self.found.items(), key=lambda each: each[1] == MET_BY_ANY_TEXT):
            if found != FOUND:
                mistakes.setdefault((word, found), []).append(str(position))
        notes = [f'{word}, part{"s" if len(positions) > 1 else ""} {", ".join(positions)}: {REASONS[found]}'
                 for (word, found), positions in mistakes.items()]
        # Then comes a word of which no part has a mistake.
        explained = {word for word, _ in mistakes}
        notes += [f'{word}: {URL_WORDS[word][1]}' for word, has_found in self.has_found.items()
                  if not has_found and word not in explained]
        return escaped('; '.join((*self.words.notes, *notes)), MAX_NOTE_CHARACTERS - len('...'))


# What each word says, as columns of UrlWords. These functions raise Unreadable.


def each_columns(text: str) -> dict[str, Any]:
    """Return what `?each=` says."""
    path, *others = URL_GRAMMAR.part(text)
    if others or path.constant:
        raise Unreadable('only one path can be used here', 1)
    return {'each': tuple(path.text.split('.'))}


def name_columns(text: str) -> dict[str, Any]:
    """Return what `?name=` says."""
    parts = URL_GRAMMAR.parts(text)
    return {'name_parts': tuple(NamePart(': ' if number else '', paths, '') for number, paths in enumerate(parts))}


def severity_columns(text: str) -> dict[str, Any]:
    """Return what `?severity=` says: a severity for all events, or the paths where they tell it, perhaps with a scale.

    Examples are `high`, `prio|'low'` (low if there is no `prio`) and `prio:critical=1, high=2`.
    """
    text = f"'{text}'" if CONSTANT_SEVERITY.severity(text) is not None else text  # `high` is short for `'high'`
    *before, last = split_outside_quotes(text, ':')
    has_scale = before and len(split_outside_quotes(last, '=')) > 1  # without a `=` after it, the colon is part of a key
    paths = URL_GRAMMAR.part(':'.join(before) if has_scale else text, allows_items=True)
    default = CONSTANT_SEVERITY.severity(paths[-1].constant)  # None for a path: its constant is ''
    if default is not None:
        paths = paths[:-1]
    if any(path.constant for path in paths):
        raise Unreadable('a text in quotes is not the last alternative, or is no severity', 1)
    scale = scale_from_url(last) if has_scale else SEVERITY_WORDS
    return {'default_severity': default, 'severities': ((scale, paths),) if paths else ()}


CONSTANT_SEVERITY = Scale(SEVERITY_WORDS.by_value | SEVERITY_NUMBERS.by_value, {})


def scale_from_url(text: str) -> Scale:
    """Return the scale in a text such as 'critical=9, high=7'. Raise Unreadable.

    Numbers are thresholds if those of a graver severity are higher, as here: 8 is high. Any other value must be equal to one of
    the scale: in 'critical=1, high=2' and 'critical=down, high=slow', nothing but these values means a severity.
    """
    levels = URL_GRAMMAR.levels(text)
    by_value = {form_of(value, is_exact=True)[0]: severity for value, severity in levels}
    numbers = {float(value): severity for value, severity in levels if NUMBER.fullmatch(value)}
    if len(numbers) not in (0, len(levels)) or len(by_value) < len(levels):
        raise Unreadable('a scale mixes numbers with texts, or has a value twice')
    severities: list[Any] = [numbers[number] for number in sorted(numbers)]
    are_thresholds = len({*severities}) > 1 and severities == sorted(severities)
    return Scale(by_value, numbers if are_thresholds else {}, is_exact=True)


def problem_columns(text: str) -> dict[str, Any]:
    """Return what `?problem=` says: a prefix, a colon and the paths of the key."""
    prefix, colon, paths_text = (each.strip() for each in text.partition(':'))
    if not colon or not re.fullmatch('[A-Za-z0-9_-]{1,40}', prefix):
        raise Unreadable('it does not begin with a prefix of 1 to 40 letters, digits, - or _, and a colon')
    parts = URL_GRAMMAR.parts(paths_text, allows_items=True)
    if any(path.constant for paths in parts for path in paths):
        raise Unreadable('a text in quotes identifies no problem')
    return {'problems': (Problem(parts),), 'sender': f'url/{prefix}'}


IS_RECOVERY = Path('resolved', read=lambda event: event.is_recovery)


def skip_columns(text: str) -> dict[str, Any]:
    """Return what `?skip=` says. The bare word `resolved` is the state; `resolved|x` and `resolved=true` speak of a key."""
    return {'skip': tuple(each if each.wanted or [path.text for path in each.paths] != ['resolved']
                          else Condition((IS_RECOVERY,), *each[1:]) for each in URL_GRAMMAR.conditions(text))}


def threshold_columns(text: str) -> dict[str, Any]:
    """Return what `?at_least=` says."""
    if (severity := CONSTANT_SEVERITY.severity(text)) is None:
        raise Unreadable("it is not a word or number of XSOAR's scale")
    return {'at_least': severity}


UNITS = {'m': (60, 'minute'), 'h': (3600, 'hour'), 'd': (86400, 'day')}  # the seconds and the name of each
EVERY = 'off|[1-9][0-9]{0,4}[mhd]'


def seconds_of(every: str) -> int:
    """Return the seconds of a text such as '15m'. A sender whose watch is off gets as many as a watch can have."""
    return LONGEST_WATCH_SECONDS if every == 'off' else int(every[:-1]) * UNITS[every[-1]][0]


def expect_columns(text: str) -> dict[str, Any]:
    """Return what `?expect=` says."""
    every, _, name = (each.strip() for each in text.lstrip(' 0').partition(':'))  # `015m` is `15m`
    is_every = re.fullmatch(EVERY, every) and seconds_of(every) <= LONGEST_WATCH_SECONDS
    if not is_every or not 1 <= len(name) <= 60 or not name.isprintable() or NOT_UTF8.search(name):
        raise Unreadable('it is not a duration from 1m to 30d, or off, with a colon and a name of 1 to 60 printable characters')
    return {'expect': (every, name)}


# How each word is read, and what the note says if the word as a whole finds nothing.
URL_WORDS: dict[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    'type': (lambda text: {'type': text}, ''),
    'each': (each_columns, 'the path leads to no list of objects'),
    'name': (name_columns, 'no event has a text there'),
    'occurred': (lambda text: {'times': URL_GRAMMAR.part(text)}, 'no value is a time that can be read'),
    'severity': (severity_columns, 'no value is on the scale'),
    'problem': (problem_columns, 'no value can identify a problem'),
    'resolved': (lambda text: {'ends': (End(URL_GRAMMAR.conditions(text), ()),)}, ''),
    'skip': (skip_columns, ''),
    'at_least': (threshold_columns, ''),
    'expect': (expect_columns, ''),
}


def url_words(settings: Settings, parameters: list[tuple[str, str]], token: Token | None = None) -> UrlWords:
    """Return the words among the parameters of a URL, which are in the order of the query. `token` proved the request."""
    # Large ones would take too much memory in the cache: they are read without it.
    read = read_words if fits_cache(' '.join(chain.from_iterable(parameters))) else read_words.__wrapped__
    return read(settings, token, tuple(parameters))


@lru_cache(MAX_KEPT_QUERIES)
def read_words(settings: Settings, token: Token | None, parameters: tuple[tuple[str, str], ...]) -> UrlWords:
    """Return the words among the parameters of a URL, or NO_WORDS.

    A parameter whose value reveals a token is ignored. Of several that are left with one word, the last counts.
    """
    def has_token(name: str, value: str) -> bool:
        """Return whether a parameter reveals a token by its value or, in `15m:name`, by the name alone."""
        texts = [value, value.partition(':')[2].strip()] if name == 'expect' else [value]
        return any(reveals_token(settings, text, token) for text in texts)

    harmless = [parameter for parameter in parameters if not has_token(*parameter)]
    columns: dict[str, Any] = {}
    # Of what is ignored for a token, only `expect` is noted.
    notes = ['expect: its name contains a token (ignored)'] if 'expect' in dict({*parameters} - {*harmless}) else []
    for word, text in dict(harmless).items():
        try:
            if word in URL_WORDS and text.strip():
                columns |= URL_WORDS[word][0](text)
        except Unreadable as error:
            where = f'{word}, part {error.position}' if error.position else word
            notes.append(f'{where}: {error} (ignored)')
    meant = dict.fromkeys(word for name, _ in harmless if name not in URL_WORDS
                          for word in URL_WORDS if is_one_slip_away(name, word))
    notes += [f'{word}: a parameter with nearly this name was ignored' for word in meant]
    return UrlWords(**columns, notes=tuple(notes)) if columns or notes else NO_WORDS


def is_one_slip_away(name: str, word: str) -> bool:
    """Return whether a word becomes the name by one slip: from `name` to `naame`, `nme`, `nane` or `naem`."""
    start = max(length for length in range(len(word) + 1) if name.startswith(word[:length]))
    found, wanted = name[start:], word[start:]  # from the first difference on
    are_two_swapped = found[:2] == wanted[1::-1] and found[2:] == wanted[2:]  # [1::-1] is the first two, reversed
    # What follows the slip is equal: the name has one character more, or one less, or another.
    return are_two_swapped or found[1:] == wanted or found == wanted[1:] or found[1:] == wanted[1:]
