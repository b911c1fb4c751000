"""The words for what became of a delivery: which steps it has, in which order, and how each is said."""

from typing import Any

import pytest
from printed_lines import DELIVERY, REJECTED

from localxsoar.terminal.chain import SIGNS, chain, numbers

NOTHING: dict[str, Any] = {**DELIVERY, 'kind': 'answered', 'incidents': [], 'own': []}


def act(word: str, incident: str = '', text: str = '') -> dict[str, str]:
    return {'word': word, 'incident': incident, 'text': text}


@pytest.mark.parametrize('delivery, said', [
    ({**DELIVERY, 'own': ['7']}, ['→ 7']),
    ({**NOTHING, 'acts': [act('joined', '7', 'high → critical')]}, ['↳ 7 high → critical']),
    ({**NOTHING, 'acts': [act('joined', '7'), act('joined', '9'), act('joined', '7')]}, ['↳ 7, 9']),
    ({**NOTHING, 'acts': [act('ended', '7')]}, ['✓ 7']), ({**NOTHING, 'acts': [act('dropped')]}, ['⊘ dropped']),
    ({**NOTHING, 'acts': [act('dropped'), act('dropped')]}, ['⊘ 2 dropped']),
    ({**NOTHING, 'skipped': 'severity low'}, ['⊘ skipped: severity low']),
    ({**DELIVERY, 'kind': 'repeat', 'own': [], 'repeats': 3}, ['↺ 3']),
    ({**DELIVERY, 'kind': 'repeat', 'own': [], 'incidents': ['7', '8']}, ['↺ of incidents 7, 8']),
    ({**NOTHING, 'is_repeat': True}, ['↺ of an earlier delivery']), ({**REJECTED, 'own': []}, ['no token']),
    ({**REJECTED, 'incidents': ['7'], 'own': ['7']}, ['→ 7', 'no token']),
    ({**NOTHING, 'kind': 'gone', 'is_lost': True, 'has_left': True}, ['✗ lost', '↯ left']),
    ({**DELIVERY, 'kind': 'gone', 'own': ['7'], 'has_left': True}, ['→ 7', '↯ left']),
    ({**NOTHING, 'kind': 'gone', 'has_left': False}, []), (NOTHING, []),
    (DELIVERY, ['→ 7']),  # as earlier versions kept it
])
def test_each_step_is_said_with_its_sign(delivery: dict[str, Any], said: list[str]) -> None:
    assert [step['said'] for step in chain(delivery)] == said


def test_what_was_created_comes_first_and_the_departure_last() -> None:
    acts = [act('dropped'), act('ended', '3'), act('joined', '2')]
    whole = {**DELIVERY, 'kind': 'rejected', 'own': ['7'], 'acts': acts, 'skipped': 'resolved', 'repeats': 1, 'is_lost': True,
             'has_left': True}
    assert [step['word'] for step in chain(whole)] == [*SIGNS]
    assert [step['incidents'] for step in chain(whole) if step['word'] == 'repeat'] == [[]], 'it created its own'


@pytest.mark.parametrize('ids, text', [
    (['7'], '7'), (['10', '9', '40'], '9, 10, 40'),
    (['7', '8', '9', '10'], '7 to 10'), (['7', '8', '9', '40'], '4 from 7 to 40')])
def test_many_numbers_are_a_range(ids: list[str], text: str) -> None:
    assert numbers(ids) == text
