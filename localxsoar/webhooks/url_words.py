"""The words that a pack reads in the URL of a sender, from the file of --url-words: the page writes such URLs."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localxsoar.errors import UsageError

# What the value of a word is. The page knows how to write each of them.
KINDS = ('text', 'path', 'part', 'parts', 'severity', 'key', 'conditions', 'threshold')
NEEDED = ('kind', 'sentence', 'example')


def load_url_words(file: Path) -> dict[str, dict[str, Any]]:
    """Return the words by name, in the order of the file. Raise UsageError, with the file's name, if it is wrong.

    Each word has a `kind`, a `sentence` that explains it, and an `example` of a value. One with a `label` can be chosen for a key
    of a payload; a severity may have the names of its `scale`, the gravest first.
    """
    try:
        words = json.loads(file.read_text('utf-8'))
        return {name: check_word(name, word) for name, word in words.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f'--url-words {file}: {error}') from None


def check_word(name: str, word: dict[str, Any]) -> dict[str, Any]:
    """Return the word. Raise ValueError if something of it is missing or wrong."""
    texts = [*(word.get(key) for key in NEEDED), word.get('label', ''), *word.get('scale', [])]
    if not all(isinstance(text, str) for text in texts) or word['kind'] not in KINDS:
        raise ValueError(f'the word {name} needs the texts {", ".join(NEEDED)}; its kind is one of {", ".join(KINDS)}.')
    return word
