"""What several files of tests share: the app, the pack in the local XSOAR, which tests start a process, what was skipped."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from app import App
from kinds import starts_a_process
from webhook import Webhook

from tools.processes import end_with

PURE = 'not sockets'
# A worker takes whole files: what begins last is short.
LONGEST_FIRST = ['test_load.py', 'test_page.py', 'test_balancers.py', 'test_slow_senders.py', 'test_http.py', 'test_limits.py',
                 'test_deliveries.py', 'test_floods.py', 'test_large_bodies.py', 'test_sdk.py', 'test_cli.py',
                 'test_conformance.py']


@pytest.fixture
def app() -> Iterator[App]:
    with App() as running:
        yield running


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


def pytest_configure(config: pytest.Config) -> None:
    end_with()
    if config.option.markexpr == PURE:
        sys.addaudithook(forbid_processes)


def forbid_processes(event: str, arguments: tuple[object, ...]) -> None:
    """Hold the pure tests to what Tests/support/kinds.py has read in them."""
    if event == 'subprocess.Popen' and 'PYTEST_CURRENT_TEST' in os.environ:
        raise AssertionError(f'{os.environ["PYTEST_CURRENT_TEST"]} starts a process: mark it with pytest.mark.sockets')


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items if config.option.markexpr else []:
        if starts_a_process(item.path, item.nodeid.split('::')[1].partition('[')[0]):
            item.add_marker('sockets')
    items.sort(key=lambda item: LONGEST_FIRST.index(item.path.name) if item.path.name in LONGEST_FIRST else len(LONGEST_FIRST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Leave the reason of each skipped test to `./dev test`, which ends with them."""
    if file := os.environ.get('SKIPPED'):
        reasons = [report.longrepr[2].removeprefix('Skipped: ') for report in terminalreporter.stats.get('skipped', [])]
        with open(file, 'a', encoding='utf-8') as skipped:
            skipped.write(''.join(f'{reason.partition(";")[0]}\n' for reason in reasons))
