"""Draw every view of the local XSOAR's page, light and dark, on a desk and on a phone: ./dev screenshots [FOLDER]."""
from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import requests
from playwright.sync_api import Page, expect

from localxsoar.pytest_plugin import LocalXsoar
from shared import ROOT
from shared.browser import CHROMIUM, open_browser

SIZES = {'desktop': (1200, 700), 'phone': (390, 760)}
TOKEN = 'the-token-of-the-pictures'
TRIED = ('falco', 'okta', 'crowdstrike', 'alertmanager', 'aws-guardduty', 'snyk', 'sentinelone', 'github', 'microsoft-sentinel',
         'splunk')


def fill(xsoar: LocalXsoar) -> None:
    """Send what a morning brings: deliveries of known senders, a repeat, a handshake, and some that are rejected."""
    known = {sender['key'] for sender in xsoar.control('GET', 'senders')}
    for sender in TRIED:
        if sender in known:
            xsoar.control('POST', f'senders/{sender}/send', json={})
    post(xsoar, '', b'{"name": "half', Authorization=TOKEN)
    for _ in range(2):
        post(xsoar, '', b'{"name": "Disk full on db-1", "raw_json": {"host": "db-1", "usage": 97}}', Authorization=TOKEN,
             Idempotency_Key='7f3a')
    post(xsoar, '', b'title=Printer+on+fire&floor=3&contact=kim%40example.com', Authorization=TOKEN,
         Content_Type='application/x-www-form-urlencoded')
    requests.get(f'{xsoar.webhook_url}?challenge=Zx81bM', headers={'User-Agent': 'DropboxWebhooks/1.0'}, timeout=30)
    post(xsoar, '', b'{"name": "No scheme here"}', Authorization=f'Bearer {TOKEN}')
    requests.post(f'{xsoar.url}/instance/execute/webhok', headers={'User-Agent': 'curl/8.14.1'}, timeout=30)
    post(xsoar, '?type=Phishing', b'{"title": "Suspicious login from a new country", "user": {"id": 17, '
         b'"email": "kim@example.com", "groups": ["finance", "vpn"]}, "sign_ins": [{"ip": "203.0.113.7", "success": true}, '
         b'{"ip": "198.51.100.4", "success": false}], "severity": 7.5}', Authorization=TOKEN)
    for what, where, state in (('failed', 'db-2', 'open'), ('late', 'db-1', 'open'), ('failed', 'db-2', 'over')):
        event = {'evt': {'what': f'Backup {what}', 'where': where, 'state': state}, 'prio': 'urgent', 'ref': f'job-{where}'}
        post(xsoar, '', json.dumps(event).encode(), Authorization=TOKEN, User_Agent='acme-backup/2.1')


def post(xsoar: LocalXsoar, query: str, body: bytes, **headers: str) -> None:
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    requests.post(f'{xsoar.webhook_url}{query}', body, headers={'User-Agent': 'curl/8.14.1', **named}, timeout=30)


def open_row(page: Page, text: str) -> None:
    """Open the newest delivery whose line has this text."""
    page.locator('#deliveries .row', has_text=text).first.click()
    expect(page.locator('#delivery .result')).to_be_visible()


def edit(page: Page) -> None:
    open_row(page, 'Suspicious login')
    page.locator('#more-acts').click()
    page.locator('#edit').click()


def name_by_clicking(page: Page) -> None:
    open_row(page, 'acme-backup')
    page.locator('#name-it').click()
    for key, label in (('what', 'Name'), ('where', 'Name'), ('prio', 'Severity'), ('ref', 'Key'), ('state', 'Ends when')):
        page.locator('.naming .leaf', has_text=key).first.click()
        page.locator('.offers').get_by_role('button', name=label).click()
    page.get_by_label('critical', exact=True).fill('urgent')
    page.locator('.chip summary').click()
    page.locator('.offers button').last.press('Escape')
    page.set_viewport_size({'width': page.evaluate('innerWidth'), 'height': 840})
    expect(page.locator('#becomes')).to_contain_text('resolved')
    expect(page.locator('.becoming tbody')).to_contain_text('critical')


def compare(page: Page) -> None:
    open_row(page, 'acme-backup')
    page.keyboard.press('d')
    expect(page.locator('.differences').first).to_be_visible()


def open_lane(page: Page) -> None:
    page.locator('#lanes .row').first.click()
    expect(page.locator('#incident .events')).to_be_visible()


def show_mapping(page: Page) -> None:
    page.locator('#incident .leaf', has_text='host').first.locator('.map').focus()
    page.keyboard.press('Enter')
    expect(page.locator('.mapping')).to_be_visible()


def run_command(page: Page) -> None:
    page.locator('#run').click()
    expect(page.locator('#result')).to_be_visible()
    page.locator('#result').scroll_into_view_if_needed()


# What is drawn: a name, the address, what must be there first, and what is done before the picture is taken.
PICTURES: tuple[tuple[str, str, str, Callable[[Page], object]], ...] = (
    ('deliveries', 'deliveries', '#deliveries .row', lambda page: None),
    ('delivery', 'deliveries', '#deliveries .row', lambda page: open_row(page, 'Suspicious login')),
    ('form', 'deliveries', '#deliveries .row', lambda page: open_row(page, 'Printer on fire')),
    ('rejection', 'deliveries', '#deliveries .row', lambda page: open_row(page, 'has a scheme before')),
    ('edit', 'deliveries', '#deliveries .row', edit),
    ('compare', 'deliveries', '#deliveries .row', compare),
    ('incidents', 'incidents', '#incidents .row', lambda page: page.get_by_label('Sort by').select_option('severity')),
    ('incident', 'incidents/4', '#incident .tree', lambda page: None),
    ('lanes', 'incidents?as=lanes', '#lanes .row', open_lane),
    ('mapping', 'incidents/11', '#incident .tree', show_mapping),
    ('try', 'try', '.card', lambda page: None),
    ('commands', 'commands/generic-webhook-deliveries', '#run', run_command),
    ('instance', 'instance', '.field', lambda page: None),
    ('log', 'log', '#log div', lambda page: None),
    ('keys', 'deliveries', '#deliveries .row', lambda page: page.keyboard.press('?')),
    ('naming', 'deliveries', '#deliveries .row', name_by_clicking),  # the last, because it changes the size of the window
)


def draw(page: Page, url: str, folder: Path, suffix: str) -> None:
    for name, address, drawn, act in PICTURES:
        page.goto(f'{url}/#/{address}')
        page.reload()
        expect(page.locator(drawn).first).to_be_visible()
        act(page)
        page.screenshot(path=folder / f'{name}-{suffix}.png')


def main() -> None:
    if CHROMIUM is None:
        sys.exit('screenshots: no chromium on the path. Debian: apt-get install chromium.')
    folder = Path(sys.argv[1] if sys.argv[1:] else ROOT / 'dist' / 'screenshots')
    folder.mkdir(parents=True, exist_ok=True)
    pack = ROOT / 'Packs' / 'GenericWebhook'
    senders = ROOT / 'senders'
    options = ('--senders', str(senders), '--url-words', str(senders / 'url_words.json'),
               '--curl-header', 'Authorization: {auth_header}')
    with LocalXsoar(*options, pack=pack, instance='webhook', params={'auth_header': TOKEN}) as xsoar, open_browser() as browser:
        fill(xsoar)
        for scheme in ('light', 'dark'):
            for size, (width, height) in SIZES.items():
                page = browser.new_page(color_scheme=scheme, viewport={'width': width, 'height': height})
                draw(page, xsoar.url, folder, f'{scheme}-{size}')
                page.close()
    print(f'{len(list(folder.glob("*.png")))} pictures in {folder}')


if __name__ == '__main__':
    main()
