"""The packs in demisto-sdk's wheel, from which authors begin, unchanged against a stub: every command, but most once a week."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from facts import fact
from local_xsoar import Answering, leave_out, run_local_xsoar, served

pytestmark = pytest.mark.sockets

WEEKLY = pytest.mark.weekly  # each command takes half a second, most of it for the imports of the template
SDK = os.environ.get('DEMISTO_SDK') or shutil.which('demisto-sdk') or ''
ALERT = {'alert_id': 'a1', 'name': 'An alert', 'created': 1_700_000_000, 'severity': 'High', 'alert_status': 'ACTIVE'}
USER = {'user_id': 'u1', 'user_name': 'kim', 'active': True, 'email': 'kim@example.com'}
SCAN = {'entities': [{'vulns': ['CVE-2024-1', 'CVE-2024-2'], 'ip-address': '192.0.2.1'}]}
# What the remote system responds, by the last part of the path.
RESPONSES: dict[str, Any] = {
    'get_alerts': [ALERT], 'get_alert_details': ALERT, 'change_alert_status': {**ALERT, 'updated': 1_700_000_100},
    'ip': {'asn': 'AS64496', 'score': '100', 'objects': {}}, 'start_scan': {'scan_id': '100', 'status': 'RUNNING'},
    'domain': {'score': '0', 'org': 'Example', 'creation_date': '2001-01-02 03:04:05', 'registrar': 'A Registrar'},
    'check_scan': {'scan_id': '100', 'status': 'COMPLETE'}, 'get_scan_results': SCAN, 'test': {},
    'users': {'result': [USER]}, 'schema': {'result': [{'name': 'mail', 'description': 'An address'}]},
    'feed.txt': 'http://192.0.2.1/a\nexample.com\nno indicator\n192.0.2.7\n'}


class Remote(Answering):
    """The remote system of every template."""

    def do_GET(self) -> None:
        found = RESPONSES.get(urlsplit(self.path).path.rpartition('/')[2])
        if 'nobody' in self.path:
            found = {'result': []}
        elif self.command != 'GET':
            found = {'result': {**USER, **json.loads(self.rfile.read(int(self.headers['Content-Length'])))}}
        text = found if isinstance(found, str) else json.dumps(found)
        self.answer(200 if found is not None else 404, text.encode())

    do_POST = do_PATCH = do_GET


@pytest.fixture(scope='module')
def remote() -> Iterator[str]:
    with served(Remote) as address:
        yield address


@pytest.fixture(scope='module')
def templates() -> Path:
    """The folder of the templates, whose Python has the packages that they import."""
    if not Path(SDK).is_file():
        leave_out('DEMISTO_SDK names no demisto-sdk; ./dev test -e sdk makes it')
    python = Path(SDK).with_name('python')
    code = 'import demisto_sdk, pathlib; print(pathlib.Path(demisto_sdk.__file__).parent)'
    done = subprocess.run([python, '-c', code], text=True, capture_output=True, check=True)
    return Path(done.stdout.strip(), 'commands/init/templates')


def run(templates: Path, remote: str, name: str, *arguments: str, url: str = '') -> subprocess.CompletedProcess[str]:
    """Run one command of a template in the SDK's Python."""
    settings = {'HelloIAMWorld': ['credentials=kim:secret'], 'FeedHelloWorld': [],
                'HelloWorld': ['apikey=key', 'min_severity=Low', 'first_fetch=2020-01-01T00:00:00Z']}.get(name, ['apikey=key'])
    params = [f'--set={text}' for text in (f'url={remote}{url}', *settings)]
    return run_local_xsoar(str(templates / name), '--python', str(Path(SDK).with_name('python')), *params, *arguments)


def entries(templates: Path, remote: str, name: str, command: str, *args: str, url: str = '') -> str:
    done = run(templates, remote, name, '--command', command, *(f'--arg={text}' for text in args), url=url)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize('name, url', [
    ('HelloWorld', ''), *(pytest.param(*each, marks=WEEKLY) for each in [
        ('HelloWorldSlim', ''), ('FeedHelloWorld', '/feed.txt'), ('HelloIAMWorld', '')])])
def test_the_test_button_of_each_template_says_ok(templates: Path, remote: str, name: str, url: str) -> None:
    done = run(templates, remote, name, '--test', url=url)
    assert (done.stdout, done.returncode) == ('ok\n', 0), done.stderr


@pytest.mark.parametrize('command, args, words', [
    ('helloworldslim-get-alert', ['alert_id=a1'], ['HelloWorldSlim Alert a1']),
    ('helloworld-search-alerts', ['severity=High', 'start_time=3 days'], ['2023-11-14T22:13:20.000Z', 'HelloWorld.Alert']),
    ('ip', ['ip=192.0.2.1'], ['"Score": 3', 'Hello World returned reputation 100', 'AS64496']),
    ('helloworld-scan-results', ['scan_id=100', 'format=file'], ['100.json']),
    *(pytest.param(*each, marks=WEEKLY) for each in [
        ('helloworldslim-update-alert-status', ['alert_id=a1', 'status=CLOSED'], ['HelloWorldSlim Alert a1']),
        ('helloworld-say-hello', ['name=Kim'], ['Hello Kim']),
        ('helloworld-get-alert', ['alert_id=a1'], ['HelloWorld Alert a1', 'An alert']),
        ('helloworld-update-alert-status', ['alert_id=a1', 'status=CLOSED'], ['2023-11-14T22:15:00.000Z']),
        ('domain', ['domain=example.com'], ['2001-01-02T03:04:05.000Z', '"Score": 0', 'A Registrar']),
        ('helloworld-scan-start', ['hostname=example.com'], ['Started scan 100']),
        ('helloworld-scan-status', ['scan_id=100'], ['COMPLETE']),
        ('helloworld-scan-results', ['scan_id=100', 'format=json'], ['CVE-2024-1', 'CVE-2024-2'])])])
def test_every_command_of_hello_world_runs(templates: Path, remote: str, command: str, args: list[str], words: list[str]) -> None:
    said = entries(templates, remote, 'HelloWorldSlim' if 'slim' in command else 'HelloWorld', command, *args)
    assert [word for word in words if word not in said] == [], said


def test_hello_world_fetches_an_alert_once(templates: Path, remote: str, tmp_path: Path) -> None:
    first, second = (run(templates, remote, 'HelloWorld', '--command', 'fetch-incidents', '--store', str(tmp_path / 'store'))
                     for _ in range(2))
    assert 'An alert' in first.stdout and '2023-11-14T22:13:20' in first.stdout, first.stdout + first.stderr
    assert second.returncode == 0 and 'An alert' not in second.stdout, second.stdout + second.stderr


def test_the_feed_shows_and_creates_its_indicators(templates: Path, remote: str) -> None:
    said = entries(templates, remote, 'FeedHelloWorld', 'helloworld-get-indicators', 'limit=2', url='/feed.txt')
    assert 'http://192.0.2.1/a' in said and 'Domain' in said and '192.0.2.7' not in said
    done = run(templates, remote, 'FeedHelloWorld', '--command', 'fetch-indicators', url='/feed.txt')
    assert done.returncode == 0 and 'indicators  3 new, 0 seen again' in done.stderr, done.stdout + done.stderr


@fact('seen', "the results of the IAM commands, as the tests of the SDK's template expect them")
@fact('guessed', '`mapObject` without a mapper returns the object unchanged (here: with a warning)')
@pytest.mark.parametrize('command, email, action, words', [
    ('iam-get-user', 'nobody@example.com', 'get', ['"success": false', 'User does not exist']),
    ('iam-update-user', 'nobody@example.com', 'create', ['"success": true']),
    *(pytest.param(*each, marks=WEEKLY) for each in [
        ('iam-get-user', 'kim@example.com', 'get', ['"success": true', '"id": "u1"']),
        ('iam-create-user', 'nobody@example.com', 'create', ['"success": true']),
        ('iam-create-user', 'kim@example.com', 'update', ['"success": true']),
        ('iam-update-user', 'kim@example.com', 'update', ['"success": true']),
        ('iam-disable-user', 'nobody@example.com', 'disable', ['"skipped": true']),
        ('iam-disable-user', 'kim@example.com', 'disable', ['"active": false'])])])
def test_every_command_of_hello_iam_world_runs(
        templates: Path, remote: str, command: str, email: str, action: str, words: list[str]) -> None:
    user = json.dumps({'email': email, 'givenname': 'Kim'})
    said = entries(templates, remote, 'HelloIAMWorld', command, f'user-profile={user}')
    assert [word for word in [f'"action": "{action}"', *words] if word not in said] == [], said


def test_hello_iam_world_describes_its_fields(templates: Path, remote: str) -> None:
    said = entries(templates, remote, 'HelloIAMWorld', 'get-mapping-fields')
    assert json.loads(said) == {'User Profile': {'mail': 'An address'}}


def test_the_scripts_run(templates: Path) -> None:
    for name, argument, words in (('HelloWorldScript', 'name=Kim', 'Hello Kim'), ('BaseScript', 'dummy=a', '"dummy": "a"')):
        done = run_local_xsoar(str(templates / name), '--python', str(Path(SDK).with_name('python')), '--command', name,
                               '--arg', argument)
        assert done.returncode == 0 and words in done.stdout, done.stdout + done.stderr


def test_the_base_integration_without_that_fault_runs(templates: Path, remote: str, tmp_path: Path) -> None:
    folder = tmp_path / 'BaseIntegration'
    folder.mkdir()
    for file in ('BaseIntegration.py', 'BaseIntegration.yml'):
        text = (templates / 'BaseIntegration' / file).read_text()
        (folder / file).write_text(text.replace('params("insecure", False)', 'params.get("insecure", False)'))
    said = entries(tmp_path, remote, 'BaseIntegration', 'baseintegration-dummy', 'dummy=a', 'dummy2=b')
    assert '"BaseIntegration"' in said or 'dummy2' in said
    assert run(tmp_path, remote, 'BaseIntegration', '--test').stdout == 'ok\n'
