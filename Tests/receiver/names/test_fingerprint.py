"""What the script makes of thousands of known events is what is recorded: python -m tools.fingerprint says what differs."""
from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from local_xsoar import ROOT
from tools.fingerprint import SOURCES, Change, changes, recorded, report, results
from shared.webhook import changed_pack

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


CHANGES = {"'name': event.name() or": "'name': event.name().upper() or",
           'return without_error_markers(chosen) if chosen': 'return chosen.upper() if chosen'}


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the tools read and write, with a script that gives other names and types than the one that git has."""
    folder = tmp_path_factory.mktemp('repository')
    for name in ('tools', 'Tests/corpus'):
        shutil.copytree(ROOT / name, folder / name)
    for name in ('localxsoar', 'senders', 'shared'):
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
    return subprocess.run([sys.executable, '-m', f'tools.{name}', *arguments], cwd=folder, env=environment, text=True,
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


def test_whoever_judges_sees_both_without_knowing_which_is_new_and_the_score_counts_the_new_ones(folder: Path) -> None:
    drawn = tool(folder, 'blind', 'draw', 'HEAD', '12', 'judged')
    assert drawn.stdout.startswith('12 of '), drawn.stderr
    page = (folder / 'judged/to_judge.md').read_text('utf-8')
    names = re.findall(r'(?m)^- ([AB]): name: (.*)$', page)
    is_new = [text.isupper() for _, text in names]
    assert len(names) == 24 and is_new[::2] == [not each for each in is_new[1::2]] and len({*is_new[::2]}) == 2
    for better, verdict in ((True, 0), (False, 1)):
        chosen = [letter for (letter, _), new in zip(names, is_new, strict=True) if new is better][:9]
        lines = [*(f'{number} {letter}' for number, letter in enumerate(chosen, 1)), '10 =', '11 =']
        (folder / 'judged/verdicts.txt').write_text('\n'.join(lines))
        scored = tool(folder, 'blind', 'score', 'judged')
        counts = (9, 0) if better else (0, 9)
        assert (scored.returncode, scored.stdout) == (
            verdict, 'better {}, worse {}, neither 2, not judged 1\n'.format(*counts)), scored.stderr
