"""bottle on gevent, run by the same loop: reads the JSON, makes the same call over the line, writes the answer. No checks."""
import json
import socket

import demistomock as demisto
from bottle import Bottle, request
from CommonServerPython import *
from CommonServerUserPython import *
from gevent.pywsgi import WSGIServer

app = Bottle()


@app.post('/')  # type: ignore[untyped-decorator]
def receive() -> str:
    payload = json.loads(request.environ['wsgi.input'].read())
    incidents = [{'name': 'Incident', 'type': None, 'occurred': '2026-11-24T10:00:00Z', 'rawJSON': json.dumps(event)}
                 for event in (payload if isinstance(payload, list) else [payload])]
    return json.dumps(demisto.createIncidents(incidents))


def main() -> None:
    listener = socket.create_server(('', int(demisto.params()['longRunningPort'])), backlog=1024)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setblocking(False)
    WSGIServer(listener, app, log=None, error_log=None).serve_forever()


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
