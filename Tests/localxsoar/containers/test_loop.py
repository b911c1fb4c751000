"""The facts of the line, one a test: the loop as a process, the test as its server."""

import json
import os
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from clocks import PATIENCE_SECONDS
from facts import fact

import localxsoar

pytestmark = pytest.mark.sockets

LOOP = Path(localxsoar.__file__).parent / 'containers' / 'loop.py'
MARKER = '[ERROR-fd5a7750-7182-4b38-90ba-091824478903]'
CLOSED = 'Try to write when connection closed'


class Loop:
    """The container's end of the line, started as the server starts it."""

    def __init__(self, server: str = '8', parent: int = 0, native: bool = True) -> None:
        self.native = native
        command = [sys.executable, '-I', '-u', str(LOOP), str(parent or os.getpid()), server]
        self.process: Any = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE)

    def send(self, line: Any) -> None:
        self.process.stdin.write((line if isinstance(line, str) else json.dumps(line)) + '\n')
        self.process.stdin.flush()

    def read(self) -> Any:
        return json.loads(self.process.stdout.readline())

    def read_log(self) -> str:
        """What `demisto.log` said, without the prefix that it gets."""
        return str(self.read()['args']['message']).removeprefix('Integration log: ')

    def run(self, script: str, **context: Any) -> None:
        given = {'IntegrationInstance': 'front', 'IsDebug': False}
        self.send({'script': script, 'command': 'a-command', 'params': {'a': 1}, 'args': {'b': 2}, 'context': given,
                   'native': self.native, **context})

    def ask(self, script: str, reply: str) -> tuple[Any, Any]:
        """Runs a script that makes one call; the call, and what `demisto.log` said of its outcome."""
        self.run(f'try:\n    demisto.log(repr({script}))\n'
                 'except Exception as error:\n    demisto.log(f"{type(error).__name__}: {error}")')
        call = self.read()
        self.send(reply)
        return call, self.read_log()

    def logged(self, script: str, **context: Any) -> str:
        """Runs a script that calls demisto.log once; what it said."""
        self.run(script, **context)
        return self.read_log()

    def close(self) -> int:
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stderr.read()
        return int(self.process.wait(PATIENCE_SECONDS))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(OSError):
                stream.close()


@pytest.fixture(scope='module')
def waiting() -> Iterator[list[Loop]]:
    """The loop that waits for the script of another test, if it is there."""
    kept: list[Loop] = []
    yield kept
    for each in kept:
        each.end()


@pytest.fixture
def shared(waiting: list[Loop], request: pytest.FixtureRequest) -> Iterator[Loop]:
    """A loop that takes the scripts of many tests, one after the other: each is a script of its own to it."""
    failures = request.session.testsfailed
    used = waiting.pop() if waiting else Loop(native=False)
    yield used
    if request.session.testsfailed > failures:
        used.end()
        return
    used.send('ping')
    while used.read() != {'type': 'pong'}:
        pass
    waiting.append(used)


@pytest.fixture
def loop(request: pytest.FixtureRequest) -> Iterator[Loop]:
    started = Loop(getattr(request, 'param', '8'))
    yield started
    started.end()


def test_a_loop_whose_server_was_killed_before_it_looked_ends() -> None:
    with subprocess.Popen(['true']) as ended:
        pass
    with Loop(parent=ended.pid).process as loop:
        assert loop.wait(PATIENCE_SECONDS) == 1


def test_the_loop_exits_at_the_end_of_stdin(loop: Loop) -> None:
    assert loop.close() == 0


CALLS = [
    ('createIncidents([{"name": "a"}])', 'createIncidents', {'incidents': [{'name': 'a'}], 'lastRun': None, 'userID': None}),
    ('createIncidents([], {"x": 1}, "me")', 'createIncidents', {'incidents': [], 'lastRun': {'x': 1}, 'userID': 'me'}),
    ('getIntegrationContext()', 'getIntegrationContext', {'refresh': False}),
    ('setIntegrationContext({"k": "v"})', 'setIntegrationContext',
     {'value': {'k': 'v'}, 'version': {'version': -1, 'sequenceNumber': -1, 'primaryTerm': -1}, 'sync': False}),
    ('updateModuleHealth("bad")', 'updateModuleHealth', {'err': 'bad', 'isError': False}),
    ('updateModuleHealth("bad", is_error=True)', 'updateModuleHealth', {'err': 'bad', 'isError': True}),
    ('getIntegrationContextVersioned()', 'getIntegrationContext', {'refresh': False}),
    ('setIntegrationContextVersioned({"a": "b"}, 3, True)', 'setIntegrationContext',
     {'value': {'a': 'b'}, 'version': 3, 'sync': True}),
    ('getLastRun()', 'getLastRun', {}), ('setLastRun({"time": 1})', 'setLastRun', {'value': {'time': 1}}),
    ('createIndicators([1], noUpdate=True)', 'createIndicators', {'indicators': [1], 'lastRun': None, 'noUpdate': True}),
    ('findUser(email="a@b")', 'findUser', {'username': '', 'email': 'a@b'}),
    ('internalHttpRequest("GET", "/user")', 'internalHttpRequest', {'method': 'GET', 'uri': '/user', 'body': None}),
    ('mirrorInvestigation("7", "all:both")', 'mirrorInvestigation', {'id': '7', 'mirrorType': 'all:both', 'autoClose': False}),
    ('mapObject(sourceObject={"a": 1}, mapper="m")', 'mapObject', {'source': {'a': 1}, 'mapper': 'm', 'mapperType': ''})]


@fact('seen', 'one JSON object per line; the reply to `ping` is `pong`')
@fact('seen', 'a call writes one line and reads exactly one line')
@fact('seen', 'the message of each command, with arguments by name')
@fact('seen', '`mapObject` names its first argument `sourceObject`, and sends it as `source`')
@pytest.mark.parametrize('script, command, args', CALLS)
def test_a_call_is_one_line_out_with_its_arguments_by_name_and_takes_one_line_back(
        shared: Loop, script: str, command: str, args: Any) -> None:
    call, outcome = shared.ask(f'demisto.{script}', '{"context": {"id": "7"}}')
    assert call == {'type': 'executeCommand', 'command': command, 'args': args}
    assert outcome == ("{'id': '7'}" if script == 'getIntegrationContext()' else "{'context': {'id': '7'}}")


@fact('seen', 'a log call waits for its reply')
@pytest.mark.parametrize('level', ['info', 'debug', 'error'])
def test_a_log_call_waits_for_its_reply(shared: Loop, level: str) -> None:
    call, outcome = shared.ask(f'demisto.{level}("said", 1)', 'null')
    assert call == {'type': 'log', 'command': level, 'args': {'args': ['said', 1]}}
    assert outcome == 'None'


def entry(contents: str, kind: str = 'text') -> dict[str, Any]:
    return {'Type': 1, 'ContentsFormat': kind, 'Contents': contents}


def result(*entries: dict[str, Any]) -> dict[str, Any]:
    return {'type': 'result', 'results': list(entries)}


def said(text: str) -> dict[str, Any]:
    return {'type': 'entryLog', 'args': {'message': f'Integration log: {text}'}}


MESSAGES = [
    ('demisto.results("ok")', result(entry('ok'))),
    ('demisto.results(["a", b"b", 3])', result(entry('a'), entry('b'), entry('3'))),
    ('demisto.results({"a": 1})', result(entry('{"a": 1}', 'json'))),
    ('demisto.results({"Contents": "c"})', result(entry('{"Contents": "c"}', 'json'))),
    ('demisto.results({"Type": 3, "Contents": "", "ContentsFormat": "text"})', result({**entry(''), 'Type': 3})),
    ('demisto.incidents([{"name": "a"}])', result(entry('[{"name": "a"}]', 'json'))),
    ('demisto.incidents(None)', result(entry('null', 'json'))), ('demisto.credentials([])', result(entry('[]', 'json'))),
    ('demisto.results(OrderedDict(a=1))', result(entry(str(OrderedDict(a=1))))),
    ('demisto.results(defaultdict(int, Contents="c", ContentsFormat="text"))',
     result(entry("defaultdict(<class 'int'>, {'Contents': 'c', 'ContentsFormat': 'text'})"))),
    ('demisto.results(("a", "b"))', result(entry("('a', 'b')"))),
    ('demisto.results([["a", {"b": 1}], []])', result([entry('a'), entry('{"b": 1}', 'json')], [])),  # type: ignore[arg-type]
    ('demisto_print(" a", 1, " ")', said('a 1')), ('__builtin__.print("no line", file=StringIO())\ndemisto.log("m")', said('m')),
    ('demisto.log("m")', said('m')), ('print("a", 1)', said('a 1')),
    ('demisto.heartbeat("b")', {'type': 'executeCommand', 'command': 'heartbeat', 'args': {'message': 'b'}}),
]


@fact('seen', 'results, incidents, credentials and heartbeats get no reply; results become entries')
@fact('seen', 'results tell types exactly: only a `dict` becomes JSON, an OrderedDict or a tuple becomes text; lists stay '
      'nested')
@fact('seen', '`print` removes white space at both ends')
@pytest.mark.parametrize('script, message', MESSAGES)
def test_a_message_without_a_reply_does_not_wait(shared: Loop, script: str, message: Any) -> None:
    shared.run(f'from collections import OrderedDict, defaultdict\n{script}')
    assert [shared.read(), shared.read()] == [message, {'type': 'completed'}]


CONTEXT = {'IntegrationInstance': 'front', 'IsDebug': True, 'Inv': {'id': 'playground'}, 'ParentEntry': {'id': '1'},
           'ExecutionContext': {'a': 'b'}, 'Incidents': [{'id': '7'}, {'id': '8'}]}
NOTHING = {'context': CONTEXT, 'params': None, 'args': None, 'command': None}
NAMES = ('json', 'uuid', 'sys', 'context', 'win', 'exit', 'quit', 'Demisto', 'StringIO', '__builtin__', 'print_function',
         'demisto_print', 'SERVER_ERROR_MARKER', '__readWhileAvailable')
WITHOUT_A_LINE: list[tuple[str, dict[str, Any], Any]] = [
    *((f'demisto.{name}', {}, value) for name, value in (
        ('params()', {'a': 1}), ('args()', {'b': 2}), ('command()', 'a-command'), ('getArg("b")', 2), ('getParam("a")', 1),
        ('get({"a": {"b": 3}}, "a.b")', 3), ('gets({"a": {"b": 3}}, "a.b")', '3'), ('get({}, "a.b", "none")', 'none'),
        ('isFetch()', False), ('integrationInstance()', 'front'), ('callingContext["command"]', 'a-command'),
        ('is_debug', False))),
    *((f'demisto.{name}', NOTHING, value) for name, value in (
        ('investigation()', {'id': 'playground'}), ('parentEntry()', {'id': '1'}), ('context()', {'a': 'b'}),
        ('get_incidents()', CONTEXT['Incidents']), ('incident()', {'id': '7'}), ('is_debug', True), ('isTimeSensitive()', False),
        ('params()', None), ('args()', {}), ('command()', None), ('getArg("b", 5)', 5), ('get({"a": None}, "a.b")', None),
        ('get({"a": None}, "a")', None))),
    ('demisto.args()', {'context': CONTEXT, 'args': {'debug-mode': 'true', 'b': 2}}, {'b': 2}),
    ('demisto.isFetch()', {'command': 'fetch-incidents'}, True), ('demisto.uniqueFile() != demisto.uniqueFile()', {}, True),
    ('__name__', {}, 'builtins'), ('hasattr(demisto, "nothing")', {}, False),
    ('"script" in context or "script" in demisto.callingContext', {}, False),
    ('demisto._heartbeat_enabled', {'is_running_heartbeat': True}, False),
    (f'[name for name in {NAMES} if name not in globals()]', {}, []),
    ('[demisto.args().update(b=3, c=4), demisto._args is demisto.args(), demisto.getArg("b"), context["args"], demisto.args()]',
     {}, [None, True, 2, {'b': 2}, {'b': 3, 'c': 4}])]


@fact('seen', 'the script is in one dict, `__name__` is `builtins`')
@fact('seen', 'the context that the script sees does not contain the script')
@fact('seen', '`args` is one copy of the arguments, which the script may change; `getArg` reads the original')
@fact('seen', "the names that the server puts into the script's dict")
@pytest.mark.parametrize('script, context, value', WITHOUT_A_LINE)
def test_what_a_script_finds_needs_no_line(shared: Loop, script: str, context: dict[str, Any], value: Any) -> None:
    assert shared.logged(f'demisto.log(repr({script}))', **context) == repr(value)
    assert shared.read() == {'type': 'completed'}


RAISING = [
    ('demisto.incidents()', 'TypeError'), ('print("a", sep="-")', 'TypeError'), ('demisto.log(1)', 'TypeError'),
    ('x = 1\nfrom __future__ import annotations\n', 'SyntaxError'), ('breakpoint()', 'with --debugpy 5678'),
    *((f'demisto.{name}', 'AttributeError') for name in ('executeCommand', 'execute', 'setContext', 'getModules', 'alerts'))]


@fact('seen', '`incidents` of an integration needs its argument')
@fact('seen', '`print` accepts no keyword arguments')
@fact('seen', '`log` accepts text only, and adds a prefix')
@fact('seen', 'an integration lacks `executeCommand`, `setContext` and whatever else only scripts have (one copy raises an '
      'Exception there)')
@pytest.mark.parametrize('script, error', RAISING)
def test_what_a_script_may_not_do_raises(shared: Loop, script: str, error: str) -> None:
    shared.run(script)
    assert error in shared.read()['args']['exception']


@fact('seen', 'the newer server knows only the long marker')
@pytest.mark.parametrize('reply, outcome', [
    ('["costs $$##100"]', "['costs $$##100']"), ('nonsense', 'JSONDecodeError: Expecting value: line 1 column 1 (char 0)')])
def test_a_reply_is_json_or_raises_the_error_of_json(shared: Loop, reply: str, outcome: str) -> None:
    assert shared.ask('demisto.createIncidents([])', reply)[1].strip() == outcome


@fact('seen', 'an error marker anywhere in a reply raises what follows')
@fact('seen', 'the text of an error has the end of its line')
@pytest.mark.parametrize('loop', ['6.5'], indirect=True)
@pytest.mark.parametrize('reply', [f'{MARKER}no disk', f'{{"name": "a {MARKER}no disk', '$$##no disk', '["$$##no disk'])
def test_an_error_marker_anywhere_in_the_reply_raises_what_follows(loop: Loop, reply: str) -> None:
    assert loop.ask('demisto.createIncidents([])', reply)[1] == 'ValueError: no disk\n', 'with the end of its line'


@fact('inferred', 'after the server has disappeared, each call fails with a text of its own')
def test_a_line_that_ended_fails_the_call_and_every_write_after_it(loop: Loop) -> None:
    loop.run('import sys\nfor _ in range(3):\n    try:\n        demisto.info("x")\n    except Exception as error:\n'
             '        sys.stderr.write(f"{type(error).__name__}: {error}\\n")\n')
    loop.read()
    loop.process.stdin.close()
    said = loop.process.stderr.read().splitlines()
    assert said[0].startswith('JSONDecodeError')
    assert said[1:] == [f'ValueError: {CLOSED}'] * 2
    assert loop.process.wait(PATIENCE_SECONDS) == 1


@fact('seen', 'names with one leading underscore are deleted at the end')
def test_names_with_one_leading_underscore_are_deleted_at_the_end(loop: Loop) -> None:
    loop.run('import threading\n_private = __dunder = public = 1\ndef late():\n    demisto.wait.wait()\n'
             '    demisto.log(str(sorted(name for name in ("_private", "__dunder", "public") if name in globals())))\n'
             'demisto.wait = threading.Event()\nthreading.Thread(target=late, name="late").start()\nkept = demisto\n',
             native=False)
    assert loop.read() == {'type': 'completed'}
    loop.run('import gc\nfor item in gc.get_objects():\n    if type(item).__name__ == "Demisto" and "wait" in vars(item):\n'
             '        item.wait.set()\n'
             'import threading\nfor thread in threading.enumerate():\n    if thread.name == "late":\n        thread.join()',
             native=False)
    messages = [loop.read(), loop.read()]
    assert said("['__dunder', 'public']") in messages


def test_an_exception_is_reported_with_its_traceback(shared: Loop) -> None:
    shared.run('def fail():\n    raise KeyError("lost")\nfail()')
    message = shared.read()
    assert message['type'] == 'exception'
    assert 'line 2, in fail' in message['args']['exception'] and "KeyError: 'lost'" in message['args']['exception']
    assert shared.read() == {'type': 'completed'}


def test_system_exit_is_swallowed(loop: Loop) -> None:
    loop.run('import sys\nsys.exit(4)')
    assert loop.read() == {'type': 'completed'}
    assert loop.process.wait(PATIENCE_SECONDS) == 0


def test_without_native_the_loop_takes_the_next_script(loop: Loop) -> None:
    loop.run('demisto.log("one")', native=False)
    loop.run('demisto.log("two")')
    assert [loop.read() for _ in range(4)][2] == said('two')
    assert loop.process.wait(PATIENCE_SECONDS) == 0


TYPES = [
    ('demistoUrls()', {'type': 'demistoUrls'}, '{"server": "u"}', "{'server': 'u'}"),
    ('demistoVersion()', {'type': 'demistoVersion'}, '{"version": "8"}', "{'version': '8'}"),
    ('dt({"a": 1}, "a")', {'type': 'dt', 'name': 'a', 'value': {'a': 1}}, '{"result": 1}', '1'),
    ('getFilePath("1@2")', {'type': 'getFileByEntryID', 'command': 'getFilePath', 'args': {'id': '1@2'}}, '{"path": "p"}',
     "{'path': 'p'}"),
    ('getLicenseID()', {'type': 'executeCommand', 'command': 'getLicenseID', 'args': {}}, '{"id": "i"}', "'i'"),
    ('getLicenseCustomField("k")', {'type': 'executeCommand', 'command': 'getLicenseCustomField', 'args': {'key': 'k'}}, 'null',
     'None'),
]


@fact('seen', 'own message types for URLs, version, files and DT')
@pytest.mark.parametrize('script, message, reply, value', TYPES)
def test_other_calls_have_their_own_types_and_replies(shared: Loop, script: str, message: Any, reply: str, value: str) -> None:
    assert shared.ask(f'demisto.{script}', reply) == (message, value)


@fact('seen', 'an integration has the calls of mirroring, `getLastMirrorRun` and `setLastMirrorRun`, from 6.10 on')
@fact('inferred', 'which calls came later than 6.5 and 6.10')
@pytest.mark.parametrize('loop, lacks', [
    ('6.5', ['getAssetsLastRun', 'fetchResults', 'getLastMirrorRun']), ('6.10', ['getAssetsLastRun', 'fetchResults']), ('8', [])],
    indirect=['loop'])
def test_an_older_server_lacks_what_came_later(loop: Loop, lacks: list[str]) -> None:
    names = '("getAssetsLastRun", "fetchResults", "getLastMirrorRun", "getLastRun")'
    assert loop.logged(f'demisto.log(str([name for name in {names} if not hasattr(demisto, name)]))') == str(lacks)


@fact('inferred', '`updateModuleHealth` takes one argument before 6.8')
@pytest.mark.parametrize('loop', ['6.5'], indirect=True)
def test_the_oldest_server_takes_one_argument_of_health(loop: Loop) -> None:
    call, outcome = loop.ask('[demisto.updateModuleHealth("bad"), demisto.updateModuleHealth("bad", True)]', 'null')
    assert call['args'] == {'err': 'bad'} and outcome.startswith('TypeError')


# As strict, and as lax, as the server's loop.


@fact('seen', 'log arguments are written as JSON without conversion')
def test_a_log_argument_that_is_not_json_raises_and_leaves_half_a_line(loop: Loop) -> None:
    loop.run('try:\n    demisto.info(ValueError("x"))\nexcept TypeError:\n    demisto.log("next")')
    spoiled = loop.process.stdout.readline()
    assert spoiled.startswith('{"type": "log"') and spoiled.endswith('"Integration log: next"}}\n')


@fact('seen', 'a call waits for the line for `_stdout_lock_timeout` seconds')
def test_a_call_waits_for_the_line_as_long_as_its_attribute_says(loop: Loop) -> None:
    loop.run('demisto.enable_multithreading()\nlock = demisto._Demisto__lock\nlock.acquire()\n'
             'demisto._stdout_lock_timeout = 0.01\ntry:\n    demisto.info("a")\n'
             'except RuntimeError as error:\n    lock.release()\n    demisto.log(str(error))')
    assert 'busy for 0.01 seconds' in loop.read_log()


@fact('seen', 'the line is whatever `sys.stdout` and `sys.stdin` are at the moment of the call')
def test_a_call_under_a_redirected_stdout_never_reaches_the_server(shared: Loop) -> None:
    shared.run('import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()):\n    demisto.results("lost")\n'
               'demisto.log("seen")')
    assert shared.read() == said('seen')


@fact('seen', 'all calls go through one private method')
def test_common_server_python_may_put_a_function_of_its_own_in_the_place_of_do(shared: Loop) -> None:
    shared.run('before = demisto._Demisto__do\nseen = []\ndef locked(cmd):\n'
               '    seen.append(cmd["type"])\n    return before(cmd)\n'
               'demisto._Demisto__do = locked\ndemisto.info("a")\ndemisto.getLastRun()\ndemisto.log(str(seen))')
    for reply in ('null', '{}'):
        shared.read()
        shared.send(reply)
    assert shared.read_log() == "['log', 'executeCommand']"


@fact('seen', '`SystemExit` is swallowed, an Exception is reported, anything else ends the process')
def test_a_keyboard_interrupt_ends_the_process(loop: Loop) -> None:
    loop.run('raise KeyboardInterrupt', native=False)
    assert loop.process.stdout.read() == ''
    assert loop.process.wait(PATIENCE_SECONDS) != 0


TWO_THREADS = """
import os, threading, time
answers = {}
def ask(name):
    while name == 'b' and GATE and not os.path.exists(GATE):
        time.sleep(0.01)
    answers[name] = demisto.createIncidents([name])
    sys.stderr.write('answered\\n')
    sys.stderr.flush()
threads = [threading.Thread(target=ask, args=[name]) for name in ('a', 'b')]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
demisto.log(str(answers))
"""


@fact('seen', "with multithreading a second call waits for the first one's reply")
def test_with_multithreading_a_second_call_waits_for_the_first_ones_reply(loop: Loop) -> None:
    loop.run('demisto.enable_multithreading()\nGATE = None\n' + TWO_THREADS)
    for _ in range(2):
        call = loop.read()
        loop.send(call['args']['incidents'])
    assert eval(loop.read_log()) == {'a': ['a'], 'b': ['b']}


@fact('seen', 'a call is written in pieces, which takes 2 to 6 ms for 100 incidents of 0.9 KB; two threads without the lock '
      'mix their lines')
@fact('seen', 'without it both calls are on the line, and replies may be swapped')
def test_without_multithreading_both_calls_are_on_the_line_before_a_reply(loop: Loop, tmp_path: Path) -> None:
    gate = tmp_path / 'gate'  # opened once the first call is there whole: two that write at once spoil both lines
    loop.run(f'GATE = {str(gate)!r}\n' + TWO_THREADS)
    first = loop.read()['args']['incidents']
    gate.touch()
    calls = [first, loop.read()['args']['incidents']]
    for call in reversed(calls):
        loop.send(call)
        loop.process.stderr.readline()  # two replies in one piece would both go to the thread that reads first
    assert calls == [['a'], ['b']]
    assert loop.read()['type'] == 'entryLog'


@fact('seen', "the heartbeat's thread turns the lock on")
def test_the_heartbeat_turns_the_lock_on_and_beats_beside_the_script(loop: Loop) -> None:
    loop.run('import threading\ndemisto.log(str([t.name for t in threading.enumerate()]) * bool(demisto._Demisto__lock))\n'
             'threading.Event().wait(20)\n', command='long-running-execution', is_running_heartbeat=True, heartbeat_interval=0.01)
    messages = [loop.read() for _ in range(4)]
    assert sum(message.get('command') == 'heartbeat' for message in messages) == 3
    assert 'heartbeat' in next(m['args']['message'] for m in messages if m['type'] == 'entryLog')


@fact('seen', 'only the long-running command gets a heartbeat; `long_running_heartbeat_thread` turns it on and off')
def test_a_script_may_turn_the_heartbeat_on_and_off(loop: Loop) -> None:
    loop.run('import threading\ndemisto.long_running_heartbeat_thread()\nwhile demisto._heartbeat_enabled:\n'
             '    if input_line := sys.stdin.readline():\n        demisto.long_running_heartbeat_thread(enable=False)\n'
             'next(t for t in threading.enumerate() if t.name == "heartbeat").join()', heartbeat_interval=0.01)
    beats = [loop.read(), loop.read()]
    assert [beat['args']['message'] for beat in beats] == ['heartbeat counter: 0', 'heartbeat counter: 1']
    loop.send('stop')
    assert '{"type": "completed"}' in loop.process.stdout.read().splitlines()[-1]


def test_a_large_line_comes_whole(shared: Loop) -> None:
    call, outcome = shared.ask('len(demisto.createIncidents([{"rawJSON": "x" * 5_000_000}]))', json.dumps(['y' * 5_000_000]))
    assert len(call['args']['incidents'][0]['rawJSON']) == 5_000_000
    assert outcome == '1'
