"""The deliveries: what each request became, what is kept of it, and how much."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clocks import Clock

from localxsoar.webhooks import deliveries as deliveries_module
from localxsoar.webhooks.deliveries import KEPT_BODY_BYTES, KEPT_RESPONSE_BYTES, Deliveries
from localxsoar.events import Events
from localxsoar.forward import PREFIX, NotHttp, Request, Response, SenderGone, not_http_response
from localxsoar.webhooks.masks import Masks
from localxsoar.terminal.printer import NOTHING, Printer
from localxsoar.webhooks.recognition import SenderRecognizer
from localxsoar.webhooks.responses import Mentioned
from localxsoar.webhooks.senders import Sender

SECRET = 'h4sh-hush'
A, B = {'id': '1', 'name': 'a'}, {'id': '2', 'name': 'b'}
FIELDS = {'type': '', 'occurred': '', 'created': '', 'sourceInstance': 'front', 'severity': 0, 'status': 0}


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def deliveries(printed: list[str], events: Events) -> Iterator[Deliveries]:
    opened = open_deliveries(printed, events=events)
    yield opened
    opened.close()


def open_deliveries(printed: list[str], file: Path | None = None, events: Events | None = None, **limits: int) -> Deliveries:
    printer = Printer(write=printed.append)
    return Deliveries(file, SenderRecognizer([]), Masks(lambda: [SECRET]), printer, events or Events(), **limits)


def receive(deliveries: Deliveries, response: Any = '[]', status: int = 200, *, creates: Any = (), body: bytes = b'',
            target: str = '/', headers: Any = (), response_headers: Any = (), method: str = 'POST') -> Any:
    """The summary of a delivery after a request with this response, which creates these incidents."""
    request = Request(method, target, [('User-Agent', 'test/1'), *headers], [body], '127.0.0.1')
    with deliveries.record(request) as delivery:
        assert b''.join(request.body) == body
        create(deliveries, *creates)
        pieces = [(response if isinstance(response, str) else json.dumps(response)).encode()]
        answer = delivery.note_response(Response(status, 'Phrase', list(response_headers), pieces))
        assert list(answer.pieces) == pieces
    return deliveries.summaries()[0]


def create(deliveries: Deliveries, *incidents: dict[str, str]) -> None:
    deliveries.created([{**FIELDS, **incident} for incident in incidents])


def became(delivery: Any) -> tuple[str, list[str], str]:
    return delivery['kind'], delivery['incidents'], delivery['text']


def texts(printed: list[str]) -> list[str]:
    return [re.sub(r'^.*?  (.*? ms)? *', '', line) for line in printed]


def test_a_response_that_names_new_incidents_has_created_them(deliveries: Deliveries, printed: list[str]) -> None:
    assert became(receive(deliveries, [A, B], creates=[A, B])) == ('created', ['1', '2'], 'a (+1 more)')
    assert texts(printed) == ['test                  → 1, 2  a (+1 more)']


def test_a_delivery_has_the_severity_and_the_state_of_its_incidents(deliveries: Deliveries, printed: list[str]) -> None:
    ended = {**A, 'severity': 0.5, 'labels': [{'type': 'state', 'value': 'resolved'}]}
    assert receive(deliveries, [ended], creates=[ended])['triage'] == 'info resolved'
    assert receive(deliveries, [B], creates=[{**B, 'severity': 4}])['triage'] == 'critical'
    assert texts(printed) == ['test                  → 1 info resolved  a', 'test                  → 2 critical  b']


def test_a_response_that_names_none_has_created_what_came_meanwhile(deliveries: Deliveries, printed: list[str]) -> None:
    assert became(receive(deliveries, 'accepted', creates=[A, B])) == ('created', ['1', '2'], 'a (+1 more)')
    assert became(receive(deliveries, 'accepted')) == ('answered', [], 'accepted')


def test_a_response_that_names_an_older_incident_repeats_it(deliveries: Deliveries) -> None:
    receive(deliveries, [A], creates=[A])
    assert became(receive(deliveries, [A, A])) == ('repeat', ['1'], 'a')
    assert became(receive(deliveries, [A, B], creates=[B])) == ('created', ['1', '2'], 'a (+1 more)')


def test_of_the_events_that_a_rule_took_the_first_is_named_and_the_others_are_counted(deliveries: Deliveries) -> None:
    with deliveries.record(Request('POST', '/', [])) as delivery:
        deliveries.acted(1, [{'name': name, 'word': 'dropped', 'incident': '', 'text': ''} for name in 'abc'])
        assert list(delivery.note_response(Response(200, 'OK', [], [b'[]'])).pieces) == [b'[]']
    assert became(deliveries.summaries()[0]) == ('answered', [], 'a (+2 more)')


def test_an_id_that_is_unknown_or_inside_a_text_names_no_incident(deliveries: Deliveries) -> None:
    receive(deliveries, [A], creates=[A])
    assert became(receive(deliveries, [{'id': '7'}]))[0] == 'answered'
    assert became(receive(deliveries, [{'rawJSON': json.dumps(A)}]))[0] == 'answered'


@pytest.mark.parametrize('size', [1, 7, 40, 41, 100])
def test_ids_are_read_in_pieces_of_any_size(size: int) -> None:
    text = json.dumps([{'id': str(number), 'rawJSON': json.dumps({'id': f'{number}00'})} for number in range(50)]).encode()
    mentioned = Mentioned()
    for start in range(0, len(text), size):
        mentioned.read(text[start:start + size])
    assert mentioned.ids == [str(number) for number in range(50)]


def test_incidents_that_no_delivery_made_are_printed_at_once(deliveries: Deliveries, printed: list[str]) -> None:
    create(deliveries, A, B)
    assert texts(printed) == ['incident 1  a', 'incident 2  b']
    assert became(receive(deliveries, 'accepted')) == ('answered', [], 'accepted')
    assert len(printed) == 3


def test_incidents_that_no_response_names_are_printed_once_all_deliveries_are_over(
        deliveries: Deliveries, printed: list[str]) -> None:
    with deliveries.record(Request('POST', '/', [])):
        assert became(receive(deliveries, 'accepted', creates=[A])) == ('answered', [], 'accepted')
        assert len(printed) == 1
    assert texts(printed)[1:] == ['-                     ', 'incident 1  a']
    receive(deliveries, 'accepted')
    assert len(printed) == 4


@pytest.mark.parametrize('response, status, reason', [
    ({'detail': 'no token'}, 401, 'no token'), ('', 500, 'Phrase'), ('[{"id": "1"}]', 400, '[{"id": "1"}]')])
def test_a_status_from_400_on_is_a_rejection_with_its_reason(
        deliveries: Deliveries, response: Any, status: int, reason: str) -> None:
    create(deliveries, A)
    assert became(receive(deliveries, response, status)) == ('rejected', [], reason)
    assert deliveries.summaries()[0]['status'] == status


@pytest.mark.parametrize('text, shown', [('[]', NOTHING), (' {} ', NOTHING), ('', NOTHING), ('a\nb', 'a')])
def test_any_other_response_is_shown_by_its_first_line(deliveries: Deliveries, text: str, shown: str) -> None:
    assert became(receive(deliveries, text, 399)) == ('answered', [], shown)
    for method in ('HEAD', 'OPTIONS'):
        assert became(receive(deliveries, text, method=method))[2] == ('no incident' if shown == NOTHING else shown)


@pytest.mark.parametrize('request_', [
    {'target': '/?challenge=ab%20cd'}, {'body': b'{"challenge": "ab cd"}'}, {'headers': [('X-Challenge', 'ab cd')]}])
def test_a_response_that_repeats_what_the_request_has_is_a_handshake(deliveries: Deliveries, request_: Any) -> None:
    assert became(receive(deliveries, 'ab cd', **request_)) == ('handshake', [], 'the address is confirmed')


@pytest.mark.parametrize('name', ['Host', 'Accept', 'Connection'])
def test_a_response_that_repeats_a_header_of_the_connection_is_not_a_handshake(deliveries: Deliveries, name: str) -> None:
    assert became(receive(deliveries, 'ab cd', headers=[(name, 'ab cd')]))[0] == 'answered'


def test_a_sender_that_left_and_bytes_that_are_not_http_are_kept(deliveries: Deliveries) -> None:
    with pytest.raises(SenderGone), deliveries.record(Request('POST', '/', [])):
        raise SenderGone
    error = NotHttp('it is noise')
    with pytest.raises(NotHttp), deliveries.record(Request('POST', '/', [])):
        raise error
    deliveries.record_not_http('127.0.0.1', not_http_response(error))
    assert [(*became(each), each['status'], each['method']) for each in deliveries.summaries()] == [
        ('rejected', [], 'This is not HTTP/1.1: it is noise.', 400, '?'), ('rejected', [], 'Bad Request', 400, 'POST'),
        ('gone', [], 'The sender left before the response.', None, 'POST')]
    with pytest.raises(SenderGone), deliveries.record(Request('POST', f'{PREFIX}webhook', [])):
        raise SenderGone
    text = 'POST 200 0 ms, from "127.0.0.1" "-", 0 bytes: repeat of incident 7'
    deliveries.note_log([{'at': next(deliveries.all()).started, 'text': text, 'level': 'info'}], 'webhook')
    assert deliveries.summaries()[0].items() >= {'has_left': True, 'is_repeat': True}.items()


def test_a_summary_has_sizes_and_masks(deliveries: Deliveries) -> None:
    seen = receive(deliveries, f'it is {SECRET}', target=f'/?token=abc&x={SECRET}&token-{SECRET}=1', body=b'12345')
    assert (seen['number'], seen['size'], seen['response_size'], seen['peer'], seen['sender'], seen['reason']) == (
        1, 5, 15, '127.0.0.1', 'test', 'Phrase')
    assert (seen['target'], seen['text']) == ('/?token=••••••&x=••••••&token-••••••=••••••', 'it is ••••••')


def test_deliveries_with_the_same_body_to_the_same_path_have_the_number_of_the_first(deliveries: Deliveries) -> None:
    first: dict[str, Any] = {'body': b'{"a": 1}', 'target': '/a?token=wrong'}
    other = {'body': b'{"a": 2}', 'target': '/a'}
    requests: list[Any] = [first, other, {**first, 'target': '/a'}, {**first, 'target': '/b'}, {'target': '/a'}, first]
    assert [receive(deliveries, **each)['alike'] for each in requests] == [1, 2, 1, 4, 0, 1]
    deliveries.clear()
    assert receive(deliveries, **first)['alike'] == 7


def test_a_delivery_lasts_until_the_end_of_its_response(deliveries: Deliveries) -> None:
    with Clock(deliveries_module, unix=0) as clock, deliveries.record(Request('POST', '/', [])) as delivery:
        clock.now += 2
        delivery.note_end()
        clock.now += 60  # in which the sender sends the rest of its body
    with Clock(deliveries_module, unix=0) as clock, deliveries.record(Request('POST', '/', [])):
        clock.now += 3
    assert [each['milliseconds'] for each in deliveries.summaries()] == [3000, 2000]


def test_a_delivery_is_read_back_as_it_came(deliveries: Deliveries) -> None:
    receive(deliveries, f'it is {SECRET}', target=f'/?x={SECRET}', body=b'\xff', response_headers=[('X-A', 'b')])
    kept = deliveries.get(1)
    assert kept and (kept.target, kept.headers, bytes(kept.body)) == (f'/?x={SECRET}', [('User-Agent', 'test/1')], b'\xff')
    assert (bytes(kept.response), kept.response_headers, kept.response_size) == (f'it is {SECRET}'.encode(), [('X-A', 'b')], 15)
    assert deliveries.get(2) is None
    with deliveries.record(Request('POST', '/', [])):
        waiting = deliveries.get(2)
        assert waiting and waiting.kind == 'waiting' and deliveries.summaries()[0]['kind'] == 'waiting'


def test_the_oldest_deliveries_make_room_for_more(printed: list[str], events: Events) -> None:
    deliveries = open_deliveries(printed, events=events, limit=2)
    stream = events.follow()
    next(stream)
    for number in range(1, 4):
        receive(deliveries)
        deliveries.note_log([{'at': next(deliveries.all()).started, 'text': 'a', 'level': 'info'}], 'front')
        assert len(deliveries.lines(number)) == 1
    assert [each['number'] for each in deliveries.summaries()] == [3, 2] and deliveries.lines(1) == []
    assert b'event: removed\ndata: {"number": 1, "removed": 1}' in next(stream)


def test_the_largest_bodies_make_room_and_leave_the_history_as_it_is(printed: list[str], events: Events) -> None:
    deliveries = open_deliveries(printed, events=events, byte_limit=6200)
    stream = events.follow()
    next(stream)
    for size in (10, 3000, 4000, 1000, 3000):
        receive(deliveries, body=b'x' * size)
    reason = 'The body was removed to make room for others.'
    assert [(each['size'], each['missing']) for each in reversed(deliveries.summaries())] == [
        (10, ''), (3000, reason), (4000, reason), (1000, ''), (3000, '')]
    kept = [deliveries.get(number) for number in range(1, 6)]
    assert [(len(each.body), bytes(each.response), each.gap()) for each in kept if each] == [
        (10, b'[]', ''), (0, b'[]', reason), (0, b'[]', reason), (1000, b'[]', ''), (3000, b'[]', '')]
    assert next(stream).count(reason.encode()) == 2, 'pages that are open are told'


@pytest.mark.parametrize('sizes, missing', [((3000, 4000), [False, True]), ((10, 1000, 9000), [True, False, False])])
def test_the_oldest_of_bodies_of_about_one_size_or_one_beyond_the_limit_itself_makes_room(
        printed: list[str], sizes: tuple[int, ...], missing: list[bool]) -> None:
    deliveries = open_deliveries(printed, byte_limit=6200)
    for size in sizes:
        receive(deliveries, body=b'x' * size)
    assert [bool(each['missing']) for each in deliveries.summaries()] == missing


def test_a_delivery_whose_response_made_room_can_still_be_sent_again(printed: list[str]) -> None:
    deliveries = open_deliveries(printed, byte_limit=5000)
    receive(deliveries, 'x' * 4000, body=b'kept')
    receive(deliveries, body=b'x' * 2000)
    assert [(each['missing'], each['response_size']) for each in deliveries.summaries()] == [('', 2), ('', 4000)]
    first = deliveries.get(1)
    assert first and (first.gap(), bytes(first.body), bytes(first.response)) == ('', b'kept', b'')


def test_of_a_body_and_a_response_of_one_size_the_body_makes_room(printed: list[str]) -> None:
    deliveries = open_deliveries(printed, byte_limit=5000)
    receive(deliveries, 'x' * 2000, body=b'y' * 2000)
    assert deliveries.search('yyy') == [1]
    receive(deliveries, body=b'x' * 1000)
    assert deliveries.search('yyy') == []
    first = deliveries.get(1)
    assert first and (bytes(first.body), len(first.response), first.missing) == (
        b'', 2000, 'The body was removed to make room for others.')


def test_as_many_deliveries_and_bytes_are_kept_as_a_person_looks_through(deliveries: Deliveries) -> None:
    for size in [0] * 501 + [18_000_000] * 3:
        request = Request('POST', '/', [], [b'x' * size])
        with deliveries.record(request) as delivery:
            list(request.body)
            list(delivery.note_response(Response(200, 'OK', [], [])).pieces)
    kept = deliveries.summaries()
    assert (len(kept), kept[-1]['number']) == (500, 5)
    assert [bool(each['missing']) for each in kept[:4]] == [False, False, True, False]


def test_how_many_made_room_is_known_after_a_restart_and_no_number_is_given_twice(printed: list[str], tmp_path: Path) -> None:
    file = tmp_path / 'store.db'
    first = open_deliveries(printed, file, limit=2)
    for _ in range(5):
        receive(first)
    assert first.removed == 3
    first.close()
    assert len(printed) == 2, 'those that still waited for the log are printed'
    second = open_deliveries(printed, file, limit=2)
    assert (second.removed, [each['number'] for each in second.summaries()]) == (3, [5, 4])
    second.clear()
    assert second.removed == 0
    second.close()
    third = open_deliveries(printed, file, limit=2)
    assert (receive(third)['number'], third.removed) == (6, 0)
    third.close()


def test_a_note_in_the_header_of_a_response_is_kept_masked(deliveries: Deliveries) -> None:
    noted = receive(deliveries, response_headers=[('X-Webhook-Note', f'skip: {SECRET}'), ('x-webhook-note', 'each: nothing')])
    assert noted['note'] == 'skip: •••••• each: nothing'


def test_large_responses_make_room_and_then_the_oldest_deliveries(printed: list[str]) -> None:
    deliveries = open_deliveries(printed, byte_limit=2500)
    for number in range(4):
        receive(deliveries, 'x' * 400, headers=[('X-Large', 'x' * 600)], body=b'x' * 10)
        assert deliveries.get(number + 1)
    assert [each['number'] for each in deliveries.summaries()] == [4, 3]


def test_a_long_body_and_a_long_response_are_kept_up_to_their_limits(deliveries: Deliveries) -> None:
    request = Request('POST', '/', [], [bytes(KEPT_BODY_BYTES), b'x'])
    with deliveries.record(request) as delivery:
        list(request.body)
        list(delivery.note_response(Response(200, 'OK', [], [bytes(KEPT_RESPONSE_BYTES), b'x'])).pieces)
    assert (len(delivery.body), len(delivery.response)) == (KEPT_BODY_BYTES, KEPT_RESPONSE_BYTES)
    assert (delivery.size, delivery.response_size) == (KEPT_BODY_BYTES + 1, KEPT_RESPONSE_BYTES + 1)
    assert delivery.gap() == 'The body was too large to be kept whole.'


def test_all_deliveries_are_read_newest_first(deliveries: Deliveries) -> None:
    for _ in range(2):
        receive(deliveries)
    with deliveries.record(Request('POST', '/still-waits', [])):
        assert [each.number for each in deliveries.all()] == [3, 2, 1] and deliveries.search('STILL-waits post') == [3]


def test_a_known_sender_is_noted_with_its_key(printed: list[str]) -> None:
    acme = Sender('acme', 'Acme', 'other', '', {}, [{'title': 'a', 'headers': {'X-Acme': '{uuid}'}, 'payload': []}])
    printer = Printer(write=printed.append)
    deliveries = Deliveries(None, SenderRecognizer([acme]), Masks(list), printer, Events())
    seen = receive(deliveries, headers=[('X-Acme', 'a')])
    assert (seen['sender'], seen['sender_key'], receive(deliveries)['sender_key']) == ('Acme', 'acme', '')


def test_a_response_may_name_as_many_earlier_incidents_as_are_known(
        deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries_module, 'KNOWN_INCIDENTS', 2)
    create(deliveries, A, B)
    assert became(receive(deliveries, [A]))[0] == 'repeat'
    create(deliveries, {'id': '3', 'name': 'c'})
    assert [became(receive(deliveries, [each]))[0] for each in (A, B)] == ['answered', 'repeat']


def test_a_delivery_in_a_file_of_an_earlier_version_is_read(printed: list[str], tmp_path: Path) -> None:
    first = open_deliveries(printed, tmp_path / 'store.db')
    receive(first, 'four')
    first.close()
    with sqlite3.connect(tmp_path / 'store.db') as earlier:
        earlier.execute("UPDATE delivery SET summary = replace(summary, 'response_size', 'answer_size')")
    earlier.close()
    again = open_deliveries(printed, tmp_path / 'store.db')
    delivery = again.get(1)
    assert delivery and (delivery.response_size, bytes(delivery.response)) == (4, b'four')
    again.close()


@pytest.mark.parametrize('earlier, number', [
    ([{}], 1), ([{}, {'status': 503}], 1), ([{}, {'note': 'repeat of no incidents'}], 1), ([{}, {'query': '?a=1'}], 1),
    ([{}, {'body': b'{"a": 2}'}], 1), ([{}, {'known': 'y'}], 1), ([{}, {}], 2), ([{'status': 503}], 0)])
def test_a_delivery_that_the_log_calls_a_repeat_repeats_the_latest_accepted_one_alike(
        deliveries: Deliveries, earlier: list[dict[str, Any]], number: int) -> None:
    usual: dict[str, Any] = {'status': 200, 'query': '', 'body': b'{"a": 1}', 'known': 'x', 'note': 'no incidents'}
    for each in [*earlier, {'note': 'repeat of no incidents'}]:
        status, query, body, known, note = (usual | each).values()
        receive(deliveries, status=status, target=f'{PREFIX}webhook{query}', body=body)
        kept = next(deliveries.all())
        text = f'POST {status} 0 ms, from "127.0.0.1" "test/1", {len(body)} bytes, token 1, delivery "{known}": {note}'
        deliveries.note_log([{'at': kept.started, 'text': text, 'level': 'info'}], 'webhook')
    assert deliveries.summaries()[0].get('repeats', 0) == number


def test_deleted_deliveries_are_gone_and_later_ones_count_on(deliveries: Deliveries, events: Events) -> None:
    receive(deliveries)
    [kept] = deliveries.all()
    deliveries.note_log([{'at': kept.started, 'text': 'a', 'level': 'info'}], 'front')
    assert [each['text'] for each in deliveries.lines(1)] == ['a']
    stream = events.follow()
    next(stream)
    deliveries.clear()
    assert deliveries.summaries() == deliveries.lines(1) == [] and b'event: cleared\n' in next(stream)
    assert receive(deliveries)['number'] == 2


def test_nothing_of_a_deleted_delivery_stays_in_the_file_whatever_sqlite_does_by_itself(
        printed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect

    def connect_as_most_builds(*arguments: Any, **options: Any) -> sqlite3.Connection:
        """Open a database as SQLite does unless it was built to overwrite what is deleted, as Debian's is."""
        opened: sqlite3.Connection = connect(*arguments, **options)
        opened.execute('PRAGMA secure_delete = OFF')
        return opened
    monkeypatch.setattr(sqlite3, 'connect', connect_as_most_builds)
    for body in (b'a body to forget ' * 1000, b'another to forget ' * 1000):
        deliveries = open_deliveries(printed, tmp_path / 'store')
        receive(deliveries, body=body)
        deliveries.close()  # which moves all of the journal into the file
    deliveries = open_deliveries(printed, tmp_path / 'store')
    deliveries.clear()
    assert not [file for file in tmp_path.iterdir() if b'to forget' in file.read_bytes()]
    deliveries.close()


def test_the_page_gets_each_delivery_when_it_begins_and_when_it_ends_and_each_incident(
        deliveries: Deliveries, events: Events) -> None:
    stream = events.follow()
    next(stream)
    receive(deliveries, [A], creates=[A], target=f'/?x={SECRET}')
    told = next(stream).decode()
    assert re.findall('event: (.*)', told) == ['delivery', 'incident', 'delivery']
    assert re.findall('"kind": "(.*?)"', told) == ['waiting', 'created'] and SECRET not in told
