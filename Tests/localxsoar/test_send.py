"""./dev send: each known sender's own request, to the local XSOAR and straight to a webhook."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from listening import listening
from local_xsoar import ROOT, Answering, run_main, served, wait_for
from terminal import CTRL_C, InTerminal, run_in_terminal
from shared.webhook import Webhook

from localxsoar.running import announced, announced_url
from localxsoar.send import main
from localxsoar.terminal.terminal import width
from localxsoar.webhooks.senders import with_query

pytestmark = pytest.mark.sockets

SENDERS = len(list((ROOT / 'senders').glob('*/deliveries.json')))

TOKEN = b'a token that any sender can sign with.'.hex()  # which is base64, too


@pytest.fixture(scope='module')
def url_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp('server') / 'url'


@pytest.fixture(scope='module')
def webhook(url_file: Path) -> Iterator[Webhook]:
    with Webhook('--senders', str(ROOT / 'senders'), '--url-file', str(url_file), token=TOKEN) as running:
        yield running


def send(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    with mock.patch.dict(os.environ, environment):
        return run_main(main, '--senders', str(ROOT / 'senders'), *arguments)


@pytest.mark.parametrize('sender', ['github', 'slack', 'splunk'])
def test_a_sender_makes_an_incident_here_and_by_an_address_and_a_token(webhook: Webhook, sender: str) -> None:
    here = send(sender, '--url', webhook.url)
    straight = send(sender, '--url', webhook.webhook_url, '--token', TOKEN)
    assert (here.returncode, straight.returncode) == (0, 0), here.stderr + straight.stderr
    assert ' → ' in here.stdout.splitlines()[-1] and '200 OK' in straight.stdout.splitlines()[-1]
    assert TOKEN not in here.stdout + straight.stdout
    assert len(set(webhook.names()[-2:])) == 1


def test_a_rejection_is_printed_with_its_reason_alone_and_fails(webhook: Webhook) -> None:
    done = send('github', '--url', webhook.webhook_url, '--token', 'wrong-token')
    line = done.stdout.splitlines()[-1]
    assert done.returncode == 1 and line.startswith('401 ') and '{' not in line


@pytest.mark.parametrize('options', [[], ['--token', TOKEN]])
def test_what_is_printed_is_the_delivery_and_what_came_of_it(webhook: Webhook, options: list[str]) -> None:
    url = webhook.webhook_url if options else webhook.url
    done = send('splunk', '--url', url, *options)
    sender, payload, result = done.stdout.splitlines()
    assert sender == 'Splunk: alert of a saved search (token in ?token=)'
    assert len(payload) == 160 and payload.endswith('…')
    found = re.fullmatch(r'200 OK  [1-9]\d* ms  (.*)', result)
    assert found and ('"id"' if options else '→ ') in found[1]


@pytest.mark.parametrize('options', [[], ['--token', TOKEN]])
def test_words_are_added_to_the_url_and_what_is_wrong_with_them_is_printed(webhook: Webhook, options: list[str]) -> None:
    url = webhook.webhook_url if options else webhook.url
    done = send('opsgenie', '--url', url, *options, '--query', "name='On call',alert.message&skip=a=b=c&nmae=x")
    assert (done.returncode, webhook.names()[-1]) == (0, 'On call: VPN gateway unreachable')
    assert done.stdout.splitlines()[-1] == ('x-webhook-note: skip, part 1: a value that contains = must be quoted (ignored); '
                                            'name: a parameter with nearly this name was ignored')
    assert send('opsgenie', '--url', url, *options, '--query', '?skip=alert').stdout.splitlines()[-1].startswith('200 OK')


def test_a_word_replaces_the_one_that_the_recipe_has() -> None:
    delivery = {'title': 'x', 'query': 'each=alerts&type=A'}
    assert with_query(delivery, 'type=B C&name=a|b')['query'] == 'each=alerts&type=B%20C&name=a%7Cb'
    assert with_query(delivery, '')['query'] == 'each=alerts&type=A'
    assert with_query({'title': 'x'}, '?name=a%2Cb+c')['query'] == 'name=a%2Cb+c'


def test_a_rejection_by_the_local_xsoar_fails(webhook: Webhook) -> None:
    webhook.control('POST', 'instance/disable')
    done = send('github', '--url', f'{webhook.url}/')
    webhook.control('POST', 'instance/enable')
    assert done.returncode == 1 and done.stdout.splitlines()[-1].startswith('503 Service Unavailable  ')
    wait_for(lambda: webhook.control('GET', 'instance')['ready'])


def test_a_proxy_is_used_for_another_machine_and_not_for_this_one(webhook: Webhook) -> None:
    asked: list[str] = []

    class Proxy(Answering):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers['Content-Length']))
            self.answer(200, b'')

    with served(Proxy) as proxy:
        environment = {'http_proxy': proxy, 'no_proxy': ''}
        there = send('splunk', '--url', 'http://webhook.example/in?a=b', '--token', 'a token', **environment)
        here = send('splunk', '--url', webhook.url, **environment)
        nobody = send('splunk', '--url', 'http://[::1]:1', **environment)
    assert (there.returncode, here.returncode) == (0, 0), there.stderr + here.stderr
    assert '[::1]:1 does not respond: ' in nobody.stderr
    assert asked == ['http://webhook.example/in?a=b&token=a%20token']


def test_every_sender_is_listed_with_its_deliveries() -> None:
    listed = send('--list').stdout.splitlines()
    assert len(listed) == len(list((ROOT / 'senders').glob('*/deliveries.json')))
    assert any(line.startswith('github ') and 'signature in X-Hub-Signature-256' in line for line in listed)


def test_a_reader_that_has_seen_enough_of_the_list_gets_no_traceback() -> None:
    with subprocess.Popen([sys.executable, '-m', 'localxsoar.send', '--list'], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout and listing.stderr
        listing.stdout.close()
        assert listing.stderr.read() == ''


@pytest.mark.parametrize('arguments, words', [
    (['nobody'], f"'nobody' is not a sender. There are {SENDERS}. --list shows all."),
    (['gihub'], "'gihub' is not a sender. Did you mean github, "), (['defendr'], 'Did you mean microsoft-defender'),
    (['a'], 'is one of several senders: 1password, '), (['github', 'push', '--all'], 'give no DELIVERY'),
    (['github', '--token', 'x'], '--token needs --url'), (['github', '--url', 'webhook.example'], 'is not a URL'),
    (['github', '--url', 'http://[::1'], 'http://[::1 is not a URL'),
    (['github', '--url', 'http://nosuch.invalid'], 'http://nosuch.invalid does not respond: '),
    (['github', '--url', 'http://127.0.0.1:1'], 'respond: Connection refused. ./dev run starts a local XSOAR.'),
    (['github', 'lunch'], "GitHub has no delivery 'lunch', but "),
    (['--all', '--query', 'type=x'], '--query goes with one delivery: leave out --all.'),
    (['github', '--url', 'http://127.0.0.1:1/instance/execute/webhook'], 'a URL with a path is a webhook: give --token, too.'),
    (['github', '--url', 'http://127.0.0.1:1/?a=b', '--token', ''], 'http://127.0.0.1:1/ does not respond'),
    ([], 'give a sender; --list shows all.'),
])
def test_what_cannot_be_sent_is_reported_in_one_line(arguments: list[str], words: str) -> None:
    done = send(*arguments)
    assert (done.returncode, done.stderr.count('\n')) == (2, 1) and words in done.stderr
    assert len(done.stderr) < 400, 'a person has to find the mistake in it'


def test_a_token_that_cannot_be_sent_is_not_printed() -> None:
    done = send('gitlab', '--url', 'http://127.0.0.1:1', '--token', 'a\nsecret')
    assert (done.returncode, done.stderr.count('\n')) == (2, 1) and 'secret' not in done.stderr


OTHER_SERVERS = {
    'HTML': b'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>', 'JSON': b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}',
    'a list': b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]',  # to everything
    'nothing there': b'HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n[]', 'no HTTP': b'SSH-2.0-OpenSSH_9.2\r\n',
    'silence': b'', 'half a response': b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n[]',
    'half a refusal': b'HTTP/1.1 500 Oh\r\nContent-Length: 20\r\n\r\n[]',
}


@pytest.mark.parametrize('response', OTHER_SERVERS.values(), ids=OTHER_SERVERS)
def test_another_server_is_reported_in_one_line(response: bytes) -> None:
    def respond(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(response)

    with listening(respond) as port:
        done = send('github', '--url', url := f'http://127.0.0.1:{port}')
    assert (done.returncode, done.stderr.count('\n')) == (2, 1), done.stderr
    assert url in done.stderr and './dev run starts' in done.stderr


def test_the_server_that_has_written_its_address_is_found(webhook: Webhook, url_file: Path) -> None:
    assert url_file.read_text() == f'{webhook.url}\n'
    before = len(webhook.names())
    done = send('splunk', '--url-file', str(url_file))
    assert (done.returncode, len(webhook.names())) == (0, before + 1), done.stderr


def test_the_usual_address_comes_after_the_announced_one_unless_that_requires_the_key(tmp_path: Path) -> None:
    class Locked(Answering):
        def do_GET(self) -> None:
            self.answer(401, b'')

    shutil.copytree(ROOT / 'senders/splunk', tmp_path / 'nobody')  # which no local XSOAR at the usual address could send
    arguments = ('nobody', '--senders', str(tmp_path), '--url-file', str(tmp_path / 'url'))
    with served(Locked) as locked:
        for announced_address, is_named in (('http://127.0.0.1:1', False), (locked, True)):
            (tmp_path / 'url').write_text(announced_address)
            done = send(*arguments, DEMISTO_API_KEY='')
            assert (done.returncode, f'{announced_address} ' in done.stderr) == (2, is_named), done.stderr


@pytest.mark.parametrize('other', ['', 'http://127.0.0.1:1\n'])
def test_an_address_is_kept_after_its_server_only_if_another_server_has_written_it(tmp_path: Path, other: str) -> None:
    file = tmp_path / 'url'
    with announced(file, 'http://127.0.0.1:2'):
        assert announced_url(file) == 'http://127.0.0.1:2'
        if other:
            file.write_text(other)
    assert announced_url(file) == other.strip()


def test_all_deliveries_of_a_sender_are_sent_with_a_line_for_each(webhook: Webhook) -> None:
    done = send('okta', '--all', '--url', webhook.url)
    *lines, total = done.stdout.splitlines()
    count = len(json.loads((ROOT / 'senders/okta/deliveries.json').read_text('utf-8'))['deliveries'])
    assert (done.returncode, len(lines), total) == (0, count, f'{count} deliveries: {count} × 200')
    assert all(re.match(r'200 +\d+ ms  Okta {16}  .{28}  \S', line) for line in lines)


def test_every_delivery_of_every_sender_is_sent(webhook: Webhook, tmp_path: Path) -> None:
    count = 0
    for name in ('slack', 'opsgenie', 'splunk', 'apprise'):  # Apprise's have no query
        folder = shutil.copytree(ROOT / 'senders' / name, tmp_path / name)
        count += len(json.loads((folder / 'deliveries.json').read_text('utf-8'))['deliveries'])
    done = send('--all', '--url', webhook.url, '--senders', str(tmp_path))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, f'{count} deliveries: {count} × 200')
    facts = shutil.copytree(ROOT / 'senders/github', tmp_path / 'github') / 'sender.yml'
    facts.write_text(facts.read_text('utf-8').replace('X-Hub-Signature-256', 'X-Other'), 'utf-8')
    done = send('--all', '--url', webhook.webhook_url, '--token', TOKEN, '--senders', str(tmp_path))
    assert done.returncode == 1 and f'{count} × 200' in done.stdout.splitlines()[-1], 'one rejection is enough'


def test_what_was_rejected_or_not_sent_is_counted_and_fails(webhook: Webhook) -> None:
    rejected = send('okta', '--all', '--url', webhook.webhook_url, '--token', 'wrong')
    unsent = send('microsoft-teams', '--all', '--url', webhook.webhook_url, '--token', 'no base64')
    assert (rejected.returncode, unsent.returncode) == (1, 1)
    assert re.fullmatch(r'\d+ deliveries: \d+ × 401', rejected.stdout.splitlines()[-1])
    assert re.match(r'---    0 ms  Microsoft Teams .* not sent: This sender signs', unsent.stdout)
    assert re.fullmatch(r'(\d+) deliveries: \1 × not sent', unsent.stdout.splitlines()[-1])


def test_a_redirect_is_no_success_and_the_first_delivery_without_a_response_ends_all() -> None:
    class Odd(Answering):
        def do_GET(self) -> None:
            self.answer(200, b'[]')

        def do_POST(self) -> None:
            if self.path == '/webhook':
                self.answer(300, b'')
            self.close_connection = True

    with served(Odd) as url:
        redirected = send('github', '--url', f'{url}/webhook', '--token', 'token')
        ended = send('github', '--all', '--url', url)
    assert redirected.returncode == 1 and '300 Multiple Choices  ' in redirected.stdout
    assert (ended.returncode, ended.stdout) == (2, '') and f'{url}/localxsoar/senders/github/send does not' in ended.stderr


def test_one_sender_is_listed_with_a_line_for_each_delivery() -> None:
    deliveries = json.loads((ROOT / 'senders/github/deliveries.json').read_text('utf-8'))['deliveries']
    assert [line[84:].strip() for line in send('github', '--list').stdout.splitlines()] == [each['title'] for each in deliveries]


def send_in_terminal(*arguments: str, **options: Any) -> tuple[int, InTerminal]:
    return run_in_terminal(sys.executable, '-m', 'localxsoar.send', *arguments, **options)


def test_each_line_fits_its_terminal_and_shows_the_status_in_its_colour(webhook: Webhook) -> None:
    code, every = send_in_terminal('alertmanager', '--all', '--url', webhook.url)
    assert code == 0 and all(line.startswith('\x1b[3') for line in every.coloured_lines[:-1])
    code, one = send_in_terminal('github', '--url', webhook.webhook_url, '--token', 'wrong')
    assert code == 1 and one.coloured_lines[-1].startswith('\x1b[33m401 Unauthorized\x1b[0m  ')
    _, listed = send_in_terminal('--list')
    assert {terminal.rows(line) for terminal in (every, listed) for line in terminal.lines} == {1}
    assert one.rows(one.lines[1]) == 1 and width(one.lines[1]) == 80


def test_a_wide_terminal_shows_more_of_a_payload(webhook: Webhook) -> None:
    _, one = send_in_terminal('github', '--url', webhook.webhook_url, '--token', 'wrong', columns=200)
    assert one.rows(one.lines[1]) == 1 and width(one.lines[1]) >= 160


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    with socket.create_server(('127.0.0.1', 0)) as silent:
        url = f'http://127.0.0.1:{silent.getsockname()[1]}'
        with InTerminal(sys.executable, '-m', 'localxsoar.send', 'github', '--url', url) as terminal:
            connection, _ = silent.accept()
            terminal.press(CTRL_C)
            assert terminal.end() == -signal.SIGINT
            connection.close()
    assert terminal.text in ('', '^C')
