"""Results of commands: entries of the War Room, files, and the entries of other commands."""
import functools
from typing import Any

import demistomock as demisto

from localxsoar.common.arguments import argToBoolean
from localxsoar.common.base import DemistoException, EntryFormat, EntryType, _dumps
from localxsoar.common.markdown import tableToMarkdown


class CommandResults:
    """The result of a command: readable text, and outputs for the context under `outputs_prefix`."""

    def __init__(self, outputs_prefix: Any = None, outputs_key_field: Any = None, outputs: Any = None, indicators: Any = None,
                 readable_output: Any = None, raw_response: Any = None, indicators_timeline: Any = None, indicator: Any = None,
                 ignore_auto_extract: bool = False, mark_as_note: bool = False, scheduled_command: Any = None,
                 relationships: Any = None, entry_type: int = EntryType.NOTE, content_format: Any = None,
                 execution_metrics: Any = None, replace_existing: bool = False, tags: Any = None) -> None:
        if indicators and indicator:
            raise ValueError('CommandResults takes indicators or indicator, not both.')
        self.outputs_prefix = outputs_prefix
        self.outputs_key_field = outputs_key_field
        self.outputs = outputs
        self.indicators = indicators
        self.indicator = indicator
        self.readable_output = readable_output
        self.raw_response = raw_response
        self.indicators_timeline = indicators_timeline
        self.ignore_auto_extract = ignore_auto_extract
        self.mark_as_note = mark_as_note
        self.scheduled_command = scheduled_command
        self.relationships = relationships
        self.entry_type = entry_type
        self.content_format = content_format or EntryFormat.JSON
        self.replace_existing = replace_existing
        self.tags = tags

    def to_context(self) -> dict[str, Any]:
        """Return the entry for demisto.results."""
        contents = self.raw_response if self.raw_response is not None else self.outputs
        readable = self.readable_output
        if readable is None and self.outputs is not None:
            readable = tableToMarkdown('Results', self.outputs)
        entry = {
            'Type': self.entry_type,
            'ContentsFormat': self.content_format,
            'Contents': contents if contents is not None else readable,
            'HumanReadable': readable,
            'EntryContext': self._entry_context(),
            'IndicatorTimeline': self.indicators_timeline or [],
            'IgnoreAutoExtract': self.ignore_auto_extract,
            'Note': self.mark_as_note,
            'Relationships': [relation.to_entry() for relation in self.relationships or []],
        }
        if self.tags:
            entry['Tags'] = self.tags
        return {**entry, **(self.scheduled_command.to_results() if self.scheduled_command else {})}

    def _entry_context(self) -> dict[str, Any]:
        """Return the outputs and the indicators by their paths. Indicators with the same path become a list."""
        context: dict[str, Any] = {}
        for indicator in self.indicators or ([self.indicator] if self.indicator else []):
            for path, value in indicator.to_context().items():
                context.setdefault(path, []).append(value)
        if self.outputs is None:
            return context
        if not self.outputs_prefix:
            return {**context, **(self.outputs if isinstance(self.outputs, dict) else {})}
        keys = [self.outputs_key_field] if isinstance(self.outputs_key_field, str) else self.outputs_key_field or []
        conditions = ['true'] if self.replace_existing else [f'val.{key} && val.{key} == obj.{key}' for key in keys if key]
        condition = ' && '.join(conditions)
        return {**context, f'{self.outputs_prefix}({condition})' if condition else self.outputs_prefix: self.outputs}


class ScheduledCommand:
    """A command that the server runs again after some seconds, until the timeout."""

    def __init__(self, command: str, next_run_in_seconds: int, args: Any = None, timeout_in_seconds: Any = None,
                 items_remaining: int = 0) -> None:
        self.command = command
        self.next_run_in_seconds = next_run_in_seconds
        self.args = args
        self.timeout_in_seconds = timeout_in_seconds
        self.items_remaining = items_remaining

    @staticmethod
    def raise_error_if_not_supported() -> None:
        """Do nothing: this server supports scheduled commands."""

    def to_results(self) -> dict[str, Any]:
        """Return the fields of an entry that schedule the command."""
        fields = {'PollingCommand': self.command, 'NextRun': str(self.next_run_in_seconds), 'PollingArgs': self.args,
                  'Timeout': str(self.timeout_in_seconds or ''), 'PollingItemsRemaining': self.items_remaining}
        return {key: value for key, value in fields.items() if value not in (None, '')}


class PollResult:
    """What one run of a polling function found: the response, and whether to run again, with which arguments."""

    def __init__(self, response: Any, continue_to_poll: Any = False, args_for_next_run: Any = None,
                 partial_result: Any = None) -> None:
        self.response = response
        self.continue_to_poll = continue_to_poll
        self.args_for_next_run = args_for_next_run
        self.partial_result = partial_result


class BaseWidget:
    """What a script of a widget returns: a subclass has `to_display`, and the annotations of integrations name the class."""


class TextWidget(BaseWidget):
    """A text, or its Markdown, on a dashboard."""

    def __init__(self, text: str) -> None:
        self.text = text

    def to_display(self) -> Any:
        return self.text


class NumberWidget(BaseWidget):
    """A number on a dashboard."""

    def __init__(self, number: int) -> None:
        self.number = number

    def to_display(self) -> Any:
        return self.number


class TableOrListWidget(BaseWidget):
    """Rows on a dashboard."""

    def __init__(self, data: Any = None) -> None:
        self.data: list[Any] = []
        self.add_row(data)

    def add_row(self, data: Any) -> None:
        self.data += data if isinstance(data, list) else [data] if data else []

    def to_display(self) -> Any:
        return _dumps({'total': len(self.data), 'data': self.data})


def polling_function(name: str, interval: int = 30, timeout: int = 600, poll_message: str = 'Fetching Results:',
                     polling_arg_name: str = 'polling', requires_polling_arg: bool = True) -> Any:
    """Decorate a function of a command that takes its arguments first and returns a PollResult: the server runs it again."""
    def decorate(func: Any) -> Any:
        @functools.wraps(func)
        def polled(args: Any, *others: Any, **options: Any) -> Any:
            found = func(args, *others, **options)
            again = found.continue_to_poll() if callable(found.continue_to_poll) else found.continue_to_poll
            if not again or (requires_polling_arg and not argToBoolean(args.get(polling_arg_name) or False)):
                return found.response
            following = {**(found.args_for_next_run or args), 'hide_polling_output': True}
            scheduled = ScheduledCommand(name, int(args.get('interval_in_seconds') or interval), following,
                                         int(args.get('timeout') or timeout))
            partial = found.partial_result or CommandResults(
                readable_output='' if args.get('hide_polling_output') else poll_message)
            partial.scheduled_command = scheduled
            return partial
        return polled
    return decorate


def _entry_of(result: Any) -> Any:
    """Return what demisto.results takes for a result: an object of this file has a method that makes an entry of it."""
    for method in ('to_context', 'to_entry', 'extract_mapping', 'extract_for_local', 'to_display'):
        if hasattr(result, method):
            return getattr(result, method)()
    return result


def return_results(results: Any) -> None:
    """Send results to the War Room: text, an entry, an object with `to_context`, or a list of these."""
    if results is None:
        demisto.results(None)
        return
    for result in results if isinstance(results, list) else [results]:
        demisto.results(_entry_of(result))


def return_outputs(readable_output: Any, outputs: Any = None, raw_response: Any = None, timeline: Any = None,
                   ignore_auto_extract: bool = False) -> None:
    """Send one entry: readable text, outputs by their paths, and the raw response."""
    contents = raw_response if raw_response is not None else outputs
    demisto.results({'Type': EntryType.NOTE, 'HumanReadable': readable_output, 'IgnoreAutoExtract': ignore_auto_extract,
                     'ContentsFormat': EntryFormat.JSON if contents is not None else EntryFormat.TEXT,
                     'Contents': contents if contents is not None else readable_output,
                     'EntryContext': outputs, 'IndicatorTimeline': timeline or []})


def fileResult(filename: str, data: Any, file_type: Any = None) -> dict[str, Any]:
    """Write a file where the server collects it, and return its entry."""
    identifier = demisto.uniqueFile()
    with open(f"{demisto.investigation()['id']}_{identifier}", 'wb') as file:
        file.write(data.encode() if isinstance(data, str) else data)
    return {'Contents': '', 'ContentsFormat': EntryFormat.TEXT, 'Type': file_type or EntryType.FILE,
            'File': filename, 'FileID': identifier}


def isError(entry: Any) -> bool:
    """Return whether an entry is an error."""
    return isinstance(entry, dict) and entry.get('Type') == EntryType.ERROR


def is_error(execute_command_result: Any) -> bool:
    """Return whether an entry, or any entry of a list, is an error."""
    return any(map(isError, execute_command_result if isinstance(execute_command_result, list) else [execute_command_result]))


def get_error(execute_command_result: Any) -> str:
    """Return the texts of the errors in entries. Raise ValueError if there is none."""
    entries = execute_command_result if isinstance(execute_command_result, list) else [execute_command_result]
    texts = [str(entry['Contents']) for entry in entries if isError(entry)]
    if not texts:
        raise ValueError('These entries contain no error.')
    return '\n'.join(texts)


def execute_command(command: str, args: Any, extract_contents: bool = True, fail_on_error: bool = True) -> Any:
    """Run another command and return the contents of its entries, or its entries. An error ends this command, too."""
    entries = demisto.executeCommand(command, args)
    if is_error(entries):
        text = f'Failed to execute {command}. Error details:\n{get_error(entries)}'
        if fail_on_error:
            raise DemistoException(text)
        return False, get_error(entries)
    contents = [entry.get('Contents', {}) for entry in entries or [] if isinstance(entry, dict) and entry.get('Type')]
    found: Any = entries if not extract_contents else contents[0] if len(contents) == 1 else contents
    return found if fail_on_error else (True, found)


def logger(func: Any) -> Any:
    """Decorate a function so that each call of it is a debug line of the log."""
    @functools.wraps(func)
    def logged(*args: Any, **kwargs: Any) -> Any:
        demisto.debug(f'calling {func.__name__}({_dumps([args, kwargs], default=str)})')
        return func(*args, **kwargs)
    return logged


def appendContext(key: str, data: Any, dedup: bool = False) -> None:
    """Add to a key of the context: an object's fields to an object, items to a list, a text to a text, or set an empty one."""
    known = demisto.get(demisto.context(), key)
    if isinstance(known, dict) and isinstance(data, dict):
        new: Any = {**known, **data}
    elif isinstance(known, str) and isinstance(data, str):
        new = f'{known},{data}'
    else:
        new = [*(known if isinstance(known, list) else [known]), *(data if isinstance(data, list) else [data])] if known else data
    if dedup and isinstance(new, list):
        new = [each for number, each in enumerate(new) if each not in new[:number]]
    demisto.setContext(key, new)
