"""The page's JavaScript modules: which imports which, and what each does by itself, in Node.js without a browser."""
from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from clocks import PATIENCE_SECONDS
from imports import circle
from local_xsoar import ROOT, leave_out, needs

pytestmark = pytest.mark.sockets

PAGE = ROOT / 'localxsoar/web/page'
FOLDER = ROOT / 'Tests/localxsoar/web/page'
CLOCKS = re.compile(r'\b(performance|Date)\.now\(|\bnew Date\(\)|\b(cpuUsage|hrtime)\b')


@pytest.mark.parametrize('file', sorted(FOLDER.glob('*.test.mjs')), ids=lambda file: file.name)
def test_a_module_of_the_page_passes_its_tests(file: Path) -> None:
    done = subprocess.run([needs('nodejs', 'node'), file], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r'^# pass [1-9]', done.stdout, re.MULTILINE)


def test_no_test_of_a_module_reads_a_clock_but_through_the_one_that_says_how_work_grows() -> None:
    assert [file.name for file in FOLDER.glob('*.mjs') if CLOCKS.search(file.read_text('utf-8'))] == ['clocks.mjs']


# ESLint and the types.


@pytest.fixture(scope='module')
def npm() -> str:
    """Return npm, with which `node_modules` is as the lock says; without npm or its registry, the tests are left out."""
    program, lock, installed = needs('npm'), ROOT / 'package-lock.json', ROOT / 'node_modules/installed.json'
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        done = subprocess.run([program, 'ci', '--no-audit', '--no-fund'], cwd=ROOT, capture_output=True, text=True, check=False)
        if re.search(r'code (E[A-Z]*(NOTFOUND|AGAIN|REFUSED|RESET|TIMEDOUT)|EHOSTUNREACH|ENETUNREACH)', done.stderr):
            leave_out('no registry of packages can be reached')
        assert done.returncode == 0, done.stderr
        shutil.copy(lock, installed)
    return program


@pytest.mark.network
@pytest.mark.parametrize('check', ['eslint', 'tsc'])
def test_a_linter_finds_nothing_in_the_page(npm: str, check: str) -> None:
    done = subprocess.run([npm, 'exec', '--offline', check], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_of_npm_names_no_registry_but_holds_every_package_to_its_hash() -> None:
    _, *packages = json.loads((ROOT / 'package-lock.json').read_text('utf-8'))['packages'].values()
    assert [package for package in packages if 'resolved' in package or 'integrity' not in package] == []


# The graph of imports.


def imports(file: Path) -> set[str]:
    """Return the names of the modules that a module imports."""
    return set(re.findall(r"^(?:import|export)\b[^;]*?['\"]\./([\w-]+\.js)['\"];", file.read_text('utf-8'), re.MULTILINE))


def test_no_module_of_the_page_leads_back_to_itself() -> None:
    graph = {file.name: imports(file) for file in PAGE.glob('*.js')}
    assert set().union(*graph.values()) <= graph.keys()
    assert graph['script.js'] >= {'views.js', 'live.js'} and graph['dom.js'] == {'visible.js'}  # imports are found
    assert circle(graph) == []
