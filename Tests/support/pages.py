"""What tests of several views of the page do with it."""

import json
import re
from collections.abc import Callable
from typing import Any

import requests
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import ROOT, LocalXsoar
from playwright.sync_api import Page, Route, expect
from shared.browser import violations
from shared.webhook import TOKEN, Webhook


SENDERS = ('--senders', str(ROOT / 'senders'), '--url-words', str(ROOT / 'senders/url_words.json'))
ECHO = ROOT / 'Tests' / 'localxsoar' / 'sample_packs' / 'Echo'
OpenPage = Callable[..., Page]  # the fixture `open_page`


def post(webhook: LocalXsoar, body: Any, token: str = TOKEN, query: str = '', **headers: str) -> requests.Response:
    data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return requests.post(webhook.webhook_url + query, data, headers={'Authorization': token, **named}, timeout=PATIENCE_SECONDS)


def newest_ended(webhook: LocalXsoar) -> dict[str, Any]:
    """Return the newest delivery once it has ended."""
    found: dict[str, Any] = wait_for(lambda: next((
        each for each in webhook.control('GET', 'deliveries')[:1] if each['kind'] != 'waiting'), None))
    return found


def body_of(webhook: LocalXsoar, number: int) -> bytes:
    """Return the body of a delivery as it was kept."""
    return requests.get(f'{webhook.url}/localxsoar/deliveries/{number}/request.body', timeout=PATIENCE_SECONDS).content


COLORS: tuple[Any, ...] = ({'color_scheme': 'dark'}, {'forced_colors': 'active'})


def check_colors(page: Page) -> None:
    """Check that nothing is in the way of a screen reader, and that every text is seen whatever the colors."""
    assert violations(page) == []
    for colors in COLORS:
        page.emulate_media(**{'color_scheme': 'light', 'forced_colors': 'none', **colors})
        assert violations(page, rule='color-contrast') == [], colors
    page.emulate_media(color_scheme='light', forced_colors='none')


def hold(page: Page, url: str | re.Pattern[str]) -> list[Route]:
    """Hold the page's requests for a URL, and return the list that has them."""
    held: list[Route] = []
    page.route(url, lambda route: held.append(route))
    return held


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
    page.goto(f"{webhook.url}/#/deliveries/{newest_ended(webhook)['number']}")
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

    held = hold(page, re.compile(r'/send(\?|$)'))
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
