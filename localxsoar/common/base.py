"""Names that scripts expect, errors, and the calls that end a command. A script finds every import of this file by its name."""
import base64
import calendar
import hashlib
import importlib
import inspect
import json
import logging
import os
import random
import re
import socket
import string
import sys
import time
import traceback
import types
import urllib
import uuid
from collections import OrderedDict, defaultdict
from datetime import datetime, timedelta, timezone
from typing import IO, Any, Callable, Dict, Generator, Iterable, List, NamedTuple, Optional, Set, Tuple, Type, Union, cast
from urllib.parse import quote, unquote, urlencode, urlparse

import demistomock as demisto  # the server removes this line, for it defines demisto itself

# A script that puts something else in the place of `json`, such as a handler of demisto-sdk, changes nothing for these.
_dumps, _loads = json.dumps, json.loads

IS_PY3, PY2 = True, False
STRING_TYPES = STRING_OBJ_TYPES = (str, bytes)
DATE_FORMAT = '%Y-%m-%dT%H:%M:%SZ'
# The server itself reports the failure of these commands, so return_error raises an exception for it.
_COMMANDS_THAT_RAISE = ('long-running-execution', 'fetch-incidents', 'fetch-credentials', 'fetch-indicators')
_MODULE_LINES: dict[str, dict[str, int]] = {}


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
    VIDEO_FILE = 10
    WARNING = 11
    MAP_ENTRY_TYPE = 15
    WIDGET = 17
    EXECUTION_METRICS = 19


class EntryFormat:
    """Formats of an entry's contents."""
    HTML = 'html'
    TABLE = 'table'
    JSON = 'json'
    TEXT = 'text'
    DBOT_RESPONSE = 'dbotCommandResponse'
    MARKDOWN = 'markdown'


class IncidentStatus:
    """Numbers of an incident's status."""
    PENDING = 0
    ACTIVE = 1
    DONE = 2
    ARCHIVE = 3


class IncidentSeverity:
    """Numbers of an incident's severity."""
    UNKNOWN = 0
    INFO = 0.5
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4


formats = {'html': 'html', 'table': 'table', 'json': 'json', 'text': 'text', 'dbotResponse': 'dbotCommandResponse',
           'markdown': 'markdown'}
entryTypes = {'note': 1, 'downloadAgent': 2, 'file': 3, 'error': 4, 'pinned': 5, 'userManagement': 6, 'image': 7,
              'playgroundError': 8, 'entryInfoFile': 9, 'warning': 11, 'map': 15, 'widget': 17}


class DemistoException(Exception):
    """An integration's own error, with its message, the exception that caused it, and the HTTP response, if any."""

    def __init__(self, message: Any, exception: Any = None, res: Any = None, *args: Any) -> None:
        self.message = message
        self.exception = exception
        self.res = res
        super().__init__(message, exception, *args)

    def __str__(self) -> str:
        return str(self.message)


def return_error(message: Any, error: Any = '', outputs: Any = None) -> None:
    """End the command with an error entry, or with an exception in commands whose failure the server reports itself."""
    text = str(message)
    is_raised = hasattr(demisto, 'command') and demisto.command() in _COMMANDS_THAT_RAISE  # a script's demisto has no command
    if getattr(demisto, 'is_debug', False) and not is_raised and sys.exc_info()[0]:
        text = f'{text}\n\n{traceback.format_exc()}'
    demisto.info(f'{text}\n{error}' if error else text)
    if is_raised:
        raise Exception(text)
    demisto.results({'Type': EntryType.ERROR, 'ContentsFormat': EntryFormat.TEXT, 'Contents': text, 'EntryContext': outputs})
    sys.exit(0)


def return_warning(message: Any, exit: bool = False, warning: Any = '', outputs: Any = None,
                   ignore_auto_extract: bool = False) -> None:
    """Send a warning entry, and end the command if `exit` is true."""
    demisto.debug(f'{message}\n{warning}' if warning else str(message))
    demisto.results({'Type': EntryType.WARNING, 'ContentsFormat': EntryFormat.TEXT, 'IgnoreAutoExtract': ignore_auto_extract,
                     'Contents': str(message), 'EntryContext': outputs})
    if exit:
        sys.exit(0)


def support_multithreading() -> None:
    """Let several threads use `demisto`: each call waits until the call of another thread has its reply."""
    demisto.enable_multithreading()


def LOG(message: Any) -> None:
    """Write a debug line to the log."""
    demisto.debug(str(message))


LOG.print_log = lambda verbose=False: None  # type: ignore[attr-defined]  # each line is in the log already


def get_integration_name() -> str:
    """Return the name of the integration that runs, or '' in a script."""
    return str(demisto.callingContext.get('context', {}).get('IntegrationBrand') or '')


def get_demisto_version() -> dict[str, Any]:
    """Return the server's version and build number."""
    return dict(demisto.demistoVersion())


def is_demisto_version_ge(version: str, build_number: str = '') -> bool:
    """Return whether the server has at least this version, and at least this build if the versions are equal."""
    own = demisto.demistoVersion()
    given, running = ([int(number) for number in re.findall(r'\d+', text)] for text in (version, str(own.get('version'))))
    if given != running or not build_number:
        return running >= given
    return int(own.get('buildNumber') or 0) >= int(build_number)


def get_integration_context(sync: bool = True, with_version: bool = False) -> Any:
    """Return the integration context, with its version if `with_version` is true."""
    versioned = demisto.getIntegrationContextVersioned(sync)
    return versioned if with_version else versioned.get('context')


def set_integration_context(context: Any, sync: bool = True, version: int = -1) -> Any:
    """Replace the integration context. A `version` that is no longer the current one is an error."""
    return demisto.setIntegrationContextVersioned(context, version, sync)


class _Lazy:
    """A package that the text of CommonServerPython imports: here when a script uses it, for some take long to import."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)


requests, dateparser, urllib3 = (_Lazy(name) for name in ('requests', 'dateparser', 'urllib3'))


def add_sensitive_log_strs(sensitive_str: str) -> None:
    """Do nothing: the local XSOAR masks the secrets that it knows."""


def isCommandAvailable(cmd: str) -> bool:
    """Return whether an enabled instance has a command. Only a script may ask."""
    return any(row.get('name') == cmd for rows in demisto.getAllSupportedCommands().values() for row in rows or [])


def __line__() -> int:
    """Return the line number of the caller."""
    frame = inspect.currentframe()
    caller = frame.f_back if frame else None
    return caller.f_lineno if caller else 0


def register_module_line(module_name: str, start_end: str, line: int, wrapper: int = 0) -> None:
    """Note where a module starts or ends in the unified text. The SDK adds these calls around an integration."""
    _MODULE_LINES.setdefault(module_name, {})[start_end] = line + wrapper
