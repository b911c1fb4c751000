"""The script's app in this process, asked through WSGI: for what needs no socket, and many requests."""
from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable
from contextlib import closing
from typing import Any
from wsgiref.util import setup_testing_defaults

import demistomock
import GenericWebhook
from GenericWebhook import (REQUEST, SENDERS, Health, Intake, Request, RequestBody, SenderRows, ServerLine, Settings, Tokens,
                            WebhookApp, decompress)
from shared.dated import dated
from shared.webhook import TOKEN, Answer

NOW = 1795514400  # 2026-11-24T10:00:00Z in Unix seconds, when each request to an App arrives
SENDER_ROWS = SenderRows(SENDERS)  # as main makes them


def app_of(settings: Settings, line: ServerLine) -> WebhookApp:
    """Return the app of an instance."""
    passed = [] if hasattr(GenericWebhook, 'ROWS') else [SENDER_ROWS]  # ./dev names --against reads earlier scripts, too
    return WebhookApp(settings, line, *passed)


def defaults_of(headers: dict[str, str], settings: Settings | None = None, occurred: str = '2026-11-24T10:00:00Z',
                **options: Any) -> GenericWebhook.IncidentDefaults:
    """Return the defaults of a request's incidents, by default at an instance without a token and a type."""
    return GenericWebhook.IncidentDefaults(occurred, headers, settings or Settings(8080, Tokens(), None), SENDER_ROWS, **options)


def event_of(payload: bytes, headers: dict[str, str] | None = None, contains_token: Callable[[str], bool] = lambda _: False,
             **options: Any) -> GenericWebhook.ThirdPartyEvent:
    """Return the event of a third-party payload, by default one without a token."""
    return GenericWebhook.ThirdPartyEvent(payload, headers or {}, contains_token, SENDER_ROWS, **options)


@functools.cache
def line() -> ServerLine:
    """Return the one line of this process: it has a thread that nothing ends before the process."""
    return ServerLine()


def forgetful_line() -> ServerLine:
    """Return that line, without what it learned of the server in earlier tests."""
    shared = line()
    shared.queue.sizer.timings, shared.queue.alone_until = [], 0
    shared.health = Health()
    # ./dev names --against reads earlier scripts, too.
    if hasattr(shared.queue, 'ended_at'):
        shared.queue.ended_at = -1
    if hasattr(GenericWebhook, 'Silences'):
        shared.silences = GenericWebhook.Silences(shared.queue)
    shared.logs_due_at = shared.context_due_at = 0
    shared.log_buffer.reasons.clear()
    GenericWebhook.others_ran_at = 0  # it lies ahead after a test that has set the clock
    return shared


def unpacked(body: bytes, coding: str) -> bytes:
    """Return a body decoded from its Content-Encoding."""
    with closing(GenericWebhook.MemoryClaim(Intake().accepted)) as claim:
        return decompress(body, coding, claim)


class App:
    """`with App() as app: ...`, one at a time: the app, and a server that creates at once.

    `calls` holds the incidents of each createIncidents call. Every answer is checked for what all must keep to.
    """

    def __init__(self, token: str = TOKEN, incident_type: str | None = None) -> None:
        self.token = token
        self.settings = Settings(8080, Tokens(token), incident_type)
        self.calls: list[list[dict[str, Any]]] = []
        self.outcome = ''  # of the last request, as the log would have it
        self.proved_by = ''  # the name of the token that proved it
        self.product = ''  # the sender that a row knows
        self.date = dated(GenericWebhook, NOW)

    def __enter__(self) -> App:
        demistomock.reset()
        demistomock.declare(createIncidents=self._create, getIntegrationContext={})
        self.app = app_of(self.settings, forgetful_line())
        self.date.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.date.__exit__(None, None, None)
        demistomock.reset()

    def _create(self, incidents: list[dict[str, Any]], *_: Any) -> list[dict[str, Any]]:
        self.calls.append(incidents)
        return [{'id': f'{len(self.calls)}.{index}', **incident} for index, incident in enumerate(incidents)]

    @property
    def incidents(self) -> list[dict[str, Any]]:
        return [incident for call in self.calls for incident in call]

    @property
    def details(self) -> Any:
        """Return the details of the last incident, read."""
        return json.loads(self.incidents[-1]['rawJSON'])

    def ask(self, method: str, query: str = '', body: bytes | None = b'', headers: dict[str, str] | None = None,
            path: str = '/', length: Any = None, seconds_ago: float = 0) -> Answer:
        """Return the answer to a request that arrived so many seconds before NOW.

        Header values are bytes as latin-1. If the body is None, it cannot be read, whatever length its header names.
        """
        length = len(body or b'') if length is None else length
        named = {name.lower(): value for name, value in (headers or {}).items()}
        asked = Request(method, path, query, 'HTTP/1.1',
                        {'host': '127.0.0.1', 'content-length': str(length), **named},
                        RequestBody(None if body is None else io.BytesIO(body), length, has_chunks=False))
        asked.arrived = NOW - seconds_ago
        asked.is_accepted = self.app.accepts(asked)  # the server decides this as soon as it has read a head
        environ: dict[str, Any] = {'REQUEST_METHOD': method, 'PATH_INFO': path, REQUEST: asked}
        setup_testing_defaults(environ)
        head: list[Any] = []
        text = b''.join(self.app(environ, lambda status, names, *_: head.extend((status, names)))).decode()
        answer = Answer(int(head[0].split()[0]), {name.lower(): value for name, value in head[1]}, text)
        self.outcome = asked.log_note
        self.proved_by = asked.token.name if asked.token else ''
        self.product = asked.product
        if answer.status >= 300:
            assert answer.detail
        for token in self.settings.tokens:
            assert token.value.decode() not in self.outcome
            assert token.value.decode() not in text or answer.status == 200, 'only what was created may hold it'
        return answer

    def post(self, body: bytes | str, headers: dict[str, str] | None = None, query: str = '') -> Answer:
        """Return the answer to a POST with nothing but these headers."""
        return self.ask('POST', query, body.encode() if isinstance(body, str) else body, headers)

    def authorized(self, body: bytes | str, content_type: str = '', **headers: str) -> Answer:
        """Return the answer to a POST with the token."""
        named = {name.replace('_', '-'): value for name, value in headers.items()}
        label = {'Content-Type': content_type} if content_type else {}
        return self.post(body, {'Authorization': self.token.encode().decode('latin-1'), **label, **named})
