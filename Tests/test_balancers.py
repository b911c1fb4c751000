"""Two instances behind HAProxy and behind nginx, as docs/balancer configures them: a burst, and one of the two goes away."""
from __future__ import annotations

import asyncio
import os
import re
import signal
import ssl
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from local_xsoar import ROOT, needs, wait_for
from senders_at_once import AUTHORIZED
from webhook import Answer, Webhook, read_answer, request_bytes

from localxsoar.ports import accepts_connections, any_free_port
from tools.processes import beside

BALANCERS = ROOT / 'docs' / 'balancer'
DELIVERIES = 2000
SENDERS = 32  # that send at the same time, each one delivery after the other
PATIENCE_SECONDS = 10  # of a sender, before it tries again
IMPATIENCE_SECONDS = 3  # of one whose server hangs for longer
PAUSE_SECONDS = 0.1
MOST_TRIES = 100
MOST_DOUBLED = DELIVERIES // 100
# As an XSOAR of some speed: a call takes 20 ms, and each incident in it 1 ms more.
SPEED = ('--fault', 'call_delay_ms=20', '--fault', 'incident_delay_ms=1')


class Balancer:
    """The real program with the configuration of the documents, but for addresses, ports and certificate."""

    def __init__(self, name: str, ports: list[int], folder: Path) -> None:
        self.name = name
        self.port = any_free_port()
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        file, self.command = getattr(self, f'_{name}')(ports, certificate(folder), folder)
        file.write_text(self.text, encoding='utf-8')

    def _haproxy(self, ports: list[int], pem: Path, folder: Path) -> tuple[Path, list[str]]:
        text = (BALANCERS / 'haproxy.cfg').read_text('utf-8')
        text = text.replace('bind :443 ssl crt /etc/haproxy/webhook.pem', f'bind 127.0.0.1:{self.port} ssl crt {pem}')
        self.text = here(text, ports)
        file = folder / 'haproxy.cfg'
        return file, [needs('haproxy'), '-db', '-f', str(file)]

    def _nginx(self, ports: list[int], pem: Path, folder: Path) -> tuple[Path, list[str]]:
        text = (BALANCERS / 'nginx.conf').read_text('utf-8').replace('/etc/nginx/webhook.pem', str(pem))
        text = here(text.replace('listen 443 ssl', f'listen 127.0.0.1:{self.port} ssl'), ports)
        paths = ' '.join(f'{kind}_temp_path {folder}/{kind};' for kind in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        self.text = f'events {{}}\nhttp {{ access_log off; {paths}\n{text}\n}}\n'
        file = folder / 'nginx.conf'
        return file, [needs('nginx'), '-e', 'stderr', '-c', str(file), '-g', f'daemon off; pid {folder}/pid;']

    def __enter__(self) -> Balancer:
        process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.running = beside(process)
        self.running.__enter__()
        wait_for(lambda: accepts_connections(self.port), f'{self.name} listens')
        return self

    def __exit__(self, *exception: object) -> None:
        self.running.__exit__(None, None, None)

    async def send(self, method: str, body: bytes = b'', headers: dict[str, str] | None = None) -> Answer:
        reader, writer = await asyncio.open_connection('127.0.0.1', self.port, ssl=self.tls)
        try:
            writer.write(request_bytes('https://webhook.example.com/', body, headers, method))
            return await read_answer(reader)
        finally:
            writer.close()


def here(text: str, ports: list[int]) -> str:
    """The configuration with its two engines on this machine."""
    for number, port in enumerate(ports, 1):
        text, found = re.subn(rf'engine-{number}\.example\.com:9000', f'127.0.0.1:{port}', text)
        assert found == 1
    return text


def certificate(folder: Path) -> Path:
    key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']  # quicker than RSA: each request has a handshake
    subprocess.run(['openssl', 'req', '-x509', *key, '-subj', '/CN=webhook.example.com', '-days', '1', '-keyout', 'key.pem',
                    '-out', 'cert.pem'], cwd=folder, check=True, capture_output=True)
    pem = folder / 'webhook.pem'
    pem.write_bytes((folder / 'cert.pem').read_bytes() + (folder / 'key.pem').read_bytes())
    return pem


class Scene:
    """Two instances and a balancer before them."""

    def __init__(self, balancer: Balancer, instances: list[Webhook]) -> None:
        self.balancer = balancer
        self.instances = instances
        self.answered = 0
        self.patience = PATIENCE_SECONDS

    async def burst(self, half_way: Callable[[Webhook], None] | None = None) -> None:
        """Every delivery is sent until it is answered 200; when a quarter is, something happens to the first instance."""
        deliveries = iter(range(DELIVERIES))
        tasks = [asyncio.ensure_future(self.sender(deliveries)) for _ in range(SENDERS)]
        if half_way:
            while self.answered < DELIVERIES // 4:
                await asyncio.sleep(0.005)
            await asyncio.to_thread(half_way, self.instances[0])
        await asyncio.gather(*tasks)

    async def sender(self, deliveries: Iterator[int]) -> None:
        for number in deliveries:
            await self.deliver(number)
            self.answered += 1

    async def deliver(self, number: int) -> None:
        body = f'{{"name": "delivery {number}"}}'.encode()
        headers = {**AUTHORIZED, 'X-GitHub-Delivery': f'delivery-{number}'}
        for _ in range(MOST_TRIES):
            try:
                answer = await asyncio.wait_for(self.balancer.send('POST', body, headers), self.patience)
                if answer.status == 200:
                    return
                assert answer.status in (502, 503, 504), answer
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(PAUSE_SECONDS)
        raise AssertionError(f'delivery {number} was never taken')

    def made(self) -> Counter[str]:
        return Counter(name for instance in self.instances for name in instance.names())

    def lost_and_doubled(self) -> tuple[int, int]:
        made = self.made()
        return DELIVERIES - len(made), sum(made.values()) - len(made)


@contextmanager
def scene(name: str) -> Iterator[Scene]:
    for program in (name, 'openssl'):
        needs(program)
    with Webhook(*SPEED) as one, Webhook(*SPEED) as two, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with Balancer(name, [one.container_port, two.container_port], Path(folder)) as balancer:
            yield Scene(balancer, [one, two])


def kill(instance: Webhook) -> None:
    os.kill(instance.state()['pid'], signal.SIGKILL)


def freeze(instance: Webhook) -> None:
    os.kill(instance.state()['pid'], signal.SIGSTOP)


def hang(instance: Webhook) -> None:
    """Its server's calls do not come back for longer than a sender waits."""
    instance.faults(hang=True)
    threading.Timer(IMPATIENCE_SECONDS + 1, lambda: instance.faults(hang=False)).start()


both = pytest.mark.parametrize('name', ['haproxy', 'nginx'])


@both
def test_both_instances_get_their_share_of_a_burst_and_nothing_is_lost_or_doubled(name: str) -> None:
    with scene(name) as both_there:
        asyncio.run(both_there.burst())
        assert both_there.lost_and_doubled() == (0, 0)
        assert all(len(instance.names()) > DELIVERIES // 4 for instance in both_there.instances)


@both
def test_an_instance_that_is_stopped_in_a_burst_loses_and_doubles_nothing(name: str) -> None:
    with scene(name) as one_stops:
        asyncio.run(one_stops.burst(Webhook.stop_container))
        assert one_stops.lost_and_doubled() == (0, 0)
        assert one_stops.instances[0].state()['restarts']


@both
def test_an_instance_that_is_killed_in_a_burst_loses_nothing_and_doubles_what_it_held_at_most(name: str) -> None:
    with scene(name) as one_dies:
        asyncio.run(one_dies.burst(kill))
        lost, doubled = one_dies.lost_and_doubled()
        assert lost == 0
        assert doubled <= MOST_DOUBLED
        assert one_dies.instances[0].state()['restarts']


@both
def test_an_instance_whose_server_hangs_in_a_burst_loses_and_doubles_nothing(name: str) -> None:
    with scene(name) as one_hangs:
        one_hangs.patience = IMPATIENCE_SECONDS
        asyncio.run(one_hangs.burst(hang))
        assert one_hangs.lost_and_doubled() == (0, 0)


def test_behind_haproxy_the_other_takes_what_a_frozen_instance_does_not() -> None:
    with scene('haproxy') as one_freezes:
        asyncio.run(one_freezes.burst(freeze))
        kill(one_freezes.instances[0])
        lost, doubled = one_freezes.lost_and_doubled()
        assert lost == 0
        assert doubled <= MOST_DOUBLED


def test_behind_haproxy_a_stopped_instance_is_left_out_and_taken_back() -> None:
    def statuses() -> set[int]:
        named = [{'X-GitHub-Delivery': str(number)} for number in range(20)]
        return {asyncio.run(away.balancer.send('GET', headers=headers)).status for headers in named}

    with scene('haproxy') as away:
        away.instances[0].control('POST', 'stop-container')
        assert statuses() <= {200, 503}
        wait_for(lambda: away.instances[0].state()['restarts'], 'the restart')
        wait_for(lambda: statuses() == {200}, 'both are asked again')
