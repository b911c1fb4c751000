"""What the tests of the local XSOAR share: the tests' own pack, and one local XSOAR a module that runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from local_xsoar import LocalXsoar

ECHO = Path(__file__).parent / 'packs' / 'Echo'


@pytest.fixture(scope='session')
def echo_pack() -> Path:
    return ECHO


@pytest.fixture(scope='module')
def xsoar() -> Iterator[LocalXsoar]:
    with LocalXsoar('--log-level', 'debug', pack=ECHO, instance='Front Door', params={'secret': 'h4sh-hush'}) as running:
        yield running


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session
