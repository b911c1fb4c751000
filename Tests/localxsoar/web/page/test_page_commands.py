"""The page's commands in a real browser: what a person who writes an integration runs there, and what comes back."""
from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from shared.browser import Tab, violations
from clocks import PATIENCE_SECONDS, wait_for
from local_xsoar import ROOT, LocalXsoar
from pages import OpenPage, hold
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.sockets

COMMANDS = ROOT / 'Tests/localxsoar/sample_packs/Commands'
KEY = 'h4sh-hush-key'
HOSTILE = '''### Heading <img src=x onerror="document.title='run'">
|name|what|
|---|---|
| a\\|b<br>c | <script>document.title='run'</script> |
| [x](javascript:document.title='run') | ![picture](https://tracker.example/x.png) [shown](https://example.com/a "t") |
- **bold** and `<b>`
```
<i>code</i>
```
'''


@pytest.fixture(scope='module')
def xsoar() -> Iterator[LocalXsoar]:
    with LocalXsoar('--log-level', 'debug', '--instance', 'left', '--set', f'apikey={KEY}', '--instance', 'right',
                    pack=COMMANDS) as running:
        yield running


@pytest.fixture
def open_command(open_page: OpenPage, xsoar: LocalXsoar) -> OpenPage:
    """Opens the form of a command."""
    return lambda name='', **options: open_page(f'{xsoar.url}/#/commands/{name}' if name else xsoar.url, **options)


def run(page: Page, **args: str) -> Any:
    """Fills in the form, runs it, and returns where its result is."""
    for name, value in args.items():
        page.locator('#command').get_by_label(name).fill(value)
    runs = page.locator('#runs .run').count()
    page.get_by_role('button', name='Run', exact=True).click()
    expect(page.locator('#runs .run')).to_have_count(runs + 1)
    return page.locator('#result')


def unfold(page: Page) -> None:
    page.locator('#view-commands details').evaluate_all('all => all.forEach((each) => { each.open = true; })')


def test_a_pack_without_a_port_opens_on_its_commands_and_its_instances_are_chosen(open_command: OpenPage) -> None:
    page = open_command()
    expect(page.get_by_role('heading', name='hello-say')).to_be_visible()
    expect(page.locator('#health')).to_have_text('Ready')
    assert page.get_by_role('navigation').locator('a:visible').all_inner_texts() == ['Incidents', 'Commands', 'Instance', 'Log']
    page.get_by_role('button', name='Test').click()
    expect(page.locator('#result')).to_contain_text('ok')
    page.get_by_role('button', name='Fetch now').click()
    expect(page.locator('#result')).to_contain_text('fetch-incidents: 1 new')
    last_run = page.locator('#kept details', has_text='Last run')
    last_run.locator('summary').click()
    expect(last_run).to_contain_text('number: 1')
    page.get_by_role('combobox', name='Instance').select_option('right')
    expect(page.locator('#instance-name')).to_have_text('right')
    expect(page.locator('#kept')).to_contain_text('Last run: empty')
    page.get_by_role('link', name='Instance').click()
    page.get_by_role('button', name='Disable').click()
    expect(page.locator('#health')).to_have_text('disabled')
    page.keyboard.press('2')
    expect(run(page, name='you').locator('.bad')).to_have_text('right is disabled. Enable it first.')
    page.get_by_role('link', name='Instance').click()
    page.get_by_role('button', name='Enable').click()
    expect(page.locator('#health')).to_have_text('Ready')


def test_the_instance_that_is_shown_is_the_one_that_was_chosen_last(open_page: OpenPage, xsoar: LocalXsoar) -> None:
    page = open_page(f'{xsoar.url}/#/commands')
    held = hold(page, '**/localxsoar/instance?instance=left')
    page.get_by_role('link', name='Instance').click()
    wait_for(lambda: held or page.evaluate('false'))
    choice = page.get_by_role('combobox', name='Instance')
    choice.select_option('right')
    expect(page.locator('#instance-name')).to_have_text('right')
    with page.expect_response('**/localxsoar/instance?instance=left'):
        held[0].continue_()
    tests = hold(page, '**/localxsoar/instance/test?instance=right')
    page.get_by_role('button', name='Test').click()
    expect(choice).to_be_disabled()
    wait_for(lambda: tests or page.evaluate('false'))
    tests[0].continue_()
    expect(page.locator('#action-status')).to_have_text('The test succeeded.')
    expect(choice).to_be_enabled()
    expect(page.locator('#instance-name')).to_have_text('right')


def test_the_instance_is_in_the_address_and_runs_and_what_was_typed_outlive_a_reload(
    open_page: OpenPage, xsoar: LocalXsoar
) -> None:
    page = open_page(f'{xsoar.url}/#/commands/hello-say?instance=right')
    expect(page.locator('#instances')).to_have_value('right')
    name = page.locator('#argument-name')
    name.fill('you')
    page.locator('#run').click()
    expect(page.locator('#result h3').first).to_have_text('!hello-say name=you using=right')
    name.fill('half typed')
    page.reload()
    expect(page.locator('#result h3').first).to_have_text('!hello-say name=you using=right')
    expect(page.locator('#runs .run')).to_have_count(1)
    expect(name).to_have_value('half typed')
    page.locator('#instances').select_option('left')
    page.wait_for_url(re.compile('instance=left'))
    page.get_by_role('link', name='Log').click()
    page.wait_for_url(re.compile(r'/log\?instance=left$'))
    page.go_back()
    page.go_back()
    expect(page.locator('#instances')).to_have_value('right')
    page.goto(f'{xsoar.url}/#/log?instance=nobody')
    page.wait_for_url(re.compile(r'/log\?instance=(right|left)$'))


def test_a_command_of_the_server_has_a_form(open_command: OpenPage) -> None:
    page = open_command('Print')
    expect(page.locator('#choices h2').last).to_have_text('Server')
    page.locator('#search').fill('print')
    expect(page.locator('#choices a')).to_have_text(['Print'])
    expect(run(page, value='said', **{'Run in incident': ''}).locator('.entry').first).to_contain_text('said')


def test_enter_runs_a_command_and_arrows_bring_it_back_with_its_arguments(open_command: OpenPage) -> None:
    page = open_command('hello-say')
    name, result, runs = page.locator('#argument-name'), page.locator('#result'), page.get_by_role('listbox', name='Runs')
    for value in ('one', 'two words'):
        name.fill(value)
        name.press('Enter')
        expect(result.locator('td').first).to_have_text(value)
    expect(name).to_be_focused()
    expect(result.locator('h3').first).to_have_text('!hello-say name="two words" using=left')
    expect(result.locator('.tree').first).to_contain_text('text: "Hello two words"')
    page.get_by_text('Context data').click()
    expect(page.locator('#kept')).to_contain_text(re.compile(r'Greeting: \[\d+\]'))
    page.get_by_role('button', name='Test').click()
    expect(result).to_contain_text('ok')
    for value in ('two words', 'one'):
        name.press('ArrowUp')
        expect(name).to_have_value(value)
    name.fill('typed')
    for key, value in zip(['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowUp'],
                          ['two words', 'one', 'one', 'two words', 'typed', 'typed', 'two words', 'one'], strict=True):
        name.press(key)
        expect(name).to_have_value(value)
    name.press('/')
    expect(name).to_have_value('one/')
    name.press('Escape')
    page.keyboard.press('/')
    page.keyboard.type('entry')
    page.keyboard.press('Enter')
    expect(page.get_by_role('button', name='Run', exact=True)).to_be_focused()
    run(page)
    expect(result).to_contain_text('a: 1')
    expect(runs.get_by_role('option')).to_have_count(4)  # Enter in the search opens a command, and does not run it
    runs.focus()
    runs.press('ArrowDown')
    expect(result).to_contain_text('ok')
    runs.press('ArrowDown')
    expect(name).to_have_value('two words')
    expect(result.locator('td').first).to_have_text('two words')
    runs.press('End')
    expect(name).to_have_value('one')
    runs.press('Enter')
    expect(runs.get_by_role('option')).to_have_count(5)


def test_an_error_is_red_and_its_traceback_is_folded(open_command: OpenPage) -> None:
    page = open_command('hello-fail')
    expect(run(page).locator('.entry.bad')).to_have_text('left: Failed to run hello-fail: This one fails.')
    expect(page.locator('#run')).to_be_focused()  # it was disabled meanwhile
    page.get_by_role('button', name='Run again with its traceback').click()
    expect(page.locator('#result h3').first).to_have_text('!hello-fail debug-mode=true using=left')
    failed = page.locator('#result .entry.bad')
    expect(failed.locator('.message')).to_have_text('left: Failed to run hello-fail: This one fails.')
    failed.locator('summary').click()
    expect(failed.locator('pre')).to_contain_text('Commands.py", line')
    expect(page.get_by_role('button', name='Run again with its traceback')).to_have_count(0)
    page.get_by_role('link', name='hello-trace').click()
    failed = run(page).locator('.entry.bad')
    expect(failed.locator('.message')).to_have_text('left: IndexError: list index out of range')
    expect(failed.locator('pre')).to_have_count(0)
    failed.locator('summary').click()
    expect(failed.locator('pre')).to_contain_text('Commands.py", line')
    page.get_by_role('link', name='hello-say').click()
    expect(run(page).locator('.entry.bad')).to_have_text('left: hello-say needs name.')
    expect(page.get_by_role('button', name='Run again with its traceback')).to_have_count(0)


def test_markup_in_an_entry_stays_text_and_its_numbers_stay_as_they_are(open_command: OpenPage) -> None:
    page = open_command('hello-show')
    expect(page.get_by_label('mode').locator('option')).to_have_text(['plain (default)', 'plain', 'fancy'])
    result = run(page, text=HOSTILE.replace('\n', '<br>'))
    expect(result.locator('.markdown')).to_contain_text('<img src=x')
    expect(result.locator('.tree').first).to_contain_text('big: 12345678901234567890')
    assert page.title().startswith('Commands')
    assert result.locator('img, script, i').count() == 0
    assert result.locator('a').evaluate_all('all => all.map((each) => each.href)') == ['https://example.com/a']
    expect(result).to_contain_text("[x](javascript:document.title='run')")


def test_a_secret_argument_or_parameter_appears_nowhere(open_command: OpenPage, xsoar: LocalXsoar) -> None:
    page = open_command('hello-hide')
    texts: list[str] = []
    page.on('response', lambda response: texts.append(response.text()) if '/localxsoar/commands' in response.url else None)
    expect(page.locator('#command')).to_contain_text('potentially harmful')
    result = run(page, password='a-secret-argument')
    expect(result.locator('.markdown')).to_have_text('•••••• and ••••••')
    expect(result.locator('h3').first).to_have_text('!hello-hide password=•••••• using=left')
    expect(page.locator('#command-log')).to_contain_text('hidden: •••••• and ••••••')
    expect(page.get_by_label('password')).to_have_attribute('type', 'password')
    page.locator('#runs').press('End')
    expect(page.get_by_label('password')).to_have_value('')
    unfold(page)
    shown = [page.content(), *texts, xsoar.control('GET', 'log'), xsoar.control('GET', 'commands/kept')]
    assert texts and not [each for each in shown for secret in (KEY, 'a-secret-argument') if secret in str(each)]


def test_a_file_that_a_command_returns_is_downloaded(open_command: OpenPage) -> None:
    page = open_command('hello-file')
    link = run(page, text='the content').locator('a.download')
    expect(link).to_have_text('grüße <b>.txt')
    with page.expect_download() as download:
        link.click()
    assert download.value.path().read_text('utf-8') == 'the content'
    assert download.value.suggested_filename.startswith('grüße')


def test_a_pack_that_changes_is_seen_at_once_and_what_was_typed_stays(open_command: OpenPage, xsoar: LocalXsoar) -> None:
    page = open_command('hello-say')
    page.locator('#argument-name').fill('typed')
    source = COMMANDS / 'Integrations/Commands/Commands'
    content = yaml.safe_load(source.with_suffix('.yml').read_text('utf-8'))
    content['script']['script'] = source.with_suffix('.py').read_text('utf-8')
    content['script']['commands'][0]['arguments'].append({'name': 'added', 'isArray': True, 'predefined': ['a', 'b']})
    requests.post(f'{xsoar.url}/settings/integration-conf/upload', files={'file': ('Commands.yml', yaml.safe_dump(content))},
                  timeout=PATIENCE_SECONDS).raise_for_status()
    expect(page.locator('#argument-added-help')).to_have_text('Several values with commas. Of: a, b.')
    expect(page.locator('#argument-name')).to_have_value('typed')


FETCHES = '''
import demistomock as demisto
from CommonServerPython import *
if demisto.params()['login']['password'] == 'wrong':
    return_error('[401] Unauthorized\\n{"error": "bad key"}')
elif demisto.command() == 'fetch-incidents':
    demisto.incidents([{'name': 'one'}])
else:
    return_results('ok')
'''


def test_an_instance_that_fetches_says_so_and_what_failed_also_where_the_browser_needs_a_key(
    open_page: OpenPage, tmp_path: Path
) -> None:
    rows = [{'name': 'isFetch', 'type': 8}, {'name': 'login', 'displaypassword': 'API Key', 'type': 9, 'hiddenusername': True}]
    (tmp_path / 'Keyed.yml').write_text(yaml.safe_dump({
        'commonfields': {'id': 'Keyed'}, 'configuration': rows,
        'script': {'type': 'python', 'script': FETCHES, 'isfetch': True}}))
    params = {'isFetch': True, 'login': {'password': 'right'}}
    with LocalXsoar('--api-key', KEY, pack=tmp_path, params=params) as xsoar:
        page = open_page(f'{xsoar.url}/#/instance', http_credentials={'username': 'anyone', 'password': KEY})
        facts, status = page.locator('#facts'), page.locator('#action-status')
        expect(facts).to_contain_text('enabled; fetches incidents every minute')
        expect(facts).to_contain_text('1 new')
        assert page.get_by_placeholder('user').count() == 0
        page.get_by_label('API Key').fill('wrong')
        page.get_by_role('button', name='Save').click()
        expect(status).to_have_text('Not saved: the test failed: [401] Unauthorized{"error": "bad key"}')  # on two lines
        page.get_by_role('button', name='Fetch now').click()
        expect(status).to_have_text('1 new.')
        page.get_by_role('button', name='Disable').click()
        expect(facts).to_contain_text('disabled')
        page.get_by_role('button', name='Fetch now').click()
        expect(status).to_have_text('keyed is disabled. Enable it first.')
        xsoar.control('POST', 'instance/enable')
        expect(facts).not_to_contain_text('disabled')  # an event has said so


def test_results_are_read_with_a_screen_reader(open_command: OpenPage) -> None:
    page = open_command('hello-trace')
    run(page)
    page.get_by_role('link', name='hello-show').click()
    run(page, text='# Title<br>[2](https://example.com)')
    unfold(page)
    assert violations(page) == []
    page.emulate_media(color_scheme='dark')
    assert violations(page, rule='color-contrast') == []
    page.set_viewport_size({'width': 360, 'height': 720})
    assert page.evaluate('document.documentElement.scrollWidth - innerWidth') <= 0
    page.get_by_role('button', name='Back').click()
    expect(page.locator('#choices')).to_be_visible()


def test_incidents_of_two_instances_are_told_apart(tab: Tab, open_page: OpenPage, xsoar: LocalXsoar) -> None:
    incident = {'name': 'one', 'type': '', 'occurred': '', 'created': '', 'status': 0, 'severity': 0, 'state': 'firing',
                'dbotMirrorId': 'same key', 'owner': '', 'labels': [], 'fields': [], 'entries': [],
                'rawJSON': '{}'}
    listed = [{**incident, 'id': str(number), 'sourceInstance': instance}
              for number, instance in ((4, 'left'), (3, 'right'), (2, 'left'), (1, 'right'))]
    listed[1]['state'] = 'resolved'
    tab.page.route('**/localxsoar/incidents/list', lambda route: route.fulfill(json=listed))
    tab.page.route('**/localxsoar/incidents/2', lambda route: route.fulfill(json=listed[2]))
    page = open_page(f'{xsoar.url}/#/incidents/2')
    rows = page.locator('#incidents .row')
    expect(rows.locator('.source')).to_have_text(['left', 'right', 'left', 'right'])
    expect(rows.locator('.source').first).to_be_visible()
    expect(rows.locator('.state-word')).to_have_text(['firing', 'resolved', 'firing', 'ended'])
    expect(page.locator('#incident .links')).to_have_text('Same problem: incident 4 (unknown, firing)')
