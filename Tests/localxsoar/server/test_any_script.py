"""What scripts of any pack need of the server: other packs, options, the context, attachments, its commands and replies."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from facts import fact
from local_xsoar import LocalXsoar, ask, context_of, in_war_room, run_local_xsoar
from written_packs import write_integration, write_script

from localxsoar.pytest_plugin import CommandError
from localxsoar.server.builtin_commands import COMMANDS
from localxsoar.errors import CommandFailed
from localxsoar.server.options import carry_out
from localxsoar.server.replies import Replies
from localxsoar.waiting import PATIENCE_SECONDS
from shared import ROOT

pytestmark = pytest.mark.sockets

ACME = '''
def with_file():
    file = fileResult('sample.txt', b'hello')
    attachments = [{'path': file['FileID'], 'name': file['File']}, {'path': 'nowhere', 'name': 'lost.txt'}]
    return [{'name': 'with a file', 'attachment': attachments}]


def fetch():
    if demisto.params()['url'] == 'down':
        return_error('the product is down')
    demisto.incidents([*with_file(), {'name': 'without one', 'attachment': [{'path': 'nowhere', 'name': 'lost.txt'}]}])


def push():
    return demisto.createIncidents(with_file())[0]['id']


def get():
    score = Common.DBotScore('192.0.2.7', DBotScoreType.IP, 'Acme', 3)
    raw = {'data': {'owner': 'Ann', 'tags': ['a', 'b']}}
    return CommandResults('Acme', 'id', {'id': demisto.args()['id']}, indicator=Common.IP('192.0.2.7', score), raw_response=raw,
                          readable_output='found')


command = demisto.command()
if command == 'test-module':
    set_integration_context({'access_token': 'x', 'valid_until': 17})
    return_results('ok')
elif command == 'fetch-incidents':
    fetch()
else:
    return_results({'acme-get': get, 'acme-push': push}[command]())
'''
SCRIPTS = {
    'One': {'Ask': "demisto.results([{'Type': 1, 'ContentsFormat': 'json', 'Contents': demisto.executeCommand("
                   "demisto.args()['command'], json.loads(demisto.args().get('args') or '{}'))}])",
            'Read': "file = demisto.getFilePath(demisto.args()['entry'])\n"
                    "return_results(file['name'] + ': ' + open(file['path']).read())",
            'Changed': "return_results(f\"{demisto.args()['old']} -> {demisto.args()['new']}\")"},
    'Hopes': {
        'Mapped': "return_results(demisto.mapObject({'a': 1}, 'Any Mapper', 'Type')['Mapped Name'])",
        'Lists': "lists = json.loads(demisto.internalHttpRequest('GET', '/lists/')['body'])\n"
                 "return_results([each['data'] for each in lists if each['id'] == 'of the api'][0])",
        'Caught': "try:\n    Common.NoSuch()\nexcept Exception as error:\n    return_error(f'Failed: {error}')"},
    'Other': {'Helper': "return_results('help for ' + demisto.args()['who'])", 'ScheduleCommand': "return_results('scheduled')"},
}
REPLIES = {
    'send-mail': 'sent', 'send-mail to=nobody': {'Type': 4, 'Contents': 'no such address'},
    'mapObject': {'Mapped Name': 'seven'},
    'lookup': [{'Contents': {'a': 1}, 'EntryContext': {'Looked.a': 1}}], 'GET /workers/status': {'busy': 0}}


@pytest.fixture(scope='module')
def content(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A content repository with the packs One and Other, and beside it a pack Two."""
    root = tmp_path_factory.mktemp('content')
    for pack, scripts in SCRIPTS.items():
        for name, text in scripts.items():
            write_script(root / 'content/Packs' / pack, name, text)
    write_script(root / 'content/Packs/Other', 'Set', '', script='return 1', type='javascript')
    write_script(root / 'content/Packs/Another', 'Helper', '', script='return 1', type='javascript')
    write_script(root / 'Two', 'Second', "return_results('second')")
    commands = [{'name': 'acme-get', 'arguments': [{'name': 'id'}]}, {'name': 'acme-push'}]
    write_integration(root / 'content/Packs/One/Integrations/Acme', 'Acme', ACME, [
        {'name': 'url', 'display': 'URL', 'required': True, 'type': 0}], isfetch=True, commands=commands)
    (root / 'replies.json').write_text(json.dumps(REPLIES))
    return root


@pytest.fixture(scope='module')
def served(content: Path) -> Iterator[LocalXsoar]:
    with LocalXsoar(str(content / 'Two'), '--replies', str(content / 'replies.json'), pack=content / 'content/Packs/One',
                    params={'url': 'x'}) as running:
        yield running


def asked(served: LocalXsoar, command: str, **args: Any) -> Any:
    """Return what a script gets from executeCommand."""
    [entry] = served.command('Ask', command=command, args=json.dumps(args).replace('$', '\\u0024'))  # not read before Ask has it
    return entry['Contents']


def test_scripts_of_several_packs_and_of_those_around_them_call_one_another(served: LocalXsoar) -> None:
    assert asked(served, 'Second')[0]['Contents'] == 'second'
    assert asked(served, 'Helper', who='you')[0]['Contents'] == 'help for you'
    assert served.command('Helper', who='me')[0]['Contents'] == 'help for me'
    assert asked(served, 'ScheduleCommand')[0]['Contents'] == 'scheduled', 'a script of a pack comes before the stand-in'


def test_a_script_needs_no_parameter_of_its_packs_integration(content: Path) -> None:
    pack, two = str(content / 'content/Packs/One'), str(content / 'Two')
    ended = run_local_xsoar(pack, '--command', 'Ask', '--arg', 'command=Second', two)
    assert (ended.returncode, '"Contents": "second"' in ended.stdout) == (0, True), ended.stderr
    refused = run_local_xsoar(pack, '--command', 'acme-get')
    assert (refused.returncode, 'URL (url) is required' in refused.stderr) == (2, True)
    missing = run_local_xsoar(pack, str(content / 'nowhere'), '--command', 'Ask')
    assert missing.stderr == f'localxsoar: There is no pack at {content / "nowhere"}.\n'


@fact('documented', 'an attachment of a fetched incident is a file in its War Room, and in its context under `File`')
def test_an_attachment_of_a_fetched_incident_is_a_file_that_a_script_reads(served: LocalXsoar) -> None:
    fetched, lost = served.fetch()
    assert 'File' not in context_of(served, lost['id'])
    for number in (fetched['id'], lost['id']):
        served.wait_for_line(f'Incident {number} has an attachment whose file the script did not leave.')
    for number in (fetched['id'], served.command('acme-push')[0]['Contents']):
        file = context_of(served, number)['File']
        assert (file['Name'], file['Size']) == ('sample.txt', 5)
        assert in_war_room(served, '!Read entry=${File.EntryID}', number)[0]['contents'] == 'sample.txt: hello'


@fact('documented', 'an indicator with a DBotScore in the outputs of a command is created')
def test_an_indicator_of_a_result_is_found(served: LocalXsoar) -> None:
    incident = ask(served, 'incident', {'name': 'of indicators'})['id']
    in_war_room(served, '!acme-get id=1')
    in_war_room(served, '!acme-get id=2', incident)
    [found] = asked(served, 'findIndicators', value='192.0.2.7')[0]['Contents']
    assert (found['indicator_type'], found['score'], found['sourceBrands']) == ('IP', 3, ['Acme'])
    for query, count in (
            (f'investigationIDs:({incident} 99)', 1), (f'incident.id:"{incident}" type:IP', 1), ('incident.id:99', 0)):
        assert len(asked(served, 'findIndicators', query=query)[0]['Contents']) == count


@fact('documented', '`using` and `using-brand` choose instances; one that does not exist is an error')
def test_an_instance_or_a_brand_that_does_not_exist_is_refused(served: LocalXsoar) -> None:
    assert served.command('acme-get', {'id': '1', 'using': 'other,acme', 'using-brand': 'Other,Acme'})[0]['Contents']
    for option in ('using', 'using-brand'):
        for command in ('acme-get', 'Second', 'Set'):
            with pytest.raises(CommandError, match=r'No enabled instance has the (name|brand) Nobody .*Enabled: acme \(Acme\)'):
                served.command(command, {option: 'Nobody'})
        [entry] = asked(served, 'acme-get', **{'id': '1', option: 'Nobody'})
        assert entry['Type'] == 4


@fact('inferred', '`extend-context` takes `Key=path` in the contents, joined by `::`, and `.` for all of them')
def test_options_change_the_outputs_of_a_command(served: LocalXsoar) -> None:
    in_war_room(served, '!DeleteContext all=yes')
    in_war_room(served, '!acme-get id=7 ignore-outputs=yes extend-context="Owner=data.owner::Tags=data.tags::Nothing=data.x"')
    assert context_of(served) == {'Owner': 'Ann', 'Tags': ['a', 'b']}
    [entry] = in_war_room(served, '!acme-get id=8 raw-response=true auto-extract=none execution-timeout=9')
    assert json.loads(entry['contents'])['data']['owner'] == 'Ann'
    [entry] = in_war_room(served, '!acme-get id=9 extend-context="A=data.tags | x"')
    assert 'the local XSOAR does not know more of DT' in entry['contents']


@pytest.mark.parametrize('options, entry, expected', [
    ({}, {'Contents': 'a'}, {'Contents': 'a'}),
    ({'extend-context': 'All= :: Dot = . ::B=b'}, {'Contents': '{"b": 1}'},
     {'Contents': '{"b": 1}', 'EntryContext': {'All': {'b': 1}, 'Dot': {'b': 1}, 'B': 1}}),
    ({'ignore-outputs': 'true'}, {'Contents': 'a', 'EntryContext': {'A': 1}}, {'Contents': 'a', 'EntryContext': {}})])
def test_an_entry_has_what_the_options_ask_for(options: Any, entry: Any, expected: Any) -> None:
    assert carry_out(options, lambda: [entry]) == [expected]


@pytest.mark.parametrize('options, count', [({}, 1), ({'retry-count': '2', 'retry-interval': '0'}, 3)])
def test_a_command_that_fails_runs_once_unless_its_options_say_more(options: dict[str, Any], count: int) -> None:
    tries: list[str] = []

    def run() -> Any:
        tries.append('try')
        raise CommandFailed('not yet')
    with pytest.raises(CommandFailed):
        carry_out(options, run)
    assert len(tries) == count
    with pytest.raises(CommandFailed, match='retry-count=many: it is not a number'):
        carry_out({'retry-count': 'many'}, run)


@fact('documented', '`${path}` in an argument is the value at the path in the context or, after `incident.`, of the incident')
def test_a_path_in_an_argument_is_read_from_the_context_and_the_incident(served: LocalXsoar) -> None:
    incident = ask(served, 'incident', {'name': 'of paths', 'CustomFields': {'site': 'Bern'}})['id']
    in_war_room(served, '!Set key=Host value=\'[{"id": 1, "n": "a"}, {"id": 2, "n": "b"}]\'', incident)
    for text, expected in (
            ('${Host(val.id == 2).n}', '["b"]'), ('${Host.[1].n}', 'b'), ('no ${Host.[2].n}', 'no '),
            ('${incident.name} in ${incident.site}', 'of paths in Bern'), ('ids ${Host.id}', 'ids [1, 2]'), ('$Host', '$Host')):
        [entry] = in_war_room(served, f"!Print value='{text}'", incident)
        assert entry['contents'] == expected or json.loads(entry['contents']) == json.loads(expected)
    assert in_war_room(served, "!Helper who='${Nothing.here}'", incident)[0]['contents'].endswith("KeyError: 'who'")
    assert 'reads arguments such as ${File.EntryID}' in in_war_room(served, "!Print value='${a|b}'", incident)[0]['contents']


@fact('seen', "a script's arguments for another script or an integration may have `${path}`, too")
def test_a_path_in_the_arguments_of_executeCommand_is_read(served: LocalXsoar) -> None:
    asked(served, 'Set', key='Owner.name', value='Ann')
    for text, expected in (('a ${Owner.name}', 'a Ann'), ('${Owner|name}', '${Owner|name}')):
        assert asked(served, 'Helper', who=text)[0]['Contents'] == f'help for {expected}'
        assert asked(served, 'Print', value=text)[0]['Contents'] == expected
    assert asked(served, 'Changed', old=None, new='${Owner.name}')[0]['Contents'] == 'None -> Ann'


def test_entries_are_found_by_tags_and_categories(served: LocalXsoar) -> None:
    incident = ask(served, 'incident', {'name': 'of entries'})['id']
    entries = [{'Contents': 'a note', 'Note': True, 'tags': ['t']}, {'Contents': 'another'}]
    asked(served, 'addEntries', id=incident, entries=entries)
    for filter, expected in (
            ({'categories': ['notes']}, ['a note']), ({'tags': ['t']}, ['a note']), ({'categories': ['attachments']}, []),
            ({'categories': ['notes', 'attachments']}, []),
            ({'tagsAndOperator': False, 'users': [], 'lastId': ''}, ['a note', 'another'])):
        assert [entry['Contents'] for entry in asked(served, 'getEntries', id=incident, filter=filter)] == expected
    [refused] = asked(served, 'getEntries', id=incident, filter={'tags': ['t'], 'pageSize': 5})
    assert (', not by pageSize. Give it a reply in a file of --replies, such as {"getEntries": []}.' in refused['Contents'],
            refused['Type']) == (True, 4)


@fact('documented', "`getIncidents` takes `level`, `owner`, `reason` and `notstatus`, and dates such as `3 days ago`")
def test_incidents_are_found_by_the_arguments_of_SearchIncidentsV2(served: LocalXsoar) -> None:
    for name, fields in (('calm', {'severity': 1}), ('loud', {'severity': 3, 'owner': 'ann lee'})):
        ask(served, 'incident', {'name': name, 'type': 'Searched', **fields})
    asked(served, 'closeInvestigation', id=asked(served, 'getIncidents', name='calm')[0]['Contents']['data'][0]['id'])
    for args, expected in (
            ({'level': 'high'}, ['loud']), ({'level': '1,2'}, ['calm']),
            ({'notstatus': 'closed'}, ['loud']), ({'fromdate': '2 days ago'}, ['calm', 'loud']), ({'todate': '2 days ago'}, []),
            ({'owner': 'ann lee', 'query': 'id:0 or name:*'}, ['loud']), ({'sort': 'name'}, ['calm', 'loud'])):
        found = asked(served, 'getIncidents', type='Searched', searchresultslabel='true', **args)[0]['Contents']
        assert [each['name'] for each in found['data'] or []] == expected, args
    [wrong] = asked(served, 'getIncidents', fromdate='some day', details='x')
    assert wrong['Type'] == 4 and "the date 'some day'" in wrong['Contents']
    served.wait_for_line('getIncidents: the local XSOAR ignores details')


def test_commands_of_the_server_run_from_everywhere(served: LocalXsoar, content: Path) -> None:
    users = served.command('getUsers')[0]
    assert users['EntryContext']['DemistoUsers'][0]['username'] == users['Contents'][0]['username'] == 'admin'
    in_war_room(served, '!Set key=Color value=red')
    assert context_of(served)['Color'] == 'red'
    assert in_war_room(served, '!Print "hello you"')[0]['contents'] == 'hello you'
    assert in_war_room(served, '!Set')[0]['contents'] == 'Set needs key.'
    number = ask(served, 'incident', {'name': 'a'})['id']
    at_both = in_war_room(served, f'!executeCommandAt command=getEntry incidents={number},{number}')
    assert [entry['type'] for entry in at_both] == [4, 4, 1], 'each entry is kept, also beside an error'
    page = served.control('POST', 'commands', {'command': 'createList', 'args': {'listName': 'names', 'listData': 'a,b'},
                                               'instance': 'acme', 'incident': 'playground'})
    assert page['entries'][0]['contents']['text'] == 'Done: list names was updated'
    assert asked(served, 'getList', listName='names')[0]['Contents'] == 'a,b'
    served.command('createList', listName='empty', listData='')
    assert served.command('getList', listName='empty')[0]['Contents'] == ''
    assert [each['name'] for each in served.control('GET', 'commands')['server']] == list(COMMANDS)
    ended = run_local_xsoar(str(content / 'Two'), '--command', 'Print', '--arg', 'value=hi')
    assert (ended.returncode, ended.stdout) == (0, 'hi\n')


def test_the_table_of_the_servers_commands_is_the_code() -> None:
    readme = (ROOT / 'localxsoar/README.md').read_text('utf-8')
    row = next(line for line in readme.splitlines() if line.startswith('| here |'))
    assert sorted(row.split('|')[2].replace('`', '').replace(',', ' ').split()) == sorted(COMMANDS)


def test_a_file_of_replies_answers_other_commands_and_requests(served: LocalXsoar) -> None:
    assert asked(served, 'send-mail', to='ann')[0]['Contents'] == 'sent'
    assert asked(served, 'send-mail', to='nobody')[0]['Type'] == 4
    assert asked(served, 'lookup')[0]['EntryContext'] == {'Looked.a': 1}
    assert served.command('lookup')[0]['Contents'] == {'a': 1}
    for command in ('core-api-get', 'demisto-api-get'):
        for uri in ('workers/status', '/xsoar/workers/status', '/acc_x/workers/status'):
            assert asked(served, command, uri=uri)[0]['Contents'] == {'response': {'busy': 0}}
    found = asked(served, 'core-api-post', uri='/incidents/search', body={'filter': {'query': 'id:0'}})
    assert found[0]['Contents']['response']['total'] == 0
    wrong = asked(served, 'core-api-post', uri='/incidents/search', body={'filter': {'query': 'x('}})
    assert wrong[0]['Type'] == 4


def test_the_replies_of_the_readme_are_read() -> None:
    [block] = re.findall(r'```json\n(.*?)```', (ROOT / 'localxsoar/README.md').read_text('utf-8'), re.DOTALL)
    replies = Replies(json.loads(block))
    assert replies.entries('send-mail', {'to': 'ann'}) == [{'Contents': 'sent', 'ContentsFormat': 'text'}]
    assert [entry['Type'] for entry in replies.entries('send-mail', {'to': 'nobody'}) or []] == [4]
    assert replies.find('GET', {'': '/workers/status'}) == [{'busy': 0}] and replies.entries('other', {}) is None
    assert Replies({'a': []}).entries('a', {}) == [{'Contents': [], 'ContentsFormat': 'json'}]
    assert [Replies({'a is=true': 1}).find('a', {'is': value}) for value in (True, 'true', False)] == [[1], [1], []]


@pytest.mark.parametrize('text, words', [('{', 'it is not JSON'), ('[]', 'it must be an object'), (None, 'No such file')])
def test_a_wrong_file_of_replies_is_a_usage_error(content: Path, tmp_path: Path, text: str | None, words: str) -> None:
    if text:
        (tmp_path / 'replies.json').write_text(text)
    ended = run_local_xsoar(str(content / 'Two'), '--replies', str(tmp_path / 'replies.json'), '--command', 'Second')
    assert (ended.returncode, words in ended.stderr) == (2, True)


def test_a_pack_of_scripts_runs_commands_of_the_server_and_of_the_replies(content: Path) -> None:
    pack, replies = str(content / 'Two'), ['--replies', str(content / 'replies.json')]
    for arguments, code, words in (
            ([str(content / 'content/Packs/One'), *replies, '--command', 'send-mail'], 0, 'sent'),  # which lacks a parameter
            (['--command', 'core-api-get', '--arg', 'uri=/about'], 0, '"localxsoar"'),
            (['--command', 'send-mail'], 1, 'Give it a reply in a file of --replies, such as {"send-mail": "done"}.'),
            (['--command', 'core-api-get', '--arg', 'uri=/jobs'], 1, 'The API of the local XSOAR has no GET /jobs. '
             'Give it a reply in a file of --replies, such as {"GET /jobs": {}}.')):
        ended = run_local_xsoar(pack, *arguments, python=sys.executable)
        assert (ended.returncode, words in ended.stdout, 'There is nothing' in ended.stderr) == (code, True, False), ended


def test_a_command_ends_although_nobody_reads_what_it_prints(content: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen([sys.executable, '-m', 'localxsoar', str(content / 'content/Packs/One'), '--command', 'Ask',
                                '--arg', 'command=no-such'], stdout=writer, stderr=writer)
    os.close(writer)
    with process:
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
    assert process.returncode >= 0


def test_a_mapped_object_and_kept_lists_are_those_that_scripts_expect(served: LocalXsoar) -> None:
    assert served.command('Mapped')[0]['Contents'] == 'seven'
    served.command('createList', listName='of the api', listData='a,b')
    assert served.command('Lists')[0]['Contents'] == 'a,b'


def test_an_error_that_a_script_catches_names_the_whole_CommonServerPython(content: Path) -> None:
    ended = run_local_xsoar(str(content / 'content/Packs/Hopes'), '--command', 'Caught')
    assert (ended.returncode, ended.stdout) == (1, "Failed: type object 'Common' has no attribute 'NoSuch'\n")
    assert 'If Common.NoSuch belongs to CommonServerPython: the subset in the local XSOAR lacks it. Get the whole' in ended.stderr


def test_what_the_platform_passes_and_caches_of_tokens_are_not_warned_of(served: LocalXsoar) -> None:
    assert served.command('Changed', old='a', new='b')[0]['Contents'] == 'a -> b'
    assert served.test() == 'ok'
    with pytest.raises(CommandError, match='x'):
        served.command('Changed', odd='1')
    served.wait_for_line('Changed has no argument odd')
    assert not [line for line in served.output if 'documentation' in line or 'no argument old' in line]


def test_a_request_of_a_script_has_the_api_key_and_samples_that_fail_raise_their_text(content: Path) -> None:
    with LocalXsoar('--api-key', 'k3y', pack=content / 'content/Packs/One', params={'url': 'down'}) as running:
        assert asked(running, 'core-api-get', uri='user')[0]['Contents']['response']['username'] == 'admin'
        with pytest.raises(CommandError, match='the product is down'):
            running.samples()
        _, found = (requests.post(running.url + path, json={}, headers={'Authorization': 'k3y'}).json()
                    for path in ('/localxsoar/instance/fetch', '/settings/integration/search'))
        assert [each['lastError'] for each in found['health'].values()] == ['Exception: the product is down']
