"""The page's JavaScript modules in Node.js: what each one does by itself, without a browser and a server."""
from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT, needs

FOLDER = ROOT / 'Tests/localxsoar/page'
CLOCKS = re.compile(r'\b(performance|Date)\.now\(|\bnew Date\(\)|\b(cpuUsage|hrtime)\b')


@pytest.mark.parametrize('file', sorted(FOLDER.glob('*.test.mjs')), ids=lambda file: file.name)
def test_a_module_of_the_page_passes_its_tests(file: Path) -> None:
    done = subprocess.run([needs('nodejs', 'node'), file], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r'^# pass [1-9]', done.stdout, re.MULTILINE)


def test_no_test_of_a_module_reads_a_clock_but_through_the_one_that_says_how_work_grows() -> None:
    assert [file.name for file in FOLDER.glob('*.mjs') if CLOCKS.search(file.read_text('utf-8'))] == ['clocks.mjs']
