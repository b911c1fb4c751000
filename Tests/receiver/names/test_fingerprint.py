"""What the script makes of thousands of known events is what is recorded: python -m tools.names.fingerprint says what differs."""
from __future__ import annotations

import functools

import pytest
from tools.names.fingerprint import SOURCES, Change, changes, recorded, report, results


RENEW = 'If this is meant, review the difference, and record it: .tox/tests/bin/python -m tools.names.fingerprint --renew'


@functools.cache
def found(source: str) -> list[Change]:
    return list(changes(source, recorded(source), results(SOURCES[source]())))


def assert_nothing_differs(differing: list[Change]) -> None:
    assert not differing, '\n'.join([*report(differing, 20), RENEW])


@pytest.mark.parametrize('source', SOURCES)
def test_rows_words_ends_keys_types_and_notes_are_as_recorded(source: str) -> None:
    assert_nothing_differs([each for each in found(source) if not each.is_general])


@pytest.mark.parametrize('source', SOURCES)
def test_names_times_and_severities_by_the_general_rule_are_as_recorded(source: str) -> None:
    assert_nothing_differs([each for each in found(source) if each.is_general])
