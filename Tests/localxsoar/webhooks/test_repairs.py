"""Repairs: what is said of the difference between a delivery and what was sent in its place, and of what to set in the sender."""

from typing import Any

import pytest
from made_deliveries import delivery

from localxsoar.webhooks.deliveries import Delivery
from localxsoar.webhooks.checklist import Rejection
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.repairs import advice, causes, differences, how_to_prove


@pytest.mark.parametrize('before, after, changes', [
    (delivery(), delivery(), []), (delivery(headers=[('X-A', 'b')]), delivery(headers=[('x-a', 'b')]), []),
    (delivery(headers=[('X-A', 'b')]), delivery(headers=[('x-a', 'c')]), ['The header x-a was replaced.']),
    (delivery(headers=[('X-A', 'b')]), delivery(headers=[('X-A', 'b')] * 2), ['The header X-A was replaced.']),
    (delivery(headers=[('X-A', 'b')]), delivery(), ['The header X-A was removed.']),
    (delivery(), delivery(headers=[('X-A', 'b')]), ['The header X-A was added.']),
    (delivery(headers=[('Host', 'b'), ('Content-Length', '2')]), delivery(headers=[('host', 'c')]), []),
    (delivery(target='/front?a=1&host=b'), delivery(target='/front?a=2&host=c&d='),
     ['The query parameter a was replaced.', 'The query parameter host was replaced.', 'The query parameter d was added.']),
    (delivery(target='/front?a=1'), delivery(target='/front/more?a=1'), ['The path was changed.']),
    (delivery(b'one'), delivery(b'two'), ['The body was changed.'])])
def test_each_difference_is_named_and_no_value(before: Delivery, after: Delivery, changes: list[str]) -> None:
    assert differences(before, after) == changes


@pytest.mark.parametrize('gap', [{'size': 10}, {'missing': 'It was removed.'}, {'is_partial': True}])
def test_nothing_is_said_of_a_body_that_is_not_kept_whole(gap: dict[str, Any]) -> None:
    assert differences(delivery(b'one', **gap), delivery(b'two')) == []
    assert differences(delivery(b'one'), delivery(b'two', **gap)) == []


def check(state: str, title: str, text: str) -> dict[str, str]:
    return {'state': state, 'title': title, 'text': text}


def test_only_a_wrong_clock_is_a_cause_and_no_right_one_or_other_check() -> None:
    assert [cause[:24] for cause in causes([check('bad', 'Clock', 'late')])] == ['The time of signing was ']
    assert [*causes([check('good', 'Clock', 'on time'), check('bad', 'Token', 'wrong')])] == []


@pytest.mark.parametrize('first, again, is_given', [
    (401, 200, True), (403, 399, True), (401, 400, False), (401, None, False), (400, 200, False)])
def test_advice_is_given_once_a_delivery_that_was_rejected_for_its_proof_is_accepted(
        first: int, again: int | None, is_given: bool) -> None:
    rejection = Rejection(delivery(status=first), None, 'h4sh-hush', Masks(list))
    proof = {'place': 'query', 'name': 'key', 'value': '{token}'}
    assert bool(advice(rejection, delivery(status=again), proof)) is is_given
    assert advice(rejection, delivery(status=again), {}) == ''


@pytest.mark.parametrize('proof, words', [
    ({'place': 'header', 'name': 'X-Sig', 'value': '{hex}', 'signed': '{body}'},
     'In the sender, enter the token of this instance as the secret with which it signs (X-Sig).'),
    ({'place': 'header', 'name': 'Authorization', 'value': 'Bearer {token}'},
     'In the sender, set the header Authorization: Bearer <token>'),
    ({'place': 'query', 'name': 'key', 'value': '{token}'}, 'In the sender, add key=<token> to the query of the URL.')])
def test_what_to_set_in_the_sender_depends_on_its_proof(proof: dict[str, str], words: str) -> None:
    assert how_to_prove(proof) == words
