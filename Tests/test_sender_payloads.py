"""The payloads of senders/: each is let in by its sender's own proof, lands whole, and its incident says what happened."""
from __future__ import annotations

import json
import re
import sys

import pytest
from GenericWebhook import DEFAULT_NAME, ROWS, ThirdPartyEvent
from tools.names_table import SENDERS, TOKEN, Landed, all_landed

ALL = list(all_landed())
each_delivery = pytest.mark.parametrize('each', ALL, ids=lambda each: f'{each.sender.key}: {each.delivery["title"]}')


@each_delivery
def test_an_incident_has_the_name_the_type_and_the_time_that_its_sender_means(each: Landed) -> None:
    compared = ('name', 'type') if sys.version_info < (3, 11) else ('name', 'type', 'occurred')  # 3.10 reads fewer dates
    assert [each.told[key] for key in compared] == [each.delivery['expected'][key] for key in compared]


@each_delivery
def test_no_incident_holds_the_token(each: Landed) -> None:
    assert TOKEN not in json.dumps(each.incidents)


FOREIGN = [each for each in ALL if 'payload' in each.delivery and 'raw_json' not in each.delivery['payload']]


@pytest.mark.parametrize('each', FOREIGN, ids=lambda each: f'{each.sender.key}: {each.delivery["title"]}')
def test_a_payload_lands_whole_with_what_tells_its_kind(each: Landed) -> None:
    sent = json.loads(each.request.body)
    of_kind = {name.lower(): value for name, value in each.request.headers if re.search('event|topic|-type|resource', name, re.I)}
    for incident, event in zip(each.incidents, sent if isinstance(sent, list) else [sent], strict=True):
        details = json.loads(incident['rawJSON'])
        assert details.pop('headers').items() >= of_kind.items()
        assert details == event


EACH_ROW = sorted({str(row): row for rows in ROWS.values() for row in rows}.values(), key=lambda row: row.rank)


@pytest.mark.parametrize('row', EACH_ROW, ids=lambda row: ' '.join(row.conditions))
def test_a_row_knows_a_documented_payload_in_each_way_in_which_it_is_told(row: object) -> None:
    assert row in KNOWN


# Also without the headers: a proxy may have left them out.
KNOWN = [ThirdPartyEvent(incident['rawJSON'].encode(), headers, bool).row
         for each in ALL for incident in each.incidents
         for headers in ({name.lower(): value for name, value in each.request.headers}, {})]


def test_the_set_is_broad_and_nothing_in_it_is_left_without_a_name() -> None:
    assert len(ALL) >= 150
    assert len(SENDERS) >= 60
    assert [each.sender.key for each in ALL if each.told['name'] == DEFAULT_NAME] == []


def test_every_sender_names_where_its_payloads_are_documented() -> None:
    assert [sender.key for sender in SENDERS.values() if not sender.source.startswith('https://')] == []
