"""What the tests of the page share: one server and one browser a file, and one tab, which each test finds as if it had opened it.

To start a server and to load the page take longer than what most tests do.
"""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from shared.browser import CHROMIUM_NAMES, Tab, open_browser
from local_xsoar import LocalXsoar, needs
from pages import OpenPage, ECHO, SENDERS
from playwright.sync_api import Browser, Page, expect
from shared.webhook import Webhook


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook(*SENDERS) as running:
        yield running


@pytest.fixture(scope='module')
def echo() -> Iterator[LocalXsoar]:
    with LocalXsoar(pack=ECHO, params={'account': 'kim:h4sh-hush', 'secret': 'h4sh-hash'}) as running:
        yield running


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    needs(*CHROMIUM_NAMES)
    with open_browser() as running:
        yield running


@pytest.fixture(scope='module')
def tabs(browser: Browser) -> list[Tab]:
    return [Tab(browser)]


@pytest.fixture
def tab(tabs: list[Tab], browser: Browser, request: pytest.FixtureRequest) -> Iterator[Tab]:
    """The file's tab, in which the page is still as the last test left it. A test that fails leaves another tab."""
    failures = request.session.testsfailed
    yield tabs[0]
    if request.session.testsfailed > failures:
        tabs[0].close()
        tabs[0] = Tab(browser)
    tabs[0].leave()


@pytest.fixture
def open_page(browser: Browser, tab: Tab) -> Iterator[OpenPage]:
    """Opens a page anew: the first in the file's tab, another or one with options of its context in a tab of its own."""
    opened: list[Tab] = []

    def open_at(url: str, **options: Any) -> Page:
        opened.append(Tab(browser, **options) if opened or options else tab)
        page = opened[-1].open(url)
        expect(page.locator('#address')).to_contain_text('/instance/execute/')
        return page

    yield open_at
    for each in opened:
        if each is not tab:
            each.leave()
            each.close()


@pytest.fixture
def page(tab: Tab, webhook: Webhook) -> Page:
    """The page without deliveries, loaded by an earlier test: for tests that leave no search, filter or edit behind."""
    webhook.control('DELETE', 'deliveries')
    tab.page.goto(f'{webhook.url}/#/deliveries')
    expect(tab.page.locator('#empty')).to_be_visible()
    return tab.page
