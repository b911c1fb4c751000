"""Changes the shipped script in one small place at a time, and tells which changes no test notices.

    python -m tools.mutants [--seconds 600] [--seed 1] [--lines 300-420]

Each mutant runs in a copy of the repository: first the tests of its section, then the other quick ones, then, if none of them
fails, those over real sockets. The order is random and told by the seed, so that a run of some minutes is a fair sample, and
can be repeated.
Prints a line for each survivor and the share that was killed; ends with 1 when it is below --goal.
"""
from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tools.processes import ENDS_WITH, end_with

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = Path('Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.py')
SECTION_OF_WIRING = "''' COMMANDS"  # from here on: signals, exit codes and dispatch, which only whole processes show
QUICK = ['Packs', 'Tests/test_architecture.py', 'Tests/test_post_queue.py', 'Tests/test_bodies.py', 'Tests/test_signatures.py',
         'Tests/test_handshakes.py', 'Tests/test_names.py', 'Tests/test_sender_payloads.py', 'Tests/test_samples_and_logs.py',
         'Tests/test_limits.py', 'Tests/test_each.py', 'Tests/test_body_budgets_model.py', 'Tests/test_delivery_memory_model.py']
OVER_SOCKETS = ['Tests', *(f'--ignore={file}' for file in QUICK), '--ignore=Tests/test_load.py',
                '--ignore-glob=Tests/test_docs*.py', '--ignore=Tests/test_fuzz.py', '--ignore=Tests/test_page.py',
                '--ignore=Tests/localxsoar']
TESTS_OF_A_SECTION = {
    'AUTHENTICATION': ['Tests/test_signatures.py'],
    'BODY': ['Tests/test_body_budgets_model.py', 'Tests/test_bodies.py', 'Tests/test_http.py', 'Tests/test_large_bodies.py'],
    'NAMES': ['Tests/test_names.py', 'Tests/test_sender_payloads.py'],
    'PAYLOAD TO INCIDENTS': ['Packs', 'Tests/test_bodies.py', 'Tests/test_each.py'],
    'HANDSHAKES': ['Tests/test_handshakes.py'],
    'STATE': ['Tests/test_delivery_memory_model.py', 'Tests/test_post_queue.py', 'Tests/test_samples_and_logs.py',
              'Tests/test_deliveries.py'],
    'THE LINE TO THE SERVER': ['Tests/test_samples_and_logs.py', 'Tests/test_limits.py', 'Tests/test_load.py'],
    'THE APP': ['Packs', 'Tests/test_http.py'], 'THE SERVER': ['Tests/test_http.py', 'Tests/test_limits.py'],
}
QUICK_SECONDS, SOCKETS_SECONDS = 200, 420
OPPOSITE: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
}


class Mutant(NamedTuple):
    line: int
    change: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a source, in the order of its lines."""
    for node in ast.walk(ast.parse(source)):
        for replacement in changes(node):
            assert isinstance(node, ast.expr | ast.stmt)
            before = ast.get_source_segment(source, node) or ''
            yield Mutant(node.lineno, f'{short(before)}  ->  {short(replacement)}', replaced(source, node, replacement))


def changes(node: ast.AST) -> Iterator[str]:
    """Yield the texts that may replace a node."""
    other = copy.deepcopy(node)
    if isinstance(other, ast.Compare) and type(other.ops[0]) in OPPOSITE:
        other.ops[0] = OPPOSITE[type(other.ops[0])]()  # type: ignore[call-overload]
        yield f'({ast.unparse(other)})'
    elif isinstance(other, ast.BoolOp | ast.BinOp | ast.AugAssign) and type(other.op) in OPPOSITE and not has_text(other):
        other.op = OPPOSITE[type(other.op)]()  # type: ignore[assignment]
        yield ast.unparse(other) if isinstance(other, ast.AugAssign) else f'({ast.unparse(other)})'
    elif isinstance(other, ast.UnaryOp) and isinstance(other.op, ast.Not):
        yield f'({ast.unparse(other.operand)})'
    elif isinstance(other, ast.Constant) and isinstance(other.value, int | float) and not isinstance(other.value, bool):
        yield repr(other.value + 1)
    elif isinstance(other, ast.Constant) and isinstance(other.value, bool):
        yield repr(not other.value)
    elif isinstance(other, ast.IfExp):
        yield f'({ast.unparse(other.body)})'
        yield f'({ast.unparse(other.orelse)})'
    elif isinstance(other, ast.Return) and other.value and not is_none(other.value):
        yield 'return None'
    elif isinstance(other, ast.Raise | ast.Continue | ast.Break) or is_call(other):
        yield 'pass'


def has_text(node: ast.AST) -> bool:
    """Texts that are put together, and types: their operators say nothing of what the script does."""
    parts = ast.walk(node) if isinstance(node, ast.BinOp) else ()
    return any(isinstance(part, ast.JoinedStr) or (isinstance(part, ast.Constant) and isinstance(part.value, str | None))
               for part in parts)


def is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def short(text: str) -> str:
    return ' '.join(text.split())[:70]


def replaced(source: str, node: ast.expr | ast.stmt, replacement: str) -> str:
    """Return the source with another text in the place of a node. The tree counts columns in bytes."""
    lines = source.encode().splitlines(keepends=True)
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    head, tail = lines[first][:node.col_offset], lines[last][node.end_col_offset:]
    return b''.join([*lines[:first], head, replacement.encode(), tail, *lines[last + 1:]]).decode()


def section(mutant: Mutant) -> str:
    """Return the heading of the section that the mutant is in."""
    headings = (line for line in reversed(mutant.source.splitlines()[:mutant.line]) if line.startswith("''' "))
    return next(headings, '').strip("' ")


class Workshop:
    """A copy of the repository in which one mutant after the other is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for file in filter(None, files.split('\0')):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder / file)

    def notices(self, mutant: Mutant) -> bool:
        """Return whether a test fails, or hangs, with this mutant as the script."""
        (self.folder / SCRIPT).write_text(mutant.source, 'utf-8')
        own = TESTS_OF_A_SECTION.get(section(mutant), [])
        stages = ((own, SOCKETS_SECONDS), ([file for file in QUICK if file not in own], QUICK_SECONDS),
                  ([*OVER_SOCKETS, *(f'--ignore={file}' for file in own)], SOCKETS_SECONDS))
        return any(not self.passes(tests, seconds) for tests, seconds in stages if tests)

    def passes(self, tests: list[str], seconds: float) -> bool:
        known = [test for test in tests if test.startswith('--') or (self.folder / test).exists()]
        command = [sys.executable, '-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider', *known]
        process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True,
                                   env={**os.environ, ENDS_WITH: str(os.getpid())})
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            end_group(process.pid)
            process.wait()


def end_group(leader: int) -> None:
    """End the process group, so that nothing that a test started outlives it."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def chosen(source: str, lines: str, seed: int) -> list[Mutant]:
    first, _, last = lines.partition('-')
    found = [mutant for mutant in mutants(source) if int(first) <= mutant.line <= int(last or first)]
    random.Random(seed).shuffle(found)
    return found


def wiring_starts(source: str) -> int:
    return source[:source.index(SECTION_OF_WIRING)].count('\n') + 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=600, help='begin no further mutant after so long (default: 600)')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--lines', metavar='FIRST-LAST', help='mutate these lines alone (default: all above the commands)')
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--goal', type=float, default=0.9, help='the share to be killed (default: 0.9)')
    options = parser.parse_args()
    end_with()
    source = (ROOT / SCRIPT).read_text('utf-8')
    waiting = chosen(source, options.lines or f'1-{wiring_starts(source)}', options.seed)
    deadline = time.monotonic() + options.seconds
    killed, survivors = 0, 0

    def work(folder: str) -> None:
        nonlocal killed, survivors
        workshop = Workshop(Path(folder))
        while waiting and time.monotonic() < deadline:
            mutant = waiting.pop()
            if workshop.notices(mutant):
                killed += 1
            else:
                survivors += 1
                print(f'survived: line {mutant.line}: {mutant.change}', flush=True)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.workers) as pool:
        everyone = [pool.submit(work, tempfile.mkdtemp(dir=folder)) for _ in range(options.workers)]
        for worker in everyone:
            worker.result()
    share = killed / max(killed + survivors, 1)
    print(f'{killed} of {killed + survivors} mutants killed, {share:.0%}; {len(waiting)} not tried. Seed {options.seed}.')
    return 0 if share >= options.goal else 1


if __name__ == '__main__':
    sys.exit(main())
