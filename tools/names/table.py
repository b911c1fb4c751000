"""Print what the incidents of all documented payloads are called, and their triage: `./dev names`.

A row has sender, severity, state, time and name, and a line below it the type and the problem key, if there are any. Without
a type it is the instance's, and without a time it is the moment of arrival. Almost all rows fit 160 columns. With --query,
the parameters are added to each sender's URL, and what they got wrong is below, too. With --against, it prints what another
revision of the script made of the same payloads and of those of the corpus, old → new, where that differs.
"""
from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import localxsoar.webhooks.senders
from shared import ROOT
from shared.app import NOW, App
from shared.dated import dated

from localxsoar.terminal.printer import SEVERITIES
from localxsoar.errors import UsageError
from localxsoar.webhooks.responses import NOTE
from localxsoar.webhooks.senders import Sender, SenderRequest, find_sender, load_senders, with_query

ARRIVAL = '2026-11-24T10:00:00Z'  # NOW as an incident has it
TOKEN = '6b6579206f662074686520736f6320776562686f6f6b'  # hexadecimal, as Onfleet's secrets are; also base64, as Teams' are
INCIDENT_TYPE = 'Unclassified'
SKIPPED = {'name': '(no incident)', 'type': INCIDENT_TYPE, 'occurred': ARRIVAL}
SENDERS = load_senders(ROOT / 'senders')


class Landed(NamedTuple):
    """A delivery, and what became of it."""

    sender: Sender
    delivery: dict[str, Any]
    request: SenderRequest
    incidents: list[dict[str, Any]]
    told: dict[str, Any]  # of the first incident, as `expected` has it
    others_told: list[dict[str, Any]]
    note: str  # what is wrong with the URL, or ''


def all_landed(senders: Iterable[Sender] = SENDERS.values(), query: str = '') -> Iterator[Landed]:
    """Every delivery of these senders, posted to the app with the proof that its sender has, and these parameters."""
    return (land(sender, with_query(delivery, query)) for sender in senders for delivery in sender.deliveries)


def land(sender: Sender, delivery: dict[str, Any]) -> Landed:
    with dated(localxsoar.webhooks.senders, NOW):
        request = sender.request(delivery, TOKEN)
    with App(token=TOKEN, incident_type=INCIDENT_TYPE) as app:
        answer = app.post(request.body, dict(request.headers), request.query)
    assert answer.status == 200, f'{sender.name} is not accepted: {answer.text}'
    told, *others = map(tell, app.incidents or [SKIPPED])
    return Landed(sender, delivery, request, app.incidents, told, others, answer.headers.get(NOTE, ''))


def tell(incident: dict[str, Any]) -> dict[str, Any]:
    """Return what a recipe says of an incident."""
    return {
        'name': incident['name'], 'type': None if incident['type'] == INCIDENT_TYPE else incident['type'],
        'occurred': None if incident['occurred'] == ARRIVAL else incident['occurred'], 'severity': incident.get('severity'),
        'state': next((label['value'] for label in incident.get('labels', []) if label['type'] == 'state'), None),
        'problem_key': incident.get('dbotMirrorId')}


def lines(landed: Landed) -> Iterator[str]:
    """Yield the lines of a delivery."""
    told = {key: value or '' for key, value in landed.told.items()}
    severity = SEVERITIES.get(landed.told['severity'], '')
    margin = f'{landed.sender.name[:23]:23}  {severity:8}  {told["state"]:8}  {told["occurred"][:19]:19}  '
    yield f'{margin}{told["name"]}'.rstrip()
    details = [f'{what}: {told[key]}' for what, key in (('type', 'type'), ('problem', 'problem_key')) if told[key]]
    if details:
        yield f'{"":{len(margin)}}{", ".join(details)}'
    if landed.note:
        yield f'{"":{len(margin)}}{NOTE}: {landed.note}'


def chosen() -> tuple[list[Sender], str, str]:
    """Return the senders that the command line names, the parameters to add to their URLs, and the revision to compare with."""
    parser = argparse.ArgumentParser(prog='./dev names', description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('senders', metavar='SENDER', nargs='*', help='a folder in senders/ (default: all)')
    parser.add_argument('--query', metavar='WORDS', default='', help='further parameters of the URL, such as name=alert.message')
    parser.add_argument('--against', metavar='REVISION', default='', help='print what differs from the script of this revision,\n'
                        'which is newer than 1.0.0')
    options = parser.parse_args()
    return [find_sender(SENDERS, key) for key in options.senders], options.query, options.against


def table(senders: list[Sender], query: str, revision: str) -> Iterator[str]:
    """Yield the lines to print."""
    if revision:
        from tools.names import against  # which imports this module
        yield from against.lines(against.changes_since(revision, against.cases_of(senders, query)))
    else:
        for each in all_landed(senders or SENDERS.values(), query):
            yield from lines(each)


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it
    try:
        for line in table(*chosen()):
            print(line)
    except UsageError as error:
        print(f'./dev names: {error}', file=sys.stderr)
        sys.exit(2)
