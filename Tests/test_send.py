"""./dev send: each known sender's own request, to the local XSOAR and straight to a webhook."""
from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from local_xsoar import ROOT
from webhook import Webhook

TOKEN = base64.b64encode(b'a token that any sender can sign with').decode()


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    with Webhook('--senders', str(ROOT / 'senders'), token=TOKEN) as running:
        yield running


def send(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, '-m', 'localxsoar.send', *arguments], cwd=ROOT, text=True, capture_output=True,
                          timeout=60, check=False, env={**os.environ, **environment})


@pytest.mark.parametrize('sender', ['github', 'slack', 'splunk'])
def test_a_sender_makes_an_incident_here_and_by_an_address_and_a_token(webhook: Webhook, sender: str) -> None:
    here = send(sender, '--url', webhook.url)
    straight = send(sender, '--url', webhook.webhook_url, '--token', TOKEN)
    assert (here.returncode, straight.returncode) == (0, 0), here.stderr + straight.stderr
    assert ' incident ' in here.stdout.splitlines()[-1] and '200 OK' in straight.stdout.splitlines()[-1]
    assert TOKEN not in here.stdout + straight.stdout
    assert len(set(webhook.names()[-2:])) == 1


def test_a_refusal_is_told_and_fails(webhook: Webhook) -> None:
    done = send('github', '--url', webhook.webhook_url, '--token', 'wrong-token')
    assert done.returncode == 1 and done.stdout.splitlines()[-1].startswith('401 ')


MILLISECONDS_AT_MOST = 60_000  # of a request, which has no more time


@pytest.mark.parametrize('options', [[], ['--token', TOKEN]])
def test_what_is_printed_is_the_delivery_and_what_came_of_it(webhook: Webhook, options: list[str]) -> None:
    url = webhook.webhook_url if options else webhook.url
    done = send('splunk', '--url', url, *options)
    sender, payload, result = done.stdout.splitlines()
    assert sender == 'Splunk: alert of a saved search (token in ?token=)'
    assert len(payload) == 160 and payload.endswith('…')
    found = re.fullmatch(r'200 OK  (\d+) ms  (.*)', result)
    assert found and 0 < int(found[1]) < MILLISECONDS_AT_MOST
    assert ('"id"' if options else 'incident ') in found[2]


def test_a_refusal_by_the_local_xsoar_fails() -> None:
    with Webhook('--senders', str(ROOT / 'senders'), '--server-setting', 'instance.execute.external.webhook=false') as closed:
        done = send('github', '--url', closed.url)
    assert done.returncode == 1 and done.stdout.splitlines()[-1].startswith('403 Forbidden  ')


def test_a_refusal_is_printed_with_its_reason_alone(webhook: Webhook) -> None:
    done = send('github', '--url', webhook.webhook_url, '--token', 'wrong-token')
    assert '{' not in done.stdout.splitlines()[-1]


def test_a_proxy_is_used_for_another_machine_and_not_for_this_one(webhook: Webhook) -> None:
    asked: list[str] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers['Content-Length']))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(('127.0.0.1', 0), Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        environment = {'http_proxy': f'http://127.0.0.1:{proxy.server_port}', 'no_proxy': ''}
        there = send('splunk', '--url', 'http://webhook.example/in?a=b', '--token', 'a token', **environment)
        here = send('splunk', '--url', webhook.url, **environment)
        proxy.shutdown()
    assert (there.returncode, here.returncode) == (0, 0), there.stderr + here.stderr
    assert asked == ['http://webhook.example/in?a=b&token=a%20token']


def test_every_sender_is_listed_with_its_deliveries() -> None:
    listed = send('--list').stdout.splitlines()
    assert len(listed) == len(list((ROOT / 'senders').glob('*.json')))
    assert any(line.startswith('github ') and 'signature in X-Hub-Signature-256' in line for line in listed)


def test_a_reader_that_has_seen_enough_of_the_list_gets_no_traceback() -> None:
    with subprocess.Popen([sys.executable, '-m', 'localxsoar.send', '--list'], cwd=ROOT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as listing:
        assert listing.stdout and listing.stderr
        listing.stdout.close()
        assert listing.stderr.read() == ''


@pytest.mark.parametrize('arguments, words', [
    (['nobody'], "'nobody' is no sender: "),
    (['github', 'lunch'], "GitHub has no delivery 'lunch'. Known: "),
    (['github', '--url', 'http://127.0.0.1:1'], 'does not respond'),
    (['github', '--url', 'http://127.0.0.1:1/instance/execute/webhook'], 'a URL with a path is a webhook: give --token, too.'),
    (['github', '--url', 'http://127.0.0.1:1/?a=b', '--token', ''], 'http://127.0.0.1:1/ does not respond'),
    ([], 'give a sender; --list shows all.'),
])
def test_what_cannot_be_sent_is_told_in_one_line(arguments: list[str], words: str) -> None:
    done = send(*arguments)
    assert (done.returncode, done.stderr.count('\n')) == (2, 1) and words in done.stderr


@pytest.mark.parametrize('file', sorted((ROOT / 'senders').glob('*.json')), ids=lambda file: str(file.stem))
def test_a_delivery_of_each_sender_is_told_as_its_own(webhook: Webhook, file: Any) -> None:
    number = webhook.control('POST', f'senders/{file.stem}/send', json={})['number']
    delivery = webhook.control('GET', f'deliveries/{number}')
    recipe = json.loads(file.read_text('utf-8'))
    agent = recipe['deliveries'][0].get('headers', {}).get('User-Agent', '').partition('/')[0]
    assert delivery['sender'] in {recipe['sender'], agent} - {''}
