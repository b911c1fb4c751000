"""The server's end of a container: starts the process, serves its line, and ends it.

Plain blocking code on threads: it runs as it is, and on greenlets once gevent has patched the standard library.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from localxsoar.errors import CallRefused
from localxsoar.faults import Faults
from localxsoar.incidents import IncidentStore
from localxsoar.journal import Journal
from localxsoar.output import Printer, escape

LOOP = Path(__file__).with_name('loop.py')
ERROR_MARKER = '[ERROR-fd5a7750-7182-4b38-90ba-091824478903]'
LONG_RUNNING, TEST_MODULE, FETCH_INCIDENTS = 'long-running-execution', 'test-module', 'fetch-incidents'
SERVERS = '6.5', '6.10', '8'
COMMANDS_WITHOUT_CONTEXT = (TEST_MODULE,)
PASSED_ENVIRONMENT = ('PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SYSTEMROOT', 'LD_LIBRARY_PATH')
KEPT_TEXT = 500
LAST_LINES_SECONDS = 2
DONE: dict[str, Any] = {}
NO_REPLY = object()


@dataclass(frozen=True)
class Order:
    """What a container is started for."""
    command: str
    script: str
    params: dict[str, Any]
    instance: str
    brand: str
    heartbeat: float = 30
    server: str = SERVERS[-1]
    host: str = '127.0.0.1'  # where its ports listen that would listen on every address; '': as the script has it

    def context(self) -> dict[str, Any]:
        """The object that the loop in the container takes."""
        return {
            'script': self.script, 'integration': True, 'command': self.command, 'params': self.params, 'args': {},
            'context': {'IntegrationInstance': self.instance, 'IntegrationBrand': self.brand, 'ExecutionContext': {}, 'Inv': None,
                        'Incidents': None, 'ParentEntry': None, 'IsDebug': False},
            'native': True, 'server': self.server,
            'is_running_heartbeat': self.heartbeat > 0, 'heartbeat_interval': self.heartbeat,
        }


class Container:
    """One process that runs one command of the integration. Calls on its line are answered strictly one after another."""

    def __init__(self, order: Order, store: IncidentStore, faults: Faults, printer: Printer, journal: Journal) -> None:
        self._order = order
        self._store = store
        self._faults = faults
        self._printer = printer
        self._journal = journal
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self.results: list[Any] = []
        self.exception = ''
        self._types: dict[str, Callable[[dict[str, Any]], Any]] = {
            'pong': lambda message: NO_REPLY,
            'log': self._log,
            'entryLog': self._entry_log,
            'result': self._result,
            'executeCommand': self._execute,
            'exception': self._exception,
            'completed': lambda message: NO_REPLY,
            'undeclared': self._undeclared,
        }
        self._commands: dict[str, Callable[[dict[str, Any]], Any]] = {
            'createIncidents': self._create_incidents,
            'getIntegrationContext': self._get_context,
            'setIntegrationContext': self._set_context,
            'updateModuleHealth': self._update_health,
            'heartbeat': lambda args: NO_REPLY,
        }

    # Life.

    def start(self) -> None:
        """Starts the process and hands it the script."""
        environment = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, '-I', '-u', str(LOOP), *filter(None, [self._order.host])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=tempfile.gettempdir(), env=environment, start_new_session=True)
        self._threads = [threading.Thread(target=target, args=[stream], name=target.__name__, daemon=True) for target, stream in
                         ((self._serve, self._process.stdout), (self._show_stderr, self._process.stderr))]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit code once the process has ended and its last lines are served; None when it has not in time."""
        assert self._process, 'the container was not started'
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        for thread in self._threads:
            thread.join(LAST_LINES_SECONDS)
        if any(thread.is_alive() for thread in self._threads):
            self._kill()  # children of the script hold its output open
        self.cut_line()
        return code

    def terminate(self) -> None:
        """SIGTERM, as when the instance is disabled."""
        if self._process and self.is_alive():
            self._process.terminate()

    def stop(self, grace: float) -> int | None:
        """SIGTERM, then after `grace` seconds SIGKILL. Returns the exit code."""
        self.terminate()
        code = self.wait(grace)
        if code is None and self._process:
            self._printer.alarm(f'the container did not end within {grace:g} s of SIGTERM: killed')
            self._kill()
            code = self.wait(grace)
        return code

    def _kill(self) -> None:
        """SIGKILL to all that the container started: they share its process group."""
        assert self._process
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def cut_line(self) -> None:
        """Closes the container's stdin, as a server that is gone."""
        with suppress(OSError, ValueError):
            if self._process and self._process.stdin:
                self._process.stdin.close()

    # The line.

    def _serve(self, stdout: IO[bytes]) -> None:
        self._send_text('ping')
        self._send_text(json.dumps(self._order.context()))
        for raw in stdout:
            self._take(raw)
        stdout.close()

    def _take(self, raw: bytes) -> None:
        message = parse_message(raw)
        handler = self._types.get(message.get('type', '')) if message else None
        if message is None or handler is None:
            self._violation(raw)
            return
        reply = self._answer(handler, message)
        if reply is not NO_REPLY:
            self._send_text(reply if isinstance(reply, str) else json.dumps(reply))

    def _answer(self, handler: Callable[[dict[str, Any]], Any], message: dict[str, Any]) -> Any:
        try:
            reply = handler(message)
        except CallRefused as refusal:
            return f'{ERROR_MARKER}{escape(str(refusal))}'
        except (AttributeError, KeyError, TypeError) as error:
            self._violation(json.dumps(message).encode())
            return f'{ERROR_MARKER}The call is malformed: {error!r}'
        return reply

    def _send_text(self, text: str) -> None:
        stdin = self._process.stdin if self._process else None
        try:
            if stdin:
                stdin.write(text.encode() + b'\n')
                stdin.flush()
        except (OSError, ValueError):
            pass  # the container has ended, or the line was cut: there is nobody to answer

    def _show_stderr(self, stderr: IO[bytes]) -> None:
        for raw in stderr:
            self._printer.line(f"container stderr: {raw.decode('utf-8', 'replace').rstrip()}")
        stderr.close()

    def _violation(self, raw: bytes) -> None:
        text = raw[:KEPT_TEXT].decode('utf-8', 'replace').rstrip('\n')
        self._journal.violations.append(text)
        self._printer.alarm(f'not a line of the protocol on the stdout of the container: {text}')

    # Messages by type.

    def _log(self, message: dict[str, Any]) -> Any:
        level = str(message['command'])
        self._journal.calls[level] += 1
        self._say(level, ' '.join(map(str, message['args']['args'])))
        return DONE

    def _say(self, level: str, text: str) -> None:
        for line in self._journal.add_log(level, text):
            self._printer.log(**line)

    def _entry_log(self, message: dict[str, Any]) -> Any:
        self._journal.calls['log'] += 1
        self._say('print', str(message['args']['message']))
        return NO_REPLY

    def _result(self, message: dict[str, Any]) -> Any:
        self._journal.calls['results'] += 1
        self.results.extend(message['results'])
        return NO_REPLY

    def _exception(self, message: dict[str, Any]) -> Any:
        self.exception = str(message['args']['exception'])
        self._journal.exceptions.append(self.exception)
        for line in self.exception.rstrip().splitlines() if self._order.command == LONG_RUNNING else ():
            self._printer.alarm(line)
        return NO_REPLY

    def _undeclared(self, message: dict[str, Any]) -> Any:
        name = str(message['args']['name'])
        self._journal.undeclared.append(name)
        self._printer.alarm(f'demisto.{name} was used, which the local XSOAR does not offer')
        return NO_REPLY

    def _execute(self, message: dict[str, Any]) -> Any:
        command = str(message['command'])
        self._journal.calls[command] += 1
        if command not in self._commands:
            self._journal.undeclared.append(command)
            self._printer.alarm(f'the command {command} was called, which the local XSOAR does not offer')
            raise CallRefused(f'The local XSOAR does not offer the command {command}.')
        return self._commands[command](message.get('args') or {})

    # Commands.

    def _create_incidents(self, args: dict[str, Any]) -> Any:
        incidents = args['incidents']
        if not isinstance(incidents, list):
            raise CallRefused(f'createIncidents takes a list of incidents, not {type(incidents).__name__}.')
        self._journal.create_sizes.append(len(incidents))
        if self._faults.take_cut():
            self._printer.line('the line is cut, as the fault "cut" asks for')
            self.cut_line()
            return NO_REPLY
        return self._faults.create(incidents, self._store_incidents, self.is_alive)

    def _store_incidents(self, incidents: list[dict[str, Any]]) -> list[dict[str, Any]]:
        created = self._store.create(incidents, self._order.instance, self._order.brand)
        self._printer.created(created)
        return created

    def _get_context(self, args: dict[str, Any]) -> Any:
        self._refuse_context_in_test()
        return {'context': self._store.context(self._order.instance)}

    def _set_context(self, args: dict[str, Any]) -> Any:
        self._refuse_context_in_test()
        self._store.set_context(self._order.instance, args['value'])
        return DONE

    def _refuse_context_in_test(self) -> None:
        if self._order.command in COMMANDS_WITHOUT_CONTEXT:
            raise CallRefused(f'The integration context cannot be used in {self._order.command}.')

    def _update_health(self, args: dict[str, Any]) -> Any:
        self._journal.set_health(str(args['err'] or ''), bool(args.get('isError', args['err'])))
        self._printer.happened(f"health  {self._journal.health['error'] or 'in order'}")
        return DONE


def parse_message(raw: bytes) -> dict[str, Any] | None:
    """The message in a line of the container; None when it is none."""
    try:
        message = json.loads(raw)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
