"""Build the single file that XSOAR loads from the modules of receiver/: ./dev build [--check].

The modules follow one another in the order of their floors, which pyproject.toml holds for import-linter, too; each stands behind
a heading with the path of its source. Their imports become one block at the top (head.txt). `--check` writes nothing, and fails
if the file is not what the sources give.
"""
from __future__ import annotations

import argparse
import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path('Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.py')
PACKAGE = 'receiver'
IMAGE = 'image'  # the module that tells what the image lacks: it stands above the imports that may fail
INJECTED = ('demistomock', 'CommonServerPython')  # by XSOAR


class Unbuildable(Exception):
    """Raised with the file, the line and what is wrong there."""


class Module(NamedTuple):
    """A module of the receiver, without its docstring and imports."""

    name: str  # such as `proof.schemes`
    path: str  # from the root of the project
    doc: str
    body: str
    imports: list[ast.Import | ast.ImportFrom]
    defined: dict[str, int]  # each name at its top, with a line

    @property
    def room(self) -> str:
        """Return the package or module at the top of the receiver that it belongs to."""
        return self.name.partition('.')[0]


def floors(root: Path) -> list[str]:
    """Return the names of the modules, each before those that may use it."""
    configuration = tomllib.loads((root / 'pyproject.toml').read_text('utf-8'))
    layers = configuration['tool']['importlinter']['contracts'][0]['layers']
    return [layer.removeprefix(f'{PACKAGE}.') for layer in reversed(layers)]


def read_module(root: Path, name: str) -> Module:
    """Return a module. Raise Unbuildable."""
    path = f'{PACKAGE}/{name.replace(".", "/")}.py'
    source = (root / path).read_text('utf-8')
    tree = ast.parse(source, path)
    doc = ast.get_docstring(tree)
    if not doc:
        raise Unbuildable(f'{path}:1: the module has no docstring')
    above = [node for node in tree.body[1:] if isinstance(node, ast.Import | ast.ImportFrom)]
    if late := [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) and node not in above]:
        raise Unbuildable(f'{path}:{late[0].lineno}: an import that is not at the top')
    end = max(node.end_lineno or 0 for node in [tree.body[0], *above])
    body = '\n'.join(source.splitlines()[end:]).strip('\n')
    return Module(name, path, doc, body, above, dict(definitions(tree)))


def definitions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield each name that a module defines at its top, with its line."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((each.id, node.lineno) for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))


def check(modules: list[Module]) -> None:
    """Raise Unbuildable if a name is defined in two modules, or a module imports one that is not above it."""
    homes: dict[str, Module] = {}
    above: dict[str, Module] = {}
    for module in modules:
        for node in module.imports:
            place = f'{module.path}:{node.lineno}: '
            if isinstance(node, ast.Import) and any(alias.name.partition('.')[0] == PACKAGE for alias in node.names):
                raise Unbuildable(f'{place}write `from {PACKAGE}.… import …`')
            if isinstance(node, ast.ImportFrom) and (source := node.module or '').partition('.')[0] == PACKAGE:
                if source not in above:
                    raise Unbuildable(f'{place}{source} is not above {PACKAGE}.{module.name}')
                if lacking := [alias.name for alias in node.names if alias.asname or alias.name not in above[source].defined]:
                    raise Unbuildable(f'{place}{source} does not define {lacking[0]} under this name')
        for name, line in module.defined.items():
            if name in homes:
                raise Unbuildable(f'{module.path}:{line}: {name} is defined in {homes[name].path}, too')
            homes[name] = module
        above[f'{PACKAGE}.{module.name}'] = module


def import_lines(modules: list[Module], is_standard: bool) -> list[str]:
    """Return the lines that import what all modules need of the standard library, or else of the image's packages."""
    plain: set[str] = set()
    names: dict[tuple[str, str], set[str]] = defaultdict(set)  # by their package; a name with an alias has a line of its own
    for node in (node for module in modules for node in module.imports):
        source = node.module or '' if isinstance(node, ast.ImportFrom) else node.names[0].name
        top = source.partition('.')[0]
        if top in (PACKAGE, *INJECTED) or (top in sys.stdlib_module_names) != is_standard:
            continue
        for alias in node.names:
            if isinstance(node, ast.Import):
                plain.add(ast.unparse(node))
            else:
                names[source, alias.name if alias.asname else ''].add(ast.unparse(alias))
    texts = [f'from {source} import {", ".join(sorted(each, key=order_of))}' for (source, _), each in
             sorted(names.items(), key=lambda item: (item[0][0].lower(), item[0][1]))]
    return [*sorted(plain), *texts]


def order_of(name: str) -> tuple[int, str]:
    """Return by what an imported name is sorted, as ruff does: constants, classes, and all others."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


def sections(modules: list[Module]) -> Iterator[str]:
    """Yield the text of each module behind its headings."""
    room = ''
    for module in modules:
        if module.room != room:
            room = module.room
            yield f"''' {room.replace('_', ' ').upper()} '''"
        yield f'# --- {module.path} ---\n' + '\n'.join(f'# {line}'.rstrip() for line in module.doc.splitlines())
        yield module.body


def build(root: Path = ROOT) -> str:
    """Return the single file. Raise Unbuildable."""
    modules = [read_module(root, name) for name in floors(root)]
    check(modules)
    [image] = [module for module in modules if module.name == IMAGE]
    others = [module for module in modules if module.name != IMAGE]
    head = (Path(__file__).parent / 'head.txt').read_text('utf-8')
    for mark, lines in (('STANDARD', import_lines(modules, True)), ('IMAGE', import_lines(modules, False)),
                        ('SHOW_HEALTH', [image.body])):
        indent = '    ' if mark == 'IMAGE' else ''
        head = head.replace(f'@{mark}@', '\n'.join(lines).replace('\n', '\n' + indent))
    return '\n\n\n'.join([head.rstrip('\n'), *sections(others)]) + '\n'


def main() -> None:
    parser = argparse.ArgumentParser(prog='./dev build', description=(__doc__ or '').partition(':')[0])
    parser.add_argument('--check', action='store_true', help='write nothing; fail if the file is not what the sources give')
    is_check = parser.parse_args().check
    try:
        built = build()
    except Unbuildable as error:
        sys.exit(f'build: {error}')
    if is_check and built != (ROOT / SCRIPT).read_text('utf-8'):
        sys.exit(f'build: {SCRIPT} is not what {PACKAGE}/ gives. Run ./dev build')
    if not is_check:
        (ROOT / SCRIPT).write_text(built, 'utf-8')


if __name__ == '__main__':
    main()
