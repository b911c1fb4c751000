"""Collect what a release offers for download in dist/release: the pack's zip, the image's recipe, the notes, and further files.

Beside each file is its SHA-256, in the form that `sha256sum -c` reads. The same commit gives the same bytes. Usage:
release_files.py X.Y.Z [FILE ...], once tools/releases/zip-pack has made the zip.
"""
from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import sys
import tarfile
from pathlib import Path

NOTES = Path('Packs/GenericWebhook/ReleaseNotes')
ZIP = Path('dist/uploadable_packs/GenericWebhook.zip')
RECIPE = Path('docker/generic-webhook')
RECIPE_FILES = ('Dockerfile', 'build.conf', 'poetry.lock', 'pyproject.toml', 'requirements.txt', 'verify.py')
FOLDER = Path('dist/release')


def collect(version: str, further_files: list[Path]) -> None:
    """Write every file of the release `version`; raise SystemExit if its notes or the zip are missing."""
    notes = NOTES / f'{version.replace(".", "_")}.md'
    for file, command in ((ZIP, './dev test -e sdk'), (notes, f'./dev release {version}')):
        if not file.exists():
            raise SystemExit(f'release: {file} is missing. Run `{command}` first.')
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for file in (ZIP, *further_files):
        shutil.copyfile(file, FOLDER / file.name)
    (FOLDER / f'{RECIPE.name}-image-recipe.tar.gz').write_bytes(recipe_archive())
    shutil.copyfile(notes, FOLDER / 'release-notes.md')
    for file in list(FOLDER.iterdir()):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        (FOLDER / f'{file.name}.sha256').write_text(f'{digest}  {file.name}\n', 'ascii')


def recipe_archive() -> bytes:
    """Return the folder of the recipe as a .tar.gz without times, owners or anything else that the machine decides."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode='w', format=tarfile.USTAR_FORMAT) as made:
        for name in RECIPE_FILES:
            content = (RECIPE / name).read_bytes()
            member = tarfile.TarInfo(f'{RECIPE.name}/{name}')
            member.size, member.mode = len(content), 0o644
            made.addfile(member, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)


if __name__ == '__main__':
    collect(sys.argv[1], [Path(name) for name in sys.argv[2:]])
