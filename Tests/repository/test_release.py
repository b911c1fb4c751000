"""A release: its version is everywhere, its notes are for the pack's users, its checks see what will be committed."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import GenericWebhook
import pytest
import yaml
from checkouts import FAKE_PYTHON, executable, run
from documents import ALL, read
from local_xsoar import ROOT, needs
from tools.releases.same_bytes import dated
from tools.tree import own_files

pytestmark = pytest.mark.sockets

PACK = 'Packs/GenericWebhook'
METADATA = f'{PACK}/pack_metadata.json'
CURRENT = json.loads(read(ROOT / METADATA))['currentVersion']
NOTES = f'{PACK}/ReleaseNotes/{CURRENT.replace(".", "_")}.md'
NEXT = '47.11.0'
NEXT_NOTES = f'{PACK}/ReleaseNotes/47_11_0.md'
UNRELEASED = '## Unreleased\n'


def test_the_version_is_that_of_the_newest_release_or_above_it_if_something_is_not_released() -> None:
    after = read(ROOT / 'CHANGELOG.md').partition(UNRELEASED)[2]
    newest = re.findall(r'^## ([\d.]+) - \d{4}-\d\d-\d\d$', after, re.MULTILINE)[0]
    if after.partition('\n## ')[0].strip():
        above = [*map(int, CURRENT.split('.'))] > [*map(int, newest.split('.'))]
        assert above, f'{newest} is released. Begin the next version: python tools/releases/release.py --begin X.Y.Z'
    else:
        assert newest == CURRENT


def test_every_place_has_the_version_of_the_pack() -> None:
    assert GenericWebhook.VERSION == CURRENT
    said = [version for file in ALL if file.name != 'CHANGELOG.md'
            for version in re.findall(r'(?:Generic Webhook |\(version |the pack \| )(\d+\.\d+\.\d+)', read(file))]
    assert set(said) == {CURRENT}
    assert len(said) >= 4


def test_the_notes_are_for_the_users_of_the_pack() -> None:
    notes = read(ROOT / NOTES)
    assert len(notes.split()) <= 300
    assert re.findall(r'\]\((?!https://)[^)]*\)', notes) == [], 'a reader in XSOAR cannot follow a relative link'
    assert re.findall(r'(?i)\./dev|local ?xsoar', notes) == []


def test_notes_of_breaking_changes_have_them_in_json_as_the_platform_shows_them() -> None:
    file = (ROOT / NOTES).with_suffix('.json')
    told = json.loads(read(file)) if file.exists() else {}
    assert bool(told) == ('breaking change' in read(ROOT / NOTES))
    assert not told or (told['breakingChanges'] is True and told['breakingChangesNotes'])


# tools/releases/release.py


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The files that a release changes, with something that is not released."""
    names = [METADATA, 'README.md', 'CHANGELOG.md', 'tools/releases/release.py', 'receiver/commands.py',
             f'{PACK}/Integrations/GenericWebhook/GenericWebhook.py', f'{PACK}/Integrations/GenericWebhook/README.md',
             *(f'docs/{file.name}' for file in (ROOT / 'docs').glob('*.md'))]
    for name in (*names, *(str(file.relative_to(ROOT)) for file in (ROOT / PACK).glob('ReleaseNotes/*'))):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    changed(tmp_path)
    return tmp_path


def changed(tree: Path) -> None:
    changelog = tree / 'CHANGELOG.md'
    changelog.write_text(read(changelog).replace(UNRELEASED, f'{UNRELEASED}\n### Added\n\n- Something new.\n', 1), 'utf-8')


def release(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, 'tools/releases/release.py', *arguments, folder=tree)


def texts(tree: Path) -> dict[Path, str]:
    return {file: read(file) for file in tree.rglob('*') if file.is_file()}


def test_a_release_sets_its_version_in_every_place_and_turns_what_was_unreleased_into_its_section(tree: Path) -> None:
    assert release(tree, NEXT).returncode == 0
    assert json.loads(read(tree / METADATA))['currentVersion'] == NEXT
    for file in ('receiver/commands.py', f'{PACK}/Integrations/GenericWebhook/GenericWebhook.py'):
        assert f"\nVERSION = '{NEXT}'" in read(tree / file)
    assert f'Pack Generic Webhook {NEXT}, ' in read(tree / 'README.md')
    said = ' '.join(read(file) for file in (tree / 'README.md', *tree.glob('docs/*.md'), *tree.glob(f'{PACK}/*/*/README.md')))
    assert f'| the pack | {NEXT} |' in said and f'(version {NEXT})' in said
    assert not re.search(rf'(Generic Webhook|the pack \||\(version) {re.escape(CURRENT)}', said)
    heading, *lines = [line for line in read(tree / 'CHANGELOG.md').partition(UNRELEASED)[2].splitlines() if line]
    assert re.fullmatch(rf'## {NEXT} - \d{{4}}-\d\d-\d\d', heading) and lines[:2] == ['### Added', '- Something new.']


def test_a_release_takes_the_notes_of_the_version_that_it_replaces(tree: Path) -> None:
    assert release(tree, '--begin', '46.0.0').returncode == 0
    (tree / f'{PACK}/ReleaseNotes/46_0_0.md').write_text('written by a person')
    (tree / f'{PACK}/ReleaseNotes/46_0_0.json').write_text('{}')
    assert release(tree, NEXT).returncode == 0
    assert read(tree / NEXT_NOTES) == 'written by a person'
    assert sorted(file.name for file in (tree / PACK).glob('ReleaseNotes/4*')) == ['47_11_0.json', '47_11_0.md']


def test_the_first_change_after_a_release_begins_a_version_whose_notes_are_still_to_be_written(tree: Path) -> None:
    assert release(tree, NEXT).returncode == 0
    changelog, notes = read(tree / 'CHANGELOG.md'), read(tree / NEXT_NOTES)
    assert release(tree, '--begin', '47.12.0').returncode == 0
    assert json.loads(read(tree / METADATA))['currentVersion'] == '47.12.0'
    assert '- %%UPDATE_RN%%' in read(tree / f'{PACK}/ReleaseNotes/47_12_0.md')
    assert (read(tree / 'CHANGELOG.md'), read(tree / NEXT_NOTES)) == (changelog, notes)


@pytest.mark.parametrize('version', ['1.0', 'v9.0.0', '0.9.9', '1.0.0', ''])
def test_a_version_that_cannot_be_next_is_rejected_and_changes_nothing(tree: Path, version: str) -> None:
    before = texts(tree)
    done = release(tree, version)
    assert done.returncode == 1
    assert done.stderr.startswith('release: ')
    assert texts(tree) == before


def test_version_10_is_above_version_9(tree: Path) -> None:
    assert release(tree, '--begin', '47.9.0').returncode == 0
    assert release(tree, '--begin', '47.10.0').returncode == 0
    assert 'not above' in release(tree, '--begin', '47.9.0').stderr


def test_a_release_without_a_change_is_rejected(tree: Path) -> None:
    assert release(tree, NEXT).returncode == 0
    before = texts(tree)
    assert 'has nothing under Unreleased' in release(tree, '48.0.0').stderr
    assert texts(tree) == before
    changed(tree)
    assert 'not above' in release(tree, NEXT).stderr


# ./dev release

# An empty zip stands in for the SDK's where that is missing.
CHECKS = """#!/bin/sh -e
git status --porcelain
{python} -m pytest -p no:cacheprovider -q Tests/repository/test_docs.py Tests/repository/test_release.py \
    -k 'links or words or what_is_so or version_is_that or every_place_has or for_the_users or notes_of_breaking'
mkdir -p dist/uploadable_packs
[ -x "$DEMISTO_SDK" ] || exec touch dist/uploadable_packs/GenericWebhook.zip
PATH=$(dirname "$DEMISTO_SDK"):$PATH
tools/sdk/content-copy demisto-sdk validate -g --run-specific-validations {codes}
tools/releases/zip-pack dist
"""
DOCKER = """#!/bin/sh
case "$*" in *dest=*) file=${*#*dest=}; echo image >"${file%% *}" ;; esac
"""
CODES = 'PA101,PA114,RN103,RN105,RN106,RN107,RN108,RN111,RN112,RN113,RN114,RN115,RN116'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the repository as it is, in which a person has written the notes of a next version."""
    clone = tmp_path / 'clone'
    git(tmp_path, 'clone', '--quiet', '--shared', str(ROOT), str(clone))
    git(clone, 'rm', '-rq', '.')
    for file in own_files('*'):
        target = clone / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    changed(clone)
    assert release(clone, '--begin', NEXT).returncode == 0
    (clone / NEXT_NOTES).write_text(read(clone / NEXT_NOTES).replace('%%UPDATE_RN%%', 'Something new.'))
    git(clone, 'add', '--all')
    git(clone, 'commit', '--quiet', '-m', 'As it is')
    git(tmp_path, 'clone', '--quiet', '--bare', str(clone), str(tmp_path / 'forge'))
    git(clone, 'remote', 'set-url', 'origin', str(tmp_path / 'forge'))
    git(clone, 'switch', '--quiet', '-C', 'releases')  # continuous integration has none
    git(clone, 'push', '--quiet', '--set-upstream', 'origin', 'releases')
    for name, text in (('python3.13', FAKE_PYTHON), ('checks', CHECKS), ('docker', DOCKER)):
        executable(tmp_path / 'bin' / name, text.replace('{python}', sys.executable).replace('{codes}', CODES))
    return clone


def test_a_release_without_notes_ends_before_its_checks(clone: Path) -> None:
    (clone / NEXT_NOTES).write_text('- %%UPDATE_RN%%\n')
    git(clone, 'commit', '--quiet', '-am', 'Leave the notes for later')
    done = dev_release(clone)
    assert done.returncode != 0 and f'the notes of {NEXT} are still to be written' in done.stderr
    assert not (clone.parent / 'calls').exists()


SOMEBODY = ('-c', 'user.name=somebody', '-c', 'user.email=somebody@example.invalid', '-c', 'commit.gpgsign=false')


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(['git', *SOMEBODY, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout


def dev_release(clone: Path, failing: str = 'nothing') -> subprocess.CompletedProcess[str]:
    path = f'{clone.parent / "bin"}:{os.environ["PATH"]}'
    return run('./dev', 'release', NEXT, folder=clone, PATH=path, CALLS=str(clone.parent / 'calls'), FAILING=failing)


@pytest.mark.parametrize(('branch', 'source'), [('releases', 'HEAD'), ('mine', 'HEAD:releases')])
def test_a_release_checks_what_will_be_committed_and_ends_with_what_to_commit_tag_and_push(
        clone: Path, branch: str, source: str) -> None:
    needs('curl')
    git(clone, 'branch', '--move', branch)
    done = dev_release(clone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'compares the pack with itself' not in done.stderr
    assert read(clone.parent / 'calls').splitlines() == [f'-m tox run -e {name}' for name in ('sdk-lint,advisories', 'measured')]
    offered = {file.name for file in (clone / 'dist/release').iterdir()}
    assert offered >= {'GenericWebhook.zip', 'release-notes.md', 'localxsoar-1.0-py3-none-any.whl'}
    assert read(clone / 'dist/release/release-notes.md') == read(clone / NEXT_NOTES)
    command, = re.findall('^    (git .*)', done.stdout, re.MULTILINE)
    assert command.startswith(f"git commit -m 'Release {NEXT}' && git tag v{NEXT} && git push --atomic origin {source} ")
    assert 'A  ' not in git(clone, 'status', '--porcelain')  # a person has written the notes before
    push_what_another_has_made(clone)
    assert run('bash', '-c', command.replace('git commit', f'git {" ".join(SOMEBODY)} commit'), folder=clone).returncode == 1
    assert git(clone, 'status', '--porcelain') == ''
    assert f'## {NEXT} - ' in read(clone / 'CHANGELOG.md')
    assert git(clone, 'ls-remote', 'origin', f'v{NEXT}') == '', 'the tag is out without its commit'
    git(clone, 'pull', '--quiet', '--rebase')
    git(clone, 'tag', '--force', f'v{NEXT}')
    git(clone, 'push', '--quiet', *command.partition(' && git push ')[2].split())
    assert git(clone, 'ls-remote', 'origin', f'v{NEXT}', 'releases').split()[::2] == [git(clone, 'rev-parse', 'HEAD').strip()] * 2


def push_what_another_has_made(clone: Path) -> None:
    """Commit something on the branch of the forge that the clone does not have."""
    other = clone.parent / 'other'
    git(clone, 'clone', '--quiet', '--branch', 'releases', str(clone.parent / 'forge'), str(other))
    git(other, 'commit', '--quiet', '--allow-empty', '-m', 'Change something')
    git(other, 'push', '--quiet')


def test_a_release_that_could_not_be_pushed_is_rejected_before_the_checks(clone: Path) -> None:
    push_what_another_has_made(clone)
    said = [dev_release(clone).stderr]
    git(clone, 'pull', '--quiet', '--rebase')
    git(clone.parent / 'other', 'tag', f'v{NEXT}')
    git(clone.parent / 'other', 'push', '--quiet', 'origin', f'v{NEXT}')
    said += [dev_release(clone).stderr]
    git(clone, 'switch', '--quiet', '--detach')
    said += [dev_release(clone).stderr]
    (clone / 'new.txt').touch()
    said += [dev_release(clone).stderr]
    reasons = ('1 commits behind its upstream', f'the tag v{NEXT} exists', 'needs a branch', 'needs a tree without changes')
    assert [reason for text, reason in zip(said, reasons, strict=True) if reason not in text] == []
    assert not (clone.parent / 'calls').exists() and not (clone / 'dist').exists()


def test_a_failed_check_leaves_the_tree_as_it_was(clone: Path) -> None:
    (clone / 'CONTRIBUTING.md').write_text('[nowhere](docs/nowhere.md)')
    git(clone, 'commit', '--quiet', '-am', 'Break a link')
    before = git(clone, 'rev-parse', 'HEAD')
    done = dev_release(clone)
    assert done.returncode == 1
    assert 'docs/nowhere.md' in done.stdout and 'git tag' not in done.stdout
    assert (git(clone, 'status', '--porcelain'), git(clone, 'rev-parse', 'HEAD')) == ('', before)
    assert not (clone / 'dist').exists() and not (clone.parent / 'calls').exists(), 'nothing runs after a failed check'


# tools/releases/advisories.py


def looked_up(folder: Path, packages: list[dict[str, Any]], **environment: str) -> tuple[int, str]:
    """Return how looking up ends if pip-audit has found this, and what is said."""
    (folder / 'pip_audit.py').write_text(f'print({json.dumps({"dependencies": packages})!r})')
    done = run(sys.executable, ROOT / 'tools/releases/advisories.py', 'lock', without=[*os.environ.keys() - {'PATH'}],
               PYTHONPATH=str(folder), **environment)
    return done.returncode, done.stdout + done.stderr


def test_a_look_up_of_advisories_passes_only_if_it_has_taken_place(tmp_path: Path) -> None:
    known: dict[str, Any] = {'name': 'bottle', 'version': '0.1', 'vulns': [{'id': 'CVE-1', 'fix_versions': ['0.2']}]}
    good, unknown = {**known, 'vulns': []}, {'name': 'gevent', 'skip_reason': 'not found'}
    assert looked_up(tmp_path, [good]) == (0, 'advisories: nothing is known against 1 packages.\n')
    assert looked_up(tmp_path, [known]) == (1, 'bottle 0.1: CVE-1, fixed in 0.2\n')
    unfixed = {**known, 'vulns': [{'id': 'CVE-2', 'fix_versions': []}]}
    assert looked_up(tmp_path, [unfixed, unknown]) == (1, 'bottle 0.1: CVE-2, fixed in no version\ngevent: not found\n')
    assert looked_up(tmp_path, [good, unknown]) == (1, 'gevent: not found\n')
    skipped = tmp_path / 'skipped'
    code, said = looked_up(tmp_path, [unknown], SKIPPED=str(skipped))
    assert (code, said) == (0, 'advisories: SKIPPED, no package was looked up: not found\n')
    assert skipped.read_text() == 'the registry has no advisories\n'
    assert looked_up(tmp_path, [unknown], HAS_ALL_PROGRAMS='true') == (1, 'gevent: not found\n')


# tools/releases/same_bytes.py


def pack_zip(file: Path, moment: tuple[int, int, int, int, int, int], updated: str, *names: str) -> bytes:
    """A zip as the SDK makes it at that moment of these files, with its times taken out."""
    texts = {'README.md': 'A pack.', 'Integrations/': '',
             'metadata.json': json.dumps({'created': '2026-11-24T00:00:00Z', 'updated': updated})}
    with zipfile.ZipFile(file, 'w') as made:
        for name, text in ((name, texts[name]) for name in names):
            made.writestr(zipfile.ZipInfo(name, moment), text)
    subprocess.run([sys.executable, ROOT / 'tools/releases/same_bytes.py', file, ROOT / 'CHANGELOG.md'], check=True)
    return file.read_bytes()


def test_a_zip_made_at_another_time_and_in_another_order_has_the_same_bytes(tmp_path: Path) -> None:
    names = ('README.md', 'Integrations/', 'metadata.json')
    one = pack_zip(tmp_path / 'one.zip', (2026, 11, 25, 1, 0, 0), '2026-11-25T01:00:00Z', *names)
    two = pack_zip(tmp_path / 'two.zip', (2027, 1, 1, 12, 30, 0), '2027-01-01T12:30:00Z', *reversed(names))
    assert one == two
    with zipfile.ZipFile(tmp_path / 'one.zip') as made:
        assert made.namelist() == ['README.md', 'metadata.json']
        assert made.read('README.md') == b'A pack.'
        assert {(each.create_system, each.external_attr >> 16) for each in made.infolist()} == {(3, 0o644)}  # readable under Unix
    assert [json.loads(dated(b'{"created": "a", "updated": "c"}', day))['updated'] for day in ('', 'b')] == ['a', 'b']


RECIPE = 'docker/generic-webhook'


@pytest.fixture
def zipped(tree: Path) -> Path:
    """A tree with a new version, and with the zip that the SDK would make of it."""
    assert release(tree, NEXT).returncode == 0
    shutil.copytree(ROOT / RECIPE, tree / RECIPE)
    (tree / 'dist/uploadable_packs').mkdir(parents=True)
    (tree / 'dist/uploadable_packs/GenericWebhook.zip').write_bytes(b'a pack')
    return tree


def collect(tree: Path, version: str = NEXT, *further_files: str) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, ROOT / 'tools/releases/release_files.py', version, *further_files, folder=tree)


def test_a_release_offers_the_zip_the_recipe_the_notes_and_further_files_each_with_its_digest(zipped: Path) -> None:
    (zipped / 'some.whl').write_bytes(b'a wheel')
    files = zipped / 'dist/release'
    files.mkdir()
    (files / 'GenericWebhook-0.9.zip').touch()  # of an earlier release
    assert collect(zipped, NEXT, 'some.whl').returncode == 0
    offered = ['GenericWebhook.zip', 'generic-webhook-image-recipe.tar.gz', 'release-notes.md', 'some.whl']
    assert sorted(file.name for file in files.iterdir()) == sorted([*offered, *(f'{name}.sha256' for name in offered)])
    assert (files / 'GenericWebhook.zip.sha256').read_text() == f'{hashlib.sha256(b"a pack").hexdigest()}  GenericWebhook.zip\n'
    digests = {name: hashlib.sha256((files / name).read_bytes()).hexdigest() for name in offered}
    assert {name: (files / f'{name}.sha256').read_text() for name in offered} == {
        name: f'{digest}  {name}\n' for name, digest in digests.items()}
    assert read(files / 'release-notes.md') == read(zipped / NEXT_NOTES)


def test_the_archive_of_the_recipe_holds_the_recipe_and_nothing_else(zipped: Path) -> None:
    (zipped / RECIPE / '__pycache__').mkdir(exist_ok=True)
    (zipped / RECIPE / 'notes.txt').write_text('mine')
    assert collect(zipped).returncode == 0
    tracked = run('git', 'ls-files', RECIPE).stdout.split()
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
    assert before['generic-webhook-image-recipe.tar.gz'][4:8] == bytes(4), 'gzip has the time there, in seconds'


def test_no_files_are_written_without_notes_or_without_a_zip(zipped: Path) -> None:
    assert '48_0_0.md is missing' in collect(zipped, '48.0.0').stderr
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


def test_a_release_uses_no_secret_but_the_token_of_the_forge() -> None:
    text = (ROOT / '.github/workflows/release.yml').read_text('utf-8')
    assert 'secrets' not in text
    assert set(re.findall(r'github\.token|ghcr\.io', text)) == {'github.token', 'ghcr.io'}


def test_every_kind_of_what_is_pinned_is_renewed() -> None:
    updates = yaml.safe_load((ROOT / '.github/dependabot.yml').read_text('utf-8'))['updates']
    assert {update['package-ecosystem'] for update in updates} == {'pip', 'npm', 'docker', 'github-actions'}
    assert next(update['directory'] for update in updates if update['package-ecosystem'] == 'docker') == f'/{RECIPE}'


def test_the_workflow_fuzzes_and_makes_mutants_every_week() -> None:
    weekly = JOBS['by-chance']
    assert weekly['if'] == "github.event_name == 'schedule'"
    assert {command.split()[0] for command in weekly['strategy']['matrix']['command']} == {'fuzz', 'mutants'}


def test_the_workflow_runs_what_is_there_on_every_python_that_the_commands_are_said_to_run_on() -> None:
    assert JOBS['test']['strategy']['matrix']['python'] == ['3.11', '3.12', '3.13']
    assert any(system.startswith('macos') for system in JOBS['first-incident']['strategy']['matrix']['system'])
    run = '\n'.join(step.get('run', '') for job in JOBS.values() for step in job['steps'])
    assert all((ROOT / command).stat().st_mode & 0o100 for command in set(re.findall(r'(?:^|\s)((?:\./dev|\.ci/run))\b', run)))
    assert {'./dev', '.ci/run'} <= set(re.findall(r'(?:^|\s)((?:\./dev|\.ci/run))\b', run))


# The jobs that a tag starts.
OF_A_TAG = [job for name in ('test', 'release') for job in WORKFLOWS[name]['jobs'].values()
            if 'steps' in job and 'schedule' not in job.get('if', '')]


def commands_of(job: dict[str, Any]) -> str:
    return '\n'.join(step.get('run', '') for step in job['steps'])


def test_dev_release_runs_each_check_of_the_workflow_that_a_tag_starts() -> None:
    """What makes a machine ready and what publishes are no checks; .ci/run is ./dev test with the programs of the tests."""
    asked = '\n'.join(map(commands_of, OF_A_TAG))
    checks = set(re.findall(
        r'\.ci/run|\./dev test -e \w+|tools/releases/(?:image build|first-incident|release_files\.py)|pip wheel', asked))
    assert checks == {'.ci/run', './dev test -e sdk', './dev test -e advisories', 'tools/releases/image build',
                      'tools/releases/first-incident', 'pip wheel', 'tools/releases/release_files.py'}
    own = read(ROOT / 'dev').partition('\ncheck_release() {')[2].partition('\n}')[0].replace('sdk-lint,', '')
    assert '\n    ./dev test\n' in own  # with the environment sdk
    assert [check for check in checks - {'.ci/run', './dev test -e sdk'} if check not in own] == []


def test_a_checkout_in_which_the_sdk_looks_for_the_last_release_has_the_history() -> None:
    with_sdk = [job for job in OF_A_TAG if re.search(r'^(\.ci/run|\./dev test -e sdk)$', commands_of(job), re.MULTILINE)]
    depths = [step['with'].get('fetch-depth') for job in with_sdk for step in job['steps'] if 'checkout' in step.get('uses', '')]
    assert depths == [0, 0]


def test_the_release_workflow_attaches_the_checked_files_and_the_wheel() -> None:
    workflow = WORKFLOWS['release']
    assert workflow['jobs']['checks'] == {'uses': './.github/workflows/test.yml'}
    assert 'workflow_call' in WORKFLOWS['test'][True]  # YAML reads the key `on` as true
    job = workflow['jobs']['release']
    run = [step['run'] for step in job['steps'] if 'run' in step]
    assert run[1:3] == ['./dev test -e sdk', 'python tools/releases/release_files.py "${GITHUB_REF_NAME#v}" '
                        'dist/wheel/localxsoar-*.whl dist/image/*.tar.gz']
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
