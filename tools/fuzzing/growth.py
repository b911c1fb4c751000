"""How the work on an event grows with a run of its worst characters: see __main__.py for the command.

Each form of event gets each run at a length, at 4 and at 16 times of it. What the second step adds is at most MOST_GROWTH times
what the first one added: linear work adds 4 times as much, and up to 10 times where a longer text also goes another way, such
as that of a name that is shortened; quadratic work adds 16 times as much. Work is counted in the processor's instructions,
which include those of regular expressions, and do not depend on what else the machine does.
"""
from __future__ import annotations

import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import NamedTuple

import GenericWebhook
from shared import ROOT
from shared.app import defaults_of
from GenericWebhook import Rejected, Settings, Tokens, read_payloads, to_incidents

# Each run consists of one of these, again and again.
PIECES = [
    '"', "'", '""', '"\'', ' "', '" ', '="', '=', '==', ' = ', ' k=', ' k="', '" k="', '\\', '\\"', '\\\\"', '(', ')',
    '[', ']', '[]', '[a]', '[a] ', '{', '}', '{"', '<', '>', '<a>', '</a>', '<a ', '&', '%', '%2', '+', ' ', '\t',
    '\r\n', '1', '1 ', '12.', '.', 'a.', 'v1_', ':', '::', ';', ',', '|', 'CEF:', 'CEF:0|', '-', ' -', '/', '@', 'a@',
    '://', '#', '$', 'a', 'A', 'aA', '\u200e', 'é']
LENGTHS = 240, 960, 3840  # at most 4,096 characters of a text are read
MOST_GROWTH = 12
# What a run adds may be next to nothing. Less than this part of the work on the whole event counts as this part.
LEAST_ADDED = 0.1

JSON, FORM = 'application/json', 'application/x-www-form-urlencoded'


class Form(NamedTuple):
    """A form of event: the body with a run in it, and its content type."""

    body: Callable[[str], str]
    label: str = 'text/plain'


def in_json(form: str) -> Form:
    """Return a form in which the run is inside a string of JSON."""
    return Form(lambda run: form.replace('RUN', json.dumps(run)[1:-1]), JSON)


class StoppedClock:
    """Takes the place of the script's `time`: how often it lets other work run would depend on how slow the count is."""

    def time(self) -> float:
        return 1795514400.0

    def monotonic(self) -> float:
        return 1000.0


FORMS = {
    'log line': Form(lambda run: f'<134>Nov 24 10:00:00 db-1 app[7]: Disk full {run} on db-1'),
    'start of a log line': Form(lambda run: f'{run} Disk full on db-1'),
    'level of a log line': Form(lambda run: f'2026-11-24T10:00:00Z WARN [main] {run} Disk full'),
    'end of a log line': Form(lambda run: f'2026-11-24T10:00:00Z WARN [main] {run}'),
    'structured data': Form(lambda run: f'<1>1 2026-11-24T10:00:00Z db-1 sshd 7 - [a b="{run}"] Disk full'),
    'pairs': Form(lambda run: f'date=2026-11-24 user="Ann Ng" msg={run} dst=192.0.2.7 act=block'),
    'pair before a letter': Form(lambda run: f'date=2026-11-24 msg={run}x dst=192.0.2.7 act=block'),
    'pair in quotes': Form(lambda run: f'date=2026-11-24 user="Ann {run} Ng" dst=192.0.2.7 act=block'),
    'last pair': Form(lambda run: f'date=2026-11-24 dst=192.0.2.7 act=block user="{run}'),
    'key of a pair': Form(lambda run: f'date=2026-11-24 dst=192.0.2.7 act=block {run}=x'),
    'logfmt': Form(lambda run: f'time=2026-11-24T10:00:00Z level=warn msg="{run}" host=db-1'),
    'header of CEF': Form(lambda run: f'CEF:0|Acme|Gate|1.0|17|{run}|High|src=192.0.2.7 msg=x act=block'),
    'CEF': Form(lambda run: f'CEF:0|Acme|Gate|1.0|17|Worm stopped|High|src=192.0.2.7 msg={run} act=block'),
    'LEEF': Form(lambda run: f'LEEF:1.0|Acme|Gate|1.0|17|src=192.0.2.7\tmsg={run}\tsev=5'),
    'CSV': Form(lambda run: f'time,host,text\n2026-11-24,db-1,"{run}"\n'),
    'lines': Form(lambda run: f'Disk full\n{run}\non db-1\n'),
    'XML': Form(lambda run: f'<alert><title>Disk full {run}</title><host name="db-1"/></alert>'),
    'attribute of XML': Form(lambda run: f'<alert title="{run}"><host>db-1</host></alert>'),
    'form': Form(lambda run: f'title=Disk+full&text={run}&host=db-1', FORM),
    'key of a form': Form(lambda run: f'title=Disk+full&{run}=x', FORM),
    'multipart': Form(lambda run: f'--x\r\nContent-Disposition: form-data; name="{run}"\r\n\r\n{run}\r\n--x--\r\n',
                      'multipart/form-data; boundary=x'),
    'JSON title': in_json('{"title":"RUN","host":"db-1"}'),
    'JSON kind': in_json('{"type":"RUN","title":"Disk full","host":"db-1"}'),
    'JSON key': in_json('{"title":"Disk full","RUN":"db-1"}'),
    'JSON time': in_json('{"title":"Disk full","timestamp":"RUN"}'),
    'JSON severity': in_json('{"title":"Disk full","severity":"RUN"}'),
    'JSON address': in_json('{"title":"Disk full at https://RUN","url":"https://RUN"}'),
    'JSON log line': in_json('{"body":"a=1 b=2 c=RUN x d=\\"RUN\\""}'),
    'JSON in JSON': in_json('{"message":"{\\"title\\":\\"RUN\\"}"}'),
    'JSON structure': Form(lambda run: f'{{"title":"Disk full","a":{run}', JSON),
    'NDJSON': Form(lambda run: '{"title":"Disk full"}\n' + json.dumps({'title': run}) + '\n', 'application/x-ndjson'),
}
ARRIVAL = defaults_of({}, Settings(8080, Tokens('secret-5e9c0d17b3a8f246'), None))


def body_of(form: Form, piece: str, length: int) -> bytes:
    return form.body((piece * length)[:length]).encode()


def read(body: bytes, label: str) -> None:
    """Read a body and make its incidents. What is rejected counts like what becomes incidents."""
    with suppress(Rejected):
        to_incidents(read_payloads(body, label), ARRIVAL)


def read_all(names: list[str]) -> None:
    """Read every body of some forms, and call getppid before and after each, which ends a count of callgrind."""
    GenericWebhook.time = StoppedClock()  # type: ignore[assignment, attr-defined]
    for name, piece in product(names, PIECES):  # what is computed once in a process counts for no length
        read(body_of(FORMS[name], piece, LENGTHS[0]), FORMS[name].label)
    gc.disable()
    for name, piece, length in product(names, PIECES, LENGTHS):
        body = body_of(FORMS[name], piece, length)
        os.getppid()
        read(body, FORMS[name].label)
        os.getppid()


def counts(names: list[str]) -> list[int]:
    """Return the instructions for each body of some forms, in order."""
    if not shutil.which('valgrind'):
        sys.exit('fuzz: valgrind is not installed; Debian: apt-get install valgrind')
    with tempfile.TemporaryDirectory() as folder:
        command = ['valgrind', '--tool=callgrind', '--dump-before=getppid', f'--callgrind-out-file={folder}/out', sys.executable,
                   '-Bm', 'tools.fuzzing.growth', *names]
        environment = {**os.environ, 'PYTHONHASHSEED': '0', 'PYTHONPATH': os.pathsep.join(sys.path)}
        done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        dumps = sorted(Path(folder).glob('out.*'), key=lambda path: int(path.suffix[1:]))
        totals = [int(re.findall(r'^(?:summary|totals): (\d+)', path.read_text(), re.MULTILINE)[0]) for path in dumps]
    return totals[1::2]  # the others are what lies between two bodies


def too_fast(small: float, middle: float, large: float) -> bool:
    """Return whether the work on three lengths grows faster than they do."""
    return large - middle > MOST_GROWTH * max(middle - small, LEAST_ADDED * small)


def run(names: list[str] | None = None) -> Iterator[str]:
    """Yield each form and piece for which the work grows too fast, with its three counts."""
    names = names or list(FORMS)
    found = counts(names)
    assert len(found) == len(names) * len(PIECES) * len(LENGTHS), len(found)
    for number, (name, piece) in enumerate(product(names, PIECES)):
        three = found[3 * number:3 * number + 3]
        if too_fast(*three):
            yield f'{name}, {piece!r}: ' + ', '.join(f'{count:,}' for count in three)


if __name__ == '__main__':
    read_all(sys.argv[1:])
