"""The program inside the container: a loop that reads scripts from stdin and talks to the server over stdout.

Each line, in both directions, is one JSON object. This file needs only `inside.py` beside it: another interpreter runs it as
`python loop.py PARENT SERVER HOST`. The script, its libraries and its children must write nothing else to stdout.
"""
import __future__

import builtins
import json
import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localxsoar.containers import inside
else:  # a container has no package of this name
    SPEC = spec_from_file_location('inside', Path(__file__).with_name('inside.py'))
    inside = module_from_spec(SPEC)
    SPEC.loader.exec_module(inside)

MARKER, OLD_MARKER = '[ERROR-fd5a7750-7182-4b38-90ba-091824478903]', '$$##'
LOCK_SECONDS = 60
HEARTBEAT_SECONDS = 30
LONG_RUNNING = 'long-running-execution'
CONNECTION_CLOSED = 'Try to write when connection closed'
# Replaces the context whatever its version is.
NO_VERSION = {'version': -1, 'sequenceNumber': -1, 'primaryTerm': -1}
NEWEST = '8'
# By version of the server: the markers of an error in a reply, and the calls that the version does not have yet.
MARKERS = {'6.5': (MARKER, OLD_MARKER), '6.10': (MARKER, OLD_MARKER), '8': (MARKER,)}
CAME_WITH_8 = ('getAssetsLastRun', 'setAssetsLastRun', 'createAlerts', 'fetchResults', 'get_alerts')
CAME_LATER: dict[str, tuple[str, ...]] = {
    '6.5': ('getLastMirrorRun', 'setLastMirrorRun', *CAME_WITH_8), '6.10': CAME_WITH_8, '8': ()}
NO_TERMINAL = ('breakpoint() has no terminal in a container, whose stdin and stdout are the line to the server. Log with '
               'demisto.debug(), or run the local XSOAR with --debugpy 5678 and attach a debugger.')


class Demisto:
    """The object that a script knows as `demisto`, with these methods and those of the tables below."""

    def __init__(self, context: dict[str, Any], markers: tuple[str, ...] = MARKERS[NEWEST]) -> None:
        self.callingContext = context
        self.is_debug = bool((context.get('context') or {}).get('IsDebug'))
        self._args = dict(context.get('args') or {})  # one copy, which a script may change; getArg reads the original
        if self.is_debug:
            self._args.pop('debug-mode', None)
        self._stdout_lock_timeout = LOCK_SECONDS
        self._heartbeat_enabled = False
        self.__markers = markers
        self.__lock: Any = None
        self.__closed = False

    # Methods that do not use the line.

    def params(self) -> Any:
        return self.callingContext.get('params', {})

    def command(self) -> Any:
        return self.callingContext.get('command', '')

    def args(self) -> Any:
        return self._args

    def get(self, obj: Any, field: str, defaultParam: Any = None) -> Any:
        for part in field.split('.'):
            if not obj or part not in obj:
                return defaultParam
            obj = obj[part]
        return obj

    def gets(self, obj: Any, field: str) -> str:
        return str(self.get(obj, field))

    def getArg(self, arg: str, defaultParam: Any = None) -> Any:
        return self.get(self.callingContext, f'args.{arg}', defaultParam)

    def getParam(self, param: str) -> Any:
        return self.get(self.callingContext, f'params.{param}')

    def integrationInstance(self) -> Any:
        return self.callingContext['context']['IntegrationInstance']

    def investigation(self) -> Any:
        return self.callingContext['context']['Inv']

    def parentEntry(self) -> Any:
        return self.callingContext['context']['ParentEntry']

    def context(self) -> Any:
        return self.callingContext['context']['ExecutionContext']

    def get_incidents(self) -> Any:
        return self.callingContext['context']['Incidents']

    def incident(self) -> Any:
        return self.get_incidents()[0]

    get_alerts, alert = get_incidents, incident

    def isFetch(self) -> bool:
        return bool(self.command() == 'fetch-incidents')

    def isTimeSensitive(self) -> bool:
        return False

    def uniqueFile(self) -> str:
        return str(uuid.uuid4())

    def enable_multithreading(self) -> None:
        """Let only one thread use the line at a time from now on. Another waits up to `_stdout_lock_timeout` seconds."""
        if self.__lock is None:
            self.__lock = threading.Lock()

    def long_running_heartbeat_thread(self, enable: bool = True) -> None:
        """Turn the lock on and start a thread that sends heartbeats, or let that thread end at its next heartbeat."""
        is_new = enable and not self._heartbeat_enabled
        self._heartbeat_enabled = enable
        if is_new:
            self.enable_multithreading()
            threading.Thread(target=self.__beat, name='heartbeat', daemon=True).start()

    def __beat(self) -> None:
        """Send heartbeats until they are turned off or the line is closed."""
        with suppress(ValueError):
            for number in count():
                time.sleep(self.callingContext.get('heartbeat_interval', HEARTBEAT_SECONDS))
                if not self._heartbeat_enabled:
                    return
                self.heartbeat(f'heartbeat counter: {number}')

    # Methods that use the line: what sys.stdout and sys.stdin are at the time of the call.

    @contextmanager
    def __guarded(self) -> Iterator[None]:
        """Hold the lock, if there is one. Raise RuntimeError if it is not free in time."""
        lock = self.__lock
        if lock is not None and not lock.acquire(timeout=self._stdout_lock_timeout):
            raise RuntimeError(f'The line to the server was busy for {self._stdout_lock_timeout} seconds.')
        try:
            yield
        finally:
            if lock is not None:
                lock.release()

    def __do(self, message: dict[str, Any]) -> Any:
        """Write one message and return the value of its reply. CommonServerPython may replace this method by name."""
        with self.__guarded():
            self.__write(message)
            text = sys.stdin.readline()
            self.__closed = self.__closed or not text
        return parse_reply(text, self.__markers)

    def __send(self, message: dict[str, Any]) -> None:
        """Write one message that gets no reply."""
        with self.__guarded():
            self.__write(message)

    def __write(self, message: dict[str, Any]) -> None:
        """Write one line. Raise ValueError, also for each later call, once the server has closed the line."""
        if self.__closed:
            raise ValueError(CONNECTION_CLOSED)
        try:
            json.dump(message, sys.stdout)  # in pieces, as the server's loop writes, with the faults that this allows
            sys.stdout.write('\n')
            sys.stdout.flush()
        except OSError:
            raise ValueError(CONNECTION_CLOSED) from None
        except Exception:  # half a line is on stdout: only stderr can still say why
            print(inside.NOT_JSON + inside.describe_unfit(message), file=sys.__stderr__, flush=True)
            raise

    def getIntegrationContext(self) -> Any:
        return self.getIntegrationContextVersioned()['context']  # type: ignore[attr-defined]

    def setIntegrationContext(self, value: Any) -> Any:
        return self.setIntegrationContextVersioned(value, NO_VERSION)  # type: ignore[attr-defined]

    def getFilePath(self, id: Any) -> Any:
        return self.__do({'type': 'getFileByEntryID', 'command': 'getFilePath', 'args': {'id': id}})

    def dt(self, data: Any, q: Any) -> Any:
        return self.__do({'type': 'dt', 'name': q, 'value': data})['result']

    def demistoUrls(self) -> Any:
        return self.__do({'type': 'demistoUrls'})

    def demistoVersion(self) -> Any:
        return self.__do({'type': 'demistoVersion'})

    def getAutoFocusApiKey(self) -> Any:
        return self.getLicenseCustomField('autofocus')  # type: ignore[attr-defined]

    def log(self, msg: str) -> None:
        self.__send({'type': 'entryLog', 'args': {'message': 'Integration log: ' + msg}})

    def heartbeat(self, msg: Any) -> None:
        self.__send({'type': 'executeCommand', 'command': 'heartbeat', 'args': {'message': msg}})

    def results(self, results: Any) -> None:
        entries = as_entry(results)
        self.__send({'type': 'result', 'results': entries if type(entries) is list else [entries]})

    def incidents(self, incidents: Any) -> None:
        self.results({'Type': 1, 'ContentsFormat': 'json', 'Contents': json.dumps(incidents)})

    def fetchResults(self, incidents_or_alerts: Any) -> None:
        self.incidents(incidents_or_alerts)

    def credentials(self, credentials: Any) -> None:
        self.results({'Type': 1, 'ContentsFormat': 'json', 'Contents': json.dumps(credentials)})


Arguments = Callable[..., dict[str, Any]]
NOTHING: Arguments = dict
A_VALUE: Arguments = lambda value: locals()  # noqa: E731
HEALTH_OF_OLD: Arguments = lambda err: locals()  # noqa: E731

# Calls that run a command of the server: method, arguments, command if its name differs, and the key of the reply that the
# method returns, if it does not return the whole reply.
CALLS: tuple[tuple[str, Arguments, str, str], ...] = (
    ('createIncidents', lambda incidents, lastRun=None, userID=None: locals(), '', ''),
    ('createAlerts', lambda alerts, lastRun=None, userID=None: locals(), '', ''),
    ('createIndicators', lambda indicators, lastRun=None, noUpdate=False: locals(), '', ''),
    ('searchIndicators', lambda value=None, query=None, size=None, page=None, sort=None, fromDate=None, toDate=None,
        searchAfter=None, populateFields=None: locals(), '', ''),
    ('searchRelationships', lambda filter=None: locals(), '', ''),
    ('getIntegrationContextVersioned', lambda refresh=False: locals(), 'getIntegrationContext', ''),
    ('setIntegrationContextVersioned', lambda value, version, sync=False: locals(), 'setIntegrationContext', ''),
    ('getLastRun', NOTHING, '', ''),
    ('setLastRun', A_VALUE, '', ''),
    ('getLastMirrorRun', NOTHING, '', ''),
    ('setLastMirrorRun', A_VALUE, '', ''),
    ('getAssetsLastRun', NOTHING, '', ''),
    ('setAssetsLastRun', A_VALUE, '', ''),
    ('updateModuleHealth', lambda err, is_error=False: {'err': err, 'isError': is_error}, '', ''),
    ('findUser', lambda username='', email='': locals(), '', ''),
    ('addEntry', lambda id, entry, username=None, email=None, footer=None: locals(), '', ''),
    ('directMessage', lambda message, username=None, email=None, anyoneCanOpenIncidents=None: locals(), '', 'res'),
    ('mirrorInvestigation', lambda id, mirrorType, autoClose=False: locals(), '', ''),
    ('handleEntitlementForUser', lambda incidentID, guid, email, content, taskID='': locals(), '', ''),
    ('mapObject', lambda sourceObject, mapper, mapperType='':
        {'source': sourceObject, 'mapper': mapper, 'mapperType': mapperType}, '', ''),
    ('internalHttpRequest', lambda method, uri, body=None: locals(), '', ''),
    ('getLicenseID', NOTHING, '', 'id'),
    ('getLicenseCustomField', lambda key: locals(), '', 'value'),
    ('getIndexHash', NOTHING, '', ''),
)


def make_call(name: str, arguments: Arguments, command: str, key: str) -> Callable[..., Any]:
    """Return a method of Demisto for a row of CALLS."""
    def call(self: Any, *args: Any, **options: Any) -> Any:
        reply = self._Demisto__do({'type': 'executeCommand', 'command': command or name, 'args': arguments(*args, **options)})
        return reply[key] if key and reply is not None else reply
    return call


def make_log_call(level: str) -> Callable[..., None]:
    """Return a method of Demisto that logs its arguments."""
    def call(self: Any, *args: Any) -> None:
        self._Demisto__do({'type': 'log', 'command': level, 'args': {'args': list(args)}})
    return call


for row in CALLS:
    setattr(Demisto, row[0], make_call(*row))
for level in ('info', 'debug', 'error'):
    setattr(Demisto, level, make_log_call(level))


def become(server: str) -> None:
    """Remove the methods that this version of the server lacks."""
    for name in CAME_LATER[server]:
        delattr(Demisto, name)
    if server == '6.5':
        setattr(Demisto, 'updateModuleHealth', make_call('updateModuleHealth', HEALTH_OF_OLD, '', ''))  # noqa: B010


def parse_reply(text: str, markers: tuple[str, ...]) -> Any:
    """Return the reply's value.

    Raise ValueError with the text after an error marker anywhere in it, or json's own error if it is not JSON.
    """
    for marker in markers:
        _, found, reason = text.partition(marker)
        if found:
            raise ValueError(reason)  # with the end of the line, as the server's loop raises it
    return json.loads(text)


def as_entry(result: Any) -> Any:
    """Return a result as an entry: an entry unchanged, another dict as JSON, anything else as text; a list as one of entries.

    The types are exact, as in the server's loop: an OrderedDict becomes text.
    """
    if type(result) is list:
        return [as_entry(item) for item in result]
    if type(result) is dict:
        is_entry = 'Contents' in result and 'ContentsFormat' in result
        return result if is_entry else {'Type': 1, 'ContentsFormat': 'json', 'Contents': json.dumps(result)}
    return {'Type': 1, 'ContentsFormat': 'text', 'Contents': result.decode() if type(result) is bytes else str(result)}


def make_print(demisto: Demisto) -> Callable[..., None]:
    """Return the script's `print`, which writes to the War Room's log instead of stdout and accepts no keyword arguments."""
    def demisto_print(*values: Any) -> None:
        demisto.log(' '.join(map(str, values)).strip())
    return demisto_print


def read_while_available() -> str:
    """Return the next line of the server, for what calls the loop's own function."""
    return sys.stdin.readline()


def reject_breakpoint(*_args: Any, **_options: Any) -> None:
    raise RuntimeError(NO_TERMINAL)


def delete_private_names(names: dict[str, Any]) -> None:
    """Delete the names with one leading underscore, as the server's loop does when a script has ended."""
    for name in [name for name in names if name.startswith('_') and not name.startswith('__')]:
        del names[name]


def run_script(context: dict[str, Any], markers: tuple[str, ...]) -> None:
    """Run one script and report how it ended. An error that is not an Exception ends the process.

    One dict is both the script's globals and its locals, as in the server's loop.
    """
    script = context.pop('script')
    demisto = Demisto(context, markers)
    if context.get('command') == LONG_RUNNING and context.get('is_running_heartbeat'):
        demisto.long_running_heartbeat_thread()
    demisto_print = make_print(demisto)
    names: dict[str, Any] = {
        'demisto': demisto, 'Demisto': Demisto, 'print': demisto_print, 'demisto_print': demisto_print, 'json': json,
        'uuid': uuid, 'sys': sys, 'context': context, 'win': False, 'exit': sys.exit, 'quit': sys.exit, 'StringIO': StringIO,
        '__builtin__': builtins, 'print_function': __future__.print_function, 'SERVER_ERROR_MARKER': MARKER,
        '__readWhileAvailable': read_while_available}
    try:
        exec(compile(script, '<string>', 'exec'), names)
    except SystemExit:
        pass
    except Exception:  # the server reports any error of the script
        send(demisto, {'type': 'exception', 'args': {'exception': traceback.format_exc()}})
    finally:
        delete_private_names(names)
    send(demisto, {'type': 'completed'})


def send(demisto: Demisto, message: dict[str, Any]) -> None:
    """Write one message that gets no reply, by the method that scripts do not see."""
    getattr(demisto, '_Demisto__send')(message)  # noqa: B009


def main(server: str = NEWEST, host: str = '') -> None:
    """Run the scripts that arrive over the line until it ends, or until a `native` script has ended."""
    become(server)
    if host:
        inside.bind_only_to(host)
    sys.breakpointhook = reject_breakpoint
    while text := sys.stdin.readline().strip():
        if text == 'ping':
            send(Demisto({}), {'type': 'pong'})
            continue
        context = json.loads(text)
        run_script(context, MARKERS[server])
        if context.get('native'):
            return


def end_with(parent: int) -> None:
    """End this process when its parent has ended: a script may ignore the end of its line."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def run(started_by: str, *arguments: str) -> None:
    """Run `main` as a process that ends with its parent, and quietly once the line is closed."""
    threading.Thread(target=end_with, args=(int(started_by),), daemon=True).start()
    try:
        main(*arguments)
    except ValueError as error:
        if str(error) != CONNECTION_CLOSED:
            raise
        sys.exit(1)


if __name__ == '__main__':
    run(*sys.argv[1:])
