"""The line to the server under load, slow, at fault and at its end: over real sockets and the real line.

Each scene ends with the check in Senders.check(): 200 means that the incidents exist, exactly once; 502 and 503 that they do
not; nobody gets another's; and Webhook checks that nothing but the protocol went to stdout.
"""
from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import GenericWebhook
import pytest
from GenericWebhook import MAX_WAITING_POSTS, MIB
from local_xsoar import wait_for
from senders_at_once import AT_ONCE_SECONDS, AUTHORIZED, RETRY_AFTER, Sender, Senders, allow_many_connections, scene, until
from webhook import TOKEN, Answer, Webhook, curl, request_bytes


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def singles(*names: str) -> list[tuple[str, ...]]:
    return [(name,) for name in names]


# Grouping


@scene()
async def test_while_no_call_is_in_flight_a_post_goes_at_once_and_alone(senders: Senders) -> None:
    connection = await senders.connect()
    began = time.monotonic()
    for number in range(20):
        assert (await senders.post(f'event {number}', connection=connection)).status == 200
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert senders.calls == [1] * 20


@scene()
async def test_24_that_come_during_a_call_go_as_one_call_in_order(senders: Senders) -> None:
    await senders.hold(100)
    names = [f'event {number}' for number in range(24)]
    await senders.line_up(*singles(*names))
    senders.release()
    assert statuses(await senders.finish()) == [200] * 26
    assert senders.calls == [1, 100, 24]
    assert senders.webhook.names()[101:] == names


@scene()
async def test_the_incidents_of_one_post_go_whole_where_the_time_allows(senders: Senders) -> None:
    for count in (1, 2, 300, 1000):
        assert len((await senders.post(*['event'] * count)).json) == count
    assert senders.calls == [1, 2, 300, 1000]


@scene(incident_delay_ms=10)
async def test_the_first_array_after_a_start_goes_in_two_calls_and_is_answered_in_order(senders: Senders) -> None:
    assert (await senders.post(*(f'event {number}' for number in range(100)))).status == 200
    assert senders.calls == [40, 60]


@scene(refuse='poison')
async def test_who_sent_an_array_that_is_rejected_halfway_hears_how_many_exist(senders: Senders) -> None:
    connection = await senders.connect()
    body = senders.request(*['event'] * 99, 'poison').body
    answer = await connection.ask('POST', body, AUTHORIZED)
    assert answer.status == 502
    assert '40 of its 100 incidents exist' in answer.detail
    assert len(senders.webhook.sent()) == 40
    senders.left += range(1, 41)


@scene(incident_delay_ms=10)
async def test_an_array_whose_second_call_was_cut_exists_in_part_and_more_of_it_may(senders: Senders) -> None:
    connection = await senders.connect()
    body = senders.request(*['event'] * 100).body
    response = asyncio.ensure_future(connection.ask('POST', body, AUTHORIZED))
    await until(senders.webhook.sent, 'the incidents of the first call')
    senders.webhook.faults(hang=True)
    senders.left += range(1, 41)
    await until(lambda: len(senders.calls) > 1, 'the second call')
    senders.webhook.cut()
    assert (await response).status == 502
    assert '40 of its 100 incidents exist, and more may exist' in (await response).detail
    senders.release()


@scene(incident_delay_ms=250)
async def test_slow_incidents_go_in_calls_of_two_seconds(senders: Senders) -> None:
    senders.start_many(24)
    assert statuses(await senders.finish()) == [200] * 24
    assert max(senders.calls) <= 8
    assert sum(senders.calls) == 24


@scene(incident_delay_ms=600)
async def test_a_post_whose_sender_left_is_created(senders: Senders) -> None:
    await senders.leave('while it waits')
    await until(senders.webhook.sent, 'the incident')


# What the server answers


@scene(refuse='poison')
async def test_a_rejected_post_gets_502_and_makes_nothing(senders: Senders) -> None:
    assert (await senders.post('poison')).status == 502
    assert (await senders.post('good', 'poison')).status == 502
    assert (await senders.post('good')).status == 200


@pytest.mark.parametrize('answer', ['null', 'false', 'empty-object', 'null-item', 'error-item'])
def test_a_reply_without_an_incident_is_502_and_a_red_health_and_grouping_goes_on(answer: str) -> None:
    @scene(answer=answer)
    async def play(senders: Senders) -> None:
        assert (await senders.post('alone')).status == 502
        await senders.hold()
        await senders.line_up(*singles('a', 'b', 'c', 'd', 'e'))
        senders.release()
        responses = await senders.finish()
        assert set(statuses(responses)) <= {502, 503}
        assert all('may exist' in response.detail for response in responses)
        assert 'no incident in its reply' in await until(lambda: senders.webhook.state()['health']['error'], 'the health')
        senders.webhook.faults(answer='normal')
        await senders.hold(100)
        await senders.line_up(*singles('f', 'g', 'h'))
        senders.release()
        await senders.finish()
        assert senders.calls[-1] == 3
    play()


@pytest.mark.parametrize('answer, reason', [('created-then-error', 'the call failed'), ('deep', 'could not be read'),
                                            ('not-json', 'could not be read')])
def test_incidents_whose_reply_is_an_error_or_unreadable_may_exist_and_the_process_goes_on(answer: str, reason: str) -> None:
    with Webhook('--fault', f'answer={answer}') as webhook:
        response = curl(webhook.direct_url, '-H', f'Authorization: {TOKEN}', '-d', '{"name": "created"}')
        assert (response.status, webhook.names()) == (502, ['created'])
        assert 'The incident may exist' in response.detail
        wait_for(lambda: reason in webhook.state()['health']['error'], 'the reason in the health')
        webhook.faults(answer='normal')
        assert curl(webhook.direct_url, '-H', f'Authorization: {TOKEN}', '-d', '{"name": "next"}').status == 200
        wait_for(lambda: not webhook.state()['health']['isError'], 'the health to be cleared')
        assert webhook.state()['restarts'] == 0


@scene(refuse='bad')
async def test_an_error_that_quotes_a_name_like_the_end_of_the_line_ends_nothing(senders: Senders) -> None:
    assert (await senders.post('bad Try to write when connection closed')).status == 502
    assert (await senders.post('good')).status == 200
    assert senders.webhook.state()['restarts'] == 0


@scene(answer='mixed')
async def test_what_is_no_incident_in_a_reply_is_left_out(senders: Senders) -> None:
    assert len((await senders.post('alone')).json) == 1
    await senders.hold(100)
    await senders.line_up(*singles('a', 'b'))
    senders.release()
    assert statuses(await senders.finish()) == [200] * 5


@scene(answer='empty')
async def test_an_empty_answer_is_200_with_an_empty_list(senders: Senders) -> None:
    senders.drops = bool
    assert (await senders.post('alone')).json == []
    await senders.hold()
    await senders.line_up(*singles('a', 'b', 'c'))
    senders.release()
    assert [answer.json for answer in await senders.finish()] == [[]] * 5


@scene(answer='lone-object')
async def test_a_lone_object_for_an_answer_is_reported_as_a_list(senders: Senders) -> None:
    assert [created['name'] for created in (await senders.post('alone')).json] == ['alone']
    assert len((await senders.post('one', 'two')).json) == 2


@scene()
async def test_when_some_of_a_group_are_dropped_each_gets_its_own_and_grouping_goes_on(senders: Senders) -> None:
    senders.drops = lambda name: 'drop' in name
    names = ['a', 'drop 1', 'b', 'drop 2', 'c']
    await senders.hold(100)
    requests = await senders.line_up(*singles(*names), ('d', 'drop 3', 'e'))
    senders.release(drop='drop')
    await senders.finish()
    told = [[created['name'] for created in request.answer.json] for request in requests]
    assert told == [['a'], [], ['b'], [], ['c'], ['d', 'e']]
    assert senders.calls == [1, 100, 8]
    await senders.hold(100)
    await senders.line_up(*singles('f', 'drop 4', 'g'), ('h', 'drop 5'))
    senders.release()
    await senders.finish()
    assert senders.calls[3:] == [1, 100, 5]


@scene(answer='reversed')
async def test_an_answer_in_disorder_tells_nobody_of_anothers_and_ends_grouping_for_a_while(senders: Senders) -> None:
    senders.told_apart = False
    await senders.hold()
    await senders.line_up(*singles(*(f'event {number}' for number in range(5)), 'alike', 'alike', 'alike'))
    senders.release()
    assert statuses(await senders.finish()) == [200] * 9
    calls = len(senders.calls)
    await senders.hold()
    await senders.line_up(*singles('a', 'b', 'c'))
    senders.release()
    assert statuses(await senders.finish()) == [200] * 13
    assert senders.calls[calls:] == [1, 1, 1, 1]
    await until(lambda: 'could not be matched' in senders.log(), 'the log line')


@scene(rename='event')
async def test_a_name_that_the_server_changed_does_no_harm(senders: Senders) -> None:
    await senders.hold(100)
    await senders.line_up(*singles(*(f'event {number}' for number in range(10))))
    senders.release()
    assert statuses(await senders.finish()) == [200] * 12
    assert senders.calls == [1, 100, 10]


@pytest.mark.parametrize('count, calls', [(40, 14), (150, 18)], ids=str)
def test_a_poisoned_event_alone_gets_502(count: int, calls: int) -> None:
    @scene()
    async def play(senders: Senders) -> None:
        names = [f'event {number}' for number in range(count)]
        names[17] = 'poison'
        await senders.hold(100)
        requests = await senders.line_up(*singles(*names))
        senders.release(refuse='poison')
        await senders.finish()
        assert [request.names for request in requests if request.answer.status != 200] == [['poison']]
        assert len(senders.calls) <= 2 + calls
    play()


@pytest.mark.parametrize('server', ['6.5', '8'])
def test_the_health_tells_of_a_rejection_on_every_server(server: str) -> None:
    @scene('--server', server, refuse='poison')
    async def play(senders: Senders) -> None:
        assert (await senders.post('poison')).status == 502
        await until(lambda: 'rejected' in senders.webhook.state()['health']['error'], 'the health')
        assert (await senders.post('good')).status == 200
        await until(lambda: not senders.webhook.state()['health']['error'], 'the health to be cleared')
    play()


@scene()
async def test_a_server_that_rejects_everything_is_asked_few_times_and_the_health_says_why(senders: Senders) -> None:
    def errors() -> list[str]:
        return [health['error'] for health in senders.webhook.state()['healthHistory'] if health['isError']]

    await senders.hold(100)
    await senders.line_up(*singles(*(f'event {number}' for number in range(60))))
    senders.release(refuse='*')
    assert statuses(await senders.finish()) == [200, 502] + [503] * 60
    assert senders.calls == [1, 100, 60, 30, 30, 15, 15, 7, 8, 4]
    await until(errors, 'the error in the health')
    assert 'rejected' in senders.webhook.state()['health']['error']
    senders.webhook.faults(refuse='')
    assert (await senders.post('good')).status == 200
    await until(lambda: not senders.webhook.state()['health']['isError'], 'the health to be cleared')
    senders.webhook.faults(answer='null')
    assert (await senders.post('late')).status == 502
    await until(lambda: 'POST 502' in senders.log().rpartition('POST 200')[2], 'the log line of the last one')
    assert len(errors()) == 1, 'the health is told of errors once a minute at most'


# Bounds


@scene()
async def test_beyond_1000_that_wait_the_next_is_503_at_once_before_its_body_has_come(senders: Senders) -> None:
    allow_many_connections()
    await senders.hold()
    requests = senders.start_many(MAX_WAITING_POSTS + 100)
    await until(lambda: sum(request.is_answered for request in requests) == 100, 'those that are too many to be refused')
    connection = await senders.connect()
    began = time.monotonic()
    answer = await connection.ask('POST', headers=AUTHORIZED, length=1000)
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert (answer.status, answer.headers[RETRY_AFTER].isdecimal()) == (503, True)
    assert 'creates nothing' in answer.detail
    assert (await (await senders.connect()).ask()).status == 200, 'a load balancer would take the instance out'
    senders.release()
    assert sorted(statuses(await senders.finish())) == [200] * (1 + MAX_WAITING_POSTS) + [503] * 100
    assert len(senders.calls) <= 8


@scene()
async def test_beyond_64_mb_that_wait_the_next_is_503_before_its_body_has_come(senders: Senders) -> None:
    await senders.hold()
    for _ in range(16):
        senders.start('large', text='x' * (4 * MIB - 1000))

    async def ask_until_refused() -> Answer:
        while True:
            connection = await senders.connect()
            with suppress(asyncio.TimeoutError):  # it had room: its body is waited for
                return await asyncio.wait_for(connection.ask('POST', headers=AUTHORIZED, length=20 * MIB), 0.2)
            connection.close()
    try:
        answer = await asyncio.wait_for(ask_until_refused(), 4)
        assert (answer.status, RETRY_AFTER in answer.headers) == (503, True)
    finally:
        senders.webhook.cut()
    assert statuses(await senders.finish()) == [503] * 17


@scene('--heartbeat', '0.2')
async def test_while_the_server_hangs_200_posts_wait_and_all_else_is_answered_at_once(senders: Senders) -> None:
    await senders.hold()
    requests = senders.start_many(200)
    connection = await senders.connect()
    began = time.monotonic()
    answers = []
    for _ in range(50):
        answers += [await connection.ask(), await connection.ask('POST', b'{}', {'Authorization': 'wrong'}),
                    await connection.ask('POST', b'{"a"', AUTHORIZED)]
    assert statuses(answers) == [200, 401, 400] * 50
    assert answers[-3].text.count('\n') == 1, 'the call does not hang for long yet'
    assert time.monotonic() - began < AT_ONCE_SECONDS
    assert not any(request.is_answered for request in requests)
    senders.release()
    assert statuses(await senders.finish()) == [200] * 201
    await until(lambda: senders.webhook.state()['calls'].get('heartbeat'), 'a heartbeat')


@scene('--heartbeat', '0.2', call_delay_ms=500)
async def test_2500_posts_at_1500_connections_are_answered_truthfully_and_soon(senders: Senders) -> None:
    allow_many_connections()
    left = iter(range(2500))

    async def send_on() -> None:
        connection = await senders.connect()
        for number in left:
            await senders.post(f'event {number}', connection=connection)

    began = time.monotonic()
    await asyncio.gather(*(send_on() for _ in range(1500)))
    assert time.monotonic() - began < 20
    answered = statuses(await senders.finish())
    assert len(answered) == 2500
    assert answered.count(200) >= MAX_WAITING_POSTS
    assert max(senders.calls) <= GenericWebhook.MAX_CALL_INCIDENTS
    assert senders.webhook.state()['calls']['heartbeat'] > 0
    assert senders.webhook.state()['calls']['setIntegrationContext'] == 2, 'when listening began, then once a minute at most'


# Time


@scene()
async def who_waits_for_25_s_gets_503_and_is_never_created(senders: Senders) -> None:
    held = await senders.hold()
    early = await senders.line_up(*singles(*(f'early {number}' for number in range(5))))
    await until(lambda: time.monotonic() - early[0].began > 10, 'ten seconds')
    greeting = (await (await senders.connect()).ask()).text.splitlines()
    assert len(greeting) == 2 and 10 <= int(re.findall(r'(\d+) s', greeting[1])[0]) < 25
    late = await senders.line_up(*singles(*(f'late {number}' for number in range(3))))
    await senders.leave('gone')
    await asyncio.wait([request.task for request in early])
    assert all(25 <= request.seconds < 28 for request in early)
    assert statuses([request.answer for request in early]) == [503] * 5
    assert not any(request.is_answered for request in (held, *late)), 'one that was handed over waits for its answer'
    senders.release()
    assert statuses([await request.task for request in (held, *late)]) == [200] * 4
    assert sum(senders.calls) == 5, 'those that were told 503 are not handed over, and who went away is not forgotten'


@scene()
async def slow_senders_are_closed_after_15_s_and_keep_nobody_waiting(senders: Senders) -> None:
    slow_head = b'POST / HTTP/1.1\r\nX-Slow: '
    slow_body = request_bytes(senders.url, b'{"name": "', AUTHORIZED, length=10_000)
    heads = [await dribble(senders, slow_head) for _ in range(30)]
    bodies = [await dribble(senders, slow_body) for _ in range(30)]
    silent = [await dribble(senders, b'', each=b'') for _ in range(30)]
    while not any(ending.done() for ending in (*heads, *bodies, *silent)):
        began = time.monotonic()
        assert (await senders.post('quick')).status == 200
        assert time.monotonic() - began < AT_ONCE_SECONDS
        await asyncio.wait([*heads, *bodies, *silent], timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
    for ending in await asyncio.gather(*heads, *silent):
        assert 14 < ending.seconds < 20
    assert {ending.text for ending in await asyncio.gather(*silent)} == {b''}
    assert all(ending.text.startswith(b'HTTP/1.1 408 ') for ending in await asyncio.gather(*heads))
    for ending in await asyncio.gather(*bodies):
        assert ending.text.startswith(b'HTTP/1.1 503 ')
        assert b'too slowly' in ending.text
        assert 14 < ending.seconds < 20


@scene(call_delay_ms=7700)  # the fourth call begins just before the 25 s are over
async def of_60_posts_all_are_created_by_a_server_of_nearly_8_s_a_call(senders: Senders) -> None:
    senders.start_many(60)
    assert statuses(await senders.finish()) == [200] * 60, senders.calls
    assert len(senders.calls) <= 4


class Ending:
    """How a connection ended: after how many seconds, and with what answer."""

    def __init__(self, seconds: float, text: bytes) -> None:
        self.seconds = seconds
        self.text = text


async def dribble(senders: Senders, start: bytes, each: bytes = b'a') -> asyncio.Future[Ending]:
    """A sender that goes on with so little every half second until the connection ends."""
    connection = await senders.connect()
    connection.writer.write(start)
    began = time.monotonic()

    async def go_on() -> Ending:
        end = asyncio.ensure_future(connection.end())
        while not end.done():
            connection.writer.write(each)
            await asyncio.wait([end], timeout=0.5)
        return Ending(time.monotonic() - began, end.result())
    return asyncio.ensure_future(go_on())


# Logs


@scene('--heartbeat', '0.2', '--log-level', 'error')
async def test_3000_requests_leave_few_log_calls_and_what_was_dropped_is_counted(senders: Senders) -> None:
    await until(lambda: 'Listening' in senders.log(), 'the first log line')
    before = senders.log_calls
    held = await senders.hold()
    connections = [await senders.connect() for _ in range(30)]

    async def ask_on(connection: Sender) -> None:
        for _ in range(100):
            assert (await connection.ask()).status == 200

    await asyncio.gather(*map(ask_on, connections))
    senders.release()
    await held.task
    await until(lambda: 'were dropped' in senders.log(), 'the count of dropped log lines')
    lines = senders.log().count('GET 200')
    dropped = int(re.findall(r'(\d+) log lines were dropped', senders.log())[0])
    assert lines == 1000
    assert dropped in (2000, 2001), 'the POST has a line, too'
    assert senders.log_calls - before <= 2


# The end


@scene()
async def test_a_line_cut_while_30_wait_is_503_for_all_and_a_new_container_goes_on(senders: Senders) -> None:
    await senders.hold()
    await senders.line_up(*singles(*(f'event {number}' for number in range(30))))
    senders.webhook.cut()
    assert statuses(await senders.finish(5)) == [503] * 31
    await senders.restarted(exit_code=1)
    senders.release()
    assert (await senders.post('after')).status == 200


@scene()
async def test_a_line_cut_between_two_calls_is_503_for_the_next_group(senders: Senders) -> None:
    held = await senders.hold()
    await senders.line_up(*singles(*(f'event {number}' for number in range(30))))
    senders.release(cut=True)
    assert statuses(await senders.finish(5)) == [200] + [503] * 30
    assert held.answer.json
    await senders.restarted(exit_code=1)
    assert (await senders.post('after')).status == 200


@scene()
async def test_a_line_cut_at_rest_ends_the_process_without_another_post(senders: Senders) -> None:
    await senders.at_rest()
    senders.webhook.cut()
    await senders.restarted(exit_code=1, seconds=3)
    assert (await senders.post('after')).status == 200


@scene()
async def test_a_line_cut_at_rest_makes_nothing_of_the_next_post(senders: Senders) -> None:
    await senders.at_rest()
    connection = await senders.connect()
    assert (await connection.ask()).status == 200
    senders.webhook.cut()
    with suppress(ConnectionError, asyncio.IncompleteReadError):  # the process may have ended before
        assert (await connection.ask('POST', senders.request('next').body, AUTHORIZED)).status == 503
    await senders.restarted(exit_code=1)
    assert senders.webhook.sent() == []
    assert (await senders.post('after')).status == 200


@scene('--heartbeat', '0.2', call_delay_ms=200)
async def test_sigterm_amid_25_held_posts_finishes_them_and_lets_nobody_else_in(senders: Senders) -> None:
    await senders.hold()
    requests = await senders.line_up(*singles(*(f'event {number}' for number in range(24))))
    open_one = await senders.connect()
    assert (await open_one.ask()).status == 200
    began = time.monotonic()
    senders.webhook.stop_container()
    await until_refused(senders)
    answer = await open_one.ask('POST', b'{}', AUTHORIZED)
    assert (answer.status, answer.headers['connection'], RETRY_AFTER in answer.headers) == (503, 'close', True)
    assert await open_one.end() == b''
    assert not any(request.is_answered for request in requests)
    senders.release()
    assert statuses(await senders.finish()) == [200] * 25
    assert time.monotonic() - began < 10
    await senders.restarted(exit_code=0)
    assert (await senders.post('after')).status == 200


@scene()
async def test_get_and_head_are_503_while_the_integration_stops(senders: Senders) -> None:
    await senders.hold()
    getter, header = await senders.connect(), await senders.connect()
    assert statuses([await getter.ask(), await header.ask()]) == [200, 200]
    senders.webhook.stop_container()
    await until_refused(senders)
    answer = await getter.ask()
    assert (answer.status, RETRY_AFTER in answer.headers) == (503, True)
    header.writer.write(request_bytes(senders.url, method='HEAD'))
    assert (await header.end()).startswith(b'HTTP/1.1 503 ')
    senders.release()
    await senders.finish()
    await senders.restarted(exit_code=0)


@scene()
async def test_who_has_just_connected_at_a_stop_is_answered(senders: Senders) -> None:
    connection = await senders.connect()
    assert (await connection.ask()).status == 200
    senders.webhook.stop_container()
    assert (await connection.ask('POST', b'{}', AUTHORIZED)).status == 503
    await senders.restarted(exit_code=0)


async def until_refused(senders: Senders) -> None:
    """The container listens no more. A connection that was in the backlog then is reset."""
    while True:
        try:
            (await senders.connect()).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            pass


@scene()
async def sigterm_while_the_server_hangs_ends_with_503_for_all_within_its_grace(senders: Senders) -> None:
    await senders.hold()
    await senders.line_up(*singles(*(f'event {number}' for number in range(30))))
    senders.webhook.stop_container()
    assert statuses(await senders.finish()) == [503] * 31
    await senders.restarted(exit_code=0)  # after its grace it would have been killed
    senders.release()
    assert (await senders.post('after')).status == 200


# What takes its seconds


LONG_SCENES = [
    who_waits_for_25_s_gets_503_and_is_never_created,
    slow_senders_are_closed_after_15_s_and_keep_nobody_waiting,
    of_60_posts_all_are_created_by_a_server_of_nearly_8_s_a_call,
    sigterm_while_the_server_hangs_ends_with_503_for_all_within_its_grace,
]


@pytest.fixture(scope='module', autouse=True)
def played(request: pytest.FixtureRequest) -> Iterator[dict[Callable[[], None], Future[None]]]:
    """The long scenes that are asked for: all at the same time, and beside the others."""
    wanted = [play for play in LONG_SCENES if any(play.__name__ in item.name for item in request.session.items)]
    with ThreadPoolExecutor(len(LONG_SCENES)) as pool:
        yield {play: pool.submit(play) for play in wanted}


@pytest.mark.parametrize('play', LONG_SCENES, ids=lambda play: play.__name__)
def test_in_the_long_run(play: Callable[[], None], played: dict[Callable[[], None], Future[None]]) -> None:
    played[play].result()
