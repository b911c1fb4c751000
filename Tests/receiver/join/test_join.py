"""GenericWebhookJoin as a rule of the local XSOAR: what becomes of real events, and that a drop disturbs no response."""
from __future__ import annotations

import asyncio
import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from daemons import Daemon
import requests
from clocks import PATIENCE_SECONDS
from joining import CLOSED, Joining, alert, post_all
from local_xsoar import Answering, needs, wait_for
from senders_at_once import AUTHORIZED, until
from tools.names.table import SENDERS
from shared.webhook import PACK, TOKEN, Answer, changed_pack

from localxsoar.containers.ports import any_free_port
from localxsoar.webhooks.senders import SenderRequest

pytestmark = pytest.mark.sockets

ENDED = {'status': 'resolved', 'endsAt': '2026-11-24T09:10:00Z'}
OTHER_HOST = {'fingerprint': 'beef', 'labels': {'alertname': 'DiskFull', 'instance': 'db-2:9100', 'severity': 'critical'}}


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joining]:
    """One that takes the server for quick, so that all posts that wait go in one call. It has a second instance."""
    pack = changed_pack(tmp_path_factory.mktemp('quick'), {'self.timings or [(8, 2.0)]': '[(10_000, 0.1)]'})
    joining = Joining(pack=pack)
    joining.argv += ['--instance', 'second', '--set', f'auth_header={TOKEN}']
    with joining as started:
        yield started


@pytest.fixture
def xsoar(running: Joining) -> Joining:
    running.begin()
    return running


def test_an_alert_that_fires_repeats_changes_and_ends_is_one_closed_incident(xsoar: Joining) -> None:
    assert xsoar.ids(xsoar.post_alerts(alert())) == ['1']
    assert xsoar.post_alerts(alert(annotations={'summary': 'Disk of db-1 is full in 1 hour'})).json() == []
    assert xsoar.post_alerts(alert(annotations={'summary': 'Disk of db-1 is full in 1 hour'})).json() == []
    assert xsoar.ids(xsoar.post_alerts(alert(**OTHER_HOST))) == ['2']
    assert xsoar.post_alerts(alert(**ENDED)).json() == []
    assert xsoar.statuses() == [CLOSED, 0]
    assert xsoar.notes() == ['Again: DiskFull: Disk of db-1 is full in 1 hour',
                             'Resolved: DiskFull: Disk of db-1 is full in 4 hours']
    closed = xsoar.found()[0]
    assert (closed['closeReason'], closed['severity']) == ('Resolved', 4)
    assert xsoar.ids(xsoar.post_alerts(alert())) == ['3']


def test_events_of_an_in_house_sender_are_one_closed_incident_by_the_words_of_its_url(xsoar: Joining) -> None:
    words = 'name=evt.what%2Cevt.where&severity=prio%3Acritical%3Durgent&problem=backup%3Aref&resolved=evt.state%3Dclosed'

    def fire(ref: int = 4711, **changes: str) -> list[str]:
        payload = {'evt': {'what': 'Backup failed', 'where': 'db-1', 'state': 'open', **changes}, 'prio': 'urgent', 'ref': ref}
        url = f'{xsoar.webhook_url}?{words}'
        return xsoar.ids(requests.post(url, json=payload, headers=AUTHORIZED, timeout=PATIENCE_SECONDS))

    assert fire() == ['1']
    assert [fire(), fire(where='db-2')] == [[], []]
    assert fire(ref=4712) == ['2']
    assert fire(state='closed') == []
    assert xsoar.statuses() == [CLOSED, 0]
    [closed, _] = xsoar.found()
    assert (closed['name'], closed['severity'], closed['dbotMirrorId']) == ('Backup failed: db-1', 4, 'url/backup:4711')
    assert {'type': 'problem', 'value': 'url/backup:4711'} in closed['labels']
    assert xsoar.notes() == ['Again: Backup failed: db-2', 'Resolved: Backup failed: db-1']
    assert fire() == ['3']


def test_two_alerts_of_one_key_in_the_same_call_are_one_incident(xsoar: Joining) -> None:
    assert xsoar.ids(xsoar.post_alerts(alert(), alert(**OTHER_HOST), alert())) == ['1', '2']


def test_a_severity_is_raised_and_never_lowered(xsoar: Joining) -> None:
    for word in ('warning', 'critical', 'info'):
        xsoar.post_alerts(alert(labels={'alertname': 'DiskFull', 'severity': word}))
    assert [incident['severity'] for incident in xsoar.found()] == [4]


def test_an_incident_that_was_closed_by_hand_is_not_joined(xsoar: Joining) -> None:
    xsoar.post_alerts(alert())
    xsoar.update(xsoar.own('1'), status=CLOSED)
    assert xsoar.ids(xsoar.post_alerts(alert())) == ['2']


def test_an_incident_that_somebody_owns_stays_open_with_a_label(xsoar: Joining) -> None:
    xsoar.post_alerts(alert())
    xsoar.update(xsoar.own('1'), owner='ann')
    assert xsoar.post_alerts(alert(**ENDED)).json() == []
    [owned] = xsoar.found()
    assert owned['status'] == 0 and {'type': 'state', 'value': 'resolved'} in owned['labels']


def test_instances_do_not_join_each_others_incidents(xsoar: Joining) -> None:
    def post_to(instance: str, payload: dict[str, Any]) -> list[str]:
        response = wait_for(lambda: (answer := requests.post(
            f'{xsoar.url}/instance/execute/{instance}?each=alerts', json={'alerts': [payload]}, headers=AUTHORIZED,
            timeout=PATIENCE_SECONDS)).ok and answer, f'the instance {instance}')
        return xsoar.ids(response)

    assert post_to('webhook', alert()) == ['1']
    assert [post_to('second', alert(**ENDED)), post_to('second', alert())] == [['2'], ['3']]
    assert post_to('webhook', alert(**ENDED)) == []
    assert xsoar.statuses() == [CLOSED, 0, 0]


@pytest.mark.parametrize('key', ['a*" or name:"x*', 'x' * 200, *(
    pytest.param(key, marks=pytest.mark.weekly) for key in ('a" or name:"x', 'a*b', "a'b", 'a\\b', 'a?b', 'a b', 'ä', 'a\nb'))])
def test_a_value_that_a_query_could_misread_is_joined_as_any_other(xsoar: Joining, key: str) -> None:
    event = {'routing_key': 'r', 'dedup_key': key, 'payload': {'summary': 'web-1 is down', 'source': 'web-1',
                                                               'severity': 'critical'}}
    for action, other, count in (('trigger', key, 1), ('trigger', f'{key}c', 1), ('trigger', key, 0), ('resolve', key, 0)):
        response = requests.post(xsoar.webhook_url, json={**event, 'event_action': action, 'dedup_key': other},
                                 headers=AUTHORIZED, timeout=PATIENCE_SECONDS)
        assert len(response.json()) == count
    assert xsoar.statuses() == [CLOSED, 0]


@pytest.mark.parametrize('command', ['getIncidents', 'closeInvestigation', *(
    pytest.param(command, marks=pytest.mark.weekly) for command in ('addEntries', 'setIncident', '*'))])
def test_an_event_is_created_if_a_command_is_an_error_entry(xsoar: Joining, command: str) -> None:
    """As for a script of a limited user; the second also stands for an incident without an investigation."""
    xsoar.post_alerts(alert())
    xsoar.faults(deny=command)
    before = len(xsoar.output)
    assert xsoar.ids(xsoar.post_alerts(alert(**ENDED))) == ['2']
    assert xsoar.statuses()[0] == 0
    doubt = 'GenericWebhookJoin creates an incident, because it is in doubt'
    wait_for(lambda: any(doubt in line for line in xsoar.output[before:]), 'the reason in the output')


def test_a_reply_of_null_is_502_and_nothing_is_lost(xsoar: Joining) -> None:
    xsoar.faults(dropped='null')
    assert xsoar.post_alerts(alert()).status_code == 200
    response = xsoar.post_alerts(alert())
    assert response.status_code == 502 and 'may exist' in response.json()['detail']
    assert xsoar.ids(xsoar.post_alerts(alert(), alert(**OTHER_HOST))) == ['2']
    assert xsoar.statuses() == [0, 0]


def test_in_a_group_of_posts_with_dropped_and_identical_ones_nobody_gets_anothers_response(xsoar: Joining) -> None:
    hosts = [alert(fingerprint=f'{number:04x}', annotations={'summary': f'host {number}'}) for number in range(6)]
    known, new, same = hosts[:2], hosts[2:5], hosts[5]
    xsoar.post_alerts(*known, same)
    xsoar.faults(hang=True)
    calls = len(xsoar.state()['createSizes'])

    async def play() -> tuple[Answer, list[Answer]]:
        held = asyncio.ensure_future(post_all(xsoar, [alert(fingerprint='first')]))
        await until(lambda: len(xsoar.state()['createSizes']) > calls, 'the call that hangs')
        mixed = [each for pair in zip(new, [*known, same], strict=True) for each in pair]
        before = len(xsoar.connected())
        group = asyncio.ensure_future(post_all(xsoar, [*mixed, same]))
        await until(lambda: len(xsoar.connected()) == before + 7, 'all senders')
        xsoar.faults(hang=False)
        return (await held)[0], await group

    first, group = asyncio.run(play())
    assert {answer.status for answer in (first, *group)} == {200}
    reported = [[incident['dbotMirrorId'] for incident in answer.json] for answer in group]
    assert reported == [*(ids for each in new for ids in ([f'alertmanager:{each["fingerprint"]}'], [])), []]
    assert len(xsoar.found()) == 3 + 1 + 3
    assert max(xsoar.state()['createSizes'][calls:]) > 3, 'the posts did not go in groups'


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


class Metrics(Answering):
    """A page with one metric."""

    def do_GET(self) -> None:
        self.answer(200, b'up_since 1\n', **{'Content-Type': 'text/plain; version=0.0.4'})


def deliver(xsoar: Joining, name: str, title: str) -> requests.Response:
    sender = SENDERS[name]
    delivery = next(each for each in sender.deliveries if each['title'] == title)
    request: SenderRequest = sender.request(delivery, TOKEN)
    query = f'?{request.query}' if request.query else ''
    response = requests.post(f'{xsoar.webhook_url}{query}', request.body, headers=dict(request.headers), timeout=PATIENCE_SECONDS)
    assert response.status_code == 200, response.text
    return response


@pytest.mark.parametrize('name, problems, end', [
    ('pagerduty', ['incident triggered', 'incident acknowledged', 'note added'], 'incident resolved'),
    ('grafana', ['a series has vanished'], 'resolved'),
    *(pytest.param(*case, marks=pytest.mark.weekly) for case in (
        ('pagerduty', ['events API'], 'events API, resolve'), ('opsgenie', ['alert created'], 'alert closed'),
        ('aws-cloudwatch', ['alarm with its ARN', 'alarm has too little data'], 'alarm has ended'),
        ('aws-eventbridge', ['CloudWatch alarm with its ARN'], 'CloudWatch alarm has ended'),
        ('aws-eventbridge', ['Security Hub finding'], 'Security Hub finding resolved'),
        ('alertmanager', ['one alert fires', 'one alert of a group'], 'resolved')))])
def test_the_events_of_a_problem_are_one_incident_that_its_end_closes(xsoar: Joining, name: str, problems: list[str],
                                                                      end: str) -> None:
    first, *others = problems
    assert xsoar.ids(deliver(xsoar, name, first)) == ['1']
    assert [deliver(xsoar, name, other).json() for other in others] == [[] for _ in others]
    assert deliver(xsoar, name, end).json() == []
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


@pytest.mark.weekly
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
            wait_for(lambda: xsoar.statuses() == [0], 'the first incident')
            repeated = len(posts(xsoar))
            wait_for(lambda: len(posts(xsoar)) > repeated + 1, 'repeats')
            (tmp_path / 'hosts.json').write_text(json.dumps([{'targets': hosts}]))
            wait_for(lambda: xsoar.statuses() == [0, 0], 'an incident of the second host')
            with serve(hosts[0]):
                wait_for(lambda: xsoar.statuses() == [CLOSED, 0], 'the end of the first')
                repeated = len(posts(xsoar))
                wait_for(lambda: len(posts(xsoar)) > repeated, 'a repeat of the second')
