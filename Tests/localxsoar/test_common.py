"""The carried subset of CommonServerPython: its functions alone, as an integration calls them."""

from typing import Any

import demistomock
import pytest

from localxsoar import CommonServerPython as common


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is sent to the War Room."""
    sent: list[Any] = []
    monkeypatch.setattr(demistomock, 'results', sent.append)
    monkeypatch.setattr(demistomock, 'error', lambda text: sent.append(('log', text)))
    return sent


def numbers(kinds: type) -> dict[str, Any]:
    return {name: value for name, value in vars(kinds).items() if not name.startswith('_')}


def test_kinds_and_formats_have_the_values_that_the_server_knows() -> None:
    assert numbers(common.EntryType) == {
        'NOTE': 1, 'DOWNLOAD_AGENT': 2, 'FILE': 3, 'ERROR': 4, 'PINNED': 5, 'USER_MANAGEMENT': 6, 'IMAGE': 7,
        'PLAYGROUND_ERROR': 8,
        'ENTRY_INFO_FILE': 9, 'WARNING': 11, 'MAP_ENTRY_TYPE': 15, 'WIDGET': 17}
    assert numbers(common.EntryFormat) == {'HTML': 'html', 'TABLE': 'table', 'JSON': 'json', 'TEXT': 'text',
                                           'DBOT_RESPONSE': 'dbotCommandResponse', 'MARKDOWN': 'markdown'}
    assert common.entryTypes == {'note': 1, 'file': 3, 'error': 4, 'image': 7, 'warning': 11}


def test_an_error_is_shown_by_its_message_and_keeps_its_cause() -> None:
    cause = KeyError('a')
    error = common.DemistoException('It failed.', cause, 'response')
    assert (str(error), error.exception, error.res, error.args) == ('It failed.', cause, 'response', ('It failed.', cause))
    assert str(common.DemistoException(['a'])) == "['a']"


@pytest.mark.parametrize('given, contents, readable, context', [
    ({'readable_output': 'text'}, 'text', 'text', {}),
    ({'outputs': {'a': 1}}, {'a': 1}, '{\n    "a": 1\n}', {}),
    ({'outputs': {'a': 1}, 'outputs_prefix': 'P'}, {'a': 1}, '{\n    "a": 1\n}', {'P': {'a': 1}}),
    ({'outputs': [], 'outputs_prefix': 'P', 'readable_output': 'none'}, [], 'none', {'P': []}),
    ({'outputs_prefix': 'P', 'readable_output': 'none'}, 'none', 'none', {}),
    ({'outputs': 1, 'outputs_prefix': 'P', 'raw_response': {'raw': 1}}, {'raw': 1}, '{\n    "raw": 1\n}', {'P': 1}),
    ({'outputs': 1, 'outputs_prefix': 'P', 'outputs_key_field': 'id'}, 1, '1', {'P(val.id && val.id == obj.id)': 1}),
    ({'outputs': 1, 'outputs_prefix': 'P', 'outputs_key_field': ['a', 'b']}, 1, '1',
     {'P(val.a && val.a == obj.a && val.b && val.b == obj.b)': 1}),
    ({}, None, None, {}),
])
def test_a_result_becomes_an_entry(given: dict[str, Any], contents: Any, readable: Any, context: Any) -> None:
    assert common.CommandResults(**given).to_context() == {
        'Type': 1, 'ContentsFormat': 'json', 'Contents': contents, 'HumanReadable': readable, 'EntryContext': context}


def test_results_are_sent_one_by_one_each_in_its_form(results: list[Any]) -> None:
    common.return_results('ok')
    common.return_results([{'Type': 1}, common.CommandResults(readable_output='text', entry_type=4)])
    common.return_results(None)
    assert (results[:2], results[3:]) == (['ok', {'Type': 1}], [None])
    assert (results[2]['Type'], results[2]['HumanReadable']) == (4, 'text')


def test_an_error_ends_a_command_with_an_entry(results: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demistomock, 'command', lambda: 'hello-say')
    with pytest.raises(SystemExit) as end:
        common.return_error('It failed.', 'why', {'a': 1})
    assert end.value.code == 0
    assert results == [('log', 'It failed.\nwhy'),
                       {'Type': 4, 'ContentsFormat': 'text', 'Contents': 'It failed.', 'EntryContext': {'a': 1}}]


@pytest.mark.parametrize('command', ['long-running-execution', 'fetch-incidents', 'fetch-credentials', 'fetch-indicators'])
def test_an_error_is_raised_where_the_server_reports_it(
    results: list[Any], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(demistomock, 'command', lambda: command)
    with pytest.raises(Exception, match=r'^It failed\.$'):
        common.return_error('It failed.')
    assert results == [('log', 'It failed.')]


@pytest.mark.parametrize('given, items', [
    (None, []), ('', []), ([], []), (['a'], ['a']), ('a', ['a']), ('a, b ,c', ['a', 'b', 'c']), ('["a", 1]', ['a', 1]),
    (' [1,\n2] ', [1, 2]), (5, [5]), ('a]', ['a]'])])
def test_a_list_is_read_from_a_list_json_or_separated_text(given: Any, items: list[Any]) -> None:
    assert common.argToList(given) == items


def test_a_list_has_another_separator_and_a_transformation() -> None:
    assert common.argToList('1;2', ';', int) == [1, 2]


@pytest.mark.parametrize('given, value', [
    (True, True), (False, False), *((word, True) for word in ('true', 'True', 'yes', 'y', 't', 'on', '1')),
    *((word, False) for word in ('false', 'No', 'n', 'f', 'off', '0'))])
def test_a_boolean_is_read_from_the_usual_words(given: Any, value: bool) -> None:
    assert common.argToBoolean(given) is value


@pytest.mark.parametrize('given', ['', 'maybe', None, 1])
def test_what_is_no_boolean_is_an_error(given: Any) -> None:
    with pytest.raises(ValueError, match='boolean-like'):
        common.argToBoolean(given)


@pytest.mark.parametrize('given, number', [
    (None, None), ('', None), ('5', 5), (' 5 ', 5), ('-5', -5), (5.9, 5), ('5.9', 5), (0, 0)])
def test_a_number_is_read_from_text_or_a_number(given: Any, number: Any) -> None:
    assert common.arg_to_number(given) == number


@pytest.mark.parametrize('arguments, words', [
    (('five',), 'Invalid number: "five"'), (('five', 'limit'), 'Invalid number: "limit"="five"'),
    (('inf',), 'Invalid number: "inf"'),
    ((None, 'limit', True), 'Missing "limit"'), (('', None, True), 'Missing a required argument')])
def test_what_is_no_number_is_an_error_that_names_it(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(ValueError, match=f'^{words}$'):
        common.arg_to_number(*arguments)


def test_a_line_number_is_the_callers_own() -> None:
    first, second = (common.__line__(),
                     common.__line__())
    assert second == first + 1
