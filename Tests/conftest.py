"""What several files of tests share: the app, the pack in the local XSOAR, and names of tests that tell no secret."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from app import App
from webhook import TOKEN, Webhook


@pytest.fixture
def app() -> Iterator[App]:
    with App() as running:
        yield running


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook() as running:
        yield running


def pytest_make_parametrize_id(config: pytest.Config, val: Any, argname: str) -> str | None:
    """Names are output, and the same in every process of a run: no bytes, which may hold a time, and no token in them."""
    is_secret = any(start in str(val).lower() for start in (TOKEN[:12].lower(), 'whsec_'))
    return argname if isinstance(val, bytes) or is_secret else None
