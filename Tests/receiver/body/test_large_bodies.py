"""Large bodies: what one needs, what waits, what is left, and whose is cut when there is no room. `bench` measures the memory."""
from __future__ import annotations

import gzip
import hashlib
import hmac
import io
import gc
import json
import sys
import threading
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack, closing, nullcontext, suppress
from dataclasses import replace
from typing import Any
from unittest.mock import Mock

import demistomock
import GenericWebhook
import gevent
import pytest
from changed_packs import webhook_with
from shared.app import App, defaults_of, unpacked
from clocks import PATIENCE_SECONDS, Clock, until
from GenericWebhook import (
    NO_WORDS, BadRequest, Conversion, Intake, MemoryBudget, MemoryClaim, Post, Rejected, RequestBody, Settings, Tokens,
    TooLarge, Unavailable, UrlWords, read_body, read_payloads, signatures_to_check, to_incidents, valid_signature, with_text)
from gevent.event import Event
from model import let_greenlets_run, peak_of
from own_server import hold_calls
from shared.webhook import TOKEN, Webhook, request_bytes

from shared.scene import Scene
from shared.shapes import COSTLY, FORM, MIB, SHAPES, Shape, of_size
from shared.scene import UNFINISHED_HEAD, Flood, raise_file_limit, wait_while
from shared.side import Mirror

pytestmark = pytest.mark.sockets

MOST_TIMES = 20  # a body's size that it may take in all; control characters took most, 18, since each becomes an escape
LONGEST_STEP = 64 * 1024  # of a body that is worked on without letting others run
EVENTS = [{'title': f'Login {number}', 'text': 'x' * 2000} for number in range(1000)]
ENVELOPES = [{'raw_json': event} for event in EVENTS]


ARRIVAL = defaults_of({'x-event': 'fire'})


@pytest.mark.parametrize(('controls', 'emojis', 'is_escaped'), [(310, 375, True), (310, 380, False)])
def test_details_with_wide_characters_keep_their_limit_of_64_mib_and_every_character(
        controls: int, emojis: int, is_escaped: bool) -> None:
    text = '\x01' * (controls * MIB // 100) + '\U0001f600' * (emojis * MIB // 100)
    incident, = to_incidents(read_payloads(text.encode(), 'text/plain'), ARRIVAL).incidents
    assert len(incident['rawJSON']) <= 64 * MIB
    assert incident['rawJSON'].isascii() == is_escaped
    assert json.loads(incident['rawJSON'])['body'] == text


@pytest.mark.parametrize('others, emojis', [
    ('x' * 5 * MIB, 1), ('x' * 5 * MIB, 400_000), ('\u00e9' * 3 * MIB, 2), ('x\u4f60' * 2 * MIB, 1), ('\u4f60' * 2 * MIB, 1),
    ('x' * 2 * MIB, 400_000), ('', 2_000_000), ('x\u4f60' * MIB, 300_000), ('x' * 3 * MIB + '\u2192', 0),
], ids=['Latin', 'Latin, many', 'accents', 'mixed', 'Chinese', 'Latin, very many', 'emojis alone', 'mixed, very many', 'arrow'])
def test_characters_that_widen_all_others_are_escaped_where_that_saves_memory(others: str, emojis: int) -> None:
    text = others + '\U0001f600\U0010ffff' * (emojis // 2) + '\U0001f600' * (emojis % 2)
    sent = json.dumps({'a': text, 'headers': None}, ensure_ascii=False).encode()
    incident, = to_incidents(read_payloads(sent), ARRIVAL).incidents
    details = incident['rawJSON']
    call = with_text(incident)['rawJSON']
    assert json.loads(details) == {'a': text, 'headers': None}
    taken = sys.getsizeof(details) + 2 * sys.getsizeof(call)
    assert taken <= sys.getsizeof(sent) + 2 * sys.getsizeof(sent.decode()), 'with the reply, no more than without escapes'
    assert sys.getsizeof(call) <= 3.2 * len(sent)
    assert emojis > 2 or sys.getsizeof(call) <= 2.1 * len(sent)
    assert emojis or call.isascii()


def test_the_details_of_a_small_event_keep_their_characters() -> None:
    sent = '{"a": "\U0001f600%s", "headers": 1}' % ('x' * (MIB - 100))
    incident, = to_incidents(read_payloads(sent.encode()), ARRIVAL).incidents
    assert incident['rawJSON'].decode() == sent


@pytest.mark.parametrize('name', ['string with one emoji', 'text with one emoji', 'form with one emoji',
                                  'text in UTF-16, one emoji'])
def test_what_waits_takes_no_more_than_was_sent(name: str) -> None:
    shape = SHAPES[name]
    with of_size(3 * MIB):
        sent = shape.body()
    assert Post(to_incidents(read_payloads(sent, shape.content_type), ARRIVAL).incidents).size <= len(sent) + 1000


def test_the_headers_that_each_event_keeps_count_in_what_waits() -> None:
    headers = {f'x-{number}': 'a' * 1000 for number in range(8)}
    payloads = read_payloads(b'[%s]' % b','.join([b'{"a":1}'] * 1000))
    incidents = to_incidents(payloads, replace(ARRIVAL, headers=headers)).incidents
    assert Post(incidents).size > 1000 * 8 * 1000


@pytest.mark.parametrize('name', COSTLY)
def test_a_body_in_any_shape_needs_a_few_times_its_size(name: str) -> None:
    shape = SHAPES[name]
    with of_size(2 * MIB):
        body = shape.body()
    assert peak_of(lambda: incidents_of(body, shape)) < MOST_TIMES * 2 * MIB


def incidents_of(body: bytes, shape: Shape) -> list[dict[str, Any]]:
    """Return the incidents of a body, or none if it is rejected."""
    with suppress(Rejected):
        return to_incidents(read_payloads(unpacked(body, shape.coding), shape.content_type), ARRIVAL).incidents
    return []


def test_an_event_under_a_huge_uri_needs_a_few_times_its_size() -> None:
    body = json.dumps({'event': {'x://' + 'ab/' * MIB: 1}}).encode()
    assert peak_of(lambda: to_incidents([body], replace(ARRIVAL, headers={}))) < 8 * len(body)


def test_a_large_event_is_searched_for_a_time_without_a_copy_of_it() -> None:
    event = Conversion(ARRIVAL).event(json.dumps({'title': 'x', 'text': 'x' * 3 * MIB}).encode(), NO_WORDS)
    assert peak_of(lambda: event.occurred(0)) < MIB


def test_bodies_that_xsoar_rejected_leave_nothing(app: App) -> None:
    def post_rejected(count: int) -> int:
        for number in range(count):
            assert app.authorized(f'{number} ' + 'x' * MIB).status == 502
        demistomock.calls.clear()
        return tracemalloc.get_traced_memory()[0]

    demistomock.declare(createIncidents=lambda *_: None)
    post_rejected(1)
    tracemalloc.start()
    gc.disable()
    try:
        before = post_rejected(2)
        assert post_rejected(8) - before < MIB
    finally:
        gc.enable()
        tracemalloc.stop()


def test_heads_that_never_end_take_a_fraction_of_their_size() -> None:
    raise_file_limit()
    head = UNFINISHED_HEAD + b'a' * 32_000
    with Scene(Mirror()) as scene:
        scene.release()
        flood = Flood(scene, 2400, head)
        flood.has_sent_all.wait()
        wait_while(scene.is_busy, 60)
        flood.stop()
        assert scene.peak() < 2400 * len(head) / MIB / 2


def test_a_key_that_a_sender_chose_takes_no_more_room_than_it_has(app: App) -> None:
    body = '{"%s":1,"a":"url_v"}' % ('a.' * 10_000)
    assert peak_of(lambda: app.authorized(body)) < 100 * len(body)


def turns_for_others(work: Callable[[], Any]) -> int:
    """Return how often the work lets other greenlets run, if they are due."""
    turns = Mock()
    with suppress(Rejected), pytest.MonkeyPatch.context() as patch:
        patch.setattr(GenericWebhook, 'let_others_run_if_due', turns)
        work()
    return turns.call_count


@pytest.mark.parametrize('name', ['form of %41', 'a field in a form', 'lone surrogates', 'NaN behind escapes', 'quotes', 'lines'])
def test_others_get_their_turns_while_a_large_body_is_read(name: str) -> None:
    shape = SHAPES[name]
    with of_size(3 * MIB):
        body = shape.body() + (b'' if name == 'lines' else b' x')  # what is not JSON is looked at more than once
    assert turns_for_others(lambda: read_payloads(body, shape.content_type)) >= 3 * MIB // LONGEST_STEP


def test_others_get_their_turns_while_a_large_body_comes_at_once() -> None:
    def read() -> None:
        with closing(MemoryClaim(MemoryBudget(64 * MIB))) as claim:
            read_body(RequestBody(io.BytesIO(bytes(3 * MIB)), 3 * MIB, has_chunks=False), 25 * MIB, claim)

    assert turns_for_others(read) >= 3 * MIB // LONGEST_STEP


def test_a_body_is_never_in_memory_twice() -> None:
    def read() -> None:
        with closing(MemoryClaim(MemoryBudget(64 * MIB))) as claim:
            bodies.append(read_body(source, 25 * MIB, claim))

    source, bodies = RequestBody(io.BytesIO(bytes(8 * MIB)), 8 * MIB, has_chunks=False), list[bytes]()
    assert 8 * MIB < peak_of(read) < 1.5 * len(bodies[0])


def test_others_get_their_turns_while_a_large_body_is_unpacked() -> None:
    with of_size(3 * MIB):
        body = SHAPES['gzip of 24 KB, numbers'].body()
    assert turns_for_others(lambda: unpacked(body, 'gzip')) >= 3 * MIB // LONGEST_STEP


def test_others_get_their_turns_while_many_bodies_with_eight_signatures_each_are_checked() -> None:
    headers = {f'x-signature-{number}': '0' * 128 for number in range(8)}
    shown = signatures_to_check(Settings(8080, Tokens(TOKEN), None), headers, '')
    assert len(shown) == 8

    def check() -> None:
        with suppress(Rejected):
            valid_signature(shown, bytes(MIB), 1_800_000_000)

    assert turns_for_others(lambda: gevent.joinall([gevent.spawn(check) for _ in range(10)])) >= 10 * 8


@pytest.mark.parametrize('events, each', [([{'alerts': EVENTS}], ('alerts',)), (EVENTS, ()), (ENVELOPES, ())],
                         ids=['items', 'events', 'envelopes'])
def test_others_get_their_turns_while_very_many_events_become_incidents(events: Any, each: tuple[str, ...]) -> None:
    payloads = read_payloads(json.dumps(events).encode())
    defaults = defaults_of({}, words=UrlWords(each=each))
    assert turns_for_others(lambda: to_incidents(payloads, defaults)) >= 1000


# In it no body comes too slowly, however slow the machine is: what is cut makes room for others.
webhook = webhook_with({'BODY_GRACE_SECONDS = 15': 'BODY_GRACE_SECONDS = 3600'})


def signed(body: bytes, key: str = TOKEN) -> bytes:
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return request_bytes('http://x/', body, {'X-Hub-Signature-256': f'sha256={signature}'})


@pytest.mark.parametrize('size, count', [(250 * 1024, 80), (20 * MIB, 5)], ids=['small', 'large'])
def test_when_unauthenticated_senders_fill_their_room_the_one_that_has_been_arriving_longest_is_cut_and_not_the_newcomer(
        webhook: Webhook, size: int, count: int) -> None:
    before = len(webhook.names())
    with ExitStack() as stack:
        silent = [stack.enter_context(webhook.connect()) for _ in range(count)]
        for stranger in silent:
            stranger.sendall(signed(b'x' * size, 'made up')[:-10])
            if stranger is silent[0]:  # its body begins before all others
                between = stack.enter_context(webhook.connect())
                between.sendall(request_bytes('http://x/', b'{}', {'Authorization': TOKEN}))
                assert between.recv(4096).startswith(b'HTTP/1.1 200 ')
        newcomer = stack.enter_context(webhook.connect())
        newcomer.sendall(signed(json.dumps({'name': 'GitHub', 'raw_json': {'a': 'x' * (size - 100)}}).encode()))
        assert newcomer.recv(4096).startswith(b'HTTP/1.1 200 ')
        first = silent[0].recv(4096)
        assert first.startswith(b'HTTP/1.1 503 ')
        assert b'Too many bodies' in first
        assert b'\r\nConnection: close\r\n' in first
        authorized = stack.enter_context(webhook.connect())
        authorized.sendall(request_bytes('http://x/', b'{}', {'Authorization': TOKEN}))
        assert authorized.recv(4096).startswith(b'HTTP/1.1 200 ')
    assert webhook.names()[before:] == [GenericWebhook.DEFAULT_NAME, 'GitHub', GenericWebhook.DEFAULT_NAME]


def test_while_large_bodies_with_made_up_signatures_crowd_each_other_out_small_signed_ones_and_token_senders_finish(
        webhook: Webhook) -> None:
    small = signed(json.dumps({'name': 'signed', 'raw_json': {'a': 'x' * 200 * 1024}}).encode())
    large = json.dumps({'name': 'token', 'raw_json': {'a': 'x' * 2 * MIB}}).encode()
    before = len(webhook.names())
    with ExitStack() as stack:
        honest = [(stack.enter_context(webhook.connect()), request) for request in
                  (small, request_bytes('http://x/', large, {'Authorization': TOKEN}))]
        for connection, request in honest:
            connection.sendall(request[:-10])
        strangers = [stack.enter_context(webhook.connect()) for _ in range(5)]
        for stranger in strangers:
            stranger.sendall(signed(b'x' * 20 * MIB, 'made up')[:-10])
        assert b'Too many bodies' in strangers[0].recv(4096)
        for connection, request in honest:
            connection.sendall(request[-10:])
            assert connection.recv(4096).startswith(b'HTTP/1.1 200 ')
    assert webhook.names()[before:] == ['signed', 'token']


def sent(body: bytes, length: int | None = None) -> RequestBody:
    """In chunks without a length."""
    return RequestBody(io.BytesIO(body), length or 0, has_chunks=length is None)


class Source:
    """A body that ends with this error, or never."""

    def __init__(self, error: Exception | None = None, size: int | None = None) -> None:
        self.error = error
        self.size = size or 0
        self.has_chunks = size is None

    def read(self, size: int) -> bytes:
        if self.error:
            raise self.error
        Event().wait()
        return b''


@pytest.mark.parametrize('source, refusal', [
    (sent(b'a' * 60_000, 60_000), None), (sent(b'', 0), None), (sent(b'', 60_001), TooLarge),
    (sent(b'EA60\r\n%b\r\n0\r\n\r\n' % (b'a' * 60_000)), None), (sent(b'EA60\r\n%b\r\n1\r\na\r\n' % (b'a' * 60_000)), TooLarge),
    (Source(OSError()), BadRequest), (Source(TimeoutError()), Unavailable), (sent(b'a', 2), BadRequest),
], ids=['whole', 'empty', 'large', 'whole in chunks', 'large in chunks', 'broken', 'slow', 'short'])
def test_the_room_of_a_body_is_given_back_however_it_ends(source: Any, refusal: type[Rejected] | None) -> None:
    room = MemoryBudget(10**6)
    with pytest.raises(refusal) if refusal else nullcontext() as error, closing(MemoryClaim(room)) as claim:
        read = read_body(source, 60_000, claim, overhead=1000)
        assert room.reserved == len(read) + 1000
    if error and refusal is not TooLarge:
        assert error.value.headers['Connection'] == 'close', 'what comes after it could be read as another request'
    assert (room.reserved, room.queues[0]) == (0, {})


def test_an_empty_signed_body_needs_no_room_for_large_ones() -> None:
    signature = hmac.digest(TOKEN.encode(), b'', 'sha256').hex()
    with App() as app, closing(MemoryClaim(app.app.intake.unauthenticated, 1)):
        app.app.intake.unauthenticated.limit = 0
        answer = app.post(b'', {'X-Hub-Signature-256': f'sha256={signature}'})
        assert answer.status == 200
        assert app.app.intake.unauthenticated.reserved == 1, 'and it has taken none from a large one'


def test_the_text_of_a_compressed_body_takes_room_like_a_body_until_its_incidents_exist(app: App) -> None:
    body, room = gzip.compress(b'{"a": "%b"}' % (b'x' * MIB)), app.app.intake.accepted
    with app.app.intake.take_turn(MIB + 1):
        waiting = gevent.spawn(app.authorized, body, Content_Encoding='gzip')
        until(app.app.intake.locks[MIB].linkcount)
        assert MIB < room.reserved < 1.1 * MIB
        room.limit = MIB + 100_000
        assert app.authorized(body, Content_Encoding='gzip').status == 503
    assert waiting.get(timeout=PATIENCE_SECONDS).status == 200
    assert room.reserved == 0


def test_a_sender_that_ends_when_it_is_cut_is_not_hit_in_what_it_does_next() -> None:
    def end_and_go_on() -> str:
        with closing(MemoryClaim(room, 60)):
            may_end.wait()
        may_go_on.wait()
        return 'went on'

    room, may_end, may_go_on = MemoryBudget(100, evicts_oldest=True), Event(), Event()
    ending = gevent.spawn(end_and_go_on)
    gevent.sleep(0)
    may_end.set()
    with closing(MemoryClaim(room, 60)):  # cuts the other one, which is about to end
        gevent.sleep(0)
    may_go_on.set()
    assert ending.get() == 'went on'


def test_a_body_waits_25_seconds_for_the_others_of_its_size() -> None:
    intake, lock = Intake(), Mock()
    intake.locks, lock.acquire.return_value = {-1: lock}, False
    with pytest.raises(Unavailable, match='Other bodies take too long'):
        intake.take_turn(1)
    assert lock.acquire.call_args.kwargs == {'timeout': 25}


def test_the_25_seconds_for_a_call_begin_before_the_wait_for_the_other_bodies(app: App, clock: Clock) -> None:
    with app.app.intake.take_turn(1):
        waiting = gevent.spawn(app.authorized, '{"a": 1}')
        until(app.app.intake.locks[-1].linkcount)
        clock.passed = 25
    answer = waiting.get(timeout=PATIENCE_SECONDS)
    assert answer.status == 503
    assert answer.detail.startswith('The receiver was busy with other events for 25 s'), 'no call was in flight'
    assert app.calls == []


MANY_OBJECTS = '{"a": [%s{}]}' % ('{},' * 2000)


@pytest.mark.parametrize(('body', 'size'), [
    ('{"a": 1}' * 65, 64 * 1024 + 1), ('a=' + '%7B' * 65, 64 * 1024 + 1), (MANY_OBJECTS, MIB),
], ids=['events', 'a form', 'objects'])
def test_a_small_body_of_many_objects_waits_for_larger_ones(app: App, body: str, size: int) -> None:
    app.app.line.queue.sizer.timings = [(1000, 0.1)]  # so fast that all events go in one call
    with app.app.intake.take_turn(size):
        many = gevent.spawn(app.authorized, body, FORM)
        let_greenlets_run()
        assert app.authorized('{"a": 1}').status == 200, 'it came later'
        assert len(app.incidents) == 1
    assert many.get().status == 200


@pytest.mark.parametrize(('body', 'size'), [('{"a": 1}' * 64, 64 * 1024 + 1), (MANY_OBJECTS, MIB + 1)], ids=['64', 'very many'])
def test_an_object_of_a_small_body_counts_as_1_kib_and_all_together_as_1_mib(app: App, body: str, size: int) -> None:
    with app.app.intake.take_turn(size):
        assert app.authorized(body, FORM).status == 200


def test_a_large_post_keeps_other_large_bodies_out_until_its_first_call_has_ended(app: App) -> None:
    def create(incidents: list[Any], *_: Any) -> list[dict[str, str]]:
        assert may_return.pop(0).wait(PATIENCE_SECONDS)
        return [{'id': '1'} for _ in incidents]

    returns = [threading.Event(), threading.Event()]
    may_return = [*returns]
    demistomock.declare(createIncidents=create)
    app.app.line.queue.sizer.timings = [(1, 30.0)]  # so slow that a call has one incident
    large = gevent.spawn(app.authorized, json.dumps([{'a': 'x' * 3 * MIB}] * 2))
    until(lambda: len(demistomock.calls_of('createIncidents')) == 1)
    other = gevent.spawn(lambda: app.app.intake.take_turn(5 * MIB).close())
    let_greenlets_run()
    assert not other.ready()
    returns[0].set()
    until(lambda: len(demistomock.calls_of('createIncidents')) == 2)
    other.get()
    returns[1].set()
    assert large.get().status == 200


def test_a_small_body_that_copies_of_its_headers_make_a_large_post_keeps_no_other_waiting_once_its_post_is_made(app: App) -> None:
    may_return = hold_calls()
    events = json.dumps([{'a': 1}] * 700)  # with 7,000 bytes of headers each
    first = gevent.spawn(app.authorized, events, X_Long='x' * 7000)
    until(lambda: demistomock.calls_of('createIncidents'))
    assert app.authorized(events[:-1]).status == 400, 'and not 503, for it is of the same size'
    may_return.set()
    assert first.get().status == 200
