"""Everything that is written from the folders of senders: which files, and where in them."""
from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tools.senders import guides, manual, tables
from tools.senders.folders import Folder

SCRIPT = 'Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.py'
# What is written into the sources of the receiver, and likewise into the script that is built from them.
SOURCES = {'receiver/senders.py': 'rows', 'receiver/proof/schemes.py': 'schemes', 'receiver/queue/posts.py': 'delivery ids'}
# The tables of a script that can be loaded, with no sender.
EMPTY = {'rows': "SENDERS = 'nobody\\n    identified by  nobody'", 'schemes': '', 'delivery ids': ''}
GUIDES = 'docs/senders'
MARKED = '<!-- Written by ./dev senders from '  # in the first line of a file that is written as a whole
# What is between the lines `... Written by ./dev senders: NAME` and `... The end of NAME` of each file.
Writer = Callable[[dict[str, Folder]], str]
BLOCKS: dict[str, dict[str, Writer]] = {
    'docs/balancer/haproxy.cfg': {'delivery ids': tables.haproxy_ids},
    'docs/balancer/nginx.conf': {'pairs of headers': tables.nginx_maps, 'delivery ids': tables.nginx_ids},
    'README.md': {'number of senders': guides.number_of_senders},
    'docs/usage.md': {'words of the URL': tables.url_words, 'words of severities': manual.severity_words,
                      'delivery ids': tables.usage_ids},
    'docs/maintain.md': {'senders that lose events': guides.lost_list},
    'docs/senders/README.md': {'the table of senders': guides.senders_table, 'senders without a guide': guides.others_table,
                               'senders that report an end': guides.ends_list, 'headers of signatures': guides.signatures_list},
    'Packs/GenericWebhook/Integrations/GenericWebhook/README.md': {
        'parameters': manual.parameters, 'arguments': manual.arguments, 'outputs': manual.outputs,
        'guides by kind': guides.kinds_list},
}


def files_of(root: Path, folders: dict[str, Folder]) -> dict[str, str | None]:
    """Return the new text of each file that is not as the folders say, and None for a guide that is no longer there."""
    files: dict[str, str | None] = {}
    script = tables.script_blocks(folders)
    files[SCRIPT] = replaced((root / SCRIPT).read_text('utf-8'), script, SCRIPT)
    for file, name in SOURCES.items():
        files[file] = replaced((root / file).read_text('utf-8'), {name: script[name]}, file)
    for file, blocks in BLOCKS.items():
        texts = {name: write(folders) for name, write in blocks.items()}
        files[file] = replaced((root / file).read_text('utf-8'), texts, file)
    written = {f'{GUIDES}/{name}': text for name, text in guides.guides(folders).items()}
    old = [str(file.relative_to(root)) for file in (root / GUIDES).glob('*.md') if file.read_text('utf-8').startswith(MARKED)]
    files.update(dict.fromkeys(file for file in old if file not in written))
    files.update(written)
    return {file: text for file, text in files.items() if text != current(root / file)}


def current(file: Path) -> str | None:
    """Return the text of a file, or None if there is none."""
    return file.read_text('utf-8') if file.exists() else None


def replaced(text: str, blocks: dict[str, str], file: str) -> str:
    """Return a text with new blocks between its marks. Raise ValueError if a mark is missing."""
    for name, block in blocks.items():
        mark = rf'(?ms)^([^\n]*Written by \./dev senders: {re.escape(name)}\b[^\n]*\n).*?^([^\n]*The end of {re.escape(name)}\b)'
        if not re.search(mark, text):
            raise ValueError(f'{file} has no marks of {name}')
        text = re.sub(mark, partial(between, block), text)
    return text


def between(block: str, marks: re.Match[str]) -> str:
    """Return a block between its marks, which stay."""
    return f'{marks[1]}{block}\n{marks[2]}'
