"""Silence against a simple model: random signs, stops, crashes, hangs, rejected calls and jumps of the wall clock."""
from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from GenericWebhook import MAX_WATCHES, Post, PostQueue, Silences, Unavailable, Watch, seconds_of, with_text
from hypothesis import seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from model import SEED, examples

HOUR, DAY = 3600, 86400
NAMES = ('Backups', 'Probe')
LONGEST_CALL = 10  # seconds; later nobody can be heard
MOST_POSTS = 3


@dataclass
class Expected:
    """One name, as whoever set it up sees it."""
    every: str
    due: float  # by the time in which senders could be heard


@seed(SEED)
class SilenceMachine(RuleBasedStateMachine):
    """The model counts the time in which senders can be heard, and what XSOAR has created of each name."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.unix = 1000.0, 1_800_000_000.0
        self.heard = 0.0  # until the latest look at the clock
        self.looked_at = self.now
        self.is_open = True  # the port
        self.call: list[dict[str, Any]] = []
        self.call_began = self.now
        self.expected: dict[str, Expected] = {}
        self.saved: dict[str, Expected] = {}  # the same when it was last saved, with what was left
        # What XSOAR confirmed of each name: the kind and the time; and where its watch was over.
        self.told: dict[str, list[tuple[str, str]]] = {name: [('over', '')] for name in NAMES}
        self.doubt: dict[str, dict[str, Any]] = {}  # of each name, the event that was sent and not confirmed
        self.context: dict[str, str] = {}
        self.begin()

    def begin(self) -> None:
        self.queue = PostQueue(most_posts=MOST_POSTS)
        self.silences = Silences(self.queue)
        self.silences.restore(self.context)
        self.silences.listened_at = self.looked_at = self.now
        self.was_full = False

    def listen(self) -> None:
        """Look at the clock, as the line does between two calls."""
        self.silences.listen(self.now, self.is_open)
        if self.is_open and not self.was_full and not self.queue.closed_because:
            self.heard += self.since_the_look
        self.looked_at, self.was_full = self.now, False

    @property
    def since_the_look(self) -> float:
        return min(self.now - self.looked_at, LONGEST_CALL)

    def pass_time(self, seconds: float) -> None:
        """Let time pass: between two calls the line looks at the clock all the time, else when the call has ended."""
        step = seconds if self.call else LONGEST_CALL
        while seconds > 2 * HOUR and not self.call:  # as if it had looked
            self.silences.clock += HOUR * self.is_open
            self.heard += HOUR * self.is_open
            self.now, self.unix, seconds = self.now + HOUR, self.unix + HOUR, seconds - HOUR
            self.silences.listened_at = self.looked_at = self.now
        while seconds > 0:
            self.now, self.unix, seconds = self.now + min(step, seconds), self.unix + min(step, seconds), seconds - step
            if not self.call:
                self.listen()

    def is_silent(self, name: str) -> bool:
        return self.heard >= self.expected[name].due and self.expected[name].every != 'off'

    def is_told(self, name: str) -> bool:
        """Return whether XSOAR has an open incident of a silence."""
        return self.told[name][-1][0] == 'silence'

    # What happens

    @rule(name=st.sampled_from(NAMES), every=st.sampled_from(['1m', '1m', '2h', '3d', 'off']))
    def sign(self, name: str, every: str) -> None:
        assert self.silences.hear(f'silence/{name}', Watch(name, every, 'Silence', 3, self.unix), self.now) == []
        self.expected[name] = Expected(every, self.heard + self.since_the_look + seconds_of(every))

    @rule(seconds=st.sampled_from([0.25, 7, 30, 61, 700, 2 * HOUR, 3 * DAY, 31 * DAY]))
    def time_goes_by(self, seconds: float) -> None:
        self.pass_time(seconds)

    @precondition(lambda self: not self.call)
    @rule(name=st.sampled_from(NAMES))
    def falls_silent(self, name: str) -> None:
        """Make one silent, which the other rules seldom do by chance: most of their steps do not follow each other like this."""
        self.port(True)
        self.sign(name, '1m')
        self.pass_time(61)
        self.hand_over()

    @rule(seconds=st.sampled_from([-DAY, -3600, 3600, DAY]))
    def wall_clock_jumps(self, seconds: float) -> None:
        self.unix += seconds

    @rule(is_open=st.booleans())
    def port(self, is_open: bool) -> None:
        self.is_open = is_open
        self.silences.listened_at = self.looked_at = self.now

    @rule()
    def other_post(self) -> None:
        number = self.queue.last_number
        post = Post([{'name': f'alert {number}', 'type': None, 'occurred': '', 'rawJSON': b'{"n": %d}' % number}])
        post.keep()
        try:
            self.queue.add(post)
        except Unavailable:
            self.was_full = True

    @precondition(lambda self: not self.call)
    @rule()
    def hand_over(self) -> None:
        """Do what the line does between two calls."""
        self.look()
        self.call, self.call_began = self.queue.next_call(self.now), self.now
        for incident in self.call:
            name, kind = self.read(incident)
            if name:
                assert (kind == 'end') == self.is_told(name), 'one incident and one end for each silence'
                assert self.is_silent(name) == (kind == 'silence') or self.doubt.get(name) is incident, 'none without a silence'

    def look(self) -> None:
        self.listen()
        has_news = False
        for post, text in self.silences.look(self.unix):
            name = text.rpartition(': ')[2]
            doubt = self.doubt.pop(name, None)
            if post.result.successful():
                has_news = True
            elif doubt and not self.is_told(name) and not self.is_silent(name):
                self.told[name].append(('silence', doubt['occurred']))  # it may be open, and so has to be closed
                has_news = True
            elif not self.is_told(name) and self.is_silent(name):
                self.expected[name].due = self.heard + seconds_of(self.expected[name].every)
        for name in [name for name in self.expected if f'silence/{name}' not in self.silences.watches]:
            known = self.expected.pop(name)
            is_forgotten = self.heard >= known.due + 30 * DAY
            assert is_forgotten or (known.every == 'off' and not self.is_told(name)), 'none is forgotten'
            self.told[name].append(('over', ''))
            if is_forgotten:
                self.save()
        if has_news:
            self.save()

    def read(self, incident: dict[str, Any]) -> tuple[str, str]:
        """Return the name and the kind of an event about silence, or empty texts for another."""
        details = json.loads(incident['rawJSON']).get('silence')
        return (details['of'], 'silence' if incident['name'].startswith('No events for ') else 'end') if details else ('', '')

    @precondition(lambda self: self.call)
    @rule(drops=st.booleans())
    def server_creates(self, drops: bool) -> None:
        call, self.call = self.call, []
        for incident in call:
            name, kind = self.read(incident)
            if name:
                assert incident['occurred'] >= self.told[name][-1][1], 'no time before an earlier one'
                self.told[name].append((kind, incident['occurred']))
        created = [] if drops else [{'id': '1', **with_text(incident)} for incident in call]
        self.queue.record_created(created, self.now)
        self.look()

    @precondition(lambda self: self.call)
    @rule(is_sent=st.booleans())
    def server_rejects(self, is_sent: bool) -> None:
        if is_sent:
            self.put_in_doubt()
        self.call = []
        (self.queue.record_unconfirmed if is_sent else self.queue.record_unsent)(self.now)
        self.look()

    def put_in_doubt(self) -> None:
        """Remember what the call contained, since nobody knows whether it exists."""
        self.doubt |= {name: incident for incident in self.call if (name := self.read(incident)[0])}

    @rule()
    def save(self) -> None:
        self.context = self.silences.to_context()
        self.saved = {name: replace(known, due=known.due - self.heard) for name, known in self.expected.items()}

    @rule(is_killed=st.booleans())
    def restart(self, is_killed: bool) -> None:
        """Stop, or be killed: of what was not saved, only that a silence was confirmed or has ended is certain to be saved."""
        self.put_in_doubt()
        self.call = []
        if not is_killed:
            self.queue.close('Stopping.')
            self.queue.abandon()
            self.look()
            self.save()
        self.doubt = {}
        self.expected = {name: replace(known) for name, known in self.saved.items()}
        for name, known in self.expected.items():
            goes_on = self.is_told(name) and known.due <= 0
            least = known.due if goes_on else min(900, seconds_of(known.every))
            known.due = self.heard + max(known.due, least)
        self.begin()

    # What holds

    @invariant()
    def at_most_one_event_of_each_name_waits(self) -> None:
        posts = [*self.queue.waiting, *self.queue.in_flight, *self.queue.rejected.posts]
        waiting = [self.read(incident)[0] for post in posts if post.is_kept for incident in post.incidents]
        for name in NAMES:
            assert waiting.count(name) <= 1

    @invariant()
    def what_is_in_doubt_is_tried_until_it_is_known(self) -> None:
        assert self.call or {f'silence/{name}' for name in self.doubt} <= self.silences.events.keys()

    @invariant()
    def nothing_grows(self) -> None:
        assert len(self.silences.watches) <= MAX_WATCHES
        assert self.silences.events.keys() <= self.silences.watches.keys()

    @precondition(lambda self: self.expected)
    @rule()
    def all_is_told_once_the_server_works(self) -> None:
        """Let the server create for a while in which time stands still, so that nobody falls silent by that."""
        self.is_open = True
        for _ in range(12):
            if not self.call:
                self.hand_over()
            while self.call:
                self.server_creates(False)
                self.hand_over()
            self.port(False)
            self.pass_time(700)  # longer than any pause of a post that was set aside
            self.port(True)
        assert not self.silences.events
        for name in self.expected:
            assert self.is_told(name) == self.is_silent(name), 'none is forgotten'


TestSilences = SilenceMachine.TestCase
TestSilences.settings = examples(150, stateful_step_count=60)
