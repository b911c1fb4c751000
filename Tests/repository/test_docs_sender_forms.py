"""What the form or the script of a sender's guide sends becomes the incident that the guide promises."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from shared.app import App
from documents import SENDER_GUIDES, code_blocks, quoted, read, table
from shared.webhook import Webhook

pytestmark = pytest.mark.sockets

GUIDES = {file.stem: read(file) for file in SENDER_GUIDES}
ALERT = {'timestamp': '2026-11-24T09:00:00.123+0000', 'id': '1795510800.1', 'agent': {'id': '001', 'name': 'bastion-1'},
         'rule': {'level': 12, 'description': 'sshd: brute force'}}


def block(guide: str, language: str) -> str:
    """Return the first fenced block of a guide in this language."""
    return next(text for named, text in code_blocks(GUIDES[guide]) if named == language)


def created(app: App, payload: Any) -> dict[str, Any]:
    """Return the incident that a payload becomes."""
    assert app.authorized(json.dumps(payload)).status == 200
    return app.incidents[-1]


def zabbix_sends(macros: dict[str, str]) -> dict[str, str]:
    """Return what the guide's script sends: its parameters, with the macros filled in, without those that it deletes."""
    parameters = {name.strip('`'): value.strip('`') for name, value in table(GUIDES['zabbix'], 'Name', 'Value')}
    deleted = re.findall(r'delete event\.(\w+)', block('zabbix', 'js'))
    return {name: macros.get(value, value) for name, value in parameters.items() if name not in deleted}


@pytest.mark.parametrize('value, severity, state', [('1', 3, []), ('0', 0.5, [{'type': 'state', 'value': 'resolved'}])],
                         ids=['problem', 'recovery'])
def test_the_parameters_of_zabbix_make_a_problem_and_its_end(app: App, value: str, severity: float, state: list[Any]) -> None:
    sent = zabbix_sends({'{EVENT.NAME}': 'Disk full', '{HOST.NAME}': 'db-1', '{EVENT.SEVERITY}': 'High', '{EVENT.ID}': '4711',
                         '{TRIGGER.ID}': '1612', '{EVENT.VALUE}': value})
    assert not {'url', 'token'} & sent.keys()
    incident = created(app, sent)
    assert (incident['name'], incident['severity'], incident.get('labels', [])) == ('Disk full: db-1', severity, state)
    assert 'dbotMirrorId' not in incident, 'the numbers of two servers are the same; the URL of the guide has a word for each'


def test_the_script_of_servicenow_makes_an_incident_with_severity_and_key(app: App) -> None:
    record = {'sys_id': '9d9d', 'number': 'INC0010023', 'short_description': 'Cannot reach the VPN', 'priority': '2',
              'sys_created_on': '2026-11-24 09:00:00'}
    named = re.findall(r"(\w+): current\.get(?:UniqueValue\(\)|Value\('(\w+)'\))", block('servicenow', 'js'))
    assert all(field in ('', name) for name, field in named)
    incident = created(app, {name: record[name] for name, _ in named})
    assert (incident['name'], incident['severity'], incident['dbotMirrorId'], incident['occurred']) == (
        'INC0010023 Cannot reach the VPN', 3, 'servicenow:9d9d', '2026-11-24T09:00:00Z')


def test_the_body_of_zendesks_trigger_makes_an_incident_with_the_tickets_priority(app: App) -> None:
    ticket = {'title': 'Suspicious mail', 'priority': 'Urgent'}
    body = re.sub(r'\{\{ticket\.([\w.]+)\}\}', lambda found: ticket.get(found[1], 'x'), block('zendesk', 'json'))
    incident = created(app, json.loads(body))
    assert (incident['name'], incident['severity']) == ('Suspicious mail', 4)


def test_the_body_of_power_automate_makes_an_incident_with_type_and_severity(app: App) -> None:
    incident = created(app, json.loads(block('power-automate', 'json')))
    assert (incident['name'], incident['type'], incident['severity']) == ('Suspicious mail reported by Alice', 'Phishing', 3)


def test_each_event_of_okta_is_an_incident_named_as_the_guide_says(app: App) -> None:
    events = [{'eventType': 'user.account.lock', 'displayMessage': 'Max sign in attempts exceeded', 'severity': 'WARN'},
              {'eventType': 'security.threat.detected', 'displayMessage': 'Suspicious actor', 'severity': 'ERROR'}]
    assert '`<URL>?each=data.events`' in GUIDES['okta']
    answer = app.post(json.dumps({'eventType': 'com.okta.event_hook', 'data': {'events': events}}),
                      {'Authorization': app.token}, 'each=data.events')
    assert answer.status == 200
    assert [(incident['name'], incident['severity']) for incident in app.incidents] == [
        ('user.account.lock: Max sign in attempts exceeded', 2), ('security.threat.detected: Suspicious actor', 3)]
    assert app.incidents[0]['name'] in quoted(GUIDES['okta'])


def test_the_requests_to_graph_and_snyk_have_bodies_in_json() -> None:
    assert json.loads(block('microsoft-graph', 'json'))['notificationUrl'] == '<URL>?token=<TOKEN>'
    [body] = re.findall("-d '(.+?)'", block('snyk', 'text'))
    assert json.loads(body) == {'url': '<URL>', 'secret': '<TOKEN>'}


def test_the_receiver_of_alertmanager_sends_the_token_that_the_guide_names() -> None:
    [receiver] = yaml.safe_load(block('prometheus-alertmanager', 'yaml'))['receivers']
    [webhook] = receiver['webhook_configs']
    assert webhook == {'url': '<URL>?each=alerts', 'http_config': {'authorization': {'credentials': '<SECRET>'}}}


def test_the_script_of_wazuh_sends_the_whole_alert(webhook: Webhook, tmp_path: Path) -> None:
    (tmp_path / 'alert').write_text(json.dumps(ALERT), 'utf-8')
    arguments = [str(tmp_path / 'alert'), webhook.token, webhook.webhook_url]
    subprocess.run([sys.executable, '-c', block('wazuh', 'python'), *arguments], check=True)
    [incident] = webhook.sent()
    assert (incident['name'], incident['severity'], json.loads(incident['rawJSON'])['id']) == (
        'sshd: brute force (bastion-1)', 3, '1795510800.1')
