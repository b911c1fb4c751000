"""A debugger on a container, as an editor attaches one: the adapter protocol of debugpy over a socket."""

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_xsoar import LocalXsoar

import localxsoar
from localxsoar.containers.instruments import Instruments
from localxsoar.packs.pack import Unified

pytestmark = pytest.mark.sockets

PACKS = Path(__file__).parents[1] / 'sample_packs'
README = Path(localxsoar.__file__).with_name('README.md').read_text()


class Editor:
    """An editor's end of the connection to a debugger."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(('127.0.0.1', port))
        self._stream = self._socket.makefile('rwb')
        self._number = 0

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def ask(self, command: str, **arguments: Any) -> None:
        self._number += 1
        body = json.dumps({'seq': self._number, 'type': 'request', 'command': command, 'arguments': arguments}).encode()
        self._stream.write(b'Content-Length: %d\r\n\r\n%s' % (len(body), body))
        self._stream.flush()

    def wait_for(self, kind: str, name: str) -> dict[str, Any]:
        """Return the body of the next `event` or `response` of this name."""
        while True:
            length = 0
            while (line := self._stream.readline().strip()) or not length:
                length = int(line.partition(b':')[2]) if line.lower().startswith(b'content-length') else length
            message = json.loads(self._stream.read(length))
            if message['type'] == kind and message.get('event' if kind == 'event' else 'command') == name:
                assert message.get('success', True), message
                body: dict[str, Any] = message.get('body') or {}
                return body

    def attach(self, breakpoints: dict[Path, int]) -> None:
        """Attach, set the breakpoints and let the program run, in the protocol's order."""
        self.ask('initialize', adapterID='test')
        self.wait_for('response', 'initialize')
        self.ask('attach', justMyCode=True)
        self.wait_for('event', 'initialized')
        for file, number in breakpoints.items():
            self.ask('setBreakpoints', source={'path': str(file)}, breakpoints=[{'line': number}])
            assert [found['verified'] for found in self.wait_for('response', 'setBreakpoints')['breakpoints']] == [True]
        self.ask('configurationDone')

    def look(self, expression: str) -> tuple[str, int, str]:
        """Return the file and line where the program has stopped, and the value of an expression there."""
        thread = self.wait_for('event', 'stopped')['threadId']
        self.ask('stackTrace', threadId=thread, levels=1)
        [frame] = self.wait_for('response', 'stackTrace')['stackFrames']
        self.ask('evaluate', expression=expression, frameId=frame['id'])
        value = self.wait_for('response', 'evaluate')['result']
        self.ask('continue', threadId=thread)
        return frame['source']['path'], frame['line'], value


def line_of(file: Path, text: str) -> int:
    return 1 + next(number for number, line in enumerate(file.read_text().splitlines()) if text in line)


@pytest.fixture
def port() -> Iterator[int]:
    """A port that nobody else is given meanwhile: it is bound, and a debugger may listen on it nevertheless."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(('127.0.0.1', 0))
        yield kept.getsockname()[1]


def test_a_breakpoint_stops_a_gevent_server_in_a_request(port: int) -> None:
    file = PACKS / 'GeventHttp/Integrations/GeventHttp/GeventHttp.py'
    with LocalXsoar('--debugpy', str(port), pack=PACKS / 'GeventHttp', wait_ready=False) as xsoar:
        xsoar.wait_for_line(f'A debugger can attach to 127.0.0.1:{port}')
        editor = Editor(port)
        editor.attach({file: (number := line_of(file, 'created = demisto'))})
        xsoar.wait_for_line('Ready$')
        sender = subprocess.Popen(['curl', '-sS', xsoar.webhook_url, '-d', 'hello'], stdout=subprocess.PIPE, text=True)
        assert editor.look('body') == (str(file), number, "'hello'")
        said, _ = sender.communicate()
        editor.close()
    assert json.loads(said)[0]['name'] == 'by gevent'


def test_the_launch_configuration_of_the_readme_names_the_port_of_its_command() -> None:
    configuration = json.loads(re.findall(r'`(\{"name": "localxsoar".*\})`', README)[0])
    assert (configuration['type'], configuration['request']) == ('debugpy', 'attach')
    assert configuration['connect'] == {'host': '127.0.0.1', 'port': 5678}
    assert re.search(r'^    localxsoar Hello .* --debugpy 5678$', README, re.MULTILINE)


def test_a_debuggable_script_has_each_file_in_its_own_lines() -> None:
    unified = Unified('a = 1\n\nb = 2\nraise KeyError()\n', ((1, '/x/A.py'), (3, '/x/B.py')))
    script = Instruments(5678).prepare(unified, 'a', [], '')
    assert re.findall(r"'(/x/\w.py)', '(.*?)'\)", script.text) == [
        ('/x/A.py', r'a = 1\n'), ('/x/B.py', r'b = 2\nraise KeyError()\n')]
