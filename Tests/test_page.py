"""The local XSOAR's page in a real browser: what a person sees within a second of a request, and can do about it."""
from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import socket
import string
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from browser import violations
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from local_xsoar import ROOT, LocalXsoar, needs, wait_for
from playwright.sync_api import Browser, Page, expect
from webhook import TOKEN, Webhook

from localxsoar.senders import load_sender

SENDERS = ('--senders', str(ROOT / 'senders'))
VIEWS = ('deliveries', 'incidents', 'try', 'commands', 'instance', 'log')
SOON = 1000  # milliseconds within which a request is seen


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook(*SENDERS) as running:
        yield running


@pytest.fixture
def page(open_page: Callable[..., Page], webhook: Webhook) -> Page:
    return open_page(webhook.url)


def post(webhook: Webhook, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
    data = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return requests.post(webhook.webhook_url, data.encode(), headers={'Authorization': token, **named}, timeout=30)


def newest(page: Page) -> Any:
    return page.locator('#deliveries .row').first


def open_what_became(page: Page, webhook: Webhook) -> None:
    """Opens the newest delivery once it has ended."""
    found = wait_for(lambda: next((each for each in webhook.control('GET', 'deliveries')[:1] if each['kind'] != 'waiting'), None))
    page.goto(f"{webhook.url}/#/deliveries/{found['number']}")
    expect(page.locator('#copy-curl')).to_be_visible()


def open_newest(page: Page, text: str) -> None:
    expect(newest(page)).to_contain_text(text)
    newest(page).click()
    expect(page.locator('#delivery .result')).to_contain_text(text)


def test_a_newcomer_sees_what_to_send(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS, '--curl-header', 'Authorization: {auth_header}', token='newcomer-token') as webhook:
        webhook.token = ''  # the command to try is printed with it
        page = open_page(webhook.url)
        expect(page.locator('#empty h2')).to_have_text('Nothing has arrived yet')
        expect(page.locator('#empty pre')).to_contain_text(f'curl -POST {webhook.webhook_url}')
        page.route('**/localxsoar/curl*', lambda route: route.fulfill(status=403, json={'error': 'only here'}))
        page.get_by_role('button', name='Copy', exact=True).last.click()
        expect(page.locator('#empty .wrong')).to_have_text('only here')
        assert 'newcomer-token' not in page.content()
        page.locator('#empty .acts button').first.click()
        expect(page.locator('#delivery .result')).to_be_visible()


def test_a_delivery_and_its_incident_are_seen_within_a_second(page: Page, webhook: Webhook) -> None:
    number = post(webhook, {'name': 'seen at once'}).json()[0]['id']
    expect(newest(page)).to_contain_text(f'→ incident {number} seen at once', timeout=SOON)
    page.get_by_role('link', name='Incidents').click()
    expect(page.locator('#incidents .row').first).to_contain_text('seen at once', timeout=SOON)


def test_an_incident_shows_its_severity_its_state_and_its_problem(page: Page, webhook: Webhook) -> None:
    alert = {'message': 'Disk full', 'alertId': '4711', 'priority': 'P1'}
    number = post(webhook, {'action': 'Close', 'alert': alert}).json()[0]['id']
    page.goto(f'{webhook.url}/#/incidents/{number}')
    row = re.compile(f'^{number} info resolved Close: Disk full')
    expect(page.locator('#incidents .row').first).to_have_text(row, timeout=SOON)
    expect(page.locator('#incident .triage')).to_have_text('severity infostate resolvedproblem opsgenie:4711')
    post(webhook, {'title': 'Disk full', 'severity': 'critical'})
    expect(page.locator('#incidents .row .severity.critical').first).to_have_text('critical', timeout=SOON)
    requests.post(f'{webhook.url}/incident', json={'id': number, 'severity': 4, 'owner': 'alice'}, timeout=30)
    expect(page.locator('#incident .triage')).to_contain_text('owner alice', timeout=SOON)


def test_incidents_sort_by_severity_and_a_new_one_takes_its_place(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        for severity in ('low', 'critical', 'medium'):
            post(webhook, {'title': f'is {severity}', 'severity': severity})
        page = open_page(f'{webhook.url}/#/incidents')
        rows = page.locator('#incidents .row .became')
        expect(rows).to_have_text(['is medium', 'is critical', 'is low'])
        page.get_by_label('Sort by').select_option('severity')
        expect(rows).to_have_text(['is critical', 'is medium', 'is low'])
        post(webhook, {'title': 'is high', 'severity': 'high'})
        expect(rows).to_have_text(['is critical', 'is high', 'is medium', 'is low'], timeout=SOON)
        requests.post(f'{webhook.url}/incident', json={'id': '1', 'severity': 4}, timeout=30)
        expect(rows).to_have_text(['is low', 'is critical', 'is high', 'is medium'], timeout=SOON)
        page.get_by_label('Sort by').select_option('newest first')
        expect(rows).to_have_text(['is high', 'is medium', 'is critical', 'is low'])


def test_an_incident_whose_problem_has_ended_says_so_and_comes_after_those_that_are_open(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        page = open_page(f'{webhook.url}/#/incidents')
        alert = {'message': 'Disk full', 'alertId': '1', 'priority': 'P1'}
        post(webhook, {'action': 'Create', 'alert': alert})
        post(webhook, {'title': 'is low', 'severity': 'low'}, User_Agent='finder/1')
        page.get_by_label('Sort by').select_option('severity')
        rows, states = page.locator('#incidents .row .became'), page.locator('#incidents .row .state-word')
        expect(rows).to_have_text(['Create: Disk full', 'is low'])
        post(webhook, {'action': 'Close', 'alert': alert})
        expect(rows).to_have_text(['is low', 'Create: Disk full', 'Close: Disk full'], timeout=SOON)
        expect(states).to_have_text(['pending', 'ended', 'resolved'])
        page.get_by_role('button', name='open only').click()
        expect(rows).to_have_text(['is low'])
        post(webhook, {'action': 'Create', 'alert': alert})  # it begins again
        expect(rows).to_have_text(['Create: Disk full', 'is low'], timeout=SOON)
        page.get_by_role('button', name='open only').click()
        page.get_by_label('Search').fill('finder')  # the sender
        expect(rows).to_have_text(['is low'])
        post(webhook, {'title': 'is low, too', 'severity': 'low'}, User_Agent='finder/1')
        expect(rows).to_have_count(2, timeout=SOON)


def test_every_incident_of_a_delivery_and_the_delivery_are_linked(page: Page, webhook: Webhook) -> None:
    text = 'x' * 2000  # so that the response is longer than what is kept of it
    sent = [{'name': f'one of many {number}', 'raw_json': {'text': text}} for number in range(900)]
    last = post(webhook, sent, Idempotency_Key='many').json()[-1]['id']
    open_newest(page, 'one of many 0')
    delivery = page.url
    page.get_by_role('button', name='Incidents 900').click()
    page.get_by_role('button', name='show 800 more').click()
    page.locator('#delivery .several').get_by_role('link', name=last, exact=True).click()
    expect(page.locator('#incident h2')).to_have_text('one of many 899')
    post(webhook, sent, Idempotency_Key='many')
    expect(page.locator('#incident .links p')).to_have_count(2, timeout=5 * SOON)
    expect(page.locator('#incident .links p').nth(1)).to_contain_text('Repeated by')
    page.locator('#incident .links').get_by_role('link').first.click()
    page.wait_for_url(delivery)


def test_an_incident_shows_its_fields_its_labels_and_the_others_of_its_problem(page: Page, webhook: Webhook) -> None:
    alert = {'message': 'Queue long', 'alertId': '4712', 'priority': 'P2'}
    first, second = (post(webhook, {'action': action, 'alert': alert, 'leak': TOKEN}).json()[0]['id']
                     for action in ('Create', 'Close'))
    page.goto(f'{webhook.url}/#/incidents/{second}')
    incident = page.locator('#incident')
    expect(incident.locator('tr', has_text='state')).to_contain_text('resolved')
    expect(incident.locator('tr', has_text='dbotMirrorId')).to_contain_text('opsgenie:4712')
    expect(incident.locator('.tree')).to_contain_text('leak: ••••••')
    incident.get_by_role('link', name=f'incident {first} (high, ended)').click()
    expect(incident.locator('.severity')).to_have_text('high')
    expect(incident.locator('.links')).to_contain_text(f'incident {second} (info, resolved)')


def test_a_rejection_is_a_checklist_and_is_repaired_with_one_press(page: Page, webhook: Webhook) -> None:
    headers = {'X-Hub-Signature-256': f'sha256={"0" * 64}', 'X-GitHub-Event': 'ping', 'X-GitHub-Delivery': '1',
               'User-Agent': 'GitHub-Hookshot/1', 'X-GitHub-Hook-ID': '1', 'X-GitHub-Hook-Installation-Target-ID': '1',
               'X-GitHub-Hook-Installation-Target-Type': 'repository'}
    said = requests.post(webhook.webhook_url, '{"action": "opened"}', headers=headers, timeout=30).json()['detail']
    open_newest(page, said[:30])
    checks = page.locator('#delivery .checks li')
    expect(checks.filter(has_text='Looked for')).to_contain_text('The header X-Hub-Signature-256 is there: sha256=••••••')
    expect(checks.filter(has_text='Algorithm')).to_contain_text('HMAC-SHA-256 of the body')
    expect(checks.filter(has_text='✗')).to_contain_text('It does not match the body and the token')
    assert not any(each in said for each in ('GitHub', 'X-Hub', 'HMAC-SHA-256 of'))
    for scheme in ('light', 'dark'):
        page.emulate_media(color_scheme=scheme)
        assert violations(page) == []
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
    requests.post(url, 'name=A+form&note=%E2%82%AC', timeout=30, headers={
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
    assert violations(page) == []


def test_a_path_is_previewed_across_the_incidents_of_its_sender_and_copied(page: Page, webhook: Webhook) -> None:
    page.context.grant_permissions(['clipboard-read', 'clipboard-write'])
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
    assert violations(page) == []
    preview.get_by_role('button', name='Close').click()
    expect(preview).to_have_count(0)


def test_deliveries_are_filtered_by_what_they_became_and_by_sender_with_counts(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        for number in range(2):
            post(webhook, {'name': f'created {number}'}, User_Agent='one/1')
        post(webhook, {'name': 'twice'}, Idempotency_Key='a')
        post(webhook, {'name': 'twice'}, Idempotency_Key='a')
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
        expect(page.locator('#kinds button:visible')).to_have_text(['created 3', 'rejected 2', 'repeat 0'], timeout=SOON)
        expect(page.locator('#shown-deliveries')).to_have_text('2 of 7')
        expect(rows).to_have_count(2)


def test_a_search_finds_words_in_headers_and_bodies_but_no_secret(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'without it'})
    requests.post(webhook.webhook_url, gzip.compress(json.dumps({'name': 'plain', 'deep': {'key': 'Needle-In-Body'}}).encode()),
                  headers={'Authorization': TOKEN, 'X-Find': 'needle-in-header', 'Content-Encoding': 'gzip'}, timeout=30)
    expect(newest(page)).to_contain_text('plain')
    rows = page.locator('#deliveries .row')
    for words in ('needle-in-body', 'Needle-in-HEADER plain', 'x-find deep'):
        page.get_by_label('Search').fill(words)
        expect(rows).to_have_count(1)
        expect(page.locator('#shown-deliveries')).to_have_text(re.compile(r'^1 of \d+$'))
    post(webhook, {'name': 'later', 'a': 'x-find deep'})
    expect(rows).to_have_count(2)
    page.get_by_label('Search').fill(TOKEN)
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
    expect(newest(page)).to_contain_text('401', timeout=SOON)
    expect(newest(page)).to_contain_text('is not the token')
    requests.post(f'{webhook.url}/instance/execute/webhok', timeout=30)
    expect(newest(page)).to_contain_text("There is no instance 'webhok'", timeout=SOON)


@pytest.mark.parametrize('query, headers, sender, reason', [
    ('', {'User-Agent': 'x'}, 'x', 'The request shows no token'), ('', {'User-Agent': ''}, '—', 'The request shows no token'),
    ('?token=wrong', {}, 'python-requests', 'The value of a query parameter is not the token')])
def test_a_rejected_delivery_names_its_sender_and_reason_truly(
    page: Page, webhook: Webhook, query: str, headers: dict[str, str], sender: str, reason: str
) -> None:
    body = {'action': 'opened'} if sender == 'x' else {'name': 'a', 'raw_json': {'some_field': 'some_value'}}
    requests.post(f'{webhook.webhook_url}{query}', json=body, headers=headers, timeout=30)
    expect(newest(page).locator('.sender')).to_have_text(sender)
    expect(newest(page)).to_contain_text(reason)


def test_a_pause_counts_deliveries_and_does_not_say_that_nothing_has_arrived(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        page = open_page(webhook.url)
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
    held: list[Any] = []
    page.route(re.compile(r'/send(\?|$)'), lambda route: held.append(route))
    send = page.get_by_role('button', name=re.compile('^Send GitHub: push'))
    send.click()
    expect(send).to_have_text('Sending…')
    expect(send).to_be_disabled()
    held[0].continue_()
    expect(page.locator('#delivery .result')).to_be_visible()
    page.get_by_role('button', name='Edit…').click()
    page.get_by_role('button', name='Send', exact=True).click()
    page.locator('#edit-headers').press('Control+Home')
    expect(page.locator('#edit-send')).to_be_disabled()
    page.locator('#edit-send').evaluate('button => button.form.requestSubmit()')
    assert len(held) == 2
    held[1].continue_()
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
    expect(page.locator('#delivery .result')).to_contain_text('again')
    page.get_by_role('button', name='Edit…').click()
    page.get_by_role('textbox', name='Body').fill('{"name": "edited"}')
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery .result')).to_contain_text('edited')
    assert webhook.names()[-3:] == ['again', 'again', 'edited']


def test_what_was_rejected_is_rejected_again_as_it_came_and_accepted_with_a_valid_proof(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS, '--curl-header', 'Authorization: {auth_header}') as webhook:
        webhook.token = ''  # the command to try is printed with it
        page = open_page(webhook.url)
        post(webhook, {'name': 'mistyped'}, token='a-wrong-token', User_Agent='unheard-of')
        open_newest(page, 'is not the token')
        original = page.url
        for name, status in (('Send again as it came', '401 Unauthorized'), ('Repair and send', '200 OK')):
            page.goto(original)
            page.get_by_role('button', name=name).click()
            page.wait_for_url(lambda url: url != original)
            expect(page.locator('#delivery header b')).to_have_text(status)
            link = page.locator('#delivery .links').get_by_role('link', name='delivery 1')
            assert link.evaluate('link => link.href') == original
        first, again = (webhook.control('GET', f'deliveries/{number}?secrets=show')['request'] for number in (1, 2))
        assert (first['headers'], first['body']) == (again['headers'], again['body'])
        assert webhook.names() == ['mistyped']


def test_both_ways_to_send_again_wait_while_one_of_them_does(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'slow'})
    open_newest(page, 'slow')
    before = page.url
    held: list[Any] = []
    page.route(re.compile(r'/send(\?|$)'), lambda route: held.append(route))
    page.get_by_role('button', name='Send again as it came').click()
    for name in ('Sending…', 'With a valid proof'):
        expect(page.get_by_role('button', name=name)).to_be_disabled()
    page.keyboard.press('r')
    page.get_by_role('button', name='Response', exact=True).click()
    expect(page.get_by_role('button', name='Sending…')).to_be_disabled()
    assert len(held) == 1
    held[0].continue_()
    page.wait_for_url(lambda url: url != before)
    expect(page.get_by_role('button', name='Send again as it came')).to_be_enabled()


@pytest.mark.parametrize('path, status', [('', 401), ('-elsewhere', 404)], ids=['without a token', 'to another instance'])
def test_a_body_that_arrives_after_the_response_is_kept_whole(webhook: Webhook, path: str, status: int) -> None:
    body, url = b'{"name": "late"}', urlsplit(webhook.webhook_url)
    head = f'POST {url.path}{path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n'
    with socket.create_connection((url.hostname, url.port or 0), timeout=30) as sender:
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
    with socket.create_connection((url.hostname, url.port or 0), timeout=30) as sender:
        sender.sendall(f'POST {url.path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{{'.encode())
        assert sender.recv(65536).startswith(b'HTTP/1.1 401 ')
    open_what_became(page, webhook)
    expect(page.get_by_role('button', name='Send again as it came')).to_be_disabled()
    expect(page.locator('#delivery .reason')).to_contain_text('of the body have arrived.')


def test_a_signed_delivery_that_is_edited_is_signed_anew(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/try')
    page.get_by_role('button', name=re.compile('^Send GitHub: ')).first.click()
    page.get_by_role('button', name='Edit…').click()
    page.get_by_role('textbox', name='Body').fill('{"zen": "Keep it logically awesome.", "name": "signed anew"}')
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery header b')).to_have_text('200 OK')
    expect(page.locator('#deliveries [aria-selected=true]')).to_contain_text('GitHub')


def test_the_tree_opens_and_markup_stays_text(page: Page, webhook: Webhook) -> None:
    markup = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
    post(webhook, {'name': markup, markup: {'a': {'b': {'c': ['deep', markup]}}}}, User_Agent=markup)
    open_newest(page, '<img src=x')
    page.get_by_role('button', name='Incident', exact=False).last.click()
    tree = page.locator('#delivery .tree')
    expect(tree.get_by_text('deep')).to_have_count(0)
    for key in ('b', 'c'):
        tree.locator('summary', has_text=re.compile(f'^{key}: ')).click()
    expect(tree.get_by_text('deep')).to_be_visible()
    assert page.locator('main img, main script').count() == 0 and page.title() != '1'


NUMBERS = '{"name": "exact", "big": 12345678901234567890, "huge": 1e400, "one": 1.0, "b": {"z": -0.0, "10": 1, "9": 2, "9": 3}}'


def test_a_body_of_many_entries_and_a_long_text_are_drawn_piece_by_piece(page: Page, webhook: Webhook) -> None:
    text = '\U0001f4a5' + 'x' * 99_998 + '\U0001f4a5' * 10
    body = json.dumps({'name': 'pieces', 'text': text, **{f'key{number}': {'a': number, 'b': [number]} for number in range(700)}},
                      ensure_ascii=False)
    post(webhook, body)
    open_newest(page, 'pieces')
    tree = page.locator('#delivery .tree')
    for shown, label in ((200, 'show 200 of 502 more'), (400, 'show 200 of 302 more'), (600, 'show 102 more')):
        expect(tree.locator(':scope > details, :scope > .leaf')).to_have_count(shown)
        tree.get_by_role('button', name=label).press('Enter')
    expect(tree.locator(':scope > details, :scope > .leaf')).to_have_count(702)
    assert page.evaluate('document.activeElement.title') == 'key598'
    page.locator('#as-text').click()
    expect(page.locator('#delivery pre')).not_to_contain_text('key699')
    page.get_by_role('button', name='show more').click()
    expect(page.locator('#delivery pre')).to_contain_text('"key699"')
    assert page.locator('#delivery pre').inner_text() == body


def test_a_long_key_is_cut_in_the_names_of_its_values(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'long key', 'k' * 500_000: dict.fromkeys(map(str, range(40)), 1)})
    open_newest(page, 'long key')
    lengths = page.locator('#delivery [title], #delivery [aria-label]').evaluate_all(
        'all => all.map((each) => each.title.length + (each.ariaLabel || "").length)')
    assert max(lengths) < 3000


def test_numbers_and_the_order_of_names_are_shown_as_the_body_has_them(page: Page, webhook: Webhook) -> None:
    post(webhook, NUMBERS)
    open_newest(page, 'exact')
    tree = page.locator('#delivery .tree')
    assert [text.removesuffix('Copy') for text in tree.locator('.leaf').all_text_contents()] == [
        'name: exact', 'big: 12345678901234567890', 'huge: 1e400', 'one: 1.0', 'z: -0.0', '10: 1', '9: 2', '9: 3']


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
    number = page.url.rpartition('/')[2]
    assert webhook.control('GET', f'deliveries/{number}')['request']['body'] == NUMBERS.replace('exact', 'as exact')


ECHO = ROOT / 'Tests' / 'localxsoar' / 'packs' / 'Echo'


def test_a_character_that_sets_the_direction_of_others_is_shown_by_its_name(open_page: Callable[..., Page]) -> None:
    body = [{'name': 'report \u202egnp.exe', 'x\u2066': 'a\x1b[0m\u200b\xad\u3164\U000e0041', 'line': 'one\ntwo'}]
    with LocalXsoar(pack=ECHO) as xsoar:
        page = open_page(xsoar.url)
        requests.post(xsoar.webhook_url, json=body, headers={'User-Agent': 'un\x85known'}, timeout=30)
        expect(newest(page)).to_contain_text('report ⟨U+202E⟩gnp.exe')
        expect(newest(page).locator('.became')).to_have_attribute('title', 'report ⟨U+202E⟩gnp.exe')
        expect(newest(page)).to_contain_text('un⟨U+0085⟩known')
        newest(page).click()
        tree = page.locator('#delivery .tree')
        expect(tree).to_contain_text('x⟨U+2066⟩: a␛[0m⟨U+200B⟩⟨U+00AD⟩⟨U+3164⟩⟨U+E0041⟩')
        page.get_by_role('button', name='Incident 1', exact=True).click()
        expect(page.locator('#delivery h2', has_text='report ⟨U+202E⟩gnp.exe')).to_be_visible()
        assert not re.search('[\u202e\u2066\x1b\x85]', page.locator('body').inner_html())


def test_a_key_stays_before_its_value_whatever_their_script(page: Page, webhook: Webhook) -> None:
    post(webhook, '{"name": "directions", "\u05d0\u05d1\u05d2": "\u05d3\u05d4\u05d5", "": "of no name"}')
    open_newest(page, 'directions')
    expect(page.locator('#delivery .tree')).to_contain_text('"": of no name')
    for name, places in (('Tree', '.leaf:nth-child(2) bdi'), ('Text', 'pre bdi')):
        page.get_by_role('button', name=name, exact=True).click()
        key, value = (page.locator(f'#delivery {places}').nth(at).bounding_box() for at in (0, 1))
        assert key and value and key['x'] + key['width'] <= value['x']


def test_a_secret_is_masked_until_a_button_is_pressed(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        webhook.token = ''  # the samples keep a payload as it was sent, with what it leaks
        page = open_page(webhook.url)
        post(webhook, {'title': f'leaks {TOKEN}', 'list': [TOKEN]})
        newest(page).click()
        headers = page.locator('#delivery .headers')
        expect(headers).to_contain_text('••••••')
        assert TOKEN not in page.content()
        assert TOKEN not in requests.get(f'{webhook.url}/localxsoar/deliveries', timeout=30).text
        page.get_by_role('button', name='Show secrets').click()
        expect(headers).to_contain_text(TOKEN)
        page.get_by_role('button', name='Hide secrets').click()
        expect(headers).not_to_contain_text(TOKEN)


def test_a_copied_curl_makes_the_same_request(page: Page, webhook: Webhook) -> None:
    page.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    post(webhook, {'name': "it's copied"})
    open_newest(page, "it's copied")
    command = copied(page)
    assert command.startswith(f"curl -X POST '{webhook.webhook_url}'") and f'Authorization: {TOKEN}' in command
    assert "it'\\''s copied" in command


def test_a_copied_curl_takes_neither_a_body_for_a_file_nor_a_url_for_a_pattern(page: Page, webhook: Webhook) -> None:
    needs('curl')
    page.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    body = f"@{ROOT / 'LICENSE'}"
    requests.post(f'{webhook.webhook_url}?a[]={{b,c}}', body, headers={'Authorization': TOKEN, 'X-Empty': ''}, timeout=30)
    open_newest(page, body)
    command = copied(page)
    assert subprocess.run(['bash', '-c', command], capture_output=True, timeout=30, check=False).returncode == 0
    again, first = (requests.get(f"{webhook.url}/localxsoar/deliveries/{each['number']}", timeout=30).json()
                    for each in requests.get(f'{webhook.url}/localxsoar/deliveries', timeout=30).json()[:2])
    names = [{header['name'].lower() for header in each['request']['headers']} - {'connection', 'accept-encoding'}
             for each in (again, first)]
    assert (again['target'], again['request']['body'], names[0]) == (first['target'], body, names[1])


def test_a_body_too_large_for_a_command_is_downloaded_and_sent_whole(page: Page, webhook: Webhook, tmp_path: Path) -> None:
    needs('curl')
    page.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    body = json.dumps({'name': 'large', 'text': 'x\r\n' * 1_200_000})
    post(webhook, body)
    open_newest(page, 'large')
    command = copied(page)
    expect(page.locator('#delivery .reason', has_text='The curl command reads the body from the file')).to_be_visible()
    expect(page.locator('#delivery .reason', has_text='The body is too long for a recipe.')).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role('link', name='Download').click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    subprocess.run(['bash', '-c', command], cwd=tmp_path, capture_output=True, timeout=60, check=True)
    sent = wait_for(lambda: next((each for each in webhook.control('GET', 'deliveries')[:1] if each['kind'] != 'waiting'), None))
    number = sent['number']
    assert requests.get(f'{webhook.url}/localxsoar/deliveries/{number}/request.body', timeout=30).content == body.encode()


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
    with browser.new_context() as context:
        context.route_from_har(archive, not_found='fallback')
        reader = context.new_page()
        reader.goto(webhook.url)
        count = len(webhook.control('GET', 'deliveries'))
        send = '([url, body]) => fetch(url, {method: "POST", body}).then((response) => response.text())'
        assert reader.evaluate(send, [webhook.webhook_url, entry['request']['postData']['text']]) == response
        assert len(webhook.control('GET', 'deliveries')) == count


def test_what_is_not_text_cannot_be_saved_as_a_recipe_and_the_page_says_why(page: Page, webhook: Webhook) -> None:
    requests.post(webhook.webhook_url, b'\xff\x00', headers={'Authorization': TOKEN}, timeout=30)
    open_what_became(page, webhook)
    expect(page.locator('#save-recipe')).to_be_disabled()
    expect(page.locator('#delivery .reason', has_text='The body is not text, so it cannot become a recipe.')).to_be_visible()
    expect(page.get_by_role('link', name='Export', exact=True)).to_be_visible()


def test_all_deliveries_are_exported_and_cleared_after_a_second_press(page: Page, webhook: Webhook, tmp_path: Path) -> None:
    webhook.control('DELETE', 'deliveries')
    for name in ('first', 'last'):
        post(webhook, {'name': f'cleared {name}'})
    expect(newest(page)).to_contain_text('cleared last')
    incidents = page.locator('#count-incidents').text_content() or ''
    entries = json.loads(download(page, 'Export all', tmp_path).read_text('utf-8'))['log']['entries']
    assert [each['_text'] for each in entries] == ['cleared first', 'cleared last']
    clear = page.locator('#clear')
    clear.dblclick()
    expect(clear).to_have_text('Delete 2 deliveries? Incidents stay')
    assert violations(page) == []
    page.keyboard.press('Escape')
    expect(clear).to_have_text('Clear')
    expect(newest(page)).to_contain_text('cleared last')
    clear.press('Enter')
    clear.press('Enter')
    expect(page.locator('#empty')).to_contain_text('No deliveries are kept')
    expect(page.locator('#deliveries')).to_be_focused()
    expect(page.locator('#count-incidents')).to_have_text(incidents)
    assert webhook.control('GET', 'deliveries') == []


def test_three_bodies_of_24_mb_leave_the_history_and_an_open_page_is_reported(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        page = open_page(webhook.url)
        post(webhook, {'name': 'small'})
        for number in range(3):
            post(webhook, 'x' * 24_000_000, Content_Type='text/plain')
            if number == 0:
                open_what_became(page, webhook)
                expect(page.get_by_role('button', name='Send again as it came')).to_be_enabled()
        expect(page.locator('#deliveries .row')).to_have_count(4)
        expect(page.locator('#delivery .reason').first).to_have_text('The body was removed to make room for others.')
        expect(page.get_by_role('button', name='Send again as it came')).to_be_disabled()
        expect(page.locator('#copy-curl')).to_be_disabled()
        assert [bool(each['missing']) for each in webhook.control('GET', 'deliveries')] == [False, False, True, False]


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
    number = page.url.rpartition('/')[2]
    kept = requests.get(f'{webhook.url}/localxsoar/deliveries/{number}/request.body', timeout=30).content
    assert kept == (edited or body).encode()
    assert not edited or webhook.names()[-1] == 'a new form'


# What is copied, in a real shell.

SHELLS = [shell for shell in map(shutil.which, ('bash', 'sh')) if shell]
FAKE_CURL = """#!%s -IS
import json, os, pathlib, sys
words = [os.fsencode(word).decode('latin-1') for word in sys.argv[1:]]
data = sys.stdin.buffer.read() if '@-' in words else b''
with pathlib.Path(sys.argv[0]).with_name('asked').open('a') as asked:
    asked.write(json.dumps([words, data.decode('latin-1')]) + '\\n')
"""
CURL_COMMAND = "async (item) => (await import('/curl.js')).curlCommand(item)"
TOKEN_CHARACTERS = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
PRINTABLE = ''.join(map(chr, range(0x21, 0x7f)))
HOSTILE = [
    "'", '"', '`touch pwned`', '`touch$IFS+pwned`', '$(touch pwned)', ';touch pwned;', "';touch pwned;'", '\n touch pwned\n',
    '!!', '!:', '-o', '--config', '@/etc/hostname', '%s%n', '\\', "\\'", '\\\n', '\t', '\r', '\x03\ntouch pwned\n', '\x04',
    '\x7f', '\x1b[201~\ntouch pwned\n', '\x85', 'é', 'ÿ', '•', '💥', '\u2028', '$', '${IFS}', '&', '|', '>pwned', '<', '#', '*',
    '~', '{a,b}', '[1-9]', ' ']


class Clean:
    """A folder to run pasted commands in: the only programs are a curl that writes down what it was asked, base64 and touch."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.place = folder / 'programs', folder / 'place'
        self.programs.mkdir()
        curl = self.programs / 'curl'
        curl.write_text(FAKE_CURL % sys.executable)
        curl.chmod(0o755)
        for name in ('base64', 'touch'):
            (self.programs / name).symlink_to(str(shutil.which(name)))
        self.environment = {'PATH': str(self.programs), 'HISTFILE': '/dev/null', 'TERM': 'dumb', 'PS1': '> '}

    def clear(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        (self.programs / 'asked').unlink(missing_ok=True)

    def run(self, shell: str, command: str) -> tuple[list[str], bytes]:
        """What curl was asked, and its standard input; nothing else may have happened."""
        self.clear()
        done = subprocess.run([shell, '-c', command], cwd=self.place, env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=30, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b'', b'')
        return self.asked()

    def asked(self) -> tuple[list[str], bytes]:
        [(words, data)] = map(json.loads, (self.programs / 'asked').read_text().splitlines())
        assert list(self.place.iterdir()) == []
        return words, data.encode('latin-1')


def delivery_of(method: str, target: str, headers: Sequence[tuple[str, str]], body: str) -> dict[str, Any]:
    """A delivery in the form in which the page has it."""
    named = [{'name': name, 'value': value} for name, value in headers]
    request = {'headers': named, 'body': body, 'base64': '', 'size': len(body.encode())}
    return {'method': method, 'target': target, 'request': request}


def read_request(words: Sequence[str], data: bytes) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """The method, target, headers and body that curl sends for these arguments, as its manual reads them."""
    options: dict[str, list[str]] = {}
    left, urls = list(words), []
    while left:
        word = left.pop(0)
        if word in ('-X', '-H', '--data-raw', '--data-binary', '--request-target'):
            options.setdefault(word, []).append(left.pop(0))
        else:
            assert word == '-g' or not word.startswith('-')
            urls += [word] if word != '-g' else []
    [url], [method] = urls, options['-X']
    assert re.fullmatch(r'http://127\.0\.0\.1:\d+/[^#\\]*', url) and (not re.search(r'[][{}]', url) or '-g' in words)
    assert not re.search(r'/\.|%2e', url.partition('?')[0], re.IGNORECASE), 'curl takes a dot out of the path'
    [target] = options.get('--request-target', [url[url.index('/', 7):]])
    headers = []
    for text in options.get('-H', []):
        assert re.match(r'[^@:;]+[:;]', text)
        headers += [(text[:-1], '')] if ':' not in text and text.endswith(';') else [
            (name, value) for name, _, value in [text.partition(': ')] if text not in ('Content-Type:', 'User-Agent:', 'Accept:')]
    assert options.get('--data-binary', ['@-']) == ['@-']
    [text] = options.get('--data-raw', [''])
    return method, target, headers, data or text.encode('latin-1')


def copied(page: Page) -> str:
    page.get_by_role('button', name='Copy as curl').click()
    expect(page.locator('#copy-curl')).to_have_text('Copied')
    command: str = page.evaluate('navigator.clipboard.readText()')
    return command


@pytest.fixture(scope='module')
def resting_page(browser: Browser, webhook: Webhook) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(webhook.url)
    yield page
    context.close()


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    return Clean(tmp_path)


def hostile(alphabet: str, most: int = 6) -> st.SearchStrategy[str]:
    pieces = [piece for piece in HOSTILE if set(piece) <= set(alphabet)]
    return st.lists(st.one_of(st.sampled_from(pieces), st.sampled_from(alphabet)), max_size=most).map(''.join)


LATIN = ''.join(chr(code) for code in range(1, 256) if chr(code) not in '\r\n\v\f')
METHODS = st.one_of(st.just('POST'), hostile(TOKEN_CHARACTERS).filter(bool))
TARGETS = st.one_of(hostile(PRINTABLE).map('/'.__add__), hostile(PRINTABLE).filter(bool))
NAMES = hostile(TOKEN_CHARACTERS).map(lambda name: f'{name}-x')
HEADERS = st.lists(st.tuples(NAMES, hostile(LATIN).map(lambda value: value.strip(' \t\x1c\x1d\x1e\x1f\x85\xa0'))), max_size=3)
BODIES = st.lists(st.one_of(st.sampled_from(HOSTILE), st.characters(exclude_categories=['Cs'])), max_size=8).map(''.join)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(METHODS, TARGETS, HEADERS, BODIES)
@example('`touch$IFS+pwned`', '/', [], '')
@example('-o', "/a'b", [('-H', '@/etc/passwd')], '@/etc/passwd')
@example('POST', '@elsewhere.example/', [('A', '')], '\x03\ntouch pwned\n')
@example('POST', '/a/../b/%2e./c?d={e}#f', [('A', '\x1b[201~`touch pwned`!!')], "it's\n!:\n")
@example('POST', '/', [('A', 'caf\xc3\xa9 \xff%s\\n')], 'x' * 40_000)
def test_a_copied_command_runs_nothing_but_curl_with_the_same_request_in_a_real_shell(
    resting_page: Page, clean: Clean, method: str, target: str, headers: list[tuple[str, str]], body: str
) -> None:
    command = resting_page.evaluate(CURL_COMMAND, delivery_of(method, target, headers, body))
    for shell in SHELLS:
        assert read_request(*clean.run(shell, command)) == (method, target, headers, body.encode())


def test_a_request_without_a_body_in_its_response_is_copied_as_such(resting_page: Page) -> None:
    command = resting_page.evaluate(CURL_COMMAND, delivery_of('HEAD', '/', [], ''))
    assert command.startswith('curl --head ')


@pytest.mark.parametrize('method, headers, body', [
    ('`touch$IFS+pwned`', b'', b''), ('$', b'X-Hostile: $(touch pwned)\r\n', b''),
    ('POST', b"X-Hostile: ';touch pwned;'\r\n", b"';touch pwned;'"),
    ('POST', b'X-Hostile: \x1b[201~ caf\xc3\xa9 \xff!!\r\n', b'\x03\ntouch pwned\n'), ('POST', b'', b'\xff\x00\n`touch pwned`'),
    ('POST', b'Content-Encoding: gzip\r\n', gzip.compress(b'`touch pwned`')),
], ids=['method', 'header', 'quotes', 'keys of a terminal', 'no text', 'gzip'])
def test_what_an_unauthenticated_sender_sends_is_copied_as_a_command_that_sends_it_and_runs_nothing(
    page: Page, webhook: Webhook, clean: Clean, method: str, headers: bytes, body: bytes
) -> None:
    page.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    url = urlsplit(webhook.webhook_url)
    head = (f'{method} {url.path} HTTP/1.1\r\nHost: h\r\nAuthorization: {TOKEN}\r\nContent-Length: {len(body)}\r\n'
            'Connection: close\r\n').encode()
    with socket.create_connection((url.hostname, url.port or 0), timeout=30) as sender:
        sender.sendall(head + headers + b'\r\n' + body)
        while sender.recv(65536):
            pass
    open_what_became(page, webhook)
    command = copied(page)
    named = [(name, value) for line in headers.decode('latin-1').splitlines() for name, _, value in [line.partition(': ')]]
    for shell in SHELLS:
        assert read_request(*clean.run(shell, command)) == (method, url.path, [('Authorization', TOKEN), *named], body)


@pytest.mark.parametrize('shell', SHELLS)
def test_a_copied_command_is_safe_to_paste_into_a_terminal(resting_page: Page, clean: Clean, shell: str) -> None:
    # Longer than what a terminal takes as one line from a shell without line editing.
    body = "\x03\x04\ntouch pwned\n\x1b[201~'\t\n!:\n\x15`touch pwned`\n" + 'x' * 40_000
    request = ('!!', "/'", [('!:', "!:\x03'\x1b\x7f")], body)
    command = resting_page.evaluate(CURL_COMMAND, delivery_of(*request))
    clean.clear()
    typed = f": '; touch pwned #'\n{command}\nexit\n"
    terminal = [sys.executable, '-c', 'import pty, sys; pty.spawn(sys.argv[1:])', shell, '-i']
    subprocess.run(terminal, input=typed.encode(), cwd=clean.place, env=clean.environment, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=30, check=False)
    assert read_request(*clean.asked()) == (*request[:3], body.encode())


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
    'fetch': """<script>fetch(URL, {mode: 'no-cors', method: 'POST', body: '{"name": "from a page"}'})</script>""",
    'form': """<form method=post action=URL enctype=text/plain><input name='{"name": "from a page", "a": "' value='"}'></form>
               <script>document.forms[0].submit()</script>""",
    'link': '<script>location = URL</script>',
}


@pytest.mark.parametrize('way', FOREIGN_PAGES)
def test_a_web_page_of_another_site_creates_no_incident_and_is_shown_with_the_reason(browser: Browser, way: str) -> None:
    with Webhook(*SENDERS, token='') as webhook:  # it takes what anybody sends
        with serve_page(FOREIGN_PAGES[way].replace('URL', f'"{webhook.webhook_url}"')) as url:
            page = browser.new_page()
            page.goto(url)
            # Its status is known a moment before its text.
            rejected = wait_for(lambda: next((each for each in webhook.control('GET', 'deliveries') if each['text']), None))
            page.close()
        assert (rejected['status'], webhook.sent()) == (403, []) and 'comes from a page of' in rejected['text']
        assert requests.post(webhook.webhook_url, '{"name": "from a program"}', timeout=30).status_code == 200
        assert webhook.names() == ['from a program']


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


def test_the_form_rejects_a_bad_port_where_it_stands_and_saves_a_good_one(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        page = open_page(f'{webhook.url}/#/instance')
        page.get_by_label('Listen Port').fill('abc')
        page.get_by_role('button', name='Save').click()
        expect(page.locator('#field-longRunningPort-wrong')).to_have_text(re.compile("Listen Port 'abc' is not a number"))
        page.get_by_label('Listen Port').fill(str(webhook.container_port))
        page.get_by_label('Incident type').fill('Phishing')
        page.get_by_role('button', name='Save').click()
        expect(page.locator('#action-status')).to_contain_text('Saved', timeout=15_000)
        webhook.wait_for_line('Ready')
        wait_for(lambda: post(webhook, {'name': 'typed'}).status_code == 200)
        assert post(webhook, {'name': 'typed'}).json()[0]['type'] == 'Phishing'


def test_a_crash_loop_is_red_and_shows_its_last_traceback_once(open_page: Callable[..., Page]) -> None:
    with LocalXsoar(pack=ECHO) as xsoar:
        page = open_page(f'{xsoar.url}/#/instance')
        expect(page.locator('#state')).to_have_class('state good')
        for number in range(2):
            wait_for(lambda: xsoar.control('GET', 'instance')['ready'] and xsoar.state()['restarts'] == number)  # noqa: B023
            with suppress(requests.RequestException):  # the container may end in the middle of its response
                requests.post(f'{xsoar.webhook_url}/raise', timeout=30)
        wait_for(lambda: xsoar.state()['restarts'] == 2)
        expect(page.locator('#state')).to_have_class('state bad')
        expect(page.locator('#health')).to_have_text('crashed · 2 restarts')
        expect(page.locator('.traceback')).to_have_count(1)
        expect(page.locator('.traceback')).to_contain_text('Traceback')
        expect(page.locator('#facts')).to_contain_text('The container ended (exit code 0)')
        wait_for(lambda: xsoar.control('GET', 'instance')['ready'])
        os.kill(xsoar.state()['pid'], signal.SIGKILL)
        expect(page.locator('#facts')).to_contain_text('The container ended (signal SIGKILL)')
        xsoar.wait_for_line(r'The container ended \(signal SIGKILL\)')


def test_each_health_has_the_time_of_its_report(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(f'{webhook.url}/#/instance')
    entries = page.locator('.history li')
    expect(entries.first).to_have_text(re.compile(r'^\d\d:\d\d:\d\d '))
    webhook.stop_container()  # the next one reports its health
    expect(entries.first).to_have_text(re.compile(r'^\d\d:\d\d:\d\d Healthy × \d+ since \d\d:\d\d:\d\d$'), timeout=15_000)


def test_the_page_finds_its_server_again_after_a_restart(open_page: Callable[..., Page]) -> None:
    first = Webhook(*SENDERS)
    with first:
        page = open_page(first.url)
        post(first, {'name': 'before'})
        expect(newest(page)).to_contain_text('before')
    expect(page.locator('#lost')).to_be_visible()
    expect(page.locator('#state')).to_have_class('state lost')
    expect(page.locator('#health')).to_have_text('state unknown')
    newest(page).click()
    expect(page.locator('#delivery')).to_contain_text('The local XSOAR does not respond.')
    page.goto(f'{first.url}/#/instance')
    expect(page.locator('#facts')).to_contain_text('unknown (connection lost)')
    page.goto(f'{first.url}/#/deliveries')
    with page.expect_response('**/localxsoar/events', timeout=15_000):  # a proxy's, after which the browser gives up
        page.route('**/localxsoar/events', lambda route: route.fulfill(status=502))
    with Webhook(*SENDERS, '--port', first.url.rpartition(':')[2]) as second:
        page.route('**/localxsoar/incidents/list', lambda route: route.abort(), times=1)
        page.unroute('**/localxsoar/events')
        expect(page.locator('#lost')).to_be_hidden(timeout=15_000)
        expect(page.locator('#empty')).to_be_visible()
        post(second, {'name': 'after'})
        expect(newest(page)).to_contain_text('after', timeout=SOON)


def test_what_arrives_while_the_page_loads_is_shown(page: Page, webhook: Webhook) -> None:
    held: list[Any] = []
    page.route('**/localxsoar/log', lambda route: held.append(route))
    with page.expect_response('**/localxsoar/deliveries'):
        page.reload(wait_until='commit')
    page.evaluate("""() => new Promise((follows) => {
        const events = new EventSource('/localxsoar/events');
        window.arrived = new Promise((done) => events.addEventListener('incident', () => done(true)));
        events.addEventListener('hello', () => follows(true));
    })""")
    post(webhook, {'name': 'while loading'})
    assert page.evaluate('window.arrived')
    held[0].continue_()
    expect(newest(page)).to_contain_text('while loading')


def test_ten_thousand_incidents_are_drawn_as_far_as_they_are_seen(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        for _ in range(10):
            post(webhook, [{'name': f'incident {number}'} for number in range(999)] + [{'name': 'needle'}])
        started = time.monotonic()
        page = open_page(f'{webhook.url}/#/incidents')
        expect(page.locator('#count-incidents')).to_have_text('10000')
        expect(page.locator('#incidents .row').first).to_be_visible()
        assert time.monotonic() - started < 5
        frames = page.evaluate('''async () => {
            const box = document.getElementById('incidents'), times = [];
            for (let step = 0; step < 60; step += 1) {
                box.scrollTop += 5000;
                const before = performance.now();
                await new Promise(requestAnimationFrame);
                await new Promise(requestAnimationFrame);
                times.push(performance.now() - before);
            }
            return times.sort((a, b) => a - b);
        }''')
        assert frames[len(frames) // 2] < 100
        assert page.locator('#incidents .row').count() < 100
        page.evaluate("document.getElementById('incidents').scrollTop = 1e9")
        expect(page.locator('#incidents .row').last).to_contain_text('incident 0')
        page.get_by_label('Search').fill('needle')
        expect(page.locator('#incidents .row')).to_have_count(10)


def test_new_lines_do_not_move_what_is_read(page: Page, webhook: Webhook) -> None:
    for number in range(60):
        post(webhook, {'name': f'line {number}'})
    expect(newest(page)).to_contain_text('line 59')
    page.evaluate("document.getElementById('deliveries').scrollTop = 640")
    row = page.locator('#deliveries .row', has_text='line 35')
    expect(row).to_be_visible()
    before = wait_for(row.bounding_box, 'the line at a place')  # while it is drawn anew it has none
    post(webhook, {'name': 'on top'})
    expect(page.locator('#pill-deliveries')).to_have_text('1 new')
    wait_for(lambda: row.bounding_box() == before, 'the line at its old place')
    # One that is no longer kept leaves it there, too.
    page.evaluate('''async () => {
        const {deliveries} = await import('/deliveries.js');
        deliveries.remove(deliveries.all[3].number);
    }''')
    page.evaluate('() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
    wait_for(lambda: row.bounding_box() == before, 'the line at its old place')
    page.locator('#pill-deliveries').click()
    expect(newest(page)).to_contain_text('on top')


KEEP_STREAM = '''window.EventSource = class extends EventSource {
    constructor(url) { super(url); window.stream = this; }
};'''
# Sends many events to a page as its server would, and returns how long its longest task was, in milliseconds.
LONGEST_TASK = '''async ([kind, count, pauses]) => {
    let longest = 0;
    new PerformanceObserver((seen) => { for (const each of seen.getEntries()) longest = Math.max(longest, each.duration); })
        .observe({type: 'longtask'});
    const pause = document.getElementById('pause');
    if (pauses) pause.click();
    const frame = window.requestAnimationFrame;
    const held = [];
    window.requestAnimationFrame = (draw) => held.push(draw);  // as in a tab that is hidden
    for (let sent = 0; sent < count; sent += 500) {
        for (let number = sent; number < sent + 500; number += 1) {
            const data = {
                log: {time: '00:00:00', level: 'info', text: `line ${number}`},
                incident: {id: `${10 ** 6 + number}`, name: 'one', type: '', occurred: '', created: '', sourceInstance: '',
                           status: 0, severity: 0, state: 'pending', dbotMirrorId: '', owner: ''},
            };
            window.stream.dispatchEvent(new MessageEvent(kind, {data: JSON.stringify(data[kind])}));
        }
        await new Promise((done) => setTimeout(done, 60));
    }
    const waits = (ms) => new Promise((done) => setTimeout(done, ms));
    await waits(500);
    longest = 0;
    window.requestAnimationFrame = frame;
    if (pauses) pause.click();
    for (const draw of held) requestAnimationFrame(draw);
    await waits(1500);
    return longest;
}'''


@pytest.mark.parametrize('kind, count, pauses, view', [('log', 20_000, False, 'log'), ('incident', 4500, True, 'deliveries')])
def test_a_page_that_was_hidden_or_paused_catches_up_in_short_tasks(
    open_page: Callable[..., Page], webhook: Webhook, kind: str, count: int, pauses: bool, view: str
) -> None:
    page = open_page(webhook.url)
    page.add_init_script(KEEP_STREAM)
    page.goto(f'{webhook.url}/?again#/{view}')
    expect(page.locator('#address')).to_contain_text('/instance/execute/')
    assert page.evaluate(LONGEST_TASK, [kind, count, pauses]) < 300


def test_keys_for_a_delivery_do_nothing_where_none_is_seen(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'opened once'})
    open_newest(page, 'opened once')
    before = len(webhook.control('GET', 'deliveries'))
    page.goto(f'{webhook.url}/#/log')
    for key in 'rec':
        page.keyboard.press(key)
    page.goto(f'{webhook.url}/#/commands/%')
    expect(page.locator('#command')).to_contain_text('has %.')
    assert len(webhook.control('GET', 'deliveries')) == before and page.locator('form.edit').count() == 0


def test_all_of_it_works_by_keyboard(page: Page, webhook: Webhook) -> None:
    for name in ('key one', 'key two'):
        post(webhook, {'name': name})
    expect(newest(page)).to_contain_text('key two')
    page.keyboard.press('j')
    page.keyboard.press('j')
    page.keyboard.press('Enter')
    expect(page.locator('#delivery .result')).to_contain_text('key one')
    before = page.url
    page.keyboard.press('r')
    page.wait_for_url(lambda url: url != before)
    page.keyboard.press('Escape')
    expect(page.locator('#delivery')).to_be_hidden()
    page.keyboard.press('/')
    page.keyboard.type('key two')
    expect(page.locator('#deliveries .row')).to_have_count(1)
    page.keyboard.press('Escape')
    page.keyboard.press('?')
    expect(page.locator('#help')).to_be_visible()
    page.keyboard.press('Escape')
    page.keyboard.press('6')
    expect(page.locator('#log')).to_be_visible()


def focused(page: Page) -> str:
    """Return the id of the element that has the focus."""
    return str(page.evaluate('document.activeElement.id'))


def test_the_focus_stays_on_the_control_that_was_pressed(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        page = open_page(webhook.url)
        post(webhook, {'name': 'focus'})
        open_newest(page, 'focus')
        shown = {'part-answer': '#part-answer[aria-current]', 'part-request': '#part-request[aria-current]',
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
        page.goto(f'{webhook.url}/#/incidents/1')  # a detail with the same controls as the delivery's
        page.locator('#incident #as-text').press('Enter')
        expect(page.locator('#incident pre')).to_be_visible()
        assert page.locator('#incident #as-text').evaluate('control => control === document.activeElement')
        page.keyboard.press('5')
        page.locator('#save').press('Enter')
        expect(page.locator('#action-status')).to_contain_text('Saved', timeout=15_000)
        assert focused(page) == 'save'


@pytest.mark.parametrize('view', ['deliveries', 'incidents'])
def test_one_press_of_enter_opens_and_focuses_what_is_selected(
    open_page: Callable[..., Page], webhook: Webhook, view: str
) -> None:
    post(webhook, {'name': 'entered'})
    page = open_page(f'{webhook.url}/#/{view}')
    expect(page.locator(f'#{view} .row').first).to_be_visible()
    page.keyboard.press('Enter')
    detail = page.locator(f'#{view.removesuffix("s") if view == "incidents" else "delivery"}')
    expect(detail.locator('h2').first).to_be_visible()
    expect(detail).to_be_focused()


def test_page_keys_home_and_end_move_in_the_list_and_scroll_elsewhere(page: Page, webhook: Webhook) -> None:
    for number in range(60):
        post(webhook, {'name': f'row {number}'})
    expect(newest(page)).to_contain_text('row 59')
    selected = page.locator('#deliveries [aria-selected=true]')
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
    page.goto(original)
    page.get_by_role('button', name='Edit…').click()
    expect(field).to_have_value('{"name": "to edit"}')
    field.fill('x')
    page.get_by_role('button', name='Discard').click()
    expect(page.locator('#edit')).to_have_text('Edit…')


def test_what_was_typed_into_the_form_outlives_another_view(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/instance')
    page.get_by_label('Incident type').fill('Phish')
    page.get_by_role('link', name='Log').click()
    page.get_by_role('link', name='Instance').click()
    expect(page.get_by_label('Incident type')).to_have_value('Phish')


def test_a_phone_shows_the_list_then_the_delivery_and_the_way_back(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(webhook.url, viewport={'width': 390, 'height': 780})
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
    expect(page.locator('#delivery')).to_be_hidden()
    page.evaluate('new Promise((drawn) => setTimeout(drawn))')
    assert page.locator('#delivery').is_hidden()


def test_a_phone_shows_the_log_from_the_top(open_page: Callable[..., Page], webhook: Webhook) -> None:
    post(webhook, {'name': 'in the log'})
    page = open_page(f'{webhook.url}/#/log', viewport={'width': 390, 'height': 780})
    expect(page.locator('#log div').first).to_be_visible()
    assert page.evaluate('document.getElementById("log").getBoundingClientRect().top') < 260


@pytest.mark.parametrize('view', VIEWS)
def test_the_current_tab_is_in_sight_on_a_narrow_screen(open_page: Callable[..., Page], webhook: Webhook, view: str) -> None:
    page = open_page(f'{webhook.url}/#/{view}', viewport={'width': 360, 'height': 720})
    expect(page.locator('nav a[aria-current]')).to_be_in_viewport(ratio=0.98)


@pytest.mark.parametrize('view', VIEWS)
def test_the_header_leaves_two_thirds_at_400_percent_zoom(open_page: Callable[..., Page], webhook: Webhook, view: str) -> None:
    page = open_page(f'{webhook.url}/#/{view}', viewport={'width': 320, 'height': 256})  # 1280 by 1024 at 400 %
    header = page.locator('body > header').bounding_box()
    assert header and header['height'] < 256 / 3
    assert page.evaluate('document.documentElement.scrollWidth') <= 320
    expect(page.locator('nav a[aria-current]')).to_be_in_viewport(ratio=0.98)


def test_forced_colors_leave_the_selected_row_and_a_pressed_filter_visible(
    open_page: Callable[..., Page], webhook: Webhook
) -> None:
    for number in range(2):
        post(webhook, {'name': f'forced {number}'})
    page = open_page(webhook.url, forced_colors='active')
    expect(newest(page)).to_be_visible()
    page.keyboard.press('j')
    expect(page.locator('#deliveries [aria-selected=true]')).to_be_visible()
    colors = [page.locator('#deliveries .row').nth(at).evaluate('row => getComputedStyle(row).backgroundColor') for at in (0, 1)]
    assert colors[0] != colors[1]
    page.keyboard.press('Escape')
    filters = page.locator('#kinds button')
    filters.first.click()
    expect(filters.first).to_have_attribute('aria-pressed', 'true')
    colors = [filters.nth(at).evaluate('button => getComputedStyle(button).backgroundColor') for at in (0, 1)]
    assert colors[0] != colors[1]


def test_a_screen_reader_hears_a_row_as_words(page: Page, webhook: Webhook) -> None:
    number = post(webhook, {'name': 'Disk full'}).json()[0]['id']
    option = page.get_by_role('option', name=re.compile(f' POST 200 .*→ incident {number} Disk full .* ms '))
    expect(option).to_be_visible()


def test_an_invisible_button_takes_no_line(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'lines', **{f'key{length}': 'x' * length for length in range(40, 90)}})
    open_newest(page, 'lines')
    page.locator('#delivery summary, #delivery .more').evaluate_all('all => all.forEach((each) => each.click())')
    selected = page.locator('#delivery .tree').evaluate('''tree => {
        getSelection().selectAllChildren(tree);
        return getSelection().toString();
    }''')
    assert f'key50: {"x" * 50}' in selected and 'Copy' not in selected
    heights = """leaves => leaves.map((leaf) => {
        const before = leaf.offsetHeight;
        leaf.querySelector('button').remove();
        return before - leaf.offsetHeight;
    })"""
    assert set(page.locator('#delivery .leaf').evaluate_all(heights)) == {0}


def test_a_long_name_leaves_room_for_the_rest(open_page: Callable[..., Page]) -> None:
    with LocalXsoar(pack=ECHO) as xsoar:
        page = open_page(xsoar.url)
        requests.post(xsoar.webhook_url, json=[{'name': 'long ' * 400}], timeout=30)
        open_newest(page, 'long long')
        assert len(newest(page).inner_text()) < 400  # a screen reader would read all of it
        expect(page.locator('#delivery .headers')).to_be_in_viewport()
        page.locator('#delivery .result').get_by_role('button', name='show all').click()
        expect(page.locator('#delivery .result')).to_contain_text('long ' * 399)
        page.goto(f'{xsoar.url}/#/incidents/1')
        expect(page.locator('#incident .part').first).to_be_in_viewport()


def test_a_column_of_paths_is_shown_if_there_are_any(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        page = open_page(webhook.url)
        post(webhook, {'name': 'no path'})
        expect(newest(page)).to_contain_text('no path')
        expect(newest(page).locator('.path')).to_be_hidden()
        requests.post(f'{webhook.webhook_url}?type=Phishing', json={}, headers={'Authorization': TOKEN}, timeout=30)
        expect(newest(page).locator('.path')).to_have_text('?type=Phishing')
        expect(newest(page).locator('.path')).to_be_visible()


ENVIRONMENTS: dict[str, dict[str, Any]] = {
    'light': {'color_scheme': 'light'}, 'dark': {'color_scheme': 'dark'}, 'forced colors': {'forced_colors': 'active'},
    '360 px': {'viewport': {'width': 360, 'height': 720}}, '400 %': {'viewport': {'width': 320, 'height': 256}}}


@pytest.mark.parametrize('environment', ENVIRONMENTS)
@pytest.mark.parametrize('view', VIEWS)
def test_nothing_stands_in_the_way_of_a_screen_reader(
    open_page: Callable[..., Page], webhook: Webhook, view: str, environment: str
) -> None:
    post(webhook, {'title': 'read aloud', 'nested': {'a': [1, None, 'text']}})
    page = open_page(f'{webhook.url}/#/{view}', **ENVIRONMENTS[environment])
    if view in ('deliveries', 'incidents'):
        page.locator(f'#{view} .row').first.click()
        expect(page.locator('.detail .tree').first).to_be_visible()
    assert violations(page) == []


def test_the_page_asks_no_other_host_and_runs_nothing_but_its_script(webhook: Webhook) -> None:
    answer = requests.get(webhook.url, timeout=30)
    assert "default-src 'none'; script-src 'self'" in answer.headers['Content-Security-Policy']
    assert not re.findall(r'https?://|innerHTML|\son\w+=|style=', answer.text)
    for file in (ROOT / 'localxsoar' / 'page').glob('*.js'):
        assert 'innerHTML' not in requests.get(f'{webhook.url}/{file.name}', timeout=30).text


def test_a_form_of_every_type_shows_no_secret_and_hands_over_what_was_typed(open_page: Callable[..., Page]) -> None:
    with LocalXsoar(pack=ECHO, params={'account': 'kim:h4sh-hush', 'secret': 'h4sh-hash'}) as xsoar:
        page = open_page(f'{xsoar.url}/#/instance')
        expect(page.get_by_label('Account', exact=True)).to_have_value('kim')
        assert 'h4sh' not in page.content() + requests.get(f'{xsoar.url}/localxsoar/instance', timeout=30).text
        page.get_by_label('Loud').check()
        page.get_by_label('Color').select_option('blue')
        page.get_by_label('Statuses').select_option(['open', 'closed'])
        page.get_by_role('button', name='Save').click()
        expect(page.locator('#action-status')).to_contain_text('Saved', timeout=15_000)
        wait_for(lambda: requests.post(xsoar.webhook_url + '/params', timeout=30).ok)
        given = requests.post(xsoar.webhook_url + '/params', timeout=30).json()
        assert (given['loud'], given['color'], given['statuses'], given['secret'], given['account']['password']) == (
            True, 'blue', ['open', 'closed'], 'h4sh-hash', 'h4sh-hush')
