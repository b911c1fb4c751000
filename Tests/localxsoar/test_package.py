"""localxsoar as a package: installed by pip alone, it brings its command, its page and a pytest plugin."""

import ast
import functools
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from imports import PLATFORM, imported_modules
from local_xsoar import ROOT, LocalXsoar, leave_out, wait_for
from tools import facts
from tools.tree import own_files

import localxsoar

pytestmark = pytest.mark.sockets

PACKAGE = Path(localxsoar.__file__).parent


def test_it_imports_what_its_package_asks_for_which_its_command_installs_and_nothing_else() -> None:
    project = tomllib.loads((PACKAGE / 'pyproject.toml').read_text())['project']
    asked = {text.partition('>')[0] for text in project['dependencies']}
    # The parts of CommonServerPython run in a container, whose Python has what its image has.
    imported = {name for file in {*own_files('localxsoar/*.py')} - {*(PACKAGE / 'common').iterdir()}
                for name in imported_modules(ast.parse(file.read_text())) if (file.name, name) != ('pytest_plugin.py', 'pytest')}
    assert imported - {'localxsoar', *sys.stdlib_module_names, *PLATFORM} == {name.replace('PyYAML', 'yaml') for name in asked}
    installed = re.findall(r'^([\w-]+)==', (ROOT / 'requirements/run.txt').read_text().lower(), re.MULTILINE)
    assert {name.lower() for name in asked} <= {*installed}


README = (PACKAGE / 'README.md').read_text()


def call(*command: str | Path, folder: Path = PACKAGE, stdin: str = '', **environment: str) -> str:
    """Run a program with nothing of this environment, and return what it printed."""
    own = {'PATH': '/usr/bin:/bin', 'PYTHONUTF8': '1', **environment}
    done = subprocess.run(command, cwd=folder, env=own, input=stdin, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pip(*arguments: str | Path, folder: Path = PACKAGE) -> None:
    """Run pip, which takes the packages in the versions of this repository's tests, or leave the test out without a registry."""
    pinned = str(ROOT / 'requirements/test.txt')
    try:
        call(sys.executable, '-m', 'pip', '--quiet', *arguments, folder=folder, PIP_CONSTRAINT=pinned,
             PIP_BUILD_CONSTRAINT=pinned)
    except AssertionError as error:
        if 'No matching distribution found for' in str(error):
            leave_out('no registry of packages can be reached')
        raise


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built as the README says."""
    folder = tmp_path_factory.mktemp('checkout')
    shutil.copytree(PACKAGE, folder / 'localxsoar', ignore=shutil.ignore_patterns('__pycache__', 'build', '*.egg-info'))
    build = re.findall(r'`pip (wheel .*? \./localxsoar)`', README)[0].split()
    pip(*build, folder=folder)
    [file] = (folder / 'dist').iterdir()
    return file


@pytest.fixture(scope='module')
def programs(wheel: Path) -> Path:
    """The programs of an empty environment that has the wheel, what it asks for, and pytest."""
    home = wheel.parents[1] / 'environment'
    call(sys.executable, '-m', 'venv', '--without-pip', home)
    pip('--python', home / 'bin/python', 'install', '--no-compile', wheel, 'pytest')
    return home / 'bin'


@pytest.fixture(scope='module')
def make(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], tuple[Path, str]]:
    """What makes an integration of the README as that says, and returns its folder and what that printed."""
    def made(number: int) -> tuple[Path, str]:
        folder = tmp_path_factory.mktemp('made')
        return folder, call('bash', '-e', folder=folder, stdin=block('sh', number), PATH=f'{programs}:/usr/bin:/bin')
    return functools.cache(made)


def block(language: str, number: int = 0) -> str:
    """Return a block in this language in the README."""
    return str(re.findall(rf'```{language}\n(.*?)```', README, re.DOTALL)[number])


@pytest.mark.weekly
@pytest.mark.network
def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    assert wheel.name == f'localxsoar-{localxsoar.__version__}-py3-none-any.whl'
    assert wheel.match(re.findall(r'builds `(dist/.*?)`', README)[0])
    with zipfile.ZipFile(wheel) as archive:
        said = archive.read(f'localxsoar-{localxsoar.__version__}.dist-info/METADATA').decode()
        names = archive.namelist()
    for line in ('Name: localxsoar', 'License-Expression: MIT', 'License-File: LICENSE', 'Requires-Python: >=3.11',
                 'Classifier: Framework :: Pytest', 'Description-Content-Type: text/markdown'):
        assert line in said.splitlines()
    assert 'It is on no package index.' in said
    assert [name for name in names if name.endswith('.pyc') or '/test_' in name] == []
    assert {f'localxsoar/web/page/{file.name}' for file in (PACKAGE / 'web/page').iterdir()} <= set(names)
    assert {f'localxsoar/common/{file.name}' for file in (PACKAGE / 'common').glob('*.py')} <= set(names)


def test_its_licence_is_the_repositorys() -> None:
    assert (PACKAGE / 'LICENSE').read_text() == (PACKAGE.parent / 'LICENSE').read_text()


@pytest.mark.weekly
@pytest.mark.network
def test_it_is_installed_from_its_file_and_says_its_version(programs: Path) -> None:
    assert call(programs / 'localxsoar', '--version') == f'localxsoar {localxsoar.__version__}\n'


@pytest.mark.weekly
@pytest.mark.network
@pytest.mark.parametrize('number, words', [(0, 'Hello you'), (1, '"name": "Failed logins"')])
def test_an_integration_and_its_test_run_as_the_readme_says(
        programs: Path, make: Callable[[int], tuple[Path, str]], number: int, words: str) -> None:
    folder, printed = make(number)
    assert printed.splitlines()[0] == 'ok' and words in printed
    (folder / 'test_it.py').write_text(block('python', number))
    said = call(programs / 'python', '-m', 'pytest', '-p', 'no:cacheprovider', 'test_it.py', folder=folder)
    assert '1 passed' in said


@pytest.mark.weekly
@pytest.mark.network
def test_a_saved_file_restarts_what_runs_as_the_readme_says(
        programs: Path, make: Callable[[int], tuple[Path, str]], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(make(0)[0] / 'Hello', tmp_path / 'Hello'))
    _, *arguments = re.findall(r'^    localxsoar (Hello) (--watch)$', README, re.MULTILINE)[0]
    xsoar = LocalXsoar(*arguments, pack=folder, environment={'PYTHONPATH': ''})
    xsoar.argv[:3] = [str(programs / 'localxsoar')]
    with xsoar:
        script = folder / 'Hello.py'
        script.write_text(script.read_text().replace("{name}", "dear {name}"))
        xsoar.wait_for_line('The pack has changed: the next command runs the new files')
        assert wait_for(lambda: 'Hello dear you' in str(xsoar.command('hello-say', name='you')))


# What is written from the code and its tests.


@pytest.mark.parametrize('name', facts.PAGES)
def test_a_page_is_as_the_code_and_the_tests_say(name: str) -> None:
    assert facts.page(name) == (ROOT / name).read_text('utf-8'), 'python -m tools.facts writes it'
    assert all(''.join(lines()) for lines in facts.PAGES[name].values())


def test_the_facts_of_the_tests_are_found() -> None:
    assert len([*facts.facts()]) > 100
