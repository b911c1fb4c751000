"""An instance of an integration: it keeps a container running, and runs single commands."""
from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from localxsoar import pack
from localxsoar.commands import CONTEXT, TEST_MODULE, Site
from localxsoar.container import FETCH_INCIDENTS, LONG_RUNNING, Container, Order, Runtime
from localxsoar.faults import Faults
from localxsoar.journal import Journal
from localxsoar.output import Printer
from localxsoar.ports import container_port
from localxsoar.store import Store

STOP_GRACE_SECONDS = 12
COMMAND_SECONDS = 300
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 10.0
QUICK_END_SECONDS = 10  # a container that ends sooner is started again with a growing delay
READY_LOOK_SECONDS = 0.02
ALIVE_SECONDS = 2  # an integration without a port counts as ready once it has run for so long
MISSED_BEATS = 3
SHOWN_TRACEBACK_CHARACTERS = 20_000
ERROR_ENTRY = 4
# Commands that only the server starts: a descriptor does not declare them.
SERVER_COMMANDS = (TEST_MODULE, LONG_RUNNING, FETCH_INCIDENTS, 'fetch-indicators', 'fetch-credentials', 'fetch-events',
                   'fetch-assets', 'get-mapping-fields', 'get-remote-data', 'get-modified-remote-data', 'update-remote-system')
MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
MISSING_NAME = re.compile(r"NameError: name '(\w+)' is not defined")
# Names to install, where they differ from the module's name.
DISTRIBUTIONS = {'bs4': 'beautifulsoup4', 'cv2': 'opencv-python', 'dateutil': 'python-dateutil', 'jwt': 'PyJWT', 'yaml': 'PyYAML',
                 'Crypto': 'pycryptodome', 'slack_sdk': 'slack-sdk', 'OpenSSL': 'pyOpenSSL', 'PIL': 'Pillow'}


class CommandFailed(Exception):
    """A single command failed; the text is the integration's own."""


class Instance:
    """One instance of an integration. It can be enabled and disabled repeatedly, and keeps its data meanwhile."""

    def __init__(self, name: str, integration: pack.Integration, given: Mapping[str, Any], runtime: Runtime,
                 store: Store, faults: Faults, printer: Printer, free_port: Callable[[], int]) -> None:
        self.name = name
        self.store = store
        self.faults = faults
        self.printer = printer
        self.journal = Journal()
        self.restarts = 0
        self.url = ''
        self._started = 0.0
        self._ending: dict[str, Any] | None = None  # how the last container ended that was not ended on purpose
        self._quick_ends = 0
        self.runtime = runtime
        self._container: Container | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()
        self._renewed = threading.Event()
        self._supervisor = threading.Thread()
        self._free_port = free_port
        self._configure(integration, given)

    def _configure(self, integration: pack.Integration, given: Mapping[str, Any]) -> None:
        """Set integration, parameters and script. Raise UsageError for a wrong parameter, before anything is set."""
        texts = {name: pack.form_text(value) for name, value in given.items()}
        params = pack.fill_form(integration, texts, self._free_port)
        self.integration = integration
        self.params = params
        self.port = container_port(params)
        self._free_port = lambda: self.port or 0  # from now on the instance keeps its port
        self._given = texts
        common = self.runtime.common_server_python
        self._script = pack.unify((str(common), pack.read_text(common)), *integration.modules,
                                  (integration.script_file, integration.script))

    # The long-running container.

    @property
    def enabled(self) -> bool:
        return self._supervisor.is_alive() and not self._stopping.is_set()

    def enable(self) -> None:
        """Start the container, and start it again whenever it ends."""
        if not self.enabled and self.integration.is_long_running:
            self._stopping.clear()
            self._ending, self._quick_ends = None, 0
            self._supervisor = threading.Thread(target=self._supervise, name='supervisor', daemon=True)
            self._supervisor.start()

    def disable(self) -> None:
        """End the container by SIGTERM, or else SIGKILL. Return after it has ended."""
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
            self._renewed.set()
            container = self._container
        if container:
            container.stop(STOP_GRACE_SECONDS)

    @property
    def pid(self) -> int | None:
        return self._container.pid if self._container and self._container.is_alive() else None

    def cut_line(self) -> None:
        """Close the container's stdin, as happens when the server disappears."""
        if self._container:
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
            if self.open_port if self.integration.has_port else self._has_lived():
                return True
        return False

    def _has_lived(self) -> bool:
        return not self.integration.is_long_running or (
            self.pid is not None and time.monotonic() - self._started > ALIVE_SECONDS)

    def _supervise(self) -> None:
        """Run containers, one after another, until the instance is disabled."""
        delay = FIRST_DELAY_SECONDS
        while not self._stopping.is_set():
            self._started = time.monotonic()
            code = self._run_container()
            if self._stopping.is_set():
                return
            if self._renewed.is_set():  # the container was ended on purpose, for a new configuration
                self._ending, self._quick_ends = None, 0
                continue
            is_quick = time.monotonic() - self._started < QUICK_END_SECONDS
            delay, self._quick_ends = (delay, self._quick_ends + 1) if is_quick else (FIRST_DELAY_SECONDS, 0)
            self.printer.alarm(f'The container ended (exit code {code}). It starts again in {delay:g} s.')
            exception = self._container.exception if self._container else ''
            if reason := explain(exception, self.integration, self.runtime):
                self.printer.alarm(reason)
            self._ending = {'time': time.time(), 'code': code, 'reason': reason,
                            'traceback': exception.strip()[-SHOWN_TRACEBACK_CHARACTERS:]}
            self._renewed.wait(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            self.restarts += not self._stopping.is_set()

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
                self.printer.alarm(f'The container has sent no heartbeat for {silence:g} s: a real server would restart it.')
        return code

    def _new_container(self, command: str, params: dict[str, Any], journal: Journal, args: Mapping[str, Any] | None = None,
                       heartbeat: float = 0) -> Container:
        order = Order(command, self._script, params, self.name, self.integration.name, dict(args or {}), heartbeat, self.runtime)
        return Container(order, Site(self.store, self.faults, self.printer, journal, self.url, self.runtime.version))

    # Single commands, each in a container of its own.

    def test_module(self, given: Mapping[str, Any] | None = None) -> str:
        """Run test-module, as the Test button does, with the given parameters, which are not saved, and return `ok`.

        Raise CommandFailed with the integration's error, or UsageError if a parameter is wrong.
        """
        texts = {name: pack.form_text(value) for name, value in (given or {}).items()}
        params = pack.fill_form(self.integration, {**self._given, **texts}, self._free_port)
        contents = [entry.get('Contents') for entry in self._run(TEST_MODULE, params).results]
        if contents != ['ok']:
            said = json.dumps(contents[0] if len(contents) == 1 else contents) if contents else 'nothing'
            raise CommandFailed(f'test-module must return ok, but it returned {said}.')
        return 'ok'

    def fetch_samples(self) -> list[Any]:
        """Return the samples that the mapping wizard would fetch. Raise CommandFailed if the command fails."""
        return contents_of(self._run(FETCH_INCIDENTS, self.params))

    def run(self, command: str, args: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run one command and return its entries. Raise CommandFailed if it fails.

        The incidents that fetch-incidents returns are created.
        """
        container = self._run(command, self.params, self._fill_arguments(command, args or {}))
        if command == FETCH_INCIDENTS:
            incidents = container.commands.store_incidents(contents_of(container))
            return [{'Type': 1, 'ContentsFormat': 'json', 'Contents': incidents}]
        return container.results

    def _fill_arguments(self, command: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments with the descriptor's defaults, as the server passes them to the script."""
        commands = self.integration.commands
        if command not in commands and command not in SERVER_COMMANDS:
            known = ', '.join(commands) or 'none'
            raise CommandFailed(f'{self.integration.name} has no command {command}. Its commands: {known}.')
        rows = commands.get(command, [])
        filled = {row['name']: row['defaultValue'] for row in rows if row.get('defaultValue') is not None} | dict(given)
        missing = [row['name'] for row in rows if row.get('required') and not filled.get(row['name'])]
        if missing:
            raise CommandFailed(f'{command} needs {", ".join(missing)}.')
        return filled

    def _run(self, command: str, params: dict[str, Any], args: Mapping[str, Any] | None = None) -> Container:
        """Run one command to its end and return its container. Raise CommandFailed for an exception or an error entry."""
        # A single command adds to the instance's log, but not to the state that its long-running container has.
        container = self._new_container(command, params, Journal(log=self.journal.log), args)
        container.start()
        if container.wait(COMMAND_SECONDS) is None:
            container.stop(STOP_GRACE_SECONDS)
            raise CommandFailed(f'{command} did not end within {COMMAND_SECONDS} s.')
        if container.exception:
            reason = explain(container.exception, self.integration, self.runtime)
            raise CommandFailed('\n'.join(filter(None, [container.exception.strip(), reason])))
        for result in container.results:
            if result.get('Type') == ERROR_ENTRY:
                raise CommandFailed(str(result.get('Contents')))
        return container

    # State, for tests, measurements and the page.

    def _is_failing(self, is_ready: bool) -> bool:
        """Return whether a container has ended by itself and none has worked since, or only for a moment."""
        is_new = time.monotonic() - self._started < QUICK_END_SECONDS
        return self.enabled and self._ending is not None and (not is_ready or (self._quick_ends > 1 and is_new))

    def brief(self) -> dict[str, Any]:
        """Return the state that the page always shows."""
        name = str(self.integration.descriptor.get('display') or self.integration.name)
        is_ready = bool(self.open_port if self.integration.has_port else self._has_lived())
        return {'instance': self.name, 'integration': name, 'enabled': self.enabled, 'pid': self.pid, 'port': self.port,
                'restarts': self.restarts, 'health': self.journal.health, 'ready': is_ready,
                'ending': self._ending if self._is_failing(is_ready) else None}

    def state(self) -> dict[str, Any]:
        """Return the instance's state and everything that its containers sent, but no parameters, which may be secret."""
        return {
            'instance': self.name, 'integration': self.integration.name, 'enabled': self.enabled, 'pid': self.pid,
            'port': self.port, 'restarts': self.restarts, 'context': self.store.kept(self.name, CONTEXT)[0],
            **self.journal.as_dict(),
        }


def contents_of(container: Container) -> list[Any]:
    """Return the items in the entries of a fetching command. An entry has one item, a list, or either as JSON text."""
    found: list[Any] = []
    for result in container.results:
        contents = json.loads(result['Contents']) if isinstance(result['Contents'], str) else result['Contents']
        if isinstance(contents, list):
            found += contents
        elif contents:
            found.append(contents)
    return found


def explain(exception: str, integration: pack.Integration, runtime: Runtime) -> str:
    """Return what to do about an exception, or '' if it is unknown. Without an exception, explain that a script ended."""
    if missing := MISSING_MODULE.search(exception):
        image = integration.descriptor['script'].get('dockerimage') or 'its image'
        name = missing[1].partition('.')[0]
        return (f'The Python of the container lacks the module {name}, which {image} has. Run '
                f'{runtime.python} -m pip install {DISTRIBUTIONS.get(name, name)}, or choose another Python with --python PATH.')
    if (missing := MISSING_NAME.search(exception)) and runtime.common_server_python == pack.CARRIED_COMMON_SERVER_PYTHON:
        return (f'If {missing[1]} belongs to CommonServerPython: the subset in the local XSOAR lacks it. '
                'Give the real file with --common-server-python FILE.')
    return '' if exception else 'The script came to its end, but a long-running script must run until its instance is disabled.'
