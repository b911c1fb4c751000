"""An enabled instance: keeps a container running, and runs the one-off commands of its integration."""
from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from localxsoar import pack
from localxsoar.container import FETCH_INCIDENTS, LONG_RUNNING, TEST_MODULE, Container, Journal, Order
from localxsoar.faults import Faults
from localxsoar.incidents import IncidentStore
from localxsoar.output import Printer

STOP_GRACE_SECONDS = 12
COMMAND_SECONDS = 300
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 10.0
QUICK_END_SECONDS = 10
READY_LOOK_SECONDS = 0.02
ERROR_ENTRY = 4


class CommandFailed(Exception):
    """A one-off command did not succeed; the text is what the integration said."""


class Instance:
    """One instance of an integration, enabled by `enable` and disabled by `disable`."""

    def __init__(self, name: str, integration: pack.Integration, params: dict[str, Any], common_server_python: str,
                 store: IncidentStore, faults: Faults, printer: Printer, heartbeat: float = 30, host: str = '127.0.0.1') -> None:
        self.name = name
        self.integration = integration
        self.params = params
        self.store = store
        self.faults = faults
        self.printer = printer
        self.journal = Journal()
        self.restarts = 0
        self.port = pack.container_port(params)
        self._script = pack.unify(integration.script, common_server_python)
        self._heartbeat = heartbeat
        self._host = host
        self._container: Container | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name='supervisor', daemon=True)

    # The long-running container.

    def enable(self) -> None:
        """Starts the container, and starts it again whenever it ends."""
        self._supervisor.start()

    def disable(self) -> None:
        """Ends the container: SIGTERM, then SIGKILL. Returns when it is gone."""
        with self._starting:
            self._stopping.set()
        if self._container:
            self._container.stop(STOP_GRACE_SECONDS)
        if self._supervisor.is_alive():
            self._supervisor.join()

    @property
    def pid(self) -> int | None:
        return self._container.pid if self._container and self._container.is_alive() else None

    def cut_line(self) -> None:
        """Closes the container's stdin, as a server that is gone."""
        if self._container:
            self._container.cut_line()

    def terminate_container(self) -> None:
        """SIGTERM to the container, which is then started again."""
        if self._container:
            self._container.terminate()

    def wait_until_ready(self) -> bool:
        """True once the container's port accepts connections; False when the instance is disabled before."""
        while not self._stopping.is_set():
            if self.pid and (not self.integration.has_port or accepts_connections(self.port)):
                return True
            self._stopping.wait(READY_LOOK_SECONDS)
        return False

    def _supervise(self) -> None:
        delay = FIRST_DELAY_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_container()
            if self._stopping.is_set():
                return
            delay = delay if time.monotonic() - started < QUICK_END_SECONDS else FIRST_DELAY_SECONDS
            self.printer.alarm(f'the container ended (exit code {code}); it starts again in {delay:g} s')
            self._stopping.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            self.restarts += not self._stopping.is_set()

    def _run_container(self) -> int | None:
        with self._starting:
            if self._stopping.is_set():
                return None
            self._container = self._new_container(LONG_RUNNING, self._heartbeat, self.journal)
            self._container.start()
        return self._container.wait()

    def _new_container(self, command: str, heartbeat: float, journal: Journal) -> Container:
        order = Order(command, self._script, self.params, self.name, self.integration.name, heartbeat, self._host)
        return Container(order, self.store, self.faults, self.printer, journal)

    # One-off commands, each in a container of its own.

    def test_module(self) -> str:
        """The Test button: `ok`, or CommandFailed with what the integration says is wrong."""
        results = self._run_command(TEST_MODULE)
        if results != ['ok']:
            raise CommandFailed(f'test-module answered {json.dumps(results)}, expected ok.')
        return 'ok'

    def fetch_samples(self) -> list[Any]:
        """What the mapping wizard would fetch, or CommandFailed."""
        samples: list[Any] = []
        for result in self._run_command(FETCH_INCIDENTS):
            contents = result.get('Contents') if isinstance(result, dict) else result
            found = json.loads(contents) if isinstance(contents, str) else contents
            samples.extend(found if isinstance(found, list) else [found])
        return samples

    def _run_command(self, command: str) -> list[Any]:
        container = self._new_container(command, 0, Journal())
        container.start()
        if container.wait(COMMAND_SECONDS) is None:
            container.stop(STOP_GRACE_SECONDS)
            raise CommandFailed(f'{command} did not end within {COMMAND_SECONDS} s.')
        if container.exception:
            raise CommandFailed(container.exception.strip())
        for result in container.results:
            if isinstance(result, dict) and result.get('Type') == ERROR_ENTRY:
                raise CommandFailed(str(result.get('Contents')))
        return container.results

    # What tests and measurements read.

    def state(self) -> dict[str, Any]:
        """The instance and all that was seen on its containers' lines; no parameters."""
        journal = self.journal
        return {
            'instance': self.name, 'integration': self.integration.name, 'pid': self.pid, 'port': self.port,
            'restarts': self.restarts, 'health': journal.health, 'healthHistory': journal.health_history,
            'calls': dict(journal.calls), 'createSizes': journal.create_sizes, 'violations': journal.violations,
            'undeclared': journal.undeclared, 'exceptions': journal.exceptions, 'log': list(self.printer.log_lines),
            'context': self.store.context(self.name),
        }


def accepts_connections(port: int | None) -> bool:
    """Whether something listens on the port of this machine."""
    try:
        with socket.create_connection(('127.0.0.1', port or 0), timeout=1):
            return True
    except OSError:
        return False


def port_chooser(wants_any: bool) -> Callable[[], int]:
    """How a port is chosen that the form left open: as a person would, or at random for many that start at once."""
    return pack.any_free_port if wants_any else pack.well_known_free_port
