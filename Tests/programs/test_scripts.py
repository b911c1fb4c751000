"""Programs that have no guide of their own: the guide for any other sender is enough for an incident that says what happened."""
from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from documents import code_blocks, read
from local_xsoar import ROOT, needs, wait_for
from programs import Gate, Place, free_port, npm
from webhook import TOKEN, Webhook

pytestmark = [pytest.mark.sockets, pytest.mark.programs]

BLOCKS = [text for _, text in code_blocks(read(ROOT / 'docs/senders/any-other.md'))]


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook() as started:
        yield started


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
