"""Bursts of deliveries that are alike: a few are printed, and then how many there were."""

from clocks import Clock
from local_xsoar import wait_for
from printed_lines import DELIVERY, REJECTED, without_time

from localxsoar.terminal import printer as printer_module
from localxsoar.terminal.bursts import FEW, QUIET_SECONDS, Bursts
from localxsoar.terminal.printer import Printer


def test_of_a_burst_a_few_are_printed_and_then_how_many_there_were(printed: list[str]) -> None:
    printer = Printer(write=printed.append)
    with Clock(printer_module) as clock:
        for _ in range(43):
            printer.delivery(REJECTED)
        assert len(printed) == FEW
        clock.now += QUIET_SECONDS
        wait_for(lambda: len(printed) > FEW, 'the end of the burst')
    assert without_time(printed[-1]) == f'   43 × 401 in  1 s  {"curl":<20}  no token'
    printer.finish()
    assert len(printed) == FEW + 1


def test_a_burst_that_the_end_interrupts_is_printed(printed: list[str]) -> None:
    printer = Printer(write=printed.append)
    for number in range(9):
        printer.delivery({**DELIVERY, 'incidents': [str(number)]})
    printer.finish()
    assert without_time(printed[-1]) == f'    9 × 200 in  1 s  {"curl":<20}  → 0 to 8  disk full'


def test_deliveries_that_differ_do_not_make_a_burst(printed: list[str]) -> None:
    printer = Printer(write=printed.append)
    names = 'text', 'sender', 'method', 'triage', 'skipped', 'is_lost', 'has_left'
    for name in names:
        for number in range(FEW + 2):
            printer.delivery({**REJECTED, name: f'{name} {number}'})
    printer.finish()
    assert len(printed) == len(names) * (FEW + 2)


def test_a_few_alike_do_not_make_a_burst(printed: list[str]) -> None:
    printer = Printer(write=printed.append)
    for _ in range(FEW):
        printer.delivery(REJECTED)
    printer.finish()
    assert len(printed) == FEW


def test_a_burst_ends_when_it_is_quiet_and_a_flood_is_counted_in_parts() -> None:
    bursts = Bursts()
    assert [bursts.add(REJECTED, number / 10) for number in range(3)] == [True] * FEW and not bursts.has_hidden()
    assert [bursts.add(REJECTED, number / 10) for number in (3, 4)] == [False, False]
    assert bursts.take_over(1.3) == [] and bursts.has_hidden()
    assert [burst.count for burst in bursts.take_over(1.6)] == [5] and not bursts.has_hidden()
    counts = []
    for number in range(200):
        counts += [burst.count for burst in bursts.take_over(2 + number / 10)]
        bursts.add(REJECTED, 2 + number / 10)
    assert len(counts) == 1 and 100 <= counts[0] <= 103
