"""The pytest plugin: what a test of an integration does with the local XSOAR."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from facts import fact
from local_xsoar import LocalXsoar

from localxsoar import pytest_plugin
from localxsoar.pytest_plugin import CommandError

pytestmark = pytest.mark.sockets

PACKS = Path(__file__).parent / 'sample_packs'


@pytest.fixture(scope='module')
def commands(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalXsoar]:
    """A local XSOAR with commands and, as a second instance, a webhook."""
    pack = tmp_path_factory.mktemp('Pack')
    for name in ('Commands', 'GeventHttp'):
        shutil.copytree(PACKS / name / 'Integrations' / name, pack / 'Integrations' / name)
    with LocalXsoar('--integration', 'Commands', '--integration', 'GeventHttp', pack=pack) as running:
        yield running


def test_a_command_returns_its_entries(commands: LocalXsoar) -> None:
    [entry] = commands.command('hello-say', name='you')
    assert entry['EntryContext'] == {'Hello.Greeting(val.name && val.name == obj.name)': {'name': 'you', 'text': 'Hello you'}}
    assert commands.run('hello-say', {'name': 'you'}, greeting='Hi')[0]['Contents']['text'] == 'Hi you'


@fact('seen', 'in debug mode `return_error` adds the traceback of the exception that it handles')
def test_a_command_that_fails_raises_its_error_in_debug_mode_with_the_traceback(commands: LocalXsoar) -> None:
    with pytest.raises(CommandError, match=r'^Failed to run hello-fail: This one fails\.\n\nTraceback .*\n.*Commands\.py", line'):
        commands.command('hello-fail', {'debug-mode': 'true'})
    with pytest.raises(CommandError, match='has the command hello-nothing'):
        commands.command('hello-nothing')


def test_the_file_of_an_entry_is_read(commands: LocalXsoar) -> None:
    [entry] = commands.command('hello-file', text='a\r\nb')
    assert (entry['File'], commands.file(entry)) == ('grüße <b>.txt', b'a\r\nb')


def test_parameters_have_the_shape_that_the_script_gets() -> None:
    params = {'login': {'identifier': '', 'password': "a'b"}, 'some': ['a', 'b'], 'on': True, 'text': 'x=y', 'none': None}
    assert LocalXsoar(pack='x', params=params).argv[-10:] == [
        '--set', "login=:a'b", '--set', 'some=a,b', '--set', 'on=true', '--set', 'text=x=y', '--set', 'none=']


def test_the_test_button_says_ok_or_raises(commands: LocalXsoar) -> None:
    assert commands.test() == 'ok'
    with pytest.raises(CommandError, match=r'^Failed to run test-module: \[401\] Unauthorized\n\{"error": "bad key"\}$'):
        commands.test(apikey='wrong')
    with pytest.raises(CommandError, match='has no parameter nothing'):
        commands.test(nothing='x')


def test_a_fetch_returns_the_incidents_that_it_created_and_they_are_found(commands: LocalXsoar) -> None:
    first, second = commands.fetch(), commands.fetch()
    assert [incident['name'] for incident in (*first, *second)] == ['ordinary 1', 'ordinary 2']
    assert len(commands.incidents(size=1)) == 1
    found = commands.incidents(name=['ordinary 2'])
    assert [(incident['id'], incident['rawJSON']) for incident in found] == [(second[0]['id'], '{"number": 2}')]


def test_a_post_returns_the_response_whatever_its_status(commands: LocalXsoar) -> None:
    response = commands.post({'a': 1}, headers={'X': 'y'})
    assert (response.status, response.json()[0]['name']) == (200, 'by gevent')
    assert commands.sent()[-1]['rawJSON'] == '{"a": 1}'
    assert (commands.post('text', path='/path').status, commands.sent()[-1]['rawJSON']) == (200, 'text')
    commands.control('POST', 'instance/disable?instance=geventhttp')
    assert commands.post(b'bytes').status == 503


def test_a_folder_of_cassettes_is_one_of_the_test_and_a_server_that_hangs_is_killed(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with LocalXsoar(pack=PACKS / 'Commands') as xsoar:
        monkeypatch.chdir(tmp_path)
        assert xsoar.record('cassettes') is False and (tmp_path / 'cassettes').is_dir()
        monkeypatch.setattr(pytest_plugin, 'PATIENCE_SECONDS', 0.1)
        xsoar.process.send_signal(signal.SIGSTOP)
    assert xsoar.exit_code == -signal.SIGKILL


def test_a_server_that_ends_while_a_test_waits_for_it_is_reported_at_once() -> None:
    with pytest.raises(AssertionError, match='the process has ended'):
        LocalXsoar(pack='nowhere').start()


def test_reading_incidents_takes_no_package_but_the_standard_library() -> None:
    code = 'import sys; sys.modules["demisto_client"] = None; import localxsoar.pytest_plugin'
    subprocess.run([sys.executable, '-c', code], check=True)
    assert 'demisto_client' not in Path(PACKS.parents[2], 'localxsoar/pytest_plugin.py').read_text()
