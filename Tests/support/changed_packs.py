"""The pack with changes of its script, in the local XSOAR."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from shared.webhook import Webhook, changed_pack


def webhook_with(changes: Mapping[str, str], *arguments: str, kind: type[Webhook] = Webhook, **options: Any) -> Any:
    """Return a fixture of a file: the pack with these changes."""
    @pytest.fixture(scope='module')
    def webhook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Webhook]:
        with kind(*arguments, pack=changed_pack(tmp_path_factory.mktemp('pack'), changes), **options) as running:
            yield running
    return webhook
