"""Repairs: what a delivery that was sent again has otherwise than its original, and what is to be set in the sender."""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from localxsoar.webhooks.checklist import REJECTED, RIGHT_TOKEN, Rejection, pairs_of, place, readable_form
from localxsoar.webhooks.deliveries import Delivery
from localxsoar.webhooks.replay import NOT_SENT_AGAIN

Values = dict[tuple[str, str], list[str]]


def differences(original: Delivery, again: Delivery) -> list[str]:
    """Return in words what was changed, but no value."""
    before, after = values_of(original), values_of(again)
    names = {(where, name.lower()): place(where, name) for where, name, _ in [*pairs_of(original), *pairs_of(again)]}
    found = [f'{names[key]} was {change(before.get(key), after.get(key))}.' for key in before | after
             if before.get(key) != after.get(key)]
    if original.target.partition('?')[0] != again.target.partition('?')[0]:
        found.append('The path was changed.')
    if not original.gap() and not again.gap() and original.body != again.body:
        found.append('The body was changed.')
    return found


def values_of(delivery: Delivery) -> Values:
    """Return the values of the headers and query parameters, without those of the connection."""
    found: Values = {}
    for where, name, value in pairs_of(delivery):
        if where == 'query' or name.lower() not in NOT_SENT_AGAIN:
            found.setdefault((where, name.lower()), []).append(value)
    return found


def change(before: list[str] | None, after: list[str] | None) -> str:
    return 'added' if before is None else 'removed' if after is None else 'replaced'


def advice(rejection: Rejection, again: Delivery, proof: Mapping[str, str]) -> str:
    """Return what to set in the sender so that its next delivery is accepted as this one was, or ''."""
    if rejection.delivery.status not in REJECTED or (again.status or 500) >= 400 or not proof:
        return ''
    return next(causes(rejection.checks()), '') or how_to_prove(proof)


def causes(checks: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield what is wrong if the sender has the right token."""
    for check in checks:
        if check['state'] == 'bad' and check['title'] == 'Clock':
            yield 'The time of signing was wrong: if the delivery is not an old one, correct the clock of the sender.'
        if check['text'].startswith(RIGHT_TOKEN):
            yield 'The token of the sender is right. Find what changes the body between the sender and here.'


def how_to_prove(proof: Mapping[str, str]) -> str:
    name, value = proof['name'], readable_form(proof['value'])
    if 'signed' in proof:
        return f'In the sender, enter the token of this instance as the secret with which it signs ({name}).'
    if proof['place'] == 'header':
        return f'In the sender, set the header {name}: {value}'
    return f'In the sender, add {name}={value} to the query of the URL.'
