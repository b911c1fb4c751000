"""What the tests of authentication share: an app and a webhook whose token every scheme can use as its key."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from shared.app import App
from shared.webhook import Webhook
from signing import TOKEN


@pytest.fixture
def app() -> Iterator[App]:
    with App(TOKEN) as running:
        yield running


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook('--log-level', 'debug', token=TOKEN) as running:
        yield running
