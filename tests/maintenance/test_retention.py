"""Content is deleted after its retention period, unless an email is undelivered."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from app.contact.announcements import Announcer
from app.contact.models import Inquiry
from app.database import Database
from app.maintenance import retention, vacuum
from app.maintenance.retention import (
    ExpiredInquiry,
    RetentionPeriods,
    delete_expired,
    find_expired,
    retention_job,
)
from app.outbox.models import DeliveryAttempt, OutboxMessage
from app.scheduler import run_if_due
from app.services import get_services
from config import ROOT
from tests.cli.test_commands import Desk, desk
from tests.contact.conftest import GOOD
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]

NEW_YORK = ZoneInfo("America/New_York")
PERIODS = RetentionPeriods(days=90, quarantine_days=30, audit_days=2190)


def age(desk: Desk, days: int, **changed: Any) -> None:
    """Move all times ``days`` into the past; ``changed`` are new values of the messages."""
    with desk.database.session() as session:
        then = desk.database.now(session) - timedelta(days=days)
        session.execute(sa.update(Inquiry).values(created_at=then))
        session.execute(sa.update(OutboxMessage).values(created_at=then, queued_at=then, **changed))
        delivered = sa.update(OutboxMessage).where(OutboxMessage.delivered_at.is_not(None))
        session.execute(delivered.values(delivered_at=then))
        session.execute(sa.update(DeliveryAttempt).values(started_at=then, ended_at=then))


def mark_delivered(desk: Desk) -> None:
    """Mark all messages as delivered."""
    with desk.database.session() as session:
        now = desk.database.now(session)
        delivered = {"state": "delivered", "due_at": None, "delivered_at": now}
        session.execute(sa.update(OutboxMessage).values(**delivered, encrypted_message=None))


def announcer(desk: Desk) -> Announcer:
    return get_services(desk.app).inquiries.announcer


def delete_all_expired(desk: Desk) -> int:
    return delete_expired(desk.database, PERIODS, datetime.now(UTC), announcer(desk))


def deliver(desk: Desk) -> None:
    desk.send()
    desk.says("mailer", "run", "--once")


def test_content_is_deleted_after_ninety_days_and_the_record_stays(desk: Desk) -> None:
    deliver(desk)
    age(desk, 89)
    assert desk.says("retention", "run") == "Deleted the content of 0 inquiries.\n"
    age(desk, 91)
    before = desk.inquiries()[0]
    assert desk.says("retention", "run") == "Deleted the content of 1 inquiry.\n"
    after = desk.inquiries()[0]
    assert (after.state, after.encrypted_content, after.submission_key) == ("erased", None, None)
    assert after.content_digest == b""
    assert after.erased_at is not None
    assert (after.reference, after.topic, after.created_at) == (
        before.reference,
        before.topic,
        before.created_at,
    )
    assert desk.message().state == "delivered"
    assert "The content was erased." in desk.says("inquiries", "show", after.reference)


@pytest.mark.parametrize("state", ["pending", "sending", "dead"])
def test_undelivered_inquiries_are_kept_however_old(desk: Desk, state: str) -> None:
    desk.send()
    with desk.database.read_session() as session:
        soon = None if state == "dead" else desk.database.now(session)
    age(desk, 4000, state=state, due_at=soon)
    output = desk.says("retention", "run")
    assert "the content of 0 inquiries" in output
    assert "Kept 1 inquiry of that age with an undelivered email" in output
    assert desk.inquiries()[0].encrypted_content


def test_one_undelivered_email_of_two_keeps_the_content(desk: Desk) -> None:
    deliver(desk)
    with desk.database.session() as session:
        first = session.scalars(sa.select(OutboxMessage)).one()
        copied = {c.name: getattr(first, c.name) for c in OutboxMessage.__table__.columns}
        dead = {
            "message_id": "<other>",
            "state": "dead",
            "encrypted_message": b"x",
            "delivered_at": None,
        }
        session.add(OutboxMessage(**copied | dead | {"id": desk.inquiries()[0].id}))
    age(desk, 365)
    assert "0 inquiries" in desk.says("retention", "run")


def test_the_period_begins_when_an_email_is_cancelled(desk: Desk) -> None:
    desk.send()
    age(desk, 365)
    desk.says("outbox", "cancel", str(desk.message().id), "--yes")
    assert "0 inquiries" in desk.says("retention", "run")
    age(desk, 91)
    assert "1 inquiry" in desk.says("retention", "run")
    assert desk.message().encrypted_message == b""
    assert "(erased)" in desk.says("outbox", "list", "--all")


def test_quarantined_content_is_deleted_after_thirty_days(desk: Desk) -> None:
    desk.send(honeypot="x")
    age(desk, 29)
    assert "0 inquiries" in desk.says("retention", "run")
    age(desk, 31)
    assert "1 inquiry" in desk.says("retention", "run")


def test_a_dry_run_shows_what_would_be_deleted_and_changes_nothing(desk: Desk) -> None:
    deliver(desk)
    age(desk, 91)
    output = desk.says("retention", "run", "--dry-run")
    assert "Would delete the content of 1 inquiry" in output
    assert desk.inquiries()[0].reference in output
    assert desk.inquiries()[0].encrypted_content


def test_replies_of_mail_servers_are_deleted_with_the_content(desk: Desk, relay: Relay) -> None:
    relay.script = {"rcpt": "451 4.2.1 mailbox busy"}
    deliver(desk)
    relay.script = {}
    desk.says("outbox", "requeue", str(desk.message().id), "--yes")
    desk.says("mailer", "run", "--once")
    assert "mailbox busy" in desk.says("outbox", "show", str(desk.message().id))
    age(desk, 91)
    desk.says("retention", "run")
    assert "mailbox busy" not in desk.says("outbox", "show", str(desk.message().id))


def test_quotes_in_replies_of_mail_servers_are_never_stored(desk: Desk, relay: Relay) -> None:
    relay.script = {"dot": "451 4.7.1 subject 'question from Ada Example' looks odd"}
    deliver(desk)
    shown = desk.says("outbox", "show", str(desk.message().id))
    assert "Ada" not in shown
    assert "4.7.1" in shown


def test_an_email_requeued_during_the_run_keeps_its_content(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of expired inquiries may be outdated when a batch is erased."""
    desk.send()
    desk.says("outbox", "cancel", str(desk.message().id), "--yes")
    age(desk, 91)

    def find_then_requeue(
        session: Session, limits: RetentionPeriods, now: datetime
    ) -> Sequence[ExpiredInquiry]:
        found = find_expired(session, limits, now)
        session.rollback()
        desk.says("outbox", "requeue", str(desk.message().id), "--yes")
        return found

    monkeypatch.setattr(retention, "find_expired", find_then_requeue)
    assert delete_all_expired(desk) == 0
    assert desk.inquiries()[0].encrypted_content
    assert desk.message().encrypted_message


def test_the_job_runs_every_night(desk: Desk, tmp_path: Path) -> None:
    deliver(desk)
    age(desk, 91)
    job = retention_job(desk.database, NEW_YORK, PERIODS, tmp_path, announcer(desk))
    before, after = (datetime(2026, 7, 1, hour, 0, tzinfo=NEW_YORK) for hour in (3, 4))
    last = datetime(2026, 6, 30, 20, 0, tzinfo=UTC)
    assert (job.is_due(last, before), job.is_due(last, after)) == (False, True)
    assert not run_if_due(desk.database, job), "the first run only records its time"
    assert run_if_due(desk.database, replace(job, is_due=lambda *_: True))
    assert desk.inquiries()[0].state == "erased"


def encrypted_pieces(database: Database) -> list[bytes]:
    """Return everything made from inquiry content, in pieces, as stored in the database."""
    with database.read_session() as session:
        rows = session.execute(
            sa.select(Inquiry.encrypted_content, Inquiry.content_digest, Inquiry.submission_key)
        )
        texts = [text for row in rows for text in row if text]
        texts += [
            text for text in session.scalars(sa.select(OutboxMessage.encrypted_message)) if text
        ]
    return [text[at : at + 32] for text in texts for at in range(0, len(text) - 31, 64)]


def count_in_files(database: Database, needles: list[bytes]) -> int:
    """Count the ``needles`` found in SQLite's files."""
    file = Path(database.engine.url.database or "")
    content = b"".join(one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
    return sum(needle in content for needle in needles)


def test_erased_content_is_not_in_the_files_of_sqlite(make_app: Callable[..., Flask]) -> None:
    desk = Desk(make_app())
    for number in range(60):
        desk.send(message=f"Question {number} " + "x" * (number * 61 % 1900))
    needles = encrypted_pieces(desk.database)
    # A few cross the boundary of two pages and are not found.
    assert count_in_files(desk.database, needles) > 0.95 * len(needles)
    mark_delivered(desk)
    age(desk, 91)
    for number in range(5):
        desk.send(message=f"recent {number}")
    assert delete_all_expired(desk) == 60
    assert count_in_files(desk.database, needles) == 0
    recent = encrypted_pieces(desk.database)
    assert count_in_files(desk.database, recent) > 0.95 * len(recent)


def test_erased_content_is_not_in_the_rows_of_postgresql(
    make_app: Callable[..., Flask], postgres_url: str
) -> None:
    desk = Desk(make_app(DATABASE_URL=postgres_url))
    desk.send()
    desk.says("outbox", "cancel", str(desk.message().id), "--yes")
    age(desk, 91)
    assert encrypted_pieces(desk.database)
    assert delete_all_expired(desk) == 1
    assert encrypted_pieces(desk.database) == []


def test_the_manual_names_every_table_that_is_vacuumed() -> None:
    assert f"`VACUUM FULL {vacuum.TABLES}`" in (ROOT / "docs/operating.md").read_text("utf-8")


def test_inquiries_are_accepted_while_content_is_deleted(desk: Desk) -> None:
    for number in range(120):
        desk.send(message=f"old {number}")
    mark_delivered(desk)
    age(desk, 91)
    done = threading.Event()
    statuses: list[int] = []

    def post() -> None:
        while not done.is_set() or len(statuses) < 5:
            answer = desk.app.test_client().post(
                "/api/v1/inquiries", json={**GOOD, "message": f"recent {len(statuses)}"}
            )
            statuses.append(answer.status_code)

    visitor = threading.Thread(target=post)
    visitor.start()
    try:
        assert delete_all_expired(desk) == 120
    finally:
        done.set()
        visitor.join()
    assert set(statuses) == {201}
    kept = [one for one in desk.inquiries() if one.encrypted_content]
    assert len(kept) == len(statuses)


def test_the_privacy_page_states_the_periods(make_app: Callable[..., Flask]) -> None:
    app = make_app(RETENTION_DAYS="45", QUARANTINE_RETENTION_DAYS="7")
    shown = app.test_client().get("/privacy").text
    assert "for 45 days after it has reached our front desk" in shown
    assert "deleted after 7 days" in shown
