"""Deliveries and senders that tests make up: only what matters of them is said."""

from typing import Any

from localxsoar.webhooks.deliveries import Delivery
from localxsoar.webhooks.senders import Sender

GITHUB = {'place': 'header', 'name': 'X-Hub-Signature-256', 'value': 'sha256={hex}', 'signed': '{body}'}


def delivery(body: bytes = b'{}', headers: Any = (), target: str = '/front', **changed: Any) -> Delivery:
    values = {'number': 1, 'started': 0.0, 'method': 'POST', 'peer': '192.0.2.1', 'size': len(body), **changed}
    return Delivery(target=target, headers=list(headers), body=bytearray(body), **values)


def sender(key: str = 'git', proof: Any = None, payload: Any = None, **headers: str) -> Sender:
    """Return a sender with one delivery."""
    sent = {'title': 'one', 'payload': {'a': 1} if payload is None else payload,
            'headers': {name.replace('_', '-'): value for name, value in headers.items()}}
    return Sender(key, key.title(), 'code', '', proof or {}, [sent])


GIT = sender('github', proof=GITHUB, X_GitHub_Event='issues', payload={'action': 'opened', 'issue': {}})
TEA = sender('gitea', X_GitHub_Event='issues', X_Gitea_Event='issues', payload={'action': 'opened', 'number': 1})
