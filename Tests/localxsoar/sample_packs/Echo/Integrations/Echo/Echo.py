"""A small HTTP server on the standard library: POST / makes incidents, other paths do one odd thing each."""
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import traceback
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403

LINE = threading.Lock()
ROUTES: dict = {}
_private = 'gone when the script has ended'


@dataclass
class Answer:
    value: object
    status: int = 200


def route(path):
    def register(function):
        ROUTES[path] = function
        return function
    return register


@route('/')
def create(body, handler):
    return demisto.createIncidents(json.loads(body))


@route('/echo')
def echo(body, handler):
    return {'method': handler.command, 'path': handler.path, 'headers': [list(item) for item in handler.headers.items()],
            'size': len(body), 'sha256': hashlib.sha256(body).hexdigest()}


@route('/answer')
def give_back(body, handler):
    return json.loads(body)


@route('/problem')
def refuse(body, handler):
    return Answer(json.loads(body), json.loads(body)['status'])


@route('/params')
def params(body, handler):
    return demisto.params()


@route('/facts')
def facts(body, handler):
    return {'name': __name__, 'command': demisto.command(), 'args': demisto.args(), 'instance': demisto.integrationInstance(),
            'brand': demisto.callingContext['context']['IntegrationBrand'], 'private': _private,
            'path': sys.path, 'cwd': os.getcwd(), 'environment': dict(os.environ),
            'line': __line__(),  # type: ignore[name-defined]  # noqa: F821
            'threads': [thread.name for thread in threading.enumerate()]}


@route('/print')
def say(body, handler):
    print('printed:', body.decode())


@route('/child')
def child(body, handler):
    subprocess.run([sys.executable, '-c', 'print("from a child")'], check=True)


@route('/stderr')
def complain(body, handler):
    print_to_stderr = sys.stderr.write
    print_to_stderr('on stderr\n')
    sys.stderr.flush()


@route('/log')
def log(body, handler):
    for level in ('debug', 'info', 'error'):
        getattr(demisto, level)(f'{level} one\ntwo \x1b[31m')


@route('/context')
def context(body, handler):
    if body:
        demisto.setIntegrationContext(json.loads(body))
    return demisto.getIntegrationContext()


@route('/health')
def health(body, handler):
    demisto.updateModuleHealth(body.decode(), is_error=body not in (b'', b'busy'))


@route('/redirect')
def redirect(body, handler):
    handler.send_response(302)
    handler.send_header('Location', '/echo')
    handler.send_header('Set-Cookie', 'a=1')
    handler.send_header('Set-Cookie', 'b=2')
    handler.send_header('Content-Length', '0')
    handler.end_headers()
    return NotImplemented


@route('/early')
def early(body, handler):
    return Answer({'read': False}, 413)


@route('/half')
def break_off(body, handler):
    """An answer, or with a body a chunk, that is broken off."""
    length = b'Transfer-Encoding: chunked' if body else b'Content-Length: 10'
    handler.wfile.write(b'HTTP/1.1 200 OK\r\n' + length + b'\r\n\r\n' + b'half')
    handler.close_connection = True
    return NotImplemented


@route('/wait')
def wait_for_the_end(body, handler):
    """Until the connection is at its end."""
    handler.rfile.read(1)
    demisto.info('the connection is at its end')


@route('/raise')
def end_by_exception(body, handler):
    STOP.append(RuntimeError('the script failed'))
    handler.server.shutdown()


STOP: list = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def do_POST(self):
        path = self.path.partition('?')[0]
        body = b'' if path == '/early' else self.read_body()
        try:
            with LINE:
                answer = ROUTES.get(path, echo)(body, self)
        except Exception as error:
            answer = Answer({'error': type(error).__name__, 'text': str(error), 'trace': traceback.format_exc()}, 500)
        if answer is not NotImplemented:
            self.answer(answer if isinstance(answer, Answer) else Answer(answer))

    do_GET = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_PATCH = do_POST

    def read_body(self):
        if self.headers.get('Transfer-Encoding') != 'chunked':
            return self.rfile.read(int(self.headers.get('Content-Length') or 0))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b''.join(pieces)

    def answer(self, answer):
        data = json.dumps(answer.value).encode()
        self.send_response(answer.status)
        self.send_header('Content-Length', str(len(data)))
        if answer.status == 413:
            self.send_header('Connection', 'close')
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(data)
        self.wfile.flush()
        self.close_connection = answer.status == 413

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def serve():
    port = int(str(demisto.params()['longRunningPort']).rpartition(':')[2])
    host = (demisto.params().get('greeting') or '').partition('bind ')[2]
    Server.address_family = socket.AF_INET6 if ':' in host else socket.AF_INET
    server = Server((host, port), Handler)
    demisto.info(f'{demisto.params()["greeting"]}, listening on {port}')
    server.serve_forever(poll_interval=0.02)
    server.server_close()
    if STOP:
        raise STOP[0]


def test_module():
    if demisto.params().get('greeting') == 'context':
        demisto.setIntegrationContext({'seen': '1'})
    if demisto.params().get('greeting') == 'bad':
        return_error('Greeting bad is not polite.')
    print('tested')
    return_results('ok')


def fetch_samples():
    demisto.incidents([{'name': name} for name in json.loads(demisto.getIntegrationContext().get('samples', '[]'))])


COMMANDS = {'long-running-execution': serve, 'test-module': test_module, 'fetch-incidents': fetch_samples}

if __name__ in ('__main__', '__builtin__', 'builtins'):
    COMMANDS[demisto.command()]()
