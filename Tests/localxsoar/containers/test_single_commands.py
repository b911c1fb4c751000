"""Doubts about the arguments of a single command."""

from typing import Any

import pytest

from localxsoar.containers import single_commands


@pytest.mark.parametrize('args, doubts', [
    ({'one': 'b', 'some': 'a,b', 'free': 'c'}, []), ({'': 'c', 'one': ''}, []), ({'some': ['a']}, []),
    ({'one': 'c'}, ['do: one=c is not one of a, b.']), ({'some': 'a, c'}, ['do: some=c is not one of a, b.'])])
def test_a_value_that_the_descriptor_does_not_offer_is_in_doubt(args: dict[str, Any], doubts: list[str]) -> None:
    offers = {'auto': 'PREDEFINED', 'predefined': ['a', 'b']}
    rows: list[dict[str, Any]] = [
        {'name': 'one', **offers}, {'name': 'some', 'isArray': True, **offers}, {'name': 'free', 'predefined': ['']}]
    assert list(single_commands.doubts_about('do', rows, args)) == doubts
