"""The payloads of senders/: each is accepted with its sender's own proof, lands whole, and its incident says what happened."""
from __future__ import annotations

import functools
import pytest
from recipes import assert_as_told
from shared.app import SENDER_ROWS, event_of
from tools.names.table import SENDERS, Landed, all_landed, land

DELIVERIES = {f'{sender.key}: {delivery["title"]}': (sender, delivery)
              for sender in SENDERS.values() for delivery in sender.deliveries}
# What `?at_least=medium` leaves out; and why it creates some of that now, by name.
BELOW_MEDIUM = {
    'aws-guardduty: raw finding of low severity', 'azure-monitor: older metric alert', 'cloudevents: audit log of Google Cloud',
    'crowdstrike: incident of an identity', 'curl: a severity in the URL and in the payload',
    'github: code scanning alert, a note', 'ocsf: informational', 'okta: informational',
    'pingdom: check down, of low importance', 'suricata: alert of low severity'}
CREATED_NOW: dict[str, str] = {}
EACH_ROW = [row() for row in SENDER_ROWS.rows]


@functools.cache
def landed(name: str) -> Landed:
    return land(*DELIVERIES[name])


@pytest.mark.parametrize('key', SENDERS)
def test_a_delivery_is_let_in_and_its_incident_says_what_its_sender_means(key: str) -> None:
    for name, (sender, _) in DELIVERIES.items():
        if sender.key == key:
            assert_as_told(landed(name))


def test_at_least_leaves_out_what_it_always_left_out_but_for_what_has_a_reason() -> None:
    left_out = {f'{each.sender.key}: {each.delivery["title"]}' for each in all_landed(query='at_least=medium')
                if not each.incidents}
    assert left_out == BELOW_MEDIUM - CREATED_NOW.keys()


def test_each_row_knows_a_documented_payload_in_each_way_in_which_it_is_reported() -> None:
    """With the headers of its request, and without: a proxy may have left them out."""
    known = [event_of(incident['rawJSON'].encode(), headers).row
             for each in map(landed, DELIVERIES) for incident in each.incidents
             for headers in ({name.lower(): value for name, value in each.request.headers}, {})]
    assert [row.title for row in EACH_ROW if not any(row is each for each in known)] == []


def test_the_set_is_broad() -> None:
    assert len(DELIVERIES) == sum(len(sender.deliveries) for sender in SENDERS.values()) >= 150
    assert len(SENDERS) >= 60


def test_every_sender_names_where_its_payloads_are_documented() -> None:
    sources = [source for sender in SENDERS.values()
               for source in (sender.source, *(delivery.get('source', sender.source) for delivery in sender.deliveries))]
    assert [source for source in sources if not source.startswith('https://')] == []
