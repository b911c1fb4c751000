"""What the script makes of thousands of known events is what is recorded: python -m tools.fingerprint says what differs."""
from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_xsoar import ROOT
from tools.fingerprint import SOURCES, Change, changes, recorded, report, results
from webhook import changed_pack

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason='Python 3.10 reads fewer dates')

RENEW = 'If this is meant, review the difference, and record it: python -m tools.fingerprint --renew'


@functools.cache
def found(source: str) -> list[Change]:
    return list(changes(source, recorded(source), results(SOURCES[source]())))


def assert_nothing_differs(differing: list[Change]) -> None:
    assert not differing, '\n'.join([*report(differing, 20), RENEW])


@pytest.mark.parametrize('source', SOURCES)
def test_rows_words_ends_keys_types_and_notes_are_as_recorded(source: str) -> None:
    assert_nothing_differs([each for each in found(source) if not each.is_general])


@pytest.mark.parametrize('source', SOURCES)
def test_names_times_and_severities_by_the_general_rule_are_as_recorded(source: str) -> None:
    assert_nothing_differs([each for each in found(source) if each.is_general])


# The tool.


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the tool reads and writes, with a script that finds other names and sets other types."""
    folder = tmp_path_factory.mktemp('repository')
    for name in ('tools', 'Tests/corpus'):
        shutil.copytree(ROOT / name, folder / name)
    for name in ('localxsoar', 'senders', 'Tests/support', 'Tests/demistomock'):
        (folder / name).symlink_to(ROOT / name)
    (folder / 'Packs').mkdir()
    changed_pack(folder / 'Packs', {"'name': event.name() or": "'name': event.name().upper() or",
                                    'return without_error_markers(chosen) if chosen': 'return chosen.upper() if chosen'})
    return folder


def fingerprint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    return subprocess.run([sys.executable, '-m', 'tools.fingerprint', *arguments], cwd=folder, env=environment, text=True,
                          capture_output=True, check=False)


def test_what_differs_is_printed_old_and_new_by_column_and_recorded_if_that_is_asked_for(folder: Path) -> None:
    differing = fingerprint(folder, 'deliveries')
    assert differing.returncode == 1, differing.stderr
    rows, general = differing.stdout.split('The general rule: ')
    assert 'deliveries, name: ' in rows and 'deliveries, type: ' in rows
    assert 'deliveries, name: ' in general and 'type: ' not in general
    assert ' others: nothing → UNCLASSIFIED\n' in rows and 'others, which --all prints' in rows
    assert len(fingerprint(folder, 'deliveries', '--all').stdout) > len(differing.stdout)
    renewed = fingerprint(folder, 'deliveries', '--renew')
    assert (renewed.returncode, renewed.stdout.rpartition('\n')[0].split('\n')[:-1]) == (0, differing.stdout.split('\n')[:-2])
    again = fingerprint(folder, 'deliveries')
    assert again.returncode == 0 and again.stdout.count('nothing differs') == 2
