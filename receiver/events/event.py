"""An event: what its row, the words of the URL and the general rule find in it."""
import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property, partial
from itertools import chain
from typing import Any

from receiver.events.dates import ZONE, any_time_to_rfc3339
from receiver.events.general_rule import GeneralRule
from receiver.events.log_lines import ACCESS, BRACKETS, PREAMBLE, WORDS_OF_SENTENCE, members_of_leef, members_of_log
from receiver.events.meanings import GENERIC_TEXT, MAX_TEXT_WITH_JSON, PUNCTUATION, WORDS
from receiver.events.paths import Path, Paths
from receiver.events.rows import End, Problem, Row, SenderRows
from receiver.events.scales import RECOVERED_SEVERITY, SEVERITIES, text_of
from receiver.events.severities import Severity, all_severities
from receiver.events.texts import (
    JSON_TEXT, LONGEST_SPELLING, clean_text, first_of, shortened, untagged_text, without_error_markers)
from receiver.events.tree import MAX_EVENT_VALUES, Budget, CutText, find, read_object, steps_of
from receiver.events.url_words import IS_RECOVERY, NO_WORDS, Findings, UrlWords
from receiver.events.xml import xml_members

MAX_TYPE_CHARACTERS = 300  # in an event; a text that open_scalar has cut is longer, so it does not count
MAX_KEY_PART_CHARACTERS = 300
QUERYABLE = re.compile('[A-Za-z0-9._:/@-]{1,100}')  # a problem key that can stand in a query
LIKE_A_HASH = re.compile('[0-9a-f]{32}')  # a problem key that could be the hash of another
# In place of an id: a word for none; a variable that the sender has not replaced (`$ALERT_CYCLE_KEY`, `$(id)`, `{{id}}`); what a
# template writes for none (`<no value>`, `[object Object]`, `%!s(<nil>)`); the nil UUID.
NO_IDENTITY = re.compile(r'''
    (0|null|none|nil|undefined|unset|not\ set|no\ value|nan|-?infinity|true|false|n/?a|n\.a\.?|unknown|\*unknown\*|-+)? |
    \$\w+ | \$\([^)]*\) | [$%]\{.*\} | \{\{.*\}\} |
    <[^>\d@]*>+ | \([^)\d@]*\)+ | \[[^]\d@]*\]+ | \{[^}\d@]*\}+ | %[^%\d@]*%+ | %!\w\([^)\d@]*\) | \{?0{8}(-0{4}){3}-0{12}\}?
    ''', re.IGNORECASE | re.VERBOSE)
NAME_OF_SEVERITY = {severity: name for name, severity in SEVERITIES.items()}
NO_ROW = Row()


def says_something(text: str) -> bool:
    """Return whether a line of text can be a name: it is neither JSON nor a line of dashes or the like."""
    return not re.fullmatch(f'[{PUNCTUATION}]*', text) and not JSON_TEXT.match(text)


def identifies_something(text: str) -> bool:
    """Return whether a text can be an id, and is not a word for none or an unreplaced variable."""
    return not NO_IDENTITY.fullmatch(text.strip())  # with blanks in the pattern, a text of many would take quadratic time


def host_of(url: str) -> str:
    """Return the host of a URL, and its port if there is one, or ''."""
    host = re.match(r'(?a)https?://([\w.:-]+)(?:/|\Z)', url)
    return host[1].lower() if host else ''


def hash_of(parts: list[str]) -> str:
    """Return a hash of the parts of a problem key, as 32 hex digits, for a key that must not contain the parts themselves."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


class ThirdPartyEvent:
    """A third-party payload. Its methods find the name, the type, the time and the triage of the incident.

    What the row of the URL finds comes first, then what the row of the sender finds, then what the general rule does.
    `headers` are those of the request, by name in lower case. What the words of the URL find is recorded in `findings`; `words`
    are the same words, or fewer for a payload without items at `?each=`.
    """

    def __init__(self, source: bytes, headers: dict[str, str], contains_token: Callable[[str], bool], sender_rows: SenderRows,
                 findings: Findings | None = None, words: UrlWords | None = None, budget: Budget | None = None):
        self.budget = budget or Budget()
        self.budget.values_of_event = MAX_EVENT_VALUES
        self.members = read_object(source, self.budget)
        self.headers = headers
        self.contains_token, self.sender_rows = contains_token, sender_rows
        self.clean = partial(clean_text, contains_token=contains_token)
        self.findings = findings or Findings(NO_WORDS)
        self.words = words or self.findings.words
        self.row = next(sender_rows.fitting(self), NO_ROW)  # of the sender
        self.rows: tuple[Row, ...] = (self.words, self.row)
        ending = self.row_with('ends')  # whether the event certainly reports the end of a problem
        self.is_recovery: bool = self.only_inner_event.is_recovery if ending.inner else self.end_by(ending) is not None

    @cached_property
    def record(self) -> dict[str, Any] | None:
        """Return the members of the XML, JSON or pairs that a body of text consists of, or None; {} for XML that is not read."""
        if len(self.members) > 1 or not (body := self.text_member('body')):
            return None
        message = PREAMBLE.sub('', body.lstrip(), count=1).lstrip()  # its first match is at the start
        if (members := xml_members(message)) is not None:
            return members
        if json_text := re.fullmatch(r'([^\s{]+:\s*)?(\{.*)', message, re.DOTALL):  # perhaps behind the name of a program
            return read_object(json_text[2].encode(errors='replace')[:MAX_TEXT_WITH_JSON], self.budget) or None
        line = message.rstrip()[:4096] if self.clean(message) else ''
        members = members_of_leef(line, self.clean) or members_of_log(line, self.clean)
        is_cut = len(message.rstrip()) > len(line)  # what is behind the start may say something else
        return {key: CutText(value) for key, value in members.items()} if members and is_cut else members

    @cached_property
    def facts(self) -> GeneralRule:
        """Return what the general rule finds in the event."""
        return GeneralRule(self.record or self.members, self.headers, self.clean, self.budget)

    @cached_property
    def inner_event(self) -> 'ThirdPartyEvent':
        """Return the event that a text of this event contains as JSON, perhaps in base64, where the row says so."""
        values = self.row.inner.values(self) if self.row.inner else []
        source = ''.join(value for value in values if isinstance(value, str)).encode()
        with suppress(ValueError):
            source = base64.b64decode(source, validate=True)
        event = ThirdPartyEvent(source, {}, self.contains_token, self.sender_rows, budget=self.budget)
        if self.words.ends:  # the URL decides for the inner event, too
            event.is_recovery = self.is_recovery
        return event

    @property
    def only_inner_event(self) -> 'ThirdPartyEvent':
        """Return the inner event, or an empty one if there are others beside it: one does not speak for all."""
        is_alone = self.row.inner and not self.row.inner.reads_only_part_of_a_list(self.members)
        return self.inner_event if is_alone else ThirdPartyEvent(b'', {}, self.contains_token, self.sender_rows)

    def text_member(self, key: str) -> str:
        """Return the string at a key of the event, or '' if there is none."""
        value = self.members.get(key)
        return value if isinstance(value, str) else ''

    # The name

    def name(self) -> str:
        """Return a name of at most 150 characters, or '' if nothing in the event says what happened."""
        by_rows = (self.name_by(row) for row in self.rows if row.name_parts)
        return first_of(chain(by_rows, map(shortened, self.other_names())))

    def other_names(self) -> Iterator[str]:
        """Yield the names that an event may have without a row, the best first.

        If the only member is a text, its lines may be names: the lines of a `body` that is no record before what the general rule
        finds; after it, all lines of a `body`, and those of at least three words of any other text. XML that is not read has no
        such lines.
        """
        text = self.text_member(next(iter(self.members))) if len(self.members) == 1 else ''
        # read_payloads makes a text that is neither JSON nor a form an object with this member
        if 'body' in self.members and self.record is None:
            yield from self.names_in_body(text)
        yield self.facts.name()
        if self.record != {}:
            yield from (line for line in self.names_in_body(text) if 'body' in self.members or line.count(' ') > 1)

    def names_in_body(self, body: str) -> Iterator[str]:
        """Yield the texts of the lines at the start of a body, in order, and then the lines as they were sent.

        A text that is too long for a name loses its level and brackets; if a name would then show no sentence, it loses what lies
        between its first 60 characters and its first sentence.
        """
        body = body.lstrip()
        lines = body[:4096].splitlines()[:50]  # a hostile text may consist of line breaks
        if len(body) > 4096 and not self.clean(f'x{body[4096 - LONGEST_SPELLING:4096 + LONGEST_SPELLING]}'):
            lines = lines[:-1]  # it may end within a token
        for preamble in map(PREAMBLE.match, lines):
            text = untagged_text(preamble.string[preamble.end():], self.clean)
            if access := ACCESS.match(text):
                text = f'{shortened(access[1], 146)} {access[2]}'
            text = text[BRACKETS.match(text).end():] if len(text) > 150 else text
            # The end of a longer body is cut, perhaps within the token.
            words = WORDS_OF_SENTENCE.search(text) if len(text) > 150 and len(body) <= 4096 else None
            if words and words.start() > 120:  # a name would show no sentence
                start = text.find(' ', words.start() - 40, words.start()) + 1 or words.start()  # what precedes it may negate it
                text = f'{text[:60]}… {text[start:]}'
            yield self.clean(': '.join(filter(None, (preamble['program'], text)))) if says_something(text) else ''
        yield from (text for text in map(partial(untagged_text, clean=self.clean), lines) if says_something(text))

    def name_by(self, row: Row) -> str:
        """Return the name of at most 150 characters that a row gives the event, or '' if it has nothing but constants to say.

        If the name is about the first item of a list, it ends with the number of others, such as ` (+3 more)`.
        """
        name, others = '', 0
        found: dict[str, Path] = {}  # by text: a name does not repeat one
        for number, part in enumerate(row.name_parts):
            text, path = next(((text, path) for path in part.paths if (text := self.text_at(path))), ('', None))
            if not path or text in found:
                continue
            # If there is nothing to separate it from, it stands alone: without a title, `{title} ({host})` gives `db-1`.
            name += text if number > 0 and not found else f'{part.before}{text}{part.bracket}'
            found[text] = path
            others = max([others, *(len(each) - 1 for each in path.lists_cut_to_first_item(self.members))])
        has_found = any(not path.constant for path in found.values())
        if row.is_of_url:
            self.findings.record('name', has_found)
        ending = f' (+{others} more)' if others else ''
        name = self.clean(name)  # '' if it contains any token
        name = shortened(name, 150 - len(ending)) + ending if name and has_found else ''
        return name if row.is_of_url or not GENERIC_TEXT.fullmatch(name) else ''

    def text_at(self, path: Path) -> str:
        """Return the first text at a path that is not JSON, or ''."""
        clean = partial(untagged_text, clean=self.findings.clean if path.is_of_url else self.clean)
        return first_of(text for text in map(clean, path.values(self)) if not JSON_TEXT.match(text))

    # The type

    def incident_type(self, type_from_url: str, instance_type: str | None) -> str | None:
        """Return the incident's type: that of the URL, or else of the instance, or else the event's own; None if there is none.

        An event with a time at `occurred` is in our format with keys added: its own type goes before that of the instance.
        """
        # Without a `name`, or if a row fits, `type` says what kind of event this is: in 1,246 real payloads, it was no type then.
        has_type = self.row is NO_ROW and self.text_member('name') and len(self.text_member('type')) <= MAX_TYPE_CHARACTERS
        own_type = self.text_member('type') if has_type else ''
        is_in_our_format = own_type and any_time_to_rfc3339(self.text_member('occurred'), time.time())
        chosen = type_from_url or (own_type if is_in_our_format else instance_type or own_type)
        return without_error_markers(chosen) if chosen else None

    # The time

    def occurred(self, now: float) -> str:
        """Return the event's time in RFC 3339, or '' for the moment of arrival; `now` is a Unix time in seconds."""
        if times := self.words.times:
            found = first_of(any_time_to_rfc3339(text, now) for text in map(self.text_at, times))
            self.findings.record('occurred', bool(found))
            if found:
                return found
        return first_of(map(partial(any_time_to_rfc3339, now=now), self.possible_times()))

    def possible_times(self) -> Iterator[str]:
        """Yield the texts that may be the event's time, the best first. That of a recovery is when the problem ended."""
        is_end_of_row = self.is_recovery and not self.words.ends  # then any other time may be that of the beginning
        end = self.end_by(self.row) if self.is_recovery else None
        if end:
            yield from map(self.text_at, end.times)
        if not (end and is_end_of_row):  # if it is the end of the inner event, the outer one says when that was sent
            yield from map(self.text_at, self.row.times)
        if is_end_of_row or (self.row.times and self.row.times[-1].text == '-'):  # which only comes last
            return
        if len(self.members) == 1:
            times = PREAMBLE.match(self.text_member('body').lstrip()).group('sent', 'stamped', 'logged')
            yield from (text for text in times if text and ZONE.search(text))  # a time without an offset may be local
        yield from self.facts.times()

    # The severity

    @cached_property
    def severity(self) -> Severity:
        """Return the event's severity (a recovery's is RECOVERED_SEVERITY), and whether it is certain."""
        if self.is_recovery:
            return Severity(RECOVERED_SEVERITY, False)
        is_certain = True
        for row in self.rows:
            if row.severities or row.inner:
                found = self.only_inner_event.severity if row.inner else self.severity_by(row)
                if row.is_of_url:
                    self.findings.record('severity', found.value is not None)
                is_certain = is_certain and found.is_certain
                if found.value is not None:
                    return Severity(found.value, is_certain)
        if self.row.inner or self.row.has_no_severity:
            return Severity(None, is_certain)
        found = self.facts.severity()
        return Severity(found.value, is_certain and found.is_certain)

    def severity_by(self, row: Row) -> Severity:
        """Return the severity that a row finds: the first value that is on its scale, or None.

        It is certain if no earlier value was off its scale, all values at its path are on it, and the path is neither that of an
        urgency nor that of one of several items. If there is no value at all, the result is None, and certain.
        """
        is_certain = True
        for scale, paths in row.severities:
            path, values = self.first_with_value(paths)
            if path and not row.is_of_url and self.is_in_raw(path, values[0]):
                is_certain = False
            elif path:
                # How soon somebody wants help: that may be low although the problem is severe.
                is_urgency = not path.is_of_url and not {*WORDS['priority']}.isdisjoint(path.text.lower().split('.'))
                is_doubtful = is_urgency or path.reads_only_part_of_a_list(self.members)
                severities = {*map(scale.severity, values)}
                is_certain = is_certain and not is_doubtful and None not in severities
                if known := [severity for severity in severities if severity is not None]:
                    return Severity(max(known), is_certain)
        return Severity(None, is_certain)

    def is_in_raw(self, path: Path, value: Any) -> bool:
        """Return whether a field's pair is in the `_raw` beside it, from which Splunk extracts what a third party wrote, too."""
        keys = path.text.split('.')
        raw = find(self.members, steps_of([*keys[:-1], '_raw']))
        pair = rf'(?<!\w){re.escape(keys[-1])}["\']?\s*[=:]\s*["\']?{re.escape(text_of(value))}(?!\w)'
        return isinstance(raw, str) and bool(re.search(pair, raw, re.IGNORECASE))

    def first_with_value(self, paths: Paths) -> tuple[Path | None, list[Any]]:
        """Return the first of some paths at which there is something other than null and '', with its values, or (None, [])."""
        for path in paths:
            values = path.values(self)  # a list's item without a value gives None or '', and counts as an item
            if values.count(None) + values.count('') < len(values):
                return path, values
        return None, []

    # The end and the problem

    def row_with(self, column: str) -> Row:
        """Return the row that decides on a column, such as `ends`: that of the URL if it has some, else that of the sender."""
        return self.words if getattr(self.words, column) else self.row

    def end_by(self, row: Row) -> End | None:
        """Return the end of a problem that the event certainly reports, by a row, or None."""
        return next((end for end in row.ends if all(condition.is_certainly_met(self) for condition in end.conditions)), None)

    def problem_key(self) -> str:
        """Return the key of the problem that the event is about, or '' if it is not certain."""
        row = self.row_with('problems')
        if row.inner:
            return self.only_inner_event.problem_key()
        key = first_of(self.key_of(problem, row) for problem in row.problems)
        if row.is_of_url:
            self.findings.record('problem', bool(key))
        return key

    def key_of(self, problem: Problem, row: Row) -> str:
        """Return the key of a problem by a row, or '' if the event is not about one or a part is uncertain.

        It is plain text if it can be used in an XSOAR query and is the key of no other problem; otherwise it is a hash.
        """
        parts = [self.key_value(paths) for paths in problem.parts]
        is_punctuation = len(parts) == 1 and not any(map(str.isalnum, parts[0]))  # without a letter or a digit, it is no id
        if not all(parts) or is_punctuation or not all(condition.is_certainly_met(self) for condition in problem.conditions):
            return ''
        key = '/'.join(parts)
        # `a/b` + `c` and `a` + `b/c` give the same text. In a sender's row, the number of parts is fixed, so that a `/` in the
        # first one is harmless. URLs with the same prefix may differ in the number: there, no part may have one.
        is_ambiguous = any('/' in part for part in (parts if row.is_of_url else parts[1:]))
        is_like_a_hash = row.is_of_url and LIKE_A_HASH.fullmatch(key)
        if is_ambiguous or is_like_a_hash or not QUERYABLE.fullmatch(key) or self.contains_token(key):
            # Of a sender's row, a single part is hashed alone, as by earlier versions: their problems may still be open.
            is_alone = len(parts) == 1 and not row.is_of_url
            key = hashlib.sha256(key.encode()).hexdigest()[:32] if is_alone else hash_of(parts)
        prefix = f'url/{hash_of([row.sender])}' if self.contains_token(row.sender) else row.sender
        return f'{prefix}:{key}'

    def key_value(self, paths: Paths) -> str:
        """Return the text or integer at the first of some paths that has a value, or '' if it is not certain."""
        path, values = self.first_with_value(paths)
        # A CutText is no str here: two problems could have the same start.
        text = str(values[0]) if len(values) == 1 and type(values[0]) in (str, int) else ''
        is_long = len(text) > MAX_KEY_PART_CHARACTERS
        if not path or is_long or path.reads_only_part_of_a_list(self.members) or not identifies_something(text):
            return ''
        return host_of(text) if path.is_host else text

    # What the URL leaves out

    def reason_to_skip(self) -> str:
        """Return why the words of the URL leave out the event, or ''."""
        if self.words.skip and all(condition.is_certainly_met(self) for condition in self.words.skip):
            is_end = any(path is IS_RECOVERY for condition in self.words.skip for path in condition.paths)
            return 'resolved' if is_end and self.is_recovery else 'conditions of the URL'
        is_too_low = self.words.at_least is not None and self.is_below(self.words.at_least)
        return f'severity {NAME_OF_SEVERITY[self.severity.value]}' if is_too_low else ''

    def is_below(self, threshold: float) -> bool:
        """Return whether the severity is certainly lower, and no other in the event may be graver. A recovery's is uncertain."""
        severity, is_certain = self.severity
        if not is_certain or not severity or severity >= threshold or self.members.get('truncatedAlerts'):  # 0 stands for unknown
            return False
        if self.row.inner and not self.inner_event.is_below(threshold):
            return False
        # In an object from which a row reads the severity, other keys do not count. In all other objects, every severity does.
        paths = [path for row in self.rows for _, paths in row.severities for path in paths]
        known = [holder for path in paths for holder in path.objects_with_last_key([self.members], self.budget)]
        known += self.row.inner.values(self) if self.row.inner else []  # which the inner event has looked at
        return all(each < threshold for each in all_severities(self.record or self.members, known, self.budget))
