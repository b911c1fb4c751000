"""Two instances behind HAProxy and behind nginx, as docs/balancer configures them: a burst, in which each goes away in turn.

Also the nginx of docs/install.md, which publishes the path of one instance.
"""
from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count, product
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest
from clocks import PATIENCE_SECONDS, pause
from documents import code_blocks, read
from GenericWebhook import DELIVERY_IDS
from local_xsoar import ROOT, needs, run_main, wait_for
from senders_at_once import AUTHORIZED, NO_FAULTS, until
from shared.webhook import TOKEN, Answer, Webhook, changed_pack, read_answer, request_bytes

from localxsoar.containers.ports import accepts_connections, any_free_port
from localxsoar.send import main as send
from shared.processes import beside

pytestmark = pytest.mark.sockets

BALANCERS = ROOT / 'docs' / 'balancer'
SENDERS = 32  # that send at the same time, each one delivery after the other
MOST_DOUBLED = SENDERS  # that an instance has in its hands when it is killed: one delivery of each sender
REST_SECONDS = 0.1  # of a sender, before it tries again
WAIT_SECONDS = 3  # of a sender, before it gives up a try during which a server hangs
IDS_PER_HEADER = 5
TOO_LARGE_BYTES = 26 * 2**20
SPEED = {'call_delay_ms': 20, 'incident_delay_ms': 1}  # as of an XSOAR


class Balancer:
    """The real program with the configuration of the documents, but for addresses, ports and certificate."""

    def __init__(self, name: str, ports: list[int], folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.port = any_free_port()
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        folder.chmod(0o755)
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
        answer, = await self.send_all((method, body, headers, query, length))
        return answer

    async def send_all(self, *requests: tuple[Any, ...]) -> list[Answer]:
        """Send one request after the other, with the arguments of `send`, on one connection while it is kept."""
        answers = []
        connection = None
        try:
            for method, *more in requests:
                connection = connection or await asyncio.open_connection('127.0.0.1', self.port, ssl=self.tls)
                reader, writer = connection
                writer.write(self.request(method, *more))
                answers.append(await read_answer(reader))
                if answers[-1].headers.get('connection') == 'close':
                    writer.close()
                    connection = None
        finally:
            if connection:
                connection[1].close()
        return answers

    def request(self, method: str, body: bytes = b'', headers: dict[str, str] | None = None, query: str = '',
                length: int | None = None) -> bytes:
        return request_bytes(f'https://webhook.example.com/{query}', body, headers, method, length)


def here(text: str, ports: list[int]) -> str:
    """Return the configuration with its two engines on this machine, both of one instance or first those of `webhook`."""
    for (port, number), own in zip(product((9000, 9001), (1, 2)), (ports * 2)[:4], strict=True):
        text, found = re.subn(rf'engine-{number}\.example\.com:{port}', f'127.0.0.1:{own}', text)
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
        self.before = [len(instance.names()) for instance in instances]
        self.restarts = [instance.state()['restarts'] for instance in instances]
        self.answered = self.given_up = 0
        self.patience: float = PATIENCE_SECONDS

    async def burst(self, count: int, turns: list[Turn]) -> None:
        """Send so many deliveries until each is answered 200; the turns happen one after the other, at equal distances."""
        deliveries = iter(range(count))
        tasks = [asyncio.ensure_future(self.sender(deliveries)) for _ in range(SENDERS)]
        for number, turn in enumerate(turns, 1):
            enough = count * number // (len(turns) + 1)
            await until(lambda: self.answered >= enough, 'the turn')  # noqa: B023 - called at once
            await asyncio.to_thread(turn, self)
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_SECONDS)

    async def sender(self, deliveries: Iterator[int]) -> None:
        for number in deliveries:
            while not await self.is_taken(number):
                await pause(REST_SECONDS)
            self.answered += 1

    async def is_taken(self, number: int) -> bool:
        body = f'{{"name": "delivery {number}"}}'.encode()
        headers = {**AUTHORIZED, 'X-GitHub-Delivery': f'{self.balancer.name}-{self.before}-{number}'}
        try:
            answer = await asyncio.wait_for(self.balancer.send('POST', body, headers), self.patience)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            self.given_up += 1
            return False
        assert answer.status in (200, 502, 503, 504), answer
        return answer.status == 200

    def created(self) -> list[list[str]]:
        """Return the names of what each instance has created in this scene."""
        return [instance.names()[count:] for instance, count in zip(self.instances, self.before, strict=True)]

    def made(self) -> Counter[str]:
        return Counter(name for names in self.created() for name in names)

    def doubled(self) -> int:
        made = self.made()
        return sum(made.values()) - len(made)

    def calls(self) -> int:
        return sum(len(instance.state()['createSizes']) for instance in self.instances)

    def connected(self) -> set[str]:
        return {address for instance in self.instances for address in instance.connected()}

    def wait_for_restart(self, number: int) -> None:
        wait_for(lambda: self.instances[number].state()['restarts'] > self.restarts[number], 'the restart')

    def faults(self, **faults: Any) -> None:
        for instance in self.instances:
            instance.faults(**faults)


Turn = Callable[[Scene], None]


@pytest.fixture(scope='module')
def instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Webhook]]:
    """Two instances, for which any sender that hangs up during a call has waited long enough."""
    pack = changed_pack(tmp_path_factory.mktemp('pack'), {'FIRST_LOOK_SECONDS = 0.5': 'FIRST_LOOK_SECONDS = 0'})
    with Webhook('--senders', str(ROOT / 'senders'), pack=pack) as one, Webhook(pack=pack) as two:
        yield [one, two]


@contextmanager
def balanced(name: str, ports: list[int], folder: Path) -> Iterator[Balancer]:
    for program in (name.rpartition('_')[2], 'openssl'):
        needs(program)
    with Balancer(name, ports, folder) as running:
        yield running


@pytest.fixture(scope='module', params=['haproxy', 'nginx'])
def balancer(request: pytest.FixtureRequest, instances: list[Webhook], tmp_path_factory: pytest.TempPathFactory
             ) -> Iterator[Balancer]:
    ports = [instance.container_port for instance in instances]
    with balanced(request.param, ports, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def there(balancer: Balancer, instances: list[Webhook]) -> Iterator[Scene]:
    running = Scene(balancer, instances)
    yield running
    running.faults(**NO_FAULTS)


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


@pytest.mark.parametrize('name', ['haproxy', 'nginx'])
def test_the_configurations_read_the_delivery_headers_of_the_script_in_its_order(name: str) -> None:
    assert list(written_ids(name).items()) == list(DELIVERY_IDS.items())


def shares(there: Scene, headers: list[dict[str, str]]) -> list[int]:
    """Post the same body once with each of these headers, and return how many incidents each instance creates."""
    before = [len(names) for names in there.created()]
    sent = [('POST', b'{"name": "any"}', {**AUTHORIZED, **each}) for each in headers]
    assert {answer.status for answer in asyncio.run(there.balancer.send_all(*sent))} == {200}
    return [len(names) - count for names, count in zip(there.created(), before, strict=True)]


def test_a_retry_reaches_the_instance_of_the_first_try_by_each_delivery_header(there: Scene) -> None:
    def both_have_had_one() -> bool:
        created.append(shares(there, [{last: f'{there.balancer.name}-{next(further)}'}]))
        return all(map(sum, zip(*created, strict=True)))

    created, further = list[list[int]](), count(IDS_PER_HEADER)
    *_, last = DELIVERY_IDS
    for header, companion in DELIVERY_IDS.items():
        ids = [{header: f'{there.balancer.name}-{number}', **({companion: 'x'} if companion else {})}
               for number in range(IDS_PER_HEADER)]
        created.append(shares(there, ids))
        assert sum(created[-1]) == IDS_PER_HEADER, header
        # Only the first header of the table counts, whatever the last one says.
        retries = [{last: 'another', **each} for each in ids]
        assert not any(shares(there, retries)), header
    # nginx leaves out an instance for a while after a single failure, so that all of these may have reached the other one.
    wait_for(both_have_had_one, 'an id that chooses the other instance')


def test_without_its_companion_a_header_does_not_choose_the_instance(there: Scene) -> None:
    for header in filter(DELIVERY_IDS.get, DELIVERY_IDS):
        created = shares(there, [{header: f'alone-{number}'} for number in range(4 * IDS_PER_HEADER)])
        assert sorted(created) == [0, 4 * IDS_PER_HEADER], header


@pytest.mark.parametrize('name', ['haproxy', 'nginx'])
def test_a_sender_without_delivery_ids_that_gives_up_and_retries_gets_one_incident(
        name: str, instances: list[Webhook], tmp_path: Path) -> None:
    async def ask(balancer: Balancer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection('127.0.0.1', balancer.port, ssl=balancer.tls)
        writer.write(balancer.request('POST', b'{"name": "slow"}', AUTHORIZED))
        return reader, writer

    async def give_up_and_retry(there: Scene) -> Answer:
        calls, before = there.calls(), there.connected()
        _, first = await ask(there.balancer)
        await until(lambda: there.calls() > calls, 'the call')
        own = there.connected() - before
        first.transport.abort()
        await until(lambda: not own & there.connected(), 'the balancer to pass the hang-up on')
        reader, second = await ask(there.balancer)
        there.faults(hang=False)
        try:
            return await read_answer(reader)
        finally:
            second.close()

    with balanced(name, [instance.container_port for instance in instances], tmp_path) as balancer:
        there = Scene(balancer, instances)
        there.faults(hang=True)
        assert asyncio.run(give_up_and_retry(there)).status == 200
        assert there.made() == {'slow': 1}


def test_a_balancer_replaces_the_address_that_a_sender_claims(there: Scene) -> None:
    claimed = {'X-Forwarded-For': ', '.join(['1.1.1.1'] * 20), 'X-GitHub-Delivery': f'{there.balancer.name} one'}
    answer = asyncio.run(there.balancer.send('POST', b'{"title": "any"}', {**AUTHORIZED, **claimed}))
    assert json.loads(answer.json[0]['rawJSON'])['headers']['x-forwarded-for'] == '127.0.0.1'


def test_a_balancer_passes_on_the_paths_of_the_instances_only(there: Scene) -> None:
    def ask(*paths: str) -> list[Answer]:
        return asyncio.run(there.balancer.send_all(*(('GET', b'', None, path) for path in paths)))

    own = 'instance/execute/webhook'
    assert ask('')[0].status == 200
    assert [answer.text for answer in ask('?challenge=x', f'{own}?challenge=x')] == ['x', 'x']
    others = ['index.html', 'other/', 'instance/execute/', f'{own}/x', f'{own}x', f'x/{own}', 'instance/execute', own.upper()]
    assert [answer.status for answer in ask(*others)] == [404] * len(others)


@pytest.mark.parametrize('name', ['haproxy', 'nginx'])
def test_behind_one_balancer_each_name_leads_to_its_own_instance(name: str, instances: list[Webhook], tmp_path: Path) -> None:
    first, second = (instance.container_port for instance in instances)
    with balanced(name, [first, first, second, second], tmp_path) as balancer:
        there = Scene(balancer, instances)
        paths = ['instance/execute/webhook', f'instance/execute/splunk?token={TOKEN}', f'?token={TOKEN}']
        posts = [('POST', f'{{"name": "{number}"}}'.encode(), AUTHORIZED if not number else None, path)
                 for number, path in enumerate(paths)]
        assert [answer.status for answer in asyncio.run(balancer.send_all(*posts))] == [200] * 3
        assert there.created() == [['0', '2'], ['1']]


def test_a_balancer_speaks_no_tls_before_1_2(balancer: Balancer) -> None:
    def version(*options: str) -> str:
        done = subprocess.run(['openssl', 's_client', '-connect', f'127.0.0.1:{balancer.port}', *options],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        return ''.join(re.findall(r'Protocol *: *(\S+)|New, (TLSv[\d.]+)', done.stdout)[0]) if not done.returncode else ''

    assert not version('-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')
    assert version('-tls1_2') == 'TLSv1.2'


def test_behind_haproxy_an_address_with_many_401s_gets_429(instances: list[Webhook], tmp_path: Path) -> None:
    guesses = [('POST', b'{}', {'Authorization': f'guess {number}'}) for number in range(110)]
    with balanced('haproxy', [instance.container_port for instance in instances], tmp_path) as haproxy:
        assert {answer.status for answer in asyncio.run(haproxy.send_all(*guesses))} == {401, 429}
        assert asyncio.run(haproxy.send('POST', b'{}', AUTHORIZED)).status == 429


@pytest.mark.parametrize('name', ['haproxy', 'nginx'])
def test_a_token_in_the_query_is_in_no_log_file(name: str, instances: list[Webhook], tmp_path: Path) -> None:
    query = f'?token={TOKEN}'
    posts = [('POST', b'{}', {'X-GitHub-Delivery': f'{name} {number}'}, query) for number in range(20)]
    with socket.socket() as dead:  # by default nginx quotes each request to a dead instance in its error log
        dead.bind(('127.0.0.1', 0))
        with balanced(name, [instances[0].container_port, dead.getsockname()[1]], tmp_path) as balancer:
            answers = asyncio.run(balancer.send_all(*posts, ('POST', b'', {}, query, TOO_LARGE_BYTES)))
            assert [answer.status for answer in answers] == [200] * 20 + [413]
            wait_for(lambda: balancer.logged().count('POST') > 20, 'a line for each request')
            assert TOKEN not in balancer.logged()


@pytest.mark.parametrize('where', ['server', 'engine'])
def test_the_nginx_of_the_install_guide_publishes_one_path_and_logs_no_token(
        where: str, instances: list[Webhook], tmp_path: Path) -> None:
    webhook = instances[0]
    before = len(webhook.names())
    ports = [urlsplit(webhook.url).port or 0, webhook.container_port]
    with balanced('publishing_nginx', ports[:1] if where == 'server' else ports, tmp_path) as proxy:
        path = 'instance/execute/webhook'
        assert asyncio.run(proxy.send('POST', b'{"name": "published"}', {}, f'{path}?token={TOKEN}')).status == 200
        others = [asyncio.run(proxy.send('GET', query=other)) for other in ('', 'login', f'{path}/x')]
        assert [answer.status for answer in others] == [404] * 3
        # As the guide says for a self-signed certificate.
        with mock.patch.dict(os.environ, SSL_CERT_FILE=f'{tmp_path}/cert.pem'):
            sent = run_main(send, 'github', '--senders', str(ROOT / 'senders'), '--token', TOKEN,
                            '--url', f'https://127.0.0.1:{proxy.port}/{path}')
        assert sent.returncode == 0, sent.stderr
        wait_for(lambda: proxy.logged().count(' 200 ') == 2, 'a line for each request')
        assert TOKEN not in proxy.logged()
    assert webhook.names()[before] == 'published'
    assert len(webhook.names()) == before + 2


# When an instance goes away: at the end, for the balancers of the other tests would leave it out for a while


@contextmanager
def anew(name: str, instances: list[Webhook], folder: Path) -> Iterator[Scene]:
    """A balancer that knows nothing of the instances; afterwards both have another container, which starts without a delay."""
    with balanced(name, [instance.container_port for instance in instances], folder) as balancer:
        there = Scene(balancer, instances)
        yield there
        there.faults(**NO_FAULTS)
        for instance in instances:
            instance.renew()


def both_have_their_share(burst: Scene) -> None:
    assert all(len(names) > burst.answered // 4 for names in burst.created())


def a_server_hangs(burst: Scene) -> None:
    """The calls of one instance do not come back for longer than a sender waits."""
    burst.patience = WAIT_SECONDS
    burst.instances[0].faults(hang=True)
    wait_for(lambda: burst.given_up, 'a sender that gives up')
    burst.patience = PATIENCE_SECONDS
    burst.instances[0].faults(hang=False)


def one_is_stopped(burst: Scene) -> None:
    assert burst.doubled() == 0, 'by the server that hung'
    burst.instances[0].stop_container()
    burst.wait_for_restart(0)


def one_is_killed(burst: Scene) -> None:
    assert burst.doubled() == 0, 'by the stop'
    os.kill(burst.instances[1].state()['pid'], signal.SIGKILL)
    burst.wait_for_restart(1)


def one_freezes(burst: Scene) -> None:
    """HAProxy asks the instances how they are; nginx would wait for this one."""
    assert burst.doubled() <= MOST_DOUBLED, 'by the kill'
    os.kill(burst.instances[0].state()['pid'], signal.SIGSTOP)


def check_that_a_stopped_one_is_left_out_and_taken_back(quiet: Scene) -> None:
    def statuses() -> set[int]:
        # On connections of their own: on a kept one, HAProxy leaves it to the sender to repeat a request whose instance is going.
        named = [{'X-GitHub-Delivery': str(number)} for number in range(10)]
        return {asyncio.run(quiet.balancer.send('GET', b'', each)).status for each in named}

    wait_for(lambda: statuses() == {200}, 'those of the burst are asked again')
    quiet.instances[0].stop_container()
    assert statuses() <= {200, 503}
    quiet.wait_for_restart(0)
    wait_for(lambda: statuses() == {200}, 'both are asked again')


@pytest.mark.parametrize('name, count, turns', [
    ('haproxy', 100, [one_is_stopped, one_is_killed]),
    pytest.param('haproxy', 600, [both_have_their_share, a_server_hangs, one_is_stopped, one_is_killed, one_freezes],
                 marks=pytest.mark.weekly),
    pytest.param('nginx', 600, [both_have_their_share, a_server_hangs, one_is_stopped, one_is_killed], marks=pytest.mark.weekly),
], ids=['few', 'haproxy', 'nginx'])
def test_a_burst_loses_nothing_and_doubles_only_what_an_instance_held_that_did_not_end_by_itself(
        name: str, count: int, turns: list[Turn], instances: list[Webhook], tmp_path: Path) -> None:
    with anew(name, instances, tmp_path) as there:
        there.faults(**SPEED)
        asyncio.run(there.burst(count, turns))
        if one_freezes in turns:
            os.kill(there.instances[0].state()['pid'], signal.SIGKILL)
        assert len(there.made()) == count
        assert there.doubled() <= MOST_DOUBLED * sum(turn in turns for turn in (one_is_killed, one_freezes))
        if name == 'haproxy':
            check_that_a_stopped_one_is_left_out_and_taken_back(Scene(there.balancer, instances))
