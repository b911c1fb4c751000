"""An alarm for silence, as senders and the server see it: over real sockets, in this process, whose clock the test sets."""
from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import demistomock
import GenericWebhook
import gevent
import pytest
from clocks import PATIENCE_SECONDS, Clock, until
from GenericWebhook import Listener, ServerLine, read_history
from own_server import ask, listener
from shared.app import NOW
from shared.webhook import TOKEN, Answer

pytestmark = pytest.mark.sockets

STEP = 8  # seconds; of a longer step, what exceeds 10 s would count as a hang
BEAT = b'{"beat": 1}'
NOT_SENT = RuntimeError('the line is busy')


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The script's clock, and the time of the day, which go on only when the test sets them."""
    with Clock(GenericWebhook, began=1000, unix=NOW) as running:
        yield running


class Server:
    """What XSOAR holds, and a Listener before it whose line is real."""

    def __init__(self, clock: Clock, listener: Listener) -> None:
        self.clock = clock
        self.incidents: list[dict[str, Any]] = []
        self.contexts: list[dict[str, str]] = []
        self.rejects = ''  # incidents whose name begins with this
        self.error: Exception = ValueError('the server rejects this')
        self.drops = False
        self.may_reply = threading.Event()
        self.may_reply.set()
        demistomock.declare(createIncidents=self.create, setIntegrationContext=self.contexts.append)
        demistomock.declare(**dict.fromkeys(('info', 'error', 'debug', 'updateModuleHealth'), ''))
        self.use(listener)

    def use(self, listener: Listener) -> None:
        self.listener, self.line = listener, listener.app.line
        self.line.record_listening('now')

    def create(self, incidents: list[dict[str, Any]], *_: object) -> list[dict[str, Any]]:
        assert self.may_reply.wait(PATIENCE_SECONDS)
        if self.rejects and any(each['name'].startswith(self.rejects) for each in incidents):
            raise self.error
        first = len(self.incidents) + 1
        self.incidents += incidents
        return [] if self.drops else [{'id': str(number), **each} for number, each in enumerate(incidents, first)]

    def send(self, query: str, body: bytes = BEAT, method: str = 'POST', **headers: str) -> Answer:
        return ask(self.listener, body, f'?{query}', method, **{key.replace('_', '-'): text for key, text in headers.items()})

    @contextmanager
    def hanging_call(self) -> Iterator[None]:
        """Hold the call of another event until the block ends."""
        self.may_reply.clear()
        waiting = gevent.spawn(self.send, '')
        until(lambda: self.line.queue.in_flight)
        yield
        self.may_reply.set()
        assert waiting.get().status == 200

    def beat(self, name: str = 'Backups', every: str = '1m', more: str = '') -> Answer:
        """Send a heartbeat that creates no incident of its own."""
        answer = self.send(f'expect={every}%3A{name}&skip=beat{more}')
        assert (answer.status, answer.text) == (200, '[]')
        return answer

    def lapse(self, seconds: float) -> None:
        """Let the time pass, in steps in each of which the line looks at the clock."""
        end = self.clock.passed + seconds
        while self.clock.passed < end:
            self.clock.passed = min(self.clock.passed + STEP, end)
            self.line.queue.wake.set()
            until(lambda: self.line.silences.listened_at == self.clock.now)
        gevent.sleep(0)

    def names(self) -> list[str]:
        return [each['name'] for each in self.incidents]

    def has(self, *names: str) -> None:
        """Wait for these incidents, and check that there are no others."""
        until(lambda: len(self.incidents) >= len(names))
        self.settle()
        assert self.names() == [*names]

    def stop(self) -> None:
        """Stop the container, and wait for its last call: a later one would reach the next test."""
        self.line.stop()
        self.line.drain()
        gevent.joinall([self.line.runner], timeout=PATIENCE_SECONDS)

    def settle(self) -> None:
        """Wait until the line has nothing to do."""
        until(lambda: self.line.queue.is_empty and not self.line.silences.events and not self.line.is_save_urgent)


@pytest.fixture
def xsoar(clock: Clock, server: Listener) -> Server:
    return Server(clock, server)


def test_a_sender_that_falls_silent_has_one_incident_and_one_end(xsoar: Server) -> None:
    assert not xsoar.beat(more='&type=Silence&severity=high').headers.get('x-webhook-note')
    xsoar.lapse(59)
    xsoar.has()
    xsoar.lapse(1 + 300)
    details = '{"silence":{"of":"Backups","expected_every":"1m","last":"2026-11-24T10:00:00Z"}}'
    both = {'type': 'Silence', 'rawJSON': details, 'dbotMirrorId': 'silence/Backups'}
    key = {'type': 'problem', 'value': 'silence/Backups'}
    silence = both | {'name': 'No events for 1 minute: Backups', 'occurred': '2026-11-24T10:01:00Z',
                      'severity': 3, 'labels': [key]}
    xsoar.has('No events for 1 minute: Backups')
    assert xsoar.incidents == [silence]
    xsoar.beat(more='&type=Silence&severity=high')
    end = {'name': 'Events again after 6 minutes: Backups', 'occurred': '2026-11-24T10:06:00Z', 'severity': 0.5,
           'labels': [{'type': 'state', 'value': 'resolved'}, key]} | both
    xsoar.has('No events for 1 minute: Backups', 'Events again after 6 minutes: Backups')
    assert xsoar.incidents == [silence, end]
    xsoar.lapse(59)
    xsoar.has('No events for 1 minute: Backups', 'Events again after 6 minutes: Backups')
    notes = ['No events for 1 minute: Backups: incident 1', 'Events again after 6 minutes: Backups: incident 2']
    until(lambda: [each.note for each in read_history(xsoar.contexts[-1]).accepted if each.result == 'silence'] == notes)
    until(lambda: [line.partition('SILENCE: ')[2] for text, in demistomock.calls_of('info')
                   for line in text.splitlines() if ' SILENCE: ' in line] == notes)


def test_every_post_that_is_accepted_is_a_sign_of_life_and_nothing_else_is(xsoar: Server) -> None:
    signed = f'sha256={hmac.digest(TOKEN.encode(), BEAT, hashlib.sha256).hex()}'
    names = ['created', 'skipped', 'below', 'broken', 'repeat', 'signed', 'put', 'envelope', 'full',
             'get', 'wrong', 'unsigned', 'forged']
    for name in names:
        xsoar.beat(name)
    xsoar.lapse(40)
    word = 'expect=1m%3A'
    assert xsoar.send(f'{word}created').status == 200
    assert xsoar.send(f'{word}skipped&skip=beat').text == '[]'
    assert xsoar.send(f'{word}below&at_least=high', b'{"severity": "low", "title": "Disk"}').text == '[]'
    assert xsoar.send(f'{word}broken', b'{"beat": ').status == 400
    for _ in range(2):
        assert xsoar.send(f'{word}repeat', webhook_id='1').status == 200
    assert xsoar.send(f'{word}signed', Authorization='none', X_Hub_Signature_256=signed).status == 200
    assert xsoar.send(f'{word}put', method='PUT').status == 200
    assert xsoar.send(f'{word}envelope', b'').status == 200
    assert xsoar.send(f'{word}get', method='GET').status == 200
    assert xsoar.send(f'{word}wrong', Authorization='wrong').status == 401
    assert xsoar.send(f'{word}unsigned', Authorization='').status == 401
    assert xsoar.send(f'{word}forged', Authorization='none', X_Hub_Signature_256=f'sha256={"0" * 64}').status == 401
    xsoar.line.queue.most_posts = 1
    with xsoar.hanging_call():
        assert xsoar.send(f'{word}full').status == 503
    xsoar.line.queue.most_posts = 1000
    xsoar.incidents.clear()
    xsoar.lapse(20)
    silent = [f'No events for 1 minute: {name}' for name in ('get', 'wrong', 'unsigned', 'forged')]
    xsoar.has(*silent)


def test_while_nobody_can_be_heard_the_time_stands_still(xsoar: Server) -> None:
    xsoar.beat()
    xsoar.lapse(10)
    xsoar.line.record_listening('')
    xsoar.lapse(3600)  # the port is closed
    xsoar.line.record_listening('now')
    xsoar.lapse(10)
    xsoar.line.queue.most_posts = 1
    with xsoar.hanging_call():
        assert xsoar.send('').status == 503
        xsoar.clock.passed += 8  # the queue is full
    xsoar.line.queue.most_posts = 1000
    with xsoar.hanging_call():
        xsoar.clock.passed += 3600  # ... of a call, of which 10 s count
        xsoar.beat('Heard')
    xsoar.incidents.clear()
    xsoar.lapse(25)
    xsoar.has()
    xsoar.lapse(30)
    xsoar.has('No events for 1 minute: Backups')
    xsoar.lapse(5)
    xsoar.has('No events for 1 minute: Backups', 'No events for 1 minute: Heard')


def test_a_silence_that_begins_in_a_call_that_hangs_occurred_when_it_began(xsoar: Server) -> None:
    xsoar.beat()
    xsoar.lapse(55)
    with xsoar.hanging_call():
        xsoar.clock.passed += 3600  # of which 10 s count: the silence begins in the first 5
    until(lambda: len(xsoar.incidents) == 2)
    assert xsoar.incidents[1]['occurred'] == '2026-11-24T10:01:00Z'
    xsoar.line.silences.clock += 30 * 24 * 3600  # as if so much time had passed: it is over
    until(lambda: not xsoar.line.silences.watches)


def test_a_silence_that_waits_is_withdrawn_and_one_in_a_call_is_awaited_even_if_a_rule_drops_it(xsoar: Server) -> None:
    xsoar.rejects, xsoar.error = 'No events', NOT_SENT
    xsoar.beat()
    xsoar.lapse(60)
    until(lambda: any(post.aside for post in xsoar.line.queue.waiting))
    xsoar.beat()
    until(lambda: xsoar.line.queue.is_empty)
    xsoar.rejects = ''
    xsoar.lapse(59)
    xsoar.has()
    xsoar.drops = True
    xsoar.may_reply.clear()
    xsoar.lapse(1)
    until(lambda: xsoar.line.queue.in_flight)
    xsoar.beat()
    xsoar.may_reply.set()
    xsoar.has('No events for 1 minute: Backups', 'Events again after 1 minute: Backups')


def test_an_end_that_waits_is_withdrawn_if_the_sender_falls_silent_again(xsoar: Server) -> None:
    xsoar.beat()
    xsoar.lapse(60)
    xsoar.has('No events for 1 minute: Backups')
    xsoar.rejects, xsoar.error = 'Events again', NOT_SENT
    xsoar.beat()
    until(lambda: any(post.aside for post in xsoar.line.queue.waiting))
    xsoar.lapse(60)
    until(lambda: xsoar.line.queue.is_empty)
    xsoar.rejects = ''
    xsoar.lapse(7200 - 120)
    xsoar.has('No events for 1 minute: Backups')
    xsoar.beat()
    xsoar.has('No events for 1 minute: Backups', 'Events again after 2 hours: Backups')


@pytest.mark.parametrize('is_lost', [False, True])
def test_a_silence_in_doubt_whose_sender_is_back_is_awaited_and_its_end_follows_even_if_it_is_lost(
        xsoar: Server, is_lost: bool) -> None:
    xsoar.rejects = 'No events'
    xsoar.beat()
    xsoar.lapse(60)
    until(lambda: any(post.aside for post in xsoar.line.queue.waiting))
    xsoar.beat(every='2h')
    if is_lost:
        xsoar.line.queue.abandon()
    else:
        xsoar.rejects = ''
        xsoar.lapse(1)
    xsoar.has(*['No events for 1 minute: Backups'] * (not is_lost), 'Events again after 1 minute: Backups')


def test_an_end_in_doubt_is_awaited_though_the_sender_falls_silent_again_and_the_next_silence_follows(xsoar: Server) -> None:
    silence, end = 'No events for 1 minute: Backups', 'Events again after 1 minute: Backups'
    xsoar.beat()
    xsoar.lapse(60)
    xsoar.has(silence)
    xsoar.rejects = 'Events again'
    xsoar.beat()
    until(lambda: any(post.aside for post in xsoar.line.queue.waiting))
    xsoar.lapse(60)
    xsoar.rejects = ''
    xsoar.lapse(600)
    xsoar.has(silence, end, silence)


def test_off_ends_a_watch_and_its_silence(xsoar: Server) -> None:
    xsoar.beat('Old')
    xsoar.beat('New')
    xsoar.lapse(30)
    xsoar.beat('New', 'off')
    xsoar.lapse(30)
    xsoar.has('No events for 1 minute: Old')
    xsoar.beat('Old', 'off')
    xsoar.beat('Never', 'off')
    xsoar.has('No events for 1 minute: Old', 'Events again after 1 minute: Old')
    assert xsoar.incidents[0]['severity'] == 2, 'medium'
    xsoar.lapse(120)
    xsoar.has('No events for 1 minute: Old', 'Events again after 1 minute: Old')
    assert not xsoar.line.silences.watches
    until(lambda: xsoar.contexts and 'silences' not in xsoar.contexts[-1])


def test_whatever_the_wall_clock_does_no_end_is_before_its_silence_and_no_silence_before_an_end(xsoar: Server) -> None:
    for number, hours in enumerate((0, -24, 48, -96)):
        xsoar.clock.unix = NOW + hours * 3600
        xsoar.beat()
        until(lambda: len(xsoar.incidents) == 2 * number)  # noqa: B023 - called at once
        xsoar.lapse(60)
        until(lambda: len(xsoar.incidents) == 2 * number + 1)  # noqa: B023 - called at once
    xsoar.beat()
    until(lambda: len(xsoar.incidents) == 8)
    times = [each['occurred'] for each in xsoar.incidents]
    assert times == sorted(times) and times[0] == '2026-11-24T10:01:00Z'
    assert xsoar.names()[1] == 'Events again after 1 minute: Backups'


def test_after_a_restart_a_silence_goes_on_and_the_others_get_some_time(xsoar: Server) -> None:
    for name, every in ('Silent', '1m'), ('Short', '2m'), ('Long', '1h'), ('Longer', '1h'):
        xsoar.beat(name, every)
    xsoar.lapse(60)
    xsoar.beat('Short', '2m')
    xsoar.lapse(30 * 60 - 60)
    xsoar.has('No events for 1 minute: Silent', 'No events for 2 minutes: Short')
    xsoar.beat('Longer', '1h')
    xsoar.lapse(25 * 60)
    xsoar.beat('Quick', '5m')
    xsoar.stop()
    with closing(another(xsoar)) as listener:
        xsoar.use(listener)
        told = ['No events for 1 minute: Silent', 'No events for 2 minutes: Short', 'No events for 5 minutes: Quick']
        xsoar.lapse(5 * 60)
        xsoar.has(*told)
        xsoar.lapse(10 * 60 - 1)  # of Long, 5 minutes were left, and of Longer 35
        xsoar.has(*told)
        xsoar.lapse(1)
        xsoar.has(*told, 'No events for 1 hour: Long')
        xsoar.beat('Silent')
        xsoar.lapse(1)
        until(lambda: xsoar.names()[4:] == ['Events again after 70 minutes: Silent'])
        xsoar.stop()


def test_a_silence_that_a_stop_has_lost_is_reported_by_the_next_container(xsoar: Server) -> None:
    xsoar.rejects = 'No events'
    xsoar.beat(every='1h')
    xsoar.lapse(3600)
    until(lambda: any(post.aside for post in xsoar.line.queue.waiting))
    xsoar.stop()
    xsoar.rejects = ''
    with closing(another(xsoar)) as listener:
        xsoar.use(listener)
        xsoar.lapse(15 * 60)
        xsoar.has('No events for 1 hour: Backups')
        xsoar.stop()


def test_a_sender_heard_before_its_silence_is_read_back_ends_it(xsoar: Server) -> None:
    xsoar.beat()
    xsoar.lapse(60)
    xsoar.has('No events for 1 minute: Backups')
    xsoar.stop()
    xsoar.may_reply.clear()
    with closing(another(xsoar)) as listener:
        xsoar.use(listener)
        xsoar.clock.passed += STEP
        xsoar.clock.unix = NOW - 24 * 3600
        xsoar.beat()
        xsoar.may_reply.set()
        xsoar.has('No events for 1 minute: Backups', 'Events again after 1 minute: Backups')
        silence, end = xsoar.incidents
        assert end['occurred'] == silence['occurred'], 'not before it'
        xsoar.stop()


def another(xsoar: Server) -> Listener:
    """Return the listener of a new container, with the context that the one before saved, once the server replies."""
    demistomock.declare(getIntegrationContext=lambda: xsoar.may_reply.wait(PATIENCE_SECONDS) and xsoar.contexts[-1])
    server = listener(line=ServerLine(log_every=0, health_every=0))
    server.start()
    return server


def test_what_changes_is_saved_within_a_minute_and_a_silence_at_once(xsoar: Server) -> None:
    def left() -> float:
        heard, watches = json.loads(xsoar.contexts[-1]['silences'])
        return float(watches['silence/Backups'][5] - heard)

    xsoar.beat(every='1h')
    until(lambda: xsoar.contexts and 'silence/Backups' in xsoar.contexts[-1].get('silences', ''))
    assert left() == 3600
    xsoar.lapse(359)
    assert left() >= 3600 - 60
    xsoar.lapse(61)
    until(lambda: left() <= 3600 - 360)
    count = len(xsoar.contexts)
    xsoar.lapse(300)
    assert len(xsoar.contexts) == count
    xsoar.lapse(3600 - 720)
    xsoar.has('No events for 1 hour: Backups')
    until(lambda: left() <= 0)
    xsoar.beat(every='1h')
    xsoar.has('No events for 1 hour: Backups', 'Events again after 60 minutes: Backups')
    until(lambda: json.loads(xsoar.contexts[-1]['silences'])[1]['silence/Backups'][-1] is False)  # is_open


def test_a_silence_that_is_lost_is_due_again_after_the_duration(xsoar: Server) -> None:
    xsoar.rejects = 'No events'
    xsoar.beat()
    xsoar.lapse(60)
    until(lambda: any(post.aside for post in xsoar.line.queue.waiting))
    while not any('lost: No events' in text for text, in demistomock.calls_of('error')):
        assert xsoar.send('', b'{"title": "Disk full"}').status == 200
        xsoar.lapse(8)
    rejected = [(each.status, each.note) for each in xsoar.line.history.accepted if each.result == 'rejected']
    assert rejected == [(502, 'lost: No events for 1 minute: Backups')]
    xsoar.rejects = ''
    xsoar.incidents.clear()
    xsoar.lapse(80)
    xsoar.has('No events for 1 minute: Backups')
