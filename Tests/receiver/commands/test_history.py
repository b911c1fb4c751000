"""The command generic-webhook-deliveries, and what the container keeps for it: through the door, on old and new servers."""
from __future__ import annotations

import hmac
import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import demistomock
import patient
import pytest
from history_entries import entry
import requests
from clocks import PATIENCE_SECONDS, Clock, until
from GenericWebhook import (VERSION, History, HistoryEntry, Listener, Post, Request, ServerLine, Settings, Tokens,
                            Unavailable, read_history)
from local_xsoar import wait_for
from model import incident
from own_server import connect, have_turn, hold_calls, running_line
from shared.app import app_of
from shared.webhook import TOKEN, Webhook, changed_pack, request_bytes

pytestmark = pytest.mark.sockets

GITHUB = {'X-GitHub-Event': 'push', 'X-Hub-Signature-256': f'sha256={"0" * 64}', 'User-Agent': 'GitHub-Hookshot/2f1a'}


def post(webhook: Webhook, body: Any, query: str = '', **headers: str) -> requests.Response:
    return patient.post(webhook.webhook_url + query, json.dumps(body), headers={'Authorization': TOKEN} | headers)


def restart(webhook: Webhook) -> None:
    """Stop the container, which saves its history, and wait for the next one."""
    before = webhook.state()['restarts']
    webhook.stop_container()
    wait_for(lambda: webhook.state()['restarts'] > before, 'the restart')
    wait_for(lambda: patient.get(webhook.webhook_url).ok, 'the new container')


def run(webhook: Webhook, **args: str) -> tuple[str, list[dict[str, Any]]]:
    """Return what `!generic-webhook-deliveries` shows in the War Room, and the deliveries in the playground's context."""
    patient.post(f'{webhook.url}/entry/execute/sync', json={'data': '!DeleteContext all="yes"'})
    command = ' '.join(['!generic-webhook-deliveries', *(f'{name}="{value}"' for name, value in args.items())])
    [entry] = patient.post(f'{webhook.url}/entry/execute/sync', json={'data': command}).json()
    context = patient.post(f'{webhook.url}/investigation/playground/context').json()
    found = context.get('GenericWebhook', {}).get('Delivery', [])
    return str(entry['contents']), found if isinstance(found, list) else [found]


@pytest.mark.parametrize('server', ['6.5', pytest.param('8', marks=pytest.mark.weekly)])
def test_a_person_with_the_war_room_alone_finds_what_became_of_each_delivery_also_after_restarts(server: str) -> None:
    with Webhook('--server', server) as webhook:
        for _ in range(2):
            post(webhook, {'name': 'disk full'}, **{'Idempotency-Key': '77', 'User-Agent': 'curl/8'})
        for _ in range(40):
            assert patient.post(webhook.webhook_url, '{}', headers=GITHUB).status_code == 401
        restart(webhook)
        ended = {'receiver': 'r', 'status': 'resolved', 'version': '4', 'groupKey': '1',
                 'alerts': [{'status': 'resolved', 'labels': {'alertname': 'DiskFull'}}]}
        assert post(webhook, ended, '?skip=resolved').text == '[]'
        assert patient.post(webhook.webhook_url, '{}', headers=GITHUB).status_code == 401
        restart(webhook)
        shown, deliveries = run(webhook)
        assert sorted((each['Result'], each['Count']) for each in deliveries) == [
            ('created', 1), ('rejected', 41), ('repeat', 1), ('skipped', 1)]
        created, github, repeat, skipped = sorted(deliveries, key=lambda each: str(each['Result']))
        assert github['Status'] == 401 and 'GitHub' in github['UserAgent'] and 'check the token in the sender' in github['Note']
        assert (skipped['Product'], skipped['Note']) == ('alertmanager', 'skipped: resolved')
        assert (repeat['Note'], created['Note']) == ('repeat of incident 1', 'incident 1')
        assert re.match(rf'Listening since 20[-0-9T:]+Z \(version {re.escape(VERSION)}\); saved [0-9.]+ minutes ago; ', shown)
        first = next(line for line in webhook.output if ' info ' in line)
        assert first.endswith(f'Generic Webhook {VERSION} starts.')
        assert 'created: 1; repeat: 1; 401 No signature matches' in shown
        assert '|41|401||`127.0.0.1`|`GitHub-Hookshot/2f1a`|' in shown.replace('| ', '|').replace(' |', '|')
        assert [each['Result'] for each in run(webhook, result='rejected', limit='1')[1]] == ['rejected']
        assert not webhook.state()['warnings']


WRITTEN = f'`![x](https://example.com/{TOKEN}) | <b> `'


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    """One to which the deliveries of the tests below came before a restart. Its log is the first container's."""
    with Webhook('--log-level', 'debug') as running:
        running.faults(drop='test')
        assert post(running, {'name': 'a test'}, **{'User-Agent': 'a monitor'}).text == '[]'
        running.faults(drop='')
        patient.get(running.webhook_url)
        assert patient.post(f'{running.webhook_url}?validationToken=abc').text == 'abc'
        for headers in {'User-Agent': WRITTEN, 'X-Forwarded-For': '[a](b)'}, {'User-Agent': '`![x](y) | "z'}:
            patient.post(running.webhook_url, '{}', headers=headers)
        for agent, number in ('with an id', '72d3162e-cc78'), ('the repeat', '72d3162e-cc78'), ('the token', TOKEN):
            post(running, {'name': 'a'}, **{'X-GitHub-Delivery': number, 'User-Agent': agent})
        restart(running)
        yield running


@pytest.fixture(scope='module')
def report(webhook: Webhook) -> tuple[str, list[dict[str, Any]]]:
    return run(webhook)


def test_what_a_rule_drops_is_skipped_and_a_get_is_not_a_delivery(report: tuple[str, list[dict[str, Any]]]) -> None:
    found = [(each['Result'], each['Note']) for each in report[1] if each['Result'] in ('handshake', 'skipped')]
    assert found == [('handshake', 'handshake'), ('skipped', 'no incidents')]
    assert len(report[1]) == 7


def test_the_report_counts_by_token_since_the_container_began_and_says_when_each_was_last_used(tmp_path: Path) -> None:
    pack = changed_pack(tmp_path, {'CONTEXT_EVERY_SECONDS = 60': 'CONTEXT_EVERY_SECONDS = 0.1'})
    tokens = [f'{TOKEN}-new', TOKEN, f'{TOKEN}-unused']
    with Webhook(token=' || '.join(tokens), pack=pack) as webhook:
        def report() -> tuple[list[list[str]], list[str]]:
            """The rows of the table of tokens (name, deliveries, last used), and the token of each delivery."""
            shown, deliveries = run(webhook)
            table = shown.partition('Tokens, since 20')[2].partition('###')[0]
            rows = [[cell.strip() for cell in line.split('|')[1:-1]] for line in table.splitlines() if line.startswith('|')]
            return rows[2:], [each['Token'] for each in deliveries]

        def saved() -> int:
            history = read_history(webhook.state()['context'])
            return len(history.accepted) + len(history.others)

        signature = hmac.digest(tokens[0].encode(), b'{"a": 1}', 'sha256').hex()
        patient.post(webhook.webhook_url, '{"a": 1}', headers={'X-Hub-Signature-256': f'sha256={signature}'})
        for token in TOKEN, tokens[0]:
            post(webhook, {'raw_json': 'is rejected'}, Authorization=token)
        post(webhook, {'a': 2}, Authorization=' || '.join(tokens))
        meta = {'hub.mode': 'subscribe', 'hub.verify_token': TOKEN, 'hub.challenge': '1'}
        assert patient.get(webhook.webhook_url, meta).text == '1'
        patient.post(webhook.webhook_url, '{"a": 3}', headers=GITHUB)
        wait_for(lambda: saved() == 6, 'the save')
        uses, tokens_of_deliveries = report()
        assert [row[:2] for row in uses] == [['1', '2'], ['2', '2'], ['3', '0'], ['whole text', '1']]
        assert [row[2][:2] for row in uses] == ['20', '20', 'ne', '20']
        assert tokens_of_deliveries == ['', '2', 'whole text', '1', '2', '1']
        restart(webhook)
        earlier = ['', '2 (earlier)', 'whole text (earlier)', '1 (earlier)', '2 (earlier)', '1 (earlier)']
        assert report() == ([['1', '0', 'never'], ['2', '0', 'never'], ['3', '0', 'never']], earlier)
        post(webhook, {'a': 4})
        restart(webhook)
        assert report()[1] == ['2 (earlier)', *earlier]


def test_a_senders_text_is_not_markdown_and_no_secret_is_kept(report: tuple[str, list[dict[str, Any]]]) -> None:
    shown, deliveries = report
    assert "`'![x](y) \\| \\x22z`" in shown
    assert '`...`' in shown and '`127.0.0.1 for [a](b)`' in shown
    assert TOKEN not in shown + json.dumps(deliveries)


def test_the_log_line_of_a_success_has_the_delivery_id(webhook: Webhook) -> None:
    webhook.wait_for_line(r'"with an id", \d+ bytes, token 1, delivery "72d3162e-cc78": incident \d+')
    webhook.wait_for_line(r'"the repeat", \d+ bytes, token 1, delivery "72d3162e-cc78": repeat of incident \d+')
    webhook.wait_for_line(r'"the token", \d+ bytes, token 1, delivery "...": incident \d+')


def request(is_accepted: bool = False) -> HistoryEntry:
    """The entry of a request that has not ended yet."""
    return HistoryEntry(0, '', '', 1, 0, is_accepted, 0, '203.0.113.7', 'curl/8', '', '', '', '')


def test_that_xsoar_was_slow_is_in_the_health_until_five_minutes_later(clock: Clock, own_line: ServerLine) -> None:
    own_line.record_duration(10)
    assert not own_line.health.slowness
    may_return = hold_calls()
    own_line.queue.add(slow := Post([incident()]))
    until(lambda: demistomock.calls_of('createIncidents'))
    clock.passed = 34.04
    may_return.set()
    slow.result.get(timeout=PATIENCE_SECONDS)
    until(lambda: own_line.health.sent)  # the line that other tests share may send its own health, an empty one
    told = str(own_line.health.sent)
    assert 'did not reply for 34 s until 20' in told
    assert told in [error for error, *_ in demistomock.calls_of('updateModuleHealth')]
    own_line.queue.add(quick := Post([incident()]))
    quick.result.get(timeout=PATIENCE_SECONDS)
    clock.pass_to(34 + 299)
    assert own_line.health.sent == told
    clock.pass_to(34 + 301)
    until(lambda: own_line.health.sent == '')
    *_, counts = own_line.history.hours.values()
    assert counts['longest call (s)'] == 34


def test_the_duration_of_a_call_ends_with_the_reply_though_the_receiver_is_busy_beyond_it(
        clock: Clock, own_line: ServerLine) -> None:
    may_return = hold_calls()
    own_line.queue.add(slow := Post([incident()]))
    until(lambda: demistomock.calls_of('createIncidents'))
    clock.passed = 5
    may_return.set()
    while own_line.replied_at < clock.now:  # no greenlet runs meanwhile, as while one reads a large event
        pass
    clock.passed = 40
    slow.result.get(timeout=PATIENCE_SECONDS)
    assert not own_line.health.slowness
    *_, counts = own_line.history.hours.values()
    assert counts['longest call (s)'] == 5


def test_that_the_receiver_was_busy_is_in_the_health_by_its_name(clock: Clock, own_line: ServerLine) -> None:
    own_line.record(request(), 503, 'The receiver was busy with other events for 25 s: send it again', '')
    assert own_line.health.slowness.startswith('The receiver was busy with other events for 25 s until 20')
    own_line.record(request(), 503, 'XSOAR was busy for 25 s: send it again', '')
    assert 'XSOAR' not in own_line.health.text


SILENT = 'XSOAR has not replied since the container started'


@pytest.mark.parametrize(('replies', 'at'), [
    ([*[None] * 3, [{'id': '1'}], *[None] * 4], [2]), ([*[''] * 3, [{'id': '1'}]], [2]), ([ValueError(), *[None] * 3], [])])
def test_a_server_that_replies_nothing_to_the_first_calls_is_named_in_the_health_with_what_to_do(
        replies: list[Any], at: list[int]) -> None:
    def create(*_: object) -> Any:
        if isinstance(reply := left.pop(0), Exception):
            raise reply
        return reply

    left, shown = [*replies], []
    with running_line(health_every=0) as line:
        demistomock.declare(createIncidents=create)
        while left:
            line.queue.add(post := Post([incident()]))
            until(post.result.ready)
            until(lambda: line.health.text == line.health.sent)
            shown.append(line.health.text)
            assert post.result.successful() == (not line.health.text)
    for words in (SILENT, 'disable the instance and update XSOAR'):
        assert [number for number, health in enumerate(shown) if words in health] == at
    assert all('there is no incident in its reply' in health for reply, health in zip(replies, shown, strict=True) if not reply)


def saved_histories() -> list[History]:
    return [read_history(context) for context, in demistomock.calls_of('setIntegrationContext')]


def test_all_that_came_before_the_history_was_read_joins_it() -> None:
    may_return, before = threading.Event(), read_history(None)
    before.add(entry(1, False, 'rejected'))
    before.add(entry(1, True, 'created'))

    def read_context() -> Any:
        may_return.wait(PATIENCE_SECONDS)
        return {**before.to_context(), 'samples': json.dumps(samples[:1])}

    samples = [{'name': 'before'}, {'name': 'later'}]
    with running_line(read_context) as line:
        line.samples = samples[1:]
        line.record(request(), 401, 'No token is shown', '')
        for number in range(200):
            line.record(request(is_accepted=True), 200, f'incident {number}', 'created')
        line.record_listening('2026-11-24T00:00:00Z')
        may_return.set()
        until(saved_histories)
        [saved] = saved_histories()
    assert sum(counts.get('created', 0) for counts in saved.hours.values()) == 201
    assert sum(counts.get('401 No token is shown', 0) for counts in saved.hours.values()) == 2
    assert [(each.since, each.count) for each in saved.others] == [(before.others[0].time, 2)]
    assert (saved.latest_number, saved.accepted[-1].number, saved.accepted[-1].note) == (203, 203, 'incident 199')
    assert saved.listening_since == '2026-11-24T00:00:00Z'
    assert line.samples == samples


def test_a_save_that_failed_is_tried_again_when_the_next_one_is_due(clock: Clock) -> None:
    contexts = []

    def save(context: Any) -> None:
        contexts.append(context)
        if len(contexts) == 1:
            raise ValueError('The database is locked.')

    with running_line(log_every=0) as line:
        demistomock.declare(setIntegrationContext=save)
        line.record_listening('2026-11-24T00:00:00Z')
        until(lambda: contexts)
        for _ in range(2):
            have_turn(line)
        assert len(contexts) == 1
        clock.passed = 60
        until(lambda: len(contexts) > 1)
    assert read_history(contexts[1]).listening_since == '2026-11-24T00:00:00Z'


def test_a_context_that_could_not_be_read_is_not_replaced_and_is_read_before_the_next_save() -> None:
    before = read_history(None)
    before.add(entry(1, True, 'created'))
    tries: list[int] = []

    def read_context() -> Any:
        tries.append(len(demistomock.calls_of('setIntegrationContext')))
        if len(tries) < 3:
            raise ValueError('The database is locked.')
        return before.to_context()

    with running_line(read_context, context_every=0.01) as line:
        line.record_listening('2026-11-24T00:00:00Z')
        until(saved_histories)
        saved = saved_histories()[0]
    assert tries == [0, 0, 0], 'nothing is saved before it has been read'
    assert (saved.accepted, saved.listening_since) == (before.accepted, '2026-11-24T00:00:00Z')


def test_the_history_is_saved_once_in_60_seconds_and_when_listening_begins_and_ends(clock: Clock, own_line: ServerLine) -> None:
    def saves() -> int:
        for _ in range(2):
            have_turn(own_line)
        return len(demistomock.calls_of('setIntegrationContext'))

    own_line.record_listening('2026-11-24T00:00:00Z')
    found = [saves()]
    for clock.passed in (0, 59.99, 60, 60):
        own_line.record(request(), 200, 'incident 17', 'created')
        found.append(saves())
    own_line.drain()
    found.append(len(demistomock.calls_of('setIntegrationContext')))
    assert found == [1, 2, 2, 3, 3, 4]
    assert read_history(demistomock.calls_of('setIntegrationContext')[-1][0]).listening_since == ''


@pytest.mark.parametrize('more, end', [(0, ''), (1, '...')])
def test_an_entry_has_the_size_of_the_body_and_a_bounded_length(server: Listener, more: int, end: str) -> None:
    line = server.app.line
    with closing(connect(server)) as sender:
        sender.sendall(request_bytes('http://x/', b'{"a":1}', {'User-Agent': 'u' * (80 + more)}))
        assert sender.recv(100).startswith(b'HTTP/1.1 401 ')
    [kept] = line.history.others
    assert (kept.size, kept.address, kept.user_agent) == (7, '127.0.0.1', 'u' * 80 + end)
    line.record(request(), 401, 'n' * (250 + more), '')
    assert line.history.others[-1].note == 'n' * 250 + end


def test_the_history_is_saved_with_the_number_of_requests_that_waited(own_line: ServerLine) -> None:
    until(lambda: demistomock.calls_of('getIntegrationContext'))
    own_line.record_listening('2026-11-24T00:00:00Z')
    for _ in range(3):
        own_line.queue.add(Post([incident()]))
    until(lambda: demistomock.calls_of('setIntegrationContext'))
    assert read_history(demistomock.calls_of('setIntegrationContext')[0][0]).waiting == 3


def test_a_get_says_for_how_long_a_call_has_lasted(clock: Clock, own_line: ServerLine) -> None:
    may_return = hold_calls()
    app = app_of(Settings(8080, Tokens(), None), own_line)
    own_line.queue.add(post := Post([incident()]))
    until(lambda: demistomock.calls_of('createIncidents'))
    greetings = []
    for clock.passed in (10, 34):
        greetings.append(str(app.greet(Request('GET')).body))
    may_return.set()
    post.result.wait()
    greetings.append(str(app.greet(Request('GET')).body))
    assert greetings[1] == greetings[0] + 'XSOAR has been busy with one call for 34 s.\n'
    assert greetings[2] == greetings[0]
    assert app.accepts(Request('PUT')) and not app.accepts(Request('GET'))


def test_a_stop_ends_the_process_and_rejects_new_posts_but_not_those_that_wait(own_line: ServerLine) -> None:
    own_line.queue.add(post := Post([incident()]))
    own_line.stop()
    assert own_line.ending.is_set()
    with pytest.raises(Unavailable, match='stopping'):
        own_line.queue.check_open()
    assert post.result.get() == [{'id': '1'}]


def test_the_counts_of_a_flood_are_logged_at_the_end(own_line: ServerLine) -> None:
    for _ in range(12):
        own_line.log('info', 'POST 401', reason='401: no token')
    own_line.drain()
    own_line.runner.join()
    assert demistomock.calls_of('info')[-1][0].endswith('2 more in 10 s: 401: no token')
