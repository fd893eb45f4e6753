"""The daily digest: correct numbers, once a day, also when they are all zero."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from app.clinic import Clinic
from app.clinic.models import Digest
from app.contact.models import Inquiry
from app.monitoring.digest import digest_job
from app.outbox.models import OutboxMessage, OutgoingEmail
from app.outbox.send_errors import TransportFault
from app.scheduler import ScheduledJob, run_if_due
from tests.support.databases import sqlite_only
from tests.support.outbox import Outbox, outbox
from tests.web.html_lint import lint

__all__ = ["outbox"]

# 07:30 in New York, the demo clinic's time zone
MORNING = datetime(2026, 7, 2, 11, 30, tzinfo=UTC)


class DigestHarness:
    """Runs the digest job of ``outbox`` and reads the digests."""

    def __init__(self, outbox: Outbox, clinic: Clinic) -> None:
        assert clinic.digest
        self.outbox = outbox
        self.job = digest_job(
            outbox.database,
            clinic,
            clinic.digest,
            site="https://c.example",
            console="",
            quarantine_days=30,
        )
        with outbox.database.session() as session:  # not the site's first day
            session.add(ScheduledJob(name="digest", started_at=outbox.now - timedelta(days=1)))

    def run(self, **later: float) -> bool:
        """Advance the time; whether a digest is written now."""
        self.outbox.advance(**later)
        return run_if_due(self.outbox.database, self.job)

    def digests(self) -> list[OutgoingEmail]:
        query = sa.select(OutboxMessage.encrypted_message).where(
            OutboxMessage.reference.like("digest-%")
        )
        with self.outbox.database.read_session() as session:
            encrypted = session.scalars(query.order_by(OutboxMessage.created_at)).all()
        keys = self.outbox.database.keys
        return [OutgoingEmail.from_json(keys.decrypt(content or b"")) for content in encrypted]

    def receive(self, reference: str, **values: Any) -> None:
        row = {
            "id": uuid4(),
            "reference": reference,
            "content_digest": b"x",
            "encrypted_content": b"Ada Example",
            "state": "received",
            "topic": "billing",
            "created_at": self.outbox.now,
            **values,
        }
        with self.outbox.database.session() as session:
            session.add(Inquiry(**row))


@pytest.fixture
def harness(outbox: Outbox, clinic: Clinic) -> DigestHarness:
    outbox.now = MORNING
    outbox.heartbeat()
    return DigestHarness(outbox, clinic)


@sqlite_only
def test_a_digest_is_written_once_a_day_in_the_clinics_time_zone(harness: DigestHarness) -> None:
    assert harness.run(seconds=-1) is False
    assert harness.run(seconds=1) is True
    assert harness.run(hours=23) is False
    assert harness.run(hours=1) is True
    assert len(harness.digests()) == 2


@sqlite_only
def test_a_digest_is_written_when_all_numbers_are_zero(
    harness: DigestHarness, clinic: Clinic
) -> None:
    assert harness.run()
    (mail,) = harness.digests()
    assert mail.subject == "Daily summary: 0 messages, 0 waiting to send, 0 failed"
    assert clinic.digest
    assert mail.recipient == clinic.digest.mailboxes[0]
    assert "Messages received:       0" in mail.text
    assert "Mail server:             working" in mail.text


def test_a_digest_has_the_numbers_of_the_day_and_the_current_state(harness: DigestHarness) -> None:
    outbox = harness.outbox
    outbox.now = datetime(2026, 7, 1, 11, 0, tzinfo=UTC)
    harness.receive("OLD-OLD")
    outbox.now = datetime(2026, 7, 2, 2, 30, tzinfo=UTC)
    for reference in ("AAA-AAA", "BBB-BBB"):
        harness.receive(reference)
    harness.receive(
        "HHH-HHH", state="quarantined", quarantine_reasons="the hidden field was filled in"
    )
    outbox.add("AAA-AAA", state="delivered", delivered_at=outbox.now, encrypted_message=None)
    outbox.add("AAA-AAA")
    outbox.add("DDD-DDD", state="dead")
    outbox.set_transport_failure(TransportFault.CONNECTION)
    outbox.now = MORNING
    assert harness.run()
    (mail,) = harness.digests()
    assert mail.subject == "Daily summary: 3 messages, 1 waiting to send, 1 failed"
    for line in (
        "Messages received:       3",
        "Emails delivered:        1",
        "Quarantined:             1",
        "Waiting to be sent:      1 (the oldest for 9 h)",
        "Emails that failed:      1",
        "has not accepted email since Wednesday, July 1, 10:30 PM (connection)",
        "HHH-HHH  the hidden field was filled in",
        "DDD-DDD",
    ):
        assert line in mail.text
    for fragment in ("<td>3</td>", "HHH-HHH: the hidden field was filled in", "<li>DDD-DDD</li>"):
        assert fragment in mail.html
    assert "Not answered yet:        3 (the oldest for 24 h)" in mail.text
    assert "OLD-OLD  waiting for 24 h" in mail.text
    assert "Ada" not in mail.text + mail.html


@sqlite_only
def test_each_inquiry_is_counted_in_one_digest_even_after_missed_days(
    harness: DigestHarness,
) -> None:
    harness.run()
    harness.outbox.advance(minutes=1)
    harness.receive("AAA-AAA")
    harness.run(hours=72)
    harness.run(hours=24)
    subjects = [mail.subject.partition(",")[0] for mail in harness.digests()]
    assert subjects == [
        "Daily summary: 0 messages",
        "Daily summary: 1 message",
        "Daily summary: 0 messages",
    ]


@sqlite_only
def test_a_delivered_digest_is_not_counted(harness: DigestHarness) -> None:
    harness.run()
    harness.outbox.update_all(state="delivered", delivered_at=harness.outbox.now, due_at=None)
    harness.run(hours=24)
    assert "Emails delivered:        0" in harness.digests()[-1].text


def test_many_mailers_write_one_digest(harness: DigestHarness) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: run_if_due(harness.outbox.database, harness.job), range(24)))
    assert len(harness.digests()) == 1


@sqlite_only
def test_each_mailbox_gets_its_own_digest(outbox: Outbox, clinic: Clinic) -> None:
    digest = Digest(mailboxes=("a@clinic.example", "b@clinic.example"))
    harness = DigestHarness(outbox, clinic.model_copy(update={"digest": digest}))
    outbox.now = MORNING
    assert harness.run()
    assert sorted(mail.recipient for mail in harness.digests()) == list(digest.mailboxes)


def test_a_digest_is_retried_when_the_outbox_cannot_be_written(harness: DigestHarness) -> None:
    with _without_outbox(harness.outbox), pytest.raises(sa.exc.SQLAlchemyError):
        harness.run()
    assert harness.run()
    assert len(harness.digests()) == 1


@sqlite_only
def test_the_html_is_valid_and_escaped(harness: DigestHarness) -> None:
    harness.receive("HHH-HHH", state="quarantined", quarantine_reasons="<script>")
    harness.run(seconds=1)
    (mail,) = harness.digests()
    assert lint(mail.html) == []
    assert "<script>" not in mail.html


@contextmanager
def _without_outbox(outbox: Outbox) -> Iterator[None]:
    def rename(old: str, new: str) -> None:
        with outbox.database.session() as session:
            session.connection().exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")

    rename("outbox_message", "gone")
    yield
    rename("gone", "outbox_message")


@sqlite_only
def test_a_new_site_gets_its_first_digest_the_next_day(outbox: Outbox, clinic: Clinic) -> None:
    harness = DigestHarness(outbox, clinic)
    with outbox.database.session() as session:
        session.execute(sa.delete(ScheduledJob))
    assert not harness.run()
    assert not harness.run(hours=23)
    assert harness.run(hours=1)


def test_quarantined_inquiries_are_in_every_digest_until_they_are_reviewed(
    harness: DigestHarness,
) -> None:
    first = MORNING - timedelta(days=3)
    for number in range(60):
        harness.receive(
            f"H{number:02}-HHH", state="quarantined", created_at=first + timedelta(minutes=number)
        )
    harness.run()
    harness.run(hours=24)
    for mail in harness.digests():
        listed = [line[:7] for line in mail.text.splitlines() if "-HHH" in line]
        assert listed == [f"H{number:02}-HHH" for number in range(60)]
    assert "waiting 3 days; will be deleted on July 29, 2026" in harness.digests()[0].text
    assert "waiting 4 days; will be deleted on July 29, 2026" in harness.digests()[1].text
