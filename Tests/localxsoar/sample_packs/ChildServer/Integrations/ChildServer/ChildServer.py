"""A child process that serves, as nginx does, before an application of the script."""
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403

FRONT = """
import http.client, http.server, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        behind = http.client.HTTPConnection('127.0.0.1', int(sys.argv[2]))
        behind.request('POST', self.path, body)
        answer = behind.getresponse().read()
        self.send_response(200)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(('0.0.0.0', int(sys.argv[1])), Handler).serve_forever()
"""


class Behind(BaseHTTPRequestHandler):
    def do_POST(self):
        created = demisto.createIncidents([{'name': 'by a child', 'rawJSON': self.rfile.read(
            int(self.headers['Content-Length'])).decode()}])
        answer = created[0]['id'].encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


def serve():
    behind = HTTPServer(('127.0.0.1', 0), Behind)
    threading.Thread(target=behind.serve_forever, daemon=True).start()
    child = subprocess.Popen([sys.executable, '-c', FRONT, str(demisto.params()['longRunningPort']), str(behind.server_port)],
                             stdout=subprocess.DEVNULL, start_new_session=True)
    demisto.info(f'child {child.pid}')
    child.wait()


if demisto.command() == 'long-running-execution':
    serve()
