"""The page beside pages of others, after a crash or a restart, and while much arrives."""
from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import requests
from shared.browser import Tab, violations
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import Answering, LocalXsoar, served
from playwright.sync_api import Browser, Page, expect
from pages import DRAWN, ECHO, OpenPage, newest, post, send
from shared.webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets


@contextmanager
def serve_page(text: str) -> Iterator[str]:
    """The URL of a page on another site: `localhost` is another one than `127.0.0.1`."""
    class Handler(Answering):
        def do_GET(self) -> None:
            self.answer(200, text.encode(), **{'Content-Type': 'text/html'})

    with served(Handler) as url:
        yield url.replace('127.0.0.1', 'localhost')


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


def test_a_crash_is_red_and_shows_its_traceback_once(open_page: OpenPage, echo: LocalXsoar) -> None:
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


def test_a_fault_is_switched_on_and_off_from_the_page(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/instance')
    faults = page.locator('#faults')
    faults.locator('summary').click()
    expect(faults.locator('code')).to_have_text([*webhook.control('GET', 'faults')])
    assert violations(page, '#faults') == []
    page.get_by_label('refuse').fill('not now')
    page.get_by_label('refuse').press('Enter')
    expect(faults.locator('summary')).to_have_text('Faults 1 on')
    assert post(webhook, {'name': 'not now'}).status_code == 502
    page.get_by_label('call_delay_ms').fill('soon')
    page.get_by_label('call_delay_ms').press('Enter')
    expect(faults.locator('.wrong')).to_have_text("Fault call_delay_ms: 'soon' is not milliseconds.")
    page.get_by_label('cut').check()
    expect(faults.locator('summary')).to_have_text('Faults 2 on')
    page.locator('#faults-off').click()
    expect(faults.locator('summary')).to_have_text('Faults')
    assert post(webhook, {'name': 'not now'}).status_code == 200


def test_each_health_has_the_time_of_its_report(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/instance')
    entries = page.locator('.history li')
    expect(entries.first).to_have_text(re.compile(r'^\d\d:\d\d:\d\d '))
    webhook.stop_container()  # the next one reports its health
    expect(entries.first).to_have_text(re.compile(r'^\d\d:\d\d:\d\d Healthy × \d+ since \d\d:\d\d:\d\d$'))


def test_the_page_finds_its_server_again_after_a_restart(open_page: OpenPage, webhook: Webhook) -> None:
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


def test_many_incidents_are_drawn_as_far_as_they_are_seen(tab: Tab, open_page: OpenPage, webhook: Webhook) -> None:
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


def test_new_lines_do_not_move_what_is_read(page: Page, webhook: Webhook) -> None:
    page.goto(f'{webhook.url}/#/incidents')
    post(webhook, [{'name': f'line {number}'} for number in range(60)])
    expect(page.locator('#incidents .row').first).to_contain_text('line 59')
    page.evaluate("document.getElementById('incidents').scrollTop = 640")
    row = page.locator('#incidents .row', has_text='line 35')
    expect(row).to_be_visible()
    place = wait_for(row.bounding_box, 'the line at a place')  # while it is drawn again it has none
    count = int(row.get_attribute('aria-setsize') or 0)
    post(webhook, {'name': 'on top'})
    expect(page.locator('#pill-incidents')).to_have_text('1 new')
    expect(row).to_have_attribute('aria-setsize', str(count + 1))  # only now the new line is drawn
    assert wait_for(row.bounding_box, 'the line at a place') == place
    # One that is no longer kept leaves it there, too.
    page.evaluate('''async () => {
        const {incidents} = await import(document.scripts[0].src.replace('script', 'incidents'));
        incidents.remove(incidents.all[3].id);
    }''')
    expect(row).to_have_attribute('aria-setsize', str(count))
    assert wait_for(row.bounding_box, 'the line at a place') == place
    page.locator('#pill-incidents').click()
    expect(page.locator('#incidents .row').first).to_contain_text('on top')


INCIDENT = {'name': 'one', 'type': '', 'occurred': '', 'created': '', 'sourceInstance': '', 'status': 0, 'severity': 0,
            'state': 'pending', 'dbotMirrorId': '', 'owner': ''}


def test_a_page_catches_up_after_a_pause_in_several_tasks(open_page: OpenPage, webhook: Webhook) -> None:
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


def test_a_page_whose_tab_was_hidden_draws_as_many_lines_of_the_log_as_it_keeps(open_page: OpenPage, webhook: Webhook) -> None:
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
