"""Writes a pack's zip again, so that the same files give the same bytes: no time of the machine is in it. ZIP CHANGELOG"""
from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path

METADATA = 'metadata.json'
READABLE = 0o644 << 16  # as a zip keeps the rights of a file


def release_date(changelog: Path) -> str:
    """Return the day of the newest release, or none before the first one."""
    newest = re.search(r'^## \d+\.\d+\.\d+ - (\d{4}-\d\d-\d\d)$', changelog.read_text('utf-8'), re.MULTILINE)
    return f'{newest[1]}T00:00:00Z' if newest else ''


def dated(metadata: bytes, updated: str) -> bytes:
    """Set the date of the update to that of the release, or before the first one to that of the creation."""
    fields = json.loads(metadata)
    return json.dumps(fields | {'updated': updated or fields['created']}, indent=4).encode()


def rewrite(file: Path, updated: str) -> None:
    with zipfile.ZipFile(file) as old:
        content = {name: old.read(name) for name in sorted(old.namelist()) if not name.endswith('/')}
    content[METADATA] = dated(content[METADATA], updated)
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as new:
        for name, data in content.items():
            member = zipfile.ZipInfo(name)  # of 1980, the oldest that a zip knows
            member.external_attr = READABLE
            member.create_system = 3  # the rights are those of Unix, wherever it is made
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, data)


if __name__ == '__main__':
    rewrite(Path(sys.argv[1]), release_date(Path(sys.argv[2])))
