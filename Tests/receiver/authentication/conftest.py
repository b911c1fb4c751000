"""What the tests of authentication share: an app and a webhook with the tokens that a file has CONFIGURED, or the usual one."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from shared.app import App
from shared.webhook import Webhook
from signing import TOKEN


@pytest.fixture
def app(request: pytest.FixtureRequest) -> Iterator[App]:
    with App(getattr(request.module, 'CONFIGURED', TOKEN)) as running:
        yield running


@pytest.fixture(scope='module')
def webhook(request: pytest.FixtureRequest) -> Iterator[Webhook]:
    with Webhook('--log-level', 'debug', token=getattr(request.module, 'CONFIGURED', TOKEN)) as running:
        yield running
