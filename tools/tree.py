"""Says which files the repository has: those that git knows or would add, so without what tools make."""
from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def own_files(pattern: str, root: Path = ROOT) -> list[Path]:
    """Return the files of the repository that fit a pattern, in which `*` also stands for folders."""
    listed = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard', pattern], cwd=root,
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    return sorted(file for name in listed.split('\0')[:-1] if (file := root / name).exists())
