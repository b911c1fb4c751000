"""Dates: from arguments and ranges such as `3 days`, and to the texts that the server takes."""
import time
from datetime import datetime, timedelta, timezone
from typing import Any

# A script that imports the module datetime puts it in the place of the class.
_datetime, _timedelta, _utc = datetime, timedelta, timezone.utc
_MILLISECONDS_FROM = 2_000_000_000  # a larger timestamp counts milliseconds: in seconds, this is the year 2033
_RANGE_UNITS = {'minute': 60, 'hour': 3600, 'day': 86400, 'week': 604800, 'month': 30 * 86400, 'year': 365 * 86400}


def get_current_time(time_zone: Any = timezone.utc) -> Any:
    """Return the present time, in UTC unless another time zone is given."""
    return _datetime.now(_utc if isinstance(time_zone, int) else time_zone)


def arg_to_datetime(arg: Any, arg_name: Any = None, is_utc: bool = True, required: bool = False, settings: Any = None) -> Any:
    """Return a datetime from a timestamp or from a text such as `3 days` or `2024-01-31T12:00:00Z`.

    Return None if it is missing and not required. Raise ValueError for any other text.
    """
    if arg is None or arg == '':
        if required:
            raise ValueError(f'Missing "{arg_name}"' if arg_name else 'Missing a required argument')
        return None
    if isinstance(arg, (int, float)) or (isinstance(arg, str) and arg.strip().isdigit()):
        number = float(arg)
        seconds = number / 1000 if number > _MILLISECONDS_FROM else number
        return _datetime.fromtimestamp(seconds, _utc) if is_utc else _datetime.fromtimestamp(seconds)
    import dateparser  # type: ignore[import-untyped]  # it takes long to import, and few commands need it
    name = f'"{arg_name}"="{arg}"' if arg_name else f'"{arg}"'
    if not isinstance(arg, str):
        raise ValueError(f'Invalid date: {name}')
    found = dateparser.parse(arg, settings={**({'TIMEZONE': 'UTC'} if is_utc else {}), **(settings or {})})
    if found is None:
        raise ValueError(f'Invalid date: {name}')
    return found


def arg_to_timestamp(arg: Any, arg_name: Any = None, required: bool = False) -> Any:
    """Return the seconds since 1970 for a timestamp or a date in text."""
    found = arg_to_datetime(arg, arg_name, required=required)
    return None if found is None else int(found.timestamp())


def timestamp_to_datetime(timestamp: Any, is_utc: bool = False) -> Any:
    """Return the datetime of a timestamp in milliseconds, without its time zone."""
    seconds = int(timestamp) / 1000
    return _datetime.fromtimestamp(seconds, _utc).replace(tzinfo=None) if is_utc else _datetime.fromtimestamp(seconds)


def timestamp_to_datestring(timestamp: Any, date_format: str = '%Y-%m-%dT%H:%M:%S.000Z', is_utc: bool = False) -> str:
    """Return the text of a timestamp in milliseconds, in UTC if the format ends with Z."""
    return str(timestamp_to_datetime(timestamp, is_utc or date_format.endswith('Z')).strftime(date_format))


def date_to_timestamp(date_str_or_dt: Any, date_format: str = '%Y-%m-%dT%H:%M:%S') -> int:
    """Return the milliseconds since 1970 of a local date in text, or of a datetime."""
    is_text = isinstance(date_str_or_dt, str)
    parsed = time.strptime(date_str_or_dt, date_format) if is_text else date_str_or_dt.timetuple()
    return int(time.mktime(parsed) * 1000)


def datetime_to_string(datetime_obj: Any) -> str:
    """Return a datetime as text in UTC, with milliseconds."""
    moment = datetime_obj.astimezone(_utc) if datetime_obj.tzinfo else datetime_obj
    return f"{moment.strftime('%Y-%m-%dT%H:%M:%S')}.{moment.microsecond // 1000:03}Z"


def FormatIso8601(t: Any) -> str:
    """Return a datetime as ISO 8601 text without a time zone."""
    return str(t.strftime('%Y-%m-%dT%H:%M:%S'))


def parse_date_range(date_range: str, date_format: Any = None, to_timestamp: bool = False, timezone: int = 0,
                     utc: bool = True) -> tuple[Any, Any]:
    """Return the start and the end of a range such as `3 days`, which ends now: datetimes, texts or milliseconds."""
    number, unit = [*date_range.strip().split(' '), ''][:2]
    seconds = _RANGE_UNITS.get(unit.rstrip('s'))
    if not number.isdigit() or seconds is None:
        raise ValueError(f'{date_range!r} is not a range such as 3 days: NUMBER minutes, hours, days, weeks, months or years.')
    end = (_datetime.now(_utc).replace(tzinfo=None) if utc else _datetime.now()) + _timedelta(hours=timezone)
    start = end - _timedelta(seconds=int(number) * seconds)
    if to_timestamp:
        return date_to_timestamp(start), date_to_timestamp(end)
    return (start.strftime(date_format), end.strftime(date_format)) if date_format else (start, end)


def parse_date_string(date_string: str, date_format: str = '%Y-%m-%dT%H:%M:%S') -> Any:
    """Return a naive datetime from a date in ISO 8601, whatever its fraction and time zone, or in the format."""
    try:
        return _datetime.strptime(date_string, date_format)
    except ValueError:
        import dateparser
        found = dateparser.parse(date_string)
        if found is None:
            raise
        return found.replace(tzinfo=None)
