"""Documents, docstrings and messages avoid the phrases that stopped native readers, and use the words of the glossary."""
from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from documents import ALL, MADE
from local_xsoar import ROOT

# What is avoided, and what says it better.
AVOIDED = {
    r'\banew\b': 'again, or new',
    r'(?<![Tt]here )(?<!`` )\b(?:is|are) none\b': 'is not one, or invalid',
    r'(?<![Tt]here )\b(?:is|are) no (?!longer\b|more than\b)': 'is not a',
    r'\*\*Mind\*\*|(?:^|[.:;!?] )Mind ': 'Note',
    r'\btold\b(?! apart\b)': 'said, or notified',
    r'\bstands?\b(?! for\b| in for\b|-in\b)': 'is, appears',
    r'\bat best\b': 'ideally at least',
    r'\bsooner\b': 'faster',
    r'\brefus(?:e|es|ed|ing|al|als)\b': 'reject, rejection',
    r'(?:^|[.!?] |\| |\*\* )[Ww]ho(?:ever)? (?!can \|)': 'anyone who, or a sender that',
    r'\blet in\b': 'accept',
    r'\bforeign payload': 'third-party payload',
    r'\bhangs? on the\b': 'depends on the',
    r'\bto the letter\b': 'exactly as sent',
    r'\bin order\.': 'healthy',
    r'\b(?:here|this) (?:was|is) written\b': 'leave out how it was made',
    r'\b(?:second|minute) here\b': 'leave out how it was made',
}
# Exact texts in which such a phrase is right.
ALLOWED = (
    'call_delay_ms, incident_delay_ms, refuse, drop,',  # the name of a fault
    '- refuse: send an error reply',
    'as the fault "refuse" demands',
)
HAS_MESSAGES = ('Packs', 'localxsoar', 'tools', 'bench')
SOURCES = sorted(file for file in ROOT.rglob('*.py') if not any(
    part in MADE or part.startswith('.') for part in file.relative_to(ROOT).parts))


def prose_of_a_document(file: Path) -> Iterator[str]:
    """Yield the lines of a document without what is in backticks or fenced."""
    text = re.sub(r'^ *```.*?^ *```', '', file.read_text('utf-8'), flags=re.MULTILINE | re.DOTALL)
    yield from text.splitlines()


def prose_of_a_source(file: Path) -> Iterator[str]:
    """Yield the docstrings of a module and, unless it is a test, every text that may be a message."""
    for node in ast.walk(ast.parse(file.read_text('utf-8'))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from re.split(r'\n\s*\n|(?<=[.!?])\s', ast.get_docstring(node) or '')
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and ' ' in node.value and is_message_source(file):
            yield node.value


def is_message_source(file: Path) -> bool:
    """Return whether the texts of a module may reach a user."""
    return file.relative_to(ROOT).parts[0] in HAS_MESSAGES and 'test' not in file.stem


def avoided(text: str) -> list[str]:
    """Return the phrases of a text that are avoided, each with what says it better."""
    bare = re.sub('`[^`]*`', '``', ' '.join(text.split()))
    return [f'{match[0]!r} (better: {better}) in: {bare[max(0, match.start() - 60):match.end() + 60]}'
            for phrase, better in AVOIDED.items() for match in re.finditer(phrase, bare, re.MULTILINE)
            if not any(allowed in ' '.join(text.split()) for allowed in ALLOWED)]


@pytest.mark.parametrize('file', [*ALL, *SOURCES], ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_is_in_plain_words(file: Path) -> None:
    texts = prose_of_a_document(file) if file.suffix == '.md' else prose_of_a_source(file)
    assert [found for text in texts for found in avoided(text)] == []


def test_an_exception_is_still_needed() -> None:
    everything = ' '.join(' '.join(text.split()) for file in SOURCES for text in prose_of_a_source(file))
    assert [allowed for allowed in ALLOWED if allowed not in everything] == []


@pytest.mark.parametrize('text', [
    'Set it up anew.', 'A date that is none is rejected.', 'What is no JSON is text.', '- **Mind**: one thing.',
    'Who knows it may make one.',
    'Of equal refusals ten are told.', 'It stands in no log.', 'A token has at best 32 characters.', 'It is 17 times sooner.'])
def test_a_phrase_that_stopped_readers_is_found(text: str) -> None:
    assert avoided(text)


@pytest.mark.parametrize('text', [
    'Return None if there is none.', 'There is no instance of that name.', 'It is no longer needed.',
    '`...` stands for anything.',
    'Anyone who knows it can create incidents.', 'See `test_a_bad_token_is_refused`.'])
def test_a_plain_sentence_is_not(text: str) -> None:
    assert avoided(text) == []
