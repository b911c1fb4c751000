"""Holds the floors of the local XSOAR: which of its packages may import which, and that no import leads in a circle."""
from __future__ import annotations

import ast
import functools
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from imports import circle, imports_among
from local_xsoar import ROOT
from tools.tree import own_files

# What each package may import beside itself, from the lowest floor to the highest. A module of the root is on the ground
# floor, the base, or on the top.
MAY_IMPORT = {
    'common': '',  # it is put before a script and runs in a container
    'mock': 'common',  # the unit tests of packs import it
    'base': '',
    'packs': 'base',
    'incidents': 'base',
    'terminal': 'base incidents',
    'webhooks': 'base incidents terminal',
    'containers': 'base packs incidents terminal',
    'server': 'base packs incidents terminal containers',
    'web': 'base packs incidents terminal webhooks containers server',
    'top': 'base packs incidents terminal webhooks containers server web',
}
BASE = {'localxsoar', *(f'localxsoar.{name}' for name in ('errors', 'events', 'forward', 'turns', 'waiting'))}
Graph = Mapping[str, set[str]]


def module_of(file: Path) -> str:
    """Return a module's name, such as `localxsoar.packs.pack`, or `localxsoar.packs` for its __init__.py."""
    return '.'.join(file.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__')


@functools.cache
def graph_of_imports() -> Graph:
    """Return what each module of localxsoar imports of the others."""
    files = {module_of(file): file for file in own_files('localxsoar/*.py')}
    return {name: imports_among(files, ast.parse(file.read_text('utf-8')), '.'.join(file.relative_to(ROOT).parts[:-1]))
            for name, file in files.items()}


def floor_of(module: str) -> str:
    """Return the package of a module, or `base` or `top` for a module of the root."""
    _, package, *_ = *module.split('.'), ''
    return 'base' if module in BASE else package if package in MAY_IMPORT else 'top'


def upward(graph: Graph) -> list[str]:
    """Return each import that the table does not allow, as `module -> module`."""
    return sorted(f'{name} -> {other}' for name, below in graph.items() for other in below
                  if floor_of(other) not in (floor_of(name), *MAY_IMPORT[floor_of(name)].split()))


def test_each_package_imports_only_those_below_it() -> None:
    graph = graph_of_imports()
    assert len(graph) > 60 and graph['localxsoar.__main__'] == {'localxsoar.cli'}  # imports are found, in functions, too
    assert upward(graph) == []


def test_no_module_leads_back_to_itself() -> None:
    assert circle(graph_of_imports()) == []


def test_each_package_is_in_the_table_above_those_that_it_may_import() -> None:
    assert {floor_of(module) for module in graph_of_imports()} == set(MAY_IMPORT)
    assert {file.parent.name for file in (ROOT / 'localxsoar').glob('*/__init__.py')} == MAY_IMPORT.keys() - {'base', 'top'}
    floors = list(MAY_IMPORT)
    assert [name for name, allowed in MAY_IMPORT.items() if not set(allowed.split()) <= set(floors[:floors.index(name)])] == []


def test_the_readme_lists_the_packages_in_this_order_with_files_that_exist() -> None:
    rows = re.findall(r'^\| `(\w+)/` \|(.*)$', (ROOT / 'localxsoar/README.md').read_text('utf-8'), re.MULTILINE)
    assert [package for package, _ in rows] == [name for name in MAY_IMPORT if name not in ('base', 'top')]
    named = [ROOT / 'localxsoar' / package / file for package, row in rows for file in re.findall(r'`(\w+\.py)`', row)]
    assert len(named) > 5 and [file for file in named if not file.exists()] == []


def test_a_package_says_what_it_is_for_and_exports_nothing() -> None:
    """Exports would lead in circles, for the modules of a package import each other through it, and load more at each start."""
    trees = [ast.parse(file.read_text('utf-8')) for file in (ROOT / 'localxsoar').glob('*/__init__.py')]
    purposes = [ast.get_docstring(tree) if len(tree.body) == 1 else 'It exports something' for tree in trees]
    assert [purpose for purpose in purposes if not (purpose or '').endswith('.')] == []


@pytest.mark.parametrize(('module', 'code', 'found'), [
    ('packs.pack', 'from localxsoar.containers import ports, loop', ['containers.loop', 'containers.ports']),
    ('packs.pack', 'def f():\n    import localxsoar.cli', ['cli']),
    ('packs.pack', 'if TYPE_CHECKING:\n    from ..server.server import Server', ['server.server']),
    ('webhooks.replay', 'from localxsoar.server.instance import Instance', ['server.instance']),
    ('webhooks.replay', 'from localxsoar.terminal.printer import escape', []),
    ('server.server', 'from localxsoar.webhooks.masks import Masks', ['webhooks.masks']),
    ('cli', 'from localxsoar.server import server\nfrom localxsoar.web.front import Front', []),
])
def test_an_import_that_leads_up_is_found(module: str, code: str, found: list[str]) -> None:
    name = f'localxsoar.{module}'
    modules = [each for each in graph_of_imports() if not (ROOT / each.replace('.', '/')).is_dir()]
    graph = {name: imports_among(modules, ast.parse(code), name.rpartition('.')[0])}
    assert upward(graph) == [f'{name} -> localxsoar.{each}' for each in found]


@pytest.mark.parametrize(('graph', 'found'), [
    ({'a': {'b'}, 'b': {'c'}, 'c': set()}, []), ({'a': {'a'}}, ['a']), ({'a': {'b'}, 'b': {'c'}, 'c': {'b'}}, ['a', 'b', 'c'])])
def test_a_circle_of_imports_is_found(graph: dict[str, set[str]], found: list[str]) -> None:
    assert circle(graph) == found
