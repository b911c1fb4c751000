"""The entries of a War Room, as a person reads them."""
from __future__ import annotations

import json
import tempfile
from itertools import groupby, zip_longest
from typing import Any

PLAYGROUND = 'playground'


def readable(entry: dict[str, Any]) -> str:
    """An entry as a War Room shows it: Markdown with its tables aligned, else the contents; then the outputs as JSON."""
    contents = entry.get('Contents')
    text = entry.get('HumanReadable') or (contents if isinstance(contents, str) else json.dumps(contents, indent=2))
    if entry.get('File'):
        text = f"file {entry['File']}: {tempfile.gettempdir()}/{PLAYGROUND}_{entry.get('FileID')}"
    outputs = entry.get('EntryContext')
    return align_tables(str(text)) + (f'\n{json.dumps(outputs, indent=2)}' if outputs else '')


def align_tables(markdown: str) -> str:
    """The Markdown with the columns of each table as wide as their widest cell."""
    lines = []
    for is_table, group in groupby(markdown.split('\n'), lambda line: '|' in line):
        rows = [[cell.strip() for cell in line.strip().strip('|').split('|')] if is_table else [line] for line in group]
        widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue='')]
        lines += [' | '.join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return '\n'.join(lines)
