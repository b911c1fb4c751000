"""Holds the documentation to the code: its commands run, its answers come, its names, numbers and links are there.

What README.md, CONTRIBUTING.md and the pack's documents say is read out of them, so a new command or row is checked without
a change here, or fails until a check for its kind is written.
"""
from __future__ import annotations

import base64
import configparser
import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from importlib.metadata import metadata
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

import GenericWebhook as script
import pytest
import requests
import yaml
from local_xsoar import ROOT, LocalXsoar
from names_table import land
from webhook import PACK

from localxsoar.senders import KINDS, load_senders

INTEGRATION = PACK / 'Integrations/GenericWebhook'
SOURCE = (INTEGRATION / 'GenericWebhook.py').read_text('utf-8')
DESCRIPTOR = yaml.safe_load((INTEGRATION / 'GenericWebhook.yml').read_text('utf-8'))
PARAMETERS = [parameter for parameter in DESCRIPTOR['configuration'] if not parameter.get('hidden')]
IMAGE = ROOT / 'docker/generic-webhook'

README = ROOT / 'README.md'
MANUAL = INTEGRATION / 'README.md'
DESCRIPTION = INTEGRATION / 'GenericWebhook_description.md'
INSTALL = ROOT / 'docs/install.md'
WITH_COMMANDS = [README, ROOT / 'CONTRIBUTING.md', ROOT / 'CHANGELOG.md', MANUAL, *sorted((ROOT / 'docs').glob('*.md'))]
MADE = {'dist'}
ALL = sorted(file for file in ROOT.rglob('*.md') if not any(
    part in MADE or part.startswith('.') for part in file.relative_to(ROOT).parts))

WEBHOOK_URL = re.compile(r'https?://[\w.:-]+(?:/xsoar)?/instance/execute/webhook')
FORM = {'Content-Type': 'application/x-www-form-urlencoded'}  # as curl -d says without being asked


# Reading the documents


class Command(NamedTuple):
    """A command in a document, with what it is said to print."""

    text: str
    printed: str = ''

    def __str__(self) -> str:
        return self.text[:60]


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block, without its indent."""
    found = re.findall(r'^( *)```(\w*)\n(.*?)^ *```$', text, re.MULTILINE | re.DOTALL)
    return [(language, re.sub(f'^{indent}', '', block, flags=re.MULTILINE)) for indent, language, block in found]


def without_code_blocks(text: str) -> str:
    return re.sub(r'^ *```.*?^ *```$', '', text, flags=re.MULTILINE | re.DOTALL)


def transcript(block: str) -> list[Command]:
    parts = re.split(r'^\$ ', block, flags=re.MULTILINE)[1:]
    return [Command(command, printed) for command, _, printed in (part.partition('\n') for part in parts)]


def commands(file: Path) -> list[Command]:
    """Those in blocks, and those of ours in the text."""
    text = file.read_text('utf-8')
    found: list[Command] = []
    for language, block in code_blocks(text):
        if language == 'console':
            found += transcript(block)
        elif language in ('sh', 'bash') or block.startswith('/'):
            found += [Command(re.sub(r'\s+#.*', '', line)) for line in block.splitlines() if line.strip()]
    found += [Command(code) for code in re.findall(r'`((?:\./dev|python -m|rm) [^`]+)`', without_code_blocks(text))]
    return list(dict.fromkeys(found))


def table(text: str, *header: str) -> list[list[str]]:
    """The cells of the table with this header, with nothing of their markup but backticks."""
    rows = [cells(line.strip()) for line in text.splitlines()]
    return list(takewhile(bool, rows[rows.index(list(header)) + 2:]))


def cells(line: str) -> list[str]:
    return [cell.strip().replace('*', '') for cell in line.strip('|').split('|')] if line.startswith('|') else []


def section(text: str, title: str) -> str:
    """What stands under a heading of the second or third level, up to the next of either."""
    match = re.search(rf'^###? {re.escape(title)}$(.*?)(?=^###? |\Z)', text, re.MULTILINE | re.DOTALL)
    assert match, f'there is no section {title}'
    return match[1]


def chapter(text: str, title: str) -> str:
    """What stands under a heading of the second level, with all that is below it."""
    return re.split(r'^## ', text.partition(f'\n## {title}\n')[2], maxsplit=1, flags=re.MULTILINE)[0]


def holding(title: str) -> Path:
    """The one document beside the pack's own that has this heading: README.md, or a page that it was moved to."""
    found = [file for file in (README, ROOT / 'CONTRIBUTING.md', *(ROOT / 'docs').glob('*.md'))
             if re.search(rf'^## {re.escape(title)}$', file.read_text('utf-8'), re.MULTILINE)]
    assert len(found) == 1, f'{title} is in {found}'
    return found[0]


def in_backticks(text: str) -> list[str]:
    return re.findall('`([^`]+)`', text)


# A checkout in which every environment is there already, so that its ./dev installs nothing.


@pytest.fixture(scope='module')
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('checkout')
    shutil.copy(ROOT / 'dev', folder / 'dev')
    for name in ('Packs', 'localxsoar', 'requirements', 'senders'):
        (folder / name).symlink_to(ROOT / name)
    # The runner of the checks says what it was asked instead of running them: this test is one of them.
    runner = f'case "$*" in "-m tox "*) echo "$@" ;; *) exec {sys.executable} "$@" ;; esac'
    for environment, requirements, python in (('.venv', 'run.txt', f'exec {sys.executable} "$@"'),
                                              ('.tox/dev', 'dev.txt', runner)):
        (folder / environment / 'bin').mkdir(parents=True)
        shutil.copy(ROOT / 'requirements' / requirements, folder / environment / 'installed.txt')
        executable = folder / environment / 'bin/python'
        executable.write_text(f'#!/bin/sh\n{python}\n', encoding='ascii')
        executable.chmod(0o755)
    return folder


class DevRun(LocalXsoar):
    """`./dev run ARGUMENTS...` on a port of its own."""

    def __init__(self, checkout: Path, *arguments: str) -> None:
        super().__init__(pack=PACK)
        self.command = [str(checkout / 'dev'), 'run', '--port', '0', '--end-with-stdin', *arguments]

    def answer_of(self, command: str) -> str:
        """What a documented curl prints when it is sent here."""
        here = WEBHOOK_URL.sub(self.webhook_url, command)
        assert here != command, 'the command names no webhook URL'
        done = subprocess.run(['bash', '-c', here], capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def post(self, body: str | bytes, content_type: str = FORM['Content-Type'], **headers: str) -> requests.Response:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace('_', '-'): value for name, value in headers.items()}
        return requests.post(self.webhook_url, data, timeout=30,
                             headers={'Authorization': 'token', 'Content-Type': content_type, **named})


@pytest.fixture(scope='module')
def running(checkout: Path) -> Iterator[DevRun]:
    with DevRun(checkout) as xsoar:
        yield xsoar


def assert_printed(printed: str, documented: str) -> None:
    """The same but for what differs from run to run; `...` stands for anything."""
    def steady(text: str) -> str:
        return re.sub(r'127\.0\.0\.1:\d+|(?<=Container port: )\d+|^\d\d:\d\d:\d\d|(?<= 200) +\d+ ms|(?<=^200 OK)  \d+ ms|'
                      r'(?<="id": ")\d+', '-', text.strip(), flags=re.MULTILINE)

    pattern = re.escape(steady(documented)).replace(re.escape('...'), '.*')
    assert re.fullmatch(pattern, steady(printed), re.DOTALL), f'{printed}\nis not what the document says:\n{documented}'


# The first screen


def test_the_transcript_of_the_first_incident_is_what_happens(checkout: Path) -> None:
    run, send, curl, *_ = [command for language, block in code_blocks(README.read_text('utf-8')) if language == 'console'
                           for command in transcript(block)]
    with DevRun(checkout) as xsoar:
        assert_printed(dev_send(checkout, send, xsoar), send.printed)
        assert_printed(xsoar.answer_of(curl.text), curl.printed)
        xsoar.wait_for_line(' incident 2  ')
        # The container's log and health come whenever they come; the document leaves them out.
        printed = '\n'.join(line for line in xsoar.output if not re.match(r'\d\d:\d\d:\d\d  (log|health)', line))
    assert_printed(printed, run.printed.replace('\n...\n', '\n'))


def test_dev_without_an_argument_tells_of_both_commands(checkout: Path) -> None:
    done = subprocess.run([checkout / 'dev'], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    first_two = [command.text for command in commands(README)][:2]
    assert first_two == ['./dev run', './dev test']
    assert all(f'{command} [' in done.stderr for command in first_two)


# Every command


def check_dev_run(command: Command, checkout: Path, running: DevRun) -> None:
    arguments = shlex.split(command.text)[2:]
    if arguments == ['--help']:
        done = subprocess.run([checkout / 'dev', 'run', '--help'], capture_output=True, text=True, timeout=30, check=True)
        assert 'does NOT emulate' in done.stdout
    elif arguments:
        with DevRun(checkout, *arguments) as xsoar:
            assert xsoar.post('{}').status_code == 200


def dev_send(checkout: Path, command: Command, running: DevRun) -> str:
    arguments = [str(checkout / 'dev'), *shlex.split(command.text)[1:], '--url', running.url]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=30, check=True).stdout


def check_dev_send(command: Command, checkout: Path, running: DevRun) -> None:
    assert dev_send(checkout, command, running)


def check_dev_screenshots(command: Command, checkout: Path, running: DevRun) -> None:
    assert 'screenshots' in tox_environments()


def check_dev_test(command: Command, checkout: Path, running: DevRun) -> None:
    words = shlex.split(command.text)
    done = subprocess.run([checkout / 'dev', *words[1:]], capture_output=True, text=True, timeout=30, check=True)
    asked, verdict = done.stdout.splitlines()
    assert asked.endswith(' '.join(['run', *words[2:]] if words[2:] else ['--parallel-no-spinner']))
    assert verdict == 'dev test: passed'
    if '-e' in words:
        assert words[words.index('-e') + 1] in tox_environments()
    if '-k' in words:
        folder, wanted = words[words.index('--') + 1], words[words.index('-k') + 1]
        assert any(re.search(f'def test_.*{wanted}', file.read_text('utf-8')) for file in (ROOT / folder).rglob('*test*.py'))


def check_dev_names(command: Command, checkout: Path, running: DevRun) -> None:
    done = subprocess.run([sys.executable, '-m', 'names_table'], cwd=ROOT, capture_output=True, text=True, check=True,
                          env={**os.environ, 'PYTHONPATH': os.pathsep.join(path for path in sys.path if path)})
    assert 'names) print_names' in (checkout / 'dev').read_text('utf-8')
    assert all(json.loads(file.read_text('utf-8'))['sender'][:20] in done.stdout for file in (ROOT / 'senders').glob('*.json'))


def check_dev_release(command: Command, checkout: Path, running: DevRun) -> None:
    told = (checkout / 'dev').read_text('utf-8')  # Tests/test_release.py makes one
    assert 'release) shift; release "$@"' in told
    assert 'tools/release.py' in told


def tox_environments() -> set[str]:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / 'tox.ini', 'utf-8')
    return {*tox['tox']['env_list'].split(), *(name.removeprefix('testenv:') for name in tox.sections())}


def check_local_xsoar(command: Command, checkout: Path, running: DevRun) -> None:
    done = subprocess.run([sys.executable, '-m', 'localxsoar', '--help'], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith('usage: python -m localxsoar')


def check_curl(command: Command, checkout: Path, running: DevRun) -> None:
    if user := re.search(r' -u (\S+)', command.text):  # as on a tenant, where the platform asks for them, too
        token = f'Basic {base64.b64encode(user[1].encode()).decode()}'
        assert f'`{token}`' in INSTALL.read_text('utf-8')
        with DevRun(checkout, '--set', f'auth_header={token}') as tenant:
            answer = tenant.answer_of(command.text)
    else:
        answer = running.answer_of(command.text)
    if command.printed:
        assert_printed(answer, command.printed)
    else:
        assert json.loads(answer)[0]['id']


def check_docker_build(command: Command, checkout: Path, running: DevRun) -> None:
    words = shlex.split(command.text)
    assert words[words.index('-t') + 1] == DESCRIPTOR['script']['dockerimage']
    assert words[words.index('--platform') + 1] == 'linux/amd64'
    assert (ROOT / words[-1] / 'Dockerfile').is_file()


def check_docker_save(command: Command, checkout: Path, running: DevRun) -> None:
    assert shlex.split(command.text)[2] == DESCRIPTOR['script']['dockerimage']
    assert f'docker load < {command.text.split()[-1]}' in INSTALL.read_text('utf-8')


def check_image_in_the_war_room(command: Command, checkout: Path, running: DevRun) -> None:
    given = dict(word.split('=', 1) for word in command.text.split()[1:])
    assert given['base'] == 'demisto/python3-deb:<TAG>'  # on Debian, as the command wants it
    assert given['name'] == DESCRIPTOR['script']['dockerimage'].partition(':')[0]
    assert given['dependencies'].split(',') == list(IN_THE_IMAGE)


def check_environment(command: Command, checkout: Path, running: DevRun) -> None:
    named = re.findall(r'(\w+)=', command.text)
    assert set(named) <= {'DEMISTO_BASE_URL', 'DEMISTO_API_KEY', 'XSIAM_AUTH_ID'}


def check_upload(command: Command, checkout: Path, running: DevRun) -> None:
    program, _, option, zipped = shlex.split(command.text)
    assert f'{{tox_root}}/{Path(zipped).parts[0]}' in (ROOT / 'tox.ini').read_text('utf-8')
    assert Path(zipped).stem == PACK.name
    environment = (ROOT / program).parents[1]
    # Read, not run: the program takes 9 s to print its help.
    sources = list(environment.glob('lib/python3*/site-packages/demisto_sdk/commands/upload/*.py'))
    if not sources:
        pytest.skip('demisto-sdk is not installed; ./dev test -e sdk installs it')
    assert any(f'"{option}"' in source.read_text('utf-8') for source in sources)


def check_removal(command: Command, checkout: Path, running: DevRun) -> None:
    ignored = (ROOT / '.gitignore').read_text('utf-8').splitlines()
    assert all(f'{name}/' in ignored for name in command.text.split()[2:])


CHECKS: dict[str, Callable[[Command, Path, DevRun], None]] = {
    r'\./dev run\b': check_dev_run, r'\./dev test\b': check_dev_test,
    r'\./dev names$': check_dev_names, r'\./dev send\b': check_dev_send, r'\./dev screenshots$': check_dev_screenshots,
    r'python -m localxsoar\b': check_local_xsoar,
    'docker save ': check_docker_save, 'export ': check_environment, r'curl ': check_curl, r'printf .* \| curl ': check_curl,
    r'docker build ': check_docker_build,
    r'/docker_image_create ': check_image_in_the_war_room, r'\.tox/sdk/bin/demisto-sdk upload ': check_upload,
    r'rm -rf ': check_removal, r'\./dev release X\.Y\.Z$': check_dev_release,
}


@pytest.mark.parametrize('command', dict.fromkeys(command for file in WITH_COMMANDS for command in commands(file)), ids=str)
def test_a_documented_command_does_what_it_says(command: Command, checkout: Path, running: DevRun) -> None:
    check = next((check for pattern, check in CHECKS.items() if re.match(pattern, command.text)), None)
    assert check, f'no check knows {command.text}'
    check(command, checkout, running)


# Parameters


@pytest.mark.parametrize('file', [INSTALL, MANUAL], ids=['install', 'integration'])
def test_the_parameters_are_those_of_the_descriptor(file: Path) -> None:
    text = file.read_text('utf-8')
    if file == INSTALL:
        documented = table(text, 'Parameter', 'Description', 'Required')
        expected = [[each['name'], each['display'], str(each['required'])] for each in PARAMETERS]
    else:
        documented = table(text, 'Parameter', 'Name', 'Description', 'Required')
        expected = [[each['display'], each['name'], each['additionalinfo'], str(each['required'])] for each in PARAMETERS]
    assert documented == expected


def test_the_instances_form_is_described_in_its_own_labels() -> None:
    bold = set(re.findall(r'\*\*([^*]+)\*\*', DESCRIPTION.read_text('utf-8')))
    labels = {each['display'] for each in PARAMETERS}
    assert bold - labels == {'Authorization', 'Settings', 'About', 'Troubleshooting', 'Server Configuration'}
    assert {each['display'] for each in PARAMETERS if each['required']} <= bold


# What is sent and what comes of it


@pytest.mark.parametrize('file', [holding('Usage'), MANUAL], ids=['root', 'integration'])
def test_the_fields_are_those_that_the_script_reads(file: Path) -> None:
    text = file.read_text('utf-8')
    fields = {name for name, *_ in table(text, 'Field', 'Type', 'Description')}
    assert fields == {*script.TEXT_KEYS, 'raw_json'}
    assert all(f'`{key}`' in text for key in script.RAW_KEYS)
    assert f'`{script.DEFAULT_NAME}`' in text


@pytest.mark.skipif(sys.version_info < (3, 11), reason='the container has Python 3.12; 3.10 reads fewer forms')
def test_each_form_of_a_date_becomes_what_the_page_says() -> None:
    for sent, becomes in table(holding('Usage').read_text('utf-8'), 'sent', 'becomes'):
        assert script.to_rfc3339(sent.strip('`')) == becomes.strip('`')


@pytest.mark.parametrize('content_type, body, details', [
    [cell.strip('`') for cell in row]
    for row in table(holding('Usage').read_text('utf-8'), 'Content-Type', 'body', 'details, beside the headers')])
def test_a_body_that_is_no_json_becomes_the_details_that_the_page_says(
        running: DevRun, content_type: str, body: str, details: str) -> None:
    assert running.post(body, content_type).status_code == 200
    raw = running.sent()[-1]['rawJSON']
    assert raw.startswith(f'{details[:-1]}, "headers": ')
    assert json.loads(raw).keys() == {*json.loads(details), 'headers'}


def test_the_example_of_a_new_sender_is_let_in_and_called_as_it_expects(tmp_path: Path) -> None:
    example, = [block for language, block in code_blocks((ROOT / 'docs/new-sender.md').read_text('utf-8')) if language == 'json']
    (tmp_path / 'new.json').write_text(example, 'utf-8')
    sender = load_senders(tmp_path)['new']
    told = [land(sender, delivery).told for delivery in sender.deliveries]
    assert told == [delivery['expected'] for delivery in sender.deliveries]
    text = (ROOT / 'docs/new-sender.md').read_text('utf-8')
    assert f'`kind` is one of {", ".join(KINDS)}.' in text
    places = 'SENDERS', 'SCHEMES', 'unsigned_handshake', 'signed_handshake'
    assert all(hasattr(script, name) and f'`{name}`' in text for name in places)


def test_the_headers_that_show_the_token_are_those_of_the_script() -> None:
    security = section(MANUAL.read_text('utf-8'), 'Security')
    named = next(line for line in security.splitlines() if 'svix-signature' in line).split('|')[1]
    assert set(in_backticks(named)) | {script.ANY, 'authorization'} == script.SCHEMES.keys()


def test_the_headers_that_name_a_delivery_are_those_of_the_script_in_its_order() -> None:
    deliveries = section(MANUAL.read_text('utf-8'), 'Repeated deliveries')
    named = [name.lower() for name in in_backticks(deliveries.partition('the first in this order counts:')[2])]
    beside = set(script.DELIVERY_IDS.values())
    assert [name for name in named if name not in beside] == list(script.DELIVERY_IDS)
    assert {name for name in named if name in beside} == beside - {''}


# Statuses


def statuses(file: Path) -> list[int]:
    return [int(status) for status, *_ in table(file.read_text('utf-8'), 'Status', 'Meaning', 'Created')]


def family(base: type[script.Refused]) -> Iterator[int]:
    yield int(base.status)
    for kind in base.__subclasses__():
        yield from family(kind)


@pytest.mark.parametrize('file', [holding('Status codes'), MANUAL], ids=['root', 'integration'])
def test_the_statuses_are_those_of_the_script(file: Path) -> None:
    named = {int(HTTPStatus[name]) for name in re.findall(r'HTTPStatus\.([A-Z_]+)', SOURCE)}
    assert statuses(file) == sorted({200, *named})
    assert {*family(script.Refused), *script.ROUTE_DETAILS} <= set(statuses(file))


def test_each_status_is_what_such_a_request_gets(running: DevRun) -> None:
    url = running.webhook_url
    got = {
        200: running.post('{}'), 204: requests.options(url, timeout=30), 400: running.post('{"name": 3}'),
        401: requests.post(url, timeout=30), 404: requests.get(f'{url}/beyond', timeout=30), 405: requests.patch(url, timeout=30),
        413: running.post(gzip.compress(bytes(script.MAX_BODY_BYTES + 1)), Content_Encoding='gzip'),
        414: requests.get(f'http://127.0.0.1:{running.container_port}/?{"a" * 9000}', timeout=30),
        415: running.post(b'\xff\xfe', 'text/plain'),
    }
    running.faults(refuse='*')
    got[502] = running.post('{}')
    running.faults(refuse='')
    assert {status: answer.status_code for status, answer in got.items()} == {status: status for status in got}
    # Their own tests make them: an error nobody foresaw, and a server that is too busy.
    assert set(statuses(holding('Status codes'))) - set(got) == {500, 503}


# Numbers


def size(count: int) -> str:
    return f'{count // script.MIB:,} MiB' if count >= script.MIB else f'{count // 1024:,} KiB'


def test_the_limits_are_the_constants_of_the_script() -> None:
    expected = {
        'a body, as sent and after decompression': size(script.MAX_BODY_BYTES),
        'the JSON text of an incident': size(script.MAX_JSON_BYTES),
        'bodies of senders that know the token, until they are incidents': size(script.MAX_KNOWN_BYTES),
        'bodies of senders whose signature is yet to be checked': size(script.MAX_STRANGERS_BYTES),
        '... and those of them up to 256 KiB': size(script.MAX_STRANGERS_SMALL_BYTES),
        'events in a request': f'{script.MAX_EVENTS:,}',
        'fields of a form': f'{script.MAX_FORM_FIELDS:,}',
        'members of a gzip body': f'{script.MAX_GZIP_MEMBERS:,}',
        'headers': f'{script.MAX_HEADERS}, together {size(script.MAX_HEADER_BYTES)}',
        'request line and headers': f'{script.HEADER_SECONDS} s',
        'a body': f'{script.BODY_GRACE_SECONDS} s, then {size(script.BODY_BYTES_PER_SECOND)}/s',
        'a connection at rest': f'{script.IDLE_SECONDS} s',
        'connections': f"{script.MAX_CONNECTIONS:,}, or the container's open files less {script.RESERVED_FILES}",
        'chunk sizes, extensions and trailers of a body': f'{size(script.MAX_FRAMING_BYTES)}, and an eighth of its data',
        'requests that wait for XSOAR': f'{script.MAX_WAITING_POSTS:,}, with {size(script.MAX_WAITING_BYTES)} of text',
        "the wait for XSOAR's turn": f'{script.HAND_OVER_SECONDS} s',
        '`Retry-After`': f'{script.RETRY_AFTER_SECONDS} s',
        'requests in one call to XSOAR': f'as many as take {script.CALL_SECONDS} s, {script.MAX_CALL_INCIDENTS:,} incidents, '
                                         f'{size(script.MAX_CALL_BYTES)} of text',
        'one request in one call to XSOAR': f'as much as takes {script.LONGEST_CALL_SECONDS} s',
        'trying a refused call again in parts': f'{script.RETRY_SECONDS} s, and {script.FRUITLESS_CALLS} calls that make nothing',
        'time to finish when stopped': f'{script.STOP_SECONDS} s',
        'deliveries that are remembered': f'{script.MAX_REMEMBERED_DELIVERIES:,} for {script.REMEMBER_SECONDS:,} s, '
                                          f'without an id {script.UNNUMBERED_SECONDS} s, '
                                          f'with {size(script.MAX_REMEMBERED_BYTES)} of answers',
        'samples for the mapping wizard': f'{script.MAX_SAMPLES}, saved once in {script.SAMPLES_EVERY_SECONDS} s',
    }
    told = table(holding('Limits').read_text('utf-8'), 'what', 'limit', 'beyond it')
    assert {what: limit for what, limit, _ in told} == expected


@pytest.mark.parametrize('title', ['Usage', 'Status codes', 'Security', 'Limits'])
@pytest.mark.parametrize('is_the_packs', [False, True], ids=['root', 'integration'])
def test_a_number_with_a_unit_in_the_text_is_a_constant_of_the_script(title: str, is_the_packs: bool) -> None:
    file = MANUAL if is_the_packs else holding(title)
    heading = 'Usage' if is_the_packs and title == 'Status codes' else title  # there it is a part of it
    text = chapter(without_code_blocks(file.read_text('utf-8')), heading)
    text = text.replace(text.partition('Memory above idle')[2].partition('\n')[0] or '\0', '')
    bounds = {value for name, value in vars(script).items() if name.isupper() and isinstance(value, int)}
    known = {f'{value:,} {unit}' for value in bounds for unit in ('s', 'incidents', 'events', 'fields', 'requests')}
    known |= {size(value) for value in bounds}
    named = re.findall(r'\b(\d[\d,]*) (MiB|KiB|s|incidents|events|fields|requests)\b', text)
    assert {f'{number} {unit}' for number, unit in named} <= known
    assert named or title != 'Limits'


# The page for whoever operates it


def test_each_red_health_of_the_page_is_one_that_the_script_reports() -> None:
    told = in_backticks(' '.join(re.findall(r'\*\*Red health\*\*:? (`[^|]*`)', (ROOT / 'docs/operate.md').read_text('utf-8'))))
    assert len(told) >= 3
    pieces = [piece.strip() for message in told for piece in message.split('...') if piece.strip()]
    assert [piece for piece in pieces if piece not in SOURCE.replace("\\'", "'")] == []


def test_every_status_of_the_script_has_its_symptom() -> None:
    symptoms = set(map(int, re.findall(r'\*\*(\d{3})\*\*', (ROOT / 'docs/operate.md').read_text('utf-8'))))
    plain = {200, 204, 400, 405, 414, 415, 500}  # their `detail` says all that there is to say
    assert set(statuses(holding('Status codes'))) - plain <= symptoms


# The threat model

THREATS = ROOT / 'docs/threat-model.md'


def test_what_stops_a_threat_is_shown_by_a_test_that_is_there() -> None:
    there = {name for folder in ('Tests', 'Packs') for file in (ROOT / folder).rglob('*.py')
             for name in re.findall(r'def (test_\w+)\(', file.read_text('utf-8'))}
    named = re.findall('`(test_[a-z0-9_]+)`', THREATS.read_text('utf-8'))
    assert len(named) > 20
    assert set(named) - there == set()


def test_the_packages_of_the_image_are_told_with_their_licences() -> None:
    pins = dict(re.findall(r'^([\w-]+)==(\S+)', (IMAGE / 'requirements.txt').read_text('utf-8'), re.MULTILINE))
    windows = {'cffi', 'pycparser'}
    told = {name: version for name, version, _ in table(THREATS.read_text('utf-8'), 'package', 'version', 'licence')}
    assert told == {name: version for name, version in pins.items() if name not in windows}
    for name, _, licence in table(THREATS.read_text('utf-8'), 'package', 'version', 'licence'):
        about = metadata(name)
        stated = [text for field in ('License-Expression', 'License', 'Classifier') for text in about.get_all(field) or []]
        assert any(licence in text for text in stated), f'{name} is not under {licence} by its own word: {stated}'


# Names of things, and links

IN_THE_IMAGE = ('bottle', 'gevent', 'msgspec', 'multipart')


def test_the_versions_are_those_of_the_files() -> None:
    rows = dict(table(section(holding('Versions').read_text('utf-8'), 'Versions'), '', ''))
    pins = dict(re.findall(r'^([\w-]+)==(\S+)', (IMAGE / 'requirements.txt').read_text('utf-8'), re.MULTILINE))
    python = re.search(r'python3:(\d+\.\d+)', (IMAGE / 'Dockerfile').read_text('utf-8'))
    assert python
    assert rows == {
        'the pack': json.loads((PACK / 'pack_metadata.json').read_text('utf-8'))['currentVersion'],
        'Cortex XSOAR': f'{DESCRIPTOR["fromversion"]} and later',
        'the image': ', '.join([f'Python {python[1]}', *(f'{name} {pins[name]}' for name in IN_THE_IMAGE)]),
        'the commands': 'Python 3.10 and newer',
    }
    assert 'version_info < (3, 10)' in (ROOT / 'dev').read_text('utf-8')


def test_the_layout_is_that_of_the_repository() -> None:
    rows = table(section(holding('Layout').read_text('utf-8'), 'Layout'), 'where', 'what')
    documented = {match[0].split('/')[0] for where, _ in rows if (match := re.search(r'[\w]+/', where))}
    there = {folder.name for folder in ROOT.iterdir()
             if folder.is_dir() and folder.name not in MADE and not folder.name.startswith(('.', '_'))}
    assert documented == there


@pytest.mark.parametrize('file', ALL, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_relative_link_points_to_a_file_and_a_heading_in_it(file: Path) -> None:
    for link in re.findall(r'\]\(([^)\s]+)\)', without_code_blocks(file.read_text('utf-8'))):
        if re.match('[a-z]+:', link):
            continue
        path, _, heading = link.partition('#')
        target = file.parent / path if path else file
        assert target.exists(), f'{link} points to nothing'
        assert not heading or heading in anchors(target), f'{link} points to no heading'


def anchors(file: Path) -> set[str]:
    headings = re.findall(r'^#+ (.*)$', without_code_blocks(file.read_text('utf-8')), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


def test_each_figure_that_the_measurements_make_stands_beside_the_others() -> None:
    source = (ROOT / 'bench' / '__main__.py').read_text('utf-8')
    figures = re.findall(r"Row\(f?'([^'{]+)", source)
    shown = section(holding('Measurements').read_text('utf-8'), 'Measurements')
    assert len(figures) >= 10
    assert not [figure for figure in figures if figure not in shown]


def test_nothing_of_this_machine_stands_in_a_document() -> None:
    told: dict[str, Any] = {file.name: re.findall(r'(?<![\w.])/(?:home|root|tmp|work|Users)/\S*', file.read_text('utf-8'))
                            for file in ALL}
    assert not any(told.values()), told
