"""HTTP on gevent: a WSGI application that makes an incident of each POST."""
import json

import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403
from gevent.pywsgi import WSGIServer


def application(environ, start_response):
    body = environ['wsgi.input'].read().decode()
    created = demisto.createIncidents([{'name': 'by gevent', 'rawJSON': body}])
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps(created).encode()]


def serve():
    port = int(demisto.params()['longRunningPort'])
    WSGIServer(('0.0.0.0', port), application, log=None).serve_forever()


if demisto.command() == 'long-running-execution':
    serve()
