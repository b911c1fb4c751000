"""The arguments of a single command, doubts about them, and what its entries ask for."""

from typing import Any

import pytest

from localxsoar.containers import single_commands
from localxsoar.errors import CommandFailed


@pytest.mark.parametrize('args, doubts', [
    ({'one': 'b', 'some': 'a,b', 'free': 'c'}, []), ({'': 'c', 'one': ''}, []), ({'some': ['a']}, []),
    ({'one': 'a,b'}, ['do: one=a,b is not one of a, b.']),
    ({'free': 'c', 'more': '1'}, ['do has no argument more. Its arguments: one, some, free.']),
    ({'one': 'c'}, ['do: one=c is not one of a, b.']), ({'some': 'a, c'}, ['do: some=c is not one of a, b.'])])
def test_a_value_that_the_descriptor_does_not_offer_is_in_doubt(args: dict[str, Any], doubts: list[str]) -> None:
    offers = {'auto': 'PREDEFINED', 'predefined': ['a', 'b']}
    rows: list[dict[str, Any]] = [
        {'name': 'one', **offers}, {'name': 'some', 'isArray': True, **offers}, {'name': 'free', 'predefined': ['']}]
    assert list(single_commands.doubts_about('do', rows, args)) == doubts


ROWS: list[dict[str, Any]] = [{'name': 'ip', 'default': True, 'required': True}, {'name': 'size', 'defaultValue': '5'}]


@pytest.mark.parametrize('given, filled', [
    ({'ip': 'a'}, {'size': '5', 'ip': 'a'}), ({'': 'a', 'size': '6'}, {'size': '6', 'ip': 'a'}),
    ({'ip': 'a', '': 'b'}, {'size': '5', 'ip': 'a'}),
    ({'ip': ''}, 'do needs ip.'), ({}, 'do needs ip.'), ({'ip': 'a', 'debug-mode': 'false'}, {'size': '5', 'ip': 'a'})])
def test_arguments_have_the_defaults_of_the_descriptor(given: dict[str, Any], filled: Any) -> None:
    if isinstance(filled, str):
        with pytest.raises(CommandFailed, match=filled):
            single_commands.fill_arguments('do', ROWS, given)
    else:
        assert single_commands.fill_arguments('do', ROWS, given) == filled


def test_a_polling_entry_says_when_to_run_again_and_for_how_long() -> None:
    poll = {'PollingCommand': 'poll', 'PollingArgs': {'a': 1}, 'NextRun': '5', 'Timeout': '60'}
    entries = ['text', {}, poll, {'PollingCommand': 'go'}]
    assert list(single_commands.polls_in(entries)) == [
        single_commands.Poll('poll', {'a': 1}, 5, 60), single_commands.Poll('go', {}, 0, single_commands.POLLING_SECONDS)]
