"""Compare what the script makes of known events with what is recorded: python -m tools.names.fingerprint [SOURCE ...] [--renew]

The requests come from five sources: the documented deliveries of senders/ (`deliveries`), each of them at a dozen URLs whose
words read its own keys (`urls`), the requests of the tests of names (`tests`), the corpus, plain and at ?at_least=critical
(`corpus`), and deliveries and payloads of the corpus made large (`large`). All arrive at the same moment. Differences are printed
old → new by column, first those of rows and words, ends, keys, types, notes and what is skipped, which only a fault changes; then
those of what the general rule found. --renew records them.
"""
from __future__ import annotations

import argparse
import gzip
import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote

import localxsoar.webhooks.senders
from shared import ROOT
from shared.app import NOW, App
from shared.dated import dated
from shared.webhook import TOKEN

from localxsoar.webhooks.responses import NOTE
from localxsoar.webhooks.senders import PLACEHOLDER, Sender, with_query
from tools.names.table import INCIDENT_TYPE, SENDERS, tell
from tools.names.table import TOKEN as SENDERS_TOKEN

FOLDER = ROOT / 'Tests/corpus'
FOUND = 'name', 'occurred', 'severity'  # by a row, a word of the URL, or else by the general rule
KEPT_EVENTS = 5  # of one request
LEVEL, TIME = re.compile('sever|prio|level|urgen', re.I), re.compile('time|date|[a-z](At|_at|On|_on)$|^ts$')


class Case(NamedTuple):
    """A request, and what it is of."""

    title: str  # unique in its source: a sender's key or a product, and the rest after a colon, perhaps with the query
    body: str
    headers: dict[str, str]
    query: str = ''
    token: str = TOKEN
    incident_type: str | None = None


Columns = dict[str, Any]  # what became of a request: its `sender`, `note`, `skipped`, and columns of each event; nothing empty


def results(cases: Iterable[Case]) -> dict[str, Columns]:
    """Return what the script makes of requests, by their titles. Neighbours share a receiver, which makes this quick."""
    made: dict[str, Columns] = {}
    for settings, group in groupby(cases, lambda case: (case.token, case.incident_type)):
        with App(*settings) as app:
            made |= {case.title: result(case, app) for case in group}
    return made


def result(case: Case, app: App) -> Columns:
    app.calls.clear()
    answer = app.post(case.body, case.headers, case.query)
    if answer.status != 200:
        return {'error': f'{answer.status} {answer.detail}'}
    assert not app.outcome.startswith('repeat'), f'{case.title} is no request of its own'
    events = [tell(incident) for incident in app.incidents]
    made: Columns = {'sender': app.product, 'note': answer.headers.get(NOTE), 'skipped': app.outcome.partition('skipped: ')[2],
                     'events': len(events) if len(events) != 1 else None}
    for index, event in enumerate(events[:KEPT_EVENTS]):
        made |= {f'{column} {index + 1}' if index else column: value for column, value in event.items()}
    return {column: value for column, value in made.items() if value not in (None, '')}


# The requests.


def deliveries(senders: Iterable[Sender] = SENDERS.values(), query: str = '') -> Iterator[Case]:
    """Yield the documented deliveries of senders, with further parameters in their URLs."""
    for sender in senders:
        for delivery in sender.deliveries:
            yield delivery_case(sender, delivery, query)


def delivery_case(sender: Sender, delivery: dict[str, Any], query: str) -> Case:
    """Return a delivery as its sender sends it, with its proof."""
    with dated(localxsoar.webhooks.senders, NOW):
        sent = sender.request(with_query(delivery, query), SENDERS_TOKEN)
    return Case(titled(f'{sender.key}: {delivery["title"]}', query), sent.body.decode(), dict(sent.headers), sent.query,
                SENDERS_TOKEN, INCIDENT_TYPE)


def titled(title: str, query: str) -> str:
    return f'{title} ?{query}' if query else title


def at_urls() -> Iterator[Case]:
    """Yield each delivery at a dozen URLs. Which keys their words read follows from the delivery alone."""
    for sender in SENDERS.values():
        for delivery in sender.deliveries:
            for query in queries(delivery.get('payload', {'body': ''})):
                yield delivery_case(sender, delivery, query)


def queries(payload: Any) -> Iterator[str]:
    """Yield the queries of a dozen URLs for a payload, whose words find something, or nothing, or are wrong."""
    found = [(path, value) for path, value in leaves(payload, '') if PLACEHOLDER.search(f'{value}') is None] or [('body', 'none')]
    texts = [leaf for leaf in found if isinstance(leaf[1], str) and 0 < len(leaf[1]) < 100] or found
    numbers = [leaf for leaf in found if isinstance(leaf[1], int | float)] or found
    first, middle, last = (texts[index] for index in (0, len(texts) // 2, -1))
    level = next((path for path, _ in found if LEVEL.search(path)), middle[0])
    when = next((path for path, _ in found if TIME.search(path.rpartition('.')[2])), last[0])
    several = next(lists(payload, ''), 'alerts')
    yield from (urlencoded(**words) for words in (
        {'name': f"{first[0]},'at',no.such.key|{middle[0]}", 'type': 'Phishing'},
        {'name': f'@user-agent|@content-type,{numbers[0][0]},{last[0]}', 'occurred': f'no.such.key|{when}'},
        {'occurred': first[0], 'severity': level},
        {'severity': f"{middle[0]}:critical='{plain(middle[1])}',low=other", 'problem': f'check:{first[0]},{numbers[-1][0]}'},
        {'severity': f'{numbers[0][0]}:critical=9,high=5,medium=1', 'problem': f'check:{last[0]}'},
        {'severity': 'high', 'at_least': 'high'},
        {'resolved': f"{middle[0]}='{plain(middle[1])}'", 'problem': f'check:{middle[0]}|{first[0]}'},
        {'skip': f"{first[0]}='{plain(first[1])}',!{last[0]}=other"},
        {'skip': 'resolved', 'at_least': 'critical'},
        {'skip': f"{first[0]}=other|'{plain(middle[1])}',{last[0]}", 'at_least': 'medium', 'severity': level},
        {'each': several, 'name': last[0].rpartition('.0.')[2], 'severity': level.rpartition('.0.')[2], 'problem': 'check:id'},
        {'resolved': f'!{first[0]},{middle[0]}', 'skip': f'{first[0]}.*.x', 'name': 'a..b', 'nmae': 'x',
         'severity': 'prio:severe=1'},
    ))


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each scalar in which a word of the URL may be interested, in the order of the payload."""
    if isinstance(value, dict):
        for key, member in value.items():
            if re.fullmatch(r'[\w@$:/.-]+', key):
                yield from leaves(member, f'{path}.{key}'.lstrip('.'))
    elif isinstance(value, list) and value:
        yield from leaves(value[0], f'{path}.0' if path else '')
    elif value is not None and not isinstance(value, list) and path:
        yield path, value


def lists(value: Any, path: str) -> Iterator[str]:
    """Yield the paths of lists of objects."""
    for key, member in value.items() if isinstance(value, dict) else ():
        inner = f'{path}.{key}'.lstrip('.')
        if isinstance(member, list) and member and isinstance(member[0], dict):
            yield inner
        yield from lists(member, inner)


def plain(value: Any) -> str:
    """Return a value as the text between quotes in a condition."""
    return (value if isinstance(value, str) else json.dumps(value)).replace("'", '')


def urlencoded(**words: str) -> str:
    return '&'.join(f'{word}={quote(value, safe="")}' for word, value in words.items())


def of_tests() -> Iterator[Case]:
    """Yield the recorded requests of the tests of names; their titles are the tests."""
    for number, line in enumerate(read_lines('tests')):
        token, query = line.get('token', TOKEN), line['query']
        proof = {'Authorization': token.partition(' || ')[0]}
        yield Case(titled(f'{line["test"]} {number}', query), line['body'], {**line['headers'], **proof}, query,
                   token, line.get('type'))


def of_corpus(query: str = '') -> Iterator[Case]:
    """Yield the payloads of the corpus; their titles are the products."""
    for number, line in enumerate(read_lines('shapes')):
        headers = {**line['headers'], 'Authorization': TOKEN}
        yield Case(titled(f'{line["product"]}: {number}', query), json.dumps(line['body']), headers, query)


def corpus_twice() -> Iterator[Case]:
    for pair in zip(of_corpus(), of_corpus('at_least=critical'), strict=True):
        yield from pair


def large() -> Iterator[Case]:
    """Yield each delivery that is an object, and every tenth payload of the corpus, with so much beside it that it is large."""
    for place, enlarge in ENLARGED.items():
        for sender in SENDERS.values():
            for delivery in sender.deliveries:
                if isinstance(payload := delivery.get('payload'), dict):
                    case = delivery_case(sender, {**delivery, 'payload': enlarged(payload, enlarge)}, '')
                    yield case._replace(title=f'{case.title}, {place}')
        for case in islice(of_corpus(), 0, None, 10):
            yield case._replace(title=f'{case.title}, {place}', body=json.dumps(enlarge(json.loads(case.body))))


def enlarged(payload: dict[str, Any], pad: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Return a payload with something beside its members or, if it has only one, beside those of the object there.

    Beside anything else, an only object no longer identifies its sender.
    """
    [key, value], *others = [*payload.items()] or [('', None)]
    if others or not value or not isinstance(first := value[0] if isinstance(value, list) else value, dict):
        return pad(payload)
    return {key: [pad(first), *value[1:]] if isinstance(value, list) else pad(first)}


# Each is more than the script reads at once: 64 KiB, or 2,000 of the bytes `, : [ {`.
ENLARGED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    'after a long text': lambda payload: {'padding': 'x' * 70_000, **payload},
    'before many numbers': lambda payload: {**payload, 'padding': [0] * 3_000}}
SOURCES: dict[str, Callable[[], Iterator[Case]]] = {
    'deliveries': deliveries, 'urls': at_urls, 'tests': of_tests, 'corpus': corpus_twice, 'large': large}


# What is recorded.


def read_lines(name: str, folder: Path = FOLDER) -> list[Any]:
    with gzip.open(folder / f'{name}.jsonl.gz', 'rt', encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def recorded(source: str) -> dict[str, Columns]:
    return dict(read_lines(f'made_of_{source}'))


def record(source: str, made: dict[str, Columns]) -> None:
    lines = (json.dumps(line, ensure_ascii=False, separators=(',', ':')) for line in made.items())
    (FOLDER / f'made_of_{source}.jsonl.gz').write_bytes(gzip.compress('\n'.join(lines).encode(), 9, mtime=0))


# What differs.


class Change(NamedTuple):
    """A column of an event that differs."""

    source: str
    title: str
    column: str
    old: Any
    new: Any
    is_general: bool  # the general rule found the old value and the new one

    @property
    def product(self) -> str:
        return self.title.partition(':')[0]


def changes(source: str, old: dict[str, Columns], new: dict[str, Columns]) -> Iterator[Change]:
    """Yield what differs between two results for the requests that the old ones have."""
    for title, before in old.items():
        if (after := new.get(title)) is None:
            yield Change(source, title, 'request', 'recorded', None, False)
            continue
        for column in dict.fromkeys((*before, *after)):
            if (values := (before.get(column), after.get(column)))[0] != values[1]:
                is_general = all(is_of_general_rule(column.partition(' ')[0], title, columns) for columns in (before, after))
                yield Change(source, title, column, *values, is_general)


def is_of_general_rule(column: str, title: str, columns: Columns) -> bool:
    """Return whether neither the row of a known sender nor a word of the URL says what is in a column."""
    is_by_word = column in parse_qs(title.rpartition(' ?')[2]) and not re.search(rf'\b{column}[,:]', columns.get('note', ''))
    return column in FOUND and not columns.get('sender') and not is_by_word and 'error' not in columns


def report(found: list[Change], most: int) -> Iterator[str]:
    """Yield the lines that say what differs: at most so many equal changes of a column in a source."""
    for is_general, heading in ((False, 'Rows, words, ends, keys, types, notes, what is skipped'), (True, 'The general rule')):
        part = sorted((each for each in found if each.is_general is is_general), key=lambda each: (each.source, each.column))
        yield f'{heading}: {len(part) or "nothing"} {"differ" if len(part) > 1 else "differs"}'
        for (source, column), group in groupby(part, key=lambda each: (each.source, each.column)):
            equal: dict[tuple[str, str], list[Change]] = {}
            for each in group:
                equal.setdefault((f'{each.old}', f'{each.new}'), []).append(each)
            all_equal = sorted(equal.values(), key=len, reverse=True)
            products = {each.product for alike in all_equal for each in alike}
            yield f'  {source}, {column}: {sum(map(len, all_equal))} of {len(products)} products'
            yield from (f'    {cut(alike[0].title)}{others(len(alike) - 1)}: '
                        f'{shown(alike[0].old)} → {shown(alike[0].new)}' for alike in all_equal[:most])
            if all_equal[most:]:
                yield f'    … and {len(all_equal) - most} others, which --all prints'


def cut(title: str) -> str:
    return title if len(title) <= 200 else f'{title[:199]}…'


def others(count: int) -> str:
    return f' and {count} {"others" if count > 1 else "other"}' if count else ''


def shown(value: Any) -> str:
    return 'nothing' if value is None else f'{value}'


def chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog='python -m tools.names.fingerprint', description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('sources', metavar='SOURCE', nargs='*', choices=[*SOURCES, []],
                        help=f'{", ".join(SOURCES)} (default: all)')
    parser.add_argument('--renew', action='store_true', help='record what the script makes of the events now')
    parser.add_argument('--all', action='store_true', help='print all that differs, not the first 20 of a column')
    return parser.parse_args()


def main() -> int:
    """Compare, and perhaps record; return 1 if something differs and stays so."""
    options, began = chosen(), time.monotonic()
    found: list[Change] = []
    unknown = 0
    for source in options.sources or SOURCES:
        old, made = recorded(source), results(SOURCES[source]())
        found += changes(source, old, made)
        unknown += len(made.keys() - old.keys())
        if options.renew:
            record(source, made)
    print('\n'.join(report(found, len(found) if options.all else 20)))
    print(f'Not recorded before: {unknown or "nothing"}')
    print(f'{time.monotonic() - began:.1f} s; {time.process_time():.1f} s of CPU')
    return int(bool(found) and not options.renew)


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it
    sys.exit(main())
