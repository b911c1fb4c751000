"""Entries of the history, for tests that say only what matters of them."""

from typing import Any

from GenericWebhook import HistoryEntry


def time_text(seconds: int) -> str:
    return f'2026-11-{24 + seconds // 86400:02}T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}Z'


def entry(moment: int = 0, is_accepted: bool = True, result: str = 'created',
          address: str = '203.0.113.7', **fields: Any) -> HistoryEntry:
    status, note = (401, 'No token is shown') if result == 'rejected' else (200, 'incident 17')
    values = {'number': 0, 'time': time_text(moment), 'since': time_text(moment), 'count': 1, 'size': moment,
              'is_accepted': is_accepted, 'status': status, 'address': address, 'user_agent': 'curl/8', 'product': '',
              'result': result, 'note': note}
    return HistoryEntry(**{**values, **fields})
