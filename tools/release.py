"""Set the version X.Y.Z wherever it occurs, and date the changelog's section. Commit nothing.

pack_metadata.json has the version; README.md, docs/install.md and the changelog repeat it, and a test compares them.
"""
from __future__ import annotations

import json
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

PACK = Path('Packs/GenericWebhook')
METADATA = PACK / 'pack_metadata.json'
CHANGELOG = Path('CHANGELOG.md')
DOCUMENTS = [Path('README.md'), *sorted(Path('docs').glob('*.md'))]
UNRELEASED = '## Unreleased\n'


def numbers(version: str) -> tuple[int, ...]:
    if not re.fullmatch(r'\d+\.\d+\.\d+', version):
        raise SystemExit(f"release: '{version}' is not a version of the form X.Y.Z.")
    return tuple(map(int, version.split('.')))


def release(version: str, day: str) -> None:
    metadata = json.loads(METADATA.read_text('utf-8'))
    changelog = CHANGELOG.read_text('utf-8')
    current = metadata['currentVersion']
    released = re.findall(r'^## (\d+\.\d+\.\d+)', changelog, re.MULTILINE)
    if numbers(version) < numbers(current) or version in released:
        raise SystemExit(f'release: {version} is not above {current}, the newest version.')
    changes = section(changelog)
    if not changes:
        raise SystemExit('release: CHANGELOG.md has nothing under Unreleased.')
    set_version([METADATA], rf'("currentVersion": "){re.escape(current)}"', rf'\g<1>{version}"')
    set_version(DOCUMENTS, rf'(Pack Generic Webhook |^\| the pack \| ){re.escape(current)}', rf'\g<1>{version}')
    CHANGELOG.write_text(changelog.replace(UNRELEASED + changes_with_space(changelog),
                                           f'{UNRELEASED}\n## {version} - {day}\n\n{changes}\n'), 'utf-8')
    if released:  # the platform wants no notes for a pack's first release
        notes = PACK / 'ReleaseNotes' / f'{version.replace(".", "_")}.md'
        notes.parent.mkdir(exist_ok=True)
        notes.write_text(release_notes(changes), 'utf-8')


def changes_with_space(changelog: str) -> str:
    return re.split(r'^(?=## )', changelog.partition(UNRELEASED)[2], maxsplit=1, flags=re.MULTILINE)[0]


def section(changelog: str) -> str:
    """Return the text under Unreleased, without the words that are true only before the release."""
    changes = changes_with_space(changelog).strip('\n')
    return re.sub(r'^\d+\.\d+\.\d+ will be the first release\.\n+', '', changes, flags=re.MULTILINE)


def set_version(files: list[Path], pattern: str, replacement: str) -> None:
    made = {file: re.subn(pattern, replacement, file.read_text('utf-8'), flags=re.MULTILINE) for file in files}
    if not any(found for _, found in made.values()):
        raise SystemExit(f'release: the version was not found in {files[0]}.')
    for file, (text, found) in made.items():
        if found:
            file.write_text(text, 'utf-8')


def release_notes(changes: str) -> str:
    """Return release notes in the platform's form: the kind of content, its name, and what its users need to know."""
    lines = [line for line in changes.splitlines() if line.startswith('- ')]
    return '\n'.join(['', '#### Integrations', '', '##### Generic Webhook', '', *lines, ''])


if __name__ == '__main__':
    release(sys.argv[1], datetime.now(timezone.utc).strftime('%Y-%m-%d'))
