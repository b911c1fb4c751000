"""The printed lines: what each thing that happens looks like in a terminal, and which lines are printed at all."""

import os
import re
from typing import Any
from unittest import mock

import pytest
from printed_lines import DELIVERY, REJECTED, without_time
from terminal import COLOUR, open_terminal

from localxsoar.terminal.printer import KNOWN_TRACEBACKS, NOTHING, PLAIN_SENDER_COLUMNS, Printer, became, escape, triage
from localxsoar.terminal.terminal import Terminal, width


@pytest.mark.parametrize('text, shown', [
    ('a\nb', 'a\\nb'), ('\x1b[31m', '\\x1b[31m'), ('\x00\x1f\x7f\x9f', '\\x00\\x1f\\x7f\\x9f'),
    ('a\xadb\u200b\u3164', 'a\\xadb\\u200b\\u3164'), ('tag\U000e0041', 'tag\\U000e0041'),
    ('\u2028\u2029', '\\u2028\\u2029'), ('a\u202eb\u2066\u200f', 'a\\u202eb\\u2066\\u200f'),
    ('\ud800', '\\ud800'), ('ü •\xa0', 'ü •\xa0')])
def test_a_control_character_is_escaped_and_nothing_else(text: str, shown: str) -> None:
    assert escape(text) == shown


@pytest.mark.parametrize('change, line', [
    ({}, 'POST 200  5 ms  curl  → 7  disk full'), ({'triage': 'critical'}, 'POST 200  5 ms  curl  → 7 critical  disk full'),
    ({'incidents': ['7', '8'], 'triage': 'info resolved'}, 'POST 200  5 ms  curl  → 7, 8 info resolved  disk full'),
    ({'kind': 'repeat'}, 'POST 200  5 ms  curl  ↺ of incident 7  disk full'),
    ({'kind': 'answered', 'incidents': [], 'skipped': 'severity low', 'text': NOTHING},
     'POST 200  5 ms  curl  ⊘ skipped: severity low'),
    ({'kind': 'answered', 'incidents': [], 'text': NOTHING}, 'POST 200  5 ms  curl  nothing was created'),
    ({'kind': 'handshake', 'incidents': [], 'text': 'confirmed'}, 'POST 200  5 ms  curl  handshake  confirmed'),
    ({'kind': 'answered', 'incidents': [], 'text': 'no incident'}, 'POST 200  5 ms  curl  no incident'),
    ({'kind': 'rejected', 'status': 401, 'incidents': [], 'text': 'no token'}, 'POST 401  5 ms  curl  no token'),
    ({'kind': 'rejected', 'status': 404, 'incidents': [], 'text': 'none'}, 'POST 404  5 ms  curl  /way/in  none'),
    ({'kind': 'answered', 'status': 404, 'incidents': [], 'text': 'none'}, 'POST 404  5 ms  curl  none'),
    ({'kind': 'gone', 'status': None, 'sender': '', 'incidents': [], 'has_left': True, 'text': 'it left'},
     'POST ---  5 ms  -  ↯ left  it left'),
    ({'kind': 'gone', 'status': None, 'has_left': True}, 'POST ---  5 ms  curl  → 7 · ↯ left  disk full'),
    ({'kind': 'rejected', 'status': 502, 'text': 'cut'}, 'POST 502  5 ms  curl  → 7 · cut'),
])
def test_a_delivery_is_one_line(printed: list[str], change: dict[str, Any], line: str) -> None:
    Printer(write=printed.append).delivery({**DELIVERY, **change})
    assert [re.sub(' {2,}', '  ', without_time(each).strip()) for each in printed] == [line]


@pytest.mark.parametrize('change', [
    {'sender': 'a sender whose name is longer than its column'}, {'sender': '\u200bzero\u0301'}, {'sender': '中文' * 8},
    {'sender': ''}, {'sender': '\x1b[2J'}, {'method': 'DELETE'}, {'method': 'VERSION-CONTROL'}, {'status': None},
    {'milliseconds': 9999.4}, {'milliseconds': 9999.5}, {'milliseconds': 654_321}])
def test_no_value_breaks_the_columns(printed: list[str], change: dict[str, Any]) -> None:
    Printer(write=printed.append).delivery({**DELIVERY, **change})
    assert width(printed[0].partition('→ 7')[0]) == len('HH:MM:SS  OPTIONS 200 1234 ms  ') + PLAIN_SENDER_COLUMNS + 2


def test_a_line_in_a_file_is_whole(printed: list[str]) -> None:
    Printer(write=printed.append).delivery({**DELIVERY, 'text': 'x' * 300})
    assert printed[0].endswith('  ' + 'x' * 300)


def test_the_severity_is_apart_from_several_steps_for_a_reason_may_end_in_one() -> None:
    graded = {**DELIVERY, 'triage': 'high'}
    assert [became(graded), became({**graded, 'has_left': True})] == ['→ 7 high  disk full', '→ 7 · ↯ left  high  disk full']


def test_a_terminal_without_a_width_has_the_usual_one_and_a_narrow_one_some_room_for_the_text(printed: list[str]) -> None:
    assert (Terminal(os.openpty()[1]).columns(), Terminal().columns(), width('a\u200db\u20dd')) == (80, None, 2)

    class Narrow(Terminal):
        def columns(self) -> int:
            return 10
    Printer(write=printed.append, terminal=Narrow()).delivery({**DELIVERY, 'text': 'x' * 50})
    assert printed[0].endswith('  → 7  xxxxxxxxx…')


def test_a_warning_is_printed_once(printed: list[str]) -> None:
    printer = Printer(write=printed.append)
    for text in ('a', 'b', 'a'):
        printer.warn(text)
    assert printed == ['!!! a', '!!! b']


# Tracebacks.

PLACE = 'Traceback (most recent call last)\n  File "a.py", line 1\nValueError: no'


def test_a_traceback_is_printed_once_and_then_its_last_line(printed: list[str]) -> None:
    printer = Printer(write=printed.append)
    for text in (PLACE, PLACE, f'{PLACE}!', ''):
        printer.traceback(text)
    assert printed[:3] == [f'!!! {line}' for line in PLACE.splitlines()]
    assert re.fullmatch(r'!!! ValueError: no  \(as at \d\d:\d\d:\d\d, with the same traceback\)', printed[3])
    assert printed[4:] == [f'!!! {line}' for line in f'{PLACE}!'.splitlines()]
    for number in range(KNOWN_TRACEBACKS):
        printer.traceback(f'{PLACE} {number}')
    printer.traceback(PLACE)
    assert printed[-3:] == printed[:3], 'only so many are remembered'


def test_a_traceback_in_the_log_is_printed_once_and_published_each_time(printed: list[str]) -> None:
    published: list[str] = []
    printer = Printer(write=printed.append, publish=lambda kind, data: published.append(kind))
    for _ in range(2):
        printer.log([{'time': '', 'level': 'error', 'text': line} for line in PLACE.splitlines()])
        printer.log([{'time': '', 'level': 'error', 'text': 'again'}])
    assert [without_time(line)[10:15] for line in printed] == ['Trace', '  Fil', 'Value', 'again', 'Value', 'again']
    assert published == ['log'] * 8


# In a terminal.

def print_in_terminal(*deliveries: dict[str, Any], columns: int = 80, **environment: str) -> list[str]:
    """Return the lines for deliveries, an alarm and an error in a terminal."""
    lines: list[str] = []
    keys, streams = open_terminal(columns)
    with open(streams, 'w') as output, mock.patch.dict(os.environ, {'TERM': 'xterm', 'NO_COLOR': '', **environment}):
        printer = Printer('debug', lines.append, Terminal.of(output))
        for delivery in deliveries:
            printer.delivery(delivery)
        printer.alarm('the container ended')
        printer.log([{'level': 'error', 'text': 'a failure'}])
        printer.finish()
    os.close(keys)
    return lines


@pytest.mark.parametrize('letter, columns', [('x', 60), ('x', 320), ('中', 80), ('中', 200), ('e\u0301', 120)])
def test_a_delivery_fills_one_row_of_a_terminal_of_any_width(letter: str, columns: int) -> None:
    lines = print_in_terminal({**REJECTED, 'text': letter * 400}, {**REJECTED, 'sender': letter * 60}, columns=columns)
    long, named, *_ = (COLOUR.sub('', line) for line in lines)
    assert columns - 1 <= width(long) <= columns and long.endswith('…')
    assert width(named.partition('no token')[0]) == width(long.partition(letter)[0]) and width(named) <= columns


def test_a_terminal_shows_the_status_in_its_colour() -> None:
    colours: list[tuple[dict[str, Any], str]] = [
        ({}, '32'), ({'kind': 'repeat'}, '36'), ({'kind': 'handshake', 'incidents': []}, '36'),
        ({'status': 302, 'kind': 'answered'}, '36'), ({'status': 401, 'kind': 'rejected'}, '33'),
        ({'status': 503, 'kind': 'rejected'}, '31'), ({'status': None, 'kind': 'gone'}, '31'), ({'status': None}, '31')]
    *lines, alarm, log = print_in_terminal(*({**DELIVERY, **change} for change, _ in colours))
    for line, (change, colour) in zip(lines, colours, strict=True):
        assert f' \x1b[{colour}m{ {**DELIVERY, **change}["status"] or "---"}\x1b[0m ' in line
    assert alarm == '\x1b[1;31m!!! the container ended\x1b[0m'
    assert log.endswith('\x1b[31mlog error a failure\x1b[0m')


@pytest.mark.parametrize('environment', [{'NO_COLOR': '1'}, {'TERM': 'dumb'}])
def test_colours_can_be_turned_off(environment: dict[str, Any]) -> None:
    assert '\x1b' not in ''.join(print_in_terminal(DELIVERY, **environment))


def test_a_sender_cannot_colour_its_line() -> None:
    hostile = {**DELIVERY, 'sender': '\x1b[31m', 'text': '\x1b[2J\u202etxet', 'method': '\x1b[1m'}
    line = COLOUR.sub('', print_in_terminal(hostile)[0])
    assert '\x1b' not in line and '\\x1b[31m' in line and '\\x1b[2J\\u202etxet' in line and width(line) <= 80


@pytest.mark.parametrize('lowest, levels', [
    ('debug', ['debug', 'info', 'error', 'odd']), ('info', ['info', 'error', 'odd']), ('error', ['error', 'odd'])])
def test_a_log_line_is_printed_from_its_level_on_and_always_published(printed: list[str], lowest: str, levels: list[str]) -> None:
    published: list[str] = []
    printer = Printer(lowest, printed.append, publish=lambda kind, data: published.append(data['text']))
    for level in ('debug', 'info', 'error', 'odd'):
        printer.log([{'level': level, 'text': f'{level} text'}])
    assert [without_time(line) for line in printed] == [f'log {level:<5} {level} text' for level in levels]
    assert published == ['debug text', 'info text', 'error text', 'odd text']


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
    ([{'severity': 1}, {'severity': 4}, {}], 'gravest critical'), ([{'state': 'resolved'}], 'resolved'),
    ([{'severity': 4, 'state': 'resolved'}, {'severity': 4}], 'gravest critical'), ([{'severity': 4}] * 2, 'critical'),
    ([{'severity': 4, 'state': 'resolved'}, {'severity': 1}], 'gravest critical resolved'),
    ([{'severity': 0.5, 'labels': [{'type': 'state', 'value': 'resolved'}]}], 'info resolved'),
    ([{'state': 'resolved'}, {'state': 'resolved'}], 'resolved'), ([{'state': 'resolved'}, {}], '')])
def test_the_gravest_incident_counts_and_an_open_one_before_a_resolved_one(incidents: Any, words: str) -> None:
    assert triage(incidents) == words
