"""Tells the tests that start a process, which run in `sockets`, from the pure ones in `unit`, by what their code leads to."""
from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
STARTS = 'subprocess'
SOURCES = (ROOT, ROOT / 'Tests', ROOT / 'Tests/support')
Place = tuple[Path, str]


class Module(NamedTuple):
    """The names that each definition of a file uses, and the files that its imports come from."""

    uses: dict[str, set[str]]
    imports: dict[str, Place]


@functools.cache
def read_module(file: Path) -> Module:
    uses: dict[str, set[str]] = {}
    imports: dict[str, Place] = {}
    for node in ast.parse(file.read_text('utf-8')).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            uses[node.name] = used_names(node)
        elif isinstance(node, ast.Assign):
            uses.update((target.id, used_names(node.value)) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.ImportFrom):
            imports.update((alias.asname or alias.name, (source_of(node.module or ''), alias.name)) for alias in node.names)
    return Module(uses, imports)


def used_names(tree: ast.AST) -> set[str]:
    """Return the names in the tree, with those of arguments: a fixture is named by one."""
    nodes = list(ast.walk(tree))
    return {node.id for node in nodes if isinstance(node, ast.Name)} | {node.arg for node in nodes if isinstance(node, ast.arg)}


def source_of(module: str) -> Path:
    path = Path(*module.split('.')).with_suffix('.py')
    return next((folder / path for folder in SOURCES if (folder / path).is_file()), path)


@functools.cache
def starts_a_process(file: Path, name: str) -> bool:
    """Return whether the test called `name` in this file leads to a process, by itself, its fixtures or what they use."""
    seen: set[Place] = set()
    left = [(file, name)]
    while left:
        place = left.pop()
        if place[1] == STARTS:
            return True
        if place not in seen:
            seen.add(place)
            left += follow(*place)
    return False


@functools.cache
def follow(file: Path, name: str) -> list[Place]:
    """Return where the names come from that the definition of `name` uses, if this file, an import or a conftest has it."""
    if not file.is_file():
        return []
    module = read_module(file)
    if name in module.uses:
        return [(file, used) for used in module.uses[name]]
    if name in module.imports:
        return [module.imports[name]]
    above = [folder / 'conftest.py' for folder in file.parents if ROOT in (folder, *folder.parents)]
    return next(([(conftest, name)] for conftest in above if conftest != file and conftest.is_file()
                 and name in read_module(conftest).uses), [])
