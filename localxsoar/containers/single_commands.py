"""Single commands, each in a container of its own: their arguments, their run to its end, and the items that they fetch."""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localxsoar.containers.container import DEBUG_MODE, Container, Runtime, describe_end, is_debug
from localxsoar.incidents.entries import ERROR_ENTRY
from localxsoar.errors import CommandFailed
from localxsoar.containers.explain import explain

COMMAND_SECONDS = 300
POLLING_SECONDS = 600  # of a polling command that does not say how long
KILL_SECONDS = 2  # from SIGTERM until a command that takes too long is killed
# Arguments that the server passes without a descriptor: of a field's change, an indicator, mirroring, a widget, and timers.
PASSED = ('old', 'new', 'name', 'cliName', 'type', 'user', 'field', 'indicator', 'indicators', 'incident', 'value', 'id', 'input',
          'remoteId', 'lastUpdate', 'data', 'entries', 'incidentChanged', 'remoteIncidentChanged', 'delta', 'status', 'from',
          'to', 'query', 'searchQuery', 'page', 'size', 'sort', 'closeReason', 'closeNotes', 'openDuration', 'sla', 'fieldName')
PYTHONS = 'The container said nothing: its interpreter must be Python 3.9 or newer. Choose another with --python PATH.'


def fill_arguments(command: str, rows: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments with their defaults from the descriptor. Raise CommandFailed if one is missing.

    A value without a name, as in `!ip 1.2.3.4`, is that of the default argument, and has the name '' here.
    """
    named = {name: value for name, value in given.items() if name}
    if not is_debug(named):  # or else the loop in the container removes it
        named.pop(DEBUG_MODE, None)
    if '' in given:
        default = next((row['name'] for row in rows if row.get('default') is True), None)
        if not default:
            raise CommandFailed(f'{command} has no default argument: give {given[""]!r} as NAME={given[""]}.')
        named.setdefault(default, given[''])
    filled = {row['name']: row['defaultValue'] for row in rows if row.get('defaultValue') is not None} | named
    missing = [row['name'] for row in rows if row.get('required') and not filled.get(row['name'])]
    if missing:
        raise CommandFailed(f'{command} needs {", ".join(missing)}.')
    return filled


def doubts_about(command: str, rows: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each argument, and each value, that the descriptor does not know. The script gets them as they are."""
    known = {row['name']: row for row in rows}
    for name, value in given.items():
        if name in known:
            row = known[name]
            options = [str(option) for option in row.get('predefined') or []] if row.get('auto') == 'PREDEFINED' else []
            yield from (f'{command}: {name}={each} is not one of {", ".join(options)}.' for each in values_of(row, value)
                        if options and each not in ('', *options))
        elif name not in ('', DEBUG_MODE, *PASSED):
            yield f'{command} has no argument {name}. Its arguments: {", ".join(known) or "none"}.'


def values_of(row: Mapping[str, Any], value: Any) -> list[str]:
    """Return the values of an argument as texts: several if it is an array, which may be a text with commas."""
    if isinstance(value, list):
        return list(map(str, value))
    return [each.strip() for each in str(value).split(',')] if row.get('isArray') else [str(value)]


@dataclass(frozen=True)
class Poll:
    """What an entry of a polling command asks for: to run a command again after some seconds, until a timeout in seconds."""
    command: str
    args: dict[str, Any]
    seconds: float
    timeout: float


def polls_in(entries: Iterable[Any]) -> Iterator[Poll]:
    """Yield what the entries of a polling command ask for."""
    for entry in entries:
        if isinstance(entry, dict) and entry.get('PollingCommand'):
            yield Poll(str(entry['PollingCommand']), dict(entry.get('PollingArgs') or {}), float(entry.get('NextRun') or 0),
                       float(entry.get('Timeout') or POLLING_SECONDS))


def contents_of(container: Container) -> list[Any]:
    """Return the items in the entries of a fetching command. An entry has one item, a list, or either as JSON text.

    Raise CommandFailed for any other text.
    """
    found: list[Any] = []
    for result in container.results:
        try:
            contents = json.loads(result['Contents']) if isinstance(result['Contents'], str) else result['Contents']
        except ValueError:
            reason = f'The fetch returned a text that is not JSON: {result["Contents"]!r}'
            raise CommandFailed(reason, container.results) from None
        if isinstance(contents, list):
            found += contents
        elif contents:
            found.append(contents)
    return found


def run_to_its_end(container: Container, command: str, script: Mapping[str, Any], runtime: Runtime) -> None:
    """Run a container until its command is complete. Raise CommandFailed for an exception or an error entry."""
    container.start()
    code = container.wait(None if runtime.instruments.debugger else COMMAND_SECONDS)
    if code is None:
        container.stop(KILL_SECONDS)
        raise CommandFailed(f'{command} did not end within {COMMAND_SECONDS} s.')
    if container.broken_by:
        raise CommandFailed(container.broken_by, container.results)
    if container.exception:
        reason = explain(container.exception, script, runtime)
        raise CommandFailed('\n'.join(filter(None, [container.exception.strip(), reason])), container.results)
    if not container.has_completed:
        words = [f'The container ended ({describe_end(code)}) before its command was complete.', *container.last_words]
        raise CommandFailed('\n'.join([*words, PYTHONS * (not container.has_answered)]).rstrip(), container.results)
    for result in container.results:
        if result.get('Type') == ERROR_ENTRY:
            text = str(result.get('Contents'))
            if hint := text and explain(text, script, runtime):  # of an exception that the script has caught
                container.commands.warn(hint)
            raise CommandFailed(text, container.results)
