"""Closures in the opening hours: locations as the notices change them."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta

from app.clinic import Clinic
from app.clinic.models import ClosedDates, Hours, Location, SpecialHours
from app.clinic.opening_hours import hours_on
from app.notices.models import Notice


def with_closures(clinic: Clinic, notices: Iterable[Notice]) -> Clinic:
    """Return ``clinic`` with the dates on which ``notices`` close its locations."""
    locations = clinic.locations
    for notice in notices:
        locations = tuple(
            _close(place, notice, clinic) if notice.concerns(place.key) else place
            for place in locations
        )
    return clinic.model_copy(update={"locations": locations})


def _close(location: Location, notice: Notice, clinic: Clinic) -> Location:
    """``location``, closed from ``closed_from`` to ``ends_at`` of ``notice``."""
    if notice.closed_from is None:
        return location
    begin, end = (
        moment.astimezone(clinic.zone).replace(second=0, microsecond=0, tzinfo=None)
        for moment in (notice.closed_from, notice.ends_at)
    )
    special: list[SpecialHours] = []
    closed: list[ClosedDates] = []
    day = begin.date() - timedelta(days=1)  # its hours may end after midnight
    while day <= end.date():
        hours = hours_on(location, day)
        remaining = tuple(part for period in hours for part in _without(period, day, begin, end))
        if not remaining and hours:
            closed.append(ClosedDates.model_construct(date=day, last_date=None, reason=notice.text))
        elif remaining != hours:
            special.append(
                SpecialHours.model_construct(date=day, hours=remaining, reason=notice.text)
            )
        day += timedelta(days=1)
    changed = {item.date for item in special} | {item.date for item in closed}
    others = (item for item in location.special_hours if item.date not in changed)
    return location.model_copy(
        update={
            "special_hours": (*special, *others),
            "closed": (*closed, *location.closed),
        }
    )


def _without(hours: Hours, day: date, begin: datetime, end: datetime) -> Iterator[Hours]:
    """What remains of ``hours`` on ``day`` outside of a closure, in local time."""
    opens = datetime.combine(day, hours.opens)
    closes = datetime.combine(day + timedelta(days=hours.ends_next_day), hours.closes)
    for start, stop in ((opens, min(closes, begin)), (max(opens, end), closes)):
        if (start, stop) == (opens, closes):
            yield hours
        elif start < stop and start.date() == day:
            yield Hours.model_construct(opens=start.time(), closes=stop.time())
