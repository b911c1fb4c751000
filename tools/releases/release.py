"""Set the version X.Y.Z wherever it occurs, name the release notes after it, and date the changelog's section. Commit nothing.

With --begin, leave the changelog alone: for the first change after a release, which makes a new version and its notes.
"""
from __future__ import annotations

import argparse
import json
import re
from datetime import datetime, timezone
from pathlib import Path

PACK = Path('Packs/GenericWebhook')
INTEGRATION = PACK / 'Integrations/GenericWebhook'
METADATA = PACK / 'pack_metadata.json'
CHANGELOG = Path('CHANGELOG.md')
UNRELEASED = '## Unreleased\n'
# pack_metadata.json has the version. These repeat it behind one of these texts, and tests compare them.
BEFORE = r'''^VERSION = '|"currentVersion": "|Generic Webhook |^\| the pack \| |\(version '''
FILES = [METADATA, INTEGRATION / 'GenericWebhook.py', Path('receiver/commands.py'), INTEGRATION / 'README.md', Path('README.md'),
         *sorted(Path('docs').glob('*.md'))]
NEW_NOTES = '\n#### Integrations\n\n##### Generic Webhook\n\n- %%UPDATE_RN%%\n'  # with a mark that the platform's checks reject


def numbers(version: str) -> tuple[int, ...]:
    if not re.fullmatch(r'\d+\.\d+\.\d+', version):
        raise SystemExit(f"release: '{version}' is not a version of the form X.Y.Z.")
    return tuple(map(int, version.split('.')))


def notes(version: str, suffix: str = '.md') -> Path:
    """Return the file that has the release notes of a version or, with '.json', says that it breaks something."""
    return PACK / 'ReleaseNotes' / f'{version.replace(".", "_")}{suffix}'


def begin(version: str) -> None:
    """Set the version in every place. The notes of a version that was not released become those of this one."""
    current = json.loads(METADATA.read_text('utf-8'))['currentVersion']
    released = re.findall(r'^## (\d+\.\d+\.\d+)', CHANGELOG.read_text('utf-8'), re.MULTILINE)
    if numbers(version) < numbers(current) or version in released:
        raise SystemExit(f'release: {version} is not above {current}, the newest version.')
    for file in FILES:
        text = file.read_text('utf-8')
        file.write_text(re.sub(rf'({BEFORE}){re.escape(current)}\b', rf'\g<1>{version}', text, flags=re.MULTILINE), 'utf-8')
    notes(version).parent.mkdir(exist_ok=True)
    for suffix in ('.md', '.json') if current not in released else ():
        if notes(current, suffix).exists():
            notes(current, suffix).rename(notes(version, suffix))
    if not notes(version).exists():
        notes(version).write_text(NEW_NOTES, 'utf-8')


def release(version: str, day: str) -> None:
    """Set the version, and date what is under Unreleased."""
    changelog = CHANGELOG.read_text('utf-8')
    head, _, after = changelog.partition(UNRELEASED)
    changes, *older = re.split(r'^(?=## )', after, maxsplit=1, flags=re.MULTILINE)
    if not changes.strip():
        raise SystemExit('release: CHANGELOG.md has nothing under Unreleased.')
    begin(version)
    CHANGELOG.write_text(f'{head}{UNRELEASED}\n## {version} - {day}\n{changes}{"".join(older)}', 'utf-8')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(prog='tools/releases/release.py', description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('version', metavar='X.Y.Z')
    parser.add_argument('--begin', action='store_true', help='only set the version, and make its notes if there are none')
    options = parser.parse_args()
    if options.begin:
        begin(options.version)
    else:
        release(options.version, datetime.now(timezone.utc).strftime('%Y-%m-%d'))
