"""Programs that have no guide of their own: the guide for any other sender is enough for an incident that says what happened."""

import getpass
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from documents import code_blocks, read
from local_xsoar import ROOT, needs, wait_for
from programs import Gate, Place, free_port, npm, venv
from real_curl import curl
from shared.webhook import TOKEN, Webhook

pytestmark = [pytest.mark.sockets, pytest.mark.programs]

BLOCKS = [text for _, text in code_blocks(read(ROOT / 'docs/senders/any-other.md'))]


@pytest.fixture
def place(webhook: Webhook, tmp_path: Path) -> Iterator[Place]:
    gate = Gate(webhook)
    with gate.open() as url:
        place = Place(webhook, gate, url, TOKEN, tmp_path, before=len(webhook.sent()))
        place.write('xsoar.header', f'Authorization: {TOKEN}\n')
        script(place, 'to-xsoar', '# to-xsoar FIELD')
        with place.running:
            yield place


def of_the_guide(place: Place, words: str) -> str:
    """Return the block of the guide with these words, with its files in the folder of the test."""
    block, = [block for block in BLOCKS if words in block]
    return place.filled(block).replace('/usr/local/bin', str(place.folder)).replace('/etc/xsoar', f'{place.folder}/xsoar')


def script(place: Place, name: str, words: str) -> Path:
    """Save a script of the guide."""
    file = place.write(name, of_the_guide(place, words))
    file.chmod(0o755)
    return file


def test_a_problem_and_its_end_have_one_key_and_quotes_do_no_harm(place: Place) -> None:
    place.run(place.folder / 'to-xsoar', """title=It's "full" & 100 %""", 'host=db-1', 'severity=high', 'problem=db-1/disk')
    began = place.incident("""It's "full" & 100 % (db-1)""")
    assert began['occurred'] == json.loads(began['rawJSON'])['time']
    place.run(place.folder / 'to-xsoar', 'title=Enough room', 'host=db-1', 'severity=high', 'problem=db-1/disk', 'state=ok')
    ended = place.incident('*Enough room*')
    assert (began['severity'], ended['severity']) == (3, 0.5)
    assert began['dbotMirrorId'] == ended['dbotMirrorId'] == 'url/scripts:' + began['dbotMirrorId'].partition(':')[2]
    assert {'type': 'state', 'value': 'resolved'} in ended['labels']


def test_the_script_tries_again_after_503_and_says_so_if_it_is_not_let_in(place: Place) -> None:
    place.gate.is_shut = True
    sending = place.start(place.folder / 'to-xsoar', 'title=Patience')
    wait_for(lambda: place.gate.refused, 'a refusal')
    place.gate.is_shut = False
    place.incident('Patience')
    assert sending.process.wait() == 0
    place.write('xsoar.header', 'Authorization: wrong\n')
    done = place.run(place.folder / 'to-xsoar', 'title=Nobody')
    assert done.returncode and '401' in done.stderr and not done.stdout


def test_fail2ban_reports_a_ban_and_its_end(place: Place) -> None:
    for name, text in {'action.d/xsoar.local': of_the_guide(place, 'actionban'), 'fail2ban.conf': '[Definition]\ndbfile = None\n',
                       'filter.d/none.conf': '[Definition]\nfailregex = never <HOST>\n', 'auth.log': '',
                       'jail.conf': '[sshd]\nenabled = true\nfilter = none\nbackend = polling\naction = xsoar\n'
                                    f'logpath = {place.folder}/auth.log\n'}.items():
        (place.folder / name).parent.mkdir(exist_ok=True)
        place.write(name, text)
    where = ('-c', place.folder, '-s', place.folder / 'sock', '-p', place.folder / 'pid')
    place.start(needs('fail2ban-server'), *where, '-f', '--logtarget', 'STDOUT', 'start').line_with('Jail \'sshd\' started')
    place.run(needs('fail2ban-client'), *where[:4], 'set', 'sshd', 'banip', '192.0.2.7')
    place.run(needs('fail2ban-client'), *where[:4], 'set', 'sshd', 'unbanip', '192.0.2.7')
    began, ended = place.incident('Fail2ban sshd: 192.0.2.7 banned'), place.incident('*Fail2ban sshd: 192.0.2.7 unbanned*')
    assert began['severity'] == 2 and began['dbotMirrorId'] == ended['dbotMirrorId']


def test_monit_reports_a_program_that_is_gone(place: Place) -> None:
    command = script(place, 'monit-to-xsoar', 'MONIT_SERVICE')
    settings = place.write('monitrc', f'set daemon 1\nset pidfile {place.folder}/monit.pid\nset statefile {place.folder}/state\n'
                           f'set idfile {place.folder}/id\ncheck process db with pidfile {place.folder}/db.pid\n'
                           f'  if does not exist then exec "{command}" else if succeeded then exec "{command} ok"\n')
    settings.chmod(0o600)
    place.start(needs('monit'), '-I', '-c', settings)
    assert place.incident('db: *')['severity'] == 3


def test_sec_reports_what_its_rule_finds(place: Place) -> None:
    log = place.write('auth.log', 'sshd[1]: authentication failure; rhost=192.0.2.7 user=root\n')
    rules = place.write('sec.rules', of_the_guide(place, 'ptype=RegExp'))
    place.start(needs('sec'), f'--conf={rules}', f'--input={log}', '--fromstart', '--tail')
    assert place.incident('Login of root failed')['severity'] == 2


def test_upsmon_reports_a_power_failure_what_follows_and_its_end(place: Place) -> None:
    command, port = script(place, 'ups-to-xsoar', 'NOTIFYTYPE'), free_port()
    for name, text in {'ups.conf': f'[rack]\ndriver = dummy-ups\nport = {place.folder}/rack.dev\n',
                       'rack.dev': 'ups.status: OL\n', 'upsd.conf': f'LISTEN 127.0.0.1 {port}\n',
                       'upsd.users': '[admin]\npassword = secret\nactions = SET\nupsmon secondary\n',
                       'upsmon.conf': f'MONITOR rack@127.0.0.1:{port} 1 admin secret secondary\nSHUTDOWNCMD true\nPOLLFREQ 1\n'
                                      f'POLLFREQALERT 1\nMINSUPPLIES 0\nNOTIFYCMD {command}\n' + ''.join(
                                          f'NOTIFYFLAG {each} EXEC\n' for each in ('ONBATT', 'LOWBATT', 'ONLINE'))}.items():
        place.write(name, text).chmod(0o600)
    needs('upsd')
    programs = Path('/lib/nut')  # those on the path ask Debian's configuration first
    where = ('env', *(f'NUT_{what}PATH={place.folder}' for what in ('CONF', 'STATE', 'ALTPID')))
    user = ('-u', getpass.getuser(), '-F')
    place.start(*where, programs / 'dummy-ups', '-a', 'rack', *user)
    wait_for((place.folder / 'dummy-ups-rack').exists, 'the UPS')
    place.start(*where, programs / 'upsd', *user).line_with('Connected to UPS')
    place.start(*where, programs / 'upsmon', '-p', *user)
    change, ups = needs('upsrw'), f'rack@127.0.0.1:{port}'
    wait_for(lambda: 'ups.status' in place.run(change, ups).stdout, 'what the UPS says of itself')
    for status, text in (('OB', 'on battery'), ('OB LB', 'battery is low'), ('OL', 'on line power')):
        place.run(change, '-s', f'ups.status={status}', '-u', 'admin', '-p', 'secret', ups)
        place.incident(f'*UPS {ups} {text}')
    began, low, ended = place.named('*')
    assert (began['severity'], low['severity'], ended['severity']) == (3, 3, 0.5)
    assert began['dbotMirrorId'] == low['dbotMirrorId'] == ended['dbotMirrorId']


def test_snmptrapd_reports_a_trap(place: Place) -> None:
    command, port = script(place, 'trap-to-xsoar', 'variables='), free_port()
    settings = place.write('snmptrapd.conf', f'disableAuthorization yes\ntraphandle default {command}\n')
    daemon = place.start(needs('snmptrapd'), '-f', '-Lo', '-C', '-c', settings, f'udp:127.0.0.1:{port}')
    daemon.line_with('NET-SNMP version')
    place.run(needs('snmptrap'), '-v', '2c', '-c', 'public', f'127.0.0.1:{port}', '', '1.3.6.1.4.1.8072.2.3.0.1')
    assert '.2.3.0.1' in place.incident('SNMP trap *')['rawJSON']


def test_clamd_reports_a_virus(place: Place) -> None:
    command = script(place, 'virus-to-xsoar', 'CLAM_VIRUSEVENT')
    (place.folder / 'signatures').mkdir()
    place.write('signatures/own.ndb', f'Own.Sign:0:*:{b"a very bad file".hex()}\n')
    bad = place.write('bad.txt', 'this is a very bad file\n')
    settings = place.write('clamd.conf', f'LocalSocket {place.folder}/clamd.sock\nForeground yes\n'
                           f'DatabaseDirectory {place.folder}/signatures\nVirusEvent {command}\nUser {getpass.getuser()}\n')
    place.start(needs('clamd'), '-c', settings)
    wait_for((place.folder / 'clamd.sock').exists, 'clamd')
    place.run(needs('clamdscan'), f'--config-file={settings}', bad)
    assert place.incident(f'Own.Sign* in {bad}')['severity'] == 3


def test_node_red_sends_what_its_nodes_are_set_to(place: Place) -> None:
    """The second and the third node are those of the guide; the first injects an event at the start."""
    function = read(ROOT / 'docs/senders/any-other.md').partition('a *function* node, set `')[2].splitlines()[0]
    function = function.replace('` and `', '; ').rstrip('`.').replace('TOKEN', TOKEN)
    nodes = [{'id': 'tab', 'type': 'tab'},
             {'id': 'n1', 'type': 'inject', 'z': 'tab', 'props': [{'p': 'payload'}], 'payload': '{"door": "front"}',
              'payloadType': 'json', 'once': True, 'wires': [['n2']]},
             {'id': 'n2', 'type': 'function', 'z': 'tab', 'func': f'{function}; return msg;', 'wires': [['n3']]},
             {'id': 'n3', 'type': 'http request', 'z': 'tab', 'method': 'POST', 'ret': 'txt', 'url': place.url, 'wires': [[]]}]
    program = npm('node-red@4') / 'node_modules/.bin/node-red'
    flows = place.write('flows.json', json.dumps(nodes))
    place.start(needs('node'), program, '-u', place.folder / 'data', '-p', free_port(), flows)
    assert json.loads(place.incident('Door open')['rawJSON']) == {'door': 'front'}


def test_winston_sends_an_error_by_the_line_of_the_guide(place: Place) -> None:
    address = urlsplit(place.url)
    line = read(ROOT / 'docs/senders/any-other.md').partition('Use `new winston.')[2].partition('`')[0]
    for text, here in {'ssl: true': f'port: {address.port}', 'HOST': '127.0.0.1', 'PATH': address.path, 'TOKEN': TOKEN}.items():
        line = line.replace(text, here)
    program = (f'const winston = require("winston"); const log = winston.createLogger({{transports: [new winston.{line}]}});'
               'log.error("The payment service does not answer");')
    place.run(needs('node'), '-e', program, folder=npm('winston'))
    place.incident('The payment service does not answer*')


# Programs that the guide does not name: each is set up by it alone.


def says(place: Place, pattern: str) -> dict[str, Any]:
    """Wait for the incident, and return its event, whose time it has."""
    incident = place.incident(pattern)
    event = json.loads(incident['rawJSON'])
    assert incident['occurred'] == event['time']
    return dict(event)


def words_of(line: str) -> list[str]:
    """Return what the line of the guide that begins like this has in backquotes."""
    found, = re.findall(rf'^- {line}: (.+)$', read(ROOT / 'docs/senders/any-other.md'), re.MULTILINE)
    return re.findall('`([^`]+)`', found)


def test_rsyslog_reports_an_error(place: Place) -> None:
    if not shutil.which('rsyslogd'):
        pytest.skip('rsyslog is not installed: of it and syslog-ng, which other tests need, Debian allows one')
    command = script(place, 'lines-to-xsoar', 'read -r line ||')
    rules = '\n'.join(words_of('rsyslog')).replace('/usr/local/bin/lines-to-xsoar', str(command))
    log = place.folder / 'log'
    source = f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{log}")\n'
    settings = place.write('rsyslog.conf', f'{source}{rules}\n')
    place.start(needs('rsyslogd'), '-n', '-i', place.folder / 'pid', '-f', settings)
    wait_for(log.exists, 'rsyslog')
    place.run(needs('logger'), '--socket', log, '--priority', 'user.info', 'all is well')
    place.run(needs('logger'), '--socket', log, '--priority', 'user.err', '--tag', 'raid', 'slot 2; $(has failed)')
    says(place, '* raid: slot 2; $(has failed)*')


def test_swatchdog_reports_a_line_that_it_watches_for(place: Place) -> None:
    script(place, 'lines-to-xsoar', 'read -r line ||')
    action, _ = words_of('swatchdog')
    rules = place.write('swatch.conf', f'watchfor /failed/\n    {action.replace("/usr/local/bin", str(place.folder))}\n')
    log = place.write('raid.log', 'all is well\nslot 2 has failed\n')
    place.run(needs('swatchdog'), f'--config-file={rules}', f'--script-dir={place.folder}', f'--examine={log}')
    says(place, 'slot 2 has failed')


def test_ntfy_reports_a_message(place: Place) -> None:
    address = f'127.0.0.1:{free_port()}'
    server = place.start(needs('ntfy'), 'serve', '--config', place.write('server.yml', ''), '--listen-http', address)
    server.line_with('Listening')
    curl(f'http://{address}/alerts', '-H', 'Title: Backup failed: db-1', '-d', 'no $(room)')
    place.start(needs('ntfy'), 'subscribe', '--since=all', f'http://{address}/alerts',
                f'{place.folder}/to-xsoar "title=$NTFY_TITLE" "message=$NTFY_MESSAGE"')
    assert says(place, 'Backup failed: db-1*')['message'] == 'no $(room)'


def test_borgmatic_reports_a_backup_that_failed(place: Place) -> None:
    settings = {'source_directories': [str(place.folder)], 'repositories': [{'path': f'{place.folder}/nowhere'}],
                'on_error': [f'{place.folder}/to-xsoar title="Borgmatic: backup failed" error={{error}}']}
    place.run(needs('borgmatic'), '--config', place.write('borgmatic.yaml', json.dumps(settings)), 'create')
    assert says(place, 'Borgmatic: backup failed*')['error']


def test_git_reports_a_push(place: Place) -> None:
    place.run('git', 'init', '--quiet', '--bare', 'shop.git')
    hook = place.write('shop.git/hooks/post-receive', '#!/bin/sh\nwhile read -r old new ref; do\n'
                       f'  {place.folder}/to-xsoar "title=Push to $ref" "commit=$new"\ndone\n')
    hook.chmod(0o755)
    place.run('git', 'init', '--quiet', '--initial-branch=main', 'work')
    who = ('-c', 'user.name=Alice', '-c', 'user.email=alice@example.com')
    place.run('git', *who, '-C', 'work', 'commit', '--quiet', '--allow-empty', '--message', 'One')
    place.run('git', '-C', 'work', 'push', '--quiet', '../shop.git', 'main')
    assert says(place, 'Push to refs/heads/main')['commit']


def test_knockd_reports_who_knocks(place: Place) -> None:
    if os.getuid():
        pytest.skip('only root may listen to packets')
    ports = [free_port(), free_port()]
    sequence = ','.join(f'{port}:udp' for port in ports)
    settings = place.write('knockd.conf', f'[options]\n  logfile = {place.folder}/log\n[door]\n  sequence = {sequence}\n'
                           f"  command = {place.folder}/to-xsoar 'title=%IP% knocked' severity=low\n")
    place.start(needs('knockd'), '-i', 'lo', '-c', settings, '-p', place.folder / 'pid', '-v').line_with('listening on lo')
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for port in ports:
            sender.sendto(b'knock', ('127.0.0.1', port))
    says(place, '127.0.0.1 knocked')


def test_glances_reports_that_memory_is_used_up(place: Place) -> None:
    command = f'{place.folder}/to-xsoar title=Memory percent={{{{percent}}}}'
    settings = place.write('glances.conf', f'[mem]\ncareful=0.1\nwarning=0.2\ncritical=0.3\ncritical_action={command}\n')
    place.start(venv('glances[action]') / 'glances', '-C', settings, '--quiet', '--time', '1')
    assert float(says(place, 'Memory')['percent']) > 0


def test_collectd_posts_a_notification(place: Place) -> None:
    """Its own JSON, with the token in a header, as the guide says."""
    sock = place.folder / 'sock'
    settings = place.settings('collectd.conf', URL_HERE=place.url, TOKEN_HERE=TOKEN)
    place.start(needs('collectd'), '-f', '-C', settings)
    wait_for(sock.exists, 'collectd')
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(sock))
        client.sendall(b'PUTNOTIF message="Disk full" severity=failure time=1795510800 host=db-1 plugin=df\n')
        client.recv(100)
    incident = place.incident('*Disk full*')
    assert incident['occurred'].startswith('2026-11-24T09:00:00') and 'db-1' in incident['rawJSON']


def test_loguru_sends_by_the_sample_in_python(place: Place) -> None:
    sample, _, _ = of_the_guide(place, 'def send(').partition("\n\nsend(")
    program = place.write('program.py', f"""{sample}


from loguru import logger

logger.add(lambda each: send({{'name': each.record['message'], 'severity': each.record['level'].name,
                              'occurred': each.record['time'].isoformat(), 'raw_json': {{'line': each.record['line']}}}}),
           level='ERROR')
logger.error('The payment service does not answer')
""")
    place.run(venv('loguru') / 'python', program)
    incident = place.incident('The payment service does not answer')
    assert incident['severity'] == 3 and incident['occurred']


def test_nodemon_reports_a_crash(place: Place) -> None:
    place.write('nodemon.json', json.dumps({'events': {'crash': f"{place.folder}/to-xsoar 'title=The shop has crashed'"}}))
    place.write('shop.js', 'throw new Error("no stock")')
    place.start('env', '-C', place.folder, npm('nodemon') / 'node_modules/.bin/nodemon', 'shop.js')
    says(place, 'The shop has crashed')
