"""What the commands do: serving, the Test button, and the report of deliveries."""
import gc
import os
import signal
import time
from collections.abc import Iterator
from itertools import chain, repeat
from typing import Any

import gevent
from CommonServerPython import CommandResults, EntryFormat, EntryType, arg_to_number, tableToMarkdown
from msgspec.structs import asdict

from receiver.app import WebhookApp
from receiver.events.rows import SenderRows
from receiver.http.listener import Listener
from receiver.journal.history import History, read_history
from receiver.line import ServerLine, wait_until
from receiver.problems import utc_text
from receiver.proof.schemes import equals_empty_key, keys_from_base64
from receiver.settings import TOKEN_LABEL, Settings, Tokens, label_of

VERSION = '1.4.0'  # of the pack, in the log and the history: which code runs


def serve(settings: Settings, sender_rows: SenderRows) -> None:
    """Serve until the process is asked to stop or the line is cut, then end the process.

    Returning is not enough: the platform's loop would keep the process.
    """
    gc.collect()
    gc.freeze()  # CommonServerPython stays in memory until the end, so later collections need not look through it
    gc.set_threshold(10_000, 20, 20)  # collect rarely, since requests leave hardly any cycles behind
    line = ServerLine()
    line.log('info', f'Generic Webhook {VERSION} starts.')
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, line.stop)
    line.history.begin_tokens(settings.tokens, utc_text(int(time.time())))
    listener = Listener(WebhookApp(settings, line, sender_rows))
    open_port(listener)
    line.ending.wait()
    listener.close()
    gevent.sleep(0.1)  # let connections accepted just now send their request: it gets a response, too
    line.drain()
    wait_until(lambda: listener.is_idle, seconds=1)  # until the last responses are sent
    os._exit(1 if line.is_cut else 0)


def open_port(listener: Listener) -> None:
    """Start the listener. If its port can't be opened, try again until it can, or until the process is asked to end."""
    line, settings = listener.app.line, listener.app.settings
    for retry_seconds in chain((1, 2, 4), repeat(5)):  # every 5 s from the fourth failure on
        try:
            listener.start()
            break
        except OSError as error:
            reason = f"Listen Port {settings.port} can't be opened: {os.strerror(error.errno or 0)}. Trying again."
            line.health.error = reason
            line.log('error', reason)
        if line.ending.wait(retry_seconds):
            return
    line.health.error = ''
    line.record_listening(f'{utc_text(int(time.time()))} (version {VERSION})')
    line.log('info', f'Listening on port {settings.port}.')
    for warning in warnings_about(settings.tokens):
        line.log('info', warning)


def warnings_about(tokens: Tokens) -> Iterator[str]:
    """Yield a sentence for each weakness of the tokens."""
    if not tokens:
        yield f'No {TOKEN_LABEL} is configured: every POST is accepted.'
    for token in tokens:
        which = label_of(token.name, len(tokens))
        if len(token.value.decode()) < 16:
            yield f'The {which} can be guessed: it has fewer than 16 characters.'
        if any(map(equals_empty_key, keys_from_base64(token.value.removeprefix(b'whsec_')))):
            yield (f'Decoded from base64, the {which} has zero bytes only, with which anyone can sign: '
                   'signatures of Standard Webhooks, Svix and Teams are rejected. Use a random token.')


def result_of_test(settings: Settings) -> str | dict[str, Any]:
    """Return what the Test button gets for settings that are usable: `ok`, with a sentence for each thing that may be wrong."""
    no_port = 'Listen Port is empty: Cortex XSOAR 8 without an engine assigns it when the instance is saved.'
    notes = [] if settings.port else [no_port]
    notes += [f'{label_of(token.name, len(settings.tokens))}: it contains "||". To separate two tokens, put a space before and '
              'after the bars.' for token in settings.tokens if b'||' in token.value]
    if not notes:
        return 'ok'
    # A server compares `Contents` with `ok`. Whether it shows the readable text is unknown.
    text = ' '.join(['ok.', *notes])
    return {'Type': EntryType.NOTE, 'ContentsFormat': EntryFormat.TEXT, 'Contents': 'ok', 'HumanReadable': text}


def deliveries_report(context: Any, args: dict[str, Any], now: float) -> CommandResults:
    """Return the outputs and the text of generic-webhook-deliveries. Raise ValueError for an unusable argument."""
    limit, wanted = arg_to_number(args.get('limit') or 50), args.get('result') or 'all'
    if not limit or limit < 1 or wanted not in ('all', 'created', 'repeat', 'rejected', 'skipped', 'handshake', 'silence'):
        raise ValueError('limit must be at least 1; result all, created, repeat, rejected, skipped, handshake or silence.')
    history = read_history(context)
    entries = sorted(history.accepted + history.others, key=lambda entry: entry.number, reverse=True)  # the latest is first
    outputs = [{name.title().replace('_', ''): value for name, value in asdict(entry).items()}
               for entry in entries if wanted in ('all', entry.result)][:limit]
    return CommandResults('GenericWebhook.Delivery', 'Number', outputs, ignore_auto_extract=True,
                          readable_output=deliveries_text(history, outputs, now))


def deliveries_text(history: History, outputs: list[dict[str, Any]], now: float) -> str:
    """Return the text for the War Room: what a history says of the instance, of tokens and hours, and these outputs."""
    hours = [{'Hour (UTC)': hour, 'What happened': '; '.join(f'{what}: {number}' for what, number in counts.items())}
             for hour, counts in sorted(history.hours.items(), reverse=True)]
    tokens = [{'Token': name, 'Deliveries': count, 'Last used': latest or 'never'}
              for name, (count, latest) in history.tokens.items()]
    listening = f'Listening since {history.listening_since}' if history.listening_since else 'Not listening'
    saved = f'saved {max(now - history.saved, 0) / 60:.1f} minutes ago' if history.saved else 'nothing is saved yet'
    # As code, what a sender wrote becomes no link and no picture in the War Room: the note of a silence has a name from a URL.
    rows = [output | {name: '`' + output[name].replace('`', "'") + '`' for name in ('Address', 'UserAgent', 'Note')[:2 + is_name]}
            for output in outputs for is_name in [output['Result'] == 'silence']]
    columns = ['Time', 'Count', 'Status', 'Token', 'Address', 'UserAgent', 'Size', 'Product', 'Note']
    return (f'{listening}; {saved}; {history.waiting} requests waited for XSOAR then.\n'
            f'{tableToMarkdown(f"Tokens, since {history.tokens_since}", tokens, ["Token", "Deliveries", "Last used"])}\n'
            f'{tableToMarkdown("Latest hours", hours)}\n{tableToMarkdown("Latest deliveries", rows, columns)}')
