"""Says at the start which programs are not there: half an hour later it would be too late."""

import pytest
from packages import lacking


def pytest_sessionstart(session: pytest.Session) -> None:
    if sentence := lacking():
        session.config.pluginmanager.getplugin('terminalreporter').write_line(sentence)
