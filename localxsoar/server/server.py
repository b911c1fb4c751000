"""The server: its instances and scripts, and what they ask of one another."""
from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from localxsoar.packs import pack
from localxsoar.containers.commands import Site
from localxsoar.containers.container import Container, Order, Runtime
from localxsoar.incidents.entries import ERROR_ENTRY, PLAYGROUND
from localxsoar.errors import CallRejected, CommandFailed, UsageError, message_of, split_error
from localxsoar.containers.faults import Faults
from localxsoar.incidents.context import NotUnderstood
from localxsoar.incidents.paths import fill_references
from localxsoar.server.builtin_commands import COMMANDS, split
from localxsoar.server.fetching import KINDS
from localxsoar.server.instance import Instance
from localxsoar.containers.journal import Journal
from localxsoar.terminal.printer import Printer
from localxsoar.containers.ports import any_free_port
from localxsoar.server.options import carry_out, split_options
from localxsoar.server.replies import Replies, line_for
from localxsoar.server.script_commands import API_COMMAND, Entries, ScriptCommands, as_reply
from localxsoar.packs.scripts import PYTHON, Script, find_script_around, load_scripts
from localxsoar.containers.single_commands import doubts_about, fill_arguments, polls_in, run_to_its_end
from localxsoar.incidents.store import Store
from localxsoar.server.schedule import Schedule
from localxsoar.server.war_room import WarRoom, parse_command

KEPT_SECRETS = 100
DROPS = ('false', 'False')  # the text of a pre-process script's result that drops the incident


class Server:
    """The instances of one server by name, and its scripts. With `rule`, that script decides which incidents are created.

    Scripts of other packs are found in the repositories around `packs`, the paths of the packs that were given.
    """

    def __init__(self, scripts: Mapping[str, Script], runtime: Runtime, store: Store, faults: Faults, printer: Printer,
                 rule: str = '', packs: Sequence[Path] = (), replies: Replies = Replies({})) -> None:  # noqa: B008
        self.scripts = dict(scripts)
        self._packs = packs
        self.replies = replies
        if rule and not self.script(rule):
            raise UsageError(f'--pre-process {rule}: the pack has no such script. Its scripts: {", ".join(scripts) or "none"}.')
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

    def reload(self) -> None:
        """Read the scripts and the integrations again. Raise UsageError if one is wrong."""
        for path in self._packs:
            self.scripts |= load_scripts(path)
            for integration in pack.load_integrations(path):
                if integration.name in self.integrations:
                    self.install(integration)
        self.changed()

    def script(self, name: str) -> Script | None:
        """Return a script in Python of the packs, or of the repositories around them, or None."""
        found = (self.scripts.get(name), *(find_script_around(path, name) for path in self._packs))
        return next((script for script in found if script and script.language == PYTHON), None)

    def has_without_instance(self, command: str) -> bool:
        """Return whether a command is a script, has a reply in the file, or is one of the server itself."""
        return bool(command in COMMANDS or API_COMMAND.fullmatch(command) or self.replies.has(command) or self.script(command))

    def run(self, command: str, args: Mapping[str, Any], number: str = PLAYGROUND) -> Entries:
        """Run a command or a script in an incident or in the playground, and return its entries.

        Raise CommandFailed if it fails, or UsageError if there is no such incident.
        """
        incident = self._incident(number)
        filled = self._resolved(args, incident)
        return [entry for _, run in self._calls(command, filled, incident) for entry in run()]

    def _resolved(self, args: Mapping[str, Any], incident: dict[str, Any] | None) -> dict[str, Any]:
        """Return arguments with the values of `${path}` in the context and the incident. Raise CommandFailed for a wrong one."""
        if not any(isinstance(value, str) and '${' in value for value in args.values()):
            return dict(args)
        about = {**incident.get('CustomFields', {}), **incident, 'labels': {
            label.get('type'): label.get('value') for label in incident.get('labels') or []}} if incident else {}
        try:
            return fill_references(args, {**self.room((incident or {}).get('id', PLAYGROUND)).context(), 'incident': about})
        except NotUnderstood as error:
            raise CommandFailed(f'The local XSOAR reads arguments such as ${{File.EntryID}} and ${{incident.name}}, not {error}.'
                                ) from None

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
        entries = attempt(lambda: [
            entry for name, run in self._calls(command, self._resolved(args, incident), incident, parent)
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
        """Return what runs a command, with the names of the modules: a reply of the file, a script, or the enabled instances.

        `using` and `using-brand` choose instances. Raise CommandFailed if there is none such, or the command is unknown.
        """
        if (replies := self.replies.entries(command, args)) is not None:
            return [('Replies', lambda: replies)]
        script, offering = self.script(command), [each for each in self._enabled() if each.offers(command)]
        rows = script.arguments if script else [
            row for each in offering for row in each.integration.commands.get(command, [])]
        options, given = split_options(args, {row['name'] for row in rows})
        self._note_secrets(rows, given)
        found: list[tuple[str, Callable[[], Entries]]] = [
            (each.name, partial(each.run, command, given, incident, parent)) for each in chosen(offering, options)]
        if script or ((command in COMMANDS or API_COMMAND.fullmatch(command)) and not offering):
            self._check_chosen(command, options, list(self.instances.values()))
            found = [('Scripts', partial(self.run_script, script, given, incident, parent)) if script else
                     ('Builtin', partial(self._run_builtin, command, given, incident))]
        elif not found:
            self._check_chosen(command, options, offering)
            if command not in KINDS or not self.instances:
                self._reject(command)
            found = [(self.first.name, partial(self.first.run, command, given, incident, parent))]
        return [(name, partial(carry_out, options, run)) for name, run in found]

    def _enabled(self) -> list[Instance]:
        return [instance for instance in self.instances.values() if not instance.is_disabled]

    def _check_chosen(self, command: str, options: Mapping[str, Any], instances: Sequence[Instance]) -> None:
        """Raise CommandFailed if the options choose an instance or a brand that is not among these."""
        if chosen(instances, options) or not {'using', 'using-brand'} & options.keys():
            return
        if options.get('using') in self.instances:
            self.instances[options['using']].check_enabled()
        wanted = f'the name {options["using"]}' if 'using' in options else f'the brand {options["using-brand"]}'
        raise CommandFailed(f'No enabled instance has {wanted} and the command {command}. Enabled: '
                            + (', '.join(f'{each.name} ({each.integration.name})' for each in self._enabled()) or 'none') + '.')

    def _reject(self, command: str) -> NoReturn:
        """Raise CommandFailed for a command that nothing has, or UsageError for a script in another language."""
        if command in self.scripts:
            language = self.scripts[command].language
            raise UsageError(f'{command} is a script in {language}: the local XSOAR runs scripts in Python. {line_for(command)}')
        for instance in list(self.instances.values())[:1]:
            instance.check_enabled()
        known = ', '.join(name for each in self._enabled() for name in each.integration.commands) or 'none'
        raise CommandFailed(f'No enabled instance has the command {command}. The commands: {known}. {line_for(command)}')

    def _run_builtin(self, command: str, args: Mapping[str, Any], incident: dict[str, Any] | None) -> Entries:
        """Run a command of the server itself. Raise CommandFailed if it fails."""
        named = {name or COMMANDS.get(command, ['uri'])[0]: value for name, value in args.items()}
        commands = ScriptCommands(self, incident, self._site(), '', '', command, (incident or {}).get('id', PLAYGROUND),
                                  lambda: True, lambda: None)
        entries = commands.run_builtin(command, named)
        commands.folder.delete()
        for entry in entries:
            if entry['Type'] == ERROR_ENTRY:
                raise CommandFailed(str(entry['Contents']), entries)
        return entries

    def _site(self) -> Site:
        """Return what the calls of a script reach."""
        owner = next(iter(self.instances.values()), None)
        journal = Journal(log=owner.journal.log) if owner else Journal()
        return Site(self.store, self.faults, self.printer, journal, self.runtime.address, self.runtime.version)

    def _note_secrets(self, rows: Iterable[Mapping[str, Any]], args: Mapping[str, Any]) -> None:
        """Keep the values of secret arguments, so that they are masked in logs and results, too."""
        secret = {row['name'] for row in rows if row.get('secret')}
        self._secret_arguments.extend(str(value) for name, value in args.items() if name in secret
                                      and value not in (None, '', *self._secret_arguments))

    def _owners(self, command: str) -> list[Instance]:
        return [instance for instance in self._enabled() if command in instance.integration.commands]

    def secrets(self) -> list[str]:
        """Return the values of all encrypted parameters since the store began, and of the latest secret arguments."""
        return [*self._secret_arguments, self.runtime.address.token, *self.store.secrets]

    # What scripts use of the server.

    def owns(self, command: str) -> bool:
        return bool(self.script(command) or self._owners(command))

    def filled(self, args: Mapping[str, Any], incident: dict[str, Any] | None) -> dict[str, Any]:
        """Return a script's arguments for a command with the values of `${path}`, or as they are if one cannot be read here."""
        try:
            return self._resolved(args, incident)
        except CommandFailed:
            return dict(args)

    def entries_of(self, command: str, args: Mapping[str, Any], incident: dict[str, Any] | None) -> Entries:
        """Run a command for a script. Return all entries, of which a failure is one, too."""
        try:
            calls = self._calls(command, args, incident)
        except CommandFailed as error:
            return [as_reply(error_entry(str(error)), '')]
        return [as_reply(entry, module) for module, run in calls for entry in attempt(run, self.label(module))]

    def modules(self) -> dict[str, dict[str, Any]]:
        """Return the instances in the form of demisto.getModules(), and those that the file of replies adds."""
        added = dict(*self.replies.find('getModules', {}))
        return {name: {'brand': instance.integration.name, 'state': 'disabled' if instance.is_disabled else 'active',
                       'category': str(instance.integration.descriptor.get('category') or ''), 'defaultIgnored': 'false'}
                for name, instance in self.instances.items()} | added

    def supported_commands(self) -> dict[str, list[dict[str, Any]]]:
        """Return the commands of the enabled instances in the form of demisto.getAllSupportedCommands()."""
        return {name: instance.integration.descriptor['script'].get('commands') or []
                for name, instance in self.instances.items() if not instance.is_disabled}

    def run_script(self, script: Script, args: Mapping[str, Any], incident: dict[str, Any] | None = None,
                   parent: dict[str, Any] | None = None) -> Entries:
        """Run a script and return its entries. Raise CommandFailed if it fails, or UsageError if it cannot run here."""
        return self._run_script(script, args, incident, parent).results

    def _run_script(self, script: Script, args: Mapping[str, Any], incident: dict[str, Any] | None = None,
                    parent: dict[str, Any] | None = None) -> Container:
        for doubt in doubts_about(script.name, script.arguments, args):
            self.printer.warn(doubt)
        order = Order(script.name, script.unify(self.runtime.common_server_python), {}, '', 'Scripts',
                      fill_arguments(script.name, script.arguments, args), 0, self.runtime, is_integration=False,
                      incident=incident or {'id': PLAYGROUND, 'name': 'Playground', 'labels': [], 'CustomFields': {}},
                      outputs=self.room(incident['id'] if incident else PLAYGROUND).context(),
                      image=str(script.descriptor.get('dockerimage') or ''), parent=parent)
        container = Container(order, self._site(), partial(ScriptCommands, self, incident))
        run_to_its_end(container, script.name, script.descriptor, self.runtime)
        return container

    def pre_process(self, incoming: dict[str, Any]) -> bool:
        """Return whether the rule's script lets an incident be created: it does unless it returns False.

        A script that fails is reported and drops nothing.
        """
        delivery, script = self.printer.take(incoming), self.script(self._rule)
        if not script:
            return True
        try:
            container = self._run_script(script, {}, incoming)
        except (CommandFailed, UsageError) as error:
            self.printer.alarm(f'The pre-process script {self._rule} failed, so the incident is created: '
                               f'{" ".join(message_of(str(error)).split())}')
            return True
        dropped = any(entry.get('Contents') is False or entry.get('Contents') in DROPS for entry in container.results)
        if dropped:
            self.printer.happened(f"dropped  {incoming['name']}, by the pre-process script {self._rule}")
            assert isinstance(container.commands, ScriptCommands)
            about = {'delivery': delivery, 'at': time.time(), 'dbotMirrorId': str(incoming.get('dbotMirrorId') or ''),
                     **{name: incoming[name] for name in ('name', 'sourceInstance')}}
            acts = [{**about, **act} for act in container.commands.acts() or [{'word': 'dropped', 'incident': '', 'text': ''}]]
            self.store.add_acts(acts)
            self.printer.acted(delivery, acts)
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


def chosen(instances: Iterable[Instance], options: Mapping[str, Any]) -> list[Instance]:
    """Return the instances that `using` and `using-brand` leave. Each may name several, with commas."""
    return [each for each in instances if each.name in split(str(options.get('using', each.name)))
            and each.integration.name in split(str(options.get('using-brand', each.integration.name)))]


def error_entry(text: str) -> dict[str, Any]:
    return {'Type': ERROR_ENTRY, 'ContentsFormat': 'text', 'Contents': text}
