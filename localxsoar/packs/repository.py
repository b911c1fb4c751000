"""Files of the content repository around a pack, and CommonServerPython wherever this machine has it."""
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

IN_REPOSITORY = 'Packs/{}/Scripts/{}/{}.py'
NAME = 'CommonServerPython'
OF_BASE = IN_REPOSITORY.format('Base', NAME, NAME)
SDK_CACHE = '.demisto-sdk/cache'
# It is found there from then on, for every pack.
HOW_TO_GET = (f'curl --create-dirs -fLo ~/{SDK_CACHE}/{OF_BASE} '
              f'https://raw.githubusercontent.com/demisto/content/master/{OF_BASE}')


def find_in_repository(path: Path, name: str) -> Path | None:
    """Return the file with this name in the content repository around the pack, or None."""
    candidates = (folder / name for folder in path.resolve().parents if (folder / 'Packs').is_dir())
    return next((file for file in candidates if file.is_file()), None)


def find_common_server_python(path: Path) -> Path | None:
    """Return the file of CommonServerPython for a pack, or None.

    It is looked for in the content repository around the pack, in the one that demisto-sdk is set to or that is the current
    folder, in a pack Base beside the pack, and in the cache of demisto-sdk.
    """
    return next((file for file in _candidates(path) if file and file.is_file()), None)


def _candidates(path: Path) -> Iterator[Path | None]:
    here = Path.cwd() / 'Packs'
    for name in (OF_BASE, f'{NAME}.py'):
        yield find_in_repository(path, name)
    if content := os.environ.get('DEMISTO_SDK_CONTENT_PATH'):
        yield Path(content, OF_BASE)
    yield find_in_repository(here, OF_BASE)
    for folder in list(path.resolve().parents)[:3]:  # of a pack, of an integration's folder, of its descriptor
        yield folder / 'Base/Scripts' / NAME / f'{NAME}.py'
    cache = Path.home() / SDK_CACHE
    for name in (OF_BASE, f'content/{OF_BASE}', f'{NAME}.py'):
        yield cache / name
