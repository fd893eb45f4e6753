"""Notices in words. Each names its end, because a page may be cached for longer."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.clinic import Clinic
from app.clinic.opening_hours import format_time
from app.notices.models import Notice

MIDNIGHT = time(0)


def notice_line(notice: Notice, clinic: Clinic, now: datetime) -> str:
    """Return ``Main Street: Closing at 2 pm today, Monday, November 30. Snow is on the way.``"""
    place = f"{clinic.location_name(notice.location)}: " if notice.location else ""
    if notice.closed_from is None:
        return f"{place}{notice.text} (until {format_end(notice.ends_at, clinic.zone)})"
    closure = _describe_closure(notice.closed_from, notice.ends_at, clinic.zone, now)
    return f"{place}{closure}. {notice.text}".rstrip()


def format_end(moment: datetime, zone: ZoneInfo) -> str:
    """Return ``5 pm on Friday, December 4`` or ``the end of Friday, December 4``."""
    local = moment.astimezone(zone)
    if local.time() == MIDNIGHT:
        return f"the end of {_format_day(local.date() - timedelta(days=1))}"
    return f"{format_time(local.time())} on {_format_day(local.date())}"


def _describe_closure(
    closed_from: datetime, ends_at: datetime, zone: ZoneInfo, now: datetime
) -> str:
    begin, end, local_now = (at.astimezone(zone) for at in (closed_from, ends_at, now))
    day = max(begin, local_now).date()
    is_closed = begin <= local_now
    if end == datetime.combine(day + timedelta(days=1), MIDNIGHT, zone):  # for the rest of a day
        when = f"today, {_format_day(day)}" if day == local_now.date() else f"on {_format_day(day)}"
        all_day = is_closed or begin.time() == MIDNIGHT
        return f"Closed {when}" if all_day else f"Closing at {format_time(begin.time())} {when}"
    until = f"until {format_end(ends_at, zone)}"
    if is_closed:
        return f"Closed {until}"
    at = "" if begin.time() == MIDNIGHT else f"{format_time(begin.time())} on "
    return f"Closed from {at}{_format_day(begin.date())} {until}"


def _format_day(day: date) -> str:
    return f"{day:%A, %B %-d}"
