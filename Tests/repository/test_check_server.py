"""`./dev check-server` against the local XSOAR: each answer as the documents assume it, and otherwise."""

import io
import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
import requests
from clocks import PATIENCE_SECONDS
from documents import prose, read
from local_xsoar import ROOT, Answering, LocalXsoar, needs, run_main, served
from tools.check_server.__main__ import close, main
from tools.check_server.http import Answer, CheckError, check_url
from tools.check_server.questions import MAX_INCIDENTS, QUESTIONS, Bounds, Visit, allows_size, describe
from tools.check_server.report import AS_ASSUMED, OTHERWISE, Finding, Row, hide, markdown, terminal_lines
from tools.check_server.server import TOKEN_HEADER, VERSION_8_PREFIX, Secrets, Server, Webhook
from shared.webhook import PACK

pytestmark = pytest.mark.sockets

TOKEN, KEY = 'a-token-of-the-check', 'a-key-of-the-check'
JOIN = ('--pre-process', 'GenericWebhookJoin')
ARRIVES, PASSES, REPLIES, KEEPS_PROBLEM, KEEPS_LABELS, KEEPS_SEVERITY, FINDS_PROBLEM, FINDS_SEVERITY, DROPPED, ONE_CALL, SIZE, \
    TIME, HISTORY = [question.assumed for question in QUESTIONS]
Change = Callable[[str, bytes], bytes]  # a response's new body, of the path and the body that it had


class Front(NamedTuple):
    """How what is before the server differs from the documents."""

    without_header: str = ''
    most_bytes: int = 1 << 40
    cuts_pauses_below: int = 0  # bytes: whoever pauses in a smaller body is cut off
    change: Change = lambda path, body: body
    finds_nothing_by_queries: bool = False
    key_ids: tuple[list[str], ...] = ()  # where to note those of the requests to the API of version 8


@contextmanager
def before(xsoar: LocalXsoar, front: Front) -> Iterator[str]:
    """Yield the address of a proxy before a local XSOAR."""
    class Proxy(Answering):
        def do_POST(self) -> None:
            size = int(self.headers['Content-Length'] or 0)
            if size > front.most_bytes:
                self.answer(413, b'too large')
                self.close_connection = True
                return
            body = b''
            while len(body) < size:
                body += self.rfile.read1(size - len(body))
                if len(body) < size < front.cuts_pauses_below:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
            self.forward(body)

        def do_GET(self) -> None:
            self.forward(b'')

        def forward(self, body: bytes) -> None:
            headers = {name: value for name, value in self.headers.items()
                       if name.lower() not in ('host', 'content-length', 'connection', front.without_header)
                       or (name == 'Authorization' and value == KEY)}
            path = self.path.removeprefix(VERSION_8_PREFIX)
            if front.finds_nothing_by_queries and path == '/incidents/search' and 'query' in json.loads(body)['filter']:
                self.answer(200, b'{"total": 0, "data": null}')
                return
            for key_ids in front.key_ids if path != self.path else ():
                key_ids.append(self.headers['x-xdr-auth-id'] or '')
            answer = requests.request(self.command, xsoar.url + path, headers=headers, data=body, timeout=PATIENCE_SECONDS)
            self.answer(answer.status_code, front.change(self.path, answer.content),
                        **{'Content-Type': answer.headers.get('Content-Type', '')})

    with served(Proxy) as url:
        yield url


@pytest.fixture(scope='module')
def joining() -> Iterator[LocalXsoar]:
    """A server whose rule joins the events of a problem."""
    with LocalXsoar('--api-key', KEY, *JOIN, pack=PACK, instance='webhook', params={'auth_header': TOKEN}) as xsoar:
        yield xsoar


@pytest.fixture(scope='module')
def without_rule() -> Iterator[LocalXsoar]:
    """One without a rule, and with a second instance whose path is closed."""
    without_rule = LocalXsoar('--api-key', KEY, '--server-setting', 'instance.execute.external.closed=false', pack=PACK,
                              instance='webhook', params={'auth_header': TOKEN})
    without_rule.argv += ['--instance', 'closed', '--set', f'auth_header={TOKEN}']
    with without_rule as xsoar:
        yield xsoar


def check(url: str, folder: Path, typed: str = '1\n1\n2\nyes\n', instance: str = 'webhook',
          **environment: str) -> subprocess.CompletedProcess[str]:
    """Do what ./dev check-server does for an instance, with what a person types: the bounds, and whether to begin."""
    given = {'DEMISTO_API_KEY': KEY, 'WEBHOOK_TOKEN': TOKEN, 'NO_PROXY': '127.0.0.1', **environment}
    with mock.patch.dict(os.environ, given), mock.patch.object(sys, 'stdin', io.StringIO(typed)):
        return run_main(main, f'{url}/instance/execute/{instance}', '--report', str(folder / 'report.md'))


def verdicts(folder: Path) -> dict[str, str]:
    rows = [line.strip('| ').split(' | ') for line in (folder / 'report.md').read_text().splitlines() if line.startswith('| ')]
    return {assumed: verdict for verdict, assumed, *_ in rows[2:]}


def differing(found: Mapping[str, str]) -> dict[str, str]:
    return {assumed: verdict for assumed, verdict in found.items() if verdict != 'as assumed'}


def changed(path: str, change: Callable[[Any], Any]) -> Change:
    """Return what changes the JSON of the responses to a path."""
    def change_body(asked: str, body: bytes) -> bytes:
        return json.dumps(change(json.loads(body))).encode() if asked.endswith(path) and body[:1] in b'[{' else body
    return change_body


def without(*fields: str) -> Callable[[Any], Any]:
    return lambda found: {**found, 'data': [
        {name: value for name, value in incident.items() if name not in fields} for incident in found['data']]}


def test_a_server_as_the_documents_assume_it_leaves_no_open_incident_and_no_secret(joining: LocalXsoar, tmp_path: Path) -> None:
    """And the API of version 8 is asked at its path, with the ID of the key."""
    before_it = {incident['id'] for incident in joining.incidents()}
    key_ids: list[str] = []
    with before(joining, Front(key_ids=(key_ids,))) as url:
        done = check(url, tmp_path, XSIAM_AUTH_ID='7')
    assert done.returncode == 0, done.stderr
    assert differing(verdicts(tmp_path)) == {}, done.stdout
    assert len(verdicts(tmp_path)) == len(QUESTIONS)
    made = [incident for incident in joining.incidents() if incident['id'] not in before_it]
    assert 0 < len(made) <= MAX_INCIDENTS
    assert all(incident['status'] == 2 and 'Check of the server ' in incident['name'] for incident in made)
    report = (tmp_path / 'report.md').read_text()
    said = [report, done.stdout.partition('Begin?')[2], done.stderr]
    assert [secret for secret in (TOKEN, KEY, '127.0.0.1') for text in said if secret in text] == []
    assert 'on Cortex XSOAR 8.9.0: 13 as assumed, 0 otherwise, 0 unknown' in report
    assert set(key_ids) == {'7'} and len(key_ids) > 5


WITHOUT_TIMES = changed('/webhook', lambda found: found if isinstance(found, dict) else [
    {key: value for key, value in incident.items() if key != 'created'} for incident in found])
WITHOUT_FIELDS = changed('/incidents/search', without('labels', 'severity'))
FAILING_HISTORY = changed('/entry/execute/sync', lambda entries: [{'type': 4, 'contents': 'no'}])
WITHOUT_KEY = Front(change=changed('/incidents/search', without('dbotMirrorId')))
ALL_AT_ONCE = Front(without_header='authorization', most_bytes=1_000_000, cuts_pauses_below=10_000, change=lambda path, body:
                    FAILING_HISTORY(path, WITHOUT_FIELDS(path, WITHOUT_TIMES(path, body))))


@pytest.mark.parametrize('front, expected', [
    (ALL_AT_ONCE, dict.fromkeys((PASSES, SIZE, TIME, REPLIES, KEEPS_LABELS, KEEPS_SEVERITY, HISTORY), 'otherwise')),
    (WITHOUT_KEY, {KEEPS_PROBLEM: 'otherwise', FINDS_PROBLEM: 'unknown', DROPPED: 'unknown', ONE_CALL: 'unknown'})],
    ids=['all at once', 'incidents without a key'])
def test_what_differs_before_the_server_is_found(joining: LocalXsoar, tmp_path: Path, front: Front,
                                                 expected: dict[str, str]) -> None:
    with before(joining, front) as url:
        done = check(url, tmp_path)
    assert done.returncode == 0, done.stderr
    assert differing(verdicts(tmp_path)) == expected, done.stdout


def test_a_search_that_finds_nothing_by_a_field_is_found(without_rule: LocalXsoar, tmp_path: Path) -> None:
    with before(without_rule, Front(finds_nothing_by_queries=True)) as url:
        assert check(url, tmp_path, '1\n1\n1\nyes\n').returncode == 0
    assert differing(verdicts(tmp_path)) == {FINDS_PROBLEM: 'otherwise', FINDS_SEVERITY: 'otherwise', DROPPED: 'unknown',
                                             ONE_CALL: 'unknown'}


@pytest.mark.parametrize('fault, expected', [
    ({'dropped': 'null', 'index_delay_ms': 1500}, {DROPPED: 'otherwise', ONE_CALL: 'otherwise'}),
    ({'drop': '*'}, dict.fromkeys((REPLIES, KEEPS_PROBLEM, KEEPS_LABELS, KEEPS_SEVERITY, FINDS_PROBLEM, FINDS_SEVERITY, DROPPED,
                                   ONE_CALL), 'unknown')),
], ids=str)
def test_a_server_that_behaves_otherwise_is_found(joining: LocalXsoar, tmp_path: Path, fault: dict[str, Any],
                                                  expected: dict[str, str]) -> None:
    usual = {'dropped': 'empty', 'index_delay_ms': 0, 'drop': ''}
    joining.faults(**fault)
    try:
        done = check(joining.url, tmp_path, '1\n1\n30\nyes\n')
    finally:
        joining.faults(**{name: usual[name] for name in fault})
    assert differing(verdicts(tmp_path)) == expected, done.stdout


def test_without_a_rule_what_only_a_rule_shows_is_unknown(without_rule: LocalXsoar, tmp_path: Path) -> None:
    check(without_rule.url, tmp_path)
    assert differing(verdicts(tmp_path)) == {DROPPED: 'unknown', ONE_CALL: 'unknown'}


def test_a_path_that_is_closed_is_found_and_creates_nothing(without_rule: LocalXsoar, tmp_path: Path) -> None:
    before_it = len(without_rule.incidents())
    assert check(without_rule.url, tmp_path, instance='closed').returncode == 0
    assert len(without_rule.incidents()) == before_it
    found = verdicts(tmp_path)
    assert found[ARRIVES] == 'otherwise' and found[HISTORY] == 'as assumed'
    assert {found[assumed] for assumed in (PASSES, REPLIES, KEEPS_PROBLEM, FINDS_PROBLEM, DROPPED)} == {'unknown'}
    check(without_rule.url, tmp_path, instance='closed too')  # http.client quotes the path, for it has a blank
    report = (tmp_path / 'report.md').read_text()
    assert '/instance/execute/...' in report and 'closed too' not in report


@pytest.mark.parametrize('typed', [
    '1\n1\n1\nno\n', '1\n1\n1\ny\n', '1\n1\n1\n\n', '1\n1\n1\n', '26\n', '0\n1\n1\nyes\n', 'many\n', ''])
def test_nothing_is_sent_unless_the_person_says_yes_to_bounds_that_are_possible(
        without_rule: LocalXsoar, tmp_path: Path, typed: str) -> None:
    before_it = len(without_rule.incidents())
    assert check(without_rule.url, tmp_path, typed).returncode == 1
    assert len(without_rule.incidents()) == before_it
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('variable', ['DEMISTO_API_KEY', 'WEBHOOK_TOKEN', 'XSIAM_AUTH_ID'])
@pytest.mark.parametrize('character', ['\r\n', '\n', '\x1b', '\udce9'])
def test_a_secret_that_no_header_can_carry_is_refused_and_not_shown(
        without_rule: LocalXsoar, tmp_path: Path, variable: str, character: str) -> None:
    done = check(without_rule.url, tmp_path, **{variable: f'hush{character}h4sh'})
    assert done.returncode == 1 and re.fullmatch(r'check-server: The .* cannot be printed: copy it again\.\n', done.stderr)
    assert 'hush' not in done.stdout + done.stderr


def test_a_key_from_a_file_of_windows_and_a_token_of_other_letters_are_sent_as_curl_sends_them(tmp_path: Path) -> None:
    token = 'wörd-鍵-of-the-check'
    with LocalXsoar('--api-key', KEY, pack=PACK, instance='webhook', params={'auth_header': token}) as xsoar:
        done = check(xsoar.url, tmp_path, DEMISTO_API_KEY=f'{KEY}\r\n', WEBHOOK_TOKEN=f'{token}\r')
    assert differing(verdicts(tmp_path)) == {DROPPED: 'unknown', ONE_CALL: 'unknown'}, done.stdout
    assert [secret for secret in (token, KEY) for text in (done.stdout, done.stderr) if secret in text] == []


@pytest.mark.parametrize('url', ['http://xsoar.example.com', 'ftp://xsoar.example.com', 'https://user:secret@xsoar.example.com',
                                 'http://127.0.0.1:1/?token=secret'])
def test_a_url_that_would_show_a_secret_is_refused(tmp_path: Path, url: str) -> None:
    done = check(url, tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r'check-server: .*\.\n', done.stderr)


def test_a_url_loses_its_last_slash_and_a_report_what_it_hides_in_either_spelling() -> None:
    assert check_url('https://xsoar.example.com/a/') == 'https://xsoar.example.com/a'
    assert check_url('http://[::1]/a') == 'http://[::1]/a'
    assert hide('a/b in a%2Fb, not a', ['', 'a/b']) == '... in ..., not a'
    assert '\n| otherwise | a/b | c d | e |\n' in markdown([Row('a|b', 'e', Finding(OTHERWISE, 'c\nd'))], '', '1.0.0')


def test_a_certificate_that_nobody_trusts_is_refused_before_a_secret_is_sent(tmp_path: Path) -> None:
    openssl = needs('openssl')
    pem = tmp_path / 'server.pem'
    subprocess.run([openssl, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=127.0.0.1', '-days', '2',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', pem, '-out', pem], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    seen: list[str] = []

    class Seeing(Answering):
        def do_POST(self) -> None:
            seen.append(self.path)

        do_GET = do_POST

    with served(Seeing, context) as url:
        done = check(url, tmp_path, '1\n1\n1\nyes\n')
    assert set(verdicts(tmp_path).values()) == {'unknown'}
    assert 'CERTIFICATE_VERIFY_FAILED' in done.stdout
    assert seen == []


def test_of_a_secret_that_begins_with_another_nothing_is_shown(tmp_path: Path) -> None:
    class Telling(Answering):
        def do_GET(self) -> None:
            self.answer(200, b'{"demistoVersion": "8 for a-key-and-more"}')

        do_POST = do_GET

    with served(Telling) as url:
        check(url, tmp_path, '1\n1\n1\nyes\n', DEMISTO_API_KEY='a-key', WEBHOOK_TOKEN='a-key-and-more')
    assert ' on Cortex XSOAR 8 for ...: ' in (tmp_path / 'report.md').read_text()


def test_no_more_incidents_are_created_than_the_person_was_told_of_and_a_rejected_event_is_none() -> None:
    class Rejecting(Answering):
        def do_POST(self) -> None:
            problem = b'{"title": "", "status": 401, "detail": ""}' if self.path == '/webhook' else b''
            is_shown = TOKEN_HEADER in self.headers
            self.answer(200 if is_shown else 401, b'[]' if is_shown else problem)

    secrets = Secrets('a-key', '', 'a-token')
    with served(Rejecting) as url:
        visit = Visit(Server(url, secrets), Webhook(f'{url}/webhook', secrets), 'mark', Bounds(1, 1, 1))
        assert visit.first.status == 200
        visit.send(*['second'] * (MAX_INCIDENTS - 1))
        with pytest.raises(CheckError, match=f'may create {MAX_INCIDENTS} incidents and no more'):
            visit.send('third')
        behind_proxy = Visit(visit.server, Webhook(f'{url}/proxy', secrets), 'mark', visit.bounds)
        assert behind_proxy.first.status == 401  # not the instance's: the token is shown once only


def test_no_body_is_larger_than_the_person_was_told_of_and_incidents_that_stay_open_are_named(
        capsys: pytest.CaptureFixture[str]) -> None:
    secrets = Secrets('a-key', '', 'a-token')
    visit = Visit(Server('', secrets), Webhook('', secrets), 'mark', Bounds(5, 1, 1))
    with mock.patch.multiple(visit.webhook, post=mock.Mock(return_value=Answer(200, '[{"id": "7"}]')),
                             post_blank=mock.Mock(return_value=Answer(200, '[]'))):
        assert allows_size(visit).seen == '5 MiB arrive, the most that was to be tried.'
        assert visit.first.status == 200
    with mock.patch.object(visit.server, 'close', side_effect=CheckError('No.')):
        close(visit)
    assert capsys.readouterr().out == 'Close these incidents by hand: 7. No.\n'
    assert [describe(Answer(200, json.dumps([{'id': '7'}] * number))) for number in (0, 1, 2)] == [
        '200 with 0 incidents', '200 with 1 incident', '200 with 2 incidents']


def test_the_terminal_names_the_document_of_what_is_otherwise() -> None:
    rows = [Row('A', 'a.md', Finding(AS_ASSUMED, 'Seen.')), Row('B', 'b.md', Finding(OTHERWISE, 'Not seen.'))]
    assert [line.split() for line in terminal_lines(rows)] == [
        ['AS', 'ASSUMED', 'A'], ['Seen.'], ['OTHERWISE', 'B'], ['Not', 'seen.'], ['assumed', 'in', 'b.md']]


def test_a_redirect_does_not_carry_the_key_away(tmp_path: Path) -> None:
    reached: list[str] = []

    class Elsewhere(Answering):
        def do_POST(self) -> None:
            reached.append(self.path)
            self.answer(500, b'')

        do_GET = do_POST

    with served(Elsewhere) as elsewhere:
        class Redirecting(Answering):
            def do_POST(self) -> None:
                self.answer(302, b'', Location=f'{elsewhere}/taken')

            do_GET = do_POST

        with served(Redirecting) as url:
            check(url, tmp_path, '1\n1\n1\nyes\n')
    assert reached == []
    assert 'as assumed' not in verdicts(tmp_path).values()


@pytest.mark.parametrize('question', QUESTIONS, ids=lambda question: question.assumed)
def test_each_assumption_names_a_document_that_is_there(question: Any) -> None:
    name, _, heading = question.document.partition('#')
    headings = re.findall(r'^#+ (.*)$', prose(read(ROOT / name)), re.MULTILINE)
    assert heading in {'', *(re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in headings)}
