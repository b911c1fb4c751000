"""What the page says is true also of what is alike, late, removed or unknown, and so are the file it shares and its address."""
from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from shared.browser import DESKTOP, new_context, violations
from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT, wait_for
from pages import DRAWN, OpenPage, act, check_colors, post
from playwright.sync_api import Browser, Locator, Page, expect
from shared.webhook import TOKEN, Webhook, request_bytes

pytestmark = pytest.mark.sockets

KEPT = 20
# The first detail that the page asks for arrives only after `release()`.
HOLD_DETAIL = '''() => {
    const ask = window.fetch;
    const released = new Promise((release) => { window.release = release; });
    window.fetch = async (path, options) => {
        const response = await ask(path, options);
        if (/deliveries.\\d+$/.test(path)) { window.fetch = ask; await released; }
        return response;
    };
}'''
FORMER = 'former/secret+of "the" instance'
MARKUP = ('<script>document.title="ran"</script>', '"><img src=x onerror=document.title="ran">',
          '</style></pre><svg onload=ran()>', "javascript:document.title='ran'", '<a href="https://tracker.example/">x</a>',
          '<!--', '\u202e\x1b[0m')
INLINE_SCRIPT = '''() => {
    const script = document.createElement('script');
    script.textContent = 'document.title = "ran"';
    document.head.append(script);
    return document.title;
}'''
OPTIONS = ('--senders', str(ROOT / 'senders'), '--curl-header', 'Authorization: {auth_header}', '--keep', str(KEPT))


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    """A server that prints its token, in the command to try, and whose instance had another one before."""
    with Webhook(*OPTIONS, token=FORMER) as running:
        running.token = ''
        running.control('POST', 'instance/save', json={'auth_header': TOKEN})
        wait_for(lambda: running.control('GET', 'instance')['ready'])
        yield running


@contextmanager
def left(page: Page, webhook: Webhook, body: Any, query: str = '') -> Iterator[None]:
    """Post, and leave while the call hangs, which ends with the block."""
    webhook.faults(hang=True)
    url = urlsplit(webhook.url)
    with socket.create_connection((url.hostname, url.port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(request_bytes(webhook.webhook_url + query, json.dumps(body).encode(), {'Authorization': TOKEN}))
        wait_for(lambda: webhook.control('GET', 'deliveries')[0]['size'] == len(json.dumps(body)))
    try:
        expect(rows(page).first).to_contain_text('The sender left before the response.')
        yield
    finally:
        webhook.faults(hang=False)


def rows(page: Page) -> Locator:
    return page.locator('#deliveries .row')


def test_a_delivery_whose_sender_left_and_its_incident_that_came_later_are_linked(open_page: OpenPage, webhook: Webhook) -> None:
    page = open_page(webhook.url)
    with left(page, webhook, {'title': 'came late', 'severity': 'high'}):
        page.evaluate(HOLD_DETAIL)
        rows(page).first.click()
        page.wait_for_url(re.compile(r'[?]open=\d+$'))
        delivery = page.url
    said = re.compile(r'→ incident \d+ · ↯ left high · came late')
    expect(rows(page).first).to_contain_text(said)
    page.evaluate('release()')
    expect(page.locator('#delivery .result')).to_have_text(said)
    expect(act(page, 'Save as recipe')).to_have_attribute('href', re.compile(r'/recipe$'))  # its incident tells what to expect
    page.locator('#more-acts').click()
    page.get_by_role('button', name=re.compile(r'^Incident \d+$')).click()
    page.locator('#delivery h2').get_by_role('link').click()
    links = page.locator('#incident .links')
    expect(links).to_contain_text('Created by delivery')
    links.get_by_role('link').click()
    page.wait_for_url(f'{delivery}&tab=incident')


def test_of_equal_deliveries_in_flight_one_created_the_incident_and_the_others_repeat_it(page: Page, webhook: Webhook) -> None:
    webhook.faults(hang=True)
    senders = [threading.Thread(target=post, args=(webhook, {'title': 'thrice'}), kwargs={'Idempotency_Key': 'k'})
               for _ in range(3)]
    for number, sender in enumerate(senders):
        sender.start()
        wait_for(lambda: len(webhook.control('GET', 'deliveries')) == number + 1)  # noqa: B023
    webhook.faults(hang=False)
    for sender in senders:
        sender.join()
    for said, number in (('↺ delivery [0-9]+ repeat of thrice', 2), ('→ incident [0-9]+ thrice', 1)):  # whichever came first
        expect(rows(page).locator('.became').filter(has_text=re.compile(said))).to_have_count(number)
    logged = wait_for(lambda: lines if len(lines := [line['text'] for line in webhook.control('GET', 'log')
                                                     if 'delivery "k"' in line['text']]) == 3 else None)
    assert sum('repeat of incident' in line for line in logged) == 2
    first = webhook.control('GET', 'deliveries')[-1]
    page.goto(f'{webhook.url}/#/incidents/{first["incidents"][0]}')
    links = page.locator('#incident .links p')
    expect(links).to_have_text([re.compile(f'^Created by delivery {first["number"]} '),
                                re.compile('^Repeated by delivery .*, delivery ')])


def test_several_incidents_show_the_gravest_with_its_own_name(page: Page, webhook: Webhook) -> None:
    post(webhook, [{'title': 'api-1', 'severity': 'low'}, {'title': 'api-2', 'severity': 'critical'}])
    became = rows(page).first.locator('.became')
    expect(became).to_have_text(re.compile(r'^→ incidents \d+, \d+ gravest critical · api-2 \(\+1 more\) *$'))
    expect(rows(page).first.locator('.severity.critical')).to_have_text('critical')


def test_what_was_removed_to_make_room_is_counted_and_offers_nothing_more(page: Page, webhook: Webhook) -> None:
    for number in range(KEPT):
        post(webhook, {'title': f'number {number}'})
    expect(rows(page)).to_have_count(KEPT)
    removed = page.locator('#removed-deliveries')
    expect(removed).to_be_hidden()
    rows(page).last.click()
    expect(page.locator('#export')).to_be_attached()
    for number in range(2):
        post(webhook, {'title': f'another {number}'})
    expect(removed).to_have_text(f'{KEPT} kept, 2 older removed')
    expect(page.locator('#delivery .acts > .reason')).to_have_text('This delivery is no longer kept.')
    for name in ('send-came', 'edit', 'copy-curl', 'save-recipe'):
        expect(page.locator(f'#{name}')).to_be_disabled()
    for name in ('export', 'secrets'):
        expect(page.locator(f'#{name}')).to_have_count(0)
    page.reload()
    expect(removed).to_have_text(f'{KEPT} kept, 2 older removed')
    webhook.control('DELETE', 'deliveries')
    expect(removed).to_be_hidden()


def test_the_log_of_its_time_is_beside_a_delivery(open_page: OpenPage, webhook: Webhook) -> None:
    page = open_page(webhook.url)
    post(webhook, {'title': 'logged'}, token='wrong', User_Agent='logged/1')
    rows(page).first.click()
    tab = page.locator('#part-log')
    expect(tab).to_have_text(re.compile(r'^Log \d+$'))
    tab.click()
    expect(page.locator('#delivery-log .lines div', has_text='"logged/1"')).to_contain_text('POST 401')


def test_a_wrong_token_in_the_url_is_repaired_in_the_url(page: Page, webhook: Webhook) -> None:
    answered = requests.post(f'{webhook.webhook_url}?token=wrong', json={'title': 'by url'}, timeout=PATIENCE_SECONDS)
    assert answered.status_code == 401
    rows(page).first.click()
    page.get_by_role('button', name='Repair and send').click()
    expect(page.locator('#delivery header b')).to_have_text('200 OK')
    expect(page.locator('#delivery .links')).to_contain_text('The query parameter token was replaced.')
    expect(page.locator('#delivery .links')).to_contain_text('In the sender, add token=<token> to the query of the URL.')
    expect(page.locator('#delivery .headers').first).not_to_contain_text('Authorization')


def test_the_tree_is_one_tab_stop_with_arrows_and_shows_the_path_of_what_has_the_focus(
    open_page: OpenPage, webhook: Webhook
) -> None:
    number = post(webhook, {'title': '4', 'deep': {'a': {'b': ['4', 4, '', ' \t', None]}}, 'end': True}).json()[0]['id']
    page = open_page(f'{webhook.url}/#/incidents/{number}')
    tree, at = page.locator('#incident .tree'), page.locator('#incident .at')
    expect(tree.locator('[tabindex="0"]')).to_have_count(1)
    tree.locator('.item').first.focus()
    for keys, path in (('', 'title'), ('ArrowDown', 'deep'), ('ArrowRight', 'deep.a'), ('ArrowRight ArrowRight', 'deep.a.b'),
                       ('ArrowRight ArrowRight', 'deep.a.b.0'), ('ArrowDown', 'deep.a.b.1'), ('ArrowLeft', 'deep.a.b'),
                       ('ArrowLeft ArrowLeft', 'deep.a'), ('ArrowUp', 'deep'), ('End', 'headers'), ('Home', 'title')):
        for key in keys.split():
            page.keyboard.press(key)
        expect(at).to_have_text(re.compile(f'^{re.escape(path)}(\\.|$)' if path == 'headers' else f'^{re.escape(path)}$'))
    for modifier in ('Control', 'Alt', 'Meta'):  # these are the browser's
        page.keyboard.press(f'{modifier}+ArrowDown')
        expect(at).to_have_text('title')
    page.keyboard.press('ArrowRight')
    page.keyboard.press('Enter')
    assert page.evaluate('navigator.clipboard.readText()') == '4'
    page.keyboard.press('ArrowRight')
    page.keyboard.press('Enter')
    expect(page.locator('.mapping')).to_be_visible()
    page.get_by_role('button', name='Close', exact=True).click()
    page.keyboard.press('ArrowLeft')
    page.keyboard.press('ArrowLeft')
    expect(tree.locator('.leaf').first).to_be_focused()
    page.keyboard.press('Tab')
    assert not tree.evaluate('tree => tree.contains(document.activeElement)')
    page.keyboard.press('Shift+Tab')
    expect(tree.locator('.leaf').first).to_be_focused()
    check_colors(page)


def test_a_tap_shows_the_path_of_a_value(browser: Browser, webhook: Webhook) -> None:
    number = post(webhook, {'title': 'tapped'}).json()[0]['id']
    with new_context(browser, has_touch=True, is_mobile=True, viewport={'width': 360, 'height': 720}) as context:
        phone = context.new_page()
        phone.goto(f'{webhook.url}/#/incidents/{number}')
        phone.locator('#incident .leaf').first.tap()
        expect(phone.locator('#incident .at')).to_have_text('title')
        expect(phone.locator('#incident .leaf').first.get_by_role('button', name='Copy title')).to_have_css('opacity', '1')


def test_the_editor_says_where_a_body_is_no_longer_json_and_sends_it_all_the_same(page: Page, webhook: Webhook) -> None:
    post(webhook, {'title': 'edited'})
    rows(page).first.click()
    act(page, 'Edit…').click()
    body, fault = page.get_by_role('textbox', name='Body'), page.locator('#edit-fault')
    expect(fault).to_have_text('')
    body.fill('{"title": "edited",\n  "a" 1}')
    expect(fault).to_have_text(re.compile('^This is not JSON: .*line 2'))
    expect(body).to_have_attribute('aria-invalid', 'true')
    assert violations(page, '#delivery') == []
    body.fill('plain text')
    expect(fault).to_have_text('')
    body.fill('{')
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery header b')).to_have_text('400 Bad Request')


def test_a_narrow_line_has_room_for_the_name_and_a_detail_leaves_the_buttons_of_the_list(page: Page, webhook: Webhook) -> None:
    post(webhook, {'action': 'Close', 'alert': {'message': 'Disk full on the narrow screen', 'alertId': '9', 'priority': 'P1'}})
    expect(rows(page).first.locator('.became')).to_have_text(re.compile(r'^→ incident \d+ info resolved · Close: Disk full'))
    page.set_viewport_size({'width': 360, 'height': 720})
    page.wait_for_function('''() => {
        const name = document.querySelector('#deliveries .row .became > bdi:last-of-type');
        return name && name.closest('.became').getBoundingClientRect().right - name.getBoundingClientRect().left > 90;
    }''')
    post(webhook, {}, query='?type=Phishing')
    expect(rows(page)).to_have_count(2)
    for width in (320, 390, 470, 590, 700, 830, 960, 1100, 1250, 1600):
        page.set_viewport_size({'width': width, 'height': 720})
        page.evaluate(DRAWN)
        became, line = (page.evaluate(f"document.querySelector('#deliveries {each}').getBoundingClientRect().width")
                        for each in ('.row .became', '.row'))
        assert became >= line / 2, width
        assert page.evaluate("document.getElementById('deliveries').scrollWidth") <= line
    expect(rows(page).first.locator('.path')).to_have_text('?type=Phishing')
    page.goto(f'{webhook.url}/#/incidents')
    page.wait_for_function("() => document.querySelector('#incidents .row .became')?.clientWidth > 90")
    page.set_viewport_size({'width': 1440, 'height': 760})
    page.goto(f'{webhook.url}/#/deliveries')
    rows(page).first.click()
    expect(page.locator('#delivery .result')).to_be_visible()
    for control in ('export-all', 'clear'):
        expect(page.locator(f'#{control}')).to_be_in_viewport(ratio=1)
    page.set_viewport_size(DESKTOP)


def test_the_samples_of_the_first_page_are_those_that_stand_first_in_the_table_of_senders(page: Page) -> None:
    expect(page.locator('#empty .acts button')).to_have_text(['Splunk', 'Azure Monitor', 'Okta', 'CrowdStrike', 'GitHub'])


def test_what_the_receiver_notes_is_in_the_line_and_beside_the_result(open_page: OpenPage, webhook: Webhook) -> None:
    page = open_page(webhook.url)
    noted = post(webhook, {'title': 'noted'}, query='?each=nowhere').headers['X-Webhook-Note']
    expect(rows(page).first.locator('.became')).to_have_text(re.compile(f'^→ incident \\d+ noted · {re.escape(noted)}$'))
    rows(page).first.click()
    expect(page.locator('#delivery .note')).to_have_text(f'Note: {noted}')
    post(webhook, {'action': 'Close', 'alert': {'message': 'over', 'alertId': '10'}}, query='?skip=resolved')
    expect(rows(page).first).to_contain_text('⊘ skipped: resolved')
    rows(page).first.click()
    page.locator('#part-log').click()
    expect(page.locator('#delivery-log')).to_contain_text('skipped: resolved')


# Lanes, and two deliveries beside each other.


NARROW: Any = {'width': 360, 'height': 720}
LANES = '''() => Object.fromEntries([...document.querySelectorAll('#lanes .row')].map((row) => {
    const text = (name) => [...row.querySelectorAll(name)].map((each) => each.textContent).join(' ');
    const times = ({textContent}) => Number(textContent.slice(1)) || 1;  // neighbours share a mark
    const all = [...row.querySelectorAll('.sign')].flatMap((mark) => Array(times(mark)).fill(mark.firstChild.data));
    return [text('.name'), [text('.state-word'), text('.unseen').split(', from')[0], all.join(' '),
                              row.querySelectorAll('.span').length]];
}))'''


def check_colors_and_width(page: Page) -> None:
    """Check that nothing is in the way of a screen reader, whatever the colors, and that a phone need not scroll sideways."""
    check_colors(page)
    page.set_viewport_size(NARROW)
    page.wait_for_function('''() => [document.documentElement, ...document.querySelectorAll('.detail')]
        .every((each) => each.scrollWidth <= each.clientWidth)''')
    page.set_viewport_size(DESKTOP)


def texts_of(rows: Locator) -> list[str]:
    return [' '.join(text.split()) for text in rows.all_text_contents()]


def first_payload(sender: str) -> Any:
    """Return what a recipe sends first."""
    return json.loads((ROOT / f'senders/{sender}/deliveries.json').read_text('utf-8'))['deliveries'][0]['payload']


def send_what_happened(webhook: Webhook) -> None:
    """Send a problem of Alertmanager, one of PagerDuty and one of a sender of one's own, each from its beginning to its end."""
    alerts, agent = first_payload('alertmanager'), 'Alertmanager/0.28.0'
    for token in ('wrong', TOKEN, TOKEN):
        post(webhook, alerts, token, User_Agent=agent)
    alerts['status'] = alerts['alerts'][0]['status'] = 'resolved'
    post(webhook, alerts, User_Agent=agent)
    paging = first_payload('pagerduty')
    for kind in ('triggered', 'triggered', 'acknowledged', 'resolved'):
        paging['event'] |= {'event_type': f'incident.{kind}', 'id': kind}
        post(webhook, paging, User_Agent='PagerDuty-Webhook/V3.0', X_Webhook_Id=kind)
    for over, flow in (('no', '1.0'), ('no', '1'), ('yes', '1'), ('no', '0.5')):
        body = f'{{"what": "Pump 3 is hot", "pump": 3, "over": "{over}", "flow": {flow}}}'
        post(webhook, body, query='?name=what&problem=pumps:pump&resolved=over=yes', User_Agent='pumps/1')


def test_a_lane_shows_what_happened_to_a_problem_and_leads_to_what_has_changed(open_page: OpenPage, webhook: Webhook) -> None:
    webhook.control('DELETE', 'deliveries')
    page = open_page(webhook.url)
    send_what_happened(webhook)
    with left(page, webhook, {'title': 'late for its lane'}, '?problem=late:title'):
        pass
    expect(rows(page).first).to_contain_text(re.compile(r'→ incident \d+ · ↯ left'))
    page.keyboard.press('2')
    expect(page.locator('#as-lanes')).to_be_visible()
    page.keyboard.press('l')
    expect(page.locator('#lanes .row', has_text='DiskFull')).to_be_visible()
    found = page.evaluate(LANES)
    expected = {'Pump 3 is hot': ['open', '3 × created, created: the end', '→ → → →', 2],
                'late for its lane': ['open', 'sender left, created', '↯ →', 1],
                '[firing] DiskFull: Disk of db-1 is full in 4 hours': [
                    'ended', 'rejected, 2 × created, created: the end', '✗ → → →', 1],
                'incident.acknowledged: Payment service is down': [
                    'ended', '2 × created, repeat, created: the end', '→ ↺ → →', 1]}
    assert {name: found[name] for name in expected} == expected
    states = [state for state, *_ in found.values()]
    assert states == sorted(states, key=['open', 'ended', ''].index)
    for keys in ('/', *'pump 3', 'ArrowDown', 'Enter'):
        page.keyboard.press(keys)
    expect(page.locator('#incident')).to_be_focused()
    events = page.locator('#incident .events tbody tr')
    assert texts_of(events.locator('.what')) == ['→ created', '→ created', '→ created: the end', '→ created']
    assert all(re.fullmatch(r'incident \d+', text) for text in texts_of(events.locator('.wide')))
    check_colors_and_width(page)
    page.reload()
    expect(page.locator('#lanes .row')).to_have_count(1)
    events.nth(1).get_by_role('link', name=re.compile('^Compare delivery')).press('Enter')
    changes = page.locator('.differences').first.locator('tbody tr')
    expect(changes).to_have_count(2)
    assert texts_of(changes) == ['3 equal: what, pump, over', '≠changed: flow1.01']


def test_a_delivery_is_compared_with_the_previous_one_of_its_sender_or_another(page: Page, webhook: Webhook) -> None:
    before: dict[str, Any] = {'title': 'Disk full on db-1', 'host': {'name': 'db-1', 'cpu': 4}, 'tags': ['a', 'b'], 'old': 1}
    after = {**before, 'title': 'Disk full on db-22', 'tags': ['new', 'a', 'b'], '<img src=x onerror=alert(1)>': {'deep': '<b>'}}
    del after['old']
    post(webhook, before, User_Agent='own/1')
    post(webhook, 'no JSON\nbut lines', User_Agent='other/1')
    post(webhook, after, User_Agent='own/1')
    expect(rows(page)).to_have_count(3)
    rows(page).first.click()
    expect(page.locator('#delivery .result')).to_be_visible()
    page.keyboard.press('d')
    body = page.locator('.differences').first.locator('tbody tr')
    expect(body.first).to_be_visible()
    assert texts_of(body) == [
        '≠changed: title"Disk full on db-1""Disk full on db-22"', '1 equal: host', '+added: tags.0not there"new"',
        '2 equal: 1, 2', '\N{MINUS SIGN}removed: old1not there', '+added: <img src=x onerror=alert(1)>not theredeep: "<b>"Copy']
    assert page.locator('.differences mark').all_text_contents()[:2] == ['1', '22']
    expect(page.locator('.comparison .several tr')).to_have_text([re.compile('db-1$'), re.compile(r'db-22 \(db-1\)$')])
    page.get_by_role('button', name='2 equal').press('Enter')
    expect(page.locator('.differences .equal')).to_have_count(2)
    check_colors_and_width(page)
    other = str(webhook.control('GET', 'deliveries')[1]['number'])
    page.get_by_label('Compare with').select_option(other)
    results = page.locator('.comparison .several')
    expect(results).to_contain_text('no JSON')
    page.reload()
    expect(results).to_contain_text('no JSON')
    assert f'tab=compare&with={other}' in page.url
    page.keyboard.press('d')
    expect(page.locator('#part-request[aria-current]')).to_be_visible()
    with socket.create_connection(('127.0.0.1', urlsplit(webhook.url).port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(b'no HTTP\r\n\r\n')
        assert b' 400 ' in sender.recv(100)
    post(webhook, before, User_Agent='')
    page.goto(f"{webhook.url}/#/deliveries?open={webhook.control('GET', 'deliveries')[0]['number']}&tab=compare")
    expect(page.locator('.comparison')).to_have_text('No earlier delivery of an unknown sender is kept here.')


# What a newcomer sees, and secrets.


def test_a_newcomer_sees_what_to_send(open_page: OpenPage, webhook: Webhook) -> None:
    webhook.control('DELETE', 'deliveries')
    page = open_page(webhook.url)
    expect(page.locator('#empty h2')).to_have_text('Nothing has arrived yet')
    expect(page.locator('#empty pre')).to_contain_text(f'curl -POST {webhook.webhook_url}')
    page.route('**/localxsoar/curl*', lambda route: route.fulfill(status=403, json={'error': 'only here'}))
    page.get_by_role('button', name='Copy', exact=True).last.click()
    expect(page.locator('#empty .wrong')).to_have_text('only here')
    assert TOKEN not in page.content()
    page.locator('#empty .acts button').first.click()
    expect(page.locator('#delivery .result')).to_be_visible()


def test_a_secret_is_masked_until_a_button_is_pressed(open_page: OpenPage, webhook: Webhook) -> None:
    webhook.control('DELETE', 'deliveries')
    page = open_page(webhook.url)
    post(webhook, {'title': f'leaks {TOKEN}', 'list': [TOKEN]})
    rows(page).first.click()
    headers = page.locator('#delivery .headers')
    expect(headers).to_contain_text('••••••')
    assert TOKEN not in page.content()
    assert TOKEN not in requests.get(f'{webhook.url}/localxsoar/deliveries', timeout=PATIENCE_SECONDS).text
    page.get_by_role('button', name='Show secrets').click()
    expect(headers).to_contain_text(TOKEN)
    page.get_by_role('button', name='Hide secrets').click()
    expect(headers).not_to_contain_text(TOKEN)


def test_the_form_rejects_a_bad_port_where_it_is_typed_and_saves_a_good_one(open_page: OpenPage, webhook: Webhook) -> None:
    page = open_page(f'{webhook.url}/#/instance')
    page.get_by_label('Listen Port').fill('abc')
    page.get_by_role('button', name='Save').click()
    expect(page.locator('#field-longRunningPort-wrong')).to_have_text(re.compile("Listen Port 'abc' is not a number"))
    page.get_by_label('Listen Port').fill(str(webhook.container_port))
    page.get_by_label('Incident type').fill('Phishing')
    page.get_by_role('button', name='Save').click()
    expect(page.locator('#action-status')).to_contain_text('Saved')
    wait_for(lambda: post(webhook, {'name': 'typed'}).ok and webhook.sent()[-1].get('type') == 'Phishing')


# The file that is shared of a delivery, in a browser that is offline.


def spellings(secret: str) -> list[str]:
    """Return ways in which a sender may show a secret."""
    return [secret, quote(secret, safe=''), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode(),
            ''.join(f'\\u{ord(each):04x}' for each in secret)]


def hostile_body() -> str:
    """Return JSON with markup and with each spelling of each secret, in keys and in values."""
    values = {f'a{at} {each}': [each, {each: each}] for at, each in enumerate(MARKUP)}
    leaks = ', '.join(f'"{name}{at}": "leaks {each}"' for name, secret in (('former', FORMER), ('now', TOKEN))
                      for at, each in enumerate(map(escaped, spellings(secret))))
    return json.dumps({'title': MARKUP[0], **values})[:-1] + f', {leaks}}}'


def escaped(text: str) -> str:
    """Return a text that can stand in JSON; what is escaped already stays as it is."""
    return re.sub(r'(?<!\\)"', r'\\"', text)


def share(page: Page, webhook: Webhook, folder: Path) -> Path:
    """Open the newest delivery, and return the file that is shared of it."""
    found = webhook.control('GET', 'deliveries')[0]
    page.goto(f'{webhook.url}/#/deliveries/{found["number"]}')
    with page.expect_download() as download:
        act(page, 'Share').click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == f'delivery-{found["number"]}.html'
    return file


def assert_no_secret(content: str) -> None:
    for secret in (FORMER, TOKEN):
        for each in spellings(secret):
            assert each not in content and each.rstrip('=') not in content


def test_a_hostile_delivery_is_shared_as_a_file_in_which_nothing_runs_or_loads_and_no_secret_is(
    open_page: OpenPage, browser: Browser, webhook: Webhook, tmp_path: Path
) -> None:
    answer = post(webhook, gzip.compress(hostile_body().encode()), query=f'?note={quote(MARKUP[0])}&key={quote(FORMER)}',
                  X_Markup=MARKUP[1], X_Former=f'was {FORMER}', User_Agent=MARKUP[4], Content_Encoding='gzip')
    assert answer.status_code == 200, answer.text
    file = share(open_page(webhook.url), webhook, tmp_path)
    content = file.read_text('utf-8')
    assert_no_secret(content)
    for scripts in (True, False):
        with new_context(browser, java_script_enabled=scripts, offline=True) as context:
            reader = context.new_page()
            asked: list[str] = []
            reader.on('request', lambda request: asked.append(request.url))  # noqa: B023
            reader.goto(file.as_uri())
            expect(reader).to_have_title(re.compile(r'^Delivery \d+ · '))
            expect(reader.locator('script, img, svg, a, iframe, object')).to_have_count(0)
            expect(reader.locator('body')).to_contain_text(MARKUP[0])
            expect(reader.locator('body')).to_contain_text('••••••')
            assert asked == [file.as_uri()]
            deep = reader.locator('ul.tree > li > details').first
            deep.locator('summary').first.click()
            expect(deep).not_to_have_attribute('open', '')
            if scripts:
                assert reader.evaluate(INLINE_SCRIPT).startswith('Delivery'), 'the policy of the file lets no script run'


def test_a_rejection_its_checklist_and_its_log_are_shared_and_can_be_read_by_everybody(
    open_page: OpenPage, webhook: Webhook, tmp_path: Path
) -> None:
    post(webhook, {'title': 'rejected'}, f'Bearer {TOKEN}', User_Agent='ticket/1')
    page = open_page(f'{webhook.url}/#/deliveries')
    page.locator('#deliveries .row').first.click()
    expect(page.locator('#part-log')).to_have_text(re.compile(r'^Log \d+$'))  # the log comes a moment later
    file = share(page, webhook, tmp_path)
    assert_no_secret(file.read_text('utf-8'))
    page.goto(file.as_uri())
    for words in ('Authorization contains the token, after "Bearer"', 'POST 401', '"ticket/1"', 'title: "rejected"'):
        expect(page.locator('body')).to_contain_text(words)
    check_colors(page)


# The address, which has all that a person chose: a reload, Back and a pasted address give it again.


RUNS = count(1)


@pytest.fixture
def word(webhook: Webhook) -> str:
    """Send nine deliveries, the only ones that are kept, and return a word that is in each title, and in no other test's."""
    webhook.control('DELETE', 'deliveries')
    word = f'nine-{next(RUNS)}'
    for number in range(3):
        post(webhook, {'title': f'one {number} {word}', 'severity': 'high'}, User_Agent='one/1')
        post(webhook, {'title': f'two {number} {word}', 'severity': 'low'}, User_Agent='two&more/1')
        post(webhook, {'title': f'rejected {word}'}, token='wrong', User_Agent='two&more/1')
    return word


def first_number(webhook: Webhook) -> int:
    return int(webhook.control('GET', 'deliveries')[-1]['number'])


def address(page: Page) -> tuple[str, dict[str, str]]:
    """Return the view and the parameters of the page's address."""
    path, _, query = urlsplit(page.url).fragment.partition('?')
    return path, {name: value for name, [value] in parse_qs(query, strict_parsing=bool(query)).items()}


def seen(page: Page) -> Any:
    """Return what a person sees of what was chosen among the deliveries."""
    expect(page.locator('#deliveries .row').first).to_be_visible()
    return page.evaluate('''() => ({
        search: document.getElementById('search').value,
        kinds: [...document.querySelectorAll('#kinds [aria-pressed=true]')].map((each) => each.dataset.kind),
        sender: document.getElementById('sender').selectedOptions[0]?.textContent.split(' (')[0],
        rows: [...document.querySelectorAll('#deliveries .row')].map((row) => row.id),
        open: document.querySelector('#delivery:not([hidden]) h2')?.textContent || '',
        tab: document.querySelector('#delivery:not([hidden]) .tabs [aria-current]')?.id || '',
    })''')


@pytest.mark.usefixtures('word')
def test_filters_search_the_open_delivery_and_its_tab_are_found_again(open_page: OpenPage, webhook: Webhook) -> None:
    page = open_page(webhook.url)
    page.get_by_role('button', name=re.compile('^created')).click()
    page.get_by_label('Sender').select_option('two&more (3)')
    search = page.get_by_label('Search')
    search.fill(f'{search.input_value()} two')
    expect(page.locator('#shown-deliveries')).to_have_text('3 of 9')
    page.locator('#deliveries .row').nth(1).click()
    page.locator('#part-response').click()
    expect(page.locator('#part-response[aria-current]')).to_be_visible()
    chosen = {'q': 'became:created sender:"two&more" two', 'open': str(first_number(webhook) + 4), 'tab': 'response'}
    assert address(page) == ('/deliveries', chosen)
    before = seen(page)
    assert (before['kinds'], before['sender'], before['tab']) == (['created'], 'two&more', 'part-response')
    assert len(before['rows']) == 3
    page.reload()
    expect(page.locator('#part-response[aria-current]')).to_be_visible()
    assert seen(page) == before
    other = open_page(page.url)  # as a colleague pastes it
    expect(other.locator('#part-response[aria-current]')).to_be_visible()
    assert seen(other) == before
    page.get_by_role('link', name='Log').click()
    expect(page.get_by_label('Search')).to_have_value('')
    page.go_back()
    expect(page.locator('#part-response[aria-current]')).to_be_visible()
    assert seen(page) == before and address(page) == ('/deliveries', chosen)
    page.go_back()  # to where nothing was open
    expect(page.locator('#delivery')).to_be_hidden()
    assert seen(page) == {**before, 'open': '', 'tab': ''}
    page.go_forward()
    expect(page.locator('#part-response[aria-current]')).to_be_visible()


@pytest.mark.usefixtures('word')
def test_a_step_in_the_list_adds_nothing_to_the_history_and_opening_does(open_page: OpenPage, webhook: Webhook) -> None:
    page = open_page(f'{webhook.url}/#/deliveries')
    page.locator('#deliveries .row').first.click()
    expect(page.locator('#delivery .result')).to_be_visible()
    for number in range(first_number(webhook) + 7, first_number(webhook) + 4, -1):
        page.keyboard.press('j')
        page.wait_for_url(re.compile(f'open={number}'))
    page.go_back()
    expect(page.locator('#delivery')).to_be_hidden()
    page.go_back()
    assert page.url == 'about:blank'


def test_each_view_has_its_own_choices_and_keeps_them(open_page: OpenPage, webhook: Webhook, word: str) -> None:
    page = open_page(f'{webhook.url}/#/incidents?sort=severity&q=status:open+{word}')
    rows = page.locator('#incidents .row .became')
    expect(rows).to_have_text([f'{name} {number} {word}' for name in ('one', 'two') for number in (2, 1, 0)])
    expect(page.get_by_label('Sort by')).to_have_value('severity')
    expect(page.locator('#open-only')).to_have_attribute('aria-pressed', 'true')
    page.get_by_role('link', name=re.compile('^Deliveries')).click()
    expect(page.get_by_label('Search')).to_have_value('')
    expect(page.locator('#deliveries .row')).to_have_count(9)
    page.keyboard.press('6')
    page.get_by_label('Level').select_option('error')
    assert address(page) == ('/log', {'level': 'error'})
    page.keyboard.press('2')
    expect(page.get_by_label('Search')).to_have_value(f'status:open {word}')
    page.get_by_label('Sort by').select_option('')
    page.locator('#open-only').click()
    assert address(page) == ('/incidents', {'q': word})
    page.keyboard.press('6')
    expect(page.get_by_label('Level')).to_have_value('error')
    number = first_number(webhook)
    page.goto(f'{webhook.url}/#/deliveries/{number}')  # an address as it was before
    page.wait_for_url(f'{webhook.url}/#/deliveries?open={number}')


def test_a_draft_outlives_a_reload_but_not_with_secrets(page: Page, webhook: Webhook) -> None:
    post(webhook, {'title': 'drafted'})
    rows(page).first.click()
    body = page.get_by_role('textbox', name='Body')
    act(page, 'Edit…').click()
    body.fill('half writ')
    page.reload()
    expect(page.locator('#edit')).to_have_text('Edit… (unsent)')
    act(page, 'Edit…').click()
    expect(body).to_have_value('half writ')
    page.get_by_role('button', name='Discard').click()
    page.locator('#secrets').click()
    expect(page.locator('#secrets')).to_have_text('Hide secrets')
    act(page, 'Edit…').click()
    body.fill(f'half {TOKEN}')
    page.reload()
    expect(page.locator('#edit')).to_have_text('Edit…')
    assert TOKEN not in page.evaluate('JSON.stringify({...sessionStorage, ...localStorage})')


MARKED = '''() => [...(CSS.highlights.get('hits') || [])].map((range) => `${range}`.toLowerCase())'''


def test_a_search_leads_to_its_hits_marks_them_and_finds_details_of_incidents(
    open_page: OpenPage, webhook: Webhook, word: str
) -> None:
    page = open_page(f'{webhook.url}/#/deliveries')
    page.keyboard.press('/')
    page.keyboard.type('two&more two')
    expect(page.locator('#shown-deliveries')).to_have_text(re.compile(r'^6 of \d+$'))
    page.wait_for_function(f"() => ({MARKED})().includes('two')")
    page.keyboard.press('ArrowDown')
    expect(page.locator('#deliveries')).to_be_focused()
    expect(page.locator('#deliveries [aria-selected=true]')).to_have_attribute('aria-posinset', '1')
    page.keyboard.press('ArrowDown')
    page.keyboard.press('Enter')
    expect(page.locator('#delivery')).to_be_focused()
    page.keyboard.press('Escape')
    page.keyboard.press('/')
    page.get_by_label('Search').fill('severity high')
    expect(page.locator('#shown-deliveries')).to_have_text(re.compile(r'^3 of \d+$'))
    page.keyboard.press('Enter')
    expect(page.locator('#delivery .tree')).to_be_visible()
    page.wait_for_function(f"() => ({MARKED})().filter((each) => each === 'severity').length === 1")
    page.goto(f'{webhook.url}/#/incidents?q={word}+user-agent+one%2F1')  # which only the details have
    rows = page.locator('#incidents .row .became')
    known = [f'one {number} {word}' for number in (2, 1, 0)]
    expect(rows).to_have_text(known)
    post(webhook, {'title': f'one more {word}'}, User_Agent='one/1')
    expect(rows).to_have_text([f'one more {word}', *known])
    page.get_by_label('Search').fill('nowhere-in-any-incident')
    expect(page.locator('#none-incidents')).to_contain_text('match.')
    page.get_by_label('Search').fill('')
    page.wait_for_function(f'() => ({MARKED})().length === 0')
