"""What observes a script in its container: coverage of its own files, and recordings of its HTTP, which are replayed offline."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from local_xsoar import Answering, served
from written_packs import write_integration

from localxsoar.containers import recording
from localxsoar.containers.container import Runtime
from localxsoar.containers.instruments import Instruments
from localxsoar.errors import CommandFailed
from localxsoar.packs.pack import Unified
from localxsoar.pytest_plugin import coverage_of_containers
from localxsoar.server.instance import Instance

pytestmark = pytest.mark.sockets

SCRIPT = '''

def never():
    return 1


key, url = demisto.params()['apikey'], demisto.params()['url']
client = BaseClient(url, headers={'Authorization': f'Bearer {key}'})
return_results({'found': client._http_request('GET', demisto.args()['path'], params={'key': key})})
'''


class Remote(Answering):
    """A product that tells what it was asked, secrets included."""

    def do_GET(self) -> None:
        body = json.dumps({'path': self.path, 'header': self.headers['Authorization'], 'refresh_token': 'r3fr3sh'}).encode()
        self.answer(200, body, **{'Set-Cookie': 'session=abc'})


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_integration(tmp_path / 'Http', 'Http', SCRIPT, [{'name': 'url', 'type': 0}, {'name': 'apikey', 'type': 4}],
                             commands=[{'name': 'ask', 'arguments': [{'name': 'path'}]}])


def test_http_is_recorded_without_secrets_and_replayed_offline_and_an_unknown_request_fails(
        pack: Path, tmp_path: Path, instance_of: Callable[..., Instance]) -> None:
    pytest.importorskip('vcr')
    runtime, cassette = Runtime(), tmp_path / 'cassettes/first'
    with served(Remote) as remote:
        instance = instance_of(pack, {'url': remote, 'apikey': 'hush hush/1'}, runtime)
        instance.keep_secrets()
        assert not runtime.instruments.record(cassette), 'as where vcrpy was missing: the folder is made and stays empty'
        assert runtime.instruments.record(cassette) is False
        [asked] = instance.run('ask', {'path': '/a'})
        instance.run('ask', {'path': '/b'})
        runtime.address.url = f'{remote}/own'  # what a script asks of the server itself
        instance.run('ask', {'path': '/own'})
    assert json.loads(asked['Contents'])['found']['header'] == 'Bearer hush hush/1'
    assert sorted(file.name for file in cassette.iterdir()) == ['ask-1.yaml', 'ask-2.yaml']
    kept = ''.join(file.read_text() for file in cassette.iterdir())
    assert 'hush' not in kept and 'r3fr3sh' not in kept and 'abc' not in kept and '/a?key=***' in kept and '/own' not in kept
    assert recording.Masks(['hush hush']).body('text: hush hush') == 'text: ***'
    # The remote has gone: what is known comes from the cassette, whatever the key is by now.
    assert runtime.instruments.record(cassette) is True
    instance.reconfigure({'apikey': 'other key'})
    [replayed] = instance.run('ask', {'path': '/a'})
    assert json.loads(replayed['Contents'])['found']['path'] == '/a?key=***'
    with pytest.raises(CommandFailed, match='/other'):
        instance.run('ask', {'path': '/other'})


def test_a_traceback_of_a_recording_that_cannot_start_shows_no_secret(tmp_path: Path) -> None:
    instruments = Instruments()
    instruments.record(tmp_path / 'new')
    script = instruments.prepare(Unified('pass\n', ((1, 'A.py'),)), 'ask', ['h4sh-hush'], '')
    number = next(n for n, line in enumerate(script.text.split('\n'), 1) if '.start(' in line)
    shown = script.locate(f'  File "<string>", line {number}, in <module>\nModuleNotFoundError')
    assert 'h4sh-hush' in script.text and '.start(' in shown and 'h4sh-hush' not in shown


def test_coverage_names_the_lines_of_the_scripts_own_file(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                          instance_of: Callable[..., Instance]) -> None:
    coverage = pytest.importorskip('coverage')
    assert coverage_of_containers() == {} or coverage.Coverage.current()
    measuring = coverage.Coverage(data_file=str(tmp_path / '.coverage'), source=[str(pack)], config_file=False, messages=False)
    measuring.start()
    try:
        [options] = coverage_of_containers().values()
    finally:
        measuring.stop()
    instance = instance_of(pack, {'url': 'http://127.0.0.1:1', 'apikey': 'k'}, replace(
        Runtime(), instruments=Instruments(coverage=json.loads(options))))
    with pytest.raises(CommandFailed, match='Connection Error'):
        instance.run('ask', {'path': '/a'})
    measuring.combine()
    _, lines, _, missed, _ = measuring.analysis2(str(pack / 'Http.py'))
    assert (lines, missed) == ([1, 2, 5, 6, 9, 10, 11], [6])
