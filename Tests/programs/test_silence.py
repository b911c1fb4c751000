"""A real Alertmanager and a shell in cron's place, set up as the guides say, fall silent and come back."""

import json
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import yaml
from daemons import Daemon
from documents import code_blocks, read
from joining import CLOSED, Joining
from local_xsoar import ROOT, needs, wait_for
from programs import Gate, Place
from real_curl import curl
from shared.webhook import TOKEN

pytestmark = [pytest.mark.sockets, pytest.mark.programs]

SILENT = [f'No events for 1 minute: {name}' for name in ('Alertmanager', 'Backups')]


class Counting(Gate):
    """A gate that counts the requests with each query."""

    def __init__(self, webhook: Joining) -> None:
        super().__init__(webhook)
        self.passed: Counter[str] = Counter()

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        super().answer(request, body)
        self.passed[request.path.partition('?')[2].partition('&')[0]] += 1


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Joining(token=f'Bearer {TOKEN}') as webhook:
        gate = Counting(webhook)
        with gate.open() as url:
            place = Place(webhook, gate, url, TOKEN, tmp_path)
            with place.running:
                yield place


def settings_of_alertmanager(place: Place) -> str:
    """Return what the guide says, with a shorter time and more frequent heartbeats."""
    blocks = (place.block('alertmanager', number).replace('<SECRET>', TOKEN) for number in (0, 1))
    settings, heartbeat = (yaml.safe_load(block.replace('expect=15m', 'expect=1m')) for block in blocks)
    settings['receivers'] += heartbeat['receivers']
    [route] = heartbeat['route']['routes']
    settings['route']['routes'] = [{**route, 'group_interval': '1s', 'repeat_interval': '5s'}]
    return json.dumps(settings)


def alertmanager(place: Place) -> Daemon:
    """Start Alertmanager, and let an alert fire always, as Prometheus does."""
    daemon = place.start(needs('prometheus-alertmanager'), f'--config.file={place.folder}/alertmanager.yml',
                         f'--storage.path={place.folder}/storage', '--web.listen-address=127.0.0.1:0',
                         '--cluster.listen-address=', '--log.format=json')
    address = json.loads(daemon.line_with('"address":"127.0.0.1:'))['address']
    alert = {'labels': {'alertname': 'Watchdog'}, 'endsAt': '2099-11-24T09:00:00Z'}
    assert curl(f'http://{address}/api/v2/alerts', '--json', '@-', data=json.dumps([alert]).encode()).status == 200
    return daemon


def cron(place: Place) -> Daemon:
    """Start a loop with the command of the guide."""
    line, = [text for _, text in code_blocks(read(ROOT / 'docs/senders/any-other.md')) if 'beat=1' in text]
    command = place.filled(line[line.index('curl'):]).replace('25h', '1m').replace('/etc', str(place.folder))
    return place.start('sh', '-c', f'while :; do {command.strip()}; sleep 5; done')


def test_a_heartbeat_that_stops_and_starts_again_makes_one_incident_that_its_end_closes(place: Place) -> None:
    def beats(times: int) -> None:
        """Wait until both have sent so many more heartbeats."""
        assert isinstance(gate, Counting)
        before = gate.passed.copy()
        passed = gate.passed
        wait_for(lambda: all(passed[word] >= before[word] + times for word in words), 'heartbeats')

    gate, words = place.gate, [f'expect=1m%3A{name}' for name in ('Alertmanager', 'Backups')]
    place.write('alertmanager.yml', settings_of_alertmanager(place))
    place.write('xsoar.header', f'Authorization: Bearer {TOKEN}\n')
    daemons = [alertmanager(place), cron(place)]
    beats(3)
    assert not place.webhook.incidents()
    for daemon in daemons:
        daemon.process.terminate()
        daemon.process.wait()
    wait_for(lambda: len(place.webhook.incidents()) == 2, 'two silences')
    assert all(each['status'] != CLOSED for each in place.webhook.incidents())
    alertmanager(place)
    cron(place)
    wait_for(lambda: all(each['status'] == CLOSED for each in place.webhook.incidents()), 'their ends')
    beats(3)
    assert sorted(each['name'] for each in place.webhook.incidents()) == SILENT
    assert {each['closeReason'] for each in place.webhook.incidents()} == {'Resolved'}
