"""A release: the version stands everywhere, the notes are in the platform's habit, and the zip has the same bytes twice."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from local_xsoar import ROOT

METADATA = 'Packs/GenericWebhook/pack_metadata.json'
NEXT = '47.11.0'
DAY = re.compile(r'\d{4}-\d\d-\d\d')


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    documents = [f'docs/{file.name}' for file in (ROOT / 'docs').glob('*.md')]
    for name in (METADATA, 'README.md', 'CHANGELOG.md', 'tools/release.py', 'tools/same_bytes.py', *documents):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def release(tree: Path, version: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, 'tools/release.py', version], cwd=tree, capture_output=True, text=True, check=False)


def changed(tree: Path, sentence: str = 'Something new.') -> None:
    changelog = tree / 'CHANGELOG.md'
    added = f'## Unreleased\n\n### Added\n\n- {sentence}\n'
    changelog.write_text(changelog.read_text('utf-8').replace('## Unreleased\n', added, 1))


def test_a_release_sets_its_version_in_every_place(tree: Path) -> None:
    old = json.loads((tree / METADATA).read_text('utf-8'))['currentVersion']
    assert release(tree, NEXT).returncode == 0
    assert json.loads((tree / METADATA).read_text('utf-8'))['currentVersion'] == NEXT
    documents = '\n'.join(file.read_text('utf-8') for file in (tree / 'README.md', *(tree / 'docs').glob('*.md')))
    assert f'Pack Generic Webhook {NEXT}, ' in documents
    assert f'| the pack | {NEXT} |' in documents
    assert f'Pack Generic Webhook {old}' not in documents


def test_the_first_release_may_have_the_version_that_stands_there(tree: Path) -> None:
    current = json.loads((tree / METADATA).read_text('utf-8'))['currentVersion']
    if f'## {current} - ' in (tree / 'CHANGELOG.md').read_text('utf-8'):
        pytest.skip('the first release is made')
    assert release(tree, current).returncode == 0
    assert f'## {current} - ' in (tree / 'CHANGELOG.md').read_text('utf-8')


def test_a_release_turns_what_was_unreleased_into_its_section_of_the_changelog(tree: Path) -> None:
    changed(tree)
    assert release(tree, NEXT).returncode == 0
    _, unreleased, after = (tree / 'CHANGELOG.md').read_text('utf-8').partition('## Unreleased\n')
    assert unreleased
    heading, *lines = [line for line in after.splitlines() if line]
    assert DAY.sub('DAY', heading) == f'## {NEXT} - DAY'
    assert lines[:2] == ['### Added', '- Something new.']
    assert 'will be the first release' not in after


def test_the_second_release_has_notes_and_the_first_has_none(tree: Path) -> None:
    changed(tree, 'The first of all.')
    assert release(tree, NEXT).returncode == 0
    assert not (tree / 'Packs/GenericWebhook/ReleaseNotes').exists()
    changed(tree, 'The token may stand in a query.')
    assert release(tree, '47.12.0').returncode == 0
    notes = (tree / 'Packs/GenericWebhook/ReleaseNotes/47_12_0.md').read_text('utf-8')
    assert notes == '\n#### Integrations\n\n##### Generic Webhook\n\n- The token may stand in a query.\n'


@pytest.mark.parametrize('version', ['1.0', 'v9.0.0', '0.9.9', ''])
def test_a_version_that_cannot_be_next_is_refused_and_changes_nothing(tree: Path, version: str) -> None:
    done = release(tree, version)
    assert done.returncode == 1
    assert done.stderr.startswith('release: ')
    assert (tree / 'CHANGELOG.md').read_text('utf-8') == (ROOT / 'CHANGELOG.md').read_text('utf-8')


def test_a_release_without_a_change_is_refused(tree: Path) -> None:
    assert release(tree, NEXT).returncode == 0
    assert 'nothing stands under Unreleased' in release(tree, '48.0.0').stderr
    assert 'not above' in release(tree, NEXT).stderr


def pack_zip(file: Path, moment: tuple[int, int, int, int, int, int], updated: str) -> bytes:
    """A zip as the SDK makes it at that moment, with its times taken out."""
    with zipfile.ZipFile(file, 'w') as made:
        for name, text in (('README.md', 'A pack.'), ('Integrations/', ''), ('metadata.json', json.dumps(
                {'created': '2026-11-24T00:00:00Z', 'updated': updated}))):
            made.writestr(zipfile.ZipInfo(name, moment), text)
    subprocess.run([sys.executable, ROOT / 'tools/same_bytes.py', file, ROOT / 'CHANGELOG.md'], check=True)
    return file.read_bytes()


def test_a_zip_made_at_another_time_has_the_same_bytes(tmp_path: Path) -> None:
    one = pack_zip(tmp_path / 'one.zip', (2026, 11, 25, 1, 0, 0), '2026-11-25T01:00:00Z')
    two = pack_zip(tmp_path / 'two.zip', (2027, 1, 1, 12, 30, 0), '2027-01-01T12:30:00Z')
    assert one == two
    with zipfile.ZipFile(tmp_path / 'one.zip') as made:
        assert made.namelist() == ['README.md', 'metadata.json']
        assert made.read('README.md') == b'A pack.'


JOBS = yaml.safe_load((ROOT / '.github/workflows/test.yml').read_text('utf-8'))['jobs']


def test_each_job_of_the_workflow_ends_and_uses_actions_that_nobody_can_change() -> None:
    assert [name for name, job in JOBS.items() if not 0 < job['timeout-minutes'] <= 120] == []
    used = [step['uses'] for job in JOBS.values() for step in job['steps'] if 'uses' in step]
    assert [action for action in used if not re.fullmatch(r'[\w-]+/[\w-]+@[0-9a-f]{40}', action)] == []


def test_the_workflow_fuzzes_and_makes_mutants_every_week() -> None:
    weekly = JOBS['by-chance']
    assert weekly['if'] == "github.event_name == 'schedule'"
    assert {command.split()[0] for command in weekly['strategy']['matrix']['command']} == {'fuzz', 'mutants'}


def test_the_workflow_runs_what_is_there_on_every_python_that_the_commands_are_said_to_run_on() -> None:
    assert JOBS['test']['strategy']['matrix']['python'] == ['3.10', '3.11', '3.12', '3.13']
    assert any(system.startswith('macos') for system in JOBS['first-incident']['strategy']['matrix']['system'])
    run = '\n'.join(step.get('run', '') for job in JOBS.values() for step in job['steps'])
    assert all((ROOT / command).stat().st_mode & 0o100 for command in set(re.findall(r'(?:^|\s)((?:\./dev|\.ci/run))\b', run)))
    assert {'./dev', '.ci/run'} <= set(re.findall(r'(?:^|\s)((?:\./dev|\.ci/run))\b', run))
