"""The local XSOAR's page in a real browser: what a person sees of a request, and can do about it."""
from __future__ import annotations

import gzip
import json
import re
import socket
import subprocess
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests
from shared.browser import new_context, violations
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import ROOT, LocalXsoar, needs
from playwright.sync_api import Browser, Page, expect
from pages import (KEEP_ANNOUNCED, OpenPage, act, body_of, copied, hold, hold_what_is_sent, newest, newest_ended, open_again,
                   open_newest, open_what_became, opened_number, post, send)
from shared.webhook import TOKEN, Webhook

from localxsoar.webhooks.senders import load_sender

pytestmark = pytest.mark.sockets

NEVER_RELOADED = 'window.isFirst = true'


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


def test_incidents_sort_by_severity_and_a_new_one_takes_its_place(open_page: OpenPage, webhook: Webhook) -> None:
    low, _, _ = (post(webhook, {'title': f'sorted {severity}', 'severity': severity}).json()[0]['id']
                 for severity in ('low', 'critical', 'medium'))
    page = open_page(f'{webhook.url}/#/incidents?q=sorted')
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
    open_page: OpenPage, webhook: Webhook
) -> None:
    page = open_page(f'{webhook.url}/#/incidents?q=zenith')
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
    expect(page.get_by_label('Search')).to_have_value('zenith status:open')
    expect(rows).to_have_text(['is low'])
    post(webhook, {'action': 'Create', 'alert': alert})  # it begins again
    expect(rows).to_have_text(['Create: Disk of the zenith', 'is low'])


def test_every_incident_of_a_delivery_and_the_delivery_are_linked(open_page: OpenPage, webhook: Webhook) -> None:
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
    expect(page.locator('#delivery .meta')).not_to_contain_text('from here')
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
    post(webhook, 'name=A+form&note=%E2%82%AC', query='?type=Phishing&note=a%20b&key=hush-hush',
         Content_Type='application/x-www-form-urlencoded')
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


def search(page: Page, text: str) -> list[int]:
    """Search for the text, and return the numbers of the deliveries that the server has found by then."""
    asked = re.compile(r'/localxsoar/deliveries/search\?.*' + re.escape(quote(text.lower(), safe='')))  # no earlier one
    with page.expect_response(asked) as response:
        page.get_by_label('Search').fill(text)
    found: list[int] = response.value.json()
    return found


def test_a_search_finds_words_in_headers_and_bodies_but_no_secret(open_page: OpenPage, webhook: Webhook) -> None:
    page = open_page(webhook.url)
    post(webhook, {'name': 'without it'})
    body = gzip.compress(json.dumps({'name': 'plain', 'deep': {'key': 'Needle-In-Body'}}).encode())
    post(webhook, body, X_Find='needle-in-header', Content_Encoding='gzip')
    expect(newest(page)).to_contain_text('plain')
    rows = page.locator('#deliveries .row')
    for words in ('needle-in-body', 'Needle-in-HEADER plain', 'x-find deep'):
        assert len(search(page, words)) == 1
        expect(rows).to_have_count(1)
        expect(page.locator('#shown-deliveries')).to_have_text(re.compile(r'^1 of \d+$'))
    post(webhook, {'name': 'long', 'text': 'x' * 1024 * 1024, 'end': 'needle-at-the-end'})
    assert search(page, 'needle-at-the-end') == []
    to_the_end = page.get_by_role('button', name='Search the end of a long body')
    expect(to_the_end).to_be_visible()
    late = hold(page, '**/deliveries/cut')
    with page.expect_request('**/deliveries/cut'):
        post(webhook, {'name': 'another'})
    to_the_end.click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text('long')
    with page.expect_response('**/deliveries/cut'):
        late[0].continue_()
    page.unroute('**/deliveries/cut')
    page.evaluate('new Promise(requestAnimationFrame)')  # the page has read the late response
    expect(page.locator('#search-ends')).to_be_hidden()
    search(page, 'x-find deep')
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


def test_a_rejected_delivery_names_its_sender_and_reason_truly(page: Page, webhook: Webhook) -> None:
    for path, headers, sender, reason in (
            ('webhook', {'User-Agent': 'x'}, 'x', 'The request shows no token'),
            ('webhook', {'User-Agent': ''}, '—', 'The request shows no token'),
            ('webhook', {'Authorization': 'wrong'}, 'python-requests', 'is not the token'),
            ('webhook?token=wrong', {}, 'python-requests', 'The value of a query parameter is not the token'),
            ('webhok', {}, 'python-requests', "There is no instance 'webhok'")):
        requests.post(f'{webhook.url}/instance/execute/{path}', json={'name': 'a'}, headers=headers, timeout=PATIENCE_SECONDS)
        expect(newest(page)).to_contain_text(reason)
        expect(newest(page)).to_contain_text('404' if path == 'webhok' else '401')
        expect(newest(page).locator('.sender')).to_have_text(sender)


def test_a_line_and_its_delivery_show_severity_and_state(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/try')
    page.get_by_role('button', name=re.compile('^Send Prometheus Alertmanager: resolved')).first.click()
    for shown in (page.locator('#delivery .result'), newest(page)):
        expect(shown.locator('.severity')).to_have_text('info')
        expect(shown).to_contain_text('resolved')
    expect(page.locator('#delivery .meta')).to_contain_text('Alertmanager ·')
    expect(page.locator('#delivery .meta')).to_contain_text(' · sent from here')


def test_it_is_sent_again_as_it_came_and_edited(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'again'})
    open_newest(page, 'again')
    first = page.url
    act(page, 'Send again as it came').click()
    page.wait_for_url(lambda url: url != first)
    expect(page.locator('#delivery .links')).to_contain_text('the original is')  # until then the first one is there
    expect(page.locator('#delivery .result')).to_contain_text('again')
    act(page, 'Edit…').click()
    page.get_by_role('textbox', name='Body').fill('{"name": "edited"}')
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery .result')).to_contain_text('edited')
    assert webhook.names()[-3:] == ['again', 'again', 'edited']


def test_what_was_rejected_is_rejected_again_as_it_came_and_accepted_with_a_valid_proof(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'mistyped'}, token='a-wrong-token', User_Agent='unheard-of')
    open_newest(page, 'is not the token')
    original = page.url
    number = opened_number(page)
    for name, status in (('Send again as it came', '401 Unauthorized'), ('Repair and send', '200 OK')):
        open_again(page, original)
        act(page, name).click()
        page.wait_for_url(lambda url: url != original)
        expect(page.locator('#delivery header b')).to_have_text(status)
        link = page.locator('#delivery .links').get_by_role('link', name=f'delivery {number}')
        expect(link).to_have_attribute('href', f'#/deliveries/{number}')
    first, again = (webhook.control('GET', f'deliveries/{each}?secrets=show')['request'] for each in (number, number + 1))
    assert (first['headers'], first['body']) == (again['headers'], again['body'])
    assert webhook.names().count('mistyped') == 1


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
    kept = webhook.control('GET', f"deliveries/{newest_ended(webhook)['number']}")
    assert (kept['status'], kept['request']['body'], kept['missing']) == (status, body.decode(), '')
    assert not [line for line in webhook.output if 'Traceback' in line or 'ConcurrentObjectUse' in line]


def test_a_delivery_whose_body_never_arrived_cannot_be_sent_as_it_came(page: Page, webhook: Webhook) -> None:
    url = urlsplit(webhook.webhook_url)
    with socket.create_connection((url.hostname, url.port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(f'POST {url.path} HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{{'.encode())
        assert sender.recv(65536).startswith(b'HTTP/1.1 401 ')
    open_what_became(page, webhook)
    expect(act(page, 'Send again as it came')).to_be_disabled()
    expect(page.locator('#delivery .reason')).to_contain_text('of the body have arrived.')
    with page.expect_request(lambda request: request.method == 'POST') as first:  # `r` sends nothing before that
        page.keyboard.press('r')
        page.evaluate("fetch('/localxsoar/deliveries/0/send', {method: 'POST', body: '{}'})")
    assert first.value.url.endswith('/0/send')


def test_a_signed_delivery_that_is_edited_is_signed_again(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/try')
    page.get_by_role('button', name=re.compile('^Send GitHub: ')).first.click()
    act(page, 'Edit…').click()
    page.get_by_role('textbox', name='Body').fill('{"zen": "Keep it logically awesome.", "name": "signed anew"}')
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery header b')).to_have_text('200 OK')
    expect(page.locator('#deliveries [aria-selected=true]')).to_contain_text('GitHub')


def test_the_tree_opens_and_markup_stays_text(open_page: OpenPage, webhook: Webhook) -> None:
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


def test_an_edit_changes_nothing_that_was_not_edited(page: Page, webhook: Webhook) -> None:
    post(webhook, NUMBERS)
    open_newest(page, 'exact')
    act(page, 'Edit…').click()
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


def test_a_character_that_sets_the_direction_of_others_is_shown_by_its_name(open_page: OpenPage, echo: LocalXsoar) -> None:
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


def test_a_body_too_large_for_a_command_is_downloaded_and_sent_whole(page: Page, webhook: Webhook, tmp_path: Path) -> None:
    needs('curl')
    body = json.dumps({'name': 'large', 'text': 'x\r\n' * 300_000})
    post(webhook, body)
    open_newest(page, 'large')
    command = copied(page)
    assert command.startswith(f"curl -X POST '{webhook.webhook_url}'") and f'Authorization: {TOKEN}' in command
    expect(page.locator('#delivery .reason', has_text='The curl command reads the body from the file')).to_be_visible()
    expect(page.locator('#delivery .reason', has_text='The body is too long for a recipe.')).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role('link', name='Download').click()
    download.value.save_as(tmp_path / download.value.suggested_filename)
    subprocess.run(['bash', '-c', command], cwd=tmp_path, capture_output=True, timeout=PATIENCE_SECONDS, check=True)
    assert body_of(webhook, newest_ended(webhook)['number']) == body.encode()


def download(page: Page, name: str, folder: Path) -> Path:
    """Return the file that a press on this link downloads."""
    with page.expect_download() as found:
        (page.get_by_role('link', name=name, exact=True) if name == 'Export all' else act(page, name)).click()
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
    post(webhook, b'\xff\x00')
    open_what_became(page, webhook)
    expect(act(page, 'Save as recipe')).to_be_disabled()
    expect(page.locator('#delivery .reason', has_text='The body is not text, so it cannot become a recipe.')).to_be_visible()
    expect(act(page, 'Export')).to_be_visible()


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
    page.locator('#pause').click()  # a paused list shows that it is cleared, too
    clear.press('Enter')
    clear.press('Enter')
    expect(page.locator('#empty')).to_contain_text('No deliveries are kept')
    expect(page.locator('#deliveries')).to_be_focused()
    expect(page.locator('#count-incidents')).to_have_text(incidents)
    assert webhook.control('GET', 'deliveries') == []


def test_what_is_filtered_is_sent_again_after_a_question_at_most_100(open_page: OpenPage, webhook: Webhook) -> None:
    webhook.control('DELETE', 'deliveries')
    for number in range(101):
        post(webhook, {'name': f'bulk {number}'}, User_Agent='few/1' if number < 2 else 'many/1')
    page = open_page(webhook.url)
    send_shown = page.locator('#send-shown')
    expect(page.locator('#count-deliveries')).to_have_text('101')
    expect(send_shown).to_be_hidden()
    page.get_by_label('Search').fill('bulk')
    expect(send_shown).to_be_disabled()
    expect(send_shown).to_have_attribute('title', 'At most 100 at once: narrow the search')
    page.get_by_label('Search').fill('sender:few')
    expect(page.locator('#deliveries .row')).to_have_count(2)
    send_shown.click()
    expect(send_shown).to_have_text('Send 2 deliveries again?')
    assert violations(page, '#filters') == []
    send_shown.press('Escape')
    expect(send_shown).to_have_text('Send again')
    sent = hold_what_is_sent(page)
    send_shown.press('Enter')
    send_shown.press('Enter')
    expect(send_shown).to_have_text('Stop (0 of 2 sent)')
    send_shown.press('Enter')
    assert len(sent()) == 1
    sent()[0].continue_()
    expect(page.locator('#sent')).to_have_text('1 of 2 sent again')
    page.unroute_all()
    expect(page.locator('#deliveries .row')).to_have_count(3)
    send_shown.press('Enter')
    expect(send_shown).to_have_text('Send 3 deliveries again?')
    send_shown.press('Enter')
    expect(page.locator('#sent')).to_have_text('3 of 3 sent again')
    assert webhook.names()[-4:] == ['bulk 0', 'bulk 0', 'bulk 1', 'bulk 0']


def test_the_open_delivery_says_so_when_its_body_is_removed(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'large once'})
    open_newest(page, 'large once')
    expect(act(page, 'Send again as it came')).to_be_enabled()
    missing = {'missing': 'The body was removed to make room for others.', 'uncopyable': 'The body was removed.'}
    page.route('**/localxsoar/deliveries/*', lambda route: route.fulfill(json={**route.fetch().json(), **missing}))
    send(page, 'delivery', {**webhook.control('GET', 'deliveries')[0], **missing})
    expect(page.locator('#delivery .acts > .reason')).to_have_text('The body was removed to make room for others.')
    expect(act(page, 'Send again as it came')).to_be_disabled()
    expect(page.locator('#copy-curl')).to_be_disabled()
    expect(page.locator('#deliveries .row', has_text='large once')).to_be_visible()


def test_no_curl_command_is_offered_for_what_it_cannot_repeat(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'from elsewhere'})
    reason = 'Secrets are shown only on the machine that runs the local XSOAR.'
    page.route('**/localxsoar/deliveries/*', lambda route: route.fulfill(json={
        **route.fetch().json(), 'is_here': False, 'uncopyable': reason}))
    open_newest(page, 'from elsewhere')
    expect(act(page, 'Copy as curl')).to_be_disabled()
    expect(page.locator('#delivery .reason', has_text=reason)).to_be_visible()


MULTIPART = ('--b\r\nContent-Disposition: form-data; name="name"\r\n\r\na form\r\n--b\r\n'
             'Content-Disposition: form-data; name="x"; filename="x"\r\n\r\n1\r\n2\r\n--b--\r\n')


def test_an_edit_keeps_the_line_breaks(page: Page, webhook: Webhook) -> None:
    post(webhook, MULTIPART, Content_Type='multipart/form-data; boundary=b')
    open_what_became(page, webhook)
    before, edited = page.url, MULTIPART.replace('a form', 'a new form')
    act(page, 'Edit…').click()
    page.get_by_role('textbox', name='Body').fill(edited.replace('\r\n', '\n'))
    page.get_by_role('button', name='Send', exact=True).click()
    page.wait_for_url(lambda url: url != before)
    assert body_of(webhook, opened_number(page)) == edited.encode()
    assert webhook.names()[-1] == 'a new form'


def test_the_page_asks_no_other_host_and_runs_nothing_but_its_script(webhook: Webhook) -> None:
    answer = requests.get(webhook.url, timeout=PATIENCE_SECONDS)
    assert "default-src 'none'; script-src 'self'" in answer.headers['Content-Security-Policy']
    assert not re.findall(r'https?://|innerHTML|\son\w+=|style=', answer.text)
    for file in (ROOT / 'localxsoar/web/page').glob('*.js'):
        assert 'innerHTML' not in requests.get(f'{webhook.url}/{file.name}', timeout=PATIENCE_SECONDS).text


def test_a_form_of_every_type_shows_no_secret_and_hands_over_what_was_typed(open_page: OpenPage, echo: LocalXsoar) -> None:
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
