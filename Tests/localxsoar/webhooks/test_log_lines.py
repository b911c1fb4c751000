"""The lines of a log: to which delivery each belongs, and what it says of what became of that."""

from typing import Any

import pytest

from localxsoar.forward import PREFIX, Request
from localxsoar.webhooks.log_lines import LATE_SECONDS, LogReader, delivery_id, moment, outcome, read_request_line

START = 1_764_000_000.0  # 2025-11-24T16:00:00Z


def unknown(_: str) -> int:
    return 0  # no creator of an incident is known


def line(after: float, text: str = 'a') -> dict[str, Any]:
    return {'time': '', 'level': 'info', 'at': START + after, 'text': text}


def request_line(method: str = 'POST', status: int = 200, agent: str = '"curl/8"', size: int | None = 5, note: str = 'incident 7',
                 delivery: str = '') -> str:
    """Return the line that the pack writes for a request that took no time; test_page_chain.py reads those of the pack itself."""
    known = f', delivery {delivery}' if delivery else ''
    said = '-' if size is None else size
    return f'{method} {status} 0 ms, from "172.17.0.1" for "198.51.100.7, 10.0.0.1" {agent}, {said} bytes, token 2{known}: {note}'


def reader(*begun: tuple[int, float], size: int = 5, ends: float = 1.0, **headers: str) -> LogReader:
    """Return a reader that knows deliveries by their numbers, each begun and ended after so many seconds."""
    lines = LogReader()
    for number, after in begun:
        request = Request('POST', f'{PREFIX}webhook', [('User-Agent', headers.get(f'agent{number}', 'curl/8'))])
        lines.began(number, START + after, request)
    for number, after in begun:
        lines.ended(number, size, 200, headers.get(f'note{number}', ''), START + after + ends)
    return lines


@pytest.mark.parametrize('text, at', [
    ('2025-11-24T16:00:00.500000Z POST', START + 0.5), ('2025-11-24T16:00:00.250Z POST', START + 0.25),
    ('2025-11-24T16:00:00Z POST', START), ('at 2025-11-24T16:00:00.500Z', START + 9)])
def test_a_line_has_the_time_that_its_script_wrote_or_else_that_of_its_arrival(text: str, at: float) -> None:
    assert moment(line(9, text)) == at


@pytest.mark.parametrize('note, status, told', [
    ('incident 7', 200, {}), ('no incidents', 200, {}),
    ('skipped: severity low, resolved', 200, {'skipped': 'severity low, resolved'}),
    ('2 incidents 7, 8, skipped: resolved; ?name found nothing', 200, {'skipped': 'resolved'}),
    ('skipped: conditions of the URL (the sender had left)', 200, {'skipped': 'conditions of the URL', 'has_left': True}),
    ('repeat of incident 7', 200, {'is_repeat': True}),
    ('repeat of a request that waits for XSOAR (the sender had left)', 200, {'is_repeat': True, 'has_left': True}),
    ('lost: XSOAR rejected it (the sender had left)', 502, {'is_lost': True, 'has_left': True}),
    ('this, skipped: is a reason', 400, {}), ('repeat of this is one, too', 400, {}),
])
def test_a_note_says_what_only_the_pack_knows(note: str, status: int, told: dict[str, Any]) -> None:
    found = read_request_line(f'2025-11-24T16:00:00.500Z {request_line(status=status, note=note)}')
    assert found and found['note'] == note
    assert {name: value for name, value in outcome(note, status).items() if value} == told


@pytest.mark.parametrize('change', [
    {'method': 'GET', 'size': None}, {'agent': r'"a\x22, 5 bytes: x \x22"'}, {'delivery': '"72d3: 1"', 'agent': '"-"'}])
def test_the_line_of_a_request_is_read_whatever_its_sender_wrote(change: dict[str, Any]) -> None:
    text = request_line(**change, note='it: is "so"')
    found = read_request_line(text)
    assert found and (found['method'], found['note']) == (change.get('method', 'POST'), 'it: is "so"')
    assert delivery_id([line(0), line(0, text)]) == change.get('delivery', '').strip('"')


def test_each_delivery_gets_the_line_of_its_request_however_late_it_comes() -> None:
    lines = reader((1, 0), (2, 0.2), (3, 0.4), agent2='another/1')
    moments = ('410', '"curl/8"'), ('210', '"another/1"'), ('010', '"curl/8"')
    said = [f'2025-11-24T16:00:00.{at}000Z {request_line(agent=agent)}' for at, agent in moments]
    assert [lines.owner(line(30, text), 'webhook', unknown)[0] for text in said] == [3, 2, 1]
    assert lines.owner(line(30, said[0]), 'webhook', unknown) == (0, {}), 'none is left'


def test_of_equal_deliveries_only_the_one_that_created_the_incident_does_not_repeat_it() -> None:
    lines = reader((1, 0), (2, 0.2))
    moments = ('000', 'repeat of incident 7'), ('200', '2 incidents 7, 8')  # a busy container reads them later than the server
    said = [f'2025-11-24T16:00:00.{at}000Z {request_line(note=note)}' for at, note in moments]
    assert [lines.owner(line(30, text), 'webhook', {'7': 1}.__getitem__)[0] for text in said] == [2, 1]


def test_the_line_of_a_request_is_not_one_of_another_instance_method_or_time() -> None:
    lines = reader((1, 0))
    own = request_line()
    for each, instance in ((line(0, own), 'other'), (line(0, request_line(method='GET')), 'webhook'), (line(60, own), 'webhook')):
        assert lines.owner(each, instance, unknown)[0] == 0
    assert lines.owner(line(0, own), 'webhook', unknown)[0] == 1


def test_another_line_belongs_to_the_only_delivery_under_way_or_to_one_that_has_just_ended() -> None:
    lines = reader((1, 0), (2, 5), (3, 5.5), note2='name found nothing')
    moments = (0.5, 1 + LATE_SECONDS / 2, 3, 5.2, 5.7, 6.2)
    assert [lines.owner(line(after), 'webhook', unknown)[0] for after in moments] == [1, 1, 0, 2, 0, 3]
    assert lines.owner(line(5.7, 'The URL of a sender: name found nothing'), 'webhook', unknown)[0] == 2
