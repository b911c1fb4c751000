"""Names of tests are output, and the same in every process of a run: no bytes, which may hold a time, and no token in them."""
from __future__ import annotations

from typing import Any

import pytest
from webhook import TOKEN


def pytest_make_parametrize_id(config: pytest.Config, val: Any, argname: str) -> str | None:
    is_secret = any(start in str(val).lower() for start in (TOKEN[:12].lower(), 'whsec_'))
    return argname if isinstance(val, bytes) or is_secret else None
