"""The guides for senders, the table above them, the script's rows and what the tests send say the same."""
from __future__ import annotations

import functools
import inspect
import json
import re
from urllib.parse import urlencode
from typing import Any

import GenericWebhook
import pytest
from GenericWebhook import ANY, DELIVERY_IDS, SCHEMES
from app import App
from documents import MANUAL, SENDER_GUIDES, code_blocks, quoted, read, section, table
from local_xsoar import ROOT

from localxsoar.webhooks.senders import load_senders

TESTS = ROOT / 'Tests'
# The guide of each question that a sender asks, and the words by which both the script and a reader know it.
HANDSHAKES = {
    'Microsoft Graph': 'validationToken', 'Azure Event Grid': 'SubscriptionValidation', 'Okta': 'x-okta-verification-challenge',
    'Meta': 'hub.verify_token', 'Dropbox': 'challenge', 'CloudEvents': 'webhook-request-origin',
    'Slack': 'url_verification', 'Zoom': 'endpoint.url_validation',
}
BULLETS = ('Set up', 'XSOAR 8 without an engine', 'Incident', 'If XSOAR is slow', 'Resolved', 'Note')
OWN_HEADERS = {'cf-webhook-auth', 'x-gitlab-token', 'x-webhook-secret'}  # hold the token itself, and are named by their senders
SIGNATURE = re.compile('signature|hmac', re.IGNORECASE)
WAYS = {'Authorization': r'\bAuthorization\b', 'own header': r'(?i)header|`cf-webhook-auth`|`X-Gitlab-Token`',
        'URL': r'<URL>\?token=<TOKEN>', 'signature': r'(?i)signs (with|in)'}
# What shows that a sender was tried by more than its documents: a package that a test imports, or a program that it needs.
LIBRARIES = {'Slack': 'slack_sdk', 'Stripe': 'stripe', 'Standard Webhooks and Svix': 'standardwebhooks',
             'CloudEvents': 'cloudevents'}
PROGRAMS = {'Prometheus Alertmanager': 'prometheus-alertmanager', 'syslog-ng': 'syslog-ng', 'Any other': 'apprise'}

# The recipes in senders/ of each guide, by which its examples are held.
RECIPES = {
    'Splunk Enterprise and Splunk ES': 'splunk', 'Microsoft Sentinel and Defender XDR': 'microsoft-sentinel',
    'Azure Monitor and Defender for Cloud': 'azure-monitor microsoft-defender', 'AWS EventBridge': 'aws-eventbridge',
    'AWS SNS': 'aws-sns', 'Google Cloud Monitoring': 'gcp-monitoring',
    'Google Cloud Pub/Sub and Security Command Center': 'gcp-pubsub', 'CrowdStrike Falcon': 'crowdstrike',
    'Elastic and Kibana': 'elastic', 'Prometheus Alertmanager': 'alertmanager', 'Jira Cloud': 'jira',
    'Standard Webhooks and Svix': 'standard-webhooks', 'Any other': '',
}

# What the table at the end of a guide shows, by the titles of deliveries, where the first ones matter less to a SOC.
SHOWN = {
    'AWS EventBridge': ('GuardDuty finding', 'Security Hub finding', 'CloudWatch alarm with its ARN',
                        'CloudWatch alarm has ended'),
    'AWS SNS': ('a message with a subject', 'GuardDuty finding of EventBridge in the message',
                'CloudWatch alarm with its ARN in the message', 'CloudWatch alarm in the message has ended'),
    'CrowdStrike Falcon': ('the body of the guide', 'newer detection with its id', 'identity detection', 'incident'),
    'Datadog': ('monitor alert with a priority', 'monitor warns', 'monitor has no data', 'monitor has recovered'),
    'Elastic and Kibana': ('the body of the guide', 'detection alert', 'alert of an older version'),
    'GitHub': ('Dependabot alert', 'code scanning alert', 'secret scanning alert', 'Dependabot alert fixed',
               'secret revoked'),
    'GitLab': ('vulnerability', 'incident', 'pipeline', 'an access token expires'),
    'Grafana': ('each alert', 'each alert, the first has ended', 'older form, alerting'),
    'Google Cloud Pub/Sub and Security Command Center': (
        'a finding inside', 'in an event of CloudEvents', 'an audit record inside', 'an alert inside has ended'),
    'Jira Cloud': ('issue created', 'issue updated', 'comment created', 'issue resolved'),
    'Okta': ('each event', 'each event, an error'),
    'Prometheus Alertmanager': ('one alert of a group', 'one alert of a group has ended', 'one alert fires', 'a group of three'),
    'Sentry': ('issue created', 'alert rule triggered for a known issue', 'metric alert', 'issue resolved'),
}
SEVERITIES = {0: 'unknown', 0.5: 'informational', 1: 'low', 2: 'medium', 3: 'high', 4: 'critical'}
OVERVIEW = read(ROOT / 'docs/senders/README.md')
EXAMPLES = '\n| Incident | Severity | State | Problem key |\n'
FILES = {title.lstrip('# '): text for title, _, text in (read(file).partition('\n') for file in SENDER_GUIDES)}
GUIDES = {title: text.partition(EXAMPLES)[0] for title, text in FILES.items()}
# The columns of the table of senders, by sender.
TABLE = {re.split(r'[][]', title)[1]: columns for title, *columns in table(
    section(OVERVIEW, 'The senders'), 'Sender', 'Shows the token by', 'Instance', 'XSOAR 8 without an engine',
    'Found in its events', 'Verified by')}


def recipes_of(title: str) -> list[Any]:
    """Return the recipes in senders/ that a guide is about."""
    keys = RECIPES.get(title, title.lower().replace(' ', '-')).split()
    return [json.loads(read(ROOT / 'senders' / f'{key}/deliveries.json')) for key in keys]


def shown(title: str) -> list[Any]:
    """Return what the deliveries become that a guide shows: those of SHOWN, else of each recipe three names and an end."""
    recipes = recipes_of(title)
    if title in SHOWN:
        by_title = {delivery['title']: delivery['expected'] for recipe in recipes for delivery in recipe['deliveries']}
        return [by_title[wanted] for wanted in SHOWN[title]]
    return [expected for recipe in recipes for expected in first_of_each_name(recipe)]


def first_of_each_name(recipe: Any) -> list[Any]:
    """Return the first incident of each of a recipe's first three names, and of the first name that reports an end."""
    problems: dict[str, Any] = {}
    ends: dict[str, Any] = {}
    for expected in (delivery['expected'] for delivery in recipe['deliveries']):
        (ends if 'state' in expected else problems).setdefault(expected['name'], expected)
    return [*list(problems.values())[:3], *list(ends.values())[:1]]


def examples(title: str) -> str:
    """Return the end of a guide: the incidents that it shows, and where the events are documented."""
    cells = [(f'`{found["name"]}`', SEVERITIES[found.get('severity', 0)], found.get('state', ''),
              f'`{found["problem_key"]}`' if 'problem_key' in found else '') for found in shown(title)]
    lines = ['|' + '|'.join(f' {cell.replace("|", " ")} '.replace('  ', ' ') for cell in row) + '|' for row in cells]
    sources = dict.fromkeys(recipe['source'] for recipe in recipes_of(title))
    return (EXAMPLES + '| --- | --- | --- | --- |\n' + '\n'.join(lines)
            + f'\n\nDocumented at {" and ".join(f"<{source}>" for source in sources)}.\n')


def named_headers(text: str) -> set[str]:
    """Return what is marked as code and looks like a header's name, in lower case."""
    return {name.lower() for span in quoted(text)
            for name in re.findall(r'^(Authorization|[A-Za-z]+(?:-[A-Za-z0-9]+)+)(?=$|:)', span)}


@functools.cache
def known_headers() -> set[str]:
    """What the script reads, and what documented requests carry."""
    senders = load_senders(ROOT / 'senders').values()
    documented = [name for sender in senders for delivery in sender.deliveries for name in delivery['headers']]
    documented += [sender.proof['name'] for sender in senders]
    beside_signatures = [name for schemes in SCHEMES.values() for scheme in schemes for name in (scheme.time, scheme.delivery)]
    known = (*documented, *SCHEMES, *beside_signatures, *DELIVERY_IDS, *HANDSHAKES.values())
    return {name.lower() for name in known} | OWN_HEADERS


@pytest.mark.parametrize('title', TABLE)
def test_a_guide_says_as_its_row_whether_and_how_the_sender_reaches_a_tenant(title: str) -> None:
    reached = re.findall(r'^- \*\*XSOAR 8 without an engine\*\*: (.+)$', GUIDES[title], re.MULTILINE)
    assert len(reached) == 1
    answer, way = (*TABLE[title][2].split(', by '), '')[:2]
    assert reached[0].lower().startswith(answer)
    assert f'[{way or "engine"}](README.md#on-a-cortex-xsoar-8-tenant)' in reached[0]
    assert answer in ('yes', 'no', 'unconfirmed')
    assert not way or f'**{way.capitalize()}:' in section(OVERVIEW, 'On a Cortex XSOAR 8 tenant')
    assert not way or re.search(r'`Authorization`|Basic|USER:PASSWORD@', GUIDES[title]), 'where the credentials go is not shown'


@pytest.mark.parametrize('title', TABLE)
def test_the_table_says_which_senders_may_share_an_instance(title: str) -> None:
    ways, instance, *_ = TABLE[title]
    known = {name for names, _, _ in table(section(OVERVIEW, 'How many instances'), 'Instance', 'Why', 'What to do')
             for name in names.split(', ')}
    assert instance in known
    assert (instance in ('Bearer', 'Basic')) <= (f'{instance} ' in GUIDES[title])
    assert (ways == 'URL') <= (instance == 'URL')


@pytest.mark.parametrize('title', [title for title in TABLE if title != 'Any other'])
def test_the_table_says_what_is_found_in_a_senders_events(title: str) -> None:
    found = [delivery['expected'] for recipe in recipes_of(title) for delivery in recipe['deliveries']]
    has = {'severity': any(each.get('severity') and 'state' not in each for each in found),
           'key': any('problem_key' in each for each in found), 'end': any('state' in each for each in found)}
    assert TABLE[title][3] == ', '.join(word for word, is_there in has.items() if is_there)


def test_every_row_of_the_table_has_a_guide_and_every_guide_a_row() -> None:
    links = dict(re.findall(r'^\| \[(.+?)\]\(([\w-]+)\.md\)', section(OVERVIEW, 'The senders'), re.MULTILINE))
    assert links == {read(file).partition('\n')[0].removeprefix('# '): file.stem for file in SENDER_GUIDES}
    assert list(links) == list(TABLE)


def test_the_packs_readme_links_to_each_guide_once() -> None:
    links = re.findall(r'\[([^]]+)\]\((?:\.\./)+docs/senders/([\w-]+)\.md\)', section(read(MANUAL), 'Senders'))
    assert sorted(links) == sorted((read(file).partition('\n')[0].removeprefix('# '), file.stem) for file in SENDER_GUIDES)


@pytest.mark.parametrize('title', TABLE)
def test_a_guide_answers_what_its_reader_asks(title: str) -> None:
    found = re.findall(r'^- \*\*(.+?)\*\*: \S', GUIDES[title], re.MULTILINE)
    if title != 'Any other':
        assert {'Set up', 'Incident', 'If XSOAR is slow', 'Note'} <= set(found)
    assert found == [name for name in BULLETS if name in found], 'the order is that of the other guides'


@pytest.mark.parametrize('title', TABLE)
def test_a_guide_shows_the_token_in_the_ways_of_its_row(title: str) -> None:
    ways = TABLE[title][0]
    told = WAYS if ways == 'all four' else ways.split(', ')
    assert [way for way in told if not re.search(WAYS[way], GUIDES[title]) and title != 'Any other'] == []


@functools.cache
def imported_or_needed() -> set[str]:
    """Return the names of all packages that tests import, and of all programs that they need."""
    return {name for file in TESTS.rglob('*.py') for names in re.findall(
        r"^(?:from|import) (\w+)|(?<!def )\bneeds\('([\w-]+)'", read(file), re.MULTILINE) for name in names}


@pytest.mark.parametrize('title', TABLE)
def test_what_a_sender_was_verified_by_stands_in_a_test(title: str) -> None:
    by = TABLE[title][-1]
    vectors = {vector['sender'] for vector in json.loads((TESTS / 'senders' / 'vectors.json').read_text(encoding='utf-8'))}
    if by == 'its library':
        assert LIBRARIES[title] in imported_or_needed()
    elif by in ('its program', 'curl, apprise'):
        assert PROGRAMS[title] in imported_or_needed()
    elif by == 'a published vector':
        assert title in vectors
    else:
        assert by in ('its documents', "a partner's documents", 'unconfirmed')
    assert (by == 'unconfirmed') == ('(Unconfirmed.)' in GUIDES[title]), 'what nobody could confirm is marked in both places'


@pytest.mark.parametrize('title', [title for title in TABLE if title != 'Any other'])
def test_each_example_of_an_incidents_name_is_one_that_its_sender_makes(title: str) -> None:
    expected = {delivery['expected']['name'] for recipe in recipes_of(title) for delivery in recipe['deliveries']}
    examples = re.findall(r'such as `([^`]+)`', re.findall(r'^- \*\*Incident\*\*: (.+)$', GUIDES[title], re.MULTILINE)[0])
    assert examples
    assert set(examples) - expected == set()


@pytest.mark.parametrize('title', [title for title in TABLE if title != 'Any other'])
def test_a_guide_ends_with_the_incidents_of_its_sender(title: str) -> None:
    assert FILES[title] == GUIDES[title] + examples(title), f'The guide must end with:\n{examples(title)}'


@pytest.mark.parametrize('header', [header for header in SCHEMES if header != ANY])
def test_every_signature_of_the_script_is_named_in_a_guide(header: str) -> None:
    assert [title for title in TABLE if header.lower() in named_headers(GUIDES[title])]


@pytest.mark.parametrize('title', TABLE)
def test_a_guide_names_only_headers_that_are_known(title: str) -> None:
    unknown = named_headers(GUIDES[title]) - known_headers() - {'content-type', 'retry-after'}
    assert {name for name in unknown if not SIGNATURE.search(name)} == set()


@pytest.mark.parametrize('title', HANDSHAKES)
def test_every_question_is_named_in_its_senders_guide(title: str) -> None:
    source = inspect.getsource(GenericWebhook).partition("''' HANDSHAKES '''")[2].partition("''' STATE '''")[0]
    assert f"'{HANDSHAKES[title]}'" in source, 'the words are no longer the ones that the script looks for'
    assert HANDSHAKES[title] in GUIDES[title].lower() + GUIDES[title]


def test_no_guide_names_a_question_that_the_script_does_not_answer() -> None:
    source = inspect.getsource(GenericWebhook.handshake_before_proof) + inspect.getsource(GenericWebhook.signed_handshake)
    assert len(re.findall('^        case ', source, re.MULTILINE)) == len(HANDSHAKES)
    answered = {title for title in TABLE if re.search(r'question|[Aa]sks (at once|with)|check of the address', GUIDES[title])}
    assert answered == HANDSHAKES.keys()


@pytest.mark.parametrize('title', ['Icinga', 'Nagios'])
def test_the_form_of_a_guides_curl_becomes_the_incident_of_its_recipe(app: App, title: str) -> None:
    sent = set(re.findall(r"--data-urlencode\"?,? ['\"](\w+)=", GUIDES[title]))
    deliveries = [delivery for delivery in load_senders(ROOT / 'senders')[title.lower()].deliveries if 'payload' in delivery]
    for delivery in deliveries:
        assert delivery['payload'].keys() == sent
        app.authorized(urlencode(delivery['payload']), 'application/x-www-form-urlencoded')
        incident, expected = app.incidents[-1], delivery['expected']
        assert (incident['name'], incident.get('severity')) == (expected['name'], expected.get('severity'))
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
    return next(block for tongue, block in code_blocks(GUIDES[title]) if tongue == language)


def test_the_body_of_checklys_guide_has_the_fields_that_its_recipe_is_known_by(app: App) -> None:
    body = json.loads(guides_body('Checkly'))
    for delivery in load_senders(ROOT / 'senders')['checkly'].deliveries:
        filled = {key: delivery['payload'].get(key, '') for key in body}
        assert incident_of(app, json.dumps(filled)) == as_expected(delivery)


@pytest.mark.parametrize('delivery', ['monitor alert with a priority', 'monitor has recovered', 'monitor warns'])
def test_the_body_of_datadogs_guide_has_the_fields_that_its_recipe_is_known_by(app: App, delivery: str) -> None:
    body = json.loads(guides_body('Datadog'))
    sent = load_senders(ROOT / 'senders')['datadog'].delivery(delivery)
    filled = {key: sent['payload'].get(key, '') for key in body}
    assert incident_of(app, json.dumps(filled)) == as_expected(sent)


def test_the_body_of_crowdstrikes_guide_creates_the_first_incident_of_its_table(app: App) -> None:
    expected = load_senders(ROOT / 'senders')['crowdstrike'].delivery('the body of the guide')
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
    expected = load_senders(ROOT / 'senders')['elastic'].delivery('the body of the guide')
    values = {**expected['payload'], 'raw_json': ','.join([json.dumps(expected['payload']['raw_json'][0])] * alerts)}
    body = guides_body('Elastic and Kibana', 'text')
    for variable, key in (('{{rule.name}}', 'name'), ('{{context.rule.severity}}', 'severity'), ('{{date}}', 'occurred'),
                          ('{{{context.alerts}}}', 'raw_json')):
        body = body.replace(variable, values[key])
    assert '{{' not in body
    assert incident_of(app, body) == as_expected(expected)


def test_kibanas_body_for_other_rules_creates_an_incident_with_the_severity_that_it_names(app: App) -> None:
    other = [block for language, block in code_blocks(GUIDES['Elastic and Kibana']) if language == 'text'][1]
    body = re.sub('{{.+?}}', 'x', other.replace('{{date}}', '2026-11-24T09:00:00.000Z'))
    assert incident_of(app, body) == ('x: x', 2, None, '2026-11-24T09:00:00.000Z')


@pytest.mark.parametrize('body, content_type, names', [
    (re.findall(r"--data '(.+?)' 'URL'", GUIDES['Any other'])[0], 'application/x-www-form-urlencoded',
     ['Fail2ban <name>: <ip> banned']),
    (urlencode({'title': 'nginx: Connection failed', 'host': 'web-1', 'description': 'failed to connect'}),
     'application/x-www-form-urlencoded', ['nginx: Connection failed']),
    ('{"time": 1795510800, "host": "web-1", "event": {"message": "Disk full"}}{"event": "Disk full on db-1"}', 'application/json',
     ['Disk full', 'Disk full on db-1']),
], ids=['Fail2ban', 'Monit', 'Splunk HEC'])
def test_a_program_without_a_guide_creates_incidents_that_say_what_happened(
        app: App, body: str, content_type: str, names: list[str]) -> None:
    assert app.authorized(body, content_type).status == 200
    assert [incident['name'] for incident in app.incidents] == names
