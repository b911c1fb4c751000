"""What `./dev senders` writes is current, a new folder is all that a new sender needs, and a wrong one is refused by its line."""

import ast
import functools
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from checkouts import run
from documents import code_blocks, read
from hypothesis import given
from hypothesis import strategies as st
from local_xsoar import ROOT, run_main
from model import by_chance
from recipes import assert_as_told
from tools.names.table import land
from tools.senders.__main__ import main, show
from tools.senders.checks import row_faults, shape_faults
from tools.senders.folders import Folder, Wrong, read_facts, read_folders, texts_of
from tools.senders.missing import to_expect
from tools.senders.tables import script_blocks
from tools.senders.written import BLOCKS, EMPTY, GUIDES, MARKED, SCRIPT, SOURCES, files_of, replaced
from shared.webhook import PACK, TOKEN, Webhook

from localxsoar.send import main as send

ACME = {
    'sender': 'FILL IN: the name of the product', 'kind': 'siem', 'source': 'https://docs.acme.example/webhooks',
    'proof': {'place': 'header', 'name': 'X-Acme-Signature', 'value': 'sha256={hex}', 'signed': '{body}', 'digest': 'sha256',
              'key': 'token'},
    'deliveries': [{
        'title': 'alert raised', 'headers': {'Content-Type': 'application/json', 'X-Acme-Delivery': '{uuid}'},
        'payload': {'acme_id': '4711', 'rule': {'title': 'Failed logins'}, 'host': 'dc-1', 'created_at': '2026-11-24T09:00:00Z',
                    'severity': 'high', 'status': 'open'},
        'expected': {'name': 'Failed logins: dc-1', 'type': None, 'occurred': '2026-11-24T09:00:00Z', 'severity': 3,
                     'problem_key': 'acme:4711'}}]}
# What the document about new senders adds to a folder.
ROW = next(block for language, block in code_blocks(read(ROOT / 'docs/new-sender.md')) if language == 'yaml')
SCHEME = 'schemes: [{header: "X-Acme-Signature", why: "its documents"}]\n'


# The senders that the tests name, and those that these name: to read and try them all takes a second.
FEW = ('falco', 'forgejo', 'gitea', 'github', 'gogs', 'okta', 'opsgenie', 'pagerduty', 'pingdom', 'wazuh', 'wiz')


@pytest.fixture(scope='module')
def folders() -> dict[str, Folder]:
    """All senders, to be read and not changed."""
    return read_folders()


def with_senders(folder: Path, *names: str) -> Path:
    """Return a folder whose `senders` has these."""
    for name in (*names, 'schema.json'):
        source, target = ROOT / 'senders' / name, folder / 'senders' / name
        _ = shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return with_senders(tmp_path, *FEW)


def copy_of(folder: Path) -> Path:
    """Return a copy of all that `./dev senders` reads and writes."""
    for name in ('senders', PACK.relative_to(ROOT), GUIDES):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('acme'))  # of who follows the document
    for file in (SCRIPT, *SOURCES, *BLOCKS):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    return folder


def write(root: Path, *arguments: str) -> str:
    """Run `./dev senders` on a copy, in a process of its own because it changes the script, and return what it prints."""
    path = os.pathsep.join(map(str, (ROOT, ROOT / 'shared/demistomock', root / Path(SCRIPT).parent)))
    done = run(sys.executable, '-m', 'tools.senders', *arguments, '--root', root, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(root: Path, name: str, **facts: Any) -> None:
    """Make a folder from a saved recipe."""
    saved = root / 'new.json'
    saved.write_text(json.dumps({**ACME, **facts}))
    main(['--new', name, str(saved), '--root', str(root)])


def missing_in(root: Path, name: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what `./dev senders` says that a sender's folder lacks."""
    show(root, name)
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith('missing: ')]


def test_nothing_that_is_written_from_the_folders_is_stale(folders: dict[str, Folder]) -> None:
    stale = files_of(ROOT, folders)
    assert [*stale] == [], 'run ./dev senders'
    left = files_of(ROOT, {name: folder for name, folder in folders.items() if name != 'opsgenie'})
    assert [file for file, text in left.items() if text is None] == [f'{GUIDES}/opsgenie.md']


def test_a_guide_is_marked_as_generated_if_it_is_written_as_a_whole() -> None:
    guides = sorted(str(file.relative_to(ROOT)) for file in (ROOT / GUIDES).glob('*.md'))
    command = ['git', 'check-attr', 'linguist-generated', *guides]
    attributes = run(*command).stdout.splitlines()
    marked = [line.partition(': ')[0] for line in attributes if line.endswith(': set')]
    assert marked == [guide for guide in guides if read(ROOT / guide).startswith(MARKED)]


def test_every_sender_passes_the_checks(folders: dict[str, Folder]) -> None:
    assert [*map(str, shape_faults(folders)), *map(str, row_faults(folders))] == []


@pytest.mark.sockets
@pytest.mark.weekly
def test_a_new_folder_is_all_that_a_new_sender_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = copy_of(tmp_path)
    make(root, 'acme')
    assert 'made senders/acme.' in capsys.readouterr().out
    facts = root / 'senders/acme/sender.yml'
    assert [line for line in ROW.splitlines() if f'# {line}'.rstrip() not in read(facts)] == [], 'a column of the document'
    assert "grep '^soc' senders/*/sender.yml" in read(facts)
    filled = read(facts).replace('"FILL IN: the name of the product"', '"Acme"').replace('"FILL IN: ', '"')
    facts.write_text('\n'.join(line for line in filled.splitlines() if not line.startswith('#')) + '\n' + ROW + SCHEME)
    told = write(root, 'acme')
    assert 'Failed logins: dc-1' in told and 'problem: acme:4711' in told
    assert 'senders/acme/guide.md:1 has to be filled in' in told
    assert '\nacme\n    identified by  acme_id, rule.title\n' in read(root / SCRIPT)
    assert 'req.fhdr(x-acme-delivery)' in read(root / 'docs/balancer/haproxy.cfg')
    assert '$http_x_acme_delivery' in read(root / 'docs/balancer/nginx.conf')
    assert '| [Acme](acme.md) | signature | shared | *not confirmed* |' in read(root / GUIDES / 'README.md')
    assert re.search('^Headers of signatures .*`x-acme-signature`', read(root / GUIDES / 'README.md'), re.MULTILINE)
    assert '[Acme](../../../../docs/senders/acme.md)' in read(root / Path(SCRIPT).parent / 'README.md')
    guide = read(root / GUIDES / 'acme.md')
    assert '\n# Acme\n' in guide and '| `Failed logins: dc-1` | high | | `acme:4711` |' in guide
    assert '[Acme](senders/acme.md)' in read(root / 'docs/maintain.md'), 'no retry is documented'
    with Webhook('--senders', str(root / 'senders'), pack=root / PACK.relative_to(ROOT), token=TOKEN) as webhook:
        sent = run_main(send, 'acme', '--senders', str(root / 'senders'), '--url', webhook.url)
        assert '200 OK' in sent.stdout and 'Failed logins: dc-1' in sent.stdout
    assert files_of(root, read_folders(root)) == {}
    shutil.rmtree(root / 'senders/acme')
    assert f'removed {GUIDES}/acme.md\n' in write(root) and not (root / GUIDES / 'acme.md').exists()


@pytest.mark.parametrize('name, file, words', [
    ('github', 'senders/falco/deliveries.json', 'senders/github exists'), ('acme', 'x.json', r'^There is no file .*/x\.json\.$')])
def test_only_a_saved_recipe_becomes_a_folder_and_only_a_new_one(root: Path, name: str, file: str, words: str) -> None:
    with pytest.raises(SystemExit, match=words):
        main(['--new', name, str(root / file), '--root', str(root)])
    with pytest.raises(SystemExit, match='--new needs the name of the folder and a saved recipe: '):
        main(['--new', name, '--root', str(root)])


def test_a_kind_that_the_page_could_not_tell_is_to_be_filled_in(root: Path) -> None:
    make(root, 'acme', kind='other')
    make(root, 'acme2', proof={'place': 'query', 'name': 'token', 'value': '{token}'})
    kinds = [next(line for line in read(root / f'senders/{name}/sender.yml').splitlines() if line.startswith('kind: '))
             for name in ('acme', 'acme2')]
    assert ['FILL IN' in kind for kind in kinds] == [True, False]
    one, two = [read_facts(root / f'senders/{name}/sender.yml', Path())[0] for name in ('acme', 'acme2')]
    assert int(two['soc']) == int(one['soc']) + 10, 'there is room between them'
    assert (one['instance'], two['instance']) == ('shared', 'url')


def test_what_the_incidents_have_is_not_missing_even_if_it_is_not_expected_yet_but_a_guide_is(
        root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / 'senders/opsgenie/deliveries.json'
    recipe = json.loads(read(file))
    for delivery in recipe['deliveries']:
        delivery['expected'] = {'name': '', 'type': None, 'occurred': None}
    file.write_text(json.dumps(recipe))
    (root / 'senders/opsgenie/guide.md').unlink()
    assert [line for line in missing_in(root, 'opsgenie', capsys) if '"expected"' not in line] == [
        'missing: guide.md: the steps of setting it up']


def test_a_delivery_that_becomes_something_else_is_told_what_to_expect(folders: dict[str, Folder]) -> None:
    folder = folders['opsgenie']
    told = [delivery['expected'] | {'state': None} for delivery in folder.sender.deliveries[:-1]]
    told.append(folder.sender.deliveries[-1]['expected'] | {'name': 'Ümlaut', 'severity': None})
    text, = to_expect(folder, told, [''] * len(told))
    written = read(ROOT / 'senders/opsgenie/deliveries.json').splitlines()
    line = [number for number, line in enumerate(written, 1) if line == '    {'][-1]
    assert text.startswith(f'senders/opsgenie/deliveries.json:{line}: if the incident is right, "expected": {{"name": "Ümlaut", ')
    assert 'severity' not in text


def test_a_delivery_that_is_later_than_it_is_tried_is_told_so_and_not_what_to_expect(
        root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = root / 'senders/pingdom/deliveries.json'
    too_late, later = read(file).replace('1795510800', '1796115600', 1), read(file).replace('1795510800', '1795512600', 1)
    for text, words in ((too_late, 'an earlier time: 2026-12-01T09:00:00Z is more than a day after 2026-11-24T10:00:00Z, '),
                        (later, 'if the incident is right, "expected": ')):
        file.write_text(text)
        [told] = [line for line in missing_in(root, 'pingdom', capsys) if 'pingdom/deliveries.json:' in line]
        assert words in told and '"occurred": null' not in told


def test_a_failed_test_names_the_delivery_and_what_differs(folders: dict[str, Folder]) -> None:
    sender = folders['pingdom'].sender
    wrong = {**sender.deliveries[0], 'expected': {**sender.deliveries[0]['expected'], 'severity': 1}}
    with pytest.raises(AssertionError, match=r"^check down: {'severity': 3}, expected: {'severity': 1}$"):
        assert_as_told(land(sender, wrong))


def test_a_path_that_is_in_none_of_the_deliveries_is_told_with_its_line(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beginning = change(root, 'pingdom', 'at: "importance_level"', 'at: "importance_levle|importance_level"')
    change(root, 'pingdom', 'identified_by: [["', 'identified_by: [["!no_such", "')  # which is to be in none of them
    told = [line for line in missing_in(root, 'pingdom', capsys) if 'in none of its deliveries' in line]
    assert told == [f'missing: {beginning}importance_levle is in none of its deliveries']


HOSTILE = ["'", "''", "'''", '"', '\\', '\n', '\t', '\0', '\x1b', '\x85', '\u2028', '\ud800', '#', '{', '}', '[', ']', '|', ',',
           ', ', ': ', ' ', "'''+__import__('os').abort()+'''", 'Written by ./dev senders: rows', '# The end of rows.',
           '&a', '*a', '? ', '- ']
FUZZED = ('falco', 'github', 'opsgenie', 'slack')  # with scales, delivery ids, rows and schemes
ANY_TEXT = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=3), min_size=1, max_size=4).map(''.join)
MARKS = ''.join(f'# Written by ./dev senders: {name}\n# The end of {name}.\n' for name in EMPTY)


@pytest.fixture(scope='module')
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some senders, to be changed by chance."""
    return with_senders(tmp_path_factory.mktemp('fuzzed'), *FUZZED)


def check_fuzzed(root: Path, name: str, text: str) -> None:
    """Give a sender these facts, which are refused with a file and a line, or written into a script that only has texts."""
    file = root / 'senders' / name / 'sender.yml'
    before = file.read_bytes()
    file.write_bytes(text.encode('utf-8', 'surrogatepass'))
    try:
        folders = read_folders(root)
        found = [*shape_faults(folders)]
    except Wrong as error:
        found = error.faults
    finally:
        file.write_bytes(before)
    if found:
        assert [fault for fault in map(str, found) if not re.match(r'senders/[a-z]+/sender\.yml:[1-9]\d*: ', fault)] == []
        return
    script = replaced(MARKS, script_blocks(folders), 'script')
    assert replaced(script, script_blocks(folders), 'script') == script
    assert [ast.unparse(part) for part in ast.parse(script).body if not is_table(part)] == []


def is_table(statement: ast.stmt) -> bool:
    """Return whether a statement gives a name a text, or a dict whose values are texts or lists of schemes made of texts."""
    if not isinstance(statement, ast.Assign | ast.AugAssign):
        return False
    values = [statement.value, *(statement.value.values if isinstance(statement.value, ast.Dict) else [])]
    inside = {type(node) for value in values for node in ast.walk(value) if not isinstance(node, ast.expr_context)}
    calls = {ast.unparse(node.func) for value in values for node in ast.walk(value) if isinstance(node, ast.Call)}
    return inside <= {ast.Constant, ast.Dict, ast.List, ast.Call, ast.keyword, ast.Name} and calls <= {'Scheme'}


@by_chance(100)
@given(st.sampled_from(FUZZED), st.integers(0), ANY_TEXT, st.sampled_from(['{0}', '{0}{1}', '{1}{0}']))
def test_no_text_in_a_folder_becomes_code_of_the_script(fuzzed: Path, name: str, number: int, text: str, form: str) -> None:
    facts, _ = read_facts(fuzzed / 'senders' / name / 'sender.yml', Path())
    places = [place for place, _ in texts_of(facts)]
    *way, last = places[number % len(places)]
    at = functools.reduce(lambda value, key: value[key], way, facts)
    old = at[last] if isinstance(at[last], str) else last
    at[last if isinstance(at[last], str) else form.format(text, old)] = form.format(text, old)
    check_fuzzed(fuzzed, name, json.dumps(facts))


@by_chance(60)
@given(st.sampled_from(FUZZED), st.integers(0), ANY_TEXT)
def test_a_file_of_facts_that_was_damaged_is_refused_by_its_line(fuzzed: Path, name: str, number: int, text: str) -> None:
    written = read(fuzzed / 'senders' / name / 'sender.yml')
    place = number % len(written)
    check_fuzzed(fuzzed, name, written[:place] + text + written[place:])


def change(root: Path, name: str, old: str, new: str) -> str:
    """Change a sender's facts and return the beginning of a fault in the line of what is new."""
    file = root / 'senders' / name / 'sender.yml'
    text = read(file)
    assert text.count(old) == 1, text
    file.write_text(text.replace(old, new))
    return f'senders/{name}/sender.yml:{text[:text.index(old)].count(chr(10)) + 1 + new.count(chr(10))}: '


def faults(root: Path) -> list[str]:
    """Return what is wrong in a copy, as far as it can be told without its deliveries."""
    try:
        return [*map(str, shape_faults(read_folders(root)))]
    except Wrong as error:
        return [*map(str, error.faults)]


@pytest.mark.parametrize('name, old, new, words', [
    ('opsgenie', 'kind: "monitoring"', 'knid: "monitoring"', 'there is no fact knid'),
    ('opsgenie', 'kind: "monitoring"', 'kind: "toaster"', "kind: 'toaster' is not one of"),
    ('opsgenie', 'instance: "shared"', 'instance: "shared"\ninstance: "own"', 'instance is there twice'),
    ('opsgenie', 'instance: "shared"', 'instance: "shared" x', 'this is not YAML'),
    ('opsgenie', '"alert.message"', '"alert..message"', 'a path has a dot without a key beside it (part 1)'),
    ('opsgenie', '["alert.message", "', '["alert.message}", "', 'braces belong to name only: alert.message}, '),
    ('pingdom', 'at: "importance_level"', 'at: "{importance_level"', 'braces belong to name only: {importance_level'),
    ('opsgenie', '"action=Close"', '"!action=Close"', 'only negated conditions'),
    ('opsgenie', '"action=Close"', '"@x-api-key=Close"', 'no incident keeps the header @x-api-key'),
    ('opsgenie', '{action}: {alert.message}', '{action}: {alert.message} end', 'the name does not end with a path'),
    ('opsgenie', 'scale: "priority"', 'scale: "prio"', 'there is no scale prio'),
    ('opsgenie', 'instance: "shared"', 'instance: "shared"\nscales: {ops: "high=1"}', 'no row uses the scale ops'),
    ('falco', 'falco: "critical=', 'falco: "grave=', 'a part of a scale is critical, high, medium, low or informational'),
    ('okta', 'function: "handshake_before_proof"', 'function: "okta_handshake"', 'the script has no function okta_handshake'),
    ('pagerduty', 'title: "PagerDuty"', 'title: "Opsgenie"', 'opsgenie has the same title'),
    *(('opsgenie', 'scale: "priority"', f'scale: "priority{text}"', 'this cannot be written into the script: ')
      for text in ("'''+open('x','w')+'''", '\\\\', '\\x1b', '\\u2028', 'Written by ./dev senders: rows', 'The end of rows')),
    ('gitea', 'header: "X-Gitea-Delivery"', 'header: "x) } evil"', "delivery_id.0.header: 'x) } evil' does not match"),
    ('opsgenie', 'instance: "shared"', 'instance: "shared"\n[a]: b', 'a key is not a text'),
    ('opsgenie', 'title: "Opsgenie"', 'title: &a [*a]', 'this is not YAML: RecursionError'),
    ('pagerduty', 'soc: "200"', 'soc: "210"', 'opsgenie has the same soc'),
    ('pagerduty', 'urgency: "high=', 'priority: "high=', 'there is another scale priority'),
    *(('opsgenie', 'instance: "shared"', f'instance: "shared"\n{fact}', 'there is no folder nobody')
      for fact in ('before: ["nobody"]', 'guide_of: "nobody"', 'rows_of: "nobody"'))])
def test_a_wrong_fact_is_refused_with_its_file_and_line(root: Path, name: str, old: str, new: str, words: str) -> None:
    beginning = change(root, name, old, new)
    found = faults(root)
    assert found[0].startswith(beginning) and words in found[0], found


@pytest.mark.parametrize('old, new, found', [
    ('falco', "f'''+a+'''", "senders/f'''+a+'''/sender.yml:1: this cannot be written into the script: " + repr("f'''+a+'''")),
    ('falco', 'url', 'senders/url/sender.yml:1: the prefix of its problem keys, url, is that of the words of a URL: '
                     'rename the folder'),
    ('falco/deliveries.json', 'x', 'senders/falco/deliveries.json:1: the file is missing'),
    ('falco/sender.yml', 'x', 'senders/falco/sender.yml:1: the file is missing')])
def test_a_folder_with_a_name_of_another_meaning_or_without_a_file_is_refused(root: Path, old: str, new: str, found: str) -> None:
    (root / 'senders' / old).rename((root if new == 'x' else root / 'senders') / new)
    assert faults(root) == [found]


def test_senders_before_each_other_are_refused(root: Path) -> None:
    change(root, 'github', 'kind: "code"', 'kind: "code"\nbefore: ["gitea"]')
    assert [text.partition(' leads')[2] for text in faults(root)] == [' in a circle: gitea > github > gitea']


def test_two_senders_with_one_prefix_of_their_problem_keys_are_refused(root: Path) -> None:
    (root / 'senders/falco').rename(root / 'senders/Wazuh')  # differs by a capital letter only
    change(root, 'Wazuh', 'title: "Falco"', 'title: "Falco of others"')
    assert faults(root) == [
        f'senders/{name}/sender.yml:1: the prefix of its problem keys, {name}, is that of {other}, too: rename the newer folder'
        for name, other in (('Wazuh', 'wazuh'), ('wazuh', 'Wazuh'))]


def test_a_file_of_deliveries_that_has_facts_is_refused(root: Path) -> None:
    file = root / 'senders/falco/deliveries.json'
    file.write_text(json.dumps({**json.loads(read(file)), 'kind': 'edr'}))
    assert faults(root) == ['senders/falco/deliveries.json:1: kind belongs in sender.yml']


@pytest.mark.parametrize('old, new, words', [
    ('"severity": 3,', '"severty": 3,', 'there is no fact severty: name, occurred, '),
    ('"query": "",', '"qurey": "",', 'there is no fact qurey: expected, headers, '),
    ('"severity": 3,', '"severity": "high",', "deliveries.0.expected.severity: 'high' is not one of"),
    ('"severity": 3,', '"severity": 3', "this is not JSON: Expecting ',' delimiter"),
    ('"problem_key": "pingdom:', '"problem_key": "pingdon:', 'a problem key of this folder begins with pingdom:'),
    *(('"problem_key": "pingdom:12345"', f'"problem_key": "{key}"', 'a problem key of this folder begins with pingdom:')
      for key in ('pingdom', 'wazuh:12345'))])
def test_a_wrong_delivery_is_refused_with_its_file_and_line(root: Path, old: str, new: str, words: str) -> None:
    file = root / 'senders/pingdom/deliveries.json'
    text = read(file)
    file.write_text(text.replace(old, new, 1))
    line = text[:text.index(old)].count('\n') + 1 + (new == old[:-1])  # a comma is missed on the next line
    found, = faults(root)
    assert found.startswith(f'senders/pingdom/deliveries.json:{line}: {words}')


@pytest.mark.parametrize('gone, place', [
    ('"title": "check down",', 0), ('"name": "Shop front page is DOWN: HTTP Server Error 503",', 1)])
def test_a_delivery_without_a_key_that_it_needs_is_refused_with_the_line_on_which_it_begins(
        root: Path, gone: str, place: int) -> None:
    file = root / 'senders/pingdom/deliveries.json'
    text = read(file)
    file.write_text(text.replace(gone, '', 1))
    begins = text.index(['{\n      "title"', '"expected"'][place])
    key = gone.split('"')[1]
    assert faults(root) == [f"senders/pingdom/deliveries.json:{text[:begins].count(chr(10)) + 1}: '{key}' is missing"]


def with_rows(root: Path, name: str, *more: dict[str, Any], **columns: Any) -> tuple[dict[str, Folder], list[str]]:
    """Return two senders, one of them with other columns of its first row and more rows, and what is wrong with them."""
    folders = {key: folder for key, folder in read_folders(root).items() if key in ('opsgenie', 'wiz')}
    rows = folders[name].facts['rows']
    rows[0].update(columns)
    rows += more
    return folders, [*map(str, row_faults(folders))]


def test_a_row_that_fits_none_of_its_own_deliveries_is_refused(root: Path) -> None:
    folders, found = with_rows(root, 'opsgenie', identified_by=[['alert.message', 'no.such']])
    line = folders['opsgenie'].lines['rows', 0, 'identified_by']
    assert found == [f'senders/opsgenie/sender.yml:{line}: the row opsgenie fits none of its deliveries: alert.message, no.such']


def test_a_row_that_another_one_always_hides_is_refused(root: Path) -> None:
    _, found = with_rows(root, 'opsgenie', {'label': 'again', 'identified_by': [['alert.message', 'action']]})
    assert [text.partition(': ')[2] for text in found] == ['the row opsgenie: again is always hidden by opsgenie']


def test_a_delivery_that_the_row_of_another_sender_wins_is_refused(root: Path) -> None:
    folders, _ = with_rows(root, 'wiz', {'label': 'greedy', 'identified_by': [['alert.message', 'action']]})
    folders['wiz'].facts['before'] = ['opsgenie']
    titles = [delivery['title'] for delivery in folders['opsgenie'].sender.deliveries]
    written = read(ROOT / 'senders/opsgenie/deliveries.json').splitlines()
    lines = [number for number, line in enumerate(written, 1) if line == '    {']
    found = [str(fault) for fault in row_faults(folders)]
    assert [text for text in found if 'wiz: greedy wins' in text] == [
        f'senders/opsgenie/deliveries.json:{line}: the row wiz: greedy wins the delivery {title!r}'
        for line, title in zip(lines, titles, strict=True)]
