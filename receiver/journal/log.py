"""Log lines, many in a call, and the context in which the journal is saved."""
import time
from contextlib import suppress
from typing import Any

from msgspec import Struct
from msgspec.json import Decoder

from receiver.problems import escaped, utc_text


class LogBuffer(Struct):
    """Log lines that wait to be sent to the server. Lines beyond the limits are not kept, only counted.

    In a flood, most requests fail for one reason. So only the first `most_equal` lines with the same `reason` are kept; when
    `flood_seconds` have passed, `end_flood` adds a line for each reason that says how many more there were.
    """

    most: int = 2000  # lines of one log level, such as 'info': more than posts that a stop may lose
    most_equal: int = 10
    flood_seconds: int = 10
    lines: dict[str, list[str]] = {}  # by level
    lost: int = 0  # how many lines were dropped because there were `most` already
    reasons: dict[str, int] = {}  # how many lines had this reason in this flood, kept or not

    def add(self, level: str, text: str, reason: str = '') -> None:
        """Keep a line together with the current time, or only count it. Without a `reason`, `most_equal` does not apply."""
        if reason:
            # Some reasons contain numbers that depend on the request, such as a line and a column: there are very many of them.
            if reason not in self.reasons and len(self.reasons) >= 100:
                reason = 'other reasons'
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
            if self.reasons[reason] > self.most_equal:
                return
        lines = self.lines.setdefault(level, [])
        if len(lines) < self.most:
            lines.append(f'{utc_text(time.time())} {escaped(text)}')
        else:
            self.lost += 1

    def end_flood(self) -> None:
        """Add a line for each reason with lines that were not kept, with their number; then start counting from zero."""
        for reason, count in self.reasons.items():
            if (not_kept := count - self.most_equal) > 0:
                self.add('info', f'{not_kept} more in {self.flood_seconds} s: {reason}')
        self.reasons.clear()

    def drain(self) -> tuple[str, str]:
        """Remove the lines of one level (there must be some). Return the level, and the lines as one str to save calls."""
        level = next(iter(self.lines))
        lines = self.lines.pop(level)
        if self.lost:
            lines.append(f'{self.lost} log lines were dropped: they came faster than the line to XSOAR can carry them.')
            self.lost = 0
        return level, '\n'.join(lines)


def read_context(key: str, kind: Any, context: Any) -> Any:
    """Return a value in an integration context, or an empty one if it is missing or of another kind, so that serving goes on."""
    with suppress(KeyError, TypeError, ValueError):
        return Decoder(kind).decode(context[key])
    return kind()
