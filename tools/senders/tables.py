"""Writes the tables of the script and the delivery ids of the proxies, from the folders of senders."""
from __future__ import annotations

import json
import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Any
from urllib.parse import quote

from shared import ROOT
from tools.senders.folders import Folder

URL_WORDS = ROOT / 'senders/url_words.json'
NONE = 'none'
COMMON_SCALES = {'words': '', 'priority': 'critical=p1, high=p2, medium=p3, low=p4, informational=p5'}  # of no one sender
MARGIN, WIDTH = 19, 130


# The order of the rows.


def in_order(folders: dict[str, Folder]) -> list[Folder]:
    """Return the folders in the order in which their rows are tried: by name, formats last, and `before` respected."""
    done: dict[str, Folder] = {}

    def take(folder: Folder) -> None:
        for other in by_name:
            if folder.name in other.facts.get('before', []) and other.name not in done:
                take(other)
        done.setdefault(folder.name, folder)

    by_name = sorted(folders.values(), key=lambda folder: (folder.facts['kind'] == 'format', folder.name))
    for folder in by_name:
        take(folder)
    return list(done.values())


def circle(folders: dict[str, Folder]) -> list[str]:
    """Return the names of folders whose `before` leads in a circle, or []."""
    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return path[path.index(name):]
        following = folders[name].facts.get('before', []) if name in folders else []
        return next(filter(None, (walk(other, [*path, name]) for other in following)), [])
    return next(filter(None, (walk(name, []) for name in folders)), [])


# The rows.


def rows_text(folders: dict[str, Folder]) -> str:
    """Return the text of SENDERS."""
    scales = COMMON_SCALES | {name: text for folder in folders.values() for name, text in folder.facts.get('scales', {}).items()}
    return '\n\n'.join('\n'.join(block(title, row, scales)) for folder in in_order(folders)
                       for title, row in zip(folder.titles, folder.rows, strict=True))


def block(title: str, row: dict[str, Any], scales: dict[str, str]) -> Iterator[str]:
    """Yield the lines of a row: its title, and a line or more for each column."""
    yield title
    for conditions in row['identified_by']:
        yield from column('identified by', ', '.join(conditions))
    for key in ('inner', 'name', 'occurred'):
        if key in row:
            yield from column(key, row[key])
    if row.get('severity') == NONE:
        yield from column('severity', NONE)
    for each in [] if row.get('severity') == NONE else row.get('severity', []):
        yield from column('severity', each['at'])
        yield from column('  scale', scales.get(each.get('scale', 'words'), ''))
    for each in row.get('resolved', []):
        yield from column('resolved', ', '.join(each['when']))
        yield from column('  at', each.get('occurred', ''))
    for each in row.get('problem', []):
        yield from column('problem', ', '.join(each['parts']))
        yield from column('  if', ', '.join(each.get('when', [])))


def column(label: str, text: str) -> Iterator[str]:
    """Yield the lines of a column, or nothing if it has no text."""
    first, *others = wrapped(text, is_name=label == 'name')
    if text:
        yield f'    {label}'.ljust(MARGIN) + first
        yield from (' ' * MARGIN + line for line in others)


def wrapped(text: str, is_name: bool = False) -> list[str]:
    """Return the lines of a text, broken after `|` or `,` outside quotes; a name also at blanks outside braces."""
    words = re.findall(r'(?:\{[^{}]*\}|[^ {}])+ ?', text) if is_name else re.findall(r"(?:'[^']*'|[^',]|,(?! ))+(?:, |$)", text)
    pieces = [piece for word in words for piece in re.findall(r"(?:'[^']*'|[^|'])*\||(?:'[^']*'|[^|'])+$", word)]
    lines = ['']
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > WIDTH - MARGIN:
            lines.append('')
        lines[-1] += piece
    return [line.rstrip() for line in lines]


# The other tables.


def schemes_code(folders: dict[str, Folder]) -> Iterator[str]:
    """Yield the lines of the senders' part of SCHEMES."""
    for folder in folders.values():
        by_header: dict[str, list[str]] = {}
        for scheme in folder.facts.get('schemes', []):
            why = ' '.join(filter(None, (f'{folder.facts["title"]}:', scheme['why'])))
            yield from comment(why)
            by_header.setdefault(scheme['header'].lower(), []).append(scheme_code(scheme))
        for header, schemes in by_header.items():
            line = f'    {header!r}: [{", ".join(schemes)}],'
            yield line if len(line) <= WIDTH else f'    {header!r}: [\n        ' + ',\n        '.join(schemes) + '],'


def scheme_code(scheme: dict[str, str]) -> str:
    """Return the call that makes a Scheme."""
    arguments = [f'{key}={scheme[key]!r}' for key in ('prefix', 'suffix', 'time', 'delivery', 'label') if key in scheme]
    arguments += [f'keys={scheme["keys"]}'] if 'keys' in scheme else []
    return f'Scheme({", ".join(arguments)})'


def comment(text: str) -> Iterator[str]:
    """Yield a comment inside a table, in lines that are not too long."""
    line = '    #'
    for word in text.split():
        if len(line) + 1 + len(word) > WIDTH:
            yield line
            line = '    #'
        line += f' {word}'
    yield line


def delivery_ids(folders: dict[str, Folder]) -> Iterator[tuple[str, str]]:
    """Yield each header with a delivery id, and the second header that must be present too, or ''; as documented."""
    for folder in folders.values():
        for each in folder.facts.get('delivery_id', []):
            yield each['header'], each.get('with', '')


def script_blocks(folders: dict[str, Folder]) -> dict[str, str]:
    """Return what is between the marks of the script."""
    pairs = ''.join(f'{name.lower()!r}:\xa0{second.lower()!r}, ' for name, second in delivery_ids(folders))
    lines = wrap(pairs, WIDTH, initial_indent='    ', subsequent_indent='    ', break_on_hyphens=False)
    ids = '\n'.join(lines).replace('\xa0', ' ')  # which keeps a pair on one line
    return {'schemes': 'SCHEMES |= {\n' + '\n'.join(schemes_code(folders)) + '\n}',
            'rows': f"SENDERS = '''\n{rows_text(folders)}\n'''",
            'delivery ids': 'DELIVERY_IDS |= {\n' + ids + '\n}'}


COMMON_ID = 'Idempotency-Key'  # a draft of the IETF; of no one sender


def haproxy_ids(folders: dict[str, Folder]) -> str:
    """Return the rules of HAProxy that find the delivery id."""
    ids = [(name.lower(), second.lower()) for name, second in [(COMMON_ID, ''), *delivery_ids(folders)]]
    return '\n'.join(f'    http-request set-var(txn.delivery,ifnotexists,ifnotempty) req.fhdr({name})'
                     + (f' if {{ req.fhdr({second}) -m len gt 0 }}' if second else '') for name, second in ids)


def nginx_maps(folders: dict[str, Folder]) -> str:
    """Return the maps of nginx for the ids that count only together with another header."""
    return '\n'.join(f'map ${nginx(second)} ${pair(second, name)} {{\n    "" "";\n    default ${nginx(name)};\n}}'
                     for name, second in delivery_ids(folders) if second)


def nginx_ids(folders: dict[str, Folder]) -> str:
    """Return the map of nginx that finds the delivery id."""
    ids = [(COMMON_ID, ''), *delivery_ids(folders)]
    names = [f'    ${pair(second, name) if second else nginx(name)}' for name, second in ids]
    return '\n'.join(['map "', *names, '" $delivery {'])


def nginx(header: str) -> str:
    return f'http_{header.lower().replace("-", "_")}'


def pair(second: str, name: str) -> str:
    return f'{second}_{name}'.lower().replace('-', '_')


def url_words(_: dict[str, Folder]) -> str:
    """Return the table of the words of a URL, as the page of the local XSOAR explains them."""
    words = json.loads(URL_WORDS.read_text('utf-8'))
    rows = [f'| {name} | `?{name}={quote(word["example"], safe="")}` | {word["sentence"]} |' for name, word in words.items()]
    return '\n'.join(['| **In the URL** | **Example** | **What it does** |', '| --- | --- | --- |', *rows])


def usage_ids(folders: dict[str, Folder]) -> str:
    """Return the sentence of the guide that lists the headers."""
    names = [f'`{name}`' + (f' (together with `{second}`)' if second else '')
             for name, second in [(COMMON_ID, ''), *delivery_ids(folders)]]
    return f'These headers hold a delivery id; the first in this order counts: {", ".join(names)}.'
