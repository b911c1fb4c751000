"""The value at a path, for the preview of a mapping."""

import json

import pytest

from localxsoar.incidents.mapping import PARSED_CHARACTERS, SHOWN_CHARACTERS, value_at

DETAILS = '{"a": {"b.c": [{"d": 12345678901234567890, "e": 1.0}, "x"]}, "n": null, "t": true, "empty": "", "1": "key"}'


@pytest.mark.parametrize('path, value', [
    (['a', 'b.c', '0', 'd'], '12345678901234567890'), (['a', 'b.c', '0', 'e'], '1.0'), (['a', 'b.c', '1'], 'x'), (['n'], 'null'),
    (['t'], 'true'), (['empty'], ''), (['1'], 'key'), (['a'], '{"b.c": [2]}'), (['a', 'b.c'], '[{2}, "x"]'),
    (['a', 'b.c', '0'], '{"d": 12345678901234567890, "e": 1.0}'),
    (['b'], None), (['a', 'b.c', '2'], None), (['a', 'b.c', 'd'], None), (['t', 'x'], None), (['empty', '0'], None)])
def test_a_value_is_as_its_text_has_it(path: list[str], value: str) -> None:
    assert value_at(DETAILS, path) == value


@pytest.mark.parametrize('details, first, last', [
    ([*range(25)], '[0, 1, ', ', 19]'), ({str(number): number for number in range(25)}, '{"0": 0, ', ', "19": 19}')])
def test_a_list_or_an_object_shows_its_first_twenty(details: object, first: str, last: str) -> None:
    value = str(value_at(json.dumps(details), []))
    assert value.startswith(first) and value.endswith(last)


def test_long_values_are_cut_and_what_cannot_be_read_has_none() -> None:
    for count, end in ((SHOWN_CHARACTERS, ''), (1000, '…')):
        assert value_at('{"a": "' + 'x' * count + '"}', ['a']) == 'x' * SHOWN_CHARACTERS + end
    for details in ('{"a": "' + 'x' * PARSED_CHARACTERS + '"}', '{', '[' * 100_000):
        assert value_at(details, ['a']) is None
