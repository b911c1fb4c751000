"""Senders' own programs and libraries, set up as their guides say, post to the pack: an event, after 503, and after a restart."""

import functools
import getpass
import itertools
import json
import os
import shutil
import smtplib
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from clocks import lapse
from documents import read, table
from local_xsoar import ROOT, needs, wait_for
from programs import Gate, Place, beside, free_port, installed, npm, postgres, postgres_data, unprivileged, venv
from tools.senders.folders import read_folders
from real_curl import curl
from shared.webhook import Webhook

pytestmark = [pytest.mark.sockets, pytest.mark.programs]

TOKEN = 'secret-of-the-soc-4f1c'
OUTAGE_SECONDS = 30
folders = functools.cache(read_folders)


@dataclass(frozen=True)
class Program:
    """How one sender's program sends an event about something, and what the incident is then."""
    folder: str  # of the sender
    send: Callable[[Place, str], Any]
    name: str  # of the incident, with `{}` where it says what it is about, or `{1}` for the same without blanks
    more: dict[str, Any]  # of the incident
    token: str = TOKEN
    end: Callable[[Place, str], Any] | None = None  # ends the problem
    shows_retries: bool = True  # else the test lets it run once only

    def pattern(self, about: str) -> str:
        """Return the pattern of the name of the incident about something."""
        return self.name.format(about, about.replace(' ', '-'))


BOX = '''
import sys
from datetime import datetime, timezone
from box_sdk_gen.internal.utils import compute_webhook_signature
body, key = sys.argv[1:]
headers = {'box-delivery-timestamp': datetime.now(timezone.utc).isoformat(timespec='seconds'),
           'box-signature-version': '1', 'box-signature-algorithm': 'HmacSHA256'}
headers['box-signature-primary'] = compute_webhook_signature(body, headers, key)
for name, value in headers.items():
    print(f'{name}: {value}')
'''
CUSTODIAN = '''
import sys, yaml
from types import SimpleNamespace
from c7n.actions.webhook import Webhook
action, = yaml.safe_load(sys.argv[1])['actions']
config = SimpleNamespace(account_id='111122223333', region='eu-west-1')
manager = SimpleNamespace(config=config, data={'name': 'ec2-without-imdsv2'}, ctx=SimpleNamespace(execution_id='1', start_time=0))
Webhook(action, manager).process([{'InstanceId': sys.argv[2]}])
'''
INTELMQ = '''
import json, os, shutil, sys, yaml, redis
from importlib.resources import files
block, brokers, socket, malware = sys.argv[1:]
shutil.copy(files('intelmq') / 'etc/harmonization.conf', 'etc')
bots = yaml.safe_load(block)
bots['xsoar-output'].update(bot_id='xsoar-output', run_mode='continuous', enabled=True)
bots['xsoar-output']['parameters'].update(json.loads(brokers))
common = {'logging_handler': 'stream', 'logging_level': 'INFO', 'logging_path': os.path.abspath('var/log') + '/'}
yaml.safe_dump({'global': common, **bots}, open('etc/runtime.yaml', 'w'))
event = {'__type': 'Event', 'classification.type': 'malware-distribution', 'feed.name': 'URLhaus', 'malware.name': malware,
         'source.ip': '192.0.2.7', 'time.observation': '2026-11-24T09:05:00+00:00', 'time.source': '2026-11-24T09:00:00+00:00'}
redis.Redis(unix_socket_path=socket, db=2).lpush('xsoar-output-queue', json.dumps(event))
'''
SITE = '''
import sys, threading
import django
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.conf import settings
settings.configure(INSTALLED_APPS=['django.contrib.auth', 'django.contrib.contenttypes', 'django_webhook'], USE_TZ=True,
                   DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': 'site.sqlite'}},
                   DJANGO_WEBHOOK={'MODELS': ['auth.Group']})
app = Celery(broker='memory://', backend='cache+memory://')
app.set_default()
django.setup()
from django.contrib.auth.models import Group
from django.core.management import call_command
call_command('migrate', verbosity=0)
from django_webhook.models import Webhook, WebhookEvent, WebhookTopic
url, token, name = sys.argv[1:]
Webhook.objects.all().delete()
webhook = Webhook.objects.create(url=url, active=True)
webhook.topics.set([WebhookTopic.objects.get_or_create(name='auth.Group/create')[0]])
webhook.secrets.create(token=token)
events = WebhookEvent.objects.filter(status='SUCCESS')
before = events.count()
with start_worker(app, perform_ping_check=False):
    Group.objects.create(name=name)
    while events.count() == before:
        threading.Event().wait(0.1)
'''


def pino(place: Place, about: str) -> None:
    """Pipe a line of pino's log into the command of the guide."""
    modules = npm('pino', 'pino-http-send') / 'node_modules'
    program = f'{needs("node")} -e \'require("pino")().error("{about}")\''
    command = place.block('pino').replace('node app.js', program).replace('npx ', f'{modules}/.bin/')
    place.run('sh', '-c', command, env={'NODE_PATH': str(modules), 'PATH': os.environ['PATH']})


def octokit(place: Place, about: str) -> None:
    """Sign an event of GitHub by GitHub's own library, and send it as GitHub does."""
    body = json.dumps(folders()['github'].sender.deliveries[0]['payload'] | {'action': about})
    script = 'import("@octokit/webhooks-methods").then(m => m.sign(...process.argv.slice(1))).then(console.log)'
    signed = place.run(needs('node'), '-e', script, TOKEN, body, folder=npm('@octokit/webhooks-methods')).stdout.strip()
    curl(place.url, '-H', f'X-Hub-Signature-256: {signed}', '-H', 'X-GitHub-Event: check_run', '--json', '@-', data=body.encode())


def box(place: Place, about: str) -> None:
    """Sign an event of Box by Box's own library, and send it as Box does."""
    body = json.dumps(folders()['box'].sender.deliveries[0]['payload'] | {'trigger': about})
    signed = python(place, ('boxsdk',), BOX, body, TOKEN).stdout.splitlines()
    headers = [argument for line in signed for argument in ('-H', line)]
    curl(place.url, *headers, '--json', '@-', data=body.encode())


def python(place: Place, packages: tuple[str, ...], script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an environment with these packages."""
    return place.run(venv(*packages) / 'python', place.write('script.py', script), *arguments)


def pygelf(place: Place, about: str) -> None:
    """Log an error by the lines of the guide, to HTTP instead of HTTPS."""
    address = urlsplit(place.url)
    lines = place.block('gelf').replace('GelfHttpsHandler', 'GelfHttpHandler')
    lines = lines.replace(f"'{address.netloc}', 443", f"'{address.hostname}', {address.port}")
    python(place, ('pygelf',), f'{lines}\nimport sys\nlogging.error(sys.argv[1])\n', about)


def apprise(place: Place, about: str) -> None:
    """Run the command of the guide, to HTTP instead of HTTPS."""
    command = place.block('apprise').replace('Backup failed: db-1', about).replace('jsons://', 'json://')
    place.run('sh', '-c', command, env={'PATH': f'{venv("apprise")}:{os.environ["PATH"]}'})


def django_webhook(place: Place, about: str) -> None:
    """Create an object of a Django site with a webhook as the guide says."""
    python(place, ('django-webhook',), SITE, place.url, TOKEN, about)


def elastalert2(place: Place, about: str) -> None:
    """Let a rule with the lines of the guide match."""
    rule = f'{place.block("elastalert2")}\nname: logins\ntype: any\nindex: winlogbeat-*\nfilter: []\n'
    match = {'@timestamp': '2026-11-24T09:00:00Z', 'host': about, '_id': '1', '_index': 'winlogbeat-1', '_type': '_doc'}
    place.run(venv('elastalert2') / 'elastalert-test-rule', '--alert', '--config', place.settings('elastalert.yaml'),
              '--data', place.write('data.json', json.dumps([match])), '--start', '2026-11-24T08:59:00Z',
              '--end', '2026-11-24T09:01:00Z', place.write('rule.yaml', rule))


def opencanary(place: Place, about: str) -> None:
    """Ask the web server of a honeypot that logs by the handler of the guide."""
    port = free_port()
    handlers = {'formatters': {'plain': {'format': '%(message)s'}}, 'handlers': json.loads(place.block('opencanary'))}
    settings = {'device.node_id': about, 'http.enabled': True, 'http.port': port, 'http.skin': 'nasLogin',
                'http.banner': 'Apache', 'logger': {'class': 'PyLogger', 'kwargs': handlers}}
    place.write('opencanary.conf', json.dumps(settings))
    programs = venv('opencanary', 'setuptools<81')
    daemon = place.start('env', '-C', place.folder, programs / 'twistd', '--nodaemon', '--pidfile=',
                         '--python', programs / 'opencanary.tac')
    daemon.line_with('CanaryHttpServiceSite starting')
    curl(f'http://127.0.0.1:{port}/index.html')


def listens(port: int) -> bool:
    """Return whether something listens on a port of this machine."""
    with socket.socket() as connection:
        return connection.connect_ex(('127.0.0.1', port)) == 0


def alertmanager(place: Place, about: str, **more: str) -> None:
    """Give Alertmanager an alert for the receiver of the guide, and let it wait for no others of the group."""
    address = place.folder / 'address'
    if not address.exists():
        at_once = 'receiver: xsoar\n  group_wait: 0s\n  group_interval: 1s\n'
        settings = place.block('alertmanager').replace('<SECRET>', TOKEN).replace('receiver: xsoar\n', at_once, 1)
        daemon = place.start(needs('prometheus-alertmanager'), f'--config.file={place.write("alertmanager.yml", settings)}',
                             f'--storage.path={place.folder}/storage', '--web.listen-address=127.0.0.1:0',
                             '--cluster.listen-address=', '--log.format=json')
        address.write_text(json.loads(daemon.line_with('"address":"127.0.0.1:'))['address'])
    alert = {'labels': {'alertname': 'Disk', 'disk': about, 'severity': 'critical'}, 'annotations': {'summary': about},
             'startsAt': '2026-11-24T09:00:00Z', **more}
    ask(f'http://{address.read_text()}/api/v2/alerts', [alert])


def alertmanager_ends(place: Place, about: str) -> None:
    """Tell Alertmanager that the alert has ended."""
    alertmanager(place, about, endsAt='2026-11-24T09:10:00Z')


def ask(url: str, content: Any, *arguments: str) -> Any:
    """Send JSON to the API of a program, and return what it says."""
    answer = curl(url, *arguments, '--json', '@-', data=json.dumps(content).encode())
    assert answer.status < 300, answer
    return answer.json if answer.text else None


def cloud_custodian(place: Place, about: str) -> None:
    """Let the action of the guide do what it does with a resource."""
    python(place, ('c7n', 'pyyaml'), CUSTODIAN, place.block('cloud-custodian'), about)


def intelmq(place: Place, about: str) -> None:
    """Let the output bot of the guide take an event from its queue."""
    programs = venv('intelmq', 'pyyaml', 'setuptools<81')
    for name in ('etc', 'var/log', 'var/run', 'var/lib/bots'):
        (place.folder / name).mkdir(parents=True, exist_ok=True)
    redis = place.folder / 'redis.sock'
    if not redis.exists():
        place.start(needs('redis-server'), '--port', '0', '--unixsocket', redis, '--save', '').line_with('Ready to accept')
    brokers = {f'{what}_pipeline_{key}': value for what in ('source', 'destination')
               for key, value in {'broker': 'Redis', 'host': str(redis), 'db': 2}.items()}
    python(place, ('intelmq', 'pyyaml', 'setuptools<81'), INTELMQ, place.block('intelmq'), json.dumps(brokers), str(redis), about)
    place.start(*unprivileged(), 'env', f'INTELMQ_ROOT_DIR={place.folder}',
                programs / 'intelmq.bots.outputs.restapi.output', 'xsoar-output')


def nagios_ends(place: Place, about: str) -> None:
    """Let the service be all right again."""
    place.write('plugin', f'#!/bin/sh\necho "{about}"\n')


def zabbix(place: Place, about: str, value: int = 1) -> None:
    """Let a Zabbix server in another time zone find a problem, and send it by the media type of the guide."""
    address = place.folder / 'address'
    if not address.exists():
        address.write_text(run_zabbix(place))
        set_up_zabbix(place)
    key = about.replace(' ', '-')
    if value:
        host, = zabbix_api(place, 'host.get', {'filter': {'host': 'db-1'}})
        zabbix_api(place, 'item.create', {'name': about, 'key_': key, 'hostid': host['hostid'], 'type': 2, 'value_type': 3})
        zabbix_api(place, 'trigger.create', {'description': about, 'expression': f'last(/db-1/{key})>0', 'priority': 4})
    numbers = itertools.count()

    def is_known() -> Any:
        """Report the value again, until the server knows the item and its trigger."""
        item = {'host': 'db-1', 'key': key, 'value': value, 'clock': 1795510800 if value else 1795511400, 'ns': next(numbers)}
        zabbix_api(place, 'history.push', [item])
        return zabbix_api(place, 'trigger.get', {'filter': {'description': about, 'value': value}})

    wait_for(is_known, 'a trigger with this value', every=1)


def zabbix_ends(place: Place, about: str) -> None:
    """Let the problem end."""
    zabbix(place, about, 0)


def run_zabbix(place: Place) -> str:
    """Start a Zabbix server, its database and its web pages, and return the address of these."""
    scripts = ' '.join(f'/usr/share/zabbix-server-pgsql/{name}.sql.gz' for name in ('schema', 'images', 'data'))
    postgres(place, postgres_data('zabbix-data', f'zcat {scripts}'))
    own_settings = ['sed', '-i', 's#/etc/zabbix/#{}/conf/#', '{}/include/classes/core/CConfigFile.php']
    pages = installed('zabbix-pages', ['cp', '-rL', '/usr/share/zabbix/.', '{}'], own_settings)
    port = free_port(*range(10051, 32767))  # Zabbix takes no higher one
    shutil.copy(place.settings('zabbix.conf.php'), pages / 'conf')
    settings = place.settings('zabbix_server.conf', PORT=str(port))
    place.start('env', 'TZ=Asia/Tokyo', needs('zabbix_server'), '-f', '-c', settings).line_with('server #0 started')
    address = f'127.0.0.1:{free_port()}'
    php = ('env', f'ZABBIX_DATABASE={place.folder}', f'ZABBIX_PORT={port}', needs('php'), '-S', address, '-t', pages)
    place.start(*php).line_with('started')
    return f'http://{address}/api_jsonrpc.php'


def set_up_zabbix(place: Place) -> None:
    """Do what the guide says: a media type, a media of a user, an action; and have a host."""
    rows = table(read(ROOT / 'senders/zabbix/guide.md'), 'Name', 'Value')
    parameters = [{'name': name.strip('`'), 'value': place.filled(value.strip('`'))} for name, value in rows]
    messages = [{'eventsource': 0, 'recovery': recovery, 'subject': 'any', 'message': 'any'} for recovery in (0, 1)]
    media = zabbix_api(place, 'mediatype.create', {
        'type': 4, 'name': 'XSOAR', 'status': 0, 'script': place.block('zabbix'), 'parameters': parameters,
        'message_templates': messages, 'maxattempts': 10, 'attempt_interval': '60s'})['mediatypeids'][0]
    zabbix_api(place, 'user.update', {'userid': '1', 'medias': [{'mediatypeid': media, 'sendto': 'xsoar'}]})
    to_user = [{'operationtype': 0, 'opmessage_usr': [{'userid': '1'}], 'opmessage': {'default_msg': 1, 'mediatypeid': media}}]
    zabbix_api(place, 'action.create', {'name': 'XSOAR', 'eventsource': 0, 'operations': to_user, 'recovery_operations': to_user})
    zabbix_api(place, 'host.create', {'host': 'db-1', 'groups': [{'groupid': '2'}]})


def zabbix_api(place: Place, method: str, params: Any) -> Any:
    """Return the result of a call of Zabbix's API, as its first user."""
    call, url = {'jsonrpc': '2.0', 'method': method, 'params': params, 'id': 1}, (place.folder / 'address').read_text()
    token = place.folder / 'token'
    if not token.exists():
        login = {**call, 'method': 'user.login', 'params': {'username': 'Admin', 'password': 'zabbix'}}
        token.write_text(ask(url, login)['result'])
    answer = ask(url, call, '-H', f'Authorization: Bearer {token.read_text()}')
    assert 'result' in answer, answer
    return answer['result']


def unleash(place: Place, about: str) -> None:
    """Create a flag in an Unleash with the integration of the guide."""
    address = place.folder / 'address'
    if not address.exists():
        postgres(place, postgres_data())
        port = free_port()
        address.write_text(f'http://127.0.0.1:{port}/api/admin')
        settings = {'DATABASE_HOST': place.folder, 'DATABASE_NAME': 'postgres', 'DATABASE_USERNAME': 'postgres',
                    'DATABASE_PASSWORD': 'none', 'DATABASE_SSL': 'false', 'AUTH_TYPE': 'none', 'HTTP_HOST': '127.0.0.1',
                    'HTTP_PORT': port, 'CHECK_VERSION': 'false', 'SEND_TELEMETRY': 'false', 'LOG_LEVEL': 'info'}
        server = npm('unleash-server@6') / 'node_modules/unleash-server/dist/server.js'
        daemon = place.start('env', *(f'{name}={value}' for name, value in settings.items()), needs('node'), server)
        daemon.line_with('has started')
        ask(f'{address.read_text()}/addons', {
            'provider': 'webhook', 'enabled': True, 'events': ['feature-created'],
            'parameters': {'url': place.url, 'authorization': TOKEN}})
    ask(f'{address.read_text()}/projects/default/features', {'name': about.replace(' ', '-'), 'type': 'release'})


def cowrie(place: Place, about: str) -> None:
    """Log in to a honeypot with the output of the guide."""
    programs, port = venv('cowrie'), free_port()
    for name in ('etc', 'var/log/cowrie', 'var/lib/cowrie/tty', 'var/lib/cowrie/downloads', 'var/run'):
        (place.folder / name).mkdir(parents=True, exist_ok=True)
    endpoint = f'[ssh]\nlisten_endpoints = tcp:{port}:interface=127.0.0.1\n'
    place.write('etc/cowrie.cfg', endpoint + place.block('cowrie').replace('<SECRET>', TOKEN))
    daemon = place.start(*unprivileged(), 'env', '-C', place.folder, f'HOME={place.folder}',
                         programs / 'twistd', '--nodaemon', '--pidfile=', 'cowrie')
    daemon.line_with('Ready to accept SSH connections')
    options = ('-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-p', port, '-l', about)
    place.run(needs('sshpass'), '-p', 'hunter2', 'ssh', *options, '127.0.0.1', 'exit')


def mailrise(place: Place, about: str) -> None:
    """Send a mail to the server of the guide for Apprise."""
    port = free_port()
    settings = place.block('apprise', 1).replace('jsons://', 'json://') + f'listen: {{host: 127.0.0.1, port: {port}}}\n'
    place.start(mailrise_programs() / 'mailrise', place.write('mailrise.conf', settings))
    wait_for(lambda: listens(port), 'Mailrise')
    with smtplib.SMTP('127.0.0.1', port) as client:
        mail = f'From: nas-1@example.com\nSubject: {about}\n\nSlot 2 has failed.\n'
        client.sendmail('nas-1@example.com', 'xsoar.failure@mailrise.xyz', mail)


def mailrise_programs() -> Path:
    """Install Mailrise with newer packages than it names: its PyYAML cannot be built on Python 3.12."""
    pip = ['{}/bin/pip', 'install', '--quiet', '--no-compile']
    needed = ('apprise==1.4.5', 'aiosmtpd', 'PyYAML', 'setuptools<81')
    return installed('mailrise', [sys.executable, '-m', 'venv', '{}'], [*pip, *needed], [*pip, '--no-deps', 'mailrise']) / 'bin'


def rspamd(place: Place, about: str) -> None:
    """Let rspamd look at a mail that it rejects."""
    port = free_port()
    (place.folder / 'local.d').mkdir(exist_ok=True)
    rules = place.block('rspamd').replace('"USER"', '"user"').replace('"PASSWORD"', '"password"')
    place.write('local.d/metadata_exporter.conf', rules)
    place.write('local.d/logging.inc', 'type = "console";\n')
    place.write('local.d/actions.conf', 'reject = -50; add_header = -60; greylist = -70;\n')  # any mail is too bad
    place.write('local.d/worker-normal.inc', f'bind_socket = "127.0.0.1:{port}";\n')
    place.write('local.d/worker-controller.inc', f'bind_socket = "127.0.0.1:{free_port()}";\n')
    place.write('local.d/worker-proxy.inc', 'enabled = false;\n')
    variables = [f'--var={name}={place.folder}' for name in ('LOCAL_CONFDIR', 'DBDIR', 'RUNDIR', 'LOGDIR')]
    place.start(needs('rspamd'), '--no-fork', '--insecure', '--config', '/etc/rspamd/rspamd.conf', *variables)
    wait_for(lambda: listens(port), 'rspamd')
    mail = f'From: billing@example.net\nTo: alice@example.com\nSubject: {about}\n\nPlease pay.\n'
    place.run(needs('rspamc'), '-h', f'127.0.0.1:{port}', '--from', 'billing@example.net', data=mail)


def syslog_ng(place: Place, about: str) -> None:
    """Log an error to syslog-ng with the configuration of the guide."""
    source = f'source s_src {{ unix-dgram("{place.folder}/log"); }};\n'
    run_syslog_ng(place, source + place.block('syslog-ng'))
    place.run(needs('logger'), '--socket', place.folder / 'log', '--priority', 'user.err', about)


def suricata(place: Place, about: str) -> None:
    """Let Suricata find something in a packet, and syslog-ng send the alert by the configuration of the guide."""
    run_syslog_ng(place, place.block('suricata').replace('/var/log/suricata', str(place.folder)))
    place.write('one.rules', f'alert udp any any -> any any (msg:"{about}"; sid:1; priority:1;)\n')
    (place.folder / 'one.pcap').write_bytes(packet_of('192.0.2.5', '203.0.113.9'))
    files = ('-S', place.folder / 'one.rules', '-r', place.folder / 'one.pcap', '-l', place.folder)
    place.run(needs('suricata'), '-c', '/etc/suricata/suricata.yaml', *files)


def run_syslog_ng(place: Place, configuration: str) -> None:
    """Run syslog-ng until the test of the sender ends."""
    files = [f'--{name}={place.folder}/{name}' for name in ('persist-file', 'pidfile', 'control')]
    if not (place.folder / 'control').exists():
        settings = place.write('syslog-ng.conf', f'@version: current\n{configuration}')
        place.start(needs('syslog-ng'), '--foreground', '--stderr', '--no-caps', '--cfgfile', settings, *files)
        wait_for((place.folder / 'control').exists, 'syslog-ng')


def packet_of(source: str, target: str) -> bytes:
    """Return a file of one UDP packet of 2026-11-24 09:00 UTC, as tcpdump writes it."""
    datagram = struct.pack('>HHHH', 53124, 9999, 8 + 5, 0) + b'hello'
    addresses = socket.inet_aton(source), socket.inet_aton(target)
    header = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 20 + len(datagram), 1, 0, 64, 17, 0, *addresses)
    total = sum(struct.unpack('>10H', header))
    checksum = ~(total + (total >> 16)) & 0xffff
    frame = bytes(12) + b'\x08\x00' + header[:10] + struct.pack('>H', checksum) + header[12:] + datagram
    head = struct.pack('<IHHiIIIIIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1, 1795510800, 0, len(frame), len(frame))
    return head + frame


def nagios(place: Place, about: str) -> None:
    """Let Nagios notify by the command of the guide that a service is critical."""
    place.running.close()  # the one before
    for name in ('rw', 'checkresults', 'archives'):
        (place.folder / name).mkdir(exist_ok=True)
    place.write('plugin', f'#!/bin/sh\necho "{about}"\nexit 2\n').chmod(0o755)
    place.settings('nagios_objects.cfg')
    place.write('commands.cfg', place.block('nagios'))
    place.start(needs('nagios4'), place.settings('nagios.cfg', USER=getpass.getuser()))


def icinga(place: Place, about: str) -> None:
    """Let Icinga notify by the command of the guide that a service is critical."""
    place.running.close()  # the one before
    header = place.write('xsoar.header', f'Authorization: {TOKEN}\n')
    place.write('plugin', f'#!/bin/sh\necho "{about}"\nexit 2\n').chmod(0o755)
    command = place.block('icinga').replace('/etc/icinga2/xsoar.header', str(header))
    place.write('command.conf', command)
    settings = place.settings('icinga2.conf', ABOUT=about)
    constants = [f'-D{name}={place.folder}' for name in ('DataDir', 'LogDir', 'CacheDir', 'InitRunDir', 'SpoolDir', 'ConfigDir')]
    user = [f'-DRunAs{what}={getpass.getuser()}' for what in ('User', 'Group')]
    for name in ('api', 'log', 'cache'):
        (place.folder / name).mkdir(exist_ok=True)
    place.start(needs('icinga2'), 'daemon', '-c', settings, *constants, *user)


NINE = {'occurred': '2026-11-24T09:00:00Z'}
PROGRAMS = [
    Program('pino', pino, '{}', {}),
    Program('gelf', pygelf, '{}: ' + socket.gethostname(), {'severity': 3}),
    Program('apprise', apprise, '{}', {'severity': 3}),
    Program('django-webhook', django_webhook, 'auth.Group/create: {}', {}),
    Program('opencanary', opencanary, '{} port *: 127.0.0.1', {}),
    Program('github', octokit, 'check_run {}*', {}),
    Program('box', box, '{}: invoices.xlsx by alice@example.com', {'occurred': '2026-11-24T01:00:00-08:00'}, shows_retries=False),
    Program('alertmanager', alertmanager, 'Disk: {}', {'severity': 4} | NINE, f'Bearer {TOKEN}', alertmanager_ends),
    Program('cloud-custodian', cloud_custodian, 'ec2-without-imdsv2: {}', {'severity': 3}),
    Program('intelmq', intelmq, 'malware-distribution {}: 192.0.2.7', {'occurred': '2026-11-24T09:00:00+00:00'}),
    Program('nagios', nagios, '{} (db-1)', {'severity': 3}, end=nagios_ends),
    Program('icinga', icinga, '{} on db-1 is CRITICAL', {'severity': 3}, end=nagios_ends),
    Program('zabbix', zabbix, '{}: db-1', {'severity': 3, 'occurred': '2026-11-24T09:00:00.000Z'}, end=zabbix_ends),
    Program('unleash', unleash, 'feature-created: {1} by *', {}),
    Program('cowrie', cowrie, 'login attempt ?{}/hunter2? succeeded: 127.0.0.1', {}, f'Splunk {TOKEN}'),
    Program('apprise', mailrise, '{} (nas-1@example.com)', {'severity': 3}),
    Program('rspamd', rspamd, 'reject: {} (billing@example.net)', {}, 'Basic dXNlcjpwYXNzd29yZA=='),
    Program('syslog-ng', syslog_ng, '{}*', {'severity': 3}),
    Program('suricata', suricata, '{}: 192.0.2.5 → 203.0.113.9', {'severity': 3} | NINE),
    Program('elastalert2', elastalert2, 'Failed logins: {}', {'severity': 3} | NINE, shows_retries=False),
]


def of(programs: list[Program]) -> pytest.MarkDecorator:
    """Give a test these programs. All tests of a program run in one worker: what it installs is there once."""
    return pytest.mark.parametrize('program', [
        pytest.param(each, id=each.send.__name__, marks=pytest.mark.xdist_group(each.send.__name__)) for each in programs])


of_each = of(PROGRAMS)


@pytest.fixture(scope='module')
def webhooks() -> Iterator[Callable[[str], Webhook]]:
    """The pack with each token that a test asks for."""
    with ExitStack() as running:
        yield functools.cache(lambda token: running.enter_context(Webhook(token=token)))


@pytest.fixture
def place(program: Program, webhooks: Callable[[str], Webhook], tmp_path: Path) -> Iterator[Place]:
    webhook = webhooks(program.token)
    gate = Gate(webhook)
    with gate.open() as url:
        place = Place(webhook, gate, url, TOKEN, tmp_path, before=len(webhook.sent()))
        with place.running:
            yield place


@of([each for each in PROGRAMS if each.end])
def test_the_end_of_a_problem_has_the_key_of_the_problem(program: Program, place: Place) -> None:
    program.send(place, 'disk full')
    began = place.incident(program.pattern('disk full'))
    assert program.end
    program.end(place, 'disk full')
    wait_for(lambda: len(place.named('*')) == 2, 'the end')
    ended = place.named('*')[1]
    assert began['dbotMirrorId'] and ended['dbotMirrorId'] == began['dbotMirrorId']
    assert {'type': 'state', 'value': 'resolved'} in ended['labels']


@of([each for each in PROGRAMS if each.folder == 'alertmanager'])
def test_an_alert_that_ends_while_it_is_silenced_never_reports_its_end(program: Program, place: Place) -> None:
    program.send(place, 'disk full')
    place.incident(program.pattern('disk full'))
    api = f'http://{(place.folder / "address").read_text()}/api/v2'
    silence = ask(f'{api}/silences', {'matchers': [{'name': 'disk', 'value': 'disk full', 'isRegex': False}], 'createdBy': 'soc',
                                      'comment': 'work', 'startsAt': '2026-11-24T09:00:00Z', 'endsAt': '2099-11-24T09:00:00Z'})
    alertmanager_ends(place, 'disk full')
    program.send(place, 'disk lost')
    wait_for(lambda: place.named(program.pattern('disk lost')), 'another alert, during the silence')
    curl(f'{api}/silence/{silence["silenceID"]}', '--request', 'DELETE')
    program.send(place, 'disk found')
    wait_for(lambda: place.named(program.pattern('disk found')), 'another alert, after the silence')
    assert not [each for each in place.named('*') if {'type': 'state', 'value': 'resolved'} in each.get('labels', [])]


@of_each
def test_after_half_a_minute_of_503_the_sender_does_what_its_facts_say(program: Program, place: Place) -> None:
    if not program.shows_retries:
        pytest.skip('it was run once only')
    place.gate.is_shut = True
    sending = beside(program.send, place, 'disk lost')
    wait_for(lambda: place.gate.refused or (sending.done() and sending.result()), 'a request that is refused')
    wait_for(lapse(OUTAGE_SECONDS), 'the end of the outage')
    tries_again = folders()[program.folder].facts['retries_503'] == 'yes'
    if not tries_again:
        sending.result()
    place.gate.is_shut = False
    if not tries_again:
        program.send(place, 'disk found')
    place.incident(program.pattern('disk lost' if tries_again else 'disk found'))
    sending.result()
    assert tries_again or not place.named(program.pattern('disk lost'))


@of_each
def test_an_event_becomes_the_incident_that_the_guide_shows_and_another_one_after_a_restart_of_the_container(
        program: Program, place: Place) -> None:
    program.send(place, 'disk before')
    incident = place.incident(program.pattern('disk before'))
    assert {key: incident.get(key) for key in program.more} == program.more
    place.webhook.renew()
    program.send(place, 'disk after')
    place.incident(program.pattern('disk after'))
