"""Two instances behind HAProxy and behind nginx, as docs/balancer configures them: a burst, in which each goes away in turn.

Also the nginx of docs/install.md, which publishes the path of one instance.
"""
from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from documents import code_blocks, read
from GenericWebhook import DELIVERY_IDS
from local_xsoar import ROOT, needs, wait_for
from requests.adapters import HTTPAdapter
from senders_at_once import AUTHORIZED
from urllib3.util.retry import Retry
from webhook import TOKEN, Answer, Webhook, read_answer, request_bytes

from localxsoar.ports import accepts_connections, any_free_port
from tools.processes import beside

BALANCERS = ROOT / 'docs' / 'balancer'
DELIVERIES = 600
SENDERS = 32  # that send at the same time, each one delivery after the other
PATIENCE_SECONDS = 10  # of a sender, before it tries again
IMPATIENCE_SECONDS = 3  # of one whose server hangs for longer
PAUSE_SECONDS = 0.1
MOST_TRIES = 100
MOST_DOUBLED = SENDERS  # that an instance has in its hands when it is killed: one delivery of each sender
IDS_PER_HEADER = 20  # enough that some of them reach each instance
SHORT_TIMEOUT_SECONDS = 1.7  # of a sender without delivery ids
SLOW_CALL_MS = 4000  # longer than two tries of it
TOO_LARGE_BYTES = 26 * 2**20
# As an XSOAR of some speed: a call takes 20 ms, and each incident in it 1 ms more.
SPEED = ('--fault', 'call_delay_ms=20', '--fault', 'incident_delay_ms=1')


class Balancer:
    """The real program with the configuration of the documents, but for addresses, ports and certificate."""

    def __init__(self, name: str, ports: list[int], folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.port = any_free_port()
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        file, self.command = getattr(self, f'_{name}')(ports, certificate(folder), folder)
        file.write_text(self.text, encoding='utf-8')

    def _haproxy(self, ports: list[int], pem: Path, folder: Path) -> tuple[Path, list[str]]:
        text = (BALANCERS / 'haproxy.cfg').read_text('utf-8')
        text = text.replace('bind :443 ssl crt /etc/haproxy/webhook.pem', f'bind 127.0.0.1:{self.port} ssl crt {pem}')
        text, found = re.subn(r' +(?:user haproxy|group haproxy|chroot /var/lib/haproxy)\b.*\n', '', text)  # these need root
        assert found == 3
        self.text = here(text.replace('log /dev/log', 'log stderr format raw'), ports)
        file = folder / 'haproxy.cfg'
        return file, [needs('haproxy'), '-db', '-f', str(file)]

    def _nginx(self, ports: list[int], pem: Path, folder: Path) -> tuple[Path, list[str]]:
        return self._nginx_with(here((BALANCERS / 'nginx.conf').read_text('utf-8'), ports), pem, folder)

    def _publishing_nginx(self, ports: list[int], pem: Path, folder: Path) -> tuple[Path, list[str]]:
        """Run the nginx of docs/install.md before the server, or with a second port before the container of an engine."""
        block, = [block for language, block in code_blocks(read(ROOT / 'docs/install.md')) if language == 'nginx']
        server, engine = re.findall(r'https://xsoar\.example\.com|http://<ENGINE>:<PORT>/', block)
        target = f'http://127.0.0.1:{ports[0]}' if len(ports) == 1 else engine.replace('<ENGINE>:<PORT>', f'127.0.0.1:{ports[1]}')
        return self._nginx_with(block.replace(f'{server};', f'{target};'), pem, folder)

    def _nginx_with(self, text: str, pem: Path, folder: Path) -> tuple[Path, list[str]]:
        text = text.replace('/etc/nginx/webhook.pem', str(pem)).replace('/var/log/nginx', str(folder))
        text = text.replace('listen 443 ssl', f'listen 127.0.0.1:{self.port} ssl')
        paths = ' '.join(f'{kind}_temp_path {folder}/{kind};' for kind in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
        usual = f'error_log {folder}/error.log; events {{}} http {{ access_log {folder}/access.log;'  # as Debian's nginx.conf
        self.text = f'{usual} {paths}\n{text}\n}}\n'
        file = folder / 'nginx.conf'
        return file, [needs('nginx'), '-e', 'stderr', '-c', str(file), '-g', f'daemon off; pid {folder}/pid;']

    def __enter__(self) -> Balancer:
        with open(self.folder / 'stderr.log', 'wb') as errors:
            process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=errors)
        self.running = beside(process)
        self.running.__enter__()
        wait_for(lambda: accepts_connections(self.port), f'{self.name} listens')
        return self

    def __exit__(self, *exception: object) -> None:
        self.running.__exit__(None, None, None)

    def logged(self) -> str:
        """Return the text of all log files."""
        return '\n'.join(file.read_text('utf-8') for file in self.folder.glob('*.log'))

    async def send(self, method: str, body: bytes = b'', headers: dict[str, str] | None = None, query: str = '',
                   length: int | None = None) -> Answer:
        reader, writer = await asyncio.open_connection('127.0.0.1', self.port, ssl=self.tls)
        try:
            writer.write(request_bytes(f'https://webhook.example.com/{query}', body, headers, method, length))
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
    names = ['-subj', '/CN=webhook.example.com', '-addext', 'subjectAltName=IP:127.0.0.1']
    subprocess.run(['openssl', 'req', '-x509', *key, *names, '-days', '1', '-keyout', 'key.pem', '-out', 'cert.pem'],
                   cwd=folder, check=True, capture_output=True)
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

    async def burst(self, *turns: Turn) -> None:
        """Send every delivery until it is answered 200; the turns happen one after the other, at equal distances."""
        deliveries = iter(range(DELIVERIES))
        tasks = [asyncio.ensure_future(self.sender(deliveries)) for _ in range(SENDERS)]
        for number, turn in enumerate(turns, 1):
            while self.answered < DELIVERIES * number // (len(turns) + 1):
                await asyncio.sleep(0.005)
            await asyncio.to_thread(turn, self)
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

    def doubled(self) -> int:
        made = self.made()
        return sum(made.values()) - len(made)


Turn = Callable[[Scene], None]


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


def both_have_their_share(burst: Scene) -> None:
    assert all(len(instance.names()) > burst.answered // 4 for instance in burst.instances)


def a_server_hangs(burst: Scene) -> None:
    """The calls of one instance do not come back for longer than a sender waits."""
    burst.patience = IMPATIENCE_SECONDS
    burst.instances[0].faults(hang=True)
    released = threading.Timer(IMPATIENCE_SECONDS + 1, lambda: burst.instances[0].faults(hang=False))
    released.start()
    released.join()
    burst.patience = PATIENCE_SECONDS


def one_is_stopped(burst: Scene) -> None:
    assert burst.doubled() == 0, 'by the server that hung'
    burst.instances[0].stop_container()
    wait_for(lambda: burst.instances[0].state()['restarts'] == 1, 'the restart of the stopped instance')


def one_is_killed(burst: Scene) -> None:
    assert burst.doubled() == 0, 'by the stop'
    kill(burst.instances[1])
    wait_for(lambda: burst.instances[1].state()['restarts'] == 1, 'the restart of the killed instance')


def one_freezes(burst: Scene) -> None:
    assert burst.doubled() <= MOST_DOUBLED, 'by the kill'
    os.kill(burst.instances[0].state()['pid'], signal.SIGSTOP)


both = pytest.mark.parametrize('name', ['haproxy', 'nginx'])
TURNS = {
    'haproxy': [both_have_their_share, a_server_hangs, one_is_stopped, one_is_killed, one_freezes],
    'nginx': [both_have_their_share, a_server_hangs, one_is_stopped, one_is_killed],
}


@both
def test_a_burst_loses_nothing_and_doubles_only_what_an_instance_held_that_did_not_end_by_itself(name: str) -> None:
    with scene(name) as burst:
        asyncio.run(burst.burst(*TURNS[name]))
        if one_freezes in TURNS[name]:
            kill(burst.instances[0])
        assert len(burst.made()) == DELIVERIES
        assert burst.doubled() <= MOST_DOUBLED * sum(turn in TURNS[name] for turn in (one_is_killed, one_freezes))


def test_behind_haproxy_a_stopped_instance_is_left_out_and_taken_back() -> None:
    def statuses() -> set[int]:
        named = [{'X-GitHub-Delivery': str(number)} for number in range(20)]
        return {asyncio.run(away.balancer.send('GET', headers=headers)).status for headers in named}

    with scene('haproxy') as away:
        away.instances[0].control('POST', 'stop-container')
        assert statuses() <= {200, 503}
        wait_for(lambda: away.instances[0].state()['restarts'], 'the restart')
        wait_for(lambda: statuses() == {200}, 'both are asked again')


# Retries, and what the logs keep


def written_ids(name: str) -> dict[str, str]:
    """Return the delivery headers that the configuration reads, in its order and in the form of DELIVERY_IDS."""
    if name == 'haproxy':
        text = (BALANCERS / 'haproxy.cfg').read_text('utf-8')
        return dict(re.findall(r'set-var\(txn\.delivery\S*\) req\.fhdr\((\S+)\)(?: if \{ req\.fhdr\((\S+)\) .*)?\n', text))
    text = (BALANCERS / 'nginx.conf').read_text('utf-8').replace('_', '-')
    companions = {own: (header, beside) for beside, own, header
                  in re.findall(r'map \$http-(\S+) \$(\S+) \{\s+"" "";\s+default \$http-(\S+);\s+\}', text)}
    variables = re.findall(r'\$(\S+)', re.search(r'map "([^"]+)" \$delivery', text)[1])  # type: ignore[index]
    return dict(companions.get(variable, (variable.removeprefix('http-'), '')) for variable in variables)


@both
def test_the_configurations_read_the_delivery_headers_of_the_script_in_its_order(name: str) -> None:
    assert list(written_ids(name).items()) == list(DELIVERY_IDS.items())


def shares(there: Scene, headers: list[dict[str, str]]) -> list[int]:
    """Post the same body once with each of these headers, and return how many incidents each instance creates."""
    async def post() -> list[Answer]:
        sent = [there.balancer.send('POST', b'{"name": "any"}', {**AUTHORIZED, **each}) for each in headers]
        return await asyncio.gather(*sent)

    before = [len(instance.names()) for instance in there.instances]
    assert {answer.status for answer in asyncio.run(post())} == {200}
    return [len(instance.names()) - count for instance, count in zip(there.instances, before, strict=True)]


@both
def test_a_retry_reaches_the_instance_of_the_first_try_by_each_delivery_header(name: str) -> None:
    with scene(name) as there:
        for header, beside in DELIVERY_IDS.items():
            ids = [{header: f'id-{number}', **({beside: 'x'} if beside else {})} for number in range(IDS_PER_HEADER)]
            created = shares(there, ids)
            assert sum(created) == IDS_PER_HEADER, header
            assert all(created), f'{header}: one instance got everything'
            # Only the first header of the table counts, whatever the last one says.
            retries = [{'x-amz-sns-message-id': 'another', **each} for each in ids]
            assert not any(shares(there, retries)), header


@both
def test_without_its_companion_a_header_does_not_choose_the_instance(name: str) -> None:
    with scene(name) as there:
        for header in filter(DELIVERY_IDS.get, DELIVERY_IDS):
            created = shares(there, [{header: f'id-{number}'} for number in range(IDS_PER_HEADER)])
            assert sorted(created) == [0, IDS_PER_HEADER], header


@both
def test_a_sender_without_delivery_ids_that_times_out_and_retries_does_not_create_one_incident_a_try(name: str) -> None:
    with scene(name) as slow, requests.Session() as sender:
        sender.mount('https://', HTTPAdapter(max_retries=Retry(6, allowed_methods=None)))
        post = partial(sender.post, f'https://127.0.0.1:{slow.balancer.port}/', headers=AUTHORIZED, timeout=SHORT_TIMEOUT_SECONDS,
                       verify=str(slow.balancer.folder / 'cert.pem'))
        for instance in slow.instances:
            instance.faults(call_delay_ms=SLOW_CALL_MS)
        assert post('{"name": "slow"}').status_code == 200
        for instance in slow.instances:
            instance.faults(call_delay_ms=0)
        assert post('{"name": "after it"}').status_code == 200
        # Two where this machine is so busy that a hang-up arrives after the next try; without the option 3 to 7.
        assert slow.made()['slow'] <= 2
        assert slow.made()['after it'] == 1


@both
def test_a_balancer_replaces_the_address_that_a_sender_claims(name: str) -> None:
    with scene(name) as there:
        claimed = {'X-Forwarded-For': ', '.join(['1.1.1.1'] * 20), 'X-GitHub-Delivery': 'one'}
        answer = asyncio.run(there.balancer.send('POST', b'{"title": "any"}', {**AUTHORIZED, **claimed}))
        assert json.loads(answer.json[0]['rawJSON'])['headers']['x-forwarded-for'] == '127.0.0.1'


@both
def test_a_balancer_passes_on_the_one_path_of_an_instance_also_as_xsoar_spells_it(name: str) -> None:
    def ask(rest: str) -> Answer:
        return asyncio.run(there.balancer.send('GET', query=rest))

    xsoars = 'instance/execute/Generic%20Webhook_instance_1'
    with scene(name) as there:
        assert ask('').status == 200
        assert [ask(f'{path}?challenge=x').text for path in ('', xsoars)] == ['x', 'x']
        others = ['index.html', 'other/', 'instance/execute/', f'{xsoars}/x', f'x/{xsoars}', 'instance/execute']
        assert [ask(other).status for other in others] == [404] * len(others)


@both
def test_a_balancer_speaks_no_tls_before_1_2(name: str) -> None:
    with scene(name) as there:
        def version(*options: str) -> str:
            done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{there.balancer.port}', *options],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
            return ''.join(re.findall(r'Protocol *: *(\S+)|New, (TLSv[\d.]+)', done.stdout)[0]) if not done.returncode else ''

        assert not version('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')
        assert version('-tls1_2') == 'TLSv1.2'


def test_behind_haproxy_an_address_with_many_401s_gets_429() -> None:
    async def guess(balancer: Balancer) -> list[int]:
        return [(await balancer.send('POST', b'{}', {'Authorization': f'guess {number}'})).status for number in range(110)]

    with scene('haproxy') as there:
        assert set(asyncio.run(guess(there.balancer))) == {401, 429}
        assert asyncio.run(there.balancer.send('POST', b'{}', AUTHORIZED)).status == 429


@both
def test_a_token_in_the_query_is_in_no_log_file(name: str) -> None:
    async def send(balancer: Balancer) -> list[int]:
        query = f'?token={TOKEN}'
        posts = [balancer.send('POST', b'{}', {'X-GitHub-Delivery': str(number)}, query) for number in range(IDS_PER_HEADER)]
        answers = [*await asyncio.gather(*posts), await balancer.send('POST', b'', {}, query, TOO_LARGE_BYTES)]
        return [answer.status for answer in answers]

    for program in (name, 'openssl'):
        needs(program)
    with Webhook() as webhook, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        closed_port = any_free_port()  # as of a dead instance: by default nginx quotes each request to it in its error log
        with Balancer(name, [webhook.container_port, closed_port], Path(folder)) as balancer:
            assert asyncio.run(send(balancer)) == [200] * IDS_PER_HEADER + [413]
            wait_for(lambda: balancer.logged().count('POST') > IDS_PER_HEADER, 'a line for each request')
            assert TOKEN not in balancer.logged()


@pytest.mark.parametrize('where', ['server', 'engine'])
def test_the_nginx_of_the_install_guide_publishes_one_path_and_logs_no_token(where: str) -> None:
    for program in ('nginx', 'openssl'):
        needs(program)
    with Webhook('--senders', str(ROOT / 'senders')) as webhook, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        ports = [urlsplit(webhook.url).port or 0, webhook.container_port]
        with Balancer('publishing_nginx', ports[:1] if where == 'server' else ports, Path(folder)) as proxy:
            path = 'instance/execute/webhook'
            assert asyncio.run(proxy.send('POST', b'{"name": "published"}', {}, f'{path}?token={TOKEN}')).status == 200
            others = [asyncio.run(proxy.send('GET', query=other)) for other in ('', 'login', f'{path}/x')]
            assert [answer.status for answer in others] == [404] * 3
            send = [sys.executable, '-m', 'localxsoar.send', 'github', '--url', f'https://127.0.0.1:{proxy.port}/{path}']
            trusting = {**os.environ, 'SSL_CERT_FILE': f'{folder}/cert.pem'}  # as the guide says for a self-signed certificate
            subprocess.run([*send, '--token', TOKEN], cwd=ROOT, env=trusting, stdout=subprocess.DEVNULL, timeout=60, check=True)
            wait_for(lambda: proxy.logged().count(' 200 ') == 2, 'a line for each request')
            assert TOKEN not in proxy.logged()
        assert webhook.names()[0] == 'published'
        assert len(webhook.names()) == 2
