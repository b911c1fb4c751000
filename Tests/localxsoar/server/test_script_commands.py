"""Scripts of a pack: run by themselves, as a pre-process rule, and what they call on the server."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from facts import fact
from local_xsoar import LocalXsoar, run_local_xsoar
from written_packs import write_script

from localxsoar.containers.container import Runtime
from localxsoar.errors import CommandFailed, UsageError
from localxsoar.containers.faults import Faults
from localxsoar.terminal.printer import Printer
from localxsoar.packs.pack import load_integration
from localxsoar.containers.ports import any_free_port
from localxsoar.packs.scripts import load_scripts
from localxsoar.server import server as server_module
from localxsoar.server.server import Server
from localxsoar.incidents.store import Store

pytestmark = pytest.mark.sockets

# Joins an incident to the one with the same problem key that is open, and drops it.
JOIN = '''
incoming = demisto.incident()
key = incoming.get('dbotMirrorId')
found = demisto.executeCommand('getIncidents', {'query': f'-status:closed and dbotMirrorId:"{key}"'})[0]['Contents']['data']
if key and found:
    number = found[0]['id']
    demisto.executeCommand('addEntries', {'id': number, 'entries': json.dumps([{'Contents': incoming['name']}])})
    if incoming['name'] != 'note':
        demisto.executeCommand('setIncident', {'id': number, 'severity': 'high', 'joined': 1})
    if incoming['name'] == 'recovery':
        demisto.executeCommand('setIncident', {'id': number, 'labels': [{'type': 'state', 'value': 'resolved'}]})
        demisto.executeCommand('closeInvestigation', {'id': number, 'closeReason': 'Resolved', 'closeNotes': 'It is over.'})
demisto.results(not (key and found))
'''


@pytest.fixture
def pack(tmp_path: Path, echo_pack: Path) -> Path:
    shutil.copytree(echo_pack, tmp_path / 'Pack')
    return tmp_path / 'Pack'


@pytest.fixture
def server(pack: Path, printed: list[str], echo_pack: Path) -> Server:
    """A server with the pack's scripts and an instance of an integration with commands."""
    made = Server(load_scripts(pack), Runtime(), Store(), Faults(), Printer('debug', printed.append))
    made.add('ordinary', load_integration(echo_pack.parent / 'Commands'), {}, any_free_port)
    return made


def logged(server: Server, pack: Path, text: str, incident: str = 'playground', **args: Any) -> Any:
    """Run a script of this text, and return its only result, read from JSON."""
    write_script(pack, 'Ask', text)
    server.scripts = load_scripts(pack)
    [entry] = server.run('Ask', args, incident)
    return json.loads(entry['Contents'])


def test_a_script_of_the_pack_runs_with_its_arguments_and_defaults(pack: Path) -> None:
    write_script(pack, 'Greet', "return_results(f'{demisto.args()} {demisto.incident()[\"id\"]}')",
                 args=[{'name': 'who', 'required': True}, {'name': 'how', 'defaultValue': 'hello'}])
    ended = run_local_xsoar(str(pack), '--command', 'Greet', '--arg', 'who=you')
    assert (ended.returncode, ended.stdout) == (0, "{'how': 'hello', 'who': 'you'} playground\n")
    refused = run_local_xsoar(str(pack), '--command', 'Greet')
    assert (refused.returncode, refused.stdout.strip()) == (1, 'Greet needs who.')


def test_an_argument_is_read_from_a_file_and_a_polling_command_runs_until_it_is_done(pack: Path, tmp_path: Path) -> None:
    write_script(pack, 'Poll', (
        "left = demisto.args()['left']['n']\n"
        "pause = demisto.args()['left'].get('pause', 0)\n"
        "again = ScheduledCommand('Poll', pause, {'left': {'n': left - 1}}, 60) if left else None\n"
        "return_results(CommandResults(readable_output=f'{left} left', scheduled_command=again))"))
    (tmp_path / 'left.json').write_text('{"n": 2}')
    ended = run_local_xsoar(str(pack), '--command', 'Poll', '--arg', f'left=@{tmp_path}/left.json')
    assert (ended.returncode, ended.stdout) == (0, '2 left\n1 left\n0 left\n')
    assert "Poll asks to run again in 0 s, with {'left': {'n': 1}}" in ended.stderr
    (tmp_path / 'left.json').write_text('{"n": 1, "pause": 61}')
    ended = run_local_xsoar(str(pack), '--command', 'Poll', '--arg', f'left=@{tmp_path}/left.json')
    assert (ended.returncode, ended.stdout) == (1, '1 left\nPoll was not done within 60 s.\n'), 'a poll too late is not made'
    (tmp_path / 'left.json').write_text('{')
    for name, reason in (('left.json', 'it is not JSON'), ('other.json', 'No such file')):
        refused = run_local_xsoar(str(pack), '--command', 'Poll', '--arg', f'left=@{tmp_path}/{name}')
        assert refused.returncode == 2 and reason in refused.stderr


def test_a_pack_of_scripts_alone_is_served_and_a_script_may_ask_the_server(tmp_path: Path) -> None:
    write_script(tmp_path, 'Ask', "return_results(json.loads(demisto.internalHttpRequest('GET', '/user')['body'])['username'])")
    with LocalXsoar(pack=tmp_path) as served:
        assert [entry['Contents'] for entry in served.command('Ask')] == ['admin']
    once = run_local_xsoar(str(tmp_path), '--command', 'Ask', python=sys.executable)
    assert (once.returncode, once.stdout) == (0, 'admin\n')


@pytest.mark.parametrize('place', ['Integrations/Echo', 'Scripts/Other', 'Scripts/Greet/Greet.yml'])
def test_a_script_is_found_beside_an_integration_or_another_and_by_its_own_path(pack: Path, place: str) -> None:
    for name in ('Greet', 'Other'):
        write_script(pack, name, "return_results('hello')")
    ended = run_local_xsoar(str(pack / place), '--command', 'Greet')
    assert (ended.returncode, ended.stdout) == (0, 'hello\n')


def test_a_scripts_failure_names_its_file_and_line(pack: Path) -> None:
    write_script(pack, 'Fail', "demisto.results('first')\nraise ValueError('no')")
    ended = run_local_xsoar(str(pack), '--command', 'Fail')
    assert ended.returncode == 1
    assert ended.stdout.startswith('first\n') and 'Fail.py", line 4' in ended.stdout and 'ValueError: no' in ended.stdout


def test_return_error_of_a_script_is_an_error_entry(pack: Path) -> None:
    write_script(pack, 'Fail', "return_error('not good')")
    ended = run_local_xsoar(str(pack), '--command', 'Fail')
    assert (ended.returncode, ended.stdout.strip()) == (1, 'not good')


def test_a_script_in_another_language_says_so(pack: Path) -> None:
    write_script(pack, 'Old', '', type='javascript')
    ended = run_local_xsoar(str(pack), '--command', 'Old')
    assert (ended.returncode, ended.stderr) == (
        2, 'localxsoar: Old is a script in javascript: the local XSOAR runs scripts in Python. '
           'Give it a reply in a file of --replies, such as {"Old": "done"}.\n')


@fact('seen', "a script's `demisto` has no `command`: the public `return_error` asks for it first")
def test_a_script_lacks_what_only_integrations_have(server: Server, pack: Path) -> None:
    names = ('command', 'params', 'createIncidents', 'getIntegrationContext', 'getLastRun', 'long_running_heartbeat_thread',
             'getIndexHash', 'executeCommand', 'incidents', 'incident', 'args', 'context', 'setContext', 'getModules', 'dt')
    assert logged(server, pack, f'demisto.results({{name: hasattr(demisto, name) for name in {names}}})') == {
        name: number > 6 for number, name in enumerate(names)}


def test_print_in_a_script_is_logged_without_a_prefix(server: Server, pack: Path, printed: list[str]) -> None:
    logged(server, pack, "print('seen', 1)\ndemisto.results({})")
    assert next(line for line in printed if 'seen' in line).endswith('log print seen 1')


@fact('seen', "a script's `demisto` has `executeCommand`, `incidents()` without an argument, `setContext`, `getModules` and "
      "`getAllSupportedCommands`, and no prefix before `log`")
def test_a_script_runs_in_an_incident(server: Server, pack: Path) -> None:
    server.store.create([{'name': 'one'}, {'name': 'two', 'CustomFields': {'key': 'k'}}], 'i', 'b')
    ask = 'demisto.results({**demisto.incidents()[0], "inv": demisto.investigation()["id"]})'
    found = logged(server, pack, ask, incident='2')
    assert (found['id'], found['name'], found['CustomFields'], found['inv']) == ('2', 'two', {'key': 'k'}, '2')
    with pytest.raises(UsageError, match='There is no incident 3'):
        server.run('Ask', {}, '3')


def test_the_instances_and_their_commands_are_known_to_a_script(server: Server, pack: Path) -> None:
    server.first.integration.descriptor['category'] = 'Utilities'
    modules, commands, *known = logged(
        server, pack, 'demisto.results(json.dumps([demisto.getModules(), demisto.getAllSupportedCommands(),'
                      f'*map(isCommandAvailable, {[*server.first.integration.commands, "none"]})]))')
    assert [modules['ordinary'][key] for key in ('state', 'brand', 'category')] == ['active', 'Commands', 'Utilities']
    assert [row['name'] for row in commands['ordinary']] == list(server.first.integration.commands)
    assert known == [*(True for _ in commands['ordinary']), False]


def call_all(server: Server, pack: Path, *calls: tuple[str, Any], incident: str = 'playground') -> Any:
    """Run a script that executes each command with its arguments, and return the entries of each."""
    text = f'demisto.results(json.dumps([demisto.executeCommand(*call) for call in {calls!r}]))'
    entries = logged(server, pack, text, incident)
    shutil.rmtree(pack / 'Scripts')
    return entries


def call(server: Server, pack: Path, command: str, incident: str = 'playground', **args: Any) -> Any:
    [entries] = call_all(server, pack, (command, args), incident=incident)
    return entries


FOUND: list[tuple[dict[str, Any], list[str] | None]] = [
    ({}, ['1', '2', '3']), ({'id': '1,3'}, ['1', '3']), ({'name': 'b'}, ['2']), ({'status': 'closed'}, None),
    ({'query': 'dbotMirrorId:"k 1"'}, ['1', '3']), ({'query': 'site:a'}, ['2']), ({'query': '-category:job and name:b'}, ['2']),
    ({'size': 1, 'sort': 'id.desc'}, ['3']), ({'query': 'dbotMirrorId:other'}, None)]


@fact('inferred', '`getIncidents` replies with `total` and `data`, which is null if there are none')
def test_incidents_are_found_by_their_own_and_by_custom_fields(server: Server, pack: Path) -> None:
    server.store.create([{'name': 'a', 'dbotMirrorId': 'k 1'}, {'name': 'b', 'CustomFields': {'site': 'A'}},
                         {'name': 'c', 'dbotMirrorId': 'k 1'}], 'i', 'b')
    replies = call_all(server, pack, *(('getIncidents', args) for args, _ in FOUND))
    for (args, ids), [entry] in zip(FOUND, replies, strict=True):
        data = entry['Contents']['data']
        assert (entry['Type'], data and [incident['id'] for incident in data]) == (1, ids), args


@fact('inferred', '`setIncident` sets fields; any other argument, and `customFields` as an object or its JSON, are custom '
      'fields; a script may pass a whole incident')
def test_an_incident_is_changed_by_its_fields_and_custom_fields(server: Server, pack: Path) -> None:
    server.store.create([{'name': 'a', 'rawJSON': '{}', 'CustomFields': {'old': 1}}], 'i', 'b')
    [entry] = call(server, pack, 'setIncident', id='1', name='A', severity='high', customFields='{"site": "x"}', more=2)
    assert (entry['Type'], entry['Contents']) == (1, 'done')
    changed = server.store.get('1')
    assert (changed['name'], changed['severity'], changed['CustomFields']) == ('A', 3, {'old': 1, 'site': 'x', 'more': 2})
    assert changed['modified'] > changed['created']
    assert server.store.sent() == [{'id': '1', 'sent': {'name': 'a', 'rawJSON': '{}', 'CustomFields': {'old': 1}}}]
    assert server.store.search({'query': 'site:x and name:a'})[1] == 1


def test_a_whole_incident_may_be_set_on_another(server: Server, pack: Path) -> None:
    _one, two = server.store.create([{'name': 'a', 'severity': 3, 'owner': 'kim'}, {'name': 'b', 'details': 'd'}], 'i', 'b')
    call(server, pack, 'setIncident', **{**two, 'id': '1'})
    changed = server.store.get('1')
    assert (changed['id'], changed['name'], changed['details'], changed['CustomFields']) == ('1', 'b', 'd', {})
    assert (changed['severity'], changed['owner']) == (0, '')


def test_a_secret_argument_that_comes_again_leaves_those_before_it_masked(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, 'KEPT_SECRETS', 2)
    write_script(pack, 'Hide', '', args=[{'name': 'password', 'secret': True}, {'name': 'needed', 'required': True}])
    server = Server(load_scripts(pack), Runtime(), Store(), Faults(), Printer())
    for password in ('first', 'second', 'second'):
        with pytest.raises(CommandFailed, match='Hide needs needed'):
            server.run('Hide', {'password': password})
    assert server.secrets()[:2] == ['first', 'second']


@fact('inferred', '`closeInvestigation` takes `id`, `closeReason` and `closeNotes`; the status becomes 2')
def test_an_incident_is_closed_with_a_reason(server: Server, pack: Path) -> None:
    server.store.create([{'name': 'a'}], 'i', 'b')
    call(server, pack, 'closeInvestigation', incident='1', closeReason='Resolved', closeNotes='over')
    closed = server.store.get('1')
    assert (closed['status'], closed['closeReason'], closed['closeNotes']) == (2, 'Resolved', 'over') and closed['closed']
    assert server.store.search({'query': '-status:closed'})[1] == 0


@fact('inferred', '`addEntries` takes a list of entries or its JSON; `Contents` alone is enough')
def test_entries_are_added_to_an_incidents_war_room(server: Server, pack: Path) -> None:
    server.store.create([{'name': 'a'}], 'i', 'b')
    *_, read = call_all(server, pack, ('addEntries', {'id': '1', 'entries': '[{"Contents": "as text"}]'}),
                        ('addEntries', {'id': '1', 'entries': [{'Contents': 'as a list'}]}), ('getEntries', {'id': '1'}))
    assert [(entry['id'], entry['contents']) for entry in server.store.entries('1')] == [
        (f'{number}@1', {'Type': 1, 'ContentsFormat': 'text', 'Contents': text})
        for number, text in ((1, 'as text'), (2, 'as a list'))]
    assert [entry['Contents'] for entry in read] == ['as text', 'as a list']


@fact('documented', '`getList` gets `listName` and replies with the text, which `createList` and `setList` replace by `listData`')
@fact('inferred', "the contents for a list that does not exist are `Item not found (8)`")
@fact('inferred', '`findIndicators` replies with a list, `createNewIndicator` with the indicator; other arguments are its fields')
@fact('inferred', '`getUsers` replies with a list, `getUserByUsername` with a user')
@fact('inferred', '`setIndicator` finds by `id` or `value`; `executeCommandAt` takes `command`, `arguments` and `incidents`')
@fact('inferred', '`linkIncidents` takes `incidentId`, `linkedIncidentIDs` and the `action` link, unlink or duplicate')
def test_a_script_uses_lists_indicators_users_links_and_the_context(server: Server, pack: Path, printed: list[str]) -> None:
    server.store.create([{'name': 'a'}, {'name': 'b'}, {'name': 'c'}], 'i', 'b')
    named = {'listName': 'L'}
    rows: list[tuple[str, dict[str, Any], Any]] = [
        ('getList', named, 'Item not found (8)'), ('setList', named, 'Item not found (8)'),
        ('createList', {**named, 'listData': 'x,y'}, 'Done: list L was updated'), ('addToList', {**named, 'listData': 'z'}, ...),
        ('removeFromList', {**named, 'listData': 'y, xz'}, ...), ('getList', named, 'x,z'),
        ('setList', {**named, 'listData': ['q']}, ...), ('getList', named, '["q"]'),
        ('createNewIndicator', {'value': '192.0.2.1', 'type': 'IP', 'reputation': 'Bad', 'site': 's', 'at': '1'}, ...),
        ('findIndicators', {'query': 'site:s verdict:malicious'}, ...), ('findIndicators', {'value': 'other'}, []),
        ('findIndicators', {'fromDate': '1'},
         'findIndicators: the local XSOAR does not know fromDate. It knows value, query, size, page.'),
        ('getUsers', {'onCall': 'true'}, []), ('getUsers', {'roles': 'Administrator'}, ...),
        ('getUserByUsername', {'username': 'kim'}, 'There is no user kim. The local XSOAR has one: admin.'),
        ('getUserByUsername', {'username': 'admin'}, ...),
        ('linkIncidents', {'incidentId': '1', 'linkedIncidentIDs': '2,3'}, ...),
        ('setIndicator', {'value': '192.0.2.1', 'site': 't', 'verdict': 'Good'}, '1 indicators were set'),
        ('setIndicator', {'value': 'other'}, 'There is no indicator other.'),
        ('findIndicators', {'query': 'site:t at:1 reputation:1'}, ...),
        ('executeCommandAt', {'command': 'setOwner', 'incidents': '1,2', 'arguments': {'owner': 'admin'}}, ...),
        ('scheduleEntry', {'command': '!x', 'cron': '* * * * *'}, ...),
        ('Set', {'key': 'K.a', 'value': '{"b": 1}'}, {'K.a': {'b': 1}}),
        ('Set', {'key': 'K.a', 'value': 'c', 'append': 'true'}, ...), ('Print', {'value': 'said'}, 'said'),
        ('getContext', {}, {'context': {'K': {'a': [{'b': 1}, 'c']}}}),
        ('DeleteContext', {'all': 'yes', 'key': 'K', 'keysToKeep': 'K.a,no'}, ...),
        ('getContext', {}, {'context': {'K': {'a': [{'b': 1}, 'c']}}}), ('getIndicator', {'value': 'other'}, []),
        ('getEntry', {'id': '9@9'}, 'There is no entry 9@9.'),
        ('getEntries', {'filter': {'page': 1}},
         'getEntries: the local XSOAR filters entries by tags and categories (notes, attachments), not by page. '
         'Give it a reply in a file of --replies, such as {"getEntries": []}.'),
        ('scheduleEntry', {'command': '!y', 'cron': '* * * * *', 'times': '3'}, ...),
        ('linkIncidents', {'incidentId': '1', 'linkedIncidentIDs': '2', 'action': 'duplicate'},
         '1 incidents marked as duplicates'),
        ('linkIncidents', {'incidentId': '1', 'linkedIncidentIDs': '3', 'action': 'unlink'}, 'Incidents 3 were unlinked from 1'),
        ('linkIncidents', {'linkedIncidentIDs': '3', 'action': 'join'},
         'linkIncidents knows the actions link, unlink and duplicate, not join.'),
        ('Set', {'key': 'S', 'value': '{"b": 1}', 'stringify': 'true'}, {'S': '{"b": 1}'}),
        ('Set', {'key': 'N', 'value': 'NaN'}, {'N': 'NaN'}), ('DeleteContext', {'key': 'S,N,none'}, ...),
        ('getContext', {}, {'context': {'K': {'a': [{'b': 1}, 'c']}}}),
        ('createList', {'listName': 'M'}, ...), ('addToList', {'listName': 'M', 'listData': 'z'}, ...),
        ('getList', {'listName': 'M'}, 'z')]
    replies = [entries[0]['Contents'] for entries in call_all(server, pack, *(row[:2] for row in rows))]
    assert [expected if expected is not ... else found for (_, _, expected), found in zip(rows, replies, strict=True)] == replies
    assert [found['CustomFields'] for found in replies[9]] == [{'site': 's', 'at': '1'}] and replies[8]['score'] == 3
    assert [user['username'] for user in replies[13]] == ['admin'] and replies[15]['email'] == 'admin@localhost'
    assert [server.store.get(number)['linkedIncidents'] for number in '123'] == [['2'], ['1'], []]
    assert [server.store.get('2')[key] for key in ('status', 'closeReason', 'closeNotes')] == [2, 'Duplicate', 'Duplicate of 1']
    assert [(each['command'], each['times'], each['investigation']) for each in server.schedule.all()] == [
        ('!x', 0, 'playground'), ('!y', 3, 'playground')] and replies[21]['id']
    assert len(replies[19]) == 1 and [server.store.get(number)['owner'] for number in '12'] == ['admin', 'admin']
    assert sum('Set is a script in JavaScript' in line for line in printed) == 1


@fact('seen', 'a script has `execute`, `exception` and `convert`; its context has `ScriptName` and `DockerImage`')
@fact('inferred', "the brand of the first of `ExecutedCommands` is `Scripts` in a script, and else the integration's")
def test_a_script_sees_its_name_its_image_and_the_entry_of_its_button(server: Server, pack: Path) -> None:
    number = server.room().add({'Type': 1, 'Contents': 'press'})
    write_script(pack, 'Ask', (
        "context = demisto.callingContext['context']\ndemisto.exception('logged')\n"
        "executed, parent = context['ExecutedCommands'][0], demisto.parentEntry()\n"
        "said = demisto.execute('ordinary', 'hello-say', {'name': 'you'})[0]['Contents']['text']\n"
        "demisto.results(json.dumps([context['ScriptName'], context['DockerImage'], executed['moduleBrand'],\n"
        "                            context['IntegrationBrand'], parent['id'], demisto.convert(b'a')['Contents'], said]))"),
                 dockerimage='an/image:1')
    server.scripts = load_scripts(pack)
    [(_, entry)] = server.run_in_war_room('Ask', {}, entry=number)
    assert json.loads(entry['Contents']) == ['Ask', 'an/image:1', 'Scripts', '', number, 'a', 'Hello you']
    with pytest.raises(UsageError, match='There is no entry 8@8'):
        server.run_in_war_room('Ask', {}, entry='8@8')


FAILING = [
    ('setIncident', {'id': '9', 'name': 'a'}, 'There is no incident 9'),
    ('addEntries', {'id': '9', 'entries': '[]'}, 'There is no incident 9'),
    ('setIncident', {'id': '1', 'name': 7}, 'Incident 1: name is int, expected text'),
    ('setIncident', {'id': '1', 'severity': 'worst'}, 'worst'), ('addEntries', {'id': '1', 'entries': 'text'}, 'Expecting value'),
    ('addEntries', {'id': '1', 'entries': '{}'}, 'expects entries as a list'),
    ('setIncident', {'id': '1', 'customFields': '[]'}, 'customFields must be an object'),
    ('hello-fail', {}, 'Failed to run hello-fail: This one fails.'), ('hello-say', {}, 'hello-say needs name'),
    ('hello-entry', {'using': 'other'}, 'No enabled instance has the name other')]


@fact('inferred', 'a reply to `executeCommand` is a list of entries; a failure is an entry of type 4 and raises nothing')
def test_a_command_that_fails_is_an_error_entry(server: Server, pack: Path) -> None:
    server.store.create([{'name': 'a'}], 'i', 'b')
    replies = call_all(server, pack, *((command, args) for command, args, _ in FAILING))
    for (command, _, words), [entry] in zip(FAILING, replies, strict=True):
        assert entry['Type'] == 4 and words in entry['Contents'], command


@fact('documented', 'without `using`, a command runs on every enabled instance that has it')
def test_a_script_runs_the_commands_of_enabled_instances_and_other_scripts(server: Server, pack: Path) -> None:
    [entry] = call(server, pack, 'hello-say', name='you')
    assert (entry['Contents'], entry['ModuleName']) == ({'name': 'you', 'text': 'Hello you'}, 'ordinary')
    server.add('second', server.first.integration, {}, any_free_port)
    every, second = call_all(server, pack, ('hello-entry', {}), ('hello-entry', {'using': 'second'}))
    assert [[entry['ModuleName'] for entry in entries] for entries in (every, second)] == [['ordinary', 'second'], ['second']]
    server.instances['second'].disable()
    write_script(pack, 'Other', "demisto.results(f'other {demisto.args()}')")
    [enabled], [other] = call_all(server, pack, ('hello-entry', {}), ('Other', {'a': 1}))
    assert (enabled['ModuleName'], other['Contents']) == ('ordinary', "other {'a': 1}")


def test_a_denied_command_is_an_error_entry_and_the_others_work(server: Server, pack: Path) -> None:
    server.store.create([{'name': 'a'}], 'i', 'b')
    server.faults.change({'deny': 'setIncident,hello-say,getIncidentsOfOthers'})
    rename, say = ('setIncident', {'id': '1', 'name': 'b'}), ('hello-say', {'name': 'you'})
    *denied, [found] = call_all(server, pack, rename, say, ('getIncidents', {}))
    for (command, _), [entry] in zip((rename, say), denied, strict=True):
        assert entry['Type'] == 4 and f'no permission for {command}' in entry['Contents']
    assert found['Type'] == 1
    assert server.store.get('1')['name'] == 'a'


@fact('inferred', 'a command that no enabled instance has raises `Unsupported Command`')
def test_an_unknown_command_raises_in_the_script(server: Server, pack: Path, printed: list[str]) -> None:
    error = logged(server, pack, 'try:\n    demisto.executeCommand("nothing", {})\n'
                                 'except ValueError as error:\n    demisto.results(json.dumps(str(error)))')
    assert 'Unsupported Command : nothing' in error and 'such as {"nothing": "done"}.' in error
    assert any('!!! The script called nothing' in line for line in printed)


@contextmanager
def enabled(server: Server, pack: Path) -> Iterator[str]:
    """Yield the address of the container of an instance that receives requests."""
    instance = server.add('front', load_integration(pack), {}, any_free_port)
    try:
        instance.enable()
        assert instance.wait_until_ready()
        yield f'http://127.0.0.1:{instance.port}/'
    finally:
        instance.disable()


@fact('documented', 'a pre-process script runs for each incoming incident before it is created, and `False` drops it')
@fact('guessed', 'the incidents of one call pass the rule one after another: the script finds those before it')
@fact('guessed', 'the reply if a rule dropped everything: an empty list, or null with the fault `dropped=null`')
def test_a_pre_process_script_joins_incidents(pack: Path, printed: list[str]) -> None:
    write_script(pack, 'Join', JOIN)
    server = Server(load_scripts(pack), Runtime(), Store(), Faults(), Printer('debug', printed.append), 'Join')
    with enabled(server, pack) as url:
        def post(*incidents: dict[str, Any]) -> Any:
            return requests.post(url, json=list(incidents)).json()

        created = post({'name': 'problem', 'dbotMirrorId': 'k'}, {'name': 'again', 'dbotMirrorId': 'k'}, {'name': 'other'})
        assert [incident['name'] for incident in created] == ['problem', 'other']
        assert [post({'name': name, 'dbotMirrorId': 'k'}) for name in ('note', 'recovery')] == [[], []]
        server.faults.change({'dropped': 'null'})
        assert [incident['name'] for incident in post({'name': 'problem', 'dbotMirrorId': 'k'})] == ['problem']
        assert post({'name': 'again', 'dbotMirrorId': 'k'}) is None
    first = server.store.get('1')
    assert (first['status'], first['severity'], first['closeReason'], first['CustomFields']) == (2, 3, 'Resolved', {'joined': 1})
    assert [entry['contents']['Contents'] for entry in server.store.entries('1')] == ['again', 'note', 'recovery']
    assert [(act['name'], act['word'], act['text']) for act in server.store.acts(3)] == [
        ('note', 'joined', ''), ('recovery', 'ended', ''), ('again', 'joined', 'unknown → high')]
    assert any(line.endswith('dropped  again, by the pre-process script Join') for line in printed)


@fact('guessed', 'an incident is created if the pre-process script fails or has no result')
@pytest.mark.parametrize('text, is_created', [
    ('demisto.results(True)', True), ('demisto.results(False)', False), ('return_results(False)', False), ('', True),
    ("demisto.results('false')", False), ("demisto.results('False')", False),
    ('return_results(CommandResults(raw_response=False))', False),
    ("raise ValueError('broken')", True), ("return_error('broken')", True),
    ("demisto.executeCommand('setIncident', {'name': 'x'})", True)])
def test_only_false_drops_an_incident(server: Server, pack: Path, printed: list[str], text: str, is_created: bool) -> None:
    write_script(pack, 'Rule', text)
    ruled = Server(load_scripts(pack), Runtime(), Store(), Faults(), Printer('error', printed.append), 'Rule')
    [incoming] = ruled.store.preview([{'name': 'a'}], 'i', 'b')
    assert (incoming['id'], incoming['CustomFields'], incoming['labels']) == ('', {}, [])
    times = 2 if 'broken' in text else 1
    assert {ruled.pre_process(incoming) for _ in range(times)} == {is_created}
    assert sum('Rule failed, so the incident is created: ' in line for line in printed) == times - 1 + ('broken' in text)


def test_a_fetch_passes_the_pre_process_rule(pack: Path, tmp_path: Path) -> None:
    write_script(pack, 'Rule', "demisto.results(demisto.incident()['name'] != 'b')")
    store = str(tmp_path / 'store')
    Store(Path(store)).keep('echo', 'context', {'samples': '["a", "b"]'})
    ended = run_local_xsoar(str(pack), '--store', store, '--pre-process', 'Rule', '--command', 'fetch-incidents')
    assert ended.returncode == 0
    assert [item['sent']['name'] for item in Store(Path(store)).sent()] == ['a']


def test_a_rule_whose_script_is_missing_is_an_error(pack: Path) -> None:
    write_script(pack, 'Join', JOIN)
    ended = run_local_xsoar(str(pack), '--pre-process', 'Joint')
    assert (ended.returncode, ended.stderr) == (
        2, 'localxsoar: --pre-process Joint: the pack has no such script. Its scripts: Join.\n')
