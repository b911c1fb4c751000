"""Output for a person: one line for each thing that happens, with control characters escaped."""
from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from localxsoar.terminal.chain import chain
from localxsoar.terminal.bursts import SWEEP_SECONDS, Burst, Bursts, target_to_show
from localxsoar.incidents.store import state_of
from localxsoar.terminal.terminal import PLAIN, Terminal, column, fit

LEVELS = ('debug', 'info', 'error')
SEVERITIES = {0.5: 'info', 1: 'low', 2: 'medium', 3: 'high', 4: 'critical'}
PLAIN_SENDER_COLUMNS = 20  # in a file or a pipe
RESOLVED = 'resolved'
SENDER_COLUMNS = (12, 30)  # in a narrow and in a wide terminal
START_COLUMNS = 7  # a method, or how many deliveries
TARGET_COLUMNS = 60
LATER = 'later'  # in place of a method: the delivery was printed before more became of it
NOTHING = 'nothing was created'
FEWEST_TEXT_COLUMNS = 15  # in a terminal too narrow for them, lines break
KNOWN_TRACEBACKS = 100
Publish = Callable[[str, Any], None]  # takes an event's kind and its data, as Events.publish does
print_now = partial(print, flush=True)
# Senders choose most of the texts: a control character could change the terminal, a line break forge a line, and a mark of
# direction show a text in another order. What cannot be seen at all could hide a text, or make two names look the same.
CONTROL_CHARACTERS = re.compile('[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff'
                                '\xad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0'
                                '\ufff9-\ufffb\U000e0000-\U000e007f]')
KIND_COLOURS = {'repeat': 'calm', 'handshake': 'calm', 'gone': 'bad'}
STATUS_COLOURS = {2: 'good', 4: 'warning', 5: 'bad'}
LEVEL_COLOURS = {'error': 'bad', 'debug': 'faint'}
TRACEBACK = 'Traceback (most recent call last)'


def escape(text: str) -> str:
    """Return the text with control characters escaped as in Python, so that it is one line."""
    return CONTROL_CHARACTERS.sub(lambda match: match[0].encode('unicode_escape').decode(), text)


class Printer:
    """A printer of whole lines, for any thread. It publishes all lines of a container's log, printed or not."""

    def __init__(self, level: str = 'error', write: Callable[[str], None] = print_now, terminal: Terminal = PLAIN,
                 publish: Publish = lambda kind, data: None) -> None:
        self._lowest = LEVELS.index(level)
        self._write = write
        self._terminal = terminal
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._bursts = Bursts()
        self._watcher = threading.Thread()
        self._tracebacks: dict[str, str] = {}  # when each was printed first
        self._publish = publish
        self.claim: Callable[[Sequence[dict[str, Any]]], None] | None = None
        # What the server tells those who know the deliveries: an event that a pre-process rule looks at, of which they return the
        # delivery; what the rule did with it; the lines of a log.
        self.take: Callable[[Mapping[str, Any]], int] = lambda event: 0
        self.acted: Callable[[int, Sequence[dict[str, Any]]], None] = lambda delivery, acts: None
        self.logged: Callable[[Sequence[dict[str, Any]], str], None] = lambda lines, instance: None

    def show(self, text: str, colour: str = '') -> None:
        """Print one line."""
        with self._lock:
            self._write(self._terminal.paint(escape(text), colour))

    def happened(self, text: str, colour: str = '') -> None:
        """Print a line that begins with the time."""
        with self._lock:
            self._write(f'{self._now()}  {self._terminal.paint(escape(text), colour)}')

    def _now(self) -> str:
        return self._terminal.paint(f'{datetime.now():%H:%M:%S}', 'faint')

    def alarm(self, text: str) -> None:
        """Print a line that must not be overlooked."""
        self.show(f'!!! {text}', 'alarm')

    def traceback(self, text: str) -> None:
        """Print a traceback or, if it has been printed before, its last line, which names the error."""
        for line in self._once(text.rstrip().splitlines()):
            self.alarm(line)

    def _once(self, lines: Sequence[str]) -> Sequence[str]:
        """Return the lines of a traceback, or its last line alone if the same traceback has been printed before."""
        text = '\n'.join(lines)
        if lines and (first := self._tracebacks.get(text)):
            return [f'{lines[-1]}  (as at {first}, with the same traceback)']
        if len(self._tracebacks) >= KNOWN_TRACEBACKS:
            self._tracebacks.clear()
        self._tracebacks[text] = f'{datetime.now():%H:%M:%S}'
        return lines

    def warn(self, text: str) -> None:
        """Print an alarm, once in a run."""
        if text not in self._warned:
            self._warned.add(text)
            self.alarm(text)

    def log(self, entries: Sequence[dict[str, str]], instance: str = '') -> None:
        """Publish the lines of one entry of a container's log, and print them if its level is high enough."""
        self.publish_log(entries, instance)
        level, lines = entries[0]['level'], [entry['text'] for entry in entries]
        if level not in LEVELS or LEVELS.index(level) >= self._lowest:
            for line in self._once(lines) if any(TRACEBACK in line for line in lines) else lines:
                self.happened(f'log {level:<5} {line}', LEVEL_COLOURS.get(level, ''))

    def publish_log(self, entries: Sequence[dict[str, str]], instance: str = '') -> None:
        """Publish lines of a log without printing them. Those of a script have no instance."""
        self.logged(entries, instance)
        for entry in entries:
            self._publish('log', {**entry, 'instance': instance} if instance else entry)

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

    # Deliveries.

    def delivery(self, delivery: dict[str, Any], is_later: bool = False) -> None:
        """Print a delivery that is over, and what it became; of a burst, the first few. Print again what `is_later`."""
        with self._lock:
            self._write_bursts(time.monotonic())
            if is_later:
                self._write(self._line(delivery, LATER, took(delivery['milliseconds'])))
            elif self._bursts.add(delivery, time.monotonic()):
                self._write(self._line(delivery, delivery['method'], took(delivery['milliseconds'])))
            elif not self._watcher.is_alive():
                self._watcher = threading.Thread(target=self._watch_bursts, name='bursts', daemon=True)
                self._watcher.start()

    def finish(self) -> None:
        """Print the bursts that are not over yet."""
        with self._lock:
            self._write_bursts(float('inf'))

    def _watch_bursts(self) -> None:
        """Print bursts when they are over, as long as there are any."""
        has_more = True
        while has_more:
            time.sleep(SWEEP_SECONDS)
            with self._lock:
                self._write_bursts(time.monotonic())
                has_more = self._bursts.has_hidden()
                if not has_more:  # under the lock, so that the next burst starts its own
                    self._watcher = threading.Thread()

    def _write_bursts(self, now: float) -> None:
        for burst in self._bursts.take_over(now):
            self._write(self._burst_line(burst))

    def _burst_line(self, burst: Burst) -> str:
        """Return the line that stands for a whole burst, with the columns of a delivery's line."""
        seconds = round(burst.latest - burst.started) or 1
        return self._line(burst.whole, f'{burst.count} ×', f'in {seconds:>2} s')

    def _line(self, delivery: dict[str, Any], start: str, duration: str) -> str:
        """Return a delivery's line. Its last column takes what the terminal's width leaves."""
        terminal, columns = self._terminal, self._terminal.columns()
        narrow, wide = SENDER_COLUMNS
        sender_columns = PLAIN_SENDER_COLUMNS if columns is None else min(wide, max(narrow, columns // 6))
        start = fit(escape(start), START_COLUMNS).rjust(START_COLUMNS)
        status = terminal.paint(str(delivery['status'] or '---'), colour(delivery))
        sender = column(escape(delivery['sender'] or '-'), sender_columns)
        target = fit(escape(target_to_show(delivery)), TARGET_COLUMNS)
        taken = len(f'HH:MM:SS  {start} 200 {duration}    ') + sender_columns
        text = fit(escape(f'{target}  {became(delivery)}' if target else became(delivery)),
                   None if columns is None else max(FEWEST_TEXT_COLUMNS, columns - taken))
        return f'{self._now()}  {start} {status} {duration}  {sender}  {text}'


def triage(incidents: Sequence[dict[str, Any]]) -> str:
    """Return the severity and the state of the gravest of some incidents in words, such as `critical` or `info resolved`.

    `gravest` comes first if that of others is less grave or their state is another one.
    """
    words = [' '.join(filter(None, (SEVERITIES.get(each.get('severity') or 0, ''), state_in(each)))) for each in incidents]
    if not words:
        return ''
    first = words[list(incidents).index(gravest(incidents))]
    return f'gravest {first}' if first and len(set(words)) > 1 else first


def gravest(incidents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the incident with the highest severity; of several the first that is not resolved."""
    return max(incidents, key=lambda each: (each.get('severity') or 0, state_in(each) != RESOLVED))


def state_in(incident: Mapping[str, Any]) -> str:
    return str(incident.get('state') or state_of(incident))


def took(milliseconds: float) -> str:
    """Return a time in seven columns."""
    return f'{milliseconds:4.0f} ms' if milliseconds < 9999.5 else f'{milliseconds / 1000:4.0f} s '


def colour(delivery: Mapping[str, Any]) -> str:
    """Return the colour of a delivery's status: by what it became, or else by the status itself."""
    return KIND_COLOURS.get(delivery['kind']) or STATUS_COLOURS.get((delivery['status'] or 500) // 100, 'calm')


def became(delivery: Mapping[str, Any]) -> str:
    """Return what a delivery became, in a few words."""
    steps = [step['said'] for step in chain(delivery)]
    said = ' · '.join(steps) or ('handshake' if delivery['kind'] == 'handshake' else '')
    text = '' if delivery['kind'] == 'rejected' or (said and delivery['text'] == NOTHING) else delivery['text']
    gap = ' ' if len(steps) < 2 else '  '  # a reason may end in a severity
    return '  '.join(filter(None, [f'{said}{gap}{delivery.get("triage", "")}'.strip(), text]))
