"""What the script makes of thousands of known events is what is recorded: python -m tools.names.fingerprint says what differs."""
from __future__ import annotations

import functools

import pytest
from tools.names.fingerprint import SOURCES, Change, changes, recorded, report, results


RENEW = 'If this is meant, review the difference, and record it: .tox/tests/bin/python -m tools.names.fingerprint --renew'


@functools.cache
def found(source: str) -> list[Change]:
    return list(changes(source, recorded(source), results(SOURCES[source]())))


@pytest.mark.parametrize('is_general', [False, True], ids=['what is certain', 'what the general rule finds'])
@pytest.mark.parametrize('source', SOURCES)
def test_what_becomes_of_known_events_is_as_recorded(source: str, is_general: bool) -> None:
    differing = [each for each in found(source) if each.is_general is is_general]
    assert not differing, '\n'.join([*report(differing, 20), RENEW])
