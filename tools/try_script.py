"""Serve two requests by the pack's script itself, where this runs: on the musl of the image, from a checkout that it sees.

    docker run --rm -v "$PWD:/repo:ro" IMAGE python /repo/tools/try_script.py

The script runs in the loop of localxsoar, over its line. XSOAR's first reply is nested so deeply that reading it takes the whole
stack of the native thread that makes the calls, which is small on musl: it has to be an error, and not the end of the process.
"""
from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / 'Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.py'
# What a server puts before a script, which here imports it by name.
BEFORE = f'''import types
sys.path.insert(0, {str(ROOT)!r})
sys.dont_write_bytecode = True
sys.modules['demistomock'] = demisto
import localxsoar.common.CommonServerPython as common
sys.modules['CommonServerPython'] = common
sys.modules['CommonServerUserPython'] = types.ModuleType('CommonServerUserPython')
'''
DEPTH = 200_000
REPLIES = [f'[{{"id": "1", "nested": {"[" * DEPTH}{"]" * DEPTH}}}]', '[{"id": "2"}]']  # to createIncidents
EXPECTED = [HTTPStatus.BAD_GATEWAY, HTTPStatus.OK]
LONGEST_SECONDS = 120


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as found:
        return int(found.getsockname()[1])


def serve(container: subprocess.Popen[str], on_listening: Callable[[], None]) -> None:
    """Reply to the container's calls until its line ends; call `on_listening` once the script says in its log that it listens."""
    assert container.stdin and container.stdout
    replies = iter(REPLIES)
    for text in container.stdout:
        message: dict[str, Any] = json.loads(text)
        if message['type'] == 'exception':
            print(message['args']['exception'], file=sys.stderr)
        if message['type'] not in ('executeCommand', 'log'):
            continue
        is_create, is_context = (message['command'] == name for name in ('createIncidents', 'getIntegrationContextVersioned'))
        container.stdin.write((next(replies) if is_create else '{"context": {}}' if is_context else 'null') + '\n')
        container.stdin.flush()
        if 'Listening on port' in text:
            on_listening()


def post(port: int) -> int:
    """Post an event, and return the status of the response."""
    try:
        with urlopen(Request(f'http://127.0.0.1:{port}/', b'{"title": "Disk full"}'), timeout=LONGEST_SECONDS) as response:
            return int(response.status)
    except HTTPError as error:
        return error.code


def main() -> None:
    """Exit with an error unless both requests get the response that is expected; print the memory of the container then."""
    port, is_listening = free_port(), threading.Event()
    loop = ROOT / 'localxsoar/containers/loop.py'
    container = subprocess.Popen([sys.executable, '-I', '-u', '-X', 'utf8', loop, str(os.getpid()), '8', '127.0.0.1'], text=True,
                                 encoding='utf-8', stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert container.stdin
    order = {'script': BEFORE + SCRIPT.read_text('utf-8'), 'command': 'long-running-execution', 'args': {}, 'native': True,
             'params': {'longRunning': True, 'longRunningPort': str(port)}, 'context': {}}
    container.stdin.write(json.dumps(order) + '\n')
    container.stdin.flush()
    threading.Thread(target=serve, args=(container, is_listening.set), daemon=True).start()
    try:
        if not is_listening.wait(LONGEST_SECONDS):
            sys.exit(f'The script does not listen. Its exit code: {container.poll()}')
        found = [post(port) for _ in REPLIES]
        status = Path(f'/proc/{container.pid}/status').read_text('ascii')
    finally:
        container.kill()
    if found != EXPECTED:
        sys.exit(f'The responses are {found}, not {[*map(int, EXPECTED)]}.')
    [memory] = re.findall(r'VmRSS:\s+(\d+) kB', status)
    print(f'The script serves, also after a reply nested {DEPTH:,} deep; at rest it takes {int(memory) // 1024} MiB.')


if __name__ == '__main__':
    main()
