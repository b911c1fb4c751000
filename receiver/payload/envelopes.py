"""Envelopes: payloads in this project's own form."""
from collections.abc import Sequence
from typing import Any

from msgspec import Raw, defstruct
from msgspec.json import Decoder

from receiver.events.dates import iso_date_to_rfc3339
from receiver.events.rows import SEVERITY_NUMBERS, SEVERITY_WORDS
from receiver.events.scales import text_of
from receiver.events.texts import ERROR_MARKERS, without_error_markers
from receiver.events.tree import Budget
from receiver.payload.details import to_raw_json
from receiver.payload.reading import IncidentDefaults, json_kind
from receiver.problems import BadRequest, TooLarge

TEXT_KEYS = ('name', 'type', 'occurred')
RAW_KEYS = ('raw_json', 'rawJson', 'rawJSON')
DEFAULT_NAME = 'Generic Webhook incident'
# Decoding an object ends at its first key that an envelope does not have: then it is a third-party payload.
ENVELOPE = Decoder(defstruct(
    'Envelope', [(key, Raw, Raw()) for key in (*TEXT_KEYS, 'severity', *RAW_KEYS)], forbid_unknown_fields=True))


MAX_ENVELOPE_TEXT_BYTES = 64 * 1024  # of a name and of a type: nothing needs more, and XSOAR sends them back


def envelope_incident(fields: dict[str, Raw], source: bytes, defaults: IncidentDefaults) -> dict[str, Any]:
    """Return the incident of an envelope. Raise BadRequest, TooLarge.

    `source` is the JSON of the whole envelope; `fields` maps each key to the JSON of its value, empty if it was not sent.
    """
    members = {key: bytes(member) for key, member in fields.items() if member}
    raw_keys = [key for key in RAW_KEYS if key in members]
    if len(raw_keys) > 1:
        raise BadRequest(f"'{raw_keys[0]}' and '{raw_keys[1]}' are the same field: send only one of them.")
    severity = envelope_severity(members['severity']) if 'severity' in members else None
    texts = {key: read_text(key, members[key]) for key in TEXT_KEYS if key in members}
    for key in raw_keys:
        check_kind(key, members[key], ('an object', 'an array'))
    raw_json = members[raw_keys[0]] if raw_keys else source
    return {
        'name': texts.get('name') or DEFAULT_NAME,
        'type': texts.get('type') or without_error_markers(defaults.words.type) or defaults.settings.incident_type,
        'occurred': read_date(texts.get('occurred')) or defaults.occurred,
        'rawJSON': to_raw_json(raw_json),
        **severity_field(severity, defaults),
    }


def severity_field(severity: float | None, defaults: IncidentDefaults) -> dict[str, Any]:
    """Return an incident's field for the severity of the event, or else for the URL's default; {} without either."""
    severity = defaults.words.default_severity if severity is None else severity
    return {} if severity is None else {'severity': severity}


def envelope_severity(member: bytes) -> float | None:
    """Return the severity of an envelope from its JSON, or None for null. Raise BadRequest for an unknown one."""
    value = Budget().open(member)
    severity = (SEVERITY_WORDS if isinstance(value, str) else SEVERITY_NUMBERS).severity(value)
    if severity is None and value is not None:
        allowed_words = ', '.join(SEVERITY_WORDS.by_value)
        raise BadRequest("'severity' is unknown; it must be the number 0, 0.5, 1, 2, 3 or 4, or one of the words "
                         f'{allowed_words}.', found=text_of(value) or json_kind(member))
    return severity


def check_kind(key: str, member: bytes, allowed: Sequence[str]) -> None:
    """Raise BadRequest if an envelope's field, given as JSON, is of none of the allowed kinds."""
    if json_kind(member) not in allowed:
        raise BadRequest(f"'{key}' is {json_kind(member)}; it must be {' or '.join(allowed)}.")


def read_text(key: str, member: bytes) -> str | None:
    """Return the text of an envelope's field from its JSON, or None if it is null. Raise BadRequest, TooLarge."""
    check_kind(key, member, ('a string', 'null'))
    if member == b'null':
        return None
    # read_date rejects an `occurred` of any length with a better message.
    if key != 'occurred' and len(member) > MAX_ENVELOPE_TEXT_BYTES:
        raise TooLarge(f"'{key}' is larger than {MAX_ENVELOPE_TEXT_BYTES // 1024} KiB.")
    text: str = Budget().open(member)
    for marker in ERROR_MARKERS:
        if marker in text:
            raise BadRequest(f"'{key}' must not contain {marker}: XSOAR reads it as an error of its own.")
    return text


ZERO_TIMES = ('0001-01-01T00:00:00Z', '0001-01-01T00:00:00')  # Go and .NET write them for "no time"


MAX_DATE_CHARACTERS = 200  # no date is longer, and Python's message would repeat the whole text


def read_date(text: str | None) -> str:
    """Return an ISO 8601 date as RFC 3339, or '' for None and for a time that means "no time".

    Raise BadRequest if the text is not a date.
    """
    if text is None or text in ZERO_TIMES:
        return ''
    try:
        if len(text) > MAX_DATE_CHARACTERS:
            raise ValueError('it has another format')
        return iso_date_to_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise BadRequest("'occurred' is not an ISO 8601 date; write it like 2026-11-24T10:00:00Z.",
                         found=f'{text[:MAX_DATE_CHARACTERS]} ({error})') from None
