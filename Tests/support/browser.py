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
    options = {'resultTypes': ['violations'], **({'runOnly': [rule]} if rule else {})}
    found = page.evaluate('([within, options]) => axe.run(within || document, options)', [within, options])['violations']
    return [(each['id'], [node['html'] for node in each['nodes']]) for each in found]
