"""The webhook of the tests of HTTP, whose log has a line for each request."""
from __future__ import annotations

from collections.abc import Iterator

import pytest
from shared.webhook import Webhook


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook('--log-level', 'debug') as running:
        yield running
