"""The server's end of a container: starts the process, serves its line, and ends it.

This is plain blocking code on threads. It also runs on greenlets once gevent has patched the standard library.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from localxsoar.commands import DONE, INSTANCE_ID, NO_REPLY, ServerCommands, Site
from localxsoar.entries import PLAYGROUND
from localxsoar.errors import CallRejected
from localxsoar.output import escape
from localxsoar.pack import CARRIED_COMMON_SERVER_PYTHON, Unified
from localxsoar.ports import LOOPBACK
from localxsoar.processes import MARK, kill_all, listens

LOOP = Path(__file__).with_name('loop.py')
# In a reply, this text makes the loop in the container raise an error with what follows it.
ERROR_MARKER = '[ERROR-fd5a7750-7182-4b38-90ba-091824478903]'
LOG_PREFIX = 'Integration log: '
LONG_RUNNING, FETCH_INCIDENTS = 'long-running-execution', 'fetch-incidents'
# A script gets nothing else of this machine's environment, which a real container would not see either.
PASSED_ENVIRONMENT = ('PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SYSTEMROOT', 'LD_LIBRARY_PATH')
KEPT_TEXT = 500  # bytes of a stray line on stdout; a script may print a whole payload there
LAST_LINES_SECONDS = 2  # for reading what is still in the pipes once every process is dead


@dataclass(frozen=True)
class Runtime:
    """How containers are run: the same for every command of an instance."""
    common_server_python: Path = CARRIED_COMMON_SERVER_PYTHON
    heartbeat: float = 30
    host: str = LOOPBACK  # replaces 0.0.0.0 and :: when the script listens; '' leaves the script's choice
    python: str = sys.executable
    version: str = '8'


@dataclass(frozen=True)
class Order:
    """One command to run in a container of its own, and what it needs."""
    command: str
    script: Unified
    params: dict[str, Any]
    instance: str
    brand: str
    args: dict[str, Any] = field(default_factory=dict)
    heartbeat: float = 30
    runtime: Runtime = Runtime()

    def context(self) -> dict[str, Any]:
        """Return the object that the loop in the container reads from its first line."""
        return {
            'script': self.script.text, 'integration': True, 'command': self.command, 'params': self.params, 'args': self.args,
            'context': {'IntegrationInstance': self.instance, 'IntegrationInstanceID': INSTANCE_ID,
                        'IntegrationBrand': self.brand, 'ExecutionContext': {}, 'Inv': {'id': PLAYGROUND}, 'Incidents': [],
                        'ParentEntry': None, 'IsDebug': False},
            'native': True, 'is_running_heartbeat': self.heartbeat > 0, 'heartbeat_interval': self.heartbeat,
        }


class Container:
    """One process that runs one command of the integration. Its calls get their replies strictly one after another."""

    def __init__(self, order: Order, site: Site) -> None:
        self._order = order
        self._printer = site.printer
        self._journal = site.journal
        self._mark = str(uuid.uuid4())
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self.results: list[Any] = []
        self.exception = ''
        self.commands = ServerCommands(site, order.instance, order.brand, order.command, self.is_alive, self.cut_line)
        self.last_beat = time.monotonic()
        self._listens = False
        self._types: dict[str, Callable[[dict[str, Any]], Any]] = {
            'pong': lambda message: NO_REPLY,
            'log': self._log,
            'entryLog': self._entry_log,
            'result': self._result,
            'executeCommand': self._execute,
            'exception': self._exception,
            'completed': lambda message: NO_REPLY,
            'demistoUrls': self.commands.urls,
            'demistoVersion': self.commands.version,
            'getFileByEntryID': self.commands.file,
            'dt': self.commands.dt,
        }

    # Life.

    def start(self) -> None:
        """Start the process, and the threads that send it the script and read its output."""
        environment = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ} | {MARK: self._mark}
        order = self._order
        self._process = subprocess.Popen(
            [order.runtime.python, '-I', '-u', '-X', 'utf8', str(LOOP), str(os.getpid()), order.runtime.version,
             order.runtime.host], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
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
        """Return the exit code after the process has ended and its last lines are handled, or None after `seconds`."""
        assert self._process, 'the container was not started'
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._kill()  # children of the script would outlive it, and may keep its output open
        for thread in self._threads:
            thread.join(LAST_LINES_SECONDS)
        self.cut_line()
        return code

    def terminate(self) -> None:
        """Send SIGTERM, as the server does when the instance is disabled."""
        if self._process and self.is_alive():
            self._process.terminate()

    def stop(self, grace: float) -> int | None:
        """Send SIGTERM, and SIGKILL after `grace` seconds. Return the exit code."""
        self.terminate()
        code = self.wait(grace)
        if code is None and self._process:
            self._printer.alarm(f'The container did not end within {grace:g} s of SIGTERM and was killed.')
            self._kill()
            code = self.wait(grace)
        return code

    def _kill(self) -> None:
        assert self._process
        kill_all(self._mark, self._process.pid)

    def listens(self, port: int | None) -> bool:
        """Return whether the container itself, and no other process, listens on the port."""
        # Finding the listener reads all of /proc: once found, it is assumed to stay as long as the container lives.
        self._listens = self.is_alive() and (self._listens or listens(self._mark, port))
        return self._listens

    def cut_line(self) -> None:
        """Close the container's stdin, as happens when the server disappears."""
        with suppress(OSError, ValueError):
            if self._process and self._process.stdin:
                self._process.stdin.close()

    # The line.

    def _serve(self, stdout: IO[bytes]) -> None:
        """Send the script, then handle each line that the container writes until its stdout ends."""
        self._send_text('ping')
        self._send_text(json.dumps(self._order.context()))
        for raw in stdout:
            self._handle(raw)
        stdout.close()

    def _handle(self, raw: bytes) -> None:
        """Send the reply to one line of the container; report a line that is not a message."""
        message = parse_message(raw)
        handler = self._types.get(message.get('type', '')) if message else None
        if message is None or handler is None:
            self._violation(raw)
            return
        reply = self._reply(handler, message)
        if reply is not NO_REPLY:
            self._send_text(reply if isinstance(reply, str) else json.dumps(reply))

    def _reply(self, handler: Callable[[dict[str, Any]], Any], message: dict[str, Any]) -> Any:
        """Return the handler's reply, or the text of an error reply."""
        try:
            reply = handler(message)
        except CallRejected as error:
            return f'{ERROR_MARKER}{escape(str(error))}'
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
            pass  # the container has ended, or the line was cut: nothing can read a reply

    def _show_stderr(self, stderr: IO[bytes]) -> None:
        for raw in stderr:
            self._printer.show(f"container stderr: {raw.decode('utf-8', 'replace').rstrip()}")
        stderr.close()

    def _violation(self, raw: bytes) -> None:
        """Report a line on stdout that breaks the protocol, such as the output of a child process."""
        text = raw[:KEPT_TEXT].decode('utf-8', 'replace').rstrip('\n')
        self._journal.violations.append(text)
        self._printer.alarm(f'The container wrote something to stdout that is not a message to the server: {text}')

    # Messages by type.

    def _log(self, message: dict[str, Any]) -> Any:
        level = str(message['command'])
        self._journal.call_counts[level] += 1
        self._log_text(level, ' '.join(map(str, message['args']['args'])))
        return DONE

    def _entry_log(self, message: dict[str, Any]) -> Any:
        self._journal.call_counts['log'] += 1
        self._log_text('print', str(message['args']['message']).removeprefix(LOG_PREFIX))
        return NO_REPLY

    def _log_text(self, level: str, text: str) -> None:
        self._printer.logs(self._journal.add_log(level, self._order.script.locate(text)))

    def _result(self, message: dict[str, Any]) -> Any:
        self._journal.call_counts['results'] += 1
        self.results.extend(message['results'])
        return NO_REPLY

    def _exception(self, message: dict[str, Any]) -> Any:
        self.exception = self._order.script.locate(str(message['args']['exception']))
        self._journal.exceptions.append(self.exception)
        if self._order.command == LONG_RUNNING:  # for any other command the exception is its result, and printed as such
            self._printer.traceback(self.exception)
        return NO_REPLY

    def _execute(self, message: dict[str, Any]) -> Any:
        """Return the reply to a command of the server; note the time of a heartbeat."""
        if message.get('command') == 'heartbeat':
            self.last_beat = time.monotonic()
        return self.commands.execute(message)


def parse_message(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a line of the container, or None if the line has none."""
    try:
        message = json.loads(raw)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None
