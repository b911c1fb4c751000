"""One real payload a sender, as its documents show it: it lands whole, as many incidents as it has events."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from app import App
from local_xsoar import ROOT
from webhook import Answer

PAYLOADS = sorted((ROOT / 'Tests' / 'senders' / 'payloads').glob('*.json'))
# Questions before a sender trusts an address; all other payloads are events.
HANDSHAKES = {'azure-event-grid-validation', 'slack-url-verification', 'zoom-url-validation'}
# What tells one event of a sender from another, and stands in a header alone.
EVENT_HEADERS = {
    'github': 'x-github-event', 'gitlab': 'x-gitlab-event', 'bitbucket': 'x-event-key', 'snyk': 'x-snyk-event',
    'shopify': 'x-shopify-topic',
    'sentry': 'sentry-hook-resource', 'linear': 'linear-event', 'cloudevents-binary': 'ce-type',
    'aws-sns': 'x-amz-sns-message-type',
    'aws-sns-subscription-confirmation': 'x-amz-sns-message-type', 'azure-event-grid': 'aeg-event-type',
}


class Payload:
    """A file of Tests/senders/payloads."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        self.file = json.loads(path.read_text(encoding='utf-8'))
        self.headers: dict[str, str] = self.file['headers']
        self.text: str = self.file['text'] if 'text' in self.file else json.dumps(self.file['body'], ensure_ascii=False)

    @property
    def events(self) -> list[Any]:
        if 'text' in self.file:
            return [dict(parse_qsl(self.text, keep_blank_values=True))]
        return self.file['body'] if isinstance(self.file['body'], list) else [self.file['body']]


def send(app: App, payload: Payload) -> Answer:
    return app.post(payload.text, {**payload.headers, 'Authorization': app.token})


ALL = [Payload(path) for path in PAYLOADS]
EVENTS = [payload for payload in ALL if payload.name not in HANDSHAKES]
each_event = pytest.mark.parametrize('payload', EVENTS, ids=lambda payload: payload.name)


@pytest.fixture
def app() -> Iterator[App]:
    with App(incident_type='Unclassified') as running:
        yield running


@each_event
def test_a_documented_payload_lands_whole(app: App, payload: Payload) -> None:
    answer = send(app, payload)
    assert answer.status == 200
    assert [len(call) for call in app.calls] == [len(payload.events)]
    for incident, event in zip(app.incidents, payload.events, strict=True):
        details = json.loads(incident['rawJSON'])
        headers = details.pop('headers')
        assert details == event
        assert headers.items() >= {name.lower(): value for name, value in payload.headers.items()}.items()
        assert app.token not in incident['rawJSON']


@each_event
def test_a_documented_payload_keeps_its_text_to_the_letter(app: App, payload: Payload) -> None:
    if 'text' not in payload.file:
        send(app, payload)
        for incident, event in zip(app.incidents, payload.events, strict=True):
            assert incident['rawJSON'].startswith(json.dumps(event, ensure_ascii=False)[:-1])


@pytest.mark.parametrize('name, header', EVENT_HEADERS.items())
def test_the_header_that_tells_the_kind_of_event_is_kept(app: App, name: str, header: str) -> None:
    payload = next(payload for payload in ALL if payload.name == name)
    send(app, payload)
    assert app.details['headers'][header] == {key.lower(): value for key, value in payload.headers.items()}[header]


def test_questions_make_no_incident(app: App) -> None:
    for payload in ALL:
        if payload.name in HANDSHAKES - {'zoom-url-validation'}:  # Zoom's has to be signed
            send(app, payload)
    assert app.calls == []


def test_every_payload_names_where_it_is_from() -> None:
    assert len(ALL) > 25
    assert [payload.name for payload in ALL if not payload.file['source'].startswith('https://')] == []
