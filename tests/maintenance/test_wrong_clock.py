"""A clock that is wrong for a while erases nothing, and everything goes on when it is right.

On SQLite and PostgreSQL.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from app.contact.models import AcknowledgementLimit, Inquiry
from app.contact.queries import acquire_acknowledgement
from app.contact.spam.recent_submissions import clear_spam_digests
from app.diagnostics.database import check_database
from app.jobs import scheduled_jobs
from app.maintenance.backup import record_backup
from app.monitoring.health_rules import site_health
from app.outbox.heartbeat import Heartbeat
from app.outbox.models import Kind, OutboxMessage
from app.outbox.worker import Mailer
from app.scheduler import Scheduler
from app.services import get_services
from tests.cli.test_commands import Desk
from tests.maintenance.test_retention import age, mark_delivered
from tests.support.smtp_relay import Relay, relay
from tests.support.transports import transport_of

__all__ = ["relay"]

TODAY = datetime(2026, 7, 1, 16, tzinfo=UTC)  # noon at the clinic
YEAR = timedelta(days=365)
MINUTE = timedelta(minutes=1)


class Site(Desk):
    """A site whose clock is ``now``."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(app)
        self.now = TODAY
        monkeypatch.setattr(self.database, "now", lambda _session: self.now)

    def run_jobs(self, at: datetime) -> None:
        """Set the clock and run what a mailer's scheduler runs then."""
        self.now = at
        services = get_services(self.app)
        jobs = scheduled_jobs(services.settings, services.clinic, self.database, services.inquiries)
        Scheduler(self.database, Heartbeat(self.database, "one"), jobs).run_due_jobs()

    def problems(self) -> set[str]:
        with self.database.read_session() as session:
            return {problem.event for problem in site_health(session, self.now).problems}

    def doctor(self, check: str) -> set[tuple[str, str]]:
        results = check_database(self.database)
        return {(one.level, one.text) for one in results if one.check == check}

    def states(self) -> list[str]:
        return [inquiry.state for inquiry in self.inquiries()]

    def digests(self) -> list[str]:
        with self.database.read_session() as session:
            is_digest = OutboxMessage.reference.startswith("digest-")
            query = sa.select(OutboxMessage.encrypted_message).where(is_digest)
            rows = session.scalars(query.order_by(OutboxMessage.created_at)).all()
        return [self.database.keys.decrypt(row or b"") for row in rows]


@pytest.fixture
def site(
    make_app: Callable[..., Flask],
    database_url: str,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    """A site that has run for a day, with two delivered inquiries."""
    mail = {"MAIL_PORT": str(relay.port), "MAIL_USE_TLS": "false"}
    site = Site(make_app(DATABASE_URL=database_url, **mail), monkeypatch)
    for number in range(2):
        site.send(message=f"Question {number}")
    mark_delivered(site)
    site.run_jobs(TODAY - timedelta(days=1))
    site.run_jobs(TODAY)
    return site


def test_a_clock_a_year_ahead_erases_nothing_until_it_is_right_again(site: Site) -> None:
    for moment in (TODAY + YEAR, TODAY + YEAR + timedelta(days=1), TODAY + YEAR + YEAR):
        site.run_jobs(moment)
        assert site.states() == ["received", "received"]
        assert "retention_stopped" in site.problems()
        (_, text), *_ = (one for one in site.doctor("outbox") if "Nothing is erased" in one[1])
        assert "2026-07-01 16:00 UTC, is more than three days from the time by the clock" in text
        status = site.run("status").output
        assert "Next retention stopped" in status
        assert "if it is right, run `flask retention run`" in status
    site.run_jobs(TODAY + 2 * MINUTE)
    assert "retention_stopped" not in site.problems()
    age(site, 91)
    site.run_jobs(TODAY + timedelta(days=1))
    assert site.states() == ["erased", "erased"], "the next night is as usual"


def test_a_clock_in_the_past_does_not_stop_retention_when_it_is_right_again(site: Site) -> None:
    site.run_jobs(datetime(1970, 1, 1, 12, tzinfo=UTC))
    assert "retention_stopped" in site.problems()
    age(site, 91)
    site.run_jobs(TODAY + timedelta(days=1))
    assert site.states() == ["erased", "erased"]


def test_a_first_run_by_a_wrong_clock_erases_nothing_and_is_confirmed_later(site: Site) -> None:
    with site.database.session() as session:
        session.execute(sa.text("DELETE FROM scheduled_job WHERE name = 'retention'"))
    site.run_jobs(TODAY + YEAR)
    site.run_jobs(TODAY)
    assert site.states() == ["received", "received"]
    assert "retention_stopped" in site.problems()
    site.says("retention", "run", "--yes")
    assert "retention_stopped" not in site.problems()


def test_a_person_confirms_the_date_after_a_long_stop(site: Site) -> None:
    site.now = TODAY + timedelta(days=100)
    asked = site.run("retention", "run", typed="n\n")
    assert asked.exit_code == 1
    assert "The last run was at 2026-07-01 12:00:00." in asked.output
    assert "Is it 2026-10-09 12:00:00 now? Then 2 inquiries will be erased." in asked.output
    assert site.run("retention", "run").exit_code == 1, "without a terminal"
    assert site.states() == ["received", "received"]
    assert "retention_stopped" in site.problems()
    site.says("retention", "run", typed="y\n")
    assert site.states() == ["erased", "erased"]
    assert "retention_stopped" not in site.problems()
    assert "Is it" not in site.says("retention", "run")


def test_a_mailer_that_stopped_for_a_weekend_erases_as_usual(site: Site) -> None:
    age(site, 91)
    site.run_jobs(TODAY + timedelta(days=2.9))
    assert site.states() == ["erased", "erased"]


def test_digests_go_on_after_a_clock_a_year_ahead(site: Site) -> None:
    before = len(site.digests())
    site.run_jobs(TODAY + YEAR)
    site.run_jobs(TODAY + MINUTE)
    site.now = TODAY + timedelta(hours=1)
    site.send(message="Another question")
    site.run_jobs(TODAY + timedelta(days=1))
    digests = site.digests()
    assert len(digests) >= before + 2
    assert any("Daily summary: 1 message" in digest for digest in digests)


def test_a_gap_recorded_by_a_wrong_clock_is_not_reported_for_a_year(site: Site) -> None:
    site.run_jobs(TODAY + YEAR)  # a mailer that starts sees a gap of a year
    site.run_jobs(TODAY + MINUTE)
    site.now = TODAY + timedelta(hours=2)
    assert "mailer_was_down" not in site.problems()


def test_an_email_queued_by_a_wrong_clock_counts_as_waiting(site: Site, relay: Relay) -> None:
    relay.script = {"rcpt": "451 greylisted"}
    site.now = TODAY + YEAR
    site.send(message="Sent while the clock was wrong")
    site.now = TODAY
    with site.app.app_context():
        assert Mailer(site.database, transport_of(site.app), owner="one").deliver_one()
    site.now = TODAY + timedelta(minutes=16)
    assert "delivery_delayed" in site.problems()


def test_what_was_received_by_a_wrong_clock_is_a_new_inquiry_later(site: Site) -> None:
    site.now = TODAY + YEAR
    site.send(message="Please call me")
    site.now = TODAY
    assert site.send(message="Please call me").status_code == 303
    assert len(site.inquiries()) == 4


def test_an_inquiry_dated_in_the_future_fails_until_it_is_erased(site: Site) -> None:
    site.now = datetime.now(UTC) + YEAR
    site.send(message="Sent while the clock was wrong")
    site.now = datetime.now(UTC)
    ((level, text),) = site.doctor("clock")
    assert level == "failed"
    assert "inquiries dated in the future: 1; the clock is wrong, or was then" in text
    with site.database.session() as session:
        clear_spam_digests(session, site.now)
    newest = site.inquiries()[-1]
    assert (newest.message_digest, newest.network_digest) == (None, None)
    site.says("inquiries", "erase", newest.reference, "--yes")
    ((level, _),) = site.doctor("clock")
    assert level == "ok"


def test_an_acknowledgement_limit_from_the_future_ends(site: Site) -> None:
    for moment in (TODAY + YEAR, TODAY):
        with site.database.session() as session:
            assert acquire_acknowledgement(session, b"address", b"domain", moment)
    with site.database.session() as session:
        assert not acquire_acknowledgement(session, b"address", b"domain", TODAY + MINUTE)
        assert session.scalars(sa.select(AcknowledgementLimit.queued_at)).all() == [TODAY]


def test_a_backup_dated_in_the_future_is_not_recent(site: Site) -> None:
    record_backup(site.database, TODAY + YEAR, every=timedelta(hours=1))
    ((level, _),) = site.doctor("backup")
    assert level == "warning"
    assert "backup" in site.problems()
    assert "Last backup    365 days ago" in site.run("status").output


def test_a_wrong_clock_deletes_no_backup_of_a_replaced_database(site: Site, tmp_path: Path) -> None:
    copy = tmp_path / "before-restore-frontdesk-20260701T000000Z.backup"
    copy.write_bytes(b"")
    site.run_jobs(datetime.now(UTC) + YEAR)
    assert copy.exists()


def test_reminders_that_a_wrong_clock_sent_come_again_when_they_are_due(site: Site) -> None:
    def reminders() -> int:
        count = sa.select(sa.func.count()).where(OutboxMessage.kind == Kind.REMINDER)
        with site.database.read_session() as session:
            return session.scalar(count) or 0

    with site.database.session() as session:
        session.execute(sa.update(Inquiry).values(created_at=TODAY))
    site.run_jobs(TODAY + YEAR)
    early = reminders()
    assert early == 4, "two of each inquiry"
    site.run_jobs(TODAY + MINUTE)
    assert reminders() == early
    site.run_jobs(TODAY + timedelta(days=7))
    site.run_jobs(TODAY + timedelta(days=7) + MINUTE)
    assert reminders() == 2 * early
