"""The load: wrk where it is installed for steady streams, a small asyncio client in a process of its own for bursts."""
from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared.side import TOKEN, request_bytes

BODY = json.dumps({'name': 'Disk almost full on db-7', 'type': 'Alert',
                   'raw_json': {'host': 'db-7', 'severity': 3, 'text': 'x' * 400}})
WRK_UNITS = {'us': 1e-3, 'ms': 1, 's': 1e3}


def post_by_wrk(url: str, body: bytes, headers: dict[str, str], connections: int, seconds: float, counted: str = '') -> str:
    """What wrk prints after so many seconds of POSTs, each as soon as the last one of its connection was answered.

    `counted` names a header whose value no two requests share.
    """
    if not shutil.which('wrk'):
        raise SystemExit('bench: wrk is not installed. Debian: apt-get install wrk.')
    with tempfile.TemporaryDirectory() as folder:
        (file := Path(folder) / 'body').write_bytes(body)
        (script := Path(folder) / 'post.lua').write_text('\n'.join([
            'wrk.method = "POST"', f'wrk.body = io.open("{file}", "rb"):read("*a")',
            *(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()),
            f'n = 0 request = function() n = n + 1 wrk.headers["{counted}"] = n return wrk.format() end' if counted else '']))
        return subprocess.run(['wrk', '-t1', f'-c{connections}', f'-d{seconds:.0f}s', '--latency', '-s', str(script), url],
                              capture_output=True, text=True, check=True).stdout


def wrk(url: str, connections: int, seconds: float, token: str = TOKEN, counted: str = '') -> dict[str, float]:
    """Posts as fast as it can be answered: requests a second, and the median in milliseconds."""
    headers = {'Authorization': token, 'Content-Type': 'application/json'}
    text = post_by_wrk(url, BODY.encode(), headers, connections, seconds, counted)
    assert ('Non-2xx' in text) == (token != TOKEN), text
    rate = re.search(r'Requests/sec:\s+([\d.]+)', text)
    median = re.search(r'50%\s+([\d.]+)(us|ms|s)', text)
    assert rate and median, text
    return {'rate': float(rate[1]), 'median_ms': float(median[1]) * WRK_UNITS[median[2]]}


def burst(url: str, count: int, kind: str = 'post', gap_seconds: float = 0, idle: int = 0) -> list[dict[str, Any]]:
    """Sends `count` requests at once (or one each gap) from another process: status and seconds of each."""
    arguments = [url, str(count), kind, str(gap_seconds), str(idle)]
    done = subprocess.run([sys.executable, '-m', 'bench.load', *arguments], capture_output=True, text=True, check=True)
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


# What runs in the other process.


def request_of(kind: str) -> bytes:
    body = {'get': '', 'bad': '{"name": '}.get(kind, BODY)
    return request_bytes(body.encode(), 'Content-Type: application/json', method='GET' if kind == 'get' else 'POST',
                         token='wrong' if kind == 'refusal' else TOKEN)


async def send(url: str, kind: str, began: float) -> dict[str, Any]:
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(request_of(kind))
        status = (await reader.readuntil(b'\r\n\r\n')).split()[1]
        writer.close()
    except (OSError, asyncio.IncompleteReadError):
        return {'status': 0, 'seconds': time.perf_counter() - began}
    return {'status': int(status), 'seconds': time.perf_counter() - began}


async def send_all(url: str, count: int, kind: str, gap_seconds: float, idle: int) -> list[dict[str, Any]]:
    parts = urlsplit(url)
    resting = [await asyncio.open_connection(parts.hostname, parts.port) for _ in range(idle)]
    for _, writer in resting:
        writer.write(request_of('get'))
    for reader, _ in resting:
        await reader.readuntil(b'\r\n\r\n')
    memory = int(Path(f'/proc/{os.environ["BENCH_PID"]}/statm').read_text().split()[1]) if idle else 0  # before some are closed
    tasks = []
    for _ in range(count):
        tasks.append(asyncio.create_task(send(url, kind, time.perf_counter())))
        await asyncio.sleep(gap_seconds)
    answers = await asyncio.gather(*tasks)
    if idle:
        answers.append({'memory': memory})
    return answers


if __name__ == '__main__':
    _url, _count, _kind, _gap, _idle = sys.argv[1:]
    print(json.dumps(asyncio.run(send_all(_url, int(_count), _kind, float(_gap), int(_idle)))))
