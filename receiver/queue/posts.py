"""Posts: accepted requests that wait for their incidents."""
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from enum import Enum
from typing import Any

from gevent.event import AsyncResult, Event
from msgspec import Struct
from msgspec.json import encode as to_json
from msgspec.json import format as format_json

from receiver.limits import HAND_OVER_SECONDS, REMEMBER_SECONDS, REMEMBER_WITHOUT_ID_SECONDS
from receiver.problems import Rejected, RejectedByServer

# The words of this room: a Post is one accepted request, from the moment when its incidents are known. A call is one
# createIncidents call. A group is the posts that go to the server in one call; a part is a half of a rejected group, or of
# a rejected part. A sender is gone if its connection shows that it has left; its post is kept then: it goes on without it.


def with_text(incident: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of an incident whose `rawJSON` is a str, as createIncidents requires.

    An incident that waits has it as UTF-8 bytes: in a str, a single emoji would make every character take four bytes. Only an
    ASCII text takes no more as a str, and so it replaces the bytes in `incident`, too: during the call it is in memory once.
    """
    text = text_of_details(incident)
    if text.isascii():
        incident['rawJSON'] = text
    return {**incident, 'rawJSON': text}


def text_of_details(incident: dict[str, Any]) -> str:
    """Return the `rawJSON` of an incident as a str: it is UTF-8, or already a str if it is ASCII and was in a call before."""
    raw_json = incident['rawJSON']
    return raw_json if isinstance(raw_json, str) else raw_json.decode()


def memory_of(value: Any) -> int:
    """Return how many bytes of memory a value takes together with all values inside its dicts and lists.

    A value that is there several times counts once. The keys do not count: they are the same objects in all incidents.
    """
    sizes, values = dict[int, int](), [value]
    for each in values:  # which grows on the way
        if id(each) not in sizes:
            sizes[id(each)] = sys.getsizeof(each)
            if isinstance(each, (dict, list)):
                values += each.values() if isinstance(each, dict) else each
    return sum(sizes.values())


# Each header that holds a delivery id, with the second header that must be present too, or ''. If a request has several,
# the first in this order counts. The names are those of the senders' documentation.
DELIVERY_IDS = {'idempotency-key': ''}  # of no one sender
# Written by ./dev senders: delivery ids, from the folders in senders. Change nothing here.
DELIVERY_IDS |= {
    'x-amz-sns-message-id': '', 'x-request-uuid': '', 'ce-id': 'ce-source', 'x-forgejo-delivery': '', 'x-gitea-delivery': '',
    'x-github-delivery': '', 'x-gogs-delivery': '', 'x-hcp-radar-message-id': '', 'x-atlassian-webhook-identifier': '',
    'linear-delivery': '', 'x-mlflow-delivery-id': '', 'x-webhook-id': '', 'request-id': 'sentry-hook-resource',
    'x-shopify-webhook-id': '', 'x-snyk-transport-id': '', 'webhook-id': '', 'svix-id': '', 'x-zendesk-webhook-invocation-id': '',
}
# The end of delivery ids.


def find_delivery_id(headers: dict[str, str]) -> tuple[str, str, str] | None:
    """Return the name and value of the delivery id's header and the second header's value, or None if there is no id.

    The name is included, because two senders may use equal ids in different headers.
    """
    for name in filter(headers.get, DELIVERY_IDS):
        if not DELIVERY_IDS[name] or headers.get(DELIVERY_IDS[name]):
            return name, headers[name], headers.get(DELIVERY_IDS[name], '')
    return None


def likeness_of(headers: dict[str, str], query: str, body: bytes) -> tuple[bytes, bool]:
    """Return the key of a delivery, which is the same if it is sent again, and whether it has an id. `query` has no token in it.

    The key covers the body, the query and the delivery id (without an id, the Content-Type). The query counts because a sender
    may post one event with one id to two URLs: that makes two incidents.
    """
    delivery_id = find_delivery_id(headers)
    # With the length first, no other division of the same bytes into query and body has the same key. The body is added apart,
    # since joining would copy it.
    key = hashlib.sha256(f'{len(body)} {query}\0{delivery_id or headers.get("content-type")}\0'.encode())
    key.update(body)
    return key.digest(), bool(delivery_id)


# The life of a post, in stages:
#
#                       a part of it remains, or its group was rejected
#                      .------------------------------------------------.
#                      v                                                |
#   ARRIVED ------> WAITING ----------------------------------------> IN_CALL ------> CREATED
#      |               |                                               |   ^
#      |               | overdue                       not created, and |   | its pause is over
#      | no room       |                             its sender is gone v   |
#      |               |                                              SET_ASIDE
#      v               v                                                 |  no room, or hopeless
#   REJECTED: its sender gets a 502 or 503; or LOST: the same, but its sender is gone  (from IN_CALL, too)
#
# A post whose group was rejected waits, too, but in IN_REJECTED_GROUP: a part of the group comes before all that is in WAITING.
# A repeat stays in ARRIVED: it is not queued, but waits for its original.
#
# On the way its sender may leave, or its time may end. One word stands for each fact:
#
#   gone             the connection shows that the sender has closed it, or at least its sending side (is_gone)
#   kept             the post goes on without its sender, and without a deadline (is_kept); only such a post is set aside or lost
#   retry expected   the sender will probably send the same again (will_retry)
#   finished         the end is recorded: from now on a repeat gets its response at once
#
#   the sender                                  its post                                    a retry is expected
#   has waited, and stays                       goes on                                     no
#   has waited, and is gone                     is kept                                     yes
#   was gone at the first look                  is kept, EARLY_CLOSE_SECONDS later          if it can read our 502 or 503
#   stays, but its post waits too long          fails with a 503                            no: the retry is a new delivery
#   stays, but its post is kept, too (below)    is kept; the sender gets a 502 or 503       if it can read that
#
# A repeat is an equal request whose original is unfinished or remembered; without a delivery id, it is one only if a retry of the
# original is expected. It waits until the original is finished, and gets its response. From then on its own sender, not that of
# the original, says whether a retry is expected. If that is gone, the original is kept, even if the sender of the original stays.
# If the repeat waits too long, it gets a 503, too.


class Stage(Enum):
    """Where a post is in its life. Only `Post.enter` changes it."""

    ARRIVED = 'it is not queued yet, or a repeat'
    WAITING = 'it waits for a call'
    IN_CALL = 'it is in the call in flight'
    IN_REJECTED_GROUP = 'its group was rejected: it waits for a call with a part of the group'
    SET_ASIDE = 'XSOAR did not create it, and its sender is gone: it waits to be tried again alone'
    CREATED = 'all of it was created'
    REJECTED = 'its sender gets a 502 or 503, and may retry'
    LOST = 'the same happened to one that was kept: nobody may retry'


class Sender(Enum):
    """What is known of the sender of a post: whether it is likely to send the same again."""

    NEW = 'it has not been seen to wait'
    WAITS = 'it was there at a look, FIRST_LOOK_SECONDS after it began to wait or later: it wants its response'
    ASKED = 'a 502 or 503 that asks it for a retry is on its way'
    RETRIES = 'it will probably send the same again'


FIRST_LOOK_SECONDS = 0.5  # after which a sender that is still there counts as one that waits for its response
LOOK_EVERY_SECONDS = 1.0
EARLY_CLOSE_SECONDS = 2  # after the first look, in which a sender that was gone by then may still read


class SetAside(Struct):
    """What is known of a post since it was set aside, or since a part of it was created after that."""

    tries: int = 0  # how often in a row a call with it failed
    retry_at: float = 0  # no call with it begins before this moment
    may_hurry_from: float = 0  # from this moment on, a repeat may end its pause
    is_suspect: bool = False  # whether XSOAR rejected it while it accepted others
    successes_of_others: int = 0  # how many calls of other posts have succeeded
    first_success_at: float = float('inf')  # when the first of these did
    failures: int = 0  # how many of its tries have failed since then, without those during a later outage


class Post:
    """An accepted request from the moment when its incidents are known, to its end and for as long as it is remembered.

    Nothing outlives its use: the connection is dropped with the sender (`drop_connection`), the incidents with the end.
    """

    def __init__(self, incidents: list[dict[str, Any]], request_bytes: int = 0, is_gone: Callable[[], bool] = bool,
                 key: bytes = b'', has_id: bool = False):
        self.incidents = incidents  # those not yet created; a call that succeeds removes its own
        self.total = len(incidents)  # whether created or not
        self.size = memory_of(incidents)
        self.memory_bytes = self.size + request_bytes  # while it waits
        # The latest moment at which a call with this post may begin. Later its sender gets a 503.
        self.hand_over_by = time.monotonic() + HAND_OVER_SECONDS
        self.is_gone = is_gone  # returns whether its sender is gone
        self.key, self.has_id = key, has_id  # from likeness_of
        self.stage = Stage.ARRIVED
        self.sender = Sender.NEW
        self.is_kept = False  # whether it goes on without its sender
        # A large post waits for its turn (Intake.take_turn) before it is queued, and has it until its first call has ended. Any
        # other post has an empty context in its place.
        self.take_turn: Callable[[Callable[[], bool]], ExitStack] = lambda _: ExitStack()
        self.turn = ExitStack()
        self.number = 0  # its place in the order of arrival; the queue sets it
        self.aside: SetAside | None = None  # once it was set aside; from then on it shares no call
        self.missing = 0  # how many of its incidents, the first, a reply lacked: these are tried again
        self.is_in_doubt = False  # True once a call with some or all of its incidents was sent and not confirmed
        self.created: list[Any] = []  # the incidents of XSOAR's replies
        self.result: AsyncResult[list[Any]] = AsyncResult()  # `created` once all is done, or a Rejected
        self.original: Post | None = None  # the one that it repeats
        self.latest_repeat: Post | None = None  # the last one that came to wait for this one
        self.finished = Event()  # set when its end is recorded
        self.forget_at = float('inf')  # counted from its end: one that is unfinished is never forgotten
        self.created_json = b''  # the response for a repeat; empty if it is unfinished or failed
        self.summary = ''  # of what was created, for the log

    def enter(self, stage: Stage) -> None:
        """Change the stage. The turn ends as soon as the post leaves a call or ends."""
        if self.stage is Stage.IN_CALL or stage in (Stage.CREATED, Stage.REJECTED, Stage.LOST):
            self.turn.close()
        self.stage = stage

    def keep(self) -> None:
        """Let the post go on without its sender and without the memory of its request.

        It has no deadline, since nobody reads a 503. Only a rejected group gives it one again, at which it is set aside.
        """
        self.is_kept = True
        self.hand_over_by = math.inf
        self.memory_bytes = self.size

    def keep_if_gone(self) -> bool:
        """Keep the post if its sender is gone. Return whether it is kept.

        A post that is kept already is kept again, which ends a deadline that a rejected group has given it.
        """
        if self.is_kept or self.is_gone():
            self.keep()
        return self.is_kept

    def fail(self, error_class: type[Rejected], reason: str) -> None:
        """End the post with this error class, or RejectedByServer if it is partly created; the text says why and what exists."""
        what_exists = 'Nothing was created.'
        if self.is_partly_created:
            error_class = RejectedByServer  # a 503 would ask for a retry, which would create a part a second time
            more = ', and more may exist' if self.is_in_doubt else ''
            what_exists = f'{len(self.created):,} of its {self.total:,} incidents exist{more}.'
        elif self.is_in_doubt:
            what_exists = 'The incident may exist.' if self.total == 1 else 'Its incidents may exist.'
        self.enter(Stage.LOST if self.is_kept else Stage.REJECTED)
        self.result.set_exception(error_class(f'{reason} {what_exists}'))

    @property
    def is_partly_created(self) -> bool:
        """Return whether a call with some or all of its incidents succeeded: they exist, or XSOAR has dropped them."""
        return bool(self.created) or len(self.incidents) < self.total

    @property
    def will_retry(self) -> bool:
        """Return whether the sender will probably send the same again: it waited and is gone, or could read our 502 or 503."""
        return self.sender is Sender.RETRIES or (self.sender is Sender.WAITS and self.is_gone())

    def drop_connection(self) -> None:
        """Freeze whether the sender will send the same again, and drop what would be kept in memory for it.

        That is its connection; and the incidents of a repeat, which others create.
        """
        if self.will_retry:
            self.sender = Sender.RETRIES
        self.is_gone = bool  # returns False: without a connection nothing more is seen, and what was frozen stays
        if self.original:
            self.incidents = []

    def ask_for_retry(self) -> None:
        """Record that a 502 or 503 is on its way to the sender while the post goes on, unless a retry is certain anyway."""
        if self.sender is not Sender.RETRIES:
            self.sender = Sender.ASKED

    def counts_as_original_now(self) -> bool:
        """Return whether a request with the same key that arrives now counts as a retry of this one, not as a new event.

        Without a delivery id it is one only if a retry is expected: a doubled incident is better than a lost one.
        """
        return (self.has_id or (self.latest_repeat or self).will_retry) and time.monotonic() < self.forget_at

    def record_created(self, most_bytes: int) -> bytes:
        """Keep what was created as the response for a repeat, and as a summary for the log. Return the whole response.

        Of a response larger than `most_bytes`, keep the ids and names, so that a retry of a large post creates nothing either.
        From now on the time counts until it is forgotten.
        """
        self.forget_at = time.monotonic() + (REMEMBER_SECONDS if self.has_id else REMEMBER_WITHOUT_ID_SECONDS)
        created = self.result.get() or []
        ids = ', '.join(str(incident.get('id')) for incident in created)
        summary = f'incident {ids}' if len(created) == 1 else f'{len(created) or "no"} incidents {ids}'
        self.summary = summary.strip()[:150]
        response = to_response(created)
        self.created_json = response if len(response) <= most_bytes else short_response(created)
        self.result.set([])  # the incidents are not needed any more, and would stay in memory as long as the post
        return response

    def note_and_result(self, skipped: str) -> tuple[str, str]:
        """Return the note for the log and the result for the history of a request whose incidents exist.

        `skipped` names events of the request that became no incidents. The result is 'skipped' if XSOAR has dropped all others.
        """
        creator = self.original or self
        note = ('repeat of ' if self.original else '') + creator.summary + (f', skipped: {skipped}' if skipped else '')
        if creator.created_json == b'[]':  # XSOAR replies with an empty list if a pre-process rule dropped everything
            return note, 'skipped'
        return note, 'repeat' if self.original else 'created'


def to_response(created: list[Any]) -> bytes:
    """Return the JSON of created incidents; a short one if theirs cannot be written: the incidents exist all the same."""
    with suppress(ValueError, OverflowError, RecursionError):  # half a surrogate pair, a huge number, 900 levels
        return format_json(to_json(created), indent=0)  # on one line, with spaces
    return short_response(created)


def short_response(created: list[Any]) -> bytes:
    """Return the JSON of created incidents with nothing but their ids and names."""
    return json.dumps([{key: incident.get(key) for key in ('id', 'name')} for incident in created]).encode()
