"""The image's recipe: its locked packages serve a request, and all who name them agree. Docker itself is not needed."""
from __future__ import annotations

import ast
import configparser
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from checkouts import executable, run
from imports import PLATFORM, imported_modules
from local_xsoar import ROOT, LocalXsoar, leave_out, run_local_xsoar
from shared.webhook import PACK

pytestmark = pytest.mark.sockets

IMAGE = ROOT / 'docker' / 'generic-webhook'
INTEGRATION = PACK / 'Integrations' / 'GenericWebhook'
PROJECT = (IMAGE / 'pyproject.toml').read_text('utf-8')
REMEDY = r'The Docker image lacks multipart\. Build docker/generic-webhook'


def needed() -> list[str]:
    return re.findall(r'^    "(\w+)>=', PROJECT, re.MULTILINE)


def pinned() -> dict[str, str]:
    return dict(re.findall(r'^([\w-]+)==(\S+)', (IMAGE / 'requirements.txt').read_text('utf-8'), re.MULTILINE))


@pytest.mark.network
@pytest.mark.weekly
def test_the_locked_packages_go_into_a_clean_environment_by_their_hashes_and_serve_a_request(tmp_path: Path) -> None:
    subprocess.run([sys.executable, '-m', 'venv', tmp_path], check=True)
    python = tmp_path / 'bin' / 'python'
    install = run(python, '-m', 'pip', 'install', '--quiet', '--no-compile', '--require-hashes', '-r', IMAGE / 'requirements.txt')
    if 'No matching distribution found for' in install.stderr:
        leave_out('no registry of packages can be reached')
    assert install.returncode == 0, install.stderr
    done = run(python, IMAGE / 'verify.py')
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in needed())


def test_the_recipe_the_descriptor_and_the_script_agree() -> None:
    imported = set(imported_modules(ast.parse((INTEGRATION / 'GenericWebhook.py').read_text('utf-8'))))
    assert set(needed()) == imported - {*sys.stdlib_module_names, *PLATFORM}
    dockerfile = (IMAGE / 'Dockerfile').read_text('utf-8')
    base = re.search(r'^FROM demisto/python3:(\d+\.\d+)\.', dockerfile, re.MULTILINE)
    assert base
    assert f'python = "~{base[1]}"' in PROJECT
    assert '--require-hashes -r requirements.txt' in dockerfile
    settings = configparser.ConfigParser()
    settings.read_string(f'[build]\n{(IMAGE / "build.conf").read_text("utf-8")}')
    version = settings['build']['version']
    assert f'version = "{version}"' in PROJECT
    dockerimage = yaml.safe_load((INTEGRATION / 'GenericWebhook.yml').read_text('utf-8'))['script']['dockerimage']
    # The pipeline puts the number of its build behind the version.
    assert re.fullmatch(rf'demisto/{IMAGE.name}:{re.escape(version)}\.\d+', dockerimage)


def test_both_locks_hold_the_same_versions() -> None:
    lock = (IMAGE / 'poetry.lock').read_text('utf-8')
    locked = dict(re.findall(r'^name = "(.+)"\nversion = "(.+)"$', lock, re.MULTILINE))
    assert locked == pinned()
    assert set(needed()) <= set(locked)


def test_the_threat_model_says_which_faults_of_the_images_python_can_be_reached() -> None:
    """The index of packages knows no advisories of Python itself, so a newer image takes a newer look."""
    version, = re.findall(r'FROM demisto/python3:(\d+\.\d+\.\d+)\.', (IMAGE / 'Dockerfile').read_text('utf-8'))
    assert f"**The image's Python** is {version}." in (ROOT / 'docs/threat-model.md').read_text('utf-8')


def test_no_multipart_may_be_installed_in_which_the_script_calls_a_function_with_a_known_fault() -> None:
    files = (ROOT / 'requirements/run.in', IMAGE / 'pyproject.toml')
    floors = [re.findall(r'multipart>=([\d.]+)', file.read_text('utf-8')) for file in files]
    assert floors == [['1.3.1']] * 2  # 1.3.0 has CVE-2026-28356 in parse_options_header


# Docker cannot run in every place where tests do. This records what it is asked, and writes the files that it would.
DOCKER = """#!/usr/bin/env bash
echo "$*" >>"$CALLS"
case "$*" in
    *dest=*) file=$*; file=${file#*dest=}; echo image >"${file%% *}" ;;
    "run "*) cat >/dev/null; exit "${VERIFIED-0}" ;;
    "image inspect "*) echo amd64 ;;
    *"imagetools inspect --raw "*) printf index ;;
    *"imagetools inspect "*) echo "${SAID-}"; [ -z "${SAID-}" ] ;;
esac
"""


@pytest.fixture
def image_tool(tmp_path: Path) -> ImageTool:
    """`tools/releases/image` in a copy of the files that it reads, with a recording Docker."""
    for name in ('tools/releases/image', 'docker/generic-webhook',
                 'Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.yml'):
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _ = shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    executable(tmp_path / 'bin/docker', DOCKER)
    return ImageTool(tmp_path)


class ImageTool:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.calls_file = folder / 'calls'

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = f'{self.folder / "bin"}:{os.environ["PATH"]}'
        return run(self.folder / 'tools/releases/image', *arguments, **environment, PATH=path, CALLS=str(self.calls_file))

    def calls(self) -> list[str]:
        return self.calls_file.read_text().splitlines() if self.calls_file.exists() else []


def test_the_file_of_an_image_has_the_name_that_the_pack_asks_for_and_has_served_a_request(image_tool: ImageTool) -> None:
    done = image_tool.run('build', 'arm64')
    assert done.returncode == 0, done.stderr
    name = dockerimage('Integrations/GenericWebhook/GenericWebhook.yml')
    file = image_tool.folder / 'dist/image/generic-webhook-image-arm64.tar.gz'
    assert gzip.decompress(file.read_bytes()) == b'image\n'
    assert file.read_bytes()[3:8] == bytes(5), 'gzip says there that it holds a name, and the time'
    *_, build, load, run, script = image_tool.calls()
    assert f'--platform linux/arm64 --provenance false --sbom false --tag {name} ' in build
    assert load == 'load --input dist/image/generic-webhook-image-arm64.tar'
    assert run == f'run --rm --interactive --platform linux/arm64 {name} python -'
    mounted = f'--volume {image_tool.folder}:/repo:ro'
    assert script == f'run --rm --platform linux/arm64 {mounted} {name} python /repo/tools/try_script.py'


@pytest.mark.weekly
def test_what_is_tried_in_the_image_serves_here_too_and_says_what_memory_it_takes() -> None:
    done = run(sys.executable, ROOT / 'tools/try_script.py')
    assert (done.returncode, done.stderr) == (0, '')
    assert re.fullmatch(r'The script serves, .* at rest it takes \d+ MiB\.\n', done.stdout)
    other = 'from tools import try_script as tool; tool.EXPECTED = [200, 200]; tool.main()'
    done = subprocess.run([sys.executable, '-c', other], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, 'The responses are [502, 200], not [200, 200].\n')


def test_an_image_that_serves_no_request_gives_no_file(image_tool: ImageTool) -> None:
    assert image_tool.run('build', 'amd64', VERIFIED='1').returncode != 0
    assert list((image_tool.folder / 'dist/image').glob('*.gz')) == []


def test_both_architectures_have_one_name_in_the_registry_with_provenance_and_sbom(image_tool: ImageTool) -> None:
    tag = dockerimage('Integrations/GenericWebhook/GenericWebhook.yml').partition(':')[2]
    pushed = f'registry.example/owner/generic-webhook:{tag}'
    assert image_tool.run('push', 'amd64', 'registry.example/owner', SAID='ERROR: not found').returncode == 0
    assert f'--provenance mode=max --sbom true --tag {pushed}-amd64 --push ' in image_tool.calls()[-1]
    joined = image_tool.run('join', 'registry.example/owner', 'amd64', 'arm64', SAID='ERROR: not found')
    assert f'buildx imagetools create --tag {pushed} {pushed}-amd64 {pushed}-arm64' in image_tool.calls()
    digest = hashlib.sha256(b'index').hexdigest()
    assert joined.stdout == f'name=registry.example/owner/generic-webhook\ndigest=sha256:{digest}\n'


@pytest.mark.parametrize('said, status', [('', 0), ('ERROR: connection refused', 1)])
def test_a_tag_that_the_registry_has_is_not_pushed_again_and_neither_is_one_that_cannot_be_looked_up(
        image_tool: ImageTool, said: str, status: int) -> None:
    for command in ('push', 'amd64', 'registry.example/owner'), ('join', 'registry.example/owner', 'amd64'):
        assert image_tool.run(*command, SAID=said).returncode == status
    assert [call for call in image_tool.calls() if '--push' in call or 'imagetools create' in call] == []


def test_the_image_has_a_new_tag_exactly_if_it_is_made_of_something_else_than_at_the_last_release() -> None:
    found = run(ROOT / 'tools/releases/last-release')
    if found.returncode:
        pytest.skip('the history does not have the last release')

    def before(file: Path) -> str:
        return run('git', 'show', f'{found.stdout.strip()}:{file.relative_to(ROOT)}').stdout
    is_new = [before(file) != file.read_text('utf-8') for file in (IMAGE / 'Dockerfile', IMAGE / 'requirements.txt')]
    tag = re.compile(r'^ *dockerimage: (\S+)$', re.MULTILINE)
    descriptor = INTEGRATION / 'GenericWebhook.yml'
    assert any(is_new) == (tag.findall(before(descriptor)) != tag.findall(descriptor.read_text('utf-8')))


def test_a_base_of_another_architecture_is_noticed(image_tool: ImageTool) -> None:
    assert image_tool.run('has-base', 'amd64').returncode == 0
    pull, inspect = image_tool.calls()
    base = re.findall(r'^FROM (\S+):\S+(@sha256:[0-9a-f]{64})$', (IMAGE / 'Dockerfile').read_text('utf-8'), re.MULTILINE)
    assert (pull, inspect) == (f'pull --quiet --platform linux/amd64 {"".join(base[0])}',
                               f'image inspect --format {{{{.Architecture}}}} {"".join(base[0])}')
    assert image_tool.run('has-base', 'arm64').returncode == 1


def dockerimage(name: str) -> str:
    return str(re.findall(r'^ *dockerimage: (\S+)$', (PACK / name).read_text('utf-8'), re.MULTILINE)[0])


def test_the_script_and_the_integration_run_in_the_same_image() -> None:
    assert dockerimage('Scripts/GenericWebhookJoin/GenericWebhookJoin.yml') == dockerimage(
        'Integrations/GenericWebhook/GenericWebhook.yml')


@pytest.fixture
def python_without_multipart(tmp_path: Path) -> str:
    """The Python of a container whose image lacks a package."""
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', tmp_path], check=True)
    site, = tmp_path.glob('lib/python3*/site-packages')
    (site / 'multipart.py').write_text('raise ModuleNotFoundError("No module named multipart", name="multipart")')
    (site / 'others.pth').write_text(str(Path(pytest.__file__).parents[1]))
    return str(tmp_path / 'bin' / 'python')


@pytest.mark.parametrize('server', ['6.5', pytest.param('8', marks=pytest.mark.weekly)])
def test_a_module_that_is_missing_at_the_start_is_reported_in_the_health_with_its_remedy(
        python_without_multipart: str, server: str) -> None:
    with LocalXsoar('--server', server, pack=PACK, wait_ready=False, python=python_without_multipart) as xsoar:
        xsoar.wait_for_line(rf'health\W+.*{REMEDY}')


def test_the_test_button_tells_of_a_module_that_is_missing(python_without_multipart: str) -> None:
    done = run_local_xsoar(str(PACK), '--test', '--set', 'longRunningPort=9000', python=python_without_multipart)
    assert done.returncode != 0
    assert re.search(REMEDY, done.stdout + done.stderr)
