"""Entries of a War Room as text: what a command prints of them."""

from typing import Any

import pytest

from localxsoar.incidents.entries import align_tables, readable


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
