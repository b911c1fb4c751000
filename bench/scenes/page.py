"""The local XSOAR's page in Chromium with 10,000 deliveries of mixed size and 10,000 incidents: first paint and long tasks."""
from __future__ import annotations

import itertools
import json
import random
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import requests
from shared.browser import open_browser
from playwright.sync_api import Browser, Page, expect

from bench.rows import Row
from shared import ROOT
from shared.side import TOKEN
from localxsoar.pytest_plugin import LocalXsoar
from localxsoar.webhooks.senders import load_senders

ROOM = 10_000  # deliveries
PACK = ROOT / 'Packs' / 'GenericWebhook'
SENDERS = ROOT / 'senders'
LOADS = 5
WAIT_MS = 60_000
SMALLEST, LARGEST = 200, 200_000  # bytes of a body
FIRST_PAINT_MS, ROWS_MS, LONG_TASK_MS = 150, 1000, 200  # the bounds
BURST = 500
# The browser counts a task as long from 50 ms on.
OBSERVER = '''
window.tasks = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration)))
    .observe({type: 'longtask', buffered: true});
new MutationObserver((_, observer) => {
    if (!document.querySelector('.row')) return;
    window.rowsAt = performance.now();
    observer.disconnect();
}).observe(document, {childList: true, subtree: true});
'''
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
# Two frames and an idle moment later, the tasks that an action caused are over and have been reported.
SETTLED = '''() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 300))))'''


class Request(NamedTuple):
    body: bytes
    headers: dict[str, str]


class Filler:
    """Requests of known senders and of others, accepted and rejected, of sizes between the smallest and the largest."""

    def __init__(self) -> None:
        self._random = random.Random(10_000)
        self._senders = [sender for sender in load_senders(SENDERS).values()
                         if isinstance(sender.deliveries[0].get('payload'), dict)
                         and sender.proof.get('place') != 'query' and sender.proof.get('key', 'token') == 'token']

    def request(self, number: int) -> Request:
        size = int(SMALLEST * (LARGEST / SMALLEST) ** self._random.random())
        padding = {f'field {at}': {'number': at, 'text': 'x' * 60} for at in range(size // 100)}
        token = 'wrong-token' if number % 5 == 0 else TOKEN
        if number % 4 == 0:
            return Request(json.dumps({'name': f'unknown {number}', 'padding': padding}).encode(), {'Authorization': token})
        sender = self._senders[number % len(self._senders)]
        delivery = sender.deliveries[0]
        request = sender.request({**delivery, 'payload': {**delivery['payload'], 'number': number, 'padding': padding}}, token)
        return Request(request.body, {**dict(request.headers), **({} if sender.proof else {'Authorization': token})})


@contextmanager
def full_xsoar() -> Iterator[LocalXsoar]:
    """Yield a local XSOAR with 10,000 deliveries and as many incidents."""
    with (TemporaryDirectory() as folder,
          LocalXsoar('--senders', str(SENDERS), '--keep', str(ROOM), '--store', f'{folder}/store.db', pack=PACK,
                     instance='webhook', params={'auth_header': TOKEN}) as xsoar,
          ThreadPoolExecutor(8) as pool):
        for batch in range(10):
            post(xsoar, Request(json.dumps([{'name': f'early {batch} {number}'} for number in range(1000)]).encode(),
                                {'Authorization': TOKEN}))
        filler = Filler()
        made = (filler.request(number) for number in range(ROOM))
        while chunk := list(itertools.islice(made, 200)):  # of 200 bodies at a time
            list(pool.map(lambda request: post(xsoar, request), chunk))
        yield xsoar


def post(xsoar: LocalXsoar, request: Request) -> int:
    headers = {'Content-Type': 'application/json', **request.headers}
    return requests.post(xsoar.webhook_url, request.body, headers=headers, timeout=60).status_code


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(viewport={'width': 1280, 'height': 760})
    context.add_init_script(OBSERVER)
    page = context.new_page()
    page.goto(url)
    expect(page.locator('.row').first).to_be_attached(timeout=WAIT_MS)
    yield page
    context.close()


def longest(page: Page, act: Callable[[Page], object]) -> float:
    """Return the longest task, in milliseconds, that an action causes; one under 50 ms counts as 0."""
    page.evaluate(SETTLED)
    page.evaluate('window.tasks = []')
    act(page)
    page.evaluate(SETTLED)
    return float(page.evaluate('Math.max(0, ...window.tasks)'))


def load(browser: Browser, url: str) -> tuple[float, float, float]:
    """Return the first paint, when the first rows are there, and the longest task of one load, until all incidents are there."""
    with opened(browser, url) as page:
        expect(page.locator('#count-incidents')).not_to_be_empty(timeout=WAIT_MS)
        page.evaluate(SETTLED)
        return (float(page.evaluate(FIRST_PAINT)), float(page.evaluate('window.rowsAt')),
                float(page.evaluate('Math.max(0, ...window.tasks)')))


# What a person does.


def search(page: Page) -> None:
    with page.expect_response('**/deliveries/search?*', timeout=WAIT_MS):  # of the bodies
        page.locator('#search').press_sequentially('unknown 12', delay=20)
    page.locator('#search').fill('')


def filter_by_kind(page: Page) -> None:
    for kind in ('rejected', 'created'):
        page.locator(f'#kinds button[data-kind={kind}]').click()
    page.locator('#sender').select_option(index=3)
    page.locator('#sender').select_option(index=0)
    for kind in ('rejected', 'created'):
        page.locator(f'#kinds button[data-kind={kind}]').click()


def leap(page: Page) -> None:
    page.locator('#deliveries').focus()
    for key in ['End', 'Home', *['PageDown'] * 20, 'End', *['PageUp'] * 20]:
        page.keyboard.press(key)


def sort(page: Page) -> None:
    for order in ('severity', 'occurred', ''):
        page.locator('#sort').select_option(order)
        page.evaluate(SETTLED)


def burst(xsoar: LocalXsoar, page: Page) -> None:
    """Post a burst beside a line that is open and selected. It must stay where it is."""
    filler = Filler()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: post(xsoar, filler.request(number)), range(ROOM, ROOM + BURST)))
    page.wait_for_timeout(1000)


ACTS = {'filter': filter_by_kind, 'move by PageDown, PageUp, Home and End': leap, 'search': search}


def place(page: Page) -> Any:
    return page.evaluate('''() => { const row = document.querySelector('#deliveries [aria-selected=true]');
        return row && `${row.id} at ${Math.round(row.getBoundingClientRect().top)} px`; }''')


def large_bodies() -> dict[str, bytes]:
    two_mb = json.dumps({f'key {number}': {'list': [number] * 10, 'text': 'x' * 100} for number in range(11_500)}).encode()
    return {'a body of 2 MB': two_mb,
            'a body of 1 MB': two_mb[:1_000_000 - 1_000_000 % 1000].rpartition(b', "key')[0] + b'}',
            '100,000 keys': json.dumps({f'key{number}': number for number in range(100_000)}).encode(),
            '40,000 keys': json.dumps({f'key{number}': number for number in range(40_000)}).encode()}


# The rows.


def describe(name: str, found: list[float], bound: float) -> Row:
    return Row(name, shown(statistics.median(found)), f'{shown(max(found))} (worst of {len(found)})', '',
               f'at most {bound} ms', max(found) <= bound)


def shown(milliseconds: float) -> str:
    return f'{milliseconds:.0f} ms' if milliseconds else 'under 50 ms'


def page() -> Iterator[Row]:
    """Yield what was measured of the page."""
    with full_xsoar() as xsoar, open_browser() as browser:
        load(browser, xsoar.url)  # with a warm cache from here on, as for whoever has the page open
        loads = [load(browser, xsoar.url) for _ in range(LOADS)]
        for name, found, bound in zip(('first paint', 'first rows', 'longest task of a load'), zip(*loads, strict=True),
                                      (FIRST_PAINT_MS, ROWS_MS, LONG_TASK_MS), strict=True):
            yield describe(name, list(found), bound)
        with opened(browser, xsoar.url) as tab:
            for name, act in ACTS.items():
                yield describe(f'{name}: longest task', [longest(tab, act) for _ in range(LOADS)], LONG_TASK_MS)
            yield from under_burst(xsoar, tab)
        with opened(browser, f'{xsoar.url}/#/incidents') as tab:
            yield describe('sort incidents: longest task', [longest(tab, sort) for _ in range(LOADS)], LONG_TASK_MS)
        with opened(browser, xsoar.url) as tab:
            for name, body in large_bodies().items():
                yield open_delivery(xsoar, tab, name, body)


def under_burst(xsoar: LocalXsoar, page: Page) -> list[Row]:
    page.evaluate("document.getElementById('deliveries').scrollTop = 640")
    page.locator('#deliveries .row').nth(15).click()
    expect(page.locator('#more-acts')).to_be_visible(timeout=WAIT_MS)
    before = place(page)
    tasks = [longest(page, lambda shown: burst(xsoar, shown)) for _ in range(3)]
    after = place(page)
    return [describe(f'{BURST} posts: longest task', tasks, LONG_TASK_MS),
            Row(f'{BURST} posts: the line that is open', f'{after}', f'{before}', '', 'at its place', before == after)]


def open_delivery(xsoar: LocalXsoar, page: Page, name: str, body: bytes) -> Row:
    post(xsoar, Request(body, {'Authorization': TOKEN}))
    number = xsoar.control('GET', 'deliveries')[0]['number']

    def show(shown: Page) -> None:
        shown.evaluate(f"location.hash = '#/deliveries/{number}'")
        expect(shown.locator('#more-acts')).to_be_visible(timeout=WAIT_MS)

    tasks = []
    for _ in range(LOADS):
        tasks.append(longest(page, show))
        page.evaluate("location.hash = '#/deliveries'")
    return describe(f'open {name} ({len(body) / 1e6:.1f} MB): longest task', tasks, LONG_TASK_MS)
