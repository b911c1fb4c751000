"""`./dev` in a terminal; `./dev test` and .ci/run: a run says which tests it left out and why, and CI hides none."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from checkouts import FAKE_PYTHON, checkout, executable, run
from local_xsoar import ROOT, needs, wait_for
from packages import PACKAGES, packages_of
from terminal import CTRL_C, InTerminal, run_in_terminal
from shared.webhook import PACK, SCRIPT, changed_pack

pytestmark = pytest.mark.sockets

FAKE_TOX = '''#!/bin/sh
[ "$2" = tox ] || exec {python} "$@"
printf '{skipped}' >>"$SKIPPED"
case "$*" in *' -- '*) echo "$@" ;; esac
echo "all programs: $HAS_ALL_PROGRAMS"
exit {exit_code}
'''
TEST = '''
from local_xsoar import needs

def test_that_needs_a_program():
    needs('no-such-program')
'''
FAKE_APT = '''#!/bin/sh
echo "$@" >>"$CALLS"
case " $* " in *" $FAILING "*) exit 100; esac
'''


def dev_test(folder: Path, *arguments: str, skipped: str = '', exit_code: int = 0, **environment: str) -> list[str]:
    """Return the lines of `./dev test` where tox prints what it was asked for, and leaves these reasons for skipped tests."""
    python = checkout(folder, dev='dev') / '.tox/dev/bin/python'
    executable(python, FAKE_TOX.format(python=sys.executable, skipped=skipped, exit_code=exit_code))
    done = run(folder / 'dev', 'test', *arguments, without=('CI', 'NO_MIRROR', 'HAS_ALL_PROGRAMS'), **environment)
    assert done.returncode == exit_code, done.stderr
    return done.stdout.splitlines()


def test_the_names_of_tests_need_no_folder_before_them(tmp_path: Path) -> None:
    asked = ['receiver/names', 'repository/test_dev.py::test_x', 'Packs', '-k', 'receiver']
    named = ['Tests/receiver/names', 'Tests/repository/test_dev.py::test_x', 'Packs', '-k', 'receiver']
    assert dev_test(tmp_path, '--', *asked)[0].split(' -- ')[1].split() == named


@pytest.mark.parametrize('exit_code, word', [(0, 'passed'), (1, 'FAILED')])
def test_the_last_line_says_how_many_tests_were_skipped_and_why(tmp_path: Path, exit_code: int, word: str) -> None:
    reasons = r'nginx is not installed\nno chromium\nnginx is not installed\n'
    why = '3 tests skipped (2: nginx is not installed; 1: no chromium)'
    assert dev_test(tmp_path, skipped=reasons, exit_code=exit_code)[-1] == f'dev test: {word}; {why}'


@pytest.mark.parametrize('environment, printed', [
    ({}, ['all programs: ', 'dev test: passed']), ({'CI': 'true'}, ['all programs: true', 'dev test: passed']),
    ({'CI': 'true', 'NO_MIRROR': 'true'}, ['all programs: ', 'dev test: passed; the mirror of packages could not be reached']),
], ids=['developer', 'CI', 'CI without a mirror'])
def test_only_ci_must_have_every_program_unless_the_mirror_could_not_be_reached(
        tmp_path: Path, environment: dict[str, Any], printed: list[str]) -> None:
    assert dev_test(tmp_path, **environment) == printed


def test_programs_of_senders_that_are_not_there_are_named_first_and_their_tests_are_left_out_at_once(tmp_path: Path) -> None:
    for name in ('sh', 'git'):  # what a test without a sender's program takes
        (tmp_path / name).symlink_to(shutil.which(name) or name)
    done = run(sys.executable, '-m', 'pytest', '-m', 'programs', '-p', 'no:cacheprovider', 'Tests/programs/test_programs.py',
               '-k', 'half_a_minute and rspamd', without=['HAS_ALL_PROGRAMS'], PATH=str(tmp_path))
    first, *_, last, _ = done.stdout.splitlines()
    assert 'not installed: ' in first and re.search(r' apt-get install [a-z0-9 -]*\brspamd\b[a-z0-9 -]*$', first)
    assert last.startswith('SKIPPED [1] ') and 'rspamd is not installed' in last, done.stdout


def test_the_packages_of_all_programs_of_senders_are_known_and_installed_by_the_workflow() -> None:
    files = [*(ROOT / 'Tests/programs').glob('*.py'), ROOT / 'Tests/support/programs.py']
    named = {name for file in files for name in re.findall(r"""needs\(['"]([\w-]+)['"]""", file.read_text('utf-8'))}
    assert named | {'curl', 'initdb', 'pg_ctl'} == set(PACKAGES)
    workflow = (ROOT / '.github/workflows/test.yml').read_text('utf-8')
    installed = re.search(r'--no-install-recommends (borgmatic [\w\s-]+)\n *- run', workflow)
    assert installed
    assert packages_of(*PACKAGES).split() == sorted([*installed[1].split(), 'bsdutils', 'rsyslog'])


WITHOUT = 'no-such-program is not installed; Debian: apt-get install no-such-program'


@pytest.mark.parametrize('workers', ['0', '2'])
def test_a_test_without_its_program_is_skipped_and_counted_once(tmp_path: Path, workers: str) -> None:
    (tmp_path / 'test_one.py').write_text(TEST)
    path = os.pathsep.join(map(str, (ROOT, ROOT / 'Tests', ROOT / 'Tests/support')))
    done = run(sys.executable, '-m', 'pytest', '-c', ROOT / 'tox.ini', '-p', 'conftest', '-p', 'no:cacheprovider', '-n', workers,
               tmp_path / 'test_one.py', without=['HAS_ALL_PROGRAMS'], PYTHONPATH=path, SKIPPED=str(tmp_path / 'skipped'))
    assert '1 skipped' in done.stdout and WITHOUT in done.stdout
    assert (tmp_path / 'skipped').read_text() == 'no-such-program is not installed\n'


def test_a_test_without_its_program_fails_where_every_program_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('HAS_ALL_PROGRAMS', 'true')
    with pytest.raises(pytest.fail.Exception, match=WITHOUT):
        needs('no-such-program')


@pytest.mark.parametrize('failing, mirror', [
    ('nothing', ''), ('update', 'could not be reached'), ('--download-only', 'could not be reached'),
    ('--simulate', ''),  # Debian lacks one of them, which the tests then fail for
])
def test_ci_installs_every_program_and_says_so_if_the_mirror_cannot_be_reached(tmp_path: Path, failing: str, mirror: str) -> None:
    (tmp_path / '.ci').mkdir()
    shutil.copy(ROOT / '.ci/run', tmp_path / '.ci/run')
    for name, text in (('dev', '#!/bin/sh\necho "${NO_MIRROR:+could not be reached}"\n'), ('bin/apt-get', FAKE_APT),
                       ('bin/id', '#!/bin/sh\necho 0\n')):
        executable(tmp_path / name, text)
    for program in ('bash', 'dirname', 'timeout'):
        (tmp_path / 'bin' / program).symlink_to(shutil.which(program) or program)
    done = run(tmp_path / 'bin/bash', tmp_path / '.ci/run', without=[*os.environ], PATH=f'{tmp_path}/bin:/nowhere', CI='true',
               FAILING=failing, CALLS=f'{tmp_path}/calls')
    assert (done.returncode, done.stdout) == (0, f'{mirror}\n'), done.stderr
    calls = (tmp_path / 'calls').read_text().splitlines()
    assert calls[0].startswith('update')
    assert failing != 'nothing' or {'chromium', 'slowhttptest', 'syslog-ng-mod-http'} <= set(calls[-1].split())


@pytest.fixture(scope='module')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which `run` has what it needs."""
    return checkout(tmp_path_factory.mktemp('checkout'), venv='run')


@pytest.mark.parametrize('words', ['--help', '-h', 'help', 'names -h', 'release --help', 'screenshots --help'])
def test_help_is_output_and_a_success(words: str) -> None:
    done = run('./dev', *words.split())
    assert (done.returncode, done.stderr) == (0, '')
    commands = re.findall(r'^    (\w+)\) shift|^    (names)\)', (ROOT / 'dev').read_text('utf-8'), re.MULTILINE)
    assert [name for name in map(''.join, commands) if f'./dev {name} ' not in done.stdout] == []
    assert all(len(line) <= 130 for line in done.stdout.splitlines())


def test_without_a_command_the_help_is_an_error() -> None:
    done = run('./dev')
    assert (done.returncode, done.stdout, done.stderr) == (2, '', run('./dev', '--help').stdout)


@pytest.mark.parametrize('arguments, words', [
    (['nosuch'], 'there is no command nosuch. There are run, send, '), (['a\x1b[2Jb'], r"no command $'a\E[2Jb'. There"),
    (['release'], 'release needs the next version, X.Y.Z.'), (['release', '1.0.0', '1.0.1'], 'release needs the next version'),
    (['send', 'gihub'], "'gihub' is not a sender. Did you mean github, "),
    (['run', '--port', '65536'], "'65536' is not a number from 0"),
])
def test_a_wrong_command_line_is_reported_in_one_line(installed: Path, arguments: list[str], words: str) -> None:
    done = run(installed / 'dev', *arguments)
    assert (done.returncode, done.stdout, done.stderr.count('\n')) == (2, '', 1), done.stderr
    assert words in done.stderr and not (installed / '.tox').exists()


def test_another_pack_runs_instead_of_the_webhook(installed: Path) -> None:
    packs = ROOT / 'Tests/localxsoar/sample_packs'
    done = run(installed / 'dev', 'run', 'Commands', '--command', 'hello-say', '--arg', 'name=you', folder=packs)
    assert done.returncode == 0 and 'Hello you' in done.stdout, done.stderr


@pytest.mark.parametrize('is_real', [False, pytest.param(True, marks=pytest.mark.weekly)])
def test_the_first_use_says_what_is_installed_and_one_that_failed_is_tried_again(tmp_path: Path, is_real: bool) -> None:
    folder = checkout(tmp_path / 'checkout')
    (folder / 'requirements').unlink()
    (folder / 'requirements').mkdir()
    (folder / 'requirements/run.txt').write_text('no-such-package==1\n')
    if not is_real:
        executable(tmp_path / 'bin/python3.13', FAKE_PYTHON.replace('{python}', sys.executable))
    path = f'{tmp_path}/bin:{os.environ["PATH"]}'
    failed = run('./dev', 'run', folder=folder, PIP_NO_INDEX='1', PATH=path)
    assert failed.returncode == 1 and 'installing 1 packages' in failed.stderr
    assert failed.stderr.splitlines()[-1] == (
        'dev: the packages of requirements/run.txt could not be installed. The next run tries again.')
    (folder / 'requirements/run.txt').write_text('')
    first, second = (run('./dev', 'send', '--help', folder=folder, PATH=path) for _ in range(2))
    making, ready = first.stderr.splitlines()[:2]
    assert re.fullmatch(r'dev: making \.venv with Python 3\.\d+\.\d+; installing 0 packages may take minutes', making)
    assert ready == 'dev: .venv is ready' and 'dev: ' not in second.stderr


def test_names_are_those_of_the_senders_that_are_asked_for(tmp_path: Path) -> None:
    dev = checkout(tmp_path, names='test') / 'dev'
    wrong = run(dev, 'names', 'falcon')
    assert (wrong.returncode, wrong.stderr.count('\n')) == (2, 1) and "'falcon' is not a sender" in wrong.stderr
    noted = run(dev, 'names', 'falco', 'pingdom', '--query', "name=rule,none|'x&skip=rule").stdout
    assert {line.split()[0] for line in noted.splitlines() if line[0] != ' '} == {'Falco', 'Pingdom'}
    assert 'x-webhook-note: name: a quote is missing (ignored)' in noted and '(no incident)' in noted
    assert run('bash', '-c', './dev names falco > >(exit)', folder=tmp_path).stderr == ''


@pytest.mark.weekly
def test_names_against_a_revision_are_those_that_its_script_finds_otherwise(tmp_path: Path) -> None:
    folder = checkout(tmp_path, names='test')
    (folder / 'Packs').unlink()
    changed = {'Post(conversion.incidents,': "Post([{**each, 'name': each['name'].swapcase(), "
               "**({'severity': 1} if 'severity' in each else {})} for each in conversion.incidents],"}
    file = changed_pack(folder / 'Packs', changed) / SCRIPT.relative_to(PACK)
    git = ['git', '-c', 'user.name=x', '-c', 'user.email=x@example.com']
    for arguments in (['init', '-q'], ['add', 'Packs'], ['commit', '-qm', 'other names'], ['tag', 'other']):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    file.write_text('')
    for arguments in (['commit', '-qam', 'without what the tools import'], ['tag', 'old']):
        subprocess.run([*git, *arguments], cwd=folder, check=True)
    shutil.copy(SCRIPT, file)
    few, at_url, wrong, old = (run('./dev', 'names', 'falco', '--against', *words, folder=folder) for words in (
        ['other'], ['other', '--query', 'severity=critical'], ['no-such'], ['old']))
    assert few.returncode == 0 and few.stdout.startswith('falco: shell in a container\n'), few.stderr
    assert re.search(r'(?m)^    name +tERMINAL SHELL.* → Terminal shell', few.stdout), few.stdout
    assert re.search(r'(?m)^    severity +1 → 3$', few.stdout)
    assert few.stdout.splitlines()[-1] == 'what differs: payloads 5, products 1, name 5, severity 4'
    assert '?severity=critical' in at_url.stdout
    assert (wrong.returncode, wrong.stderr.count('\n')) == (2, 1) and "git has no script of 'no-such'" in wrong.stderr
    assert (old.returncode, old.stderr.count('\n')) == (2, 1) and 'not that of 1.0.0' in old.stderr
    every = run('./dev', 'names', '--against', 'other', folder=folder).stdout.splitlines()
    assert re.fullmatch(r'what differs: payloads \d{4}, products \d{3}, name \d{4}, severity \d+', every[-1])


@pytest.fixture(scope='module')
def running(installed: Path) -> Iterator[InTerminal]:
    """`./dev run` in a terminal of 100 columns, as a person starts it from a shell after a server that was killed."""
    (installed / '.venv/url').write_text('http://127.0.0.1:1\n')
    with InTerminal('bash', '-c', 'exec ./dev run --port 0', columns=100, cwd=installed) as terminal:
        terminal.wait_for_line('^Ready')
        yield terminal


def test_send_finds_the_server_that_runs(installed: Path, running: InTerminal) -> None:
    code, sender = run_in_terminal('bash', '-c', './dev send github', columns=100, cwd=installed)
    assert (code, sender.coloured_lines[-1].startswith('\x1b[32m200 OK\x1b[0m  ')) == (0, True), sender.text
    running.wait_for_line(r'^\d\d:\d\d:\d\d     POST 200 +\d+ ms  GitHub            → 1  issues opened')
    assert any(' \x1b[32m200\x1b[0m ' in line for line in running.coloured_lines)


def test_a_burst_of_rejections_becomes_one_line_that_fits(running: InTerminal) -> None:
    url = running.wait_for_line('^Webhook: ').split()[1]
    with requests.Session() as http:
        for _ in range(43):
            assert http.post(url, b'x').status_code == 401
    line = running.wait_for_line(r'^\d\d:\d\d:\d\d +\d+ × 401 in +\d+ s  python-requests   The request shows no token')
    assert running.rows(line) == 1
    wait_for(lambda: any('\x1b[33m401\x1b[0m' in line for line in running.coloured_lines))


def test_ctrl_c_ends_the_server_and_its_address(installed: Path, running: InTerminal) -> None:
    running.press(CTRL_C)
    assert (running.end(), running.lines[-1]) == (0, 'Stopped')
    assert not (installed / '.venv/url').exists()
