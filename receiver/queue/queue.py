"""The queue of posts, and what a reply of XSOAR makes of them."""
import math
from bisect import insort
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

from gevent.event import Event
from msgspec import Struct, field

from receiver.limits import (
    CALL_SECONDS, FIRST_PAUSE_SECONDS, GIVE_UP_SECONDS, HAND_OVER_SECONDS, HURRY_SECONDS, LONGEST_CALL_SECONDS,
    LONGEST_PAUSE_SECONDS, MAX_CALL_BYTES, MAX_CALL_INCIDENTS, MAX_FRUITLESS_TRIES, MAX_WAITING_BYTES, MAX_WAITING_POSTS,
    MOST_FAILURES, OTHERS_CREATED, RETRY_SECONDS)
from receiver.problems import Rejected, RejectedByServer, Unavailable
from receiver.queue.call_size import CallSizer
from receiver.queue.owners import shared_out, unambiguous_owners
from receiver.queue.posts import Post, SetAside, Stage


class RejectedGroup(Struct):
    """The posts of the latest group, and what is still to be tried of them: they were rejected, or a reply lacks some of a post.

    One bad post fails one part of the group, a failing server fails all of them.
    """

    members: Sequence[Post] = ()  # all posts of the group, whatever has become of them
    parts: Iterator[list[Post]] = iter(())  # see parts_of
    is_retry: bool = False  # whether the group is a post that had been set aside
    # How many calls for the group, or parts of it, have failed. It is minus infinity once one has succeeded: then the server
    # works, and bad posts explain the failures.
    fruitless_tries: float = 0

    @property
    def posts(self) -> list[Post]:
        """Return the posts that are still to be tried; the others were created or given up."""
        return [post for post in self.members if post.stage is Stage.IN_REJECTED_GROUP]


def parts_of(posts: Sequence[Post]) -> Iterator[list[Post]]:
    """Yield the parts in which to try a rejected group: its halves, then the halves of a half that was rejected, too, and so on.

    Each part has been tried when the caller asks for the next one, so the posts in it that are still rejected are known then.
    Both halves are tried before one is halved again, so that a few calls suffice to distinguish a bad post from a failing server.
    For example, if A, B and B1 are rejected, too, the parts are: A, B, B1, B2, B11, B12, A1, A2.
    """
    rejected = RejectedGroup(posts).posts  # those still to be tried
    middle = len(rejected) // 2
    halves = [half for half in (rejected[:middle], rejected[middle:]) if half]  # none in the end: a post tried alone is given up
    for half in halves:
        if part := RejectedGroup(half).posts:  # some may have been given up meanwhile
            yield part
    for half in reversed(halves):
        yield from parts_of(half)


class PostQueue(Struct):
    """The posts that wait, the posts in the call in flight, and the rule for what the next call contains.

    It only keeps state: it knows no thread, no server and no clock. `next_call` returns the incidents of the next call;
    then `record_created`, `record_unconfirmed` or `record_unsent` records how the call ended. Posts go in the order of their
    arrival, each with all its incidents. A post that would take longer than LONGEST_CALL_SECONDS goes by itself, in
    several calls, and the calls of other posts come between them.

    A post ends with its result, and only these end without its incidents: one whose sender still waits and gets a 502 or a
    503; one that was set aside, if XSOAR rejects it although it creates others, or more are set aside than there is room for;
    one of which a reply does not show what exists; and at `abandon` all that remain.
    """

    alone_seconds = 600  # how long each post has a call of its own after a reply that could not be matched to the posts
    not_tried = 'XSOAR rejected several requests together, and this one could not be tried alone: send it again.'
    not_confirmed = 'XSOAR did not confirm the creation; the health of the instance says why.'

    most_posts: int = MAX_WAITING_POSTS
    most_bytes: int = MAX_WAITING_BYTES
    most_in_call: int = MAX_CALL_INCIDENTS
    most_call_bytes: int = MAX_CALL_BYTES
    waiting: list[Post] = []  # in the order of their places
    last_number: int = 0
    # Duplicates that wait in DeliveryMemory for the original's result. Here they only count towards the limits.
    repeats: list[Post] = []
    in_flight: list[Post] = []
    began_at: float = 0  # when the call in flight, or else the latest one, began
    ended_at: float = -1  # when the latest call that has ended did
    call_size: int = 0  # how many incidents it contains
    sizer: CallSizer = field(default_factory=CallSizer)
    rejected: RejectedGroup = field(default_factory=RejectedGroup)  # the latest group, which goes on in parts if it was rejected
    alone_until: float = 0  # until this moment each post has a call of its own
    is_working: bool = False  # whether XSOAR accepted the latest call, not counting rejected ones of posts that were set aside
    has_refused: bool = False  # whether it was full, since Silences has last looked
    closed_because: str = ''  # the reason for rejecting every new post; empty while the queue is open
    wake: Event = field(default_factory=Event)  # set when ServerLine has something to do

    def check_open(self) -> None:
        """Raise Unavailable if the queue is closed."""
        if self.closed_because:
            raise Unavailable(self.closed_because, Connection='close')

    def check_room(self, new_bytes: int = 0) -> None:
        """Raise Unavailable if the queue is closed, or has no room for a post that takes `new_bytes` of memory.

        The posts of a call and of a rejected group count, too, because they may have to wait again. A queue without any
        post has room for every post: otherwise one above `most_bytes` could never be created. Posts that were set aside may
        fill the queue, but count as at most three quarters of it: the last quarter is for others.
        """
        self.check_open()
        posts = [*self.waiting, *self.in_flight, *self.rejected.posts, *self.repeats]
        aside = [post.memory_bytes for post in posts if post.aside]
        others = [post.memory_bytes for post in posts if not post.aside]
        count = len(others) + min(len(aside), self.most_posts * 3 // 4)
        all_bytes = new_bytes + sum(others) + min(sum(aside), self.most_bytes * 3 // 4)
        if posts and (count >= self.most_posts or all_bytes > self.most_bytes):
            self.has_refused = True
            raise Unavailable('Too many requests wait for XSOAR: this one creates nothing. Send it again later.')

    def add(self, post: Post) -> None:
        """Queue a post; its `result` will be set in any case. Raise Unavailable if the queue is closed or full."""
        self.check_room(post.memory_bytes)
        self.append(post)
        self.wake.set()

    def append(self, post: Post) -> None:
        """Give a post the last place."""
        self.last_number = post.number = self.last_number + 1
        post.enter(Stage.WAITING)
        self.waiting.append(post)

    def expire(self, moment: float) -> None:
        """Fail and remove the waiting posts that were to be handed over by a moment; keep those whose sender is gone."""
        for post in [post for post in self.waiting if post.hand_over_by <= moment and not post.keep_if_gone()]:
            self.waiting.remove(post)
            is_in_call = self.in_flight or self.began_at <= post.hand_over_by <= self.ended_at  # at the end of its time
            post.fail(Unavailable, f'XSOAR was busy for {HAND_OVER_SECONDS} s: send it again.' if is_in_call else
                      f'The receiver was busy with other events for {HAND_OVER_SECONDS} s: send it again.')

    def next_call(self, now: float) -> list[dict[str, Any]]:
        """Return the incidents of the next call in order, and put their posts in flight. Return [] if no post waits."""
        self.in_flight = self.next_part(now) or self.next_group(now)
        for post in self.in_flight:
            post.enter(Stage.IN_CALL)
        self.waiting = [post for post in self.waiting if post.stage is not Stage.IN_CALL]
        incidents = [incident for post in self.in_flight for incident in post.incidents]
        if len(self.in_flight) == 1 and len(incidents) > 1:  # only a single post may be divided: a group was chosen to fit
            incidents = incidents[:self.sizer.fit(LONGEST_CALL_SECONDS)]
        self.call_size, self.began_at = len(incidents), now
        return incidents

    def next_part(self, now: float) -> list[Post]:
        """Give up the overdue posts of a rejected group. Remove and return its next part; return [] if none is left.

        If one of its posts goes alone, return the first post only. The others stay rejected: `parts` has them again, in halves.
        """
        self.give_up([post for post in self.rejected.posts if post.hand_over_by <= now], now, Unavailable, self.not_tried)
        part = next(self.rejected.parts, [])
        return part[:1] if any(self.goes_alone(post, now) for post in part) else part

    def goes_alone(self, post: Post, now: float) -> bool:
        """Return whether a post shares no call: it was set aside, is partly created, or a reply had an error for some of it.

        For a while after a reply that could not be matched to its posts, none shares one.
        """
        return bool(now < self.alone_until or post.aside or post.is_partly_created or post.missing)

    def next_group(self, now: float) -> list[Post]:
        """Begin a new group: return the oldest post that may go, and those right behind it that fit in its call.

        After a call for a post that was set aside, the next one is for others, if there are any: otherwise they would wait for
        all that were set aside.
        """
        self.expire(now)
        ready = [post for post in self.waiting if not post.aside or post.aside.retry_at <= now or self.closed_because]
        if self.rejected.is_retry:  # the group before this one was a post that had been set aside
            ready = [post for post in ready if not post.aside] or ready
        group = self.first_that_fit(ready, now) if len(ready) > 1 else ready
        self.rejected = RejectedGroup(group, parts_of(group), is_retry=any(post.aside for post in group))
        return group

    def first_that_fit(self, posts: list[Post], now: float) -> list[Post]:
        """Return the first post, whatever its size, and as many right behind it as can share its call."""
        most_incidents = min(self.sizer.fit(CALL_SECONDS), self.most_in_call)
        count = size = 0
        for index, post in enumerate(posts):
            count += len(post.incidents)
            size += post.size
            if count > most_incidents or size > self.most_call_bytes or self.goes_alone(post, now):
                return posts[:max(index, 1)]
        return posts

    def record_created(self, created: list[Any], now: float, has_error: bool = False) -> bool:
        """Record that the call in flight succeeded and that its reply contains these incidents, and maybe errors for others.

        Each post gets its own incidents; then it is finished, or it waits again with the incidents that are still to be
        created. Return False if some incident could not be matched to one post: the posts succeed, but their senders'
        responses lack that incident, and for `alone_seconds` each post has a call of its own.
        """
        posts, self.in_flight = self.in_flight, []
        self.sizer.record(self.call_size, max(now - self.began_at, 0.001))
        self.rejected.fruitless_tries = -math.inf  # so it never reaches MAX_FRUITLESS_TRIES
        self.is_working = True
        self.record_success_of_others(now)
        created_of = shared_out(created, posts)
        is_all_matched = None not in created_of
        if not is_all_matched:
            self.alone_until = now + self.alone_seconds
        for post in posts:
            own = created_of.get(post, [])
            post.created += own
            # If the call was for several posts, it contained all incidents of each, and none remain.
            sent, post.incidents = post.incidents[:self.call_size], post.incidents[self.call_size:]
            post.hand_over_by = math.inf  # a 503 would be wrong: the retry would create a part twice
            post.aside = SetAside() if post.aside else None  # its tries count from zero, since XSOAR has accepted some of it
            if has_error and len(own) < len(sent):
                self.try_missing(post, sent, own, is_all_matched, now)
            elif post.incidents:
                post.missing = max(post.missing - len(sent), 0)
                self.append(post)  # at the end, so that the others are not kept waiting by one long post
            else:
                post.result.set(post.created)
                post.enter(Stage.CREATED)  # in this order: its response is made before another large body has its turn
        return is_all_matched

    def record_success_of_others(self, now: float) -> None:
        """Record with each post that was set aside that a call of others succeeded. The first one shortens its pause.

        It may have ended an outage, in which the pause has grown through no fault of the post.
        """
        for aside in [post.aside for post in self.waiting if post.aside]:
            if not aside.successes_of_others:
                aside.first_success_at, aside.retry_at = now, min(aside.retry_at, now + FIRST_PAUSE_SECONDS)
            aside.successes_of_others += 1

    def try_missing(self, post: Post, sent: list[dict[str, Any]], own: list[Any], is_all_matched: bool, now: float) -> None:
        """Let what is missing of a post be tried alone, like a part of a rejected group: the reply has an error for some of it.

        `sent` are the incidents of this post in the call, `own` the created ones that belong to it. Reject the post if the
        missing ones were tried before. Fail it if the reply does not show which they are.
        """
        post.is_in_doubt = True
        # Of each created incident, the place in `sent`, or None if that is in doubt.
        places = unambiguous_owners(own, list(enumerate(sent)))
        missing = [place for place in range(len(sent)) if place not in places]
        was_tried = missing[0] < post.missing  # what was missing before comes first in a call
        post.missing = len(missing) + max(post.missing - len(sent), 0)
        post.incidents = [sent[place] for place in missing] + post.incidents
        post.enter(Stage.IN_REJECTED_GROUP)
        # A created incident that matches no single post may be one of this post: then nobody can say which are missing. A post of
        # one incident is tried again all the same, since a second incident harms less than none.
        if None in places or (post.total > 1 and not is_all_matched):
            post.fail(RejectedByServer, self.not_confirmed)
        elif was_tried:
            self.reject(post, now)

    def record_unconfirmed(self, now: float) -> None:
        """Record that the call in flight confirmed no incident. Reject a single post; try several again in two halves.

        What is left of the group is given up after RETRY_SECONDS, or after MAX_FRUITLESS_TRIES without a success.
        """
        posts, self.in_flight = self.in_flight, []
        for post in posts:
            post.is_in_doubt = True
            post.enter(Stage.IN_REJECTED_GROUP)
            post.hand_over_by = min(post.hand_over_by, now + RETRY_SECONDS)  # only the first failure of a group moves it
        if len(posts) == 1:
            self.reject(posts[0], now)
        if not self.rejected.is_retry:  # the failure of a post that was set aside proves nothing new about XSOAR
            self.is_working = False  # only now: `reject` uses what was known before this call
        self.rejected.fruitless_tries += 1
        if self.rejected.fruitless_tries >= MAX_FRUITLESS_TRIES:
            self.give_up(self.rejected.posts, now, Unavailable, self.not_tried)

    def reject(self, post: Post, now: float) -> None:
        """Give up a post that XSOAR rejected alone, which sets it aside if its sender is gone.

        Fail it even then if the fault is its own: XSOAR has rejected it often and long enough while it accepted the calls for
        other posts (`is_working`).
        """
        post.aside = aside = post.aside or SetAside()
        aside.is_suspect |= self.is_working  # drop_surplus begins with suspects
        aside.failures += 1 if self.is_working and aside.successes_of_others else 0
        is_hopeless = (aside.failures >= MOST_FAILURES and aside.successes_of_others >= OTHERS_CREATED
                       and now - aside.first_success_at >= GIVE_UP_SECONDS)
        self.give_up([post], now, RejectedByServer, self.not_confirmed, is_hopeless)

    def give_up(self, posts: list[Post], now: float, error_class: type[Rejected], reason: str, is_hopeless: bool = False) -> None:
        """Fail posts, so that their senders try again. Set those aside whose sender is gone, unless there is no hope for them.

        A post that is set aside returns to its place, to be tried again alone after a pause that grows.
        """
        for post in posts:
            if not post.keep_if_gone() or self.closed_because or is_hopeless:
                post.fail(error_class, reason)
                continue
            post.enter(Stage.SET_ASIDE)
            post.aside = aside = post.aside or SetAside()
            aside.retry_at = now + min(FIRST_PAUSE_SECONDS * 2 ** aside.tries, LONGEST_PAUSE_SECONDS)
            aside.tries += 1
            insort(self.waiting, post, key=lambda each: each.number)
            self.drop_surplus()

    def drop_surplus(self) -> None:
        """Fail some of the posts that were set aside, until the rest of them fit in the queue. The last one may be of any size.

        Begin with those that were rejected while XSOAR created other posts. Of these, the largest is next if bytes are short,
        else the latest.
        """
        while len(waiting := [post for post in self.waiting if post.aside]) > 1:
            is_short_of_bytes = sum(post.memory_bytes for post in waiting) > self.most_bytes
            if not is_short_of_bytes and len(waiting) <= self.most_posts:
                return
            candidates = [post for post in waiting if post.aside and post.aside.is_suspect] or waiting
            lost = max(candidates, key=attrgetter('memory_bytes' if is_short_of_bytes else 'number'))
            self.waiting.remove(lost)
            lost.fail(RejectedByServer, 'More rejected requests wait than there is room for.')

    def hurry(self, post: Post, now: float) -> None:
        """End the pause of a post that was set aside, because a repeat of it has come: at most once in HURRY_SECONDS."""
        if post.aside and post.aside.may_hurry_from <= now < post.aside.retry_at:
            post.aside.may_hurry_from, post.aside.retry_at = now + HURRY_SECONDS, now

    def record_unsent(self, now: float) -> None:
        """Record that the call in flight was never sent. Give up its posts: this call created nothing."""
        posts, self.in_flight = self.in_flight, []
        self.give_up(posts, now, Unavailable, 'The line to XSOAR was busy: send it again later.')

    def close(self, reason: str) -> None:
        """Reject every new post with this reason.

        From now on `next_group` waits for no pause of a post that was set aside: each has one more chance.
        """
        self.closed_because = reason

    def abandon(self) -> None:
        """Fail every post that is still queued or in flight: no further call will be made."""
        for post in [*self.in_flight, *self.waiting, *self.rejected.posts]:
            has_begun = post.stage is Stage.IN_CALL
            post.is_in_doubt |= has_begun
            post.fail(Unavailable, 'The integration ended before XSOAR replied.' if has_begun else self.closed_because)
        self.waiting, self.in_flight = [], []

    @property
    def is_empty(self) -> bool:
        """Return whether no post waits or is in flight."""
        return not (self.waiting or self.in_flight or self.rejected.posts)
