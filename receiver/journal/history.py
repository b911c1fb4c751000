"""The history of deliveries, of tokens and of hours."""
from functools import partial
from operator import attrgetter

from msgspec import Struct
from msgspec.json import encode as to_json

from receiver.journal.log import read_context
from receiver.limits import HISTORY_HOURS, MAX_ACCEPTED_ENTRIES, MAX_HISTORY_BYTES, MAX_OTHER_ENTRIES
from receiver.problems import escaped
from receiver.settings import Tokens


class HistoryEntry(Struct, array_like=True):
    """A delivery in the history, or several equal rejections; then `number`, `time` and `size` are those of the last one."""

    number: int = 0  # set by History.add
    time: str = ''  # in RFC 3339
    since: str = ''  # the time of the first one
    count: int = 1
    size: int = 0
    is_accepted: bool = False
    status: int = 0
    address: str = '-'
    user_agent: str = '-'
    product: str = ''
    result: str = ''  # 'created', 'repeat', 'skipped', 'handshake' or 'rejected'; 'silence' for an incident without a delivery
    note: str = ''  # what the delivery became, or why it was rejected
    token: str = ''  # the name of the token that proved it, maybe with OF_EARLIER_FORM; '' if none did


rejection_key = attrgetter('note', 'user_agent', 'address', 'status', 'token')  # in rejections that share an entry
OF_EARLIER_FORM = ' (earlier)'  # marks a token of an earlier container: its name may mean another one by now
LONGEST_CALL = 'longest call (s)'  # the key beside the counts of an hour
MOST_REASONS = 8  # for rejections, and other keys, that an hour counts apart


class History(Struct):
    """The latest deliveries and counts. In the integration context they outlive the container."""

    listening_since: str = ''  # with the version of the script; empty while the port is closed
    saved: float = 0  # the Unix time of the latest save
    waiting: int = 0  # how many requests waited for XSOAR at that time
    latest_number: int = 0
    accepted: list[HistoryEntry] = []  # the latest is last
    others: list[HistoryEntry] = []  # apart, so that a flood of them removes no accepted delivery
    # For example {'2026-11-26T14': {'created': 3, '408 The head of the request came too slowly.': 2, 'longest call (s)': 0.5}}.
    hours: dict[str, dict[str, int | float]] = {}
    # Since the container began: another one may have other tokens at the same positions of the form.
    tokens_since: str = ''
    # By the name of the token: how often it has proved a delivery, and when it last did, in RFC 3339 (empty if never).
    tokens: dict[str, tuple[int, str]] = {}

    def begin_tokens(self, tokens: Tokens, now: str) -> None:
        """Begin to count the deliveries of each token."""
        self.tokens_since = now
        self.tokens = {token.name: (0, '') for token in tokens}

    def add(self, entry: HistoryEntry) -> None:
        """Count and number a delivery, and keep its entry."""
        what = escaped(f'{entry.status} {entry.note}', 60) if entry.result == 'rejected' else entry.result
        self.count(entry.time[:13], what, entry.count)
        if entry.token:
            self.tokens[entry.token] = self.tokens.get(entry.token, (0, ''))[0] + 1, entry.time
        self.latest_number = entry.number = self.latest_number + 1
        self.keep(entry)

    def keep(self, entry: HistoryEntry) -> None:
        """Keep the entry of a delivery that is counted. One entry is kept for equal rejections."""
        entries, most = (self.accepted, MAX_ACCEPTED_ENTRIES) if entry.is_accepted else (self.others, MAX_OTHER_ENTRIES)
        if entry.result == 'rejected':
            for equal in [each for each in entries if rejection_key(each) == rejection_key(entry)]:  # at most one
                entries.remove(equal)
                entry.since, entry.count = equal.since, equal.count + entry.count
        entries.append(entry)
        del entries[:-most]

    def count(self, hour: str, what: str, number: float) -> None:
        """Count deliveries in an hour: by their result, or by the reason while the hour has under MOST_REASONS keys.

        Of the calls of an hour, keep the longest.
        """
        counts = self.hours.setdefault(hour, {})
        if what[:1].isdigit() and what not in counts and len(counts) >= MOST_REASONS:  # a reason begins with the status
            what = 'rejected for other reasons'
        counts[what] = max(counts.get(what, 0), number) if what == LONGEST_CALL else counts.get(what, 0) + number

    def absorb(self, later: 'History') -> None:
        """Add `later`, the history of this container, to what an earlier container has saved."""
        for entry in filter(attrgetter('token'), self.accepted + self.others):
            entry.token = entry.token.removesuffix(OF_EARLIER_FORM) + OF_EARLIER_FORM
        for hour, counts in later.hours.items():
            for what, number in counts.items():
                self.count(hour, what, number)
        for entry in sorted(later.accepted + later.others, key=lambda entry: entry.number):
            entry.number += self.latest_number
            self.keep(entry)
        self.latest_number += later.latest_number
        self.listening_since, self.tokens_since, self.tokens = later.listening_since, later.tokens_since, later.tokens

    def to_context(self, most_bytes: int = MAX_HISTORY_BYTES, most_hours: int = HISTORY_HOURS) -> dict[str, str]:
        """Return the history as part of the integration context. First drop the oldest hours and entries beyond the limits."""
        for hour in sorted(self.hours)[:-most_hours]:
            del self.hours[hour]
        while len(text := to_json(self)) > most_bytes:
            del max(self.accepted, self.others, key=len)[0]
        return {'deliveries': text.decode()}


read_history = partial(read_context, 'deliveries', History)
