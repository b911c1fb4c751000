"""What an error says, without the traceback before it."""

import pytest

from localxsoar.errors import message_of

FRAME = 'Traceback (most recent call last):\n  File "a", line 1, in b\n'


@pytest.mark.parametrize('error, words', [
    ('', 'An error without a message.'), ('one\ntwo', 'one\ntwo'), (f'{FRAME}    c\nE: d\n  e', 'E: d\n  e'),
    (f'a\n{FRAME}E: 1', f'a\n{FRAME}E: 1'), (f'{FRAME}E: 1\n\nDuring it\n\n{FRAME}    d\n    ^\nF: 2', 'F: 2')])
def test_the_message_of_an_error_comes_after_its_traceback(error: str, words: str) -> None:
    assert message_of(error) == words
