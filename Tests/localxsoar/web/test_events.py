"""Event collectors: what they send as to XSIAM is counted, kept and shown, and a faulty XSIAM is what they get."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from facts import fact
from local_xsoar import LocalXsoar, wait_for
from written_packs import write_integration

from localxsoar.packs.pack import unify
from localxsoar.pytest_plugin import CommandError

pytestmark = pytest.mark.sockets

SCRIPT = '''
try:
    if demisto.command() == 'fetch-events':
        number = demisto.getLastRun().get('number', 0) + 1
        send_events_to_xsiam([{'number': number, 'text': text} for text in ('ä', 'b\\n', 'c')], 'acme', 'audit', chunk_size=40)
        demisto.setLastRun({'number': number})
    elif demisto.command() == 'fetch-assets':
        send_data_to_xsiam('one\\ntwo', 'acme', 'hosts', data_type='assets', items_count=2)
    elif demisto.command() == 'ask':
        return_results(f"{demisto.getLicenseCustomField('Http_Connector.token')} {demisto.getLicenseCustomField('other')}")
    else:
        return_results('ok')
except Exception as error:
    return_error(f'Failed: {error}')
'''
ROWS = [{'name': 'url', 'type': 0}, {'name': 'isFetchEvents', 'type': 8}, {'name': 'isFetchAssets', 'type': 8},
        {'name': 'eventFetchInterval', 'type': 19, 'defaultvalue': '1'}, {'name': 'assetsFetchInterval', 'type': 19}]


@pytest.fixture
def xsoar(tmp_path: Path) -> Iterator[LocalXsoar]:
    write_integration(tmp_path, 'Collector', SCRIPT, ROWS, isfetchevents=True, isfetchassets=True, commands=[{'name': 'ask'}])
    with LocalXsoar('--api-key', 'key', pack=tmp_path, params={'isFetchEvents': True}) as running:
        yield running


@fact('seen', 'events are posted to `/logs/v1/xsiam` of `Http_Connector.url`, with `Http_Connector.token` as Authorization: '
      'lines in gzip, in several requests if they are many; the response says `{"error": "false"}` (here: by plain HTTP)')
@fact('documented', 'events are fetched every minute unless `eventFetchInterval` says otherwise, assets every 1440 minutes')
def test_events_are_fetched_counted_and_shown_and_faults_reach_it(xsoar: LocalXsoar) -> None:
    first = [{'number': 1, 'text': text} for text in ('ä', 'b\n', 'c')]
    wait_for(lambda: xsoar.state()['fetches'], 'the scheduled fetch')
    assert xsoar.state()['fetches'][0]['pulled'] == 3 and xsoar.state()['health'] == {'error': '', 'isError': False}
    assert xsoar.events() == first
    xsoar.wait_for_line('events  1 from acme audit')
    xsoar.wait_for_line('collector: fetch-events  3 new')
    [entry] = xsoar.command('fetch-events')
    assert entry['Contents'] == [{**event, 'number': 2} for event in first]
    assert xsoar.command('fetch-assets')[0]['Contents'] == ['one', 'two']
    kept = {each['name']: each['text'] for each in xsoar.control('GET', 'commands/kept')}
    shown = json.loads(kept['Events'])
    assert shown['count'] == 8 and shown['latest'] == sorted(shown['latest'], key=lambda each: -int(each['id']))
    for status in (401, 500):
        xsoar.faults(event_status=status)
        with pytest.raises(CommandError, match=str(status)):
            xsoar.command('fetch-events')
    xsoar.faults(event_status=0, event_delay_ms=1)
    assert xsoar.command('fetch-events')[0]['Contents'][0]['number'] == 3
    # Who has no token, or sends something else, gets the reason.
    token, other = xsoar.command('ask')[0]['Contents'].split()
    assert (len(token), other) == (64, 'None')
    for key, body, status in (('key', b'', 401), (token, b'not gzip', 400), (token, gzip.compress(b'{'), 400),
                              (token, gzip.compress(b'{}')[:-1], 400),
                              (token, gzip.compress(b'{}\n'), 200)):
        response = requests.post(f'{xsoar.url}/logs/v1/xsiam', body, headers={'Authorization': key, 'format': 'json'})
        assert (response.status_code, response.json()['error'] == 'false') == (status, status == 200)
    assert xsoar.control('GET', 'sent-events')[-1]['kind'] == 'events', 'without a type'


def test_only_the_address_of_xsiam_loses_its_scheme() -> None:
    text = "a = f'https://api-{xsiam_domain}'; b = f'https://api-{region}.example'\n"
    assert unify(('a.py', text)).text == "a = f'http://{xsiam_domain}'; b = f'https://api-{region}.example'\n\n"
