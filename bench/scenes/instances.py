"""More than one instance: what 1, 2 and 3 take behind HAProxy, configured as docs/balancer has it."""
from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bench.load import wrk
from bench.rows import Row
from shared import ROOT
from shared.side import OURS, Side, wait_for_port
from localxsoar.containers.ports import any_free_port
from shared.processes import beside

CONFIGURATION = ROOT / 'docs' / 'balancer' / 'haproxy.cfg'
COUNTED = 'X-GitHub-Delivery'  # by which HAProxy tells the deliveries apart
CONNECTIONS = 96
TURNS = 3
SECONDS = 4
CALL_MS, INCIDENT_MS = 20, 5  # a server that, and not this machine's processor, is what they wait for


@contextmanager
def haproxy(urls: list[str]) -> Iterator[str]:
    """The address of an HAProxy before these instances; without TLS, which is not their work."""
    port = any_free_port()
    text = re.sub(r'bind :443 .*', f'bind 127.0.0.1:{port}', CONFIGURATION.read_text('utf-8'))
    text = re.sub(r'^ *server engine.*\n', '', text, flags=re.MULTILINE)
    servers = ''.join(f'    server {number} {url.split("/")[2]}\n' for number, url in enumerate(urls))
    text = text.replace('\nbackend webhook\n', f'\nbackend webhook\n{servers}')
    with tempfile.NamedTemporaryFile('w', suffix='.cfg') as file:
        file.write(text)
        file.flush()
        with beside(subprocess.Popen(['haproxy', '-db', '-f', file.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
            wait_for_port(port)
            yield f'http://127.0.0.1:{port}/'


def rate(count: int) -> float:
    with ExitStack() as stack:
        sides = [stack.enter_context(Side(OURS, CALL_MS, INCIDENT_MS)) for _ in range(count)]
        for side in sides:
            side.warm_up()
        url = stack.enter_context(haproxy([side.url for side in sides]))
        return wrk(url, CONNECTIONS, SECONDS, counted=COUNTED)['rate']


def instances() -> list[Row]:
    turns = [[rate(count) for count in (1, 2, 3)] for _ in range(TURNS)]
    one, two, three = (statistics.median(column) for column in zip(*turns, strict=True))
    name = f'instances behind HAProxy, {CALL_MS} ms + {INCIDENT_MS} ms'
    return [Row(f'2 {name}', f'{two:,.0f} /s', f'{one:,.0f} /s (one)', f'{two / one:.2f} times', 'at least 1.7 times',
                two / one >= 1.7),
            Row(f'3 {name}', f'{three:,.0f} /s', f'{one:,.0f} /s (one)', f'{three / one:.2f} times', 'reported', True)]
