"""Stands in for `demisto` in unit tests: records every call, answers only what the test declared, raises on the rest.

    demistomock.declare(params={'longRunningPort': '8080'}, createIncidents=lambda incidents, *rest: [{'id': '1'}])
    ...
    assert demistomock.calls_of('info') == [('listening',)]
"""
from __future__ import annotations

from typing import Any

calls: list[tuple[str, tuple[Any, ...]]] = []
callingContext: dict[str, Any]  # declared like an answer, read as an attribute
_answers: dict[str, Any] = {}


def declare(**answers: Any) -> None:
    """Set what calls answer from now on: a value, or a function of the call's arguments."""
    unknown = sorted(name for name in answers if name.startswith('_') or name not in (*globals(), *__annotations__))
    if unknown:
        raise NotImplementedError(f'demisto has no {", ".join(unknown)} here.')
    _answers.update(answers)


def reset() -> None:
    """Forget what was declared and recorded."""
    calls.clear()
    _answers.clear()


def calls_of(name: str) -> list[tuple[Any, ...]]:
    """Return the arguments of each call of this name so far."""
    return [arguments for called, arguments in calls if called == name]


def _answer(name: str, *arguments: Any) -> Any:
    calls.append((name, arguments))
    if name not in _answers:
        raise NotImplementedError(f'demisto.{name} was used, and the test declares no answer to it.')
    answer = _answers[name]
    return answer(*arguments) if callable(answer) else answer


def _record(name: str, *arguments: Any) -> None:
    """Record a call that the server answers with nothing. A test may declare a function for it all the same, to fail it."""
    if name in _answers:
        _answer(name, *arguments)
    else:
        calls.append((name, arguments))


def __getattr__(name: str) -> Any:
    if name == 'callingContext':
        return _answer(name)
    raise AttributeError(f'demisto.{name} is not among what this stand-in knows.')


def params() -> Any:
    return _answer('params')


def args() -> Any:
    return _answer('args')


def command() -> Any:
    return _answer('command')


def integrationInstance() -> Any:
    return _answer('integrationInstance')


def createIncidents(incidents: list[dict[str, Any]], lastRun: Any = None, userID: Any = None) -> Any:
    return _answer('createIncidents', incidents, lastRun, userID)


def getIntegrationContext() -> Any:
    return _answer('getIntegrationContext')


def setIntegrationContext(context: dict[str, Any]) -> None:
    """Have the next getIntegrationContext answer what is set."""
    _record('setIntegrationContext', context)
    _answers['getIntegrationContext'] = context


def updateModuleHealth(data: Any, is_error: bool = False) -> None:
    _record('updateModuleHealth', data, is_error)


def incident() -> Any:
    return _answer('incident')


def executeCommand(command: str, args: dict[str, Any]) -> Any:
    return _answer('executeCommand', command, args)


def results(results: Any) -> None:
    _record('results', results)


def incidents(incidents: list[dict[str, Any]]) -> None:
    _record('incidents', incidents)


def info(*messages: Any) -> None:
    _record('info', *messages)


def debug(*messages: Any) -> None:
    _record('debug', *messages)


def error(*messages: Any) -> None:
    _record('error', *messages)


def long_running_heartbeat_thread(enable: bool = True) -> None:
    _record('long_running_heartbeat_thread', enable)
