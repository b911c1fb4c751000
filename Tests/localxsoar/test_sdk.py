"""The official tools, unchanged and in their newest release, against a running local XSOAR: DEMISTO_SDK is the SDK's command."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from local_xsoar import LocalXsoar, leave_out, wait_for

import localxsoar
from localxsoar.xsoar_api import XsoarApi

SDK = os.environ.get('DEMISTO_SDK') or shutil.which('demisto-sdk') or ''
PACKS = Path(__file__).parent / 'packs'
SECONDS = 120


@pytest.fixture(scope='module')
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A content repository, as the SDK asks for one, with the commands' pack."""
    if not Path(SDK).is_file():
        leave_out('DEMISTO_SDK names no demisto-sdk; ./dev test -e sdk makes it')
    root = tmp_path_factory.mktemp('content')
    pack = Path(shutil.copytree(PACKS / 'Commands', root / 'Packs' / 'Commands'))
    for name in ('README.md', '.pack-ignore', '.secrets-ignore'):
        (pack / name).write_text('')
    for command in (['init', '-q', '-b', 'master'],
                    ['remote', 'add', 'origin', 'https://example.invalid/content.git'], ['add', '-A'],
                    ['-c', 'user.name=test', '-c', 'user.email=test@example.invalid', 'commit', '-q', '-m', 'all'],
                    ['update-ref', 'refs/remotes/origin/master', 'HEAD']):
        subprocess.run(['git', *command], cwd=root, check=True)
    return root


@pytest.fixture
def xsoar() -> Iterator[LocalXsoar]:
    with LocalXsoar(pack=PACKS / 'Commands') as running:
        yield running


def sdk(xsoar: LocalXsoar, content: Path, *arguments: str, program: str = SDK) -> str:
    """What a command of the SDK says; it must end well."""
    environment = {**os.environ, 'DEMISTO_BASE_URL': xsoar.url, 'DEMISTO_API_KEY': 'any', 'DEMISTO_VERIFY_SSL': 'false',
                   'CI': 'true', 'DEMISTO_SDK_IGNORE_CONTENT_WARNING': 'true', 'NO_PROXY': '127.0.0.1', 'COLUMNS': '200'}
    done = subprocess.run([program, *arguments], cwd=content, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize('arguments', [
    ['Packs/Commands/Integrations/Commands'], ['Packs/Commands', '-z', '--override-existing']], ids=['integration', 'pack'])
def test_upload_installs_what_then_runs(xsoar: LocalXsoar, content: Path, arguments: list[str]) -> None:
    script = content / 'Packs/Commands/Integrations/Commands/Commands.py'
    script.write_text(script.read_text().replace('Hello {name}', f'{arguments[-1]} {{name}}'))
    assert 'SUCCESSFUL UPLOADS' in sdk(xsoar, content, 'upload', '-i', *arguments, '--insecure')
    assert f'{arguments[-1]} World' in sdk(xsoar, content, 'run', '-q', '!hello-say name="World"', '--insecure')
    script.write_text(script.read_text().replace(f'{arguments[-1]} {{name}}', 'Hello {name}'))


def test_an_upload_starts_the_container_anew_once_which_is_no_crash(content: Path) -> None:
    pack = Path(shutil.copytree(PACKS / 'LongFetch', content / 'Packs' / 'LongFetch'))
    (pack / 'README.md').write_text('')
    with LocalXsoar(pack=pack) as xsoar:
        first = xsoar.state()['pid']
        sdk(xsoar, content, 'upload', '-i', 'Packs/LongFetch/Integrations/LongFetch', '--insecure')
        second = wait_for(lambda: xsoar.state()['pid'])
        assert (second != first, xsoar.state()['restarts']) == (True, 0)
        assert xsoar.state()['pid'] == second


CLIENT = """
import json
from demisto_sdk.commands.common.clients import XsoarClient, XsoarClientConfig
import os
client = XsoarClient(XsoarClientConfig(base_api_url=os.environ['DEMISTO_BASE_URL'], api_key='any', verify_ssl=False))
seen = {'healthy': client.is_healthy, 'server': client.is_server_type, 'containers': client.containers_health,
        'packs': [pack['name'] for pack in client.installed_packs]}
client.test_module('Commands', 'commands')
made = client.create_incident('from the SDK', should_create_investigation=False)
seen['found'] = client.search_incidents(incident_ids=made.id, from_date='1 day ago')['total']
playground = client.get_playground_id()
entries, context = client.run_cli_command('!hello-say name=World', playground)
seen['context'] = context
seen['error'] = [entry.type for entry in client.run_cli_command('!hello-fail', playground)[0]]
seen['indicators'] = client.list_indicators()['total']
print('SEEN', json.dumps(seen))
"""


def test_the_sdks_client_tests_creates_searches_and_runs(xsoar: LocalXsoar, content: Path) -> None:
    said = sdk(xsoar, content, '-c', CLIENT, program=str(Path(SDK).with_name('python')))
    seen: dict[str, Any] = json.loads(said[said.index('SEEN ') + 5:].splitlines()[0])
    assert seen == {
        'healthy': True, 'server': True, 'containers': {'all': 0, 'running': 0, 'inactive': 0}, 'packs': ['Commands'], 'found': 1,
        'context': {'Hello': {'Greeting': {'name': 'World', 'text': 'Hello World'}}}, 'error': [4], 'indicators': 0}


# Without the SDK: the routes alone, and the official client.


def test_demisto_py_creates_and_searches_what_is_not_closed(xsoar: LocalXsoar) -> None:
    import demisto_client
    from demisto_client.demisto_api import CreateIncidentRequest
    client = demisto_client.configure(base_url=xsoar.url, api_key='any', verify_ssl=False, proxy='')
    made = client.create_incident(create_incident_request=CreateIncidentRequest(name='by demisto-py', severity=3))
    found = xsoar.incidents(query=f'-status:closed and id:{made.id}')
    assert [(incident.name, incident.severity) for incident in found] == [('by demisto-py', 3)]


def test_every_route_asks_for_the_api_key() -> None:
    with LocalXsoar('--api-key', 'k3y', pack=PACKS / 'Commands') as xsoar:
        for path in ('about', 'user', 'system/config', 'contentpacks/installed', 'health/containers'):
            assert requests.get(f'{xsoar.url}/{path}', timeout=30).status_code == 401
            assert requests.get(f'{xsoar.url}/{path}', headers={'Authorization': 'k3y'}, timeout=30).ok


def test_the_instance_is_disabled_configured_and_tested_by_the_api_and_no_secret_leaves(echo_pack: Path) -> None:
    with LocalXsoar(pack=echo_pack, params={'secret': 'h4sh-hush'}) as xsoar:
        found = requests.post(f'{xsoar.url}/settings/integration/search', json={}, timeout=30)
        assert 'h4sh-hush' not in found.text
        instance = found.json()['instances'][0]
        bad = {**instance, 'data': [{'name': 'greeting', 'value': 'bad'}]}
        answer = requests.post(f'{xsoar.url}/settings/integration/test', json=bad, timeout=30).json()
        assert answer == {'success': False, 'message': 'Greeting bad is not polite.'}
        assert requests.post(f'{xsoar.url}/settings/integration/test', json=instance, timeout=30).json()['success'] is True
        requests.put(f'{xsoar.url}/settings/integration', json={**instance, 'enabled': 'false'}, timeout=30)
        assert xsoar.state()['pid'] is None
        requests.put(f'{xsoar.url}/settings/integration', json=instance, timeout=30)
        wait_for(lambda: requests.post(xsoar.webhook_url, data='[]', timeout=30).ok)
        assert requests.post(f'{xsoar.webhook_url}/params', timeout=30).json()['secret'] == 'h4sh-hush'


@pytest.mark.parametrize('line, words', [
    ('hello', 'runs commands in the form !command'), ('!hello "', 'is not a command'),
    ('!nothing', 'has no command nothing. Its commands: hello-say')])
def test_a_line_that_is_no_command_is_told(xsoar: LocalXsoar, line: str, words: str) -> None:
    assert words in requests.post(f'{xsoar.url}/entry/execute/sync', json={'data': line}, timeout=30).text


def test_an_upload_of_another_integration_is_refused_in_words(xsoar: LocalXsoar, echo_pack: Path) -> None:
    content = yaml.safe_load((echo_pack / 'Integrations/Echo/Echo.yml').read_text())
    content['script']['script'] = 'pass'
    descriptor = yaml.safe_dump(content)
    answer = requests.post(f'{xsoar.url}/settings/integration-conf/upload', files={'file': ('Echo.yml', descriptor)}, timeout=30)
    assert answer.status_code == 400 and 'This local XSOAR runs Commands, but the upload contains Echo.' in answer.json()['error']


def test_the_readme_knows_every_route_of_the_api() -> None:
    readme = (Path(localxsoar.__file__).parent / 'README.md').read_text()
    seen: list[str] = []

    class Recorder:
        def route(self, path: str, method: str, handler: object) -> None:
            seen.append(path)
    XsoarApi(None, {}).routes(Recorder())  # type: ignore[arg-type]
    assert len(seen) > 15
    assert [path for path in seen if path.replace('<id>', 'ID') not in readme] == []
