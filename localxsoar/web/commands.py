"""The routes of commands: what the pack offers, and what a run returns, for the page with secrets masked."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import bottle

from localxsoar.containers.commands import CONTEXT, LAST_RUNS
from localxsoar.web.downloads import BYTES, attach
from localxsoar.incidents.entries import PLAYGROUND
from localxsoar.server import mirroring
from localxsoar.server.builtin_commands import COMMANDS
from localxsoar.server.instance import Instance
from localxsoar.web.routes import as_json, check_machine, read_object
from localxsoar.webhooks.masks import Masks
from localxsoar.terminal.printer import TRACEBACK
from localxsoar.webhooks.readable import SHOWN_BYTES
from localxsoar.server.server import Server, attempt, error_entry, name_instance
from localxsoar.server.war_room import NOTE

SHOWN_EVENTS = 100
Numbered = Sequence[tuple[str, Mapping[str, Any]]]  # entries with their ids, '' for one that the War Room does not keep


class CommandRoutes:
    """The commands of a server's instances and its scripts. `instance` in a request of the page chooses the instance."""

    def __init__(self, server: Server, masks: Masks) -> None:
        self._server = server
        self._masks = masks

    def routes(self, api: bottle.Bottle) -> None:
        for method, path, handler in (
            ('GET', '/localxsoar/commands', self._list),
            ('GET', '/localxsoar/commands/kept', self._read_kept),
            ('GET', '/localxsoar/commands/files/<number>', self._download),
            ('POST', '/localxsoar/commands', self._run),
            ('POST', '/localxsoar/commands/<action:re:test|fetch>', self._act),
        ):
            api.route(path, method, handler)

    def _list(self) -> str:
        """Return the instances with their commands, the scripts, and the commands of the server itself."""
        scripts = [{**describe_command(script.descriptor, script.arguments), 'name': script.name}
                   for script in self._server.scripts.values()]
        return as_json(self._masks.everywhere({'instances': list(map(describe_instance, self._server.instances.values())),
                                               'scripts': scripts, 'server': BUILTIN}))

    def _read_kept(self) -> str:
        return as_json(self._kept(self._server.find(bottle.request.query.getunicode('instance') or self._server.first.name)))

    def _download(self, number: str) -> bytes:
        """Return a file that a command returned, for the browser to save under its name."""
        check_machine()
        if not (file := self._server.store.file(number)):
            raise bottle.HTTPError(404, f'There is no file {number}.')
        attach(file[0], BYTES)
        return file[1]

    def _run(self) -> str:
        """Run a command or a script, and return its entries or its error.

        With `incident`, an id or `playground`, run it in the chosen instance and in that War Room, which keeps the entries, an
        error, too. They are then returned as the page shows them. `entry` is the id of the entry whose button was pressed.
        """
        wanted = read_object()
        command, args = str(wanted['command']), wanted.get('args') or {}
        if not wanted.get('incident'):
            return as_json({'entries': self._server.run(command, args)})
        instance, number = self._server.find(str(wanted['instance'])), str(wanted['incident'])
        args = {**args, 'using': instance.name}
        entry = str(wanted.get('entry') or '')
        return self._show(instance, partial(self._server.run_in_war_room, command, args, number, entry), number)

    def _act(self, action: str) -> str:
        """Test an instance with its saved parameters, or let it fetch now."""
        instance = self._server.find(str(read_object()['instance']))
        work, name = partial(test_instance if action == 'test' else fetch_now, instance), self._server.label(instance.name)
        return self._show(instance, lambda: [('', name_instance(entry, name)) for entry in attempt(work)])

    def _show(self, instance: Instance, work: Callable[[], Numbered], number: str = PLAYGROUND) -> str:
        """Do the work, and return its entries with what the instance and the War Room keep after it."""
        started = time.monotonic()
        entries = work()
        milliseconds = round((time.monotonic() - started) * 1000)
        return as_json({'entries': [self._describe_entry(*each) for each in entries], 'milliseconds': milliseconds,
                        'kept': self._kept(instance, number)})

    def _kept(self, instance: Instance, number: str = PLAYGROUND) -> list[dict[str, Any]]:
        """Return the last run, the contexts of the integration and of the War Room, and events, as JSON text or, if empty, ''."""
        kept = self._server.store.kept
        values = (('Last run', kept(instance.name, LAST_RUNS['LastRun'])[0]),
                  ('Integration context', kept(instance.name, CONTEXT)[0]),
                  ('Context data', self._server.room(number).context()), ('Events', self._events(instance)))
        return [{'name': name, **self._text(value or None)} for name, value in values]

    def _events(self, instance: Instance) -> Any:
        """Return how many events an instance has sent, and the latest of them, or None."""
        latest = self._server.store.events(instance.name, SHOWN_EVENTS)
        return latest and {'count': self._server.store.count_events(instance.name), 'latest': latest[::-1]}

    def _describe_entry(self, number: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return an entry for the page. JSON is text there, because a browser would change its numbers."""
        file = self._server.store.file(str(entry.get('FileID') or '')) if entry.get('File') else None
        markdown = entry.get('HumanReadable') or (entry.get('Contents') if entry.get('ContentsFormat') == 'markdown' else '')
        # return_error adds a key to an error, which the local XSOAR's own errors lack.
        can_be_traced = 'EntryContext' in entry and TRACEBACK not in str(entry.get('Contents'))
        return {'id': number, 'type': entry.get('Type') or NOTE, 'canBeTraced': can_be_traced,
                'format': str(entry.get('ContentsFormat') or 'text'), 'markdown': self._text(markdown),
                'contents': self._text(entry.get('Contents')), 'outputs': self._text(entry.get('EntryContext') or None),
                'file': {'id': str(entry['FileID']), 'name': self._masks.text(file[0]), 'size': len(file[1])} if file else None}

    def _text(self, value: Any) -> dict[str, Any]:
        """Return a value as masked text, JSON unless it is text already, and whether the text is cut."""
        masked = self._masks.everywhere(value)
        text = '' if value is None else masked if isinstance(value, str) else json.dumps(masked, indent=2, ensure_ascii=False)
        return {'text': text[:SHOWN_BYTES], 'cut': len(text) > SHOWN_BYTES}


def describe_instance(instance: Instance) -> dict[str, Any]:
    """Return an instance with its commands, what its integration is, and whether it has a port and fetches anything."""
    integration = instance.integration
    script = integration.descriptor['script']
    return {'name': instance.name, 'integration': str(integration.descriptor.get('display') or integration.name),
            'hasPort': integration.has_port, 'fetches': instance.fetches,
            'commands': [describe_command(row, row.get('arguments') or [])
                         for row in [*(script.get('commands') or []), *mirroring.described(script)] if not row.get('hidden')]}


def describe_command(row: Mapping[str, Any], arguments: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    return {'name': str(row['name']), 'description': str(row.get('description') or row.get('comment') or ''),
            'deprecated': bool(row.get('deprecated')), 'dangerous': bool(row.get('execution')),
            'arguments': [describe_argument(each) for each in arguments if not each.get('hidden')]}


def describe_argument(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return an argument. `value` is its default, and `options` are the values that the descriptor offers."""
    default = row.get('defaultValue')
    return {'name': str(row['name']), 'description': str(row.get('description') or ''), 'required': bool(row.get('required')),
            'value': '' if default is None else str(default), 'isArray': bool(row.get('isArray')),
            'options': [str(option) for option in row.get('predefined') or []], 'secret': bool(row.get('secret')),
            'deprecated': bool(row.get('deprecated'))}


BUILTIN = [describe_command({'name': name}, [{'name': each} for each in arguments]) for name, arguments in COMMANDS.items()]


def test_instance(instance: Instance) -> list[dict[str, Any]]:
    return [note(instance.test_module())]


def fetch_now(instance: Instance) -> list[dict[str, Any]]:
    """Fetch and return an entry for each fetch: how many items are new, or what failed."""
    return [error_entry(f'{each["command"]}: {each["error"]}') if each['error']
            else note(f'{each["command"]}: {each["pulled"]} new') for each in instance.fetch()]


def note(text: str) -> dict[str, Any]:
    return {'Type': NOTE, 'ContentsFormat': 'text', 'Contents': text}
