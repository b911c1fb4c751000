"""Turns the same events into incidents, again and again, for what counts this process's instructions.

Arguments: the script, and how often. Standard input: a JSON array of the events.
"""
from __future__ import annotations

import gc
import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any


def loaded(path: str) -> Any:
    """Return the script as a module; it finds `demisto` and CommonServerPython on the path."""
    spec = spec_from_file_location('GenericWebhook', path)
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


class StoppedClock:
    """Takes the place of the script's `time`: how often it lets other work run would depend on how slow the count is."""

    def time(self) -> float:
        return 1795514400.0

    def monotonic(self) -> float:
        return 1000.0


def convert(script: Any, events: list[Any], rounds: int) -> None:
    """Have the script turn each event into an incident, so many times."""
    payloads = [[json.dumps(event).encode()] for event in events]
    settings = script.Settings(8080, script.Tokens('secret-5e9c0d17b3a8f246'), None)
    # It may be an earlier script.
    passed = [] if hasattr(script, 'ROWS') else [script.SenderRows(script.SENDERS)]
    supplied = script.IncidentDefaults if hasattr(script, 'IncidentDefaults') else script.Arrival
    defaults = supplied('2026-11-24T10:00:00Z', {}, settings, *passed)
    script.time = StoppedClock()
    gc.collect()
    gc.freeze()  # as it is while the script serves: what the start has left is looked at no more
    for _ in range(rounds):
        for payload in payloads:
            script.to_incidents(payload, defaults)


if __name__ == '__main__':
    convert(loaded(sys.argv[1]), json.load(sys.stdin), int(sys.argv[2]))
