"""A long-running fetch that keeps its place in a versioned integration context."""
import json
import time

import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403


def fetch_once():
    kept = demisto.getIntegrationContextVersioned(refresh=True)
    number = int(kept['context'].get('number', '0')) + 1
    place = {'number': number}
    demisto.createIncidents([{'name': f'fetched {number}', 'rawJSON': json.dumps(place)}], lastRun=place)
    demisto.setIntegrationContextVersioned({'number': str(number)}, kept['version'], sync=True)


def serve():
    while True:
        fetch_once()
        demisto.updateModuleHealth('')
        time.sleep(0.1)


if demisto.command() == 'long-running-execution':
    serve()
