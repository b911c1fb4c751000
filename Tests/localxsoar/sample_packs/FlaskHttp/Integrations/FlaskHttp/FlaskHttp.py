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


if demisto.command() == 'long-running-execution':
    serve()
