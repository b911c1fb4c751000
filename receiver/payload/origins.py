"""Where an incident's values come from: what the page of the local XSOAR shows beside them."""
import re
from collections.abc import Iterable
from itertools import chain
from operator import itemgetter
from typing import Any

from receiver.events.dates import any_time_to_rfc3339
from receiver.events.event import ThirdPartyEvent
from receiver.events.meanings import ENDED, TOPIC_HEADER, places_of_word, word_of
from receiver.events.paths import Paths
from receiver.events.rows import Row
from receiver.events.scales import text_of
from receiver.events.severities import severity_of
from receiver.events.texts import untagged_text

#
# The code above chooses values, and does not say where it found them. Here the rows are asked once more, path by path; and what
# the general rule chose is looked for among the texts of the event. Of equal texts, any may be the one.

LIKE_A_SEVERITY = re.compile('sev|crit|level|prio|urgen|risk|impact|rating', re.IGNORECASE)  # where a person would look for one
At = list[tuple[str, Any]]  # paths, as a URL has them, with what is there
Tried = tuple[Row, Iterable[Paths], Any]  # a row, the paths that it reads, and whether the incident has its value from them


def texts_of(event: ThirdPartyEvent) -> At:
    """Return the texts of an event: first those under a key that means something, then the nearest."""
    nodes: At = [('', event.members), *((f'@{key}', text) for key, text in event.headers.items() if TOPIC_HEADER.fullmatch(key))]
    for path, value in nodes:  # which grows, level by level
        if isinstance(value, dict):
            nodes += [(f'{path}.{key}' if path else key, value.get(key)) for key in value]
        elif isinstance(value, list) and value:
            nodes.append((f'{path}.0', value[0]))
    texts = [(path, text) for path, value in nodes if (text := untagged_text(value, event.clean))]
    # A key that means something has places.
    return sorted(texts, key=lambda each: not places_of_word(word_of(each[0].rpartition('.')[2])))


def origins_of(event: ThirdPartyEvent, now: float) -> dict[str, Any]:
    """Return a field that says where an incident has its values from, by the words of a URL that could say the same.

    `now` is a Unix time in seconds.
    """
    texts, ending, naming = texts_of(event), event.row_with('ends'), event.row_with('problems')
    ends = [(ending, [each.paths for each in end.conditions if each.wanted], end is event.end_by(ending)) for end in ending.ends]
    ended = [each for each in texts if ENDED.fullmatch(each[1])]
    keys = [(naming, problem.parts, event.key_of(problem, naming)) for problem in naming.problems]
    return {'origins': {
        'name': origin_of_name(event, texts),
        'severity': origin_of_severity(event, texts),
        'resolved': origin_of(event, event.is_recovery, ends, ended[:1], 'neither a row nor the URL says what its end is'),
        'occurred': origin_of_time(event, texts, now),
        'problem': origin_of(event, event.problem_key(), keys, [], 'neither a row nor the URL says what identifies it')}}


def origin_of(event: ThirdPartyEvent, has_value: Any, tried: Iterable[Tried], texts: At, why: str) -> dict[str, Any]:
    """Return an origin: `at`, the paths and their texts, with `by`, who reads them, or `why` the incident has no value.

    The rows are `tried` in turn. If none of them found the value but the incident `has_value`, it is from `texts`; otherwise
    these are what looks most like it.
    """
    without_value: dict[str, Any] = {'at': texts, 'why': why}
    for row, parts, has_found in tried:
        found = [event.first_with_value(paths) for paths in parts]
        at = [(path.text, ', '.join(map(event.clean, map(text_of, values[:3])))) for path, values in found if path]
        by = 'the URL' if row.is_of_url else f'the row of {row.sender}'
        if has_found:
            return {'at': at, 'by': by}
        if at:
            without_value = {'at': at, 'why': f'{by} takes none from that'}
    inner = event.row.inner
    return {'at': texts, 'by': f'the event in {inner.text}' if inner else 'the general rule'} if has_value else without_value


def origin_of_time(event: ThirdPartyEvent, texts: At, now: float) -> dict[str, Any]:
    """Return the origin of the event's time. `now` is a Unix time in seconds."""
    occurred = event.occurred(now)
    tried = [(row, [(path,)], occurred and any_time_to_rfc3339(event.text_at(path), now) == occurred)
             for row in event.rows for path in chain(row.times, *(end.times for end in row.ends))]
    dates = [each for each in texts if occurred and any_time_to_rfc3339(each[1], now) == occurred][:1]
    return origin_of(event, occurred, tried, dates, 'no value says it, so it is the moment of arrival')


def origin_of_name(event: ThirdPartyEvent, texts: At) -> dict[str, Any]:
    """Return the origin of the name. The general rule may join several texts, and cut a long one."""
    name = event.name()
    tried = [(row, [tuple(filter(event.text_at, one.paths)) for one in row.name_parts], event.name_by(row)) for row in event.rows]
    # 100 characters are enough to find a text in the name. The rest of the word that they end in belongs to the text.
    paths = {text[:100]: path for path, text in reversed(texts)}
    pattern = '|'.join(re.escape(start) + (r'\w*' if len(start) == 100 else '') for start in sorted(paths, key=len, reverse=True))
    at = [(paths[text[:100]], text) for text in re.findall(rf'(?<!\w)(?:{pattern})(?!\w)', name) if text]
    return origin_of(event, name, tried, at or [each for each in texts if name and name in each[1]][:1], 'no text can be a name')


def origin_of_severity(event: ThirdPartyEvent, texts: At) -> dict[str, Any]:
    """Return the origin of the severity or, if there is none, the value that looks most like one."""
    if event.is_recovery:
        return {'at': [], 'by': 'the end of its problem'}
    severity = event.severity.value
    tried: list[Tried] = [(row, [paths], {*map(scale.severity, event.first_with_value(paths)[1])} - {None})  # those that it found
                          for row in event.rows for scale, paths in row.severities]
    tried.append((event.words, [], severity is None and event.words.default_severity is not None))  # for all events, from no path
    alike = sorted((each for each in texts if LIKE_A_SEVERITY.search(each[0])), key=lambda each: severity_of(each[1]) is None)
    at = [each for each in alike if severity is None or severity_of(each[1]) == severity][:1]
    return origin_of(event, severity is not None, tried, at, why_no_severity(event.row, at))


def why_no_severity(row: Row, at: At) -> str:
    """Return why there is no severity. `at` is the value that looks most like one, if there is any."""
    if row.has_no_severity or row.inner:
        return f'the row of {row.sender} takes none from this event'
    keys = [path.removesuffix('.0').rpartition('.')[2] for path, text in at if severity_of(text) is not None]
    if keys and 'severity' not in map(itemgetter(1), places_of_word(word_of(keys[0]))):
        return f'{keys[0]} is no key of a severity'
    return 'only a word such as high counts, under a key such as severity of the event itself, if no other contradicts it'
