"""What the tests of printed lines share."""
from __future__ import annotations

import pytest


@pytest.fixture
def printed() -> list[str]:
    """The lines that were printed."""
    return []
