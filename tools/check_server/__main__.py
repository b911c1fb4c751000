"""Check on a real Cortex XSOAR what the vendor's documents leave open: `./dev check-server WEBHOOK`.

The API key and the token come from the variables DEMISTO_API_KEY and WEBHOOK_TOKEN, or are asked for. On version 8, the
variable XSIAM_AUTH_ID has the key's ID. SSL_CERT_FILE names certificates that your system does not trust.
"""
from __future__ import annotations

import argparse
import getpass
import json
import os
import secrets as random
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tools.check_server.http import CheckError, check_url
from tools.check_server.questions import MAX_INCIDENTS, Bounds, Visit, ask_all
from tools.check_server.report import Row, hide, markdown, terminal_lines
from tools.check_server.server import Secrets, Server, Webhook

ROOT = Path(__file__).resolve().parents[2]
METADATA = ROOT / 'Packs/GenericWebhook/pack_metadata.json'
USUAL = Bounds(mib=25, seconds=30, search_seconds=30)
PLAN = """This will, on {host}:
- send up to {count} events to the instance {instance}; each becomes an incident with `Check of the server {mark}` in its name,
  and playbooks of its type run;
- send bodies of blanks up to {mib} MiB, and one for {seconds} s; they create nothing;
- search for these incidents, run !generic-webhook-deliveries in the Playground, and close these incidents at the end;
- write {report}, which has neither a secret nor an address."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks and return the exit code: 0 if they ran, 1 if they did not, 2 for a wrong command line."""
    options = build_parser().parse_args(arguments)
    try:
        url = check_url(options.webhook)
        server = check_url(options.server or '{0.scheme}://{0.netloc}'.format(urlsplit(url)))
        key_id = check_secret(os.environ.get('XSIAM_AUTH_ID', '').strip(), 'ID of the key')
        secrets = Secrets(secret('DEMISTO_API_KEY', 'API key'), key_id,
                          secret('WEBHOOK_TOKEN', 'Authorization Verification Token of the instance'))
        visit = Visit(Server(server, secrets), Webhook(url, secrets), random.token_hex(4), ask_bounds())
        if not may_begin(visit, server, options.report):
            print('Nothing was sent.')
            return 1
        check(visit, secrets, options.report, [urlsplit(each).netloc for each in (url, server)])
    except (CheckError, EOFError) as error:
        print(f'check-server: {str(error) or "the input ended."}', file=sys.stderr)
        return 1
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='./dev check-server', description=__doc__.split('\n\n')[0],
                                     epilog=__doc__.split('\n\n')[1])
    add = parser.add_argument
    add('webhook', metavar='WEBHOOK', help='the URL to which senders post, such as https://HOST/instance/execute/NAME')
    add('--server', metavar='URL', help='the server of the API, if its host is another: on version 8, https://api-HOST')
    add('--report', metavar='FILE', type=Path, default=Path('check-server.md'), help='where to write (default: check-server.md)')
    return parser


def secret(variable: str, what: str) -> str:
    """Return a secret from the environment or from a prompt that does not show it. Raise CheckError without one."""
    value = (os.environ.get(variable) or getpass.getpass(f'{what}: ')).strip()  # a file may end with a line break of Windows
    if not value:
        raise CheckError(f'The {what} is missing: set {variable} or type it.')
    return check_secret(value, what)


def check_secret(value: str, what: str) -> str:
    """Return a secret that a header can carry. Raise CheckError, which does not show it, for any other."""
    if not value.isprintable():
        raise CheckError(f'The {what} has a line break or another character that cannot be printed: copy it again.')
    return value


def ask_bounds() -> Bounds:
    return Bounds(ask_number('Largest body to try, in MiB', USUAL.mib),
                  ask_number('Longest request to try, in seconds', USUAL.seconds),
                  ask_number('Longest wait for a search to find an incident, in seconds', USUAL.search_seconds))


def ask_number(question: str, most: int) -> int:
    """Return a number from 1 to `most`, the usual answer. Raise CheckError for anything else."""
    answer = input(f'{question}, 1 to {most} [{most}]: ').strip() or str(most)
    if not answer.isdecimal() or not 1 <= int(answer) <= most:
        raise CheckError(f'{answer!r} is not a number from 1 to {most}.')
    return int(answer)


def may_begin(visit: Visit, server: str, report: Path) -> bool:
    print(PLAN.format(host=urlsplit(server).netloc, count=MAX_INCIDENTS, instance=visit.webhook.instance, mark=visit.mark,
                      mib=visit.bounds.mib, seconds=visit.bounds.seconds, report=report))
    return input('Begin? Type yes: ').strip() == 'yes'


def check(visit: Visit, secrets: Secrets, report: Path, hosts: Sequence[str]) -> None:
    """Ask every question, close what was created, print what was found and write the report."""
    try:
        version = visit.server.version()
    except CheckError:
        version = ''
    rows = []
    try:
        for question, finding in ask_all(visit):
            seen = hide(finding.seen, [*secrets, *hosts, visit.webhook.instance])
            rows.append(Row(question.assumed, question.document, finding._replace(seen=seen)))
            print('\n'.join(terminal_lines(rows[-1:])), flush=True)
    finally:
        close(visit)
    pack = json.loads(METADATA.read_text('utf-8'))['currentVersion']
    report.write_text(markdown(rows, hide(version, [*secrets, *hosts]), pack), 'utf-8')
    print(f'Written: {report}. Please paste it into an issue: it is what the documents need.')


def close(visit: Visit) -> None:
    """Close the incidents that were created, or say which to close by hand."""
    try:
        if visit.made:
            visit.server.close(visit.made)
            print(f'Closed: incidents {", ".join(visit.made)}.')
    except CheckError as error:
        print(f'Close these incidents by hand: {", ".join(visit.made)}. {error}')


if __name__ == '__main__':
    sys.exit(main())
