"""The routes of the page's commands: what the pack offers, what a run returns, and what is masked in it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from local_xsoar import LocalXsoar

from localxsoar.server.instance import Instance
from localxsoar.web.commands import describe_command, describe_instance
from localxsoar.webhooks.readable import SHOWN_BYTES

pytestmark = pytest.mark.sockets

KEY = 'h4sh-hush-key'


@pytest.fixture(scope='module')
def xsoar(echo_pack: Path) -> Iterator[LocalXsoar]:
    with LocalXsoar('--instance', 'left', '--set', f'apikey={KEY}', '--instance', 'right', pack=echo_pack.with_name('Commands')
                    ) as running:
        yield running


def act(xsoar: LocalXsoar, action: str, instance: str = 'left', **wanted: Any) -> Any:
    return xsoar.control('POST', f'commands/{action}', {'instance': instance, **wanted})


def run(xsoar: LocalXsoar, command: str, **wanted: Any) -> Any:
    return xsoar.control('POST', 'commands', {'instance': 'left', 'command': command, 'incident': 'playground', **wanted})


def test_a_command_is_described_with_what_its_form_needs() -> None:
    row = {'name': 'do', 'execution': True, 'arguments': []}
    arguments = [{'name': 'a', 'required': True, 'defaultValue': 5, 'predefined': ['x', 1], 'secret': True},
                 {'name': 'b', 'hidden': True}]
    assert describe_command(row, arguments) == {
        'name': 'do', 'description': '', 'deprecated': False, 'dangerous': True, 'arguments': [
            {'name': 'a', 'description': '', 'required': True, 'value': '5', 'isArray': False, 'options': ['x', '1'],
             'secret': True, 'deprecated': False}]}


def test_a_command_that_the_descriptor_hides_is_not_offered(instance_of: Callable[..., Instance], echo_pack: Path) -> None:
    instance = instance_of(echo_pack.with_name('Commands'))
    first, second, *_ = instance.integration.descriptor['script']['commands']
    first['hidden'] = True
    assert describe_instance(instance)['commands'][0]['name'] == second['name']


def test_the_instances_are_listed_with_their_commands(xsoar: LocalXsoar) -> None:
    listed = xsoar.control('GET', 'commands')
    assert [(each['name'], each['integration'], each['hasPort'], each['fetches']) for each in listed['instances']] == [
        ('left', 'Commands', False, True), ('right', 'Commands', False, True)]
    assert [each['name'] for each in listed['instances'][1]['commands']][:2] == ['hello-say', 'hello-read']
    assert listed['scripts'] == []


def test_a_run_returns_its_entries_and_what_is_kept_after_it_as_exact_text(xsoar: LocalXsoar) -> None:
    ran = run(xsoar, 'hello-show', args={'text': '**a**'})
    [entry] = ran['entries']
    assert (entry['type'], entry['format'], entry['markdown']['text'], entry['file']) == (1, 'json', '**a**', None)
    assert '"big": 12345678901234567890' in entry['outputs']['text'] and entry['id'].endswith('@playground')
    kept = {each['name']: each['text'] for each in ran['kept']}
    assert '"text": "**a**"' in kept['Context data'] and kept['Integration context'] == ''
    [long] = run(xsoar, 'hello-show', args={'text': 'x' * SHOWN_BYTES})['entries']
    assert (long['markdown']['cut'], long['outputs']['cut']) == (False, True)
    [failed] = run(xsoar, 'hello-fail')['entries']
    assert (failed['type'], failed['contents']['text']) == (4, 'left: Failed to run hello-fail: This one fails.')
    errors = {name: run(xsoar, name)['entries'][0]['canBeTraced'] for name in ('hello-fail', 'hello-trace', 'hello-say')}
    [traced] = run(xsoar, 'hello-fail', args={'debug-mode': 'true'})['entries']
    assert traced['canBeTraced'] is False, 'it has its traceback already'
    assert errors == {'hello-fail': True, 'hello-trace': False, 'hello-say': False}


def test_the_secret_arguments_of_earlier_runs_stay_masked(xsoar: LocalXsoar) -> None:
    for password in ('first-secret', 'second-secret'):
        run(xsoar, 'hello-hide', args={'password': password})
    shown = str(xsoar.control('GET', 'log'))
    assert 'hidden: ' in shown and '-secret' not in shown


def test_an_instance_is_tested_and_fetches_for_itself(xsoar: LocalXsoar) -> None:
    assert [entry['contents']['text'] for entry in act(xsoar, 'test', 'right')['entries']] == ['ok']
    assert [entry['contents']['text'] for entry in act(xsoar, 'fetch', 'right')['entries']] == ['fetch-incidents: 1 new']
    kept = {name: xsoar.control('GET', f'commands/kept?instance={name}')[0]['text'] for name in ('left', 'right')}
    assert kept == {'left': '', 'right': '{\n  "number": 1\n}'}
    assert xsoar.incidents(sourceInstance=['right'])
    assert [each['name'] for each in xsoar.control('POST', 'samples?instance=right')] == ['ordinary 2']


def test_a_file_is_downloaded_as_bytes_under_its_name(xsoar: LocalXsoar) -> None:
    [entry] = run(xsoar, 'hello-file', args={'text': 'a\r\nb'})['entries']
    assert (entry['file']['name'], entry['file']['size']) == ('grüße <b>.txt', 4)
    url = f'{xsoar.url}/localxsoar/commands/files'
    response = requests.get(f'{url}/{entry["file"]["id"]}')
    assert response.content == b'a\r\nb' and response.headers['Content-Type'] == 'application/octet-stream'
    assert response.headers['Content-Disposition'] == "attachment; filename*=UTF-8''gr%C3%BC%C3%9Fe%20%3Cb%3E.txt"
    assert "default-src 'none'" in response.headers['Content-Security-Policy']
    assert requests.get(f'{url}/nothing').status_code == 404


@pytest.mark.parametrize(('path', 'body', 'words'), [
    ('commands', {'instance': 'other', 'command': 'x', 'incident': 'playground'}, "There is no instance 'other'"),
    ('commands/test', {}, 'The request is malformed'),
    ('commands', {'instance': 'left', 'command': 'hello-say', 'incident': '9999'}, 'There is no incident 9999'),
    ('instance/test?instance=other', {}, "There is no instance 'other'")])
def test_a_wrong_request_is_rejected_with_the_reason(xsoar: LocalXsoar, path: str, body: Any, words: str) -> None:
    response = requests.post(f'{xsoar.url}/localxsoar/{path}', json=body)
    assert response.status_code == 400 and words in response.json()['error']


def test_the_page_shows_the_chosen_instance_or_the_first(xsoar: LocalXsoar) -> None:
    for query, name in (('', 'left'), ('?instance=right', 'right'), ('?instance=removed', 'left')):
        described = xsoar.control('GET', f'instance{query}')
        assert (described['instance'], described['longRunning'], described['enabled']) == (name, False, True)
    assert xsoar.control('POST', 'instance/disable?instance=right', {})['enabled'] is False
    assert xsoar.control('GET', 'instance')['enabled'] is True
    assert xsoar.control('POST', 'instance/enable?instance=right', {})['enabled'] is True
    fetched = xsoar.control('POST', 'instance/fetch?instance=right', {})
    assert (fetched['fetches'], fetched['fetch']['pulled']) == (True, 1)
