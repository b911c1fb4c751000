"""What is wrong with the senders taken together, and with their paths, conditions and rows."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from math import inf
from typing import Any

import GenericWebhook
from shared.app import NOW, event_of
from GenericWebhook import (TABLE_GRAMMAR, Condition, Path, Row, SenderRows, ThirdPartyEvent, Unreadable, compiled_row,
                            names_secret)
from tools.names.table import land
from tools.senders.folders import Fault, Folder, Place
from tools.senders.tables import COMMON_SCALES, NONE, circle, rows_text


def shape_faults(folders: dict[str, Folder]) -> Iterator[Fault]:
    """Yield what is wrong with the folders, as far as it can be told without their deliveries."""
    for check in (wrong_texts, wrong_scales, wrong_names, wrong_handshakes, wrong_order, wrong_keys):
        yield from check(folders)


def wrong_texts(folders: dict[str, Folder]) -> Iterator[Fault]:
    """Yield the paths and conditions that cannot be read, and the paths that show a header with a secret."""
    for folder in folders.values():
        for place, text, read in texts(folder.rows):
            try:
                for path in paths_in(read()):
                    if names_secret(path.header):
                        yield folder.fault(f'no incident keeps the header {path.text}', *place)
            except Unreadable as error:
                yield folder.fault(unreadable(error), *place)
            if 'name' in place and not re.fullmatch(r'([^{}]*\{[^{}]+\}[])]?)*', text):
                yield folder.fault('the name does not end with a path', *place)
            if 'name' not in place and re.search('[{}]', re.sub("'[^']*'", '', text)):
                yield folder.fault(f'braces belong to name only: {text}', *place)


def unreadable(error: Unreadable) -> str:
    """Return why a text cannot be read, and which of its parts it is."""
    return str(error) + (f' (part {error.position})' if error.position else '')


def texts(rows: list[dict[str, Any]]) -> Iterator[tuple[Place, str, Callable[[], Any]]]:
    """Yield the place of each text with paths, the text, and what reads it or raises Unreadable."""
    for number, row in enumerate(rows):
        at: Place = ('rows', number)
        for index, conditions in enumerate(row['identified_by']):
            text = ', '.join(conditions)
            yield (*at, 'identified_by', index), text, partial(TABLE_GRAMMAR.conditions, text)
        for key in ('name', 'occurred', 'inner'):
            if key in row:
                yield (*at, key), row[key], reader_of(key, row[key])
        for index, severity in enumerate([] if row.get('severity') == NONE else row.get('severity', [])):
            yield (*at, 'severity', index), severity['at'], partial(TABLE_GRAMMAR.part, severity['at'], allows_items=True)
        for index, end in enumerate(row.get('resolved', [])):
            texts_of_end = [', '.join(end['when']), *([end['occurred']] if 'occurred' in end else [])]
            yield (*at, 'resolved', index), ', '.join(texts_of_end), reader_of('resolved', *texts_of_end)
        for index, problem in enumerate(row.get('problem', [])):
            texts_of_key = [', '.join(problem['parts']), *([', '.join(problem['when'])] if 'when' in problem else [])]
            yield (*at, 'problem', index), ', '.join(texts_of_key), reader_of('problem', *texts_of_key)


def reader_of(label: str, text: str, below: str = '') -> Callable[[], Any]:
    """Return what reads one column of a row, with the text of the label below it, or raises Unreadable."""
    return lambda: vars(compiled_row('', {label: [(text, below)]}, 'any')) | {'conditions': ()}


def wrong_scales(folders: dict[str, Folder]) -> Iterator[Fault]:
    """Yield the scales that no row uses, that are there twice or cannot be read, and those that a row names in vain."""
    owners: dict[str, str] = {}
    used = {severity['scale'] for folder in folders.values() for row in folder.rows if row.get('severity') != NONE
            for severity in row.get('severity', []) if 'scale' in severity}
    for folder in folders.values():
        for name, text in folder.facts.get('scales', {}).items():
            if owners.setdefault(name, folder.name) != folder.name or name in COMMON_SCALES:
                yield folder.fault(f'there is another scale {name}', 'scales', name)
            if name not in used:
                yield folder.fault(f'no row uses the scale {name}', 'scales', name)
            try:
                TABLE_GRAMMAR.levels(text)
            except Unreadable as error:
                yield folder.fault(unreadable(error), 'scales', name)
    for folder in folders.values():
        for number, row in enumerate(folder.rows):
            for index, severity in enumerate([] if row.get('severity') == NONE else row.get('severity', [])):
                if severity.get('scale', 'words') not in {*owners, *COMMON_SCALES}:
                    yield folder.fault(f'there is no scale {severity["scale"]}', 'rows', number, 'severity', index)


def wrong_names(folders: dict[str, Folder]) -> Iterator[Fault]:
    """Yield names that two senders share, and names of folders that do not exist."""
    for key in ('title', 'guide', 'soc'):
        seen: dict[str, str] = {}
        for folder in folders.values():
            value = folder.facts.get(key, '').lower()
            if value and seen.setdefault(value, folder.name) != folder.name:
                yield folder.fault(f'{seen[value]} has the same {key}', key)
    for folder in folders.values():
        alike = [other for other in folders if other.lower() == folder.name.lower() and other != folder.name]
        advice = [f'{other}, too: rename the newer folder' for other in alike]
        advice += ['the words of a URL: rename the folder'] if folder.name.lower() == 'url' else []
        for text in advice:
            yield folder.fault(f'the prefix of its problem keys, {folder.name}, is that of {text}')
        for key in ('rows_of', 'guide_of'):
            if key in folder.facts and folder.facts[key] not in folders:
                yield folder.fault(f'there is no folder {folder.facts[key]}', key)
        for index, other in enumerate(folder.facts.get('before', [])):
            if other not in folders:
                yield folder.fault(f'there is no folder {other}', 'before', index)


def wrong_handshakes(folders: dict[str, Folder]) -> Iterator[Fault]:
    """Yield the handshakes whose function the script does not have."""
    for folder in folders.values():
        function = folder.facts.get('handshake', {}).get('function')
        if function and not callable(getattr(GenericWebhook, function, None)):
            yield folder.fault(f'the script has no function {function}', 'handshake', 'function')


def wrong_order(folders: dict[str, Folder]) -> Iterator[Fault]:
    """Yield a folder whose `before` leads back to it."""
    names = circle(folders)
    if names:
        yield folders[names[0]].fault(f'before leads in a circle: {" > ".join([*names, names[0]])}', 'before')


def wrong_keys(folders: dict[str, Folder]) -> Iterator[Fault]:
    """Yield the problem keys that deliveries expect with a prefix that no key of their sender has."""
    for folder in folders.values():
        has_inner = any('inner' in row for row in folder.rows)  # an inner event's key has the prefix of its own sender
        known = {*owners(folder), 'url', f'url/{folder.name}', *(folders if has_inner else ())}
        for number, delivery in enumerate(folder.sender.deliveries):
            for place, incident in expected(delivery):
                prefix, colon, _ = incident.get('problem_key', f'{folder.name}:').partition(':')
                if not colon or prefix not in known:
                    yield folder.fault_of_delivery(
                        number, f'a problem key of this folder begins with {folder.name}:', *place, 'problem_key')


def expected(delivery: dict[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Yield each incident that a delivery is expected to become, and its place in there."""
    yield ('expected',), delivery['expected']
    for index, incident in enumerate(delivery.get('others_expected', [])):
        yield ('others_expected', index), incident


# What needs the deliveries.


def row_faults(folders: dict[str, Folder]) -> Iterator[Fault]:
    """Yield the rows that win none of their own deliveries, and the deliveries that another sender's row wins."""
    rows = SenderRows(rows_text(folders))
    won: set[int] = set()  # the rows by their identity, like the next
    fitted: dict[int, Row] = {}
    for folder in folders.values():
        for number, delivery in enumerate(folder.sender.deliveries):
            winners: dict[str, None] = {}
            try:
                found = [*events(folder, delivery)]
            except AssertionError as refused:
                yield folder.fault_of_delivery(number, str(refused))
                continue
            for event in found:
                fitting = [*rows.fitting(event)]
                fitted.update({id(row): fitting[0] for row in fitting if row.sender in owners(folder)})
                won.update(id(row) for row in fitting[:1])
                if fitting and fitting[0].sender not in owners(folder) and owners(folder) & {row.sender for row in fitting}:
                    winners[fitting[0].title] = None
            for winner in winners:
                yield folder.fault_of_delivery(number, f'the row {winner} wins the delivery {delivery["title"]!r}')
    for row in (compiled() for compiled in rows.rows):
        folder = folders[row.sender]
        number = folder.titles.index(row.title)
        if id(row) not in fitted:
            yield folder.fault(f'the row {row.title} fits none of its deliveries: {said(row)}', 'rows', number, 'identified_by')
        elif id(row) not in won:
            yield folder.fault(f'the row {row.title} is always hidden by {fitted[id(row)].title}', 'rows', number)


def owners(folder: Folder) -> set[str]:
    """Return the folders whose rows a sender's deliveries may be read by."""
    return {folder.name, folder.facts.get('rows_of', folder.name)}


def said(row: Row) -> str:
    """Return the paths by which a row is identified."""
    return ', '.join('|'.join(path.text for path in condition.paths) for condition in row.conditions)


def events(folder: Folder, delivery: dict[str, Any]) -> Iterator[ThirdPartyEvent]:
    """Yield the events of a delivery, each with the request's headers and without: a proxy may have left them out."""
    landed = land(folder.sender, delivery)
    for incident in landed.incidents:
        for headers in ({name.lower(): value for name, value in landed.request.headers}, {}):
            yield event_of(incident['rawJSON'].encode(), headers)


def unfound_paths(folder: Folder) -> Iterator[Fault]:
    """Yield the paths in a sender's rows at which none of its deliveries has a value."""
    tried = [event for delivery in folder.sender.deliveries for event in events(folder, delivery)]
    for place, _, read in texts(folder.rows):
        for path in paths_in(read()):
            if not any(value is not None for event in tried for value in path.values(event)):
                yield folder.fault(f'{path.text} is in none of its deliveries', *place)


def paths_in(read: Any) -> Iterator[Path]:
    """Yield the paths in what was read of a row, except those of negated conditions."""
    if isinstance(read, Condition):
        yield from () if read.is_negated else read.paths
    elif isinstance(read, Path):
        yield from [read] if read.text not in ('inner', '-') else ()  # in a name, that of the inner event; no other time
    elif isinstance(read, dict | list | tuple):
        for each in read.values() if isinstance(read, dict) else read:
            yield from paths_in(each)


def late_time(folder: Folder, delivery: dict[str, Any]) -> str:
    """Return the time of an event that does not count when deliveries are tried, because it is after that, or ''."""
    return next((late for event in events(folder, delivery) if not event.occurred(NOW) and (late := event.occurred(inf))), '')
