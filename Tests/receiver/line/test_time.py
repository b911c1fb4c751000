"""A wall clock that is set, and a machine that is suspended: over real sockets, in this process, whose clocks the test sets."""
from __future__ import annotations


import demistomock
import GenericWebhook
import gevent
import pytest
from clocks import Clock, until
from GenericWebhook import Listener, deliveries_report, read_history
from own_server import ask, hold_calls
from shared.app import NOW
from shared.dated import dated
from shared.webhook import Answer

pytestmark = pytest.mark.sockets

HOUR = 3600


def post(server: Listener, name: str) -> Answer:
    """Post an event whose delivery id is its name."""
    return ask(server, b'{"title": "%s"}' % name.encode(), **{'webhook-id': name})


def test_a_wall_clock_that_goes_back_an_hour_and_forward_a_day_loses_no_delivery_and_doubles_none(server: Listener) -> None:
    contexts: list[dict[str, str]] = []
    demistomock.declare(setIntegrationContext=contexts.append)
    for name, unix in ('Disk full', NOW), ('Disk slow', NOW - HOUR), ('Disk gone', NOW + 24 * HOUR):
        with dated(GenericWebhook, unix):
            assert [post(server, each).status for each in (name, 'Disk full')] == [200, 200]
    incidents = [incident for call in demistomock.calls_of('createIncidents') for incident in call[0]]
    assert [(each['name'], each['occurred'][:16]) for each in incidents] == [
        ('Disk full', '2026-11-24T10:00'), ('Disk slow', '2026-11-24T09:00'), ('Disk gone', '2026-11-25T10:00')]
    server.app.line.record_listening('')  # is saved at once
    until(lambda: contexts and read_history(contexts[-1]).latest_number == 6)
    saved = read_history(contexts[-1])
    assert [(each.number, each.result, each.time[:13]) for each in saved.accepted] == [
        (1, 'created', '2026-11-24T10'), (2, 'repeat', '2026-11-24T10'), (3, 'created', '2026-11-24T09'),
        (4, 'repeat', '2026-11-24T09'), (5, 'created', '2026-11-25T10'), (6, 'repeat', '2026-11-25T10')]
    for hour in ('2026-11-24T09', '2026-11-24T10', '2026-11-25T10'):
        assert (saved.hours[hour]['created'], saved.hours[hour]['repeat']) == (1, 1)
    for now, minutes in (saved.saved + 90, 1.5), (saved.saved - HOUR, 0.0):
        assert f'; saved {minutes} minutes ago;' in deliveries_report(contexts[-1], {}, now).readable_output


def test_after_an_hour_in_which_the_machine_was_suspended_each_sender_hears_the_truth_and_deliveries_go_on(
        clock: Clock, server: Listener) -> None:
    may_return, queue = hold_calls(), server.app.line.queue
    in_call = gevent.spawn(post, server, 'in the call')
    until(lambda: queue.in_flight)
    waiting = gevent.spawn(post, server, 'behind it')
    until(lambda: queue.waiting)
    clock.passed = HOUR
    may_return.set()
    assert (in_call.get().status, waiting.get().status) == (200, 503)
    assert [post(server, name).status for name in ('in the call', 'behind it', 'later')] == [200, 200, 200]
    created = [each['name'] for incidents, *_ in demistomock.calls_of('createIncidents') for each in incidents]
    assert created == ['in the call', 'behind it', 'later']
