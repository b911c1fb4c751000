"""The container behind a real proxy that uses one connection to it for many senders: nobody's request takes another's answer."""
from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from clocks import PATIENCE_SECONDS
from local_xsoar import needs, wait_for
from shared.webhook import TOKEN, Webhook, read_to_end, request_bytes

from localxsoar.containers.ports import any_free_port
from shared.processes import beside

pytestmark = pytest.mark.sockets

HAPROXY = '''
global
    maxconn 100
defaults
    mode http
    timeout connect 60s
    timeout client 300s
    timeout server 300s
    http-reuse always
    option accept-invalid-http-request
frontend front
    bind 127.0.0.1:{front}
    default_backend webhook
backend webhook
    server one 127.0.0.1:{back} maxconn 1
'''
NGINX = '''
worker_processes 1;
daemon off;
pid {folder}/pid;
events {{ worker_connections 100; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    upstream webhook {{
        server 127.0.0.1:{back};
        keepalive 1;
    }}
    server {{
        listen 127.0.0.1:{front};
        location / {{
            proxy_pass http://webhook;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
        }}
    }}
}}
'''
HOSTILE = [
    b'GET /\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}',
    b'POST /%ff HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}',
    b'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}',
    b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;a\nGET / HTTP/1.1\r\n\r\n{}\r\n0\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n' + b'GET / HTTP/1.1\r\nHost: x\r\n\r\n' * 100,
    b'HEAD / HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n',
    b'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
]


@pytest.fixture(params=['haproxy', 'nginx'])
def port(tmp_path: Path, webhook: Webhook, request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a proxy before the container."""
    program, port = needs(request.param), any_free_port()
    text, option = (HAPROXY, '-f') if request.param == 'haproxy' else (NGINX, '-c')
    file = tmp_path / 'configuration'
    file.write_text(text.format(front=port, back=webhook.container_port, folder=tmp_path))
    with beside(subprocess.Popen([program, option, str(file)], stderr=subprocess.DEVNULL)):
        wait_for(lambda: ask(port, b'GET / HTTP/1.0\r\n\r\n').startswith(b'HTTP/1.1 200'), request.param)
        yield port


def ask(port: int, sent: bytes) -> bytes:
    with suppress(OSError), socket.create_connection(('127.0.0.1', port), timeout=PATIENCE_SECONDS) as sender:
        sender.sendall(sent)
        return read_to_end(sender)
    return b''


def test_none_of_60_honest_posts_loses_its_response_beside_hostile_ones_on_one_connection(webhook: Webhook, port: int) -> None:
    before = len(webhook.names())
    for number in range(60):
        with socket.create_connection(('127.0.0.1', port), timeout=PATIENCE_SECONDS) as hostile:
            hostile.sendall(HOSTILE[number % len(HOSTILE)])
            hostile.shutdown(socket.SHUT_WR)
            with suppress(OSError):
                hostile.recv(65536)
        body = b'{"name": "honest %d"}' % number
        answer = ask(port, request_bytes('http://x/', body, {'Connection': 'close', 'Authorization': TOKEN}))
        assert answer.startswith(b'HTTP/1.1 200 ')
        assert b'"honest %d"' % number in answer
    assert webhook.names()[before:] == [f'honest {number}' for number in range(60)]
