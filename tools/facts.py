"""Write what the documents of localxsoar take from its code and its tests: python -m tools.facts"""
from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import bottle

import localxsoar
from localxsoar.containers.faults import Faults
from localxsoar.containers.loop import CAME_LATER, Demisto
from localxsoar.web.xsoar_api import XsoarApi

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / 'Tests/localxsoar'
CARRIED = ROOT / 'localxsoar/common'
OWN = '/localxsoar/'
SET_ON_START = ('callingContext', 'is_debug')


def page(name: str) -> str:
    """Return a page with what is between its marks as the code and the tests say."""
    text = (ROOT / name).read_text('utf-8')
    for block, lines in PAGES[name].items():
        mark = rf'(?s)(<!-- Written by python -m tools\.facts: {block}\b[^\n]*\n).*?(<!-- The end of {block}\. -->)'
        text, found = re.subn(mark, partial(between, '\n'.join(lines())), text)
        assert found == 1, f'{name} has no marks of {block}'
    return text


def between(block: str, marks: re.Match[str]) -> str:
    """Return a block between its marks, which stay."""
    return f'{marks[1]}{block}\n{marks[2]}'


def facts() -> Iterator[str]:
    """Yield the table of the facts: a row for each mark, in the order of the files and of the tests in them."""
    yield from ('| behaviour | from | tested by |', '| --- | --- | --- |')
    for file in sorted(TESTS.rglob('test_*.py')):
        for test in [each for each in ast.parse(file.read_text('utf-8')).body if isinstance(each, ast.FunctionDef)]:
            for mark in test.decorator_list:
                if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == 'fact':
                    source, behaviour = (ast.literal_eval(argument) for argument in mark.args)
                    yield f'| {behaviour} | {source} | `{test.name}` |'


def carried() -> Iterator[str]:
    """Yield a line for each part of the carried CommonServerPython: what it is, and the public names that it defines."""
    for file in sorted(CARRIED.glob('*.py')):
        tree = ast.parse(file.read_text('utf-8'))
        if names := [*defined_in(tree)]:
            title = re.split('[.:,]', ast.get_docstring(tree) or '')[0]
            yield f'- {title}: {", ".join(names)}.'


def defined_in(tree: ast.Module) -> Iterator[str]:
    """Yield the public names that a module defines itself, as code, each with the classes inside it."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith('_'):
            inner = [f'`{each.name}`' for each in node.body if isinstance(each, ast.ClassDef)]
            yield f'`{node.name}`' + (f' ({", ".join(inner)})' if inner else '')
        elif isinstance(node, ast.Assign):
            names = (name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
            yield from (f'`{name}`' for name in names if not name.startswith('_'))


def faults() -> Iterator[str]:
    """Yield a line for each fault, as its class describes it."""
    described = re.sub(r'\n  +', ' ', inspect.getdoc(Faults) or '')
    for names, text in re.findall(r'(?m)^- ([\w, ]+): (.*)[;.]$', described):
        yield f'- {", ".join(f"`{name}`" for name in names.split(", "))}: {text}.'


def calls() -> Iterator[str]:
    """Yield what `demisto` offers, with the mark ¹ for what 6.5 lacks, and ² for what 6.10 lacks, too."""
    names = {name for name in vars(Demisto) if not name.startswith('_')} | set(SET_ON_START)
    later = {**dict.fromkeys(CAME_LATER['6.5'], '¹'), **dict.fromkeys(CAME_LATER['6.10'], '²')}
    yield ', '.join(f'`{name}`{later.get(name, "")}' for name in sorted(names, key=str.lower)) + '.'


def routes() -> Iterator[str]:
    """Yield the routes of a server's API that are answered."""
    api = bottle.Bottle()
    XsoarApi(None, {}).routes(api)  # type: ignore[arg-type]
    yield ', '.join(f'`{route.method} {route.rule.replace("<id>", "ID")}`' for route in api.routes) + '.'


def limits() -> Iterator[str]:
    """Yield what the local XSOAR does not emulate, as its help says."""
    yield (localxsoar.__doc__ or '').partition('does NOT emulate:\n')[2].partition('\n\n')[0].rstrip()


def own_routes() -> Iterator[str]:
    """Yield a line for each route below /localxsoar, with the first sentence of its handler's docstring."""
    for file in sorted((ROOT / 'localxsoar/web').glob('*.py')):
        tree = ast.parse(file.read_text('utf-8'))
        for kind in [each for each in tree.body if isinstance(each, ast.ClassDef)]:
            told = {each.name: ast.get_docstring(each) or '' for each in kind.body if isinstance(each, ast.FunctionDef)}
            for method, path, handler in routed(kind):
                sentence = re.split(r'(?<=\.)\s', told.get(getattr(handler, 'attr', ''), ''))[0]
                named = re.sub(r'<(?:\w+:re:)?(.*?)(?::int)?>', r'\1', path).replace('number', 'N')
                yield f'- `{method} {named}`' + (f': {sentence}' if sentence else '')


def routed(kind: ast.ClassDef) -> Iterator[tuple[str, str, ast.expr]]:
    """Yield the method, the path and the handler of each route below /localxsoar that a class names in a tuple or a call."""
    for node in ast.walk(kind):
        match node:
            case ast.Tuple(elts=[ast.Constant(value=str(method)), ast.Constant(value=str(path)), handler]) \
                    | ast.Call(args=[ast.Constant(value=str(path)), ast.Constant(value=str(method)), handler]):
                found = method, path, handler
            case ast.Tuple(elts=[ast.Constant(value=str(path)), handler]):
                found = 'GET', path, handler
            case _:
                continue
        if found[1].startswith(OWN):
            yield found


PAGES: dict[str, dict[str, Callable[[], Iterator[str]]]] = {
    'localxsoar/FACTS.md': {'the facts': facts, 'the carried names': carried},
    'localxsoar/README.md': {'the limits': limits},
    'localxsoar/REFERENCE.md': {'the faults': faults, 'the calls': calls, 'the routes': routes,
                                'its own routes': own_routes},
}


if __name__ == '__main__':
    for name in PAGES:
        (ROOT / name).write_text(page(name), 'utf-8')
