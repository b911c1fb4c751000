"""The printed lines: what each thing that happens looks like in a terminal, and which lines are printed at all."""

import re
from typing import Any

import pytest

from localxsoar.entries import align_tables, readable
from localxsoar.output import Printer, became, escape, triage

DELIVERY = {'method': 'POST', 'status': 200, 'milliseconds': 4.6, 'sender': 'curl', 'kind': 'created', 'target': '/way/in',
            'incidents': ['7'], 'text': 'disk full'}


@pytest.fixture
def printed() -> list[str]:
    return []


def without_time(line: str) -> str:
    assert re.match(r'\d\d:\d\d:\d\d  ', line)
    return line[10:]


@pytest.mark.parametrize('text, shown', [
    ('a\nb', 'a\\nb'), ('\x1b[31m', '\\x1b[31m'), ('\x00\x1f\x7f\x9f', '\\x00\\x1f\\x7f\\x9f'),
    ('\u2028\u2029', '\\u2028\\u2029'),
    ('\ud800', '\\ud800'), ('ü •\xa0', 'ü •\xa0')])
def test_a_control_character_is_escaped_and_nothing_else(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize('change, line', [
    ({}, 'POST 200    5 ms  curl          incident 7  disk full'),
    ({'incidents': ['7', '8', '9']}, 'POST 200    5 ms  curl          incidents 7 to 9  disk full'),
    ({'triage': 'critical'}, 'POST 200    5 ms  curl          incident 7 critical  disk full'),
    ({'incidents': ['7', '8'], 'triage': 'info resolved'},
     'POST 200    5 ms  curl          incidents 7 to 8 info resolved  disk full'),
    ({'kind': 'repeat'}, 'POST 200    5 ms  curl          repeat of incident 7  disk full'),
    ({'kind': 'handshake', 'incidents': [], 'text': 'confirmed'}, 'POST 200    5 ms  curl          handshake  confirmed'),
    ({'kind': 'answered', 'incidents': [], 'text': 'no incident'}, 'POST 200    5 ms  curl          no incident'),
    ({'kind': 'rejected', 'status': 401, 'incidents': [], 'text': 'no token'}, 'POST 401    5 ms  curl          no token'),
    ({'kind': 'rejected', 'status': 404, 'incidents': [], 'text': 'none'}, 'POST 404    5 ms  curl          /way/in  none'),
    ({'kind': 'answered', 'status': 404, 'incidents': [], 'text': 'none'}, 'POST 404    5 ms  curl          none'),
    ({'kind': 'gone', 'status': None, 'sender': '', 'incidents': [], 'text': 'left'}, 'POST ---    5 ms  -             left'),
])
def test_a_delivery_is_one_line(printed: list[str], change: dict[str, Any], line: str) -> None:
    Printer(write=printed.append).delivery({**DELIVERY, **change})
    assert [without_time(each) for each in printed] == [line]


@pytest.mark.parametrize('text, shown', [('x' * 110, 'x' * 110), ('x' * 111, 'x' * 109 + '…')])
def test_a_long_text_is_cut_to_fit_a_line(text: str, shown: str) -> None:
    assert became({**DELIVERY, 'text': text}) == f'incident 7  {shown}'


@pytest.mark.parametrize('lowest, levels', [
    ('debug', ['debug', 'info', 'error', 'odd']), ('info', ['info', 'error', 'odd']), ('error', ['error', 'odd'])])
def test_a_log_line_is_printed_from_its_level_on_and_always_published(printed: list[str], lowest: str, levels: list[str]) -> None:
    printer = Printer(lowest, printed.append)
    events = printer.events.follow()
    next(events)
    for level in ('debug', 'info', 'error', 'odd'):
        printer.log('12:00:00.000', level, f'{level} text')
    assert [without_time(line) for line in printed] == [f'log {level:<5} {level} text' for level in levels]
    assert next(events).count(b'event: log\n') == 4


def test_the_log_is_printed_from_errors_on_unless_told_otherwise(printed: list[str]) -> None:
    printer = Printer(write=printed.append)
    printer.log('', 'info', 'a')
    printer.log('', 'error', 'b')
    assert [line[-1] for line in printed] == ['b']


def test_incidents_are_printed_unless_the_deliveries_claim_them(printed: list[str]) -> None:
    printer = Printer(write=printed.append)
    incidents: list[Any] = [{'id': '1', 'name': 'a', 'severity': 3}, {'id': '2', 'name': 'b'}]
    printer.created(incidents)
    assert [without_time(line) for line in printed] == ['incident 1 high  a', 'incident 2  b']
    claimed: list[Any] = []
    printer.claim = claimed.extend
    printer.created(incidents)
    assert (len(printed), claimed) == (2, incidents)


@pytest.mark.parametrize('incidents, words', [
    ([], ''), ([{}], ''), ([{'severity': 0}], ''), ([{'severity': 0.5}], 'info'), ([{'severity': 7}], ''),
    ([{'severity': 1}, {'severity': 4}, {}], 'critical'), ([{'state': 'resolved'}], 'resolved'),
    ([{'severity': 0.5, 'labels': [{'type': 'state', 'value': 'resolved'}]}], 'info resolved'),
    ([{'state': 'resolved'}, {'state': 'resolved'}], 'resolved'), ([{'state': 'resolved'}, {}], '')])
def test_the_highest_severity_counts_and_a_state_that_all_have(incidents: Any, words: str) -> None:
    assert triage(incidents) == words


# Entries of a War Room.


@pytest.mark.parametrize('entry, text', [
    ({'HumanReadable': 'read', 'Contents': 'not this'}, 'read'), ({'Contents': 'text'}, 'text'),
    ({'Contents': {'a': 1}}, '{\n  "a": 1\n}'),
    ({'HumanReadable': 'read', 'EntryContext': {'A': 1}}, 'read\n{\n  "A": 1\n}'), ({'HumanReadable': '', 'Contents': []}, '[]')])
def test_an_entry_is_its_readable_text_or_its_contents_then_its_outputs(entry: Any, text: str) -> None:
    assert readable(entry) == text


def test_a_files_entry_says_where_the_file_is() -> None:
    assert readable({'File': 'a.txt', 'FileID': '7', 'Contents': ''}).startswith('file a.txt: ')
    assert readable({'File': 'a.txt', 'FileID': '7', 'Contents': ''}).endswith('/playground_7')


def test_the_columns_of_each_table_are_aligned_and_other_lines_are_left_alone() -> None:
    assert align_tables('# Title\n|a|long|\n|---|---|\n| longer | b |\n|c|\n\ntext  \n|x|y|') == (
        '# Title\na      | long\n---    | ---\nlonger | b\nc\n\ntext\nx | y')
