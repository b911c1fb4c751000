"""The pack in the local XSOAR with its pre-process script as the rule, and Alertmanager's alerts that are posted to it."""

import asyncio
import copy
import json
from typing import Any

import requests
from clocks import PATIENCE_SECONDS
from senders_at_once import AUTHORIZED, NO_FAULTS
from tools.names.table import SENDERS
from shared.webhook import Answer, Webhook, post

RULE = ('--pre-process', 'GenericWebhookJoin')
CLOSED = 2
ALERT = next(delivery['payload']['alerts'][0] for delivery in SENDERS['alertmanager'].deliveries
             if delivery['title'] == 'one alert fires')


def alert(**fields: Any) -> dict[str, Any]:
    return {**copy.deepcopy(ALERT), **fields}


class Joining(Webhook):
    """The pack with the script as its rule. Several tests may use one: each sees the incidents since it began, from '1' on."""

    before = 0

    def __init__(self, *arguments: str, **options: Any) -> None:
        super().__init__(*RULE, *arguments, **options)

    def begin(self) -> None:
        """Close what is open, so that nothing is joined to it, and take back all faults."""
        for incident in self.incidents():
            if incident['status'] != CLOSED:
                self.update(incident['id'], status=CLOSED)
        self.faults(**NO_FAULTS)
        self.before = len(self.incidents())

    def update(self, number: str, **fields: Any) -> None:
        """Change an incident as an analyst does."""
        response = requests.post(f'{self.url}/incident', json={'id': number, **fields}, timeout=PATIENCE_SECONDS)
        assert response.status_code == 200, response.text

    def own(self, number: str) -> str:
        """Return the server's number of this test's incident."""
        return str(int(number) + self.before)

    def ids(self, response: requests.Response) -> list[str]:
        """Return the numbers of the incidents in a response, from '1' on in each test."""
        return [str(int(incident['id']) - self.before) for incident in response.json()]

    def post_alerts(self, *alerts: dict[str, Any]) -> requests.Response:
        """Post alerts as Alertmanager does, one incident each."""
        return requests.post(f'{self.webhook_url}?each=alerts', json={'version': '4', 'alerts': alerts}, timeout=PATIENCE_SECONDS,
                             headers=AUTHORIZED)

    def statuses(self) -> list[int]:
        """Return the status of each incident, oldest first."""
        return [incident['status'] for incident in self.found()]

    def found(self) -> list[dict[str, Any]]:
        return self.incidents()[self.before:]

    def notes(self, number: str = '1') -> list[str]:
        """Return the first line of each note in an incident's War Room."""
        url = f'{self.url}/investigation/{self.own(number)}'
        entries = requests.post(url, json={}, timeout=PATIENCE_SECONDS).json()['entries']
        return [entry['contents'].splitlines()[0] for entry in entries]


async def post_all(xsoar: Joining, payloads: list[dict[str, Any]]) -> list[Answer]:
    """Post payloads at once, each again while the response is 503, and return the last response to each."""
    return await asyncio.gather(*(post_until_taken(xsoar, payload) for payload in payloads))


async def post_until_taken(xsoar: Joining, payload: dict[str, Any]) -> Answer:
    body = json.dumps({'version': '4', 'alerts': [payload]}).encode()
    while (answer := await post(f'{xsoar.direct_url}?each=alerts', body, AUTHORIZED)).status == 503:
        assert 'Nothing was created' in answer.detail
    return answer
