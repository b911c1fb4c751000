"""The baseline: the usual design of a webhook integration in a few lines, run by the same loop over the same line.

It is what the known long-running integrations do: FastAPI on uvicorn as their image has them, the body as a pydantic model,
the token by a security dependency, an async handler that calls createIncidents itself, and uvicorn's access log led over the
line, one line a request. It is fair: the same token check, the same incident, the same answer, the newest releases, and none
of our own checks of the payload, its dates, or repeated deliveries.
"""
import json
import logging
from datetime import datetime, timezone
from secrets import compare_digest
from typing import Any

import demistomock as demisto
import uvicorn
from CommonServerPython import *
from CommonServerUserPython import *
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, ConfigDict

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
token_header = APIKeyHeader(name='Authorization', auto_error=False)


class Incident(BaseModel):
    model_config = ConfigDict(extra='allow')

    name: str | None = None
    type: str | None = None
    occurred: datetime | None = None
    raw_json: dict[str, Any] | None = None


class OverTheLine(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        demisto.debug(self.format(record))


@app.get('/')  # type: ignore[untyped-decorator]
async def greet() -> str:
    return 'listening'


@app.post('/')  # type: ignore[untyped-decorator]
async def receive(incident: Incident, token: str | None = Depends(token_header)) -> Any:
    if not compare_digest(token or '', demisto.params()['auth_header']):
        raise HTTPException(401, 'wrong token')
    return demisto.createIncidents([{
        'name': incident.name or 'Incident',
        'type': incident.type or demisto.params().get('incidentType'),
        'occurred': (incident.occurred or datetime.now(timezone.utc)).isoformat(),
        'rawJSON': json.dumps(incident.raw_json or incident.model_dump()),
    }])


def main() -> None:
    logging.getLogger('uvicorn.access').addHandler(OverTheLine())
    logging.getLogger('uvicorn.access').setLevel(logging.INFO)
    uvicorn.run(app, host='0.0.0.0', port=int(demisto.params()['longRunningPort']), log_config=None)


if __name__ in ('__main__', '__builtin__', 'builtins'):
    main()
