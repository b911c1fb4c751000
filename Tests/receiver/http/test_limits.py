"""Limits that docs/limits.md promises, at the door: what just keeps to one is accepted, and what goes beyond it is rejected."""
from __future__ import annotations

import gzip
import inspect
import io
import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import demistomock
import gevent
import gevent.socket
import GenericWebhook
import pytest
from shared.app import App
from clocks import PATIENCE_SECONDS, Clock, until
from GenericWebhook import (CallSizer, Connection, DeliveryMemory, HttpLimits, Intake, Post, PostQueue, Request, RequestBody,
                            MemoryBudget, Sender, ServerLine, State, Unavailable, likeness_of)
from local_xsoar import wait_for
from model import hold, incident, let_greenlets_run
from own_server import connect, have_turn, hold_calls, listener, server_with
from raw_http import GET
from shared.webhook import TOKEN, Webhook, changed_pack, read_to_end

pytestmark = pytest.mark.sockets

KIB, MIB = 1024, 1024 * 1024
AUTHORIZED = f'POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN}\r\nConnection: close\r\n'


def status_of(webhook: Webhook, head: str) -> int:
    with webhook.connect() as sender:
        sender.sendall(head.encode())
        return int(sender.recv(64).split()[1])


@pytest.mark.parametrize('form, between', [('{}\n', '\n'), ('[{}]', ',')], ids=['lines', 'array'])
@pytest.mark.parametrize('count, status', [(1000, 200), (1001, 413), (50_000, 413)])
def test_a_request_may_hold_1000_events(app: App, form: str, between: str, count: int, status: int) -> None:
    answer = app.authorized(form.replace('{}', between.join(['{"a": 1}'] * count)))
    assert (answer.status, sum(map(len, app.calls))) == (status, count if status == 200 else 0)
    assert status == 200 or '1,000' in answer.detail


@pytest.mark.parametrize('beyond, status', [(0, 200), (1, 413)])
def test_the_json_text_of_an_incident_may_have_34_mib(app: App, beyond: int, status: int) -> None:
    app.authorized('x' * MIB)
    rest = 34 * MIB + beyond - len(app.incidents[-1]['rawJSON']) + MIB
    answer = app.authorized('\1' * (rest // 6) + 'x' * (rest % 6))  # a control character becomes six
    assert answer.status == status
    assert status == 413 or len(app.incidents[-1]['rawJSON']) == 34 * MIB


@pytest.mark.parametrize('beyond, status, content_type', [
    (0, 200, 'text/plain'), (1, 413, 'text/plain'), (1, 413, 'application/x-www-form-urlencoded')])
def test_a_body_may_have_25_mib_in_utf_8_whatever_its_charset(app: App, beyond: int, status: int, content_type: str) -> None:
    body = b'a=' + b'\xe9' * (25 * MIB // 2 - 1) + b'x' * beyond
    answer = app.authorized(body, f'{content_type}; charset=iso-8859-1')
    assert answer.status == status
    assert status == 200 or 'in UTF-8' in answer.detail


@pytest.mark.parametrize('field', ['name', 'type'])
@pytest.mark.parametrize('beyond, status', [(0, 200), (1, 413)])
def test_the_name_and_the_type_of_an_envelope_may_have_64_kib(app: App, field: str, beyond: int, status: int) -> None:
    text = 'x' * (64 * KIB - 2 + beyond)  # and its quotation marks
    answer = app.authorized(json.dumps({field: text, 'raw_json': {}}))
    assert answer.status == status
    assert app.incidents[0][field] == text if status == 200 else field in answer.detail


def test_a_huge_date_is_rejected_as_any_other_text_that_is_not_a_date(app: App) -> None:
    answer = app.authorized(json.dumps({'occurred': '2026-11-24T' + 'x' * MIB}))
    assert answer.status == 400
    assert 'ISO 8601' in answer.detail


MULTIPART = 'multipart/form-data; boundary=b'


@pytest.mark.parametrize('made', [
    lambda count: ('&'.join(['a=1'] * count), 'application/x-www-form-urlencoded'),
    lambda count: ('--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * count + '--b--\r\n', MULTIPART),
], ids=['urlencoded', 'multipart'])
@pytest.mark.parametrize('count, status', [(1000, 200), (1001, 400)])
def test_a_form_may_have_1000_fields(app: App, made: Callable[[int], tuple[str, str]], count: int, status: int) -> None:
    answer = app.authorized(*made(count))
    assert answer.status == status
    assert status == 200 or '1,000' in answer.detail


@pytest.mark.parametrize('count, status', [(1000, 200), (1001, 413)])
def test_a_gzip_body_may_have_1000_members(app: App, count: int, status: int) -> None:
    body = gzip.compress(b' ') * (count - 1) + gzip.compress(b'{"a": 1}')
    assert app.authorized(body, Content_Encoding='gzip').status == status


@pytest.mark.parametrize('size, is_read', [(64 * KIB, True), (64 * KIB + 1, False)])
@pytest.mark.parametrize('data', [0, 80 * KIB], ids=['no data', 'an eighth more for data'])
def test_the_framing_of_a_body_may_have_64_kib_and_an_eighth_of_its_data(size: int, is_read: bool, data: int) -> None:
    chunk = b'%x\r\n%b\r\n' % (data, b'x' * data) if data else b''
    end, trailers = b'0\r\n%b\r\n', 8
    letters, more = divmod(size + data // 8 - (len(chunk) - data + len(end % b'') + trailers * len(b'A: \r\n')), trailers)
    lines = b''.join(b'A: %b\r\n' % (b'a' * (letters + (number < more))) for number in range(trailers))
    body = RequestBody(io.BytesIO(chunk + end % lines), 0, has_chunks=True)
    with nullcontext() if is_read else pytest.raises(ValueError, match='framing'):
        assert len(body.readall()) == data


@pytest.mark.parametrize('size, is_read', [(16 * KIB, True), (16 * KIB + 1, False)])
@pytest.mark.parametrize('framing', [b'1;%b\r\nx\r\n0\r\n\r\n', b'1\r\nx\r\n0\r\nA: %b\r\n\r\n'], ids=['extension', 'trailer'])
def test_a_line_of_the_framing_of_a_body_may_have_16_kib(framing: bytes, size: int, is_read: bool) -> None:
    longest_line = max(map(len, (framing % b'').splitlines(keepends=True)))
    body = RequestBody(io.BytesIO(framing % (b'a' * (size - longest_line))), 0, has_chunks=True)
    with nullcontext() if is_read else pytest.raises(ValueError, match='framing'):
        assert body.readall() == b'x'


@pytest.mark.parametrize('size, status', [(256 * KIB, 200), (256 * KIB + 1, 400)])
def test_raw_line_breaks_in_strings_are_mended_in_bodies_up_to_256_kib(app: App, size: int, status: int) -> None:
    assert app.authorized('{"a": "\n%s"}' % ('x' * (size - 10))).status == status


def test_half_a_surrogate_pair_is_mended_in_a_body_of_any_size(app: App) -> None:
    assert app.authorized('{"a": "%s\\ud800"}' % ('x' * MIB)).status == 200
    assert app.details['a'] == 'x' * MIB + '\ufffd'


@pytest.mark.parametrize('size, status', [(32 * KIB - 50, 200), (32 * KIB + 50, 400)])
def test_the_headers_of_a_request_may_be_32_kib_together(webhook: Webhook, size: int, status: int) -> None:
    headers = AUTHORIZED.partition('\r\n')[2]
    while len(headers) < size - 1000:
        headers += 'X-Filler: ' + 'a' * 900 + '\r\n'
    headers += 'X-Rest: ' + 'a' * (size - len(headers) - len('X-Rest: \r\n\r\n')) + '\r\n\r\n'
    assert len(headers) == size
    assert status_of(webhook, 'POST / HTTP/1.1\r\n' + headers) == status


@pytest.mark.parametrize('count, status', [(100, 200), (101, 400)])
def test_a_request_may_have_100_headers(webhook: Webhook, count: int, status: int) -> None:
    assert status_of(webhook, AUTHORIZED + 'X-A: b\r\n' * (count - AUTHORIZED.count(':')) + '\r\n') == status


@pytest.mark.parametrize('size, status', [(8 * KIB, 200), (8 * KIB + 1, 414)])
def test_a_request_line_may_have_8_kib(webhook: Webhook, size: int, status: int) -> None:
    line = f'GET /?{"a" * (size - len("GET /? HTTP/1.1") - 2)} HTTP/1.1\r\n'
    assert len(line) == size
    assert status_of(webhook, f'{line}Host: x\r\nConnection: close\r\n\r\n') == status


def test_of_a_rejected_body_no_more_than_64_mib_are_read(webhook: Webhook) -> None:
    sent = 0
    with webhook.connect() as sender, suppress(ConnectionError):
        sender.sendall(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n' % (500 * MIB))
        while sent < 500 * MIB:
            sent += sender.send(b' ' * MIB)
    assert 60 * MIB < sent < 250 * MIB, 'beside what the system holds on the way'


def test_the_log_is_written_once_a_second_at_most(clock: Clock, own_line: ServerLine) -> None:
    own_line.log_every = inspect.signature(ServerLine).parameters['log_every'].default
    own_line.log('info', 'the first line')
    until(lambda: demistomock.calls_of('info'))
    for count in (1, 2):
        own_line.log('info', 'another line')
        clock.pass_to(count - 0.01)
        assert len(demistomock.calls_of('info')) == count
        clock.passed = count
        until(lambda: len(demistomock.calls_of('info')) > count)  # noqa: B023 - called at once


# Together


def have_room(room: MemoryBudget, *sizes: int) -> bool:
    """Return whether greenlets can hold so many bytes each at the same time, and none of them is cut."""
    holders = [hold(room, size) for size in sizes]
    let_greenlets_run()
    all_hold = not any(holder.ready() for holder in holders)
    gevent.killall(holders)
    return all_hold


@pytest.mark.parametrize('room, mib', [
    (lambda: Intake().accepted, 96), (lambda: Intake().unauthenticated, 48), (lambda: Intake().unauthenticated_small, 16),
    (lambda: listener().heads, 8), (lambda: listener().unsent, 32), (lambda: listener().unsent_unauthenticated, 8),
], ids=['accepted', 'unauthenticated', 'unauthenticated, small', 'heads', 'unsent', 'unsent, unauthenticated'])
def test_each_room_has_its_size(room: Callable[[], MemoryBudget], mib: int) -> None:
    assert have_room(room(), mib * MIB - 1000, 1000)
    assert not have_room(room(), mib * MIB - 1000, 1001)


def test_all_gates_together_add_up_to_what_the_script_says_and_to_at_most_600_mib() -> None:
    rooms = sum(getattr(GenericWebhook, f'MAX_{name}_BYTES') for name in (
        'ACCEPTED', 'UNAUTHENTICATED', 'UNAUTHENTICATED_SMALL', 'HEADS', 'UNSENT', 'UNSENT_UNAUTHENTICATED', 'REMEMBERED'))
    queue, connections = GenericWebhook.MAX_WAITING_BYTES * 5 // 4, GenericWebhook.MAX_CONNECTIONS * 20 * KIB
    together = (rooms + queue + connections) // MIB + 250  # which one body of 25 MiB may need
    assert re.search(f'#  +together +{together}\n', inspect.getsource(GenericWebhook)) and together <= 600


@pytest.mark.parametrize('name', ['heads', 'unsent', 'unsent_unauthenticated'])
def test_the_head_or_response_that_has_been_there_longest_gives_way(name: str) -> None:
    room: MemoryBudget = getattr(listener(), name)
    holders = [hold(room, room.limit // 2) for _ in range(3)]
    let_greenlets_run()
    assert [holder.ready() for holder in holders] == [True, False, False]
    gevent.killall(holders)


@pytest.mark.parametrize('one, other, wait_for_each_other', [
    (0, 64 * KIB, True), (64 * KIB, 64 * KIB + 1, False), (64 * KIB + 1, MIB, True), (MIB, MIB + 1, False),
    (MIB + 1, 4 * MIB, True), (4 * MIB, 4 * MIB + 1, False), (4 * MIB + 1, 25 * MIB, True),
])
def test_bodies_of_about_the_same_size_are_processed_one_by_one(one: int, other: int, wait_for_each_other: bool) -> None:
    intake = Intake()
    with intake.take_turn(one):
        second = gevent.spawn(lambda: intake.take_turn(other).close())
        gevent.sleep(0)
        assert second.ready() is not wait_for_each_other
    second.get(timeout=PATIENCE_SECONDS)


def test_1000_posts_may_wait() -> None:
    queue = PostQueue()
    for _ in range(1000):
        queue.add(Post([incident()]))
    with pytest.raises(Unavailable, match='Too many'):
        queue.add(Post([incident()]))


@pytest.mark.parametrize('beyond', [0, 1])
def test_posts_of_64_mib_may_wait(beyond: int) -> None:
    queue = PostQueue()
    queue.add(Post([incident()], request_bytes=60 * MIB))
    rest = 4 * MIB - 2 * Post([incident()]).size + beyond
    with pytest.raises(Unavailable, match='Too many') if beyond else nullcontext():
        queue.add(Post([incident()], request_bytes=rest))


def fast_queue(*posts: list[dict[str, Any]]) -> PostQueue:
    """Return a queue with these posts, whose server takes hardly any time."""
    queue = PostQueue(sizer=CallSizer([(10_000, 0.1)]))
    for incidents in posts:
        queue.add(Post(incidents))
    return queue


@pytest.mark.parametrize('beyond, count', [(0, 2), (1, 1)])
def test_posts_of_4_mib_go_in_one_call(beyond: int, count: int) -> None:
    rest = 4 * MIB - 2 * Post([incident()]).size + beyond
    assert len(fast_queue([incident()], [incident(details=b'{}' + bytes(rest))]).next_call(0)) == count


@pytest.mark.parametrize('beyond, count', [(0, 1000), (1, 500)])
def test_posts_of_1000_incidents_go_in_one_call(beyond: int, count: int) -> None:
    assert len(fast_queue([incident()] * 500, [incident()] * (500 + beyond)).next_call(0)) == count


class CreatesAtOnce(PostQueue):
    def add(self, post: Post) -> None:
        post.result.set(post.incidents)


def remember(deliveries: DeliveryMemory, number: int, text: str = '') -> bool:
    """Send a delivery with this number, and return whether it was remembered."""
    post = Post([{'name': text}], 0, bool, *likeness_of({'webhook-id': str(number)}, '', b''))
    deliveries.create_once(post)
    return post.original is not None


def test_10_000_deliveries_are_remembered() -> None:
    deliveries = DeliveryMemory(CreatesAtOnce())
    for number in range(10_000):
        assert not remember(deliveries, number)
    assert remember(deliveries, 0)
    assert not remember(deliveries, 10_000)
    assert remember(deliveries, 1)
    assert not remember(deliveries, 0), 'the oldest was forgotten'


@pytest.mark.parametrize('beyond', [0, 1])
def test_deliveries_with_responses_of_16_mib_are_remembered(beyond: int) -> None:
    deliveries = DeliveryMemory(CreatesAtOnce())
    frame = len('[{"name": ""}]')
    for number in range(16):
        assert not remember(deliveries, number, 'x' * (MIB - frame + (beyond if number == 15 else 0)))
    assert remember(deliveries, 15)
    assert remember(deliveries, 0) is not bool(beyond)


# In time


@pytest.mark.parametrize('headers, seconds', [({'webhook-id': '1'}, 3600), ({}, 900)], ids=['with an id', 'without'])
def test_a_delivery_is_remembered_for_its_time(clock: Clock, headers: dict[str, str], seconds: int) -> None:
    post = Post([], 0, bool, *likeness_of(headers, '', b''))
    post.sender = Sender.RETRIES
    clock.passed = 2 * seconds
    assert post.counts_as_original_now(), 'one that is unfinished is never forgotten'
    clock.passed = 0
    post.result.set([])
    post.record_created(most_bytes=100)
    for passed, is_remembered in ((seconds - 0.1, True), (seconds, False)):
        clock.passed = passed
        assert post.counts_as_original_now() is is_remembered


def test_a_waiting_request_that_gives_way_is_logged_with_what_is_known_of_it() -> None:
    def send(agent: str) -> None:
        sender = stack.enter_context(connect(server))
        sender.sendall(f'POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\nX-GitHub-Delivery: 72d3162e\r\n\r\n'.encode())

    def logged() -> str:
        return str([*lines.values(), demistomock.calls_of('info')])

    with server_with(HttpLimits(heads_bytes=4096)) as server, ExitStack() as stack, server.turn:
        lines = server.app.line.log_buffer.lines
        send('evicted/1')
        until(lambda: server.heads.reserved)
        send('evicts/1')
        until(lambda: 'evicted/1' in logged())
    assert re.search(r'POST 503 .*"evicted/1", 0 bytes, delivery "72d3162e": Too many', logged())


@pytest.mark.parametrize('fuller', [0, 1])
def test_of_heads_with_a_signature_and_others_those_are_rejected_that_take_more(fuller: int) -> None:
    heads = listener().heads
    many = [(4 * MIB - 2500, 1 - fuller), *[(500, 1 - fuller)] * 3]
    few = [(1000, fuller), (4 * MIB - 1000, fuller), (2000, fuller)]
    holders = [hold(heads, *each) for each in many + few]
    let_greenlets_run()
    assert [number for number, holder in enumerate(holders) if holder.ready()] == [4]
    gevent.killall(holders)


@pytest.mark.parametrize('seconds, is_whole', [(45, True), (47, False)])
def test_a_response_has_30_seconds_and_a_second_for_each_64_kib_to_be_read(clock: Clock, seconds: float, is_whole: bool) -> None:
    def send() -> None:
        with suppress(OSError):
            connection.send(b'', bytes(MIB), Request(is_accepted=True))
        receiver.close()

    server = listener()
    sender, receiver = gevent.socket.socketpair()
    connection = Connection(receiver, '', server)
    sending = gevent.spawn(send)
    gevent.sleep(0)
    clock.passed = seconds
    assert (len(read_to_end(sender)) == MIB) is is_whole
    sending.get(timeout=PATIENCE_SECONDS)
    sender.close()


@contextmanager
def connected() -> Iterator[tuple[Connection, socket.socket]]:
    """Connect to a server in this process, with the limits that are promised; yield both ends of the connection."""
    with server_with() as server, closing(connect(server)) as sender:
        until(lambda: server.connections[State.BEGUN])
        yield next(iter(server.connections[State.BEGUN])), sender


@pytest.mark.parametrize('sent, seconds', [(b'', 15), (GET[:20], 15), (GET, 75), (GET + GET[:20], 15)],
                         ids=['no request', 'part of a head', 'after a request', 'part of a second head'])
def test_a_connection_waits_for_a_request_for_its_time(clock: Clock, sent: bytes, seconds: float) -> None:
    with connected() as (connection, sender):
        stream = connection.stream
        sender.sendall(sent)
        if GET in sent:
            assert sender.recv(65536).startswith(b'HTTP/1.1 200 ')
        until(lambda: (bytes(stream.buffer), stream.socket.gettimeout()) == (sent.removeprefix(GET), seconds))
        assert connection.state is (State.IDLE if sent == GET else State.BEGUN)
        if sent.endswith(GET[:20]):
            clock.passed = seconds - 0.5
            sender.sendall(GET[20:21])
            until(lambda: stream.socket.gettimeout() == 0.5)


@pytest.mark.parametrize('seconds, status', [(24, 401), (26, 503)])
def test_a_body_has_15_seconds_and_then_must_keep_to_1_kib_a_second(clock: Clock, seconds: float, status: int) -> None:
    signed = b'POST / HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=%064d\r\nContent-Length: 10242\r\n\r\n' % 0
    with connected() as (connection, sender):
        sender.sendall(signed)
        until(lambda: connection.request)
        for passed, piece in ((14, b'x' * 10 * KIB), (seconds, b'x')):
            clock.passed, before = passed, connection.stream.received
            sender.sendall(piece)
            until(lambda: connection.stream.received != before)  # noqa: B023 - called at once
        with suppress(OSError):  # it may be cut off by now
            sender.sendall(b'x')
        assert sender.recv(65536).startswith(b'HTTP/1.1 %d ' % status)


def test_what_is_in_flight_at_a_stop_has_10_seconds(clock: Clock, own_line: ServerLine) -> None:
    may_return = hold_calls()
    own_line.queue.add(post := Post([incident()]))
    until(lambda: demistomock.calls_of('createIncidents'))
    stop = gevent.spawn(own_line.drain)
    clock.pass_to(0)
    clock.pass_to(9.99)
    assert not post.result.ready()
    clock.passed = 10
    with pytest.raises(Unavailable, match='may exist'):
        post.result.get(timeout=PATIENCE_SECONDS)
    may_return.set()
    stop.get(timeout=PATIENCE_SECONDS)


def test_samples_are_saved_once_in_60_seconds(clock: Clock, own_line: ServerLine) -> None:
    def create_and_have_a_turn() -> int:
        """Create an incident, and return how often samples were saved by the time when two log lines have been sent."""
        own_line.queue.add(post := Post([incident()]))
        post.result.get(timeout=PATIENCE_SECONDS)
        for _ in range(2):
            have_turn(own_line)
        return len(demistomock.calls_of('setIntegrationContext'))

    saved = []
    for clock.passed in (0, 59.99, 60, 119.99, 120):
        saved.append(create_and_have_a_turn())
    assert saved == [1, 1, 2, 2, 3]


def test_a_503_asks_for_another_try_in_10_seconds(app: App) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError('The line is busy.')

    demistomock.declare(createIncidents=fail)
    answer = app.authorized('{"a": 1}')
    assert (answer.status, answer.headers['retry-after']) == (503, '10')


# Samples


def creates(webhook: Webhook, name: str) -> bool:
    body = json.dumps({'name': name})
    with suppress(OSError):
        return status_of(webhook, f'{AUTHORIZED}Content-Length: {len(body)}\r\n\r\n{body}') == 200
    return False


def test_the_mapping_wizard_gets_what_is_small_and_was_written_a_minute_ago_also_after_a_restart(webhook: Webhook) -> None:
    webhook.renew()
    assert creates(webhook, 'first')
    wait_for(lambda: 'first' in str(webhook.state()['context']), 'the first sample')
    saves = webhook.state()['calls']['setIntegrationContext']
    assert creates(webhook, 'large' * 12_000)
    assert creates(webhook, 'soon after')
    assert webhook.state()['calls']['setIntegrationContext'] == saves, 'no minute has passed'
    before = webhook.state()['restarts']
    webhook.stop_container()
    wait_for(lambda: webhook.state()['restarts'] > before, 'the restart')
    wait_for(lambda: creates(webhook, 'second'), 'the new container')
    wait_for(lambda: 'second' in str(webhook.state()['context']), 'the second sample')
    assert [sample['name'] for sample in webhook.samples()][-3:] == ['first', 'soon after', 'second']


# The end


def test_a_container_that_waits_for_its_port_ends_at_once_when_it_is_stopped(tmp_path: Path) -> None:
    pack = changed_pack(tmp_path, {'in chain((1, 2, 4), repeat(5)):': 'in repeat(3600):'})
    with socket.create_server(('', 0)) as holder, \
            Webhook(pack=pack, params={'longRunningPort': holder.getsockname()[1]}, wait_ready=False) as webhook:
        wait_for(lambda: webhook.state()['health']['isError'], 'the error in the health')
        webhook.stop_container()
        wait_for(lambda: webhook.state()['restarts'], 'the end')
