"""An instance of an integration: it keeps a container running, and runs single commands."""
from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from localxsoar.packs import pack, parameters
from localxsoar.server import mirroring
from localxsoar.containers.commands import CONTEXT, FIRST_INSTANCE_ID, TEST_MODULE, Site
from localxsoar.containers.container import LONG_RUNNING, Container, Order, Runtime, describe_end
from localxsoar.incidents.entries import OUTPUTS, PLAYGROUND
from localxsoar.errors import CallRejected, CommandFailed, UsageError
from localxsoar.containers.explain import explain
from localxsoar.containers.faults import Faults
from localxsoar.server.fetching import (
    FETCH_ASSETS, FETCH_EVENTS, FETCH_INCIDENTS, FETCH_INDICATORS, KINDS, Fetcher, read_schedule)
from localxsoar.containers.instruments import Instruments
from localxsoar.containers.journal import Journal
from localxsoar.containers.ports import LOOPBACK, any_free_port
from localxsoar.terminal.printer import Printer
from localxsoar.server.restarts import ENDS_AT_ONCE, QUICK_END_SECONDS, Restarts
from localxsoar.containers.single_commands import contents_of, doubts_about, fill_arguments, run_to_its_end
from localxsoar.incidents.store import Store
from localxsoar.server.war_room import WarRoom

STOP_GRACE_SECONDS = 2
READY_LOOK_SECONDS = 0.05  # each look reads the tables of all connections of this machine
ALIVE_SECONDS = 2  # an integration without a port counts as ready once it has run for so long
MISSED_BEATS = 3
SHOWN_TRACEBACK_CHARACTERS = 20_000
# Commands that only the server starts: a descriptor does not declare them.
SERVER_COMMANDS = (TEST_MODULE, LONG_RUNNING, *KINDS, 'fetch-credentials', *mirroring.COMMANDS)
SHOWN_EVENTS = 1000  # in the entry of a fetch, which may send many more
TYPE_PARAMETER = 'incidentType'  # the type of fetched incidents without any
LONG_RUNNING_IS_OFF = ('The parameter longRunning is off: no container runs, only single commands. '
                       'Turn it on with --set longRunning=true.')
PREVIEW = 'LOCALXSOAR_PREVIEW'  # an environment variable
GIVEN_UP = f'It ended at once {ENDS_AT_ONCE} times and is not started again until the instance is saved or its pack changes.'


class Instance:
    """One instance of an integration. It can be enabled and disabled repeatedly, and keeps its data meanwhile."""

    def __init__(self, name: str, integration: pack.Integration, given: Mapping[str, Any], runtime: Runtime,
                 store: Store, faults: Faults, printer: Printer, free_port: Callable[[], int]) -> None:
        self.name = name
        self.id = FIRST_INSTANCE_ID
        self.store = store
        self.faults = faults
        self.printer = printer
        self.journal = Journal()
        self.restarts = 0
        self._is_enabled = False
        self.pre_process: Callable[[dict[str, Any]], bool] | None = None
        self._started = 0.0
        self._ending: dict[str, Any] | None = None  # how the last container ended that was not ended on purpose
        self._rule = Restarts()
        self.runtime = runtime
        self._container: Container | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._renewed = threading.Event()
        self._supervisor = threading.Thread()
        self._fetcher = Fetcher(name, self._fetch, self.journal, printer)
        self._free_port = free_port
        self._configure(integration, given)

    def _configure(self, integration: pack.Integration, given: Mapping[str, Any]) -> None:
        """Set integration, parameters and script. Raise UsageError for a wrong parameter, before anything is set."""
        texts = {name: parameters.form_text(value) for name, value in given.items()}
        params = parameters.fill_form(integration, texts, self._free_port)
        schedule = read_schedule(integration.descriptor['script'], params)
        for doubt in parameters.doubts_about_defaults(integration):
            self.printer.warn(doubt)
        self.integration = integration
        self.params = params
        self.schedule = schedule
        self.port = parameters.container_port(params)
        self._free_port = lambda: self.port or 0  # from now on the instance keeps its port
        self._given = texts
        common = self.runtime.common_server_python
        self._script = pack.unify((str(common), pack.read_text(common)), *integration.modules,
                                  (integration.script_file, integration.script))

    def twin(self, store: Store, printer: Printer) -> Instance:
        """Return an instance with the same script and parameters that has a port, a store and a record of its own.

        Its container listens on this machine alone, it fetches nothing, and no fault or pre-process rule changes what it creates.
        By the variable PREVIEW the script knows that nothing is kept there, and may say more than a server should keep.
        """
        runtime = replace(self.runtime, host=LOOPBACK, instruments=Instruments(), environment={PREVIEW: '1'})
        twin = Instance(self.name, self.integration, self._given_but_port(), runtime, store, Faults(), printer, any_free_port)
        twin.id, twin.schedule = self.id, {}
        return twin

    def is_like(self, other: Instance) -> bool:
        """Return whether both have the same script and, but for the port, the same parameters."""
        return self.integration is other.integration and self._given_but_port() == other._given_but_port()

    def _given_but_port(self) -> dict[str, str]:
        return {name: text for name, text in self._given.items() if name != pack.PORT_PARAMETER}

    # The long-running container.

    @property
    def runs_long(self) -> bool:
        """Return whether the instance keeps a container running: the parameter longRunning may turn that off."""
        is_off = any(row['name'] == 'longRunning' and not row.get('hidden') and not self.params['longRunning']
                     for row in self.integration.parameters)
        return self.integration.is_long_running and not is_off

    @property
    def enabled(self) -> bool:
        """Return whether the instance is enabled. One that is not long-running has no container, and may fetch."""
        return self._is_enabled and not self.is_disabled

    @property
    def is_disabled(self) -> bool:
        return self._stopping.is_set()

    def enable(self) -> None:
        """Start the container, and start it again whenever it ends. Fetch on the schedule."""
        if not self.enabled:
            self._is_enabled = True
            self._stopping.clear()
            self._fetcher.start(self.schedule)
        if not self._supervisor.is_alive() and self.integration.is_long_running:
            self._forget_end()
            self._supervisor = threading.Thread(target=self._supervise, name='supervisor', daemon=True)
            self._supervisor.start()

    def disable(self) -> None:
        """End the schedule and the container: by SIGTERM, or else SIGKILL. Return after it has ended."""
        self._fetcher.stop()
        with self._starting:
            self._stopping.set()
            self._renewed.set()
        if self._container:
            self._container.stop(STOP_GRACE_SECONDS)
        if self._supervisor.is_alive():
            self._supervisor.join()

    def reconfigure(self, given: Mapping[str, Any], integration: pack.Integration | None = None) -> None:
        """Change the given parameters, and the integration. Raise UsageError, and change nothing, if a value is wrong.

        A running container is replaced, which does not count as a restart.
        """
        known = {row['name'] for row in (integration or self.integration).parameters}
        kept = {name: value for name, value in self._given.items() if name in known}
        with self._starting:
            self._configure(integration or self.integration, {**kept, **given})
            self.keep_secrets()
            self._renewed.set()
            container = self._container
        if container:
            container.stop(STOP_GRACE_SECONDS)
        if self.enabled:
            self._fetcher.start(self.schedule)

    def keep_secrets(self) -> None:
        """Keep the values of the encrypted parameters, to mask them even after they have changed."""
        self.store.add_secrets(parameters.secret_values(self.integration, self.params))

    @property
    def pid(self) -> int | None:
        return self._container.pid if self._container and self._container.is_alive() else None

    def cut_line(self) -> None:
        """Close the container's stdin, as happens when the server disappears."""
        if self._container:
            self._container.is_ended_on_purpose = True
            self._container.cut_line()

    def terminate_container(self) -> None:
        """Send SIGTERM to the container, which is then started again."""
        if self._container:
            self._container.terminate()

    @property
    def open_port(self) -> int | None:
        """Return the container's port, or None as long as the container itself does not listen there."""
        container = self._container
        return self.port if container and container.listens(self.port) else None

    def wait_until_ready(self) -> bool:
        """Return True once the container listens on its port or, without a port, has run for ALIVE_SECONDS.

        Return False if the instance is disabled before.
        """
        while not self._stopping.wait(READY_LOOK_SECONDS):
            if self._is_ready():
                if self._container:
                    self._container.warn_of_open_ports()
                return True
        return False

    def _is_ready(self) -> bool:
        if not self.runs_long:
            return True
        if self.integration.has_port:
            return bool(self.open_port)
        return self.pid is not None and time.monotonic() - self._started > ALIVE_SECONDS

    def _supervise(self) -> None:
        """Run containers, one after another, until the instance is disabled."""
        while not self._stopping.is_set():
            if not self.runs_long:
                self.printer.show(LONG_RUNNING_IS_OFF)
                self._wait_for_change()
                continue
            self._started = time.monotonic()
            code = self._run_container()
            if self._stopping.is_set():
                return
            if self._renewed.is_set():  # the container was ended on purpose, for a new configuration
                self._forget_end()
                continue
            delay = self._rule.next_delay(time.monotonic() - self._started, self._was_ready())
            self._report_end(code, delay)
            if delay is None:
                self._wait_for_change()
                self._forget_end()
                continue
            self._renewed.wait(delay)
            self.restarts += not self._stopping.is_set()

    def _forget_end(self) -> None:
        self._ending, self._rule = None, Restarts()

    def _wait_for_change(self) -> None:
        """Return once the instance is configured again or disabled, or at once if it needs a container by now."""
        with self._starting:
            is_needed = self.runs_long and self._renewed.is_set()
            if not is_needed and not self._stopping.is_set():
                self._renewed.clear()
        self._renewed.wait()

    def _was_ready(self) -> bool:
        """Return whether the container that ended was ready before, or was ended on purpose."""
        container = self._container
        assert container
        has_lived = not self.integration.has_port and time.monotonic() - self._started > ALIVE_SECONDS
        return container.has_listened or container.is_ended_on_purpose or has_lived

    def _report_end(self, code: int | None, delay: float | None) -> None:
        """Print and keep how and why the container ended. If no other is started, set the instance's health, too."""
        container = self._container
        assert container
        next_step = f'It starts again in {delay:g} s.' if delay is not None else GIVEN_UP
        self.printer.alarm(f'The container ended ({describe_end(code)}). {next_step}')
        reason = ''
        if container.exception or container.has_completed:
            reason = explain(container.exception, self.integration.descriptor['script'], self.runtime)
        if reason:
            self.printer.alarm(reason)
        self._ending = {'time': time.time(), 'how': describe_end(code), 'delay': delay, 'reason': reason,
                        'traceback': container.exception.strip()[-SHOWN_TRACEBACK_CHARACTERS:]}
        if delay is None:
            words = container.exception.strip().splitlines() or [*container.last_words]
            why = [container.broken_by] if container.broken_by else [*words[-1:], reason]
            text = ' '.join(filter(None, [f'The container ended ({describe_end(code)}). {GIVEN_UP}', *why]))
            self.journal.set_health(text, True)

    def _run_container(self) -> int | None:
        """Run a container to its end and return its exit code. Report heartbeats that fail to come."""
        with self._starting:  # `disable` must find either no container, or one that has started
            if self._stopping.is_set():
                return None
            self._renewed.clear()
            self._container = container = self._new_container(LONG_RUNNING, self.params, self.journal,
                                                              heartbeat=self.runtime.heartbeat)
            container.start()
        silence = MISSED_BEATS * self.runtime.heartbeat
        while (code := container.wait(silence or None)) is None:
            if time.monotonic() - container.last_beat > silence:
                self.printer.warn(f'The container has sent no heartbeat for {silence:g} s: a real server would restart it.')
        return code

    def _new_container(self, command: str, params: dict[str, Any], journal: Journal, args: Mapping[str, Any] | None = None,
                       heartbeat: float = 0, incident: dict[str, Any] | None = None,
                       parent: dict[str, Any] | None = None) -> Container:
        outputs = self.store.kept(incident['id'] if incident else PLAYGROUND, OUTPUTS)[0]
        order = Order(command, self._script, params, self.name, self.integration.name, dict(args or {}), heartbeat, self.runtime,
                      self.id, incident=incident, outputs=outputs,
                      image=str(self.integration.descriptor['script'].get('dockerimage') or ''), parent=parent)
        return Container(order, Site(
            self.store, self.faults, self.printer, journal, self.runtime.address, self.runtime.version, self.pre_process,
            lambda number, entry: WarRoom(self.store, self.printer, number).add(entry)))

    # Single commands, each in a container of its own.

    def test_module(self, given: Mapping[str, Any] | None = None) -> str:
        """Run test-module, as the Test button does, with the given parameters, which are not saved, and return `ok`.

        If the entry with `ok` also has a readable text, return that. Raise CommandFailed with the integration's error, or
        UsageError if a parameter is wrong.
        """
        texts = {name: parameters.form_text(value) for name, value in (given or {}).items()}
        params = parameters.fill_form(self.integration, {**self._given, **texts}, self._free_port)
        entries = self._run(TEST_MODULE, params).results
        contents = [entry.get('Contents') for entry in entries]
        if contents != ['ok']:
            said = json.dumps(contents[0] if len(contents) == 1 else contents) if contents else 'nothing'
            raise CommandFailed(f'test-module must return ok, but it returned {said}.')
        return str(entries[0].get('HumanReadable') or 'ok')

    def fetch_samples(self) -> list[Any]:
        """Return the samples that the mapping wizard would fetch. Raise CommandFailed if the command fails."""
        return contents_of(self._run(FETCH_INCIDENTS, self.params))

    def fetch(self) -> list[dict[str, Any]]:
        """Fetch now what the integration fetches, scheduled or not, and return the results.

        Raise UsageError if it is nothing, or CommandFailed if the instance is disabled.
        """
        self.check_enabled()
        if not self.fetches:
            raise UsageError(f'{self.integration.name} fetches nothing.')
        return [self._fetcher.fetch(command) for command in KINDS if self.offers(command)]

    @property
    def fetches(self) -> bool:
        """Return whether the integration fetches anything."""
        return any(map(self.offers, KINDS))

    def offers(self, command: str) -> bool:
        """Return whether the integration has a command, which may be one that only the server runs, such as fetch-incidents."""
        has_it = self.integration.descriptor['script'].get(KINDS[command][0]) if command in KINDS else command in SERVER_COMMANDS
        return bool(has_it or command in self.integration.commands)

    def check_enabled(self) -> None:
        """Raise CommandFailed if the instance is disabled: the server runs none of its commands then."""
        if self.is_disabled:
            raise CommandFailed(f'{self.name} is disabled. Enable it first.')

    def _fetch(self, command: str) -> int:
        """Run a fetching command and return the number of new incidents, indicators, events or assets."""
        known = self._count(command)
        [entry, *_] = self.run(command) or [{}]
        return len(entry['Contents']) if command == FETCH_INCIDENTS else self._count(command) - known

    def _count(self, command: str) -> int:
        """Return how many indicators, or events and assets, are kept."""
        is_feed = command == FETCH_INDICATORS
        return int(self.store.search_indicators({})['total']) if is_feed else self.store.count_events(self.name)

    def run(self, command: str, args: Mapping[str, Any] | None = None,
            incident: dict[str, Any] | None = None, parent: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run one command, in an incident or in the playground, and return its entries. Raise CommandFailed if it fails.

        The incidents that fetch-incidents returns are created; what fetch-events and fetch-assets sent is a further entry.
        """
        self.check_enabled()
        latest = max((each['id'] for each in self.store.events(self.name, 1)), default=0)
        container = self._run(command, self.params, self._fill_arguments(command, args or {}), incident, parent)
        if command == FETCH_INCIDENTS:
            try:
                incidents = container.commands.store_incidents(contents_of(container), str(self.params.get(TYPE_PARAMETER) or ''))
            except CallRejected as error:
                raise CommandFailed(str(error), container.results) from None
            return [{'Type': 1, 'ContentsFormat': 'json', 'Contents': incidents}]
        if command in (FETCH_EVENTS, FETCH_ASSETS):
            sent = [each['data'] for each in self.store.events(self.name, SHOWN_EVENTS, latest)]
            return [*container.results, {'Type': 1, 'ContentsFormat': 'json', 'Contents': sent}]
        return container.results

    def _fill_arguments(self, command: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments with the descriptor's defaults, as the server passes them to the script."""
        commands = self.integration.commands
        if command not in commands and command not in SERVER_COMMANDS:
            known = ', '.join(commands) or 'none'
            raise CommandFailed(f'{self.integration.name} has no command {command}. Its commands: {known}.')
        for doubt in doubts_about(command, commands[command], given) if command in commands else ():
            self.printer.warn(doubt)
        filled = fill_arguments(command, commands.get(command, []), given)
        return mirroring.fill(command, filled) if command in mirroring.COMMANDS else filled

    def _run(self, command: str, params: dict[str, Any], args: Mapping[str, Any] | None = None,
             incident: dict[str, Any] | None = None, parent: dict[str, Any] | None = None) -> Container:
        """Run one command to its end and return its container. Raise CommandFailed for an exception or an error entry."""
        # A single command adds to the instance's log, but not to the state that its long-running container has.
        container = self._new_container(command, params, Journal(log=self.journal.log), args, incident=incident, parent=parent)
        run_to_its_end(container, command, self.integration.descriptor['script'], self.runtime)
        return container

    # State, for tests, measurements and the page.

    def _is_failing(self, is_ready: bool) -> bool:
        """Return whether a container has ended by itself and none has worked since, or only for a moment."""
        is_new = time.monotonic() - self._started < QUICK_END_SECONDS
        return self.enabled and self._ending is not None and (not is_ready or (self._rule.quick_ends > 1 and is_new))

    def brief(self) -> dict[str, Any]:
        """Return the state that the page always shows."""
        name = str(self.integration.descriptor.get('display') or self.integration.name)
        is_ready, is_long = self._is_ready(), self.integration.is_long_running
        return {'instance': self.name, 'integration': name, 'longRunning': is_long,
                'enabled': self.enabled, 'pid': self.pid, 'port': self.port,
                'restarts': self.restarts, 'health': self.journal.health, 'ready': is_ready,
                'ending': self._ending if self._is_failing(is_ready) else None,
                'schedule': self.schedule, 'fetch': self.journal.fetches[-1] if self.journal.fetches else None}

    def state(self) -> dict[str, Any]:
        """Return the instance's state and everything that its containers sent, but no parameters, which may be secret."""
        return {
            'instance': self.name, 'integration': self.integration.name, 'enabled': self.enabled, 'pid': self.pid,
            'port': self.port, 'restarts': self.restarts, 'context': self.store.kept(self.name, CONTEXT)[0],
            **self.journal.as_dict(),
        }
