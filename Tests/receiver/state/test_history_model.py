"""The history of deliveries alone: against a plain model of what it should keep, and its size in the worst case."""
from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

import GenericWebhook
import msgspec
import pytest
from GenericWebhook import LONGEST_CALL, MAX_HISTORY_BYTES, History, Tokens, deliveries_report, read_history, read_samples
from history_entries import entry, time_text
from hypothesis import given
from hypothesis import strategies as st
from model import by_chance
from msgspec import defstruct
from msgspec.json import Decoder

MOST_ACCEPTED, MOST_OTHERS, MOST_HOURS = 4, 3, 3
EVENTS = st.lists(st.tuples(
    st.integers(0, 90 * 60),  # seconds since the delivery before
    st.booleans(),  # whether it is accepted
    st.sampled_from(['created', 'repeat', 'skipped', 'rejected', 'rejected']),
    st.sampled_from(['203.0.113.7', '203.0.113.8']),
), max_size=40)


@mock.patch.multiple(GenericWebhook, MAX_ACCEPTED_ENTRIES=MOST_ACCEPTED, MAX_OTHER_ENTRIES=MOST_OTHERS)
@by_chance(100)
@given(EVENTS)
def test_the_history_keeps_the_latest_lines_of_each_kind_and_counts_equal_rejections_in_one(events: list[Any]) -> None:
    history, now = History(), 0
    kept: dict[bool, list[tuple[str, str, int, int, int]]] = {True: [], False: []}  # result, address, since, time, count
    hours: dict[str, Counter[str]] = {}
    for wait, is_accepted, result, address in events:
        now += wait
        history.add(entry(now, is_accepted, result, address))
        what = '401 No token is shown' if result == 'rejected' else result
        hours.setdefault(time_text(now)[:13], Counter())[what] += 1
        equal = [each for each in kept[is_accepted] if each[:2] == (result, address) and result == 'rejected']
        since, count = (equal[0][2], equal[0][4] + 1) if equal else (now, 1)
        others = [each for each in kept[is_accepted] if each not in equal]
        kept[is_accepted] = [*others, (result, address, since, now, count)][-(MOST_ACCEPTED if is_accepted else MOST_OTHERS):]
    for is_accepted, lines in ((True, history.accepted), (False, history.others)):
        assert [(each.result, each.address, each.since, each.time, each.count) for each in lines] == [
            (result, address, time_text(since), time_text(latest), count)
            for result, address, since, latest, count in kept[is_accepted]]
    assert history.hours == hours
    numbers = [each.number for each in history.accepted + history.others]
    assert len(set(numbers)) == len(numbers)
    assert read_history(history.to_context()) == history


@by_chance(100)
@given(EVENTS, st.integers(0, 40))
def test_what_was_counted_apart_and_then_joined_is_as_if_it_had_been_counted_together(events: list[Any], count: int) -> None:
    whole, saved, later, now = History(), History(), History(), 0
    for number, (wait, is_accepted, result, address) in enumerate(events):
        now += wait
        for history in (whole, saved if number < count else later):
            history.add(entry(now, is_accepted, result, address))
            history.count(time_text(now)[:13], LONGEST_CALL, wait)
    saved.absorb(later)
    assert saved == whole


def test_rejections_for_ever_new_reasons_are_counted_together_and_a_known_one_as_itself() -> None:
    history = History()
    history.add(entry())
    for number in range(100):
        history.add(entry(result='rejected', note=f'reason {number}'))
    history.add(entry(result='repeat'))
    history.add(entry(result='rejected', note='reason 0', count=3))
    [counts] = history.hours.values()
    assert (len(counts), counts['401 reason 0']) == (10, 4)
    assert (counts['created'], counts['repeat'], counts['rejected for other reasons']) == (1, 1, 93)


@pytest.mark.parametrize('difference', [{'status': 403}, {'note': 'Another'}, {'address': '203.0.113.8'}, {'user_agent': 'wget'}],
                         ids=json.dumps)
def test_rejections_that_differ_in_one_thing_are_kept_apart(difference: dict[str, Any]) -> None:
    history = History()
    history.add(entry(result='rejected'))
    history.add(entry(result='rejected', **difference))
    assert [each.count for each in history.accepted] == [1, 1]


def test_the_oldest_hours_are_forgotten_in_whatever_order_they_came() -> None:
    history = History()
    for hour in (1, 0, 2):
        history.add(entry(3600 * hour))
    assert read_history(history.to_context(most_hours=2)).hours.keys() == {'2026-11-24T02', '2026-11-24T01'}
    assert re.findall(r'\| (2026-11-24T\d\d) ', report(history).readable_output) == ['2026-11-24T02', '2026-11-24T01']


@pytest.mark.parametrize(('accepted', 'others', 'kept'), [(9, 4, (8, 4)), (4, 9, (4, 8))])
def test_what_is_too_much_goes_from_the_longer_list(accepted: int, others: int, kept: tuple[int, int]) -> None:
    history = History()
    for is_accepted, count in ((True, accepted), (False, others)):
        for number in range(count):
            history.add(entry(number, is_accepted))
    size = len(history.to_context()['deliveries'])
    fits = read_history(history.to_context(most_bytes=size - 1))
    assert (len(fits.accepted), len(fits.others)) == kept
    assert max(fits.accepted, fits.others, key=len)[0].time == time_text(1), 'the oldest went'


@pytest.mark.parametrize('letter', ['x', '\\', '\xff'], ids=ascii)
def test_unauthenticated_senders_keep_the_history_small_and_leave_room_for_accepted_deliveries(letter: str) -> None:
    history = History()
    for hour in range(48):
        for number in range(12):
            history.add(entry(3600 * hour, False, 'rejected', letter * 60, user_agent=f'{hour}.{number}{letter * 74}',
                              note=f'{number:02} is why it was rejected'.ljust(100, '.'), size=25 * 1024 * 1024))
    for number in range(300):
        history.add(entry(3600 * 48, address='172.17.0.1', note=f'incident {number}', user_agent='Datadog/1.0'))
    text = history.to_context()['deliveries']
    assert len(text.encode()) <= MAX_HISTORY_BYTES == 64 * 1024
    assert len(history.accepted) > 100 and history.accepted[-1].note == 'incident 299'


def test_equal_rejections_of_requests_with_different_tokens_are_counted_apart() -> None:
    history = History()
    for token in '1', '2', '1', '':
        history.add(entry(1, True, 'rejected', token=token))
    assert [(each.token, each.count) for each in history.accepted] == [('2', 1), ('1', 2), ('', 1)]


# The integration context of an instance that ran 1.0.0 in the local XSOAR, after some deliveries and a restart; and its types.
SAVED = json.loads(Path(__file__).with_name('saved_by_1.0.0.json').read_text('utf-8'))
ENTRY = defstruct('ENTRY', [
    ('number', int), ('time', str), ('since', str), ('count', int), ('size', int), ('is_accepted', bool), ('status', int),
    ('address', str), ('user_agent', str), ('product', str), ('result', str), ('note', str)], array_like=True)
HISTORY = defstruct('HISTORY', [
    ('listening_since', str), ('saved', float), ('waiting', int), ('latest_number', int), ('accepted', list[ENTRY]),  # type: ignore[valid-type]
    ('others', list[ENTRY]), ('hours', dict[str, dict[str, int | float]])])  # type: ignore[valid-type]


def test_what_1_0_0_has_saved_is_read_and_continued() -> None:
    history, later = read_history(SAVED), History()
    results = [('created', 1), ('repeat', 1), ('skipped', 1), ('created', 1), ('rejected', 3), ('handshake', 1)]
    assert [(each.result, each.count) for each in history.accepted + history.others] == results
    assert '| `Ünï \\x22x\\x22` | 44 |  | incident 2 |' in deliveries_report(SAVED, {}, 0).readable_output
    later.add(entry(result='repeat', token='1'))
    rejected = next(each for each in history.others if each.result == 'rejected')
    later.add(msgspec.structs.replace(rejected, count=2))
    history.absorb(later)
    assert [each.number for each in history.accepted] == [1, 2, 6, 7, 9]
    assert [each.count for each in history.others if each.result == 'rejected'] == [5]
    assert history.hours['2026-11-30T09']['created'] == 2
    assert [sample['name'] for sample in read_samples(SAVED)] == ['disk full', 'Größe']


def test_1_0_0_reads_what_is_saved_today() -> None:
    history = History(listening_since=time_text(0), saved=1.5, waiting=2)
    history.begin_tokens(Tokens('a || b'), time_text(0))
    for number, result in enumerate(('created', 'rejected')):
        history.add(entry(number, number == 0, result, token='1'))
    read = msgspec.to_builtins(Decoder(HISTORY).decode(history.to_context()['deliveries']))
    today = msgspec.to_builtins(history)
    assert read == {name: [each[:len(ENTRY.__struct_fields__)] for each in today[name]] if name in ('accepted', 'others')
                    else today[name] for name in HISTORY.__struct_fields__}


def test_150_lines_of_usual_deliveries_beside_50_rejections_fit() -> None:
    history = History()
    for number in range(400):
        history.add(entry(number, address='172.17.0.1 for 140.82.115.11, 10.0.0.1', product='AWS CloudWatch',
                          user_agent='Amazon Simple Notification Service Agent', note=f'repeat of incident {number}'))
        history.add(entry(number, False, 'rejected', f'203.0.113.{number}', note='The value of Authorization is another' * 2))
    history.to_context()
    assert (len(history.accepted), len(history.others)) == (150, 50)
    assert len(report(history).outputs) == 50, 'without an argument'


@pytest.mark.parametrize('context', [None, [], 'text', {}, {'deliveries': 1}, {'deliveries': '{'}, {'deliveries': '[]'},
                                     {'deliveries': '["not", "a history"]'},
                                     {'deliveries': '{"accepted": [[1, 2]]}'}, {'samples': '[]'}], ids=str)
def test_a_context_that_holds_something_else_is_an_empty_history(context: object) -> None:
    assert read_history(context) == History()
    assert 'Not listening; nothing is saved yet' in deliveries_report(context, {}, 0).readable_output


def report(history: History, **args: Any) -> Any:
    return deliveries_report(history.to_context(), args, now=history.saved + 90)


def test_a_name_of_the_url_in_the_note_of_a_silence_is_no_markdown_and_no_indicator() -> None:
    history = History()
    history.add(entry(result='silence', note='No events for 1 minute: [x](y)'))
    assert '`No events for 1 minute: [x](y)` |' in report(history).readable_output
    shown = report(history).to_context()
    assert shown['IgnoreAutoExtract']
    assert [*shown['EntryContext']] == ['GenericWebhook.Delivery(val.Number && val.Number == obj.Number)']


def test_the_report_shows_the_newest_first_and_only_the_result_asked_for() -> None:
    history = History(listening_since='2026-11-24T00:00:00Z', saved=1000, waiting=3)
    for number, result in enumerate(['created', 'rejected', 'repeat', 'rejected', 'skipped', 'handshake']):
        history.add(entry(number, result != 'rejected', result))
    shown = {result: [each['Result'] for each in report(history, result=result).outputs]
             for result in ('all', 'created', 'repeat', 'rejected', 'skipped', 'handshake', 'silence')}
    assert shown == {'all': ['handshake', 'skipped', 'rejected', 'repeat', 'created'], 'created': ['created'],
                     'repeat': ['repeat'], 'rejected': ['rejected'], 'skipped': ['skipped'],
                     'handshake': ['handshake'], 'silence': []}
    assert [each['Result'] for each in report(history, limit='2').outputs] == ['handshake', 'skipped']
    state, *_ = report(history).readable_output.splitlines()
    assert state == 'Listening since 2026-11-24T00:00:00Z; saved 1.5 minutes ago; 3 requests waited for XSOAR then.'
    assert '; saved 0.0 minutes ago; ' in deliveries_report(history.to_context(), {}, now=0).readable_output, 'a clock set back'
    assert report(history, result='rejected', limit='1').outputs[0] == {
        'Number': 4, 'Time': time_text(3), 'Since': time_text(1), 'Count': 2, 'Size': 3, 'IsAccepted': False, 'Status': 401,
        'Address': '203.0.113.7', 'UserAgent': 'curl/8', 'Product': '', 'Result': 'rejected', 'Note': 'No token is shown',
        'Token': ''}


@pytest.mark.parametrize('args', [{'limit': '0'}, {'limit': '-1'}, {'limit': 'ten'}, {'result': 'accepted'}], ids=json.dumps)
def test_an_unusable_argument_is_rejected(args: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r'limit|ten'):
        report(History(), **args)
