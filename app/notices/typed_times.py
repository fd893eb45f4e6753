"""Times as staff type them, in the clinic's time zone."""

from contextlib import suppress
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.notices.service import NoticeError

MOMENT, DATE = "%Y-%m-%d %H:%M", "%Y-%m-%d"


def parse_time(typed: str, day: date, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    """The moment meant by "2027-01-31 14:00", "14:00" (on ``day``) or "2027-01-31".

    A date is its first moment or, if ``is_end``, its last. Raises NoticeError.
    """
    with_space = typed.replace("T", " ")  # as browsers send it
    for text, pattern in ((f"{day} {typed}", MOMENT), (with_space, MOMENT), (typed, DATE)):
        with suppress(ValueError):
            moment = datetime.strptime(text, pattern).replace(tzinfo=zone)
            return end_of(moment.date(), zone) if is_end and pattern == DATE else moment
    examples = '"2027-01-31 14:00", "14:00" or "2027-01-31"'
    raise NoticeError(f"{typed!r} is not a time: write {examples}")


def end_of(day: date, zone: ZoneInfo) -> datetime:
    """Midnight after ``day``."""
    return datetime.combine(day + timedelta(days=1), time(), zone)
