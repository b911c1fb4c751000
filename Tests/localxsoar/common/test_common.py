"""The carried subset of CommonServerPython: its functions alone, as an integration calls them."""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any
from clocks import zone
from facts import fact

import demistomock
import pytest
from requests import exceptions
from requests_mock import Mocker

from localxsoar.common import CommonServerPython as common


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is sent to the War Room."""
    sent: list[Any] = []
    monkeypatch.setattr(demistomock, 'results', sent.append)
    monkeypatch.setattr(demistomock, 'info', lambda text: sent.append(('log', text)))
    return sent


def numbers(kinds: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kinds).items() if not name.startswith('_')}


def test_kinds_and_formats_have_the_values_that_the_server_knows() -> None:
    assert numbers(common.EntryType) == {
        'NOTE': 1, 'DOWNLOAD_AGENT': 2, 'FILE': 3, 'ERROR': 4, 'PINNED': 5, 'USER_MANAGEMENT': 6, 'IMAGE': 7,
        'PLAYGROUND_ERROR': 8,
        'ENTRY_INFO_FILE': 9, 'VIDEO_FILE': 10, 'WARNING': 11, 'MAP_ENTRY_TYPE': 15, 'WIDGET': 17, 'EXECUTION_METRICS': 19}
    assert numbers(common.EntryFormat) == {'HTML': 'html', 'TABLE': 'table', 'JSON': 'json', 'TEXT': 'text',
                                           'DBOT_RESPONSE': 'dbotCommandResponse', 'MARKDOWN': 'markdown'}
    assert common.entryTypes == {
        'note': 1, 'downloadAgent': 2, 'file': 3, 'error': 4, 'pinned': 5, 'userManagement': 6, 'image': 7, 'playgroundError': 8,
        'entryInfoFile': 9, 'warning': 11, 'map': 15, 'widget': 17}


def test_an_error_is_shown_by_its_message_and_keeps_its_cause() -> None:
    cause = KeyError('a')
    error = common.DemistoException('It failed.', cause, 'response')
    assert (str(error), error.exception, error.res, error.args) == ('It failed.', cause, 'response', ('It failed.', cause))
    assert str(common.DemistoException(['a'])) == "['a']"


TABLE = '### Results\n|a|\n|---|\n| 1 |\n'


@fact('documented', 'outputs go under their prefix, with a condition for each key field; without readable text they are a '
      'table')
@pytest.mark.parametrize('given, contents, readable, context', [
    ({'readable_output': 'text'}, 'text', 'text', {}),
    ({'outputs': {'a': 1}}, {'a': 1}, TABLE, {'a': 1}), ({'outputs': {'a': 1}, 'readable_output': ''}, {'a': 1}, '', {'a': 1}),
    ({'outputs': {'a': 1}, 'outputs_prefix': 'P'}, {'a': 1}, TABLE, {'P': {'a': 1}}),
    ({'outputs': {'a': 1}, 'outputs_prefix': 'P', 'outputs_key_field': ''}, {'a': 1}, TABLE, {'P': {'a': 1}}),
    ({'outputs': {'a': 1}, 'outputs_prefix': 'P', 'outputs_key_field': 'a', 'replace_existing': True}, {'a': 1}, TABLE,
     {'P(true)': {'a': 1}}),
    ({'outputs': [], 'outputs_prefix': 'P', 'readable_output': 'none'}, [], 'none', {'P': []}),
    ({'outputs_prefix': 'P', 'readable_output': 'none'}, 'none', 'none', {}),
    ({'outputs': {'a': 1}, 'outputs_prefix': 'P', 'raw_response': []}, [], TABLE, {'P': {'a': 1}}),
    ({'outputs': {'a': 1}, 'outputs_prefix': 'P', 'outputs_key_field': 'id'}, {'a': 1}, TABLE,
     {'P(val.id && val.id == obj.id)': {'a': 1}}),
    ({'outputs': {'a': 1}, 'outputs_prefix': 'P', 'outputs_key_field': ['a', 'b']}, {'a': 1}, TABLE,
     {'P(val.a && val.a == obj.a && val.b && val.b == obj.b)': {'a': 1}}),
    ({}, None, None, {}),
])
def test_a_result_becomes_an_entry(given: dict[str, Any], contents: Any, readable: Any, context: Any) -> None:
    assert common.CommandResults(**given).to_context() == {
        'Type': 1, 'ContentsFormat': 'json', 'Contents': contents, 'HumanReadable': readable, 'EntryContext': context,
        'IndicatorTimeline': [], 'IgnoreAutoExtract': False, 'Note': False, 'Relationships': []}


def test_results_are_sent_one_by_one_each_in_its_form(results: list[Any]) -> None:
    common.return_results('ok')
    common.return_results([{'Type': 1}, common.CommandResults(readable_output='text', entry_type=4)])
    common.return_results(None)
    assert (results[:2], results[3:]) == (['ok', {'Type': 1}], [None])
    assert (results[2]['Type'], results[2]['HumanReadable']) == (4, 'text')


@fact('seen', '`return_error` logs its text at the level info')
def test_an_error_ends_a_command_with_an_entry(results: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demistomock, 'command', lambda: 'hello-say')
    monkeypatch.setattr(demistomock, 'is_debug', True, raising=False)  # without a handled exception there is no traceback
    with pytest.raises(SystemExit) as end:
        common.return_error('It failed.', 'why', {'a': 1})
    assert end.value.code == 0
    assert results == [('log', 'It failed.\nwhy'),
                       {'Type': 4, 'ContentsFormat': 'text', 'Contents': 'It failed.', 'EntryContext': {'a': 1}}]


@fact('seen', '`return_error` raises while running')
@pytest.mark.parametrize('command', ['long-running-execution', 'fetch-incidents', 'fetch-credentials', 'fetch-indicators'])
def test_an_error_is_raised_where_the_server_reports_it(
        results: list[Any], monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(demistomock, 'command', lambda: command)
    with pytest.raises(Exception, match=r'^It failed\.$'):
        common.return_error('It failed.')
    assert results == [('log', 'It failed.')]


@pytest.mark.parametrize('read, given, value', [
    *((common.argToList, given, items) for given, items in (
        (None, []), ('', []), ([], []), (['a'], ['a']), ('a', ['a']), ('a, b ,c', ['a', 'b', 'c']), ('["a", 1]', ['a', 1]),
        (' [1,\n2] ', [1, 2]), (5, [5]), ('a]', ['a]']))),
    *((common.argToBoolean, word, True) for word in (True, 'true', 'True', 'yes', 'y', 't', 'on', '1')),
    *((common.argToBoolean, word, False) for word in (False, 'false', 'No', 'n', 'f', 'off', '0')),
    *((common.arg_to_number, given, number) for given, number in (
        (None, None), ('', None), ('5', 5), (' 5 ', 5), ('-5', -5), (5.9, 5), ('5.9', 5), (0, 0), ('9' * 19, 10 ** 19 - 1))),
    *((common.auto_detect_indicator_type, value, kind) for value, kind in (
        ('192.0.2.1', 'IP'), ('2001:db8::1', 'IPv6'), ('192.0.2.0/24', 'CIDR'), ('2001:db8::/32', 'IPv6CIDR'),
        ('CVE-2024-12345', 'CVE'),
        ('a' * 32, 'File'), ('https://example.com/a?b=c', 'URL'), ('kim@example.com', 'Email'), ('*.example.com', 'DomainGlob'),
        ('example.com', 'Domain'), ('evil.dll', None), ('no indicator', None), ('', None), (None, None)))])
def test_a_value_is_read_from_what_people_and_senders_write(read: Callable[[Any], Any], given: Any, value: Any) -> None:
    assert read(given) == value


@pytest.mark.parametrize('read, arguments, words', [
    *((common.argToBoolean, (given,), '.*boolean-like.*') for given in ('', 'maybe', None, 1)),
    (common.arg_to_number, ('five',), 'Invalid number: "five"'),
    (common.arg_to_number, ('five', 'limit'), 'Invalid number: "limit"="five"'),
    (common.arg_to_number, ('inf',), 'Invalid number: "inf"'), (common.arg_to_number, (None, 'limit', True), 'Missing "limit"'),
    (common.arg_to_number, ('', None, True), 'Missing a required argument')])
def test_a_value_that_cannot_be_read_is_an_error_that_names_it(read: Callable[..., Any], arguments: Any, words: str) -> None:
    with pytest.raises(ValueError, match=f'^{words}$'):
        read(*arguments)


def test_a_line_number_is_the_callers_own() -> None:
    first, second = (common.__line__(),
                     common.__line__())
    assert second == first + 1


@fact('documented', 'a table in Markdown: its title, columns, empty values, links and dates')
@pytest.mark.parametrize('rows, options, table', [
    ([{'b': 1, 'a': 'x'}, {'a': 'y'}], {}, '|a|b|\n|---|---|\n| x | 1 |\n| y |  |\n'),
    ([{'b': 1, 'a': 'x'}], {'sort_headers': False}, '|b|a|\n|---|---|\n| 1 | x |\n'),
    ({'alert_id': 1}, {'headerTransform': common.string_to_table_header}, '|Alert Id|\n|---|\n| 1 |\n'),
    ([{'a': None, 'b': 0, 'c': {}}], {'removeNull': True}, '|b|\n|---|\n| 0 |\n'),
    ([{'a': 1, 'b': 2, 'c': 3}], {'headers': ['c', 'a']}, '|c|a|\n|---|---|\n| 3 | 1 |\n'),
    ([{'a': 1}], {'headers': ''}, '|a|\n|---|\n| 1 |\n'), (['x', 'y'], {'headers': 'name'}, '|name|\n|---|\n| x |\n| y |\n'),
    ({'a': 'x|y\nz\r\n'}, {}, '|a|\n|---|\n| x\\|y<br>z<br> |\n'),
    ({'a': ['x', 'y'], 'b': {'c': 1}}, {}, '|a|b|\n|---|---|\n| x,<br>y | c: 1 |\n'),
    ({'a': 'http://x'}, {'url_keys': ['a']}, '|a|\n|---|\n| [http://x](http://x) |\n'),
    ({'a': 1700000000000}, {'date_fields': ['a']}, f'|a|\n|---|\n| {datetime.fromtimestamp(1_700_000_000)} |\n'),
    ([], {}, '**No entries.**\n'), ({}, {}, '**No entries.**\n'), (None, {'metadata': 'm'}, 'm\n**No entries.**\n')])
def test_a_table_shows_rows_under_a_title(rows: Any, options: dict[str, Any], table: str) -> None:
    assert common.tableToMarkdown('T', rows, **options) == f'### T\n{table}'


@pytest.mark.parametrize('found, expected', [
    (common.assign_params(a=1, b=None, c='', d=[], e={}, f=0, g=False), {'a': 1, 'f': 0, 'g': False}),
    (common.assign_params(keys_to_ignore=['a'], values_to_ignore=['x'], a=1, b='x', c=''), {'c': ''}),
    (common.remove_empty_elements({'a': {'b': None}, 'c': [{}, 0], 'd': '', 'e': False}), {'c': [0], 'e': False}),
    (common.dict_safe_get({'a': [{'b': 1}]}, ('a', 0, 'b')), 1), (common.dict_safe_get({'a': 1}, 'a', 2, str, False), 2),
    (common.dict_safe_get({}, ['a', 'b'], 'none'), 'none'), (common.dict_safe_get({'a': []}, ['a', 0], 'none'), 'none'),
    ([*common.batch([1, 2, 3], 2)], [[1, 2], [3]]), (common.argToList('1;2', ';', int), [1, 2]),
    (common.safe_load_json('{"a": 1}'), {'a': 1}), (common.safe_load_json([1]), [1]),
    (common.urljoin('http://x', '/api'), 'http://x/api'), (common.urljoin('http://x/', 'api'), 'http://x/api'),
    (common.urljoin('http://x'), 'http://x/'), (common.string_to_context_key('alert_id'), 'AlertId'),
    (common.underscoreToCamelCase('alert_id'), 'AlertId'), (common.underscoreToCamelCase('alert_id', False), 'alertId'),
    (common.pascalToSpace('Alert12ID'), 'Alert 12 ID'), (common.camelize([{'alert id': 1}]), [{'AlertId': 1}]),
    (common.snakify({'AlertId': 1}), {'alert_id': 1}),
    (common.createContext([{'a.b': 1, 'c': '', 'd': {}, 'e': 0}], removeNull=True), [{'a': {'b': 1}, 'e': 0}]),
    (common.createContext({'a': 1}, '7', common.string_to_context_key), {'ID': '7', 'A': 1}),
    (common.get_hash_type('a' * 64), 'sha256'), (common.get_hash_type('a'), 'Unknown'),
    (common.DBotScoreReliability.is_valid_type('A+ - 3rd party enrichment'), True),
    (common.FeedIndicatorType.list_all_supported_indicators()[:2], ['Account', 'ASN']),
    (common.is_ip_valid('192.0.2.1'), True), (common.is_ip_valid('::1'), False), (common.is_ipv6_valid('::1'), True),
    (common.create_clickable_url('http://x', 'X'), '[X](http://x)'),
    (common.b64_encode('ä'), 'w6Q='), (common.b64_encode(b'\xe4'), '5A=='), (common.b64_encode(b''), ''),
    (common.comma_separated_mapping_to_dict('a=b, c = d='), {'a': 'b', 'c': 'd='}),
    (common.get_current_time().tzinfo, timezone.utc),
    (list(common.split_data_to_chunks('a\nb\nbb\nc', 2)), [['a', 'b'], ['bb'], ['c']]),
    ([*map(len, common.split_data_to_chunks(['a' * 9_000_000, 'b'], 10 ** 8))], [1, 1]),
    (common.GetMappingFieldsResponse(common.SchemeTypeMapping('T', {'f': 'd'})).extract_mapping(), {'T': {'f': 'd'}}),
    (common.GetMappingFieldsResponse((common.SchemeTypeMapping('T'),)).extract_mapping(), {'T': {}}),
    (common.GetRemoteDataResponse({}, [{'Type': 1}]).extract_for_local(), [{'Type': 1}]),
    (common.GetModifiedRemoteDataResponse(['1'], [{'id': '1'}]).to_entry()['Contents'], [{'id': '1'}])])
def test_a_helper_returns_what_its_documentation_says(found: Any, expected: Any) -> None:
    assert found == expected


def test_dates_are_read_from_timestamps_and_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    # For a text that is no date it would load some 200 languages, which takes two seconds.
    monkeypatch.setattr('dateparser.parse', partial(common.dateparser.parse, languages=['en']))
    moment = datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    assert common.arg_to_datetime(' 1700000000 ') == common.arg_to_datetime(1_700_000_000_000) == moment
    assert common.arg_to_datetime('2023-11-14T22:13:20Z') == moment
    assert common.arg_to_datetime('3 days', settings={'RELATIVE_BASE': moment}) == datetime(2023, 11, 11, 22, 13, 20)
    assert common.arg_to_datetime(None) is None
    for text, words in (('never', 'Invalid date: "since"="never"'), (None, 'Missing "since"')):
        with pytest.raises(ValueError, match=words):
            common.arg_to_datetime(text, 'since', required=True)


def test_dates_become_the_texts_that_the_server_takes() -> None:
    assert common.timestamp_to_datestring(1_700_000_000_123) == '2023-11-14T22:13:20.000Z'
    with zone('Asia/Kathmandu'):
        assert common.timestamp_to_datestring('1700000000000', '%Y-%m-%d', is_utc=True) == '2023-11-14'
    moment = datetime(2023, 11, 14, 22, 13, 20, 12_345)
    assert common.datetime_to_string(moment) == '2023-11-14T22:13:20.012Z'
    assert common.datetime_to_string(moment.replace(tzinfo=timezone(timedelta(hours=2)))) == '2023-11-14T20:13:20.012Z'
    assert common.FormatIso8601(moment) == '2023-11-14T22:13:20'
    assert common.timestamp_to_datestring(common.date_to_timestamp(moment), '%H:%M:%S') == '22:13:20'
    assert common.parse_date_string('2023-11-14T22:13:20.5Z') == datetime(2023, 11, 14, 22, 13, 20, 500_000)


def test_a_range_ends_now() -> None:
    start, end = common.parse_date_range('2 hours')
    assert (end - start).total_seconds() == 7200
    assert common.parse_date_range(' 3 days ', '%Y')[1] == end.strftime('%Y')
    assert common.parse_date_range('2 hours', timezone=5)[0] > end
    with pytest.raises(ValueError, match="'soon' is not a range such as 3 days"):
        common.parse_date_range('soon')


def score(number: int, **options: Any) -> Any:
    return common.Common.DBotScore('192.0.2.1', common.DBotScoreType.IP, 'Vendor', number, **options)


@fact('documented', 'a score goes under `DBotScore`, and a malicious one has under `Malicious` who says so and why')
def test_a_bad_address_has_its_place_and_why_it_is_malicious() -> None:
    ip = common.Common.IP('192.0.2.1', score(3, malicious_description='why', reliability='A - Completely reliable'), asn='AS1',
                          geo_latitude=0, geo_longitude=2, geo_country='CH', tags='a,b')
    assert ip.to_context() == {
        'IP(val.Address && val.Address == obj.Address)': {
            'Address': '192.0.2.1', 'ASN': 'AS1', 'Geo': {'Country': 'CH', 'Location': '0:2'}, 'Tags': 'a,b',
            'Malicious': {'Vendor': 'Vendor', 'Description': 'why'}},
        'DBotScore(val.Indicator && val.Indicator == obj.Indicator && val.Vendor == obj.Vendor && val.Type == obj.Type)': {
            'Indicator': '192.0.2.1', 'Type': 'ip', 'Vendor': 'Vendor', 'Score': 3, 'Reliability': 'A - Completely reliable'}}


@fact('documented', 'indicators have the paths and keys of the context standards')
@pytest.mark.parametrize('kind, arguments, path, expected', [
    ('Domain', {'domain': 'a.b', 'registrar_name': 'R'}, 'Domain(val.Name && val.Name == obj.Name)',
     {'Name': 'a.b', 'Registrar': {'Name': 'R'}, 'WHOIS': {'Registrar': {'Name': 'R'}}}),
    ('URL', {'url': 'http://x', 'category': 'C'}, 'URL(val.Data && val.Data == obj.Data)', {'Data': 'http://x', 'Category': 'C'}),
    ('EMAIL', {'address': 'a@b.c'}, 'Email(val.Address && val.Address == obj.Address)', {'Address': 'a@b.c'}),
    ('Account', {'id': 1, 'email_address': 'a@b.c'}, 'Account(val.ID && val.ID == obj.ID)',
     {'ID': 1, 'Email': {'Address': 'a@b.c'}}),
    ('Endpoint', {'id': 1, 'os': 'Linux'}, 'Endpoint(val.ID && val.ID == obj.ID && val.Vendor == obj.Vendor)',
     {'ID': 1, 'OS': 'Linux'}),
    ('CVE', {'id': 'CVE-1', 'cvss': 5}, 'CVE(val.ID && val.ID == obj.ID)', {'ID': 'CVE-1', 'CVSS': 5})])
def test_an_indicator_is_under_its_path(kind: str, arguments: dict[str, Any], path: str, expected: dict[str, Any]) -> None:
    assert getattr(common.Common, kind)(**arguments).to_context()[path] == expected


def test_a_file_takes_its_score_first_and_several_indicators_share_a_path() -> None:
    files = [common.Common.File(score(1), name=name, md5='a' * 32) for name in ('a.txt', 'b.txt')]
    context = common.CommandResults(indicators=files).to_context()['EntryContext']
    [found] = [value for path, value in context.items() if path.startswith('File(val.MD5')]
    assert [file['Name'] for file in found] == ['a.txt', 'b.txt'] and len(context) == 2


@pytest.mark.parametrize('make, words', [
    (lambda: score(4), '4 is not a score from 0 to 3'), (lambda: score(1, reliability='good'), 'is not a reliability'),
    (lambda: common.Common.IP('192.0.2.1', score(1), colour='red'), 'The carried Common.IP has no field colour')])
def test_a_wrong_value_of_an_indicator_is_an_error_that_names_it(make: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        make()


@fact('inferred', "a file result is a file in the working folder, named after the investigation and the entry's `FileID`")
def test_a_file_is_written_where_the_server_collects_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demistomock, 'uniqueFile', lambda: 'unique', raising=False)
    monkeypatch.setattr(demistomock, 'investigation', lambda: {'id': '7'}, raising=False)
    assert common.fileResult('a.txt', 'text', 9) == {
        'Contents': '', 'ContentsFormat': 'text', 'Type': 9, 'File': 'a.txt', 'FileID': 'unique'}
    assert (tmp_path / '7_unique').read_bytes() == b'text'


def test_another_command_returns_its_contents_or_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    replies = {'good': [{'Type': 1, 'Contents': {'a': 1}}], 'bad': [{'Type': 4, 'Contents': text} for text in ('why', 'how')]}
    monkeypatch.setattr(demistomock, 'executeCommand', lambda name, args: replies[name], raising=False)
    assert common.execute_command('good', {}) == {'a': 1}
    assert common.execute_command('good', {}, fail_on_error=False) == (True, {'a': 1})
    assert common.execute_command('good', {}, extract_contents=False) == replies['good']
    assert common.execute_command('bad', {}, fail_on_error=False) == (False, 'why\nhow')
    with pytest.raises(common.DemistoException, match=r'Failed to execute bad\. Error details:\nwhy\nhow'):
        common.execute_command('bad', {})


def test_results_of_other_kinds_are_sent_as_their_own_entries(results: list[Any]) -> None:
    mapping = common.SchemeTypeMapping('User')
    mapping.add_field('mail', 'An address')
    common.return_results(common.GetMappingFieldsResponse([mapping]))
    common.return_results(common.GetModifiedRemoteDataResponse(['1']))
    common.return_results(common.GetRemoteDataResponse({'id': '1'}, [{'Type': 1}]))
    common.return_results(common.CommandResults(scheduled_command=common.ScheduledCommand('c', 5, {'a': 1}, 60), tags=['t']))
    common.return_outputs('text', {'A': 1})
    common.return_results(type('Number', (common.BaseWidget,), {'to_display': lambda _: '7'})())
    with pytest.raises(SystemExit) as end:
        common.return_warning('text', True, outputs={'A': 1})
    assert end.value.code == 0
    assert results[0] == {'User': {'mail': 'An address'}}
    assert (results[1]['Contents'], results[2]) == (['1'], [{'id': '1'}, {'Type': 1}])
    scheduled = [results[3][key] for key in ('PollingCommand', 'NextRun', 'PollingArgs', 'Timeout', 'Tags')]
    assert scheduled == ['c', '5', {'a': 1}, '60', ['t']]
    assert (results[4]['HumanReadable'], results[4]['EntryContext'], results[4]['Contents']) == ('text', {'A': 1}, {'A': 1})
    assert (results[5], results[6]['EntryContext']) == ('7', {'A': 1})


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of version 8.9.0, whose mappers change nothing."""
    monkeypatch.setattr(demistomock, 'demistoVersion', lambda: {'version': '8.9.0', 'buildNumber': '50'}, raising=False)
    monkeypatch.setattr(demistomock, 'mapObject', lambda source, mapper, kind: dict(source), raising=False)
    context = {'context': {'IntegrationBrand': 'Directory', 'IntegrationInstance': 'directory'}}
    demistomock.declare(callingContext=context)
    yield
    demistomock.reset()


@pytest.mark.parametrize('version, build, is_older', [
    ('8.9.0', '', True), ('8.10.0', '', False), ('6.12', '', True), ('8.9.0', '51', False), ('8.9.0', '50', True)])
def test_a_version_is_compared_by_its_numbers(server: None, version: str, build: str, is_older: bool) -> None:
    assert common.is_demisto_version_ge(version, build) is is_older
    assert (common.get_demisto_version()['version'], common.get_integration_name()) == ('8.9.0', 'Directory')


class Directory:
    """A client of a directory with one user."""

    def __init__(self, is_active: bool) -> None:
        self.user = {'email': 'kim@example.com', 'active': is_active}

    def found(self) -> Any:
        return common.IAMUserAppData('u1', 'kim', self.user['active'], self.user)

    def get_user(self, email: str) -> Any:
        if email == 'broken':
            raise ValueError('It is broken.')
        return self.found() if email == 'kim@example.com' else None

    def create_user(self, data: Any) -> Any:
        return common.IAMUserAppData('u2', data['email'], True, data)

    def update_user(self, id: str, data: Any) -> Any:
        self.user.update(data)
        return self.found()

    def enable_user(self, id: str) -> Any:
        return self.update_user(id, {'active': True})

    def disable_user(self, id: str) -> Any:
        assert self.user['active'], 'A disabled user is not disabled again.'
        return self.update_user(id, {'active': False})

    def handle_exception(self, profile: Any, error: Exception, action: str) -> None:
        profile.set_result(action=action, success=False, error_message=str(error))


KIM, NOBODY = 'kim@example.com', 'nobody@example.com'


@pytest.mark.parametrize('command, email, settings, args, expected', [
    ('get_user', KIM, {}, {}, {'action': 'get', 'success': True, 'id': 'u1', 'active': False}),
    ('get_user', NOBODY, {}, {}, {'success': False, 'errorCode': 404, 'errorMessage': 'User does not exist'}),
    ('get_user', 'broken', {}, {}, {'success': False, 'errorMessage': 'It is broken.'}),
    ('create_user', NOBODY, {}, {}, {'action': 'create', 'success': True, 'id': 'u2'}),
    ('create_user', KIM, {}, {}, {'action': 'update', 'success': True, 'id': 'u1', 'active': True}),
    ('update_user', KIM, {}, {'allow-enable': 'false'}, {'action': 'update', 'active': False}),
    ('update_user', NOBODY, {}, {}, {'action': 'create', 'id': 'u2'}),
    ('update_user', NOBODY, {'create_if_not_exists': False}, {}, {'action': 'update', 'skipped': True}),
    ('update_user', KIM, {'is_update_enabled': False}, {}, {'skipped': True, 'reason': 'Command is disabled.'}),
    ('create_user', NOBODY, {'is_create_enabled': False}, {}, {'action': 'create', 'skipped': True}),
    ('disable_user', KIM, {'is_disable_enabled': False}, {}, {'action': 'disable', 'skipped': True}),
    ('disable_user', NOBODY, {}, {}, {'success': True, 'skipped': True, 'reason': 'User does not exist'}),
    ('disable_user', KIM, {}, {}, {'action': 'disable', 'success': True, 'active': False})])
def test_a_command_on_a_user_has_its_result_for_the_context(
        server: None, command: str, email: str, settings: dict[str, Any], args: dict[str, Any], expected: dict[str, Any]) -> None:
    given = {'user-profile': json.dumps({'email': email}), **args}
    entry = getattr(common.IAMCommand(**settings), command)(Directory(is_active=False), given).to_entry()
    [found] = [value for path, value in entry['EntryContext'].items() if path.startswith('IAM.Vendor')]
    assert found == entry['Contents'] and {key: found[key] for key in expected} == expected
    assert (found['brand'], found['instanceName'], found['email']) == ('Directory', 'directory', email)


# The client, before a vendor's API.

API = 'https://api.vendor.example/'


@pytest.fixture
def client() -> Any:
    return common.BaseClient(API, headers={'X': 'y'})


def test_a_client_sends_what_it_is_given_and_returns_the_type_that_is_asked_for(client: Any, requests_mock: Mocker) -> None:
    requests_mock.post(f'{API}echo?b=2', request_headers={'X': 'y'}, json={'found': 1},
                       additional_matcher=lambda request: request.text == '{"a": 1}')
    assert client._http_request('POST', '/echo', json_data={'a': 1}, params={'b': 2}) == {'found': 1}
    requests_mock.get(f'{API}number', text='7')
    kinds = {kind: client._http_request('GET', 'number', resp_type=kind, retries=2)
             for kind in ('json', 'text', 'content', 'response')}
    assert (kinds['json'], kinds['text'], kinds['content'], kinds['response'].status_code) == (7, '7', b'7', 200)
    assert {adapter.max_retries.total for adapter in client._session.adapters.values()} == {2}
    requests_mock.get(f'{API}missing', status_code=404, text='7')
    assert client._http_request('GET', full_url=f'{API}missing', ok_codes=(404,)) == 7
    assert client._http_request('GET', 'missing', error_handler=lambda response: response.status_code) == 404
    requests_mock.get(f'{API}empty', status_code=204)
    assert client._http_request('GET', 'empty', return_empty_response=True).status_code == 204


@fact('documented', "a client's errors have the status, the reason and the body")
@pytest.mark.parametrize('status, text, words', [
    (403, 'no', r'Error in API call \[403\] - Forbidden\nno'), (403, '', r'Error in API call \[403\] - Forbidden\Z'),
    (200, 'no', 'Failed to parse json object from response')])
def test_a_useless_response_is_an_error_that_contains_it(
        client: Any, requests_mock: Mocker, status: int, text: str, words: str) -> None:
    requests_mock.get(API, status_code=status, reason='Forbidden', text=text)
    with pytest.raises(common.DemistoException, match=words) as error:
        client._http_request('GET')
    assert error.value.res.text == text


@pytest.mark.parametrize('failure, words', [
    (exceptions.ConnectTimeout, 'Connection Timeout Error: '), (exceptions.SSLError, 'SSL Certificate Verification Failed: '),
    (exceptions.ProxyError, 'Proxy Error: '), (exceptions.ConnectionError, 'Connection Error: verify'),
    (exceptions.RetryError, 'Max Retries Error: ')])
def test_a_server_that_cannot_be_asked_is_an_error_that_says_what_to_check(
        client: Any, requests_mock: Mocker, failure: type[Exception], words: str) -> None:
    requests_mock.get(API, exc=failure)
    with pytest.raises(common.DemistoException, match=words):
        client._http_request('GET')


def test_data_for_xsiam_has_its_total_and_too_many_requests_are_an_error(
        requests_mock: Mocker, server: None, monkeypatch: pytest.MonkeyPatch) -> None:
    replies: list[dict[str, Any]] = [{'json': {'error': 'false'}}, {'status_code': 429, 'text': 'slow down'}]
    vendor = requests_mock.post('https://api-vendor.example/logs/v1/xsiam', replies)
    monkeypatch.setattr(demistomock, 'getLicenseCustomField', lambda _: 'vendor.example', raising=False)
    demistomock.declare(params={}, updateModuleHealth=None)
    send = partial(common.send_data_to_xsiam, ['one'], 'acme', 'hosts', data_type='assets', items_count=7, num_of_attempts=1)
    send()
    assert demistomock.calls[-1] == ('updateModuleHealth', ({'assetsPulled': 1}, False))
    assert vendor.request_history[0].headers['total-items-count'] == '7'
    with pytest.raises(common.DemistoException, match='429'):
        send()


@pytest.mark.parametrize('is_used, proxies', [(True, 'http://127.0.0.1:1'), (False, None)])
def test_a_client_without_a_proxy_forgets_those_of_the_environment(
        server: None, requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch, is_used: bool, proxies: str | None) -> None:
    monkeypatch.setenv('https_proxy', 'http://127.0.0.1:1')
    monkeypatch.setenv('CURL_CA_BUNDLE', '')
    monkeypatch.delenv('no_proxy', raising=False)
    monkeypatch.delenv('NO_PROXY', raising=False)
    requests_mock.get(API, text='7')
    assert common.BaseClient(API, verify=is_used, proxy=is_used)._http_request('GET') == 7
    assert requests_mock.request_history[0].proxies.get('https') == proxies
    assert ('https_proxy' in os.environ) == ('CURL_CA_BUNDLE' in os.environ) == is_used
    monkeypatch.delenv('https_proxy', raising=False)
    monkeypatch.setenv('HTTPS_PROXY', 'http://127.0.0.1:1')
    demistomock.declare(params={})
    assert common.handle_proxy(checkbox_default_value=is_used).get('https') == proxies


@fact('documented', 'a polling function asks to run again with the arguments for the next run, and says so once; without '
      '`polling` it returns what it has')
def test_a_polling_function_asks_to_run_again_until_it_is_done() -> None:
    @common.polling_function('x-poll', interval=5, timeout=60)  # type: ignore[untyped-decorator]
    def poll(args: dict[str, Any]) -> Any:
        following = {**args, 'left': args['left'] - 1}
        return common.PollResult('done', continue_to_poll=args['left'] > 0, args_for_next_run=following)

    first = poll({'left': 1, 'polling': 'true'}).to_context()
    assert [first[key] for key in ('PollingCommand', 'NextRun', 'Timeout', 'HumanReadable', 'PollingItemsRemaining')] == [
        'x-poll', '5', '60', 'Fetching Results:', 0]
    assert first['PollingArgs'] == {'left': 0, 'polling': 'true', 'hide_polling_output': True}
    assert poll({'left': 1}) == 'done' == poll(first['PollingArgs'])
    other = poll({'left': 1, 'polling': 'true', 'interval_in_seconds': '7', 'timeout': '90'}).to_context()
    assert (other['NextRun'], other['Timeout']) == ('7', '90'), 'arguments count before what the decorator says'


def test_packages_that_scripts_expect_are_imported_when_they_are_used() -> None:
    assert common.dateparser.parse('2024-01-31').year == 2024 and common.requests.codes.ok == 200


def test_widgets_relationships_and_names_of_objects(results: list[Any]) -> None:
    table = common.TableOrListWidget({'a': 1})
    table.add_row([{'a': 2}])
    common.return_results([common.NumberWidget(7), common.TextWidget('# text'), table])
    assert results == [7, '# text', '{"total": 2, "data": [{"a": 1}, {"a": 2}]}']
    made = common.EntityRelationship(common.EntityRelationship.Relationships.RELATED_TO, 'a', 'IP', 'b',
                                     common.ThreatIntel.ObjectsNames.ATTACK_PATTERN)
    assert made.to_entry() == made.to_indicator() and made.to_indicator()['name'] == 'related-to'
    assert made.to_context() == {'Relationship': 'related-to', 'EntityA': 'a', 'EntityAType': 'IP', 'EntityB': 'b',
                                 'EntityBType': 'Attack Pattern'}
    assert not hasattr(common.ThreatIntel.ObjectsNames, 'tool')
    assert common.LOG.print_log(verbose=True) is None  # type: ignore[attr-defined]
    assert [common.scoreToReputation(score) for score in (0, 0.5, 1, 2, 3)] == [
        'Unknown', 'Informational', 'Good', 'Suspicious', 'Bad']


@pytest.mark.parametrize('known, data, expected', [
    (None, 'a', 'a'), ('a', 'b', 'a,b'), ({'a': 1}, {'b': 2}, {'a': 1, 'b': 2}), (['a', 'b'], ['a', 'c'], ['a', 'b', 'c']),
    (1, 2, [1, 2])])
def test_data_is_appended_to_a_key_of_the_context(monkeypatch: pytest.MonkeyPatch, known: Any, data: Any, expected: Any) -> None:
    kept: dict[str, Any] = {}
    monkeypatch.setattr(demistomock, 'context', lambda: {'Key': known}, raising=False)
    monkeypatch.setattr(demistomock, 'setContext', kept.__setitem__, raising=False)
    monkeypatch.setattr(demistomock, 'get', lambda context, key: context[key], raising=False)
    common.appendContext('Key', data, dedup=True)
    assert kept == {'Key': expected}


def test_names_that_scripts_use_beside_indicators() -> None:
    assert re.findall(common.urlRegex, 'see HTTP://a.example/x?y or hxxp[:]//b[.]example, not c.example') == [
        'HTTP://a.example/x?y', 'hxxp[:]//b[.]example,']
    assert common.FeedIndicatorType.indicator_type_by_server_version('STIX Malware') == 'Malware'
    assert common.outputPaths['ip'] == common.Common.IP.CONTEXT_PATH and common.outputPaths['file'].startswith('File(val.MD5')
    related = [common.Common.FeedRelatedIndicators('a.example', 'Domain')]
    score = common.Common.DBotScore('192.0.2.1', 'ip', 'Acme', 2)
    [found, _] = common.Common.IP('192.0.2.1', score, feed_related_indicators=related).to_context().values()
    assert found['FeedRelatedIndicators'] == [{'value': 'a.example', 'type': 'Domain', 'description': None}]
    assert 'Malicious' not in found, 'it is only suspicious'
