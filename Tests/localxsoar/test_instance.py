"""An instance as the page and the API drive it: enabled, disabled, configured anew, tested."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local_xsoar import wait_for

from localxsoar.container import Runtime
from localxsoar.errors import UsageError
from localxsoar.faults import Faults
from localxsoar.instance import CommandFailed, Instance
from localxsoar.output import Printer
from localxsoar.pack import load_integration
from localxsoar.ports import any_free_port
from localxsoar.store import Store


@pytest.fixture
def printed() -> list[str]:
    return []


@pytest.fixture
def instance(echo_pack: Path, printed: list[str]) -> Iterator[Instance]:
    made = Instance('front', load_integration(echo_pack), {'secret': 'first'}, Runtime(),
                    Store(), Faults(), Printer('debug', printed.append), any_free_port)
    made.enable()
    assert made.wait_until_ready()
    yield made
    made.disable()


def test_an_instance_that_was_disabled_runs_again_once_it_is_enabled(instance: Instance) -> None:
    first = instance.pid
    instance.disable()
    assert (instance.pid, instance.state()['enabled']) == (None, False)
    instance.enable()
    assert instance.wait_until_ready() and instance.pid not in (None, first)
    assert (instance.restarts, instance.state()['enabled']) == (0, True)


def test_new_parameters_start_the_container_anew_which_is_no_crash(instance: Instance, printed: list[str]) -> None:
    first, port = instance.pid, instance.port
    instance.reconfigure({'greeting': 'welcome'})
    assert wait_for(lambda: any(f'welcome, listening on {port}' in line for line in printed))
    assert instance.pid != first and instance.restarts == 0
    assert instance.params['secret'] == 'first'
    assert not [line for line in printed if 'The container ended' in line]


def test_a_value_that_the_form_refuses_changes_nothing(instance: Instance) -> None:
    first, before = instance.pid, dict(instance.params)
    with pytest.raises(UsageError, match=r'Listen Port \(longRunningPort\) is required'):
        instance.reconfigure({'greeting': 'bye', 'longRunningPort': ''})
    assert (instance.pid, instance.params) == (first, before)


def test_the_test_button_takes_values_that_are_not_saved(instance: Instance) -> None:
    assert instance.test_module() == 'ok'
    with pytest.raises(CommandFailed, match='Greeting bad is not polite'):
        instance.test_module({'greeting': 'bad'})
    with pytest.raises(UsageError, match='Echo has no parameter'):
        instance.test_module({'gruss': 'bad'})
    assert instance.params['greeting'] != 'bad'
