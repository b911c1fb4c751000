"""The page by keyboard alone, on a phone, in few colors and for a screen reader."""
from __future__ import annotations

import re
from typing import Any

import pytest
import requests
from shared.browser import violations
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import LocalXsoar
from playwright.sync_api import Page, expect
from pages import DRAWN, OpenPage, act, check_colors, hold, newest, open_newest, post
from shared.webhook import Webhook

pytestmark = pytest.mark.sockets

VIEWS = ('deliveries', 'incidents', 'try', 'commands', 'instance', 'log')
DETAILS = {'deliveries': 'delivery', 'incidents': 'incident'}


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
    expect(page.locator('#more-acts')).to_have_text('Copied')
    tab_to(page, '#more-acts')
    press('Enter')
    press('Escape')
    expect(page.locator('#share')).to_be_hidden()
    press('Enter')
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
    assert {*'jkrecdl16/?', 'Enter', 'Esc', 'PgUp', 'PgDn', 'Home', 'End'} <= {*page.locator('#key-rows kbd').all_inner_texts()}
    press('Escape')
    press('3')
    expect(page.locator('.card').first).to_be_visible()
    press('End')
    wait_for(lambda: page.evaluate("document.getElementById('view-try').scrollTop") > 0)
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


def test_the_focus_stays_on_the_control_that_was_pressed(open_page: OpenPage, webhook: Webhook) -> None:
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
    act(page, 'Send again as it came').press('Enter')
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
    act(page, 'Send again as it came').press('Enter')
    expect(page.locator('#delivery [role=alert]')).to_have_text('not now')
    assert page.locator('#delivery').evaluate('detail => detail.contains(document.activeElement)')


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
    held = hold(page, '**/localxsoar/deliveries/*')
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


def test_the_current_tab_is_in_sight_and_the_header_low_on_a_phone_and_at_400_percent_zoom(page: Page, webhook: Webhook) -> None:
    number = post(webhook, {'title': 'read aloud'}, User_Agent='read-aloud/1').json()[0]['id']
    for width, height, most in (360, 720, 48), (320, 256, 256 / 3):  # one line on a phone; a third of 1280 by 1024 at 400 %
        page.set_viewport_size({'width': width, 'height': height})
        for view in VIEWS:
            page.goto(f'{webhook.url}/#/{SOME.get(view, view).format(number=number)}')
            expect(page.locator('nav a[aria-current]')).to_be_in_viewport(ratio=0.98)
            page.evaluate(DRAWN)
            assert width < 360 or violations(page) == [], 'also no target is too small for a finger'
            header = page.locator('body > header').bounding_box()
            assert header and header['height'] < most
            assert page.evaluate('document.documentElement.scrollWidth') <= width


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


def test_a_long_name_leaves_room_for_the_rest(open_page: OpenPage, echo: LocalXsoar) -> None:
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
    post(webhook, {}, query='?type=Phishing')
    expect(newest(page).locator('.path')).to_have_text('?type=Phishing')
    expect(newest(page).locator('.path')).to_be_visible()


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
    check_colors(page)


def test_nothing_is_in_the_way_of_a_screen_reader_on_a_narrow_screen(page: Page, webhook: Webhook) -> None:
    post(webhook, {'title': 'read aloud', 'nested': {'a': [1, None, 'text']}})
    open_newest(page, 'read aloud')
    expect(page.locator('#delivery .tree')).to_be_visible()
    sizes: tuple[Any, ...] = ({'width': 390, 'height': 780}, NARROW)
    for size in sizes:
        assert violations(page) == []
        page.set_viewport_size(size)
    assert violations(page) == []
    page.locator('#more-acts').click()
    assert violations(page, '#more') == []
    page.get_by_role('button', name='Back').click()
    assert violations(page) == []
