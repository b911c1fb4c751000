"""Origins of incidents: who created one that several responses name, or whose sender had left, and who only repeats it."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from clocks import Clock

from localxsoar.events import Events
from localxsoar.forward import Request, Response, SenderGone
from localxsoar.terminal.printer import Printer
from localxsoar.webhooks import deliveries as deliveries_module
from localxsoar.webhooks import origins as origins_module
from localxsoar.webhooks.deliveries import Deliveries, Delivery
from localxsoar.webhooks.masks import Masks
from localxsoar.webhooks.origins import Origins, Trace, content_of, contents_of
from localxsoar.webhooks.readable import Readable
from localxsoar.webhooks.recognition import SenderRecognizer

FIELDS = {'type': '', 'occurred': '', 'created': '', 'sourceInstance': 'front', 'severity': 0, 'status': 0}
A, B = {'title': 'a'}, {'title': 'b'}


@pytest.fixture
def deliveries(printed: list[str]) -> Iterator[Deliveries]:
    opened = Deliveries(None, SenderRecognizer([]), Masks(list), Printer(write=printed.append), Events())
    yield opened
    opened.close()


class Sending:
    """A request that has arrived, unless it is `partial`, and waits for its response."""

    def __init__(self, deliveries: Deliveries, body: Any, partial: bool = False, **headers: str) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = [(name.replace('_', '-'), value) for name, value in headers.items()]
        self.request = Request('POST', '/', named, [self.body])
        self.record = deliveries.record(self.request)
        self.delivery: Delivery = self.record.__enter__()
        if not partial:
            list(self.request.body)

    def respond(self, *ids: str, status: int = 200) -> None:
        text = json.dumps([{'id': each} for each in ids]).encode()
        list(self.delivery.note_response(Response(status, 'Phrase', [], [text])).pieces)
        self.record.__exit__(None, None, None)

    def leave(self) -> None:
        with suppress(SenderGone):
            gone = SenderGone('gone')
            self.record.__exit__(SenderGone, gone, None)


def create(deliveries: Deliveries, **details: Any) -> None:
    """Create incidents in one call, each with a number and its details."""
    deliveries.created([{**FIELDS, 'id': number.removeprefix('n'), 'name': f'name {number}', 'rawJSON': json.dumps(each)}
                        for number, each in details.items()])


def results(deliveries: Deliveries) -> list[tuple[str, list[str]]]:
    """Return what each delivery became, the oldest first."""
    return [(each['kind'], each['incidents']) for each in reversed(deliveries.summaries())]


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_three_equal_requests_in_flight_the_first_created_the_incident_whichever_response_comes_first(
        deliveries: Deliveries, order: tuple[int, ...]) -> None:
    three = [Sending(deliveries, A, Authorization='token', X_Time=str(number)) for number in range(3)]
    create(deliveries, n1=A)
    for each in order:
        three[each].respond('1')
    assert results(deliveries) == [('created', ['1']), ('repeat', ['1']), ('repeat', ['1'])]


def test_of_equal_requests_that_of_the_headers_in_the_details_created_the_incident(deliveries: Deliveries) -> None:
    three = [Sending(deliveries, A, User_Agent=f'sender/{number}', X_Same='same') for number in range(3)]
    create(deliveries, n1={**A, 'headers': {'user-agent': 'sender/1', 'x-same': 'same'}})
    for each in three:
        each.respond('1')
    assert results(deliveries) == [('repeat', ['1']), ('created', ['1']), ('repeat', ['1'])]


def test_what_was_expected_of_an_earlier_request_is_corrected_when_its_response_names_another_incident(
        deliveries: Deliveries) -> None:
    first, second = (Sending(deliveries, A) for _ in range(2))
    create(deliveries, n1=A)
    second.respond('1')
    assert results(deliveries)[1] == ('repeat', ['1'])
    first.respond(status=503)
    assert results(deliveries) == [('rejected', []), ('created', ['1'])]


def test_each_of_several_whose_responses_name_no_incident_created_what_has_its_content(deliveries: Deliveries) -> None:
    sent = [Sending(deliveries, body) for body in (A, B, {'title': 'dropped'})]
    create(deliveries, n1=A, n2=B)
    for each in sent:
        each.respond()
    assert results(deliveries) == [('created', ['1']), ('created', ['2']), ('answered', [])]


def test_what_had_its_response_before_an_incident_existed_did_not_create_it(deliveries: Deliveries) -> None:
    done, left = Sending(deliveries, A), Sending(deliveries, A)
    done.respond()
    left.leave()
    create(deliveries, n1=A)
    assert results(deliveries) == [('answered', []), ('gone', ['1'])]


@pytest.mark.parametrize('change', [{'body': B}, {'Authorization': 'other'}, {'partial': True}])
def test_a_request_that_differs_or_had_not_arrived_did_not_create_what_another_names(
        deliveries: Deliveries, change: dict[str, Any]) -> None:
    earlier = Sending(deliveries, **{'body': A, 'Authorization': 'token', **change})
    later = Sending(deliveries, A, Authorization='token')
    create(deliveries, n1=A)
    later.respond('1')
    earlier.leave()
    assert results(deliveries) == [('gone', []), ('created', ['1'])]


def test_an_incident_that_comes_late_is_not_that_of_a_request_of_which_a_part_had_not_arrived(deliveries: Deliveries) -> None:
    partial, whole = Sending(deliveries, A, partial=True), Sending(deliveries, A)
    assert next(iter(partial.request.body)) == whole.body
    partial.leave()
    whole.leave()
    create(deliveries, n1=A)
    assert results(deliveries) == [('gone', []), ('gone', ['1'])]


def test_an_incident_that_comes_after_its_sender_has_left_is_linked_to_the_delivery(
        deliveries: Deliveries, printed: list[str]) -> None:
    for body in (A, B):
        Sending(deliveries, body).leave()
    asking = Sending(deliveries, b'', partial=True)  # whose response names no incident
    create(deliveries, n1={**A, 'headers': {'host': 'h'}}, n2=B, n3={'title': 'of nobody'})
    asking.respond()
    assert results(deliveries) == [('gone', ['1']), ('gone', ['2']), ('created', ['3'])]
    first = deliveries.get(1)
    assert first and (first.text, first.status) == ('name n1', None)
    assert [' '.join(line[10:].split()[4:]) for line in printed[-2:]] == ['- → 1 · ↯ left name n1', '- → 2 · ↯ left name n2']


def test_a_repeat_of_a_request_whose_sender_left_says_so(deliveries: Deliveries) -> None:
    Sending(deliveries, A).leave()
    again = Sending(deliveries, A)
    create(deliveries, n1=A)
    again.respond('1')
    assert results(deliveries) == [('gone', ['1']), ('repeat', ['1'])]


def test_two_equal_events_of_which_one_sender_left_have_an_incident_each(deliveries: Deliveries) -> None:
    Sending(deliveries, A, X_Id='1').leave()
    other = Sending(deliveries, A, X_Id='2')
    create(deliveries, n1=A, n2=A)
    other.respond('2')
    assert results(deliveries) == [('gone', ['1']), ('created', ['2'])]


def test_each_of_several_events_of_a_sender_that_left_is_linked(deliveries: Deliveries) -> None:
    Sending(deliveries, {'alerts': [A, B, B]}).leave()
    create(deliveries, n1=A, n2=B, n3=B, n4=B)
    assert results(deliveries) == [('gone', ['1', '2', '3'])]


def test_incidents_of_a_call_that_failed_are_linked_to_the_rejected_delivery(deliveries: Deliveries) -> None:
    sent = Sending(deliveries, A)
    create(deliveries, n1=A)
    sent.respond(status=500)
    assert results(deliveries) == [('rejected', ['1'])]
    refused = Sending(deliveries, B)
    refused.respond(status=401)
    create(deliveries, n2=B)
    assert results(deliveries)[1] == ('rejected', [])


def test_an_equal_request_after_a_quarter_of_an_hour_is_another_event(deliveries: Deliveries) -> None:
    with Clock(deliveries_module, unix=0) as clock:
        Sending(deliveries, A).leave()
        clock.now += 900
        late = Sending(deliveries, A)
        create(deliveries, n1=A)
        late.respond('1')
    assert results(deliveries) == [('gone', []), ('created', ['1'])]


@pytest.mark.parametrize('seconds, incidents', [(3599, ['1']), (3600, [])])
def test_an_incident_that_comes_after_an_hour_is_not_of_the_delivery_whose_sender_left(
        deliveries: Deliveries, seconds: float, incidents: list[str]) -> None:
    with Clock(deliveries_module, unix=0), Clock(origins_module, unix=seconds):
        Sending(deliveries, A).leave()
        create(deliveries, n1=A)
        Sending(deliveries, B).respond()
    assert results(deliveries)[0] == ('gone', incidents)


def test_of_many_deliveries_without_a_response_the_latest_are_linked(
        deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origins_module, 'KEPT_ORPHANS', 1)
    for body in (A, B):
        Sending(deliveries, body).leave()
    create(deliveries, n1=A, n2=B)
    assert results(deliveries) == [('gone', []), ('gone', ['2'])]


@pytest.mark.parametrize('text, fields, contents', [
    ('{"a": 1.50, "b": {"c": "d"}, "headers": {}}', [], ['{"a": "1.50", "b": {"c": "d"}}', '{"c": "d"}', '{}']),
    ('[{"a": 1}, {"a": 1}]', [], ['{"a": "1"}'] * 2), ('{"a": 1}\n{"b": 2}', [], ['{"a": "1"}', '{"b": "2"}']),
    ('<a/>', [], []), ('', [], ['{}']), ('a=b', [{'name': 'a', 'value': 'b'}], ['{"a": "b"}'])])
def test_a_body_has_the_contents_that_its_incidents_may_have(text: str, fields: Any, contents: list[str]) -> None:
    found = contents_of(Readable(text, True, False, False), fields)
    own = json.dumps({'body': text}, ensure_ascii=False)
    assert sorted(found.elements()) == sorted([*contents, own])


def traces(*headers: str, contents: Counter[str]) -> Origins:
    """Return the origins of deliveries that are under way and have the same contents, each with a header of its own."""
    origins = Origins(lambda number: contents)
    for number, header in enumerate(headers, 1):
        origins.began(Trace(number, 0, 1))
        origins.arrived(number, number, [('X-Of', header)])
    return origins


def event(of: str, **content: Any) -> dict[str, Any]:
    return {'rawJSON': json.dumps({**content, 'headers': {'x-of': of}})}


def test_an_event_of_a_rule_is_of_the_delivery_with_its_content_and_headers_each_time_once() -> None:
    contents = Counter([content_of(event('', a='1'))])
    equal = traces('same', 'same', contents=contents)
    assert [equal.take(event('same', a='1')) for _ in range(3)] == [1, 2, 1], 'the third is tried again'
    unlike = traces('one', 'other', contents=contents)
    assert [unlike.take(event(of, a='1')) for of in ('other', 'one')] == [2, 1]
    assert unlike.take(event('one', b='2')) == 0
    assert traces('one', contents=Counter()).take(event('one', b='2')) == 1, 'of a body that cannot be read'
