"""A TCP listener: an incident of each line, as syslog over TCP sends them."""
import socketserver

import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            demisto.createIncidents([{'name': 'by TCP', 'rawJSON': line.decode().strip()}])


def serve():
    demisto.enable_multithreading()
    with socketserver.ThreadingTCPServer(('0.0.0.0', int(demisto.params()['longRunningPort'])), Lines) as server:
        server.serve_forever()


if demisto.command() == 'long-running-execution':
    serve()
