"""CPU time that the process needs for a request of each usual shape: its own accounting, which other work does not blur."""
from __future__ import annotations

import hmac
import json
import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from bench.load import post_by_wrk
from bench.rows import Row
from bench.others import BARE_LINE, BASELINE, Bare
from shared.side import OURS, TOKEN, Side

TURNS = 3
WARM_UP_SECONDS, SECONDS = 1, 2


class Shape(NamedTuple):
    """A request of a kind. No goal: bare bottle proves nothing, reads no event and remembers nothing, and that is most work."""

    name: str
    body: bytes
    headers: dict[str, str] = {'Authorization': TOKEN}  # noqa: RUF012  # nobody changes it
    status: int = 200
    is_for_all: bool = True  # whether the baseline takes it, too
    connections: int = 32


def text_of(value: Any) -> bytes:
    return json.dumps(value).encode()


def signed(body: bytes) -> dict[str, str]:
    digest = hmac.digest(TOKEN.encode(), body, 'sha256').hex()
    return {'X-Hub-Signature-256': f'sha256={digest}', 'X-GitHub-Event': 'push'}


def commit(number: int) -> dict[str, Any]:
    return {'id': f'{number:040x}', 'message': f'Mend what was noticed in review, part {number}', 'distinct': True,
            'author': {'name': 'Octo Cat', 'email': 'octo@example.com'}, 'added': [], 'modified': [f'src/part_{number}.py']}


def alert(number: int) -> dict[str, Any]:
    return {'status': 'firing', 'labels': {'alertname': 'HostOutOfDisk', 'instance': f'db-{number}:9100', 'severity': 'critical'},
            'annotations': {'summary': f'Disk of db-{number} is almost full'}, 'startsAt': '2026-11-24T10:00:00.000Z',
            'endsAt': '0001-01-01T00:00:00Z', 'generatorURL': 'http://prometheus.example.com/graph',
            'fingerprint': f'{number:016x}'}


SEED = text_of({'name': 'incident created via generic webhook', 'raw_json': {'some_field': 'some_value'}})
PUSH = text_of({'ref': 'refs/heads/main', 'repository': {'full_name': 'octo/repo'}, 'commits': [commit(n) for n in range(115)],
                'head_commit': commit(114)})
GROUP = text_of({'version': '4', 'status': 'firing', 'receiver': 'xsoar', 'commonAnnotations': {},
                 'groupLabels': {'alertname': 'HostOutOfDisk'}, 'commonLabels': {'alertname': 'HostOutOfDisk'},
                 'alerts': [alert(n) for n in range(50)]})
EVENTS = text_of([{'title': f'Login from a new place {n}', 'user': 'jdoe', 'src_ip': '192.0.2.7'} for n in range(1000)])
LARGE = text_of({'title': 'Findings', 'findings': [commit(n) for n in range(4300)]})
SHAPES = (
    Shape("the seed's envelope", SEED),
    Shape('30 KB, foreign, signed', PUSH, signed(PUSH), is_for_all=False),
    Shape('Alertmanager, 50 alerts', GROUP),
    Shape('array of 1,000 events', EVENTS, is_for_all=False, connections=1),
    Shape('1 MB', LARGE, connections=1),
    Shape('a rejection', SEED, {'Authorization': 'wrong'}, status=401),
)


def cpu_seconds(pid: int) -> float:
    """What the process's threads have used, to the nanosecond."""
    return sum(int(file.read_text().split()[0]) for file in Path(f'/proc/{pid}/task').glob('*/schedstat')) / 1e9


def measure(url: str, pid: int, shape: Shape) -> float:
    """Milliseconds of CPU a request, over as many kept-alive connections as a busy proxy has."""
    load(url, shape, WARM_UP_SECONDS)
    before = cpu_seconds(pid)
    count = load(url, shape, SECONDS)
    return (cpu_seconds(pid) - before) / count * 1000


def load(url: str, shape: Shape, seconds: int) -> int:
    """How many requests were answered, each with the status that the shape expects."""
    text = post_by_wrk(url, shape.body, {'Content-Type': 'application/json', **shape.headers}, shape.connections, seconds)
    count, wrong = re.search(r'(\d+) requests in', text), re.search(r'Non-2xx or 3xx responses: (\d+)', text)
    assert count and int(wrong[1] if wrong else 0) == (0 if shape.status == 200 else int(count[1])), text
    return int(count[1])


def in_a_container(script: Path) -> Callable[[Shape], float]:
    def measured(shape: Shape) -> float:
        with Side(script) as side:
            return measure(side.url, side.pid, shape)
    return measured


def without_a_line(shape: Shape) -> float:
    with Bare() as bare:
        return measure(bare.url, bare.process.pid, shape._replace(status=200))  # it refuses nobody


def cpu_a_request() -> list[Row]:
    return [row_of(shape) for shape in SHAPES]


def row_of(shape: Shape) -> Row:
    sides: list[Callable[[Shape], float]] = [in_a_container(OURS), without_a_line]
    if shape.status == 200:
        sides.append(in_a_container(BARE_LINE))
    if shape.is_for_all:
        sides.append(in_a_container(BASELINE))
    turns = [[side(shape) for side in sides] for _ in range(TURNS)]
    ours, bare, *others = (statistics.median(column) for column in zip(*turns, strict=True))
    names = ['(bare, no line)', *(['(bare)'] if shape.status == 200 else []), *(['(baseline)'] if shape.is_for_all else [])]
    shown = ', '.join(f'{value:.2f} ms {name}' for value, name in zip([bare, *others], names, strict=True))
    with_line = f', with the line {ours / others[0]:.2f}' if shape.status == 200 else ''
    return Row(f'CPU a request: {shape.name}', f'{ours:.2f} ms', shown, f'{ours / bare:.2f}{with_line}', 'reported', True)
