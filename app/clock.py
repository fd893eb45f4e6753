"""The only place that reads the current time."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def age(moment: datetime, now: datetime) -> timedelta:
    """How long ago ``moment`` was; never negative, because clocks differ."""
    return max(now - moment, timedelta(0))
