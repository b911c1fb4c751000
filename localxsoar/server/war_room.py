"""The War Room of an incident or of the playground: its entries, its files and its context."""
from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from localxsoar.containers.commands import USER
from localxsoar.errors import UsageError
from localxsoar.incidents.entries import OUTPUTS, PLAYGROUND
from localxsoar.incidents.files import describe_file
from localxsoar.terminal.printer import Printer
from localxsoar.incidents.context import NotUnderstood, add_outputs, delete_value, dig, set_value
from localxsoar.incidents.store import Store

NOTE = 1
ARGUMENT = re.compile(r'([\w.-]+)=(.*)', re.DOTALL)
# The types of indicators by that of a DBotScore, where they differ by more than a capital.
INDICATOR_TYPES = {'ip': 'IP', 'ipv6': 'IPv6', 'url': 'URL', 'cve': 'CVE', 'cidr': 'CIDR', 'domainglob': 'DomainGlob'}
FILE_PATHS = {3: 'File', 9: 'InfoFile'}  # where the context has a file, by its entry's type


class WarRoom:
    """One War Room in the store."""

    def __init__(self, store: Store, printer: Printer, investigation: str = PLAYGROUND) -> None:
        self._store = store
        self._printer = printer
        self.investigation = investigation

    def context(self) -> dict[str, Any]:
        return dict(self._store.kept(self.investigation, OUTPUTS)[0])

    def set_context(self, path: str, value: Any) -> None:
        context = self.context()
        set_value(context, path, value)
        self._store.keep(self.investigation, OUTPUTS, context)

    def delete_context(self, args: Mapping[str, Any]) -> None:
        """Delete the part of the context at `key`, or all of it but `keysToKeep`."""
        context = self.context()
        if args.get('key') and args.get('all') != 'yes':
            for key in str(args['key']).split(','):
                delete_value(context, key)
        else:
            whole, context = context, {}
            for key in str(args.get('keysToKeep') or '').split(','):
                if (value := dig(whole, key.strip().split('.'))) is not None:
                    set_value(context, key, value)
        self._store.keep(self.investigation, OUTPUTS, context)

    def add(self, entry: Mapping[str, Any]) -> str:
        """Keep an entry and add its outputs and its file to the context. Return the entry's id."""
        number = self._store.add_entry(self.investigation, dict(entry))
        outputs = dict(entry.get('EntryContext') or {})
        file = self._store.file(str(entry.get('FileID') or ''))
        if file and entry.get('Type') in FILE_PATHS:
            outputs[f"{FILE_PATHS[entry['Type']]}(val.EntryID == obj.EntryID)"] = {**describe_file(*file), 'EntryID': number}
        if outputs:
            self.add_outputs(outputs)
            self._add_indicators(outputs)
        return number

    def _add_indicators(self, outputs: Mapping[str, Any]) -> None:
        """Keep the indicators that have a DBotScore in outputs, with the worst score that any vendor gave."""
        scores = [value for path, value in outputs.items() if path.partition('(')[0].strip() == 'DBotScore']
        for score in [each for value in scores for each in (value if isinstance(value, list) else [value])]:
            if not isinstance(score, dict) or not isinstance(score.get('Indicator'), str) or not score['Indicator']:
                continue
            kind = str(score.get('Type') or '')
            found = self._store.search_indicators({'value': score['Indicator']})['iocs']
            known = found[0] if found else {'type': INDICATOR_TYPES.get(kind.lower(), kind.capitalize())}
            worst = max(each for each in (score.get('Score'), known.get('score'), 0) if isinstance(each, (int, float)))
            seen_in = {'investigationIDs': sorted({*known.get('investigationIDs', []), self.investigation})}
            self._store.add_indicators([{**known, **seen_in, 'value': score['Indicator'], 'score': worst}], '',
                                       str(score.get('Vendor') or ''))

    def add_outputs(self, outputs: Mapping[str, Any]) -> None:
        """Let outputs by their paths join the context."""
        context = self.context()
        for path, value in outputs.items():
            try:
                add_outputs(context, path, value)
            except NotUnderstood as error:
                self._printer.alarm(f'The output {path} is not kept: the local XSOAR does not understand {error} in its path.')
        self._store.keep(self.investigation, OUTPUTS, context)

    def entries(self) -> list[dict[str, Any]]:
        """Return all entries in the form of the API."""
        return [self.shown(kept['id'], kept['contents']) for kept in self._store.entries(self.investigation)]

    def shown(self, number: str, entry: Any, command_text: str = '') -> dict[str, Any]:
        """Return an entry in the form of the API. One that `addEntry` added is only its text."""
        fields = entry if isinstance(entry, dict) else {'Contents': entry}
        contents = fields.get('HumanReadable') or fields.get('Contents')
        text = contents if isinstance(contents, str) else json.dumps(contents, indent=2)
        return {'id': number, 'investigationId': self.investigation, 'contents': text, 'type': fields.get('Type') or NOTE,
                'format': fields.get('ContentsFormat') or 'text', 'parentContent': command_text, 'user': USER['id'],
                **({'file': fields['File'], 'fileID': fields.get('FileID')} if fields.get('File') else {})}


def parse_command(text: str) -> tuple[str, dict[str, str]]:
    """Return the command and arguments in a text of the War Room. Raise UsageError if it has none.

    A value without a name gets the name ''.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f'{text!r} is not a command: {error}') from None
    if not words or not words[0].startswith('!'):
        raise UsageError(f'The local XSOAR runs commands in the form !command name="value", not {text!r}.')
    pairs = [ARGUMENT.fullmatch(word) for word in words[1:]]
    args = {pair[1] if pair else '': pair[2] if pair else word for word, pair in zip(words[1:], pairs, strict=True)}
    return words[0][1:], args
