"""`demisto` for the unit tests of packs, which replace what they need: each function returns what a server without data would."""
from __future__ import annotations

import json
import logging
import uuid
from typing import Any

integrationContext: dict[str, Any] = {}
callingContext: dict[str, Any] = {'context': {'IntegrationBrand': '', 'ExecutionContext': {}}}
is_debug = False
exampleIncidents = [{'id': '1', 'name': 'An incident', 'type': 'Unclassified', 'severity': 0, 'status': 0, 'labels': [],
                     'owner': '', 'details': '', 'occurred': '2024-01-31T12:00:00Z', 'created': '2024-01-31T12:00:00Z',
                     'CustomFields': {}}]
exampleUsers = [{'id': 'admin', 'username': 'admin', 'name': 'Admin', 'email': 'admin@localhost',
                 'roles': {'demisto': ['Administrator']}}]
# What the functions of these names return, if they are no more than that.
VALUES: dict[str, Any] = {
    'command': '', 'integrationInstance': '', 'getLicenseID': '', 'getLicenseCustomField': '', 'getAutoFocusApiKey': '',
    'getIndexHash': '', 'isFetch': False, 'isTimeSensitive': False, 'dt': '', 'getParam': None, 'getArg': None,
    'createIncidents': [], 'createAlerts': [], 'createIndicators': None, 'executeCommand': [],
    'searchRelationships': {'total': 0, 'data': []},
    'searchIndicators': {'iocs': [], 'total': 0}, 'findUser': exampleUsers[0], 'investigation': {'id': '1'},
    'incidents': exampleIncidents, 'incident': exampleIncidents[0], 'alerts': exampleIncidents, 'alert': exampleIncidents[0],
    'get_incidents': exampleIncidents, 'get_alerts': exampleIncidents, 'parentEntry': {}, 'getAllSupportedCommands': {},
    'getModules': {}, 'getFilePath': {'id': '1', 'path': 'test/test.txt', 'name': 'test.txt'}, 'updateModuleHealth': None,
    'demistoUrls': {'server': 'https://localhost', 'warRoom': 'https://localhost/#/WarRoom/1'},
    'demistoVersion': {'version': '8.9.0', 'buildNumber': '1000000', 'platform': 'xsoar'}, 'credentials': None, 'heartbeat': None,
    'addEntry': None, 'directMessage': None, 'mirrorInvestigation': None, 'handleEntitlementForUser': None,
    'internalHttpRequest': {'statusCode': 404, 'body': '', 'headers': {}}, 'long_running_heartbeat_thread': None,
    'setLastRun': None, 'setLastMirrorRun': None, 'setAssetsLastRun': None, 'fetchResults': None, 'setContext': None,
    'enable_multithreading': None, 'execute': [], 'exception': None, 'convert': None, 'mapObject': {}}


def make(value: Any) -> Any:
    def call(*args: Any, **options: Any) -> Any:
        return value
    return call


globals().update({name: make(value) for name, value in VALUES.items()})
# A test may change what these return, so each call returns an object of its own.
globals().update(dict.fromkeys(('params', 'args', 'context', 'getLastRun', 'getLastMirrorRun', 'getAssetsLastRun'), dict))


def get(obj: Any, field: str, defaultParam: Any = None) -> Any:
    for part in field.split('.'):
        if not obj or part not in obj:
            return defaultParam
        obj = obj[part]
    return obj


def gets(obj: Any, field: str) -> str:
    return str(get(obj, field))


def uniqueFile() -> str:
    return str(uuid.uuid4())


def getIntegrationContext() -> dict[str, Any]:
    return integrationContext


def setIntegrationContext(context: dict[str, Any]) -> None:
    global integrationContext
    integrationContext = context


def getIntegrationContextVersioned(refresh: bool = False) -> dict[str, Any]:
    return {'context': integrationContext, 'version': -1}


def setIntegrationContextVersioned(context: dict[str, Any], version: Any = -1, sync: bool = False) -> None:
    setIntegrationContext(context)


def results(results: Any) -> None:
    """Print a result as JSON, which tests capture."""
    print(json.dumps(results, indent=2, default=str) if isinstance(results, (dict, list)) else results)


def log(*messages: Any) -> None:
    logging.getLogger('demisto').info(' '.join(map(str, messages)))


info = debug = error = log
