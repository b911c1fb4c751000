"""The official tools, unchanged and in their newest release, against a running local XSOAR: DEMISTO_SDK is the SDK's command."""

import base64
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import bottle
import pytest
import requests
import yaml
from facts import fact
from local_xsoar import LocalXsoar, leave_out, official_client, read_officially, wait_for
from written_packs import write_script

from localxsoar import send
from localxsoar.server.war_room import parse_command
from localxsoar.web.commands import CommandRoutes
from localxsoar.web.controls import Controls
from localxsoar.web.deliveries import DeliveryRoutes
from localxsoar.web.incidents import IncidentRoutes
from localxsoar.web.instances import InstanceRoutes
from localxsoar.web.keys import password
from localxsoar.web.page_files import PageFiles
from localxsoar.web.senders import SenderRoutes
from localxsoar.web.xsoar_api import XsoarApi

pytestmark = pytest.mark.sockets

SDK = os.environ.get('DEMISTO_SDK') or shutil.which('demisto-sdk') or ''
PACKS = Path(__file__).parents[1] / 'sample_packs'


@pytest.fixture(scope='module')
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A content repository, as the SDK asks for one, with the commands' pack and a script in it."""
    if not Path(SDK).is_file():
        leave_out('DEMISTO_SDK names no demisto-sdk; ./dev test -e sdk makes it')
    root = tmp_path_factory.mktemp('content')
    pack = Path(shutil.copytree(PACKS / 'Commands', root / 'Packs' / 'Commands'))
    write_script(pack, 'Greet', "demisto.results('Greetings from a script')\n", comment='Greets.', subtype='python3', tags=[],
                 enabled=True, fromversion='6.0.0', dockerimage='demisto/python3:3.12.13.11879924')
    for name in ('README.md', '.pack-ignore', '.secrets-ignore', 'Scripts/Greet/README.md'):
        (pack / name).write_text('')
    for command in (['init', '-q', '-b', 'master'],
                    ['remote', 'add', 'origin', 'https://example.invalid/content.git'], ['add', '-A'],
                    ['-c', 'user.name=test', '-c', 'user.email=test@example.invalid', 'commit', '-q', '-m', 'all'],
                    ['update-ref', 'refs/remotes/origin/master', 'HEAD']):
        subprocess.run(['git', *command], cwd=root, check=True)
    return root


@pytest.fixture(scope='module')
def xsoar() -> Iterator[LocalXsoar]:
    """A server that takes any API key, to which the SDK uploads."""
    with LocalXsoar(pack=PACKS / 'Commands') as running:
        yield running


@pytest.fixture(scope='module')
def locked() -> Iterator[LocalXsoar]:
    with LocalXsoar('--api-key=k3y', pack=PACKS / 'Commands') as running:
        yield running


@pytest.fixture(scope='module')
def echo(echo_pack: Path) -> Iterator[LocalXsoar]:
    """A server with a long-running instance, which each test leaves enabled."""
    params = {'secret': 'h4sh-hush', 'account': 'kim:hush', 'limit': '5'}
    with LocalXsoar('--server-setting', 'a=b', pack=echo_pack, params=params) as running:
        yield running


def ask(xsoar: LocalXsoar, method: str, path: str, body: Any = None) -> Any:
    """The JSON of an answer, which must be 200."""
    answer = requests.request(method, f'{xsoar.url}/{path}', json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def run(xsoar: LocalXsoar, line: str) -> Any:
    return ask(xsoar, 'POST', 'entry/execute/sync', {'data': line})


def sdk(xsoar: LocalXsoar, content: Path, *arguments: str, program: str = SDK) -> str:
    """What a command of the SDK says; it must end well."""
    environment = {**os.environ, 'DEMISTO_BASE_URL': xsoar.url, 'DEMISTO_API_KEY': 'any', 'DEMISTO_VERIFY_SSL': 'false',
                   'CI': 'true', 'DEMISTO_SDK_IGNORE_CONTENT_WARNING': 'true', 'NO_PROXY': '127.0.0.1', 'COLUMNS': '200'}
    done = subprocess.run([program, *arguments], cwd=content, env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


# What `demisto-sdk run` does, and what its client does: each start of the SDK takes 1.5 s of CPU.
CLIENT = """
import json
from demisto_sdk.commands.common.clients import XsoarClient, XsoarClientConfig
from demisto_sdk.commands.run_cmd.runner import Runner
import os
Runner('!hello-say name="World"', insecure=True).run()
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


def upload(xsoar: LocalXsoar, content: Path, word: str, way: str) -> None:
    """Upload the pack, in whose integration another word greets, and see both of its items run."""
    script = content / 'Packs/Commands/Integrations/Commands/Commands.py'
    original = script.read_text()
    script.write_text(original.replace('Hello {name}', f'{word} {{name}}'))
    said = sdk(xsoar, content, 'upload', '-i', 'Packs/Commands', way, '--override-existing', '--insecure')
    script.write_text(original)
    assert 'SUCCESSFUL UPLOADS' in said
    assert f'{word} World' in run(xsoar, '!hello-say name="World"')[0]['contents']
    assert 'Greetings from a script' in run(xsoar, '!Greet')[0]['contents']


@fact('seen', 'the API that `demisto-sdk upload` and `run` use')
@fact('seen', "the API that the SDK's client uses")
def test_the_sdk_uploads_a_pack_which_its_client_then_runs(xsoar: LocalXsoar, content: Path) -> None:
    upload(xsoar, content, 'Pack', '--zip')
    said = sdk(xsoar, content, '-c', CLIENT, program=str(Path(SDK).with_name('python')))
    ran, seen = said.split('SEEN ')
    assert 'Pack World' in ran
    assert json.loads(seen.splitlines()[0]) == {
        'healthy': True, 'server': True, 'containers': {'all': 0, 'running': 0, 'inactive': 0}, 'packs': ['Commands'], 'found': 1,
        'context': {'Hello': {'Greeting': {'name': 'World', 'text': 'Hello World'}}}, 'error': [4], 'indicators': 0}


@fact('seen', 'a single script is uploaded to `/automation/import`')
@pytest.mark.weekly  # the same requests without the SDK: server/test_several.py
def test_the_sdk_uploads_each_item_alone(xsoar: LocalXsoar, content: Path) -> None:
    upload(xsoar, content, 'Integration', '--no-zip')


# Without the SDK: the routes alone, and the official client.


@fact('documented', 'queries such as `-status:closed`')
def test_demisto_py_creates_and_searches_what_is_not_closed(xsoar: LocalXsoar) -> None:
    from demisto_client.demisto_api import CreateIncidentRequest
    made = official_client(xsoar).create_incident(create_incident_request=CreateIncidentRequest(name='by demisto-py', severity=3))
    found = read_officially(xsoar, query=f'-status:closed and id:{made.id}')
    assert [(incident.name, incident.severity) for incident in found] == [('by demisto-py', 3)]


def routes_of(*parts: Any) -> list[tuple[str, str]]:
    """The method and an example of the path of each route, from the routes themselves."""
    api = bottle.Bottle()
    for part in parts:
        part.routes(api)
    return [(route.method, re.sub(r'<\w+(?::int|:re:([\w-]+)[^>]*)?>', lambda found: found[1] or '1', route.rule))
            for route in api.routes]


def routes_of_the_api() -> list[tuple[str, str]]:
    return routes_of(XsoarApi(Mock(), {}))


def all_routes() -> list[tuple[str, str]]:
    parts = (Controls(Mock()), PageFiles(Mock(), Mock()), InstanceRoutes(*[Mock()] * 4), IncidentRoutes(Mock(), Mock()),
             DeliveryRoutes(*[Mock()] * 6), SenderRoutes(*[Mock()] * 3), CommandRoutes(Mock(), Mock()))
    return [*routes_of_the_api(), *routes_of(*parts)]


def test_each_route_is_registered_once() -> None:
    assert [route for route, count in Counter(all_routes()).items() if count > 1] == []


def status(xsoar: LocalXsoar, route: tuple[str, str], headers: Any) -> int:
    method, path = route
    return requests.request(method, f'{xsoar.url}{path}', data='{}', headers=headers).status_code


def basic(user_and_password: str) -> str:
    return f'Basic {base64.b64encode(user_and_password.encode()).decode()}'


def test_no_route_does_anything_without_the_api_key(locked: LocalXsoar) -> None:
    before = locked.state()
    statuses = {route: status(locked, route, {}) for route in all_routes()}
    assert len(statuses) > 50 and {method for method, _ in statuses} == {'GET', 'POST', 'PUT', 'DELETE', 'PATCH'}
    assert {('GET', '/'), ('GET', '/page/1/1'), ('POST', '/localxsoar/commands'), ('GET', '/localxsoar/deliveries/1.har'),
            ('POST', '/localxsoar/cut')} <= statuses.keys()
    assert {route for route in statuses if statuses[route] != 401} == set()
    assert locked.state() == before


@pytest.mark.parametrize('key', ['', 'k3', 'k3y1', 'K3Y', 'k3yé'.encode(), 'Basic', 'Basic !', basic('k3y'), basic('k3y:'),
                                 basic('admin:k3y1'), basic('admin:k3y').replace('Basic', 'Bearer')])
def test_a_key_that_is_not_the_api_key_opens_nothing(locked: LocalXsoar, key: Any) -> None:
    routes = [('GET', '/'), ('GET', '/localxsoar/deliveries/1.har'), ('POST', '/localxsoar/commands'), ('POST', '/incident')]
    assert [status(locked, route, {'Authorization': key}) for route in routes] == [401] * len(routes)


def test_a_browser_asks_for_the_api_key_and_then_has_the_page(locked: LocalXsoar) -> None:
    challenge = requests.get(locked.url).headers['WWW-Authenticate']
    assert challenge.startswith('Basic ') and 'charset="UTF-8"' in challenge
    for path in ('/', '/page/any/script.js', '/localxsoar/instance', '/localxsoar/deliveries'):
        assert status(locked, ('GET', path), {'Authorization': basic('anyone:k3y')}) == 200
    assert status(locked, ('GET', '/'), {'Authorization': basic('anyone:k3y').replace('Basic', 'basic')}) == 200
    assert password(basic('anyone:a:b').encode()) == b'a:b'


def test_recipes_are_sent_with_the_key_of_the_environment(locked: LocalXsoar, monkeypatch: pytest.MonkeyPatch,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ['--url', locked.url, 'github']
    assert send.main(arguments) == 2 and 'put it into the variable DEMISTO_API_KEY' in capsys.readouterr().err
    monkeypatch.setenv('DEMISTO_API_KEY', 'k3y')
    assert send.main(arguments) == 2 and 'DEMISTO_API_KEY' not in capsys.readouterr().err


def test_every_route_of_the_api_takes_the_api_key(locked: LocalXsoar) -> None:
    rejections = (401, 404, 405, 500)
    assert [route for route in routes_of_the_api() if status(locked, route, {'Authorization': 'k3y'}) in rejections] == []


@fact('documented', 'incidents are closed by `/incident/batchClose` with `ids`, `closeReason` and `closeNotes`')
def test_incidents_are_closed_together(xsoar: LocalXsoar) -> None:
    from demisto_client.demisto_api import UpdateDataBatch
    ids = [ask(xsoar, 'POST', 'incident', {'name': f'to close {n}'})['id'] for n in range(2)]
    changes = UpdateDataBatch(ids=ids, close_reason='Other', close_notes='A test.')
    assert official_client(xsoar).close_incidents_batch(update_data_batch=changes).total == 2
    for incident in ask(xsoar, 'POST', 'incidents/search', {'filter': {'id': ids}})['data']:
        assert (incident['status'], incident['closeReason'], incident['closeNotes']) == (2, 'Other', 'A test.')
    refused = requests.post(f'{xsoar.url}/incident/batchClose', json={'ids': ['0']})
    assert refused.status_code == 400


def test_a_search_finds_an_incident_once_its_index_knows_it(xsoar: LocalXsoar) -> None:
    made = ask(xsoar, 'POST', 'incident', {'name': 'indexed late'})['id']
    search = {'filter': {'id': [made]}}
    xsoar.faults(index_delay_ms=3_600_000)
    assert ask(xsoar, 'POST', 'incidents/search', search)['data'] == []
    xsoar.faults(index_delay_ms=0)
    assert len(ask(xsoar, 'POST', 'incidents/search', search)['data']) == 1


def test_what_the_tools_read_of_the_server_is_what_runs(xsoar: LocalXsoar, echo: LocalXsoar) -> None:
    assert ask(xsoar, 'GET', 'about') == {'demistoVersion': '8.9.0', 'buildNum': '1000000', 'productMode': 'xsoar',
                                          'deploymentMode': 'opp', 'name': 'localxsoar'}
    assert ask(xsoar, 'GET', 'health/server') == {}
    assert ask(xsoar, 'POST', 'indicators/search', {'query': 'type:IP'}) == {'total': 0, 'iocObjects': [], 'searchAfter': None}
    found = ask(xsoar, 'POST', 'investigations/search')
    assert (found['total'], [(each['id'], each['type'], each['creatingUserId']) for each in found['data']]) == (
        1, [('playground', 9, 'admin')])
    assert ask(xsoar, 'GET', 'user')['username'] == 'admin'
    for path in ('installed', 'metadata/installed'):
        assert ask(xsoar, 'GET', f'contentpacks/{path}') == [{'id': 'Commands', 'name': 'Commands', 'currentVersion': '1.0.0'}]
    assert ask(echo, 'GET', 'system/config') == {
        'sysConf': {'instance.execute.external.echo': 'true', 'a': 'b'}, 'defaultMap': {}}
    assert ask(echo, 'GET', 'health/containers') == {'all': 1, 'running': 1, 'inactive': 0}


@fact('documented', 'encrypted parameters do not leave the server')
def test_the_form_is_read_with_each_value_but_the_encrypted_ones(echo: LocalXsoar) -> None:
    requests.post(f'{echo.webhook_url}/health', data='busy')
    found = ask(echo, 'POST', 'settings/integration/search')
    assert 'hush' not in json.dumps(found)
    [configuration], [instance], [health] = found['configurations'], found['instances'], found['health'].values()
    assert (health['brand'], health['instance'], health['lastError']) == ('Echo', 'echo', ''), 'it has a text, but no error'
    rows = {row['name']: row for row in instance['data']}
    plain = {'required': False, 'hidden': False, 'defaultValue': '', 'options': [], 'hasvalue': False, 'value': ''}
    assert rows['limit'] == {**plain, 'name': 'limit', 'display': 'Limit', 'type': 1, 'hasvalue': True, 'value': '5'}
    assert rows['secret'] == {**plain, 'name': 'secret', 'display': 'Secret Word', 'type': 4, 'hasvalue': True}
    assert rows['longRunning']['hidden'] is True and rows['longRunning']['defaultValue'] == 'true'
    assert rows['greeting']['type'] == 0 and rows['greeting']['defaultValue'] == 'hello'
    assert rows['longRunningPort']['required'] is True and rows['color']['options'] == ['red', 'blue']
    assert {key: instance[key] for key in ('name', 'brand', 'version', 'enabled', 'isIntegrationScript')} == {
        'name': 'echo', 'brand': 'Echo', 'version': 1, 'enabled': 'true', 'isIntegrationScript': True}
    assert configuration == instance['configuration'] and configuration['category'] == 'Utilities'
    assert configuration['integrationScript'] == {'type': 'python', 'longRunning': True, 'commands': []}
    assert [set(row) for row in configuration['configuration']] == [{*rows['limit']} - {'hasvalue', 'value'}] * len(rows)


def test_an_instance_that_is_deleted_is_disabled_and_gone_but_the_first(echo: LocalXsoar) -> None:
    other = ask(echo, 'PUT', 'settings/integration', {'name': 'other', 'brand': 'Echo', 'enabled': 'false'})['id']
    for number in ('instance-1', other):
        assert ask(echo, 'DELETE', f'settings/integration/{number}') == {}
    assert [each['id'] for each in ask(echo, 'POST', 'settings/integration/search')['instances']] == ['instance-1']
    assert (echo.state()['enabled'], echo.state()['pid']) == (False, None)
    echo.control('POST', 'instance/enable')
    wait_for(lambda: requests.post(echo.webhook_url, data='[]').ok)


def test_values_of_another_instance_are_not_saved(echo: LocalXsoar) -> None:
    other = {'name': 'other', 'data': [{'name': 'greeting', 'value': 'bye'}], 'enabled': 'true'}
    answer = requests.put(f'{echo.url}/settings/integration', json=other)
    assert answer.status_code == 400 and "There is no instance 'other', and no integration ''" in answer.json()['error']


def given(echo: LocalXsoar) -> Any:
    """Return the parameters that the script has once it receives requests."""
    wait_for(lambda: requests.post(echo.webhook_url, data='[]').ok)
    return requests.post(f'{echo.webhook_url}/params').json()


def test_a_saved_form_sets_what_it_has_and_keeps_a_secret_that_it_leaves_empty(echo: LocalXsoar) -> None:
    data = [{'name': 'secret', 'type': 4, 'value': ''}, {'name': 'limit', 'type': 1, 'value': ''},
            {'name': 'account', 'type': 9, 'value': {'identifier': 'lee', 'password': ''}},
            {'name': 'longRunning', 'type': 8, 'hidden': True, 'value': False}, {'name': 'greeting', 'type': 0, 'value': None}]
    ask(echo, 'PUT', 'settings/integration', {'name': 'echo', 'data': data, 'enabled': True})
    params = given(echo)
    assert (params['secret'], params['limit'], params['greeting']) == ('h4sh-hush', '', 'hello')
    assert (params['account']['identifier'], params['account']['password']) == ('kim', 'hush')
    before = [{'name': 'limit', 'type': 1, 'value': '5'}]
    assert ask(echo, 'PUT', 'settings/integration', {'name': 'echo', 'data': before, 'enabled': True})['enabled'] == 'true'


def test_a_command_gets_its_arguments_and_its_outputs_stay_until_the_context_is_deleted(xsoar: LocalXsoar) -> None:
    run(xsoar, '!DeleteContext all=yes')
    [first] = run(xsoar, '!hello-say name="the World" greeting=Hi using=commands debug-mode=true')
    [failed] = run(xsoar, '!hello-fail')
    number = int(first['id'].partition('@')[0])
    greeting = first.pop('contents')  # its word depends on what was uploaded
    assert re.fullmatch(r'### Greeting\n\|name\|text\|\n\|---\|---\|\n\|the World\|\w+ the World\|\n', greeting)
    assert first == {'id': f'{number}@playground', 'investigationId': 'playground', 'type': 1, 'format': 'json', 'user': 'admin',
                     'parentContent': '!hello-say name="the World" greeting=Hi using=commands debug-mode=true'}
    assert (failed['id'], failed['type'], failed['contents']) == (
        f'{number + 1}@playground', 4, 'Failed to run hello-fail: This one fails.')
    context = {'Hello': {'Greeting': {'name': 'the World', 'text': 'Hi the World'}}}
    assert ask(xsoar, 'POST', 'investigation/playground/context') == context
    [entry] = run(xsoar, '!hello-entry')
    assert (entry['contents'], entry['type'], entry['format']) == ('{\n  "a": 1\n}', 1, 'json')
    run(xsoar, '!hello-server')
    assert set(ask(xsoar, 'POST', 'investigation/playground/context')) == {'Hello', 'Server'}
    assert [entry['contents'] for entry in run(xsoar, '!DeleteContext all=yes')] == ['Context deleted']
    assert ask(xsoar, 'POST', 'investigation/playground/context') == {}


def test_a_command_is_read_with_its_arguments() -> None:
    line = '!say name="a b" other=c=d empty= using=x debug-mode=true raw-response=false'
    assert parse_command(line) == ('say', {'name': 'a b', 'other': 'c=d', 'empty': '', 'using': 'x', 'debug-mode': 'true',
                                           'raw-response': 'false'})
    assert parse_command('!url "https://a.example/?b=c" d=e') == ('url', {'': 'https://a.example/?b=c', 'd': 'e'})


def test_an_incident_of_the_api_has_what_was_sent_and_is_found(xsoar: LocalXsoar) -> None:
    made = ask(xsoar, 'POST', 'incident', {'name': 'by hand', 'severity': 2, 'type': None})
    assert (made['name'], made['severity'], made['type'], made['sourceBrand']) == ('by hand', 2, 'Unclassified', 'Manual')
    assert xsoar.sent()[-1] == {'name': 'by hand', 'severity': 2}
    assert xsoar.wait_for_line(rf'incident {made["id"]} medium  by hand$')
    ask(xsoar, 'POST', 'incident', {'name': 'another'})
    found = ask(xsoar, 'POST', 'incidents/search', {'filter': {'name': ['by hand']}})
    assert (found['total'], [incident['id'] for incident in found['data']]) == (1, [made['id']])
    assert ask(xsoar, 'POST', 'incidents/search')['total'] == len(xsoar.sent())


def test_an_integration_that_is_uploaded_alone_replaces_the_other_in_its_pack(echo: LocalXsoar, echo_pack: Path) -> None:
    folder = echo_pack / 'Integrations/Echo'
    content = yaml.safe_load((folder / 'Echo.yml').read_text())
    content['script']['script'] = (folder / 'Echo.py').read_text().replace("'from a child'", "'uploaded'")
    first = echo.state()['pid']
    for display in ('Uploaded', content['display']):
        files = {'file': ('Echo.yml', yaml.safe_dump({**content, 'display': display}))}
        answer = requests.post(f'{echo.url}/settings/integration-conf/upload', files=files)
        assert (answer.status_code, answer.json()['display']) == (200, display)
        assert echo.wait_for_line(r'upload  Echo 2\.3\.4: the container restarts$')
        assert wait_for(lambda: echo.state()['pid']) != first and echo.state()['restarts'] == 0
    answer = requests.post(f'{echo.url}/settings/integration-conf/upload', files={'other': ('Echo.yml', 'a: 1')})
    assert answer.status_code == 400 and 'no part with the name file' in answer.json()['error']


def test_the_instance_is_disabled_configured_and_tested_by_the_api(echo: LocalXsoar) -> None:
    instance = ask(echo, 'POST', 'settings/integration/search')['instances'][0]
    bad = {**instance, 'data': [{'name': 'greeting', 'value': 'bad'}]}
    assert ask(echo, 'POST', 'settings/integration/test', bad) == {'success': False, 'message': 'Greeting bad is not polite.'}
    assert ask(echo, 'POST', 'settings/integration/test', instance)['success'] is True
    ask(echo, 'PUT', 'settings/integration', {**instance, 'enabled': 'false'})
    [disabled] = ask(echo, 'POST', 'settings/integration/search')['instances']
    assert (echo.state()['pid'], disabled['enabled']) == (None, 'false')
    assert ask(echo, 'GET', 'health/containers')['running'] == 0
    ask(echo, 'PUT', 'settings/integration', instance)
    assert given(echo)['secret'] == 'h4sh-hush'


@pytest.mark.parametrize('line, words', [
    ('hello', 'runs commands in the form !command'), ('!hello "', 'is not a command'),
    ('!nothing', 'has the command nothing. The commands: hello-say')])
def test_a_line_that_is_not_a_command_is_reported(xsoar: LocalXsoar, line: str, words: str) -> None:
    assert words in requests.post(f'{xsoar.url}/entry/execute/sync', json={'data': line}).text
