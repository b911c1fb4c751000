"""Count the words of the documents that are maintained by hand: python -m tools.words

These are the words of all Markdown of the repository, without what a program writes or a test runs: files and blocks that begin
with `Written by`, and fenced blocks of code. The changelog does not count, because its entries are written once. A word holds a
letter or a digit, so the bars of a table are none.
"""
from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOT_MAINTAINED = {'CHANGELOG.md'}
MADE = 'dist'  # beside the folders whose names begin with a dot
WRITTEN = re.compile(r'(?ms)^[^\n]*<!-- Written by .*?^[^\n]*<!-- The end of [^\n]*')
CODE = re.compile(r'(?ms)^ *```.*?^ *```$')


def maintained() -> dict[str, int]:
    """Return the number of maintained words of each document that has some."""
    files = {file.relative_to(ROOT): file for file in ROOT.rglob('*.md')}
    words = {str(name): count(file.read_text('utf-8')) for name, file in files.items()
             if not any(part == MADE or part.startswith('.') for part in name.parts)}
    return {name: number for name, number in words.items() if number and name not in NOT_MAINTAINED}


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
