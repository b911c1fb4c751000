"""What tests of several views of the page do with it."""
from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import requests
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import ROOT, LocalXsoar
from playwright.sync_api import Page, expect
from shared.webhook import TOKEN, Webhook


SENDERS = ('--senders', str(ROOT / 'senders'), '--url-words', str(ROOT / 'senders/url_words.json'))
ECHO = ROOT / 'Tests' / 'localxsoar' / 'sample_packs' / 'Echo'


def post(webhook: LocalXsoar, body: Any, token: str = TOKEN, **headers: str) -> requests.Response:
    data = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return requests.post(webhook.webhook_url, data.encode(), headers={'Authorization': token, **named}, timeout=PATIENCE_SECONDS)


# Two frames later, what a response or an event has changed is drawn.
DRAWN = '() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))'


KEEP_ANNOUNCED = '''() => {
    const said = document.getElementById('announce');
    window.announced = [];
    new MutationObserver(() => window.announced.push(said.textContent)).observe(said, {childList: true});
}'''


def newest(page: Page) -> Any:
    return page.locator('#deliveries .row').first


def open_what_became(page: Page, webhook: Webhook) -> None:
    """Opens the newest delivery once it has ended."""
    found = wait_for(lambda: next((each for each in webhook.control('GET', 'deliveries')[:1] if each['kind'] != 'waiting'), None))
    page.goto(f"{webhook.url}/#/deliveries/{found['number']}")
    expect(page.locator('#more')).to_be_visible()


def open_again(page: Page, url: str) -> None:
    """Open a delivery anew: the one that was open stays there, with its buttons, until this one has come."""
    page.goto(url.rpartition('/')[0])
    expect(page.locator('#delivery')).to_be_hidden()
    page.goto(url)


def hold_what_is_sent(page: Page) -> Callable[[], list[Any]]:
    """Hold the requests by which the page sends deliveries. Return what returns those that it has sent by then."""
    def sent() -> list[Any]:
        page.evaluate("fetch('/localxsoar/deliveries').then(() => true)")  # what was sent before this has come, too
        return held

    held: list[Any] = []
    page.route(re.compile(r'/send(\?|$)'), lambda route: held.append(route))
    return sent


def opened_number(page: Page) -> int:
    """Return the number of the delivery that is open."""
    found = re.search(r'[?&]open=(\d+)', page.url)
    assert found, page.url
    return int(found[1])


def open_newest(page: Page, text: str) -> None:
    expect(newest(page)).to_contain_text(text)
    newest(page).click()
    expect(page.locator('#delivery .result')).to_contain_text(text)


def act(page: Page, name: str) -> Any:
    """Return an act of the delivery that is open, also if it is under More, which is opened then."""
    found = page.locator('#delivery .acts').locator('button, a', has_text=re.compile(f'^{re.escape(name)}'))
    expect(found).to_be_attached()
    if not found.is_visible():
        page.locator('#more-acts').click()
    return found


def copied(page: Page) -> str:
    act(page, 'Copy as curl').click()
    expect(page.locator('#copy-curl')).to_have_text('Copied')
    command: str = page.evaluate('navigator.clipboard.readText()')
    return command


SEND = '''([kind, items]) => {
    for (const item of items) window.stream.dispatchEvent(new MessageEvent(kind, {data: JSON.stringify(item)}));
}'''


def send(page: Page, kind: str, *items: Any) -> None:
    """Send events to a page that keeps its stream, as its server would."""
    page.evaluate(SEND, [kind, items])
