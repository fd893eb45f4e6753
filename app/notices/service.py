"""Adds, lists and ends notices."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.clinic import Clinic
from app.notices.models import MAX_LENGTH, Notice
from app.notices.text import format_end

MAX_DURATION = timedelta(days=366)


class NoticeError(Exception):
    """Nothing was changed. The message is one sentence for the person who tried."""


def add_notice(session: Session, clinic: Clinic, notice: Notice, now: datetime) -> None:
    """Add ``notice``. Raises NoticeError if it is not valid or overlaps another one."""
    _check(clinic, notice, now)
    for other in _ending_after(session, notice.starts_at):
        if other.starts_at < notice.ends_at and _exclude_each_other(notice, other):
            until = format_end(other.ends_at, clinic.zone)
            raise NoticeError(
                f"overlaps notice {other.id}, which is shown until {until}: remove that first"
            )
    session.add(notice)
    session.flush()


def current_notices(session: Session, now: datetime) -> Sequence[Notice]:
    """The notices that have not ended, the next one first."""
    return _ending_after(session, now)


def closures_since(session: Session, moment: datetime) -> list[Notice]:
    """The closures that ended after ``moment`` or have not ended yet."""
    return [notice for notice in _ending_after(session, moment) if notice.closed_from]


def end_notice(session: Session, notice_id: int, now: datetime) -> Notice:
    """End a notice now, or delete it if it has not started. Raises NoticeError.

    One that was shown is kept, because reminders count only the time the clinic was open.
    """
    notice = session.get(Notice, notice_id, with_for_update=True)
    if notice is None or notice.ends_at <= now:
        raise NoticeError(f"there is no current notice {notice_id}")
    if notice.starts_at > now:
        session.delete(notice)
    else:
        notice.ends_at = now
    return notice


def _ending_after(session: Session, moment: datetime) -> Sequence[Notice]:
    query = sa.select(Notice).where(Notice.ends_at > moment)
    return session.scalars(query.order_by(Notice.starts_at, Notice.id)).all()


def _check(clinic: Clinic, notice: Notice, now: datetime) -> None:
    if not notice.text and not notice.closed_from:
        raise NoticeError("write what visitors should know, or that the clinic is closed")
    if len(notice.text) > MAX_LENGTH or not (notice.text or "x").isprintable():
        raise NoticeError(f"the text must be one line of at most {MAX_LENGTH} characters")
    if notice.location not in (None, *(place.key for place in clinic.locations)):
        raise NoticeError(f"there is no location {notice.location!r} in clinic.toml")
    if notice.ends_at <= notice.starts_at:
        raise NoticeError("the notice must end after it starts")
    if notice.ends_at <= now:
        raise NoticeError("the end is in the past")
    if notice.ends_at - notice.starts_at > MAX_DURATION:
        raise NoticeError("a notice can be shown for a year at most")
    if notice.closed_from and notice.closed_from < notice.starts_at:
        raise NoticeError("the clinic must close after the notice starts")
    if notice.closed_from and notice.closed_from >= notice.ends_at:
        raise NoticeError("the clinic must close before the notice ends")


def _exclude_each_other(notice: Notice, other: Notice) -> bool:
    """Two closures of one location contradict each other, and a page has space for one text."""
    same_kind = (notice.closed_from is None) == (other.closed_from is None)
    return same_kind and (notice.concerns(other.location) or other.concerns(notice.location))
