"""The facts of the line, one a test: the loop as a process, the test as its server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import localxsoar

LOOP = Path(localxsoar.__file__).with_name('loop.py')
MARKER = '[ERROR-fd5a7750-7182-4b38-90ba-091824478903]'
CLOSED = 'Try to write when connection closed'


class Loop:
    """The container's end of the line, started as the server starts it."""

    def __init__(self) -> None:
        self.process: Any = subprocess.Popen(
            [sys.executable, '-I', '-u', str(LOOP)],
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def send(self, line: Any) -> None:
        self.process.stdin.write((line if isinstance(line, str) else json.dumps(line)) + '\n')
        self.process.stdin.flush()

    def read(self) -> Any:
        return json.loads(self.process.stdout.readline())

    def run(self, script: str, **context: Any) -> None:
        given = {'IntegrationInstance': 'front', 'IsDebug': False}
        self.send(
            {
                'script': script,
                'command': 'a-command',
                'params': {'a': 1},
                'args': {'b': 2},
                'context': given,
                'native': True,
                **context,
            }
        )

    def ask(self, script: str, reply: str) -> tuple[Any, Any]:
        """Runs a script that makes one call; the call, and what `demisto.log` said of its outcome."""
        self.run(
            f'try:\n    demisto.log(repr({script}))\n'
            'except Exception as error:\n    demisto.log(f"{type(error).__name__}: {error}")'
        )
        call = self.read()
        self.send(reply)
        return call, self.read()['args']['message']

    def logged(self, script: str, **context: Any) -> str:
        """Runs a script that calls demisto.log once; what it said."""
        self.run(script, **context)
        return str(self.read()['args']['message'])

    def close(self) -> int:
        self.process.stdin.close()
        self.process.stdout.read()
        self.process.stderr.read()
        return int(self.process.wait(10))


@pytest.fixture
def loop() -> Iterator[Loop]:
    started = Loop()
    yield started
    started.process.kill()
    started.process.wait()
    for stream in (started.process.stdin, started.process.stdout, started.process.stderr):
        with suppress(OSError):
            stream.close()


def test_a_ping_is_answered_by_a_pong(loop: Loop) -> None:
    loop.send('ping')
    assert loop.read() == {'type': 'pong'}


def test_the_loop_exits_at_the_end_of_stdin(loop: Loop) -> None:
    assert loop.close() == 0


CALLS = [
    (
        'demisto.createIncidents([{"name": "a"}])',
        'createIncidents',
        {'incidents': [{'name': 'a'}], 'lastRun': None, 'userID': None},
    ),
    ('demisto.createIncidents([], {"x": 1}, "me")', 'createIncidents', {'incidents': [], 'lastRun': {'x': 1}, 'userID': 'me'}),
    ('demisto.getIntegrationContext()', 'getIntegrationContext', {'refresh': False}),
    (
        'demisto.setIntegrationContext({"k": "v"})',
        'setIntegrationContext',
        {'value': {'k': 'v'}, 'version': {'version': -1, 'sequenceNumber': -1, 'primaryTerm': -1}, 'sync': False},
    ),
    ('demisto.updateModuleHealth("bad")', 'updateModuleHealth', {'err': 'bad', 'isError': False}),
    ('demisto.updateModuleHealth("bad", is_error=True)', 'updateModuleHealth', {'err': 'bad', 'isError': True}),
]


@pytest.mark.parametrize('script, command, args', CALLS)
def test_a_call_is_one_line_out_and_takes_one_line_back(loop: Loop, script: str, command: str, args: Any) -> None:
    call, outcome = loop.ask(script, '{"context": {"id": "7"}}')
    assert call == {'type': 'executeCommand', 'command': command, 'args': args}
    assert outcome == ("{'id': '7'}" if command == 'getIntegrationContext' else "{'context': {'id': '7'}}")


@pytest.mark.parametrize('level', ['info', 'debug', 'error'])
def test_a_log_call_waits_for_its_reply(loop: Loop, level: str) -> None:
    call, outcome = loop.ask(f'demisto.{level}("said", 1)', 'null')
    assert call == {'type': 'log', 'command': level, 'args': {'args': ['said', 1]}}
    assert outcome == 'None'


MESSAGES = [
    ('demisto.results("ok")', {'type': 'result', 'results': ['ok']}),
    ('demisto.results(["a", "b"])', {'type': 'result', 'results': ['a', 'b']}),
    (
        'demisto.incidents([{"name": "a"}])',
        {'type': 'result', 'results': [{'Type': 1, 'ContentsFormat': 'json', 'Contents': '[{"name": "a"}]'}]},
    ),
    ('demisto.credentials([])', {'type': 'result', 'results': [{'Type': 1, 'ContentsFormat': 'json', 'Contents': '[]'}]}),
    ('demisto.log("m")', {'type': 'entryLog', 'args': {'message': 'm'}}),
    ('print("a", 1, sep="-")', {'type': 'entryLog', 'args': {'message': 'a-1'}}),
    ('demisto.heartbeat()', {'type': 'executeCommand', 'command': 'heartbeat', 'args': {}}),
]


@pytest.mark.parametrize('script, message', MESSAGES)
def test_a_message_without_a_reply_does_not_wait(loop: Loop, script: str, message: Any) -> None:
    loop.run(script)
    assert [loop.read(), loop.read()] == [message, {'type': 'completed'}]


FROM_THE_CONTEXT = [
    ('params()', "{'a': 1}"),
    ('args()', "{'b': 2}"),
    ('command()', "'a-command'"),
    ('integrationInstance()', "'front'"),
    ('callingContext["command"]', "'a-command'"),
    ('is_debug', 'False'),
]


@pytest.mark.parametrize('name, value', FROM_THE_CONTEXT)
def test_what_the_context_tells_needs_no_line(loop: Loop, name: str, value: str) -> None:
    assert loop.logged(f'demisto.log(repr(demisto.{name}))') == value


@pytest.mark.parametrize('reply', [f'{MARKER}no disk', f'{{"name": "a {MARKER}no disk', '$$##no disk', '["$$##no disk'])
def test_an_error_marker_anywhere_in_the_reply_raises_what_follows(loop: Loop, reply: str) -> None:
    assert loop.ask('demisto.createIncidents([])', reply)[1] == 'ValueError: no disk'


def test_a_reply_that_is_no_json_raises_the_error_of_json(loop: Loop) -> None:
    assert loop.ask('demisto.createIncidents([])', 'nonsense')[1].startswith('JSONDecodeError: Expecting value')


def test_a_line_that_ended_fails_the_call_and_every_write_after_it(loop: Loop) -> None:
    loop.run(
        'import sys\nfor _ in range(3):\n    try:\n        demisto.info("x")\n    except Exception as error:\n'
        '        sys.stderr.write(f"{type(error).__name__}: {error}\\n")\n'
    )
    loop.read()
    loop.process.stdin.close()
    said = loop.process.stderr.read().splitlines()
    assert said[0].startswith('JSONDecodeError')
    assert said[1:] == [f'ValueError: {CLOSED}'] * 2
    assert loop.process.wait(10) == 1


def test_the_script_is_in_one_dict_whose_name_is_builtins(loop: Loop) -> None:
    assert loop.logged('demisto.log(__name__)') == 'builtins'


def test_a_dataclass_works(loop: Loop) -> None:
    assert loop.logged('from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\ndemisto.log(repr(A(1)))') == 'A(x=1)'


def test_a_future_import_below_the_common_text_is_a_syntax_error(loop: Loop) -> None:
    loop.run('x = 1\nfrom __future__ import annotations\n')
    assert 'SyntaxError' in loop.read()['args']['exception']


def test_names_with_one_leading_underscore_are_deleted_at_the_end(loop: Loop) -> None:
    script = (
        'import threading\n_private = __dunder = public = 1\ndef late():\n    demisto.wait.wait()\n'
        '    demisto.log(sorted(name for name in ("_private", "__dunder", "public") if name in globals()))\n'
        'demisto.wait = threading.Event()\nthreading.Thread(target=late).start()\nkept = demisto\n'
    )
    loop.run(script, native=False)
    assert loop.read() == {'type': 'completed'}
    loop.run(
        'import gc\nfor item in gc.get_objects():\n    if type(item).__name__ == "Demisto" and "wait" in vars(item):\n'
        '        item.wait.set()',
        native=False,
    )
    messages = [loop.read(), loop.read()]
    assert {'type': 'entryLog', 'args': {'message': ['__dunder', 'public']}} in messages


def test_an_exception_is_reported_with_its_traceback(loop: Loop) -> None:
    loop.run('def fail():\n    raise KeyError("lost")\nfail()')
    message = loop.read()
    assert message['type'] == 'exception'
    assert 'line 2, in fail' in message['args']['exception'] and "KeyError: 'lost'" in message['args']['exception']
    assert loop.read() == {'type': 'completed'}


def test_system_exit_is_swallowed(loop: Loop) -> None:
    loop.run('import sys\nsys.exit(4)')
    assert loop.read() == {'type': 'completed'}
    assert loop.process.wait(10) == 0


def test_without_native_the_loop_takes_the_next_script(loop: Loop) -> None:
    loop.run('demisto.log("one")', native=False)
    loop.run('demisto.log("two")')
    assert [loop.read() for _ in range(4)][2] == {'type': 'entryLog', 'args': {'message': 'two'}}
    assert loop.process.wait(10) == 0


def test_an_undeclared_call_fails_on_both_ends(loop: Loop) -> None:
    loop.run('demisto.getFilePath("1@2")')
    assert loop.read() == {'type': 'undeclared', 'args': {'name': 'getFilePath'}}
    assert 'AttributeError: demisto.getFilePath is not offered by the local XSOAR' in loop.read()['args']['exception']


TWO_THREADS = """
import threading
answers = {}
def ask(name):
    answers[name] = demisto.createIncidents([name])
threads = [threading.Thread(target=ask, args=[name]) for name in ('a', 'b')]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
demisto.log(answers)
"""


def test_with_multithreading_a_second_call_waits_for_the_first_ones_reply(loop: Loop) -> None:
    loop.run('demisto.enable_multithreading()\n' + TWO_THREADS)
    for _ in range(2):
        call = loop.read()
        loop.send(call['args']['incidents'])
    assert loop.read()['args']['message'] == {'a': ['a'], 'b': ['b']}


def test_without_multithreading_both_calls_are_on_the_line_before_a_reply(loop: Loop) -> None:
    loop.run(TWO_THREADS)
    calls = [loop.read()['args']['incidents'] for _ in range(2)]
    for call in reversed(calls):
        loop.send(call)
    assert sorted(calls) == [['a'], ['b']]
    assert loop.read()['type'] == 'entryLog'


def test_the_heartbeat_turns_the_lock_on_and_beats_beside_the_script(loop: Loop) -> None:
    loop.run(
        'import threading\ndemisto.log([t.name for t in threading.enumerate()])\nthreading.Event().wait(20)\n',
        is_running_heartbeat=True,
        heartbeat_interval=0.01,
    )
    messages = [loop.read() for _ in range(4)]
    assert messages.count({'type': 'executeCommand', 'command': 'heartbeat', 'args': {}}) == 3
    assert 'heartbeat' in next(m['args']['message'] for m in messages if m['type'] == 'entryLog')


def test_a_large_line_comes_whole(loop: Loop) -> None:
    call, outcome = loop.ask('len(demisto.createIncidents([{"rawJSON": "x" * 5_000_000}]))', json.dumps(['y' * 5_000_000]))
    assert len(call['args']['incidents'][0]['rawJSON']) == 5_000_000
    assert outcome == '1'
