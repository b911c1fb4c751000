"""Random deliveries: what the page says of each, what the store has, and what the integration logged agree."""
from __future__ import annotations

import json
import random
import re
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import ROOT
from playwright.sync_api import Page
from webhook import TOKEN, Webhook, request_bytes

pytestmark = pytest.mark.sockets

AT_ONCE = 8
SEED = 20261128
OUTCOME = re.compile(r'"(random-\d+)".*?(?:bytes|token \d+|delivery "[^"]*"): (.*)$')
KINDS = ('plain', 'plain', 'repeats', 'repeats', 'leaves', 'skipped', 'wrong', 'refused', 'array', 'retried')
ROWS = '''async () => {
    const {deliveries} = await import(document.scripts[0].src.replace('script', 'deliveries'));
    const box = document.getElementById('deliveries');
    const found = {};
    for (let top = 0; Object.keys(found).length < deliveries.all.length; top += 320) {
        box.scrollTop = top;
        await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
        for (const row of box.querySelectorAll('.row')) found[row.id.split('-')[1]] = row.querySelector('.became').textContent;
        if (top > 40 * 320) throw new Error('a line is not drawn');
    }
    return found;
}'''


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook('--senders', str(ROOT / 'senders'), '--log-level', 'debug') as running:
        yield running


class Plan:
    """What is sent: each delivery has a user agent of its own, by which its line in the log is known."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.agents = 0

    def agent(self) -> str:
        self.agents += 1
        return f'random-{self.agents}'

    def several(self) -> list[dict[str, Any]]:
        """Return between one and three deliveries that are sent at once: equal ones may repeat each other."""
        chance = self.chance
        one = {'body': self.body(), 'query': '', 'token': TOKEN, 'id': '', 'leaves': False}
        kind = chance.choice(KINDS)
        if kind == 'array':
            one['body'] = [self.body() for _ in range(chance.randint(2, 4))]
        elif kind == 'skipped':
            alert = {'message': self.body()['title'], 'alertId': str(self.agents), 'priority': 'P1'}
            one.update(query='?skip=resolved', body={'action': chance.choice(['Close', 'Close', 'Create']), 'alert': alert})
        elif kind == 'wrong':
            one['token'] = 'wrong'
        elif kind == 'refused':
            one['body'] = {'title': f'refused {self.agents}'}
        elif kind in ('leaves', 'retried'):
            one['leaves'] = True
        if kind == 'repeats':
            one['id'] = f'id-{self.agents}'
            return [{**one, 'agent': self.agent()} for _ in range(chance.randint(2, 3))]
        if kind == 'retried':
            return [{**one, 'agent': self.agent()}, {**one, 'leaves': False, 'agent': self.agent()}]
        return [{**one, 'agent': self.agent()}]

    def body(self) -> dict[str, Any]:
        severity = self.chance.choice(['low', 'high', 'critical', None])
        return {'title': f'event {self.agents}-{self.chance.randrange(10 ** 6)}', 'severity': severity}


def send(webhook: Webhook, each: dict[str, Any]) -> None:
    headers = {'Authorization': each['token'], 'User-Agent': each['agent']}
    if each['id']:
        headers['Idempotency-Key'] = each['id']
    body = json.dumps(each['body']).encode()
    if not each['leaves']:
        requests.post(webhook.webhook_url + each['query'], body, headers=headers, timeout=PATIENCE_SECONDS)
        return
    url = urlsplit(webhook.webhook_url)
    with socket.create_connection((url.hostname, url.port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(request_bytes(webhook.webhook_url + each['query'], body, headers))
        wait_for(lambda: any(found['sender'] == each['agent'] and found['size'] == len(body)
                             for found in webhook.control('GET', 'deliveries')))


def send_all(webhook: Webhook, count: int) -> Plan:
    plan = Plan(random.Random(SEED))
    webhook.faults(call_delay_ms=60, refuse='refused')
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while plan.agents < count:
            for _ in range(AT_ONCE):
                for each in plan.several():
                    pool.submit(send, webhook, each)
                    plan.chance.random()
    webhook.faults(call_delay_ms=0)
    webhook.control('POST', 'instance/disable')
    for _ in range(3):  # each gets a 503
        send(webhook, {'body': plan.body(), 'query': '', 'token': TOKEN, 'id': '', 'leaves': False, 'agent': plan.agent()})
    webhook.renew()
    return plan


def kept(webhook: Webhook) -> dict[str, dict[str, Any]]:
    """Return the deliveries that are kept, by their user agents."""
    found = (webhook.control('GET', f'deliveries/{each["number"]}') for each in webhook.control('GET', 'deliveries'))
    return {header['value']: each for each in found for header in each['request']['headers'] if header['name'] == 'User-Agent'}


def logged(webhook: Webhook) -> dict[str, str]:
    """Return what the log says of each delivery, by its sender."""
    lines = (OUTCOME.search(line['text']) for line in webhook.control('GET', 'log'))
    return {match[1]: match[2] for match in lines if match}


def said_in_log(outcome: str) -> tuple[str, list[str]]:
    """Return the kind of an outcome in the log, and the incidents that it names."""
    numbers = re.findall(r'\d+', outcome.partition('incident')[2].partition('(')[0]) if 'incident' in outcome else []
    return 'repeat' if outcome.startswith('repeat') else 'created' if numbers else 'other', numbers


@pytest.mark.parametrize('count', [60, pytest.param(200, marks=pytest.mark.weekly)])
def test_the_page_the_store_and_the_log_agree_on_random_deliveries(
        open_page: Callable[..., Page], webhook: Webhook, count: int) -> None:
    plan = send_all(webhook, count)
    deliveries = kept(webhook)
    assert len(deliveries) == plan.agents
    # The log counts refusals that are alike and many.
    has_line = {agent for agent, each in deliveries.items() if each['kind'] != 'rejected'}
    said = wait_for(lambda: found if has_line <= (found := logged(webhook)).keys() else None)
    deliveries = kept(webhook)
    names = {incident['id']: incident['sent']['name'] for incident in webhook.control('GET', 'incidents')}
    page = open_page(f'{webhook.url}/#/deliveries')
    rows = page.evaluate(ROWS)
    for agent, each in deliveries.items():
        row, outcome = rows[str(each['number'])], said.get(agent, '')
        assert agrees(each, *said_in_log(outcome), row, names), (outcome, row, each)
    assert {each['status'] for each in deliveries.values()} >= {200, 401, 502, 503, None}
    assert any(outcome.startswith('skipped') for outcome in said.values())
    created = [number for each in deliveries.values() for number in each['own']]
    assert sorted(created) == sorted(names), 'each incident has one delivery that created it'


def agrees(each: dict[str, Any], kind: str, numbers: list[str], row: str, names: dict[str, str]) -> bool:
    """Return whether a delivery and its line on the page are what the log and the store say."""
    if each['kind'] == 'gone':
        return row.endswith('the sender had left' if each['own'] else 'The sender left before the response.') and (
            each['own'] == numbers if kind == 'created' else not each['own'])
    if kind == 'other':
        return not each['incidents'] and each['kind'] in ('rejected', 'answered') and row.startswith(each['text'][:200])
    sign, more = ('↺' if kind == 'repeat' else '→'), len(numbers) - 1
    which = f'{len(numbers)} incidents' if more else f'incident {numbers[0]}'
    known = [names[number] for number in numbers]
    return (each['kind'], each['incidents']) == (kind, numbers) and row.startswith(f'{sign} {which} ') and any(
        row.endswith(f'{name} (+{more} more)' if more else name) for name in known)
