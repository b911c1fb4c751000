"""The server: its instances and scripts, and what they ask of one another."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from localxsoar.packs import pack
from localxsoar.containers.commands import Site
from localxsoar.containers.container import Container, Order, Runtime
from localxsoar.incidents.entries import ERROR_ENTRY, PLAYGROUND
from localxsoar.errors import CallRejected, CommandFailed, UsageError, message_of, split_error
from localxsoar.containers.faults import Faults
from localxsoar.server.instance import Instance
from localxsoar.containers.journal import Journal
from localxsoar.terminal.printer import Printer
from localxsoar.containers.ports import any_free_port
from localxsoar.server.script_commands import Entries, ScriptCommands, as_reply
from localxsoar.packs.scripts import Script, load_scripts
from localxsoar.containers.single_commands import doubts_about, fill_arguments, polls_in, run_to_its_end
from localxsoar.incidents.store import Store
from localxsoar.server.schedule import Schedule
from localxsoar.server.war_room import WarRoom, parse_command

KEPT_SECRETS = 100
DROPS = ('false', 'False')  # the text of a pre-process script's result that drops the incident


class Server:
    """The instances of one server by name, and its scripts. With `rule`, that script decides which incidents are created."""

    def __init__(self, scripts: Mapping[str, Script], runtime: Runtime, store: Store, faults: Faults, printer: Printer,
                 rule: str = '') -> None:
        if rule and rule not in scripts:
            raise UsageError(f'--pre-process {rule}: the pack has no such script. Its scripts: {", ".join(scripts) or "none"}.')
        self.scripts = dict(scripts)
        self.instances: dict[str, Instance] = {}
        self.integrations: dict[str, pack.Integration] = {}  # also those that were uploaded and have no instance yet
        self.open_ports: dict[str, Callable[[], int | None]] = {}
        self.runtime = runtime
        self.store = store
        self.faults = faults
        self.printer = printer
        self.changed: Callable[[], None] = lambda: None  # called when scripts or integrations are replaced
        self._rule = rule
        self.schedule = Schedule(store, printer, self._run_text)
        self._secret_arguments: deque[str] = deque(maxlen=KEPT_SECRETS)

    @property
    def first(self) -> Instance:
        return next(iter(self.instances.values()))

    def label(self, name: str) -> str:
        """Return an instance's name if there are several, or else ''."""
        return name if len(self.instances) > 1 and name in self.instances else ''

    def find(self, name: str) -> Instance:
        """Return the instance with this name. Raise UsageError if there is none."""
        if name not in self.instances:
            raise UsageError(f'There is no instance {name!r}. Known: {", ".join(self.instances)}.')
        return self.instances[name]

    def add(self, name: str, integration: pack.Integration, given: Mapping[str, Any], free_port: Callable[[], int]) -> Instance:
        """Add an instance of an integration. Raise UsageError if a parameter is wrong or the name is taken."""
        if name in self.instances:
            raise UsageError(f'There are two instances with the name {name}. Give each a name of its own with --instance NAME.')
        instance = self.make(name, integration, given, free_port)
        instance.id = f'instance-{len(self.instances) + 1}'
        self.instances[name] = instance
        instance.keep_secrets()
        self.integrations[integration.name] = integration
        self.open_ports[name] = lambda: instance.open_port
        return instance

    def remove(self, name: str) -> None:
        del self.instances[name], self.open_ports[name]

    def make(self, name: str, integration: pack.Integration, given: Mapping[str, Any], free_port: Callable[[], int]) -> Instance:
        """Return an instance that is not added, for a test before it is saved."""
        instance = Instance(name, integration, given, self.runtime, self.store, self.faults, self.printer,
                            partial(self._other_port, free_port))
        instance.pre_process = self.pre_process if self._rule else None
        return instance

    def _other_port(self, free_port: Callable[[], int]) -> int:
        """Return a free port that is not meant for another instance, which may not listen yet."""
        port = free_port()
        return port if port not in [instance.port for instance in self.instances.values()] else any_free_port()

    def install(self, integration: pack.Integration) -> int:
        """Replace an integration, or add it without an instance. Return how many instances run it from now on."""
        known = self.integrations.get(integration.name)
        if known and integration.pack_version == pack.UNKNOWN:  # an integration without its pack: the pack stays the same
            integration = replace(integration, pack_name=known.pack_name, pack_version=known.pack_version)
        instances = [instance for instance in self.instances.values() if instance.integration.name == integration.name]
        for instance in instances:
            instance.reconfigure({}, integration)
        self.integrations[integration.name] = integration
        self.changed()
        return len(instances)

    def reload(self, path: Path) -> None:
        """Read the scripts and the integrations again. Raise UsageError if one is wrong."""
        self.scripts |= load_scripts(path)
        for integration in pack.load_integrations(path):
            if integration.name in self.integrations:
                self.install(integration)
        self.changed()

    def run(self, command: str, args: Mapping[str, Any], number: str = PLAYGROUND) -> Entries:
        """Run a command or a script in an incident or in the playground, and return its entries.

        Raise CommandFailed if it fails, or UsageError if there is no such incident.
        """
        return [entry for _, run in self._calls(command, args, self._incident(number)) for entry in run()]

    def _incident(self, number: str) -> dict[str, Any] | None:
        """Return an incident, or None for the playground. Raise UsageError if there is no such incident."""
        try:
            return self.store.get(number) if number != PLAYGROUND else None
        except CallRejected as error:
            raise UsageError(str(error)) from None

    def run_in_war_room(self, command: str, args: Mapping[str, Any], number: str = PLAYGROUND,
                        entry: str = '') -> list[tuple[str, dict[str, Any]]]:
        """Run a command as its War Room does: keep each instance's entries, an error, too, and return them with their ids.

        `entry` is the id of the entry whose button runs it. Raise UsageError if there is none, or no such incident.
        """
        room, incident = self.room(number), self._incident(number)
        kept = self.store.entry(entry) if entry else None
        if entry and kept is None:
            raise UsageError(f'There is no entry {entry}.')
        parent = room.shown(entry, kept) if entry else None
        entries = attempt(lambda: [entry for name, run in self._calls(command, args, incident, parent)
                                   for entry in attempt(run, self.label(name))])
        for poll in polls_in(entries):
            self.printer.happened(f'{poll.command} asks to run again in {poll.seconds:g} s, with {poll.args}')
        return [(room.add(entry), entry) for entry in entries]

    def _run_text(self, text: str, number: str) -> None:
        """Run a command in the form of the War Room, with or without its exclamation mark."""
        command, args = parse_command(text if text.startswith('!') else f'!{text}')
        self.run_in_war_room(command, args, number)

    def room(self, number: str = PLAYGROUND) -> WarRoom:
        return WarRoom(self.store, self.printer, number)

    def _calls(self, command: str, args: Mapping[str, Any], incident: dict[str, Any] | None,
               parent: dict[str, Any] | None = None) -> list[tuple[str, Callable[[], Entries]]]:
        """Return what runs a command, with the names of the modules: a script, or the enabled instances that have it.

        `using` chooses one instance. Without any, the first of all runs it, and says what is wrong.
        """
        using, given = args.get('using'), {name: value for name, value in args.items() if name != 'using'}
        if command in self.scripts:
            self._note_secrets(self.scripts[command].arguments, given)
            return [('Scripts', partial(self.run_script, self.scripts[command], given, incident, parent))]
        offering = [instance for instance in self.instances.values() if instance.offers(command) and not instance.is_disabled]
        found = [instance for instance in offering if using in (None, '', instance.name)]
        if using and not found:
            if using in self.instances:
                self.instances[using].check_enabled()
            raise CommandFailed(f'No enabled instance has the name {using} and the command {command}.')
        for instance in found:
            self._note_secrets(instance.integration.commands.get(command, []), given)
        return [(instance.name, partial(instance.run, command, given, incident, parent)) for instance in found or [self.first]]

    def _note_secrets(self, rows: Iterable[Mapping[str, Any]], args: Mapping[str, Any]) -> None:
        """Keep the values of secret arguments, so that they are masked in logs and results, too."""
        secret = {row['name'] for row in rows if row.get('secret')}
        self._secret_arguments.extend(str(value) for name, value in args.items() if name in secret
                                      and value not in (None, '', *self._secret_arguments))

    def _owners(self, command: str) -> list[Instance]:
        return [instance for instance in self.instances.values()
                if command in instance.integration.commands and not instance.is_disabled]

    def secrets(self) -> list[str]:
        """Return the values of all encrypted parameters since the store began, and of the latest secret arguments."""
        return [*self._secret_arguments, self.runtime.address.token, *self.store.secrets]

    # What scripts use of the server.

    def owns(self, command: str) -> bool:
        return command in self.scripts or bool(self._owners(command))

    def entries_of(self, command: str, args: Mapping[str, Any], incident: dict[str, Any] | None) -> Entries:
        """Run a command for a script. Return all entries, of which a failure is one, too."""
        try:
            calls = self._calls(command, args, incident)
        except CommandFailed as error:
            return [as_reply(error_entry(str(error)), '')]
        return [as_reply(entry, module) for module, run in calls for entry in attempt(run, self.label(module))]

    def modules(self) -> dict[str, dict[str, Any]]:
        """Return the instances in the form of demisto.getModules()."""
        return {name: {'brand': instance.integration.name, 'state': 'disabled' if instance.is_disabled else 'active',
                       'category': str(instance.integration.descriptor.get('category') or ''), 'defaultIgnored': 'false'}
                for name, instance in self.instances.items()}

    def supported_commands(self) -> dict[str, list[dict[str, Any]]]:
        """Return the commands of the enabled instances in the form of demisto.getAllSupportedCommands()."""
        return {name: instance.integration.descriptor['script'].get('commands') or []
                for name, instance in self.instances.items() if not instance.is_disabled}

    def run_script(self, script: Script, args: Mapping[str, Any], incident: dict[str, Any] | None = None,
                   parent: dict[str, Any] | None = None) -> Entries:
        """Run a script and return its entries. Raise CommandFailed if it fails, or UsageError if it cannot run here."""
        for doubt in doubts_about(script.name, script.arguments, args):
            self.printer.warn(doubt)
        order = Order(script.name, script.unify(self.runtime.common_server_python), {}, '', 'Scripts',
                      fill_arguments(script.name, script.arguments, args), 0, self.runtime, is_integration=False,
                      incident=incident or {'id': PLAYGROUND, 'name': 'Playground', 'labels': [], 'CustomFields': {}},
                      outputs=self.room(incident['id'] if incident else PLAYGROUND).context(),
                      image=str(script.descriptor.get('dockerimage') or ''), parent=parent)
        owner = next(iter(self.instances.values()), None)
        journal = Journal(log=owner.journal.log) if owner else Journal()
        site = Site(self.store, self.faults, self.printer, journal, self.runtime.address, self.runtime.version)
        container = Container(order, site, partial(ScriptCommands, self, incident))
        run_to_its_end(container, script.name, script.descriptor, self.runtime)
        return container.results

    def pre_process(self, incoming: dict[str, Any]) -> bool:
        """Return whether the rule's script lets an incident be created: it does unless it returns False.

        A script that fails is reported and drops nothing.
        """
        try:
            entries = self.run_script(self.scripts[self._rule], {}, incoming)
        except (CommandFailed, UsageError, KeyError) as error:
            self.printer.alarm(f'The pre-process script {self._rule} failed, so the incident is created: '
                               f'{" ".join(message_of(str(error)).split())}')
            return True
        dropped = any(entry.get('Contents') is False or entry.get('Contents') in DROPS for entry in entries)
        if dropped:
            self.printer.happened(f"dropped  {incoming['name']}, by the pre-process script {self._rule}")
        return not dropped


def attempt(run: Callable[[], Entries], name: str = '') -> Entries:
    """Return a command's entries. A failure is an entry, too, after those that the command returned before.

    Each error names the instance `name`, unless that is ''.
    """
    try:
        return run()
    except CommandFailed as error:
        has_own = any(entry.get('Type') == ERROR_ENTRY for entry in error.entries)
        entries = error.entries if has_own else [*error.entries, error_entry(str(error))]
        return [name_instance(entry, name) for entry in entries]


def name_instance(entry: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an entry with the name of the instance before its message, if it is an error whose text lacks the name."""
    contents = entry.get('Contents')
    if not name or entry.get('Type') != ERROR_ENTRY or not isinstance(contents, str) or contents.startswith(name):
        return entry
    traceback, message = split_error(contents)
    return {**entry, 'Contents': f'{traceback}{name}: {message}'}


def error_entry(text: str) -> dict[str, Any]:
    return {'Type': ERROR_ENTRY, 'ContentsFormat': 'text', 'Contents': text}
