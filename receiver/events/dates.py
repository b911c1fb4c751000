"""Dates and times as Unix times."""
import re
from datetime import datetime, timezone

from receiver.problems import utc_text

RFC3339 = re.compile(r'(?a)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:[0-5]\d)')
# fromisoformat accepts any character between date and time: it would read the number 17101204010 as 1710-12-04.
ISO_DATE = re.compile(r'(?a)(?:\d{4}-?\d\d-?\d\d|\d{4}-?W\d\d(?:-?\d)?)(?:[T ].*)?')


def iso_date_to_rfc3339(text: str, earliest: float = float('-inf'), latest: float = float('inf')) -> str:
    """Return an ISO 8601 date in RFC 3339. Dates in RFC 3339 are unchanged, even with an offset: `2026-11-24T10:00:00+01:00`.

    Others are converted to UTC (`2026-11-24 10:00+01:00` -> `2026-11-24T09:00:00Z`), and one without an offset is read as UTC.
    Raise ValueError or OverflowError if it is not a date between `earliest` and `latest` (Unix time in seconds).
    """
    is_rfc3339, iso_date = RFC3339.fullmatch(text), text.strip().upper()  # `t`, `w` and `z` are valid, too
    if not is_rfc3339 and not ISO_DATE.fullmatch(iso_date):
        raise ValueError('it has another format')
    date = datetime.fromisoformat(iso_date)
    date = date.replace(tzinfo=date.tzinfo or timezone.utc)
    if not earliest <= date.timestamp() <= latest:
        raise ValueError('it is too early or too late')
    return text if is_rfc3339 else date.astimezone(timezone.utc).isoformat().replace('+00:00', 'Z')


# Dates that are not in ISO 8601. Two-digit years and names of zones such as CST are left out, because they are ambiguous.
CLOCK = r'(?P<hour>\d\d?)(?P<minutes>:\d\d(?::\d\d(?:\.\d+)?)?)(?: (?P<half>[AP]M))?(?P<offset>[+-]\d\d:?\d\d)?'
# `Tue Nov 24 09:00:00 2026` and `Tue Nov 24 09:00:00 UTC 2026`
YEAR_LAST = re.compile(r'(?ai)[A-Z]{3} ([A-Z]{3}) (\d\d?) (\S+(?: [AP]M)?)(?: UTC| GMT)? (\d{4})')
# `Tue, 24 Nov 2026 09:00:00+0000`, `24/Nov/2026:09:00:00+0000`, `11/24/2026 9:00:00 AM` and `24-11-2026 09:00`
OTHER_DATE = re.compile(
    rf'(?ai)(?:[A-Z]{{3}}, )?(?P<day>\d\d?)(?P<mark>[ /-])(?P<month>[A-Z]{{3}}|\d\d?)(?P=mark)(?P<year>\d{{4}})[ :]{CLOCK}')
# 1764000000, 1764000000123 or 1764000000.123; or 1.764e+18, as some senders write nanoseconds
UNIX_TIME = re.compile(r'(?a)\d{9,19}(\.\d*)?|\d\.\d+[eE]\+?\d\d?')
ZONE = re.compile(r'(?a)[zZ]\Z|[+-]\d\d:?\d\d\Z|\b(?:UTC|GMT)\b', re.IGNORECASE)
CALENDAR_DATE = re.compile(r'(?a)\d{4}([-./])\d\d\1\d\d')
TIME_ALONE = re.compile(r'(?a)\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?')


def other_date_to_iso(text: str) -> str:
    """Return a date that OTHER_DATE matches, or one such as `2026/11/24 09:00 UTC`, in ISO 8601.

    Return any other text with no more changes than fromisoformat needs: without ` UTC` at its end, or a space before an offset.
    Raise ValueError if day and month could change places: `3/4/2026` may be in March or April, `3/24/2026` is in March. Raise
    it, too, if no month has the name, or if the hour before AM or PM does not exist. Other dates that do not exist are
    returned, and rejected when they are read as ISO 8601.
    """
    text = re.sub(r' (?:UTC|GMT|\(UTC\))$| (?=[+-])', '', text)  # also `10:00:00.123 +0100`
    if CALENDAR_DATE.match(text):  # Zabbix writes 2026.11.24 09:00:00, Beanstalk 2026/11/24
        return f'{text[:4]}-{text[5:7]}-{text[8:]}'
    match = OTHER_DATE.fullmatch(YEAR_LAST.sub(r'\2 \1 \4 \3', text))
    if not match:
        return text
    month, day, hour, half = match.group('month', 'day', 'hour', 'half')
    hours = datetime.strptime(f'{hour} {half}', '%I %p').hour if half else int(hour)
    if month.isalpha():
        month_number, day_number = datetime.strptime(month, '%b').month, int(day)
    else:
        month_number, day_number = sorted((int(month), int(day)))  # of two numbers, only a day can be above 12
        if month_number < day_number <= 12:  # each of them may be the month
            raise ValueError('the order of day and month is not certain')
    return f'{match["year"]}-{month_number:02}-{day_number:02}T{hours:02}{match["minutes"]}{match["offset"] or ""}'


YEAR_2000 = 946_684_800  # its beginning, in Unix time


def any_time_to_rfc3339(text: str, now: float) -> str:
    """Return a date or a Unix time (in s, ms, µs or ns) in RFC 3339; `now` is in seconds.

    Return '' if the text is neither, could mean two dates, or is before the year 2000 or more than a day after now.
    """
    try:
        if not RFC3339.fullmatch(text):  # that is the usual form, and stays as it is
            text = other_date_to_iso(unix_time_to_iso(text) if UNIX_TIME.fullmatch(text) else text)
        return iso_date_to_rfc3339(text, YEAR_2000, now + 24 * 3600)
    except (ValueError, OverflowError):
        return ''


def unix_time_to_iso(text: str) -> str:
    """Return a text that looks like a Unix time in ISO 8601."""
    if len(text.partition('.')[0]) == 14:  # 20261124090000.250; as a Unix time, it would be after the year 2285
        return f'{text[:8]}T{text[8:]}'
    seconds = float(text)
    while seconds >= 1e11:  # in seconds, that is beyond the year 5000: the unit is smaller
        seconds /= 1000
    return utc_text(seconds)
