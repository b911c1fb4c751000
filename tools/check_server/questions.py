"""The questions: what the documents assume of a real server, and how each assumption is checked."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from tools.check_server.http import Answer, CheckError
from tools.check_server.report import AS_ASSUMED, OTHERWISE, UNKNOWN, Finding
from tools.check_server.server import MIB, SLOW_PIECE, TOKEN_HEADER, Server, Webhook, fast

MAX_INCIDENTS = 10
CRITICAL = 4
REPLY_KEYS = {'id', 'name', 'type', 'created', 'status'}


class Bounds(NamedTuple):
    """How far the person lets the checks go."""

    mib: int  # of the largest body
    seconds: int  # of the longest request
    search_seconds: int  # until an incident that a search does not find counts as not found


class Visit:
    """One run of the checks: what has been sent, and which incidents exist because of it."""

    def __init__(self, server: Server, webhook: Webhook, mark: str, bounds: Bounds) -> None:
        self.server = server
        self.webhook = webhook
        self.mark = mark
        self.bounds = bounds
        self.made: list[str] = []
        self._sent = 0

    def send(self, *problems: str, status: str = 'firing') -> Answer:
        """Send an event of each problem in one request. Raise CheckError beyond the incidents that the person was told of."""
        if self._sent + len(problems) > MAX_INCIDENTS:
            raise CheckError(f'The checks may create {MAX_INCIDENTS} incidents and no more.')
        events = [self._event(problem, self._sent + number, status) for number, problem in enumerate(problems, 1)]
        self._sent += len(problems)
        answer = self.webhook.post(events if len(events) > 1 else events[0])
        self.made += [str(incident['id']) for incident in created(answer)]
        return answer

    def _event(self, problem: str, number: int, status: str) -> dict[str, Any]:
        """Return an alert in the form of Prometheus Alertmanager, which has a severity, a state and a problem key."""
        labels = {'alertname': f'Check of the server {self.mark}, event {number}', 'severity': 'critical'}
        alert = {'status': status, 'labels': labels, 'annotations': {'summary': labels['alertname']},
                 'startsAt': '2026-01-01T00:00:00Z', 'fingerprint': f'{self.mark}-{problem}'}
        return {'receiver': 'check-server', 'version': '4', 'groupKey': f'{self.mark}-{problem}', 'status': status,
                'groupLabels': labels, 'commonLabels': labels, 'commonAnnotations': {}, 'externalURL': '', 'alerts': [alert]}

    @cached_property
    def first(self) -> Answer:
        """Return the response to the first event, which shows the token wherever it takes to arrive."""
        answer = self.send('first')
        if answer.status == 401 and answer.is_the_instances:
            self.webhook.show_token_twice()
            self._sent -= 1  # it has created nothing
            answer = self.send('first')
        return answer

    def check_that_it_arrives(self) -> None:
        """Raise CheckError if not even a small request is accepted, so that larger ones show nothing."""
        if self.first.status != 200:
            raise CheckError(f'A small request got {describe(self.first)}.')

    @cached_property
    def incident(self) -> dict[str, Any]:
        return self.look_up(self.first)

    def look_up(self, answer: Answer) -> dict[str, Any]:
        """Return the incident of a response as the search finds it by its id. Raise CheckError if it does not."""
        if not created(answer):
            raise CheckError(f'There is no incident to look at: the event got {describe(answer)}.')
        found = self.wait_for(id=[str(created(answer)[0]['id'])])
        if not found:
            raise CheckError(f'The API did not find the incident within {self.bounds.search_seconds} s.')
        return found[0]

    @cached_property
    def search_for_problem(self) -> Finding:
        """Return whether, and when, a search finds the first incident by its problem key, as GenericWebhookJoin asks for it."""
        key = self.incident.get('dbotMirrorId')
        if not key:
            return Finding(UNKNOWN, 'The incident has no dbotMirrorId to search for.')
        begun = time.monotonic()
        found = self.wait_for(query=f'dbotMirrorId:"{key}" and -status:closed and -status:archived')
        is_found = self.incident['id'] in [incident.get('id') for incident in found]
        return judge(is_found, f'Found after {time.monotonic() - begun:.0f} s.',
                     f'Not found within {self.bounds.search_seconds} s.')

    def wait_for(self, **filter: Any) -> list[dict[str, Any]]:
        """Return what a search finds, as soon as that is something, or []."""
        end = time.monotonic() + self.bounds.search_seconds
        while not (found := self.server.find(**filter)) and time.monotonic() < end:
            time.sleep(0.5)
        return found

    @cached_property
    def is_joined(self) -> bool:
        """Return whether a rule drops an event whose problem has an incident already. Raise CheckError if that is not known."""
        if self.search_for_problem.verdict != AS_ASSUMED:
            raise CheckError('No search finds the incident by its dbotMirrorId, so no event can be joined to it.')
        return not created(self.second)

    @cached_property
    def second(self) -> Answer:
        return self.send('first')

    @cached_property
    def pair(self) -> Answer:
        return self.send('second', 'second')


def created(answer: Answer) -> list[dict[str, Any]]:
    """Return the incidents of a response."""
    value = answer.json() if answer.status == 200 else None
    return [item for item in value if isinstance(item, dict) and item.get('id')] if isinstance(value, list) else []


def describe(answer: Answer) -> str:
    """Return a response in a few words, without anything that a server says."""
    if answer.status == 200:
        count = len(created(answer))
        return f'200 with {count} incident{"s" * (count != 1)}'
    return f'{answer.status} from {"the instance" if answer.is_the_instances else "what is before the instance"}'


def judge(is_so: bool, seen: str, otherwise: str = '') -> Finding:
    return Finding(AS_ASSUMED, seen) if is_so else Finding(OTHERWISE, otherwise or seen)


# What is asked.


def arrives(visit: Visit) -> Finding:
    answer = visit.webhook.get()
    if answer.status != 200 or 'listening' not in answer.text:
        return Finding(OTHERWISE, f'A GET got {describe(answer)}, and not the line that the instance listens.')
    return judge(visit.first.status == 200 or visit.first.is_the_instances, f'A POST got {describe(visit.first)}.')


def passes_authorization(visit: Visit) -> Finding:
    answer = visit.first
    if answer.status != 200:
        return Finding(UNKNOWN, f'The first event got {describe(answer)}.')
    return judge(TOKEN_HEADER not in visit.webhook.headers, 'The token in Authorization is enough.',
                 'The token in Authorization got 401 from the instance; with a header of its own beside it, it was accepted.')


def replies(visit: Visit) -> Finding:
    incidents = created(visit.first)
    if not incidents:
        return Finding(UNKNOWN, f'The first event got {describe(visit.first)}.')
    lacking = sorted(REPLY_KEYS - incidents[0].keys())
    return judge(not lacking, f'A list of one object with {len(incidents[0])} fields.', f'The object lacks {", ".join(lacking)}.')


def keeps(field: str, is_kept: Callable[[Any], bool]) -> Callable[[Visit], Finding]:
    def check(visit: Visit) -> Finding:
        value = visit.incident.get(field)
        return judge(is_kept(value), f'{field} is kept.', f'{field} is {"missing" if not value else "another value"}.')
    return check


def keeps_labels(visit: Visit) -> Finding:
    """Look at the end of a problem, which alone has a label. No incident of the problem is open, so a rule creates it."""
    labels = visit.look_up(visit.send('third', status='resolved')).get('labels')
    is_kept = isinstance(labels, list) and {'type': 'state', 'value': 'resolved'} in [
        {name: label.get(name) for name in ('type', 'value')} for label in labels if isinstance(label, dict)]
    return judge(is_kept, 'The label of the end of a problem is kept.', 'The label of the end of a problem is missing.')


def finds_problem(visit: Visit) -> Finding:
    return visit.search_for_problem


def finds_severity(visit: Visit) -> Finding:
    number = visit.incident['id']
    found = visit.wait_for(query=f'id:{number} and severity:critical')
    return judge([incident.get('id') for incident in found] == [number], 'Found.',
                 f'Not found within {visit.bounds.search_seconds} s.')


def replies_to_dropped(visit: Visit) -> Finding:
    if not visit.is_joined:
        return Finding(UNKNOWN, 'No rule dropped the second event of a problem: GenericWebhookJoin is not in use.')
    answer = visit.second
    if answer.status == 200:
        return Finding(AS_ASSUMED, 'The sender got 200 with [].')
    return Finding(OTHERWISE, f'The second event of a problem got {describe(answer)}: the reply is not a list.')


def find_each_other(visit: Visit) -> Finding:
    if not visit.is_joined:
        return Finding(UNKNOWN, 'GenericWebhookJoin is not in use.')
    count = len(created(visit.pair))
    if visit.pair.status != 200 or not count:
        return Finding(UNKNOWN, f'Two events of a new problem in one request got {describe(visit.pair)}.')
    return judge(count == 1, 'The second of two events found the first.', 'Two events of a new problem became two incidents.')


def allows_size(visit: Visit) -> Finding:
    visit.check_that_it_arrives()
    largest = 0
    for mib in sorted({1, 5, 10, visit.bounds.mib}):
        if mib > visit.bounds.mib:
            break
        try:
            answer = visit.webhook.post_blank(mib * MIB, fast(mib * MIB))
            if answer.status == 200:
                largest = mib
                continue
            result = describe(answer)
        except CheckError as error:
            result = str(error)
        return Finding(OTHERWISE, f'{largest} MiB arrive; with {mib} MiB: {result}.')
    return Finding(AS_ASSUMED, f'{largest} MiB arrive, the most that was to be tried.')


def allows_time(visit: Visit) -> Finding:
    visit.check_that_it_arrives()
    size = 2 + visit.bounds.seconds * len(SLOW_PIECE)
    begun = time.monotonic()
    try:
        answer = visit.webhook.post_blank(size, slowly(visit.bounds.seconds))
        result = '' if answer.status == 200 else describe(answer)
    except CheckError as error:
        result = str(error)
    seconds = time.monotonic() - begun
    return judge(not result, f'A request that was sent in {seconds:.0f} s arrived.', f'It ended after {seconds:.0f} s: {result}')


def slowly(seconds: int) -> Iterator[bytes]:
    """Yield an empty JSON array in as many seconds, a piece in each."""
    yield b'['
    for _ in range(seconds):
        time.sleep(1)
        yield SLOW_PIECE
    yield b']'


def answers_history(visit: Visit) -> Finding:
    entries = visit.server.run(f'!generic-webhook-deliveries using="{visit.webhook.instance}" limit="5"')
    is_table = any('Listening since' in str(entry.get('contents')) for entry in entries)
    return judge(is_table, 'It returned its table.', f'It returned {len(entries)} entries without its table.')


class Question(NamedTuple):
    assumed: str
    document: str
    check: Callable[[Visit], Finding]


ONE_INCIDENT = 'docs/one-incident-per-problem.md#tried-and-not-tried'
QUESTIONS = [
    Question('A POST to the URL reaches the instance', 'docs/install.md', arrives),
    Question('The header Authorization is passed on', 'docs/xsoar-8.md#which-way', passes_authorization),
    Question('createIncidents replies with a list of the created incidents', 'localxsoar/FACTS.md', replies),
    Question('createIncidents keeps dbotMirrorId', ONE_INCIDENT, keeps('dbotMirrorId', lambda value: bool(value))),
    Question('createIncidents keeps labels', ONE_INCIDENT, keeps_labels),
    Question('createIncidents keeps the severity', 'docs/usage.md', keeps('severity', lambda value: value == CRITICAL)),
    Question('A search finds an incident by its dbotMirrorId', ONE_INCIDENT, finds_problem),
    Question('A search finds an incident by its severity', 'localxsoar/FACTS.md', finds_severity),
    Question('The reply is an empty list if a rule drops every incident of a call',
             'docs/one-incident-per-problem.md#try-one-dropped-event-first', replies_to_dropped),
    Question('The incidents of one call pass a rule one after another: a script finds those before it', 'localxsoar/FACTS.md',
             find_each_other),
    Question('The proxy passes bodies up to the limit of the instance', 'docs/limits.md#limits', allows_size),
    Question('The proxy passes requests that take as long as a slow sender', 'docs/limits.md#limits', allows_time),
    Question('!generic-webhook-deliveries answers', 'docs/operate.md', answers_history),
]


def ask_all(visit: Visit) -> Iterator[tuple[Question, Finding]]:
    """Yield each question with what was found. Whatever cannot be asked is unknown, with the reason."""
    for question in QUESTIONS:
        try:
            finding = question.check(visit)
        except CheckError as error:
            finding = Finding(UNKNOWN, str(error))
        yield question, finding
