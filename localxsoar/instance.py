"""An enabled instance: keeps a container running, and runs the one-off commands of its integration."""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localxsoar import pack
from localxsoar.container import FETCH_INCIDENTS, LONG_RUNNING, SERVERS, TEST_MODULE, Container, Order
from localxsoar.faults import Faults
from localxsoar.incidents import IncidentStore
from localxsoar.journal import Journal
from localxsoar.output import Printer
from localxsoar.ports import LOOPBACK, accepts_connections, container_port

STOP_GRACE_SECONDS = 12
COMMAND_SECONDS = 300
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 10.0
QUICK_END_SECONDS = 10
READY_LOOK_SECONDS = 0.02
ERROR_ENTRY = 4


class CommandFailed(Exception):
    """A one-off command did not succeed; the text is what the integration said."""


@dataclass(frozen=True)
class Runtime:
    """How containers are run, whatever runs in them."""
    common_server_python: str
    heartbeat: float = 30
    server: str = SERVERS[-1]
    host: str = LOOPBACK


class Instance:
    """One instance of an integration. May be enabled and disabled in turns; what it keeps outlives both."""

    def __init__(self, name: str, integration: pack.Integration, given: Mapping[str, Any], runtime: Runtime,
                 store: IncidentStore, faults: Faults, printer: Printer, free_port: Callable[[], int]) -> None:
        self.name = name
        self.store = store
        self.faults = faults
        self.printer = printer
        self.journal = Journal()
        self.restarts = 0
        self._runtime = runtime
        self._container: Container | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._renewed = threading.Event()
        self._supervisor = threading.Thread()
        self._free_port = free_port
        self._configure(integration, given)

    def _configure(self, integration: pack.Integration, given: Mapping[str, Any]) -> None:
        texts = {name: pack.form_text(value) for name, value in given.items()}
        params = pack.fill_form(integration, texts, self._free_port)
        self.integration = integration
        self.params = params
        self.port = container_port(params)
        self._free_port = lambda: self.port or 0
        self._given = texts
        self._script = pack.unify(integration.script, self._runtime.common_server_python)

    # The long-running container.

    @property
    def enabled(self) -> bool:
        return self._supervisor.is_alive() and not self._stopping.is_set()

    def enable(self) -> None:
        """Starts the container, and starts it again whenever it ends."""
        if not self.enabled:
            self._stopping.clear()
            self._supervisor = threading.Thread(target=self._supervise, name='supervisor', daemon=True)
            self._supervisor.start()

    def disable(self) -> None:
        """Ends the container: SIGTERM, then SIGKILL. Returns when it is gone."""
        with self._starting:
            self._stopping.set()
            self._renewed.set()
        if self._container:
            self._container.stop(STOP_GRACE_SECONDS)
        if self._supervisor.is_alive():
            self._supervisor.join()

    def reconfigure(self, given: Mapping[str, Any], integration: pack.Integration | None = None) -> None:
        """Changes the parameters that are given, and the integration; UsageError in words of the form changes nothing.

        The container of an enabled instance is started anew, which is no crash.
        """
        known = {row['name'] for row in (integration or self.integration).parameters}
        kept = {name: value for name, value in self._given.items() if name in known}
        with self._starting:
            self._configure(integration or self.integration, {**kept, **given})
            self._renewed.set()
            container = self._container
        if container:
            container.stop(STOP_GRACE_SECONDS)

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
            if self._renewed.is_set():
                continue
            delay = delay if time.monotonic() - started < QUICK_END_SECONDS else FIRST_DELAY_SECONDS
            self.printer.alarm(f'the container ended (exit code {code}); it starts again in {delay:g} s')
            self._renewed.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            self.restarts += not self._stopping.is_set()

    def _run_container(self) -> int | None:
        with self._starting:
            if self._stopping.is_set():
                return None
            self._renewed.clear()
            self._container = self._new_container(LONG_RUNNING, self.params, self.journal, self._runtime.heartbeat)
            self._container.start()
        return self._container.wait()

    def _new_container(self, command: str, params: dict[str, Any], journal: Journal, heartbeat: float = 0) -> Container:
        order = Order(command, self._script, params, self.name, self.integration.name, heartbeat, self._runtime.server,
                      self._runtime.host)
        return Container(order, self.store, self.faults, self.printer, journal)

    # One-off commands, each in a container of its own.

    def test_module(self, given: Mapping[str, Any] | None = None) -> str:
        """The Test button, with parameters that are not saved if some are given: `ok`, or CommandFailed with what the
        integration says is wrong, or UsageError with what the form does."""
        texts = {name: pack.form_text(value) for name, value in (given or {}).items()}
        params = pack.fill_form(self.integration, {**self._given, **texts}, self._free_port)
        results = self._run_command(TEST_MODULE, params)
        if results != ['ok']:
            raise CommandFailed(f'test-module answered {json.dumps(results)}, expected ok.')
        return 'ok'

    def fetch_samples(self) -> list[Any]:
        """What the mapping wizard would fetch, or CommandFailed."""
        samples: list[Any] = []
        for result in self._run_command(FETCH_INCIDENTS, self.params):
            contents = result.get('Contents') if isinstance(result, dict) else result
            found = json.loads(contents) if isinstance(contents, str) else contents
            samples.extend(found if isinstance(found, list) else [found])
        return samples

    def _run_command(self, command: str, params: dict[str, Any]) -> list[Any]:
        container = self._new_container(command, params, Journal(log=self.journal.log))
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

    # What tests, measurements and the page read.

    def brief(self) -> dict[str, Any]:
        """How the instance is, in a few words."""
        name = str(self.integration.descriptor.get('display') or self.integration.name)
        is_ready = bool(self.pid) and (not self.integration.has_port or accepts_connections(self.port))
        return {'instance': self.name, 'integration': name, 'enabled': self.enabled, 'pid': self.pid, 'port': self.port,
                'restarts': self.restarts, 'health': self.journal.health, 'ready': is_ready}

    def state(self) -> dict[str, Any]:
        """The instance and all that was seen on its containers' lines; no parameters."""
        return {
            'instance': self.name, 'integration': self.integration.name, 'enabled': self.enabled, 'pid': self.pid,
            'port': self.port, 'restarts': self.restarts, 'context': self.store.context(self.name), **self.journal.as_dict(),
        }
