"""The system's Chromium, for the page's tests and pictures."""
from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM_NAMES = ('chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome')
CHROMIUM = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
ARGUMENTS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
             '--disable-component-update', '--disable-sync']
DESKTOP: Any = {'width': 1280, 'height': 760}
# Empties what a tab keeps; a page such as about:blank has nothing.
FORGET = '() => { try { sessionStorage.clear(); } catch { } }'
# Lets a test send events to the page as its server would.
KEEP_STREAM = '''window.EventSource = class extends EventSource {
    constructor(url) { super(url); window.stream = this; }
};'''
PATIENCE_MS = 60_000  # only ends a wait that would hang; a person should not wait minutes for the failure of a test

expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def open_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Return a new context, in which pages may use the clipboard and have their last colors at once."""
    defaults = {'viewport': DESKTOP, 'permissions': ['clipboard-read', 'clipboard-write'], 'reduced_motion': 'reduce'}
    context = browser.new_context(**{**defaults, **options})
    context.set_default_timeout(PATIENCE_MS)
    return context


class Tab:
    """A tab in a context of its own. To load a page in it again costs a third of what another tab costs."""

    def __init__(self, browser: Browser, **options: Any) -> None:
        self.page = new_context(browser, **options).new_page()
        self.page.add_init_script(KEEP_STREAM)
        self.complaints = complaints_of(self.page)
        self.is_opened = False

    def open(self, url: str) -> Page:
        """Load a page as if nothing had been done in the tab, and leave it with the test."""
        self.is_opened = True
        self.page.goto('about:blank')
        self.page.mouse.move(0, 0)
        self.page.goto(url)
        return self.page

    def leave(self) -> None:
        """Take back what a test has set, in the page only if it opened it; the page must have complained of nothing."""
        self.page.unroute_all(behavior='ignoreErrors')
        self.page.emulate_media(color_scheme='light', forced_colors='none')
        self.page.set_viewport_size(DESKTOP)
        self.page.evaluate(FORGET)
        if self.is_opened:
            self.page.goto('about:blank')
        self.is_opened = False
        complaints = [*self.complaints]
        self.complaints.clear()
        assert complaints == []

    def close(self) -> None:
        self.page.context.close()


def complaints_of(page: Page) -> list[str]:
    """Return the list to which the page will add what its scripts and its console complain of."""
    complaints: list[str] = []
    page.on('pageerror', lambda error: complaints.append(str(error)))
    page.on('console', lambda message: complaints.append(message.text) if is_complaint(message.type, message.text) else None)
    return complaints


def is_complaint(kind: str, text: str) -> bool:
    # The browser itself notes a server that was stopped, and a form that was refused.
    return kind in ('error', 'warning') and not text.startswith('Failed to load resource: ')


def violations(page: Page, within: str | None = None, rule: str = '') -> list[Any]:
    """Return what axe-core finds broken: each rule, or this one alone, with the elements of the page that break it."""
    if not page.evaluate('Boolean(window.axe)'):
        page.evaluate(Axe().axe_script)
    rules = {} if rule else {'rules': {'target-size': {'enabled': True}}}  # axe leaves it out unless it is asked
    options = {'resultTypes': ['violations'], **rules, **({'runOnly': [rule]} if rule else {})}
    found = page.evaluate('([within, options]) => axe.run(within || document, options)', [within, options])['violations']
    return [(each['id'], [node['html'] for node in each['nodes']]) for each in found]
