"""Output for a person: one line for each thing that happens, with control characters escaped."""
from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from localxsoar.events import Events
from localxsoar.store import state_of

LEVELS = ('debug', 'info', 'error')
SEVERITIES = {0.5: 'info', 1: 'low', 2: 'medium', 3: 'high', 4: 'critical'}
SUMMARY_CHARACTERS = 110  # of a delivery's text, so that its line fits a wide terminal
print_now = partial(print, flush=True)
# Senders choose most of the texts: a control character could change the terminal, and a line break forge a line.
CONTROL_CHARACTERS = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


def escape(text: str) -> str:
    """Return the text with control characters escaped as in Python, so that it is one line."""
    return CONTROL_CHARACTERS.sub(lambda match: match[0].encode('unicode_escape').decode(), text)


class Printer:
    """A printer of whole lines, for any thread. It publishes the events that they report."""

    def __init__(self, level: str = 'error', write: Callable[[str], None] = print_now) -> None:
        self._lowest = LEVELS.index(level)
        self._write = write
        self._lock = threading.Lock()
        self.events = Events()
        self.claim: Callable[[Sequence[dict[str, Any]]], None] | None = None

    def show(self, text: str) -> None:
        """Print one line."""
        with self._lock:
            self._write(escape(text))

    def happened(self, text: str) -> None:
        """Print a line that begins with the time."""
        self.show(f'{datetime.now():%H:%M:%S}  {text}')

    def alarm(self, text: str) -> None:
        """Print a line that must not be overlooked."""
        self.show(f'!!! {text}')

    def log(self, time: str, level: str, text: str) -> None:
        """Publish a line of the container's log, and print it if its level is high enough."""
        self.events.publish('log', {'time': time, 'level': level, 'text': text})
        if level not in LEVELS or LEVELS.index(level) >= self._lowest:
            self.happened(f'log {level:<5} {text}')

    def created(self, incidents: Sequence[dict[str, Any]]) -> None:
        """Print new incidents, or leave that to `claim`, which knows the deliveries that created them."""
        if self.claim:
            self.claim(incidents)
        else:
            for incident in incidents:
                self.incident(incident)

    def incident(self, incident: dict[str, Any]) -> None:
        """Print an incident that no delivery's response mentions."""
        self.happened(f"incident {incident['id']} {triage([incident])}".rstrip() + f"  {incident['name']}")

    def delivery(self, delivery: dict[str, Any]) -> None:
        """Print a delivery that is over, and what it became."""
        status = delivery['status'] or '---'
        path = '' if delivery['kind'] != 'rejected' or delivery['status'] != 404 else f"{delivery['target']}  "
        self.happened(f"{delivery['method']:<4} {status} {delivery['milliseconds']:4.0f} ms  "
                      f"{delivery['sender'] or '-':<12}  {path}{became(delivery)}")


def triage(incidents: Sequence[dict[str, Any]]) -> str:
    """Return the highest severity of some incidents and their common state in words, such as `info resolved`."""
    severity = SEVERITIES.get(max((each.get('severity') or 0 for each in incidents), default=0), '')
    states = {each.get('state') or state_of(each) for each in incidents}
    return ' '.join(word for word in (severity, states.pop() if len(states) == 1 else '') if word)


def became(delivery: dict[str, Any]) -> str:
    """Return what a delivery became, in a few words."""
    text = delivery['text']
    if len(text) > SUMMARY_CHARACTERS:
        text = text[:SUMMARY_CHARACTERS - 1] + '…'
    numbers = delivery['incidents']
    if not numbers:
        return f'handshake  {text}' if delivery['kind'] == 'handshake' else text
    which = f'incident {numbers[0]}' if len(numbers) == 1 else f'incidents {numbers[0]} to {numbers[-1]}'
    return f'{"repeat of " if delivery["kind"] == "repeat" else ""}{which} {delivery.get("triage", "")}'.rstrip() + f'  {text}'
