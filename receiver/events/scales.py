"""Scales: what the values of a severity mean."""
import re
from typing import Any, NamedTuple

from receiver.events.tree import SentFloat

NUMBER = re.compile(r'(?a)-?\d+(\.\d+)?')

# XSOAR's severities, and that of a value that says nothing, such as a level beyond the end of its scale.
SEVERITIES: dict[str, float | None] = {
    'critical': 4, 'high': 3, 'medium': 2, 'low': 1, 'informational': 0.5, 'unknown': 0, 'none': None}


class Scale(NamedTuple):
    """The severities that values mean, as the table of senders says it or, if it `is_exact`, a URL.

    On an exact scale, texts are compared as they were sent, with regard to case.
    """

    by_value: dict[str, float | None]
    by_minimum: dict[float, float | None]  # what any number means from this one up to the next
    is_exact: bool = False

    def severity(self, value: Any) -> float | None:
        """Return the severity that a text, a number or a bool means, or None."""
        word, number = form_of(value, self.is_exact)
        if word in self.by_value or number is None:
            return self.by_value.get(word)
        reached = [minimum for minimum in self.by_minimum if minimum <= number]
        return self.by_minimum[max(reached)] if reached else None


def form_of(value: Any, is_exact: bool) -> tuple[str, float | None]:
    """Return a value as the text by which a scale compares it, and as a number or None: '7' and 7e0 -> ('7.0', 7.0)."""
    text = text_of(value)
    if type(value) is SentFloat or NUMBER.fullmatch(text):
        return str(float(text)), float(text)  # inf, if it is too large
    # No word of a scale has more than 40 characters. Sentinel's export has `E_HIGH` for `high`.
    return text if is_exact else '_'.join(text[:40].lower().split()).removeprefix('e_'), None


RECOVERED_SEVERITY = 0.5  # the end of a problem is no alarm, whatever its event repeats of the problem


def text_of(value: Any) -> str:
    """Return a text as it is, a number as it was sent, a bool as JSON has it, and '' for anything else."""
    if type(value) is bool:
        return 'true' if value else 'false'
    if type(value) is SentFloat:
        return value.sent
    return str(value) if type(value) in (str, int) else ''  # a CutText is not all that was sent
