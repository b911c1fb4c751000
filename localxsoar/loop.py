"""What runs inside the container: a loop that takes scripts over stdin and talks to the server over stdout.

One JSON object a line, both ways. The file stands alone: it is started as `python -u loop.py` by another interpreter, which
sees nothing else of this package. Anything that the script, its libraries or its child processes write to stdout is a fault.
"""
import _socket
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

ERROR_MARKERS = ('[ERROR-fd5a7750-7182-4b38-90ba-091824478903]', '$$##')
LOCK_SECONDS = 60
CONNECTION_CLOSED = 'Try to write when connection closed'
NO_VERSION = {'version': -1, 'sequenceNumber': -1, 'primaryTerm': -1}
STDOUT_FD = 1


class Line:
    """The one line to the server. Strictly serial; guarded by a lock only after `guard` was called."""

    def __init__(self) -> None:
        self._input = sys.stdin.buffer
        self._reading = threading.Lock()  # two readers may swap lines; Python's own buffer would lose one
        self._lock: Any = None
        self._closed = False

    def guard(self) -> None:
        """From now on one thread at a time uses the line; another waits for it, 60 seconds at most."""
        if self._lock is None:
            self._lock = threading.Lock()

    def read(self) -> str:
        """The next line from the server; empty at its end, after which nothing can be written."""
        with self._reading:
            raw = self._input.readline()
        self._closed = self._closed or not raw
        return raw.decode('utf-8', 'replace')

    def send(self, message: dict[str, Any]) -> None:
        """Writes a message that has no reply."""
        self._guarded(lambda: self._write(message))

    def ask(self, message: dict[str, Any]) -> Any:
        """Writes a message and returns the one line that answers it."""
        def write_and_read() -> Any:
            self._write(message)
            return parse_reply(self.read())
        return self._guarded(write_and_read)

    def _guarded(self, use: Callable[[], Any]) -> Any:
        lock = self._lock
        if lock is None:
            return use()
        if not lock.acquire(timeout=LOCK_SECONDS):
            raise RuntimeError(f'The line to the server was busy for {LOCK_SECONDS} seconds.')
        try:
            return use()
        finally:
            lock.release()

    def _write(self, message: dict[str, Any]) -> None:
        if self._closed:
            raise ValueError(CONNECTION_CLOSED)
        data = json.dumps(message).encode() + b'\n'
        try:
            while data:
                data = data[os.write(STDOUT_FD, data):]
        except OSError:
            self._closed = True
            raise ValueError(CONNECTION_CLOSED) from None


def parse_reply(text: str) -> Any:
    """The reply's value. An error marker anywhere in it raises ValueError with what follows; no JSON raises json's own error."""
    for marker in ERROR_MARKERS:
        _, found, reason = text.partition(marker)
        if found:
            raise ValueError(reason.rstrip('\n'))
    return json.loads(text)


class Demisto:
    """What a script knows as `demisto`: the calls that the local XSOAR offers, and no others."""

    def __init__(self, line: Line, context: dict[str, Any]) -> None:
        self._line = line
        self.callingContext = context
        self.is_debug = bool((context.get('context') or {}).get('IsDebug'))

    def params(self) -> Any:
        return self.callingContext.get('params') or {}

    def command(self) -> Any:
        return self.callingContext.get('command') or ''

    def args(self) -> Any:
        return self.callingContext.get('args') or {}

    def integrationInstance(self) -> Any:
        return self.callingContext['context']['IntegrationInstance']

    def enable_multithreading(self) -> None:
        self._line.guard()

    def createIncidents(self, incidents: Any, lastRun: Any = None, userID: Any = None) -> Any:
        return self._execute('createIncidents', {'incidents': incidents, 'lastRun': lastRun, 'userID': userID})

    def getIntegrationContext(self) -> Any:
        return self._execute('getIntegrationContext', {'refresh': False})['context']

    def setIntegrationContext(self, value: Any) -> Any:
        return self._execute('setIntegrationContext', {'value': value, 'version': NO_VERSION, 'sync': False})

    def updateModuleHealth(self, err: Any, is_error: bool = False) -> Any:
        return self._execute('updateModuleHealth', {'err': err, 'isError': is_error})

    def info(self, *args: Any) -> None:
        self._log('info', args)

    def debug(self, *args: Any) -> None:
        self._log('debug', args)

    def error(self, *args: Any) -> None:
        self._log('error', args)

    def log(self, message: Any) -> None:
        self._line.send({'type': 'entryLog', 'args': {'message': message}})

    def results(self, results: Any) -> None:
        self._line.send({'type': 'result', 'results': results if isinstance(results, list) else [results]})

    def incidents(self, incidents: Any) -> None:
        self.results({'Type': 1, 'ContentsFormat': 'json', 'Contents': json.dumps(incidents or [])})

    def credentials(self, credentials: Any) -> None:
        self.results({'Type': 1, 'ContentsFormat': 'json', 'Contents': json.dumps(credentials or [])})

    def heartbeat(self) -> None:
        self._line.send({'type': 'executeCommand', 'command': 'heartbeat', 'args': {}})

    def _execute(self, command: str, args: dict[str, Any]) -> Any:
        return self._line.ask({'type': 'executeCommand', 'command': command, 'args': args})

    def _log(self, level: str, args: Any) -> None:
        self._line.ask({'type': 'log', 'command': level, 'args': {'args': [plain(arg) for arg in args]}})

    def __getattr__(self, name: str) -> Any:
        if not name.startswith('__'):
            self._line.send({'type': 'undeclared', 'args': {'name': name}})
        raise AttributeError(f'demisto.{name} is not offered by the local XSOAR. See its README for the calls that are.')


class OldDemisto(Demisto):
    """What it was before 6.8."""

    def updateModuleHealth(self, err: Any) -> Any:  # type: ignore[override]
        return self._execute('updateModuleHealth', {'err': err})


def plain(value: Any) -> Any:
    """The value as JSON can hold it: what a log call was given may be anything."""
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def start_heartbeat(demisto: Demisto, seconds: float) -> None:
    """Turns the lock on and reports from a thread of its own that the container lives, until the line is closed."""
    def beat() -> None:
        try:
            while True:
                time.sleep(seconds)
                demisto.heartbeat()
        except (ValueError, RuntimeError):
            pass
    demisto.enable_multithreading()
    threading.Thread(target=beat, name='heartbeat', daemon=True).start()


def make_print(demisto: Demisto) -> Callable[..., None]:
    """The script's `print`: it writes to the War Room's log, never to stdout."""
    def redirected_print(*values: Any, sep: Any = ' ', **_ignored: Any) -> None:
        demisto.log((' ' if sep is None else sep).join(map(str, values)))
    return redirected_print


def delete_private_names(names: dict[str, Any]) -> None:
    """Takes out the names with one leading underscore, as the server's loop does when a script has ended."""
    for name in [name for name in names if name.startswith('_') and not name.startswith('__')]:
        del names[name]


def run_script(line: Line, context: dict[str, Any]) -> None:
    """Runs one script in one dict, and reports how it ended."""
    demisto = (OldDemisto if context.get('server') == '6.5' else Demisto)(line, context)
    if context.get('is_running_heartbeat'):
        start_heartbeat(demisto, float(context.get('heartbeat_interval') or 30))
    names: dict[str, Any] = {'demisto': demisto, 'print': make_print(demisto)}
    try:
        exec(compile(context['script'], '<string>', 'exec'), names)  # noqa: S102 - what a container is for
    except SystemExit:
        pass
    except BaseException:  # noqa: BLE001 - whatever it is, the server is told
        line.send({'type': 'exception', 'args': {'exception': traceback.format_exc()}})
    finally:
        delete_private_names(names)
    line.send({'type': 'completed'})


def bind_only_to(host: str) -> None:
    """From now on what listens on every address of this machine listens on this one. Before anything imports `socket`."""
    class Socket(_socket.socket):
        __slots__ = ()  # `socket.socket` has its own

        def bind(self, address: Any) -> None:
            if self.family in (_socket.AF_INET, _socket.AF_INET6) and address[0] in ('', '0.0.0.0', '::'):
                address = (self.narrowed(), *address[1:])
            super().bind(address)

        def narrowed(self) -> str:
            if self.family == _socket.AF_INET:
                return host
            return '::1' if self.getsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY) else f'::ffff:{host}'
    _socket.socket = Socket  # type: ignore[misc]


def main() -> None:
    """Serves the line until its end, or until a native script has ended."""
    if sys.argv[1:]:
        bind_only_to(sys.argv[1])
    line = Line()
    while text := line.read().strip():
        if text == 'ping':
            line.send({'type': 'pong'})
            continue
        context = json.loads(text)
        run_script(line, context)
        if context.get('native'):
            return


if __name__ == '__main__':
    try:
        main()
    except ValueError as error:
        if str(error) != CONNECTION_CLOSED:
            raise
        sys.exit(1)
