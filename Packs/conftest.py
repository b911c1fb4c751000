"""What holds for every unit test of a pack: nothing on stdout or stderr, no logged warning, no demisto call but declared ones."""
from __future__ import annotations

import logging
from collections.abc import Iterator

import demistomock
import pytest


@pytest.fixture(autouse=True)
def fresh_demisto() -> None:
    """Start each test with a demisto that replies to nothing and has recorded nothing."""
    demistomock.reset()


@pytest.fixture(autouse=True)
def no_stray_output(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Fail a test that writes to stdout: in a container it is the line to the server, which any other text breaks."""
    yield
    written = ''.join(capsys.readouterr())
    assert not written, f'The test wrote to stdout or stderr: {written!r}'


@pytest.fixture(autouse=True)
def no_logged_warning(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test with a logged warning, as it would warn in production, too. A test that wants the warning clears caplog."""
    yield
    records = [*caplog.get_records('setup'), *caplog.get_records('call')]
    warnings = [record.getMessage() for record in records if record.levelno >= logging.WARNING]
    assert not warnings, f'The test logged: {warnings}'
