"""The file of --url-words: what is read of it, and what is wrong with one that cannot be read."""

import json
from pathlib import Path
from typing import Any

import pytest

from localxsoar.errors import UsageError
from localxsoar.webhooks.url_words import load_url_words

WORD = {'kind': 'parts', 'sentence': 'The name.', 'example': 'title'}


def written(folder: Path, content: Any) -> Path:
    file = folder / 'words.json'
    file.write_text(content if isinstance(content, str) else json.dumps(content), 'utf-8')
    return file


def test_words_are_read_in_their_order(tmp_path: Path) -> None:
    words = {'name': {**WORD, 'label': 'Name'}, 'also': {**WORD, 'kind': 'severity', 'scale': ['high', 'low']}, 'a': WORD}
    assert [*load_url_words(written(tmp_path, words)).items()] == [*words.items()]


@pytest.mark.parametrize(('content', 'reason'), [
    ('{', 'it is not JSON: Expecting'), ([], 'it is not a JSON object'), ({'name': 'title'}, 'the word name needs'),
    *(({'name': word}, 'the word name needs the texts .* its kind is one of text,') for word in (
        {'kind': 'parts'}, {**WORD, 'kind': 'word'}, {**WORD, 'kind': []}, {**WORD, 'label': 1},
        {**WORD, 'scale': [1]}, {**WORD, 'scale': 1}))])
def test_a_wrong_file_is_named_with_the_reason(tmp_path: Path, content: Any, reason: str) -> None:
    file = written(tmp_path, content)
    with pytest.raises(UsageError, match=reason) as error:
        load_url_words(file)
    assert str(error.value).startswith(f'--url-words {file}: ')


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'^--url-words .*none.json: No such file or directory\.$'):
        load_url_words(tmp_path / 'none.json')
