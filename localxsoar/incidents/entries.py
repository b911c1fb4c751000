"""The entries of a War Room, formatted for a terminal."""
from __future__ import annotations

import json
import re
from itertools import groupby, zip_longest
from typing import Any

ERROR_ENTRY = 4
BAR = re.compile(r'(?<!\\)\|')  # between two cells: one in a cell is escaped
PLAYGROUND = 'playground'
OUTPUTS = 'outputs'  # the kind under which the store keeps an investigation's context


def readable(entry: dict[str, Any], file: str = '') -> str:
    """Return an entry's text: its Markdown with aligned tables, or else its contents; then its outputs as JSON.

    `file` is the path at which the entry's file has been saved.
    """
    contents = entry.get('Contents')
    text = entry.get('HumanReadable') or (contents if isinstance(contents, str) else json.dumps(contents, indent=2))
    if file:
        text = f"file {entry['File']}: {file}"
    outputs = entry.get('EntryContext')
    return align_tables(str(text)) + (f'\n{json.dumps(outputs, indent=2)}' if outputs else '')


def align_tables(markdown: str) -> str:
    """Return the Markdown with each table column padded to its widest cell."""
    aligned = []
    for is_table, group in groupby(markdown.split('\n'), lambda text: '|' in text):
        rows = [cells_of(text) if is_table else [text] for text in group]
        widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue='')]
        aligned += [' | '.join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return '\n'.join(aligned)


def cells_of(row: str) -> list[str]:
    """Return the cells of a table's row, without the escapes of bars in them."""
    cells = [cell.strip().replace('\\|', '|') for cell in BAR.split(row.strip())]
    return cells[not cells[0]:len(cells) - (not cells[-1])]
