"""The context of an incident: how outputs join it."""

from typing import Any

import pytest
from facts import fact

from localxsoar.incidents.context import add_outputs

BY_ID = 'A.B(val.id && val.id == obj.id)'
ONE, TWO = {'id': 1, 'a': 1}, {'id': 2}


@fact('documented', "where the condition of an output's path holds, the element of the context gets the new fields; "
      "otherwise the output is a new element")
@fact('inferred', 'an output without a condition is appended, once if it is the same: public scripts delete a key before '
      'they overwrite it')
@fact('documented', 'a single output is an object in the context, and a list once there is a second')
@pytest.mark.parametrize('outputs, context', [
    ([(BY_ID, ONE)], ONE), ([(BY_ID, ONE), (BY_ID, {'id': 1, 'b': 2})], {'id': 1, 'a': 1, 'b': 2}),
    ([(BY_ID, ONE), (BY_ID, TWO)], [ONE, TWO]), ([(BY_ID, [ONE]), (BY_ID, [{'id': 1, 'a': 3}])], [{'id': 1, 'a': 3}]),
    ([(BY_ID, [ONE, TWO]), (BY_ID, [{'id': 2, 'c': 1}, {'id': 3}])], [ONE, {'id': 2, 'c': 1}, {'id': 3}]),
    ([('A.B', ONE), ('A.B', TWO)], [ONE, TWO]), ([('A.B', 'x'), ('A.B', 'x')], 'x'), ([('A.B', ['x']), ('A.B', 'y')], ['x', 'y']),
    ([('A.B', ONE), ('A(true)', {'B': TWO})], TWO), ([('A.B', ONE), ('A(1)', {'C': 1})], ONE),
    ([('A.B', {'a': {'b': 1}}), ('A.B(val.a.b == obj.a.b)', {'a': {'b': 1}, 'c': 1})], {'a': {'b': 1}, 'c': 1}),
    ([('A.B', {'a b': 1}), ("A.B(val['a b'] === obj['a b'])", {'a b': 1, 'c': 1})], {'a b': 1, 'c': 1}),
    ([('A.B', {'x': 1, 'y': 2}), ('A.B((val.x && val.x == obj.x) || (val.y && val.y == obj.y))', {'y': 2, 'z': 3})],
     {'x': 1, 'y': 2, 'z': 3}),
    ([('A.B', {'x': 1}), ("A.B(val.x != 2 && val.x != 'text')", {'z': 3})], {'x': 1, 'z': 3}),
    ([('A.B', {'x': "'it' is && so"}), ('A.B(val.x == "\'it\' is && so")', {'z': 3})], {'x': "'it' is && so", 'z': 3}),
    ([('A.B', {'x': [], 'y': {}}), ('A.B(val.x && val.y && val.x == obj.x)', {'x': [], 'c': 1})], {'x': [], 'y': {}, 'c': 1}),
    ([('A.B', {'id': ''}), (BY_ID, {'id': '', 'c': 1})], [{'id': ''}, {'id': '', 'c': 1}]),
    ([('A.B', 'x'), ('A.B(val == obj)', ['x', 'y'])], ['x', 'y'])])
def test_outputs_join_the_elements_that_their_condition_finds(outputs: Any, context: Any) -> None:
    found: dict[str, Any] = {}
    for path, value in outputs:
        add_outputs(found, path, value)
    assert found['A']['B'] == context


def test_an_output_below_a_list_goes_to_its_last_element() -> None:
    found: dict[str, Any] = {}
    for path, value in (('A', [{'id': 1}, {'id': 2}]), ('A.B', 'x')):
        add_outputs(found, path, value)
    assert found == {'A': [{'id': 1}, {'id': 2, 'B': 'x'}]}


class Counted(str):
    """A text that counts how often it is compared."""
    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize('path', ['A.B', 'A.B(val.id && val.id == obj.id)', 'A.B(obj.id == val.id)'])
def test_thousands_of_outputs_are_not_compared_each_with_all(path: str) -> None:
    found: dict[str, Any] = {}
    Counted.compared = 0
    for _ in range(2):
        add_outputs(found, path, [{'id': Counted(number)} for number in range(1, 2001)])
    assert len(found['A']['B']) == 2000
    assert Counted.compared < 20_000
