"""The line to the server: the only caller of demisto while the script serves."""
import json
import math
import reprlib
import select
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import demistomock as demisto
import gevent
from gevent.event import Event

from receiver.image import show_health
from receiver.journal.health import Health
from receiver.journal.history import LONGEST_CALL, History, HistoryEntry, read_history
from receiver.journal.log import LogBuffer
from receiver.journal.samples import read_samples, with_samples
from receiver.limits import CONTEXT_EVERY_SECONDS, LONGEST_CALL_SECONDS, STOP_SECONDS
from receiver.problems import escaped, utc_text
from receiver.queue.owners import created_incidents, error_beside
from receiver.queue.posts import with_text
from receiver.queue.queue import PostQueue
from receiver.silences import Silences

SILENT_CALLS = 3  # so many first calls without a reply are no coincidence
SILENT_SERVER = ('. XSOAR has not replied since the container started, as some of its versions do even when they create '
                 'incidents. So each delivery gets a 502 and is sent again. If the incidents exist, disable the instance and '
                 'update XSOAR; if not, look for a pre-process rule that drops them.')


class ServerLine:
    """The only caller of demisto while serving: a greenlet (`run`) decides on the next call, a native thread makes it.

    Between the calls for posts it sends health, log lines and context at intervals. That an error is over is sent at once.
    """

    def __init__(self, log_every: float = 1, health_every: float = 60, context_every: float = CONTEXT_EVERY_SECONDS) -> None:
        self.queue = PostQueue()
        self.health = Health(health_every)
        self.log_buffer = LogBuffer()
        self.log_every = log_every
        self.samples: list[dict[str, Any]] = []
        self.history = History()
        self.silences = Silences(self.queue)
        self.is_restored = False  # whether what the previous container saved has been read
        self.is_unsaved = self.is_save_urgent = False  # whether to save samples and history when it is time, or at once
        self.replyless_calls: float = 0  # how many calls of createIncidents got an empty reply; -inf once one got any other
        self.context_every = context_every
        self.logs_due_at = self.context_due_at = 0.0
        self.ending = Event()  # set when the process is to stop
        self.is_cut = False  # the server is gone
        self.is_finishing = False  # only the log lines still waiting and the context are left to send
        self.thread = ThreadPoolExecutor(max_workers=1)  # the native thread
        self.replied = gevent.get_hub().loop.async_()  # by which that thread resumes the greenlet
        self.replied_at = 0.0
        self.runner = gevent.spawn(self.run)
        self.runner.link_exception(lambda _: self.cut())  # if `run` failed, no incident would be created any more

    def log(self, level: str, text: str, reason: str = '') -> None:
        """Queue a log line. In a flood of lines with an equal `reason`, keep the first ones and count the others."""
        if reason and not self.log_buffer.reasons:  # the first reason begins a flood
            gevent.spawn_later(self.log_buffer.flood_seconds, self.log_buffer.end_flood)
        self.log_buffer.add(level, text, reason)
        self.queue.wake.set()

    def record(self, entry: HistoryEntry, status: int, note: str, result: str) -> None:
        """Complete the entry of a request, and add it to the history."""
        entry.time = entry.since = utc_text(int(time.time()))
        entry.status, entry.note = status, escaped(note, 250)
        entry.result = 'rejected' if status >= HTTPStatus.BAD_REQUEST else result
        self.history.add(entry)
        self.is_unsaved = True
        if note.startswith('The receiver was busy'):
            self.health.show_slowness(f'{note.partition(":")[0]} until {entry.time}.')

    def record_listening(self, since: str) -> None:
        """Save at once the time since which the port has been open; '' means it is closed.

        No watch counts the time before, in which senders could not be heard.
        """
        self.history.listening_since, self.silences.listened_at = since, time.monotonic()
        self.is_save_urgent = True

    def record_duration(self, seconds: float) -> None:
        """Keep the longest call. If this one took long, show that in the health."""
        now = utc_text(int(time.time()))
        self.history.count(now[:13], LONGEST_CALL, round(seconds, 1))
        if seconds > LONGEST_CALL_SECONDS:
            self.health.show_slowness(f'XSOAR did not reply for {seconds:.0f} s until {now}.')

    def stop(self) -> None:
        """Reject every further post, and ask the process to end. Posts in the queue are still created (see `drain`)."""
        self.queue.close('The integration is stopping: send it again.')
        self.ending.set()

    def cut(self) -> None:
        """Give up every post, and ask the process to end: the server is gone, and only a new process gets a new line."""
        self.is_cut = True
        self.queue.close('The line to XSOAR is cut: send it again.')
        self.queue.abandon()
        self.ending.set()

    def drain(self) -> None:
        """Wait up to STOP_SECONDS for the queue to empty, fail what is left of it, and send the last log lines."""
        # The platform's thread for heartbeats would go on while the process ends, and leave half a line of text on stdout.
        getattr(demisto, 'long_running_heartbeat_thread', bool)(False)  # a platform without that function is left alone
        wait_until(lambda: self.queue.is_empty, STOP_SECONDS)
        self.queue.abandon()
        gevent.sleep(0.01)  # for the log lines of what has just been abandoned
        self.log_buffer.end_flood()
        self.record_listening('')
        self.is_finishing = True  # from now on `run` ends as soon as the log lines and the context have been sent
        self.queue.wake.set()
        self.runner.join(timeout=1)  # ending in the middle of a call would leave half a line of text on stdout
        with suppress(OSError):  # a server that is gone reads no stderr, either
            # Not by print: that of the platform uses the line, which is busy or cut.
            sys.stderr.writelines(f'{text}\n' for text in self.log_buffer.lines.get('error', ()))

    def run(self) -> None:
        """Make the calls that are due, one after the other, until the line is cut or everything has been sent."""
        self.restore()
        while not self.is_cut and (not self.is_finishing or self.log_buffer.lines or self.is_save_urgent):
            self.report_silences()
            if has_hung_up():  # before each call: incidents handed to a server that is gone would stay in doubt
                self.cut()
            elif not (self.send_what_is_due() or self.create_next()):
                self.queue.wake.wait(0.25)  # not longer, to see a hang-up and what has become due
                self.queue.wake.clear()

    def report_silences(self) -> None:
        """Queue the silences, and their ends, that are due. Log and record those that are created or lost."""
        self.silences.listen(time.monotonic(), bool(self.history.listening_since))
        for post, name in self.silences.look(time.time()):  # whose incident has just been created, dropped or lost
            is_lost = not post.result.successful()
            note = f'lost: {name}' if is_lost else f'{name}: incident {post.created[0]["id"] if post.created else "dropped"}'
            self.log('error' if is_lost else 'info', f'SILENCE: {note}')
            self.record(HistoryEntry(is_accepted=True), 502 if is_lost else 200, note, 'silence')
            self.is_save_urgent |= not is_lost or post.is_in_doubt  # a restart before the save would report it again
        self.is_unsaved |= self.silences.clock >= self.silences.save_at

    def restore(self) -> None:
        """Read the samples and the history that the previous container saved, and add those of this container.

        If the call fails, change nothing: `is_restored` stays False, and the next save tries again first.
        """
        context, error = self.call(demisto.getIntegrationContext)
        if error:
            return
        new, self.history = self.history, read_history(context)
        self.history.absorb(new)
        self.silences.restore(context)
        self.samples = with_samples(read_samples(context), self.samples)
        self.is_restored = True

    def record_reply(self, _: object) -> None:
        """Record when a call ended, in its thread, since the greenlets may be busy far beyond that. Resume the one that waits."""
        self.replied_at = time.monotonic()
        self.replied.send()  # unlike most of gevent, safe to use from another thread

    def call(self, function: Callable[..., Any], *args: Any) -> tuple[Any, BaseException | None]:
        """Make one call in the native thread while other greenlets run. Return its result and None, or None and its error.

        gevent.threadpool would resume the greenlet only after all sockets that are ready: while many requests arrive, the line
        would sit idle for a long time.
        """
        began = time.monotonic()
        self.replied.start(gevent.getcurrent().switch)
        future = self.thread.submit(function, *args)
        future.add_done_callback(self.record_reply)
        gevent.get_hub().switch()  # until `replied` switches back
        self.replied.stop()
        self.record_duration(self.replied_at - began)
        error = future.exception()  # any, even SystemExit
        if error and has_ended_line(error, is_create=function == demisto.createIncidents):
            self.cut()
        return (None if error else future.result()), error

    def create_next(self) -> bool:
        """Make the next call for the posts in the queue; return False if none waits."""
        incidents = list(map(with_text, self.queue.next_call(time.monotonic())))
        if count := len(incidents):
            result, error = self.call(demisto.createIncidents, incidents)
            self.queue.ended_at = self.replied_at
            if self.queue.in_flight:  # otherwise a stop or the end of the line has given up the posts meanwhile
                self.record_result(result, error, incidents)
            del result, incidents  # before the responses are written: each may take as much memory again
        if count > 1:  # otherwise only one sender gets a response, and there is nobody to wait for
            self.let_senders_post_again()
        return count > 0

    def let_senders_post_again(self) -> None:
        """Pause after a call, for an eighth of the time that it took beyond 8 ms, and at most 5 ms."""
        # Senders that got a response may post again at once. Without a pause the next call would have only the posts of
        # the other senders, and the two groups of senders would take turns for ever, each in half-full calls. A shorter call
        # costs less than the pause.
        gevent.sleep(min(max(time.monotonic() - self.queue.began_at - 0.008, 0) / 8, 0.005))
        gevent.sleep(0.0002)  # for the event loop to read what has arrived meanwhile
        gevent.sleep(0)  # for the greenlets of these requests to start
        gevent.sleep(0)  # ... and to queue their posts

    def record_result(self, result: Any, error: BaseException | None, incidents: list[dict[str, Any]]) -> None:
        """Record how a createIncidents call ended: not sent, not confirmed, or with created incidents."""
        now, created = time.monotonic(), created_incidents(result)
        # A RuntimeError means that the line's lock was not free in time, so nothing was sent. Its subclass RecursionError
        # does not: it comes from reading a reply.
        if type(error) is RuntimeError:
            self.queue.record_unsent(now)
            return
        self.replyless_calls = self.replyless_calls + 1 if not error and result in (None, '') else -math.inf
        if created is None:
            fault = escaped(unconfirmed_reason(result, error)) + (SILENT_SERVER if self.replyless_calls >= SILENT_CALLS else '')
            self.queue.record_unconfirmed(now)
        else:
            fault = error_beside(result)  # '' if all is well
            self.health.record_success()
            self.samples, self.is_unsaved = with_samples(self.samples, incidents), True
            if not self.queue.record_created(created, now, has_error=bool(fault)):
                self.log('info', "XSOAR's reply to several requests could not be matched to them: "
                                 f'for {self.queue.alone_seconds} s each request goes in a call of its own.')
        if fault:
            self.health.error = f'XSOAR did not confirm that it created incidents: {fault}'

    def send_what_is_due(self) -> bool:
        """Send one thing that is due: health, else one level of log lines, else the context. Return False if nothing is due."""
        now = time.monotonic()
        if self.health.is_due(now):
            text = self.health.text
            _, error = self.call(show_health, text)
            self.health.record_sent(text, error is not None, time.monotonic())
        elif self.log_buffer.lines and (now >= self.logs_due_at or self.queue.closed_because):  # any call may be the last
            self.logs_due_at = now + self.log_every
            level, text = self.log_buffer.drain()
            self.call(getattr(demisto, level), text)
        elif self.is_save_urgent or (self.is_unsaved and now >= self.context_due_at):
            self.save_context()
        else:
            return False
        return True

    def save_context(self) -> None:
        """Save the samples and the history in the integration context. If that fails, try again when the next save is due."""
        if not self.is_restored:
            self.restore()  # a save without it would replace what the previous container saved
        if not self.is_save_urgent:  # an urgent save does not put off the next one that is due
            self.context_due_at = time.monotonic() + self.context_every
        self.is_save_urgent = self.is_unsaved = False
        self.history.saved, self.history.waiting = time.time(), len(self.queue.waiting)
        context = {'samples': json.dumps(self.samples)} | self.history.to_context() | self.silences.to_context()
        if not self.is_restored or self.call(demisto.setIntegrationContext, context)[1] is not None:
            self.is_unsaved, self.context_due_at = True, time.monotonic() + self.context_every  # even an urgent save is put off


def has_ended_line(error: BaseException, is_create: bool) -> bool:
    """Return whether a call's error means that the server is gone, and not only that this call failed.

    If the line is closed, a call raises a ValueError with a fixed message. After createIncidents it counts only if stdin has
    ended, too: an error reply may quote an incident's name, which a sender chooses. If stdin has not ended, the next log call
    shows whether the line is closed, since its reply quotes no sender. (An XSOAR engine, which stands between, may send the
    message as an error reply when it has lost its server: that means the same.)
    """
    if isinstance(error, json.JSONDecodeError):  # at the end of stdin, the reply is empty or cut off
        return not error.doc or has_hung_up()
    is_closed = type(error) is ValueError and str(error).strip() == 'Try to write when connection closed'
    return isinstance(error, OSError) or (is_closed and (not is_create or has_hung_up()))


SHORT = reprlib.Repr()  # a reply may have many MiB
SHORT.maxstring = SHORT.maxother = 300


def unconfirmed_reason(result: Any, error: BaseException | None) -> str:
    """Return the reason why a call confirmed no incident, for the health: never an empty one."""
    if isinstance(error, json.JSONDecodeError | RecursionError):
        return f'its reply could not be read: {error}'
    if error:
        return str(error) or type(error).__name__
    return f'there is no incident in its reply: {SHORT.repr(result)}'


def has_hung_up(file: int = 0, events: int = 0) -> bool:
    """Return whether a file, by default stdin, has been closed by its other side, or one of the `events` has come to it."""
    poll = select.poll()
    poll.register(file, events)  # 0: only hang-up and error, which poll always reports
    return bool(poll.poll(0))


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait until the condition is true, but no longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        gevent.sleep(0.01)
