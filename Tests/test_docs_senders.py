"""The README's sections on senders and the script's tables say the same."""
from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import GenericWebhook
import pytest
from GenericWebhook import DELIVERY_IDS, SIGNATURE_HEADERS, SIGNATURES, TOKEN_HEADERS, UNSIGNED_HANDSHAKES
from local_xsoar import ROOT

README = ROOT / 'Packs' / 'GenericWebhook' / 'Integrations' / 'GenericWebhook' / 'README.md'
PAYLOADS = ROOT / 'Tests' / 'senders' / 'payloads'
# The section of each question that a sender asks, and the words by which both the script and a reader know it.
HANDSHAKES = {
    'microsoft_graph': ('Microsoft Graph', 'validationToken'), 'azure_event_grid': ('Azure Event Grid', 'SubscriptionValidation'),
    'okta': ('Okta', 'x-okta-verification-challenge'), 'meta': ('Meta', 'hub.verify_token'), 'dropbox': ('Dropbox', 'challenge'),
    'cloud_events': ('CloudEvents', 'webhook-request-origin'),
}
SIGNED_HANDSHAKES = {'Slack': 'url_verification', 'Zoom': 'endpoint.url_validation'}
NO_PROOF = {'Microsoft Graph'}  # can show no token at all


def chapter() -> str:
    return README.read_text(encoding='utf-8').split('\n## Senders\n')[1].split('\n## ')[0]


def sections() -> dict[str, str]:
    return {title.strip(): text for title, _, text in (part.partition('\n') for part in chapter().split('\n### ')[1:])}


def named_headers(text: str) -> set[str]:
    """What stands as code and looks like a header's name, in lower case."""
    spans = re.findall('`([^`]+)`', text)
    return {name.lower() for span in spans for name in re.findall(r'^(Authorization|[A-Za-z]+(?:-[A-Za-z0-9]+)+)(?=$|:)', span)}


def known_headers() -> set[str]:
    """What the script reads, and what documented requests carry."""
    documented = [json.loads(path.read_text(encoding='utf-8'))['headers'] for path in PAYLOADS.glob('*.json')]
    read = [scheme.time for scheme in SIGNATURES] + ['x-okta-verification-challenge', 'webhook-request-origin']
    return {name.lower() for name in (*SIGNATURE_HEADERS, *TOKEN_HEADERS, *DELIVERY_IDS, *read,
                                      *(name for headers in documented for name in headers))} - {''}


@pytest.mark.parametrize('header', [*SIGNATURE_HEADERS, *TOKEN_HEADERS])
def test_every_way_in_is_named_in_a_section(header: str) -> None:
    assert [title for title, text in sections().items() if header.lower() in named_headers(text)]


@pytest.mark.parametrize('title', sections())
def test_a_section_names_only_headers_that_are_known(title: str) -> None:
    assert named_headers(sections()[title]) - known_headers() == set()


@pytest.mark.parametrize('title', [title for title in sections() if title not in NO_PROOF])
def test_a_section_tells_how_its_sender_shows_the_token(title: str) -> None:
    text = sections()[title]
    ways = {header.lower() for header in (*SIGNATURE_HEADERS, *TOKEN_HEADERS)}
    assert named_headers(text) & ways, 'it names no header by which its sender is let in'
    assert 'ncident' in text, 'it does not tell what the incident looks like'


@pytest.mark.parametrize('ask', [ask for handshakes in UNSIGNED_HANDSHAKES.values() for ask in handshakes],
                         ids=lambda ask: ask.__name__)
def test_every_question_is_named_in_its_senders_section(ask: Callable[..., Any]) -> None:
    title, words = HANDSHAKES[ask.__name__]
    assert words in inspect.getsource(ask), 'the words are no longer the ones that the script looks for'
    assert words in sections()[title].lower() or words in sections()[title]


@pytest.mark.parametrize('title', SIGNED_HANDSHAKES)
def test_every_signed_question_is_named_in_its_senders_section(title: str) -> None:
    assert SIGNED_HANDSHAKES[title] in inspect.getsource(GenericWebhook.answer_signed_handshake)
    assert SIGNED_HANDSHAKES[title] in sections()[title]


def test_no_section_names_a_question_that_the_script_does_not_answer() -> None:
    asked = {ask.__name__ for handshakes in UNSIGNED_HANDSHAKES.values() for ask in handshakes}
    assert asked == HANDSHAKES.keys()
    answered = {title for title, text in sections().items() if re.search(r'question|[Aa]sks|gets it', text)}
    assert answered == {title for title, _ in HANDSHAKES.values()} | SIGNED_HANDSHAKES.keys()


def test_a_sender_whose_own_type_becomes_the_incidents_is_said_to() -> None:
    titles = {'slack': 'Slack', 'stripe': 'Stripe', 'linear': 'Linear', 'cloudevents-structured': 'CloudEvents',
              'standard-webhooks': 'Standard Webhooks'}
    typed = {path.stem for path in PAYLOADS.glob('*.json') if is_typed(json.loads(path.read_text(encoding='utf-8')).get('body'))}
    assert typed - {'slack-url-verification'} == titles.keys()
    assert {title for title in titles.values() if "incident's type is the" not in sections()[title]} == set()


def is_typed(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get('type'), str)


def test_each_sender_has_one_section() -> None:
    titles = re.findall('^### (.+)$', chapter(), re.MULTILINE)
    assert len(titles) == len(set(titles)) == len(sections())
    assert len(titles) > 25
