"""What a Python file imports, and whether imports lead in a circle."""

import ast
from collections.abc import Collection, Iterator, Mapping
from importlib.util import resolve_name

PLATFORM = {'demistomock', 'CommonServerPython', 'CommonServerUserPython'}  # XSOAR puts these before a script


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """The top-level name of every module that is imported anywhere in the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or '').partition('.')[0]


def imports_among(modules: Collection[str], tree: ast.AST, package: str) -> set[str]:
    """Return which of the modules the code of a module in `package` imports anywhere, in a function or for its types, too."""
    found = {name for node in ast.walk(tree) for name in named_modules(node, package)}
    return found & set(modules)


def named_modules(node: ast.AST, package: str) -> Iterator[str]:
    """Yield the full names of what an import statement names: modules, and perhaps names in them."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = resolve_name('.' * node.level + (node.module or ''), package)
        yield module
        yield from (f'{module}.{alias.name}' for alias in node.names)


def circle(graph: Mapping[str, Collection[str]]) -> list[str]:
    """Return the modules that are in a circle of imports or lead into one."""
    graph = dict(graph)
    while above := [name for name, below in graph.items() if not graph.keys() & set(below)]:
        for name in above:
            del graph[name]
    return sorted(graph)
