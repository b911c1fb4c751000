"""The ports that containers get: no two servers choose the same one, even before either listens on it."""
from __future__ import annotations

import subprocess
import sys

import pytest
from local_xsoar import ROOT

from localxsoar.containers.ports import take, well_known_free_port

pytestmark = pytest.mark.sockets
CHOOSE = 'from localxsoar.containers.ports import well_known_free_port; print(well_known_free_port(), flush=True); input()'
PROGRAM = [sys.executable, '-c', CHOOSE]


def test_two_servers_that_choose_before_either_listens_get_two_ports() -> None:
    with subprocess.Popen(PROGRAM, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin and other.stdout
        chosen = int(other.stdout.readline())
        mine = {well_known_free_port(), well_known_free_port()}
        is_left_to_the_other = not take(chosen)
        other.stdin.write('\n')
    assert len(mine | {chosen}) == 3 and is_left_to_the_other
