"""Changes the script, or modules of the local XSOAR, in one small place at a time, and reports the changes that no test notices.

    python -m tools.mutants [--file localxsoar/masks.py ...] [--seconds 600] [--seed 1] [--lines 300-420]

Each mutant runs in a copy of the repository. One of the script meets the tests of its section, then the other quick ones,
then, if none of them fails, those over real sockets; one of the local XSOAR meets the tests of its module alone. The seed sets
the order, so that a run of some minutes is a random sample, and the same seed gives the same order again.
Prints a line for each survivor, then the share that was killed and the seed; ends with 1 if the share is below --goal.
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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.util import cache_from_source
from pathlib import Path
from typing import NamedTuple

from tools.processes import ENDS_WITH, end_with

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = Path('Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.py')
SECTION_OF_WIRING = "''' COMMANDS"  # from here on: signals, exit codes and dispatch, which only whole processes show
QUICK = ['Packs', 'Tests/test_architecture.py', 'Tests/test_post_queue.py', 'Tests/test_bodies.py', 'Tests/test_signatures.py',
         'Tests/test_handshakes.py', 'Tests/test_names.py', 'Tests/test_sender_payloads.py', 'Tests/test_samples_and_logs.py',
         'Tests/test_limits.py', 'Tests/test_each.py',
         'Tests/test_history_model.py', 'Tests/test_body_budgets_model.py', 'Tests/test_delivery_memory_model.py']
OVER_SOCKETS = ['Tests', *(f'--ignore={file}' for file in QUICK), '--ignore=Tests/test_load.py',
                '--ignore-glob=Tests/test_docs*.py', '--ignore=Tests/test_fuzz.py', '--ignore=Tests/test_page.py',
                '--ignore=Tests/localxsoar']
TESTS_OF_A_SECTION = {
    'AUTHENTICATION': ['Tests/test_signatures.py'],
    'BODY': ['Tests/test_body_budgets_model.py', 'Tests/test_bodies.py', 'Tests/test_http.py', 'Tests/test_large_bodies.py'],
    'NAMES': ['Tests/test_triage.py', 'Tests/test_names.py', 'Tests/test_general_rule.py', 'Tests/test_sender_payloads.py'],
    'PAYLOAD TO INCIDENTS': ['Packs', 'Tests/test_bodies.py', 'Tests/test_each.py'],
    'HANDSHAKES': ['Tests/test_handshakes.py'],
    'STATE': ['Tests/test_delivery_memory_model.py', 'Tests/test_post_queue.py', 'Tests/test_history_model.py',
              'Tests/test_samples_and_logs.py', 'Tests/test_deliveries.py'],
    'THE LINE TO THE SERVER': ['Tests/test_samples_and_logs.py', 'Tests/test_limits.py', 'Tests/test_history.py',
                               'Tests/test_load.py'],
    'THE APP': ['Packs', 'Tests/test_http.py'], 'THE HTTP SERVER': ['Tests/test_http.py', 'Tests/test_limits.py'],
}
# The tests of each module of the local XSOAR, the quick ones first: files of Tests/localxsoar and, with a slash, others.
TESTS_OF_A_MODULE = {
    'CommonServerPython': 'test_common test_pack test_conformance',
    **dict.fromkeys(('arguments', 'base', 'dates', 'http', 'iam', 'indicators', 'markdown', 'mirroring', 'results'),
                    'test_common'),
    '__main__': 'test_cli',
    'archive': 'test_recipes',
    'checklist': 'test_checklist',
    'cli': 'test_cli test_conformance',
    'command_routes': 'test_command_routes',
    'commands': 'test_commands test_conformance',
    'container': 'test_server test_faulty_packs test_cli test_conformance',
    'controls': 'test_server test_pytest_plugin test_fetching test_several',
    'debugger': 'test_debugger',
    'deliveries': 'test_kept_deliveries test_front',
    'downloads': 'test_recipes test_page_routes',
    'entries': 'test_output test_conformance',
    'events': 'test_events',
    'explain': 'test_instance',
    'faults': 'test_faults test_server',
    'fetching': 'test_fetching',
    'files': 'test_war_room',
    'forms': 'test_forms',
    'forward': 'test_forward test_server test_front',
    'front': 'test_front test_server',
    'inside': 'test_line test_faulty_packs test_cli',
    'instance': 'test_instance test_faulty_packs test_server test_conformance test_sdk',
    'instance_options': 'test_several test_cli',
    'journal': 'test_server',
    'json_routes': 'test_front test_server test_sdk',
    'loop': 'test_line test_server test_cli',
    'mapping': 'test_mapping',
    'masks': 'test_masks',
    'bursts': 'test_output',
    'output': 'test_output test_front',
    'running': 'test_cli Tests/test_send.py',
    'terminal': 'test_output',
    'outputs': 'test_war_room',
    'pack': 'test_pack test_sdk test_cli test_conformance',
    'parameters': 'test_pack test_several test_cli',
    'page_routes': 'test_page_routes test_front',
    'ports': 'test_pack test_cli test_conformance',
    'processes': 'test_faulty_packs test_cli test_conformance',
    'pytest_plugin': 'test_pytest_plugin test_package test_server',
    'query': 'test_store',
    'readable': 'test_page_routes',
    'replay': 'test_page_routes',
    'repository': 'test_pack',
    'recipes': 'test_recipes',
    'repairs': 'test_page_routes test_checklist',
    'recognition': 'test_sender_recipes Tests/test_send.py',
    'responses': 'test_responses test_front Tests/test_send.py',
    'restarts': 'test_instance test_faulty_packs',
    'script_commands': 'test_scripts',
    'script_loop': 'test_scripts',
    'scripts': 'test_scripts test_several',
    'search': 'Tests/test_page.py',
    'send': 'Tests/test_send.py',
    'senders': 'test_sender_recipes Tests/test_send.py',
    'server': 'test_scripts test_several test_war_room',
    'single_commands': 'test_several test_fetching test_cli',
    'store': 'test_store test_server test_sdk test_scripts',
    'turns': 'test_turns',
    'waiting': 'test_server',
    'war_room': 'test_war_room',
    'xsoar_api': 'test_sdk test_war_room test_several',
}
QUICK_SECONDS, SOCKETS_SECONDS = 200, 420
OPPOSITE: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
}
OTHER_NAME = {'any': 'all', 'all': 'any', 'min': 'max', 'max': 'min'}


class Mutant(NamedTuple):
    """One change of a file. `source` returns the changed text, which is made when it is needed: there are thousands."""
    file: Path
    line: int
    change: str
    source: Callable[[], str]


def mutants(file: Path) -> Iterator[Mutant]:
    """Yield every mutant of a file, whose path is relative to the repository."""
    source = (ROOT / file).read_text('utf-8')
    for node in ast.walk(ast.parse(source)):
        for replacement in changes(node):
            assert isinstance(node, ast.expr | ast.stmt)
            yield Mutant(file, node.lineno, f'{short(ast.unparse(node))}  ->  {short(replacement)}',
                         partial(replaced, source, node, replacement))


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
    elif isinstance(other, ast.Name) and other.id in OTHER_NAME:
        yield OTHER_NAME[other.id]
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
    lines = (ROOT / mutant.file).read_text('utf-8').splitlines()[:mutant.line]
    return next((line for line in reversed(lines) if line.startswith("''' ")), '').strip("' ")


def stages(mutant: Mutant) -> Iterator[tuple[list[str], float]]:
    """Yield the tests that a mutant meets, one group after the other, and the seconds that each group has."""
    if mutant.file != SCRIPT:
        yield tests_of_module(mutant.file.stem), SOCKETS_SECONDS
        return
    own = TESTS_OF_A_SECTION.get(section(mutant), [])
    if own:
        yield own, SOCKETS_SECONDS
    yield [file for file in QUICK if file not in own], QUICK_SECONDS
    yield [*OVER_SOCKETS, *(f'--ignore={file}' for file in own)], SOCKETS_SECONDS


def tests_of_module(module: str) -> list[str]:
    """Return the files of tests of a module of the local XSOAR."""
    return [word if '/' in word else f'Tests/localxsoar/{word}.py' for word in TESTS_OF_A_MODULE[module].split()]


class Workshop:
    """A copy of the repository in which one mutant after the other is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        files = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for file in filter(None, files.split('\0')):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder / file)

    def notices(self, mutant: Mutant) -> bool:
        """Return whether a test fails, or hangs, while this mutant is in the place of its file."""
        self.put(mutant.file, mutant.source())
        try:
            return not all(self.passes(tests, seconds) for tests, seconds in stages(mutant))
        finally:
            self.put(mutant.file, (ROOT / mutant.file).read_text('utf-8'))

    def put(self, file: Path, source: str) -> None:
        """Replace a file, and delete its bytecode: Python would keep it for a source of the same size and second."""
        (self.folder / file).write_text(source, 'utf-8')
        Path(cache_from_source(str(self.folder / file))).unlink(missing_ok=True)

    def passes(self, tests: list[str], seconds: float) -> bool:
        command = [sys.executable, '-m', 'pytest', '-x', '-q', '-p', 'no:cacheprovider', *tests]
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


def chosen(files: Sequence[Path], lines: str, seed: int) -> list[Mutant]:
    """Return the mutants of the files, or of the lines FIRST-LAST of each, in the order of the seed."""
    first, _, last = lines.partition('-')
    found = [mutant for file in files for mutant in mutants(file)
             if not lines or int(first) <= mutant.line <= int(last or first)]
    random.Random(seed).shuffle(found)
    return found


def wiring_starts() -> int:
    """Return the number of the script's line from which on no mutant is made unless --lines asks for it."""
    source = (ROOT / SCRIPT).read_text('utf-8')
    return source[:source.index(SECTION_OF_WIRING)].count('\n') + 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--file', metavar='FILE', action='extend', nargs='+', type=Path,
                        help='mutate these modules of localxsoar (default: the script)')
    parser.add_argument('--seconds', type=float, default=600, help='begin no further mutant after so long (default: 600)')
    parser.add_argument('--seed', type=int, default=1, help='the order of the mutants (default: 1)')
    parser.add_argument('--lines', metavar='FIRST-LAST', default='',
                        help="mutate these lines alone (default: all of a module, the script's above the commands)")
    parser.add_argument('--workers', type=int, default=os.cpu_count() or 1)
    parser.add_argument('--goal', type=float, help='the share to be killed (default: 0.92 of the script, 0.85 of modules)')
    options = parser.parse_args()
    end_with()
    files = options.file or [SCRIPT]
    waiting = chosen(files, options.lines or (f'1-{wiring_starts()}' if files == [SCRIPT] else ''), options.seed)
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
                print(f'survived: {mutant.file.name}:{mutant.line}: {mutant.change}', flush=True)

    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.workers) as pool:
        everyone = [pool.submit(work, tempfile.mkdtemp(dir=folder)) for _ in range(options.workers)]
        for worker in everyone:
            worker.result()
    share = killed / max(killed + survivors, 1)
    print(f'{killed} of {killed + survivors} mutants killed, {share:.0%}; {len(waiting)} not tried. Seed {options.seed}.')
    return 0 if share >= (options.goal or (0.92 if files == [SCRIPT] else 0.85)) else 1


if __name__ == '__main__':
    sys.exit(main())
