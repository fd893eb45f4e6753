"""Which statistics are problems, and how severe."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.contact.queries import WaitingStats
from app.monitoring.health_rules import Severity, SiteHealth, format_duration
from app.outbox.send_errors import TransportFault
from app.outbox.stats import OutboxStats

MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)
FRESH = timedelta(seconds=20)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def stats(**changed: Any) -> OutboxStats:
    healthy = {"pending": 0, "oldest_pending": None, "dead": 0, "heartbeat_age": FRESH}
    return OutboxStats(**{**healthy, **changed})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"pending": 9, "oldest_pending": minutes(15)}, []),
        ({"pending": 9, "oldest_pending": minutes(15.1)}, [("delivery_delayed", "warning")]),
        ({"pending": 9, "oldest_pending": minutes(60)}, [("delivery_delayed", "warning")]),
        ({"pending": 9, "oldest_pending": minutes(60.1)}, [("delivery_delayed", "critical")]),
        ({"dead": 1}, [("undelivered", "critical")]),
        ({"heartbeat_age": timedelta(seconds=90)}, []),
        ({"heartbeat_age": timedelta(seconds=91)}, [("mailer_down", "critical")]),
        ({"heartbeat_age": None}, [("mailer_down", "critical")]),
        ({"transport_fault": TransportFault.CONNECTION}, []),
        ({"transport_fault": TransportFault.AUTHENTICATION}, [("mail_transport", "critical")]),
        ({"transport_fault": TransportFault.TLS}, [("mail_transport", "critical")]),
        ({"transport_fault": TransportFault.SENDER}, [("mail_transport", "warning")]),
        ({"paused_since": MOMENT}, [("paused", "warning")]),
        (
            {"oldest_pending": minutes(20), "dead": 2},
            [("undelivered", "critical"), ("delivery_delayed", "warning")],
        ),
    ],
)
def test_limits_of_problems(changed: Any, expected: list[tuple[str, str]]) -> None:
    health = SiteHealth(stats(**changed), WaitingStats(), WaitingStats())
    assert [(problem.event, problem.severity.label) for problem in health.problems] == expected
    assert health.severity == (Severity[expected[0][1].upper()] if expected else None)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=119), "119 s"),
        (timedelta(minutes=17), "17 min"),
        (timedelta(hours=3, minutes=20), "3 h"),
        (timedelta(days=8, hours=2), "8 days"),
    ],
)
def test_durations_have_one_unit(age: timedelta, text: str) -> None:
    assert format_duration(age) == text


@pytest.mark.parametrize(
    ("quarantine", "title"),
    [
        (WaitingStats(), None),
        (WaitingStats(3, timedelta(hours=24)), None),
        (
            WaitingStats(1, timedelta(hours=25)),
            "1 quarantined inquiry to review, the oldest for 25 h",
        ),
        (
            WaitingStats(3, timedelta(days=3)),
            "3 quarantined inquiries to review, the oldest for 3 days",
        ),
    ],
)
def test_a_quarantined_inquiry_not_reviewed_for_a_day_warns(
    quarantine: WaitingStats, title: str | None
) -> None:
    health = SiteHealth(stats(), quarantine, WaitingStats())
    assert [problem.title for problem in health.problems] == ([title] if title else [])
    assert health.severity in (None, Severity.WARNING)
