"""The memory of deliveries: which request repeats another."""
import time

from msgspec import Struct

from receiver.limits import HAND_OVER_SECONDS, MAX_REMEMBERED_BYTES, MAX_REMEMBERED_DELIVERIES
from receiver.problems import Unavailable
from receiver.queue.posts import EARLY_CLOSE_SECONDS, FIRST_LOOK_SECONDS, LOOK_EVERY_SECONDS, Post, Sender, Stage
from receiver.queue.queue import PostQueue


class DeliveryMemory(Struct):
    """Recent posts and the responses to them, so that a retry gets the first response and creates nothing."""

    queue: PostQueue
    most: int = MAX_REMEMBERED_DELIVERIES
    most_bytes: int = MAX_REMEMBERED_BYTES
    # Unfinished and remembered posts by key. Equal requests without an id can be several events, hence the lists.
    by_key: dict[bytes, list[Post]] = {}
    remembered: dict[Post, None] = {}  # finished ones: an ordered set, oldest first
    size: int = 0  # bytes of their responses

    def create_once(self, post: Post) -> bytes | None:
        """Create the incidents of a post, or wait for the earlier one that it repeats (its original). Return the response.

        If the original fails, create the incidents after all. Raise a Rejected if they cannot be created. Return None if the
        sender is gone before they exist: the post, or its original, goes on without it.
        """
        try:
            while original := next(filter(Post.counts_as_original_now, self.by_key.get(post.key, ())), None):
                post.original = original
                if original.finished.is_set():  # and still in `by_key`, so it succeeded
                    if not original.has_id:
                        self.forget(original)  # one retry was expected, and is here; the next equal request is a new event
                    return original.created_json
                if not self.wait_for_original(original, post):
                    return None
                if original.created_json:
                    return original.created_json
                # It has failed, and `finish` has forgotten it: look for another.
            post.original = None
            return self.queue_and_wait(post)
        finally:
            post.drop_connection()

    def wait_for_original(self, original: Post, post: Post) -> bool:
        """Wait until the original of a repeat, `post`, is finished, and return True; or return False, as `wait_for_end` does.

        Raise Unavailable if that takes too long, or if the queue is full: the repeat counts towards its limits while it waits.
        """
        self.queue.check_room(post.memory_bytes)
        self.queue.repeats.append(post)
        self.queue.hurry(original, time.monotonic())
        original.latest_repeat = post  # from now on this sender says whether a retry is expected
        try:
            return self.wait_for_end(post) and original.finished.wait()
        finally:
            self.queue.repeats.remove(post)

    def queue_and_wait(self, post: Post) -> bytes | None:
        """Queue the post, wait for its end, and return the response. Return None as soon as the sender is gone.

        Raise the post's error, or that of a full queue. Remember the post if it succeeds, also without its sender.
        """
        self.by_key.setdefault(post.key, []).append(post)
        try:
            post.turn = post.take_turn(post.is_gone)
            self.queue.add(post)
        except Unavailable as error:  # the end of the post, like any other: repeats may wait for it, and it is raised below
            post.enter(Stage.REJECTED)
            post.result.set_exception(error)
        if not self.wait_for_end(post):
            post.result.rawlink(lambda _: self.finish(post))
            return None
        response = self.finish(post)
        post.result.get()  # raises the error
        return response

    def wait_for_end(self, post: Post) -> bool:
        """Wait until a post, or its original if it is a repeat, has its result. Return False if its sender is gone before.

        Look at the connection after FIRST_LOOK_SECONDS, then every LOOK_EVERY_SECONDS. At the deadline raise Unavailable for a
        repeat, and fail a post that still waits for a call.
        """
        awaited, deadline = post.original or post, post.hand_over_by
        # A sender that was seen to wait, and then is gone, has left. One that was gone at the first look may have closed only its
        # sending side: until this moment it may still read.
        early_close_ends = min(time.monotonic() + FIRST_LOOK_SECONDS + EARLY_CLOSE_SECONDS, deadline)
        awaited.result.wait(FIRST_LOOK_SECONDS)
        while not awaited.result.ready():
            now = time.monotonic()
            if not post.is_gone():
                post.sender = Sender.WAITS
            elif (post.sender is Sender.WAITS or now >= early_close_ends) and not awaited.result.ready():  # `is_gone` may yield
                awaited.keep()  # also the original of a repeat: both senders may have sent it for the last time
                post.keep()  # also a repeat: the log says that its sender had left
                return False
            if now >= deadline:
                if post.original:
                    raise Unavailable('An identical request is still being processed: send it again.', Connection='close')
                # The queue expires its posts before each call, but the call in flight may last long beyond this moment.
                self.queue.expire(deadline)
                if post.is_kept:  # because the sender of a repeat of it was gone: it may take any time
                    return False
                deadline += HAND_OVER_SECONDS  # for a post that is in a call or partly created
            awaited.result.wait(min(LOOK_EVERY_SECONDS, deadline - now))
        return True

    def finish(self, post: Post) -> bytes:
        """Record the end of a post, and remember it if it succeeded and a retry can follow. Return the response, or b''.

        Then forget the oldest beyond the limits.
        """
        response = post.record_created(self.most_bytes) if post.result.successful() else b''
        post.incidents, post.created = [], []
        post.finished.set()
        self.remembered[post] = None
        self.size += len(post.created_json)
        # Of a sender that is ASKED, record_read will say whether it could read that.
        may_be_repeated = post.counts_as_original_now() or (post.latest_repeat or post).sender is Sender.ASKED
        if not post.created_json or not may_be_repeated:
            self.forget(post)  # which also takes it out of `by_key`, where it has been since it was queued
        while len(self.remembered) > self.most or self.size > self.most_bytes:
            self.forget(next(iter(self.remembered)))
        return response

    def record_read(self, post: Post, could_read: bool) -> None:
        """Record whether the sender of a post could read the 502 or 503 that asks it for a retry."""
        if could_read:
            post.sender = Sender.RETRIES
        elif post.sender is Sender.ASKED:
            post.sender = Sender.NEW  # it does not know that it was asked
        if post in self.remembered and not post.counts_as_original_now():
            self.forget(post)

    def forget(self, post: Post) -> None:
        """Remove a remembered post."""
        del self.remembered[post]
        self.size -= len(post.created_json)
        self.by_key[post.key].remove(post)
        if not self.by_key[post.key]:
            del self.by_key[post.key]
        post.latest_repeat = None  # which refers to this post: the cycle would stay in memory
