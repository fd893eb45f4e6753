"""Reminders of unanswered inquiries: when, to whom, what they say, and that each is sent once."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.contact.models import Inquiry
from app.contact.reminders import due_reminders, send_reminders
from app.notices.models import Notice
from app.outbox.models import Kind, OutboxMessage, OutgoingEmail
from app.services import get_services
from tests.contact.conftest import GOOD, Visitor

# 10 am at the demo clinic, which is open until 4 pm on Fridays, and from 9 am to 5 pm on Mondays.
FRIDAY = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
HALF = timedelta(hours=3, minutes=30)  # 1:30 pm: 7 opening hours until Monday, 10 am
MONDAY = FRIDAY + timedelta(days=3)
EARLIER = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
FRONT_DESK, MANAGER = "billing@nullharbor.example", "manager@nullharbor.example"


class Desk(Visitor):
    """Receives reminders."""

    def remind(self) -> list[OutgoingEmail]:
        """Run the job of a mailer. Returns all reminders so far."""
        services = get_services(self.app)
        send_reminders(self.database, services.clinic, services.inquiries.staff_links)
        return self.reminders()

    def reminders(self) -> list[OutgoingEmail]:
        query = sa.select(OutboxMessage.encrypted_message).where(
            OutboxMessage.kind == Kind.REMINDER
        )
        with self.database.read_session() as session:
            found = session.scalars(query.order_by(OutboxMessage.created_at)).all()
        decrypt = self.database.keys.decrypt
        return [OutgoingEmail.from_json(decrypt(message or b"")) for message in found]

    def update(self, **values: object) -> None:
        with self.database.session() as session:
            session.execute(sa.update(Inquiry).values(**values))


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(FRIDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def desk(make_app: Callable[..., Flask], clock: time_machine.Traveller) -> Desk:  # noqa: ARG001
    desk = Desk(make_app(RATELIMIT_ENABLED="false"))
    desk.send()
    return desk


@pytest.fixture
def on_both(make_app: Callable[..., Flask], database_url: str) -> Desk:
    """An inquiry of which both reminders are due, on SQLite and PostgreSQL."""
    desk = Desk(make_app(DATABASE_URL=database_url, RATELIMIT_ENABLED="false"))
    desk.send()
    desk.update(created_at=EARLIER)
    return desk


def recipients(emails: list[OutgoingEmail]) -> list[str]:
    return [email.recipient for email in emails]


def test_half_of_the_time_reminds_the_desk_and_its_end_the_manager(
    desk: Desk, clock: time_machine.Traveller
) -> None:
    clock.move_to(FRIDAY + HALF - timedelta(minutes=1))
    assert desk.remind() == []
    clock.shift(timedelta(minutes=1))
    assert recipients(desk.remind()) == [FRONT_DESK]
    clock.move_to(MONDAY - timedelta(minutes=1))
    assert recipients(desk.remind()) == [FRONT_DESK]
    clock.shift(timedelta(minutes=1))
    assert recipients(desk.remind()) == [FRONT_DESK, MANAGER]
    clock.shift(timedelta(days=30))
    assert recipients(desk.remind()) == [FRONT_DESK, MANAGER]


def test_a_reminder_says_the_reference_and_the_time_and_nothing_else(
    desk: Desk, clock: time_machine.Traveller
) -> None:
    clock.move_to(MONDAY)
    reference = desk.inquiries()[0].reference
    for email in desk.remind():
        assert f"[{reference}]" in email.subject
        assert "7 opening hours, since Friday, November 27, 2026, 10:00 AM EST" in email.text
        assert f"/answered/{reference}." in email.text
        shown = f"{email.subject}{email.text}{email.html}"
        typed = ("Ada", "ada@example.com", "checks", "Billing", "Quay")
        assert [word for word in typed if word in shown] == []
        assert email.reply_to is None


def test_each_reminder_is_queued_once_by_any_number_of_mailers(on_both: Desk) -> None:
    threads = [Thread(target=on_both.remind) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(recipients(on_both.reminders())) == [FRONT_DESK, MANAGER]
    assert len(on_both.remind()) == 2


def test_a_mailer_that_dies_before_the_commit_leaves_the_reminder_to_another(
    on_both: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("app.contact.reminders.enqueue", _die)
        with pytest.raises(SystemExit):
            on_both.remind()
    assert on_both.inquiries()[0].reminded_at is None
    assert len(on_both.remind()) == 2


def _die(*_args: object, **_options: object) -> None:
    raise SystemExit


@pytest.mark.parametrize("state", ["quarantined", "erased", "answered"])
def test_none_for_an_inquiry_that_nobody_should_answer(on_both: Desk, state: str) -> None:
    if state == "answered":
        on_both.update(answered_at=EARLIER)
    else:
        erased = {"encrypted_content": None} if state == "erased" else {}
        on_both.update(state=state, **erased)
    assert on_both.remind() == []


def test_none_if_it_is_erased_while_the_reminder_is_due(on_both: Desk) -> None:
    services = get_services(on_both.app)
    with on_both.database.read_session() as session:
        assert len(due_reminders(session, services.clinic, on_both.database.now(session))) == 2
    reference = on_both.inquiries()[0].reference
    on_both.remind()
    on_both.app.test_cli_runner().invoke(args=["inquiries", "erase", reference, "--yes"])
    with on_both.database.read_session() as session:
        assert set(session.scalars(sa.select(OutboxMessage.state))) == {"cancelled"}
    assert len(on_both.inquiries()) == 1


def test_after_a_release_the_time_begins_anew(
    make_app: Callable[..., Flask], clock: time_machine.Traveller
) -> None:
    desk = Desk(make_app(RATELIMIT_ENABLED="false"))
    desk.send(honeypot="spam")
    clock.move_to(MONDAY)
    reference = desk.inquiries()[0].reference
    desk.app.test_cli_runner().invoke(args=["inquiries", "release", reference, "--yes"])
    assert desk.remind() == []
    clock.shift(timedelta(hours=4))
    assert recipients(desk.remind()) == [FRONT_DESK]


def test_a_closure_delays_the_reminder(desk: Desk, clock: time_machine.Traveller) -> None:
    closed = Notice(
        text="Snow",
        starts_at=FRIDAY + timedelta(days=2),
        closed_from=FRIDAY + timedelta(days=2),
        ends_at=MONDAY + timedelta(hours=14),  # at midnight
    )
    with desk.database.session() as session:
        session.add(closed)
    clock.move_to(MONDAY)
    assert recipients(desk.remind()) == [FRONT_DESK]
    clock.move_to(MONDAY + timedelta(days=1))
    assert recipients(desk.remind()) == [FRONT_DESK, MANAGER]


def test_a_clock_that_is_an_hour_ahead_sends_each_reminder_once(
    desk: Desk, clock: time_machine.Traveller
) -> None:
    clock.move_to(MONDAY + timedelta(hours=1))
    assert len(desk.remind()) == 2
    clock.move_to(MONDAY)
    assert len(desk.remind()) == 2


def test_reminders_of_a_clock_that_is_a_year_ahead_come_again_when_they_are_due(
    desk: Desk, clock: time_machine.Traveller
) -> None:
    clock.move_to(FRIDAY + timedelta(days=365))
    assert len(desk.remind()) == 2
    clock.move_to(FRIDAY)
    assert len(desk.remind()) == 2
    clock.move_to(FRIDAY - timedelta(days=365))
    desk.send(message="Written while the clock was a year late")
    assert len(desk.remind()) == 2
    clock.move_to(MONDAY)
    assert len(desk.remind()) == 2 + 4


def test_mailboxes_of_the_location(make_app: Callable[..., Flask]) -> None:
    clinic = get_services(make_app()).clinic
    quay, hill = clinic.locations
    hill = hill.model_copy(update={"mailboxes": ("hill@n.example", "Billing@nullharbor.example")})
    only = hill.model_copy(update={"replace_topic_mailboxes": True})
    added = clinic.model_copy(update={"locations": (quay, hill)})
    assert added.mailboxes("billing", "quay") == (FRONT_DESK,)
    assert len(added.mailboxes("billing", "hill")) == 2, "the same mailbox once"
    instead = clinic.model_copy(update={"locations": (quay, only)})
    assert instead.mailboxes("billing", "hill") == hill.mailboxes
    assert GOOD["location"] == "quay"
