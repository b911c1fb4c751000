"""The pre-process script takes little longer than reading the events that it compares, whatever their shape."""
from __future__ import annotations

from functools import partial

import pytest
from shared.joins import SHAPES, pair, run_script
from clocks import grows_linearly


@pytest.mark.parametrize('shape', SHAPES)
def test_the_time_to_join_an_event_grows_with_its_size_and_not_with_its_shape(shape: str) -> None:
    grows_linearly(partial(pair, shape), run_script, 20_000)
