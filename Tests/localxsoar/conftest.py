"""What the tests of the local XSOAR share: the tests' own pack, one local XSOAR a module that runs it, and lone instances."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from local_xsoar import LocalXsoar

from localxsoar.containers.container import Runtime
from localxsoar.containers.faults import Faults
from localxsoar.server.instance import Instance
from localxsoar.terminal.printer import Printer
from localxsoar.packs.pack import load_integration
from localxsoar.containers.ports import any_free_port
from localxsoar.incidents.store import Store

ECHO = Path(__file__).parent / 'sample_packs' / 'Echo'


@pytest.fixture(scope='session')
def echo_pack() -> Path:
    return ECHO


@pytest.fixture(scope='module')
def xsoar() -> Iterator[LocalXsoar]:
    with LocalXsoar('--log-level', 'debug', pack=ECHO, instance='Front Door', params={'secret': 'h4sh-hush'}) as running:
        yield running


@pytest.fixture
def printed() -> list[str]:
    return []


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def instance_of(printed: list[str]) -> Iterator[Callable[..., Instance]]:
    """Yield a function that makes an instance of a pack without a server around it, which is disabled afterwards."""
    made: list[Instance] = []

    def make(pack: Path, params: Mapping[str, Any] | None = None, runtime: Runtime = Runtime(),  # noqa: B008
             **faults: Any) -> Instance:
        given = Faults()
        given.change(faults)
        printer = Printer('info', printed.append)
        made.append(Instance('one', load_integration(pack), params or {}, runtime, Store(), given, printer, any_free_port))
        return made[-1]
    yield make
    for instance in made:
        instance.disable()
