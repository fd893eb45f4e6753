"""Words go when their time has come, all of them, and nothing that is still awaited."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask
from sqlalchemy.orm import Session

from app.contact.models import Inquiry
from app.database import Database
from app.maintenance import retention
from app.maintenance.retention import (
    ExpiredInquiry,
    RetentionPeriods,
    find_expired,
    retention_job,
    run,
)
from app.outbox.models import DeliveryAttempt, OutboxMessage
from app.scheduler import run_if_due
from tests.cli.test_commands import Desk, desk
from tests.contact.conftest import GOOD
from tests.support.smtp_relay import Relay, relay

__all__ = ["desk", "relay"]

NEW_YORK = ZoneInfo("America/New_York")


def age(desk: Desk, days: int, **changed: Any) -> None:
    """Let everything have happened ``days`` ago; ``changed`` are values of the messages."""
    with desk.database.session() as session:
        then = desk.database.now(session) - timedelta(days=days)
        session.execute(sa.update(Inquiry).values(created_at=then))
        session.execute(sa.update(OutboxMessage).values(created_at=then, queued_at=then, **changed))
        delivered = sa.update(OutboxMessage).where(OutboxMessage.delivered_at.is_not(None))
        session.execute(delivered.values(delivered_at=then))
        session.execute(sa.update(DeliveryAttempt).values(started_at=then, ended_at=then))


def settle(desk: Desk) -> None:
    """Let all mails be delivered, without a relay."""
    with desk.database.session() as session:
        now = desk.database.now(session)
        delivered = {"state": "delivered", "due_at": None, "delivered_at": now}
        session.execute(sa.update(OutboxMessage).values(**delivered, encrypted_message=None))


def deliver(desk: Desk) -> None:
    desk.send()
    desk.says("mailer", "run", "--once")


def test_delivered_words_go_after_ninety_days_and_the_rest_stays(desk: Desk) -> None:
    deliver(desk)
    age(desk, 89)
    assert desk.says("retention", "run") == "The words of 0 inquiries are erased.\n"
    age(desk, 91)
    before = desk.inquiries()[0]
    assert desk.says("retention", "run") == "The words of 1 inquiry are erased.\n"
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
    assert "The words were erased." in desk.says("inquiries", "show", after.reference)


@pytest.mark.parametrize("state", ["pending", "sending", "dead"])
def test_nothing_that_is_not_delivered_is_erased_however_old(desk: Desk, state: str) -> None:
    desk.send()
    with desk.database.read_session() as session:
        soon = None if state == "dead" else desk.database.now(session)
    age(desk, 4000, state=state, due_at=soon)
    said = desk.says("retention", "run")
    assert "0 inquiries are erased" in said
    assert "1 inquiry of that age: kept, a mail is not delivered" in said
    assert desk.inquiries()[0].encrypted_content


def test_one_mail_of_two_that_is_not_delivered_keeps_the_words(desk: Desk) -> None:
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


def test_a_cancelled_mail_counts_from_its_cancelling(desk: Desk) -> None:
    desk.send()
    age(desk, 365)
    desk.says("outbox", "cancel", str(desk.message().id), "--yes")
    assert "0 inquiries" in desk.says("retention", "run")
    age(desk, 91)
    assert "1 inquiry" in desk.says("retention", "run")
    assert desk.message().encrypted_message == b""
    assert "(erased)" in desk.says("outbox", "list", "--all")


def test_held_words_go_after_thirty_days(desk: Desk) -> None:
    desk.send(honeypot="x")
    age(desk, 29)
    assert "0 inquiries" in desk.says("retention", "run")
    age(desk, 31)
    assert "1 inquiry" in desk.says("retention", "run")


def test_a_dry_run_shows_what_would_go_and_changes_nothing(desk: Desk) -> None:
    deliver(desk)
    age(desk, 91)
    said = desk.says("retention", "run", "--dry-run")
    assert "Would erase the words of 1 inquiry" in said
    assert desk.inquiries()[0].reference in said
    told = json.loads(desk.says("retention", "run", "--dry-run", "--json"))
    assert [one["reference"] for one in told["due"]] == [desk.inquiries()[0].reference]
    assert told["erased"] == 0
    assert desk.inquiries()[0].encrypted_content


def test_what_a_relay_says_goes_with_the_words(desk: Desk, relay: Relay) -> None:
    relay.script = {"rcpt": "451 4.2.1 mailbox busy"}
    deliver(desk)
    relay.script = {}
    desk.says("outbox", "requeue", str(desk.message().id), "--yes")
    desk.says("mailer", "run", "--once")
    assert "mailbox busy" in desk.says("outbox", "show", str(desk.message().id))
    age(desk, 91)
    desk.says("retention", "run")
    assert "mailbox busy" not in desk.says("outbox", "show", str(desk.message().id))


def test_what_a_relay_may_quote_is_never_written_down(desk: Desk, relay: Relay) -> None:
    relay.script = {"dot": "451 4.7.1 subject 'question from Ada Example' looks odd"}
    deliver(desk)
    shown = desk.says("outbox", "show", str(desk.message().id))
    assert "Ada" not in shown
    assert "4.7.1" in shown


def test_a_mail_sent_again_meanwhile_keeps_its_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of what is due may be old when a batch of it has its turn."""
    desk.send()
    desk.says("outbox", "cancel", str(desk.message().id), "--yes")
    age(desk, 91)

    def find_then_requeue(
        session: Session, limits: RetentionPeriods, now: datetime
    ) -> list[ExpiredInquiry]:
        found = find_expired(session, limits, now)
        session.rollback()
        desk.says("outbox", "requeue", str(desk.message().id), "--yes")
        return found

    monkeypatch.setattr(retention, "find_expired", find_then_requeue)
    assert run(desk.database, RetentionPeriods(90, 30)) == 0
    assert desk.inquiries()[0].encrypted_content
    assert desk.message().encrypted_message


def test_the_mailers_do_it_every_night(desk: Desk) -> None:
    deliver(desk)
    age(desk, 91)
    job = retention_job(desk.database, NEW_YORK, 90, 30)
    before, after = (datetime(2026, 7, 1, hour, 0, tzinfo=NEW_YORK) for hour in (3, 4))
    last = datetime(2026, 6, 30, 20, 0, tzinfo=UTC)
    assert (job.is_due(last, before), job.is_due(last, after)) == (False, True)
    assert run_if_due(desk.database, replace(job, is_due=lambda *_: True))
    assert desk.inquiries()[0].state == "erased"


def sealed(database: Database) -> list[bytes]:
    """All that came from visitors' words, in pieces, as it lies in the database's files."""
    with database.read_session() as session:
        rows = session.execute(
            sa.select(Inquiry.encrypted_content, Inquiry.content_digest, Inquiry.submission_key)
        )
        texts = [text for row in rows for text in row if text]
        texts += [
            text for text in session.scalars(sa.select(OutboxMessage.encrypted_message)) if text
        ]
    return [text[at : at + 32] for text in texts for at in range(0, len(text) - 31, 64)]


def in_files(database: Database, needles: list[bytes]) -> int:
    """How many of ``needles`` stand in any of SQLite's files."""
    file = Path(database.engine.url.database or "")
    content = b"".join(one.read_bytes() for one in file.parent.glob(f"{file.name}*"))
    return sum(needle in content for needle in needles)


def test_erased_words_are_in_no_file_of_sqlite(make_app: Callable[..., Flask]) -> None:
    desk = Desk(make_app())
    for number in range(60):
        desk.send(message=f"Question {number} " + "x" * (number * 61 % 1900))
    needles = sealed(desk.database)
    # A few lie across the border of two pages; the search finds all the others.
    assert in_files(desk.database, needles) > 0.95 * len(needles)
    settle(desk)
    age(desk, 91)
    for number in range(5):
        desk.send(message=f"young {number}")
    assert run(desk.database, RetentionPeriods(90, 30)) == 60
    assert in_files(desk.database, needles) == 0
    young = sealed(desk.database)
    assert in_files(desk.database, young) > 0.95 * len(young)


def test_erased_words_are_in_no_row_of_postgresql(
    make_app: Callable[..., Flask], postgres_url: str
) -> None:
    desk = Desk(make_app(DATABASE_URL=postgres_url))
    desk.send()
    desk.says("outbox", "cancel", str(desk.message().id), "--yes")
    age(desk, 91)
    assert sealed(desk.database)
    assert run(desk.database, RetentionPeriods(90, 30)) == 1
    assert sealed(desk.database) == []


def test_posts_go_on_while_words_are_erased(desk: Desk) -> None:
    for number in range(120):
        desk.send(message=f"old {number}")
    settle(desk)
    age(desk, 91)
    done = threading.Event()
    statuses: list[int] = []

    def post() -> None:
        while not done.is_set() or len(statuses) < 5:
            answer = desk.app.test_client().post(
                "/api/v1/inquiries", json={**GOOD, "message": f"young {len(statuses)}"}
            )
            statuses.append(answer.status_code)

    visitor = threading.Thread(target=post)
    visitor.start()
    try:
        assert run(desk.database, RetentionPeriods(90, 30)) == 120
    finally:
        done.set()
        visitor.join()
    assert set(statuses) == {201}
    kept = [one for one in desk.inquiries() if one.encrypted_content]
    assert len(kept) == len(statuses)


def test_the_privacy_page_says_how_long(make_app: Callable[..., Flask]) -> None:
    app = make_app(RETENTION_DAYS="45", QUARANTINE_RETENTION_DAYS="7")
    shown = app.test_client().get("/privacy").text
    assert "for 45 days after it has reached our front desk" in shown
    assert "erased after 7 days" in shown
