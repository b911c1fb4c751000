"""Every command in the documentation runs here as printed, and prints what follows it.

The commands are read out of the documents, so a new one is run without a change here, or fails until its kind is known.
"""

import base64
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import pytest
from checkouts import checkout, run
from clocks import PATIENCE_SECONDS
from documents import DESCRIPTOR, GUIDES, MANUAL, RECIPE, SENDER_GUIDES, Command, code_blocks, commands, read, read_tests
from local_xsoar import ROOT, LocalXsoar, needs
from programs import Gate
from tools.names.table import SENDERS
from shared.webhook import PACK, SCRIPT

pytestmark = pytest.mark.sockets

IMAGE = DESCRIPTOR['script']['dockerimage']
IMAGE_FILE = f'{RECIPE.name}-image-amd64.tar.gz'


class DevRun(LocalXsoar):
    """`./dev run ARGUMENTS...` on a port of its own."""

    def __init__(self, checkout: Path, *arguments: str) -> None:
        super().__init__(pack=PACK)
        self.checkout = checkout
        self.first_told: list[str] = []
        self.first_output: list[str] = []
        self.argv = [str(checkout / 'dev'), 'run', '--port', '0', '--end-with-stdin', *arguments]

    def told(self, command: str) -> str:
        """What a documented command prints in the checkout, where this is the local XSOAR that it means."""
        here = re.sub(r'https?://[\w.:-]+(?:/xsoar)?/instance/execute/webhook', self.webhook_url, command)
        assert here != command or 'curl' not in command, 'the command names no webhook URL'
        if 'curl' in command:
            needs('curl')
        here += f' --url {self.url}' if command.startswith('./dev send') and '--url' not in command else ''
        done = run('bash', '-c', here, folder=self.checkout)
        assert done.returncode == 0 or 'X.Y.Z' in command, done.stderr
        return done.stdout or done.stderr


RUN, SEND, CURL = [command for command in commands(read(ROOT / 'README.md')) if command.printed]  # the first screen


@pytest.fixture(scope='module')
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevRun]:
    """One that has just been asked for what is on the first screen. Its tox runs no test: this test is one of those."""
    with DevRun(checkout(tmp_path_factory.mktemp('checkout'), venv='run', names='test', dev='dev')) as xsoar:
        xsoar.first_told = [xsoar.told(command.text) for command in (SEND, CURL)]
        xsoar.wait_for_line(' → 2  ')
        xsoar.first_output = xsoar.output[:]
        yield xsoar


def assert_printed(printed: str, documented: str) -> None:
    """The same but for what differs from run to run; `...` stands for anything."""
    def steady(text: str) -> str:
        return re.sub(r'127\.0\.0\.1:\d+|(?<=Container port: )\d+|^\d\d:\d\d:\d\d|(?<= 200) +\d+ ms|(?<=^200 OK)  \d+ ms|'
                      r'(?<="id": ")\d+', '-', text.strip(), flags=re.MULTILINE)

    pattern = re.escape(steady(documented)).replace(re.escape('...'), '.*')
    assert re.fullmatch(pattern, steady(printed), re.DOTALL), f'{printed}\nis not what the document says:\n{documented}'


def test_the_commands_of_the_first_screen_print_what_it_shows(running: DevRun) -> None:
    for printed, command in zip(running.first_told, (SEND, CURL), strict=True):
        assert_printed(printed, command.printed)
    assert running.control('GET', 'url-words')  # without which its page could not write URLs
    # The container's log and health come whenever they come; the document leaves them out.
    printed = '\n'.join(line for line in running.first_output if not re.match(r'\d\d:\d\d:\d\d  (log|health)', line))
    assert_printed(printed, RUN.printed.replace('\n...\n', '\n'))


def check_run(command: Command, running: DevRun) -> None:
    options = shlex.split(command.text)[2:]
    with DevRun(running.checkout, *options) if options else nullcontext(running) as xsoar:
        assert xsoar.post(b'{}', headers={'Authorization': 'token'}).status == 200


WITHOUT_ARGUMENTS = 'run-parallel', '--parallel', '2', '--parallel-no-spinner'
TESTS_ALONE = 'run', '-e', 'tests', '-x', 'testenv:tests.commands=pytest {posargs}'


def check_test(command: Command, running: DevRun) -> None:
    text = command.text.replace('screenshots', 'test -e screenshots --').partition('./dev test')[2]
    words = [name for word in shlex.split(text) for name in as_bash_reads(word)]
    words = [f'Tests/{word}' if '--' in words and (ROOT / 'Tests' / word).exists() else word for word in words]
    asked = ' '.join(WITHOUT_ARGUMENTS if not words else [*TESTS_ALONE, *words] if words[0] == '--' else ['run', *words])
    assert running.told(command.text) == f'{asked}\ndev test: passed\n'
    options = dict(pairwise(words))
    assert re.search(rf"^(    |\[testenv:){options.get('-e', 'lint')}\]?$", read(ROOT / 'tox.ini'), re.MULTILINE)
    assert re.search(f"def test_.*{options.get('-k', '')}", read_tests())
    assert all((ROOT / word).exists() for word in words if word.startswith('Tests'))


def as_bash_reads(word: str) -> list[str]:
    """Return the paths that fit, or else the word."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(word)) if '*' in word else [word]


def check_curl(command: Command, running: DevRun) -> None:
    if user := re.search(r' -u (\S+)', command.text):  # as on a tenant, where the platform asks for them, too
        token = f'Basic {base64.b64encode(user[1].encode()).decode()}'
        assert f'`{token}`' in read(ROOT / 'docs/xsoar-8.md')
        with DevRun(running.checkout, '--set', f'auth_header={token}') as tenant:
            answer = tenant.told(command.text)
    else:
        answer = running.told(command.text)
    assert_printed(answer, command.printed or '[{"id": "1", ...')


def prints(*words: str) -> Callable[[Command, DevRun], None]:
    def check(command: Command, running: DevRun) -> None:
        told = running.told(command.text)
        assert [word for word in words if word not in told] == []
    return check


def check_senders(command: Command, running: DevRun) -> None:
    """In a copy with a few senders, which have one of each thing at least, and the example: the command writes files."""
    example, = [block for language, block in code_blocks(read(ROOT / 'docs/new-sender.md')) if language == 'json']
    with TemporaryDirectory() as name:
        copy = Path(name)
        senders = (f'senders/{name}' for name in ('box', 'falco', 'opsgenie', 'slack', 'stripe'))
        for part in ('docs', 'Packs', 'receiver', *senders):
            shutil.copytree(ROOT / part, copy / part)
        shutil.copy(ROOT / 'README.md', copy)
        for part in ('schema.json', 'url_words.json'):
            shutil.copy(ROOT / 'senders' / part, copy / 'senders')
        for part in ('dev', '.tox', 'shared', 'localxsoar', 'requirements', 'tools'):
            (copy / part).symlink_to(running.checkout / part)
        (copy / 'acme-new.json').write_text(example)
        made, *written = [run('bash', '-c', text, folder=copy).stdout
                          for text in dict.fromkeys(('./dev senders --new acme acme-new.json', command.text))]
    assert 'made senders/acme.' in made
    assert all('wrote docs/senders/acme.md' in text for text in written)


def check_build(command: Command, running: DevRun) -> None:
    """In a copy: the command writes the script."""
    with TemporaryDirectory() as name:
        copy = Path(name)
        for part in ('Packs', 'receiver', 'tools'):
            shutil.copytree(ROOT / part, copy / part)
        for part in ('dev', 'pyproject.toml'):
            shutil.copy(ROOT / part, copy)
        script = copy / SCRIPT.relative_to(ROOT)
        script.write_text('')
        assert run('bash', '-c', command.text, folder=copy).returncode == 0
        assert script.read_bytes() == SCRIPT.read_bytes()


def check_server(command: Command, running: DevRun) -> None:
    """As a person who reads what it would do, and says no. Tests/repository/test_check_server.py says yes."""
    here = re.sub(r'https?://\S+/instance/execute/webhook', running.webhook_url, command.text)
    assert here != command.text
    done = run('bash', '-c', here, data='\n\n\nno\n', folder=running.checkout, DEMISTO_API_KEY='any', WEBHOOK_TOKEN='token')
    assert done.stdout.endswith('Nothing was sent.\n'), done.stderr


CHECKS = {
    r'printf %s \S+ \| base64$': lambda command, running: assert_printed(running.told(command.text), command.printed),
    r'\./dev check-server \S+$': check_server,
    r'\./dev run --help$': prints('does NOT emulate'), r'\./dev run\b': check_run,
    r'(?:ROUNDS=\d+ |tools/on-a-slow-machine )?\./dev (?:test|screenshots)\b': check_test,
    r'\./dev send --list$': prints(*SENDERS), r'\./dev send \w+( --url \S+ --token token)?$': prints('200 OK'),
    r"\./dev send \w+ --query '\S+'$": prints('200 OK'), r"\./dev names opsgenie --query '\S+'$": prints('VPN gateway'),
    r'python -m tools\.\w+$': lambda command, running: prints('in all')(
        Command(command.text.replace('python', sys.executable, 1)), running),
    r'\./dev names$': prints(*(sender.name[:20] for sender in SENDERS.values())),
    r'\./dev senders\b': check_senders, r'\./dev build$': check_build,
    r'\./dev release X\.Y\.Z$': prints('X.Y.Z is not a version'),  # Tests/repository/test_release.py makes one
    r'(?:printf .* \| )?curl ': check_curl,
}
# What cannot run here, with every name as the code has it.
ELSEWHERE = {
    f'docker build --platform linux/amd64 -t {IMAGE} {RECIPE}', f'docker run --rm -i {IMAGE} python - < {RECIPE}/verify.py',
    f'docker save {IMAGE} | gzip > {IMAGE_FILE}', f'sudo install -o demisto {IMAGE_FILE} /var/tmp/',
    f'sudo -iu demisto podman load -i /var/tmp/{IMAGE_FILE}',
    'git clone <URL OF THIS REPOSITORY> generic-webhook && cd generic-webhook',
    'export DEMISTO_BASE_URL=https://xsoar.example.com DEMISTO_API_KEY=...',
    'export DEMISTO_BASE_URL=https://api-tenant.example.com DEMISTO_API_KEY=... XSIAM_AUTH_ID=1',
    f'.tox/sdk/bin/demisto-sdk upload -i dist/uploadable_packs/{PACK.name}.zip', 'rm -rf .venv .tox dist',
}


DOCUMENTED = dict.fromkeys(command for file in (*GUIDES, *SENDER_GUIDES, MANUAL, ROOT / 'docker/README.md')
                           for command in commands(read(file)))


def test_every_command_that_is_excused_stands_in_a_document() -> None:
    assert {command.text for command in DOCUMENTED} >= ELSEWHERE


@pytest.mark.parametrize('command', [command for command in DOCUMENTED if command.text not in ELSEWHERE], ids=str)
def test_a_documented_command_does_what_it_says(command: Command, running: DevRun) -> None:
    check = next((check for pattern, check in CHECKS.items() if re.match(pattern, command.text)), None)
    assert check, f'no check knows {command.text}'
    check(command, running)


def samples(language: str) -> list[str]:
    return [block for tongue, block in code_blocks(read(ROOT / 'docs/senders/any-other.md')) if tongue == language]


def test_the_sample_in_python_creates_its_incident_and_tries_again_after_503(running: DevRun, tmp_path: Path) -> None:
    sample, _ = samples('python')
    here = sample.replace("'<URL>'", 'sys.argv[1]').replace("'<TOKEN>'", "'token'").replace('time.sleep(10)', 'time.sleep(0.2)')
    (tmp_path / 'sample.py').write_text(f'import sys\n{here}', 'utf-8')
    gate = ShutAtFirst(running)
    with gate.open() as url:
        subprocess.run([sys.executable, tmp_path / 'sample.py', url], timeout=PATIENCE_SECONDS, check=True)
    assert gate.refused == 1
    assert running.sent()[-1]['name'] == 'Backup failed: db-1'
    assert running.sent()[-1]['severity'] == 3


class ShutAtFirst(Gate):
    """A gate that is shut for the first request."""

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.is_shut = not self.refused
        super().answer(request, body)


def test_pythons_http_handler_as_the_guide_sets_it_up_sends_the_finished_message_and_its_severity(running: DevRun) -> None:
    _, sample = samples('python')
    where = urlsplit(running.webhook_url)
    here = sample.replace('<HOST>', where.netloc).replace('<PATH>', where.path).replace('<TOKEN>', 'token')
    logging_once = f"{here.replace('secure=True', 'secure=False')}\nlogging.getLogger().error('Disk full on %s', 'db-1')\n"
    subprocess.run([sys.executable, '-c', logging_once], timeout=PATIENCE_SECONDS, check=True)
    assert running.sent()[-1]['name'] == 'Disk full on db-1'
    assert running.sent()[-1]['severity'] == 3
