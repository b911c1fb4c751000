"""HTTP on FastAPI with uvicorn."""
import demistomock as demisto  # noqa: F401
import uvicorn
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *  # noqa: F401, F403
from fastapi import FastAPI, Request

app = FastAPI()


@app.post('/')  # type: ignore[untyped-decorator]
async def receive(request: Request):
    body = await request.body()
    return demisto.createIncidents([{'name': 'by FastAPI', 'rawJSON': body.decode()}])


def serve():
    uvicorn.run(app, host='0.0.0.0', port=int(demisto.params()['longRunningPort']), log_config=None)


if demisto.command() == 'long-running-execution':
    serve()
