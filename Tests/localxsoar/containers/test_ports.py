"""The ports that containers get: no two servers choose the same one, even before either listens on it."""

import socket
import subprocess
import sys

import pytest
from local_xsoar import ROOT

from localxsoar.containers import ports
from localxsoar.containers.ports import accepts_connections, any_free_port, is_free, take, well_known_free_port

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


def test_a_port_is_free_until_something_listens_on_it() -> None:
    port = any_free_port()
    assert 10_000 <= port <= 32_000 and (is_free(port), accepts_connections(port)) == (True, False)
    with socket.create_server(('127.0.0.1', port)):
        assert (is_free(port), accepts_connections(port)) == (False, True)
    assert accepts_connections(None) is False
    with socket.create_server(('127.0.0.2', port)):
        assert is_free(port) is False, 'something uses it at another address of this machine'
    with socket.create_server(('127.0.0.1', port)) as server, socket.create_connection(('127.0.0.1', port)):
        server.accept()[0].close()  # which the system remembers for a minute
    assert is_free(port) is True


@pytest.mark.parametrize('taken, port', [(0, 9000), (2, 9002), (99, 9099)])
def test_the_well_known_port_is_the_first_that_is_free(taken: int, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, 'take', lambda port: port >= 9000 + taken)
    assert well_known_free_port() == port


def test_without_a_free_well_known_port_any_other_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, 'take', lambda port: not 9000 <= port < 9100)
    assert 10_000 <= well_known_free_port() <= 32_000
