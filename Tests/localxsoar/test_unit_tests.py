"""The unit tests of a pack, run by one command."""

import sys
from pathlib import Path

import pytest
from local_xsoar import run_local_xsoar

pytestmark = pytest.mark.sockets

SCRIPT = '''import demistomock as demisto
from CommonServerPython import *
from AcmeApiModule import *


def main():
    return_results(CommandResults(readable_output=greet(demisto.args()['name'])))


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
'''
TEST = '''import demistomock as demisto
import pytest
import Hello


def test_hello(monkeypatch, capsys):
    said = []
    monkeypatch.setattr(demisto, 'args', lambda: {'name': open('test_data/name.txt').read()})
    monkeypatch.setattr(demisto, 'results', said.append)
    Hello.main()
    assert said[0]['HumanReadable'] == 'Hello you'


def test_the_mock_has_what_a_server_without_data_returns(capsys):
    assert demisto.params() == {} and demisto.getLastRun() == demisto.context() == {} and demisto.command() == ''
    assert demisto.incidents()[0]['id'] == '1' and demisto.get({'a': {'b': 1}}, 'a.b') == 1
    demisto.setIntegrationContext({'a': 1})
    assert demisto.getIntegrationContext() == {'a': 1} == demisto.getIntegrationContextVersioned()['context']
    demisto.debug('a line'), demisto.results({'a': 1})
    assert capsys.readouterr().out == '{\\n  "a": 1\\n}\\n'
'''


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    for file, text in (('ApiModules/Scripts/AcmeApiModule/AcmeApiModule.py', "def greet(name):\n    return f'Hello {name}'\n"),
                       ('Hello/Scripts/Hello/Hello.py', SCRIPT), ('Hello/Scripts/Hello/Hello_test.py', TEST),
                       ('Hello/Scripts/Hello/test_data/name.txt', 'you'), ('Hello/Scripts/Nothing/Nothing_test.py', '')):
        path = tmp_path / 'Packs' / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / 'Packs/Hello'


def test_the_unit_tests_of_a_pack_run_by_one_command(pack: Path) -> None:
    ended = run_local_xsoar(str(pack), '--unit-tests', python=sys.executable)
    assert ended.returncode == 0 and '2 passed' in ended.stdout, ended.stdout + ended.stderr
    (pack / 'Scripts/Hello/test_data/name.txt').write_text('me')
    ended = run_local_xsoar(str(pack), '--unit-tests', python=sys.executable)
    assert ended.returncode == 1 and '1 failed, 1 passed' in ended.stdout


def test_a_pack_without_unit_tests_says_so(tmp_path: Path) -> None:
    ended = run_local_xsoar(str(tmp_path), '--unit-tests')
    assert (ended.returncode, ended.stderr) == (2, f'localxsoar: {tmp_path}: there are no files *_test.py.\n')
