"""Count the lines of code of each section of the script and of the Python in each top folder: python -m tools.code_lines

A line of code holds a token. Docstrings, headings, comments and blank lines do not count. The rows of senders, which
./dev senders writes into the script, are counted apart from the section that holds them.
"""
from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / 'Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.py'
HEADING = re.compile("''' ([A-Z ]+) '''")
GENERATED = 'SENDERS'
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
NOT_OURS = ('node_modules', 'dist')


class Size(NamedTuple):
    lines: int
    code: int
    functions: int

    def plus(self, other: Size) -> Size:
        """Return the sum of both."""
        return Size(*map(sum, zip(self, other, strict=True)))


NOTHING = Size(0, 0, 0)


def sections(source: str) -> dict[str, Size]:
    """Return the size of each section of a script, with '' for what is above the first heading, and of the generated rows."""
    names = dict(enumerate(sections_of_lines(source.splitlines()), 1))
    tree = ast.parse(source)
    names.update((number, f'rows of {GENERATED}') for node in tree.body if GENERATED in assigned(node) for number in extent(node))
    lines = Counter(names.values())
    code = Counter(names[number] for number in code_lines(source))
    functions = Counter(names[line] for line in functions_of(tree))
    return {name: Size(lines[name], code[name], functions[name]) for name in lines}


def sections_of_lines(lines: list[str]) -> Iterator[str]:
    """Yield the section that each line belongs to."""
    name = ''
    for line in lines:
        if heading := HEADING.match(line):
            name = heading[1]
        yield name


def folders() -> dict[str, Size]:
    """Return the size of the Python in each top folder that has some."""
    sizes: dict[str, Size] = {}
    for file in sorted(ROOT.rglob('*.py')):
        parts = file.relative_to(ROOT).parts
        if len(parts) > 1 and not any(part.startswith('.') or part in NOT_OURS for part in parts):
            sizes[parts[0]] = sizes.get(parts[0], NOTHING).plus(size(file.read_text('utf-8')))
    return sizes


def size(source: str) -> Size:
    return Size(len(source.splitlines()), len(code_lines(source)), len(functions_of(ast.parse(source))))


def code_lines(source: str) -> set[int]:
    """Return the numbers of the lines that hold code."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    numbers = {number for token in tokens if token.type not in NO_CODE for number in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            numbers.difference_update(extent(node))  # a docstring or a heading
    return {number for number, line in enumerate(source.splitlines(), 1) if line.strip() and number in numbers}


def functions_of(tree: ast.Module) -> list[int]:
    """Return the lines on which the functions and methods begin, also those inside others."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def assigned(node: ast.stmt) -> list[str]:
    """Return the names that a statement assigns a value."""
    return [target.id for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []


def extent(node: ast.stmt) -> range:
    """Return the numbers of a statement's lines."""
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def table(what: str, sizes: dict[str, Size]) -> Iterator[str]:
    """Yield the lines of a table of sizes, with their sum at its end."""
    yield f'{what:24} {"lines":>7} {"code":>7} {"functions":>10}'
    total = NOTHING
    for name, each in sizes.items():
        total = total.plus(each)
        yield f'{name or "(above)":24} {each.lines:7,} {each.code:7,} {each.functions:10,}'
    yield f'{"in all":24} {total.lines:7,} {total.code:7,} {total.functions:10,}'


if __name__ == '__main__':
    print('\n'.join([*table(SCRIPT.name, sections(SCRIPT.read_text('utf-8'))), '', *table('folder', folders())]))
