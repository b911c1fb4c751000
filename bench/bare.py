"""The limit of the two libraries: bottle on gevent that reads JSON and writes it, and no line. Argument: the port."""
import json
import socket
import sys

from bottle import Bottle, request
from gevent.pywsgi import WSGIServer

app = Bottle()


@app.post('/')  # type: ignore[untyped-decorator]
def receive() -> str:
    payload = json.loads(request.environ['wsgi.input'].read())
    incidents = [{'rawJSON': json.dumps(event)} for event in (payload if isinstance(payload, list) else [payload])]
    return json.dumps([{'id': str(number)} for number in range(len(incidents))])


if __name__ == '__main__':
    listener = socket.create_server(('', int(sys.argv[1])), backlog=1024)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setblocking(False)
    WSGIServer(listener, app, log=None, error_log=None).serve_forever()
