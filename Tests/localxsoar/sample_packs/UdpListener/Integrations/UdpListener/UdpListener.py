"""A UDP listener: an incident of each datagram, as syslog over UDP sends them."""
import socket

import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403


def serve():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(('0.0.0.0', int(demisto.params()['udp_port'])))
        demisto.updateModuleHealth('')
        while True:
            data, _ = listener.recvfrom(65535)
            demisto.createIncidents([{'name': 'by UDP', 'rawJSON': data.decode()}])


if demisto.command() == 'long-running-execution':
    serve()
