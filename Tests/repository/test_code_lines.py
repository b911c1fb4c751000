"""The counter of code lines: what it counts as code, and what belongs to which section."""
from __future__ import annotations

from tools.code_lines import Size, sections

SCRIPT = """'''What it is,
in two lines.'''
import re  # with a comment

''' NAMES '''

# Only a comment.
SENDERS = [
    1,

    2]


def above(text):
    '''Say what it does.'''
    async def inside():
        return '''one

three'''
    return (inside(),
            text)


''' MAIN '''
LAST = above(f'''
{1}''')
"""


def test_each_section_has_its_lines_with_code_and_its_functions_and_the_generated_rows_are_apart() -> None:
    assert sections(SCRIPT) == {
        '': Size(lines=4, code=1, functions=0),
        'NAMES': Size(lines=15, code=6, functions=2),
        'rows of SENDERS': Size(lines=4, code=3, functions=0),
        'MAIN': Size(lines=3, code=2, functions=0)}
