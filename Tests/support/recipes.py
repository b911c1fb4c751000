"""What every recipe of senders/ is held to, whether it is documented or was saved by the page."""

import json
import re

from GenericWebhook import DEFAULT_NAME
from tools.names.table import TOKEN, Landed


def assert_as_told(each: Landed) -> None:
    """Assert that a delivery became what its recipe expects, and that its incidents hold all that was sent and no token."""
    expected = [each.delivery['expected'], *each.delivery.get('others_expected', each.others_told)]
    for told, wanted in zip([each.told, *each.others_told], expected, strict=True):
        differing = {key: value for key, value in told.items() if value != wanted.get(key)}
        assert not differing, f'{each.delivery["title"]}: {differing}, expected: {({key: wanted.get(key) for key in differing})}'
    assert each.told['name'] != DEFAULT_NAME
    assert TOKEN not in json.dumps(each.incidents)
    is_own = 'payload' not in each.delivery or 'raw_json' in each.delivery['payload']
    if not is_own and 'each=' not in each.delivery.get('query', ''):
        assert_kept_whole(each)


def assert_kept_whole(each: Landed) -> None:
    """The incidents hold all that was sent, and the headers that say what it is."""
    sent = json.loads(each.request.body)
    of_kind = {name.lower(): value for name, value in each.request.headers if re.search('event|topic|-type|resource', name, re.I)}
    for incident, event in zip(each.incidents, sent if isinstance(sent, list) else [sent], strict=True):
        details = json.loads(incident['rawJSON'])
        assert details.pop('headers').items() >= of_kind.items()
        assert details == event
