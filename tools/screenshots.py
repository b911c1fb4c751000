"""Draws the page of the local XSOAR in its main states, light and dark, on a desk and on a phone: ./dev screenshots [FOLDER]."""
from __future__ import annotations

import sys
from pathlib import Path

import requests
from browser import CHROMIUM, open_browser
from local_xsoar import ROOT, LocalXsoar
from playwright.sync_api import Page, expect

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
    requests.get(f'{xsoar.webhook_url}?challenge=Zx81bM', headers={'User-Agent': 'DropboxWebhooks/1.0'}, timeout=30)
    post(xsoar, '', b'{"name": "No scheme here"}', Authorization=f'Bearer {TOKEN}')
    requests.post(f'{xsoar.url}/instance/execute/webhok', headers={'User-Agent': 'curl/8.14.1'}, timeout=30)
    post(xsoar, '?type=Phishing', b'{"title": "Suspicious login from a new country", "user": {"id": 17, '
         b'"email": "kim@example.com", "groups": ["finance", "vpn"]}, "sign_ins": [{"ip": "203.0.113.7", "success": true}, '
         b'{"ip": "198.51.100.4", "success": false}], "severity": 7.5}', Authorization=TOKEN)


def post(xsoar: LocalXsoar, query: str, body: bytes, **headers: str) -> None:
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    requests.post(f'{xsoar.webhook_url}{query}', body, headers={'User-Agent': 'curl/8.14.1', **named}, timeout=30)


def draw(page: Page, url: str, folder: Path, name: str) -> None:
    page.goto(url)
    expect(page.locator('#deliveries .row').first).to_be_visible()
    page.screenshot(path=folder / f'deliveries-{name}.png')
    page.locator('#deliveries .row').first.click()
    expect(page.locator('#delivery .tree')).to_be_visible()
    page.screenshot(path=folder / f'delivery-{name}.png')
    for view, drawn in (('incidents', '#incidents .row'), ('try', '.card'), ('instance', '.field'),
                        ('commands/generic-webhook-deliveries', '#run')):
        page.goto(f'{url}/#/{view}')
        expect(page.locator(drawn).first).to_be_visible()
        if drawn == '#run':
            page.locator(drawn).click()
            expect(page.locator('#result')).to_be_visible()
        page.screenshot(path=folder / f'{view.partition("/")[0]}-{name}.png')


def main() -> None:
    if CHROMIUM is None:
        sys.exit('screenshots: no chromium on the path. Debian: apt-get install chromium.')
    folder = Path(sys.argv[1] if sys.argv[1:] else ROOT / 'dist' / 'screenshots')
    folder.mkdir(parents=True, exist_ok=True)
    pack = ROOT / 'Packs' / 'GenericWebhook'
    senders = ('--senders', str(ROOT / 'senders'))
    with LocalXsoar(*senders, pack=pack, instance='webhook', params={'auth_header': TOKEN}) as xsoar, open_browser() as browser:
        fill(xsoar)
        for scheme in ('light', 'dark'):
            for size, (width, height) in SIZES.items():
                page = browser.new_page(color_scheme=scheme, viewport={'width': width, 'height': height})
                draw(page, xsoar.url, folder, f'{scheme}-{size}')
                page.close()
    print(f'{len(list(folder.glob("*.png")))} pictures in {folder}')


if __name__ == '__main__':
    main()
