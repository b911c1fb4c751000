"""The line to the server under load, slow, at fault and at its end: over real sockets and the real line.

Each scene ends with the check in Senders.check(): 200 means that the incidents exist, exactly once; 502 and 503 that they do
not; nobody gets another's; and Webhook checks that nothing but the protocol went to stdout. The scenes share containers, in
which what a call takes is set, as far as it decides about the next call.
"""
from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from changed_packs import webhook_with
from GenericWebhook import MIB
from senders_at_once import AUTHORIZED, RETRY_AFTER, Senders, scene, until
from shared.webhook import Answer, Webhook, request_bytes

pytestmark = pytest.mark.sockets

MOST_WAITING = 100
MOST_WAITING_BYTES = 4 * MIB
DEFAULT_TIMINGS = 'self.timings or [(8, 2.0)]'
QUICK = {DEFAULT_TIMINGS: '[(10_000, 0.1)]', 'health_every: float = 60': 'health_every: float = 0',
         'MAX_WAITING_POSTS = 1000': f'MAX_WAITING_POSTS = {MOST_WAITING}',
         'MAX_WAITING_BYTES = 64 * MIB': f'MAX_WAITING_BYTES = {MOST_WAITING_BYTES}'}
SLOW = {DEFAULT_TIMINGS: '[(8, 2.0)]', 'health_every: float = 60': 'health_every: float = 0',
        'STOP_SECONDS = 10': 'STOP_SECONDS = 0.5'}


# The first takes the server for quick, has room for few posts, and reports every error at once. The second takes it, an old
# one, for as slow as any before its first call, and has little time to stop.
webhook = webhook_with(QUICK, '--heartbeat', '0.2')
slow = webhook_with(SLOW, '--server', '6.5')


def statuses(answers: list[Answer]) -> list[int]:
    return [answer.status for answer in answers]


def singles(*names: str) -> list[tuple[str, ...]]:
    return [(name,) for name in names]


def numbered(count: int) -> list[str]:
    return [f'event {number}' for number in range(count)]


@scene()
async def test_while_no_call_is_in_flight_a_post_goes_at_once_and_alone(senders: Senders) -> None:
    connection = await senders.connect()
    for name in numbered(20):
        assert (await senders.post(name, connection=connection)).status == 200
    assert senders.calls == [1] * 20


@scene()
async def test_24_posts_that_arrive_during_a_call_go_as_one_call_in_order(senders: Senders) -> None:
    await senders.group(*singles(*numbered(24)))
    assert statuses(await senders.finish()) == [200] * 25
    assert senders.calls == [1, 24]
    assert [incident['name'] for incident in senders.sent()] == ['held', *numbered(24)]


@scene()
async def test_the_incidents_of_one_post_go_in_one_call_to_a_quick_server(senders: Senders) -> None:
    for count in (1, 2, 300, 1000):
        assert len((await senders.post(*['event'] * count)).json) == count
    assert senders.calls == [1, 2, 300, 1000]


@scene('slow')
async def test_a_large_array_goes_to_a_slow_server_in_several_calls_and_its_response_is_in_order(senders: Senders) -> None:
    assert (await senders.post(*numbered(100))).status == 200
    assert senders.calls == [40, 40, 20]


@scene('slow', refuse='poison')
async def test_the_sender_of_an_array_that_is_rejected_halfway_learns_how_many_exist(senders: Senders) -> None:
    connection = await senders.connect()
    body = senders.request(*['event'] * 60, 'poison', *['event'] * 39).body
    answer = await connection.ask('POST', body, AUTHORIZED)
    assert answer.status == 502
    assert '40 of its 100 incidents exist' in answer.detail
    assert len(senders.sent()) == 40
    senders.left += range(1, 41)


@scene('slow', hang=True)
async def test_an_array_whose_second_call_was_cut_exists_in_part_and_more_of_it_may(senders: Senders) -> None:
    connection = await senders.connect()
    body = senders.request(*['event'] * 100).body
    response = asyncio.ensure_future(connection.ask('POST', body, AUTHORIZED))
    await until(lambda: senders.calls, 'the first call')
    senders.release(cut=True)
    assert (await response).status == 502
    assert '40 of its 100 incidents exist, and more may exist' in (await response).detail
    senders.left += range(1, 41)
    await senders.ended(exit_code=1)


@scene(refuse='poison')
async def test_a_rejected_post_gets_502_and_creates_nothing(senders: Senders) -> None:
    assert (await senders.post('poison')).status == 502
    assert (await senders.post('good', 'poison')).status == 502
    assert (await senders.post('good')).status == 200


@pytest.mark.parametrize('reply', ['null', 'error-item'])
@scene()
async def test_a_reply_without_an_incident_is_502_and_a_red_health_and_grouping_goes_on(senders: Senders, reply: str) -> None:
    senders.webhook.faults(answer=reply)
    assert (await senders.post('alone')).status == 502
    await senders.group(*singles('a', 'b', 'c', 'd', 'e'))
    responses = await senders.finish()
    assert set(statuses(responses)) <= {502, 503}
    assert all('may exist' in response.detail for response in responses)
    assert 'no incident in its reply' in await until(lambda: senders.webhook.state()['health']['error'], 'the health')
    senders.webhook.faults(answer='normal')
    await senders.group(*singles('f', 'g', 'h'))
    assert senders.calls[-1] == 3


@pytest.mark.parametrize('reply, reason', [
    ('created-then-error', 'the call failed'), ('deep', 'could not be read'), ('not-json', 'could not be read')])
@scene()
async def test_incidents_whose_reply_is_an_error_or_unreadable_may_exist_and_the_process_goes_on(
        senders: Senders, reply: str, reason: str) -> None:
    senders.webhook.faults(answer=reply)
    process = senders.webhook.state()['pid']
    connection = await senders.connect()
    response = await connection.ask('POST', senders.request('created').body, AUTHORIZED)
    senders.left.append(1)
    assert (response.status, len(senders.sent())) == (502, 1)
    assert 'The incident may exist' in response.detail
    await until(lambda: reason in senders.webhook.state()['health']['error'], 'the reason in the health')
    senders.webhook.faults(answer='normal')
    assert (await senders.post('next')).status == 200
    await until(lambda: not senders.webhook.state()['health']['isError'], 'the health to be cleared')
    assert senders.webhook.state()['pid'] == process


@scene(refuse='bad')
async def test_an_error_that_quotes_a_name_like_the_end_of_the_line_ends_nothing(senders: Senders) -> None:
    process = senders.webhook.state()['pid']
    assert (await senders.post('bad Try to write when connection closed')).status == 502
    assert (await senders.post('good')).status == 200
    assert senders.webhook.state()['pid'] == process


@scene(answer='mixed')
async def test_what_is_not_an_incident_in_a_reply_is_left_out(senders: Senders) -> None:
    assert len((await senders.post('alone')).json) == 1
    await senders.group(*singles('a', 'b'))
    assert statuses(await senders.finish()) == [200] * 4


@scene()
async def test_when_some_of_a_group_are_dropped_each_gets_its_own_and_grouping_goes_on(senders: Senders) -> None:
    senders.drops = lambda name: 'drop' in name
    names = ['a', 'drop 1', 'b', 'drop 2', 'c']
    requests = await senders.group(*singles(*names), ('d', 'drop 3', 'e'), drop='drop')
    reported = [[created['name'] for created in request.answer.json] for request in requests]
    assert reported == [['a'], [], ['b'], [], ['c'], ['d', 'e']]
    assert senders.calls == [1, 8]
    await senders.group(*singles('f', 'drop 4', 'g'), ('h', 'drop 5'))
    assert senders.calls[2:] == [1, 5]


@scene(answer='reversed')
async def test_a_reply_in_disorder_shows_nobody_anothers_and_ends_grouping_for_a_while(senders: Senders) -> None:
    senders.told_apart = False
    await senders.group(*singles(*numbered(5), 'alike', 'alike', 'alike'))
    assert statuses(await senders.finish()) == [200] * 9
    calls = len(senders.calls)
    await senders.group(*singles('a', 'b', 'c'))
    assert statuses(await senders.finish()) == [200] * 13
    assert senders.calls[calls:] == [1, 1, 1, 1]
    await senders.until_logged(lambda log: 'could not be matched' in log)
    await asyncio.to_thread(senders.webhook.renew)


@scene('slow', refuse='poison')
async def test_the_health_reports_a_rejection_on_an_old_server(senders: Senders) -> None:
    assert (await senders.post('poison')).status == 502
    await until(lambda: 'rejected' in senders.webhook.state()['health']['error'], 'the health')
    assert (await senders.post('good')).status == 200
    await until(lambda: not senders.webhook.state()['health']['error'], 'the health to be cleared')


@scene()
async def test_a_server_that_rejects_everything_is_asked_few_times_and_the_health_says_why(senders: Senders) -> None:
    await senders.group(*singles(*numbered(60)), refuse='*')
    assert statuses(await senders.finish()) == [502] + [503] * 60
    assert senders.calls == [1, 60, 30, 30, 15, 15, 7, 8, 4][:len(senders.calls)], 'fewer if these took more than 5 s'
    await until(lambda: 'rejected' in senders.webhook.state()['health']['error'], 'the error in the health')
    senders.webhook.faults(refuse='')
    assert (await senders.post('good')).status == 200
    await until(lambda: not senders.webhook.state()['health']['isError'], 'the health to be cleared')


@scene()
async def test_beyond_the_posts_that_may_wait_the_next_is_503_before_its_body_has_come(senders: Senders) -> None:
    await senders.hold()
    requests = senders.start_many(MOST_WAITING - 1 + 20)  # the one in the call counts, too
    await until(lambda: sum(request.is_answered for request in requests) == 20, 'the rejection of those that are too many')
    answer = await (await senders.connect()).ask('POST', headers=AUTHORIZED, length=1000)
    assert (answer.status, answer.headers[RETRY_AFTER].isdecimal()) == (503, True)
    assert 'creates nothing' in answer.detail
    assert (await (await senders.connect()).ask()).status == 200, 'a load balancer would take the instance out'
    senders.release()
    assert sorted(statuses(await senders.finish())) == [200] * MOST_WAITING + [503] * 20
    assert senders.calls == [1, MOST_WAITING - 1]


@scene()
async def test_beyond_the_bytes_that_may_wait_the_next_is_503_before_its_body_has_come(senders: Senders) -> None:
    await senders.hold()
    requests = await senders.line_up(*singles(*['large'] * 16), text='x' * (MOST_WAITING_BYTES // 16))
    assert (await requests[-1].task).status == 503, 'there is no room for it beside the incidents of the others'
    answer = await (await senders.connect()).ask('POST', headers=AUTHORIZED, length=20 * MIB)
    assert (answer.status, RETRY_AFTER in answer.headers) == (503, True)
    senders.release()
    answered = statuses(await senders.finish())
    assert answered == sorted(answered) and 12 < answered.count(200) <= 16


@scene()
async def test_while_the_server_hangs_posts_wait_and_all_else_is_answered(senders: Senders) -> None:
    await senders.hold()
    requests = senders.start_many(50)
    connection = await senders.connect()
    answers = []
    for _ in range(10):
        answers += [await connection.ask(), await connection.ask('POST', b'{}', {'Authorization': 'wrong'}),
                    await connection.ask('POST', b'{"a"', AUTHORIZED)]
    assert statuses(answers) == [200, 401, 400] * 10
    assert not any(request.is_answered for request in requests)
    senders.release()
    assert statuses(await senders.finish()) == [200] * 51
    await until(lambda: senders.webhook.state()['calls'].get('heartbeat'), 'a heartbeat')


@scene(call_delay_ms=100)
async def test_500_posts_on_250_connections_are_answered_truthfully(senders: Senders) -> None:
    left = iter(range(500))

    async def send_on() -> None:
        connection = await senders.connect()
        for number in left:
            await senders.post(f'event {number}', connection=connection)

    await asyncio.gather(*(send_on() for _ in range(250)))
    answered = statuses(await senders.finish())
    assert len(answered) == 500
    assert answered.count(200) >= MOST_WAITING


@scene()
async def test_senders_that_are_slow_on_purpose_keep_nobody_waiting(senders: Senders) -> None:
    starts = [b'POST / HTTP/1.1\r\nX-Slow: ', request_bytes(senders.url, b'{"name": "', AUTHORIZED, length=10_000), b'']
    slow_ones = [await senders.connect() for _ in range(90)]
    for connection, start in zip(slow_ones, starts * 30, strict=True):
        connection.writer.write(start)
    ends = [asyncio.ensure_future(connection.end()) for connection in slow_ones]
    for name in numbered(5):
        assert (await senders.post(name)).status == 200
    assert not any(end.done() for end in ends), 'they are still there'
    for connection in slow_ones:
        connection.close()
    await asyncio.gather(*ends)


@scene()
async def test_2100_requests_leave_one_log_call_and_what_was_dropped_is_counted(senders: Senders) -> None:
    await senders.at_rest()
    before = senders.log_calls
    held = await senders.hold()
    connection = await senders.connect()
    connection.writer.write(request_bytes(senders.url, method='GET') * 2099)
    assert (await connection.ask('GET', headers={'Connection': 'close'})).status == 200
    assert (await connection.end()).count(b'HTTP/1.1 200 ') == 2099
    senders.release()
    await held.task
    await senders.until_logged(lambda log: 'were dropped' in log)
    dropped = int(re.findall(r'(\d+) log lines were dropped', senders.log())[-1])
    assert dropped in (100, 101), 'the POST has a line, too'
    assert senders.log_calls - before <= 2


@scene()
async def test_a_line_cut_while_30_wait_is_503_for_all_and_a_new_container_goes_on(senders: Senders) -> None:
    await senders.hold()
    await senders.line_up(*singles(*numbered(30)))
    senders.webhook.cut()
    assert statuses(await senders.finish()) == [503] * 31
    await senders.ended(exit_code=1)
    senders.release()
    assert (await senders.post('after')).status == 200


@scene()
async def test_a_line_cut_between_two_calls_is_503_for_the_next_group(senders: Senders) -> None:
    await senders.group(*singles(*numbered(30)), cut=True)
    first, *others = await senders.finish()
    assert first.json and statuses(others) == [503] * 30
    await senders.ended(exit_code=1)
    assert (await senders.post('after')).status == 200


@scene()
async def test_a_line_cut_at_rest_ends_the_process_without_another_post(senders: Senders) -> None:
    await senders.at_rest()
    senders.webhook.cut()
    await senders.ended(exit_code=1)
    assert (await senders.post('after')).status == 200


@scene()
async def test_a_line_cut_at_rest_makes_nothing_of_the_next_post(senders: Senders) -> None:
    await senders.at_rest()
    connection = await senders.connect()
    assert (await connection.ask()).status == 200
    senders.webhook.cut()
    with suppress(ConnectionError, asyncio.IncompleteReadError):  # the process may have ended before
        assert (await connection.ask('POST', senders.request('next').body, AUTHORIZED)).status == 503
    await senders.ended(exit_code=1)
    assert senders.sent() == []
    assert (await senders.post('after')).status == 200


@scene()
async def test_sigterm_amid_25_posts_finishes_them_answers_what_arrives_with_it_and_lets_nobody_else_in(senders: Senders) -> None:
    await senders.hold()
    requests = await senders.line_up(*singles(*numbered(24)))
    poster, getter, header, late = [await senders.connect() for _ in range(4)]
    for connection in (poster, getter, header, late):
        assert (await connection.ask()).status == 200
    with frozen(senders.webhook):
        senders.webhook.stop_container()
        senders.start('with the stop', connection=late)
        await asyncio.sleep(0)  # it is sent
    await until(lambda: not senders.webhook.listens(), 'the end of listening')
    answer = await poster.ask('POST', b'{}', AUTHORIZED)
    assert (answer.status, answer.headers['connection'], RETRY_AFTER in answer.headers) == (503, 'close', True)
    assert await poster.end() == b''
    assert (await getter.ask()).status == 503, 'a load balancer has to take the instance out'
    header.writer.write(request_bytes(senders.url, method='HEAD'))
    assert (await header.end()).startswith(b'HTTP/1.1 503 ')
    assert not any(request.is_answered for request in requests)
    senders.release()
    *answers, with_the_stop = await senders.finish()
    assert statuses(answers) == [200] * 25
    # Any thread may take the signal: another one than that of the connections may do so just after these have been looked at.
    assert with_the_stop.status in (200, 503), 'whichever the container notices first'
    await senders.ended(exit_code=0)
    assert (await senders.post('after')).status == 200


@contextmanager
def frozen(webhook: Webhook) -> Iterator[None]:
    """Stop all of a container's threads meanwhile: it finds what has arrived all at once."""
    process = webhook.state()['pid']
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@scene('slow')
async def test_sigterm_while_the_server_hangs_ends_with_503_for_all(senders: Senders) -> None:
    await senders.hold()
    await senders.line_up(*singles('a', 'b', 'c'))
    senders.webhook.stop_container()
    await senders.ended(exit_code=0)
    assert set(statuses(await senders.finish())) == {503}
    senders.release()
    assert (await senders.post('after')).status == 200
