"""The repository's documents as tests read them: sections, tables, code blocks, commands."""

import re
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import yaml
from local_xsoar import ROOT
from tools.words import documents
from shared.webhook import PACK

INTEGRATION = PACK / 'Integrations/GenericWebhook'
MANUAL = INTEGRATION / 'README.md'
SENDER_GUIDES = sorted(file for file in (ROOT / 'docs/senders').glob('*.md') if file.name != 'README.md')
GUIDES = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').glob('*.md')), ROOT / 'docs/senders/README.md']
RECIPE = Path('docker/generic-webhook')
IN_THE_IMAGE = ('bottle', 'gevent', 'msgspec', 'multipart')
ALL = documents()
BLOCK = re.compile(r'^( *)```(\w*)\n(.*?)^ *```$', re.MULTILINE | re.DOTALL)


class Command(NamedTuple):
    """A command in a document, with what it is said to print."""

    text: str
    printed: str = ''

    def __str__(self) -> str:
        return self.text[:60]


def read(file: Path) -> str:
    return file.read_text('utf-8')


DESCRIPTOR = yaml.safe_load(read(INTEGRATION / 'GenericWebhook.yml'))


def read_tests() -> str:
    return '\n'.join(read(file) for folder in ('Tests', 'Packs') for file in (ROOT / folder).rglob('*test*.py'))


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block, without its indent."""
    return [(language, re.sub(f'^{indent}', '', block, flags=re.MULTILINE)) for indent, language, block in BLOCK.findall(text)]


def prose(text: str) -> str:
    """All but the fenced blocks."""
    return BLOCK.sub('', text)


def quoted(text: str) -> list[str]:
    """Return what is in backticks; a fence of three is not a pair of them."""
    return re.findall('(?<!`)`([^`]+)`(?!`)', text)


def section(text: str, title: str) -> str:
    """Return the text under a heading, with its subsections."""
    match = re.search(rf'^(##+) {re.escape(title)}\n', text, re.MULTILINE)
    assert match, f'there is no section {title}'
    return re.split(rf'^##{{1,{len(match[1]) - 1}}} ', text[match.end():], maxsplit=1, flags=re.MULTILINE)[0]


def chapter(title: str) -> str:
    """The section of the one guide that has this heading, wherever it was moved to."""
    found = [text for text in map(read, GUIDES) if f'\n## {title}\n' in text]
    assert len(found) == 1, f'{title} is in {len(found)} guides'
    return section(found[0], title)


def table(text: str, *header: str) -> list[list[str]]:
    """The cells of the table with this header, with nothing of their markup but backticks."""
    rows = [[cell.strip().replace('*', '') for cell in line.strip('|').split('|')] if line.startswith('|') else []
            for line in map(str.strip, text.splitlines())]
    return list(takewhile(bool, rows[rows.index(list(header)) + 2:]))


def commands(text: str) -> list[Command]:
    """Those in blocks, and those of ours in the text. A block that begins with `#!` is a file, which Tests/programs tries."""
    found: list[Command] = []
    for language, block in code_blocks(text):
        if language == 'console':
            parts = re.split(r'^\$ ', block, flags=re.MULTILINE)[1:]
            found += [Command(command, printed) for command, _, printed in (part.partition('\n') for part in parts)]
        elif (language in ('sh', 'bash') and not block.startswith('#!')) or block.startswith('/'):
            found += [Command(re.sub(r'\s+#.*', '', line)) for line in block.splitlines() if line.strip()]
    return found + [Command(code) for code in re.findall(r'`((?:[A-Z]+=\S+ )?(?:\./dev|python -m|rm) [^`]+)`', prose(text))]


def severity_words() -> dict[str, float]:
    """Return the words that the guide says to mean a severity, each with it, as spelled there."""
    rows = table(read(ROOT / 'docs/usage.md'), 'severity', 'words')
    return {word: float(severity) for severity, words in rows for word in words.split(', ')}
