"""Write the table of localxsoar/FACTS.md from the tests that are marked with `fact`: python -m tools.facts"""
from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / 'localxsoar/FACTS.md'
TESTS = ROOT / 'Tests/localxsoar'
BEGIN = '<!-- Written by python -m tools.facts from the marks `fact` of the tests. Change nothing here. -->'
END = '<!-- The end of the facts. -->'


def page(old: str) -> str:
    """Return the page with its table as the tests say."""
    head, _, rest = old.partition(BEGIN)
    lines = [BEGIN, '| behaviour | from | tested by |', '| --- | --- | --- |', *rows(), END]
    return head + '\n'.join(lines) + rest.partition(END)[2]


def rows() -> Iterator[str]:
    """Yield a row for each mark, in the order of the files and of the tests in them."""
    for file in sorted(TESTS.rglob('test_*.py')):
        for test in [each for each in ast.parse(file.read_text('utf-8')).body if isinstance(each, ast.FunctionDef)]:
            for mark in test.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == 'fact':
                    source, behaviour = (ast.literal_eval(argument) for argument in mark.args)
                    yield f'| {behaviour} | {source} | `{test.name}` |'


if __name__ == '__main__':
    PAGE.write_text(page(PAGE.read_text('utf-8')), 'utf-8')
