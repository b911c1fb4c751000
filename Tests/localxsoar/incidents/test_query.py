"""Queries: how they are read, and what they find."""

from typing import Any

import pytest
from facts import fact

from localxsoar.incidents.query import read_date
from localxsoar.incidents.store import Store


def create(store: Store, *incidents: dict[str, Any]) -> list[dict[str, Any]]:
    return store.create(list(incidents), 'front', 'Echo')


RESOLVED = {'labels': [{'type': 'Instance', 'value': 'x'}, {'type': 'state', 'value': 'resolved'}]}


@fact('inferred', 'queries such as `severity:high`, `severity:>=3` and `dbotMirrorId:"a:1"`')
@pytest.mark.parametrize('query, names', [
    ('severity:3', 'c'), ('severity:high', 'c'), ('severity:0.5', 'b'), ('severity:Informational', 'b'),
    ('severity:0', 'a'), ('-severity:4', 'abc'),
    ('severity:>=3', 'cd'), ('severity:>high', 'd'), ('severity:<3', 'ab'), ('severity:>0 -severity:<=0.5', 'cd'),
    ('dbotMirrorId:"opsgenie:1/2"', 'bc'), ('dbotMirrorId:"opsgenie:1/2" -status:closed', 'bc'),
    ('dbotMirrorId:opsgenie:1/2 severity:>=3', 'c'), ('-dbotMirrorId:""', 'bc')])
def test_incidents_are_found_by_severity_and_problem_key(store: Store, query: str, names: str) -> None:
    key = {'dbotMirrorId': 'opsgenie:1/2'}
    create(store, {'name': 'a'}, {'name': 'b', 'severity': 0.5, **key, **RESOLVED}, {'name': 'c', 'severity': 3, **key},
           {'name': 'd', 'severity': 4})
    assert ''.join(incident['name'] for incident in store.search({'query': query})[0]) == names


@fact('inferred', 'queries with `or`, brackets, `field:(a or b)`, `>=` for dates such as `2020-02-10T11:32:32 +0000` or `7 '
      'days ago`, and `*`; `id:(1 2)` finds both')
@pytest.mark.parametrize('query, ids', [
    ('name:a or name:"two words"', '13'), ('name:b and type:Phishing or id:1', '14'),
    ('name:b and (type:Phishing or id:1)', '4'), ('-(name:b or name:a)', '3'), ('not(name:b) and not id:1', '3'),
    ('NAME:(a OR "two words")', '13'), ('-name:(a or b)', '3'), ('name:tw*', '3'), ('name:>=7', ''), ('name:*', '1234'),
    ('-category:job', '1234'), ('colour:me', ''), ('severity:>=2', '4'), ('created:>=2024-01-31 and created:<=now', '1234'),
    ('created:>="2024-01-31T12:00:00 +0000"', '1234'), ('created:<2024-01-31T12:00:00Z', ''),
    ('created:>=2024-01-31t12:00:00z', '1234'), ('created:>"5 minutes ago"', '1234'), ('created:<="7 days ago"', ''),
    ('occurred:<=2020-01-01T00:00:00.5+01:00', '2'), (' or '.join(['id:2'] * 300), '2'),
    ('id:(1 3) name:a', '1'), ('id:(1 and 3)', ''), ('-id:(1 3)', '24'), ('-name:="a"', '234'), ('name="two words"', '3'),
    ('investigation.id:4', '4'), ('id:<3', '12'), ('id:>=3 --status:closed', '34'),
    ('closed:>=2024-01-31', ''), ('-closed:>=2024-01-31', '1234')
], ids=lambda value: value[:60])
def test_a_query_is_read_as_the_server_reads_it(store: Store, query: str, ids: str) -> None:
    create(store, {'name': 'a'}, {'name': 'b', 'occurred': '2020-01-01T00:00:00+01:00'}, {'name': 'two words'},
           {'name': 'b', 'type': 'Phishing', 'severity': 2})
    assert ''.join(incident['id'] for incident in store.search({'query': query})[0]) == ids


@pytest.mark.parametrize('one, other', [
    ('60 minutes', '1 Hour'), ('24 hours', '1 day'), ('7 days', '1 week'), ('30 days', '1 month'), ('365 days', '1 year')])
def test_a_date_may_be_so_long_ago(one: str, other: str) -> None:
    assert read_date(f'{one} ago') <= read_date(f'{other} ago') <= read_date(f'{one} ago')


@pytest.mark.parametrize('text', ['a_b', 'a%b', 'a\\b'])
def test_only_a_star_stands_for_any_characters(store: Store, text: str) -> None:
    create(store, {'name': f'{text} 1'}, {'name': 'axb 2'}, {'name': 'axxb 3'})
    assert [incident['id'] for incident in store.search({'query': f'name:{text}*'})[0]] == ['1']


@pytest.mark.parametrize('query, part', [
    ('free text', "'free text'"), ('investigation.users:me', 'the field investigation.users'),
    ('id:>me', ">me, for the field has no order"), ('name:"open', "'\"open' after name:"),
    ('(id:1', "'its end', where a bracket is open"), ('id:1)', r"'\)'"), ('id:1 or', "'its end'"),
    ('created:>=tomorrow', "the date 'tomorrow'"), ('created:>=', "'its end' after created:"),
    ('name:>=b', '>=b, for the field has no order'), ('severity:huge', "the number 'huge'")])
def test_a_query_that_is_not_understood_names_the_part_and_is_not_guessed_at(store: Store, query: str, part: str) -> None:
    with pytest.raises(ValueError, match=f'The local XSOAR does not know {part}.* in the query .* It reads queries as'):
        store.search({'query': query})


def test_of_a_long_query_that_is_not_understood_the_beginning_is_shown(store: Store) -> None:
    with pytest.raises(ValueError, match=f"in the query 'id:1 {'x' * 195}'"):
        store.search({'query': f'id:1 {"x" * 300}'})


@pytest.mark.parametrize('query', ['(' * 100_000, ' or '.join(['id:1'] * 5_000)], ids=['deep', 'long'])
def test_a_query_that_is_too_large_is_rejected(store: Store, query: str) -> None:
    with pytest.raises(ValueError, match=r'The query is (nested too deeply|too long)'):
        store.search({'query': query})


@pytest.mark.parametrize('query, count', [
    ('type:IP and sourcetimestamp:>"2020-02-10T11:32:32 +0000" and sourcetimestamp:<="2020-02-20T11:32:32 +0000"', 0),
    ('sourcetimestamp:<=now and type:(IP or Domain)', 2), ('value:2001:db8::1 or value:a.example', 2),
    ('expirationStatus:active and -score:>1', 1), ('reputation:(malicious or benign) -verdict:suspicious', 1)])
def test_a_query_finds_indicators(store: Store, query: str, count: int) -> None:
    store.add_indicators([{'value': 'a.example', 'type': 'Domain', 'score': 3}, {'value': '2001:db8::1', 'type': 'IP'}], 'f', 'F')
    assert store.search_indicators({'query': query})['total'] == count
