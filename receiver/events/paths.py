"""Paths and conditions: where a value is in an event, and the grammar of both."""
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, Protocol

from receiver.events.scales import SEVERITIES, text_of
from receiver.events.tree import UNREAD, Budget, CutText, find, steps_of

#
# One grammar serves the table of senders and texts from a URL:
#
#   alerts.0.startsAt   a path: keys joined by dots, where `0` is the first item of a list
#   alerts.*.status     the value in every item of a list
#   @ce-type            the request header `ce-type`; without it, the key `@ce-type`
#   a|b                 the first of these that has a value
#   'a, b'              the text itself
#   a, b                all of these
#   a|b=c|'d, e'        a condition: the value at `a` or at `b` is `c` or `d, e`
#   a|b                 as a condition: there is a value other than null, '', {}, [], false and 0
#   !a=b                the opposite of a condition
#
# What is in doubt meets neither a condition nor its opposite: what was cut or not read, the first of several items, several
# items that differ, an object or a list in place of a text. The answers of one value, and whether a row fits an event by it:
#
#                            `state`                `state=ok`
#   the value at `state`     answer      fits       answer       fits
#   none                     no          no         no (1)       no
#   null                     no          no         no (1)       no
#   ''                       no          yes        no (1)       no
#   {} or []                 no          yes        in doubt     no
#   {'a': 1} or [1]          yes         yes        in doubt     no
#   0 or false               no          yes        no           no
#   'no' or '0'              in doubt    yes        no           no
#   'down'                   yes         yes        no           no
#   'ok'                     yes         yes        yes          yes
#   a text that was cut      in doubt    yes        in doubt     no
#   what was not read        in doubt    no         in doubt     no
#
#   (1) In a URL, this `no` does not meet `!state=ok`: a mistyped key must not be true of every event.


class Unreadable(Exception):
    """A text that is not in the grammar. From a URL, the reason quotes nothing of it: it may be a secret."""

    def __init__(self, reason: str, position: int = 0):
        super().__init__(reason)
        self.position = position  # 1 for the first of the parts that commas separate, 0 for the whole


class ReadEvent(Protocol):
    """What paths, conditions and words read of an event: an `events.event.ThirdPartyEvent` has it."""

    members: dict[str, Any]
    headers: dict[str, str]
    budget: Budget
    words: Any
    findings: Any
    is_recovery: bool

    @property
    def inner_event(self) -> Any:
        """Return the event inside a text of this one."""


class Path:
    """Where a value is in an event, from a text that a Grammar has checked. `is_of_url` says that the text is from a URL.

    Two things may be in place of a path: a text in quotes, the `constant`; and a word, such as `resolved` in `?skip=`. `read`
    returns what either of them stands for. In the table, `host: a` is a path, too.
    """

    def __init__(self, text: str, is_of_url: bool = False, read: Callable[[ReadEvent], Any] | None = None):
        self.text = text
        self.is_of_url = is_of_url
        self.constant = constant = unquoted(text) if text.startswith("'") else ''
        self.read = (lambda _: constant) if constant else read
        self.is_host = text.startswith('host: ') and not is_of_url  # the value is a URL, of which only the host counts
        self.header = text[1:].lower() if text.startswith('@') else ''  # without it in the request, it is a key like any other
        path = text[len('host: '):] if self.is_host else text
        before, _, after = path.partition('.*.')
        # For `alerts.*.status`, the steps lead to `alerts`, and this is the path `status` inside each item.
        self.inside_item = Path(after) if after and not constant else None
        keys = [] if constant else before.split('.')
        self.steps = steps_of(keys)
        # The steps to the lists from which the path takes the first item: for `a.0.b.0.c`, those to `a` and to `a.0.b`.
        self.lists = [steps_of(keys[:index]) for index, key in enumerate(keys) if key == '0']

    def values(self, event: ReadEvent) -> list[Any]:
        """Return the value at the path, or those in every item of a list: None for an item without it.

        Return [] if there is no value or no list, and [UNREAD] for what was not read.
        """
        if self.read:
            return [self.read(event)]
        if self.header:
            # The user of a URL chooses what it reads: it sees no header with the token (see headers_for_words).
            headers = event.findings.headers() if self.is_of_url else event.headers
            if self.header in headers:
                return [headers[self.header]]
        value = find(event.members, self.steps)
        if self.inside_item and value is not UNREAD:
            return self.inside_item.values_in_items(value, event.budget) if isinstance(value, list) else []
        return [] if value is None else [value]

    def values_in_items(self, items: list[Any], budget: Budget) -> list[Any]:
        """Return the value at the path in each item of a list, or UNREAD where a text stops the path or a `0` passes items over.

        Return [UNREAD] if the budget does not allow so many items, or if one is neither an object nor null.
        """
        is_allowed = budget.allows(len(items) * (1 + len(self.lists)))  # the calls of `find` for each item
        if not is_allowed or not all(item is None or isinstance(item, dict) for item in items):
            return [UNREAD]
        return [UNREAD if self.lists and self.lists_cut_to_first_item(item) else find(item, self.steps, UNREAD) for item in items]

    def lists_cut_to_first_item(self, members: Any) -> list[list[Any]]:
        """Return the lists with several items of which the path takes the first: that at `alerts` for `alerts.0.name`."""
        lists = (find(members, steps) for steps in self.lists)
        return [each for each in lists if isinstance(each, list) and len(each) > 1]

    def reads_only_part_of_a_list(self, members: dict[str, Any]) -> bool:
        """Return whether a list on the path has, or may have, items that the path does not read, or that were not sent.

        Alertmanager and Grafana say at `truncatedAlerts` how many items they left out.
        """
        may_be = bool(self.lists or self.inside_item)
        return may_be and bool(members.get('truncatedAlerts') or self.lists_cut_to_first_item(members))

    def objects_with_last_key(self, objects: list[dict[str, Any]], budget: Budget) -> list[dict[str, Any]]:
        """Return those of some objects, and of the objects inside them, that have the member to which the path leads.

        For `a.b`, these are each object that has the key `a.b` itself, and each one at `a` that has the key `b`. Return [] if
        the budget is spent.
        """
        if self.inside_item:
            lists = [items for each in objects if isinstance(items := find(each, self.steps), list)]
            inside = [item for items in lists for item in items if isinstance(item, dict)]
            return self.inside_item.objects_with_last_key(inside, budget)
        keys = self.text.split('.')
        if not budget.allows(len(objects) * len(keys)):
            return []
        # Each way to divide the keys into steps to an object and a key of it. No steps lead to the object itself.
        divisions = [(steps_of(keys[:index]), '.'.join(keys[index:])) for index in range(len(keys))]
        found = [(find(each, steps), key) for each in objects for steps, key in divisions]
        return [holder for holder, key in found if isinstance(holder, dict) and key in holder]


Paths = tuple[Path, ...]  # also constants in place of paths; the first of them that has a value counts


# As the value of a bare path, these mean neither that there is something nor that there is nothing. Like the next, they have at
# most five characters, so that six of a text are enough to compare it.
DOUBTFUL_TEXTS = {'0', 'false', 'no', 'off', 'none', 'null', 'n/a', '-'}
CERTAIN_TEXTS = {'true', 'yes', 'on', '1'}  # these mean that there is something, not what it is


class Condition(NamedTuple):
    """What an event must say at one of some paths."""

    paths: Paths
    wanted: frozenset[str]  # the texts that the value may be; if there are none, any value will do
    is_negated: bool
    is_of_url: bool  # then `!a=b` needs some other text at `a`: a path may be mistyped, so an event without `a` does not meet it

    def fits(self, event: ReadEvent) -> bool:
        """Return whether an event may be of a sender: it has a value other than null or, if texts are wanted, one of them.

        What a sender's events do not say must certainly be absent: a negated condition fits only if it is met.
        """
        if self.is_negated:
            return self.is_certainly_met(event)
        values = [value for path in self.paths for value in path.values(event) if value is not None and value is not UNREAD]
        return any(map(self.answer, values)) if self.wanted else bool(values)

    def is_at_top(self, event: ReadEvent) -> bool:
        """Return whether one of the paths is a header, or a key of the event itself, which only its sender writes."""
        return not self.is_negated and any(path.header in event.headers or path.text in event.members for path in self.paths)

    def is_certainly_met(self, event: ReadEvent) -> bool:
        """Return whether an event certainly meets the condition: all values at one path answer yes; or, after a `!`, all no.

        Without a value at any path there are no answers: that meets a `!`, except `!a=b` in a URL.
        """
        # One of several items is in doubt, too: those that are not read may answer otherwise.
        found = [[UNREAD] if path.reads_only_part_of_a_list(event.members) else path.values(event) for path in self.paths]
        answers_of_paths = [{*map(self.answer, values)} for values in found]
        if not self.is_negated:
            return {True} in answers_of_paths
        answers = set().union(*answers_of_paths)
        return answers == {False} or (not answers and not (self.is_of_url and self.wanted))

    def answer(self, value: Any) -> bool | None:
        """Return whether a value is one of the wanted texts; if none are wanted, whether it is something. None is for doubt."""
        if value is UNREAD or isinstance(value, CutText):
            return None
        if not self.wanted:
            return None if isinstance(value, str) and value[:6].lower() in DOUBTFUL_TEXTS else bool(value)
        if isinstance(value, (dict, list)) or (self.is_of_url and value in (None, '')):
            return None
        text = text_of(value)
        return text in self.wanted and text != 'null'  # a text `null` stands for no value: it is not even equal to `null`


MAX_PATH_KEYS = 16
MAX_PATH_CHARACTERS = 512
MAX_PARTS = 8  # in a word of a URL, like the next two
MAX_ALTERNATIVES = 4
MAX_SCALE_VALUES = 16
MOST_BETWEEN = {',': (MAX_PARTS, 'parts'), '|': (MAX_ALTERNATIVES, 'alternatives')}


class Grammar(NamedTuple):
    """How a text of the table or of a URL is read. Each method raises Unreadable."""

    is_of_url: bool  # then it has limits, and `!path=text` needs a value: a mistyped key must not be true of every event

    def conditions(self, text: str) -> tuple[Condition, ...]:
        """Return the conditions in a text such as 'a|b=c, !d', all of which are to be met."""
        conditions = tuple(self.each(text, self.read_condition))
        if all(condition.is_negated for condition in conditions):
            raise Unreadable('only negated conditions, which too many events meet', len(conditions))
        return conditions

    def parts(self, text: str, allows_items: bool = False) -> tuple[Paths, ...]:
        """Return the parts of a text such as 'a|b, c'. A path into all items of a list is only allowed with `allows_items`."""
        return tuple(self.each(text, partial(self.read_part, allows_items=allows_items)))

    def part(self, text: str, allows_items: bool = False) -> Paths:
        """Return the only part of a text such as 'a|b'."""
        first, *others = self.parts(text, allows_items)
        if others:
            raise Unreadable('only one part is allowed', 2)
        return first

    def each(self, text: str, read: Callable[[str], Any]) -> Iterator[Any]:
        """Yield what `read` returns for each part that commas separate."""
        for position, part in enumerate(self.split(text, ','), 1):
            try:
                if NOT_UTF8.search(part):
                    raise Unreadable('a character is not valid UTF-8')
                yield read(part)
            except Unreadable as error:
                raise Unreadable(str(error), position) from None

    def read_condition(self, text: str) -> Condition:
        """Return one condition."""
        paths, *texts = split_outside_quotes(text.removeprefix('!'), '=')
        if len(texts) > 1:
            raise Unreadable('a value that contains = must be quoted')
        wanted = frozenset(map(unquoted, self.split(texts[0], '|'))) if texts else frozenset()
        return Condition(tuple(map(self.read_path, self.split(paths, '|'))), wanted, text.startswith('!'), self.is_of_url)

    def read_part(self, text: str, allows_items: bool = False) -> Paths:
        """Return one part: paths and constants."""
        paths = tuple(Path(each, self.is_of_url) if each.startswith("'") else self.read_path(each)
                      for each in self.split(text, '|'))
        if not allows_items and any(path.inside_item for path in paths):
            raise Unreadable('only one value can be used here, not those of all items')
        return paths

    def split(self, text: str, separator: str) -> list[str]:
        """Return the parts of a text between commas, or the alternatives between `|`."""
        texts, (most, what) = split_outside_quotes(text, separator), MOST_BETWEEN[separator]
        if self.is_of_url and len(texts) > most:
            raise Unreadable(f'there are more than {most} {what}')
        return texts

    def read_path(self, text: str) -> Path:
        """Return a path."""
        for pattern, reason in PATH_FAULTS:
            if re.search(pattern, text):
                raise Unreadable(reason)
        if text.count('.') >= MAX_PATH_KEYS or len(text) > MAX_PATH_CHARACTERS:
            raise Unreadable(f'a path has more than {MAX_PATH_KEYS} keys or {MAX_PATH_CHARACTERS} characters')
        return Path(text, self.is_of_url)

    def levels(self, text: str) -> list[tuple[str, float | None]]:
        """Return the values of a scale with their severities: 'high=a|b, low=c' -> [('a', 3), ('b', 3), ('c', 1)]."""
        named = [*self.each(text, self.read_level)]
        levels = [*chain.from_iterable(named)]
        if len({severity for _, severity in levels}) < len(named) or (self.is_of_url and len(levels) > MAX_SCALE_VALUES):
            raise Unreadable(f'a scale has a severity twice, or more than {MAX_SCALE_VALUES} values')
        return levels

    def read_level(self, text: str) -> list[tuple[str, float | None]]:
        """Return the values that mean one severity of a scale, each with that. Only the table has values that mean none."""
        name, *values = split_outside_quotes(text, '=')
        if len(values) != 1 or name not in SEVERITIES or (self.is_of_url and not SEVERITIES[name]):
            raise Unreadable('a part of a scale is critical, high, medium, low or informational, one = and its values')
        return [(unquoted(value), SEVERITIES[name]) for value in split_outside_quotes(values[0], '|')]


def split_outside_quotes(text: str, separator: str) -> list[str]:
    """Return the texts between the separators that are not inside quotes, without the blanks around them. Raise Unreadable."""
    if text.count("'") % 2:
        raise Unreadable('a quote is missing')
    # Each match is a part and the separator behind it, so the last part gets a separator, too.
    return [part.strip() for part in re.findall(f"((?:'[^']*'|[^'{separator}])*)[{separator}]", text + separator)]


def unquoted(text: str) -> str:
    """Return a text without the quotes around it, if there are any. Raise Unreadable."""
    inner = text[1:-1] if text.startswith("'") and text.endswith("'") else text
    if not inner or "'" in inner:
        raise Unreadable('a quote is inside a text' if inner else 'a text is empty')
    return inner


NOT_UTF8 = re.compile('[\ufffd\ud800-\udfff]')  # what a decoder has put in place of bytes that are no text
PATH_FAULTS = (  # what is wrong with a text that is not a path: a pattern that finds it, and the reason
    (r'\A@?\Z', 'a path is empty'),
    (r'\A@?\.|\.\.|\.\Z', 'a path has a dot without a key beside it'),
    (r'\A@?!', 'a path begins with a !'),
    (r"'", 'a path has a quote'),
    (r'\*.*\*|(?<!\.)\*|\*(?!\.)', 'a path has several *, or one that is not alone between two dots'),
)
TABLE_GRAMMAR = Grammar(is_of_url=False)
URL_GRAMMAR = Grammar(is_of_url=True)
