"""What the page shows of a message, what it sends again, and what its files may do in a browser."""

import base64
import gzip
import hmac
import json
import re
import shutil
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import bottle
import gevent
import pytest
import requests
from facts import fact
from local_xsoar import LocalXsoar, connect, wait_for

from localxsoar import turns
from localxsoar.web.commands import CommandRoutes
from localxsoar.containers.container import Runtime
from localxsoar.webhooks.deliveries import KEPT_RESPONSE_BYTES, Deliveries
from localxsoar.events import Events
from localxsoar.containers.faults import Faults
from localxsoar.forward import Forwarder, Request, Response
from localxsoar.web.front import Front, run_wsgi
from localxsoar.webhooks.masks import Masks
from localxsoar.terminal.printer import Printer
from localxsoar.packs.pack import load_integration
from localxsoar.web.deliveries import DeliveryRoutes, message
from localxsoar.web.incidents import IncidentRoutes
from localxsoar.web.instances import InstanceRoutes
from localxsoar.web import incidents as incidents_module
from localxsoar.web import page_files
from localxsoar.web.page_files import FILES, read_file, read_index, version
from localxsoar.web.routes import ONLY_HERE
from localxsoar.containers.ports import any_free_port
from localxsoar.webhooks.readable import SHOWN_BYTES, Readable, readable
from localxsoar.webhooks.recognition import SenderRecognizer
from localxsoar.web.senders import usable
from localxsoar.webhooks.senders import Sender, load_sender
from localxsoar.server.server import Server
from localxsoar.incidents.store import Store

pytestmark = pytest.mark.sockets

TOKEN = 'h4sh-hush'
GZIP = [('Content-Encoding', 'GZip')]
MASKS = Masks(lambda: ['h4sh-hush'])


def test_a_body_that_is_decompressed_beyond_what_is_shown_is_cut() -> None:
    bomb = bytearray(gzip.compress(b'x' * (SHOWN_BYTES + 1)))
    assert readable(GZIP, bytes(bomb)) == Readable('x' * SHOWN_BYTES, True, True, True)
    assert message(GZIP, bomb, len(bomb), MASKS, False)['cut']


def test_a_message_is_masked_unless_its_secrets_are_shown() -> None:
    headers, body = [('Authorization', 'Bearer h4sh-hush')], bytearray(b'it is h4sh-hush')
    assert message(headers, body, 15, MASKS, shows=False) == {
        'headers': [{'name': 'Authorization', 'value': 'Bearer ••••••', 'masked': True}], 'body': 'it is ••••••', 'is_text': True,
        'size': 15, 'kept': 15, 'decompressed': False, 'cut': False, 'is_exact': False, 'base64': '', 'fields': []}
    assert message(headers, body, 15, Masks(list), shows=True) == {
        'headers': [{'name': 'Authorization', 'value': 'Bearer h4sh-hush', 'masked': False}], 'body': 'it is h4sh-hush',
        'is_text': True, 'size': 15, 'kept': 15, 'decompressed': False, 'cut': False, 'is_exact': True, 'base64': '',
        'fields': []}


@pytest.mark.parametrize('body, size, shows, cut, has_bytes', [
    (b'\xff', 1, True, False, True), (b'\xff', 1, False, False, False), (b'a', 2, True, True, False),
    (b'\xff' * SHOWN_BYTES, SHOWN_BYTES, True, False, True), (b'\xff' * (SHOWN_BYTES + 1), SHOWN_BYTES + 1, True, True, False)],
    ids=['bytes', 'masked', 'not kept whole', 'as large as is shown', 'larger'])
def test_a_message_has_its_bytes_where_its_text_differs_and_says_when_it_is_cut(
        body: bytes, size: int, shows: bool, cut: bool, has_bytes: bool) -> None:
    shown = message([], bytearray(body), size, MASKS, shows)
    assert (shown['cut'], bool(shown['base64'])) == (cut, has_bytes)


@pytest.mark.parametrize('name, kind, caching', [
    ('', 'text/html', 'no-store'), ('style.css', 'text/css', 'immutable'), ('script.js', 'text/javascript', 'immutable')])
def test_a_file_of_the_page_comes_with_what_a_browser_may_do_with_it(name: str, kind: str, caching: str) -> None:
    assert (read_file(name) if name else read_index('commands')).strip()
    assert bottle.response.content_type == f'{kind}; charset=utf-8'
    assert caching in bottle.response.get_header('Cache-Control')
    expected = {'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer'}
    assert {header: bottle.response.get_header(header) for header in expected} == expected


def test_the_page_names_each_of_its_files_at_an_address_that_changes_with_them(
        monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = shutil.copytree(page_files.FOLDER, tmp_path / 'page')
    monkeypatch.setattr(page_files, 'FOLDER', folder)
    before = version()
    assert set(re.findall(rf'="/page/{before}/([\w-]+\.\w+)"', read_index('commands'))) == set(FILES)
    (folder / 'tree.js').write_bytes((folder / 'tree.js').read_bytes()[::-1])  # of the same size
    assert version() != before and f'/page/{version()}/tree.js' in read_index('commands')
    with pytest.raises(bottle.HTTPError):
        read_file('../front.py')


# The routes, in this process: only so can a request come from another machine.


@pytest.fixture(scope='module')
def api(echo_pack: Path) -> bottle.Bottle:
    """The routes of a server with a rejected delivery, an incident and a file, each with the token."""
    printer, events = Printer('error', print), Events()
    server = Server({}, Runtime(), Store(), Faults(), printer)
    server.add('front', load_integration(echo_pack), {'secret': TOKEN}, any_free_port)
    masks = Masks(server.secrets)
    deliveries = Deliveries(None, SenderRecognizer([]), masks, printer, events)
    headers = [('Authorization', 'other'), (f'X-{TOKEN}', TOKEN), ('Content-Type', f'multipart/form-data; boundary={TOKEN}'),
               ('User-Agent', f'{TOKEN}/1')]
    sent = Request('POST', '/instance/execute/front', headers, [f'{TOKEN}'.encode()])
    with deliveries.record(sent) as delivery:
        list(sent.body)
        list(delivery.note_response(Response(401, f'no {TOKEN}', [('Content-Type', TOKEN)], [TOKEN.encode()])).pieces)
        delivery.is_partial = False
    with deliveries.record(Request('GET', '/', [])) as delivery:
        list(delivery.note_response(Response(200, 'OK', [], [bytes(KEPT_RESPONSE_BYTES), b'x'])).pieces)
        delivery.is_partial = False
    for number in range(51):
        server.first.journal.set_health(f'error {number}', True)
    details = {'a': f'it is {TOKEN}', 'long': 'x' * 297 + TOKEN}
    server.store.create([{'name': 'one', 'rawJSON': json.dumps(details)}], 'front', 'Echo')
    server.store.keep_file('1@1', 'ä.txt', TOKEN.encode())
    server.store.add_events('front', 'events', 'acme', 'audit', [{}] * 101)
    deliveries.acted(2, [{'name': 'of a rule', 'word': 'joined', 'incident': '1', 'text': ''}])
    made = bottle.Bottle()
    front = Front('localhost', Forwarder({}, {}), deliveries, made)
    for routed in (DeliveryRoutes(server, deliveries, {}, masks, front, lambda params: []), IncidentRoutes(server.store, masks),
                   InstanceRoutes(server, masks, events.publish, lambda name, url, params: f'curl {params["secret"]}'),
                   CommandRoutes(server, masks)):
        routed.routes(made)
    return made


def get(api: bottle.Bottle, path: str, peer: str) -> Response:
    return run_wsgi(api, Request('GET', f'/localxsoar/{path}', [('Host', 'localhost')], peer=peer), b'')


@pytest.mark.parametrize('path', ['deliveries/1?secrets=show', 'deliveries/1/request.body', 'deliveries/1/response.body', 'curl',
                                  'commands/files/1@1'])
def test_a_secret_is_shown_only_on_this_machine(api: bottle.Bottle, path: str) -> None:
    for peer, status in (('127.0.0.1', 200), ('::1', 200), ('192.0.2.1', 403), ('2001:db8::1', 403), ('', 403)):
        response = get(api, path, peer)
        assert (response.status, TOKEN.encode() in b''.join(response.pieces)) == (status, status == 200)


def test_what_is_shared_of_a_delivery_has_the_incident_that_a_rule_changed_and_a_file_has_its_name(api: bottle.Bottle) -> None:
    shared = [b''.join(get(api, f'deliveries/{number}.html', '127.0.0.1').pieces) for number in (1, 2)]
    assert [b'<summary>Incident ' in each for each in shared] == [False, True]
    assert "filename*=UTF-8''%C3%A4.txt" in dict(get(api, 'commands/files/1@1', '127.0.0.1').headers)['Content-Disposition']


def test_the_latest_incidents_are_listed_and_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents_module, 'LISTED_INCIDENTS', 2)
    monkeypatch.setattr(incidents_module, 'INCIDENTS_AT_ONCE', 1)
    store, made = Store(), bottle.Bottle()
    IncidentRoutes(store, MASKS).routes(made)
    for count in (1, 2, 3):
        store.create([{'name': 'a'}], 'front', 'Echo')
        listed, found = (json.loads(b''.join(get(made, f'incidents/{path}', '').pieces)) for path in ('list', 'search?text=a'))
        assert [each['id'] for each in listed] == found == ['3', '2', '1'][3 - count:][:2]
        store.add_entry('1', f'entry {count}')
    shown = json.loads(b''.join(get(made, 'incidents/1', '').pieces))
    assert shown['entries'] == ['entry 1', 'entry 2', 'entry 3']


def test_all_events_are_counted_and_the_latest_are_shown(api: bottle.Bottle) -> None:
    *_, kept = json.loads(b''.join(get(api, 'commands/kept', '').pieces))
    shown = json.loads(kept['text'])
    assert (shown['count'], [each['id'] for each in shown['latest']]) == (101, list(range(101, 1, -1)))


def test_a_response_that_is_kept_in_part_is_not_downloaded(api: bottle.Bottle) -> None:
    assert [get(api, f'deliveries/{number}/response.body', '127.0.0.1').status for number in (1, 2)] == [200, 409]


@pytest.mark.parametrize('path', ['deliveries', 'deliveries/1', 'deliveries/1.har', 'deliveries/1.html', 'deliveries/1/log',
                                  'deliveries.har', 'instance', 'log',
                                  'commands', 'incidents/list', 'incidents/1', 'incidents/values?ids=1&path=["a"]',
                                  'incidents/values?ids=1&path=["long"]'])
def test_what_every_machine_is_shown_has_no_secret(api: bottle.Bottle, path: str) -> None:
    response = get(api, path, '192.0.2.1')
    content = b''.join(response.pieces)
    assert response.status == 200 and TOKEN[:3].encode() not in content
    if path == 'deliveries/1':
        shown = json.loads(content)
        exact = json.loads(b''.join(get(api, 'deliveries/2', '192.0.2.1').pieces))
        assert (shown['is_here'], shown['uncopyable'], exact['uncopyable']) == (False, ONLY_HERE, '') and '••••••' in json.dumps(
            shown['checks'], ensure_ascii=False)
    if path == 'instance':
        assert [each['error'] for each in json.loads(content)['healthHistory']] == [f'error {number}' for number in range(1, 51)]
    if path.endswith('["a"]'):
        assert json.loads(content) == [{'id': '1', 'value': 'it is ••••••'}]
        many = b''.join(get(api, path.replace('ids=1', f'ids={",".join(["1"] * 51)}'), '127.0.0.1').pieces)
        assert len(json.loads(many)) == 50


@pytest.mark.parametrize('path', ['deliveries', 'deliveries/search?text=post', 'deliveries.har', 'incidents/list'])
def test_a_long_list_leaves_turns_for_other_requests(api: bottle.Bottle, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(turns, 'WORK_SECONDS', 0)  # a list of any length is a long one
    taken: list[str] = []
    gevent.spawn(taken.append, path)
    assert b''.join(get(api, path, '127.0.0.1').pieces) and taken == [path]


# The routes of a running server.

GITHUB = {'sender': 'GitHub', 'kind': 'code', 'source': '', 'deliveries': [
    {'title': 'push', 'headers': {'X-GitHub-Event': 'push'}, 'payload': [{'name': 'pushed'}]},
    {'title': 'issue', 'headers': {'X-GitHub-Event': 'issues'}, 'payload': [{'name': 'an issue'}]}],
    'proof': {'place': 'header', 'name': 'X-Hub-Signature-256', 'value': 'sha256={hex}', 'signed': '{body}'}}


@pytest.fixture(scope='module')
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalXsoar]:
    folder = tmp_path_factory.mktemp('senders')
    (folder / 'github').mkdir()
    (folder / 'github/deliveries.json').write_text(json.dumps(GITHUB))
    echo = Path(__file__).parents[1] / 'sample_packs' / 'Echo'
    with LocalXsoar('--senders', str(folder), pack=echo, instance='Front Door', params={'secret': TOKEN}) as running:
        yield running


def ask(local: LocalXsoar, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, f'{local.url}/localxsoar/{path}', json=body)


def post(local: LocalXsoar, data: Any, path: str = '', **headers: str) -> int:
    """The number of a delivery of this."""
    requests.post(f'{local.webhook_url}{path}', data, headers={name.replace('_', '-'): value for name,
    value in headers.items()})
    newest = wait_for(lambda: next((each for each in local.control('GET', 'deliveries')[:1] if each['kind'] != 'waiting'), None))
    return int(newest['number'])


def seen_by_the_container(local: LocalXsoar, number: int) -> Any:
    """What /echo says of a request, with its headers as a dict."""
    echoed = json.loads(local.control('GET', f'deliveries/{number}?secrets=show')['response']['body'])
    return {**echoed, 'headers': dict(echoed['headers'])}


@pytest.mark.parametrize('method, path, status, words', [
    ('GET', 'deliveries/99', 404, 'Delivery 99 is not kept here.'),
    ('POST', 'deliveries/99/send', 404, 'Delivery 99 is not kept'),
    ('GET', 'incidents/99', 404, 'There is no incident 99.'), ('GET', 'nothing', 404, 'Not found'),
    ('POST', 'senders/nobody/send', 400, "'nobody' is not a sender. There are 1."), ('POST', 'instance/other', 404, ''),
    ('POST', 'senders/github/send', 400, 'GitHub has no delivery')])
def test_what_is_not_there_is_reported(local: LocalXsoar, method: str, path: str, status: int, words: str) -> None:
    answer = ask(local, method, path, {'title': 'none'})
    assert answer.status_code == status and words in answer.text


def test_the_instance_is_described_with_its_secret_masked(local: LocalXsoar) -> None:
    seen = local.control('GET', 'instance')
    assert (seen['instance'], seen['pack'], seen['ready']) == ('Front Door', 'Echo 2.3.4', True)
    assert seen['description'].startswith('Makes incidents') and TOKEN not in json.dumps(seen)
    assert local.control('GET', 'curl')['curl'] == seen['curl'] and seen['curl'].startswith(f'curl -POST {local.webhook_url} -d')
    assert {field['name']: field['set'] for field in seen['fields']}['secret'] is True


def test_the_senders_are_listed_and_one_sends_the_delivery_that_was_chosen(local: LocalXsoar) -> None:
    assert local.control('GET', 'senders') == [{'key': 'github', 'name': 'GitHub', 'kind': 'code', 'place': 10_000,
                                                'proof': 'signature in X-Hub-Signature-256', 'unusable': '',
                                                'deliveries': ['push', 'issue']}]
    number = local.control('POST', 'senders/github/send', {'title': 'iss'})['number']
    sent = local.control('GET', f'deliveries/{number}')
    assert (sent['sender'], sent['text'], sent['target'], sent['can_be_signed'], sent['peer']) == (
        'GitHub', 'an issue', '/instance/execute/Front%20Door', True, 'localxsoar')
    edit = {'body': '[{"name": "edited"}]'}
    edited, proved = (local.control('POST', f'deliveries/{number}/send', {**edit, 'proof': each})['number']
                      for each in (False, True))
    signatures = [next(header['value'] for header in local.control('GET', f'deliveries/{each}?secrets=show')['request']['headers']
                       if header['name'] == 'X-Hub-Signature-256') for each in (number, edited, proved)]
    assert signatures[0] == signatures[1] != signatures[2], 'an edited body has a signature of its own if it shall have a proof'


def test_deliveries_are_listed_by_pages_and_a_long_list_is_compressed_for_whoever_reads_that(local: LocalXsoar) -> None:
    last = max(post(local, '[]', '/echo', X_Long='x' * 500) for _ in range(25))
    assert [each['number'] for each in ask(local, 'GET', f'deliveries?before={last}&limit=2').json()] == [last - 1, last - 2]
    for query, coding in (('', 'gzip'), ('?limit=1', None)):
        asked = {coding: requests.get(f'{local.url}/localxsoar/deliveries{query}', headers={'Accept-Encoding': coding})
                 for coding in ('gzip, br', 'identity')}
        assert [each.headers.get('Content-Encoding') for each in asked.values()] == [coding, None]
        assert asked['gzip, br'].json() == asked['identity'].json() != []
    assert ask(local, 'GET', 'deliveries?limit=many').status_code == 400


def test_what_cannot_be_done_with_a_delivery_is_rejected_with_the_reason_that_is_shown(local: LocalXsoar) -> None:
    number = post(local, b'\xff', '/echo')
    shown = local.control('GET', f'deliveries/{number}')
    for method, action, reason in (('POST', 'send', shown['unprovable']), ('GET', 'recipe', shown['unsavable'])):
        answer = ask(local, method, f'deliveries/{number}/{action}', {'proof': True})
        assert reason and (answer.status_code, answer.json()['error']) == (409, reason)
    number = post(local, '[]', '/echo', X_Api_Key='Bearer other')
    assert local.control('GET', f'deliveries/{number}')['unprovable'] == ''
    again = local.control('POST', f'deliveries/{number}/send', {'proof': True})['number']
    assert seen_by_the_container(local, again)['headers']['X-Api-Key'] == TOKEN
    assert local.control('GET', f'deliveries/{again}')['changes'] == ['The header X-Api-Key was replaced.']


def test_a_delivery_is_sent_again_with_its_bytes_headers_and_target(local: LocalXsoar) -> None:
    body = gzip.compress(b'zipped', mtime=0)
    number = post(local, body, '/echo?token=t0ken&a=1', Content_Encoding='gzip', X_Plain='kept', Expect='x', Authorization=TOKEN)
    first = seen_by_the_container(local, number)
    again = seen_by_the_container(local, local.control('POST', f'deliveries/{number}/send', {})['number'])
    assert {key: again[key] for key in ('method', 'path', 'size', 'sha256')} == {
        key: first[key] for key in ('method', 'path', 'size', 'sha256')}
    assert (again['headers']['X-Plain'], again['headers']['Authorization'], again['headers']['Content-Encoding']) == (
        'kept', TOKEN, 'gzip')
    assert again['headers']['Content-Length'] == str(len(body)) and 'Connection' not in again['headers']
    assert again['headers']['Host'] == local.url.removeprefix('http://')
    shown = local.control('GET', f'deliveries/{number}')
    assert (shown['request']['body'], shown['target'], shown['can_be_signed']) == (
        'zipped', '/instance/execute/Front%20Door/echo?token=••••••&a=1', False)
    assert base64.b64decode(local.control('GET', f'deliveries/{number}?secrets=show')['request']['base64']) == body


def test_both_bodies_are_downloaded_byte_for_byte(local: LocalXsoar) -> None:
    number = post(local, b'\xff\r\n', '/echo')
    way = f'{local.url}/localxsoar/deliveries/{number}'
    answer = requests.get(f'{way}/request.body')
    assert (answer.content, answer.headers['Content-Type']) == (b'\xff\r\n', 'application/octet-stream')
    assert answer.headers['Content-Disposition'] == f'attachment; filename="delivery-{number}-request.body"'
    assert answer.headers['Cross-Origin-Resource-Policy'] == 'same-origin'  # no other page shows it
    assert json.loads(requests.get(f'{way}/response.body').content)['size'] == 3


def test_a_delivery_is_saved_as_a_recipe_of_its_sender_under_a_new_name(local: LocalXsoar, tmp_path: Path) -> None:
    number = local.control('POST', 'senders/github/send', {'title': 'push'})['number']
    assert local.control('GET', f'deliveries/{number}')['unsavable'] == ''
    saved = requests.get(f'{local.url}/localxsoar/deliveries/{number}/recipe')
    assert saved.headers['Content-Disposition'] == 'attachment; filename="github-new.json"'
    assert (saved.headers['Content-Type'], saved.headers['X-Content-Type-Options']) == ('application/json', 'nosniff')
    (tmp_path / 'github-new.json').write_bytes(saved.content)
    sender = load_sender(tmp_path / 'github-new.json')
    assert (sender.name, sender.proof) == ('GitHub', GITHUB['proof'])
    assert sender.deliveries == [{'title': 'pushed', 'headers': {'X-GitHub-Event': 'push'}, 'payload': [{'name': 'pushed'}],
                                  'expected': {'name': 'pushed', 'type': None, 'occurred': None}}]


def test_what_was_changed_in_an_incident_later_is_not_expected(local: LocalXsoar) -> None:
    number = post(local, '[{"name": "before"}]')
    incident, = local.control('GET', f'deliveries/{number}')['incidents']
    assert local.control('GET', 'incidents/search?text=before') == [incident]
    requests.post(f'{local.url}/incident', json={'id': incident, 'name': 'after', 'severity': 4})
    assert local.control('GET', f'incidents/{incident}')['name'] == 'after'
    assert local.control('GET', 'incidents/list')[0]['name'] == 'after'
    assert local.control('GET', 'incidents/search?text=after') == [incident]
    assert ask(local, 'GET', f'deliveries/{number}/recipe').json()['deliveries'][0]['expected']['name'] == 'before'


def test_one_delivery_and_all_are_exported_with_secrets_masked_and_deleted(local: LocalXsoar) -> None:
    with connect(local) as sender:
        sender.sendall(b'no HTTP\r\n\r\n')
        assert sender.recv(100)
    bytes_only = wait_for(lambda: next((each for each in local.control('GET', 'deliveries') if each['method'] == '?'), None))
    first, second = post(local, f'it is {TOKEN}', '/echo', Authorization=TOKEN), post(local, b'\xff', '/echo?token=abc')
    one = requests.get(f'{local.url}/localxsoar/deliveries/{first}.har')
    assert one.headers['Content-Disposition'] == f'attachment; filename="delivery-{first}.har"'
    entry, = one.json()['log']['entries']
    assert (entry['request']['postData']['text'], entry['response']['status'], entry['_number']) == ('it is ••••••', 200, first)
    assert json.loads(entry['response']['content']['text'])['size'] == len(f'it is {TOKEN}')
    everything = requests.get(f'{local.url}/localxsoar/deliveries.har')
    is_hidden = TOKEN.encode() not in everything.content
    entries = everything.json()['log']['entries']
    assert is_hidden and entries[-1]['request']['url'].endswith(f'/echo?token={quote("••••••")}')
    numbers = [each['_number'] for each in entries]
    assert numbers == sorted(numbers) and numbers[-2:] == [first, second] and bytes_only['number'] not in numbers
    answer = ask(local, 'GET', f'deliveries/{bytes_only["number"]}.har')
    assert (answer.status_code, answer.json()['error']) == (409, 'The bytes that arrived are not a request.')
    incidents = local.control('GET', 'incidents')
    foreign = requests.delete(f'{local.url}/localxsoar/deliveries', headers={'Origin': 'http://evil.example'})
    assert (foreign.status_code, len(local.control('GET', 'deliveries')) > len(numbers)) == (403, True)
    local.control('DELETE', 'deliveries')
    assert requests.get(f'{local.url}/localxsoar/deliveries.har').json()['log']['entries'] == []
    assert local.control('GET', 'incidents') == incidents, 'incidents stay'


def test_a_delivery_that_still_waits_is_in_no_archive(local: LocalXsoar) -> None:
    with connect(local) as sender:
        sender.sendall(f'POST {urlsplit(local.webhook_url).path}/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n['.encode())
        waiting = wait_for(lambda: [each for each in local.control('GET', 'deliveries')
                                    if each['kind'] == 'waiting' and not each['missing']])
        number = waiting[0]['number']
        assert ask(local, 'GET', f'deliveries/{number}.har').status_code == 409
        entries = requests.get(f'{local.url}/localxsoar/deliveries.har').json()['log']['entries']
        assert number not in [each['_number'] for each in entries]


def test_what_is_shared_of_a_delivery_hides_its_headers_also_where_its_incident_and_its_response_repeat_them(
        local: LocalXsoar) -> None:
    headers = {'X-CSRFToken': 'hush', 'Referer': 'https://a.example/?token=h4sh', 'X-Plain': 'plain-value'}
    raw = json.dumps({'a': 1, 'headers': {name.lower(): value for name, value in headers.items()}})
    number = post(local, json.dumps([{'name': 'repeats', 'rawJSON': raw}]), **headers)
    for kind in ('html', 'har'):
        shared = requests.get(f'{local.url}/localxsoar/deliveries/{number}.{kind}').text
        assert 'plain-value' in shared and [secret for secret in ('hush', 'h4sh') if secret in shared] == [], kind


@fact('guessed', 'Save on the page tests first, and saves nothing if the test fails; saving by the API does not test')
@pytest.mark.parametrize('action', ['test', 'save'])
def test_a_form_that_is_wrong_names_the_field_and_saves_nothing(local: LocalXsoar, action: str) -> None:
    before = local.state()['pid'], local.control('GET', 'instance')['fields']
    for given, field, words, is_failure in (({'greeting': 'bad'}, 'greeting', 'Greeting bad is not polite.', True),
                                            ({'limit': 'x'}, 'limit', 'not a whole number', False),
                                            ({'longRunningPort': ''}, 'longRunningPort', 'is required.', False)):
        answer = ask(local, 'POST', f'instance/{action}', given)
        assert answer.status_code == 400 and answer.headers['Content-Type'] == 'application/json'
        assert words in answer.json()['error'] and '--set' not in answer.json()['error'] and answer.json()['field'] == field
        assert answer.json()['error'].startswith('Not saved: the test failed: ') is (action == 'save' and is_failure)
    assert (local.state()['pid'], local.control('GET', 'instance')['fields']) == before


def test_the_buttons_test_save_disable_and_enable(local: LocalXsoar) -> None:
    def value(name: str) -> Any:
        return next(field['value'] for field in local.control('GET', 'instance')['fields'] if field['name'] == name)

    pid = local.state()['pid']
    assert ask(local, 'POST', 'instance/test', {'greeting': 'tested'}).json()['enabled'] is True
    assert (value('greeting'), local.state()['pid']) == ('hello', pid)
    assert ask(local, 'POST', 'instance/save', {'greeting': 'saved'}).status_code == 200
    assert value('greeting') == 'saved' and wait_for(lambda: local.state()['pid']) != pid
    disabled = ask(local, 'POST', 'instance/disable').json()
    assert (disabled['enabled'], disabled['pid'], disabled['ready']) == (False, None, False)
    assert ask(local, 'POST', 'instance/enable').json()['enabled'] is True
    wait_for(lambda: local.control('GET', 'instance')['ready'])


def test_the_page_learns_of_each_new_state(local: LocalXsoar) -> None:
    with requests.get(f'{local.url}/localxsoar/events', stream=True) as stream:
        lines = stream.iter_lines(decode_unicode=True)
        next(line for line in lines if line.startswith('id: '))
        ask(local, 'POST', 'instance/disable')
        post(local, '[]')
        told = list(takewhile(lambda line: '"status": 503' not in line, lines))
        ask(local, 'POST', 'instance/enable')
        assert next(line for line in lines if '"enabled": true' in line)
    assert [line for line in told if '"enabled": false' in line]
    wait_for(lambda: local.control('GET', 'instance')['ready'])


def test_each_of_several_tokens_and_each_former_one_is_masked_in_all_that_is_kept_and_the_one_that_fits_is_known(
        echo_pack: Path, tmp_path: Path) -> None:
    (tmp_path / 'senders/github').mkdir(parents=True)
    (tmp_path / 'senders/github/deliveries.json').write_text(json.dumps(GITHUB))
    tokens = [f'{number}-of-the-tokens' for number in range(9)]
    body, masked = ', '.join(tokens), ', '.join(['\u2022' * 6] * 9)
    options = ('--store', str(tmp_path / 'store'), '--log-level', 'debug', '--senders', str(tmp_path / 'senders'))
    with LocalXsoar(*options, pack=echo_pack, instance='front', params={'secret': ' || '.join(tokens[:3])}) as xsoar:
        rejected = b'{"status": 401}'
        signature = hmac.digest(tokens[1].encode(), rejected, 'sha256').hex()
        signed = post(xsoar, rejected, '/problem', **{'X-Hub-Signature-256': f'sha256={signature}', 'X-GitHub-Event': 'push'})
        shown = xsoar.control('GET', f'deliveries/{signed}')
        assert {'state': 'good', 'title': 'Signature', 'text': 'It matches.'} in shown['checks']
        again = xsoar.control('POST', f'deliveries/{signed}/send', {'proof': True})['number']
        assert signature in json.dumps(xsoar.control('GET', f'deliveries/{again}?secrets=show'))
        named = post(xsoar, rejected, '/problem', **{'X-Api-Key': tokens[1]})
        places = [check['text'] for check in xsoar.control('GET', f'deliveries/{named}')['checks'] if check['title'] == 'Token']
        number = post(xsoar, body, '/echo')
        for first in 3, 6:
            assert ask(xsoar, 'POST', 'instance/save', {'secret': ' || '.join(tokens[first:first + 3])}).status_code == 200
        assert not [token for token in tokens if token in json.dumps(xsoar.control('GET', f'deliveries/{number}'))]
    assert places == ['The header X-Api-Key contains the token, as its whole value.']
    with LocalXsoar(*options, pack=echo_pack, instance='front', params={'secret': 'the last one'}) as later:
        assert later.control('GET', f'deliveries/{number}')['request']['body'] == masked
        for path in f'deliveries/{number}', f'deliveries/{number}.har', 'deliveries', 'instance', 'log':
            text = requests.get(f'{later.url}/localxsoar/{path}').text
            assert not [token for token in tokens if token in text], path


@pytest.mark.parametrize('tokens, expected', [
    (['no base64!', 'YWJj', 'ZGVm'], 'YWJj'), (['YWJj', 'ZGVm'], 'YWJj'), (['no base64!', 'nor this!'], 'no base64!')])
def test_a_sender_proves_itself_with_the_first_token_that_it_can_use(tokens: list[str], expected: str) -> None:
    proof = {'place': 'header', 'name': 'Authorization', 'value': 'HMAC {base64}', 'signed': '{body}', 'key': 'base64'}
    assert usable(Sender('', '', 'other', '', proof, []), tokens) == expected
