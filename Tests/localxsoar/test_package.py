"""localxsoar as a package: installed by pip alone, it brings its command, its page and a pytest plugin."""

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomllib  # type: ignore[import-not-found]  # mypy reads for 3.10, the tests start at 3.11

import localxsoar

PACKAGE = Path(localxsoar.__file__).parent
PACKS = Path(__file__).parent / 'packs'
MODULES = {'bottle': 'bottle', 'gevent': 'gevent', 'h11': 'h11', 'PyYAML': 'yaml'}
FOR_TESTS = {'pytest', 'demisto_client'}
OF_THE_PLATFORM = {'demistomock'}


def imported() -> Iterator[str]:
    for file in PACKAGE.glob('*.py'):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition('.')[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield (node.module or '').partition('.')[0]


def test_it_stays_below_3800_lines_without_its_page() -> None:
    of_the_page = {'page_routes', 'deliveries', 'events', 'masks', 'senders', 'recognition', 'responses', 'send', 'replay',
                   'readable'}
    assert sum(file.read_text().count('\n') for file in PACKAGE.glob('*.py') if file.stem not in of_the_page) < 3800


def test_it_imports_what_its_package_asks_for_and_nothing_else() -> None:
    project = tomllib.loads((PACKAGE / 'pyproject.toml').read_text())['project']
    asked = {MODULES[text.partition('>')[0]] for text in project['dependencies']}
    own = {'localxsoar', *sys.stdlib_module_names, *FOR_TESTS, *OF_THE_PLATFORM}
    assert set(imported()) - own == asked


@pytest.fixture(scope='module')
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what pip installs; the packages that it asks for are this environment's own."""
    folder = tmp_path_factory.mktemp('installed')
    source = shutil.copytree(PACKAGE, folder / 'source', ignore=shutil.ignore_patterns('__pycache__', 'build', '*.egg-info'))
    install = [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-deps', '--target', str(folder / 'site'), str(source)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / 'site'


def run_installed(installed: Path, folder: Path, *command: str) -> str:
    environment = {'PATH': '/usr/bin:/bin', 'PYTHONPATH': str(installed), 'PYTHONUTF8': '1'}
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_command_runs_without_any_file_of_the_repository(installed: Path, tmp_path: Path) -> None:
    pack = shutil.copytree(PACKS / 'Commands', tmp_path / 'Commands')
    command = next(file for file in installed.glob('bin/localxsoar'))
    arguments = (str(pack), '--command', 'hello-say', '--arg', 'name=you')
    said = run_installed(installed, tmp_path, sys.executable, str(command), *arguments)
    assert 'Hello you' in said


def test_it_brings_its_page(installed: Path) -> None:
    ours, theirs = ({file.name for file in folder.iterdir()} for folder in (PACKAGE / 'page', installed / 'localxsoar/page'))
    assert ours == theirs


def test_its_pytest_plugin_gives_tests_a_local_xsoar(installed: Path, tmp_path: Path) -> None:
    shutil.copytree(PACKS / 'GeventHttp', tmp_path / 'Packs/GeventHttp')
    (tmp_path / 'test_it.py').write_text(
        'from urllib.request import urlopen\n\n\ndef test_it(local_xsoar):\n'
        "    xsoar = local_xsoar('Packs/GeventHttp')\n"
        "    urlopen(xsoar.webhook_url, b'hello').read()\n"
        "    assert [incident['rawJSON'] for incident in xsoar.sent()] == ['hello']\n")
    said = run_installed(installed, tmp_path, sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', '--noconftest', '.')
    assert '1 passed' in said


# The page of facts.


def facts() -> list[list[str]]:
    rows = [line.strip('|').split('|') for line in (PACKAGE / 'FACTS.md').read_text().splitlines() if line.startswith('| ')]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_each_fact_says_where_it_comes_from_and_which_test_holds_it() -> None:
    tests = {node.name for file in Path(__file__).parent.glob('test_*.py') for node in ast.parse(file.read_text()).body
             if isinstance(node, ast.FunctionDef)}
    assert len(facts()) > 40
    assert [row for row in facts() if row[1] not in ('documented', 'seen', 'inferred', 'guessed')] == []
    assert [row for row in facts() if row[2].strip('`') not in tests] == []
