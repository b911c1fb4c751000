"""What a person still has to do in a sender's folder, and the folder that is made from a saved recipe."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localxsoar.errors import UsageError
from localxsoar.webhooks.recipes import FILL_IN, written
from localxsoar.webhooks.senders import DELIVERIES, FACTS, KINDS, load_sender
from tools.senders.folders import Folder
from tools.senders.guides import way_of

NEW = '''\
# Each line with FILL IN needs a person: fill it in, then delete the comment. Write every value in double quotes.
# ./dev senders {name} says what is wrong or missing, and writes all that is made of this folder.
title: {title}
kind: {kind}  # {mark}{kinds}
soc: "{soc}"  # FILL IN: its place in the table; grep '^soc' senders/*/sender.yml prints all. Without it there is no guide
source: {source}
verified: "unconfirmed"  # FILL IN: what this was tried by: product, program, library, vector, documents or unconfirmed
proof:
  # FILL IN: how users can let it show the token, one or several: "authorization", "header", "url", "signature"
  ways: [{way}]
  send: {send}
# FILL IN: "shared"; "own" if it makes its secret itself; "bearer" or "basic" if it adds that word; "url" if that has the token
instance: "{instance}"
# FILL IN: how it reaches XSOAR 8 in the cloud: "way 1", "way 2" or "way 3" of docs/senders/README.md, "no" or "unconfirmed"
xsoar8: {{cloud: "unconfirmed"}}
# FILL IN or delete: how long it waits for a response, and what it does then, in whole sentences
waits: "FILL IN: 10 s"
retries: "FILL IN: It tries again three times."
retries_503: "undocumented"  # FILL IN: does it send again after a 503? "yes", "no" or "undocumented"
# FILL IN or delete: the header that numbers its deliveries, so that a repeated one creates nothing
# delivery_id: [{{header: "X-Acme-Delivery"}}]
# FILL IN or delete: its own words or numbers of severities ("critical=9+, high=7+"), if a row names them
# scales:
#   acme: "critical=urgent, high=high|major, low=minor"
# FILL IN or delete: a row, if the names, severities or ends that ./dev senders {name} prints are not right. A path leads to a
# value in the event: "rule.title". If in doubt, leave a column out: a wrong severity hides an alert, a wrong end closes one, and
# a wrong key joins two.
# rows:
#   - identified_by: [["acme_id", "rule.title"]]       # its events have both; no other sender's do
#     name: "{{rule.title}}: {{host}}"                     # Failed logins: dc-1
#     occurred: "created_at"
#     severity: [{{at: "severity", scale: "acme"}}]      # without a scale: a word such as high
#     resolved: [{{when: ["status=closed"], occurred: "closed_at"}}]   # only an end says this; its severity is 0.5
#     problem: [{{parts: ["acme_id"]}}]                  # equal in all events about one problem, and in no others
'''
GUIDE = '''\
- **Set up**: FILL IN: what is needed ([documentation]({source})).

    1. FILL IN: open **Settings** > **Webhooks** > **New**.
    2. FILL IN: enter `<URL>` as *Address* and `<TOKEN>` as *Secret*, and click **Save**.
- **Note**: FILL IN or delete: what surprises its users.
'''
TOO_LATE = ('an earlier time: {} is more than a day after 2026-11-24T10:00:00Z, the time at which deliveries are tried, '
            'so it does not count')


def missing(folder: Folder, told: list[dict[str, Any]]) -> Iterator[str]:
    """Yield what is missing in a folder, whose deliveries become these incidents, in words."""
    for file in sorted(folder.path.iterdir()):
        for number, line in enumerate(file.read_text('utf-8').splitlines(), 1):
            if FILL_IN.rstrip(':') in line:
                yield f'{folder.file.with_name(file.name)}:{number} has to be filled in'
    facts = folder.facts
    if 'soc' not in facts and 'guide_of' not in facts:
        yield 'a place in the table of senders (soc): without it there is no guide'
    if 'soc' in facts and not folder.guide:
        yield 'guide.md: the steps of setting it up'
    if not folder.rows and 'rows_of' not in facts:
        yield 'rows: the general rule names its incidents, which is right if the names above are'
    if not any(each['state'] for each in told):
        yield 'a delivery that ends a problem, if it sends any'
    if not any(each['problem_key'] for each in told):
        yield 'a problem key, if its events identify a problem'


def to_expect(folder: Folder, told: list[dict[str, Any]], late: list[str]) -> Iterator[str]:
    """Yield what each delivery should expect that becomes another incident.

    `told` has the incident of each, `late` the time of each that is too late to count, or ''.
    """
    for number, (delivery, each, time) in enumerate(zip(folder.sender.deliveries, told, late, strict=True)):
        if time:  # what becomes of it is no example
            yield str(folder.fault_of_delivery(number, TOO_LATE.format(time)))
            continue
        expected = {key: value for key, value in each.items() if value is not None or key in ('type', 'occurred')}
        if expected != delivery['expected']:
            text = json.dumps(expected, ensure_ascii=False)
            yield str(folder.fault_of_delivery(number, f'if the incident is right, "expected": {text}'))


def new_folder(root: Path, name: str, file: Path) -> Path:
    """Make a sender's folder from a recipe that the page has saved. Raise UsageError if it exists."""
    folder = root / 'senders' / name
    if folder.exists():
        raise UsageError(f'senders/{name} exists. Add the deliveries of {file} to its {DELIVERIES}.')
    sender = load_sender(file)
    send = sender.proof or {'place': 'header', 'name': 'Authorization', 'value': '{token}'}
    way = way_of(send)
    place = next_place(root)
    folder.mkdir(parents=True)
    recipe = json.loads(file.read_text('utf-8'))
    (folder / DELIVERIES).write_bytes(written({'deliveries': recipe['deliveries']}))
    (folder / FACTS).write_text(NEW.format(
        name=name, title=quoted(sender.name), kind=quoted(sender.kind), soc=place,
        mark='FILL IN: one of ' if sender.kind == 'other' else '', kinds=', '.join(KINDS),
        source=quoted(sender.source), way=quoted(way),
        send='{' + ', '.join(f'{key}: {quoted(value)}' for key, value in send.items()) + '}',
        instance='url' if way == 'url' else 'shared'), 'utf-8')
    source = sender.source if sender.source.startswith('https:') else 'https://FILL-IN'
    (folder / 'guide.md').write_text(GUIDE.format(source=source), 'utf-8')
    return folder.relative_to(root)


def quoted(value: Any) -> str:
    """Return a text as YAML has it."""
    return json.dumps(str(value), ensure_ascii=False)


def next_place(root: Path) -> int:
    """Return the place behind all senders of the table."""
    from tools.senders.folders import read_folders
    return max((int(folder.facts.get('soc', 0)) for folder in read_folders(root).values()), default=0) + 10
