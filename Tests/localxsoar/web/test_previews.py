"""Previews: what deliveries would become at another URL, in a second container that lives as long as a page wants it."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError

import bottle
import pytest
from local_xsoar import ROOT, LocalXsoar, connect, containers, wait_for
from shared.webhook import PACK, TOKEN, Webhook

from localxsoar.containers.container import Runtime
from localxsoar.containers.instruments import Instruments
from localxsoar.containers.faults import Faults
from localxsoar.containers.ports import any_free_port
from localxsoar.errors import CommandFailed
from localxsoar.events import Events
from localxsoar.forward import Request, Response
from localxsoar.incidents.store import Store
from localxsoar.packs.pack import load_integration
from localxsoar.server import preview
from localxsoar.server.instance import Instance
from localxsoar.server.server import Server
from localxsoar.terminal.printer import Printer
from localxsoar.web.front import run_wsgi
from localxsoar.web.page_files import PageFiles
from localxsoar.web.previews import KEPT_RESPONSE_BYTES, PreviewRoutes, respond
from localxsoar.web.routes import reject_malformed
from localxsoar.webhooks.deliveries import Deliveries
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.recognition import SenderRecognizer
from localxsoar.webhooks.replay import Replay

pytestmark = pytest.mark.sockets

PATH = '/instance/execute/webhook'
WORDS = str(ROOT / 'senders/url_words.json')
COMPARED = ('name', 'type', 'severity', 'dbotMirrorId', 'state')


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook('--url-words', WORDS) as running:
        yield running


def hold(xsoar: LocalXsoar, query: str = '') -> socket.socket:
    """Open a preview, and return the connection that it lives for, after the beginning of the response."""
    connection = connect(xsoar)
    connection.sendall(b'POST /localxsoar/preview%b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n' % query.encode())
    assert connection.recv(65536).startswith(b'HTTP/1.1 200 ')
    return connection


def ask(webhook: Webhook, query: str, paths: list[list[str]], count: int) -> list[Any]:
    numbers = [each['number'] for each in webhook.control('GET', 'deliveries')][:count]
    wanted = {'numbers': numbers, 'target': f'{PATH}?{query}', 'paths': paths}
    rows: list[Any] = webhook.control('POST', 'preview/deliveries', wanted)
    assert [row['number'] for row in rows] == numbers
    return rows


def send(webhook: Webhook, body: Any, token: str = TOKEN, query: str = '', **headers: str) -> Any:
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return webhook.post(body, query, {'Authorization': token, **named})


QUERY = 'name=evt.what%2Cevt.where&severity=prio&problem=backup%3Aref&resolved=evt.state%3Dclosed'


def test_a_preview_is_what_the_url_then_makes_and_leaves_no_trace(webhook: Webhook) -> None:
    events: list[Any] = [{'evt': {'what': 'Failed', 'where': 'db-1', 'state': 'open'}, 'prio': 'P2', 'ref': 'J-1'},
                         {'evt': {'what': 'Worked', 'state': 'closed'}, 'prio': 'P4', 'ref': 'J-1'}]
    for event in events:
        send(webhook, event)
    send(webhook, events[0], token='wrong')
    send(webhook, '{"name": "half')
    for _ in range(2):
        send(webhook, {'ref': 'J-2'}, Idempotency_Key='7f3a')
    kept, calls = len(webhook.incidents()), webhook.state()['calls']['createIncidents']
    with hold(webhook):
        for _ in range(2):  # the second container remembers what it was sent first, but shows no repeat for that
            repeat, lone, half, wrong, closed, opened = ask(webhook, QUERY, [['evt', 'what'], ['evt', 'where']], 6)
        assert (len(webhook.incidents()), webhook.state()['calls']['createIncidents']) == (kept, calls)
    assert opened['before']['incidents'][0]['name'] != opened['after']['incidents'][0]['name'] == 'Failed: db-1'
    assert (opened['after']['text'], half['after']['incidents']) == ('', [])
    assert (repeat['after']['kind'], repeat['after']['repeats']) == ('repeat', lone['number'])
    assert half['after']['kind'] == 'rejected' and 'JSON' in half['after']['text']
    assert (wrong['before']['status'], wrong['after']['kind']) == (401, 'created')  # with a valid proof
    severities = [row['after']['incidents'][0]['origins']['severity'] for row in (opened, closed)]
    assert severities == [{'at': [['prio', 'P2']], 'by': 'the URL'}, {'at': [], 'by': 'the end of its problem'}]
    assert not any('origins' in each for each in webhook.incidents())
    assert [row['after']['values'] for row in (opened, closed)] == [[['Failed'], ['db-1']], [['Worked'], [None]]]
    for row, event in zip((opened, closed), events, strict=True):
        [made] = send(webhook, event, query=f'?{QUERY}').json()
        [shown] = row['after']['incidents']
        state = ''.join(label['value'] for label in made['labels'] if label['type'] == 'state')
        assert {name: shown[name] for name in COMPARED} == {name: {**made, 'state': state}.get(name, '') for name in COMPARED}
    before = len(webhook.incidents())
    assert send(webhook, {'ref': 'J-2'}, Idempotency_Key='7f3a').json() and len(webhook.incidents()) == before


def test_one_preview_lives_at_a_time_and_none_without_the_page_that_wants_it(webhook: Webhook) -> None:
    send(webhook, {})
    wait_for(lambda: len(containers(webhook)) == 1, 'earlier previews to end')
    first = containers(webhook)
    older = hold(webhook)
    wait_for(lambda: len(containers(webhook)) == 2, 'a second container')
    newer = hold(webhook)
    assert b'Another window has opened a preview.' in b''.join(iter(lambda: older.recv(65536), b''))
    wait_for(lambda: len(containers(webhook)) == 2, 'the first preview to end')
    second = containers(webhook)
    joined = hold(webhook, '?join=true')
    newer.close()
    with joined:
        ask(webhook, '', [], 1)
        assert containers(webhook) == second
        with pytest.raises(HTTPError, match='400'):
            numbers = [webhook.control('GET', 'deliveries')[0]['number']]
            webhook.control('POST', 'preview/deliveries', {'numbers': numbers, 'target': f'{PATH}-of-another'})
    wait_for(lambda: containers(webhook) == first, 'the second preview to end')
    with pytest.raises(HTTPError, match='409'):
        ask(webhook, '', [], 1)
    with pytest.raises(HTTPError, match='400'):
        ask(webhook, '', [], 0)


def test_the_end_of_the_server_ends_the_preview() -> None:
    with LocalXsoar('--url-words', WORDS, pack=PACK, instance='webhook') as xsoar, hold(xsoar) as held:
        wait_for(lambda: len(containers(xsoar)) == 2, 'a second container')
        pids = containers(xsoar)
        assert xsoar.stop() == 0
        assert not any(Path(f'/proc/{pid}').exists() for pid in pids)
        assert b'The local XSOAR has stopped.' in b''.join(iter(lambda: held.recv(65536), b''))


# The routes and the second instance, in this process.


@pytest.mark.parametrize('words', [{}, {'name': {}}], ids=['without words', 'of a pack that was added later'])
def test_there_is_no_preview_but_of_the_pack_whose_words_were_given(words: Any, echo_pack: Path) -> None:
    server = Server({}, Runtime(), Store(), Faults(), Printer('error', print))
    server.add('first', load_integration(echo_pack.with_name('Commands')), {}, any_free_port)
    masks, api = Masks(server.secrets), bottle.Bottle()
    api.install(reject_malformed)
    deliveries = Deliveries(None, SenderRecognizer([]), masks, server.printer, Events())
    PreviewRoutes(server, deliveries, masks, words, Replay({}, masks, lambda delivery: '', lambda delivery: [])).routes(api)
    PageFiles(server, Events()).routes(api)
    later = server.add('later', load_integration(echo_pack), {}, any_free_port)

    def ask_for(method: str, path: str) -> Response:
        return run_wsgi(api, Request(method, f'/localxsoar/{path}?instance=later', [('Host', 'localhost')]), b'')
    assert [*ask_for('GET', 'url-words').pieces] == [b'{}']
    assert (ask_for('POST', 'preview').status, later.pid) == (400, None)
    index = b''.join(run_wsgi(api, Request('GET', '/', [('Host', 'localhost')]), b'').pieces)
    assert b'data-home="deliveries"' in index, 'an instance can have some, though not the first'


def test_a_second_instance_has_the_parameters_but_not_the_port(instance_of: Callable[..., Instance], echo_pack: Path) -> None:
    given = {'secret': 'h4sh', 'longRunningPort': str(any_free_port())}
    instance = instance_of(echo_pack, given, Runtime(host='', instruments=Instruments(5678)))
    instance.id = 'instance-7'
    twin = instance.twin(Store(), Printer())
    assert {**twin.params, 'longRunningPort': ''} == {**instance.params, 'longRunningPort': ''}
    assert twin.port not in (None, instance.port) and twin.id == instance.id
    assert (twin.runtime.host, twin.runtime.instruments.debugger) == ('127.0.0.1', 0)  # whatever the first one has
    assert twin.is_like(instance)
    held = preview.Preview(instance)
    held.stop()
    held.start()  # too late
    instance.reconfigure({'secret': 'other'})
    assert not held.twin.is_like(instance)
    with pytest.raises(CommandFailed, match='has ended'):
        held.wait_until_ready()
    assert held.twin.is_like(instance) and held.twin.params['secret'] == 'other'
    assert held.twin.pid is None
    instance.reconfigure({}, replace(instance.integration, script='pass'))
    assert not held.twin.is_like(instance)
    instance.reconfigure({}, replace(instance.integration, descriptor={**instance.integration.descriptor, 'configuration': []}))
    assert 'secret' not in instance.params


def test_of_a_long_response_to_a_preview_the_beginning_is_kept() -> None:
    container = SimpleNamespace(forward=lambda request: Response(400, 'Bad Request', [], [b'x' * 50_000] * 3))
    status, text, _, _ = respond(container, Request('POST', PATH, [('Host', 'h')]))  # type: ignore[arg-type]
    assert (status, len(text)) == (400, KEPT_RESPONSE_BYTES)


def test_of_many_incidents_of_a_preview_the_latest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, 'KNOWN_INCIDENTS', 2)
    store = preview.Unkept()
    assert [each['id'] for each in store.create([{'name': name} for name in 'abc'], 'one', 'One')] == ['1', '2', '3']
    assert list(store.described) == ['2', '3'] and store.sent() == []
