"""A URL that is written by clicking."""
from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests
from shared.browser import violations
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import containers
from playwright.sync_api import Page, expect
from pages import newest, post
from shared.webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets


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


def set_an_alarm(page: Page) -> None:
    page.get_by_role('button', name='Alarm for silence').click()
    page.keyboard.type('1d')  # in place of what is selected
    page.get_by_label('Name of the sender').fill('Nightly backups')
    expect(page.locator('#finished-url')).to_contain_text('&expect=1d%3ANightly%20backups')
    expect(page.locator('.chip')).to_have_count(6)


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
    held: list[str] = []
    page.on('request', lambda request: held.append(request.url) if '/localxsoar/preview?' in request.url else None)
    page.reload()
    expect(rows.nth(2)).to_contain_text('Backup failed severity high')
    assert len(held) == 1, 'a second one would end the first'
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
    set_an_alarm(page)
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
