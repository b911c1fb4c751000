"""What the checks found, for the terminal and for a file that holds no secret and no address."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

AS_ASSUMED, OTHERWISE, UNKNOWN = 'as assumed', 'otherwise', 'unknown'


class Finding(NamedTuple):
    """What a check has found: one of the three verdicts, and what was seen."""

    verdict: str
    seen: str


class Row(NamedTuple):
    """A finding with what was assumed, and the document that assumed it."""

    assumed: str
    document: str
    finding: Finding


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return the text without any of these, as they are and as a URL spells them."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, '...').replace(quote(secret, safe=''), '...')
    return text


def terminal_lines(rows: Sequence[Row]) -> Iterator[str]:
    for assumed, document, (verdict, seen) in rows:
        yield f'{verdict.upper():<11} {assumed}'
        yield f'            {seen}'
        if verdict != AS_ASSUMED:
            yield f'            assumed in {document}'


def markdown(rows: Sequence[Row], version: str, pack: str) -> str:
    """Return the report as a document, to be pasted into an issue."""
    counts = ', '.join(f'{sum(row.finding.verdict == verdict for row in rows)} {verdict}'
                       for verdict in (AS_ASSUMED, OTHERWISE, UNKNOWN))
    lines = [' | '.join(map(cell, (row.finding.verdict, row.assumed, row.finding.seen, row.document))) for row in rows]
    return '\n'.join([f'# Generic Webhook {pack} on Cortex XSOAR {version or "(version not told)"}: {counts}', '',
                      '| | assumed | seen | assumed in |', '| --- | --- | --- | --- |', *(f'| {line} |' for line in lines), ''])


def cell(text: str) -> str:
    return ' '.join(text.replace('|', '/').split())
