"""Rows: where an event of a sender says what its incident needs."""
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain
from typing import NamedTuple

from receiver.events.paths import TABLE_GRAMMAR, Condition, Path, Paths, ReadEvent
from receiver.events.scales import Scale, form_of
from receiver.events.tree import steps_of

#
# There are two kinds, read by the same code: that of a sender is a block of the table, and that of a URL is what the words in its
# query say. What the row of the URL finds goes before what the row of the sender finds, and that before the general rule.


class NamePart(NamedTuple):
    """One path of a row's name: in `{title} ({host})`, the second part is (' (', (Path('host'),), ')')."""

    before: str
    paths: Paths
    bracket: str  # the closing bracket after the braces, or ''


class End(NamedTuple):
    """What an event says that reports the end of a problem."""

    conditions: tuple[Condition, ...]
    times: Paths  # of the end


class Problem(NamedTuple):
    """What identifies the problem that an event is about."""

    parts: tuple[Paths, ...]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Row:
    """Where an event says what its incident needs, column by column."""

    title: str = ''  # such as 'grafana: one alert'; '' for a URL
    is_of_url: bool = False
    sender: str = ''  # the prefix of its problem keys: the name of the sender's folder, or `url/` and a text
    conditions: tuple[Condition, ...] = ()  # which identify the sender: the event must meet them all
    inner: Path | None = None
    name_parts: tuple[NamePart, ...] = ()
    times: Paths = ()  # in the table, a last `-` says that the general rule looks for no other
    severities: tuple[tuple[Scale, Paths], ...] = ()
    has_no_severity: bool = False  # the general rule looks for none either
    ends: tuple[End, ...] = ()
    problems: tuple[Problem, ...] = ()


NEXT_LINE = '\n' + 19 * ' '  # what continues a text begins below it, behind the indentation and the label
# A label and its text, and the text of the label that is indented below. Which label that is need not be read: below `severity`
# there is only `scale`, below `resolved` only `at`, below `problem` only `if`.
COLUMN = re.compile(r'^ {4}(\S.{14})(.*)(?:\n {5}.{14}(.*))?', re.MULTILINE)
Columns = dict[str, list[tuple[str, str]]]  # the texts of each label, each with that of the label below it, or ''


def blocks_of(table: str) -> Iterator[tuple[str, Columns]]:
    """Yield the title and the columns of each block of the table. Tests and ./dev senders check that it can be read."""
    # Put each text in one line, with a blank in place of the line break, except after a `|`.
    joined = table.replace(f'|{NEXT_LINE}', '|').replace(NEXT_LINE, ' ')
    for block in joined.strip('\n').split('\n\n'):
        columns: Columns = {}
        for label, text, text_below in COLUMN.findall(block):
            columns.setdefault(label.strip(), []).append((text, text_below))
        yield block.partition('\n')[0], columns


class SenderRows:
    """The rows of the table of senders, the best first. Each is compiled when an event has a key that may identify its sender."""

    def __init__(self, table: str):
        sources = [(title, columns, text) for title, columns in blocks_of(table) for text, _ in columns['identified by']]
        sources.sort(key=lambda source: not source[2].startswith('@'))  # those that a header identifies come first
        self.rows = [cache(partial(compiled_row, *source)) for source in sources]
        self.ranks: dict[str, list[int]] = {}  # of the rows, by every key that may come first in their conditions
        for rank, (_, _, conditions) in enumerate(sources):
            for key in first_keys(conditions):
                self.ranks.setdefault(key, []).append(rank)

    def fitting(self, event: ReadEvent) -> Iterator[Row]:
        """Yield the rows that fit an event, the best first. Few are tried, since an event has few of their first keys.

        Inside an object, such as a decoded log, third parties may have written what looks like another sender's.
        """
        ranks = {rank for key in chain(event.members, event.headers) if key in self.ranks for rank in self.ranks[key]}
        has_one_member = len(event.members.keys() - {'headers'}) == 1  # an incident's rawJSON has the headers, too
        fitting = [row for row in (self.rows[rank]() for rank in sorted(ranks))
                   if (has_one_member or any(condition.is_at_top(event) for condition in row.conditions))
                   and all(condition.fits(event) for condition in row.conditions)]
        # A sort is stable: those of one kind stay in their order.
        yield from sorted(fitting, key=lambda row: not row.conditions[0].is_at_top(event))


def first_keys(conditions: str) -> set[str]:
    """Return the keys and headers with which the first condition may begin: 'a.b|@c=d, e' -> {'a', 'a.b', '@c', 'c'}."""
    paths = conditions.partition(',')[0].partition('=')[0].split('|')
    return {key for path in paths for key, _ in steps_of(path.split('.'))[0]} | {path.removeprefix('@') for path in paths}


def compiled_row(title: str, columns: Columns, identified_by: str) -> Row:
    """Return the row that a block of the table describes, for one of its lines `identified by`. Raise Unreadable."""
    grammar = TABLE_GRAMMAR
    # A block has each of these labels at most once, with nothing below it.
    name, times, inner = (columns[label][0][0] if label in columns else '' for label in ('name', 'occurred', 'inner'))
    # In a name, the path `inner` stands for the name of the inner event.
    in_name = {'inner': Path(inner, read=lambda event: event.inner_event.name())} if inner else {}
    name_parts = [NamePart(before, tuple(in_name.get(path.text, path) for path in grammar.part(paths)), bracket)
                  for before, paths, bracket in re.findall(r'([^{}]*)\{([^{}]+)\}([])]?)', name)]
    return Row(
        title=title,
        sender=title.partition(': ')[0],
        conditions=grammar.conditions(identified_by),
        inner=grammar.read_path(inner) if inner else None,
        name_parts=tuple(name_parts),
        times=grammar.part(times) if times else (),
        severities=tuple((scale_of(scale) if scale else SEVERITY_WORDS, grammar.part(paths, allows_items=True))
                         for paths, scale in columns.get('severity', []) if paths != 'none'),
        has_no_severity=('none', '') in columns.get('severity', []),
        ends=tuple(End(grammar.conditions(text), grammar.part(at) if at else ()) for text, at in columns.get('resolved', [])),
        # Beside the parts, each of which needs a value, all conditions may be negated.
        problems=tuple(Problem(grammar.parts(text, allows_items=True),
                               tuple(grammar.each(when, grammar.read_condition)) if when else ())
                       for text, when in columns.get('problem', [])))


def scale_of(text: str) -> Scale:
    """Return the scale in a text of the table, such as 'critical=9+, high=7+, low=none'. Raise Unreadable."""
    levels = TABLE_GRAMMAR.levels(text)
    by_value = {form_of(value, is_exact=False)[0]: severity for value, severity in levels if value[-1] != '+'}
    return Scale(by_value, {float(value[:-1]): severity for value, severity in levels if value[-1] == '+'})


SEVERITY_WORDS = scale_of('''
    critical=critical|crit|fatal|emergency|emerg|alert|disaster|blocker|p1,
    high=high|error|err|major|severe|p2,
    medium=medium|moderate|warning|warn|average|p3,
    low=low|minor|notice|p4,
    informational=info|informational|information|debug|verbose|trace|p5''')
SEVERITY_NUMBERS = scale_of('critical=4, high=3, medium=2, low=1, informational=0.5, unknown=0')
