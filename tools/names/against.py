"""Print what differs from another revision of the script, by its deliveries and the corpus: `./dev names --against REVISION`."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TextIO

from localxsoar.errors import UsageError
from localxsoar.webhooks.senders import Sender
from shared import ROOT
from tools.names.fingerprint import Case, Change, changes, deliveries, of_corpus, results, shown

SCRIPT = 'Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.py'

TOO_OLD = '. It is too old: these tools read a script as 1.1.0 has it, not that of 1.0.0.'


def cases_of(senders: list[Sender], query: str) -> list[Case]:
    """Return the deliveries of these senders, or those of all and the corpus, with further parameters in their URLs."""
    return [*deliveries(senders, query)] if senders else [*deliveries(query=query), *of_corpus(query)]


def changes_since(revision: str, cases: list[Case]) -> list[Change]:
    """Return what this script makes of requests otherwise than that of a revision. Raise UsageError if there is none."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'GenericWebhook.py').write_bytes(script_of(revision))
        Path(folder, 'cases').write_text(json.dumps(cases))
        with open(f'{folder}/cases') as asked, open(f'{folder}/made', 'w+') as made:
            command = [sys.executable, '-m', 'tools.names.against']
            other = subprocess.Popen(command, stdin=asked, stdout=made, stderr=subprocess.PIPE, cwd=ROOT,
                                     env={**os.environ, 'PYTHONPATH': folder}, text=True)
            own = results(cases)
            _, errors = other.communicate()
            if other.returncode:
                reason = errors.rstrip().rpartition('\n')[2]
                is_old = reason.startswith('ImportError')
                raise UsageError(f'The script of {revision} cannot be compared: {reason}{TOO_OLD if is_old else ""}')
            made.seek(0)
            return [*changes(revision, json.load(made), own)]


def script_of(revision: str) -> bytes:
    shown = subprocess.run(['git', 'show', f'{revision}:./{SCRIPT}'], cwd=ROOT, capture_output=True, check=False)
    if shown.returncode:
        raise UsageError(f'git has no script of {revision!r}: {shown.stderr.decode().splitlines()[0]}')
    return shown.stdout


def lines(found: list[Change]) -> Iterator[str]:
    """Yield the lines of each request of which something else became, and a last one with the numbers."""
    for title, differing in groupby(found, key=lambda change: change.title):
        yield title
        yield from (f'    {each.column:12}  {shown(each.old)} → {shown(each.new)}' for each in differing)
    columns = Counter(change.column.partition(' ')[0] for change in found)
    counts = {'payloads': len({each.title for each in found}), 'products': len({each.product for each in found}),
              **dict(columns.most_common())}
    yield f'what differs: {", ".join(f"{what} {count}" for what, count in counts.items())}'


def make_results(asked: TextIO, made: TextIO) -> None:
    """Write what the script on the path makes of the requests that are asked for."""
    json.dump(results(Case(*each) for each in json.load(asked)), made)


if __name__ == '__main__':
    make_results(sys.stdin, sys.stdout)
