"""The faults alone: what each makes of a call, and which values are read."""

from typing import Any

import pytest
from clocks import zone

from localxsoar.errors import CallRejected, UsageError
from localxsoar.containers.faults import Faults

DEFAULTS = {'call_delay_ms': 0, 'incident_delay_ms': 0, 'refuse': '', 'answer': 'normal', 'drop': '', 'dropped': 'empty',
            'rename': '', 'hang': False, 'cut': False, 'index_delay_ms': 0,
            'event_delay_ms': 0, 'event_status': 0, 'deny': ''}
TWO = [{'name': 'good'}, {'name': 'poisoned'}]


def create(faults: dict[str, Any], incidents: Any = TWO) -> tuple[Any, list[Any]]:
    """The reply to a call under these faults, and what was created."""
    stored: list[Any] = []

    def store(given: list[Any]) -> list[Any]:
        stored.extend(given)
        return given
    changed = Faults()
    changed.change(faults)
    try:
        return changed.create(incidents, store, lambda: False), stored
    except CallRejected as error:
        return error, stored


def test_without_faults_a_call_creates_all_and_replies_with_them() -> None:
    assert Faults().as_dict() == DEFAULTS
    assert create({}) == (TWO, TWO)


@pytest.mark.parametrize('fault, reply, created', [
    ({'answer': 'reversed'}, TWO[::-1], TWO), ({'answer': 'lone-object'}, TWO, TWO), ({'answer': 'null'}, None, []),
    ({'answer': 'false'}, False, []), ({'answer': 'empty'}, [], []), ({'answer': 'empty-object'}, {}, []),
    ({'answer': 'null-item'}, [None], []),
    ({'drop': 'poison'}, TWO[:1], TWO[:1]), ({'drop': '*'}, [], []), ({'drop': 'nothing'}, TWO, TWO),
    ({'rename': 'poison'}, [TWO[0], {'name': 'poisoned (renamed)'}], TWO),
    ({'rename': '*'}, [{'name': 'good (renamed)'}, {'name': 'poisoned (renamed)'}], TWO), ({'refuse': 'nothing'}, TWO, TWO)])
def test_a_fault_shapes_the_reply(fault: dict[str, Any], reply: Any, created: Any) -> None:
    assert create(fault) == (reply, created)


@pytest.mark.parametrize('fault, incidents, words, created', [
    ({'refuse': 'poison'}, TWO, 'demands: poisoned', []), ({'refuse': '*'}, TWO, 'demands: good', []),
    ({'refuse': '*'}, [{}], 'demands: None', []),
    ({'hang': True}, TWO, 'nothing was created', []), ({'answer': 'created-then-error'}, TWO, 'and then the call failed', TWO)])
def test_a_fault_fails_the_call(fault: dict[str, Any], incidents: Any, words: str, created: Any) -> None:
    error, stored = create(fault, incidents)
    assert isinstance(error, CallRejected) and words in str(error) and stored == created


def test_a_lone_object_and_other_items_are_in_the_reply() -> None:
    assert create({'answer': 'lone-object'}, TWO[:1])[0] == TWO[0]
    assert create({'answer': 'mixed'})[0][:3] == [None, *TWO] and set(create({'answer': 'mixed'})[0][3]) == {'error'}
    assert set(create({'answer': 'error-item'})[0][0]) == {'error'}
    assert create({'answer': 'deep'})[0] == '[' * 100_000 + ']' * 100_000


def test_an_incident_that_is_not_an_object_or_has_no_name_is_hit_by_everything_alone_and_no_incident_by_nothing() -> None:
    assert create({'drop': 'a'}, ['a', {}]) == (['a', {}], ['a', {}])
    assert create({'dropped': 'null'}, []) == ([], [])


@pytest.mark.parametrize('name, given, value', [
    ('call_delay_ms', '1.5', 1.5), ('incident_delay_ms', 0, 0),
    *((name, given, '') for name in ('refuse', 'drop', 'rename', 'deny') for given in (
        None, False, 'false', '')), ('drop', True, '*'), ('drop', 'true', '*'), ('rename', 5, '5'), ('answer', None, 'null'),
    ('answer', False, 'false'), ('answer', 'REVERSED', 'reversed'), ('hang', 'TRUE', True), ('hang', False, False),
    ('cut', True, True), ('event_status', '599', 599), ('event_status', 400, 400), ('dropped', None, 'null')])
def test_a_value_is_read_from_text_or_json(name: str, given: Any, value: Any) -> None:
    assert Faults().change({name: given}) == {**DEFAULTS, name: value}


@pytest.mark.parametrize('name, given, words', [
    ('speed', 1, 'There is no fault speed. Known: call_delay_ms, '), ('call_delay_ms', 'inf', "'inf' is not milliseconds"),
    ('call_delay_ms', -0.1, 'is not milliseconds'), ('call_delay_ms', None, 'None is not milliseconds'),
    ('drop', [], 'is not a text'), ('dropped', 'none', 'is not empty or null'),
    ('answer', 'maybe', 'is not one of normal, reversed'), ('hang', 'yes', 'is not true or false'),
    *(('event_status', status, 'is not a status from 400 to 599, or 0 for none') for status in (399, 600, 'no'))])
def test_a_wrong_value_changes_no_fault(name: str, given: Any, words: str) -> None:
    faults = Faults()
    with pytest.raises(UsageError, match=words):
        faults.change({'rename': 'x', name: given})
    assert faults.as_dict() == DEFAULTS


def test_what_the_index_knows_is_told_in_utc() -> None:
    with zone('Asia/Kathmandu'):
        assert Faults(index_delay_ms=1).indexed({})['indexedUntil'].endswith('+00:00')


def test_a_cut_happens_once() -> None:
    faults = Faults(cut=True)
    assert (faults.pop_cut(), faults.pop_cut()) == (True, False)


@pytest.mark.parametrize('deny, denied', [('', []), ('a,b', ['a', 'b']), ('ab', []), ('*', ['a', 'b', 'c'])])
def test_commands_are_denied_by_their_names_or_all(deny: str, denied: list[str]) -> None:
    assert [command for command in 'abc' if Faults(deny=deny).denies(command)] == denied
