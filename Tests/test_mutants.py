"""The mutants: their tables name what exists, and a seed gives the same order again."""

from pathlib import Path
from typing import Any

import pytest
from local_xsoar import ROOT

from tools import mutants
from tools.mutants import SCRIPT, TESTS_OF_A_MODULE, TESTS_OF_A_SECTION, chosen, section, stages

MASKS = Path('localxsoar/masks.py')
NOT_MUTATED = {'__init__', 'errors'}  # which have no code to change
NO_RULES = {'CONSTANTS', 'ERRORS AND RESPONSES', 'SETTINGS', 'COMMANDS', 'MAIN'}


def test_each_section_of_the_script_with_rules_has_tests_of_its_own() -> None:
    headings = {line.strip("' ") for line in (ROOT / SCRIPT).read_text('utf-8').splitlines() if line.startswith("''' ")}
    assert set(TESTS_OF_A_SECTION) | NO_RULES == headings | NO_RULES
    assert [file for files in TESTS_OF_A_SECTION.values() for file in files if not (ROOT / file).exists()] == []


def test_each_module_of_the_local_xsoar_has_tests_of_its_own() -> None:
    modules = {file.stem for pattern in ('*.py', 'common/*.py') for file in (ROOT / 'localxsoar').glob(pattern)}
    assert set(TESTS_OF_A_MODULE) == modules - NOT_MUTATED
    files = {file for module in TESTS_OF_A_MODULE for file in mutants.tests_of_module(module)}
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_a_seed_gives_the_same_order_again_and_another_one_another() -> None:
    def order(seed: int) -> list[Any]:
        return [(mutant.line, mutant.change) for mutant in chosen([MASKS], '', seed)]

    assert order(7) == order(7) != order(8)
    assert sorted(order(7)) == sorted(order(8))


def test_several_files_and_some_lines_of_them_are_mutated() -> None:
    several = chosen([MASKS, Path('localxsoar/journal.py')], '', 1)
    assert {mutant.file.name for mutant in several} == {'masks.py', 'journal.py'}
    lines = [mutant.line for mutant in several if mutant.file == MASKS]
    assert {mutant.line for mutant in chosen([MASKS], f'1-{min(lines)}', 1)} == {min(lines)}
    assert {mutant.line for mutant in chosen([MASKS], str(max(lines)), 1)} == {max(lines)}


def test_each_mutant_is_the_file_with_one_change() -> None:
    source = (ROOT / MASKS).read_text('utf-8')
    for mutant in chosen([MASKS], '', 1):
        changed = mutant.source()
        compile(changed, MASKS.name, 'exec')
        assert changed != source and changed.splitlines()[:mutant.line - 1] == source.splitlines()[:mutant.line - 1]


@pytest.mark.parametrize('file, change', [('senders', 'all  ->  any'), ('recognition', 'any  ->  all')])
def test_any_and_all_are_swapped(file: str, change: str) -> None:
    assert change in {mutant.change for mutant in chosen([Path(f'localxsoar/{file}.py')], '', 1)}


def test_a_mutant_meets_the_tests_of_its_module_or_its_section_first() -> None:
    [(tests, _)] = stages(chosen([MASKS], '', 1)[0])
    assert tests == ['Tests/localxsoar/test_masks.py']
    mutant = next(mutant for mutant in chosen([SCRIPT], '', 1) if section(mutant) == 'HANDSHAKES')
    (own, _), (quick, _), (slow, _) = stages(mutant)
    assert own == ['Tests/test_handshakes.py'] and own[0] not in quick and f'--ignore={own[0]}' in slow
