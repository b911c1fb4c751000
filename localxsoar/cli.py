"""The command line of the local XSOAR."""
from __future__ import annotations

import argparse
import errno
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import bottle
import gevent
from gevent.event import Event
from gevent.socket import wait_read

import localxsoar
from localxsoar.packs import pack, parameters
from localxsoar.web.commands import CommandRoutes
from localxsoar.containers.commands import VERSIONS
from localxsoar.containers.container import Runtime
from localxsoar.containers.instruments import Instruments
from localxsoar.containers.single_commands import polls_in
from localxsoar.web.controls import Controls
from localxsoar.webhooks.deliveries import KEPT_DELIVERIES, MOST_DELIVERIES, Deliveries
from localxsoar.incidents.entries import ERROR_ENTRY, PLAYGROUND, readable
from localxsoar.errors import CommandFailed, UsageError
from localxsoar.containers.faults import ANSWERS, Faults
from localxsoar.incidents.files import save_file
from localxsoar.events import Events
from localxsoar.forward import EXTERNAL_SETTING, PREFIX, Forwarder
from localxsoar.web.front import Front, is_loopback
from localxsoar.server.instance import Instance
from localxsoar.instance_options import InOrder, add_instances, read_assignments
from localxsoar.web.routes import compress, format_error, reject_malformed
from localxsoar.web.keys import demand_key
from localxsoar.webhooks.masks import Masks
from localxsoar.terminal.printer import LEVELS, Printer, print_now
from localxsoar.web.deliveries import DeliveryRoutes
from localxsoar.web.events import EventRoutes
from localxsoar.web.incidents import IncidentRoutes
from localxsoar.web.instances import InstanceRoutes
from localxsoar.web.page_files import PageFiles
from localxsoar.web.previews import PreviewRoutes
from localxsoar.web.senders import SenderRoutes
from localxsoar.containers.ports import FIRST_PORT, LOOPBACK, any_free_port, well_known_free_port
from localxsoar.webhooks.recognition import SenderRecognizer
from localxsoar.packs.repository import find_common_server_python
from localxsoar.packs.scripts import SCRIPTS_ONLY, load_scripts
from localxsoar.running import announced
from localxsoar.webhooks.senders import load_senders
from localxsoar.webhooks.url_words import load_url_words
from localxsoar.server.replies import load_replies
from localxsoar.server.server import Server
from localxsoar.incidents.store import Store
from localxsoar.terminal.terminal import Terminal
from localxsoar.unit_tests import run_unit_tests
from localxsoar.web.xsoar_api import XsoarApi

USUAL_PORT = 8080
ANY_PORT = 0
USAGE_ERROR = 2
LOOK_SECONDS = 0.5
WATCH_SECONDS = 0.3
SCHEDULE_SECONDS = 5


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of printing its usage, so that an error is one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(message)


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(prog='localxsoar', description=localxsoar.__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add_instance_options(parser.add_argument)
    add_server_options(parser.add_argument)
    add_single_runs(parser.add_argument)
    return parser


def add_instance_options(add: Callable[..., Any]) -> None:
    """Add the options that say what runs: the pack, its instances and their parameters."""
    add('--version', action='version', version=f'localxsoar {localxsoar.__version__}')
    add('pack', metavar='PACK', type=Path, nargs='+',
        help="a pack's or an integration's folder, a unified .yml, or a .zip of demisto-sdk; repeatable")
    add('--integration', metavar='NAME', action=InOrder,
        help='the integration of the pack (default: its long-running one); repeatable')
    add('--instance', metavar='NAME', action=InOrder,
        help="an instance's name (default: the integration's, in small letters); repeatable, for several instances")
    add('--set', metavar='PARAMETER=VALUE', action=InOrder, default=[],
        help='a parameter of the instance before it, or of all if none is before it; repeatable')


def add_server_options(add: Callable[..., Any]) -> None:
    """Add the options of the server, its container and its page."""
    add('--host', default=LOOPBACK, help="where to listen, the container's port too (default: 127.0.0.1)")
    add('--port', type=port_number, help=f'default: {USUAL_PORT} if it is free, else any; 0: any')
    add('--url-file', metavar='FILE', type=Path,
        help='write the address to this file while it runs, for `python -m localxsoar.send`')
    add('--store', metavar='FILE', type=Path, help='keep incidents and the integration context in this file (default: in memory)')
    add('--keep', metavar='N', type=int, default=KEPT_DELIVERIES,
        help=f'keep the last N deliveries (default: {KEPT_DELIVERIES}; more, to {MOST_DELIVERIES:,}, need a --store)')
    add('--common-server-python', metavar='FILE', type=Path,
        help="CommonServerPython (default: that of a content repository or of demisto-sdk's cache,\nor else the carried subset)")
    add('--python', metavar='PATH', default=sys.executable, help='the interpreter, with its packages, that runs the container')
    add('--server', metavar='VERSION', choices=VERSIONS, default='8',
        help=f'the version of XSOAR to act like: {", ".join(VERSIONS)} (default: 8)')
    add('--watch', action='store_true', help='restart the container when a file of the pack changes')
    add('--debugpy', metavar='PORT', type=int, default=0, help='wait for a debugger on this port before the script runs')
    add('--server-setting', metavar='KEY=VALUE', action='append', default=[],
        help=f'a server setting; {EXTERNAL_SETTING}.NAME is true unless set here; repeatable')
    add('--heartbeat', metavar='SECONDS', type=float, default=30, help='between two heartbeats (default: 30; 0: no heartbeats)')
    add('--fault', metavar='NAME=VALUE', action='append', default=[],
        help='make the server slow or faulty: call_delay_ms, incident_delay_ms, refuse, drop, rename, hang, cut, deny,\n'
             f'answer={"|".join(ANSWERS)}; repeatable; Faults in REFERENCE.md says what each does')
    add('--api-key', metavar='KEY',
        help='the key that everything but webhooks requires: for tools in Authorization, for the page as password of any user\n'
             '(default: nothing requires a key)')
    add('--curl-header', metavar='HEADER', action='append', default=[],
        help='a header of the curl command that is printed; {PARAMETER} in it becomes its value')
    add('--curl-data', metavar='BODY', default='{"name":"my first incident"}', help='the body of that command')
    add('--senders', metavar='DIR', type=Path, help='recipes of senders for the page and `python -m localxsoar.send`')
    add('--url-words', metavar='FILE', type=Path,
        help="the words that the pack reads in a sender's URL, which the page then writes by clicking (default: it does not)")


def add_single_runs(add: Callable[..., Any]) -> None:
    """Add the options that run something once instead of serving, and those of how it ends and what it prints."""
    add('--command', metavar='NAME', help='run one command or script and print its entries; exit code 0, or 1 after an error')
    add('--arg', metavar='NAME=VALUE', action='append', default=[],
        help="an argument; a file's path serves as entry id, and @FILE.json gives what the file has")
    add('--incident', metavar='ID', default=PLAYGROUND, help='the incident of the --store that --command runs in (default: none)')
    add('--replies', metavar='FILE.json', type=Path,
        help='replies to commands that nothing here has: {"send-mail": "sent", "GET /users": []}')
    add('--entry', metavar='ID', default='',
        help='the entry in the --store whose button runs --command: demisto.parentEntry() returns it')
    add('--pre-process', metavar='SCRIPT', default='',
        help="run this script of the pack's Scripts folder for each incident of an instance; False drops the incident")
    add('--unit-tests', action='store_true',
        help="run the pack's own *_test.py files with pytest, which must be installed beside this package")
    add('--test', action='store_true', help='press the Test button: print ok, or an error with exit code 1')
    add('--samples', action='store_true', help='print what the mapping wizard would fetch; share the --store of a running server')
    add('--end-with-stdin', action='store_true', help='stop when standard input ends, as when the parent process is killed')
    add('--log-level', choices=LEVELS, default='error',
        help="the lowest level of the container's log that is printed; the page has all of it (default: error)")


def port_number(text: str) -> int:
    """Return the port that a text names. Raise ArgumentTypeError if it names none."""
    if text.isascii() and text.isdigit() and int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f'{text!r} is not a number from 0 to 65535.')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    sys.stdout.reconfigure(errors='backslashreplace')  # type: ignore[union-attr]
    try:
        code = run(build_parser().parse_intermixed_args(arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # such as `head`, which has read enough; what is still to be written goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except UsageError as error:
        print(f'localxsoar: {error}', file=sys.stderr)
        return USAGE_ERROR


def run(options: argparse.Namespace) -> int:
    """Do what the options say and return the exit code."""
    check_keep(options)
    if options.unit_tests:
        return run_unit_tests(options.pack, find_python(options.python), options.common_server_python)
    events = Events()
    server = build_server(options, events)
    if not is_one_off(options):
        return serve(options, server, events)
    front, port, deliveries, _ = listen(options, server, events, {})  # integrations may ask the server for something, too
    server.runtime.address.url = f'http://{LOOPBACK}:{port}'
    try:
        return run_one_off(options, server)
    finally:
        front.stop()
        deliveries.close()


def is_one_off(options: argparse.Namespace) -> bool:
    return bool(options.test or options.samples or options.command)


def run_one_off(options: argparse.Namespace, server: Server) -> int:
    """Run what the options ask for once, and return the exit code."""
    if options.command:
        return run_command(server, options.command, read_arguments(options.arg), options.incident, options.entry)
    if options.test:
        return run_once(server.first.test_module)
    return run_once(lambda: json.dumps(server.first.fetch_samples(), indent=2))


def read_arguments(texts: Sequence[str]) -> dict[str, Any]:
    """Return NAME=VALUE texts as a dict; `@FILE.json` stands for what the file has. Raise UsageError if it has no JSON."""
    args: dict[str, Any] = read_assignments(texts, '--arg')
    for name, value in args.items():
        if value.startswith('@') and value.endswith('.json'):
            try:
                args[name] = json.loads(Path(value[1:]).read_text('utf-8'))
            except (OSError, ValueError) as error:
                reason = getattr(error, 'strerror', None) or f'it is not JSON: {error}'
                raise UsageError(f'--arg {name}={value}: {reason}.') from None
    return args


def check_keep(options: argparse.Namespace) -> None:
    """Raise UsageError if more deliveries are to be kept than memory or a store has room for."""
    most = MOST_DELIVERIES if options.store else KEPT_DELIVERIES
    if not 1 <= options.keep <= most:
        reason = '' if options.store or options.keep < 1 else ' without --store FILE'
        raise UsageError(f'--keep {options.keep}: it is a number from 1 to {most:,}{reason}.')


def build_server(options: argparse.Namespace, events: Events) -> Server:
    """Return the server that the options describe. Raise UsageError if they are wrong."""
    for path in options.pack:
        pack.check_exists(path)
    scripts = {name: script for path in reversed(options.pack) for name, script in load_scripts(path).items()}
    faults = Faults()
    faults.change(read_assignments(options.fault, '--fault'))
    found = (find_common_server_python(path) for path in options.pack)
    common = options.common_server_python or next(filter(None, found), pack.CARRIED_COMMON_SERVER_PYTHON)
    # A script that a debugger has stopped sends no heartbeats.
    runtime = Runtime(common, 0 if options.debugpy else options.heartbeat, LOOPBACK if is_loopback(options.host) else '',
                      find_python(options.python), options.server,
                      Instruments(options.debugpy, json.loads(os.environ.get('LOCALXSOAR_COVERAGE') or '{}')))
    runtime.address.key = options.api_key or ''
    stream = sys.stderr if is_one_off(options) else sys.stdout
    write = print_if_read if is_one_off(options) else print_now
    printer = Printer(options.log_level, write, Terminal.of(stream), events.publish)
    server = Server(scripts, runtime, open_store(options.store), faults, printer, options.pre_process, options.pack,
                    load_replies(options.replies))
    has_integration = any(map(pack.load_integrations, options.pack))
    free_port = any_free_port if options.port == ANY_PORT or is_one_off(options) else well_known_free_port
    if options.command and (server.has_without_instance(options.command) or (scripts and not has_integration)):
        add_instances(options, server, free_port, only_ready=True)
    elif scripts and not has_integration and not is_one_off(options):
        server.add(SCRIPTS_ONLY.name.lower(), SCRIPTS_ONLY, {}, any_free_port)
    else:
        add_instances(options, server, free_port)
    return server


def print_if_read(text: str) -> None:
    """Print to standard error. If nobody reads it any more, such as `head`, the command still has to come to its end."""
    with suppress(BrokenPipeError):
        print(text, file=sys.stderr, flush=True)


def find_python(name: str) -> str:
    if not (found := shutil.which(name)):
        raise UsageError(f'--python {name}: there is no such interpreter.')
    return os.path.abspath(found)  # a container has another folder; a link stays one, as a virtual environment needs


def open_store(file: Path | None) -> Store:
    """Open the store in a file, or in memory. Raise UsageError if that is impossible."""
    try:
        if file:
            file.touch(mode=0o600)  # recorded deliveries contain secrets
        return Store(file)
    except (OSError, sqlite3.Error) as error:
        raise UsageError(f'--store {file}: {error}') from None


def run_once(command: Callable[[], str]) -> int:
    """Run a single command of the integration, print its result or its error, and return the exit code."""
    try:
        print(command())
    except CommandFailed as error:
        print(error)
        return 1
    return 0


def run_command(server: Server, command: str, args: dict[str, Any], incident: str, parent: str) -> int:
    """Run a command or a script, again if it polls, print its entries and save its files. Return 1 after an error, or else 0."""
    started = time.monotonic()
    while True:
        entries = [entry for _, entry in server.run_in_war_room(command, args, incident, parent)]
        for entry in entries:
            file = server.store.file(str(entry.get('FileID') or '')) if entry.get('File') else None
            print(readable(entry, str(save_file(*file)) if file else ''), flush=True)
        poll = next(polls_in(entries), None)
        if not poll:
            return int(any(entry.get('Type') == ERROR_ENTRY for entry in entries))
        if time.monotonic() - started + poll.seconds > poll.timeout:
            print(f'{poll.command} was not done within {poll.timeout:g} s.')
            return 1
        gevent.sleep(poll.seconds)
        command, args = poll.command, poll.args


def serve(options: argparse.Namespace, server: Server, events: Events) -> int:
    """Serve until SIGINT or SIGTERM or, with --end-with-stdin, until standard input ends."""
    instance = server.first
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, stop.set)
    settings = {f'{EXTERNAL_SETTING}.{name}': 'true' for name in server.instances}
    settings |= read_assignments(options.server_setting, '--server-setting')
    front, port, deliveries, previews = listen(options, server, events, settings)
    url = f'http://{options.host}:{port}'
    with announced(options.url_file, url):
        introduce(options, instance, url)
        for other in list(server.instances.values())[1:]:
            introduce_further(other, url)
        if options.pre_process:
            instance.printer.show(f'Pre-process rule: {options.pre_process}')
        server.runtime.address.url = url
        for each in server.instances.values():
            each.enable()
        gevent.spawn(run_schedule, server)
        gevent.spawn(say_ready, server)
        if options.watch:
            gevent.spawn(watch_files, options.pack, server)
        if options.end_with_stdin:
            gevent.spawn(wait_read, sys.stdin.fileno()).link(lambda _: stop.set())
        stop.wait()
    server.printer.show('Stopping')
    gevent.joinall([gevent.spawn(end) for end in (previews.close, *(each.disable for each in server.instances.values()))])
    front.stop()
    deliveries.close()
    instance.store.close()
    instance.printer.finish()
    instance.printer.show('Stopped')
    return 0


def listen(options: argparse.Namespace, server: Server, events: Events, settings: dict[str, str]
           ) -> tuple[Front, int, Deliveries, PreviewRoutes]:
    """Start the HTTP server, and return it, its port, its deliveries and its previews. Raise UsageError if it cannot listen."""
    senders = load_senders(options.senders) if options.senders else {}
    words = load_url_words(options.url_words) if options.url_words else {}
    masks = Masks(server.secrets)
    events.mask = masks.everywhere
    server.store.updated = partial(events.publish, 'incident')
    server.changed = partial(events.publish, 'pack', {})
    store = None if is_one_off(options) else options.store  # a running server may be recording there
    deliveries = Deliveries(store, SenderRecognizer(list(senders.values())), masks, server.printer, events, options.keep)
    api = make_api(options)
    front = Front(LOOPBACK if is_one_off(options) else options.host, Forwarder(server.open_ports, settings), deliveries, api)
    instances = InstanceRoutes(server, masks, events.publish, partial(curl_command, options))
    history = DeliveryRoutes(server, deliveries, senders, masks, front, partial(fill_headers, options.curl_header))
    previews = PreviewRoutes(server, deliveries, masks, words, history.replay)
    for routed in (
        XsoarApi(server, settings), Controls(server), PageFiles(server, events), instances, IncidentRoutes(server.store, masks),
        history, previews, SenderRoutes(server, senders, front), CommandRoutes(server, masks), EventRoutes(server),
    ):
        routed.routes(api)
    port = front.start(ANY_PORT) if is_one_off(options) else open_port(options, front, server.printer)
    if not is_one_off(options):
        gevent.spawn(watch, instances, deliveries)
        gevent.spawn(deliveries.index.prepare)
    return front, port, deliveries, previews


def make_api(options: argparse.Namespace) -> bottle.Bottle:
    """Return an API without routes, which reports errors and, with --api-key, demands the key."""
    api = bottle.Bottle()
    api.default_error_handler = format_error
    if options.api_key is not None:
        api.install(demand_key(options.api_key))
    api.install(reject_malformed)
    api.install(compress)
    return api


def open_port(options: argparse.Namespace, front: Front, printer: Printer) -> int:
    """Listen on the port of --port or, without it, on the usual port or any other. Raise UsageError if that is impossible."""
    ports = [USUAL_PORT, ANY_PORT] if options.port is None else [options.port]
    for port in ports:
        try:
            return front.start(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == ports[-1]:
                raise UsageError(cannot_listen(options.host, port, error)) from None
            printer.show(f'Port {port} is in use. Choosing another.')
    raise AssertionError('the last port either opens or raises')


def cannot_listen(host: str, port: int, error: OSError) -> str:
    """Return what keeps the server from listening there, and what to do about it."""
    reason = (error.strerror or str(error)).partition(': (')[0]  # gevent appends the address
    is_port = error.errno in (errno.EADDRINUSE, errno.EACCES)
    advice = 'Try another --port; 0 chooses any free port' if is_port else '--host must be an address of this machine'
    return f'cannot listen on {host}:{port}: {reason}. {advice}.'


def introduce(options: argparse.Namespace, instance: Instance, url: str) -> None:
    """Print what was started and how to try it, but no values of encrypted parameters."""
    integration, show = instance.integration, instance.printer.show
    show(f'Pack {integration.pack_name} {integration.pack_version}, integration {integration.name}, instance {instance.name}')
    show(f'Listening on {url}')
    if integration.has_port:
        show(f'Webhook: {url}{PREFIX}{quote(instance.name)}')
    if instance.port:
        is_given = options.port == ANY_PORT or pack.PORT_PARAMETER in ''.join(options.set)
        show(f'Container port: {instance.port}{"" if is_given or instance.port == FIRST_PORT else f" ({FIRST_PORT} is in use)"}')
    if not is_loopback(options.host):
        show(f"Open to the network: --host {options.host} and the container's port. Anyone who can reach them can use them.")
    show(f'Page: {url}/{"" if options.api_key is None else " (any user, the API key as password)"}')
    if not integration.creates_incidents:
        return
    show(f'Try: {curl_command(options, instance.name, url, instance.params)}')
    secrets = parameters.secrets_that_are_set(integration, instance.params)
    if secrets and not options.curl_header:
        show(f'Note: the command may need a header, because these encrypted parameters are set: {", ".join(secrets)}')


def introduce_further(instance: Instance, url: str) -> None:
    """Print the name and the addresses of an instance after the first."""
    show = instance.printer.show
    show(f'Integration {instance.integration.name}, instance {instance.name}')
    if instance.integration.has_port:
        show(f'Webhook: {url}{PREFIX}{quote(instance.name)}')
        show(f'Container port: {instance.port}')


def curl_command(options: argparse.Namespace, name: str, url: str, params: Mapping[str, object]) -> str:
    """Return the curl command that creates a first incident."""
    headers = ''.join(f' -H {shlex.quote(header)}' for header in fill_headers(options.curl_header, params))
    return f'curl -POST {shlex.quote(url + PREFIX + quote(name))}{headers} -d {shlex.quote(options.curl_data)}'


def fill_headers(templates: Sequence[str], params: Mapping[str, object]) -> list[str]:
    """Return the headers with each `{PARAMETER}` filled in, without those whose parameter has no value.

    Of a parameter that holds several secrets, fill in the first.
    """
    names = {template: re.findall(r'\{(\w+)\}', template) for template in templates}
    return [re.sub(r'\{(\w+)\}', lambda match: parameters.parts_of(str(params[match[1]]))[0], template) for template in templates
            if all(params.get(name) for name in names[template])]


def say_ready(server: Server) -> None:
    """Print `Ready` as soon as all instances are."""
    if all(instance.wait_until_ready() for instance in list(server.instances.values())):
        server.printer.show('Ready', 'good')


def watch(instances: InstanceRoutes, deliveries: Deliveries) -> None:
    """Publish the state of each instance for the page whenever it changes, and print the deliveries that wait for the log."""
    while True:
        instances.publish_states()
        deliveries.print_late()
        gevent.sleep(LOOK_SECONDS)


def run_schedule(server: Server) -> None:
    """Run what scripts have scheduled when its time has come."""
    while True:
        gevent.spawn(server.schedule.run_due, datetime.now())
        gevent.sleep(SCHEDULE_SECONDS)


def watch_files(packs: Sequence[Path], server: Server) -> None:
    """Load the packs again whenever a file of theirs has changed."""
    seen = list(map(times_of, packs))
    while True:
        gevent.sleep(WATCH_SECONDS)
        if (now := list(map(times_of, packs))) != seen:
            seen = now
            runs_on = any(instance.enabled and instance.runs_long for instance in server.instances.values())
            try:
                server.reload()
                next_step = 'the container restarts' if runs_on else 'the next command runs the new files'
                server.printer.show(f'The pack has changed: {next_step}')
            except UsageError as error:
                server.printer.alarm(str(error))


def times_of(path: Path) -> dict[Path, int]:
    """Return the times at which the pack's files were last changed."""
    with suppress(FileNotFoundError):  # an editor may be replacing a file at this moment
        return {file: file.stat().st_mtime_ns for file in pack.pack_files(path)}
    return {}
