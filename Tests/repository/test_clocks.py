"""No test reads a clock, sleeps or gives up soon: its verdict must not depend on the speed of the machine."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_xsoar import ROOT

TESTED_WITH = [ROOT / f'shared/{name}.py' for name in ('app', 'browser', 'dated', 'shapes', 'webhook')]  # others measure
TESTS = [file for file in (*(ROOT / 'Packs').rglob('*_test.py'), *(ROOT / 'Tests').rglob('*.py'), *TESTED_WITH)
         if 'sample_packs' not in file.parts and file.name not in ('clocks.py', 'test_clocks.py')]  # a pack's script is no test
CLOCKS = re.compile(r'(\w*\.)?((monotonic|perf_counter|process_time|thread_time|clock_gettime|time)_ns|monotonic|perf_counter|'
                    r'process_time|thread_time|clock_gettime|getrusage|elapsed)|time\.time|(datetime|date)\.(now|utcnow|today)')
CLOCKS_OF_JAVASCRIPT = re.compile(r'\b(performance|Date)\.now\b')
SHORTEST_WAIT_SECONDS = 60
WITHOUT_DEADLINE = ('by_chance(', 'examples(')  # of Tests/support/model.py


def clocks_read(tree: ast.AST) -> Iterator[str]:
    """Yield each use of a clock in the tree, as `line: use`."""
    for node in ast.walk(tree):
        if use := clock_of(node):
            yield f'{getattr(node, "lineno", 0)}: {use}'


def clock_of(node: ast.AST) -> str:
    """Return how this node itself reads a clock or sleeps, or an empty text."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        return ast.unparse(node) if {'time', 'timeit'}.intersection(modules) else ''
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        found = CLOCKS.fullmatch(node.value) or CLOCKS_OF_JAVASCRIPT.search(node.value)
        return found[0] if found else ''
    if isinstance(node, ast.Name | ast.Attribute):
        name = short_name(node)
        return name if CLOCKS.fullmatch(name) else ''
    sleeps = isinstance(node, ast.Call) and short_name(node.func).rpartition('.')[2] == 'sleep'
    return ast.unparse(node) if sleeps and not re.search(r'sleep\(0?\)', ast.unparse(node)) else ''


def short_name(node: ast.AST) -> str:
    """Return a name, with the last part of what it belongs to: `time.monotonic` of `GenericWebhook.time.monotonic`."""
    if isinstance(node, ast.Attribute):
        return f'{short_name(node.value).rpartition(".")[2]}.{node.attr}'
    return node.id if isinstance(node, ast.Name) else ''


def short_waits(tree: ast.AST) -> Iterator[str]:
    """Yield each number in the tree that ends a wait after a few seconds, as `line: seconds`."""
    for node in ast.walk(tree):
        yield from (f'{seconds.lineno}: {seconds.value}' for seconds in waits(node) if isinstance(seconds, ast.Constant)
                    and isinstance(seconds.value, int | float) and 0 < seconds.value < SHORTEST_WAIT_SECONDS)


def verdicts_by_deadline(tree: ast.AST) -> Iterator[str]:
    """Yield each test of Hypothesis that fails after 200 ms, which is its default, as `line: name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            decorators = [*map(ast.unparse, node.decorator_list)]
            has_none = any('deadline=None' in each or each.startswith(WITHOUT_DEADLINE) for each in decorators)
            if any(each.startswith('given(') for each in decorators) and not has_none:
                yield f'{node.lineno}: {node.name}'


def waits(node: ast.AST) -> list[ast.expr]:
    """Return the arguments of this call that say how long it waits."""
    if not isinstance(node, ast.Call):
        return []
    named = [keyword.value for keyword in node.keywords if keyword.arg == 'timeout']
    return named + (node.args[:1] if short_name(node.func).rpartition('.')[2] in ('settimeout', 'Timeout', 'wait') else [])


# Only a text with one of these signs takes the time to be parsed.
@pytest.mark.parametrize(('find', 'sign'), [
    (clocks_read, r'(?m)^ *(import|from) .*time|time\.|_(time|ns|counter|gettime)|monotonic|getrusage|elapsed|sleep|'
                  r'\.(now|utcnow|today)'),
    (short_waits, r'timeout=[\d.]|(Timeout|settimeout|wait)\([\d.]'), (verdicts_by_deadline, '@given')])
def test_no_verdict_depends_on_the_speed_of_the_machine(find, sign: str) -> None:
    found = {str(file.relative_to(ROOT)): list(find(tree_of(file))) for file in TESTS if re.search(sign, file.read_text('utf-8'))}
    assert {name: uses for name, uses in found.items() if uses} == {}


@functools.cache
def tree_of(file: Path) -> ast.AST:
    return ast.parse(file.read_text('utf-8'))


@pytest.mark.parametrize(('source', 'is_found'), [
    ('from time import monotonic', True), ('patch(time, "monotonic", own)', True), ('now = datetime.datetime.now()', True),
    ('await asyncio.sleep(PAUSE)', True), ('page.evaluate("() => performance.now()")', True),
    ('gevent.sleep(0); began = now(); program = "import time"; at = datetime(2026, 7, 1)', False),
])
def test_a_clock_is_found_and_what_reads_none_is_not(source: str, is_found: bool) -> None:
    assert bool(list(clocks_read(ast.parse(source)))) is is_found


def test_a_short_wait_and_a_deadline_of_hypothesis_are_found_and_a_long_or_named_one_and_none_are_not() -> None:
    source = 'get(timeout=30)\nget(timeout=60)\nget(timeout=PATIENCE_SECONDS)\nget(timeout=0)\n'
    source += 'connection.settimeout(0.2)\nprocess.wait(10)'
    assert list(short_waits(ast.parse(source))) == ['1: 30', '5: 0.2', '6: 10']
    tests = ''.join(f'@given(st.text())\n{settings}def {name}(): ...\n' for name, settings in (
        ('bare', ''), ('chosen', '@by_chance(9)\n'), ('set', '@settings(deadline=None)\n'), ('slow', '@settings(deadline=9)\n')))
    assert list(verdicts_by_deadline(ast.parse(tests))) == ['2: bare', '11: slow']
