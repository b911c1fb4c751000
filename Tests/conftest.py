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


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """The same names in every process of a run: bytes may hold a time."""
    return argname if isinstance(val, bytes) else None
