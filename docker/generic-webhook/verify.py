"""Serve one request by all four packages, whose native parts have to work on the base of a freshly built image.

The public pipeline runs this. By hand: docker run --rm -i IMAGE python - < verify.py
"""
from urllib.request import urlopen

from bottle import Bottle
from gevent.pywsgi import WSGIServer
from gevent.threadpool import ThreadPool
from msgspec.json import decode, encode
from multipart import parse_options_header

app = Bottle()
app.route('/', callback=lambda: encode({'charset': parse_options_header('text/plain; charset=utf-8')[1]['charset']}))
server = WSGIServer(('127.0.0.1', 0), app, log=None)
server.start()
# The client waits in a native thread of its own; the server answers in this one.
answer = ThreadPool(1).spawn(lambda: urlopen(f'http://127.0.0.1:{server.server_port}/', timeout=10).read()).get(timeout=20)
server.stop()
assert decode(answer) == {'charset': 'utf-8'}, answer
print('bottle, gevent, msgspec and multipart serve a request in this image.')
