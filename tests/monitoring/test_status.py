"""What counts as trouble, and how loud it is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.contact.queries import QuarantineStats
from app.monitoring.health_rules import Severity, in_words, judge, worst
from app.outbox.stats import Overview, RelayFault, fault_kind

MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)
FRESH = timedelta(seconds=20)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def seen(**changed: Any) -> Overview:
    calm = {"pending": 0, "oldest_pending": None, "dead": 0, "heartbeat": FRESH}
    return Overview(**{**calm, **changed})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"pending": 9, "oldest_pending": minutes(15)}, []),
        ({"pending": 9, "oldest_pending": minutes(15.1)}, [("waiting", "warn")]),
        ({"pending": 9, "oldest_pending": minutes(60)}, [("waiting", "warn")]),
        ({"pending": 9, "oldest_pending": minutes(60.1)}, [("waiting", "page")]),
        ({"dead": 1}, [("dead", "page")]),
        ({"heartbeat": timedelta(seconds=90)}, []),
        ({"heartbeat": timedelta(seconds=91)}, [("mailer", "page")]),
        ({"heartbeat": None}, [("mailer", "page")]),
        ({"relay_fault": RelayFault.CONNECTION}, []),
        ({"relay_fault": RelayFault.AUTHENTICATION}, [("relay", "page")]),
        ({"relay_fault": RelayFault.TLS}, [("relay", "page")]),
        ({"relay_fault": RelayFault.SENDER}, [("relay", "warn")]),
        ({"held_since": MOMENT}, [("hold", "warn")]),
        (
            {"oldest_pending": minutes(20), "dead": 2},
            [("dead", "page"), ("waiting", "warn")],
        ),
    ],
)
def test_the_limits_of_the_design(changed: Any, expected: list[tuple[str, str]]) -> None:
    found = judge(seen(**changed), QuarantineStats())
    assert [(one.event, one.severity.word) for one in found] == expected
    assert worst(found) == (Severity[expected[0][1].upper()] if expected else None)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("SMTPAuthenticationError: 5.7.8 wrong password", RelayFault.AUTHENTICATION),
        ("SMTPNotSupportedError: SMTP AUTH extension not supported", RelayFault.AUTHENTICATION),
        ("SMTPException: No suitable authentication method found.", RelayFault.AUTHENTICATION),
        ("SSLCertVerificationError: self-signed certificate", RelayFault.TLS),
        ("SMTPNotSupportedError: STARTTLS extension not supported by server.", RelayFault.TLS),
        ("SMTPResponseException: TLS not available just now", RelayFault.TLS),
        ("SMTPSenderRefused: not yours", RelayFault.SENDER),
        ("ConnectionRefusedError: [Errno 111]", RelayFault.CONNECTION),
        ("", RelayFault.CONNECTION),
    ],
)
def test_what_kind_of_fault_the_relay_has(reason: str, kind: RelayFault) -> None:
    assert fault_kind(reason) == kind


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=119), "119 s"),
        (timedelta(minutes=17), "17 min"),
        (timedelta(hours=3, minutes=20), "3 h"),
        (timedelta(days=8, hours=2), "8 days"),
    ],
)
def test_ages_are_said_in_words(age: timedelta, words: str) -> None:
    assert in_words(age) == words


@pytest.mark.parametrize(
    ("held", "title"),
    [
        (QuarantineStats(), None),
        (QuarantineStats(3, timedelta(hours=24)), None),
        (
            QuarantineStats(1, timedelta(hours=25)),
            "1 held inquiry waits for a look, the oldest for 25 h",
        ),
        (
            QuarantineStats(3, timedelta(days=3)),
            "3 held inquiries wait for a look, the oldest for 3 days",
        ),
    ],
)
def test_a_held_inquiry_that_nobody_looks_at_warns(
    held: QuarantineStats, title: str | None
) -> None:
    found = judge(seen(), held)
    assert [one.title for one in found] == ([title] if title else [])
    assert worst(found) in (None, Severity.WARN)
