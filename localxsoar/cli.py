"""The command line of the local XSOAR."""
from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import bottle
import gevent
from gevent.event import Event
from gevent.socket import wait_read

import localxsoar
from localxsoar import pack
from localxsoar.commands import VERSIONS
from localxsoar.container import Runtime
from localxsoar.controls import Controls
from localxsoar.deliveries import Deliveries
from localxsoar.entries import readable
from localxsoar.errors import UsageError
from localxsoar.faults import ANSWERS, Faults
from localxsoar.forward import EXTERNAL_SETTING, PREFIX, Forwarder
from localxsoar.front import Front, is_loopback
from localxsoar.instance import CommandFailed, Instance
from localxsoar.json_routes import format_error, reject_malformed
from localxsoar.masks import Masks
from localxsoar.output import LEVELS, Printer
from localxsoar.page_routes import Page
from localxsoar.ports import FIRST_PORT, LOOPBACK, PORT_PARAMETER, any_free_port, well_known_free_port
from localxsoar.recognition import SenderRecognizer
from localxsoar.senders import load_senders
from localxsoar.store import Store
from localxsoar.xsoar_api import XsoarApi

USUAL_PORT = 8080
ANY_PORT = 0
USAGE_ERROR = 2
LOOK_SECONDS = 0.5
WATCH_SECONDS = 0.3


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of printing its usage, so that an error is one line."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(message)


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(prog='python -m localxsoar', description=localxsoar.__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add('pack', metavar='PACK', type=Path, help="a pack's or an integration's folder, a unified .yml, or a .zip of demisto-sdk")
    add('--instance', metavar='NAME', help="the instance's name (default: the integration's, in small letters)")
    add('--set', metavar='PARAMETER=VALUE', action='append', default=[], help='a parameter of the instance; repeatable')
    add('--host', default=LOOPBACK, help="where to listen, the container's port too (default: 127.0.0.1)")
    add('--port', type=int, help=f'default: {USUAL_PORT} if it is free, else any; 0: any')
    add('--store', metavar='FILE', type=Path, help='keep incidents and the integration context in this file (default: in memory)')
    add('--common-server-python', metavar='FILE', type=Path,
        help="CommonServerPython (default: the file in the pack's repository, or else a subset)")
    add('--python', metavar='PATH', default=sys.executable, help='the interpreter, with its packages, that runs the container')
    add('--server', metavar='VERSION', choices=VERSIONS, default='8',
        help=f'the version of XSOAR to act like: {", ".join(VERSIONS)} (default: 8)')
    add('--watch', action='store_true', help='restart the container when a file of the pack changes')
    add('--server-setting', metavar='KEY=VALUE', action='append', default=[],
        help=f'a server setting; {EXTERNAL_SETTING}.NAME is true unless set here; repeatable')
    add('--heartbeat', metavar='SECONDS', type=float, default=30, help='between two heartbeats (default: 30; 0: no heartbeats)')
    add('--fault', metavar='NAME=VALUE', action='append', default=[],
        help='make the server slow or faulty: call_delay_ms, incident_delay_ms, refuse, drop, rename, hang, cut,\n'
             f'answer={"|".join(ANSWERS)}; repeatable, see the README')
    add('--api-key', metavar='KEY', help='the only API key that is accepted (default: every key is)')
    add('--curl-header', metavar='HEADER', action='append', default=[],
        help='a header of the curl command that is printed; {PARAMETER} in it becomes its value')
    add('--curl-data', metavar='BODY', default='{"name":"my first incident"}', help='the body of that command')
    add('--senders', metavar='DIR', type=Path, help='recipes of senders for the page and `python -m localxsoar.send`')
    add('--command', metavar='NAME', help='run one command and print its entries; exit code 0, or 1 after an error')
    add('--arg', metavar='NAME=VALUE', action='append', default=[], help="an argument; a file's path serves as entry id")
    add('--test', action='store_true', help='press the Test button: print ok, or an error with exit code 1')
    add('--samples', action='store_true', help='print what the mapping wizard would fetch; share the --store of a running server')
    add('--end-with-stdin', action='store_true', help='stop when standard input ends, as when the parent process is killed')
    add('--log-level', choices=LEVELS, default='error',
        help="the lowest level of the container's log that is printed; the page has all of it (default: error)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    sys.stdout.reconfigure(errors='backslashreplace')  # type: ignore[union-attr]
    try:
        options = build_parser().parse_args(arguments)
        instance = build_instance(options)
        if options.test:
            return run_once(instance.test_module)
        if options.samples:
            return run_once(lambda: json.dumps(instance.fetch_samples(), indent=2))
        if options.command:
            args = read_assignments(options.arg, '--arg')
            return run_once(lambda: '\n'.join(map(readable, instance.run(options.command, args))))
        return serve(options, instance)
    except UsageError as error:
        print(f'localxsoar: {error}', file=sys.stderr)
        return USAGE_ERROR


def build_instance(options: argparse.Namespace) -> Instance:
    """Return the instance that the options describe. Raise UsageError if they are wrong."""
    integration = pack.load_integration(options.pack)
    faults = Faults()
    faults.change(read_assignments(options.fault, '--fault'))
    runtime = Runtime(options.common_server_python or pack.find_common_server_python(options.pack), options.heartbeat,
                      LOOPBACK if is_loopback(options.host) else '', find_python(options.python), options.server)
    is_one_off = bool(options.test or options.samples or options.command)
    printer = Printer(options.log_level, partial(print, file=sys.stderr if is_one_off else sys.stdout, flush=True))
    free_port = any_free_port if options.port == ANY_PORT or is_one_off else well_known_free_port
    return Instance(options.instance or integration.name.lower(), integration, read_assignments(options.set, '--set'), runtime,
                    open_store(options.store), faults, printer, free_port)


def find_python(name: str) -> str:
    if not (found := shutil.which(name)):
        raise UsageError(f'--python {name}: there is no such interpreter.')
    return found


def read_assignments(texts: Sequence[str], option: str) -> dict[str, str]:
    """Return NAME=VALUE texts from the command line as a dict. Raise UsageError for any other text."""
    pairs = [text.partition('=') for text in texts]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        if not name or not equals:
            raise UsageError(f'{option} expects NAME=VALUE, not {name or text!r}.')
    return {name: value for name, _, value in pairs}


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


def serve(options: argparse.Namespace, instance: Instance) -> int:
    """Serve until SIGINT or SIGTERM or, with --end-with-stdin, until standard input ends."""
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, stop.set)
    settings = {f'{EXTERNAL_SETTING}.{instance.name}': 'true', **read_assignments(options.server_setting, '--server-setting')}
    front, port, deliveries = listen(options, instance, settings)
    instance.url = f'http://{options.host}:{port}'
    introduce(options, instance, instance.url)
    instance.enable()
    gevent.spawn(say_ready, instance)
    if options.watch:
        gevent.spawn(watch_files, options.pack, instance)
    if options.end_with_stdin:
        gevent.spawn(wait_read, sys.stdin.fileno()).link(lambda _: stop.set())
    stop.wait()
    instance.printer.show('Stopping')
    instance.disable()
    front.stop()
    deliveries.close()
    instance.store.close()
    instance.printer.show('Stopped')
    return 0


def listen(options: argparse.Namespace, instance: Instance, settings: dict[str, str]) -> tuple[Front, int, Deliveries]:
    """Start the HTTP server on the port of --port or, without it, on the usual port or any other.

    Return the server, its port and its deliveries. Raise UsageError if it cannot listen.
    """
    senders = load_senders(options.senders) if options.senders else {}
    masks = Masks(lambda: pack.secret_values(instance.integration, instance.params))
    events = instance.printer.events
    events.mask = masks.everywhere
    deliveries = Deliveries(options.store, SenderRecognizer(list(senders.values())), masks, instance.printer, events)
    page = Page(instance, deliveries, senders, masks, events, partial(curl_command, options, instance.name),
                partial(fill_headers, options.curl_header))
    api = bottle.Bottle()
    api.default_error_handler = format_error
    api.install(reject_malformed)
    for routed in (XsoarApi(instance, settings, options.api_key), Controls(instance), page):
        routed.routes(api)
    forwarder = Forwarder({instance.name: lambda: instance.open_port}, settings)
    ports = [USUAL_PORT, ANY_PORT] if options.port is None else [options.port]
    for port in ports:
        page.front = Front((options.host, port), forwarder, deliveries, api)
        try:
            opened = page.front.start()
            gevent.spawn(watch, page)
            return page.front, opened, deliveries
        except (OSError, OverflowError) as error:
            reason = error
            if port != ports[-1]:
                instance.printer.show(f'Port {port} is in use. Choosing another.')
    raise UsageError(f'cannot listen on {options.host}:{ports[-1]}: {reason}. Try another --port; 0 chooses any free port.')


def introduce(options: argparse.Namespace, instance: Instance, url: str) -> None:
    """Print what was started and how to try it, but no values of encrypted parameters."""
    integration, show = instance.integration, instance.printer.show
    show(f'Pack {integration.pack_name} {integration.pack_version}, integration {integration.name}, instance {instance.name}')
    show(f'Listening on {url}')
    if integration.has_port:
        show(f'Webhook: {url}{PREFIX}{quote(instance.name)}')
    if instance.port:
        is_second_choice = options.port != ANY_PORT and PORT_PARAMETER not in ''.join(options.set) and instance.port != FIRST_PORT
        show(f'Container port: {instance.port}{f" ({FIRST_PORT} is in use)" if is_second_choice else ""}')
    if not is_loopback(options.host):
        show(f"Open to the network: --host {options.host} and the container's port. Anyone who can reach them can use them.")
    show(f'Page: {url}/')
    if not integration.has_port:
        return
    show(f'Try: {curl_command(options, instance.name, url, instance.params)}')
    secrets = pack.secrets_that_are_set(integration, instance.params)
    if secrets and not options.curl_header:
        show(f'Note: the command may need a header, because these encrypted parameters are set: {", ".join(secrets)}')


def curl_command(options: argparse.Namespace, name: str, url: str, params: Mapping[str, object]) -> str:
    """Return the curl command that creates a first incident."""
    headers = ''.join(f' -H {shlex.quote(header)}' for header in fill_headers(options.curl_header, params))
    return f'curl -POST {shlex.quote(url + PREFIX + quote(name))}{headers} -d {shlex.quote(options.curl_data)}'


def fill_headers(templates: Sequence[str], params: Mapping[str, object]) -> list[str]:
    """Return the headers with each `{PARAMETER}` filled in, without those whose parameter has no value."""
    names = {template: re.findall(r'\{(\w+)\}', template) for template in templates}
    return [re.sub(r'\{(\w+)\}', lambda match: str(params[match[1]]), template) for template in templates
            if all(params.get(name) for name in names[template])]


def say_ready(instance: Instance) -> None:
    """Print `Ready` as soon as the instance is."""
    if instance.wait_until_ready():
        instance.printer.show('Ready')


def watch(page: Page) -> None:
    """Publish the instance's state for the page whenever it changes."""
    while True:
        page.publish_state()
        gevent.sleep(LOOK_SECONDS)


def watch_files(path: Path, instance: Instance) -> None:
    """Load the integration again whenever a file of the pack has changed."""
    seen = times_of(path)
    while True:
        gevent.sleep(WATCH_SECONDS)
        if (now := times_of(path)) != seen:
            seen = now
            try:
                instance.reconfigure({}, pack.load_integration(path))
                instance.printer.show('The pack has changed: the container restarts')
            except UsageError as error:
                instance.printer.alarm(str(error))


def times_of(path: Path) -> dict[Path, int]:
    """Return the times at which the pack's files were last changed."""
    with suppress(FileNotFoundError):  # an editor may be replacing a file at this moment
        return {file: file.stat().st_mtime_ns for file in pack.pack_files(path)}
    return {}
