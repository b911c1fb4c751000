"""Sends a real delivery of a known sender, with that sender's proof, to a running local XSOAR or to any webhook."""
from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from localxsoar.cli import USAGE_ERROR, USUAL_PORT, Parser
from localxsoar.errors import UsageError
from localxsoar.terminal.printer import became, colour, escape, took
from localxsoar.webhooks.responses import NOTE, headline, problem
from localxsoar.running import announced_url
from localxsoar.webhooks.senders import Sender, describe_proof, find_sender, load_senders, with_query
from localxsoar.terminal.terminal import Terminal, column, fit

LOCAL_URL = f'http://127.0.0.1:{USUAL_PORT}'
THIS_MACHINE = ('127.0.0.1', 'localhost', '0.0.0.0', '::1')
SECONDS = 60
PAYLOAD_COLUMNS = 160  # of the payload that is printed, in a file or a pipe
NAME_COLUMNS, TITLE_COLUMNS = 20, 28
EXIT_CODES = ('Exit code: 0 if each response is a success (2xx), 1 if one is not, '
              '2 if the command line is wrong or nothing responds.')
KEY = 'DEMISTO_API_KEY'  # the variable from which demisto-sdk, too, takes the key
LOCKED = f'{{}} requires the API key that --api-key sets: put it into the variable {KEY}.'
NOT_LOCAL = '{} responds, but not as a local XSOAR does. ./dev run starts one; --token sends to any webhook.'
Delivery = Mapping[str, Any]


class NoResponse(UsageError):
    """Nothing responds at the URL, or not what is expected there."""


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(prog='./dev send', description=__doc__, epilog=EXIT_CODES)
    add = parser.add_argument
    add('sender', metavar='SENDER', nargs='?', help='a sender of --list, or a part of its name that no other has')
    add('delivery', metavar='DELIVERY', nargs='?', help='a part of the title of one of its deliveries (default: the first)')
    add('--all', action='store_true', help='send every delivery of the sender or, without one, of all senders')
    add('--list', action='store_true', help='list the senders, their proofs and their deliveries; with SENDER, its own')
    add('--senders', metavar='DIR', type=Path, default=Path('senders'), help='the folder of recipes (default: senders)')
    add('--query', metavar='WORDS', default='', help='further parameters of the URL, such as name=alert.message')
    add('--url', help=f'the local XSOAR (default: the one that runs, or {LOCAL_URL}), or with --token the URL of any webhook')
    add('--token', help='send directly to --url, with a proof that uses this token')
    add('--url-file', metavar='FILE', type=Path, help='where a running local XSOAR has written its address')
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code, as EXIT_CODES says."""
    sys.stdout.reconfigure(errors='backslashreplace')  # type: ignore[union-attr]
    terminal = Terminal.of(sys.stdout)
    try:
        options = build_parser().parse_args(arguments)
        senders = choose_senders(load_senders(options.senders), options)
        if options.query and options.all:
            raise UsageError('--query goes with one delivery: leave out --all.')
        if options.list:
            return list_senders(senders, terminal)
        url = find_url(options)
        return (send_all if options.all else send_one)(options, url, senders, terminal)
    except UsageError as error:
        print(f'send: {escape(str(error))}', file=sys.stderr)
        return USAGE_ERROR


def choose_senders(senders: dict[str, Sender], options: argparse.Namespace) -> list[Sender]:
    """Return the senders that the command line means. Raise UsageError if it is contradictory, or means none."""
    if options.all and options.delivery:
        raise UsageError('--all sends every delivery: give no DELIVERY.')
    if not options.sender:
        if not options.all and not options.list:
            raise UsageError('give a sender; --list shows all.')
        return list(senders.values())
    try:
        sender = find_sender(senders, options.sender)
    except UsageError as error:
        raise UsageError(f'{error} --list shows all.') from None
    sender.delivery(options.delivery)  # raises, so that nothing is looked for in vain
    return [sender]


def list_senders(senders: Sequence[Sender], terminal: Terminal) -> int:
    """Print each sender on a line or, if there is only one, each of its deliveries."""
    for sender in senders:
        titles = [str(delivery['title']) for delivery in sender.deliveries]
        for text in titles if len(senders) == 1 else [', '.join(titles)]:
            print(fit(f'{sender.key:<28} {sender.kind:<10} {describe_proof(sender):<44} {text}', terminal.columns()))
    return 0


def find_url(options: argparse.Namespace) -> str:
    """Return the URL to send to. Raise UsageError if it is not what the other options need."""
    path = check_url(options.url).strip('/') if options.url else ''
    if options.token is not None:
        if not options.url:
            raise UsageError('--token needs --url, the URL of a webhook.')
        return str(options.url)
    if path:
        raise UsageError('a URL with a path is a webhook: give --token, too. The token may be empty.')
    # A server that was killed leaves its address behind, while another may have the usual one.
    for url in [options.url] if options.url else filter(None, [announced_url(options.url_file), LOCAL_URL]):
        try:
            return check_local_xsoar(url.rstrip('/'))
        except NoResponse as error:
            reason = error
    raise reason


def check_url(url: str) -> str:
    """Return the path of a URL. Raise UsageError if it is not one of HTTP."""
    with suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in ('http', 'https') and parts.hostname:
            return parts.path
    raise UsageError(f'{url} is not a URL that begins with http:// or https:// and a host.')


def check_local_xsoar(url: str) -> str:
    """Return the URL. Raise NoResponse if no local XSOAR responds there, or UsageError if it requires a key."""
    try:
        status, _, text, _ = ask(f'{url}/localxsoar/senders', None, key_header())
    except NoResponse as error:
        raise NoResponse(f'{error} ./dev run starts a local XSOAR.') from None
    if status == 401:
        raise UsageError(LOCKED.format(url))  # it is the one that was meant
    if status != 200 or not isinstance(as_json(text), list):
        raise NoResponse(NOT_LOCAL.format(url))
    return url


def key_header() -> dict[str, str]:
    """Return the header with the API key, if the environment has one."""
    return {'Authorization': os.environ[KEY]} if os.environ.get(KEY) else {}


def as_json(text: str) -> Any:
    """Return the JSON of a text, or None if it has none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def send_one(options: argparse.Namespace, url: str, senders: Sequence[Sender], terminal: Terminal) -> int:
    """Send one delivery, and print it, the response, and what it became."""
    [sender], columns = senders, terminal.columns()
    delivery = with_query(sender.delivery(options.delivery), options.query)
    print(f'{sender.name}: {delivery["title"]} ({describe_proof(sender)})')
    payload = ' '.join(str(delivery.get('text') or json.dumps(delivery.get('payload'))).split())
    print(fit(escape(payload), columns or PAYLOAD_COLUMNS))
    done = send(options, url, sender, delivery)
    status = f'{done["status"] or "---"} {done["reason"]}'.rstrip()
    print(f'{terminal.paint(status, colour(done))}  {done["milliseconds"]:.0f} ms  {escape(became(done))}')
    if done.get('note'):
        print(f'{NOTE}: {escape(done["note"])}')
    return 0 if is_success(done) else 1


def send_all(options: argparse.Namespace, url: str, senders: Sequence[Sender], terminal: Terminal) -> int:
    """Send every delivery of the senders, and print one line for each, and how many got which status."""
    results = Counter[str]()
    for sender in senders:
        for delivery in sender.deliveries:
            try:
                done = send(options, url, sender, delivery)
            except NoResponse:
                raise
            except UsageError as error:  # the token cannot be this sender's
                done = {'status': None, 'kind': 'gone', 'milliseconds': 0, 'incidents': [], 'text': f'not sent: {error}'}
            results[str(done['status'] or 'not sent')] += 1
            text = (f'{took(done["milliseconds"])}  {column(sender.name, NAME_COLUMNS)}  '
                    f'{column(str(delivery["title"]), TITLE_COLUMNS)}  {escape(became(done))}')
            columns = terminal.columns()
            status = terminal.paint(str(done['status'] or '---'), colour(done))
            print(f'{status} {fit(text, columns and columns - len("200 "))}', flush=True)
    print(f'{results.total()} deliveries: {", ".join(f"{count} × {result}" for result, count in results.most_common())}')
    return 0 if all(result.startswith('2') for result in results) else 1


def is_success(done: Delivery) -> bool:
    return 200 <= (done['status'] or 0) < 300


def send(options: argparse.Namespace, url: str, sender: Sender, delivery: Delivery) -> Delivery:
    """Send a delivery, and return what it became, with the names that a delivery of the page has."""
    return send_straight(url, options.token, sender, delivery) if options.token is not None else send_here(url, sender, delivery)


def send_here(url: str, sender: Sender, delivery: Delivery) -> Delivery:
    """Let the local XSOAR send the delivery, because it knows the token."""
    path = f'{url}/localxsoar/'
    wanted = {'title': delivery['title'], 'query': delivery.get('query', '')}
    _, _, text, _ = ask(f'{path}senders/{quote(sender.key)}/send', json.dumps(wanted).encode(), key_header())
    content = as_json(text)
    if not isinstance(content, dict):
        raise UsageError(NOT_LOCAL.format(url))
    if 'number' not in content:
        raise UsageError(problem(text))
    status, _, text, _ = ask(f'{path}deliveries/{content["number"]}', None, key_header())
    done = as_json(text)
    if status != 200 or not isinstance(done, dict):
        raise UsageError(problem(text))
    return done


def send_straight(url: str, token: str, sender: Sender, delivery: Delivery) -> Delivery:
    """Send the delivery to the URL itself."""
    request = sender.request(delivery, token)
    whole = url if not request.query else f'{url}{"&" if "?" in url else "?"}{request.query}'
    started = time.monotonic()
    status, reason, text, notes = ask(whole, request.body, dict(request.headers))
    kind, text = ('rejected', problem(text)) if status >= 400 else ('answered', headline(text))
    return {'status': status, 'reason': reason, 'milliseconds': (time.monotonic() - started) * 1000, 'kind': kind,
            'incidents': [], 'text': text, 'note': ' '.join(notes)}


def ask(url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, str, str, list[str]]:
    """Send a request and return the status, reason, text and notes of the response. Raise NoResponse if there is none."""
    shown = url.partition('?')[0].removesuffix('/localxsoar/senders')
    # A proxy of the environment could not reach this machine's own address.
    opener = build_opener(ProxyHandler({})) if urlsplit(url).hostname in THIS_MACHINE else build_opener()
    try:
        try:
            response = opener.open(Request(url, body, dict(headers)), timeout=SECONDS)
        except HTTPError as error:
            response = error
        with response:
            text = response.read().decode('utf-8', 'replace')
            return response.status, response.reason, text, response.headers.get_all(NOTE, [])
    except (URLError, OSError, HTTPException) as error:
        cause = getattr(error, 'reason', error)
        reason = getattr(cause, 'strerror', '') or ' '.join(str(cause).split()) or type(error).__name__
        fault = 'does not respond' if isinstance(error, OSError) else 'does not respond in HTTP'
        raise NoResponse(f'{shown} {fault}: {reason}.') from None
    except ValueError:  # its text could show the token
        raise UsageError(f'{shown} cannot be sent this: the URL or the token has a character that HTTP does not allow.') from None


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it silently
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # and so does Ctrl-C
    sys.exit(main())
