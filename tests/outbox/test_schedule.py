"""The retry schedule."""

from datetime import UTC, datetime, timedelta

from app.outbox import retry_schedule

START = datetime(2026, 1, 1, tzinfo=UTC)


def _no_jitter(_low: float, _high: float) -> float:
    return 1.0


def test_delays_double_up_to_an_hour_until_five_days_are_used_up() -> None:
    now, delays, attempts = START, [], 1
    while due := retry_schedule.next_attempt(attempts, now, _no_jitter):
        delays.append((due - now).total_seconds())
        now, attempts = due, attempts + 1
    assert delays[:9] == [30, 30, 60, 120, 240, 480, 960, 1920, 3600]
    assert set(delays[9:]) == {3600}
    assert timedelta(days=5) <= now - START < timedelta(days=5, hours=1)


def test_retries_are_spread_by_jitter() -> None:
    due = {retry_schedule.next_attempt(5, START) for _ in range(20)}
    assert len(due) > 10


def test_probe_delays_grow_to_one_minute() -> None:
    gaps = [(retry_schedule.next_probe(n, START) - START).total_seconds() for n in range(1, 6)]
    assert gaps == [15, 30, 60, 60, 60]
