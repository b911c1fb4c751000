"""A delivery that the page saves as a recipe passes, in the folder of senders, the test of all recipes without an edit."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from shared import app
import pytest
import requests
from clocks import unix_now
from local_xsoar import ROOT, wait_for
from recipes import assert_as_told
from shared.webhook import Webhook

from localxsoar.webhooks.senders import Sender, load_senders
from tools.names import table as names_table
from tools.names.table import SENDERS, TOKEN, land
from tools.senders.folders import read_folders
from tools.senders.missing import new_folder

pytestmark = pytest.mark.sockets


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook('--senders', str(ROOT / 'senders'), token=TOKEN, params={'incidentType': 'Web hook'}) as running:
        yield running


def save(webhook: Webhook, number: int, folder: Path, name: str = '') -> str:
    """Save the recipe of a delivery as the browser does, and return its name, or why there is none."""
    response = requests.get(f'{webhook.url}/localxsoar/deliveries/{number}/recipe')
    if response.status_code == 409:
        return str(response.json()['error'])
    assert TOKEN.encode() not in response.content
    name = name or response.headers['Content-Disposition'].partition('"')[2].removesuffix('.json"')
    (folder / name).mkdir()
    (folder / name / 'deliveries.json').write_bytes(response.content)
    return name


def send_and_save(webhook: Webhook, sender: Sender, folder: Path) -> dict[str, dict[str, Any]]:
    """Save the sender's first delivery and those of another kind, and return what each expects, by the name of its file."""
    expected = {}
    for at, each in enumerate(sender.deliveries):
        if at and not each.get('query') and 'state' not in each['expected'] and 'text' not in each:
            continue  # each takes time, and is much like the first
        key = f'{sender.key}--{at}'
        number = webhook.control('POST', f'senders/{sender.key}/send', json={'title': each['title']})['number']
        assert save(webhook, number, folder, key) == key
        expected[key] = each['expected']
    return expected


@pytest.mark.parametrize('step', [5, pytest.param(1, marks=pytest.mark.weekly)])
def test_what_known_senders_send_is_saved_and_passes_the_test_of_all_recipes(
        webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    senders = [*SENDERS.values()][::step]
    expected = {key: told for sender in senders for key, told in send_and_save(webhook, sender, tmp_path).items()}
    saved = load_senders(tmp_path)
    # What was signed with a time in the payload is accepted in its minutes only.
    now = int(unix_now())
    for module in (app, names_table):
        monkeypatch.setattr(module, 'NOW', now)
    monkeypatch.setattr(names_table, 'ARRIVAL', datetime.fromtimestamp(now, timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ'))
    for key, sender in saved.items():
        delivery, = sender.deliveries
        assert sender.proof == SENDERS[key.partition('--')[0]].proof
        assert delivery['expected'] == expected[key]
        assert_as_told(land(sender, delivery))
    unknown = {key for key, sender in saved.items() if not sender.source.startswith('https://')}
    assert saved.keys() == expected.keys() and len(unknown) < 5, 'few are known neither by a header nor by their payload'


def test_the_delivery_of_an_unknown_sender_needs_no_more_than_its_name_and_source(webhook: Webhook, tmp_path: Path) -> None:
    event = {'rule': {'title': 'Failed logins'}, 'number': 17, 'created_at': '2026-11-24T09:00:00Z', 'severity': 'high'}
    response = requests.post(f'{webhook.webhook_url}?type=Phishing', json=event, headers={
        'User-Agent': 'Acme-Probe/2.1', 'X-Acme-Key': TOKEN, 'X-Acme-Event': 'alert', 'X-Forwarded-For': '198.51.100.7',
        'Cookie': 'session=4711'})
    assert response.status_code == 200
    name = save(webhook, webhook.control('GET', 'deliveries')[0]['number'], tmp_path)
    assert name == 'acme-probe-new'
    recipe = json.loads((tmp_path / name / 'deliveries.json').read_text('utf-8'))
    assert {key for key, value in recipe.items() if str(value).startswith('FILL IN: ')} == {'sender', 'source'}
    assert (recipe['proof'], recipe['deliveries'][0]) == ({'place': 'header', 'name': 'X-Acme-Key', 'value': '{token}'}, {
        'title': 'Failed logins', 'query': 'type=Phishing', 'payload': event,
        'headers': {'User-Agent': 'Acme-Probe/2.1', 'X-Acme-Event': 'alert', 'Content-Type': 'application/json'},
        'expected': {'name': 'Failed logins', 'type': 'Phishing', 'occurred': '2026-11-24T09:00:00Z', 'severity': 3}})
    (tmp_path / 'senders').mkdir()
    shutil.copy(ROOT / 'senders/schema.json', tmp_path / 'senders')
    new_folder(tmp_path, 'acme', tmp_path / name / 'deliveries.json')
    folder = read_folders(tmp_path)['acme']
    sender = folder.sender
    assert sender.deliveries == load_senders(tmp_path)[name].deliveries
    told = land(sender, sender.deliveries[0]).told
    assert {key: value for key, value in told.items() if key in recipe['deliveries'][0]['expected'] or value} == (
        recipe['deliveries'][0]['expected'])


def test_each_instance_judges_repairs_and_saves_by_its_own_token(webhook: Webhook) -> None:
    other, second = 'token-of-the-second', webhook.webhook_url.replace('/webhook', '/sec%20ond')
    data = [{'name': 'auth_header', 'type': 4, 'value': other}]
    form = {'name': 'sec ond', 'brand': 'GenericWebhook', 'enabled': 'true', 'data': data}
    assert requests.put(f'{webhook.url}/settings/integration', json=form).ok
    wait_for(lambda: requests.post(second).status_code == 401)
    requests.post(second, b'{}', headers={'X-Gitlab-Token': TOKEN, 'X-Gitlab-Event': 'Push Hook'})
    rejected = webhook.control('GET', 'deliveries')[0]['number']
    checks = webhook.control('GET', f'deliveries/{rejected}')['checks']
    assert checks[0] == {'state': 'bad', 'title': 'Token', 'text': 'It is another value.'}
    repaired = webhook.control('POST', f'deliveries/{rejected}/send', json={'proof': True})['number']
    tried = webhook.control('POST', 'senders/falco/send?instance=sec%20ond', json={})['number']
    found = {each['number']: each for each in webhook.control('GET', 'deliveries')}
    assert [found[number]['status'] for number in (rejected, repaired, tried)] == [401, 200, 200]
    assert found[tried]['target'].startswith('/instance/execute/sec%20ond')
    requests.post(second, b'{"name": "by hand"}', headers={'Authorization': other})
    recipe = requests.get(f'{webhook.url}/localxsoar/deliveries/{max(found) + 1}/recipe').json()
    assert recipe['proof'] == {'place': 'header', 'name': 'Authorization', 'value': '{token}'}
