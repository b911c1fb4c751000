"""What the general rule chooses from the meanings of an event's keys."""
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any

from msgspec import Raw

from receiver.events.dates import CALENDAR_DATE, TIME_ALONE, UNIX_TIME, ZONE
from receiver.events.meanings import (
    CHANGE, DATA, DEEP, DEEPER, EARLIER, END_INSIDE, FAILURE, KINDS, MAX_SCOPE_KEYS, MAX_SCOPES, MAX_TEXT_WITH_JSON, NO_NAME,
    OTHER_KINDS, OTHERS, OUTCOME, OWN, PATH, SAY_NOTHING, SEVERITY_INSIDE, SUBJECTS, TELLING_KIND, TEXTS, THINGS, TIME_INSIDE,
    TOPIC_HEADER, UNUSABLE_ASCII, UNUSABLE_OBJECT, UNUSABLE_TEXT, WEB_ADDRESS, WORDS, Scope, Table, word_of)
from receiver.events.scales import NUMBER, text_of
from receiver.events.severities import NO_SEVERITY, Severity, says_that_it_ended, severities_in
from receiver.events.texts import first_of, is_token_or_agent, shortened, untagged_text, words_of
from receiver.events.tree import Budget, read_object


class GeneralRule:
    """What an event says by the meanings of its keys: the general rule, for what no row finds.

    `headers` are those of its request, by name in lower case. `clean` returns a value as a line of text (see clean_text).
    """

    def __init__(self, members: dict[str, Any], headers: dict[str, str], clean: Callable[[Any], str], budget: Budget):
        self.members = members
        self.headers = headers
        self.clean = clean
        self.budget = budget
        self.scopes_left = MAX_SCOPES
        self.top = self.only_object()
        # The objects one level inside, and under DEEPER two.
        near = [*self.inside(self.top)]
        near += [each for scope in near if scope.has_data and scope.word in DEEPER for each in self.inside(scope)]
        self.rings = [[self.top], [scope for scope in near if scope.has_data], [scope for scope in near if not scope.has_data]]
        self.near = self.rings[DATA] + self.rings[OTHERS]
        # Those of all keys in the rings: the tables need not look for any other.
        self.meanings = set().union(self.top.by_meaning, *[scope.by_meaning for scope in near])
        self.own_kind = self.first((OWN,), 'kind')  # the kind that a key directly in the event names: `login_failed`
        # Only the `name` directly in the event is its own, as it was sent, with any tags. That of an object that is its only
        # member is one text among others.
        name = self.clean(name) if isinstance(name := self.members.get('name'), str) else ''
        if {'hostname', 'pid', 'msg'} <= self.members.keys():  # in a record of Bunyan or pino, it is the logger's
            name = ''
        self.own_name = '' if not name or NO_NAME.fullmatch(name) or is_token_or_agent(name) else name

    # The walk

    def only_object(self) -> Scope:
        """Return the scope of the event, or of the object that is its only member, or of that inside it, to depth 4."""
        scope = Scope(self.members)
        for _ in range(4 if len(self.members) == 1 else 0):
            if len(scope.members) == 1:
                scope = next((each for each in self.inside(scope) if not each.is_item), scope)
        return scope

    def add_deep_ring(self) -> None:
        """Add the ring DEEP, if there is none yet: few events need it."""
        if len(self.rings) == DEEP:
            first = [each for scope in self.near for each in self.inside(scope)]
            self.rings.append(first + [each for scope in first for each in self.inside(scope)])
            self.meanings.update(*(scope.by_meaning for scope in self.rings[DEEP]))

    def inside(self, scope: Scope) -> list[Scope]:
        """Return the scopes directly inside one, at most `scopes_left`: of its objects, and of the first items of its lists.

        Those with the data of the event come first.
        """
        if scope.inner is not None:
            return scope.inner
        scope.inner = []
        members, data_keys = scope.members, scope.by_meaning.get('inside', ())
        others = [key for key, value in islice(members.items(), MAX_SCOPE_KEYS)  # those of objects and lists, also if not opened
                  if type(value) is not str  # as most are
                  and (isinstance(value, (dict, list)) or (type(value) is Raw and memoryview(value)[0] in b'{['))]
        texts = scope.by_meaning.get('text', ()) if len(members) > 1 else members  # an only member may be JSON under any key
        for key in islice(dict.fromkeys((*data_keys, *others, *texts)), self.scopes_left):
            value = members.get(key)
            inner = value[0] if isinstance(value, list) and value else value
            # JSON in a text is read, as loggers and log shippers send it, but not JSON in a text inside that.
            is_text = type(inner) is str and not scope.is_text and str(inner).lstrip()[:1] == '{'
            if is_text and len(source := str(inner).encode(errors='replace')) <= MAX_TEXT_WITH_JSON:
                inner = read_object(source, self.budget)
            if isinstance(inner, dict) and inner and word_of(key) != 'customfields':
                self.scopes_left -= 1
                scope.inner.append(Scope(inner, key, is_item=isinstance(value, list) or scope.is_item,
                                         is_text=is_text or scope.is_text, has_data=is_text or key in data_keys))
        return scope.inner

    # Choosing a text

    def first(self, rings: Iterable[int], meaning: str, known: str = '') -> str:
        """Return the first text that can be a name in some rings, under a key of a meaning, or ''.

        A text that `known` contains is passed over. READERS says how a value under such a key is read, and NEEDS which texts
        count.
        """
        read, needs = READERS.get(meaning, GeneralRule.usable), NEEDS.get(meaning, bool)
        for ring in rings:
            for scope in self.rings[ring]:
                for key in scope.by_meaning.get(meaning, ()):
                    text = read(self, scope.members.get(key))
                    if text not in known and needs(text):
                        return text
        return ''

    def texts(self, table: Table, known: str = '') -> Iterator[str]:
        """Yield the text that can be a name for each meaning in a table, or '', the best first; none that `known` contains."""
        for rings, meanings in table:
            if DEEP in rings:
                self.add_deep_ring()
            for meaning in filter(self.meanings.__contains__, meanings):
                yield self.first(rings, meaning, known)

    def best(self, table: Table, known: str = '') -> str:
        """Return the best text by a table, or ''."""
        return first_of(self.texts(table, known))

    def usable(self, value: Any, unusable: re.Pattern[str] = UNUSABLE_ASCII) -> str:
        """Return a value as a text that can be a name, or ''; texts that are not all ASCII may be short."""
        text = untagged_text(value, self.clean)
        pattern = unusable if text.isascii() else UNUSABLE_TEXT
        return '' if pattern.fullmatch(text) or is_token_or_agent(text) else text

    def object_name(self, value: Any) -> str:
        """Return what an object is called, by a text or an object with a name: `a` for `a`, ["a"] and {"name": "a"}."""
        names = value if type(value) is list and len(value) == 1 else [value]
        if isinstance(value, dict):
            scope = Scope(value)
            parts = scope.values_of('first name')[:1] + scope.values_of('last name')[:1]
            names = [*scope.values_of('name'), ' '.join(map(self.clean, parts))]
        name = first_of(self.usable(name, UNUSABLE_OBJECT) for name in names)
        return f'…{name[-59:]}' if len(name) > 60 and PATH.match(name) else name  # its end says more than its beginning

    # The name

    def name(self) -> str:
        """Return the name of the event, or ''. It has up to three parts:

                                                                         kind             subject         thing
        {"message": "Disk is full", "host": "db-1"}                                       Disk is full    (db-1)
        {"message": "Disk is full", "status": "closed"}                  closed:          Disk is full
        {"type": "disk_full", "title": "Disk full", "message": "Act!"}   disk_full:       Act!
        {"event": "mug.created", "mug": {"name": "Blue mug"}}            mug.created:     Blue mug

        The kind is that in a header (the topic), or else what became of something (the change), or else any other.
        """
        topic = self.topic()
        text, needs_kind = self.text()
        change = self.change(text)
        if text and not topic and not needs_kind:  # the text may do without a kind
            # The event names itself; a failure goes before that, but not in our own format, which has `occurred`.
            if text == self.own_name and ('occurred' in self.members or not FAILURE.fullmatch(change.lower())):
                return text
            # A text of several words, among them the stems of the change: the `resolved` of `alert.resolved` is in `Resolve it`.
            if ' ' in text and all(word[:max(4, len(word) - 2)] in text.lower() for word in words_of(change)):
                return self.with_affected_host(text)
        kind = topic or change or self.kind()
        subject = text or self.own_name or self.best(SUBJECTS, kind)
        if kind and not subject and not self.best(THINGS):  # a kind alone: then a URL, an id or another kind
            subject = (self.first((OWN, DATA, OTHERS), 'address') or self.first((OWN, DATA), 'last word: id')
                       or self.number(kind)
                       or first_of(each for each in self.texts(OTHER_KINDS, kind) if not self.repeats_the_kind(each)))
        about = self.with_affected_host(subject, kind) if subject else ''
        name = about if kind.lower() in about.lower() else ': '.join(filter(None, (kind, about)))
        return self.clean(name)

    def number(self, kind: str) -> str:
        """Return the number of what a kind is about, or '': that of `deviceId` for `device.moved`, or the `id` of its data."""
        for scope in (*self.rings[DATA], self.top):
            for key in (*scope.by_meaning.get('id', ()), *scope.by_meaning.get('last word: id', ())):
                stem, number = re.sub(r'(id|number)\Z', '', word_of(key)), self.clean(scope.members[key])
                if number.isdecimal() and number.strip('0') and stem in word_of(kind) and (stem or scope is not self.top):
                    return number
        return ''

    def text(self) -> tuple[str, bool]:
        """Return the best text that says what happened, or '', and whether the name needs the kind of event, too.

        It does if there is no text, or if a better one was passed over because it only repeats the kind.
        """
        for passed_over, text in enumerate(filter(None, chain([self.own_name], self.texts(TEXTS)))):
            if not self.repeats_the_kind(text):
                return (text if text == self.own_name else self.longest_with(text)), passed_over > 0
        return '', True

    def repeats_the_kind(self, text: str) -> bool:
        """Return whether a text has no words other than the kind of event. A number is one, and so is what is not ASCII."""
        if not self.own_kind or len(text) > 150:  # no kind is longer than a name
            return False
        words = {*words_of(text.lower())} - SAY_NOTHING
        return bool(words) and text.isascii() and not NUMBER.search(text) and words.issubset(words_of(self.own_kind))

    def longest_with(self, text: str) -> str:
        """Return the longest text of the event itself that contains a text, and so says more, or that text."""
        longer = [value for value in self.top.values_of('text')[:10] if isinstance(value, str) and len(text) < len(value) <= 150]
        return max((other for other in map(self.usable, longer) if text.lower() in other.lower()), key=len, default=text)

    def topic(self) -> str:
        """Return the kind of event that a header names (`X-Acme-Event: push`), or '' if that has no more words than `kind`."""
        topic = first_of(self.usable(value) for name, value in self.headers.items() if TOPIC_HEADER.fullmatch(name))
        return topic if topic and len(words_of(topic)) > len(words_of(self.own_kind or self.first((DATA,), 'kind'))) else ''

    def kind(self) -> str:
        """Return the kind of event, or ''."""
        return self.own_kind or self.best(KINDS) or self.word_of_change((OWN, DATA, OTHERS), OUTCOME)

    def change(self, text: str) -> str:
        """Return what became of something, or ''.

        {"event": "order.created"}                         -> order.created
        {"status": "closed"}                               -> closed
        {"type": "build", "status": "closed"}              -> build closed, or beside a text: closed
        {"type": "build", "status": "passed"}              -> build passed, or beside a text: nothing
        {"type": "build", "data": {"status": "failed"}}    -> build failed, or beside a text: failed
        {"type": "A build", "status": "failed"}            -> failed: A build
        {"type": "build_end", "job": {"status": "failed"}} -> build_end failed, or beside a text: build_end
        {"type": "status_changed", "status": "down"}       -> status_changed down
        {"type": "build_end", "status": "failed"}          -> build_end: beside a telling kind, its own status says nothing
        """
        kind = self.own_kind
        if not kind:
            return self.word_of_change((OWN, DATA) if text else (OWN, DATA, OTHERS), CHANGE)
        if ('status' in kind.lower() or 'state' in kind.lower()) and (status := self.first((OWN, DATA), 'status', kind)):
            return f'{kind} {status}'
        is_telling = TELLING_KIND.fullmatch(kind) is not None  # then it says by itself what happened
        if text:  # it says more than an outcome such as `passed`: beside it, only a change or a failure counts
            return kind if is_telling else self.word_of_change((OWN,), CHANGE) or self.word_of_change((OWN, DATA), FAILURE)
        word = '' if is_telling else self.word_of_change((OWN,), OUTCOME)
        word = word or self.word_of_change((DATA, OTHERS), FAILURE)  # in other objects, only a failure counts
        if not word or word.lower() in kind.lower() or FAILURE.search(kind.lower()):
            return kind
        return f'{word}: {kind}' if ' ' in kind else f'{kind} {word}'

    def word_of_change(self, rings: tuple[int, ...], pattern: re.Pattern[str]) -> str:
        """Return the first text that the pattern matches under a key that means a kind, or ''."""
        known = [*filter(self.meanings.__contains__, ('kind', 'last word: kind'))]
        kinds = [kind for ring in rings for scope in self.rings[ring] for meaning in known for kind in scope.values_of(meaning)]
        return first_of(self.clean(kind) for kind in kinds if type(kind) is str and pattern.fullmatch(kind.lower()))

    def address(self, value: Any) -> str:
        """Return the host and the path of a URL, without what may be secret in it, or ''.

        What precedes an `@` may be a password, even with a `/`, a `?` or a `#` in it. So a URL with an `@` after one of these
        gives ''.
        """
        url = WEB_ADDRESS.fullmatch(self.clean(value))
        return url[1].rstrip('/') if url else ''

    def with_affected_host(self, text: str, kind: str = '') -> str:
        """Return a text with the host or the like that it is about, as in `Disk full (db-1)`, unless it contains that.

        The name of a rule says little: if it is one word, or if there is no such thing, the event's own text follows it.
        """
        thing = self.best(THINGS, text)
        if not kind and (not thing or ' ' not in text) and text == self.first((OWN, DATA), 'rule'):
            text = self.clean(': '.join(filter(None, (text, self.first((OWN,), 'text', text)))))
        if not thing:
            return text
        host = thing.lower().partition('.')[0]
        if (host if len(host) > 3 else thing.lower()) in text.lower():  # a short host may be in the text by chance
            return text
        room = 150 - len(f'{kind}:  ({thing})')  # for the text
        return self.clean(f'{shortened(text, max(50, room))} ({thing})') or text

    # The time

    def times(self) -> Iterator[str]:
        """Yield the texts that may be the event's time, the best first."""
        near = [self.top] + [scope for scope in self.inside(self.top) if scope.word in TIME_INSIDE]
        if 'time of end' in self.meanings and says_that_it_ended(self.top):
            yield from map(self.clean, chain.from_iterable(scope.values_of('time of end') for scope in near))
        dates: list[str] = []
        for scope in near:
            texts = [*map(self.clean, scope.values_of('time'))]
            for text in texts:
                if CALENDAR_DATE.fullmatch(text):  # for later: with each time of day, such as `2026-11-24 10:00`, then alone
                    zones = re.findall(r'(?a)\A(?:UTC|GMT)?([+-]\d\d:?\d\d)\Z', text_of(scope.members.get('tz'))[:10])
                    dates += [f'{text} {at}{tz}' for tz in (*zones, '') for at in filter(TIME_ALONE.fullmatch, texts)] + [text]
                    continue
                if ':' in text and not ZONE.search(text):  # it may be a local time: a Unix time beside it is certain
                    yield from filter(UNIX_TIME.fullmatch, texts)
                yield text
        yield from dates  # after the times of all these objects, which say more
        for scope in near:
            yield from filter(ZONE.search, map(self.clean, scope.values_of('time with a zone')))
            yield from map(self.clean, scope.values_of('time of change') + scope.values_of('last word: time'))
        for scope in (each for each in self.near if not EARLIER.search(each.word)):  # `last_alert` is another event
            # JSON in a text is often an event of its own: in it, every word for a time counts.
            yield from map(self.clean, scope.values_of('time' if scope.is_text else 'time elsewhere'))

    # The severity

    def severity(self) -> 'Severity':
        """Return the severity that words such as `high` say in the first object that has one of them under a key for it.

        If the words there disagree, there is none. The level of a log, how critical a device is, and what an event repeats of a
        problem that has ended are no severities.
        """
        if self.meanings.isdisjoint(('severity', 'priority')):
            return NO_SEVERITY
        # One of several objects does not speak for the event, nor does JSON in a text, which may be what an attacker has typed.
        speaking = [scope for scope in (self.top, *self.near) if not scope.is_item and not scope.is_text
                    and (scope.word in SEVERITY_INSIDE or (scope is self.top and scope.word not in WORDS['named thing']))]
        for meaning in filter(self.meanings.__contains__, ('severity', 'priority')):
            for scope in speaking:
                if severities := severities_in(scope, meaning, self.top):
                    has_ended = any(says_that_it_ended(each) for each in speaking
                                    if each in (self.top, scope) or each.word in END_INSIDE)
                    is_clear = len(severities) == 1 and not has_ended
                    return Severity(severities.pop(), meaning == 'severity') if is_clear else NO_SEVERITY
        return NO_SEVERITY


# How a value under a key of some meanings is read. Under all others, it is a usable text.
READERS: dict[str, Callable[[GeneralRule, Any], str]] = {
    **dict.fromkeys(('object', 'person', 'who', 'by', 'thing', 'name', 'domain', 'id', 'status', 'last word: object',
                     'last word: who', 'last word: id'), GeneralRule.object_name),
    'address': GeneralRule.address,
    'named thing': lambda facts, value: facts.object_name(value) if isinstance(value, dict) else ''}
NEEDS: dict[str, Callable[[str], bool]] = {  # what a text under a key of a vague meaning needs to count
    **dict.fromkeys(('sentence', 'activity'), lambda text: ' ' in text),
    'domain': lambda text: '.' in text,
    'last word: type': lambda text: len(words_of(text)) > 1 and '/' not in text,
}
