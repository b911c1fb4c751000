"""asyncio with a websocket client: an incident of each message of a server."""
import asyncio

import demistomock as demisto  # noqa: F401
import websockets
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403


async def listen(url):
    async with websockets.connect(url) as connection:
        async for message in connection:
            demisto.createIncidents([{'name': 'by websocket', 'rawJSON': message}])


def serve():
    support_multithreading()
    while True:
        try:
            asyncio.run(listen(demisto.params()['url']))
        except (OSError, websockets.WebSocketException) as error:
            demisto.error(f'The connection ended: {error}')
            demisto.updateModuleHealth(f'The connection ended: {error}', is_error=True)


if demisto.command() == 'long-running-execution':
    serve()
