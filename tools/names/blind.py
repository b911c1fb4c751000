"""Judge blindly what the general rule finds otherwise: python -m tools.names.blind draw REVISION NUMBER FOLDER, then score FOLDER

`draw` takes as many payloads of the corpus whose name, time or severity differs from a revision; SEED alone sets their order. It
writes FOLDER/to_judge.md, in which A or B is the new one by chance, and FOLDER/key.json, which says which. Whoever judges has not
seen the code, and writes FOLDER/verdicts.txt: a line such as `17 A` for the better one, or `17 =` if neither is.
"""
from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from tools.names.against import changes_since
from tools.names.fingerprint import Change, of_corpus, shown

SEED = 'one reader of events'
USAGE = 'usage: python -m tools.names.blind draw REVISION NUMBER FOLDER | python -m tools.names.blind score FOLDER'


def draw(revision: str, number: int, folder: Path) -> None:
    """Write what is to be judged, and the key."""
    cases = {case.title: case for case in of_corpus()}
    differing: dict[str, list[Change]] = defaultdict(list)
    for change in changes_since(revision, [*cases.values()]):
        if change.is_general:
            differing[change.title].append(change)
    key, pages = {}, []
    for count, title in enumerate(sorted(differing, key=by_chance)[:number], 1):
        found = {'old': [f'{each.column}: {shown(each.old)}' for each in differing[title]],
                 'new': [f'{each.column}: {shown(each.new)}' for each in differing[title]]}
        key[f'{count}'] = {'A': ('old', 'new'), 'B': ('new', 'old')}['AB'[by_chance(title)[-1] % 2]]
        told = '\n'.join(f'- {letter}: {"; ".join(found[whose])}' for letter, whose in zip('AB', key[f'{count}'], strict=True))
        headers = {name: value for name, value in cases[title].headers.items() if name != 'Authorization'}
        body = json.dumps(json.loads(cases[title].body), indent=1, ensure_ascii=False)
        pages.append(f'## {count}\n\n{told}\n\n```\n{headers or ""}\n{body}\n```\n')
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'to_judge.md').write_text('\n'.join(pages), 'utf-8')
    (folder / 'key.json').write_text(json.dumps(key), 'utf-8')
    print(f'{len(key)} of {len(differing)} differing payloads are in {folder}/to_judge.md')


def by_chance(title: str) -> bytes:
    return hashlib.sha256(f'{SEED} {title}'.encode()).digest()


def score(folder: Path) -> int:
    """Print how many new ones are better, worse, neither, and not judged; return 1 if more are worse than better."""
    key: dict[str, tuple[str, str]] = json.loads((folder / 'key.json').read_text('utf-8'))
    lines = (folder / 'verdicts.txt').read_text('utf-8').upper().splitlines()
    verdicts = dict(line.split()[:2] for line in lines if line.strip())
    better = Counter(dict(zip('AB', key[number], strict=True)).get(verdict, 'neither') for number, verdict in verdicts.items())
    print(f'better {better["new"]}, worse {better["old"]}, neither {better["neither"]}, not judged {len(key) - len(verdicts)}')
    return int(better['old'] > better['new'])


if __name__ == '__main__':
    match sys.argv[1:]:
        case ['draw', revision, number, folder]:
            draw(revision, int(number), Path(folder))
        case ['score', folder]:
            sys.exit(score(Path(folder)))
        case _:
            sys.exit(USAGE)
