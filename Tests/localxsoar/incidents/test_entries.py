"""Entries of a War Room as text, as a command prints them, and their files."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from localxsoar.errors import UsageError
from localxsoar.incidents.entries import align_tables, readable
from localxsoar.incidents.files import Folder, save_file
from localxsoar.incidents.store import Store


@pytest.mark.parametrize('entry, text', [
    ({'HumanReadable': 'read', 'Contents': 'not this'}, 'read'), ({'Contents': 'text'}, 'text'),
    ({'Contents': {'a': 1}}, '{\n  "a": 1\n}'),
    ({'HumanReadable': 'read', 'EntryContext': {'A': 1}}, 'read\n{\n  "A": 1\n}'), ({'HumanReadable': '', 'Contents': []}, '[]')])
def test_an_entry_is_its_readable_text_or_its_contents_then_its_outputs(entry: Any, text: str) -> None:
    assert readable(entry) == text


def test_a_files_entry_says_where_the_file_is() -> None:
    assert readable({'File': 'a.txt', 'FileID': '7', 'Contents': ''}, '/tmp/x/a.txt') == 'file a.txt: /tmp/x/a.txt'


def test_the_columns_of_each_table_are_aligned_and_other_lines_are_left_alone() -> None:
    assert align_tables('# Title\n|a|long|\n|---|---|\n| longer | b |\n|c|\n\ntext  \n|x|y|\n|a\\|b|z|') == (
        '# Title\na      | long\n---    | ---\nlonger | b\nc\n\ntext\nx   | y\na|b | z')


def test_a_file_of_the_investigation_is_kept_by_the_name_in_its_entry_but_no_link(tmp_path: Path) -> None:
    store, folder = Store(), Folder()
    (tmp_path / 'secret').write_text('of this machine')
    for name in ('playground_a', 'playground_b c', '7_d', 'playground_e'):
        (folder.path / name).write_text(name)
    (folder.path / 'playground_f').symlink_to(tmp_path / 'secret')
    folder.keep_files([{'FileID': 'a', 'File': 'a.txt'}, 'text'], 'playground', store)
    folder.delete()
    assert {number: kept for number in ('a', 'b c', 'd', 'e', 'f') if (kept := store.file(number))} == {
        'a': ('a.txt', b'playground_a'), 'e': ('e', b'playground_e')}
    assert not folder.path.exists()


@pytest.mark.parametrize('name, saved', [('a.txt', 'a.txt'), ('../../b', 'b'), ('..', 'file'), ('', 'file'), ('c/d\0', 'd')])
def test_a_file_is_saved_in_a_folder_of_the_user_whatever_its_name(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, saved: str) -> None:
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    file = save_file(name, b'content')
    assert (file, file.read_bytes()) == (tmp_path / f'localxsoar-{os.getuid()}' / saved, b'content')
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_no_file_is_saved_through_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    (tmp_path / f'localxsoar-{os.getuid()}').symlink_to(tmp_path)
    with pytest.raises(UsageError, match=r'belongs to somebody else: the file a\.txt is not saved there'):
        save_file('a.txt', b'content')
