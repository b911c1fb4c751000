"""What the page says of deliveries and incidents is true also where several are alike, late, removed or still unknown."""
from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from browser import complaints_of, new_context
from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT, wait_for
from playwright.sync_api import Browser, Locator, Page, expect
from webhook import TOKEN, Webhook, request_bytes

pytestmark = pytest.mark.sockets

SENDERS = ('--senders', str(ROOT / 'senders'))


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook(*SENDERS) as running:
        yield running


@pytest.fixture(scope='module')
def shared(browser: Browser, webhook: Webhook) -> Iterator[Page]:
    with new_context(browser) as context:
        shown = context.new_page()
        complaints = complaints_of(shown)
        yield shown
        assert complaints == []


@pytest.fixture
def page(shared: Page, webhook: Webhook) -> Page:
    """The page without deliveries."""
    webhook.control('DELETE', 'deliveries')
    shared.goto('about:blank')
    shared.goto(f'{webhook.url}/#/deliveries')
    expect(shared.locator('#empty')).to_be_visible()
    return shared


def post(webhook: Webhook, body: Any, token: str = TOKEN, query: str = '', **headers: str) -> requests.Response:
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    data = body if isinstance(body, str) else json.dumps(body)
    return requests.post(webhook.webhook_url + query, data.encode(), headers={'Authorization': token, **named},
                         timeout=PATIENCE_SECONDS)


def post_and_leave(webhook: Webhook, body: Any) -> None:
    """Post while calls hang, and leave once the request waits for one."""
    url = urlsplit(webhook.url)
    with socket.create_connection((url.hostname, url.port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(request_bytes(webhook.webhook_url, json.dumps(body).encode(), {'Authorization': TOKEN}))
        wait_for(lambda: webhook.control('GET', 'deliveries')[0]['size'] == len(json.dumps(body)))


def rows(page: Page) -> Locator:
    return page.locator('#deliveries .row')


def test_a_delivery_whose_sender_left_and_its_incident_that_came_later_are_linked(page: Page, webhook: Webhook) -> None:
    webhook.faults(hang=True)
    try:
        post_and_leave(webhook, {'title': 'came late', 'severity': 'high'})
        expect(rows(page).first).to_contain_text('The sender left before the response.')
        rows(page).first.click()
        delivery = page.url
    finally:
        webhook.faults(hang=False)
    said = re.compile(r'→ incident \d+ high came late · the sender had left')
    expect(rows(page).first).to_contain_text(said)
    expect(page.locator('#delivery .result')).to_have_text(said)
    page.get_by_role('button', name=re.compile(r'^Incident \d+$')).click()
    page.locator('#delivery h2').get_by_role('link').click()
    links = page.locator('#incident .links')
    expect(links).to_contain_text('Created by delivery')
    links.get_by_role('link').click()
    page.wait_for_url(delivery)


def test_of_equal_deliveries_in_flight_one_created_the_incident_and_the_others_repeat_it(page: Page, webhook: Webhook) -> None:
    webhook.faults(hang=True)
    senders = [threading.Thread(target=post, args=(webhook, {'title': 'thrice'}), kwargs={'Idempotency_Key': 'k'})
               for _ in range(3)]
    for number, sender in enumerate(senders):
        sender.start()
        wait_for(lambda: len(webhook.control('GET', 'deliveries')) == number + 1)  # noqa: B023
    webhook.faults(hang=False)
    for sender in senders:
        sender.join()
    said = [re.compile(r'↺ incident \d+ repeat of thrice')] * 2 + [re.compile(r'→ incident \d+ thrice')]
    expect(rows(page).locator('.became')).to_have_text(said)
    logged = wait_for(lambda: lines if len(lines := [line['text'] for line in webhook.control('GET', 'log')
                                                     if 'delivery "k"' in line['text']]) == 3 else None)
    assert sum('repeat of incident' in line for line in logged) == 2
    first = webhook.control('GET', 'deliveries')[-1]
    page.goto(f'{webhook.url}/#/incidents/{first["incidents"][0]}')
    links = page.locator('#incident .links p')
    expect(links).to_have_text([re.compile(f'^Created by delivery {first["number"]} '),
                                re.compile('^Repeated by delivery .*, delivery ')])


def test_several_incidents_show_the_gravest_with_its_own_name(page: Page, webhook: Webhook) -> None:
    post(webhook, [{'title': 'api-1', 'severity': 'low'}, {'title': 'api-2', 'severity': 'critical'}])
    expect(rows(page).first.locator('.became')).to_have_text('→ 2 incidents gravest critical api-2 (+1 more)')
    expect(rows(page).first.locator('.severity.critical')).to_have_text('critical')
