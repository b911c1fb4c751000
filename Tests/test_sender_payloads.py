"""The payloads of senders/: each is accepted with its sender's own proof, lands whole, and its incident says what happened."""
from __future__ import annotations

import functools
import json
import re
import sys
from typing import Any

import pytest
from GenericWebhook import DEFAULT_NAME, ROWS, ThirdPartyEvent
from tools.names_table import SENDERS, TOKEN, Landed, land

DELIVERIES = {f'{sender.key}: {delivery["title"]}': (sender, delivery)
              for sender in SENDERS.values() for delivery in sender.deliveries}
EACH_ROW = sorted({str(row): row for rows in ROWS.values() for row in rows}.values(), key=lambda row: row.rank)


@functools.cache
def landed(name: str) -> Landed:
    return land(*DELIVERIES[name])


@pytest.mark.parametrize('name', DELIVERIES)
def test_a_delivery_is_let_in_and_its_incident_says_what_its_sender_means(name: str) -> None:
    each = landed(name)
    compared = [key for key in each.told if key != 'occurred' or sys.version_info >= (3, 11)]  # 3.10 reads fewer dates
    assert [each.told[key] for key in compared] == [each.delivery['expected'].get(key) for key in compared]
    assert each.told['name'] != DEFAULT_NAME
    assert TOKEN not in json.dumps(each.incidents)
    if is_third_party(each.delivery):
        assert_kept_whole(each)


def is_third_party(delivery: dict[str, Any]) -> bool:
    return 'payload' in delivery and 'raw_json' not in delivery['payload'] and 'each=' not in delivery.get('query', '')


def assert_kept_whole(each: Landed) -> None:
    """The incidents hold all that was sent, and the headers that say what it is."""
    sent = json.loads(each.request.body)
    of_kind = {name.lower(): value for name, value in each.request.headers if re.search('event|topic|-type|resource', name, re.I)}
    for incident, event in zip(each.incidents, sent if isinstance(sent, list) else [sent], strict=True):
        details = json.loads(incident['rawJSON'])
        assert details.pop('headers').items() >= of_kind.items()
        assert details == event


def test_each_row_knows_a_documented_payload_in_each_way_in_which_it_is_reported() -> None:
    """With the headers of its request, and without: a proxy may have left them out."""
    known = [ThirdPartyEvent(incident['rawJSON'].encode(), headers, bool).row
             for each in map(landed, DELIVERIES) for incident in each.incidents
             for headers in ({name.lower(): value for name, value in each.request.headers}, {})]
    assert [' '.join(row.conditions) for row in EACH_ROW if row not in known] == []


def test_the_set_is_broad() -> None:
    assert len(DELIVERIES) == sum(len(sender.deliveries) for sender in SENDERS.values()) >= 150
    assert len(SENDERS) >= 60


def test_every_sender_names_where_its_payloads_are_documented() -> None:
    sources = [source for sender in SENDERS.values()
               for source in (sender.source, *(delivery.get('source', sender.source) for delivery in sender.deliveries))]
    assert [source for source in sources if not source.startswith('https://')] == []
