"""The server's end of a container: starts the process, serves its line, and ends it.

This is plain blocking code on threads. It also runs on greenlets once gevent has patched the standard library.
"""
from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from localxsoar.containers.commands import DONE, FIRST_INSTANCE_ID, NO_REPLY, Address, ServerCommands, Site
from localxsoar.containers.instruments import Instruments
from localxsoar.incidents.entries import ERROR_ENTRY, PLAYGROUND
from localxsoar.errors import CallRejected, RawReply
from localxsoar.containers.inside import NOT_JSON, describe_unfit, find_unfit
from localxsoar.terminal.printer import escape
from localxsoar.packs.pack import CARRIED_COMMON_SERVER_PYTHON, Unified
from localxsoar.containers.ports import LOOPBACK
from localxsoar.containers.processes import MARK, kill_all, listens, open_to_all

LOOP, SCRIPT_LOOP = Path(__file__).with_name('loop.py'), Path(__file__).with_name('script_loop.py')
# In a reply, this text makes the loop in the container raise an error with what follows it.
ERROR_MARKER = '[ERROR-fd5a7750-7182-4b38-90ba-091824478903]'
LOG_PREFIX = 'Integration log: '
LONG_RUNNING = 'long-running-execution'
DEBUG_MODE = 'debug-mode'  # an argument of every command
# A script gets nothing else of this machine's environment, which a real container would not see either.
# Behind a proxy that reads TLS, a company's certificates are needed here, too.
PASSED_ENVIRONMENT = ('PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SYSTEMROOT', 'NO_PROXY', 'no_proxy', 'LD_LIBRARY_PATH',
                      'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE')
PROXY_VARIABLES = ('HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy')
NO_NUMBER = re.compile(rb'NaN|Infinity')  # Python writes and reads these, but JSON has no such numbers
KEPT_TEXT = 500  # bytes of a stray line on stdout; a script may print a whole payload there
LAST_WORDS = 20  # lines of stderr that are kept to explain the end of a container
LONGEST_GRACE_SECONDS = 12  # for a container that finishes its calls
LAST_LINES_SECONDS = 2  # for reading what is still in the pipes once every process is dead


@dataclass(frozen=True)
class Runtime:
    """How containers are run: the same for every command of an instance."""
    common_server_python: Path = CARRIED_COMMON_SERVER_PYTHON
    heartbeat: float = 30
    host: str = LOOPBACK  # replaces 0.0.0.0 and :: when the script listens; '' leaves the script's choice
    python: str = sys.executable
    version: str = '8'
    instruments: Instruments = field(default_factory=Instruments)
    address: Address = field(default_factory=Address)
    environment: Mapping[str, str] = field(default_factory=dict)  # beside what every container gets


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
    instance_id: str = FIRST_INSTANCE_ID
    is_integration: bool = True
    incident: dict[str, Any] | None = None  # the one that the command runs in; without one, it runs in the playground
    outputs: dict[str, Any] = field(default_factory=dict)  # the context of the incident or of the playground
    image: str = ''
    parent: dict[str, Any] | None = None  # the entry whose button runs the command

    @property
    def investigation(self) -> str:
        return str(self.incident['id']) if self.incident else PLAYGROUND

    def context(self) -> dict[str, Any]:
        """Return the object that the loop in the container reads from its first line."""
        return {
            'script': self.script.text, 'integration': self.is_integration, 'params': self.params, 'args': self.args,
            'command': self.command if self.is_integration else '',
            'context': {'IntegrationInstance': self.instance, 'IntegrationInstanceID': self.instance_id,
                        'IntegrationBrand': self.brand if self.is_integration else '', 'ExecutionContext': self.outputs,
                        'Inv': {'id': self.investigation}, 'Incidents': [self.incident] if self.incident else [],
                        'ParentEntry': self.parent, 'IsDebug': is_debug(self.args), 'DockerImage': self.image,
                        'ScriptName': '' if self.is_integration else self.command,
                        'ExecutedCommands': [{'name': self.command, 'moduleBrand': self.brand, 'moduleName': self.instance}]},
            'native': True, 'is_running_heartbeat': self.heartbeat > 0, 'heartbeat_interval': self.heartbeat,
        }


class Container:
    """One process that runs one command of the integration. Its calls get their replies strictly one after another."""

    def __init__(self, order: Order, site: Site, make_commands: Callable[..., ServerCommands] = ServerCommands) -> None:
        runtime = order.runtime
        self._order = replace(order, script=runtime.instruments.prepare(
            order.script, order.command, [*site.store.secrets, runtime.address.token], runtime.address.url))
        self._printer = site.printer
        self._journal = site.journal
        self._store = site.store
        self._mark = str(uuid.uuid4())
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self.results: list[Any] = []
        self.exception = ''
        self.has_answered = False  # the ping that comes before the script
        self.has_completed = False
        self.broken_by = ''
        self.last_words: deque[str] = deque(maxlen=LAST_WORDS)
        self.commands = make_commands(site, order.instance, order.brand, order.command, order.investigation,
                                      self.is_alive, self.cut_line)
        self.last_beat = time.monotonic()
        self._last_call = -math.inf
        self.has_listened = False
        self.is_ended_on_purpose = False
        self._types: dict[str, Callable[[dict[str, Any]], Any]] = {
            'pong': self._pong,
            'log': self._log,
            'entryLog': self._entry_log,
            'result': self._result,
            'executeCommand': self._execute,
            'exception': self._exception,
            'completed': self._completed,
            **self.commands.message_types,
        }

    # Life.

    def start(self) -> None:
        """Start the process, and the threads that send it the script and read its output."""
        environment = {name: os.environ[name] for name in PASSED_ENVIRONMENT if name in os.environ}
        environment |= {**proxy_variables(os.environ), MARK: self._mark, **self._order.runtime.environment}
        order = self._order
        loop = LOOP if order.is_integration else SCRIPT_LOOP
        self._process = subprocess.Popen(
            [order.runtime.python, '-I', '-u', '-X', 'utf8', str(loop), str(os.getpid()), order.runtime.version,
             order.runtime.host], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=self.commands.folder.path, env=environment, start_new_session=True)
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
        self.commands.folder.keep_files(self.results, self._order.investigation, self._store)
        self.commands.folder.delete()
        return code

    def terminate(self) -> None:
        """Send SIGTERM, as the server does when the instance is disabled."""
        self.is_ended_on_purpose = True
        if self._process and self.is_alive():
            self._process.terminate()

    def stop(self, grace: float) -> int | None:
        """Send SIGTERM, and SIGKILL after `grace` seconds, or later while the container makes calls. Return the exit code."""
        self.terminate()
        code = self.wait(grace)
        waited = grace
        while code is None and waited < LONGEST_GRACE_SECONDS and time.monotonic() - self._last_call < grace:
            code = self.wait(grace)
            waited += grace
        if code is None and self._process:
            self._printer.alarm(f'The container did not end within {waited:g} s of SIGTERM and was killed.')
            self._kill()
            code = self.wait(grace)
        return code

    def _kill(self) -> None:
        assert self._process
        kill_all(self._mark, self._process.pid)

    def listens(self, port: int | None) -> bool:
        """Return whether the container itself, and no other process, listens on the port."""
        # Finding the listener reads all of /proc: once found, it is assumed to stay as long as the container lives.
        if not self._process or not self.is_alive():
            return False
        self.has_listened = self.has_listened or listens(self._mark, self._process.pid, port)
        return self.has_listened

    def warn_of_open_ports(self) -> None:
        """Report what the container opened to the network although it should serve this machine alone."""
        if self._process and self._order.runtime.host:
            for address in open_to_all(self._mark, self._process.pid):
                self.commands.warn(f'The container listens on {address}: everybody on the network can reach it.')

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
        if message and NO_NUMBER.search(raw) and find_unfit(message, ''):
            self._break(NOT_JSON + describe_unfit(message))
            return
        handler = self._types.get(message.get('type', '')) if message else None
        if message is None or handler is None:
            if not self._is_cut_off(raw):
                self._violation(raw)
            return
        reply = self._reply(handler, message)
        if reply is not NO_REPLY:
            self._send_text(reply if isinstance(reply, RawReply) else json.dumps(reply))

    def _reply(self, handler: Callable[[dict[str, Any]], Any], message: dict[str, Any]) -> Any:
        """Return the handler's reply, or an error reply, whatever the handler raises."""
        try:
            reply = handler(message)
        except CallRejected as error:
            return RawReply(f'{ERROR_MARKER}{escape(str(error))}')
        except Exception as error:  # whatever it is, the container waits for a reply
            failure = escape(f'The call {message.get("command") or message["type"]} failed: {error!r}')
            self._journal.violations.append(failure)
            self._printer.alarm(failure)
            return RawReply(f'{ERROR_MARKER}{failure}')
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
            text = raw.decode('utf-8', 'replace').rstrip()
            if text.startswith(NOT_JSON):
                self._break(text)
                continue
            self.last_words.append(text)
            self._printer.show(f'container stderr: {text}')
        stderr.close()

    def _break(self, reason: str) -> None:
        """End the container because of a value that is not JSON: a later call would wait for a reply that cannot come."""
        if not self.broken_by:
            self.broken_by = reason
            self._journal.violations.append(reason)
            self._printer.alarm(reason)
            self._kill()

    def _is_cut_off(self, raw: bytes) -> bool:
        """Return whether this is the start of a line that the container was writing when a signal ended it."""
        if raw.endswith(b'\n') or not self._process:
            return False
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_LINES_SECONDS)
        return (self._process.returncode or 0) < 0

    def _violation(self, raw: bytes) -> None:
        """Report a line on stdout that breaks the protocol, such as the output of a child process."""
        text = raw[:KEPT_TEXT].decode('utf-8', 'replace').rstrip('\n')
        self._journal.violations.append(text)
        self._printer.alarm(f'The container wrote something to stdout that is not a message to the server: {text}')

    # Messages by type.

    def _pong(self, message: dict[str, Any]) -> Any:
        self.has_answered = True
        return NO_REPLY

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
        self._printer.log(self._journal.add_log(level, self._order.script.locate(text)), self._order.instance)

    def _result(self, message: dict[str, Any]) -> Any:
        self._journal.call_counts['results'] += 1
        self.results.extend(map(self._locate, flatten(message['results'])))
        return NO_REPLY

    def _locate(self, entry: Any) -> Any:
        """Return an entry. Tracebacks in an error, which a script adds in debug mode, name the original files."""
        is_error = isinstance(entry, dict) and entry.get('Type') == ERROR_ENTRY and isinstance(entry.get('Contents'), str)
        return {**entry, 'Contents': self._order.script.locate(entry['Contents'])} if is_error else entry

    def _exception(self, message: dict[str, Any]) -> Any:
        if 'command' in message:  # a call of the script, which goes on; the loop's own message has none
            self._log_text('error', str(message['args']))
            return DONE
        self.exception = self._order.script.locate(str(message['args']['exception']))
        self._journal.exceptions.append(self.exception)
        if self._order.command == LONG_RUNNING:  # for any other command the exception is its result, and printed as such
            self._printer.traceback(self.exception)
        return NO_REPLY

    def _completed(self, message: dict[str, Any]) -> Any:
        self.has_completed = True
        return NO_REPLY

    def _execute(self, message: dict[str, Any]) -> Any:
        """Return the reply to a command of the server; note the time of a heartbeat, or of the end of another call."""
        if message.get('command') == 'heartbeat':
            self.last_beat = time.monotonic()
            return self.commands.execute(message)
        self._last_call = math.inf  # as long as the call lasts
        try:
            return self.commands.execute(message)
        finally:
            self._last_call = time.monotonic()


def is_debug(args: Mapping[str, Any]) -> bool:
    """Return whether the arguments of a command turn its debug mode on."""
    return str(args.get(DEBUG_MODE)).lower() == 'true'


def proxy_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables as the server sets them: both spellings, empty without a proxy, as scripts delete them."""
    return {name: environment.get(name, environment.get(name.swapcase(), '')) for name in PROXY_VARIABLES}


def describe_end(code: int | None) -> str:
    """Return a process's exit code, or the name of the signal that ended it."""
    with suppress(ValueError):
        return f'signal {signal.Signals(-code).name}' if code and code < 0 else f'exit code {code}'
    return f'signal {-(code or 0)}'


def flatten(entries: Iterable[Any]) -> Iterator[Any]:
    """Yield the entries of a result, which may be in lists inside its list."""
    for entry in entries:
        yield from flatten(entry) if isinstance(entry, list) else [entry]


def parse_message(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a line of the container, or None if the line has none."""
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None
