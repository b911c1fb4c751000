"""One delivery as one HTML file that opens offline, without scripts: for a ticket or a colleague.

What it is made of is masked already, and everything is escaped. A policy in the file itself lets nothing load or run.
"""
from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timezone
from html import escape
from typing import Any

import localxsoar
from localxsoar.terminal.printer import SEVERITIES, became
from localxsoar.webhooks.readable import SHOWN_BYTES

MASKED = ('Masked are the secrets of the instance, and what headers and URLs have where their names say that it is a secret. '
          'Not masked is anything else in the payload, such as a password: look through it before you share it.')
SHOWN_VALUES = 5000  # of one tree: the text has the rest
OPEN_LEVELS = 2
SIGNS = {'good': '✓', 'bad': '✗', 'warn': '!', '': '·'}
# What cannot be seen, or changes the order of what can: as on the page.
HIDDEN = re.compile('[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f'
                    '\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]')
BLANKS = re.compile('^ +| +$| {2,}|[\t\n\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]')
MARKS = {' ': '·', '\t': '⇥\t', '\n': '↵\n', '\u00a0': '⍽'}
STYLE = '''
:root { color-scheme: light dark; --ink: #1d1f23; --dim: #5b6069; --line: #e3e3df; --ground: #fff; --good: #17683a; --bad: #b0261d; --warn: #7d5200; --key: #2a56c6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e7e9; --dim: #9ba1aa; --line: #2a2c31; --ground: #18191c; --good: #74cf99; --bad: #ff8f86; --warn: #e2b566; --key: #93b2ff; } }
body { max-width: 1000px; margin: 24px auto; padding: 0 20px; background: var(--ground); color: var(--ink); font: 14px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font: 600 15px/1.5 ui-monospace, monospace; } h2 { font-size: 13px; margin: 12px 0 4px; color: var(--dim); }
summary { cursor: pointer; padding: 2px 0; } main > details > summary { font-weight: 600; padding: 8px 0; border-top: 1px solid var(--line); }
table { width: 100%; border-collapse: collapse; } th, td { text-align: left; vertical-align: top; font-weight: 400; padding: 3px 16px 3px 0; border-bottom: 1px solid var(--line); white-space: pre-wrap; }
th { width: 36%; color: var(--dim); } table, pre, ul.tree { font-family: ui-monospace, monospace; font-size: 13px; }
pre { white-space: pre-wrap; } ul { list-style: none; margin: 0; padding-left: 18px; } ul.tree { padding: 0; } bdi, th, td { unicode-bidi: isolate; }
.dim, footer { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); } .warn, .number { color: var(--warn); } .key { color: var(--key); }
.text { color: var(--good); white-space: pre-wrap; tab-size: 2; } .result { border-left: 3px solid; padding: 4px 12px; } footer { margin-top: 24px; }
'''.lstrip()  # noqa: E501
POLICY = ("default-src 'none'; style-src 'sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
          + "'; base-uri 'none'; form-action 'none'")
Fields = Iterable[Mapping[str, Any]]


class Pairs(list[tuple[str, Any]]):
    """A JSON object, whose keys keep their order and may repeat."""


class Number(str):
    """A JSON number as its text has it, or true, false or null."""


def page(item: Mapping[str, Any], incidents: Sequence[Mapping[str, Any]], log: Sequence[Mapping[str, Any]], now: float) -> str:
    """Return the file of a delivery, of its incidents and of the lines of the log, as the page's routes describe them."""
    title = f'Delivery {item["number"]} · {item["sender"] or "unknown sender"}'
    parts = [*head(item), *checklist(item['checks']),
             *section('Request', message(item['request'], item['query'], item['missing'])),
             *section('Response', message(item['response'], [], '')),
             *(line for each in incidents for line in section(f'Incident {each["id"]}', incident(each))),
             *section(f'Log {len(log)}', lines(log))]
    note = f'Saved {time(now)} by localxsoar {localxsoar.__version__}.'
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
            '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
            f'<title>{text(title)}</title><style>{STYLE}</style></head>\n<body><main>\n' + '\n'.join(parts)
            + f'\n</main><footer>{text(note)}</footer>\n</body></html>\n')


# The parts.


def head(item: Mapping[str, Any]) -> Iterator[str]:
    status = f'{item["status"]} {item["reason"]}' if item['status'] else ''
    yield f'<h1>{text(item["method"])} {isolated(item["target"])} {text(status)}</h1>'
    meta = [item['sender'] or 'unknown sender', item['peer'], f'{item["milliseconds"]:.0f} ms', f'{item["size"]:,} bytes',
            time(item['started'])]
    yield f'<p class="dim">{" · ".join(isolated(each) for each in meta if each)}</p>'
    yield f'<p class="result">{isolated(became(item) or "waiting for the response")}</p>'
    yield f'<p class="warn">{text(MASKED)}</p>'
    if item['note']:
        yield f'<p class="warn">Note: {isolated(item["note"])}</p>'
    if item['origin']:
        yield f'<p>Sent again: the original is delivery {item["origin"]}. {isolated(" ".join(item["changes"]))}</p>'
        yield f'<p><strong>{isolated(item["advice"])}</strong></p>' if item['advice'] else ''


def section(title: str, content: Iterable[str]) -> list[str]:
    return [f'<details open><summary>{text(title)}</summary>', *content, '</details>']


def checklist(checks: Fields) -> list[str]:
    rows = [f'<li class="{each["state"]}">{SIGNS[each["state"]]} <b>{text(each["title"])}</b> {isolated(each["text"])}</li>'
            for each in checks]
    return section('Why it was rejected', ['<ul>', *rows, '</ul>']) if rows else []


def message(part: Mapping[str, Any], query: Fields, missing: str) -> Iterator[str]:
    yield from table('Headers', part['headers'])
    yield from table('Query parameters', query)
    yield f'<h2>Body {part["size"]:,} bytes</h2>'
    if missing:
        yield f'<p class="dim">{text(missing)}</p>'
    if not part['is_text']:
        yield '<p class="dim">It is left out: it is not text, so it could not be searched for secrets.</p>'
    elif part['body']:
        yield from body(part['body'], part['cut'])
        yield from table('Fields', part['fields'])


def body(content: str, is_cut: bool) -> Iterator[str]:
    """Yield a text as a folded tree if it is JSON, and as it is."""
    drawn = tree(content)
    yield from drawn
    yield f'<details{"" if drawn else " open"}><summary class="dim">Text</summary><pre>{text(content)}</pre></details>'
    if is_cut:
        yield '<p class="dim">Only the beginning is here.</p>'


def incident(item: Mapping[str, Any]) -> Iterator[str]:
    yield f'<h2>{isolated(item["name"])}</h2>'
    severity = f'severity {SEVERITIES.get(item["severity"], "unknown")}'
    meta = [item['type'], severity, item['state'], item['occurred']]
    yield f'<p class="dim">{isolated(" · ".join(filter(None, meta)))}</p>'
    yield from table('Labels', item['labels'])
    yield '<h2>Raw details</h2>'
    yield from body(item['rawJSON'][:SHOWN_BYTES], len(item['rawJSON']) > SHOWN_BYTES)
    yield from table('Fields', item['fields'])


def lines(log: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield '<p class="dim">What was logged of this delivery.</p>'
    said = '\n'.join(f'{line["level"]:5} {line["text"]}' for line in log)
    yield f'<pre>{text(said)}</pre>'


def table(title: str, fields: Fields) -> Iterator[str]:
    values = ((each['name'], ': '.join(filter(None, [each.get('note'), each['value']]))) for each in fields)
    rows = [f'<tr><th scope="row">{text(name)}</th><td>{text(value)}</td></tr>' for name, value in values]
    if rows:
        yield f'<h2>{text(title)} {len(rows)}</h2><table>{"".join(rows)}</table>'


# Values.


def tree(content: str) -> list[str]:
    """Return the folded tree of a text that is a JSON object or array, or []."""
    with suppress(ValueError, RecursionError):
        value = json.loads(content, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=Number)
        if isinstance(value, list):
            left = [SHOWN_VALUES]
            drawn = ''.join(branch(value, 0, left))
            return [f'<ul class="tree">{drawn}</ul>', '<p class="dim">The text has more values.</p>' if left[0] < 0 else '']
    return []


def branch(value: list[Any], depth: int, left: list[int]) -> Iterator[str]:
    """Yield the entries of an object or a list. `left` has how many values are still drawn."""
    for key, each in value if isinstance(value, Pairs) else enumerate(value):
        left[0] -= 1
        if left[0] < 0:
            return
        name = f'<bdi class="key">{marked(str(key)) or "&quot;&quot;"}</bdi>: '
        if not isinstance(each, list):
            yield f'<li>{name}{leaf(each)}</li>'
            continue
        count = f'{{{len(each)}}}' if isinstance(each, Pairs) else f'[{len(each)}]'
        yield (f'<li><details{" open" if depth < OPEN_LEVELS else ""}><summary>{name}<span class="dim">{count}</span></summary>'
               f'<ul>{"".join(branch(each, depth + 1, left))}</ul></details></li>')


def leaf(value: Any) -> str:
    if isinstance(value, str) and not isinstance(value, Number):
        return f'<span class="text">&quot;<bdi>{marked(value)}</bdi>&quot;</span>'
    return f'<span class="number">{text(str(value) if isinstance(value, Number) else json.dumps(value))}</span>'


def marked(value: str) -> str:
    """Return a text, escaped, with a mark for each blank that could be overlooked."""
    def mark(found: re.Match[str]) -> str:
        return f'<span class="dim">{"".join(MARKS.get(blank) or name_of(blank) for blank in found[0])}</span>'
    parts, end = [], 0
    for found in BLANKS.finditer(value):
        parts += [text(value[end:found.start()]), mark(found)]
        end = found.end()
    return ''.join([*parts, text(value[end:])])


def isolated(value: str) -> str:
    return f'<bdi>{text(value)}</bdi>'


def text(value: Any) -> str:
    """Return a text, escaped, in which what cannot be seen is shown by its name."""
    return escape(HIDDEN.sub(lambda found: name_of(found[0]), str(value)))


def name_of(character: str) -> str:
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else f'⟨U+{code:04X}⟩'


def time(seconds: float) -> str:
    return f'{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC'
