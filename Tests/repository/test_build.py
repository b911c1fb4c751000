"""tools/build: the single file is what the sources of the receiver give, and what cannot become one is told by file and line."""
from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import read
from shared import ROOT
from shared.webhook import SCRIPT
from tools.build.__main__ import Module, Unbuildable, build, check, floors, read_module

LONGEST_MODULE = 450
GENERATED = 'senders'
TREE = {
    'image': '"""Image."""\n\n\ndef show_health(text: str) -> None:\n    """Show."""\n',
    'limits': '"""Limits."""\nMOST = 5  # of all\n',
    'body': ('"""Bodies."""\nimport re\nfrom functools import cache, partial\n\n'
             'from receiver.limits import MOST\n\nLEAST = MOST - 1\n'),
    'main': ('"""Main."""\nimport os\n\nimport gevent\nfrom bottle import request as asked\n\n'
             'from receiver.body import LEAST\n\n\ndef main() -> None:\n    """Run."""\n    print(LEAST)\n'),
}


def written(folder: Path, **changed: str) -> Path:
    """Return a project whose receiver has a few modules."""
    modules = TREE | changed
    layers = ''.join(f'"receiver.{name}", ' for name in reversed(modules))
    (folder / 'receiver').mkdir()
    (folder / 'pyproject.toml').write_text(f'[[tool.importlinter.contracts]]\nlayers = [{layers}]\n')
    for name, source in modules.items():
        (folder / f'receiver/{name}.py').write_text(source)
    return folder


def modules() -> list[Module]:
    return [read_module(ROOT, name) for name in floors(ROOT)]


def test_the_script_is_what_the_sources_give() -> None:
    assert read(SCRIPT) == build(), 'run ./dev build'


def test_every_module_of_the_receiver_is_on_a_floor_and_none_is_long() -> None:
    folder = ROOT / 'receiver'
    sources = {file: '.'.join(file.relative_to(folder).with_suffix('').parts) for file in folder.rglob('*.py')}
    packages = {file for file in sources if file.name == '__init__.py'}
    assert {name for file, name in sources.items() if file not in packages} == {*floors(ROOT)}
    assert all(len(ast.parse(read(file)).body) == 1 for file in packages)  # the docstring
    long = {name for file, name in sources.items() if len(read(file).splitlines()) > LONGEST_MODULE}
    assert long == {GENERATED}
    assert 15 <= len({name.partition('.')[0] for name in floors(ROOT)}) <= 20


def test_the_table_of_senders_comes_last_before_the_commands_and_only_main_gets_it() -> None:
    assert floors(ROOT)[-3:] == [GENERATED, 'commands', 'main']
    importing = {module.name for module in modules() for node in module.imports
                 if isinstance(node, ast.ImportFrom) and node.module == f'receiver.{GENERATED}'}
    assert importing == {'main'}


def test_modules_become_one_text_under_headings_with_their_imports_in_one_block(tmp_path: Path) -> None:
    built = build(written(tmp_path))
    telling = r"^(?:'''.*|# --- .*|MOST.*|LEAST.*|def .*|import (?!demisto).*|from f.*|    (?:import|from) .*)"
    assert re.findall(telling, built, re.MULTILINE) == [
        'import os', 'import re', 'from functools import cache, partial', 'def show_health(text: str) -> None:',
        '    import gevent', '    from bottle import request as asked',
        "''' LIMITS '''", '# --- receiver/limits.py ---', 'MOST = 5  # of all',
        "''' BODY '''", '# --- receiver/body.py ---', 'LEAST = MOST - 1',
        "''' MAIN '''", '# --- receiver/main.py ---', 'def main() -> None:']
    assert '# Bodies.' in built and 'from receiver.' not in built


@pytest.mark.parametrize(('name', 'source', 'fault'), [
    ('limits', '"""A."""\nfrom receiver.body import LEAST\n', 'receiver/limits.py:2: receiver.body is not above receiver.limits'),
    ('limits', '"""A."""\nfrom receiver.limits import MOST\n', 'receiver/limits.py:2: receiver.limits is not above'),
    ('main', '"""A."""\nimport receiver.body\n', 'receiver/main.py:2: write `from receiver.… import …`'),
    ('main', '"""A."""\nfrom receiver.body import re\n', 'receiver/main.py:2: receiver.body does not define re under this name'),
    ('main', '"""A."""\nfrom receiver.body import LEAST as x\n', 'receiver/main.py:2: receiver.body does not define LEAST'),
    ('main', '"""A."""\n\nMOST = 1\n', 'receiver/main.py:3: MOST is defined in receiver/limits.py, too'),
    ('main', '"""A."""\n\n\ndef f():\n    import os\n', 'receiver/main.py:5: an import that is not at the top'),
    ('main', 'import os\n', 'receiver/main.py:1: the module has no docstring'),
])
def test_what_cannot_become_one_file_is_told_by_file_and_line(tmp_path: Path, name: str, source: str, fault: str) -> None:
    with pytest.raises(Unbuildable, match=re.escape(fault)):
        build(written(tmp_path, **{name: source}))


def test_an_import_of_a_higher_floor_in_the_real_receiver_is_found(tmp_path: Path) -> None:
    for name in ('pyproject.toml', 'receiver'):
        source = ROOT / name
        _ = shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    lowest = tmp_path / 'receiver/sharing.py'
    doc, _, rest = read(lowest).partition('\n')
    lowest.write_text(f'{doc}\nfrom receiver.app import WebhookApp\n{rest}')
    with pytest.raises(Unbuildable, match=r'receiver/sharing\.py:2: receiver\.app is not above'):
        build(tmp_path)
    linter = subprocess.run([Path(sys.executable).parent / 'lint-imports', '--no-cache'], cwd=tmp_path, capture_output=True,
                            text=True, env={'PATH': '', 'PYTHONPATH': str(tmp_path)}, check=False)
    assert linter.returncode == 1 and 'receiver.sharing -> receiver.app' in linter.stdout


def test_each_module_can_be_imported_alone() -> None:
    check(modules())
    for name in floors(ROOT):
        importlib.import_module(f'receiver.{name}')
