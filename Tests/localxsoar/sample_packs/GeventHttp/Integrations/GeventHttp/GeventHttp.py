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
