"""Holds the documentation to the code: its tables, names, numbers, examples and links are what is so.

What the documents say is read out of them, so that a new row or example is checked without a change here.
"""

import ast
import functools
import hmac
import json
import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import GenericWebhook as script
import GenericWebhookJoin
import pytest
from shared.app import App
from documents import (ALL, DESCRIPTOR, IN_THE_IMAGE, INTEGRATION, MANUAL, RECIPE, chapter, code_blocks, prose, quoted,
                       read, read_tests, section, table)
from local_xsoar import ROOT
from tools.names.table import land
from tools.tree import own_files
from tools.words import count, maintained
from shared.webhook import PACK, SCRIPT, TOKEN

from localxsoar.webhooks.senders import KINDS, load_senders
from localxsoar.webhooks.url_words import load_url_words

INSTALL, NEW_SENDER, OPERATE, THREATS, USAGE = (
    read(ROOT / f'docs/{page}.md') for page in ('install', 'new-sender', 'operate', 'threat-model', 'usage'))
PACKS_OWN = read(MANUAL)
THREATS_TESTS = read(ROOT / 'Tests/threats.txt')
ALL_SENDERS = read(ROOT / 'docs/senders/README.md')
SOURCE = read(SCRIPT)
PARAMETERS = [parameter for parameter in DESCRIPTOR['configuration'] if not parameter.get('hidden')]
COMMAND = DESCRIPTOR['script']['commands'][0]
PINS = dict(re.findall(r'^([\w-]+)==(\S+)', read(ROOT / RECIPE / 'requirements.txt'), re.MULTILINE))


def amount(name: str) -> str:
    """What a constant of the script says, as a person writes it."""
    value = vars(script)[name]
    if 'BYTES' in name:
        return f'{value // script.MIB:,} MiB' if value >= script.MIB else f'{value // 1024:,} KiB'
    return f'{value:,} s' if name.endswith('SECONDS') else f'{value:,}'


AMOUNTS = {name: amount(name) for name, value in vars(script).items() if name.isupper() and isinstance(value, int)}
# The constants whose amounts the limits of a row name, in this order.
LIMITS = {
    'a body, as sent, after decompression and in UTF-8': 'MAX_BODY_BYTES',
    'the JSON text of an incident': 'MAX_JSON_BYTES',
    '`name` and `type` of an envelope, `type` of another event': 'MAX_ENVELOPE_TEXT_BYTES MAX_TYPE_CHARACTERS',
    'requests of accepted senders, until their incidents exist': 'MAX_ACCEPTED_BYTES',
    'requests of unauthenticated senders, up to the check of their signature':
        'MAX_UNAUTHENTICATED_BYTES MAX_UNAUTHENTICATED_SMALL_BYTES SMALL_BODY_BYTES',
    'arriving headers, and waiting requests without a proof with what follows them': 'MAX_HEADS_BYTES',
    'unread responses to accepted and to other senders': 'MAX_UNSENT_BYTES MAX_UNSENT_UNAUTHENTICATED_BYTES',
    'events in a request, members of a gzip body': 'MAX_EVENTS MAX_GZIP_MEMBERS',
    'fields of a form': 'MAX_FORM_FIELDS',
    'tokens of an instance': 'MAX_TOKENS',
    'signatures of a request; HMACs of a body over 256 KiB': 'MAX_SIGNATURES MAX_LARGE_HMACS',
    'a word of the URL: keys and characters of a path, parts or conditions, alternatives in each, values of its scale':
        'MAX_PATH_KEYS MAX_PATH_CHARACTERS MAX_PARTS MAX_ALTERNATIVES MAX_SCALE_VALUES',
    'colons of an event over 256 KiB': 'MAX_COLONS',
    'keys and list items that are read of an event over 64 KiB, and of all events in a request':
        'MAX_EVENT_VALUES MAX_OPENED_VALUES',
    'a string in an event; the start of a longer one': 'SMALL_BODY_BYTES STRING_START_BYTES',
    'headers': 'MAX_HEADERS MAX_HEADER_BYTES',
    'parameters of the URL': 'MAX_PARAMETERS',
    'request line': 'MAX_REQUEST_START_BYTES',
    'request line and headers': 'HEADER_SECONDS',
    'a body': 'BODY_GRACE_SECONDS BODY_BYTES_PER_SECOND',
    'reading a response': 'RESPONSE_GRACE_SECONDS RESPONSE_BYTES_PER_SECOND',
    'an idle connection': 'IDLE_SECONDS',
    'connections': 'MAX_CONNECTIONS RESERVED_FILES',
    'chunk sizes, extensions and trailers of a body': 'MAX_FRAMING_BYTES PIECE_BYTES',
    'requests that wait for XSOAR, with those in a call': 'MAX_WAITING_POSTS MAX_WAITING_BYTES',
    "the wait for XSOAR's turn": 'HAND_OVER_SECONDS',
    'tries of a rejected request whose sender has hung up':
        'FIRST_PAUSE_SECONDS LONGEST_PAUSE_SECONDS MOST_FAILURES GIVE_UP_SECONDS OTHERS_CREATED HURRY_SECONDS',
    '`Retry-After`': 'RETRY_AFTER_SECONDS',
    'several requests in one call to XSOAR': 'CALL_SECONDS MAX_CALL_INCIDENTS MAX_CALL_BYTES',
    'one request in one call to XSOAR': 'LONGEST_CALL_SECONDS LONGEST_SLOW_CALL_SECONDS LONGEST_CALL_SECONDS',
    'the search for the bad request of a rejected call': 'RETRY_SECONDS MAX_FRUITLESS_TRIES',
    'time to finish when stopped': 'STOP_SECONDS',
    'remembered deliveries': 'MAX_REMEMBERED_DELIVERIES REMEMBER_SECONDS REMEMBER_WITHOUT_ID_SECONDS MAX_REMEMBERED_BYTES',
    'samples for the mapping wizard': 'MAX_SAMPLES CONTEXT_EVERY_SECONDS',
    'names of [`?expect=`](usage.md#an-alarm-for-silence)': 'MAX_WATCHES MAX_HISTORY_BYTES',
    'deliveries that `generic-webhook-deliveries` shows':
        'MAX_ACCEPTED_ENTRIES MAX_OTHER_ENTRIES HISTORY_HOURS MAX_HISTORY_BYTES',
}
# What is counted in the text, by the constants that say how many of it there may be.
COUNTED = {
    'events': ['MAX_EVENTS'], 'fields': ['MAX_FORM_FIELDS'], 'headers': ['MAX_HEADERS'], 'requests': ['MAX_WAITING_POSTS'],
    'incidents': ['MAX_CALL_INCIDENTS', 'MAX_SAMPLES'], 'tries': ['MAX_FRUITLESS_TRIES'],
}
STATUSES = {200, *(HTTPStatus[name] for name in re.findall(r'HTTPStatus\.([A-Z_]+)', SOURCE)), *script.ROUTE_PROBLEMS}
WITH_SYMPTOM = STATUSES - {200, 204}
FIELDS = {*script.TEXT_KEYS, *script.RAW_KEYS, 'severity', script.DEFAULT_NAME}


def statuses(text: str) -> list[int]:
    return [int(status) for status, *_ in table(text, 'Status', 'Meaning', 'Created')]


def fields(text: str) -> set[str]:
    """Of our own format, as a document names them: those of its table, their other spellings, the name without a name."""
    names = {name for name, *_ in table(text, 'Field', 'Type', 'Description')}
    return names | ({*script.RAW_KEYS, script.DEFAULT_NAME} & set(quoted(prose(text))))


def triage_fields() -> set[str]:
    """Return the fields of incidents that only third-party payloads have."""
    incidents = [incident for sender in load_senders(ROOT / 'senders').values() for delivery in sender.deliveries
                 if 'state' in delivery['expected'] for incident in land(sender, delivery).incidents]
    return {name for incident in incidents for name in incident} - {'name', 'type', 'occurred', 'rawJSON'}


def signature_headers() -> set[str]:
    lines = section(ALL_SENDERS, 'How a sender shows the token').splitlines()
    named = next(line for line in lines if 'svix-signature' in line)
    return {script.ANY, 'authorization', *quoted(named)}


# What a document says, and what is so.
SAME: dict[str, Callable[[], tuple[Any, Any]]] = {
    'fields of the form in the guide': lambda: (
        [field for field, _ in table(INSTALL, 'field', 'enter')],
        ['Name', *(each['display'] for each in PARAMETERS)]),
    'what the command returns': lambda: (
        [each['contextPath'] for each in COMMAND['outputs']],
        [f'GenericWebhook.Delivery.{name.title().replace("_", "")}' for name in script.HistoryEntry.__struct_fields__]),
    'labels of the form': lambda: (
        set(re.findall(r'\*\*([^*]+)\*\*', read(INTEGRATION / 'GenericWebhook_description.md'))),
        {'Authorization', 'Settings', 'About', 'Troubleshooting', 'Server Configuration',
         *(each['display'] for each in PARAMETERS if each['name'] != 'incidentType')}),
    'fields of an envelope': lambda: (fields(PACKS_OWN), FIELDS),
    'settings of the pre-process script': lambda: (
        {quoted(name)[0]: quoted(values)[0] for name, values, _ in
         table(chapter('Change what happens'), 'setting', 'values', 'meaning')},
        {name: str(value) for name, value in GenericWebhookJoin.SETTINGS.items()}),
    'fields of triage in the guide': lambda: (
        {name for name, *_ in table(USAGE, 'Field', 'Value', 'When')}, triage_fields()),
    'headers of signatures': lambda: (signature_headers(), set(script.SCHEMES)),
    'statuses of the guide': lambda: (statuses(chapter('Status codes')), sorted(STATUSES)),
    'symptoms': lambda: (WITH_SYMPTOM & set(map(int, re.findall(r'\*\*(\d{3})\*\*', OPERATE))), WITH_SYMPTOM),
    'limits': lambda: ({what: re.findall(r'\d(?:[\d,]*\d)?(?: (?:MiB|KiB|s)\b)?', limit)
                        for what, limit, _ in table(chapter('Limits'), 'what', 'limit', 'beyond it')},
                       {what: [AMOUNTS[name] for name in names.split()] for what, names in LIMITS.items()}),
    'versions': lambda: (dict(table(chapter('Versions'), '', '')), {
        'the pack': json.loads(read(PACK / 'pack_metadata.json'))['currentVersion'],
        'Cortex XSOAR': f'{DESCRIPTOR["fromversion"]} and later',
        'the image': ', '.join(['Python ' + re.findall(r'python3:(\d+\.\d+)', read(ROOT / RECIPE / 'Dockerfile'))[0],
                                *(f'{name} {PINS[name]}' for name in IN_THE_IMAGE)]),
        'the commands': f'Python {".".join(re.findall(r"version_info < .(3), (11).", read(ROOT / "dev"))[0])} and newer'}),
    'packages of the image': lambda: (
        {name: version for name, version, _ in table(THREATS, 'package', 'version', 'licence')},
        {name: version for name, version in PINS.items() if name not in ('cffi', 'pycparser')}),  # these two on Windows
    'the file of the image': lambda: (
        set(re.findall(r'docker load < ([\w.-]+\w)', INSTALL)), {f'{RECIPE.name}-image-amd64.tar.gz'}),
    'the name of the image': lambda: (
        set(re.findall(r'generic-webhook:([\d.]+\d)', ' '.join(map(read, ALL)))),
        {DESCRIPTOR['script']['dockerimage'].partition(':')[2]}),
    'folders': lambda: (
        {where.strip('[`').split('/')[0] for where, _ in table(chapter('Layout'), 'where', 'what') if '/' in where},
        {file.relative_to(ROOT).parts[0] for file in own_files('*/*') if not file.relative_to(ROOT).parts[0].startswith('.')}),
    'kinds of senders': lambda: (re.findall(r'`kind` is one of (.*?)\.', NEW_SENDER), [', '.join(KINDS)]),
}


@pytest.mark.parametrize('what', SAME)
def test_a_document_says_what_is_so(what: str) -> None:
    said, so = SAME[what]()
    assert said == so


EXAMPLES = [quoted(example)[0] for _, example, _ in table(USAGE, 'In the URL', 'Example', 'What it does')]


def test_the_words_of_the_page_are_those_of_the_script() -> None:
    words = load_url_words(ROOT / 'senders/url_words.json')
    assert [*words] == [*script.URL_WORDS]
    assert words.keys() == {*script.OWN_PARAMETERS} == script.URL_WORDS.keys()
    assert all(word['sentence'].endswith('.') for word in words.values())
    assert words['severity']['scale'] == [name for name, severity in script.SEVERITIES.items() if severity]


@pytest.mark.parametrize('example', EXAMPLES)
def test_an_example_of_a_parameter_of_the_url_changes_what_becomes_of_a_payload(example: str) -> None:
    payload = json.dumps({'receiver': 'r', 'version': '4', 'groupKey': '1', 'status': 'resolved', 'alerts': [
        {'status': 'resolved', 'labels': {'alertname': name}} for name in ('DiskFull', 'HostDown')]})

    own = json.dumps({'title': 'Disk full', 'host': 'db-1', 'begun': '2026-11-24T09:00:00Z', 'ref': 4711, 'phase': 'over',
                      'severity': 'low', 'score': 8})

    def becomes(query: str) -> Any:
        with App() as app:
            for body in (payload, own, '{"title": "Disk full"}'):
                assert app.post(body, {'Authorization': app.token}, query).status == 200
            return app.incidents, [*app.app.line.silences.watches]

    assert becomes(example.removeprefix('?')) != becomes('')


def beginnings(status: int) -> list[str]:
    """Return the beginnings of a `detail` that the guide for operators explains for a status."""
    rows = table(OPERATE, *{401: ['401: `detail` begins with', 'cause'],
                            503: ['503: `detail` begins with', 'cause', 'what to do']}[status])
    return [quoted(beginning)[0] for beginning, *_ in rows]


def explained(detail: str, status: int) -> str:
    """Return the beginning of a `detail` in the guide, or '' if the guide does not explain it."""
    return next((beginning for beginning in beginnings(status) if detail.startswith(beginning)), '')


def signed(body: str, text: str = '', **headers: str) -> dict[str, Any]:
    """Return a request with the signature of a body under GitHub's header, or of another text under Slack's."""
    signature = hmac.new(TOKEN.encode(), (text or body).encode(), 'sha256').hexdigest()
    header = {'X-Slack-Signature': f'v0={signature}'} if text else {'X-Hub-Signature-256': f'sha256={signature}'}
    return {'body': body.encode(), 'headers': {**header, **headers}}


UNAUTHORIZED: list[dict[str, Any]] = [
    {}, {'headers': {'Authorization': 'x'}}, {'headers': {'X-Api-Key': 'x'}}, {'query': 'source=grafana'},
    {'headers': {'Authorization': f'Bearer {TOKEN}'}}, {'headers': {'X-Hub-Signature-256': 'none'}},
    {'headers': {'X-Hub-Signature-256': f'sha256={"0" * 64}'}}, signed('1795510800.{}'),
    signed('{}', 'v0:1795000000:{}', **{'X-Slack-Request-Timestamp': '1795000000'}),
    {'method': 'GET', 'query': 'hub.mode=subscribe&hub.verify_token=x'}]


def test_each_401_of_the_guide_comes_of_a_request_and_each_of_the_script_is_explained(app: App) -> None:
    details = [app.ask(**{'method': 'POST', 'body': b'{}', **request}).detail for request in UNAUTHORIZED]
    assert sorted(explained(detail, 401) for detail in details) == sorted(beginnings(401))
    tree = ast.parse(SOURCE)
    raised = {str(node.args[0].value) for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args
              and isinstance(node.func, ast.Name) and node.func.id == 'Unauthorized' and isinstance(node.args[0], ast.Constant)}
    assert raised
    assert [detail for detail in raised if not explained(detail, 401)] == []


def test_the_503s_of_the_guide_are_those_of_the_script() -> None:
    nodes = [*ast.walk(ast.parse(SOURCE))]
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    texts = [''.join(str(part.value) for part in getattr(node, 'values', [node]) if isinstance(part, ast.Constant))
             for node in nodes if node not in docstrings and (
                 isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)))]
    asking = [text for text in texts if re.search('[Ss]end it again', text) and not text.startswith(' ')]
    assert [text for text in asking if not explained(text, 503)] == []
    assert [beginning for beginning in beginnings(503) if not any(text.startswith(beginning) for text in texts)] == []
    assert len(asking) >= len(beginnings(503)) - 1


# What documents name, what there is, and how many they name at least.
THERE: dict[str, Callable[[], tuple[list[str], set[str] | str, int]]] = {
    'red healths': lambda: (
        [piece.strip() for told in re.findall(r'\*\*Red health\*\*:? (`[^|]*`)', OPERATE) for message in quoted(told)
         for piece in message.split('...') if piece.strip()], SOURCE.replace("\\'", "'"), 3),
    'tests against threats': lambda: (
        [*re.findall(r'^    (test_\w+)$', THREATS_TESTS, re.MULTILINE),
         *re.findall('`(test_[a-z0-9_]+)`', read(ROOT / 'docs/what-is-kept.md'))],
        set(re.findall(r'def (test_\w+)\(', read_tests())), 20),
    'places of a new sender': lambda: (
        re.findall(r'`([A-Z]+|[a-z]+(?:_[a-z]+)+)`', prose(NEW_SENDER)),
        {*vars(script), 'problem_key', *re.findall(r'"(\w+)":', read(ROOT / 'senders/schema.json')),
         *re.findall(r"'(\w+)':", read(ROOT / 'localxsoar/webhooks/recipes.py'))}, 4),
    'measurements': lambda: (
        re.findall(r"Row\(f?'([^'{]+)", read(ROOT / 'bench/scenes/speed.py')), read(ROOT / 'bench/results.txt'), 10),
}


@pytest.mark.parametrize('what', THERE)
def test_what_is_named_is_there(what: str) -> None:
    named, there, least = THERE[what]()
    assert len(named) >= least
    assert [name for name in named if name not in there] == []


def test_each_threat_has_its_tests_in_the_file_that_names_them() -> None:
    parts = [(part.splitlines()[0], part) for part in re.split('^## ', THREATS, flags=re.MULTILINE)[1:]]
    threats = [f'{title}: {cells[0]}' for title, part in parts if '| attacker can |' in part
               for cells in table(part, 'attacker can', 'to gain', 'protection, and what remains')]
    named = re.findall(r'^(\S.*: .*)$', THREATS_TESTS, re.MULTILINE)
    assert [name.replace('*', '') for name in named] == threats
    lines = re.findall('^    (.*)$', THREATS_TESTS, re.MULTILINE)
    assert [line for line in lines if not line.startswith(('test_', './dev test -e measured'))] == []


@pytest.mark.parametrize('title', ['Usage', 'Status codes', 'Security', 'Limits'])
def test_a_number_with_a_unit_in_the_text_is_a_constant_of_the_script(title: str) -> None:
    text = prose(chapter(title))
    named = re.findall(rf'\b(\d[\d,]* (?:MiB|KiB|s|{"|".join(COUNTED)}))\b', text)
    true = {*AMOUNTS.values(), *(f'{AMOUNTS[name]} {what}' for what, names in COUNTED.items() for name in names)}
    assert [number for number in named if number not in true] == []
    assert named or title != 'Limits'


def test_each_figure_of_the_measurements_is_one_of_the_last_run() -> None:
    results = read(ROOT / 'bench/results.txt')
    figures = re.findall(r'\b\d[\d,.]*(?: (?:MiB|ms|s|times)\b|(?= \|| and | requests))', read(ROOT / 'bench/README.md'))
    figures += re.findall(r'(?<!above )\b\d+ MiB', section(read(ROOT / 'docs/limits.md'), 'Memory'))
    assert len(figures) > 30
    assert [figure for figure in figures if not re.search(rf'(?<![\d.,]){re.escape(figure)}', results)] == []


def test_what_was_not_tried_is_said_in_one_way() -> None:
    others = re.compile('(?:unconfirmed|untried|not tested)|(?<![*])(?<!was )(?<!were )not (?:tried|confirmed)')
    assert [(file.name, line) for file in ALL if file.name != 'CHANGELOG.md' for line in read(file).splitlines()
            if not line.startswith('#') and others.search(line)] == []


@pytest.mark.parametrize('package, version, licence', table(THREATS, 'package', 'version', 'licence'))
def test_a_package_of_the_image_has_the_licence_that_is_reported(package: str, version: str, licence: str) -> None:
    about = metadata(package)
    stated = [text for field in ('License-Expression', 'License', 'Classifier') for text in about.get_all(field) or []]
    assert any(licence in text for text in stated), f'it is not under {licence} by its own word: {stated}'


@pytest.mark.parametrize('sent, becomes', table(USAGE, 'sent', 'becomes'))
def test_each_form_of_a_date_becomes_what_the_page_says(sent: str, becomes: str) -> None:
    assert script.iso_date_to_rfc3339(sent.strip('`')) == becomes.strip('`')


def test_each_form_of_an_events_time_becomes_what_the_page_says() -> None:
    [line] = [line for line in USAGE.splitlines() if line.startswith('All of these are read as')]
    becomes, *forms = quoted(line)
    after = script.unix_time('2026-11-24T10:00:00Z')
    assert {form: script.any_time_to_rfc3339(form, after) for form in forms} == dict.fromkeys(forms, becomes)
    assert len(forms) > 6


@pytest.mark.parametrize('content_type, body, details', table(USAGE, 'Content-Type', 'body', 'details, beside the headers'))
def test_a_body_that_is_not_json_becomes_the_details_that_the_page_says(
        app: App, content_type: str, body: str, details: str) -> None:
    assert app.authorized(body.strip('`'), content_type.strip('`')).status == 200
    assert app.incidents[-1]['rawJSON'].startswith(f'{details.strip("`")[:-1]}, "headers": ')
    assert app.details.keys() == {*json.loads(details.strip('`')), 'headers'}


def test_the_example_of_a_new_sender_is_let_in_and_called_as_it_expects(tmp_path: Path) -> None:
    example, = [block for language, block in code_blocks(NEW_SENDER) if language == 'json']
    (tmp_path / 'new').mkdir()
    (tmp_path / 'new/deliveries.json').write_text(example, 'utf-8')
    sender = load_senders(tmp_path)['new']
    if f'\n{sender.name.lower()}\n' in SOURCE:
        pytest.skip('somebody follows the example, whose row gives its incident another name')
    for delivery in sender.deliveries:
        told = land(sender, delivery).told
        assert {key: value for key, value in told.items() if key in delivery['expected'] or value} == delivery['expected']
    assert sender.deliveries


def leaves(value: Any) -> set[str]:
    """Return every key and every value in JSON, as text."""
    if isinstance(value, dict):
        return {*value, *(leaf for each in value.values() for leaf in leaves(each))}
    return {leaf for each in value for leaf in leaves(each)} if isinstance(value, list) else {str(value)}


def test_the_picture_of_the_first_screen_shows_a_tried_sender_what_it_sends_and_its_incident() -> None:
    drawn = read(ROOT / 'docs/pictures/post-to-incident.svg').partition('</style>')[2]
    shown = ' '.join(' '.join(re.findall('>([^<]+)<', drawn)).split())
    sender = load_senders(ROOT / 'senders')['alertmanager']
    assert re.search('^verified: "program"', read(ROOT / 'senders/alertmanager/sender.yml'), re.MULTILINE)
    delivery = sender.delivery('one alert fires')
    assert delivery['expected']['name'] in shown
    assert delivery['expected']['severity'] == script.SEVERITY_WORDS.by_value['critical']
    assert 'Critical' in shown
    sent = re.findall('"([^"]+)"', shown)
    assert len(sent) > 8
    assert [text for text in sent if text not in leaves(delivery['payload'])] == []


def test_the_badges_are_true() -> None:
    badges = sorted((ROOT / 'docs/pictures').glob('badge-*.svg'))
    said = [re.findall('<title>(.*)</title>', read(badge))[0] for badge in badges]
    version = '.'.join(DESCRIPTOR['fromversion'].split('.')[:2])
    assert said == [f'licence: {read(ROOT / "LICENSE").split()[0]}', 'Python: 3.11+', f'Cortex XSOAR: {version}+']


# What a reader reads to a goal, and with how many words.
READINGS = {
    'a stranger decides': ['README.md'],
    'XSOAR 8 and GitHub tonight': ['README.md', 'docs/xsoar-8.md', 'docs/install.md', 'docs/senders/github.md'],
    'XSOAR 6 behind a proxy': ['README.md', 'docs/install.md', 'docs/several-machines.md'],
    'a fault at 2 a.m.': ['docs/operate.md'],
    'another token, a leak, an audit': ['docs/maintain.md', 'docs/what-is-kept.md'],
    'a developer of another pack': ['localxsoar/README.md'],
}


@pytest.mark.parametrize('goal', READINGS)
def test_a_reader_comes_to_the_goal_in_at_most_4000_words(goal: str) -> None:
    assert sum(len(read(ROOT / name).split()) for name in READINGS[goal]) <= 4000


def test_at_most_25000_words_are_maintained_by_hand_beside_the_guides() -> None:
    assert sum(maintained().values()) <= 25_000, 'python -m tools.words prints those of each file'
    assert {'README.md', 'CHANGELOG.md', 'senders/github/guide.md'} & maintained().keys() == {'README.md'}


@pytest.mark.parametrize('text, words', [
    ('# A title\n\n| - | *b* |', 3), ('a\n```\nsome code\n```\nb', 2), ('<!-- Written by a program -->\na b', 0),
    ('a\n\n| <!-- Written by x -->\nb\n<!-- The end of x. -->\nc', 2)])
def test_a_word_holds_a_letter_or_a_digit_and_is_neither_written_by_a_program_nor_code(text: str, words: int) -> None:
    assert count(text) == words


def test_a_guide_of_a_sender_has_at_most_200_words_of_a_person() -> None:
    words = {file.parent.name: count(read(file)) for file in own_files('senders/*/guide.md')}
    assert {name: number for name, number in words.items() if number > 200} == {}


@functools.cache
def anchors(file: Path) -> set[str]:
    """Return the anchors of a document's headings."""
    headings = re.findall(r'^#+ (.*)$', prose(read(file)), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in headings}


def wrong_links(file: Path) -> Iterator[str]:
    """Yield the links of a document that lead to no file or no heading."""
    for link in re.findall(r'\]\((?![a-z]+:)([^)\s]+)\)', prose(read(file))):
        path, _, heading = link.partition('#')
        target = (file.parent / path).resolve() if path else file
        if not target.exists() or (heading and heading not in anchors(target)):
            yield link


def test_a_document_links_to_what_is_there_and_names_nothing_of_this_machine() -> None:
    assert {file: links for file in ALL if (links := [*wrong_links(file)])} == {}
    here = re.compile(r'(?<![\w.])/(?:home|root|tmp|work|Users)/\S*')
    assert {file: found for file in ALL if (found := here.findall(read(file)))} == {}
