"""What a test shows of the platform: `localxsoar/FACTS.md` lists it."""

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar('Test', bound=Callable[..., object])
SOURCES = ('documented', 'seen', 'inferred', 'guessed')


def fact(source: str, behaviour: str) -> Callable[[Test], Test]:
    """Mark a test that holds a behaviour of the platform, and say where it is known from: one of SOURCES."""
    assert source in SOURCES and behaviour
    return lambda test: test
