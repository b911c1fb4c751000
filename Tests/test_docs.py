"""Holds the documentation to the code: its commands run, its answers come, its names, numbers and links are there.

What the documents say is read out of them, so a new command or row is checked without a change here, or fails until a check
for its kind is written.
"""
from __future__ import annotations

import base64
import configparser
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from http import HTTPStatus
from importlib.metadata import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import GenericWebhook as script
import pytest
import requests
import yaml
from documents import (ALL, GUIDES, INTEGRATION, MADE, MANUAL, Command, chapter, code_blocks, commands, prose, quoted, read,
                       section, table)
from local_xsoar import ROOT, LocalXsoar
from names_table import SENDERS, land
from webhook import PACK

from localxsoar.senders import KINDS, load_senders

SOURCE = read(INTEGRATION / 'GenericWebhook.py')
DESCRIPTOR = yaml.safe_load(read(INTEGRATION / 'GenericWebhook.yml'))
PARAMETERS = [parameter for parameter in DESCRIPTOR['configuration'] if not parameter.get('hidden')]
IMAGE = DESCRIPTOR['script']['dockerimage']
RECIPE = ROOT / 'docker/generic-webhook'
PINS = dict(re.findall(r'^([\w-]+)==(\S+)', read(RECIPE / 'requirements.txt'), re.MULTILINE))
IN_THE_IMAGE = ('bottle', 'gevent', 'msgspec', 'multipart')

README, INSTALL, NEW_SENDER, OPERATE, THREATS, USAGE = (read(ROOT / name) for name in (
    'README.md', *(f'docs/{page}.md' for page in ('install', 'new-sender', 'operate', 'threat-model', 'usage'))))
PACKS_OWN = read(MANUAL)
DESCRIPTION = read(INTEGRATION / 'GenericWebhook_description.md')
WEBHOOK_URL = re.compile(r'https?://[\w.:-]+(?:/xsoar)?/instance/execute/webhook')


# A checkout in which every environment is there already, so that its ./dev installs nothing.


@pytest.fixture(scope='module')
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('checkout')
    shutil.copy(ROOT / 'dev', folder / 'dev')
    for name in ('CHANGELOG.md', 'Packs', 'Tests', 'localxsoar', 'requirements', 'senders', 'tools'):
        (folder / name).symlink_to(ROOT / name)
    # The runner of the checks says what it was asked instead of running them: this test is one of them.
    for environment, requirements, unless in (('.venv', 'run', ''), ('.tox/names', 'test', ''),
                                              ('.tox/dev', 'dev', 'case "$*" in "-m tox "*) shift 2; exec echo "$@" ;; esac\n')):
        (folder / environment / 'bin').mkdir(parents=True)
        shutil.copy(ROOT / f'requirements/{requirements}.txt', folder / environment / 'installed.txt')
        executable = folder / environment / 'bin/python'
        executable.write_text(f'#!/bin/sh\n{unless}exec {sys.executable} "$@"\n', encoding='ascii')
        executable.chmod(0o755)
    return folder


class DevRun(LocalXsoar):
    """`./dev run ARGUMENTS...` on a port of its own."""

    def __init__(self, checkout: Path, *arguments: str) -> None:
        super().__init__(pack=PACK)
        self.checkout = checkout
        self.command = [str(checkout / 'dev'), 'run', '--port', '0', '--end-with-stdin', *arguments]

    def told(self, command: str) -> str:
        """What a documented command prints in the checkout, where this is the local XSOAR that it means."""
        here = WEBHOOK_URL.sub(self.webhook_url, command) + (f' --url {self.url}' if command.startswith('./dev send') else '')
        assert here != command or 'curl' not in command, 'the command names no webhook URL'
        done = subprocess.run(['bash', '-c', f'python() {{ {sys.executable} "$@"; }}; {here}'], cwd=self.checkout,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0 or 'X.Y.Z' in command, done.stderr
        return done.stdout or done.stderr

    def post(self, body: str, content_type: str = '') -> int:
        """The status of the answer."""
        return requests.post(self.webhook_url, body.encode(), headers={'Authorization': 'token', 'Content-Type': content_type},
                             timeout=30).status_code


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


# Every command


def test_the_first_screen_is_what_happens(checkout: Path) -> None:
    first, second, run, send, curl, *_ = commands(README)
    with DevRun(checkout) as xsoar:
        assert_printed(xsoar.told(send.text), send.printed)
        assert_printed(xsoar.told(curl.text), curl.printed)
        xsoar.wait_for_line(' incident 2  ')
        # The container's log and health come whenever they come; the document leaves them out.
        printed = '\n'.join(line for line in xsoar.output if not re.match(r'\d\d:\d\d:\d\d  (log|health)', line))
    assert_printed(printed, run.printed.replace('\n...\n', '\n'))
    usage = subprocess.run([checkout / 'dev'], capture_output=True, text=True, check=False)
    assert usage.returncode == 2
    assert [each.text for each in (first, second) if f'{each} [' in usage.stderr] == ['./dev run', './dev test']


def check_run(command: Command, running: DevRun) -> None:
    with DevRun(running.checkout, *shlex.split(command.text)[2:]) as xsoar:
        assert xsoar.post('{}') == 200


def check_test(command: Command, running: DevRun) -> None:
    asked, verdict = running.told(command.text).splitlines()
    assert verdict == 'dev test: passed'
    words = shlex.split(command.text.partition('./dev ')[2].replace('screenshots', 'test -e screenshots --'))[1:]
    assert asked == ' '.join(['run', *words] if words else ['run-parallel --parallel 2 --parallel-no-spinner'])
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(ROOT / 'tox.ini', 'utf-8')
    options = dict(pairwise(words))
    assert options.get('-e', 'lint') in {*tox['tox']['env_list'].split(), *(name.partition(':')[2] for name in tox.sections())}
    assert all((ROOT / word).exists() for word in words if word.startswith('Tests'))
    assert any(re.search(f"def test_.*{options.get('-k', '')}", read(file)) for file in (ROOT / 'Tests').rglob('*test*.py'))


def check_curl(command: Command, running: DevRun) -> None:
    if user := re.search(r' -u (\S+)', command.text):  # as on a tenant, where the platform asks for them, too
        token = f'Basic {base64.b64encode(user[1].encode()).decode()}'
        assert f'`{token}`' in INSTALL
        with DevRun(running.checkout, '--set', f'auth_header={token}') as tenant:
            answer = tenant.told(command.text)
    else:
        answer = running.told(command.text)
    assert_printed(answer, command.printed or '[{"id": "1", ...')


def prints(*words: str) -> Callable[[Command, DevRun], None]:
    def check(command: Command, running: DevRun) -> None:
        told = running.told(command.text)
        assert [word for word in words if word not in told] == []
    return check


def is_about(*facts: str) -> Callable[[Command, DevRun], None]:
    """Of what cannot run here: its words, in order, name things as they are."""
    def check(command: Command, running: DevRun) -> None:
        words = iter(re.split(r'[\s=]+', command.text))
        assert [fact for fact in facts if fact not in words] == []
    return check


def check_upload(command: Command, running: DevRun) -> None:
    is_about('-i', f'dist/uploadable_packs/{PACK.name}.zip')(command, running)
    assert 'tools/zip-pack {tox_root}/dist\n' in read(ROOT / 'tox.ini')


CHECKS = {
    r'\./dev run --help$': prints('does NOT emulate'), r'\./dev run\b': check_run,
    r'(?:ROUNDS=\d+ )?\./dev (?:test|screenshots)\b': check_test,
    r'\./dev send --list$': prints(*SENDERS), r'\./dev send \w+$': prints('200 OK'),
    r'\./dev names$': prints(*(sender.name[:20] for sender in SENDERS.values())),
    r'\./dev release X\.Y\.Z$': prints("'X.Y.Z' is no version"),  # Tests/test_release.py makes one
    r'python -m localxsoar( --help)?$': lambda command, running: prints('usage: python -m localxsoar')(
        Command('python -m localxsoar --help'), running),
    r'(?:printf .* \| )?curl ': check_curl,
    r'docker build ': is_about('--platform', 'linux/amd64', '-t', IMAGE, str(RECIPE.relative_to(ROOT))),
    r'docker save \S+ \| gzip > ': is_about(IMAGE, *re.findall(r'docker load < ([\w.-]+\w)', INSTALL)),
    r'/docker_image_create ': is_about('name', IMAGE.partition(':')[0], 'dependencies', ','.join(IN_THE_IMAGE),
                                       'base', 'demisto/python3-deb:<TAG>'),  # on Debian, as the command wants it
    r'export DEMISTO_BASE_URL=\S+ DEMISTO_API_KEY=\S+(?: XSIAM_AUTH_ID=\S+)?$': is_about(),
    r'\.tox/sdk/bin/demisto-sdk upload ': check_upload,
    r'rm -rf ': is_about(*(name for name in ('.venv', '.tox', 'dist') if f'{name}/' in read(ROOT / '.gitignore').split())),
}


@pytest.mark.parametrize('command', dict.fromkeys(
    command for file in (*GUIDES, ROOT / 'CHANGELOG.md', MANUAL) for command in commands(read(file))), ids=str)
def test_a_documented_command_does_what_it_says(command: Command, running: DevRun) -> None:
    check = next((check for pattern, check in CHECKS.items() if re.match(pattern, command.text)), None)
    assert check, f'no check knows {command.text}'
    check(command, running)


# What the documents say of the code, beside what is so


def size(count: int) -> str:
    return f'{count // script.MIB:,} MiB' if count >= script.MIB else f'{count // 1024:,} KiB'


def limits() -> dict[str, str]:
    return {
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


def statuses(text: str) -> list[int]:
    return [int(status) for status, *_ in table(text, 'Status', 'Meaning', 'Created')]


STATUSES = {200, *(HTTPStatus[name] for name in re.findall(r'HTTPStatus\.([A-Z_]+)', SOURCE)), *script.ROUTE_DETAILS}
WITH_SYMPTOM = STATUSES - {200, 204, 400, 405, 414, 415, 500}  # of these `detail` says all that there is to say


def fields(text: str) -> set[str]:
    """Of our own format, as a document names them: those of its table, their other spellings, the name without a name."""
    names = {name for name, *_ in table(text, 'Field', 'Type', 'Description')}
    return names | ({*script.RAW_KEYS, script.DEFAULT_NAME} & set(quoted(prose(text))))


FIELDS = {*script.TEXT_KEYS, *script.RAW_KEYS, script.DEFAULT_NAME}
BESIDE = set(script.DELIVERY_IDS.values()) - {''}  # headers that name a delivery together with another


def delivery_headers() -> list[str]:
    return quoted(section(PACKS_OWN, 'Repeated deliveries').partition('the first in this order counts:')[2].lower())


def signature_headers() -> set[str]:
    named = next(line for line in section(PACKS_OWN, 'Security').splitlines() if 'svix-signature' in line).split('|')[1]
    return {script.ANY, 'authorization', *quoted(named)}


# What a document says, and what is so.
SAME: dict[str, Callable[[], tuple[Any, Any]]] = {
    'parameters of the guide': lambda: (
        table(INSTALL, 'Parameter', 'Description', 'Required'),
        [[each['name'], each['display'], str(each['required'])] for each in PARAMETERS]),
    'parameters of the pack': lambda: (
        table(PACKS_OWN, 'Parameter', 'Name', 'Description', 'Required'),
        [[each['display'], each['name'], each['additionalinfo'], str(each['required'])] for each in PARAMETERS]),
    'labels of the form': lambda: (
        set(re.findall(r'\*\*([^*]+)\*\*', DESCRIPTION)) - {each['display'] for each in PARAMETERS if not each['required']},
        {'Authorization', 'Settings', 'About', 'Troubleshooting', 'Server Configuration',
         *(each['display'] for each in PARAMETERS if each['required'])}),
    'fields of the guide': lambda: (fields(USAGE), FIELDS),
    'fields of the pack': lambda: (fields(PACKS_OWN), FIELDS),
    'headers of signatures': lambda: (signature_headers(), set(script.SCHEMES)),
    'headers of deliveries': lambda: (
        [name for name in delivery_headers() if name not in BESIDE], list(script.DELIVERY_IDS)),
    'headers beside those of deliveries': lambda: (BESIDE & {*delivery_headers()}, BESIDE),
    'statuses of the guide': lambda: (statuses(chapter('Status codes')), sorted(STATUSES)),
    'statuses of the pack': lambda: (statuses(PACKS_OWN), sorted(STATUSES)),
    'symptoms': lambda: (WITH_SYMPTOM & set(map(int, re.findall(r'\*\*(\d{3})\*\*', OPERATE))), WITH_SYMPTOM),
    'limits': lambda: ({what: limit for what, limit, _ in table(chapter('Limits'), 'what', 'limit', 'beyond it')}, limits()),
    'versions': lambda: (dict(table(chapter('Versions'), '', '')), {
        'the pack': json.loads(read(PACK / 'pack_metadata.json'))['currentVersion'],
        'Cortex XSOAR': f'{DESCRIPTOR["fromversion"]} and later',
        'the image': ', '.join(['Python ' + re.findall(r'python3:(\d+\.\d+)', read(RECIPE / 'Dockerfile'))[0],
                                *(f'{name} {PINS[name]}' for name in IN_THE_IMAGE)]),
        'the commands': f'Python {".".join(re.findall(r"version_info < .(3), (10).", read(ROOT / "dev"))[0])} and newer'}),
    'packages of the image': lambda: (
        {name: version for name, version, _ in table(THREATS, 'package', 'version', 'licence')},
        {name: version for name, version in PINS.items() if name not in ('cffi', 'pycparser')}),  # these two on Windows
    'folders': lambda: (
        {where.strip('[`').split('/')[0] for where, _ in table(chapter('Layout'), 'where', 'what') if '/' in where},
        {folder.name for folder in ROOT.iterdir() if folder.is_dir() and not folder.name.startswith(('.', '_'))} - MADE),
    'kinds of senders': lambda: (re.findall(r'`kind` is one of (.*?)\.', NEW_SENDER), [', '.join(KINDS)]),
}


@pytest.mark.parametrize('what', SAME)
def test_a_document_says_what_is_so(what: str) -> None:
    said, so = SAME[what]()
    assert said == so


def pieces_of_healths() -> list[str]:
    told = quoted(' '.join(re.findall(r'\*\*Red health\*\*:? (`[^|]*`)', OPERATE)))
    return [piece.strip() for message in told for piece in message.split('...') if piece.strip()]


# What documents name, what there is, and how many they name at least.
THERE: dict[str, Callable[[], tuple[list[str], set[str] | str, int]]] = {
    'red healths': lambda: (pieces_of_healths(), SOURCE.replace("\\'", "'"), 3),
    'tests against threats': lambda: (
        re.findall('`(test_[a-z0-9_]+)`', THREATS),
        {name for folder in ('Tests', 'Packs') for file in (ROOT / folder).rglob('*.py')
         for name in re.findall(r'def (test_\w+)\(', read(file))}, 20),
    'places of a new sender': lambda: (
        re.findall(r'`([A-Z]+|[a-z]+_[a-z]+)`', prose(NEW_SENDER)), set(vars(script)), 4),
    'measurements': lambda: (re.findall(r"Row\(f?'([^'{]+)", read(ROOT / 'bench/__main__.py')), chapter('Measurements'), 10),
}


@pytest.mark.parametrize('what', THERE)
def test_what_is_named_is_there(what: str) -> None:
    named, there, least = THERE[what]()
    assert len(named) >= least
    assert [name for name in named if name not in there] == []


@pytest.mark.parametrize('title', ['Usage', 'Status codes', 'Security', 'Limits'])
@pytest.mark.parametrize('is_the_packs', [False, True], ids=['guide', 'pack'])
def test_a_number_with_a_unit_in_the_text_is_a_constant_of_the_script(title: str, is_the_packs: bool) -> None:
    text = prose(section(PACKS_OWN, title) if is_the_packs else chapter(title))
    text = re.sub('Memory above idle.*', '', text)
    bounds = {value for name, value in vars(script).items() if name.isupper() and isinstance(value, int)}
    known = {f'{value:,} {unit}' for value in bounds for unit in ('s', 'incidents', 'events', 'fields', 'requests')}
    named = re.findall(r'\b(\d[\d,]* (?:MiB|KiB|s|incidents|events|fields|requests))\b', text)
    assert set(named) <= known | set(map(size, bounds))
    assert named or title != 'Limits'


@pytest.mark.parametrize('package, version, licence', table(THREATS, 'package', 'version', 'licence'))
def test_a_package_of_the_image_has_the_licence_that_is_told(package: str, version: str, licence: str) -> None:
    about = metadata(package)
    stated = [text for field in ('License-Expression', 'License', 'Classifier') for text in about.get_all(field) or []]
    assert any(licence in text for text in stated), f'it is not under {licence} by its own word: {stated}'


# What is sent and what comes of it


@pytest.mark.skipif(sys.version_info < (3, 11), reason='the container has Python 3.12; 3.10 reads fewer forms')
@pytest.mark.parametrize('sent, becomes', table(USAGE, 'sent', 'becomes'))
def test_each_form_of_a_date_becomes_what_the_page_says(sent: str, becomes: str) -> None:
    assert script.to_rfc3339(sent.strip('`')) == becomes.strip('`')


@pytest.mark.parametrize('content_type, body, details', [
    [cell.strip('`') for cell in row] for row in table(USAGE, 'Content-Type', 'body', 'details, beside the headers')])
def test_a_body_that_is_no_json_becomes_the_details_that_the_page_says(
        running: DevRun, content_type: str, body: str, details: str) -> None:
    assert running.post(body, content_type) == 200
    raw = running.sent()[-1]['rawJSON']
    assert raw.startswith(f'{details[:-1]}, "headers": ')
    assert json.loads(raw).keys() == {*json.loads(details), 'headers'}


def test_the_example_of_a_new_sender_is_let_in_and_called_as_it_expects(tmp_path: Path) -> None:
    example, = [block for language, block in code_blocks(NEW_SENDER) if language == 'json']
    (tmp_path / 'new.json').write_text(example, 'utf-8')
    sender = load_senders(tmp_path)['new']
    told = [land(sender, delivery).told for delivery in sender.deliveries]
    assert told and told == [delivery['expected'] for delivery in sender.deliveries]


# Links


@pytest.mark.parametrize('file', ALL, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_document_links_to_what_is_there_and_names_nothing_of_this_machine(file: Path) -> None:
    for link in re.findall(r'\]\((?![a-z]+:)([^)\s]+)\)', prose(read(file))):
        path, _, heading = link.partition('#')
        target = file.parent / path if path else file
        assert target.exists(), f'{link} points to nothing'
        headings = re.findall(r'^#+ (.*)$', prose(read(target)), re.MULTILINE) if heading else []
        anchors = {re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in headings}
        assert heading in {'', *anchors}, f'{link} points to no heading'
    assert re.findall(r'(?<![\w.])/(?:home|root|tmp|work|Users)/\S*', read(file)) == []
