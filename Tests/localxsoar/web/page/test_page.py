"""The local XSOAR's page in a real browser: what a person sees of a request, and can do about it."""
from __future__ import annotations

import gzip
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from shared.browser import Tab, new_context, violations
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import ROOT, LocalXsoar, containers, needs
from playwright.sync_api import Browser, Page, expect
from random_deliveries import agrees, kept, logged, said_in_log, send_all
from shared.webhook import TOKEN, Webhook

from localxsoar.webhooks.senders import load_sender

pytestmark = pytest.mark.sockets

SENDERS = ('--senders', str(ROOT / 'senders'), '--url-words', str(ROOT / 'senders/url_words.json'))
ECHO = ROOT / 'Tests' / 'localxsoar' / 'sample_packs' / 'Echo'
VIEWS = ('deliveries', 'incidents', 'try', 'commands', 'instance', 'log')
DETAILS = {'deliveries': 'delivery', 'incidents': 'incident'}
NEVER_RELOADED = 'window.isFirst = true'


# Servers and pages. Most tests share one of each: to start a server and to load the page take longer than what most tests do.


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook(*SENDERS) as running:
        yield running


@pytest.fixture(scope='module')
def echo() -> Iterator[LocalXsoar]:
    with LocalXsoar(pack=ECHO, params={'account': 'kim:h4sh-hush', 'secret': 'h4sh-hash'}) as running:
        yield running


def post(webhook: LocalXsoar, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
    data = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return requests.post(webhook.webhook_url, data.encode(), headers={'Authorization': token, **named}, timeout=PATIENCE_SECONDS)


# Two frames later, what a response or an event has changed is drawn.
DRAWN = '() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))'


KEEP_ANNOUNCED = '''() => {
    const said = document.getElementById('announce');
    window.announced = [];
    new MutationObserver(() => window.announced.push(said.textContent)).observe(said, {childList: true});
}'''


def newest(page: Page) -> Any:
    return page.locator('#deliveries .row').first


def open_what_became(page: Page, webhook: Webhook) -> None:
    """Opens the newest delivery once it has ended."""
    found = wait_for(lambda: next((each for each in webhook.control('GET', 'deliveries')[:1] if each['kind'] != 'waiting'), None))
    page.goto(f"{webhook.url}/#/deliveries/{found['number']}")
    expect(page.locator('#copy-curl')).to_be_visible()


def open_again(page: Page, url: str) -> None:
    """Open a delivery anew: the one that was open stays there, with its buttons, until this one has come."""
    page.goto(url.rpartition('/')[0])
    expect(page.locator('#delivery')).to_be_hidden()
    page.goto(url)


def hold_what_is_sent(page: Page) -> Callable[[], list[Any]]:
    """Hold the requests by which the page sends deliveries. Return what returns those that it has sent by then."""
    def sent() -> list[Any]:
        page.evaluate("fetch('/localxsoar/deliveries').then(() => true)")  # what was sent before this has come, too
        return held

    held: list[Any] = []
    page.route(re.compile(r'/send(\?|$)'), lambda route: held.append(route))
    return sent


def opened_number(page: Page) -> int:
    """Return the number of the delivery that is open."""
    found = re.search(r'[?&]open=(\d+)', page.url)
    assert found, page.url
    return int(found[1])


def open_newest(page: Page, text: str) -> None:
    expect(newest(page)).to_contain_text(text)
    newest(page).click()
    expect(page.locator('#delivery .result')).to_contain_text(text)


def test_a_delivery_and_its_incident_are_seen_without_a_reload(page: Page, webhook: Webhook) -> None:
    page.evaluate(NEVER_RELOADED)
    number = post(webhook, {'name': 'seen at once'}).json()[0]['id']
    expect(newest(page)).to_contain_text(f'→ incident {number} seen at once')
    page.get_by_role('link', name='Incidents').click()
    expect(page.locator('#incidents .row').first).to_contain_text('seen at once')
    assert page.evaluate('window.isFirst')


def test_an_incident_shows_its_severity_its_state_and_its_problem(page: Page, webhook: Webhook) -> None:
    alert = {'message': 'Disk full', 'alertId': '4711', 'priority': 'P1'}
    number = post(webhook, {'action': 'Close', 'alert': alert}).json()[0]['id']
    page.goto(f'{webhook.url}/#/incidents/{number}')
    row = re.compile(f'^{number} info resolved Close: Disk full')
    expect(page.locator('#incidents .row').first).to_have_text(row)
    expect(page.locator('#incident .triage')).to_have_text('severity infostate resolvedproblem opsgenie:4711')
    post(webhook, {'title': 'Disk full', 'severity': 'critical'})
    expect(page.locator('#incidents .row').first.locator('.severity.critical')).to_have_text('critical')
    requests.post(f'{webhook.url}/incident', json={'id': number, 'severity': 4, 'owner': 'alice'}, timeout=PATIENCE_SECONDS)
    expect(page.locator('#incident .triage')).to_contain_text('owner alice')


def test_incidents_sort_by_severity_and_a_new_one_takes_its_place(open_page: Callable[..., Page], webhook: Webhook) -> None:
    low, _, _ = (post(webhook, {'title': f'sorted {severity}', 'severity': severity}).json()[0]['id']
                 for severity in ('low', 'critical', 'medium'))
    page = open_page(f'{webhook.url}/#/incidents')
    page.get_by_label('Search').fill('sorted')
    rows = page.locator('#incidents .row .became')
    expect(rows).to_have_text(['sorted medium', 'sorted critical', 'sorted low'])
    page.get_by_label('Sort by').select_option('severity')
    expect(rows).to_have_text(['sorted critical', 'sorted medium', 'sorted low'])
    post(webhook, {'title': 'sorted high', 'severity': 'high'})
    expect(rows).to_have_text(['sorted critical', 'sorted high', 'sorted medium', 'sorted low'])
    requests.post(f'{webhook.url}/incident', json={'id': low, 'severity': 4}, timeout=PATIENCE_SECONDS)
    expect(rows).to_have_text(['sorted low', 'sorted critical', 'sorted high', 'sorted medium'])
    page.get_by_label('Sort by').select_option('newest first')
    expect(rows).to_have_text(['sorted high', 'sorted medium', 'sorted critical', 'sorted low'])


def test_an_incident_whose_problem_has_ended_says_so_and_comes_after_those_that_are_open(
    open_page: Callable[..., Page], webhook: Webhook
) -> None:
    page = open_page(f'{webhook.url}/#/incidents')
    page.get_by_label('Search').fill('zenith')
    alert = {'message': 'Disk of the zenith', 'alertId': 'zenith', 'priority': 'P1'}
    post(webhook, {'action': 'Create', 'alert': alert})
    post(webhook, {'title': 'is low', 'severity': 'low'}, User_Agent='zenith/1')  # found by its sender
    page.get_by_label('Sort by').select_option('severity')
    rows, states = page.locator('#incidents .row .became'), page.locator('#incidents .row .state-word')
    expect(rows).to_have_text(['Create: Disk of the zenith', 'is low'])
    post(webhook, {'action': 'Close', 'alert': alert})
    expect(rows).to_have_text(['is low', 'Create: Disk of the zenith', 'Close: Disk of the zenith'])
    expect(states).to_have_text(['pending', 'ended', 'resolved'])
    page.get_by_role('button', name='open only').click()
    expect(rows).to_have_text(['is low'])
    post(webhook, {'action': 'Create', 'alert': alert})  # it begins again
    expect(rows).to_have_text(['Create: Disk of the zenith', 'is low'])


def test_every_incident_of_a_delivery_and_the_delivery_are_linked(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(webhook.url)
    text = 'x' * 8000  # so that the response is longer than what is kept of it
    sent = [{'name': f'one of many {number}', 'raw_json': {'text': text}} for number in range(150)]
    last = post(webhook, sent, Idempotency_Key='many').json()[-1]['id']
    open_newest(page, 'one of many 0')
    delivery = opened_number(page)
    page.get_by_role('button', name='Incidents 150').click()
    page.get_by_role('button', name='show 50 more').click()
    page.locator('#delivery .several').get_by_role('link', name=last, exact=True).click()
    expect(page.locator('#incident h2')).to_have_text('one of many 149')
    post(webhook, sent, Idempotency_Key='many')
    expect(page.locator('#incident .links p')).to_have_count(2)
    expect(page.locator('#incident .links p').nth(1)).to_contain_text('Repeated by')
    page.locator('#incident .links').get_by_role('link').first.click()
    page.wait_for_url(f'{webhook.url}/#/deliveries?open={delivery}&tab=incident')


def test_an_incident_shows_its_fields_its_labels_and_the_others_of_its_problem(page: Page, webhook: Webhook) -> None:
    alert = {'message': 'Queue long', 'alertId': '4712', 'priority': 'P2'}
    first, second = (post(webhook, {'action': action, 'alert': alert, 'leak': TOKEN}).json()[0]['id']
                     for action in ('Create', 'Close'))
    page.goto(f'{webhook.url}/#/incidents/{second}')
    incident = page.locator('#incident')
    expect(incident.locator('tr', has_text='state')).to_contain_text('resolved')
    expect(incident.locator('tr', has_text='dbotMirrorId')).to_contain_text('opsgenie:4712')
    expect(incident.locator('.tree')).to_contain_text('leak: "••••••"')
    incident.get_by_role('link', name=f'incident {first} (high, ended)').click()
    expect(incident.locator('.severity')).to_have_text('high')
    expect(incident.locator('.links')).to_contain_text(f'incident {second} (info, resolved)')


def test_a_rejection_is_a_checklist_and_is_repaired_with_one_press(page: Page, webhook: Webhook) -> None:
    headers = {'X-Hub-Signature-256': f'sha256={"0" * 64}', 'X-GitHub-Event': 'ping', 'X-GitHub-Delivery': '1',
               'User-Agent': 'GitHub-Hookshot/1', 'X-GitHub-Hook-ID': '1', 'X-GitHub-Hook-Installation-Target-ID': '1',
               'X-GitHub-Hook-Installation-Target-Type': 'repository'}
    said = requests.post(webhook.webhook_url, '{"action": "opened"}', headers=headers, timeout=PATIENCE_SECONDS).json()['detail']
    open_newest(page, said[:30])
    checks = page.locator('#delivery .checks li')
    expect(checks.filter(has_text='Looked for')).to_contain_text('The header X-Hub-Signature-256 is there: sha256=••••••')
    expect(checks.filter(has_text='Algorithm')).to_contain_text('HMAC-SHA-256 of the body')
    expect(checks.filter(has_text='✗')).to_contain_text('It does not match the body and the token')
    assert not any(each in said for each in ('GitHub', 'X-Hub', 'HMAC-SHA-256 of'))
    assert violations(page, '#delivery') == []
    original = page.url
    expect(page.locator('#delivery .main')).to_have_text('Repair and send')
    expect(page.locator('#send-proved')).to_have_count(1)
    page.get_by_role('button', name='Repair and send').click()
    expect(page.locator('#delivery header b')).to_have_text('200 OK')
    expect(page.locator('#delivery .checks')).to_have_count(0)
    links = page.locator('#delivery .links')
    expect(links).to_contain_text('The header X-Hub-Signature-256 was replaced.')
    expect(links).to_contain_text('In the sender, enter the token of this instance as the secret')
    repaired = page.url
    links.get_by_role('link').click()
    page.wait_for_url(original)
    expect(links).to_contain_text('Sent again as')
    links.get_by_role('link').click()
    page.wait_for_url(repaired)


def test_a_token_with_a_word_before_it_is_repaired_although_nothing_says_where_it_belongs(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'unheard-of'}, token=f'Bearer {TOKEN}', User_Agent='unheard-of')
    open_newest(page, 'before the token')
    expect(page.locator('#delivery .checks li').first).to_contain_text('Authorization contains the token, after "Bearer"')
    page.get_by_role('button', name='Repair and send').click()
    expect(page.locator('#delivery .links')).to_contain_text('In the sender, set the header Authorization: <token>')


def test_parameters_and_forms_are_tables_and_the_sender_has_an_address(page: Page, webhook: Webhook) -> None:
    url = f'{webhook.webhook_url}?type=Phishing&note=a%20b&key=hush-hush'
    requests.post(url, 'name=A+form&note=%E2%82%AC', timeout=PATIENCE_SECONDS, headers={
        'Authorization': TOKEN, 'Content-Type': 'application/x-www-form-urlencoded'})
    open_newest(page, 'A form')
    delivery = page.locator('#delivery')
    expect(delivery.locator('.meta')).to_contain_text('python-requests at 127.0.0.1')
    expect(delivery.locator('tr', has_text='note')).to_have_text(['notea b', 'note\u20ac'])
    expect(delivery.locator('tr', has_text='key')).to_have_text('key••••••')
    page.get_by_role('button', name='Text', exact=True).click()
    expect(delivery.locator('pre')).to_have_text('name=A+form&note=%E2%82%AC')
    page.get_by_role('button', name='Table', exact=True).click()
    post(webhook, MULTIPART, Content_Type='multipart/form-data; boundary=b')
    open_newest(page, 'a form')
    expect(delivery.locator('tr', has_text='file x')).to_have_text(re.compile('^xfile x, text/plain, 4 bytes: 1␍\\s2'))


def test_a_path_is_previewed_across_the_incidents_of_its_sender_and_copied(page: Page, webhook: Webhook) -> None:
    for host in ('db-1', 'db-2', None):
        post(webhook, {'title': 'mapped', 'hosts': [{'name': host}] if host else []}, User_Agent='mapper/1')
    post(webhook, {'title': 'mapped', 'hosts': [{'name': 'of another sender'}]}, User_Agent='another/1')
    number = post(webhook, {'title': 'mapped last', 'hosts': [{'name': 'db-3'}]}, User_Agent='mapper/1').json()[0]['id']
    page.goto(f'{webhook.url}/#/incidents/{number}')
    leaf = page.locator('#incident .leaf', has_text='db-3')
    leaf.hover()
    leaf.get_by_role('button', name='Preview the mapping of hosts.0.name').click()
    preview = page.locator('.mapping')
    expect(preview.get_by_role('status')).to_have_text('It has a value in 3 of the last 4 incidents of mapper.')
    expect(preview.locator('td')).to_have_text(['db-3', 'nothing at this path, or too large to read', 'db-2', 'db-1'])
    preview.get_by_role('button', name='Copy path').click()
    assert page.evaluate('navigator.clipboard.readText()') == 'hosts.[0].name'
    assert violations(page, '.mapping') == []
    preview.get_by_role('button', name='Close').click()
    expect(preview).to_have_count(0)
    expect(leaf.get_by_role('button', name='Preview the mapping of hosts.0.name')).to_be_focused()


def test_deliveries_are_filtered_by_what_they_became_and_by_sender_with_counts(
    open_page: Callable[..., Page], webhook: Webhook
) -> None:
    webhook.control('DELETE', 'deliveries')
    for number in range(2):
        post(webhook, {'name': f'created {number}'}, User_Agent='one/1')
    for _ in range(2):
        post(webhook, {'name': 'counted twice'}, Idempotency_Key='counted')
    post(webhook, {'name': 'wrong'}, token='wrong', User_Agent='one/1')
    page = open_page(webhook.url)
    rows = page.locator('#deliveries .row')
    expect(rows).to_have_count(5)
    expect(page.locator('#kinds button:visible')).to_have_text(['created 3', 'rejected 1', 'repeat 1'])
    expect(page.locator('#shown-deliveries')).to_have_text('')
    page.get_by_role('button', name='rejected 1').click()
    expect(rows).to_have_count(1)
    expect(page.locator('#shown-deliveries')).to_have_text('1 of 5')
    page.get_by_role('button', name='repeat 1').click()
    expect(rows).to_have_count(2)
    page.get_by_label('Sender').select_option('one (1)')
    expect(page.locator('#kinds button:visible')).to_have_text(['created 2', 'rejected 1', 'repeat 0'])
    post(webhook, {'name': 'wrong'}, token='wrong', User_Agent='one/1')
    post(webhook, {'name': 'right'}, User_Agent='one/1')
    expect(page.locator('#kinds button:visible')).to_have_text(['created 3', 'rejected 2', 'repeat 0'])
    expect(page.locator('#shown-deliveries')).to_have_text('2 of 7')
    expect(rows).to_have_count(2)


def search(page: Page, text: str) -> list[int]:
    """Search for the text, and return the numbers of the deliveries that the server has found by then."""
    with page.expect_response('**/localxsoar/deliveries/search?*') as response:
        page.get_by_label('Search').fill(text)
    found: list[int] = response.value.json()
    return found


def test_a_search_finds_words_in_headers_and_bodies_but_no_secret(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(webhook.url)
    post(webhook, {'name': 'without it'})
    body = gzip.compress(json.dumps({'name': 'plain', 'deep': {'key': 'Needle-In-Body'}}).encode())
    requests.post(webhook.webhook_url, body, timeout=PATIENCE_SECONDS, headers={
        'Authorization': TOKEN, 'X-Find': 'needle-in-header', 'Content-Encoding': 'gzip'})
    expect(newest(page)).to_contain_text('plain')
    rows = page.locator('#deliveries .row')
    for words in ('needle-in-body', 'Needle-in-HEADER plain', 'x-find deep'):
        assert len(search(page, words)) == 1
        expect(rows).to_have_count(1)
        expect(page.locator('#shown-deliveries')).to_have_text(re.compile(r'^1 of \d+$'))
    post(webhook, {'name': 'later', 'a': 'x-find deep'})
    expect(rows).to_have_count(2)
    assert search(page, TOKEN) == []
    expect(page.locator('#none-deliveries')).to_have_text(re.compile(r'^0 of \d+ deliveries match\.'))
    expect(rows).to_have_count(0)
    page.locator('#none-deliveries').get_by_role('button', name='Show all').click()
    expect(rows.first).to_contain_text('later')
    page.keyboard.press('2')
    page.get_by_label('Search').fill('no such thing')
    expect(page.locator('#none-incidents')).to_have_text(re.compile(r'^0 of \d+ incidents match\.'))
    page.get_by_role('link', name='Log').click()
    expect(page.get_by_label('Search')).to_have_value('')
    page.get_by_label('Search').fill('no such thing')
    expect(page.locator('#log')).to_have_attribute('data-none', re.compile(r'^0 of \d+ lines match\.$'))


def test_a_rejection_shows_its_reason_and_a_wrong_instance_is_seen(page: Page, webhook: Webhook) -> None:
    post(webhook, {}, token='wrong')
    expect(newest(page)).to_contain_text('401')
    expect(newest(page)).to_contain_text('is not the token')
    requests.post(f'{webhook.url}/instance/execute/webhok', timeout=PATIENCE_SECONDS)
    expect(newest(page)).to_contain_text("There is no instance 'webhok'")


@pytest.mark.parametrize('query, headers, sender, reason', [
    ('', {'User-Agent': 'x'}, 'x', 'The request shows no token'), ('', {'User-Agent': ''}, '—', 'The request shows no token'),
    ('?token=wrong', {}, 'python-requests', 'The value of a query parameter is not the token')])
def test_a_rejected_delivery_names_its_sender_and_reason_truly(
    page: Page, webhook: Webhook, query: str, headers: dict[str, str], sender: str, reason: str
) -> None:
    body = {'action': 'opened'} if sender == 'x' else {'name': 'a', 'raw_json': {'some_field': 'some_value'}}
    requests.post(f'{webhook.webhook_url}{query}', json=body, headers=headers, timeout=PATIENCE_SECONDS)
    expect(newest(page).locator('.sender')).to_have_text(sender)
    expect(newest(page)).to_contain_text(reason)


def test_a_pause_counts_deliveries_and_does_not_say_that_nothing_has_arrived(page: Page, webhook: Webhook) -> None:
    expect(page.locator('#empty')).to_be_visible()
    page.get_by_role('button', name='Pause').click()
    for number in range(2):
        post(webhook, {'name': f'paused {number}'})
    expect(page.locator('#pause')).to_have_text('Resume (2)')
    expect(page.locator('#empty')).to_be_hidden()
    page.get_by_role('button', name='Resume').click()
    expect(page.locator('#deliveries .row')).to_have_count(2)
    newest(page).click()
    expect(page.locator('#delivery .result')).to_be_visible()
    webhook.control('DELETE', 'deliveries')
    expect(page.locator('#delivery')).to_be_hidden()
    expect(page.locator('#empty h2')).to_have_text('No deliveries are kept')


def test_what_is_pressed_twice_while_it_is_slow_is_sent_once(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/try')
    sent = hold_what_is_sent(page)
    send = page.get_by_role('button', name=re.compile('^Send GitHub: push'))
    send.click()
    expect(send).to_have_text('Sending…')
    expect(send).to_be_disabled()
    sent()[0].continue_()
    expect(page.locator('#delivery .result')).to_be_visible()
    page.get_by_role('button', name='Edit…').click()
    page.get_by_role('button', name='Send', exact=True).click()
    page.locator('#edit-headers').press('Control+Home')
    expect(page.locator('#edit-send')).to_be_disabled()
    page.locator('#edit-send').evaluate('button => button.form.requestSubmit()')
    assert len(sent()) == 2
    sent()[1].continue_()
    expect(page.locator('#edit-send')).to_have_count(0)


def test_a_line_and_its_delivery_show_severity_and_state(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/try')
    page.get_by_role('button', name=re.compile('^Send Prometheus Alertmanager: resolved')).first.click()
    for shown in (page.locator('#delivery .result'), newest(page)):
        expect(shown.locator('.severity')).to_have_text('info')
        expect(shown).to_contain_text('resolved')


def test_what_comes_twice_is_reported_as_a_repeat(page: Page, webhook: Webhook) -> None:
    first, second = (post(webhook, {'name': 'twice'}, Idempotency_Key='twice').json()[0]['id'] for _ in range(2))
    assert first == second
    expect(newest(page)).to_contain_text(f'↺ incident {first} repeat of twice')


def test_it_is_sent_again_as_it_came_and_edited(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'again'})
    open_newest(page, 'again')
    first = page.url
    page.get_by_role('button', name='Send again as it came').click()
    page.wait_for_url(lambda url: url != first)
    expect(page.locator('#delivery .links')).to_contain_text('the original is')  # until then the first one is there
    expect(page.locator('#delivery .result')).to_contain_text('again')
    page.get_by_role('button', name='Edit…').click()
    page.get_by_role('textbox', name='Body').fill('{"name": "edited"}')
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery .result')).to_contain_text('edited')
    assert webhook.names()[-3:] == ['again', 'again', 'edited']


def test_what_was_rejected_is_rejected_again_as_it_came_and_accepted_with_a_valid_proof(
    page: Page, webhook: Webhook
) -> None:
    post(webhook, {'name': 'mistyped'}, token='a-wrong-token', User_Agent='unheard-of')
    open_newest(page, 'is not the token')
    original = page.url
    number = opened_number(page)
    for name, status in (('Send again as it came', '401 Unauthorized'), ('Repair and send', '200 OK')):
        open_again(page, original)
        page.get_by_role('button', name=name).click()
        page.wait_for_url(lambda url: url != original)
        expect(page.locator('#delivery header b')).to_have_text(status)
        link = page.locator('#delivery .links').get_by_role('link', name=f'delivery {number}')
        expect(link).to_have_attribute('href', f'#/deliveries/{number}')
    first, again = (webhook.control('GET', f'deliveries/{each}?secrets=show')['request'] for each in (number, number + 1))
    assert (first['headers'], first['body']) == (again['headers'], again['body'])
    assert webhook.names().count('mistyped') == 1


def test_both_ways_to_send_again_wait_while_one_of_them_does(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'slow'})
    open_newest(page, 'slow')
    before = page.url
    sent = hold_what_is_sent(page)
    page.get_by_role('button', name='Send again as it came').click()
    for name in ('Sending…', 'With a valid proof'):
        expect(page.get_by_role('button', name=name)).to_be_disabled()
    page.keyboard.press('r')
    page.get_by_role('button', name='Response', exact=True).click()
    expect(page.get_by_role('button', name='Sending…')).to_be_disabled()
    page.get_by_role('button', name='Request', exact=True).click()
    assert len(sent()) == 1
    sent()[0].continue_()
    page.wait_for_url(lambda url: url != before)
    expect(page.get_by_role('button', name='Send again as it came')).to_be_enabled()


def test_a_delivery_is_sent_again_once_however_often_r_is_pressed_beside_its_editor(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'pressed twice'})
    open_newest(page, 'pressed twice')
    sent = hold_what_is_sent(page)
    page.keyboard.press('e')
    expect(page.locator('form.edit')).to_be_visible()
    page.locator('#deliveries').focus()
    page.evaluate(KEEP_ANNOUNCED)
    for _ in range(2):
        page.keyboard.press('r')
    wait_for(lambda: page.evaluate("window.announced.includes('Sending…')"))  # then or later, "1 new delivery" takes its place
    assert len(sent()) == 1
    before = page.url
    sent()[0].continue_()
    page.wait_for_url(lambda url: url != before)


@pytest.mark.parametrize('path, status', [('', 401), ('-elsewhere', 404)], ids=['without a token', 'to another instance'])
def test_a_body_that_arrives_after_the_response_is_kept_whole(webhook: Webhook, path: str, status: int) -> None:
    body, url = b'{"name": "late"}', urlsplit(webhook.webhook_url)
    head = f'POST {url.path}{path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n'
    with socket.create_connection((url.hostname, url.port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(head.encode())
        assert sender.recv(65536).startswith(f'HTTP/1.1 {status} '.encode())
        sender.sendall(body)
        while sender.recv(65536):
            pass
    seen = wait_for(lambda: next((each for each in webhook.control('GET', 'deliveries')[:1] if each['kind'] != 'waiting'), None))
    kept = webhook.control('GET', f"deliveries/{seen['number']}")
    assert (kept['status'], kept['request']['body'], kept['missing']) == (status, body.decode(), '')
    assert not [line for line in webhook.output if 'Traceback' in line or 'ConcurrentObjectUse' in line]


def test_a_delivery_whose_body_never_arrived_cannot_be_sent_as_it_came(page: Page, webhook: Webhook) -> None:
    url = urlsplit(webhook.webhook_url)
    with socket.create_connection((url.hostname, url.port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(f'POST {url.path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{{'.encode())
        assert sender.recv(65536).startswith(b'HTTP/1.1 401 ')
    open_what_became(page, webhook)
    expect(page.get_by_role('button', name='Send again as it came')).to_be_disabled()
    expect(page.locator('#delivery .reason')).to_contain_text('of the body have arrived.')
    with page.expect_request(lambda request: request.method == 'POST') as first:  # `r` sends nothing before that
        page.keyboard.press('r')
        page.evaluate("fetch('/localxsoar/deliveries/0/send', {method: 'POST', body: '{}'})")
    assert first.value.url.endswith('/0/send')


def test_a_signed_delivery_that_is_edited_is_signed_again(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/try')
    page.get_by_role('button', name=re.compile('^Send GitHub: ')).first.click()
    page.get_by_role('button', name='Edit…').click()
    page.get_by_role('textbox', name='Body').fill('{"zen": "Keep it logically awesome.", "name": "signed anew"}')
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery header b')).to_have_text('200 OK')
    expect(page.locator('#deliveries [aria-selected=true]')).to_contain_text('GitHub')


def test_the_tree_opens_and_markup_stays_text(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(webhook.url)
    markup = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    post(webhook, {'name': markup, markup: {'a': {'b': {'c': ['deep', markup]}}}}, User_Agent=markup)
    open_newest(page, '<img src=x')
    page.get_by_role('button', name='Incident', exact=False).last.click()
    tree = page.locator('#delivery .tree')
    expect(tree.get_by_text('deep')).to_have_count(0)
    for key in ('b', 'c'):
        tree.locator('.head', has_text=re.compile(f'^{key}: ')).click()
    expect(tree.get_by_text('deep')).to_be_visible()
    assert page.locator('main img, main script').count() == 0 and page.title() != '1'


NUMBERS = '{"name": "exact", "big": 12345678901234567890, "huge": 1e400, "one": 1.0, "b": {"z": -0.0, "10": 1, "9": 2, "9": 3}}'


def test_a_delivery_that_waits_has_no_duration_yet(page: Page, webhook: Webhook) -> None:
    webhook.faults(hang=True)
    sending = threading.Thread(target=post, args=(webhook, {'name': 'held'}))
    sending.start()
    try:
        expect(newest(page)).to_contain_text('waiting for the response')
        newest(page).click()
        expect(page.locator('#delivery .meta')).to_be_visible()
        assert ' ms' not in page.locator('#delivery .meta').inner_text()
    finally:
        webhook.faults(hang=False)
        sending.join()
    expect(page.locator('#delivery .meta')).to_contain_text(re.compile(r'\d+ m?s · '))


def test_an_edit_changes_nothing_that_was_not_edited(page: Page, webhook: Webhook) -> None:
    post(webhook, NUMBERS)
    open_newest(page, 'exact')
    page.get_by_role('button', name='Edit…').click()
    body = page.get_by_role('textbox', name='Body')
    expect(body).to_have_value(NUMBERS)
    body.fill(NUMBERS.replace('exact', 'as exact'))
    page.get_by_role('button', name='Format').click()
    expect(body).to_have_value(re.compile('^{\n  "name": "as exact",\n  "big": 12345678901234567890,\n.*3\n  }\n}$', re.DOTALL))
    body.fill(NUMBERS.replace('exact', 'as exact'))
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery .result')).to_contain_text('as exact')
    number = opened_number(page)
    assert webhook.control('GET', f'deliveries/{number}')['request']['body'] == NUMBERS.replace('exact', 'as exact')


def test_a_character_that_sets_the_direction_of_others_is_shown_by_its_name(
    open_page: Callable[..., Page], echo: LocalXsoar
) -> None:
    body = [{'name': 'report \u202egnp.exe', 'x\u2066': 'a\x1b[0m\u200b\xad\u3164\U000e0041', 'line': 'one\ntwo'}]
    page = open_page(echo.url)
    requests.post(echo.webhook_url, json=body, headers={'User-Agent': 'un\x85known'}, timeout=PATIENCE_SECONDS)
    expect(newest(page)).to_contain_text('report ⟨U+202E⟩gnp.exe')
    expect(newest(page).locator('.became')).to_have_attribute('title', 'report ⟨U+202E⟩gnp.exe')
    expect(newest(page)).to_contain_text('un⟨U+0085⟩known')
    newest(page).click()
    tree = page.locator('#delivery .tree')
    expect(tree).to_contain_text('x⟨U+2066⟩: "a␛[0m⟨U+200B⟩⟨U+00AD⟩⟨U+3164⟩⟨U+E0041⟩')
    page.get_by_role('button', name=re.compile(r'^Incident \d+$')).click()
    expect(page.locator('#delivery h2', has_text='report ⟨U+202E⟩gnp.exe')).to_be_visible()
    assert not re.search('[\u202e\u2066\x1b\x85]', page.locator('body').inner_html())


def test_a_key_stays_before_its_value_whatever_their_script(page: Page, webhook: Webhook) -> None:
    post(webhook, '{"name": "directions", "\u05d0\u05d1\u05d2": "\u05d3\u05d4\u05d5", "": "of no name"}')
    open_newest(page, 'directions')
    expect(page.locator('#delivery .tree')).to_contain_text('"": "of no name"')
    for name, places in (('Text', 'pre bdi'), ('Tree', '.leaf:nth-child(2) bdi')):
        page.get_by_role('button', name=name, exact=True).click()
        key, value = (page.locator(f'#delivery {places}').nth(at).bounding_box() for at in (0, 1))
        assert key and value and key['x'] + key['width'] <= value['x']


def test_a_copied_curl_makes_the_same_request(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': "it's copied"})
    open_newest(page, "it's copied")
    command = copied(page)
    assert command.startswith(f"curl -X POST '{webhook.webhook_url}'") and f'Authorization: {TOKEN}' in command
    assert "it'\\''s copied" in command


def test_a_body_too_large_for_a_command_is_downloaded_and_sent_whole(page: Page, webhook: Webhook, tmp_path: Path) -> None:
    needs('curl')
    body = json.dumps({'name': 'large', 'text': 'x\r\n' * 300_000})
    post(webhook, body)
    open_newest(page, 'large')
    command = copied(page)
    expect(page.locator('#delivery .reason', has_text='The curl command reads the body from the file')).to_be_visible()
    expect(page.locator('#delivery .reason', has_text='The body is too long for a recipe.')).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role('link', name='Download').click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    subprocess.run(['bash', '-c', command], cwd=tmp_path, capture_output=True, timeout=PATIENCE_SECONDS, check=True)
    sent = wait_for(lambda: next((each for each in webhook.control('GET', 'deliveries')[:1] if each['kind'] != 'waiting'), None))
    number = sent['number']
    kept = requests.get(f'{webhook.url}/localxsoar/deliveries/{number}/request.body', timeout=PATIENCE_SECONDS).content
    assert kept == body.encode()


def copied(page: Page) -> str:
    page.get_by_role('button', name='Copy as curl').click()
    expect(page.locator('#copy-curl')).to_have_text('Copied')
    command: str = page.evaluate('navigator.clipboard.readText()')
    return command


def download(page: Page, name: str, folder: Path) -> Path:
    """Return the file that a press on this link downloads."""
    with page.expect_download() as found:
        page.get_by_role('link', name=name, exact=True).click()
    file = folder / found.value.suggested_filename
    found.value.save_as(file)
    assert TOKEN not in file.read_text('utf-8')
    return file


def test_a_delivery_is_saved_as_a_recipe_and_exported_for_the_programs_of_others(
    page: Page, browser: Browser, webhook: Webhook, tmp_path: Path
) -> None:
    body = json.dumps({'title': 'Kept for ever', 'created_at': '2026-11-24T09:00:00Z'})
    response = post(webhook, body, X_Note='kept', Cookie='session=4711').text
    open_newest(page, 'Kept for ever')
    sender = load_sender(download(page, 'Save as recipe', tmp_path))
    expect(page.locator('#delivery .reason', has_text='look through the file before you share it')).to_be_visible()
    assert sender.deliveries[0]['expected'] == {'name': 'Kept for ever', 'type': None, 'occurred': '2026-11-24T09:00:00Z'}
    assert (sender.proof['name'], sender.deliveries[0]['headers']['X-Note']) == ('Authorization', 'kept')
    archive = download(page, 'Export', tmp_path)
    entry, = json.loads(archive.read_text('utf-8'))['log']['entries']
    # Playwright's own reader of such files responds in place of the server.
    with new_context(browser) as context:
        context.route_from_har(archive, not_found='fallback')
        reader = context.new_page()
        reader.goto(webhook.url)
        count = len(webhook.control('GET', 'deliveries'))
        send = '([url, body]) => fetch(url, {method: "POST", body}).then((response) => response.text())'
        assert reader.evaluate(send, [webhook.webhook_url, entry['request']['postData']['text']]) == response
        assert len(webhook.control('GET', 'deliveries')) == count


def test_what_is_not_text_cannot_be_saved_as_a_recipe_and_the_page_says_why(page: Page, webhook: Webhook) -> None:
    requests.post(webhook.webhook_url, b'\xff\x00', headers={'Authorization': TOKEN}, timeout=PATIENCE_SECONDS)
    open_what_became(page, webhook)
    expect(page.locator('#save-recipe')).to_be_disabled()
    expect(page.locator('#delivery .reason', has_text='The body is not text, so it cannot become a recipe.')).to_be_visible()
    expect(page.get_by_role('link', name='Export', exact=True)).to_be_visible()


def test_all_deliveries_are_exported_and_cleared_after_a_second_press(page: Page, webhook: Webhook, tmp_path: Path) -> None:
    webhook.control('DELETE', 'deliveries')
    for name in ('first', 'last'):
        post(webhook, {'name': f'cleared {name}'})
    expect(newest(page)).to_contain_text('cleared last')
    incidents = str(len(webhook.control('GET', 'incidents')))
    expect(page.locator('#count-incidents')).to_have_text(incidents)
    entries = json.loads(download(page, 'Export all', tmp_path).read_text('utf-8'))['log']['entries']
    assert [each['_text'] for each in entries] == ['cleared first', 'cleared last']
    clear = page.locator('#clear')
    clear.dblclick()
    expect(clear).to_have_text('Delete 2 deliveries? Incidents stay')
    assert violations(page, '#filters') == []
    page.keyboard.press('Escape')
    expect(clear).to_have_text('Clear')
    expect(newest(page)).to_contain_text('cleared last')
    clear.press('Enter')
    clear.press('Enter')
    expect(page.locator('#empty')).to_contain_text('No deliveries are kept')
    expect(page.locator('#deliveries')).to_be_focused()
    expect(page.locator('#count-incidents')).to_have_text(incidents)
    assert webhook.control('GET', 'deliveries') == []


def test_the_open_delivery_says_so_when_its_body_is_removed(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'large once'})
    open_newest(page, 'large once')
    expect(page.get_by_role('button', name='Send again as it came')).to_be_enabled()
    missing = {'missing': 'The body was removed to make room for others.', 'uncopyable': 'The body was removed.'}
    page.route('**/localxsoar/deliveries/*', lambda route: route.fulfill(json={**route.fetch().json(), **missing}))
    send(page, 'delivery', {**webhook.control('GET', 'deliveries')[0], **missing})
    expect(page.locator('#delivery .reason').first).to_have_text('The body was removed to make room for others.')
    expect(page.get_by_role('button', name='Send again as it came')).to_be_disabled()
    expect(page.locator('#copy-curl')).to_be_disabled()
    expect(page.locator('#deliveries .row', has_text='large once')).to_be_visible()


def test_no_curl_command_is_offered_for_what_it_cannot_repeat(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'from elsewhere'})
    reason = 'Secrets are shown only on the machine that runs the local XSOAR.'
    page.route('**/localxsoar/deliveries/*', lambda route: route.fulfill(json={
        **route.fetch().json(), 'is_here': False, 'uncopyable': reason}))
    open_newest(page, 'from elsewhere')
    expect(page.locator('#copy-curl')).to_be_disabled()
    expect(page.locator('#delivery .reason', has_text=reason)).to_be_visible()


MULTIPART = ('--b\r\nContent-Disposition: form-data; name="name"\r\n\r\na form\r\n--b\r\n'
             'Content-Disposition: form-data; name="x"; filename="x"\r\n\r\n1\r\n2\r\n--b--\r\n')


@pytest.mark.parametrize('body, edited', [
    (MULTIPART, MULTIPART.replace('a form', 'a new form')), ('mixed\r\nand\n\rnot\n', '')], ids=['multipart', 'mixed'])
def test_an_edit_keeps_the_line_breaks_or_leaves_the_body_as_it_came(
    page: Page, webhook: Webhook, body: str, edited: str
) -> None:
    post(webhook, body, Content_Type='multipart/form-data; boundary=b' if edited else 'text/plain')
    open_what_became(page, webhook)
    before = page.url
    page.get_by_role('button', name='Edit…').click()
    field = page.get_by_role('textbox', name='Body')
    if edited:
        field.fill(edited.replace('\r\n', '\n'))
    else:
        expect(field).to_be_disabled()
        expect(page.locator('.edit')).to_contain_text('The body mixes several kinds of line breaks, so it is sent as it came.')
    page.get_by_role('button', name='Send', exact=True).click()
    page.wait_for_url(lambda url: url != before)
    number = opened_number(page)
    kept = requests.get(f'{webhook.url}/localxsoar/deliveries/{number}/request.body', timeout=PATIENCE_SECONDS).content
    assert kept == (edited or body).encode()
    assert not edited or webhook.names()[-1] == 'a new form'


# Pages of others.


@contextmanager
def serve_page(text: str) -> Iterator[str]:
    """The URL of a page on another site: `localhost` is another one than `127.0.0.1`."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header('Content-Type', 'text/html')
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f'http://localhost:{server.server_port}/'
        server.shutdown()


FOREIGN_PAGES = {
    'fetch': """<script>fetch(URL, {mode: 'no-cors', method: 'POST', body: '[{"name": "from a page"}]'})</script>""",
    'form': """<form method=post action=URL enctype=text/plain><input name='[{"name": "from a page", "a": "' value='"}]'></form>
               <script>document.forms[0].submit()</script>""",
    'link': '<script>location = URL</script>',
}


def test_a_web_page_of_another_site_creates_no_incident_and_is_shown_with_the_reason(browser: Browser, echo: LocalXsoar) -> None:
    page = browser.new_page()
    for way, text in FOREIGN_PAGES.items():
        echo.control('DELETE', 'deliveries')
        before = echo.sent()
        with serve_page(text.replace('URL', f'"{echo.webhook_url}"')) as url:
            page.goto(url)
            # Its status is known a moment before its text.
            rejected = wait_for(lambda: next((each for each in echo.control('GET', 'deliveries') if each['text']), None))
            page.goto('about:blank')
        assert (rejected['status'], echo.sent()) == (403, before) and 'comes from a page of' in rejected['text'], way
        name = f'from a program beside a {way}'
        said = requests.post(echo.webhook_url, json=[{'name': name}], timeout=PATIENCE_SECONDS)
        assert said.status_code == 200 and echo.sent()[-1]['name'] == name
    page.close()


def test_the_address_of_the_way_in_opens_in_a_browser(browser: Browser, webhook: Webhook) -> None:
    page = browser.new_page()
    answer = page.goto(webhook.webhook_url)
    assert answer and answer.status == 200
    page.close()


def test_a_web_page_of_another_site_starts_no_process(browser: Browser, webhook: Webhook) -> None:
    requests_of_it = [['GET', 'samples'], ['POST', 'samples'], ['POST', 'stop-container']]
    text = f"""<script>Promise.allSettled({requests_of_it}.map(([method, path]) =>
        fetch(`{webhook.url}/localxsoar/${{path}}`, {{mode: 'no-cors', method}}))).then(() => document.title = 'sent')</script>"""
    before = webhook.state()
    with serve_page(text) as url:
        page = browser.new_page()
        seen: list[tuple[str, int]] = []
        page.on('response', lambda answer: seen.append((answer.request.method, answer.status)))
        page.goto(url)
        expect(page).to_have_title('sent')
        page.close()
    assert {('GET', 405), ('POST', 403)} <= set(seen) and ('POST', 200) not in seen
    assert webhook.state()['pid'] == before['pid']


@pytest.mark.parametrize('sender', ['GitHub', 'Slack', 'Stripe'])
def test_a_signed_sender_is_tried_with_one_press(page: Page, webhook: Webhook, sender: str) -> None:
    page.get_by_role('link', name='Try it').click()
    page.get_by_role('button', name=re.compile(f'^Send {sender}: ')).first.click()
    expect(page.locator('#delivery header b')).to_have_text('200 OK')
    expect(page.locator('#delivery .meta')).to_contain_text(sender)
    expect(page.locator('#delivery .result')).to_contain_text('→')


# Keeps what the page has said of the instance: a container that ended is soon replaced.
KEEP_STATES = '''() => {
    window.states = [];
    const $ = (id) => document.getElementById(id);
    new MutationObserver(() => window.states.push([$('state').className, $('health').textContent, $('facts').textContent,
                                                   document.querySelectorAll('.traceback').length]))
        .observe(document.body, {subtree: true, childList: true, characterData: true});
}'''


def test_a_crash_is_red_and_shows_its_traceback_once(open_page: Callable[..., Page], echo: LocalXsoar) -> None:
    page = open_page(f'{echo.url}/#/instance')
    expect(page.locator('#state')).to_have_class('state good')
    page.evaluate(KEEP_STATES)
    before = echo.state()['restarts']
    for number in range(before, before + 2):
        wait_for(lambda: echo.control('GET', 'instance')['ready'] and echo.state()['restarts'] == number)  # noqa: B023
        with suppress(requests.RequestException):  # the container may end in the middle of its response
            requests.post(f'{echo.webhook_url}/raise', timeout=PATIENCE_SECONDS)
    wait_for(lambda: echo.control('GET', 'instance')['ready'] and echo.state()['restarts'] == before + 2)
    os.kill(echo.state()['pid'], signal.SIGKILL)
    wait_for(lambda: echo.control('GET', 'instance')['ready'] and echo.state()['restarts'] == before + 3)
    expect(page.locator('#health')).to_have_text(f'Healthy · {before + 3} restarts')
    seen = page.evaluate('window.states')
    assert {health for state, health, _, _ in seen if state == 'state bad' and health.startswith('crashed · ')}
    for how, tracebacks in (('exit code 0', 1), ('signal SIGKILL', 0)):
        facts = [said for state, _, said, count in seen if state == 'state bad' and count == tracebacks]
        assert [said for said in facts if f'The container ended ({how})' in said
                and said.count('Traceback (most recent call last)') == tracebacks]
    echo.wait_for_line(r'The container ended \(signal SIGKILL\)')


def test_each_health_has_the_time_of_its_report(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/instance')
    entries = page.locator('.history li')
    expect(entries.first).to_have_text(re.compile(r'^\d\d:\d\d:\d\d '))
    webhook.stop_container()  # the next one reports its health
    expect(entries.first).to_have_text(re.compile(r'^\d\d:\d\d:\d\d Healthy × \d+ since \d\d:\d\d:\d\d$'))


def test_the_page_finds_its_server_again_after_a_restart(open_page: Callable[..., Page], webhook: Webhook) -> None:
    with LocalXsoar(pack=ECHO) as first:
        page = open_page(first.url)
        requests.post(first.webhook_url, json=[{'name': 'before'}], timeout=PATIENCE_SECONDS)
        expect(newest(page)).to_contain_text('before')
    expect(page.locator('#lost')).to_be_visible()
    expect(page.locator('#state')).to_have_class('state lost')
    expect(page.locator('#health')).to_have_text('state unknown')
    newest(page).click()
    expect(page.locator('#delivery')).to_contain_text('The local XSOAR does not respond.')
    page.goto(f'{first.url}/#/instance')
    expect(page.locator('#facts')).to_contain_text('unknown (connection lost)')
    page.goto(f'{first.url}/#/deliveries')
    with page.expect_response('**/localxsoar/events'):  # a proxy's, after which the browser gives up
        page.route('**/localxsoar/events', lambda route: route.fulfill(status=502))
    webhook.control('DELETE', 'deliveries')
    # From now on another server responds at this address.
    page.route(f'{first.url}/**', lambda route: route.continue_(url=route.request.url.replace(first.url, webhook.url)))
    page.route('**/localxsoar/incidents/list', lambda route: route.abort(), times=1)
    page.unroute('**/localxsoar/events')
    expect(page.locator('#lost')).to_be_hidden()
    expect(page.locator('#empty')).to_be_visible()
    post(webhook, {'name': 'after'})
    expect(newest(page)).to_contain_text('after')


def test_what_arrives_while_the_page_loads_is_shown_once(page: Page, webhook: Webhook) -> None:
    held: list[Any] = []
    page.route('**/localxsoar/log*', lambda route: held.append(route))
    with page.expect_response('**/localxsoar/deliveries'):
        page.reload(wait_until='commit')
    page.evaluate("""() => {
        window.logged = [];
        const keep = ({data}) => { if (data.includes('loading/1')) window.logged.push(JSON.parse(data)); };
        window.stream.addEventListener('log', keep);
    }""")
    for name in ('one while loading', 'another while loading'):
        post(webhook, {'name': name}, User_Agent='loading/1')
    one, another = wait_for(lambda: lines if len(lines := page.evaluate('window.logged')) == 2 else None)
    listed = webhook.control('GET', 'log')
    # The reply has the one line as it arrived, and the other's text at another time.
    held[0].fulfill(json=[{**line, 'time': '00:00:00'} if line['text'] == another['text'] else line for line in listed])
    expect(newest(page)).to_contain_text('another while loading')
    page.keyboard.press('6')
    for line, count in ((one, 1), (another, 2)):
        expect(page.locator('#log div', has_text=line['text'].partition(' ')[2])).to_have_count(count)


def test_many_incidents_are_drawn_as_far_as_they_are_seen(
    tab: Tab, open_page: Callable[..., Page], webhook: Webhook
) -> None:
    listed = [{**INCIDENT, 'id': str(number), 'name': 'needle' if number % 200 == 0 else f'incident {number}'}
              for number in range(1000, 0, -1)]
    tab.page.route('**/localxsoar/incidents/list', lambda route: route.fulfill(json=listed))
    page = open_page(f'{webhook.url}/#/incidents')
    expect(page.locator('#count-incidents')).to_have_text('1000')
    rows = page.locator('#incidents .row')
    expect(rows.first).to_contain_text('needle')
    for top in (0, 8_000, 16_000):
        page.locator('#incidents').evaluate('(box, top) => { box.scrollTop = top; }', top)
        page.evaluate(DRAWN)
        assert 10 < rows.count() < 100
    page.locator('#incidents').evaluate('(box) => { box.scrollTop = 1e9; }')
    expect(rows.last).to_contain_text('incident 1 ')
    page.get_by_label('Search').fill('needle')
    expect(rows).to_have_count(5)


def test_a_list_without_incidents_says_so_and_takes_its_keys(
    tab: Tab, open_page: Callable[..., Page], webhook: Webhook
) -> None:
    tab.page.route('**/localxsoar/incidents/list', lambda route: route.fulfill(json=[]))
    page = open_page(f'{webhook.url}/#/incidents')
    expect(page.locator('#no-incidents')).to_be_visible()
    expect(page.locator('#no-incidents')).to_have_text('No incident yet.')
    for key in ('j', 'k', 'Enter', 'End', 'Home', 'PageUp', 'PageDown'):
        page.keyboard.press(key)
    assert page.url.endswith('#/incidents')
    expect(page.locator('#count-incidents')).to_have_text('')
    expect(page.locator('#none-incidents')).to_be_hidden()
    send(page, 'incident', {**INCIDENT, 'id': '1'})
    expect(page.locator('#incidents .row')).to_have_count(1)
    expect(page.locator('#no-incidents')).to_be_hidden()


def test_new_lines_do_not_move_what_is_read(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/incidents')
    post(webhook, [{'name': f'line {number}'} for number in range(60)])
    expect(page.locator('#incidents .row').first).to_contain_text('line 59')
    page.evaluate("document.getElementById('incidents').scrollTop = 640")
    row = page.locator('#incidents .row', has_text='line 35')
    expect(row).to_be_visible()
    before = wait_for(row.bounding_box, 'the line at a place')  # while it is drawn again it has none
    post(webhook, {'name': 'on top'})
    expect(page.locator('#pill-incidents')).to_have_text('1 new')
    wait_for(lambda: row.bounding_box() == before, 'the line at its old place')
    # One that is no longer kept leaves it there, too.
    page.evaluate('''async () => {
        const {incidents} = await import(document.scripts[0].src.replace('script', 'incidents'));
        incidents.remove(incidents.all[3].id);
    }''')
    page.evaluate(DRAWN)
    wait_for(lambda: row.bounding_box() == before, 'the line at its old place')
    page.locator('#pill-incidents').click()
    expect(page.locator('#incidents .row').first).to_contain_text('on top')


INCIDENT = {'name': 'one', 'type': '', 'occurred': '', 'created': '', 'sourceInstance': '', 'status': 0, 'severity': 0,
            'state': 'pending', 'dbotMirrorId': '', 'owner': ''}
SEND = '''([kind, items]) => {
    for (const item of items) window.stream.dispatchEvent(new MessageEvent(kind, {data: JSON.stringify(item)}));
}'''


def send(page: Page, kind: str, *items: Any) -> None:
    """Send events to a page that keeps its stream, as its server would."""
    page.evaluate(SEND, [kind, items])


def test_a_page_catches_up_after_a_pause_in_several_tasks(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(webhook.url)
    post(webhook, {'name': 'loaded'})
    expect(newest(page)).to_contain_text('loaded')  # not before the page has what there was
    page.locator('#pause').click()
    send(page, 'incident', *({**INCIDENT, 'id': str(10 ** 6 + number)} for number in range(300)))
    taken = page.evaluate('''async () => {
        const {incidents} = await import(document.scripts[0].src.replace('script', 'incidents'));
        const counts = [incidents.all.length];
        let reading = 0;
        Object.assign(performance, {now: () => (reading += 10)});  // each event takes 10 ms by this clock
        document.getElementById('pause').click();
        while (counts.at(-1) < counts[0] + 300) {
            await new Promise((done) => setTimeout(done));
            counts.push(incidents.all.length);
        }
        return counts.slice(1).map((count, at) => count - counts[at]);
    }''')
    assert max(taken) <= 20


def test_a_page_whose_tab_was_hidden_draws_as_many_lines_of_the_log_as_it_keeps(
    open_page: Callable[..., Page], webhook: Webhook
) -> None:
    post(webhook, {'name': 'one of many'})
    page = open_page(f'{webhook.url}/#/log')
    expect(page.locator('#log div').first).to_be_visible()
    page.evaluate('''() => {
        window.frame = requestAnimationFrame;
        window.held = [];
        window.requestAnimationFrame = (draw) => window.held.push(draw);  // as in a tab that is hidden
        window.drawn = 0;
        new MutationObserver((changes) => { for (const {addedNodes} of changes) window.drawn += addedNodes.length; })
            .observe(document.getElementById('log'), {childList: true});
    }''')
    send(page, 'log', *({'time': '00:00:00', 'level': 'info', 'text': f'line {number}'} for number in range(2500)))
    before = webhook.control('GET', 'deliveries')
    send(page, 'delivery', {**before[0], 'number': 10 ** 6})  # when it is counted, the lines before it have been taken
    expect(page.locator('#count-deliveries')).to_have_text(str(len(before) + 1))
    page.evaluate('() => { for (const draw of window.held) window.frame(draw); }')
    expect(page.locator('#log div', has_text='line 2499')).to_be_visible()
    assert page.locator('#log div').count() <= 2000
    assert page.evaluate('window.drawn') < 2500  # the container may have logged a line of its own meanwhile


def test_what_is_more_than_a_pause_keeps_is_loaded_afterwards(open_page: Callable[..., Page], webhook: Webhook) -> None:
    webhook.control('DELETE', 'deliveries')
    page = open_page(webhook.url)
    page.locator('#pause').click()
    send(page, 'log', *({'time': '00:00:00', 'level': 'info', 'text': 'one of many'} for _ in range(5000)))
    post(webhook, {'name': 'after so many'})
    expect(page.locator('#pause')).to_have_text('Resume (1)')
    page.locator('#pause').click()
    expect(newest(page)).to_contain_text('after so many')
    page.keyboard.press('6')
    expect(page.locator('#log')).not_to_contain_text('one of many')  # the server has none of them


def test_a_command_is_run_beside_the_log_of_its_instance(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'logged'}, User_Agent='beside-the-log/1')
    page.keyboard.press('4')
    expect(page.locator('#command-log')).to_contain_text('"beside-the-log/1"')
    page.locator('#argument-result').select_option('all')
    page.locator('#argument-limit').fill('5')
    result = page.locator('#result')
    page.locator('#run').click()
    expect(result.locator('h3').first).to_have_text('!generic-webhook-deliveries limit=5 result=all')
    expect(result.locator('.markdown h4', has_text='Latest hours')).to_be_visible()
    page.get_by_role('link', name='GenericWebhookJoin').click()
    page.get_by_label('Run in incident').fill('1')
    page.locator('#run').click()
    expect(result.locator('h3').first).to_have_text('!GenericWebhookJoin in incident 1')
    assert TOKEN not in page.content()


def test_keys_for_a_delivery_do_nothing_where_none_is_seen(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'opened once'})
    open_newest(page, 'opened once')
    before = len(webhook.control('GET', 'deliveries'))
    page.goto(f'{webhook.url}/#/log')
    expect(page.locator('#log')).to_be_visible()
    for key in 'rec':
        page.keyboard.press(key)
    page.evaluate(DRAWN)
    page.goto(f'{webhook.url}/#/commands/%')
    expect(page.locator('#command')).to_contain_text('has %.')
    assert len(webhook.control('GET', 'deliveries')) == before and page.locator('form.edit').count() == 0


def tab_to(page: Page, control: str) -> None:
    """Press Tab until a control has the focus."""
    for _ in range(100):
        if page.locator(control).evaluate('control => control === document.activeElement'):
            return
        page.keyboard.press('Tab')
    raise AssertionError(f'Tab does not reach {control}')


def test_every_task_with_a_delivery_is_done_by_keyboard_alone(page: Page, webhook: Webhook) -> None:
    press = page.keyboard.press
    for name in ('key one', 'key two'):
        post(webhook, {'name': name})
    expect(newest(page)).to_contain_text('key two')
    for key in ('j', 'j', 'Enter'):
        press(key)
    expect(page.locator('#delivery .result')).to_contain_text('key one')
    press('c')
    page.wait_for_function("async () => (await navigator.clipboard.readText()).includes('key one')")
    tab_to(page, '#share')
    with page.expect_download() as shared:
        press('Enter')
    assert 'key one' in shared.value.path().read_text('utf-8')
    for key, opens in (('r', 'the original is delivery'), ('e', 'key three')):
        before = page.url
        press(key)
        if key == 'e':
            expect(page.get_by_role('textbox', name='Body')).to_be_focused()
            press('Control+a')
            page.keyboard.type('{"name": "key three"}')
            press('Control+Enter')
        expect(page).not_to_have_url(before)
        expect(page.locator('#delivery')).to_contain_text(opens)
    press('d')
    expect(page.locator('.differences').first).to_contain_text('key three')
    press('d')
    expect(page.locator('.differences')).to_have_count(0)
    press('Escape')
    expect(page.locator('#delivery')).to_be_hidden()


def test_every_task_with_the_list_of_deliveries_is_done_by_keyboard_alone(page: Page, webhook: Webhook) -> None:
    press = page.keyboard.press
    for name in ('key four', 'key five'):
        post(webhook, {'name': name})
    expect(newest(page)).to_contain_text('key five')
    press('/')
    page.keyboard.type('key four')
    expect(page.locator('#deliveries .row')).to_have_count(1)
    press('Escape')
    tab_to(page, '[data-kind=created]')
    press('Space')
    expect(page.locator('[data-kind=created]')).to_have_attribute('aria-pressed', 'true')
    press('Space')
    tab_to(page, '#sender')
    press('ArrowDown')
    expect(page.locator('#sender')).not_to_have_value('')
    press('ArrowUp')
    tab_to(page, '#clear')
    press('Enter')
    press('Enter')
    expect(page.locator('#empty')).to_be_visible()
    press('?')
    expect(page.locator('#help')).to_be_visible()
    press('Escape')
    press('6')
    expect(page.locator('#log')).to_be_visible()


# Keep the controls that a person can see until Tab reaches them, and those on which the focus can't be seen.
WATCH_FOCUS = '''() => {
    const isSeen = (each) => each.checkVisibility({visibilityProperty: true}) && each.tabIndex >= 0 && !each.disabled;
    const controls = 'a[href], button, select, input, textarea, summary, [tabindex="0"]';
    window.unreached = new Set([...document.querySelectorAll(controls)].filter(isSeen));
    window.unseen = [];
    document.addEventListener('focusin', ({target}) => {
        unreached.delete(target);
        const shown = target.querySelector('[aria-selected=true]') || target;
        if (getComputedStyle(shown).outlineStyle === 'none') unseen.push(target.outerHTML);
    });
    return unreached.size;
}'''
UNREACHED = '[[...unreached].filter((each) => each.isConnected).map((each) => each.outerHTML), unseen]'  # what is still there


def test_tab_reaches_whatever_can_be_pressed_and_the_focus_is_seen(page: Page, webhook: Webhook) -> None:
    number = post(webhook, {'title': 'reached', 'host': 'db-1'}).json()[0]['id']
    post(webhook, {'title': 'rejected'}, token='wrong')
    expect(page.locator('#deliveries .row')).to_have_count(2)
    first = int(webhook.control('GET', 'deliveries')[-1]['number'])
    details = (f'deliveries?open={first + 1}&tab=compare&with={first}', f'deliveries?open={first}',
               f'incidents?as=lanes&open=lane-{number}', f'incidents?open={number}')
    for view in (*details, 'try?q=github', 'commands', 'instance', 'log'):
        page.goto(f'{webhook.url}/#/{view}')
        if view in details:
            expect(page.locator('.detail:visible').locator('.tree, table').first).to_be_visible()
        page.evaluate(DRAWN)
        for _ in range(page.evaluate(WATCH_FOCUS) + 5):
            page.keyboard.press('Tab')
        assert page.evaluate(UNREACHED) == [[], []], view


def focused(page: Page) -> str:
    """Return the id of the element that has the focus."""
    return str(page.evaluate('document.activeElement.id'))


def test_the_focus_stays_on_the_control_that_was_pressed(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(webhook.url)
    number = post(webhook, {'name': 'focus'}).json()[0]['id']
    open_newest(page, 'focus')
    shown = {'part-response': '#part-response[aria-current]', 'part-request': '#part-request[aria-current]',
             'as-text': '#delivery pre', 'as-tree': '#delivery .tree'}
    for control, after in shown.items():
        page.locator(f'#{control}').press('Enter')
        expect(page.locator(after)).to_be_visible()
        assert focused(page) == control
    page.locator('#secrets').press('Enter')
    expect(page.locator('#secrets')).to_have_text('Hide secrets')
    assert focused(page) == 'secrets'
    before = page.url
    page.locator('#send-came').press('Enter')
    page.wait_for_url(lambda url: url != before)
    expect(page.locator('#delivery .links')).to_contain_text('the original is delivery')
    assert page.locator('#delivery').evaluate('detail => detail.contains(document.activeElement)')
    page.goto(f'{webhook.url}/#/incidents/{number}')  # a detail with the same controls as the delivery's
    page.locator('#incident #as-text').press('Enter')
    expect(page.locator('#incident pre')).to_be_visible()
    assert page.locator('#incident #as-text').evaluate('control => control === document.activeElement')
    page.keyboard.press('5')
    page.route('**/instance/save*', lambda route: route.fulfill(json=webhook.control('GET', 'instance')))
    page.locator('#save').press('Enter')
    expect(page.locator('#action-status')).to_contain_text('Saved')
    assert focused(page) == 'save'


def test_the_focus_comes_back_when_what_was_pressed_has_failed(page: Page, webhook: Webhook) -> None:
    page.route(re.compile(r'/send(\?|$)'), lambda route: route.fulfill(status=409, json={'error': 'not now'}))
    page.goto(f'{webhook.url}/#/try')
    tried = page.get_by_role('button', name=re.compile('^Send GitHub: push'))
    tried.press('Enter')
    expect(page.locator('.card', has=tried).locator('.wrong')).to_have_text('not now')
    expect(tried).to_be_focused()
    post(webhook, {'name': 'not sent again'})
    page.goto(f'{webhook.url}/#/deliveries')
    open_newest(page, 'not sent again')
    page.locator('#send-came').press('Enter')
    expect(page.locator('#delivery [role=alert]')).to_have_text('not now')
    assert page.locator('#delivery').evaluate('detail => detail.contains(document.activeElement)')


def test_one_press_of_enter_opens_and_focuses_what_is_selected(open_page: Callable[..., Page], webhook: Webhook) -> None:
    post(webhook, {'name': 'entered'})
    page = open_page(webhook.url)
    for view, name in DETAILS.items():
        page.goto(f'{webhook.url}/#/{view}')
        expect(page.locator(f'#{view} .row').first).to_be_visible()
        page.keyboard.press('Enter')
        expect(page.locator(f'#{name} h2').first).to_be_visible()
        expect(page.locator(f'#{name}')).to_be_focused()


def test_page_keys_home_and_end_move_in_the_list_and_scroll_elsewhere(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/incidents')
    post(webhook, [{'name': f'row {number}'} for number in range(60)])
    expect(page.locator('#incidents .row').first).to_contain_text('row 59')
    selected = page.locator('#incidents [aria-selected=true]')
    page.keyboard.press('Home')
    expect(selected).to_have_attribute('aria-posinset', '1')
    page.keyboard.press('PageDown')
    expect(selected).to_have_attribute('aria-posinset', re.compile(r'^(1\d|2\d)$'))
    page.keyboard.press('PageUp')
    expect(selected).to_have_attribute('aria-posinset', '1')
    page.keyboard.press('End')
    expect(selected).to_have_attribute('aria-posinset', str(selected.get_attribute('aria-setsize')))
    page.keyboard.press('3')
    expect(page.locator('.card').first).to_be_visible()
    page.keyboard.press('End')
    wait_for(lambda: page.evaluate("document.getElementById('view-try').scrollTop") > 0)


def test_an_edit_is_kept_until_it_is_sent_or_discarded(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'to edit'})
    open_newest(page, 'to edit')
    original, field = page.url, page.get_by_role('textbox', name='Body')
    page.keyboard.press('e')
    field.fill('{"name": "half writ')
    page.keyboard.press('Escape')
    expect(page.locator('#edit')).to_be_focused()
    expect(page.locator('#edit')).to_have_text('Edit… (unsent)')
    page.get_by_role('link', name='Log').click()
    page.goto(original)
    page.get_by_role('button', name='Edit…').click()
    expect(field).to_have_value('{"name": "half writ')
    field.press('End')
    page.keyboard.type('ten"}')
    page.keyboard.press('Control+Enter')
    expect(page.locator('#delivery .result')).to_contain_text('half written')
    open_again(page, original)
    page.get_by_role('button', name='Edit…').click()
    expect(field).to_have_value('{"name": "to edit"}')
    field.fill('x')
    page.get_by_role('button', name='Discard').click()
    expect(page.locator('#edit')).to_have_text('Edit…')


def test_what_was_typed_into_the_form_outlives_another_view(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(f'{webhook.url}/#/instance')
    page.get_by_label('Incident type').fill('Phish')
    page.get_by_role('link', name='Log').click()
    page.get_by_role('link', name='Instance').click()
    expect(page.get_by_label('Incident type')).to_have_value('Phish')


def test_a_phone_shows_the_list_then_the_delivery_and_the_way_back(page: Page, webhook: Webhook) -> None:
    page.set_viewport_size({'width': 390, 'height': 780})
    post(webhook, {'name': 'on a phone'})
    open_newest(page, 'on a phone')
    expect(page.locator('#deliveries')).to_be_hidden()
    assert page.evaluate('document.documentElement.scrollWidth') <= 390
    page.get_by_role('button', name='Back').click()
    expect(page.locator('#deliveries')).to_be_visible()


def test_a_delivery_that_is_left_before_it_came_stays_closed(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'left early'})
    expect(newest(page)).to_contain_text('left early')
    held: list[Any] = []
    page.route('**/localxsoar/deliveries/*', lambda route: held.append(route))
    with page.expect_request('**/localxsoar/deliveries/*'):
        newest(page).click()
    page.keyboard.press('Escape')
    with page.expect_response('**/localxsoar/deliveries/*'):
        held[0].continue_()
    page.evaluate(DRAWN)
    expect(page.locator('#delivery')).to_be_hidden()


def test_a_phone_shows_the_log_from_the_top(page: Page, webhook: Webhook) -> None:
    page.set_viewport_size({'width': 390, 'height': 780})
    page.goto(f'{webhook.url}/#/log')
    expect(page.locator('#log div').first).to_be_visible()
    assert page.evaluate('document.getElementById("log").getBoundingClientRect().top') < 260


def test_the_current_tab_is_in_sight_on_a_narrow_screen(page: Page, webhook: Webhook) -> None:
    page.set_viewport_size({'width': 360, 'height': 720})
    for view in VIEWS:
        page.goto(f'{webhook.url}/#/{view}')
        expect(page.locator('nav a[aria-current]')).to_be_in_viewport(ratio=0.98)


def test_the_header_leaves_two_thirds_at_400_percent_zoom(page: Page, webhook: Webhook) -> None:
    page.set_viewport_size({'width': 320, 'height': 256})  # 1280 by 1024 at 400 %
    for view in VIEWS:
        page.goto(f'{webhook.url}/#/{view}')
        expect(page.locator('nav a[aria-current]')).to_be_in_viewport(ratio=0.98)
        header = page.locator('body > header').bounding_box()
        assert header and header['height'] < 256 / 3
        assert page.evaluate('document.documentElement.scrollWidth') <= 320


def test_forced_colors_leave_the_selected_row_and_a_pressed_filter_visible(page: Page, webhook: Webhook) -> None:
    page.emulate_media(forced_colors='active')
    for number in range(2):
        post(webhook, {'name': f'forced {number}'})
    post(webhook, {'name': 'forced'}, token='wrong')
    expect(page.locator('#deliveries .row')).to_have_count(3)
    page.keyboard.press('j')
    expect(page.locator('#deliveries [aria-selected=true]')).to_be_visible()
    assert len(colors_of(page, '#deliveries .row')) == 2
    page.keyboard.press('Escape')
    filters = page.locator('#kinds button:visible')
    filters.first.click()
    expect(filters.first).to_have_attribute('aria-pressed', 'true')
    assert len(colors_of(page, '#kinds button:not([hidden])')) == 2
    filters.first.click()


def colors_of(page: Page, selector: str) -> set[str]:
    """Return the colors of the backgrounds of these elements."""
    return set(page.locator(selector).evaluate_all('all => all.map((each) => getComputedStyle(each).backgroundColor)'))


def test_a_screen_reader_hears_a_row_as_words(page: Page, webhook: Webhook) -> None:
    number = post(webhook, {'name': 'Disk full'}).json()[0]['id']
    option = page.get_by_role('option', name=re.compile(f' POST 200 .*→ incident {number} Disk full .* ms '))
    expect(option).to_be_visible()


def test_an_invisible_button_takes_no_line(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'lines', **{f'key{length}': 'x' * length for length in range(40, 90)}})
    open_newest(page, 'lines')
    page.locator('#delivery .head, #delivery .more').evaluate_all('all => all.forEach((each) => each.click())')
    selected = page.locator('#delivery .tree').evaluate('''tree => {
        getSelection().selectAllChildren(tree);
        return getSelection().toString();
    }''')
    assert f'key50: "{"x" * 50}"' in selected and 'Copy' not in selected
    heights = """leaves => leaves.map((leaf) => {
        const before = leaf.offsetHeight;
        leaf.querySelector('button').remove();
        return before - leaf.offsetHeight;
    })"""
    assert set(page.locator('#delivery .leaf').evaluate_all(heights)) == {0}


def test_a_long_name_leaves_room_for_the_rest(open_page: Callable[..., Page], echo: LocalXsoar) -> None:
    page = open_page(echo.url)
    number = requests.post(echo.webhook_url, json=[{'name': 'long ' * 400}], timeout=PATIENCE_SECONDS).json()[0]['id']
    open_newest(page, 'long long')
    assert len(newest(page).inner_text()) < 400  # a screen reader would read all of it
    expect(page.locator('#delivery .headers')).to_be_in_viewport()
    page.locator('#delivery .result').get_by_role('button', name='show all').click()
    expect(page.locator('#delivery .result')).to_contain_text('long ' * 399)
    page.goto(f'{echo.url}/#/incidents/{number}')
    expect(page.locator('#incident .part').first).to_be_in_viewport()


def test_a_column_of_paths_is_shown_if_there_are_any(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'no path'})
    expect(newest(page)).to_contain_text('no path')
    expect(newest(page).locator('.path')).to_be_hidden()
    requests.post(f'{webhook.webhook_url}?type=Phishing', json={}, headers={'Authorization': TOKEN}, timeout=PATIENCE_SECONDS)
    expect(newest(page).locator('.path')).to_have_text('?type=Phishing')
    expect(newest(page).locator('.path')).to_be_visible()


MEDIA: tuple[dict[str, Any], ...] = ({'color_scheme': 'dark'}, {'forced_colors': 'active'})
NARROW: Any = {'width': 320, 'height': 256}  # 400 % of a screen, narrower than a phone
# Where a view has many rows of one kind, some of them.
SOME = {'try': 'try?q=github', 'log': 'log?q=read-aloud', 'incidents': 'incidents?q=read+aloud&open={number}'}


@pytest.mark.parametrize('view', VIEWS)
def test_nothing_is_in_the_way_of_a_screen_reader_in_any_view_and_texts_are_seen_in_any_colors(
    page: Page, webhook: Webhook, view: str
) -> None:
    event = {'title': 'read aloud', 'nested': {'a': [1, None, 'text']}}
    number = post(webhook, event, User_Agent='read-aloud/1').json()[0]['id']
    post(webhook, {'title': 'rejected'}, token='wrong', User_Agent='read-aloud/1')  # its checks have colors of their own
    if view == 'deliveries':
        open_newest(page, 'is not the token')
    else:
        page.goto(f'{webhook.url}/#/{SOME.get(view, view).format(number=number)}')
    if view in DETAILS:
        expect(page.locator(f'#{DETAILS[view]} .part').first).to_be_visible()
    assert violations(page) == []
    for media in MEDIA:
        page.emulate_media(**{'color_scheme': 'light', 'forced_colors': 'none', **media})
        assert violations(page, rule='color-contrast') == []


def test_nothing_is_in_the_way_of_a_screen_reader_on_a_narrow_screen(page: Page, webhook: Webhook) -> None:
    post(webhook, {'title': 'read aloud', 'nested': {'a': [1, None, 'text']}})
    open_newest(page, 'read aloud')
    expect(page.locator('#delivery .tree')).to_be_visible()
    assert violations(page) == []
    page.set_viewport_size(NARROW)
    assert violations(page) == []


def test_the_page_asks_no_other_host_and_runs_nothing_but_its_script(webhook: Webhook) -> None:
    answer = requests.get(webhook.url, timeout=PATIENCE_SECONDS)
    assert "default-src 'none'; script-src 'self'" in answer.headers['Content-Security-Policy']
    assert not re.findall(r'https?://|innerHTML|\son\w+=|style=', answer.text)
    for file in (ROOT / 'localxsoar/web/page').glob('*.js'):
        assert 'innerHTML' not in requests.get(f'{webhook.url}/{file.name}', timeout=PATIENCE_SECONDS).text


def test_a_form_of_every_type_shows_no_secret_and_hands_over_what_was_typed(
    open_page: Callable[..., Page], echo: LocalXsoar
) -> None:
    page = open_page(f'{echo.url}/#/instance')
    expect(page.get_by_label('Account', exact=True)).to_have_value('kim')
    assert 'h4sh' not in page.content() + requests.get(f'{echo.url}/localxsoar/instance', timeout=PATIENCE_SECONDS).text
    page.get_by_label('Loud').check()
    page.get_by_label('Color').select_option('blue')
    page.get_by_label('Statuses').select_option(['open', 'closed'])
    page.get_by_role('button', name='Save').click()
    expect(page.locator('#action-status')).to_contain_text('Saved')
    wait_for(lambda: requests.post(echo.webhook_url + '/params', timeout=PATIENCE_SECONDS).ok)
    given = requests.post(echo.webhook_url + '/params', timeout=PATIENCE_SECONDS).json()
    assert (given['loud'], given['color'], given['statuses'], given['secret'], given['account']['password']) == (
        True, 'blue', ['open', 'closed'], 'h4sh-hash', 'h4sh-hush')


# A URL that is written by clicking.


def use(page: Page, key: str, *labels: str) -> None:
    """Say what the value of a key is."""
    page.locator('.naming .leaf', has=page.locator('.key', has_text=re.compile(f'^{re.escape(key)}$'))).click()
    for label in labels:
        page.locator('.offers').get_by_role('button', name=label).click()


# Wait until the page knows a delivery by its text, and has drawn its list once more.
UNTIL_TOLD = '''async (text) => {
    const {deliveries} = await import(document.scripts[0].src.replace('script', 'deliveries'));
    const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
    while (deliveries.all[0].text !== text) await frame();
    deliveries.plan();
    await frame();
    await frame();
}'''


def test_a_row_that_is_pressed_stays_until_it_is_let_go_while_others_come(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'is pressed'})
    expect(newest(page)).to_contain_text('is pressed')
    newest(page).hover()
    page.mouse.down()
    post(webhook, {'name': 'comes meanwhile'})
    page.evaluate(UNTIL_TOLD, 'comes meanwhile')
    page.mouse.up()
    expect(page.locator('#delivery .result')).to_contain_text('is pressed')
    expect(newest(page)).to_contain_text('comes meanwhile')


def choose_words(page: Page) -> None:
    """Say what the values of the newest delivery are, by mouse and keyboard."""
    page.locator('#deliveries .row').first.click()
    page.locator('#name-it').click()
    expect(page.locator('#preview-summary')).to_contain_text('Of the last 3 deliveries of this sender, 3 create incidents.')
    use(page, 'what', 'Name')
    for key in ('ArrowDown', 'Enter', 'Enter', 'Escape', 'ArrowDown'):  # from the button of `what`: `where` is a part of the name
        page.keyboard.press(key)
    for key in ('Enter', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowRight', 'Enter'):  # ends when state = this
        page.keyboard.press(key)
    use(page, 'prio', 'Severity')
    page.get_by_label('critical', exact=True).fill('9')  # the fields open by themselves, as 7 alone means nothing
    page.get_by_label('high', exact=True).fill('7')
    use(page, 'ref')
    place = page.locator('.offers').bounding_box()
    page.locator('.offers').get_by_role('button', name='Key').click()  # a row of chips stands above the tree, which stays
    expect(page.locator('#becomes')).to_contain_text('problem')
    assert page.locator('.offers').bounding_box() == pytest.approx(place, abs=1)
    use(page, 'begun', 'Time', 'Name', 'Name')  # the second takes it back
    page.get_by_label(re.compile('^Prefix')).fill('nightly')


def start_the_preview_again(page: Page, webhook: Webhook) -> None:
    """Start the preview again after another window has ended it."""
    requests.post(f'{webhook.url}/localxsoar/preview', stream=True, timeout=PATIENCE_SECONDS).close()  # as another window does
    expect(page.locator('#preview')).to_contain_text('The preview has ended: Another window has opened a preview.')
    page.locator('#preview-again').click()
    assert page.locator('#preview-again').count() == 0
    expect(page.locator('.becoming tbody tr').nth(2)).to_contain_text('Backup failed severity high')
    assert len(containers(webhook)) == 2


def test_a_url_is_written_by_clicking_and_makes_what_its_preview_shows(page: Page, webhook: Webhook) -> None:
    event = {'evt': {'what': 'Backup failed', 'where': 'db-1, db-2', 'state': 'open'}, 'prio': 7, 'ref': 'J-1',
             'begun': '2026-11-24T09:00:00Z'}
    post(webhook, {**event, 'evt': {'what': 'Backup failed', 'state': 'over'}}, User_Agent='acme/1')
    post(webhook, event, token='wrong', User_Agent='acme/1')
    post(webhook, '\ufeff' + json.dumps(event), User_Agent='acme/1')  # with the byte order mark of some Windows programs
    expect(page.locator('#deliveries .row')).to_have_count(3)
    choose_words(page)
    url = (f'{webhook.webhook_url}?name=evt.what%2Cevt.where&resolved=evt.state%3Dopen&severity=prio%3Acritical%3D9%2Chigh%3D7'
           '&problem=nightly%3Aref&occurred=begun')
    expect(page.locator('#finished-url')).to_have_text(url)
    rows = page.locator('.becoming tbody tr')
    expect(rows.nth(0)).to_contain_text('Backup failed: db-1, db-2 severity info resolved problem url/nightly:J-1, as 2 others')
    expect(rows.nth(1)).to_contain_text('rejected: ')
    expect(rows.nth(2)).to_contain_text('Backup failed severity high problem url/nightly:J-1')
    expect(page.locator('.remark')).to_have_text(['1 of 3 lacks evt.where'])
    expect(page.locator('#becomes')).to_contain_text(re.compile(
        'It would become Backup failed: db-1, db-2 severity info resolved problem url/nightly:J-1 · occurred 2026-11-24'))
    assert violations(page, '#delivery') == []
    page.reload()
    expect(rows.nth(2)).to_contain_text('Backup failed severity high')
    page.locator('#copy-url').click()
    copied = page.evaluate('navigator.clipboard.readText()')
    assert copied == url
    [made] = requests.post(copied, json.dumps(event), headers={'Authorization': TOKEN}, timeout=PATIENCE_SECONDS).json()
    assert (made['name'], made['severity'], made['dbotMirrorId']) == ('Backup failed: db-1, db-2', 0.5, 'url/nightly:J-1')
    start_the_preview_again(page, webhook)
    page.get_by_role('button', name='Remove Ends when').click()
    expect(rows.nth(0)).to_contain_text('Backup failed: db-1, db-2 severity high')
    page.keyboard.press('Escape')
    expect(page.locator('#name-it')).to_be_focused()
    wait_for(lambda: len(containers(webhook)) == 1, 'the second container to end')
    page.keyboard.press('Enter')  # what was chosen is still there
    expect(page.locator('.chip')).to_have_count(5)
    post(webhook, '{"ref": 1}\n{"ref": 2}', User_Agent='acme/1')
    expect(page.locator('#deliveries .row')).to_have_count(5)
    newest(page).click()
    expect(page.locator('#delivery')).to_contain_text('{"ref": 2}')
    assert page.locator('#name-it').is_hidden()  # the lines are no JSON that a tree could show


def test_a_hostile_payload_breaks_neither_the_panel_nor_the_url(page: Page, webhook: Webhook) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = {'d': deep}
    hostile = {'a.b|"\'<img src=x onerror=alert(1)>,': 1, 'dotted.key': {'in.side': "it's"}, 'deep': deep, 'long': 'w' * 900,
               'parts': ['first', 'second'],
               **{f'key{number}': number for number in range(10_000)}}
    webhook.post(hostile, f'?token={TOKEN}&severity=high', {'User-Agent': 'hostile/1'})
    page.locator('#deliveries .row').first.click()
    page.locator('#name-it').click()
    use(page, 'a.b|"\'<img src=x onerror=alert(1)>,')
    expect(page.locator('.offers')).to_contain_text('A URL cannot name this key')
    use(page, 'in.side', 'Name')
    assert page.locator('.offers').get_by_role('button', name='Ends when').count() == 0  # a quote is in the value
    page.locator('.naming .leaf', has_text='first').click()
    expect(page.locator('.offers button')).to_have_text(['Name', 'Time', 'Severity'])  # no key and no end: there are more items
    page.locator('.naming .leaf', has_text='www').press('Enter')  # on a text with a button of its own
    expect(page.locator('.offers button').first).to_be_focused()
    page.locator('.naming .more.item').first.click()
    use(page, 'key199', 'Name')
    url = f'{webhook.webhook_url}?token={TOKEN}&severity=high&name=dotted.key.in.side%2Ckey199'
    masked = url.replace(TOKEN, '••••••')
    expect(page.locator('#finished-url')).to_have_text(masked)
    expect(page.locator('#becomes')).to_contain_text("It would become it's: 199 severity high")
    assert page.locator('.remark').count() == 0  # no event lacks `high`, which is a word for all
    for reached, copied, note in ((True, url, 'Put it into'), (False, masked, 'What is masked was copied masked: put it back')):
        if not reached:
            page.route('**/*secrets=show', lambda route: route.abort())
        page.locator('#copy-url').click()
        expect(page.locator('#url-note')).to_have_text(re.compile(f'^{note}'))
        assert page.evaluate('navigator.clipboard.readText()') == copied
    assert len(containers(webhook)) == 2
    page.goto('about:blank')  # as when the browser is closed
    wait_for(lambda: len(containers(webhook)) == 1, 'the second container to end')


# Random deliveries: what the page says of each, what the store has, and what the integration logged agree.


ROWS = '''async () => {
    const {deliveries} = await import(document.scripts[0].src.replace('script', 'deliveries'));
    const box = document.getElementById('deliveries');
    const found = {};
    for (let top = 0; Object.keys(found).length < deliveries.all.length; top += 320) {
        box.scrollTop = top;
        await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
        for (const row of box.querySelectorAll('.row')) found[row.id.split('-')[1]] = row.querySelector('.became').textContent;
        if (top > 40 * 320) throw new Error('a line is not drawn');
    }
    return found;
}'''


@pytest.mark.parametrize('count', [60, pytest.param(200, marks=pytest.mark.weekly)])
def test_the_page_the_store_and_the_log_agree_on_random_deliveries(
    open_page: Callable[..., Page], webhook: Webhook, count: int
) -> None:
    webhook.control('DELETE', 'deliveries')
    before = len(webhook.sent())
    plan = send_all(webhook, count)
    deliveries = kept(webhook)
    assert len(deliveries) == plan.agents
    # The log counts refusals that are alike and many.
    has_line = {agent for agent, each in deliveries.items() if each['kind'] != 'rejected'}
    said = wait_for(lambda: found if has_line <= (found := logged(webhook)).keys() else None)
    deliveries = kept(webhook)
    names = {incident['id']: incident['sent']['name'] for incident in webhook.control('GET', 'incidents')[before:]}
    page = open_page(f'{webhook.url}/#/deliveries')
    rows = page.evaluate(ROWS)
    for agent, each in deliveries.items():
        row, outcome = rows[str(each['number'])], said.get(agent, '')
        assert agrees(each, *said_in_log(outcome), row, names), (outcome, row, each)
    assert {each['status'] for each in deliveries.values()} >= {200, 401, 502, 503, None}
    assert any(outcome.startswith('skipped') for outcome in said.values())
    created = [number for each in deliveries.values() for number in each['own']]
    assert sorted(created) == sorted(names), 'each incident has one delivery that created it'
