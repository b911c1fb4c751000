"""The mutants: what is made of a file, how each is found again, and which the tests of a small module notice."""

import sys
from pathlib import Path

import checkouts
import pytest


# A test tool's own tests: it runs once a week itself.
pytestmark = [pytest.mark.sockets, pytest.mark.weekly]

EXAMPLE = '''
class Limit:
    def is_over(self, number):
        return number > 3
'''
TESTS = '''
import subprocess
from example import Limit
def test_more_is_over(): assert Limit().is_over(9)
def test_fails_without_a_change(): assert Limit().is_over(0)
def test_starts_a_process(): assert not Limit().is_over(3) and subprocess.run(['true'])
def test_less_is_not_over(): assert not Limit().is_over(1)
'''
KILLED = 'example  Limit.is_over  1  return number > 3  ->  return None'
SURVIVORS = ['number > 3  ->  number >= 3', '3  ->  4']


@pytest.fixture
def example(tmp_path: Path) -> Path:
    (tmp_path / 'test_example.py').write_text(TESTS)
    (tmp_path / 'example.py').write_text(EXAMPLE)
    return tmp_path / 'example.py'


def run(example: Path, *arguments: str) -> tuple[int, str]:
    done = checkouts.run(sys.executable, '-m', 'tools.mutants', '--file', example, '--tests', example.parent, *arguments)
    return done.returncode, done.stdout + done.stderr


def test_a_change_that_a_test_notices_is_killed_and_the_others_are_reported_and_recorded(example: Path, tmp_path: Path) -> None:
    record = tmp_path / 'killed.txt'
    status, output = run(example, '--record', str(record))
    survivors = [line for line in output.splitlines() if line.startswith('survived')]
    assert sorted(survivors) == [f'survived: example.py:4: Limit.is_over: {change}' for change in sorted(SURVIVORS)], output
    assert '1 of 3 mutants killed, 33%' in output and status == 1
    lines = record.read_text().splitlines()
    assert sorted(lines) == sorted([f'killed  {KILLED}', *(f'survived  example  Limit.is_over  1  {each}' for each in SURVIVORS)])


def test_a_test_that_fails_without_a_change_or_starts_a_process_kills_nothing(example: Path) -> None:
    status, output = run(example, '--goal', str(1 / 3), '--lines', '1-4')
    left_out = [line for line in output.splitlines() if line.startswith('left out')]
    assert [line.rpartition('::')[2] for line in left_out] == ['test_fails_without_a_change'], output
    assert '2 of 4 tests start no process and pass.' in output and status == 0


def test_what_died_is_tried_again_and_fails_if_it_lives_now_but_not_if_its_code_is_gone(example: Path, tmp_path: Path) -> None:
    record = tmp_path / 'killed.txt'
    record.write_text(f'killed  {KILLED}\nkilled  example  Limit.is_under  1  0  ->  1\n')
    status, output = run(example, '--recorded', str(record))
    assert 'gone: example  Limit.is_under  1  0  ->  1\n' in output and status == 0, output
    record.write_text(f'killed  example  Limit.is_over  1  {SURVIVORS[0]}\n')
    status, output = run(example, '--recorded', str(record))
    assert f'survived: example.py:4: Limit.is_over: {SURVIVORS[0]}\n' in output and status == 1, output
