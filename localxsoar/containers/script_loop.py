"""The program inside the container of a script: the loop of `loop.py`, with the `demisto` that scripts have.

It finds `loop.py` beside itself, and needs no other file of this package.
"""
from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localxsoar.containers import loop
else:
    SPEC = spec_from_file_location('loop', Path(__file__).with_name('loop.py'))
    loop = module_from_spec(SPEC)
    SPEC.loader.exec_module(loop)

INTEGRATIONS_ONLY = (
    'params', 'command', 'getParam', 'integrationInstance', 'isFetch', 'isTimeSensitive', 'get_incidents', 'credentials',
    'createIncidents', 'createAlerts', 'fetchResults', 'get_alerts', 'createIndicators', 'getIntegrationContext',
    'setIntegrationContext', 'getIntegrationContextVersioned',
    'setIntegrationContextVersioned', 'getLastRun', 'setLastRun', 'getLastMirrorRun', 'setLastMirrorRun', 'getAssetsLastRun',
    'setAssetsLastRun', 'updateModuleHealth', 'heartbeat', 'addEntry', 'findUser', 'directMessage', 'mirrorInvestigation',
    'handleEntitlementForUser', 'getIndexHash', 'long_running_heartbeat_thread')


class ScriptDemisto(loop.Demisto):
    """The object that a script, rather than an integration, knows as `demisto`."""

    def incidents(self) -> Any:  # type: ignore[override]
        return self.callingContext['context']['Incidents']

    def incident(self) -> Any:
        return self.incidents()[0]

    alerts, alert = incidents, incident

    def log(self, msg: str) -> None:
        loop.send(self, {'type': 'entryLog', 'args': {'message': msg}})

    def executeCommand(self, command: str, args: Any) -> Any:
        return self._call({'type': 'executeCommand', 'command': command.strip(), 'args': args})

    def execute(self, module: str, command: str, args: Any) -> Any:
        return self._call({'type': 'execute', 'module': module, 'command': command.strip(), 'args': args})

    def exception(self, ex: Any) -> Any:
        return self._call({'type': 'exception', 'command': 'exception', 'args': ex})

    def convert(self, results: Any) -> Any:
        return loop.as_entry(results)

    def getAllSupportedCommands(self) -> Any:
        return self._call({'type': 'getAllModulesSupportedCmds'})

    def getModules(self) -> Any:
        return self._call({'type': 'getAllModules'})

    def setContext(self, name: str, value: Any) -> Any:
        return self._call({'type': 'setContext', 'name': name, 'value': value})

    def _call(self, message: dict[str, Any]) -> Any:
        """Use the method of the loop that CommonServerPython may replace by its name."""
        return getattr(self, '_Demisto__do')(message)  # noqa: B009


class Missing:
    """An attribute that integrations have and scripts have not: `hasattr` is False."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        raise AttributeError(f"'Demisto' object has no attribute '{self._name}'")


for name in INTEGRATIONS_ONLY:
    missing = Missing()
    missing.__set_name__(ScriptDemisto, name)
    setattr(ScriptDemisto, name, missing)
loop.Demisto = ScriptDemisto  # type: ignore[misc]  # the loop creates an object of whatever class has this name

if __name__ == '__main__':
    loop.run(*sys.argv[1:])
