"""The server's replies to a container's calls, one command at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from clocks import Clock
from facts import fact

from localxsoar.containers import journal
from localxsoar.containers.commands import NO_REPLY, USER, Address, ServerCommands, Site
from localxsoar.errors import CallRejected
from localxsoar.containers.faults import Faults
from localxsoar.containers.journal import Journal
from localxsoar.terminal.printer import Printer
from localxsoar.incidents.store import Store


@pytest.fixture
def site(printed: list[str]) -> Site:
    return Site(Store(), Faults(), Printer('debug', printed.append), Journal(), Address('http://127.0.0.1:1'))


def server(site: Site, command: str = 'long-running-execution', cuts: Any = None) -> ServerCommands:
    return ServerCommands(site, 'front', 'Echo', command, '7', lambda: False, lambda: cuts.append('cut'))


def call(site: Site, name: str, **args: Any) -> Any:
    return server(site).execute({'command': name, 'args': args})


def test_each_call_is_counted_and_an_undeclared_one_is_reported_and_rejected(site: Site, printed: list[str]) -> None:
    assert call(site, 'heartbeat') is NO_REPLY and call(site, 'heartbeat') is NO_REPLY
    with pytest.raises(CallRejected, match='does not offer the command getUsers: this needs a real server'):
        call(site, 'getUsers')
    assert (site.journal.call_counts, site.journal.undeclared) == ({'heartbeat': 2, 'getUsers': 1}, ['getUsers'])
    assert printed == ['!!! The integration called getUsers, which the local XSOAR does not offer.']


@pytest.mark.parametrize('name, args, reply', [
    ('searchRelationships', {}, {'total': 0, 'data': []}), ('mirrorInvestigation', {}, {}), ('handleEntitlementForUser', {}, {}),
    ('getLicenseID', {}, {'id': 'local'}), ('getLicenseCustomField', {'key': 'a'}, None), ('getIndexHash', {}, 'local'),
    ('findUser', {'username': 'admin'}, USER), ('findUser', {'email': 'admin@localhost'}, USER),
    ('findUser', {'username': 'nobody', 'email': ''}, None), ('findUser', {'username': '', 'email': 'other@localhost'}, None),
    ('getLastRun', {}, {}), ('getLastMirrorRun', {}, {}), ('getAssetsLastRun', {}, {}),
    ('createIndicators', {'indicators': None}, {})])
def test_a_call_has_the_reply_of_a_server_with_one_user_alone(site: Site, name: str, args: dict[str, Any], reply: Any) -> None:
    assert call(site, name, **args) == reply


def test_incidents_are_created_with_the_last_run_that_comes_with_them(site: Site, printed: list[str]) -> None:
    created = call(site, 'createIncidents', incidents=[{'name': 'a'}], lastRun={'n': 1})
    assert [(incident['id'], incident['sourceInstance'], incident['sourceBrand']) for incident in created] == [('1', 'front',
    'Echo')]
    call(site, 'createIncidents', incidents=[], lastRun=None)
    assert (call(site, 'getLastRun'), site.journal.create_sizes, len(printed)) == ({'n': 1}, [1, 0], 1)
    call(site, 'createIncidents', incidents=[], lastRun={})
    assert call(site, 'getLastRun') == {}
    [ruled] = server(replace(site, pre_process=lambda incoming: True)).store_incidents([{'name': 'a'}], 'Phishing')
    assert ruled['type'] == 'Phishing'


@pytest.mark.parametrize('name, args, words', [
    ('createIncidents', {'incidents': None}, 'createIncidents expects a list of incidents'),
    ('createIncidents', {'incidents': {}}, 'expects a list'), ('createIncidents', {'incidents': 'text'}, 'expects a list'),
    ('setIntegrationContext', {'value': ['a']}, 'must be an object')])
def test_what_a_call_cannot_take_is_rejected(site: Site, name: str, args: dict[str, Any], words: str) -> None:
    with pytest.raises(CallRejected, match=words):
        call(site, name, **args)


def test_a_cut_line_creates_nothing_and_gets_no_reply(site: Site, printed: list[str]) -> None:
    cuts: list[str] = []
    site.faults.change({'cut': True})
    assert server(site, cuts=cuts).execute({'command': 'createIncidents', 'args': {'incidents': [{}],
    'lastRun': {'n': 1}}}) is NO_REPLY
    assert (cuts, site.store.sent(), call(site, 'getLastRun'), len(printed)) == (['cut'], [], {}, 1)
    assert site.faults.cut is False


def test_indicators_are_created_and_found(site: Site, printed: list[str]) -> None:
    assert call(site, 'createIndicators', indicators=[{'value': 'a.example'}, {'value': 'b.example'}]) == {}
    call(site, 'createIndicators', indicators=[{'value': 'a.example'}])
    assert call(site, 'searchIndicators', value='a.example')['total'] == 1
    assert [line[10:] for line in printed] == ['indicators  2 new, 0 seen again', 'indicators  0 new, 1 seen again']


@pytest.mark.parametrize('kind', ['LastRun', 'LastMirrorRun', 'AssetsLastRun'])
def test_each_last_run_is_kept_by_itself(site: Site, kind: str) -> None:
    assert call(site, f'set{kind}', value={'kind': kind}) == {}
    assert [call(site, f'get{each}') for each in ('LastRun', 'LastMirrorRun', 'AssetsLastRun')] == [
        {'kind': kind} if each == kind else {} for each in ('LastRun', 'LastMirrorRun', 'AssetsLastRun')]


def test_a_context_is_kept_with_its_version(site: Site) -> None:
    assert call(site, 'getIntegrationContext') == {
        'context': {}, 'version': {'version': 0, 'sequenceNumber': 0, 'primaryTerm': 1}}
    assert call(site, 'setIntegrationContext', value={'a': 'b'}) == {}
    assert call(site, 'getIntegrationContext') == {
        'context': {'a': 'b'}, 'version': {'version': 1, 'sequenceNumber': 1, 'primaryTerm': 1}}


@fact('documented', 'a context with an outdated version is rejected')
@pytest.mark.parametrize('version, is_kept', [
    (None, True), (-1, True), ({}, True), ({'version': -1}, True), (1, True), ('1', True), ({'version': 1}, True), (0, False),
    ({'version': 0}, False), (2, False)])
def test_a_context_is_replaced_if_the_version_is_any_or_its_own(site: Site, version: Any, is_kept: bool) -> None:
    call(site, 'setIntegrationContext', value={'a': 'old'})
    if is_kept:
        call(site, 'setIntegrationContext', value={'a': 'new'}, version=version)
    else:
        with pytest.raises(CallRejected, match='changed meanwhile'):
            call(site, 'setIntegrationContext', value={'a': 'new'}, version=version)
    kept = call(site, 'getIntegrationContext')
    assert (kept['context'], kept['version']['version']) == (({'a': 'new'}, 2) if is_kept else ({'a': 'old'}, 1))


@fact('documented', 'a context contains text only, and is not available in `test-module`; violations cause a warning')
def test_what_the_documentation_forbids_is_reported_once(site: Site, printed: list[str]) -> None:
    tested = server(site, 'test-module')
    for _ in range(2):
        tested.execute({'command': 'getIntegrationContext'})
        tested.execute({'command': 'setIntegrationContext', 'args': {'value': {'a': 1, 'b': 'text', 'token': 'x'}}})
    assert site.journal.warnings == [
        'The documentation does not allow the integration context in test-module.',
        "The documentation allows only text in a context: the value of 'a' is int."]
    assert printed == [f'!!! {text}' for text in site.journal.warnings]
    server(site).execute({'command': 'setIntegrationContext', 'args': {'value': {'a': 'text'}}})
    assert len(printed) == 2


@pytest.mark.parametrize('args, error, is_error, line', [
    ({'err': 'port in use', 'isError': True}, 'port in use', True, 'health  port in use'),
    ({'err': 'busy', 'isError': False}, 'busy', False, 'health  busy'),
    ({'err': 'old server'}, 'old server', True, 'health  old server'),
    ({'err': ''}, '', False, 'health  Healthy'), ({'err': None}, '', False, 'health  Healthy'),
    ({'err': {'a': 1}, 'isError': True}, '{"a": 1}', True, 'health  {"a": 1}')])
def test_health_is_a_text_and_whether_it_is_an_error(
        site: Site, printed: list[str], args: dict[str, Any], error: str, is_error: bool, line: str) -> None:
    with Clock(journal, unix=5):
        assert call(site, 'updateModuleHealth', **args) == {}
    assert site.journal.health == {'error': error, 'isError': is_error}
    assert site.journal.health_history == [{'error': error, 'isError': is_error, 'time': 5}]
    assert [text[10:] for text in printed] == [line]


def test_an_entry_is_kept_and_printed(site: Site, printed: list[str]) -> None:
    assert call(site, 'addEntry', id=7, entry='text') == {}
    assert [line[10:] for line in printed] == ['entry  incident 7: text']
    assert site.store.add_entry('7', 'next') == '2@7'


@fact('seen', 'the addresses of `demistoUrls` end with the page and the investigation, such as `#/Details/7`')
def test_the_server_tells_its_addresses_and_its_version(site: Site) -> None:
    urls = server(site).urls({})
    assert urls['server'] == 'http://127.0.0.1:1' and urls['warRoom'] == 'http://127.0.0.1:1/#/WarRoom/7' and len(urls) == 6
    assert server(site).version({}) == {'version': '8.9.0', 'buildNumber': '1000000', 'platform': 'xsoar'}
    assert server(replace(site, version='6.5')).version({})['version'] == '6.5.0'


def test_a_files_path_is_its_entry_id(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'a.txt').write_text('a')
    monkeypatch.chdir(tmp_path)
    for path in ('a.txt', str(tmp_path / 'a.txt')):
        assert server(site).file({'args': {'id': path}}) == {
            'id': path, 'path': str((tmp_path / 'a.txt').resolve()), 'name': 'a.txt'}
    with pytest.raises(CallRejected, match='There is no file'):
        server(site).file({'args': {'id': tmp_path}})


@pytest.mark.parametrize('value, path, result', [
    ({'a': {'b': 1}}, 'a.b', 1), ({'a': {'b': 1}}, 'val.a.b', 1), ({'a': [{'b': 1}, 'text', {'b': 2}, {}]}, 'a.b', [1, 2, None]),
    ({'a': 1}, 'b', None), ('text', 'a', None), ({'a': None}, 'a.b', None), ({'a b-c': 1}, 'a b-c', 1),
    ({'a': [{'b': 1, 'c': 5}, {'b': 2, 'c': 6}]}, "a(val.b == 2).c", [6]), ({'a': {'b': 1}}, 'a(val.b == "x").b', [])])
def test_dt_is_read_through_names_and_lists(site: Site, value: Any, path: str, result: Any) -> None:
    assert server(site).dt({'value': value, 'name': path}) == {'result': result}


@pytest.mark.parametrize('path', ['a(val.b.indexOf(1) > 0)', 'a|b', 'a.b=val', 'a.#'])
def test_a_dt_expression_that_is_not_supported_is_rejected(site: Site, path: str) -> None:
    with pytest.raises(CallRejected, match='DT'):
        server(site).dt({'value': {}, 'name': path})
