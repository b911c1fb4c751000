"""Random deliveries, what became of each according to the log, and whether a line of the page agrees."""
from __future__ import annotations

import json
import random
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import requests
from clocks import PATIENCE_SECONDS, wait_for
from shared.webhook import TOKEN, Webhook, request_bytes

AT_ONCE = 8
SEED = 20261128
OUTCOME = re.compile(r'"(random-\d+-\d+)".*?(?:bytes|token \d+|delivery "[^"]*"): (.*)$')
KINDS = ('plain', 'plain', 'repeats', 'repeats', 'leaves', 'skipped', 'wrong', 'refused', 'array', 'retried')


class Plan:
    """What is sent: each delivery has a user agent of its own, by which its line in the log is known."""

    def __init__(self, chance: random.Random, count: int) -> None:
        self.chance = chance
        self.count = count
        self.agents = 0

    def agent(self) -> str:
        self.agents += 1
        return f'random-{self.count}-{self.agents}'

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
            one['id'] = f'id-{self.count}-{self.agents}'
            return [{**one, 'agent': self.agent()} for _ in range(chance.randint(2, 3))]
        if kind == 'retried':
            return [{**one, 'agent': self.agent()}, {**one, 'leaves': False, 'agent': self.agent()}]
        return [{**one, 'agent': self.agent()}]

    def body(self) -> dict[str, Any]:
        severity = self.chance.choice(['low', 'high', 'critical', None])
        return {'title': f'event {self.count}-{self.agents}-{self.chance.randrange(10 ** 6)}', 'severity': severity}


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
    plan = Plan(random.Random(SEED), count)
    webhook.faults(call_delay_ms=60, refuse='refused')
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while plan.agents < count:
            for _ in range(AT_ONCE):
                for each in plan.several():
                    pool.submit(send, webhook, each)
                    plan.chance.random()
    webhook.faults(call_delay_ms=0, refuse='')
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


def agrees(each: dict[str, Any], kind: str, numbers: list[str], row: str, names: dict[str, str]) -> bool:
    """Return whether a delivery and its line on the page are what the log and the store say."""
    if each['kind'] == 'gone':
        return '↯ left' in row and (each['own'] == numbers if kind == 'created' else not each['own'])
    if kind == 'other':
        said = [step['said'] for step in each['chain']] or [each['text']]
        return not each['incidents'] and each['kind'] in ('rejected', 'answered') and row.startswith(said[0][:200])
    sign, more = ('↺' if kind == 'repeat' else '→'), len(numbers) - 1
    shown = f'{numbers[0]} to {numbers[-1]}' if more > 2 else ', '.join(numbers)
    which = f'delivery {each["chain"][0]["delivery"]}' if kind == 'repeat' else f'incident{"s" * (more > 0)} {shown}'
    known = [names[number] for number in numbers]
    return (each['kind'], each['incidents']) == (kind, numbers) and row.startswith(f'{sign} {which} ') and any(
        row.rstrip().endswith(f'{name} (+{more} more)' if more else name) for name in known)
