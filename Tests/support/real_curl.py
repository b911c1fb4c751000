"""The real curl, for what a document tells a person to type."""

import subprocess

from clocks import PATIENCE_SECONDS
from local_xsoar import needs
from shared.webhook import Answer


def curl(*arguments: str, data: bytes | None = None) -> Answer:
    """What the real curl was answered; `data` is its standard input. Without curl the test is skipped."""
    needs('curl')
    done = subprocess.run(['curl', '-sS', '-D', '/dev/stderr', '--max-time', str(PATIENCE_SECONDS), *arguments], input=data,
                          capture_output=True, check=False)
    heads = [head for head in done.stderr.decode().split('\r\n\r\n') if head.startswith('HTTP/')]
    assert heads, done.stderr.decode()
    status_line, *lines = heads[-1].split('\r\n')
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(':') for line in lines)}
    return Answer(int(status_line.split()[1]), headers, done.stdout.decode())
