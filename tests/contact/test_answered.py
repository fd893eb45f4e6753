"""The link "I have answered this", ``flask inquiries answered``, and what they change."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

from app.contact.answered import LINK_LIFETIME
from app.contact.models import Inquiry
from app.contact.reminders import send_reminders
from app.outbox import queue
from app.outbox.models import Kind, OutboxMessage, Outcome
from app.outbox.results import AttemptResult, record_result
from app.services import get_services
from tests.contact.conftest import Visitor

LINK = re.compile(r"http://\S+(/answered/\S+)")


@pytest.fixture
def desk(visitor_on_sqlite: Visitor) -> Visitor:
    return visitor_on_sqlite


def link(desk: Visitor) -> str:
    """Send an inquiry. Returns the path of the link in its email."""
    desk.send()
    match = LINK.search(desk.mails()[0].text)
    assert match
    return match[1]


def remind(desk: Visitor, age: timedelta | None = None) -> None:
    """Run the job of a mailer, as if the inquiries came so long ago."""
    services = get_services(desk.app)
    if age:
        with desk.database.session() as session:
            session.execute(sa.update(Inquiry).values(created_at=datetime.now(UTC) - age))
    send_reminders(desk.database, services.clinic, services.inquiries.staff_links)


def rows(desk: Visitor) -> list[Any]:
    """Every column of every inquiry and message."""
    with desk.database.read_session() as session:
        return [
            session.execute(sa.select(table.__table__)).all() for table in (Inquiry, OutboxMessage)
        ]


def flask(desk: Visitor, *arguments: str) -> str:
    result = desk.app.test_cli_runner().invoke(args=["inquiries", *arguments])
    return result.output


def test_the_link_shows_the_reference_and_the_button_marks_the_inquiry(visitor: Visitor) -> None:
    path = link(visitor)
    (inquiry,) = visitor.inquiries()
    page = visitor.client.get(path)
    assert (page.status_code, inquiry.reference in page.text) == (200, True)
    assert "I have answered this</button>" in page.text
    assert "Ada" not in page.text
    response = visitor.client.post(path)
    assert (response.status_code, response.headers["Location"]) == (303, path)
    (marked,) = visitor.inquiries()
    assert marked.answered_at
    assert "nothing left to do" in visitor.client.get(path).text
    visitor.client.post(path)
    assert visitor.inquiries()[0].answered_at == marked.answered_at, "the first one counts"


def test_a_thousand_gets_change_nothing(desk: Visitor) -> None:
    path = link(desk)
    before = rows(desk)
    for number in range(1000):
        method = "HEAD" if number % 2 else "GET"
        assert desk.client.open(path, method=method).status_code == 200
    assert rows(desk) == before


def test_the_address_is_kept_out_of_caches_search_engines_and_referrers(desk: Visitor) -> None:
    path = link(desk)
    for address in (path, f"{path}x"):
        page = desk.client.get(address, headers={"Accept-Encoding": "br"})
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Robots-Tag"] == "noindex"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert not {"X-Accel-Expires", "Set-Cookie", "ETag"} & {*page.headers.keys()}


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path[:-1],
        lambda path: path.swapcase().replace("/ANSWERED/", "/answered/"),
        lambda path: path.partition(".")[0],
        lambda path: re.sub(r"(?<=/)\w{3}-", "XXX-", path),
        lambda _path: "/answered/x",
    ],
)
def test_a_mistyped_link_says_so_and_marks_nothing(
    desk: Visitor, change: Callable[[str], str]
) -> None:
    path = change(link(desk))
    for response in (desk.client.get(path), desk.client.post(path)):
        assert response.status_code == 404
        assert "copied without its end" in response.text
    assert desk.inquiries()[0].answered_at is None


def test_a_link_works_for_one_site_only(make_app: Callable[..., Flask], desk: Visitor) -> None:
    path = link(desk)
    other = make_app(SECRET_KEY="another-secret-key-of-32-characters!").test_client()
    assert other.post(path).status_code == 404


def test_an_expired_link_says_what_to_do(desk: Visitor) -> None:
    path = link(desk)
    with time_machine.travel(datetime.now(UTC) + LINK_LIFETIME + timedelta(minutes=1)):
        page = desk.client.get(path)
        assert (page.status_code, "It has expired" in page.text) == (410, True)
        desk.client.post(path)
    assert desk.inquiries()[0].answered_at is None


def test_the_link_of_an_erased_inquiry_says_so(desk: Visitor) -> None:
    path = link(desk)
    flask(desk, "erase", desk.inquiries()[0].reference, "--yes")
    desk.client.post(path)
    page = desk.client.get(path)
    assert (page.status_code, "was erased on" in page.text) == (410, True)
    assert desk.inquiries()[0].answered_at is None


def test_posts_are_limited(make_app: Callable[..., Flask]) -> None:
    client = make_app(RATELIMIT_ENABLED="true").test_client()
    statuses = [client.post("/answered/guess").status_code for _ in range(31)]
    assert statuses == [404] * 30 + [429]


def test_without_database_nothing_is_marked_and_the_page_says_so(
    make_app: Callable[..., Flask], desk: Visitor, tmp_path: Any
) -> None:
    path = link(desk)
    other = make_app(DATABASE_URL=f"sqlite:///{tmp_path}/no-folder/x.db").test_client()
    assert other.get(path).status_code == other.post(path).status_code == 503


def test_the_command_marks_lists_and_undoes(desk: Visitor) -> None:
    link(desk)
    reference = desk.inquiries()[0].reference
    assert reference in flask(desk, "list", "--unanswered")
    assert flask(desk, "answered", reference.lower()) == "answered\n"
    assert "already marked as answered, by " in flask(desk, "answered", reference)
    assert flask(desk, "list", "--unanswered") == "No entries.\n"
    assert "@" in (desk.inquiries()[0].answered_by or "")
    assert flask(desk, "answered", "--undo", reference) == "unanswered\n"
    assert reference in flask(desk, "list", "--unanswered")
    log = flask(desk, "audit-log", reference)
    assert log.index("marked as not answered") < log.index("marked as answered")
    assert "no inquiry" in flask(desk, "answered", "XXX-XXX")


def test_only_what_the_desk_has_got_can_be_answered(desk: Visitor) -> None:
    desk.send(honeypot="spam")
    reference = desk.inquiries()[0].reference
    assert f"{reference} is quarantined" in flask(desk, "answered", reference)
    flask(desk, "erase", reference, "--yes")
    assert f"{reference} is erased" in flask(desk, "answered", reference)


def test_answering_cancels_a_reminder_that_waits(visitor: Visitor) -> None:
    path = link(visitor)
    remind(visitor, age=timedelta(days=30))
    assert _states(visitor) == {"email": ["pending"], "reminder": ["pending"] * 2}
    visitor.client.post(path)
    assert _states(visitor) == {"email": ["pending"], "reminder": ["cancelled"] * 2}
    remind(visitor)
    assert len(_states(visitor)["reminder"]) == 2


def test_undoing_an_answer_sends_the_reminders_that_it_cancelled(visitor: Visitor) -> None:
    path = link(visitor)
    remind(visitor, age=timedelta(days=30))
    visitor.client.post(path)
    assert flask(visitor, "answered", "--undo", path[10:17]) == "unanswered\n"
    assert "is not marked as answered" in flask(visitor, "answered", "--undo", path[10:17])
    remind(visitor)
    assert _states(visitor) == {"email": ["pending"], "reminder": ["pending"] * 2}


def test_answering_ends_a_reminder_whose_mailer_was_killed(visitor: Visitor) -> None:
    path = link(visitor)
    remind(visitor, age=timedelta(days=30))
    with visitor.database.session() as session:
        now = visitor.database.now(session)
        claimed = queue.claim(session, "killed", now, [Kind.REMINDER])
    assert claimed
    visitor.client.post(path)
    assert _states(visitor)["reminder"] == ["cancelled"] * 2
    with visitor.database.session() as session:
        failed = AttemptResult(Outcome.FAILED, 451)
        assert not record_result(session, claimed, failed, now), "it was not killed, only slow"
    assert _states(visitor)["reminder"] == ["cancelled"] * 2


def _states(visitor: Visitor) -> dict[str, list[str]]:
    """The states of the messages, by kind."""
    with visitor.database.read_session() as session:
        states: dict[str, list[str]] = {}
        for kind, state in session.execute(sa.select(OutboxMessage.kind, OutboxMessage.state)):
            states.setdefault(kind, []).append(state)
        return states
