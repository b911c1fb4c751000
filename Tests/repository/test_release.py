"""A release: the version is set everywhere, the notes have the platform's form, and its files have the same bytes each time."""
from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml
from local_xsoar import ROOT

pytestmark = pytest.mark.sockets

METADATA = 'Packs/GenericWebhook/pack_metadata.json'
NEXT = '47.11.0'
DAY = re.compile(r'\d{4}-\d\d-\d\d')


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that a release changes, with a changelog as it was before the first one."""
    documents = [f'docs/{file.name}' for file in (ROOT / 'docs').glob('*.md')]
    for name in (METADATA, 'README.md', 'CHANGELOG.md', 'tools/release.py', 'tools/same_bytes.py', *documents):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    head, heading, sections = (ROOT / 'CHANGELOG.md').read_text('utf-8').partition('## Unreleased\n')
    first = re.split(r'^## .*\n', sections, flags=re.MULTILINE)[-1]
    (tmp_path / 'CHANGELOG.md').write_text(f'{head}{heading}\n1.0.0 will be the first release.\n{first}', 'utf-8')
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
def test_a_version_that_cannot_be_next_is_rejected_and_changes_nothing(tree: Path, version: str) -> None:
    before = (tree / 'CHANGELOG.md').read_text('utf-8')
    done = release(tree, version)
    assert done.returncode == 1
    assert done.stderr.startswith('release: ')
    assert (tree / 'CHANGELOG.md').read_text('utf-8') == before


def test_a_release_without_a_change_is_rejected(tree: Path) -> None:
    assert release(tree, NEXT).returncode == 0
    assert 'has nothing under Unreleased' in release(tree, '48.0.0').stderr
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


RECIPE = 'docker/generic-webhook'


@pytest.fixture
def zipped(tree: Path) -> Path:
    """A tree with a new version, and with the zip that the SDK would make of it."""
    changed(tree)
    assert release(tree, NEXT).returncode == 0
    shutil.copytree(ROOT / RECIPE, tree / RECIPE)
    (tree / 'dist/uploadable_packs').mkdir(parents=True)
    (tree / 'dist/uploadable_packs/GenericWebhook.zip').write_bytes(b'a pack')
    return tree


def collect(tree: Path, version: str = NEXT, *further_files: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, ROOT / 'tools/release_files.py', version, *further_files],
                          cwd=tree, capture_output=True, text=True, check=False)


def test_a_release_offers_the_zip_the_recipe_the_notes_and_further_files_each_with_its_digest(zipped: Path) -> None:
    (zipped / 'some.whl').write_bytes(b'a wheel')
    assert collect(zipped, NEXT, 'some.whl').returncode == 0
    files = zipped / 'dist/release'
    offered = ['GenericWebhook.zip', 'generic-webhook-image-recipe.tar.gz', 'release-notes.md', 'some.whl']
    assert sorted(file.name for file in files.iterdir()) == sorted([*offered, *(f'{name}.sha256' for name in offered)])
    assert (files / 'GenericWebhook.zip.sha256').read_text() == f'{hashlib.sha256(b"a pack").hexdigest()}  GenericWebhook.zip\n'
    digests = {name: hashlib.sha256((files / name).read_bytes()).hexdigest() for name in offered}
    assert {name: (files / f'{name}.sha256').read_text() for name in offered} == {
        name: f'{digest}  {name}\n' for name, digest in digests.items()}
    notes = (files / 'release-notes.md').read_text('utf-8')
    assert notes.startswith('### Added\n\n- Something new.\n')
    assert '\n## ' not in notes


def test_the_archive_of_the_recipe_holds_the_recipe_and_nothing_else(zipped: Path) -> None:
    (zipped / RECIPE / '__pycache__').mkdir(exist_ok=True)
    (zipped / RECIPE / 'notes.txt').write_text('mine')
    assert collect(zipped).returncode == 0
    tracked = subprocess.run(['git', 'ls-files', RECIPE], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    with tarfile.open(zipped / 'dist/release/generic-webhook-image-recipe.tar.gz') as archive:
        held = {f'docker/{member.name}': archive.extractfile(member) for member in archive}
        assert held.keys() == set(tracked) - {f'{RECIPE}/.gitignore'}
        assert {name for name, file in held.items() if file and file.read() != (ROOT / name).read_bytes()} == set()


def test_the_files_of_a_release_have_the_same_bytes_each_time(zipped: Path) -> None:
    def read() -> dict[str, bytes]:
        assert collect(zipped).returncode == 0
        return {file.name: file.read_bytes() for file in (zipped / 'dist/release').iterdir()}
    before = read()
    (zipped / RECIPE / 'Dockerfile').touch()
    assert read() == before


def test_no_files_are_written_for_a_version_that_the_changelog_lacks_or_without_a_zip(zipped: Path) -> None:
    assert 'CHANGELOG.md has no section 48.0.0' in collect(zipped, '48.0.0').stderr
    (zipped / 'dist/uploadable_packs/GenericWebhook.zip').unlink()
    assert 'GenericWebhook.zip is missing' in collect(zipped).stderr
    assert not (zipped / 'dist/release').exists()


WORKFLOWS = {file.stem: yaml.safe_load(file.read_text('utf-8')) for file in (ROOT / '.github/workflows').glob('*.yml')}
JOBS = WORKFLOWS['test']['jobs']
SIGNING = {'id-token': 'write', 'attestations': 'write'}


@pytest.mark.parametrize('name', WORKFLOWS)
def test_each_job_of_a_workflow_ends_and_uses_actions_that_nobody_can_change(name: str) -> None:
    called = {job['uses'] for job in WORKFLOWS[name]['jobs'].values() if 'uses' in job}  # their own jobs are checked, too
    assert called <= {f'./.github/workflows/{other}.yml' for other in WORKFLOWS}
    jobs = {name: job for name, job in WORKFLOWS[name]['jobs'].items() if 'uses' not in job}
    assert [name for name, job in jobs.items() if not 0 < job['timeout-minutes'] <= 120] == []
    used = [step['uses'] for job in jobs.values() for step in job['steps'] if 'uses' in step]
    assert [action for action in used if not re.fullmatch(r'[\w-]+/[\w-]+@[0-9a-f]{40}', action)] == []


@pytest.mark.parametrize('name', ['dev', 'sdk', 'workflows'])
def test_what_makes_or_checks_a_release_is_installed_by_the_hash_of_each_file(name: str) -> None:
    packages = re.split(r'^(?=[A-Za-z])', (ROOT / f'requirements/{name}.txt').read_text('utf-8'), flags=re.MULTILINE)[1:]
    assert packages
    assert [package for package in packages if '--hash=sha256:' not in package] == []


def test_a_release_signs_its_files_and_the_image_before_it_is_there() -> None:
    jobs = WORKFLOWS['release']['jobs']
    signed = {name: next(step['with'] for step in jobs[name]['steps'] if step.get('uses', '').startswith('actions/attest@'))
              for name in ('registry', 'release')}
    assert signed['release'] == {'subject-path': 'dist/release/*'}
    assert set(signed['registry']) == {'subject-name', 'subject-digest'}
    assert 'gh release create' in jobs['release']['steps'][-1]['run']
    assert [jobs[name]['needs'] for name in ('image', 'registry', 'release')] == ['checks', 'image', 'registry']


@pytest.mark.parametrize('name', WORKFLOWS)
def test_no_checkout_leaves_the_forges_token_behind(name: str) -> None:
    steps = [step for job in WORKFLOWS[name]['jobs'].values() for step in job.get('steps', [])]
    checkouts = [step.get('with', {}) for step in steps if step.get('uses', '').startswith('actions/checkout@')]
    assert checkouts
    assert [each for each in checkouts if each.get('persist-credentials') is not False] == []


def test_a_release_uses_no_secret_but_the_token_of_the_forge() -> None:
    text = (ROOT / '.github/workflows/release.yml').read_text('utf-8')
    assert 'secrets' not in text
    assert set(re.findall(r'github\.token|ghcr\.io', text)) == {'github.token', 'ghcr.io'}


def test_every_kind_of_what_is_pinned_is_renewed() -> None:
    updates = yaml.safe_load((ROOT / '.github/dependabot.yml').read_text('utf-8'))['updates']
    assert {update['package-ecosystem'] for update in updates} == {'pip', 'docker', 'github-actions'}
    assert next(update['directory'] for update in updates if update['package-ecosystem'] == 'docker') == f'/{RECIPE}'


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


def test_the_release_workflow_attaches_the_checked_files_and_the_wheel() -> None:
    workflow = WORKFLOWS['release']
    assert workflow['permissions'] == {'contents': 'read'}
    assert workflow['jobs']['checks'] == {'uses': './.github/workflows/test.yml'}
    assert 'workflow_call' in WORKFLOWS['test'][True]  # YAML reads the key `on` as true
    job = workflow['jobs']['release']
    assert job['permissions'] == {'contents': 'write', **SIGNING}
    run = [step['run'] for step in job['steps'] if 'run' in step]
    assert run[1:3] == ['./dev test -e sdk', 'python tools/release_files.py "${GITHUB_REF_NAME#v}" dist/wheel/localxsoar-*.whl '
                        'dist/image/*.tar.gz']
    assert run[3].startswith('gh release create "$GITHUB_REF_NAME" ') and run[3].endswith(' dist/release/*')
    commands = [step['run'] for each in workflow['jobs'].values() for step in each.get('steps', []) if 'run' in step]
    assert [command for command in commands if '${{' in command] == [], 'a tag name must not become part of a command'


def test_the_wheel_is_built_where_no_release_can_be_written() -> None:
    release = WORKFLOWS['release']['jobs']['release']
    taken = [step['with'] for step in release['steps'] if 'download-artifact' in step.get('uses', '')]
    assert taken == [{'name': 'localxsoar', 'path': 'dist/wheel'},
                     {'pattern': 'image-*', 'merge-multiple': True, 'path': 'dist/image'}]
    given, = [step for step in JOBS['test']['steps'] if step.get('with', {}).get('name') == 'localxsoar']
    assert given['with']['path'] == 'dist/localxsoar-*.whl'
    assert WORKFLOWS['test']['permissions'] == WORKFLOWS['release']['permissions'] == {'contents': 'read'}
    writing = {name: job['permissions'] for workflow in WORKFLOWS.values() for name, job in workflow['jobs'].items()
               if 'permissions' in job}
    assert writing == {'image': {'contents': 'read', 'packages': 'write'},
                       'registry': {'contents': 'read', 'packages': 'write', **SIGNING},
                       'release': {'contents': 'write', **SIGNING}}
    assert 'pip ' not in '\n'.join(step.get('run', '') for step in release['steps'])
