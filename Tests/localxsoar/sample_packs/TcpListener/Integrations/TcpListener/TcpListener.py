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


def main() -> None:
    command = demisto.command()
    try:
        if command == 'test-module':
            return_results('ok')
        elif command == 'long-running-execution':
            serve()
        else:
            raise NotImplementedError(command)
    except Exception as error:
        return_error(f'Failed: {error}')


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
