"""The commands of mirroring: their arguments, in the types that the server passes."""

import re
from typing import Any

import pytest
from facts import fact

from localxsoar.errors import CommandFailed
from localxsoar.server.mirroring import described, fill


@fact('documented', '`update-remote-system` gets `data` and `delta` as objects, `entries` as a list, and a changed `status`')
@pytest.mark.parametrize('given, changed', [
    ({}, {}), ({'delta': '{"a": 1}', 'status': '2'}, {'delta': {'a': 1}, 'status': 2}),
    ({'entries': [{'id': '1@2'}], 'incidentChanged': True}, {'entries': [{'id': '1@2'}], 'incidentChanged': True})])
def test_an_argument_that_is_no_text_is_read_from_json(given: dict[str, Any], changed: dict[str, Any]) -> None:
    nothing = {'remoteId': '7', 'data': {}, 'delta': {}, 'entries': [], 'incidentChanged': False, 'status': 0}
    assert fill('update-remote-system', {'remoteId': '7', **given}) == {**nothing, **changed}


@pytest.mark.parametrize('given, words', [
    ({'remoteId': '7', 'delta': 'x'}, r"delta is dict as JSON, such as \\{\\}, not 'x'"),
    ({'remoteId': '7', 'entries': {}}, 'entries is list'), ({'remoteId': '7', 'status': 'true'}, 'status is int as JSON')])
def test_an_argument_that_is_missing_or_of_another_type_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(CommandFailed, match=words.replace('\\\\', '\\')):
        fill('update-remote-system', given)


def test_an_incident_to_read_is_needed() -> None:
    with pytest.raises(CommandFailed, match='get-remote-data needs id'):
        fill('get-remote-data', {})


def test_the_time_since_when_is_a_date_and_a_descriptor_switches_the_commands_on() -> None:
    assert fill('get-remote-data', {'id': '7', 'lastUpdate': '2026-11-30'})['lastUpdate'] == '2026-11-30'
    assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', fill('get-remote-data', {'id': '7'})['lastUpdate'])
    assert [row['name'] for row in described({'isremotesyncin': True})] == ['get-remote-data', 'get-modified-remote-data']
