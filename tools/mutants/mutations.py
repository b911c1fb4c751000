"""Makes the mutants of a file: its functions with one small change each, which a test should notice."""
from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

OPPOSITE: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
}
OTHER_NAME = {'any': 'all', 'all': 'any', 'min': 'max', 'max': 'min'}


class Place(NamedTuple):
    """A node of a tree, with what encloses it: the dotted name of its function, its statement, and that of the module."""
    parent: ast.AST
    field: str
    position: int  # in the field, if that is a list
    node: ast.AST
    function: str
    statement: ast.stmt
    outermost: ast.stmt

    def put(self, node: ast.AST) -> None:
        value = getattr(self.parent, self.field)
        if isinstance(value, list):
            value[self.position] = node
        else:
            setattr(self.parent, self.field, node)


class Mutant(NamedTuple):
    """One change of a function. Neither lines nor folders identify it, so that it can be found again where the code has moved."""
    file: Path
    function: str
    change: str
    number: int  # among equal changes of the function
    lines: range  # from the start of its statement
    code: Callable[[], CodeType]  # compiles the statement of the module that it is in

    def __str__(self) -> str:
        return f'{self.file.stem}  {self.function}  {self.number}  {self.change}'


def mutants(file: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file."""
    tree = ast.parse(file.read_text('utf-8'))
    future = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == '__future__']
    seen: Counter[tuple[str, str]] = Counter()
    for place in places(tree):
        for replacement in changes(place.node):
            assert isinstance(place.node, ast.expr | ast.stmt)
            change = f'{short(place.node)}  ->  {short(replacement)}'
            seen[place.function, change] += 1
            yield Mutant(file, place.function, change, seen[place.function, change],
                         range(min(place.statement.lineno, place.node.lineno), (place.node.end_lineno or 0) + 1),
                         partial(compiled, file, future, place, replacement))


def places(parent: ast.AST, function: str = '', is_run: bool = False, *statements: ast.stmt) -> Iterator[Place]:
    """Yield every place inside a function; `is_run` says whether this one is, and the statements are those around it."""
    for field, value in ast.iter_fields(parent):
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef) and field == 'body':
            function = f'{function}.{getattr(parent, "name", "<lambda>")}'.strip('.')
            is_run = not isinstance(parent, ast.ClassDef)
        for position, node in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(node, ast.AST) and field not in ('annotation', 'returns'):
                around = (*statements, node) if isinstance(node, ast.stmt) else statements
                if is_run:
                    yield Place(parent, field, position, node, function, around[-1], around[0])
                yield from places(node, function, is_run, *around)


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that may replace a node."""
    other: Any = copy.copy(node)
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITE:
        other.ops = [OPPOSITE[type(node.ops[0])](), *node.ops[1:]]
        yield other
    elif isinstance(node, ast.BoolOp | ast.BinOp | ast.AugAssign) and type(node.op) in OPPOSITE and not has_text(node):
        other.op = OPPOSITE[type(node.op)]()
        yield other
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        other.value = not node.value if isinstance(node.value, bool) else node.value + 1
        yield other
    elif isinstance(node, ast.Name) and node.id in OTHER_NAME:
        other.id = OTHER_NAME[node.id]
        yield other
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Return) and node.value and not is_none(node.value):
        yield ast.copy_location(ast.Return(ast.copy_location(ast.Constant(None), node)), node)
    elif isinstance(node, ast.Raise | ast.Continue | ast.Break) or is_call(node):
        yield ast.copy_location(ast.Pass(), node)


def has_text(node: ast.AST) -> bool:
    """Return whether these are texts that are put together, or types, whose operators say nothing of what the script does."""
    parts = ast.walk(node) if isinstance(node, ast.BinOp) else ()
    return any(isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str | None))
               for part in parts)


def is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def short(node: ast.AST) -> str:
    return ' '.join(ast.unparse(node).split())[:70].strip()


def compiled(file: Path, future: Sequence[ast.stmt], place: Place, replacement: ast.AST) -> CodeType:
    place.put(replacement)
    try:
        return compile(ast.Module([*future, place.outermost], []), str(file), 'exec', dont_inherit=True)
    finally:
        place.put(place.node)


def codes(code: CodeType) -> Iterator[CodeType]:
    """Yield a code and all that are inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def identity(code: Any) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno
