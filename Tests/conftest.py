"""What several files of tests share: the app, the pack in the local XSOAR, the order, what was skipped."""
from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import closing

import demistomock
import GenericWebhook
import pytest
from GenericWebhook import Listener, ServerLine
from shared.app import App
from clocks import Clock
from own_server import listener, running_line
from shared.webhook import Webhook

from shared.processes import end_with


@pytest.fixture
def app() -> Iterator[App]:
    with App() as running:
        yield running


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The script's clock, which goes on only when the test sets it."""
    with Clock(GenericWebhook, began=1000) as running:
        yield running


@pytest.fixture
def own_line() -> Iterator[ServerLine]:
    """A line that no other test uses, because a stop or a time that it notes would reach them."""
    with running_line(log_every=0, health_every=0) as line:
        demistomock.declare(createIncidents=lambda incidents, *_: [{'id': '1'} for _ in incidents])
        yield line


@pytest.fixture
def server(own_line: ServerLine) -> Iterator[Listener]:
    with closing(listener(line=own_line)) as running:
        running.start()
        yield running


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


def pytest_configure() -> None:
    end_with()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files first that start processes: a worker takes whole files, and these take longest."""
    items.sort(key=lambda item: 'sockets' not in item.keywords)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking at thousands of collected tests again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Leave the reason of each skipped test to `./dev test`, which ends with them. Workers of xdist leave none."""
    if (file := os.environ.get('SKIPPED')) and not hasattr(terminalreporter.config, 'workerinput'):
        reasons = [report.longrepr[2].removeprefix('Skipped: ') for report in terminalreporter.stats.get('skipped', [])]
        with open(file, 'a', encoding='utf-8') as skipped:
            skipped.write(''.join(f'{reason.partition(";")[0]}\n' for reason in reasons))
