"""Sends a real delivery of a known sender, with that sender's proof, to a running local XSOAR or to any webhook."""
from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from localxsoar.cli import USAGE_ERROR, USUAL_PORT, Parser
from localxsoar.errors import UsageError
from localxsoar.output import became, escape
from localxsoar.page_routes import describe_proof
from localxsoar.responses import headline, problem
from localxsoar.senders import Sender, find_sender, load_senders

LOCAL_URL = f'http://127.0.0.1:{USUAL_PORT}'
SECONDS = 60


def build_parser() -> argparse.ArgumentParser:
    parser = Parser(prog='./dev send', description=__doc__)
    add = parser.add_argument
    add('sender', metavar='SENDER', nargs='?', help='a sender of --list, or a part of its name that no other has')
    add('delivery', metavar='DELIVERY', nargs='?', help='a part of the title of one of its deliveries (default: the first)')
    add('--list', action='store_true', help='list the senders, their proofs and their deliveries')
    add('--senders', metavar='DIR', type=Path, default=Path('senders'), help='the folder of recipes (default: senders)')
    add('--url', default=LOCAL_URL, help=f'the local XSOAR (default: {LOCAL_URL}), or with --token the URL of any webhook')
    add('--token', help='send directly to --url, with a proof that uses this token')
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line. Return 0 if the response is 200, 1 if it is not, and 2 for a wrong command line."""
    try:
        options = build_parser().parse_args(arguments)
        senders = load_senders(options.senders)
        if options.list:
            return list_senders(senders)
        if not options.sender:
            raise UsageError('give a sender; --list shows all.')
        sender = find_sender(senders, options.sender)
        delivery = sender.delivery(options.delivery)
        print(f'{sender.name}: {delivery["title"]} ({describe_proof(sender)})')
        print(shorten(str(delivery.get('text') or json.dumps(delivery.get('payload')))))
        return send_straight(options, sender, delivery) if options.token is not None else send_here(options, sender, delivery)
    except UsageError as error:
        print(f'send: {error}', file=sys.stderr)
        return USAGE_ERROR


def list_senders(senders: Mapping[str, Sender]) -> int:
    for sender in senders.values():
        titles = ', '.join(str(delivery['title']) for delivery in sender.deliveries)
        print(f'{sender.key:<28} {sender.kind:<10} {describe_proof(sender):<44} {titles}')
    return 0


def send_here(options: argparse.Namespace, sender: Sender, delivery: Mapping[str, Any]) -> int:
    """Let the local XSOAR send the delivery, for it knows the token, and print what the delivery became."""
    if urlsplit(options.url).path.strip('/'):
        raise UsageError('a URL with a path is a webhook: give --token, too. The token may be empty.')
    path = f'{options.url.rstrip("/")}/localxsoar/'
    _, _, text = ask(f'{path}senders/{quote(sender.key)}/send', json.dumps({'title': delivery['title']}).encode(), {})
    content = json.loads(text)
    if 'number' not in content:
        raise UsageError(problem(text))
    done = json.loads(ask(f'{path}deliveries/{content["number"]}', None, {})[2])
    print(f'{done["status"]} {done["reason"]}  {done["milliseconds"]:.0f} ms  {escape(became(done))}')
    return 0 if done['status'] == 200 else 1


def send_straight(options: argparse.Namespace, sender: Sender, delivery: Mapping[str, Any]) -> int:
    """Send the delivery to the URL itself, and print the response."""
    request = sender.request(delivery, options.token)
    url = options.url if not request.query else f'{options.url}{"&" if "?" in options.url else "?"}{request.query}'
    started = time.monotonic()
    status, reason, text = ask(url, request.body, dict(request.headers))
    milliseconds = (time.monotonic() - started) * 1000
    print(f'{status} {reason}  {milliseconds:.0f} ms  {escape(problem(text) if status >= 400 else headline(text))}')
    return 0 if status == 200 else 1


def ask(url: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, str, str]:
    """Send a request and return the status, reason and text of the response. Raise UsageError if there is none."""
    try:
        # A proxy of the environment could not reach this machine's own address.
        opener = build_opener(ProxyHandler({})) if urlsplit(url).hostname in ('127.0.0.1', 'localhost') else build_opener()
        with opener.open(Request(url, body, dict(headers)), timeout=SECONDS) as response:
            return response.status, response.reason, response.read().decode('utf-8', 'replace')
    except HTTPError as error:
        return error.code, error.reason, error.read().decode('utf-8', 'replace')
    except (URLError, OSError, ValueError) as error:
        raise UsageError(f'{url.partition("?")[0]} does not respond: {error}. ./dev run starts a local XSOAR.') from None


def shorten(text: str) -> str:
    text = escape(' '.join(text.split()))
    return text if len(text) <= 160 else f'{text[:159]}…'


if __name__ == '__main__':
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it silently
    sys.exit(main())
