"""Which tests start a process, and the first line of each file, which says what it holds."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kinds import starts_a_process
from local_xsoar import ROOT


TESTS = [*(ROOT / 'Packs').rglob('*_test.py'), *(ROOT / 'Tests').rglob('test_*.py'), *(ROOT / 'Tests/support').glob('*.py')]


@pytest.mark.parametrize('file', sorted(TESTS), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_first_line_of_a_file_says_what_it_holds(file: Path) -> None:
    assert re.match(r'"""[^"\n]+[.:,](""")?\n', file.read_text('utf-8'))


@pytest.mark.parametrize('text', [
    'import subprocess\ndef test_it(): subprocess.run([])',
    'import subprocess\ndef run(): subprocess.run([])\ndef test_it(): run()',
    'import subprocess\nimport pytest\n@pytest.fixture\ndef run(): yield subprocess.run([])\ndef test_it(run): ...',
    'import subprocess\nclass A:\n    def run(self): subprocess.run([])\nclass B(A): ...\ndef test_it(): B().run()',
    'from webhook import Webhook\ndef test_it():\n    with Webhook(): ...',
    'from senders_at_once import scene\n@scene()\nasync def test_it(senders): ...',
], ids=['itself', 'function', 'fixture', 'class', 'import', 'decorator'])
def test_a_test_that_leads_to_a_process_is_found(tmp_path: Path, text: str) -> None:
    file = tmp_path / 'test_one.py'
    file.write_text(text)
    assert starts_a_process(file, 'test_it')


@pytest.mark.parametrize('text', [
    'import subprocess\ndef test_it(): ...\ndef test_other(): subprocess.run([])',
    'from webhook import TOKEN\ndef test_it(): assert TOKEN',
    'from app import App\ndef test_it():\n    with App(): ...',
], ids=['another', 'constant', 'app'])
def test_a_test_that_leads_to_none_is_pure(tmp_path: Path, text: str) -> None:
    file = tmp_path / 'test_one.py'
    file.write_text(text)
    assert not starts_a_process(file, 'test_it')


def test_a_hidden_process_fails_its_test_among_the_pure_ones(tmp_path: Path) -> None:
    (tmp_path / 'test_one.py').write_text("def test_it(): __import__('subprocess').run(['true'])")
    path = os.pathsep.join(map(str, (ROOT, ROOT / 'Tests', ROOT / 'Tests/support', ROOT / 'Tests/demistomock')))
    done = subprocess.run([sys.executable, '-m', 'pytest', '-c', ROOT / 'tox.ini', '-p', 'conftest', '-p', 'no:cacheprovider',
                           '-m', 'not sockets', tmp_path / 'test_one.py'],
                          env={**os.environ, 'PYTHONPATH': path}, capture_output=True, text=True, check=False)
    assert 'starts a process: mark it with pytest.mark.sockets' in done.stdout
    assert done.returncode == 1
