"""The limit of the two libraries: bottle on gevent with an empty handler and no line. Argument: the port."""
import socket
import sys

from bottle import Bottle
from gevent.pywsgi import WSGIServer

app = Bottle()


@app.post('/')  # type: ignore[untyped-decorator]
def receive() -> str:
    return '[]'


if __name__ == '__main__':
    listener = socket.create_server(('', int(sys.argv[1])), backlog=1024)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setblocking(False)
    WSGIServer(listener, app, log=None, error_log=None).serve_forever()
