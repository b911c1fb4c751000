"""GenericWebhookJoin as a rule of the local XSOAR: what becomes of real events, and that a drop disturbs no response."""
from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from joining import CLOSED, Joining, alert, post_all
from local_xsoar import needs, wait_for
from senders_at_once import AUTHORIZED
from test_programs import Daemon
from tools.names_table import SENDERS
from webhook import PACK, TOKEN, Answer

from localxsoar.ports import any_free_port
from localxsoar.senders import SenderRequest

ENDED = {'status': 'resolved', 'endsAt': '2026-11-24T09:10:00Z'}
OTHER_HOST = {'fingerprint': 'beef', 'labels': {'alertname': 'DiskFull', 'instance': 'db-2:9100', 'severity': 'critical'}}


@pytest.fixture
def xsoar() -> Iterator[Joining]:
    with Joining() as running:
        yield running


# What becomes of an event


def test_an_alert_that_fires_repeats_changes_and_ends_is_one_closed_incident(xsoar: Joining) -> None:
    created = xsoar.post_alerts(alert()).json()
    assert [incident['id'] for incident in created] == ['1']
    assert xsoar.post_alerts(alert(annotations={'summary': 'Disk of db-1 is full in 1 hour'})).json() == []
    assert xsoar.post_alerts(alert(annotations={'summary': 'Disk of db-1 is full in 1 hour'})).json() == []
    assert [incident['id'] for incident in xsoar.post_alerts(alert(**OTHER_HOST)).json()] == ['2']
    assert xsoar.post_alerts(alert(**ENDED)).json() == []
    assert xsoar.statuses() == [CLOSED, 0]
    assert xsoar.notes() == ['Again: DiskFull: Disk of db-1 is full in 1 hour',
                             'Resolved: DiskFull: Disk of db-1 is full in 4 hours']
    closed = xsoar.found()[0]
    assert (closed['closeReason'], closed['severity']) == ('Resolved', 4)
    assert [incident['id'] for incident in xsoar.post_alerts(alert()).json()] == ['3']


def test_two_alerts_of_one_key_in_the_same_call_are_one_incident(xsoar: Joining) -> None:
    assert [incident['id'] for incident in xsoar.post_alerts(alert(), alert(**OTHER_HOST), alert()).json()] == ['1', '2']


def test_a_severity_is_raised_and_never_lowered(xsoar: Joining) -> None:
    for word in ('warning', 'critical', 'info'):
        xsoar.post_alerts(alert(labels={'alertname': 'DiskFull', 'severity': word}))
    assert [incident['severity'] for incident in xsoar.found()] == [4]


def test_an_incident_that_was_closed_by_hand_is_not_joined(xsoar: Joining) -> None:
    xsoar.post_alerts(alert())
    update = {'id': '1', 'status': CLOSED}
    assert requests.post(f'{xsoar.url}/incident', json=update, timeout=60).status_code == 200
    assert [incident['id'] for incident in xsoar.post_alerts(alert()).json()] == ['2']


def test_an_incident_that_somebody_owns_stays_open_with_a_label(xsoar: Joining) -> None:
    xsoar.post_alerts(alert())
    requests.post(f'{xsoar.url}/incident', json={'id': '1', 'owner': 'ann'}, timeout=60)
    assert xsoar.post_alerts(alert(**ENDED)).json() == []
    [owned] = xsoar.found()
    assert owned['status'] == 0 and {'type': 'state', 'value': 'resolved'} in owned['labels']


def test_instances_do_not_join_each_others_incidents() -> None:
    with Joining('--instance', 'second', '--set', f'auth_header={TOKEN}') as xsoar:
        def post_to(instance: str, payload: dict[str, Any]) -> list[str]:
            response = wait_for(lambda: (answer := requests.post(
                f'{xsoar.url}/instance/execute/{instance}?each=alerts', json={'alerts': [payload]}, headers=AUTHORIZED,
                timeout=60)).ok and answer, f'the instance {instance}')
            return [incident['id'] for incident in response.json()]

        assert post_to('webhook', alert()) == ['1']
        assert [post_to('second', alert(**ENDED)), post_to('second', alert())] == [['2'], ['3']]
        assert post_to('webhook', alert(**ENDED)) == []
        assert xsoar.statuses() == [CLOSED, 0, 0]


@pytest.mark.parametrize('key', ['a"b', "a'b", 'a\\b', 'a*b', 'a?b', 'a b', 'ä', 'a" or name:"x', 'a\nb', 'x' * 200])
def test_a_value_that_a_query_could_misread_is_joined_as_any_other(xsoar: Joining, key: str) -> None:
    event = {'routing_key': 'r', 'dedup_key': key, 'payload': {'summary': 'web-1 is down', 'source': 'web-1',
                                                               'severity': 'critical'}}
    for action, other, count in (('trigger', key, 1), ('trigger', f'{key}c', 1), ('trigger', key, 0), ('resolve', key, 0)):
        response = requests.post(xsoar.webhook_url, json={**event, 'event_action': action, 'dedup_key': other}, timeout=60,
                                 headers=AUTHORIZED)
        assert len(response.json()) == count
    assert xsoar.statuses() == [CLOSED, 0]


# Doubts, over the real line


@pytest.mark.parametrize('command', ['getIncidents', 'addEntries', 'setIncident', 'closeInvestigation', '*'])
def test_an_event_is_created_if_a_command_is_an_error_entry(xsoar: Joining, command: str) -> None:
    """As for a script of a limited user; the second also stands for an incident without an investigation."""
    xsoar.post_alerts(alert())
    xsoar.faults(deny=command)
    assert [incident['id'] for incident in xsoar.post_alerts(alert(**ENDED)).json()] == ['2']
    assert xsoar.statuses()[0] == 0
    xsoar.wait_for_line('GenericWebhookJoin creates an incident, because it is in doubt')


# The receiver's response


def test_a_reply_of_null_is_502_and_nothing_is_lost(xsoar: Joining) -> None:
    xsoar.faults(dropped='null')
    assert xsoar.post_alerts(alert()).status_code == 200
    response = xsoar.post_alerts(alert())
    assert response.status_code == 502 and 'may exist' in response.json()['detail']
    assert [incident['id'] for incident in xsoar.post_alerts(alert(), alert(**OTHER_HOST)).json()] == ['2']
    assert xsoar.statuses() == [0, 0]


def test_in_a_group_of_posts_with_dropped_and_identical_ones_nobody_gets_anothers_response(xsoar: Joining) -> None:
    hosts = [alert(fingerprint=f'{number:04x}', annotations={'summary': f'host {number}'}) for number in range(25)]
    known, new, same = hosts[:10], hosts[10:24], hosts[24]
    xsoar.post_alerts(*known, same)
    xsoar.faults(hang=True)
    calls = len(xsoar.state()['createSizes'])

    async def play() -> tuple[Answer, list[Answer]]:
        held = asyncio.ensure_future(post_all(xsoar, [alert(fingerprint='first')]))
        await asyncio.to_thread(wait_for, lambda: len(xsoar.state()['createSizes']) > calls, 'the call that hangs')
        mixed = [each for pair in zip(new, [*known, *[same] * 4], strict=True) for each in pair]
        group = asyncio.ensure_future(post_all(xsoar, mixed))
        await asyncio.sleep(1)  # they are all there well before; what comes later goes in the next call and must hold as well
        xsoar.faults(hang=False)
        return (await held)[0], await group

    first, group = asyncio.run(play())
    assert {answer.status for answer in (first, *group)} == {200}
    told = [[incident['dbotMirrorId'] for incident in answer.json] for answer in group]
    assert told == [ids for each in new for ids in ([f'alertmanager:{each["fingerprint"]}'], [])]
    assert len(xsoar.found()) == 11 + 1 + 14
    assert max(xsoar.state()['createSizes'][calls:]) > 4, 'the posts did not go in groups'


@pytest.mark.weekly
def test_with_a_pre_process_script_of_500_ms_60_posts_at_once_lose_nothing(tmp_path: Path) -> None:
    script = 'Scripts/GenericWebhookJoin/GenericWebhookJoin.py'
    pack = Path(shutil.copytree(PACK, tmp_path / PACK.name))
    (pack / script).write_text('import time\ntime.sleep(0.5)\ndemisto.results(True)\n')
    with Joining(pack=pack) as xsoar:
        keys = [f'alertmanager:{number:04x}' for number in range(60)]
        answers = asyncio.run(post_all(xsoar, [alert(fingerprint=key.partition(':')[2]) for key in keys]))
        assert [[incident['dbotMirrorId'] for incident in answer.json] for answer in answers] == [[key] for key in keys]
        assert sorted(incident['dbotMirrorId'] for incident in xsoar.found()) == keys


# Senders


def posts(xsoar: Joining) -> list[str]:
    return [line['text'] for line in xsoar.state()['log'] if ' POST ' in f" {line['text']} "]


@contextmanager
def serve(host: str) -> Iterator[None]:
    """Answer Prometheus at an address as a host that is up."""
    address, port = host.split(':')
    server = ThreadingHTTPServer((address, int(port)), Metrics)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Metrics(BaseHTTPRequestHandler):
    """A page with one metric."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain; version=0.0.4')
        self.end_headers()
        self.wfile.write(b'up_since 1\n')

    def log_message(self, *_: object) -> None:
        """Keep the output of tests free of requests."""


def deliver(xsoar: Joining, name: str, title: str) -> Any:
    sender = SENDERS[name]
    delivery = next(each for each in sender.deliveries if each['title'] == title)
    request: SenderRequest = sender.request(delivery, TOKEN)
    query = f'?{request.query}' if request.query else ''
    response = requests.post(f'{xsoar.webhook_url}{query}', request.body, headers=dict(request.headers), timeout=60)
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize('name, problems, end', [
    ('pagerduty', ['incident triggered', 'incident acknowledged', 'note added'], 'incident resolved'),
    ('pagerduty', ['events API'], 'events API, resolve'), ('opsgenie', ['alert created'], 'alert closed'),
    ('aws-cloudwatch', ['alarm with its ARN', 'alarm has too little data'], 'alarm has ended'),
    ('aws-eventbridge', ['CloudWatch alarm with its ARN'], 'CloudWatch alarm has ended'),
    ('aws-eventbridge', ['Security Hub finding'], 'Security Hub finding resolved'),
    ('grafana', ['a series has vanished'], 'resolved'),
    ('alertmanager', ['one alert fires', 'one alert of a group'], 'resolved')])
def test_the_events_of_a_problem_are_one_incident_that_its_end_closes(xsoar: Joining, name: str, problems: list[str],
                                                                      end: str) -> None:
    first, *others = problems
    assert [incident['id'] for incident in deliver(xsoar, name, first)] == ['1']
    assert [deliver(xsoar, name, other) for other in others] == [[] for _ in others]
    assert deliver(xsoar, name, end) == []
    assert xsoar.statuses() == [CLOSED]


PROMETHEUS = '''
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{alertmanager}']}}]}}]}}
rule_files: [rules.yml]
scrape_configs:
  - job_name: hosts
    file_sd_configs: [{{files: [hosts.json], refresh_interval: 1s}}]
'''
RULES = '''
groups:
  - name: hosts
    rules:
      - alert: HostDown
        expr: up == 0
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.instance }} is down"}
'''
ALERTMANAGER = '''
route: {{receiver: xsoar, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}}
receivers:
  - name: xsoar
    webhook_configs:
      - url: {url}?each=alerts
        send_resolved: true
        http_config: {{authorization: {{type: Bearer, credentials: {credentials}}}}}
'''


def test_prometheus_with_alertmanager_makes_one_incident_of_each_host_and_closes_it(tmp_path: Path) -> None:
    prometheus, alertmanager = needs('prometheus'), needs('prometheus-alertmanager')
    with Joining(token=f'Bearer {TOKEN}') as xsoar:
        watch_hosts(xsoar, prometheus, alertmanager, tmp_path)
        assert xsoar.statuses() == [CLOSED, 0]
        assert [text.split(':')[0] for text in xsoar.notes()] == ['Resolved']
        assert xsoar.notes('2') == []


def watch_hosts(xsoar: Joining, prometheus: str, alertmanager: str, tmp_path: Path) -> None:
    """Let a host be down until its alert has been repeated, then another beside it, then the first be up."""
    hosts = [f'127.0.0.1:{any_free_port()}' for _ in range(2)]
    (tmp_path / 'hosts.json').write_text(json.dumps([{'targets': hosts[:1]}]))
    (tmp_path / 'rules.yml').write_text(RULES)
    (tmp_path / 'alertmanager.yml').write_text(ALERTMANAGER.format(url=xsoar.webhook_url, credentials=TOKEN))
    with Daemon(alertmanager, f'--config.file={tmp_path}/alertmanager.yml', f'--storage.path={tmp_path}/data',
                '--web.listen-address=127.0.0.1:0', '--cluster.listen-address=', '--log.format=json') as daemon:
        address = json.loads(daemon.line_with('"address":"127.0.0.1:'))['address']
        (tmp_path / 'prometheus.yml').write_text(PROMETHEUS.format(alertmanager=address))
        with Daemon(prometheus, f'--config.file={tmp_path}/prometheus.yml', f'--storage.tsdb.path={tmp_path}/tsdb',
                    '--web.listen-address=127.0.0.1:0'):
            wait_for(lambda: xsoar.statuses() == [0], 'the first incident', 30)
            repeated = len(posts(xsoar))
            wait_for(lambda: len(posts(xsoar)) > repeated + 1, 'repeats', 30)
            (tmp_path / 'hosts.json').write_text(json.dumps([{'targets': hosts}]))
            wait_for(lambda: xsoar.statuses() == [0, 0], 'an incident of the second host', 30)
            with serve(hosts[0]):
                wait_for(lambda: xsoar.statuses() == [CLOSED, 0], 'the end of the first', 60)
                repeated = len(posts(xsoar))
                wait_for(lambda: len(posts(xsoar)) > repeated, 'a repeat of the second', 30)
