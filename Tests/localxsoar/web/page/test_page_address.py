"""The page's address has all that a person chose: a reload, Back and a pasted address give it again."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT, LocalXsoar
from playwright.sync_api import Page, expect
from webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets

COMMANDS = ROOT / 'Tests/localxsoar/sample_packs/Commands'


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook('--senders', str(ROOT / 'senders')) as running:
        for number in range(3):
            post(running, {'title': f'one {number}', 'severity': 'high'}, User_Agent='one/1')
            post(running, {'title': f'two {number}', 'severity': 'low'}, User_Agent='two&more/1')
            post(running, {'title': 'rejected'}, token='wrong', User_Agent='two&more/1')
        yield running


def post(webhook: Webhook, body: Any, token: str = TOKEN, **headers: str) -> None:
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    requests.post(webhook.webhook_url, json.dumps(body), headers={'Authorization': token, **named}, timeout=PATIENCE_SECONDS)


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


def test_filters_search_the_open_delivery_and_its_tab_are_found_again(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(webhook.url)
    page.get_by_role('button', name=re.compile('^created')).click()
    page.get_by_label('Sender').select_option('two&more (3)')
    page.get_by_label('Search').fill('two')
    expect(page.locator('#shown-deliveries')).to_have_text('3 of 9')
    page.locator('#deliveries .row').nth(1).click()
    page.locator('#part-response').click()
    expect(page.locator('#part-response[aria-current]')).to_be_visible()
    chosen = {'kind': 'created', 'sender': 'two&more', 'q': 'two', 'open': '5', 'tab': 'response'}
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


def test_a_step_in_the_list_adds_nothing_to_the_history_and_opening_does(
    open_page: Callable[..., Page], webhook: Webhook
) -> None:
    page = open_page(f'{webhook.url}/#/deliveries')
    page.locator('#deliveries .row').first.click()
    expect(page.locator('#delivery .result')).to_be_visible()
    length = page.evaluate('history.length')
    for number in ('8', '7', '6'):
        page.keyboard.press('j')
        page.wait_for_url(re.compile(f'open={number}'))
    assert page.evaluate('history.length') == length
    page.go_back()
    expect(page.locator('#delivery')).to_be_hidden()
    page.go_back()
    assert page.url == 'about:blank'


def test_each_view_has_its_own_choices_and_keeps_them(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(f'{webhook.url}/#/incidents?sort=severity&only=open&q=one')
    rows = page.locator('#incidents .row .became')
    expect(rows).to_have_text(['one 2', 'one 1', 'one 0'])
    expect(page.get_by_label('Sort by')).to_have_value('severity')
    expect(page.locator('#open-only')).to_have_attribute('aria-pressed', 'true')
    page.get_by_role('link', name=re.compile('^Deliveries')).click()
    expect(page.get_by_label('Search')).to_have_value('')
    expect(page.locator('#deliveries .row')).to_have_count(9)
    page.keyboard.press('6')
    page.get_by_label('Level').select_option('error')
    assert address(page) == ('/log', {'level': 'error'})
    page.keyboard.press('2')
    expect(page.get_by_label('Search')).to_have_value('one')
    page.get_by_label('Sort by').select_option('')
    page.locator('#open-only').click()
    assert address(page) == ('/incidents', {'q': 'one'})
    page.keyboard.press('6')
    expect(page.get_by_label('Level')).to_have_value('error')
    page.goto(f'{webhook.url}/#/deliveries/5')  # an address as it was before
    page.wait_for_url(f'{webhook.url}/#/deliveries?open=5')


def test_a_draft_outlives_a_reload_but_not_with_secrets(open_page: Callable[..., Page], webhook: Webhook) -> None:
    page = open_page(f'{webhook.url}/#/deliveries?open=1')
    body = page.get_by_role('textbox', name='Body')
    page.locator('#edit').click()
    body.fill('half writ')
    page.reload()
    expect(page.locator('#edit')).to_have_text('Edit… (unsent)')
    page.locator('#edit').click()
    expect(body).to_have_value('half writ')
    page.get_by_role('button', name='Discard').click()
    page.locator('#secrets').click()
    expect(page.locator('#secrets')).to_have_text('Hide secrets')
    page.locator('#edit').click()
    body.fill(f'half {TOKEN}')
    page.reload()
    expect(page.locator('#edit')).to_have_text('Edit…')
    assert TOKEN not in page.evaluate('JSON.stringify({...sessionStorage, ...localStorage})')


def test_the_instance_is_in_the_address_and_runs_and_what_was_typed_outlive_a_reload(open_page: Callable[..., Page]) -> None:
    with LocalXsoar('--instance', 'left', '--set', 'apikey=h4sh-hush-key', '--instance', 'right', pack=COMMANDS) as xsoar:
        page = open_page(f'{xsoar.url}/#/commands/hello-say?instance=right')
        expect(page.locator('#instances')).to_have_value('right')
        name = page.locator('#argument-name')
        name.fill('you')
        page.locator('#run').click()
        expect(page.locator('#result h3').first).to_have_text('!hello-say name=you using=right')
        name.fill('half typed')
        page.reload()
        expect(page.locator('#result h3').first).to_have_text('!hello-say name=you using=right')
        expect(page.locator('#runs .run')).to_have_count(1)
        expect(name).to_have_value('half typed')
        page.locator('#instances').select_option('left')
        page.wait_for_url(re.compile('instance=left'))
        page.get_by_role('link', name='Log').click()
        page.wait_for_url(re.compile(r'/log\?instance=left$'))
        page.go_back()
        page.go_back()
        expect(page.locator('#instances')).to_have_value('right')
        page.goto(f'{xsoar.url}/#/log?instance=nobody')
        page.wait_for_url(re.compile(r'/log\?instance=(right|left)$'))


MARKED = '''() => [...(CSS.highlights.get('hits') || [])].map((range) => `${range}`.toLowerCase())'''


def test_a_search_leads_to_its_hits_marks_them_and_finds_details_of_incidents(
    open_page: Callable[..., Page], webhook: Webhook
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
    page.goto(f'{webhook.url}/#/incidents?q=user-agent+one%2F1')  # which only the details have
    rows = page.locator('#incidents .row .became')
    expect(rows).to_have_text(['one 2', 'one 1', 'one 0'])
    post(webhook, {'title': 'one more'}, User_Agent='one/1')
    expect(rows).to_have_text(['one more', 'one 2', 'one 1', 'one 0'])
    page.get_by_label('Search').fill('nowhere-in-any-incident')
    expect(page.locator('#none-incidents')).to_contain_text('match.')
    page.get_by_label('Search').fill('')
    page.wait_for_function(f'() => ({MARKED})().length === 0')
