"""`./dev test` and .ci/run: a run says which tests it left out and why, and continuous integration leaves out none in silence."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_xsoar import ROOT

FAKE_TOX = '''#!/bin/sh
[ "$2" = tox ] || exec {python} "$@"
printf '{skipped}' >>"$SKIPPED"
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


def script(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, 'utf-8')
    file.chmod(0o755)


def dev_test(folder: Path, skipped: str = '', exit_code: int = 0, environment: dict[str, str] | None = None) -> list[str]:
    """Return the lines of `./dev test` where tox leaves these reasons for skipped tests."""
    for name in ('dev', 'requirements'):
        (folder / name).symlink_to(ROOT / name)
    script(folder / '.tox/dev/bin/python', FAKE_TOX.format(python=sys.executable, skipped=skipped, exit_code=exit_code))
    (folder / '.tox/dev/installed.txt').symlink_to(ROOT / 'requirements/dev.txt')
    given = {name: value for name, value in os.environ.items() if name not in ('CI', 'NO_MIRROR', 'HAS_ALL_PROGRAMS')}
    done = subprocess.run([folder / 'dev', 'test'], env={**given, **(environment or {})}, capture_output=True, text=True,
                          check=False)
    assert done.returncode == exit_code, done.stderr
    return done.stdout.splitlines()


def test_a_run_without_a_skipped_test_ends_with_that_it_passed(tmp_path: Path) -> None:
    assert dev_test(tmp_path)[-1] == 'dev test: passed'


@pytest.mark.parametrize('exit_code, word', [(0, 'passed'), (1, 'FAILED')])
def test_the_last_line_says_how_many_tests_were_skipped_and_why(tmp_path: Path, exit_code: int, word: str) -> None:
    reasons = r'nginx is not installed\nno chromium\nnginx is not installed\n'
    why = '3 tests skipped (2: nginx is not installed; 1: no chromium)'
    assert dev_test(tmp_path, reasons, exit_code)[-1] == f'dev test: {word}; {why}'


@pytest.mark.parametrize('environment, printed', [
    ({}, ['all programs: ', 'dev test: passed']),
    ({'CI': 'true'}, ['all programs: true', 'dev test: passed']),
    ({'CI': 'true', 'NO_MIRROR': 'true'}, ['all programs: ', 'dev test: passed; the mirror of packages could not be reached']),
], ids=['developer', 'CI', 'CI without a mirror'])
def test_only_ci_must_have_every_program_unless_the_mirror_could_not_be_reached(
        tmp_path: Path, environment: dict[str, str], printed: list[str]) -> None:
    assert dev_test(tmp_path, environment=environment) == printed


@pytest.mark.parametrize('environment, outcome', [({}, '1 skipped'), ({'HAS_ALL_PROGRAMS': 'true'}, '1 failed')])
def test_a_test_without_its_program_is_skipped_but_fails_where_every_program_must_be_there(
        tmp_path: Path, environment: dict[str, str], outcome: str) -> None:
    (tmp_path / 'test_one.py').write_text(TEST)
    given = {name: value for name, value in os.environ.items() if name != 'HAS_ALL_PROGRAMS'}
    path = os.pathsep.join(map(str, (ROOT, ROOT / 'Tests', ROOT / 'Tests/support')))
    given |= {'PYTHONPATH': path, 'SKIPPED': str(tmp_path / 'skipped'), **environment}
    done = subprocess.run([sys.executable, '-m', 'pytest', '-c', ROOT / 'tox.ini', '-p', 'conftest', '-p', 'no:cacheprovider',
                           tmp_path / 'test_one.py'], env=given, capture_output=True, text=True, check=False)
    assert outcome in done.stdout
    assert 'no-such-program is not installed; Debian: apt-get install no-such-program' in done.stdout
    assert (tmp_path / 'skipped').read_text() == ('' if environment else 'no-such-program is not installed\n')


@pytest.mark.parametrize('failing, mirror', [
    ('nothing', ''), ('update', 'could not be reached'), ('--download-only', 'could not be reached'),
    ('--simulate', ''),  # Debian lacks one of them, which the tests then fail for
])
def test_ci_installs_every_program_and_says_so_if_the_mirror_cannot_be_reached(tmp_path: Path, failing: str, mirror: str) -> None:
    (tmp_path / '.ci').mkdir()
    shutil.copy(ROOT / '.ci/run', tmp_path / '.ci/run')
    script(tmp_path / 'dev', '#!/bin/sh\necho "${NO_MIRROR:+could not be reached}"\n')
    script(tmp_path / 'bin/apt-get', FAKE_APT)
    script(tmp_path / 'bin/id', '#!/bin/sh\necho 0\n')
    for program in ('bash', 'dirname', 'timeout'):
        (tmp_path / 'bin' / program).symlink_to(shutil.which(program) or program)
    done = subprocess.run([tmp_path / 'bin/bash', tmp_path / '.ci/run'], capture_output=True, text=True, check=False, env={
        'PATH': f'{tmp_path}/bin:/nowhere', 'CI': 'true', 'FAILING': failing, 'CALLS': f'{tmp_path}/calls'})
    assert (done.returncode, done.stdout) == (0, f'{mirror}\n'), done.stderr
    calls = (tmp_path / 'calls').read_text().splitlines()
    assert calls[0].startswith('update')
    assert failing != 'nothing' or {'chromium', 'slowhttptest', 'syslog-ng-mod-http'} <= set(calls[-1].split())
