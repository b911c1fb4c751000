"""The parameters of an instance: how its form is filled in, and what of it is secret."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localxsoar.errors import UsageError
from localxsoar.packs.pack import PORT_PARAMETER, Integration

ENCRYPTED, BOOLEAN, CREDENTIALS, ONE_OF, SOME_OF = 4, 8, 9, 15, 16
# What the server keeps of credentials beside the user and the password, for those that are in its own vault.
NOT_IN_THE_VAULT = {'id': '', 'locked': False, 'modified': '0001-01-01T00:00:00Z', 'name': '', 'password': '', 'sortValues': None,
                    'sshkey': '', 'sshkeyPass': '', 'user': '', 'vaultInstanceId': '', 'version': 0, 'workgroup': ''}
SECRET_TYPES = (ENCRYPTED, CREDENTIALS, 14)
SEPARATOR = ' || '  # between the secrets of an encrypted parameter that holds several


def _number(row: Mapping[str, Any], value: str) -> Any:
    if value and not re.fullmatch(r'-?\d+', value.strip()):
        raise UsageError(f'{label_of(row)}: {value!r} is not a whole number.')
    return value.strip()


def _boolean(row: Mapping[str, Any], value: str) -> Any:
    if value.lower() not in ('true', 'false', ''):
        raise UsageError(f'{label_of(row)}: {value!r} is neither true nor false.')
    return value.lower() == 'true'


def _credentials(row: Mapping[str, Any], value: str) -> Any:
    identifier, _, password = value.partition(':')
    if not identifier and not password:
        return {}  # as a form that nobody filled in: scripts ask whether the value is there
    return {'identifier': identifier, 'password': password, 'passwordChanged': False, 'credential': '',
            'credentials': dict(NOT_IN_THE_VAULT)}


def _check_credentials(row: Mapping[str, Any], value: str) -> None:
    """Raise UsageError if the colon is missing, or there is a user before it that the form hides."""
    identifier, colon, _ = value.partition(':')
    if (row.get('hiddenusername') and identifier) or (value and not colon):
        reason = 'the form hides the user' if row.get('hiddenusername') else 'the value has no colon'
        # The value itself may be the secret: it is not in the message.
        raise UsageError(f'{label_of(row)}: {reason}.', f'Write {row["name"]}={expected_of(row)}.')


def _one_of(row: Mapping[str, Any], value: str) -> Any:
    options = [str(option) for option in row.get('options') or []]
    if value and options and value not in options:
        raise UsageError(f'{label_of(row)}: {value!r} is not one of {", ".join(options)}.')
    return value


def _some_of(row: Mapping[str, Any], value: str) -> Any:
    return [_one_of(row, item.strip()) for item in value.split(',') if item.strip()]


# Readers of a parameter's text by the parameter's type in the descriptor; the text of any other type is its value.
READERS: dict[int, Callable[[Mapping[str, Any], str], Any]] = {
    1: _number, BOOLEAN: _boolean, CREDENTIALS: _credentials, ONE_OF: _one_of, SOME_OF: _some_of,
}


def label_of(row: Mapping[str, Any]) -> str:
    """Return a parameter's label in the form, followed by its name."""
    return f"{display_of(row)} ({row['name']})"


def display_of(row: Mapping[str, Any]) -> str:
    """Return a parameter's label in the form. Where the form hides the user of credentials, it is that of the password."""
    password = row.get('displaypassword') if row.get('hiddenusername') else ''
    return str(password or row.get('display') or row['name'])


def expected_of(row: Mapping[str, Any]) -> str:
    """Return the form of a parameter's value on the command line."""
    if int(row.get('type') or 0) != CREDENTIALS:
        return 'VALUE'
    return ':PASSWORD' if row.get('hiddenusername') else 'USER:PASSWORD'


def secrets_that_are_set(integration: Integration, params: Mapping[str, Any]) -> list[str]:
    """Return the labels of the encrypted parameters that have a value."""
    rows = (row for row in integration.parameters if row.get('type') in SECRET_TYPES)
    return [label_of(row) for row in rows if params.get(row['name'])]


def form_text(value: Any) -> str:
    """Return a parameter's value as a person would type it. The API and the page may send any JSON."""
    if isinstance(value, Mapping):
        return f"{value.get('identifier') or ''}:{value.get('password') or ''}"
    if isinstance(value, list):
        return ','.join(map(str, value))
    if isinstance(value, bool):
        return str(value).lower()
    return '' if value is None else str(value)


def fill_form(integration: Integration, given: Mapping[str, str], free_port: Callable[[], int]) -> dict[str, Any]:
    """Return the parameters as `demisto.params()` returns them, None for one that has neither a value nor a default.

    Raise UsageError for a name or value that is wrong, or for those that are missing.
    """
    rows = {row['name']: row for row in integration.parameters}
    visible = {name: row for name, row in rows.items() if not row.get('hidden')}
    for name in given:
        if name not in rows:
            raise UsageError(f'{integration.name} has no parameter {name}. Known: {_known(visible)}.')
        if name not in visible:
            raise UsageError(f'{name} is hidden: an instance cannot set it. Known: {_known(visible)}.')
    defaults = {PORT_PARAMETER: str(free_port())} if integration.has_port and PORT_PARAMETER not in given else {}
    filled = {**defaults, **given}
    _check_required([row for name, row in rows.items() if _is_missing(row, filled.get(name))])
    return {name: _fill(row, filled.get(name)) for name, row in rows.items()}


def doubts_about_defaults(integration: Integration) -> Iterator[str]:
    """Yield a warning for each default that its own parameter does not offer. The server accepts it."""
    for row in integration.parameters:
        options = [str(option) for option in row.get('options') or []]
        values = _text_of(row, None).split(',') if row.get('type') == SOME_OF else [_text_of(row, None)]
        yield from (f'{label_of(row)}: the default {value.strip()!r} is not one of {", ".join(options)}.' for value in values
                    if row.get('type') in (ONE_OF, SOME_OF) and options and value.strip() not in ('', *options))


def describe_form(integration: Integration, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the form's visible rows with their values. For a secret they have only the user, and whether it is set."""
    rows = [row for row in integration.parameters if not row.get('hidden')]
    return [{'name': row['name'], 'label': display_of(row), 'help': str(row.get('additionalinfo') or ''),
             'hidesUser': bool(row.get('hiddenusername')), 'password': str(row.get('displaypassword') or 'password'),
             'kind': int(row.get('type') or 0), 'required': bool(row.get('required')), 'options': row.get('options') or [],
             'secret': row.get('type') in SECRET_TYPES, **_shown(row, params.get(row['name']))} for row in rows]


def _shown(row: Mapping[str, Any], value: Any) -> dict[str, Any]:
    if row.get('type') not in SECRET_TYPES:
        return {'set': bool(value), 'value': '' if value is None else value}
    is_pair = isinstance(value, dict)
    return {'set': bool(value.get('password') if is_pair else value), 'value': value.get('identifier', '') if is_pair else None}


def field_in(integration: Integration, text: str) -> str:
    """Return the name of the parameter whose label is in a message, or ''."""
    # The longest label first, because one label may be part of another.
    rows = sorted(integration.parameters, key=lambda row: -len(display_of(row)))
    return next((str(row['name']) for row in rows if display_of(row) != row['name'] and display_of(row) in text), '')


def container_port(params: Mapping[str, Any]) -> int | None:
    """Return the port that the container listens on, from `PORT` or `HOST_PORT:CONTAINER_PORT`, or None."""
    text = str(params.get(PORT_PARAMETER) or '').rpartition(':')[2].strip()
    port = int(text) if re.fullmatch(r'\d{1,5}', text) else 0
    return port if 0 < port < 65536 else None


def masked_params(integration: Integration, params: Mapping[str, Any], mask: str) -> dict[str, Any]:
    """Return the parameters with a mask in place of each secret that is set."""
    secret = {row['name'] for row in integration.parameters if row.get('type') in SECRET_TYPES}
    return {name: mask if name in secret and value else value for name, value in params.items()}


def secret_values(integration: Integration, params: Mapping[str, Any]) -> list[str]:
    """Return the values of the encrypted parameters, and the parts of each that holds several secrets."""
    texts = encrypted_texts(integration, params)
    return list(dict.fromkeys(secret for text in texts for secret in (text, *parts_of(text))))


def encrypted_texts(integration: Integration, params: Mapping[str, Any]) -> list[str]:
    """Return the values of the encrypted parameters that have one."""
    values = [params.get(row['name']) for row in integration.parameters if row.get('type') in SECRET_TYPES]
    texts = [value.get('password') if isinstance(value, dict) else value for value in values]
    return [str(text) for text in texts if text]


def parts_of(text: str) -> list[str]:
    """Return the secrets in an encrypted text, at least one: `new || old` holds two."""
    return [part for part in text.split(SEPARATOR) if part] or [text]


def _known(rows: Mapping[str, Mapping[str, Any]]) -> str:
    return ', '.join(f'{name} ({display_of(row)})' for name, row in rows.items()) or 'none'


def _text_of(row: Mapping[str, Any], given: str | None) -> str:
    """Return a parameter's text: the given one or the default."""
    default = row.get('defaultvalue')
    return given if given is not None else '' if default is None else str(default)


def _is_missing(row: Mapping[str, Any], given: str | None) -> bool:
    """Return whether a parameter that is required has neither a value nor a default."""
    kind, value = int(row.get('type') or 0), _text_of(row, given).strip()
    return bool(row.get('required')) and kind != BOOLEAN and (not value or (kind == CREDENTIALS and value == ':'))


def _check_required(missing: list[Mapping[str, Any]]) -> None:
    """Raise UsageError for all parameters that are missing."""
    if missing:
        verb, what = ('is', 'it') if len(missing) == 1 else ('are', 'them')
        raise UsageError(f'{" and ".join(map(label_of, missing))} {verb} required.', f'Set {what} with '
                         + ' '.join(f'--set {row["name"]}={expected_of(row)}' for row in missing) + '.')


def _fill(row: Mapping[str, Any], given: str | None) -> Any:
    """Return one parameter's value, from its text or its default. Raise UsageError if it is wrong."""
    kind, value = int(row.get('type') or 0), _text_of(row, given)
    if given is None and row.get('defaultvalue') is None and kind not in (BOOLEAN, CREDENTIALS):
        return None
    if given is None and kind in (ONE_OF, SOME_OF):  # a default need not be one of the options
        row = {**row, 'options': []}
    if kind == CREDENTIALS:
        _check_credentials(row, given or '')
    return READERS[kind](row, value) if kind in READERS else value
