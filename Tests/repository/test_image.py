"""The image's recipe: its locked packages serve a request, and all who name them agree. Docker itself is not needed."""
from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from clocks import PATIENCE_SECONDS
from imports import PLATFORM, imported_modules
from local_xsoar import ROOT, LocalXsoar, leave_out, run_local_xsoar
from webhook import PACK

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
    install = subprocess.run([python, '-m', 'pip', 'install', '--quiet', '--no-compile', '--require-hashes', '-r',
                              IMAGE / 'requirements.txt'], capture_output=True, text=True, check=False)
    if 'No matching distribution found for' in install.stderr:
        leave_out('no registry of packages can be reached')
    assert install.returncode == 0, install.stderr
    done = subprocess.run([python, IMAGE / 'verify.py'], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
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


@pytest.fixture
def python_without_multipart(tmp_path: Path) -> str:
    """The Python of a container whose image lacks a package."""
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', tmp_path], check=True)
    site, = tmp_path.glob('lib/python3*/site-packages')
    (site / 'multipart.py').write_text('raise ModuleNotFoundError("No module named multipart", name="multipart")')
    (site / 'others.pth').write_text(str(Path(pytest.__file__).parents[1]))
    return str(tmp_path / 'bin' / 'python')


def test_a_module_that_is_missing_at_the_start_is_reported_in_the_health_with_its_remedy(python_without_multipart: str) -> None:
    with LocalXsoar(pack=PACK, wait_ready=False, python=python_without_multipart) as xsoar:
        xsoar.wait_for_line(rf'health\W+.*{REMEDY}')


def test_the_test_button_tells_of_a_module_that_is_missing(python_without_multipart: str) -> None:
    done = run_local_xsoar(str(PACK), '--test', '--set', 'longRunningPort=9000', python=python_without_multipart)
    assert done.returncode != 0
    assert re.search(REMEDY, done.stdout + done.stderr)
