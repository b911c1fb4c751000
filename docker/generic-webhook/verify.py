"""Run in a freshly built image: the packages are there, and their native parts work on this base."""
import gevent
import msgspec
import multipart
from bottle import Bottle
from gevent.pywsgi import WSGIServer
from gevent.threadpool import ThreadPool

server = WSGIServer(('127.0.0.1', 0), Bottle(), log=None)
server.start()
server.stop()
assert gevent.spawn(ThreadPool(1).apply, sum, ([20, 22],)).get(timeout=10) == 42
assert msgspec.json.decode(b'[42]') == [42]
assert multipart.MultipartParser
print('bottle, gevent, msgspec and multipart work in this image.')
