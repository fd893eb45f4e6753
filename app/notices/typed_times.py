"""Times as staff type them, in the clinic's time zone."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.notices.service import NoticeError


def parse_time(typed: str, day: date, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    """The moment meant by "2027-01-31 14:00", "14:00" (on ``day``) or "2027-01-31".

    A date is its first moment or, if ``is_end``, its last. Raises NoticeError.
    """
    try:
        if len(typed) == len("14:00"):
            return datetime.combine(day, time.fromisoformat(typed), zone)
        moment = datetime.fromisoformat(typed).replace(tzinfo=zone)
    except ValueError:
        examples = '"2027-01-31 14:00", "14:00" or "2027-01-31"'
        raise NoticeError(f"{typed!r} is not a time: write {examples}") from None
    if is_end and len(typed) == len("2027-01-31"):
        return end_of(moment.date(), zone)
    return moment


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Midnight after ``day``."""
    return datetime.combine(day + timedelta(days=1), time(), zone)
