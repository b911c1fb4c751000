"""The file in which a running local XSOAR writes its address, so that `./dev send` finds it at any port."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from localxsoar.errors import UsageError


@contextmanager
def announced(file: Path | None, url: str) -> Iterator[None]:
    """Keep the address in the file, if there is one, as long as the context lasts. Raise UsageError if that is impossible."""
    if not file:
        yield
        return
    try:
        file.write_text(f'{url}\n', 'utf-8')
    except OSError as error:
        raise UsageError(f'--url-file {file}: {error.strerror}.') from None
    try:
        yield
    finally:
        if announced_url(file) == url:  # another server may have written its own meanwhile
            file.unlink(missing_ok=True)


def announced_url(file: Path | None) -> str:
    """Return the address in the file, or ''."""
    with suppress(OSError, ValueError):
        return file.read_text('utf-8').strip() if file else ''
    return ''
