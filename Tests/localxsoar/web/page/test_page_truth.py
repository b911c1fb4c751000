"""What the page says of deliveries and incidents is true also where several are alike, late, removed or still unknown."""
from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from browser import DESKTOP, complaints_of, new_context, violations
from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT, wait_for
from playwright.sync_api import Browser, Locator, Page, expect
from webhook import TOKEN, Webhook, request_bytes

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
OPTIONS = ('--senders', str(ROOT / 'senders'), '--curl-header', 'Authorization: {auth_header}', '--keep', str(KEPT))


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook(*OPTIONS) as running:
        running.token = ''  # it prints its token, in the command to try
        yield running


@pytest.fixture(scope='module')
def shared(browser: Browser, webhook: Webhook) -> Iterator[Page]:
    with new_context(browser) as context:
        shown = context.new_page()
        complaints = complaints_of(shown)
        yield shown
        assert complaints == []


@pytest.fixture
def page(shared: Page, webhook: Webhook) -> Page:
    """The page without deliveries."""
    webhook.control('DELETE', 'deliveries')
    shared.goto('about:blank')
    shared.goto(f'{webhook.url}/#/deliveries')
    expect(shared.locator('#empty')).to_be_visible()
    return shared


def post(webhook: Webhook, body: Any, token: str = TOKEN, query: str = '', **headers: str) -> requests.Response:
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    data = body if isinstance(body, str) else json.dumps(body)
    return requests.post(webhook.webhook_url + query, data.encode(), headers={'Authorization': token, **named},
                         timeout=PATIENCE_SECONDS)


def post_and_leave(webhook: Webhook, body: Any, query: str = '') -> None:
    """Post while calls hang, and leave once the request waits for one."""
    url = urlsplit(webhook.url)
    with socket.create_connection((url.hostname, url.port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(request_bytes(webhook.webhook_url + query, json.dumps(body).encode(), {'Authorization': TOKEN}))
        wait_for(lambda: webhook.control('GET', 'deliveries')[0]['size'] == len(json.dumps(body)))


def rows(page: Page) -> Locator:
    return page.locator('#deliveries .row')


def test_a_delivery_whose_sender_left_and_its_incident_that_came_later_are_linked(page: Page, webhook: Webhook) -> None:
    webhook.faults(hang=True)
    try:
        post_and_leave(webhook, {'title': 'came late', 'severity': 'high'})
        expect(rows(page).first).to_contain_text('The sender left before the response.')
        page.evaluate(HOLD_DETAIL)
        rows(page).first.click()
        page.wait_for_url(re.compile(r'[?]open=\d+$'))
        delivery = page.url
    finally:
        webhook.faults(hang=False)
    said = re.compile(r'→ incident \d+ high · came late · the sender had left')
    expect(rows(page).first).to_contain_text(said)
    page.evaluate('release()')
    expect(page.locator('#delivery .result')).to_have_text(said)
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
    said = [re.compile(r'↺ incident \d+ repeat of thrice')] * 2 + [re.compile(r'→ incident \d+ thrice')]
    expect(rows(page).locator('.became')).to_have_text(said)
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
    expect(rows(page).first.locator('.became')).to_have_text('→ 2 incidents gravest critical · api-2 (+1 more)')
    expect(rows(page).first.locator('.severity.critical')).to_have_text('critical')


def test_what_was_removed_to_make_room_is_counted_and_offers_nothing_more(page: Page, webhook: Webhook) -> None:
    for number in range(KEPT):
        post(webhook, {'title': f'number {number}'})
    expect(rows(page)).to_have_count(KEPT)
    removed = page.locator('#removed-deliveries')
    expect(removed).to_be_hidden()
    rows(page).last.click()
    expect(page.locator('#export')).to_be_visible()
    for number in range(2):
        post(webhook, {'title': f'another {number}'})
    expect(removed).to_have_text(f'{KEPT} kept, 2 older removed')
    expect(page.locator('#delivery .reason').first).to_have_text('This delivery is no longer kept.')
    for name in ('send-came', 'edit', 'copy-curl', 'save-recipe'):
        expect(page.locator(f'#{name}')).to_be_disabled()
    for name in ('export', 'secrets'):
        expect(page.locator(f'#{name}')).to_have_count(0)
    page.reload()
    expect(removed).to_have_text(f'{KEPT} kept, 2 older removed')
    webhook.control('DELETE', 'deliveries')
    expect(removed).to_be_hidden()


def test_the_log_of_its_time_is_beside_a_delivery(page: Page, webhook: Webhook) -> None:
    post(webhook, {'title': 'logged'}, token='wrong', User_Agent='logged/1')
    rows(page).first.click()
    tab = page.locator('#part-log')
    expect(tab).to_have_text(re.compile(r'^Log \d+$'))
    tab.click()
    expect(page.locator('#delivery-log .lines div', has_text='"logged/1"')).to_contain_text('POST 401')


def test_the_health_is_true_also_while_the_lists_are_paused(page: Page, webhook: Webhook) -> None:
    page.get_by_role('button', name='Pause').click()
    webhook.control('POST', 'instance/disable')
    try:
        expect(page.locator('#health')).to_contain_text('disabled')
    finally:
        webhook.renew()
    expect(page.locator('#health')).to_contain_text('Healthy')


def test_nothing_is_said_of_a_search_before_the_server_has_searched_the_bodies(page: Page, webhook: Webhook) -> None:
    post(webhook, {'title': 'searched', 'deep': 'in-the-body'})
    expect(rows(page)).to_have_count(1)
    held: list[Any] = []
    page.route('**/deliveries/search?*', lambda route: held.append(route))
    with page.expect_request('**/deliveries/search?*'):
        page.get_by_label('Search').fill('in-the-body')
    shown = page.locator('#shown-deliveries')
    expect(shown).to_have_text('searching…')
    expect(page.locator('#none-deliveries')).to_be_hidden()
    held[0].continue_()
    expect(shown).to_have_text('')
    expect(rows(page)).to_have_count(1)
    page.unroute_all()
    page.route('**/deliveries/search?*', lambda route: route.abort())
    page.get_by_label('Search').fill('elsewhere')
    expect(shown).to_have_text('headers and bodies not searched: no connection')
    page.unroute_all()
    page.get_by_label('Search').fill('')


def test_a_wrong_token_in_the_url_is_repaired_in_the_url(page: Page, webhook: Webhook) -> None:
    answered = requests.post(f'{webhook.webhook_url}?token=wrong', json={'title': 'by url'}, timeout=PATIENCE_SECONDS)
    assert answered.status_code == 401
    rows(page).first.click()
    page.get_by_role('button', name='Repair and send').click()
    expect(page.locator('#delivery header b')).to_have_text('200 OK')
    expect(page.locator('#delivery .links')).to_contain_text('The query parameter token was replaced.')
    expect(page.locator('#delivery .links')).to_contain_text('In the sender, add token=<token> to the query of the URL.')
    expect(page.locator('#delivery .headers').first).not_to_contain_text('Authorization')


def test_the_tree_is_one_tab_stop_with_arrows_and_shows_the_path_of_what_has_the_focus(page: Page, webhook: Webhook) -> None:
    number = post(webhook, {'title': '4', 'deep': {'a': {'b': ['4', 4, '', ' \t', None]}}, 'end': True}).json()[0]['id']
    page.goto(f'{webhook.url}/#/incidents/{number}')
    tree, at = page.locator('#incident .tree'), page.locator('#incident .at')
    expect(tree.locator('[tabindex="0"]')).to_have_count(1)
    tree.locator('.item').first.focus()
    for keys, path in (('', 'title'), ('ArrowDown', 'deep'), ('ArrowRight', 'deep.a'), ('ArrowRight ArrowRight', 'deep.a.b'),
                       ('ArrowRight ArrowRight', 'deep.a.b.0'), ('ArrowDown', 'deep.a.b.1'), ('ArrowLeft', 'deep.a.b'),
                       ('ArrowLeft ArrowLeft', 'deep.a'), ('ArrowUp', 'deep'), ('End', 'headers'), ('Home', 'title')):
        for key in keys.split():
            page.keyboard.press(key)
        expect(at).to_have_text(re.compile(f'^{re.escape(path)}(\\.|$)' if path == 'headers' else f'^{re.escape(path)}$'))
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
    media: tuple[dict[str, Any], ...] = ({'color_scheme': 'light'}, {'color_scheme': 'dark'}, {'forced_colors': 'active'})
    for each in media:
        page.emulate_media(**each)
        assert violations(page) == []
    page.emulate_media(color_scheme='light', forced_colors='none')


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
    page.get_by_role('button', name='Edit…').click()
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


def test_what_the_receiver_notes_is_in_the_line_and_beside_the_result(page: Page, webhook: Webhook) -> None:
    noted = post(webhook, {'title': 'noted'}, query='?each=nowhere').headers['X-Webhook-Note']
    expect(rows(page).first.locator('.became')).to_have_text(re.compile(f'^→ incident \\d+ noted · {re.escape(noted)}$'))
    rows(page).first.click()
    expect(page.locator('#delivery .note')).to_have_text(f'Note: {noted}')
    post(webhook, {'action': 'Close', 'alert': {'message': 'over', 'alertId': '10'}}, query='?skip=resolved')
    expect(rows(page).first).to_contain_text('no incident')
    rows(page).first.click()
    page.locator('#part-log').click()
    expect(page.locator('#delivery-log')).to_contain_text('skipped: resolved')


# Lanes, and two deliveries beside each other.


COLORS: tuple[Any, ...] = ({}, {'color_scheme': 'dark'}, {'forced_colors': 'active'})
NARROW: Any = {'width': 360, 'height': 720}
LANES = '''() => Object.fromEntries([...document.querySelectorAll('#lanes .row')].map((row) => {
    const text = (name) => [...row.querySelectorAll(name)].map((each) => each.textContent).join(' ');
    return [text('.name'), [text('.state-word'), text('.unseen').split(', from')[0], text('.sign'),
                              row.querySelectorAll('.span').length]];
}))'''


def check_colors_and_width(page: Page) -> None:
    """Check that nothing is in the way of a screen reader, whatever the colors, and that a phone need not scroll sideways."""
    for colors in COLORS:
        page.emulate_media(**{'color_scheme': 'light', 'forced_colors': 'none', **colors})
        assert violations(page) == [], colors
    page.emulate_media(color_scheme='light', forced_colors='none')
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


def test_a_lane_shows_what_happened_to_a_problem_and_leads_to_what_has_changed(page: Page, webhook: Webhook) -> None:
    send_what_happened(webhook)
    webhook.faults(hang=True)
    try:
        post_and_leave(webhook, {'title': 'late for its lane'}, '?problem=late:title')
        expect(rows(page).first).to_contain_text('The sender left before the response.')
    finally:
        webhook.faults(hang=False)
    expect(rows(page).first).to_contain_text('the sender had left')
    page.keyboard.press('2')
    expect(page.locator('#as-lanes')).to_be_visible()
    page.keyboard.press('l')
    expect(page.locator('#lanes .row', has_text='DiskFull')).to_be_visible()
    found = page.evaluate(LANES)
    expected = {'Pump 3 is hot': ['open', '2 × created, again, end', '● ○ ✓ ●', 2],
                'late for its lane': ['open', 'sender left, created', '↯ ●', 1],
                '[firing] DiskFull: Disk of db-1 is full in 4 hours': ['ended', 'rejected, created, again, end', '✗ ● ○ ✓', 1],
                'incident.acknowledged: Payment service is down': ['ended', 'created, repeat, again, end', '● ↺ ○ ✓', 1]}
    assert {name: found[name] for name in expected} == expected
    states = [state for state, *_ in found.values()]
    assert states == sorted(states, key=['open', 'ended', ''].index)
    for keys in ('/', *'pump 3', 'ArrowDown', 'Enter'):
        page.keyboard.press(keys)
    expect(page.locator('#incident')).to_be_focused()
    events = page.locator('#incident .events tbody tr')
    assert texts_of(events.locator('.what')) == ['● created', '○ again', '✓ end', '● created']
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
