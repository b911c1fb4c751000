"""What a Python file imports."""
from __future__ import annotations

import ast
from collections.abc import Iterator

PLATFORM = {'demistomock', 'CommonServerPython', 'CommonServerUserPython'}  # XSOAR puts these before a script


def imported_modules(tree: ast.AST) -> Iterator[str]:
    """The top-level name of every module that is imported anywhere in the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or '').partition('.')[0]
