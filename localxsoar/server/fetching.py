"""Fetches on a schedule: of incidents, indicators, events and assets, each while its own parameter is on."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from localxsoar.errors import CommandFailed, UsageError, split_error
from localxsoar.containers.journal import Journal
from localxsoar.terminal.printer import Printer

FETCH_INCIDENTS, FETCH_INDICATORS = 'fetch-incidents', 'fetch-indicators'
FETCH_EVENTS, FETCH_ASSETS = 'fetch-events', 'fetch-assets'
STOP_SECONDS = 2
# By command: the key of the descriptor, the parameter that turns it on, the parameter with its minutes, and their default.
KINDS = {FETCH_INCIDENTS: ('isfetch', 'isFetch', 'incidentFetchInterval', 1),
         FETCH_INDICATORS: ('feed', 'feed', 'feedFetchInterval', 240),
         FETCH_EVENTS: ('isfetchevents', 'isFetchEvents', 'eventFetchInterval', 1),
         FETCH_ASSETS: ('isfetchassets', 'isFetchAssets', 'assetsFetchInterval', 1440)}


def read_schedule(script: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, float]:
    """Return the fetching commands that an instance runs on a schedule, and the seconds between two of them.

    Raise UsageError for an interval that is not a positive number of minutes.
    """
    return {command: read_minutes(interval, params.get(interval) or minutes) * 60
            for command, (key, switch, interval, minutes) in KINDS.items() if script.get(key) and params.get(switch)}


def read_minutes(name: str, value: Any) -> float:
    try:
        minutes = float(value)
    except ValueError:
        minutes = 0
    if not 0 < minutes < float('inf'):
        raise UsageError(f'{name}: {value!r} is not a number of minutes.')
    return minutes


class Fetcher:
    """The fetches of one instance. `run` runs a fetching command and returns how many items it fetched."""

    def __init__(self, name: str, run: Callable[[str], int], journal: Journal, printer: Printer) -> None:
        self._name = name
        self._run = run
        self._journal = journal
        self._printer = printer
        self._running = threading.Lock()  # a fetch must find the last run that the fetch before it left
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, schedule: Mapping[str, float]) -> None:
        """Fetch at once and then on the schedule, in place of any schedule before."""
        self.stop()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, args=(*row, self._stopping), name=row[0], daemon=True)
                         for row in schedule.items()]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the schedule. A fetch that still runs has a short time to end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def _repeat(self, command: str, seconds: float, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self.fetch(command)
            stopping.wait(seconds)

    def fetch(self, command: str) -> dict[str, Any]:
        """Fetch once, note and print the result, which is a failure, too, and return it."""
        with self._running:
            started, traceback, error, count = time.monotonic(), '', '', 0
            at = datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
            try:
                count = self._run(command)
            except CommandFailed as failure:
                traceback, error = split_error(str(failure).strip())
            fetched = {'command': command, 'time': at, 'milliseconds': round((time.monotonic() - started) * 1000),
                       'pulled': count, 'error': error, 'traceback': traceback}
            self._note(fetched)
        return fetched

    def _note(self, fetched: dict[str, Any]) -> None:
        """Keep a fetch in the history. As on the server, a failure is the instance's error until a fetch succeeds."""
        has_failed = bool(self._journal.fetches and self._journal.fetches[-1]['error'])
        self._journal.fetches.append(fetched)
        if fetched['error'] or has_failed:
            self._journal.set_health(fetched['error'], bool(fetched['error']))
        if fetched['error']:
            self._log(f'{fetched["command"]} failed: {fetched["error"]}')
            self._report(fetched['traceback'], f'{self._name}: {fetched["command"]} failed: {" ".join(fetched["error"].split())}')
        else:
            self._printer.happened(f'{self._name}: {fetched["command"]}  {fetched["pulled"]} new')

    def _log(self, text: str) -> None:
        """Add an error to the log of the instance, which may have no other line about it."""
        self._printer.publish_log(self._journal.add_log('error', text), self._name)

    def _report(self, traceback: str, summary: str) -> None:
        """Print a failure, with its traceback the first time, and keep the traceback with those of the long-running container."""
        if not traceback:
            self._printer.alarm(summary)
            return
        self._printer.traceback(traceback + summary)
        if traceback not in self._journal.exceptions:
            self._journal.exceptions.append(traceback)
