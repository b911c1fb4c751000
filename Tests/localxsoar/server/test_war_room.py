"""The War Room: files that commands return, and commands as people type them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from facts import fact
from local_xsoar import LocalXsoar, ask, context_of, in_war_room, official_client, run_local_xsoar
from written_packs import write_integration

from localxsoar.incidents.context import NotUnderstood, add_outputs
from localxsoar.terminal.printer import Printer
from localxsoar.incidents.store import Store
from localxsoar.server.war_room import WarRoom

pytestmark = pytest.mark.sockets


@pytest.mark.parametrize('condition', ['val.id.toLowerCase() == obj.id', 'f(val)', 'val.id ==', 'val.id > obj.id', '', '(val.id'])
def test_a_condition_that_is_not_understood_changes_nothing(condition: str) -> None:
    context = {'A': {'id': 1}}
    with pytest.raises(NotUnderstood):
        add_outputs(context, f'A({condition})', {'id': 2})
    printed: list[str] = []
    room = WarRoom(Store(), Printer('error', printed.append))
    room.add({'Type': 1, 'Contents': '', 'EntryContext': {f'A({condition})': 1, 'B': 2}})
    assert (context, room.context(), len(printed)) == ({'A': {'id': 1}}, {'B': 2}, 1)


def test_an_indicator_has_the_worst_score_that_any_vendor_gave_and_all_its_incidents() -> None:
    store = Store()
    for number, (vendor, score) in enumerate((('A', 2), ('B', 3), ('C', 1))):
        outputs = {'DBotScore': {'Indicator': 'a.example', 'Type': 'domain', 'Vendor': vendor, 'Score': score}}
        WarRoom(store, Printer('error'), str(number)).add({'Type': 1, 'Contents': '', 'EntryContext': outputs})
    [found] = store.search_indicators({'value': 'a.example'})['iocs']
    assert (found['score'], found['indicator_type'], found['investigationIDs']) == (3, 'Domain', ['0', '1', '2'])


def test_a_file_is_in_the_context_by_its_type_and_an_entry_is_shown_in_its_format() -> None:
    store = Store()
    room = WarRoom(store, Printer('error'))
    store.keep_file('f', 'a.txt', b'a')
    for kind in (1, 3, 9):
        room.add({'Type': kind, 'Contents': '', 'File': 'a.txt', 'FileID': 'f'})
    files = {name: file['EntryID'] for name, file in room.context().items()}
    assert files == {'File': '2@playground', 'InfoFile': '3@playground'}
    marked = {'Contents': 'a', 'HumanReadable': '**a**', 'ContentsFormat': 'markdown', 'Type': 4}
    shown = [room.shown('1', entry) for entry in ('a', marked)]
    assert [(each['contents'], each['format'], each['type']) for each in shown] == [('a', 'text', 1), ('**a**', 'markdown', 4)]


# A pack with commands of its own.

SCRIPT = '''
command, args = demisto.command(), demisto.args()
if command == 'ip':
    outputs = {'Address': args['ip'], args['key']: args.get('value') or 'none'}
    return_results(CommandResults(outputs_prefix='IP', outputs_key_field='Address', outputs=outputs, readable_output='found'))
elif command == 'seen':
    demisto.results(json.dumps(demisto.context()))
elif command == 'where':
    demisto.results([demisto.investigation()['id'], json.dumps([incident['name'] for incident in demisto.get_incidents()])])
elif command == 'save':
    with open(demisto.investigation()['id'] + '_abc-1', 'w') as file:
        file.write('content')
    demisto.results({'Type': 3, 'File': 'a report.txt', 'FileID': 'abc-1', 'Contents': '', 'ContentsFormat': 'text'})
elif command == 'load':
    file = demisto.getFilePath(args['id'])
    demisto.results(file['name'] + ': ' + open(file['path']).read())
elif command == 'folder':
    import os
    demisto.results(os.getcwd())
elif command == 'partly':
    demisto.results('first')
    demisto.results({'Type': 1, 'ContentsFormat': 'text', 'Contents': 'second', 'EntryContext': {'Part': 2}})
    return_error('and then an error')
'''
COMMANDS = [{'name': 'ip', 'arguments': [{'name': 'ip', 'default': True, 'required': True}, {'name': 'key', 'defaultValue': 'k'},
                                         {'name': 'value'}]},
            {'name': 'load', 'arguments': [{'name': 'id'}]},
            *({'name': name} for name in ('seen', 'where', 'save', 'folder', 'partly'))]


@pytest.fixture(scope='module')
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_integration(tmp_path_factory.mktemp('Room'), 'Room', SCRIPT, commands=COMMANDS)


@pytest.fixture(scope='module')
def room(pack: Path) -> Iterator[LocalXsoar]:
    with LocalXsoar(pack=pack) as running:
        yield running


@fact('documented', 'a value without a name is that of the argument with `default: true`')
def test_a_value_without_a_name_is_that_of_the_default_argument(room: LocalXsoar) -> None:
    in_war_room(room, '!DeleteContext all=yes')
    in_war_room(room, '!ip 1.2.3.4')
    in_war_room(room, '!ip 5.6.7.8')
    in_war_room(room, '!ip 1.2.3.4 key=seen value=twice')
    assert json.loads(in_war_room(room, '!seen')[0]['contents'])['IP'] == [
        {'Address': '1.2.3.4', 'k': 'none', 'seen': 'twice'}, {'Address': '5.6.7.8', 'k': 'none'}]
    [entry] = in_war_room(room, '!load 5')
    assert entry['type'] == 4 and "load has no default argument: give '5' as NAME=5." in entry['contents']
    assert in_war_room(room, '!ip ip=9.9.9.9 1.1.1.1')[0]['type'] == 1
    in_war_room(room, '!DeleteContext key=IP')
    assert context_of(room) == {}


@fact('documented', 'each incident has a context of its own, which `demisto.context()` returns')
def test_each_incident_has_a_context_of_its_own(room: LocalXsoar) -> None:
    number = ask(room, 'incident', {'name': 'mine'})['id']
    in_war_room(room, '!ip 1.2.3.4', number)
    assert context_of(room, number)['IP']['Address'] == '1.2.3.4'
    assert [entry['contents'] for entry in in_war_room(room, '!where', number)] == [number, '["mine"]']
    assert [entry['contents'] for entry in in_war_room(room, '!where')] == ['playground', '[]']
    assert 'There is no incident 99' in in_war_room(room, '!seen', '99')['error']


def test_entries_before_an_error_are_kept(room: LocalXsoar, pack: Path) -> None:
    assert [(entry['type'], entry['contents']) for entry in in_war_room(room, '!partly')] == [
        (1, 'first'), (1, 'second'), (4, 'and then an error')]
    assert context_of(room)['Part'] == 2
    ended = run_local_xsoar(str(pack), '--command', 'partly')
    assert (ended.returncode, ended.stdout) == (1, 'first\nsecond\n{\n  "Part": 2\n}\nand then an error\n')


@fact('seen', "a file is in the working directory under the investigation's id and its own, and its entry's id gets it")
@fact('documented', 'the fields of `File` and `InfoFile` in the context')
def test_a_file_is_downloaded_by_its_entry_and_read_by_other_commands(room: LocalXsoar) -> None:
    [entry] = in_war_room(room, '!save')
    assert (entry['file'], entry['type']) == ('a report.txt', 3)
    response = requests.get(f'{room.url}/entry/download/{entry["id"]}')
    assert response.text == 'content' and 'a%20report.txt' in response.headers['Content-Disposition']
    downloaded = Path(official_client(room).download_file(entry['id']))
    assert downloaded.read_text() == 'content'
    downloaded.unlink()
    assert in_war_room(room, f'!load id={entry["id"]}')[0]['contents'] == 'a report.txt: content'
    file = context_of(room)['File']
    assert (file['Name'], file['EntryID'], file['Size'], file['Extension'], file['MD5']) == (
        'a report.txt', entry['id'], 7, 'txt', '9a0364b9e99bb480dd25e1f0284c8555')
    assert requests.get(f'{room.url}/entry/download/1@nothing').status_code == 400


def test_a_commands_folder_is_deleted_with_its_container(room: LocalXsoar) -> None:
    first, second = (in_war_room(room, '!folder')[0]['contents'] for _ in range(2))
    assert first != second and not Path(first).exists() and not Path(second).exists()


@fact('documented', 'an incident that is sent with its id is updated')
def test_an_incident_that_is_sent_with_its_id_is_updated(room: LocalXsoar) -> None:
    number = ask(room, 'incident', {'name': 'old', 'severity': 1, 'CustomFields': {'a': 1}})['id']
    updated = ask(room, 'incident', {'id': number, 'severity': 3, 'CustomFields': {'b': 2}})
    assert (updated['id'], updated['name'], updated['severity'], updated['CustomFields']) == (number, 'old', 3, {'a': 1, 'b': 2})
    assert 'There is no incident 99' in ask(room, 'incident', {'id': '99', 'name': 'x'})['error']


def test_a_context_is_kept_in_the_store_from_one_command_to_the_next(pack: Path, tmp_path: Path) -> None:
    arguments = [str(pack), '--store', str(tmp_path / 'store')]
    run_local_xsoar(*arguments, '--command', 'ip', '--arg', 'ip=1.2.3.4')
    ended = run_local_xsoar(*arguments, '--command', 'seen')
    assert json.loads(ended.stdout) == {'IP': {'Address': '1.2.3.4', 'k': 'none'}}
