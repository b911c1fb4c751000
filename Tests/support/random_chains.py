"""Random deliveries about problems to the pack with its join script, and what has to become of each, told by a model."""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import connect
from shared.webhook import TOKEN, Webhook, request_bytes

SENDERS = 4  # at once, each with problems of its own
LEVELS = ('low', 'medium', 'high', 'critical')
QUERY = '?name=what&severity=level&problem=random:problem&resolved=state=over'
SKIPS = {'': '', '&skip=resolved': 'resolved', '&at_least=high': 'severity {level}', '&skip=noise=yes': 'conditions of the URL'}
KINDS = ('one', 'one', 'one', 'one', 'several', 'several', 'same', 'retried', 'retried', 'wrong', 'refused', 'get', 'leaves')
Said = tuple[str, str, str]  # a word, the name of the incident's first event, and what has changed


@dataclass
class Sending:
    """One delivery, and what has to become of its events: None for a handshake or a GET."""
    agent: str
    body: Any
    query: str = QUERY
    kind: str = 'one'
    said: list[Said] = field(default_factory=list)
    original: str = ''  # the agent of the delivery that it repeats


class Model:
    """The problems of one sender: those that have an open incident, with its first event's name and its severity."""

    def __init__(self, name: str, chance: random.Random) -> None:
        self.name = name
        self.chance = chance
        self.open: dict[str, tuple[str, str]] = {}
        self.latest: dict[str, dict[str, Any]] = {}
        self.count = 0

    def event(self) -> dict[str, Any]:
        chance = self.chance
        self.count += 1
        problem = f'{self.name}-{chance.randrange(3)}'
        return {'what': f'{self.name} event {self.count}', 'level': chance.choice(LEVELS), 'problem': problem,
                'state': chance.choice(['on', 'on', 'over']), 'noise': chance.choice(['yes', 'no', 'no'])}

    def becomes(self, event: dict[str, Any], skip: str) -> Said:
        """Return what becomes of an event, and remember it."""
        key, level, is_end = event['problem'], event['level'], event['state'] == 'over'
        reason = SKIPS[skip].format(level=level)
        is_skipped = {'': False, '&skip=resolved': is_end, '&skip=noise=yes': event['noise'] == 'yes',
                      '&at_least=high': not is_end and level in ('low', 'medium')}[skip]
        if is_skipped:
            return 'skipped', '', reason
        if key not in self.open:
            if not is_end:  # an end that finds nothing open is an incident of its own, which nothing joins
                self.open[key] = event['what'], level
                self.latest[key] = event
            return 'created', event['what'], ''
        name, old = self.open[key]
        if is_end:
            del self.open[key]
            return 'ended', name, ''
        if self.latest[key] == event:
            return 'dropped', '', ''
        self.latest[key] = event
        new = max(old, level, key=LEVELS.index)
        self.open[key] = name, new
        return 'joined', name, f'{old} → {new}' if new != old else ''

    def sendings(self) -> Iterator[Sending]:
        """Yield one delivery or, of a retry, two."""
        kind, skip = self.chance.choice(KINDS), self.chance.choice([*SKIPS, ''])
        agent = f'{self.name}-{self.count}-{self.chance.randrange(10 ** 4)}'
        if kind in ('wrong', 'refused', 'get'):
            yield Sending(agent, self.event() | ({'what': 'refused'} if kind == 'refused' else {}), kind=kind)
            return
        if kind == 'same' and self.open:
            events, skip = [self.latest[self.chance.choice([*self.open])]], ''
        else:
            events = [self.event() for _ in range(self.chance.choice([2, 3]) if kind == 'several' else 1)]
        query = QUERY + skip + ('&from=leaver' if kind == 'leaves' else '')  # so that nothing else is a retry of it
        said = [self.becomes(each, skip) for each in events]
        sent = Sending(agent, events if kind == 'several' else events[0], query, kind, said)
        yield sent
        if kind == 'retried':
            is_remembered = said[0][0] != 'skipped'
            again = Sending(f'{agent}-again', sent.body, sent.query, kind, [] if is_remembered else said)
            again.original = agent if is_remembered else ''
            yield again


def send(webhook: Webhook, each: Sending) -> None:
    headers = {'Authorization': 'wrong' if each.kind == 'wrong' else TOKEN, 'User-Agent': each.agent}
    if each.kind == 'retried':
        headers['Idempotency-Key'] = each.agent.removesuffix('-again')
    body, url = json.dumps(each.body).encode(), webhook.webhook_url + each.query
    if each.kind == 'get':
        requests.get(webhook.webhook_url, headers=headers, timeout=PATIENCE_SECONDS)
    elif each.kind != 'leaves':
        requests.post(url, body, headers=headers, timeout=PATIENCE_SECONDS)
    else:
        with connect(webhook) as sender:
            sender.sendall(request_bytes(url, body, headers))
            wait_for(lambda: any(found['sender'] == each.agent and found['size'] == len(body)
                                 for found in webhook.control('GET', 'deliveries')))
        wait_for(lambda: is_done(webhook, each))


def is_done(webhook: Webhook, each: Sending) -> bool:
    """Return whether the log says what became of a delivery whose sender may have left, so that the next event comes after it."""
    return any(f'"{each.agent}"' in line['text'] for line in webhook.control('GET', 'log'))


def send_all(webhook: Webhook, count: int, seed: int) -> list[Sending]:
    """Send so many deliveries, and return them with what has to become of each."""
    def send_some(number: int) -> list[Sending]:
        model = Model(f's{number}-{count}', random.Random(seed + number))
        sent: list[Sending] = []
        while len(sent) < count // SENDERS:
            for each in model.sendings():
                send(webhook, each)
                sent.append(each)
        return sent
    webhook.faults(refuse='refused')
    with ThreadPoolExecutor(SENDERS) as pool:
        sent = [each for some in pool.map(send_some, range(SENDERS)) for each in some]
    webhook.control('POST', 'instance/disable')
    for number in range(3):  # each gets a 503
        sent.append(Sending(f's0-{count}-away-{number}', {'what': 'away'}, kind='away'))
        send(webhook, sent[-1])
    webhook.renew()
    return sent


SIGNS = {'created': '→', 'joined': '↳', 'ended': '✓', 'dropped': '⊘', 'skipped': '⊘'}


def expected(each: Sending, found: dict[str, Any], numbers: dict[str, str], incidents: dict[str, str]) -> list[str]:
    """Return what has to be said of a delivery. `numbers` are those of deliveries by agent, `incidents` those by first name."""
    said = []
    reasons = list(dict.fromkeys(text for word, _, text in each.said if word == 'skipped'))
    for word, sign in SIGNS.items():
        for text in dict.fromkeys(text for other, _, text in each.said if other == word):
            names = [name for other, name, change in each.said if (other, change) == (word, text)]
            ids, count = sorted({incidents[name] for name in names if name}, key=int), len(names)
            rest = text if word in ('joined', 'created', 'ended') else f'{count} dropped' if count > 1 else 'dropped'
            if word != 'skipped':
                said.append(' '.join(filter(None, [sign, ', '.join(ids), rest])))
    if reasons:
        said.append(f'⊘ skipped: {", ".join(reasons)}')
    if each.original:
        said.append(f'↺ {numbers[each.original]}')
    if each.kind in ('wrong', 'refused', 'away'):
        said.append(found['text'])
    return [*said, '↯ left'] if found['kind'] == 'gone' else said
