"""The current time, which no other module reads, and its format."""

from datetime import UTC, datetime, timedelta


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def iso_utc(moment: datetime) -> str:
    """Return ``moment`` in ISO 8601, in UTC to the millisecond: ``2026-03-01T12:00:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def age(moment: datetime, now: datetime) -> timedelta:
    """Return how long ago ``moment`` was; never negative, because clocks differ."""
    return max(now - moment, timedelta(0))
