"""A delivery as a curl command, in real shells and with the real curl: it sends the same request, and runs nothing else."""
from __future__ import annotations

import gzip
import json
import re
import shutil
import socket
import string
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from clocks import PATIENCE_SECONDS
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from local_xsoar import ROOT, needs
from pages import newest_ended
from shared.webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets

PRINT_CURL = ROOT / 'Tests/localxsoar/web/page/print_curl.mjs'
ORIGIN = 'http://127.0.0.1:8080'
CurlCommand = Callable[..., str]

SHELLS = [shell for shell in map(shutil.which, ('bash', 'sh')) if shell]
# It writes down how many words it was given, each of them, and its standard input.
FAKE_CURL = r"""#!/bin/sh
printf '%s\0' $# "$@" >>"$0.words"
for word; do if [ "$word" = @- ]; then exec /bin/cat >>"$0.data"; fi; done
"""
TOKEN_CHARACTERS = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
PRINTABLE = ''.join(map(chr, range(0x21, 0x7f)))
HOSTILE = [
    "'", '"', '`touch pwned`', '`touch$IFS+pwned`', '$(touch pwned)', ';touch pwned;', "';touch pwned;'", '\n touch pwned\n',
    '!!', '!:', '-o', '--config', '@/etc/hostname', '%s%n', '\\', "\\'", '\\\n', '\t', '\r', '\x03\ntouch pwned\n', '\x04',
    '\x7f', '\x1b[201~\ntouch pwned\n', '\x85', 'é', 'ÿ', '•', '💥', '\u2028', '$', '${IFS}', '&', '|', '>pwned', '<', '#', '*',
    '~', '{a,b}', '[1-9]', ' ']


class Clean:
    """A folder to run pasted commands in: the only programs are a curl that writes down what it was asked, base64 and touch."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.place = folder / 'programs', folder / 'place'
        self.programs.mkdir()
        curl = self.programs / 'curl'
        curl.write_text(FAKE_CURL)
        curl.chmod(0o755)
        for name in ('base64', 'touch'):
            (self.programs / name).symlink_to(str(shutil.which(name)))
        self.environment = {'PATH': str(self.programs), 'HISTFILE': '/dev/null', 'TERM': 'dumb', 'PS1': '> '}

    def clear(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        for file in self.programs.glob('curl.*'):
            file.unlink()

    def run(self, shell: str, command: str) -> tuple[list[str], bytes]:
        """What curl was asked, and its standard input; nothing else may have happened."""
        self.clear()
        done = subprocess.run([shell, '-c', command], cwd=self.place, env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=PATIENCE_SECONDS, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b'', b'')
        return self.asked()

    def asked(self) -> tuple[list[str], bytes]:
        [count, *words, rest] = (self.programs / 'curl.words').read_bytes().decode('latin-1').split('\0')
        assert (int(count), rest, list(self.place.iterdir())) == (len(words), '', []), 'it ran once, and nothing else ran'
        data = self.programs / 'curl.data'
        return words, data.read_bytes() if data.exists() else b''


def newest(webhook: Webhook) -> dict[str, Any]:
    """Return the newest delivery, once it has ended, as the page has it when a person copies it."""
    delivery: dict[str, Any] = webhook.control('GET', f"deliveries/{newest_ended(webhook)['number']}?secrets=show")
    return delivery


def delivery_of(method: str, target: str, headers: Sequence[tuple[str, str]], body: str) -> dict[str, Any]:
    """A delivery in the form in which the page has it."""
    named = [{'name': name, 'value': value} for name, value in headers]
    request = {'headers': named, 'body': body, 'base64': '', 'size': len(body.encode())}
    return {'method': method, 'target': target, 'request': request}


def read_request(words: Sequence[str], data: bytes) -> tuple[str, str, list[tuple[str, str]], bytes]:
    """The method, target, headers and body that curl sends for these arguments, as its manual reads them."""
    options: dict[str, list[str]] = {}
    left, urls = list(words), []
    while left:
        word = left.pop(0)
        if word in ('-X', '-H', '--data-raw', '--data-binary', '--request-target'):
            options.setdefault(word, []).append(left.pop(0))
        else:
            assert word == '-g' or not word.startswith('-')
            urls += [word] if word != '-g' else []
    [url], [method] = urls, options['-X']
    assert re.fullmatch(r'http://127\.0\.0\.1:\d+/[^#\\]*', url) and (not re.search(r'[][{}]', url) or '-g' in words)
    assert not re.search(r'/\.|%2e', url.partition('?')[0], re.IGNORECASE), 'curl takes a dot out of the path'
    [target] = options.get('--request-target', [url[url.index('/', 7):]])
    headers = []
    for text in options.get('-H', []):
        assert re.match(r'[^@:;]+[:;]', text)
        headers += [(text[:-1], '')] if ':' not in text and text.endswith(';') else [
            (name, value) for name, _, value in [text.partition(': ')] if text not in ('Content-Type:', 'User-Agent:', 'Accept:')]
    assert options.get('--data-binary', ['@-']) == ['@-']
    [text] = options.get('--data-raw', [''])
    return method, target, headers, data or text.encode('latin-1')


@pytest.fixture(scope='module')
def curl_command() -> Iterator[CurlCommand]:
    """The page's own function, in Node.js: it returns the command for a delivery."""
    node = subprocess.Popen([needs('nodejs', 'node'), PRINT_CURL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            encoding='utf-8')

    def ask(delivery: dict[str, Any], origin: str = ORIGIN) -> str:
        assert node.stdin and node.stdout
        node.stdin.write(json.dumps({**delivery, 'origin': origin}) + '\n')
        node.stdin.flush()
        return str(json.loads(node.stdout.readline()))

    yield ask
    node.communicate()


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    return Clean(tmp_path)


def hostile(alphabet: str, most: int = 6) -> st.SearchStrategy[str]:
    pieces = [piece for piece in HOSTILE if set(piece) <= set(alphabet)]
    return st.lists(st.one_of(st.sampled_from(pieces), st.sampled_from(alphabet)), max_size=most).map(''.join)


LATIN = ''.join(chr(code) for code in range(1, 256) if chr(code) not in '\r\n\v\f')
METHODS = st.one_of(st.just('POST'), hostile(TOKEN_CHARACTERS).filter(bool))
TARGETS = st.one_of(hostile(PRINTABLE).map('/'.__add__), hostile(PRINTABLE).filter(bool))
NAMES = hostile(TOKEN_CHARACTERS).map(lambda name: f'{name}-x')
HEADERS = st.lists(st.tuples(NAMES, hostile(LATIN).map(lambda value: value.strip(' \t\x1c\x1d\x1e\x1f\x85\xa0'))), max_size=3)
BODIES = st.lists(st.one_of(st.sampled_from(HOSTILE), st.characters(exclude_categories=['Cs'])), max_size=8).map(''.join)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(METHODS, TARGETS, HEADERS, BODIES)
@example('`touch$IFS+pwned`', '/', [], '')
@example('-o', "/a'b", [('-H', '@/etc/passwd')], '@/etc/passwd')
@example('POST', '@elsewhere.example/', [('A', '')], '\x03\ntouch pwned\n')
@example('POST', '/a/../b/%2e./c?d={e}#f', [('A', '\x1b[201~`touch pwned`!!')], "it's\n!:\n")
@example('POST', '/', [('A', 'caf\xc3\xa9 \xff%s\\n')], 'x' * 40_000)
def test_a_copied_command_runs_nothing_but_curl_with_the_same_request_in_a_real_shell(
    curl_command: CurlCommand, clean: Clean, method: str, target: str, headers: list[tuple[str, str]], body: str
) -> None:
    command = curl_command(delivery_of(method, target, headers, body))
    for shell in SHELLS:
        assert read_request(*clean.run(shell, command)) == (method, target, headers, body.encode())


@pytest.mark.parametrize('method, headers, body', [
    ('`touch$IFS+pwned`', b'', b''), ('$', b'X-Hostile: $(touch pwned)\r\n', b''),
    ('POST', b"X-Hostile: ';touch pwned;'\r\n", b"';touch pwned;'"),
    ('POST', b'X-Hostile: \x1b[201~ caf\xc3\xa9 \xff!!\r\n', b'\x03\ntouch pwned\n'), ('POST', b'', b'\xff\x00\n`touch pwned`'),
    ('POST', b'Content-Encoding: gzip\r\n', gzip.compress(b'`touch pwned`')),
], ids=['method', 'header', 'quotes', 'keys of a terminal', 'no text', 'gzip'])
def test_what_an_unauthenticated_sender_sends_is_copied_as_a_command_that_sends_it_and_runs_nothing(
    curl_command: CurlCommand, webhook: Webhook, clean: Clean, method: str, headers: bytes, body: bytes
) -> None:
    url = urlsplit(webhook.webhook_url)
    head = (f'{method} {url.path} HTTP/1.1\r\nHost: h\r\nAuthorization: {TOKEN}\r\nContent-Length: {len(body)}\r\n'
            'Connection: close\r\n').encode()
    with socket.create_connection((url.hostname, url.port or 0), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(head + headers + b'\r\n' + body)
        while sender.recv(65536):
            pass
    command = curl_command(newest(webhook))
    named = [(name, value) for line in headers.decode('latin-1').splitlines() for name, _, value in [line.partition(': ')]]
    for shell in SHELLS:
        assert read_request(*clean.run(shell, command)) == (method, url.path, [('Authorization', TOKEN), *named], body)


@pytest.mark.parametrize('shell', SHELLS)
def test_a_copied_command_is_safe_to_paste_into_a_terminal(curl_command: CurlCommand, clean: Clean, shell: str) -> None:
    # Longer than what a terminal takes as one line from a shell without line editing.
    body = "\x03\x04\ntouch pwned\n\x1b[201~'\t\n!:\n\x15`touch pwned`\n" + 'x' * 40_000
    request = ('!!', "/'", [('!:', "!:\x03'\x1b\x7f")], body)
    command = curl_command(delivery_of(*request))
    clean.clear()
    typed = f": '; touch pwned #'\n{command}\nexit\n"
    terminal = [sys.executable, '-c', 'import pty, sys; pty.spawn(sys.argv[1:])', shell, '-i']
    subprocess.run(terminal, input=typed.encode(), cwd=clean.place, env=clean.environment, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=PATIENCE_SECONDS, check=False)
    assert read_request(*clean.asked()) == (*request[:3], body.encode())


def test_the_real_curl_sends_a_body_that_names_a_file_and_a_url_that_is_a_pattern(
    curl_command: CurlCommand, webhook: Webhook
) -> None:
    needs('curl')
    body = f"@{ROOT / 'LICENSE'}"
    requests.post(f'{webhook.webhook_url}?a[]={{b,c}}', body, headers={'Authorization': TOKEN, 'X-Empty': ''},
                  timeout=PATIENCE_SECONDS)
    first = newest(webhook)
    subprocess.run(['bash', '-c', curl_command(first, webhook.url)], capture_output=True, timeout=PATIENCE_SECONDS, check=True)
    again = newest(webhook)
    names = [{header['name'].lower() for header in each['request']['headers']} - {'connection', 'accept-encoding'}
             for each in (again, first)]
    assert again['number'] != first['number']
    assert (again['target'], again['request']['body'], names[0]) == (first['target'], body, names[1])
