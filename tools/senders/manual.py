"""Writes the tables of the integration's manual from its descriptor, and that of the words of severities from its script."""
from __future__ import annotations

import re
from typing import Any

import yaml

from shared import ROOT
from tools.senders.folders import Folder
from tools.senders.guides import SEVERITIES

DESCRIPTOR = ROOT / 'Packs/GenericWebhook/Integrations/GenericWebhook/GenericWebhook.yml'


def parameters(_: dict[str, Folder]) -> str:
    """Return the table of the parameters that the form shows, indented as a part of a step."""
    shown = [each for each in descriptor()['configuration'] if not each.get('hidden')]
    lines = table(['Parameter', 'Name', 'Description', 'Required'],
                  [[each['display'], each['name'], each['additionalinfo'], str(each['required'])] for each in shown])
    return '\n'.join(f'    {line}' for line in lines)


def arguments(_: dict[str, Folder]) -> str:
    """Return the table of the command's arguments."""
    rows = [[each['name'], described(each), 'Optional'] for each in command()['arguments']]
    return '\n'.join(table(['Argument Name', 'Description', 'Required'], rows))


def outputs(_: dict[str, Folder]) -> str:
    """Return the table of the command's outputs."""
    rows = [[each['contextPath'], each['type'], each['description']] for each in command()['outputs']]
    return '\n'.join(table(['Path', 'Type', 'Description'], rows))


def described(argument: dict[str, Any]) -> str:
    """Return the description of an argument as the SDK writes it."""
    values = f'Possible values are: {", ".join(argument["predefined"])}. ' if 'predefined' in argument else ''
    return f'{argument["description"]} {values}Default is {argument["defaultValue"]}.'


def descriptor() -> Any:
    """Return the descriptor of the integration."""
    return yaml.safe_load(DESCRIPTOR.read_text('utf-8'))


def command() -> Any:
    """Return the only command."""
    [only] = descriptor()['script']['commands']
    return only


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a table in Markdown."""
    cells = [[f'**{name}**' for name in header], ['---'] * len(header), *rows]
    return [f'| {" | ".join(row)} |' for row in cells]


def severity_words(_: dict[str, Folder]) -> str:
    """Return the table of the words that mean a severity: SEVERITY_WORDS of the script."""
    numbers = {name: f'{number:g}' for number, name in SEVERITIES.items()}
    script = DESCRIPTOR.with_suffix('.py').read_text('utf-8')
    scale, = re.findall(r"SEVERITY_WORDS = scale_of\('''(.*?)'''", script, re.DOTALL)
    parts = [part.strip().partition('=') for part in scale.split(',')]
    return '\n'.join(table(['severity', 'words'], [[numbers[name], words.replace('|', ', ')] for name, _, words in parts]))
