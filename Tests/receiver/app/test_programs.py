"""Real programs post, as they are installed, and what they sent is read back from the incidents."""
from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import patient
import pytest
from apprise import Apprise, AppriseAttachment
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from daemons import Daemon
from local_xsoar import leave_out, needs, wait_for
from real_curl import curl
from shared.webhook import Webhook

pytestmark = pytest.mark.sockets


TOKEN = 'Bearer secret-4f1c'


@pytest.fixture(scope='module')
def syslog_ng() -> str:
    """Where a syslog-ng is that can post."""
    program = needs('syslog-ng')
    about = subprocess.run([program, '-V'], capture_output=True, text=True, check=False).stdout
    modules = next((line for line in about.splitlines() if line.startswith('Available-Modules')), '')
    if 'http' not in modules.partition(':')[2].strip().split(','):
        leave_out('syslog-ng has no http module; Debian: apt-get install syslog-ng-mod-http')
    return program


class Landing(Webhook):
    """Tells what came since a test began."""

    before = 0

    def new_incidents(self, count: int = 1) -> list[dict[str, Any]]:
        """Waits until there are so many; they are in their order."""
        wait_for(lambda: len(self.sent()) >= self.before + count, f'{count} incidents')
        incidents = self.sent()[self.before:]
        assert len(incidents) == count
        assert not [incident for incident in incidents if TOKEN in incident['rawJSON']]
        return incidents

    def details(self, count: int = 1) -> list[Any]:
        return [json.loads(incident['rawJSON']) for incident in self.new_incidents(count)]


@pytest.fixture(scope='module')
def running() -> Iterator[Landing]:
    """One with a second instance, whose token is a user and a password."""
    landing = Landing(token=TOKEN)
    landing.argv += ['--instance', 'basic', '--set', 'auth_header=Basic dXNlcjpwYXNzd29yZA==']
    with landing as started:
        yield started


@pytest.fixture
def webhook(running: Landing) -> Landing:
    running.before = len(running.sent())
    return running


# curl

HEADER = ('-H', f'Authorization: {TOKEN}')


def test_a_form_with_a_file_from_curl_keeps_what_the_file_is(webhook: Landing, tmp_path: Path) -> None:
    (tmp_path / 'sample.bin').write_bytes(bytes(range(256)) * 10)
    answer = curl(webhook.webhook_url, *HEADER, '-F', 'title=Fund ü', '-F',
                  f'sample=@{tmp_path}/sample.bin;type=application/x-test')
    assert answer.status == 200
    sent, = webhook.details()
    assert sent['title'] == 'Fund ü'
    assert sent['sample'] == {'filename': 'sample.bin', 'content_type': 'application/x-test', 'size': 2560}


def test_user_and_password_in_a_url_are_sent_once_basic_is_asked_for(webhook: Landing) -> None:
    url = f'http://user:password@{urlsplit(webhook.url).netloc}/instance/execute/basic'
    assert curl(url, '--anyauth', '-d', '{"Type": "Notification"}').status == 200
    assert len(webhook.new_incidents()) == 1


def notify(webhook: Landing, kind: str, **options: Any) -> None:
    url = urlsplit(webhook.webhook_url)
    sender = Apprise()
    assert sender.add(f'{kind}://{url.netloc}{url.path}?+Authorization={quote(TOKEN)}')
    assert sender.notify(title='Disk ü full', body='on <host> & "more"', **options)


def test_the_type_of_an_apprise_json_notification_is_its_severity_and_not_an_incident_type(webhook: Landing) -> None:
    notify(webhook, 'json', notify_type='failure')
    sent, = webhook.details()
    assert (sent['title'], sent['message'], sent['type']) == ('Disk ü full', 'on <host> & "more"', 'failure')
    incident = webhook.sent()[-1]
    assert (incident.get('type'), incident['severity']) == (None, 3)


def test_an_apprise_attachment_is_kept_as_what_it_is(webhook: Landing, tmp_path: Path) -> None:
    (tmp_path / 'shot.png').write_bytes(b'\x89PNG\r\n\x1a\n' + bytes(1000))
    notify(webhook, 'form', attach=AppriseAttachment(str(tmp_path / 'shot.png')))
    sent, = webhook.details()
    files = [value for value in sent.values() if isinstance(value, dict) and 'size' in value]
    assert [(file['filename'], file['size']) for file in files] == [('shot.png', 1008)]
    assert sent['title'] == 'Disk ü full'


def test_an_apprise_xml_notification_is_named_by_its_subject_and_kept_as_text(webhook: Landing) -> None:
    notify(webhook, 'xml')
    sent, = webhook.details()
    document = ElementTree.fromstring(sent['body'])
    texts = {element.tag.rpartition('}')[2]: element.text for element in document.iter()}
    assert (texts['Subject'], texts['Message']) == ('Disk ü full', 'on <host> & "more"')
    assert webhook.sent()[-1]['name'] == 'Disk ü full'


# CloudEvents

EVENT = {'id': 'C234-1234', 'source': '/mycontext', 'type': 'com.example.someevent', 'specversion': '1.0',
         'time': datetime(2018, 4, 5, 17, 31, tzinfo=timezone.utc), 'subject': 'grün'}


def send_event(webhook: Landing, message: HTTPMessage) -> None:
    answer = patient.post(webhook.webhook_url, message.body, headers={**message.headers, 'Authorization': TOKEN})
    assert answer.status_code == 200, answer.text


def test_a_cloud_event_in_binary_mode_keeps_its_attributes_and_makes_one_incident(webhook: Landing) -> None:
    event = CloudEvent({**EVENT, 'datacontenttype': 'application/json'}, {'appinfoA': 'abc', 'n': 123})
    for _ in range(2):
        send_event(webhook, to_binary_event(event))
    sent, = webhook.details()
    assert (sent['appinfoA'], sent['n']) == ('abc', 123)
    assert (sent['headers']['ce-type'], sent['headers']['ce-id']) == ('com.example.someevent', 'C234-1234')


def test_the_type_of_a_cloud_event_in_structured_mode_is_no_incident_type(webhook: Landing) -> None:
    event = CloudEvent({**EVENT, 'datacontenttype': 'application/json'}, {'appinfoA': 'abc', 'n': 123})
    send_event(webhook, to_structured_event(event))
    incident, = webhook.new_incidents()
    sent = json.loads(incident['rawJSON'])
    assert incident['type'] is None
    assert sent['type'] == 'com.example.someevent'
    assert (sent['data'], sent['subject']) == ({'appinfoA': 'abc', 'n': 123}, 'grün')


# Daemons

SYSLOG_NG = '''
@version: current
options {{ stats(freq(0)); }};
log {{
  source {{ stdin(flags(no-parse)); }};
  destination {{
    http(
      url("{url}") method("POST") headers("Authorization: {token}", "Content-Type: {content_type}")
      body('$(format-json message=$MESSAGE)')
      {batch}
      batch-lines(5) batch-timeout(60000) workers(1)
    );
  }};
}};
'''


@pytest.mark.parametrize('content_type, batch', [
    ('application/json', 'body-prefix("[") delimiter(",") body-suffix("]")'), ('application/x-ndjson', 'delimiter("\\n")'),
    ('text/plain', 'delimiter("\\n")'),
    ('application/json', 'body-prefix("[") delimiter(",") body-suffix("]") content-compression("gzip")'),
], ids=['array', 'lines', 'as text', 'compressed'])
def test_syslog_ng_ships_a_batch_in_one_call(syslog_ng: str, webhook: Landing, tmp_path: Path, content_type: str,
                                             batch: str) -> None:
    lines = [f'line {number}: "ü" {{x}} \\ [y]' for number in range(5)]
    (tmp_path / 'syslog-ng.conf').write_text(SYSLOG_NG.format(url=webhook.webhook_url, token=TOKEN, content_type=content_type,
                                                              batch=batch))
    with Daemon(syslog_ng, '--foreground', '--stderr', '--no-caps', f'--cfgfile={tmp_path}/syslog-ng.conf',
                f'--persist-file={tmp_path}/persist', f'--control={tmp_path}/control', f'--pidfile={tmp_path}/pid',
                data=('\n'.join(lines) + '\n').encode()):
        sent = webhook.details(5)
    assert [each['message'] for each in sent] == lines
    assert webhook.state()['createSizes'][-1] == 5
    assert sent[0]['headers']['user-agent'].startswith('syslog-ng')
