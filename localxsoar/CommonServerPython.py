"""The part of CommonServerPython that an integration of this project may use.

It has the documented names and behaviour. The local XSOAR puts this text before the integration's script, as a real server
does with the whole file, and unit tests import it as a module. It is a subset on purpose: to run with the whole file, use
`python -m localxsoar PACK --common-server-python FILE`.
"""
import inspect
import json
import re
import sys
from typing import Any

import demistomock as demisto  # the server removes this line, for it defines demisto itself


class EntryType:
    """Kinds of War Room entries."""
    NOTE = 1
    DOWNLOAD_AGENT = 2
    FILE = 3
    ERROR = 4
    PINNED = 5
    USER_MANAGEMENT = 6
    IMAGE = 7
    PLAYGROUND_ERROR = 8
    ENTRY_INFO_FILE = 9
    WARNING = 11
    MAP_ENTRY_TYPE = 15
    WIDGET = 17


class EntryFormat:
    """Formats of an entry's contents."""
    HTML = 'html'
    TABLE = 'table'
    JSON = 'json'
    TEXT = 'text'
    DBOT_RESPONSE = 'dbotCommandResponse'
    MARKDOWN = 'markdown'


formats = {'html': 'html', 'table': 'table', 'json': 'json', 'text': 'text', 'markdown': 'markdown'}
entryTypes = {'note': 1, 'file': 3, 'error': 4, 'image': 7, 'warning': 11}

# The server itself reports the failure of these commands, so return_error raises an exception for it.
_COMMANDS_THAT_RAISE = ('long-running-execution', 'fetch-incidents', 'fetch-credentials', 'fetch-indicators')
_TRUE_TEXTS = ('true', 'yes', 'y', 't', 'on', '1')
_FALSE_TEXTS = ('false', 'no', 'n', 'f', 'off', '0')
_MODULE_LINES: dict[str, dict[str, int]] = {}


class DemistoException(Exception):
    """An integration's own error, with its message, the exception that caused it, and the HTTP response, if any."""

    def __init__(self, message: Any, exception: Any = None, res: Any = None, *args: Any) -> None:
        self.message = message
        self.exception = exception
        self.res = res
        super().__init__(message, exception, *args)

    def __str__(self) -> str:
        return str(self.message)


class CommandResults:
    """The result of a command: readable text, and outputs for the context under `outputs_prefix`."""

    def __init__(self, outputs_prefix: Any = None, outputs_key_field: Any = None, outputs: Any = None,
                 readable_output: Any = None, raw_response: Any = None, entry_type: int = EntryType.NOTE) -> None:
        self.outputs_prefix = outputs_prefix
        self.outputs_key_field = outputs_key_field
        self.outputs = outputs
        self.readable_output = readable_output
        self.raw_response = raw_response
        self.entry_type = entry_type

    def to_context(self) -> dict[str, Any]:
        """Return the entry for demisto.results."""
        contents = self.raw_response if self.raw_response is not None else self.outputs
        readable = self.readable_output
        if readable is None and contents is not None:
            readable = json.dumps(contents, indent=4)
        return {
            'Type': self.entry_type,
            'ContentsFormat': EntryFormat.JSON,
            'Contents': contents if contents is not None else readable,
            'HumanReadable': readable,
            'EntryContext': self._entry_context(),
        }

    def _entry_context(self) -> dict[str, Any]:
        if self.outputs is None or not self.outputs_prefix:
            return {}
        keys = [self.outputs_key_field] if isinstance(self.outputs_key_field, str) else self.outputs_key_field or []
        condition = ' && '.join(f'val.{key} && val.{key} == obj.{key}' for key in keys)
        return {f'{self.outputs_prefix}({condition})' if condition else self.outputs_prefix: self.outputs}


def return_results(results: Any) -> None:
    """Send results to the War Room: text, an entry, an object with `to_context`, or a list of these."""
    if results is None:
        demisto.results(None)
        return
    for result in results if isinstance(results, list) else [results]:
        demisto.results(result.to_context() if hasattr(result, 'to_context') else result)


def return_error(message: Any, error: Any = '', outputs: Any = None) -> None:
    """End the command with an error entry, or with an exception in commands whose failure the server reports itself."""
    text = str(message)
    demisto.error(f'{text}\n{error}' if error else text)
    if hasattr(demisto, 'command') and demisto.command() in _COMMANDS_THAT_RAISE:  # a script's demisto has no command
        raise Exception(text)
    demisto.results({'Type': EntryType.ERROR, 'ContentsFormat': EntryFormat.TEXT, 'Contents': text, 'EntryContext': outputs})
    sys.exit(0)


def is_error(execute_command_result: Any) -> bool:
    """Return whether a reply to executeCommand is an error entry or has one among its entries."""
    entries = execute_command_result if isinstance(execute_command_result, list) else [execute_command_result]
    return any(isinstance(entry, dict) and entry['Type'] == EntryType.ERROR for entry in entries)


isError = is_error


def argToList(arg: Any, separator: str = ',', transform: Any = None) -> list[Any]:
    """Return a list from a list, a list as JSON text, or text with separators. An empty value gives an empty list."""
    if not arg:
        return []
    if isinstance(arg, list):
        items = arg
    elif isinstance(arg, str):
        items = json.loads(arg) if re.fullmatch(r'\s*\[.*\]\s*', arg, re.DOTALL) else [s.strip() for s in arg.split(separator)]
    else:
        items = [arg]
    return [transform(item) for item in items] if transform else items


def argToBoolean(value: Any) -> bool:
    """Return a boolean from a boolean or one of the usual words. Raise ValueError for anything else."""
    if isinstance(value, bool):
        return value
    text = value.lower() if isinstance(value, str) else None
    if text in _TRUE_TEXTS:
        return True
    if text in _FALSE_TEXTS:
        return False
    raise ValueError(f'Argument does not contain a valid boolean-like value: {value!r}')


def arg_to_number(arg: Any, arg_name: Any = None, required: bool = False) -> Any:
    """Return an int from text or a number, or None if it is missing and not required. Raise ValueError for others."""
    if arg is None or arg == '':
        if required:
            raise ValueError(f'Missing "{arg_name}"' if arg_name else 'Missing a required argument')
        return None
    text = str(arg).strip()
    try:
        return int(text) if text.isdigit() else int(float(text))
    except (ValueError, OverflowError):
        name = f'"{arg_name}"="{arg}"' if arg_name else f'"{arg}"'
        raise ValueError(f'Invalid number: {name}') from None


def __line__() -> int:
    """Return the line number of the caller."""
    frame = inspect.currentframe()
    caller = frame.f_back if frame else None
    return caller.f_lineno if caller else 0


def register_module_line(module_name: str, start_end: str, line: int, wrapper: int = 0) -> None:
    """Note where a module starts or ends in the unified text. The SDK adds these calls around an integration."""
    _MODULE_LINES.setdefault(module_name, {})[start_end] = line + wrapper
