"""What people write in the folders of senders says the same as the facts beside it, as the script and as what tests send."""

import functools
import inspect
import json
import re
from typing import Any
from urllib.parse import urlencode

import GenericWebhook
import pytest
from GenericWebhook import DELIVERY_IDS, SCHEMES
from shared.app import App
from documents import code_blocks, quoted, read, section, table
from local_xsoar import ROOT
from tools.senders.folders import Folder, read_folders
from tools.senders.guides import title_of, ways, with_guide

TESTS = ROOT / 'Tests'
OWN_HEADERS = {'cf-webhook-auth', 'x-gitlab-token', 'x-webhook-secret'}  # hold the token itself, and are named by their senders
SIGNATURE = re.compile('signature|hmac', re.IGNORECASE)
WAYS = {'authorization': r'\bAuthorization\b|Basic|Bearer|Splunk', 'header': r'(?i)header|\*Secret( token)?\*',
        'url': r'<URL>\?token=<TOKEN>', 'signature': r'(?i)\bsecret\b|\bkey\b|security token|signing token'}
# Read when the first test needs them, and not where tests are only collected.
folders = functools.cache(read_folders)


def guided() -> list[Folder]:
    """Return the folders that have a guide of their own."""
    return with_guide(folders())


def with_fact(name: str) -> list[Folder]:
    return [folder for folder in folders().values() if name in folder.facts]


@functools.cache
def guides() -> dict[str, str]:
    """Return what people wrote in each guide, by its title."""
    return {title_of(folder): folder.guide for folder in guided()} | {'Any other': read(ROOT / 'docs/senders/any-other.md')}


def named_headers(text: str) -> set[str]:
    """Return what is marked as code and looks like a header's name, in lower case."""
    return {name.lower() for span in quoted(text)
            for name in re.findall(r'^(Authorization|[A-Za-z]+(?:-[A-Za-z0-9]+)+)(?=$|:)', span)}


@functools.cache
def known_headers() -> set[str]:
    """What the script reads, and what documented requests carry."""
    senders = [folder.sender for folder in folders().values()]
    documented = [name for sender in senders for delivery in sender.deliveries for name in delivery['headers']]
    documented += [sender.proof['name'] for sender in senders]
    beside_signatures = [name for schemes in SCHEMES.values() for scheme in schemes for name in (scheme.time, scheme.delivery)]
    words = [folder.facts['handshake']['word'] for folder in with_fact('handshake')]
    known = (*documented, *SCHEMES, *beside_signatures, *DELIVERY_IDS, *words)
    return {name.lower() for name in known} | OWN_HEADERS


def test_the_table_of_senders_has_each_of_them_and_where_one_without_a_guide_is_documented() -> None:
    tables = section(read(ROOT / 'docs/senders/README.md'), 'The senders')
    with_one, without = (table(tables, 'Sender', 'Shows the token by', *others) for others in (
        ('Instance', 'XSOAR 8 in the cloud, without an engine', 'Found in its events', 'Verified by'),
        ('Found in its events', 'Documented at')))
    assert [re.findall(r'\[(.+)\]', row[0])[0] for row in with_one] == [title_of(folder) for folder in guided()]
    documented = {name.partition(' (also: ')[0]: re.findall(r'\]\((.+)\)', link)[0] for name, _, _, link in without}
    assert documented == {folder.facts['title']: folder.facts['source'] for folder in folders().values()
                          if not {'soc', 'guide_of'} & folder.facts.keys()}


def test_a_sender_is_found_in_the_tables_by_each_of_its_names() -> None:
    names = {name for folder in folders().values() for name in (folder.facts['title'], *folder.facts.get('also', []))}
    cells = [line.split(' | ')[0] for line in read(ROOT / 'docs/senders/README.md').splitlines() if line.startswith('| ')]
    assert sorted(name for name in names if not any(name.lower() in cell.lower() for cell in cells)) == []
    searched = {'Trend Micro', 'Azure AD', 'Office 365', 'Defender for Endpoint', 'Palo Alto', 'Amazon', 'GCP', 'Terraform Cloud'}
    assert {name for name in searched if not any(name in cell for cell in cells)} == set()


def test_a_guide_says_how_to_set_its_sender_up_and_shows_the_token_in_each_way_of_the_facts() -> None:
    assert [folder.name for folder in guided() if not folder.guide.startswith('- **Set up**: ')] == []
    assert [(folder.name, way) for folder in guided() for way in folder.facts['proof']['ways']
            if not re.search(WAYS[way], folder.guide)] == []


def test_each_bullet_of_a_guide_begins_with_a_capital_letter() -> None:
    assert [(folder.name, bullet) for folder in guided()
            for bullet in re.findall(r'^- \*\*[^*]+\*\*: [a-z].*', folder.guide, re.MULTILINE)] == []


def test_what_a_sender_was_verified_by_is_in_a_test() -> None:
    imported_or_needed = {name for file in TESTS.rglob('*.py') for names in re.findall(
        r"^(?:from|import) (\w+)|(?<!def )\bneeds\('([\w-]+)'", read(file), re.MULTILINE) for name in names}
    # The names of the packages that the tests install are among their texts in quotes.
    quoted = re.findall(r"'([\w@/.<=-]+)'", read(TESTS / 'programs/test_programs.py'))
    vectors = {vector['sender'] for vector in json.loads((TESTS / 'senders' / 'vectors.json').read_text(encoding='utf-8'))}
    by_code = {folder.facts['verified_by'] for folder in guided() if folder.facts['verified'] in ('library', 'program')}
    assert by_code - imported_or_needed - {*quoted} == set()
    assert {title_of(folder) for folder in guided() if folder.facts['verified'] == 'vector'} - vectors == set()


def test_each_example_of_an_incidents_name_is_one_that_its_sender_makes() -> None:
    for folder in guided():
        about = [folder, *(other for other in folders().values() if other.facts.get('guide_of') == folder.name)]
        expected = {delivery['expected']['name'] for each in about for delivery in each.sender.deliveries}
        told = re.findall(r'^- \*\*Incident\*\*: (.+)$', folder.guide, re.MULTILINE)
        assert {name for text in told for name in re.findall(r'such as `([^`]+)`', text)} - expected == set(), folder.name


def test_every_signature_of_a_sender_is_named_in_its_guide() -> None:
    for folder in with_fact('schemes'):
        headers = {scheme['header'].lower() for scheme in folder.facts['schemes']}
        assert headers - named_headers(ways(folder)) == set(), folder.name


def test_a_guide_names_only_headers_that_are_known() -> None:
    known = known_headers() | {'content-type', 'retry-after'}
    assert [(title, name) for title, guide in guides().items() for name in named_headers(guide) - known
            if not SIGNATURE.search(name)] == []


def test_the_function_that_a_folder_names_looks_for_the_word_of_its_sender() -> None:
    for handshake in (folder.facts['handshake'] for folder in with_fact('handshake')):
        assert f"'{handshake['word']}'" in inspect.getsource(getattr(GenericWebhook, handshake['function']))


def test_each_question_that_the_script_answers_is_a_fact_of_a_sender() -> None:
    source = inspect.getsource(GenericWebhook.handshake_before_proof) + inspect.getsource(GenericWebhook.handshake_after_proof)
    words = [f"'{folder.facts['handshake']['word']}'" for folder in with_fact('handshake')]
    answers = re.split('^        case ', source, flags=re.MULTILINE)[1:]
    assert len(answers) > 6 and [each for each in answers if not any(word in each for word in words)] == []


def repeated_facts(folder: Folder) -> list[str]:
    """Return the headers, the other facts and the link to the number of instances that a guide repeats beside its steps."""
    facts = folder.facts
    headers = [each['header'] for key in ('schemes', 'delivery_id') for each in facts.get(key, [])]
    named = {header.lower() for header in (*headers, facts['proof']['send']['name']) if '-' in header}
    beside_steps = re.sub(r'(?ms)^ *(\d+\. |\|).*?$|```.*?```', '', folder.guide)
    told = [facts[key] for key in ('waits', 'retries', 'lost') if key in facts]
    told += [facts['handshake']['word']] if 'handshake' in facts else []
    told += ['#how-many-instances'] if facts['instance'] in ('own', 'url', 'bearer') else []
    return [*named & named_headers(beside_steps), *(text for text in told if text in folder.guide)]


def test_what_a_person_wrote_repeats_no_fact() -> None:
    assert {folder.name: repeated for folder in guided() if (repeated := repeated_facts(folder))} == {}


@pytest.mark.parametrize('title', ['Icinga', 'Nagios'])
def test_the_form_of_a_guides_curl_becomes_the_incident_of_its_recipe(app: App, title: str) -> None:
    sent = set(re.findall(r"--data-urlencode\"?,? ['\"](\w+)=", guides()[title]))
    deliveries = [delivery for delivery in folders()[title.lower()].sender.deliveries if 'payload' in delivery]
    for delivery in deliveries:
        assert delivery['payload'].keys() == sent
        assert f'<URL>?{delivery["query"]}' in guides()[title]
        headers = {'Authorization': app.token, 'Content-Type': 'application/x-www-form-urlencoded'}
        app.post(urlencode(delivery['payload']), headers, delivery['query'])
        incident, expected = app.incidents[-1], delivery['expected']
        found = (incident['name'], incident.get('severity'), incident.get('dbotMirrorId'))
        assert found == (expected['name'], expected.get('severity'), expected.get('problem_key'))
    assert deliveries


def incident_of(app: App, body: str) -> tuple[Any, ...]:
    """Post a body and return what the table at the end of a guide shows of its incident, and its time."""
    assert app.authorized(body).status == 200
    incident = app.incidents[-1]
    return incident['name'], incident.get('severity'), incident.get('dbotMirrorId'), incident['occurred']


def as_expected(delivery: Any) -> tuple[Any, ...]:
    """Return the same of what a recipe expects."""
    return tuple(delivery['expected'].get(key) for key in ('name', 'severity', 'problem_key', 'occurred'))


def guides_body(title: str, language: str = 'json') -> str:
    """Return the body that a guide says to paste."""
    return next(block for tongue, block in code_blocks(guides()[title]) if tongue == language)


@pytest.mark.parametrize('title, chosen', [
    ('Checkly', r'.'), ('Datadog', 'monitor alert with a priority|monitor has recovered|monitor warns')])
def test_the_body_of_a_guide_has_the_fields_that_its_recipe_is_known_by(app: App, title: str, chosen: str) -> None:
    deliveries = [each for each in folders()[title.lower()].sender.deliveries if re.match(chosen, each['title'])]
    for delivery in deliveries:
        filled = {key: delivery['payload'].get(key, '') for key in json.loads(guides_body(title))}
        assert incident_of(app, json.dumps(filled)) == as_expected(delivery)
    assert len(deliveries) > 1


def test_the_body_of_crowdstrikes_guide_creates_the_first_incident_of_its_table(app: App) -> None:
    expected = folders()['crowdstrike'].sender.delivery('the body of the guide')
    event = expected['payload']['event']
    values = {'Trigger.ObservedTime': expected['payload']['metadata']['eventCreationTime'],
              'Trigger.Detection.Name': event['DetectName'], 'Trigger.Detection.EPP.Sensor.Hostname': event['ComputerName'],
              'Trigger.Detection.SeverityDisplayName': event['SeverityName'],
              'Trigger.Detection.DetectionID': event['DetectId'], 'Trigger.SourceEventURL': event['FalconHostLink']}
    body = re.sub(r"\$\{data\['([\w.]+)'\]\}", lambda found: values[found[1]], guides_body('CrowdStrike Falcon', 'text'))
    assert json.loads(body) == expected['payload']
    assert incident_of(app, body) == as_expected(expected)


@pytest.mark.parametrize('alerts', [1, 2])
def test_the_body_of_kibanas_guide_stays_json_however_many_alerts_it_gets(app: App, alerts: int) -> None:
    expected = folders()['elastic'].sender.delivery('the body of the guide')
    values = {**expected['payload'], 'raw_json': ','.join([json.dumps(expected['payload']['raw_json'][0])] * alerts)}
    body = guides_body('Elastic and Kibana', 'text')
    for variable, key in (('{{rule.name}}', 'name'), ('{{context.rule.severity}}', 'severity'), ('{{date}}', 'occurred'),
                          ('{{{context.alerts}}}', 'raw_json')):
        body = body.replace(variable, values[key])
    assert '{{' not in body
    assert incident_of(app, body) == as_expected(expected)


def test_kibanas_body_for_other_rules_creates_an_incident_with_the_severity_that_it_names(app: App) -> None:
    other = [block for language, block in code_blocks(guides()['Elastic and Kibana']) if language == 'text'][1]
    body = re.sub('{{.+?}}', 'x', other.replace('{{date}}', '2026-11-24T09:00:00.000Z'))
    assert incident_of(app, body) == ('x: x', 2, None, '2026-11-24T09:00:00.000Z')


@pytest.mark.parametrize('body, content_type, names', [
    (urlencode({'title': 'Backup failed', 'host': 'db-1', 'severity': 'high', 'problem': 'db-1/backup'}),
     'application/x-www-form-urlencoded', ['Backup failed (db-1)']),
    ('{"time": 1795510800, "host": "web-1", "event": {"message": "Disk full"}}{"event": "Disk full on db-1"}', 'application/json',
     ['Disk full (web-1)', 'Disk full on db-1']),
], ids=['the script', 'Splunk HEC'])
def test_a_program_without_a_guide_creates_incidents_that_say_what_happened(
        app: App, body: str, content_type: str, names: list[str]) -> None:
    assert app.authorized(body, content_type).status == 200
    assert [incident['name'] for incident in app.incidents] == names
