"""The container behind a real proxy that uses one connection to it for many senders: nobody's request takes another's answer."""
from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from local_xsoar import needs, wait_for
from webhook import TOKEN, Webhook, request_bytes

from localxsoar.containers.ports import any_free_port
from tools.processes import beside

HAPROXY = '''
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
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
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
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
def front(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Webhook, int]]:
    program, port = needs(request.param), any_free_port()
    text, option = (HAPROXY, '-f') if request.param == 'haproxy' else (NGINX, '-c')
    with Webhook() as webhook:
        file = tmp_path / 'configuration'
        file.write_text(text.format(front=port, back=webhook.container_port, folder=tmp_path))
        with beside(subprocess.Popen([program, option, str(file)], stderr=subprocess.DEVNULL)):
            wait_for(lambda: ask(port, b'GET / HTTP/1.0\r\n\r\n').startswith(b'HTTP/1.1 200'), request.param)
            yield webhook, port


def ask(port: int, sent: bytes) -> bytes:
    with suppress(OSError), socket.create_connection(('127.0.0.1', port), timeout=5) as sender:
        sender.sendall(sent)
        return b''.join(iter(lambda: sender.recv(65536), b''))
    return b''


def test_none_of_60_honest_posts_loses_its_answer_beside_hostile_ones_on_one_connection(front: tuple[Webhook, int]) -> None:
    webhook, port = front
    for number in range(60):
        with suppress(OSError), socket.create_connection(('127.0.0.1', port), timeout=5) as hostile:
            hostile.sendall(HOSTILE[number % len(HOSTILE)])
            hostile.settimeout(0.2)
            hostile.recv(65536)
        body = b'{"name": "honest %d"}' % number
        answer = ask(port, request_bytes('http://x/', body, {'Connection': 'close', 'Authorization': TOKEN}))
        assert answer.startswith(b'HTTP/1.1 200 ')
        assert b'"honest %d"' % number in answer
    assert webhook.names() == [f'honest {number}' for number in range(60)]
