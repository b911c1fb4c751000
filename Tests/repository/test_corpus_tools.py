"""The tools that say what a change of the script does to known events: what differs is printed, recorded and judged blindly."""
from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_xsoar import ROOT
from shared.webhook import changed_pack

pytestmark = [pytest.mark.sockets, pytest.mark.weekly]  # tests of tools that only a change of names needs

CHANGES = {'return conversion.incidents':
           "return [{**each, 'name': each['name'].upper(), 'type': str(each['type']).upper()} for each in conversion.incidents]"}


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the tools read and write, with a script that gives other names and types than the one that git has."""
    folder = tmp_path_factory.mktemp('repository')
    for name in ('tools', 'senders', 'Tests/corpus'):
        shutil.copytree(ROOT / name, folder / name)
    for name in ('localxsoar', 'shared'):
        (folder / name).symlink_to(ROOT / name)
    (folder / 'Packs').mkdir()
    pack = changed_pack(folder / 'Packs', {})
    identity = ['-c', 'user.name=x', '-c', 'user.email=x@example.com']
    for arguments in (['init', '-q'], ['add', 'Packs'], [*identity, 'commit', '-qm', 'The script']):
        subprocess.run(['git', *arguments], cwd=folder, check=True)
    shutil.rmtree(pack)
    changed_pack(folder / 'Packs', CHANGES)
    return folder


def tool(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    return subprocess.run([sys.executable, '-m', f'tools.names.{name}', *arguments], cwd=folder, env=environment, text=True,
                          capture_output=True, check=False)


def test_what_differs_is_printed_old_and_new_by_column_and_recorded_if_that_is_asked_for(folder: Path) -> None:
    differing = tool(folder, 'fingerprint', 'deliveries')
    assert differing.returncode == 1, differing.stderr
    rows, general = differing.stdout.split('The general rule: ')
    assert 'deliveries, name: ' in rows and 'deliveries, type: ' in rows
    assert 'deliveries, name: ' in general and 'type: ' not in general
    assert ' others: nothing → UNCLASSIFIED\n' in rows and 'others, which --all prints' in rows
    assert len(tool(folder, 'fingerprint', 'deliveries', '--all').stdout) > len(differing.stdout)
    renewed = tool(folder, 'fingerprint', 'deliveries', '--renew')
    assert (renewed.returncode, renewed.stdout.splitlines()[:-1]) == (0, differing.stdout.splitlines()[:-1])
    again = tool(folder, 'fingerprint', 'deliveries')
    assert again.returncode == 0 and again.stdout.count('nothing differs') == 2
