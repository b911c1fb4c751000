"""The only module under Tests that reads a clock: what a test may say of time, so that no verdict depends on the machine's speed.

A wait ends at a condition; PATIENCE_SECONDS only ends one that would hang. Of work, a test says how it grows. Of a pause, it says
that it was at least so long. Everything else about time the subject reads from a clock that the test sets.
"""
from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import gevent

from localxsoar.waiting import PATIENCE_SECONDS, wait_for

MOST_GROWTH = 10  # for four times the work: linear work was measured at 1.0 to 5.7, and quadratic work takes 16 times as long
MEASURABLE_SECONDS = 0.005
MOST_TURNS = 20

__all__ = ['PATIENCE_SECONDS', 'Clock', 'at_least', 'grows_linearly', 'lapse', 'now', 'pause', 'unix_now', 'until', 'wait_for']


def now() -> float:
    """Return the real time that the scripts under test measure pauses by, in seconds."""
    return time.monotonic()


def unix_now() -> float:
    """Return the real time of the day in Unix seconds, for what another process judges."""
    return time.time()


def until(condition: Callable[[], Any]) -> Any:
    """Let other greenlets run until the condition is true, and return its value. A clock that a test has set does not matter."""
    with gevent.Timeout(PATIENCE_SECONDS):
        while not (value := condition()):
            gevent.sleep(0.003)
    return value


async def pause(seconds: float = 0.02) -> None:
    """Let a sender rest before it tries again: one that goes on at once takes the processor from what it waits for."""
    await asyncio.sleep(seconds)


def lapse(seconds: float) -> Callable[[], bool]:
    """Return a condition that comes true after so many seconds: the end of an outage. A verdict waits for something else."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


@contextmanager
def at_least(seconds: float) -> Iterator[None]:
    """Assert that what is done inside takes so many seconds or more."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began >= seconds


def grows_linearly(make: Callable[[int], Any], work: Callable[[Any], object], size: int) -> None:
    """Assert that the work on four times the size takes less than MOST_GROWTH times the CPU time.

    `make` returns the subject for a size; its time does not count. The work is repeated as often as it takes to be measured.
    Both are measured in turns until the least times show it: what else runs on the machine may slow down one of them for a while.
    """
    subject, larger, times = make(size), make(4 * size), 1
    while (small := cpu_seconds(work, subject, times)) < MEASURABLE_SECONDS:
        times *= 2
    large = math.inf
    for _ in range(MOST_TURNS):
        large = min(large, cpu_seconds(work, larger, times))
        small = min(small, cpu_seconds(work, subject, times))
        if large < MOST_GROWTH * small:
            return
    raise AssertionError(f'{times} times {size} took {small:.4f} s, and {4 * size} {large:.4f} s of CPU')


def each_grows_linearly(makes: Mapping[str, Callable[[int], Any]], work: Callable[[Any], object], size: int) -> None:
    """Assert the same of several subjects: of all together, which is quick, and of each if that fails, to name the one."""
    try:
        grows_linearly(lambda count: [make(count) for make in makes.values()], lambda subjects: list(map(work, subjects)), size)
    except AssertionError as failure:
        for name, make in makes.items():
            try:
                grows_linearly(make, work, size)
            except AssertionError as own:
                raise AssertionError(f'{name}: {own}') from failure
        raise


def cpu_seconds(work: Callable[[Any], object], subject: Any, times: int) -> float:
    """Return the CPU seconds of this thread in which the work is done so many times."""
    began = time.thread_time()
    for _ in range(times):
        work(subject)
    return time.thread_time() - began


class Clock:
    """Takes the place of a module's `time` while it is entered, and goes on only when it is set.

    Times are multiples of 1/1024 s, so that sums of them are exact. The time of the day begins at `unix`, in Unix seconds, or
    else is the real one.
    """

    def __init__(self, module: Any, began: float = 0.0, unix: float | None = None) -> None:
        self.began = self.now = began
        self.unix = unix
        self.readings = 0  # how often it was read
        self.patch = mock.patch.object(module, 'time', self)

    def monotonic(self) -> float:
        self.readings += 1
        return self.now

    def time(self) -> float:
        return time.time() if self.unix is None else self.unix + self.passed

    @property
    def passed(self) -> float:
        """The seconds since the start."""
        return self.now - self.began

    @passed.setter
    def passed(self, seconds: float) -> None:
        self.now = self.began + seconds

    def pass_to(self, seconds: float) -> None:
        """Let so many seconds have passed since the start, and wait until what waits for a time has read the clock."""
        self.passed = seconds
        before = self.readings
        until(lambda: self.readings > before + 2)

    def __getattr__(self, name: str) -> Any:
        """Return what is not set here: greenlets that earlier tests started go on meanwhile, and need it."""
        return getattr(time, name)

    def __enter__(self) -> Clock:
        self.patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.stop()


@contextmanager
def zone(name: str) -> Iterator[None]:
    """Let this process be in a time zone, such as Asia/Kathmandu."""
    with mock.patch.dict(os.environ, TZ=name):
        time.tzset()
        yield
    time.tzset()
