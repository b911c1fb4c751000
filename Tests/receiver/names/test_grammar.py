"""The grammar of paths and conditions, rule by rule, and the reader of the tables that are written in it."""
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from GenericWebhook import (MAX_EVENT_VALUES, NO_WORDS, SEVERITY_WORDS, TABLE_GRAMMAR, URL_GRAMMAR, Findings, Grammar,
                            SenderRows, ThirdPartyEvent, Unreadable, first_keys)
from hypothesis import example, given
from hypothesis import strategies as st
from model import by_chance
from shared.app import SENDER_ROWS, event_of
from url_model import Number, found_at, model_meets, to_json

BOTH = pytest.mark.parametrize('grammar', [TABLE_GRAMMAR, URL_GRAMMAR], ids=['table', 'URL'])


def event(payload: Any, **headers: str) -> ThirdPartyEvent:
    """Return the event of a payload, which may be JSON already, with headers in which `_` stands for `-`."""
    source = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    named = {name.replace('_', '-'): value for name, value in headers.items()}
    return event_of(source, named, findings=Findings(NO_WORDS, lambda: named))


def values(path: str, payload: Any, **headers: str) -> list[Any]:
    return values_in(event(payload, **headers), path)


def values_in(read: ThirdPartyEvent, path: str) -> list[Any]:
    [[found]] = URL_GRAMMAR.parts(path, allows_items=True)
    return found.values(read)


def is_certainly_met(condition: str, payload: Any, grammar: Grammar = TABLE_GRAMMAR, **headers: str) -> bool:
    """Return whether an event meets a condition, which may be negated."""
    return grammar.read_condition(condition).is_certainly_met(event(payload, **headers))


DOTTED = ['a', 'b', 'a.b', 'b.a']
NUMBERS = st.sampled_from(['0', '1', '17', '-3', '1.5', '1.50', '15e-1', '0.0', '-0.0', '123456789012345678901234567890'])
TEXTS = ['', 'x', 'y', 'X', '1.5', '17', '0', 'true', 'null', 'None', 'n/a', 'a=b', 'a,b', 'a|b', ' x', '!x', '@x', 'x:y']
SCALARS: st.SearchStrategy[Any] = st.none() | st.booleans() | NUMBERS.map(Number) | st.sampled_from(TEXTS)
OBJECTS = st.dictionaries(st.sampled_from(DOTTED), st.deferred(lambda: MODELS), max_size=3)
MODELS: st.SearchStrategy[Any] = SCALARS | OBJECTS | st.lists(st.deferred(lambda: MODELS), max_size=2)
ITEMS = st.lists(st.dictionaries(st.sampled_from(['a', 'c.d']), SCALARS, max_size=2), max_size=3)


PATHS = st.lists(st.sampled_from(['a', 'b', '0']), min_size=1, max_size=4).filter(lambda keys: keys[0] != '0').map('.'.join)


@by_chance(100)
@given(model=OBJECTS, path=PATHS)
@example(model={'a.b': None, 'a': {'b': 'x'}}, path='a.b')
def test_a_path_leads_along_its_keys_of_which_the_longest_that_exists_is_used(model: dict[str, Any], path: str) -> None:
    expected = found_at(model, path)
    found = values(path, to_json(model).encode())
    assert [json.loads(to_json(each)) for each in expected if not isinstance(each, dict | list)] == [
        each for each in found if not isinstance(each, dict | list)]
    assert len(found) == len(expected)


@by_chance(100)
@given(items=ITEMS, key=st.sampled_from(['a', 'b', 'c.d']))
def test_a_star_finds_the_value_in_every_item_of_a_list(items: list[dict[str, Any]], key: str) -> None:
    nested = [{'in': item} for item in items]
    deep = [{'in': {'in': {'in': item}}} for item in items]
    for model, path in (({'list': items}, f'list.*.{key}'), ({'list': nested}, f'list.*.in.{key}'),
                        ({'list': deep}, f'list.*.in.in.in.{key}')):
        source, expected = to_json(model).encode(), found_at(model, path)
        read_before = event(source)
        for other in ('list.*.x', 'list.*.y'):  # further paths are read in another way
            values_in(read_before, other)
        for found in (values(path, source), values_in(read_before, path)):
            assert [value for value in found if value is not None] == [
                json.loads(to_json(value)) for value in expected if value is not None]
            assert min(found.count(None), 2) == min(expected.count(None), 2), 'further items without it make no difference'


ALERTS = [
    {'service.name': 'api', 'hosts': [{'name': 'a'}], 'empty.key': None, 'empty': {'key': 'x'}},
    {'service': {'name': 'db'}, 'hosts': [], 'object': {}}, {}]


@pytest.mark.parametrize(('path', 'found'), [
    ('alerts.*.service.name', ['api', 'db', None]),  # the key has a dot, or is nested, or is missing
    ('alerts.*.empty.key', [None, None, None]),  # the longer key is used although it has no value
    ('alerts.*.hosts.0.name', ['a', None, None]), ('alerts.*.object', [None, {}, None]), ('status.*.name', []), ('none.*.a', []),
])
def test_keys_with_dots_and_first_items_are_found_in_every_item_too(path: str, found: list[Any]) -> None:
    assert values(path, {'status': 'x', 'alerts': ALERTS}) == found


@pytest.mark.parametrize(('payload', 'conditions'), [
    ({'a': 'x' * 300_000}, ['a', 'a=x']), (b'{"a": 1%s}' % (b'0' * 300_000), ['a', 'a=1']),
    ({'a': [{'b': 'x'}] * MAX_EVENT_VALUES}, ['a.*.b', 'a.*.b=x', 'a.*.c']),
    ({'a': [{'b': 'x'}, 'y']}, ['a.*.b', 'a.*.b=x', 'a.*.c', 'a.*.b.c', 'a.*.0.c', 'a.*.b.c.d.e']),
    ({'a': [{'b': 'x'}]}, ['a.*.b.c', 'a.*.b.c.d.e', 'a.*.b.0.c']),
    ({'a': [{'b': [{'c': 'x'}, {'c': 'x'}]}]}, ['a.*.b.0.c', 'a.*.b.0.c=x']),
    ({'a': [[{'c': 'x'}, {'c': 'x'}]]}, ['a.*.0.c', 'a.*.0.c=x']),
    ({f'key{number}': ':' * 10 for number in range(30_000)}, ['a', 'a=x', 'a.*.b', 'a.b=x']),
    ({'in': {f'key{number}': '' for number in range(MAX_EVENT_VALUES + 1)}}, ['in.a', 'in.a=x', 'in.a.*.b']),
], ids=['long text', 'long number', 'many items', 'no object', 'a text on the way', 'several in an item',
        'several in a list', 'very many keys', 'many keys'])
def test_what_was_cut_or_not_read_meets_neither_a_condition_nor_its_opposite(payload: Any, conditions: list[str]) -> None:
    met = [each for condition in conditions for each in (condition, f'!{condition}') if is_certainly_met(each, payload)]
    assert met == []


CONDITIONS = st.tuples(
    st.lists(PATHS | st.sampled_from(['list.*.a', 'list.*.b', 'list.*.c.d']), min_size=1, max_size=3),
    st.lists(st.sampled_from([text for text in TEXTS if text]), max_size=3), st.booleans())


@BOTH
@by_chance(100)
@given(model=OBJECTS, items=ITEMS, condition=CONDITIONS, blanks=st.sampled_from(['', ' ', '  ']))
def test_a_condition_is_met_exactly_when_the_contract_says_so(
        grammar: Grammar, model: dict[str, Any], items: Any, condition: Any, blanks: str) -> None:
    paths, wanted, is_negated = condition
    texts = f'{blanks}|{blanks}'.join(f"'{text}'" for text in wanted)
    text = f'{"!" if is_negated else ""}{f"{blanks}|".join(paths)}' + (f'{blanks}={blanks}{texts}' if wanted else '')
    payload = {**model, 'list': items}
    assert is_certainly_met(text, to_json(payload).encode(), grammar) is model_meets(
        payload, paths, wanted, is_negated, needs_value=grammar is URL_GRAMMAR)


@pytest.mark.parametrize(('condition', 'payload', 'meets_condition', 'meets_negation'), [
    ('a|b=c|d', {'b': 'd'}, True, False), ('a|b=c|d', {'a': 'x', 'b': 'c'}, True, False), ('a|b=c|d', {'a': 'x'}, False, True),
    ('n=1.5', b'{"n": 1.50}', False, True), ('n=1.50', b'{"n": 1.50}', True, False), ('n=0', b'{"n": 0}', True, False),
    ('n=true', {'n': True}, True, False), ('n=True', {'n': True}, False, True), ('n=17', {'n': '17'}, True, False),
    ('n', {'n': 0}, False, True), ('n', {'n': []}, False, True), ('n', {'n': [None]}, True, False), ('n', {}, False, True),
    ('n', {'n': 'No'}, False, False), ('n', {'n': '0'}, False, False), ('n', {'n': 'N/A'}, False, False),
    ('n=No', {'n': 'No'}, True, False),
    ('a.*.b=c', {'a': [{'b': 'c'}, {'b': 'c'}]}, True, False), ('a.*.b=c', {'a': [{'b': 'c'}, {'b': 'd'}]}, False, False),
    ('a.*.b=c', {'a': [{'b': 'c'}] * 1000}, True, False),
    ('a.*.b=c', {'a': [{'b': 'e'}, {'b': 'd'}]}, False, True), ('a.*.b=c', {'a': [{'b': 'c'}, {}]}, False, False),
    ('a.*.b', {'a': [{}, None]}, False, True),
    ('a.0.b=c', {'a': [{'b': 'c'}]}, True, False), ('a.0.b=c', {'a': [{'b': 'c'}, {'b': 'c'}]}, False, False),
    ('a.0.b', {'a': [{}, {}]}, False, False), ('a=c', {'a': {'c': 1}}, False, False), ('a=c', {'a': ['c']}, False, False),
    ('a=null', {'a': None}, False, True), ('a=null', {'a': 'null'}, False, True), ("a='b,c'", {'a': 'b,c'}, True, False),
    ("a = ' b'|c ", {'a': ' b'}, True, False), ("a='b=c'", {'a': 'b=c'}, True, False), ("a='b|c'", {'a': 'b'}, False, True),
])
def test_a_condition_and_its_opposite(condition: str, payload: Any, meets_condition: bool, meets_negation: bool) -> None:
    assert (is_certainly_met(condition, payload), is_certainly_met(f'!{condition}', payload)) == (meets_condition, meets_negation)


@pytest.mark.parametrize(('condition', 'payload', 'in_a_url'), [
    ('!evnt.level=info', {'event': {'level': 'critical'}}, False), ('!a=b', {'a': ''}, False), ('!a=b', {'a': 'c'}, True),
    ('!a', {}, True), ('!a.*.b', {'a': [{}]}, True), ('!a.*.b=c', {'a': [{'b': 'd'}, {}]}, False), ('!a.*.b=c', {'a': []}, False),
    ('!a.*.b=c', {'a': [{'b': 'd'}]}, True), ('!a|b=c', {'b': 'd'}, True)])
def test_a_negation_with_a_text_needs_a_value_in_a_url_but_not_in_the_table(
        condition: str, payload: dict[str, Any], in_a_url: bool) -> None:
    assert is_certainly_met(condition, payload, URL_GRAMMAR) is in_a_url
    assert is_certainly_met(condition, payload, TABLE_GRAMMAR)


@BOTH
def test_negations_alone_are_unreadable(grammar: Grammar) -> None:
    with pytest.raises(Unreadable, match='only negated'):
        grammar.conditions('!a=b, !c')
    assert len(grammar.conditions('!a=b, c')) == 2


@pytest.mark.parametrize(('path', 'headers', 'found'), [
    ('@x-event', {'x_event': 'push'}, ['push']), ('@X-Event', {'x_event': 'push'}, ['push']), ('@x-event', {}, []),
    ('@timestamp', {}, ['2026']), ('@timestamp', {'timestamp': '2027'}, ['2027']), ('ax-event', {'x_event': 'push'}, []),
])
def test_a_header_is_found_and_otherwise_a_key(path: str, headers: dict[str, str], found: list[str]) -> None:
    assert values(path, {'@timestamp': '2026', 'x-event': 'none'}, **headers) == found


@by_chance(100)
@given(text=st.text(st.characters(codec='utf-8', exclude_characters="'\ufffd"), min_size=1))
def test_any_text_in_quotes_is_a_constant_and_a_text_of_a_condition(text: str) -> None:
    [[constant], _] = URL_GRAMMAR.parts(f"'{text}' , a")
    assert constant.values(event({})) == [text]
    [condition] = URL_GRAMMAR.conditions(f"a='{text}'")
    assert condition.is_certainly_met(event({'a': text})) is (text != 'null')


def test_of_alternatives_the_first_with_a_value_is_used() -> None:
    for payload, found in (({'a': 1, 'b': 2}, '1'), ({'a': None, 'b': 2}, '2'), ({}, 'none')):
        assert next(filter(None, map(event(payload).text_at, URL_GRAMMAR.part("a|b|'none'")))) == found


FAULTS = [
    ('', 1, 'a path is empty'), ('a,', 2, 'a path is empty'), ('a,,b', 2, 'a path is empty'), ('a|', 1, 'a path is empty'),
    ('a, |b', 2, 'a path is empty'), ('@', 1, 'a path is empty'), ('a.', 1, 'a dot'), ('.a', 1, 'a dot'), ('a..b', 1, 'a dot'),
    ('a.*', 1, r'\*'), ('*.a', 1, r'\*'), ('*', 1, r'\*'), ('a*.b', 1, r'\*'), ('a.*.b.*.c', 1, r'\*'), ('a.*.*.b', 1, r'\*'),
    ('a.*.', 1, 'a dot'), ('b, \ufffd', 2, 'UTF-8'), ('b, \udcff', 2, 'UTF-8'), ("a, b, 'c", 0, 'a quote is missing'),
    ("'", 0, 'a quote is missing'), ("a'b'", 1, 'a path has a quote'), ('@.a', 1, 'a dot'), ('@!a', 1, 'begins with a !'),
    ('.'.join('a' * 17), 1, 'more than 16 keys'), ('|'.join('abcde'), 1, 'more than 4 alternatives'),
    (','.join('abcdefghi'), 0, 'more than 8 parts'), ('!!a', 1, 'begins with a !'),
]
IN_PARTS = [("'a'b", 1, 'a quote is inside a text'), ("a, ''", 2, 'a text is empty'), ('!a', 1, 'begins with a !')]
IN_CONDITIONS = [
    ('a=', 1, 'a text is empty'), ("a=''", 1, 'a text is empty'), ('a=b|', 1, 'a text is empty'), ('=b', 1, 'a path is empty'),
    ('c, a=b=d', 2, 'must be quoted'), ("a=b'c'", 1, 'a quote is inside a text'), ("'a'=b", 1, 'a path has a quote'),
    ('a=' + '|'.join('bcdef'), 1, 'more than 4 alternatives'), ('!', 1, 'a path is empty')]


@pytest.mark.parametrize(('read', 'text', 'position', 'reason'), [
    *((URL_GRAMMAR.parts, *fault) for fault in FAULTS + IN_PARTS),
    *((URL_GRAMMAR.conditions, *fault) for fault in FAULTS + IN_CONDITIONS)])
def test_what_cannot_be_read_is_named_by_its_position_and_the_reason(
        read: Callable[[str], Any], text: str, position: int, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason) as raised:
        read(text)
    assert raised.value.position == position


def test_what_is_at_the_limits_can_be_read_and_the_table_has_wider_ones() -> None:
    at_the_limit = ','.join(['|'.join(['.'.join('a' * 16)] * 4)] * 8)
    assert [len(part) for part in URL_GRAMMAR.parts(at_the_limit)] == [4] * 8
    assert [len(each.paths) for each in URL_GRAMMAR.conditions(at_the_limit)] == [4] * 8
    assert len(TABLE_GRAMMAR.parts(','.join('abcdefghi'))) == 9
    assert len(TABLE_GRAMMAR.part('|'.join('abcde'))) == 5


def test_a_part_that_stands_for_one_value_has_no_star_and_no_comma() -> None:
    with pytest.raises(Unreadable, match='only one value'):
        URL_GRAMMAR.part('b|a.*.b')
    with pytest.raises(Unreadable, match='only one part'):
        URL_GRAMMAR.part('a, b')
    assert len(URL_GRAMMAR.part('b|a.*.b', allows_items=True)) == 2


NOISE = st.text(st.sampled_from(".*,|=!'@ \ufffd\na"), max_size=12)


@by_chance(100)
@given(before=NOISE, after=NOISE)
def test_what_cannot_be_read_is_never_quoted(before: str, after: str) -> None:
    for read in (URL_GRAMMAR.parts, URL_GRAMMAR.conditions, URL_GRAMMAR.levels):
        try:
            read(f'{before}S3cret{after}')
        except Unreadable as error:
            assert str(error).isascii()
            assert str(error).isprintable()
            assert 'S3cret' not in str(error)


def test_a_scale_has_the_values_of_each_severity() -> None:
    assert URL_GRAMMAR.levels("critical=fatal|'a,b', low = 1") == [('fatal', 4), ('a,b', 4), ('1', 1)]
    most = 'high=' + '|'.join(map(str, range(16)))
    assert len(URL_GRAMMAR.levels(most)) == 16
    for wrong, reason in (
            (f'{most}|17', 'more than 16 values'), ('low=1,low=2', 'twice'), ('low', 'a part of a scale'), ('low=', 'empty'),
            ('lowest=1', 'a part of a scale'), ('low=1=2', 'a part of a scale'), ('low=1|', 'empty')):
        with pytest.raises(Unreadable, match=reason):
            URL_GRAMMAR.levels(wrong)


# The table of senders


ROW = '''
acme: an alert
    identified by  acme_id|@x-acme, rule.title
    inner          log
    name           {rule.title|
                   inner} by
                   {host} ({site})
    occurred       created_at|-
    severity       level|
                   grade
      scale        high=bad|
                   awful, low=7+
    severity       alerts.*.severity
    resolved       state=closed|'done, finally',
                   !alerts.*.state=open
      at           closed_at
    resolved       state=gone
    problem        'acme', host: url, acme_id|id
      if           !test,
                   !parts.*.id=0
'''


def test_each_column_of_the_table_is_read() -> None:
    assert first_keys('a.b.f|@c=d, e') == {'a', 'a.b', 'a.b.f', '@c', 'c'}
    rows = SenderRows(ROW)
    assert set(rows.ranks) == {'acme_id', 'x-acme', '@x-acme'}
    [row] = (compiled() for compiled in rows.rows)
    assert (row.title, row.sender) == ('acme: an alert', 'acme')
    assert [[path.text for path in condition.paths] for condition in row.conditions] == [['acme_id', '@x-acme'], ['rule.title']]
    assert row.inner
    assert row.inner.text == 'log'
    assert [(part.before, [path.text for path in part.paths], part.bracket) for part in row.name_parts] == [
        ('', ['rule.title', 'log'], ''), (' by ', ['host'], ''), (' (', ['site'], ')')]
    assert [path.text for path in row.times] == ['created_at', '-']
    assert [(scale, [path.text for path in paths]) for scale, paths in row.severities] == [
        (({'bad': 3, 'awful': 3}, {7: 1}, False), ['level', 'grade']), (SEVERITY_WORDS, ['alerts.*.severity'])]
    assert [([sorted(each.wanted) for each in end.conditions], [path.text for path in end.times]) for end in row.ends] == [
        ([['closed', 'done, finally'], ['open']], ['closed_at']), ([['gone']], [])]
    [problem] = row.problems
    assert [[(path.text, path.is_host) for path in part] for part in problem.parts] == [
        [("'acme'", False)], [('host: url', True)], [('acme_id', False), ('id', False)]]
    assert [each.is_negated for each in problem.conditions] == [True, True]


@pytest.mark.parametrize(('line', 'replacement'), [
    ('created_at|-', 'created_at,x'), ('created_at|-', '*created_at'), ('created_at|-', 'a.*.created_at'), ('{host}', '{a.*.b}'),
    ('{host}', '{ho.}'), ('state=gone', '!state=gone'), ('state=gone', 'state=gone=1'), ('acme_id|@x-acme', 'acme_id|*id'),
    ("'acme'", "'acme"), ('!test', '!test=')])
def test_a_row_that_is_not_in_the_grammar_is_refused_when_it_is_compiled(line: str, replacement: str) -> None:
    assert ROW.count(line) == 1
    with pytest.raises(Unreadable):
        SenderRows(ROW.replace(line, replacement)).rows[0]()


def test_the_table_of_the_script_can_be_read() -> None:
    assert len([row() for row in SENDER_ROWS.rows]) > 140


@pytest.mark.parametrize(('conditions', 'payload', 'fits'), [
    ('a', {'a': {}}, True), ('a', {'a': 0}, True), ('a', {'a': False}, True), ('a', {'a': ''}, True), ('a', {'a': None}, False),
    ('a', {}, False), ('a', {'a': 'none'}, True), ('a.0.b', {'a': [{'b': 1}, {}]}, True),
    ('a.0.b=c', {'a': [{'b': 'c'}, {}]}, True), ('a|b=c', {'b': 'c'}, True), ('a|b=c', {'a': 'd', 'b': 'c'}, True),
    ('n=0', b'{"n": 0}', True), ('a=c', {'a': ['c']}, False),
    ('a', {'a': 'x' * 300_000}, True), ('a, !b', {'a': 1, 'b': 0}, True), ('a, !b', {'a': 1, 'b': 1}, False)])
def test_a_sender_is_identified_by_any_value_but_null_or_by_a_text(conditions: str, payload: Any, fits: bool) -> None:
    known = event(payload)
    assert all(each.fits(known) for each in TABLE_GRAMMAR.conditions(conditions)) is fits


def test_an_inner_event_gives_severity_end_and_problem_and_the_outer_one_the_time_of_the_end() -> None:
    alarm = {'AlarmName': 'cpu', 'NewStateValue': 'OK', 'AlarmArn': 'arn:a', 'StateChangeTime': '2026-11-24T08:00:00Z'}
    outer = {'TopicArn': 'arn:t', 'Timestamp': '2026-11-24T09:00:00Z', 'Message': json.dumps(alarm)}
    for changes, name in (
            ({}, 'OK: cpu'), ({'Subject': 'An alarm'}, 'An alarm'), ({'Subject': 'RDS Notification Message'}, 'OK: cpu')):
        found = event({**outer, **changes})
        assert (found.name(), found.problem_key()) == (name, 'aws-cloudwatch:arn:a')
        assert (found.severity.value, found.is_recovery, found.occurred(1_800_000_000)) == (0.5, True, '2026-11-24T09:00:00Z')
