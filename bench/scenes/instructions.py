"""The processor's instructions for each event that becomes an incident: they do not depend on what else a machine does."""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.rows import Row
from shared import ROOT
from shared.side import OURS
from localxsoar.webhooks.senders import fill_all, load_senders

# Deliveries in senders/, by the folder and the number in it, which no row recognizes if they come without their headers.
EVENTS = {
    'flat': 'curl:2 healthchecks:0 honeycomb:0 power-automate:0 shopify:0 woocommerce:0',
    'three kinds in turn': 'argo-cd:0 cortex-xdr:0 statuspage:0',
    'sixty that have objects inside':
        '1password:0 better-stack:0 bitbucket:0 bitbucket:1 calendly:0 circleci:0 commerce-layer:0 commerce-layer:1 cortex-xdr:0 '
        'crowdsec:0 darktrace:0 datadog:1 duo:0 forgejo:0 forgejo:1 github:0 github:1 github:10 github:11 github:12 github:13 '
        'github:14 github:15 github:16 github:2 github:3 github:4 github:5 github:6 github:7 github:8 github:9 gitlab:11 '
        'google-workspace:0 graylog:0 hackerone:0 hackerone:1 mailgun:0 microsoft-teams:0 rollbar:0 sentry:0 sentry:1 sentry:2 '
        'sentry:3 sentry:4 sentry:5 sentry:6 sentry:7 snyk:0 snyk:1 snyk:2 standard-webhooks:0 statuspage:0 sumo-logic:0 '
        'sysdig:0 trello:0 trend-vision-one:0 typeform:0 uptime-kuma:0 woocommerce:1',
}
MOMENT = {'timestamp': '1795514400', 'milliseconds': '1795514400000', 'iso': '2026-11-24T10:00:00Z',
          'uuid': '5f0c8d52-6a0e-4c7e-9d1b-2f4a3c5e7b91'}
COUNTED = 480  # events, or a few more: whole rounds


def instructions(other: Path | None = None) -> Iterable[Row]:
    """Yield a row for each kind of events, beside another version of the script if there is one."""
    if not shutil.which('valgrind'):
        sys.exit('bench: valgrind is not installed; Debian: apt-get install valgrind')
    for name, events in EVENTS.items():
        ours = thousands(OURS, read_events(events))
        theirs = thousands(other, read_events(events)) if other else 0
        yield Row(f'thousands of instructions for an event: {name}', f'{ours:.0f}', f'{theirs:.0f} ({other})' if other else '',
                  f'{ours / theirs:.2f}' if other else '', 'reported', True)


def read_events(names: str) -> list[Any]:
    """Return the payloads of deliveries, as if they were sent at one moment."""
    senders = load_senders(ROOT / 'senders')
    places = [name.split(':') for name in names.split()]
    return [fill_all(senders[sender].deliveries[int(number)]['payload'], MOMENT) for sender, number in places]


def thousands(script: Path, events: list[Any]) -> float:
    """Return the thousands of instructions for an event: what a longer run takes more than a short one, so no start counts."""
    rounds = -(-COUNTED // len(events))
    short, long = (count(script, events, each) for each in (1, 1 + rounds))
    return (long - short) / (rounds * len(events)) / 1000


def count(script: Path, events: list[Any], rounds: int) -> int:
    """Return the instructions of a process that makes incidents of the events so many times."""
    command = ['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', sys.executable, '-Bm', 'bench.events',
               str(script), str(rounds)]
    done = subprocess.run(command, input=json.dumps(events), env={**os.environ, 'PYTHONHASHSEED': '0'}, cwd=ROOT,
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return int(re.findall(r'Collected : (\d+)', done.stderr)[0])
