"""The local XSOAR's page in a real browser: what a person sees within a second of a request, and can do about it."""
from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, open_browser
from local_xsoar import ROOT, LocalXsoar, needs, wait_for
from playwright.sync_api import Browser, Page, expect
from webhook import TOKEN, Webhook

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason='no chromium on the path')
SENDERS = ('--senders', str(ROOT / 'senders'))
VIEWS = ('deliveries', 'incidents', 'try', 'instance', 'log')
SOON = 1000  # milliseconds within which a request is seen


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with open_browser() as running:
        yield running


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook(*SENDERS) as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page; at the end nothing must have been complained of on its console."""
    complaints: list[str] = []
    contexts = []

    def open_at(url: str, **options: Any) -> Page:
        context = browser.new_context(**{'viewport': {'width': 1280, 'height': 760}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on('pageerror', lambda error: complaints.append(str(error)))
        page.on('console', lambda message: complaints.append(message.text) if message.type in ('error', 'warning') else None)
        page.goto(url)
        expect(page.locator('#address')).to_contain_text('/instance/execute/')
        return page

    yield open_at
    for context in contexts:
        context.close()
    # The browser itself notes a server that was stopped, and a form that was refused.
    assert [text for text in complaints if not text.startswith('Failed to load resource: ')] == []


@pytest.fixture
def page(open_page: Callable[..., Page], webhook: Webhook) -> Page:
    return open_page(webhook.url)


def post(webhook: Webhook, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
    data = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return requests.post(webhook.webhook_url, data.encode(), headers={'Authorization': token, **named}, timeout=30)


def newest(page: Page) -> Any:
    return page.locator('#deliveries .row').first


def open_newest(page: Page, text: str) -> None:
    expect(newest(page)).to_contain_text(text)
    newest(page).click()
    expect(page.locator('#delivery .told')).to_contain_text(text)


def test_a_newcomer_sees_what_to_send(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS, '--curl-header', 'Authorization: {auth_header}', token='newcomer-token') as webhook:
        webhook.token = ''  # the command to try is printed with it
        page = open_page(webhook.url)
        expect(page.locator('#empty h2')).to_have_text('Nothing has arrived yet')
        expect(page.locator('#empty pre')).to_contain_text(f'curl -POST {webhook.webhook_url}')
        assert 'newcomer-token' not in page.content()
        page.locator('#empty .acts button').first.click()
        expect(page.locator('#delivery .told')).to_be_visible()


def test_a_delivery_and_its_incident_are_seen_within_a_second(page: Page, webhook: Webhook) -> None:
    number = post(webhook, {'name': 'seen at once'}).json()[0]['id']
    expect(newest(page)).to_contain_text(f'→ {number}seen at once', timeout=SOON)
    page.get_by_role('link', name='Incidents').click()
    expect(page.locator('#incidents .row').first).to_contain_text('seen at once', timeout=SOON)


def test_a_refusal_shows_its_reason_and_a_wrong_instance_is_seen(page: Page, webhook: Webhook) -> None:
    post(webhook, {}, token='wrong')
    expect(newest(page)).to_contain_text('401', timeout=SOON)
    expect(newest(page)).to_contain_text('is not the token')
    requests.post(f'{webhook.url}/instance/execute/webhok', timeout=30)
    expect(newest(page)).to_contain_text("There is no instance 'webhok'", timeout=SOON)


def test_what_comes_twice_is_told_as_a_repeat(page: Page, webhook: Webhook) -> None:
    first, second = (post(webhook, {'name': 'twice'}, Idempotency_Key='twice').json()[0]['id'] for _ in range(2))
    assert first == second
    expect(newest(page)).to_contain_text(f'↺ {first}repeat of twice')


def test_it_is_sent_again_as_it_came_and_edited(page: Page, webhook: Webhook) -> None:
    post(webhook, {'name': 'again'})
    open_newest(page, 'again')
    first = page.url
    page.get_by_role('button', name='Send again').click()
    page.wait_for_url(lambda url: url != first)
    expect(page.locator('#delivery .told')).to_contain_text('again')
    page.get_by_role('button', name='Edit…').click()
    page.get_by_role('textbox', name='Body').fill('{"name": "edited"}')
    page.get_by_role('button', name='Send', exact=True).click()
    expect(page.locator('#delivery .told')).to_contain_text('edited')
    assert webhook.names()[-3:] == ['again', 'again', 'edited']


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


def test_a_secret_is_masked_until_a_button_is_pressed(page: Page, webhook: Webhook) -> None:
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
    page.get_by_role('button', name='Copy as curl').click()
    expect(page.locator('#copy-curl')).to_have_text('Copied')
    command = page.evaluate('navigator.clipboard.readText()')
    assert command.startswith(f"curl -X POST '{webhook.webhook_url}'") and f'Authorization: {TOKEN}' in command
    assert "it'\\''s copied" in command


def test_a_copied_curl_takes_neither_a_body_for_a_file_nor_a_url_for_a_pattern(page: Page, webhook: Webhook) -> None:
    needs('curl')
    page.context.grant_permissions(['clipboard-read', 'clipboard-write'])
    body = f"@{ROOT / 'LICENSE'}"
    requests.post(f'{webhook.webhook_url}?a[]={{b,c}}', body, headers={'Authorization': TOKEN, 'X-Empty': ''}, timeout=30)
    open_newest(page, body)
    page.get_by_role('button', name='Copy as curl').click()
    expect(page.locator('#copy-curl')).to_have_text('Copied')
    command = page.evaluate('navigator.clipboard.readText()')
    assert subprocess.run(['bash', '-c', command], capture_output=True, timeout=30, check=False).returncode == 0
    again, first = (requests.get(f"{webhook.url}/localxsoar/deliveries/{each['number']}", timeout=30).json()
                    for each in requests.get(f'{webhook.url}/localxsoar/deliveries', timeout=30).json()[:2])
    names = [{header['name'].lower() for header in each['request']['headers']} - {'connection', 'accept-encoding'}
             for each in (again, first)]
    assert (again['target'], again['request']['body'], names[0]) == (first['target'], body, names[1])


@pytest.mark.parametrize('sender', ['GitHub', 'Slack', 'Stripe'])
def test_a_signed_sender_is_tried_with_one_press(page: Page, webhook: Webhook, sender: str) -> None:
    page.get_by_role('link', name='Try it').click()
    page.get_by_role('button', name=re.compile(f'^Send {sender}: ')).first.click()
    expect(page.locator('#delivery header b')).to_have_text('200 OK')
    expect(page.locator('#delivery .meta')).to_contain_text(sender)
    expect(page.locator('#delivery .told')).to_contain_text('→')


def test_the_form_refuses_a_bad_port_where_it_stands_and_saves_a_good_one(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        page = open_page(f'{webhook.url}/#/instance')
        page.get_by_label('Listen Port').fill('abc')
        page.get_by_role('button', name='Save').click()
        expect(page.locator('#field-longRunningPort-wrong')).to_have_text(re.compile("Listen Port 'abc' is not a number"))
        page.get_by_label('Listen Port').fill(str(webhook.container_port))
        page.get_by_label('Incident type').fill('Phishing')
        page.get_by_role('button', name='Save').click()
        expect(page.locator('#said')).to_contain_text('Saved', timeout=15_000)
        webhook.wait_for_line('Ready')
        wait_for(lambda: post(webhook, {'name': 'typed'}).status_code == 200)
        assert post(webhook, {'name': 'typed'}).json()[0]['type'] == 'Phishing'


def test_disable_and_enable_restart_the_container(open_page: Callable[..., Page]) -> None:
    with Webhook(*SENDERS) as webhook:
        page = open_page(f'{webhook.url}/#/instance')
        pid = webhook.state()['pid']
        page.get_by_role('button', name='Disable').click()
        expect(page.locator('#health')).to_have_text('disabled', timeout=15_000)
        assert post(webhook, {}).status_code == 503
        page.get_by_role('button', name='Enable').click()
        expect(page.locator('#health')).to_contain_text('in order', timeout=15_000)
        assert webhook.state()['pid'] not in (None, pid)
        expect(newest(page)).to_contain_text('does not accept connections')


def test_the_page_finds_its_server_again_after_a_restart(open_page: Callable[..., Page]) -> None:
    first = Webhook(*SENDERS)
    with first:
        page = open_page(first.url)
        post(first, {'name': 'before'})
        expect(newest(page)).to_contain_text('before')
    expect(page.locator('#lost')).to_be_visible()
    with Webhook(*SENDERS, '--port', first.url.rpartition(':')[2]) as second:
        expect(page.locator('#lost')).to_be_hidden(timeout=15_000)
        expect(page.locator('#empty')).to_be_visible()
        post(second, {'name': 'after'})
        expect(newest(page)).to_contain_text('after', timeout=SOON)


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
    page.locator('#pill-deliveries').click()
    expect(newest(page)).to_contain_text('on top')


def test_all_of_it_works_by_keyboard(page: Page, webhook: Webhook) -> None:
    for name in ('key one', 'key two'):
        post(webhook, {'name': name})
    expect(newest(page)).to_contain_text('key two')
    page.keyboard.press('j')
    page.keyboard.press('j')
    page.keyboard.press('Enter')
    expect(page.locator('#delivery .told')).to_contain_text('key one')
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
    page.keyboard.press('5')
    expect(page.locator('#log')).to_be_visible()


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


@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('view', VIEWS)
def test_nothing_stands_in_the_way_of_a_screen_reader(
    open_page: Callable[..., Page], webhook: Webhook, view: str, scheme: str
) -> None:
    post(webhook, {'title': 'read aloud', 'nested': {'a': [1, None, 'text']}})
    page = open_page(f'{webhook.url}/#/{view}', color_scheme=scheme)
    if view in ('deliveries', 'incidents'):
        page.locator(f'#{view} .row').first.click()
        expect(page.locator('.detail .tree').first).to_be_visible()
    violations = Axe().run(page).response['violations']
    assert [(each['id'], [node['html'] for node in each['nodes']]) for each in violations] == []


def test_the_page_asks_no_other_host_and_runs_nothing_but_its_script(webhook: Webhook) -> None:
    answer = requests.get(webhook.url, timeout=30)
    assert "default-src 'none'; script-src 'self'" in answer.headers['Content-Security-Policy']
    assert not re.findall(r'https?://|innerHTML|\son\w+=|style=', answer.text)
    assert 'innerHTML' not in requests.get(f'{webhook.url}/script.js', timeout=30).text


def test_a_form_of_every_type_shows_no_secret_and_hands_over_what_was_typed(open_page: Callable[..., Page]) -> None:
    echo = ROOT / 'Tests' / 'localxsoar' / 'packs' / 'Echo'
    with LocalXsoar(pack=echo, params={'account': 'kim:h4sh-hush', 'secret': 'h4sh-hash'}) as xsoar:
        page = open_page(f'{xsoar.url}/#/instance')
        expect(page.get_by_label('Account', exact=True)).to_have_value('kim')
        assert 'h4sh' not in page.content() + requests.get(f'{xsoar.url}/localxsoar/instance', timeout=30).text
        page.get_by_label('Loud').check()
        page.get_by_label('Color').select_option('blue')
        page.get_by_role('button', name='Save').click()
        expect(page.locator('#said')).to_contain_text('Saved', timeout=15_000)
        wait_for(lambda: requests.post(xsoar.webhook_url + '/params', timeout=30).ok)
        given = requests.post(xsoar.webhook_url + '/params', timeout=30).json()
        assert (given['loud'], given['color'], given['secret'], given['account']['password']) == (
            True, 'blue', 'h4sh-hash', 'h4sh-hush')
