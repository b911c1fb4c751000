"""Arguments and results of the commands that mirror incidents, and the schema of a remote system's fields."""
from typing import Any

import demistomock as demisto

from localxsoar.common.base import EntryFormat, EntryType


class SchemeTypeMapping:
    """The fields of one incident type of a remote system, with their descriptions."""

    def __init__(self, type_name: str = '', fields: Any = None) -> None:
        self.type_name = type_name
        self.fields: dict[str, Any] = fields or {}

    def add_field(self, name: str, description: str = '') -> None:
        self.fields[name] = description

    def extract_mapping(self) -> dict[str, Any]:
        return {self.type_name: self.fields}


class GetMappingFieldsResponse:
    """The result of get-mapping-fields: the schema of each incident type."""

    def __init__(self, scheme_types_mapping: Any = None) -> None:
        given = scheme_types_mapping or []
        self.scheme_types_mappings = list(given) if isinstance(given, (list, tuple)) else [given]

    def add_scheme_type(self, scheme_type_mapping: SchemeTypeMapping) -> None:
        self.scheme_types_mappings.append(scheme_type_mapping)

    def extract_mapping(self) -> dict[str, Any]:
        """Return the fields by incident type."""
        return {mapping.type_name: mapping.fields for mapping in self.scheme_types_mappings}


class GetRemoteDataArgs:
    """The arguments of get-remote-data."""

    def __init__(self, args: dict[str, Any]) -> None:
        self.remote_incident_id = args['id']
        self.last_update = args['lastUpdate']


class GetRemoteDataResponse:
    """The result of get-remote-data: the incident as the remote system has it, and new entries."""

    def __init__(self, mirrored_object: Any, entries: Any) -> None:
        self.mirrored_object = mirrored_object
        self.entries = entries

    def extract_for_local(self) -> list[Any]:
        """Return the incident, if it has changed, and after it the entries."""
        return [*([self.mirrored_object] if self.mirrored_object else []), *(self.entries or [])] or [{}]


class GetModifiedRemoteDataArgs:
    """The arguments of get-modified-remote-data."""

    def __init__(self, args: dict[str, Any]) -> None:
        self.last_update = args['lastUpdate']


class GetModifiedRemoteDataResponse:
    """The result of get-modified-remote-data: the ids of the incidents that have changed."""

    def __init__(self, modified_incident_ids: Any = None, modified_incident_entries: Any = None) -> None:
        self.modified_incident_ids = modified_incident_ids or []
        self.modified_incident_entries = modified_incident_entries

    def to_entry(self) -> dict[str, Any]:
        contents = self.modified_incident_entries or self.modified_incident_ids
        return {'Contents': contents, 'Type': EntryType.NOTE, 'ContentsFormat': EntryFormat.JSON}


def get_last_mirror_run() -> dict[str, Any]:
    """Return what the last run of mirroring left."""
    return demisto.getLastMirrorRun() or {}


def set_last_mirror_run(last_mirror_run: dict[str, Any]) -> None:
    """Keep something for the next run of mirroring."""
    demisto.setLastMirrorRun(last_mirror_run)


class UpdateRemoteSystemArgs:
    """The arguments of update-remote-system."""

    def __init__(self, args: dict[str, Any]) -> None:
        self.data = args.get('data')
        self.entries = args.get('entries')
        self.incident_changed = args.get('incidentChanged')
        self.remote_incident_id = args.get('remoteId')
        self.inc_status = args.get('status')
        self.delta = args.get('delta')
