"""Several integrations and instances in one server, from the command line and by the API."""

import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from facts import fact
from local_xsoar import LocalXsoar, ask, in_war_room, wait_for

from localxsoar.cli import build_parser, build_server
from localxsoar.errors import UsageError
from localxsoar.events import Events
from localxsoar.server.server import error_entry, name_instance

pytestmark = pytest.mark.sockets

TRACE = 'Traceback (most recent call last):\n  File "a.py", line 1, in b\n    c\n'


def make_pack(folder: Path, echo_pack: Path) -> Path:
    """Copy a pack with two integrations, of which one runs long."""
    shutil.copytree(echo_pack, folder / 'Two')
    shutil.copytree(echo_pack.with_name('Commands') / 'Integrations' / 'Commands', folder / 'Two/Integrations/Commands')
    return folder / 'Two'


@pytest.fixture(scope='module')
def two(echo_pack: Path) -> Iterator[LocalXsoar]:
    """A server with two instances of one integration, to which the tests of the API add others."""
    options = ('--instance', 'left', '--set', 'greeting=l', '--instance', 'right', '--set', 'secret=of-right')
    with LocalXsoar(*options, pack=echo_pack) as running:
        yield running


@pytest.fixture(scope='module')
def pack(tmp_path_factory: pytest.TempPathFactory, echo_pack: Path) -> Path:
    return make_pack(tmp_path_factory.mktemp('packs'), echo_pack)


def described(*arguments: str) -> list[tuple[str, str, Any]]:
    """Return the name, the integration and the greeting of each instance that the arguments make."""
    server = build_server(build_parser().parse_args([*arguments]), Events())
    return [(name, instance.integration.name, instance.params.get('greeting')) for name, instance in server.instances.items()]


@pytest.mark.parametrize('arguments, instances', [
    ([], [('echo', 'Echo', 'hello')]), (['--integration', 'Commands'], [('commands', 'Commands', None)]),
    (['--instance', 'a', '--instance', 'b'], [('a', 'Echo', 'hello'), ('b', 'Echo', 'hello')]),
    (['--integration', 'Echo', '--integration', 'Commands'], [('echo', 'Echo', 'hello'), ('commands', 'Commands', None)]),
    (['--set', 'greeting=x', '--instance', 'a', '--instance', 'b', '--set', 'greeting=y', '--integration', 'Commands'], None),
    (['--set', 'greeting=x', '--instance', 'a', '--instance', 'b', '--set', 'greeting=y'],
     [('a', 'Echo', 'x'), ('b', 'Echo', 'y')]),
    (['--instance', 'a', '--integration', 'Commands', '--instance', 'b', '--instance', 'c', '--integration', 'Echo'],
     [('a', 'Commands', None), ('b', 'Commands', None), ('c', 'Echo', 'hello')])])
def test_instances_are_read_in_their_order(pack: Path, arguments: list[str], instances: Any) -> None:
    if instances is None:
        with pytest.raises(UsageError, match='Commands has no parameter greeting'):
            described(str(pack), *arguments)
    else:
        assert described(str(pack), *arguments) == instances


@pytest.mark.parametrize('arguments, words', [
    (['--integration', 'Other'], 'has no integration Other. Its integrations: Commands, Echo.'),
    (['--instance', 'a', '--instance', 'a'], 'There are two instances with the name a.'),
    (['--set', 'nothing=1', '--instance', 'a', '--instance', 'b'], 'Echo has no parameter nothing')])
def test_wrong_instances_are_an_error(pack: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        described(str(pack), *arguments)


def test_a_command_of_the_server_runs_on_each_instance_that_has_it(pack: Path) -> None:
    wanted = ['--instance', 'a', '--integration', 'Commands', '--instance', 'b', '--instance', 'c', '--integration', 'Echo']
    server = build_server(build_parser().parse_args([str(pack), *wanted]), Events())
    failed = server.run_in_war_room('hello-read', {'entry_id': 'nowhere'})
    assert [entry['Type'] for _, entry in failed] == [4, 4], 'a failure of one keeps no other from running'
    entries = server.run('fetch-incidents', {})
    assert [entry['Contents'][0]['sourceInstance'] for entry in entries] == ['a', 'b']
    [entry] = server.run('fetch-incidents', {'using': 'b'})
    assert entry['Contents'][0]['name'] == 'ordinary 2'
    echo = server.instances['c']
    assert server.make('d', echo.integration, {}, lambda: echo.port or 0).port not in (None, echo.port)


@pytest.mark.parametrize('name, text, expected', [
    ('left', 'no', 'left: no'), ('left', 'left: no', 'left: no'), ('left', 'not left', 'left: not left'), ('', 'no', 'no'),
    ('left', f'{TRACE}E: no', f'{TRACE}left: E: no')])
def test_an_error_names_its_instance_once(name: str, text: str, expected: str) -> None:
    assert name_instance(error_entry(text), name)['Contents'] == expected
    assert name_instance({'Type': 1, 'Contents': text}, name)['Contents'] == text


def test_two_instances_receive_requests_each_and_their_incidents_name_them(two: LocalXsoar) -> None:
    for name, greeting in (('left', 'l'), ('right', 'hello')):
        url = f'{two.url}/instance/execute/{name}'
        assert requests.post(f'{url}/params').json()['greeting'] == greeting
        [created] = requests.post(url, json=[{'name': f'from {name}'}]).json()
        assert (created['sourceInstance'], created['sourceBrand']) == (name, 'Echo')
    assert two.control('GET', 'state?instance=right')['instance'] == 'right' and two.state()['instance'] == 'left'
    assert 'Integration Echo, instance right' in two.output and two.webhook_url.endswith('/left')
    assert [incident['name'] for incident in two.incidents(query='sourceInstance:right')] == ['from right']
    requests.post(f'{two.url}/instance/execute/right/problem', json={'status': 401}, headers={'X-Api-Key': 'of-right'})
    rejected = two.control('GET', f'deliveries/{two.control("GET", "deliveries")[0]["number"]}')
    assert 'The header X-Api-Key contains the token, as its whole value.' in [check['text'] for check in rejected['checks']]
    found = ask(two, 'settings/integration/search')
    assert [(each['id'], each['name']) for each in found['instances']] == [('instance-1', 'left'), ('instance-2', 'right')]


def unified(folder: Path, name: str, **changes: Any) -> str:
    content = yaml.safe_load((folder / f'{name}.yml').read_text())
    content['script']['script'] = (folder / f'{name}.py').read_text()
    return yaml.safe_dump({**content, **changes})


def upload(xsoar: LocalXsoar, path: str, name: str, content: Any) -> Any:
    return requests.post(f'{xsoar.url}/{path}', files={'file': (name, content)})


@fact('inferred', 'an uploaded integration has no instance until its form is saved')
def test_an_integration_that_is_uploaded_gets_an_instance_when_its_form_is_saved(two: LocalXsoar, echo_pack: Path) -> None:
    commands = echo_pack.with_name('Commands') / 'Integrations' / 'Commands'
    first = two.state()['pid']
    assert upload(two, 'settings/integration-conf/upload', 'Commands.yml', unified(commands, 'Commands')).status_code == 200
    assert 'has the command hello-say' in in_war_room(two, '!hello-say name=you')[0]['contents']
    found = ask(two, 'settings/integration/search')
    assert [each['id'] for each in found['configurations']] == ['Echo', 'Commands'] and len(found['instances']) == 2
    form = {'name': 'mine', 'brand': 'Commands', 'data': [], 'enabled': 'true'}
    assert ask(two, 'settings/integration/test', form) == {'success': True, 'message': ''}
    saved = requests.put(f'{two.url}/settings/integration', json=form).json()
    assert (saved['id'], saved['name'], saved['brand']) == ('instance-3', 'mine', 'Commands')
    assert 'Hello you' in in_war_room(two, '!hello-say name=you')[0]['contents']
    requests.delete(f'{two.url}/settings/integration/instance-3')
    assert 'has the command hello-say' in in_war_room(two, '!hello-say name=you')[0]['contents']
    assert two.state()['pid'] == first


def test_a_long_running_instance_that_is_added_receives_requests(two: LocalXsoar) -> None:
    saved = requests.put(f'{two.url}/settings/integration', json={'name': 'new', 'brand': 'Echo', 'enabled': 'true'}).json()
    response = wait_for(lambda: requests.post(f'{two.url}/instance/execute/new', json=[{'name': 'a'}]) or None)
    assert response.json()[0]['sourceInstance'] == 'new'
    requests.delete(f'{two.url}/settings/integration/{saved["id"]}')


def test_a_script_is_uploaded_alone_and_in_a_pack(two: LocalXsoar, echo_pack: Path) -> None:
    def script(name: str) -> str:
        return yaml.safe_dump({'commonfields': {'id': name, 'version': -1}, 'name': name, 'type': 'python',
                               'script': f'demisto.results("{name} ran")'})

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, 'w') as archive:
        archive.writestr('metadata.json', '{"name": "Echo", "currentVersion": "2.4.0"}')
        archive.writestr('Integrations/integration-Echo.yml', unified(echo_pack / 'Integrations' / 'Echo', 'Echo'))
        archive.writestr('Scripts/script-Second.yml', script('Second'))
    assert upload(two, 'automation/import', '../no/First.yml', script('First')).json() == {'id': 'First', 'name': 'First'}
    assert upload(two, 'contentpacks/installed/upload', 'Echo.zip', packed.getvalue()).status_code == 200
    for name in ('First', 'Second'):
        assert in_war_room(two, f'!{name}')[0]['contents'] == f'{name} ran'
    assert upload(two, 'automation/import', 'x.yml', 'a: 1').json()['error'] == 'The upload contains no script.'
    answer = upload(two, 'settings/integration-conf/upload', 'x.yml', 'a: 1').json()
    assert answer['error'] == 'The upload contains neither an integration nor a script.'
    two.wait_for_line('upload  Echo 2.4.0: the container restarts')


def test_all_integrations_and_scripts_are_read_again_when_a_file_changes(tmp_path: Path, echo_pack: Path) -> None:
    pack = make_pack(tmp_path, echo_pack)
    script, rule = pack / 'Integrations/Commands/Commands.py', pack / 'Scripts/Rule/Rule.yml'
    rule.parent.mkdir(parents=True)
    rule.write_text(yaml.safe_dump({'commonfields': {'id': 'Rule'}, 'name': 'Rule', 'type': 'python', 'script': ''}))
    with LocalXsoar('--integration', 'Echo', '--integration', 'Commands', '--pre-process', 'Rule', '--watch', pack=pack) as xsoar:
        xsoar.wait_for_line('Pre-process rule: Rule')
        first = xsoar.state()['pid']
        assert len(requests.post(xsoar.webhook_url, json=[{'name': 'a'}]).json()) == 1
        script.write_text(script.read_text().replace('Hello {name}', 'Changed {name}'))
        rule.write_text(rule.read_text().replace("script: ''", "script: demisto.results(False)"))
        xsoar.wait_for_line('The pack has changed: the container restarts')
        wait_for(lambda: 'Changed you' in in_war_room(xsoar, '!hello-say name=you')[0]['contents'])
        response = wait_for(lambda: requests.post(xsoar.webhook_url, json=[{'name': 'a'}]) or None)  # 503 until it listens again
        assert (response.json(), xsoar.state()['restarts'], xsoar.state()['pid'] != first) == ([], 0, True)
        rule.write_text('type: [')
        xsoar.wait_for_line('^!!! .*Rule.yml is not YAML')
