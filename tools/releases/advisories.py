"""Look up what is known against the packages of a lock: python tools/releases/advisories.py REQUIREMENTS

A registry that knows none of them, such as a mirror, counts as a skipped test: in continuous integration that fails. So does a
package that is not looked up beside others that are.
"""
from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any


def main(lock: str) -> None:
    """Exit with status 1 and a line for each advisory, or for each package that was not looked up."""
    command = [sys.executable, '-m', 'pip_audit', '--disable-pip', '--require-hashes', '--format', 'json', '-r', lock]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        sys.exit(f'advisories: pip-audit has looked up nothing: {done.stderr.strip()}')
    packages: list[dict[str, Any]] = json.loads(done.stdout)['dependencies']
    skipped = [each for each in packages if 'skip_reason' in each]
    found = [f'{each["name"]} {each["version"]}: {known["id"]}, fixed in {", ".join(known["fix_versions"]) or "no version"}'
             for each in packages for known in each.get('vulns', [])]
    if skipped == packages and 'HAS_ALL_PROGRAMS' not in os.environ:
        count_as_skipped(f'no package was looked up: {skipped[0]["skip_reason"] if skipped else "there is none"}')
        return
    if faults := [*found, *(f'{each["name"]}: {each["skip_reason"]}' for each in skipped)]:
        sys.exit('\n'.join(faults))
    print(f'advisories: nothing is known against {len(packages)} packages.')


def count_as_skipped(reason: str) -> None:
    """Say why nothing was tried, also at the end of `./dev test`."""
    print(f'advisories: SKIPPED, {reason}')
    if file := os.environ.get('SKIPPED'):
        with open(file, 'a', encoding='utf-8') as reasons:
            reasons.write('the registry has no advisories\n')


if __name__ == '__main__':
    main(sys.argv[1])
