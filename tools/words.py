"""Count the words of the documents that are maintained by hand: python -m tools.words

These are the words of all Markdown of the repository, without what a program writes or a test runs: files and blocks that begin
with `Written by`, and fenced blocks of code. The changelog and release notes do not count, because they are written once, and
neither do senders' guides, which have a bound of their own. A word holds a letter or a digit, so the bars of a table are none.
"""
from __future__ import annotations

import re
from pathlib import Path

from tools.tree import ROOT, own_files

NOT_MAINTAINED = ('CHANGELOG.md', 'senders/*/guide.md')
WRITTEN = re.compile(r'(?ms)^[^\n]*<!-- Written by .*?^[^\n]*<!-- The end of [^\n]*')
CODE = re.compile(r'(?ms)^ *```.*?^ *```$')


def documents(root: Path = ROOT) -> list[Path]:
    """Return all documents, without release notes."""
    return [file for file in own_files('*.md', root) if file.parent.name != 'ReleaseNotes']


def maintained() -> dict[str, int]:
    """Return the number of maintained words of each document that has some."""
    words = {str(file.relative_to(ROOT)): count(file.read_text('utf-8')) for file in documents()
             if not any(file.relative_to(ROOT).match(pattern) for pattern in NOT_MAINTAINED)}
    return {name: number for name, number in words.items() if number}


def count(text: str) -> int:
    """Return the number of words in a document that a person maintains."""
    if text.startswith('<!-- Written by '):
        return 0
    prose = CODE.sub('', WRITTEN.sub('', text))
    return sum(any(character.isalnum() for character in word) for word in prose.split())


if __name__ == '__main__':
    numbers = maintained()
    for name, number in sorted(numbers.items(), key=lambda item: -item[1]):
        print(f'{number:6} {name}')
    print(f'{sum(numbers.values()):6} in all')
