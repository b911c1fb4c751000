"""The words that a pack reads in the URL of a sender, from the file of --url-words: the page writes such URLs."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from localxsoar.errors import UsageError

# What the value of a word is. The page knows how to write each of them.
KINDS = ('text', 'path', 'part', 'parts', 'severity', 'key', 'conditions', 'threshold', 'watch')
NEEDED = ('kind', 'sentence', 'example')


def load_url_words(file: Path) -> dict[str, dict[str, Any]]:
    """Return the words by name, in the order of the file. Raise UsageError, with the file's name, if it is wrong.

    Each word has a `kind`, a `sentence` that explains it, and an `example` of a value. One with a `label` can be chosen for a key
    of a payload; a severity may have the names of its `scale`, the gravest first.
    """
    try:
        words = json.loads(file.read_text('utf-8'))
    except OSError as error:
        raise UsageError(f'--url-words {file}: {error.strerror}.') from None
    except ValueError as error:
        raise UsageError(f'--url-words {file}: it is not JSON: {error}.') from None
    if not isinstance(words, dict):
        raise UsageError(f'--url-words {file}: it is not a JSON object.')
    for name, word in words.items():
        if not is_word(word):
            raise UsageError(f'--url-words {file}: the word {name} needs the texts {", ".join(NEEDED)}; '
                             f'its kind is one of {", ".join(KINDS)}.')
    return words


def is_word(word: Any) -> bool:
    """Return whether a word has all that it needs, and nothing else than texts."""
    if not isinstance(word, dict) or not isinstance(word.get('scale', []), list):
        return False
    texts = [*(word.get(key) for key in NEEDED), word.get('label', ''), *word.get('scale', [])]
    return all(isinstance(text, str) for text in texts) and word['kind'] in KINDS
