"""Who has fallen silent, by `?expect=`."""
import math
import re
from contextlib import suppress
from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.json import encode as to_json

from receiver.events.event import LIKE_A_HASH, QUERYABLE, hash_of
from receiver.events.scales import RECOVERED_SEVERITY
from receiver.events.texts import without_error_markers
from receiver.events.url_words import EVERY, UNITS, seconds_of
from receiver.journal.log import read_context
from receiver.limits import LONGEST_CALL_SECONDS, LONGEST_WATCH_SECONDS, MAX_HISTORY_BYTES, MAX_WATCHES
from receiver.payload.details import to_raw_json
from receiver.payload.third_party import with_problem
from receiver.problems import Unavailable, utc_text
from receiver.proof.secrets import contains_token
from receiver.queue.posts import Post
from receiver.queue.queue import PostQueue
from receiver.settings import Settings


def duration_text(seconds: float) -> str:
    """Return a duration in the form of `?expect=`, in the largest unit of which it has at least two: '2h', '119m', '1m'."""
    unit = next((unit for unit in 'dh' if seconds >= 2 * UNITS[unit][0]), 'm')
    return f'{max(round(seconds / UNITS[unit][0]), 1)}{unit}'


def watched_name(settings: Settings, name: str) -> tuple[str, str]:
    """Return the name in `?expect=` without any token, and the problem key for the silence of the sender with that name.

    If nothing is left of the name, or a token is still in it, its hash takes its place.
    """
    spellings = map(re.escape, sorted(settings.tokens.spellings, key=len, reverse=True))
    without = re.sub('|'.join(spellings), '', name).strip()
    shown = '' if contains_token(settings, without) else without_error_markers(without)
    hashed = hash_of([shown or name])
    # A name that looks like a hash is hashed, too: it could be the hash of another name.
    is_plain = QUERYABLE.fullmatch(shown) and not LIKE_A_HASH.fullmatch(shown)
    return shown or hashed, f'silence/{shown if is_plain else hashed}'


class Watch(Struct, array_like=True):
    """What is known of a sender whose URL has `?expect=`, as it is saved."""

    name: str
    every: Annotated[str, Meta(pattern=rf'^({EVERY})\Z')]
    type: str | None
    severity: float
    last: float  # the Unix time when the latest request came
    due: float = 0  # the value of Silences.clock from which on it is silent
    silent_since: float = 0  # `last` at the latest silence
    latest_occurred: str = ''  # when the latest event occurred whose incident was confirmed
    is_open: bool = False  # whether the incident of a silence was confirmed, and that of its end was not

    def go_on_from(self, earlier: 'Watch') -> None:
        """Take over what is known of the silences of the same sender."""
        self.silent_since, self.latest_occurred, self.is_open = earlier.silent_since, earlier.latest_occurred, earlier.is_open


class Silences(Struct):
    """Who is expected, and who is silent: an incident for each silence, and one for its end.

    `clock` counts the seconds in which senders could be heard, and a watch is due when it reaches the `due` of the watch.

    `listen` lets time pass, `hear` records a sign of life, and `look` hands over and withdraws events. What is wanted is simple:
    a silent sender has an open incident, and any other has none. The event of a watch is the end of the silence if it has an
    open incident, otherwise a silence. At most one event of each watch waits.
    """

    queue: PostQueue
    watches: dict[str, Watch] = {}  # by the key of the problem
    # By the same key, the post and the incident of the event that waits or is in a call.
    events: dict[str, tuple[Post, dict[str, Any]]] = {}
    clock: float = 0  # the total seconds during which senders could be heard, until the latest `listen`
    listened_at: float = 0  # the monotonic time of the latest `listen`
    stood_still: float = 0  # for how many seconds before that one the clock had stood still
    save_at: float = math.inf  # the value of `clock` at which to save

    def listen(self, now: float, is_open: bool) -> None:
        """Let the clock go on, but only by such time in which senders can be heard. `is_open` says whether the port is open.

        It stands still while the port or the queue is closed, or the queue is full. Of a call that takes longer than
        LONGEST_CALL_SECONDS the rest does not count, since senders give up meanwhile. (No `listen` comes during a call.)
        """
        passed = now - self.listened_at
        can_hear = is_open and not self.queue.closed_because and not self.queue.has_refused
        counted = min(passed, LONGEST_CALL_SECONDS) if can_hear else 0
        self.clock, self.stood_still = self.clock + counted, passed - counted
        self.listened_at, self.queue.has_refused = now, False

    def hear(self, key: str, watch: Watch, now: float) -> list[str]:
        """Record a sign of life, which replaces the sender's watch by the one that its URL asks for.

        If there is no room for that, return a note; a watch that exists already stays then, and is only put off.
        """
        old = self.watches.get(key, watch)  # without an old one the watch itself: it takes over its own values then
        watch.go_on_from(old)
        # The clock is that of the latest `listen`. The time since then is added, so that the duration begins now.
        watch.due = self.clock + min(now - self.listened_at, LONGEST_CALL_SECONDS) + seconds_of(watch.every)
        watches = {**self.watches, key: watch}
        size = sum(len(to_json((each.name, each.type))) + 250 for each in watches.values())  # the rest has at most 250 bytes
        if len(watches) <= MAX_WATCHES and size <= MAX_HISTORY_BYTES:
            self.watches = watches
            return []
        old.last, old.due = watch.last, watch.due
        return [f'expect: there is no room for this name among {MAX_WATCHES} in 64 KiB (ignored)']

    def look(self, unix: float) -> list[tuple[Post, str]]:
        """Hand over the events that are wanted, withdraw those that are not any more, and forget the watches that are over.

        `unix` is the time now. Return the posts of the events that have ended, and their names.
        """
        ended = [self.record_end(key) for key, (post, _) in [*self.events.items()] if post.result.ready()]
        for key, watch in [*self.watches.items()]:
            needs_event = watch.is_open != self.is_silent(watch)  # that of a silence, or of the end of one
            post, _ = self.events.get(key, (None, None))
            if needs_event and not post:
                self.hand_over(key, watch, unix)
            elif not post and (watch.every == 'off' or self.clock >= watch.due + LONGEST_WATCH_SECONDS):  # it is over
                del self.watches[key]
            elif post and not needs_event and not post.is_in_doubt:  # it waits: nothing is looked at during a call
                post.is_kept, post.hand_over_by = False, 0  # so it is overdue, and the queue fails it before the next call
                del self.events[key]
        return ended

    def is_silent(self, watch: Watch) -> bool:
        """Return whether the sender of a watch has not been heard for as long as its URL allows."""
        return self.clock >= watch.due and watch.every != 'off'

    def record_end(self, key: str) -> tuple[Post, str]:
        """Record how an event has ended. Return its post, and its name."""
        watch, (post, incident) = self.watches[key], self.events.pop(key)
        # A silence that was lost may exist if it is in doubt. Then it is closed if its sender is back.
        may_be_open = post.is_in_doubt and not watch.is_open and not self.is_silent(watch)
        if post.result.successful() or may_be_open:
            watch.is_open, watch.latest_occurred = not watch.is_open, incident['occurred']
        elif not watch.is_open and self.clock >= watch.due and not self.queue.closed_because:
            # A silence that still goes on was lost: it is due again after its duration. (A lost end is due again at once, and the
            # next container reports what a stop has lost.)
            watch.due = self.clock + seconds_of(watch.every)
        return post, incident['name']

    def hand_over(self, key: str, watch: Watch, unix: float) -> None:
        """Queue a silence or its end at the Unix time `unix`, unless the queue is closed or full: then the event stays due."""
        if watch.is_open:  # the end, which occurred when the sender was heard
            what, moment, severity = 'Events again after', watch.last, RECOVERED_SEVERITY
            duration = duration_text(moment - watch.silent_since)
        else:  # a silence, which occurred when the watch was due: the clock has gone on by `clock - due` since, then stood still
            what, moment, severity = 'No events for', unix - (self.clock - watch.due) - self.stood_still, watch.severity
            duration, watch.silent_since = watch.every, watch.last
        count, unit = int(duration[:-1]), UNITS[duration[-1]][1]
        name = f'{what} {count} {unit}{"s" * (count > 1)}: {watch.name}'
        occurred = max(utc_text(int(moment)), watch.latest_occurred)  # the wall clock may have been set back
        details = {'silence': {'of': watch.name, 'expected_every': watch.every, 'last': utc_text(int(watch.silent_since))}}
        incident = {'name': name, 'type': watch.type, 'occurred': occurred, 'rawJSON': to_raw_json(to_json(details)),
                    **with_problem({'severity': severity}, key, is_recovery=watch.is_open)}
        post = Post([incident])
        post.keep()
        with suppress(Unavailable):
            self.queue.add(post)
            self.events[key] = post, incident

    def to_context(self) -> dict[str, str]:
        """Return the watches, and the clock with which their `due` is compared, as part of the integration context.

        The next save is due when a tenth of the shortest duration has passed, so that a restart loses little of it.
        """
        self.save_at = self.clock + min((seconds_of(each.every) for each in self.watches.values()), default=math.inf) / 10
        return {'silences': to_json((self.clock, self.watches)).decode()} if self.watches else {}

    def restore(self, context: Any) -> None:
        """Add the watches that the previous container saved.

        A silence that has begun goes on. Any other watch has what was left of its duration, but at least 15 minutes, or the whole
        duration if that is shorter: so its sender has some time to be heard again.
        """
        clock_then, watches = read_context('silences', tuple[float, dict[str, Watch]], context) or (0, {})
        room = MAX_WATCHES - len(self.watches.keys() - watches)  # also for those that this container has heard: they come first
        for key, watch in sorted(watches.items(), key=lambda each: each[0] not in self.watches)[:room]:
            left = watch.due - clock_then
            has_begun = watch.is_open and left <= 0
            watch.due = self.clock + (left if has_begun else max(left, min(900, seconds_of(watch.every))))
            self.watches.setdefault(key, watch).go_on_from(watch)  # that of a sender which this container has heard already stays
