"""Where lines are printed: the width of the terminal, its colours, and how many columns a text takes there."""
from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass
from typing import TextIO

USUAL_COLUMNS = 80  # of a terminal that does not say how wide it is
COLOURS = {'good': '32', 'calm': '36', 'warning': '33', 'bad': '31', 'alarm': '1;31', 'faint': '2'}  # ECMA-48, 8.3.117


@dataclass(frozen=True)
class Terminal:
    """A terminal or, without a descriptor, a file or a pipe, which has neither width nor colours."""
    descriptor: int | None = None
    has_colours: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Terminal:
        """Return what the stream is connected to. NO_COLOR (no-color.org) and TERM=dumb turn colours off."""
        if not stream.isatty():
            return cls()
        return cls(stream.fileno(), not os.environ.get('NO_COLOR') and os.environ.get('TERM') != 'dumb')

    def columns(self) -> int | None:
        """Return the present width, which a person may change at any time, or None if lines may have any length."""
        if self.descriptor is None:
            return None
        try:
            return os.get_terminal_size(self.descriptor).columns or USUAL_COLUMNS
        except OSError:  # the window has been closed
            return USUAL_COLUMNS

    def paint(self, text: str, colour: str) -> str:
        """Return the text in a colour of COLOURS, or unchanged where there are no colours."""
        return f'\x1b[{COLOURS[colour]}m{text}\x1b[0m' if self.has_colours and colour else text


PLAIN = Terminal()


def width(text: str) -> int:
    """Return how many columns a text takes in a terminal."""
    return len(text) if text.isascii() else sum(map(character_width, text))


def character_width(character: str) -> int:
    """Return how many columns a character takes: none if it joins another, two for most of East Asia and emoji."""
    if unicodedata.category(character) in ('Mn', 'Me', 'Cf'):
        return 0
    return 2 if unicodedata.east_asian_width(character) in 'WF' else 1


def fit(text: str, columns: int | None) -> str:
    """Return the text, cut with an ellipsis if it is wider than so many columns."""
    if columns is None or width(text) <= columns:
        return text
    left = columns - 1
    for index, character in enumerate(text):
        left -= character_width(character)
        if left < 0:
            return f'{text[:index]}…'
    return text


def column(text: str, columns: int) -> str:
    """Return the text, cut or padded to exactly so many columns."""
    shown = fit(text, columns)
    return shown + ' ' * (columns - width(shown))
