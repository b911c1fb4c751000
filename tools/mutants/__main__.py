"""Changes the script, or modules of the local XSOAR, in one small place at a time, and reports the changes that no test notices.

    python -m tools.mutants [--file localxsoar/webhooks/masks.py ...] [--seconds 600] [--seed 1] [--lines 300-420]
    python -m tools.mutants --recorded

First each test runs once without a change, to find out whether it passes, how long it takes and which lines it reaches; a test
that starts a process is left out. Then each mutant meets the tests that reach its statement, the quick ones first, in a fork of
this process in which its function has the changed code. A test that fails, or that takes 20 times as long, kills it, but only if
the same tests pass in the same order without the change. What runs only during an import, such as the making of a table, stays.

The seed sets the order, so that a run of some minutes is a random sample, and the same seed gives the same order again.
Prints a line for each survivor, then the share that was killed and the seed; ends with 1 if the share is below --goal.
Tests/mutants_killed.txt lists mutants that have died; with --recorded, one of them that lives on is a failure.
"""
from __future__ import annotations

import argparse
import gc
import mmap
import os
import pickle
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from types import CodeType, FunctionType
from typing import IO, NoReturn

import hypothesis
import pytest

from tools.mutants.mutations import Mutant, codes, identity, mutants
from shared.processes import end_with
from tools.tree import own_files

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / 'Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.py'
RECORD = ROOT / 'Tests/mutants_killed.txt'
KILLED, SURVIVED, UNREACHED, UNCHANGEABLE = 'killed', 'survived', 'reached by no test', 'not changeable'
# --assert=plain: nobody reads why a test of a mutant fails.
PYTEST = ['-s', '--assert=plain', '--tb=native', '-p', 'no:terminalreporter', '-p', 'no:cacheprovider',
          '-o', 'faulthandler_timeout=0', '--hypothesis-profile=mutants']
MONITORING = vars(sys)['monitoring']  # since Python 3.12, and mypy checks for 3.11
TIMES_AS_LONG, WALL_SECONDS, CPU_SECONDS = 20, 60, 10  # a test may take so many times its usual time, and at least these
UNKNOWN_SECONDS = 15  # the usual time of a test that has not been measured
MAX_BYTES = 6 << 30  # of memory, for a mutant that never stops to fill it
PASSED, FAILED, STARTS_PROCESS = 42, 1, 43  # exit codes of a fork: no code under test ends a process with such a number
STARTS = {'subprocess.Popen', 'os.fork', 'os.forkpty', 'os.posix_spawn', 'os.exec', 'os.system'}  # audit events


class Suite:
    """The tests that start no process, as a plugin of pytest that lets `work` try mutants instead of running them."""

    def __init__(self, files: Iterable[Path], work: Callable[[Suite], None]) -> None:
        self.files = {str(file) for file in files}
        self.work = work
        self.functions: list[FunctionType] = []  # of the files
        self.names: list[str] = []  # of the function of each test
        self.cases: list[int] = []  # of each test, its number among those of its function
        self.seconds: dict[int, float] = {}  # of each test that passes
        self.reached: dict[tuple[str, int], set[int]] = defaultdict(set)  # the tests that reach a line of a file
        self.proven: set[tuple[int, ...]] = set()  # tests that pass one after the other
        self.first: set[int] = set()  # tests that fail after others
        self.has_failed = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            print(f'not collected: {report.nodeid}: {report.longreprtext.splitlines()[-1]}', flush=True)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.has_failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = session.items
        self.names = [item.nodeid.partition('[')[0] for item in self.items]
        numbers: dict[str, Iterator[int]] = defaultdict(count)
        self.cases = [next(numbers[name]) for name in self.names]
        gc.unfreeze()  # Tests/conftest.py has frozen what was collected
        self.functions = [function for function in gc.get_objects()
                          if type(function) is FunctionType and function.__code__.co_filename in self.files]
        gc.freeze()  # no fork then copies what it only reads
        self.measure()
        self.work(self)
        return True

    def measure(self) -> None:
        """Run each test without a change: note which pass, how long they take, and the lines that they reach."""
        left: Sequence[int] = range(len(self.items))
        while left:
            with tempfile.TemporaryFile(buffering=0) as results:
                code = run_in_fork(partial(self.trace, left, results))
                results.seek(0)
                left = left[self.read(left, results):]
            if code == STARTS_PROCESS:
                left = [test for test in left if self.names[test] != self.names[left[0]]]
            elif left:
                self.exclude(left[0])
                left = left[1:]

    def trace(self, tests: Sequence[int], results: IO[bytes]) -> None:
        """Run these tests; write for each whether it passed, its seconds, and the lines that it reached."""
        lines: set[tuple[str, int]] = set()

        def reach(code: CodeType, line: int) -> object:
            lines.add((code.co_filename, line))
            return MONITORING.DISABLE  # until the next test

        MONITORING.use_tool_id(MONITORING.COVERAGE_ID, 'mutants')
        MONITORING.register_callback(MONITORING.COVERAGE_ID, MONITORING.events.LINE, reach)
        for code in {code for function in self.functions for code in codes(function.__code__)}:
            MONITORING.set_local_events(MONITORING.COVERAGE_ID, code, MONITORING.events.LINE)
        for test, following in zip(tests, [*tests[1:], None], strict=True):
            lines.clear()
            MONITORING.restart_events()
            started = time.monotonic()
            has_passed = self.passes(test, following)
            results.write(pickle.dumps((has_passed, time.monotonic() - started, lines)))

    def read(self, tests: Sequence[int], results: IO[bytes]) -> int:
        """Keep what `trace` wrote before its fork ended, and return of how many tests."""
        for number, test in enumerate(tests):
            try:
                has_passed, seconds, lines = pickle.load(results)
            except (EOFError, pickle.UnpicklingError):
                return number
            if has_passed:
                self.seconds[test] = seconds
                for line in lines:
                    self.reached[line].add(test)
            else:
                self.exclude(test)
        return len(tests)

    def exclude(self, test: int) -> None:
        """Leave a test out that does not pass without a change, either."""
        self.seconds.pop(test, None)
        print(f'left out, as it fails without a change: {self.items[test].nodeid}', flush=True)

    def passes(self, test: int, following: int | None) -> bool:
        """Run a test here, and tear down what the following one does not need. A signal ends this process after too long."""
        seconds = TIMES_AS_LONG * self.seconds.get(test, UNKNOWN_SECONDS)
        signal.setitimer(signal.ITIMER_REAL, max(seconds, WALL_SECONDS))
        signal.setitimer(signal.ITIMER_PROF, max(seconds, CPU_SECONDS))
        self.has_failed = False
        item = self.items[test]
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None if following is None else self.items[following])
        return not self.has_failed

    def first_failure(self, tests: Sequence[int], changed: Sequence[tuple[FunctionType, CodeType]] = ()) -> int | None:
        """Return which of these tests fails first, run in this order in a fork, where these functions have other codes."""
        position = mmap.mmap(-1, 8)  # which the fork shares

        def work() -> None:
            for function, code in changed:
                function.__code__ = code
            for index, (test, following) in enumerate(zip(tests, [*tests[1:], None], strict=True)):
                position[:] = index.to_bytes(8, 'big')
                if not self.passes(test, following):
                    sys.exit()

        return None if run_in_fork(work) == PASSED else int.from_bytes(position, 'big')

    def verdict(self, mutant: Mutant) -> str:
        """Return whether a mutant is killed or survived, or why neither can be said."""
        changed = self.changed(mutant)
        if not changed:
            return UNCHANGEABLE
        while tests := self.reaching(mutant):
            failed = self.first_failure(tests, changed)
            if failed is None:
                return SURVIVED
            before = tuple(tests[:failed + 1])
            fails_anyway = None if before in self.proven else self.first_failure(before)
            if fails_anyway is None:
                self.proven.add(before)
                return KILLED
            self.move(tests[fails_anyway])
        return UNREACHED

    def move(self, test: int) -> None:
        """Let a test that fails without a change, after others, run before them from now on; if it does already, leave it out."""
        if test in self.first:
            self.exclude(test)
        self.first.add(test)

    def changed(self, mutant: Mutant) -> list[tuple[FunctionType, CodeType]]:
        """Return the functions that the mutant changes, each with its other code."""
        other = {identity(code): code for code in codes(mutant.code())}
        found = [(function, other.get(identity(function.__code__), function.__code__)) for function in self.functions
                 if function.__code__.co_filename == str(mutant.file)]
        changed = [(function, code) for function, code in found if code != function.__code__]
        # Python takes no code that lacks a variable of an outer function.
        return [] if any(code.co_freevars != function.__code__.co_freevars for function, code in changed) else changed

    def reaching(self, mutant: Mutant) -> list[int]:
        """Return the tests that reach the mutant's statement: the quick ones and the first of each function before the others."""
        found = {test for line in mutant.lines for test in self.reached.get((str(mutant.file), line), ())}
        return sorted(found & self.seconds.keys(),
                      key=lambda test: (test not in self.first, (1 + self.cases[test]) * self.seconds[test]))


def run_in_fork(work: Callable[[], None]) -> int:
    """Do this work in a fork of this process, and return the fork's exit code, which is PASSED if the work came to its end."""
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        parent, fork = os.getpid(), os.fork()
        if not fork:
            be_fork(parent, folder, work)
        _, status = os.waitpid(fork, 0)
        with suppress(ProcessLookupError):
            os.killpg(fork, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status)


def be_fork(parent: int, folder: str, work: Callable[[], None]) -> NoReturn:
    """Do the work where it disturbs nobody: silently, in a folder of its own, with so much memory and no other process."""
    try:
        os.setsid()
        end_with(parent)
        tempfile.tempdir = os.environ['TMPDIR'] = folder
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        sys.addaudithook(lambda event, _: os._exit(STARTS_PROCESS) if event in STARTS else None)
        random.seed(0)
        work()
        os._exit(PASSED)
    finally:
        os._exit(FAILED)


def chosen(files: Sequence[Path], lines: str, seed: int) -> list[Mutant]:
    """Return the mutants of the files, or of the lines FIRST-LAST of each, in the order of the seed."""
    first, _, last = lines.partition('-')
    found = [mutant for file in files for mutant in mutants(file)
             if not lines or int(first) <= mutant.lines[0] <= int(last or first)]
    random.Random(seed).shuffle(found)
    return found


def recorded(record: Path, files: Sequence[Path]) -> Iterator[Mutant | str]:
    """Yield each mutant that died according to the record, as it is now, in its module or the only other one; else its line."""
    now: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in chosen(files, '', 0):
        now[str(mutant)].append(mutant)
        now[without_module(mutant)].append(mutant)
    for line in record.read_text('utf-8').splitlines():
        verdict, _, text = line.partition('  ')
        if verdict == KILLED:
            found = now.get(text) or now.get(without_module(text), [])
            yield found[0] if len(found) == 1 else text


def without_module(mutant: object) -> str:
    return str(mutant).partition('  ')[2]


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--file', metavar='FILE', nargs='+', type=lambda name: ROOT / name,
                        help='change these modules of localxsoar (default: the script; with --recorded, everything)')
    parser.add_argument('--tests', metavar='TEST', nargs='+', default=['Packs', 'Tests'], help='run these (default: all)')
    parser.add_argument('--seconds', type=float, default=600, help='begin no further mutant after so long (default: 600)')
    parser.add_argument('--seed', type=int, default=1, help='the order of the mutants (default: 1)')
    parser.add_argument('--lines', metavar='FIRST-LAST', default='', help='change these lines alone (default: all)')
    parser.add_argument('--goal', type=float, default=0.75, help='the share to be killed (default: 0.75)')
    parser.add_argument('--record', metavar='FILE', type=Path, help='add each verdict to this file')
    parser.add_argument('--recorded', metavar='FILE', type=Path, nargs='?', const=RECORD,
                        help=f'try all that died according to this file, by default {RECORD.relative_to(ROOT)}')
    return parser.parse_args()


def main() -> int:
    options = read_arguments()
    end_with()
    os.chdir(ROOT)
    os.environ['PYTEST_TIMEOUT'] = '0'  # `passes` limits the time of a test
    hypothesis.settings.register_profile('mutants', derandomize=True, database=None, deadline=None,
                                         suppress_health_check=list(hypothesis.HealthCheck),
                                         phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate])
    return replay(options) if options.recorded else sample(options)


def replay(options: argparse.Namespace) -> int:
    """Try every recorded mutant that died; return 1 if one lives on."""
    files = options.file or [SCRIPT, *own_files('localxsoar/*.py')]
    found = list(recorded(options.recorded, files))
    for line in (line for line in found if isinstance(line, str)):
        print(f'gone: {line}')
    verdicts = try_each([mutant for mutant in found if isinstance(mutant, Mutant)], options, float('inf'))
    print(f'{verdicts[KILLED]} of {verdicts.total()} recorded mutants still die; {len(found) - verdicts.total()} are gone.')
    return int(verdicts[KILLED] < verdicts.total())


def sample(options: argparse.Namespace) -> int:
    """Try mutants as long as there is time; return 1 if too few of those die that a test reaches."""
    waiting = chosen(options.file or [SCRIPT], options.lines, options.seed)
    verdicts = try_each(waiting, options, options.seconds)
    tried = verdicts[KILLED] + verdicts[SURVIVED]
    print(f'{verdicts[KILLED]} of {tried} mutants killed, {verdicts[KILLED] / max(tried, 1):.0%}; '
          f'{verdicts[UNREACHED]} reached by no test, {verdicts[UNCHANGEABLE]} not changeable, '
          f'{len(waiting) - verdicts.total()} not tried. Seed {options.seed}.')
    return int(verdicts[KILLED] < options.goal * max(tried, 1))


def try_each(waiting: Sequence[Mutant], options: argparse.Namespace, seconds: float) -> Counter[str]:
    """Try one mutant after the other, print each that is not killed if a test reaches it, and count the verdicts."""
    verdicts: Counter[str] = Counter()

    def work(suite: Suite) -> None:
        started, used = time.monotonic(), used_by_forks()
        print(f'{len(suite.seconds)} of {len(suite.items)} tests start no process and pass.', flush=True)
        for mutant in waiting:
            if time.monotonic() - started > seconds:
                break
            verdict = suite.verdict(mutant)
            verdicts[verdict] += 1
            report(mutant, verdict, options)
        print(f'{(used_by_forks() - used) / max(verdicts.total(), 1):.1f} CPU seconds a mutant')

    pytest.main([*PYTEST, *options.tests], plugins=[Suite({mutant.file for mutant in waiting}, work)])
    return verdicts


def report(mutant: Mutant, verdict: str, options: argparse.Namespace) -> None:
    if verdict == SURVIVED or (options.recorded and verdict != KILLED):
        print(f'{verdict}: {mutant.file.name}:{mutant.lines[0]}: {mutant.function}: {mutant.change}', flush=True)
    if options.record and verdict in (KILLED, SURVIVED):
        with options.record.open('a', encoding='utf-8') as record:
            record.write(f'{verdict}  {mutant}\n')


def used_by_forks() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == '__main__':
    sys.exit(main())
