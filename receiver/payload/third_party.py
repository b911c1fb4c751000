"""Incidents of third-party events."""
import time
from typing import Any

from receiver.events.event import ThirdPartyEvent
from receiver.payload.details import to_raw_json
from receiver.payload.envelopes import DEFAULT_NAME, severity_field
from receiver.payload.reading import IncidentDefaults


def third_party_incident(source: bytes, event: ThirdPartyEvent, defaults: IncidentDefaults) -> dict[str, Any]:
    """Return the incident of a third-party event, given as JSON and as a ThirdPartyEvent. Raise TooLarge.

    The rawJSON includes the headers of the request, since often only a header names the kind of event; but none are added to an
    event that has a member `headers`.
    """
    headers = b'' if 'headers' in event.members else defaults.kept_headers_json
    return {
        'name': event.name() or DEFAULT_NAME,
        'type': event.incident_type(defaults.words.type, defaults.settings.incident_type),
        'occurred': event.occurred(time.time()) or defaults.occurred,
        'rawJSON': to_raw_json(source, headers),
        **with_problem(severity_field(event.severity.value, defaults), event.problem_key(), event.is_recovery),
    }


def with_problem(fields: dict[str, Any], key: str, is_recovery: bool) -> dict[str, Any]:
    """Return fields of an incident with those that say which problem it belongs to, and whether it reports the end of that.

    Only what is certain or set by the URL is there: a wrong key joins two problems. `key` is '' if none is certain.
    """
    labels = [{'type': 'state', 'value': 'resolved'}] if is_recovery else []
    if key:
        fields = {**fields, 'dbotMirrorId': key}
        labels.append({'type': 'problem', 'value': key})  # no document says that every server keeps dbotMirrorId
    return {**fields, 'labels': labels} if labels else fields
