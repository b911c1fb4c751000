"""Restarts of containers: how long to wait for the next, and when to give up."""


import pytest

from localxsoar.server import restarts


@pytest.mark.parametrize('seconds, delays', [(9.9, [1, 2, 4, 8, 10, 10]), (10, [1, 1, 1, 1])])
def test_the_pause_before_another_container_grows_while_they_end_soon(seconds: float, delays: list[float]) -> None:
    rule = restarts.Restarts()
    assert [rule.next_delay(seconds, was_ready=True) for _ in delays] == delays
    assert (rule.quick_ends, rule.next_delay(60, was_ready=True)) == (len(delays) if seconds < 10 else 0, 1)


def test_no_other_container_is_started_after_three_that_were_never_ready() -> None:
    rule = restarts.Restarts()
    assert [rule.next_delay(1, was_ready) for was_ready in (False, False, True, False, False, False)] == [1, 2, 4, 8, 10, None]
