"""slowhttptest against the container: senders that are slow on purpose, by the hundred, keep nobody else waiting."""
from __future__ import annotations

import os
import subprocess
import time

import pytest
import requests
from local_xsoar import needs
from webhook import TOKEN, Webhook

from bench.bodies import Prober
from bench.side import OURS, Side
from tools.processes import beside

CONNECTIONS = 1000
SECONDS = 10
MOST_WAIT_SECONDS = 1  # more than a sender that nobody disturbs; the server's own calls take no time here
MOST_BYTES_A_CONNECTION = 64 * 1024
ATTACKS = {
    'heads that never end': ['-H', '-i', '3', '-x', '24'],
    'bodies that come a few bytes at a time': ['-B', '-i', '3', '-s', '8192', '-x', '10', '-t', 'POST'],
    'answers that are read a few bytes at a time': ['-X', '-w', '1', '-y', '10', '-n', '3', '-z', '5', '-k', '3'],
}


@pytest.mark.parametrize('attack', ATTACKS)
def test_a_thousand_slow_senders_keep_an_honest_one_waiting_for_less_than_a_second(attack: str) -> None:
    needs('slowhttptest')
    with Webhook() as webhook, Side(OURS) as quiet, requests.Session() as honest:
        undisturbed = Prober(quiet)
        before = webhook.peak_memory()
        command = ['slowhttptest', *ATTACKS[attack], '-c', str(CONNECTIONS), '-r', '500', '-l', str(SECONDS), '-p', '30',
                   '-u', f'{webhook.direct_url}?token={TOKEN}']  # who does not know it is refused before its body is read
        waited, most_files = [], 0
        with beside(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)) as slow:
            while slow.poll() is None:
                began = time.monotonic()
                answer = honest.post(webhook.direct_url, '{}', headers={'Authorization': TOKEN}, timeout=30)
                waited.append(time.monotonic() - began)
                assert answer.status_code == 200
                most_files = max(most_files, len(os.listdir(f'/proc/{webhook.state()["pid"]}/fd')))
                time.sleep(0.05)  # an honest sender's own pace; nothing is waited for
        memory = webhook.peak_memory() - before
        print(f'\n{attack}: {most_files} connections at most, longest wait {max(waited) * 1000:.0f} ms, '
              f'{memory / 2**20:.0f} MiB above idle, {len(waited)} honest requests')
        assert most_files > CONNECTIONS // 10, 'the senders were there'
        assert max(waited) < MOST_WAIT_SECONDS + undisturbed.stop()
        assert memory < CONNECTIONS * MOST_BYTES_A_CONNECTION
        assert webhook.state()['restarts'] == 0
