"""HTTP on Flask, with threads that share the line."""
import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403
from flask import Flask, jsonify, request
from werkzeug.serving import make_server

APP = Flask('conformance')


@APP.route('/', methods=['POST'])
def receive():
    return jsonify(demisto.createIncidents([{'name': 'by Flask', 'rawJSON': request.get_data(as_text=True)}]))


def serve():
    demisto.enable_multithreading()
    make_server('0.0.0.0', int(demisto.params()['longRunningPort']), APP, threaded=True).serve_forever()


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
