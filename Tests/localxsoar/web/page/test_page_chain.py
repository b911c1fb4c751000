"""What became of each delivery is the same in the store, the log, the terminal, and the page's list, lanes and incidents."""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from clocks import PATIENCE_SECONDS
from joining import RULE
from local_xsoar import wait_for
from pages import SENDERS, OpenPage, post
from playwright.sync_api import Page, expect
from random_chains import expected, send_all
from shared.browser import violations
from shared.webhook import Webhook

pytestmark = pytest.mark.sockets

SEED = 20261130
AGENT = re.compile(r'"(s\d-[^"]*)"')  # of a delivery, in the line of its request
URL = '?name=what&severity=level&problem=pumps:pump&resolved=state=over'
# What each line of the list, each lane and each incident says, without what only a screen reader says.
SAID = '''async () => {
    const load = (name) => import(document.scripts[0].src.replace('script', name));
    const modules = await Promise.all(['deliveries', 'incidents', 'acts', 'problems'].map(load));
    const [{deliveries}, {incidents}, {acts}, {lanesOf}] = modules;
    const list = Object.fromEntries(deliveries.all.map((each) => {
        const row = deliveries.draw(each).querySelector('.became');
        for (const unseen of row.querySelectorAll('.unseen')) unseen.remove();
        return [each.number, row.textContent];
    }));
    const lanes = {};
    for (const lane of lanesOf(incidents.all, deliveries.all, acts)) {
        for (const {kind, delivery, incident} of lane.events) {
            (lanes[delivery?.number] ??= []).push([kind === 'end' ? 'created' : kind, incident?.id ?? '']);
        }
    }
    return {list, lanes};
}'''


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook(*RULE, *SENDERS, '--keep', '500') as running:
        yield running


def ended(webhook: Webhook) -> list[dict[str, Any]]:
    return [each for each in webhook.control('GET', 'deliveries') if each['kind'] != 'waiting']


def test_a_problem_that_begins_gets_worse_and_ends_is_one_incident_whose_page_says_so(
    open_page: OpenPage, webhook: Webhook
) -> None:
    page = open_page(f'{webhook.url}/#/deliveries')
    for level, state in (('high', 'on'), ('critical', 'on'), ('critical', 'on'), ('low', 'over')):
        assert post(webhook, {'what': 'Pump 3 is hot', 'pump': 3, 'level': level, 'state': state}, query=URL).status_code == 200
    rows = page.locator('#deliveries .row .became')
    said = ['→ incident 1 high · Pump 3 is hot', '↳ joined incident 1 high → critical Pump 3 is hot', '⊘ dropped Pump 3 is hot',
            '✓ ended incident 1 Pump 3 is hot']
    expect(rows).to_have_text(said[::-1])
    expect(page.locator('#kinds button:visible')).to_have_text(['created 1', 'joined 1', 'ended 1', 'dropped 1'])
    page.locator('#search').fill('severity:unknown')
    expect(rows).to_have_count(0)  # three have no incident of their own
    page.locator('#search').fill('')
    page.locator('[data-kind=joined]').click()
    expect(rows).to_have_text(said[1:2])
    rows.first.click()
    page.get_by_role('button', name='Incident 1', exact=True).click()
    links = page.locator('#delivery .links')
    numbers = [each['number'] for each in ended(webhook)][::-1]
    by = [rf'{word} delivery {numbers[at]} .*' for word, at in (('Created by', 0), ('Joined by', 1), ('Ended by', 3))]
    patterns = [re.compile(f'^{line}$') for line in (by[0], f'{by[1]}: high → critical', by[2])]
    expect(links.locator('p')).to_have_text(patterns)
    expect(page.locator('#delivery .note-entry').first).to_contain_text('Again: Pump 3 is hot')
    severity = page.locator('#delivery .origins tr', has_text='Severity').locator('td')
    expect(severity).to_contain_text('level is high, by the URL. It has become critical since.')
    assert not violations(page)
    page.goto(f'{webhook.url}/#/incidents?as=lanes&open=lane-1')
    expect(page.locator('#lanes .row .sign')).to_have_text(['→', '↳', '⊘', '✓'])
    events = page.locator('#incident .events .what')
    expect(events).to_have_text(['→ created', '↳ joined: high → critical', '⊘ dropped', '✓ ended'])
    assert not violations(page)
    for address in ('incidents?as=lanes&open=lane-1', f'deliveries/{numbers[1]}'):
        page.set_viewport_size({'width': 390, 'height': 800})
        page.goto(f'{webhook.url}/#/{address}')
        expect(page.locator('.detail:visible')).to_contain_text('Pump 3 is hot')
        assert not violations(page), 'also no target is too small for a finger'
    page.set_viewport_size({'width': 1280, 'height': 760})
    wait_for(lambda: len(webhook.control('GET', f'deliveries/{numbers[1]}/log')) == 1)
    shared = requests.get(f'{webhook.url}/localxsoar/deliveries/{numbers[1]}.html', timeout=PATIENCE_SECONDS).text
    assert '↳ 1 high → critical' in shared and 'Log 1<' in shared and 'bytes, token 1: no incidents' in shared


def test_a_repeat_leads_to_its_original_and_an_incident_without_a_severity_to_where_it_is_named(
    page: Page, webhook: Webhook
) -> None:
    for _ in range(2):
        post(webhook, {'title': 'Twice', 'problem': {'level': 'P2'}}, Idempotency_Key='twice')
    repeat, original, *_ = ended(webhook)
    page.goto(f'{webhook.url}/#/deliveries/{repeat["number"]}')
    page.locator('#original').click()
    expect(page.locator('#delivery .result')).to_have_text(re.compile(r'^→ incident \d+ Twice$'))
    page.goto(f'{webhook.url}/#/incidents/{original["incidents"][0]}')
    origins = page.locator('#incident .origins td')
    expect(origins).to_have_text([re.compile(each) for each in (
        '^title, by the general rule. Change…', '^none: no value says it, so it is the moment of arrival. Say it…',
        '^problem.level is P2: level is no key of a severity. Use it…',
        '^none: neither a row nor the URL says what identifies it. Say it…',
        '^none: neither a row nor the URL says what its end is. Say it…')])
    assert not violations(page)
    page.locator('#origin-severity').press('Enter')
    expect(page.locator('#delivery')).to_be_focused()
    expect(page.locator('#finished-url')).to_have_text(f'{webhook.webhook_url}?severity=problem.level')
    expect(page.locator('#becomes')).to_contain_text('Twice severity high')
    assert not violations(page)
    page.locator('#naming-close').click()


def disagreements(webhook: Webhook, page: Page, sent: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield each delivery of which something says another thing than the model."""
    found = {each['sender']: each for each in ended(webhook)}
    numbers = {agent: each['number'] for agent, each in found.items()}
    kept = webhook.control('GET', 'incidents')
    incidents = {each['sent']['name']: each['id'] for each in kept}
    on_page, output = page.evaluate(SAID), webhook.output
    linked: dict[str, set[tuple[str, str]]] = {}  # by the number of a delivery, the words and incidents that lead to it
    for each in kept:
        page.goto(f'{webhook.url}/#/incidents/{each["id"]}')
        expect(page.locator('#incident .meta')).to_contain_text(f'incident {each["id"]} ')
        for line in page.locator('#incident .links p').all_text_contents():
            for number in re.findall(r'delivery (\d+) \(', line):
                linked.setdefault(number, set()).add((line.split()[0].lower(), each['id']))
    for one in sent:
        delivery = found[one.agent]
        number = str(delivery['number'])
        wanted = expected(one, delivery, numbers, incidents)
        chain = delivery['chain']
        words = {(step['word'], incident) for step in chain for incident in step['incidents'] or ['']}
        lanes = {(word, incident) for word, incident in on_page['lanes'].get(number, [])}
        of_incident = {('repeated' if word == 'repeat' else word, incident) for word, incident in words if incident}
        printed = [line for line in output if re.search(rf' {re.escape(one.agent)} ', line) and '  log ' not in line]
        log = [line['text'] for line in webhook.control('GET', f'deliveries/{number}/log')]
        facts = {
            'store': [step['said'] for step in chain] == wanted,
            'list': on_page['list'][number].startswith(' · '.join(wanted) if wanted else 'Generic Webhook is listening'),
            'terminal': printed[-1:] != [] and ' · '.join(wanted) in printed[-1],
            'lanes': {word for word, _ in lanes} == {word for word, _ in words}
            and {each for each in words if each[1] and each[0] != 'repeat'} <= lanes,
            'incident': linked.get(number, set()) == of_incident,
            'log': [f'"{one.agent}"' in text for text in log if AGENT.search(text)] == [True] * (one.kind != 'away')
            and log == sorted(log),
        }
        if not all(facts.values()):
            wrong = [name for name, is_right in facts.items() if not is_right]
            yield wrong, wanted, one, delivery, printed, log, lanes, linked.get(number)


@pytest.mark.parametrize('count', [60, pytest.param(200, marks=pytest.mark.weekly)])
def test_the_page_the_store_the_log_and_the_terminal_agree_on_random_deliveries(
    open_page: OpenPage, webhook: Webhook, count: int
) -> None:
    webhook.control('DELETE', 'deliveries')
    sent = send_all(webhook, count, SEED + count)
    agents = {each.agent for each in sent if each.kind != 'away'}  # those that reached a container
    wait_for(lambda: len(ended(webhook)) == len(sent))
    wait_for(lambda: agents <= {match[1] for line in webhook.control('GET', 'log')
                                if (match := AGENT.search(line['text']))})
    wait_for(lambda: all(any(f' {agent} ' in line for line in webhook.output) for agent in agents))
    page = open_page(f'{webhook.url}/#/deliveries')
    expect(page.locator('#count-deliveries')).to_have_text(str(len(sent)))
    assert [*disagreements(webhook, page, sent)] == []
    assert {each['status'] for each in ended(webhook)} >= {200, 401, 502, 503, None}
    words = {step['word'] for each in ended(webhook) for step in each['chain']}
    assert words >= {'created', 'joined', 'ended', 'dropped', 'skipped', 'repeat', 'rejected'}
