"""Files that commands return: a container leaves them in its folder, and the server keeps them."""
from __future__ import annotations

import hashlib
import mimetypes
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

from localxsoar.errors import UsageError
from localxsoar.incidents.store import Store

FILE_ENTRY = 3
SAFE_ID = re.compile(r'[\w-]+')


class Folder:
    """The working directory of one container: what is left in it is deleted with the container."""

    @cached_property
    def path(self) -> Path:
        return Path(tempfile.mkdtemp(prefix='localxsoar-'))

    def keep_files(self, entries: Iterable[Any], investigation: str, store: Store) -> None:
        """Keep the files that a script has written for the server, named by their investigation and id, as the entries call them.

        Those that no entry mentions may be attachments of incidents.
        """
        names = {str(entry.get('FileID')): str(entry.get('File') or '') for entry in entries if isinstance(entry, Mapping)}
        for file in self.path.glob(f'{investigation}_*'):
            number = file.name.removeprefix(f'{investigation}_')
            if SAFE_ID.fullmatch(number) and file.is_file() and not file.is_symlink():
                name, _ = store.file(number) or (number, b'')  # an attachment of an incident has its name already
                store.keep_file(number, names.get(number) or name, file.read_bytes())

    def put(self, number: str, content: bytes) -> Path:
        """Write a kept file so that the container can read it, and return its path."""
        file = self.path / f'file_{number}'
        file.write_bytes(content)
        return file

    def delete(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def attached(incident: Mapping[str, Any], store: Store) -> Iterator[dict[str, Any]]:
    """Yield an entry for each attachment of an incident whose file is kept, and give the file its name."""
    attachments = incident.get('attachment')
    for each in attachments if isinstance(attachments, list) else []:
        number = str(each.get('path') or '') if isinstance(each, Mapping) else ''
        if kept := store.file(number):
            name = str(each.get('name') or number)
            store.keep_file(number, name, kept[1])
            yield {'Type': FILE_ENTRY, 'ContentsFormat': 'text', 'Contents': '', 'File': name, 'FileID': number}


def save_file(name: str, content: bytes) -> Path:
    """Save a file that a command returned, in place of an earlier one of its name, and return its path.

    Its folder is this user's own: nobody else can have put a link there. Raise UsageError if it cannot be saved.
    """
    folder = Path(tempfile.gettempdir(), f'localxsoar-{os.getuid()}')
    own_name = PurePath(name).name.replace('\0', '')
    file = folder / (own_name if own_name not in ('', '..') else 'file')
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise UsageError(f'{folder} belongs to somebody else: the file {name} is not saved there.')
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(f'{file}: {error.strerror}') from None
    return file


def describe_file(name: str, content: bytes) -> dict[str, Any]:
    """Return the fields of a file in the context."""
    kind = mimetypes.guess_type(name)[0] or 'application/octet-stream'
    return {'Name': name, 'Size': len(content), 'Extension': PurePath(name).suffix.removeprefix('.'), 'Info': kind, 'Type': kind,
            'MD5': hashlib.md5(content).hexdigest(), 'SHA1': hashlib.sha1(content).hexdigest(),
            'SHA256': hashlib.sha256(content).hexdigest()}
