"""What several files of tests share: the app and the pack in the local XSOAR."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from app import App
from webhook import Webhook

from tools.processes import end_with


@pytest.fixture
def app() -> Iterator[App]:
    with App() as running:
        yield running


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


def pytest_configure() -> None:
    end_with()
