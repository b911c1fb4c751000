"""What the log says of a request as its sender wrote it, of a flood and of an internal error: no secret, and few lines."""
from __future__ import annotations

import json
import re

import pytest
from changed_packs import webhook_with
from local_xsoar import wait_for
from raw_http import CHUNKED, HOST, LAST, POST, exchange
from shared.webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets


def test_the_log_says_of_a_wrong_path_what_to_do(webhook: Webhook) -> None:
    paths = [b'/else', b'/%ff', b'*', b'http://x/else']
    for number, path in enumerate(paths):
        sent = b'POST %s HTTP/1.1\r\n' % path + HOST + b'User-Agent: lost %d\r\nConnection: close\r\n\r\n' % number
        assert [status for status, _, _ in exchange(webhook, sent)] == [404]
    for number in range(len(paths)):
        webhook.wait_for_line(rf'POST 404 \d+ ms, from "127\.0\.0\.1" "lost {number}".*: There is nothing at this path: send the')


def test_the_log_has_the_size_and_the_time_of_a_request_that_comes_in_chunks(webhook: Webhook) -> None:
    webhook.faults(call_delay_ms=300)
    exchange(webhook, CHUNKED.replace(HOST, HOST + b'Connection: close\r\n') + b'2\r\n{ \r\n1\r\n}\r\n0\r\n\r\n')
    webhook.faults(call_delay_ms=0)
    webhook.wait_for_line(r'POST 200 ([3-9]\d\d|\d{4,}) ms, from "127\.0\.0\.1" "-", 3 bytes, token 1: incident')


def test_what_a_sender_writes_can_not_forge_another_field_of_the_log(webhook: Webhook) -> None:
    exchange(webhook, LAST.replace(b'\r\n\r\n', b'\r\nUser-Agent: a" b\r\nX-Forwarded-For: 1.2.3.4", 5 bytes: x "\r\n\r\n'))
    webhook.wait_for_line(r'from "127\.0\.0\.1" for "1\.2\.3\.4\\+x22, 5 bytes: x \\+x22" "a\\+x22 b", 0 bytes: no incident')


def test_a_sender_can_not_push_its_own_address_out_of_the_log(webhook: Webhook) -> None:
    claimed = b'1.1.1.1, ' * 1000 + b'y' * 100 + b', 203.0.113.7'
    exchange(webhook, LAST.replace(b'\r\n\r\n', b'\r\nUser-Agent: far-away\r\nX-Forwarded-For: ' + claimed + b'\r\n\r\n'))
    webhook.wait_for_line(r'from "127\.0\.0\.1" for "y{45}, 203\.0\.113\.7" "far-away"')


NAMES = "''' EVENTS '''\n"
FAULT = '''decompress_well = decompress


def decompress(*values: Any) -> bytes:
    if b'fault' in values[0]:
        raise KeyError(f'a secret value {values}')
    return decompress_well(*values)


'''
MACOS = '''
import resource, select
for name in ('epoll', 'POLLRDHUP'):
    delattr(select, name)
def refuse_without_limit(which, limits, set_limit=resource.setrlimit):
    if not 0 < limits[0] <= 10_240:
        raise ValueError('current limit exceeds maximum limit')
resource.getrlimit = lambda which: (256, 2**63 - 1)
resource.setrlimit = refuse_without_limit
'''


# It lacks the names of Linux, fails at some bodies, and counts a flood for a second; its token could be a method.
faulty = webhook_with({"''' LIMITS '''": MACOS, NAMES: FAULT + NAMES, 'flood_seconds: int = 10': 'flood_seconds: int = 1'},
                      token='TOKEN-OF-CAPITALS')
POST_OF_CAPITALS = POST.replace(TOKEN.encode(), b'TOKEN-OF-CAPITALS') + b'Connection: close\r\n'


def test_a_token_in_the_place_of_the_method_stands_in_no_log(faulty: Webhook) -> None:
    sent = b'TOKEN-OF-CAPITALS / HTTP/1.1\r\n' + HOST + b'Connection: close\r\n\r\n'
    assert [status for status, _, _ in exchange(faulty, sent)] == [405]
    faulty.wait_for_line(r'\.\.\. 405 \d+ ms, from')


def test_equal_rejections_in_a_flood_are_counted_and_not_repeated(faulty: Webhook) -> None:
    def counted() -> int:
        """Return how many rejections the log shows or counts: a flood may last for several seconds."""
        counts = (int(found[1]) for line in faulty.output if (found := re.search(r'(\d+) more in 1 s: 401: The request', line)))
        return sum('POST 401' in line for line in faulty.output) + sum(counts)

    answers = exchange(faulty, b'POST / HTTP/1.1\r\nHost: x\r\n\r\n' * 500 + b'POST / HTTP/1.0\r\n\r\n')
    assert [status for status, _, _ in answers] == [401] * 501
    wait_for(lambda: counted() == 501, 'the counts')
    assert sum('POST 401' in line for line in faulty.output) < 250


def test_the_stack_of_an_unexpected_error_is_logged_without_its_values(faulty: Webhook) -> None:
    (status, _, content), = exchange(faulty, POST_OF_CAPITALS + b'Content-Length: 7\r\n\r\n"fault"')
    assert (status, json.loads(content)['title']) == (500, 'Internal Server Error')
    way = [rf'{name}, line \d+' for name in ('call_handler', 'receive')]
    faulty.wait_for_line('POST 500 .*KeyError in ' + ' > '.join([*way, 'decompress, line 3']))  # of FAULT, wherever that stands
    wait_for(lambda: 'KeyError' in faulty.state()['health']['error'], 'the health')
    assert not [line for line in faulty.output if 'a secret value' in line]


# Where its users sit


def test_it_serves_where_the_names_of_linux_are_missing(faulty: Webhook) -> None:
    assert exchange(faulty, POST_OF_CAPITALS + b'Content-Length: 2\r\n\r\n{}')[0][0] == 200
